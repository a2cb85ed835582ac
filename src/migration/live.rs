//! The real world behind the runner: SSH to the sources, replicas and clones on this host, checklists.

mod converter;
mod directory;
mod figures;
mod last_copy;
mod machines;
mod measure;
mod shaping;
mod sight;
mod snapshot;
mod trouble;
mod under_test;

use super::plan::Step;
use super::playbook::Action;
use super::record::{self, Class, Leg};
use super::routing::{routing, still_leads_here};
use super::run::{Acts, AddressSeen, Ended, LastCopy, Progress, Raised, Reading, Routing, Trouble};
use super::silence::Sight;
use super::state::RunState;
use crate::checklist::{
    self, Baselines, Checklist, Field, Finding, Keeper, Outcome, Phase, Redactor, RunRecord, Signatures, Verdict,
};
use crate::digest::sha256;
use crate::journal::{Event, Journal};
use crate::landing::{LandingZone as _, Way};
use crate::model::project::Project;
use crate::model::server::{Access, Server, Transfer};
use crate::model::tenant::Tenant;
use crate::model::{DiskId, ServerId};
use crate::replica::{
    self, AgentBinary, AgentLink, CHUNK, DiskReplica, MapWanted, PassOptions, PassProgress, Stage, StartOptions,
};
use crate::world::secret;
use crate::world::ssh::{Deadlines, Session, Trust};
use serde_json::{Value, json};
use shaping::{Shaping, Shown, Subject};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use trouble::{of_agent, of_file, of_landing, of_replica, of_shell};

pub use figures::{Figures, live_figures};
pub use measure::{Measured, Measuring};

/// Highest level of zstd: the agent uses what the link leaves time for.
const ZSTD_LEVEL: u8 = 12;

/// The world of one tenant's migration.
pub struct Live<'a, F> {
    /// The project.
    pub project: &'a Project,
    /// Whose servers are moved.
    pub tenant: &'a Tenant,
    /// Where runs and signatures of checklists are.
    pub journal: &'a Journal,
    /// Who acts.
    pub operator: &'a str,
    /// Id of the state store by which replicas and machines are known.
    pub store: String,
    /// Folder of all replicas.
    pub landing: PathBuf,
    /// Where machines come to be.
    pub machines: Way,
    /// Which hosts are believed.
    pub trust: Trust,
    /// The agent's file.
    pub agent: AgentBinary,
    /// Whether the agent may be put on a disk of a source.
    pub agent_on_disk: bool,
    /// Whether disks are copied whole, free space and all.
    pub whole: bool,
    /// The checklists by phase.
    pub checklists: BTreeMap<Phase, Checklist>,
    /// What checklists ask.
    pub field: Arc<F>,
}

/// An agent on a source, and the replica that it fills.
struct Reached<'s> {
    server: &'s ServerId,
    session: Session,
    agent: AgentLink,
    replica: DiskReplica,
    source: PathBuf,
    options: PassOptions,
    whole: bool,
    shaping: Shaping<'s>,
    shown: &'s Shown<'s>,
}

impl Reached<'_> {
    /// One pass over the disk, at the pace that is allowed.
    async fn pass(&mut self, map: MapWanted) -> Result<Ended, Trouble> {
        let Self { server, session, agent, replica, source, options, whole, shaping, shown } = self;
        options.map = if *whole { MapWanted::Whole } else { map };
        // Login and the push of the agent are counted apart.
        let (sent_before, received_before) = session.bytes();
        let mut watch = |now: PassProgress| shown.pass(pass_progress(&now));
        let pace = agent.pace();
        let pass = replica::pass(agent, replica, source, options, &mut watch);
        let report = shaping.beside(&pace, session, pass).await;
        let report = report.map_err(|error| of_replica(error, server, replica))?;
        let (sent, received) = session.bytes();
        let mut facts = serde_json::to_value(&report).unwrap_or_default();
        facts["bytes_wire"] = json!(sent + received - sent_before - received_before);
        facts["bytes_agent"] = json!(agent.bytes_agent());
        let result = record::Result::Copied { root: report.root.to_string(), length: report.length };
        Ok(Ended { result, facts })
    }
}

/// The folder of a server's replicas.
pub fn server_folder(landing: &Path, tenant: &Tenant, server: &ServerId) -> PathBuf {
    landing.join(tenant.id.as_str()).join(server.as_str())
}

impl<F> Live<'_, F> {
    fn server(&self, id: &ServerId) -> Result<&Server, Trouble> {
        let servers = self.tenant.servers.known().into_iter().flatten();
        let mut servers = servers.filter(|server| server.id == *id);
        servers.next().ok_or_else(|| Trouble::new(Class::Failed, format!("the inventory has no server {id}")))
    }

    fn access(&self, id: &ServerId) -> Result<&Access, Trouble> {
        let access = self.server(id)?.access.as_ref();
        access.ok_or_else(|| Trouble::new(Class::Failed, format!("the inventory gives no `access` for {id}")))
    }

    fn source(&self, server: &ServerId, disk: &DiskId) -> Result<&Path, Trouble> {
        let found = self.server(server)?.disks.iter().find(|candidate| candidate.id == *disk);
        let source = found.and_then(|disk| disk.source.as_deref());
        source
            .ok_or_else(|| Trouble::new(Class::Failed, format!("the inventory gives no `source` for {server} {disk}")))
    }

    fn replica(&self, server: &ServerId, disk: &DiskId) -> DiskReplica {
        DiskReplica::new(&server_folder(&self.landing, self.tenant, server), disk)
    }

    /// The replicas of all disks of the tenant: what one of them holds is not sent for another.
    fn replicas(&self) -> Vec<DiskReplica> {
        let servers = self.tenant.servers.known().into_iter().flatten();
        let disks = servers.flat_map(|server| server.disks.iter().map(move |disk| (server, disk)));
        disks.map(|(server, disk)| self.replica(&server.id, &disk.id)).collect()
    }

    fn subject<'s>(&'s self, server: &ServerId, disk: &'s DiskId) -> Result<Subject<'s>, Trouble> {
        Ok(Subject {
            project: self.project,
            tenant: self.tenant,
            journal: self.journal,
            operator: self.operator,
            landing: &self.landing,
            server: self.server(server)?,
            disk,
        })
    }

    async fn log_in(&self, server: &ServerId) -> Result<Session, Trouble> {
        let access = self.access(server)?;
        Session::connect(access, &self.trust, Deadlines::default()).await.map_err(|error| of_shell(error, server))
    }

    /// Starts an agent for a disk, once something may be sent at all.
    async fn reach<'s>(
        &'s self,
        session: Session,
        server: &'s ServerId,
        disk: &'s DiskId,
        shown: &'s Shown<'s>,
    ) -> Result<Reached<'s>, Trouble> {
        let (replica, source) = (self.replica(server, disk), self.source(server, disk)?.to_owned());
        let mut shaping = Shaping::of(self.subject(server, disk)?, self.access(server)?, shown).await?;
        shaping.until_allowed(&session).await;
        let options = StartOptions { loopback: is_loopback(self.access(server)?), agent_on_disk: self.agent_on_disk };
        let agent = replica::start(&session, &self.agent, options).await;
        let agent = agent.map_err(|error| of_agent(error, server, &replica))?;
        let store = self.store.clone();
        let options =
            PassOptions { store, level: ZSTD_LEVEL, map: MapWanted::Whole, donors: self.replicas(), snapshot: false };
        Ok(Reached { server, session, agent, replica, source, options, whole: self.whole, shaping, shown })
    }

    /// Bytes that the first copies still need on this host, as far as the inventory knows.
    fn bytes_missing(&self) -> u64 {
        let servers = self.tenant.servers.known().into_iter().flatten();
        let copied = servers.filter(|server| server.transfer != Transfer::Replace);
        let disks = copied.flat_map(|server| server.disks.iter().map(move |disk| (server, disk)));
        disks
            .map(|(server, disk)| {
                let there = self.replica(&server.id, &disk.id).status().ok().flatten();
                disk.size.or(disk.used).unwrap_or(0).saturating_sub(there.map_or(0, |status| status.bytes_used))
            })
            .sum()
    }

    async fn events(&self) -> Result<Vec<Event>, Trouble> {
        self.journal.events(&self.tenant.id).await.map_err(|error| Trouble::new(Class::Evidence, error))
    }
}

impl<F: Field> Acts for Live<'_, F> {
    async fn observe(&mut self, step: &Step) -> Value {
        // Only a note in the journal: the act itself looks again, and says what is wrong.
        let mut seen = match step.of_disk().map(|(server, disk)| self.replica(server, disk).status()) {
            Some(Ok(status)) => serde_json::to_value(status).unwrap_or_default(),
            Some(Err(error)) => json!({ "unreadable": error.to_string() }),
            None => Value::Null,
        };
        // That it is connected before we ever were at work says that somebody else did it.
        if let (Action::Boot, Some(server)) = (&step.action, &step.server) {
            seen = self.is_connected(server).await.map_or(Value::Null, |connected| json!({ "connected": connected }));
        }
        // That something answers now is what its silence means later.
        if let (Action::FinalSync | Action::Fence, Some(server)) = (&step.action, &step.server)
            && self.project.landing.has_machines()
        {
            let answers = self.look(server).await.answers;
            match &mut seen {
                Value::Object(seen) => _ = seen.insert("answers".to_owned(), json!(answers)),
                seen => *seen = json!({ "answers": answers }),
            }
        }
        seen
    }

    async fn prepare(&mut self) -> Result<Ended, Trouble> {
        let servers: Vec<&Server> = self.tenant.servers.known().into_iter().flatten().collect();
        for server in &servers {
            let folder = server_folder(&self.landing, self.tenant, &server.id);
            std::fs::create_dir_all(&folder).map_err(|error| of_file(error, "make", &folder))?;
        }
        let has_machines = self.project.landing.has_machines();
        let zone =
            if has_machines { Some(self.machines.prepare(self.tenant).await.map_err(of_landing)?) } else { None };
        let space = rustix::fs::statvfs(&self.landing).map_err(|errno| of_file(errno.into(), "ask", &self.landing))?;
        let (free, missing) = (space.f_bavail.saturating_mul(space.f_frsize), self.bytes_missing());
        if free < missing {
            let text = format!("{} has {free} bytes free, the first copies need {missing}", self.landing.display());
            return Err(Trouble::new(Class::Failed, text).hint("Nothing was copied and no source was touched.").hint(
                "Free space, or set `landing.target` to a larger filesystem; then give the same command again.",
            ));
        }
        let result = record::Result::Prepared { folder: self.landing.display().to_string() };
        let mut facts = json!({ "bytes_free": free, "bytes_missing": missing, "servers": servers.len() });
        if let Some(zone) = zone {
            facts["zone"] = json!(zone.parts);
            facts["clones_free"] = json!(zone.free);
        }
        Ok(Ended { result, facts })
    }

    async fn check(&mut self, phase: Phase) -> Result<Ended, Trouble> {
        let list = self.checklists.get(&phase).ok_or_else(|| {
            Trouble::new(Class::Failed, format!("there is no checklist {phase}"))
                .hint(format!("Put it into checklists/{phase}.yaml."))
        })?;
        let events = self.events().await?;
        let state = RunState::of(&events).map_err(|error| Trouble::new(Class::Evidence, error))?;
        if phase == Phase::Source && !state.moving().is_empty() {
            return Err(Trouble::new(Class::CheckFailed, "the source checklist is not run once servers move")
                .hint("No server was touched: what answers there may be the copy by now.")
                .hint("What was found before counts on."));
        }
        let of_copies = matches!(phase, Phase::Test | Phase::Landing | Phase::Decommission);
        let tenant = &if of_copies { state.without_taken_back(self.tenant) } else { self.tenant.clone() };
        let signatures = Signatures::read(list, &events, self.journal.now());
        let runs = events.iter().filter(|event| event.kind == RunRecord::KIND).map(|event| &event.data);
        let baselines = Baselines::read(runs);
        let options = checklist::Options::whole(self.project, &signatures, &baselines);
        let begun = Instant::now();
        let findings = checklist::run(list, tenant, &options, &self.field).await;
        let mut held = secret::held(self.tenant, &self.trust.root);
        held.extend(secret::held_for(self.project, &self.trust.root));
        let redactor = Redactor::new(held);
        let (journal, operator) = (self.journal, self.operator);
        let keeper = Keeper { journal, operator, redactor: &redactor, signatures: &signatures };
        let kept = keeper.keep(list, tenant, &options, begun.elapsed().as_secs_f64(), findings).await;
        let record = kept.map_err(|error| Trouble::new(Class::Failed, error).hint("No server was touched."))?;
        // What the Comune's own script found counts beside it, and what a machine said as its other system.
        let events = self.events().await?;
        let tasks = checklist::tasks(list, tenant, &options);
        let lines = checklist::standing(&tasks, phase, &events, &signatures);
        checked(&record.weighed(lines.into_iter().map(|line| line.finding).collect()))
    }

    async fn ask(&mut self, step: &Step) -> Result<String, Trouble> {
        let manual = match &step.action {
            Action::Manual(manual) => manual.asks.as_ref().map(|check| (&manual.title, check)),
            _ => None,
        };
        let Some((title, check)) = manual else {
            return Err(Trouble::new(Class::Failed, format!("{} asks nothing", step.id)));
        };
        let (tenant, project, server) = (self.tenant, self.project, step.server.as_ref());
        let once = checklist::Once { title, check, server, tenant, project };
        let found = checklist::ask(&once, &self.field).await.map_err(|error| Trouble::new(Class::Failed, error))?;
        let found = found.ok_or_else(|| Trouble::new(Class::Failed, format!("{} has no subject", step.id)))?;
        if found.verdict == Verdict::Pass {
            return Ok(found.found);
        }
        let class = if found.unreachable { Class::Unreachable } else { Class::CheckFailed };
        let reason = found.reason.as_deref().unwrap_or(&found.found);
        Err(Trouble::new(class, format!("{} does not show yet: {reason}", step.id)))
    }

    async fn copy(
        &mut self,
        server: &ServerId,
        disk: &DiskId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Ended, Trouble> {
        let (shown, session) = (Shown::to(progress), self.log_in(server).await?);
        let mut reached = self.reach(session, server, disk, &shown).await?;
        // What is booted from a rescue system is not mounted; a running source changes while it is mapped.
        let rescue = self.server(server)?.transfer == Transfer::Rescue;
        let map = if rescue { MapWanted::Quiet } else { MapWanted::Live };
        reached.pass(map).await
    }

    async fn last_copy(
        &mut self,
        server: &ServerId,
        disk: &DiskId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<LastCopy, Trouble> {
        self.copy_still(server, disk, progress).await
    }

    async fn verify(
        &mut self,
        server: &ServerId,
        disk: &DiskId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Reading, Trouble> {
        let replica = self.replica(server, disk);
        verify(&replica, server, progress).await
    }

    async fn test_clone(&mut self, server: &ServerId, disk: &DiskId) -> Result<Ended, Trouble> {
        let replica = self.replica(server, disk);
        let root = root_of(&replica, server)?;
        let folder = replica.dir().join("clones");
        std::fs::create_dir_all(&folder).map_err(|error| of_file(error, "make", &folder))?;
        // The name says of which content it is: a clone that has its name is whole.
        let name: String = root.chars().take(16).collect();
        let (whole, part) = (folder.join(format!("{disk}.{name}.img")), folder.join(format!("{disk}.{name}.part")));
        let begun = Instant::now();
        let mut way = "there already".to_owned();
        if !whole.exists() {
            remove_stale(&part)?;
            let done = replica::clone(&replica, &part).await.map_err(|error| of_replica(error, server, &replica))?;
            std::fs::rename(&part, &whole).map_err(|error| of_file(error, "rename", &part))?;
            way = serde_json::to_value(done).ok().and_then(|way| way.as_str().map(str::to_owned)).unwrap_or_default();
        }
        if root_of(&replica, server)? != root {
            return Err(Trouble::new(
                Class::Evidence,
                format!("the replica of {server} {disk} changed under its clone"),
            )
            .hint("The source is untouched. Find out who wrote to the replica, then sync and verify it again."));
        }
        let facts =
            json!({ "clone": whole.display().to_string(), "way": way, "duration": begun.elapsed().as_secs_f64() });
        Ok(Ended { result: record::Result::Cloned { root }, facts })
    }

    async fn transfer(
        &mut self,
        server: &ServerId,
        leg: Leg,
        said: bool,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Ended, Trouble> {
        self.converter_leg(server, leg, said, progress).await
    }

    async fn launch_test(
        &mut self,
        server: &ServerId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Ended, Trouble> {
        let mut ended = match self.server(server)?.transfer.is_converter() {
            true => self.launch_copy(server, progress).await?,
            false => self.launch(server, progress).await?,
        };
        let controller = self.await_controller(server, progress).await?;
        if !controller.is_null() {
            ended.facts["controller"] = controller;
        }
        Ok(ended)
    }

    async fn end_tests(&mut self) -> Result<Value, Trouble> {
        self.end_launches().await
    }

    async fn convert(
        &mut self,
        server: &ServerId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Ended, Trouble> {
        self.convert_final(server, progress).await
    }

    async fn look(&mut self, server: &ServerId) -> Sight {
        match self.server(server) {
            Ok(server) => sight::sight(self.tenant, server).await,
            Err(_) => Sight::default(),
        }
    }

    async fn route(&mut self, server: &ServerId) -> Result<Routing, Trouble> {
        Ok(routing(&self.events().await?, self.tenant, self.server(server)?))
    }

    async fn raise(
        &mut self,
        server: &ServerId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Raised, Trouble> {
        self.raise_machine(server, progress).await
    }

    async fn connect(&mut self, server: &ServerId) -> Result<(), Trouble> {
        self.connect_machine(server).await
    }

    async fn greet(
        &mut self,
        server: &ServerId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Vec<String>, Trouble> {
        self.await_answer(server, progress).await
    }

    async fn relocate(
        &mut self,
        server: &ServerId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Ended, Trouble> {
        self.relocate_machine(server, progress).await
    }

    async fn look_at_new(&mut self, server: &ServerId) -> Result<AddressSeen, Trouble> {
        let sight = sight::sight_of_new(self.tenant, self.server(server)?).await;
        // Read after the look: a push that began meanwhile makes its silence worthless.
        let leads_here = still_leads_here(&self.events().await?, server);
        Ok(AddressSeen { sight, leads_here })
    }

    async fn withdraw(&mut self, server: &ServerId) -> Result<Value, Trouble> {
        self.withdraw_machine(server).await
    }
}

/// Reads a whole replica again; also for `migrate verify`.
///
/// # Errors
/// It cannot be read. That it does not hold is a result.
pub async fn verify(
    replica: &DiskReplica,
    server: &ServerId,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Reading, Trouble> {
    let mut watch = |now: replica::VerifyProgress| {
        let (done, total) = (now.chunks_done * CHUNK as u64, now.chunks_total * CHUNK as u64);
        progress(Progress { stage: "verifying", done, total, link: 0, allowance: None });
    };
    let report = replica::verify(replica, &mut watch).await.map_err(|error| of_replica(error, server, replica))?;
    let damaged: u64 = report.damaged.iter().map(|(_, count)| count).sum();
    let wrong = match (report.holds(), damaged, report.recorded) {
        (true, _, _) => String::new(),
        (false, 0, None) => {
            format!("the replica of {server} {} is incomplete: its last pass never ended", replica.disk())
        }
        (false, 0, Some(_)) => format!("the replica of {server} {} has another root than its manifest", replica.disk()),
        (false, damaged, _) => {
            format!("the replica of {server} {} is damaged: {damaged} chunks are not what they were", replica.disk())
        }
    };
    let facts = serde_json::to_value(&report).unwrap_or_default();
    Ok(Reading { holds: report.holds(), root: report.root.to_string(), wrong, facts })
}

fn root_of(replica: &DiskReplica, server: &ServerId) -> Result<String, Trouble> {
    let status = replica.status().map_err(|error| of_file(error, "read", &replica.manifest()))?;
    let root = status.and_then(|status| status.root).map(|root| root.to_string());
    root.ok_or_else(|| {
        Trouble::new(Class::Failed, format!("the replica of {server} {} is not complete", replica.disk()))
            .hint("The source is untouched. Give the same command again: a sync completes it.")
    })
}

fn remove_stale(part: &Path) -> Result<(), Trouble> {
    match std::fs::remove_file(part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(of_file(error, "remove", part)),
        _ => Ok(()),
    }
}

fn pass_progress(now: &PassProgress) -> Progress {
    let stage = match now.stage {
        Stage::Seeding => "seeding",
        Stage::Hashing => "comparing",
        Stage::Syncing => "syncing",
    };
    let (done, total) = (now.chunks_done * CHUNK as u64, now.chunks_total * CHUNK as u64);
    Progress { stage, done, total, link: now.bytes_payload, allowance: None }
}

fn is_loopback(access: &Access) -> bool {
    let address: Option<std::net::IpAddr> = access.host.parse().ok();
    access.via.is_none() && (access.host == "localhost" || address.is_some_and(|address| address.is_loopback()))
}

/// Why a run without a blocker that fails does not hold.
const NOTHING: &str = "every item was skipped, nothing is proven";

/// A checklist's run as the end of its step.
fn checked(run: &RunRecord) -> Result<Ended, Trouble> {
    let (phase, tenant) = (run.phase, &run.tenant);
    let blocking = run.findings.iter().filter(|finding| finding.blocks());
    let blocking: Vec<String> = blocking.map(in_words).collect();
    let report = format!("See `traghetto checklist report {phase} {tenant}`.");
    match run.outcome {
        Outcome::Passed => {
            let counts = run.counts.iter().filter(|(_, count)| **count > 0);
            let verdicts = counts.map(|(verdict, count)| (verdict.clone(), *count as u64)).collect();
            let result = record::Result::Checked { findings: findings_digest(&run.findings), verdicts };
            Ok(Ended { result, facts: json!({ "duration": run.took }) })
        }
        Outcome::Waiting => {
            let pending = run.findings.iter().filter(|finding| finding.verdict == Verdict::Pending).count();
            Err(Trouble::new(Class::Waiting, format!("checklist {phase}: {pending} items wait for a signature"))
                .hint("Everything that the program can check holds; no server was touched.")
                .hint(report)
                .hint(format!("Sign with `traghetto checklist sign {phase} {tenant} --all --role ROLE --note TEXT`.")))
        }
        outcome => {
            let class = if outcome == Outcome::Unreachable { Class::Unreachable } else { Class::CheckFailed };
            let what = if blocking.is_empty() { NOTHING.to_owned() } else { blocking.join(", ") };
            let text = format!("checklist {phase} does not hold: {what}");
            let trouble = Trouble::new(class, text).hint("No server was touched.").hint(report);
            Err(run.way_without_probe().into_iter().fold(trouble, Trouble::hint))
        }
    }
}

/// A finding that keeps the gate closed, with its reason.
fn in_words(found: &Finding) -> String {
    let reason = found.reason.as_deref().unwrap_or(&found.found);
    format!("{} {} ({reason})", found.item, found.subject)
}

/// SHA-256 of what was found, without times: the same findings give the same digest.
fn findings_digest(findings: &[Finding]) -> String {
    let line =
        |found: &Finding| format!("{} {} {} {}\n", found.item, found.subject, found.verdict.word(), found.digest);
    sha256(findings.iter().map(line).collect::<String>().as_bytes())
}
