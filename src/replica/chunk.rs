//! Chunks and their hashes: the units in which disks are compared. Pure.

use std::fmt;
use std::str::FromStr;

/// Bytes of a chunk, the unit that is hashed and sent.
pub const CHUNK: usize = 64 * 1024;

/// [`CHUNK`] for arithmetic with disk offsets.
pub const CHUNK_BYTES: u64 = CHUNK as u64;

/// Bytes of a block, the unit in which a changed chunk is compared and ranges are skipped.
pub const BLOCK: usize = 4096;

/// Blocks of a chunk.
pub const BLOCKS: usize = CHUNK / BLOCK;

/// Longest disk: 2^48 bytes (256 TiB). Every length from outside is held against it, so that no
/// arithmetic on chunk numbers can overflow and the tree stays within its bound.
pub const MAX_DISK: u64 = 1 << 48;

/// Version of everything two sides must agree on: leaf, node and root hashes, files, wire.
pub const FORMAT: u32 = 2;

/// A BLAKE3 hash: of a chunk (leaf), of two hashes (node), or of a disk (root).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Bytes of a hash.
    pub const LEN: usize = 32;

    /// What the leaf file holds where nothing is known of a chunk; no content has this hash.
    pub const UNKNOWN: Hash = Hash([0; 32]);

    /// The hash at the start of `bytes`; [`Hash::UNKNOWN`] where they are too short.
    pub fn from_slice(bytes: &[u8]) -> Hash {
        bytes.first_chunk::<32>().map_or(Hash::UNKNOWN, |bytes| Hash(*bytes))
    }
}

/// The first half of a hash: enough to say what to look at. What is kept is compared by whole hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Short(pub [u8; 16]);

impl Short {
    /// Bytes of it.
    pub const LEN: usize = 16;
}

impl Hash {
    /// Its first half.
    pub fn short(&self) -> Short {
        Short(self.0.first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a hash of 64 hexadecimal digits")]
pub struct InvalidHash(String);

impl FromStr for Hash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        let invalid = || InvalidHash(text.chars().take(80).collect());
        if text.len() != 64 || !text.is_ascii() {
            return Err(invalid());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| invalid())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| invalid())?;
        }
        Ok(Hash(bytes))
    }
}

impl serde::Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Adjacent chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First chunk.
    pub first: u64,
    /// How many.
    pub count: u32,
}

impl Range {
    /// The chunk after the last; saturates, so that a hostile range is only out of bounds.
    pub fn end(&self) -> u64 {
        self.first.saturating_add(u64::from(self.count))
    }
}

/// Number of chunks of a disk of `length` bytes; the last may be short.
pub fn chunks_of(length: u64) -> u64 {
    length.div_ceil(CHUNK_BYTES)
}

/// Whether every byte is zero. Folded in blocks so that it runs at memory speed.
pub fn is_zero(bytes: &[u8]) -> bool {
    let mut blocks = bytes.chunks_exact(256);
    blocks.all(|block| block.iter().fold(0, |seen, byte| seen | byte) == 0)
        && blocks.remainder().iter().all(|byte| *byte == 0)
}

/// The hashes of a chunk's blocks: the first 8 bytes of each block's BLAKE3. They only choose the blocks
/// that are sent: the patched chunk must have its leaf.
pub fn block_hashes(content: &[u8]) -> Box<[u64; BLOCKS]> {
    let mut hashes = Box::new([0; BLOCKS]);
    let mut block = [0; BLOCK];
    for (hash, content) in hashes.iter_mut().zip(content.chunks(BLOCK).chain(std::iter::repeat(&[][..]))) {
        let whole = if content.len() == BLOCK {
            blake3::hash(content)
        } else {
            block.fill(0);
            block[..content.len()].copy_from_slice(content);
            blake3::hash(&block)
        };
        *hash = whole.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    }
    hashes
}

/// The leaf of a chunk: BLAKE3 of its content, its tail padded with zeros to a whole chunk.
///
/// `content` is at most one chunk; what is longer would be another chunk's.
pub fn leaf(content: &[u8]) -> Hash {
    debug_assert!(content.len() <= CHUNK);
    let mut hasher = blake3::Hasher::new();
    hasher.update(content);
    static PADDING: [u8; CHUNK] = [0; CHUNK];
    hasher.update(&PADDING[content.len().min(CHUNK)..]);
    Hash(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_chunk_is_padded_with_zeros() {
        let mut whole = vec![0; CHUNK];
        whole[..3].copy_from_slice(b"abc");
        assert_eq!(leaf(b"abc"), leaf(&whole));
        assert_eq!(leaf(&whole).0, *blake3::hash(&whole).as_bytes());
        assert_eq!(leaf(b""), leaf(&[0; CHUNK]));
    }

    #[test]
    fn zero_is_zero_to_the_last_byte() {
        for length in [0, 1, 255, 256, 257, CHUNK, CHUNK - 1] {
            let mut bytes = vec![0; length];
            assert!(is_zero(&bytes), "{length}");
            for place in [0, length / 2, length.saturating_sub(1)] {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = 1;
                    assert!(!is_zero(&bytes), "{length} {place}");
                    bytes[place] = 0;
                }
            }
        }
    }

    #[test]
    fn hashes_are_read_as_written() {
        let hash = leaf(b"x");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for bad in ["", "00", &"g".repeat(64), &"è".repeat(32), &"+0".repeat(32)[..63]] {
            assert!(bad.parse::<Hash>().is_err(), "{bad}");
        }
    }
}
