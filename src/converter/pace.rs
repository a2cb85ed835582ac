//! When a job runs, and when it stands still: the calendar of the link, without a brake.
//!
//! Converter has no brake by the hour: it takes what the line gives. So it runs only while the calendar
//! gives at least the whole guaranteed rate, and stands still otherwise. A first copy that is at work is
//! never interrupted: Converter would begin it again, and the line would carry two. What is left to do then
//! is said, and done by the routers: they keep its traffic off the LTE backup.

use crate::model::rate_calendar::{LinkRates, RateCalendar};
use jiff::Timestamp;

/// Changes of the calendar that are looked through, at most.
const MOST_CHANGES: usize = 64;

/// The line that carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// The primary one.
    Primary,
    /// The copper backup.
    Copper,
    /// The LTE backup, which is metered.
    Lte,
    /// Nobody knows.
    Unknown,
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Nothing: what is due may wait.
    Idle,
    /// The first copy is at work.
    FirstCopy,
    /// A synchronisation is at work: cancelled, the next one carries what it had.
    Synchronisation,
    /// The last synchronisation, with services stopped and people waiting.
    FinalSync,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The calendar gives the whole guaranteed rate.
    Open,
    /// It gives less, and Converter knows no less.
    Closed,
    /// The LTE backup carries.
    Lte,
    /// Nobody knows what carries.
    UnknownLine,
}

/// What to do with the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Let it run.
    Run {
        /// When the calendar closes; none if never.
        until: Option<Timestamp>,
    },
    /// Suspend it; what runs is cancelled.
    Suspend {
        /// When the calendar opens; none if no hour of it does, or if it is not about hours.
        until: Option<Timestamp>,
        /// Why.
        why: Why,
    },
    /// It ought to stand still and must not be interrupted: say so.
    LetEnd {
        /// Why it ought to.
        why: Why,
    },
}

/// What to do with a job at `now`.
pub fn decide(now: Timestamp, calendar: &RateCalendar, rates: LinkRates, line: Line, activity: Activity) -> Pace {
    let why = match line {
        Line::Lte => Why::Lte,
        Line::Unknown => Why::UnknownLine,
        Line::Primary | Line::Copper if is_open(now, calendar, rates) => Why::Open,
        Line::Primary | Line::Copper => Why::Closed,
    };
    match (why, activity) {
        (Why::Open, _) => Pace::Run { until: turns(now, calendar, rates) },
        // People are waiting, and the window was agreed on.
        (Why::Closed, Activity::FinalSync) => Pace::Run { until: None },
        (_, Activity::FirstCopy | Activity::FinalSync) => Pace::LetEnd { why },
        (Why::Closed, _) => Pace::Suspend { until: turns(now, calendar, rates), why },
        (_, _) => Pace::Suspend { until: None, why },
    }
}

fn is_open(at: Timestamp, calendar: &RateCalendar, rates: LinkRates) -> bool {
    calendar.rate_at(at, rates) >= rates.mcr.max(1)
}

/// When the calendar next opens or closes.
fn turns(now: Timestamp, calendar: &RateCalendar, rates: LinkRates) -> Option<Timestamp> {
    let open = is_open(now, calendar, rates);
    let mut at = now;
    for _ in 0..MOST_CHANGES {
        at = calendar.changes_at(at, rates)?;
        if is_open(at, calendar, rates) != open {
            return Some(at);
        }
    }
    None
}
