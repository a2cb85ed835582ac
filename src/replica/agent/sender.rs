//! The agent's writing half: packs frames and writes them while the next chunks are read.

use super::super::wire::{Chunks, Reply};
use super::packer::Packer;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// A busy agent says at least this often that it lives.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// What the reading half hands over.
pub(super) enum Outgoing {
    /// A reply as it is.
    Reply(Reply),
    /// Chunks to be packed, at a level that is at most this.
    Pack(Chunks, u8),
}

/// The receiver is gone: nothing more can be sent.
#[derive(Debug)]
pub(super) struct Gone;

/// What both halves know of the work under way.
#[derive(Debug)]
pub(super) struct Pulse {
    /// Whether a command is being carried out.
    pub busy: AtomicBool,
    /// Chunks read in this pass.
    pub chunks: AtomicU64,
    /// Bits a second on the interface that may be used; `u64::MAX` is no limit.
    pub rate: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { busy: AtomicBool::new(false), chunks: AtomicU64::new(0), rate: AtomicU64::new(u64::MAX) }
    }
}

/// The queue to the writing half: short, so that memory stays bounded.
pub(super) fn queue() -> (SyncSender<Outgoing>, Receiver<Outgoing>) {
    sync_channel(1)
}

/// Writes what comes until the queue closes.
///
/// # Errors
/// A closed or failing output.
pub(super) fn run(queue: &Receiver<Outgoing>, output: &mut impl Write, pulse: &Arc<Pulse>) -> io::Result<()> {
    let mut packer = Packer::new()?;
    loop {
        let reply = match queue.recv_timeout(HEARTBEAT) {
            Ok(Outgoing::Reply(reply)) => reply,
            Ok(Outgoing::Pack(chunks, highest)) => Reply::Chunks(packer.pack(chunks, highest)?),
            Err(RecvTimeoutError::Timeout) if pulse.busy.load(Ordering::Relaxed) => {
                Reply::Alive { chunks: pulse.chunks.load(Ordering::Relaxed) }
            }
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        output.write_all(&reply.encode())?;
        output.flush()?;
    }
}
