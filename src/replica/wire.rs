//! What receiver and agent say to each other: frames on a pair of byte streams. Pure.
//!
//! A frame is a header of 8 bytes (kind, length of the body, 3 bytes of the header's own BLAKE3), the
//! body, and 8 bytes of BLAKE3 over both. Numbers are little-endian. The receiver commands, the agent
//! replies in order; `Alive` and `Fault` may come at any time. Every length is bounded before anything
//! is allocated, and a body must be used up to its last byte.

mod chunks;
mod command;
mod listing;
mod quiet;
mod reply;
mod sampled;

pub use chunks::{Chunks, Packing, Run, RunKind};
pub use command::{Command, Have, MapWanted};
pub use listing::{Listing, ListingError};
pub use quiet::{Obstacle, ObstacleKind, USES, Use, Way};
pub use reply::{FaultKind, Reply};
pub use sampled::{LEVELS, Sampled, SampledPacking};

use super::chunk::{BLOCKS, CHUNK, Hash, Range, Short};

/// Bytes of a frame's header.
pub const HEADER: usize = 8;
/// Bytes of the checksum after a frame's body.
pub const CHECKSUM: usize = 8;
/// Most data of a frame in chunks: 3 MiB of content. One frame is made durable while the next arrives and a
/// window of the link is full: together they are what a kill can cost, under 8 MiB.
pub const FRAME_CHUNKS: usize = 48;
/// Most runs of a frame.
pub const FRAME_RUNS: usize = 1024;
/// Most leaves of a frame: whole chunks, patched ones and named ones.
pub const FRAME_LEAVES: usize = 1024;
/// Most ranges of a read.
pub const READ_RANGES: usize = 1024;
/// Most chunks of a read, and so of a frame, holes included.
pub const READ_CHUNKS: u64 = 64 * 1024;
/// Most chunks of which a read says what the receiver has: a group of the longest disk.
pub const READ_HAVES: usize = 8192;
/// Most nodes asked for at once.
pub const NODES: usize = 4096;
/// Longest body of a reply.
pub const MAX_REPLY: usize = FRAME_CHUNKS * CHUNK + 128 * 1024;
/// Longest body of a command.
pub const MAX_COMMAND: usize = READ_HAVES * (1 + 8 * BLOCKS) + 64 * 1024;
/// Most bytes of a listing in one reply.
pub const LISTING_PIECE: usize = 1 << 20;
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

    fn shorts(mut self, hashes: &[Short]) -> Self {
        hashes.iter().for_each(|hash| self.0.extend_from_slice(&hash.0));
        self
    }

    fn range(self, range: Range) -> Self {
        self.bytes(&range.first.to_le_bytes()).bytes(&range.count.to_le_bytes())
    }

    fn text(self, text: &[u8]) -> Self {
        self.bytes(&count_bytes(text.len())).bytes(text)
    }

    fn ranges(self, ranges: &[Range]) -> Self {
        let frame = self.bytes(&count_bytes(ranges.len()));
        ranges.iter().fold(frame, |frame, range| frame.range(*range))
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

    fn u16(&mut self) -> Result<u16, WireError> {
        self.take().map(u16::from_le_bytes)
    }

    fn hashes(&mut self, count: usize) -> Result<Vec<Hash>, WireError> {
        (0..count).map(|_| self.take().map(Hash)).collect()
    }

    fn shorts(&mut self, count: usize) -> Result<Vec<Short>, WireError> {
        (0..count).map(|_| self.take().map(Short)).collect()
    }

    /// Ranges of at least one chunk each, of at most [`READ_CHUNKS`] chunks together.
    fn ranges(&mut self) -> Result<(Vec<Range>, u64), WireError> {
        let count = self.count(READ_RANGES, 12)?;
        let ranges = (0..count).map(|_| self.range()).collect::<Result<Vec<_>, _>>()?;
        let chunks = ranges.iter().map(|range| u64::from(range.count)).sum();
        if chunks > READ_CHUNKS { Err(WireError::TooLong) } else { Ok((ranges, chunks)) }
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

    fn counted_text(&mut self) -> Result<Vec<u8>, WireError> {
        let length = self.count(MAX_TEXT, 1)?;
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        Ok(text.to_vec())
    }

    fn string(&mut self) -> Result<String, WireError> {
        self.text().map(|text| String::from_utf8_lossy(text).into_owned())
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

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
