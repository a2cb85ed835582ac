//! What runs recorded of each item: how often it changed, and who has run it since.

use super::super::finding::{Finding, Subject};
use super::super::item::{ItemId, Phase};
use super::super::record::RunRecord;
use crate::journal::Event;
use serde::Deserialize as _;
use std::collections::BTreeMap;

/// The findings of a checklist's runs, as far as the present ones reach back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct History(BTreeMap<(ItemId, Subject), Present>);

/// The finding that was recorded last, and all runs since it is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Present {
    approved: String,
    changes: u32,
    operators: Vec<String>,
}

impl History {
    /// What the runs of `phase` among `events` recorded; events of another shape are left out.
    pub(super) fn read(phase: Phase, events: &[Event]) -> Self {
        let mut history = Self::default();
        for event in events.iter().filter(|event| event.kind == RunRecord::KIND) {
            let Ok(run) = RunRecord::deserialize(&event.data) else { continue };
            for finding in run.findings.iter().filter(|_| run.phase == phase) {
                history.record(finding, &event.operator);
            }
        }
        history
    }

    fn record(&mut self, finding: &Finding, operator: &str) {
        if finding.is_unheard() {
            return;
        }
        let (approved, changes) = (finding.approved(), self.changes_with(finding));
        let key = (finding.item.clone(), finding.subject.clone());
        let mut operators = match self.0.remove(&key) {
            Some(present) if present.approved == approved => present.operators,
            _ => Vec::new(),
        };
        operators.push(operator.to_owned());
        self.0.insert(key, Present { approved, changes, operators });
    }

    /// How often a run recorded another finding than the one before.
    pub(super) fn changes(&self, item: &ItemId, subject: &Subject) -> u32 {
        self.0.get(&(item.clone(), subject.clone())).map_or(0, |present| present.changes)
    }

    /// The same, once `finding` is recorded.
    pub(super) fn changes_with(&self, finding: &Finding) -> u32 {
        match self.0.get(&(finding.item.clone(), finding.subject.clone())) {
            Some(present) if present.approved != finding.approved() => present.changes + 1,
            Some(present) => present.changes,
            None => 0,
        }
    }

    /// Everybody who has run an item since its finding is the present one.
    pub(super) fn operators(&self, item: &ItemId, subject: &Subject) -> &[String] {
        self.0.get(&(item.clone(), subject.clone())).map_or(&[], |present| &present.operators)
    }
}
