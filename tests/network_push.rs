//! `traghetto network push` against routers that behave as IOS does, over real SSH, with the real
//! program; cut and killed at every line.

use crate::support::field::{Field, ROUTERS, TENANT, streams};
use crate::support::ios::{Fault, Line, When};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use traghetto::network::NetworkPlan;
use traghetto::network::cpe::Moved;
use traghetto::network::simulate::{Failures, Scene, Verdict, reachability};

const CUTOVER: [&str; 4] = ["--class", "cutover", "--server", "cinto-srv1"];
const SERVER_ROUTE: &str = "ip route 192.0.2.10 255.255.255.255 Tunnel4 track 30 name SRV-CINTO-SRV1";

/// Running and startup of every router are alike; says so otherwise.
#[track_caller]
fn all_saved(field: &Field) {
    assert_eq!(field.running(), field.startup());
}

#[test]
fn a_cutover_changes_hub_and_both_cpes_and_only_them() {
    let field = Field::new();
    let before = field.running();
    let ran = field.push(&CUTOVER).code(0);
    all_saved(&field);
    let after = field.running();
    for (router, (before, after)) in ROUTERS.iter().zip(before.iter().zip(&after)) {
        let (old, new): (BTreeSet<&str>, BTreeSet<&str>) = (before.lines().collect(), after.lines().collect());
        assert_eq!(old.difference(&new).count(), 0, "{router}: a line is gone");
        let added: Vec<&&str> = new.difference(&old).collect();
        assert!(!added.is_empty() && added.iter().all(|line| line.contains("SRV-CINTO-SRV1")), "{router}: {added:?}");
    }
    assert!(ran.stderr.contains("sad-ce-1: exactly the new configuration, running and startup"), "{}", ran.stderr);
    // Nothing that waits takes it back later.
    field.advance(Duration::from_secs(3600));
    assert_eq!(field.running(), after);
    assert!(field.push(&CUTOVER).code(0).stderr.contains("Nothing to do"));
    // The way back leaves every router as it was.
    let back: Vec<&str> = CUTOVER.into_iter().chain(["--back"]).collect();
    let ran = field.push(&back).code(0);
    all_saved(&field);
    assert_eq!(field.running(), before);
    // In the exact reverse: the hub leads to the SAD until no CPE sends there any more.
    let order: Vec<&str> = ran
        .stderr
        .lines()
        .filter_map(|line| line.split_once(": exactly the new"))
        .map(|(name, _)| name.trim())
        .collect();
    assert_eq!(order, ["cinto-cpe-a", "cinto-cpe-b", "sad-ce-1"], "{}", ran.stderr);
}

#[test]
fn maintenance_changes_one_router() {
    let field = Field::new();
    let before = field.running();
    field.edit("mcr_percent: 10", "mcr_percent: 20");
    let ran = field.push(&["--router", "cinto-cpe-a"]).code(0);
    let after = field.running();
    assert_ne!(after[0], before[0], "{}", ran.stderr);
    assert_eq!(after[1..], before[1..]);
    all_saved(&field);
}

#[test]
fn a_refused_line_takes_everything_back() {
    let field = Field::new();
    let before = field.running();
    field.devices[1].refuse(SERVER_ROUTE, "%Error: the table is full");
    let ran = field.push(&CUTOVER).code(1);
    assert!(ran.stderr.contains("the table is full"), "{}", ran.stderr);
    assert_eq!(field.running(), before);
    all_saved(&field);
    field.advance(Duration::from_secs(3600));
    assert_eq!(field.running(), before);
}

#[test]
fn a_change_that_cuts_us_off_goes_back_by_itself() {
    let field = Field::new();
    let before = field.running();
    let away = Arc::new(AtomicBool::new(false));
    let seen = away.clone();
    // As soon as all lines are in, the standby CPE cannot be reached any more.
    field.at_each_line(move |line| {
        if line.router == "cinto-cpe-b" && line.text == "end" && line.when == When::After {
            seen.store(true, Ordering::SeqCst);
            return Fault::Cut;
        }
        Fault::None
    });
    let child = field.begin(&CUTOVER);
    let output = std::thread::scope(|scope| {
        scope.spawn(|| {
            // Its revert timer runs out while nobody reaches it, each time that it is tried.
            for _ in 0..3 {
                wait_until(&|| away.swap(false, Ordering::SeqCst));
                field.devices[1].take_no_sessions(true);
                std::thread::sleep(Duration::from_millis(300));
                field.advance(Duration::from_secs(300));
                field.devices[1].take_no_sessions(false);
            }
        });
        child.wait_with_output().unwrap()
    });
    assert_eq!(output.status.code(), Some(1), "{}", streams(&output));
    assert_eq!(field.running(), before);
    all_saved(&field);
}

#[test]
fn what_a_colleague_changed_meanwhile_stops_a_push() {
    let field = Field::new();
    field.push(&CUTOVER).code(0);
    field.devices[0].type_lines(&["interface GigabitEthernet0/0/1", "standby 10 priority 90"]);
    field.devices[0].with(|router| router.save());
    let running = field.running();
    let back: Vec<&str> = CUTOVER.into_iter().chain(["--back"]).collect();
    let ran = field.push(&back).code(4);
    assert!(
        ran.stderr.contains("standby 10 priority 90") && ran.stderr.contains("No router was touched"),
        "{}",
        ran.stderr
    );
    assert_eq!(field.running(), running);
}

#[test]
fn old_algorithms_are_used_only_where_the_inventory_says_so() {
    let field = Field::with(|router, setup| {
        let setup = setup.account("netops", "router-word");
        if router == "cinto-cpe-a" { setup.legacy() } else { setup }
    });
    let ran = field.sandbox.run(&["network", "push", TENANT, "--plan", "--class", "cutover", "--server", "cinto-srv1"]);
    assert_ne!(ran.code, 0);
    for word in ["diffie-hellman-group14-sha1", "ssh_profile: legacy", "No router was touched"] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
    let access = field.access(0);
    field.edit(&access, &access.replace("{host:", "{ssh_profile: legacy, host:"));
    field.push(&CUTOVER).code(0);
    all_saved(&field);
}

#[test]
fn the_carriers_routers_are_not_touched() {
    let field = Field::new();
    field.edit("managed_by: us", "managed_by: carrier");
    let ran = field.push(&CUTOVER).code(5);
    assert!(
        ran.stderr.contains("configured by the carrier") && ran.stderr.contains("change request"),
        "{}",
        ran.stderr
    );
    assert!(field.devices.iter().all(|device| device.lines().is_empty()));
}

#[test]
fn two_pushes_at_once_are_one() {
    let field = Field::new();
    let (held, go) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (in_hook, wait) = (held.clone(), go.clone());
    field.at_each_line(move |line| {
        if line.text.starts_with("configure terminal revert") && line.when == When::Before {
            in_hook.store(true, Ordering::SeqCst);
            wait_until(&|| wait.load(Ordering::SeqCst));
        }
        Fault::None
    });
    let first = field.begin(&CUTOVER);
    wait_until(&|| held.load(Ordering::SeqCst));
    let second = field.push(&CUTOVER);
    go.store(true, Ordering::SeqCst);
    assert!(second.code != 0 && second.stderr.contains("anna-veneto"), "{}\n{}", second.stdout, second.stderr);
    let output = first.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", streams(&output));
    all_saved(&field);
}

#[track_caller]
fn wait_until(done: &dyn Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < until, "it did not come to it within a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}

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
}

const STRIKES: [Strike; 5] =
    [Strike::CutBefore, Strike::CutAfter, Strike::KillBefore, Strike::KillLost, Strike::KillAfter];

/// What a campaign of faults saw.
struct Watch {
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
    let watch = Arc::new(Watch {
        count: AtomicUsize::new(0),
        child: AtomicU32::new(0),
        point: Mutex::new(None),
        states: Mutex::new(BTreeSet::new()),
    });
    let (seen, routers) = (watch.clone(), Arc::downgrade(field));
    field.at_each_line(move |line| {
        let looks = ["show ", "terminal ", "ping ", "do show "].iter().any(|word| line.text.starts_with(word));
        if let Some(field) = routers.upgrade().filter(|_| line.when == When::After && !looks) {
            seen.states.lock().unwrap().insert(field.running());
        }
        seen.strike(line)
    });
    watch
}

impl Watch {
    fn strike(&self, line: &Line<'_>) -> Fault {
        let number = match line.when {
            When::Before => self.count.fetch_add(1, Ordering::SeqCst) + 1,
            When::After => self.count.load(Ordering::SeqCst),
        };
        let mut point = self.point.lock().unwrap();
        let Some(Point { strike, .. }) = point.filter(|point| point.line == number) else { return Fault::None };
        let fault = match (strike, line.when) {
            (Strike::CutBefore, When::Before) | (Strike::CutAfter, When::After) => Fault::Cut,
            (Strike::KillBefore, When::Before) | (Strike::KillAfter, When::After) => {
                self.kill();
                Fault::None
            }
            (Strike::KillLost, When::Before) => {
                self.kill();
                Fault::Cut
            }
            _ => return Fault::None,
        };
        *point = None;
        fault
    }

    /// Kills the program, which was started a moment ago at the latest.
    fn kill(&self) {
        wait_until(&|| self.child.load(Ordering::SeqCst) != 0);
        let pid = self.child.load(Ordering::SeqCst) as i32;
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL)
            .unwrap();
    }
}

/// The program from its start to its end; its exit code, none where it was killed.
fn run(field: &Field, watch: &Watch, args: &[&str]) -> (Option<i32>, String) {
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
        if later {
            field.advance(Duration::from_secs(330));
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
    let fields: Vec<Arc<Field>> = (0..3).map(|_| Arc::new(make())).collect();
    std::thread::scope(|scope| {
        for field in &fields {
            scope.spawn(|| {
                // Each field reaches its own routers; the configurations are alike.
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(point) = points.get(at) else { return };
                    let seen = trial.strike(field, *point, at.is_multiple_of(2));
                    states.lock().unwrap().extend(seen);
                }
            });
        }
    });
    let states = states.into_inner().unwrap();
    accepted(&first, &states, moving);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for point in &points {
        let kind = if matches!(point.strike, Strike::CutBefore | Strike::CutAfter) { "cut" } else { "killed" };
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
        // A step that is no multiple of the strikes, so that each of them is among the points.
        let step = (all.len() / 60).max(1) | 1;
        let step = if step.is_multiple_of(5) { step + 2 } else { step };
        all.into_iter().step_by(step).collect()
    };
    assert!(campaign(&Field::new, &CUTOVER, Some("cinto-srv1"), &some) >= 50);
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
