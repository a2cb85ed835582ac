//! `migrate status`: what to do now first, the exact command last.

use super::Whose;
use super::copying::{at_rest, at_work};
use super::plan::short;
use super::scene::{Replicas, Scene, Story, forecast};
use crate::checklist::{self, Phase};
use crate::cli::quantities::{duration, gigabytes};
use crate::cli::ui::Tone;
use crate::cli::wrap::wrapped;
use crate::cli::{Context, Lang};
use crate::failure::Failure;
use crate::migration::{
    Action, ByHand, GateLine, Inputs, ManualLine, Next, Scope, ServerStatus, Status, Step, Unsigned, clock,
    live_figures, next, unmeasured,
};
use crate::model::RoleId;
use crate::model::bilingual::Bilingual;
use crate::replica::CHUNK;
use crate::untrusted::printable;
use jiff::Timestamp;
use std::fmt::Write as _;

/// `migrate status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) whose: Whose,
    /// Show the copies, once a second, until Ctrl-C.
    #[arg(long)]
    pub(super) watch: bool,
    /// Tell those under `notify` what falls due while no run is at work; without a terminal, as a service.
    #[arg(long, requires = "watch")]
    pub(super) notify: bool,
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
    with_inputs(scene, story, replicas, context, Status::of)
}

/// What `read` makes of everything that a status is made from.
pub(super) fn with_inputs<T>(
    scene: &Scene,
    story: &Story,
    replicas: &Replicas,
    context: &Context,
    read: impl FnOnce(&Inputs<'_>) -> T,
) -> Result<T, Failure> {
    let now = story.journal.now();
    Ok(read(&Inputs {
        plan: &scene.plan,
        forecast: &forecast(scene, &story.events, now, now)?,
        state: &story.state,
        events: &story.events,
        people: &scene.inventory.people,
        holder: story.holder.as_ref(),
        replicas,
        live: live_figures(&scene.landing(context), &scene.tenant, now).as_ref(),
        unsigned: &unsigned(scene, story, context),
        windows: &scene.tenant.windows,
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
            stage.filter(|step| !story.state.is_by_hand(&step.id)).filter_map(phase).collect()
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

/// What the gate or the manual step that comes next asks people to do.
pub(super) fn asked<'a>(scene: &'a Scene, story: &'a Story) -> Option<&'a Bilingual> {
    match next(&scene.plan, &story.state, &Scope::default(), story.journal.now()) {
        Next::Gate(gate) => gate.gate.asks.as_ref(),
        Next::Act(step) => match &step.action {
            Action::Manual(manual) if !story.state.confirmed.contains_key(&step.id) => Some(&manual.instructions),
            _ => None,
        },
        _ => None,
    }
}

fn page(scene: &Scene, story: &Story, status: &Status, context: &Context) -> String {
    let now = if context.lang == Lang::It { "ORA:" } else { "NOW:" };
    let mut text = labelled(Tone::Strong, now, context.in_language(&status.next.what), context);
    if let Some(asks) = asked(scene, story) {
        text.push_str(&wrapped(&format!("  {}", context.in_language(asks))));
    }
    text.extend(status.next.who.iter().map(|who| wrapped(&format!("  {}", printable(who)))));
    text.extend(deadlines(scene, status, story.journal.now(), context).iter().map(|line| wrapped(line)));
    let plan = status.plan.as_deref().map_or("none adopted yet", short);
    let whose = format!("{} ({}), phase {}, plan {plan}", scene.tenant.name, status.tenant, status.phase.word());
    text.push_str(&format!("\n{}", wrapped(&whose)));
    if let Some(operator) = &status.operator {
        let _ = writeln!(text, "last at work: {operator}");
    }
    text.push('\n');
    text.extend(status.servers.iter().map(|server| wrapped(&of_server(server))));
    text.push('\n');
    text.push_str(&wrapped(&gates(status)));
    for server in &status.servers {
        if let Some(failure) = &server.failure {
            let heading = format!("{} failed:", server.server);
            let _ = write!(text, "\n{}", labelled(Tone::Bad, &heading, failure, context));
        }
    }
    text.push_str(&manual(status, context));
    text.push_str(&decided(status, context));
    text.push_str(&go_back(status, context));
    text.push_str(&safety(status, context));
    for command in status.next.command.iter().chain(&status.next.or) {
        // Never broken: it is copied.
        let _ = writeln!(text, "\n  {}", context.ui.tone(Tone::Strong, command));
    }
    text
}

/// A line that begins with a label.
fn labelled(tone: Tone, label: &str, what: &str, context: &Context) -> String {
    let plain = wrapped(&format!("{label} {}", printable(what)));
    plain.replacen(label, &context.ui.tone(tone, label), 1)
}

/// By when, the window at hand, and the gate after.
pub(super) fn deadlines(scene: &Scene, status: &Status, now: Timestamp, context: &Context) -> Vec<String> {
    let it = context.lang == Lang::It;
    let mut lines = Vec::new();
    if let Some(by) = status.next.by {
        let left = by.duration_since(now).as_secs();
        let left = match (u64::try_from(left), it) {
            (Ok(left), true) => format!("fra {}", duration(left)),
            (Ok(left), false) => format!("in {}", duration(left)),
            (Err(_), true) => "passato".to_owned(),
            (Err(_), false) => "passed".to_owned(),
        };
        lines.push(format!("{} {} ({left})", if it { "  entro" } else { "  by" }, clock(by)));
    }
    if let Some(window) = &status.window {
        let (from, to, back) = (clock(window.from), clock(window.to), clock(window.go_back_at));
        lines.push(if it {
            format!("  finestra dal {from} al {to}, ora limite per tornare indietro {back}")
        } else {
            format!("  window {from} to {to}, go back at {back}")
        });
        if !scene.is_assisted(window.from) {
            lines.push(format!("  {}", context.in_language(&unassisted(scene))));
        }
    }
    if let Some(gate) = status.gates.iter().find(|gate| gate.state == "closed") {
        let roles = gate.missing.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
        lines.push(format!("{} {} ({roles})", if it { "  poi il passaggio" } else { "  then gate" }, gate.gate));
    }
    lines
}

/// What is said of a window in which the carrier does not come.
pub(super) fn unassisted(scene: &Scene) -> Bilingual {
    let sla = &scene.inventory.project.sla;
    let (from, until) = (sla.from.strftime("%H:%M"), sla.until.strftime("%H:%M"));
    Bilingual {
        it: format!("attenzione: fuori dall'assistenza del collegamento (lun-ven {from}-{until})"),
        en: format!("warning: outside of the link's hours of assistance (Mon-Fri {from}-{until})"),
    }
}

/// What else people do now, beside what comes next.
fn manual(status: &Status, context: &Context) -> String {
    let others: Vec<&ManualLine> =
        status.manual.iter().filter(|line| Some(&line.command) != status.next.command.as_ref()).collect();
    if others.is_empty() {
        return String::new();
    }
    let title = if context.lang == Lang::It { "Da fare a mano:" } else { "By hand:" };
    let mut text = format!("\n{}\n", context.ui.tone(Tone::Strong, title));
    for line in others {
        let what = format!("{}. {}", context.in_language(&line.title), context.in_language(&line.instructions));
        text.push_str(&labelled(Tone::Warn, &format!("  {}:", line.step), &what, context));
        let _ = writeln!(text, "    {}", line.command);
    }
    text
}

/// Steps that two persons decided, or one wants to.
fn decided(status: &Status, context: &Context) -> String {
    if status.by_hand.is_empty() {
        return String::new();
    }
    let it = context.lang == Lang::It;
    let title = if it { "Deciso a mano:" } else { "Decided by hand:" };
    let mut text = format!("\n{}\n", context.ui.tone(Tone::Strong, title));
    for line in &status.by_hand {
        let what = match (line.way, it) {
            (ByHand::Done, true) => "fatto",
            (ByHand::Skipped, true) => "saltato",
            (way, false) => way.word(),
        };
        let who =
            line.decided.iter().map(|one| format!("{} ({}), {}: {}", one.by, one.role, day(&one.time), one.reason));
        let missing = match (line.agreed, it) {
            (true, _) => "",
            (false, true) => "; manca l'altra parte",
            (false, false) => "; the other side has to agree",
        };
        let who = who.collect::<Vec<_>>().join("; ");
        text.push_str(&labelled(Tone::Warn, &format!("  {}:", line.step), &format!("{what}, {who}{missing}"), context));
    }
    text
}

/// Day and minute of a time of the journal.
fn day(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
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
        let server = format!("  {}:", one.server);
        text.push_str(&labelled(tone, &server, context.in_language(&one.what), context));
    }
    text.push_str(&wrapped(&format!("  {}", context.in_language(&unmeasured()))));
    text
}

fn safety(status: &Status, context: &Context) -> String {
    let (safe, not) = match context.lang {
        Lang::It => ("Al sicuro:", "Da non fare:"),
        Lang::En => ("Safe:", "Not safe:"),
    };
    let mut text = String::new();
    for (title, tone, list) in [(safe, Tone::Strong, &status.safe), (not, Tone::Warn, &status.not_safe)] {
        let _ = writeln!(text, "\n{}", context.ui.tone(tone, title));
        text.extend(list.iter().map(|one| wrapped(&format!("  {}", context.in_language(one)))));
    }
    text
}

fn of_server(server: &ServerStatus) -> String {
    let step = server.step.as_ref().map(|step| format!(", next {step}")).unwrap_or_default();
    let wire = gigabytes(server.replica.iter().map(|disk| disk.bytes_wire).sum());
    let mut text = format!(
        "{}: {}{step}\n  {}, proof {}; safe here {}, on the link {wire}\n",
        server.server,
        server.phase.word(),
        server.transfer,
        server.proof,
        safe_here(server)
    );
    text.extend(at_work(server).map(|line| line + "\n"));
    if server.copying.live.is_none() {
        text.push_str(&at_rest(&server.copying));
        text.push('\n');
    }
    text
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

/// The open gates on one line, each other one on its own.
fn gates(status: &Status) -> String {
    let open = |gate: &&GateLine| gate.state == "open";
    let names: Vec<&str> = status.gates.iter().filter(open).map(|gate| gate.gate.as_str()).collect();
    let mut text = format!("gates open: {}\n", if names.is_empty() { "none".to_owned() } else { names.join(", ") });
    for gate in status.gates.iter().filter(|gate| !open(gate)) {
        let missing = gate.missing.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
        let signed = gate.signed.iter().map(|one| format!("; signed {} ({})", one.by, one.role)).collect::<String>();
        let void = if gate.void.is_empty() { String::new() } else { format!("; {} void", gate.void.len()) };
        let _ = writeln!(text, "  {} ({}), {}: {missing}{signed}{void}", gate.gate, gate.activity, gate.state);
    }
    text
}
