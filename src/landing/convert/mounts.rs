//! Mounts of our own: in a mount namespace that ends with the thread that works in it.
//!
//! The clone is mounted where nobody else sees it. Killed at any moment, traghetto leaves no mount and no
//! loop device: the namespace goes with its last process, and the devices clear themselves.
//!
//! The kernel of the landing host reads the clone's filesystems. One made to attack a kernel would be read
//! by the kernel of this host: the landing host is for the copies of the tenants' own servers.

use super::CloneDisk;
use super::error::ConvertError;
use super::layout::Filesystem;
use super::program::Program;
use rustix::thread::UnshareFlags;
use std::fs::File;
use std::path::Path;

/// How often we look whether a loop device is gone.
const WAITS: u32 = 100;

/// Proof that the thread has mounts of its own.
pub(super) struct Mounts(());

/// Does `work` in a thread with mounts of its own.
pub(super) fn apart<T: Send>(work: impl FnOnce(&Mounts) -> Result<T, ConvertError> + Send) -> Result<T, ConvertError> {
    std::thread::scope(|threads| {
        let thread = threads.spawn(|| {
            // SAFETY: the flag is not FILES; descriptors stay shared with the other threads.
            let own = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) };
            own.map_err(|error| ConvertError::Mounts(error.into()))?;
            Program::new("mount", "making mounts our own").args(["--make-rprivate", "/"]).run()?;
            work(&Mounts(()))
        });
        thread.join().unwrap_or(Err(ConvertError::Ended))
    })
}

impl Mounts {
    /// Mounts a filesystem of an image.
    pub(super) fn mount(&self, image: &Path, it: &Filesystem, options: &str, at: &Path) -> Result<(), ConvertError> {
        let what = format!("mounting the {it}");
        let (kind, own) = match it.kind.as_str() {
            // Two clones of one machine have the same UUID.
            "xfs" => ("xfs", ",nouuid,nodev,nosuid"),
            "ntfs" => ("ntfs-3g", ""),
            kind => (kind, ",nodev,nosuid"),
        };
        let place = format!("loop,offset={},sizelimit={}", it.offset.unwrap_or_default(), it.length);
        let program = Program::new("mount", what).args(["-t", kind, "-o"]).arg(format!("{place}{own}{options}"));
        program.arg("--").arg(image).arg(at).run()?;
        Ok(())
    }

    /// Unmounts a folder and all below it.
    pub(super) fn unmount(&self, at: &Path) -> Result<(), ConvertError> {
        Program::new("umount", "unmounting the clone").arg("--recursive").arg("--").arg(at).run()?;
        Ok(())
    }

    /// Waits until nothing holds the images any more, and all that was written is on this host's disk.
    pub(super) fn settle(&self, disks: &[CloneDisk]) -> Result<(), ConvertError> {
        for CloneDisk { image, .. } in disks {
            for _ in 0..WAITS {
                let held = Program::new("losetup", "looking for loop devices").arg("--associated").arg(image).run()?;
                if held.is_empty() {
                    break;
                }
                // A process of ntfs-3g ends a moment after its mount.
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            let synced = File::open(image).and_then(|file| file.sync_all());
            synced.map_err(|error| ConvertError::File { path: image.clone(), error })?;
        }
        Ok(())
    }
}
