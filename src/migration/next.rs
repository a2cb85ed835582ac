//! What comes next: the first step that may be done now, or what keeps the run from going on.

use super::gate::{GateStatus, gates, is_settled, is_stale};
use super::plan::{Plan, Step};
use super::playbook::Action;
use super::state::RunState;
use crate::model::ServerId;
use jiff::Timestamp;
use std::collections::BTreeSet;

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
    /// People sign this gate.
    Gate(Box<GateStatus<'a>>),
    /// Nothing more can be done in this run; these steps remain before the next gate.
    Blocked(Vec<&'a Step>),
    /// Everything is done.
    Done,
}

/// What comes next for `plan`.
pub fn next<'a>(plan: &'a Plan, state: &'a RunState, scope: &Scope, now: Timestamp) -> Next<'a> {
    let mut stands = gates(plan, state, now).into_iter();
    let mut left: Vec<&Step> = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        if let Action::Gate(_) = step.action {
            match stands.next() {
                Some(gate) if !gate.is_open() && left.is_empty() => return Next::Gate(Box::new(gate)),
                _ if !left.is_empty() => return Next::Blocked(left),
                _ => continue,
            }
        }
        if is_settled(state, step) && !is_stale(plan, state, now, index) {
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

/// Whether a server's step may be done now.
fn may_act(plan: &Plan, state: &RunState, scope: &Scope, server: &ServerId, step: &Step, left: &[&Step]) -> bool {
    let in_scope = scope.only.as_ref().is_none_or(|only| only == server);
    let held_back = scope.failed.contains(server) || left.iter().any(|earlier| earlier.server.as_ref() == Some(server));
    in_scope && !held_back && (step.action != Action::FinalSync || predecessors_moved(plan, state, server))
}

/// Whether the servers that move before `server` had their final sync.
fn predecessors_moved(plan: &Plan, state: &RunState, server: &ServerId) -> bool {
    let Some(planned) = plan.server(server) else { return false };
    let final_syncs = plan.steps.iter().filter(|step| step.action == Action::FinalSync);
    let mut before = final_syncs.filter(|step| step.server.as_ref().is_some_and(|other| planned.after.contains(other)));
    before.all(|step| is_settled(state, step))
}
