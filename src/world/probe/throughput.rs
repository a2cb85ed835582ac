//! How much a line carries: bytes over an SSH session, without another program on the host.

use crate::world::{Pipe, Shell, ShellError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Bytes of one write or read.
const PIECE: usize = 64 << 10;

/// What was carried, in Mbit/s of payload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// From the host to us.
    pub from_host: f64,
    /// From us to the host.
    pub to_host: f64,
}

/// Measures first what comes from the host behind `shell`, then what goes to it, each for `time`.
///
/// # Errors
/// The session is lost, or the host has neither `cat` nor `wc`.
pub async fn throughput<S: Shell>(shell: &S, host: &str, time: Duration) -> Result<Rates, ShellError> {
    let lost = |error: std::io::Error| ShellError::Unreachable { host: host.to_owned(), source: error.into() };
    let from_host = receive(shell.open("exec cat /dev/zero").await?, time).await.map_err(lost)?;
    let Pipe { input, output, errors, exit } = shell.open("exec wc -c").await?;
    // What nobody reads would stop the others.
    drop(errors);
    let to_host = send(input, output, time).await.map_err(lost)?;
    exit.await?;
    Ok(Rates { from_host, to_host })
}

async fn receive(pipe: Pipe, time: Duration) -> std::io::Result<f64> {
    let Pipe { input: _input, mut output, errors, .. } = pipe;
    drop(errors);
    let mut buffer = vec![0; PIECE];
    let nothing = || std::io::Error::other("it sends nothing");
    if output.read(&mut buffer).await? == 0 {
        return Err(nothing());
    }
    let (begun, mut bytes) = (Instant::now(), 0_u64);
    while begun.elapsed() < time {
        let length = output.read(&mut buffer).await?;
        if length == 0 {
            return Err(nothing());
        }
        bytes += length as u64;
    }
    Ok(megabits(bytes, begun.elapsed()))
}

/// The host counts what has arrived: what still waits in our buffers does not count.
async fn send(
    mut input: Box<dyn tokio::io::AsyncWrite + Send + Unpin>,
    mut output: Box<dyn tokio::io::AsyncRead + Send + Unpin>,
    time: Duration,
) -> std::io::Result<f64> {
    let piece = vec![0; PIECE];
    let begun = Instant::now();
    while begun.elapsed() < time {
        input.write_all(&piece).await?;
    }
    input.shutdown().await?;
    let mut said = String::new();
    (&mut output).take(100).read_to_string(&mut said).await?;
    let took = begun.elapsed();
    let bytes = said.trim().parse().map_err(|_| std::io::Error::other("it did not count what came"))?;
    Ok(megabits(bytes, took))
}

fn megabits(bytes: u64, took: Duration) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    let bits = bytes as f64 * 8.0;
    bits / took.as_secs_f64().max(1e-6) / 1e6
}
