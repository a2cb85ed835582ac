//! Hosts that hang, flood, hang up or vanish cost their own items and nothing else. Needs root, and the
//! Debian packages openssh-server, iputils-ping and iproute2.

use crate::support::lines::{Lines, Place, SERVER};
use crate::support::sshd::{Sshd, trust_nothing};
use crate::support::{Sandbox, project};
use std::sync::Arc;
use std::time::{Duration, Instant};
use traghetto::checklist::{Baselines, Checklist, Finding, Live, Options, Phase, Signatures, Verdict, load, run};
use traghetto::inventory;
use traghetto::model::server::{Access, Os, Transfer};
use traghetto::model::tenant::Tenant;
use traghetto::model::{Inventory, Known};
use traghetto::world::probe::mtu::mtu;

/// Cinto with one Linux server for each of `hosts`.
fn scene(hosts: &[Access]) -> (Inventory, Tenant) {
    let inventory = inventory::load(&project()).unwrap();
    let mut tenant = inventory.tenants[&"cinto-caomaggiore".parse().unwrap()].clone();
    let Known::Known(servers) = &mut tenant.servers else { panic!("no servers") };
    let model = servers[0].clone();
    servers.clear();
    for (number, access) in hosts.iter().enumerate() {
        let mut server = model.clone();
        server.id = format!("host{number}").parse().unwrap();
        (server.os, server.transfer) = (Os::Linux("Debian 12".into()), Transfer::Agent);
        server.access = Some(access.clone());
        servers.push(server);
    }
    (inventory, tenant)
}

fn checklist(inventory: &Inventory, probes: &[&str]) -> Checklist {
    let mut text = "checklist: source\nversion: 1\nitems:\n".to_owned();
    for (number, probe) in probes.iter().enumerate() {
        text += &format!(
            "  - id: T-{number}\n    title: {{it: Prova, en: Trial}}\n    severity: blocker\n    \
             roles: [venis-sistemista]\n    scope: server\n    {probe}\n"
        );
    }
    let sandbox = Sandbox::empty();
    sandbox.write("checklists/source.yaml", &text);
    load(sandbox.path(), Phase::Source, &inventory.people).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

fn findings(hosts: &[Access], probes: &[&str]) -> Vec<Finding> {
    let (inventory, tenant) = scene(hosts);
    let list = checklist(&inventory, probes);
    let (signatures, baselines) = (Signatures::default(), Baselines::default());
    let options = Options {
        project: &inventory.project,
        server: None,
        signatures: &signatures,
        baselines: &baselines,
        when: None,
    };
    let live = Arc::new(Live::new(trust_nothing()));
    tokio::runtime::Runtime::new().unwrap().block_on(run(&list, &tenant, &options, &live))
}

#[test]
fn hosts_that_hang_flood_or_hang_up_cost_themselves_only() {
    let forced = |command: &str| Sshd::with(&format!("ForceCommand {command}\n"));
    let (good, hangs, floods) = (Sshd::start(), forced("sleep 300"), forced("cat /dev/zero"));
    let (hangs_up, lies) = (forced("head -c 100 >/dev/null"), forced("sh -c 'echo ready; echo 0 rc 0 0 0 0; exit 0'"));
    let all = [&good, &hangs, &floods, &hangs_up, &lies];
    let hosts: Vec<Access> = all.iter().map(|sshd| sshd.access()).collect();
    let began = Instant::now();
    let found = findings(&hosts, &["probe: {sh: 'echo fine'}\n    timeout: 1", "probe: {sh: 'true'}\n    timeout: 1"]);
    // The hanging host has 1 s for each item and 15 s for itself; nobody waits for it but its own.
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    for (number, finding) in found.iter().enumerate() {
        let expected = if number % hosts.len() == 0 { Verdict::Pass } else { Verdict::Error };
        assert_eq!(finding.verdict, expected, "{number}: {finding:#?}");
    }
}

#[test]
fn a_host_that_starts_again_is_asked_again_on_a_new_connection() {
    let sshd = Sshd::start();
    let file = sshd.dir().join("ready");
    let probe = format!("probe: {{sh: 'test -e {}'}}\n    until: {{within: 60, every: 1}}", file.display());
    let found = std::thread::scope(|scope| {
        let running = scope.spawn(|| findings(&[sshd.access()], &[&probe]));
        std::thread::sleep(Duration::from_millis(1500));
        sshd.kill_sessions();
        std::fs::write(&file, "").unwrap();
        running.join().unwrap()
    });
    assert_eq!(found[0].verdict, Verdict::Pass, "{found:#?}");
    assert!(found[0].attempts > 1, "{found:#?}");
}

#[test]
fn a_host_behind_a_jump_host_answers_and_its_line_is_measured() {
    let (jump, host) = (Sshd::start(), Sshd::start());
    let access = Access { via: Some(Box::new(jump.access())), ..host.access() };
    let found = findings(
        &[access],
        &[
            "probe: {sh: 'echo fine'}",
            "probe: {throughput: {seconds: 1, rate: \"100\"}}\n    expect: {percent: {at_least: 1}}",
            "probe: {throughput: {seconds: 1, rate: \"100000000\"}}\n    expect: {percent: {at_least: 85}}",
        ],
    );
    assert_eq!(found[0].verdict, Verdict::Pass, "{found:#?}");
    assert_eq!(found[1].verdict, Verdict::Pass, "{found:#?}");
    assert_eq!(found[2].verdict, Verdict::Fail, "{found:#?}");
}

#[test]
fn the_largest_packet_is_found_and_a_black_hole_is_told() {
    let lines = Lines::new();
    let found = |deadline| {
        lines.inside(Place::Sad, || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(mtu(SERVER, 1500, Duration::from_secs(deadline))).map_err(|error| error.to_string())
        })
    };
    let size = |place: Place, device: &str, bytes: &str| {
        lines.inside(place, || {
            let arguments = ["link", "set", device, "mtu", bytes];
            assert!(std::process::Command::new("ip").args(arguments).status().unwrap().success());
        });
    };
    let whole = found(30).unwrap();
    assert_eq!((whole.mtu, whole.black_hole), (1500, false));
    // A router in between that cannot send more says so.
    size(Place::Primary, "lan", "1400");
    let told = found(30).unwrap();
    assert_eq!((told.mtu, told.black_hole), (1400, false));
    // What its other side does not even take in vanishes.
    size(Place::Primary, "lan", "1500");
    lines.inside(Place::Sad, || {
        assert!(std::process::Command::new("ip").args(["route", "flush", "cache"]).status().unwrap().success());
    });
    size(Place::Primary, "wan", "1380");
    let vanished = found(60).unwrap();
    // A device lets through four bytes more than it says, for the tag of a VLAN.
    assert_eq!((vanished.mtu, vanished.black_hole), (1384, true));
    assert_eq!(found(0).unwrap_err(), "no answer within 0 s");
}
