//! Two runs and a push for one tenant, at once, from three processes: exactly one drives. The others say
//! who, since when, and how to take over, and write nothing.

use crate::support::Sandbox;
use crate::support::network::sandbox;
use std::io::{Read, Write as _};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const TENANT: &str = "cinto-caomaggiore";
const YAML: &str = "inventory/tenants/cinto-caomaggiore.yaml";
const MIRROR: &str = "replicas/cinto-caomaggiore/events.jsonl";

/// One copy of every disk and a gate.
const PLAYBOOK: &str = "\
playbook: {name: gare, source: prova}
activities:
  - {activity: 1, title: {it: Copia, en: Copy}, responsible: [venis-sistemista], executes: [venis-sistemista],
     validates: [sad-validatore], days: [1, 2], steps: [{do: seed},
     {gate: {id: seeded, title: {it: Copiato, en: Copied}}}]}
";

/// Who races, in which way.
const RACERS: [(&str, &[&str]); 3] = [
    ("anna-veneto", &["migrate", "run", TENANT]),
    ("bruno-laguna", &["migrate", "run", TENANT, "--server", "cinto-srv1"]),
    ("carla-riva", &["network", "push", TENANT, "--class", "cutover", "--server", "cinto-srv1", "--yes"]),
];

/// Servers and routers that take a connection and then say nothing: whoever drives stays at work.
fn mute_town() -> Sandbox {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                // Until whoever connected is gone.
                let mut sink = [0; 256];
                while stream.read(&mut sink).is_ok_and(|read| read > 0) {}
                let _ = stream.flush();
            });
        }
    });
    let sandbox = sandbox().env("TRAGHETTO_AGENT", env!("CARGO_BIN_EXE_traghetto-agent")).env("WORD", "word");
    for number in 0..3 {
        let access = format!("{{host: 192.0.2.1{number}, user: root, key: keys/rescue, host_key: unknown}}");
        let mute = format!("{{host: 127.0.0.1, port: {port}, user: root, password: \"env:WORD\", host_key: unknown}}");
        sandbox.edit(YAML, &access, &mute);
    }
    let key = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let router = |serial: &str| {
        format!(
            "{{host: 127.0.0.1, port: {port}, user: netops, password: \"env:WORD\", host_key: \"{key}\", serial: {serial}}}"
        )
    };
    let (primary, standby, hub) = (router("FCZ0001"), router("FCZ0002"), router("FCZ0003"));
    sandbox.edit(YAML, "apn: unknown", "apn: invented-apn");
    let routers = format!("    link:\n      routers:\n        primary: {primary}\n        standby: {standby}\n");
    sandbox.edit(YAML, "    link:\n", &routers);
    let name = "\n  hub_name: sad-ce-1\n";
    sandbox.edit("inventory/project.yaml", name, &format!("{name}  hub_access: {hub}\n"));
    std::fs::remove_file(sandbox.path().join("playbooks/con-me-2.2.1.yaml")).unwrap();
    sandbox.write("playbooks/races.yaml", PLAYBOOK);
    sandbox
}

fn begin(sandbox: &Sandbox, racer: usize) -> Child {
    let (who, args) = RACERS[racer];
    let mut command = sandbox.command(args);
    command.env("TRAGHETTO_OPERATOR", who).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The operators of the events that the mirror holds.
fn operators(sandbox: &Sandbox) -> Vec<String> {
    let text = std::fs::read_to_string(sandbox.path().join(MIRROR)).unwrap_or_default();
    let operator = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event["operator"].as_str().unwrap().to_owned()
    };
    text.lines().map(operator).collect()
}

/// One race; who won.
fn race(sandbox: &Sandbox, number: u64) -> usize {
    let before = operators(sandbox).len();
    let mut racers: [Option<Child>; 3] = [None, None, None];
    // Who comes first changes, and by how much.
    for place in 0..3_u64 {
        let racer = ((number + place) % 3) as usize;
        racers[racer] = Some(begin(sandbox, racer));
        std::thread::sleep(Duration::from_millis((number * 7 + place * 5) % 12));
    }
    let mut racers = racers.map(Option::unwrap);
    let until = Instant::now() + Duration::from_secs(60);
    let winner = loop {
        let running: Vec<usize> = (0..3).filter(|racer| racers[*racer].try_wait().unwrap().is_none()).collect();
        match running[..] {
            [winner] => break winner,
            [] => panic!("race {number}: nobody drives"),
            _ => assert!(Instant::now() < until, "race {number}: {} drive", running.len()),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let pid = racers[winner].id();
    // It is at work, and not merely the last to be told.
    std::thread::sleep(Duration::from_millis(30));
    assert!(racers[winner].try_wait().unwrap().is_none(), "race {number}: nobody drives");
    for loser in (0..3).filter(|racer| *racer != winner) {
        let mut told = String::new();
        racers[loser].stderr.take().unwrap().read_to_string(&mut told).unwrap();
        let code = racers[loser].wait().unwrap().code();
        assert_eq!(code, Some(5), "race {number}: {told}");
        let (holder, command) = (RACERS[winner].0, RACERS[loser].1.join(" ").replace(" --yes", ""));
        for word in [
            format!("waiting: tenant/{TENANT} is held by {holder} since 20"),
            format!("(process {pid} on "),
            "hint: Call: ".to_owned(),
            format!("hint: To push a living holder aside: traghetto {command} --take-over --reason TEXT\n"),
        ] {
            assert!(told.contains(&word), "race {number}: {word}: {told}");
        }
    }
    racers[winner].kill().unwrap();
    racers[winner].wait().unwrap();
    let written = operators(sandbox);
    assert!(written[before..].iter().all(|who| who == RACERS[winner].0), "race {number}: {:?}", &written[before..]);
    winner
}

fn races(count: u64) {
    let sandbox = mute_town();
    let mut wins = [0; 3];
    for number in 0..count {
        wins[race(&sandbox, number)] += 1;
    }
    println!("{count} races of {RACERS:?}: won {wins:?}");
    assert!(wins.iter().all(|won| *won > 0), "everybody wins now and then: {wins:?}");
    // What is left is one chain, and whoever comes next finds the lease free.
    sandbox.run(&["migrate", "log", TENANT]).code(0);
}

#[test]
fn of_two_runs_and_a_push_at_once_exactly_one_drives() {
    races(21);
}

#[test]
fn proof_of_five_hundred_races_exactly_one_drives() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("not run: a proof of `make proof` (TRAGHETTO_PROOF=1), it takes minutes");
        return;
    }
    races(500);
}

/// A device that another tenant's push holds stops a push as a tenant does: the hub is one for all.
#[test]
fn two_tenants_never_push_the_hub_at_once() {
    let sandbox = mute_town();
    let mut routers = std::fs::read_to_string(sandbox.path().join(YAML)).unwrap();
    let (from, to) = (routers.find("      routers:\n").unwrap(), routers.find("        standby: {host").unwrap());
    let end = to + routers[to..].find('\n').unwrap() + 1;
    routers = routers[from..end].to_owned();
    sandbox.edit("inventory/tenants/ponte-lungo.yaml", "    link:\n", &format!("    link:\n{routers}"));
    let mut first = begin(&sandbox, 2);
    let held = sandbox.path().join(".traghetto/state.leases/device~sad-ce-1.1.lock");
    let until = Instant::now() + Duration::from_secs(60);
    while !held.exists() {
        assert!(Instant::now() < until, "the hub is not held");
        std::thread::sleep(Duration::from_millis(10));
    }
    let args = ["network", "push", "ponte-lungo", "--hub", "--yes", "--operator", "bruno-laguna"];
    let ran = sandbox.run(&args);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("device/sad-ce-1 is held by carla-riva since 20"), "{}", ran.stderr);
}
