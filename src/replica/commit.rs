//! A received frame on its way to the disk.

use super::chunk::{BLOCK, BLOCKS, CHUNK, Hash, Range, leaf};
use super::dedup::Index;
use super::error::{AgentError, ReplicaError};
use super::image::Image;
use super::manifest::Manifest;
use super::tree::zero_leaf;
use super::wire::{Chunks, Packing, Run, RunKind};
use std::borrow::Cow;

/// What a frame made durable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Durable {
    /// Chunks with data, patched ones among them, named ones not.
    pub data_chunks: u64,
    /// Chunks that are holes.
    pub zero_chunks: u64,
    /// Chunks that were only named.
    pub named_chunks: u64,
    /// Bytes written to the image.
    pub bytes_written: u64,
}

/// Makes a frame durable. `begun` is the manifest of a pass that has begun, saved before the first
/// change of that pass.
///
/// The steps, and why a kill between any two is harmless: leaves of these chunks are erased durably
/// (nothing is claimed of them), the chunks are written and made durable, read back and compared
/// with their leaves, and only then are the leaves written and made durable. A patched or named chunk
/// that does not get its leaf, because what is stored here is not what it was, stays unknown: the
/// next comparison of the pass fetches it whole.
///
/// # Errors
/// Content that is not what its leaf says, chunks outside the disk, a full or failing disk.
pub(super) fn commit(
    frame: Chunks,
    image: &Image,
    index: Option<&Index>,
    begun: Option<&Manifest>,
) -> Result<Durable, ReplicaError> {
    let content = unpack(&frame, image)?;
    let writes = Resolve { image, index, content: &content, leaves: &frame.leaves, masks: &frame.masks };
    let writes = writes.all(&frame.runs)?;
    if let Some(manifest) = begun {
        image.save(manifest)?;
    }
    let ranges: Vec<Range> = frame.runs.iter().map(|run| run.range).collect();
    image.forget(&ranges)?;
    let mut durable = Durable::default();
    for write in &writes {
        durable.bytes_written += write.apply(image)?;
        *durable.count(write.kind) += u64::from(write.range.count);
    }
    image.settle(&ranges)?;
    let mut acknowledged = Vec::with_capacity(writes.len());
    for write in writes {
        let mut leaves = write.leaves.iter();
        image.read_back(write.range, |chunk, found| match leaves.next() {
            Some(leaf) if *leaf == found => Ok(()),
            _ => Err(ReplicaError::WriteLost { disk: image.disk(), chunk }),
        })?;
        acknowledged.push((write.range.first, write.leaves));
    }
    image.acknowledge(&acknowledged)?;
    if let Some(index) = index {
        index.add(&acknowledged);
    }
    Ok(durable)
}

impl Durable {
    fn count(&mut self, kind: RunKind) -> &mut u64 {
        match kind {
            RunKind::Hole => &mut self.zero_chunks,
            RunKind::Reference => &mut self.named_chunks,
            RunKind::Data | RunKind::Patch => &mut self.data_chunks,
        }
    }
}

/// The content of a frame, unpacked.
fn unpack<'a>(frame: &'a Chunks, image: &Image) -> Result<Cow<'a, [u8]>, ReplicaError> {
    let length = frame.unpacked();
    let content = match frame.packing {
        Packing::Raw => Cow::Borrowed(frame.content.as_slice()),
        Packing::Zstd => zstd::bulk::decompress(&frame.content, length)
            .map(Cow::Owned)
            .map_err(|_| broken(image, "a frame's content cannot be unpacked"))?,
    };
    if content.len() == length {
        return Ok(content);
    }
    Err(broken(image, "a frame's content has another length than its chunks"))
}

/// Adjacent chunks whose new content is known and has its leaves.
struct Write<'a> {
    range: Range,
    kind: RunKind,
    leaves: Vec<Hash>,
    content: Content<'a>,
}

enum Content<'a> {
    Zero,
    Whole(Cow<'a, [u8]>),
    /// The blocks of a mask, of one chunk.
    Blocks(u16, &'a [u8]),
}

impl Write<'_> {
    fn apply(&self, image: &Image) -> Result<u64, ReplicaError> {
        match &self.content {
            Content::Zero => image.write_zero(self.range),
            Content::Whole(content) => image.write(self.range, content),
            Content::Blocks(mask, content) => image.write_blocks(self.range.first, *mask, content),
        }
    }
}

/// Takes runs off the front of a frame's content, and finds what patched and named chunks hold.
struct Resolve<'a> {
    image: &'a Image,
    index: Option<&'a Index>,
    content: &'a [u8],
    leaves: &'a [Hash],
    masks: &'a [u16],
}

impl<'a> Resolve<'a> {
    fn all(mut self, runs: &[Run]) -> Result<Vec<Write<'a>>, ReplicaError> {
        let mut writes = Vec::with_capacity(runs.len());
        for run in runs {
            if run.range.end() > self.image.shape().chunks() {
                return Err(broken(self.image, "a chunk outside the disk"));
            }
            match run.kind {
                RunKind::Hole => {
                    let leaves = vec![zero_leaf(); run.range.count as usize];
                    writes.push(Write { range: run.range, kind: run.kind, leaves, content: Content::Zero });
                }
                RunKind::Data => writes.push(self.data(run.range)?),
                RunKind::Patch => self.each(run, &mut writes, Self::patched)?,
                RunKind::Reference => self.each(run, &mut writes, Self::named)?,
            }
        }
        Ok(writes)
    }

    fn data(&mut self, range: Range) -> Result<Write<'a>, ReplicaError> {
        let content = self.take(range.count as usize * CHUNK)?;
        let leaves = self.take_leaves(range.count as usize)?;
        for ((chunk, content), expected) in (range.first..range.end()).zip(content.chunks(CHUNK)).zip(leaves) {
            // Only as far as the disk reaches: its tail is padded by `leaf`.
            if leaf(&content[..self.image.shape().chunk_len(chunk)]) != *expected {
                return Err(ReplicaError::HashMismatch { disk: self.image.disk(), chunk });
            }
        }
        let content = Content::Whole(Cow::Borrowed(content));
        Ok(Write { range, kind: RunKind::Data, leaves: leaves.to_vec(), content })
    }

    /// Takes a run chunk by chunk; what does not get its leaf is left out.
    fn each(
        &mut self,
        run: &Run,
        writes: &mut Vec<Write<'a>>,
        content: impl Fn(&mut Self, u64, &Hash) -> Result<Option<Content<'a>>, ReplicaError>,
    ) -> Result<(), ReplicaError> {
        for chunk in run.range.first..run.range.end() {
            let leaves = self.take_leaves(1)?.to_vec();
            if let Some(content) = content(self, chunk, &leaves[0])? {
                writes.push(Write { range: Range { first: chunk, count: 1 }, kind: run.kind, leaves, content });
            }
        }
        Ok(())
    }

    fn patched(&mut self, chunk: u64, expected: &Hash) -> Result<Option<Content<'a>>, ReplicaError> {
        let mask = *self.masks.split_off_first().ok_or_else(|| self.short())?;
        let content = self.take(mask.count_ones() as usize * BLOCK)?;
        let mut whole = self.image.chunk(chunk)?;
        let marked = (0..BLOCKS).filter(|block| mask & 1 << block != 0);
        for (block, content) in marked.zip(content.chunks(BLOCK)) {
            whole[block * BLOCK..(block + 1) * BLOCK].copy_from_slice(content);
        }
        let holds = leaf(&whole[..self.image.shape().chunk_len(chunk)]) == *expected;
        Ok(holds.then_some(Content::Blocks(mask, content)))
    }

    fn named(&mut self, chunk: u64, expected: &Hash) -> Result<Option<Content<'a>>, ReplicaError> {
        let index = self.index.ok_or_else(|| broken(self.image, "a chunk is named although none was offered"))?;
        let found = index.content(expected);
        // The tail of the disk may hold less than a chunk; there its bytes end.
        let length = self.image.shape().chunk_len(chunk);
        let fits = |content: &Vec<u8>| content[length..].iter().all(|byte| *byte == 0);
        Ok(found.filter(fits).map(|content| Content::Whole(Cow::Owned(content))))
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], ReplicaError> {
        self.content.split_off(..bytes).ok_or_else(|| self.short())
    }

    fn take_leaves(&mut self, count: usize) -> Result<&'a [Hash], ReplicaError> {
        self.leaves.split_off(..count).ok_or_else(|| self.short())
    }

    fn short(&self) -> ReplicaError {
        broken(self.image, "a frame with less content than its chunks")
    }
}

fn broken(image: &Image, reason: &str) -> ReplicaError {
    ReplicaError::Agent { disk: image.disk(), source: AgentError::Protocol { reason: reason.to_owned() } }
}
