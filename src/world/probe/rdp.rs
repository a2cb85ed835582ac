//! Whether a host takes remote desktops, and whether it wants the login first.

use super::bytes::Malformed;
use super::rdp_message::{self as message, NLA, Response, TLS};
use super::{ProbeError, Vantage, connect, within};
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The port of remote desktops.
pub const PORT: u16 = 3389;

/// What a host said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Desktop {
    /// The best protocol that it takes: `nla`, `tls` or `rdp`.
    pub protocol: &'static str,
    /// Whether it takes nobody without a login before the session.
    pub nla_only: bool,
    /// Time until its answers.
    pub took: Duration,
}

/// Asks `host` for a remote desktop, once with every protocol, once without the login first.
///
/// # Errors
/// [`ProbeError`]; a refusal of the second is an answer.
pub async fn rdp(from: &Vantage, host: &str, port: u16, deadline: Duration) -> Result<Desktop, ProbeError> {
    let target = format!("{host} port {port}");
    let started = Instant::now();
    within(deadline, async {
        let protocol = match ask(from, host, port, &target, TLS | NLA).await? {
            Response::Chosen(chosen) if chosen & NLA != 0 => "nla",
            Response::Chosen(chosen) if chosen & TLS != 0 => "tls",
            Response::Chosen(_) => "rdp",
            // It has no certificate, or wants none: only its own protocol is left.
            Response::Refused(_) => match ask(from, host, port, &target, 0).await? {
                Response::Chosen(_) => "rdp",
                Response::Refused(code) => {
                    return Err(ProbeError::nonsense(&target, format!("it refuses every protocol (code {code})")));
                }
            },
        };
        let nla_only = protocol == "nla" && matches!(ask(from, host, port, &target, TLS).await?, Response::Refused(_));
        Ok(Desktop { protocol, nla_only, took: started.elapsed() })
    })
    .await
}

async fn ask(from: &Vantage, host: &str, port: u16, target: &str, protocols: u32) -> Result<Response, ProbeError> {
    let unreachable = |error: io::Error| ProbeError::unreachable(target, error);
    let nonsense = |error: Malformed| ProbeError::nonsense(target, error);
    let mut stream = connect(from, host, port, target).await?;
    stream.write_all(&message::question(protocols)).await.map_err(unreachable)?;
    let mut heading = [0; message::HEADING];
    stream.read_exact(&mut heading).await.map_err(unreachable)?;
    let mut body = vec![0; message::rest(heading).map_err(nonsense)?];
    stream.read_exact(&mut body).await.map_err(unreachable)?;
    message::answer(&body).map_err(nonsense)
}
