//! What the shipped scripts for `sh` say on a host where they cannot ask: an error, never a pass.

use super::answer::read;
use super::compare::Captured;
use super::expect::Datum;
use super::finding::Verdict;
use super::item::Phase;
use super::judge::judge;
use super::plan::{Inquiry, Options, Question, Task, Todo, tasks};
use super::sign::Signatures;
use super::{Baselines, batch, load};
use crate::inventory;
use crate::model::Known;
use crate::model::server::{Os, ServerRole, Transfer};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Every script of the source and landing phases for a Linux, by item and way of moving, with a
/// baseline that nothing would be equal to.
fn asked() -> Vec<(Task, Inquiry)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let inventory = inventory::load(root).unwrap();
    let (signatures, baselines) = (Signatures::default(), Baselines::default());
    let mut all = Vec::new();
    for transfer in [Transfer::Agent, Transfer::Converter, Transfer::Rescue] {
        let mut tenant = inventory.tenants[&"cinto-caomaggiore".parse().unwrap()].clone();
        let Known::Known(servers) = &mut tenant.servers else { panic!("Cinto's servers are known") };
        servers.truncate(1);
        let server = &mut servers[0];
        (server.os, server.transfer) = (Os::Linux("CentOS 6".into()), transfer);
        server.roles = vec![ServerRole::File, ServerRole::Print, ServerRole::Database];
        server.landing_access = server.access.clone();
        for phase in [Phase::Source, Phase::Landing] {
            let list = load(root, phase, &inventory.people).unwrap();
            let options = Options::whole(&inventory.project, &signatures, &baselines);
            for task in tasks(&list, &tenant, &options) {
                let Todo::Ask(mut inquiry) = task.todo.clone() else { continue };
                let values = BTreeMap::from([("lines".to_owned(), Datum::List(Vec::new()))]);
                inquiry.before = inquiry.compare.as_ref().map(|one| Captured { key: one.key.clone(), values });
                if matches!(inquiry.question, Question::Sh { .. }) {
                    all.push((task, inquiry));
                }
            }
        }
    }
    all
}

/// The verdict on a script with these programs only, as root or as nobody.
fn verdict(task: &Task, inquiry: &Inquiry, path: &str, nobody: bool) -> Verdict {
    let script = inquiry.question.script().map_or("", |(_, script)| script).to_owned();
    let mut command = Command::new("/bin/sh");
    command.env_clear().env("PATH", path).arg("-c").arg(format!("{}{script}", batch::WORDS));
    if nobody {
        command.uid(65534).gid(65534);
    }
    let output = command.output().unwrap();
    let exit = output.status.code().and_then(|code| u32::try_from(code).ok());
    let answer = batch::Answer { exit, stdout: output.stdout, stderr: output.stderr, took: Duration::ZERO };
    judge(task, inquiry, read(Some(answer), inquiry), 1).verdict
}

/// The items whose verdict is no error.
fn without_error(asked: &[(Task, Inquiry)], path: &str, nobody: bool) -> BTreeMap<String, Verdict> {
    let verdicts = asked.iter().map(|(task, inquiry)| (task.item.id.to_string(), verdict(task, inquiry, path, nobody)));
    verdicts.filter(|(_, verdict)| *verdict != Verdict::Error).collect()
}

/// These ask the kernel by what a shell can do alone.
const ASKED_BY_THE_SHELL: &[&str] = &[
    "SRC-OS-03",
    "SRC-HW-01",
    "SRC-HW-02",
    "SRC-BOOT-01",
    "SRC-DSK-02",
    "SRC-DSK-03",
    "SRC-HW-05",
    "SRC-LNX-04",
    "SRC-LNX-05",
    "SRC-DSK-06",
    "SRC-OS-10",
    "SRC-SVC-01",
    "L-VM-06",
    "L-VM-07",
    "L-VM-08",
    "L-VM-10",
    "L-CMP-22",
];

#[test]
fn no_script_passes_on_a_host_without_any_tool() {
    let asked = asked();
    let items: BTreeSet<&str> = asked.iter().map(|(task, _)| task.item.id.as_str()).collect();
    assert!(items.len() >= 90, "{} items", items.len());
    let mut found = without_error(&asked, "/nonexistent", false);
    found.retain(|item, _| !ASKED_BY_THE_SHELL.contains(&item.as_str()));
    assert_eq!(found, BTreeMap::new());
    let known: Vec<_> = ASKED_BY_THE_SHELL.iter().filter(|item| !items.contains(**item)).collect();
    assert!(known.is_empty(), "no items: {known:?}");
}

/// A folder with what only filters, and with tools that fail and say nothing.
fn failing(tools: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["id", "awk", "cat", "grep", "sed", "sort", "uniq", "tr", "head", "wc", "cut", "uname"] {
        let found = ["/usr/bin", "/bin"].map(|bin| Path::new(bin).join(name)).into_iter().find(|path| path.exists());
        symlink(found.unwrap(), folder.path().join(name)).unwrap();
    }
    for tool in tools {
        let file = folder.path().join(tool);
        std::fs::write(&file, "#!/bin/sh\nexit 1\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

#[test]
fn no_script_passes_whose_tools_fail() {
    let sources = [
        "df",
        "ip",
        "ss",
        "netstat",
        "systemctl",
        "journalctl",
        "lsblk",
        "dmsetup",
        "dmidecode",
        "nft",
        "iptables-save",
        "dpkg-query",
        "rpm",
        "apk",
        "lpstat",
        "pg_isready",
        "mysqladmin",
        "ping",
        "sha256sum",
        "smartctl",
        "openssl",
        "timedatectl",
        "chronyc",
        "ntpq",
        "find",
        "stat",
        "getent",
        "arping",
        "lsinitramfs",
        "lsinitrd",
    ];
    let folder = failing(&sources);
    let mut found = without_error(&asked(), folder.path().to_str().unwrap(), false);
    found.retain(|_, verdict| *verdict == Verdict::Pass);
    // What they ask are files, which are there.
    let files = [
        "SRC-ACC-03",
        "SRC-ACC-04",
        "SRC-AGT-01",
        "SRC-AGT-02",
        "SRC-DSK-08",
        "SRC-HW-06",
        "SRC-HW-07",
        "SRC-HW-08",
        "SRC-LNX-02",
        "SRC-LNX-03",
        "SRC-LOG-01",
        "SRC-NET-06",
        "SRC-NET-07",
        "SRC-NET-09",
        "SRC-OS-01",
        "SRC-OS-05",
        "SRC-OS-06",
        "SRC-OS-09",
        "SRC-RSC-02",
        "SRC-SVC-02",
        "SRC-SVC-03",
        "SRC-SVC-04",
        "SRC-SVC-07",
        "L-AGT-01",
        "L-CMP-07",
        "L-CMP-08",
        "L-CMP-24",
        "L-CMP-28",
        "L-VM-03",
        "L-VM-05",
        "L-VM-09",
    ];
    found.retain(|item, _| !files.contains(&item.as_str()) && !ASKED_BY_THE_SHELL.contains(&item.as_str()));
    assert_eq!(found, BTreeMap::new());
}

#[test]
fn no_script_that_needs_root_is_asked_without() {
    if !is_root() {
        return;
    }
    let mut asked = asked();
    asked.retain(|(_, inquiry)| {
        let script = inquiry.question.script().map_or("", |(_, script)| script);
        let first = script.lines().next().unwrap_or_default();
        first.starts_with("needs ") && first.ends_with(" root")
    });
    assert!(asked.len() >= 20, "{} need root", asked.len());
    let path = std::env::var("PATH").unwrap();
    assert_eq!(without_error(&asked, &path, true), BTreeMap::new());
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}
