//! Which dialect of SMB a file server speaks, and whether it signs.

use super::bytes::Malformed;
use super::smb_message::{self as message, Response};
use super::{ProbeError, Vantage, connect, random, seconds_now, within};
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub use super::smb_message::Signing;

/// The port of file servers.
pub const PORT: u16 = 445;
/// A server that has unlearnt SMB 1 may keep silent.
const OLD_PATIENCE: Duration = Duration::from_secs(3);
/// A negotiation within this time went over a line on which nothing takes seconds.
const QUICK: Duration = Duration::from_millis(500);

/// What a file server said.
#[derive(Debug, Clone, PartialEq)]
pub struct Negotiated {
    /// The newest dialect that it speaks, such as `3.1.1`.
    pub dialect: &'static str,
    /// Whether it signs.
    pub signing: Signing,
    /// Its identifier, as hex.
    pub guid: Option<String>,
    /// Whether it still takes SMB 1; none where its silence may be the line's.
    pub old: Option<bool>,
    /// Seconds between its clock and ours, whichever is ahead.
    pub skew: Option<f64>,
    /// Time until its answer, that to SMB 1 apart where it speaks a newer one.
    pub took: Duration,
}

/// Negotiates with the file server of `host`, once with every dialect of SMB 2 and 3, once with SMB 1.
///
/// # Errors
/// [`ProbeError`] if it takes neither.
pub async fn smb(from: &Vantage, host: &str, port: u16, deadline: Duration) -> Result<Negotiated, ProbeError> {
    let (mut client, mut salt) = ([0; 16], [0; 32]);
    random(&mut client)?;
    random(&mut salt)?;
    let target = format!("{host} port {port}");
    let started = Instant::now();
    let new = message::question(client, salt);
    let new = within(deadline, negotiate(from, host, port, &target, &new)).await;
    let asked = started.elapsed();
    let left = deadline.saturating_sub(asked).min(OLD_PATIENCE);
    let old = within(left, negotiate(from, host, port, &target, &message::old_question())).await;
    let old_known = match &old {
        Ok((response, _)) => Some(response.dialect == "1"),
        Err(ProbeError::Untold(_)) => None,
        // One that has unlearnt it and keeps silent cannot be told from a slow line, unless the line is quick.
        Err(ProbeError::Deadline { .. }) if asked > QUICK || left < OLD_PATIENCE => None,
        Err(_) => Some(false),
    };
    let took = if new.is_ok() { asked } else { started.elapsed() };
    let (Response { dialect, signing, guid, .. }, skew) = new.or_else(|error| old.map_err(|_| error))?;
    Ok(Negotiated { dialect, signing, guid, old: old_known, skew, took })
}

/// One negotiation on a connection of its own, with the skew at its end.
async fn negotiate(
    from: &Vantage,
    host: &str,
    port: u16,
    target: &str,
    question: &[u8],
) -> Result<(Response, Option<f64>), ProbeError> {
    let unreachable = |error: io::Error| ProbeError::unreachable(target, error);
    let nonsense = |error: Malformed| ProbeError::nonsense(target, error);
    let mut stream = connect(from, host, port, target).await?;
    stream.write_all(question).await.map_err(unreachable)?;
    let length = usize::try_from(stream.read_u32().await.map_err(unreachable)?).unwrap_or(usize::MAX);
    if length > message::LONGEST {
        return Err(nonsense(Malformed("it does not speak SMB")));
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.map_err(unreachable)?;
    let response = message::answer(&bytes).map_err(nonsense)?;
    let skew = response.time.map(|time| (time - seconds_now()).abs());
    Ok((response, skew))
}
