//! Checklists against real hosts and servers. Needs the Debian packages openssh-server, iputils-ping,
//! iproute2 and util-linux.

use crate::support::sshd::{Sshd, trust_nothing};
use crate::support::{Sandbox, project};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};
use traghetto::checklist::{
    Baselines, Checklist, Finding, Live, Options, Outcome, Phase, RunRecord, Signatures, Verdict, load, run,
};
use traghetto::inventory;
use traghetto::model::server::{Os, Server, Transfer};
use traghetto::model::tenant::Tenant;
use traghetto::model::{Inventory, Known};

/// Cinto, with live Linux servers that `change` points at real hosts.
fn scene(change: impl Fn(usize, &mut Server)) -> (Inventory, Tenant) {
    let inventory = inventory::load(&project()).unwrap();
    let mut tenant = inventory.tenants[&"cinto-caomaggiore".parse().unwrap()].clone();
    if let Known::Known(servers) = &mut tenant.servers {
        for (index, server) in servers.iter_mut().enumerate() {
            server.os = Os::Linux("Debian 12".into());
            server.transfer = Transfer::Agent;
            change(index, server);
        }
    }
    (inventory, tenant)
}

/// A checklist of the source phase from the lines of its items' probes.
fn checklist(inventory: &Inventory, items: &[(&str, &str)]) -> Checklist {
    let mut text = "checklist: source\nversion: 1\nitems:\n".to_owned();
    for (number, (scope, probe)) in items.iter().enumerate() {
        text += &format!(
            "  - id: T-{number}\n    title: {{it: Prova, en: Trial}}\n    severity: blocker\n    \
             roles: [venis-sistemista]\n    scope: {scope}\n    {probe}\n"
        );
    }
    let sandbox = Sandbox::empty();
    sandbox.write("checklists/source.yaml", &text);
    load(sandbox.path(), Phase::Source, &inventory.people).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

fn findings(inventory: &Inventory, tenant: &Tenant, checklist: &Checklist) -> Vec<Finding> {
    compared(inventory, tenant, checklist, &Baselines::default())
}

/// The findings, compared with what was kept.
fn compared(inventory: &Inventory, tenant: &Tenant, checklist: &Checklist, baselines: &Baselines) -> Vec<Finding> {
    let signatures = Signatures::default();
    let project = &inventory.project;
    let options = Options { project, server: None, signatures: &signatures, baselines, when: None };
    let live = Arc::new(Live::new(trust_nothing()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run(checklist, tenant, &options, &live))
}

fn tenant_findings(items: &[(&str, &str)]) -> Vec<Finding> {
    let (inventory, tenant) = scene(|_, _| {});
    findings(&inventory, &tenant, &checklist(&inventory, items))
}

#[track_caller]
fn said(finding: &Finding, verdict: Verdict, words: &str) {
    let told = format!("{} {} {:?}", finding.found, finding.reason.as_deref().unwrap_or_default(), finding.expected);
    assert!(finding.verdict == verdict && told.contains(words), "{finding:#?}\nshould be {verdict:?} with {words}");
}

#[test]
fn a_host_answers_all_its_items_over_one_connection() {
    let sshd = Sshd::start();
    let (inventory, tenant) = scene(|_, server| server.access = Some(sshd.access()));
    let items = [
        ("server", "probe: {sh: 'echo {{ server.id }}'}\n    expect: {stdout: \"{{ server.id }}\"}".to_owned()),
        ("server", "probe: {sh: 'exit 3'}".to_owned()),
        ("server", "probe: {sh: 'echo 7'}\n    expect: {number: {at_least: 7, at_most: 7}}".to_owned()),
        ("server", "probe: {sh: 'echo twelve'}\n    expect: {number: {at_most: 12}}".to_owned()),
        ("server", "probe: {sh: 'no-such-command'}".to_owned()),
        ("server", "probe: {sh: 'sleep 60'}\n    timeout: 1".to_owned()),
        ("server", "probe: {sh: 'yes'}\n    timeout: 5".to_owned()),
        ("server", "probe: {sh: 'echo $SSH_CONNECTION'}".to_owned()),
        ("server", "probe: {sh: 'printf \"\\033]0;owned\\007\\n\\377\\000\"; echo bad >&2; exit 1'}".to_owned()),
    ];
    // In YAML a plain flow scalar would end at the first comma or brace: quoted above.
    let items: Vec<(&str, &str)> = items.iter().map(|(scope, probe)| (*scope, probe.as_str())).collect();
    let found = findings(&inventory, &tenant, &checklist(&inventory, &items));
    assert_eq!(found.len(), items.len() * 3);
    let first: Vec<&Finding> = found.iter().step_by(3).collect();
    said(first[0], Verdict::Pass, "cinto-srv1");
    said(first[1], Verdict::Fail, "exit is 3 (expected: 0)");
    said(first[2], Verdict::Pass, "7");
    said(first[3], Verdict::Fail, "number could not be read");
    said(first[4], Verdict::Error, "a command is missing");
    said(first[5], Verdict::Error, "it did not end within 1 s");
    said(first[6], Verdict::Error, "it printed more than 16384 bytes");
    said(first[7], Verdict::Pass, "127.0.0.1");
    said(first[8], Verdict::Fail, "it says: bad");
    assert!(!first[8].found.contains('\u{1b}'), "{:?}", first[8].found);
    // The three servers are one host here: one connection, hence one source port.
    let ports: Vec<&str> = found[7 * 3..8 * 3].iter().map(|finding| finding.raw.as_str()).collect();
    assert!(ports.iter().all(|port| *port == ports[0]), "{ports:?}");
}

#[test]
fn a_dead_host_costs_itself_only() {
    let sshd = Sshd::start();
    let (inventory, tenant) = scene(|index, server| {
        let mut access = sshd.access();
        match index {
            0 => {}
            1 => access.port = 1,
            _ => access.host_key = Some("SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into()),
        }
        server.access = Some(access);
    });
    let found = findings(&inventory, &tenant, &checklist(&inventory, &[("server", "probe: {sh: 'true'}")]));
    said(&found[0], Verdict::Pass, "");
    said(&found[1], Verdict::Error, "cannot be reached");
    assert!(found[1].unreachable);
    said(&found[2], Verdict::Error, "host key");
    assert!(!found[2].unreachable, "a wrong key is for a person to look at");
    assert_eq!(Outcome::of(&found), Outcome::Failed);
    assert_eq!(Outcome::of(&found[..2]), Outcome::Unreachable);
}

#[test]
fn a_host_that_closes_half_way_is_an_error() {
    let sshd = Sshd::start();
    let (inventory, tenant) = scene(|_, server| server.access = Some(sshd.access()));
    let list = checklist(&inventory, &[("server", "probe: {sh: 'echo early'}"), ("server", "probe: {sh: 'sleep 30'}")]);
    let began = Instant::now();
    let found = std::thread::scope(|scope| {
        let running = scope.spawn(|| findings(&inventory, &tenant, &list));
        while sshd.session_processes() < 3 {
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(300));
        sshd.kill_sessions();
        running.join().unwrap()
    });
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    assert!(found.iter().all(|finding| finding.verdict == Verdict::Error), "{found:#?}");
}

#[test]
fn until_asks_again_in_the_same_session() {
    let sshd = Sshd::start();
    let file = sshd.dir().join("ready");
    let (inventory, tenant) = scene(|_, server| server.access = Some(sshd.access()));
    let probe = format!("probe: {{sh: 'test -e {}'}}\n    until: {{within: 30, every: 1}}", file.display());
    let never = "probe: {sh: 'exit 1'}\n    until: {within: 3, every: 1}";
    let list = checklist(&inventory, &[("server", &probe), ("server", never), ("server", "probe: {sh: 'exit 1'}")]);
    let found = std::thread::scope(|scope| {
        let running = scope.spawn(|| findings(&inventory, &tenant, &list));
        std::thread::sleep(Duration::from_millis(2500));
        std::fs::write(&file, "").unwrap();
        running.join().unwrap()
    });
    assert!(found[0].verdict == Verdict::Pass && found[0].attempts > 1, "{:#?}", found[0]);
    assert!(found[3].verdict == Verdict::Fail && (2..=3).contains(&found[3].attempts), "{:#?}", found[3]);
    assert_eq!((found[6].verdict, found[6].attempts), (Verdict::Fail, 1));
}

#[test]
fn tcp_and_http_and_ping_are_asked_from_here() {
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = web.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in web.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 2048]);
            let _ = stream.write_all(b"HTTP/1.1 503 Sorry\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
        }
    });
    let items = [
        ("tenant", format!("probe: {{tcp: {{host: 127.0.0.1, port: \"{port}\"}}}}")),
        ("tenant", "probe: {tcp: {host: 127.0.0.1, port: \"1\"}}".to_owned()),
        ("tenant", "probe: {tcp: {host: 127.0.0.1, port: \"1\"}}\n    expect: {open: false}".to_owned()),
        ("tenant", "probe: {tcp: {host: 127.0.0.1, port: \"1\"}}\n    expect: {refused: true}".to_owned()),
        ("tenant", format!("probe: {{tcp: {{host: 127.0.0.1, port: \"{port}\"}}}}\n    expect: {{refused: true}}")),
        ("tenant", "probe: {tcp: {host: nobody.invalid, port: \"1\"}}\n    expect: {refused: true}".to_owned()),
        ("tenant", format!("probe: {{http: {{url: \"http://127.0.0.1:{port}/\"}}}}\n    expect: {{status: 200}}")),
        (
            "tenant",
            format!(
                "probe: {{http: {{url: \"http://127.0.0.1:{port}/\"}}}}\n    \
                 expect: {{status: {{one_of: [200, 503]}}, body: {{contains: [ell], lacks: [bye]}}, ms: {{at_most: 5000}}}}"
            ),
        ),
        ("tenant", "probe: {http: {url: \"http://127.0.0.1:1/\"}}\n    expect: {status: 200}".to_owned()),
        ("tenant", "probe: {ping: {host: 127.0.0.1, count: 2}}\n    expect: {loss: 0, ms: {at_most: 1000}}".to_owned()),
    ];
    let items: Vec<(&str, &str)> = items.iter().map(|(scope, probe)| (*scope, probe.as_str())).collect();
    let found = tenant_findings(&items);
    said(&found[0], Verdict::Pass, "open true");
    said(&found[1], Verdict::Fail, "open is false (expected: true)");
    said(&found[2], Verdict::Pass, "open false");
    said(&found[3], Verdict::Pass, "open false, refused true");
    said(&found[4], Verdict::Fail, "refused is false (expected: true)");
    said(&found[5], Verdict::Fail, "refused is false (expected: true)");
    said(&found[6], Verdict::Fail, "status is 503 (expected: 200)");
    said(&found[7], Verdict::Pass, "status 503");
    said(&found[8], Verdict::Error, "cannot be reached");
    said(&found[9], Verdict::Pass, "loss 0");
}

/// A name server that knows one name: it answers with the question and one A record.
fn name_server() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let known = buffer[..length].windows(5).any(|part| part == b"cinto");
            let mut answer = buffer[..length].to_vec();
            let end = 12 + answer[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
            answer.truncate(end);
            answer[2..4].copy_from_slice(if known { &[0x81, 0x80] } else { &[0x81, 0x83] });
            answer[6..12].copy_from_slice(&[0, u8::from(known), 0, 0, 0, 0]);
            if known {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 10]);
            }
            socket.send_to(&answer, client).unwrap();
        }
    });
    address
}

#[test]
fn dns_is_asked_of_the_given_server() {
    let server = name_server();
    let ask = |name: &str, expect: &str| {
        format!("probe: {{dns: {{server: \"{server}\", name: {name}, type: A}}}}\n    expect: {expect}")
    };
    let (known, other) =
        (ask("cinto.example", "{answers: {contains: [192.0.2.10]}}"), ask("x.example", "{code: NOERROR}"));
    let wrong = ask("cinto.example", "{answers: {lacks: [192.0.2.10]}}");
    let found = tenant_findings(&[("tenant", &known), ("tenant", &other), ("tenant", &wrong)]);
    said(&found[0], Verdict::Pass, "192.0.2.10");
    said(&found[1], Verdict::Fail, "code is `NXDOMAIN`");
    said(&found[2], Verdict::Fail, "expected: lacks");
}

/// What a container cannot be asked: it has no service manager, no journal, no modules of a kernel, no
/// firmware's table, nothing that sets its clock; it is not in the town's LAN, and may know no name of the
/// Internet.
const NOT_OF_EVERY_LINUX: &[&str] = &[
    "SRC-EVT-01",
    "SRC-HW-01",
    "SRC-LNX-01",
    "SRC-NET-10",
    "SRC-NET-11",
    "SRC-SVC-01",
    "SRC-TIM-01",
    "L-CMP-07",
    "L-CMP-26",
    "L-NET-14",
    "L-NET-15",
    "L-TIM-01",
    "L-VM-07",
];

#[test]
fn the_shipped_scripts_run_on_a_real_linux() {
    let sshd = Sshd::start();
    let (inventory, tenant) = scene(|index, server| {
        server.access = Some(sshd.access());
        server.landing_access = Some(sshd.access());
        server.roles.clear();
        server.disks.iter_mut().for_each(|disk| disk.source = Some(sshd.client_key()));
        // One of each: a live Linux, and a machine in the rescue system.
        server.transfer = if index == 0 { Transfer::Agent } else { Transfer::Rescue };
    });
    let mut baselines = Baselines::default();
    for phase in [Phase::Source, Phase::Test, Phase::Landing] {
        let mut list = load(&project(), phase, &inventory.people).unwrap();
        list.items.retain(|item| item.kind() == "sh");
        for item in &mut list.items {
            if let traghetto::checklist::Check::Probe { until, .. } = &mut item.check {
                *until = None;
            }
        }
        let found = compared(&inventory, &tenant, &list, &baselines);
        if phase == Phase::Source {
            let run = RunRecord::new(&list, &tenant.id, None, 0.0, found.clone());
            baselines = Baselines::read(std::iter::once(&serde_json::to_value(&run).unwrap()));
        }
        let asked: Vec<&Finding> = found.iter().filter(|finding| finding.verdict != Verdict::Skipped).collect();
        assert!(asked.len() >= 8, "{phase}: {asked:#?}");
        for finding in asked.iter().filter(|finding| !NOT_OF_EVERY_LINUX.contains(&finding.item.as_str())) {
            assert_ne!(finding.verdict, Verdict::Error, "{finding:#?}");
        }
        assert!(asked.iter().filter(|finding| finding.verdict == Verdict::Pass).count() >= 6, "{asked:#?}");
    }
}
