//! How fast a copy may be now: the calendar, the line that carries, and the delay that the town sees.
//!
//! Pure. What is seen of the path each second goes in, what may be sent comes out with its reason. The
//! migration never uses the LTE backup, nor a path that it does not know.

mod hold;

pub use hold::{HoldNews, Holds, LteWatch};

use crate::model::calendar::rome;
use crate::model::link::{Backup, Hops, Link};
use crate::model::rate_calendar::{LinkRates, RateCalendar};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

/// A round trip that is longer than the shortest by more than this gives way to the town's traffic.
const TOLERATED: Duration = Duration::from_millis(50);
/// What is left of the rate each time it gives way, in percent.
const DECREASE: u64 = 70;
/// What it takes back each second, in percent of what the calendar gives.
const INCREASE: u64 = 5;
/// It never gives way below this, in percent: a copy that stands still helps nobody.
const LEAST: u64 = 5;
/// Looks after a decrease in which the queue may drain before the next one.
const DRAINING: u8 = 2;
/// Looks of which one shortest round trip is kept,
const SPAN: u16 = 60;
/// and how many of those: a path that became longer is the new measure after ten minutes.
const SPANS: usize = 10;
/// Routers whose round trips are kept, at most.
const MOST_ROUTERS: usize = 16;
/// Looks in a row that may see no known router before the path counts as unknown: routers limit how
/// often they answer.
const MISSED: u8 = 2;

/// The line that carries the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// The primary line, or no line at all: a source on this very host.
    Primary,
    /// The copper backup.
    Copper,
    /// The LTE backup, which is metered.
    Lte,
    /// Nobody who answers is known; the farthest who did.
    Unknown(Option<Ipv4Addr>),
}

impl Path {
    /// The word in JSON and tables.
    pub fn word(self) -> &'static str {
        match self {
            Path::Primary => "primary",
            Path::Copper | Path::Lte => "backup",
            Path::Unknown(_) => "unknown",
        }
    }
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// Who answered in one look, nearest first: the address and the round trip.
pub type Look = [(Ipv4Addr, Duration)];

/// A look, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    path: Path,
    rtt: Option<(Ipv4Addr, Duration)>,
}

/// Why so much may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The source is on this host: no link is crossed.
    NoLink,
    /// The calendar says so.
    Calendar,
    /// The town's packets take too long: less than the calendar would give.
    Yielding {
        /// The round trip now.
        rtt: Duration,
        /// The shortest one lately.
        base: Duration,
    },
    /// The copper backup carries: the calendar's share of its own rate.
    Copper,
    /// The calendar allows nothing at this hour.
    Closed,
    /// The LTE backup carries: nothing.
    Lte,
    /// Nobody knows what carries: nothing. The farthest router that answered.
    UnknownPath(Option<Ipv4Addr>),
}

/// What may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Bits a second on the interface; 0 is nothing, `u64::MAX` is no limit.
    pub bits_per_second: u64,
    /// Why.
    pub why: Why,
    /// What carries.
    pub path: Path,
    /// When the calendar next says something else.
    pub changes_at: Option<Timestamp>,
}

impl Allowance {
    /// No limit: no link is crossed.
    pub const NO_LINK: Allowance =
        Allowance { bits_per_second: u64::MAX, why: Why::NoLink, path: Path::Primary, changes_at: None };

    /// Whether nothing may be sent.
    pub fn is_hold(&self) -> bool {
        self.bits_per_second == 0
    }

    /// What has to happen for a hold to end; nothing where it is none.
    pub fn remedy(&self) -> &'static str {
        match self.why {
            Why::Lte => "it goes on by itself when the primary line is back",
            Why::UnknownPath(_) => {
                "it goes on by itself when a known router answers; if the path is right, write the addresses of its \
                 routers as `hops` of the site's link in the inventory"
            }
            Why::Closed => "it goes on by itself when the calendar allows it",
            Why::NoLink | Why::Calendar | Why::Yielding { .. } | Why::Copper => "",
        }
    }
}

/// The reason in words: `calendar until Mon 07:30`.
impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            Why::NoLink => write!(f, "no link is crossed"),
            Why::Calendar => write!(f, "calendar"),
            Why::Yielding { rtt, base } => {
                write!(f, "yielding: the round trip is {} ms, at best {} ms", rtt.as_millis(), base.as_millis())
            }
            Why::Copper => write!(f, "copper backup"),
            Why::Closed => write!(f, "closed by the calendar"),
            Why::Lte => write!(f, "the LTE backup carries"),
            Why::UnknownPath(None) => write!(f, "the path is unknown: no router on the way answers"),
            Why::UnknownPath(Some(last)) => {
                write!(f, "the path is unknown: the last router that answers is {last}, of neither line")
            }
        }?;
        match (self.why, self.changes_at) {
            (Why::Calendar | Why::Copper | Why::Closed, Some(at)) => write!(f, " until {}", weekday_and_hour(at)),
            _ => Ok(()),
        }
    }
}

/// When, in Rome: `Mon 07:30`.
pub fn weekday_and_hour(at: Timestamp) -> String {
    at.to_zoned(rome()).strftime("%a %H:%M").to_string()
}

/// Decides second by second for one site's link.
#[derive(Debug, Clone)]
pub struct Shaper {
    calendar: RateCalendar,
    rates: LinkRates,
    backup: Option<Backup>,
    hops: Hops,
    path: Path,
    missed: u8,
    delays: Delays,
}

impl Shaper {
    /// Of `link`, whose lines `hops` tell apart.
    pub fn new(link: &Link, hops: Hops, calendar: &RateCalendar) -> Self {
        Self {
            calendar: calendar.clone(),
            rates: link.rates(),
            backup: link.backup.clone(),
            hops,
            path: Path::Unknown(None),
            missed: MISSED,
            delays: Delays::default(),
        }
    }

    /// What may be sent after one more look.
    pub fn next(&mut self, now: Timestamp, look: &Look) -> Allowance {
        let seen = self.understand(look);
        match seen.path {
            Path::Unknown(_) if self.missed < MISSED => self.missed += 1,
            Path::Unknown(_) => self.path = seen.path,
            known => (self.path, self.missed) = (known, 0),
        }
        let late = self.delays.observe(seen.rtt);
        decide(now, &self.calendar, self.line_rates(), self.path, late)
    }

    /// Who answered, and what that says.
    fn understand(&self, look: &Look) -> Seen {
        let among = |known: &[Ipv4Addr]| look.iter().rev().find(|(address, _)| known.contains(address)).copied();
        let farthest = look.last().copied();
        let unknown = Seen { path: Path::Unknown(farthest.map(|(address, _)| address)), rtt: farthest };
        match (among(&self.hops.primary), among(&self.hops.backup)) {
            (Some(hop), None) => Seen { path: Path::Primary, rtt: Some(hop) },
            (None, Some(hop)) => Seen { path: self.backup_path(), rtt: Some(hop) },
            // With one line there is nothing to tell apart.
            (None, None) if self.backup.is_none() && self.hops.backup.is_empty() => {
                Seen { path: Path::Primary, rtt: farthest }
            }
            _ => unknown,
        }
    }

    /// What the backup is; one that the inventory does not know may be metered.
    fn backup_path(&self) -> Path {
        match self.backup {
            Some(Backup::Copper { .. }) => Path::Copper,
            Some(Backup::Lte { .. }) | None => Path::Lte,
        }
    }

    /// The rates of the line that carries.
    fn line_rates(&self) -> LinkRates {
        match (self.path, &self.backup) {
            (Path::Copper, Some(Backup::Copper { rate_kbps, .. })) => {
                let rate = u64::from(*rate_kbps) * 1000;
                LinkRates { mcr: rate, pcr: rate }
            }
            _ => self.rates,
        }
    }
}

/// What may be sent at `now` over `path`, whose rates are `rates`, with what the delays ask for.
fn decide(now: Timestamp, calendar: &RateCalendar, rates: LinkRates, path: Path, delay: Delay) -> Allowance {
    let rate = calendar.rate_at(now, rates);
    let (percent, why) = match (path, delay.late) {
        (Path::Unknown(last), _) => (0, Why::UnknownPath(last)),
        (Path::Lte, _) => (0, Why::Lte),
        _ if rate == 0 => (0, Why::Closed),
        (_, Some((rtt, base))) => (delay.percent, Why::Yielding { rtt, base }),
        (Path::Copper, None) => (delay.percent, Why::Copper),
        (Path::Primary, None) => (delay.percent, Why::Calendar),
    };
    Allowance {
        bits_per_second: rate.saturating_mul(percent) / 100,
        why,
        path,
        changes_at: calendar.changes_at(now, rates),
    }
}

/// What the delays ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Delay {
    /// Share of the calendar's rate that may be used, in percent.
    percent: u64,
    /// Present while it is less than all: the last late round trip and the shortest.
    late: Option<(Duration, Duration)>,
}

/// Additive increase, multiplicative decrease: gives way where the round trip of the probe grows, and
/// takes back where it does not.
#[derive(Debug, Clone)]
struct Delays {
    percent: u64,
    late: Option<(Duration, Duration)>,
    /// Whether the look before was late: one alone is the router's own delay, not a queue's.
    suspected: bool,
    draining: u8,
    shortest: BTreeMap<Ipv4Addr, Shortest>,
}

impl Default for Delays {
    fn default() -> Self {
        Self { percent: 100, late: None, suspected: false, draining: 0, shortest: BTreeMap::new() }
    }
}

impl Delays {
    /// Takes in a round trip to a router. None is no news: routers limit how often they answer.
    fn observe(&mut self, rtt: Option<(Ipv4Addr, Duration)>) -> Delay {
        if let Some((router, rtt)) = rtt {
            let base = self.base(router, rtt);
            self.adapt(rtt, base);
        }
        Delay { percent: self.percent, late: self.late.filter(|_| self.percent < 100) }
    }

    fn base(&mut self, router: Ipv4Addr, rtt: Duration) -> Duration {
        if self.shortest.len() >= MOST_ROUTERS && !self.shortest.contains_key(&router) {
            self.shortest.clear();
        }
        self.shortest.entry(router).or_default().with(rtt)
    }

    fn adapt(&mut self, rtt: Duration, base: Duration) {
        let late = rtt > base + TOLERATED;
        let again = std::mem::replace(&mut self.suspected, late);
        if self.draining > 0 {
            self.draining -= 1;
        } else if late && again {
            self.percent = (self.percent * DECREASE / 100).max(LEAST);
            (self.late, self.draining) = (Some((rtt, base)), DRAINING);
        } else if !late {
            self.percent = (self.percent + INCREASE).min(100);
        }
    }
}

/// The shortest round trip of the last ten minutes.
#[derive(Debug, Clone, Default)]
struct Shortest {
    spans: VecDeque<Duration>,
    looks: u16,
}

impl Shortest {
    fn with(&mut self, rtt: Duration) -> Duration {
        if self.looks.is_multiple_of(SPAN) {
            self.spans.push_back(rtt);
            self.looks = 0;
            if self.spans.len() > SPANS {
                self.spans.pop_front();
            }
        }
        self.looks += 1;
        if let Some(span) = self.spans.back_mut() {
            *span = rtt.min(*span);
        }
        self.spans.iter().min().copied().unwrap_or(rtt)
    }
}

#[cfg(test)]
mod tests;
