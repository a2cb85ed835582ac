//! The agent as one pass sees it: faults of the disk and of the link become errors of the pass.

use super::chunk::{Hash, MAX_DISK, Short};
use super::error::{AgentError, ReplicaError, SourceFault};
use super::link::{AgentLink, unexpected};
use super::manifest::Source;
use super::wire::{Command, FaultKind, Listing, MapWanted, Reply};
use crate::model::DiskId;
use crate::untrusted::one_line;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Most bytes of a packed listing.
const MAX_PACKED: usize = 16 << 20;

/// A disk on the source.
pub(super) struct Remote<'a> {
    link: &'a mut AgentLink,
    disk: DiskId,
    path: PathBuf,
    payload_before: u64,
}

/// What the agent says of a disk it has opened.
#[derive(Debug)]
pub(super) struct Opened {
    /// Bytes.
    pub length: u64,
    /// What it is.
    pub source: Source,
    /// BLAKE3 of the listing of skipped ranges.
    pub listing: Hash,
    /// Bytes that are not skipped.
    pub copied: u64,
}

impl<'a> Remote<'a> {
    /// Begins a pass over `link`.
    ///
    /// # Errors
    /// Where an earlier pass over it was cut short.
    pub(super) fn begin(link: &'a mut AgentLink, disk: &DiskId, path: &Path) -> Result<Self, ReplicaError> {
        let payload_before = link.bytes_payload();
        let begun = link.begin_pass();
        let remote = Self { link, disk: disk.clone(), path: path.to_owned(), payload_before };
        begun.map_err(|error| remote.agent(error))?;
        Ok(remote)
    }

    /// Ends the pass: nothing is outstanding.
    pub(super) fn end(self) {
        self.link.end_pass();
    }

    /// Bytes of frames of this pass so far, both directions.
    pub(super) fn bytes_payload(&self) -> u64 {
        self.link.bytes_payload() - self.payload_before
    }

    /// Opens the disk at the agent.
    ///
    /// # Errors
    /// Where it cannot be opened, or has no length that a disk can have.
    pub(super) async fn open(&mut self, level: u8, map: MapWanted) -> Result<Opened, ReplicaError> {
        let path = self.path.as_os_str().as_bytes().to_vec();
        self.send(&Command::Open { path, level, map }).await?;
        match self.awaited().await? {
            Reply::Opened { length: length @ 1..=MAX_DISK, block_device, listing, copied, identity } => {
                let identity = one_line(identity.as_bytes());
                let source = Source { path: self.path.clone(), block_device, identity };
                Ok(Opened { length, source, listing, copied: copied.min(length) })
            }
            _ => Err(self.agent(unexpected("an open disk"))),
        }
    }

    /// The listing of skipped ranges of a disk of `length` bytes that was announced as `hash`.
    ///
    /// # Errors
    /// Where the link fails, or the listing is not the one announced.
    pub(super) async fn listing(&mut self, length: u64, hash: Hash) -> Result<Listing, ReplicaError> {
        self.send(&Command::Listing).await?;
        let mut packed = Vec::new();
        loop {
            let Reply::Listing { last, bytes } = self.awaited().await? else {
                return Err(self.agent(unexpected("the list of skipped ranges")));
            };
            packed.extend(bytes);
            if packed.len() > MAX_PACKED {
                return Err(
                    self.agent(AgentError::Protocol { reason: "its list of skipped ranges is too long".into() })
                );
            }
            if last {
                break;
            }
        }
        let listing = Listing::unpack(&packed, length, hash);
        listing.map_err(|error| self.agent(AgentError::Protocol { reason: error.to_string() }))
    }

    /// The next reply that is not only a sign of life.
    async fn awaited(&mut self) -> Result<Reply, ReplicaError> {
        loop {
            match self.reply().await? {
                Reply::Alive { .. } => {}
                reply => return Ok(reply),
            }
        }
    }

    /// Sends a command.
    ///
    /// # Errors
    /// Where the link failed.
    pub(super) async fn send(&mut self, command: &Command) -> Result<(), ReplicaError> {
        self.link.send(command).await.map_err(|error| self.agent(error))
    }

    /// The next reply; may be cancelled without losing one. A fault is an error.
    ///
    /// # Errors
    /// A fault of the disk or of the link.
    pub(super) async fn reply(&mut self) -> Result<Reply, ReplicaError> {
        match self.link.reply().await {
            Ok(Reply::Fault { kind, offset, text }) => Err(self.fault(kind, offset, &text)),
            Ok(reply) => Ok(reply),
            Err(error) => Err(self.agent(error)),
        }
    }

    /// The hashes of nodes at a level above the groups.
    ///
    /// # Errors
    /// A fault, or another number of hashes than asked for.
    pub(super) async fn nodes(&mut self, level: u8, indices: &[u32]) -> Result<Vec<Short>, ReplicaError> {
        self.send(&Command::Nodes { level, indices: indices.to_vec() }).await?;
        match self.awaited().await? {
            Reply::Nodes(hashes) if hashes.len() == indices.len() => Ok(hashes),
            _ => Err(self.agent(unexpected("the nodes asked for"))),
        }
    }

    /// An error of the link.
    pub(super) fn agent(&self, source: AgentError) -> ReplicaError {
        ReplicaError::Agent { disk: self.disk.clone(), source }
    }

    fn fault(&self, kind: FaultKind, offset: u64, text: &str) -> ReplicaError {
        let text = one_line(text.as_bytes());
        let source = match kind {
            FaultKind::Open => SourceFault::Open { text },
            FaultKind::Read => SourceFault::Read { offset, text },
            FaultKind::Shrunk => SourceFault::Shrunk { offset },
            FaultKind::Command => return self.agent(AgentError::Protocol { reason: text }),
        };
        ReplicaError::Source { disk: self.disk.clone(), path: self.path.clone(), source }
    }
}
