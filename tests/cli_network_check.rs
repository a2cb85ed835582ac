//! `traghetto network check`: what is printed, and how it ends.

use crate::support::network::sandbox;
use crate::support::{Ran, Sandbox, golden};

/// A sandbox with the rendered files of Cinto in `running`, its routers after every move.
fn rendered() -> Sandbox {
    let sandbox = sandbox();
    sandbox.run(&["-q", "network", "render", "cinto-caomaggiore", "--stage", "after", "--out", "running"]).code(0);
    sandbox
}

const STANDBY: &str = "running/cinto-caomaggiore/after/cinto-cpe-b.ios";

fn json(ran: &Ran) -> serde_json::Value {
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn what_is_rendered_is_clean() {
    let sandbox = sandbox();
    let ran = sandbox.run(&["network", "check", "cinto-caomaggiore"]).code(0);
    let rules = ran.stdout.rsplit_once(", by ").unwrap().1.to_owned();
    assert_eq!(ran.stdout, format!("0 errors, 0 warnings, 0 notes in 6 files, by {rules}"));
    let ran = sandbox.run(&["-q", "network", "check", "--all", "--partial"]).code(0);
    assert!(ran.stdout.starts_with("0 errors, 0 warnings, 0 notes in 12 files"), "{}", ran.stdout);
    let ran = sandbox.run(&["-q", "network", "check", "--hub", "--partial", "--stage", "after"]).code(0);
    assert!(ran.stdout.starts_with("0 errors, 0 warnings, 0 notes in 1 file,"), "{}", ran.stdout);
    // Tenants without a plan are a failure of their own, once the others were checked.
    let ran = sandbox.run(&["-q", "network", "check", "--all"]).code(3);
    assert!(ran.stdout.starts_with("0 errors"), "{}", ran.stdout);
}

#[test]
fn a_fault_is_shown_with_line_key_and_fix_and_fails() {
    let sandbox = rendered();
    sandbox.edit(STANDBY, " standby 10 ip 192.0.2.254\n", " standby 10 ip 192.0.2.250\n");
    let ran = sandbox.run(&["network", "check", "cinto-caomaggiore", "--from", "running", "--stage", "after"]).code(4);
    golden("network/check-vip.txt", &format!("{}---\n{}", ran.stdout, ran.stderr));
    let ran = sandbox.run(&["network", "check", "--from", "running", "--format", "junit"]).code(4);
    assert!(
        ran.stdout.contains("name=\"fhrp-vip-differs: both CPEs have the same virtual address\">\n      <failure ")
    );
    let ran = sandbox.run(&["--json", "network", "check", "cinto-caomaggiore", "--from", "running"]).code(4);
    let all = json(&ran);
    let one = &all["states"][0]["findings"];
    let one = one.as_array().unwrap().iter().find(|one| one["rule"] == "fhrp-vip-differs").unwrap();
    assert_eq!(one["text"], "standby 10 ip 192.0.2.250");
    assert_eq!(one["key"], "sites.municipio.lan.vip");
    assert_eq!(one["severity"], "error");
}

#[test]
fn foreign_configurations_need_no_inventory() {
    let sandbox = Sandbox::empty();
    let missing = sandbox.run(&["network", "check", "--from", "here"]).code(1);
    assert!(missing.stderr.contains("here cannot be read"), "{}", missing.stderr);
    sandbox.write("here/readme.md", "none");
    let empty = sandbox.run(&["network", "check", "--from", "here"]).code(1);
    assert!(empty.stderr.contains("no configuration below here"), "{}", empty.stderr);
    let text = "hostname r1\nsnmp-server community s3cret RO\nline vty 0 4\n transport input all\nend\n";
    sandbox.write("here/r1.cfg", text);
    let ran = sandbox.run(&["network", "check", "--from", "here"]).code(4);
    assert!(!ran.stdout.contains("s3cret"), "a secret is shown: {}", ran.stdout);
    assert!(
        ran.stdout.contains("here/r1.cfg:2: error [hard-snmp]\n  > snmp-server community <secret> RO\n"),
        "{}",
        ran.stdout
    );
    // Two states of one router are not one network.
    sandbox.write("here/old/r1.cfg", text);
    let states = json(&sandbox.run(&["--json", "network", "check", "--from", "here"]).code(4));
    assert_eq!(states["states"].as_array().unwrap().len(), 2);
}

#[test]
fn hostile_text_reaches_neither_terminal_nor_xml() {
    let sandbox = Sandbox::empty();
    let text = "hostname r1\u{1b}[2J\nline vty 0 4\n transport input \u{1b}]0;x\u{7}<b>\nend\n";
    sandbox.write("here/r\u{1b}[31m.cfg", text);
    for format in ["table", "junit"] {
        let ran = sandbox.run(&["network", "check", "--from", "here", "--format", format]).code(4);
        let free = |text: &str| !text.contains('\u{1b}') && !text.contains('\u{7}');
        assert!(free(&ran.stdout) && free(&ran.stderr), "{format}: {:?}", ran.stdout);
    }
}

#[test]
fn the_rules_are_listed_with_their_reasons() {
    let sandbox = Sandbox::empty();
    let ran = sandbox.run(&["network", "check", "--list"]).code(0);
    assert!(ran.stdout.contains("fhrp-preempt (error): both CPEs preempt\n"), "{}", ran.stdout);
    let all = json(&sandbox.run(&["--json", "network", "check", "--list"]).code(0));
    let rules = all["rules"].as_array().unwrap();
    assert!(rules.len() >= 100 && rules.iter().all(|rule| rule["why"].as_str().is_some_and(|why| !why.is_empty())));
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let sandbox = sandbox();
    for args in [
        vec!["network", "check"],
        vec!["network", "check", "cinto-caomaggiore", "--all"],
        vec!["network", "check", "--hub", "--from", "x"],
        vec!["network", "check", "--list", "--all"],
    ] {
        sandbox.run(&args).code(2);
    }
}
