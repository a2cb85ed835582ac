//! A vCenter that we are logged in to.

use super::reading::answer::{self, ServiceContent};
use super::reading::{Element, Fault, Unreadable};
use super::transport::{self, Answer, Deadlines, Lost, VcenterAccess};
use super::trouble::Trouble;
use super::wire::{Call, Moref, calls};
use crate::world::soap::{self, Account, Failed, Server, Service};
use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The API of vSphere.
struct Vim;

impl Service for Vim {
    type Fault = Fault;
    const PATH: &'static str = calls::PATH;
    const NAMESPACE: &'static str = calls::NAMESPACE;
    const ACTION: &'static str = calls::ACTION;
    const COOKIE: &'static str = calls::COOKIE;

    fn fault(envelope: &Element) -> Option<Fault> {
        Fault::of_answer(envelope)
    }

    fn is_ended(fault: &Fault) -> bool {
        matches!(fault, Fault::NotAuthenticated)
    }

    fn is_refusal(fault: &Fault) -> bool {
        matches!(fault, Fault::InvalidLogin)
    }

    fn login(sessions: &Moref, user: &str, password: &str) -> Call {
        calls::login(sessions, user, password)
    }

    fn logout(sessions: &Moref) -> Call {
        calls::logout(sessions)
    }
}

/// A vCenter that we are logged in to. A copy is the same session.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    soap: soap::Client<Vim>,
    deadlines: Deadlines,
    content: ServiceContent,
}

/// Says nothing of the session.
impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("server", &self.server()).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects and logs in; `root` is where references to secrets and files begin.
    ///
    /// # Errors
    /// It is not there, not the one we know, of no known version, or refuses the login.
    pub async fn connect(access: &VcenterAccess, root: &Path, deadlines: Deadlines) -> Result<Self, Trouble> {
        let place = (access.host.as_str(), access.port);
        let server = Server::<Vim>::new(place, &access.trust, root, (deadlines.connect, deadlines.answer))?;
        let doing = "say what it is";
        let returned = server.ask(&calls::service_content(), doing).await?;
        let content = answer::one(returned).and_then(|content| ServiceContent::read(&content));
        let content = content.map_err(|error| Trouble::answer(&server.name, doing, &error))?;
        if content.kind != "VirtualCenter" || !content.is_known() {
            let what = format!("`{}` with version `{}` of the API", content.full_name, content.version);
            return Err(Trouble::Version { server: server.name, what });
        }
        let (user, password, root) = (access.user.clone(), access.password.clone(), root.to_owned());
        let account = Account { user, password, root };
        let soap = soap::Client::log_in_to(server, account, content.sessions.clone()).await?;
        let client = Self { inner: Arc::new(Inner { soap, deadlines, content }) };
        tracing::debug!(server = client.server(), version = client.version(), "logged in to vSphere");
        Ok(client)
    }

    /// Its name in messages.
    pub fn server(&self) -> &str {
        &self.inner.soap.server.name
    }

    /// The version of its API, such as `7.0`.
    pub fn version(&self) -> &str {
        &self.inner.content.version
    }

    /// Ends the session. What has not ended by then is not waited for.
    pub async fn log_out(&self) {
        self.inner.soap.log_out().await;
    }

    pub(super) fn content(&self) -> &ServiceContent {
        &self.inner.content
    }

    pub(super) fn deadlines(&self) -> &Deadlines {
        &self.inner.deadlines
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.inner.soap.server.http
    }

    /// Where a file or a service of the vCenter is.
    pub(super) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.server())
    }

    /// Asks; logs in again if the session has ended, and repeats what may be repeated, once.
    pub(super) async fn call(&self, call: &Call, doing: &str) -> Result<Vec<Element>, Trouble> {
        Ok(self.inner.soap.call(call, doing).await?)
    }

    /// The one object that a call gives back.
    pub(super) async fn call_object(&self, call: &Call, doing: &str) -> Result<Moref, Trouble> {
        self.read(answer::object(self.call(call, doing).await?), doing)
    }

    pub(super) fn read<T>(&self, read: Result<T, Unreadable>, doing: &str) -> Result<T, Trouble> {
        read.map_err(|error| Trouble::answer(self.server(), doing, &error))
    }

    /// A request outside SOAP that needs the session: made again once if the session has ended.
    pub(super) async fn with_session(
        &self,
        doing: &str,
        limit: Duration,
        request: impl Fn(HeaderValue) -> Result<RequestBuilder, Trouble>,
    ) -> Result<Answer, Trouble> {
        let mut renewed = false;
        loop {
            let (generation, header) = self.session_header().await?;
            let answer = transport::ask(request(header)?, limit).await;
            let answer = answer.map_err(|lost| self.lost(lost, doing, limit))?;
            if answer.status != 401 || renewed {
                return Ok(answer);
            }
            self.ended(generation).await;
            renewed = true;
        }
    }

    /// The session as a header, and which one it is.
    pub(super) async fn session_header(&self) -> Result<(u64, HeaderValue), Trouble> {
        Ok(self.inner.soap.header().await?)
    }

    /// A transfer failed before or in its answer.
    pub(super) fn lost(&self, lost: Lost, doing: &str, limit: Duration) -> Trouble {
        Failed::lost(self.server(), doing, lost, true, limit).into()
    }

    /// The session `generation` has ended; a later one is left alone.
    pub(super) async fn ended(&self, generation: u64) {
        self.inner.soap.ended(generation).await;
    }
}
