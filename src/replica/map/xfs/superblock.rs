//! The superblock of XFS.

use super::checksum::crc32c_without;
use super::fields::Fields;
use super::{Stop, Volume, WholeReason, ensure};

/// ftype, spinodes, meta_uuid, bigtime, nrext64, exchange-range, parent pointers: none changes what
/// free space is. Not among them: needsrepair, metadata directories with realtime groups.
const INCOMPAT_KNOWN: u32 = 0x1 | 0x2 | 0x4 | 0x8 | 0x20 | 0x40 | 0x80;
const INCOMPAT_META_UUID: u32 = 0x4;
const INCOMPAT_NEEDS_REPAIR: u32 = 0x10;
/// finobt, rmapbt, reflink, inobtcnt.
const RO_KNOWN: u32 = 0x1 | 0x2 | 0x4 | 0x8;

/// Smallest group that mkfs.xfs makes, in bytes.
const MIN_GROUP: u64 = 16 << 20;

/// What the parsers need of the superblock; every number is checked against the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Superblock {
    pub(super) block_size: u64,
    pub(super) sector_size: u64,
    /// Blocks of the filesystem.
    pub(super) blocks: u64,
    /// Blocks of every group but the last.
    pub(super) group_blocks: u64,
    pub(super) groups: u64,
    /// Whether metadata carries checksums (version 5).
    pub(super) checksums: bool,
    /// UUID in metadata blocks.
    pub(super) uuid: [u8; 16],
    /// UUID in log records.
    pub(super) log_uuid: [u8; 16],
    /// First byte of the log; none where it is on another device.
    pub(super) log_start: Option<u64>,
    /// Bytes of the log.
    pub(super) log_length: u64,
}

/// Checks what version 5 added; returns the UUID that its metadata carries.
fn version_5(volume: &Volume<'_>, raw: Fields<'_>, sector_size: u64) -> Result<[u8; 16], Stop> {
    let sector = volume.read(0, sector_size as usize)?;
    ensure(!crc32c_without(!0, &sector, 224) == raw.le32(224)?, "checksum of the superblock")?;
    let incompat = raw.be32(216)?;
    if incompat & INCOMPAT_NEEDS_REPAIR != 0 {
        return Err(Stop::Whole(WholeReason::Unclean("it is marked for repair")));
    }
    if incompat & !INCOMPAT_KNOWN != 0 || raw.be32(212)? & !RO_KNOWN != 0 {
        return Err(Stop::Whole(WholeReason::Feature("a feature of XFS of another version")));
    }
    raw.array(if incompat & INCOMPAT_META_UUID != 0 { 248 } else { 32 })
}

impl Superblock {
    /// Reads and checks it.
    pub(super) fn read(volume: &Volume<'_>) -> Result<Self, Stop> {
        let bytes = volume.read(0, 512)?;
        let raw = Fields(&bytes);
        let version = raw.be16(100)? & 0xF;
        if !matches!(version, 4 | 5) {
            return Err(Stop::Whole(WholeReason::Feature("a version of XFS other than 4 and 5")));
        }
        let sector_size = u64::from(raw.be16(102)?);
        ensure((512..=32768).contains(&sector_size) && sector_size.is_power_of_two(), "sector size")?;
        let log_uuid: [u8; 16] = raw.array(32)?;
        let uuid = if version == 5 { version_5(volume, raw, sector_size)? } else { log_uuid };
        ensure(raw.byte(126)? == 0, "it was never finished")?;
        let log_group_blocks = u32::from(raw.byte(124)?);
        let found = Self {
            block_size: u64::from(raw.be32(4)?),
            sector_size,
            blocks: raw.be64(8)?,
            group_blocks: u64::from(raw.be32(84)?),
            groups: u64::from(raw.be32(88)?),
            checksums: version == 5,
            uuid,
            log_uuid,
            log_start: None,
            log_length: 0,
        };
        found.checked(volume.length())?.with_log(raw.be64(48)?, u64::from(raw.be32(96)?), log_group_blocks)
    }

    fn checked(self, length: u64) -> Result<Self, Stop> {
        let block = self.block_size;
        ensure((512..=65536).contains(&block) && block.is_power_of_two() && block >= self.sector_size, "block size")?;
        ensure(self.blocks > 0 && self.blocks <= length / block, "it is longer than its partition")?;
        ensure(self.group_blocks * block >= MIN_GROUP && self.groups > 0, "size of the groups")?;
        let whole = self.group_blocks * (self.groups - 1);
        ensure(whole < self.blocks && self.blocks - whole <= self.group_blocks, "number of groups")?;
        Ok(self)
    }

    /// Fills in where the log is, from its filesystem block and its number of blocks.
    fn with_log(mut self, start: u64, blocks: u64, log_group_blocks: u32) -> Result<Self, Stop> {
        if start == 0 {
            return Ok(self);
        }
        ensure(log_group_blocks < 32 && self.group_blocks <= 1 << log_group_blocks, "size of the groups")?;
        let (group, first) = (start >> log_group_blocks, start & ((1 << log_group_blocks) - 1));
        ensure(group < self.groups && blocks > 0, "place of the log")?;
        ensure(first + blocks <= self.group_length(group), "place of the log")?;
        self.log_start = Some((group * self.group_blocks + first) * self.block_size);
        self.log_length = blocks * self.block_size;
        Ok(self)
    }

    /// Blocks of a group; the last is shorter.
    pub(super) fn group_length(&self, group: u64) -> u64 {
        self.group_blocks.min(self.blocks - group * self.group_blocks)
    }
}
