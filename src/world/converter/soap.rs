//! Converter driven over SOAP.

mod handshake;

use super::bundle::{Bundle, Taking};
use super::client::{Client, Deadlines};
use super::fault::Fault;
use super::names::word;
use super::reading::{self, Info, Settings};
use super::trouble::Trouble;
use super::wire;
use super::{Converting, Followed, Running, Step};
use crate::model::converter::{ConverterAccess, Job, JobSeen, SourceSeen, Standing, TaskSeen};
use crate::world::soap::{Element, Moref, Unreadable, answer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use handshake::Vouched;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Jobs that are asked for at a time,
const PAGE: i32 = 100;
/// and how many times at most.
const MOST_PAGES: usize = 100;
/// Bytes of a log bundle that are asked for at a time.
const BUNDLE_PAGE: i64 = 1 << 20;

/// A Converter server that is driven over SOAP.
pub struct SoapConverter {
    client: Client,
    /// What hosts Converter may talk to, as far as they came up.
    vouched: Mutex<Vouched>,
    /// Jobs that were found, by their names.
    found: Mutex<BTreeMap<String, Moref>>,
}

/// Says nothing of the session.
impl std::fmt::Debug for SoapConverter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SoapConverter").field("server", &self.client.server()).finish_non_exhaustive()
    }
}

impl SoapConverter {
    /// Connects and logs in; `root` is where references to secrets and files begin.
    ///
    /// # Errors
    /// It is not there, not the one we know, or refuses the login.
    pub async fn connect(access: &ConverterAccess, root: &Path, limits: Deadlines) -> Result<Self, Trouble> {
        let client = Client::connect(access, root, limits).await?;
        Ok(Self { client, vouched: Mutex::default(), found: Mutex::default() })
    }

    /// Its name in messages.
    pub fn server(&self) -> &str {
        self.client.server()
    }

    /// Ends the session; jobs go on.
    pub async fn log_out(&self) {
        self.client.log_out().await;
    }

    /// Forgets a job that does nothing, so that another can be made: its first copy crosses the line once
    /// more. The target stays as it is. Never done by itself.
    ///
    /// # Errors
    /// It is at work, or cannot be asked for.
    pub async fn discard(&self, job: &Job) -> Result<(), Trouble> {
        let Some((object, _, _)) = self.find(job).await? else { return Ok(()) };
        let told = self.client.call(&wire::destroy(&self.client.parts, &object), "discard the job").await;
        self.found().remove(&job.name());
        match told {
            Err(Trouble::Fault { fault: Fault::NotFound { .. }, .. }) => Ok(()),
            told => told.map(|_| ()),
        }
    }

    fn found(&self) -> MutexGuard<'_, BTreeMap<String, Moref>> {
        // Names of jobs: a thread that panicked left them whole.
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The job with our name, if there is one.
    async fn find(&self, job: &Job) -> Result<Option<(Moref, Info, Settings)>, Trouble> {
        let known = self.found().get(&job.name()).cloned();
        if let Some(object) = known {
            match self.look(&object).await {
                Ok((info, settings)) if settings.name == job.name() => return Ok(Some((object, info, settings))),
                Ok(_) | Err(Trouble::Fault { fault: Fault::NotFound { .. }, .. }) => {
                    self.found().remove(&job.name());
                }
                Err(error) => return Err(error),
            }
        }
        let mut ours = Vec::new();
        for info in self.jobs().await? {
            match self.settings(&info.job).await {
                Ok(settings) if settings.name == job.name() => ours.push((info.job.clone(), info, settings)),
                // Somebody removes old jobs meanwhile.
                Ok(_) | Err(Trouble::Fault { fault: Fault::NotFound { .. }, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if ours.len() > 1 {
            ours.retain(|(_, info, _)| info.standing != Standing::Deactivated);
        }
        if ours.len() > 1 {
            let what = format!("there are {} of that name", ours.len());
            return Err(Trouble::OtherJob { server: self.server().to_owned(), job: job.name(), what });
        }
        let one = ours.pop();
        if let Some((object, _, _)) = &one {
            self.found().insert(job.name(), object.clone());
        }
        Ok(one)
    }

    /// The job with our name and our settings.
    async fn ours(&self, job: &Job) -> Result<(Moref, Info, Settings), Trouble> {
        let none = || Trouble::NoJob { server: self.server().to_owned(), job: job.name() };
        let found = self.find(job).await?.ok_or_else(none)?;
        self.check(job, &found.2)?;
        Ok(found)
    }

    fn check(&self, job: &Job, settings: &Settings) -> Result<(), Trouble> {
        if settings.digest.as_deref() == Some(job.digest.as_str()) {
            return Ok(());
        }
        let what = match &settings.digest {
            Some(digest) => format!("their digest is {digest}, and that of the inventory {}", job.digest),
            None => "its description has no digest of ours".to_owned(),
        };
        Err(Trouble::OtherJob { server: self.server().to_owned(), job: job.name(), what })
    }

    /// The job, unless it is over.
    async fn going(&self, job: &Job, doing: &'static str) -> Result<(Moref, Info, Settings), Trouble> {
        let found = self.ours(job).await?;
        if found.1.standing == Standing::Deactivated {
            return Err(Trouble::Over { server: self.server().to_owned(), job: job.name(), doing });
        }
        Ok(found)
    }

    async fn look(&self, object: &Moref) -> Result<(Info, Settings), Trouble> {
        let info = self.client.read(&wire::info(&self.client.parts, object), "tell of the job", Info::read).await?;
        Ok((info, self.settings(object).await?))
    }

    async fn settings(&self, object: &Moref) -> Result<Settings, Trouble> {
        let call = wire::job_spec(&self.client.parts, object);
        self.client.read(&call, "tell of the job's settings", |spec| Ok(Settings::read(spec))).await
    }

    /// All jobs of the server.
    async fn jobs(&self) -> Result<Vec<Info>, Trouble> {
        // A collector ends with its session: then all is asked once more.
        match self.jobs_once().await {
            Err(Trouble::Fault { fault: Fault::NotAuthenticated, .. }) => self.jobs_once().await,
            told => told,
        }
    }

    async fn jobs_once(&self) -> Result<Vec<Info>, Trouble> {
        let doing = "list its jobs";
        let collector = self.client.object(&wire::collect(&self.client.parts), doing).await?;
        let mut jobs = Vec::new();
        for _ in 0..MOST_PAGES {
            let page = self.client.call(&wire::next(&collector, PAGE), doing).await?;
            if page.is_empty() {
                break;
            }
            let read: Result<Vec<Info>, Unreadable> = page.iter().map(Info::read).collect();
            jobs.extend(read.map_err(|error| Trouble::answer(self.server(), doing, &error))?);
        }
        if let Err(error) = self.client.call(&wire::drop_collector(&collector), doing).await {
            tracing::debug!(server = self.server(), %error, "the collector ends with the session");
        }
        Ok(jobs)
    }

    async fn seen(&self, info: Info, settings: Settings) -> Result<JobSeen, Trouble> {
        let task = match &info.task {
            Some(task) => self.task(task).await?,
            None => None,
        };
        Ok(JobSeen {
            key: info.key,
            standing: info.standing,
            task,
            error: info.error,
            finalize: settings.finalize,
            changed: info.changed,
            started: info.started,
            completed: info.completed,
            due: info.due,
            digest: settings.digest,
        })
    }

    async fn task(&self, task: &Moref) -> Result<Option<TaskSeen>, Trouble> {
        match self.client.read(&wire::task(&self.client.parts, task), "tell of the task", reading::task).await {
            Err(Trouble::Fault { fault: Fault::NotFound { .. }, .. }) => Ok(None),
            told => told,
        }
    }

    /// The agent on the source; puts it there where it is not.
    async fn agent(&self, job: &Job) -> Result<(), Trouble> {
        let mut installed = false;
        loop {
            let parts = &self.client.parts;
            match self.shaken(job, "look for the agent", |keys| wire::agent(parts, job, keys)).await {
                Ok(told) => return self.available(job, &told),
                Err(Trouble::Fault { fault: Fault::NoAgent { .. }, .. }) if !installed => self.install(job).await?,
                Err(Trouble::Fault { fault: fault @ Fault::NoAgent { .. }, .. }) => {
                    let (server, host) = (self.server().to_owned(), job.source.host.clone());
                    return Err(Trouble::Agent { server, host, fault });
                }
                Err(error) => return Err(error),
            }
            installed = true;
        }
    }

    fn available(&self, job: &Job, told: &[Element]) -> Result<(), Trouble> {
        match told.first().map(|word| word.text.trim()) {
            Some(word::AVAILABLE) => Ok(()),
            Some(word::REBOOT_REQUIRED) => Err(Trouble::Reboot { host: job.source.host.clone() }),
            other => {
                let what = format!("the agent is `{}`", crate::untrusted::one_line(other.unwrap_or("").as_bytes()));
                let (server, doing) = (self.server().to_owned(), "look for the agent".to_owned());
                Err(Trouble::Answer { server, doing, what })
            }
        }
    }

    async fn install(&self, job: &Job) -> Result<(), Trouble> {
        let doing = "put the agent on the source";
        let call = wire::install(&self.client.parts, job, &self.keys(job)?);
        let (status, thumbprint) = match self.client.read(&call, doing, reading::deployment).await {
            // Whether it is there is asked next.
            Err(error) if error.may_be_done() => return Ok(()),
            Err(Trouble::Fault { fault, .. }) if !matches!(fault, Fault::InvalidLogin { .. }) => {
                let (server, host) = (self.server().to_owned(), job.source.host.clone());
                return Err(Trouble::Agent { server, host, fault });
            }
            told => told?,
        };
        if let Some(thumbprint) = thumbprint {
            self.installed(job, &thumbprint)?;
        }
        if status == word::COMPLETED { Ok(()) } else { Err(Trouble::Reboot { host: job.source.host.clone() }) }
    }

    /// Asks for a synchronisation from now on.
    async fn update(&self, job: &Job, object: &Moref, finalize: bool, doing: &str) -> Result<Step<()>, Trouble> {
        let call = wire::update(object, Timestamp::now(), finalize, &job.source.services_stopped);
        self.client.call(&call, doing).await?;
        Ok(Step::Done(()))
    }
}

/// Whether a run is at work or due.
fn is_busy(info: &Info) -> bool {
    info.task.is_some() || info.due.is_some()
}

/// Whether a run that began after the settings last changed is over, without an error.
fn is_last_over(info: &Info) -> bool {
    let began = info.started.filter(|started| *started >= info.changed);
    info.error.is_none() && began.is_some_and(|began| info.completed.is_some_and(|completed| completed >= began))
}

impl Converting for SoapConverter {
    async fn validate(&self, job: &Job) -> Result<Step<SourceSeen>, Trouble> {
        self.agent(job).await?;
        let parts = &self.client.parts;
        let told = self.shaken(job, "ask the source", |keys| wire::query(parts, job, keys)).await?;
        let seen = answer::one(told).and_then(|info| reading::source(&info));
        let seen = seen.map_err(|error| Trouble::answer(self.server(), "ask the source", &error))?;
        let doing = "look at the target";
        let told = self.shaken(job, doing, |keys| wire::defaults(parts, job, keys)).await?;
        reading::defaults(&told).map_err(|message| Trouble::Fault {
            server: self.server().to_owned(),
            doing: doing.to_owned(),
            fault: Fault::Setting { message },
        })?;
        self.shaken(job, "check the settings", |keys| wire::params(parts, job, &seen, keys)).await?;
        Ok(Step::Done(seen))
    }

    async fn ensure_job(&self, job: &Job, seen: &SourceSeen) -> Result<Step<JobSeen>, Trouble> {
        if self.find(job).await?.is_none() {
            let parts = &self.client.parts;
            match self.shaken(job, "make the job", |keys| wire::create(parts, job, seen, keys)).await {
                Ok(_) => tracing::debug!(server = self.server(), job = job.name(), "made the job"),
                // Another run of ours was faster.
                Err(Trouble::Fault { fault: Fault::DuplicateName, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let (_, info, settings) = self.ours(job).await?;
        Ok(Step::Done(self.seen(info, settings).await?))
    }

    async fn follow(&self, job: &Job) -> Result<Step<Followed>, Trouble> {
        let (_, info, settings) = self.ours(job).await?;
        Ok(Step::Done(Followed::Job(Box::new(self.seen(info, settings).await?))))
    }

    async fn synchronise(&self, job: &Job) -> Result<Step<()>, Trouble> {
        let (object, info, settings) = self.going(job, "carry changes").await?;
        if settings.finalize {
            let (server, job) = (self.server().to_owned(), job.name());
            return Err(Trouble::Over { server, job, doing: "carry changes after the last synchronisation" });
        }
        if is_busy(&info) {
            return Ok(Step::Done(()));
        }
        self.update(job, &object, false, "carry the changes").await
    }

    async fn finalise(&self, job: &Job) -> Result<Step<()>, Trouble> {
        let doing = "carry the last changes";
        let (object, info, settings) = self.ours(job).await?;
        if settings.finalize && (is_busy(&info) || is_last_over(&info)) {
            return Ok(Step::Done(()));
        }
        if info.standing == Standing::Deactivated {
            return Err(Trouble::Over {
                server: self.server().to_owned(),
                job: job.name(),
                doing: "carry the last changes",
            });
        }
        // Asked for, and not begun yet.
        if settings.finalize && info.error.is_none() {
            return Ok(Step::Done(()));
        }
        if info.task.is_some() {
            let (server, doing) = (self.server().to_owned(), doing.to_owned());
            return Err(Trouble::Fault { server, doing, fault: Fault::ActiveTask });
        }
        self.update(job, &object, true, doing).await
    }

    async fn suspend(&self, job: &Job, running: Running) -> Result<Step<bool>, Trouble> {
        let (object, info, _) = self.going(job, "be suspended").await?;
        if info.standing == Standing::Suspended {
            return Ok(Step::Done(info.task.is_none()));
        }
        let handling = match running {
            Running::Kept => word::FAIL_IF_ACTIVE,
            Running::Cancelled => word::CANCEL_ACTIVE,
        };
        match self.client.call(&wire::suspend(&object, handling), "suspend the job").await {
            Err(Trouble::Fault { fault: Fault::ActiveTask, .. }) if running == Running::Kept => Ok(Step::Done(false)),
            told => told.map(|_| Step::Done(true)),
        }
    }

    async fn resume(&self, job: &Job) -> Result<Step<()>, Trouble> {
        let (object, info, _) = self.going(job, "be resumed").await?;
        if info.standing == Standing::Suspended {
            self.client.call(&wire::resume(&object), "resume the job").await?;
        }
        Ok(Step::Done(()))
    }

    async fn stop(&self, job: &Job) -> Result<Step<()>, Trouble> {
        match self.find(job).await? {
            Some((object, info, _)) if info.standing != Standing::Deactivated => {
                self.client.call(&wire::stop(&object), "stop the job").await?;
            }
            _ => {}
        }
        Ok(Step::Done(()))
    }

    async fn logs(&self, job: &Job, sink: &mut (dyn Write + Send)) -> Result<Step<Bundle>, Trouble> {
        let (object, _, _) = self.ours(job).await?;
        let (parts, doing) = (&self.client.parts, "give the log bundle");
        let (key, size) = self.client.read(&wire::bundle(parts, &object), doing, reading::bundle).await?;
        let mut taking = Taking::into(sink);
        let mut offset = 0;
        while offset < size {
            let call = wire::bundle_page(parts, &key, offset, BUNDLE_PAGE);
            let page = self.client.read(&call, doing, |page| Ok(page.text.clone())).await?;
            let unreadable = |what: &str| Trouble::Answer {
                server: self.server().to_owned(),
                doing: doing.to_owned(),
                what: what.to_owned(),
            };
            let words: String = page.split_whitespace().collect();
            let bytes = STANDARD.decode(words).map_err(|_| unreadable("a page of it is no base64"))?;
            if bytes.is_empty() {
                return Err(unreadable("it ends before its end"));
            }
            taking.take(&bytes)?;
            offset += i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        }
        if let Err(error) = self.client.call(&wire::bundle_delete(parts, &key), doing).await {
            tracing::debug!(server = self.server(), %error, "the bundle stays on the server");
        }
        taking.end().map(Step::Done)
    }
}
