//! The vectors of the project documents, the public calendar, and properties.

use super::*;
use jiff::civil::{date, time};
use proptest::prelude::*;

fn sla() -> Sla {
    Sla {
        from: time(8, 0, 0, 0),
        until: time(19, 0, 0, 0),
        cutoff: time(16, 0, 0, 0),
        by_cutoff_days: 1,
        after_cutoff_days: 2,
        patron_day_is_holiday: false,
    }
}

fn due(reported: &str) -> String {
    restoration_deadline(&sla(), reported.parse().unwrap(), Some((2, 3)), &[]).due.to_string()
}

#[test]
fn the_six_vectors_of_the_service_level() {
    for (reported, expected) in [
        ("2022-03-04T15:59", "2022-03-07T19:00:00"),
        ("2022-03-04T16:01", "2022-03-08T19:00:00"),
        ("2022-04-22T10:00", "2022-04-26T19:00:00"),
        ("2022-04-22T17:00", "2022-04-27T19:00:00"),
        ("2022-03-05T12:00", "2022-03-08T19:00:00"),
        ("2022-04-14T17:00", "2022-04-19T19:00:00"),
    ] {
        assert_eq!(due(reported), expected, "{reported}");
    }
}

#[test]
fn the_cutoff_itself_is_in_time() {
    assert_eq!(due("2022-03-04T16:00"), "2022-03-07T19:00:00");
    assert_eq!(due("2022-03-04T16:00:01"), "2022-03-08T19:00:00");
}

#[test]
fn a_report_before_opening_is_of_the_same_day() {
    assert_eq!(due("2022-03-04T03:00"), "2022-03-07T19:00:00");
    assert_eq!(due("2022-03-04T23:30"), "2022-03-08T19:00:00");
}

#[test]
fn the_patron_day_counts_only_where_the_service_level_says_so() {
    let reported = "2022-02-02T10:00".parse().unwrap();
    let mut sla = sla();
    assert_eq!(restoration_deadline(&sla, reported, Some((2, 3)), &[]).due.date(), date(2022, 2, 3));
    sla.patron_day_is_holiday = true;
    let restoration = restoration_deadline(&sla, reported, Some((2, 3)), &[]);
    assert_eq!(restoration.due.date(), date(2022, 2, 4));
    assert_eq!(restoration.days_off, [(date(2022, 2, 3), DayOff::Patron)]);
}

#[test]
fn days_off_between_report_and_deadline_are_named() {
    let restoration = restoration_deadline(&sla(), "2022-04-14T17:00".parse().unwrap(), None, &[]);
    assert_eq!(
        restoration.days_off,
        [
            (date(2022, 4, 16), DayOff::Saturday),
            (date(2022, 4, 17), DayOff::National("Pasqua")),
            (date(2022, 4, 18), DayOff::National("Lunedì dell'Angelo")),
        ]
    );
}

#[test]
fn easter_of_known_years() {
    for (year, month, day) in [
        (1818, 3, 22),
        (1943, 4, 25),
        (2000, 4, 23),
        (2021, 4, 4),
        (2022, 4, 17),
        (2023, 4, 9),
        (2024, 3, 31),
        (2025, 4, 20),
        (2026, 4, 5),
        (2038, 4, 25),
        (2285, 3, 22),
    ] {
        assert_eq!(easter_sunday(year), date(year, month, day));
    }
}

#[test]
fn saint_francis_is_a_holiday_from_2026() {
    assert_eq!(national_holiday(date(2025, 10, 4)), None);
    assert_eq!(national_holiday(date(2026, 10, 4)), Some("San Francesco d'Assisi"));
    let calendar = WorkCalendar::default();
    assert!(!calendar.is_working(date(2027, 10, 4)));
    assert!(calendar.is_working(date(2022, 10, 4)));
}

#[test]
fn good_friday_is_worked_and_saturday_is_not() {
    let calendar = WorkCalendar::new(Some((2, 3)), &[date(2022, 12, 9)]);
    assert!(calendar.is_working(date(2022, 4, 15)));
    assert_eq!(calendar.day_off(date(2022, 4, 16)), Some(DayOff::Saturday));
    assert_eq!(calendar.day_off(date(2022, 2, 3)), Some(DayOff::Patron));
    assert_eq!(calendar.day_off(date(2022, 12, 9)), Some(DayOff::Extra));
}

#[test]
fn solar_and_working_terms() {
    let calendar = WorkCalendar::default();
    let term = |days, count| Term { days, count };
    assert_eq!(calendar.add(term(60, DayCount::Solar), date(2022, 3, 1)), date(2022, 4, 30));
    assert_eq!(calendar.add(term(15, DayCount::Solar), date(2022, 4, 30)), date(2022, 5, 15));
    assert_eq!(calendar.add(term(14, DayCount::Working), date(2022, 4, 14)), date(2022, 5, 6));
    assert_eq!(calendar.add(term(0, DayCount::Working), date(2022, 4, 17)), date(2022, 4, 17));
    assert_eq!(term(15, DayCount::Solar).to_string(), "15 giorni solari");
}

#[test]
fn terms_saturate_at_the_end_of_time() {
    let calendar = WorkCalendar::default();
    let term = Term { days: u16::MAX, count: DayCount::Working };
    assert_eq!(calendar.add(term, date(9999, 12, 1)), Date::MAX);
    assert_eq!(calendar.latest_start(term, Date::MIN), Date::MIN);
}

#[test]
fn rome_is_two_hours_ahead_in_summer_and_one_in_winter() {
    assert_eq!(rome_civil("2022-07-01T14:00:00Z".parse().unwrap()).to_string(), "2022-07-01T16:00:00");
    assert_eq!(rome_civil("2022-12-01T15:00:00Z".parse().unwrap()).to_string(), "2022-12-01T16:00:00");
    let skipped = in_rome("2022-03-27T02:30".parse().unwrap()).unwrap();
    assert_eq!(skipped.to_string(), "2022-03-27T03:30:00+02:00[Europe/Rome]");
    let repeated = in_rome("2022-10-30T02:30".parse().unwrap()).unwrap();
    assert_eq!(repeated.to_string(), "2022-10-30T02:30:00+02:00[Europe/Rome]");
}

fn any_day() -> impl Strategy<Value = Date> {
    (0..36_500_i32).prop_map(|days| date(1990, 1, 1).saturating_add(days.days()))
}

fn any_term() -> impl Strategy<Value = Term> {
    (0..90_u16, any::<bool>())
        .prop_map(|(days, solar)| Term { days, count: if solar { DayCount::Solar } else { DayCount::Working } })
}

proptest! {
    #[test]
    fn easter_is_a_sunday_between_22_march_and_25_april(year in 1583..=9999_i16) {
        let easter = easter_sunday(year);
        prop_assert_eq!(easter.weekday(), Weekday::Sunday);
        prop_assert!(easter >= date(year, 3, 22) && easter <= date(year, 4, 25));
    }

    #[test]
    fn a_term_ends_on_a_counting_day_after_exactly_its_days(term in any_term(), start in any_day()) {
        let calendar = WorkCalendar::new(Some((11, 22)), &[]);
        let end = calendar.add(term, start);
        let counted = start.series(1.day()).skip(1).take_while(|day| *day <= end)
            .filter(|day| calendar.counts(*day, term.count)).count();
        prop_assert_eq!(counted, usize::from(term.days));
        prop_assert!(term.days == 0 || calendar.counts(end, term.count));
    }

    #[test]
    fn the_latest_start_is_the_last_that_still_ends_in_time(term in any_term(), end in any_day()) {
        let calendar = WorkCalendar::default();
        let start = calendar.latest_start(term, end);
        prop_assert!(calendar.add(term, start) <= end);
        prop_assert!(calendar.add(term, start.tomorrow().unwrap()) > end);
    }

    #[test]
    fn a_later_report_is_never_due_earlier(
        first in any_day(), gap in 0..400_i64, minutes in 0..1440_i64, later in 0..1440_i64,
    ) {
        let one = first.at(0, 0, 0, 0).saturating_add(minutes.minutes());
        let two = one.saturating_add((gap * 60 + later).minutes());
        let patron = Some((4, 25));
        let due = |at| restoration_deadline(&sla(), at, patron, &[]).due;
        prop_assert!(due(one) <= due(two));
        prop_assert!(due(one) > one);
    }
}
