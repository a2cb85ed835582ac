//! The superblock of ext2/3/4: shape, features, state.

use super::checksum::crc32c;
use super::fields::Fields;
use super::{Stop, Volume, WholeReason, ensure};

/// Place of the superblock, in bytes from the start of the volume.
pub(super) const PLACE: u64 = 1024;

/// Bytes of the superblock.
pub(super) const SIZE: usize = 1024;

// Features, as in fs/ext4/ext4.h.
const COMPAT_JOURNAL: u32 = 0x4;
const COMPAT_FAST_COMMIT: u32 = 0x400;
const COMPAT_SPARSE_SUPER2: u32 = 0x200;
const INCOMPAT_RECOVER: u32 = 0x4;
const INCOMPAT_META_BG: u32 = 0x10;
const INCOMPAT_64BIT: u32 = 0x80;
const INCOMPAT_CSUM_SEED: u32 = 0x2000;
/// filetype, recover, meta_bg, extents, 64bit, mmp, flex_bg, ea_inode, dirdata, csum_seed, largedir,
/// inline_data, encrypt, casefold: none of them changes what a bitmap means.
const INCOMPAT_KNOWN: u32 =
    0x2 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000;
const RO_SPARSE_SUPER: u32 = 0x1;
const RO_GDT_CSUM: u32 = 0x10;
const RO_BIGALLOC: u32 = 0x200;
const RO_METADATA_CSUM: u32 = 0x400;
/// sparse_super, large_file, btree_dir, huge_file, gdt_csum, dir_nlink, extra_isize, quota, bigalloc,
/// metadata_csum, replica, readonly, project, shared_blocks, verity, orphan_present.
const RO_KNOWN: u32 = 0x1
    | 0x2
    | 0x4
    | 0x8
    | 0x10
    | 0x20
    | 0x40
    | 0x100
    | 0x200
    | 0x400
    | 0x800
    | 0x1000
    | 0x2000
    | 0x4000
    | 0x8000
    | 0x10000;
/// Features by which a filesystem with a journal is ext4 and no longer ext3.
const EXT4_INCOMPAT: u32 = 0x40 | 0x80 | 0x200;
const EXT4_RO: u32 = 0x8 | 0x10 | 0x20 | 0x40 | 0x200 | 0x400;

/// How group descriptors are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checksums {
    /// Not at all: ext2 and ext3.
    None,
    /// CRC-16 of the descriptor, from the UUID (`uninit_bg`).
    Crc16,
    /// CRC-32C of descriptors and bitmaps (`metadata_csum`).
    Crc32c,
}

/// Most groups: enough for 2 PiB in blocks of 4 KiB, 128 TiB in blocks of 1 KiB.
const MAX_GROUPS: u64 = 1 << 24;

/// What the parsers need of the superblock; every number is checked against the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Superblock {
    /// Bytes of a block.
    pub(super) block_size: u64,
    /// Blocks of the filesystem.
    pub(super) blocks: u64,
    /// Block of the first group.
    pub(super) first_data_block: u64,
    pub(super) blocks_per_group: u64,
    /// Blocks of a cluster: 1, or more with `bigalloc`.
    pub(super) cluster: u64,
    pub(super) groups: u64,
    pub(super) descriptor_size: u64,
    pub(super) inodes_per_group: u64,
    pub(super) inode_size: u64,
    pub(super) checksums: Checksums,
    /// Seed of every CRC-32C.
    pub(super) seed: u32,
    pub(super) uuid: [u8; 16],
    pub(super) journal_inode: u32,
    /// Copy of the root of the journal inode's blocks; zeros where there is none.
    pub(super) journal_backup: [u8; 60],
    /// Whether the journal is on another device.
    pub(super) journal_elsewhere: bool,
    pub(super) fast_commit: bool,
    pub(super) needs_recovery: bool,
    /// Unmounted, or its journal keeps it so.
    pub(super) clean: bool,
    reserved_gdt: u64,
    first_meta_group: Option<u64>,
    backup_groups: Option<[u32; 2]>,
    features: Features,
}

/// What a system must know to mount it, to write to it, or may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Features {
    compat: u32,
    incompat: u32,
    ro: u32,
}

impl Features {
    /// Reads them; the first revision of the format, which is not dynamic, has none.
    fn read(raw: Fields<'_>, dynamic: bool) -> Result<Self, Stop> {
        let read = |at| if dynamic { raw.le32(at) } else { Ok(0) };
        let found = Self { compat: read(0x5C)?, incompat: read(0x60)?, ro: read(0x64)? };
        if found.incompat & !INCOMPAT_KNOWN != 0 || found.ro & !RO_KNOWN != 0 {
            return Err(Stop::Whole(WholeReason::Feature("a feature of ext4 of another version")));
        }
        Ok(found)
    }

    fn checksums(self) -> Checksums {
        match (self.ro & RO_METADATA_CSUM != 0, self.ro & RO_GDT_CSUM != 0) {
            (true, _) => Checksums::Crc32c,
            (false, true) => Checksums::Crc16,
            (false, false) => Checksums::None,
        }
    }

    /// Those that say where things are: no journal changes them. Others come with the first file
    /// that needs them.
    fn shape(self) -> [u32; 3] {
        [
            self.compat & COMPAT_SPARSE_SUPER2,
            self.incompat & (INCOMPAT_META_BG | INCOMPAT_64BIT | INCOMPAT_CSUM_SEED),
            self.ro & (RO_SPARSE_SUPER | RO_GDT_CSUM | RO_BIGALLOC | RO_METADATA_CSUM),
        ]
    }
}

/// Bytes of a block, and blocks of a cluster.
fn sizes(raw: Fields<'_>, features: Features) -> Result<(u64, u64), Stop> {
    let block = raw.le32(0x18)?;
    ensure(block <= 6, "block size")?;
    let cluster = if features.ro & RO_BIGALLOC != 0 { raw.le32(0x1C)? } else { block };
    ensure((block..=block + 20).contains(&cluster), "cluster size")?;
    Ok((1024 << block, 1 << (cluster - block)))
}

/// The copy of the journal inode's `i_block` (`s_jnl_blocks`), where the superblock has one.
fn journal_backup(raw: Fields<'_>) -> Result<[u8; 60], Stop> {
    let kept = raw.byte(0xFD)? == 1;
    let bytes = raw.slice(0x10C, 60)?;
    Ok(bytes.try_into().ok().filter(|_| kept).unwrap_or([0; 60]))
}

/// The blocks of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) first: u64,
    pub(super) end: u64,
}

impl Span {
    /// Clusters of the group; the last may be cut short by the end of the filesystem.
    pub(super) fn clusters(self, superblock: &Superblock) -> u64 {
        (self.end - self.first).div_ceil(superblock.cluster)
    }
}

impl Superblock {
    /// Reads it from its place.
    pub(super) fn read(volume: &Volume<'_>) -> Result<Self, Stop> {
        Self::parse(&volume.read(PLACE, SIZE)?, volume.length())
    }

    /// Understands its 1024 bytes, for a volume of `length` bytes.
    pub(super) fn parse(bytes: &[u8], length: u64) -> Result<Self, Stop> {
        let raw = Fields(bytes);
        ensure(raw.le16(0x38)? == 0xEF53, "magic of the superblock")?;
        let dynamic = raw.le32(0x4C)? >= 1;
        let features = Features::read(raw, dynamic)?;
        let checksums = features.checksums();
        if checksums == Checksums::Crc32c {
            ensure(crc32c(!0, raw.slice(0, 0x3FC)?) == raw.le32(0x3FC)?, "checksum of the superblock")?;
        }
        let state = raw.le16(0x3A)?;
        ensure(state & 0x2 == 0, "the filesystem itself recorded an error")?;
        let uuid: [u8; 16] = raw.array(0x68)?;
        let wide = features.incompat & INCOMPAT_64BIT != 0;
        let seeded = features.incompat & INCOMPAT_CSUM_SEED != 0;
        let meta_groups = features.incompat & INCOMPAT_META_BG != 0;
        let backups = features.compat & COMPAT_SPARSE_SUPER2 != 0;
        let (block_size, cluster) = sizes(raw, features)?;
        let found = Self {
            block_size,
            cluster,
            blocks: u64::from(raw.le32(4)?) | if wide { u64::from(raw.le32(0x150)?) << 32 } else { 0 },
            first_data_block: u64::from(raw.le32(0x14)?),
            blocks_per_group: u64::from(raw.le32(0x20)?),
            groups: 0,
            descriptor_size: if wide { u64::from(raw.le16(0xFE)?) } else { 32 },
            inodes_per_group: u64::from(raw.le32(0x28)?),
            inode_size: if dynamic { u64::from(raw.le16(0x58)?) } else { 128 },
            checksums,
            seed: if seeded { raw.le32(0x270)? } else { crc32c(!0, &uuid) },
            uuid,
            journal_inode: raw.le32(0xE0)?,
            journal_backup: journal_backup(raw)?,
            journal_elsewhere: raw.le32(0xE4)? != 0,
            fast_commit: features.compat & COMPAT_FAST_COMMIT != 0,
            needs_recovery: features.incompat & INCOMPAT_RECOVER != 0,
            // A journal, once replayed, makes it consistent whatever the state says.
            clean: state & 0x1 != 0 || features.compat & COMPAT_JOURNAL != 0,
            reserved_gdt: u64::from(raw.le16(0xCE)?),
            first_meta_group: if meta_groups { Some(u64::from(raw.le32(0x104)?)) } else { None },
            backup_groups: if backups { Some([raw.le32(0x24C)?, raw.le32(0x250)?]) } else { None },
            features,
        };
        found.checked(u64::from(raw.le32(0x24)?), length)
    }

    /// Holds the numbers against each other and fills in the number of groups.
    fn checked(mut self, clusters_per_group: u64, length: u64) -> Result<Self, Stop> {
        ensure(self.blocks > self.first_data_block, "number of blocks")?;
        ensure(self.blocks <= length / self.block_size, "it is longer than its partition")?;
        ensure(self.first_data_block == u64::from(self.block_size == 1024 && self.cluster == 1), "first block")?;
        let bits = 8 * self.block_size;
        ensure(clusters_per_group > 0 && clusters_per_group <= bits, "clusters of a group")?;
        let expected = clusters_per_group.checked_mul(self.cluster);
        // Without bigalloc old tools leave the count of clusters as they like.
        let agrees = expected == Some(self.blocks_per_group) || (self.cluster == 1 && self.blocks_per_group <= bits);
        ensure(self.blocks_per_group > 0 && agrees && self.blocks_per_group.is_multiple_of(8), "blocks of a group")?;
        ensure(self.inodes_per_group > 0 && self.inodes_per_group <= bits, "inodes of a group")?;
        let size = self.descriptor_size;
        ensure((32..=1024).contains(&size) && size.is_power_of_two(), "size of a group descriptor")?;
        let inode = self.inode_size;
        ensure((128..=self.block_size).contains(&inode) && inode.is_power_of_two(), "size of an inode")?;
        self.groups = (self.blocks - self.first_data_block).div_ceil(self.blocks_per_group);
        ensure(self.groups <= MAX_GROUPS, "number of groups")?;
        Ok(self)
    }

    /// Whether the two have the same shape and features, apart from the journal's state.
    pub(super) fn same_shape(&self, other: &Self) -> bool {
        let shape = |one: &Self| (one.block_size, one.blocks, one.blocks_per_group, one.cluster, one.descriptor_size);
        let features = self.features.shape() == other.features.shape();
        features && shape(self) == shape(other) && self.uuid == other.uuid
    }

    /// `ext2`, `ext3` or `ext4`.
    pub(super) fn name(&self) -> &'static str {
        if self.features.incompat & EXT4_INCOMPAT != 0 || self.features.ro & EXT4_RO != 0 {
            "ext4"
        } else if self.features.compat & COMPAT_JOURNAL != 0 {
            "ext3"
        } else {
            "ext2"
        }
    }

    /// The blocks of a group.
    pub(super) fn span(&self, group: u64) -> Span {
        let first = self.first_data_block + group * self.blocks_per_group;
        Span { first, end: (first + self.blocks_per_group).min(self.blocks) }
    }

    /// The group that holds a block.
    pub(super) fn group_of(&self, block: u64) -> Option<u64> {
        let group = block.checked_sub(self.first_data_block)? / self.blocks_per_group;
        (group < self.groups).then_some(group)
    }

    /// Blocks of the inode table of a group.
    pub(super) fn inode_blocks(&self) -> u64 {
        (self.inodes_per_group * self.inode_size).div_ceil(self.block_size)
    }

    /// Descriptors in a block.
    pub(super) fn descriptors_per_block(&self) -> u64 {
        self.block_size / self.descriptor_size
    }

    /// Blocks of descriptors.
    fn descriptor_blocks(&self) -> u64 {
        self.groups.div_ceil(self.descriptors_per_block())
    }

    /// Where block `index` of the descriptors is (`descriptor_loc` of fs/ext4/super.c).
    pub(super) fn descriptor_block(&self, index: u64) -> u64 {
        match self.first_meta_group {
            Some(first) if index >= first => {
                let group = index * self.descriptors_per_block();
                // With 1 KiB blocks and bigalloc the superblock is block 1 of a group that begins at 0.
                let shifted = self.block_size == 1024 && index == 0 && self.first_data_block == 0;
                self.span(group).first + u64::from(self.has_superblock(group)) + u64::from(shifted)
            }
            _ => PLACE / self.block_size + index + 1,
        }
    }

    /// Whether a group begins with a copy of the superblock (`ext4_bg_has_super`).
    fn has_superblock(&self, group: u64) -> bool {
        let power = |base: u64| {
            let mut power = base;
            while power < group {
                power *= base;
            }
            power == group
        };
        if group == 0 {
            return true;
        }
        match self.backup_groups {
            Some(backups) => backups.iter().any(|backup| u64::from(*backup) == group),
            None => self.features.ro & RO_SPARSE_SUPER == 0 || group == 1 || power(3) || power(5) || power(7),
        }
    }

    /// Blocks at the start of a group for copies of superblock and descriptors
    /// (`ext4_num_base_meta_blocks`).
    pub(super) fn base_blocks(&self, group: u64) -> u64 {
        let superblock = u64::from(self.has_superblock(group));
        let per_block = self.descriptors_per_block();
        match self.first_meta_group {
            Some(first) if group >= first * per_block => {
                let place = group % per_block;
                superblock + u64::from(place == 0 || place == 1 || place == per_block - 1)
            }
            meta => match superblock {
                0 => 0,
                _ => 1 + meta.unwrap_or_else(|| self.descriptor_blocks()) + self.reserved_gdt,
            },
        }
    }
}
