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
const EASY: u128 = 9;
/// Share of a core, in percent, above which it is lowered: with what hashing takes the agent stays under
/// a quarter of a core wherever the link is the limit.
const HARD: u128 = 18;

/// Compresses content where that is worth it.
pub(super) struct Packer {
    probe: zstd::bulk::Compressor<'static>,
    compressor: zstd::bulk::Compressor<'static>,
    level: u8,
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
            last: Instant::now(),
        })
    }

    /// Packs a frame at a level of at most `highest`.
    ///
    /// # Errors
    /// No memory.
    pub(super) fn pack(&mut self, chunks: Chunks, highest: u8) -> io::Result<Chunks> {
        let begun = Instant::now();
        let packed = self.pack_at(chunks, self.level.min(highest))?;
        if packed.packing == Packing::Zstd {
            self.adapt(begun.elapsed(), highest)?;
        }
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

    /// Chooses the next level by the share of a core that packing took since the frame before: where
    /// the link or the disk is the limit there is time for a better one.
    fn adapt(&mut self, packing: Duration, highest: u8) -> io::Result<()> {
        let now = Instant::now();
        let share = 100 * packing.as_micros() / (now - self.last).as_micros().max(1);
        self.last = now;
        let level = match share {
            _ if share < EASY => self.level + 1,
            _ if share > HARD => self.level.saturating_sub(1).max(LOWEST_LEVEL),
            _ => self.level,
        };
        self.set_level(level.min(highest))
    }

    fn set_level(&mut self, level: u8) -> io::Result<()> {
        if self.level != level {
            self.compressor.set_compression_level(level.into())?;
            self.level = level;
        }
        Ok(())
    }
}
