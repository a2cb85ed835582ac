//! What of the test phase goes through the probe machine, and what is not asked without one.

use crate::checklist::plan::{Inquiry, Options, Origin, Question, Task, Todo, tasks};
use crate::checklist::{Baselines, Checklist, Native, Phase, Signatures, load};
use crate::inventory;
use crate::model::project::{LabCommands, LandingMachines};
use crate::model::server::{Access, Addressing, Login, Os, SecretRef, Server, SshProfile, Transfer, WinrmAccess};
use crate::model::tenant::Tenant;
use crate::model::{Inventory, Known};
use std::path::Path;

const PROBE: &str = "10.9.0.5";

/// Cinto with one Linux, a domain controller, whose copy is reached at the source's address.
fn scene(landing: Addressing) -> (Inventory, Tenant) {
    let inventory = inventory::load(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut tenant = inventory.tenants[&"cinto-caomaggiore".parse().unwrap()].clone();
    tenant.test_probe = Some(access(PROBE));
    let Known::Known(servers) = &mut tenant.servers else { panic!("known") };
    servers.truncate(1);
    let server = &mut servers[0];
    (server.os, server.transfer, server.landing) = (Os::Linux("Debian 12".into()), Transfer::Agent, landing);
    server.landing_access = Some(access(&server.landing_address().to_string()));
    (inventory, tenant)
}

fn access(host: &str) -> Access {
    Access {
        host: host.into(),
        port: 22,
        user: "root".into(),
        login: Login::Agent,
        host_key: None,
        ssh_profile: SshProfile::Modern,
        via: None,
    }
}

fn server(tenant: &mut Tenant) -> &mut Server {
    match &mut tenant.servers {
        Known::Known(servers) => &mut servers[0],
        Known::Unknown => panic!("known"),
    }
}

fn planned(inventory: &Inventory, tenant: &Tenant, list: &Checklist) -> Vec<Task> {
    let signatures = Signatures::default();
    tasks(list, tenant, &Options::whole(&inventory.project, &signatures, &Baselines::default()))
}

fn list(inventory: &Inventory) -> Checklist {
    load(Path::new(env!("CARGO_MANIFEST_DIR")), Phase::Test, &inventory.people).unwrap()
}

/// The test's list with one item that asks something else.
fn with_item(inventory: &Inventory, probe: &str, expect: &str) -> Checklist {
    let text = format!(
        "checklist: test\nversion: 1\nitems:\n  - id: X-01\n    title: {{it: Prova, en: Trial}}\n    severity: blocker\n    \
         roles: [venis-sistemista]\n    scope: server\n    probe: {{{probe}}}\n    expect: {expect}\n"
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("checklists")).unwrap();
    std::fs::write(folder.path().join("checklists/test.yaml"), text).unwrap();
    load(folder.path(), Phase::Test, &inventory.people).unwrap_or_else(|problems| panic!("{problems}"))
}

fn asked(tasks: &[Task]) -> Vec<&Inquiry> {
    let asked = tasks.iter().filter_map(|task| match &task.todo {
        Todo::Ask(inquiry) => Some(inquiry),
        _ => None,
    });
    asked.collect()
}

fn refused(tasks: &[Task]) -> Vec<&str> {
    let refused = tasks.iter().filter_map(|task| match &task.todo {
        Todo::Impossible(reason) => Some(reason.as_str()),
        _ => None,
    });
    refused.collect()
}

#[test]
fn every_question_of_a_test_goes_through_the_probe_machine() {
    for landing in [Addressing::Keep, Addressing::Renumber("10.64.4.10".parse().unwrap())] {
        let (inventory, tenant) = scene(landing);
        let list = list(&inventory);
        let tasks = planned(&inventory, &tenant, &list);
        assert_eq!(refused(&tasks), Vec::<&str>::new());
        let asked = asked(&tasks);
        assert!(asked.len() > 30, "{}", asked.len());
        for inquiry in &asked {
            assert_eq!(inquiry.origin.probe(), Some(PROBE), "{inquiry:?}");
            // The copy has the address that it was copied with, whatever it gets later.
            assert_eq!(super::target(&inquiry.question), Some("192.0.2.10"), "{inquiry:?}");
        }
        assert!(asked.iter().any(|one| matches!(one.question, Question::Native(Native::Locator { .. }))));
    }
}

#[test]
fn the_probe_machine_asks_even_where_nothing_is_said_about_the_copy() {
    let (inventory, mut tenant) = scene(Addressing::Keep);
    server(&mut tenant).landing_access = None;
    let tasks = planned(&inventory, &tenant, &list(&inventory));
    let asked = asked(&tasks);
    assert!(asked.len() > 10 && asked.iter().all(|one| one.question.script().is_none()));
    let other = |reason: &&str| !reason.contains("landing_access") && !reason.contains("server.port");
    assert_eq!(refused(&tasks).into_iter().filter(other).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn without_a_probe_machine_no_address_of_a_source_is_asked() {
    let (inventory, mut tenant) = scene(Addressing::Keep);
    tenant.test_probe = None;
    let tasks = planned(&inventory, &tenant, &list(&inventory));
    assert_eq!(asked(&tasks), Vec::<&Inquiry>::new());
    let refused = refused(&tasks);
    assert!(refused.len() > 30 && refused.iter().all(|reason| reason.contains("(`test_probe`)")), "{refused:?}");
    // A copy with an address of its own is not its source; whom it names may have that of one.
    server(&mut tenant).landing_access = Some(access("198.51.100.7"));
    let tasks = planned(&inventory, &tenant, &list(&inventory));
    assert!(asked(&tasks).len() > 20);
    let led = |one: &&Inquiry| {
        one.origin != Origin::AmongSources || matches!(one.question, Question::Native(Native::Locator { .. }))
    };
    assert_eq!(asked(&tasks).into_iter().find(led), None);
}

#[test]
fn where_nothing_leads_to_the_copies_the_login_of_the_source_is_the_source() {
    let (mut inventory, mut tenant) = scene(Addressing::Keep);
    tenant.test_probe = None;
    let one = server(&mut tenant);
    (one.access, one.landing_access) = (Some(access("srv1.town.example")), Some(access("SRV1.town.example")));
    let commands = || vec!["true".to_owned()];
    let lab = LabCommands { start: commands(), stop: commands(), status: commands() };
    inventory.project.landing.machines = LandingMachines::Lab(lab);
    let in_lab = planned(&inventory, &tenant, &list(&inventory));
    let locators = refused(&in_lab).len();
    assert!((4..8).contains(&locators) && asked(&in_lab).len() > 20, "a laboratory has one door for both");
    inventory.project.landing.machines = LandingMachines::Vsphere(Box::new(vsphere()));
    let tasks = planned(&inventory, &tenant, &list(&inventory));
    assert_eq!(asked(&tasks), Vec::<&Inquiry>::new());
    // A name may be anybody's, also behind a jump host of its own.
    let over = |tenant: &mut Tenant, host: &str, jump: &str| {
        let via = Some(Box::new(access(jump)));
        server(tenant).landing_access = Some(Access { via, ..access(host) });
        let tasks = planned(&inventory, tenant, &list(&inventory));
        assert!(asked(&tasks).iter().all(|one| one.question.script().is_some()));
        asked(&tasks).len()
    };
    assert_eq!(over(&mut tenant, "copy.town.example", "10.9.0.9"), 0);
    assert!(over(&mut tenant, "10.9.0.77", "10.9.0.9") > 0, "a way that people gave to an address of its own");
    assert_eq!(over(&mut tenant, "192.0.2.10", "10.9.0.9"), 0, "who has that address there is not known");
    server(&mut tenant).access.as_mut().unwrap().via = Some(Box::new(access("10.9.0.9")));
    assert_eq!(over(&mut tenant, "10.9.0.77", "10.9.0.9"), 0, "the way to the source");
    // With a probe machine that is the way, whatever else leads there.
    tenant.test_probe = Some(access(PROBE));
    over_the_probe(&inventory, &mut tenant);
}

fn over_the_probe(inventory: &Inventory, tenant: &mut Tenant) {
    server(tenant).landing_access = Some(Access { via: Some(Box::new(access("10.9.0.9"))), ..access("192.0.2.10") });
    let tasks = planned(inventory, tenant, &list(inventory));
    assert!(asked(&tasks).len() > 30);
    for inquiry in asked(&tasks) {
        assert_eq!((inquiry.origin.probe(), super::over(&inquiry.question)), (Some(PROBE), None), "{inquiry:?}");
    }
}

#[test]
fn a_login_of_the_converter_is_the_source_and_so_is_any_spelling_of_its_address() {
    let (mut inventory, mut tenant) = scene(Addressing::Keep);
    (tenant.test_probe, inventory.project.landing.machines) = (None, LandingMachines::Vsphere(Box::new(vsphere())));
    server(&mut tenant).winrm = Some(WinrmAccess {
        host: "198.51.100.5".into(),
        port: 5985,
        user: String::new(),
        password: SecretRef::Env(String::new()),
        certificate: None,
    });
    for (host, asks) in [("198.51.100.6", true), ("198.51.100.5", false), ("::ffff:192.0.2.10", false), ("srv1", false)]
    {
        let item = with_item(&inventory, &format!("tcp: {{host: \"{host}\", port: 22}}"), "open");
        assert_eq!(asked(&planned(&inventory, &tenant, &item)).len(), usize::from(asks), "{host}");
    }
}

#[test]
fn a_controller_that_is_not_copied_closes_no_gate() {
    let (inventory, tenant) = scene(Addressing::Keep);
    let probe = "locator: {server: \"{{ server.host }}\", service: _kerberos._tcp}";
    let expected = |expect: &str| {
        let tasks = planned(&inventory, &tenant, &with_item(&inventory, probe, expect));
        asked(&tasks)[0].expect.iter().map(|condition| condition.attribute).collect::<Vec<_>>()
    };
    assert_eq!(expected("server.address in addresses"), ["found"]);
    assert_eq!(expected("{dead: {at_most: 0}}"), ["found", "dead"], "who says so means it");
}

#[test]
fn what_only_udp_tells_is_not_asked() {
    let (inventory, mut tenant) = scene(Addressing::Keep);
    for (probe, expect) in [
        ("ntp: {host: \"{{ server.host }}\"}", "skew <= 1s"),
        ("mtu: {host: \"{{ server.host }}\"}", "mtu >= 1400"),
        ("kerberos: {host: \"{{ server.host }}\"}", "udp and tcp"),
        ("kerberos: {host: \"{{ server.host }}\"}", "{udp: true}"),
    ] {
        let tasks = planned(&inventory, &tenant, &with_item(&inventory, probe, expect));
        assert!(matches!(refused(&tasks)[..], [reason] if reason.starts_with("not asked: ")), "{probe}: {tasks:?}");
    }
    let kerberos = with_item(&inventory, "kerberos: {host: \"{{ server.host }}\"}", "tcp");
    let tasks = planned(&inventory, &tenant, &kerberos);
    let expected: Vec<&str> = asked(&tasks)[0].expect.iter().map(|condition| condition.attribute).collect();
    assert_eq!(expected, ["alive"], "by itself the item wants UDP, too");
    tenant.test_probe = None;
    for probe in [
        "tcp: {host: \"{{ server.address }}\", port: 22}",
        "http: {url: \"https://utente@192.0.2.10:8443/x\"}",
        "dns: {server: \"192.0.2.10:53\", name: x.lan, type: A}",
    ] {
        let expect = if probe.starts_with("tcp") { "open" } else { "ms <= 1s" };
        let tasks = planned(&inventory, &tenant, &with_item(&inventory, probe, expect));
        assert!(matches!(refused(&tasks)[..], [reason] if reason.contains("test_probe")), "{probe}: {tasks:?}");
    }
}

#[test]
fn a_finding_of_the_source_is_none_of_the_copy() {
    let (inventory, tenant) = scene(Addressing::Keep);
    let item = with_item(&inventory, "tcp: {host: 198.51.100.7, port: 22}", "open");
    let identity = |tenant: &Tenant| asked(&planned(&inventory, tenant, &item))[0].identity();
    let direct = Tenant { test_probe: None, ..tenant.clone() };
    let other = Tenant { test_probe: Some(access("10.9.0.6")), ..tenant.clone() };
    assert_ne!(identity(&tenant), identity(&direct));
    assert_ne!(identity(&tenant), identity(&other));
    // A script may be carried there: where it came from is nothing that it answers.
    let shell = with_item(&inventory, "sh: uptime", "{exit: 0}");
    let identity = |tenant: &Tenant| asked(&planned(&inventory, tenant, &shell))[0].identity();
    assert_eq!(identity(&tenant), identity(&other));
}

fn vsphere() -> crate::model::vsphere::VsphereLanding {
    use crate::model::vsphere::{PortGroupNames, Switch, Trust, VcenterAccess, VsphereLanding, VsphereWay};
    let password = SecretRef::Env("X".into());
    let trust = Trust::Thumbprint(String::new());
    VsphereLanding {
        access: VcenterAccess { host: "vcenter".into(), port: 443, user: "u".into(), password, trust },
        datacenter: "DC".into(),
        pool: "P".into(),
        folder: None,
        hosts: Vec::new(),
        switch: Switch::Distributed("D".into()),
        port_groups: PortGroupNames::default(),
        way: VsphereWay::Nfc,
        datastore: "d".into(),
    }
}
