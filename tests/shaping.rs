//! Shaping on real lines: network namespaces, two CPEs, a real sshd in the town. Needs root, the Debian
//! packages openssh-server and iproute2, and the static agent (`make test` builds it and names it by
//! `TRAGHETTO_AGENT`): a source that is not this very host takes no other.

use crate::support::lines::{Lines, Place, SERVER};
use crate::support::replica::random_bytes;
use crate::support::town::{DISK, Town};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use traghetto::world::probe::path::{Sighting, watch};

/// Bytes of the disk: half a minute at 10 Mbit/s, and none of it packs.
const BYTES: usize = 40 << 20;

const PLAYBOOK: &str = "\
playbook: {name: prova, source: prova}
activities:
  - {activity: 1, title: {it: Copia, en: Copy}, responsible: [venis-sistemista], executes: [venis-sistemista],
     validates: [sad-validatore], days: [1, 2], steps: [{do: prepare-landing}, {do: seed},
     {gate: {id: seeded, title: {it: Copiato, en: Copied}}}]}
";

/// All of MCR, which is 10 Mbit/s, at every hour.
const ALWAYS_MCR: &str =
    r#"shaping: [{days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", until: "00:00", mcr_percent: 100}]"#;

/// A town behind two lines, whose first server is copied from the SAD.
struct Bench {
    lines: Lines,
    town: Town,
}

impl Bench {
    fn new() -> Option<Self> {
        let agent = std::env::var("TRAGHETTO_AGENT").ok();
        if agent.is_none() {
            println!("not run: `make test` builds the static agent and names it by TRAGHETTO_AGENT");
        }
        let agent = agent?;
        let lines = Lines::new();
        let mut town = lines.inside(Place::Town, Town::new);
        town.sandbox = town.sandbox.env("TRAGHETTO_AGENT", &agent);
        let path = town.sandbox.path().join("inventory/tenants/cinto-caomaggiore.yaml");
        let text = std::fs::read_to_string(&path).unwrap().replace("host: 127.0.0.1", &format!("host: {SERVER}"));
        std::fs::write(&path, text.replacen(&DISK.to_string(), &BYTES.to_string(), 1)).unwrap();
        let project = town.sandbox.path().join("inventory/project.yaml");
        let text = std::fs::read_to_string(&project).unwrap();
        let (before, after) = (text.find("\nshaping:").unwrap() + 1, text.find("\nnetwork:").unwrap() + 1);
        std::fs::write(&project, format!("{}{ALWAYS_MCR}\n{}", &text[..before], &text[after..])).unwrap();
        std::fs::remove_file(town.sandbox.path().join("playbooks/con-me-2.2.1.yaml")).unwrap();
        town.sandbox.write("playbooks/prova.yaml", PLAYBOOK);
        let disk: Vec<u8> = random_bytes(7).take(BYTES).collect();
        std::fs::write(town.disk("cinto-srv1"), disk).unwrap();
        Some(Self { lines, town })
    }

    /// Starts the run at the SAD.
    fn run(&self) -> Run {
        let command = || {
            let mut command = self.town.command(&["run", "--server", "cinto-srv1"]);
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let mut child = self.lines.inside(Place::Sad, command);
        let (said, stderr) = (Arc::<Mutex<String>>::default(), BufReader::new(child.stderr.take().unwrap()));
        let heard = said.clone();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                heard.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Run { child, said }
    }

    /// The first server in `migrate status --json`.
    fn status(&self) -> serde_json::Value {
        self.town.status()["servers"][0].clone()
    }

    /// Bits a second on a line, over `time`.
    fn rate(&self, line: Place, time: Duration) -> f64 {
        let (begun, before) = (Instant::now(), self.lines.bytes(line));
        std::thread::sleep(time);
        (self.lines.bytes(line) - before) as f64 * 8.0 / begun.elapsed().as_secs_f64()
    }
}

struct Run {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Run {
    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Asks it to stop, which it does in order.
    fn stop(mut self) -> String {
        let id = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(130), "{}", self.said());
        self.said()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn until(what: &str, patience: Duration, mut holds: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < patience, "not within {patience:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
    begun.elapsed()
}

#[test]
fn the_rate_is_held_and_the_lte_backup_carries_nothing() {
    let Some(bench) = Bench::new() else { return };
    let run = bench.run();
    until("data on the primary line", Duration::from_secs(30), || bench.lines.bytes(Place::Primary) > 4 << 20);
    let rate = bench.rate(Place::Primary, Duration::from_secs(10));
    println!("held {rate:.0} bit/s of 10000000");
    assert!((9.7e6..10.3e6).contains(&rate), "{rate} bit/s on the interface, of 10 Mbit/s");
    let status = bench.status();
    assert_eq!(status["path"], "primary");
    assert_eq!(status["allowed_bps"], 10_000_000);
    assert!((9.0e6..11.0e6).contains(&status["rate_bps"].as_f64().unwrap()), "{status}");
    assert!(status["eta_seconds"].as_u64().unwrap() <= 40, "{status}");
    let page = bench.town.migrate(&["status", "--watch"]).code(0).stdout;
    assert!(page.contains("path primary, ") && page.contains(" of 10.0 Mbit/s (calendar)"), "{page}");
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");

    bench.lines.carry(Place::Backup);
    std::thread::sleep(Duration::from_secs(3));
    let crossed = bench.lines.bytes(Place::Backup);
    let rate = bench.rate(Place::Backup, Duration::from_secs(3));
    println!("{crossed} bytes crossed the backup before the hold, then {rate:.0} bit/s");
    assert!(rate < 50_000.0, "{rate} bit/s over the LTE backup");
    assert!(run.said().contains("held: the LTE backup carries; it goes on by itself when"), "{}", run.said());
    assert_eq!(bench.status()["path"], "backup");
    assert_eq!(bench.status()["allowed_bps"], 0);

    bench.lines.carry(Place::Primary);
    let before = bench.lines.bytes(Place::Primary);
    let took = until("data again", Duration::from_secs(5), || bench.lines.bytes(Place::Primary) > before + (1 << 20));
    println!("data again after {took:?}");
    let said = run.stop();
    assert!(said.contains("a1.seed.cinto-srv1.disk0 goes on"), "{said}");
    let log = bench.town.migrate(&["log"]).code(0).stdout;
    assert_eq!(log.matches("copy.held").count(), 1, "{log}");
    assert_eq!(log.matches("copy.resumed").count(), 1, "{log}");
    assert_eq!(bench.status()["path"], serde_json::Value::Null, "nobody copies any more");
}

#[test]
fn a_growing_round_trip_makes_it_yield() {
    let Some(bench) = Bench::new() else { return };
    // The line is slower than the calendar believes, with a queue of more than a second.
    bench.lines.queue(Place::Primary, &["tbf", "rate", "4mbit", "burst", "4k", "limit", "700000"]);
    let run = bench.run();
    until("yielding", Duration::from_secs(30), || {
        bench.status()["why"].as_str().is_some_and(|why| why.starts_with("yielding: the round trip is "))
    });
    assert!(bench.status()["allowed_bps"].as_u64().unwrap() < 10_000_000, "{}", bench.status());
    run.stop();
}

#[test]
fn the_line_is_told_by_who_answers() {
    let lines = Lines::new();
    let server = SERVER.parse().unwrap();
    let mut sightings = lines.inside(Place::Sad, || watch(server).unwrap());
    let hops =
        |sighting: Sighting| -> Vec<String> { sighting.hops.iter().map(|hop| hop.address.to_string()).collect() };
    assert_eq!(hops(sightings.blocking_recv().unwrap()), ["10.128.4.2", SERVER]);
    lines.carry(Place::Backup);
    let begun = Instant::now();
    while hops(sightings.blocking_recv().unwrap()) != ["10.129.4.2", SERVER] {
        assert!(begun.elapsed() < Duration::from_secs(5), "the other line is not seen");
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}
