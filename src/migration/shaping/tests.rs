use super::*;
use crate::model::link::{CarrierLine, ManagedBy, PrimaryMedium, ProfileVia, ReturnPath};
use crate::model::rate_calendar::{Period, Share};
use jiff::civil::{Time, Weekday};
use proptest::prelude::*;

const CPE_A: Ipv4Addr = Ipv4Addr::new(10, 128, 4, 2);
const CPE_B: Ipv4Addr = Ipv4Addr::new(10, 129, 4, 2);
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
const MBIT: u64 = 1_000_000;

fn link(backup: Option<Backup>) -> Link {
    Link {
        profile: "Link Radio".to_owned(),
        primary: PrimaryMedium::Radio,
        pcr_mbps: 100,
        mcr_percent: 10,
        backup,
        carrier: Some(CarrierLine {
            wan: "10.128.4.0/30".parse().unwrap(),
            pe: Ipv4Addr::new(10, 128, 4, 1),
            cpe: CPE_A,
            mtu: 1500,
            example: true,
        }),
        handoff: None,
        shaping: None,
        hops: None,
        one_off_net: None,
        annual_net: None,
        ordered_on: None,
        available_on: None,
        accepted_on: None,
        managed_by: ManagedBy::Us,
        routers: None,
    }
}

fn lte() -> Option<Backup> {
    Some(Backup::Lte { rate_kbps: 8000, apn: None, return_path: ReturnPath::Tunnel, profile_via: ProfileVia::Config })
}

fn copper() -> Option<Backup> {
    Some(Backup::Copper { rate_kbps: 2000, carrier: None })
}

fn shaper(backup: Option<Backup>, calendar: &RateCalendar) -> Shaper {
    Shaper::new(&link(backup), Hops { primary: vec![CPE_A], backup: vec![CPE_B] }, calendar)
}

fn mcr() -> RateCalendar {
    RateCalendar::always(Share::OfMcr(100))
}

fn now() -> Timestamp {
    "2026-11-23T12:00+01:00".parse().unwrap()
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A look at a line, with the round trip to its CPE.
fn over(cpe: Ipv4Addr, milliseconds: u64) -> [(Ipv4Addr, Duration); 2] {
    [(cpe, ms(milliseconds)), (SERVER, ms(milliseconds + 1))]
}

#[test]
fn the_primary_line_carries_what_the_calendar_gives() {
    let allowance = shaper(lte(), &mcr()).next(now(), &over(CPE_A, 20));
    assert_eq!((allowance.bits_per_second, allowance.path), (10 * MBIT, Path::Primary));
    assert_eq!(allowance.to_string(), "calendar");
    assert!(!allowance.is_hold());
}

#[test]
fn the_lte_backup_carries_nothing_and_the_primary_goes_on_at_once() {
    let mut shaper = shaper(lte(), &mcr());
    shaper.next(now(), &over(CPE_A, 20));
    let held = shaper.next(now(), &over(CPE_B, 60));
    assert_eq!((held.bits_per_second, held.path, held.why), (0, Path::Lte, Why::Lte));
    assert_eq!(held.to_string(), "the LTE backup carries");
    assert_eq!(serde_json::to_string(&held.path).unwrap(), "\"backup\"");
    let again = shaper.next(now(), &over(CPE_A, 20));
    assert_eq!((again.bits_per_second, again.why), (10 * MBIT, Why::Calendar));
}

#[test]
fn the_copper_backup_carries_the_share_of_its_own_rate() {
    let calendar = RateCalendar::always(Share::OfPcr(80));
    let allowance = shaper(copper(), &calendar).next(now(), &over(CPE_B, 30));
    assert_eq!((allowance.bits_per_second, allowance.why), (1_600_000, Why::Copper));
    assert_eq!(allowance.to_string(), "copper backup");
}

#[test]
fn a_path_that_nobody_knows_carries_nothing() {
    let mut shaper = shaper(lte(), &mcr());
    let first = shaper.next(now(), &[]);
    assert_eq!((first.bits_per_second, first.why), (0, Why::UnknownPath(None)));
    assert_eq!(first.to_string(), "the path is unknown: no router on the way answers");
    assert!(first.remedy().contains("`hops`"));

    shaper.next(now(), &over(CPE_A, 20));
    // Two looks may miss it: routers limit how often they answer. The third says unknown.
    for _ in 0..2 {
        assert_eq!(shaper.next(now(), &[(SERVER, ms(21))]).bits_per_second, 10 * MBIT);
    }
    let unknown = shaper.next(now(), &[(ELSEWHERE, ms(9))]);
    assert_eq!((unknown.bits_per_second, unknown.why), (0, Why::UnknownPath(Some(ELSEWHERE))));
    assert_eq!(
        unknown.to_string(),
        "the path is unknown: the last router that answers is 203.0.113.9, of neither line"
    );
}

#[test]
fn routers_of_both_lines_at_once_say_nothing() {
    let both = [(CPE_A, ms(20)), (CPE_B, ms(40))];
    assert_eq!(shaper(lte(), &mcr()).next(now(), &both).why, Why::UnknownPath(Some(CPE_B)));
}

#[test]
fn a_site_without_a_backup_has_one_path() {
    let mut shaper = Shaper::new(&link(None), Hops { primary: vec![CPE_A], backup: Vec::new() }, &mcr());
    assert_eq!(shaper.next(now(), &[]).path, Path::Primary);
    assert_eq!(shaper.next(now(), &[(SERVER, ms(5))]).bits_per_second, 10 * MBIT);
}

#[test]
fn a_closed_hour_says_until_when() {
    let day = |from: &str, until: &str, share| Period {
        days: (0..7).map(|day| Weekday::from_monday_zero_offset(day).unwrap()).collect(),
        from: Time::strptime("%H:%M", from).unwrap(),
        until: Time::strptime("%H:%M", until).unwrap(),
        share,
    };
    let calendar =
        RateCalendar::new(&[day("07:30", "19:00", Share::OfMcr(0)), day("19:00", "07:30", Share::OfMcr(100))]).unwrap();
    let closed = shaper(lte(), &calendar).next(now(), &over(CPE_A, 20));
    assert_eq!((closed.bits_per_second, closed.why), (0, Why::Closed));
    assert_eq!(closed.to_string(), "closed by the calendar until Mon 19:00");
    let evening = "2026-11-23T19:00+01:00".parse().unwrap();
    let open = shaper(lte(), &calendar).next(evening, &over(CPE_A, 20));
    assert_eq!(open.to_string(), "calendar until Tue 07:30");
}

#[test]
fn it_gives_way_when_the_round_trip_grows_and_takes_back_when_it_does_not() {
    let mut shaper = shaper(lte(), &mcr());
    let mut rates = Vec::new();
    let mut look = |milliseconds| {
        let allowance = shaper.next(now(), &over(CPE_A, milliseconds));
        rates.push(allowance.bits_per_second / 1000);
        allowance
    };
    look(20);
    // Exactly base and 50 ms is not late yet, and one late look alone is not a queue.
    look(70);
    look(71);
    look(20);
    look(90);
    let yielding = look(90);
    assert_eq!(yielding.to_string(), "yielding: the round trip is 90 ms, at best 20 ms");
    // While the queue drains nothing changes; if it does not drain, once more.
    look(90);
    look(90);
    look(90);
    for _ in 0..13 {
        look(25);
    }
    let recovered = look(25);
    assert_eq!(recovered.why, Why::Calendar);
    assert_eq!(rates[..9], [10_000, 10_000, 10_000, 10_000, 10_000, 7_000, 7_000, 7_000, 4_900]);
    // Two looks of draining, then a twentieth a second.
    assert_eq!(rates[9..13], [4_900, 4_900, 5_400, 5_900]);
    assert_eq!(rates.last(), Some(&10_000));
}

#[test]
fn it_never_gives_way_entirely() {
    let mut shaper = shaper(lte(), &mcr());
    shaper.next(now(), &over(CPE_A, 20));
    let last = (0..200).map(|_| shaper.next(now(), &over(CPE_A, 500))).last().unwrap();
    assert_eq!(last.bits_per_second, 10 * MBIT * LEAST / 100);
}

#[test]
fn a_path_that_became_longer_is_the_measure_after_ten_minutes() {
    let mut shaper = shaper(lte(), &mcr());
    shaper.next(now(), &over(CPE_A, 20));
    let rates: Vec<u64> = (0..700).map(|_| shaper.next(now(), &over(CPE_A, 120)).bits_per_second).collect();
    assert!(rates[500] < 10 * MBIT);
    assert_eq!(rates[699], 10 * MBIT);
}

proptest! {
    /// Whatever is seen, never more than the calendar gives, and nothing on LTE or an unknown path.
    #[test]
    fn never_more_than_allowed(
        looks in proptest::collection::vec((0_usize..5, 0_u64..2000), 1..200),
    ) {
        let mut shaper = shaper(lte(), &mcr());
        let mut since_primary = usize::MAX;
        for (who, milliseconds) in looks {
            let look: Vec<(Ipv4Addr, Duration)> = match who {
                0 | 1 => over(CPE_A, milliseconds).to_vec(),
                2 => over(CPE_B, milliseconds).to_vec(),
                3 => vec![(ELSEWHERE, ms(milliseconds))],
                _ => Vec::new(),
            };
            since_primary = if who < 2 { 0 } else { since_primary.saturating_add(1) };
            let allowance = shaper.next(now(), &look);
            prop_assert!(allowance.bits_per_second <= 10 * MBIT);
            prop_assert_eq!(allowance.is_hold(), !matches!(allowance.path, Path::Primary));
            prop_assert!(who != 2 || allowance.is_hold());
            prop_assert!(since_primary <= usize::from(MISSED) || allowance.is_hold());
            if !allowance.is_hold() {
                prop_assert!(allowance.bits_per_second >= 10 * MBIT * LEAST / 100);
            }
        }
    }
}
