//! `traghetto checklist`: lists, runs, signatures, reports. Needs the Debian package openssh-server.

use crate::support::sshd::Sshd;
use crate::support::{Ran, Sandbox, golden};

const CINTO: &str = "inventory/tenants/cinto-caomaggiore.yaml";

/// A small checklist: one item that holds, one that depends on `script`, two to be signed.
fn source(script: &str) -> String {
    format!(
        r#"checklist: source
version: 7
items:
  - id: A-1
    title: {{it: Il server risponde, en: The server answers}}
    severity: blocker
    roles: [venis-sistemista]
    scope: server
    probe: {{sh: 'echo {{{{ server.id }}}}'}}
  - id: A-2
    title: {{it: Lo script riesce, en: The script succeeds}}
    severity: blocker
    roles: [venis-sistemista]
    scope: server
    applies_to: {{role: [logging]}}
    probe: {{sh: '{script}'}}
  - id: A-3
    title: {{it: Firma del Comune, en: The Comune signs}}
    severity: blocker
    roles: [comune-referente]
    scope: tenant
    manual: {{it: Guardare e firmare., en: Look and sign.}}
  - id: A-4
    title: {{it: Firma congiunta, en: Both sign}}
    severity: blocker
    roles: [comune-tecnico, venis-sistemista]
    scope: server
    manual: {{it: Guardare insieme., en: Look together.}}
"#
    )
}

/// Cinto, whose three servers are `sshd`, with a small checklist.
fn sandbox(sshd: &Sshd, script: &str) -> Sandbox {
    let sandbox = Sandbox::with_project().env("TRAGHETTO_OPERATOR", "anna-veneto");
    for number in [10, 11, 12] {
        let from = format!("access: {{host: 192.0.2.{number}, user: root, key: keys/rescue, host_key: unknown}}");
        sandbox.edit(CINTO, &from, &format!("access: {}", sshd.access_yaml()));
    }
    sandbox.write("checklists/source.yaml", &source(script));
    sandbox
}

fn check(sandbox: &Sandbox, more: &[&str]) -> Ran {
    sandbox.run(&[&["checklist", "run", "source", "cinto-caomaggiore"], more].concat())
}

/// Signs `what` (`--items A-3`, `--all`) after reading what would be signed.
fn sign(sandbox: &Sandbox, what: &[&str], more: &[&str]) -> Ran {
    let start = ["checklist", "sign", "source", "cinto-caomaggiore", "--note", "visto"];
    let line = [&start[..], what, more].concat();
    let printed = sandbox.run(&[&line[..], &["--print", "--json"]].concat());
    if printed.code != 0 {
        return printed;
    }
    let printed: serde_json::Value = serde_json::from_str(&printed.stdout).unwrap();
    sandbox.run(&[&line[..], &["--approve", &printed["approves"].as_str().unwrap()[..12]]].concat())
}

fn report(sandbox: &Sandbox) -> serde_json::Value {
    let ran = sandbox.run(&["checklist", "report", "source", "cinto-caomaggiore", "--json"]).code(0);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn list_shows_every_item() {
    let ran = Sandbox::with_project().run(&["checklist", "list"]).code(0);
    golden("checklist/list.txt", &ran.stdout);
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_run_signatures_and_the_report() {
    let sshd = Sshd::start();
    let sandbox = sandbox(&sshd, "exit 0");
    let ran = check(&sandbox, &[]).code(5);
    golden("checklist/run.txt", &ran.stdout);
    assert_eq!(
        ran.stderr,
        "waiting: to be signed: A-3, A-4 (cinto-srv1), A-4 (cinto-srv2), A-4 (cinto-srv3)\n\
         hint: Next: traghetto checklist sign source cinto-caomaggiore --all --role ROLE --note TEXT\n\
         hint: Who signs what: traghetto checklist pending cinto-caomaggiore\n"
    );
    let signed = sign(&sandbox, &["--items", "A-3"], &["--by", "dario-pieve"]).code(0);
    assert_eq!((signed.stdout.as_str(), signed.stderr.as_str()), ("", "Firmato: A-3 da Dario Pieve.\n"));
    let elena = ["--by", "elena-ponte", "--role", "comune-tecnico"];
    sign(&sandbox, &["--items", "A-4", "--of", "cinto-srv1"], &elena).code(0);
    let half = check(&sandbox, &["--server", "cinto-srv1"]).code(5);
    assert!(half.stdout.contains("to be signed by venis-sistemista\n"), "{}", half.stdout);
    let all = sign(&sandbox, &["--all"], &elena).code(0);
    assert_eq!(all.stderr, "Firmato: 2 voci da Elena Ponte.\n");
    sign(&sandbox, &["--items", "A-4"], &["--as", "venis-sistemista"]).code(0);
    assert_eq!(check(&sandbox, &[]).code(0).stderr, "");
    let report = sandbox.run(&["checklist", "report", "source", "cinto-caomaggiore", "--lang", "en"]).code(0);
    assert!(
        report.stdout.contains("Elena Ponte (comune-tecnico), Anna Veneto (venis-sistemista)"),
        "{}",
        report.stdout
    );
    assert!(report.stdout.ends_with("10 findings: 8 pass, 2 skipped\n"), "{}", report.stdout);

    // Another text of an item reopens it, for the person and for the program.
    sandbox.edit("checklists/source.yaml", "Guardare e firmare.", "Guardare bene e firmare.");
    sandbox.edit("checklists/source.yaml", "echo {{ server.id }}", "echo  {{ server.id }}");
    let report = sandbox.run(&["checklist", "report", "source", "cinto-caomaggiore"]).code(0);
    assert!(report.stdout.contains("its text has changed since it was signed"), "{}", report.stdout);
    assert!(report.stdout.contains("its text or its machine has changed since it was run"), "{}", report.stdout);
    check(&sandbox, &[]).code(5);
}

/// A checklist of the landing that compares with what `file` held at the source.
fn compared(phase: &str, file: &str) -> String {
    let (when, rule) = if phase == "landing" { ("    when: notte\n", ", rule: superset") } else { ("", "") };
    format!(
        "checklist: {phase}\nversion: 1\nitems:\n  - id: C-1\n    title: {{it: Porte, en: Ports}}\n    \
         severity: blocker\n{when}    roles: [venis-sistemista]\n    scope: server\n    probe: {{sh: 'cat {file}'}}\n    \
         compare: {{key: ports{rule}}}\n"
    )
}

#[test]
fn the_landing_is_compared_with_what_the_source_kept() {
    let sshd = Sshd::start();
    let sandbox = sandbox(&sshd, "exit 0");
    let access = format!("access: {}", sshd.access_yaml());
    let text = std::fs::read_to_string(sandbox.path().join(CINTO)).unwrap();
    let text = text.replace(&access, &format!("{access}\n    landing_{access}"));
    sandbox.write(CINTO, &text.replace("windows: Windows 7", "linux: Debian 12"));
    let file = sandbox.path().join("ports").display().to_string();
    for phase in ["source", "landing"] {
        sandbox.write(&format!("checklists/{phase}.yaml"), &compared(phase, &file));
    }
    let run = |phase: &str| sandbox.run(&["checklist", "run", phase, "cinto-caomaggiore", "--server", "cinto-srv3"]);
    sandbox.write("ports", "tcp 22\ntcp 445\n");
    let ran = run("landing").code(4);
    assert!(ran.stdout.contains("error    blocker"), "{}", ran.stdout);
    assert!(ran.stdout.contains("the source phase kept no `ports` of it"), "{}", ran.stdout);
    run("source").code(0);
    sandbox.write("ports", "tcp 445\ntcp 80\ntcp 22\n");
    run("landing").code(0);
    let compare = ["checklist", "compare", "cinto-caomaggiore", "--phases", "source,landing", "--lang", "en"];
    sandbox.run(&compare).code(0);
    sandbox.write("ports", "tcp 80\ntcp 22\n");
    let ran = run("landing").code(4);
    assert!(ran.stdout.contains("lines: lost `tcp 445` (expected: nothing lost)"), "{}", ran.stdout);
    drop(sshd);

    let shown = sandbox.run(&compare).code(4);
    assert!(shown.stderr.contains("1 of 1 things kept are not as they should be"), "{}", shown.stderr);
    assert!(shown.stdout.contains("DIFFERS: lost `tcp 445`; new `tcp 80`"), "{}", shown.stdout);
    assert!(
        shown.stdout.ends_with("1 things kept: 1 not the same, 1 of them not as they should be\n"),
        "{}",
        shown.stdout
    );
    let json: serde_json::Value =
        serde_json::from_str(&sandbox.run(&[&compare[..], &["--json"]].concat()).code(4).stdout).unwrap();
    assert_eq!(json[0]["phases"][0]["state"], "first");
    assert_eq!(json[0]["phases"][1]["difference"]["lost"][0], "tcp 445");
    sandbox.run(&["checklist", "compare", "cinto-caomaggiore", "--phases", "source"]).code(2);
}

#[test]
fn the_night_and_the_morning_are_asked_apart() {
    let sandbox = Sandbox::with_project().env("TRAGHETTO_OPERATOR", "anna-veneto");
    let run = |more: &[&str]| sandbox.run(&[&["checklist", "run"], more].concat());
    let ran = run(&["source", "cinto-caomaggiore", "--when", "notte"]).code(2);
    assert!(ran.stderr.contains("the phase source has no night and no morning"), "{}", ran.stderr);
    let shown = sandbox.run(&["checklist", "list", "--trace", "--json"]).code(0);
    let sentences: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert!(sentences.as_array().unwrap().iter().all(|one| !one["items"].as_array().unwrap().is_empty()));
}

#[test]
fn exit_codes_say_why_a_gate_stays_closed() {
    let sshd = Sshd::start();
    let sandbox = sandbox(&sshd, "exit 1");
    let ran = check(&sandbox, &[]).code(4);
    assert!(ran.stderr.starts_with("error: not passed: A-2 (cinto-srv3)\n"), "{}", ran.stderr);
    drop(sshd);
    let ran = check(&sandbox, &["--server", "cinto-srv1"]).code(6);
    assert!(ran.stderr.contains("error: not reached: A-1 (cinto-srv1)\n"), "{}", ran.stderr);
    check(&sandbox, &["--server", "cinto-srv9"]).code(2);
    sandbox.edit("checklists/source.yaml", "version: 7", "version: seven");
    let ran = check(&sandbox, &[]).code(3);
    assert!(
        ran.stderr.contains("checklists/source.yaml:2:10: version: `seven` is not a whole number"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_refusal_keeps_the_item_closed() {
    let sshd = Sshd::start();
    let sandbox = sandbox(&sshd, "exit 0");
    sign(&sandbox, &["--items", "A-3"], &["--by", "dario-pieve", "--outcome", "ko"]).code(0);
    let ran = check(&sandbox, &[]).code(4);
    assert!(ran.stdout.contains("dario-pieve (comune-referente) says no: visto"), "{}", ran.stdout);
    sign(&sandbox, &["--items", "A-3"], &["--by", "dario-pieve"]).code(0);
    check(&sandbox, &[]).code(5);
}

#[test]
fn only_who_holds_the_role_signs_and_only_what_was_read() {
    let sandbox = sandbox(&Sshd::start(), "exit 0");
    let start = ["checklist", "sign", "source", "cinto-caomaggiore"];
    let refused = |more: &[&str], words: &str| {
        let ran = sandbox.run(&[&start[..], more].concat()).code(2);
        assert!(ran.stderr.contains(words), "{}\nshould say {words}", ran.stderr);
    };
    refused(&["--items", "A-3", "--note", "x"], "anna-veneto non ha il ruolo «comune-referente» per cinto-caomaggiore");
    refused(&["--items", "A-3", "--note", "x", "--by", "dario-piev"], "Did you mean `dario-pieve`?");
    refused(&["--items", "A-3", "--note", " ", "--by", "dario-pieve"], "the note is empty");
    refused(&["--items", "A-3", "--note", "x\u{1b}[2J", "--by", "dario-pieve"], "control characters");
    refused(&["--items", "A-3", "--note", "password: S3NT1NEL", "--by", "dario-pieve"], "seems to hold a password");
    refused(&["--items", "A-3", "--note", "x", "--by", "dario-pieve"], "there is no terminal to sign at");
    refused(
        &["--items", "A-3", "--note", "x", "--by", "dario-pieve", "--approve", "000000000000"],
        "names another text",
    );
    refused(&["--items", "A-1", "--note", "x"], "la voce A-1 è verificata dal programma");
    refused(&["--items", "A-1", "--note", "x", "--lang", "en"], "A-1 is checked by the program");
    let until = ["--items", "A-3", "--note", "x", "--by", "dario-pieve", "--until", "2020-01-01"];
    refused(&until, "soltanto una deroga ha un ultimo giorno");
    refused(&[&until[..], &["--outcome", "ko"]].concat(), "soltanto una deroga ha un ultimo giorno");
    refused(&[&until[..], &["--outcome", "ok", "--print"]].concat(), "soltanto una deroga ha un ultimo giorno");
    let ever = ["--items", "A-3", "--note", "x", "--by", "dario-pieve", "--until", "2099-01-01", "--outcome", "waived"];
    refused(&ever, "una deroga dura al massimo 365 giorni, fino al ");
    refused(&["--items", "A-4", "--note", "x"], "signed by several roles");
    refused(&["--items", "A-9", "--note", "x"], "there is no item of the checklist source `A-9`");
    refused(
        &["--items", "A-4", "--of", "nowhere", "--role", "venis-sistemista", "--note", "x"],
        "la voce A-4 non è da firmare: it is asked of nothing of that name",
    );
    refused(&["--note", "x"], "--items");
    let key = ["--items", "A-3", "--note", "x", "--by", "dario-pieve", "--key", "none"];
    refused(&key, "dario-pieve has no `signing_key`");
    let found = report(&sandbox);
    assert!(found["findings"][0]["signatures"].as_array().unwrap().is_empty() && !found.to_string().contains("dario"));
}

#[test]
fn one_person_never_signs_for_both_sides() {
    let sandbox = sandbox(&Sshd::start(), "exit 0");
    let people = "roles: [comune-tecnico], tenant: cinto-caomaggiore";
    sandbox.edit(
        "inventory/people.yaml",
        people,
        "roles: [comune-tecnico, venis-sistemista], tenant: cinto-caomaggiore",
    );
    let what = ["--items", "A-4", "--of", "cinto-srv1"];
    sign(&sandbox, &what, &["--by", "elena-ponte", "--role", "comune-tecnico"]).code(0);
    let ran = sign(&sandbox, &what, &["--by", "elena-ponte", "--role", "venis-sistemista"]).code(2);
    assert!(ran.stderr.contains("le due parti firmano con due persone diverse"), "{}", ran.stderr);
}

#[test]
fn json_and_junit_are_well_formed_whatever_a_host_says() {
    let sshd = Sshd::start();
    let sandbox = sandbox(&sshd, r#"printf "<![CDATA[]]>&\033[2J\000\"" >&2; exit 1"#);
    let ran = check(&sandbox, &["--json"]).code(4);
    let run: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&run["phase"], &run["version"], &run["outcome"]), (&"source".into(), &7.into(), &"failed".into()));
    assert_eq!(run["counts"]["fail"], 1);
    assert_eq!((&run["findings"][0]["scope"], &run["findings"][0]["of"]), (&"server".into(), &"cinto-srv1".into()));

    let out = sandbox.path().join("out.xml");
    let ran = check(&sandbox, &["--format", "junit", "--out", out.to_str().unwrap()]).code(4);
    assert_eq!(ran.stdout, "");
    let xml = std::fs::read_to_string(out).unwrap();
    assert!(xml.chars().all(|c| c == '\n' || !c.is_control()), "{xml:?}");
    golden("checklist/junit.xml", &without_times(&xml));
}

/// The text with every `time="…"` emptied.
fn without_times(xml: &str) -> String {
    let mut parts = xml.split("time=\"");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        text += "time=\"";
        text += &part[part.find('"').unwrap()..];
    }
    text
}
