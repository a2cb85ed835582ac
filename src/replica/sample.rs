//! A sample of what a first copy would send, taken at the source: nothing is kept there or here.

use super::chunk::CHUNK_BYTES;
use super::wire::FRAME_CHUNKS;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Bytes of a frame beside its content and its leaves: header, checksum, packing, runs, and the share of
/// the commands and acknowledgements of flow that it costs.
const FRAME_OVERHEAD: u64 = 128;

/// What a disk holds and how well it packs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiskSample {
    /// Bytes of the disk.
    pub length: u64,
    /// Bytes that its map does not skip.
    pub copied: u64,
    /// Bytes that are skipped, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// What was recognised on it, a line each: also why a filesystem is copied whole.
    pub findings: Vec<String>,
    /// Bytes of the list of skipped ranges as it travels.
    pub listing_bytes: u64,
    /// Chunks that hold something copied.
    pub chunks: u64,
    /// Of them, chunks that were read.
    pub sampled_chunks: u64,
    /// Of those, chunks that are zero: they are not sent.
    pub zero_chunks: u64,
    /// Places that were read, each as long as a frame.
    pub places: u32,
    /// Of them, places whose content does not shrink.
    pub incompressible: u32,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// Seconds that the reading took.
    pub read_seconds: f64,
    /// What came out at each level, the lowest first.
    pub levels: Vec<SampledLevel>,
}

/// What a first copy costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FirstCopy {
    /// Bytes of frames.
    pub bytes: u64,
    /// How long it takes.
    pub seconds: f64,
}

/// A sample at one level of compression.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SampledLevel {
    /// Level of zstd.
    pub level: u8,
    /// Bytes that the sampled chunks take.
    pub packed: u64,
    /// Standard deviation of the bytes that a place takes.
    pub deviation: u64,
    /// Seconds that the packing took.
    pub seconds: f64,
}

impl DiskSample {
    /// Chunks of the disk for each sampled one.
    fn scale(&self) -> f64 {
        if self.sampled_chunks == 0 { 0.0 } else { self.chunks as f64 / self.sampled_chunks as f64 }
    }

    /// Bytes of content that a first copy sends, before compression.
    pub fn content(&self) -> u64 {
        let chunks = self.sampled_chunks.saturating_sub(self.zero_chunks) as f64 * self.scale();
        (chunks * CHUNK_BYTES as f64) as u64
    }

    /// Bytes of frames that a first copy takes where its content packs to `packed` bytes.
    fn payload(&self, packed: f64) -> u64 {
        let chunks = self.content() / CHUNK_BYTES;
        let frames = chunks.div_ceil(FRAME_CHUNKS as u64);
        packed as u64 + chunks * super::Hash::LEN as u64 + frames * FRAME_OVERHEAD + self.listing_bytes
    }

    /// A first copy on a line that carries `bytes_per_second` of frames.
    ///
    /// The agent packs as hard as it may while that takes a small share of the time: on a slow line at the
    /// highest level, on a fast one at the lowest, and between the two in proportion to the effort. Reading,
    /// packing and sending run at once: the slowest counts.
    pub fn first_copy(&self, bytes_per_second: f64) -> Option<FirstCopy> {
        let (fast, best) = (self.levels.first()?, self.levels.last()?);
        let packed = |level: &SampledLevel| level.packed as f64 * self.scale();
        let sending = self.payload(packed(fast)) as f64 / bytes_per_second;
        let share = |level: &SampledLevel| level.seconds * self.scale() / sending.max(1e-9);
        let effort = effort(share(fast), share(best));
        let between = |fast: f64, best: f64| fast + (best - fast) * effort;
        let bytes = self.payload(between(packed(fast), packed(best)));
        let packing = between(fast.seconds, best.seconds) * self.scale();
        let reading = self.read_rate().map_or(0.0, |rate| self.copied as f64 / rate);
        let seconds = (bytes as f64 / bytes_per_second).max(packing).max(reading);
        Some(FirstCopy { bytes, seconds })
    }

    /// By which share the bytes of [`Self::first_copy`] may be wrong, at two standard errors of the sample.
    pub fn error(&self) -> f64 {
        let Some(level) = self.levels.last().filter(|level| level.packed > 0 && self.places > 1) else { return 0.0 };
        let places = f64::from(self.places);
        let mean = level.packed as f64 / places;
        // What was read is known: only the rest can be wrong.
        let unread = 1.0 - (self.sampled_chunks as f64 / self.chunks.max(1) as f64).min(1.0);
        2.0 * level.deviation as f64 / mean / places.sqrt() * unread.sqrt()
    }

    /// Share of its size that content keeps at the highest level, if there is any.
    pub fn packs_to(&self) -> Option<f64> {
        let data = (self.sampled_chunks - self.zero_chunks.min(self.sampled_chunks)) * CHUNK_BYTES;
        self.levels.last().filter(|_| data > 0).map(|level| level.packed as f64 / data as f64)
    }

    /// Bytes a second that the source's disk gives, if anything was read.
    pub fn read_rate(&self) -> Option<f64> {
        (self.bytes_read > 0 && self.read_seconds > 0.0).then(|| self.bytes_read as f64 / self.read_seconds)
    }
}

/// Where between the lowest level (0) and the highest (1) the agent packs, of whose time they would take these
/// shares. It aims between its two bounds; bytes shrink about as the logarithm of the time spent on them.
fn effort(fast: f64, best: f64) -> f64 {
    const TARGET: f64 = 0.135;
    if best <= TARGET {
        1.0
    } else if fast >= TARGET {
        0.0
    } else {
        (TARGET / fast.max(1e-9)).ln() / (best / fast.max(1e-9)).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten thousand chunks, of which a tenth was read; a quarter are zeros, the rest packs to a third or a quarter.
    fn sample() -> DiskSample {
        let level = |level, packed, seconds| SampledLevel { level, packed, deviation: 300_000, seconds };
        DiskSample {
            length: 1 << 30,
            copied: 10_000 * CHUNK_BYTES,
            skipped: BTreeMap::new(),
            findings: Vec::new(),
            listing_bytes: 5000,
            chunks: 10_000,
            sampled_chunks: 1000,
            zero_chunks: 250,
            places: 25,
            incompressible: 0,
            bytes_read: 1000 * CHUNK_BYTES,
            read_seconds: 0.5,
            levels: vec![level(3, 16_384_000, 0.4), level(12, 12_288_000, 4.0)],
        }
    }

    #[test]
    fn a_slow_line_gets_the_best_level_and_a_fast_one_the_fastest() {
        let sample = sample();
        let slow = sample.first_copy(1e5).unwrap();
        let fast = sample.first_copy(1e8).unwrap();
        assert_eq!(sample.content(), 7500 * CHUNK_BYTES);
        let overhead = slow.bytes - 122_880_000;
        assert_eq!(fast.bytes, 163_840_000 + overhead);
        assert!((240_000..300_000).contains(&overhead), "{overhead}");
        // The line is the limit of the one, the disk of the other.
        assert!((slow.seconds - slow.bytes as f64 / 1e5).abs() < 1e-6, "{slow:?}");
        assert!((fast.seconds - 5.0).abs() < 1e-6, "{fast:?}");
        let between = sample.first_copy(1e6).unwrap();
        assert!(between.bytes > slow.bytes && between.bytes < fast.bytes, "{between:?}");
    }

    #[test]
    fn the_error_falls_with_what_was_read() {
        let sample = sample();
        // 300 000 of 491 520 bytes a place, 25 places, a tenth read: twice 0.61 / 5 * sqrt(0.9).
        assert!((sample.error() - 0.2316).abs() < 0.001, "{}", sample.error());
        let all = DiskSample { chunks: 1000, ..sample.clone() };
        assert_eq!(all.error(), 0.0);
        let nothing = DiskSample { places: 0, levels: Vec::new(), ..sample };
        assert_eq!((nothing.error(), nothing.first_copy(1e6)), (0.0, None));
    }

    #[test]
    fn an_empty_sample_is_of_an_empty_copy() {
        let empty = |level| SampledLevel { level, packed: 0, deviation: 0, seconds: 0.0 };
        let levels = vec![empty(3), empty(12)];
        let sample = DiskSample { chunks: 0, sampled_chunks: 0, zero_chunks: 0, bytes_read: 0, levels, ..sample() };
        let copy = sample.first_copy(1e6).unwrap();
        assert_eq!((copy.bytes, sample.content(), sample.packs_to()), (5000, 0, None));
        assert!(copy.seconds < 0.01, "{copy:?}");
    }
}
