//! Where the content of an attribute is: its runs of clusters.

use super::boot::Geometry;
use super::fields::Fields;
use super::{Stop, Volume, ensure, inconsistent};

/// Most runs of an attribute that are kept.
const MAX_RUNS: usize = 1 << 16;

/// A run of clusters of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// First cluster, counted in the attribute.
    pub(super) first: u64,
    /// First cluster on the volume; none for a hole.
    pub(super) cluster: Option<u64>,
    /// Clusters; never 0.
    pub(super) count: u64,
}

/// The content of an attribute that is not in its record.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    runs: Vec<Run>,
    cluster_size: u64,
    /// Bytes that were ever written; what follows reads as zeros.
    valid: u64,
    /// Whether the clusters hold the bytes as they are, neither compressed nor encrypted.
    plain: bool,
}

impl Stream {
    /// No runs yet; `valid` bytes are to be in them.
    pub(super) fn new(geometry: &Geometry, valid: u64, plain: bool) -> Self {
        Self { runs: Vec::new(), cluster_size: geometry.cluster_size, valid, plain }
    }

    /// Its runs, in the order of the attribute, without gaps.
    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Bytes of content that were written.
    pub(super) fn valid(&self) -> u64 {
        self.valid
    }

    /// Whether the clusters hold the content as it is.
    pub(super) fn plain(&self) -> bool {
        self.plain
    }

    /// Clusters covered so far.
    pub(super) fn covered(&self) -> u64 {
        self.runs.last().map_or(0, |run| run.first + run.count)
    }

    /// Adds runs from their packed form ("mapping pairs"), which must end with cluster `last`.
    pub(super) fn unpack(&mut self, packed: &[u8], last: u64, geometry: &Geometry) -> Result<(), Stop> {
        let mut rest = packed;
        let mut cluster = 0i64;
        while let Some((head, after)) = rest.split_first().filter(|(head, _)| **head != 0) {
            let (length, place) = (usize::from(head & 0xF), usize::from(head >> 4));
            let raw = Fields(after);
            ensure((1..=8).contains(&length) && place <= 8, "runs of a file")?;
            let count = signed(raw.slice(0, length)?);
            let end = u64::try_from(count).ok().filter(|count| *count > 0 && *count <= geometry.clusters);
            let Some(count) = end else { return inconsistent("runs of a file") };
            let at = if place == 0 {
                None
            } else {
                cluster = match cluster.checked_add(signed(raw.slice(length, place)?)) {
                    Some(cluster) => cluster,
                    None => return inconsistent("runs of a file"),
                };
                let first = u64::try_from(cluster).ok().filter(|first| *first < geometry.clusters);
                let first = first.filter(|first| *first + count <= geometry.clusters);
                let Some(first) = first else { return inconsistent("a run outside the volume") };
                Some(first)
            };
            ensure(self.runs.len() < MAX_RUNS && self.covered() <= geometry.clusters, "too many runs of a file")?;
            self.runs.push(Run { first: self.covered(), cluster: at, count });
            rest = &after[length + place..];
        }
        ensure(self.covered().checked_sub(1) == Some(last), "runs of a file end elsewhere")
    }

    /// Reads content at `offset`; it must not lie in a hole.
    pub(super) fn read(&self, volume: &Volume<'_>, offset: u64, length: usize) -> Result<Vec<u8>, Stop> {
        ensure(self.plain, "a system file is compressed")?;
        let end = offset.checked_add(length as u64).filter(|end| *end <= self.valid);
        let Some(end) = end else { return inconsistent("a system file ends early") };
        let mut bytes = Vec::with_capacity(length);
        let first = self.runs.partition_point(|run| (run.first + run.count) * self.cluster_size <= offset);
        let mut at = offset;
        for run in &self.runs[first..] {
            if at >= end {
                break;
            }
            let Some(cluster) = run.cluster else { return inconsistent("a hole in a system file") };
            let within = at - run.first * self.cluster_size;
            let count = (run.count * self.cluster_size - within).min(end - at);
            bytes.extend(volume.read(cluster * self.cluster_size + within, count as usize)?);
            at += count;
        }
        ensure(at == end, "a system file ends early")?;
        Ok(bytes)
    }
}

/// A number of up to eight bytes with its sign, least byte first.
fn signed(bytes: &[u8]) -> i64 {
    let fill = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xFF } else { 0 };
    let mut whole = [fill; 8];
    whole[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_relative_and_signed() {
        let geometry = Geometry { cluster_size: 4096, clusters: 10_000, table: 4, record_size: 1024 };
        let mut stream = Stream::new(&geometry, 0, true);
        // 16 clusters at 1000, a hole of 8, 4 clusters at 1000 - 2.
        let packed = [0x21, 0x10, 0xE8, 0x03, 0x01, 0x08, 0x11, 0x04, 0xFE, 0x00];
        stream.unpack(&packed, 27, &geometry).ok().unwrap();
        let run = |first, cluster, count| Run { first, cluster, count };
        assert_eq!(stream.runs(), [run(0, Some(1000), 16), run(16, None, 8), run(24, Some(998), 4)]);
        for broken in [&packed[..8], &[0x11, 0x00, 0x01, 0x00], &[0x21, 0x10, 0x10, 0x27, 0x00], &[0x11, 0x04, 0xFE, 0]]
        {
            assert!(Stream::new(&geometry, 0, true).unpack(broken, 15, &geometry).is_err(), "{broken:?}");
        }
    }
}
