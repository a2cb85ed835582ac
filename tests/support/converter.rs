//! A strict Converter server of our own: it takes calls only as the SDK has them, in an order that makes
//! sense, with a session; it copies on a clock that the test turns, counts what crosses the line, and refuses
//! a second full copy of a source. Its jobs outlive a restart, its sessions do not.

mod jobs;
mod schema;
mod soap;

use super::certificates::Certificates;
use super::vcenter::http::{self, Reply, Request};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use traghetto::model::converter::{ConverterAccess, ConverterSource, ConverterTarget, ConverterTrust};
use traghetto::model::server::SecretRef;
use traghetto::world::converter::Deadlines;

pub use jobs::SimJob;
pub use soap::fault;

/// The passwords, and what begins every secret that the server gives: never in a message or a log.
pub const PASSWORD: &str = "Converter-Gondola-1";
pub const SOURCE_PASSWORD: &str = "Origine-Traghetto-2";
pub const VCENTER_PASSWORD: &str = "Vcenter-Squero-3";
pub const SECRET: &str = "s3cr3t-session";

/// What the agent and the vCenter are known by.
pub const AGENT_SHA1: &str = "A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D";
pub const VCENTER_SHA1: &str = "84:98:3E:44:1C:3B:D2:6E:BA:AE:4A:A1:F9:51:29:E5:E5:46:70:F1";

/// Bytes used on the source.
pub const USED: u64 = 40_000_000_000;
/// Bytes a second of the line.
pub const RATE: u64 = 10_000_000;

/// The agent on the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent {
    Absent,
    Installed,
    NeedsReboot,
}

/// What goes wrong, and when.
#[derive(Default)]
pub struct Plan {
    /// A method that answers this fault instead of doing something, so many times.
    pub faults: Vec<(String, String, usize)>,
    /// Whether the agent asks for a reboot once it is installed.
    pub reboot: bool,
    /// At so many percent a run fails with this fault; once.
    pub fail_at: Option<(u8, String)>,
    /// A method that is done, and whose answer never comes; once.
    pub cut_after: BTreeSet<String>,
    /// A method that is not done, and whose answer never comes; once.
    pub cut_before: BTreeSet<String>,
    /// A method before which the session ends; once.
    pub expire_before: BTreeSet<String>,
    /// The request of this number is done, and never answered.
    pub hang_at: Option<usize>,
    /// An answer to every question, as it is.
    pub garbage: Option<(u16, String)>,
}

/// Everything that the server knows.
pub struct State {
    pub plan: Plan,
    pub now: Timestamp,
    pub agent: Agent,
    /// What the agent's certificate has, whatever the inventory says.
    pub agent_sha1: String,
    pub vcenter_sha1: String,
    /// Whether somebody asked for the agent and it was there, since the server began.
    pub agent_checked: bool,
    pub session: Option<String>,
    pub jobs: Vec<SimJob>,
    /// Collectors: the keys of the jobs that they did not show yet.
    pub collectors: BTreeMap<String, Vec<String>>,
    pub bundles: BTreeMap<String, Vec<u8>>,
    /// The methods that were called, in order.
    pub calls: Vec<String>,
    /// What a client must not do.
    pub wrong: Vec<String>,
    /// Bytes that crossed the line.
    pub wan: u64,
    /// Full copies that were begun, by source.
    pub full: BTreeMap<String, u32>,
    /// Bytes a second that users change on the source.
    pub churn: u64,
    /// Targets that were turned on.
    pub on: BTreeSet<String>,
    /// Machines that the vCenter cloned from targets: the line carries nothing of that.
    pub clones: Vec<String>,
    /// Services that were stopped for last synchronisations.
    pub stopped: Vec<String>,
    /// What the source is, as elements of a ComputerInfo.
    pub computer: String,
    pub hung: bool,
    pub password: String,
    /// Of the account in the vCenter.
    pub vcenter_password: String,
    next: u32,
}

impl State {
    /// A server on which nobody did anything.
    fn new() -> Self {
        State {
            plan: Plan::default(),
            now: Timestamp::from_second(Timestamp::now().as_second()).unwrap(),
            agent: Agent::Absent,
            agent_sha1: AGENT_SHA1.to_owned(),
            vcenter_sha1: VCENTER_SHA1.to_owned(),
            agent_checked: false,
            session: None,
            jobs: Vec::new(),
            collectors: BTreeMap::new(),
            bundles: BTreeMap::new(),
            calls: Vec::new(),
            wrong: Vec::new(),
            wan: 0,
            full: BTreeMap::new(),
            churn: 1000,
            on: BTreeSet::new(),
            clones: Vec::new(),
            stopped: Vec::new(),
            computer: soap::computer(),
            hung: false,
            password: PASSWORD.to_owned(),
            vcenter_password: VCENTER_PASSWORD.to_owned(),
            next: 100,
        }
    }

    /// A name that nobody has.
    pub fn fresh(&mut self, kind: &str) -> String {
        self.next += 1;
        format!("{kind}-{}", self.next)
    }

    /// The server is restarted: sessions and what belongs to them are gone, jobs stay.
    pub fn restart(&mut self) {
        self.session = None;
        self.collectors.clear();
        self.bundles.clear();
        self.agent_checked = false;
    }

    /// Time goes on, and with it what runs.
    pub fn advance(&mut self, duration: Duration) {
        let until = self.now + SignedDuration::try_from(duration).unwrap();
        while self.now < until {
            let step = SignedDuration::from_secs(10).min(until.duration_since(self.now));
            self.now += step;
            self.step(step.as_secs().unsigned_abs());
        }
    }

    /// How often a method was called.
    pub fn count(&self, method: &str) -> usize {
        self.calls.iter().filter(|call| *call == method).count()
    }

    /// The vCenter turns a machine on.
    pub fn turn_on(&mut self, name: &str) {
        self.on.insert(name.to_owned());
    }

    /// The vCenter clones a target, at home.
    pub fn clone_target(&mut self, name: &str) -> String {
        assert!(self.jobs.iter().any(|job| job.target == name && job.copied), "there is nothing to clone");
        let clone = format!("{name}-prova");
        self.clones.push(clone.clone());
        clone
    }
}

/// A running server.
pub struct Converter {
    state: Arc<Mutex<State>>,
    port: u16,
    pub folder: tempfile::TempDir,
    pub certificates: Certificates,
}

impl Converter {
    /// Starts one; it ends with the process.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::make(folder.path());
        for (file, password) in [("own", PASSWORD), ("source", SOURCE_PASSWORD), ("vcenter", VCENTER_PASSWORD)] {
            let path = folder.path().join(file);
            std::fs::write(&path, format!("{password}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::new()));
        let shared = state.clone();
        http::serve_with(listener, &certificates, Arc::new(move |request: &mut Request<'_>| answer(&shared, request)));
        Self { state, port, folder, certificates }
    }

    /// What it knows, and what it is to do wrong.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Another server at the same place.
    pub fn renew(&self) {
        *self.state() = State::new();
    }

    /// The root of the references to secrets.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// How it is reached.
    pub fn access(&self) -> ConverterAccess {
        ConverterAccess {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            user: "traghetto".to_owned(),
            password: SecretRef::File("own".into()),
            trust: ConverterTrust::Certificate(self.certificates.sha256.clone()),
            vcenter_thumbprint: Some(VCENTER_SHA1.to_owned()),
        }
    }

    /// Deadlines for impatient tests.
    pub fn deadlines() -> Deadlines {
        Deadlines { connect: Duration::from_secs(5), answer: Duration::from_secs(10) }
    }
}

/// How the source is reached.
pub fn source() -> ConverterSource {
    ConverterSource {
        host: "192.0.2.21".to_owned(),
        port: 9089,
        user: "Administrator".to_owned(),
        password: SecretRef::File("source".into()),
        thumbprint: Some(AGENT_SHA1.to_lowercase()),
        services_stopped: vec!["MSSQLSERVER".to_owned(), "Spooler".to_owned()],
    }
}

/// Where it lands.
pub fn target() -> ConverterTarget {
    ConverterTarget {
        vcenter: "vcenter.sad.example".to_owned(),
        port: 443,
        user: "converter@vsphere.local".to_owned(),
        password: SecretRef::File("vcenter".into()),
        thumbprint: Some(VCENTER_SHA1.replace(':', "")),
        cluster: "SAD".to_owned(),
        pool: "cinto".to_owned(),
        folder: "cinto-caomaggiore".to_owned(),
        datastore: "prod".to_owned(),
        networks: vec!["isolata-cinto".to_owned()],
        hardware: "vmx-13".to_owned(),
        name: "cinto-srv2".to_owned(),
    }
}

fn answer(state: &Mutex<State>, request: &mut Request<'_>) -> Reply {
    if request.path != "/converter/sdk" || request.method != "POST" {
        return Reply::status(404);
    }
    soap::answer(state, request)
}
