//! Linux swap: the header page is kept, the pages behind it hold nothing that survives a boot.

use super::fields::Fields;
use super::signature::PAGES;
use super::skips::Draft;
use super::volume::Volume;
use super::{Mapped, SkipReason, Stop, ensure, inconsistent};

/// Maps a swap area (`union swap_header` of Linux, version 1).
pub(super) fn map(volume: &Volume<'_>) -> Result<Mapped, Stop> {
    let Some(page) = page_size(volume)? else { return inconsistent("no swap header") };
    let header = volume.read(1024, 12)?;
    let header = Fields(&header);
    ensure(header.le32(0)? == 1, "version of the swap header")?;
    let last_page = u64::from(header.le32(4)?);
    ensure(last_page > 0 && (last_page + 1) * page <= volume.length(), "swap reaches beyond its partition")?;
    let mut draft = Draft::new(volume);
    draft.skip(page, (last_page + 1) * page, SkipReason::Swap);
    // What is swapped out changes without end, but no system that boots from the copy needs it.
    Ok(Mapped { content: "swap", skips: draft.finish(), provisional: false, remarks: Vec::new() })
}

fn page_size(volume: &Volume<'_>) -> Result<Option<u64>, Stop> {
    for page in PAGES {
        if page <= volume.length() && volume.read(page - 10, 10)? == b"SWAPSPACE2" {
            return Ok(Some(page));
        }
    }
    Ok(None)
}
