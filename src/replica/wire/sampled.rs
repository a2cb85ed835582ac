//! A sample of what would be copied, as the agent answers it.

use super::{Body, Frame, WireError};

/// Levels at which a sample is packed.
pub const LEVELS: usize = 3;

/// A sample of what would be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sampled {
    /// Chunks of the disk that hold something copied.
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
    /// Microseconds of reading.
    pub read_us: u64,
    /// What came out at the lowest level of a pass, at that at which it begins, and at its highest.
    pub levels: [SampledPacking; LEVELS],
}

/// What a sample packs to at one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SampledPacking {
    /// Level of zstd.
    pub level: u8,
    /// Bytes of all places.
    pub packed: u64,
    /// Sum of the squares of each place's bytes: how much places differ.
    pub squares: u64,
    /// Microseconds of the processor that packing took.
    pub packing_us: u64,
}

impl Sampled {
    pub(super) fn encode(&self, frame: Frame) -> Frame {
        let frame = numbers(frame, &[self.chunks, self.sampled_chunks, self.zero_chunks]);
        let frame = frame.bytes(&self.places.to_le_bytes()).bytes(&self.incompressible.to_le_bytes());
        let frame = numbers(frame, &[self.bytes_read, self.read_us]);
        self.levels.iter().fold(frame, |frame, level| level.encode(frame))
    }

    pub(super) fn decode(body: &mut Body<'_>) -> Result<Self, WireError> {
        Ok(Self {
            chunks: body.u64()?,
            sampled_chunks: body.u64()?,
            zero_chunks: body.u64()?,
            places: body.u32()?,
            incompressible: body.u32()?,
            bytes_read: body.u64()?,
            read_us: body.u64()?,
            levels: [SampledPacking::decode(body)?, SampledPacking::decode(body)?, SampledPacking::decode(body)?],
        })
    }
}

impl SampledPacking {
    fn encode(&self, frame: Frame) -> Frame {
        numbers(frame.bytes(&[self.level]), &[self.packed, self.squares, self.packing_us])
    }

    fn decode(body: &mut Body<'_>) -> Result<Self, WireError> {
        Ok(Self { level: body.u8()?, packed: body.u64()?, squares: body.u64()?, packing_us: body.u64()? })
    }
}

fn numbers(frame: Frame, numbers: &[u64]) -> Frame {
    numbers.iter().fold(frame, |frame, number| frame.bytes(&number.to_le_bytes()))
}
