//! `traghetto survey` against real hosts: OpenSSH servers on loopback (Debian package openssh-server).

use crate::support::sshd::{Sshd, free_port, user};
use crate::support::{Ran, Sandbox};

const TENANT: &str = "inventory/tenants/cinto-caomaggiore.yaml";
const FIRST: &str = "access: {host: 192.0.2.10, user: root, key: keys/rescue, host_key: unknown}";
const SECOND: &str = "access: {host: 192.0.2.11, user: root, key: keys/rescue, host_key: unknown}";

/// A sandbox in which the first server is `sshd`, with an image of 1 MB as its disk.
fn sandbox(sshd: &Sshd) -> Sandbox {
    let image = sshd.dir().join("it's a disk.img");
    std::fs::write(&image, vec![0; 1_000_000]).unwrap();
    let sandbox = Sandbox::with_project().env("TRAGHETTO_OPERATOR", "anna-veneto");
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
