//! A sample of what a first copy would send: where it is taken, and what it gives.
//!
//! The places are as long as a frame and lie one in each equal part of what is copied, at a spot that
//! depends on nothing but its number: the same disk gives the same sample. What is packed there is what a
//! pass would put into one frame, so that the sample packs as well as the copy will.

use super::super::chunk::{CHUNK, CHUNK_BYTES, is_zero};
use super::super::wire::{Chunks, FRAME_CHUNKS, Packing, Sampled, SampledPacking};
use super::disk::Disk;
use super::packer::{FIRST_LEVEL, LOWEST_LEVEL, Packer, cpu_time};
use super::sender::Pulse;
use super::{Stop, refuse};
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Fewest places: the error falls with their number, and with 64 it was under 6 % on 19 of 20 tries over a
/// Debian system disk.
const LEAST_PLACES: u64 = 64;
/// Most places: 3 GiB are read and packed for the largest disk.
const MOST_PLACES: u64 = 1024;

/// Reads and packs a sample of `permille` thousandths of what a pass would copy; of a small disk more.
pub(super) fn take(disk: &mut Disk, permille: u16, pulse: &Pulse, gone: &AtomicBool) -> Result<Sampled, Stop> {
    let copied = || disk.map().ranges().filter(|range| range.skip.is_none()).map(|range| (range.offset, range.length));
    let (chunks, places) = choose(|| occupied(copied()), permille);
    let no_memory = |error: io::Error| refuse(&error.to_string());
    let mut sampler = Sampler::new(chunks, disk.level()).map_err(no_memory)?;
    for place in places {
        if gone.load(Ordering::Relaxed) {
            return Err(Stop::Gone);
        }
        let (begun, before) = (Instant::now(), disk.bytes_read());
        let (mut content, mut chunks) = (Vec::new(), 0);
        for piece in place {
            chunks += piece.end - piece.start;
            let pieces = disk.content(piece)?.into_iter().flat_map(|bytes| bytes.chunks(CHUNK));
            pieces.filter(|chunk| !is_zero(chunk)).for_each(|chunk| content.extend_from_slice(chunk));
        }
        let (reading, bytes) = (begun.elapsed(), disk.bytes_read() - before);
        sampler.add(chunks, content, bytes, reading).map_err(no_memory)?;
        pulse.chunks.fetch_add(chunks, Ordering::Relaxed);
    }
    Ok(sampler.finish())
}

/// Chunks that hold something copied, ascending and apart, of a disk whose copied bytes are `ranges` (offset
/// and length, ascending).
pub(super) fn occupied(ranges: impl Iterator<Item = (u64, u64)>) -> impl Iterator<Item = Range<u64>> {
    let mut ranges = ranges.map(|(offset, length)| offset / CHUNK_BYTES..(offset + length).div_ceil(CHUNK_BYTES));
    let mut pending = ranges.next();
    std::iter::from_fn(move || {
        let mut current = pending.take()?;
        for next in ranges.by_ref() {
            if next.start > current.end {
                pending = Some(next);
                break;
            }
            current.end = current.end.max(next.end);
        }
        Some(current)
    })
}

/// Where the sample lies among `total` occupied chunks counted one after another: ascending, apart, each at
/// most a frame long.
fn windows(total: u64, permille: u16) -> impl Iterator<Item = Range<u64>> {
    let frame = FRAME_CHUNKS as u64;
    let wanted = (total * u64::from(permille)).div_ceil(1000 * frame);
    let places = wanted.clamp(LEAST_PLACES, MOST_PLACES).min(total.div_ceil(frame));
    (0..places).map(move |index| {
        let (from, to) = (total * index / places, total * (index + 1) / places);
        let slack = (to - from).saturating_sub(frame);
        let start = from + jitter(index) % (slack + 1);
        start..(start + frame).min(to)
    })
}

/// A number that looks random and is always the same for the same index.
fn jitter(index: u64) -> u64 {
    let hash = blake3::hash(&index.to_le_bytes());
    hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The chunks of the disk in each window: `windows` counts the chunks of `occupied` one after another.
fn places(
    occupied: impl Iterator<Item = Range<u64>>,
    windows: impl Iterator<Item = Range<u64>>,
) -> Vec<Vec<Range<u64>>> {
    let mut occupied = occupied;
    let mut piece = 0..0;
    // How many occupied chunks lie before `piece`.
    let mut before = 0;
    windows
        .map(|window| {
            let mut place = Vec::new();
            let mut at = window.start;
            while at < window.end {
                let length = piece.end - piece.start;
                if at >= before + length {
                    before += length;
                    match occupied.next() {
                        Some(next) => piece = next,
                        None => break,
                    }
                    continue;
                }
                let taken = (window.end - at).min(before + length - at);
                let first = piece.start + (at - before);
                place.push(first..first + taken);
                at += taken;
            }
            place
        })
        .collect()
}

/// The places of a sample of about `permille` of the chunks that `occupied` gives, and how many those are.
pub(super) fn choose<I: Iterator<Item = Range<u64>>>(
    occupied: impl Fn() -> I,
    permille: u16,
) -> (u64, Vec<Vec<Range<u64>>>) {
    let total = occupied().map(|range| range.end - range.start).sum();
    (total, places(occupied(), windows(total, permille)))
}

/// Adds up what the places give.
pub(super) struct Sampler {
    packer: Packer,
    sampled: Sampled,
}

impl Sampler {
    /// A sampler for `chunks` occupied chunks, which packs at the levels of a pass up to `level`.
    pub(super) fn new(chunks: u64, level: u8) -> io::Result<Self> {
        let at = |lower: u8| SampledPacking { level: lower.min(level), ..SampledPacking::default() };
        let levels = [at(LOWEST_LEVEL), at(FIRST_LEVEL), at(level)];
        Ok(Self { packer: Packer::new()?, sampled: Sampled { chunks, levels, ..Sampled::default() } })
    }

    /// Counts a place of `chunks` chunks, of which `content` are those with data; it took `reading` to read
    /// `bytes`.
    pub(super) fn add(&mut self, chunks: u64, content: Vec<u8>, bytes: u64, reading: Duration) -> io::Result<()> {
        let sampled = &mut self.sampled;
        sampled.places += 1;
        sampled.sampled_chunks += chunks;
        sampled.zero_chunks += chunks.saturating_sub((content.len() / CHUNK) as u64);
        sampled.bytes_read += bytes;
        sampled.read_us += microseconds(reading);
        if content.is_empty() {
            return Ok(());
        }
        let mut shrinks = false;
        for level in &mut sampled.levels {
            shrinks |= pack(&mut self.packer, level, content.clone())?;
        }
        sampled.incompressible += u32::from(!shrinks);
        Ok(())
    }

    /// What all places gave.
    pub(super) fn finish(self) -> Sampled {
        self.sampled
    }
}

/// Packs the content of a place as one frame, and says whether that makes it smaller.
fn pack(packer: &mut Packer, level: &mut SampledPacking, content: Vec<u8>) -> io::Result<bool> {
    let chunks = Chunks { content, ..Chunks::empty() };
    let worked = cpu_time();
    let packed = packer.pack_at(chunks, level.level)?;
    level.packing_us += microseconds(cpu_time().saturating_sub(worked));
    let length = packed.content.len() as u64;
    level.packed += length;
    level.squares += length.pow(2);
    Ok(packed.packing == Packing::Zstd)
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u64 = FRAME_CHUNKS as u64;

    #[test]
    fn pieces_that_share_a_chunk_are_one() {
        let ranges = [(4096, 4096), (16384, 4096), (65536, 1), (3 * 65536 - 1, 2), (9 * 65536, 65536)];
        let found: Vec<_> = occupied(ranges.into_iter()).collect();
        assert_eq!(found, [0..4, 9..10]);
        assert_eq!(occupied(std::iter::empty()).count(), 0);
    }

    #[test]
    fn a_small_disk_is_read_as_a_whole() {
        for total in [1, FRAME - 1, FRAME, FRAME + 1, LEAST_PLACES * FRAME] {
            let found: Vec<_> = windows(total, 10).collect();
            assert_eq!(found.iter().map(|window| window.end - window.start).sum::<u64>(), total, "{total}");
        }
        assert_eq!(windows(0, 10).count(), 0);
    }

    #[test]
    fn a_sample_is_spread_and_bounded() {
        for total in [FRAME * 1000 + 7, 1 << 23, 1 << 32] {
            let found: Vec<_> = windows(total, 10).collect();
            let count = found.len() as u64;
            assert!((LEAST_PLACES..=MOST_PLACES).contains(&count), "{total}: {count}");
            for (index, window) in found.iter().enumerate() {
                let (from, to) = (total * index as u64 / count, total * (index as u64 + 1) / count);
                assert!(window.start >= from && window.end <= to && window.end - window.start == FRAME, "{window:?}");
            }
            assert_eq!(windows(total, 10).collect::<Vec<_>>(), found);
        }
    }

    #[test]
    fn a_place_skips_what_is_not_copied() {
        let occupied = || [10..12, 20..21, 30..40].into_iter();
        let found = places(occupied(), [1..5, 6..8, 12..13].into_iter());
        let chunks = |place: &Vec<Range<u64>>| place.iter().cloned().flatten().collect::<Vec<_>>();
        let found: Vec<_> = found.iter().map(chunks).collect();
        assert_eq!(found, [vec![11, 20, 30, 31], vec![33, 34], vec![39]]);
        let (total, all) = choose(occupied, 1000);
        assert_eq!((total, all), (13, vec![vec![10..12, 20..21, 30..40]]));
    }
}
