//! A push that is cut, killed, stopped or runs out of time at every line.

use super::{CUTOVER, all_saved, wait_until};
use crate::support::field::{Field, ROUTERS, TENANT, streams};
use crate::support::ios::{Fault, Line, When};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Child;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use traghetto::network::NetworkPlan;
use traghetto::network::cpe::Moved;
use traghetto::network::simulate::{Failures, Scene, Verdict, reachability};

/// Where a fault strikes: the line, counted over all routers, and what happens there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Point {
    line: usize,
    strike: Strike,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strike {
    /// The connection breaks and the line is lost.
    CutBefore,
    /// The line is carried out and its answer is lost with the connection.
    CutAfter,
    /// The program is killed before the line is carried out; the router carries it out all the same.
    KillBefore,
    /// The program is killed and the line never arrives.
    KillLost,
    /// The program is killed after the line was carried out.
    KillAfter,
    /// The connection hangs until the revert timer has run out; the line is lost.
    ExpireBefore,
    /// The same, after the line was carried out.
    ExpireAfter,
    /// The operator wants to stop (Ctrl-C).
    Stop,
}

const STRIKES: [Strike; 8] = [
    Strike::CutBefore,
    Strike::CutAfter,
    Strike::KillBefore,
    Strike::KillLost,
    Strike::KillAfter,
    Strike::ExpireBefore,
    Strike::ExpireAfter,
    Strike::Stop,
];

/// How long the revert timer of a push runs, and a little more.
const TIMER: Duration = Duration::from_secs(330);

/// What a campaign of faults saw.
pub(super) struct Watch {
    count: AtomicUsize,
    child: AtomicU32,
    point: Mutex<Option<Point>>,
    states: Mutex<BTreeSet<[String; 3]>>,
}

/// A change, with both its ends.
struct Trial<'a> {
    args: &'a [&'a str],
    old: [String; 3],
    new: [String; 3],
    lines: usize,
}

/// Counts lines, strikes at the point, and notes every state of the three routers.
fn watch(field: &Arc<Field>) -> Arc<Watch> {
    let watch = Watch::new();
    let (seen, routers) = (watch.clone(), Arc::downgrade(field));
    field.at_each_line(move |line| {
        let looks = ["show ", "terminal ", "ping ", "do show "].iter().any(|word| line.text.starts_with(word));
        if let Some(field) = routers.upgrade().filter(|_| line.when == When::After && !looks) {
            seen.states.lock().unwrap().insert(field.running());
        }
        seen.strike(line, &|| routers.upgrade().iter().for_each(|field| field.advance(TIMER)))
    });
    watch
}

impl Watch {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            count: AtomicUsize::new(0),
            child: AtomicU32::new(0),
            point: Mutex::new(None),
            states: Mutex::new(BTreeSet::new()),
        })
    }

    fn strike(&self, line: &Line<'_>, expire: &dyn Fn()) -> Fault {
        let number = match line.when {
            When::Before => self.count.fetch_add(1, Ordering::SeqCst) + 1,
            When::After => self.count.load(Ordering::SeqCst),
        };
        let mut point = self.point.lock().unwrap();
        let Some(Point { strike, .. }) = point.filter(|point| point.line == number) else { return Fault::None };
        let fault = match (strike, line.when) {
            (Strike::CutBefore, When::Before) | (Strike::CutAfter, When::After) => Fault::Cut,
            (Strike::KillBefore, When::Before) | (Strike::KillAfter, When::After) => {
                self.signal(rustix::process::Signal::KILL);
                Fault::None
            }
            (Strike::KillLost, When::Before) => {
                self.signal(rustix::process::Signal::KILL);
                Fault::Cut
            }
            (Strike::ExpireBefore, When::Before) | (Strike::ExpireAfter, When::After) => {
                expire();
                Fault::Cut
            }
            (Strike::Stop, When::Before) => {
                self.signal(rustix::process::Signal::INT);
                Fault::None
            }
            _ => return Fault::None,
        };
        *point = None;
        fault
    }

    /// Sends a signal to the program, which was started a moment ago at the latest.
    pub(super) fn signal(&self, signal: rustix::process::Signal) {
        wait_until(&|| self.child.load(Ordering::SeqCst) != 0);
        let pid = self.child.load(Ordering::SeqCst) as i32;
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
    }
}

/// The program from its start to its end; its exit code, none where it was killed.
pub(super) fn run(field: &Field, watch: &Watch, args: &[&str]) -> (Option<i32>, String) {
    let child: Child = field.begin(args);
    watch.child.store(child.id(), Ordering::SeqCst);
    let output = child.wait_with_output().unwrap();
    watch.child.store(0, Ordering::SeqCst);
    (output.status.code(), streams(&output))
}

impl<'a> Trial<'a> {
    /// The change without a fault.
    fn new(field: &Arc<Field>, args: &'a [&'a str]) -> Self {
        field.reset();
        let old = field.running();
        let watch = watch(field);
        let (code, said) = run(field, &watch, args);
        assert_eq!(code, Some(0), "{said}");
        all_saved(field);
        let new = field.running();
        assert_ne!(old, new);
        Self { args, old, new, lines: watch.count.load(Ordering::SeqCst) }
    }

    /// Each configuration is the old or the new one, whole.
    fn whole(&self, field: &Field, point: Point) {
        for (kind, configurations) in [("running", field.running()), ("startup", field.startup())] {
            for (at, text) in configurations.iter().enumerate() {
                let whole = *text == self.old[at] || *text == self.new[at];
                assert!(whole, "{point:?}: {kind} of {} is neither old nor new:\n{text}", ROUTERS[at]);
            }
        }
    }

    /// One fault, and what becomes of it. `later` lets the timers run out before the command is given again.
    fn strike(&self, field: &Arc<Field>, point: Point, later: bool) -> BTreeSet<[String; 3]> {
        field.reset();
        let watch = watch(field);
        *watch.point.lock().unwrap() = Some(point);
        let (code, said) = run(field, &watch, self.args);
        let killed = code.is_none();
        let due = matches!(point.strike, Strike::KillBefore | Strike::KillLost | Strike::KillAfter);
        assert!(killed == due || watch.point.lock().unwrap().is_some(), "{point:?}: {code:?}\n{said}");
        if point.strike == Strike::Stop && code != Some(0) {
            assert_eq!(code, Some(130), "{point:?}\n{said}");
            assert_eq!(field.running(), self.old, "{point:?}\n{said}");
            assert_eq!(field.startup(), self.old, "{point:?}\n{said}");
        }
        if later {
            field.advance(TIMER);
            self.whole(field, point);
        }
        if code != Some(0) {
            let (code, said) = run(field, &watch, self.args);
            assert_eq!(code, Some(0), "{point:?}, then again\n{said}");
        }
        // Whatever still waits on a router now has its time.
        field.advance(Duration::from_secs(3600));
        assert_eq!(field.running(), self.new, "{point:?}\n{said}");
        assert_eq!(field.startup(), self.new, "{point:?}\n{said}");
        let mut states = watch.states.lock().unwrap().clone();
        states.insert(field.running());
        states
    }
}

/// Every state that was seen loses no pair, of those that are not the server's that moves.
fn accepted(field: &Field, states: &BTreeSet<[String; 3]>, moving: Option<&str>) {
    let inventory = traghetto::inventory::load(field.sandbox.path()).unwrap();
    let tenant = &inventory.tenants[&TENANT.parse().unwrap()];
    let plan = NetworkPlan::new(&inventory, tenant).unwrap();
    for state in states {
        let texts = ROUTERS.iter().zip(state).map(|(router, text)| ((*router).to_owned(), text.as_str()));
        let scene = Scene::of(&plan, &Moved::new(), texts);
        assert_eq!(scene.routers.len(), 3);
        let pairs = reachability(&scene, &Failures::none());
        assert!(pairs.len() > 2);
        for pair in pairs.iter().filter(|pair| moving != Some(&*pair.server.to_string())) {
            assert_ne!(pair.verdict, Verdict::Lost, "{} to {}: {:?}", pair.client, pair.server, pair.reason);
        }
    }
}

/// Strikes at `points` of a change, on several fields at once.
fn campaign(
    make: &(dyn Fn() -> Field + Sync),
    args: &[&str],
    moving: Option<&str>,
    choose: &(dyn Fn(usize) -> Vec<Point> + Sync),
) -> usize {
    let first = Arc::new(make());
    let trial = Trial::new(&first, args);
    let points = choose(trial.lines);
    let next = AtomicUsize::new(0);
    let states = Mutex::new(BTreeSet::new());
    let fields: Vec<Arc<Field>> = (0..6).map(|_| Arc::new(make())).collect();
    std::thread::scope(|scope| {
        for field in &fields {
            scope.spawn(|| {
                // Each field reaches its own routers; the configurations are alike.
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(point) = points.get(at) else { return };
                    let seen = trial.strike(field, *point, at.is_multiple_of(2));
                    states.lock().unwrap().extend(seen);
                    if (at + 1).is_multiple_of(200) {
                        println!("{} of {} points", at + 1, points.len());
                    }
                }
            });
        }
    });
    let states = states.into_inner().unwrap();
    accepted(&first, &states, moving);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for point in &points {
        let kind = match point.strike {
            Strike::CutBefore | Strike::CutAfter => "cut",
            Strike::KillBefore | Strike::KillLost | Strike::KillAfter => "killed",
            Strike::ExpireBefore | Strike::ExpireAfter => "out of time",
            Strike::Stop => "stopped",
        };
        *kinds.entry(kind).or_default() += 1;
    }
    println!("{} lines, {} points {kinds:?}, {} states of three routers", trial.lines, points.len(), states.len());
    points.len()
}

/// All points of a change of so many lines.
fn every(lines: usize) -> Vec<Point> {
    (1..=lines).flat_map(|line| STRIKES.map(|strike| Point { line, strike })).collect()
}

#[test]
fn cut_or_killed_at_lines_all_over_a_cutover_it_ends_new_and_whole() {
    let some = |lines: usize| {
        let all = every(lines);
        // A step that shares no divisor with the strikes, so that each of them is among the points.
        let step = (all.len() / 24).max(1) | 1;
        all.into_iter().step_by(step).collect()
    };
    assert!(campaign(&Field::new, &CUTOVER, Some("cinto-srv1"), &some) >= 20);
}

#[test]
fn proof_push_cut_or_killed_at_every_line_of_real_changes() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("not run: a proof of `make proof` (TRAGHETTO_PROOF=1), it takes minutes");
        return;
    }
    let maintained = || {
        let field = Field::new();
        field.edit("mcr_percent: 10", "mcr_percent: 20");
        field
    };
    let cutover = campaign(&Field::new, &CUTOVER, Some("cinto-srv1"), &every);
    let maintenance = campaign(&maintained, &["--router", "cinto-cpe-a"], None, &every);
    println!("{} points", cutover + maintenance);
    assert!(cutover + maintenance >= 1000);
}
