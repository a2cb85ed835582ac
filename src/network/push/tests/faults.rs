//! What time, the operator and others do to a push.

use super::super::abandon::end_of;
use super::super::campaign::{UNDONE, last_changed};
use super::super::record::{Found, Leg};
use super::super::run::INTERRUPTED;
use super::*;
use crate::model::router_access::RevertTimer;

/// Calls of a push of `TWO` without a fault.
fn calls() -> usize {
    let world = world(&TWO);
    push(&world, &TWO);
    let calls = world.lock().unwrap().calls;
    assert!(calls > 50, "{calls}");
    calls
}

fn count(world: &Shared, what: fn(&Record) -> bool) -> usize {
    world.lock().unwrap().records.iter().filter(|record| what(record)).count()
}

/// The program stands still at every call for as long as makes the timer run out at any line after
/// it. The routers of the test take no line without a timer.
#[test]
fn wherever_the_timer_runs_out_every_router_ends_old_or_new() {
    let calls = calls();
    let (mut new, mut old) = (0, 0);
    for seconds in [235, 300] {
        for at in 1..=calls {
            let world = world(&TWO);
            world.lock().unwrap().fault = Some((at, Fault::Pause(seconds), true));
            match push(&world, &TWO).unwrap() {
                Ending::Over(End::New, None) => {
                    assert!(all(&world, &Place::New), "{at} {seconds}: {:?}", places(&world));
                    new += 1;
                }
                Ending::Over(End::Old, Some(_)) => {
                    assert!(all(&world, &Place::Old), "{at} {seconds}: {:?}", places(&world));
                    old += 1;
                }
                other => panic!("{at} {seconds}: {other:?}"),
            }
        }
    }
    assert!(new > 50 && old > 10, "{new} new, {old} old");
}

#[test]
fn lines_that_take_longer_than_the_timer_are_not_sent() {
    let world = world(&TWO);
    world.lock().unwrap().step = Duration::from_secs(50);
    match push(&world, &TWO) {
        Some(Ending::Over(End::Old, Some(reason))) => assert!(reason.contains("--timer"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert!(all(&world, &Place::Old));
    assert_eq!(change("hub").least_minutes(), 3, "six lines, one wait, a look");
}

/// Ctrl-C at every call: the router at hand goes back, and so do those before it.
#[test]
fn wherever_the_operator_stops_every_router_ends_old_or_new() {
    let (mut new, mut old) = (0, 0);
    for at in 1..=calls() {
        let world = world(&TWO);
        world.lock().unwrap().fault = Some((at, Fault::Stop, true));
        match push(&world, &TWO).unwrap() {
            Ending::Over(End::New, None) => {
                assert!(all(&world, &Place::New), "{at}: {:?}", places(&world));
                new += 1;
            }
            Ending::Over(End::Old, Some(reason)) => {
                assert_eq!(reason, INTERRUPTED, "{at}");
                assert!(all(&world, &Place::Old), "{at}: {:?}", places(&world));
                old += 1;
            }
            other => panic!("{at}: {other:?}"),
        }
    }
    assert!(new > 0 && old > 50, "{new} new, {old} old");
}

/// Killed at every call and then told to undo: everything is old, also where all was done already.
#[test]
fn a_push_that_was_killed_can_be_turned_round() {
    for after in [false, true] {
        for at in 2..=calls() {
            let world = world(&TWO);
            world.lock().unwrap().fault = Some((at, Fault::Kill, after));
            if push(&world, &TWO).is_some() {
                continue;
            }
            let mut locked = world.lock().unwrap();
            let Some(open) = Campaign::open(&locked.records) else { continue };
            locked.fault = None;
            locked.records.push(Record::Turned { run: open.begun.run });
            drop(locked);
            let ending = push(&world, &TWO);
            assert!(
                matches!(&ending, Some(Ending::Over(End::Old, Some(why))) if why == UNDONE),
                "{at} {after}: {ending:?}"
            );
            assert!(all(&world, &Place::Old), "{at} {after}: {:?}", places(&world));
        }
    }
}

#[test]
fn a_router_that_does_not_do_what_is_expected_goes_back_before_its_timer_runs_out() {
    let world = world(&["hub"]);
    world.lock().unwrap().routers.get_mut("hub").unwrap().wrong_after = true;
    match push(&world, &["hub"]) {
        Some(Ending::Over(End::Old, Some(reason))) => {
            assert!(reason.contains("track 10 is up, but it is down"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert!(all(&world, &Place::Old));
    assert_eq!(count(&world, |record| matches!(record, Record::Entered { .. })), 1);
    assert_eq!(count(&world, |record| matches!(record, Record::Reverting { .. })), 1);
    assert_eq!(count(&world, |record| matches!(record, Record::Confirming { .. })), 0);
    let now = world.lock().unwrap().now;
    assert!(now > Duration::from_secs(150) && now < Duration::from_secs(255), "{now:?}");
}

#[test]
fn a_router_that_is_lost_at_one_line_each_time_says_so() {
    let world = world(&["hub"]);
    world.lock().unwrap().routers.get_mut("hub").unwrap().hangs_at = Some("name C");
    match push(&world, &["hub"]) {
        Some(Ending::Over(End::Old, Some(reason))) => {
            assert!(reason.contains("begun 3 times") && reason.contains("silent at name C"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert!(all(&world, &Place::Old));
}

fn seen(running: Place, startup: Place) -> Observed {
    Observed { timer: None, user: USER.to_owned(), at: Duration::from_secs(100), running, startup }
}

/// Once opened, always opened, says the journal; a colleague's timer is his all the same.
#[test]
fn a_colleagues_timer_is_told_from_ours() {
    let timer = |user: Option<&str>, minutes| Some(RevertTimer { minutes, user: user.map(str::to_owned) });
    let ours = Memory { opened: true, minutes: Some(5), ..Memory::default() };
    let of = |timer, running| Observed { timer, ..seen(running, Place::Old) };
    let elsewhere = || Place::Elsewhere(vec!["+ x".to_owned()]);
    for user in [Some(USER), None] {
        assert_eq!(next(&of(timer(user, 5), Place::Between(2)), &ours), Act::RevertNow);
    }
    let theirs = Act::Stop(Halt::OthersTimer);
    assert_eq!(next(&of(timer(Some("colleague"), 5), Place::Between(2)), &ours), theirs);
    assert_eq!(next(&of(timer(Some("colleague"), 5), elsewhere()), &ours), theirs);
    assert_eq!(next(&of(timer(Some(USER), 20), Place::Old), &ours), theirs, "of another length");
    assert_eq!(next(&of(timer(Some(USER), 5), elsewhere()), &ours), theirs, "by the same account, of another run");
    let now = Memory { runs_until: Some(Duration::from_secs(400)), ..ours.clone() };
    assert_eq!(next(&of(timer(Some(USER), 5), elsewhere()), &now), Act::RevertNow);
    let past = Memory { runs_until: Some(Duration::from_secs(99)), ..ours };
    assert_eq!(next(&of(timer(Some(USER), 5), elsewhere()), &past), theirs);
}

#[test]
fn a_router_between_says_what_is_saved() {
    let halt = |startup| next(&seen(Place::Between(1), startup), &Memory::default());
    assert_eq!(halt(Place::Old), Act::Stop(Halt::Between(Saved::Old)));
    assert_eq!(halt(Place::New), Act::Stop(Halt::Between(Saved::New)));
    assert_eq!(halt(Place::Elsewhere(Vec::new())), Act::Stop(Halt::Between(Saved::Neither)));
}

/// A way back that does not succeed stops; the same command tries it again, and then it does.
#[test]
fn a_way_back_that_failed_is_tried_again() {
    let world = world(&TWO);
    {
        let mut world = world.lock().unwrap();
        world.routers.get_mut("hub").unwrap().refuses = Some("name C");
        world.routers.get_mut("cpe-b").unwrap().refuses = Some("no standby 10 preempt");
    }
    for _ in 0..2 {
        match push(&world, &TWO) {
            Some(Ending::Halted(leg, Halt::Stuck(why))) => {
                assert!(leg.back && leg.router == "cpe-b" && why.contains("Invalid input"), "{leg:?} {why}");
            }
            other => panic!("{other:?}"),
        }
    }
    world.lock().unwrap().routers.get_mut("cpe-b").unwrap().refuses = None;
    assert!(matches!(push(&world, &TWO), Some(Ending::Over(End::Old, Some(_)))));
    assert!(all(&world, &Place::Old));
}

/// Another tenant's lines came on the hub meanwhile: the push is stuck, and can be given up.
#[test]
fn a_push_is_given_up_where_its_own_lines_are_whole() {
    let change = change("hub");
    let way = change.way().unwrap();
    let with = |config: &ConfigText, line: &str| format!("{line}\n{config}");
    let others = "ip route 10.8.0.0 255.255.0.0 10.1.1.9 name OTHERS";
    assert_eq!(end_of(&change, &with(way.old(), others)).unwrap(), Ok(End::Old));
    assert_eq!(end_of(&change, &with(way.wanted(), others)).unwrap(), Ok(End::New));
    let mixed = with(way.old(), "ip route 10.2.0.0 255.255.0.0 10.1.1.2 name B");
    let lines = end_of(&change, &mixed).unwrap().unwrap_err();
    assert_eq!(lines, ["+ ip route 10.2.0.0 255.255.0.0 10.1.1.2 name B"]);

    let world = world(&["hub"]);
    world.lock().unwrap().fault = Some((12, Fault::Kill, true));
    assert!(push(&world, &["hub"]).is_none());
    let mut records = world.lock().unwrap().records.clone();
    let run = Campaign::open(&records).unwrap().begun.run;
    let picture = with(way.old(), others);
    let found = vec![Found { router: "hub".into(), end: End::Old, picture: picture.clone() }];
    records.push(Record::Abandoned { run, reason: "others".into(), found });
    assert!(Campaign::open(&records).is_none());
    assert_eq!(last_known(&records, "hub"), Some(ConfigText::parse(&picture)));
}

#[test]
fn a_push_that_went_back_changed_nothing() {
    let settled = |run: &str, back, end| Record::Settled {
        leg: Leg { run: run.into(), router: "hub".into(), back },
        end,
        picture: String::new(),
    };
    let changed = |records: &[Record]| last_changed(records.iter().enumerate(), "hub");
    assert_eq!(changed(&[settled("1", false, End::New)]), Some(0));
    assert_eq!(changed(&[settled("1", false, End::Old)]), None, "it reverted");
    assert_eq!(changed(&[settled("1", false, End::New), settled("1", true, End::New)]), None, "it was taken back");
    assert_eq!(changed(&[settled("1", false, End::New), settled("1", true, End::Old)]), Some(0), "in vain");
    let two = [settled("1", false, End::New), settled("2", false, End::New), settled("2", true, End::New)];
    assert_eq!((changed(&two), last_changed(two.iter().enumerate(), "cpe")), (Some(0), None));
}

#[test]
fn what_a_push_has_done_and_may_not_have_saved_is_told() {
    let world = world(&TWO);
    push(&world, &TWO);
    let records = world.lock().unwrap().records.clone();
    let confirming = records.iter().rposition(|record| matches!(record, Record::Confirming { .. })).unwrap();
    let open = Campaign::open(&records[..=confirming]).unwrap();
    assert_eq!(open.perhaps_unsaved(), Some("hub"));
    assert_eq!(open.settled().collect::<Vec<_>>(), [("cpe-b", End::New)]);
    assert_eq!(open.begun_on().map(|change| change.router.as_str()).collect::<Vec<_>>(), TWO);
    assert_eq!(open.going_back(), None);
    let mut turned = records[..=confirming].to_vec();
    turned.push(Record::Turned { run: open.begun.run.clone() });
    assert_eq!(Campaign::open(&turned).unwrap().going_back().as_deref(), Some(UNDONE));
    assert_eq!(Campaign::open(&records[..confirming]).unwrap().perhaps_unsaved(), None);
}
