//! Conversion of a clone for VMware's virtual hardware: offline, repeatable, each act with before and after.

pub mod windows;

use std::fs;
use std::path::{Path, PathBuf};

/// The files of a clone's system volume, mounted or fetched into a folder.
///
/// Only a clone has one: a replica is the copy that is proven, and what is proven is never converted.
#[derive(Debug)]
pub struct CloneVolume {
    folder: PathBuf,
}

/// Why a folder is not taken for a clone's volume.
#[derive(Debug, thiserror::Error)]
pub enum NotAClone {
    /// It cannot be looked at.
    #[error("{path}: the folder cannot be looked at")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// It is a replica's, or holds one.
    #[error(
        "{path} lies among the replicas in {replicas}, which are never converted: clone the replica, convert the clone"
    )]
    Replica {
        /// The folder.
        path: PathBuf,
        /// Where the replicas are.
        replicas: PathBuf,
    },
}

impl CloneVolume {
    /// Takes `folder` for the volume of a clone; `replicas` is where the replicas lie.
    ///
    /// # Errors
    /// A folder is not there, or one lies within the other.
    pub fn new(folder: &Path, replicas: &Path) -> Result<Self, NotAClone> {
        let real = |path: &Path| {
            fs::canonicalize(path).map_err(|error| NotAClone::Unreadable { path: path.to_owned(), error })
        };
        let (folder, replicas) = (real(folder)?, real(replicas)?);
        if folder.starts_with(&replicas) || replicas.starts_with(&folder) {
            return Err(NotAClone::Replica { path: folder, replicas });
        }
        Ok(Self { folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
