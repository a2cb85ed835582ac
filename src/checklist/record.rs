//! A run as the journal keeps it, and the state of a checklist after several runs.

use super::finding::{Finding, Outcome, Subject, Verdict};
use super::item::{Checklist, ItemId, Moment, Phase};
use super::judge::at_rest;
use super::plan::{NO_PROBE, Task, Todo};
use super::sign::{Attached, Document, Given, Opinion, Signatures, Signed, Waiver};
use crate::journal::Event;
use crate::model::{PersonId, RoleId, ServerId, TenantId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One run: the data of an event [`RunRecord::KIND`], and the JSON of `checklist run`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The checklist.
    pub phase: Phase,
    /// The tenant.
    pub tenant: TenantId,
    /// The only server that was asked, if not all were.
    pub server: Option<ServerId>,
    /// The only moment of the landing whose items were asked, if not all were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Moment>,
    /// Version of the checklist.
    pub version: u32,
    /// SHA-256 of the checklist's text, as hex.
    pub digest: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Seconds it took.
    pub took: f64,
    /// Findings by verdict.
    pub counts: BTreeMap<String, usize>,
    /// What was found, in the order of the items.
    pub findings: Vec<Finding>,
}

impl RunRecord {
    /// The kind of its event in the journal.
    pub const KIND: &'static str = "checklist.run";

    /// The record of a run that took `took` seconds.
    pub fn new(
        checklist: &Checklist,
        tenant: &TenantId,
        server: Option<&ServerId>,
        took: f64,
        findings: Vec<Finding>,
    ) -> Self {
        Self {
            phase: checklist.phase,
            tenant: tenant.clone(),
            server: server.cloned(),
            when: None,
            version: checklist.version,
            digest: checklist.digest(),
            outcome: Outcome::of(&findings),
            took: (took * 1000.0).round() / 1000.0,
            counts: counts(&findings),
            findings,
        }
    }
}

impl RunRecord {
    /// The run as it counts, with `findings` weighed: other than the journal's record where waivers count.
    #[must_use]
    pub fn weighed(self, findings: Vec<Finding>) -> Self {
        Self { outcome: Outcome::of(&findings), counts: counts(&findings), findings, ..self }
    }
}

impl RunRecord {
    /// What opens the gate where copies are not asked for want of a probe machine, as one sentence.
    pub fn way_without_probe(&self) -> Option<String> {
        let lacks = |finding: &&Finding| {
            finding.verdict == Verdict::Error
                && finding.reason.as_deref().is_some_and(|reason| reason.starts_with(NO_PROBE))
        };
        let item = &self.findings.iter().find(lacks)?.item;
        let (phase, tenant) = (self.phase, &self.tenant);
        Some(format!(
            "Write the probe machine of the test network (`test_probe`) into inventory/tenants/{tenant}.yaml, or waive \
             what it would ask: traghetto checklist sign {phase} {tenant} --items {item},… --outcome waived --until DATE \
             --role ROLE --note WHY"
        ))
    }
}

/// Findings by verdict; every verdict has its count.
pub fn counts(findings: &[Finding]) -> BTreeMap<String, usize> {
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    Verdict::ALL.into_iter().map(|verdict| (verdict.word().to_owned(), count(verdict))).collect()
}

/// Where a checklist stands: the last finding of each task, with its time and its signatures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// The finding, as it counts: with its waiver.
    #[serde(flatten)]
    pub finding: Finding,
    /// When it was found; none where nothing is asked.
    pub time: Option<String>,
    /// Who ran it.
    pub by: Option<String>,
    /// The statements that count for it.
    pub signatures: Vec<Mark>,
    /// The waiver that counts for it.
    pub waiver: Option<Waiver>,
}

/// A signature, as reports and documents show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mark {
    /// In which role.
    pub role: RoleId,
    /// Who.
    pub person: PersonId,
    /// When it was recorded.
    pub time: String,
    /// Who recorded it.
    pub operator: String,
    /// What was said.
    pub outcome: Opinion,
    /// In the person's words.
    pub note: String,
    /// What proves it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Attached>,
    /// SHA-256 of what was signed, as hex.
    pub approves: String,
    /// How it was given: `typed`, `ssh` or `document`.
    pub how: &'static str,
    /// The document on which it is, if it was acquired.
    pub document: Option<Document>,
}

impl Mark {
    /// How a signature is shown.
    pub fn of(given: &Signed) -> Self {
        let Signed { signature, time, operator, .. } = given;
        let (how, document) = match &signature.given {
            Given::Typed => ("typed", None),
            Given::Ssh { .. } => ("ssh", None),
            Given::Document(document) => ("document", Some(document.clone())),
        };
        Self {
            role: signature.role.clone(),
            person: signature.person.clone(),
            time: time.clone(),
            operator: operator.clone(),
            outcome: signature.outcome,
            note: signature.note.clone(),
            evidence: signature.evidence.clone(),
            approves: signature.approves.clone(),
            how,
            document,
        }
    }
}

/// The last finding of one item and subject.
struct Last {
    time: String,
    by: String,
    finding: Finding,
}

/// Where `tasks` stand after a tenant's `events`.
///
/// A finding on another text of its item, or of another machine, does not count: the item has to be
/// run again.
pub fn standing(tasks: &[Task], phase: Phase, events: &[Event], signatures: &Signatures) -> Vec<Standing> {
    let by_key: BTreeMap<Key, &Task> = tasks.iter().map(|task| (key(&task.item.id, &task.subject), task)).collect();
    let mut last: BTreeMap<Key, Last> = BTreeMap::new();
    for event in events.iter().filter(|event| event.kind == RunRecord::KIND) {
        let Some(run) = RunRecord::deserialize(&event.data).ok().filter(|run| run.phase == phase) else { continue };
        for finding in run.findings {
            let key = key(&finding.item, &finding.subject);
            let found = Last { time: event.time.clone(), by: event.operator.clone(), finding };
            let outlasted = |task: &&Task| last.get(&key).is_some_and(|before| outlasts((task, phase), before, &found));
            if !by_key.get(&key).is_some_and(outlasted) {
                last.insert(key, found);
            }
        }
    }
    tasks.iter().map(|task| stands((task, phase), &mut last, signatures)).collect()
}

type Key = (ItemId, Subject);

fn key(item: &ItemId, subject: &Subject) -> Key {
    (item.clone(), subject.clone())
}

/// Whether a finding is of the present text of its item, and of the machine that the inventory names.
fn is_of(finding: &Finding, task: &Task, phase: Phase) -> bool {
    // The Comune carried the script there, and the import saw that it was the right machine.
    let carried = finding.host_time.is_some();
    let same = match &task.todo {
        Todo::Ask(inquiry) => {
            // What a script answers does not say from where it was sent: from elsewhere its host was the source.
            let elsewhere = phase == Phase::Test
                && inquiry.question.script().is_some()
                && finding.through.as_deref() != inquiry.origin.probe();
            finding.asked == inquiry.identity() && (carried || !elsewhere)
        }
        Todo::Impossible(_) => carried && !finding.asked.is_empty(),
        Todo::Skip(_) | Todo::Sign => false,
    };
    same && finding.digest == task.item.digest()
}

/// For how long: a machine that is started as another system for its copy cannot be asked both ways
/// within the hours of a gate.
pub(super) const OUTLASTS: SignedDuration = SignedDuration::from_hours(24);

/// Whether a finding of `before` still counts although `after` was tried later: where nothing was
/// found out since, because the Comune carries the script there (a bundle), or because the machine is at
/// times started as another system.
fn outlasts((task, phase): (&Task, Phase), before: &Last, after: &Last) -> bool {
    let told = |last: &Last| last.finding.verdict != Verdict::Error;
    let unheard = match &task.todo {
        Todo::Impossible(_) => !told(after),
        Todo::Ask(inquiry) if !inquiry.asked.alternates => false,
        // A port is closed, too, where the other system is started.
        Todo::Ask(inquiry) if inquiry.question.script().is_none() => after.finding.verdict != Verdict::Pass,
        Todo::Ask(_) => !told(after) && after.finding.unreachable,
        Todo::Skip(_) | Todo::Sign => false,
    };
    // The result of a bundle is as old as the host's answers, whenever it was taken over.
    let asked = || before.finding.host_time.or_else(|| before.time.parse().ok());
    let age = || Some(after.time.parse::<Timestamp>().ok()?.duration_since(asked()?));
    let young = || age().is_some_and(|age| age <= OUTLASTS);
    unheard && told(before) && is_of(&before.finding, task, phase) && young()
}

fn stands(
    (task, phase): (&Task, Phase),
    last: &mut BTreeMap<(ItemId, Subject), Last>,
    signatures: &Signatures,
) -> Standing {
    let marks: Vec<Mark> = signatures.valid(&task.item, &task.subject).map(Mark::of).collect();
    let found = last.remove(&key(&task.item.id, &task.subject));
    let (finding, time, by) = match (&task.todo, found) {
        (_, Some(found)) if is_of(&found.finding, task, phase) => (found.finding, Some(found.time), Some(found.by)),
        (_, found) => {
            let changed = found.is_some_and(|found| !found.finding.asked.is_empty());
            let reason = if changed { "its text or its machine has changed since it was run" } else { "not run yet" };
            (at_rest(task, signatures, reason), None, None)
        }
    };
    let waiver = signatures.waiver(&task.item, &finding);
    let finding = signatures.weigh(&task.item, finding);
    let waiver = waiver.filter(|_| finding.verdict == Verdict::Waived);
    Standing { finding, time, by, signatures: marks, waiver }
}

#[cfg(test)]
mod tests;
