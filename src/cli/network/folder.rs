//! A folder of rendered files: written whole or not at all, and never over what a person changed.

use crate::digest::sha256;
use crate::failure::{Failure, Kind};
use crate::network::render::RenderedFile;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The list of a folder's files with their hashes, as `sha256sum --check` reads it.
const LIST: &str = "SHA256SUMS";

/// Why a folder was not written.
#[derive(Debug, thiserror::Error)]
enum FolderError {
    #[error("{} was not written by this command, or was changed since: {names}", .folder.display())]
    Foreign { folder: PathBuf, names: String },
    #[error("{} cannot be written", .path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        let hint = match error {
            FolderError::Foreign { .. } => {
                "Nothing was written there. Move your files away, or choose another folder with --out."
            }
            FolderError::Io { .. } => {
                "What was there before is untouched. Check the folder and its free space, then repeat."
            }
        };
        Failure::new(Kind::Failed, error).hint(hint)
    }
}

/// Replaces the files of `folder` by `files`. The new ones are complete on the disk before the old
/// ones leave.
pub(super) fn write(folder: &Path, files: &[RenderedFile]) -> Result<(), Failure> {
    refuse_foreign(folder)?;
    let (fresh, old) = (beside(folder, "new"), beside(folder, "old"));
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| FolderError::Io { path, source }
    };
    for rest in [&fresh, &old] {
        if rest.exists() {
            fs::remove_dir_all(rest).map_err(io(rest))?;
        }
    }
    let mut list = String::new();
    for file in files {
        let path = fresh.join(&file.path);
        fs::create_dir_all(path.parent().unwrap_or(&fresh)).map_err(io(&path))?;
        fs::write(&path, &file.text).map_err(io(&path))?;
        fs::File::open(&path).and_then(|written| written.sync_all()).map_err(io(&path))?;
        let _ = writeln!(list, "{}  {}", sha256(file.text.as_bytes()), file.path);
    }
    let path = fresh.join(LIST);
    fs::write(&path, list).map_err(io(&path))?;
    if folder.exists() {
        fs::rename(folder, &old).map_err(io(folder))?;
    }
    fs::rename(&fresh, folder).map_err(io(folder))?;
    if old.exists() {
        fs::remove_dir_all(&old).map_err(io(&old))?;
    }
    Ok(())
}

/// A hidden name beside `folder`, on the same filesystem.
fn beside(folder: &Path, suffix: &str) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!(".{name}.{suffix}"))
}

/// Refuses a folder that holds anything but what its own list says.
fn refuse_foreign(folder: &Path) -> Result<(), FolderError> {
    let io = |source| FolderError::Io { path: folder.to_owned(), source };
    if !folder.exists() {
        return Ok(());
    }
    let list = fs::read_to_string(folder.join(LIST)).unwrap_or_default();
    let listed: BTreeMap<&str, &str> =
        list.lines().filter_map(|line| line.split_once("  ")).map(|(hash, path)| (path, hash)).collect();
    let mut foreign = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(&next).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.is_dir() && !path.is_symlink() {
                pending.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            let known =
                || fs::read(&path).is_ok_and(|bytes| listed.get(name.as_str()) == Some(&sha256(&bytes).as_str()));
            if name != LIST && !known() {
                foreign.push(name.escape_default().to_string());
            }
        }
    }
    foreign.sort();
    if foreign.is_empty() {
        return Ok(());
    }
    Err(FolderError::Foreign { folder: folder.to_owned(), names: foreign.join(", ") })
}
