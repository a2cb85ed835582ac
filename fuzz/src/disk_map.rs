//! The map of any disk: made without a panic, with a bounded number of reads, and well formed.

use super::disk::Disk;
use super::seal;
use traghetto::replica::map::{BLOCK, DiskMap, Outcome};

/// What is always allowed to be read, in bytes, and in reads.
const FREE_BYTES: u64 = 256 << 20;
const FREE_READS: u64 = 1 << 16;

/// Maps the disk that an input describes.
pub fn check(input: &[u8]) {
    let disk = Disk::of(input);
    if disk.sealed {
        seal::disk(&disk);
    }
    map(&disk);
}

/// Maps a disk and asserts what must hold for every map; returns it for further questions.
pub fn map(disk: &Disk) -> DiskMap {
    let map = DiskMap::of(disk, disk.length, disk.activity).expect("the disk can be read");
    well_formed(&map, disk.length);
    // Structures take a part of a disk: what is read is bounded by its length, and each read by 1 MiB.
    let (bytes, reads) = (disk.bytes.get(), disk.reads.get());
    assert!(bytes <= FREE_BYTES + disk.length, "{bytes} bytes are read of a disk of {}", disk.length);
    assert!(reads <= FREE_READS + disk.length / BLOCK, "{reads} reads of a disk of {} bytes", disk.length);
    let mapped = map.findings().iter().map(|finding| match finding.outcome {
        Outcome::Mapped { skipped, .. } => skipped,
        _ => 0,
    });
    let skipped: u64 = map.skips().iter().map(|skip| skip.length).sum();
    assert!(skipped <= mapped.sum(), "more is skipped than parts were mapped for");
    assert!(map.skips().first().is_none_or(|skip| skip.offset > 0), "the first block of a disk is skipped");
    for finding in map.findings() {
        assert!(!finding.to_string().chars().any(char::is_control), "{finding:?}");
    }
    map
}

/// What holds for every map: ascending, apart, whole blocks, inside; ranges cover the disk.
#[track_caller]
pub fn well_formed(map: &DiskMap, length: u64) {
    assert_eq!(map.length(), length);
    let mut at = 0;
    for skip in map.skips() {
        assert!(skip.offset >= at && skip.length > 0, "{skip:?} after {at}");
        assert!(skip.offset.is_multiple_of(BLOCK) && skip.length.is_multiple_of(BLOCK));
        at = skip.offset + skip.length;
    }
    assert!(at <= length);
    let mut at = 0;
    for range in map.ranges() {
        assert!(range.offset == at && range.length > 0);
        at += range.length;
    }
    assert_eq!(at, length);
}
