//! The format of checklists: what ships is valid, and each mistake has its own message and place.

use crate::support::{Sandbox, project};
use std::sync::LazyLock;
use traghetto::checklist::{Check, Checklist, Phase, load, shape};
use traghetto::inventory;
use traghetto::model::people::People;

static PEOPLE: LazyLock<People> = LazyLock::new(|| inventory::load(&project()).unwrap().people);

fn shipped(phase: Phase) -> Checklist {
    load(&project(), phase, &PEOPLE).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn the_shipped_checklists_are_valid_and_not_empty() {
    for phase in Phase::ALL {
        let checklist = shipped(phase);
        assert!(checklist.items.len() >= 8, "{phase} has {} items", checklist.items.len());
        let manual = checklist.items.iter().filter(|item| matches!(item.check, Check::Manual { .. })).count();
        // That old machines are wiped and written off only a person can know.
        let by_hand = phase == Phase::Decommission || manual * 2 <= checklist.items.len();
        assert!(by_hand, "{phase}: {manual} of {} by hand", checklist.items.len());
    }
}

/// The checks of `checklist inventory` as one valid file, which each test breaks in one place.
const GOOD: &str = r#"checklist: source
version: 1
items:
  - id: A-1
    title: {it: Prova, en: Trial}
    severity: blocker
    roles: [venis-sistemista]
    scope: server
    applies_to: {os: [linux]}
    probe:
      sh: |
        test -e {{ server.id }}
    expect: {exit: 0, stdout: {contains: [x]}}
    until: {within: 60, every: 5}
    timeout: 5
  - id: A-2
    title: {it: Porta, en: Port}
    severity: info
    roles: [comune-tecnico]
    scope: tenant
    probe: {tcp: {host: "{{ project.ntp }}", port: "443"}}
  - id: A-3
    title: {it: Firma, en: Signature}
    severity: blocker
    roles: [comune-referente]
    scope: tenant
    manual: {it: Guardare., en: Look.}
"#;

fn problems(text: &str) -> String {
    let sandbox = Sandbox::empty();
    sandbox.write("checklists/source.yaml", text);
    match load(sandbox.path(), Phase::Source, &PEOPLE) {
        Ok(_) => String::new(),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn a_good_file_has_no_problems() {
    assert_eq!(problems(GOOD), "");
}

#[test]
fn each_mistake_has_its_message_and_place() {
    let cases = [
        (
            "checklist: source",
            "checklist: landing",
            "checklists/source.yaml:1:12: checklist: the file is named after the phase `source`",
        ),
        (
            "checklist: source",
            "checklist: sources",
            "1:12: checklist: `sources` is not one of `source`, `network`, `test`, `landing`, `decommission`\n  hint: did you mean `source`?",
        ),
        ("version: 1", "version: 0", "2:10: version: `0` is out of range"),
        ("id: A-1", "id: a1", "4:9: items[0].id: `a1` is not an item's id"),
        ("id: A-2", "id: A-1", "16:9: items[1].id: the id A-1 is taken by items[0]"),
        ("severity: info", "severity: fatal", "18:15: items[1].severity: `fatal` is not one of"),
        (
            "[comune-tecnico]",
            "[comune-tecnic]",
            "19:13: items[1].roles[0]: there is no role `comune-tecnic`\n  hint: did you mean `comune-tecnico`?",
        ),
        ("[comune-tecnico]", "[]", "items[1].roles: the list is empty"),
        ("{{ server.id }}", "{{ server.ip }}", "there is no variable `server.ip`\n  hint: did you mean `server.id`?"),
        ("{{ server.id }}", "'{{ server.id }}'", "`server.id` stands inside quotes"),
        ("{{ server.id }}", "{{ server.id", "`{{` has no `}}`"),
        (
            "{{ project.ntp }}",
            "{{ server.id }}",
            "21:25: items[1].probe.tcp.host: `server.id` is not known to an item of scope `tenant`",
        ),
        ("port: \"443\"", "port: \"70000\"", "items[1].probe.tcp.port: `70000` is not a port"),
        ("{tcp: {", "{udp: {", "unknown key `udp`"),
        ("stdout: {contains: [x]}", "stdout: {has: [x]}", "13:32: items[0].expect.stdout.has: unknown key `has`"),
        ("exit: 0, stdout: {contains: [x]}", "status: 200", "items[0].expect.status: unknown key `status`"),
        ("stdout: {contains: [x]}", "stdout: {}", "items[0].expect.stdout: nothing is expected of it"),
        ("exit: 0", "exit: {at_least: x}", "items[0].expect.exit.at_least: `x` is not a whole number"),
        ("every: 5", "every: 0", "items[0].until.every: `0` is out of range"),
        ("timeout: 5", "timeout: 5s", "15:14: items[0].timeout: `5s` is not a whole number"),
        (
            "    scope: tenant\n    probe",
            "    scope: tenant\n    applies_to: {os: [linux]}\n    probe",
            "only an item of scope `server` is restricted",
        ),
        ("    manual: {it: Guardare., en: Look.}\n", "", "one of these keys is missing: `probe`, `manual`"),
        ("    manual:", "    timeout: 5\n    manual:", "unknown key `timeout`"),
        (
            "probe: {tcp: {host: \"{{ project.ntp }}\", port: \"443\"}}",
            "probe: {http: {url: ftp://x}}\n    expect: {status: 200}",
            "`ftp://x` is not the address of a page",
        ),
        (
            "probe: {tcp: {host: \"{{ project.ntp }}\", port: \"443\"}}",
            "probe: {ping: {host: x}}",
            "nothing is expected of the answer: the item cannot fail",
        ),
        ("en: Trial}", "en: Trial", "checklists/source.yaml:"),
    ];
    for (from, to, message) in cases {
        assert_eq!(GOOD.matches(from).count(), 1, "`{from}`");
        let found = problems(&GOOD.replacen(from, to, 1));
        assert!(found.contains(message), "`{to}` gives:\n{found}\nand not: {message}");
    }
}

/// A file of `phase` with one item that has these lines.
fn one(phase: Phase, lines: &str) -> String {
    let text = format!(
        "checklist: {phase}\nversion: 1\nitems:\n  - id: A-1\n    title: {{it: Prova, en: Trial}}\n    \
         severity: blocker\n    roles: [venis-sistemista]\n    scope: server\n{lines}"
    );
    let sandbox = Sandbox::empty();
    sandbox.write(&format!("checklists/{phase}.yaml"), &text);
    load(sandbox.path(), phase, &PEOPLE).map_or_else(|problems| problems.to_string(), |_| String::new())
}

#[test]
fn expressions_and_comparisons_are_checked_when_they_are_read() {
    let sh = "    probe: {sh: 'true'}\n";
    let (source, landing, test) = (Phase::Source, Phase::Landing, Phase::Test);
    let night = |lines: &str| format!("    when: notte\n{sh}{lines}");
    for good in ["    expect: exit in [0, 3] and len(lines) <= 2\n", "    compare: {key: ports}\n"] {
        assert_eq!(one(source, &format!("{sh}{good}")), "", "{good}");
    }
    for good in [
        "    compare: {key: ports, rule: superset, ignore: [\"udp *\"]}\n",
        "    expect: all(before.lines, it in lines)\n    compare: {key: ports}\n",
        "    compare: {key: memory, rule: tolerance, percent: 10}\n",
    ] {
        assert_eq!(one(landing, &night(good)), "", "{good}");
    }
    let cases = [
        (
            source,
            format!("{sh}    expect: exi == 0\n"),
            "10:13: items[0].expect: there is no attribute `exi`\n  hint: did you mean `exit`?",
        ),
        (
            source,
            format!("{sh}    expect: 'exit == 0 and len(stdot) > 0'\n"),
            "10:32: items[0].expect: there is no attribute `stdot`",
        ),
        (
            source,
            format!("{sh}    expect: exit == \"0\"\n"),
            "10:21: items[0].expect: a number does not go with a text in `==`",
        ),
        (
            source,
            format!("{sh}    expect: leng(lines) == 0\n"),
            "10:13: items[0].expect: there is no function `leng`\n  hint: did you mean `len`?",
        ),
        (source, format!("{sh}    expect: before.exit == 0\n"), "there is no baseline to look back at"),
        (
            source,
            format!("{sh}    compare: {{key: ports, rule: equal}}\n"),
            "there is nothing before this phase to compare with",
        ),
        (source, format!("{sh}    compare: {{key: Ports}}\n"), "items[0].compare.key: `Ports` is not a key"),
        (
            source,
            format!("{sh}    compare: {{key: ports, of: line}}\n"),
            "items[0].compare.of: there is no attribute `line`\n  hint: did you mean `lines`?",
        ),
        (landing, night("    compare: {key: ports}\n"), "items[0].compare: nothing is compared"),
        (landing, night("    compare: {key: ports, rule: same}\n"), "`same` is not one of"),
        (landing, night("    compare: {key: ports, rule: tolerance}\n"), "say how much"),
        (
            landing,
            night("    compare: {key: ports, rule: superset, of: exit}\n"),
            "the rule compares a list, and `exit` is none",
        ),
        (landing, night("    compare: {key: ports, rule: equal, percent: 3}\n"), "belong to `rule: tolerance`"),
        (landing, sh.to_owned(), "items[0]: it is not said when the item is asked"),
        (source, format!("{sh}    when: notte\n"), "items[0].when: only the landing has a night and a morning"),
        (source, format!("{sh}    sign_with: prova\n"), "nobody signs what the program finds out"),
        (source, format!("{sh}    trace: [S99]\n"), "items[0].trace[0]: there is no sentence `S99`"),
        (test, format!("{sh}from_landing: [L-1]\n"), "from_landing: checklists/landing.yaml is not valid"),
        (source, format!("{sh}from_landing: [L-1]\n"), "only the test has items of the landing"),
    ];
    for (phase, lines, message) in cases {
        let found = one(phase, &lines);
        assert!(found.contains(message), "{lines} gives:\n{found}\nand not: {message}");
    }
}

#[test]
fn the_test_asks_items_of_the_landing_without_their_moment() {
    let found = shipped(Phase::Test);
    let borrowed = found.item(&"L-VM-02".parse().unwrap()).unwrap();
    assert_eq!(borrowed.when, None);
    let own = shipped(Phase::Landing).item(&"L-VM-02".parse().unwrap()).unwrap().clone();
    assert!(own.when.is_some() && borrowed.check == own.check);
}

#[test]
fn a_script_is_for_a_server_and_a_missing_file_is_said() {
    let found = problems(&GOOD.replace("    scope: server\n    applies_to: {os: [linux]}\n", "    scope: tenant\n"));
    assert!(found.contains("`server.id` is not known to an item of scope `tenant`"), "{found}");
    let found = problems(
        &GOOD
            .replace("    scope: server\n    applies_to: {os: [linux]}\n", "    scope: tenant\n")
            .replace("{{ server.id }}", "x"),
    );
    assert!(found.contains("a script runs on a server"), "{found}");
    let missing = load(Sandbox::empty().path(), Phase::Network, &PEOPLE).unwrap_err().to_string();
    assert!(missing.contains("checklists/network.yaml: cannot be read: "), "{missing}");
}

#[test]
fn all_problems_come_in_one_pass() {
    let broken = GOOD
        .replace("version: 1", "version: x")
        .replace("A-2", "a2")
        .replace("{it: Guardare., en: Look.}", "{it: Guardare.}");
    let found = problems(&broken);
    assert!(found.starts_with("3 problems"), "{found}");
}

#[test]
fn the_schema_knows_every_key_of_the_shipped_files() {
    let schema = shape().schema("checklist").to_string();
    for key in [
        "checklist",
        "applies_to",
        "transfer",
        "probe",
        "tcp",
        "dns",
        "http",
        "ping",
        "sh",
        "ps",
        "manual",
        "within",
        "loss",
        "answers",
        "stdout",
        "compare",
        "when",
        "sign_with",
        "trace",
        "from_landing",
    ] {
        assert!(schema.contains(&format!("\"{key}\":")), "{key}");
    }
}
