//! The list of skipped ranges: merged, rounded inwards to whole blocks, bounded in number.

use super::volume::Volume;
use super::{BLOCK, MAX_SKIPS};
use std::fmt;

/// A range that is not copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skip {
    /// First byte, a multiple of a block.
    pub offset: u64,
    /// Bytes, a multiple of a block; never 0.
    pub length: u64,
    /// Why.
    pub reason: SkipReason,
}

/// Why a range is not copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// Free in ext2, ext3 or ext4.
    ExtFree,
    /// Journal of an ext filesystem that was closed cleanly.
    ExtJournal,
    /// Free in XFS.
    XfsFree,
    /// Free in NTFS.
    NtfsFree,
    /// Content of `pagefile.sys`.
    PageFile,
    /// Content of `hiberfil.sys` of a system that is not hibernated.
    HibernationFile,
    /// Content of `swapfile.sys`.
    SwapFile,
    /// Linux swap behind its header.
    Swap,
    /// LVM extents in no logical volume.
    LvmFree,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExtFree => "free in ext",
            Self::ExtJournal => "journal of a clean ext",
            Self::XfsFree => "free in XFS",
            Self::NtfsFree => "free in NTFS",
            Self::PageFile => "content of pagefile.sys",
            Self::HibernationFile => "content of hiberfil.sys",
            Self::SwapFile => "content of swapfile.sys",
            Self::Swap => "swap",
            Self::LvmFree => "in no logical volume",
        })
    }
}

/// The skipped ranges of one volume in the making, in the order of the volume.
pub(super) struct Draft<'a> {
    volume: &'a Volume<'a>,
    /// The last range, in bytes of the volume, while it may still grow.
    pending: Option<(u64, u64, SkipReason)>,
    skips: Skips,
}

impl<'a> Draft<'a> {
    /// An empty draft.
    pub(super) fn new(volume: &'a Volume<'a>) -> Self {
        Self { volume, pending: None, skips: Skips::new(MAX_SKIPS / 2) }
    }

    /// Skips the bytes `from..to` of the volume.
    pub(super) fn skip(&mut self, from: u64, to: u64, reason: SkipReason) {
        let to = to.min(self.volume.length());
        if from >= to {
            return;
        }
        match &mut self.pending {
            Some((_, end, same)) if *end == from && *same == reason => *end = to,
            _ => {
                self.flush();
                self.pending = Some((from, to, reason));
            }
        }
    }

    fn flush(&mut self) {
        let Some((from, to, reason)) = self.pending.take() else { return };
        for (offset, length) in self.volume.on_disk(from, to) {
            let first = offset.next_multiple_of(BLOCK);
            let end = (offset + length) / BLOCK * BLOCK;
            if first < end {
                self.skips.push(Skip { offset: first, length: end - first, reason });
            }
        }
    }

    /// The finished list.
    pub(super) fn finish(mut self) -> Skips {
        self.flush();
        self.skips
    }
}

/// Skipped ranges of the disk, at most so many: beyond, the shortest are left out, which is safe.
pub(super) struct Skips {
    list: Vec<Skip>,
    limit: usize,
    /// Shortest range that is still taken.
    shortest: u64,
    /// Shortest range that every part of the list took.
    taken: u64,
}

impl Skips {
    /// An empty list of at most `limit` ranges.
    pub(super) fn new(limit: usize) -> Self {
        Self { list: Vec::new(), limit, shortest: BLOCK, taken: BLOCK }
    }

    /// Adds a range.
    pub(super) fn push(&mut self, skip: Skip) {
        if skip.length < self.shortest {
            return;
        }
        self.list.push(skip);
        while self.list.len() >= self.limit {
            self.shortest = self.shortest.saturating_mul(2);
            self.taken = self.taken.max(self.shortest);
            self.list.retain(|skip| skip.length >= self.shortest);
        }
    }

    /// Adds the ranges of another list.
    pub(super) fn append(&mut self, other: Self) {
        self.taken = self.taken.max(other.taken);
        other.list.into_iter().for_each(|skip| self.push(skip));
    }

    /// Bytes skipped.
    pub(super) fn bytes(&self) -> u64 {
        self.list.iter().map(|skip| skip.length).sum()
    }

    /// Length under which ranges had to be left out; none where all are listed.
    pub(super) fn coarsened(&self) -> Option<u64> {
        (self.taken > BLOCK).then_some(self.taken)
    }

    /// The ranges, ascending.
    pub(super) fn into_sorted(mut self) -> Vec<Skip> {
        self.list.sort_unstable_by_key(|skip| skip.offset);
        // A structure that lies may claim a place twice: the first claim stands, so that ranges never meet.
        self.list.dedup_by(|next, before| next.offset < before.offset + before.length);
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::super::volume::ReadAt;
    use super::*;

    struct Nothing;
    impl ReadAt for Nothing {
        fn read_at(&self, _: u64, _: &mut [u8]) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn neighbours_are_merged_before_they_are_rounded() {
        let disk = Volume::disk(&Nothing, 1 << 20);
        let odd = disk.join(&[(512, 100_000)]).ok().unwrap();
        let mut draft = Draft::new(&odd);
        (3..11).for_each(|block| draft.skip(block * 1024, block * 1024 + 1024, SkipReason::ExtFree));
        let list = draft.finish().into_sorted();
        // 3584..11776 on the disk holds one whole block at 4096 and another at 8192, cut at 11776.
        assert_eq!(list, [Skip { offset: 4096, length: 4096, reason: SkipReason::ExtFree }]);
    }

    #[test]
    fn too_many_ranges_lose_the_shortest() {
        let mut skips = Skips::new(16);
        for index in 0..1000u64 {
            let length = if index % 100 == 0 { 64 * BLOCK } else { BLOCK };
            skips.push(Skip { offset: index << 20, length, reason: SkipReason::XfsFree });
        }
        let coarse = skips.coarsened();
        let list = skips.into_sorted();
        assert_eq!(coarse, Some(2 * BLOCK));
        assert_eq!(list.iter().filter(|skip| skip.length == 64 * BLOCK).count(), 10);
    }
}
