//! `migrate sign`: a person approves what came before a gate. What is signed is shown first, in Italian.

use super::Whose;
use super::plan::short;
use super::scene::{Scene, Story};
use crate::checklist::{self, Baselines, Options, Signatures, Standing, Verdict};
use crate::cli::{Context, approval};
use crate::failure::{Failure, Kind};
use crate::migration::{Action, ByHand, GateStatus, Objection, Plan, Record, Shown, StepResult, gates, may_sign};
use crate::model::project::Prevails;
use crate::model::{PersonId, RoleId, ServerId};
use crate::untrusted::printable;
use std::fmt::Write as _;

/// `migrate sign`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) whose: Whose,
    /// The gate or the manual step, as `migrate status` names it; or what is said about one server: `source-off`, `routed`, `late`.
    pub(super) gate: String,
    /// The server that is vouched for.
    #[arg(long)]
    pub(super) server: Option<ServerId>,
    /// What the person did or saw, where something is vouched for.
    #[arg(long, value_name = "TEXT")]
    pub(super) note: Option<String>,
    /// The role in which the person signs.
    #[arg(long)]
    pub(super) role: RoleId,
    /// Who signs (default: the operator).
    #[arg(long, value_name = "PERSON")]
    pub(super) by: Option<PersonId>,
    /// The digest of what is approved, instead of the question on the terminal; 12 digits are enough.
    #[arg(long, value_name = "DIGEST")]
    pub(super) approve: Option<String>,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let scene = Scene::open(&args.whose, None, context)?;
    let operator = scene.operator(context)?;
    let by = args.by.as_ref().unwrap_or(&operator);
    let story = Story::open(&scene, context).await?;
    adopted(&scene, &story)?;
    let all = gates(&scene.plan, &story.state, story.journal.now());
    let Some(status) = all.iter().find(|status| status.gate.gate.as_str() == args.gate) else {
        let names: Vec<&str> = all.iter().map(|status| status.gate.gate.as_str()).collect();
        let name = printable(&args.gate);
        return Err(Failure::new(Kind::Usage, format!("there is no gate `{name}`"))
            .hint(format!("The gates are: {}.", names.join(", "))));
    };
    if args.note.is_some() {
        return Err(Failure::new(Kind::Usage, "a gate is signed without --note")
            .hint("Nothing was signed. Give the same command without it; a remark goes into: traghetto migrate note"));
    }
    may_sign(status, &scene.plan, &scene.inventory.people, by, &args.role, &operator).map_err(objection)?;
    still_stated(&scene, &story, status, context)?;
    let page = page(&scene, &story, status, by, &args.role);
    approval::approve(&page, &status.approves, args.approve.as_deref(), context)?;
    let (gate, approves) = (status.gate.gate.clone(), status.approves.clone());
    let terms = status.approval.cutover.is_some().then(|| scene.plan.terms.record());
    let record = Record::GateSigned { gate, role: args.role.clone(), by: by.clone(), approves, terms };
    let event = story.write(&scene, &operator, record).await?;
    context.ui.status(&format!("firmato: {} ({}), evento {}", args.gate, args.role, event.seq));
    let missing: Vec<&str> =
        status.missing.iter().filter(|role| **role != &args.role).map(|role| role.as_str()).collect();
    if missing.is_empty() {
        context.ui.status(&format!("gate open; go on with: traghetto migrate run {}", scene.tenant.id));
    } else {
        context.ui.status(&format!("still missing: {}", missing.join(", ")));
    }
    Ok(())
}

pub(super) fn adopted(scene: &Scene, story: &Story) -> Result<(), Failure> {
    let run = format!("traghetto migrate run {}", scene.tenant.id);
    match &story.state.digest {
        Some(digest) if *digest == scene.plan.digest() => Ok(()),
        Some(_) => Err(Failure::new(Kind::Waiting, "inventory or playbook have changed since the plan was adopted")
            .hint(format!("Nothing was signed. Read the differences first: {run}"))),
        None => Err(Failure::new(Kind::Waiting, "no plan was adopted yet")
            .hint(format!("Nothing was signed. Start the migration first: {run}"))),
    }
}

/// Weighs once more what people stated: since its checklist was run a statement may have grown old, or a
/// waiver ended.
fn still_stated(scene: &Scene, story: &Story, status: &GateStatus<'_>, context: &Context) -> Result<(), Failure> {
    let before = scene.plan.steps.iter().take_while(|step| step.id != status.step.id);
    let stage: Vec<_> = before.collect();
    let stage = stage.iter().rev().take_while(|step| !matches!(step.action, Action::Gate(_)));
    // What two persons filled in on paper is not weighed here.
    for step in stage.filter(|step| !story.state.is_by_hand(&step.id)) {
        let Action::Checklist { checklist: phase } = step.action else { continue };
        let list = checklist::load(&context.root, phase, &scene.inventory.people).map_err(|problems| {
            Failure::new(Kind::Invalid, problems).hint("Nothing was signed. Mend the checklist.")
        })?;
        let signatures = Signatures::read(&list, &story.events, story.journal.now());
        // What people state does not depend on what the source phase kept.
        let baselines = Baselines::default();
        let options = Options::whole(&scene.inventory.project, &signatures, &baselines);
        let of_copies =
            matches!(phase, checklist::Phase::Test | checklist::Phase::Landing | checklist::Phase::Decommission);
        let tenant = if of_copies { story.state.without_taken_back(&scene.tenant) } else { scene.tenant.clone() };
        let mut tasks = checklist::tasks(&list, &tenant, &options);
        tasks.retain(|task| task.todo == checklist::Todo::Sign);
        let lines = checklist::standing(&tasks, phase, &story.events, &signatures);
        let open: Vec<String> = lines.iter().filter(|line| is_open(line)).map(in_words).collect();
        if !open.is_empty() {
            let gate = &status.gate.gate;
            return Err(Failure::new(Kind::CheckFailed, format!("gate {gate} cannot be signed: {}", open.join(", ")))
                .hint("Nothing was signed.")
                .hint(format!("What waits for whom: traghetto checklist pending {}", scene.tenant.id)));
        }
    }
    Ok(())
}

fn is_open(line: &Standing) -> bool {
    line.finding.blocks() || line.finding.verdict == Verdict::Pending
}

fn in_words(line: &Standing) -> String {
    let reason = line.finding.reason.as_deref().unwrap_or_default();
    format!("{} {} ({})", line.finding.item, line.finding.subject, printable(reason))
}

fn objection(objection: Objection) -> Failure {
    let (kind, hint) = match &objection {
        Objection::NoPerson(_) | Objection::NotAsked { .. } | Objection::NotTheirRole { .. } => {
            (Kind::Usage, "`traghetto migrate status` names who may sign.")
        }
        Objection::NotYet { .. } => (Kind::CheckFailed, "`traghetto migrate run` goes on to the gate."),
        Objection::QuietPeriod { .. } => (
            Kind::Waiting,
            "Until then the servers stay off, labelled and unplugged, and no disk is wiped. The term is \
             `terms.quiet_before_wipe` of inventory/project.yaml.",
        ),
        Objection::Stale { .. } => (
            Kind::CheckFailed,
            "`traghetto migrate run` runs the checklist again; what was signed on the same findings counts on.",
        ),
        Objection::Executor { .. } => {
            (Kind::CheckFailed, "What only the data center validates is signed by a person who did not carry it out.")
        }
        Objection::Already { .. } => (Kind::Usage, "`traghetto migrate status` names who is missing."),
        Objection::BothSides { .. } => {
            (Kind::CheckFailed, "A joint validation needs a person of each side: let somebody else sign.")
        }
        Objection::OneOperator { .. } => (
            Kind::CheckFailed,
            "The other side types its own: let its person, or another operator, sign with `--operator PERSON`.",
        ),
    };
    Failure::new(kind, objection).hint("Nothing was signed.").hint(hint)
}

/// What is signed, as the Comune reads it.
fn page(scene: &Scene, story: &Story, status: &GateStatus<'_>, by: &PersonId, role: &RoleId) -> String {
    let people = &scene.inventory.people;
    let name = people.persons.get(by).map_or(by.as_str(), |person| person.name.as_str());
    let title = people.roles.get(role).map_or(role.as_str(), |role| role.title.as_str());
    let mut text = format!("{}\nAttività {}: {}\n", scene.tenant.name, status.step.activity, status.gate.title.it);
    if let Some(asks) = &status.gate.asks {
        let _ = writeln!(text, "{}", asks.it);
    }
    let _ = writeln!(text, "\nPiano {}. Esiti fino a questo passaggio:", short(&status.approval.plan));
    for (step, result) in &status.approval.steps {
        let _ = writeln!(text, "  {step}: {}", result.map_or_else(|| "annullato".to_owned(), in_italian));
    }
    for (server, back) in &story.state.rolled_back {
        let _ = writeln!(text, "  {server}: riportato alla sorgente da {} ({})", back.by, printable(&back.reason));
    }
    if let Some(digest) = &status.approval.cutover {
        text.push_str(&terms(&scene.plan, digest, &status.changed));
    }
    let hours = status.gate.valid_hours.map(|hours| format!(" La firma vale {hours} ore.")).unwrap_or_default();
    let _ = writeln!(text, "\nImpronta di quanto si approva: {}", status.approves);
    let _ = writeln!(text, "Firma: {name}, {title}.{hours}");
    text
}

/// The terms of the cutover in short, and where they stand in full.
fn terms(plan: &Plan, digest: &str, changed: &[String]) -> String {
    let agreed = &plan.terms;
    let mut text = format!("\nPiano dello spostamento, impronta {digest}:\n");
    for window in &agreed.windows {
        let servers: Vec<&str> = window.servers.iter().map(|server| server.as_str()).collect();
        let servers = if servers.is_empty() { "tutti i server".to_owned() } else { servers.join(", ") };
        let (from, until, back) = (&window.from, &window.until, &window.go_back_at);
        let _ = writeln!(text, "  finestra dal {from} al {until}, decidere entro {back}: {servers}");
    }
    if agreed.windows.is_empty() {
        text.push_str("  nessuna finestra nell'inventario: i server si spostano a qualunque ora\n");
    }
    let order: Vec<&str> = agreed.servers.iter().map(|server| server.server.as_str()).collect();
    let _ = writeln!(text, "  ordine: {}", order.join(", "));
    let quiet = &agreed.quiet;
    let _ = match quiet.prevails {
        Prevails::QuietPeriod => writeln!(
            text,
            "  prima di cancellare i dischi: {} dal collaudo, anche oltre i {} del piano",
            quiet.quiet_before_wipe, quiet.plan
        ),
        Prevails::Plan => writeln!(
            text,
            "  prima di cancellare i dischi: {} dal collaudo, abbreviati se superano i {} del piano",
            quiet.quiet_before_wipe, quiet.plan
        ),
    };
    for change in changed {
        let _ = writeln!(text, "  cambiato dopo le firme: {}", printable(change));
    }
    let _ = writeln!(text, "  per intero: traghetto migrate report cutover {} --out DIR", plan.tenant);
    text
}

fn in_italian(result: &StepResult) -> String {
    match result {
        StepResult::Prepared { folder } => format!("pronto in {}", printable(folder)),
        StepResult::Checked { verdicts, .. } => {
            let counts = verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect::<Vec<_>>();
            format!("controlli: {}", counts.join(", "))
        }
        StepResult::Copied { root, length } => format!("copia identica, {length} byte, radice {}", short(root)),
        StepResult::Verified { root } => format!("riletta e identica, radice {}", short(root)),
        StepResult::Cloned { root } => format!("clonata, radice {}", short(root)),
        StepResult::Launched { machine, .. } => format!("avviata per il test come {}", printable(machine)),
        StepResult::Transferred { machine, .. } => {
            format!("copiata da VMware Converter in {} (prova: file)", printable(machine))
        }
        StepResult::TestsEnded { .. } => "macchine di test eliminate".to_owned(),
        StepResult::Converted { changes, .. } => format!("clone convertito, modifiche {}", short(changes)),
        StepResult::Confirmed { role, by, probe } => {
            let seen = probe.as_deref().map_or("senza verifica".to_owned(), |probe| format!("verificato con {probe}"));
            format!("fatto a mano, dichiarato da {by}, {role}; {}", printable(&seen))
        }
        StepResult::ByHand { way, decided } => {
            let what = if *way == ByHand::Done { "fatto a mano" } else { "saltato" };
            let who = decided.iter().map(|one| format!("{} ({}): {}", one.by, one.role, printable(&one.reason)));
            format!("{what}, deciso da {}", who.collect::<Vec<_>>().join("; "))
        }
        StepResult::Fenced(shown) => format!("sorgente spenta ({})", shown_in_italian(shown)),
        StepResult::Routed(shown) => format!("indirizzo raggiungibile al data center ({})", shown_in_italian(shown)),
        StepResult::Booted { machine } => format!("in servizio come {}", printable(machine)),
        StepResult::Relocated { machine, datastore: Some(datastore) } => {
            format!("{} sul datastore {}", printable(machine), printable(datastore))
        }
        StepResult::Relocated { machine, datastore: None } => {
            format!("{} resta dov'è: questo atterraggio non ha altro posto", printable(machine))
        }
    }
}

fn shown_in_italian(shown: &Shown) -> String {
    match shown {
        Shown::Silence { silent, witness } => {
            format!("non risponde più a {}, mentre risponde {}", silent.join(", "), printable(witness))
        }
        Shown::Person { role, by } => format!("dichiarato da {by}, {role}"),
        Shown::Push { run } => format!("modifica dei router {}", printable(run)),
        Shown::OwnAddress => "indirizzo nuovo, nessuna rotta cambia".to_owned(),
    }
}
