//! The files: a raw disk with its holes, and a descriptor that is there as a whole or not at all.

use super::descriptor::Descriptor;
use super::stream::Disk;
use rustix::fs::SeekFrom;
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// A raw disk in a sparse file.
#[derive(Debug)]
pub struct RawFile {
    file: File,
    length: u64,
}

impl RawFile {
    /// Opens it for reading.
    ///
    /// # Errors
    /// It is not there, or no file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
        }
        Ok(Self { file, length: metadata.len() })
    }
}

impl Disk for RawFile {
    fn length(&self) -> u64 {
        self.length
    }

    fn data(&self, from: u64) -> io::Result<Option<Range<u64>>> {
        let start = match rustix::fs::seek(&self.file, SeekFrom::Data(from)) {
            Ok(start) => start,
            Err(Errno::NXIO) => return Ok(None),
            // A filesystem that knows of no holes: all is data.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok((from < self.length).then_some(from..self.length)),
            Err(error) => return Err(error.into()),
        };
        let end = rustix::fs::seek(&self.file, SeekFrom::Hole(start))?;
        Ok(Some(start..end))
    }

    fn read(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(bytes, at)
    }
}

/// Puts a descriptor beside its flat file, which must be there and of its size.
///
/// # Errors
/// The flat file is not there or of another size, or the descriptor cannot be written.
pub fn write_descriptor(path: &Path, descriptor: &Descriptor) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let flat = fs::metadata(folder.join(&descriptor.extent))?;
    if flat.len() / super::SECTOR != descriptor.sectors || flat.len() % super::SECTOR != 0 {
        let (found, wanted) = (flat.len(), descriptor.sectors);
        let why = format!("{} has {found} bytes, and the descriptor {wanted} sectors of 512", descriptor.extent);
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let new = path.with_extension("vmdk.new");
    let mut file = File::create(&new)?;
    file.write_all(descriptor.text().as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder)?.sync_all()
}
