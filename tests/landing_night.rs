//! A whole migration into the vCenter simulator, by the program itself: prepared, copied, test-launched, cut
//! over, taken back; then the same with the program killed at its steps' boundaries and within them.

use crate::support::vcenter_night::{Address, Night, SERVERS, Seen, TENANT, in_own_network};
use crate::support::vcsim::PASSWORD;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const FIRST: &str = SERVERS[0];
const SECOND: &str = SERVERS[1];

fn seen(on: bool, connected: bool, network: &str) -> Seen {
    let dash = if network.is_empty() { "" } else { "-" };
    Seen { on, connected, network: format!("{TENANT}{dash}{network}") }
}

/// Up to the last gate before the night, with a look at every machine.
pub fn up_to_the_night(night: &Night, way: &str) {
    for gate in ["landing-ready", "source-checked", "test-accepted"] {
        night.run_to(gate);
        assert_eq!(night.machines(), BTreeMap::new(), "before {gate}");
        night.pass(gate);
    }
    let copied = night.bytes();
    assert_eq!((&copied[0], &copied[2]), (&copied[1], &copied[3]), "a replica is not its source");
    night.run_to("move-planned");
    let tests = SERVERS.map(|server| (format!("{server}-test"), seen(true, true, "test")));
    assert_eq!(night.machines(), BTreeMap::from(tests));
    assert_eq!(night.clones(way), SERVERS.map(|server| format!("{server}-test")));
    night.pass("move-planned");
    night.run_to("quiet");
    assert_eq!((night.machines(), night.clones(way)), (BTreeMap::new(), Vec::new()), "tests are left");
    assert_eq!(night.bytes(), copied);
    night.pass("quiet");
}

/// Waits until a machine runs, and nothing of its copy answered before it was connected.
fn wait_for(night: &Night, server: &str, wanted: &Seen) {
    let begun = Instant::now();
    while night.machines().get(server) != Some(wanted) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{server}: {:?}", night.machines());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The first server moves, and the second up to its address.
pub fn cut_over(night: &Night) {
    SERVERS.iter().for_each(|server| night.silence(Address::Copy, server));
    let mut run = night.start(&["run"]);
    run.until(&format!("a5.fence.{FIRST} ..."));
    // Whatever a person says: it answers.
    night.vouch("source-off", FIRST);
    let until = Instant::now() + Duration::from_secs(7);
    while let Ok(line) = run.line(until.saturating_duration_since(Instant::now())) {
        assert!(!line.contains("a5.fence.cinto-srv1 done"), "{}", run.text);
    }
    assert_eq!(night.machines(), BTreeMap::new(), "it was replaced while it answered");
    night.silence(Address::Source, FIRST);
    run.until(&format!("a5.boot.{FIRST} ..."));
    wait_for(night, FIRST, &seen(true, true, "new"));
    night.answer(Address::Copy, FIRST);
    run.until(&format!("a5.fence.{SECOND} ..."));
    night.silence(Address::Source, SECOND);
    // The run that waits hears what is said meanwhile.
    night.vouch("source-off", SECOND);
    let (code, told) = run.end();
    assert_eq!(code, 5, "{told}");
    let waits = [
        "waiting: the address of cinto-srv2 does not lead to the landing site yet",
        "hint: Nothing was booted at the landing site; the source can still go on as it was.",
        "traghetto network push cinto-caomaggiore --class cutover --server cinto-srv2",
        "traghetto migrate sign cinto-caomaggiore routed --server cinto-srv2 --role ROLE --note TEXT",
        "hint: Then give the same command again.",
        "hint: It was step a5.route.cinto-srv2.",
    ];
    for said in waits {
        assert!(told.contains(said), "`{said}` is not in:\n{told}");
    }
    assert_eq!(night.machines(), BTreeMap::from([(FIRST.to_owned(), seen(true, true, "new"))]));
    night.vouch("routed", SECOND);
    let run = night.start(&["run"]);
    wait_for(night, SECOND, &seen(true, true, ""));
    night.answer(Address::Copy, SECOND);
    let (code, told) = run.end();
    assert_eq!(code, 5, "{told}");
    assert!(told.contains("sign gate landing-accepted:"), "{told}");
}

/// The second server goes back, by both sides; the first is accepted.
fn go_back(night: &Night) {
    let both = BTreeMap::from([(FIRST.to_owned(), seen(true, true, "new")), (SECOND.to_owned(), seen(true, true, ""))]);
    assert_eq!(night.machines(), both);
    let back = |role: &str, by: &str, operator: &str| {
        let who = ["--role", role, "--by", by, "--operator", operator, "--reason", "the ledger is old", "--yes"];
        night.migrate(&[&["rollback", "--server", SECOND], &who[..]].concat())
    };
    let asked = back("venis-sistemista", "anna-veneto", "anna-veneto").code(5);
    assert!(asked.stderr.contains("the other side has to agree about cinto-srv2"), "{}", asked.stderr);
    let one = back("comune-tecnico", "elena-ponte", "anna-veneto").code(4);
    assert!(one.stderr.contains("one person, or one operator, does not decide for both sides"), "{}", one.stderr);
    assert_eq!(night.machines(), both, "one side alone did something");
    let done = back("comune-tecnico", "elena-ponte", "elena-ponte").code(0);
    assert!(done.stderr.contains("taken back: cinto-srv2"), "{}", done.stderr);
    assert!(done.stderr.contains("their machines are off and connected to nothing"), "{}", done.stderr);
    assert_eq!(night.machines()[SECOND], seen(false, false, ""), "off, apart, and kept");
    assert_eq!(night.machines()[FIRST], both[FIRST], "the other stays in service");
    night.silence(Address::Copy, SECOND);
    night.answer(Address::Source, SECOND);
    night.run_to("landing-accepted");
    night.pass("landing-accepted");
    let status = night.status();
    let phases: Vec<&str> = (0..2).map(|at| status["servers"][at]["phase"].as_str().unwrap()).collect();
    assert_eq!(phases, ["accepted", "rolled-back"]);
}

/// What was staged moves while it runs, without a licence only once people have shut it down; what was imported, or
/// taken back, stays.
fn moves_to_stay(night: &Night, way: &str) {
    let before = night.machines();
    if way == "nfs" {
        night.vcsim.say("cold-only", "");
        let ran = night.migrate(&["run"]).code(5);
        for said in [
            "the vCenter does not move cinto-srv1 to LocalDS_0 while it runs",
            "hint: Source and replica are untouched.",
            "shut the guest down, and give the same command again",
            "hint: It was step a6.relocate.cinto-srv1.",
        ] {
            assert!(ran.stderr.contains(said), "`{said}` is not in:\n{}", ran.stderr);
        }
        assert_eq!((night.machines(), night.clones(way)), (before.clone(), SERVERS.map(str::to_owned).to_vec()));
        night.shut_down(FIRST);
        let ran = night.migrate(&["run"]).code(5);
        for said in ["cinto-srv1 is on LocalDS_0, and it is off", "then turn it on in the vCenter"] {
            assert!(ran.stderr.contains(said), "`{said}` is not in:\n{}", ran.stderr);
        }
        assert_eq!(night.clones(way), [SECOND], "its clone is left in the export");
        night.turn_on(FIRST);
    }
    let ran = night.migrate(&["run"]).code(5);
    assert!(ran.stderr.contains("a6.relocate.cinto-srv1 done"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("a6.relocate.cinto-srv2"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the quiet period is"), "{}", ran.stderr);
    assert_eq!(night.machines(), before, "a machine changed");
    let stays = format!("[LocalDS_0] {FIRST}/{FIRST}.vmx");
    assert_eq!(night.place(FIRST), stays);
    let left: &[&str] = if way == "nfs" { &[SECOND] } else { &SERVERS };
    assert_eq!(night.clones(way), left);
}

/// Neither the password nor a session is in what was printed or journaled.
fn keeps_secrets(night: &Night) {
    let answers = std::fs::read_to_string(night.vcsim.root().join("requests")).unwrap();
    let sessions: BTreeSet<&str> = answers
        .split("<LoginResponse")
        .skip(1)
        .filter_map(|login| Some(login.split_once("<key>")?.1.split_once("</key>")?.0))
        .collect();
    assert!(sessions.len() > 5, "{sessions:?}");
    let journal = night.sandbox.path().join("replicas").join(TENANT).join("events.jsonl");
    let journal = std::fs::read_to_string(journal).unwrap();
    let log = night.sandbox.run(&["migrate", "log", TENANT, "--json"]).code(0).stdout;
    let told = night.told();
    assert!(told.contains("DEBUG") && journal.contains("server.withdrawn") && log.contains("server.withdrawn"));
    for (name, text) in [("what was printed", &told), ("the journal", &journal), ("the log", &log)] {
        assert!(!text.contains(PASSWORD) && !text.contains("Bricola"), "the password is in {name}");
        for session in &sessions {
            assert!(!text.contains(session), "a session is in {name}");
        }
    }
}

fn whole(way: &'static str) {
    in_own_network(|| {
        let night = Night::new(way, &["-vvv"]);
        up_to_the_night(&night, way);
        let before = night.bytes();
        cut_over(&night);
        assert_eq!(night.clones(way), SERVERS, "something was left behind");
        go_back(&night);
        assert_eq!(night.clones(way), SERVERS, "what was taken back is kept");
        moves_to_stay(&night, way);
        assert_eq!(night.bytes(), before, "a source or a replica was written to");
        keeps_secrets(&night);
    });
}

#[test]
fn a_town_lands_from_staged_clones() {
    whole("nfs");
}

#[test]
fn a_town_lands_by_imports() {
    whole("nfc");
}

/// Steps that are killed within, too: everything that changes machines.
const LONG: [&str; 5] = ["test-launch", "end-test", "convert", "boot", "relocate"];

/// When a program is killed.
#[derive(Default)]
struct Killer {
    /// How much later than the last one a kill within a step comes.
    stride: Duration,
    /// How often a step is killed at most.
    most: u32,
    /// Whether boundaries of every step are met, or only of those that change machines.
    every: bool,
    /// How often a step was killed already.
    begun: BTreeMap<String, u32>,
    /// Steps after whose end it was killed.
    ended: BTreeSet<String>,
    kills: usize,
}

impl Killer {
    fn wants(&self, step: &str) -> bool {
        self.every || LONG.iter().any(|long| step.contains(long))
    }

    /// When a step that begins now is to be killed.
    fn at_begin(&mut self, step: &str) -> Option<Instant> {
        let (wanted, long) = (self.wants(step), LONG.iter().any(|long| step.contains(long)));
        let times = self.begun.entry(step.to_owned()).or_default();
        *times += 1;
        (wanted && (*times == 1 || long && *times <= self.most)).then(|| Instant::now() + self.stride * (*times - 1))
    }

    /// Runs until it is killed (none), or ends by itself.
    fn run(&mut self, night: &Night) -> Option<(i32, String)> {
        let mut run = night.start(&["run"]);
        let mut at: Option<Instant> = None;
        loop {
            let within = at.map_or(Duration::from_secs(120), |at| at.saturating_duration_since(Instant::now()));
            match run.line(within) {
                Ok(line) => {
                    let mut words = line.split([' ', ':']);
                    let (step, what) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                    if !step.starts_with('a') || !step.contains('.') {
                        continue;
                    }
                    at = match what {
                        "..." => self.at_begin(step),
                        "done" if self.wants(step) && self.ended.insert(step.to_owned()) => Some(Instant::now()),
                        "done" => None,
                        _ => at,
                    };
                }
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) if at.is_some() => {
                    self.kills += 1;
                    run.kill();
                    return None;
                }
                Err(_) => return Some(run.end()),
            }
        }
    }

    /// The same command until it ends by itself; nobody is ever there twice.
    fn until_it_ends(&mut self, night: &Night) -> (i32, String) {
        loop {
            let ended = self.run(night);
            let machines = night.machines();
            let known = SERVERS.iter().flat_map(|server| [(*server).to_owned(), format!("{server}-test")]);
            let known: BTreeSet<String> = known.collect();
            assert!(machines.keys().all(|name| known.contains(name)), "{machines:?}");
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    /// Goes on to a gate; who stands at the sources does what has to be done.
    fn run_to(&mut self, night: &Night, gate: &str) {
        let mut said = BTreeSet::new();
        for _ in 0..8 {
            let begun = Instant::now();
            let (code, told) = self.until_it_ends(night);
            assert_eq!(code, 5, "{told}");
            if told.contains(&format!("sign gate {gate}:")) {
                return;
            }
            let server = SERVERS.into_iter().find(|server| told.contains(&format!(".{server}.\n"))).unwrap();
            let fact = if told.contains("It was step a5.route.") { "routed" } else { "source-off" };
            assert!(said.insert((fact, server)), "twice: {told}");
            // A run that nobody can answer asks for a person soon.
            assert!(fact == "routed" || begun.elapsed() < Duration::from_secs(300), "{told}");
            night.vouch(fact, server);
        }
        panic!("{gate} was never reached");
    }
}

fn killed(way: &'static str, mut killer: Killer) {
    in_own_network(|| {
        let night = Night::new(way, &[]);
        for gate in ["landing-ready", "source-checked", "test-accepted", "move-planned", "quiet"] {
            killer.run_to(&night, gate);
            if gate == "move-planned" {
                let tests = SERVERS.map(|server| (format!("{server}-test"), seen(true, true, "test")));
                assert_eq!(night.machines(), BTreeMap::from(tests));
            }
            night.pass(gate);
        }
        assert_eq!((night.machines(), night.clones(way)), (BTreeMap::new(), Vec::new()), "tests are left");
        let before = night.bytes();
        the_night(&night, &mut killer);
        let both = [(FIRST.to_owned(), seen(true, true, "new")), (SECOND.to_owned(), seen(true, true, ""))];
        assert_eq!(night.machines(), BTreeMap::from(both.clone()));
        assert_eq!((night.clones(way), night.bytes()), (SERVERS.map(str::to_owned).to_vec(), before.clone()));
        night.pass("landing-accepted");
        night.vcsim.say("relocate-ms", "1500");
        let (code, told) = killer.until_it_ends(&night);
        assert!(code == 5 && told.contains("the quiet period is"), "{told}");
        assert_eq!(night.machines(), BTreeMap::from(both), "a machine changed while it moved");
        assert_eq!(
            SERVERS.map(|server| night.place(server)),
            SERVERS.map(|one| format!("[LocalDS_0] {one}/{one}.vmx"))
        );
        let left = if way == "nfs" { Vec::new() } else { SERVERS.map(str::to_owned).to_vec() };
        assert_eq!((night.clones(way), night.bytes()), (left, before));
        let moves = night.vcsim.requests().iter().filter(|request| request.contains("<RelocateVM_Task")).count();
        assert_eq!(moves, if way == "nfs" { 2 } else { 0 }, "a move was begun twice");
        let loops = crate::support::images::run("losetup", &["--list", "--noheadings", "-O", "BACK-FILE"]);
        assert!(!loops.contains(&night.vcsim.root().display().to_string()), "{loops}");
        println!("{} kills", killer.kills);
        assert!(killer.kills > 10, "{}", killer.kills);
    });
}

/// The sources go off as their turn comes, and the same command goes on.
fn the_night(night: &Night, killer: &mut Killer) {
    std::thread::scope(|scope| {
        let every = killer.every;
        scope.spawn(move || {
            for server in SERVERS {
                switch_off(night, server);
                // Otherwise the run asks for it after a minute.
                if !every {
                    night.vouch("source-off", server);
                }
            }
        });
        killer.run_to(night, "landing-accepted");
    });
}

/// Waits for the fence of a server in the journal, and pulls its cable.
pub fn switch_off(night: &Night, server: &str) {
    let journal = night.sandbox.path().join("replicas").join(TENANT).join("events.jsonl");
    let begun = format!("\"step\":\"a5.fence.{server}\"");
    let until = Instant::now() + Duration::from_secs(900);
    while !std::fs::read_to_string(&journal).is_ok_and(|text| text.contains(&begun)) {
        if Instant::now() > until {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    night.silence(Address::Source, server);
}

#[test]
fn a_night_that_is_killed_at_what_changes_machines_ends_the_same() {
    let stride = Duration::from_millis(600);
    killed("nfs", Killer { stride, most: 3, ..Killer::default() });
}

#[test]
fn proof_a_night_that_is_killed_everywhere_ends_the_same() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("kills at every boundary, and many within, are part of `make proof`");
        return;
    }
    for way in ["nfs", "nfc"] {
        let stride = Duration::from_millis(150);
        killed(way, Killer { stride, most: 100, every: true, ..Killer::default() });
    }
}
