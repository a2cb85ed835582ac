//! `migrate sign TENANT STEP`: a person says that a step is done which only people can do.

use super::log::remark;
use super::scene::{Scene, Story};
use super::sign::{Args, adopted};
use crate::cli::{Context, approval};
use crate::digest::sha256;
use crate::failure::{Failure, Kind};
use crate::migration::{Action, Manual, Record, Step, StepState, at_hand};
use crate::model::{PersonId, RoleId};
use crate::untrusted::printable;

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let scene = Scene::open(&args.whose, None, context)?;
    let operator = scene.operator(context)?;
    let by = args.by.as_ref().unwrap_or(&operator);
    let (step, manual) = step(&scene, &args.gate)?;
    let note = args.note.as_deref().ok_or_else(|| {
        Failure::new(Kind::Usage, "what was done is to be said with --note TEXT")
            .hint("Nothing was recorded. Give the same command with --note and what you did and saw.")
    })?;
    remark("note", note)?;
    let story = Story::open(&scene, context).await?;
    adopted(&scene, &story)?;
    may_confirm(&scene, manual, by, &args.role)?;
    is_due(&scene, &story, step)?;
    let page = page(&scene, step, manual, by, &args.role, note);
    approval::approve(&page, &sha256(page.as_bytes()), args.approve.as_deref(), context)?;
    let (step, role, by, note) = (step.id.clone(), args.role.clone(), by.clone(), note.to_owned());
    let record = Record::StepStated { step: step.clone(), role, by, note };
    let event = story.write(&scene, &operator, record).await?;
    context.ui.status(&format!("registrato: {step}, evento {}", event.seq));
    context.ui.status(&format!("go on with: traghetto migrate run {}", scene.tenant.id));
    Ok(())
}

fn step<'a>(scene: &'a Scene, id: &str) -> Result<(&'a Step, &'a Manual), Failure> {
    let manual = |step: &'a Step| match &step.action {
        Action::Manual(manual) => Some((step, &**manual)),
        _ => None,
    };
    if let Some(found) = scene.plan.steps.iter().filter(|step| step.id.0 == id).find_map(manual) {
        return Ok(found);
    }
    let name = printable(id);
    if scene.plan.steps.iter().any(|step| step.id.0 == id) {
        return Err(Failure::new(Kind::Usage, format!("{name} is no step that people say they have done"))
            .hint("Nothing was recorded.")
            .hint(format!("The run does it: traghetto migrate run {}", scene.tenant.id)));
    }
    let steps: Vec<&str> = scene.plan.steps.iter().filter_map(manual).map(|(step, _)| step.id.0.as_str()).collect();
    let known = if steps.is_empty() { "none".to_owned() } else { steps.join(", ") };
    Err(Failure::new(Kind::Usage, format!("the plan has no step `{name}`"))
        .hint(format!("Nothing was recorded. The steps that people do are: {known}.")))
}

fn may_confirm(scene: &Scene, manual: &Manual, by: &PersonId, role: &RoleId) -> Result<(), Failure> {
    let holds = scene.inventory.people.persons.get(by).is_some_and(|person| person.holds(role, &scene.tenant.id));
    if holds && manual.by.contains(role) {
        return Ok(());
    }
    let names: Vec<&str> = manual.by.iter().map(|role| role.as_str()).collect();
    Err(Failure::new(Kind::Usage, format!("{by} may not say this as {role}"))
        .hint(format!("Nothing was recorded. A person with one of these roles does: {}.", names.join(", "))))
}

/// What is said before its turn is about another moment.
fn is_due(scene: &Scene, story: &Story, step: &Step) -> Result<(), Failure> {
    let run = format!("traghetto migrate run {}", scene.tenant.id);
    let id = &step.id;
    if let Some(said) = story.state.confirmed.get(id) {
        let done = matches!(story.state.step(id), StepState::Done { .. });
        let next = if done { String::new() } else { format!(" Go on with: {run}") };
        return Err(Failure::new(Kind::Usage, format!("{id} is done, as {} has said already", said.by))
            .hint(format!("Nothing was recorded.{next}")));
    }
    let open = at_hand(&scene.plan, &story.state, story.journal.now());
    if open.iter().any(|open| open.id == *id) {
        return Ok(());
    }
    let first = open.first().map_or_else(String::new, |first| format!(": {} comes first", first.id));
    Err(Failure::new(Kind::CheckFailed, format!("the turn of {id} has not come{first}"))
        .hint("Nothing was recorded: what is said before does not count.")
        .hint(format!("Go on with: {run}")))
}

fn page(scene: &Scene, step: &Step, manual: &Manual, by: &PersonId, role: &RoleId, note: &str) -> String {
    let people = &scene.inventory.people;
    let name = people.persons.get(by).map_or(by.as_str(), |person| person.name.as_str());
    let title = people.roles.get(role).map_or(role.as_str(), |role| role.title.as_str());
    let seen = match manual.probe() {
        Some(probe) => format!("Poi si verifica ({probe}): se non risulta, la dichiarazione non vale più."),
        None => "Nessuna verifica automatica: vale la dichiarazione.".to_owned(),
    };
    format!(
        "{}\n{}: {}\n{}\n{seen}\n\nFatto. {}\n\nDichiara: {name}, {title}.\n",
        scene.tenant.name,
        step.id,
        manual.title.it,
        manual.instructions.it,
        printable(note)
    )
}
