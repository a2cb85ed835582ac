//! The hours in which servers may move: across midnight, weekends and changes of the clock.
//!
//! Pure. What people agree on are hours that a clock in Rome shows; from there on a window is two
//! instants, so that its length and the hour to go back are real time, also in the night that has
//! 23 or 25 hours.

use super::ServerId;
use super::calendar::{Sla, WorkCalendar, rome, rome_civil};
use jiff::civil::DateTime;
use jiff::tz::AmbiguousOffset;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

/// A shorter window has no time to go back.
const SHORTEST: SignedDuration = SignedDuration::from_hours(3);
/// Before its end by which every last copy is made.
const AFTER_LAST_COPY: SignedDuration = SignedDuration::from_hours(2);

/// Hours in which servers may move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Window {
    #[serde(serialize_with = "in_rome")]
    from: Timestamp,
    #[serde(serialize_with = "in_rome")]
    until: Timestamp,
    servers: Vec<ServerId>,
    go_back_percent: u8,
}

/// Why two hours are no window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// It ends before it begins.
    #[error("the window ends before it begins")]
    Backwards,
    /// It is too short.
    #[error("a window of {minutes} minutes leaves no time to go back")]
    TooShort {
        /// Its length.
        minutes: i64,
    },
    /// The clock skips that hour.
    #[error("no clock in Rome shows {0}: summer time begins")]
    Skipped(DateTime),
    /// The clock shows that hour twice.
    #[error("clocks in Rome show {0} twice: summer time ends")]
    Twice(DateTime),
    /// Beyond the years that can be counted.
    #[error("{0} is beyond the calendar")]
    Beyond(DateTime),
}

impl WindowError {
    /// What to write instead.
    pub fn hint(&self) -> &'static str {
        match self {
            WindowError::Backwards => "write the day of the morning, too: `until: 2026-12-05T06:00`",
            WindowError::TooShort { .. } => "agree on at least 3 hours: the last copy ends 2 hours before the end",
            WindowError::Skipped(_) | WindowError::Twice(_) => "write an hour that exists once that night",
            WindowError::Beyond(_) => "write a day of this century",
        }
    }
}

impl Window {
    /// Share of a window after which people decide whether to go back (landing checklist, criteria for going back).
    pub const GO_BACK_PERCENT: u8 = 60;

    /// The hours between two times that a clock in Rome shows. No `servers` are all of the tenant's.
    ///
    /// # Errors
    /// They are no window.
    pub fn new(
        from: DateTime,
        until: DateTime,
        servers: Vec<ServerId>,
        go_back_percent: u8,
    ) -> Result<Self, WindowError> {
        let (from, until) = (once(from)?, once(until)?);
        let length = until.duration_since(from);
        if length <= SignedDuration::ZERO {
            return Err(WindowError::Backwards);
        }
        if length < SHORTEST {
            return Err(WindowError::TooShort { minutes: length.as_mins() });
        }
        Ok(Self { from, until, servers, go_back_percent: go_back_percent.min(100) })
    }

    /// Its begin.
    pub fn from(&self) -> Timestamp {
        self.from
    }

    /// Its end.
    pub fn until(&self) -> Timestamp {
        self.until
    }

    /// The servers that may move in it; none are all of the tenant's.
    pub fn servers(&self) -> &[ServerId] {
        &self.servers
    }

    /// When people decide whether to go back: from then on nothing more is begun without both sides.
    pub fn go_back_at(&self) -> Timestamp {
        let seconds = self.until.duration_since(self.from).as_secs() * i64::from(self.go_back_percent) / 100;
        later(self.from, SignedDuration::from_secs(seconds))
    }

    /// When every last copy is made: two hours before the end, and never after the time to go back.
    pub fn copied_by(&self) -> Timestamp {
        later(self.until, -AFTER_LAST_COPY).min(self.go_back_at())
    }

    /// Whether `server` may move in it.
    pub fn is_for(&self, server: &ServerId) -> bool {
        self.servers.is_empty() || self.servers.contains(server)
    }

    /// Whether it is at `now`; its last instant is outside.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// Whether it has hours and a server in common with `other`.
    pub fn overlaps(&self, other: &Self) -> bool {
        let shares = |server| other.is_for(server);
        let server = self.servers.is_empty() || other.servers.is_empty() || self.servers.iter().any(shares);
        server && self.from < other.until && other.from < self.until
    }

    /// Whether the carrier assists in all of its hours.
    pub fn is_assisted(&self, sla: &Sla, calendar: &WorkCalendar) -> bool {
        let (from, until) = (rome_civil(self.from), rome_civil(self.until));
        let same_day = from.date() == until.date() && calendar.is_working(from.date());
        same_day && from.time() >= sla.from && until.time() <= sla.until
    }
}

/// The window of `server` that is at `now`, or else its next one.
pub fn due<'a>(windows: &'a [Window], server: &ServerId, now: Timestamp) -> Option<&'a Window> {
    windows.iter().filter(|window| window.is_for(server) && window.until > now).min_by_key(|window| window.from)
}

/// The instant at which clocks in Rome show `time`, which they do once.
fn once(time: DateTime) -> Result<Timestamp, WindowError> {
    let shown = rome().to_ambiguous_timestamp(time);
    match shown.offset() {
        AmbiguousOffset::Unambiguous { .. } => shown.unambiguous().map_err(|_| WindowError::Beyond(time)),
        AmbiguousOffset::Gap { .. } => Err(WindowError::Skipped(time)),
        AmbiguousOffset::Fold { .. } => Err(WindowError::Twice(time)),
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}

fn in_rome<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&at.to_zoned(rome()).strftime("%Y-%m-%dT%H:%M:%S%:z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: &str, until: &str) -> Result<Window, WindowError> {
        Window::new(from.parse().unwrap(), until.parse().unwrap(), Vec::new(), Window::GO_BACK_PERCENT)
    }

    fn shown(at: Timestamp) -> String {
        rome_civil(at).to_string()
    }

    #[test]
    fn across_midnight_and_a_weekend() {
        let night = window("2026-12-04T20:00", "2026-12-05T06:00").unwrap();
        assert_eq!(shown(night.go_back_at()), "2026-12-05T02:00:00");
        assert_eq!(shown(night.copied_by()), "2026-12-05T02:00:00", "the hour to go back is before 04:00");
        assert!(night.holds("2026-12-05T04:59:59Z".parse().unwrap()), "05:59:59 in Rome");
        assert!(!night.holds("2026-12-05T05:00:00Z".parse().unwrap()));
        let weekend = window("2026-12-04T20:00", "2026-12-07T06:00").unwrap();
        assert_eq!(shown(weekend.go_back_at()), "2026-12-06T06:48:00", "60 % of 58 hours");
        let short = window("2026-12-04T20:00", "2026-12-04T23:00").unwrap();
        assert_eq!(
            (shown(short.copied_by()), shown(short.go_back_at())),
            ("2026-12-04T21:00:00".to_owned(), "2026-12-04T21:48:00".to_owned())
        );
    }

    #[test]
    fn nights_in_which_the_clock_changes_have_23_and_25_hours() {
        let spring = window("2027-03-27T20:00", "2027-03-28T06:00").unwrap();
        assert_eq!(spring.until().duration_since(spring.from()), SignedDuration::from_hours(9));
        assert_eq!(shown(spring.go_back_at()), "2027-03-28T01:24:00");
        let autumn = window("2026-10-24T20:00", "2026-10-25T06:00").unwrap();
        assert_eq!(autumn.until().duration_since(autumn.from()), SignedDuration::from_hours(11));
        assert_eq!(autumn.go_back_at().to_string(), "2026-10-25T00:36:00Z", "02:36 of the first 02:36");
    }

    #[test]
    fn what_is_no_window_is_refused() {
        assert_eq!(window("2026-12-05T06:00", "2026-12-04T20:00"), Err(WindowError::Backwards));
        assert_eq!(window("2026-12-04T20:00", "2026-12-04T20:00"), Err(WindowError::Backwards));
        assert_eq!(window("2026-12-04T20:00", "2026-12-04T22:59"), Err(WindowError::TooShort { minutes: 179 }));
        assert!(matches!(window("2027-03-28T02:30", "2027-03-28T08:00"), Err(WindowError::Skipped(_))));
        assert!(matches!(window("2026-10-24T20:00", "2026-10-25T02:30"), Err(WindowError::Twice(_))));
        // Four hours on the clock, three of them real.
        assert!(window("2027-03-28T00:00", "2027-03-28T04:00").is_ok());
        assert_eq!(window("2027-03-28T00:30", "2027-03-28T04:00"), Err(WindowError::TooShort { minutes: 150 }));
    }

    #[test]
    fn windows_overlap_where_they_share_hours_and_a_server() {
        let of = |from: &str, until: &str, servers: &[&str]| {
            let servers = servers.iter().map(|server| server.parse().unwrap()).collect();
            Window::new(from.parse().unwrap(), until.parse().unwrap(), servers, 60).unwrap()
        };
        let first = of("2026-12-04T20:00", "2026-12-05T06:00", &["a", "b"]);
        assert!(first.overlaps(&of("2026-12-05T05:00", "2026-12-05T09:00", &["b"])));
        assert!(first.overlaps(&of("2026-12-05T05:00", "2026-12-05T09:00", &[])));
        assert!(!first.overlaps(&of("2026-12-05T05:00", "2026-12-05T09:00", &["c"])));
        assert!(!first.overlaps(&of("2026-12-05T06:00", "2026-12-05T09:00", &["b"])), "they only touch");
    }

    #[test]
    fn the_window_at_hand_is_the_present_one_or_the_next() {
        let windows = [
            window("2026-12-11T20:00", "2026-12-12T06:00").unwrap(),
            window("2026-12-04T20:00", "2026-12-05T06:00").unwrap(),
        ];
        let at = |now: &str| due(&windows, &"a".parse().unwrap(), now.parse().unwrap()).map(|w| shown(w.from()));
        assert_eq!(at("2026-12-01T00:00:00Z").as_deref(), Some("2026-12-04T20:00:00"));
        assert_eq!(at("2026-12-05T04:59:00Z").as_deref(), Some("2026-12-04T20:00:00"));
        assert_eq!(at("2026-12-05T05:00:00Z").as_deref(), Some("2026-12-11T20:00:00"));
        assert_eq!(at("2026-12-12T05:00:00Z"), None);
    }

    #[test]
    fn assistance_is_by_day_on_working_days() {
        let time = |text: &str| text.parse().unwrap();
        let sla = Sla {
            from: time("08:00"),
            until: time("19:00"),
            cutoff: time("17:00"),
            by_cutoff_days: 1,
            after_cutoff_days: 2,
            patron_day_is_holiday: false,
        };
        let assisted =
            |from: &str, until: &str| window(from, until).unwrap().is_assisted(&sla, &WorkCalendar::default());
        assert!(assisted("2026-12-04T08:00", "2026-12-04T19:00"));
        assert!(!assisted("2026-12-04T08:00", "2026-12-04T19:01"));
        assert!(!assisted("2026-12-05T08:00", "2026-12-05T19:00"), "a Saturday");
        assert!(!assisted("2026-12-08T08:00", "2026-12-08T19:00"), "a holiday");
        assert!(!assisted("2026-12-03T09:00", "2026-12-04T10:00"), "a night between");
    }
}
