//! A run as the journal keeps it, and the state of a checklist after several runs.

use super::finding::{Finding, Outcome, Subject, Verdict};
use super::item::{Checklist, ItemId, Moment, Phase};
use super::judge::at_rest;
use super::plan::{Task, Todo};
use super::sign::{Signature, Signatures};
use crate::model::{ServerId, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
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

/// Findings by verdict; every verdict has its count.
pub fn counts(findings: &[Finding]) -> BTreeMap<String, usize> {
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    Verdict::ALL.into_iter().map(|verdict| (verdict.word().to_owned(), count(verdict))).collect()
}

/// Where a checklist stands: the last finding of each task, with its time and its signatures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// When it was found; none where nothing is asked.
    pub time: Option<String>,
    /// The signatures that count for it.
    pub signatures: Vec<Signature>,
}

/// Where `tasks` stand after `events`: pairs of time and data of [`RunRecord::KIND`], oldest first.
///
/// A finding on another text of its item does not count: the item has to be run again.
pub fn standing<'a>(
    tasks: &[Task],
    phase: Phase,
    events: impl Iterator<Item = (&'a str, &'a Value)>,
    signatures: &Signatures,
) -> Vec<Standing> {
    let mut last: BTreeMap<(ItemId, Subject), (String, Finding)> = BTreeMap::new();
    for (time, data) in events {
        let Some(run) = RunRecord::deserialize(data).ok().filter(|run| run.phase == phase) else { continue };
        for finding in run.findings {
            last.insert((finding.item.clone(), finding.subject.clone()), (time.to_owned(), finding));
        }
    }
    tasks.iter().map(|task| stands(task, &mut last, signatures)).collect()
}

fn stands(task: &Task, last: &mut BTreeMap<(ItemId, Subject), (String, Finding)>, signatures: &Signatures) -> Standing {
    let signed: Vec<Signature> = signatures.valid(&task.item, &task.subject).cloned().collect();
    let found = last.remove(&(task.item.id.clone(), task.subject.clone()));
    match (&task.todo, found) {
        (Todo::Ask(_), Some((time, finding))) if finding.digest == task.item.digest() => {
            Standing { finding, time: Some(time), signatures: signed }
        }
        (_, found) => {
            let changed = found.is_some();
            let reason = if changed { "its text has changed since it was run" } else { "not run yet" };
            Standing { finding: at_rest(task, signatures, reason), time: None, signatures: signed }
        }
    }
}
