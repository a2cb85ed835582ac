//! The weekly calendar of rates: what the migration may take of a site's link, hour by hour.
//!
//! Pure: every instant is an argument. Days and hours are those that a clock in Rome shows, so a
//! night on which the clock changes has an hour more or less of its own rate. A calendar covers the
//! whole week, every minute once: neither a gap nor an overlap can be made.

use super::calendar::rome;
use jiff::civil::{Time, Weekday};
use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// Minutes of a day.
const DAY: u16 = 24 * 60;
/// Minutes of a week.
const WEEK: u16 = 7 * DAY;
/// Beyond so many hours (a hundred years) nothing has an end.
const HORIZON_HOURS: i64 = 100 * 8766;

/// The rates of a link in bit/s, counted on the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkRates {
    /// Guaranteed.
    pub mcr: u64,
    /// Peak.
    pub pcr: u64,
}

/// A share of a link's rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Percent of the guaranteed rate; 0 is nothing at all.
    OfMcr(u8),
    /// Percent of the peak rate.
    OfPcr(u8),
}

impl Share {
    /// Bits a second of a link with `rates`.
    pub fn of(self, rates: LinkRates) -> u64 {
        let (whole, percent) = match self {
            Share::OfMcr(percent) => (rates.mcr, percent),
            Share::OfPcr(percent) => (rates.pcr, percent),
        };
        whole.saturating_mul(percent.into()) / 100
    }

    fn is_nothing(self) -> bool {
        matches!(self, Share::OfMcr(0) | Share::OfPcr(0))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Share::OfMcr(percent) => write!(f, "{percent} % of MCR"),
            Share::OfPcr(percent) => write!(f, "{percent} % of PCR"),
        }
    }
}

/// Hours of some days with one share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// The days on which it begins.
    pub days: Vec<Weekday>,
    /// When it begins; seconds do not count.
    pub from: Time,
    /// When it ends: on the next day where that is not after `from`.
    pub until: Time,
    /// What may be taken.
    pub share: Share,
}

impl Period {
    /// The minutes of the week it covers, from each of its days.
    fn minutes(&self) -> impl Iterator<Item = u16> {
        let (from, until) = (minute_of_day(self.from), minute_of_day(self.until));
        let length = if until > from { until - from } else { until + DAY - from };
        self.days.iter().flat_map(move |day| {
            let first = day_index(*day) * DAY + from;
            (first..first + length).map(|minute| minute % WEEK)
        })
    }
}

/// A minute of the week, such as `Mon 07:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeekMinute(u16);

impl fmt::Display for WeekMinute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = DAY_NAMES.get(usize::from(self.0 / DAY)).copied().unwrap_or_default();
        write!(f, "{day} {:02}:{:02}", self.0 % DAY / 60, self.0 % 60)
    }
}

const DAY_NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Why periods are no calendar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateCalendarError {
    /// A part of the week has no rate.
    #[error("nothing is said from {from} to {until}")]
    Gap {
        /// Its first minute.
        from: WeekMinute,
        /// The first minute after it.
        until: WeekMinute,
    },
    /// A part of the week has two rates.
    #[error("{} on {at}", overlap(*first, *second))]
    Overlap {
        /// The earlier period, counted from 0.
        first: usize,
        /// The later period, counted from 0.
        second: usize,
        /// The first minute that both have.
        at: WeekMinute,
    },
    /// No minute allows anything.
    #[error("nothing may ever be sent")]
    Never,
}

/// From a minute of the week on, a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    from: u16,
    share: Share,
}

/// A share for every minute of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateCalendar {
    /// By time; the first begins with the week, neighbours differ.
    steps: Vec<Step>,
}

impl RateCalendar {
    /// A calendar of `periods`, which cover every minute of the week once.
    ///
    /// # Errors
    /// A gap, an overlap, or nothing but zeros.
    pub fn new(periods: &[Period]) -> Result<Self, RateCalendarError> {
        let mut owners: Vec<Option<usize>> = vec![None; usize::from(WEEK)];
        for (index, period) in periods.iter().enumerate() {
            for minute in period.minutes() {
                let owner = &mut owners[usize::from(minute)];
                if let Some(first) = *owner {
                    return Err(RateCalendarError::Overlap { first, second: index, at: WeekMinute(minute) });
                }
                *owner = Some(index);
            }
        }
        let mut steps: Vec<Step> = Vec::new();
        for (from, owner) in (0..WEEK).zip(&owners) {
            let Some(period) = owner.and_then(|index| periods.get(index)) else { return Err(gap(&owners, from)) };
            if steps.last().is_none_or(|last| last.share != period.share) {
                steps.push(Step { from, share: period.share });
            }
        }
        if steps.iter().all(|step| step.share.is_nothing()) {
            Err(RateCalendarError::Never)
        } else {
            Ok(Self { steps })
        }
    }

    /// One share all week.
    pub fn always(share: Share) -> Self {
        Self { steps: vec![Step { from: 0, share }] }
    }

    /// The share at `now`.
    pub fn share_at(&self, now: Timestamp) -> Share {
        let minute = week_second(now) / 60;
        let after = self.steps.partition_point(|step| i64::from(step.from) <= minute);
        // The first step begins with the week.
        self.steps.get(after.saturating_sub(1)).map_or(Share::OfMcr(0), |step| step.share)
    }

    /// Bits a second on the interface that may be used of `link` at `now`.
    pub fn rate_at(&self, now: Timestamp, link: LinkRates) -> u64 {
        self.share_at(now).of(link)
    }

    /// When the rate on `link` is next another one than at `now`; none if it is always the same.
    pub fn changes_at(&self, now: Timestamp, link: LinkRates) -> Option<Timestamp> {
        let rate = self.rate_at(now, link);
        let mut at = now;
        // A week has every step; the clock may change within it.
        for _ in 0..self.steps.len() + 3 {
            at = self.next_edge(at)?;
            if self.rate_at(at, link) != rate {
                return Some(at);
            }
        }
        None
    }

    /// When `bytes`, counted on the interface, have gone over `link` from `from` on; none beyond a
    /// hundred years.
    pub fn finish(&self, from: Timestamp, link: LinkRates, bytes: u64) -> Option<Timestamp> {
        const NANOSECONDS: u128 = 1_000_000_000;
        let horizon = from.checked_add(SignedDuration::from_hours(HORIZON_HOURS)).unwrap_or(Timestamp::MAX);
        // In bits times nanoseconds: exact.
        let mut left = u128::from(bytes) * 8 * NANOSECONDS;
        let mut at = from;
        while at < horizon {
            let rate = u128::from(self.rate_at(at, link));
            let edge = self.next_edge(at)?;
            let fits = rate * u128::try_from(edge.duration_since(at).as_nanos()).unwrap_or(0);
            if left <= fits {
                let nanoseconds = i64::try_from(left.div_ceil(rate.max(1))).ok()?;
                return at.checked_add(SignedDuration::from_nanos(nanoseconds)).ok();
            }
            left -= fits;
            at = edge;
        }
        None
    }

    /// The next instant at which another step may begin: the next one of the clock as it runs now, or
    /// the next change of the clock itself.
    fn next_edge(&self, now: Timestamp) -> Option<Timestamp> {
        let second = week_second(now);
        let later = self.steps.iter().map(|step| i64::from(step.from) * 60).find(|from| *from > second);
        let ahead = later.unwrap_or(i64::from(WEEK) * 60) - second;
        let whole = Timestamp::from_second(now.as_second()).ok()?;
        let edge = whole.checked_add(SignedDuration::from_secs(ahead)).ok()?;
        let clock = rome().following(now).next().map(|change| change.timestamp());
        Some(clock.map_or(edge, |clock| clock.min(edge)))
    }
}

/// In JSON the list of its steps: `{"from": "Mon 07:30", "mcr_percent": 60}`.
impl serde::Serialize for RateCalendar {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Written {
            from: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            mcr_percent: Option<u8>,
            #[serde(skip_serializing_if = "Option::is_none")]
            pcr_percent: Option<u8>,
        }
        serializer.collect_seq(self.steps.iter().map(|step| {
            let (mcr_percent, pcr_percent) = match step.share {
                Share::OfMcr(percent) => (Some(percent), None),
                Share::OfPcr(percent) => (None, Some(percent)),
            };
            Written { from: WeekMinute(step.from).to_string(), mcr_percent, pcr_percent }
        }))
    }
}

fn overlap(first: usize, second: usize) -> String {
    if first == second {
        return "it holds twice".to_owned();
    }
    format!("it overlaps with an earlier period (number {})", first + 1)
}

/// The gap that begins at `from`.
fn gap(owners: &[Option<usize>], from: u16) -> RateCalendarError {
    let until = (from..WEEK).find(|minute| owners[usize::from(*minute)].is_some()).unwrap_or(0);
    RateCalendarError::Gap { from: WeekMinute(from), until: WeekMinute(until) }
}

fn day_index(day: Weekday) -> u16 {
    u16::from(day.to_monday_zero_offset().unsigned_abs())
}

fn minute_of_day(time: Time) -> u16 {
    u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs())
}

/// Seconds since Monday 00:00 that a clock in Rome shows at `now`.
fn week_second(now: Timestamp) -> i64 {
    // Whole seconds, also before 1970: the fraction of the instant counts for no edge.
    let shown = Timestamp::from_second(now.as_second()).unwrap_or(now).to_zoned(rome());
    let days = i64::from(day_index(shown.weekday()));
    days * 86_400 + i64::from(shown.hour()) * 3600 + i64::from(shown.minute()) * 60 + i64::from(shown.second())
}

#[cfg(test)]
mod tests;
