//! The way back to the old server of one that another machine replaces: people undo what they did. Pure.

use super::plan::{Plan, Step};
use super::playbook::Action;
use super::record::{ByHand, Result as Outcome};
use super::state::{RunState, StepState};
use crate::model::ServerId;
use jiff::Timestamp;

/// Whether a server that is replaced can be taken back, and what people undo then.
#[derive(Debug, Clone, PartialEq)]
pub enum WayBack<'a> {
    /// The old server does not come back: this step was done, or people say so.
    Closed(&'a Step),
    /// It does.
    Open {
        /// What was done of its move, the latest first: it is undone in this order.
        undo: Vec<&'a Step>,
        /// Whether users may have written on the new machine.
        used: bool,
    },
}

/// The way back of `server`, which is replaced.
pub fn way_back<'a>(plan: &'a Plan, state: &RunState, server: &ServerId) -> WayBack<'a> {
    let mine = || plan.steps.iter().filter(|step| step.server.as_ref() == Some(server));
    let last = |step: &&Step| matches!(&step.action, Action::Manual(manual) if manual.no_way_back);
    if let Some(step) = mine().filter(last).find(|step| may_be_done(state, step)) {
        return WayBack::Closed(step);
    }
    let undone = |step: &&Step| match &step.action {
        Action::Manual(manual) => manual.back.is_some(),
        Action::Fence | Action::Route => true,
        _ => false,
    };
    let mut undo = done(plan, state, server);
    let used = undo.iter().any(|step| step.action != Action::Fence);
    undo.retain(undone);
    undo.reverse();
    WayBack::Open { undo, used }
}

/// Since when users may have written on the new machine of `server`, which is replaced: people first said that a step
/// of the move was done, or it was. None where that is not known.
pub(super) fn used_since(plan: &Plan, state: &RunState, server: &ServerId) -> Option<Timestamp> {
    let used = done(plan, state, server).into_iter().filter(|step| step.action != Action::Fence);
    let since = |step: &Step| {
        let ended = match state.step(&step.id) {
            StepState::Done { at, .. } => Some(*at),
            _ => None,
        };
        ended.into_iter().chain(state.ever_said.get(&step.id).copied()).min()
    };
    used.filter_map(since).min()
}

/// What was done, or may have been, of the move of `server` in the activity in which the sources become quiet.
fn done<'a>(plan: &'a Plan, state: &RunState, server: &ServerId) -> Vec<&'a Step> {
    let night = plan.quiet().map(|(_, step)| step.activity);
    let mine = plan.steps.iter().filter(|step| step.server.as_ref() == Some(server) && Some(step.activity) == night);
    mine.filter(|step| may_be_done(state, step)).collect()
}

/// Whether a step was done, or people ever said that it was: what was found not to be so may be half done. One that was
/// left out, and of which nobody said so, was not.
fn may_be_done(state: &RunState, step: &Step) -> bool {
    let said = state.ever_said.contains_key(&step.id);
    match state.step(&step.id) {
        StepState::Done { result: Outcome::ByHand { way: ByHand::Skipped, .. }, .. } => said,
        StepState::Done { .. } => true,
        StepState::Failed { .. } => matches!(step.action, Action::Manual(_)),
        _ => said,
    }
}
