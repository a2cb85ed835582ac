//! A disk of the source, opened for reading and never for anything else.

use super::super::chunk::{CHUNK_BYTES, MAX_DISK};
use super::super::wire::FaultKind;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Alignment that suits O_DIRECT on every device: no logical block is larger.
pub(super) const ALIGN: usize = 4096;

/// Why a disk cannot be read, as it travels to the receiver.
#[derive(Debug)]
pub(super) struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// Where on the disk, in bytes.
    pub offset: u64,
    /// The system's reason.
    pub text: String,
}

impl Fault {
    fn open(text: impl ToString) -> Self {
        Self { kind: FaultKind::Open, offset: 0, text: text.to_string() }
    }
}

/// Memory that starts at a multiple of [`ALIGN`], as O_DIRECT demands.
pub(super) struct AlignedBuffer {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl AlignedBuffer {
    /// A buffer of `length` bytes.
    pub(super) fn new(length: usize) -> Self {
        let memory = vec![0; length + ALIGN];
        let start = memory.as_ptr().align_offset(ALIGN).min(ALIGN);
        Self { memory, start, length }
    }

    /// Its first `length` bytes.
    pub(super) fn first(&mut self, length: usize) -> &mut [u8] {
        let end = self.start + length.min(self.length);
        &mut self.memory[self.start..end]
    }
}

/// An open disk.
pub(super) struct Source {
    file: File,
    length: u64,
    block_device: bool,
    direct: bool,
    identity: String,
}

impl Source {
    /// Opens a block device or an image file, and makes sure that reads see what is on it now.
    pub(super) fn open(path: &[u8]) -> Result<Self, Fault> {
        let path = Path::new(OsStr::from_bytes(path));
        // Not blocking: opening a FIFO by mistake must not hang.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let open = |flags| rustix::fs::open(path, flags, Mode::empty()).map(File::from);
        let file = open(flags).map_err(Fault::open)?;
        let data = file.metadata().map_err(Fault::open)?;
        let block_device = data.file_type().is_block_device();
        if !block_device && !data.is_file() {
            return Err(Fault::open("it is neither a block device nor a regular file"));
        }
        let length = rustix::fs::seek(&file, rustix::fs::SeekFrom::End(0)).map_err(Fault::open)?;
        if length == 0 || length > MAX_DISK {
            return Err(Fault::open(format!("it has {length} bytes; 1 to {MAX_DISK} can be copied")));
        }
        let identity = if block_device { identity(&data) } else { String::new() };
        let mut source = Self { file, length, block_device, direct: false, identity };
        if block_device {
            source.go_direct(open(flags | OFlags::DIRECT))?;
        }
        Ok(source)
    }

    /// Reads around the page cache where the device allows it, otherwise empties the cache: it does
    /// not see what a mounted filesystem writes.
    fn go_direct(&mut self, direct: Result<File, Errno>) -> Result<(), Fault> {
        let mut probe = AlignedBuffer::new(ALIGN);
        match direct {
            Ok(file) if file.read_at(probe.first(ALIGN), 0).is_ok() => {
                self.file = file;
                self.direct = true;
                Ok(())
            }
            _ => flush_cache(&self.file).map_err(|error| {
                Fault::open(format!("neither direct reads nor emptying the device's cache is possible: {error}"))
            }),
        }
    }

    /// Bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Whether it is a block device.
    pub(super) fn block_device(&self) -> bool {
        self.block_device
    }

    /// Attribute and value that name the device; empty where it has none.
    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    /// Where the next data at or after `offset` begins; holes of image files need not be read.
    pub(super) fn next_data(&self, offset: u64) -> u64 {
        if self.block_device {
            return offset;
        }
        match rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Data(offset)) {
            Ok(data) => data,
            // No data up to the end of the file, as long as it still has its length.
            Err(Errno::NXIO) if self.file.metadata().is_ok_and(|data| data.len() >= self.length) => self.length,
            Err(_) => offset,
        }
    }

    /// Fills `buffer` from `offset`, a multiple of the chunk size; what lies beyond the disk is zeros.
    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), Fault> {
        let wanted = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
        let mut done = 0;
        while done < wanted {
            // Direct reads are asked for in whole blocks, also at the end of the device.
            let until = if self.direct { buffer.len() } else { wanted };
            let at = offset + done as u64;
            match self.file.read_at(&mut buffer[done..until], at) {
                Ok(0) => return Err(Fault { kind: FaultKind::Shrunk, offset: at, text: String::new() }),
                Ok(read) => done += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.locate(at, offset + wanted as u64, &error)),
            }
        }
        buffer[wanted..].fill(0);
        Ok(())
    }

    /// Finds the first block that cannot be read between `from` and `to`, where a larger read failed.
    fn locate(&self, from: u64, to: u64, error: &std::io::Error) -> Fault {
        let mut block = AlignedBuffer::new(ALIGN);
        for offset in (from..to.min(from + 64 * CHUNK_BYTES)).step_by(ALIGN) {
            if let Err(error) = self.file.read_at(block.first(ALIGN), offset) {
                return Fault { kind: FaultKind::Read, offset, text: error.to_string() };
            }
        }
        Fault { kind: FaultKind::Read, offset: from, text: error.to_string() }
    }
}

/// Writes out and drops the pages the kernel holds of a device.
fn flush_cache(file: &File) -> Result<(), Errno> {
    const BLKFLSBUF: rustix::ioctl::Opcode = 0x1261;
    // SAFETY: BLKFLSBUF takes no argument and touches no memory of ours.
    unsafe { rustix::ioctl::ioctl(file, rustix::ioctl::NoArg::<BLKFLSBUF>::new()) }
}

/// What names a device for good, as `attribute:value`; a partition adds its number.
fn identity(data: &Metadata) -> String {
    let rdev = data.rdev();
    let device = format!("/sys/dev/block/{}:{}", rustix::fs::major(rdev), rustix::fs::minor(rdev));
    let device = std::fs::canonicalize(&device).unwrap_or_else(|_| PathBuf::from(device));
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(path).ok()?;
        let text: String = text.trim().chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(128).collect();
        (!text.is_empty()).then_some(text)
    };
    let (disk, partition) = match read(device.join("partition")) {
        Some(number) => (device.parent().map(Path::to_owned).unwrap_or_default(), format!("#{number}")),
        None => (device, String::new()),
    };
    ["dm/uuid", "wwid", "device/wwid", "serial", "device/serial"]
        .iter()
        .find_map(|name| read(disk.join(name)).map(|value| format!("{name}:{value}{partition}")))
        .unwrap_or_default()
}
