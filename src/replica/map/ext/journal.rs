//! The journal of ext3 and ext4 (JBD2): which blocks a mount would replace, found without writing.
//!
//! After fs/jbd2/recovery.c: transactions are followed from the journal's start while each block
//! carries the sequence that is due; a transaction counts once its commit block is there. Where
//! Linux would go on after a wrong checksum, or decide by the time of a commit, the filesystem is
//! copied whole instead.

use super::blocks::{Blocks, JOURNAL_MAGIC, Replaced};
use super::checksum::{crc32c, crc32c_without};
use super::fields::Fields;
use super::inode::Layout;
use super::superblock::Superblock;
use super::{Stop, Volume, WholeReason, ensure};
use std::collections::HashMap;

/// Longest journal that is followed, in blocks; mke2fs makes 2^18 by itself for the largest disks.
const MAX_BLOCKS: u64 = 1 << 19;

const DESCRIPTOR: u32 = 1;
const COMMIT: u32 = 2;
const REVOKE: u32 = 5;

const COMPAT_CHECKSUM: u32 = 0x1;
const INCOMPAT_64BIT: u32 = 0x2;
const INCOMPAT_ASYNC_COMMIT: u32 = 0x4;
const INCOMPAT_CSUM_V2: u32 = 0x8;
const INCOMPAT_CSUM_V3: u32 = 0x10;
const INCOMPAT_FAST_COMMIT: u32 = 0x20;
const INCOMPAT_KNOWN: u32 = 0x3F;

const TAG_ESCAPED: u32 = 0x1;
const TAG_SAME_UUID: u32 = 0x2;
const TAG_LAST: u32 = 0x8;

/// How the journal checks itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checksums {
    None,
    V2,
    V3,
}

struct Journal<'a> {
    superblock: &'a Superblock,
    blocks: Blocks<'a>,
    layout: Layout,
    /// First block behind the journal's superblock, and the end.
    first: u64,
    end: u64,
    checksums: Checksums,
    wide: bool,
    seed: u32,
}

/// A block that a transaction writes.
struct Tag {
    block: u64,
    escaped: bool,
    checksum: u32,
}

/// A block of the filesystem, and where the journal has its new content.
struct Write {
    block: u64,
    sequence: u32,
    place: u32,
    escaped: bool,
}

/// What the transactions of a journal say, in their order.
#[derive(Default)]
struct Log {
    writes: Vec<Write>,
    /// Checksums of the writes, until they are checked.
    checksums: Vec<u32>,
    /// Block to the last sequence that revoked it.
    revoked: HashMap<u64, u32>,
}

/// Blocks of the journal that were read together.
#[derive(Default)]
struct Window {
    first: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The block at `place`; reads it with those that follow it on the disk, up to 256 KiB.
    fn load(&mut self, journal: &Journal<'_>, place: u64) -> Result<&[u8], Stop> {
        let size = journal.superblock.block_size;
        if place < self.first || place >= self.first + self.bytes.len() as u64 / size {
            let (block, together) = journal.layout.stretch(place)?;
            let count = together.min(journal.end.saturating_sub(place)).clamp(1, (256 << 10) / size);
            self.bytes = journal.blocks.read(block, count)?;
            self.first = place;
        }
        Fields(&self.bytes).slice(((place - self.first) * size) as usize, size as usize)
    }
}

/// The blocks `(first, end)` of the journal of a clean filesystem behind its superblock: no mount looks
/// at them before it writes there. None where that is not beyond doubt.
pub(super) fn dead(volume: &Volume<'_>, superblock: &Superblock) -> Result<Vec<(u64, u64)>, Stop> {
    if superblock.journal_elsewhere || superblock.journal_inode == 0 {
        return Ok(Vec::new());
    }
    let blocks = Blocks::new(volume, superblock.block_size);
    // The superblock keeps a copy of where the journal is: both must say the same.
    if Layout::root(superblock, &blocks, superblock.journal_inode)? != superblock.journal_backup {
        return Ok(Vec::new());
    }
    let (journal, start, _) = open(volume, superblock)?;
    if start != 0 {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let mut logical = journal.first;
    while logical < journal.end {
        let (block, together) = journal.layout.stretch(logical)?;
        let count = together.min(journal.end - logical);
        found.push((block, block + count));
        logical += count;
    }
    Ok(found)
}

/// The blocks that a mount would replace, ascending.
pub(super) fn read(volume: &Volume<'_>, superblock: &Superblock) -> Result<Vec<Replaced>, Stop> {
    if superblock.journal_elsewhere || superblock.journal_inode == 0 {
        return Err(Stop::Whole(WholeReason::Unclean("its journal is on another device")));
    }
    let (journal, start, due) = open(volume, superblock)?;
    if start == 0 {
        return Ok(Vec::new());
    }
    ensure((journal.first..journal.end).contains(&start), "start of the journal")?;
    journal.replaced(start, due)
}

/// The journal, with the place and the sequence from which it is followed; place 0 is an empty one.
fn open<'a>(volume: &'a Volume<'a>, superblock: &'a Superblock) -> Result<(Journal<'a>, u64, u32), Stop> {
    let blocks = Blocks::new(volume, superblock.block_size);
    let head = Layout::of(superblock, &blocks, superblock.journal_inode, 1)?.block(0)?;
    let head = blocks.read(head, 1)?;
    let raw = Fields(&head);
    ensure(raw.be32(0)? == JOURNAL_MAGIC && matches!(raw.be32(4)?, 3 | 4), "superblock of the journal")?;
    ensure(raw.be32(0x20)? == 0, "the journal recorded an error")?;
    let start = u64::from(raw.be32(0x1C)?);
    let (due, length) = (raw.be32(0x18)?, u64::from(raw.be32(0x10)?));
    Ok((Journal::new(superblock, blocks, raw, length)?, start, due))
}

impl<'a> Journal<'a> {
    fn new(superblock: &'a Superblock, blocks: Blocks<'a>, raw: Fields<'_>, length: u64) -> Result<Self, Stop> {
        let second = raw.be32(4)? == 4;
        let feature = |at| if second { raw.be32(at) } else { Ok(0) };
        let (compat, incompat) = (feature(0x24)?, feature(0x28)?);
        if incompat & !INCOMPAT_KNOWN != 0 {
            return Err(Stop::Whole(WholeReason::Feature("a journal of another version")));
        }
        if incompat & INCOMPAT_FAST_COMMIT != 0 || superblock.fast_commit {
            return Err(Stop::Whole(WholeReason::Unclean("fast commits are not replayed here")));
        }
        if incompat & INCOMPAT_ASYNC_COMMIT != 0 || compat & COMPAT_CHECKSUM != 0 {
            return Err(Stop::Whole(WholeReason::Unclean("asynchronous commits are not replayed here")));
        }
        let checksums = match (incompat & INCOMPAT_CSUM_V2 != 0, incompat & INCOMPAT_CSUM_V3 != 0) {
            (false, false) => Checksums::None,
            (true, false) => Checksums::V2,
            (false, true) => Checksums::V3,
            (true, true) => return super::inconsistent("checksums of the journal"),
        };
        if checksums != Checksums::None {
            let found = crc32c_without(!0, raw.slice(0, 1024)?, 0xFC);
            ensure(raw.byte(0x50)? == 4 && found == raw.be32(0xFC)?, "checksum of the journal's superblock")?;
        }
        ensure(u64::from(raw.be32(0xC)?) == superblock.block_size, "block size of the journal")?;
        ensure(length <= MAX_BLOCKS, "length of the journal")?;
        let first = u64::from(raw.be32(0x14)?);
        ensure(first > 0 && first < length, "length of the journal")?;
        let layout = Layout::of(superblock, &blocks, superblock.journal_inode, length)?;
        let seed = crc32c(!0, raw.slice(0x30, 16)?);
        let wide = incompat & INCOMPAT_64BIT != 0;
        Ok(Self { superblock, blocks, layout, first, end: length, checksums, wide, seed })
    }

    /// The place behind `place`, around the end.
    fn after(&self, place: u64) -> u64 {
        if place + 1 >= self.end { self.first } else { place + 1 }
    }

    /// Follows the transactions and keeps the last write of each block that nothing revoked.
    fn replaced(&self, start: u64, due: u32) -> Result<Vec<Replaced>, Stop> {
        let mut log = self.follow(start, due)?;
        // Ascending by block; the writes of a block stay in their order.
        log.writes.sort_by_key(|write| write.block);
        let mut found: Vec<Replaced> = Vec::new();
        for Write { block, sequence, place, escaped } in log.writes {
            if log.revoked.get(&block).is_some_and(|revoked| !newer(sequence, *revoked)) {
                continue;
            }
            let replaced = Replaced { block, copy: self.layout.block(u64::from(place))?, escaped };
            match found.last_mut() {
                Some(last) if last.block == block => *last = replaced,
                _ => found.push(replaced),
            }
        }
        Ok(found)
    }

    fn follow(&self, start: u64, first_due: u32) -> Result<Log, Stop> {
        let (mut place, mut due) = (start, first_due);
        let (mut log, mut open) = (Log::default(), Log::default());
        let mut window = Window::default();
        // Every block is passed once: a journal that runs in a circle ends here.
        let mut left = self.end - self.first;
        while left > 0 {
            let bytes = window.load(self, place)?;
            let raw = Fields(bytes);
            if raw.be32(0)? != JOURNAL_MAGIC || raw.be32(8)? != due {
                break;
            }
            let mut passed = 1;
            match raw.be32(4)? {
                DESCRIPTOR => passed += self.descriptor(bytes, due, place, &mut open)?,
                REVOKE => self.revoke(bytes, due, &mut open.revoked)?,
                COMMIT => {
                    self.check_commit(bytes)?;
                    self.commit(&mut open, &mut log)?;
                    due = due.wrapping_add(1);
                }
                _ => break,
            }
            (0..passed).for_each(|_| place = self.after(place));
            left = left.saturating_sub(passed);
        }
        Ok(log)
    }

    /// The blocks a descriptor announces; returns how many follow it.
    fn descriptor(&self, bytes: &[u8], due: u32, place: u64, open: &mut Log) -> Result<u64, Stop> {
        let tags = self.tags(self.content(bytes)?)?;
        let mut at = place;
        for tag in &tags {
            at = self.after(at);
            ensure(tag.block < self.superblock.blocks, "the journal writes outside the filesystem")?;
            let write = Write { block: tag.block, sequence: due, place: at as u32, escaped: tag.escaped };
            open.writes.push(write);
            open.checksums.push(tag.checksum);
        }
        ensure(open.writes.len() as u64 <= MAX_BLOCKS, "number of blocks in the journal")?;
        Ok(tags.len() as u64)
    }

    /// Takes the open transaction into the log. Only now its blocks are checked: those of a
    /// transaction that was never committed may be torn.
    fn commit(&self, open: &mut Log, log: &mut Log) -> Result<(), Stop> {
        let mut window = Window::default();
        for (write, checksum) in open.writes.iter().zip(open.checksums.drain(..)) {
            if self.checksums == Checksums::None {
                break;
            }
            let data = window.load(self, u64::from(write.place))?;
            let found = crc32c(crc32c(self.seed, &write.sequence.to_be_bytes()), data);
            let found = if self.checksums == Checksums::V2 { found & 0xFFFF } else { found };
            ensure(found == checksum, "checksum of a block in the journal")?;
        }
        log.writes.append(&mut open.writes);
        log.revoked.extend(open.revoked.drain());
        ensure(log.revoked.len() as u64 <= MAX_BLOCKS, "number of revoked blocks")
    }

    /// The bytes of a descriptor or revoke block without its checksum, which must hold.
    fn content<'b>(&self, bytes: &'b [u8]) -> Result<&'b [u8], Stop> {
        if self.checksums == Checksums::None {
            return Ok(bytes);
        }
        let tail = bytes.len() - 4;
        let found = crc32c_without(self.seed, bytes, tail);
        ensure(found == Fields(bytes).be32(tail)?, "checksum of a block in the journal")?;
        Ok(&bytes[..tail])
    }

    fn tags(&self, content: &[u8]) -> Result<Vec<Tag>, Stop> {
        let raw = Fields(content);
        let size = match (self.checksums, self.wide) {
            (Checksums::V3, _) => 16,
            (Checksums::V2, wide) => 10 + 4 * usize::from(wide),
            (Checksums::None, wide) => 8 + 4 * usize::from(wide),
        };
        let mut tags = Vec::new();
        let mut at = 12;
        while at + size <= content.len() {
            let third = self.checksums == Checksums::V3;
            let (flags, checksum) = if third {
                (raw.be32(at + 4)?, raw.be32(at + 12)?)
            } else {
                (u32::from(raw.be16(at + 6)?), u32::from(raw.be16(at + 4)?))
            };
            let high = if self.wide { raw.be32(at + 8)? } else { 0 };
            let block = u64::from(high) << 32 | u64::from(raw.be32(at)?);
            tags.push(Tag { block, escaped: flags & TAG_ESCAPED != 0, checksum });
            at += size + if flags & TAG_SAME_UUID == 0 { 16 } else { 0 };
            if flags & TAG_LAST != 0 {
                break;
            }
        }
        Ok(tags)
    }

    fn revoke(&self, bytes: &[u8], due: u32, revoked: &mut HashMap<u64, u32>) -> Result<(), Stop> {
        let content = self.content(bytes)?;
        let used = Fields(content).be32(12)? as usize;
        let size = if self.wide { 8 } else { 4 };
        for entry in Fields(content).slice(0, used)?.get(16..).unwrap_or(&[]).chunks_exact(size) {
            let entry = Fields(entry);
            let block = if self.wide { entry.be64(0)? } else { u64::from(entry.be32(0)?) };
            revoked.insert(block, due);
        }
        ensure(revoked.len() as u64 <= MAX_BLOCKS, "number of revoked blocks")
    }

    fn check_commit(&self, bytes: &[u8]) -> Result<(), Stop> {
        if self.checksums == Checksums::None {
            return Ok(());
        }
        ensure(crc32c_without(self.seed, bytes, 16) == Fields(bytes).be32(16)?, "checksum of a commit in the journal")
    }
}

/// Whether sequence `one` comes after `other`; sequences wrap.
fn newer(one: u32, other: u32) -> bool {
    (one.wrapping_sub(other) as i32) > 0
}
