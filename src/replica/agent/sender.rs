//! The agent's sending half: packs frames while the next chunks are read and the last frame is written.

use super::super::wire::{Chunks, Reply};
use super::pace::{self, Frame, Pace};
use super::packer::Packer;
use std::io::{self, Write};
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

/// What all threads know of the work under way.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Whether a command is being carried out.
    pub busy: AtomicBool,
    /// Chunks read in this pass.
    pub chunks: AtomicU64,
    /// How fast may be written.
    pub pace: Pace,
}

/// The queue to the writing half: short, so that memory stays bounded.
pub(super) fn queue() -> (SyncSender<Outgoing>, Receiver<Outgoing>) {
    sync_channel(1)
}

/// Packs and writes what comes until the queue closes. A thread of its own writes: while a frame is
/// on its way the next one is packed, so that the line never waits for the processor.
///
/// # Errors
/// A closed or failing output.
pub(super) fn run(queue: &Receiver<Outgoing>, output: &mut (impl Write + Send), pulse: &Pulse) -> io::Result<()> {
    std::thread::scope(|scope| {
        let (frames, to_write) = sync_channel(0);
        let writer = scope.spawn(move || pace::write(&to_write, output, &pulse.pace));
        let packed = pack(queue, &frames, pulse);
        drop(frames);
        let written = writer.join().map_err(|_| io::Error::other("the writing thread failed"))?;
        written.and(packed)
    })
}

/// Makes frames of what comes until the queue closes, or nobody writes any more.
fn pack(queue: &Receiver<Outgoing>, frames: &SyncSender<Frame>, pulse: &Pulse) -> io::Result<()> {
    let mut packer = Packer::new()?;
    loop {
        let frame = match queue.recv_timeout(HEARTBEAT) {
            Ok(Outgoing::Reply(reply)) => Frame::Answer(reply.encode()),
            Ok(Outgoing::Pack(chunks, highest)) => Frame::Bulk(Reply::Chunks(packer.pack(chunks, highest)?).encode()),
            Err(RecvTimeoutError::Timeout) if pulse.busy.load(Ordering::Relaxed) => {
                Frame::Answer(Reply::Alive { chunks: pulse.chunks.load(Ordering::Relaxed) }.encode())
            }
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        if frames.send(frame).is_err() {
            return Ok(());
        }
    }
}
