//! A Converter server that we are logged in to.

use super::fault::Fault;
use super::names::{ACTION, COOKIE, NAMESPACE, PATH};
use super::trouble::Trouble;
use super::wire::{self, Parts};
use crate::model::converter::{ConverterAccess, ConverterTrust};
use crate::world::soap::{self, Account, Call, Element, Moref, Server, Service, Trust, Unreadable, answer};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// TCP connection and TLS.
    pub connect: Duration,
    /// An answer, from the request on. Converter answers some only after it asked the source.
    pub answer: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { connect: Duration::from_secs(15), answer: Duration::from_secs(300) }
    }
}

/// The API of Converter.
struct Standalone;

impl Service for Standalone {
    type Fault = Fault;
    const PATH: &'static str = PATH;
    const NAMESPACE: &'static str = NAMESPACE;
    const ACTION: &'static str = ACTION;
    const COOKIE: &'static str = COOKIE;

    fn fault(envelope: &Element) -> Option<Fault> {
        Fault::of_answer(envelope)
    }

    fn is_ended(fault: &Fault) -> bool {
        matches!(fault, Fault::NotAuthenticated)
    }

    fn is_refusal(fault: &Fault) -> bool {
        matches!(fault, Fault::InvalidLogin { .. })
    }

    fn login(sessions: &Moref, user: &str, password: &str) -> Call {
        wire::login(sessions, user, password)
    }

    fn logout(sessions: &Moref) -> Call {
        wire::logout(sessions)
    }
}

/// A Converter server.
pub(super) struct Client {
    soap: soap::Client<Standalone>,
    /// Where references to secrets begin.
    pub(super) root: PathBuf,
    pub(super) parts: Parts,
}

impl Client {
    /// Connects and logs in.
    pub(super) async fn connect(access: &ConverterAccess, root: &Path, limits: Deadlines) -> Result<Self, Trouble> {
        let trust = match &access.trust {
            ConverterTrust::Authority(path) => Trust::Ca(path.clone()),
            ConverterTrust::Certificate(digest) => Trust::Thumbprint(digest.clone()),
        };
        let place = (access.host.as_str(), access.port);
        let server = Server::<Standalone>::new(place, &trust, root, (limits.connect, limits.answer))?;
        let doing = "say what it is";
        let content = answer::one(server.ask(&wire::content(), doing).await?);
        let parts = content.and_then(|content| Parts::read(&content));
        let parts = parts.map_err(|error| Trouble::answer(&server.name, doing, &error))?;
        let (user, password, root) = (access.user.clone(), access.password.clone(), root.to_owned());
        let account = Account { user, password, root: root.clone() };
        let soap = soap::Client::log_in_to(server, account, parts.sessions.clone()).await?;
        let client = Self { soap, root, parts };
        tracing::debug!(server = client.server(), about = client.parts.about, "logged in to Converter");
        Ok(client)
    }

    /// Its name in messages.
    pub(super) fn server(&self) -> &str {
        &self.soap.server.name
    }

    /// Ends the session.
    pub(super) async fn log_out(&self) {
        self.soap.log_out().await;
    }

    /// Asks; logs in again if the session has ended, and repeats what may be repeated, once.
    pub(super) async fn call(&self, call: &Call, doing: &str) -> Result<Vec<Element>, Trouble> {
        Ok(self.soap.call(call, doing).await?)
    }

    /// The one thing that a call gives back, read.
    pub(super) async fn read<T>(
        &self,
        call: &Call,
        doing: &str,
        read: impl FnOnce(&Element) -> Result<T, Unreadable>,
    ) -> Result<T, Trouble> {
        let returned = answer::one(self.call(call, doing).await?);
        let told = returned.and_then(|one| read(&one));
        told.map_err(|error| Trouble::answer(self.server(), doing, &error))
    }

    /// The object that a call gives back.
    pub(super) async fn object(&self, call: &Call, doing: &str) -> Result<Moref, Trouble> {
        self.read(call, doing, |one| one.moref().ok_or(Unreadable::Missing("reference"))).await
    }
}
