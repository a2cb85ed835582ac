//! A disk in the middle of a pass: its map, what was read of it, and the tree over that.

use super::super::chunk::{CHUNK, CHUNK_BYTES, Hash, Range, is_zero, leaf};
use super::super::map::{Activity, DiskMap, ReadAt};
use super::super::tree::{Shape, Tree, zero_leaf};
use super::super::wire::{FRAME_CHUNKS, FaultKind, MapWanted};
use super::sender::{Gone, Pulse};
use super::source::{ALIGN, AlignedBuffer, Fault, Source};
use super::{MAX_LEVEL, Stop, refuse};
use std::cell::{Cell, RefCell};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Longest read of a map, in bytes, with the block that alignment may add.
const MAP_READ: usize = (1 << 20) + ALIGN;

/// A disk in the middle of a pass.
pub(super) struct Disk {
    source: Source,
    map: DiskMap,
    tree: Tree,
    /// Which groups were read in this pass.
    fresh: Vec<bool>,
    level: u8,
    bytes_read: u64,
    buffer: AlignedBuffer,
}

impl Disk {
    /// Opens a disk and maps it. `level` is the highest of zstd that may be used.
    pub(super) fn open(path: &[u8], level: u8, wanted: MapWanted) -> Result<Self, Fault> {
        let source = Source::open(path)?;
        let map = match wanted {
            MapWanted::Whole => DiskMap::whole(source.length()),
            MapWanted::Live => map(&source, Activity::Live)?,
            MapWanted::Quiet => map(&source, Activity::Quiet)?,
        };
        let shape = Shape::of(source.length());
        Ok(Self {
            source,
            map,
            tree: Tree::unknown(shape),
            fresh: vec![false; usize::try_from(shape.groups()).unwrap_or_default()],
            level: level.clamp(1, MAX_LEVEL),
            bytes_read: 0,
            buffer: AlignedBuffer::new(FRAME_CHUNKS * CHUNK),
        })
    }

    /// The open device or file.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// What is copied of it.
    pub(super) fn map(&self) -> &DiskMap {
        &self.map
    }

    /// Bytes read so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The canonical content of any chunks, a frame of them at most, which the tree does not hear of; none if they
    /// are zero as a whole.
    pub(super) fn content(&mut self, chunks: std::ops::Range<u64>) -> Result<Option<&[u8]>, Fault> {
        let mut reader =
            Reader { source: &self.source, map: &self.map, next_data: 0, bytes_read: &mut self.bytes_read };
        reader.read(chunks.start, chunks.end - chunks.start, &mut self.buffer)
    }

    /// The highest level of zstd.
    pub(super) fn level(&self) -> u8 {
        self.level
    }

    /// A node of the tree as far as it is known; none outside it.
    pub(super) fn node(&mut self, level: u32, index: u64) -> Option<Hash> {
        self.tree.node(level, index)
    }

    /// The root of the disk, once every group was read in this pass, and the bytes read.
    pub(super) fn root(&mut self, pulse: &Pulse, gone: &AtomicBool) -> Result<(Hash, u64), Stop> {
        while let Some(range) = self.next_stale() {
            self.walk(range, pulse, gone, |_, _, _| Ok(()))?;
        }
        Ok((self.tree.root(), self.bytes_read))
    }

    /// The next run of groups not yet read in this pass, at most about a gigabyte.
    fn next_stale(&self) -> Option<Range> {
        let first = self.fresh.iter().position(|fresh| !fresh)?;
        let groups = self.fresh[first..].iter().take_while(|fresh| !**fresh).count();
        let shape = self.tree.shape();
        let most = (16384 / shape.group_chunks()).max(1);
        let first = first as u64 * shape.group_chunks();
        let end = (first + most.min(groups as u64) * shape.group_chunks()).min(shape.chunks());
        Some(Range { first, count: u32::try_from(end - first).unwrap_or(u32::MAX) })
    }

    /// Whether a range is whole groups inside the disk: only those can be entered into the tree.
    fn is_whole(&self, range: Range) -> bool {
        let (shape, end) = (self.tree.shape(), range.end());
        let aligned = |chunk: u64| chunk.is_multiple_of(shape.group_chunks());
        aligned(range.first) && end <= shape.chunks() && (aligned(end) || end == shape.chunks())
    }

    /// Reads and hashes `range`, enters it into the tree, and shows every chunk (number, leaf, content
    /// unless it is zero) to `each`.
    pub(super) fn walk(
        &mut self,
        range: Range,
        pulse: &Pulse,
        gone: &AtomicBool,
        mut each: impl FnMut(u64, Hash, Option<&[u8]>) -> Result<(), Gone>,
    ) -> Result<(), Stop> {
        if !self.is_whole(range) {
            return Err(refuse("a range that is not of whole groups of the disk"));
        }
        let shape = self.tree.shape();
        let mut leaves = Vec::new();
        let mut reader =
            Reader { source: &self.source, map: &self.map, next_data: 0, bytes_read: &mut self.bytes_read };
        for first in (range.first..range.end()).step_by(FRAME_CHUNKS) {
            if gone.load(Ordering::Relaxed) {
                return Err(Stop::Gone);
            }
            let count = (range.end() - first).min(FRAME_CHUNKS as u64);
            let mut content = reader.read(first, count, &mut self.buffer)?.map(|bytes| bytes.chunks(CHUNK));
            for chunk in first..first + count {
                let content = content.as_mut().and_then(Iterator::next).filter(|content| !is_zero(content));
                let hash = content.map_or_else(zero_leaf, leaf);
                each(chunk, hash, content)?;
                leaves.push(hash);
                if (chunk + 1).is_multiple_of(shape.group_chunks()) || chunk + 1 == shape.chunks() {
                    let group = chunk / shape.group_chunks();
                    self.tree.set(group, shape.group_hash(&leaves));
                    mark(&mut self.fresh, group);
                    leaves.clear();
                }
            }
            pulse.chunks.fetch_add(count, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn mark(fresh: &mut [bool], group: u64) {
    if let Some(fresh) = usize::try_from(group).ok().and_then(|group| fresh.get_mut(group)) {
        *fresh = true;
    }
}

/// Reads pieces in order and passes over holes and skipped ranges.
struct Reader<'a> {
    source: &'a Source,
    map: &'a DiskMap,
    /// Up to here the file is known to hold no data.
    next_data: u64,
    bytes_read: &'a mut u64,
}

impl Reader<'_> {
    /// The canonical content of `count` chunks, or none if they are zero as a whole.
    fn read<'b>(&mut self, first: u64, count: u64, buffer: &'b mut AlignedBuffer) -> Result<Option<&'b [u8]>, Fault> {
        let (offset, end) = (first * CHUNK_BYTES, (first + count) * CHUNK_BYTES);
        if self.map.within(offset, end).all(|range| range.skip.is_some()) {
            return Ok(None);
        }
        if self.next_data < end {
            self.next_data = self.source.next_data(offset.max(self.next_data));
        }
        if self.next_data >= end.min(self.source.length()) {
            return Ok(None);
        }
        let content = buffer.first(usize::try_from(end - offset).unwrap_or(usize::MAX));
        let mut rest = &mut *content;
        for range in self.map.within(offset, end) {
            let length = usize::try_from(range.length).unwrap_or(usize::MAX).min(rest.len());
            let (part, after) = rest.split_at_mut(length);
            rest = after;
            if range.skip.is_some() {
                part.fill(0);
                continue;
            }
            self.source.read(part, range.offset)?;
            *self.bytes_read += range.length.min(self.source.length() - range.offset);
        }
        Ok(Some(content))
    }
}

/// Maps the disk through aligned reads.
fn map(source: &Source, activity: Activity) -> Result<DiskMap, Fault> {
    let disk = Aligned { source, buffer: RefCell::new(AlignedBuffer::new(MAP_READ)), fault: Cell::new(None) };
    let map = DiskMap::of(&disk, source.length(), activity);
    map.map_err(|error| {
        let unnamed = Fault { kind: FaultKind::Read, offset: error.offset, text: error.source.to_string() };
        disk.fault.take().unwrap_or(unnamed)
    })
}

/// Reads for a map through memory as O_DIRECT demands it.
struct Aligned<'a> {
    source: &'a Source,
    buffer: RefCell<AlignedBuffer>,
    /// The fault behind the last failed read, which knows its exact place.
    fault: Cell<Option<Fault>>,
}

impl ReadAt for Aligned<'_> {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let mut buffer = self.buffer.borrow_mut();
        let aligned = buffer.first(bytes.len().next_multiple_of(ALIGN));
        if let Err(fault) = self.source.read(aligned, offset) {
            self.fault.set(Some(fault));
            return Err(io::ErrorKind::Other.into());
        }
        bytes.copy_from_slice(&aligned[..bytes.len()]);
        Ok(())
    }
}
