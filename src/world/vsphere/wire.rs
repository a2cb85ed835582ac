//! What goes over the wire: every name of the vSphere API is in this folder and in no other.
//!
//! Elements come in the order of the schema, which a real vCenter insists on.

pub(super) mod calls;
pub(super) mod hosts;
pub(super) mod machines;
pub(super) mod names;

pub use crate::world::soap::Moref;
pub(super) use crate::world::soap::Xml;

/// What may be done with a call whose answer did not come, or was "not authenticated".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It changes nothing: always.
    Read,
    /// Refused before it began, it may be repeated; lost on the way, it may have been done.
    Change,
    /// It names what ended with the session.
    OfSession,
}

/// A call of a method. Without `Debug`: one of them carries the password.
pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) repeat: Repeat,
    body: String,
}

impl Call {
    /// `method` of `this`, with what `arguments` writes.
    pub(super) fn new(repeat: Repeat, this: &Moref, method: &'static str, arguments: impl FnOnce(&mut Xml)) -> Self {
        let mut xml = Xml::default();
        xml.object("_this", this);
        arguments(&mut xml);
        Self { method, repeat, body: xml.into_text() }
    }

    /// The message.
    pub(super) fn envelope(&self) -> String {
        let (method, body) = (self.method, &self.body);
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soapenv:Envelope \
             xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"><soapenv:Body><{method} xmlns=\"urn:vim25\">{body}\
             </{method}></soapenv:Body></soapenv:Envelope>"
        )
    }
}
