//! What the journal knows that a forecast is made from: measured disks and complete passes. Pure.

use super::super::plan::{Plan, Step};
use super::super::playbook::Action;
use super::super::record::Record;
use super::super::state::IllegalEvent;
use crate::journal::Event;
use crate::model::{DiskId, ServerId};
use crate::replica::DiskSample;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A disk that was measured: the data of its event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Which server.
    pub server: ServerId,
    /// Which disk.
    pub disk: DiskId,
    /// Block device or image file that was read.
    pub source: PathBuf,
    /// Whether the operator allowed the agent on a disk of the source.
    pub agent_on_disk: bool,
    /// What was found.
    #[serde(flatten)]
    pub sample: DiskSample,
}

impl Measurement {
    /// Kind of its event.
    pub const KIND: &'static str = "disk.measured";
}

/// A complete copy of a disk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pass {
    /// When its step was first begun.
    pub begun: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Bytes of content that were sent.
    pub sent: u64,
    /// Bytes on the link, both ways.
    pub wire: u64,
    /// Bytes that the agent read.
    pub read: u64,
    /// Seconds of the last part, which ended it.
    pub seconds: f64,
}

/// What is known of the disks of a tenant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    measured: BTreeMap<(ServerId, DiskId), (Timestamp, Measurement)>,
    passes: BTreeMap<(ServerId, DiskId), Vec<Pass>>,
}

impl Evidence {
    /// What `events` say of the disks of `plan`.
    ///
    /// # Errors
    /// An event that no version of this program can have written.
    pub fn of(events: &[Event], plan: &Plan) -> Result<Self, IllegalEvent> {
        let mut evidence = Self::default();
        let mut begun = BTreeMap::new();
        for event in events {
            let illegal = |reason: String| IllegalEvent { seq: event.seq, kind: event.kind.clone(), reason };
            let at: Timestamp = event.time.parse().map_err(|error: jiff::Error| illegal(error.to_string()))?;
            if event.kind == Measurement::KIND {
                let found = Measurement::deserialize(&event.data).map_err(|error| illegal(error.to_string()))?;
                evidence.measured.insert((found.server.clone(), found.disk.clone()), (at, found));
                continue;
            }
            match Record::of(event).map_err(|error| illegal(error.to_string()))? {
                // A step that is begun again goes on: what it copies changed since the first begin.
                Some(Record::StepStarted { step, .. }) => _ = begun.entry(step).or_insert(at),
                Some(Record::StepFinished { step, facts, .. }) => {
                    let begun = begun.remove(&step).unwrap_or(at);
                    let Some(step) = plan.steps.iter().find(|planned| planned.id == step) else { continue };
                    let Some((server, disk)) = copied(step) else { continue };
                    // Its figures are of the last attempt only.
                    if facts.get("interruptions").is_some() {
                        continue;
                    }
                    let bytes = |name: &str| facts[name].as_u64().unwrap_or_default();
                    let pass = Pass {
                        begun,
                        ended: at,
                        sent: bytes("bytes_sent"),
                        wire: bytes("bytes_wire"),
                        read: bytes("bytes_read"),
                        seconds: facts["duration"].as_f64().unwrap_or_default(),
                    };
                    evidence.passes.entry((server.clone(), disk.clone())).or_default().push(pass);
                }
                _ => {}
            }
        }
        Ok(evidence)
    }

    /// The last measurement of a disk with this source.
    pub(super) fn measured(
        &self,
        server: &ServerId,
        disk: &crate::model::server::Disk,
    ) -> Option<&(Timestamp, Measurement)> {
        let found = self.measured.get(&(server.clone(), disk.id.clone()))?;
        (disk.source.as_ref() == Some(&found.1.source)).then_some(found)
    }

    /// The complete copies of a disk, oldest first; those of a final sync are of a quiet source and say
    /// nothing of its days.
    pub(super) fn passes(&self, server: &ServerId, disk: &DiskId) -> &[Pass] {
        self.passes.get(&(server.clone(), disk.clone())).map_or(&[], Vec::as_slice)
    }
}

/// Server and disk of a step that copies while the source is in use.
fn copied(step: &Step) -> Option<(&ServerId, &DiskId)> {
    step.of_disk().filter(|_| matches!(step.action, Action::Seed | Action::Sync))
}
