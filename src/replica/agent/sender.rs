//! The agent's writing half: packs frames and writes them while the next chunks are read.

use super::super::chunk::{CHUNK, Hash, Range};
use super::super::wire::{Chunks, FRAME_CHUNKS, FRAME_RUNS, Packing, Reply, Run};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// A busy agent says at least this often that it lives.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Content that shrinks by less than a thirty-second is sent as it is.
const WORTH: usize = 32;

/// What the reading half hands over.
pub(super) enum Outgoing {
    /// A reply as it is.
    Reply(Reply),
    /// Chunks to be packed at a level.
    Pack(Chunks, u8),
}

/// What both halves know of the work under way.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Whether a command is being carried out.
    pub busy: AtomicBool,
    /// Chunks read in this pass.
    pub chunks: AtomicU64,
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
            Ok(Outgoing::Pack(chunks, level)) => Reply::Chunks(packer.pack(chunks, level)?),
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

/// Compresses content where that is worth it.
struct Packer {
    probe: zstd::bulk::Compressor<'static>,
    compressor: zstd::bulk::Compressor<'static>,
    level: u8,
}

impl Packer {
    fn new() -> io::Result<Self> {
        let level = 3;
        Ok(Self {
            probe: zstd::bulk::Compressor::new(1)?,
            compressor: zstd::bulk::Compressor::new(level.into())?,
            level,
        })
    }

    fn pack(&mut self, mut chunks: Chunks, level: u8) -> io::Result<Chunks> {
        if chunks.content.is_empty() || !self.shrinks(&chunks.content)? {
            return Ok(chunks);
        }
        if self.level != level {
            self.compressor.set_compression_level(level.into())?;
            self.level = level;
        }
        let packed = self.compressor.compress(&chunks.content)?;
        if packed.len() + chunks.content.len() / WORTH < chunks.content.len() {
            chunks.packing = Packing::Zstd;
            chunks.content = packed;
        }
        Ok(chunks)
    }

    /// Whether a sixteenth of the content, taken from every chunk, shrinks at the fastest level.
    fn shrinks(&mut self, content: &[u8]) -> io::Result<bool> {
        let sample: Vec<u8> =
            content.chunks(CHUNK).flat_map(|chunk| &chunk[..chunk.len().min(CHUNK / 16)]).copied().collect();
        Ok(self.probe.compress(&sample)?.len() + sample.len() / WORTH < sample.len())
    }
}

/// Collects chunks into frames of adjacent ones.
pub(super) struct FrameBuilder<'a> {
    queue: &'a SyncSender<Outgoing>,
    level: u8,
    chunks: Chunks,
}

/// The receiver is gone: nothing more can be sent.
#[derive(Debug)]
pub(super) struct Gone;

impl<'a> FrameBuilder<'a> {
    /// An empty frame whose successors are packed at `level`.
    pub(super) fn new(queue: &'a SyncSender<Outgoing>, level: u8) -> Self {
        Self { queue, level, chunks: empty() }
    }

    /// Adds a zero chunk.
    pub(super) fn hole(&mut self, chunk: u64) -> Result<(), Gone> {
        self.add(chunk, true)
    }

    /// Adds a chunk with data, padded to a whole chunk.
    pub(super) fn data(&mut self, chunk: u64, leaf: Hash, content: &[u8]) -> Result<(), Gone> {
        self.add(chunk, false)?;
        self.chunks.leaves.push(leaf);
        self.chunks.content.extend_from_slice(content);
        Ok(())
    }

    fn add(&mut self, chunk: u64, hole: bool) -> Result<(), Gone> {
        if self.chunks.leaves.len() == FRAME_CHUNKS && !hole {
            self.flush()?;
        }
        if let Some(run) = self.chunks.runs.last_mut().filter(|run| run.hole == hole && run.range.end() == chunk) {
            run.range.count += 1;
            return Ok(());
        }
        if self.chunks.runs.len() == FRAME_RUNS {
            self.flush()?;
        }
        self.chunks.runs.push(Run { range: Range { first: chunk, count: 1 }, hole });
        Ok(())
    }

    /// Hands over what was collected.
    pub(super) fn flush(&mut self) -> Result<(), Gone> {
        if self.chunks.runs.is_empty() {
            return Ok(());
        }
        let chunks = std::mem::replace(&mut self.chunks, empty());
        self.queue.send(Outgoing::Pack(chunks, self.level)).map_err(|_| Gone)
    }
}

fn empty() -> Chunks {
    Chunks { runs: Vec::new(), leaves: Vec::new(), packing: Packing::Raw, content: Vec::new() }
}
