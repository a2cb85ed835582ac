//! `traghetto migrate adopt`: the operations host is lost in mid-run, and another goes on from the mirror.
//! Needs openssh-server.

use crate::cli_faults::{LARGE, SERVER, caught, large_town, safe_chunks};
use crate::support::Sandbox;
use crate::support::town::{SERVERS, Town};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

const TENANT: &str = "cinto-caomaggiore";
const MIRROR: &str = "replicas/cinto-caomaggiore/events.jsonl";
const CHUNK: u64 = 65536;
const CHUNKS: u64 = LARGE / CHUNK;

fn adopt<'a>(file: &'a str, reason: &'a str) -> [&'a str; 5] {
    ["migrate", "adopt", file, "--reason", reason]
}

fn lose_the_store(sandbox: &Sandbox) {
    std::fs::remove_dir_all(sandbox.path().join(".traghetto")).unwrap();
}

/// A run of the large disk that was killed in the middle, and how many of its chunks are safe.
fn killed_in_the_middle() -> (Town, u64) {
    let town = large_town();
    let mut run = caught(&town);
    std::thread::sleep(Duration::from_millis(100));
    run.kill().unwrap();
    run.wait().unwrap();
    let safe = safe_chunks(&town) as u64;
    assert!(0 < safe && safe < CHUNKS, "{safe} chunks are safe");
    (town, safe)
}

fn events(sandbox: &Sandbox) -> Vec<Value> {
    let log = sandbox.run(&["migrate", "log", TENANT, "--json"]).code(0);
    serde_json::from_str(&log.stdout).unwrap()
}

/// What the first copy of the large disk cost, once it ended.
fn cost(sandbox: &Sandbox) -> Value {
    let mut events = events(sandbox).into_iter();
    let step = format!("a1.seed.{SERVER}.disk0");
    let end = events.find(|event| event["kind"] == "step.finished" && event["data"]["step"] == step.as_str());
    end.unwrap()["data"]["facts"].clone()
}

/// Of what was safe nothing was sent again: neither as chunks nor as bytes on the wire.
fn assert_only_the_rest_was_sent(sandbox: &Sandbox, safe: u64) {
    let facts = cost(sandbox);
    let (sent, wire) = (facts["chunks_sent"].as_u64().unwrap(), facts["bytes_wire"].as_u64().unwrap());
    let rest = CHUNKS - safe;
    assert!(sent <= rest, "{sent} chunks were sent, {rest} were missing");
    // These bytes cannot be compressed: a tenth more is the protocol's, and a megabyte to begin with.
    assert!(wire < rest * CHUNK * 11 / 10 + (1 << 20), "{wire} bytes for {rest} chunks: {facts}");
    assert!(wire > rest * CHUNK * 9 / 10, "{wire} bytes for {rest} chunks: {facts}");
}

#[test]
fn after_the_store_is_lost_in_mid_run_the_mirror_goes_on_and_nothing_safe_is_sent_again() {
    let (town, safe) = killed_in_the_middle();
    let before = std::fs::read_to_string(town.sandbox.path().join(MIRROR)).unwrap();
    lose_the_store(&town.sandbox);
    // Nobody drives by accident what another store drives.
    let refused = town.migrate(&["run"]).code(5).stderr;
    assert!(refused.contains("is driven by the state store "), "{refused}");
    assert!(refused.contains("traghetto migrate adopt ./replicas/cinto-caomaggiore/events.jsonl"), "{refused}");
    let ran = town.sandbox.run(&adopt(MIRROR, "the host burnt down")).code(0);
    let known = format!("{SERVER} disk0: {safe} of {CHUNKS} chunks are here and are not sent again");
    for word in [&known, "events of cinto-caomaggiore verify up to", "go on with: traghetto migrate run"] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
    let log = events(&town.sandbox);
    let last = log.last().unwrap();
    let (count, data) = (before.lines().count(), &last["data"]);
    assert_eq!((&last["kind"], &last["operator"]), (&"journal.adopted".into(), &"anna-veneto".into()));
    assert_eq!((&data["events"], &data["reason"]), (&count.into(), &"the host burnt down".into()));
    assert_eq!(data["file"], MIRROR);
    assert_eq!(data["head"], last["prev"], "the hash of the last event that was adopted");
    assert_ne!(data["store"], data["into"]);
    // Once more, it has nothing to do.
    let again = town.sandbox.run(&adopt(MIRROR, "the host burnt down")).code(0);
    assert!(again.stderr.contains("drives cinto-caomaggiore already: 0 events"), "{}", again.stderr);
    assert_eq!(events(&town.sandbox).len(), count + 1);

    town.run_to("seeded");
    assert!(SERVERS.iter().all(|server| town.is_equal(server)));
    assert_only_the_rest_was_sent(&town.sandbox, safe);
    let log = town.migrate(&["log"]).code(0).stdout;
    assert!(log.contains("journal.adopted") && log.contains(": the host burnt down"), "{log}");
}

#[test]
fn another_host_goes_on_with_a_copy_of_the_mirror_and_the_disks_of_the_landing() {
    let (town, safe) = killed_in_the_middle();
    let sandbox = Sandbox::with_project()
        .env("TRAGHETTO_AGENT", env!("CARGO_BIN_EXE_traghetto-agent"))
        .env("TRAGHETTO_OPERATOR", "bruno-laguna");
    let elsewhere = Town { sandbox, sshd: town.sshd };
    let (old, new) = (town.sandbox.path(), elsewhere.sandbox.path());
    for folder in ["inventory", "playbooks", "checklists"] {
        std::fs::remove_dir_all(new.join(folder)).unwrap();
        std::fs::rename(old.join(folder), new.join(folder)).unwrap();
    }
    // The mirror comes from a backup, with half an event at its end; the disks are attached here.
    let backup = std::fs::read_to_string(old.join(MIRROR)).unwrap();
    elsewhere.sandbox.write("backup.jsonl", &format!("{backup}{}", r#"{"seq":99,"time":"2026-"#));
    std::fs::rename(old.join("replicas"), new.join("replicas")).unwrap();
    std::fs::remove_file(new.join(MIRROR)).unwrap();
    let ran = elsewhere.sandbox.run(&adopt("backup.jsonl", "storage moved")).code(0);
    for word in ["23 bytes of an unfinished event", &format!("{safe} of {CHUNKS} chunks are here")] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
    let again = elsewhere.sandbox.run(&adopt("backup.jsonl", "storage moved")).code(0);
    let by = backup.lines().count() + 1;
    assert!(again.stderr.contains(&format!("adopted already, by event {by}: nothing was done")), "{}", again.stderr);
    elsewhere.run_to("seeded");
    assert_only_the_rest_was_sent(&elsewhere.sandbox, safe);
    // Whoever comes back with the old store, and the disks that went on, is refused.
    std::fs::rename(new.join("inventory"), old.join("inventory")).unwrap();
    std::fs::rename(new.join("playbooks"), old.join("playbooks")).unwrap();
    std::fs::rename(new.join("checklists"), old.join("checklists")).unwrap();
    std::fs::rename(new.join("replicas"), old.join("replicas")).unwrap();
    let late = town.sandbox.run(&["migrate", "run", TENANT]).code(5).stderr;
    assert!(late.contains("bruno-laguna adopted it there at ") && late.contains("work there"), "{late}");
}

/// A town in whose log two remarks stand; the mirror's path.
fn remarked() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::with_project().env("TRAGHETTO_OPERATOR", "anna-veneto");
    for text in ["uno", "due"] {
        sandbox.run(&["migrate", "note", TENANT, text]).code(0);
    }
    let mirror = sandbox.path().join(MIRROR);
    (sandbox, mirror)
}

#[test]
fn what_does_not_verify_is_not_adopted() {
    let (sandbox, mirror) = remarked();
    let whole = std::fs::read_to_string(&mirror).unwrap();
    std::fs::remove_dir_all(sandbox.path().join("replicas")).unwrap();
    lose_the_store(&sandbox);
    let hostile: [(&str, Vec<u8>, i32, &str); 8] = [
        ("tampered", whole.replace("uno", "UNO").into_bytes(), 7, "event 2: its `prev` is not the hash"),
        ("shortened", whole.split_once('\n').unwrap().1.into(), 7, "event 1: it says that it is number 2"),
        ("not UTF-8", b"\xff\xfe\x00\n".to_vec(), 7, "event 1: the line is not UTF-8"),
        ("not JSON", b"this is no event\n".to_vec(), 7, "event 1: "),
        ("deep", format!("{}\n", "[".repeat(1 << 20)).into_bytes(), 7, "event 1: "),
        ("no line", vec![b'a'; 1 << 20], 2, "holds no event"),
        ("no such tenant", whole.lines().next().unwrap().replace(TENANT, "atlantide").into_bytes(), 2, "no event"),
        (
            "another tenant",
            format!("{}\n", whole.lines().next().unwrap().replace(TENANT, "atlantide")).into(),
            2,
            "no tenant",
        ),
    ];
    for (name, bytes, code, word) in hostile {
        std::fs::write(sandbox.path().join("file.jsonl"), bytes).unwrap();
        let ran = sandbox.run(&adopt("file.jsonl", "prova")).code(code);
        assert!(ran.stderr.contains(word) && ran.stderr.contains("Nothing was taken in"), "{name}: {}", ran.stderr);
        assert!(!sandbox.path().join(".traghetto").exists(), "{name}");
    }
    // The file of a tenant that is not the one that was meant.
    std::fs::write(sandbox.path().join("file.jsonl"), &whole).unwrap();
    let args: Vec<&str> = adopt("file.jsonl", "prova").into_iter().chain(["--tenant", "gruaro"]).collect();
    let ran = sandbox.run(&args).code(2);
    assert!(ran.stderr.contains("the events of cinto-caomaggiore, not of "), "{}", ran.stderr);
    sandbox.run(&adopt("file.jsonl", " ")).code(2);
    sandbox.run(&adopt("nowhere.jsonl", "prova")).code(1);
    // A run that the file does not know would be lost by it: the whole file is what is adopted.
    sandbox.run(&adopt("file.jsonl", "prova")).code(0);
    assert_eq!(events(&sandbox).len(), 3);
}

#[test]
fn a_store_that_knows_more_or_something_else_takes_nothing_in() {
    let (sandbox, mirror) = remarked();
    let whole = std::fs::read_to_string(&mirror).unwrap();
    let first = format!("{}\n", whole.lines().next().unwrap());
    sandbox.write("shorter.jsonl", &first);
    let ran = sandbox.run(&adopt("shorter.jsonl", "prova")).code(2);
    assert!(ran.stderr.contains("has 2 events of cinto-caomaggiore, the file only the first 1"), "{}", ran.stderr);
    let (other, story) = remarked();
    std::fs::copy(&story, sandbox.path().join("other.jsonl")).unwrap();
    let ran = sandbox.run(&adopt("other.jsonl", "prova")).code(7);
    assert!(ran.stderr.contains("differ from event 1 of cinto-caomaggiore on"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(&mirror).unwrap(), whole);
    assert_eq!(events(&sandbox).len(), 2);
    drop(other);
}

#[test]
fn an_adoption_that_is_killed_at_any_moment_goes_on() {
    let (source, mirror) = remarked();
    for number in 0..20 {
        source.run(&["migrate", "note", TENANT, &format!("nota {number}")]).code(0);
    }
    let whole = std::fs::read_to_string(mirror).unwrap();
    for round in 0..12_u64 {
        let sandbox = Sandbox::with_project().env("TRAGHETTO_OPERATOR", "anna-veneto");
        sandbox.write("events.jsonl", &whole);
        for delay in [10 + round * 17, 40 + round * 29] {
            let mut child = sandbox.command(&adopt("events.jsonl", "prova"));
            let mut child = child.stderr(std::process::Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(delay));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        sandbox.run(&adopt("events.jsonl", "prova")).code(0);
        let kinds: Vec<String> = events(&sandbox).iter().map(|event| event["kind"].to_string()).collect();
        assert_eq!(kinds.len(), 23, "round {round}");
        assert_eq!(kinds.iter().filter(|kind| *kind == "\"journal.adopted\"").count(), 1, "round {round}");
        let mirrored = std::fs::read_to_string(sandbox.path().join(MIRROR)).unwrap();
        assert!(mirrored.starts_with(&whole) && mirrored.lines().count() == 23, "round {round}");
    }
}

#[test]
fn what_checklists_found_comes_along() {
    let (sandbox, _) = remarked();
    // A photo proves a statement: it is kept as a blob.
    sandbox.write("foto.jpg", "un armadio");
    let line = [
        "checklist",
        "sign",
        "source",
        TENANT,
        "--items",
        "SRC-AD-01",
        "--role",
        "venis-sistemista",
        "--note",
        "visto",
    ];
    let line = [&line[..], &["--evidence", "foto.jpg"]].concat();
    let printed = sandbox.run(&[&line[..], &["--print", "--json"]].concat()).code(0).stdout;
    let printed: Value = serde_json::from_str(&printed).unwrap();
    sandbox.run(&[&line[..], &["--approve", &printed["approves"].as_str().unwrap()[..12]]].concat()).code(0);
    let backup = sandbox.path().join("backup");
    std::fs::create_dir(&backup).unwrap();
    let beside = sandbox.path().join("replicas").join(TENANT);
    std::fs::rename(beside.join("events.jsonl"), backup.join("events.jsonl")).unwrap();
    std::fs::rename(beside.join("blobs"), backup.join("blobs-of-another-day")).unwrap();
    lose_the_store(&sandbox);
    let without = sandbox.run(&adopt("backup/events.jsonl", "storage moved")).code(0);
    assert!(without.stderr.contains("that is missing or damaged: 1 files"), "{}", without.stderr);
    std::fs::rename(backup.join("blobs-of-another-day"), backup.join("blobs")).unwrap();
    let with = sandbox.run(&adopt("backup/events.jsonl", "storage moved")).code(0);
    assert!(with.stderr.contains("evidence brought from backup/blobs: 1 files"), "{}", with.stderr);
    assert_eq!(std::fs::read_dir(beside.join("blobs")).unwrap().count(), 1);
    let again = sandbox.run(&adopt("backup/events.jsonl", "storage moved")).code(0);
    assert!(!again.stderr.contains("evidence"), "{}", again.stderr);
}
