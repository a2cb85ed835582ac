//! MBR partition tables, with the chain of logical partitions in an extended one.
//!
//! Sectors are taken as 512 bytes, as by every BIOS; a disk of another kind is not recognised.

use super::fields::Fields;
use super::volume::Volume;
use super::{Stop, ensure};

const SECTOR: u64 = 512;

/// Most logical partitions; Linux stops at 256 too.
const MAX_LOGICAL: u32 = 256;

/// Type of the one entry that protects a GPT.
pub(super) const PROTECTIVE: u8 = 0xEE;

/// Type of a disk of the Windows Logical Disk Manager (dynamic disk).
pub(super) const DYNAMIC: u8 = 0x42;

/// An entry of a partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Number as Linux counts: 1 to 4, logical ones from 5.
    pub(super) number: u32,
    /// Type.
    pub(super) kind: u8,
    /// First byte on the disk.
    pub(super) offset: u64,
    /// Bytes.
    pub(super) length: u64,
}

impl Entry {
    fn is_extended(&self) -> bool {
        matches!(self.kind, 0x05 | 0x0F | 0x85)
    }
}

/// The four entries of a sector, empty ones left out; none where it is no partition table.
pub(super) fn entries(sector: &[u8]) -> Option<Vec<Entry>> {
    let fields = Fields(sector);
    if fields.le16(510).ok()? != 0xAA55 {
        return None;
    }
    let mut found = Vec::new();
    for number in 0..4 {
        let at = 446 + 16 * number as usize;
        let (status, kind) = (fields.byte(at).ok()?, fields.byte(at + 4).ok()?);
        let (first, count) = (fields.le32(at + 8).ok()?, fields.le32(at + 12).ok()?);
        if status & 0x7F != 0 {
            return None; // The code of a boot sector, not a table.
        }
        if kind != 0 && count != 0 {
            let (offset, length) = (u64::from(first) * SECTOR, u64::from(count) * SECTOR);
            found.push(Entry { number: number + 1, kind, offset, length });
        }
    }
    Some(found)
}

/// Partitions that hold something, and the sectors of the table itself, `(first byte, bytes)`.
pub(super) struct Table {
    pub(super) partitions: Vec<Entry>,
    pub(super) reserved: Vec<(u64, u64)>,
}

/// The partitions of a disk whose first sector has these entries, logical ones included.
pub(super) fn table(disk: &Volume<'_>, primary: &[Entry]) -> Result<Table, Stop> {
    let mut table = Table { partitions: Vec::new(), reserved: vec![(0, SECTOR)] };
    for entry in primary {
        if entry.is_extended() {
            logical(disk, entry, &mut table)?;
        } else {
            table.partitions.push(*entry);
        }
    }
    Ok(table)
}

/// Follows the chain of an extended partition: each link names one partition and the next link.
fn logical(disk: &Volume<'_>, extended: &Entry, table: &mut Table) -> Result<(), Stop> {
    let end = extended.offset + extended.length;
    let mut link = extended.offset;
    for number in 0..MAX_LOGICAL {
        let sector = disk.read(link, SECTOR as usize)?;
        let Some(found) = entries(&sector) else { return ensure(number == 0, "chain of logical partitions") };
        table.reserved.push((link, SECTOR));
        if let Some(entry) = found.iter().find(|entry| entry.number == 1 && !entry.is_extended()) {
            table.partitions.push(Entry { number: 5 + number, offset: link + entry.offset, ..*entry });
        }
        let Some(next) = found.iter().find(|entry| entry.is_extended()) else { return Ok(()) };
        link = extended.offset + next.offset;
        ensure(next.offset > 0 && link < end, "chain of logical partitions")?;
    }
    ensure(false, "chain of logical partitions without end")
}
