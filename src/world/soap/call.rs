//! A call of a method, as the text that is sent.

use super::{Moref, Xml};

/// What may be done with a call whose answer did not come, or was "not authenticated".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::world) enum Repeat {
    /// It changes nothing: always.
    Read,
    /// Refused before it began, it may be repeated; lost on the way, it may have been done.
    Change,
    /// It names what ended with the session.
    OfSession,
}

/// A call of a method. Without `Debug`: some carry passwords.
pub(in crate::world) struct Call {
    pub(in crate::world) method: &'static str,
    pub(in crate::world) repeat: Repeat,
    body: String,
}

impl Call {
    /// `method` of `this`, with what `arguments` writes.
    pub(in crate::world) fn new(
        repeat: Repeat,
        this: &Moref,
        method: &'static str,
        arguments: impl FnOnce(&mut Xml),
    ) -> Self {
        let mut xml = Xml::default();
        xml.object("_this", this);
        arguments(&mut xml);
        Self { method, repeat, body: xml.into_text() }
    }

    /// The message, with the method in `namespace`.
    pub(super) fn envelope(&self, namespace: &str) -> String {
        let (method, body) = (self.method, &self.body);
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soapenv:Envelope \
             xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"><soapenv:Body><{method} xmlns=\"{namespace}\">{body}\
             </{method}></soapenv:Body></soapenv:Envelope>"
        )
    }
}
