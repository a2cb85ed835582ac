//! The clone's own programs, in a sandbox: bubblewrap with the clone as the whole filesystem.
//!
//! They see the clone's files and nothing of this host's, no network, no process and no device but
//! `/dev/null` and its kin. They are root there, as they must be to write an initramfs, with the rights
//! over files and nothing more.

use super::program::Program;
use std::path::Path;
use std::time::Duration;

/// What a program that writes files as root needs; `ldconfig` wants the change of root.
const RIGHTS: [&str; 7] =
    ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_MKNOD", "CAP_SETFCAP", "CAP_SYS_CHROOT"];
/// How long one may take: an initramfs takes seconds.
const PATIENCE: Duration = Duration::from_secs(300);
/// Where they are found.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program of the clone whose root is mounted at `root`.
pub(super) fn program(root: &Path, words: &[&str], what: &str) -> Program {
    let mut program = Program::new("bwrap", what)
        .args(["--die-with-parent", "--new-session"])
        .args(["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"])
        .args(["--cap-drop", "ALL"]);
    for right in RIGHTS {
        program = program.args(["--cap-add", right]);
    }
    program = program.arg("--bind").arg(root).arg("/");
    program
        .args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/run", "--tmpfs", "/tmp", "--chdir", "/"])
        .args(["--clearenv", "--setenv", "PATH", PATH, "--setenv", "LC_ALL", "C", "--setenv", "TMPDIR", "/tmp"])
        .arg("--")
        .args(words)
        .within(PATIENCE)
}
