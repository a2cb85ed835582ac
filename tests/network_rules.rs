//! The rules of the network: every fault that somebody sows is found at its line, and nothing else is.

#[path = "network_rules/faults.rs"]
mod faults;

use crate::support::network::sandbox;
use crate::support::tenants;
use faults::Fault;
use std::collections::{BTreeMap, BTreeSet};
use traghetto::network::NetworkPlan;
use traghetto::network::cpe::Moved;
use traghetto::network::render::{Stage, Templates};
use traghetto::network::rules::{self, Expected, Finding, Severity, Source};

/// The texts of routers, by host name; that of the hub is `hub`.
type Texts = BTreeMap<String, String>;

/// What is true of a whole project and no fault of a text: its hub's line is too narrow for all.
const OF_THE_PROJECT: [&str; 2] = ["qos-hub-oversubscription", "qos-hub-guarantee"];

fn moved(plans: &[NetworkPlan], stage: Stage) -> Moved {
    let kept = plans.iter().flat_map(NetworkPlan::kept).map(|server| server.id.clone());
    if stage == Stage::After { kept.collect() } else { Moved::new() }
}

/// Every CPE, and the hub as a whole.
fn texts(templates: &Templates, plans: &[NetworkPlan], stage: Stage) -> Texts {
    let name = |path: &str| path.rsplit('/').next().unwrap().trim_end_matches(".ios").to_owned();
    let mut texts = Texts::new();
    for plan in plans {
        let cpes = templates.stage(plan, stage).unwrap().into_iter();
        let cpes = cpes.filter(|file| !name(&file.path).starts_with(plan.shared.hub.as_str()));
        texts.extend(cpes.map(|file| (name(&file.path), file.text)));
    }
    texts.extend(templates.hub(plans, stage).unwrap().map(|file| ("hub".to_owned(), file.text)));
    texts
}

fn check(texts: &Texts, expected: Option<&Expected<'_>>) -> Vec<Finding> {
    let sources: Vec<Source> = texts.iter().map(|(name, text)| Source::read(name, text)).collect();
    rules::check(&sources, expected)
}

fn three_tenants() -> Vec<NetworkPlan> {
    let inventory = traghetto::inventory::load(sandbox().path()).unwrap();
    inventory.tenants.values().filter_map(|tenant| NetworkPlan::new(&inventory, tenant).ok()).collect()
}

#[test]
fn every_sown_fault_is_found_at_its_line() {
    let plans = three_tenants();
    let good = |stage| texts(&Templates::built_in().unwrap(), &plans, stage);
    let good = (good(Stage::Before), good(Stage::After));
    let moved = (moved(&plans, Stage::Before), moved(&plans, Stage::After));
    let mut missed = Vec::new();
    for fault in faults::all() {
        let (good, moved) = if fault.before { (&good.0, &moved.0) } else { (&good.1, &moved.1) };
        let mut bad = good.clone();
        fault.sow(&mut bad);
        let expected = Expected::new(&plans, Some(moved));
        for expected in [Some(&expected), None].into_iter().filter(|given| given.is_some() || !fault.inventory) {
            if !found(&fault, &bad, &check(&bad, expected)) {
                let all: Vec<_> =
                    check(&bad, expected).iter().map(|one| format!("{}:{} {}", one.file, one.line, one.rule)).collect();
                let how = if expected.is_some() { "with" } else { "without" };
                missed.push(format!("{fault}, {how} inventory; found only {all:?}"));
            }
        }
    }
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}

/// Whether a finding names the rule, the file and a line that says what it should.
fn found(fault: &Fault, texts: &Texts, findings: &[Finding]) -> bool {
    let text = |finding: &Finding| {
        texts[&finding.file].lines().nth(finding.line as usize - 1).map(|line| line.trim().to_owned())
    };
    findings.iter().any(|one| {
        one.rule == fault.rule && one.file == fault.file && text(one).as_deref() == Some(fault.line.as_str())
    })
}

#[test]
fn every_rule_is_broken_by_some_fault_and_has_a_name_of_its_own() {
    let sown: BTreeSet<String> = faults::all().into_iter().map(|fault| fault.rule).collect();
    let mut names = BTreeSet::new();
    for rule in rules::all() {
        assert!(names.insert(rule.id), "two rules are called {}", rule.id);
        assert!(rule.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", rule.id);
        assert!(!rule.source.is_empty() && rule.why.ends_with('.'), "{}", rule.id);
        assert!(sown.contains(rule.id) || ELSEWHERE.contains(&rule.id), "no fault breaks {}", rule.id);
    }
    assert!(sown.iter().all(|rule| names.contains(rule.as_str())), "a fault names a rule that is not there");
}

/// Rules that need more routers than the faults have: tests of their own, below.
const ELSEWHERE: [&str; 2] = ["fhrp-crowd", "same-subnet-next-hop"];

#[test]
fn who_sends_to_a_cpe_instead_of_the_virtual_address_is_found() {
    let plans = three_tenants();
    let mut all = texts(&Templates::built_in().unwrap(), &plans, Stage::After);
    let switch = "hostname l3-switch\ninterface Vlan1\n ip address 192.0.2.5 255.255.255.0\nip route 10.64.4.0 255.255.255.0 192.0.2.252\n";
    all.insert("switch".to_owned(), switch.to_owned());
    let findings = check(&all, None);
    let one = findings.iter().find(|one| one.rule == "same-subnet-next-hop").unwrap();
    assert_eq!((one.file.as_str(), one.line), ("switch", 4));
    all.insert("switch".to_owned(), switch.replace("192.0.2.252", "192.0.2.254"));
    assert!(!check(&all, None).iter().any(|one| one.rule == "same-subnet-next-hop"));
}

#[test]
fn three_routers_of_one_group_are_not_compared_and_it_is_said() {
    let plans = three_tenants();
    let mut all = texts(&Templates::built_in().unwrap(), &plans, Stage::After);
    let third = all["cinto-cpe-b"].replace("192.0.2.253", "192.0.2.249");
    all.insert("third".to_owned(), third);
    assert!(check(&all, None).iter().any(|one| one.rule == "fhrp-crowd"));
}

/// Nothing is said of what is rendered, whoever reads it: with the inventory and without.
fn assert_clean(plans: &[NetworkPlan], what: &str) {
    let templates = Templates::built_in().unwrap();
    for stage in [Stage::Before, Stage::After] {
        let moved = moved(plans, stage);
        let expected = Expected::new(plans, Some(&moved));
        let whole = texts(&templates, plans, stage);
        for given in [Some(&expected), None] {
            let mut findings = check(&whole, given);
            findings.retain(|one| !OF_THE_PROJECT.contains(&one.rule));
            assert!(findings.is_empty(), "{what}, {stage:?}, inventory {}: {findings:#?}", given.is_some());
        }
    }
}

#[test]
fn nothing_is_said_of_good_configurations() {
    assert_clean(&three_tenants(), "three tenants");
    let inventory = traghetto::inventory::load(&crate::support::project().join("tests/fixtures/estate-21")).unwrap();
    let plans: Vec<_> =
        inventory.tenants.values().map(|tenant| NetworkPlan::new(&inventory, tenant).unwrap()).collect();
    assert_eq!(plans.len(), 21);
    assert_clean(&plans, "estate of 21");
}

#[test]
fn nothing_is_said_of_two_hundred_generated_tenants_together() {
    let plans: Vec<_> = (0..200).map(|seed| tenants::plan(&tenants::tenant(seed))).collect();
    assert_clean(&plans, "two hundred");
}

/// A tenant's own files: its CPEs and its part of the hub.
#[test]
fn nothing_is_said_of_each_of_two_hundred_tenants_with_its_part_of_the_hub() {
    let templates = Templates::built_in().unwrap();
    let plans: Vec<_> =
        three_tenants().into_iter().chain((0..200).map(|seed| tenants::plan(&tenants::tenant(seed)))).collect();
    for plan in &plans {
        for stage in [Stage::Before, Stage::After] {
            let one = std::slice::from_ref(plan);
            let moved = moved(one, stage);
            let files = templates.stage(plan, stage).unwrap();
            let sources: Vec<_> = files.iter().map(|file| Source::read(&file.path, &file.text)).collect();
            let findings = rules::check(&sources, Some(&Expected::new(one, Some(&moved))));
            assert!(findings.is_empty(), "{} {stage:?}: {findings:#?}", plan.tenant);
            // Alone, the part says that it is one.
            let findings = rules::check(&sources, None);
            assert!(
                findings.iter().all(|one| one.severity == Severity::Note),
                "{} {stage:?}: {findings:#?}",
                plan.tenant
            );
        }
    }
}

#[test]
fn a_finding_names_the_key_where_the_inventory_has_one() {
    let plans = three_tenants();
    let mut all = texts(&Templates::built_in().unwrap(), &plans, Stage::After);
    let text = all["cinto-cpe-b"].replace("standby 10 ip 192.0.2.254", "standby 10 ip 192.0.2.250");
    all.insert("cinto-cpe-b".to_owned(), text);
    let key = |expected: Option<&Expected<'_>>| {
        let findings = check(&all, expected);
        findings.into_iter().find(|one| one.rule == "fhrp-vip-differs").unwrap().key
    };
    assert_eq!(key(Some(&Expected::new(&plans, None))).as_deref(), Some("sites.municipio.lan.vip"));
    assert_eq!(key(None), None);
}
