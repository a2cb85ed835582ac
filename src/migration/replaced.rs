//! The way back to the old server of one that another machine replaces: people undo what they did. Pure.

use super::plan::{Plan, Step};
use super::playbook::{Action, Reached};
use super::state::{RunState, StepState};
use crate::model::ServerId;

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
    let quiet = |step: &&Step| matches!(&step.action, Action::Gate(gate) if gate.reaches == Some(Reached::Quiet));
    let night = plan.steps.iter().find(quiet).map(|step| step.activity);
    let undone = |step: &&Step| match &step.action {
        Action::Manual(manual) => manual.back.is_some(),
        Action::Fence | Action::Route => true,
        _ => false,
    };
    let mut undo: Vec<&Step> =
        mine().filter(|step| Some(step.activity) == night).filter(|step| may_be_done(state, step)).collect();
    let used = undo.iter().any(|step| step.action != Action::Fence);
    undo.retain(undone);
    undo.reverse();
    WayBack::Open { undo, used }
}

/// Whether a step was done, or people say that it was: what was found not to be so may be half done.
fn may_be_done(state: &RunState, step: &Step) -> bool {
    let ended = matches!(state.step(&step.id), StepState::Done { .. } | StepState::Failed { .. });
    match step.action {
        Action::Manual(_) => ended || state.confirmed.contains_key(&step.id),
        _ => matches!(state.step(&step.id), StepState::Done { .. }),
    }
}
