//! How long the final sync keeps a server out of service, term by term. Pure.

use super::line_seconds;
use serde::Serialize;

/// A part of the outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TermKind {
    /// The source is read and hashed once more, at the rate that was measured.
    ReadSource,
    /// What changed since the last sync is sent, at the guaranteed rate.
    SendChanges,
    /// The clone is made fit for its new machine: not forecast.
    Conversion,
    /// The copy boots: not forecast.
    Boot,
}

/// A part of the outage with its length; none where nobody can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Term {
    /// Which part.
    pub term: TermKind,
    /// Seconds.
    pub seconds: Option<u64>,
    /// Bytes that are sent in it.
    pub bytes: Option<u64>,
}

/// The outage of a final sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FinalSync {
    /// Its parts, in order.
    pub terms: Vec<Term>,
    /// Seconds of reading and sending, if both are known.
    pub copy_seconds: Option<u64>,
}

impl FinalSync {
    /// Of a server that is not copied.
    pub(super) fn none() -> Self {
        Self { terms: Vec::new(), copy_seconds: None }
    }

    /// The outage of a server whose disks are read in `read_seconds` and of which `bytes` on a link of `mbps` wait.
    pub(super) fn of(read_seconds: Option<f64>, bytes: Option<u64>, mbps: Option<f64>) -> Self {
        let read = read_seconds.map(|seconds| seconds.ceil() as u64);
        let send = bytes.zip(mbps).map(|(bytes, mbps)| line_seconds(bytes, mbps));
        let by_hand = |term| Term { term, seconds: None, bytes: None };
        Self {
            terms: vec![
                Term { term: TermKind::ReadSource, seconds: read, bytes: None },
                Term { term: TermKind::SendChanges, seconds: send, bytes },
                by_hand(TermKind::Conversion),
                by_hand(TermKind::Boot),
            ],
            copy_seconds: read.zip(send).map(|(read, send)| read + send),
        }
    }
}
