//! Programs of this host, each with its arguments as a list, a deadline, and an environment of its own.

use crate::untrusted::one_line;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Bytes of standard output that are kept; a list of an initramfs has a few thousand lines.
const PRINTED: u64 = 16 << 20;
/// Bytes of what a program complains that are kept.
const COMPLAINT: u64 = 4096;
/// How long a program of this host may take that only looks or mounts.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why a program did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It could not be started.
    #[error("{program} cannot be run")]
    NotRun {
        /// Which.
        program: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// It failed.
    #[error("{what} failed ({status}): {said}")]
    Failed {
        /// What it was for.
        what: String,
        /// How it ended.
        status: String,
        /// What it said.
        said: String,
    },
    /// It took too long.
    #[error("{what} did not end within {seconds} s")]
    Deadline {
        /// What it was for.
        what: String,
        /// The deadline.
        seconds: u64,
    },
}

impl ProgramError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            ProgramError::NotRun { .. } => {
                "install util-linux, fdisk, lvm2, mtools, bubblewrap, ntfs-3g, guestmount, libhivex-bin and libwin-hivex-perl \
                 on the landing host"
            }
            ProgramError::Failed { .. } | ProgramError::Deadline { .. } => {
                "throw the clone away and clone the replica again; if it fails again, look at the source's filesystem"
            }
        }
    }
}

/// How a program ended, and what it printed.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) printed: Vec<u8>,
    said: Vec<u8>,
}

/// A program to be run.
pub(super) struct Program {
    command: Command,
    name: String,
    what: String,
    deadline: Duration,
}

impl Program {
    /// A program of this host, for a purpose that errors name.
    pub(super) fn new(name: &str, what: impl Into<String>) -> Self {
        let mut command = Command::new(name);
        let path = std::env::var_os("PATH").unwrap_or_default();
        // The system's folders too: a service's path may have none of them.
        let mut folders: Vec<_> = std::env::split_paths(&path).collect();
        folders.extend(["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(Into::into));
        command.env_clear().env("LC_ALL", "C.UTF-8").env("PATH", std::env::join_paths(folders).unwrap_or(path));
        Self { command, name: name.to_owned(), what: what.into(), deadline: PATIENCE }
    }

    pub(super) fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(super) fn args<S: AsRef<std::ffi::OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        self.command.env(name, value.as_ref());
        self
    }

    pub(super) fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Runs it to its end, whatever that is.
    pub(super) fn ended(mut self) -> Result<(Ended, String), ProgramError> {
        let not_run = |error| ProgramError::NotRun { program: self.name.clone(), error };
        let command = self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(not_run)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (status, printed, said) = std::thread::scope(|threads| {
            let printed = threads.spawn(move || kept(stdout, PRINTED));
            let said = threads.spawn(move || kept(stderr, COMPLAINT));
            let status = wait(&mut child, self.deadline);
            (status, printed.join().unwrap_or_default(), said.join().unwrap_or_default())
        });
        let late = || ProgramError::Deadline { what: self.what.clone(), seconds: self.deadline.as_secs() };
        let status = status.map_err(not_run)?.ok_or_else(late)?;
        Ok((Ended { status, printed, said }, self.what))
    }

    /// Runs it to a good end; what it printed.
    pub(super) fn run(self) -> Result<Vec<u8>, ProgramError> {
        let (ended, what) = self.ended()?;
        if ended.status.success() {
            return Ok(ended.printed);
        }
        let said = if ended.said.is_empty() { one_line(&ended.printed) } else { one_line(&ended.said) };
        Err(ProgramError::Failed { what, status: ended.status.to_string(), said })
    }
}

/// What a stream has, up to a limit; the rest is read and dropped, so that nobody waits.
fn kept(stream: Option<impl Read>, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        let _ = stream.by_ref().take(most).read_to_end(&mut bytes);
        let _ = io::copy(&mut stream, &mut io::sink());
    }
    bytes
}

/// All processes that a process started and that live. They stay in its group, so that Ctrl-C reaches them too.
fn descendants(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(pid) = found.get(at) {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let children = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
        let children: String = children.collect();
        found.extend(children.split_ascii_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        at += 1;
    }
    found.split_off(1)
}

/// Its status; none where it was killed at the deadline.
fn wait(child: &mut Child, deadline: Duration) -> io::Result<Option<ExitStatus>> {
    let until = Instant::now() + deadline;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            // What it started, such as the machine of libguestfs, ends with it.
            let started = descendants(child.id());
            child.kill()?;
            for pid in started.into_iter().filter_map(|pid| Pid::from_raw(pid.try_into().ok()?)) {
                // One that ended by itself needs nothing.
                let _ = kill_process(pid, Signal::KILL);
            }
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_deadline_what_it_started_ends_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let begun = Instant::now();
        let script = format!("sleep 600 & echo $! > {}; wait", file.display());
        let late = Program::new("sh", "sleeping").arg("-c").arg(script).within(Duration::from_millis(500)).run();
        assert!(matches!(late, Err(ProgramError::Deadline { seconds: 0, .. })), "{late:?}");
        assert!(begun.elapsed() < Duration::from_secs(60), "it waited for what was left behind");
        let pid = std::fs::read_to_string(file).unwrap();
        let stat = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        let lives = || !(stat().is_empty() || stat().contains(") Z "));
        while lives() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{}", stat());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
