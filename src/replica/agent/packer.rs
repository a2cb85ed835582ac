//! Compression of frames, as hard as the link leaves time for.

use super::super::chunk::CHUNK;
use super::super::wire::{Chunks, Packing};
use std::io;
use std::time::{Duration, Instant};

/// Content that shrinks by less than a thirty-second is sent as it is.
const WORTH: usize = 32;

/// Level of the first frame.
pub(super) const FIRST_LEVEL: u8 = 3;

/// Lowest level.
pub(super) const LOWEST_LEVEL: u8 = 1;

/// Share of a core, in percent, below which the level is raised.
const EASY: u128 = 12;
/// Share of a core, in percent, above which it is lowered: with what hashing takes the agent stays under
/// a quarter of a core wherever the link is the limit.
const HARD: u128 = 20;
/// Share of the time, in percent, that packing may take on a machine that is busy with other things:
/// above it the processor would become the limit.
const BUSY: u128 = 60;

/// Compresses content where that is worth it.
pub(super) struct Packer {
    probe: zstd::bulk::Compressor<'static>,
    compressor: zstd::bulk::Compressor<'static>,
    /// Level of the next frame.
    level: u8,
    /// Level of the compressor.
    set: u8,
    /// When the last frame was packed.
    last: Instant,
}

impl Packer {
    /// A packer that has packed nothing yet.
    ///
    /// # Errors
    /// No memory.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            probe: zstd::bulk::Compressor::new(1)?,
            compressor: zstd::bulk::Compressor::new(FIRST_LEVEL.into())?,
            level: FIRST_LEVEL,
            set: FIRST_LEVEL,
            last: Instant::now(),
        })
    }

    /// Packs a frame at a level of at most `highest`.
    ///
    /// # Errors
    /// No memory.
    pub(super) fn pack(&mut self, chunks: Chunks, highest: u8) -> io::Result<Chunks> {
        let (begun, worked) = (Instant::now(), cpu_time());
        let packed = self.pack_at(chunks, self.level.min(highest))?;
        if packed.packing == Packing::Zstd {
            let worked = cpu_time().saturating_sub(worked);
            self.level = next_level(self.level, worked, begun.elapsed(), self.last.elapsed()).min(highest);
        }
        self.last = Instant::now();
        Ok(packed)
    }

    /// Packs a frame at a level.
    ///
    /// # Errors
    /// No memory.
    pub(super) fn pack_at(&mut self, mut chunks: Chunks, level: u8) -> io::Result<Chunks> {
        if chunks.content.is_empty() || !self.shrinks(&chunks.content)? {
            return Ok(chunks);
        }
        self.set_level(level)?;
        let packed = self.compressor.compress(&chunks.content)?;
        if packed.len() + chunks.content.len() / WORTH < chunks.content.len() {
            chunks.packing = Packing::Zstd;
            chunks.content = packed;
        }
        Ok(chunks)
    }

    /// Whether a sixteenth of the content, taken from every chunk, shrinks at the fastest level.
    fn shrinks(&mut self, content: &[u8]) -> io::Result<bool> {
        let sample: Vec<u8> =
            content.chunks(CHUNK).flat_map(|chunk| &chunk[..chunk.len().min(CHUNK / 16)]).copied().collect();
        Ok(self.probe.compress(&sample)?.len() + sample.len() / WORTH < sample.len())
    }

    fn set_level(&mut self, level: u8) -> io::Result<()> {
        if self.set != level {
            self.compressor.set_compression_level(level.into())?;
            self.set = level;
        }
        Ok(())
    }
}

/// The level of the next frame, where the last one took so much of a core, so long, of the time since the
/// frame before it: where the link or the disk is the limit there is time for a better one.
fn next_level(level: u8, worked: Duration, took: Duration, since: Duration) -> u8 {
    let share = |part: Duration| 100 * part.as_micros() / since.as_micros().max(1);
    let (work, time) = (share(worked), share(took));
    match work {
        _ if work > HARD || time > BUSY => level.saturating_sub(1).max(LOWEST_LEVEL),
        _ if work < EASY / 3 && time < BUSY / 3 => level + 3,
        _ if work < EASY && time < BUSY / 2 => level + 1,
        _ => level,
    }
}

/// What this thread has taken of the processor so far.
pub(super) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_follows_the_time_that_is_left() {
        let next = |level, worked, took, since| {
            let [worked, took, since] = [worked, took, since].map(Duration::from_millis);
            next_level(level, worked, took, since)
        };
        assert_eq!(next(3, 20, 20, 750), 6, "a slow link: up, fast at first");
        assert_eq!(next(8, 70, 70, 750), 9);
        assert_eq!(next(11, 120, 120, 750), 11, "enough");
        assert_eq!(next(12, 170, 170, 750), 11, "a quarter of a core is not ours");
        assert_eq!(next(3, 20, 22, 25), 2, "a fast link: down, to the lowest");
        assert_eq!(next(1, 20, 22, 25), 1);
        assert_eq!(next(5, 40, 500, 750), 4, "a busy machine is not made the limit");
    }
}
