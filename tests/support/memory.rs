//! The runner over an in-memory world that refuses what the real one refuses: two machines with one
//! address on one network end the test.

mod line;

pub use line::{Line, Watching};

use super::project;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use traghetto::checklist::Phase;
use traghetto::journal::{Chain, Event, Journal};
use traghetto::migration::{
    self, Action, Acts, AddressSeen, Adopted, Adoption, Class, Ended, Ending, Figures, LastCopy, Leg, LteWatch,
    Objection, Observer, Plan, Playbook, Progress, Quiesce, Raised, Reading, Record, Routing, RunState, Runner, Scope,
    Shown, Sight, Step, StepResult, Tempo, Trouble, gates, may_sign, phase_of,
};
use traghetto::model::converter::{ConverterAccess, ConverterSource, ConverterTrust};
use traghetto::model::project::{LabCommands, LandingMachines};
use traghetto::model::server::{Access, Login, SecretRef, SshProfile, Transfer};
use traghetto::model::vsphere::{PortGroupNames, Switch, Trust, VcenterAccess, VsphereLanding, VsphereWay};
use traghetto::model::{DiskId, Inventory, Known, ServerId, TenantId};

/// What the in-memory world is like; shared, so that a test changes it between runs.
#[derive(Default)]
pub struct World {
    /// Content of each source.
    pub sources: BTreeMap<String, u64>,
    /// Servers that cannot be reached.
    pub off: BTreeSet<String>,
    /// Servers whose disk is in use.
    pub in_use: BTreeSet<String>,
    /// What makes servers stand still; offline where nothing is said.
    pub quiesce: BTreeMap<String, Quiesce>,
    /// Servers whose disk changes with every pass.
    pub restless: BTreeSet<String>,
    /// Servers whose replica does not hold.
    pub damaged: BTreeSet<String>,
    /// Servers whose replica is found damaged at its next reading, once.
    pub rotten: BTreeSet<String>,
    /// Replicas.
    pub replicas: BTreeMap<String, u64>,
    /// Sources that are switched off.
    pub sources_off: BTreeSet<String>,
    /// Towns whose LAN does not answer from here.
    pub no_witness: bool,
    /// Servers whose address leads here.
    pub routed: BTreeSet<String>,
    /// Machines at the landing site.
    pub machines: BTreeMap<String, Machine>,
    /// Test machines in the isolated network.
    pub tests: BTreeSet<String>,
    /// Servers whose clone is converted.
    pub converted: BTreeSet<String>,
    /// Whether a person drives Converter.
    pub by_hand: bool,
    /// Whether the landing cannot be asked about machines.
    pub landing_mute: bool,
    /// Servers whose machine never answers.
    pub mute: BTreeSet<String>,
    /// Servers whose checklist does not pass, and why.
    pub failing: BTreeMap<Phase, String>,
    /// Manual steps of which nothing shows that they are done.
    pub unseen: BTreeSet<String>,
    /// Every act, in order.
    pub acts: Vec<String>,
    /// The clock, where acts take their time.
    pub clock: Option<Arc<Mutex<Timestamp>>>,
    /// How many seconds an act takes; a minute where nothing is said.
    pub takes: BTreeMap<String, i64>,
    /// The line of the copies, where a test looks at it.
    pub line: Option<Line>,
    /// Whether the copy at work may send nothing, and that was written down.
    pub held: bool,
    /// Whether the operations host is lost.
    pub lost: bool,
    /// The copy at work, as `status` reads it.
    pub figures: Option<Figures>,
    /// Parts of the copy at work that are safe here.
    pub safe: BTreeMap<String, u64>,
    /// Parts that were sent, in all.
    pub sent: BTreeMap<String, u64>,
    /// When a run began to see that LTE carries.
    pub lte_seen: Vec<(ServerId, Timestamp)>,
    /// Replaced servers whose address the new machine has.
    pub address_taken: BTreeSet<String>,
    /// The number of the act at which the process is killed: the act is done, and nobody hears of it.
    pub kill_at: Option<usize>,
}

/// A night that takes milliseconds.
pub const TEMPO: Tempo = Tempo {
    look_every: Duration::from_millis(5),
    silent_for: Duration::from_millis(20),
    patience: Duration::from_millis(400),
    pause_every: Duration::from_millis(20),
};

/// A machine at the landing site.
#[derive(Default, Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    pub on: bool,
    pub connected: bool,
}

#[derive(Clone, Default)]
pub struct Memory {
    world: Arc<Mutex<World>>,
    /// Where a run writes remarks.
    journal: Option<Arc<Journal>>,
}

impl Memory {
    pub fn with<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.world.lock().unwrap())
    }

    /// Notes an act; a process that is killed never goes on.
    async fn note(&self, act: String) {
        let seconds = self.seconds(&act);
        self.note_after(act, seconds).await;
    }

    fn seconds(&self, act: &str) -> i64 {
        self.with(|world| world.takes.get(act).copied().unwrap_or(60))
    }

    async fn note_after(&self, act: String, seconds: i64) {
        let killed = self.with(|world| {
            if let Some(clock) = &world.clock {
                *clock.lock().unwrap() += SignedDuration::from_secs(seconds);
            }
            world.acts.push(act);
            world.kill_at.is_some_and(|at| world.acts.len() > at)
        });
        if killed {
            std::future::pending::<()>().await;
        }
    }
}

impl Acts for Memory {
    async fn observe(&mut self, step: &Step) -> Value {
        let on = |server: &ServerId| self.with(|world| !world.sources_off.contains(server.as_str()));
        match (&step.action, &step.server) {
            (Action::FinalSync | Action::Fence, Some(server)) if on(server) => json!({ "answers": ["ping"] }),
            (Action::Boot, Some(_)) if self.with(|world| world.landing_mute) => Value::Null,
            (Action::Boot, Some(server)) => {
                let machine = self.with(|world| world.machines.get(server.as_str()).copied()).unwrap_or_default();
                json!({ "connected": machine.on && machine.connected })
            }
            _ => Value::Null,
        }
    }

    async fn prepare(&mut self) -> Result<Ended, Trouble> {
        self.note("prepare".into()).await;
        Ok(Ended { result: StepResult::Prepared { folder: "memory".into() }, facts: json!({}) })
    }

    async fn check(&mut self, phase: Phase) -> Result<Ended, Trouble> {
        self.note(format!("check {phase}")).await;
        if let Some(why) = self.with(|world| world.failing.get(&phase).cloned()) {
            return Err(Trouble::new(Class::CheckFailed, why).hint("Users stay on what serves them now."));
        }
        Ok(Ended { result: StepResult::Checked { findings: "f".into(), verdicts: BTreeMap::new() }, facts: json!({}) })
    }

    async fn ask(&mut self, step: &Step) -> Result<String, Trouble> {
        self.note(format!("ask {}", step.id)).await;
        match self.with(|world| world.unseen.contains(&step.id.0)) {
            true => Err(Trouble::new(Class::CheckFailed, "nothing shows it")),
            false => Ok("open true".into()),
        }
    }

    async fn copy(
        &mut self,
        server: &ServerId,
        disk: &DiskId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Ended, Trouble> {
        let name = server.as_str().to_owned();
        if self.with(|world| world.off.contains(&name)) {
            return Err(Trouble::new(Class::Unreachable, "no route").hint("Nothing was lost."));
        }
        let content = self.with(|world| {
            let restless = world.restless.contains(&name);
            let source = world.sources.entry(name.clone()).or_insert(1);
            *source += u64::from(restless);
            let content = *source;
            world.damaged.remove(&name);
            world.replicas.insert(name.clone(), content);
            content
        });
        let act = format!("copy {name}");
        if self.with(|world| world.line.is_some()) {
            self.carry(server, disk, self.seconds(&act), progress).await;
            self.note_after(act, 0).await;
        } else {
            self.note(act).await;
        }
        let result = StepResult::Copied { root: content.to_string(), length: 65536 };
        Ok(Ended { result, facts: json!({ "bytes_wire": 10, "duration": 1.0 }) })
    }

    async fn last_copy(
        &mut self,
        server: &ServerId,
        disk: &DiskId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<LastCopy, Trouble> {
        if self.with(|world| world.in_use.contains(server.as_str())) {
            return Err(Trouble::new(Class::CheckFailed, "in use"));
        }
        let ended = self.copy(server, disk, progress).await?;
        let quiesce = self.with(|world| world.quiesce.get(server.as_str()).copied().unwrap_or(Quiesce::Offline));
        Ok(LastCopy { ended, quiesce })
    }

    async fn verify(
        &mut self,
        server: &ServerId,
        _: &DiskId,
        _: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Reading, Trouble> {
        self.note(format!("verify {server}")).await;
        let (holds, root) = self.with(|world| {
            let holds = !world.damaged.contains(server.as_str()) && !world.rotten.remove(server.as_str());
            (holds, world.replicas[server.as_str()].to_string())
        });
        Ok(Reading { holds, root, wrong: "damaged".into(), facts: json!({}) })
    }

    async fn test_clone(&mut self, server: &ServerId, _: &DiskId) -> Result<Ended, Trouble> {
        self.note(format!("clone {server}")).await;
        let root = self.with(|world| world.replicas[server.as_str()].to_string());
        Ok(Ended { result: StepResult::Cloned { root }, facts: json!({}) })
    }

    async fn transfer(
        &mut self,
        server: &ServerId,
        leg: Leg,
        said: bool,
        _: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Ended, Trouble> {
        if self.with(|world| world.by_hand) && leg != Leg::Changes && !said {
            return Err(Trouble::new(Class::Waiting, "a person drives Converter").hint("The page says how."));
        }
        self.with(|world| {
            world.replicas.insert(server.to_string(), 1);
            if leg == Leg::Last {
                world.converted.insert(server.to_string());
            }
        });
        self.note(format!("transfer {server} {leg:?}")).await;
        let result = StepResult::Transferred { machine: server.to_string(), leg };
        Ok(Ended { result, facts: json!({}) })
    }

    async fn launch_test(&mut self, server: &ServerId, _: &mut (dyn FnMut(Progress) + Send)) -> Result<Ended, Trouble> {
        let root = self.with(|world| {
            world.tests.insert(server.to_string());
            world.replicas[server.as_str()].to_string()
        });
        self.note(format!("launch {server}")).await;
        let result = StepResult::Launched { machine: format!("{server}-test"), roots: vec![root] };
        Ok(Ended { result, facts: json!({}) })
    }

    async fn end_tests(&mut self) -> Result<Value, Trouble> {
        self.with(|world| world.tests.clear());
        self.note("end tests".into()).await;
        Ok(json!({}))
    }

    async fn convert(&mut self, server: &ServerId, _: &mut (dyn FnMut(Progress) + Send)) -> Result<Ended, Trouble> {
        let root = self.with(|world| {
            assert!(!world.machines.contains_key(server.as_str()), "the disks of a machine are converted under it");
            world.converted.insert(server.to_string());
            world.replicas[server.as_str()].to_string()
        });
        self.note(format!("convert {server}")).await;
        let result = StepResult::Converted { roots: vec![root], changes: "c".into() };
        Ok(Ended { result, facts: json!({}) })
    }

    async fn look(&mut self, server: &ServerId) -> Sight {
        self.with(|world| Sight {
            answers: (!world.sources_off.contains(server.as_str())).then(|| "ping".to_owned()).into_iter().collect(),
            witness: (!world.no_witness).then(|| "ping 192.0.2.254".to_owned()),
        })
    }

    async fn route(&mut self, server: &ServerId) -> Result<Routing, Trouble> {
        if self.with(|world| world.routed.contains(server.as_str())) {
            return Ok(Routing::Leads(Shown::Push { run: "r".into() }));
        }
        Ok(Routing::Waits(vec!["Push the routers.".into()]))
    }

    async fn raise(&mut self, server: &ServerId, _: &mut (dyn FnMut(Progress) + Send)) -> Result<Raised, Trouble> {
        if self.with(|world| world.landing_mute) {
            return Err(Trouble::new(Class::Unreachable, "the vCenter does not answer").hint("Nothing was booted."));
        }
        let connected = self.with(|world| {
            assert!(world.converted.contains(server.as_str()), "{server} boots what was never converted");
            let machine = world.machines.entry(server.to_string()).or_default();
            machine.on = true;
            machine.connected
        });
        self.note(format!("raise {server}")).await;
        Ok(Raised { machine: server.to_string(), connected })
    }

    async fn connect(&mut self, server: &ServerId) -> Result<(), Trouble> {
        self.with(|world| {
            assert!(world.sources_off.contains(server.as_str()), "{server} is on the network twice");
            world.machines.get_mut(server.as_str()).unwrap().connected = true;
        });
        self.note(format!("connect {server}")).await;
        Ok(())
    }

    async fn greet(&mut self, server: &ServerId, _: &mut (dyn FnMut(Progress) + Send)) -> Result<Vec<String>, Trouble> {
        if self.with(|world| world.mute.contains(server.as_str())) {
            return Err(Trouble::new(Class::CheckFailed, "no answer").hint("It is connected."));
        }
        Ok(vec!["ping".into()])
    }

    async fn relocate(&mut self, server: &ServerId, _: &mut (dyn FnMut(Progress) + Send)) -> Result<Ended, Trouble> {
        self.with(|world| assert!(world.machines[server.as_str()].connected, "{server} moves before it is in service"));
        self.note(format!("relocate {server}")).await;
        let result = StepResult::Relocated { machine: server.to_string(), datastore: Some("san".into()) };
        Ok(Ended { result, facts: json!({}) })
    }

    async fn look_at_new(&mut self, server: &ServerId) -> Result<AddressSeen, Trouble> {
        Ok(self.with(|world| AddressSeen {
            sight: Some(Sight {
                answers: world.address_taken.contains(server.as_str()).then(|| "ping".to_owned()).into_iter().collect(),
                witness: (!world.no_witness).then(|| "ping 192.0.2.254".to_owned()),
            }),
            leads_here: world.routed.contains(server.as_str()),
        }))
    }

    async fn withdraw(&mut self, server: &ServerId) -> Result<Value, Trouble> {
        self.with(|world| {
            if let Some(machine) = world.machines.get_mut(server.as_str()) {
                *machine = Machine::default();
            }
        });
        self.note(format!("withdraw {server}")).await;
        Ok(json!({}))
    }
}

pub struct Silent;

impl Observer for Silent {
    fn event(&mut self, _: &Event) {}
    fn progress(&mut self, _: &Step, _: Progress) {}
}

/// A tenant, its plan and its journal, with a clock that the test moves.
pub struct Lab {
    pub folder: tempfile::TempDir,
    pub inventory: Inventory,
    pub playbook: Playbook,
    pub memory: Memory,
    pub clock: Arc<Mutex<Timestamp>>,
}

/// How the new machine of a server that is replaced is reached, before it has the address.
pub fn new_machine() -> Access {
    Access {
        host: "192.0.2.77".into(),
        port: 22,
        user: "root".into(),
        login: Login::Agent,
        host_key: None,
        ssh_profile: SshProfile::Modern,
        via: None,
    }
}

pub fn cinto() -> TenantId {
    "cinto-caomaggiore".parse().unwrap()
}

impl Lab {
    pub fn new() -> Self {
        let file = "playbooks/con-me-2.2.1.yaml";
        let bytes = std::fs::read(project().join(file)).unwrap();
        Self {
            folder: tempfile::tempdir().unwrap(),
            inventory: traghetto::inventory::load(&project()).unwrap(),
            playbook: migration::decode(file, &bytes).unwrap(),
            memory: Memory::default(),
            clock: Arc::new(Mutex::new("2022-06-01T08:00:00Z".parse().unwrap())),
        }
    }

    /// Where the landing boots machines, and every server has a landing address of its own kind.
    pub fn with_machines() -> Self {
        let mut lab = Self::new();
        let command = vec!["/bin/true".to_owned()];
        let (start, stop, status) = (command.clone(), command.clone(), command);
        lab.inventory.project.landing.machines = LandingMachines::Lab(LabCommands { start, stop, status });
        lab
    }

    /// The same with a vCenter, where VMware Converter moves `cinto-srv2`.
    pub fn with_converter(transfer: Transfer) -> Self {
        let mut lab = Self::with_machines();
        let password = || SecretRef::Env("PASSWORD".into());
        let access = VcenterAccess {
            host: "vcenter.sad.example".into(),
            port: 443,
            user: "traghetto@vsphere.local".into(),
            password: password(),
            trust: Trust::Thumbprint("00".repeat(32)),
        };
        let vsphere = VsphereLanding {
            access,
            datacenter: "SAD".into(),
            pool: "Cluster/Resources".into(),
            folder: None,
            hosts: vec!["Cluster/esx1".into()],
            switch: Switch::Distributed("dvs".into()),
            port_groups: PortGroupNames::default(),
            way: VsphereWay::Nfc,
            datastore: "produzione".into(),
        };
        let landing = &mut lab.inventory.project.landing;
        landing.machines = LandingMachines::Vsphere(Box::new(vsphere));
        landing.converter = Some(ConverterAccess {
            host: "converter.sad.example".into(),
            port: 443,
            user: "traghetto".into(),
            password: password(),
            trust: ConverterTrust::Certificate("00".repeat(32)),
            vcenter_thumbprint: None,
        });
        let server = &mut lab.servers()[1];
        server.transfer = transfer;
        server.converter = Some(ConverterSource {
            host: "192.0.2.11".into(),
            port: 9089,
            user: "Administrator".into(),
            password: password(),
            thumbprint: None,
            services_stopped: vec!["DNS".into()],
        });
        lab
    }

    pub fn servers(&mut self) -> &mut Vec<traghetto::model::server::Server> {
        match &mut self.inventory.tenants.get_mut(&cinto()).unwrap().servers {
            Known::Known(servers) => servers,
            Known::Unknown => panic!("the servers are known"),
        }
    }

    pub fn plan(&self) -> Plan {
        let tenant = &self.inventory.tenants[&cinto()];
        let (inventory, playbook) = (&self.inventory, &self.playbook);
        migration::plan(&migration::Request { inventory, tenant, playbook, start: None }).unwrap()
    }

    pub fn hours(&self) -> migration::Hours<'_> {
        migration::Hours { project: &self.inventory.project, tenant: &self.inventory.tenants[&cinto()] }
    }

    pub fn later(&self, hours: i64) {
        let mut now = self.clock.lock().unwrap();
        *now += SignedDuration::from_hours(hours);
    }

    pub async fn journal(&self) -> Journal {
        let clock = self.clock.clone();
        let mirror = self.folder.path().join("replicas");
        let journal = Journal::open("sqlite:state.db", self.folder.path(), Some(&mirror)).await.unwrap();
        journal.with_clock(Arc::new(move || *clock.lock().unwrap()))
    }

    pub async fn write(&self, record: Record) {
        self.write_as("anna-veneto", record).await;
    }

    pub async fn write_as(&self, operator: &str, record: Record) {
        let (kind, data) = record.parts();
        self.journal().await.append(&cinto(), operator, &kind, data).await.unwrap();
    }

    pub async fn adopt(&self) {
        let plan = self.plan();
        self.write(Record::PlanAdopted { digest: plan.digest(), changes: Vec::new(), plan: plan.record() }).await;
    }

    pub async fn state(&self) -> RunState {
        RunState::of(&self.journal().await.events(&cinto()).await.unwrap()).unwrap()
    }

    pub async fn run(&self) -> Ending {
        self.run_only(None).await
    }

    pub async fn run_only(&self, only: Option<&str>) -> Ending {
        self.run_as("anna-veneto", only).await
    }

    pub async fn run_as(&self, operator: &str, only: Option<&str>) -> Ending {
        let only = only.map(|server| server.parse().unwrap());
        let scope = Scope { only, failed: BTreeSet::new() };
        self.with_runner(operator, scope, async |mut runner| runner.run().await.unwrap()).await
    }

    /// What `migrate rollback` does once it is decided.
    pub async fn withdraw_all(&self) -> Option<Ending> {
        self.with_runner("anna-veneto", Scope::default(), async |mut runner| runner.withdraw_all().await.unwrap()).await
    }

    async fn with_runner<T>(
        &self,
        operator: &str,
        scope: Scope,
        act: impl AsyncFnOnce(Runner<'_, Memory, Watching>) -> T,
    ) -> T {
        let (plan, journal) = (self.plan(), self.journal().await);
        let memory = Memory { journal: Some(Arc::new(self.journal().await)), ..self.memory.clone() };
        let lease = journal.lease("tenant/cinto-caomaggiore", operator, None).await.unwrap();
        let (_sender, stop) = tokio::sync::watch::channel(false);
        let runner = Runner {
            journal: &journal,
            lease: &lease,
            plan: &plan,
            operator,
            acts: memory.clone(),
            observer: Watching { memory, lte: LteWatch::default() },
            stop,
            scope,
            tempo: TEMPO,
            hours: self.hours(),
        };
        let ended = act(runner).await;
        journal.release(lease).await.unwrap();
        ended
    }

    /// The state store is lost; the mirror beside the replicas is not.
    pub fn lose_the_store(&self) {
        for entry in std::fs::read_dir(self.folder.path()).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            match name.starts_with("state.") {
                true if entry.path().is_dir() => std::fs::remove_dir_all(entry.path()).unwrap(),
                true => std::fs::remove_file(entry.path()).unwrap(),
                false => {}
            }
        }
    }

    /// Another host goes on from the mirror.
    pub async fn adopt_mirror(&self, operator: &str, reason: &str) -> Adopted {
        let journal = self.journal().await;
        let file = journal.mirror_file(&cinto()).unwrap();
        let chain = Chain::read(&file).unwrap();
        let lease = journal.lease("tenant/cinto-caomaggiore", operator, None).await.unwrap();
        let wish = Adoption { chain: &chain, file: "events.jsonl".into(), reason };
        let adopted = migration::adopt(&journal, &lease, operator, &wish).await.unwrap();
        journal.release(lease).await.unwrap();
        adopted
    }

    /// Runs until the process is killed at act number `at`; the future is dropped like a process.
    pub async fn run_killed(&self, at: usize) {
        self.memory.with(|world| world.kill_at = Some(at));
        self.run_dropped_once(|world| world.acts.len() > at).await;
        self.memory.with(|world| world.kill_at = None);
    }

    /// Runs until the host is lost; the future is dropped like a process.
    pub async fn run_dropped_once(&self, lost: impl Fn(&World) -> bool) {
        let killed = async {
            while self.memory.with(|world| !lost(world)) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::select! {
            _ = self.run() => {}
            () = killed => {}
        }
        self.memory.with(|world| world.figures = None);
    }

    /// The gate that comes next and may be signed.
    pub async fn gate(&self) -> String {
        let (plan, state) = (self.plan(), self.state().await);
        let now = *self.clock.lock().unwrap();
        let all = gates(&plan, &state, now);
        all.iter()
            .find(|gate| gate.can_be_signed() && !gate.is_open())
            .map(|gate| gate.gate.gate.to_string())
            .unwrap_or_default()
    }

    /// Who signs types it.
    pub async fn try_sign(&self, gate: &str, role: &str, by: &str) -> Result<(), Objection> {
        self.type_for(gate, role, by, by).await
    }

    pub async fn type_for(&self, gate: &str, role: &str, by: &str, operator: &str) -> Result<(), Objection> {
        let (plan, state) = (self.plan(), self.state().await);
        let now = *self.clock.lock().unwrap();
        let all = gates(&plan, &state, now);
        let status = all.iter().find(|status| status.gate.gate.as_str() == gate).unwrap();
        let (role, by) = (role.parse().unwrap(), by.parse().unwrap());
        may_sign(status, &plan, &self.inventory.people, &by, &role, &operator.parse().unwrap())?;
        let (gate, approves) = (status.gate.gate.clone(), status.approves.clone());
        let terms = status.approval.cutover.is_some().then(|| plan.terms.record());
        self.write_as(operator, Record::GateSigned { gate, role, by, approves, terms }).await;
        Ok(())
    }

    pub async fn sign(&self, gate: &str) {
        let signers: &[(&str, &str)] = match gate {
            "landing-ready" | "test-accepted" => &[("sad-validatore", "carla-riva")],
            "quiet" | "moved" => &[("venis-sistemista", "anna-veneto"), ("comune-tecnico", "elena-ponte")],
            _ => &[("sad-validatore", "carla-riva"), ("comune-referente", "dario-pieve")],
        };
        for (role, by) in signers {
            self.try_sign(gate, role, by).await.unwrap();
        }
    }

    /// Runs and signs until `gate` waits.
    pub async fn up_to(&self, gate: &str) {
        for _ in 0..10 {
            assert!(matches!(self.run().await, Ending::Gate));
            let next = self.gate().await;
            if next == gate {
                return;
            }
            self.sign(&next).await;
        }
        panic!("{gate} was never reached");
    }

    pub async fn phase(&self, server: &str) -> &'static str {
        let (plan, state) = (self.plan(), self.state().await);
        let now = *self.clock.lock().unwrap();
        phase_of(&plan, &state, &gates(&plan, &state, now), &server.parse().unwrap()).word()
    }
}

pub const SERVERS: [&str; 3] = ["cinto-srv1", "cinto-srv2", "cinto-srv3"];

pub const GATES: [&str; 8] = [
    "landing-ready",
    "source-checked",
    "test-accepted",
    "move-planned",
    "quiet",
    "moved",
    "landing-accepted",
    "decommissioned",
];
