//! Blobs: bytes too large for an event, each in a file named after its SHA-256.
//!
//! They stand beside the mirror, `TENANT/blobs/SHA256`. A blob is on disk before the event that names it.

use super::JournalError;
use crate::digest::sha256;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Their folder, beside the mirror.
pub(super) const FOLDER: &str = "blobs";
/// Files that are open at the same time.
const AT_ONCE: usize = 256;

/// The blobs of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Those beside a file of mirrored events, which may have been brought from elsewhere.
    pub fn beside(events: &Path) -> Self {
        Self::new(events.with_file_name(FOLDER))
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps `bytes`, durably, and returns their SHA-256 as hex. What is there already stays.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put(&self, bytes: &[u8]) -> Result<String, JournalError> {
        self.put_all([bytes])?;
        Ok(sha256(bytes))
    }

    /// Keeps many, durably, with far fewer waits for the disk than one by one.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn put_all<'a>(&self, blobs: impl IntoIterator<Item = &'a [u8]>) -> Result<(), JournalError> {
        let named: BTreeMap<String, &[u8]> = blobs.into_iter().map(|bytes| (sha256(bytes), bytes)).collect();
        // Half a file of a kill has another name; a damaged one is written again.
        let missing =
            |(name, _): &(String, &[u8])| !fs::read(self.folder.join(name)).is_ok_and(|kept| sha256(&kept) == *name);
        let missing: Vec<(String, &[u8])> = named.into_iter().filter(missing).collect();
        for some in missing.chunks(AT_ONCE) {
            write(&self.folder, some)
                .map_err(|source| JournalError::File { path: self.folder.join(&some[0].0), source })?;
        }
        Ok(())
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

/// Writes blobs by name, all of them on disk before the first has its name.
fn write(folder: &Path, blobs: &[(String, &[u8])]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut written = Vec::with_capacity(blobs.len());
    for (name, bytes) in blobs {
        let fresh = folder.join(format!("{name}.{}.new", std::process::id()));
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o640).open(&fresh)?;
        file.write_all(bytes)?;
        written.push((file, fresh, folder.join(name)));
    }
    let folder = File::open(folder)?;
    if written.len() > 1 {
        // One commit of the filesystem for all. Whether it succeeded is asked of each file, which then waits
        // for nothing.
        let _ = rustix::fs::syncfs(&folder);
    }
    for (file, fresh, path) in written {
        file.sync_all()?;
        fs::rename(fresh, path)?;
    }
    folder.sync_all()
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

    #[test]
    fn many_blobs_are_each_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(folder.path().join("blobs"));
        let texts: Vec<String> = (0..AT_ONCE * 2 + 3).map(|number| format!("answer {}", number / 2)).collect();
        blobs.put_all(texts.iter().map(String::as_bytes)).unwrap();
        blobs.put_all(texts.iter().map(String::as_bytes)).unwrap();
        for text in &texts {
            assert_eq!(blobs.get(&sha256(text.as_bytes())).unwrap().as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(fs::read_dir(folder.path().join("blobs")).unwrap().count(), AT_ONCE + 2);
        blobs.put_all([]).unwrap();
    }

    #[test]
    fn what_cannot_be_written_is_said_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("blobs"), "a file").unwrap();
        let error = Blobs::new(folder.path().join("blobs")).put(b"abc").unwrap_err().to_string();
        assert!(error.contains("ba7816bf"), "{error}");
    }
}
