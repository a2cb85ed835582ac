//! `traghetto survey` against real hosts: OpenSSH servers on loopback (Debian package openssh-server).

use crate::support::sshd::{Sshd, free_port, user};
use crate::support::winrm::{Emulator, PASSWORD};
use crate::support::{Ran, Sandbox, project};

const TENANT: &str = "inventory/tenants/cinto-caomaggiore.yaml";
const FIRST: &str = "access: {host: 192.0.2.10, user: root, key: keys/rescue, host_key: unknown}";
const SECOND: &str = "access: {host: 192.0.2.11, user: root, key: keys/rescue, host_key: unknown}";

/// A sandbox in which the first server is `sshd`, with an image of 1 MB as its disk.
fn sandbox(sshd: &Sshd) -> Sandbox {
    let image = sshd.dir().join("it's a disk.img");
    std::fs::write(&image, vec![0; 1_000_000]).unwrap();
    let sandbox = Sandbox::with_project()
        .env("TRAGHETTO_OPERATOR", "anna-veneto")
        .env("TRAGHETTO_AGENT", env!("CARGO_BIN_EXE_traghetto-agent"));
    sandbox.edit(TENANT, FIRST, &format!("access: {}", sshd.access_yaml()));
    let disk = format!("source: \"{}\", size_bytes: 1000000", image.display());
    sandbox.edit(TENANT, "source: /dev/sda, size_gb: 120, used_gb: 40", &disk);
    sandbox
}

fn survey(sandbox: &Sandbox, args: &[&str]) -> Ran {
    sandbox.run(&[&["survey", "cinto-caomaggiore"], args].concat())
}

#[test]
fn a_host_is_surveyed_compared_and_recorded() {
    let sshd = Sshd::start();
    let sandbox = sandbox(&sshd);
    let ran = survey(&sandbox, &["--server", "cinto-srv1", "--json"]).code(4);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let server = &json["servers"][0];
    assert_eq!((server["server"].as_str(), server["status"].as_str()), (Some("cinto-srv1"), Some("surveyed")));
    let found = &server["survey"];
    // The path has a quote and spaces in it.
    assert_eq!(found["sources"][0]["file"]["size"], 1_000_000);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(found["system"]["kernel"], kernel.trim());
    assert_eq!(found["host_name"], std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim());
    let root = found["filesystems"].as_array().unwrap().iter().find(|fs| fs["mountpoint"] == "/");
    assert!(root.is_none_or(|root| root["used"].as_u64() > Some(0)), "{root:?}");
    let serves = found["ports"].as_array().unwrap().iter().any(|port| port["port"] == sshd.port);
    assert!(serves, "{}", found["ports"]);
    assert_eq!(server["texts"].as_array().unwrap().len(), 1);
    assert!(server["texts"][0].as_str().unwrap().starts_with("address: the inventory says 192.0.2.10, the host has"));

    let journal = std::fs::read(sandbox.path().join(".traghetto/state.db")).unwrap();
    let text = String::from_utf8_lossy(&journal).into_owned();
    let wal = std::fs::read(sandbox.path().join(".traghetto/state.db-wal")).unwrap_or_default();
    assert!((text + &String::from_utf8_lossy(&wal)).contains("survey.recorded"));
}

#[test]
fn people_read_a_table_and_what_differs() {
    let sshd = Sshd::start();
    let sandbox = sandbox(&sshd);
    let ran = survey(&sandbox, &["--server", "cinto-srv1"]).code(4);
    assert!(ran.stdout.starts_with("Server"), "{}", ran.stdout);
    for label in
        ["\n  kernel ", "\n  machine ", "\n  serves ", "\n  differs       address: the inventory says 192.0.2.10"]
    {
        assert!(ran.stdout.contains(label), "{label}\n{}", ran.stdout);
    }
    assert_eq!(
        ran.stderr,
        "Asking cinto-srv1: each runs one script that only reads.\n\
         error: the inventory differs from what was found on cinto-srv1\n\
         hint: Nothing was changed. Correct the one that is wrong.\n\
         hint: The surveys of the hosts that answered are recorded.\n"
    );
}

#[test]
fn one_unreachable_host_does_not_hide_the_others() {
    let sshd = Sshd::start();
    let sandbox = sandbox(&sshd);
    let nobody = format!("{{host: 127.0.0.1, port: {}, user: {}, key: none, host_key: unknown}}", free_port(), user());
    sandbox.edit(TENANT, SECOND, &format!("access: {nobody}"));
    let ran = survey(&sandbox, &["--server", "cinto-srv1", "--server", "cinto-srv2"]).code(6);
    assert!(ran.stdout.contains("cinto-srv2  unreachable"), "{}", ran.stdout);
    assert!(ran.stdout.contains("127.0.0.1 cannot be reached: Connection refused"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\n  kernel "), "{}", ran.stdout);
    assert!(ran.stderr.contains("error: 127.0.0.1 cannot be reached\n  because: Connection refused"), "{}", ran.stderr);
}

#[test]
fn an_unknown_host_key_is_refused_with_what_to_do() {
    let sshd = Sshd::start();
    let sandbox = sandbox(&sshd);
    sandbox.edit(TENANT, &format!("host_key: \"{}\"", sshd.fingerprint("ed25519")), "host_key: unknown");
    let ran = survey(&sandbox, &["--server", "cinto-srv1"]).code(1);
    let shown = format!("error: 127.0.0.1 shows the host key {}, which nobody", sshd.fingerprint("ed25519"));
    assert!(ran.stderr.contains(&shown), "{}", ran.stderr);
    assert!(ran.stderr.contains("write it as `host_key`"), "{}", ran.stderr);

    // The operator's own known_hosts is believed.
    sandbox.write(".ssh/known_hosts", &sshd.known_hosts_line());
    survey(&sandbox, &["--server", "cinto-srv1"]).code(4);
}

#[test]
fn a_login_that_prints_does_no_harm_and_one_that_runs_nothing_is_named() {
    let banner = "\\033]0;owned\\007 MARK begin system";
    let sshd = Sshd::with(&format!("ForceCommand printf '{banner}'; exec /bin/sh -s"));
    survey(&sandbox(&sshd), &["--server", "cinto-srv1"]).code(4);

    let sshd = Sshd::with("ForceCommand printf '\\033[31mno\\n' >&2; exit 1");
    let ran = survey(&sandbox(&sshd), &["--server", "cinto-srv1"]).code(1);
    assert!(ran.stderr.contains("cinto-srv1 did not run the survey (exit status 1): \\u{1b}[31mno"), "{}", ran.stderr);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'));
}

#[test]
fn wrong_names_and_unknown_people_ask_nobody() {
    let sandbox = Sandbox::with_project().env("TRAGHETTO_OPERATOR", "anna-veneto");
    let ran = sandbox.run(&["survey", "cinto"]).code(2);
    assert!(ran.stderr.starts_with("error: there is no tenant"), "{}", ran.stderr);
    let ran = survey(&sandbox, &["--server", "srv\u{1b}[2J"]).code(2);
    assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: Its servers are cinto-srv1, cinto-srv2, cinto-srv3."), "{}", ran.stderr);
    sandbox.run(&["survey", "dolo"]).code(3);
    sandbox.run(&["--operator", "nobody", "survey", "cinto-caomaggiore"]).code(2);
}

/// What `migrate plan --json` forecasts for the first server.
fn forecast(sandbox: &Sandbox) -> serde_json::Value {
    let ran = sandbox.run(&["migrate", "plan", "cinto-caomaggiore", "--json"]).code(0);
    let mut json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    json["forecast"]["servers"][0].take()
}

#[test]
fn a_measured_disk_is_planned_by_what_was_found() {
    let sshd = Sshd::start();
    let sandbox = sandbox(&sshd);
    let before = forecast(&sandbox);
    assert_eq!((&before["disks"][0]["basis"], &before["disks"][0]["bytes_wire"]), (&"size".into(), &1_000_000.into()));
    // Half of the disk is zeros, the other half does not pack.
    let image = sshd.dir().join("it's a disk.img");
    let random: Vec<u8> = crate::support::replica::random_bytes(5).take(524_288).collect();
    std::fs::write(&image, [random, vec![0; 475_712]].concat()).unwrap();

    let ran = survey(&sandbox, &["--server", "cinto-srv1", "--measure", "--json"]).code(4);
    assert!(ran.stderr.contains("Measuring cinto-srv1"), "{}", ran.stderr);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let measured = &json["servers"][0]["measured"][0];
    let counts = ["length", "copied", "chunks", "sampled_chunks", "zero_chunks", "incompressible"];
    let found: Vec<_> = counts.iter().map(|name| measured[name].as_u64().unwrap()).collect();
    assert_eq!(found, [1_000_000, 1_000_000, 16, 16, 8, 1]);
    let findings = measured["findings"].as_array().unwrap();
    assert!(findings.iter().any(|line| line.as_str().unwrap().contains("copied whole")), "{findings:?}");

    let after = forecast(&sandbox);
    let disk = &after["disks"][0];
    assert_eq!(
        (&disk["basis"], disk["bytes"].as_u64(), &disk["error"]),
        (&"measured".into(), Some(524_288), &0.0.into())
    );
    let wire = disk["bytes_wire"].as_u64().unwrap();
    assert!((524_288..530_000).contains(&wire), "{wire}");
    assert!(disk["measured_at"].as_str().unwrap().contains('+'), "in Rome: {}", disk["measured_at"]);
    assert_eq!(after["final_sync"]["terms"][0]["term"], "read_source");
    assert!(after["final_sync"]["terms"][0]["seconds"].is_u64());
    let plan = sandbox.run(&["migrate", "plan", "cinto-caomaggiore"]).code(0);
    assert!(plan.stdout.contains("cinto-srv1  rescue    measured "), "{}", plan.stdout);
    assert!(plan.stdout.contains("cinto-srv1 disk0: 1.0 MB; not copied: nothing; of the rest 50 % are zeros"));
    // Another disk in the inventory was not measured.
    sandbox.edit(TENANT, "it's a disk.img", "another.img");
    assert_eq!(forecast(&sandbox)["disks"][0]["basis"], "size");
}

#[test]
fn people_read_what_is_copied_and_why() {
    let sshd = Sshd::start();
    let sandbox = sandbox(&sshd);
    let ran = survey(&sandbox, &["--server", "cinto-srv1", "--measure"]).code(4);
    let (_, measured) = ran.stdout.split_once("\nMeasured\n").unwrap();
    assert!(measured.starts_with("Server      Disk   Size    Copied  Zeros  Packs to  Read at"), "{measured}");
    assert!(measured.contains("cinto-srv1  disk0  1.0 MB  1.0 MB  100 %  -"), "{measured}");
    assert!(measured.contains("\ncinto-srv1 disk0\n  found         disk: "), "{measured}");
}

#[test]
fn a_disk_that_cannot_be_measured_is_named_and_the_survey_is_kept() {
    let sshd = Sshd::start();
    let sandbox = sandbox(&sshd);
    sandbox.edit(TENANT, "it's a disk.img", "absent.img");
    let ran = survey(&sandbox, &["--server", "cinto-srv1", "--measure"]).code(1);
    assert!(ran.stdout.contains("\n  kernel "), "{}", ran.stdout);
    assert!(ran.stderr.contains("error: disk disk0: the source"), "{}", ran.stderr);
    assert!(ran.stderr.contains("Compare `source` in the inventory"), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stdout.contains('\u{1b}'), "{}", ran.stderr);
    assert_eq!(forecast(&sandbox)["disks"][0]["basis"], "size");
    sandbox.run(&["survey", "cinto-caomaggiore", "--agent-on-disk"]).code(2);
}

#[test]
fn a_windows_is_surveyed_over_winrm() {
    let answer = std::fs::read_to_string(project().join("tests/fixtures/survey/windows2008r2.txt")).unwrap();
    let recorded = serde_json::json!([{ "script": "*", "out": answer.replace("@@", "MARK") }]);
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().join("host.json");
    std::fs::write(&host, recorded.to_string()).unwrap();
    let Some(emulator) = Emulator::start(&["--host", host.to_str().unwrap()]) else { return };
    let sandbox = Sandbox::with_project().env("TRAGHETTO_OPERATOR", "anna-veneto").env("WINDOWS_WORD", PASSWORD);
    let winrm = format!(
        "winrm: {{host: 127.0.0.1, port: {}, user: \"TOWN\\\\venis\", password: \"env:WINDOWS_WORD\"}}",
        emulator.port
    );
    sandbox.edit(TENANT, FIRST, &winrm);
    let file = sandbox.path().join(TENANT);
    let text = std::fs::read_to_string(&file).unwrap().replacen("transfer: rescue", "transfer: converter", 1);
    std::fs::write(&file, text).unwrap();
    let ran = survey(&sandbox, &["--server", "cinto-srv1", "--json"]);
    let json: serde_json::Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}\n{}", ran.stdout, ran.stderr));
    let server = &json["servers"][0];
    assert_eq!(server["status"], "surveyed", "{server}");
    assert_eq!(server["survey"]["system"]["name"], "Microsoft Windows Server 2008 R2 Standard");
    assert_eq!(server["survey"]["interfaces"][0]["name"], "Connessione_alla_rete_locale_(LAN)_è_più");
    assert!(!ran.stdout.contains(PASSWORD) && !ran.stderr.contains(PASSWORD));
    let state = emulator.closed();
    assert_eq!((&state["commands"], &state["created"]), (&1.into(), &1.into()));
}
