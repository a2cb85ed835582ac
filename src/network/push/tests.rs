//! The loop against routers in memory, cut and killed at every call, before and after its effect.

use super::campaign::{Campaign, last_known};
use super::change::{Change, Place};
use super::drift::drift;
use super::expect::Expect;
use super::record::{Begun, Record};
use super::router::{Done, Kind, Router, Trouble};
use super::run::{Desk, Ending, Field, Pusher, Tempo};
use super::*;
use crate::model::router_access::{Identity, WayBack, Which};
use crate::network::diff::ChangeClass;
use crate::network::diff::{Ownership, Session, picture};
use crate::network::text::ConfigText;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A router in memory. Time is virtual.
#[derive(Debug, Clone)]
struct Box_ {
    running: ConfigText,
    startup: ConfigText,
    archive: Option<ConfigText>,
    revert: Option<(Duration, u16, ConfigText)>,
    refuses: Option<&'static str>,
    unsavable: bool,
    wrong: bool,
    writes_otherwise: bool,
}

/// What happens at one call.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Cut,
    Kill,
}

#[derive(Debug)]
struct World {
    routers: BTreeMap<String, Box_>,
    now: Duration,
    calls: usize,
    /// The call at which it happens, and whether the call still has its effect.
    fault: Option<(usize, Fault, bool)>,
    records: Vec<Record>,
    /// Every pair of running configurations that was seen between calls while no timer ran.
    rests: Vec<Vec<String>>,
}

type Shared = Arc<Mutex<World>>;

impl World {
    fn pass(&mut self, time: Duration) {
        self.now += time;
        for router in self.routers.values_mut() {
            if let Some((due, _, old)) = router.revert.clone()
                && self.now >= due
            {
                router.running = old;
                router.revert = None;
            }
        }
    }
}

/// Never ready: the program was killed here.
struct Never;
impl Future for Never {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

struct Line {
    world: Shared,
    name: String,
    session: Option<Session>,
    open: bool,
}

fn lost() -> Trouble {
    Trouble { kind: Kind::Lost, text: "cut".into(), hint: String::new() }
}

fn refused(text: &str) -> Trouble {
    Trouble { kind: Kind::Refused, text: text.into(), hint: String::new() }
}

impl Line {
    /// One exchange: a fault may cut it before or after its effect.
    async fn call<T>(&mut self, effect: impl FnOnce(&mut Box_, &mut Option<Session>, Duration) -> Done<T>) -> Done<T> {
        if !self.open {
            return Err(lost());
        }
        let (fault, after) = {
            let mut world = self.world.lock().unwrap();
            world.pass(Duration::from_secs(1));
            world.calls += 1;
            match world.fault {
                Some((at, fault, after)) if at == world.calls => (Some(fault), after),
                _ => (None, false),
            }
        };
        let mut done = None;
        if fault.is_none() || after {
            let mut world = self.world.lock().unwrap();
            let now = world.now;
            let router = world.routers.get_mut(&self.name).unwrap();
            done = Some(effect(router, &mut self.session, now));
        }
        match fault {
            None => done.unwrap(),
            Some(Fault::Cut) => {
                self.open = false;
                Err(lost())
            }
            Some(Fault::Kill) => {
                Never.await;
                Err(lost())
            }
        }
    }
}

impl Router for Line {
    async fn identity(&mut self) -> Done<Identity> {
        let hostname = self.name.clone();
        self.call(|_, _, _| Ok(Identity { hostname, ..Identity::default() })).await
    }
    async fn way_back(&mut self) -> Done<WayBack> {
        self.call(|_, _, _| Ok(WayBack::RevertTimer)).await
    }
    async fn revert_timer(&mut self) -> Done<Option<u16>> {
        self.call(|router, _, _| Ok(router.revert.as_ref().map(|(_, minutes, _)| *minutes))).await
    }
    async fn configuration(&mut self, which: Which) -> Done<String> {
        self.call(
            |router, _, _| Ok(if which == Which::Running { &router.running } else { &router.startup }.to_string()),
        )
        .await
    }
    async fn archive(&mut self) -> Done<()> {
        self.call(|router, _, _| {
            router.archive = Some(router.running.clone());
            Ok(())
        })
        .await
    }
    async fn configure(&mut self, minutes: u16) -> Done<()> {
        self.call(|router, session, now| {
            assert!(router.revert.is_none(), "a second timer");
            router.revert = Some((now + Duration::from_secs(60 * u64::from(minutes)), minutes, router.running.clone()));
            *session = Some(Session::new(&router.running));
            Ok(())
        })
        .await
    }
    async fn line(&mut self, line: &str) -> Done<()> {
        let line = line.to_owned();
        self.call(move |router, session, _| {
            if router.refuses.is_some_and(|word| line.contains(word)) {
                return Err(refused("% Invalid input"));
            }
            let session = session.as_mut().unwrap();
            let line = if router.writes_otherwise { line.replace("name B", "name OTHER") } else { line };
            session.enter(&line).map_err(|error| refused(&error.to_string()))?;
            router.running = session.config();
            Ok(())
        })
        .await
    }
    async fn end(&mut self) -> Done<()> {
        self.call(|_, session, _| {
            *session = None;
            Ok(())
        })
        .await
    }
    async fn confirm(&mut self) -> Done<()> {
        self.call(|router, _, _| match router.revert.take() {
            Some(_) => Ok(()),
            None => Err(Trouble { kind: Kind::NothingPending, ..refused("none") }),
        })
        .await
    }
    async fn revert_now(&mut self) -> Done<()> {
        self.call(|router, _, _| match router.revert.take() {
            Some((_, _, old)) => {
                router.running = old;
                Ok(())
            }
            None => Err(Trouble { kind: Kind::NothingPending, ..refused("none") }),
        })
        .await
    }
    async fn restore_startup(&mut self) -> Done<()> {
        self.call(|router, _, _| {
            router.running = router.startup.clone();
            Ok(())
        })
        .await
    }
    async fn save(&mut self) -> Done<()> {
        self.call(|router, _, _| {
            if router.unsavable {
                return Err(refused("startup-config file open failed"));
            }
            router.startup = router.running.clone();
            Ok(())
        })
        .await
    }
    async fn show(&mut self, _: &str) -> Done<String> {
        self.call(|router, _, _| {
            let changed = router.running.to_string().contains("priority 111");
            Ok(if router.wrong && changed { "Track 10\n  X is Down" } else { "Track 10\n  X is Up" }.to_owned())
        })
        .await
    }
}

struct Net(Shared);
impl Field for Net {
    type Router = Line;
    async fn connect(&mut self, router: &str) -> Done<Line> {
        let mut line = Line { world: Arc::clone(&self.0), name: router.to_owned(), session: None, open: true };
        line.call(|_, _, _| Ok(())).await?;
        Ok(line)
    }
}

struct Seat(Shared);
impl Desk for Seat {
    type Error = ();
    async fn write(&mut self, record: &Record) -> Result<(), ()> {
        let killed = {
            let mut world = self.0.lock().unwrap();
            world.calls += 1;
            let fault = world.fault.filter(|(at, fault, _)| *at == world.calls && *fault == Fault::Kill);
            if fault.is_none_or(|(_, _, after)| after) {
                // As the journal keeps it: through JSON.
                let (kind, data) = record.parts();
                world.records.push(Record::of(&kind, &data).unwrap().unwrap());
                let idle = world.routers.values().all(|router| router.revert.is_none());
                let all = world.routers.values().map(|router| picture(&router.running).to_string()).collect();
                if idle {
                    world.rests.push(all);
                }
            }
            fault.is_some()
        };
        if killed {
            Never.await;
        }
        Ok(())
    }
    async fn still_ours(&mut self) -> Result<(), ()> {
        Ok(())
    }
    fn stopped(&self) -> bool {
        false
    }
    fn now(&self) -> Duration {
        self.0.lock().unwrap().now
    }
    async fn sleep(&mut self, time: Duration) {
        self.0.lock().unwrap().pass(time);
    }
    fn line(&mut self, _: &str, _: usize, _: usize) {}
    fn waiting(&mut self, _: &str, _: &Trouble) {}
    fn unmet(&mut self, _: &str, _: &[String]) {}
}

const LAN: &str = "hostname NAME\nip route 10.0.0.0 255.0.0.0 10.1.1.1 name A\nkey chain K\n key 1\n  key-string 7 0812\ninterface GigabitEthernet0/0/1\n ip address 10.9.0.1 255.255.255.0\n standby 10 priority 105\n";
const LINES: [&str; 6] = [
    "ip route 10.2.0.0 255.255.0.0 10.1.1.2 name B",
    "interface GigabitEthernet0/0/1",
    " standby 10 priority 111",
    " standby 10 preempt",
    "ip route 10.3.0.0 255.255.0.0 10.1.1.2 name C",
    "no ip route 10.0.0.0 255.0.0.0 10.1.1.1",
];
const BACK: [&str; 6] = [
    "ip route 10.0.0.0 255.0.0.0 10.1.1.1 name A",
    "no ip route 10.3.0.0 255.255.0.0 10.1.1.2",
    "interface GigabitEthernet0/0/1",
    " no standby 10 preempt",
    " standby 10 priority 105",
    "no ip route 10.2.0.0 255.255.0.0 10.1.1.2",
];

fn old(name: &str) -> ConfigText {
    ConfigText::parse(&LAN.replace("NAME", name))
}

fn change(name: &str) -> Change {
    let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    Change {
        router: name.into(),
        old: picture(&old(name)).to_string(),
        lines: owned(&LINES),
        rollback: owned(&BACK),
        waits: vec![(4, vec![10])],
        rollback_waits: Vec::new(),
        expects: vec![Expect::Track { number: 10 }],
        expects_before: Vec::new(),
    }
}

fn world(names: &[&str]) -> Shared {
    let router = |name: &str| Box_ {
        running: old(name),
        startup: old(name),
        archive: None,
        revert: None,
        refuses: None,
        unsavable: false,
        wrong: false,
        writes_otherwise: false,
    };
    Arc::new(Mutex::new(World {
        routers: names.iter().map(|name| ((*name).to_owned(), router(name))).collect(),
        now: Duration::ZERO,
        calls: 0,
        fault: None,
        records: Vec::new(),
        rests: Vec::new(),
    }))
}

fn begun(names: &[&str]) -> Begun {
    let changes: Vec<Change> = names.iter().map(|name| change(name)).collect();
    Begun {
        run: Campaign::name(&changes),
        class: ChangeClass::Cutover,
        server: None,
        minutes: 5,
        changes,
        accepted_drift: None,
        accepted_faults: None,
        window: None,
        after: None,
    }
}

/// Runs until it is over, or killed: none then.
fn push(world: &Shared, names: &[&str]) -> Option<Ending> {
    let open = Campaign::open(&world.lock().unwrap().records);
    let mut pusher = Pusher { field: Net(Arc::clone(world)), desk: Seat(Arc::clone(world)), tempo: Tempo::default() };
    let run = async {
        let mut campaign = match open {
            Some(campaign) => campaign,
            None => {
                let begun = begun(names);
                pusher.desk.write(&Record::Begun(Box::new(begun.clone()))).await.unwrap();
                Campaign::new(begun)
            }
        };
        pusher.run(&mut campaign).await.unwrap_or_else(|_| panic!("no desk error"))
    };
    match pin!(run).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(ending) => Some(ending),
        Poll::Pending => None,
    }
}

fn places(world: &Shared) -> Vec<(Place, Place)> {
    let world = world.lock().unwrap();
    let of = |(name, router): (&String, &Box_)| {
        let way = change(name).way().unwrap();
        assert!(router.revert.is_none(), "a timer is left");
        (way.place(&router.running.to_string()), way.place(&router.startup.to_string()))
    };
    world.routers.iter().map(of).collect()
}

fn all(world: &Shared, place: &Place) -> bool {
    places(world).iter().all(|(running, startup)| running == place && startup == place)
}

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
    world3.lock().unwrap().routers.get_mut("hub").unwrap().revert = Some((Duration::from_secs(900), 5, old("hub")));
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
