//! ext2, ext3 and ext4: free space from the block bitmaps of the groups.
//!
//! After fs/ext4 and fs/jbd2 of Linux. Bitmaps are believed only where every checksum that the
//! filesystem has holds, the free count of the group agrees, and the group's own metadata is marked
//! used. Where a journal is to be replayed, that is done in memory first (`journal`), so that the
//! bitmaps read are those a mount would see.

mod blocks;
mod groups;
mod inode;
mod journal;
mod superblock;

use super::skips::Draft;
use super::volume::Volume;
use super::{Activity, Mapped, Remark, SkipReason, Stop, WholeReason, ensure, inconsistent};
use super::{bitmap, checksum, fields};
use blocks::Blocks;
use groups::{Group, Groups};
use superblock::Superblock;

/// Maps an ext filesystem.
pub(super) fn map(volume: &Volume<'_>, activity: Activity) -> Result<Mapped, Stop> {
    let mut superblock = Superblock::read(volume)?;
    let mut blocks = Blocks::new(volume, superblock.block_size);
    let mut remarks = Vec::new();
    let open = superblock.needs_recovery || !superblock.clean;
    let live = activity == Activity::Live && open;
    if superblock.needs_recovery && !live {
        let replayed = blocks.replay(journal::read(volume, &superblock)?);
        remarks.push(Remark::JournalReplayed(replayed));
        let again = Superblock::parse(&blocks.superblock()?, volume.length())?;
        ensure(superblock.same_shape(&again), "the journal changes the shape of the filesystem")?;
        superblock = again;
    } else if !superblock.clean && !live {
        return Err(Stop::Whole(WholeReason::Unclean("it was not unmounted")));
    }
    let mut walk = Walk { superblock: &superblock, blocks: &blocks, live, moving: 0, draft: Draft::new(volume) };
    walk.groups()?;
    if !open {
        walk.journal(volume)?;
    }
    if walk.moving > 0 {
        remarks.push(Remark::GroupsInMotion(walk.moving));
    }
    Ok(Mapped { content: superblock.name(), skips: walk.draft.finish(), provisional: live, remarks })
}

/// Block bitmaps that are read at once.
const BATCH: u64 = 64;

struct Walk<'a> {
    superblock: &'a Superblock,
    blocks: &'a Blocks<'a>,
    /// Whether it is mounted and may change while it is read.
    live: bool,
    moving: u64,
    draft: Draft<'a>,
}

impl Walk<'_> {
    fn groups(&mut self) -> Result<(), Stop> {
        let mut groups = Groups::new(self.superblock, self.blocks);
        let strangers = groups.metadata_in_unused(self.live)?;
        let mut number = 0;
        while number < self.superblock.groups {
            let end = (number + BATCH).min(self.superblock.groups);
            let mut batch = Vec::with_capacity(BATCH as usize);
            for number in number..end {
                batch.push(match groups.get(number) {
                    Ok(group) => Some(group),
                    Err(stop) => {
                        self.forgive(stop)?;
                        None
                    }
                });
            }
            self.batch(&batch, &strangers)?;
            number = end;
        }
        Ok(())
    }

    /// On a live filesystem a group that was caught in the middle of a change is copied whole; on a
    /// quiet one nothing that contradicts itself is believed.
    fn forgive(&mut self, stop: Stop) -> Result<(), Stop> {
        match stop {
            Stop::Whole(WholeReason::Inconsistent(_)) if self.live => {
                self.moving += 1;
                Ok(())
            }
            stop => Err(stop),
        }
    }

    /// The log of a filesystem that was closed cleanly is never read again.
    fn journal(&mut self, volume: &Volume<'_>) -> Result<(), Stop> {
        match journal::dead(volume, self.superblock) {
            Ok(stretches) => {
                let size = self.superblock.block_size;
                stretches.iter().for_each(|(from, to)| self.draft.skip(from * size, to * size, SkipReason::ExtJournal));
                Ok(())
            }
            // What is not understood is copied.
            Err(Stop::Whole(_)) => Ok(()),
            Err(stop) => Err(stop),
        }
    }

    /// Bitmaps that follow each other on the disk (`flex_bg`) are read at once.
    fn batch(&mut self, batch: &[Option<Group>], strangers: &[(u64, u64)]) -> Result<(), Stop> {
        let mut rest = batch;
        while let Some(first) = rest.first() {
            let Some(first) = first else {
                rest = &rest[1..];
                continue;
            };
            let follows = |(index, group): &(u64, &Option<Group>)| {
                group.as_ref().is_some_and(|group| group.bitmap == first.bitmap + index)
            };
            let most = (super::volume::MAX_READ as u64 / self.superblock.block_size) as usize;
            let count = (0..).zip(rest.iter().take(most)).take_while(follows).count();
            let (now, later) = rest.split_at(count.max(1));
            rest = later;
            let bitmaps = self.blocks.read(first.bitmap, now.len() as u64)?;
            for (group, bitmap) in now.iter().flatten().zip(bitmaps.chunks_exact(self.superblock.block_size as usize)) {
                if let Err(stop) = self.group(group, bitmap, strangers) {
                    self.forgive(stop)?;
                }
            }
        }
        Ok(())
    }

    fn group(&mut self, group: &Group, bitmap: &[u8], strangers: &[(u64, u64)]) -> Result<(), Stop> {
        let made;
        let bitmap = if group.unused {
            made = group.unused_bitmap(self.superblock, strangers);
            &made
        } else {
            group.check_bitmap(self.superblock, bitmap)?;
            bitmap
        };
        let span = self.superblock.span(group.number);
        let clusters = span.clusters(self.superblock);
        let free: u64 = bitmap::free_runs(bitmap, clusters).map(|(_, count)| count).sum();
        ensure(self.live || free == group.free_clusters, "free count of a group")?;
        let block_size = self.superblock.block_size;
        for (first, count) in bitmap::free_runs(bitmap, clusters) {
            let from = span.first + first * self.superblock.cluster;
            let to = (from + count * self.superblock.cluster).min(span.end);
            self.draft.skip(from * block_size, to * block_size, SkipReason::ExtFree);
        }
        Ok(())
    }
}
