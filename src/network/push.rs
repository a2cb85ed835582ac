//! A change of a router as a push sees it: where the router is on the way from the old configuration
//! to the new one, and what is to be done next. Decides only; `run` acts.
//!
//! Nothing is assumed of what an earlier attempt did: the router is looked at, and its place on the
//! way says what is left. Every way through ends with the router exactly as it was or exactly as it
//! is wanted, what runs and what a reload brings alike; or with a person, where somebody else has
//! changed it meanwhile.

pub mod abandon;
pub mod campaign;
pub mod change;
pub mod drift;
pub mod expect;
pub mod record;
pub mod router;
pub mod run;
pub mod wanted;

use crate::model::router_access::RevertTimer;
use change::Place;
use std::time::Duration;

/// How often a change is begun on a router before a push gives up and leaves it as it was.
pub const ATTEMPTS: u32 = 3;

/// What a router shows of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The revert timer that runs.
    pub timer: Option<RevertTimer>,
    /// As whom we look.
    pub user: String,
    /// When, by the clock of the desk.
    pub at: Duration,
    /// What runs.
    pub running: Place,
    /// What a reload brings.
    pub startup: Place,
}

/// What is known of a change beside what its router shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// A revert timer was begun, or was about to be: one that runs may be ours.
    pub opened: bool,
    /// Its minutes.
    pub minutes: Option<u16>,
    /// Until when it runs at least, by the clock of the desk; none where another run began it.
    pub runs_until: Option<Duration>,
    /// The timer was stopped, or was about to be: the new configuration was found good.
    pub confirming: bool,
    /// The new configuration was found good on this connection.
    pub checked: bool,
    /// All lines were taken since the timer began.
    pub entered: bool,
    /// Why the router goes back to what it was.
    pub failed: Option<String>,
    /// Times that the change was begun in this run.
    pub attempts: u32,
    /// What ended the last attempt.
    pub last: Option<String>,
    /// Changes that nobody saved may be saved first.
    pub unsaved_accepted: bool,
}

impl Memory {
    /// A timer is about to be started: what was known of an earlier one is over.
    pub(super) fn begins(&mut self, minutes: u16) {
        (self.opened, self.minutes, self.runs_until) = (true, Some(minutes), None);
        (self.entered, self.checked, self.confirming) = (false, false, false);
    }
}

/// The next thing to do with a router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Archive, start the revert timer, send the lines.
    Begin,
    /// Compare what the router does with what is expected of it.
    Check,
    /// Stop the revert timer.
    Confirm,
    /// Give up: all lines were taken, and led elsewhere.
    GiveUp(Vec<String>),
    /// Go back at once.
    RevertNow,
    /// Replace what runs by what a reload would bring.
    Restore,
    /// Save what runs.
    Save,
    /// Go back by the way back, which was proven step by step: no timer runs any more.
    TakeBack,
    /// Nothing: the router is as it is wanted, or as it was.
    Done(End),
    /// Nothing: a person has to look.
    Stop(Halt),
}

/// How a change of a router ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Exactly the old configuration, running and startup.
    Old,
    /// Exactly the new configuration, running and startup.
    New,
}

/// Why only a person can go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// A revert timer runs that we did not start.
    OthersTimer,
    /// What runs is on no point of the way: somebody else changed it.
    Drifted(Vec<String>),
    /// What a reload brings is neither the old nor the new configuration.
    Unsaved(Vec<String>),
    /// It hangs between old and new, and nothing brings it back by itself.
    Between(Saved),
    /// It is confirmed and saved, and its way back did not succeed.
    Stuck(String),
}

/// What a reload would bring, as far as it tells a person what to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// The old configuration of the leg.
    Old,
    /// The new one.
    New,
    /// Neither.
    Neither,
}

impl Observed {
    /// What a reload would bring.
    pub fn saved(&self) -> Saved {
        match self.startup {
            Place::Old => Saved::Old,
            Place::New => Saved::New,
            Place::Between(_) | Place::Elsewhere(_) => Saved::Neither,
        }
    }
}

/// The next thing to do with a router that shows `seen`.
pub fn next(seen: &Observed, memory: &Memory) -> Act {
    if let Some(timer) = &seen.timer {
        return under_timer(timer, seen, memory);
    }
    match (&seen.running, &seen.startup, &memory.failed) {
        (Place::New, Place::New, None) => Act::Done(End::New),
        (Place::New, _, None) if memory.confirming || memory.checked => Act::Save,
        (Place::New, _, None) => Act::Check,
        (Place::New, _, Some(_)) => Act::TakeBack,
        (Place::Old, Place::Old, Some(_)) => Act::Done(End::Old),
        (Place::Old, _, Some(_)) => Act::Save,
        (Place::Old, Place::Elsewhere(lines), None) if !memory.unsaved_accepted => {
            Act::Stop(Halt::Unsaved(lines.clone()))
        }
        (Place::Old, Place::Elsewhere(_) | Place::Between(_), None) => Act::Save,
        (Place::Old, Place::Old | Place::New, None) => Act::Begin,
        (Place::Between(_), Place::Old, _) if memory.opened => Act::Restore,
        (Place::Between(_), _, _) => Act::Stop(Halt::Between(seen.saved())),
        (Place::Elsewhere(lines), _, _) => Act::Stop(Halt::Drifted(lines.clone())),
    }
}

/// With a timer, going back is always possible, and is what happens by itself.
fn under_timer(timer: &RevertTimer, seen: &Observed, memory: &Memory) -> Act {
    match (&seen.running, &memory.failed) {
        _ if !is_ours(timer, seen, memory) => Act::Stop(Halt::OthersTimer),
        (Place::New, None) if memory.checked => Act::Confirm,
        (Place::New, None) => Act::Check,
        (Place::Elsewhere(lines), None) if memory.entered => Act::GiveUp(lines.clone()),
        _ => Act::RevertNow,
    }
}

/// Whether a timer is the one that this push began: what the journal says of an earlier run never
/// ends, so a colleague's timer is told from ours by who began it, by its minutes, and by what runs.
fn is_ours(timer: &RevertTimer, seen: &Observed, memory: &Memory) -> bool {
    let of_us = timer.user.as_ref().is_none_or(|user| *user == seen.user);
    let like_it = memory.minutes.is_none_or(|minutes| minutes == timer.minutes);
    let on_the_way = !matches!(seen.running, Place::Elsewhere(_));
    let just_begun = memory.runs_until.is_some_and(|until| seen.at < until);
    memory.opened && of_us && (just_begun || like_it && on_the_way)
}

#[cfg(test)]
mod tests;
