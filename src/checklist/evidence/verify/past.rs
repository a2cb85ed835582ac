//! Whether a statement is about the events before it: what it approves is what they say. Pure.

use super::super::super::finding::{Finding, Subject, Verdict};
use super::super::super::item::Phase;
use super::super::super::record::{OUTLASTS, RunRecord};
use super::super::super::sign::{Covered, Opinion, Signature};
use crate::digest::sha256;
use crate::journal::Event;
use crate::model::calendar::italian;
use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is wrong with a statement, or cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Objection {
    /// It contradicts the events.
    Broken(String),
    /// Only a person can say whether it is right.
    Doubt(String),
}

/// Phase, item, and what the item was asked of.
type Key<'a> = (&'a str, &'a str, &'a str, &'a str);

/// What happened before a statement.
#[derive(Debug, Default)]
pub(super) struct Past<'e> {
    /// What is not looked at before a statement asks for it.
    unread: Vec<&'e Event>,
    findings: BTreeMap<Key<'e>, Vec<(&'e Event, &'e Value)>>,
    /// Version of each list that was run, by phase and SHA-256.
    lists: BTreeMap<(&'e str, &'e str), Option<u64>>,
    given: Vec<Signature>,
}

/// Reasons of a finding that was not there when it was signed.
const NOT_RUN: [&str; 3] =
    ["not run yet", "its text has changed since it was run", "its text or its machine has changed since it was run"];
/// More roles than an item has, and than there are orders to try.
const MOST_ROLES: usize = 4;

impl<'e> Past<'e> {
    /// Adds the next event.
    pub(super) fn add(&mut self, event: &'e Event) {
        self.unread.push(event);
    }

    fn read(&mut self, event: &'e Event) {
        let data = &event.data;
        let text = |value: &'e Value| value.as_str().unwrap_or_default();
        match event.kind.as_str() {
            RunRecord::KIND => {
                let phase = text(&data["phase"]);
                self.lists.insert((phase, text(&data["digest"])), data["version"].as_u64());
                for found in data["findings"].as_array().into_iter().flatten() {
                    let key = (phase, text(&found["item"]), text(&found["scope"]), text(&found["of"]));
                    self.findings.entry(key).or_default().push((event, found));
                }
            }
            Signature::KIND => self.given.extend(Signature::deserialize(data)),
            _ => {}
        }
    }

    /// What is to be said against a statement of `tenant`.
    pub(super) fn objections(&mut self, signature: &Signature, tenant: &str) -> Vec<Objection> {
        std::mem::take(&mut self.unread).into_iter().for_each(|event| self.read(event));
        let mut objections = Vec::new();
        let line = |name: &str| {
            let mut lines = signature.statement.lines().skip_while(move |line| !line.starts_with(name));
            (lines.next().and_then(|line| line.strip_prefix(name)), lines.next())
        };
        if line("Ente: ").0 != Some(tenant) {
            objections.push(Objection::Broken(format!("its statement is of another tenant than {tenant}")));
        }
        let list = line("Lista: ").1.and_then(|line| line.trim().strip_prefix("versione ")?.split_once(", SHA-256 "));
        objections.extend(self.list(signature, list));
        let approved = signature.items.iter().filter_map(|covered| Some((covered, covered.finding.as_deref()?)));
        objections.extend(approved.filter_map(|(covered, approved)| self.finding(signature, covered, approved)));
        objections
    }

    /// The list that a statement names is one that was run, in its version.
    fn list(&self, signature: &Signature, list: Option<(&str, &str)>) -> Option<Objection> {
        let phase = signature.phase.word();
        let Some((version, digest)) = list else {
            return Some(Objection::Broken("its statement names no list".to_owned()));
        };
        match self.lists.get(&(phase, digest)) {
            Some(run) if *run != version.parse().ok() => {
                Some(Objection::Broken(format!("its list is of version {version}, and was run as another")))
            }
            None if self.lists.keys().any(|(run, _)| *run == phase)
                && signature.items.iter().any(|covered| covered.finding.is_some()) =>
            {
                Some(Objection::Doubt(format!("its list of version {version} was never run as it is ({digest})")))
            }
            _ => None,
        }
    }

    /// What a statement approves of an item is what the runs and statements before it say.
    fn finding(&self, signature: &Signature, covered: &Covered, approved: &str) -> Option<Objection> {
        let (history, changes) = self.history(signature.phase, covered);
        let row = row(covered);
        let given = Given { past: self, phase: signature.phase, covered, changes };
        if history.iter().any(|one| one.finding.attempts > 0) {
            let matching = history.iter().rposition(|one| given.approves(&one.finding, one.changes, approved));
            return match matching {
                Some(at) if history[at + 1..].iter().all(|later| history[at].may_outlast(later)) => None,
                Some(at) => Some(Objection::Doubt(format!(
                    "it approves of {row} what event {} found, and a later one found something else",
                    history[at].seq
                ))),
                // Whoever has another machine now has signed that it was not run.
                None if given.renews(approved) || given.approves_rest(approved) => None,
                None => Some(Objection::Broken(format!("what it approves of {row} is not what was found before it"))),
            };
        }
        let recorded = history.last();
        let same = recorded.is_some_and(|one| {
            one.finding.verdict != Verdict::Pass && given.approves(&one.finding, one.changes, approved)
        });
        if same || given.approves_rest(approved) || given.renews(approved) {
            return None;
        }
        // A refusal opens no gate, whatever it was about; and of what was waived before it was stated,
        // the folder has the waiver itself.
        if signature.outcome == Opinion::Ko || given.is_waived() {
            return None;
        }
        Some(match recorded {
            Some(_) => Objection::Broken(format!("what it approves of {row} is not what was stated before it")),
            None => Objection::Doubt(format!("what it approves of {row} was never run before it")),
        })
    }

    /// The findings of an item's present text, the oldest first, and how often its findings changed.
    fn history(&self, phase: Phase, covered: &Covered) -> (Vec<Recorded>, u32) {
        let subject = json!(covered.subject);
        let text = |name: &str| subject[name].as_str().unwrap_or_default();
        let all = self.findings.get(&(phase.word(), covered.item.as_str(), text("scope"), text("of")));
        let (mut history, mut before, mut changes) = (Vec::new(), None, 0);
        for (event, value) in all.into_iter().flatten() {
            let Ok(finding) = Finding::deserialize(*value) else { continue };
            if !finding.is_unheard() {
                let approved = finding.approved();
                changes += u32::from(before.as_ref().is_some_and(|before| *before != approved));
                before = Some(approved);
            }
            history.push(Recorded { seq: event.seq, at: event.time.parse().ok(), finding, changes });
        }
        // Findings of other texts are none of this one, but they count as changes.
        history.retain(|one| one.finding.digest == covered.text);
        (history, changes)
    }
}

/// A finding of a run.
#[derive(Debug)]
struct Recorded {
    seq: u64,
    at: Option<Timestamp>,
    finding: Finding,
    /// How often another was recorded before.
    changes: u32,
}

impl Recorded {
    /// Whether it may still count after a later one: what could not be found out takes nothing from it,
    /// and for a day neither does what another system of the machine did not say.
    fn may_outlast(&self, later: &Recorded) -> bool {
        let age = || Some(later.at?.duration_since(self.at?));
        let young = || age().is_some_and(|age| age <= OUTLASTS);
        later.finding.verdict == Verdict::Error || (later.finding.verdict != Verdict::Pass && young())
    }
}

fn digest(value: &Value) -> String {
    sha256(value.to_string().as_bytes())
}

fn row(covered: &Covered) -> String {
    match &covered.subject {
        Subject::Tenant => covered.item.to_string(),
        subject => format!("{} [{subject}]", covered.item),
    }
}

/// The statements on one item before another.
struct Given<'p, 'e> {
    past: &'p Past<'e>,
    phase: Phase,
    covered: &'p Covered,
    /// How often the item's findings changed.
    changes: u32,
}

impl Given<'_, '_> {
    /// Whether what another statement covers is the same text.
    fn is_present(&self, covered: &Covered) -> bool {
        covered.text == self.covered.text
    }

    /// The last statements of each role that `counts`, in every order.
    fn orders(&self, counts: impl Fn(&Signature, &Covered) -> bool) -> Vec<Vec<&Signature>> {
        let mut last: BTreeMap<&str, &Signature> = BTreeMap::new();
        for given in self.past.given.iter().filter(|given| given.phase == self.phase) {
            let covers = given.covers(&self.covered.item, &self.covered.subject);
            if covers.is_some_and(|covered| counts(given, covered)) {
                last.insert(given.role.as_str(), given);
            }
        }
        let mut orders: Vec<Vec<&Signature>> = vec![Vec::new()];
        for given in last.into_values().take(MOST_ROLES) {
            let places = |order: Vec<_>| {
                (0..=order.len()).map(move |at| {
                    let mut order = order.clone();
                    order.insert(at, given);
                    order
                })
            };
            orders = orders.into_iter().flat_map(places).collect();
        }
        orders
    }

    /// Whether `approved` is this finding, waived or not: alone, or with how often its item's changed, up
    /// to it, up to the statement, or once it is recorded itself.
    fn approves(&self, finding: &Finding, changes: u32, approved: &str) -> bool {
        let counts = [changes, self.changes, self.changes + 1];
        let same = |finding: &Finding| {
            let own = finding.approved();
            own == approved || counts.iter().any(|count| digest(&json!([own, count])) == approved)
        };
        same(finding) || self.waived(finding).iter().any(same)
    }

    /// The finding as waivers let it pass.
    fn waived(&self, finding: &Finding) -> Vec<Finding> {
        let waivers = self.orders(|given, covered| given.outcome == Opinion::Waived && self.is_present(covered));
        let waived = |order: Vec<&Signature>| {
            let until = order.iter().filter_map(|given| given.until).min()?;
            let by = order.iter().map(|given| given.person.as_str()).collect::<Vec<_>>().join(", ");
            let (why, was) = (&order.first()?.note, finding.reason.as_deref().unwrap_or_default());
            let reason = format!("waived until {} by {by}: {why} ({}: {was})", italian(until), finding.verdict.word());
            Some(Finding { verdict: Verdict::Waived, reason: Some(reason), ..finding.clone() })
        };
        waivers.into_iter().filter_map(waived).collect()
    }

    /// Whether `approved` is what statements before say of an item that only persons know, or that it was not run.
    fn approves_rest(&self, approved: &str) -> bool {
        let stated = |present: bool| {
            self.orders(move |given, covered| {
                let own = given.outcome != Opinion::Waived && covered.finding.is_none();
                own && (!present || self.is_present(covered))
            })
        };
        let Some(rest) = self.at_rest() else { return false };
        let with = |verdict, reason: Option<String>| Finding { verdict, reason, ..rest.clone() };
        let not_run = NOT_RUN.iter().map(|reason| with(Verdict::Error, Some((*reason).to_owned())));
        if not_run.into_iter().any(|finding| self.approves(&finding, self.changes, approved)) {
            return true;
        }
        let last = stated(true).into_iter().next().unwrap_or_default();
        let no = last.iter().filter(|given| given.outcome == Opinion::Ko).flat_map(|given| {
            let reason = format!("{} ({}) says no: {}", given.person, given.role, given.note);
            [Verdict::Fail, Verdict::Warn].map(|verdict| with(verdict, Some(reason.clone())))
        });
        let agreed = !last.is_empty() && last.iter().all(|given| given.outcome == Opinion::Ok);
        let known: Vec<Finding> = no.chain(agreed.then(|| with(Verdict::Pass, None))).collect();
        let waived: Vec<Finding> = known.iter().flat_map(|bare| self.waived(bare)).collect();
        let owns: Vec<String> = known.iter().chain(&waived).map(Finding::approved).collect();
        // Statements on an earlier text are shown, too.
        let all = stated(false);
        let digests = all.iter().map(|order| order.iter().map(|given| given.approves.as_str()).collect::<Vec<_>>());
        let waivable = |digests: &Vec<&str>| {
            let Covered { item, subject, text, .. } = self.covered;
            digest(&json!([item, subject, text, digests])) == approved
        };
        let with = |digests: &Vec<&str>| owns.iter().any(|own| digest(&json!([own, digests])) == approved);
        owns.iter().any(|own| own == approved)
            || digests.into_iter().any(|digests| with(&digests) || waivable(&digests))
    }

    /// Whether the item was waived before.
    fn is_waived(&self) -> bool {
        self.orders(|given, covered| given.outcome == Opinion::Waived && self.is_present(covered))
            .iter()
            .any(|order| !order.is_empty())
    }

    /// Whether `approved` is what an earlier waiver covers, which is given again.
    fn renews(&self, approved: &str) -> bool {
        let covers = |covered: &Covered| self.is_present(covered) && covered.finding.as_deref() == Some(approved);
        self.orders(|given, covered| given.outcome == Opinion::Waived && covers(covered))
            .iter()
            .any(|order| !order.is_empty())
    }

    /// The finding of an item that was not asked.
    fn at_rest(&self) -> Option<Finding> {
        let mut finding = json!({
            "item": self.covered.item, "title": {"it": "", "en": ""}, "severity": "info", "verdict": "pending",
            "expected": "", "found": "", "reason": null, "unreachable": false, "attempts": 0, "took": 0.0,
            "digest": self.covered.text, "raw": "",
        });
        if let (Some(finding), Value::Object(subject)) = (finding.as_object_mut(), json!(self.covered.subject)) {
            finding.extend(subject);
        }
        Finding::deserialize(finding).ok()
    }
}
