//! Clones of a replica: what is converted and booted instead of it.

use super::disk::DiskReplica;
use super::error::ReplicaError;
use super::image::{Lock, io_error, on_disk};
use super::manifest::PRIVATE;
use super::manifest::sync_dir;
use rustix::fs::SeekFrom;
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes copied at once.
const PIECE: usize = 1 << 20;

/// How a clone was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CloneWay {
    /// Shares the replica's blocks until either is written.
    Reflink,
    /// A copy of its data, holes kept.
    SparseCopy,
}

/// Clones the image of a complete replica to the new file `to`; the replica is only read, and locked
/// so that no pass changes it meanwhile.
///
/// A clone that fails leaves no file; one that is killed leaves `<to>.part`, which the next replaces.
///
/// # Errors
/// Where the replica is not complete, `to` exists, or the filesystem fails.
pub async fn clone(replica: &DiskReplica, to: &Path) -> Result<CloneWay, ReplicaError> {
    let (replica, to) = (replica.clone(), to.to_owned());
    on_disk(replica.disk().clone(), move || clone_now(&replica, &to)).await
}

fn clone_now(replica: &DiskReplica, to: &Path) -> Result<CloneWay, ReplicaError> {
    let disk = || replica.disk().clone();
    if !matches!(std::fs::symlink_metadata(to), Err(error) if error.kind() == io::ErrorKind::NotFound) {
        return Err(ReplicaError::CloneExists { disk: disk(), path: to.to_owned() });
    }
    let lock = Lock::take(replica)?;
    let manifest = lock.manifest()?.ok_or_else(|| ReplicaError::None { disk: disk() })?;
    let unread = |error| io_error(disk(), "read", replica.image(), error);
    let status = replica.status().map_err(unread)?;
    let image = File::open(replica.image()).map_err(unread)?;
    let whole = image.metadata().map_err(unread)?.len() == manifest.length
        && status.is_some_and(|status| status.root.is_some() && status.chunks_done == status.chunks_total);
    if !whole {
        return Err(ReplicaError::Incomplete { disk: disk() });
    }
    let part = part_of(to);
    let made = copy(&image, &part).and_then(|way| {
        // Never over a file that appeared meanwhile.
        std::fs::hard_link(&part, to)?;
        sync_dir(to)?;
        Ok(way)
    });
    let _ = std::fs::remove_file(&part);
    made.map_err(|error| io_error(disk(), "write the clone", to.to_owned(), error))
}

fn part_of(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn copy(image: &File, part: &Path) -> io::Result<CloneWay> {
    match std::fs::remove_file(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let clone = OpenOptions::new().create_new(true).read(true).write(true).mode(PRIVATE).open(part)?;
    let way = match rustix::fs::ioctl_ficlone(&clone, image) {
        Ok(()) => CloneWay::Reflink,
        // Another filesystem, or one without reflinks.
        Err(_) => copy_data(image, &clone).map(|()| CloneWay::SparseCopy)?,
    };
    clone.sync_all()?;
    Ok(way)
}

/// Copies what the filesystem says is data.
fn copy_data(image: &File, clone: &File) -> io::Result<()> {
    let length = image.metadata()?.len();
    clone.set_len(length)?;
    let mut buffer = vec![0; PIECE];
    let mut offset = 0;
    while let Some((data, hole)) = next_data(image, offset)? {
        offset = data;
        while offset < hole {
            let wanted = usize::try_from(hole - offset).unwrap_or(PIECE).min(PIECE);
            image.read_exact_at(&mut buffer[..wanted], offset)?;
            clone.write_all_at(&buffer[..wanted], offset)?;
            offset += wanted as u64;
        }
    }
    Ok(())
}

/// The next stretch of data at or after `offset`.
fn next_data(image: &File, offset: u64) -> io::Result<Option<(u64, u64)>> {
    match rustix::fs::seek(image, SeekFrom::Data(offset)) {
        Ok(data) => Ok(Some((data, rustix::fs::seek(image, SeekFrom::Hole(data))?))),
        Err(Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
