//! Files of statements: each complete under its name, or not there.

use crate::failure::{Failure, Kind};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
#[error("{} cannot be written", .path.display())]
struct WriteError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

fn failure(path: &Path, source: io::Error) -> Failure {
    Failure::new(Kind::Failed, WriteError { path: path.to_owned(), source })
        .hint("Files written before it are complete. Check the folder and its free space, then give the command again.")
}

/// Creates `folder` if need be.
pub(super) fn create(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|source| failure(folder, source))
}

/// Writes `bytes` to `name` in `folder`, replacing what was there at once.
pub(super) fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let (path, fresh) = (folder.join(name), folder.join(format!(".{name}.{}", std::process::id())));
    let written = fs::File::create(&fresh).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)
    });
    written.map_err(|source| {
        let _ = fs::remove_file(&fresh);
        failure(&path, source)
    })
}

/// Removes `name` from `folder` if it is there, and says whether it was: an earlier statement that holds no longer.
pub(super) fn remove(folder: &Path, name: &str) -> Result<bool, Failure> {
    let path = folder.join(name);
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failure(&path, error)),
    }
}
