//! What goes wrong: open hives, damaged hives, programs that die or write something else, a kill at any point.

use super::{Clone, server_wish, shapes, workstation_wish};
use crate::support::hive::{Key, Lists, bytes, put, seal};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use traghetto::landing::convert::CloneVolume;
use traghetto::landing::convert::windows::Unclean;
use traghetto::landing::convert::windows::run::{ConvertError, HivexError, Programs, convert};

/// A hive as small as it may be that is still converted.
fn small() -> Key {
    let mut root = Key::root();
    root.at("Select").dword("Current", 1).dword("Default", 1).dword("LastKnownGood", 0).dword("Failed", 0);
    root.at("ControlSet001\\Services\\LSI_SAS")
        .dword("Start", 3)
        .dword("Type", 1)
        .dword("ErrorControl", 1)
        .text("Group", "g");
    let key = root.at(&format!("ControlSet001\\Services\\Tcpip\\Parameters\\Interfaces\\{}", shapes::FRONT));
    key.dword("EnableDHCP", 0).list("IPAddress", &["10.9.0.44"]).list("SubnetMask", &["255.255.0.0"]);
    root
}

#[test]
fn an_open_hive_is_refused() {
    let clone = Clone::new(&small(), Lists::Lh, "6.1");
    let mut open = bytes(&small(), Lists::Lh);
    put(&mut open, 4, 18);
    seal(&mut open);
    fs::write(clone.system(), &open).unwrap();
    let error = clone.convert(&workstation_wish()).unwrap_err();
    assert!(matches!(&error, ConvertError::Unclean { why: Unclean::Open { begun: 18, ended: 17 }, .. }), "{error}");
    assert!(fs::read(clone.system()).unwrap() == open);
}

#[test]
fn a_log_that_windows_would_replay_is_refused_and_an_old_one_is_not() {
    let clone = Clone::new(&small(), Lists::Lh, "6.1");
    let mut log = bytes(&Key::root(), Lists::Lh)[..512].to_vec();
    fs::write(clone.config().join("SYSTEM.LOG1"), &log).unwrap();
    fs::write(clone.config().join("SYSTEM.LOG2"), []).unwrap();
    put(&mut log, 4, 18);
    fs::write(clone.config().join("system.log2"), &log).unwrap();
    fs::remove_file(clone.config().join("SYSTEM.LOG2")).unwrap();
    let error = clone.convert(&workstation_wish()).unwrap_err();
    assert!(matches!(&error, ConvertError::Unclean { why: Unclean::Log { newer: 18, ended: 17, .. }, .. }), "{error}");
    fs::remove_file(clone.config().join("system.log2")).unwrap();
    clone.convert(&workstation_wish()).unwrap();
}

/// A stand-in for hivexregedit: `$@` is its line of arguments.
fn program(clone: &Clone, script: &str) -> Programs {
    let path = clone.dir.path().join("hivexregedit");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    Programs { hivexregedit: path, ..Programs::default() }
}

#[test]
fn a_change_that_was_not_planned_is_thrown_away() {
    for (more, says) in [
        (
            "printf '[\\\\Select]\\n\"Current\"=dword:00000002\\n' | hivexregedit --merge \"$2\"",
            "not planned: Select\\Current: dword 1 -> dword 2",
        ),
        ("printf '[\\\\x]\\n' | hivexregedit --merge \"$2\"", "not planned: x: made"),
        ("printf '[-\\\\ControlSet001\\\\Services\\\\Tcpip]\\n' | hivexregedit --merge \"$2\"", "Tcpip: gone"),
        ("printf '[\\\\traghetto]\\n\"a\"=-\\n' | hivexregedit --merge \"$2\"", ""),
    ] {
        let clone = Clone::new(&small(), Lists::Lh, "6.1");
        let before = fs::read(clone.system()).unwrap();
        let programs = program(&clone, &format!("hivexregedit \"$@\" || exit\n[ \"$1\" = --merge ] && {more}\nexit 0"));
        let done = convert(&clone.volume(), &workstation_wish(), &programs);
        if says.is_empty() {
            done.unwrap();
            continue;
        }
        let error = done.unwrap_err();
        assert!(matches!(error, ConvertError::NotAsPlanned(_) | ConvertError::Refused(_)), "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(fs::read(clone.system()).unwrap() == before, "the hive was changed");
        assert_eq!(clone.left_over(), Vec::<String>::new());
    }
}

#[test]
fn a_merge_that_does_nothing_is_found_out() {
    let clone = Clone::new(&small(), Lists::Lh, "6.1");
    let programs = program(&clone, "[ \"$1\" = --merge ] && exit 0\nexec hivexregedit \"$@\"");
    let error = convert(&clone.volume(), &workstation_wish(), &programs).unwrap_err();
    assert!(
        error.to_string().contains("not done: ControlSet001\\Services\\LSI_SAS\\Start: dword 3 -> dword 0"),
        "{error}"
    );
}

#[test]
fn a_program_that_crashes_says_so() {
    let clone = Clone::new(&small(), Lists::Lh, "6.1");
    let before = fs::read(clone.system()).unwrap();
    let failed = |script: &str| convert(&clone.volume(), &workstation_wish(), &program(&clone, script)).unwrap_err();
    let error = failed("echo 'bad\u{1b}[2J hive' >&2; kill -SEGV $$");
    assert!(error.to_string().ends_with("(signal: 11 (SIGSEGV)): bad [2J hive"), "{error}");
    let error = failed("yes '[\\a]'");
    assert!(matches!(&error, ConvertError::Hivex(HivexError::TooMuch { .. })), "{error}");
    let error = failed("head -c 10000000 /dev/zero | tr '\\0' x >&2; exit 7");
    assert!(error.to_string().contains("(exit status: 7): xxx") && error.to_string().len() < 1000, "{error}");
    let missing = Programs { hivexregedit: "/no/such/program".into(), ..Programs::default() };
    let error = convert(&clone.volume(), &workstation_wish(), &missing).unwrap_err();
    assert!(error.to_string().contains("/no/such/program"), "{error}");
    assert!(fs::read(clone.system()).unwrap() == before && clone.left_over().is_empty());
}

/// Run by `killed_anywhere` in a process of its own, which is killed; without its folder it does nothing.
#[test]
fn one_conversion_to_be_killed() {
    let Some(folder) = std::env::var_os("HIVES_TO_BE_KILLED").map(PathBuf::from) else { return };
    let volume = CloneVolume::new(&folder.join("volume"), &folder.join("replicas")).unwrap();
    let programs = Programs { hivexregedit: folder.join("hivexregedit"), ..Programs::default() };
    let _ = convert(&volume, &workstation_wish(), &programs);
}

fn run_to_be_killed(folder: &Path) -> std::process::Child {
    let name = format!("{}::one_conversion_to_be_killed", module_path!().split_once("::").unwrap().1);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &name]).env("HIVES_TO_BE_KILLED", folder);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
}

#[test]
fn killed_anywhere_the_clone_has_the_old_hive_or_the_new() {
    let system = shapes::windows_7();
    let done = Clone::new(&system, Lists::Lh, "6.1");
    done.convert(&workstation_wish()).unwrap();
    let new = exported(&done.system());
    // At each call of the program, before and after; then by the clock.
    let calls =
        ["before --export", "after --export", "before --merge", "after --merge", "half --merge", "again --export"];
    for (round, call) in calls.iter().copied().chain((0..6).map(|_| "")).enumerate() {
        let clone = Clone::new(&system, Lists::Lh, "6.1");
        let old = fs::read(clone.system()).unwrap();
        let kill = match call.split_once(' ') {
            Some(("before", of)) => format!("[ \"$1\" = {of} ] && kill -KILL $PPID"),
            Some(("after", of)) => {
                format!("hivexregedit \"$@\" || exit; [ \"$1\" = {of} ] && kill -KILL $PPID; exit 0")
            }
            Some(("half", of)) => format!("[ \"$1\" = {of} ] && {{ truncate -s 9000 \"$2\"; kill -KILL $PPID; }}"),
            Some((_, of)) => format!(
                "[ \"$1\" = {of} ] && [ -e $0.merged ] && kill -KILL $PPID\n[ \"$1\" = --merge ] && : > $0.merged"
            ),
            None => String::new(),
        };
        program(&clone, &format!("{kill}\nexec hivexregedit \"$@\""));
        let mut child = run_to_be_killed(clone.dir.path());
        if call.is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(100 * (round - calls.len()) as u64));
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        assert!(call.is_empty() || !status.success(), "{call}: it was not killed");
        let is_old = fs::read(clone.system()).unwrap() == old;
        assert!(is_old || exported(&clone.system()) == new, "{call}: neither the old hive nor the new");
        // Only the rename makes it the new one, and that is after the last call.
        assert!(is_old || call.is_empty(), "{call}: the hive changed too early");
        // And it goes on from there.
        clone.convert(&workstation_wish()).unwrap();
        assert!(exported(&clone.system()) == new && clone.left_over().is_empty(), "{call}");
    }
}

/// Keys and values as hivex exports them: the times of writes differ from run to run.
fn exported(hive: &Path) -> String {
    let ran = Command::new("hivexregedit").arg("--export").arg(hive).arg("\\").output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn a_damaged_hive_is_an_error_and_stays_as_it_is() {
    let whole = bytes(&small(), Lists::Lh);
    let mut hostile: Vec<(String, Vec<u8>)> = Vec::new();
    for length in [0, 3, 4095, 4096, 4128, 5000, whole.len() - 1] {
        hostile.push((format!("cut at {length}"), whole[..length].to_vec()));
    }
    for at in (4096..whole.len()).step_by(4) {
        for number in [u32::MAX, 0, 32, 0x7fff_fff0] {
            let mut bytes = whole.clone();
            put(&mut bytes, at, number);
            hostile.push((format!("{number:#x} at {at}"), bytes));
        }
    }
    let clone = Clone::new(&small(), Lists::Lh, "6.1");
    // Every 61st is a few seconds, and meets every kind of record.
    let (mut refused, mut taken) = (0, 0);
    for (what, bytes) in hostile.iter().take(7).chain(hostile.iter().skip(7).step_by(61)) {
        fs::write(clone.system(), bytes).unwrap();
        match clone.convert(&workstation_wish()) {
            Ok(_) => taken += 1,
            Err(_) => {
                refused += 1;
                assert!(fs::read(clone.system()).unwrap() == *bytes, "{what}: the hive was changed");
            }
        }
        assert_eq!(clone.left_over(), Vec::<String>::new(), "{what}");
    }
    // What hivex does not look at, such as a time, may be anything.
    assert!(refused > 10 && taken > 3, "{refused} refused, {taken} taken");
}

#[test]
fn keys_in_a_circle_come_to_an_end() {
    let clone = Clone::new(&small(), Lists::Lh, "6.1");
    let mut circle = bytes(&small(), Lists::Lh);
    // The list of the keys below `Services` names the root, whose cell is the first.
    let at = circle.windows(2).rposition(|pair| pair == b"lh").unwrap();
    put(&mut circle, at + 4, 32);
    fs::write(clone.system(), &circle).unwrap();
    let error = clone.convert(&workstation_wish()).unwrap_err();
    assert!(matches!(&error, ConvertError::Hivex(_)), "{error}");
}

#[test]
fn links_of_the_clone_lead_nowhere() {
    let clone = Clone::new(&small(), Lists::Lh, "6.1");
    let outside = clone.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, clone.dir.path().join("volume/Windows/traghetto")).unwrap();
    let error = clone.convert(&workstation_wish()).unwrap_err();
    assert!(matches!(&error, ConvertError::File { path, .. } if path.ends_with("traghetto")), "{error}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    fs::rename(clone.system(), outside.join("SYSTEM")).unwrap();
    symlink(outside.join("SYSTEM"), clone.system()).unwrap();
    assert!(matches!(clone.convert(&workstation_wish()), Err(ConvertError::File { .. })));
}

#[test]
fn who_may_read_the_hive_stays_so() {
    let clone = Clone::new(&shapes::server_2008_r2(), Lists::Lh, "6.1");
    fs::set_permissions(clone.system(), PermissionsExt::from_mode(0o640)).unwrap();
    clone.convert(&server_wish()).unwrap();
    assert_eq!(fs::metadata(clone.system()).unwrap().permissions().mode() & 0o7777, 0o640);
}
