//! Where things lie in a stream-optimised VMDK: its header, its markers, and the arithmetic.
//!
//! Virtual Disk Format 5.0 of VMware. Everything is little-endian and counted in sectors.

/// Bytes of a sector.
pub const SECTOR: u64 = 512;
/// Bytes of a grain: what is compressed, and found, in one piece.
pub const GRAIN: u64 = 64 << 10;
/// Sectors of a grain.
pub(super) const GRAIN_SECTORS: u64 = GRAIN / SECTOR;
/// Grains of a table.
pub(super) const TABLE: u64 = 512;
/// Sectors before the first grain: header, descriptor, and nothing up to a whole grain.
pub(super) const OVERHEAD: u64 = 128;
/// Where the descriptor lies.
pub(super) const DESCRIPTOR_AT: u64 = 1;
/// How much room it has, in sectors.
pub(super) const DESCRIPTOR_ROOM: u64 = 20;

const MAGIC: [u8; 4] = *b"KDMV";
const VERSION: u32 = 3;
/// The test for line ends is valid; grains are compressed; there are markers.
const FLAGS: u32 = 1 | 1 << 16 | 1 << 17;
const DEFLATE: u16 = 1;
/// In the header in front: the directory is found through the footer.
const DIRECTORY_AT_END: u64 = u64::MAX;

/// What a marker announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing more.
    EndOfStream,
    /// A table of grains.
    Table,
    /// The directory of tables.
    Directory,
    /// The header again, with the place of the directory.
    Footer,
}

/// A marker of so many sectors that follow: itself a sector.
pub(super) fn marker(mark: Mark, sectors: u64) -> [u8; SECTOR as usize] {
    let mut bytes = [0; SECTOR as usize];
    let kind: u32 = match mark {
        Mark::EndOfStream => 0,
        Mark::Table => 1,
        Mark::Directory => 2,
        Mark::Footer => 3,
    };
    bytes[..8].copy_from_slice(&sectors.to_le_bytes());
    bytes[12..16].copy_from_slice(&kind.to_le_bytes());
    bytes
}

/// What stands before the compressed bytes of a grain.
pub(super) fn grain_marker(first_sector: u64, compressed: u32) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&first_sector.to_le_bytes());
    bytes[8..].copy_from_slice(&compressed.to_le_bytes());
    bytes
}

/// The header of a disk of `capacity` sectors; the one in front does not know yet where the directory is.
pub(super) fn header(capacity: u64, directory: Option<u64>) -> [u8; SECTOR as usize] {
    let mut bytes = [0; SECTOR as usize];
    let mut at = 0;
    let mut put = |field: &[u8]| {
        bytes[at..at + field.len()].copy_from_slice(field);
        at += field.len();
    };
    put(&MAGIC);
    put(&VERSION.to_le_bytes());
    put(&FLAGS.to_le_bytes());
    for number in [capacity, GRAIN_SECTORS, DESCRIPTOR_AT, DESCRIPTOR_ROOM] {
        put(&number.to_le_bytes());
    }
    put(&(TABLE as u32).to_le_bytes());
    // No second directory.
    put(&0_u64.to_le_bytes());
    put(&directory.unwrap_or(DIRECTORY_AT_END).to_le_bytes());
    put(&OVERHEAD.to_le_bytes());
    // Not unclean; and what a transfer as text would spoil.
    put(&[0, b'\n', b' ', b'\r', b'\n']);
    put(&DEFLATE.to_le_bytes());
    bytes
}

/// Grains of a disk of so many sectors.
pub(super) fn grains(capacity: u64) -> u64 {
    capacity.div_ceil(GRAIN_SECTORS)
}

/// Tables of a disk of so many sectors: the entries of its directory.
pub(super) fn tables(capacity: u64) -> u64 {
    grains(capacity).div_ceil(TABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_of_two_tebibytes_is_counted_right() {
        let sectors = (2_u64 << 40) / SECTOR;
        assert_eq!((sectors, grains(sectors), tables(sectors)), (1 << 32, 1 << 25, 1 << 16));
        assert_eq!((grains(sectors + 1), tables(sectors + 1)), ((1 << 25) + 1, (1 << 16) + 1));
        let header = header(sectors + 1, None);
        assert_eq!(u64::from_le_bytes(header[12..20].try_into().unwrap()), (1 << 32) + 1);
        assert_eq!(header[56..64], [0xff; 8]);
    }

    #[test]
    fn the_header_is_that_of_the_specification() {
        let header = header(2048, Some(300));
        assert_eq!(&header[..12], b"KDMV\x03\x00\x00\x00\x01\x00\x03\x00");
        let number = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().unwrap());
        assert_eq!([number(12), number(20), number(28), number(36)], [2048, 128, 1, 20]);
        assert_eq!(header[44..48], [0, 2, 0, 0]);
        assert_eq!([number(48), number(56), number(64)], [0, 300, 128]);
        assert_eq!(&header[72..79], b"\x00\n \r\n\x01\x00");
        assert!(header[79..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn markers_say_what_follows() {
        let table = marker(Mark::Table, 4);
        assert_eq!(table[..16], [4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(marker(Mark::EndOfStream, 0), [0; 512]);
        assert_eq!(grain_marker(1 << 32, 7), [0, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0]);
    }
}
