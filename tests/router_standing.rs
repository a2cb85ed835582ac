//! How routers stand, asked by a checklist over SSH.

use crate::support::field::{Field, TENANT};
use crate::support::project;

#[test]
fn a_router_tells_how_it_stands() {
    let field = Field::new();
    field.sandbox.write(
        "checklists/network.yaml",
        "checklist: network\nversion: 1\nitems:\n  - id: NET-21\n    title: {it: HSRP, en: HSRP}\n    severity: blocker\n    \
         roles: [venis-rete]\n    scope: site\n    probe: {ios: {router: primary}}\n    \
         expect: {active: {at_least: 1}, standby: {at_most: 0}, tracks_down: {at_most: 0}, probes_failing: {at_most: 0}}\n  \
         - id: NET-22\n    title: {it: HSRP, en: HSRP}\n    severity: blocker\n    roles: [venis-rete]\n    scope: site\n    \
         probe: {ios: {router: standby}}\n    expect: {standby: {at_least: 1}, active: {at_most: 0}}\n  \
         - id: NET-23\n    title: {it: HSRP, en: HSRP}\n    severity: blocker\n    roles: [venis-rete]\n    scope: site\n    \
         probe: {ios: {router: standby}}\n    expect: {active: {at_least: 1}}\n",
    );
    let ran = field.sandbox.run(&["checklist", "run", "network", TENANT, "--json"]);
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:#?}"));
    let verdicts: Vec<&str> =
        value["findings"].as_array().unwrap().iter().map(|finding| finding["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["pass", "pass", "fail"], "{value:#}");
}

/// The two items of the shipped checklist that ask routers, alone.
fn shipped() -> String {
    let text = std::fs::read_to_string(project().join("checklists/network.yaml")).unwrap();
    let mut parts = text.split("  - id: ");
    let head = parts.next().unwrap().to_owned();
    let routers: Vec<String> =
        parts.filter(|item| item.contains("{ios: ")).map(|item| format!("  - id: {item}")).collect();
    assert_eq!(routers.len(), 2);
    head + &routers.concat()
}

#[test]
fn the_shipped_items_find_the_primary_active_and_the_standby_ready() {
    let field = Field::new();
    field.sandbox.write("checklists/network.yaml", &shipped());
    let run = || field.sandbox.run(&["checklist", "run", "network", TENANT]);
    run().code(0);
    let lines = field.devices[0].running();
    let lower: String =
        lines.lines().filter(|line| !line.contains(" priority ")).map(|line| format!("{line}\n")).collect();
    assert_ne!(lower, lines);
    field.devices[0].reset(&lower);
    let ran = run().code(4);
    assert!(ran.stdout.contains("NET-13") && ran.stderr.contains("not passed: NET-13"), "{ran:#?}");
}
