//! Writes a stream-optimised VMDK, front to back, with one grain and one table in memory.
//!
//! Holes are not read, zeros are not written. The same disk gives the same bytes.

use super::descriptor::{Adapter, CreateType, Descriptor, DescriptorError};
use super::layout::{self, DESCRIPTOR_ROOM, GRAIN, GRAIN_SECTORS, Mark, OVERHEAD, SECTOR, TABLE};
use flate2::{Compress, Compression, FlushCompress, Status};
use std::io::{self, Write};
use std::ops::Range;

/// A raw disk with holes.
pub trait Disk {
    /// Its length in bytes.
    fn length(&self) -> u64;

    /// The first bytes at or after `from` that may be other than zero; none if all are zero to the end.
    ///
    /// # Errors
    /// The disk cannot be asked.
    fn data(&self, from: u64) -> io::Result<Option<Range<u64>>>;

    /// Fills `bytes` from `at` on.
    ///
    /// # Errors
    /// The disk cannot be read, or ends before.
    fn read(&self, at: u64, bytes: &mut [u8]) -> io::Result<()>;
}

/// What is written beside the bytes.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// The name that the descriptor gives the file.
    pub name: &'a str,
    /// The controller.
    pub adapter: Adapter,
    /// Identifies the content.
    pub cid: u32,
    /// How hard to compress: 1 is fast, 9 is small.
    pub level: u32,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the disk that are behind us, holes too.
    pub done: u64,
    /// Bytes of the disk.
    pub total: u64,
    /// Bytes of the file so far.
    pub written: u64,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Bytes of the file.
    pub bytes: u64,
    /// Grains in it; all others are zero.
    pub grains: u64,
}

/// Why a disk could not be written as a stream.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The disk cannot be read.
    #[error("the disk cannot be read at byte {at}")]
    Read {
        /// Where.
        at: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("the stream cannot be written after {at} bytes")]
    Write {
        /// How much was.
        at: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The disk is no disk.
    #[error("a disk of {0} bytes has no whole number of sectors of {SECTOR}")]
    NoSectors(u64),
    /// Its name or size is none.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    /// Places in the file are 32 bits of sectors.
    #[error("the compressed disk is larger than the 2 TiB that its format can count")]
    TooLarge,
    /// The library breaks its promise.
    #[error("a grain cannot be compressed: a bug in traghetto")]
    Compress,
}

/// Writes `disk` as a stream.
///
/// # Errors
/// It cannot be read or written, or is too large for the format.
pub fn write_stream(
    disk: &impl Disk,
    out: &mut impl Write,
    options: &Options<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Written, StreamError> {
    let length = disk.length();
    if !length.is_multiple_of(SECTOR) {
        return Err(StreamError::NoSectors(length));
    }
    let capacity = length / SECTOR;
    let descriptor =
        Descriptor::new(CreateType::StreamOptimized, options.name, capacity, options.adapter, options.cid)?;
    let mut file = File { out, at: 0 };
    file.begin(capacity, &descriptor)?;
    let mut grains = Grains { disk, squeeze: Squeeze::new(options.level), bytes: vec![0; GRAIN as usize] };
    let mut directory = vec![0_u32; usize::try_from(layout::tables(capacity)).map_err(|_| StreamError::TooLarge)?];
    let (mut count, mut next) = (0, grains.next(0)?);
    while let Some(first) = next {
        let number = first / TABLE;
        let (table, following) = grains.table(number, first, &mut file, &mut |grain, written| {
            progress(Progress { done: ((grain + 1) * GRAIN).min(length), total: length, written });
        })?;
        next = following;
        let used = table.iter().filter(|place| **place != 0).count() as u64;
        if used > 0 {
            count += used;
            let place = file.index(Mark::Table, &table)?;
            directory[usize::try_from(number).map_err(|_| StreamError::TooLarge)?] = place;
        }
    }
    file.end(capacity, &directory)?;
    progress(Progress { done: length, total: length, written: file.at });
    Ok(Written { bytes: file.at, grains: count })
}

/// The grains of a disk, one at a time.
struct Grains<'a, D> {
    disk: &'a D,
    squeeze: Squeeze,
    /// The one at hand.
    bytes: Vec<u8>,
}

impl<D: Disk> Grains<'_, D> {
    /// The first grain from `grain` on that may hold data.
    fn next(&self, grain: u64) -> Result<Option<u64>, StreamError> {
        let from = grain * GRAIN;
        if from >= self.disk.length() {
            return Ok(None);
        }
        let found = self.disk.data(from).map_err(|source| StreamError::Read { at: from, source })?;
        Ok(found.map(|range| range.start.max(from) / GRAIN).filter(|grain| grain * GRAIN < self.disk.length()))
    }

    /// Writes the grains of a table, from `grain` on, and gives their places and the next grain with data.
    fn table(
        &mut self,
        number: u64,
        mut grain: u64,
        file: &mut File<'_, impl Write>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(Vec<u32>, Option<u64>), StreamError> {
        let mut table = vec![0_u32; TABLE as usize];
        loop {
            self.load(grain)?;
            if self.bytes.iter().any(|byte| *byte != 0) {
                table[(grain % TABLE) as usize] = file.sector()?;
                let compressed = self.squeeze.grain(&self.bytes)?;
                let size = u32::try_from(compressed.len()).map_err(|_| StreamError::Compress)?;
                file.put(&layout::grain_marker(grain * GRAIN_SECTORS, size))?;
                file.put(compressed)?;
                file.pad_to(file.at.next_multiple_of(SECTOR))?;
            }
            progress(grain, file.at);
            match self.next(grain + 1)? {
                Some(next) if next / TABLE == number => grain = next,
                next => return Ok((table, next)),
            }
        }
    }

    /// Reads a grain; behind the end of the disk it is zero.
    fn load(&mut self, grain: u64) -> Result<(), StreamError> {
        let at = grain * GRAIN;
        let length = (self.disk.length() - at).min(GRAIN) as usize;
        self.bytes[length..].fill(0);
        self.disk.read(at, &mut self.bytes[..length]).map_err(|source| StreamError::Read { at, source })
    }
}

/// Deflate in the frame of zlib (RFC 1950), a grain at a time.
struct Squeeze {
    deflate: Compress,
    output: Vec<u8>,
}

impl Squeeze {
    fn new(level: u32) -> Self {
        // What cannot be compressed grows by a few bytes.
        Self { deflate: Compress::new(Compression::new(level.clamp(1, 9)), true), output: vec![0; 2 * GRAIN as usize] }
    }

    fn grain(&mut self, bytes: &[u8]) -> Result<&[u8], StreamError> {
        self.deflate.reset();
        match self.deflate.compress(bytes, &mut self.output, FlushCompress::Finish) {
            Ok(Status::StreamEnd) => {
                let length = usize::try_from(self.deflate.total_out()).map_err(|_| StreamError::Compress)?;
                Ok(&self.output[..length])
            }
            _ => Err(StreamError::Compress),
        }
    }
}

/// The file that grows.
struct File<'a, W> {
    out: &'a mut W,
    /// Its length so far.
    at: u64,
}

impl<W: Write> File<'_, W> {
    fn begin(&mut self, capacity: u64, descriptor: &Descriptor) -> Result<(), StreamError> {
        self.put(&layout::header(capacity, None))?;
        self.put(descriptor.text().as_bytes())?;
        debug_assert!(self.at <= (1 + DESCRIPTOR_ROOM) * SECTOR);
        self.pad_to(OVERHEAD * SECTOR)
    }

    fn end(&mut self, capacity: u64, directory: &[u32]) -> Result<(), StreamError> {
        let place = self.index(Mark::Directory, directory)?;
        self.put(&layout::marker(Mark::Footer, 1))?;
        self.put(&layout::header(capacity, Some(u64::from(place))))?;
        self.put(&layout::marker(Mark::EndOfStream, 0))?;
        self.out.flush().map_err(|source| StreamError::Write { at: self.at, source })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), StreamError> {
        self.out.write_all(bytes).map_err(|source| StreamError::Write { at: self.at, source })?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn pad_to(&mut self, end: u64) -> Result<(), StreamError> {
        const ZEROS: [u8; 4096] = [0; 4096];
        while self.at < end {
            let length = (end - self.at).min(ZEROS.len() as u64) as usize;
            self.put(&ZEROS[..length])?;
        }
        Ok(())
    }

    /// The sector at which the file goes on.
    fn sector(&self) -> Result<u32, StreamError> {
        u32::try_from(self.at / SECTOR).map_err(|_| StreamError::TooLarge)
    }

    /// Writes a table or the directory behind its marker, and gives its place.
    fn index(&mut self, mark: Mark, entries: &[u32]) -> Result<u32, StreamError> {
        let bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.to_le_bytes()).collect();
        let sectors = (bytes.len() as u64).div_ceil(SECTOR);
        self.put(&layout::marker(mark, sectors))?;
        let place = self.sector()?;
        self.put(&bytes)?;
        self.pad_to((u64::from(place) + sectors) * SECTOR)?;
        Ok(place)
    }
}
