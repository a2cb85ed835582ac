//! The hours of a move: when each step of each server begins and ends, counted from the begin of its window. Pure.
//!
//! What nobody measured has no length, and what comes after it begins *not before* the hour that is said.

use super::forecast::{Forecast, ServerForecast, TermKind, line_seconds};
use super::hours::is_move;
use super::plan::Plan;
use super::playbook::Action;
use super::silence::SILENT_FOR;
use crate::journal::Event;
use crate::model::ServerId;
use crate::model::window::{Window, due};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// The servers that move in one window, or all of them where none was agreed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Night {
    /// The window; none where the inventory has none: then servers move at any hour.
    pub window: Option<Window>,
    /// The servers in the order in which they move.
    pub servers: Vec<ServerNight>,
}

/// The move of one server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerNight {
    /// Which.
    pub server: ServerId,
    /// Its steps, in order.
    pub steps: Vec<TimedStep>,
}

/// A step of the move with its hours.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimedStep {
    /// What is done: `final-sync`, `convert`, `fence`, `route`, `boot`.
    pub step: &'static str,
    /// What its length is taken from.
    pub basis: LengthBasis,
    /// At the link's guaranteed rate.
    pub at_mcr: Slot,
    /// At its peak rate.
    pub at_pcr: Slot,
}

/// What the length of a step is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LengthBasis {
    /// The forecast of the last copy.
    Forecast,
    /// For how long everything has to be silent, at least.
    Silence,
    /// The test launch of the same server: clone, conversion and boot.
    TestLaunch,
    /// It is counted with the boot.
    WithBoot,
    /// Nobody knows.
    Unknown,
}

/// Seconds from the begin of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Slot {
    /// When it begins.
    pub from_seconds: u64,
    /// When it ends; none where nobody knows how long it takes.
    pub until_seconds: Option<u64>,
    /// Whether everything before it has a length: otherwise it begins later than that, nobody knows by how much.
    pub exact: bool,
}

/// What hours are made from, beside plan and windows.
pub struct Lengths<'a> {
    /// The forecast as it is for a window that begins then.
    pub forecast: &'a dyn Fn(Timestamp) -> Forecast,
    /// Seconds that the test launch of a server took.
    pub launches: &'a BTreeMap<ServerId, u64>,
    /// The present time, which only chooses among windows.
    pub now: Timestamp,
}

/// The nights of a plan, in the order of their windows.
pub fn schedule(plan: &Plan, windows: &[Window], lengths: &Lengths<'_>) -> Vec<Night> {
    let mut nights: Vec<Night> = Vec::new();
    for planned in &plan.servers {
        let window = of_server(windows, &planned.server, lengths.now);
        let night = nights.iter_mut().find(|night| night.window.as_ref() == window);
        let moved = ServerNight { server: planned.server.clone(), steps: Vec::new() };
        match night {
            Some(night) => night.servers.push(moved),
            None => nights.push(Night { window: window.cloned(), servers: vec![moved] }),
        }
    }
    nights.sort_by_key(|night| night.window.as_ref().map(Window::from));
    for night in &mut nights {
        let forecast = (lengths.forecast)(night.window.as_ref().map_or(lengths.now, Window::from));
        let (mut mcr, mut pcr) = (Clock::default(), Clock::default());
        for moved in &mut night.servers {
            let known = forecast.servers.iter().find(|server| server.server == moved.server);
            let launch = lengths.launches.get(&moved.server).copied();
            moved.steps = steps(plan, &moved.server)
                .into_iter()
                .map(|action| {
                    let (basis, at_mcr, at_pcr) = length(action, known, launch);
                    TimedStep { step: action.word(), basis, at_mcr: mcr.step(at_mcr), at_pcr: pcr.step(at_pcr) }
                })
                .collect();
        }
    }
    nights
}

/// The window in which a server moves: the present one or the next, or the last where all are over.
fn of_server<'a>(windows: &'a [Window], server: &ServerId, now: Timestamp) -> Option<&'a Window> {
    let last = || windows.iter().filter(|window| window.is_for(server)).max_by_key(|window| window.from());
    due(windows, server, now).or_else(last)
}

/// What is done with a server in its window, each kind once.
fn steps<'a>(plan: &'a Plan, server: &ServerId) -> Vec<&'a Action> {
    let mine = plan.steps.iter().filter(|step| is_move(&step.action) && step.server.as_ref() == Some(server));
    let mut kinds: Vec<&Action> = mine.map(|step| &step.action).collect();
    kinds.dedup();
    kinds
}

/// How long a step takes at the guaranteed and at the peak rate.
fn length(
    action: &Action,
    known: Option<&ServerForecast>,
    launch: Option<u64>,
) -> (LengthBasis, Option<u64>, Option<u64>) {
    match (action, launch) {
        (Action::FinalSync, _) => {
            let (mcr, pcr) = known.map_or((None, None), last_copy);
            let basis = if mcr.is_some() { LengthBasis::Forecast } else { LengthBasis::Unknown };
            (basis, mcr, pcr)
        }
        (Action::Fence, _) => (LengthBasis::Silence, Some(SILENT_FOR.as_secs()), Some(SILENT_FOR.as_secs())),
        (Action::Convert, Some(_)) => (LengthBasis::WithBoot, Some(0), Some(0)),
        (Action::Boot, Some(launch)) => (LengthBasis::TestLaunch, Some(launch), Some(launch)),
        _ => (LengthBasis::Unknown, None, None),
    }
}

/// Seconds of the last copy at the guaranteed and at the peak rate.
fn last_copy(server: &ServerForecast) -> (Option<u64>, Option<u64>) {
    let term = |kind| server.final_sync.terms.iter().find(|term| term.term == kind);
    let read = term(TermKind::ReadSource).and_then(|term| term.seconds);
    let bytes = term(TermKind::SendChanges).and_then(|term| term.bytes);
    let at_peak = || Some(read? + line_seconds(bytes?, server.pcr_mbps?));
    (server.final_sync.copy_seconds, at_peak())
}

/// The hours of one night at one rate.
struct Clock {
    seconds: u64,
    exact: bool,
}

impl Default for Clock {
    fn default() -> Self {
        Self { seconds: 0, exact: true }
    }
}

impl Clock {
    fn step(&mut self, length: Option<u64>) -> Slot {
        let (from_seconds, exact) = (self.seconds, self.exact);
        let until_seconds = length.map(|length| from_seconds.saturating_add(length));
        self.seconds = until_seconds.unwrap_or(from_seconds);
        self.exact &= length.is_some();
        Slot { from_seconds, until_seconds, exact }
    }
}

/// Seconds that the last test launch of each server took, by the journal's clock.
pub fn launches(plan: &Plan, events: &[Event]) -> BTreeMap<ServerId, u64> {
    let mut begun: BTreeMap<&str, Timestamp> = BTreeMap::new();
    let mut took = BTreeMap::new();
    for event in events {
        let step = event.data["step"].as_str().unwrap_or_default();
        let launched = plan.steps.iter().find(|own| own.id.0 == step && own.action == Action::TestLaunch);
        let (Some(server), Ok(at)) = (launched.and_then(|step| step.server.as_ref()), event.time.parse()) else {
            continue;
        };
        match event.kind.as_str() {
            "step.started" => _ = begun.insert(step, at),
            "step.finished" => {
                let seconds = begun.get(step).map(|from| at.duration_since(*from).as_secs());
                took.extend(seconds.and_then(|seconds| Some((server.clone(), u64::try_from(seconds).ok()?))));
            }
            _ => {}
        }
    }
    took
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_step_of_unknown_length_hours_are_only_the_earliest() {
        let mut clock = Clock::default();
        let first = clock.step(Some(600));
        assert_eq!((first.from_seconds, first.until_seconds, first.exact), (0, Some(600), true));
        let unknown = clock.step(None);
        assert_eq!((unknown.from_seconds, unknown.until_seconds, unknown.exact), (600, None, true));
        let after = clock.step(Some(60));
        assert_eq!((after.from_seconds, after.until_seconds, after.exact), (600, Some(660), false));
    }
}
