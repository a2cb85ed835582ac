//! Group descriptors, and the bitmaps of the groups they describe.

use super::bitmap::{all_set, set};
use super::blocks::Blocks;
use super::checksum::{crc16, crc32c};
use super::fields::Fields;
use super::superblock::{Checksums, Superblock};
use super::{Stop, ensure, inconsistent};

/// Flag of a group whose block bitmap was never written (`EXT4_BG_BLOCK_UNINIT`).
const BLOCKS_UNUSED: u16 = 0x2;

/// Most stretches of metadata that lie in groups without a bitmap on disk.
const MAX_STRANGERS: usize = 1 << 20;

/// What a descriptor says of its group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) number: u64,
    /// Block of the block bitmap.
    pub(super) bitmap: u64,
    /// Whether the bitmap was never written: everything but metadata is free.
    pub(super) unused: bool,
    pub(super) free_clusters: u64,
    bitmap_checksum: u32,
    inode_bitmap: u64,
    inode_table: u64,
}

/// The descriptors, read in long stretches where they follow each other.
pub(super) struct Groups<'a> {
    superblock: &'a Superblock,
    blocks: &'a Blocks<'a>,
    bytes: Vec<u8>,
    /// First descriptor block in `bytes`.
    first: u64,
}

impl<'a> Groups<'a> {
    pub(super) fn new(superblock: &'a Superblock, blocks: &'a Blocks<'a>) -> Self {
        Self { superblock, blocks, bytes: Vec::new(), first: 0 }
    }

    /// The descriptor of a group.
    pub(super) fn get(&mut self, number: u64) -> Result<Group, Stop> {
        let per_block = self.superblock.descriptors_per_block();
        let block_size = self.superblock.block_size;
        let index = number / per_block;
        let held = self.bytes.len() as u64 / block_size;
        if index < self.first || index >= self.first + held {
            self.load(index)?;
        }
        let at = (index - self.first) * block_size + number % per_block * self.superblock.descriptor_size;
        let raw = Fields(&self.bytes).slice(at as usize, self.superblock.descriptor_size as usize)?;
        self.parse(number, raw)
    }

    /// Reads descriptor blocks from `index` on, as far as they follow each other, up to 256 KiB.
    fn load(&mut self, index: u64) -> Result<(), Stop> {
        let last = self.superblock.groups.div_ceil(self.superblock.descriptors_per_block());
        let most = ((256 << 10) / self.superblock.block_size).min(last - index).max(1);
        let place = self.superblock.descriptor_block(index);
        let together =
            (0..most).take_while(|next| self.superblock.descriptor_block(index + next) == place + next).count();
        self.first = index;
        self.bytes.clear();
        self.bytes = self.blocks.read(place, together as u64)?;
        Ok(())
    }

    fn parse(&self, number: u64, bytes: &[u8]) -> Result<Group, Stop> {
        let raw = Fields(bytes);
        let wide = bytes.len() >= 64;
        let high = |at| if wide { raw.le32(at).map(u64::from) } else { Ok(0) };
        let flags = if self.superblock.checksums == Checksums::None { 0 } else { raw.le16(0x12)? };
        ensure(raw.le16(0x1E)? == self.checksum(number, bytes)?, "checksum of a group descriptor")?;
        let group = Group {
            number,
            bitmap: u64::from(raw.le32(0)?) | high(0x20)? << 32,
            inode_bitmap: u64::from(raw.le32(4)?) | high(0x24)? << 32,
            inode_table: u64::from(raw.le32(8)?) | high(0x28)? << 32,
            unused: flags & BLOCKS_UNUSED != 0,
            free_clusters: u64::from(raw.le16(0xC)?) | if wide { u64::from(raw.le16(0x2C)?) << 16 } else { 0 },
            bitmap_checksum: u32::from(raw.le16(0x18)?) | if wide { u32::from(raw.le16(0x38)?) << 16 } else { 0 },
        };
        ensure(
            group.metadata(self.superblock).iter().all(|(first, end)| self.inside(*first, *end)),
            "place of metadata",
        )?;
        Ok(group)
    }

    fn inside(&self, first: u64, end: u64) -> bool {
        first > self.superblock.first_data_block && first < end && end <= self.superblock.blocks
    }

    /// What the checksum field should hold (`ext4_group_desc_csum`).
    fn checksum(&self, number: u64, bytes: &[u8]) -> Result<u16, Stop> {
        let number = (number as u32).to_le_bytes();
        let (before, after) = (Fields(bytes).slice(0, 0x1E)?, &bytes[0x20..]);
        match self.superblock.checksums {
            Checksums::None => Fields(bytes).le16(0x1E),
            Checksums::Crc16 => {
                let start = crc16(crc16(crc16(!0, &self.superblock.uuid), &number), before);
                Ok(crc16(start, after))
            }
            Checksums::Crc32c => {
                let start = crc32c(crc32c(crc32c(self.superblock.seed, &number), before), &[0; 2]);
                Ok(crc32c(start, after) as u16)
            }
        }
    }

    /// Metadata of any group that lies in a group whose bitmap was never written: `(first, end)` in
    /// blocks, ascending. Descriptors that cannot be believed are left to the walk over the groups.
    pub(super) fn metadata_in_unused(&mut self, live: bool) -> Result<Vec<(u64, u64)>, Stop> {
        let mut found = Vec::new();
        if self.superblock.checksums == Checksums::None {
            return Ok(found);
        }
        let mut unused = vec![0u8; self.superblock.groups.div_ceil(8) as usize];
        for number in 0..self.superblock.groups {
            match self.get(number) {
                Ok(group) if group.unused => set(&mut unused, number, number + 1),
                Ok(_) => {}
                Err(Stop::Whole(_)) if live => {}
                Err(stop) => return Err(stop),
            }
        }
        if unused.iter().all(|byte| *byte == 0) {
            return Ok(found);
        }
        for number in 0..self.superblock.groups {
            let Ok(group) = self.get(number) else { continue };
            for (first, end) in group.metadata(self.superblock) {
                let groups = [first, end - 1].map(|block| self.superblock.group_of(block));
                if groups.iter().flatten().any(|group| super::bitmap::is_set(&unused, *group)) {
                    found.push((first, end));
                }
            }
            ensure(found.len() <= MAX_STRANGERS, "metadata in too many unused groups")?;
        }
        found.sort_unstable();
        Ok(found)
    }
}

impl Group {
    /// First block of the inode table.
    pub(super) fn inode_table(&self) -> u64 {
        self.inode_table
    }

    /// Blocks of its bitmaps and inode table: `(first, end)`.
    fn metadata(&self, superblock: &Superblock) -> [(u64, u64); 3] {
        let stretch = |first: u64, count: u64| (first, first.saturating_add(count));
        [stretch(self.bitmap, 1), stretch(self.inode_bitmap, 1), stretch(self.inode_table, superblock.inode_blocks())]
    }

    /// Clusters of this group that the blocks `first..end` touch.
    fn touched(&self, superblock: &Superblock, first: u64, end: u64) -> Option<(u64, u64)> {
        let span = superblock.span(self.number);
        let (first, end) = (first.max(span.first), end.min(span.end));
        (first < end)
            .then(|| ((first - span.first) / superblock.cluster, (end - span.first).div_ceil(superblock.cluster)))
    }

    /// The bitmap that Linux would make for the group (`ext4_init_block_bitmap`).
    pub(super) fn unused_bitmap(&self, superblock: &Superblock, strangers: &[(u64, u64)]) -> Vec<u8> {
        let mut bitmap = vec![0; superblock.block_size as usize];
        let span = superblock.span(self.number);
        let base = (span.first, span.first + superblock.base_blocks(self.number));
        // A table is shorter than a group, so that one that reaches in begins in the group before.
        let from = strangers.partition_point(|(first, _)| first + superblock.inode_blocks() < span.first);
        let near = strangers[from..].iter().take_while(|(first, _)| *first < span.end);
        for (first, end) in near.copied().chain([base]) {
            if let Some((first, end)) = self.touched(superblock, first, end) {
                set(&mut bitmap, first, end);
            }
        }
        bitmap
    }

    /// Whether the bitmap can be believed: checksum, and the group's own metadata marked used.
    pub(super) fn check_bitmap(&self, superblock: &Superblock, bitmap: &[u8]) -> Result<(), Stop> {
        if superblock.checksums == Checksums::Crc32c {
            let covered = superblock.blocks_per_group / superblock.cluster / 8;
            let Some(covered) = bitmap.get(..covered as usize) else { return inconsistent("size of a bitmap") };
            let wide = superblock.descriptor_size >= 64;
            let found = crc32c(superblock.seed, covered) & if wide { u32::MAX } else { 0xFFFF };
            ensure(found == self.bitmap_checksum, "checksum of a block bitmap")?;
        }
        let span = superblock.span(self.number);
        let base = (span.first, span.first + superblock.base_blocks(self.number));
        for (first, end) in self.metadata(superblock).into_iter().chain([base]) {
            if let Some((first, end)) = self.touched(superblock, first, end) {
                ensure(all_set(bitmap, first, end), "a bitmap calls its own metadata free")?;
            }
        }
        Ok(())
    }
}
