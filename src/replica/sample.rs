//! A sample of what a first copy would send, taken at the source: nothing is kept there or here.

use super::chunk::{CHUNK_BYTES, chunks_of};
use super::error::ReplicaError;
use super::link::{AgentLink, unexpected};
use super::remote::{Opened, Remote};
use super::wire::{Command, FRAME_CHUNKS, Listing, MapWanted, Reply, Sampled, SampledPacking};
use crate::model::DiskId;
use crate::untrusted::one_line;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Bytes of a frame beside its content and its leaves: header, checksum, packing, runs, and the share of
/// the commands and acknowledgements of flow that it costs.
const FRAME_OVERHEAD: u64 = 128;

/// Share of a core that the agent's packing aims at, between the bounds at which it changes its level.
const PACKING_SHARE: f64 = 0.16;

/// How a disk is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleOptions {
    /// Thousandths of what would be copied; a small disk is sampled more densely, since the error falls with
    /// the number of frames.
    pub permille: u16,
    /// Highest level of zstd that a pass uses.
    pub level: u8,
}

/// Measures the disk `source` as the agent behind `link` sees it: its map, and a sample of what it names.
///
/// `observe` hears now and then how many bytes were looked at.
///
/// # Errors
/// Where link or source fail. Nothing was written anywhere.
pub async fn sample(
    link: &mut AgentLink,
    disk: &DiskId,
    source: &Path,
    options: SampleOptions,
    observe: &mut (dyn FnMut(u64) + Send),
) -> Result<DiskSample, ReplicaError> {
    let mut remote = Remote::begin(link, disk, source)?;
    // The filesystems may be in use, now and whenever this is asked.
    let opened = remote.open(options.level, MapWanted::Live).await?;
    let before = remote.bytes_payload();
    let listing = remote.listing(opened.length, opened.listing).await?;
    let listing_bytes = remote.bytes_payload() - before;
    remote.send(&Command::Sample { permille: options.permille }).await?;
    let sampled = loop {
        match remote.reply().await? {
            Reply::Sample(sampled) if is_plausible(&sampled, opened.length) => break sampled,
            Reply::Alive { chunks } => observe(chunks.saturating_mul(CHUNK_BYTES)),
            _ => return Err(remote.agent(unexpected("a sample"))),
        }
    };
    remote.end();
    Ok(DiskSample::new(&opened, listing, listing_bytes, &sampled))
}

/// Longest time that a part of a sample may have taken, in microseconds: a week.
const MAX_TIME: u64 = 7 * 86_400 * 1_000_000;

/// Whether counts are of one sample of a disk of `length` bytes.
fn is_plausible(sampled: &Sampled, length: u64) -> bool {
    let Sampled { chunks, sampled_chunks, zero_chunks, bytes_read, read_us, .. } = *sampled;
    let most = sampled_chunks.saturating_mul(CHUNK_BYTES);
    let packed = |level: &SampledPacking| level.packed <= most && level.packing_us <= MAX_TIME;
    chunks <= chunks_of(length)
        && sampled_chunks <= chunks
        && zero_chunks <= sampled_chunks
        && bytes_read <= length
        && read_us <= MAX_TIME
        && sampled.levels.iter().all(packed)
}

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
    /// Seconds of the processor that the packing took.
    pub seconds: f64,
}

impl SampledLevel {
    fn new(packing: &SampledPacking, places: u32) -> Self {
        let places = f64::from(places.max(1));
        let (mean, squares) = (packing.packed as f64 / places, packing.squares as f64 / places);
        Self {
            level: packing.level,
            packed: packing.packed,
            deviation: (squares - mean * mean).max(0.0).sqrt() as u64,
            seconds: seconds(packing.packing_us),
        }
    }
}

/// Seconds to the millisecond.
fn seconds(microseconds: u64) -> f64 {
    (microseconds as f64 / 1000.0).round() / 1000.0
}

impl DiskSample {
    fn new(opened: &Opened, listing: Listing, listing_bytes: u64, sampled: &Sampled) -> Self {
        let mut skipped = BTreeMap::new();
        for skip in &listing.skips {
            *skipped.entry(skip.reason.to_string()).or_insert(0) += skip.length;
        }
        let level = |packing| SampledLevel::new(packing, sampled.places);
        Self {
            length: opened.length,
            copied: opened.copied,
            skipped,
            findings: listing.findings.iter().map(|line| one_line(line.as_bytes())).collect(),
            listing_bytes,
            chunks: sampled.chunks,
            sampled_chunks: sampled.sampled_chunks,
            zero_chunks: sampled.zero_chunks,
            places: sampled.places,
            incompressible: sampled.incompressible,
            bytes_read: sampled.bytes_read,
            read_seconds: seconds(sampled.read_us),
            levels: sampled.levels.iter().map(level).collect(),
        }
    }

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

    /// A first copy on a line that carries `bytes_per_second` of frames; none of a sample without levels.
    ///
    /// The agent packs as hard as it may while that takes a small share of the time: on a slow line at the
    /// highest level, on a fast one at the lowest. Reading, packing and sending run at once: the slowest counts.
    pub fn first_copy(&self, bytes_per_second: f64) -> Option<FirstCopy> {
        let lowest = self.levels.first()?;
        let sending = self.payload(lowest.packed as f64 * self.scale()) as f64 / bytes_per_second;
        let (packed, packing) = self.settled(sending)?;
        let bytes = self.payload(packed);
        let reading = self.read_rate().map_or(0.0, |rate| self.copied as f64 / rate);
        let seconds = (bytes as f64 / bytes_per_second).max(packing).max(reading);
        Some(FirstCopy { bytes, seconds })
    }

    /// Bytes and seconds of packing at the level on which the agent settles where sending takes so many seconds:
    /// where packing takes [`PACKING_SHARE`] of them, between two levels in proportion to the logarithm of their
    /// times.
    fn settled(&self, sending: f64) -> Option<(f64, f64)> {
        let time = |level: &SampledLevel| level.seconds * self.scale();
        let allowed = sending * PACKING_SHARE;
        let above = self.levels.iter().position(|level| time(level) > allowed);
        let (below, above) = match above {
            None => (self.levels.last()?, self.levels.last()?),
            Some(0) => (self.levels.first()?, self.levels.first()?),
            Some(above) => (self.levels.get(above - 1)?, self.levels.get(above)?),
        };
        let (least, most) = (time(below).max(1e-9), time(above).max(1e-9));
        let part = if most > least { ((allowed / least).ln() / (most / least).ln()).clamp(0.0, 1.0) } else { 0.0 };
        let between = |from: f64, to: f64| from + (to - from) * part;
        let packed = between(below.packed as f64, above.packed as f64) * self.scale();
        Some((packed, between(least, most)))
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
            levels: vec![level(1, 16_384_000, 0.2), level(3, 15_000_000, 0.4), level(12, 12_288_000, 4.0)],
        }
    }

    #[test]
    fn a_slow_line_gets_the_highest_level_and_a_fast_one_the_lowest() {
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
        // 16 % of 164 s allow 26 s: between the 4 s of level 3 and the 40 s of level 12.
        let between = sample.first_copy(1e6).unwrap();
        let part = (26.26_f64 / 4.0).ln() / 10.0_f64.ln();
        let wanted = 150_000_000.0 - 27_120_000.0 * part + overhead as f64;
        assert!((between.bytes as f64 - wanted).abs() < 100_000.0, "{between:?}, not {wanted}");
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
