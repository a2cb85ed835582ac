//! A strict vCenter of our own, for what the simulator of others lets pass: sessions end, leases
//! expire and take their machine with them, uploads are read to the last byte and must be disks,
//! tasks take their time, and lines are cut where it hurts.

mod actions;
pub mod http;
mod networks;
mod properties;
mod soap;
mod stage;
mod vmdk;

use super::certificates::Certificates;
use http::{Reply, Request};
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use traghetto::model::server::SecretRef;
use traghetto::world::vsphere::{Deadlines, Trust, VcenterAccess};

pub use soap::fault;
pub use stage::{DISK, LIMIT, Stage, spec};

/// The password, and what begins every secret that the server gives: never in a message or a log.
pub const PASSWORD: &str = "Squero-S-Trovaso-9";
pub const SECRET: &str = "s3cr3t";

/// What goes wrong, and when.
#[derive(Default)]
pub struct Plan {
    /// A method that answers this fault instead of doing something, so many times.
    pub faults: Vec<(String, String, usize)>,
    /// A task of a method that ends with this fault.
    pub task_faults: Vec<(String, String)>,
    /// A method that is done, and whose answer never comes; once.
    pub cut_after: BTreeSet<String>,
    /// A method that is not done, and whose answer never comes; once.
    pub cut_before: BTreeSet<String>,
    /// A method before which the session ends; once.
    pub expire_before: BTreeSet<String>,
    /// How long a task takes.
    pub task_time: Duration,
    /// How long a lease lives without a sign of life.
    pub lease_time: Option<Duration>,
    /// What happens to uploads, the first one first.
    pub uploads: Vec<UploadFault>,
    /// How long each 64 KiB of an upload take.
    pub upload_pause: Duration,
    /// Whether an address of a disk names the host and its fingerprint instead of `*`.
    pub named_host: bool,
    /// An answer to every question of SOAP, as it is.
    pub garbage: Option<(u16, String)>,
    /// How many objects are on a page.
    pub page: Option<usize>,
    /// Whether ending a lease leaves its machine, as hosts do that do not answer.
    pub keeps_halves: bool,
}

/// What happens to an upload.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum UploadFault {
    /// Nothing.
    Fine,
    /// The line is cut after so many bytes.
    CutAfter(usize),
    /// Nothing is read, and nothing answered.
    Stall,
    /// It is read and answered with this status.
    Status(u16),
    /// The lease ends meanwhile.
    LeaseEnds,
}

/// A thing of the inventory.
pub struct Thing {
    pub kind: String,
    pub name: String,
    pub parent: String,
    /// Values of properties, as elements `val`.
    pub values: BTreeMap<String, String>,
}

/// A task, and what it does at its end.
pub struct Task {
    pub began: Instant,
    pub end: Instant,
    pub effect: Option<Effect>,
    /// The reference that it gives back, or the fault.
    pub outcome: Result<String, String>,
    pub done: bool,
}

/// What a task does.
pub enum Effect {
    Create { id: String, machine: Thing },
    Destroy(String),
    Power(String, &'static str),
    Set(String, Vec<(String, String)>),
    Nothing,
}

/// A lease for the import of a machine.
pub struct Lease {
    pub machine: String,
    pub ticket: String,
    pub began: Instant,
    pub alive: Instant,
    /// Capacity of each disk in bytes, and its content once it is there.
    pub disks: Vec<(u64, Option<Vec<u8>>)>,
}

/// Everything that the server knows.
pub struct State {
    pub plan: Plan,
    pub port: u16,
    pub sha1: String,
    pub things: BTreeMap<String, Thing>,
    pub tasks: BTreeMap<String, Task>,
    pub leases: BTreeMap<String, Lease>,
    /// Disks that were imported, by the name of their machine.
    pub imported: BTreeMap<String, Vec<Vec<u8>>>,
    /// The streams that were taken, as they came.
    pub streams: Vec<Vec<u8>>,
    pub session: Option<String>,
    pub password: String,
    /// Objects that a collector watches, with the values that it told.
    pub collectors: BTreeMap<String, properties::Watched>,
    pub files: BTreeMap<String, Vec<u8>>,
    /// Standard switches of the host, and whether a network card is on them.
    pub switches: Vec<(String, bool)>,
    /// Port groups of the host: name, switch, VLAN.
    pub port_groups: Vec<(String, String, String)>,
    /// The methods that were called, in order.
    pub calls: Vec<String>,
    /// What a client must not do.
    pub wrong: Vec<String>,
    pub tokens: BTreeMap<String, Vec<String>>,
    next: u32,
}

impl State {
    /// A name that nobody has.
    pub fn fresh(&mut self, kind: &str) -> String {
        self.next += 1;
        format!("{kind}-{}", self.next)
    }

    /// The session ends, and with it what belongs to it.
    pub fn expire(&mut self) {
        self.session = None;
        self.collectors.clear();
        let leases: Vec<String> = self.leases.keys().cloned().collect();
        leases.iter().for_each(|lease| self.end_lease(lease));
    }

    /// A lease ends without being completed.
    pub fn end_lease(&mut self, lease: &str) {
        if let Some(lease) = self.leases.remove(lease)
            && !self.plan.keeps_halves
        {
            self.things.remove(&lease.machine);
        }
    }

    /// What happens by itself.
    pub fn tick(&mut self) {
        let now = Instant::now();
        let over = self.plan.lease_time.unwrap_or(Duration::from_secs(300));
        let late = |lease: &&Lease| now.duration_since(lease.alive) > over;
        let ended: Vec<_> = self.leases.iter().filter(|(_, lease)| late(lease)).map(|(id, _)| id.clone()).collect();
        ended.iter().for_each(|lease| self.end_lease(lease));
        let mut effects = Vec::new();
        for task in self.tasks.values_mut().filter(|task| !task.done && task.end <= now) {
            task.done = true;
            effects.extend(task.effect.take());
        }
        effects.into_iter().for_each(|effect| self.apply(effect));
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Create { id, machine } => drop(self.things.insert(id, machine)),
            Effect::Destroy(id) => drop(self.things.remove(&id)),
            Effect::Power(id, state) => {
                let value = format!("<val xsi:type=\"VirtualMachinePowerState\">{state}</val>");
                self.set(&id, "runtime.powerState", value);
            }
            Effect::Set(id, values) => values.into_iter().for_each(|(path, value)| self.set(&id, &path, value)),
            Effect::Nothing => {}
        }
    }

    fn set(&mut self, id: &str, path: &str, value: String) {
        if let Some(thing) = self.things.get_mut(id) {
            thing.values.insert(path.to_owned(), value);
        }
    }

    /// How often a method was called.
    pub fn count(&self, method: &str) -> usize {
        self.calls.iter().filter(|call| *call == method).count()
    }

    /// The names of the machines.
    pub fn machines(&self) -> Vec<&str> {
        let machines = self.things.values().filter(|thing| thing.kind == "VirtualMachine");
        machines.map(|thing| thing.name.as_str()).collect()
    }
}

/// A running server.
pub struct Vcenter {
    state: Arc<Mutex<State>>,
    port: u16,
    pub folder: tempfile::TempDir,
    pub certificates: Certificates,
}

impl Vcenter {
    /// Starts one; it ends with the process.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::make(folder.path());
        let password = folder.path().join("password");
        std::fs::write(&password, format!("{PASSWORD}\n")).unwrap();
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            plan: Plan { task_time: Duration::from_millis(30), ..Plan::default() },
            port,
            sha1: certificates.sha1.clone(),
            things: actions::inventory(),
            tasks: BTreeMap::new(),
            leases: BTreeMap::new(),
            imported: BTreeMap::new(),
            streams: Vec::new(),
            session: None,
            password: PASSWORD.to_owned(),
            collectors: BTreeMap::new(),
            files: BTreeMap::new(),
            switches: vec![("vSwitch0".to_owned(), true)],
            port_groups: Vec::new(),
            calls: Vec::new(),
            wrong: Vec::new(),
            tokens: BTreeMap::new(),
            next: 100,
        }));
        let shared = state.clone();
        http::serve_with(listener, &certificates, Arc::new(move |request: &mut Request<'_>| answer(&shared, request)));
        Self { state, port, folder, certificates }
    }

    /// What it knows, and what it is to do wrong.
    pub fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.tick();
        state
    }

    /// How it is reached.
    pub fn access(&self) -> VcenterAccess {
        VcenterAccess {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            user: "traghetto@vsphere.local".to_owned(),
            password: SecretRef::File("password".into()),
            trust: Trust::Ca("ca.pem".into()),
        }
    }

    /// The root of the references to secrets.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Deadlines for impatient tests.
    pub fn deadlines() -> Deadlines {
        Deadlines {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(5),
            stall: Duration::from_secs(1),
            alive: Duration::from_millis(200),
            rest: Duration::from_millis(100),
        }
    }
}

/// Answers a request: by its path.
fn answer(state: &Mutex<State>, request: &mut Request<'_>) -> Reply {
    match request.path.split('/').nth(1) {
        Some("sdk") => soap::answer(state, request),
        Some("nfc") => upload(state, request),
        Some(folder) if folder.starts_with("folder") => file(state, request),
        _ => Reply::status(404),
    }
}

fn file(state: &Mutex<State>, request: &mut Request<'_>) -> Reply {
    let body = request.body().unwrap_or_default();
    let mut state = state.lock().unwrap();
    state.calls.push(format!("{} /folder", request.method));
    if !soap::is_logged_in(&state, request) {
        return Reply::status(401);
    }
    if !request.path.contains("?dcPath=SAD&dsName=") {
        return Reply::status(404);
    }
    let path = request.path.clone();
    match request.method.as_str() {
        "PUT" => {
            state.files.insert(path, body);
            Reply::status(201)
        }
        "GET" => state.files.get(&path).map_or(Reply::status(404), |body| Reply::body(200, body.clone())),
        "DELETE" => Reply::status(if state.files.remove(&path).is_some() { 204 } else { 404 }),
        _ => Reply::status(405),
    }
}

/// Takes a disk: by its ticket, whole, and only if it is one.
fn upload(state: &Mutex<State>, request: &mut Request<'_>) -> Reply {
    let parts: Vec<String> = request.path.split('/').map(str::to_owned).collect();
    let (fault, pause, found) = {
        let mut state = state.lock().unwrap();
        state.calls.push("upload".to_owned());
        if request.header("cookie").is_some() {
            state.wrong.push("the session was sent to a host".to_owned());
        }
        if request.method != "POST" || request.header("content-type") != Some("application/x-vnd.vmware-streamVmdk") {
            state.wrong.push(format!("an upload by {}", request.method));
        }
        let fault = if state.plan.uploads.is_empty() { UploadFault::Fine } else { state.plan.uploads.remove(0) };
        let found = state.leases.iter().find(|(_, lease)| lease.ticket == parts[2]).map(|(id, _)| id.clone());
        (fault, state.plan.upload_pause, found)
    };
    let (Some(lease), Some(disk)) = (found, parts.get(3).and_then(|disk| disk.parse::<usize>().ok())) else {
        return Reply::status(404);
    };
    match fault {
        UploadFault::Stall => std::thread::sleep(Duration::from_secs(4)),
        UploadFault::CutAfter(bytes) => drop(request.part(bytes, Duration::ZERO)),
        UploadFault::LeaseEnds => {
            let _ = request.part(70_000, Duration::ZERO);
            state.lock().unwrap().end_lease(&lease);
            std::thread::sleep(Duration::from_secs(3));
        }
        UploadFault::Status(status) => {
            let _ = request.body();
            return Reply::status(status);
        }
        UploadFault::Fine => {
            let body = request.part(usize::MAX, pause);
            return body.map_or(Reply::Cut, |body| take(&mut state.lock().unwrap(), &lease, disk, &body));
        }
    }
    Reply::Cut
}

fn take(state: &mut State, lease: &str, disk: usize, body: &[u8]) -> Reply {
    state.tick();
    let Some(lease) = state.leases.get_mut(lease) else { return Reply::status(404) };
    let read = vmdk::read(body).and_then(|content| {
        let wanted = content.len() as u64 == lease.disks[disk].0;
        if wanted { Ok(content) } else { Err(format!("a disk of {} bytes", content.len())) }
    });
    match read {
        Ok(content) => {
            lease.disks[disk].1 = Some(content);
            state.streams.push(body.to_vec());
            Reply::status(201)
        }
        Err(why) => {
            state.wrong.push(why);
            Reply::status(400)
        }
    }
}
