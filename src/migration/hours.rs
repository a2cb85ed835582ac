//! Whether a step of the move may begin now: inside a window of its server, and early enough to go back. Pure.

use super::forecast::{Forecast, ServerForecast};
use super::plan::{Plan, Step};
use super::playbook::Action;
use super::silence::SILENT_FOR;
use super::state::RunState;
use crate::model::calendar::rome;
use crate::model::window::{Window, due};
use crate::model::{ServerId, TenantId};
use jiff::{SignedDuration, Timestamp};

/// Why a step of the move does not begin now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wait {
    /// The server may not move at this hour.
    #[error("{server} moves in its window only: {}", when(*.opens))]
    Outside {
        /// Which server.
        server: ServerId,
        /// When its next window begins; none where the inventory has no further one.
        opens: Option<Timestamp>,
    },
    /// It would end too late to go back.
    #[error("{server}: {what} would end at {}, after {} ({limit_is})", clock(*.ends), clock(*.limit))]
    Late {
        /// Which server.
        server: ServerId,
        /// What is to be begun, such as `final-sync`.
        what: &'static str,
        /// When it would end at the guaranteed rate.
        ends: Timestamp,
        /// When it has to have ended.
        limit: Timestamp,
        /// What that time is.
        limit_is: &'static str,
    },
}

fn when(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "the inventory has no further one".to_owned(), |at| format!("the next opens {}", clock(at)))
}

/// Day and hour that a clock in Rome shows.
pub fn clock(at: Timestamp) -> String {
    at.to_zoned(rome()).strftime("%Y-%m-%d %H:%M").to_string()
}

impl Wait {
    /// The server that waits.
    pub fn server(&self) -> &ServerId {
        match self {
            Wait::Outside { server, .. } | Wait::Late { server, .. } => server,
        }
    }

    /// What is safe and what people can do: full sentences.
    pub fn hints(&self, tenant: &TenantId) -> Vec<String> {
        let server = self.server();
        let mut hints =
            vec!["Nothing was begun. Sources are not written to; everything acknowledged is kept.".to_owned()];
        match self {
            Wait::Outside { opens: Some(_), .. } => {
                hints.push(format!("Then go on with: traghetto migrate run {tenant}"))
            }
            Wait::Outside { opens: None, .. } => {
                hints.push(format!("Agree on a window, and write it into inventory/tenants/{tenant}.yaml: `windows`."));
            }
            Wait::Late { .. } => hints.push(format!(
                "To go back: traghetto migrate rollback {tenant} --server {server} --role ROLE --reason TEXT"
            )),
        }
        hints.push(format!(
            "To go on all the same both sides sign: traghetto migrate sign {tenant} late --server {server} --role ROLE --note TEXT"
        ));
        hints
    }
}

/// Whether the action is part of the move, which only happens in a window.
pub(super) fn is_move(action: &Action) -> bool {
    matches!(action, Action::FinalSync | Action::Convert | Action::Fence | Action::Route | Action::Boot)
}

/// Why `step` may not begin at `now`; none where it may, and where the tenant has no windows at all.
pub(super) fn wait(
    windows: &[Window],
    forecast: &Forecast,
    state: &RunState,
    step: &Step,
    now: Timestamp,
) -> Option<Wait> {
    let server = step.server.as_ref().filter(|_| is_move(&step.action) && !windows.is_empty())?;
    if state.both_agreed_late(server, now) {
        return None;
    }
    let next = due(windows, server, now);
    let Some(window) = next.filter(|window| window.holds(now)) else {
        return Some(Wait::Outside { server: server.clone(), opens: next.map(Window::from) });
    };
    let (limit, limit_is) = limit(window, &step.action);
    let servers = forecast.servers.iter().find(|forecast| forecast.server == *server);
    let ends = now.checked_add(takes(&step.action, servers)).unwrap_or(Timestamp::MAX);
    let (server, what) = (server.clone(), step.action.word());
    (ends > limit).then_some(Wait::Late { server, what, ends, limit, limit_is })
}

/// By when a step of the move has ended, and what that time is.
pub(super) fn limit(window: &Window, action: &Action) -> (Timestamp, &'static str) {
    match action {
        Action::FinalSync if window.copied_by() < window.go_back_at() => {
            (window.copied_by(), "two hours before the end of the window")
        }
        _ => (window.go_back_at(), "the time to go back"),
    }
}

/// How long it takes, as far as that is known; what nobody can forecast takes no time here.
fn takes(action: &Action, forecast: Option<&ServerForecast>) -> SignedDuration {
    let seconds = match action {
        Action::FinalSync => forecast.and_then(|server| server.final_sync.copy_seconds).unwrap_or(0),
        Action::Fence => SILENT_FOR.as_secs(),
        _ => 0,
    };
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// The window in which the next server moves, or the present one until all that moved in it were accepted.
pub(super) fn at_hand<'a>(windows: &'a [Window], plan: &Plan, state: &RunState, now: Timestamp) -> Option<&'a Window> {
    // One that is replaced under a new address has no step that waits for a window.
    let moves =
        |server: &ServerId| plan.steps.iter().any(|step| is_move(&step.action) && step.server.as_ref() == Some(server));
    let open = |server: &&ServerId| !state.rolled_back.contains_key(*server) && moves(server);
    let servers = plan.servers.iter().map(|planned| &planned.server).filter(open);
    let at_hand =
        servers.filter_map(|server| due(windows, server, now).filter(|w| w.holds(now) || !moved(plan, state, server)));
    at_hand.min_by_key(|window| window.from())
}

fn moved(plan: &Plan, state: &RunState, server: &ServerId) -> bool {
    let mine = plan.steps.iter().filter(|step| is_move(&step.action) && step.server.as_ref() == Some(server));
    let mut mine = mine.peekable();
    mine.peek().is_some() && mine.all(|step| state.step(&step.id).result().is_some())
}
