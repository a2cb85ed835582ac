//! The label of a physical volume, and the text of its volume group behind it.

use super::checksum::crc32;
use super::fields::Fields;
use super::{MAX_READ, Stop, Volume, ensure, inconsistent};

/// What LVM's checksums begin with.
const INITIAL: u32 = 0xF597_A6CF;

const SECTOR: usize = 512;

/// Longest text of a volume group; LVM keeps two in an area of 1 MiB by default.
const MAX_TEXT: u64 = 2 << 20;

/// Most areas of metadata; LVM makes two.
const MAX_AREAS: usize = 8;

/// The label's content.
pub(super) struct Label {
    /// UUID, 32 letters and digits.
    pub(super) uuid: String,
    /// Areas of metadata: `(first byte, bytes)`.
    areas: Vec<(u64, u64)>,
}

impl Label {
    /// Whether neither the label nor an area of metadata lies in the bytes `from..to`.
    pub(super) fn outside(&self, from: u64, to: u64) -> bool {
        let apart = |(start, size): &(u64, u64)| start.saturating_add(*size) <= from || *start >= to;
        from >= 4 * SECTOR as u64 && self.areas.iter().all(apart)
    }
}

/// Reads the label, which is in one of the first four sectors.
pub(super) fn read(volume: &Volume<'_>) -> Result<Label, Stop> {
    let bytes = volume.read(0, 4 * SECTOR)?;
    for (number, sector) in (0u64..).zip(bytes.chunks_exact(SECTOR)) {
        let raw = Fields(sector);
        if raw.slice(0, 8)? == b"LABELONE" && raw.le64(8)? == number {
            ensure(raw.slice(24, 8)? == b"LVM2 001", "kind of the label")?;
            ensure(crc32(INITIAL, &sector[20..]) == raw.le32(16)?, "checksum of the label")?;
            return match sector.get(raw.le32(20)? as usize..) {
                Some(header) => parse(header),
                None => inconsistent("place of the label's header"),
            };
        }
    }
    inconsistent("no label at its place")
}

/// The header behind the label: UUID, size, data areas up to a zero, metadata areas up to a zero.
fn parse(header: &[u8]) -> Result<Label, Stop> {
    let raw = Fields(header);
    let uuid = raw.slice(0, 32)?;
    ensure(uuid.is_ascii(), "UUID of the label")?;
    let uuid = String::from_utf8_lossy(uuid).into_owned();
    let mut at = 40;
    let mut lists = [Vec::new(), Vec::new()];
    for list in &mut lists {
        loop {
            let (offset, size) = (raw.le64(at)?, raw.le64(at + 8)?);
            at += 16;
            if offset == 0 {
                break;
            }
            ensure(list.len() < MAX_AREAS, "number of areas in the label")?;
            list.push((offset, size));
        }
    }
    let [_, areas] = lists;
    Ok(Label { uuid, areas })
}

/// The newest text of the group in any area; none where no area has one.
pub(super) fn metadata(volume: &Volume<'_>, label: &Label) -> Result<Option<String>, Stop> {
    let mut newest: Option<(u64, String)> = None;
    for (start, size) in &label.areas {
        let Some(text) = area(volume, *start, *size)? else { continue };
        let Some(number) = sequence(&text) else { return inconsistent("text of the volume group") };
        if newest.as_ref().is_none_or(|(other, _)| *other < number) {
            newest = Some((number, text));
        }
    }
    Ok(newest.map(|(_, text)| text))
}

/// The number of changes of the group, from its text: enough to tell the newer of two.
fn sequence(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("seqno = ")?;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// The text in an area, which is a ring behind its header of one sector.
fn area(volume: &Volume<'_>, start: u64, size: u64) -> Result<Option<String>, Stop> {
    let sector = volume.read(start, SECTOR)?;
    let raw = Fields(&sector);
    ensure(raw.slice(4, 16)? == b" LVM2 x[5A%r0N*>" && raw.le32(20)? == 1, "header of the metadata")?;
    ensure(crc32(INITIAL, &sector[4..]) == raw.le32(0)?, "checksum of the metadata's header")?;
    ensure(raw.le64(24)? == start && raw.le64(32)? == size && size > SECTOR as u64, "header of the metadata")?;
    let (offset, length) = (raw.le64(40)?, raw.le64(48)?);
    let (wanted, ignored) = (raw.le32(56)?, raw.le32(60)? & 1 != 0);
    if offset == 0 || ignored {
        return Ok(None);
    }
    ensure(offset >= SECTOR as u64 && offset < size, "place of the metadata")?;
    ensure(length <= MAX_TEXT && length <= size - SECTOR as u64, "length of the metadata")?;
    let mut bytes = Vec::with_capacity(length as usize);
    let before = length.min(size - offset);
    append(volume, start.saturating_add(offset), before, &mut bytes)?;
    append(volume, start.saturating_add(SECTOR as u64), length - before, &mut bytes)?;
    ensure(crc32(INITIAL, &bytes) == wanted, "checksum of the metadata")?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => inconsistent("text of the volume group"),
    }
}

fn append(volume: &Volume<'_>, from: u64, length: u64, bytes: &mut Vec<u8>) -> Result<(), Stop> {
    let mut at = 0;
    while at < length {
        let count = (length - at).min(MAX_READ as u64);
        bytes.extend(volume.read(from.saturating_add(at), count as usize)?);
        at += count;
    }
    Ok(())
}
