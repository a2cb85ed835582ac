//! What the agent answers.

use super::super::chunk::{Hash, Range, Short};
use super::sampled::Sampled;
use super::{
    Body, Chunks, FRAME_LEAVES, FRAME_RUNS, Frame, LISTING_PIECE, NODES, Obstacle, READ_CHUNKS, RUN, Use, WireError,
    bounded, count_bytes,
};

/// A disk's fault, as the agent reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It cannot be opened.
    Open,
    /// A read failed.
    Read,
    /// It became shorter.
    Shrunk,
    /// A command cannot be carried out: the receiver's bug.
    Command,
}

/// What the agent answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Who it is.
    Hello {
        /// Its format version.
        format: u32,
        /// BLAKE3 of its own executable file.
        program: Hash,
    },
    /// The disk is open and mapped.
    Opened {
        /// Bytes.
        length: u64,
        /// Whether it is a block device.
        block_device: bool,
        /// BLAKE3 of the listing of skipped ranges.
        listing: Hash,
        /// Bytes that are not skipped.
        copied: u64,
        /// Serial number, WWID or UUID, with the name of its attribute; may be empty.
        identity: String,
    },
    /// Chunks.
    Chunks(Chunks),
    /// A read is complete.
    Read,
    /// Every group was read in this pass.
    Root {
        /// The disk's root.
        root: Hash,
        /// Bytes read in this pass.
        bytes_read: u64,
    },
    /// The nodes asked for, shortened: they only say where to look.
    Nodes(Vec<Short>),
    /// Still there, busy.
    Alive {
        /// Chunks read in this pass.
        chunks: u64,
    },
    /// The disk cannot be read; the agent ends.
    Fault {
        /// What kind.
        kind: FaultKind,
        /// Where on the disk, in bytes.
        offset: u64,
        /// The system's reason.
        text: String,
    },
    /// A piece of the packed listing.
    Listing {
        /// Whether it is the last.
        last: bool,
        /// The piece.
        bytes: Vec<u8>,
    },
    /// The leaves of chunks, shortened.
    Leaves {
        /// Which chunks in order, and whether they are zero.
        runs: Vec<(Range, bool)>,
        /// The leaves of those that are not.
        leaves: Vec<Short>,
    },
    /// What uses the disk; the filesystems among it that may be written to are frozen.
    Frozen(Vec<Use>),
    /// Nothing is frozen any more.
    Thawed {
        /// Whether something was, and all of it until now.
        held: bool,
    },
    /// What uses the disk.
    Uses(Vec<Use>),
    /// Nothing is frozen, and why.
    Obstacle(Obstacle),
    /// The sample.
    Sample(Sampled),
}

impl Reply {
    /// The whole frame.
    pub fn encode(&self) -> Vec<u8> {
        let frame = match self {
            Reply::Hello { format, program } => Frame::new(65).bytes(&format.to_le_bytes()).hashes(&[*program]),
            Reply::Opened { length, block_device, listing, copied, identity } => Frame::new(66)
                .bytes(&length.to_le_bytes())
                .bytes(&[u8::from(*block_device)])
                .hashes(&[*listing])
                .bytes(&copied.to_le_bytes())
                .bytes(bounded(identity.as_bytes())),
            Reply::Chunks(chunks) => chunks.encode(),
            Reply::Read => Frame::new(68),
            Reply::Root { root, bytes_read } => Frame::new(69).hashes(&[*root]).bytes(&bytes_read.to_le_bytes()),
            Reply::Nodes(hashes) => Frame::new(70).bytes(&count_bytes(hashes.len())).shorts(hashes),
            Reply::Alive { chunks } => Frame::new(71).bytes(&chunks.to_le_bytes()),
            Reply::Fault { kind, offset, text } => {
                Frame::new(72).bytes(&[*kind as u8]).bytes(&offset.to_le_bytes()).bytes(bounded(text.as_bytes()))
            }
            Reply::Listing { last, bytes } => Frame::new(73).bytes(&[u8::from(*last)]).bytes(bytes),
            Reply::Leaves { runs, leaves } => {
                let frame = Frame::new(74).bytes(&count_bytes(runs.len()));
                let frame =
                    runs.iter().fold(frame, |frame, (range, zero)| frame.range(*range).bytes(&[u8::from(*zero)]));
                frame.shorts(leaves)
            }
            Reply::Frozen(uses) => Frame::new(75).uses(uses),
            Reply::Thawed { held } => Frame::new(76).bytes(&[u8::from(*held)]),
            Reply::Sample(sampled) => sampled.encode(Frame::new(77)),
            Reply::Uses(uses) => Frame::new(78).uses(uses),
            Reply::Obstacle(obstacle) => Frame::new(79).obstacle(obstacle),
        };
        frame.finish()
    }

    /// The reply in a body.
    ///
    /// # Errors
    /// An unknown kind, a length above its limit, or a body that makes no sense.
    pub fn decode(kind: u8, body: &[u8]) -> Result<Self, WireError> {
        let mut body = Body(body);
        let reply = match kind {
            65 => Reply::Hello { format: body.u32()?, program: Hash(body.take()?) },
            66 => Reply::Opened {
                length: body.u64()?,
                block_device: body.flag()?,
                listing: Hash(body.take()?),
                copied: body.u64()?,
                identity: body.string()?,
            },
            67 => return Chunks::decode(body).map(Reply::Chunks),
            68 => Reply::Read,
            69 => Reply::Root { root: Hash(body.take()?), bytes_read: body.u64()? },
            70 => {
                let count = body.count(NODES, Short::LEN)?;
                Reply::Nodes(body.shorts(count)?)
            }
            71 => Reply::Alive { chunks: body.u64()? },
            72 => Reply::Fault { kind: FaultKind::decode(body.u8()?)?, offset: body.u64()?, text: body.string()? },
            73 => {
                let (last, bytes) = (body.flag()?, body.rest());
                if bytes.len() > LISTING_PIECE {
                    return Err(WireError::TooLong);
                }
                Reply::Listing { last, bytes: bytes.to_vec() }
            }
            74 => decode_leaves(&mut body)?,
            75 => Reply::Frozen(body.uses()?),
            76 => Reply::Thawed { held: body.flag()? },
            77 => Reply::Sample(Sampled::decode(&mut body)?),
            78 => Reply::Uses(body.uses()?),
            79 => Reply::Obstacle(body.obstacle()?),
            other => return Err(WireError::Kind(other)),
        };
        body.end(reply)
    }
}

fn decode_leaves(body: &mut Body<'_>) -> Result<Reply, WireError> {
    let count = body.count(FRAME_RUNS, RUN)?;
    let runs = (0..count).map(|_| Ok((body.range()?, body.flag()?))).collect::<Result<Vec<_>, WireError>>()?;
    let chunks = |runs: &[(Range, bool)], zeros: bool| -> u64 {
        runs.iter().filter(|(_, zero)| zeros || !zero).map(|(range, _)| u64::from(range.count)).sum()
    };
    let leaves = chunks(&runs, false);
    if chunks(&runs, true) > READ_CHUNKS || leaves > FRAME_LEAVES as u64 {
        return Err(WireError::TooLong);
    }
    let leaves = body.shorts(leaves as usize)?;
    Ok(Reply::Leaves { runs, leaves })
}

impl FaultKind {
    fn decode(byte: u8) -> Result<Self, WireError> {
        [FaultKind::Open, FaultKind::Read, FaultKind::Shrunk, FaultKind::Command]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
            .ok_or(WireError::Malformed)
    }
}
