//! Why a clone was not converted.

use super::NotAClone;
use super::linux::Refusal;
use super::program::ProgramError;
use super::windows;
use std::io;
use std::path::PathBuf;

/// Why a clone was not converted. What was begun is thrown away with the clone; the replica is untouched.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The disks are no clone's.
    #[error("{0}")]
    NotAClone(#[from] NotAClone),
    /// A file of the clone or of this host.
    #[error("{path} cannot be read or written")]
    File {
        /// Which; below the clone's root where it begins so.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A program of this host, or of the clone.
    #[error("{0}")]
    Program(#[from] ProgramError),
    /// Mounts of its own were not to be had.
    #[error("a mount namespace cannot be made")]
    Mounts(#[source] io::Error),
    /// A Linux that would not start or be reached.
    #[error("{0}")]
    Linux(#[from] Refusal),
    /// A Windows that is not converted.
    #[error("{0}")]
    Windows(#[from] windows::run::ConvertError),
    /// No volume with a Windows.
    #[error("none of the disks holds a Windows; there are: {}", .0.join("; "))]
    NoWindows(Vec<String>),
    /// More than one.
    #[error("the disks hold more than one Windows: {}", .0.join("; "))]
    SeveralWindows(Vec<String>),
    /// After the conversion there is more to do.
    #[error("the conversion did not take: {}", .0.join("; "))]
    NotAsPlanned(Vec<String>),
    /// A bug.
    #[error("the conversion ended by itself")]
    Ended,
}

impl ConvertError {
    /// What is safe, and what to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            ConvertError::NotAClone(_) => "nothing was changed; clone the replica, and convert the clone",
            ConvertError::File { .. } => "throw the clone away and clone the replica again; the replica is untouched",
            ConvertError::Program(error) => error.hint(),
            ConvertError::Mounts(_) => "run as root on a Linux whose kernel has mount namespaces; nothing was changed",
            ConvertError::Linux(refusal) => refusal.hint(),
            ConvertError::Windows(error) => error.hint(),
            ConvertError::NoWindows(_) => "check that the clone has the system disk, and whether BitLocker is on",
            ConvertError::SeveralWindows(_) => "leave the disk of the other system out",
            ConvertError::NotAsPlanned(_) | ConvertError::Ended => {
                "throw the clone away and report this; the replica is untouched"
            }
        }
    }
}
