//! The phase of a server and of a tenant: derived from steps and gates, never stored.

use super::gate::GateStatus;
use super::plan::{Plan, Step};
use super::playbook::{Action, Reached};
use super::state::{RunState, StepState};
use crate::model::ServerId;
use serde::Serialize;

/// Where a server is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It is in a plan.
    Planned,
    /// A survey has seen it.
    Surveyed,
    /// Its source was checked and signed.
    Ready,
    /// Its first copy is under way.
    Seeding,
    /// Its replica is complete; later syncs bring what changes.
    Tracking,
    /// Its replica is being verified and cloned.
    Testing,
    /// Its test was accepted.
    Tested,
    /// Its move is planned and agreed.
    Armed,
    /// Its services are stopped.
    Quiet,
    /// Its final sync is under way.
    FinalSync,
    /// Its final replica equals its source.
    Verified,
    /// The clone that will be used is converted.
    Converted,
    /// Its source is off.
    Fenced,
    /// Its machine runs at the landing site.
    Booted,
    /// Its landing was accepted.
    Accepted,
    /// Its hardware may go.
    Decommissioned,
    /// The run is paused.
    Paused,
    /// Its last act failed.
    Failed,
    /// It was taken back.
    RolledBack,
}

impl Phase {
    /// The word of DESIGN and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Planned => "planned",
            Phase::Surveyed => "surveyed",
            Phase::Ready => "ready",
            Phase::Seeding => "seeding",
            Phase::Tracking => "tracking",
            Phase::Testing => "testing",
            Phase::Tested => "tested",
            Phase::Armed => "armed",
            Phase::Quiet => "quiet",
            Phase::FinalSync => "final-sync",
            Phase::Verified => "verified",
            Phase::Converted => "converted",
            Phase::Fenced => "fenced",
            Phase::Booted => "booted",
            Phase::Accepted => "accepted",
            Phase::Decommissioned => "decommissioned",
            Phase::Paused => "paused",
            Phase::Failed => "failed",
            Phase::RolledBack => "rolled-back",
        }
    }
}

/// The phase of `server`.
pub fn phase_of(plan: &Plan, state: &RunState, gates: &[GateStatus<'_>], server: &ServerId) -> Phase {
    if state.rolled_back.contains_key(server) {
        return Phase::RolledBack;
    }
    let mut mine = plan.steps.iter().filter(|step| step.server.as_ref() == Some(server));
    // A machine that cannot be moved to another datastore serves as before.
    let failed =
        |step: &Step| step.action != Action::Relocate && matches!(state.step(&step.id), StepState::Failed { .. });
    if mine.any(failed) {
        return Phase::Failed;
    }
    if state.paused.is_some() {
        return Phase::Paused;
    }
    on_the_way(plan, state, gates, server)
}

/// How far the server has come, whatever holds it up at this moment.
fn on_the_way(plan: &Plan, state: &RunState, gates: &[GateStatus<'_>], server: &ServerId) -> Phase {
    let by_gates = gates.iter().filter(|gate| gate.is_open()).filter_map(|gate| gate.gate.reaches.map(reached));
    let steps = plan.steps.iter().filter(|step| step.server.as_ref() == Some(server));
    let by_steps = steps.filter_map(|step| by_step(&step.action, state.step(&step.id)));
    let first = if state.surveyed.contains(server.as_str()) { Phase::Surveyed } else { Phase::Planned };
    let mut phase = by_gates.chain(by_steps).max().unwrap_or(first).max(first);
    // All disks have to be through before the server is.
    let undone = |action: Action| {
        let mut steps = plan.steps.iter().filter(|step| step.server.as_ref() == Some(server) && step.action == action);
        steps.any(|step| state.step(&step.id).result().is_none())
    };
    if phase == Phase::Tracking && undone(Action::Seed) {
        phase = Phase::Seeding;
    }
    if phase == Phase::Verified && undone(Action::FinalSync) {
        phase = Phase::FinalSync;
    }
    phase
}

fn reached(reached: Reached) -> Phase {
    match reached {
        Reached::Ready => Phase::Ready,
        Reached::Tested => Phase::Tested,
        Reached::Armed => Phase::Armed,
        Reached::Quiet => Phase::Quiet,
        Reached::Accepted => Phase::Accepted,
        Reached::Decommissioned => Phase::Decommissioned,
    }
}

/// What a step says of its server's phase.
fn by_step(action: &Action, state: &StepState) -> Option<Phase> {
    let done = state.result().is_some();
    let begun = *state != StepState::Pending;
    match action {
        Action::Seed if done => Some(Phase::Tracking),
        Action::Seed => begun.then_some(Phase::Seeding),
        Action::TestClone | Action::TestLaunch => begun.then_some(Phase::Testing),
        Action::FinalSync if done => Some(Phase::Verified),
        Action::FinalSync => begun.then_some(Phase::FinalSync),
        Action::Convert => done.then_some(Phase::Converted),
        Action::Fence => done.then_some(Phase::Fenced),
        Action::Boot => done.then_some(Phase::Booted),
        Action::Sync | Action::Verify | Action::Route | Action::Relocate => None,
        Action::PrepareLanding | Action::EndTest | Action::Checklist { .. } => None,
        Action::Manual(_) | Action::Gate(_) => None,
    }
}

/// The tenant's phase: that of the server that is furthest behind, those taken back left out.
pub fn tenant_phase(plan: &Plan, state: &RunState, gates: &[GateStatus<'_>]) -> Phase {
    let servers = plan.servers.iter().filter(|server| !state.rolled_back.contains_key(&server.server));
    let phases = servers.map(|server| on_the_way(plan, state, gates, &server.server));
    match phases.min() {
        None => Phase::RolledBack,
        Some(_) if state.paused.is_some() => Phase::Paused,
        Some(phase) => phase,
    }
}
