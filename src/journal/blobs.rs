//! Blobs: bytes too large for an event, each in a file named after its SHA-256.
//!
//! They stand beside the mirror, `TENANT/blobs/SHA256`. A blob is on disk before the event that names it.

use super::JournalError;
use crate::digest::sha256;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The blobs of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Keeps `bytes`, durably, and returns their SHA-256 as hex. What is there already stays.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put(&self, bytes: &[u8]) -> Result<String, JournalError> {
        let name = sha256(bytes);
        let path = self.folder.join(&name);
        // Half a file of a kill has another name; a damaged one is written again.
        if !fs::read(&path).is_ok_and(|kept| sha256(&kept) == name) {
            write(&self.folder, &path, bytes).map_err(|source| JournalError::File { path, source })?;
        }
        Ok(name)
    }

    /// The bytes of a blob; none if they are not there, or not what its name says.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>, JournalError> {
        // A name comes from an event: nothing but a hash is a name.
        if name.len() != 64 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let path = self.folder.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes).filter(|bytes| sha256(bytes) == name)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(JournalError::File { path, source }),
        }
    }
}

fn write(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o640).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_kept_under_its_hash_and_mended() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(folder.path().join("deep/blobs"));
        let name = blobs.put(b"abc").unwrap();
        assert_eq!(name, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(blobs.put(b"abc").unwrap(), name);
        assert_eq!(blobs.get(&name).unwrap().as_deref(), Some(&b"abc"[..]));
        fs::write(folder.path().join("deep/blobs").join(&name), b"abd").unwrap();
        assert_eq!(blobs.get(&name).unwrap(), None, "what is damaged is not given out");
        blobs.put(b"abc").unwrap();
        assert_eq!(blobs.get(&name).unwrap().as_deref(), Some(&b"abc"[..]));
        assert_eq!(blobs.get("../../etc/passwd").unwrap(), None);
        assert_eq!(fs::read_dir(folder.path().join("deep/blobs")).unwrap().count(), 1);
    }
}
