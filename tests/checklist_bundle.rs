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
    let out = sandbox.path().join("out");
    let out = out.to_str().unwrap();
    sandbox.run(&[
        "checklist",
        "bundle",
        "cinto-caomaggiore",
        "--phase",
        "source",
        "--server",
        "cinto-srv1",
        "--out",
        out,
    ])
}

fn import(sandbox: &Sandbox, file: &Path) -> Ran {
    sandbox.run(&["checklist", "import", file.to_str().unwrap(), "--json"])
}

/// Runs the script of a Linux, and gives the server's address to the result as if it ran there.
fn result(sandbox: &Sandbox) -> PathBuf {
    let script = sandbox.path().join("out/source-cinto-caomaggiore-cinto-srv1.sh");
    assert!(Command::new("sh").arg(&script).status().unwrap().success());
    let result = script.with_extension("result");
    let text = std::fs::read_to_string(&result).unwrap();
    let (title, rest) = text.split_once('\n').unwrap();
    std::fs::write(&result, format!("{title}\naddress 192.0.2.10\n{rest}")).unwrap();
    result
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
    // Notepad's marks and line ends change nothing.
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
    import(&sandbox, &file).code(0);
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
    let nonce = told("nonce").split_once(' ').unwrap().1.to_owned();
    let answer = format!(
        "traghetto-bundle 1\r\n{}\r\n{}\r\n{}\r\nhost SRV\r\naddress 192.0.2.10\r\naddress fe80::1\r\n\
         {nonce} ready\r\n6F 6B\r\n{nonce} rc {number} 0 0 0.1\r\n{nonce} out {number}\r\n\
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
