//! XFS, versions 4 and 5: free space from the by-block free-space tree of each allocation group.
//!
//! After fs/xfs/libxfs of Linux. What no tree calls free is copied, the free list of each group
//! (AGFL) and the log among it. A log that holds changes of anything but the superblock would be
//! replayed by a mount, so that the trees on disk are stale: such a filesystem is copied whole
//! unless it is in use, where the map is provisional. A frozen XFS has written everything in its
//! place and leaves records of the superblock alone (`log`).

mod freespace;
mod log;
mod superblock;

use super::skips::Skips;
use super::volume::Volume;
use super::{Activity, MAX_SKIPS, Mapped, Remark, SkipReason, Stop, WholeReason, ensure, inconsistent};
use super::{checksum, fields, skips};
use freespace::free_extents;
use log::State;
use superblock::Superblock;

/// Maps an XFS filesystem.
pub(super) fn map(volume: &Volume<'_>, activity: Activity) -> Result<Mapped, Stop> {
    let superblock = Superblock::read(volume)?;
    let state = match log::state(volume, &superblock) {
        Err(Stop::Whole(_)) if activity == Activity::Live => State::Open,
        state => state?,
    };
    let live = activity == Activity::Live && state != State::Unmounted;
    if state == State::Open && !live {
        return Err(Stop::Whole(WholeReason::Unclean("its log is not replayed here")));
    }
    let mut skips = Skips::new(MAX_SKIPS / 2);
    let mut moving = 0;
    for group in 0..superblock.groups {
        match free_extents(volume, &superblock, group, live) {
            Ok(found) => skips.append(found),
            Err(Stop::Whole(WholeReason::Inconsistent(_))) if live => moving += 1,
            Err(stop) => return Err(stop),
        }
    }
    let remarks = if moving > 0 { vec![Remark::GroupsInMotion(moving)] } else { Vec::new() };
    Ok(Mapped { content: "XFS", skips, provisional: live, remarks })
}
