//! The listing of a map as it travels: skipped ranges with their reasons, and what was recognised.
//!
//! Bytes: format, number of ranges, then for each the blocks since the end of the one before, its
//! blocks (both as variable-length numbers) and its reason; then the findings as lines of text.

use super::super::chunk::Hash;
use super::super::map::{BLOCK, DiskMap, MAX_SKIPS, Skip, SkipReason};
use std::io::Read;

/// Version of the bytes and of the parsers behind them.
const VERSION: u8 = 2;

/// Most bytes of a listing, unpacked: every range at its longest, and the findings.
const MAX_LISTING: usize = MAX_SKIPS * 21 + MAX_FINDINGS;

/// Largest window of zstd, as a power of two.
const MAX_WINDOW_LOG: u32 = 24;

/// Most bytes of findings.
const MAX_FINDINGS: usize = 256 * 1024;

/// Most lines of findings.
const MAX_LINES: usize = 16 * 1024;

/// The reasons by their number in a listing.
const REASONS: [SkipReason; 9] = [
    SkipReason::ExtFree,
    SkipReason::XfsFree,
    SkipReason::NtfsFree,
    SkipReason::PageFile,
    SkipReason::HibernationFile,
    SkipReason::SwapFile,
    SkipReason::Swap,
    SkipReason::LvmFree,
    SkipReason::ExtJournal,
];

/// What a map skips, and what it recognised.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Skipped ranges, ascending and apart.
    pub skips: Vec<Skip>,
    /// What was recognised, a line each.
    pub findings: Vec<String>,
}

/// Why bytes are no listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// It cannot be unpacked, or is longer than allowed.
    #[error("the list of skipped ranges cannot be unpacked")]
    Packed,
    /// It ends early, or holds a value out of range.
    #[error("the list of skipped ranges makes no sense")]
    Malformed,
    /// It has another hash than was announced.
    #[error("the list of skipped ranges is not the one announced")]
    Other,
}

impl Listing {
    /// The listing of a map.
    pub fn of(map: &DiskMap) -> Self {
        let mut room = MAX_FINDINGS;
        let findings = map.findings().iter().map(|finding| finding.to_string().replace('\n', " "));
        let findings = findings.take(MAX_LINES).take_while(|line| {
            room = room.saturating_sub(line.len() + 1);
            room > 0
        });
        Self { skips: map.skips().to_vec(), findings: findings.collect() }
    }

    /// Its bytes, unpacked.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        number(&mut bytes, self.skips.len() as u64);
        let mut end = 0;
        for skip in &self.skips {
            number(&mut bytes, skip.offset.saturating_sub(end) / BLOCK);
            number(&mut bytes, skip.length / BLOCK);
            let reason = REASONS.iter().position(|reason| *reason == skip.reason);
            bytes.push(reason.and_then(|reason| u8::try_from(reason).ok()).unwrap_or(u8::MAX));
            end = skip.offset + skip.length;
        }
        bytes.extend_from_slice(self.findings.join("\n").as_bytes());
        bytes
    }

    /// What names a listing: BLAKE3 of its bytes.
    pub fn hash(bytes: &[u8]) -> Hash {
        Hash(*blake3::hash(bytes).as_bytes())
    }

    /// The listing of a disk of `length` bytes that was announced as `hash`.
    ///
    /// # Errors
    /// Bytes that cannot be unpacked, are others, or name a range outside the disk.
    pub fn unpack(packed: &[u8], length: u64, hash: Hash) -> Result<Self, ListingError> {
        let mut decoder = zstd::Decoder::new(packed).map_err(|_| ListingError::Packed)?;
        // What we pack ourselves stays below it; a hostile header could ask for 128 MiB.
        decoder.window_log_max(MAX_WINDOW_LOG).map_err(|_| ListingError::Packed)?;
        let mut bytes = Vec::new();
        decoder.take(MAX_LISTING as u64 + 1).read_to_end(&mut bytes).map_err(|_| ListingError::Packed)?;
        if bytes.len() > MAX_LISTING {
            return Err(ListingError::Packed);
        }
        if Self::hash(&bytes) == hash { Self::decode(&bytes, length) } else { Err(ListingError::Other) }
    }

    /// The listing in unpacked bytes, for a disk of `length` bytes.
    ///
    /// # Errors
    /// Bytes that make no sense, or a range outside the disk.
    pub fn decode(bytes: &[u8], length: u64) -> Result<Self, ListingError> {
        let mut rest = bytes.strip_prefix(&[VERSION]).ok_or(ListingError::Malformed)?;
        let count = take_number(&mut rest)?;
        // Each range takes three bytes at least: nothing is allocated for a lie.
        if count > MAX_SKIPS as u64 || count * 3 > rest.len() as u64 {
            return Err(ListingError::Malformed);
        }
        let mut skips = Vec::with_capacity(count as usize);
        let mut end = 0;
        for _ in 0..count {
            let skip = take_skip(&mut rest, end)?;
            end = skip.offset + skip.length;
            if end > length {
                return Err(ListingError::Malformed);
            }
            skips.push(skip);
        }
        if rest.len() > MAX_FINDINGS || rest.iter().filter(|byte| **byte == b'\n').count() > MAX_LINES {
            return Err(ListingError::Malformed);
        }
        let findings = std::str::from_utf8(rest).map_err(|_| ListingError::Malformed)?;
        Ok(Self { skips, findings: findings.lines().map(str::to_owned).collect() })
    }
}

/// The next range, after byte `end` of the disk.
fn take_skip(rest: &mut &[u8], end: u64) -> Result<Skip, ListingError> {
    let (gap, blocks) = (take_number(rest)?, take_number(rest)?);
    let reason = rest.split_off_first().and_then(|reason| REASONS.get(usize::from(*reason)));
    let offset = gap.checked_mul(BLOCK).and_then(|gap| gap.checked_add(end));
    let length = blocks.checked_mul(BLOCK).filter(|length| *length > 0);
    match (offset, length, reason) {
        (Some(offset), Some(length), Some(reason)) if offset.checked_add(length).is_some() => {
            Ok(Skip { offset, length, reason: *reason })
        }
        _ => Err(ListingError::Malformed),
    }
}

/// Appends a number, seven bits a byte, the lowest first.
fn number(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take_number(rest: &mut &[u8]) -> Result<u64, ListingError> {
    let mut value = 0u64;
    for shift in (0..63).step_by(7) {
        let byte = *rest.split_off_first().ok_or(ListingError::Malformed)?;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(ListingError::Malformed)
}
