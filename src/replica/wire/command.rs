//! What the receiver asks of the agent.

use super::super::chunk::{BLOCKS, Range, Short};
use super::{Body, Frame, NODES, READ_HAVES, WireError, bounded, count_bytes};

/// What the receiver asks of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Who are you? Answered by `Hello`.
    Hello {
        /// Our format version.
        format: u32,
    },
    /// Open a disk, map it and begin a pass: nothing of it is hashed yet. Answered by `Opened`.
    Open {
        /// Device or image file, as bytes of a path.
        path: Vec<u8>,
        /// Highest zstd level of this pass.
        level: u8,
        /// What map is made.
        map: MapWanted,
    },
    /// Read and hash whole groups; send what the receiver does not have. Answered by any number of
    /// `Chunks` and one `Read`.
    Read {
        /// Which chunks, in whole groups.
        ranges: Vec<Range>,
        /// What the receiver has of all these chunks in order, or empty: nothing.
        have: Vec<Have>,
    },
    /// Hash what was not yet read in this pass. Answered by `Root`.
    Root,
    /// The hashes of some nodes. Answered by `Nodes`.
    Nodes {
        /// Level above the groups.
        level: u8,
        /// Which nodes of the level.
        indices: Vec<u32>,
    },
    /// The list of skipped ranges. Answered by `Listing`, as often as needed.
    Listing,
    /// Read and hash whole groups; send their leaves only. Answered by any number of `Leaves` and one
    /// `Read`.
    Leaves {
        /// Which chunks, in whole groups.
        ranges: Vec<Range>,
    },
    /// Send no faster from now on. Carried out at once, also while another command is; not answered.
    Rate {
        /// Bits a second on the interface; 0 sends nothing, `u64::MAX` is no limit.
        bits_per_second: u64,
    },
    /// Freeze every filesystem on a disk that may be written to. Answered by `Frozen` or `Obstacle`.
    Freeze {
        /// Device or image file, as bytes of a path.
        path: Vec<u8>,
        /// They are thawed when for this long nothing came from the receiver.
        seconds: u32,
    },
    /// Thaw what is frozen. Answered by `Thawed`.
    Thaw,
    /// Compress a sample of what would be copied. Answered by `Sample`.
    Sample {
        /// Thousandths of it.
        permille: u16,
    },
    /// What uses a disk? Answered by `Uses` or `Obstacle`.
    Uses {
        /// Device or image file, as bytes of a path.
        path: Vec<u8>,
    },
    /// Still there: the seconds of `Freeze` begin anew, as with any command. Taken at once, also while
    /// another command is carried out; not answered.
    Hold,
}

/// Which map of the disk is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MapWanted {
    /// None: the whole disk is copied.
    Whole,
    /// Of filesystems that may change meanwhile.
    Live,
    /// Of filesystems that nothing writes to: unmounted, frozen or read-only.
    Quiet,
}

/// What the receiver has of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Have {
    /// Nothing: it is sent.
    Nothing,
    /// This content: sent only if it is another.
    Here(Short),
    /// Blocks with these hashes: only the others are sent.
    Blocks(Box<[u64; BLOCKS]>),
    /// This content in another place: only named if it is still the same.
    Elsewhere(Short),
}

impl Have {
    /// Adds it to a frame.
    fn encode(&self, frame: Frame) -> Frame {
        match self {
            Have::Nothing => frame.bytes(&[0]),
            Have::Here(leaf) => frame.bytes(&[1]).shorts(&[*leaf]),
            Have::Blocks(blocks) => {
                blocks.iter().fold(frame.bytes(&[2]), |frame, block| frame.bytes(&block.to_le_bytes()))
            }
            Have::Elsewhere(leaf) => frame.bytes(&[3]).shorts(&[*leaf]),
        }
    }

    fn decode(body: &mut Body<'_>) -> Result<Self, WireError> {
        Ok(match body.u8()? {
            0 => Have::Nothing,
            1 => Have::Here(Short(body.take()?)),
            2 => {
                let mut blocks = Box::new([0; BLOCKS]);
                for block in blocks.iter_mut() {
                    *block = body.u64()?;
                }
                Have::Blocks(blocks)
            }
            3 => Have::Elsewhere(Short(body.take()?)),
            _ => return Err(WireError::Malformed),
        })
    }
}

impl MapWanted {
    fn decode(byte: u8) -> Result<Self, WireError> {
        [MapWanted::Whole, MapWanted::Live, MapWanted::Quiet]
            .into_iter()
            .find(|map| *map as u8 == byte)
            .ok_or(WireError::Malformed)
    }
}

impl Command {
    /// The whole frame.
    pub fn encode(&self) -> Vec<u8> {
        let frame = match self {
            Command::Hello { format } => Frame::new(1).bytes(&format.to_le_bytes()),
            Command::Open { path, level, map } => Frame::new(2).bytes(&[*level, *map as u8]).bytes(bounded(path)),
            Command::Read { ranges, have } => {
                let frame = Frame::new(3).ranges(ranges).bytes(&count_bytes(have.len()));
                have.iter().fold(frame, |frame, have| have.encode(frame))
            }
            Command::Root => Frame::new(4),
            Command::Nodes { level, indices } => {
                let frame = Frame::new(5).bytes(&[*level]).bytes(&count_bytes(indices.len()));
                indices.iter().fold(frame, |frame, index| frame.bytes(&index.to_le_bytes()))
            }
            Command::Listing => Frame::new(6),
            Command::Leaves { ranges } => Frame::new(7).ranges(ranges),
            Command::Rate { bits_per_second } => Frame::new(8).bytes(&bits_per_second.to_le_bytes()),
            Command::Freeze { path, seconds } => Frame::new(9).bytes(&seconds.to_le_bytes()).bytes(bounded(path)),
            Command::Thaw => Frame::new(10),
            Command::Sample { permille } => Frame::new(11).bytes(&permille.to_le_bytes()),
            Command::Uses { path } => Frame::new(12).bytes(bounded(path)),
            Command::Hold => Frame::new(13),
        };
        frame.finish()
    }

    /// The command in a body.
    ///
    /// # Errors
    /// An unknown kind, a length above its limit, or a body that makes no sense.
    pub fn decode(kind: u8, body: &[u8]) -> Result<Self, WireError> {
        let mut body = Body(body);
        let command = match kind {
            1 => Command::Hello { format: body.u32()? },
            2 => {
                let (level, map) = (body.u8()?, MapWanted::decode(body.u8()?)?);
                Command::Open { level, map, path: body.text()?.to_vec() }
            }
            3 => {
                let (ranges, chunks) = body.ranges()?;
                let have = body.count(READ_HAVES, 1)?;
                if have > 0 && have as u64 != chunks {
                    return Err(WireError::Malformed);
                }
                let have = (0..have).map(|_| Have::decode(&mut body)).collect::<Result<_, _>>()?;
                Command::Read { ranges, have }
            }
            4 => Command::Root,
            5 => {
                let level = body.u8()?;
                let count = body.count(NODES, 4)?;
                Command::Nodes { level, indices: (0..count).map(|_| body.u32()).collect::<Result<_, _>>()? }
            }
            6 => Command::Listing,
            7 => Command::Leaves { ranges: body.ranges()?.0 },
            8 => Command::Rate { bits_per_second: body.u64()? },
            9 => {
                let seconds = body.u32()?;
                Command::Freeze { seconds, path: body.text()?.to_vec() }
            }
            10 => Command::Thaw,
            11 => Command::Sample { permille: body.u16()? },
            12 => Command::Uses { path: body.text()?.to_vec() },
            13 => Command::Hold,
            other => return Err(WireError::Kind(other)),
        };
        body.end(command)
    }
}
