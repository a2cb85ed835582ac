//! Days, working days and terms in Italy; the restoration deadline of a reported fault.
//!
//! Pure: every date is an argument. Days are civil days of Europe/Rome; dates saturate at the
//! ends of jiff's range (year 9999), so that no input loops or overflows.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};

/// How the days of a term are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DayCount {
    /// Every day counts ("giorni solari").
    Solar,
    /// Only working days count ("giorni lavorativi").
    Working,
}

/// A term of the project documents: so many days, counted so. The day after the start is day 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Term {
    /// Number of days.
    pub days: u16,
    /// How they are counted.
    pub count: DayCount,
}

/// Printed as in the documents: `15 giorni solari`.
impl std::fmt::Display for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = match self.count {
            DayCount::Solar => "solari",
            DayCount::Working => "lavorativi",
        };
        f.pad(&format!("{} giorni {count}", self.days))
    }
}

/// Restoration of a reported fault: by the cut-off within the next working day, after it within
/// the second next (project document, section 4; readings of domain A16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sla {
    /// Start of assistance on a working day.
    pub from: Time,
    /// End of assistance on a working day: the hour at which a restoration is due.
    pub until: Time,
    /// A fault reported at this time is still in time.
    pub cutoff: Time,
    /// Working days to restore a fault reported in time.
    pub by_cutoff_days: u16,
    /// Working days to restore a fault reported later.
    pub after_cutoff_days: u16,
    /// Whether the tenant's patron day is a holiday for the carrier.
    pub patron_day_is_holiday: bool,
}

/// Why nobody works on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DayOff {
    /// Saturday: no holiday, but outside the days of assistance.
    Saturday,
    /// Sunday.
    Sunday,
    /// A national holiday, by its Italian name.
    National(&'static str),
    /// The tenant's patron day.
    Patron,
    /// A day that the project's inventory adds.
    Extra,
}

/// Printed in Italian, as on the documents for the tenant.
impl std::fmt::Display for DayOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            DayOff::Saturday => "sabato",
            DayOff::Sunday => "domenica",
            DayOff::National(name) => name,
            DayOff::Patron => "santo patrono",
            DayOff::Extra => "festività aggiunta",
        })
    }
}

/// National holidays with a fixed date (L. 260/1949 and changes), and the first year of each where
/// it matters here.
const FIXED_HOLIDAYS: [(i8, i8, &str, i16); 11] = [
    (1, 1, "Capodanno", 0),
    (1, 6, "Epifania", 0),
    (4, 25, "Festa della Liberazione", 0),
    (5, 1, "Festa del lavoro", 0),
    (6, 2, "Festa della Repubblica", 0),
    (8, 15, "Assunzione", 0),
    (10, 4, "San Francesco d'Assisi", 2026), // L. 151/2025
    (11, 1, "Ognissanti", 0),
    (12, 8, "Immacolata Concezione", 0),
    (12, 25, "Natale", 0),
    (12, 26, "Santo Stefano", 0),
];

/// The national holiday on `date`, if it is one.
pub fn national_holiday(date: Date) -> Option<&'static str> {
    let easter = easter_sunday(date.year());
    if date == easter {
        return Some("Pasqua");
    }
    if date == easter.saturating_add(1.day()) {
        return Some("Lunedì dell'Angelo");
    }
    FIXED_HOLIDAYS
        .iter()
        .find(|(month, day, _, since)| (*month, *day) == (date.month(), date.day()) && date.year() >= *since)
        .map(|(_, _, name, _)| *name)
}

/// Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher).
pub fn easter_sunday(year: i16) -> Date {
    let year_number = i32::from(year);
    let (golden, century, rest) = (year_number % 19, year_number / 100, year_number % 100);
    let epact_shift = (century - (century + 8) / 25 + 1) / 3;
    let moon = (19 * golden + century - century / 4 - epact_shift + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - moon - rest % 4) % 7;
    let late = (golden + 11 * moon + 22 * weekday) / 451;
    let day_from_march = moon + weekday - 7 * late + 21; // 0 is 1 March
    let march = Date::new(year, 3, 1).unwrap_or(Date::MIN);
    march.saturating_add(day_from_march.days())
}

/// Which days are worked: Monday to Friday, without national holidays, the patron day and days
/// that the inventory adds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkCalendar {
    patron_day: Option<(i8, i8)>,
    extra: Vec<Date>,
}

impl WorkCalendar {
    /// National holidays, a patron day (month, day) if it counts, and `extra` holidays.
    pub fn new(patron_day: Option<(i8, i8)>, extra: &[Date]) -> Self {
        Self { patron_day, extra: extra.to_vec() }
    }

    /// Why nobody works on `date`; none is a working day.
    pub fn day_off(&self, date: Date) -> Option<DayOff> {
        if let Some(name) = national_holiday(date) {
            return Some(DayOff::National(name));
        }
        if self.patron_day == Some((date.month(), date.day())) {
            return Some(DayOff::Patron);
        }
        if self.extra.contains(&date) {
            return Some(DayOff::Extra);
        }
        match date.weekday() {
            Weekday::Saturday => Some(DayOff::Saturday),
            Weekday::Sunday => Some(DayOff::Sunday),
            _ => None,
        }
    }

    /// Whether `date` is a working day.
    pub fn is_working(&self, date: Date) -> bool {
        self.day_off(date).is_none()
    }

    /// Whether `date` counts in a term.
    pub fn counts(&self, date: Date, count: DayCount) -> bool {
        count == DayCount::Solar || self.is_working(date)
    }

    /// `date` itself if it counts, or the next day that does.
    pub fn first_counting(&self, date: Date, count: DayCount) -> Date {
        let mut day = date;
        while !self.counts(day, count) && day < Date::MAX {
            day = day.saturating_add(1.day());
        }
        day
    }

    /// The last day of `term` after `start`; the day after `start` is day 1.
    pub fn add(&self, term: Term, start: Date) -> Date {
        let mut day = start;
        for _ in 0..term.days {
            day = self.first_counting(day.saturating_add(1.day()), term.count);
        }
        day
    }

    /// The latest start from which `term` still ends by `end`: the inverse of [`Self::add`].
    pub fn latest_start(&self, term: Term, end: Date) -> Date {
        let mut day = end;
        for _ in 0..term.days {
            while !self.counts(day, term.count) && day > Date::MIN {
                day = day.saturating_sub(1.day());
            }
            day = day.saturating_sub(1.day());
        }
        day
    }
}

/// When a reported fault is restored at the latest, and how that was counted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Restoration {
    /// When the fault was reported, in Europe/Rome.
    pub reported: DateTime,
    /// When it counts as reported: a report on a day off counts at the opening of the next working day.
    pub counted_from: DateTime,
    /// Whether it counts as reported by the cut-off.
    pub in_time: bool,
    /// Working days to restore.
    pub working_days: u16,
    /// Days off between the report and the deadline.
    pub days_off: Vec<(Date, DayOff)>,
    /// The deadline, in Europe/Rome.
    pub due: DateTime,
}

/// The restoration deadline of a fault `reported` in Rome's civil time (section 4; domain A16).
///
/// `patron_day` (month, day) is a holiday only where the service level says so; `extra` are the
/// project's own holidays.
pub fn restoration_deadline(
    sla: &Sla,
    reported: DateTime,
    patron_day: Option<(i8, i8)>,
    extra: &[Date],
) -> Restoration {
    let calendar = WorkCalendar::new(patron_day.filter(|_| sla.patron_day_is_holiday), extra);
    let counted_from = if calendar.is_working(reported.date()) {
        reported
    } else {
        calendar.first_counting(reported.date(), DayCount::Working).to_datetime(sla.from)
    };
    let in_time = counted_from.time() <= sla.cutoff;
    let working_days = if in_time { sla.by_cutoff_days } else { sla.after_cutoff_days };
    let due_day = calendar.add(Term { days: working_days, count: DayCount::Working }, counted_from.date());
    let days_off = reported
        .date()
        .series(1.day())
        .take_while(|day| *day < due_day)
        .filter_map(|day| calendar.day_off(day).map(|why| (day, why)))
        .collect();
    Restoration { reported, counted_from, in_time, working_days, days_off, due: due_day.to_datetime(sla.until) }
}

/// A date as Italian documents print it: gg/mm/aaaa.
pub fn italian(date: Date) -> String {
    format!("{:02}/{:02}/{:04}", date.day(), date.month(), date.year())
}

/// The zone of every time that people read.
#[expect(clippy::expect_used, reason = "the zone database is compiled in (tzdb-bundle-always)")]
pub fn rome() -> TimeZone {
    TimeZone::get("Europe/Rome").expect("Europe/Rome is in the bundled zone database")
}

/// The civil time that a clock in Rome shows at `instant`.
pub fn rome_civil(instant: Timestamp) -> DateTime {
    instant.to_zoned(rome()).datetime()
}

/// The instant at which a clock in Rome shows `time`. In the hour that summer time skips it is one
/// hour later, in the hour that is repeated it is the first; none beyond the year 9999.
pub fn in_rome(time: DateTime) -> Option<Zoned> {
    time.to_zoned(rome()).ok()
}

#[cfg(test)]
mod tests;
