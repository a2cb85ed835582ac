//! Leases: who drives a tenant or a device. A row in the store, and a file lock that dies with its process.
//!
//! Each take has a number of its own, in the row and in the name of the lock file. So a holder that
//! was taken over keeps its lock and yet can append nothing more, and the new holder's death is seen
//! by its own lock, whatever became of the old one.

use super::event::rome;
use super::store::{Fence, Holder, LeaseRow, Store};
use super::{Journal, JournalError};
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// A lease that is ours until it is released, taken over, or the process ends.
#[derive(Debug)]
pub struct Lease {
    subject: String,
    token: i64,
    previous: Option<Holder>,
    _lock: File,
    path: PathBuf,
}

impl Lease {
    /// What is held.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The holder that never gave it back: dead, or taken over. Belongs in the log.
    pub fn previous(&self) -> Option<&Holder> {
        self.previous.as_ref()
    }

    pub(super) fn fence(&self) -> Fence<'_> {
        Fence { subject: &self.subject, token: self.token }
    }
}

impl<S: Store> Journal<S> {
    /// Takes the lease of `subject` (such as `tenant/cinto-caomaggiore`) for `operator`.
    ///
    /// The lease of a dead process is free at once. A living holder is an error that names it,
    /// unless `take_over` gives the reason for which it is pushed aside.
    pub async fn lease(&self, subject: &str, operator: &str, take_over: Option<&str>) -> Result<Lease, JournalError> {
        let folder = self.store.place().with_extension("leases");
        let holder = Holder {
            operator: operator.to_owned(),
            pid: std::process::id(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            since: rome(&self.now()),
            reason: take_over.map(str::to_owned),
        };
        let decide = |row: Option<LeaseRow>| decide(&folder, subject, holder, row);
        let taken = self.store.take_lease(subject, decide).await;
        taken.map_err(|source| JournalError::Store { path: self.store.place().to_owned(), source })?
    }

    /// Whoever holds the lease of `subject` now and is alive.
    pub async fn holder(&self, subject: &str) -> Result<Option<Holder>, JournalError> {
        let row = self.store.lease(subject).await;
        let row = row.map_err(|source| JournalError::Store { path: self.store.place().to_owned(), source })?;
        let Some(row) = row.filter(|row| !row.released) else { return Ok(None) };
        let path = lock_path(&self.store.place().with_extension("leases"), subject, row.token);
        let alive = is_locked(&path).map_err(|source| JournalError::File { path, source })?;
        Ok(alive.then_some(row.holder))
    }

    /// Gives a lease back. A lease that is only dropped counts as left by a dead holder.
    pub async fn release(&self, lease: Lease) -> Result<(), JournalError> {
        let done = self.store.release_lease(lease.fence()).await;
        // The file has no meaning once the row is released; left behind, it does no harm.
        let _ = std::fs::remove_file(&lease.path);
        done.map_err(|source| JournalError::Store { path: self.store.place().to_owned(), source })
    }
}

/// Inside the store's transaction, so that one process at a time looks at the lock and writes the row.
fn decide(
    folder: &Path,
    subject: &str,
    mut holder: Holder,
    row: Option<LeaseRow>,
) -> Result<(LeaseRow, Lease), JournalError> {
    let token = row.as_ref().map_or(0, |row| row.token) + 1;
    let previous = row.filter(|row| !row.released);
    if let Some(row) = &previous {
        let path = lock_path(folder, subject, row.token);
        let alive = is_locked(&path).map_err(|source| JournalError::File { path: path.clone(), source })?;
        if alive && holder.reason.is_none() {
            return Err(JournalError::Held { subject: subject.to_owned(), holder: Box::new(row.holder.clone()) });
        }
        if !alive {
            holder.reason = None;
            // Nobody can hold this number again.
            let _ = std::fs::remove_file(&path);
        }
    }
    let path = lock_path(folder, subject, token);
    let lock = take_lock(folder, &path).map_err(|source| JournalError::File { path: path.clone(), source })?;
    let previous = previous.map(|row| row.holder);
    let lease = Lease { subject: subject.to_owned(), token, previous, _lock: lock, path };
    Ok((LeaseRow { token, holder, released: false }, lease))
}

/// `tenant/cinto` take 3 -> `tenant~cinto.3.lock`.
fn lock_path(folder: &Path, subject: &str, token: i64) -> PathBuf {
    folder.join(format!("{}.{token}.lock", subject.replace('/', "~")))
}

fn take_lock(folder: &Path, path: &Path) -> io::Result<File> {
    std::fs::create_dir_all(folder)?;
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    // Only a process whose take was rolled back this very moment can still hold the number: it lets go by itself.
    flock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}

/// Whether a living process holds the lock.
fn is_locked(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(errno) => Err(errno.into()),
    }
}
