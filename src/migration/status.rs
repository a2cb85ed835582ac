//! Where a migration stands, and what comes next: the page one reads at 03:00.

mod copying;

pub use copying::Copying;

use super::by_hand::{self, ByHandLine};
use super::forecast::Forecast;
use super::forecast::{in_rome, maybe_in_rome};
use super::gate::{GateStatus, gates};
use super::go_back::{Criterion, criteria};
use super::hours::{self, Wait};
use super::live::Figures;
use super::next::{Next, Scope, at_hand, next};
use super::phase::{Phase, phase_of, tenant_phase};
use super::plan::{Plan, Step, StepId};
use super::playbook::Action;
use super::record::Stop;
use super::safety::Safety;
use super::state::{RunState, StepState};
use crate::checklist::{ItemId, Phase as ChecklistPhase, Subject};
use crate::journal::{Event, Holder};
use crate::model::bilingual::Bilingual;
use crate::model::calendar::italian;
use crate::model::people::{People, Person};
use crate::model::project_calendar::QuietPeriod;
use crate::model::window::Window;
use crate::model::{DiskId, RoleId, ServerId};
use crate::replica::DiskStatus;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a status is made from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The plan that inventory and playbook give now.
    pub plan: &'a Plan,
    /// How long its copies take.
    pub forecast: &'a Forecast,
    /// What the events say.
    pub state: &'a RunState,
    /// The events.
    pub events: &'a [Event],
    /// Who may sign.
    pub people: &'a People,
    /// Who holds the lease and is alive.
    pub holder: Option<&'a Holder>,
    /// What is on the landing host.
    pub replicas: &'a BTreeMap<(ServerId, DiskId), DiskStatus>,
    /// The copy at work.
    pub live: Option<&'a Figures>,
    /// Statements that the checklist which comes next, or the one before the gate that comes next, still
    /// waits for: not given, or given too long ago.
    pub unsigned: &'a [Unsigned],
    /// The hours in which servers move.
    pub windows: &'a [Window],
    /// The present time.
    pub now: Timestamp,
}

/// A signature that a checklist waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned {
    /// The checklist.
    pub phase: ChecklistPhase,
    /// The item.
    pub item: ItemId,
    /// What it is asked of.
    pub subject: Subject,
    /// Who signs.
    pub role: RoleId,
}

/// Where a tenant's migration stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Whose.
    pub tenant: String,
    /// Derived from its servers.
    pub phase: Phase,
    /// Digest of the adopted plan.
    pub plan: Option<String>,
    /// Whether inventory and playbook give another plan now.
    pub plan_changed: bool,
    /// Its servers, in the order in which they move.
    pub servers: Vec<ServerStatus>,
    /// Its gates, in order.
    pub gates: Vec<GateLine>,
    /// What people do now and say that they have done.
    pub manual: Vec<ManualLine>,
    /// Steps that two persons decided by hand, or one wants to.
    pub by_hand: Vec<ByHandLine>,
    /// What speaks for going back, of servers that are on the move: people decide.
    pub go_back: Vec<Criterion>,
    /// The window at hand: none where the inventory has none, or all is moved.
    pub window: Option<WindowLine>,
    /// Who is at work, else who acted last.
    pub operator: Option<String>,
    /// The living holder of the lease.
    pub at_work: Option<Holder>,
    /// Why it is paused, and by whom.
    pub paused: Option<String>,
    /// What is safe to do now.
    pub safe: Vec<Bilingual>,
    /// What is not.
    pub not_safe: Vec<Bilingual>,
    /// What comes next.
    pub next: NextAct,
}

/// Hours in which servers move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WindowLine {
    /// When it begins.
    #[serde(serialize_with = "in_rome")]
    pub from: Timestamp,
    /// When it ends.
    #[serde(serialize_with = "in_rome")]
    pub to: Timestamp,
    /// When people decide whether to go back.
    #[serde(serialize_with = "in_rome")]
    pub go_back_at: Timestamp,
}

/// Where a server stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerStatus {
    /// Its id.
    pub server: ServerId,
    /// How it is moved.
    pub transfer: &'static str,
    /// What equality is shown by.
    pub proof: &'static str,
    /// Where it is on its way.
    pub phase: Phase,
    /// The step at work, failed, or next.
    pub step: Option<StepId>,
    /// Why that step failed.
    pub failure: Option<String>,
    /// Its disks on the landing host.
    pub replica: Vec<DiskLine>,
    /// How its copies stand.
    #[serde(flatten)]
    pub copying: Copying,
}

/// A disk on the landing host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiskLine {
    /// Its id.
    pub disk: DiskId,
    /// Bytes that the replica takes here.
    pub bytes_used: u64,
    /// Bytes of content sent so far.
    pub bytes_sent: u64,
    /// Bytes on the link so far, both ways.
    pub bytes_wire: u64,
    /// Chunks that are safe here.
    pub chunks_done: u64,
    /// Chunks of the disk; none before the first pass.
    pub chunks_total: Option<u64>,
    /// Root of the last complete copy.
    pub root: Option<String>,
}

/// A gate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateLine {
    /// What is typed to sign it.
    pub gate: String,
    /// Number of its activity.
    pub activity: u8,
    /// `open`, `waiting` for signatures, or `closed`: steps before it are not done.
    pub state: &'static str,
    /// What a signature approves now.
    pub approves: String,
    /// Signatures that count.
    pub signed: Vec<Signed>,
    /// Signatures that count no more.
    pub void: Vec<Signed>,
    /// What has changed in the terms of the cutover since they were signed here, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// Digest of the terms of the cutover, where the gate signs them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cutover: Option<String>,
    /// Roles that have not signed.
    pub missing: Vec<RoleId>,
}

/// A step that people do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManualLine {
    /// Which step.
    pub step: StepId,
    /// What is done.
    pub title: Bilingual,
    /// How.
    pub instructions: Bilingual,
    /// What was found when it was said to be done, and was not.
    pub failure: Option<String>,
    /// Who says that it is done: names with contacts.
    pub who: Vec<String>,
    /// What is typed then.
    pub command: String,
}

/// A signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// In which role.
    pub role: RoleId,
    /// Who.
    pub by: String,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NextAct {
    /// Who does it: names with contacts.
    pub who: Vec<String>,
    /// The exact command; none where nothing remains.
    pub command: Option<String>,
    /// By when, as far as a window says.
    #[serde(serialize_with = "maybe_in_rome")]
    pub by: Option<Timestamp>,
    /// What to do, in both languages.
    pub what: Bilingual,
}

impl Status {
    /// Where the migration stands.
    pub fn of(inputs: &Inputs<'_>) -> Self {
        let Inputs { plan, state, .. } = *inputs;
        let gates = gates(plan, state, inputs.now);
        let window = hours::at_hand(inputs.windows, plan, state, inputs.now);
        let Safety { safe, not_safe } = Safety::of(plan, state);
        let plan_changed = state.digest.as_ref().is_some_and(|digest| *digest != plan.digest());
        Self {
            tenant: plan.tenant.to_string(),
            phase: tenant_phase(plan, state, &gates),
            plan: state.digest.clone(),
            plan_changed,
            servers: plan.servers.iter().map(|server| of_server(inputs, &gates, &server.server)).collect(),
            gates: gates.iter().map(gate_line).collect(),
            manual: manual(inputs),
            by_hand: by_hand::by_hand(state, inputs.now),
            go_back: criteria(plan, state, inputs.events),
            window: window.map(|window| WindowLine {
                from: window.from(),
                to: window.until(),
                go_back_at: window.go_back_at(),
            }),
            operator: inputs.holder.map(|holder| holder.operator.clone()).or_else(|| state.operator.clone()),
            at_work: inputs.holder.cloned(),
            paused: state.paused.as_ref().map(|(who, why)| format!("{who}: {why}")),
            safe,
            not_safe,
            next: NextAct { by: by_when(inputs, window), ..next_act(inputs, plan_changed) },
        }
    }
}

/// The steps at hand that wait for a person's word.
fn manual(inputs: &Inputs<'_>) -> Vec<ManualLine> {
    let Inputs { plan, state, .. } = *inputs;
    if state.digest.is_none() {
        return Vec::new();
    }
    let open = at_hand(plan, state, inputs.now).into_iter().filter(|step| !state.confirmed.contains_key(&step.id));
    let line = |step: &Step| match &step.action {
        Action::Manual(manual) => Some(ManualLine {
            step: step.id.clone(),
            title: manual.title.clone(),
            instructions: manual.instructions.clone(),
            failure: failed(state, step).map(|(_, reason)| reason.to_owned()),
            who: holders(inputs, manual.by.iter()),
            command: manual.command(&plan.tenant, &step.id.0),
        }),
        _ => None,
    };
    open.filter_map(line).collect()
}

fn gate_line(gate: &GateStatus<'_>) -> GateLine {
    let signed = |list: &[&super::state::Signature]| {
        list.iter().map(|one| Signed { role: one.role.clone(), by: one.by.to_string() }).collect()
    };
    GateLine {
        gate: gate.gate.gate.to_string(),
        activity: gate.step.activity,
        state: match (gate.is_open(), gate.can_be_signed()) {
            (true, _) => "open",
            (false, true) => "waiting",
            (false, false) => "closed",
        },
        approves: gate.approves.clone(),
        signed: signed(&gate.signed),
        void: signed(&gate.void),
        changed: gate.changed.clone(),
        cutover: gate.approval.cutover.clone(),
        missing: gate.missing.iter().map(|role| (*role).clone()).collect(),
    }
}

fn of_server(inputs: &Inputs<'_>, gates: &[GateStatus<'_>], id: &ServerId) -> ServerStatus {
    let Inputs { plan, state, .. } = *inputs;
    let planned = plan.server(id);
    let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.server.as_ref() == Some(id)).collect();
    let at = steps.iter().find(|step| !matches!(state.step(&step.id), StepState::Done { .. }));
    let failure = steps.iter().find_map(|step| failed(state, step)).map(|(_, reason)| reason.to_owned());
    let disks: Vec<&DiskId> = planned.into_iter().flat_map(|server| &server.disks).map(|disk| &disk.disk).collect();
    let replica: Vec<DiskLine> = disks.iter().map(|disk| disk_line(inputs, &steps, id, disk)).collect();
    ServerStatus {
        server: id.clone(),
        transfer: planned.map_or("", |server| server.transfer.word()),
        proof: planned.map_or("", |server| server.transfer.proof()),
        phase: phase_of(plan, state, gates, id),
        step: at.map(|step| step.id.clone()),
        failure,
        copying: Copying::of(inputs, id, &steps, &replica),
        replica,
    }
}

fn disk_line(inputs: &Inputs<'_>, steps: &[&Step], server: &ServerId, disk: &DiskId) -> DiskLine {
    let there = inputs.replicas.get(&(server.clone(), disk.clone()));
    // Every copy ever made counts, also those that were made again: they are what the link carried.
    let mine = |event: &&Event| {
        let step = event.data["step"].as_str().unwrap_or_default();
        event.kind == "step.finished" && steps.iter().any(|own| own.id.0 == step && own.disk.as_ref() == Some(disk))
    };
    let sum = |fact: &str| {
        let events = inputs.events.iter().filter(mine);
        events.filter_map(|event| event.data["facts"][fact].as_u64()).sum()
    };
    DiskLine {
        disk: disk.clone(),
        bytes_used: there.map_or(0, |status| status.bytes_used),
        bytes_sent: sum("bytes_sent"),
        bytes_wire: sum("bytes_wire"),
        chunks_done: there.map_or(0, |status| status.chunks_done),
        chunks_total: there.map(|status| status.chunks_total),
        root: there.and_then(|status| status.root).map(|root| root.to_string()),
    }
}

fn text(it: String, en: String) -> Bilingual {
    Bilingual { it, en }
}

/// By when the next act is done: before the move, by the begin of the window.
fn by_when(inputs: &Inputs<'_>, window: Option<&Window>) -> Option<Timestamp> {
    let Inputs { plan, state, now, .. } = *inputs;
    let window = window?;
    match next(plan, state, &Scope::default(), now) {
        Next::Act(step) if hours::is_move(&step.action) && window.holds(now) => {
            Some(hours::limit(window, &step.action).0)
        }
        Next::Done => None,
        _ if window.holds(now) => Some(window.go_back_at()),
        _ => Some(window.from()),
    }
}

fn next_act(inputs: &Inputs<'_>, plan_changed: bool) -> NextAct {
    let Inputs { plan, state, .. } = *inputs;
    let tenant = &plan.tenant;
    let run = format!("traghetto migrate run {tenant}");
    let act =
        |what: Bilingual, command: &str| NextAct { who: Vec::new(), command: Some(command.to_owned()), by: None, what };
    if let Some(holder) = inputs.holder {
        let what = text(format!("al lavoro: {holder}"), format!("at work: {holder}"));
        return act(what, &format!("traghetto migrate log {tenant}"));
    }
    if state.digest.is_none() {
        return act(text("avviare la migrazione".into(), "start the migration".into()), &run);
    }
    if plan_changed {
        let it = "inventario o playbook sono cambiati: leggere le differenze e adottare il nuovo piano";
        let en = "inventory or playbook have changed: read the differences and adopt the new plan";
        return act(text(it.into(), en.into()), &format!("{run} --adopt-plan"));
    }
    if let Some((who, why)) = &state.paused {
        return act(
            text(format!("in pausa ({who}: {why}); riprendere"), format!("paused ({who}: {why}); resume")),
            &run,
        );
    }
    match next(plan, state, &Scope::default(), inputs.now) {
        Next::Done => NextAct {
            who: Vec::new(),
            command: None,
            by: None,
            what: text("niente: tutte le attività sono concluse".into(), "nothing: all activities are done".into()),
        },
        Next::Withdraw(server) => act(
            text(
                format!("{server} torna alla sorgente: prima va spenta la sua macchina al data center"),
                format!("{server} goes back to its source: its machine at the landing site is switched off first"),
            ),
            &run,
        ),
        Next::Gate(gate) => match (gate.quiet, inputs.unsigned.first()) {
            (Some(quiet), _) => wait(&quiet),
            (None, Some(first)) => sign_items(inputs, first.phase),
            (None, None) => sign(inputs, &gate),
        },
        Next::Blocked(steps) => blocked(steps.first().copied(), &run),
        Next::Act(step) => match (&step.action, state.step(&step.id)) {
            (Action::Checklist { checklist }, StepState::Stopped { why: Stop::Waiting })
                if !inputs.unsigned.is_empty() =>
            {
                sign_items(inputs, *checklist)
            }
            (Action::Checklist { .. }, StepState::Done { .. }) => act(
                text(
                    format!("{} è di più di 4 ore fa: ripetere prima della firma", step.id),
                    format!("{} is more than 4 hours old: repeat it before the gate is signed", step.id),
                ),
                &run,
            ),
            (Action::Checklist { checklist }, StepState::Failed { reason, .. }) => act(
                text(
                    format!("{reason}: leggere il rapporto, rimediare, poi ripetere: {run}"),
                    format!("{reason}: read the report, mend it, then repeat: {run}"),
                ),
                &format!("traghetto checklist report {checklist} {tenant}"),
            ),
            (Action::Manual(_), _) => said_or_to_do(inputs, step, &run),
            _ => match hours::wait(inputs.windows, inputs.forecast, state, step, inputs.now) {
                Some(wait) => act(waits(&wait), &run),
                None => repeat_or_go_on(plan, state, step, &run),
            },
        },
    }
}

/// What people do, or have said that they did.
fn said_or_to_do(inputs: &Inputs<'_>, step: &Step, run: &str) -> NextAct {
    let id = &step.id;
    if let Some(said) = inputs.state.confirmed.get(id) {
        let what = text(
            format!("proseguire: {id} è fatto, dice {}; ora si verifica", said.by),
            format!("go on: {id} is done, says {}; now it is looked at", said.by),
        );
        return NextAct { who: Vec::new(), command: Some(run.to_owned()), by: None, what };
    }
    let Some(line) = manual(inputs).into_iter().find(|line| line.step == *id) else { return blocked(Some(step), run) };
    let Bilingual { it, en } = line.title;
    let what = match line.failure {
        None => text(format!("fare a mano {id}: {it}"), format!("do by hand {id}: {en}")),
        Some(why) => text(format!("rifare a mano {id}: {it} ({why})"), format!("do again by hand {id}: {en} ({why})")),
    };
    NextAct { who: line.who, command: Some(line.command), by: None, what }
}

/// What keeps a step of the move from beginning.
fn waits(wait: &Wait) -> Bilingual {
    let server = wait.server();
    match wait {
        Wait::Outside { opens: Some(opens), .. } => {
            let opens = hours::clock(*opens);
            text(
                format!("attendere la finestra di {server}: si apre il {opens}"),
                format!("wait for the window of {server}: it opens {opens}"),
            )
        }
        Wait::Outside { opens: None, .. } => text(
            format!("concordare una finestra per {server}: nell'inventario non ce n'è un'altra"),
            format!("agree on a window for {server}: the inventory has no further one"),
        ),
        Wait::Late { what, ends, limit, .. } => {
            let (ends, limit) = (hours::clock(*ends), hours::clock(*limit));
            text(
                format!(
                    "{server}: {what} finirebbe il {ends}, dopo il {limit}: tornare indietro, o firme delle due parti"
                ),
                format!("{server}: {what} would end {ends}, after {limit}: go back, or both sides sign `late`"),
            )
        }
    }
}

fn repeat_or_go_on(plan: &Plan, state: &RunState, step: &Step, run: &str) -> NextAct {
    let what = match last_failure(plan, state, step) {
        Some((failed, reason)) => {
            text(format!("{failed} non è riuscito ({reason}); ripetere"), format!("{failed} failed ({reason}); repeat"))
        }
        None => text(format!("proseguire con {}", step.id), format!("go on with {}", step.id)),
    };
    NextAct { who: Vec::new(), command: Some(run.to_owned()), by: None, what }
}

/// Id and reason of a step that failed.
fn failed<'a>(state: &'a RunState, step: &'a Step) -> Option<(&'a StepId, &'a str)> {
    match state.step(&step.id) {
        StepState::Failed { reason, .. } => Some((&step.id, reason)),
        _ => None,
    }
}

/// What failed for the server of `step`: the step itself, or a reading after it for which it is done again.
fn last_failure<'a>(plan: &'a Plan, state: &'a RunState, step: &'a Step) -> Option<(&'a StepId, &'a str)> {
    let mut same = plan.steps.iter().filter(|other| step.server.is_some() && other.server == step.server);
    failed(state, step).or_else(|| same.find_map(|other| failed(state, other)))
}

/// The first signature that a checklist waits for, and everybody who may give one of them.
fn sign_items(inputs: &Inputs<'_>, phase: ChecklistPhase) -> NextAct {
    let (tenant, count) = (&inputs.plan.tenant, inputs.unsigned.len());
    let roles: BTreeSet<&RoleId> = inputs.unsigned.iter().map(|one| &one.role).collect();
    let command = inputs.unsigned.first().map(|Unsigned { role, .. }| {
        format!("traghetto checklist sign {phase} {tenant} --all --role {role} --note TEXT")
    });
    let report = format!("traghetto checklist report {phase} {tenant}");
    NextAct {
        who: holders(inputs, roles.into_iter()),
        command,
        by: None,
        what: text(
            format!("la checklist {phase} attende {count} firme ({report}), poi: traghetto migrate run {tenant}"),
            format!("checklist {phase} waits for {count} signatures ({report}), then: traghetto migrate run {tenant}"),
        ),
    }
}

/// Who may sign in some of `roles`, with contacts.
fn holders<'a>(inputs: &Inputs<'_>, roles: impl Iterator<Item = &'a RoleId>) -> Vec<String> {
    let people = inputs.people;
    let tenant = &inputs.plan.tenant;
    roles.flat_map(|role| people.holders(role, tenant).map(move |who| contact(people, role, who))).collect()
}

fn blocked(step: Option<&Step>, run: &str) -> NextAct {
    let name = step.map(|step| step.id.to_string()).unwrap_or_default();
    let what = text(format!("riprendere da {name}"), format!("go on with {name}"));
    NextAct { who: Vec::new(), command: Some(run.to_owned()), by: None, what }
}

fn sign(inputs: &Inputs<'_>, gate: &GateStatus<'_>) -> NextAct {
    let tenant = &inputs.plan.tenant;
    let name = &gate.gate.gate;
    let role = gate.missing.first().map(|role| role.as_str()).unwrap_or_default();
    NextAct {
        who: holders(inputs, gate.missing.iter().copied()),
        command: Some(format!("traghetto migrate sign {tenant} {name} --role {role}")),
        by: None,
        what: match gate.changed.as_slice() {
            [] => text(
                format!("firmare il passaggio {name}: {}", gate.gate.title.it),
                format!("sign gate {name}: {}", gate.gate.title.en),
            ),
            [first, others @ ..] => text(
                format!(
                    "firmare di nuovo il passaggio {name}: dopo le firme i termini dello spostamento sono cambiati \
                     ({first}{})",
                    if others.is_empty() { String::new() } else { format!("; altri {}", others.len()) }
                ),
                format!(
                    "sign gate {name} again: the terms of the cutover changed after they were signed ({first}{})",
                    if others.is_empty() { String::new() } else { format!("; {} more", others.len()) }
                ),
            ),
        },
    }
}

/// Nothing is to be done but to leave servers off and disks as they are.
fn wait(quiet: &QuietPeriod) -> NextAct {
    let QuietPeriod { accepted, term, ends, earliest, cut, .. } = quiet;
    let (short, cut) = if *cut { (", abbreviato: prevale il piano", quiet.remark()) } else { ("", "") };
    let (accepted, ends, earliest) = (italian(*accepted), italian(*ends), italian(*earliest));
    let what = text(
        format!(
            "lasciare spenti i server e intatti i dischi fino al {ends}: il periodo di quiete è di {term} dal collaudo \
             ({accepted}){short}; l'attività 6 comincia dal {earliest}"
        ),
        format!(
            "leave the servers off and their disks as they are until {ends}: the quiet period is {term} from the \
             acceptance ({accepted}){cut}; activity 6 begins on {earliest}"
        ),
    );
    NextAct { who: Vec::new(), command: None, by: None, what }
}

/// A person with role and contact, on one line.
pub fn contact(people: &People, role: &RoleId, person: &Person) -> String {
    let title = people.roles.get(role).map_or(role.as_str(), |role| role.title.as_str());
    let contact = person.contact.as_deref().map(|contact| format!(", {contact}")).unwrap_or_default();
    format!("{} ({title}{contact})", person.name)
}
