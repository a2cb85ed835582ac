//! A run as the journal keeps it, and the state of a checklist after several runs.

use super::finding::{Finding, Outcome, Subject, Verdict};
use super::item::{Checklist, ItemId, Moment, Phase};
use super::judge::at_rest;
use super::plan::{Task, Todo};
use super::sign::{Document, Given, Signatures, Signed, Waiver};
use crate::journal::Event;
use crate::model::{PersonId, RoleId, ServerId, TenantId};
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
    pub note: String,
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
            note: signature.note.clone(),
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
/// A finding on another text of its item does not count: the item has to be run again.
pub fn standing(tasks: &[Task], phase: Phase, events: &[Event], signatures: &Signatures) -> Vec<Standing> {
    let mut last: BTreeMap<(ItemId, Subject), Last> = BTreeMap::new();
    for event in events.iter().filter(|event| event.kind == RunRecord::KIND) {
        let Some(run) = RunRecord::deserialize(&event.data).ok().filter(|run| run.phase == phase) else { continue };
        for finding in run.findings {
            let found = Last { time: event.time.clone(), by: event.operator.clone(), finding: finding.clone() };
            last.insert((finding.item, finding.subject), found);
        }
    }
    tasks.iter().map(|task| stands(task, &mut last, signatures)).collect()
}

fn stands(task: &Task, last: &mut BTreeMap<(ItemId, Subject), Last>, signatures: &Signatures) -> Standing {
    let marks: Vec<Mark> = signatures.valid(&task.item, &task.subject).map(Mark::of).collect();
    let found = last.remove(&(task.item.id.clone(), task.subject.clone()));
    let (finding, time, by) = match (&task.todo, found) {
        (Todo::Ask(_), Some(found)) if found.finding.digest == task.item.digest() => {
            (found.finding, Some(found.time), Some(found.by))
        }
        (_, found) => {
            let changed = found.is_some();
            let reason = if changed { "its text has changed since it was run" } else { "not run yet" };
            (at_rest(task, signatures, reason), None, None)
        }
    };
    let finding = signatures.weigh(&task.item, finding);
    let waiver = (finding.verdict == Verdict::Waived).then(|| signatures.waiver(&task.item, &task.subject)).flatten();
    Standing { finding, time, by, signatures: marks, waiver }
}
