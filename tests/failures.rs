//! Every failure of the program, with what is safe and what next: `tests/golden/failures.txt`.
//!
//! That none is empty the compiler says: `Failure::new` gives an `Unhinted`, which no command can end
//! with before it has a hint. This test lists them, so that what an engineer reads at two in the
//! morning is read in review: first every place of the program that makes a failure, from its source;
//! then the errors that several commands share, each variant made here and rendered. A variant that is
//! added does not compile here before it is listed.

use crate::support::{golden, project};
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use traghetto::document::statement::DocumentError;
use traghetto::failure::{Failure, Kind};
use traghetto::fees::FeeError;
use traghetto::journal::event::Broken;
use traghetto::journal::store::StoreError;
use traghetto::journal::{Holder, JournalError};
use traghetto::landing::convert::{ConvertError, ProgramError, linux, windows};
use traghetto::landing::vmdk::{DescriptorError, StreamError};
use traghetto::landing::{LandingError, convert::NotAClone};
use traghetto::migration::{Class, Trouble};
use traghetto::model::fees::{Basis, Item};
use traghetto::world::{ShellError, vsphere};

#[test]
fn every_failure_says_what_is_safe_or_what_next() {
    let mut text = String::from("FAILURES BY PLACE: exit code, message, what is safe and what next\n");
    for file in sources(&project().join("src")) {
        let found = places(&std::fs::read_to_string(&file).unwrap());
        if found.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{}", file.strip_prefix(project()).unwrap().display());
        for place in found {
            let advice = place.hints.join(" ");
            // That nothing happened is safe to know, and no more: what next is to be said beside it.
            let bare = !advice.contains('{') && advice.split_whitespace().count() < 5;
            assert!(!place.hints.is_empty() && !bare, "{}: {}: {advice}", file.display(), place.message);
            let _ = writeln!(text, "  {}: {}", place.code, place.message);
            for hint in place.hints {
                let _ = writeln!(text, "    {hint}");
            }
        }
    }
    text.push_str("\nERRORS THAT COMMANDS SHARE, as an operator reads them\n");
    for (family, failures) in shared() {
        let _ = writeln!(text, "\n{family}");
        for failure in failures {
            assert!(failure.hints().iter().all(|hint| hint.trim().len() > 10), "{family}: {}", failure.render());
            let _ = writeln!(text, "{}{}", failure.kind().code(), indented(&failure.render()));
        }
    }
    golden("failures.txt", &text);
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect::<String>().trim_end().to_owned()
}

/// The Rust files below a folder that are no tests, by path.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match path.is_dir() {
            true if name != "tests" => found.extend(sources(&path)),
            false if name.ends_with(".rs") && !name.ends_with("tests.rs") && name != "failure.rs" => found.push(path),
            _ => {}
        }
    }
    found.sort();
    found
}

/// A place that makes a failure.
struct Place {
    code: String,
    message: String,
    hints: Vec<String>,
}

/// Every `Failure::new(KIND, MESSAGE)` of a file, with the arguments of the hints that follow it: in
/// its own chain, or on the name that it is bound to.
fn places(source: &str) -> Vec<Place> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut found = Vec::new();
    for (at, call) in source.match_indices("Failure::new(") {
        let open = at + call.len();
        let close = closing(source, open);
        let (kind, message) = source[open..close].split_once(',').unwrap();
        let mut hints = chained(&source[close + 1..]);
        hints.extend(by_name(source, at, close));
        let code = match kind.trim().strip_prefix("Kind::") {
            Some(word) => Kind::ALL.iter().find(|kind| format!("{kind:?}") == word).unwrap().code().to_string(),
            None => "by its cause".to_owned(),
        };
        found.push(Place { code, message: words(message), hints });
    }
    found
}

/// The place of the bracket that closes the one before `from`; text in quotes does not count.
fn closing(source: &str, from: usize) -> usize {
    let (mut depth, mut quoted, mut escaped) = (1, false, false);
    for (at, byte) in source.bytes().enumerate().skip(from) {
        match (quoted, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => quoted = !quoted,
            (false, b'(' | b'[' | b'{') => depth += 1,
            (false, b')' | b']' | b'}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    panic!("a bracket is not closed")
}

/// The arguments of `.hint(…)` and `.hints(…)` at the begin of `rest`.
fn chained(rest: &str) -> Vec<String> {
    let mut hints = Vec::new();
    let mut rest = rest.trim_start();
    while let Some(after) = [".hint(", ".hints("].iter().find_map(|call| rest.strip_prefix(call)) {
        let close = closing(after, 0);
        hints.push(words(&after[..close]));
        rest = after[close + 1..].trim_start();
    }
    hints
}

/// The hints that are given to the name that a failure is bound to, up to the end of its block.
fn by_name(source: &str, at: usize, close: usize) -> Vec<String> {
    let line = source[..at].rfind('\n').map_or(0, |end| end + 1);
    let bound = source[line..at].trim().strip_prefix("let ").map(|rest| rest.trim_start_matches("mut "));
    let Some(name) = bound.and_then(|rest| rest.split(['=', ' ']).next()) else {
        return Vec::new();
    };
    let rest = &source[close + 1..];
    let rest = &rest[..rest.find("\n}\n").unwrap_or(rest.len())];
    let call = format!("{name}.hint(");
    let after = rest.match_indices(&call).map(|(found, _)| &rest[found + call.len()..]);
    after.map(|after| words(&after[..closing(after, 0)])).collect()
}

/// An expression on one line: a plain text or `format!` as its text, anything else in braces.
fn words(expression: &str) -> String {
    let expression = expression.trim().trim_end_matches(',');
    let inner = expression.strip_prefix("format!(").unwrap_or(expression).trim();
    let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace("\\ ", "");
    match inner.strip_prefix('"').map(|text| (text, quoted(text))) {
        Some((text, end)) => joined(&text[..end]),
        None => format!("{{{}}}", joined(expression)),
    }
}

/// The place of the quotation mark that ends a text.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at,
            _ => {}
        }
    }
    panic!("a text does not end: {text}")
}

/// One value of each variant, matched exhaustively: a variant without a value does not compile.
macro_rules! every {
    ($type:ty: $($pattern:pat => $value:expr),+ $(,)?) => {{
        let known: &[fn(&$type) -> bool] = &[$(|value| matches!(value, $pattern)),+];
        fn exhaustive(value: &$type) {
            match value { $($pattern => {}),+ }
        }
        let values: Vec<$type> = vec![$($value),+];
        for (value, is_its_own) in values.iter().zip(known) {
            exhaustive(value);
            assert!(is_its_own(value), "{value:?} stands beside another variant's pattern");
        }
        values
    }};
}

fn disk_full() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "no space left on device")
}

fn boxed(text: &str) -> Box<dyn std::error::Error + Send + Sync> {
    text.into()
}

fn shared() -> Vec<(&'static str, Vec<Failure>)> {
    let failed =
        |hint: &str, error: Box<dyn std::error::Error + Send + Sync>| Failure::new(Kind::Failed, error).hint(hint);
    vec![
        ("Journal", journal().into_iter().map(Failure::from).collect()),
        ("Hosts", shells().into_iter().map(Failure::from).collect()),
        ("Acts of a migration that say nothing themselves", acts(false).into_iter().map(Failure::from).collect()),
        ("Acts of a migration that do", acts(true).into_iter().map(Failure::from).collect()),
        ("Fees", fees().into_iter().map(Failure::from).collect()),
        ("Documents", documents().into_iter().map(Failure::from).collect()),
        ("Landing", landings().into_iter().map(|error| failed(error.hint(), error.into())).collect()),
        ("Conversion", conversions().into_iter().map(|error| failed(error.hint(), error.into())).collect()),
        (
            "Programs of the landing host",
            programs().into_iter().map(|error| failed(error.hint(), error.into())).collect(),
        ),
    ]
}

fn journal() -> Vec<JournalError> {
    let holder = || {
        Box::new(Holder {
            operator: "anna-veneto".into(),
            pid: 4711,
            host: "ops-1".into(),
            since: "2026-12-01T02:00:00+01:00".into(),
            reason: None,
        })
    };
    let (path, subject) = (|| PathBuf::from("replicas/events.jsonl"), || "tenant/cinto-caomaggiore".to_owned());
    every!(JournalError:
        JournalError::Scheme { .. } => JournalError::Scheme { scheme: "mysql".into() },
        JournalError::NoPath => JournalError::NoPath,
        JournalError::Store { .. } => JournalError::Store { path: path(), source: StoreError::File(disk_full()) },
        JournalError::File { .. } => JournalError::File { path: path(), source: disk_full() },
        JournalError::Broken { .. } => JournalError::Broken {
            tenant: "cinto-caomaggiore".into(),
            place: "the store".into(),
            source: Broken { seq: 7, reason: "its `prev` is another line's".into() },
        },
        JournalError::Forked { .. } => JournalError::Forked { tenant: "cinto-caomaggiore".into(), mirror: path(), seq: 7 },
        JournalError::Held { .. } => JournalError::Held { subject: subject(), holder: holder() },
        JournalError::TakenOver { .. } => JournalError::TakenOver { subject: subject(), holder: holder() },
        JournalError::Busy { .. } => JournalError::Busy { tenant: "cinto-caomaggiore".into() },
        JournalError::OtherStory { .. } => JournalError::OtherStory { tenant: "cinto-caomaggiore".into(), seq: 7 },
        JournalError::Ahead { .. } => JournalError::Ahead { tenant: "cinto-caomaggiore".into(), here: 9, there: 7 },
    )
}

fn shells() -> Vec<ShellError> {
    let host = || "192.0.2.10:22".to_owned();
    every!(ShellError:
        ShellError::Unreachable { .. } => ShellError::Unreachable { host: host(), source: boxed("connection refused") },
        ShellError::HostKey { .. } => ShellError::HostKey {
            host: host(),
            fingerprint: "SHA256:abc".into(),
            expected: "is not the one of known_hosts".into(),
        },
        ShellError::Login { .. } => ShellError::Login { host: host(), user: "root".into(), reason: "publickey".into() },
        ShellError::Algorithms { .. } => ShellError::Algorithms {
            host: host(),
            what: "key exchange",
            theirs: "diffie-hellman-group1-sha1".into(),
            legacy: vec!["diffie-hellman-group1-sha1".into()],
        },
        ShellError::Secret { .. } => ShellError::Secret {
            host: host(),
            what: "password of env:NAME".into(),
            source: boxed("the variable is not set"),
        },
        ShellError::Refused { .. } => ShellError::Refused { host: host() },
        ShellError::Killed { .. } => ShellError::Killed { host: host(), signal: "KILL".into() },
        ShellError::TooMuch { .. } => ShellError::TooMuch { host: host(), limit: 1_048_576 },
        ShellError::Winrm { .. } => ShellError::Winrm {
            host: host(),
            source: boxed("it does not seal messages"),
            transient: false,
            hint: "Nothing was sent in clear. Allow NTLM at the host's WinRM service.",
        },
        ShellError::Deadline { .. } => ShellError::Deadline { host: host(), seconds: 60, printed: Vec::new() },
    )
}

/// One act of each class of trouble, with what it says itself or without.
fn acts(says: bool) -> Vec<Trouble> {
    let classes = every!(Class:
        Class::Unreachable => Class::Unreachable,
        Class::Waiting => Class::Waiting,
        Class::CheckFailed => Class::CheckFailed,
        Class::Failed => Class::Failed,
        Class::Evidence => Class::Evidence,
    );
    let trouble = |class| Trouble::new(class, format!("{class:?}"));
    let said = |trouble: Trouble| trouble.hint("The replica is untouched. Look at the step in `migrate status`.");
    classes.into_iter().map(trouble).map(|one| if says { said(one) } else { one }).collect()
}

fn fees() -> Vec<FeeError> {
    every!(FeeError:
        FeeError::OutsideBands { .. } => FeeError::OutsideBands {
            tenant: "jesolo".parse().unwrap(),
            item: Item::Action("2.2.2".into()),
            basis: Basis::Population,
            value: 26_056,
            highest: Some("< 5.000".into()),
        },
        FeeError::BeforeProject { .. } => FeeError::BeforeProject { year: 2020, first: 2021 },
    )
}

fn documents() -> Vec<DocumentError> {
    let broken = minijinja::Error::new(minijinja::ErrorKind::UndefinedError, "no such value");
    every!(DocumentError:
        DocumentError::Csv(_) => DocumentError::Csv(disk_full().into()),
        DocumentError::Xlsx(_) => DocumentError::Xlsx(rust_xlsxwriter::XlsxError::RowColumnLimitError),
        DocumentError::Html(_) => DocumentError::Html(broken),
    )
}

fn landings() -> Vec<LandingError> {
    let path = || PathBuf::from("replicas/town/srv/disk0.clone");
    let unreachable = vsphere::Trouble::Deadline {
        server: "vcenter.example".into(),
        doing: "log in".into(),
        seconds: 30,
        may_be_done: false,
    };
    every!(LandingError:
        LandingError::Vsphere(_) => LandingError::from(unreachable),
        LandingError::File { .. } => LandingError::File { action: "written", path: path(), source: disk_full() },
        LandingError::Clone { .. } => LandingError::Clone { path: path(), what: "is no file".into() },
        LandingError::Stream { .. } => LandingError::Stream {
            path: path(),
            source: StreamError::Read { at: 0, source: disk_full() },
        },
        LandingError::Descriptor { .. } => LandingError::Descriptor { path: path(), source: DescriptorError::NoTitle },
        LandingError::Lab { .. } => LandingError::Lab {
            doing: "start srv".into(),
            program: "start-vm".into(),
            outcome: "ended with 1".into(),
        },
        LandingError::Person { .. } => LandingError::Person { doing: "boot srv in its folder".into() },
        LandingError::Missing { .. } => LandingError::Missing { machine: "town-srv".into() },
        LandingError::Taken { .. } => LandingError::Taken { place: "town-srv".into(), what: "is a folder".into() },
        LandingError::Isolation { .. } => LandingError::Isolation { machine: "town-srv-test".into() },
        LandingError::Hot { .. } => LandingError::Hot {
            machine: "town-srv".into(),
            datastore: "san-1".into(),
            source: Box::new(vsphere::Trouble::Fault {
                server: "vcenter.example".into(),
                doing: "move the machine town-srv".into(),
                fault: vsphere::Fault::NotSupported {
                    kind: "LicenseRestricted".into(),
                    message: "not in this edition".into(),
                },
            }),
        },
        LandingError::Gone { .. } => LandingError::Gone { machine: "town-srv".into() },
        LandingError::Replica { .. } => LandingError::Replica { folder: path() },
        LandingError::Behind { .. } => LandingError::Behind { machine: "town-srv".into(), datastore: "staging".into() },
        LandingError::Staging { .. } => LandingError::Staging {
            datastore: "staging".into(),
            folder: path(),
            what: "nothing".into(),
        },
        LandingError::Setting { .. } => LandingError::Setting { what: "no `landing.converter`".into() },
    )
}

fn conversions() -> Vec<ConvertError> {
    every!(ConvertError:
        ConvertError::NotAClone(_) => ConvertError::NotAClone(NotAClone::Shared { path: "disk0.img".into() }),
        ConvertError::File { .. } => ConvertError::File { path: "etc/fstab".into(), error: disk_full() },
        ConvertError::Program(_) => ConvertError::Program(programs().remove(0)),
        ConvertError::Mounts(_) => ConvertError::Mounts(io::ErrorKind::PermissionDenied.into()),
        ConvertError::Linux(_) => ConvertError::Linux(linux::Refusal::Encrypted("sda2".into())),
        ConvertError::Windows(_) => ConvertError::Windows(windows::run::ConvertError::NoVersion {
            path: "SOFTWARE".into(),
            found: String::new(),
        }),
        ConvertError::NoWindows(_) => ConvertError::NoWindows(vec!["ext4".into()]),
        ConvertError::SeveralWindows(_) => ConvertError::SeveralWindows(vec!["sda2".into(), "sdb1".into()]),
        ConvertError::NotAsPlanned(_) => ConvertError::NotAsPlanned(vec!["one change more".into()]),
        ConvertError::Ended => ConvertError::Ended,
    )
}

fn programs() -> Vec<ProgramError> {
    let all = every!(ProgramError:
        ProgramError::NotRun { .. } => ProgramError::NotRun {
            program: "hivexregedit".into(),
            error: io::ErrorKind::NotFound.into(),
        },
        ProgramError::Failed { .. } => ProgramError::Failed {
            what: "the mount of sda1".into(),
            status: "exit status: 32".into(),
            said: "unknown filesystem".into(),
        },
        ProgramError::Deadline { .. } => ProgramError::Deadline { what: "update-initramfs".into(), seconds: 600 },
    );
    let packages = all[0].hint();
    for package in ["libhivex-bin", "libwin-hivex-perl", "ntfs-3g", "bubblewrap"] {
        assert!(packages.contains(package), "{package} is not in: {packages}");
    }
    all
}
