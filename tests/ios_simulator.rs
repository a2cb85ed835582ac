//! The router of the tests behaves as IOS does: under OpenSSH, and line by line.
//! Needs the Debian package openssh-client.

use crate::support::ios::{Device, Setup};
use crate::support::sshd::keygen;
use crate::support::{golden, project};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

fn text(path: &str) -> String {
    std::fs::read_to_string(project().join("tests/golden/network").join(path)).unwrap()
}

fn cpe() -> String {
    text("cinto-caomaggiore/before/cinto-cpe-a.ios")
}

/// What OpenSSH shows when `typed` is typed into a session; ^Z is \x1a.
fn session(device: &Device, key: &std::path::Path, user: &str, typed: &str) -> String {
    let mut child = Command::new("ssh")
        .args(["-tt", "-e", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
        .args(["-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes", "-p", &device.port.to_string(), "-i"])
        .arg(key)
        .arg(format!("{user}@127.0.0.1"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

struct Bench {
    device: Device,
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        keygen(&dir.path().join("key"), "ed25519");
        let public = std::fs::read_to_string(dir.path().join("key.pub")).unwrap();
        let device = Setup::new("cinto-cpe-a", &cpe())
            .key("admin", &public)
            .plain_account("op", "word", "enable-word")
            .banners("Authorized access only\n", "Welcome")
            .start();
        Self { device, dir }
    }

    /// What an administrator sees who types this.
    fn types(&self, typed: &str) -> String {
        session(&self.device, &self.dir.path().join("key"), "admin", typed)
    }
}

#[test]
fn openssh_sees_a_router() {
    let bench = Bench::new();
    let shown = bench.types("terminal length 0\rsh ver\rconf t\rint gi 0/0/1\rdescription x\r\x1aexit\r");
    assert!(shown.contains("Authorized access only"), "{shown}");
    assert!(
        shown.contains("Welcome\r\ncinto-cpe-a#terminal length 0\r\ncinto-cpe-a#sh ver\r\nCisco IOS XE"),
        "{shown}"
    );
    assert!(shown.contains("Processor board ID FDO2140A"), "{shown}");
    assert!(shown.contains("cinto-cpe-a(config-if)#^Z\r\ncinto-cpe-a#exit"), "{shown}");
    assert!(bench.device.running().contains(" description x\n"));
    assert!(!bench.device.startup().contains(" description x\n"));
}

#[test]
fn every_rendered_text_is_taken_whole_and_printed_alike() {
    for path in [
        "cinto-caomaggiore/after/cinto-cpe-a.ios",
        "cinto-caomaggiore/after/cinto-cpe-b.ios",
        "ponte-lungo/after/ponte-lungo-cpe-a.ios",
        "ponte-lungo/after/ponte-lungo-cpe-b.ios",
        "isola-bassa/after/isola-cpe-a.ios",
        "hub/after/sad-ce-1.ios",
    ] {
        let device = Setup::new("r", &text(path)).start();
        let printed = device.running();
        device.reset(&printed);
        assert_eq!(device.running(), printed, "{path}");
    }
    let device = Setup::new("r", &text("cinto-caomaggiore/after/cinto-cpe-a.ios")).start();
    golden("ios/cinto-cpe-a.running", &device.running());
}

#[test]
fn a_change_that_nobody_confirms_goes_back() {
    let bench = Bench::new();
    let before = bench.device.running();
    let shown = bench.types("conf t revert timer 5\rno ip route 10.255.10.0 255.255.255.0 10.128.4.1\rend\rexit\r");
    assert!(
        shown.contains("Rollback Confirmed Change: Backing up current running config to bootflash:arch-"),
        "{shown}"
    );
    assert_ne!(bench.device.running(), before);
    bench.device.advance(Duration::from_secs(299));
    assert_ne!(bench.device.running(), before);
    bench.device.advance(Duration::from_secs(1));
    assert_eq!(bench.device.running(), before);
    assert_eq!(bench.device.startup(), before);
    bench.types("conf t revert timer 5\rno ip domain name\rend\rconfigure confirm\rexit\r");
    bench.device.advance(Duration::from_secs(600));
    assert_ne!(bench.device.running(), before);
    let shown = bench.types("configure confirm\rexit\r");
    assert!(shown.contains("%No Rollback Confirmed Change pending"), "{shown}");
}
