//! GUID partition tables (UEFI 2.10, chapter 5): both copies, by their checksums.

use super::checksum::crc32;
use super::fields::Fields;
use super::volume::{MAX_READ, Volume};
use super::{Stop, ensure, inconsistent};

/// LDM metadata, LDM data and Storage Spaces, as the bytes stand on the disk.
const DYNAMIC: [[u8; 16]; 3] = [
    *b"\xAA\xC8\x08\x58\x8F\x7E\xE0\x42\x85\xD2\xE1\xE9\x04\x34\xCF\xB3",
    *b"\xA0\x60\x9B\xAF\x31\x14\x62\x4F\xBC\x68\x33\x11\x71\x4A\x69\xAD",
    *b"\x8F\xAF\x5C\xE7\x80\xF6\xEE\x4C\xAF\xA3\xB0\x01\xE5\x6E\xFC\x2D",
];

/// A partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Number, from 1.
    pub(super) number: u32,
    /// First byte on the disk.
    pub(super) offset: u64,
    /// Bytes.
    pub(super) length: u64,
    /// Whether it belongs to a dynamic disk or a storage pool of Windows.
    pub(super) dynamic: bool,
}

/// A table that was read.
pub(super) struct Table {
    pub(super) partitions: Vec<Entry>,
    /// Where the table itself is: `(first byte, bytes)`.
    pub(super) reserved: Vec<(u64, u64)>,
    /// Which copies are valid.
    pub(super) copies: Copies,
}

/// Which copies of a table are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copies {
    /// Both, and they agree.
    Both,
    /// Both, and they differ.
    Differ,
    /// Only the first.
    First,
    /// Only the one at the end of the disk.
    Last,
}

/// A header and its entries, both with the right checksum.
struct Copy {
    header_at: u64,
    entries_at: u64,
    disk_id: [u8; 16],
    entries: Vec<u8>,
    entry_size: usize,
}

/// Reads the table of a disk, with sectors of 512 bytes or of 4096.
pub(super) fn table(disk: &Volume<'_>) -> Result<Table, Stop> {
    for sector in [512, 4096] {
        let first = valid(copy(disk, sector, sector))?;
        let last = match disk.length().checked_sub(sector) {
            Some(at) => valid(copy(disk, at / sector * sector, sector))?,
            None => None,
        };
        let copies = match (&first, &last) {
            (None, None) => continue,
            (Some(_), None) => Copies::First,
            (None, Some(_)) => Copies::Last,
            (Some(one), Some(other)) if one.disk_id == other.disk_id && one.entries == other.entries => Copies::Both,
            (Some(_), Some(_)) => Copies::Differ,
        };
        let reserved = [&first, &last]
            .into_iter()
            .flatten()
            .flat_map(|copy| [(copy.header_at, sector), (copy.entries_at, copy.entries.len() as u64)]);
        let mut reserved: Vec<_> = reserved.collect();
        reserved.push((0, sector));
        let Some(used) = first.or(last) else { continue };
        return Ok(Table { partitions: partitions(&used, sector)?, reserved, copies });
    }
    inconsistent("no partition table with a valid checksum")
}

/// A copy that contradicts itself counts as absent; a disk that cannot be read does not.
fn valid(copy: Result<Copy, Stop>) -> Result<Option<Copy>, Stop> {
    match copy {
        Ok(copy) => Ok(Some(copy)),
        Err(Stop::Whole(_)) => Ok(None),
        Err(stop) => Err(stop),
    }
}

/// The copy whose header is at byte `at`.
fn copy(disk: &Volume<'_>, at: u64, sector: u64) -> Result<Copy, Stop> {
    let bytes = disk.read(at, sector as usize)?;
    let header = Fields(&bytes);
    ensure(header.slice(0, 8)? == b"EFI PART", "no GPT header")?;
    let size = header.le32(12)? as usize;
    ensure((92..=512).contains(&size), "size of the GPT header")?;
    let mut covered = header.slice(0, size)?.to_vec();
    covered[16..20].fill(0);
    ensure(!crc32(!0, &covered) == header.le32(16)?, "checksum of the GPT header")?;
    ensure(header.le64(24)?.checked_mul(sector) == Some(at), "place of the GPT header")?;
    let (count, entry_size) = (header.le32(80)? as usize, header.le32(84)? as usize);
    ensure((128..=4096).contains(&entry_size) && entry_size.is_multiple_of(128), "size of a GPT entry")?;
    let length = count.checked_mul(entry_size).filter(|length| *length <= MAX_READ);
    let (Some(length), Some(entries_at)) = (length, header.le64(72)?.checked_mul(sector)) else {
        return inconsistent("number of GPT entries");
    };
    let entries = disk.read(entries_at, length)?;
    ensure(!crc32(!0, &entries) == header.le32(88)?, "checksum of the GPT entries")?;
    Ok(Copy { header_at: at, entries_at, disk_id: header.array(56)?, entries, entry_size })
}

/// The entries that are in use.
fn partitions(copy: &Copy, sector: u64) -> Result<Vec<Entry>, Stop> {
    let mut found = Vec::new();
    for (number, entry) in (1..).zip(copy.entries.chunks_exact(copy.entry_size)) {
        let entry = Fields(entry);
        let kind: [u8; 16] = entry.array(0)?;
        if kind == [0; 16] {
            continue;
        }
        let (first, last) = (entry.le64(32)?, entry.le64(40)?);
        let sectors = last.checked_sub(first).and_then(|count| count.checked_add(1));
        let offset = first.checked_mul(sector);
        let length = sectors.and_then(|count| count.checked_mul(sector));
        let (Some(offset), Some(length)) = (offset, length) else {
            return inconsistent("a GPT entry ends before it begins");
        };
        found.push(Entry { number, offset, length, dynamic: DYNAMIC.contains(&kind) });
    }
    Ok(found)
}
