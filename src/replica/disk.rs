//! One disk's replica: where its files are, and what they say.

use super::chunk::{Hash, chunks_of};
use super::manifest::Manifest;
use crate::model::DiskId;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The replica of one disk: a raw sparse image with its leaf file, manifest and lock beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskReplica {
    dir: PathBuf,
    disk: DiskId,
}

/// How far a replica is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DiskStatus {
    /// Bytes of the disk.
    pub length: u64,
    /// Chunks of the disk.
    pub chunks_total: u64,
    /// Chunks whose content is durable here.
    pub chunks_done: u64,
    /// Root of the last complete pass; none while a pass has begun and not ended.
    pub root: Option<Hash>,
    /// Bytes the image takes on the receiver's filesystem.
    pub bytes_used: u64,
    /// Passes that ended well.
    pub passes: u64,
}

impl DiskReplica {
    /// The replica of `disk` in the directory `dir`, which need not exist yet.
    pub fn new(dir: &Path, disk: &DiskId) -> Self {
        Self { dir: dir.to_owned(), disk: disk.clone() }
    }

    /// The disk.
    pub fn disk(&self) -> &DiskId {
        &self.disk
    }

    /// The directory of the files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The raw sparse image.
    pub fn image(&self) -> PathBuf {
        self.dir.join(format!("{}.img", self.disk))
    }

    /// The leaf file: 32 bytes for each chunk, zeros where nothing is known.
    pub fn leaves(&self) -> PathBuf {
        self.dir.join(format!("{}.leaves", self.disk))
    }

    /// The manifest.
    pub fn manifest(&self) -> PathBuf {
        self.dir.join(format!("{}.json", self.disk))
    }

    /// The lock file, held by whoever writes or verifies.
    pub fn lock(&self) -> PathBuf {
        self.dir.join(format!("{}.lock", self.disk))
    }

    /// How far the replica is; none where there is none. Takes no lock: a running pass may be ahead.
    ///
    /// # Errors
    /// A file that cannot be read, or a manifest that cannot be understood (`InvalidData`).
    pub fn status(&self) -> io::Result<Option<DiskStatus>> {
        let Some(manifest) = Manifest::load(&self.manifest())? else {
            return Ok(None);
        };
        Ok(Some(DiskStatus {
            length: manifest.length,
            chunks_total: chunks_of(manifest.length),
            chunks_done: count_known(&self.leaves())?,
            root: manifest.root,
            bytes_used: allocated(&self.image())?,
            passes: manifest.passes,
        }))
    }
}

/// Leaves that are known, read in pieces.
fn count_known(path: &Path) -> io::Result<u64> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut piece = Vec::with_capacity(1 << 20);
    let mut known = 0;
    loop {
        piece.clear();
        if file.by_ref().take(1 << 20).read_to_end(&mut piece)? == 0 {
            return Ok(known);
        }
        known += piece.chunks_exact(Hash::LEN).filter(|leaf| Hash::from_slice(leaf) != Hash::UNKNOWN).count() as u64;
    }
}

/// Bytes a sparse file really takes.
fn allocated(path: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    match std::fs::metadata(path) {
        Ok(data) => Ok(data.blocks() * 512),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}
