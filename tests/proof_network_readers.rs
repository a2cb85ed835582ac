//! `make proof`: independent readers agree that the rendered text is well formed. ciscoconfparse2 finds
//! in every golden configuration what is there; hier_config makes each from nothing, and `after` from
//! `before`, line for line. `make proof` puts both into Python environments of their own.

use crate::support::project;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every golden configuration of a router below `folder`, in order.
fn golden(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            golden(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "ios") {
            found.push(path);
        }
    }
}

/// What `script` prints in the environment `venv`.
fn read(venv: &str, script: &str, files: &[PathBuf]) -> serde_json::Value {
    let python = project().join("target").join(venv).join("bin/python");
    let script = project().join("tests/readers").join(script);
    let ran = Command::new(&python).arg(script).args(files).output();
    let ran = ran.unwrap_or_else(|error| panic!("{}: {error}: run `make proof-packages`", python.display()));
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

#[test]
fn proof_independent_readers_agree_with_the_rendered_text() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("not run: a proof of `make proof` (TRAGHETTO_PROOF=1), it needs ciscoconfparse2 and hier_config");
        return;
    }
    let mut files = Vec::new();
    golden(&project().join("tests/golden/network"), &mut files);
    assert!(files.len() >= 18, "{files:?}");
    let found = read("venv-ciscoconfparse2", "ciscoconfparse2_reads.py", &files);
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let ours = traghetto::network::parse::parse(&text);
        let theirs = &found[file.to_str().unwrap()];
        assert_eq!(theirs["interfaces"], ours.interfaces.len(), "{}", file.display());
        assert_eq!(theirs["routes"], ours.routes.len(), "{}", file.display());
    }
    let mut pairs: Vec<PathBuf> = files.iter().flat_map(|file| [PathBuf::from("-"), file.clone()]).collect();
    for before in files.iter().filter(|file| file.to_str().unwrap().contains("/before/")) {
        let after = PathBuf::from(before.to_str().unwrap().replace("/before/", "/after/"));
        // The ways of the copying are kept as they are before only.
        if after.exists() {
            pairs.extend([before.clone(), after]);
        }
    }
    assert!(pairs.len() / 2 >= files.len() + 7, "{} pairs", pairs.len() / 2);
    let sizes = read("venv-hier-config", "hier_config_reads.py", &pairs);
    let sizes = sizes.as_array().unwrap();
    assert_eq!(sizes.len(), pairs.len() / 2);
    assert!(sizes.iter().all(|lines| lines.as_u64() > Some(0)), "{sizes:?}");
    println!("{} configurations read by both; {} remediations give the rendered text", files.len(), sizes.len());
}
