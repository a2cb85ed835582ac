//! Freezing: every filesystem of a disk stands still, written out, until it is thawed.
//!
//! A frozen filesystem that nobody thaws is an outage, so four hands can thaw: the receiver's command, the end
//! of the agent's input, the agent when it loses its watchdog, and the watchdog, a process of its own,
//! when the agent dies or is silent for too long. Whoever is first, `thaw` says whether it held.
//!
//! While frozen, nothing of ours writes to a disk: agent and watchdog run from memory, are locked into
//! it, and hold open what they need. A new login would hang (it writes its log), the one that carries
//! us does not: an open session of sshd only moves bytes.

use super::super::wire::{Obstacle, ObstacleKind, Use, Way};
use super::kernel::{freeze, lock_memory, thaw, unlock_memory};
use super::mountinfo::{Mount, Number};
use super::uses::{self, Uses};
use super::watchdog::Watchdog;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What of this machine is frozen by us; shared by the threads that may thaw it.
#[derive(Debug, Clone, Default)]
pub(super) struct Freezer(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    frozen: Option<Frozen>,
    /// Counts the freezes: a late witness of an old one must not thaw the next.
    generation: u64,
}

/// Filesystems that stand still.
#[derive(Debug)]
struct Frozen {
    source: Vec<u8>,
    uses: Uses,
    /// In the order in which they were frozen.
    filesystems: Vec<File>,
    watchdog: Watchdog,
}

impl Freezer {
    /// Freezes every filesystem of the disk at `source` that may be written to, and returns all that
    /// uses the disk. They are thawed once nothing was heard of the receiver for `limit` (see [`Self::hold`]).
    ///
    /// # Errors
    /// What stands in the way; nothing is frozen then.
    pub(super) fn freeze(&self, source: &[u8], limit: Duration) -> Result<Vec<Use>, Obstacle> {
        if self.state().frozen.is_some() {
            return Err(system("the agent", "it holds frozen filesystems already"));
        }
        let uses = uses::of(source)?;
        let targets = targets(&uses)?;
        if targets.is_empty() {
            return Ok(uses.told);
        }
        lock_memory();
        let frozen = freeze_all(targets, source, uses, limit);
        let frozen = frozen.inspect_err(|_| unlock_memory())?;
        let told = frozen.uses.told.clone();
        self.keep(frozen)?;
        Ok(told)
    }

    /// Keeps what is frozen, and thaws it when its watchdog is lost.
    fn keep(&self, frozen: Frozen) -> Result<(), Obstacle> {
        let witness = frozen.watchdog.witness();
        let mut state = self.state();
        state.generation += 1;
        state.frozen = Some(frozen);
        let (freezer, generation) = (self.clone(), state.generation);
        drop(state);
        let watching = witness.and_then(|mut witness| {
            std::thread::Builder::new().name("witness".to_owned()).spawn(move || {
                witness.wait();
                let mut state = freezer.state();
                if state.generation == generation {
                    state.frozen = None;
                }
            })
        });
        watching.map(|_| ()).map_err(|error| {
            self.release();
            system("the watchdog", error)
        })
    }

    /// Thaws; whether every filesystem was frozen all the time since [`Self::freeze`].
    pub(super) fn thaw(&self) -> bool {
        let frozen = self.state().frozen.take();
        frozen.is_some_and(Frozen::thaw)
    }

    /// Thaws whatever is frozen: nobody waits for the pass any more.
    pub(super) fn release(&self) {
        self.state().frozen = None;
    }

    /// The receiver is there: the time begins anew.
    pub(super) fn hold(&self) {
        if let Some(frozen) = &mut self.state().frozen {
            frozen.watchdog.hold();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock leaves it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Frozen {
    fn thaw(mut self) -> bool {
        // New mounts or a use that ended: somebody was at work on the disk.
        let same = uses::of(&self.source).is_ok_and(|now| now == self.uses);
        self.thaw_all() && same
    }

    /// Whether each of them was still frozen. The outermost comes first: inner ones may lie in its files.
    fn thaw_all(&mut self) -> bool {
        let mut held = !self.filesystems.is_empty();
        while let Some(filesystem) = self.filesystems.pop() {
            held &= thaw(filesystem.as_fd()).is_ok();
        }
        held
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.thaw_all();
        self.watchdog.dismiss();
        unlock_memory();
    }
}

/// A filesystem that is to be frozen.
struct Target {
    root: File,
    told: Use,
}

/// The filesystems that may be written to, innermost first, each by an open folder.
fn targets(uses: &Uses) -> Result<Vec<Target>, Obstacle> {
    let obstacle = |kind, one: &Use| Obstacle { kind, place: place(one), detail: one.filesystem.clone() };
    if let Some(spanning) = &uses.spanning {
        return Err(spanning.clone());
    }
    if let Some(claimed) = uses.told.iter().find(|one| one.way == Way::Claimed) {
        return Err(obstacle(ObstacleKind::Claimed, claimed));
    }
    let own = fs::metadata("/proc/self/exe").map_err(|error| system("/proc/self/exe", error))?.dev();
    let mut targets = Vec::new();
    for (mounts, told) in uses.filesystems.iter().zip(&uses.told).rev() {
        if told.way != Way::Written {
            continue;
        }
        let root = mounts.iter().find_map(open_root).ok_or_else(|| obstacle(ObstacleKind::Hidden, told))?;
        if root.metadata().is_ok_and(|data| data.dev() == own) {
            return Err(obstacle(ObstacleKind::OwnFile, told));
        }
        targets.push(Target { root, told: told.clone() });
    }
    Ok(targets)
}

fn place(one: &Use) -> String {
    if one.place.is_empty() { one.device.clone() } else { one.place.clone() }
}

/// The folder on which it is mounted; none if it is no folder, or another mount hides it.
fn open_root(mount: &Mount) -> Option<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let root = File::from(rustix::fs::open(&mount.place, flags, Mode::empty()).ok()?);
    let is_it = match mount_id(&root) {
        Some(id) => id == mount.id,
        // Kernels before 3.15 do not say.
        None => root.metadata().is_ok_and(|data| Number::of(data.dev()) == mount.number),
    };
    is_it.then_some(root)
}

fn mount_id(file: &File) -> Option<u64> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd())).ok()?;
    info.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim().parse().ok()
}

/// Freezes all or none.
fn freeze_all(targets: Vec<Target>, source: &[u8], uses: Uses, limit: Duration) -> Result<Frozen, Obstacle> {
    // What waits to be written is written before anything stands still: the freeze itself is then short.
    for target in &targets {
        rustix::fs::syncfs(&target.root).map_err(|errno| refused(errno, &target.told))?;
    }
    let roots = targets.iter().map(|target| target.root.as_fd());
    let watchdog = Watchdog::start(roots, limit).map_err(|error| system("the watchdog", error))?;
    let mut frozen = Frozen { source: source.to_vec(), uses, filesystems: Vec::with_capacity(targets.len()), watchdog };
    for Target { root, told } in targets {
        frozen.watchdog.announce().map_err(|error| system("the watchdog", error))?;
        match freeze(root.as_fd()) {
            Ok(()) => frozen.filesystems.push(root),
            // What was frozen before is thawed as `frozen` goes.
            Err(errno) => return Err(refused(errno, &told)),
        }
    }
    if uses::of(source)? != frozen.uses {
        return Err(Obstacle { kind: ObstacleKind::Changed, place: String::new(), detail: String::new() });
    }
    Ok(frozen)
}

fn refused(errno: Errno, told: &Use) -> Obstacle {
    let (kind, detail) = match errno {
        Errno::OPNOTSUPP | Errno::NOTTY | Errno::INVAL => (ObstacleKind::Unsupported, told.filesystem.clone()),
        Errno::BUSY => (ObstacleKind::FrozenAlready, told.filesystem.clone()),
        other => (ObstacleKind::System, std::io::Error::from(other).to_string()),
    };
    Obstacle { kind, place: place(told), detail }
}

fn system(place: &str, reason: impl ToString) -> Obstacle {
    Obstacle { kind: ObstacleKind::System, place: place.to_owned(), detail: reason.to_string() }
}
