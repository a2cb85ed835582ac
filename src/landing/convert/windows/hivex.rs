//! hivex's programs, each in a process of its own with a limit of memory, time and output.

use super::regfile::{RegError, parse};
use super::registry::Hive;
use crate::untrusted::one_line;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Memory of a process: a hive of 1 GiB in Perl, and half as much again.
const MEMORY: u64 = 4 << 30;
/// Seconds of processor; a large SYSTEM takes about ten.
const SECONDS: u32 = 300;
/// Bytes of what a process complains that are kept.
const COMPLAINT: u64 = 4096;

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `hivexregedit`, of Debian's package `libwin-hivex-perl`.
    pub hivexregedit: PathBuf,
    /// `hivexget`, of `libhivex-bin`.
    pub hivexget: PathBuf,
}

impl Default for Programs {
    fn default() -> Self {
        Self { hivexregedit: "hivexregedit".into(), hivexget: "hivexget".into() }
    }
}

/// Why hivex did not do it.
#[derive(Debug, thiserror::Error)]
pub enum HivexError {
    /// It could not be started or written to.
    #[error("{program} cannot be run")]
    NotRun {
        /// Which program.
        program: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// It failed, crashed, or reached a limit.
    #[error("{program} failed on {hive} ({status}): {said}")]
    Failed {
        /// Which program.
        program: PathBuf,
        /// On which file.
        hive: PathBuf,
        /// How it ended.
        status: String,
        /// What it said.
        said: String,
    },
    /// It printed more than a hive of this size holds: keys in a circle.
    #[error("{program} printed more of {hive} than a file of its size holds: the hive is damaged")]
    TooMuch {
        /// Which program.
        program: PathBuf,
        /// On which file.
        hive: PathBuf,
    },
    /// What it printed is no export.
    #[error("{hive} was exported, but not as expected")]
    Export {
        /// Of which file.
        hive: PathBuf,
        /// What is wrong.
        #[source]
        error: RegError,
    },
}

impl Programs {
    /// All keys and values of a hive.
    ///
    /// # Errors
    /// hivex fails, or prints what is no export of a hive.
    pub(super) fn export(&self, hive: &Path) -> Result<Hive, HivexError> {
        // Bytes become three characters each; names and paths come on top.
        let most = (16 << 20) + 16 * std::fs::metadata(hive).map_or(0, |metadata| metadata.len());
        let mut command = limited(&self.hivexregedit);
        command.arg("--export").arg(hive).arg("\\");
        let text = self.run(command, &self.hivexregedit, hive, "", most)?;
        // Names are UTF-8 if hivex could make them so; what is not stays different from all that we look for.
        parse(&String::from_utf8_lossy(&text)).map_err(|error| HivexError::Export { hive: hive.to_owned(), error })
    }

    /// Merges a text of regedit's form into a hive.
    ///
    /// # Errors
    /// hivex fails; the hive may then be half written.
    pub(super) fn merge(&self, hive: &Path, text: &str) -> Result<(), HivexError> {
        let mut command = limited(&self.hivexregedit);
        command.arg("--merge").arg(hive);
        self.run(command, &self.hivexregedit, hive, text, COMPLAINT).map(drop)
    }

    /// One text of a hive.
    ///
    /// # Errors
    /// hivex fails, or the value is not there.
    pub(super) fn text(&self, hive: &Path, key: &str, name: &str) -> Result<String, HivexError> {
        let mut command = limited(&self.hivexget);
        command.arg(hive).arg(key).arg(name);
        let printed = self.run(command, &self.hivexget, hive, "", COMPLAINT)?;
        Ok(String::from_utf8_lossy(&printed).trim().to_owned())
    }

    fn run(
        &self,
        command: Command,
        program: &Path,
        hive: &Path,
        input: &str,
        most: u64,
    ) -> Result<Vec<u8>, HivexError> {
        let not_run = |error| HivexError::NotRun { program: program.to_owned(), error };
        let (status, printed, said) = finish(command, input, most).map_err(not_run)?;
        let (program, hive) = (program.to_owned(), hive.to_owned());
        if printed.len() as u64 > most {
            return Err(HivexError::TooMuch { program, hive });
        }
        if !status.success() {
            return Err(HivexError::Failed { program, hive, status: status.to_string(), said: one_line(&said) });
        }
        Ok(printed)
    }
}

/// A command with limits and an empty environment but for the path, which dies with traghetto: one that
/// went on alone would write into a file that the next run works on.
fn limited(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "prlimit"])
        .arg(format!("--as={MEMORY}"))
        .arg(format!("--cpu={SECONDS}"))
        .arg("--core=0")
        .arg(program);
    // Perl's own variables would change what it loads.
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("LC_ALL", "C.UTF-8");
    command
}

/// Runs it to its end, or to where it has printed too much.
fn finish(mut command: Command, input: &str, most: u64) -> io::Result<(std::process::ExitStatus, Vec<u8>, Vec<u8>)> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let talk = talk(&mut child, input, most);
    if talk.is_err() || talk.as_ref().is_ok_and(|(printed, _)| printed.len() as u64 > most) {
        child.kill()?;
    }
    let status = child.wait()?;
    let (printed, said) = talk?;
    Ok((status, printed, said))
}

fn talk(child: &mut Child, input: &str, most: u64) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    std::thread::scope(|threads| {
        // A process that ends before it has read all says why on its own; a closed pipe is not the reason.
        threads.spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
        let said = threads.spawn(move || {
            let mut said = Vec::new();
            if let Some(mut stderr) = stderr {
                let _ = stderr.by_ref().take(COMPLAINT).read_to_end(&mut said);
                let _ = io::copy(&mut stderr, &mut io::sink());
            }
            said
        });
        let mut printed = Vec::new();
        if let Some(stdout) = stdout {
            // Dropped here: a process that has more to say is told by a closed pipe.
            stdout.take(most + 1).read_to_end(&mut printed)?;
        }
        Ok((printed, said.join().unwrap_or_default()))
    })
}
