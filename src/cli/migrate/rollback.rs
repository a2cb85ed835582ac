//! `migrate rollback`: people decide, both sides once users may have written to a copy. The machine goes off
//! the network first; replicas are kept, sources were never written to.

use super::Whose;
use super::log::remark;
use super::run::{Work, held, run_error};
use super::scene::{Scene, Story};
use crate::cli::{Context, remote};
use crate::failure::{Failure, Kind};
use crate::journal::JournalError;
use crate::migration::{self, Action, Asked, Ending, Record, gates, may_have_machine};
use crate::model::{PersonId, RoleId, ServerId};
use std::collections::BTreeMap;
use std::time::Instant;

/// `migrate rollback`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    whose: Whose,
    /// Only this server (default: every server that was not taken back yet).
    #[arg(long)]
    server: Option<ServerId>,
    /// The role in which it is decided: one that carries out or validates activity 5.
    #[arg(long)]
    role: RoleId,
    /// Who decides (default: the operator).
    #[arg(long, value_name = "PERSON")]
    by: Option<PersonId>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Yes, take them back.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    remark("reason", &args.reason)?;
    let scene = Scene::open(&args.whose, None, context)?;
    let operator = scene.operator(context)?;
    let by = args.by.as_ref().unwrap_or(&operator);
    may_decide(&scene, by, &args.role)?;
    let story = Story::open(&scene, context).await?;
    if let Some(holder) = &story.holder {
        let held = JournalError::Held { subject: scene.subject(), holder: Box::new(holder.clone()) };
        return Err(Failure::new(Kind::Failed, held).hint(format!(
            "Nothing was done. Pause it first: traghetto migrate pause {} --reason TEXT",
            scene.tenant.id
        )));
    }
    refuse_after_the_move(&scene, &story)?;
    let servers = servers(args, &scene, &story)?;
    let names: Vec<&str> = servers.iter().map(ServerId::as_str).collect();
    let used: Vec<&ServerId> =
        servers.iter().filter(|server| may_have_machine(&scene.plan, &story.state, server)).collect();
    if !args.yes {
        return Err(explained(&names, &used));
    }
    let desk = Desk { scene: &scene, story: &story, operator: &operator, by, args };
    let mut waiting = Vec::new();
    for server in &servers {
        if used.contains(&server) && !desk.other_side_agreed(server)? {
            desk.ask_back(server).await?;
            waiting.push(server.as_str());
        } else {
            desk.take_back(server).await?;
        }
    }
    if !waiting.is_empty() {
        return Err(Failure::new(Kind::Waiting, format!("the other side has to agree about {}", waiting.join(", ")))
            .hint("Recorded, and nothing else was done: users may have written to the copies.")
            .hint("A person of the other side gives the same command with an own --role, --by and --reason."));
    }
    context.ui.status(&format!("taken back: {}", names.join(", ")));
    if !used.is_empty() {
        withdraw(&scene, &story, &operator, context).await?;
    }
    context.ui.status("sources were never written to: where they are off, boot them from their own disks again");
    context.ui.status("replicas are kept; what was signed before stands for the other servers");
    Ok(())
}

/// What would be done.
fn explained(names: &[&str], used: &[&ServerId]) -> Failure {
    let failure = Failure::new(Kind::Waiting, format!("this takes back {}", names.join(", ")))
        .hint("Nothing was done. Replicas are kept; sources were never written to and can go on at once.");
    let failure = if used.is_empty() {
        failure
    } else {
        let used: Vec<&str> = used.iter().map(|server| server.as_str()).collect();
        failure
            .hint(format!(
                "What users wrote on {} since it was connected is lost: both sides decide it.",
                used.join(", ")
            ))
            .hint("Its machine is taken off the network and switched off, and kept with its disks.")
    };
    failure.hint("To do it, give the same command with --yes.")
}

/// Who decides about which migration.
struct Desk<'a> {
    scene: &'a Scene,
    story: &'a Story,
    operator: &'a PersonId,
    by: &'a PersonId,
    args: &'a Args,
}

impl Desk<'_> {
    /// Whether somebody of the other side wants the server back as well: another person, typed by another operator.
    fn other_side_agreed(&self, server: &ServerId) -> Result<bool, Failure> {
        let people = &self.scene.inventory.people;
        let side = |role: &RoleId| people.roles.get(role).map(|role| role.side);
        let asked = self.story.state.asked_back.get(server).map_or(&[][..], Vec::as_slice);
        let others: Vec<&Asked> = asked.iter().filter(|asked| side(&asked.role) != side(&self.args.role)).collect();
        if others.is_empty() {
            return Ok(false);
        }
        if others.iter().all(|asked| asked.by == *self.by || asked.operator == self.operator.as_str()) {
            return Err(Failure::new(Kind::CheckFailed, "one person, or one operator, does not decide for both sides")
                .hint("Nothing was done. A person of the other side types it at an own account."));
        }
        Ok(true)
    }

    async fn ask_back(&self, server: &ServerId) -> Result<(), Failure> {
        let (server, role, by, reason) = self.words(server);
        self.story.write(self.scene, self.operator, Record::RollbackAsked { server, role, by, reason }).await?;
        Ok(())
    }

    async fn take_back(&self, server: &ServerId) -> Result<(), Failure> {
        let (server, role, by, reason) = self.words(server);
        self.story.write(self.scene, self.operator, Record::ServerRolledBack { server, role, by, reason }).await?;
        Ok(())
    }

    fn words(&self, server: &ServerId) -> (ServerId, RoleId, PersonId, String) {
        (server.clone(), self.args.role.clone(), self.by.clone(), self.args.reason.clone())
    }
}

/// Takes the machines off the network and switches them off; `migrate run` does the same where this is killed.
async fn withdraw(scene: &Scene, story: &Story, operator: &PersonId, context: &Context) -> Result<(), Failure> {
    let begun = Instant::now();
    let agent = remote::agent(context)?;
    let lease = story.journal.lease(&scene.subject(), operator.as_str(), None).await;
    let lease = lease.map_err(|error| held(scene, error))?;
    let work = Work { scene, operator, journal: &story.journal, lease: &lease, context };
    let ended = match work.runner(BTreeMap::new(), agent) {
        Ok(mut runner) => {
            let ended = runner.withdraw_all().await;
            runner.acts.machines.close().await;
            ended.map_err(|error| run_error(scene, error))
        }
        Err(failure) => Err(failure),
    };
    story.journal.release(lease).await?;
    if let Some(Ending::Withdrawing(server, trouble)) = ended? {
        return Err(Failure::from(trouble)
            .hint(format!("It is decided and recorded. See at the landing site that the machine of {server} is off."))
            .hint(format!("Only then connect the source. To try again: traghetto migrate run {}", scene.tenant.id)));
    }
    let seconds = begun.elapsed().as_secs();
    context.ui.status(&format!("their machines are off and connected to nothing ({seconds} s)"));
    let back = |server: &ServerId| routed(scene, story, server);
    for server in
        story.state.rolled_back.keys().chain(scene.plan.servers.iter().map(|one| &one.server)).filter(|one| back(one))
    {
        context.ui.status(&format!(
            "before {server} goes on: traghetto network push {} --class cutover --server {server} --back",
            scene.tenant.id
        ));
    }
    Ok(())
}

/// Whether routers were changed for a server.
fn routed(scene: &Scene, story: &Story, server: &ServerId) -> bool {
    scene.plan.server(server).is_some() && migration::pushed(&story.events, server).is_some()
}

/// Whether the person holds the role, and the role has a say in the cutover.
fn may_decide(scene: &Scene, by: &PersonId, role: &RoleId) -> Result<(), Failure> {
    let activity = scene.playbook.activities.iter().find(|activity| activity.number == 5);
    let asked: Vec<&RoleId> =
        activity.into_iter().flat_map(|activity| activity.executes.iter().chain(&activity.validates)).collect();
    let person = scene.inventory.people.persons.get(by);
    let holds = person.is_some_and(|person| person.holds(role, &scene.tenant.id));
    if holds && asked.contains(&role) {
        return Ok(());
    }
    let names: Vec<&str> = asked.iter().map(|role| role.as_str()).collect();
    Err(Failure::new(Kind::Usage, format!("{by} may not decide this as {role}"))
        .hint(format!("Nothing was done. It is decided by a person with one of these roles: {}.", names.join(", "))))
}

/// Once the landing was accepted, or the cutover was made by hand, what users wrote would be lost.
fn refuse_after_the_move(scene: &Scene, story: &Story) -> Result<(), Failure> {
    let all = gates(&scene.plan, &story.state, story.journal.now());
    let final_sync = scene.plan.steps.iter().rposition(|step| step.action == Action::FinalSync);
    let has_machines = scene.inventory.project.landing.has_machines();
    let moved = all.iter().find(|status| {
        let at = scene.plan.steps.iter().position(|step| step.id == status.step.id);
        at > final_sync && if has_machines { status.is_open() } else { !status.signed.is_empty() }
    });
    match moved {
        None => Ok(()),
        Some(status) => Err(Failure::new(
            Kind::CheckFailed,
            format!("gate {} is signed: the copies may be in use", status.gate.gate),
        )
        .hint("Nothing was done. What users wrote on the copies would be lost.")
        .hint("Disconnect the copies by hand and see that they are off before a source is connected again.")),
    }
}

fn servers(args: &Args, scene: &Scene, story: &Story) -> Result<Vec<ServerId>, Failure> {
    let left = |server: &ServerId| !story.state.rolled_back.contains_key(server);
    match &args.server {
        Some(server) if scene.plan.server(server).is_none() => {
            Err(Failure::new(Kind::Usage, format!("{} has no server {server}", scene.tenant.id)))
        }
        Some(server) if left(server) => Ok(vec![server.clone()]),
        Some(server) => Err(Failure::new(Kind::Usage, format!("{server} was taken back already"))),
        None => Ok(scene.plan.servers.iter().map(|server| server.server.clone()).filter(left).collect()),
    }
}
