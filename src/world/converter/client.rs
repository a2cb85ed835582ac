//! A Converter server that we are logged in to: asks it, and logs in again when the session ends.

use super::fault::Fault;
use super::names::{ACTION, COOKIE as SESSION, PATH};
use super::reading;
use super::trouble::Trouble;
use super::wire::{self, Call, Parts, Repeat};
use crate::model::converter::{ConverterAccess, ConverterTrust};
use crate::world::secret;
use crate::world::soap::session::{Cookie, Session, State};
use crate::world::soap::transport::{self, Answer, Lost};
use crate::world::soap::{Element, Moref, Trust, Unreadable};
use reqwest::header::{CONTENT_TYPE, COOKIE};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::Mutex;

/// How long we wait before what was lost is asked again.
const PAUSE: Duration = Duration::from_millis(500);

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

/// A Converter server.
pub(super) struct Client {
    access: ConverterAccess,
    /// Where references to secrets begin.
    pub(super) root: PathBuf,
    /// Its name in messages.
    pub(super) server: String,
    http: reqwest::Client,
    answer: Duration,
    pub(super) parts: Parts,
    session: Mutex<Session>,
}

impl Client {
    /// Connects and logs in.
    pub(super) async fn connect(access: &ConverterAccess, root: &Path, limits: Deadlines) -> Result<Self, Trouble> {
        let server = transport::authority(&access.host, access.port);
        let trust = match &access.trust {
            ConverterTrust::Authority(path) => Trust::Ca(path.clone()),
            ConverterTrust::Certificate(digest) => Trust::Thumbprint(digest.clone()),
        };
        let http = transport::client(&server, &trust, root, limits.connect)
            .map_err(|no| Trouble::Trust { server: no.server, what: no.what })?;
        let place = Place { server: &server, http: &http, answer: limits.answer };
        let doing = "say what it is";
        let content = reading::one(place.ask(&wire::content(), None, doing).await?);
        let parts = content.and_then(|content| Parts::read(&content));
        let parts = parts.map_err(|error| Trouble::answer(&server, doing, &error))?;
        let session = Mutex::new(Session { generation: 0, state: State::Out });
        let (access, root) = (access.clone(), root.to_owned());
        let client = Self { access, root, server, http, answer: limits.answer, parts, session };
        client.cookie().await?;
        tracing::debug!(server = client.server, about = client.parts.about, "logged in to Converter");
        Ok(client)
    }

    /// Ends the session.
    pub(super) async fn log_out(&self) {
        let mut session = self.session.lock().await;
        if let State::In(cookie) = std::mem::replace(&mut session.state, State::Out) {
            let call = wire::logout(&self.parts.sessions);
            if let Err(error) = self.place().ask(&call, Some(&cookie), "log out").await {
                tracing::debug!(server = self.server, %error, "the session ends by itself");
            }
        }
    }

    fn place(&self) -> Place<'_> {
        Place { server: &self.server, http: &self.http, answer: self.answer }
    }

    /// Asks; logs in again if the session has ended, and repeats what may be repeated, once.
    pub(super) async fn call(&self, call: &Call, doing: &str) -> Result<Vec<Element>, Trouble> {
        let (mut renewed, mut asked_again) = (false, false);
        loop {
            let (generation, cookie) = self.cookie().await?;
            match self.place().ask(call, Some(&cookie), doing).await {
                Err(error @ Trouble::Fault { fault: Fault::NotAuthenticated, .. }) => {
                    self.ended(generation).await;
                    if renewed || call.repeat == Repeat::OfSession {
                        return Err(error);
                    }
                    tracing::debug!(server = self.server, "the session has ended; logging in again");
                    renewed = true;
                }
                Err(error) if !asked_again && may_ask_again(call, &error) => {
                    tracing::debug!(server = self.server, %error, "asking again");
                    asked_again = true;
                    tokio::time::sleep(PAUSE).await;
                }
                told => return told,
            }
        }
    }

    /// The one thing that a call gives back, read.
    pub(super) async fn read<T>(
        &self,
        call: &Call,
        doing: &str,
        read: impl FnOnce(&Element) -> Result<T, Unreadable>,
    ) -> Result<T, Trouble> {
        let returned = reading::one(self.call(call, doing).await?);
        let told = returned.and_then(|one| read(&one));
        told.map_err(|error| Trouble::answer(&self.server, doing, &error))
    }

    /// The object that a call gives back.
    pub(super) async fn object(&self, call: &Call, doing: &str) -> Result<Moref, Trouble> {
        self.read(call, doing, |one| one.moref().ok_or(Unreadable::Missing("reference"))).await
    }

    /// The session `generation` has ended; a later one is left alone.
    async fn ended(&self, generation: u64) {
        let mut session = self.session.lock().await;
        if session.generation == generation && matches!(session.state, State::In(_)) {
            session.state = State::Out;
        }
    }

    /// The session's cookie; logs in where there is none.
    async fn cookie(&self) -> Result<(u64, Cookie), Trouble> {
        let mut session = self.session.lock().await;
        match &session.state {
            State::In(cookie) => return Ok((session.generation, cookie.clone())),
            State::Refused => return Err(self.refused()),
            State::Out => {}
        }
        let logged_in = self.log_in().await;
        if matches!(logged_in, Err(Trouble::Login { .. })) {
            session.state = State::Refused;
        }
        let cookie = logged_in?;
        session.generation += 1;
        session.state = State::In(cookie.clone());
        Ok((session.generation, cookie))
    }

    fn refused(&self) -> Trouble {
        Trouble::Login { server: self.server.clone(), user: self.access.user.clone() }
    }

    async fn log_in(&self) -> Result<Cookie, Trouble> {
        let doing = "log in";
        let unreadable = |error: secret::Unreadable| Trouble::Secret {
            server: self.server.clone(),
            what: error.what,
            source: error.source,
        };
        let password = secret::password(&self.access.password, &self.root).map_err(unreadable)?;
        let call = wire::login(&self.parts.sessions, &self.access.user, &password);
        let (answer, told) = self.place().exchange(&call, None, doing).await?;
        match told {
            Err(Trouble::Fault { fault: Fault::InvalidLogin { .. }, .. }) => return Err(self.refused()),
            told => told?,
        };
        let (server, doing, what) = (self.server.clone(), doing.to_owned(), "it has no session".to_owned());
        Cookie::read(&answer.cookies, SESSION).ok_or(Trouble::Answer { server, doing, what })
    }
}

/// Whether what failed may be asked once more, with the same session.
fn may_ask_again(call: &Call, error: &Trouble) -> bool {
    match error {
        Trouble::Unreachable { may_be_done, .. } => call.repeat == Repeat::Read || !may_be_done,
        Trouble::Status { .. } => call.repeat == Repeat::Read && error.is_transient(),
        _ => false,
    }
}

/// Where requests go.
struct Place<'a> {
    server: &'a str,
    http: &'a reqwest::Client,
    answer: Duration,
}

impl Place<'_> {
    async fn ask(&self, call: &Call, cookie: Option<&Cookie>, doing: &str) -> Result<Vec<Element>, Trouble> {
        self.exchange(call, cookie, doing).await?.1
    }

    /// Sends a call: the answer as HTTP, and what it says.
    async fn exchange(
        &self,
        call: &Call,
        cookie: Option<&Cookie>,
        doing: &str,
    ) -> Result<(Answer, Result<Vec<Element>, Trouble>), Trouble> {
        tracing::trace!(server = self.server, method = call.method, "asking");
        let mut request = self.http.post(format!("https://{}{PATH}", self.server));
        request = request.header(CONTENT_TYPE, "text/xml; charset=utf-8").header("SOAPAction", ACTION);
        if let Some(header) = cookie.and_then(Cookie::header) {
            request = request.header(COOKIE, header);
        }
        let answer = transport::ask(request.body(call.envelope()), self.answer).await;
        let may_be_done = call.repeat == Repeat::Change;
        let mut answer = answer.map_err(|lost| self.lost(lost, doing, may_be_done))?;
        let told = self.told(answer.status, &std::mem::take(&mut answer.body), doing);
        Ok((answer, told))
    }

    fn told(&self, status: u16, body: &[u8], doing: &str) -> Result<Vec<Element>, Trouble> {
        let (server, doing) = (self.server.to_owned(), doing.to_owned());
        // A fault comes with the status 500; anything else is not from the service itself.
        if status != 200 && status != 500 {
            return Err(Trouble::Status { server, doing, status });
        }
        let envelope = match Element::read(body) {
            Ok(envelope) => envelope,
            Err(_) if status == 500 => return Err(Trouble::Status { server, doing, status }),
            Err(error) => return Err(Trouble::answer(&server, &doing, &error)),
        };
        match Fault::of_answer(&envelope) {
            Some(fault) => Err(Trouble::Fault { server, doing, fault }),
            None => reading::returned(envelope).map_err(|error| Trouble::answer(&server, &doing, &error)),
        }
    }

    fn lost(&self, lost: Lost, doing: &str, may_be_done: bool) -> Trouble {
        let (server, doing) = (self.server.to_owned(), doing.to_owned());
        match lost {
            Lost::Certificate(shown) => Trouble::Certificate { server, shown },
            Lost::NotSent(source) => Trouble::Unreachable { server, doing, may_be_done: false, source },
            Lost::Sent(source) => Trouble::Unreachable { server, doing, may_be_done, source },
            Lost::TooLarge => Trouble::Answer { server, doing, what: "it is too large".to_owned() },
            Lost::Late => Trouble::Deadline { server, doing, seconds: self.answer.as_secs(), may_be_done },
        }
    }
}
