//! The mirror: the same lines, in a plain file beside the tenant's replicas.

use super::JournalError;
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The mirror of one tenant, locked against other processes until it is dropped.
pub(super) struct Mirror {
    path: PathBuf,
    file: File,
}

impl Mirror {
    /// Opens the file, creating it and its folder if need be, and waits for its lock.
    pub(super) fn lock(path: PathBuf) -> Result<Self, JournalError> {
        let file = open(&path).map_err(|source| JournalError::File { path: path.clone(), source })?;
        Ok(Self { path, file })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the last line is exactly `text`; an empty file has no last line.
    pub(super) fn ends_with(&self, text: Option<&str>) -> Result<bool, JournalError> {
        let length = self.length()?;
        let Some(text) = text else { return Ok(length == 0) };
        // The newline before the line belongs to what is compared, except at the start of the file.
        let wanted = text.len() as u64 + 1;
        let lead = u64::from(length > wanted);
        if length < wanted {
            return Ok(false);
        }
        let mut found = vec![0; (wanted + lead) as usize];
        let read = self.file.read_exact_at(&mut found, length - wanted - lead);
        read.map_err(|source| self.error(source))?;
        let lead = lead as usize;
        Ok(found[..lead].iter().all(|byte| *byte == b'\n')
            && found[lead..].strip_suffix(b"\n") == Some(text.as_bytes()))
    }

    /// Appends one line, or several, durably, and returns the length before. A write that fails leaves nothing behind.
    pub(super) fn append(&self, text: &str) -> Result<u64, JournalError> {
        let length = self.length()?;
        let written = (&self.file)
            .seek(SeekFrom::Start(length))
            .and_then(|_| (&self.file).write_all(format!("{text}\n").as_bytes()))
            .and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // If even this fails, the half line is cut when the mirror is next read.
            let _ = self.file.set_len(length);
            return Err(self.error(source));
        }
        Ok(length)
    }

    /// Cuts the file back to `length`, durably.
    pub(super) fn cut(&self, length: u64) -> Result<(), JournalError> {
        self.file.set_len(length).and_then(|()| self.file.sync_data()).map_err(|source| self.error(source))
    }

    /// Cuts what follows the last newline and returns how many bytes that were.
    pub(super) fn cut_torn_line(&self) -> Result<u64, JournalError> {
        let bytes = self.bytes()?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let torn = (bytes.len() - whole) as u64;
        if torn > 0 {
            self.cut(whole as u64)?;
        }
        Ok(torn)
    }

    /// The lines. Bytes that are not UTF-8 are replaced, which breaks the chain, as it should.
    pub(super) fn lines(&self) -> Result<Vec<String>, JournalError> {
        let bytes = self.bytes()?;
        let whole = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        if whole.is_empty() {
            return Ok(Vec::new());
        }
        Ok(whole.split(|byte| *byte == b'\n').map(|line| String::from_utf8_lossy(line).into_owned()).collect())
    }

    fn bytes(&self) -> Result<Vec<u8>, JournalError> {
        let mut bytes = Vec::new();
        let read = (&self.file).seek(SeekFrom::Start(0)).and_then(|_| (&self.file).read_to_end(&mut bytes));
        read.map_err(|source| self.error(source))?;
        Ok(bytes)
    }

    fn length(&self) -> Result<u64, JournalError> {
        self.file.metadata().map(|data| data.len()).map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> JournalError {
        JournalError::File { path: self.path.clone(), source }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let fresh = !path.exists();
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o640).open(path)?;
    flock(&file, FlockOperation::LockExclusive)?;
    if fresh {
        // The name of the file, and of its folder, must survive a power cut as well as its bytes.
        File::open(folder)?.sync_all()?;
        if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
            File::open(above)?.sync_all()?;
        }
    }
    Ok(file)
}
