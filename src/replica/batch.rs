//! A batch of received chunks on its way to the disk.

use super::chunk::{CHUNK, Hash, Range, leaf};
use super::error::{AgentError, ReplicaError};
use super::image::Image;
use super::manifest::Manifest;
use super::tree::zero_leaf;
use super::wire::{Chunks, Packing, READ_CHUNKS, Run};
use std::time::{Duration, Instant};

/// Most content of a batch, in bytes: what a kill can cost.
const MAX_CONTENT: usize = 8 << 20;

/// Most chunks of a batch, holes included: 2 MiB of leaves.
const MAX_CHUNKS: u64 = READ_CHUNKS;

/// How long content may wait for a batch to fill.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Frames that were received and are not durable yet.
#[derive(Debug)]
pub(super) struct Batch {
    frames: Vec<Chunks>,
    content: usize,
    chunks: u64,
    since: Instant,
}

/// What a batch made durable.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Durable {
    /// Chunks with data.
    pub data_chunks: u64,
    /// Chunks that are holes.
    pub zero_chunks: u64,
}

impl Batch {
    /// A batch that begins with a frame.
    pub(super) fn of(frame: Chunks) -> Self {
        let mut batch = Self { frames: Vec::new(), content: 0, chunks: 0, since: Instant::now() };
        batch.push(frame);
        batch
    }

    /// Whether a frame still fits.
    pub(super) fn takes(&self, frame: &Chunks) -> bool {
        self.content + frame.unpacked() <= MAX_CONTENT && self.chunks.saturating_add(frame.chunks()) <= MAX_CHUNKS
    }

    /// Adds a frame.
    pub(super) fn push(&mut self, frame: Chunks) {
        self.content += frame.unpacked();
        self.chunks = self.chunks.saturating_add(frame.chunks());
        self.frames.push(frame);
    }

    /// Until when it may wait for more.
    pub(super) fn deadline(&self) -> Instant {
        self.since + PATIENCE
    }

    /// Makes the batch durable. `begun` is the manifest of a pass that has begun, saved before the first
    /// change of that pass.
    ///
    /// The steps, and why a kill between any two is harmless: leaves of these chunks are erased durably
    /// (nothing is claimed of them), the chunks are written and made durable, read back and compared
    /// with their leaves, and only then are the leaves written and made durable.
    ///
    /// # Errors
    /// Content that is not what its leaf says, chunks outside the disk, a full or failing disk.
    pub(super) fn commit(self, image: &Image, begun: Option<&Manifest>) -> Result<Durable, ReplicaError> {
        let runs = self.unpack(image)?;
        let durable = Durable::of(&runs);
        if let Some(manifest) = begun {
            image.save(manifest)?;
        }
        let ranges: Vec<Range> = runs.iter().map(|run| run.range).collect();
        image.forget(&ranges)?;
        for run in &runs {
            image.write(run.range, run.content.as_deref())?;
        }
        image.settle(&ranges)?;
        let mut acknowledged = Vec::with_capacity(runs.len());
        for run in runs {
            let mut leaves = run.leaves.iter();
            image.read_back(run.range, |chunk, found| match leaves.next() {
                Some(leaf) if *leaf == found => Ok(()),
                _ => Err(ReplicaError::WriteLost { disk: image.disk(), chunk }),
            })?;
            acknowledged.push((run.range.first, run.leaves));
        }
        image.acknowledge(&acknowledged)?;
        Ok(durable)
    }
}

/// Adjacent chunks of one kind, checked against their leaves.
struct CheckedRun {
    range: Range,
    leaves: Vec<Hash>,
    /// None for a hole.
    content: Option<Vec<u8>>,
}

impl Durable {
    fn of(runs: &[CheckedRun]) -> Self {
        let count = |hole: bool| {
            runs.iter().filter(|run| run.content.is_none() == hole).map(|run| u64::from(run.range.count)).sum()
        };
        Self { data_chunks: count(false), zero_chunks: count(true) }
    }
}

impl Batch {
    /// Unpacks the frames and checks that every chunk lies on the disk and has its leaf.
    fn unpack(self, image: &Image) -> Result<Vec<CheckedRun>, ReplicaError> {
        let mut unpacker = zstd::bulk::Decompressor::new().map_err(|error| broken(image, &error.to_string()))?;
        let mut runs = Vec::new();
        for frame in self.frames {
            let length = frame.unpacked();
            let content = match frame.packing {
                Packing::Raw => frame.content,
                Packing::Zstd => unpacker
                    .decompress(&frame.content, length)
                    .map_err(|_| broken(image, "a frame's content cannot be unpacked"))?,
            };
            if content.len() != length {
                return Err(broken(image, "a frame's content has another length than its chunks"));
            }
            let (mut content, mut leaves) = (content.as_slice(), frame.leaves.as_slice());
            for run in frame.runs {
                runs.push(CheckedRun::take(image, run, &mut content, &mut leaves)?);
            }
        }
        Ok(runs)
    }
}

impl CheckedRun {
    /// Takes the content and leaves of a run off the front of its frame's.
    fn take(image: &Image, run: Run, content: &mut &[u8], leaves: &mut &[Hash]) -> Result<Self, ReplicaError> {
        let (range, count) = (run.range, run.range.count as usize);
        if range.end() > image.shape().chunks() {
            return Err(broken(image, "a chunk outside the disk"));
        }
        if run.hole {
            return Ok(Self { range, leaves: vec![zero_leaf(); count], content: None });
        }
        let short = || broken(image, "a frame with less content than its chunks");
        let own = content.split_off(..count * CHUNK).ok_or_else(short)?;
        let own_leaves = leaves.split_off(..count).ok_or_else(short)?;
        check(image, range, own, own_leaves)?;
        Ok(Self { range, leaves: own_leaves.to_vec(), content: Some(own.to_vec()) })
    }
}

/// Compares chunks with their leaves, only as far as the disk reaches: its tail is padded by `leaf`.
fn check(image: &Image, range: Range, content: &[u8], leaves: &[Hash]) -> Result<(), ReplicaError> {
    for ((chunk, content), expected) in (range.first..range.end()).zip(content.chunks(CHUNK)).zip(leaves) {
        if leaf(&content[..image.shape().chunk_len(chunk)]) != *expected {
            return Err(ReplicaError::HashMismatch { disk: image.disk(), chunk });
        }
    }
    Ok(())
}

fn broken(image: &Image, reason: &str) -> ReplicaError {
    ReplicaError::Agent { disk: image.disk(), source: AgentError::Protocol { reason: reason.to_owned() } }
}
