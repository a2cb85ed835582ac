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
    /// The operator wants every router back as it was.
    turned: bool,
}

/// Why every router goes back where the operator wants it.
pub const UNDONE: &str = "undone by the operator";

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
        Self { begun, forth: BTreeMap::new(), back: BTreeMap::new(), turned: false }
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
                Record::Ended { .. } | Record::Abandoned { .. } => open = None,
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
        self.turned |= matches!(record, Record::Turned { .. });
        let Some(leg) = record.leg() else { return };
        let side = if leg.back { &mut self.back } else { &mut self.forth };
        let progress = side.entry(leg.router.clone()).or_default();
        match record {
            Record::Opening { minutes, .. } => progress.memory.begins(*minutes),
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
                None if self.turned && progress.is_none() => return self.way_back(at, Some(UNDONE.to_owned())),
                Some(End::Old) => {
                    let reason = progress.and_then(|progress| progress.memory.failed.clone());
                    return self.way_back(at, reason.or_else(|| self.turned.then(|| UNDONE.to_owned())));
                }
                None => return self.drive(at, change, false, progress),
            }
        }
        if self.turned {
            return self.way_back(changes.len(), Some(UNDONE.to_owned()));
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
        memory.unsaved_accepted = self.begun.accepted_unsaved.is_some();
        if self.turned && !back && memory.failed.is_none() {
            memory.failed = Some(UNDONE.to_owned());
        }
        if back && progress.is_some_and(|progress| progress.settled == Some(End::Old)) {
            // It could not be taken back the last time; this time is another try.
            memory.failed = None;
        }
        Task::Drive { at, leg: Leg { run: self.begun.run.clone(), router: change.router.clone(), back }, memory }
    }

    /// The push goes back: its reason where it goes back already, none where it goes on.
    pub fn going_back(&self) -> Option<String> {
        match self.task() {
            Task::Drive { leg, .. } if leg.back => Some(self.reason()),
            Task::Drive { memory, .. } => memory.failed,
            Task::Over(End::Old, reason) => Some(reason.unwrap_or_default()),
            Task::Over(End::New, _) => None,
        }
    }

    /// Why the routers go back.
    fn reason(&self) -> String {
        let failed = self.forth.values().find_map(|progress| progress.memory.failed.clone());
        failed.unwrap_or_else(|| UNDONE.to_owned())
    }

    /// The routers that it began to change, in order.
    pub fn begun_on(&self) -> impl Iterator<Item = &Change> {
        self.begun.changes.iter().filter(|change| {
            let sides = [&self.forth, &self.back].into_iter();
            sides.filter_map(|side| side.get(&change.router)).any(|progress| progress.memory.opened)
        })
    }

    /// Routers that are settled, each with where it is: new, or old.
    pub fn settled(&self) -> impl Iterator<Item = (&str, End)> {
        self.begun.changes.iter().filter_map(|change| {
            let of = |side: &BTreeMap<String, Progress>| side.get(&change.router).and_then(|progress| progress.settled);
            let forth = of(&self.forth)?;
            // On the way back, new is what was old.
            let end = if of(&self.back) == Some(End::New) { End::Old } else { forth };
            Some((change.router.as_str(), end))
        })
    }

    /// A router that was confirmed, or was about to be, and of which nobody knows that it is saved: a
    /// reload would bring what ran before.
    pub fn perhaps_unsaved(&self) -> Option<&str> {
        let Task::Drive { leg, memory, .. } = self.task() else { return None };
        let change = self.begun.changes.iter().find(|change| change.router == leg.router)?;
        (memory.confirming && memory.failed.is_none()).then_some(change.router.as_str())
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
            Record::Abandoned { found, .. } => {
                let found = found.iter().find(|found| found.router == router);
                last = found.map(|found| ConfigText::parse(&found.picture)).or(last);
            }
            _ => {}
        }
    }
    last
}

/// When a push last left `router` changed: one that went back changed nothing.
pub fn last_changed<'r, T>(records: impl IntoIterator<Item = (T, &'r Record)>, router: &str) -> Option<T> {
    let mut changed: Vec<(T, &str)> = Vec::new();
    for (time, record) in records {
        let Record::Settled { leg, end: End::New, .. } = record else { continue };
        if leg.router != router {
            continue;
        }
        if leg.back && changed.last().is_some_and(|(_, run)| *run == leg.run) {
            changed.pop();
        } else {
            changed.push((time, &leg.run));
        }
    }
    changed.pop().map(|(time, _)| time)
}
