//! Frames in the making: chunks as the receiver needs them, adjacent ones together.

use super::super::chunk::{BLOCK, BLOCKS, CHUNK, Hash, Range, Short, block_hashes};
use super::super::wire::{Chunks, FRAME_CHUNKS, FRAME_LEAVES, FRAME_RUNS, Have, Reply, Run, RunKind};
use super::sender::{Gone, Outgoing};
use std::sync::mpsc::SyncSender;

/// Collects chunks into frames of adjacent ones.
pub(super) struct FrameBuilder<'a> {
    queue: &'a SyncSender<Outgoing>,
    level: u8,
    chunks: Chunks,
}

impl<'a> FrameBuilder<'a> {
    /// An empty frame; it and its successors are packed at `level` at most.
    pub(super) fn new(queue: &'a SyncSender<Outgoing>, level: u8) -> Self {
        Self { queue, level, chunks: Chunks::empty() }
    }

    /// Adds of a chunk what a receiver lacks that has `have`. The content is a whole chunk, none for zeros.
    pub(super) fn offer(&mut self, chunk: u64, leaf: Hash, content: Option<&[u8]>, have: Have) -> Result<(), Gone> {
        match (have, content) {
            (Have::Here(have), _) if have == leaf.short() => Ok(()),
            (_, None) => self.add(chunk, RunKind::Hole, None, 0),
            (Have::Elsewhere(have), Some(_)) if have == leaf.short() => {
                self.add(chunk, RunKind::Reference, Some(leaf), 0)
            }
            (Have::Blocks(blocks), Some(content)) => self.patch(chunk, leaf, content, &blocks),
            (_, Some(content)) => {
                self.add(chunk, RunKind::Data, Some(leaf), CHUNK)?;
                self.chunks.content.extend_from_slice(content);
                Ok(())
            }
        }
    }

    /// Adds the blocks that are not the receiver's; the leaf alone if they all are, since then it is the
    /// receiver's leaf that is wrong.
    fn patch(&mut self, chunk: u64, leaf: Hash, content: &[u8], theirs: &[u64; BLOCKS]) -> Result<(), Gone> {
        let ours = block_hashes(content);
        let differs = |block: &usize| ours[*block] != theirs[*block];
        let mask = (0..BLOCKS).filter(differs).fold(0u16, |mask, block| mask | 1 << block);
        self.add(chunk, RunKind::Patch, Some(leaf), mask.count_ones() as usize * BLOCK)?;
        self.chunks.masks.push(mask);
        for block in (0..BLOCKS).filter(differs) {
            self.chunks.content.extend_from_slice(&content[block * BLOCK..(block + 1) * BLOCK]);
        }
        Ok(())
    }

    /// Makes room for a chunk with `bytes` of content and enters it.
    fn add(&mut self, chunk: u64, kind: RunKind, leaf: Option<Hash>, bytes: usize) -> Result<(), Gone> {
        let full = self.chunks.content.len() + bytes > FRAME_CHUNKS * CHUNK;
        if full || leaf.is_some() && self.chunks.leaves.len() == FRAME_LEAVES {
            self.flush()?;
        }
        let last = self.chunks.runs.last_mut().filter(|run| run.kind == kind && run.range.end() == chunk);
        match last {
            Some(run) => run.range.count += 1,
            None => {
                if self.chunks.runs.len() == FRAME_RUNS {
                    self.flush()?;
                }
                self.chunks.runs.push(Run { range: Range { first: chunk, count: 1 }, kind });
            }
        }
        self.chunks.leaves.extend(leaf);
        Ok(())
    }

    /// Hands over what was collected.
    pub(super) fn flush(&mut self) -> Result<(), Gone> {
        if self.chunks.runs.is_empty() {
            return Ok(());
        }
        let chunks = std::mem::replace(&mut self.chunks, Chunks::empty());
        self.queue.send(Outgoing::Pack(chunks, self.level)).map_err(|_| Gone)
    }
}

/// Collects leaves into replies.
pub(super) struct LeavesBuilder<'a> {
    queue: &'a SyncSender<Outgoing>,
    runs: Vec<(Range, bool)>,
    leaves: Vec<Short>,
}

impl<'a> LeavesBuilder<'a> {
    /// An empty reply.
    pub(super) fn new(queue: &'a SyncSender<Outgoing>) -> Self {
        Self { queue, runs: Vec::new(), leaves: Vec::new() }
    }

    /// Adds a chunk: its leaf, or none if it is zero.
    pub(super) fn add(&mut self, chunk: u64, leaf: Option<Short>) -> Result<(), Gone> {
        let zero = leaf.is_none();
        if !zero && self.leaves.len() == FRAME_LEAVES {
            self.flush()?;
        }
        match self.runs.last_mut().filter(|(range, same)| *same == zero && range.end() == chunk) {
            Some((range, _)) => range.count += 1,
            None => {
                if self.runs.len() == FRAME_RUNS {
                    self.flush()?;
                }
                self.runs.push((Range { first: chunk, count: 1 }, zero));
            }
        }
        self.leaves.extend(leaf);
        Ok(())
    }

    /// Hands over what was collected.
    pub(super) fn flush(&mut self) -> Result<(), Gone> {
        if self.runs.is_empty() {
            return Ok(());
        }
        let (runs, leaves) = (std::mem::take(&mut self.runs), std::mem::take(&mut self.leaves));
        self.queue.send(Outgoing::Reply(Reply::Leaves { runs, leaves })).map_err(|_| Gone)
    }
}
