//! Every kind of mistake in an inventory has its own clear message at the right line, and exit
//! code 3.
//!
//! A fixture is the name of a file, an edit of it, and what `inventory check` then prints:
//!
//! ```text
//! inventory/people.yaml
//! <<<<
//! the text as it is (empty: the whole file)
//! ====
//! the mistake
//! >>>>
//! the expected output
//! ```
//!
//! Unless a line `elsewhere: WHY` follows the name, one problem must lie on a line of the mistake.
//! `TRAGHETTO_BLESS=1` rewrites what is expected, to be read in review.

use crate::support::{Sandbox, project};
use std::ops::RangeInclusive;
use std::path::PathBuf;

struct Mistake {
    path: PathBuf,
    head: String,
    file: String,
    elsewhere: bool,
    from: String,
    to: String,
    expected: String,
}

impl Mistake {
    fn read(path: PathBuf) -> Self {
        let text = std::fs::read_to_string(&path).unwrap();
        let (head, rest) = text.split_once("<<<<\n").unwrap_or_else(|| panic!("{}: no <<<<", path.display()));
        let (from, rest) = rest.split_once("====\n").unwrap_or_else(|| panic!("{}: no ====", path.display()));
        let (to, expected) = rest.split_once(">>>>\n").unwrap_or_else(|| panic!("{}: no >>>>", path.display()));
        let fragment = |section: &str| section.strip_suffix('\n').unwrap_or(section).to_owned();
        Self {
            head: head.to_owned(),
            file: head.lines().next().unwrap().to_owned(),
            elsewhere: head.contains("elsewhere: "),
            from: fragment(from),
            to: fragment(to),
            expected: expected.to_owned(),
            path,
        }
    }

    fn name(&self) -> String {
        self.path.file_stem().unwrap().to_string_lossy().into_owned()
    }

    /// Makes the mistake; the lines on which it is.
    fn make(&self, sandbox: &Sandbox) -> RangeInclusive<usize> {
        let whole = std::fs::read_to_string(sandbox.path().join(&self.file)).unwrap();
        if self.from.is_empty() {
            sandbox.write(&self.file, &format!("{}\n", self.to));
            return 1..=self.to.lines().count().max(1);
        }
        let start = whole.find(&self.from).unwrap_or_else(|| panic!("{}: nothing to edit", self.name()));
        let first = whole[..start].matches('\n').count() + 1;
        sandbox.edit(&self.file, &self.from, &self.to);
        first..=first + self.to.matches('\n').count()
    }

    fn bless(&self, found: &str) {
        let text = format!("{}<<<<\n{}\n====\n{}\n>>>>\n{found}", self.head, self.from, self.to);
        std::fs::write(&self.path, text).unwrap();
    }
}

fn mistakes() -> Vec<Mistake> {
    let folder = project().join("tests/fixtures/broken");
    let mut paths: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(Mistake::read).collect()
}

#[test]
fn every_mistake_is_told_at_its_line() {
    let mistakes = mistakes();
    assert!(mistakes.len() >= 45);
    let mut wrong = Vec::new();
    for mistake in &mistakes {
        let sandbox = Sandbox::with_project();
        let lines = mistake.make(&sandbox);
        let ran = sandbox.run(&["inventory", "check"]);
        if std::env::var_os("TRAGHETTO_BLESS").is_some() {
            mistake.bless(&ran.stdout);
        }
        let on_the_line = lines.clone().any(|line| ran.stdout.contains(&format!("{}:{line}:", mistake.file)));
        let told = ran.code == 3 && (on_the_line || mistake.elsewhere) && ran.stderr.starts_with("error: ");
        let blessed = std::env::var_os("TRAGHETTO_BLESS").is_some() || ran.stdout == mistake.expected;
        if !told || !blessed {
            wrong.push(format!(
                "{} (lines {lines:?}): exit {}\n{}{}--- expected\n{}",
                mistake.name(),
                ran.code,
                ran.stdout,
                ran.stderr,
                mistake.expected
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), mistakes.len(), wrong.join("\n"));
}

#[test]
fn a_literal_secret_is_never_repeated() {
    for mistake in mistakes().iter().filter(|mistake| mistake.name().starts_with("secret-")) {
        let sandbox = Sandbox::with_project();
        mistake.make(&sandbox);
        for command in [["inventory", "check"], ["inventory", "list"]] {
            let ran = sandbox.run(&command).code(3);
            for secret in ["Laguna2021", "18121970"] {
                assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{}", mistake.name());
            }
        }
    }
}
