//! What people are told of a copy that may not send: a hold that lasts and its end, and that the LTE backup carries;
//! each once. Pure.

use super::{Allowance, Why};
use std::mem::{discriminant, replace};
use std::time::Duration;

/// A hold that lasts this long is journaled; a shorter one is a hiccup.
const WORTH_A_LINE: Duration = Duration::from_secs(5);

/// A time in which nothing may be sent.
#[derive(Debug, Clone)]
struct Hold {
    since: Duration,
    /// Since when for this reason.
    changed: Duration,
    allowance: Allowance,
    journaled: bool,
}

/// What is written down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HoldNews {
    /// Nothing may be sent for the time being.
    Held(Allowance),
    /// It goes on after so long.
    Resumed(Duration),
}

/// The holds of one copy.
#[derive(Debug, Clone, Default)]
pub struct Holds {
    hold: Option<Hold>,
}

impl Holds {
    /// What is written down, once so much may be sent `now`, by a clock that never goes back.
    pub fn see(&mut self, now: Duration, allowance: Allowance) -> Option<HoldNews> {
        match &mut self.hold {
            None if allowance.is_hold() => {
                self.hold = Some(Hold { since: now, changed: now, allowance, journaled: false });
                None
            }
            None => None,
            Some(_) if !allowance.is_hold() => {
                let ended = self.hold.take().filter(|hold| hold.journaled);
                ended.map(|hold| HoldNews::Resumed(now.saturating_sub(hold.since)))
            }
            Some(hold) => {
                if discriminant(&hold.allowance.why) != discriminant(&allowance.why) {
                    (hold.changed, hold.journaled) = (now, false);
                }
                hold.allowance = allowance;
                let due = !hold.journaled && now.saturating_sub(hold.changed) >= WORTH_A_LINE;
                hold.journaled |= due;
                due.then_some(HoldNews::Held(allowance))
            }
        }
    }
}

/// Whether people are told that the LTE backup carries.
#[derive(Debug, Clone, Default)]
pub struct LteWatch(bool);

impl LteWatch {
    /// Whether it carries since this very look; one that says nothing of the line changes nothing.
    pub fn begins(&mut self, allowance: Option<Allowance>) -> bool {
        let Some(allowance) = allowance else { return false };
        let before = replace(&mut self.0, allowance.why == Why::Lte);
        !before && self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::Path;

    #[test]
    fn a_hold_that_lasts_is_told_once_and_so_is_its_end() {
        let (lte, unknown) = (Why::Lte, Why::UnknownPath(None));
        let held = |why| Allowance { bits_per_second: 0, why, path: Path::Lte, changes_at: None };
        let open = Allowance { bits_per_second: 8, why: Why::Calendar, path: Path::Primary, changes_at: None };
        let mut holds = Holds::default();
        let mut see = |seconds, allowance| holds.see(Duration::from_secs(seconds), allowance);
        assert_eq!((see(0, held(lte)), see(4, held(lte)), see(4, open)), (None, None, None), "a hiccup");
        assert_eq!((see(10, held(lte)), see(15, held(lte))), (None, Some(HoldNews::Held(held(lte)))));
        assert_eq!(see(16, held(lte)), None, "once");
        assert_eq!((see(20, held(unknown)), see(25, held(unknown))), (None, Some(HoldNews::Held(held(unknown)))));
        assert_eq!(see(70, open), Some(HoldNews::Resumed(Duration::from_secs(60))), "since the first reason");
    }
}
