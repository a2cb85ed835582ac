//! The bars of the replica over a real OpenSSH server: a 2 GiB disk with a real ext4 filesystem.
//! Needs the Debian packages openssh-server and e2fsprogs.

use crate::support::proxy::Proxy;
use crate::support::replica::assert_canonical;
use crate::support::town::Town;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use traghetto::replica::DiskReplica;

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;
const SERVER: &str = "cinto-srv1";

/// Seeds and syncs with one gate between any two; nothing else.
const PLAYBOOK: &str = "\
playbook: {name: barre, source: prova}
activities:
  - {activity: 1, title: {it: Copia, en: Copy}, responsible: [venis-sistemista], executes: [venis-sistemista],
     validates: [sad-validatore], days: [1, 2], steps: [{do: prepare-landing}, {do: seed},
     {gate: {id: seeded, title: {it: Copiato, en: Copied}}}]}
  - {activity: 2, title: {it: Ricopia, en: Copy again}, responsible: [venis-sistemista], executes: [venis-sistemista],
     validates: [sad-validatore], days: [3, 4], steps: [{do: sync},
     {gate: {id: synced, title: {it: Ricopiato, en: Copied again}}}]}
  - {activity: 3, title: {it: Ricopia ancora, en: Copy once more}, responsible: [venis-sistemista],
     executes: [venis-sistemista], validates: [sad-validatore], days: [5, 6], steps: [{do: sync},
     {gate: {id: again, title: {it: Ricopiato ancora, en: Copied once more}}}]}
";

/// A town whose first server has a 2 GiB disk, reached through a relay that counts.
struct Bench {
    town: Town,
    proxy: Proxy,
}

impl Bench {
    fn new(rate: Option<u64>) -> Self {
        let town = Town::new();
        let proxy = Proxy::to(town.sshd.port, rate);
        let path = town.sandbox.path().join("inventory/tenants/cinto-caomaggiore.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace(&format!("port: {}", town.sshd.port), &format!("port: {}", proxy.port));
        let size = crate::support::town::DISK.to_string();
        std::fs::write(&path, text.replacen(&size, &(2 * GIB).to_string(), 1)).unwrap();
        std::fs::remove_file(town.sandbox.path().join("playbooks/con-me-2.2.1.yaml")).unwrap();
        town.sandbox.write("playbooks/bars.yaml", PLAYBOOK);
        ext4(&town.disk(SERVER));
        Self { town, proxy }
    }

    /// Forgets replica and state, as before the first run.
    fn begin_anew(&self) {
        for folder in ["replicas", ".traghetto"] {
            let _ = std::fs::remove_dir_all(self.town.sandbox.path().join(folder));
        }
    }

    /// The facts of the last finished step `id`.
    fn facts(&self, id: &str) -> serde_json::Value {
        let path = self.town.sandbox.path().join("replicas/cinto-caomaggiore/events.jsonl");
        let events = std::fs::read_to_string(path).unwrap();
        let events = events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let mut finished = events.filter(|event| event["kind"] == "step.finished" && event["data"]["step"] == id);
        finished.next_back().unwrap_or_else(|| panic!("{id} is not finished"))["data"]["facts"].clone()
    }

    #[track_caller]
    fn assert_equal(&self) {
        let folder = self.town.image(SERVER).parent().unwrap().to_owned();
        let replica = DiskReplica::new(&folder, &"disk0".parse().unwrap());
        assert_canonical(&replica, &self.town.disk(SERVER));
    }
}

/// A 2 GiB image with an ext4 filesystem that holds the machine's own programs.
fn ext4(path: &Path) {
    let file = std::fs::File::create(path).unwrap();
    file.set_len(2 * GIB).unwrap();
    let made = Command::new("/sbin/mkfs.ext4").args(["-q", "-F", "-d", "/usr/bin"]).arg(path).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// Changes `count` random blocks of 4 KiB.
fn change(path: &Path, count: u64, mut state: u64) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::options().write(true).open(path).unwrap();
    for _ in 0..count {
        let mut block = [0; 4096];
        for byte in &mut block {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            *byte = (state >> 56) as u8;
        }
        let at = (state >> 20) % (2 * GIB / 4096);
        file.write_all_at(&block, at * 4096).unwrap();
    }
    file.sync_all().unwrap();
}

fn wire(facts: &serde_json::Value) -> u64 {
    facts["bytes_wire"].as_u64().unwrap()
}

#[test]
fn two_gib_of_ext4_are_seeded_changed_and_synced_within_the_bars() {
    let bench = Bench::new(None);
    bench.town.run_to("seeded");
    bench.assert_equal();
    bench.town.sign("seeded", "sad-validatore", "carla-riva");

    change(&bench.town.disk(SERVER), 200, 7);
    bench.town.run_to("synced");
    bench.assert_equal();
    let sent = wire(&bench.facts("a2.sync.cinto-srv1.disk0"));
    assert!(sent < 1_500_000, "200 changed blocks cost {sent} bytes");

    bench.town.sign("synced", "sad-validatore", "carla-riva");
    bench.town.run_to("again");
    let sent = wire(&bench.facts("a3.sync.cinto-srv1.disk0"));
    assert!(sent < 64 << 10, "an unchanged disk costs {sent} bytes");
}

/// Kills the runner `kills` times at random moments of seeds, each followed by the same command.
fn kill_again_and_again(kills: usize) {
    // Slow enough that a kill finds work in flight.
    let bench = Bench::new(Some(48 * MIB));
    let mut random = u64::from(std::process::id()) | 1;
    println!("seed of the moments: {random}");
    let whole = seed_undisturbed(&bench);
    let mut killed = 0;
    while killed < kills {
        bench.begin_anew();
        let (before, mut of_this_round) = (bench.proxy.bytes(), 0);
        while killed_in_time(&bench, &mut random) {
            killed += 1;
            of_this_round += 1;
            if of_this_round == 12 {
                bench.town.run_to("seeded");
                break;
            }
        }
        bench.assert_equal();
        let again = (bench.proxy.bytes() - before).saturating_sub(whole);
        // What was on its way and not acknowledged is bounded too; the agent's push is not counted here.
        let bound = of_this_round * (8 * MIB + agent_bytes());
        assert!(again <= bound, "{of_this_round} kills cost {again} bytes more than {whole}, at most {bound}");
    }
}

/// Bytes of one whole seed through the relay.
fn seed_undisturbed(bench: &Bench) -> u64 {
    bench.town.run_to("seeded");
    bench.assert_equal();
    bench.proxy.bytes()
}

fn agent_bytes() -> u64 {
    let agent = std::env::var_os("TRAGHETTO_AGENT").unwrap_or_else(|| env!("CARGO_BIN_EXE_traghetto-agent").into());
    3 * std::fs::metadata(agent).unwrap().len()
}

/// Runs until a random moment and kills; false if the run came to its gate before.
fn killed_in_time(bench: &Bench, random: &mut u64) -> bool {
    let mut run = bench.town.command(&["run"]);
    let mut run = run.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    let until = Instant::now() + Duration::from_millis(*random % 2500);
    while Instant::now() < until {
        if run.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    true
}

#[test]
fn a_runner_killed_again_and_again_ends_with_the_same_image() {
    kill_again_and_again(6);
}

#[test]
fn proof_fifty_kills_of_the_runner() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("fifty kills are part of `make proof`; six are killed in every test run");
        return;
    }
    kill_again_and_again(50);
}
