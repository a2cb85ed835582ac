//! Whether `$LogFile` says that Windows closed the volume (`ntfs_is_logfile_clean` of libntfs-3g).

use super::fields::Fields;
use super::record::restore;
use super::stream::Stream;
use super::{Stop, Volume, ensure};

/// No client of the log is open.
const NO_CLIENT: u16 = 0xFFFF;

/// Flag of a restart area: the volume is clean.
const CLEAN: u16 = 0x0002;

/// Longest page of the log that is read.
const MAX_PAGE: usize = 64 << 10;

/// Whether a mount would find nothing to do in the log.
pub(super) fn is_clean(volume: &Volume<'_>, log: &Stream) -> Result<bool, Stop> {
    let first = restart(volume, log, 0)?;
    let page = first.as_ref().map_or(4096, |restart| restart.page);
    match (first, restart(volume, log, page)?) {
        (Some(one), Some(other)) => Ok(if one.number >= other.number { one.clean } else { other.clean }),
        (Some(one), None) | (None, Some(one)) => Ok(one.clean),
        // A log that was emptied is filled with ones.
        (None, None) => Ok(log.read(volume, 0, 8192)?.iter().all(|byte| *byte == 0xFF)),
    }
}

struct Restart {
    page: u64,
    number: u64,
    clean: bool,
}

/// The restart page at a place; none where there is none, unclean where it is not understood.
fn restart(volume: &Volume<'_>, log: &Stream, place: u64) -> Result<Option<Restart>, Stop> {
    let head = log.read(volume, place, 512)?;
    let raw = Fields(&head);
    if raw.slice(0, 4)? != b"RSTR" {
        return Ok(None);
    }
    let page = raw.le32(16)? as usize;
    ensure((512..=MAX_PAGE).contains(&page) && page.is_power_of_two(), "page of $LogFile")?;
    let mut bytes = log.read(volume, place, page)?;
    restore(&mut bytes, b"RSTR")?;
    let raw = Fields(&bytes);
    // Version 2 is what Windows 8 and later leave while the volume waits for their fast start.
    let known = raw.le16(28)? == 1;
    let area = usize::from(raw.le16(24)?);
    let (clients, flags) = (raw.le16(area + 12)?, raw.le16(area + 14)?);
    let clean = known && (clients == NO_CLIENT || flags & CLEAN != 0);
    Ok(Some(Restart { page: page as u64, number: raw.le64(area)?, clean }))
}
