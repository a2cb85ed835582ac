//! Checks of a Windows over WinRM: one shell and one process for all items, the same verdicts in every
//! language. The Windows is played (tests/winrm); what it answers is recorded in tests/fixtures/windows.

use crate::support::sshd::{Sshd, trust_nothing};
use crate::support::winrm::{Emulator, python};
use crate::support::{Sandbox, project};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use traghetto::checklist::{
    Baselines, Check, Checklist, Finding, Inquiry, Live, Options, Phase, Probe, Question, RunRecord, Signatures, Task,
    Todo, Verdict, load, run, tasks,
};
use traghetto::inventory;
use traghetto::model::server::{Os, SecretRef, Server, Transfer, WinrmAccess};
use traghetto::model::tenant::Tenant;
use traghetto::model::{Inventory, Known};
use traghetto::world::ssh::Trust;

/// A tenant with one Windows, which is reached by `access`.
fn scene(change: impl Fn(&mut Server)) -> (Inventory, Tenant) {
    let inventory = inventory::load(&project()).unwrap();
    let mut tenant = inventory.tenants[&"cinto-caomaggiore".parse().unwrap()].clone();
    if let Known::Known(servers) = &mut tenant.servers {
        servers.truncate(1);
        servers[0].os = Os::Windows("Windows Server 2008 R2".into());
        servers[0].transfer = Transfer::Converter;
        change(&mut servers[0]);
    }
    (inventory, tenant)
}

fn checklist(inventory: &Inventory) -> Checklist {
    let text = std::fs::read_to_string(project().join("tests/fixtures/windows/source.yaml")).unwrap();
    let sandbox = Sandbox::empty();
    sandbox.write("checklists/source.yaml", &text);
    load(sandbox.path(), Phase::Source, &inventory.people).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What a host was recorded to say to the items, for the player: by `== ITEM` and what it printed.
fn recording(text: &str, checklist: &Checklist) -> serde_json::Value {
    recorded(text, |id| {
        let item = checklist.items.iter().find(|item| item.id.as_str() == id).unwrap_or_else(|| panic!("no item {id}"));
        let Check::Probe { probe: Probe::Ps { script }, .. } = &item.check else { panic!("{id} is no script") };
        script.source().to_owned()
    })
}

/// The same for items whose scripts have the values of a tenant in them.
fn recording_of(text: &str, list: &Checklist, tenant: &Tenant, options: &Options<'_>) -> serde_json::Value {
    let tasks = tasks(list, tenant, options);
    recorded(text, |id| {
        let of = |task: &&Task| task.item.id.as_str() == id;
        match tasks.iter().find(of).unwrap_or_else(|| panic!("no item {id}")).todo.clone() {
            Todo::Ask(Inquiry { question: Question::Ps { script, .. }, .. }) => script,
            other => panic!("{id} is no script: {other:?}"),
        }
    })
}

fn recorded(text: &str, script: impl Fn(&str) -> String) -> serde_json::Value {
    let entries = text.split("== ").skip(1).map(|part| {
        let (head, said) = part.split_once('\n').unwrap_or((part, ""));
        let mut words = head.split(' ');
        let id = words.next().unwrap();
        let script = script(id);
        match (words.next(), words.next()) {
            (None, _) => json!({"script": script, "out": said}),
            (Some("threw"), _) => json!({"script": script, "exit": 126, "err": said}),
            (Some("errors"), _) => json!({"script": script, "errors": said}),
            (Some("late"), _) => json!({"script": script, "seconds": 30}),
            (Some("exit"), Some(status)) => {
                json!({"script": script, "exit": status.parse::<u32>().unwrap(), "out": said})
            }
            other => panic!("{other:?}"),
        }
    });
    entries.collect()
}

/// What a console of code page 850 makes of letters that were written in that of Windows.
fn garbled(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            'è' => 'Þ',
            'à' => 'Ó',
            'é' => 'Ú',
            'ì' => 'ý',
            'ò' => '‗',
            'ù' => '¨',
            c => c,
        })
        .collect()
}

fn findings(recorded: Option<&str>) -> Option<(Vec<Finding>, serde_json::Value)> {
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().join("host.json");
    let inventory = inventory::load(&project()).unwrap();
    let list = checklist(&inventory);
    let recorded = recorded.map(|text| recording(text, &list)).unwrap_or_else(|| json!([]));
    std::fs::write(&host, recorded.to_string()).unwrap();
    let emulator = Emulator::start(&["--host", host.to_str().unwrap()])?;
    let (inventory, tenant) = scene(|server| server.winrm = Some(emulator.access()));
    Some((asked(&inventory, &tenant, &list, emulator.root()), emulator.closed()))
}

/// The English recording, asked with PowerShell over an SSH server.
fn over_ssh() -> Option<Vec<Finding>> {
    let python = python()?;
    let bin = tempfile::tempdir().unwrap();
    let inventory = inventory::load(&project()).unwrap();
    let list = checklist(&inventory);
    let host = bin.path().join("host.json");
    std::fs::write(&host, recording(&fixture("english.txt"), &list).to_string()).unwrap();
    let player = project().join("tests/winrm/powershell.py");
    let text = format!("#!/bin/sh\nexec {} {} {} \"$@\"\n", python.display(), player.display(), host.display());
    let powershell = bin.path().join("powershell");
    std::fs::write(&powershell, text).unwrap();
    std::fs::set_permissions(&powershell, std::fs::Permissions::from_mode(0o755)).unwrap();
    let sshd = Sshd::with(&format!("SetEnv PATH={}:/usr/bin:/bin\n", bin.path().display()));
    let (inventory, tenant) = scene(|server| server.access = Some(sshd.access()));
    Some(asked(&inventory, &tenant, &list, Path::new("/")))
}

fn asked(inventory: &Inventory, tenant: &Tenant, list: &Checklist, root: &Path) -> Vec<Finding> {
    let (signatures, baselines) = (Signatures::default(), Baselines::default());
    let options = Options {
        project: &inventory.project,
        server: None,
        signatures: &signatures,
        baselines: &baselines,
        when: None,
    };
    let live = Arc::new(Live::new(Trust { root: root.to_owned(), ..trust_nothing() }));
    tokio::runtime::Runtime::new().unwrap().block_on(run(list, tenant, &options, &live))
}

fn fixture(name: &str) -> String {
    std::fs::read_to_string(project().join("tests/fixtures/windows").join(name)).unwrap()
}

#[test]
fn the_language_of_a_windows_changes_no_verdict() {
    let Some((english, state)) = findings(Some(&fixture("english.txt"))) else { return };
    let verdicts = |findings: &[Finding]| -> Vec<(String, Verdict)> {
        findings.iter().map(|finding| (finding.item.to_string(), finding.verdict)).collect()
    };
    let expected = [
        ("W-OS", Verdict::Pass),
        ("W-PS", Verdict::Pass),
        ("W-BOOT", Verdict::Pass),
        ("W-VSS", Verdict::Pass),
        ("W-VSS-RAW", Verdict::Fail),
        ("W-SVC", Verdict::Warn),
        ("W-PROXY", Verdict::Pass),
        ("W-FREE", Verdict::Pass),
        ("W-DCDIAG", Verdict::Fail),
        ("W-BDE", Verdict::Error),
        ("W-SLOW", Verdict::Error),
        ("W-CHANNEL", Verdict::Fail),
        ("W-DENIED", Verdict::Error),
    ];
    assert_eq!(verdicts(&english), expected.map(|(item, verdict)| (item.to_owned(), verdict)), "{english:#?}");
    assert_eq!(
        (&state["created"], &state["commands"], &state["connections"].as_u64().map(|n| n < 4)),
        (&1.into(), &1.into(), &Some(true)),
        "one shell, one process"
    );
    let italian = fixture("italian.txt");
    for text in [italian.clone(), garbled(&italian)] {
        assert_eq!(verdicts(&findings(Some(&text)).unwrap().0), verdicts(&english));
    }
    assert_eq!(verdicts(&over_ssh().unwrap()), verdicts(&english), "nor does the way");
    let proxy =
        findings(Some(&italian)).unwrap().0.into_iter().find(|finding| finding.item.as_str() == "W-PROXY").unwrap();
    assert!(proxy.raw.contains("attività è già"), "what it said is kept as it was: {}", proxy.raw);
}

/// What the project's own checklist finds on a host that was recorded, of the items recorded.
fn found_of_our_own(phase: Phase, recorded: &str, baselines: &Baselines) -> Option<(Checklist, Vec<Finding>)> {
    let inventory = inventory::load(&project()).unwrap();
    let mut list = load(&project(), phase, &inventory.people).unwrap_or_else(|problems| panic!("{problems}"));
    list.items.retain(|item| recorded.contains(&format!("== {}", item.id)));
    for item in &mut list.items {
        if let Check::Probe { until, .. } = &mut item.check {
            *until = None;
        }
    }
    let signatures = Signatures::default();
    let options = Options::whole(&inventory.project, &signatures, baselines);
    // As the estate has them: a Windows that is moved by a rescue system is asked while it runs.
    let reached = |access: WinrmAccess| {
        scene(|server| {
            server.transfer = Transfer::Rescue;
            (server.winrm, server.landing_winrm) = (Some(access.clone()), Some(access.clone()));
        })
    };
    let nowhere = WinrmAccess {
        host: "192.0.2.10".into(),
        port: 5985,
        user: "D\\u".into(),
        password: SecretRef::Env("W".into()),
        certificate: None,
    };
    let entries = recording_of(recorded, &list, &reached(nowhere).1, &options);
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().join("host.json");
    std::fs::write(&host, entries.to_string()).unwrap();
    let emulator = Emulator::start(&["--host", host.to_str().unwrap()])?;
    let (_, tenant) = reached(emulator.access());
    let live = Arc::new(Live::new(Trust { root: emulator.root().to_owned(), ..trust_nothing() }));
    let found = tokio::runtime::Runtime::new().unwrap().block_on(run(&list, &tenant, &options, &live));
    Some((list, found))
}

/// The verdicts of the source phase.
fn verdicts_of_our_own(recorded: &str) -> Option<Vec<(String, Verdict)>> {
    let (_, found) = found_of_our_own(Phase::Source, recorded, &Baselines::default())?;
    Some(found.iter().map(|finding| (finding.item.to_string(), finding.verdict)).collect())
}

#[test]
fn a_directory_that_has_gone_back_is_found_by_its_identity_and_number() {
    let said = |item: &str, identity: &str, usn: u64| format!("== {item}\n{identity} {usn}\n");
    let kept = |recorded: &str| {
        let (list, found) = found_of_our_own(Phase::Source, recorded, &Baselines::default())?;
        let run = RunRecord::new(&list, &"cinto-caomaggiore".parse().unwrap(), None, 0.0, found);
        Some(Baselines::read(std::iter::once(&serde_json::to_value(&run).unwrap())))
    };
    let before = "1F-02-9C-44-10-AA-4B-4E-9D-00-31-5E-77-08-C2-6A";
    let Some(baselines) = kept(&said("SRC-AD-30", before, 482_913)) else { return };
    let landed = |identity: &str, usn: u64, baselines: &Baselines| {
        found_of_our_own(Phase::Landing, &said("L-AD-30", identity, usn), baselines).unwrap().1[0].verdict
    };
    assert_eq!(landed(before, 482_913, &baselines), Verdict::Pass);
    assert_eq!(landed(before, 482_950, &baselines), Verdict::Pass);
    assert_eq!(landed(before, 482_912, &baselines), Verdict::Fail);
    assert_eq!(landed("2A-02-9C-44-10-AA-4B-4E-9D-00-31-5E-77-08-C2-6A", 7, &baselines), Verdict::Pass, "restored");
    assert_eq!(
        landed(before, 482_913, &kept("== SRC-AD-30\n").unwrap()),
        Verdict::Error,
        "an empty answer is no baseline"
    );
}

#[test]
fn a_landed_windows_whose_services_leave_elsewhere_is_found() {
    for (said, expected) in [
        ("== L-WIN-06\ndime.cittametropolitana.ve.it 192.0.2.1\n", Verdict::Pass),
        ("== L-WIN-06\ndime.cittametropolitana.ve.it 192.0.2.254\n", Verdict::Fail),
        ("== L-WIN-06\ndime.cittametropolitana.ve.it none\n", Verdict::Fail),
        ("== L-WIN-06\n", Verdict::Fail),
        ("== L-WIN-06 threw\nno address: dime.cittametropolitana.ve.it\n", Verdict::Error),
    ] {
        let Some((_, found)) = found_of_our_own(Phase::Landing, said, &Baselines::default()) else { return };
        assert_eq!((found.len(), found[0].verdict), (1, expected), "{said}: {found:#?}");
    }
}

#[test]
fn our_own_items_find_the_same_in_every_language() {
    use Verdict::{Error, Fail, Pass, Warn};
    let sick = [
        ("SRC-WIN-01", Fail),
        ("SRC-WIN-05", Fail),
        ("SRC-WIN-08", Warn),
        ("SRC-WIN-11", Fail),
        ("SRC-WIN-13", Fail),
        ("SRC-WIN-15", Warn),
        ("SRC-AD-13", Fail),
        ("SRC-AD-14", Fail),
        ("SRC-AD-15", Error),
        ("SRC-AD-30", Error),
        ("SRC-WIN-17", Warn),
        ("SRC-WIN-20", Fail),
        ("SRC-WIN-26", Error),
        ("SRC-WIN-27", Error),
        ("SRC-WIN-30", Error),
        ("SRC-WIN-33", Error),
        ("SRC-WIN-34", Error),
    ];
    let sick = sick.map(|(item, verdict)| (item.to_owned(), verdict)).to_vec();
    let healthy: Vec<_> = sick.iter().map(|(item, _)| (item.clone(), Pass)).collect();
    for (host, expected) in [("healthy", healthy), ("sick", sick)] {
        let italian = fixture(&format!("shipped/{host}.italian.txt"));
        for text in [fixture(&format!("shipped/{host}.english.txt")), italian.clone(), garbled(&italian)] {
            let Some(found) = verdicts_of_our_own(&text) else { return };
            assert_eq!(found, expected, "{text}");
        }
    }
}

#[test]
fn what_could_not_run_is_an_error_and_says_why() {
    let Some((found, _)) = findings(None) else { return };
    for finding in &found {
        assert_eq!(finding.verdict, Verdict::Error, "{finding:?}");
    }
    assert!(
        found[0].reason.as_deref().unwrap().contains("the script broke off: Termine non riconosciuto"),
        "{:?}",
        found[0]
    );
}

#[test]
fn a_shell_without_the_rights_of_an_administrator_asks_nothing() {
    let inventory = inventory::load(&project()).unwrap();
    let list = checklist(&inventory);
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().join("host.json");
    let serde_json::Value::Array(mut recorded) = recording(&fixture("english.txt"), &list) else { panic!("no list") };
    recorded.push(json!({"script": "!"}));
    std::fs::write(&host, json!(recorded).to_string()).unwrap();
    let Some(emulator) = Emulator::start(&["--host", host.to_str().unwrap()]) else { return };
    let (inventory, tenant) = scene(|server| server.winrm = Some(emulator.access()));
    for finding in asked(&inventory, &tenant, &list, emulator.root()) {
        let reason = finding.reason.as_deref().unwrap_or_default();
        assert!(finding.verdict == Verdict::Error && reason.contains("not elevated"), "{finding:?}");
    }
}

#[test]
fn a_script_that_hides_errors_needs_a_line_that_proves_what_it_asked() {
    let inventory = inventory::load(&project()).unwrap();
    let load = |script: &str, expect: &str| {
        let text = fixture("source.yaml").replace(
            r#"probe: {ps: "gwmi Win32_Volume | ? { $_.DirtyBitSet } | % { $_.DeviceID }"}
    expect: {lines: {at_most: 0}}"#,
            &format!("probe:\n      ps: {script}\n    {expect}"),
        );
        assert!(text.contains(expect) && text.contains(script), "{text}");
        let sandbox = Sandbox::empty();
        sandbox.write("checklists/source.yaml", &text);
        load(sandbox.path(), Phase::Source, &inventory.people).map(|_| ()).map_err(|problems| problems.to_string())
    };
    let silent = "gwmi Win32_Volume -ErrorAction SilentlyContinue | % { 'volume' }";
    for expect in ["expect: {lines: {at_most: 0}}", "expect: \"all(lines, it == 'volume')\"", "compare: {key: volumes}"]
    {
        let problems = load(silent, expect).unwrap_err();
        assert!(problems.contains("line 1, column 19 of the script: an error may be hidden here"), "{problems}");
        assert!(problems.contains("items[12].probe.ps"), "{problems}");
        load("gwmi Win32_Volume | % { 'volume' }", expect).unwrap();
    }
    for expect in ["expect: {lines: {at_least: 1}}", "expect: \"len(lines) >= 1 and all(lines, it == 'volume')\""] {
        load(silent, expect).unwrap();
    }
}

#[test]
fn a_windows_that_nobody_can_ask_is_an_error_and_one_without_access_too() {
    let Some(emulator) = Emulator::start(&["--fault", "drop:Receive:9"]) else { return };
    let (inventory, tenant) = scene(|server| server.winrm = Some(emulator.access()));
    let list = checklist(&inventory);
    let began = Instant::now();
    for finding in asked(&inventory, &tenant, &list, emulator.root()) {
        assert!(finding.verdict == Verdict::Error && finding.unreachable, "{finding:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(30));
    emulator.closed();
    let (inventory, tenant) = scene(|server| server.access = None);
    for finding in asked(&inventory, &tenant, &list, emulator.root()) {
        assert!(finding.reason.as_deref().is_some_and(|reason| reason.contains("`winrm`")), "{finding:?}");
    }
}

#[test]
fn a_script_that_is_too_new_or_writes_is_refused_with_its_place() {
    let inventory = inventory::load(&project()).unwrap();
    let text = fixture("source.yaml").replace(
        "        if (-not $states) { throw 'no writers' }\n",
        "        $json = $states | ConvertTo-Json; Stop-Service VSS\n",
    );
    let sandbox = Sandbox::empty();
    sandbox.write("checklists/source.yaml", &text);
    let problems = load(sandbox.path(), Phase::Source, &inventory.people).unwrap_err().to_string();
    for told in [
        "line 2, column 19 of the script: `ConvertTo-Json` is newer than PowerShell 2.0",
        "line 2, column 35 of the script: `Stop-Service` may change the host",
        "items[3].probe.ps",
    ] {
        assert!(problems.contains(told), "{told}\n{problems}");
    }
}
