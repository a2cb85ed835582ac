//! How long a server is out of service while it moves, by its way. Pure.

use super::final_sync::FinalSync;
use crate::model::server::{DirectoryWay, Server, Transfer};
use serde::Serialize;

/// What keeps a server out of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OfflinePart {
    /// Its first copy: it is off, booted from a rescue system, at the guaranteed rate.
    FirstCopy,
    /// Its last copy, with its services or its directory stopped.
    LastCopy,
    /// What people do by hand, as the inventory says.
    ByHand,
}

/// A part with its length; none where nobody can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OfflineTerm {
    /// Which part.
    pub part: OfflinePart,
    /// Seconds.
    pub seconds: Option<u64>,
    /// Seconds that it takes at most, where only that is known.
    pub at_most_seconds: Option<u64>,
}

/// The time out of service of one server, without conversion and boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offline {
    /// How it moves, in one word: of a domain controller its directory's way.
    pub way: &'static str,
    /// Its parts, in order.
    pub terms: Vec<OfflineTerm>,
    /// Seconds of all of them, if all are known.
    pub seconds: Option<u64>,
}

impl Offline {
    /// Of `server`, whose first copy takes `seed` at the guaranteed rate.
    pub(super) fn of(server: &Server, seed: Option<u64>, final_sync: &FinalSync) -> Self {
        let known = |part, seconds| OfflineTerm { part, seconds, at_most_seconds: None };
        let by_hand = known(OfflinePart::ByHand, server.manual_hours.map(|hours| u64::from(hours) * 3600));
        let last = known(OfflinePart::LastCopy, final_sync.copy_seconds);
        // A synchronisation that is not possible any more is a second full copy.
        let full = if last.seconds.is_none() { seed } else { None };
        let synchronised = OfflineTerm { at_most_seconds: full, ..last };
        let (way, mut terms) = match server.transfer {
            Transfer::Replace => ("replace", vec![]),
            Transfer::Rescue => ("cold", vec![known(OfflinePart::FirstCopy, seed), last]),
            Transfer::Agent => ("services-stopped", vec![last]),
            Transfer::Converter | Transfer::ConverterAssisted => ("services-stopped", vec![synchronised]),
        };
        // People stop a directory, restart a machine, or hand a role over; of other servers only what is typed counts.
        let hands = server.transfer == Transfer::Replace
            || matches!(server.directory, Some(DirectoryWay::Dsrm | DirectoryWay::NtdsStopped));
        if hands || server.manual_hours.is_some() {
            terms.push(by_hand);
        }
        let way = server.directory.map_or(way, DirectoryWay::word);
        let seconds = terms.iter().map(|term| term.seconds).sum();
        Self { way, terms, seconds }
    }
}

#[cfg(test)]
mod tests;
