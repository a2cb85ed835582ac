//! A pass: everything that differs on the source is received, made durable and compared.

use super::chunk::Hash;
use super::disk::DiskReplica;
use super::error::{AgentError, ReplicaError};
use super::link::AgentLink;
use std::path::Path;
use std::time::Duration;

/// How a pass runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassOptions {
    /// Id of the state store; a replica of another store is refused.
    pub store: String,
    /// Level of zstd compression at the agent, 1 to 19.
    pub level: u8,
}

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

/// Brings `replica` up to date with the disk `source`, as the agent behind `link` sees it.
///
/// May be dropped, killed and repeated at any moment: what was acknowledged is not sent again.
///
/// # Errors
/// Where link, source or receiver fail; what was acknowledged stays.
pub async fn pass(
    link: &mut AgentLink,
    replica: &DiskReplica,
    source: &Path,
    options: &PassOptions,
    observe: &mut (dyn FnMut(PassProgress) + Send),
) -> Result<PassReport, ReplicaError> {
    let _ = (link, source, options, observe);
    Err(ReplicaError::Agent { disk: replica.disk().clone(), source: AgentError::Abandoned })
}
