//! LVM2: extents in no logical volume are skipped, and volumes that lie on this disk alone are
//! looked into.
//!
//! After lib/format_text of LVM2. Only segments of type `striped` are understood, which is how every
//! plain volume and every hidden part of an array is stored; where another type names this disk
//! directly, the physical volume is copied whole. A volume that another one is built on (snapshot
//! origin, thin pool, mirror leg, cache) is copied whole: it holds more than the filesystem says.

mod label;
mod metadata;
mod text;

use super::skips::Draft;
use super::volume::{MAX_READ, Volume};
use super::{Mapped, SkipReason, Stop, WholeReason, ensure, inconsistent};
use super::{checksum, fields};
use metadata::{Group, Logical};

/// A logical volume with bytes on this disk.
pub(super) struct LogicalVolume {
    /// Its name for the user.
    pub(super) place: String,
    /// Its bytes here: `(first byte in the physical volume, bytes)`, in its own order.
    pub(super) stretches: Vec<(u64, u64)>,
    /// Why it is copied whole; none where it can be looked into.
    pub(super) whole: Option<WholeReason>,
}

/// What a physical volume holds.
pub(super) struct PhysicalVolume {
    pub(super) mapped: Mapped,
    pub(super) logical: Vec<LogicalVolume>,
}

/// Maps a physical volume and lists the logical volumes on it.
pub(super) fn map(volume: &Volume<'_>) -> Result<PhysicalVolume, Stop> {
    let label = label::read(volume)?;
    let Some(text) = label::metadata(volume, &label)? else {
        return inconsistent("no volume group is described on it");
    };
    let group = Group::parse(&text, &label.uuid)?;
    let (start, extent) = (group.start, group.extent_size);
    let end = group.extents.checked_mul(extent).and_then(|length| length.checked_add(start));
    ensure(end.is_some_and(|end| end <= volume.length()), "it is longer than its partition")?;
    ensure(label.outside(start, start + group.extents * extent), "extents over the metadata")?;
    let mut draft = Draft::new(volume);
    let mut next = 0;
    for (first, count) in group.used()? {
        draft.skip(start + next * extent, start + first * extent, SkipReason::LvmFree);
        next = first + count;
    }
    draft.skip(start + next * extent, start + group.extents * extent, SkipReason::LvmFree);
    let skips = draft.finish();
    let logical = group.logical.iter().map(|logical| listed(&group, logical)).collect();
    let mapped = Mapped { content: "LVM physical volume", skips, provisional: false, remarks: Vec::new() };
    Ok(PhysicalVolume { mapped, logical })
}

fn listed(group: &Group, logical: &Logical) -> LogicalVolume {
    let extent = group.extent_size;
    let stretches = logical.here.iter().map(|(first, count)| (group.start + first * extent, count * extent));
    LogicalVolume {
        place: format!("LV {}/{}", group.name, logical.name),
        stretches: stretches.collect(),
        whole: logical.whole,
    }
}
