//! A frame of chunks: what they hold now, whole or as far as they changed.

use super::super::chunk::{BLOCK, CHUNK, Hash, Range};
use super::{Body, FRAME_CHUNKS, FRAME_LEAVES, FRAME_RUNS, Frame, READ_CHUNKS, RUN, WireError, count_bytes};

/// How the content of a frame is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// As it is.
    Raw,
    /// One zstd frame.
    Zstd,
}

/// What a frame holds of the chunks of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// Their content.
    Data,
    /// Nothing: they are zero.
    Hole,
    /// The blocks that changed.
    Patch,
    /// Their leaves alone: the receiver has their content in another place.
    Reference,
}

/// Adjacent chunks of a frame, all of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Which chunks.
    pub range: Range,
    /// What the frame holds of them.
    pub kind: RunKind,
}

/// A frame of chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunks {
    /// Which chunks, in the order of leaves, masks and content.
    pub runs: Vec<Run>,
    /// The leaves of all chunks but holes.
    pub leaves: Vec<Hash>,
    /// Which blocks of each patched chunk follow, the first block in the lowest bit.
    pub masks: Vec<u16>,
    /// How `content` is packed.
    pub packing: Packing,
    /// Whole chunks, the last of the disk padded with zeros; of patched chunks the blocks of their mask.
    pub content: Vec<u8>,
}

impl Chunks {
    /// A frame that holds nothing yet.
    pub fn empty() -> Self {
        Self { runs: Vec::new(), leaves: Vec::new(), masks: Vec::new(), packing: Packing::Raw, content: Vec::new() }
    }

    /// Bytes of the content once unpacked.
    pub fn unpacked(&self) -> usize {
        let blocks: usize = self.masks.iter().map(|mask| mask.count_ones() as usize).sum();
        self.count(RunKind::Data) as usize * CHUNK + blocks * BLOCK
    }

    /// Chunks, holes included.
    pub fn chunks(&self) -> u64 {
        self.runs.iter().map(|run| u64::from(run.range.count)).sum()
    }

    /// Chunks of a kind.
    pub fn count(&self, kind: RunKind) -> u64 {
        self.runs.iter().filter(|run| run.kind == kind).map(|run| u64::from(run.range.count)).sum()
    }

    pub(super) fn encode(&self) -> Frame {
        let frame = Frame::new(67).bytes(&[self.packing as u8]).bytes(&count_bytes(self.runs.len()));
        let frame = self.runs.iter().fold(frame, |frame, run| frame.range(run.range).bytes(&[run.kind as u8]));
        let frame = frame.hashes(&self.leaves);
        let frame = self.masks.iter().fold(frame, |frame, mask| frame.bytes(&mask.to_le_bytes()));
        frame.bytes(&self.content)
    }

    /// The frame in a body. Nothing is allocated for leaves or content that are not there.
    pub(super) fn decode(mut body: Body<'_>) -> Result<Self, WireError> {
        let packing = if body.flag()? { Packing::Zstd } else { Packing::Raw };
        let count = body.count(FRAME_RUNS, RUN)?;
        let runs = (0..count)
            .map(|_| Ok(Run { range: body.range()?, kind: RunKind::decode(body.u8()?)? }))
            .collect::<Result<Vec<_>, WireError>>()?;
        let mut chunks = Self { runs, packing, ..Self::empty() };
        let leaves = chunks.chunks() - chunks.count(RunKind::Hole);
        if chunks.chunks() > READ_CHUNKS || leaves > FRAME_LEAVES as u64 {
            return Err(WireError::TooLong);
        }
        chunks.leaves = body.hashes(leaves as usize)?;
        chunks.masks = (0..chunks.count(RunKind::Patch)).map(|_| body.u16()).collect::<Result<_, _>>()?;
        let unpacked = chunks.unpacked();
        if unpacked > FRAME_CHUNKS * CHUNK {
            return Err(WireError::TooLong);
        }
        chunks.content = body.rest().to_vec();
        let plausible = match packing {
            Packing::Raw => chunks.content.len() == unpacked,
            Packing::Zstd => chunks.content.len() < unpacked,
        };
        if plausible { Ok(chunks) } else { Err(WireError::Malformed) }
    }
}

impl RunKind {
    fn decode(byte: u8) -> Result<Self, WireError> {
        [RunKind::Data, RunKind::Hole, RunKind::Patch, RunKind::Reference]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
            .ok_or(WireError::Malformed)
    }
}
