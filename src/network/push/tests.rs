//! The loop against routers in memory, cut and killed at every call, before and after its effect.

mod fake;
mod faults;

use super::campaign::{Campaign, last_known};
use super::change::Place;
use super::drift::drift;
use super::record::Record;
use super::run::Ending;
use super::*;
use crate::network::diff::{Ownership, picture};
use crate::network::text::ConfigText;
use fake::*;
use std::collections::BTreeSet;
use std::time::Duration;

const ALL: [&str; 3] = ["cpe-b", "hub", "cpe-a"];
const TWO: [&str; 2] = ["cpe-b", "hub"];

#[test]
fn a_push_changes_one_router_after_the_other_and_saves_each() {
    let world = world(&ALL);
    assert!(matches!(push(&world, &ALL), Some(Ending::Over(End::New, None))));
    assert!(all(&world, &Place::New));
    let world = world.lock().unwrap();
    assert!(Campaign::open(&world.records).is_none());
    let order: Vec<_> = world.records.iter().filter(|record| matches!(record, Record::Settled { .. })).collect();
    let order: Vec<_> = order.iter().map(|record| record.leg().unwrap().router.as_str()).collect();
    assert_eq!(order, ALL);
    let last = last_known(&world.records, "hub").unwrap();
    assert_eq!(last, picture(&world.routers["hub"].running));
}

/// Every call is cut or killed, before and after its effect; then the same command again.
#[test]
fn wherever_it_is_cut_or_killed_every_router_ends_old_or_new() {
    let calls = {
        let world = world(&TWO);
        push(&world, &TWO);
        world.lock().unwrap().calls
    };
    let mut points = 0;
    for fault in [Fault::Cut, Fault::Kill] {
        for after in [false, true] {
            for at in 1..=calls {
                let world = world(&TWO);
                world.lock().unwrap().fault = Some((at, fault, after));
                let mut ending = push(&world, &TWO);
                if ending.is_none() {
                    world.lock().unwrap().fault = None;
                    ending = push(&world, &TWO);
                }
                let ending = ending.unwrap();
                assert!(matches!(ending, Ending::Over(End::New, None)), "{at} {fault:?} {after}: {ending:?}");
                assert!(all(&world, &Place::New), "{at} {fault:?} {after}: {:?}", places(&world));
                points += 1;
            }
        }
    }
    assert!(points > 200, "{points}");
}

/// The same, where the last router refuses a line, does not do what is expected, or cannot save:
/// all go back, and between two routers only states of the way there are ever at rest.
#[test]
fn what_cannot_go_on_goes_back_wherever_it_is_cut_or_killed() {
    type Break = fn(&mut Box_);
    let breaks: [Break; 3] =
        [|router| router.refuses = Some("name C"), |router| router.wrong = true, |router| router.unsavable = true];
    // Every point is tried with one of the three.
    for (first, broken) in breaks.into_iter().enumerate() {
        let ready = || {
            let world = world(&TWO);
            broken(world.lock().unwrap().routers.get_mut("hub").unwrap());
            world
        };
        let clean = ready();
        let ending = push(&clean, &TWO);
        assert!(matches!(&ending, Some(Ending::Over(End::Old, Some(_)))), "{ending:?}");
        let calls = clean.lock().unwrap().calls;
        for (fault, after) in [(Fault::Cut, false), (Fault::Cut, true), (Fault::Kill, false), (Fault::Kill, true)] {
            for at in (1 + first..=calls).step_by(3) {
                let world = ready();
                world.lock().unwrap().fault = Some((at, fault, after));
                let mut ending = push(&world, &TWO);
                if ending.is_none() {
                    world.lock().unwrap().fault = None;
                    ending = push(&world, &TWO);
                }
                assert!(matches!(ending, Some(Ending::Over(End::Old, Some(_)))), "{at} {fault:?} {after}: {ending:?}");
                assert!(all(&world, &Place::Old), "{at} {fault:?} {after}: {:?}", places(&world));
                let world = world.lock().unwrap();
                let states: BTreeSet<&Vec<String>> = world.rests.iter().collect();
                // Old; the first router new; and, where it cannot save, the second for as long as it
                // takes to see that.
                assert!(states.len() <= 3, "{at} {fault:?} {after}: {}", states.len());
            }
        }
    }
}

#[test]
fn a_router_that_others_changed_is_left_to_a_person() {
    let foreign = |world: &Shared, startup: bool| {
        let mut world = world.lock().unwrap();
        let router = world.routers.get_mut("hub").unwrap();
        let mut text = router.running.to_string();
        text.insert_str(0, "ip route 10.8.0.0 255.255.0.0 10.1.1.9 name OTHERS\n");
        let config = ConfigText::parse(&text);
        if startup { router.startup = config } else { router.running = config }
    };
    let world1 = world(&["hub"]);
    foreign(&world1, false);
    match push(&world1, &["hub"]) {
        Some(Ending::Halted(leg, Halt::Drifted(lines))) => {
            assert_eq!(leg.router, "hub");
            assert_eq!(lines, ["+ ip route 10.8.0.0 255.255.0.0 10.1.1.9 name OTHERS"]);
        }
        other => panic!("{other:?}"),
    }
    let world2 = world(&["hub"]);
    foreign(&world2, true);
    assert!(matches!(push(&world2, &["hub"]), Some(Ending::Halted(_, Halt::Unsaved(_)))));
    let world3 = world(&["hub"]);
    world3.lock().unwrap().routers.get_mut("hub").unwrap().revert =
        Some(Revert { due: Duration::from_secs(900), minutes: 5, user: USER, to: old("hub") });
    assert!(matches!(push(&world3, &["hub"]), Some(Ending::Halted(_, Halt::OthersTimer))));
    assert_eq!(world3.lock().unwrap().routers["hub"].running, old("hub"));
}

#[test]
fn drift_tells_our_lines_from_those_of_others() {
    let own = Ownership::of([&old("hub")]);
    let text = LAN.replace("NAME", "hub").replace("priority 105", "priority 90").replace("0812", "9999");
    let now = picture(&ConfigText::parse(&(text + "ntp server 10.0.0.9\n")));
    let found = drift(&picture(&old("hub")), &now, &own);
    let standby = "interface GigabitEthernet0/0/1 / standby 10 priority";
    assert_eq!(found.ours, [format!("- {standby} 105"), format!("+ {standby} 90")]);
    assert_eq!(found.others, ["+ ntp server 10.0.0.9"]);
}

#[test]
fn a_change_holds_no_secret_and_goes_back_exactly() {
    let change = change("hub");
    assert!(!change.old.contains("0812"), "{}", change.old);
    let way = change.way().unwrap();
    assert_eq!(way.place(&LAN.replace("NAME", "hub").replace("0812", "1111")), Place::Old, "secrets by presence");
    let back = change.reversed().unwrap().way().unwrap();
    assert_eq!((back.wanted(), back.old()), (way.old(), way.wanted()));
}

/// A router that writes a line otherwise than it was typed is not as planned: nothing is tried again.
#[test]
fn lines_that_lead_elsewhere_are_given_up_at_once() {
    let world = world(&["hub"]);
    world.lock().unwrap().routers.get_mut("hub").unwrap().writes_otherwise = true;
    match push(&world, &["hub"]) {
        Some(Ending::Over(End::Old, Some(reason))) => assert!(reason.contains("name OTHER"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert!(all(&world, &Place::Old));
    let openings =
        world.lock().unwrap().records.iter().filter(|record| matches!(record, Record::Opening { .. })).count();
    assert_eq!(openings, 1);
}
