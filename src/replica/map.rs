//! Allocation maps: which ranges of a disk hold something, read from its own structures. Pure.
//!
//! A map only ever says "skip" where a structure that was understood completely says "free": what is
//! unknown, encrypted, contradictory, of an unknown version or unclean is copied whole, and a
//! [`Finding`] says why. Gaps, boot areas, partition tables, FAT and everything outside a mapped
//! filesystem are always copied.
//!
//! Every format is read by a small parser of our own. The reader crates that exist (ext4-view, ntfs,
//! gpt, none for XFS and LVM) answer another question, the content of files: they hold no free-space
//! map, replay no journal in memory, say nothing of memory on hostile input, and would bring some
//! twenty crates into a program that is pushed to the source over a 10 Mbit/s link. What is needed
//! here is a few fixed structures of each format, checked harder than a mount would.
//!
//! Memory is bounded whatever the disk holds: structures are streamed, ranges are merged, and where
//! a disk is too fragmented the shortest free ranges are copied instead of listed (`skips`).

mod bitmap;
mod checksum;
mod ext;
mod fields;
mod gpt;
mod layout;
mod lvm;
mod mbr;
mod ntfs;
mod signature;
mod skips;
mod swap;
mod volume;
mod xfs;

pub use skips::{Skip, SkipReason};
pub use volume::ReadAt;

use skips::Skips;
use std::fmt;
use std::io;
use volume::Volume;

/// Unit in which ranges are skipped, in bytes: only wholly free blocks are.
pub const BLOCK: u64 = 4096;

/// Most skipped ranges of a disk; beyond it the shortest are copied.
pub const MAX_SKIPS: usize = 1 << 19;

/// Whether anybody writes to the disk while it is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Filesystems are mounted and may change: open journals are no inconsistency, and the map of
    /// such a filesystem is provisional, to be taken again once it is quiet.
    Live,
    /// Nothing writes: unmounted, frozen or mounted read-only. What a journal still holds counts.
    Quiet,
}

/// Which ranges of a disk are copied and which are skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskMap {
    length: u64,
    skips: Vec<Skip>,
    findings: Vec<Finding>,
}

/// A range of the disk, with what happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First byte.
    pub offset: u64,
    /// Bytes; never 0.
    pub length: u64,
    /// Why it is skipped; none where it is copied.
    pub skip: Option<SkipReason>,
}

/// What was recognised in a part of the disk, for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where it is, in words of the disk: `disk`, `partition 2`, `LV vg0/root`.
    pub place: String,
    /// First byte on the disk; of an LV, of its first piece.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// What it holds: `ext4`, `NTFS`, `unknown content`.
    pub content: &'static str,
    /// What was done with it.
    pub outcome: Outcome,
}

/// What was done with a part of the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its free space is skipped.
    Mapped {
        /// Bytes that are skipped.
        skipped: u64,
        /// Whether it may have changed meanwhile, so that another map must be taken once it is quiet.
        provisional: bool,
        /// What the user should know.
        remarks: Vec<Remark>,
    },
    /// It holds other parts, which have findings of their own.
    Divided(Vec<Remark>),
    /// It is copied whole.
    Whole(WholeReason),
}

/// What the user should know of a part that was mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remark {
    /// The journal was replayed in memory; so many blocks of it count.
    JournalReplayed(u64),
    /// So many groups were copied whole because they changed while they were read.
    GroupsInMotion(u64),
    /// Shadow copies are not readable in the replica: they need clusters that are free by now.
    ShadowCopies,
    /// Free ranges shorter than so many bytes are copied, because there are too many of them.
    Coarsened(u64),
    /// Only the copy of the partition table at the end of the disk is valid.
    BackupTable,
    /// The two copies of the partition table differ; the first was used.
    TablesDiffer,
}

/// Why a part of the disk is copied whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WholeReason {
    /// Nothing known begins there.
    Unrecognised,
    /// A format whose free space traghetto does not read.
    NotMapped,
    /// What it holds cannot be read without a key.
    Encrypted,
    /// It is a member of an array or pool, or part of a volume that spans disks.
    Member,
    /// It was not closed cleanly, and its journal is not replayed here.
    Unclean(&'static str),
    /// It belongs to a system that is hibernated.
    Hibernated,
    /// Its structures contradict each other.
    Inconsistent(&'static str),
    /// It uses a feature that traghetto does not know.
    Feature(&'static str),
    /// Two formats claim it.
    Ambiguous(&'static str, &'static str),
    /// A snapshot needs what is free by now.
    Snapshot,
}

/// Why no map could be made at all: the disk could not be read.
#[derive(Debug, thiserror::Error)]
#[error("reading {length} bytes at byte {offset} of the disk for its map")]
pub struct MapError {
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: usize,
    /// What the disk said.
    pub source: io::Error,
}

/// Why a parser gives up: the disk cannot be read, or the part is copied whole.
#[derive(Debug)]
enum Stop {
    Read(MapError),
    Whole(WholeReason),
}

/// Shorthand of the parsers: a structure that contradicts itself or another.
fn inconsistent<T>(what: &'static str) -> Result<T, Stop> {
    Err(Stop::Whole(WholeReason::Inconsistent(what)))
}

/// Shorthand of the parsers: fails unless `holds`.
fn ensure(holds: bool, what: &'static str) -> Result<(), Stop> {
    if holds { Ok(()) } else { inconsistent(what) }
}

/// What a parser found in a volume that it could map.
struct Mapped {
    content: &'static str,
    skips: Skips,
    provisional: bool,
    remarks: Vec<Remark>,
}

impl DiskMap {
    /// Maps a disk of `length` bytes.
    ///
    /// Reads begin at a multiple of [`BLOCK`] and are a multiple of it, except at the end of a disk
    /// that is none; they are at most 1 MiB.
    ///
    /// # Errors
    /// Only where the disk cannot be read: what cannot be understood is copied whole.
    pub fn of(disk: &dyn ReadAt, length: u64, activity: Activity) -> Result<Self, MapError> {
        layout::map(&Volume::disk(disk, length), activity)
    }

    /// The map of a disk that is copied whole because the user wants so.
    pub fn whole(length: u64) -> Self {
        Self { length, skips: Vec::new(), findings: Vec::new() }
    }

    /// Bytes of the disk.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What is skipped: ascending, apart from each other or of another reason, in whole blocks.
    pub fn skips(&self) -> &[Skip] {
        &self.skips
    }

    /// What was recognised, in the order of the disk.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Bytes that are copied.
    pub fn copied(&self) -> u64 {
        self.length - self.skips.iter().map(|skip| skip.length).sum::<u64>()
    }

    /// Whether a part was mapped that may have changed meanwhile.
    pub fn provisional(&self) -> bool {
        self.findings.iter().any(|finding| matches!(finding.outcome, Outcome::Mapped { provisional: true, .. }))
    }

    /// The disk from its first to its last byte, each range copied or skipped.
    pub fn ranges(&self) -> impl Iterator<Item = Range> + '_ {
        self.within(0, self.length)
    }

    /// The bytes `from..to`, each range copied or skipped; what lies beyond the disk counts as copied.
    pub fn within(&self, from: u64, to: u64) -> impl Iterator<Item = Range> + '_ {
        let first = self.skips.partition_point(|skip| skip.offset + skip.length <= from);
        let end = Skip { offset: to, length: 0, reason: SkipReason::ExtFree };
        self.skips[first..]
            .iter()
            .take_while(move |skip| skip.offset < to)
            .copied()
            .chain([end])
            .scan(from, move |at, skip| {
                let (start, end) = (skip.offset.max(*at), (skip.offset + skip.length).min(to));
                let before = Range { offset: *at, length: start - *at, skip: None };
                let length = end.saturating_sub(start);
                *at = start + length;
                Some([before, Range { offset: start, length, skip: Some(skip.reason) }])
            })
            .flatten()
            .filter(|range| range.length > 0)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.content)?;
        match &self.outcome {
            Outcome::Mapped { skipped, provisional, remarks } => {
                write!(f, ", {skipped} of {} bytes skipped", self.length)?;
                if *provisional {
                    f.write_str(", in use: to be mapped again once it is quiet")?;
                }
                remarks.iter().try_for_each(|remark| write!(f, "; {remark}"))
            }
            Outcome::Divided(remarks) => remarks.iter().try_for_each(|remark| write!(f, "; {remark}")),
            Outcome::Whole(reason) => write!(f, ", copied whole: {reason}"),
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JournalReplayed(blocks) => write!(f, "its journal was replayed in memory ({blocks} blocks)"),
            Self::GroupsInMotion(groups) => write!(f, "{groups} groups changed while they were read, copied whole"),
            Self::ShadowCopies => f.write_str("its shadow copies (previous versions) will not be readable"),
            Self::Coarsened(bytes) => write!(f, "very fragmented: free ranges under {bytes} bytes are copied"),
            Self::BackupTable => f.write_str("only the partition table at the end of the disk is valid"),
            Self::TablesDiffer => f.write_str("the two partition tables differ, the first was used"),
        }
    }
}

impl fmt::Display for WholeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unrecognised => f.write_str("nothing known begins there"),
            Self::NotMapped => f.write_str("its free space is not read"),
            Self::Encrypted => f.write_str("encrypted"),
            Self::Member => f.write_str("it is a part of an array, a pool or a volume on several disks"),
            Self::Unclean(what) => write!(f, "it was not closed cleanly ({what})"),
            Self::Hibernated => f.write_str("its system is hibernated"),
            Self::Inconsistent(what) => write!(f, "its structures contradict each other ({what})"),
            Self::Feature(what) => write!(f, "it uses a feature that is not known here ({what})"),
            Self::Ambiguous(one, other) => write!(f, "it looks like both {one} and {other}"),
            Self::Snapshot => f.write_str("a snapshot needs what is free by now"),
        }
    }
}
