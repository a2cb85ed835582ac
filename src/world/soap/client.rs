//! A service that we are logged in to: asks it, and logs in again when the session ends.

use super::answer::returned;
use super::call::{Call, Repeat};
use super::failed::{Failed, Why};
use super::session::{Cookie, Session, State};
use super::transport::{self, Answer};
use super::{Element, Moref, Trust};
use crate::model::secret::SecretRef;
use crate::world::secret;
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderValue};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::Mutex;

/// How long we wait before what was lost is asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// What one kind of service has of its own.
pub(in crate::world) trait Service {
    /// What it says when it does not do something.
    type Fault: std::fmt::Display;
    /// Where it is on its server.
    const PATH: &'static str;
    /// The namespace of its methods.
    const NAMESPACE: &'static str;
    /// The header that names the version that is spoken.
    const ACTION: &'static str;
    /// What a session calls itself by; its value is a secret.
    const COOKIE: &'static str;

    /// The fault in an answer, if it is one.
    fn fault(envelope: &Element) -> Option<Self::Fault>;
    /// Whether it says that the session has ended.
    fn is_ended(fault: &Self::Fault) -> bool;
    /// Whether it refuses the account or its password.
    fn is_refusal(fault: &Self::Fault) -> bool;
    /// The call that logs in.
    fn login(sessions: &Moref, user: &str, password: &str) -> Call;
    /// The call that logs out.
    fn logout(sessions: &Moref) -> Call;
}

type Told<S> = Result<Vec<Element>, Failed<<S as Service>::Fault>>;

/// A server, before anybody logs in.
pub(in crate::world) struct Server<S> {
    /// Its name in messages and in URLs.
    pub(in crate::world) name: String,
    pub(in crate::world) http: reqwest::Client,
    answer: Duration,
    service: std::marker::PhantomData<S>,
}

/// Who logs in; the password is a reference, read where it is used.
pub(in crate::world) struct Account {
    pub(in crate::world) user: String,
    pub(in crate::world) password: SecretRef,
    /// Where references to secrets begin.
    pub(in crate::world) root: PathBuf,
}

/// A server that we are logged in to.
pub(in crate::world) struct Client<S> {
    pub(in crate::world) server: Server<S>,
    account: Account,
    sessions: Moref,
    session: Mutex<Session>,
}

impl<S: Service> Server<S> {
    /// A server that is known by `trust`; nothing is sent yet. `answer` is how long it may take to answer.
    pub(in crate::world) fn new(
        (host, port): (&str, u16),
        trust: &Trust,
        root: &Path,
        (connect, answer): (Duration, Duration),
    ) -> Result<Self, Failed<S::Fault>> {
        let name = transport::authority(host, port);
        let http = transport::client(&name, trust, root, connect)?;
        Ok(Self { name, http, answer, service: std::marker::PhantomData })
    }

    /// Asks without a session.
    pub(in crate::world) async fn ask(&self, call: &Call, doing: &str) -> Told<S> {
        self.exchange(call, None, doing).await?.1
    }

    /// Sends a call: the answer as HTTP, and what it says.
    async fn exchange(
        &self,
        call: &Call,
        cookie: Option<&Cookie>,
        doing: &str,
    ) -> Result<(Answer, Told<S>), Failed<S::Fault>> {
        tracing::trace!(server = self.name, method = call.method, "asking");
        let mut request = self.http.post(format!("https://{}{}", self.name, S::PATH));
        request = request.header(CONTENT_TYPE, "text/xml; charset=utf-8").header("SOAPAction", S::ACTION);
        if let Some(header) = cookie.and_then(Cookie::header) {
            request = request.header(COOKIE, header);
        }
        let answer = transport::ask(request.body(call.envelope(S::NAMESPACE)), self.answer).await;
        let may_be_done = call.repeat == Repeat::Change;
        let mut answer = answer.map_err(|lost| Failed::lost(&self.name, doing, lost, may_be_done, self.answer))?;
        let told = self.told(answer.status, &std::mem::take(&mut answer.body));
        Ok((answer, told.map_err(|why| Failed::new(&self.name, doing, why))))
    }

    fn told(&self, status: u16, body: &[u8]) -> Result<Vec<Element>, Why<S::Fault>> {
        // A fault comes with the status 500; anything else is not from the service itself.
        if status != 200 && status != 500 {
            return Err(Why::Status(status));
        }
        let envelope = match Element::read(body) {
            Ok(envelope) => envelope,
            Err(_) if status == 500 => return Err(Why::Status(status)),
            Err(error) => return Err(Why::Answer(error.to_string())),
        };
        match S::fault(&envelope) {
            Some(fault) => Err(Why::Fault(fault)),
            None => returned(envelope).map_err(|error| Why::Answer(error.to_string())),
        }
    }
}

impl<S: Service> Client<S> {
    /// Logs in; `sessions` is what does that on the server.
    pub(in crate::world) async fn log_in_to(
        server: Server<S>,
        account: Account,
        sessions: Moref,
    ) -> Result<Self, Failed<S::Fault>> {
        let session = Mutex::new(Session { generation: 0, state: State::Out });
        let client = Self { server, account, sessions, session };
        client.cookie().await?;
        Ok(client)
    }

    /// Ends the session. What has not ended by then is not waited for.
    pub(in crate::world) async fn log_out(&self) {
        let mut session = self.session.lock().await;
        if let State::In(cookie) = std::mem::replace(&mut session.state, State::Out) {
            let call = S::logout(&self.sessions);
            let told = self.server.exchange(&call, Some(&cookie), "log out").await.and_then(|(_, told)| told);
            if let Err(failed) = told {
                tracing::debug!(server = failed.server, why = %failed.why, "the session ends by itself");
            }
        }
    }

    /// Asks; logs in again if the session has ended, and repeats what may be repeated, once.
    pub(in crate::world) async fn call(&self, call: &Call, doing: &str) -> Told<S> {
        let (mut renewed, mut asked_again) = (false, false);
        loop {
            let (generation, cookie) = self.cookie().await?;
            let told = self.server.exchange(call, Some(&cookie), doing).await.and_then(|(_, told)| told);
            match told {
                Err(Failed { why: Why::Fault(fault), server, doing }) if S::is_ended(&fault) => {
                    self.ended(generation).await;
                    if renewed || call.repeat == Repeat::OfSession {
                        return Err(Failed { why: Why::Fault(fault), server, doing });
                    }
                    tracing::debug!(server, "the session has ended; logging in again");
                    renewed = true;
                }
                Err(failed) if !asked_again && may_ask_again(call, &failed.why) => {
                    tracing::debug!(server = failed.server, why = %failed.why, "asking again");
                    asked_again = true;
                    tokio::time::sleep(PAUSE).await;
                }
                told => return told,
            }
        }
    }

    /// The session as a header for a request outside SOAP, and which one it is.
    pub(in crate::world) async fn header(&self) -> Result<(u64, HeaderValue), Failed<S::Fault>> {
        let (generation, cookie) = self.cookie().await?;
        let broken = || Failed::new(&self.server.name, LOG_IN, Why::Answer("its session is no header".to_owned()));
        Ok((generation, cookie.header().ok_or_else(broken)?))
    }

    /// The session `generation` has ended; a later one is left alone.
    pub(in crate::world) async fn ended(&self, generation: u64) {
        let mut session = self.session.lock().await;
        if session.generation == generation && matches!(session.state, State::In(_)) {
            session.state = State::Out;
        }
    }

    /// The session's cookie; logs in where there is none.
    async fn cookie(&self) -> Result<(u64, Cookie), Failed<S::Fault>> {
        let mut session = self.session.lock().await;
        match &session.state {
            State::In(cookie) => return Ok((session.generation, cookie.clone())),
            State::Refused => return Err(self.failed(Why::Login(self.account.user.clone()))),
            State::Out => {}
        }
        let logged_in = self.log_in().await;
        if matches!(logged_in, Err(Failed { why: Why::Login(_), .. })) {
            session.state = State::Refused;
        }
        let cookie = logged_in?;
        session.generation += 1;
        session.state = State::In(cookie.clone());
        Ok((session.generation, cookie))
    }

    async fn log_in(&self) -> Result<Cookie, Failed<S::Fault>> {
        let Account { user, password, root } = &self.account;
        let password = secret::password(password, root).map_err(|error| self.failed(Why::Secret(error)))?;
        let call = S::login(&self.sessions, user, &password);
        let (answer, told) = self.server.exchange(&call, None, LOG_IN).await?;
        match told {
            Err(Failed { why: Why::Fault(fault), .. }) if S::is_refusal(&fault) => {
                return Err(self.failed(Why::Login(user.clone())));
            }
            told => told?,
        };
        let none = || self.failed(Why::Answer("it has no session".to_owned()));
        Cookie::read(&answer.cookies, S::COOKIE).ok_or_else(none)
    }

    /// The login failed.
    fn failed(&self, why: Why<S::Fault>) -> Failed<S::Fault> {
        Failed::new(&self.server.name, LOG_IN, why)
    }
}

const LOG_IN: &str = "log in";

/// Whether what failed may be asked once more, with the same session.
fn may_ask_again<F>(call: &Call, why: &Why<F>) -> bool {
    match why {
        Why::Unreachable { may_be_done, .. } => call.repeat == Repeat::Read || !may_be_done,
        Why::Status(status) => call.repeat == Repeat::Read && transport::is_busy(*status),
        _ => false,
    }
}
