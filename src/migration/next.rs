//! What comes next: the first step that may be done now, or what keeps the run from going on.

use super::gate::{GateStatus, gates, is_settled, is_stale};
use super::order::{begins_move, held, predecessors_moved};
use super::plan::{Plan, Step};
use super::playbook::{Action, Addressed};
use super::record::Fact;
use super::state::{RunState, StepState};
use crate::model::ServerId;
use crate::model::server::Transfer;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// For how long a source counts as off after it was seen off.
const FENCED_FOR: SignedDuration = SignedDuration::from_hours(4);
/// How long a test machine may live before its test is accepted.
const TESTS_LIVE_FOR: SignedDuration = SignedDuration::from_hours(72);

/// What the run is about.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Only this server, where one is named.
    pub only: Option<ServerId>,
    /// Servers that failed in this run: left alone until the next one.
    pub failed: BTreeSet<ServerId>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next<'a> {
    /// This step.
    Act(&'a Step),
    /// The machine of this server, which was taken back, has to be off before anything else.
    Withdraw(&'a ServerId),
    /// People sign this gate.
    Gate(Box<GateStatus<'a>>),
    /// Nothing more can be done in this run; these steps remain before the next gate.
    Blocked(Vec<&'a Step>),
    /// Everything is done.
    Done,
}

/// What comes next for `plan`.
pub fn next<'a>(plan: &'a Plan, state: &'a RunState, scope: &Scope, now: Timestamp) -> Next<'a> {
    if let Some(server) = to_withdraw(plan, state, scope) {
        return Next::Withdraw(server);
    }
    if let Some(step) = overdue_tests(plan, state, now) {
        return Next::Act(step);
    }
    let mut stands = gates(plan, state, now).into_iter().peekable();
    let mut left: Vec<&Step> = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        if let Action::Gate(_) = step.action {
            match stands.next() {
                Some(gate) if !gate.is_open() && left.is_empty() => return Next::Gate(Box::new(gate)),
                _ if !left.is_empty() => return Next::Blocked(left),
                _ => continue,
            }
        }
        // What comes before such a gate is about disks that are not wiped before its quiet period is over; a machine
        // that moves is not.
        let waits = step.action != Action::Relocate && left.is_empty();
        if waits && let Some(gate) = stands.next_if(|gate| gate.quiet.is_some() && !gate.is_open()) {
            return Next::Gate(Box::new(gate));
        }
        if is_settled(state, step) && !is_stale(plan, state, now, index) && !is_old_fence(state, now, step) {
            continue;
        }
        match &step.server {
            None if left.is_empty() => return Next::Act(step),
            None => return Next::Blocked(left),
            Some(server) if may_act(plan, state, scope, server, step, &left) => return Next::Act(step),
            Some(_) => left.push(step),
        }
    }
    if left.is_empty() { Next::Done } else { Next::Blocked(left) }
}

/// Steps whose turn it is: all that comes before them, for the tenant and for their server, is done. The first of
/// each server, or one for the tenant.
pub fn at_hand<'a>(plan: &'a Plan, state: &RunState, now: Timestamp) -> Vec<&'a Step> {
    let stands = gates(plan, state, now);
    let mut found: Vec<&Step> = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        if let Action::Gate(_) = step.action {
            let open = stands.iter().any(|gate| gate.step.id == step.id && gate.is_open());
            if open && found.is_empty() {
                continue;
            }
            break;
        }
        if is_settled(state, step) && !is_stale(plan, state, now, index) {
            continue;
        }
        match &step.server {
            None if found.is_empty() => return vec![step],
            None => break,
            Some(_) if found.iter().any(|earlier| earlier.server == step.server) => {}
            Some(_) => found.push(step),
        }
    }
    found
}

/// Whether a server's step may be done now.
fn may_act(plan: &Plan, state: &RunState, scope: &Scope, server: &ServerId, step: &Step, left: &[&Step]) -> bool {
    let in_scope = scope.only.as_ref().is_none_or(|only| only == server);
    let held_back = scope.failed.contains(server) || left.iter().any(|earlier| earlier.server.as_ref() == Some(server));
    in_scope
        && !held_back
        && (!begins_move(plan, step) || predecessors_moved(plan, state, step))
        // Who names the server has decided.
        && (scope.only.is_some() || held(plan, state, step).is_none())
}

/// The first server that was taken back and may still have a machine.
fn to_withdraw<'a>(plan: &'a Plan, state: &'a RunState, scope: &Scope) -> Option<&'a ServerId> {
    let mut taken_back = state.rolled_back.keys().filter(|server| !scope.failed.contains(*server));
    taken_back.find(|server| is_to_withdraw(plan, state, server))
}

/// Whether a server was taken back and a machine may be on the network in its place. Where the site cannot be asked, a
/// person may say that it is off.
pub fn is_to_withdraw(plan: &Plan, state: &RunState, server: &ServerId) -> bool {
    state.rolled_back.contains_key(server) && !is_off_again(state, server) && may_have_machine(plan, state, server)
}

/// Whether the machine of a server that was taken back was seen, or said, to be off the network.
pub fn is_off_again(state: &RunState, server: &ServerId) -> bool {
    let Some(back) = state.rolled_back.get(server) else { return false };
    let said = state.stated.get(&(server.clone(), Fact::MachineOff));
    state.withdrawn.contains(server) || said.is_some_and(|said| said.at >= back.at)
}

/// What is typed by whoever saw that the machine of a server which was taken back is off the network.
pub fn machine_off(plan: &Plan, server: &ServerId) -> String {
    let word = Fact::MachineOff.word();
    format!("traghetto migrate sign {} {word} --server {server} --role ROLE --note TEXT", plan.tenant)
}

/// Whether a source was seen off so long ago that it has to be seen again, before its machine is made.
fn is_old_fence(state: &RunState, now: Timestamp, step: &Step) -> bool {
    let old = match state.step(&step.id) {
        StepState::Done { at, .. } => now.duration_since(*at) > FENCED_FOR,
        _ => false,
    };
    let in_service = step.server.as_ref().is_some_and(|server| state.is_in_service(server));
    step.action == Action::Fence && old && !in_service && !is_taken_back(state, step)
}

fn is_taken_back(state: &RunState, step: &Step) -> bool {
    step.server.as_ref().is_some_and(|server| state.rolled_back.contains_key(server))
}

/// Whether a machine may be on the town's network in the server's place: its copy at the landing site, or the new one
/// that took its address over.
pub fn may_have_machine(plan: &Plan, state: &RunState, server: &ServerId) -> bool {
    let Some(planned) = plan.server(server) else { return false };
    match planned.transfer {
        Transfer::Replace => Addressed::of(planned.landing) == Addressed::Keep && state.is_in_service(server),
        _ => state.boot_has_begun(server),
    }
}

/// The end of test launches whose time is over before they were accepted: it comes at once, out of order.
pub(super) fn overdue_tests<'a>(plan: &'a Plan, state: &RunState, now: Timestamp) -> Option<&'a Step> {
    let end = plan.steps.iter().position(|step| step.action == Action::EndTest)?;
    let (before, rest) = plan.steps.split_at(end);
    if rest.first().is_some_and(|step| is_settled(state, step)) {
        return None;
    }
    let old = |step: &Step| match (&step.action, state.step(&step.id)) {
        // What people launched, they destroy.
        _ if state.is_by_hand(&step.id) => false,
        (Action::TestLaunch, StepState::Done { at, .. }) => now.duration_since(*at) > TESTS_LIVE_FOR,
        _ => false,
    };
    let open = |step: &Step| match &step.action {
        Action::Gate(_) => gates(plan, state, now).iter().any(|gate| gate.step.id == step.id && !gate.is_open()),
        _ => !is_settled(state, step),
    };
    (before.iter().any(old) && before.iter().any(open)).then(|| rest.first()).flatten()
}
