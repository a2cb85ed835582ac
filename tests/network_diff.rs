//! Changes of running networks: every state between both ends is looked at again, by this file's own
//! judge, line by line.

use crate::support::changes::{Kind, Pair, pair};
use std::collections::{BTreeMap, BTreeSet};
use traghetto::network::diff::{self, Change, RouterChange, Session, Step};
use traghetto::network::parse;
use traghetto::network::simulate::{Failures, Scene, SceneRouter, Server, Surroundings, Verdict, reachability};
use traghetto::network::text::{ConfigText, Line};

/// How many changes are made up: all of them where the program is optimised, as in `make test`.
const PAIRS: u64 = if cfg!(debug_assertions) { 110 } else { 550 };

/// Kinds in which something beside the routers, or both routers of a LAN at once, must change.
const AT_ONCE: [Kind; 5] = [Kind::PrimaryLine, Kind::LanAddresses, Kind::Vip, Kind::Authentication, Kind::Group];

/// What a router does without these lines too.
const DEFAULTS: [&str; 12] = [
    "ip ssh time-out 120",
    "ip ssh authentication-retries 3",
    "ip proxy-arp",
    "ip redirects",
    "ip unreachables",
    "cdp enable",
    "no ip address",
    "ip mtu 1500",
    "no shutdown",
    "mode tunnel",
    "threshold 5000",
    "timeout 5000",
];

fn is_default(line: &str) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    let of_group = matches!(words.as_slice(), ["standby", _, "priority", "100"] | ["standby", _, "timers", "3", "10"]);
    of_group || DEFAULTS.contains(&line)
}

/// Every line with the lines above it.
fn flat(lines: &[Line], above: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in lines {
        let path = if above.is_empty() { line.text.clone() } else { format!("{above} / {}", line.text) };
        found.extend(flat(&line.children, &path));
        if !is_default(&line.text) {
            found.insert(path);
        }
    }
    found
}

/// The network with these routers, in each of the surroundings.
fn scenes(pair: &Pair, configs: &[ConfigText]) -> Vec<Scene> {
    let routers = pair.routers.iter().zip(configs).map(|(router, config)| SceneRouter {
        role: router.role,
        file: String::new(),
        device: parse::device(config),
    });
    let routers: Vec<_> = routers.collect();
    let scene = |around: &Surroundings| Scene { routers: routers.clone(), surroundings: around.clone() };
    pair.surroundings.iter().map(scene).collect()
}

fn lost(scene: &Scene) -> BTreeSet<String> {
    let pairs = reachability(scene, &Failures::none());
    let lost = pairs.iter().filter(|pair| pair.verdict == Verdict::Lost);
    lost.map(|pair| format!("{} to {}", pair.client, pair.server)).collect()
}

/// Whether anyone may log in to a line of a terminal.
fn unfiltered(config: &ConfigText) -> bool {
    let lists: Vec<&str> = config
        .lines
        .iter()
        .filter(|line| !line.children.is_empty())
        .filter_map(|line| line.text.strip_prefix("ip access-list standard "))
        .collect();
    config.lines.iter().filter(|line| line.text.starts_with("line vty")).any(|line| {
        let closed = line.children.iter().any(|child| child.text == "transport input none");
        let filtered = line.children.iter().any(|child| {
            child
                .text
                .strip_prefix("access-class ")
                .is_some_and(|rest| lists.contains(&rest.split(' ').next().unwrap()))
        });
        !closed && !filtered
    })
}

struct Walk<'a> {
    pair: &'a Pair,
    now: Vec<ConfigText>,
    scenes: Vec<Scene>,
    /// In which of the surroundings the network is, and what was lost in each after the last line.
    phase: usize,
    lost: Vec<BTreeSet<String>>,
    kept: BTreeSet<String>,
    filtered: Vec<bool>,
    states: usize,
    windows: usize,
}

impl Walk<'_> {
    /// Types the steps on router `at`, and looks at the network after each line.
    fn types(&mut self, at: usize, steps: &[Step]) {
        let mut session = Session::new(&self.now[at]);
        for step in steps {
            let marked = step.window.is_some();
            self.windows += usize::from(marked);
            for line in &step.lines {
                session.enter(line).unwrap_or_else(|error| panic!("{} {:?}: {error}", self.pair.seed, self.pair.kind));
                self.now[at] = session.config();
                self.states += 1;
                let worse = self.looks(at);
                let told = || diff::lines(steps).join("\n");
                assert!(marked || worse.is_empty(), "{}: after `{line}`: {worse:?}\n{}", self.name(at), told());
                let open = self.filtered[at] && unfiltered(&self.now[at]);
                assert!(marked || !open, "{}: a terminal is open after `{line}`", self.name(at));
            }
            self.foreign_is_there(at, &step.object);
        }
    }

    fn name(&self, at: usize) -> String {
        format!("{} {:?}, {:?}", self.pair.seed, self.pair.kind, self.pair.routers[at].role)
    }

    /// What is lost now of what both ends keep. What happens beside the routers happens once, in a
    /// state that is good before and after it.
    fn looks(&mut self, at: usize) -> Vec<String> {
        let device = parse::device(&self.now[at]);
        let kept = |lost: &BTreeSet<String>| lost.intersection(&self.kept).cloned().collect::<Vec<_>>();
        if self.scenes[0].routers[at].device != device {
            self.scenes.iter_mut().for_each(|scene| scene.routers[at].device.clone_from(&device));
            let now: Vec<_> = self.scenes.iter().map(lost).collect();
            let before = std::mem::replace(&mut self.lost, now);
            let next = self.phase + 1;
            if !kept(&self.lost[self.phase]).is_empty() && next < before.len() && kept(&before[next]).is_empty() {
                self.phase = next;
            }
        }
        kept(&self.lost[self.phase])
    }

    fn foreign_is_there(&self, at: usize, line: &str) {
        let there = flat(&self.now[at].lines, "");
        let gone: Vec<_> = self.pair.foreign[at].iter().filter(|foreign| !there.contains(*foreign)).collect();
        assert!(gone.is_empty(), "{} {:?}: after `{line}`: {gone:?}", self.pair.seed, self.pair.kind);
    }
}

/// Walks a change there and back. Returns how many states there were, and how many steps with a window.
fn walk(pair: &Pair) -> (usize, usize) {
    let fail = |error| panic!("{} {:?}: {error:?}", pair.seed, pair.kind);
    let change = diff::plan_change(&pair.routers, &pair.surroundings, pair.class).unwrap_or_else(fail);
    let running: Vec<ConfigText> = pair.routers.iter().map(|router| diff::canonical(&router.running)).collect();
    let after: Vec<ConfigText> =
        pair.routers.iter().map(|router| diff::wanted_on(&router.running, &router.wanted, &router.own)).collect();
    let (first, last) = (pair.surroundings.first().unwrap(), pair.surroundings.last().unwrap());
    let before = scenes(pair, &running);
    let (old, new) = (lost(&before[0]), lost(scenes(pair, &after).last().unwrap()));
    let clients = ["lan", "behind-firewall"];
    // A server that moves is off while it does.
    let stays = |server: &&Server| first.servers.contains(server) && last.servers.contains(server);
    let every = first.servers.iter().filter(stays);
    let every: BTreeSet<String> =
        every.flat_map(|server| clients.map(|client| format!("{client} to {}", server.name))).collect();
    let kept = every.into_iter().filter(|name| !old.contains(name) && !new.contains(name)).collect();
    let filtered = running.iter().zip(&after).map(|(one, other)| !unfiltered(one) && !unfiltered(other)).collect();
    let mut walk = Walk {
        pair,
        now: running.clone(),
        lost: before.iter().map(lost).collect(),
        scenes: before,
        phase: 0,
        kept,
        filtered,
        states: 0,
        windows: 0,
    };
    let places: Vec<usize> = change.patches.iter().map(|patch| place(pair, &patch.router, &after)).collect();
    for (patch, at) in change.patches.iter().zip(&places) {
        negates_nothing_that_is_overwritten(pair, patch.steps.iter().chain(&patch.rollback));
        walk.types(*at, &patch.steps);
    }
    assert_eq!(walk.now, after, "{} {:?}", pair.seed, pair.kind);
    pair.routers.iter().enumerate().for_each(|(at, router)| is_wanted(pair, at, router, &after[at], &change));
    walk.scenes.reverse();
    walk.phase = 0;
    walk.lost = walk.scenes.iter().map(lost).collect();
    for (patch, at) in change.patches.iter().zip(&places).rev() {
        walk.types(*at, &patch.rollback);
    }
    let texts = |configs: &[ConfigText]| configs.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(texts(&walk.now), texts(&running), "{} {:?}: the way back", pair.seed, pair.kind);
    all_foreign_is_listed(pair, &change, &places);
    (walk.states, walk.windows)
}

fn place(pair: &Pair, router: &str, configs: &[ConfigText]) -> usize {
    let name = format!("hostname {router}");
    let at = configs.iter().position(|config| config.line(&name).is_some());
    at.unwrap_or_else(|| panic!("{}: {router}", pair.seed))
}

/// What is wanted is there, and of what is not told as foreign nothing else.
fn is_wanted(pair: &Pair, at: usize, router: &RouterChange, after: &ConfigText, change: &Change) {
    let patches = || change.patches.iter().chain(&change.untouched);
    let told: Vec<&str> = patches().flat_map(|patch| &patch.foreign).map(|foreign| foreign.line.as_str()).collect();
    let is_told = |line: &str| told.iter().any(|told| line.starts_with(told.split(" (").next().unwrap()));
    let (wanted, mut is) = (flat(&diff::canonical(&router.wanted).lines, ""), flat(&after.lines, ""));
    let missing: Vec<_> = wanted.difference(&is).collect();
    assert!(missing.is_empty(), "{} {:?}: {missing:?}", pair.seed, pair.kind);
    if at + 1 < pair.routers.len() {
        is.retain(|line| !pair.foreign[at].iter().any(|foreign| foreign.starts_with(line.as_str())));
        let more: Vec<_> = is
            .difference(&wanted)
            .filter(|line| !line.starts_with("interface Vlan99") && !line.contains(" / interface") && !is_told(line))
            .collect();
        assert!(more.is_empty(), "{} {:?} {:?}: {more:?}", pair.seed, pair.kind, router.role);
    }
}

/// Commands of which the last value wins.
const LAST_WINS: [&str; 12] = [
    " priority ",
    " timers ",
    " preempt",
    " name ",
    " delay ",
    "ip tcp adjust-mss",
    "ip mtu",
    "shape average",
    "description",
    "bandwidth",
    "ip address",
    "frequency",
];

/// What is set to another value is never taken away first: `no standby 10 priority 105` before
/// `standby 10 priority 110` leaves the router at 100, and it loses the election. (hier_config 3.7.1
/// and annet 4.8.3 do that.)
fn negates_nothing_that_is_overwritten<'a>(pair: &Pair, steps: impl Iterator<Item = &'a Step>) {
    let steps: Vec<&Step> = steps.collect();
    for step in &steps {
        for (at, line) in step.lines.iter().enumerate() {
            let text = line.trim_start();
            let Some(command) = text.strip_prefix("no ") else { continue };
            if !LAST_WINS.iter().any(|wins| format!("{command} ").contains(wins)) || command.starts_with("ip ") {
                continue;
            }
            // A policy's class may have one action of its kinds, and a standby group is its number.
            let begin: Vec<&str> =
                command.split(' ').take(if command.starts_with("standby") { 3 } else { 1 }).collect();
            let again = step.lines[at + 1..].iter().any(|later| later.trim_start().starts_with(&begin.join(" ")));
            let action = begin == ["bandwidth"] || begin == ["priority"];
            assert!(!again || action, "{} {:?}: {text} is negated and set again", pair.seed, pair.kind);
        }
    }
}

fn all_foreign_is_listed(pair: &Pair, change: &Change, places: &[usize]) {
    for (patch, at) in change.patches.iter().zip(places) {
        let told: String = patch.foreign.iter().map(|foreign| format!("{}\n", foreign.line)).collect();
        assert!(!told.contains("letmein"), "{}: a secret is shown", pair.seed);
        for foreign in pair.foreign[*at].iter().filter(|line| {
            !line.contains("community")
                && !line.contains("Vlan99 /")
                && !line.contains("ospf")
                && !line.contains("THEIRS /")
        }) {
            let whole = format!("{} (and", foreign.split(" / ").next().unwrap());
            assert!(
                told.contains(foreign.as_str()) || told.contains(&whole),
                "{} {:?}: {foreign} is not in\n{told}",
                pair.seed,
                pair.kind
            );
        }
    }
}

#[test]
fn no_state_between_two_ends_is_worse_than_both() {
    no_state_is_worse(PAIRS / 8);
}

#[test]
fn proof_no_state_between_two_ends_of_all_changes_is_worse() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("all {PAIRS} changes are part of `make proof`; an eighth of them is in every test run");
        return;
    }
    no_state_is_worse(PAIRS);
}

fn no_state_is_worse(all: u64) {
    let next = std::sync::atomic::AtomicU64::new(0);
    let work = || {
        let mut found = Vec::new();
        loop {
            let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if seed >= all {
                return found;
            }
            let pair = pair(seed);
            let (states, windows) = walk(&pair);
            found.push((pair.kind, states, windows));
        }
    };
    let found: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut by_kind: BTreeMap<Kind, (usize, usize, usize)> = BTreeMap::new();
    for (kind, states, windows) in found {
        let entry = by_kind.entry(kind).or_default();
        *entry = (entry.0 + 1, entry.1 + states, entry.2 + windows);
    }
    for (kind, (pairs, states, windows)) in &by_kind {
        println!("{kind:?}: {pairs} changes, {states} states, {windows} steps with a window");
        assert!(*windows == 0 || AT_ONCE.contains(kind), "{kind:?} needs no window, and {windows} steps ask for one");
    }
    let (pairs, states) = by_kind.values().fold((0, 0), |sum, kind| (sum.0 + kind.0, sum.1 + kind.1));
    println!("{pairs} changes, {states} states");
    assert_eq!(pairs as u64, all);
    for kind in [Kind::Vip, Kind::Authentication, Kind::Group] {
        assert!(by_kind[&kind].2 > 0, "{kind:?} needs a window, and no step says so");
    }
}
