//! `migrate run`: takes the lease, adopts the plan, goes on to the next gate.

use super::Whose;
use super::notices::{Office, Word};
use super::progress::Watcher;
use super::scene::{Scene, Story, call, no_server};
use super::status;
use crate::checklist::{self, Checklist, Phase};
use crate::cli::{Context, interrupt, journal, remote};
use crate::failure::{Failure, Kind};
use crate::journal::{Journal, Lease};
use crate::landing::Way;
use crate::migration::{
    Action, Class, Ending, Held, Hours, Live, Plan, Record, RunError, RunState, Runner, Scope, StepId, Stop, Tempo,
    Trouble, machine_off,
};
use crate::model::{PersonId, ServerId};
use crate::replica::AgentBinary;
use crate::world::ssh::Trust;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::mpsc;

/// `migrate run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    whose: Whose,
    /// Only this server, and what is done once for the tenant.
    #[arg(long)]
    server: Option<ServerId>,
    /// Go on with the plan that inventory and playbook give now.
    #[arg(long)]
    adopt_plan: bool,
    /// Push aside a living holder of the lease; say why with --reason.
    #[arg(long, requires = "reason")]
    take_over: bool,
    /// Why the lease is taken over.
    #[arg(long, requires = "take_over", value_name = "TEXT")]
    reason: Option<String>,
    /// Allow the agent on a disk of the source where no memory filesystem lets it run.
    #[arg(long)]
    agent_on_disk: bool,
    /// Copy disks whole, free space and all: the replica is then equal to its source by SHA-256.
    #[arg(long)]
    whole: bool,
}

impl Args {
    /// The command that was given, as far as it says what runs.
    fn command(&self) -> String {
        let server = self.server.as_ref().map(|server| format!(" --server {server}")).unwrap_or_default();
        format!("{}{server}", command(&self.whose.tenant))
    }
}

/// The command that runs a tenant's migration.
pub(super) fn command(tenant: &str) -> String {
    format!("traghetto migrate run {tenant}")
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let scene = Scene::open(&args.whose, None, context)?;
    if let Some(server) = args.server.as_ref().filter(|server| scene.plan.server(server).is_none()) {
        return Err(no_server(&scene, server));
    }
    let operator = scene.operator(context)?;
    let checklists = checklists(&scene, context)?;
    let agent = remote::agent(context)?;
    let journal = journal::open(context, &scene.inventory).await?;
    let reason = args.reason.as_deref();
    let lease = journal.lease(&scene.subject(), operator.as_str(), reason).await;
    let lease = lease.map_err(|error| journal::held(error, &scene.inventory, &args.command()))?;
    let ending = {
        let work = Work { scene: &scene, operator: &operator, journal: &journal, lease: &lease, context };
        work.go(args, checklists, agent).await
    };
    journal::tell_repairs(context, &journal);
    // How the run ended is what people must know first.
    let released = journal.release(lease).await;
    ending.and_then(|()| Ok(released?))
}

/// A run that holds its lease.
pub(super) struct Work<'a> {
    pub(super) scene: &'a Scene,
    pub(super) operator: &'a PersonId,
    pub(super) journal: &'a Journal,
    pub(super) lease: &'a Lease,
    pub(super) context: &'a Context,
}

impl Work<'_> {
    async fn go(&self, args: &Args, checklists: BTreeMap<Phase, Checklist>, agent: AgentBinary) -> Result<(), Failure> {
        let store = self.home().await?;
        self.adopt(args.adopt_plan).await?;
        self.warn_of_hours();
        let own = self.journal.store_id();
        self.write(Record::run_started(self.lease.previous(), args.reason.as_deref(), own)).await?;
        let mut runner = self.runner(checklists, agent, store);
        runner.acts.agent_on_disk = args.agent_on_disk;
        runner.acts.whole = args.whole;
        runner.scope.only = args.server.clone();
        let ending = match Office::open(self.scene, self.journal, self.operator, self.context) {
            None => runner.run().await,
            Some(office) => {
                let (tell, words) = mpsc::unbounded_channel();
                runner.observer.report_to(tell.clone());
                let run = async {
                    let ending = runner.run().await;
                    // An office that is closed needs no word.
                    let _ = tell.send(Word::over(&ending));
                    ending
                };
                tokio::join!(run, office.serve(words)).0
            }
        };
        runner.acts.machines.close().await;
        self.report(ending.map_err(|error| run_error(self.scene, error))?, args).await
    }

    /// Outside of the hours of assistance nobody mends the link.
    fn warn_of_hours(&self) {
        let now = self.journal.now();
        let mut windows = self.scene.tenant.windows.iter().filter(|window| window.holds(now));
        if windows.any(|window| !self.scene.is_assisted(window.from())) {
            self.context.ui.warn(self.context.in_language(&status::unassisted(self.scene)));
        }
    }

    /// The id by which replicas and machines are known, if this store drives them.
    pub(super) async fn home(&self) -> Result<String, Failure> {
        let tenant = &self.scene.tenant.id;
        let state = RunState::of(&self.journal.events(tenant).await?).map_err(journal::illegal)?;
        journal::home(&state, self.journal, tenant)
    }

    /// A runner in the real world.
    pub(super) fn runner(
        &self,
        checklists: BTreeMap<Phase, Checklist>,
        agent: AgentBinary,
        store: String,
    ) -> Runner<'_, Live<'_, checklist::Live>, Watcher<'_>> {
        let project = &self.scene.inventory.project;
        let trust = Trust::of_operator(&self.context.root);
        let machines = Way::open(project, &self.context.root);
        let acts = Live {
            project,
            tenant: &self.scene.tenant,
            journal: self.journal,
            operator: self.operator.as_str(),
            store,
            landing: self.scene.landing(self.context),
            machines,
            trust: trust.clone(),
            agent,
            agent_on_disk: false,
            whole: false,
            checklists,
            field: Arc::new(checklist::Live::new(trust)),
        };
        Runner {
            journal: self.journal,
            lease: self.lease,
            plan: &self.scene.plan,
            operator: self.operator.as_str(),
            acts,
            observer: Watcher::new(&self.context.ui),
            stop: interrupt::stop_on_ctrl_c(),
            scope: Scope::default(),
            tempo: Tempo::default(),
            hours: Hours { project, tenant: &self.scene.tenant },
        }
    }

    /// Makes sure that the plan is the adopted one: the first is adopted as it is, another needs the operator's word.
    async fn adopt(&self, agreed: bool) -> Result<(), Failure> {
        let events = self.journal.events(&self.scene.tenant.id).await?;
        let state = RunState::of(&events).map_err(journal::illegal)?;
        let plan = &self.scene.plan;
        let digest = plan.digest();
        if state.digest.as_ref() == Some(&digest) {
            return Ok(());
        }
        let changes = if state.digest.is_some() { plan.changes_from(&state.plan) } else { Vec::new() };
        if state.digest.is_some() && !agreed {
            let text = format!("inventory or playbook have changed since this run began:\n  {}", changes.join("\n  "));
            return Err(Failure::new(Kind::Waiting, text)
                .hint("Nothing was done. A new plan voids the signatures on the old one.")
                .hint(format!("To go on with it: traghetto migrate run {} --adopt-plan", self.scene.tenant.id)));
        }
        self.write(Record::PlanAdopted { digest, changes, plan: plan.record() }).await
    }

    async fn write(&self, record: Record) -> Result<(), Failure> {
        let (kind, data) = record.parts();
        let tenant = &self.scene.tenant.id;
        self.journal.append_under(self.lease, tenant, self.operator.as_str(), &kind, data).await?;
        Ok(())
    }

    async fn report(&self, ending: Ending, args: &Args) -> Result<(), Failure> {
        match ending {
            Ending::Done => {
                self.context.ui.status("all activities are done");
                Ok(())
            }
            Ending::Gate => Err(self.waiting().await?),
            Ending::Nobody => Err(self.nobody()),
            Ending::Stopped(Stop::Interrupted) => Err(Failure::new(Kind::Interrupted, "interrupted")
                .hint("The source is untouched and everything acknowledged is kept.")
                .hint(format!("Go on with: traghetto migrate run {}", self.scene.tenant.id))),
            Ending::Stopped(_) => Err(Failure::new(Kind::Waiting, "the run is paused")
                .hint("The source is untouched and everything acknowledged is kept.")
                .hint(format!("Resume with: traghetto migrate run {}", self.scene.tenant.id))),
            Ending::Withdrawing(server, trouble) => Err(Failure::from(trouble)
                .hint(format!("Nothing else is done while a machine may be on the network in the place of {server}."))
                .hint(see_to_it(&self.scene.plan, &server))
                .hint(format!("Then give the same command again: traghetto migrate run {}", self.scene.tenant.id))
                .hint(vouched(&self.scene.plan, &server))),
            Ending::Blocked(troubles) => self.blocked(troubles, args),
        }
    }

    /// Every server was taken back: a new night begins with one that is called again.
    fn nobody(&self) -> Failure {
        Failure::new(Kind::Waiting, "every server was taken back: nothing moves")
            .hint("Nothing was done. The town works on its sources; replicas and signatures are kept.")
            .hint("For a new night each server is called again:")
            .hint(format!(
                "traghetto migrate rollback {} --server SERVER --revoke --role ROLE --reason TEXT",
                self.scene.tenant.id
            ))
    }

    /// The gate at which the run waits: who signs, and how.
    async fn waiting(&self) -> Result<Failure, Failure> {
        let mut story = Story::open(self.scene, self.context).await?;
        // That is us: the page is about what comes after.
        story.holder = None;
        let now = status::of(self.scene, &story, self.context)?;
        let mut failure = Failure::new(Kind::Waiting, now.next.what.en.clone())
            .hint("Everything before the gate is done and kept; no source was written to.");
        if let Some(asks) = status::asked(self.scene, &story) {
            failure = failure.hint(self.context.in_language(asks));
        }
        for change in now.gates.iter().filter(|gate| gate.state == "waiting").flat_map(|gate| &gate.changed) {
            failure = failure.hint(format!("Changed since it was signed: {change}"));
        }
        for who in &now.next.who {
            failure = failure.hint(format!("May sign: {who}"));
        }
        Ok(match &now.next.command {
            Some(command) => failure.hint(format!("Sign with: {command} --by PERSON")),
            None => failure,
        })
    }

    fn blocked(&self, mut troubles: Vec<(StepId, Trouble)>, args: &Args) -> Result<(), Failure> {
        // The worst first: bytes that do not verify outweigh a host that is merely off.
        troubles.sort_by_key(|(_, trouble)| std::cmp::Reverse(trouble.class));
        let call = call(self.scene, troubles.first().map(|(step, _)| step));
        let others: Vec<String> = troubles.iter().skip(1).map(|(step, _)| step.to_string()).collect();
        let by_hand = self.by_hand(&troubles);
        match troubles.into_iter().next() {
            Some((step, trouble)) => {
                let waiting = trouble.class == Class::Waiting;
                let mut failure = Failure::from(trouble).hint(format!("It was step {step}."));
                failure = by_hand.into_iter().fold(failure, Failure::hint);
                if !others.is_empty() {
                    failure = failure.hint(format!("These did not end well either: {}.", others.join(", ")));
                }
                if !waiting {
                    failure = call.into_iter().fold(failure, |failure, who| failure.hint(format!("Call: {who}")));
                }
                Err(failure)
            }
            None => {
                let only =
                    args.server.as_ref().map(|server| format!("{server} is done up to the gate; ")).unwrap_or_default();
                Err(Failure::new(Kind::Waiting, format!("{only}other servers are not"))
                    .hint(format!("Go on with them: traghetto migrate run {}", self.scene.tenant.id)))
            }
        }
    }

    /// What people do at the steps that wait for them, as they read it.
    fn by_hand(&self, troubles: &[(StepId, Trouble)]) -> Vec<String> {
        // Whether a step that is held is done at all is to be decided first.
        let waits = |trouble: &Trouble| trouble.class == Class::Waiting && !trouble.source.is::<Held>();
        let waiting = troubles.iter().filter(|(_, trouble)| waits(trouble));
        let manual = waiting.filter_map(|(id, _)| {
            let step = self.scene.plan.steps.iter().find(|step| step.id == *id)?;
            let Action::Manual(manual) = &step.action else { return None };
            let (title, how) =
                (self.context.in_language(&manual.title), self.context.in_language(&manual.instructions));
            Some(format!("{id}: {title}. {how}"))
        });
        manual.collect()
    }
}

/// Where people look for what is in the place of a server that was taken back.
pub(super) fn see_to_it(plan: &Plan, server: &ServerId) -> String {
    if plan.is_replaced(server) {
        return format!("See who has the address of {server}: the new machine, or the old server itself.");
    }
    "See to it at the landing site.".to_owned()
}

/// What ends the wait for it where nobody can see from here that it is off.
pub(super) fn vouched(plan: &Plan, server: &ServerId) -> String {
    format!("Where that cannot be seen from here, who saw it says so: {}", machine_off(plan, server))
}

pub(super) fn run_error(scene: &Scene, error: RunError) -> Failure {
    match error {
        RunError::Journal(error) => journal::held(error, &scene.inventory, &command(scene.tenant.id.as_str())),
        RunError::Illegal(error) => journal::illegal(error),
        RunError::OtherPlan => Failure::new(Kind::Waiting, "another plan was adopted while this run was at work")
            .hint("Everything acknowledged is kept. Look at `migrate status`, then run again."),
    }
}

/// Every checklist that the plan runs, read before anything is done.
fn checklists(scene: &Scene, context: &Context) -> Result<BTreeMap<Phase, Checklist>, Failure> {
    let phases = phases(&scene.plan);
    let load = |phase| {
        let checklist = checklist::load(&context.root, phase, &scene.inventory.people);
        let checklist = checklist
            .map_err(|problems| Failure::new(Kind::Invalid, problems).hint("Nothing was done. Mend the checklist."));
        Ok((phase, checklist?))
    };
    phases.into_iter().map(load).collect()
}

fn phases(plan: &Plan) -> BTreeSet<Phase> {
    let phase = |action: &Action| match action {
        Action::Checklist { checklist } => Some(*checklist),
        _ => None,
    };
    plan.steps.iter().filter_map(|step| phase(&step.action)).collect()
}
