//! What a pass says of itself: while it runs, and at its end.

use super::chunk::Hash;
use std::time::Duration;

/// What a pass is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Receiving what the replica knows nothing of.
    Seeding,
    /// The agent hashes what the replica knows.
    Hashing,
    /// Receiving what differs.
    Syncing,
}

/// How far a pass is. Sent a few times a second at most, and at each change of stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct PassProgress {
    /// What it is doing.
    pub stage: Stage,
    /// Chunks of this stage that are done: durable here, or hashed there.
    pub chunks_done: u64,
    /// Chunks of this stage.
    pub chunks_total: u64,
    /// Bytes of disk content made durable in this pass, holes included.
    pub bytes_durable: u64,
    /// Bytes of content in received frames before compression, holes not counted.
    pub bytes_sent: u64,
    /// Bytes of frames in both directions so far.
    pub bytes_payload: u64,
}

/// What a pass did. At its end the replica's root is the source's.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PassReport {
    /// Root of both sides.
    pub root: Hash,
    /// Bytes of the disk.
    pub length: u64,
    /// Chunks of the disk.
    pub chunks_total: u64,
    /// Chunks received with data.
    pub chunks_sent: u64,
    /// Chunks received as holes.
    pub zero_chunks: u64,
    /// Chunks that were here in another place and only named.
    pub named_chunks: u64,
    /// Bytes of the disk that are not skipped.
    pub bytes_copied: u64,
    /// Bytes written to the image.
    pub bytes_written: u64,
    /// What was recognised on the disk, a line each: also why a part is copied whole.
    pub findings: Vec<String>,
    /// Bytes the agent read.
    pub bytes_read: u64,
    /// Bytes of content in received frames before compression, holes not counted.
    pub bytes_sent: u64,
    /// Bytes of frames in both directions: what the pass cost on the link, without SSH's own.
    pub bytes_payload: u64,
    /// How long it took.
    #[serde(serialize_with = "seconds")]
    pub duration: Duration,
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// What a pass has counted so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    /// Chunks received with data and made durable.
    pub data_chunks: u64,
    /// Chunks received as holes and made durable.
    pub zero_chunks: u64,
    /// Chunks that were only named, made durable.
    pub named_chunks: u64,
    /// Bytes written to the image.
    pub bytes_written: u64,
    /// Bytes the agent read.
    pub bytes_read: u64,
    /// Bytes of received content, unpacked.
    pub bytes_sent: u64,
    /// Bytes of frames in both directions.
    pub bytes_payload: u64,
}
