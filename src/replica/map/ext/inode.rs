//! Where the blocks of an inode are: extent tree of ext4, or block lists of ext2 and ext3.

use super::blocks::Blocks;
use super::fields::Fields;
use super::groups::Groups;
use super::superblock::Superblock;
use super::{Stop, ensure, inconsistent};

const EXTENTS: u32 = 0x8_0000;
const EXTENT_MAGIC: u16 = 0xF30A;

/// Most stretches of blocks, and most blocks of lists and trees that are read for them.
const MAX_STRETCHES: usize = 1 << 18;

/// A stretch of a file: logical block, first block on disk, number of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    logical: u64,
    block: u64,
    count: u64,
}

/// A file's blocks, without holes.
pub(super) struct Layout {
    stretches: Vec<Stretch>,
}

impl Layout {
    /// The blocks of inode `number`, which must lie in the first group and have `length` blocks.
    pub(super) fn of(superblock: &Superblock, blocks: &Blocks<'_>, number: u32, length: u64) -> Result<Self, Stop> {
        let inode = Self::inode(superblock, blocks, number)?;
        let mut walk = Walk { superblock, blocks, length, stretches: Vec::new(), read: 0 };
        let root = Fields(&inode).slice(0x28, 60)?;
        if Fields(&inode).le32(0x20)? & EXTENTS != 0 {
            walk.extents(root, None)?;
        } else {
            walk.lists(root)?;
        }
        let mut next = 0;
        for stretch in &walk.stretches {
            ensure(stretch.logical == next, "the journal has holes")?;
            next += stretch.count;
        }
        ensure(next >= length, "the journal is shorter than it says")?;
        Ok(Self { stretches: walk.stretches })
    }

    /// The root of the extent tree, or the block list, of inode `number` in the first group.
    pub(super) fn root(superblock: &Superblock, blocks: &Blocks<'_>, number: u32) -> Result<[u8; 60], Stop> {
        let inode = Self::inode(superblock, blocks, number)?;
        Fields(&inode).slice(0x28, 60)?.try_into().or_else(|_| inconsistent("size of an inode"))
    }

    fn inode(superblock: &Superblock, blocks: &Blocks<'_>, number: u32) -> Result<Vec<u8>, Stop> {
        let index = u64::from(number).saturating_sub(1);
        ensure(number > 0 && index < superblock.inodes_per_group, "number of the journal inode")?;
        let table = Groups::new(superblock, blocks).get(0)?.inode_table();
        let place = index * superblock.inode_size;
        let block = blocks.read(table + place / superblock.block_size, 1)?;
        Ok(Fields(&block).slice((place % superblock.block_size) as usize, 128)?.to_vec())
    }

    /// The block on disk of a logical block.
    pub(super) fn block(&self, logical: u64) -> Result<u64, Stop> {
        self.stretch(logical).map(|(block, _)| block)
    }

    /// The block on disk of a logical block, and how many follow each other from it on.
    pub(super) fn stretch(&self, logical: u64) -> Result<(u64, u64), Stop> {
        let after = self.stretches.partition_point(|stretch| stretch.logical <= logical);
        match after.checked_sub(1).map(|index| self.stretches[index]) {
            Some(stretch) if logical - stretch.logical < stretch.count => {
                let within = logical - stretch.logical;
                Ok((stretch.block + within, stretch.count - within))
            }
            _ => inconsistent("a block outside the journal"),
        }
    }
}

struct Walk<'a> {
    superblock: &'a Superblock,
    blocks: &'a Blocks<'a>,
    /// Blocks that are wanted.
    length: u64,
    stretches: Vec<Stretch>,
    read: usize,
}

impl Walk<'_> {
    fn done(&self) -> u64 {
        self.stretches.last().map_or(0, |stretch| stretch.logical + stretch.count)
    }

    fn add(&mut self, logical: u64, block: u64, count: u64) -> Result<(), Stop> {
        let end = block.checked_add(count);
        ensure(block > 0 && count > 0 && end.is_some_and(|end| end <= self.superblock.blocks), "place of the journal")?;
        ensure(self.stretches.len() < MAX_STRETCHES, "the journal is in too many pieces")?;
        match self.stretches.last_mut() {
            Some(last) if last.logical + last.count == logical && last.block + last.count == block => {
                last.count += count;
            }
            _ => self.stretches.push(Stretch { logical, block, count }),
        }
        Ok(())
    }

    fn load(&mut self, block: u64) -> Result<Vec<u8>, Stop> {
        self.read += 1;
        ensure(self.read <= MAX_STRETCHES, "the journal is in too many pieces")?;
        self.blocks.read(block, 1)
    }

    /// A node of an extent tree, whose depth must be `depth` where it is not the root.
    fn extents(&mut self, node: &[u8], depth: Option<u16>) -> Result<(), Stop> {
        let raw = Fields(node);
        let (entries, found) = (usize::from(raw.le16(2)?), raw.le16(6)?);
        ensure(raw.le16(0)? == EXTENT_MAGIC, "extent tree of the journal")?;
        ensure(found <= 5 && depth.is_none_or(|depth| depth == found), "depth of an extent tree")?;
        for index in 0..entries {
            let at = 12 + 12 * index;
            let logical = u64::from(raw.le32(at)?);
            ensure(logical >= self.done(), "order of extents")?;
            if found == 0 {
                let count = u64::from(raw.le16(at + 4)?);
                ensure(count <= 0x8000, "unwritten extent in the journal")?;
                self.add(logical, u64::from(raw.le16(at + 6)?) << 32 | u64::from(raw.le32(at + 8)?), count)?;
            } else {
                let below = u64::from(raw.le16(at + 8)?) << 32 | u64::from(raw.le32(at + 4)?);
                let below = self.load(below)?;
                self.extents(&below, Some(found - 1))?;
            }
        }
        Ok(())
    }

    /// Twelve blocks, then lists of one, two and three levels.
    fn lists(&mut self, root: &[u8]) -> Result<(), Stop> {
        for index in 0..15 {
            if self.done() >= self.length {
                return Ok(());
            }
            let block = u64::from(Fields(root).le32(4 * index)?);
            match index.checked_sub(11) {
                None | Some(0) => self.add(self.done(), block, 1)?,
                Some(level) => self.list(block, level)?,
            }
        }
        Ok(())
    }

    fn list(&mut self, block: u64, level: usize) -> Result<(), Stop> {
        let bytes = self.load(block)?;
        for entry in bytes.chunks_exact(4) {
            if self.done() >= self.length {
                return Ok(());
            }
            let block = u64::from(Fields(entry).le32(0)?);
            if level == 1 {
                self.add(self.done(), block, 1)?;
            } else {
                self.list(block, level - 1)?;
            }
        }
        Ok(())
    }
}
