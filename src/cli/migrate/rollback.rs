//! `migrate rollback`: people decide, both sides once users may have written to a copy. The machine goes off
//! the network first; replicas are kept, sources were never written to.

use super::log::remark;
use super::run::{Work, command, run_error, see_to_it, vouched};
use super::scene::{Scene, Story, no_server};
use super::{Whose, undo, written};
use crate::cli::{Context, journal, remote};
use crate::failure::{Failure, Kind};
use crate::journal::JournalError;
use crate::migration::{
    self, Action, Asked, Ending, Reached, Record, RunState, Step, WayBack, gates, is_to_withdraw, may_have_machine,
};
use crate::model::people::Side;
use crate::model::server::DirectoryWay;
use crate::model::{PersonId, RoleId, ServerId};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// For how long the wish of one side waits for the other.
const ASKED_FOR: SignedDuration = SignedDuration::from_hours(4);

/// `migrate rollback`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    whose: Whose,
    /// Only this server (default: every server that is copied and was not taken back yet; one that is replaced is named).
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
    /// Revoke the rollback of --server: it moves again, in a new night.
    #[arg(long, requires = "server")]
    revoke: bool,
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
        return Err(Failure::new(Kind::Waiting, held).hint(format!(
            "Nothing was done. Pause it first: traghetto migrate pause {} --reason TEXT",
            scene.tenant.id
        )));
    }
    if args.revoke {
        return revoke(args, &scene, &story, &operator, context).await;
    }
    if let Some(server) = args.server.as_ref().filter(|server| is_back(&scene, &story, server)) {
        // Killed after it was decided, people still have to undo what they did.
        context.ui.status(&format!("{server} was taken back already: nothing is recorded anew"));
        undo::tell(&scene, &story, server, context);
        return Ok(());
    }
    refuse_after_the_move(&scene, &story)?;
    let servers = servers(args, &scene, &story)?;
    let left_out = left_out(args, &scene, &story);
    let names: Vec<&str> = servers.iter().map(ServerId::as_str).collect();
    let used: Vec<&ServerId> = servers.iter().filter(|server| is_used(&scene, &story, server)).collect();
    // Whoever decides sees what is lost, the second one too.
    written::tell(&scene, &story, &used, context).await;
    if !args.yes {
        let explained = explained(&scene, &names, &used);
        return Err(left_out.into_iter().fold(explained, Failure::hint));
    }
    let desk = Desk { scene: &scene, story: &story, operator: &operator, by, args };
    let mut waiting = Vec::new();
    let decided = |server: &ServerId| story.state.rolled_back.contains_key(server);
    for server in servers.iter().filter(|server| !decided(server)) {
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
    left_out.iter().for_each(|line| context.ui.status(line));
    let (replaced, moved): (Vec<_>, Vec<_>) = servers.iter().partition(|server| scene.plan.is_replaced(server));
    for server in &replaced {
        undo::tell(&scene, &story, server, context);
    }
    let here = |server: &&ServerId| may_have_machine(&scene.plan, &story.state, server);
    let withdrawn = if servers.iter().any(|server| here(&server)) {
        if replaced.iter().any(here) {
            context.ui.status("looking at the address of the old server; that takes a minute");
        }
        withdraw(&scene, &story, &operator, context).await?
    } else {
        Withdrawn::default()
    };
    if moved.iter().any(|server| withdrawn.off.contains(*server)) {
        let seconds = withdrawn.seconds;
        context.ui.status(&format!("their machines are off and connected to nothing ({seconds} s)"));
    }
    for server in replaced.iter().filter(|server| withdrawn.off.contains(**server)) {
        context.ui.status(&format!("nothing answers at the address of {server}: the old server may go on"));
    }
    let apart = moved.iter().filter(|server| !withdrawn.left.contains(**server));
    for line in apart.flat_map(|server| way_back(&scene, &story, server)) {
        context.ui.status(&line);
    }
    if let Some(failure) = withdrawn.failure {
        return Err(failure);
    }
    if !moved.is_empty() {
        context.ui.status("sources were never written to: where they are off, boot them from their own disks again");
        context.ui.status("replicas are kept; what was signed before stands for the other servers");
    }
    Ok(())
}

/// Whether a server that is replaced was taken back, and nothing is waited for but people who undo what they did.
fn is_back(scene: &Scene, story: &Story, server: &ServerId) -> bool {
    scene.plan.is_replaced(server)
        && story.state.rolled_back.contains_key(server)
        && !is_to_withdraw(&scene.plan, &story.state, server)
}

/// Which servers were left out because nobody named them.
fn left_out(args: &Args, scene: &Scene, story: &Story) -> Option<String> {
    let replaced = scene.plan.servers.iter().filter(|planned| planned.is_replaced() && args.server.is_none());
    let staying = replaced.map(|planned| &planned.server).filter(|id| !story.state.rolled_back.contains_key(*id));
    let names: Vec<&str> = staying.map(ServerId::as_str).collect();
    let line = format!("Not among them, since a server that is replaced is named with --server: {}", names.join(", "));
    (!names.is_empty()).then_some(line)
}

/// Whether users may have written on what came in the server's place: both sides decide then.
fn is_used(scene: &Scene, story: &Story, server: &ServerId) -> bool {
    let replaced = || migration::way_back(&scene.plan, &story.state, server);
    may_have_machine(&scene.plan, &story.state, server)
        || (scene.plan.is_replaced(server) && matches!(replaced(), WayBack::Open { used: true, .. }))
}

/// What would be done.
fn explained(scene: &Scene, names: &[&str], used: &[&ServerId]) -> Failure {
    let mut failure = Failure::new(Kind::Waiting, format!("this takes back {}", names.join(", ")))
        .hint("Nothing was done. Replicas are kept; sources were never written to.");
    if used.is_empty() {
        failure = failure.hint("The sources can go on at once.");
    } else {
        failure = failure.hint("A source that is off stays off until the command says that it may go on.");
    }
    let (replaced, moved): (Vec<&ServerId>, Vec<&ServerId>) = used.iter().partition(|id| scene.plan.is_replaced(id));
    let list = |servers: &[&ServerId]| servers.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
    if !moved.is_empty() {
        failure = failure
            .hint(format!("What users wrote on {} since it was connected is lost: both sides decide it.", list(&moved)))
            .hint("Its machine is taken off the network and switched off, and kept with its disks.");
    }
    if !replaced.is_empty() {
        failure = failure
            .hint(format!("Users may have written on the new machine of {}: both sides decide it.", list(&replaced)))
            .hint(
                "The old server takes its place again; what people did for that they undo, and the command says how.",
            );
    }
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
        let lately = |asked: &&Asked| self.story.journal.now().duration_since(asked.at) <= ASKED_FOR;
        // One of the town and one of the data center: two of the data center do not throw away what the town wrote.
        let of_comune = |role: &RoleId| side(role) == Some(Side::Comune);
        let other = |asked: &&Asked| of_comune(&asked.role) != of_comune(&self.args.role);
        let others: Vec<&Asked> = asked.iter().filter(lately).filter(other).collect();
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

/// What came of taking machines off the network.
#[derive(Default)]
struct Withdrawn {
    /// Servers whose machine was seen off meanwhile.
    off: BTreeSet<ServerId>,
    /// Servers whose machine may still be on the network.
    left: BTreeSet<ServerId>,
    seconds: u64,
    /// Why not all of them were.
    failure: Option<Failure>,
}

/// Takes the machines off the network and switches them off, and sees that one which is not ours has given its address
/// up. `migrate run` does the same where this is killed.
async fn withdraw(scene: &Scene, story: &Story, operator: &PersonId, context: &Context) -> Result<Withdrawn, Failure> {
    let begun = Instant::now();
    let agent = remote::agent(context)?;
    let lease = story.journal.lease(&scene.subject(), operator.as_str(), None).await;
    let lease = lease.map_err(|error| journal::held(error, &scene.inventory, &command(scene.tenant.id.as_str())))?;
    let work = Work { scene, operator, journal: &story.journal, lease: &lease, context };
    let ended = match work.home().await {
        Ok(store) => {
            let mut runner = work.runner(BTreeMap::new(), agent, store);
            let ended = runner.withdraw_all().await;
            runner.acts.machines.close().await;
            ended.map_err(|error| run_error(scene, error))
        }
        Err(failure) => Err(failure),
    };
    story.journal.release(lease).await?;
    let decided = "It is decided and recorded, and the machine may still be on the network.";
    let again = "Only then connect the source. To try again, give the same command.";
    let failure = ended?.map(|ending| match ending {
        Ending::Withdrawing(server, trouble) => Failure::from(trouble)
            .hint(format!("{server}: {decided}"))
            .hint(see_to_it(&scene.plan, &server))
            .hint(again)
            .hint(vouched(&scene.plan, &server)),
        _ => Failure::new(Kind::Interrupted, "interrupted").hint(decided).hint(again),
    });
    let events = story.journal.events(&scene.tenant.id).await?;
    let now = RunState::of(&events).map_err(journal::illegal)?;
    let off = now.withdrawn.difference(&story.state.withdrawn).cloned().collect();
    let left = now.rolled_back.keys().filter(|server| is_to_withdraw(&scene.plan, &now, server)).cloned().collect();
    Ok(Withdrawn { off, left, seconds: begun.elapsed().as_secs(), failure })
}

/// What people do about the routers before a source goes on: its address still leads to the landing site.
fn way_back(scene: &Scene, story: &Story, server: &ServerId) -> Vec<String> {
    undo::routes_back(scene, story, server).into_iter().chain(directory_again(scene, server)).collect()
}

/// The directory of a controller that was put to rest for its last copy does not start by itself.
fn directory_again(scene: &Scene, server: &ServerId) -> Option<String> {
    let undo = match scene.plan.server(server)?.directory? {
        DirectoryWay::Dsrm => "`bcdedit /deletevalue safeboot`, then restart it",
        DirectoryWay::NtdsStopped => {
            "`sc config ntds start= auto`, `net start ntds`, then the services that depend on it"
        }
        DirectoryWay::Cold | DirectoryWay::Replace => return None,
    };
    Some(format!("on {server}, so that its directory serves the town again: {undo}"))
}

/// Brings a server that was taken back into a new night.
async fn revoke(
    args: &Args,
    scene: &Scene,
    story: &Story,
    operator: &PersonId,
    context: &Context,
) -> Result<(), Failure> {
    let by = args.by.as_ref().unwrap_or(operator);
    let Some(server) = args.server.clone() else {
        return Err(Failure::new(Kind::Usage, "which server is to move again is to be said with --server")
            .hint("Nothing was done. Those that were taken back: `traghetto migrate status`."));
    };
    if !story.state.rolled_back.contains_key(&server) {
        return Err(Failure::new(Kind::Usage, format!("{server} was not taken back"))
            .hint("Nothing was done. `traghetto migrate status` names the servers that were."));
    }
    if is_to_withdraw(&scene.plan, &story.state, &server) {
        return Err(Failure::new(Kind::CheckFailed, format!("the machine of {server} is not off yet"))
            .hint("Nothing was done. Finish the rollback first: give it again without --revoke.")
            .hint(vouched(&scene.plan, &server)));
    }
    let (role, by, reason) = (args.role.clone(), by.clone(), args.reason.clone());
    story.write(scene, operator, Record::ServerReentered { server: server.clone(), role, by, reason }).await?;
    context.ui.status(&format!("{server} moves again: its sources are to be quiet, copied and seen off anew"));
    context.ui.status("a machine of the last night is kept, off: look at it and remove it before `convert`");
    Ok(())
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
    // A town whose servers are all replaced copies nothing: there the move begins once the sources are quiet.
    let moves = |step: &Step| matches!(step.action, Action::FinalSync | Action::Boot | Action::Route);
    let quiet = |step: &Step| matches!(&step.action, Action::Gate(gate) if gate.reaches == Some(Reached::Quiet));
    let last = |is: &dyn Fn(&Step) -> bool| scene.plan.steps.iter().rposition(is);
    let Some(last) = last(&moves).or_else(|| last(&quiet)) else { return Ok(()) };
    let has_machines = scene.inventory.project.landing.has_machines();
    let moved = all.iter().find(|status| {
        let at = scene.plan.steps.iter().position(|step| step.id == status.step.id);
        at > Some(last) && if has_machines { status.is_open() } else { !status.signed.is_empty() }
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
    // One that was decided and whose machine is not off yet is tried again.
    let left = |server: &ServerId| {
        !story.state.rolled_back.contains_key(server) || is_to_withdraw(&scene.plan, &story.state, server)
    };
    match &args.server {
        Some(server) if scene.plan.server(server).is_none() => Err(no_server(scene, server)),
        Some(server) if scene.plan.is_replaced(server) && closed_by(scene, story, server).is_some() => {
            let step = closed_by(scene, story, server).map(|step| step.id.to_string()).unwrap_or_default();
            Err(Failure::new(Kind::CheckFailed, format!("the old {server} does not come back: {step} was done"))
                .hint("Nothing was done. The new machine has its role, and goes on serving.")
                .hint(
                    "Mend what is wrong on the new one; where that is hopeless, put another one in its place by hand.",
                )
                .hint(format!("Go on with: {}", command(scene.tenant.id.as_str()))))
        }
        Some(server) if left(server) => Ok(vec![server.clone()]),
        Some(server) => Err(Failure::new(Kind::Usage, format!("{server} was taken back already"))
            .hint("Nothing was done: its source serves the town. A new night begins with --revoke --server.")),
        None => {
            let moved = scene.plan.servers.iter().map(|server| &server.server).filter(|id| !scene.plan.is_replaced(id));
            let moved: Vec<ServerId> = moved.filter(|server| left(server)).cloned().collect();
            if moved.is_empty() {
                return Err(Failure::new(Kind::CheckFailed, "no server is left that could be taken back")
                    .hint(
                        "Nothing was done. A server that is replaced is named with --server; the others were taken back already.",
                    )
                    .hint(format!("Where it stands: traghetto migrate status {}", scene.tenant.id)));
            }
            Ok(moved)
        }
    }
}

/// The step after which the old server of one that is replaced does not come back, if it was done.
fn closed_by<'a>(scene: &'a Scene, story: &Story, server: &ServerId) -> Option<&'a Step> {
    match migration::way_back(&scene.plan, &story.state, server) {
        WayBack::Closed(step) => Some(step),
        WayBack::Open { .. } => None,
    }
}
