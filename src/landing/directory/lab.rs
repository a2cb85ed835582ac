//! A laboratory: its commands, run without a shell, what they say kept beside the machine.

use crate::landing::error::LandingError;
use crate::untrusted::one_line;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// What commands say, beside the machine.
const LOG: &str = "lab.log";
/// How much of it a message repeats, in bytes.
const REPEATED: u64 = 400;
/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs a command for a machine and gives its exit status; none is one that a signal ended.
pub(super) async fn run(
    command: &[String],
    folder: &Path,
    last: Option<&str>,
    doing: &str,
) -> Result<Option<i32>, LandingError> {
    let program = command.first().map_or("", String::as_str);
    let failed = |outcome: String| LandingError::Lab { doing: doing.to_owned(), program: program.to_owned(), outcome };
    let log = log(folder).map_err(LandingError::file("written", &folder.join(LOG)))?;
    let errors = log.try_clone().map_err(LandingError::file("written", &folder.join(LOG)))?;
    // Not by pipes: a machine that goes on in the background would hold them open.
    let mut child = Command::new(program)
        .args(command.get(1..).unwrap_or_default())
        .arg(folder)
        .args(last)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(|error| failed(format!("cannot be run: {error}")))?;
    match tokio::time::timeout(LIMIT, child.wait()).await {
        Ok(ended) => ended.map(|status| status.code()).map_err(|error| failed(format!("is lost: {error}"))),
        Err(_) => {
            // What cannot be ended has ended.
            let _ = child.kill().await;
            Err(failed(format!("was not over within {} s", LIMIT.as_secs())))
        }
    }
}

/// Runs a command that must end well.
pub(super) async fn must(
    command: &[String],
    folder: &Path,
    last: Option<&str>,
    doing: &str,
) -> Result<(), LandingError> {
    match run(command, folder, last, doing).await? {
        Some(0) => Ok(()),
        status => Err(ended(command, folder, status, doing)),
    }
}

/// Why a command ended as it did not have to.
pub(super) fn ended(command: &[String], folder: &Path, status: Option<i32>, doing: &str) -> LandingError {
    let status = status.map_or("was killed".to_owned(), |status| format!("ended with {status}"));
    let said = said(folder).unwrap_or_default();
    let outcome = if said.is_empty() { status } else { format!("{status}: {said}") };
    LandingError::Lab { doing: doing.to_owned(), program: command.first().cloned().unwrap_or_default(), outcome }
}

fn log(folder: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join(LOG))
}

/// The last that was said.
fn said(folder: &Path) -> io::Result<String> {
    let mut file = File::open(folder.join(LOG))?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(REPEATED)))?;
    let mut text = Vec::new();
    file.take(REPEATED).read_to_end(&mut text)?;
    Ok(one_line(&text))
}

/// Whether a status says that a machine is on.
pub(super) fn is_on(status: Option<i32>) -> Option<bool> {
    match status {
        Some(0) => Some(true),
        Some(1) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_says_nothing_is_neither() {
        let cases = [(Some(0), Some(true)), (Some(1), Some(false)), (Some(2), None), (None, None)];
        for (status, said) in cases {
            assert_eq!(is_on(status), said, "{status:?}");
        }
    }
}
