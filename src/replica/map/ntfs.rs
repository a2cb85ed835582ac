//! NTFS: free space from `$Bitmap`, and the contents of page, hibernation and swap files.
//!
//! After fs/ntfs3 of Linux and libntfs-3g. A volume that was not closed cleanly (dirty flag, open
//! `$LogFile`, Windows' fast start, hibernation) is copied whole. The boot sector's copy behind the
//! last cluster is outside the bitmap, and so always copied.

mod boot;
mod logfile;
mod record;
mod root;
mod stream;

use super::skips::Draft;
use super::volume::{MAX_READ, Volume};
use super::{Activity, Mapped, Remark, SkipReason, Stop, WholeReason, ensure, inconsistent};
use super::{bitmap, fields};
use boot::Geometry;
use record::Records;
use root::SystemFile;
use stream::{Run, Stream};

/// Numbers of the records that are read.
const RECORD_LOGFILE: u64 = 2;
const RECORD_VOLUME: u64 = 3;
const RECORD_ROOT: u64 = 5;
const RECORD_BITMAP: u64 = 6;

/// Type of the attribute with the volume's flags.
const VOLUME_INFORMATION: u32 = 0x70;

/// Set while a volume is to be checked.
const VOLUME_DIRTY: u16 = 0x0001;

/// Maps an NTFS volume.
pub(super) fn map(volume: &Volume<'_>, activity: Activity) -> Result<Mapped, Stop> {
    let geometry = Geometry::read(volume)?;
    let records = Records::open(volume, &geometry)?;
    let unclean = unclean(volume, &records)?;
    let live = activity == Activity::Live;
    if let (Some(why), false) = (unclean, live) {
        return Err(Stop::Whole(WholeReason::Unclean(why)));
    }
    let files = root::system_files(volume, &records)?;
    hibernated(volume, &files)?;
    let bitmap = records.get(RECORD_BITMAP)?.data(&records)?;
    ensure(bitmap.valid() >= geometry.clusters.div_ceil(8), "length of $Bitmap")?;
    let used = [records.stream(), &bitmap].into_iter().flat_map(|stream| stream.runs().iter().copied());
    let mut used: Vec<Run> = used.chain(files.iter().flat_map(|file| file.stream.runs().iter().copied())).collect();
    used.push(Run { first: 0, cluster: Some(0), count: 1 });
    let mut walk = Walk { volume, geometry: &geometry, draft: Draft::new(volume) };
    walk.clusters(&bitmap, used)?;
    let mut skips = walk.draft.finish();
    for file in &files {
        skips.append(contents(volume, &geometry, file));
    }
    let remarks = if shadow_copies(volume)? { vec![Remark::ShadowCopies] } else { Vec::new() };
    Ok(Mapped { content: "NTFS", skips, provisional: live && unclean.is_some(), remarks })
}

/// Why a volume is not clean; none where it is.
fn unclean(volume: &Volume<'_>, records: &Records<'_>) -> Result<Option<&'static str>, Stop> {
    let information = records.get(RECORD_VOLUME)?.resident(VOLUME_INFORMATION)?;
    if fields::Fields(&information).le16(10)? & VOLUME_DIRTY != 0 {
        return Ok(Some("its dirty flag is set"));
    }
    let log = records.get(RECORD_LOGFILE)?.data(records)?;
    Ok(if logfile::is_clean(volume, &log)? { None } else { Some("its $LogFile is open") })
}

/// Stops where a system sleeps on the volume.
fn hibernated(volume: &Volume<'_>, files: &[SystemFile]) -> Result<(), Stop> {
    for file in files.iter().filter(|file| file.reason == SkipReason::HibernationFile) {
        if file.stream.valid() < 4 {
            continue;
        }
        let mark = file.stream.read(volume, 0, 4)?.to_ascii_lowercase();
        if mark == b"hibr" {
            return Err(Stop::Whole(WholeReason::Hibernated));
        }
    }
    Ok(())
}

/// Whether volume shadow copies are kept: their header names a catalog.
fn shadow_copies(volume: &Volume<'_>) -> Result<bool, Stop> {
    const HEADER: &[u8] = b"\x6B\x87\x08\x38\x76\xC1\x48\x4E\xB7\xAE\x04\x04\x6E\x6C\xC7\x52";
    let header = volume.read(0x1E00, 64)?;
    Ok(header.starts_with(HEADER) && fields::Fields(&header).le64(48)? != 0)
}

/// The contents of a file that is not needed; its record stays as it is.
fn contents(volume: &Volume<'_>, geometry: &Geometry, file: &SystemFile) -> super::skips::Skips {
    let mut draft = Draft::new(volume);
    for run in file.stream.runs() {
        let Some(cluster) = run.cluster else { continue };
        let from = cluster * geometry.cluster_size;
        draft.skip(from, from + run.count * geometry.cluster_size, file.reason);
    }
    draft.finish()
}

struct Walk<'a> {
    volume: &'a Volume<'a>,
    geometry: &'a Geometry,
    draft: Draft<'a>,
}

impl Walk<'_> {
    /// Skips what the bitmap calls free; `used` are clusters that it must not call so.
    fn clusters(&mut self, bitmap: &Stream, mut used: Vec<Run>) -> Result<(), Stop> {
        used.retain(|run| run.cluster.is_some());
        used.sort_unstable_by_key(|run| run.cluster);
        let end = self.geometry.clusters;
        let piece = MAX_READ as u64 * 8;
        let mut from = 0;
        while from < end {
            let count = piece.min(end - from);
            let bytes = bitmap.read(self.volume, from / 8, count.div_ceil(8) as usize)?;
            for run in &used {
                let Some(cluster) = run.cluster else { continue };
                let (first, last) = (cluster.max(from), (cluster + run.count).min(from + count));
                if first < last {
                    ensure(bitmap::all_set(&bytes, first - from, last - from), "$Bitmap calls a file's cluster free")?;
                }
            }
            for (first, count) in bitmap::free_runs(&bytes, count) {
                let start = (from + first) * self.geometry.cluster_size;
                self.draft.skip(start, start + count * self.geometry.cluster_size, SkipReason::NtfsFree);
            }
            from += count;
        }
        Ok(())
    }
}
