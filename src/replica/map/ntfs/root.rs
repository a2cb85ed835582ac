//! Files in the root directory whose contents are not needed on a copy.

use super::fields::Fields;
use super::record::{NUMBER, Record, Records, restore};
use super::stream::Stream;
use super::{RECORD_ROOT, SkipReason, Stop, Volume, ensure};

const FILE_NAME: u32 = 0x30;
const INDEX_ROOT: u32 = 0x90;
const INDEX_ALLOCATION: u32 = 0xA0;

/// Name of a directory's index, in UTF-16.
const INDEX_NAME: &[u8] = b"$\0I\x003\x000\0";

/// Longest root directory that is searched; beyond it the files are copied like any other.
const MAX_INDEX: u64 = 64 << 20;

const NAMES: [(&str, SkipReason); 3] = [
    ("pagefile.sys", SkipReason::PageFile),
    ("hiberfil.sys", SkipReason::HibernationFile),
    ("swapfile.sys", SkipReason::SwapFile),
];

/// A file whose contents are not needed.
pub(super) struct SystemFile {
    pub(super) reason: SkipReason,
    pub(super) stream: Stream,
}

/// The files of [`NAMES`] in the root directory that are plain files of their own.
pub(super) fn system_files(volume: &Volume<'_>, records: &Records<'_>) -> Result<Vec<SystemFile>, Stop> {
    let root = records.get(RECORD_ROOT)?;
    let mut found = Vec::new();
    for (reference, reason) in references(volume, records, &root)? {
        if found.iter().any(|file: &SystemFile| file.reason == reason) {
            continue;
        }
        if let Some(stream) = system_file(records, reference, reason)? {
            found.push(SystemFile { reason, stream });
        }
    }
    Ok(found)
}

/// References to records that the root directory has under the names sought.
fn references(volume: &Volume<'_>, records: &Records<'_>, root: &Record) -> Result<Vec<(u64, SkipReason)>, Stop> {
    let mut found = Vec::new();
    if let Some(index) = root.find(INDEX_ROOT, INDEX_NAME)? {
        let index = index.value()?;
        entries(Fields(index), 16, &mut found)?;
        let size = Fields(index).le32(8)? as usize;
        if Fields(index).le32(16 + 12)? & 1 != 0 {
            ensure((512..=65536).contains(&size) && size.is_power_of_two(), "size of an index block")?;
            let blocks = root.stream(records, INDEX_ALLOCATION, INDEX_NAME)?;
            let length = blocks.valid().min(MAX_INDEX) / size as u64;
            for block in 0..length {
                let mut bytes = blocks.read(volume, block * size as u64, size)?;
                // A block that was never used has no mark; a torn one is only not searched.
                if restore(&mut bytes, b"INDX").is_ok() {
                    let _ = entries(Fields(&bytes), 24, &mut found);
                }
            }
        }
    }
    Ok(found)
}

/// The entries of an index node whose header is at `header`.
fn entries(node: Fields<'_>, header: usize, found: &mut Vec<(u64, SkipReason)>) -> Result<(), Stop> {
    let end = header + node.le32(header + 4)? as usize;
    let mut at = header + node.le32(header)? as usize;
    while at + 16 <= end {
        let (reference, length) = (node.le64(at)?, usize::from(node.le16(at + 8)?));
        let (key, flags) = (usize::from(node.le16(at + 10)?), node.le16(at + 12)?);
        if flags & 2 != 0 {
            break;
        }
        ensure(length >= 16, "entry of a directory")?;
        if let Some(reason) = name_of(node.slice(at + 16, key)?)? {
            found.push((reference, reason));
        }
        at += length;
    }
    Ok(())
}

/// The reason that belongs to a `$FILE_NAME`, whose parent must be the root.
fn name_of(value: &[u8]) -> Result<Option<SkipReason>, Stop> {
    let raw = Fields(value);
    if raw.le64(0)? & NUMBER != RECORD_ROOT {
        return Ok(None);
    }
    let name = raw.slice(66, 2 * usize::from(raw.byte(64)?))?;
    let name: Vec<u16> = name.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    let name = String::from_utf16_lossy(&name);
    Ok(NAMES.iter().find(|(wanted, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, reason)| *reason))
}

/// The content of the file that `reference` names, if it is the file sought: what is left in an
/// unused part of the index may name one that is gone. One that is there must be understood, since
/// it says whether a system sleeps.
fn system_file(records: &Records<'_>, reference: u64, reason: SkipReason) -> Result<Option<Stream>, Stop> {
    let record = records.any(reference & NUMBER)?;
    if !record.in_use()? || record.sequence()? != (reference >> 48) as u16 || record.data_is_resident()? {
        return Ok(None);
    }
    for value in record.values(records, FILE_NAME)? {
        if name_of(&value)? == Some(reason) {
            return Ok(Some(record.data(records)?).filter(Stream::plain));
        }
    }
    Ok(None)
}
