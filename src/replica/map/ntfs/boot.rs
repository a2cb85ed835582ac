//! The boot sector of NTFS: sizes of clusters and records.

use super::fields::Fields;
use super::{Stop, Volume, ensure, inconsistent};

/// Sizes and places from the boot sector, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    /// Bytes of a cluster.
    pub(super) cluster_size: u64,
    /// Clusters of the volume.
    pub(super) clusters: u64,
    /// First cluster of the master file table.
    pub(super) table: u64,
    /// Bytes of a record of the table.
    pub(super) record_size: usize,
}

impl Geometry {
    /// Reads the boot sector.
    pub(super) fn read(volume: &Volume<'_>) -> Result<Self, Stop> {
        let sector = volume.read(0, 512)?;
        let raw = Fields(&sector);
        let sector_size = u64::from(raw.le16(0x0B)?);
        ensure((256..=4096).contains(&sector_size) && sector_size.is_power_of_two(), "sector size")?;
        let cluster_sectors = match raw.byte(0x0D)? {
            small @ 1..=0x80 => u64::from(small),
            large @ 0xF4.. => 1 << (256 - u32::from(large)),
            _ => return inconsistent("cluster size"),
        };
        let cluster_size = sector_size * cluster_sectors;
        ensure(cluster_sectors.is_power_of_two() && cluster_size <= 2 << 20, "cluster size")?;
        let sectors = raw.le64(0x28)?;
        ensure(
            sectors.checked_mul(sector_size).is_some_and(|bytes| bytes <= volume.length()),
            "it is longer than its partition",
        )?;
        let clusters = sectors / cluster_sectors;
        let table = raw.le64(0x30)?;
        ensure(table > 0 && table < clusters, "place of the master file table")?;
        let record_size = match raw.byte(0x40)? as i8 {
            clusters @ 1.. => clusters as u64 * cluster_size,
            power @ -31..=-8 => 1 << -power,
            _ => return inconsistent("size of a record"),
        };
        ensure((512..=4096).contains(&record_size) && record_size.is_power_of_two(), "size of a record")?;
        Ok(Self { cluster_size, clusters, table, record_size: record_size as usize })
    }
}
