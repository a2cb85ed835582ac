//! What the source phase kept, from the journal.

use super::compare::Captured;
use super::finding::Subject;
use super::item::Phase;
use super::record::RunRecord;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What the source phase kept: for each key and subject the last answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Baselines(BTreeMap<(String, Subject), Captured>);

impl Baselines {
    /// The baselines among a tenant's events of [`RunRecord::KIND`], the oldest first.
    pub fn read<'a>(data: impl Iterator<Item = &'a Value>) -> Self {
        let mut all = BTreeMap::new();
        for run in data.filter_map(|value| RunRecord::deserialize(value).ok()) {
            if run.phase == Phase::Source {
                all.extend(captured(&run));
            }
        }
        Self(all)
    }

    /// What was kept under `key` of `subject`.
    pub fn get(&self, key: &str, subject: &Subject) -> Option<&Captured> {
        self.0.get(&(key.to_owned(), subject.clone()))
    }
}

/// What a run kept, by key and subject.
pub(super) fn captured(run: &RunRecord) -> impl Iterator<Item = ((String, Subject), Captured)> {
    run.findings.iter().filter_map(|finding| {
        let captured = finding.captured.clone()?;
        Some(((captured.key.clone(), finding.subject.clone()), captured))
    })
}
