//! Where a migration stands, and what comes next: the page one reads at 03:00.

mod copying;
mod next_act;

pub use copying::Copying;
pub use next_act::contact;

use super::by_hand::{self, ByHandLine};
use super::forecast::Forecast;
use super::forecast::{in_rome, maybe_in_rome};
use super::gate::{GateStatus, gates};
use super::go_back::{Criterion, criteria};
use super::hours;
use super::live::Figures;
use super::next::at_hand;
use super::order::held;
use super::phase::{Phase, phase_of, tenant_phase};
use super::plan::{Plan, Step, StepId};
use super::playbook::Action;
use super::safety::Safety;
use super::state::{RunState, StepState};
use crate::checklist::{ItemId, Phase as ChecklistPhase, Subject};
use crate::journal::{Event, Holder};
use crate::model::bilingual::Bilingual;
use crate::model::people::People;
use crate::model::window::Window;
use crate::model::{DiskId, RoleId, ServerId};
use crate::replica::DiskStatus;
use jiff::Timestamp;
use next_act::{by_when, failed, holders, next_act};
use serde::Serialize;
use std::collections::BTreeMap;

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
    /// The command of the other outcome, where people decide between two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub or: Option<String>,
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
    // Whether it is done at all is to be decided first.
    let open = open.filter(|step| held(plan, state, step).is_none());
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
    // Nothing is left to do for a server that was taken back, and nothing of it fails.
    let left = |_: &&&Step| !state.rolled_back.contains_key(id);
    let at = steps.iter().filter(left).find(|step| !matches!(state.step(&step.id), StepState::Done { .. }));
    let failure = steps.iter().filter(left).find_map(|step| failed(state, step)).map(|(_, reason)| reason.to_owned());
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
