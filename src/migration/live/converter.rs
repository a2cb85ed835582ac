//! VMware Converter behind the runner: driven over its API, or by a person with a page.

use super::Live;
use super::directory::{Night, ensure_down};
use super::shaping::Guide;
use super::trouble::{of_file, of_landing};
use crate::converter::{
    self, Assisted, ConverterState, Follower, Language, Line, LooksAtTarget, PROOF, Pace, TargetSeen, Why,
};
use crate::landing::{Identity, LandingZone as _, Power, Purpose, Way};
use crate::migration::elsewhere::target;
use crate::migration::record::{Class, Leg, Result as Outcome};
use crate::migration::run::{Ended, Progress, Trouble};
use crate::migration::shaping::Path as Carrier;
use crate::model::converter::{Job, JobSeen, SourceSeen};
use crate::model::project::LandingMachines;
use crate::model::server::{Access, Login, Server, SshProfile, Transfer};
use crate::model::{ServerId, TenantId};
use crate::world::converter::{
    Converting, Deadlines, Followed, Running, SoapConverter, Step, Trouble as Refused, Waiting,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Between two looks at a job.
const EVERY: Duration = Duration::from_secs(10);
/// The page for who drives Converter, and the bundle of logs, in the folder of the server's replicas.
const PAGE: &str = "converter.html";
const BUNDLE: &str = "converter-logs.zip";
/// Which last synchronisation of a controller was watched to its end, beside them.
const WATCHED: &str = "converter-watched.json";
/// How long Converter may be out of reach during it: a step that ends leaves nobody to watch.
const AWAY_FOR: Duration = Duration::from_secs(600);

const UNTOUCHED: &str = "The source works as before; its copy stays off, connected to nothing.";

type Watch<'p> = &'p mut (dyn FnMut(Progress) + Send);

/// The machine that Converter makes, as the landing site shows it.
struct Target<'a> {
    machines: &'a Way,
    identity: Identity,
}

impl LooksAtTarget for Target<'_> {
    async fn look(&self, _: &Job) -> Result<Option<TargetSeen>, Refused> {
        let standing = self.machines.look(&self.identity).await.map_err(|error| Refused::Local {
            what: "the vCenter's view of the target".to_owned(),
            source: std::io::Error::other(error),
        })?;
        Ok(standing.map(|standing| TargetSeen {
            powered_on: standing.power == Some(Power::On),
            connected: u32::from(standing.connected),
            busy: false,
        }))
    }
}

impl<F> Live<'_, F> {
    /// A leg of a copy that Converter makes.
    pub(super) async fn converter_leg(
        &self,
        id: &ServerId,
        leg: Leg,
        said: bool,
        progress: Watch<'_>,
    ) -> Result<Ended, Trouble> {
        let server = self.server(id)?;
        let job = self.job(server)?;
        let begun = Instant::now();
        let mut facts = if server.transfer == Transfer::Converter {
            self.driven(server, &job, leg, progress).await?
        } else {
            self.by_hand(server, &job, leg, said).await?
        };
        facts["proof"] = json!(PROOF);
        facts["duration"] = json!(begun.elapsed().as_secs_f64());
        Ok(Ended { result: Outcome::Transferred { machine: job.target.name, leg }, facts })
    }

    fn job(&self, server: &Server) -> Result<Job, Trouble> {
        let missing = |what: &str| Trouble::new(Class::Failed, format!("the inventory gives no {what}"));
        let LandingMachines::Vsphere(vsphere) = &self.project.landing.machines else {
            return Err(missing("`landing.vsphere`"));
        };
        let access = self.project.landing.converter.as_ref().ok_or_else(|| missing("`landing.converter`"))?;
        let source = server.converter.as_ref().ok_or_else(|| missing("`converter` of the server"))?;
        Ok(converter::derive(&self.tenant.id, server, source, &target(vsphere, access, self.tenant, server)))
    }

    fn beside_replicas(&self, id: &ServerId, file: &str) -> Result<PathBuf, Trouble> {
        let folder = super::server_folder(&self.landing, self.tenant, id);
        std::fs::create_dir_all(&folder).map_err(|error| of_file(error, "make", &folder))?;
        Ok(folder.join(file))
    }

    /// A person drives it: the page is written, what is done is said and seen.
    async fn by_hand(&self, server: &Server, job: &Job, leg: Leg, said: bool) -> Result<Value, Trouble> {
        let id = &server.id;
        let identity = Identity::new(&self.store, self.tenant, server, Purpose::Production);
        let bundle = self.beside_replicas(id, BUNDLE)?;
        let refusals = converter::refusals(server, job, None);
        let looks = Target { machines: &self.machines, identity };
        let assisted = Assisted { looks, refusals, seen: None, language: Language::Italian, bundle };
        if leg == Leg::Last {
            self.stands_apart(server).await?;
            if said {
                let end = Night::of(server, leg).end().await;
                end.map_err(|trouble| anew(trouble, id, &self.tenant.id))?;
            } else {
                ensure_down(server).await?;
            }
        }
        let step = match (leg, said) {
            (Leg::First, false) => {
                let nothing = SourceSeen::default();
                assisted.ensure_job(job, &nothing).await.map_err(of_converter)?.waiting()
            }
            (Leg::Last, false) => assisted.finalise(job).await.map_err(of_converter)?.waiting(),
            (Leg::Last, true) => {
                let copy = self.beside_replicas(id, &format!("{BUNDLE}.taken"))?;
                let mut sink = std::fs::File::create(&copy).map_err(|error| of_file(error, "write", &copy))?;
                match assisted.logs(job, &mut sink).await.map_err(of_converter)? {
                    Step::Done(bundle) => return self.seen_safe(&assisted, job, json!({ "logs": bundle })).await,
                    Step::Waiting(waiting) => Some(waiting),
                }
            }
            _ => return self.seen_safe(&assisted, job, json!({})).await,
        };
        Err(self.asked(id, leg, step)?)
    }

    /// The target is there, off and connected to nothing.
    async fn seen_safe(&self, assisted: &Assisted<Target<'_>>, job: &Job, facts: Value) -> Result<Value, Trouble> {
        let Step::Done(Followed::Target(seen)) = assisted.follow(job).await.map_err(of_converter)? else {
            return Err(Trouble::new(Class::Failed, "the vCenter cannot be asked for the target"));
        };
        match ConverterState::of_target(seen) {
            ConverterState::ByHand { .. } => Ok(facts),
            state => Err(Trouble::new(Class::CheckFailed, state.message().en).hint(UNTOUCHED)),
        }
    }

    /// What a person has to do, with the page beside the replicas.
    fn asked(&self, id: &ServerId, leg: Leg, waiting: Option<Waiting>) -> Result<Trouble, Trouble> {
        let Some(Waiting { page, what }) = waiting else {
            return Ok(Trouble::new(Class::Waiting, "a person drives VMware Converter").hint(UNTOUCHED));
        };
        let mut trouble = Trouble::new(Class::Waiting, what.en).hint(UNTOUCHED);
        if let Some(page) = page {
            let path = self.beside_replicas(id, PAGE)?;
            std::fs::write(&path, page).map_err(|error| of_file(error, "write", &path))?;
            trouble = trouble.hint(format!("Every setting is on the page {}.", path.display()));
        }
        let fact = if leg == Leg::First { "copied" } else { "finalised" };
        Ok(trouble
            .hint("Once it has ended without an error, who saw it says so, in a role that carries out activity 5:")
            .hint(format!("traghetto migrate sign {} {fact} --server {id} --role ROLE --note TEXT", self.tenant.id)))
    }

    /// Over the API: the job is found or made, and followed to the end of the leg.
    async fn driven(&self, server: &Server, job: &Job, leg: Leg, progress: Watch<'_>) -> Result<Value, Trouble> {
        let access = self.project.landing.converter.as_ref();
        let access = access.ok_or_else(|| Trouble::new(Class::Failed, "the inventory gives no `landing.converter`"))?;
        let soap = SoapConverter::connect(access, &self.trust.root, Deadlines::default()).await;
        let soap = soap.map_err(of_converter)?;
        let done = self.carry(&soap, server, job, leg, progress).await;
        soap.log_out().await;
        done
    }

    async fn carry(
        &self,
        soap: &SoapConverter,
        server: &Server,
        job: &Job,
        leg: Leg,
        progress: Watch<'_>,
    ) -> Result<Value, Trouble> {
        match leg {
            Leg::First => {
                let seen = done(soap.validate(job).await)?;
                let blocking = converter::refusals(server, job, Some(&seen)).into_iter().find(|refusal| refusal.blocks);
                if let Some(refusal) = blocking {
                    return Err(Trouble::new(Class::CheckFailed, refusal.what.en)
                        .hint(UNTOUCHED)
                        .hint(refusal.next.en));
                }
                done(soap.ensure_job(job, &seen).await)?;
            }
            Leg::Changes => done(soap.synchronise(job).await)?,
            Leg::Last => {
                self.stands_apart(server).await?;
                ensure_down(server).await?;
                self.asked_by_us(soap, server, job).await?;
                done(soap.finalise(job).await)?;
            }
        }
        let asked = self.journal.now();
        let seen = self.follow(soap, server, job, (leg, asked), progress).await?;
        if leg == Leg::Last && server.is_domain_controller() {
            let path = self.beside_replicas(&server.id, WATCHED)?;
            std::fs::write(&path, watched(&seen).to_string()).map_err(|error| of_file(error, "write", &path))?;
        }
        self.stands_apart(server).await?;
        if leg != Leg::Last {
            return Ok(json!({}));
        }
        let path = self.beside_replicas(&server.id, BUNDLE)?;
        let mut sink = std::fs::File::create(&path).map_err(|error| of_file(error, "write", &path))?;
        let bundle = done(soap.logs(job, &mut sink).await)?;
        Ok(json!({ "logs": bundle }))
    }

    /// The target is off and connected to nothing.
    async fn stands_apart(&self, server: &Server) -> Result<(), Trouble> {
        let identity = Identity::new(&self.store, self.tenant, server, Purpose::Production);
        let seen = self.machines.look(&identity).await.map_err(of_landing)?;
        if seen.is_some_and(|one| one.power == Some(Power::On) || one.connected) {
            let text = format!("the machine {identity} is on, or connected, before its last synchronisation");
            return Err(Trouble::new(Class::CheckFailed, text)
                .hint("The source works as before. Switch the machine off and unplug it at the landing site now.")
                .hint("What was written on it is lost with the next synchronisation; find out who turned it on."));
        }
        Ok(())
    }

    /// A last synchronisation of a domain controller that was asked for earlier may have been a hot one: only one
    /// that is asked for here, once the directory was seen to be down, and followed to its end, is taken.
    async fn asked_by_us(&self, soap: &SoapConverter, server: &Server, job: &Job) -> Result<(), Trouble> {
        if !server.is_domain_controller() {
            return Ok(());
        }
        let Followed::Job(seen) = done(soap.follow(job).await)? else { return Ok(()) };
        let known = std::fs::read(self.beside_replicas(&server.id, WATCHED)?).unwrap_or_default();
        if !is_distrusted(&seen, serde_json::from_slice(&known).ok().as_ref()) {
            return Ok(());
        }
        let text = format!(
            "the last synchronisation of {} was asked for before, and nobody watched its directory all the time: the \
             copy is not trusted",
            server.id
        );
        Err(anew(Trouble::new(Class::CheckFailed, text).hint(UNTOUCHED), &server.id, &self.tenant.id))
    }

    /// Follows a job to the end of a leg, and lets it run and stand still by the calendar of the link.
    async fn follow(
        &self,
        soap: &SoapConverter,
        server: &Server,
        job: &Job,
        (leg, asked): (Leg, Timestamp),
        progress: Watch<'_>,
    ) -> Result<Box<JobSeen>, Trouble> {
        let site = self.tenant.site_of(server).ok_or_else(|| {
            Trouble::new(Class::Failed, format!("the inventory does not say which link {} is behind", server.id))
                .hint(UNTOUCHED)
        })?;
        let (calendar, rates) = (site.link.calendar(&self.project.shaping), site.link.rates());
        let disk = "all".parse().map_err(|_| Trouble::new(Class::Failed, "a disk has no name"))?;
        let access = reached(server);
        let mut guide = Guide::of(&self.subject(&server.id, &disk)?, &access).await?;
        let (mut follower, mut night) = (Follower::default(), Night::of(server, leg));
        let mut reached = Instant::now();
        loop {
            night.look().await.map_err(|trouble| anew(trouble, &server.id, &self.tenant.id))?;
            let told = soap.follow(job).await;
            let away = matches!(told, Err(Refused::Unreachable { .. } | Refused::Deadline { .. }));
            if away && night.is_watched() && reached.elapsed() < AWAY_FOR {
                tokio::time::sleep(EVERY).await;
                continue;
            }
            let Followed::Job(seen) = done(told)? else { continue };
            reached = Instant::now();
            let state = follower.next(&seen, self.journal.now());
            let completed = seen.completed.is_some_and(|completed| completed >= asked);
            if is_over(&state, leg, completed) {
                night.end().await.map_err(|trouble| anew(trouble, &server.id, &self.tenant.id))?;
                return Ok(seen);
            }
            if let Some(trouble) = ended_badly(&state) {
                return Err(trouble);
            }
            let line = line(guide.next(self.journal).await.path);
            let pace = converter::decide(self.journal.now(), calendar, rates, line, state.activity());
            match (pace, &state) {
                (Pace::Run { .. }, ConverterState::Suspended { .. }) => done(soap.resume(job).await)?,
                (Pace::Suspend { .. }, ConverterState::Suspended { .. }) => {}
                (Pace::Suspend { .. }, _) => _ = done(soap.suspend(job, Running::Cancelled).await)?,
                (Pace::LetEnd { .. }, _) => _ = done(soap.suspend(job, Running::Kept).await)?,
                (Pace::Run { .. }, _) => {}
            }
            progress(shown(&state, pace));
            tokio::time::sleep(EVERY).await;
        }
    }
}

/// By what a last synchronisation that was watched to its end is known again: the server's own times.
fn watched(seen: &JobSeen) -> Value {
    json!({ "job": seen.key, "changed": seen.changed, "started": seen.started, "completed": seen.completed })
}

/// Whether a job had its last synchronisation asked for already, and it is not the one that was `known` to be watched:
/// one that failed is made again, under our eyes.
fn is_distrusted(seen: &JobSeen, known: Option<&Value>) -> bool {
    seen.finalize && seen.error.is_none() && known != Some(&watched(seen))
}

/// What is safe and what comes next where the last synchronisation of a domain controller cannot be trusted.
fn anew(trouble: Trouble, server: &ServerId, tenant: &TenantId) -> Trouble {
    trouble
        .hint("Never turn on that copy: a controller from a hot copy damages the directory of all (USN rollback).")
        .hint(format!(
            "To have the town's controller back now: traghetto migrate rollback {tenant} --server {server} --role ROLE \
             --reason TEXT; then start its directory again."
        ))
        .hint(
            "The finalised copy is not mended by a repetition. End and delete the job in VMware Converter and delete its \
             machine at the landing site; then let the inventory say `transfer: rescue` with `directory: cold`, or \
             `replace` for both: the new plan begins with the first copy.",
        )
}

/// The way to the source, for the look at the link: Converter's own way crosses the same one.
fn reached(server: &Server) -> Access {
    let host = server.converter.as_ref().map_or_else(|| server.address.to_string(), |source| source.host.clone());
    server.access.clone().unwrap_or(Access {
        host,
        port: 9089,
        user: String::new(),
        login: Login::Agent,
        host_key: None,
        ssh_profile: SshProfile::Modern,
        via: None,
    })
}

fn line(carrier: Carrier) -> Line {
    match carrier {
        Carrier::Primary => Line::Primary,
        Carrier::Copper => Line::Copper,
        Carrier::Lte => Line::Lte,
        Carrier::Unknown(_) => Line::Unknown,
    }
}

/// Whether a leg is over; `completed` is whether a run has ended since it was asked for.
fn is_over(state: &ConverterState, leg: Leg, completed: bool) -> bool {
    match leg {
        Leg::First => {
            matches!(state, ConverterState::Idle | ConverterState::Done | ConverterState::Suspended { copied: true })
        }
        Leg::Changes => completed && matches!(state, ConverterState::Idle | ConverterState::Done),
        Leg::Last => matches!(state, ConverterState::Done),
    }
}

fn ended_badly(state: &ConverterState) -> Option<Trouble> {
    let class = match state {
        ConverterState::Failed { .. } | ConverterState::Stopped => Class::Failed,
        ConverterState::Unsafe { .. } => Class::CheckFailed,
        _ => return None,
    };
    Some(Trouble::new(class, state.message().en).hint(UNTOUCHED))
}

fn shown(state: &ConverterState, pace: Pace) -> Progress {
    let (stage, percent) = match (state, pace) {
        (_, Pace::Suspend { why: Why::Lte, .. }) => ("Converter stands still: the LTE backup carries", 0),
        (_, Pace::Suspend { why: Why::UnknownLine, .. }) => {
            ("Converter stands still: nobody knows which line carries", 0)
        }
        (_, Pace::Suspend { .. }) => ("Converter stands still by the calendar", 0),
        (ConverterState::Queued, _) => ("Converter: queued", 0),
        (ConverterState::Cloning { percent }, _) => ("Converter: first copy", *percent),
        (ConverterState::Synchronising { percent }, _) => ("Converter: synchronising", *percent),
        (ConverterState::FinalSync { percent }, _) => ("Converter: last synchronisation", *percent),
        (ConverterState::Stalled { percent, .. }, _) => ("Converter: stands still", *percent),
        _ => ("Converter: waits", 0),
    };
    Progress { stage, done: percent.into(), total: 100, link: 0, allowance: None }
}

/// What is done, or what keeps it from being done.
fn done<T>(step: Result<Step<T>, Refused>) -> Result<T, Trouble> {
    match step.map_err(of_converter)? {
        Step::Done(value) => Ok(value),
        Step::Waiting(waiting) => Err(Trouble::new(Class::Waiting, waiting.what.en).hint(UNTOUCHED)),
    }
}

fn of_converter(error: Refused) -> Trouble {
    let class = match &error {
        Refused::Unreachable { .. } | Refused::Deadline { .. } => Class::Unreachable,
        _ => Class::Failed,
    };
    let hint = error.hint().to_string();
    Trouble::new(class, error).hint(UNTOUCHED).hint(hint)
}

impl<F> Live<'_, F> {
    /// Takes the machine that Converter made for ours; it has to be there, off and connected to nothing.
    pub(super) async fn adopt_machine(&self, id: &ServerId, identity: &Identity) -> Result<(), Trouble> {
        if self.machines.adopt(identity).await.map_err(of_landing)? {
            return Ok(());
        }
        Err(Trouble::new(
            Class::Failed,
            format!("the vCenter shows no machine {identity}: Converter's copy of {id} is gone"),
        )
        .hint(UNTOUCHED)
        .hint("Look for it in the tenant's folder; then give the same command again."))
    }

    /// Boots a copy of Converter's machine in the isolated network: the machine itself must never run before
    /// its last synchronisation.
    pub(super) async fn launch_copy(&self, id: &ServerId, progress: Watch<'_>) -> Result<Ended, Trouble> {
        let server = self.server(id)?;
        let store = &self.store;
        let real = Identity::new(store, self.tenant, server, Purpose::Production);
        let test = Identity::new(store, self.tenant, server, Purpose::Test);
        self.adopt_machine(id, &real).await?;
        progress(Progress { stage: "copying the machine", done: 0, total: 100, link: 0, allowance: None });
        let begun = Instant::now();
        // One of an earlier test is of an older copy.
        self.machines.destroy(&test).await.map_err(of_landing)?;
        self.machines.copy(&real, &test, &|_| {}).await.map_err(of_landing)?;
        self.machines.connect(&test, crate::landing::Port::Test).await.map_err(of_landing)?;
        self.machines.power_on(&test).await.map_err(of_landing)?;
        let facts = json!({ "machine_seconds": begun.elapsed().as_secs_f64(), "proof": PROOF });
        Ok(Ended { result: Outcome::Launched { machine: test.name(), roots: Vec::new() }, facts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::converter::{FaultSeen, Standing};

    #[test]
    fn a_last_synchronisation_that_was_asked_for_before_is_not_trusted() {
        let at = "2026-12-01T22:00:00Z".parse::<Timestamp>().unwrap();
        let job = |finalize: bool, error: bool| JobSeen {
            key: "1".to_owned(),
            standing: Standing::Active,
            task: None,
            error: error.then(|| FaultSeen { kind: "vmodl.fault.SystemError".into(), message: String::new() }),
            finalize,
            changed: at,
            started: Some(at),
            completed: Some(at),
            due: None,
            digest: None,
        };
        assert!(!is_distrusted(&job(false, false), None), "it waits for its last synchronisation");
        assert!(is_distrusted(&job(true, false), None), "whether it is over, at work, or due");
        assert!(!is_distrusted(&job(true, true), None), "one that failed is asked for again");
        let known: Value = serde_json::from_str(&watched(&job(true, false)).to_string()).unwrap();
        assert!(!is_distrusted(&job(true, false), Some(&known)), "that one was watched to its end");
        let later = JobSeen { started: Some(at + jiff::SignedDuration::from_secs(1)), ..job(true, false) };
        assert!(is_distrusted(&later, Some(&known)), "another run than that");
    }
}
