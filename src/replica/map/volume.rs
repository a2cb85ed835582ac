//! A volume: a stretch of the disk, or stretches joined by LVM, read by its own addresses.

use super::{BLOCK, MapError, Stop, inconsistent};
use std::io;

/// Longest single read, in bytes.
pub(super) const MAX_READ: usize = 1 << 20;

/// Reads of a disk at any place, never a write.
pub trait ReadAt {
    /// Fills `buffer` from byte `offset` on.
    ///
    /// # Errors
    /// Whatever the disk says; `UnexpectedEof` where it ends before the buffer is full.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// A stretch of a volume that lies in one piece on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    /// First byte, in the volume.
    at: u64,
    /// Bytes.
    length: u64,
    /// First byte, on the disk.
    disk: u64,
}

/// A volume; its pieces follow each other without a gap and lie inside the disk.
pub(super) struct Volume<'a> {
    disk: &'a dyn ReadAt,
    disk_length: u64,
    pieces: Vec<Piece>,
    length: u64,
}

impl<'a> Volume<'a> {
    /// The whole disk.
    pub(super) fn disk(disk: &'a dyn ReadAt, length: u64) -> Self {
        Self { disk, disk_length: length, pieces: vec![Piece { at: 0, length, disk: 0 }], length }
    }

    /// The stretches of this volume, `(first byte, bytes)`, joined to a volume of their own.
    pub(super) fn join(&self, stretches: &[(u64, u64)]) -> Result<Volume<'a>, Stop> {
        let mut pieces = Vec::with_capacity(stretches.len());
        let mut at = 0;
        for (first, length) in stretches {
            if first.checked_add(*length).is_none_or(|end| end > self.length) {
                return inconsistent("it reaches beyond what holds it");
            }
            for (disk, length) in self.on_disk(*first, first + length) {
                pieces.push(Piece { at, length, disk });
                at += length;
            }
        }
        Ok(Volume { disk: self.disk, disk_length: self.disk_length, pieces, length: at })
    }

    /// Bytes of the volume.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// First byte of the volume on the disk.
    pub(super) fn offset(&self) -> u64 {
        self.pieces.first().map_or(0, |piece| piece.disk)
    }

    /// Where the bytes `from..to` of the volume are on the disk: `(first byte, bytes)`.
    pub(super) fn on_disk(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let first = self.pieces.partition_point(|piece| piece.at + piece.length <= from);
        self.pieces[first..]
            .iter()
            .take_while(move |piece| piece.at < to)
            .map(move |piece| {
                let start = from.max(piece.at);
                let end = to.min(piece.at + piece.length);
                (piece.disk + (start - piece.at), end.saturating_sub(start))
            })
            .filter(|(_, length)| *length > 0)
    }

    /// Reads `length` bytes at `offset`, at most [`MAX_READ`].
    pub(super) fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, Stop> {
        let end = offset.checked_add(length as u64);
        if length > MAX_READ || end.is_none_or(|end| end > self.length) {
            return inconsistent("it refers to a place outside");
        }
        let mut bytes = Vec::with_capacity(length);
        for (disk, length) in self.on_disk(offset, offset + length as u64) {
            self.read_piece(disk, length as usize, &mut bytes)?;
        }
        Ok(bytes)
    }

    /// Appends bytes of the disk, reading whole blocks: O_DIRECT wants nothing else.
    fn read_piece(&self, offset: u64, length: usize, bytes: &mut Vec<u8>) -> Result<(), Stop> {
        let start = offset / BLOCK * BLOCK;
        let end = (offset + length as u64).next_multiple_of(BLOCK).min(self.disk_length);
        let mut blocks = vec![0; (end - start) as usize];
        self.disk
            .read_at(start, &mut blocks)
            .map_err(|source| Stop::Read(MapError { offset: start, length: blocks.len(), source }))?;
        let skip = (offset - start) as usize;
        bytes.extend_from_slice(&blocks[skip..skip + length]);
        Ok(())
    }
}
