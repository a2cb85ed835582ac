//! The free extents of an allocation group, from its header (AGF) and its by-block tree.

use super::checksum::crc32c_without;
use super::fields::Fields;
use super::skips::{Draft, Skips};
use super::superblock::Superblock;
use super::{SkipReason, Stop, Volume, ensure, inconsistent};

/// More levels than a tree of 2^32 blocks can have.
const MAX_LEVELS: u32 = 16;

/// The header of the free space of a group.
struct Header {
    root: u64,
    levels: u32,
    free: u64,
    length: u64,
}

/// The free extents of a group.
pub(super) fn free_extents(
    volume: &Volume<'_>,
    superblock: &Superblock,
    group: u64,
    live: bool,
) -> Result<Skips, Stop> {
    let header = header(volume, superblock, group)?;
    let draft = Draft::new(volume);
    let mut walk = Walk { volume, superblock, group, length: header.length, draft, end: 0, free: 0, read: 0 };
    walk.node(header.root, header.levels - 1)?;
    // While it is in use, header and tree reach the disk at different times.
    ensure(live || walk.free == header.free, "free count of a group")?;
    Ok(walk.draft.finish())
}

fn header(volume: &Volume<'_>, superblock: &Superblock, group: u64) -> Result<Header, Stop> {
    let start = group * superblock.group_blocks * superblock.block_size;
    let bytes = volume.read(start + superblock.sector_size, superblock.sector_size as usize)?;
    let raw = Fields(&bytes);
    ensure(raw.be32(0)? == 0x5841_4746 && raw.be32(4)? == 1, "header of a group")?; // XAGF
    if superblock.checksums {
        ensure(!crc32c_without(!0, &bytes, 216) == raw.le32(216)?, "checksum of the header of a group")?;
        ensure(raw.array(64)? == superblock.uuid, "header of a group of another filesystem")?;
    }
    let length = superblock.group_length(group);
    ensure(u64::from(raw.be32(8)?) == group && u64::from(raw.be32(12)?) == length, "header of a group")?;
    let header =
        Header { root: u64::from(raw.be32(16)?), levels: raw.be32(28)?, free: u64::from(raw.be32(52)?), length };
    ensure((1..=MAX_LEVELS).contains(&header.levels), "levels of the free-space tree")?;
    Ok(header)
}

struct Walk<'a> {
    volume: &'a Volume<'a>,
    superblock: &'a Superblock,
    group: u64,
    /// Blocks of the group.
    length: u64,
    draft: Draft<'a>,
    /// Block behind the last free extent, and blocks free so far.
    end: u64,
    free: u64,
    /// Blocks of the tree that were read: a tree of loops ends here.
    read: u64,
}

impl Walk<'_> {
    /// A block of the tree, checked: its entries follow the returned place.
    fn load(&mut self, block: u64, level: u32) -> Result<(Vec<u8>, usize), Stop> {
        self.read += 1;
        ensure(block > 0 && block < self.length && self.read <= self.length, "place of the free-space tree")?;
        let place = (self.group * self.superblock.group_blocks + block) * self.superblock.block_size;
        let bytes = self.volume.read(place, self.superblock.block_size as usize)?;
        let raw = Fields(&bytes);
        let magic = if self.superblock.checksums { b"AB3B" } else { b"ABTB" };
        ensure(raw.slice(0, 4)? == magic && u32::from(raw.be16(4)?) == level, "block of the free-space tree")?;
        if !self.superblock.checksums {
            return Ok((bytes, 16));
        }
        ensure(!crc32c_without(!0, &bytes, 52) == raw.le32(52)?, "checksum of the free-space tree")?;
        ensure(raw.be64(16)? == place / 512, "block of the free-space tree at another place")?;
        ensure(raw.array(32)? == self.superblock.uuid, "free-space tree of another filesystem")?;
        ensure(u64::from(raw.be32(48)?) == self.group, "free-space tree of another group")?;
        Ok((bytes, 56))
    }

    fn node(&mut self, block: u64, level: u32) -> Result<(), Stop> {
        let (bytes, header) = self.load(block, level)?;
        let raw = Fields(&bytes);
        let count = usize::from(raw.be16(6)?);
        if level == 0 {
            ensure(count <= (bytes.len() - header) / 8, "number of free extents in a block")?;
            return (0..count).try_for_each(|index| self.extent(raw, header + 8 * index));
        }
        let most = (bytes.len() - header) / 12;
        ensure((1..=most).contains(&count), "number of children in a block")?;
        for index in 0..count {
            let below = raw.be32(header + 8 * most + 4 * index)?;
            self.node(u64::from(below), level - 1)?;
        }
        Ok(())
    }

    fn extent(&mut self, raw: Fields<'_>, at: usize) -> Result<(), Stop> {
        let (first, count) = (u64::from(raw.be32(at)?), u64::from(raw.be32(at + 4)?));
        // Free extents that touch would be one; the headers of the group are never free.
        let headers = (4 * self.superblock.sector_size).div_ceil(self.superblock.block_size);
        let apart = first > self.end || self.free == 0;
        if !(apart && first >= headers && count > 0 && first + count <= self.length) {
            return inconsistent("order of free extents");
        }
        self.end = first + count;
        self.free += count;
        let size = self.superblock.block_size;
        let start = self.group * self.superblock.group_blocks * size;
        self.draft.skip(start + first * size, start + self.end * size, SkipReason::XfsFree);
        Ok(())
    }
}
