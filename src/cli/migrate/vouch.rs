//! `migrate sign source-off|routed --server S`: a person vouches for what no probe can see.

use super::log::remark;
use super::scene::{Scene, Story};
use super::sign::{Args, adopted};
use crate::cli::{Context, approval};
use crate::digest::sha256;
use crate::failure::{Failure, Kind};
use crate::migration::{Action, Fact, Reached, Record, Step, StepState, Stop, at_hand};
use crate::model::people::Side;
use crate::model::{PersonId, RoleId, ServerId};
use crate::untrusted::printable;

pub(super) async fn run(args: &Args, server: &ServerId, context: &Context) -> Result<(), Failure> {
    let fact = fact(&args.gate)?;
    let note = args.note.as_deref().ok_or_else(|| {
        Failure::new(Kind::Usage, "what was seen is to be said with --note TEXT")
            .hint("Nothing was recorded. Write what you saw, and where you stood.")
    })?;
    remark("note", note)?;
    let scene = Scene::open(&args.whose, None, context)?;
    let operator = scene.operator(context)?;
    let by = args.by.as_ref().unwrap_or(&operator);
    let story = Story::open(&scene, context).await?;
    adopted(&scene, &story)?;
    may_vouch(&scene, by, &args.role)?;
    on_the_spot(&scene, &story, server, fact, (&args.role, &operator))?;
    is_due(&scene, &story, server, fact)?;
    let page = page(&scene, server, fact, by, &args.role, note);
    approval::approve(&page, &sha256(page.as_bytes()), args.approve.as_deref(), context)?;
    let (server, role, by, note) = (server.clone(), args.role.clone(), by.clone(), note.to_owned());
    let event = story.write(&scene, &operator, Record::ServerStated { server, fact, role, by, note }).await?;
    context.ui.status(&format!("registrato: {}, evento {}", fact.word(), event.seq));
    context.ui.status(&format!("go on with: traghetto migrate run {}", scene.tenant.id));
    Ok(())
}

fn fact(word: &str) -> Result<Fact, Failure> {
    let found = Fact::WORDS.iter().find(|(known, _)| *known == word).map(|(_, fact)| *fact);
    found.ok_or_else(|| {
        let words: Vec<&str> = Fact::WORDS.iter().map(|(word, _)| *word).collect();
        Failure::new(Kind::Usage, format!("`{}` is nothing that is vouched for", printable(word)))
            .hint(format!("With --server these are: {}. A gate is signed without --server.", words.join(", ")))
    })
}

/// Whoever carries out the cutover: the engineer, or the municipality's technician on the spot.
fn may_vouch(scene: &Scene, by: &PersonId, role: &RoleId) -> Result<(), Failure> {
    let night = |step: &&Step| match &step.action {
        Action::Fence => true,
        Action::Gate(gate) => gate.reaches == Some(Reached::Quiet),
        _ => false,
    };
    let moving = scene.plan.steps.iter().find(night).map(|step| step.activity);
    let activity = scene.playbook.activities.iter().find(|activity| Some(activity.number) == moving);
    let executes = activity.map_or(&[][..], |activity| &activity.executes);
    let holds = scene.inventory.people.persons.get(by).is_some_and(|person| person.holds(role, &scene.tenant.id));
    if holds && executes.contains(role) {
        return Ok(());
    }
    let names: Vec<&str> = executes.iter().map(|role| role.as_str()).collect();
    Err(Failure::new(Kind::Usage, format!("{by} may not vouch for this as {role}"))
        .hint(format!("Nothing was recorded. Who carries out the move does: {}.", names.join(", "))))
}

/// That a source is off is said by somebody of the town, who stands before it; and not typed by whoever runs
/// the move of the server.
fn on_the_spot(
    scene: &Scene,
    story: &Story,
    server: &ServerId,
    fact: Fact,
    (role, operator): (&RoleId, &PersonId),
) -> Result<(), Failure> {
    if fact != Fact::SourceOff {
        return Ok(());
    }
    let side = scene.inventory.people.roles.get(role).map(|role| role.side);
    if side != Some(Side::Comune) {
        return Err(Failure::new(Kind::CheckFailed, format!("{role} does not stand before the server"))
            .hint("Nothing was recorded. A person of the municipality who sees that it is off says so."));
    }
    let mine = scene.plan.steps.iter().filter(|step| step.server.as_ref() == Some(server));
    let moves = mine.filter(|step| matches!(step.action, Action::FinalSync | Action::Fence));
    let runs = moves.filter_map(|step| story.state.executors.get(&step.id)).any(|who| who == operator.as_str());
    if runs {
        return Err(Failure::new(Kind::CheckFailed, format!("{operator} runs the move of {server}"))
            .hint("Nothing was recorded. Who sees that it is off types it at an own account (--operator)."));
    }
    Ok(())
}

/// What is said before the last copy is of another night, and would not count.
fn is_due(scene: &Scene, story: &Story, server: &ServerId, fact: Fact) -> Result<(), Failure> {
    let mine = |action: Action| {
        scene.plan.steps.iter().filter(move |step| step.action == action && step.server.as_ref() == Some(server))
    };
    if fact == Fact::MachineOff {
        let open = story.state.rolled_back.contains_key(server) && !story.state.withdrawn.contains(server);
        return if open {
            Ok(())
        } else {
            Err(Failure::new(Kind::Usage, format!("no machine of {server} is to be switched off")).hint(
                "Nothing was recorded. This is said during a rollback; `traghetto migrate status` says what is next.",
            ))
        };
    }
    if mine(Action::Fence).next().is_none() {
        return Err(Failure::new(Kind::Usage, format!("the plan moves no server {server} with a machine"))
            .hint("Nothing was recorded. `traghetto migrate plan` shows its steps."));
    }
    let done = |step: &Step| matches!(story.state.step(&step.id), StepState::Done { .. });
    let moves = matches!(fact, Fact::SourceOff | Fact::Routed);
    if moves && !mine(Action::FinalSync).all(done) {
        return Err(Failure::new(Kind::CheckFailed, format!("the final sync of {server} is not done"))
            .hint("Nothing was recorded: what is seen before it does not count.")
            .hint(format!("Go on with: traghetto migrate run {}", scene.tenant.id)));
    }
    // One that is replaced has no last copy: what is said counts from its own turn on.
    let open = at_hand(&scene.plan, &story.state, story.journal.now());
    let turn = open
        .iter()
        .any(|step| step.server.as_ref() == Some(server) && matches!(step.action, Action::Fence | Action::Route));
    if moves && mine(Action::FinalSync).next().is_none() && !turn {
        return Err(Failure::new(Kind::CheckFailed, format!("the turn of {server} to be switched off has not come"))
            .hint("Nothing was recorded: what is said before does not count.")
            .hint(format!("Go on with: traghetto migrate run {}", scene.tenant.id)));
    }
    let (step, what) = match fact {
        Fact::SourceOff => (Action::Fence, "its source is off"),
        Fact::Routed => (Action::Route, "its address leads to the landing site"),
        Fact::MachineOff => (Action::Boot, "its machine is off"),
        Fact::Copied => (Action::Seed, "its first copy is there"),
        Fact::Finalised => (Action::FinalSync, "its last synchronisation is over"),
    };
    if matches!(fact, Fact::Copied | Fact::Finalised) {
        let waits = |step: &Step| *story.state.step(&step.id) == StepState::Stopped { why: Stop::Waiting };
        if !mine(step.clone()).any(waits) {
            return Err(Failure::new(Kind::CheckFailed, format!("{server}: the run does not wait for this"))
                .hint("Nothing was recorded: what is said before does not count.")
                .hint(format!("Go on with: traghetto migrate run {}", scene.tenant.id)));
        }
    }
    if mine(step).all(done) {
        return Err(Failure::new(Kind::Usage, format!("{server}: {what}, as is recorded already"))
            .hint("Nothing was recorded, and nothing needs to be: go on with `traghetto migrate run`."));
    }
    Ok(())
}

fn page(scene: &Scene, server: &ServerId, fact: Fact, by: &PersonId, role: &RoleId, note: &str) -> String {
    let people = &scene.inventory.people;
    let name = people.persons.get(by).map_or(by.as_str(), |person| person.name.as_str());
    let title = people.roles.get(role).map_or(role.as_str(), |role| role.title.as_str());
    let what = match fact {
        Fact::SourceOff => format!("Il server {server} è spento e il suo cavo di rete è staccato: visto sul posto."),
        Fact::MachineOff if scene.plan.is_replaced(server) => {
            format!("La macchina nuova non ha più l'indirizzo del server {server}, o è scollegata dalla rete: visto.")
        }
        Fact::MachineOff => {
            format!("La macchina di {server} presso l'ambiente di atterraggio è spenta e scollegata: visto.")
        }
        Fact::Copied => format!("La prima copia del server {server} con VMware Converter è completa e senza errori."),
        Fact::Finalised => {
            format!("La sincronizzazione finale del server {server} è completa e senza errori, a servizi fermi.")
        }
        Fact::Routed => format!("L'indirizzo del server {server} porta all'ambiente di atterraggio: rotte verificate."),
    };
    format!("{}\n{what}\n{}\n\nDichiara: {name}, {title}.\n", scene.tenant.name, printable(note))
}
