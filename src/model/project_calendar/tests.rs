//! The vectors of the project document, section 1.7, and what happens around them.

use super::*;
use crate::model::calendar::Sla;
use crate::model::link::{Link, ManagedBy, PrimaryMedium};
use crate::model::project::{Landing, LandingMachines, LandingTarget, NetworkPools, Party, Terms};
use crate::model::rate_calendar::{RateCalendar, Share};
use jiff::civil::{date, time};

const ACTIVITIES: [ActivityDays; 3] = [
    ActivityDays { activity: 1, from: 1, to: 3 },
    ActivityDays { activity: 2, from: 1, to: 4 },
    ActivityDays { activity: 6, from: 14, to: 14 },
];

fn party() -> Party {
    Party { name: "Ente".into(), short: "E".into(), tax_code: None }
}

fn pools() -> NetworkPools {
    let any = "10.0.0.0/8".parse().unwrap();
    let host = "10.0.0.1".parse().unwrap();
    NetworkPools {
        vrf_as: 1,
        domain: String::new(),
        hub_name: String::new(),
        hub_public: host,
        sad: any,
        tunnels: any,
        probe_target: host,
        primary_loopbacks: any,
        standby_loopbacks: any,
        management: any,
        syslog: host,
        ntp: host,
        tacacs: host,
        hsrp_group_base: 0,
        kept_vlan_base: 0,
        new_vlan_base: 0,
        migration: None,
        example: true,
        hub_access: None,
        secrets: None,
    }
}

fn project(plan: DayCount) -> Project {
    let solar = |days| Term { days, count: DayCount::Solar };
    Project {
        name: "Con.Me".into(),
        document: String::new(),
        cup: String::new(),
        start: date(2021, 2, 12),
        end: date(2022, 11, 21),
        lead: party(),
        operator: party(),
        validator: party(),
        population_date: date(2020, 1, 1),
        population_total: None,
        small_below: 5000,
        terms: Terms {
            activation: solar(60),
            start_after_network: solar(15),
            start_from: NetworkDate::AvailableOn,
            plan: Term { days: 14, count: plan },
            prevails: crate::model::project::Prevails::QuietPeriod,
            quiet_before_wipe: solar(14),
            network_paid_by_lead_until: date(2022, 12, 31),
            fees_from: date(2023, 1, 1),
            term_end: None,
        },
        notify: Vec::new(),
        sla: Sla {
            from: time(8, 0, 0, 0),
            until: time(19, 0, 0, 0),
            cutoff: time(16, 0, 0, 0),
            by_cutoff_days: 1,
            after_cutoff_days: 2,
            patron_day_is_holiday: false,
        },
        extra_holidays: Vec::new(),
        landing: Landing {
            name: String::new(),
            address: String::new(),
            uplink_mbps: 1000,
            target: LandingTarget::Directory("replicas".into()),
            machines: LandingMachines::ByHand,
            converter: None,
        },
        landing_sites: Vec::new(),
        mirror: LandingTarget::Directory("replicas".into()),
        shaping: RateCalendar::always(Share::OfMcr(100)),
        network: pools(),
    }
}

fn link(ordered: Option<Date>, available: Option<Date>, accepted: Option<Date>) -> Link {
    Link {
        profile: "Link Radio".into(),
        primary: PrimaryMedium::Radio,
        pcr_mbps: 100,
        mcr_percent: 10,
        backup: None,
        carrier: None,
        handoff: None,
        shaping: None,
        hops: None,
        one_off_net: None,
        annual_net: None,
        ordered_on: ordered,
        available_on: available,
        accepted_on: accepted,
        managed_by: ManagedBy::Us,
        routers: None,
    }
}

fn calendar(project: &Project, link: Option<&Link>, start: Option<Date>) -> ProjectCalendar {
    let days = WorkCalendar::default();
    ProjectCalendar::new(&Request { project, calendar: &days, link, order: None, start, activities: &ACTIVITIES })
}

#[test]
fn the_latest_order_that_still_meets_the_end() {
    let project = project(DayCount::Solar);
    let latest = calendar(&project, None, None).latest_order;
    assert_eq!(latest, date(2022, 8, 24));

    let in_time = calendar(&project, Some(&link(Some(latest), None, None)), None);
    assert_eq!((in_time.due, in_time.warnings.as_slice()), (Some(date(2022, 11, 21)), [].as_slice()));
    let late = calendar(&project, Some(&link(Some(date(2022, 8, 25)), None, None)), None);
    assert_eq!(late.warnings, [Warning::Overrun { days: 1 }]);
}

#[test]
fn working_days_of_the_plan_need_an_earlier_order() {
    let project = project(DayCount::Working);
    let calendar = calendar(&project, None, None);
    assert_eq!(calendar.latest_order, date(2022, 8, 18), "14 working days after 1/11, a holiday");
    assert_eq!((calendar.start, calendar.due, calendar.activities.len()), (None, None, 0));
}

#[test]
fn an_order_gives_delivery_start_and_activities() {
    let project = project(DayCount::Working);
    let found = calendar(&project, Some(&link(Some(date(2022, 3, 1)), None, None)), None);
    assert_eq!(found.latest_delivery, Some(date(2022, 4, 30)));
    assert_eq!(found.available_on, Some(Milestone { date: date(2022, 4, 30), basis: Basis::Latest }));
    // A Sunday: activity 1 begins on the next working day.
    assert_eq!(found.start, Some(Milestone { date: date(2022, 5, 15), basis: Basis::Latest }));
    assert_eq!(
        found.activities,
        [
            Proposed { activity: 1, from: date(2022, 5, 16), to: date(2022, 5, 18) },
            Proposed { activity: 2, from: date(2022, 5, 16), to: date(2022, 5, 19) },
            Proposed { activity: 6, from: date(2022, 6, 3), to: date(2022, 6, 3) },
        ]
    );
    assert_eq!(found.due, Some(date(2022, 6, 3)), "2 June is a holiday");
}

#[test]
fn a_given_start_is_day_one() {
    let project = project(DayCount::Working);
    let dates = link(Some(date(2022, 1, 10)), Some(date(2022, 3, 1)), Some(date(2022, 3, 4)));
    let found = calendar(&project, Some(&dates), Some(date(2022, 3, 7)));
    assert_eq!(found.latest_start, Some(date(2022, 3, 16)));
    assert_eq!(found.start, Some(Milestone { date: date(2022, 3, 7), basis: Basis::Given }));
    assert_eq!(found.activities[0].from, date(2022, 3, 7));
    assert_eq!(found.activities[2].to, date(2022, 3, 24));
    assert_eq!(found.warnings, []);
}

#[test]
fn a_start_outside_its_terms_is_warned_about() {
    let project = project(DayCount::Solar);
    let dates = link(None, Some(date(2022, 3, 1)), Some(date(2022, 3, 4)));
    let warnings = |start| calendar(&project, Some(&dates), Some(start)).warnings;
    assert_eq!(
        warnings(date(2022, 2, 28)),
        [Warning::BeforeLink { link: date(2022, 3, 1) }, Warning::BeforeAcceptance { accepted: date(2022, 3, 4) }]
    );
    assert_eq!(warnings(date(2022, 3, 18)), [Warning::LateStart { days: 2 }]);
    assert_eq!(warnings(date(2022, 12, 1))[1], Warning::Overrun { days: 24 });
}

#[test]
fn the_start_may_run_from_the_acceptance() {
    let mut project = project(DayCount::Solar);
    project.terms.start_from = NetworkDate::AcceptedOn;
    let unaccepted = link(Some(date(2022, 1, 1)), Some(date(2022, 3, 1)), None);
    assert_eq!(calendar(&project, Some(&unaccepted), None).latest_start, None);
    let accepted = link(None, Some(date(2022, 3, 1)), Some(date(2022, 3, 4)));
    assert_eq!(calendar(&project, Some(&accepted), None).latest_start, Some(date(2022, 3, 19)));
}

#[test]
fn the_quiet_period_is_counted_from_the_acceptance_and_says_what_it_conflicts_with() {
    let mut project = project(DayCount::Working);
    let start = date(2022, 6, 1);
    let plan = calendar(&project, None, Some(start));
    assert_eq!(plan.due, Some(date(2022, 6, 22)));
    let quiet = plan.quiet_period(date(2022, 6, 20), false).unwrap();
    assert_eq!((quiet.ends, quiet.earliest), (date(2022, 7, 4), date(2022, 7, 5)));
    assert_eq!((quiet.signed, quiet.conflicts_with), (false, Some(date(2022, 6, 22))));

    // Accepted so early that activity 6 still has the last day of the plan.
    let early = plan.quiet_period(date(2022, 6, 7), true).unwrap();
    assert_eq!((early.earliest, early.conflicts_with), (date(2022, 6, 22), None));
    assert_eq!(plan.quiet_period(date(2022, 6, 8), true).unwrap().conflicts_with, Some(date(2022, 6, 22)));

    // Where people signed that the plan prevails, the period is cut; never to the day of the acceptance.
    project.terms.prevails = crate::model::project::Prevails::Plan;
    let cut = |accepted| calendar(&project, None, Some(start)).quiet_period(accepted, true).unwrap();
    let short = cut(date(2022, 6, 20));
    assert_eq!((short.ends, short.earliest, short.cut), (date(2022, 6, 21), date(2022, 6, 22), true));
    assert_eq!(short.conflicts_with, Some(date(2022, 6, 22)));
    assert_eq!(cut(date(2022, 6, 30)).earliest, date(2022, 7, 1));
    assert!(!cut(date(2022, 6, 7)).cut, "no conflict, nothing gives way");
    project.terms.prevails = crate::model::project::Prevails::QuietPeriod;

    project.terms.quiet_before_wipe = Term { days: 10, count: DayCount::Working };
    let working = calendar(&project, None, Some(start)).quiet_period(date(2022, 6, 20), true).unwrap();
    assert_eq!(working.ends, date(2022, 7, 4), "two weeks without holidays");
    project.terms.quiet_before_wipe.days = 0;
    assert_eq!(calendar(&project, None, Some(start)).quiet_period(date(2022, 6, 20), true), None);
}

#[test]
fn the_quiet_period_ends_with_a_day_of_rome() {
    let quiet = calendar(&project(DayCount::Working), None, None).quiet_period(date(2022, 6, 1), true).unwrap();
    assert_eq!(quiet.earliest, date(2022, 6, 16));
    assert!(quiet.holds("2022-06-15T21:59:59Z".parse().unwrap()));
    assert!(!quiet.holds("2022-06-15T22:00:00Z".parse().unwrap()));
    // The end of all dates is no reason to wipe, and none to panic.
    let last = calendar(&project(DayCount::Solar), None, None).quiet_period(Date::MAX, true).unwrap();
    assert!(last.holds("2022-06-15T22:00:00Z".parse().unwrap()));
}
