//! The order in which servers move: who waits for whom, and what becomes of one that moves after a server that was
//! taken back. Pure.

use super::gate::is_settled;
use super::plan::{Plan, PlannedServer, Step};
use super::playbook::{Action, Reached};
use super::state::RunState;
use crate::model::server::Transfer;
use crate::model::{ServerId, TenantId};

/// A server that moves after others of which some were taken back: its source is not given up before people name it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{server} moves after {}, {} taken back", names(.taken_back), were(.taken_back))]
pub struct Held {
    /// Which server.
    pub server: ServerId,
    /// Those it moves after that were taken back.
    pub taken_back: Vec<ServerId>,
}

fn names(servers: &[ServerId]) -> String {
    servers.iter().map(ServerId::as_str).collect::<Vec<_>>().join(" and ")
}

fn were(servers: &[ServerId]) -> &'static str {
    if servers.len() == 1 { "which was" } else { "which were" }
}

impl Held {
    /// What is safe, and between what people decide: full sentences.
    pub fn hints(&self, tenant: &TenantId) -> Vec<String> {
        let (server, others) = (&self.server, names(&self.taken_back));
        let mut hints = vec![
            "Nothing was begun. Its source is not given up: taken back, it serves again; what was copied is kept."
                .to_owned(),
            format!("Where it can serve from here while {others} stays at the town, name it:"),
            format!("traghetto migrate run {tenant} --server {server}"),
            "Else it is taken back, too:".to_owned(),
            format!("traghetto migrate rollback {tenant} --server {server} --role ROLE --reason TEXT"),
        ];
        hints.extend(self.taken_back.iter().map(|other| {
            format!(
                "Or {other} moves again, in a new night: traghetto migrate rollback {tenant} --server {other} --revoke --role ROLE --reason TEXT"
            )
        }));
        hints
    }

    /// The servers that were taken back, in a sentence.
    pub fn others(&self) -> String {
        names(&self.taken_back)
    }
}

/// Why `step` does not begin before its server is named: it gives the source up, and a server that moves before it was
/// taken back.
pub fn held(plan: &Plan, state: &RunState, step: &Step) -> Option<Held> {
    let planned = plan.server(step.server.as_ref()?)?;
    let taken_back = taken_back_before(state, planned);
    let gives_up = !taken_back.is_empty() && gives_up(plan, planned).is_some_and(|first| first.id == step.id);
    gives_up.then(|| Held { server: planned.server.clone(), taken_back })
}

/// The servers that are not given up yet and move after one that was taken back.
pub(super) fn behind(plan: &Plan, state: &RunState) -> Vec<Held> {
    let open = |planned: &&PlannedServer| {
        let first = gives_up(plan, planned);
        !state.rolled_back.contains_key(&planned.server) && first.is_some_and(|first| !is_settled(state, first))
    };
    let held = |planned: &PlannedServer| Held {
        server: planned.server.clone(),
        taken_back: taken_back_before(state, planned),
    };
    plan.servers.iter().filter(open).map(held).filter(|held| !held.taken_back.is_empty()).collect()
}

fn taken_back_before(state: &RunState, planned: &PlannedServer) -> Vec<ServerId> {
    planned.after.iter().filter(|other| state.rolled_back.contains_key(*other)).cloned().collect()
}

/// The first step that makes the source unavailable for good: it is seen off; one that is replaced is demoted, or
/// people give its services to the new machine.
fn gives_up<'a>(plan: &'a Plan, planned: &PlannedServer) -> Option<&'a Step> {
    if planned.transfer != Transfer::Replace {
        return of_server(plan, &planned.server).map(|(_, step)| step).find(|step| step.action == Action::Fence);
    }
    let quiet = quiet_at(plan);
    let last = |(at, step): &(usize, &Step)| match &step.action {
        Action::Manual(manual) if manual.no_way_back => true,
        _ => Some(*at) > quiet,
    };
    of_server(plan, &planned.server).find(last).map(|(_, step)| step)
}

/// Whether the move of `step`'s server begins with it: until then it waits for those it moves after.
pub(super) fn begins_move(plan: &Plan, step: &Step) -> bool {
    let Some(planned) = step.server.as_ref().and_then(|server| plan.server(server)) else { return false };
    if planned.transfer != Transfer::Replace {
        return step.action == Action::FinalSync;
    }
    // What it takes before the sources are quiet waits for nobody: the gate waits for it.
    let quiet = quiet_at(plan);
    let mut night = of_server(plan, &planned.server).filter(|(at, _)| Some(*at) > quiet);
    night.next().is_some_and(|(_, first)| first.id == step.id)
}

/// Whether the servers that move before the one of `step` are through: their machine runs, or, where the landing
/// has none, their final sync is done; the address of one that is replaced leads here; and what people do for them
/// before this move is done.
pub(super) fn predecessors_moved(plan: &Plan, state: &RunState, step: &Step) -> bool {
    let Some(planned) = step.server.as_ref().and_then(|server| plan.server(server)) else { return false };
    let begin = plan.steps.iter().position(|other| other.id == step.id).unwrap_or_default();
    let moves = |(at, step): &(usize, &Step)| match step.action {
        Action::FinalSync | Action::Fence | Action::Route | Action::Boot => true,
        Action::Manual(_) => *at < begin,
        _ => false,
    };
    let before = |(_, step): &(usize, &Step)| step.server.as_ref().is_some_and(|other| planned.after.contains(other));
    let mut earlier = plan.steps.iter().enumerate().filter(moves).filter(before);
    earlier.all(|(_, step)| is_settled(state, step))
}

fn of_server<'a>(plan: &'a Plan, server: &ServerId) -> impl Iterator<Item = (usize, &'a Step)> {
    plan.steps.iter().enumerate().filter(move |(_, step)| step.server.as_ref() == Some(server))
}

/// Where the gate is at which the sources are quiet.
fn quiet_at(plan: &Plan) -> Option<usize> {
    plan.steps
        .iter()
        .position(|step| matches!(&step.action, Action::Gate(gate) if gate.reaches == Some(Reached::Quiet)))
}
