//! A push over several routers: which of them is next, and in which direction.
//!
//! One router at a time, each confirmed and saved before the next is touched. If one cannot go on, it
//! goes back by itself, and those before it are taken back in reverse order: between two routers,
//! every state is one that the simulator has accepted.

use super::change::Change;
use super::record::{Begun, Leg, Record};
use super::{End, Memory};
use crate::digest::sha256;
use crate::network::text::ConfigText;
use std::collections::BTreeMap;

/// How far one router is, in one direction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Progress {
    memory: Memory,
    settled: Option<End>,
}

/// A push that is not over, as the journal tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// What was agreed.
    pub begun: Begun,
    forth: BTreeMap<String, Progress>,
    back: BTreeMap<String, Progress>,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Bring a router on, or back: its place in the order, the leg, and what is known of it.
    Drive {
        /// Place in the order.
        at: usize,
        /// Which way.
        leg: Leg,
        /// What is known.
        memory: Memory,
    },
    /// All is done: every router is new, or every one is old and why.
    Over(End, Option<String>),
}

impl Campaign {
    /// A push that begins.
    pub fn new(begun: Begun) -> Self {
        Self { begun, forth: BTreeMap::new(), back: BTreeMap::new() }
    }

    /// The name of a push with these changes.
    pub fn name(changes: &[Change]) -> String {
        let ids: Vec<String> = changes.iter().map(Change::id).collect();
        let mut name = sha256(ids.join("\n").as_bytes());
        name.truncate(16);
        name
    }

    /// The push of a tenant that is not over.
    pub fn open(records: &[Record]) -> Option<Self> {
        let mut open: Option<Self> = None;
        for record in records {
            match record {
                Record::Begun(begun) => open = Some(Self::new((**begun).clone())),
                Record::Ended { .. } => open = None,
                record => {
                    if let Some(campaign) = &mut open {
                        campaign.note(record);
                    }
                }
            }
        }
        open
    }

    /// Notes what a record says.
    pub fn note(&mut self, record: &Record) {
        let Some(leg) = record.leg() else { return };
        let side = if leg.back { &mut self.back } else { &mut self.forth };
        let progress = side.entry(leg.router.clone()).or_default();
        match record {
            Record::Opening { .. } => progress.memory.begins(),
            Record::Entered { .. } => progress.memory.entered = true,
            Record::Confirming { .. } => progress.memory.confirming = true,
            Record::Failed { reason, .. } => progress.memory.failed = Some(reason.clone()),
            // From here on the way back counts.
            Record::Returning { .. } => _ = self.back.entry(leg.router.clone()).or_default(),
            Record::Settled { end, .. } => progress.settled = Some(*end),
            _ => {}
        }
    }

    /// The next router, or that all is done.
    pub fn task(&self) -> Task {
        let changes = &self.begun.changes;
        for (at, change) in changes.iter().enumerate() {
            let progress = self.forth.get(&change.router);
            match progress.and_then(|progress| progress.settled) {
                Some(End::New) => {}
                Some(End::Old) => {
                    return self.way_back(at, progress.and_then(|progress| progress.memory.failed.clone()));
                }
                None => return self.drive(at, change, false, progress),
            }
        }
        Task::Over(End::New, None)
    }

    /// The last of the routers before `failed` that is not taken back yet.
    fn way_back(&self, failed: usize, reason: Option<String>) -> Task {
        for (at, change) in self.begun.changes.iter().enumerate().take(failed).rev() {
            let progress = self.back.get(&change.router);
            // On the way back, new is what was old.
            if progress.and_then(|progress| progress.settled) != Some(End::New) {
                return self.drive(at, change, true, progress);
            }
        }
        Task::Over(End::Old, reason)
    }

    fn drive(&self, at: usize, change: &Change, back: bool, progress: Option<&Progress>) -> Task {
        let mut memory = progress.map(|progress| progress.memory.clone()).unwrap_or_default();
        memory.unsaved_accepted = self.begun.accepted_drift.is_some();
        if back && progress.is_some_and(|progress| progress.settled == Some(End::Old)) {
            // It could not be taken back the last time; this time is another try.
            memory.failed = None;
        }
        Task::Drive { at, leg: Leg { run: self.begun.run.clone(), router: change.router.clone(), back }, memory }
    }

    /// Whether the change of a router on its way forth is being taken back by its way back already.
    pub fn is_returning(&self, router: &str) -> bool {
        self.back.contains_key(router)
    }

    /// What is known of a router's way back.
    pub fn memory_back(&self, router: &str) -> Memory {
        self.back.get(router).map(|progress| progress.memory.clone()).unwrap_or_default()
    }
}

/// The picture of what the last push left on `router`, as far as these records know.
pub fn last_known(records: &[Record], router: &str) -> Option<ConfigText> {
    let mut begun: Option<&Change> = None;
    let mut last = None;
    for record in records {
        match record {
            Record::Begun(of) => begun = of.changes.iter().find(|change| change.router == router),
            Record::Settled { leg, end, .. } if leg.router == router => {
                let Some(way) = begun.and_then(|change| change.way().ok()) else { continue };
                let is_new = (*end == End::New) != leg.back;
                last = Some(if is_new { way.wanted().clone() } else { way.old().clone() });
            }
            _ => {}
        }
    }
    last
}
