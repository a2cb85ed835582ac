//! Numbers at fixed places of a structure; a structure that is too short is an inconsistency.

use super::{Stop, inconsistent};

/// The bytes of a structure.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// `N` bytes at `at`.
    pub(super) fn array<const N: usize>(self, at: usize) -> Result<[u8; N], Stop> {
        match self.0.get(at..).and_then(|rest| rest.first_chunk::<N>()) {
            Some(bytes) => Ok(*bytes),
            None => inconsistent("a structure ends early"),
        }
    }

    /// `length` bytes at `at`.
    pub(super) fn slice(self, at: usize, length: usize) -> Result<&'a [u8], Stop> {
        match at.checked_add(length).and_then(|end| self.0.get(at..end)) {
            Some(bytes) => Ok(bytes),
            None => inconsistent("a structure ends early"),
        }
    }

    /// One byte.
    pub(super) fn byte(self, at: usize) -> Result<u8, Stop> {
        self.array::<1>(at).map(|[byte]| byte)
    }

    /// 16 bits, least byte first.
    pub(super) fn le16(self, at: usize) -> Result<u16, Stop> {
        self.array(at).map(u16::from_le_bytes)
    }

    /// 32 bits, least byte first.
    pub(super) fn le32(self, at: usize) -> Result<u32, Stop> {
        self.array(at).map(u32::from_le_bytes)
    }

    /// 64 bits, least byte first.
    pub(super) fn le64(self, at: usize) -> Result<u64, Stop> {
        self.array(at).map(u64::from_le_bytes)
    }

    /// 16 bits, greatest byte first.
    pub(super) fn be16(self, at: usize) -> Result<u16, Stop> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// 32 bits, greatest byte first.
    pub(super) fn be32(self, at: usize) -> Result<u32, Stop> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// 64 bits, greatest byte first.
    pub(super) fn be64(self, at: usize) -> Result<u64, Stop> {
        self.array(at).map(u64::from_be_bytes)
    }
}
