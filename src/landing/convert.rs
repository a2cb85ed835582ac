//! Conversion of a clone for VMware's virtual hardware: offline, repeatable, each act with before and after.

mod action;
mod disks;
mod error;
mod esp;
pub mod hardware;
mod inside;
mod layout;
pub mod linux;
mod lvm;
mod mounts;
mod program;
mod run;
mod sandbox;
pub mod windows;
mod windows_volume;

pub use action::Action;
pub use error::ConvertError;
pub use layout::{Filesystem, Layout, Named};
pub use program::ProgramError;
pub use run::{Converted, Family, Wish, convert};

use crate::model::DiskId;
use std::fs;
use std::path::{Path, PathBuf};

/// How a clone's filesystems were opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// By the kernel of the landing host, or ntfs-3g on it.
    Kernel,
    /// By libguestfs, in a machine of its own.
    Libguestfs,
}

/// A disk of a clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloneDisk {
    /// Its id in the inventory.
    pub id: DiskId,
    /// Its image.
    pub image: PathBuf,
    /// Its device on the source, such as `/dev/sda`; with more than one disk, names of devices in fstab
    /// are understood only where this is said.
    pub device: Option<String>,
}

/// The disks of a clone, with a folder of its own.
///
/// Only a clone has one: a replica is the copy that is proven, and what is proven is never converted.
#[derive(Debug, Clone)]
pub struct CloneDisks {
    folder: PathBuf,
    replicas: PathBuf,
    disks: Vec<CloneDisk>,
}

impl CloneDisks {
    /// Takes `disks` for those of a clone, and `folder` for what is kept while it is converted;
    /// `replicas` is where the replicas lie.
    ///
    /// # Errors
    /// Something is not there, lies among the replicas, or is a file that has another name.
    pub fn new(folder: &Path, replicas: &Path, disks: Vec<CloneDisk>) -> Result<Self, NotAClone> {
        use std::os::unix::fs::MetadataExt as _;
        let volume = CloneVolume::new(folder, replicas)?;
        let replicas = real(replicas)?;
        let mut taken = Vec::new();
        for disk in disks {
            let image = real(&disk.image)?;
            let metadata =
                fs::metadata(&image).map_err(|error| NotAClone::Unreadable { path: image.clone(), error })?;
            if image.starts_with(&replicas) {
                return Err(NotAClone::Replica { path: image, replicas });
            }
            if metadata.nlink() != 1 || !metadata.is_file() {
                return Err(NotAClone::Shared { path: image });
            }
            taken.push(CloneDisk { image, ..disk });
        }
        Ok(Self { folder: volume.folder, replicas, disks: taken })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the replicas lie.
    pub fn replicas(&self) -> &Path {
        &self.replicas
    }

    /// The disks.
    pub fn disks(&self) -> &[CloneDisk] {
        &self.disks
    }
}

fn real(path: &Path) -> Result<PathBuf, NotAClone> {
    fs::canonicalize(path).map_err(|error| NotAClone::Unreadable { path: path.to_owned(), error })
}

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
    /// It is no file, or the file has another name: it may be a replica's.
    #[error("{path} is no file of one name only: the other may be a replica's")]
    Shared {
        /// Which.
        path: PathBuf,
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
