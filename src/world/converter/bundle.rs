//! Log bundles: bytes for the evidence, with their digest.

use super::trouble::Trouble;
use crate::digest::hex;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

/// The largest bundle that is taken, in bytes.
const LARGEST: u64 = 1 << 30;
/// What is read at a time, in bytes.
const PIECE: usize = 64 << 10;

/// A log bundle that was taken.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Bundle {
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of it, in hexadecimal.
    pub sha256: String,
}

/// Writes a bundle on, and counts it.
pub(super) struct Taking<'a> {
    sink: &'a mut (dyn Write + Send),
    digest: Sha256,
    bytes: u64,
}

impl<'a> Taking<'a> {
    pub(super) fn into(sink: &'a mut (dyn Write + Send)) -> Self {
        Self { sink, digest: Sha256::new(), bytes: 0 }
    }

    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), Trouble> {
        self.bytes += piece.len() as u64;
        if self.bytes > LARGEST {
            let source = std::io::Error::new(ErrorKind::InvalidData, "it is larger than 1 GiB");
            return Err(Trouble::Local { what: "the log bundle".to_owned(), source });
        }
        self.digest.update(piece);
        self.sink.write_all(piece).map_err(local)
    }

    pub(super) fn end(self) -> Result<Bundle, Trouble> {
        self.sink.flush().map_err(local)?;
        Ok(Bundle { bytes: self.bytes, sha256: hex(&self.digest.finalize()) })
    }
}

fn local(source: std::io::Error) -> Trouble {
    Trouble::Local { what: "the log bundle".to_owned(), source }
}

/// Takes a bundle that a person put at `path`; none if it is not there yet.
///
/// # Errors
/// It cannot be read, or the sink cannot be written.
pub fn copy_bundle(path: &Path, sink: &mut (dyn Write + Send)) -> Result<Option<Bundle>, Trouble> {
    let local = |source| Trouble::Local { what: path.display().to_string(), source };
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(local)?,
    };
    let mut taking = Taking::into(sink);
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece).map_err(local)?;
        if read == 0 {
            return taking.end().map(Some);
        }
        taking.take(&piece[..read])?;
    }
}
