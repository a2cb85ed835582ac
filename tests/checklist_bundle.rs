//! Bundles: the script of a server that the Comune runs, and its result. A Linux's runs here for real; a
//! Windows's is read by its words only, for no PowerShell runs here.

use crate::support::{Ran, Sandbox};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A sandbox whose first server of Cinto is this machine, as far as its address goes.
fn sandbox(os: &str) -> Sandbox {
    let sandbox = Sandbox::with_project().env("TRAGHETTO_OPERATOR", "anna-veneto");
    let file = sandbox.path().join("inventory/tenants/cinto-caomaggiore.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replacen("os: {windows: Windows Server 2008 R2}", &format!("os: {os}"), 1);
    std::fs::write(&file, text).unwrap();
    sandbox.write(
        "checklists/source.yaml",
        "checklist: source\nversion: 1\nitems:\n\
         \x20 - {id: B-1, title: {it: Uno, en: One}, severity: blocker, roles: [venis-sistemista], scope: server,\n\
         \x20    probe: {sh: 'echo 7'}, expect: {number: 7}}\n\
         \x20 - {id: B-2, title: {it: Due, en: Two}, severity: warning, roles: [venis-sistemista], scope: server,\n\
         \x20    probe: {sh: 'exit 3'}}\n\
         \x20 - {id: B-3, title: {it: Tre, en: Three}, severity: blocker, roles: [venis-sistemista], scope: server,\n\
         \x20    probe: {ps: '(gwmi Win32_OperatingSystem).Version'}, expect: {stdout: '6.1.7601'}}\n",
    );
    sandbox
}

fn bundle(sandbox: &Sandbox) -> Ran {
    bundle_of(sandbox, "source")
}

fn bundle_of(sandbox: &Sandbox, phase: &str) -> Ran {
    let out = sandbox.path().join("out");
    let line = ["checklist", "bundle", "cinto-caomaggiore", "--phase", phase, "--server", "cinto-srv1", "--out"];
    sandbox.run(&[&line[..], &[out.to_str().unwrap()]].concat())
}

fn import(sandbox: &Sandbox, file: &Path) -> Ran {
    sandbox.run(&["checklist", "import", file.to_str().unwrap(), "--json"])
}

/// Runs the script of a Linux, and gives the server's address to the result as if it ran there.
fn result(sandbox: &Sandbox) -> PathBuf {
    result_of(sandbox, "source", "192.0.2.10", "4C4C-0001")
}

fn result_of(sandbox: &Sandbox, phase: &str, address: &str, serial: &str) -> PathBuf {
    let script = sandbox.path().join(format!("out/{phase}-cinto-caomaggiore-cinto-srv1.sh"));
    assert!(Command::new("sh").arg(&script).status().unwrap().success());
    let result = script.with_extension("result");
    let text = std::fs::read_to_string(&result).unwrap();
    let own: String = text.split_inclusive('\n').filter(|line| !line.starts_with("serial ")).collect();
    let (title, rest) = own.split_once('\n').unwrap();
    std::fs::write(&result, format!("{title}\naddress {address}\nserial {serial}\n{rest}")).unwrap();
    result
}

/// The journal's events of a kind.
fn events(sandbox: &Sandbox, kind: &str) -> Vec<serde_json::Value> {
    let path = sandbox.path().join("replicas/cinto-caomaggiore/events.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    events.filter(|event| event["kind"] == kind).map(|event| event["data"].clone()).collect()
}

#[test]
fn a_linux_is_asked_by_the_comune_and_read_as_a_run() {
    let sandbox = sandbox("{linux: Debian 12}");
    let made = bundle(&sandbox).code(0);
    assert!(made.stdout.ends_with("source-cinto-caomaggiore-cinto-srv1.sh\n"), "{}", made.stdout);
    assert!(made.stderr.contains("asks 2 items of cinto-srv1, and only reads"), "{}", made.stderr);
    let file = result(&sandbox);
    let json: serde_json::Value = serde_json::from_str(&import(&sandbox, &file).code(0).stdout).unwrap();
    let found: Vec<(&str, &str)> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["item"].as_str().unwrap(), finding["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(found, [("B-1", "pass"), ("B-2", "warn")]);
    let told = json["findings"][0]["found"].as_str().unwrap();
    assert!(told.starts_with("stdout `7` (asked on the host at 2") && told.ends_with("Z)"), "{told}");
    // Where it came from is in the journal, and the file is kept.
    let (bundled, imported) = (events(&sandbox, "checklist.bundled"), events(&sandbox, "checklist.imported"));
    assert_eq!((&bundled[0]["nonce"], &bundled[0]["server"]), (&imported[0]["nonce"], &"cinto-srv1".into()));
    assert_eq!(
        (&imported[0]["serials"], &imported[0]["addresses"][0]),
        (&["4c4c-0001"][..].into(), &"192.0.2.10".into())
    );
    let blobs = sandbox.path().join("replicas/cinto-caomaggiore/blobs");
    let kept = std::fs::read(blobs.join(imported[0]["blob"].as_str().unwrap())).unwrap();
    assert_eq!(kept, std::fs::read(&file).unwrap());
    // Once; and another bundle counts for itself.
    let again = import(&sandbox, &file).code(7);
    assert!(again.stderr.contains("a result of this bundle was taken over at "), "{}", again.stderr);
    assert!(again.stderr.contains("Nothing of ") && again.stderr.contains("make another bundle"), "{}", again.stderr);
    // Notepad's marks and line ends change nothing.
    bundle(&sandbox).code(0);
    let file = result(&sandbox);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
    import(&sandbox, &file).code(0);
    assert_eq!(events(&sandbox, "checklist.run").len(), 2);
}

#[test]
fn a_secret_in_a_result_stays_out_of_what_is_kept() {
    let sandbox = sandbox("{linux: Debian 12}");
    sandbox.edit("checklists/source.yaml", "'exit 3'", "'echo \"password=S3NT\"NEL >&2; exit 3'");
    bundle(&sandbox).code(0);
    let file = result(&sandbox);
    let hex = |text: &str| text.bytes().map(|byte| format!(" {byte:02x}")).collect::<String>();
    let came = std::fs::read_to_string(&file).unwrap();
    assert!(came.replace('\n', "").contains(&hex("S3NT")), "{came}");
    import(&sandbox, &file).code(0);
    let imported = &events(&sandbox, "checklist.imported")[0];
    let blobs = sandbox.path().join("replicas/cinto-caomaggiore/blobs");
    let kept = std::fs::read_to_string(blobs.join(imported["blob"].as_str().unwrap())).unwrap();
    let dense = kept.replace('\n', "");
    assert!(!dense.contains(&hex("S3NT")) && dense.contains(&hex("password=<secret>")), "{kept}");
}

#[test]
fn a_copy_has_the_landing_address_and_is_not_the_source() {
    let sandbox = sandbox("{linux: Debian 12}");
    let list = std::fs::read_to_string(sandbox.path().join("checklists/source.yaml")).unwrap();
    let list = list
        .replace("checklist: source", "checklist: landing")
        .replace("scope: server,", "scope: server, when: notte,");
    sandbox.write("checklists/landing.yaml", &list);
    sandbox.edit(
        "inventory/tenants/cinto-caomaggiore.yaml",
        "address: 192.0.2.10\n    landing: keep",
        "address: 192.0.2.10\n    landing: {renumber: 10.64.4.10}",
    );
    bundle(&sandbox).code(0);
    import(&sandbox, &result(&sandbox)).code(0);
    bundle_of(&sandbox, "landing").code(0);
    let refused = |address: &str, serial: &str, words: &str| {
        let ran = import(&sandbox, &result_of(&sandbox, "landing", address, serial)).code(7);
        assert!(ran.stderr.contains(words) && ran.stderr.contains("Nothing of "), "{}", ran.stderr);
    };
    refused("192.0.2.10", "56 4d 0002", "and not 10.64.4.10");
    refused("10.64.4.10", "4C4C-0001", "the machine of origin itself (number 4c4c-0001)");
    import(&sandbox, &result_of(&sandbox, "landing", "10.64.4.10", "56 4d 0002")).code(0);
}

#[test]
fn a_copy_under_test_has_the_old_address_and_nobody_went_through_the_probe_machine() {
    let sandbox = sandbox("{linux: Debian 12}").env("PROBE_WORD", "s3nt1nel-word");
    let list = std::fs::read_to_string(sandbox.path().join("checklists/source.yaml")).unwrap();
    sandbox.write("checklists/test.yaml", &list.replace("checklist: source", "checklist: test"));
    let tenant = "inventory/tenants/cinto-caomaggiore.yaml";
    sandbox.edit(
        tenant,
        "address: 192.0.2.10\n    landing: keep",
        "address: 192.0.2.10\n    landing: {renumber: 10.64.4.10}",
    );
    let probe = "test_probe: {host: 10.9.0.5, user: probe, password: env:PROBE_WORD, host_key: unknown}";
    sandbox.edit(tenant, "\nservers:\n", &format!("\n{probe}\n\nservers:\n"));
    bundle(&sandbox).code(0);
    import(&sandbox, &result(&sandbox)).code(0);
    bundle_of(&sandbox, "test").code(0);
    let moved = import(&sandbox, &result_of(&sandbox, "test", "10.64.4.10", "56 4d 0002")).code(7);
    assert!(moved.stderr.contains("and not 192.0.2.10"), "{}", moved.stderr);
    let told = import(&sandbox, &result_of(&sandbox, "test", "192.0.2.10", "56 4d 0002")).code(0);
    let json: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    let found = &json["findings"][0];
    assert_eq!((&found["verdict"], &found["through"]), (&"pass".into(), &serde_json::Value::Null), "{found:#}");
    // It counts although the script would go through the machine.
    let report = sandbox.run(&["checklist", "report", "test", "cinto-caomaggiore", "--json"]);
    assert!(
        report.stdout.contains("(asked on the host at 2") && !report.stdout.contains("10.9.0.5"),
        "{}",
        report.stdout
    );
}

#[test]
fn a_result_of_something_else_is_refused() {
    let sandbox = sandbox("{linux: Debian 12}");
    bundle(&sandbox).code(0);
    let file = result(&sandbox);
    let text = std::fs::read_to_string(&file).unwrap();
    let refused = |text: &str, words: &str| {
        std::fs::write(&file, text).unwrap();
        let ran = import(&sandbox, &file).code(7);
        assert!(ran.stderr.contains(words) && ran.stderr.contains("Nothing of "), "{}", ran.stderr);
    };
    refused("something", "is not the result of a bundle");
    let (start, rest) = text.split_once("\ntime ").unwrap();
    let (time, rest) = rest.split_once('\n').unwrap();
    refused(&format!("{start}\n{rest}"), "damaged (its time)");
    refused(
        &format!("{start}\ntime 2022-11-30T10:00:00Z\n{rest}"),
        "2022-11-30T10:00:00Z, which is before the bundle was made",
    );
    refused(&format!("{start}\ntime 2{}\n{rest}", time[1..].replacen("0", "1", 1)), "which is in the future");
    refused(&text.replace("\nnonce ", "\nnonce 0"), "that this journal does not know");
    refused(&text.replace("address 192.0.2.10\n", ""), "the addresses");
    refused(&text.replace("\nscript ", "\nscript 0"), "not the one of this checklist");
    let cut = text.find(" ready").unwrap();
    refused(&text[..cut], "breaks off");
    let items = sandbox.path().join("checklists/source.yaml");
    let changed = std::fs::read_to_string(&items).unwrap().replace("echo 7", "echo 8");
    std::fs::write(items, changed).unwrap();
    refused(&text, "not the one of this checklist");
}

#[test]
fn a_windows_gets_powershell_of_which_the_answers_are_read() {
    let sandbox = sandbox("{windows: Windows Server 2008 R2}");
    let made = bundle(&sandbox).code(0);
    assert!(made.stdout.ends_with("source-cinto-caomaggiore-cinto-srv1.ps1\n"), "{}", made.stdout);
    let script = std::fs::read_to_string(sandbox.path().join("out/source-cinto-caomaggiore-cinto-srv1.ps1")).unwrap();
    assert!(script.is_ascii());
    let told = |name: &str| {
        let line = script.lines().find(|line| line.contains(&format!("WriteLine('{name} "))).unwrap();
        line.split('\'').nth(1).unwrap().to_owned()
    };
    let number = script.lines().find_map(|line| line.strip_prefix("Item ")).unwrap().split(' ').next().unwrap();
    assert!(
        script.contains("[Console]::Out.WriteLine('time ' + [DateTime]::UtcNow.ToString('yyyy-MM-dd\\THH:mm:ss\\Z', ")
    );
    let now = jiff::Timestamp::now();
    let nonce = told("nonce").split_once(' ').unwrap().1.to_owned();
    let answer = format!(
        "traghetto-bundle 1\r\n{}\r\n{}\r\n{}\r\nhost SRV\r\naddress 192.0.2.10\r\naddress fe80::1\r\n\
         serial 4C4C-0001\r\ntime {now}\r\n{nonce} ready\r\n6F 6B\r\n{nonce} rc {number} 0 0 0.1\r\n{nonce} out {number}\r\n\
         36 2E 31 2E 37 36 30 31 0A\r\n{nonce} err {number}\r\n",
        told("for"),
        told("nonce"),
        told("script")
    );
    let file = sandbox.path().join("x.result");
    std::fs::write(&file, answer).unwrap();
    let json: serde_json::Value = serde_json::from_str(&import(&sandbox, &file).code(0).stdout).unwrap();
    assert_eq!((&json["findings"][0]["item"], &json["findings"][0]["verdict"]), (&"B-3".into(), &"pass".into()));
}
