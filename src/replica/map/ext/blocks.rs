//! Blocks of an ext filesystem as a mount would see them: the journal's copy, where there is one.

use super::superblock::{PLACE, SIZE};
use super::{Stop, Volume, inconsistent};

/// First four bytes of every block that is the journal's own.
pub(super) const JOURNAL_MAGIC: u32 = 0xC03B_3998;

/// A block whose content the journal replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Replaced {
    /// The block.
    pub(super) block: u64,
    /// Block that holds the new content, in the journal.
    pub(super) copy: u64,
    /// Whether its first four bytes were taken out because they looked like the journal's magic.
    pub(super) escaped: bool,
}

/// Blocks of a filesystem.
pub(super) struct Blocks<'a> {
    volume: &'a Volume<'a>,
    block_size: u64,
    /// Ascending by block.
    replaced: Vec<Replaced>,
}

impl<'a> Blocks<'a> {
    /// The blocks as they are on the disk.
    pub(super) fn new(volume: &'a Volume<'a>, block_size: u64) -> Self {
        Self { volume, block_size, replaced: Vec::new() }
    }

    /// Takes the journal into account; returns how many blocks it replaces.
    pub(super) fn replay(&mut self, replaced: Vec<Replaced>) -> u64 {
        self.replaced = replaced;
        self.replaced.len() as u64
    }

    /// Reads `count` blocks from `first` on.
    pub(super) fn read(&self, first: u64, count: u64) -> Result<Vec<u8>, Stop> {
        let (Some(place), Some(length)) = (first.checked_mul(self.block_size), count.checked_mul(self.block_size))
        else {
            return inconsistent("a block number is too large");
        };
        let mut bytes = self.volume.read(place, length as usize)?;
        let from = self.replaced.partition_point(|replaced| replaced.block < first);
        for replaced in self.replaced[from..].iter().take_while(|replaced| replaced.block - first < count) {
            let at = ((replaced.block - first) * self.block_size) as usize;
            let mut copy = self.volume.read(replaced.copy * self.block_size, self.block_size as usize)?;
            if replaced.escaped {
                copy[..4].copy_from_slice(&JOURNAL_MAGIC.to_be_bytes());
            }
            bytes[at..at + copy.len()].copy_from_slice(&copy);
        }
        Ok(bytes)
    }

    /// The bytes of the superblock.
    pub(super) fn superblock(&self) -> Result<Vec<u8>, Stop> {
        let block = self.read(PLACE / self.block_size, 1)?;
        let at = (PLACE % self.block_size) as usize;
        Ok(block[at..at + SIZE].to_vec())
    }
}
