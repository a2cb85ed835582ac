use super::*;
use proptest::prelude::*;

const WORKDAYS: [Weekday; 5] =
    [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];

fn hour(text: &str) -> Time {
    Time::strptime("%H:%M", text).unwrap()
}

fn period(days: &[Weekday], from: &str, until: &str, share: Share) -> Period {
    Period { days: days.to_vec(), from: hour(from), until: hour(until), share }
}

fn at(text: &str) -> Timestamp {
    text.parse::<jiff::civil::DateTime>().unwrap().to_zoned(rome()).unwrap().timestamp()
}

/// 100 Mbit/s of which 10 are guaranteed.
fn link() -> LinkRates {
    LinkRates { mcr: 10_000_000, pcr: 100_000_000 }
}

/// Office hours half of MCR, nights and weekends 80 % of PCR.
fn office() -> RateCalendar {
    RateCalendar::new(&[
        period(&WORKDAYS, "07:30", "19:00", Share::OfMcr(50)),
        period(&WORKDAYS, "19:00", "07:30", Share::OfPcr(80)),
        period(&[Weekday::Saturday, Weekday::Sunday], "07:30", "07:30", Share::OfPcr(80)),
    ])
    .unwrap()
}

/// One share from 02:30 to 03:30 each day, another otherwise.
fn nightly() -> RateCalendar {
    let all = [WORKDAYS.as_slice(), &[Weekday::Saturday, Weekday::Sunday]].concat();
    let periods =
        [period(&all, "02:30", "03:30", Share::OfPcr(100)), period(&all, "03:30", "02:30", Share::OfMcr(100))];
    RateCalendar::new(&periods).unwrap()
}

#[test]
fn office_hours_nights_and_weekends() {
    let (calendar, link) = (office(), link());
    for (time, rate) in [
        ("2026-11-23T07:29:59", 80_000_000), // a Monday
        ("2026-11-23T07:30:00", 5_000_000),
        ("2026-11-23T18:59:59", 5_000_000),
        ("2026-11-23T19:00:00", 80_000_000),
        ("2026-11-24T00:00:00", 80_000_000),
        ("2026-11-27T12:00:00", 5_000_000),  // Friday
        ("2026-11-28T12:00:00", 80_000_000), // Saturday
        ("2026-11-29T23:59:59", 80_000_000), // Sunday
    ] {
        assert_eq!(calendar.rate_at(at(time), link), rate, "{time}");
    }
    assert_eq!(calendar.changes_at(at("2026-11-23T08:00"), link), Some(at("2026-11-23T19:00")));
    assert_eq!(calendar.changes_at(at("2026-11-27T19:00"), link), Some(at("2026-11-30T07:30")), "over a weekend");
    assert_eq!(RateCalendar::always(Share::OfMcr(100)).changes_at(at("2026-11-27T19:00"), link), None);
}

#[test]
fn shares_that_are_the_same_rate_are_no_change() {
    let mut link = link();
    link.mcr = link.pcr;
    let all = [WORKDAYS.as_slice(), &[Weekday::Saturday, Weekday::Sunday]].concat();
    let periods = [period(&all, "08:00", "18:00", Share::OfMcr(80)), period(&all, "18:00", "08:00", Share::OfPcr(80))];
    assert_eq!(RateCalendar::new(&periods).unwrap().changes_at(at("2026-11-23T08:00"), link), None);
}

#[test]
fn the_night_that_skips_an_hour() {
    let (calendar, link) = (nightly(), link());
    // 29 March 2026: 02:00 becomes 03:00, so 02:30 never comes and the rate changes at 03:00.
    let skipped = at("2026-03-29T03:00");
    assert_eq!(calendar.changes_at(at("2026-03-29T01:59"), link), Some(skipped));
    assert_eq!(calendar.changes_at(skipped, link), Some(at("2026-03-29T03:30")));
    assert_eq!(at("2026-03-29T03:30").duration_since(skipped).as_secs(), 30 * 60);
}

#[test]
fn the_night_that_repeats_an_hour() {
    let (calendar, link) = (nightly(), link());
    // 25 October 2026: 03:00 becomes 02:00 again; 02:30 comes twice, the half hour before it too.
    let first = at("2026-10-25T02:30");
    assert_eq!(calendar.changes_at(at("2026-10-25T01:00"), link), Some(first));
    let back = first.checked_add(SignedDuration::from_mins(30)).unwrap();
    assert_eq!(calendar.changes_at(first, link), Some(back), "the clock goes back to 02:00");
    let second = first.checked_add(SignedDuration::from_mins(60)).unwrap();
    assert_eq!(calendar.changes_at(back, link), Some(second));
    assert_eq!(calendar.changes_at(second, link), Some(at("2026-10-25T03:30")));
}

#[test]
fn what_is_no_calendar() {
    let weekend = [Weekday::Saturday, Weekday::Sunday];
    let nights = period(&WORKDAYS, "19:00", "07:30", Share::OfPcr(80));
    let days = period(&WORKDAYS, "07:30", "19:00", Share::OfMcr(50));
    let told = |periods: &[Period]| RateCalendar::new(periods).unwrap_err().to_string();
    assert_eq!(told(&[]), "nothing is said from Mon 00:00 to Mon 00:00");
    assert_eq!(told(&[days.clone(), nights.clone()]), "nothing is said from Mon 00:00 to Mon 07:30");
    let weekend = period(&weekend, "00:00", "00:00", Share::OfPcr(80));
    assert_eq!(
        told(&[days.clone(), nights.clone(), weekend]),
        "it overlaps with an earlier period (number 2) on Sat 00:00"
    );
    assert_eq!(told(&[days.clone(), days]), "it overlaps with an earlier period (number 1) on Mon 07:30");
    let always = [Weekday::Monday; 1].into_iter().chain(WORKDAYS[1..].iter().copied());
    let all: Vec<Weekday> = always.chain([Weekday::Saturday, Weekday::Sunday]).collect();
    assert_eq!(told(&[period(&all, "00:00", "00:00", Share::OfMcr(0))]), "nothing may ever be sent");
}

#[test]
fn bytes_and_the_time_they_take() {
    let (calendar, link) = (office(), link());
    let from = at("2026-11-23T18:00");
    assert_eq!(calendar.finish(from, link, 0), Some(from));
    // An hour at 5 Mbit/s, then 80 Mbit/s.
    let hour = 5_000_000 / 8 * 3600;
    assert_eq!(calendar.finish(from, link, hour), Some(at("2026-11-23T19:00")));
    assert_eq!(calendar.finish(from, link, hour + 10_000_000 * 60), Some(at("2026-11-23T19:01")));
    assert_eq!(calendar.finish(from, link, u64::MAX), None);
}

#[test]
fn in_json() {
    let json = serde_json::to_string(&RateCalendar::always(Share::OfPcr(80))).unwrap();
    assert_eq!(json, r#"[{"from":"Mon 00:00","pcr_percent":80}]"#);
}

/// Calendars of any days and hours that cover the week: a daily one and one on some other hours.
fn calendars() -> impl Strategy<Value = RateCalendar> {
    let share = prop_oneof![(1_u8..=100).prop_map(Share::OfMcr), (1_u8..=100).prop_map(Share::OfPcr)];
    let day = (0_i8..24, 0_i8..60, 0_i8..24, 0_i8..60, share.clone(), share);
    proptest::collection::vec(day, 7).prop_map(|days| {
        // Each day two periods, the second into the first of the next day.
        let starts: Vec<(Time, Time, Share, Share)> = days
            .into_iter()
            .map(|(h, m, h2, m2, one, two)| {
                let (a, b) = (Time::constant(h, m, 0, 0), Time::constant(h2, m2, 0, 0));
                let (a, b) = if a == b { (Time::constant(0, 0, 0, 0), Time::constant(23, 59, 0, 0)) } else { (a, b) };
                (a.min(b), a.max(b), one, two)
            })
            .collect();
        let mut periods = Vec::new();
        for (index, (from, middle, one, two)) in starts.iter().enumerate() {
            let day = Weekday::from_monday_zero_offset(index as i8).unwrap();
            let next = Weekday::from_monday_zero_offset((index as i8 + 1) % 7).unwrap();
            periods.push(Period { days: vec![day], from: *from, until: *middle, share: *one });
            periods.push(Period { days: vec![day], from: *middle, until: Time::midnight(), share: *two });
            let (until, ..) = starts[(index + 1) % 7];
            if until != Time::midnight() {
                periods.push(Period { days: vec![next], from: Time::midnight(), until, share: *two });
            }
        }
        RateCalendar::new(&periods).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Minute by minute the same as by edges, also over the nights on which the clock changes.
    #[test]
    fn the_end_is_where_a_walk_by_minutes_finds_it(
        calendar in calendars(),
        start in prop_oneof![Just("2026-03-28T20:00"), Just("2026-10-24T20:00"), Just("2026-06-07T23:00")],
        offset in 0_i64..86_400,
        hours in 0_u64..40,
    ) {
        let link = link();
        let from = at(start).checked_add(SignedDuration::from_secs(offset / 60 * 60)).unwrap();
        let mut bits = 0;
        let mut walked = from;
        for _ in 0..hours * 60 {
            bits += calendar.rate_at(walked, link) * 60;
            walked = walked.checked_add(SignedDuration::from_mins(1)).unwrap();
        }
        let found = calendar.finish(from, link, bits / 8).unwrap();
        // Shares are of whole percents of 100 Mbit/s: a minute's bits are whole bytes.
        prop_assert_eq!(found, walked);
    }

    /// Between now and the change nothing changes, and at the change something does.
    #[test]
    fn a_change_is_the_first_one(calendar in calendars(), offset in 0_i64..2_000_000) {
        let link = link();
        let now = at("2026-10-20T00:00").checked_add(SignedDuration::from_secs(offset)).unwrap();
        let rate = calendar.rate_at(now, link);
        let Some(change) = calendar.changes_at(now, link) else { return Ok(()) };
        prop_assert_ne!(calendar.rate_at(change, link), rate);
        let mut walked = now;
        while walked < change {
            prop_assert_eq!(calendar.rate_at(walked, link), rate);
            walked = walked.checked_add(SignedDuration::from_mins(7)).unwrap();
        }
        let before = change.checked_sub(SignedDuration::from_secs(1)).unwrap();
        prop_assert_eq!(calendar.rate_at(before.max(now), link), rate);
    }
}
