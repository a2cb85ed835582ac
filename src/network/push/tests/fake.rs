//! Routers in memory, and a desk: every call may be cut, killed or delayed, before and after its effect.

use super::super::campaign::Campaign;
use super::super::change::{Change, Place};
use super::super::expect::Expect;
use super::super::record::{Begun, Record};
use super::super::router::{Done, Kind, Router, Trouble};
use super::super::run::{Desk, Ending, Field, Pusher, Tempo};
use crate::model::router_access::{Identity, RevertTimer, WayBack, Which};
use crate::network::diff::{ChangeClass, Session, picture};
use crate::network::text::ConfigText;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// As whom the push logs in.
pub(super) const USER: &str = "netops";

/// A router in memory. Time is virtual.
#[derive(Debug, Clone)]
pub(super) struct Box_ {
    pub(super) running: ConfigText,
    pub(super) startup: ConfigText,
    pub(super) archive: Option<ConfigText>,
    pub(super) revert: Option<Revert>,
    pub(super) refuses: Option<&'static str>,
    pub(super) unsavable: bool,
    pub(super) wrong: bool,
    pub(super) writes_otherwise: bool,
    /// A tracked object is down once every line is in.
    pub(super) wrong_after: bool,
    /// At lines with this word the connection breaks.
    pub(super) hangs_at: Option<&'static str>,
}

/// A change that goes back by itself.
#[derive(Debug, Clone)]
pub(super) struct Revert {
    pub(super) due: Duration,
    pub(super) minutes: u16,
    pub(super) user: &'static str,
    pub(super) to: ConfigText,
}

/// What happens at one call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fault {
    /// The connection breaks.
    Cut,
    /// The program is killed.
    Kill,
    /// The program, not the routers, stands still for so many seconds once the call is over.
    Pause(u64),
    /// The operator wants to stop.
    Stop,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) routers: BTreeMap<String, Box_>,
    pub(super) now: Duration,
    pub(super) calls: usize,
    /// The call at which it happens, and whether the call still has its effect.
    pub(super) fault: Option<(usize, Fault, bool)>,
    /// What each call takes.
    pub(super) step: Duration,
    /// The operator wants to stop.
    pub(super) stopped: bool,
    pub(super) records: Vec<Record>,
    /// Every pair of running configurations that was seen between calls while no timer ran.
    pub(super) rests: Vec<Vec<String>>,
}

pub(super) type Shared = Arc<Mutex<World>>;

impl World {
    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        for router in self.routers.values_mut() {
            if router.revert.as_ref().is_some_and(|revert| self.now >= revert.due)
                && let Some(revert) = router.revert.take()
            {
                router.running = revert.to;
            }
        }
    }
}

/// Never ready: the program was killed here.
pub(super) struct Never;
impl Future for Never {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

pub(super) struct Line {
    world: Shared,
    name: String,
    /// The lines that opened the modes in which the session is; none outside of configuration. What
    /// they lead to is looked up in what runs at that moment: a revert leaves no trace of the rest.
    modes: Option<Vec<String>>,
    open: bool,
}

pub(super) fn lost() -> Trouble {
    Trouble { kind: Kind::Lost, text: "cut".into(), hint: String::new() }
}

pub(super) fn refused(text: &str) -> Trouble {
    Trouble { kind: Kind::Refused, text: text.into(), hint: String::new() }
}

impl Line {
    /// One exchange: a fault may cut it before or after its effect.
    async fn call<T>(
        &mut self,
        effect: impl FnOnce(&mut Box_, &mut Option<Vec<String>>, Duration) -> Done<T>,
    ) -> Done<T> {
        if !self.open {
            return Err(lost());
        }
        let (fault, after) = {
            let mut world = self.world.lock().unwrap();
            let step = world.step;
            world.pass(step);
            world.calls += 1;
            match world.fault {
                Some((at, fault, after)) if at == world.calls => (Some(fault), after),
                _ => (None, false),
            }
        };
        let mut done = None;
        let answered = !matches!(fault, Some(Fault::Cut | Fault::Kill));
        if answered || after {
            let mut world = self.world.lock().unwrap();
            let now = world.now;
            let router = world.routers.get_mut(&self.name).unwrap();
            done = Some(effect(router, &mut self.modes, now));
        }
        match fault {
            None => done.unwrap(),
            Some(Fault::Pause(seconds)) => {
                self.world.lock().unwrap().pass(Duration::from_secs(seconds));
                done.unwrap()
            }
            Some(Fault::Stop) => {
                self.world.lock().unwrap().stopped = true;
                done.unwrap()
            }
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
    fn user(&self) -> &str {
        USER
    }
    async fn revert_timer(&mut self) -> Done<Option<RevertTimer>> {
        let timer = |revert: &Revert| RevertTimer { minutes: revert.minutes, user: Some(revert.user.to_owned()) };
        self.call(|router, _, _| Ok(router.revert.as_ref().map(timer))).await
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
        self.call(|router, modes, now| {
            assert!(router.revert.is_none(), "a second timer");
            let due = now + Duration::from_secs(60 * u64::from(minutes));
            router.revert = Some(Revert { due, minutes, user: USER, to: router.running.clone() });
            *modes = Some(Vec::new());
            Ok(())
        })
        .await
    }
    async fn line(&mut self, line: &str) -> Done<()> {
        let line = line.to_owned();
        self.call(move |router, modes, _| {
            assert!(router.revert.is_some(), "a line without a timer: {line}");
            if router.refuses.is_some_and(|word| line.contains(word)) {
                return Err(refused("% Invalid input"));
            }
            if let Some(word) = router.hangs_at.filter(|word| line.contains(word)) {
                return Err(Trouble { text: format!("silent at {word}"), ..lost() });
            }
            let modes = modes.as_mut().unwrap();
            let line = if router.writes_otherwise { line.replace("name B", "name OTHER") } else { line };
            modes.truncate(line.len() - line.trim_start().len());
            let mut session = Session::new(&router.running);
            modes.push(line);
            modes.iter().try_for_each(|line| session.enter(line)).map_err(|error| refused(&error.to_string()))?;
            router.running = session.config();
            Ok(())
        })
        .await
    }
    async fn end(&mut self) -> Done<()> {
        self.call(|_, modes, _| {
            *modes = None;
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
            Some(revert) => {
                router.running = revert.to;
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
            let text = router.running.to_string();
            let (changed, complete) = (text.contains("priority 111"), !text.contains("name A"));
            Ok(if router.wrong && changed || router.wrong_after && complete {
                "Track 10\n  X is Down"
            } else {
                "Track 10\n  X is Up"
            }
            .to_owned())
        })
        .await
    }
}

pub(super) struct Net(pub(super) Shared);
impl Field for Net {
    type Router = Line;
    async fn connect(&mut self, router: &str) -> Done<Line> {
        let mut line = Line { world: Arc::clone(&self.0), name: router.to_owned(), modes: None, open: true };
        line.call(|_, _, _| Ok(())).await?;
        Ok(line)
    }
}

pub(super) struct Seat(pub(super) Shared);
impl Desk for Seat {
    type Error = ();
    async fn write(&mut self, record: &Record) -> Result<(), ()> {
        let killed = {
            let mut world = self.0.lock().unwrap();
            world.calls += 1;
            let fault = world.fault.filter(|(at, fault, _)| *at == world.calls && *fault != Fault::Cut);
            match fault {
                Some((_, Fault::Pause(seconds), _)) => world.pass(Duration::from_secs(seconds)),
                Some((_, Fault::Stop, _)) => world.stopped = true,
                _ => {}
            }
            let fault = fault.filter(|(_, fault, _)| *fault == Fault::Kill);
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
        self.0.lock().unwrap().stopped
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

pub(super) const LAN: &str = "hostname NAME\nip route 10.0.0.0 255.0.0.0 10.1.1.1 name A\nkey chain K\n key 1\n  key-string 7 0812\ninterface GigabitEthernet0/0/1\n ip address 10.9.0.1 255.255.255.0\n standby 10 priority 105\n";
pub(super) const LINES: [&str; 6] = [
    "ip route 10.2.0.0 255.255.0.0 10.1.1.2 name B",
    "interface GigabitEthernet0/0/1",
    " standby 10 priority 111",
    " standby 10 preempt",
    "ip route 10.3.0.0 255.255.0.0 10.1.1.2 name C",
    "no ip route 10.0.0.0 255.0.0.0 10.1.1.1",
];
pub(super) const BACK: [&str; 6] = [
    "ip route 10.0.0.0 255.0.0.0 10.1.1.1 name A",
    "no ip route 10.3.0.0 255.255.0.0 10.1.1.2",
    "interface GigabitEthernet0/0/1",
    " no standby 10 preempt",
    " standby 10 priority 105",
    "no ip route 10.2.0.0 255.255.0.0 10.1.1.2",
];

pub(super) fn old(name: &str) -> ConfigText {
    ConfigText::parse(&LAN.replace("NAME", name))
}

pub(super) fn change(name: &str) -> Change {
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

pub(super) fn world(names: &[&str]) -> Shared {
    let router = |name: &str| Box_ {
        running: old(name),
        startup: old(name),
        archive: None,
        revert: None,
        refuses: None,
        unsavable: false,
        wrong: false,
        writes_otherwise: false,
        wrong_after: false,
        hangs_at: None,
    };
    Arc::new(Mutex::new(World {
        routers: names.iter().map(|name| ((*name).to_owned(), router(name))).collect(),
        now: Duration::ZERO,
        calls: 0,
        fault: None,
        step: Duration::from_secs(1),
        stopped: false,
        records: Vec::new(),
        rests: Vec::new(),
    }))
}

pub(super) fn begun(names: &[&str]) -> Begun {
    let changes: Vec<Change> = names.iter().map(|name| change(name)).collect();
    Begun {
        run: Campaign::name(&changes),
        class: ChangeClass::Cutover,
        server: None,
        asked: Vec::new(),
        minutes: 5,
        changes,
        accepted_drift: None,
        accepted_unsaved: None,
        accepted_faults: None,
        window: None,
        after: None,
    }
}

/// Runs until it is over, or killed: none then.
pub(super) fn push(world: &Shared, names: &[&str]) -> Option<Ending> {
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

pub(super) fn places(world: &Shared) -> Vec<(Place, Place)> {
    let world = world.lock().unwrap();
    let of = |(name, router): (&String, &Box_)| {
        let way = change(name).way().unwrap();
        assert!(router.revert.is_none(), "a timer is left");
        (way.place(&router.running.to_string()), way.place(&router.startup.to_string()))
    };
    world.routers.iter().map(of).collect()
}

pub(super) fn all(world: &Shared, place: &Place) -> bool {
    places(world).iter().all(|(running, startup)| running == place && startup == place)
}
