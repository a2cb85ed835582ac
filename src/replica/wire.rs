//! What receiver and agent say to each other: frames on a pair of byte streams. Pure.
//!
//! A frame is a header of 8 bytes (kind, length of the body, 3 bytes of the header's own BLAKE3), the
//! body, and 8 bytes of BLAKE3 over both. Numbers are little-endian. The receiver commands, the agent
//! replies in order; `Alive` and `Fault` may come at any time. Every length is bounded before anything
//! is allocated, and a body must be used up to its last byte.

use super::chunk::{CHUNK, Hash, Range};

/// Bytes of a frame's header.
pub const HEADER: usize = 8;
/// Bytes of the checksum after a frame's body.
pub const CHECKSUM: usize = 8;
/// Most data chunks of a frame: 4 MiB of content.
pub const FRAME_CHUNKS: usize = 64;
/// Most runs of a frame.
pub const FRAME_RUNS: usize = 1024;
/// Most ranges of a read.
pub const READ_RANGES: usize = 1024;
/// Most chunks of a read, and so of a frame, holes included.
pub const READ_CHUNKS: u64 = 64 * 1024;
/// Most leaves sent along with a read.
pub const READ_LEAVES: usize = 8192;
/// Most nodes asked for at once.
pub const NODES: usize = 4096;
/// Longest body of a reply.
pub const MAX_REPLY: usize = FRAME_CHUNKS * CHUNK + 64 * 1024;
/// Longest body of a command.
pub const MAX_COMMAND: usize = READ_LEAVES * Hash::LEN + 64 * 1024;
/// Longest path of a source, name of a device, or text of a fault.
const MAX_TEXT: usize = 4096;
/// Bytes of a run in a frame.
const RUN: usize = 13;

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The header's checksum is wrong: corruption, or the streams carry something else.
    #[error("a frame's header is corrupt")]
    Header,
    /// The body's checksum is wrong.
    #[error("a frame is corrupt")]
    Corrupt,
    /// A length is above its limit.
    #[error("a frame is longer than allowed")]
    TooLong,
    /// The body ends early, goes on too long, or holds a value out of range.
    #[error("a frame's content makes no sense")]
    Malformed,
    /// The kind is unknown.
    #[error("a frame is of the unknown kind {0}")]
    Kind(u8),
}

/// What the receiver asks of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Who are you? Answered by `Hello`.
    Hello {
        /// Our format version.
        format: u32,
    },
    /// Open a disk and begin a pass: nothing of it is hashed yet. Answered by `Opened`.
    Open {
        /// Device or image file, as bytes of a path.
        path: Vec<u8>,
        /// zstd level of this pass.
        level: u8,
    },
    /// Read and hash whole groups; send the chunks that `have` does not match. Answered by any number
    /// of `Chunks` and one `Read`.
    Read {
        /// Which chunks, in whole groups.
        ranges: Vec<Range>,
        /// The receiver's leaves of all these chunks in order, or empty: send everything.
        have: Vec<Hash>,
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
}

/// How the content of a frame is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// As it is.
    Raw,
    /// One zstd frame.
    Zstd,
}

/// Adjacent chunks of a frame, all with data or all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Which chunks.
    pub range: Range,
    /// Whether they are zero: nothing is sent for them.
    pub hole: bool,
}

/// A frame of chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunks {
    /// Which chunks, in the order of `leaves` and content.
    pub runs: Vec<Run>,
    /// The leaves of the chunks with data.
    pub leaves: Vec<Hash>,
    /// How `content` is packed.
    pub packing: Packing,
    /// The chunks with data, each padded to a whole chunk.
    pub content: Vec<u8>,
}

impl Chunks {
    /// Bytes of the content once unpacked.
    pub fn unpacked(&self) -> usize {
        self.leaves.len() * CHUNK
    }

    /// Chunks, holes included.
    pub fn chunks(&self) -> u64 {
        self.runs.iter().map(|run| u64::from(run.range.count)).sum()
    }
}

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
    /// The disk is open.
    Opened {
        /// Bytes.
        length: u64,
        /// Whether it is a block device.
        block_device: bool,
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
    /// The nodes asked for.
    Nodes(Vec<Hash>),
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
}

/// Kind and length of the body that follows a header.
///
/// # Errors
/// A corrupt header, or a body longer than `limit`.
pub fn parse_header(header: &[u8; HEADER], limit: usize) -> Result<(u8, usize), WireError> {
    if header[5..] != header_check(header[0], &header[1..5]) {
        return Err(WireError::Header);
    }
    let [kind, a, b, c, d, ..] = *header;
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).map_err(|_| WireError::TooLong)?;
    if length > limit { Err(WireError::TooLong) } else { Ok((kind, length)) }
}

/// Checks the checksum at the end of `rest` (body and checksum) and returns the body.
///
/// # Errors
/// A corrupt or short frame.
pub fn checked_body<'a>(header: &[u8; HEADER], rest: &'a [u8]) -> Result<&'a [u8], WireError> {
    let (body, sum) = rest.split_last_chunk::<CHECKSUM>().ok_or(WireError::Malformed)?;
    if *sum == checksum(header, body) { Ok(body) } else { Err(WireError::Corrupt) }
}

fn header_check(kind: u8, length: &[u8]) -> [u8; 3] {
    let hash = blake3::Hasher::new().update(&[kind]).update(length).finalize();
    let [a, b, c, ..] = *hash.as_bytes();
    [a, b, c]
}

fn checksum(header: &[u8], body: &[u8]) -> [u8; CHECKSUM] {
    let hash = blake3::Hasher::new().update(header).update(body).finalize();
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// Builds a frame: header first, length filled in at the end.
struct Frame(Vec<u8>);

impl Frame {
    fn new(kind: u8) -> Self {
        Self(vec![kind, 0, 0, 0, 0, 0, 0, 0])
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn hashes(mut self, hashes: &[Hash]) -> Self {
        hashes.iter().for_each(|hash| self.0.extend_from_slice(&hash.0));
        self
    }

    fn range(self, range: Range) -> Self {
        self.bytes(&range.first.to_le_bytes()).bytes(&range.count.to_le_bytes())
    }

    fn finish(mut self) -> Vec<u8> {
        // Bodies are far below 4 GiB: every list in them has its limit.
        let length = u32::try_from(self.0.len() - HEADER).unwrap_or(u32::MAX).to_le_bytes();
        self.0[1..5].copy_from_slice(&length);
        let check = header_check(self.0[0], &length);
        self.0[5..HEADER].copy_from_slice(&check);
        let sum = checksum(&self.0[..HEADER], &self.0[HEADER..]);
        self.bytes(&sum).0
    }
}

/// Takes values off the front of a body.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(WireError::Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8, WireError> {
        self.take().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, WireError> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, WireError> {
        self.take().map(u64::from_le_bytes)
    }

    fn flag(&mut self) -> Result<bool, WireError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(WireError::Malformed),
        }
    }

    /// A count of things of `size` bytes that must all be there: nothing is allocated for a lie.
    fn count(&mut self, limit: usize, size: usize) -> Result<usize, WireError> {
        let count = usize::try_from(self.u32()?).map_err(|_| WireError::TooLong)?;
        if count > limit {
            return Err(WireError::TooLong);
        }
        if self.0.len() < count * size { Err(WireError::Malformed) } else { Ok(count) }
    }

    fn hashes(&mut self, count: usize) -> Result<Vec<Hash>, WireError> {
        (0..count).map(|_| self.take().map(Hash)).collect()
    }

    /// A range of at least one chunk.
    fn range(&mut self) -> Result<Range, WireError> {
        let range = Range { first: self.u64()?, count: self.u32()? };
        if range.count == 0 { Err(WireError::Malformed) } else { Ok(range) }
    }

    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn text(&mut self) -> Result<&'a [u8], WireError> {
        if self.0.len() > MAX_TEXT { Err(WireError::TooLong) } else { Ok(self.rest()) }
    }

    fn end<T>(self, value: T) -> Result<T, WireError> {
        if self.0.is_empty() { Ok(value) } else { Err(WireError::Malformed) }
    }
}

/// At most [`MAX_TEXT`] bytes of a text.
fn bounded(text: &[u8]) -> &[u8] {
    &text[..text.len().min(MAX_TEXT)]
}

/// The length of a list whose limit is far below 2^32.
fn count_bytes(count: usize) -> [u8; 4] {
    u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes()
}

impl Command {
    /// The whole frame.
    pub fn encode(&self) -> Vec<u8> {
        let frame = match self {
            Command::Hello { format } => Frame::new(1).bytes(&format.to_le_bytes()),
            Command::Open { path, level } => Frame::new(2).bytes(&[*level]).bytes(bounded(path)),
            Command::Read { ranges, have } => {
                let frame = Frame::new(3).bytes(&count_bytes(ranges.len()));
                let frame = ranges.iter().fold(frame, |frame, range| frame.range(*range));
                frame.bytes(&count_bytes(have.len())).hashes(have)
            }
            Command::Root => Frame::new(4),
            Command::Nodes { level, indices } => {
                let frame = Frame::new(5).bytes(&[*level]).bytes(&count_bytes(indices.len()));
                indices.iter().fold(frame, |frame, index| frame.bytes(&index.to_le_bytes()))
            }
        };
        frame.finish()
    }

    /// The command in a body.
    ///
    /// # Errors
    /// An unknown kind, a length above its limit, or a body that makes no sense.
    pub fn decode(kind: u8, body: &[u8]) -> Result<Self, WireError> {
        let mut body = Body(body);
        match kind {
            1 => {
                let format = body.u32()?;
                body.end(Command::Hello { format })
            }
            2 => {
                let level = body.u8()?;
                let path = body.text()?.to_vec();
                body.end(Command::Open { path, level })
            }
            3 => {
                let ranges = body.count(READ_RANGES, 12)?;
                let ranges = (0..ranges).map(|_| body.range()).collect::<Result<Vec<_>, _>>()?;
                let have = body.count(READ_LEAVES, Hash::LEN)?;
                let have = body.hashes(have)?;
                let chunks: u64 = ranges.iter().map(|range| u64::from(range.count)).sum();
                if chunks > READ_CHUNKS {
                    return Err(WireError::TooLong);
                }
                if !have.is_empty() && have.len() as u64 != chunks {
                    return Err(WireError::Malformed);
                }
                body.end(Command::Read { ranges, have })
            }
            4 => body.end(Command::Root),
            5 => {
                let level = body.u8()?;
                let count = body.count(NODES, 4)?;
                let indices = (0..count).map(|_| body.u32()).collect::<Result<_, _>>()?;
                body.end(Command::Nodes { level, indices })
            }
            other => Err(WireError::Kind(other)),
        }
    }
}

impl Reply {
    /// The whole frame.
    pub fn encode(&self) -> Vec<u8> {
        let frame = match self {
            Reply::Hello { format, program } => Frame::new(65).bytes(&format.to_le_bytes()).hashes(&[*program]),
            Reply::Opened { length, block_device, identity } => Frame::new(66)
                .bytes(&length.to_le_bytes())
                .bytes(&[u8::from(*block_device)])
                .bytes(bounded(identity.as_bytes())),
            Reply::Chunks(chunks) => encode_chunks(chunks),
            Reply::Read => Frame::new(68),
            Reply::Root { root, bytes_read } => Frame::new(69).hashes(&[*root]).bytes(&bytes_read.to_le_bytes()),
            Reply::Nodes(hashes) => Frame::new(70).bytes(&count_bytes(hashes.len())).hashes(hashes),
            Reply::Alive { chunks } => Frame::new(71).bytes(&chunks.to_le_bytes()),
            Reply::Fault { kind, offset, text } => {
                Frame::new(72).bytes(&[*kind as u8]).bytes(&offset.to_le_bytes()).bytes(bounded(text.as_bytes()))
            }
        };
        frame.finish()
    }

    /// The reply in a body.
    ///
    /// # Errors
    /// An unknown kind, a length above its limit, or a body that makes no sense.
    pub fn decode(kind: u8, body: &[u8]) -> Result<Self, WireError> {
        let mut body = Body(body);
        match kind {
            65 => {
                let (format, program) = (body.u32()?, Hash(body.take()?));
                body.end(Reply::Hello { format, program })
            }
            66 => {
                let (length, block_device) = (body.u64()?, body.flag()?);
                let identity = String::from_utf8_lossy(body.text()?).into_owned();
                body.end(Reply::Opened { length, block_device, identity })
            }
            67 => decode_chunks(body).map(Reply::Chunks),
            68 => body.end(Reply::Read),
            69 => {
                let (root, bytes_read) = (Hash(body.take()?), body.u64()?);
                body.end(Reply::Root { root, bytes_read })
            }
            70 => {
                let count = body.count(NODES, Hash::LEN)?;
                let hashes = body.hashes(count)?;
                body.end(Reply::Nodes(hashes))
            }
            71 => {
                let chunks = body.u64()?;
                body.end(Reply::Alive { chunks })
            }
            72 => {
                let kind = fault_kind(body.u8()?)?;
                let offset = body.u64()?;
                let text = String::from_utf8_lossy(body.text()?).into_owned();
                body.end(Reply::Fault { kind, offset, text })
            }
            other => Err(WireError::Kind(other)),
        }
    }
}

fn fault_kind(byte: u8) -> Result<FaultKind, WireError> {
    [FaultKind::Open, FaultKind::Read, FaultKind::Shrunk, FaultKind::Command]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
        .ok_or(WireError::Malformed)
}

fn encode_chunks(chunks: &Chunks) -> Frame {
    let frame = Frame::new(67).bytes(&[chunks.packing as u8]).bytes(&count_bytes(chunks.runs.len()));
    let frame = chunks.runs.iter().fold(frame, |frame, run| frame.range(run.range).bytes(&[u8::from(run.hole)]));
    frame.hashes(&chunks.leaves).bytes(&chunks.content)
}

fn decode_chunks(mut body: Body<'_>) -> Result<Chunks, WireError> {
    let packing = if body.flag()? { Packing::Zstd } else { Packing::Raw };
    let count = body.count(FRAME_RUNS, RUN)?;
    let runs = (0..count)
        .map(|_| Ok(Run { range: body.range()?, hole: body.flag()? }))
        .collect::<Result<Vec<_>, WireError>>()?;
    let data: u64 = runs.iter().filter(|run| !run.hole).map(|run| u64::from(run.range.count)).sum();
    let data = usize::try_from(data).map_err(|_| WireError::TooLong)?;
    if data > FRAME_CHUNKS || runs.iter().map(|run| u64::from(run.range.count)).sum::<u64>() > READ_CHUNKS {
        return Err(WireError::TooLong);
    }
    let leaves = body.hashes(data)?;
    let content = body.rest().to_vec();
    let plausible = match packing {
        Packing::Raw => content.len() == data * CHUNK,
        Packing::Zstd => content.len() < data * CHUNK,
    };
    if plausible { Ok(Chunks { runs, leaves, packing, content }) } else { Err(WireError::Malformed) }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
