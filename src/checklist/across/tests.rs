//! Three phases side by side, from records as the journal keeps them.

use super::*;
use crate::checklist::{ItemId, Severity, Verdict, load};
use crate::inventory;
use std::path::Path;

fn lists() -> Vec<Checklist> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let people = inventory::load(root).unwrap().people;
    [Phase::Source, Phase::Test, Phase::Landing].map(|phase| load(root, phase, &people).unwrap()).to_vec()
}

fn run(list: &Checklist, kept: &[(&str, &[&str])]) -> Value {
    let finding = |(key, lines): &(&str, &[&str])| {
        let lines = Datum::List(lines.iter().map(|line| (*line).to_owned()).collect());
        crate::checklist::Finding {
            item: "A-1".parse::<ItemId>().unwrap(),
            subject: Subject::Server("srv1".parse().unwrap()),
            title: Bilingual { it: "Prova".into(), en: "Trial".into() },
            severity: Severity::Blocker,
            verdict: Verdict::Pass,
            expected: String::new(),
            found: String::new(),
            reason: None,
            unreachable: false,
            attempts: 1,
            took: 0.0,
            digest: String::new(),
            asked: String::new(),
            through: None,
            host_time: None,
            raw: String::new(),
            captured: Some(Captured::of(key, &Reading::default().with("lines", lines))),
            answer: None,
            unsealed: Vec::new(),
        }
    };
    let findings = kept.iter().map(finding).collect();
    serde_json::to_value(RunRecord::new(list, &"cinto".parse().unwrap(), None, 0.0, findings)).unwrap()
}

fn states(row: &Across) -> Vec<&'static str> {
    let word = |kept: &Kept| match &kept.state {
        State::Missing => "missing",
        State::First { .. } => "first",
        State::Same => "same",
        State::Allowed { .. } => "allowed",
        State::Differs { .. } => "differs",
    };
    row.phases.iter().map(word).collect()
}

#[test]
fn each_phase_stands_against_the_first() {
    let lists = lists();
    let source = run(&lists[0], &[("ports", &["tcp any 22", "tcp any 445"]), ("routes", &["a"]), ("hosts", &["x"])]);
    let older = run(&lists[0], &[("ports", &["tcp any 1"])]);
    let test = run(&lists[1], &[("ports", &["tcp any 445", "tcp any 22", "udp any 68"]), ("routes", &["a"])]);
    let landing = run(&lists[2], &[("ports", &["tcp any 22", "tcp any 80"]), ("routes", &["b"])]);
    let runs = [("1", &older), ("2", &source), ("3", &test), ("4", &landing)];
    let rows = across(&lists, runs.into_iter());
    let found: Vec<(&str, Vec<&str>)> = rows.iter().map(|row| (row.key.as_str(), states(row))).collect();
    assert_eq!(
        found,
        [
            ("hosts", vec!["first", "missing", "missing"]),
            // What a phase's item ignores is left out; what is new may be new.
            ("ports", vec!["first", "same", "differs"]),
            ("routes", vec!["first", "same", "differs"]),
        ]
    );
    let State::Differs { difference } = &rows[1].phases[2].state else { panic!("{:?}", rows[1]) };
    assert_eq!(difference.to_string(), "lost `tcp any 445`; new `tcp any 80`");
    assert!(rows.iter().all(Across::is_broken));
    assert_eq!(rows[1].phases[0].time.as_deref(), Some("2"));
}

#[test]
fn what_may_differ_is_allowed() {
    let lists = lists();
    let source = run(&lists[0], &[("services", &["smbd.service"])]);
    let landing = run(&lists[2], &[("services", &["open-vm-tools.service", "smbd.service"])]);
    let lists = [lists[0].clone(), lists[2].clone()];
    let rows = across(&lists, [("1", &source), ("2", &landing)].into_iter());
    assert_eq!(states(&rows[0]), ["first", "allowed"]);
    assert!(!rows[0].is_broken());
}
