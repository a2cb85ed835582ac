//! `migrate sign late --server S`: both sides let a server's move go on outside of its window, or too late to go
//! back.

use super::log::remark;
use super::scene::{Scene, Story};
use super::sign::{Args, adopted};
use crate::cli::{Context, approval};
use crate::digest::sha256;
use crate::failure::{Failure, Kind};
use crate::migration::{Action, Record, clock};
use crate::model::people::Side;
use crate::model::window::due;
use crate::model::{PersonId, RoleId, ServerId};
use crate::untrusted::printable;

/// What is typed in place of a gate.
pub(super) const WORD: &str = "late";

pub(super) async fn run(args: &Args, server: &ServerId, context: &Context) -> Result<(), Failure> {
    let note = args.note.as_deref().ok_or_else(|| {
        Failure::new(Kind::Usage, "why it goes on is to be said with --note TEXT")
            .hint("Nothing was recorded. Say why, and who was called: both sides have to agree.")
    })?;
    remark("note", note)?;
    let scene = Scene::open(&args.whose, None, context)?;
    let operator = scene.operator(context)?;
    let by = args.by.as_ref().unwrap_or(&operator);
    let story = Story::open(&scene, context).await?;
    adopted(&scene, &story)?;
    has_windows(&scene, server)?;
    let side = side(&scene, by, &args.role)?;
    separated(&story, server, side, by, &operator)?;
    let page = page(&scene, &story, server, by, &args.role, note);
    approval::approve(&page, &sha256(page.as_bytes()), args.approve.as_deref(), context)?;
    let (role, by, note) = (args.role.clone(), by.clone(), note.to_owned());
    let record = Record::WindowWaived { server: server.clone(), role, side, by, note };
    let event = story.write(&scene, &operator, record).await?;
    context.ui.status(&format!("registrato: {WORD}, evento {}", event.seq));
    let story = Story::open(&scene, context).await?;
    context.ui.status(&if story.state.both_agreed_late(server, story.journal.now()) {
        format!("both sides agree; go on with: traghetto migrate run {}", scene.tenant.id)
    } else {
        "still missing: the word of the other side".to_owned()
    });
    Ok(())
}

fn has_windows(scene: &Scene, server: &ServerId) -> Result<(), Failure> {
    let problem = if scene.plan.server(server).is_none() {
        format!("the plan moves no server {server}")
    } else if scene.tenant.windows.is_empty() {
        format!("{} has no windows: nothing is late", scene.tenant.id)
    } else {
        return Ok(());
    };
    Err(Failure::new(Kind::Usage, problem)
        .hint("Nothing was recorded. `traghetto migrate status` shows windows and go-back times."))
}

/// The side for which the person speaks: a role that carries out or validates the move.
fn side(scene: &Scene, by: &PersonId, role: &RoleId) -> Result<Side, Failure> {
    let moving = scene.plan.steps.iter().find(|step| step.action == Action::FinalSync).map(|step| step.activity);
    let activity = scene.playbook.activities.iter().find(|activity| Some(activity.number) == moving);
    let asked: Vec<&RoleId> = activity.into_iter().flat_map(|one| one.executes.iter().chain(&one.validates)).collect();
    let people = &scene.inventory.people;
    let holds = people.persons.get(by).is_some_and(|person| person.holds(role, &scene.tenant.id));
    match people.roles.get(role).filter(|_| holds && asked.contains(&role)) {
        Some(role) => Ok(role.side),
        None => {
            let names: Vec<&str> = asked.iter().map(|role| role.as_str()).collect();
            Err(Failure::new(Kind::Usage, format!("{by} may not decide this as {role}"))
                .hint(format!("Nothing was recorded. These roles do, one of each side: {}.", names.join(", "))))
        }
    }
}

/// The two sides are two persons and two operators.
fn separated(story: &Story, server: &ServerId, side: Side, by: &PersonId, operator: &PersonId) -> Result<(), Failure> {
    let said = story.state.said_late(server, story.journal.now());
    let mut others = said.filter(|one| (one.side == Side::Comune) != (side == Side::Comune));
    if others.any(|one| one.by == *by || one.operator == operator.as_str()) {
        return Err(Failure::new(Kind::CheckFailed, "one person, or one operator, does not decide for both sides")
            .hint("Nothing was recorded. A person of the other side types it at an own account."));
    }
    Ok(())
}

fn page(scene: &Scene, story: &Story, server: &ServerId, by: &PersonId, role: &RoleId, note: &str) -> String {
    let people = &scene.inventory.people;
    let name = people.persons.get(by).map_or(by.as_str(), |person| person.name.as_str());
    let title = people.roles.get(role).map_or(role.as_str(), |role| role.title.as_str());
    let window = match due(&scene.tenant.windows, server, story.journal.now()) {
        Some(window) => format!(
            "Finestra: dal {} al {}; ora limite per tornare indietro: {}.",
            clock(window.from()),
            clock(window.until()),
            clock(window.go_back_at())
        ),
        None => "Nell'inventario non c'è un'altra finestra.".to_owned(),
    };
    format!(
        "{}\n{window}\nLo spostamento del server {server} prosegue fuori dalla finestra, o oltre l'ora limite per \
         tornare indietro.\nIl consenso vale 12 ore, se anche l'altra parte lo dà.\n{}\n\nDecide: {name}, {title}.\n",
        scene.tenant.name,
        printable(note)
    )
}
