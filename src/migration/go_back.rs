//! Whether to go back: the criteria, as far as the journal can tell. People decide; nothing goes back by itself.
//!
//! Source: the rollback criteria of the landing (blockers red after three runs, a directory that went back or
//! cannot be found, a database that is not consistent, a machine that does not answer, lost packets, users
//! who cannot log on).

use super::plan::Plan;
use super::playbook::Action;
use super::state::{RunState, StepState};
use crate::checklist::{Finding, Phase, RunRecord};
use crate::journal::Event;
use crate::model::ServerId;
use crate::model::bilingual::Bilingual;
use serde::Serialize;
use std::collections::BTreeSet;

/// Runs of the landing checklist in which a blocker has to be red.
const RUNS: usize = 3;
/// Items that are reason enough after one run: the directory went back, clients do not find it, the
/// database is not consistent.
const AT_ONCE: [&str; 3] = ["L-AD-05", "L-AD-09", "L-DB-01"];

/// A criterion for going back, of one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Criterion {
    /// The server.
    pub server: ServerId,
    /// What speaks for going back.
    pub what: Bilingual,
    /// Whether it is met; what is not met yet is on its way.
    pub met: bool,
}

/// What nobody measures from here, and people have to look at.
pub fn unmeasured() -> Bilingual {
    Bilingual {
        it: "non misurati da qui: più del 2 % di perdite per 10 minuti, più del 20 % degli utenti che non accede"
            .to_owned(),
        en: "not measured from here: more than 2 % lost for 10 minutes, more than 20 % of users who cannot log on"
            .to_owned(),
    }
}

/// The criteria that are met or on their way, of every server that moves and is not accepted yet.
pub fn criteria(plan: &Plan, state: &RunState, events: &[Event]) -> Vec<Criterion> {
    let moving = state.moving();
    let runs = landing_runs(plan, state, events);
    let mut found = Vec::new();
    for server in plan.servers.iter().map(|planned| &planned.server).filter(|server| moving.contains(*server)) {
        found.extend(silent_machine(plan, state, server));
        found.extend(red(&runs, server));
    }
    found
}

/// Runs of the landing checklist since the last machine booted, the latest last.
fn landing_runs(plan: &Plan, state: &RunState, events: &[Event]) -> Vec<RunRecord> {
    let boots = plan.steps.iter().filter(|step| matches!(step.action, Action::Boot | Action::FinalSync));
    let last = boots.filter_map(|step| match state.step(&step.id) {
        StepState::Done { at, .. } => Some(*at),
        _ => None,
    });
    let since = last.max();
    let runs = events.iter().filter(|event| event.kind == RunRecord::KIND);
    let after = runs.filter(|event| event.time.parse::<jiff::Timestamp>().is_ok_and(|time| Some(time) >= since));
    let records = after.filter_map(|event| serde_json::from_value::<RunRecord>(event.data.clone()).ok());
    records.filter(|run| run.phase == Phase::Landing).collect()
}

fn silent_machine(plan: &Plan, state: &RunState, server: &ServerId) -> Option<Criterion> {
    let mut boots = plan.steps.iter().filter(|step| step.action == Action::Boot);
    let boot = boots.find(|step| step.server.as_ref() == Some(server))?;
    let StepState::Failed { reason, .. } = state.step(&boot.id) else { return None };
    let what = Bilingual {
        it: format!("la macchina non è in servizio: {reason}"),
        en: format!("the machine is not in service: {reason}"),
    };
    Some(Criterion { server: server.clone(), what, met: true })
}

fn red(runs: &[RunRecord], server: &ServerId) -> Vec<Criterion> {
    let mine = |finding: &&Finding| finding.subject.server() == Some(server) && finding.blocks();
    let Some(last) = runs.last() else { return Vec::new() };
    let items: BTreeSet<&str> = last.findings.iter().filter(mine).map(|finding| finding.item.as_str()).collect();
    let times = |item: &str| {
        let red = |run: &&RunRecord| run.findings.iter().filter(mine).any(|finding| finding.item.as_str() == item);
        runs.iter().rev().take_while(red).count()
    };
    let criterion = |item: &str| {
        let (times, at_once) = (times(item), AT_ONCE.contains(&item));
        let what = Bilingual {
            it: format!("{item} non superata in {times} esecuzioni su {RUNS}"),
            en: format!("{item} red in {times} of {RUNS} runs"),
        };
        Criterion { server: server.clone(), what, met: at_once || times >= RUNS }
    };
    items.into_iter().map(criterion).collect()
}
