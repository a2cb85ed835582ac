//! The order in which servers move: who waits for whom, and what becomes of one that moves after a server that was
//! taken back. Pure.

use super::gate::is_settled;
use super::plan::{Plan, PlannedServer, Step};
use super::playbook::Action;
use super::state::RunState;
use crate::model::bilingual::Bilingual;
use crate::model::server::Transfer;
use crate::model::{ServerId, TenantId};

/// A server that moves after others of which some were taken back: its source is not given up before people name it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{server} moves after {}, which {} taken back", names(.taken_back, "and"), one_or_many(.taken_back, "was", "were"))]
pub struct Held {
    /// Which server.
    pub server: ServerId,
    /// Those it moves after that were taken back.
    pub taken_back: Vec<ServerId>,
}

/// As a sentence names them: the last after `and` of its language.
fn names(servers: &[ServerId], and: &str) -> String {
    let names: Vec<&str> = servers.iter().map(ServerId::as_str).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} {and} {last}", others.join(", ")),
        None => String::new(),
    }
}

fn one_or_many<T>(servers: &[ServerId], one: T, many: T) -> T {
    if servers.len() == 1 { one } else { many }
}

impl Held {
    /// What is safe, and between what people decide: full sentences.
    pub fn hints(&self, tenant: &TenantId) -> Vec<String> {
        let (server, others) = (&self.server, names(&self.taken_back, "and"));
        let stays = self.number("stays", "stay");
        let mut hints = vec![
            "Nothing was begun. Its source is not given up: taken back, it serves again; what was copied is kept."
                .to_owned(),
            format!("Where it can serve from here while {others} {stays} at the town, name it:"),
            format!("traghetto migrate run {tenant} --server {server}"),
            "Else it is taken back, too:".to_owned(),
            self.back(tenant),
        ];
        hints.extend(self.taken_back.iter().map(|other| {
            format!(
                "Or {other} moves again, in a new night: traghetto migrate rollback {tenant} --server {other} --revoke --role ROLE --reason TEXT"
            )
        }));
        hints
    }

    /// The command that takes it back, too.
    pub fn back(&self, tenant: &TenantId) -> String {
        format!("traghetto migrate rollback {tenant} --server {} --role ROLE --reason TEXT", self.server)
    }

    /// The servers that were taken back, in a sentence of each language.
    pub fn others(&self) -> Bilingual {
        Bilingual { it: names(&self.taken_back, "e"), en: names(&self.taken_back, "and") }
    }

    /// The word for one server that was taken back, or for several.
    pub fn number<T>(&self, one: T, many: T) -> T {
        one_or_many(&self.taken_back, one, many)
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

/// Whether every server was taken back: nothing lands.
pub(super) fn nobody_moves(plan: &Plan, state: &RunState) -> bool {
    plan.servers.iter().all(|planned| state.rolled_back.contains_key(&planned.server))
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
    let quiet = plan.quiet().map(|(at, _)| at);
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
    let quiet = plan.quiet().map(|(at, _)| at);
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
