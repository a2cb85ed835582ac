//! `migrate status`: what to do now first, the exact command last.

use super::Whose;
use super::copying::at_work;
use super::plan::short;
use super::scene::{Replicas, Scene, Story, forecast};
use crate::checklist::{self, Phase};
use crate::cli::quantities::{duration, gigabytes};
use crate::cli::table::Table;
use crate::cli::ui::Tone;
use crate::cli::{Context, Lang};
use crate::failure::Failure;
use crate::migration::{
    Action, Inputs, Next, Scope, ServerStatus, Status, Step, Unsigned, live_figures, next, unmeasured,
};
use crate::model::RoleId;
use crate::model::bilingual::Bilingual;
use crate::replica::CHUNK;
use crate::untrusted::printable;
use std::fmt::Write as _;

/// `migrate status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) whose: Whose,
    /// Show the copies, once a second, until Ctrl-C.
    #[arg(long)]
    pub(super) watch: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let scene = Scene::open(&args.whose, None, context)?;
    let story = Story::open(&scene, context).await?;
    let status = of(&scene, &story, context)?;
    if context.json {
        context.ui.json(&status);
        return Ok(());
    }
    context.ui.data(&page(&scene, &story, &status, context));
    Ok(())
}

pub(super) fn of(scene: &Scene, story: &Story, context: &Context) -> Result<Status, Failure> {
    with(scene, story, &scene.replicas(context), context)
}

/// With `replicas` as they were found on the landing host, for which every leaf file is read.
pub(super) fn with(scene: &Scene, story: &Story, replicas: &Replicas, context: &Context) -> Result<Status, Failure> {
    let now = story.journal.now();
    Ok(Status::of(&Inputs {
        plan: &scene.plan,
        forecast: &forecast(scene, &story.events, now, now)?,
        state: &story.state,
        events: &story.events,
        people: &scene.inventory.people,
        holder: story.holder.as_ref(),
        replicas,
        live: live_figures(&scene.landing(context), &scene.tenant, now).as_ref(),
        unsigned: &unsigned(scene, story, context),
        now,
    }))
}

/// The statements that the checklist which comes next waits for; before a gate, those of its checklists
/// that were given and count no more.
fn unsigned(scene: &Scene, story: &Story, context: &Context) -> Vec<Unsigned> {
    let phase = |step: &Step| match step.action {
        Action::Checklist { checklist } => Some(checklist),
        _ => None,
    };
    let phases: Vec<Phase> = match next(&scene.plan, &story.state, &Scope::default(), story.journal.now()) {
        Next::Act(step) => phase(step).into_iter().collect(),
        Next::Gate(gate) => {
            let before: Vec<&Step> = scene.plan.steps.iter().take_while(|step| step.id != gate.step.id).collect();
            let stage = before.into_iter().rev().take_while(|step| !matches!(step.action, Action::Gate(_)));
            stage.filter_map(phase).collect()
        }
        _ => Vec::new(),
    };
    let mut waiting = phases.into_iter().map(|phase| unsigned_of(phase, scene, story, context));
    waiting.find(|unsigned| !unsigned.is_empty()).unwrap_or_default()
}

fn unsigned_of(phase: Phase, scene: &Scene, story: &Story, context: &Context) -> Vec<Unsigned> {
    // A checklist that cannot be read is named by the run.
    let Ok(list) = checklist::load(&context.root, phase, &scene.inventory.people) else { return Vec::new() };
    let signatures = checklist::Signatures::read(&list, &story.events, story.journal.now());
    // Who signs what does not depend on what the source phase kept.
    let baselines = checklist::Baselines::default();
    let options = checklist::Options::whole(&scene.inventory.project, &signatures, &baselines);
    let mut tasks = checklist::tasks(&list, &scene.tenant, &options);
    tasks.retain(|task| task.todo == checklist::Todo::Sign);
    let lines = checklist::standing(&tasks, phase, &story.events, &signatures);
    let stated = tasks.iter().zip(&lines).filter(|(_, line)| line.finding.verdict != checklist::Verdict::Waived);
    let missing =
        stated.flat_map(|(task, _)| signatures.missing(&task.item, &task.subject).map(move |role| (task, role)));
    let unsigned = |(task, role): (&checklist::Task, &RoleId)| Unsigned {
        phase,
        item: task.item.id.clone(),
        subject: task.subject.clone(),
        role: role.clone(),
    };
    missing.map(unsigned).collect()
}

/// What the gate that comes next asks people to do.
pub(super) fn asked<'a>(scene: &'a Scene, story: &'a Story) -> Option<&'a Bilingual> {
    match next(&scene.plan, &story.state, &Scope::default(), story.journal.now()) {
        Next::Gate(gate) => gate.gate.asks.as_ref(),
        _ => None,
    }
}

fn page(scene: &Scene, story: &Story, status: &Status, context: &Context) -> String {
    let ui = &context.ui;
    let now = if context.lang == Lang::It { "ORA" } else { "NOW" };
    let mut text = format!("{}: {}\n", ui.tone(Tone::Strong, now), printable(context.in_language(&status.next.what)));
    if let Some(asks) = asked(scene, story) {
        let _ = writeln!(text, "  {}", context.in_language(asks));
    }
    for who in &status.next.who {
        let _ = writeln!(text, "  {}", printable(who));
    }
    let plan = status.plan.as_deref().map_or("none adopted yet", short);
    let _ = writeln!(text, "\n{} ({}), phase {}, plan {plan}", scene.tenant.name, status.tenant, status.phase.word());
    if let Some(operator) = &status.operator {
        let _ = writeln!(text, "last at work: {operator}");
    }
    text.push('\n');
    text.push_str(&servers(status));
    for server in &status.servers {
        text.extend(at_work(server).map(|line| format!("{line}\n")));
    }
    text.push('\n');
    text.push_str(&gates(status));
    for server in &status.servers {
        if let Some(failure) = &server.failure {
            let heading = format!("{} failed:", server.server);
            let _ = writeln!(text, "\n{} {}", ui.tone(Tone::Bad, &heading), printable(failure));
        }
    }
    text.push_str(&go_back(status, context));
    let safe = match context.lang {
        Lang::It => "Al sicuro: le sorgenti non sono mai scritte; tutto ciò che è confermato resta nelle repliche.",
        Lang::En => "Safe: sources are never written to; everything acknowledged is kept in the replicas.",
    };
    let _ = writeln!(text, "\n{safe}");
    if let Some(command) = &status.next.command {
        let _ = writeln!(text, "\n  {}", ui.tone(Tone::Strong, command));
    }
    text
}

/// What speaks for going back, while servers are on the move; people decide.
fn go_back(status: &Status, context: &Context) -> String {
    if status.go_back.is_empty() {
        return String::new();
    }
    let title = if context.lang == Lang::It { "Tornare indietro?" } else { "Go back?" };
    let mut text = format!("\n{}\n", context.ui.tone(Tone::Strong, title));
    for one in &status.go_back {
        let tone = if one.met { Tone::Bad } else { Tone::Warn };
        let what = format!("{}: {}", one.server, printable(context.in_language(&one.what)));
        let _ = writeln!(text, "  {}", context.ui.tone(tone, &what));
    }
    let _ = writeln!(text, "  {}", context.in_language(&unmeasured()));
    text
}

fn servers(status: &Status) -> String {
    let mut table =
        Table::new(["Server", "Transfer", "Proof", "Phase", "Step", "Safe here", "On the link", "Left at MCR"]);
    for server in &status.servers {
        table.row([
            server.server.to_string(),
            server.transfer.to_owned(),
            server.proof.to_owned(),
            server.phase.word().to_owned(),
            server.step.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            safe_here(server),
            gigabytes(server.replica.iter().map(|disk| disk.bytes_wire).sum()),
            server.copying.eta_at_mcr_seconds.map_or_else(|| "-".to_owned(), duration),
        ]);
    }
    table.render()
}

fn safe_here(server: &ServerStatus) -> String {
    let done: u64 = server.replica.iter().map(|disk| disk.chunks_done).sum();
    let total: Option<u64> = server.replica.iter().map(|disk| disk.chunks_total).sum();
    match total {
        Some(total) => {
            let percent = (done * 100).checked_div(total).unwrap_or(100);
            format!("{percent} % of {}", gigabytes(total * CHUNK as u64))
        }
        None => "-".to_owned(),
    }
}

fn gates(status: &Status) -> String {
    let mut table = Table::new(["Gate", "Activity", "State", "Signed", "Missing"]);
    for gate in &status.gates {
        let signed = gate.signed.iter().map(|one| format!("{} ({})", one.by, one.role)).collect::<Vec<_>>().join(", ");
        let missing = gate.missing.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
        let signed = if gate.void.is_empty() { signed } else { format!("{signed} [{} void]", gate.void.len()) };
        table.row([gate.gate.clone(), gate.activity.to_string(), gate.state.to_owned(), signed, missing]);
    }
    table.render()
}
