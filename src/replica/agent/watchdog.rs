//! The watchdog: a process of its own that thaws filesystems when the agent cannot.
//!
//! It is this program, started anew with what it needs already open: the folders of the filesystems.
//! On its input come `a` (one more filesystem is about to be frozen) and `h` (the receiver is there, the
//! time begins anew). When the time is over it thaws what was announced and closes its output, and at the end
//! of its input it thaws once more and ends. It says `r` once it is ready; at the end of its output the agent
//! sees that it is lost.

use super::kernel::{lock_memory, thaw};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// The argument that makes this program a watchdog: `--watchdog SECONDS FD…`.
pub(super) const FLAG: &str = "--watchdog";

/// Its name in `ps`.
const NAME: &str = "traghetto-thaw";

const ANNOUNCE: u8 = b'a';
const HOLD: u8 = b'h';
const READY: u8 = b'r';

/// How long it may take to start.
const START: Duration = Duration::from_secs(10);

/// A running watchdog, as the agent sees it. Its death is seen by its [`Witness`].
#[derive(Debug)]
pub(super) struct Watchdog {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

/// Sees the end of a watchdog.
pub(super) struct Witness(OwnedFd);

impl Watchdog {
    /// Starts one for the filesystems of these folders and waits until it is ready.
    pub(super) fn start<'a>(roots: impl Iterator<Item = BorrowedFd<'a>>, limit: Duration) -> io::Result<Self> {
        // Inherited under numbers of their own: the agent's other files stay closed to it.
        let roots = roots.map(rustix::io::dup).collect::<Result<Vec<OwnedFd>, Errno>>()?;
        let spawned = Command::new("/proc/self/exe")
            .arg(FLAG)
            .arg(limit.as_secs().to_string())
            .args(roots.iter().map(|root| root.as_raw_fd().to_string()))
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        drop(roots);
        let mut child = spawned?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let mut watchdog = Self { child, input, output };
        let ready = watchdog.is_ready();
        if matches!(ready, Ok(true)) {
            return Ok(watchdog);
        }
        watchdog.dismiss();
        Err(ready.err().unwrap_or_else(|| io::Error::other("it does not start")))
    }

    fn is_ready(&mut self) -> io::Result<bool> {
        if !wait_for(self.output.as_fd(), Instant::now() + START)? {
            return Ok(false);
        }
        let mut said = [0];
        Ok(self.output.read(&mut said)? == 1 && said == [READY])
    }

    /// One more filesystem, in the order of [`Self::start`], is about to be frozen.
    pub(super) fn announce(&mut self) -> io::Result<()> {
        self.input.write_all(&[ANNOUNCE])
    }

    /// The time begins anew. A watchdog that is gone is seen by its witness.
    pub(super) fn hold(&mut self) {
        let _ = self.input.write_all(&[HOLD]);
    }

    /// What sees its end.
    pub(super) fn witness(&self) -> io::Result<Witness> {
        Ok(Witness(self.output.as_fd().try_clone_to_owned()?))
    }

    /// Ends it; what it watched over is thawed already.
    pub(super) fn dismiss(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Witness {
    /// Returns when the watchdog has ended, for whatever reason.
    pub(super) fn wait(&mut self) {
        let mut said = [0];
        while matches!(rustix::io::read(&self.0, &mut said), Ok(1) | Err(Errno::INTR)) {}
    }
}

/// Whether there is input, or its end, before `until`.
fn wait_for(input: BorrowedFd<'_>, until: Instant) -> io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut polled = [PollFd::new(&input, PollFlags::IN)];
        match rustix::event::poll(&mut polled, Some(&left)) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// The watchdog's whole life; `args` are those after the flag.
///
/// # Errors
/// Arguments that are not those of [`Watchdog::start`]. Nothing is frozen then.
pub(super) fn main(args: &[OsString]) -> io::Result<()> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "not for people to start");
    let numbers = args.iter().map(|arg| arg.to_str()?.parse::<u32>().ok()).collect::<Option<Vec<u32>>>();
    let numbers = numbers.ok_or_else(invalid)?;
    let (seconds, roots) = numbers.split_first().ok_or_else(invalid)?;
    let roots = roots.iter().map(|number| inherited(*number)).collect::<io::Result<Vec<OwnedFd>>>()?;
    outlive_the_session();
    lock_memory();
    let input = io::stdin();
    rustix::io::write(io::stdout(), &[READY])?;
    watch(input.as_fd(), &roots, Duration::from_secs((*seconds).into()));
    Ok(())
}

/// A folder that was opened by the agent.
fn inherited(number: u32) -> io::Result<OwnedFd> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "not a folder of the agent");
    let number = i32::try_from(number).ok().filter(|number| *number > 2).ok_or_else(invalid)?;
    // SAFETY: the agent left this number open for us (`dup`, not closed on exec), nothing else in this
    // fresh process owns it, and a number that is not open fails at once in the call below.
    let root = unsafe { OwnedFd::from_raw_fd(number) };
    let folder = rustix::fs::fstat(&root).map(|data| rustix::fs::FileType::from_raw_mode(data.st_mode).is_dir());
    if folder == Ok(true) { Ok(root) } else { Err(invalid()) }
}

/// Thaws in time. From here on nothing is allocated, opened or written to.
fn watch(input: BorrowedFd<'_>, roots: &[OwnedFd], limit: Duration) {
    let mut announced = 0;
    if !hear(input, &mut announced, Some(limit)) {
        thaw_all(roots, announced);
        // The agent sees that it has lost us. A freeze that still waits for a writer comes true after this thaw:
        // only the end of the agent, which cannot come before the end of its call, is the time for the last one.
        // SAFETY: nothing in this process uses its standard output any more.
        unsafe { rustix::io::close(io::stdout().as_raw_fd()) };
        hear(input, &mut announced, None);
    }
    thaw_all(roots, announced);
}

/// Counts what is announced until the input ends; false if nothing held us for `limit` before that.
fn hear(input: BorrowedFd<'_>, announced: &mut usize, limit: Option<Duration>) -> bool {
    let mut said = [0; 64];
    let mut until = limit.map(|limit| Instant::now() + limit);
    loop {
        if let Some(until) = until
            && !matches!(wait_for(input, until), Ok(true))
        {
            return false;
        }
        let length = match rustix::io::read(input, &mut said) {
            Ok(length @ 1..) => length,
            Err(Errno::INTR) => continue,
            _ => return true,
        };
        for byte in &said[..length] {
            match *byte {
                ANNOUNCE => *announced += 1,
                HOLD => until = limit.map(|limit| Instant::now() + limit),
                _ => {}
            }
        }
    }
}

/// The outermost comes first: inner ones may lie in its files.
fn thaw_all(roots: &[OwnedFd], announced: usize) {
    for root in roots.iter().take(announced).rev() {
        let _ = thaw(root.as_fd());
    }
}

/// A session that ends, or a machine that shuts down, must not take watchdog and agent at the same time;
/// neither must the kernel when it is short of memory.
fn outlive_the_session() {
    unsafe extern "C" {
        fn signal(number: i32, handler: usize) -> usize;
    }
    const IGNORE: usize = 1;
    use rustix::process::Signal;
    for number in [Signal::HUP, Signal::INT, Signal::TERM, Signal::PIPE] {
        // SAFETY: `signal` of the C library with SIG_IGN runs no code of ours at any later moment.
        unsafe { signal(number.as_raw(), IGNORE) };
    }
    let _ = std::fs::write("/proc/self/oom_score_adj", "-1000");
    let _ = std::fs::write("/proc/self/comm", NAME);
}
