//! Copies under test, in a network that only a probe machine leads to, while their source answers at the
//! same address here: whatever is asked must be the copy. Needs root, and the Debian packages
//! openssh-server, iproute2 and iputils-ping.

use crate::support::lab::space::Space;
use crate::support::sshd::{Sshd, keygen, trust_nothing};
use crate::support::winrm::Emulator;
use crate::support::{Sandbox, project};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use traghetto::checklist::{Baselines, Checklist, Finding, Live, Options, Phase, Signatures, Verdict, load, run};
use traghetto::inventory;
use traghetto::model::server::{Access, Addressing, Login, Os, Server, SshProfile, Transfer, WinrmAccess};
use traghetto::model::tenant::Tenant;
use traghetto::model::{Inventory, Known};
use traghetto::world::probe::http;
use traghetto::world::ssh::Trust;
use traghetto::world::vantage::Vantage;

/// The address of the source and of its copy.
const SERVER: &str = "192.0.2.10";
/// The probe machine, as the operations host reaches it.
const PROBE: &str = "10.9.0.5";
const TENANT: &str = "inventory/tenants/cinto-caomaggiore.yaml";

/// The operations host in the town's network and in that of management; the probe machine in the latter and
/// in the test network.
struct Networks {
    space: Space,
}

impl Networks {
    fn new() -> Self {
        let mut space = Space::new();
        ["sad", "source", "probe", "copy"].iter().for_each(|place| space.add(place));
        space.cable("town", &[("sad", "eth0"), ("source", "eth0")]);
        space.cable("mgmt", &[("sad", "eth1"), ("probe", "eth0")]);
        space.cable("test", &[("probe", "eth1"), ("copy", "eth0")]);
        for (place, device, address) in [
            ("sad", "eth0", "192.0.2.2/24"),
            ("source", "eth0", "192.0.2.10/24"),
            ("sad", "eth1", "10.9.0.1/24"),
            ("probe", "eth0", "10.9.0.5/24"),
            ("probe", "eth1", "192.0.2.2/24"),
            ("copy", "eth0", "192.0.2.10/24"),
        ] {
            space.ip(place, &["address", "add", address, "dev", device]);
        }
        Self { space }
    }

    /// What the operations host finds.
    fn asked(
        &self,
        tenant: &Tenant,
        inventory: &Inventory,
        list: &Checklist,
        trust: &Trust,
    ) -> (Vec<Finding>, Duration) {
        let (signatures, baselines) = (Signatures::default(), Baselines::default());
        let options = Options::whole(&inventory.project, &signatures, &baselines);
        let live = Arc::new(Live::new(trust.clone()));
        self.space.inside("sad", || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let begun = Instant::now();
            (runtime.block_on(run(list, tenant, &options, &live)), begun.elapsed())
        })
    }

    /// A web server in a place that says where it is; `/away` leads back to it.
    fn web(&self, place: &'static str) {
        let listener = self.space.inside(place, || TcpListener::bind((SERVER, 80)).unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, place);
            }
        });
    }

    /// A port of a place that takes connections and keeps silent.
    fn silent(&self, place: &str, port: u16) {
        let listener = self.space.inside(place, || TcpListener::bind((SERVER, port)).unwrap());
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            kept.extend(listener.incoming());
        });
    }
}

fn answer(mut stream: std::net::TcpStream, place: &str) {
    let mut request = [0; 2048];
    let length = stream.read(&mut request).unwrap_or(0);
    let away = request[..length].starts_with(b"GET /away ");
    let (status, more) = if away { ("302 Found", "Location: /here?a=b\r\n") } else { ("200 OK", "") };
    let length = place.len();
    let text = format!("HTTP/1.1 {status}\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n{place}");
    let _ = stream.write_all(text.as_bytes());
}

/// Cinto with one server, whose test copies a probe machine asks.
fn scene(probe: Access, change: impl Fn(&mut Server)) -> (Inventory, Tenant) {
    let inventory = inventory::load(&project()).unwrap();
    let mut tenant = inventory.tenants[&"cinto-caomaggiore".parse().unwrap()].clone();
    tenant.test_probe = Some(probe);
    if let Known::Known(servers) = &mut tenant.servers {
        servers.truncate(1);
        let server = &mut servers[0];
        (server.os, server.transfer) = (Os::Linux("Debian 12".into()), Transfer::Agent);
        server.landing = Addressing::Keep;
        change(server);
    }
    (inventory, tenant)
}

/// A checklist of the test from the lines of its items.
fn list(inventory: &Inventory, items: &[(&str, &str)]) -> Checklist {
    let sandbox = Sandbox::empty();
    sandbox.write("checklists/test.yaml", &text(items));
    load(sandbox.path(), Phase::Test, &inventory.people).unwrap_or_else(|problems| panic!("{problems}"))
}

fn text(items: &[(&str, &str)]) -> String {
    let mut text = "checklist: test\nversion: 1\nitems:\n".to_owned();
    for (number, (probe, expect)) in items.iter().enumerate() {
        // Nobody is there: how long that takes is known.
        let timeout = if probe.contains("192.0.2.99") { 1 } else { 4 };
        text += &format!(
            "  - id: X-{number:02}\n    title: {{it: Prova, en: Trial}}\n    severity: blocker\n    \
             roles: [venis-sistemista]\n    scope: server\n    timeout: {}\n    probe: {{{probe}}}\n    expect: {expect}\n",
            timeout
        );
    }
    text
}

/// A way to an sshd of another place.
fn at(host: &str, sshd: &Sshd) -> Access {
    Access { host: host.to_owned(), ..sshd.access() }
}

#[track_caller]
fn said(finding: &Finding, verdict: Verdict, words: &str) {
    let told = format!("{} {}", finding.found, finding.reason.as_deref().unwrap_or_default());
    assert!(finding.verdict == verdict && told.contains(words), "{finding:#?}\nshould be {verdict:?} with {words}");
}

const ANSWERS: [(&str, &str); 9] = [
    ("tcp: {host: \"{{ server.host }}\", port: \"{{ server.port }}\"}", "open"),
    ("tcp: {host: \"{{ server.host }}\", port: 7}", "{open: false, refused: true}"),
    ("tcp: {host: 192.0.2.99, port: 7}", "{open: false, refused: false}"),
    ("http: {url: \"http://192.0.2.10/\"}", "{status: 200, body: copy}"),
    ("http: {url: \"http://192.0.2.10/away\"}", "{status: 200, body: copy}"),
    ("http: {url: \"https://192.0.2.10:80/\"}", "{status: 200}"),
    ("ping: {host: \"{{ server.host }}\", count: 2}", "loss == 0 and ms <= 1s"),
    ("sh: 'echo \"$ROLE ${SSH_CLIENT%% *}\"'", "{stdout: copy 192.0.2.2}"),
    ("ntp: {host: \"{{ server.host }}\"}", "skew <= 1s"),
];

#[test]
fn the_copy_is_asked_and_not_the_source_at_the_same_address() {
    let networks = Networks::new();
    let (probe, copy) = (
        networks.space.inside("probe", Sshd::start),
        networks.space.inside("copy", || Sshd::with("SetEnv ROLE=copy\n")),
    );
    networks.web("source");
    networks.web("copy");
    // Nothing but a refusal is one: the source takes what the copy refuses.
    networks.silent("source", 7);
    let (inventory, tenant) = scene(at(PROBE, &probe), |server| server.landing_access = Some(at(SERVER, &copy)));
    let list = list(&inventory, &ANSWERS);
    let (found, took) = networks.asked(&tenant, &inventory, &list, &trust_nothing());
    for (number, finding) in found.iter().enumerate() {
        match number {
            5 => said(finding, Verdict::Error, "https://192.0.2.10:80/ cannot be reached"),
            8 => said(finding, Verdict::Error, "not asked: the time is told over UDP"),
            _ => said(finding, Verdict::Pass, ""),
        }
        let through = (number != 8).then_some(PROBE);
        assert_eq!(finding.through.as_deref(), through, "{finding:?}");
    }
    assert!(took < Duration::from_secs(8), "{took:?}");
    // What would have answered from here.
    let page = networks.space.inside("sad", || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(http(&Vantage::Here, "http://192.0.2.10/", Duration::from_secs(2))).unwrap()
    });
    assert_eq!(page.body, b"source");
    // Without the machine nothing is asked, and least of all the source.
    let alone = Tenant { test_probe: None, ..tenant };
    let (found, took) = networks.asked(&alone, &inventory, &list, &trust_nothing());
    for (number, finding) in found.iter().enumerate().filter(|(number, _)| *number != 2) {
        said(finding, Verdict::Error, "the test network has no probe machine (`test_probe`)");
        assert!(!finding.unreachable && finding.blocks() && finding.attempts == 0, "{number}");
    }
    assert!(took < Duration::from_secs(3), "{took:?}");
    over_winrm(&networks, &probe);
}

/// The copy as a Windows that takes sealed messages, and one that takes TLS.
fn over_winrm(networks: &Networks, probe: &Sshd) {
    const SCRIPT: &str = "(Get-WmiObject Win32_OperatingSystem).Version";
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("host.json");
    let said_by_it = serde_json::json!([{"script": SCRIPT, "out": "6.1.7601\n"}]);
    std::fs::write(&recording, said_by_it.to_string()).unwrap();
    let plain = ["--host", recording.to_str().unwrap(), "--address", SERVER];
    for options in [&plain[..], &[&plain[..], &["--tls"]].concat()] {
        let emulator = networks.space.inside("copy", || Emulator::start(options));
        let emulator = emulator.expect("the Python of the WinRM emulator is there (tests/winrm)");
        let winrm = WinrmAccess { host: SERVER.to_owned(), ..emulator.access() };
        let (inventory, tenant) = scene(at(PROBE, probe), |server| {
            server.os = Os::Windows("Windows Server 2008 R2".into());
            (server.transfer, server.landing_winrm) = (Transfer::Converter, Some(winrm.clone()));
        });
        let trust = Trust { root: emulator.root().to_owned(), ..trust_nothing() };
        let list = list(&inventory, &[(&format!("ps: \"{SCRIPT}\""), "{stdout: '6.1.7601'}")]);
        let (found, _) = networks.asked(&tenant, &inventory, &list, &trust);
        said(&found[0], Verdict::Pass, "6.1.7601");
        assert_eq!(found[0].through.as_deref(), Some(PROBE));
    }
}

/// Questions of every way: by a connection, by a program of the machine, by a script.
const QUESTIONS: [(&str, &str); 4] = [
    ("tcp: {host: \"{{ server.host }}\", port: 80}", "{open: false}"),
    ("ldap: {host: \"{{ server.host }}\", port: 80}", "ms <= 1s"),
    ("ping: {host: \"{{ server.host }}\", count: 1}", "loss == 0"),
    ("sh: 'true'", "{exit: 0}"),
];

#[test]
fn a_probe_machine_that_is_not_there_is_tried_once_and_nothing_passes() {
    // It takes connections and hangs up.
    let (listener, tried) = (TcpListener::bind("127.0.0.1:0").unwrap(), Arc::new(AtomicUsize::new(0)));
    let (port, counted) = (listener.local_addr().unwrap().port(), Arc::clone(&tried));
    std::thread::spawn(move || listener.incoming().for_each(|_| _ = counted.fetch_add(1, Ordering::SeqCst)));
    let folder = tempfile::tempdir().unwrap();
    keygen(&folder.path().join("key"), "ed25519");
    let access = |host: &str, port| Access {
        host: host.to_owned(),
        port,
        user: "root".to_owned(),
        login: Login::Key(folder.path().join("key")),
        host_key: None,
        ssh_profile: SshProfile::Modern,
        via: None,
    };
    let probe = access("127.0.0.1", port);
    let (inventory, tenant) = scene(probe, |server| server.landing_access = Some(access(SERVER, 22)));
    let (signatures, baselines) = (Signatures::default(), Baselines::default());
    let options = Options::whole(&inventory.project, &signatures, &baselines);
    let (list, live) = (list(&inventory, &QUESTIONS), Arc::new(Live::new(trust_nothing())));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let begun = Instant::now();
    let found = runtime.block_on(run(&list, &tenant, &options, &live));
    for finding in &found {
        said(
            finding,
            Verdict::Error,
            "not asked: the probe machine of the test network does not serve: 127.0.0.1 cannot",
        );
        assert!(finding.unreachable, "{finding:?}");
    }
    assert_eq!((found.len(), tried.load(Ordering::SeqCst)), (4, 1));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_machine_that_forwards_nothing_or_is_another_one_asks_nothing() {
    let networks = Networks::new();
    let strict = networks.space.inside("probe", || Sshd::with("AllowTcpForwarding no\n"));
    let (inventory, tenant) = scene(at(PROBE, &strict), |server| server.landing_access = Some(at(SERVER, &strict)));
    let list = list(&inventory, &QUESTIONS);
    let (found, _) = networks.asked(&tenant, &inventory, &list, &trust_nothing());
    for finding in &found[..2] {
        said(finding, Verdict::Error, "not asked: the probe machine");
        said(finding, Verdict::Error, "set `AllowTcpForwarding yes`");
        assert!(!finding.unreachable, "a person mends it: {finding:?}");
    }
    said(&found[2], Verdict::Pass, "");
    said(&found[3], Verdict::Error, "not asked: the probe machine");
    said(&found[3], Verdict::Error, "set `AllowTcpForwarding yes`");
    assert!(!found[3].unreachable, "{:?}", found[3]);
    let other = Access { host_key: Some(format!("SHA256:{}", "A".repeat(43))), ..at(PROBE, &strict) };
    let tenant = Tenant { test_probe: Some(other), ..tenant };
    let (found, _) = networks.asked(&tenant, &inventory, &list, &trust_nothing());
    for finding in &found {
        said(
            finding,
            Verdict::Error,
            "not asked: the probe machine of the test network does not serve: 10.9.0.5 shows the host key",
        );
        assert!(!finding.unreachable);
    }
    lost(&networks);
}

/// What is asked while the machine is lost is not known.
fn lost(networks: &Networks) {
    let probe = networks.space.inside("probe", Sshd::start);
    networks.silent("copy", 80);
    let (inventory, tenant) = scene(at(PROBE, &probe), |_| {});
    let items = [QUESTIONS[1], ("smb: {host: \"{{ server.host }}\", port: 80}", "not old")];
    let list = list(&inventory, &items);
    let (found, took) = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(700));
            probe.kill_sessions();
        });
        networks.asked(&tenant, &inventory, &list, &trust_nothing())
    });
    for finding in &found {
        said(
            finding,
            Verdict::Error,
            "not asked: the probe machine of the test network does not serve: the connection was closed",
        );
        assert!(finding.unreachable, "{finding:?}");
    }
    assert!(took < Duration::from_secs(4), "{took:?}");
    frozen(networks);
}

/// One that stands still says as little about the copy as one that is lost.
fn frozen(networks: &Networks) {
    let probe = networks.space.inside("probe", Sshd::start);
    let copy = networks.space.inside("copy", Sshd::start);
    let (inventory, tenant) = scene(at(PROBE, &probe), |server| server.landing_access = Some(at(SERVER, &copy)));
    let items = [QUESTIONS[1], ("sh: 'sleep 2; true'", "{exit: 0}")];
    let list = list(&inventory, &items);
    let (found, took) = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(1200));
            probe.freeze_sessions();
        });
        networks.asked(&tenant, &inventory, &list, &trust_nothing())
    });
    probe.kill_sessions();
    for finding in &found {
        said(
            finding,
            Verdict::Error,
            "not asked: the probe machine of the test network does not serve: it gave no sign",
        );
        assert!(finding.unreachable, "{finding:?}");
    }
    assert!(took < Duration::from_secs(60), "{took:?}");
}

#[test]
fn a_machine_whose_way_leads_to_the_source_asks_nothing() {
    let networks = Networks::new();
    let (probe, copy) = (networks.space.inside("probe", Sshd::start), networks.space.inside("copy", Sshd::start));
    // All there is behind the operations host, and no card in the test network.
    networks.space.ip("probe", &["link", "set", "dev", "eth1", "down"]);
    networks.space.ip("probe", &["route", "add", "default", "via", "10.9.0.1"]);
    let (inventory, tenant) = scene(at(PROBE, &probe), |server| server.landing_access = Some(at(SERVER, &copy)));
    let list = list(&inventory, &QUESTIONS);
    let (found, _) = networks.asked(&tenant, &inventory, &list, &trust_nothing());
    for finding in &found {
        said(finding, Verdict::Error, "does not serve: its way to 192.0.2.10 is `192.0.2.10 via 10.9.0.1 dev eth0");
        said(finding, Verdict::Error, "give it a card in the test network");
        assert!(!finding.unreachable, "a person mends it: {finding:?}");
    }
    assert_eq!(found.len(), 4);
}

#[test]
fn more_pings_than_the_machine_has_sessions_wait_for_their_turn() {
    let networks = Networks::new();
    let probe = networks.space.inside("probe", Sshd::start);
    let (inventory, tenant) = scene(at(PROBE, &probe), |_| {});
    let list = list(&inventory, &[("ping: {host: \"{{ server.host }}\", count: 4}", "loss == 0"); 24]);
    let (found, _) = networks.asked(&tenant, &inventory, &list, &trust_nothing());
    assert_eq!(found.len(), 24);
    found.iter().for_each(|finding| said(finding, Verdict::Pass, ""));
}

#[test]
fn without_a_probe_machine_nobody_is_followed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(stream, "here")));
    let inventory = inventory::load(&project()).unwrap();
    let mut tenant = inventory.tenants[&"cinto-caomaggiore".parse().unwrap()].clone();
    if let Known::Known(servers) = &mut tenant.servers {
        servers.truncate(1);
    }
    let (near, away) = (
        format!("http: {{url: \"http://127.0.0.1:{port}/\"}}"),
        format!("http: {{url: \"http://127.0.0.1:{port}/away\"}}"),
    );
    let list = list(&inventory, &[(&near, "{status: 200}"), (&away, "{status: 200}")]);
    let (signatures, baselines) = (Signatures::default(), Baselines::default());
    let options = Options::whole(&inventory.project, &signatures, &baselines);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let found = runtime.block_on(run(&list, &tenant, &options, &Arc::new(Live::new(trust_nothing()))));
    said(&found[0], Verdict::Pass, "");
    said(&found[1], Verdict::Error, "not asked: the test network has no probe machine (`test_probe`)");
    assert!(!found[1].unreachable);
}

#[test]
fn the_command_says_once_what_is_wrong_with_the_machine() {
    let sandbox = Sandbox::with_project().env("TRAGHETTO_OPERATOR", "anna-veneto").env("PROBE_WORD", "s3nt1nel-word");
    let probe = |host: &str| {
        format!(
            "test_probe: {{host: {host}, port: 1, user: probe, password: env:PROBE_WORD, host_key: unknown}}\n\nservers:\n"
        )
    };
    sandbox.write("checklists/test.yaml", &text(&[("tcp: {host: \"{{ server.address }}\", port: 80}", "open")]));
    let ran = sandbox.run(&["checklist", "run", "test", "cinto-caomaggiore", "--server", "cinto-srv1"]).code(4);
    let hint = "hint: Write the probe machine of the test network (`test_probe`) into \
                inventory/tenants/cinto-caomaggiore.yaml, or waive what it would ask: traghetto checklist sign test \
                cinto-caomaggiore --items X-00,… --outcome waived";
    assert!(ran.stderr.contains(hint), "{}", ran.stderr);
    sandbox.edit(TENANT, "\nservers:\n", &format!("\n{}", probe("127.0.0.1")));
    sandbox.write("checklists/test.yaml", &text(&QUESTIONS[..3]));
    let line = ["checklist", "run", "test", "cinto-caomaggiore", "--server", "cinto-srv1"];
    let ran = sandbox.run(&line).code(6);
    assert_eq!(ran.stderr.matches("does not serve").count(), 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("hint: The probe machine of the test network does not serve: 127.0.0.1 cannot be reached")
    );
    assert!(
        ran.stdout.contains("asked through the probe machine 127.0.0.1 of the test network: 3 findings"),
        "{}",
        ran.stdout
    );
    let report = sandbox.run(&["checklist", "report", "test", "cinto-caomaggiore", "--json"]);
    assert!(
        report.stdout.contains("\"through\": \"127.0.0.1\"") && !report.stdout.contains("s3nt1nel"),
        "{}",
        report.stdout
    );

    for (host, words) in [
        ("192.0.2.10", "192.0.2.10 is cinto-srv1: it would be asked instead of its copy"),
        ("192.0.2.77", "192.0.2.77 is in the tenant's LAN 192.0.2.0/24"),
    ] {
        sandbox.edit(TENANT, &probe("127.0.0.1"), &probe(host));
        let ran = sandbox.run(&["inventory", "check"]).code(3);
        assert!(ran.stdout.contains(words) && ran.stdout.contains("test_probe.host"), "{}", ran.stdout);
        sandbox.edit(TENANT, &probe(host), &probe("127.0.0.1"));
    }
    let over = "via: {host: 192.0.2.78, user: a, password: env:PROBE_WORD, host_key: unknown}, host_key";
    sandbox.edit(TENANT, &probe("127.0.0.1"), &probe("127.0.0.1").replace("host_key", over));
    let ran = sandbox.run(&["inventory", "check"]).code(3);
    let words = ["192.0.2.78 is in the tenant's LAN 192.0.2.0/24", "test_probe.via.host"];
    assert!(words.iter().all(|words| ran.stdout.contains(words)), "{}", ran.stdout);
    sandbox.edit(TENANT, &probe("127.0.0.1").replace("host_key", over), &probe("127.0.0.1"));
    // The copies of another town may have the same addresses.
    let other = "inventory/tenants/gruaro.yaml";
    let line = |port: &str| probe("127.0.0.1").replace("port: 1,", port).replace("\n\nservers:\n", "\n\nservers: ");
    sandbox.edit(other, "\nservers: ", &format!("\n{}", line("port: 1,")));
    let ran = sandbox.run(&["inventory", "check"]).code(3);
    assert!(ran.stdout.contains("127.0.0.1 is the probe machine of cinto-caomaggiore, too"), "{}", ran.stdout);
    sandbox.edit(other, &line("port: 1,"), &line("port: 2,"));
    let ran = sandbox.run(&["inventory", "check"]);
    assert!(!ran.stdout.contains("test_probe"), "{}", ran.stdout);
}
