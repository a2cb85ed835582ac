//! Another aggregator, from another province: other bodies, roles, bands, payers, VAT, pools, two data
//! centers, a union, a town with two buildings. It lives in `tests/fixtures/second-aggregator` and runs
//! through the program as it is. Needs the Debian package openssh-server.

use crate::support::ios::{Setup, neighbours};
use crate::support::sshd::Sshd;
use crate::support::{Sandbox, copy_folder, project};
use serde_json::Value;

const TOWN: &str = "roccalta";
const UNION: &str = "unione-alta-valverde";
const YAML: &str = "inventory/tenants/roccalta.yaml";
const OTHERS: [&str; 14] = [
    "Venis",
    "venis",
    "Venezia",
    "Veneto",
    "CMV",
    "SAD",
    "sad-ce",
    "Con.Me",
    "con.me",
    "Cinto",
    "cinto",
    "DiMe",
    "VE ",
    "metropolitana",
];

/// What people and accountants of this aggregator must never read.
#[track_caller]
fn is_its_own(text: &str) {
    for word in OTHERS {
        let found = text.lines().find(|line| line.contains(word));
        assert!(found.is_none(), "`{word}` is another aggregator's: {}", found.unwrap());
    }
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::empty().env("TRAGHETTO_OPERATOR", "livia-noce");
    copy_folder(&project().join("tests/fixtures/second-aggregator"), sandbox.path());
    sandbox
}

/// What a command prints that ends well, which is its own.
#[track_caller]
fn said(sandbox: &Sandbox, args: &[&str]) -> String {
    let ran = sandbox.run(args).code(0);
    is_its_own(&ran.stdout);
    is_its_own(&ran.stderr);
    ran.stdout
}

#[track_caller]
fn json(sandbox: &Sandbox, args: &[&str]) -> Value {
    serde_json::from_str(&said(sandbox, &[args, &["--json"]].concat())).unwrap()
}

#[track_caller]
fn has(text: &str, all: &[&str]) {
    for part in all {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn its_inventory_is_read_and_shown() {
    let sandbox = sandbox();
    let check = said(&sandbox, &["inventory", "check"]);
    has(&check, &["no problem: tenants 3, servers 5, sites 3, persons 6, playbooks 1, checklists 5"]);
    let list = said(&sandbox, &["inventory", "list"]);
    has(&list, &["< 4.000", "3.4", "Comune di Roccalta", "Unione montana Alta Valverde", "6200", "3940", "non noto"]);
    let show = said(&sandbox, &["inventory", "show", UNION]);
    has(&show, &["Polo Tanaro (polo-tanaro)", "somma dei quattro comuni membri, ISTAT", "handoff at the Polo Tanaro"]);
    let show = said(&sandbox, &["inventory", "show", TOWN]);
    has(&show, &["Site municipio", "Site biblioteca", "23", "handoff at the CED-Granda", "below 4.000"]);
    sandbox.edit(YAML, "number: 23", "number: 5");
    let twice = sandbox.run(&["inventory", "check"]).code(3).stdout;
    has(&twice, &["tenant.number", "has the same number, `5`"]);
}

/// By hand, from tables 3 and 4 of its operating plan, VAT 10 % rounded on each line:
/// - Roccalta, 4 servers: 3155,54 + 315,55 (315,554) = 3471,09; 6200 inhabitants: 2010,14 + 201,01
///   (201,014) = 2211,15; together 5165,68 + 516,56 = 5682,24 (once on the sum it would be 516,57).
/// - its links, paid by CGD in 2025: 4200,00 + 420,00 = 4620,00; 1250,25 + 125,03 (125,025) = 1375,28;
///   together 5450,25 + 545,03 = 5995,28. In 2026 Roccalta pays them: 10615,93 + 1061,59 = 11677,52.
/// - the union, 7 servers: 3155,54 + 315,55 = 3471,09; as a small one (3940 < 4000) its share for
///   inhabitants, 2010,14 + 201,01 = 2211,15, and its link, 1999,99 + 200,00 = 2199,99, are CGD's:
///   4010,13 + 401,01 = 4411,14.
#[test]
fn its_fees_are_those_of_its_own_tables() {
    let sandbox = sandbox();
    let of = |tenant: &str, year: &str| json(&sandbox, &["fees", "statement", tenant, "--year", year]);
    let totals = |value: &Value, payer: &str, net: &str, vat: &str, gross: &str| {
        let found = &value["totals"][payer];
        assert_eq!(
            (&found["net"], &found["vat"], &found["gross"]),
            (&net.into(), &vat.into(), &gross.into()),
            "{value}"
        );
    };
    let town = of(TOWN, "2025");
    totals(&town, "tenant", "5165.68", "516.56", "5682.24");
    totals(&town, "lead", "5450.25", "545.03", "5995.28");
    assert_eq!(town["lines"][0]["band"], "Da 4 a 10");
    totals(&of(TOWN, "2026"), "tenant", "10615.93", "1061.59", "11677.52");
    let union = of(UNION, "2025");
    totals(&union, "tenant", "3155.54", "315.55", "3471.09");
    totals(&union, "lead", "4010.13", "401.01", "4411.14");
    assert_eq!(union["lines"][1]["basis_source"], "somma dei quattro comuni membri, ISTAT");

    let text = said(&sandbox, &["fees", "statement", UNION, "--year", "2025"]);
    has(&text, &["Unione montana Alta Valverde", "CGD", "Unione", "3.471,09\u{a0}€", "4.411,14\u{a0}€", "IVA 10%"]);
    let page = said(&sandbox, &["fees", "statement", TOWN, "--year", "2025", "--format", "html"]);
    has(
        &page,
        &["Granda Digitale", "Piano operativo Granda Digitale, edizione 1", "Consorzio Granda Digitale", "5.682,24"],
    );
    let csv = said(&sandbox, &["fees", "statement", TOWN, "--year", "2025", "--format", "csv"]);
    has(&csv, &["3155.54,315.55,3471.09", "1250.25,125.03,1375.28"]);
    has(
        &said(&sandbox, &["fees", "statement", TOWN, "--year", "2025", "--format", "csv-it"]),
        &["3155,54;315,55;3471,09", ";CGD;"],
    );
    said(&sandbox, &["fees", "statement", TOWN, "--year", "2025", "--format", "xlsx", "--out", "canoni"]);
    assert!(std::fs::read(sandbox.path().join("canoni/roccalta-2025.xlsx")).unwrap().starts_with(b"PK"));
    // 5682,24 + 3471,09 and 5995,28 + 4411,14; of the third member nobody knows anything.
    let table = said(&sandbox, &["fees", "table", "--year", "2025", "--partial"]);
    has(&table, &["9.153,33", "10.406,42", "2 enti su 3"]);
    sandbox.run(&["fees", "table", "--year", "2025"]).code(3);
    let issued =
        said(&sandbox, &["fees", "issue", TOWN, "--year", "2025", "--prot", "77/2025", "--date", "2025-02-03"]);
    has(&issued, &["77/2025", "5.682,24"]);
}

#[test]
fn both_buildings_of_a_town_are_planned_and_meet_on_the_hub() {
    let sandbox = sandbox();
    let plan = json(&sandbox, &["network", "plan", TOWN]);
    let values = |site: usize, name: &str| {
        let values = plan["sites"][site]["values"].as_array().unwrap();
        values.iter().find(|value| value["name"] == name).unwrap()["value"].clone()
    };
    // The base and the number: 3 is the town's and its first site's, 23 the library's.
    let both = |name: &str| (values(0, name), values(1, name));
    assert_eq!(both("hsrp_group"), (103.into(), 123.into()));
    assert_eq!(both("kept_vlan"), (303.into(), 323.into()));
    assert_eq!(both("new_vlan"), (1503.into(), 1503.into()));
    assert_eq!(both("vrf"), ("ROCCALTA".into(), "ROCCALTA".into()));
    assert_eq!(both("sad_prefix"), ("10.80.3.0/24".into(), "10.80.3.0/24".into()));
    assert_eq!(both("primary_loopback"), ("10.254.1.3".into(), "10.254.1.23".into()));
    assert_eq!(values(1, "tunnel"), "10.140.23.0/30");

    said(&sandbox, &["network", "render", TOWN, "--out", "reti"]);
    let read = |path: &str| {
        let text = std::fs::read_to_string(sandbox.path().join("reti/roccalta").join(path)).unwrap();
        is_its_own(&text);
        text
    };
    let hub = read("after/granda-hub-1-roccalta.ios");
    assert_eq!(hub.matches("vrf definition ROCCALTA\n").count(), 1);
    has(
        &hub,
        &[
            "interface GigabitEthernet0/0/0.2103",
            "interface GigabitEthernet0/0/0.2123",
            "interface GigabitEthernet0/0/1.303",
            "interface GigabitEthernet0/0/1.323",
            "ip route vrf ROCCALTA 192.168.30.10 255.255.255.255",
            "ip route vrf ROCCALTA 192.168.31.10 255.255.255.255",
        ],
    );
    assert_eq!(hub.matches("name INET-VIA-TOWN").count(), 1, "one way to the Internet, by the first site:\n{hub}");
    has(&read("before/roccalta-cpe-a.ios"), &["ip route 192.168.31.0 255.255.255.0 10.150.3.1"]);
    has(
        &read("before/roccalta-23-cpe-b.ios"),
        &["ip route 192.168.30.0 255.255.255.0 Tunnel23", "<secret:roccalta.biblioteca.hsrp-key>"],
    );
    // 24, 10.80.3, the VIP; 24, 192.168.30, the VIP; the default by the firewall.
    has(&read("hosts/biblioteca/dhcp.txt"), &["18 0a 50 03 c0 a8 1f fe 18 c0 a8 1e c0 a8 1f fe 00 c0 a8 1f 01"]);
    has(&read("hosts/linux.txt"), &["ip route replace 192.168.31.0/24 via 192.168.30.254", "ROUTE TO THE CED-Granda"]);

    let check = said(&sandbox, &["network", "check", TOWN]);
    has(&check, &["0 errors, 0 warnings"]);
    has(&said(&sandbox, &["network", "check", "--all", "--partial"]), &["0 errors"]);
    let kit = said(&sandbox, &["network", "kit", TOWN, "--server", "roccalta-bib"]);
    has(&kit, &["MACCHINA VIRTUALE AL CED-Granda", "roccalta-23-cpe-a", "192.168.31.10"]);
    has(
        &said(&sandbox, &["network", "diff", TOWN, "--server", "roccalta-bib"]),
        &["Order, in one window: granda-hub-1, then roccalta-23-cpe-b, then roccalta-23-cpe-a"],
    );
    let refused = sandbox.run(&["network", "diff", TOWN]).code(2).stderr;
    has(&refused, &["2 sites", "--site SITE", "municipio, biblioteca"]);
    // A fault at noon is mended by the end of the next day, a minute later a day after.
    has(
        &said(&sandbox, &["network", "sla", TOWN, "--reported", "2025-06-18T12:00"]),
        &["restore by Thu 19/06/2025 18:00"],
    );
    has(
        &said(&sandbox, &["network", "sla", TOWN, "--reported", "2025-06-18T12:01"]),
        &["restore by Fri 20/06/2025 18:00"],
    );
}

#[test]
fn what_a_second_building_needs_and_may_not_have_is_said() {
    let said = |from: &str, to: &str, command: &[&str], what: &[&str]| {
        let sandbox = sandbox();
        sandbox.edit(YAML, from, to);
        let ran = sandbox.run(command).code(3);
        has(&(ran.stdout + &ran.stderr), what);
    };
    said("    number: 23\n", "", &["network", "plan", TOWN], &["sites.biblioteca.number: not known"]);
    let check = ["inventory", "check"];
    said(
        "  - id: municipio\n",
        "  - id: municipio\n    number: 24\n",
        &check,
        &["sites[0].number", "the first site has its tenant's number"],
    );
    said("number: 23", "number: 8", &check, &["has the same number, `8`"]);
    said("number: 23", "number: 300", &check, &["sites[1].number", "number 300 is beyond `network.tunnels`"]);
    said("hub_vlan: 2123", "hub_vlan: 2103", &check, &["has the same VLAN at the hub, `2103`"]);
}

#[test]
fn clients_of_both_buildings_reach_the_servers_of_both() {
    let sandbox = sandbox();
    let ran = sandbox.run(&["network", "simulate", TOWN, "--json"]).code(0);
    let outcomes: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
    for site in ["roccalta/municipio", "roccalta/biblioteca"] {
        for server in ["roccalta-dir", "roccalta-doc", "roccalta-bib", "roccalta-web"] {
            let of = |outcome: &&Value| {
                outcome["tenant"] == site && outcome["server"] == server && outcome["client"] == "lan"
            };
            let all: Vec<&Value> = outcomes.iter().filter(of).collect();
            let healthy = all
                .iter()
                .find(|outcome| outcome["failure"] == "none")
                .unwrap_or_else(|| panic!("{site} {server}: {}", all[0]));
            assert_eq!(healthy["verdict"], "reachable", "{healthy}");
            let cut = all.iter().find(|outcome| outcome["failure"] == "primary-line").unwrap();
            assert_eq!(cut["verdict"], "reachable", "{cut}");
        }
    }
}

#[test]
fn a_union_lands_at_the_second_data_center_on_its_own_hub() {
    let sandbox = sandbox();
    let plan = said(&sandbox, &["network", "plan", UNION]);
    has(
        &plan,
        &["unione-alta-valverde: number 5, site sede, CPEs configured by the carrier", "10.90.5.0/24", "tanaro-hub-1"],
    );
    assert!(!plan.contains("granda-hub-1"), "{plan}");
    said(&sandbox, &["network", "render", "--hub", "--partial", "--out", "reti"]);
    let hub = |name: &str| std::fs::read_to_string(sandbox.path().join("reti/hub/before").join(name)).unwrap();
    let (first, second) = (hub("granda-hub-1.ios"), hub("tanaro-hub-1.ios"));
    assert!(first.contains("vrf definition ROCCALTA") && !first.contains("VALVERDE"), "{first}");
    assert!(second.contains("vrf definition VALVERDE") && !second.contains("ROCCALTA"), "{second}");
    has(&said(&sandbox, &["network", "simulate", UNION]), &["0 lost although a way is left"]);
    let request = said(&sandbox, &["network", "kit", UNION]);
    has(&request, &["VPN consegnata al Polo Tanaro sulla VLAN 2205"]);
    let migrate = json(&sandbox, &["migrate", "plan", UNION, "--start", "2025-06-16"]);
    assert_eq!(migrate["landing"], "directory copie/tanaro", "{migrate}");
    let refused = |from: &str, to: &str, what: &[&str]| {
        let sandbox = self::sandbox();
        let file = if from.starts_with("landing_site:") {
            "inventory/tenants/unione-alta-valverde.yaml"
        } else {
            "inventory/project.yaml"
        };
        sandbox.edit(file, from, to);
        has(&sandbox.run(&["inventory", "check"]).code(3).stdout, what);
    };
    refused(
        "landing_site: polo-tanaro",
        "landing_site: polo-tanarro",
        &["tenant.landing_site", "did you mean polo-tanaro?"],
    );
    refused(
        "hub_name: tanaro-hub-1",
        "hub_name: granda-hub-1",
        &["landing_sites[0].network.hub_name", "each landing site has its own"],
    );
}

/// Roccalta on loopback, its servers image files behind one real sshd.
fn on_loopback(sshd: &Sshd) -> Sandbox {
    let sandbox = sandbox().env("TRAGHETTO_AGENT", env!("CARGO_BIN_EXE_traghetto-agent"));
    let servers = [("192.168.30.10", 100), ("192.168.30.11", 60), ("192.168.31.10", 40), ("192.168.31.11", 20)];
    for (number, (address, size)) in (1_u8..).zip(servers) {
        let image = sandbox.path().join(format!("disco-{number}.img"));
        let bytes: Vec<u8> = (0..1_500_000_u32).map(|at| (at / 977) as u8 ^ number).collect();
        std::fs::write(&image, &bytes).unwrap();
        let disk = format!("source: \"{}\", size_bytes: {}", image.display(), bytes.len());
        sandbox.edit(YAML, &format!("source: /dev/sda, size_gb: {size}"), &disk);
        let access = format!("{{host: {address}, user: root, key: keys/rescue, host_key: unknown}}");
        sandbox.edit(YAML, &access, &sshd.access_yaml());
    }
    sandbox
}

#[test]
fn a_town_of_it_moves_up_to_the_gate_of_the_copies() {
    let sshd = Sshd::start();
    let sandbox = on_loopback(&sshd);
    // The machine of the test has another address than the inventory's: a difference, exit code 4.
    let survey = sandbox.run(&["survey", TOWN, "--server", "roccalta-dir"]).code(4);
    is_its_own(&survey.stdout);
    has(&survey.stdout, &["roccalta-dir", "the inventory says 192.168.30.10"]);
    let plan = said(&sandbox, &["migrate", "plan", TOWN, "--start", "2025-06-16"]);
    has(
        &plan,
        &[
            "Comune di Roccalta: Granda Digitale 1.1",
            "Ricognizione dei server di partenza",
            "copie/granda",
            "30 giorni solari",
        ],
    );
    let status = || json(&sandbox, &["migrate", "status", TOWN]);
    let sign = |gate: &str, role: &str, by: &str| {
        let status = status();
        let gates = status["gates"].as_array().unwrap();
        let approves =
            gates.iter().find(|known| known["gate"] == gate).unwrap()["approves"].as_str().unwrap().to_owned();
        said(&sandbox, &["migrate", "sign", TOWN, gate, "--role", role, "--operator", by, "--approve", &approves]);
    };
    let run_to = |gate: &str| {
        let ran = sandbox.run(&["migrate", "run", TOWN]).code(5);
        is_its_own(&ran.stderr);
        has(&ran.stderr, &[&format!("sign gate {gate}:")]);
    };
    run_to("landing-ready");
    sign("landing-ready", "collaudatore", "rita-sorbo");
    let waits = sandbox.run(&["migrate", "run", TOWN]).code(5);
    is_its_own(&waits.stderr);
    has(&waits.stderr, &["checklist source: 1 items wait for a signature"]);
    has(&said(&sandbox, &["checklist", "pending", TOWN]), &["SRC-G-02", "informatico"]);
    let statement = ["checklist", "sign", "source", TOWN, "--items", "SRC-G-02", "--role", "informatico", "--by"];
    let statement =
        [&statement[..], &["nora-betulla", "--operator", "nora-betulla", "--note", "ripristinato un file"]].concat();
    let printed = json(&sandbox, &[&statement[..], &["--print"]].concat());
    has(
        printed["statement"].as_str().unwrap(),
        &["Comune di Roccalta", "Informatico dell'ente", "Il salvataggio è stato provato"],
    );
    said(&sandbox, &[&statement[..], &["--approve", printed["approves"].as_str().unwrap()]].concat());
    run_to("source-checked");
    sign("source-checked", "segretario", "piero-acero");
    sign("source-checked", "collaudatore", "rita-sorbo");
    run_to("test-accepted");
    for number in 1..=4 {
        let server = ["dir", "doc", "bib", "web"][number - 1];
        let copy = sandbox.path().join(format!("copie/granda/roccalta/roccalta-{server}/disk0.img"));
        assert!(
            std::fs::read(copy).unwrap() == std::fs::read(sandbox.path().join(format!("disco-{number}.img"))).unwrap()
        );
    }
    papers(&sandbox);
}

/// What people read of a migration, a checklist and its evidence.
fn papers(sandbox: &Sandbox) {
    said(sandbox, &["migrate", "note", TOWN, "chiamata la biblioteca"]);
    has(&said(sandbox, &["migrate", "log", TOWN]), &["chiamata la biblioteca", "livia-noce"]);
    has(&said(sandbox, &["migrate", "handover", TOWN]), &["Roccalta", "test-accepted"]);
    has(&said(sandbox, &["migrate", "report", "wipe", TOWN]), &["Granda Digitale", "Tecnogranda S.r.l."]);
    has(&said(sandbox, &["migrate", "report", "cleanup", TOWN]), &["tecnico di rete Tecnogranda", "Piano operativo"]);
    said(sandbox, &["checklist", "list", "source"]);
    said(sandbox, &["checklist", "list", "source", "--trace"]);
    said(sandbox, &["checklist", "pending", TOWN]);
    let verbale = said(sandbox, &["checklist", "report", "source", TOWN, "--format", "html"]);
    has(
        &verbale,
        &["Comune di Roccalta", "Ufficio di collaudo CGD", "Tecnogranda", "Nora Betulla", "ripristinato un file"],
    );
    let key = sandbox.path().join("livia");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(&key)
        .status();
    assert!(made.unwrap().success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let signs = format!("login: livia, signing_key: \"{}\"", public.trim());
    sandbox.edit("inventory/people.yaml", "login: livia", &signs);
    said(sandbox, &["checklist", "evidence", TOWN, "--out", "prove", "--key", "livia"]);
    has(
        &said(sandbox, &["checklist", "verify", "prove"]),
        &["the evidence of roccalta verifies", "signed by livia-noce"],
    );
    is_its_own(&std::fs::read_to_string(sandbox.path().join("prove/README.txt")).unwrap());
    let failed = sandbox.run(&["checklist", "run", "network", TOWN]);
    is_its_own(&failed.stdout);
    has(&failed.stdout, &["NET-G-01", "municipio", "biblioteca"]);
}

#[test]
fn routers_of_the_second_building_are_pushed() {
    let sandbox = sandbox().env("ROUTER_WORD", "router-word");
    said(&sandbox, &["network", "render", TOWN, "--out", "reti"]);
    said(&sandbox, &["network", "render", "--hub", "--partial", "--out", "reti"]);
    let routers = ["roccalta-23-cpe-a", "roccalta-23-cpe-b", "granda-hub-1"];
    let devices = routers.map(|router| {
        let folder = if router == "granda-hub-1" { "hub" } else { TOWN };
        let text = std::fs::read_to_string(sandbox.path().join(format!("reti/{folder}/before/{router}.ios"))).unwrap();
        Setup::new(router, &text).account("netops", "router-word").start()
    });
    neighbours(&[&devices[0], &devices[1]]);
    let access = |at: usize| {
        let device = &devices[at];
        format!(
            "{{host: 127.0.0.1, port: {}, user: netops, password: \"env:ROUTER_WORD\", host_key: \"{}\", serial: {}}}",
            device.port,
            device.fingerprint,
            device.serial()
        )
    };
    let link = "    link:\n      profile: Ponte radio 50\n";
    let (first, second) = (access(0), access(1));
    let routers = format!(
        "    link:\n      routers:\n        primary: {first}\n        standby: {second}\n      profile: Ponte radio 50\n"
    );
    sandbox.edit(YAML, link, &routers);
    let hub = format!("  hub_name: granda-hub-1\n  hub_access: {}\n", access(2));
    sandbox.edit("inventory/project.yaml", "  hub_name: granda-hub-1\n", &hub);
    let ran =
        sandbox.run(&["network", "push", TOWN, "--yes", "--class", "cutover", "--server", "roccalta-bib"]).code(0);
    is_its_own(&ran.stdout);
    is_its_own(&ran.stderr);
    for device in &devices {
        has(&device.running(), &["192.168.31.10 255.255.255.255"]);
        assert_eq!(device.running(), device.startup());
    }
    assert!(
        devices[2].running().contains("ip route vrf ROCCALTA 192.168.30.0 255.255.255.128"),
        "the other building's ways stay"
    );
}

#[test]
fn its_shell_words_and_pages_are_there() {
    let sandbox = sandbox();
    has(&sandbox.run(&["completions", "bash"]).code(0).stdout, &["traghetto"]);
    has(&sandbox.run(&["man"]).code(0).stdout, &["traghetto"]);
    sandbox.run(&["inventory", "schema", "--all"]).code(0);
    has(&sandbox.run(&["inventory", "schema", "project"]).code(0).stdout, &["landing_sites", "small_below"]);
    let import = sandbox.run(&["network", "render", UNION, "--out", "reti"]).code(0).stdout;
    let files: Vec<&str> = import.lines().filter(|line| line.contains("/before/") && line.ends_with(".ios")).collect();
    let draft = sandbox.run(&[&["network", "import"], &files[..]].concat()).code(0).stdout;
    is_its_own(&draft);
    has(&draft, &["10.20.5.0/24", "VALVERDE"]);
}
