//! Why a replica could not be brought up to date, verified or cloned.

use super::chunk::Hash;
use crate::model::DiskId;
use std::io;
use std::path::PathBuf;

/// What went wrong with the agent or the way to it. Everything acknowledged before stays.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// No agent binary where it is looked for.
    #[error("no traghetto-agent found; looked at {}", .looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "))]
    NotFound {
        /// The places.
        looked: Vec<PathBuf>,
    },
    /// The file is there but is not an agent that a foreign host can run.
    #[error("{} cannot be used as agent: {reason}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why, as the end of the sentence.
        reason: String,
    },
    /// The host could not be asked.
    #[error("the host of the agent cannot be used")]
    Shell(#[from] crate::world::ShellError),
    /// No folder in memory allows execution; a disk of the source is not written to unasked.
    #[error("the host has no folder in memory (/dev/shm, /run, /tmp) that lets a program run")]
    NoPlace,
    /// The host refused the agent's file.
    #[error("the host did not take the agent: {reason}")]
    Refused {
        /// What the host said, cleaned for a terminal.
        reason: String,
    },
    /// What runs on the host is not the file we sent.
    #[error("the agent on the host is not the one that was sent")]
    Altered,
    /// The agent or the link ended.
    #[error("the agent went away{}{said}", if .said.is_empty() { "" } else { ", saying: " })]
    Gone {
        /// The end of its standard error, cleaned for a terminal.
        said: String,
        /// Whether it ended by itself while its host could be reached: another attempt would end the same.
        exited: bool,
    },
    /// Nothing came for a long time although the agent says every few seconds that it lives.
    #[error("the agent has been silent for {seconds} s")]
    Silent {
        /// How long.
        seconds: u64,
    },
    /// A local failure of the streams to the agent.
    #[error("the link to the agent failed")]
    Io(#[from] io::Error),
    /// The agent broke the protocol: a bug, another version, or corruption on the way.
    #[error("the agent broke the protocol: {reason}")]
    Protocol {
        /// How.
        reason: String,
    },
    /// An earlier pass over this link was cut short; start a new agent.
    #[error("the link to the agent was left in the middle of a pass")]
    Abandoned,
}

/// What the agent says of a disk it cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceFault {
    /// It cannot be opened.
    #[error("{text}")]
    Open {
        /// The system's reason.
        text: String,
    },
    /// A read failed.
    #[error("{text}")]
    Read {
        /// First byte that cannot be read.
        offset: u64,
        /// The system's reason.
        text: String,
    },
    /// It became shorter than it was at the start of the pass.
    #[error("it ends at byte {offset} although it was longer when the pass began")]
    Shrunk {
        /// Where it ends now.
        offset: u64,
    },
}

impl SourceFault {
    /// Where on the disk, if the fault has a place.
    pub fn offset(&self) -> Option<u64> {
        match self {
            SourceFault::Open { .. } => None,
            SourceFault::Read { offset, .. } | SourceFault::Shrunk { offset } => Some(*offset),
        }
    }
}

/// Why a pass ended early. What was acknowledged before stays; the same command goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaError {
    /// The agent or the way to it failed.
    #[error("disk {disk}: the pass was cut short")]
    Agent {
        /// The disk.
        disk: DiskId,
        /// Why.
        #[source]
        source: AgentError,
    },
    /// The source disk cannot be read.
    #[error("disk {disk}: the source {} cannot be read{}", .path.display(), .source.offset().map(|offset| format!(" at byte {offset}")).unwrap_or_default())]
    Source {
        /// The disk.
        disk: DiskId,
        /// Device or image file on the source.
        path: PathBuf,
        /// Why and where.
        #[source]
        source: SourceFault,
    },
    /// The source has another length than the replica was made for.
    #[error("disk {disk}: the source has {found} bytes, the replica was made for {recorded}")]
    LengthChanged {
        /// The disk.
        disk: DiskId,
        /// Bytes in the manifest.
        recorded: u64,
        /// Bytes of the source now.
        found: u64,
    },
    /// The source is another disk than the one the replica was made of.
    #[error("disk {disk}: the source is `{found}`, the replica was made of `{recorded}`")]
    OtherSource {
        /// The disk.
        disk: DiskId,
        /// Identity in the manifest.
        recorded: String,
        /// Identity of the source now.
        found: String,
    },
    /// The replica belongs to another state store.
    #[error("disk {disk}: the replica belongs to the state store {recorded}, not to {found}")]
    OtherStore {
        /// The disk.
        disk: DiskId,
        /// Id in the manifest.
        recorded: String,
        /// Our store's id.
        found: String,
    },
    /// Another process holds the replica.
    #[error("disk {disk}: another process holds {}", .path.display())]
    Locked {
        /// The disk.
        disk: DiskId,
        /// The lock file.
        path: PathBuf,
    },
    /// The receiver's filesystem is full.
    #[error("disk {disk}: no space left for {}", .path.display())]
    Full {
        /// The disk.
        disk: DiskId,
        /// The file that could not grow.
        path: PathBuf,
    },
    /// A file of the replica cannot be read or written.
    #[error("disk {disk}: cannot {action} {}", .path.display())]
    Io {
        /// The disk.
        disk: DiskId,
        /// What was tried, such as `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The manifest cannot be understood.
    #[error("disk {disk}: the manifest {} is damaged or of another version: {reason}", .path.display())]
    Manifest {
        /// The disk.
        disk: DiskId,
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no replica yet.
    #[error("disk {disk}: there is no replica yet")]
    None {
        /// The disk.
        disk: DiskId,
    },
    /// The replica's last pass did not end: it is no copy of any moment of the source.
    #[error("disk {disk}: the replica is not complete")]
    Incomplete {
        /// The disk.
        disk: DiskId,
    },
    /// A clone would overwrite a file.
    #[error("disk {disk}: {} exists already", .path.display())]
    CloneExists {
        /// The disk.
        disk: DiskId,
        /// The file.
        path: PathBuf,
    },
    /// Nobody waits for the result any more.
    #[error("disk {disk}: cancelled")]
    Cancelled {
        /// The disk.
        disk: DiskId,
    },
    /// Work on the disk was stopped with the program.
    #[error("disk {disk}: the work on the replica was stopped")]
    Stopped {
        /// The disk.
        disk: DiskId,
        /// Why.
        #[source]
        source: tokio::task::JoinError,
    },
    /// Re-reading what was written gave other bytes: failing storage at the receiver.
    #[error("disk {disk}: chunk {chunk} reads back differently from what was written")]
    WriteLost {
        /// The disk.
        disk: DiskId,
        /// Number of the chunk.
        chunk: u64,
    },
    /// Data and hash of a received chunk do not belong together.
    #[error("disk {disk}: chunk {chunk} arrived with a hash that is not its own")]
    HashMismatch {
        /// The disk.
        disk: DiskId,
        /// Number of the chunk.
        chunk: u64,
    },
    /// The roots still differ after everything that differs was sent again.
    #[error("disk {disk}: the roots differ after repeated comparison: source {source_root}, replica {replica_root}")]
    RootMismatch {
        /// The disk.
        disk: DiskId,
        /// The agent's root.
        source_root: Hash,
        /// Our root.
        replica_root: Hash,
    },
}
