//! The verbale of a checklist: what was found, who carried it out, who validates it, and where to sign.
//!
//! [`Report`] is where a checklist stands, as a value; the page and the Markdown are written from it in
//! Italian or in English. Text of hosts, people and the inventory is escaped where it lands.

mod page;
mod words;

pub(super) use page::day_and_minute;
pub use page::{html, markdown};

use crate::checklist::{
    Checklist, Finding, Outcome, Phase, RunRecord, Signatures, Standing, Task, Validation, counts, validations,
};
use crate::model::people::People;
use crate::model::project::Project;
use crate::model::tenant::Tenant;
use crate::model::{PersonId, RoleId, TenantId};
use serde::Serialize;
use std::collections::BTreeMap;

/// Language of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// What the Comune reads and signs.
    Italian,
    /// English.
    English,
}

/// What a report is made of.
#[derive(Debug, Clone)]
pub struct Sources<'a> {
    /// The project.
    pub project: &'a Project,
    /// Whose checklist.
    pub tenant: &'a Tenant,
    /// Who holds which role.
    pub people: &'a People,
    /// The checklist.
    pub checklist: &'a Checklist,
    /// Its tasks.
    pub tasks: &'a [Task],
    /// Where each stands.
    pub lines: &'a [Standing],
    /// The signatures.
    pub signatures: &'a Signatures,
    /// Steps of the migration that two persons decided by hand, up to this checklist's activity.
    pub by_hand: &'a [ByHand],
    /// When the report is made, as the journal writes times.
    pub time: &'a str,
    /// Number and hash of the journal's last event.
    pub head: Option<(u64, String)>,
}

/// A step of the migration that was done by hand, or left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ByHand {
    /// Its id.
    pub step: String,
    /// Whether it was left out.
    pub skipped: bool,
    /// Who decided: who wanted it, and who agreed.
    pub decided: Vec<Decider>,
}

/// Who decided something, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decider {
    /// In which role.
    pub role: RoleId,
    /// Who.
    pub by: PersonId,
    /// When, as the journal writes times.
    pub time: String,
    /// Why.
    pub reason: String,
}

/// Where a checklist stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report<'a> {
    /// Whose checklist.
    pub tenant: &'a TenantId,
    /// The checklist.
    pub phase: Phase,
    /// The activity of the project's plan, where it belongs to one.
    pub activity: Option<u8>,
    /// Version of the checklist.
    pub version: u32,
    /// SHA-256 of its text, as hex.
    pub digest: String,
    /// When the report was made.
    pub time: &'a str,
    /// How many events the journal holds.
    pub events: u64,
    /// SHA-256 of the last one's line with its newline, as hex.
    pub last: Option<String>,
    /// How it stands.
    pub outcome: Outcome,
    /// Findings by verdict.
    pub counts: BTreeMap<String, usize>,
    /// Who carries it out.
    pub executes: &'a [RoleId],
    /// The last finding of each item and subject.
    pub findings: &'a [Standing],
    /// Steps of the migration that two persons decided by hand.
    #[serde(skip_serializing_if = "<[ByHand]>::is_empty")]
    pub by_hand: &'a [ByHand],
    /// How the validating roles stand.
    pub validations: Vec<Validation>,
}

impl<'a> Report<'a> {
    /// The report of `sources`.
    pub fn new(sources: &Sources<'a>) -> Self {
        let findings: Vec<Finding> = sources.lines.iter().map(|line| line.finding.clone()).collect();
        let (events, last) = sources.head.clone().map_or((0, None), |(seq, last)| (seq, Some(last)));
        Self {
            tenant: &sources.tenant.id,
            phase: sources.checklist.phase,
            activity: activity(sources.checklist.phase),
            version: sources.checklist.version,
            digest: sources.checklist.digest(),
            time: sources.time,
            events,
            last,
            outcome: Outcome::of(&findings),
            counts: counts(&findings),
            executes: &sources.checklist.executes,
            findings: sources.lines,
            by_hand: sources.by_hand,
            validations: validations(sources.tasks, sources.lines, sources.signatures),
        }
    }

    /// The same as a run, for the tools that read test results.
    pub fn as_run(&self, checklist: &Checklist) -> RunRecord {
        let findings = self.findings.iter().map(|line| line.finding.clone()).collect();
        RunRecord::new(checklist, self.tenant, None, 0.0, findings)
    }
}

/// The row of the executive project's plan to which a checklist belongs.
pub fn activity(phase: Phase) -> Option<u8> {
    match phase.word() {
        "source" => Some(2),
        "test" => Some(4),
        "landing" => Some(5),
        "decommission" => Some(6),
        _ => None,
    }
}
