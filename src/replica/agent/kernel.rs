//! What the kernel is asked for: filesystems that stand still, memory that stays.

use rustix::io::Errno;
use rustix::mm::MlockAllFlags;
use std::os::fd::BorrowedFd;

/// Writes out a filesystem and stops every write to it (FIFREEZE).
pub(super) fn freeze(filesystem: BorrowedFd<'_>) -> Result<(), Errno> {
    const FIFREEZE: rustix::ioctl::Opcode = rustix::ioctl::opcode::read_write::<i32>(b'X', 119);
    // SAFETY: the kernel reads and writes nothing through the argument of FIFREEZE.
    unsafe { rustix::ioctl::ioctl(filesystem, rustix::ioctl::NoArg::<FIFREEZE>::new()) }
}

/// Lets a filesystem go on (FITHAW); an error if it was not frozen.
pub(super) fn thaw(filesystem: BorrowedFd<'_>) -> Result<(), Errno> {
    const FITHAW: rustix::ioctl::Opcode = rustix::ioctl::opcode::read_write::<i32>(b'X', 120);
    // SAFETY: the kernel reads and writes nothing through the argument of FITHAW.
    unsafe { rustix::ioctl::ioctl(filesystem, rustix::ioctl::NoArg::<FITHAW>::new()) }
}

/// Keeps what is used in memory. Best effort: our file is in memory anyway, and reading goes on while
/// frozen; pages are locked as they are used, so that reserved and unused memory costs nothing.
pub(super) fn lock_memory() {
    let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE;
    // Kernels before 4.4 know no ONFAULT and would fill in everything reserved: there, only what is there.
    if rustix::mm::mlockall(all | MlockAllFlags::ONFAULT).is_err() {
        let _ = rustix::mm::mlockall(MlockAllFlags::CURRENT);
    }
}

/// Lets the kernel have it again.
pub(super) fn unlock_memory() {
    let _ = rustix::mm::munlockall();
}
