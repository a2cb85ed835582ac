//! The log of XFS: whether a mount would replay anything that matters for free space.
//!
//! After fs/xfs/xfs_log_recover.c. Free space on the disk is what a mount would see where the last
//! record is the one an unmount writes, or where every record that a mount would replay changes the
//! superblock alone, as the records that freezing leaves do; not where anything else is to be
//! replayed, or is not understood.

use super::fields::Fields;
use super::superblock::Superblock;
use super::{Stop, Volume, WholeReason, ensure};

/// Unit of the log.
const BASIC: u64 = 512;

/// Blocks behind whose count a record header takes more than one block.
const HEADER_COVERS: u64 = 32 << 10;

/// Longest stretch before the head in which its last record is sought: a record of the largest
/// size, padded to the largest stripe unit.
const LOOK_BACK: u64 = (512 << 10) / BASIC;

/// Longest stretch of records that is looked into.
const MAX_REPLAY: u64 = (1 << 20) / BASIC;

const OP_START: u8 = 0x01;
const OP_COMMIT: u8 = 0x02;
const OP_UNMOUNT: u8 = 0x20;

/// Type of an item in a transaction that changes a buffer.
const ITEM_BUFFER: u16 = 0x123C;

struct Log<'a> {
    volume: &'a Volume<'a>,
    start: u64,
    blocks: u64,
    uuid: [u8; 16],
}

/// A record of the log, in basic blocks.
struct Record {
    place: u64,
    cycle: u32,
    header: u64,
    data: u64,
    operations: u32,
    /// Where replay would begin: cycle and place.
    tail: (u32, u64),
}

impl Record {
    fn end(&self) -> u64 {
        self.place + self.header + self.data
    }
}

/// How the log was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// By an unmount.
    Unmounted,
    /// With records of the superblock alone: frozen, or mounted and idle.
    Settled,
    /// With changes that a mount would replay, or in a way that is not understood.
    Open,
}

/// How the log was left.
pub(super) fn state(volume: &Volume<'_>, superblock: &Superblock) -> Result<State, Stop> {
    let Some(start) = superblock.log_start else {
        return Err(Stop::Whole(WholeReason::Unclean("its log is on another device")));
    };
    let log = Log { volume, start, blocks: superblock.log_length / BASIC, uuid: superblock.log_uuid };
    ensure(log.blocks >= 4, "length of the log")?;
    let head = log.head()?;
    let Some(last) = log.last_before(head)? else { return Ok(State::Open) };
    if last.end() % log.blocks != head {
        return Ok(State::Open);
    }
    if last.operations == 1 && log.data(&last)?.get(9).is_some_and(|flags| flags & OP_UNMOUNT != 0) {
        return Ok(State::Unmounted);
    }
    Ok(if log.superblock_only(&last, head)? { State::Settled } else { State::Open })
}

impl Log<'_> {
    fn read(&self, place: u64, count: u64) -> Result<Vec<u8>, Stop> {
        let first = count.min(self.blocks - place % self.blocks);
        let start = self.start + place % self.blocks * BASIC;
        let mut bytes = self.volume.read(start, (first * BASIC) as usize)?;
        if first < count {
            bytes.extend(self.volume.read(self.start, ((count - first) * BASIC) as usize)?);
        }
        Ok(bytes)
    }

    /// The cycle in which a block was written.
    fn cycle(&self, place: u64) -> Result<u32, Stop> {
        let block = self.read(place, 1)?;
        let raw = Fields(&block);
        if raw.be32(0)? == MAGIC { raw.be32(4) } else { raw.be32(0) }
    }

    /// The block that will be written next: where the cycle falls.
    fn head(&self) -> Result<u64, Stop> {
        let (first, last) = (self.cycle(0)?, self.cycle(self.blocks - 1)?);
        if first == last {
            return Ok(0);
        }
        let (mut low, mut high) = (0, self.blocks - 1);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.cycle(middle)? == first { low = middle } else { high = middle }
        }
        Ok(high)
    }

    /// The last record that begins before `head`.
    fn last_before(&self, head: u64) -> Result<Option<Record>, Stop> {
        let span = LOOK_BACK.min(self.blocks);
        let from = (head + self.blocks - span) % self.blocks;
        let bytes = self.read(from, span)?;
        for index in (0..span).rev() {
            let block = &bytes[(index * BASIC) as usize..((index + 1) * BASIC) as usize];
            if let Some(record) = self.record(block, (from + index) % self.blocks)? {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// The record whose header is in `block`, if it is one of this log at this place.
    fn record(&self, block: &[u8], place: u64) -> Result<Option<Record>, Stop> {
        let raw = Fields(block);
        let (cycle, version, length) = (raw.be32(4)?, raw.be32(8)?, u64::from(raw.be32(12)?));
        let size = if version == 2 { u64::from(raw.be32(320)?) } else { HEADER_COVERS };
        let own = raw.be32(0)? == MAGIC
            && raw.array::<16>(304)? == self.uuid
            && matches!(version, 1 | 2)
            && raw.be64(16)? == u64::from(cycle) << 32 | place
            && (1..=256 << 10).contains(&length);
        if !own {
            return Ok(None);
        }
        let tail = raw.be64(24)?;
        Ok(Some(Record {
            place,
            cycle,
            header: size.div_ceil(HEADER_COVERS).clamp(1, 8),
            data: length.div_ceil(BASIC),
            operations: raw.be32(40)?,
            tail: ((tail >> 32) as u32, tail & 0xFFFF_FFFF),
        }))
    }

    /// The data of a record, with the words that cycle numbers stand in for put back.
    fn data(&self, record: &Record) -> Result<Vec<u8>, Stop> {
        let header = self.read(record.place, record.header)?;
        let mut data = self.read(record.place + record.header, record.data)?;
        for (index, block) in data.chunks_exact_mut(BASIC as usize).enumerate() {
            let at = match index / 64 {
                0 => 44 + 4 * index,
                more => BASIC as usize * more + 4 + 4 * (index % 64),
            };
            block[..4].copy_from_slice(Fields(&header).slice(at, 4)?);
        }
        Ok(data)
    }

    /// Whether the records from the tail to the head change nothing but the superblock.
    fn superblock_only(&self, last: &Record, head: u64) -> Result<bool, Stop> {
        let (mut cycle, mut place) = last.tail;
        let mut left = MAX_REPLAY;
        loop {
            if place >= self.blocks {
                return Ok(false);
            }
            let block = self.read(place, 1)?;
            let Some(record) = self.record(&block, place)? else { return Ok(false) };
            let length = record.header + record.data;
            if record.cycle != cycle || length > left || !Operations::of(&self.data(&record)?, record.operations)? {
                return Ok(false);
            }
            if record.place == last.place && record.cycle == last.cycle {
                return Ok(record.end() % self.blocks == head);
            }
            left -= length;
            place = record.end();
            if place >= self.blocks {
                (place, cycle) = (place - self.blocks, cycle.wrapping_add(1));
            }
        }
    }
}

/// First four bytes of a record.
const MAGIC: u32 = 0xFEED_BABE;

/// Reads the operations of a record one after the other.
struct Operations<'a> {
    rest: &'a [u8],
    left: u32,
}

impl<'a> Operations<'a> {
    /// Whether the operations of a record are whole transactions on the superblock alone.
    fn of(data: &'a [u8], count: u32) -> Result<bool, Stop> {
        let mut operations = Self { rest: data, left: count };
        while operations.left > 0 {
            if !operations.transaction()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Flags and content of the next operation.
    fn next(&mut self) -> Result<Option<(u8, &'a [u8])>, Stop> {
        if self.left == 0 {
            return Ok(None);
        }
        let raw = Fields(self.rest);
        let (length, flags) = (raw.be32(4)? as usize, raw.byte(9)?);
        let content = raw.slice(12, length)?;
        self.rest = &self.rest[12 + length..];
        self.left -= 1;
        Ok(Some((flags, content)))
    }

    /// A start, a header, items that change the superblock's buffer, a commit.
    fn transaction(&mut self) -> Result<bool, Stop> {
        if self.next()?.is_none_or(|(flags, content)| flags != OP_START || !content.is_empty()) {
            return Ok(false);
        }
        let Some((0, header)) = self.next()? else { return Ok(false) };
        if header.len() != 16 {
            return Ok(false);
        }
        loop {
            match self.next()? {
                Some((OP_COMMIT, [])) => return Ok(true),
                Some((0, format)) if self.superblock_item(format)? => {}
                _ => return Ok(false),
            }
        }
    }

    /// Whether an item is the superblock's buffer; its data is passed.
    fn superblock_item(&mut self, format: &[u8]) -> Result<bool, Stop> {
        // Numbers of items are in the order of the machine; ours and theirs is least byte first.
        let raw = Fields(format);
        let regions = raw.le16(2)?;
        if raw.le16(0)? != ITEM_BUFFER || regions == 0 || raw.le64(8)? != 0 {
            return Ok(false);
        }
        for _ in 1..regions {
            if self.next()?.is_none_or(|(flags, _)| flags != 0) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
