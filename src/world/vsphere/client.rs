//! A vCenter that we are logged in to: asks it, and logs in again when the session ends.

use super::reading::answer::{self, ServiceContent};
use super::reading::{Element, Fault};
use super::transport::{self, Answer, Deadlines, Lost, VcenterAccess};
use super::trouble::Trouble;
use super::wire::calls::{self, ACTION, COOKIE as SESSION};
use super::wire::{Call, Moref, Repeat};
use crate::world::secret;
use crate::world::soap::session::{Cookie, Session, State};
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_TYPE, COOKIE};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long we wait before what was lost is asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// A vCenter that we are logged in to. A copy is the same session.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    access: VcenterAccess,
    /// Where references to secrets begin.
    root: PathBuf,
    /// Its name in messages.
    server: String,
    http: reqwest::Client,
    deadlines: Deadlines,
    content: ServiceContent,
    session: Mutex<Session>,
}

/// Says nothing of the session.
impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("server", &self.inner.server).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects and logs in; `root` is where references to secrets and files begin.
    ///
    /// # Errors
    /// It is not there, not the one we know, of no known version, or refuses the login.
    pub async fn connect(access: &VcenterAccess, root: &Path, deadlines: Deadlines) -> Result<Self, Trouble> {
        let server = transport::authority(&access.host, access.port);
        let http = transport::client(&server, &access.trust, root, &deadlines)?;
        let place = Place { server: &server, access, http: &http, deadlines: &deadlines };
        let doing = "say what it is";
        let returned = place.ask(&calls::service_content(), None, doing).await?;
        let content = answer::one(returned).and_then(|content| ServiceContent::read(&content));
        let content = content.map_err(|error| Trouble::answer(&server, doing, &error))?;
        if content.kind != "VirtualCenter" || !content.is_known() {
            let what = format!("`{}` with version `{}` of the API", content.full_name, content.version);
            return Err(Trouble::Version { server, what });
        }
        let session = Mutex::new(Session { generation: 0, state: State::Out });
        let (access, root) = (access.clone(), root.to_owned());
        let client = Self { inner: Arc::new(Inner { access, root, server, http, deadlines, content, session }) };
        client.cookie().await?;
        tracing::debug!(server = client.server(), version = client.version(), "logged in to vSphere");
        Ok(client)
    }

    /// Its name in messages.
    pub fn server(&self) -> &str {
        &self.inner.server
    }

    /// The version of its API, such as `7.0`.
    pub fn version(&self) -> &str {
        &self.inner.content.version
    }

    /// Ends the session. What has not ended by then is not waited for.
    pub async fn log_out(&self) {
        let mut session = self.inner.session.lock().await;
        if let State::In(cookie) = std::mem::replace(&mut session.state, State::Out) {
            let call = calls::logout(&self.content().sessions);
            if let Err(error) = self.place().ask(&call, Some(&cookie), "log out").await {
                tracing::debug!(server = self.server(), %error, "the session ends by itself");
            }
        }
    }

    pub(super) fn content(&self) -> &ServiceContent {
        &self.inner.content
    }

    pub(super) fn deadlines(&self) -> &Deadlines {
        &self.inner.deadlines
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.inner.http
    }

    /// Where a file or a service of the vCenter is.
    pub(super) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.server())
    }

    fn place(&self) -> Place<'_> {
        let inner = &*self.inner;
        Place { server: &inner.server, access: &inner.access, http: &inner.http, deadlines: &inner.deadlines }
    }

    /// Asks; logs in again if the session has ended, and repeats what may be repeated, once.
    pub(super) async fn call(&self, call: &Call, doing: &str) -> Result<Vec<Element>, Trouble> {
        let (mut renewed, mut asked_again) = (false, false);
        loop {
            let (generation, cookie) = self.cookie().await?;
            match self.place().ask(call, Some(&cookie), doing).await {
                Err(Trouble::Fault { fault: Fault::NotAuthenticated, .. })
                    if !renewed && call.repeat != Repeat::OfSession =>
                {
                    tracing::debug!(server = self.server(), "the session has ended; logging in again");
                    self.ended(generation).await;
                    renewed = true;
                }
                Err(error @ Trouble::Fault { fault: Fault::NotAuthenticated, .. }) => {
                    self.ended(generation).await;
                    return Err(error);
                }
                Err(error) if !asked_again && may_ask_again(call, &error) => {
                    tracing::debug!(server = self.server(), %error, "asking again");
                    asked_again = true;
                    tokio::time::sleep(PAUSE).await;
                }
                told => return told,
            }
        }
    }

    /// The one object that a call gives back.
    pub(super) async fn call_object(&self, call: &Call, doing: &str) -> Result<Moref, Trouble> {
        self.read(answer::object(self.call(call, doing).await?), doing)
    }

    pub(super) fn read<T>(&self, read: Result<T, super::reading::Unreadable>, doing: &str) -> Result<T, Trouble> {
        read.map_err(|error| Trouble::answer(self.server(), doing, &error))
    }

    /// A request outside SOAP that needs the session: made again once if the session has ended.
    pub(super) async fn with_session(
        &self,
        doing: &str,
        limit: Duration,
        request: impl Fn(reqwest::header::HeaderValue) -> Result<RequestBuilder, Trouble>,
    ) -> Result<Answer, Trouble> {
        let mut renewed = false;
        loop {
            let (generation, header) = self.session_header().await?;
            let answer = transport::ask(request(header)?, limit).await;
            let answer = answer.map_err(|lost| self.place().lost(lost, doing, true, limit))?;
            if answer.status != 401 || renewed {
                return Ok(answer);
            }
            self.ended(generation).await;
            renewed = true;
        }
    }

    /// The session as a header, and which one it is.
    pub(super) async fn session_header(&self) -> Result<(u64, reqwest::header::HeaderValue), Trouble> {
        let (generation, cookie) = self.cookie().await?;
        let what = "its session is no header".to_owned();
        let broken = || Trouble::Answer { server: self.server().to_owned(), doing: "log in".to_owned(), what };
        Ok((generation, cookie.header().ok_or_else(broken)?))
    }

    /// A transfer failed before or in its answer.
    pub(super) fn lost(&self, lost: Lost, doing: &str, limit: Duration) -> Trouble {
        self.place().lost(lost, doing, true, limit)
    }

    /// The session `generation` has ended; a later one is left alone.
    pub(super) async fn ended(&self, generation: u64) {
        let mut session = self.inner.session.lock().await;
        if session.generation == generation && matches!(session.state, State::In(_)) {
            session.state = State::Out;
        }
    }

    /// The session's cookie; logs in where there is none.
    async fn cookie(&self) -> Result<(u64, Cookie), Trouble> {
        let mut session = self.inner.session.lock().await;
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
        Trouble::Login { server: self.server().to_owned(), user: self.inner.access.user.clone() }
    }

    async fn log_in(&self) -> Result<Cookie, Trouble> {
        let (server, doing) = (self.server(), "log in");
        let password = secret::password(&self.inner.access.password, &self.inner.root)
            .map_err(|error| Trouble::Secret { server: server.to_owned(), what: error.what, source: error.source })?;
        let call = calls::login(&self.content().sessions, &self.inner.access.user, &password);
        let (answer, told) = self.place().exchange(&call, None, doing).await?;
        match told {
            Err(Trouble::Fault { fault: Fault::InvalidLogin, .. }) => return Err(self.refused()),
            told => told?,
        };
        let what = "it has no session".to_owned();
        let none = || Trouble::Answer { server: server.to_owned(), doing: doing.to_owned(), what };
        Cookie::read(&answer.cookies, SESSION).ok_or_else(none)
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
    access: &'a VcenterAccess,
    http: &'a reqwest::Client,
    deadlines: &'a Deadlines,
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
        let authority = transport::authority(&self.access.host, self.access.port);
        let mut request = self.http.post(format!("https://{authority}/sdk"));
        request = request.header(CONTENT_TYPE, "text/xml; charset=utf-8").header("SOAPAction", ACTION);
        if let Some(header) = cookie.and_then(Cookie::header) {
            request = request.header(COOKIE, header);
        }
        let limit = self.deadlines.answer;
        let answer = transport::ask(request.body(call.envelope()), limit).await;
        let may_be_done = call.repeat == Repeat::Change;
        let mut answer = answer.map_err(|lost| self.lost(lost, doing, may_be_done, limit))?;
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
            None => answer::returned(envelope).map_err(|error| Trouble::answer(&server, &doing, &error)),
        }
    }

    fn lost(&self, lost: Lost, doing: &str, may_be_done: bool, limit: Duration) -> Trouble {
        let (server, doing) = (self.server.to_owned(), doing.to_owned());
        match lost {
            Lost::Certificate(shown) => Trouble::Certificate { server, shown },
            Lost::NotSent(source) => Trouble::Unreachable { server, doing, may_be_done: false, source },
            Lost::Sent(source) => Trouble::Unreachable { server, doing, may_be_done, source },
            Lost::TooLarge => Trouble::Answer { server, doing, what: "it is too large".to_owned() },
            Lost::Late => Trouble::Deadline { server, doing, seconds: limit.as_secs(), may_be_done },
        }
    }
}
