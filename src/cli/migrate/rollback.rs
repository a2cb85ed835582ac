//! `migrate rollback`, as far as anything boots: not at all yet. Servers are marked as taken back,
//! their replicas are kept, their sources were never written to.

use super::Whose;
use super::log::remark;
use super::scene::{Scene, Story};
use crate::cli::Context;
use crate::failure::{Failure, Kind};
use crate::journal::JournalError;
use crate::migration::{Record, gates};
use crate::model::{PersonId, RoleId, ServerId};

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
    if !args.yes {
        return Err(Failure::new(Kind::Waiting, format!("this takes back {}", names.join(", ")))
            .hint("Nothing was done. Replicas are kept; sources were never written to and can go on at once.")
            .hint("To do it, give the same command with --yes."));
    }
    for server in &servers {
        let (server, role, by, reason) = (server.clone(), args.role.clone(), by.clone(), args.reason.clone());
        story.write(&scene, &operator, Record::ServerRolledBack { server, role, by, reason }).await?;
    }
    context.ui.status(&format!("taken back: {}", names.join(", ")));
    context.ui.status("sources were never written to: where they are off, boot them from their own disks again");
    context.ui.status("replicas are kept; signatures on gates that covered these servers no longer count");
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

/// Once the cutover was signed, the copies may be in use, and what users wrote there would be lost.
fn refuse_after_the_move(scene: &Scene, story: &Story) -> Result<(), Failure> {
    let all = gates(&scene.plan, &story.state, story.journal.now());
    let last_copy = scene.plan.steps.iter().rposition(|step| step.action == crate::migration::Action::FinalSync);
    let moved = all.iter().find(|status| {
        let at = scene.plan.steps.iter().position(|step| step.id == status.step.id);
        at > last_copy && !status.signed.is_empty()
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
