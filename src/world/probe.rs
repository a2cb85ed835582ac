//! Questions to the network, from this machine or from a probe machine: TCP, DNS, HTTP, ping, and to
//! services in their own protocols, without a login. Each has a deadline and a typed answer; that nobody answers is an error, what the answer is worth is for the caller.

mod ber;
mod bytes;
mod certificate;
mod datagram;
pub mod dns;
mod dns_message;
mod fetch;
mod http;
pub mod kerberos;
mod kerberos_message;
pub mod ldap;
mod ldap_message;
pub mod locator;
pub mod mtu;
pub mod ntp;
mod ntp_message;
pub mod path;
mod ping;
pub mod rdp;
mod rdp_message;
pub mod smb;
mod smb_message;
pub mod throughput;
pub mod tls;

pub(super) use certificate::signature_algorithm;
pub use http::{Page, http, http_as_is};
pub use ping::{Echoes, INTERVAL, ping};

use super::vantage::{Stream, Untold, Vantage};
use std::error::Error;
use std::future::Future;
use std::io;
use std::time::{Duration, Instant, SystemTime};

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No answer in time.
    #[error("no answer within {} s", deadline.as_secs_f64())]
    Deadline {
        /// The deadline.
        deadline: Duration,
    },
    /// Nobody there, or the connection broke.
    #[error("{target} cannot be reached")]
    Unreachable {
        /// Who was asked.
        target: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The question cannot be asked.
    #[error("`{text}` is no {expected}")]
    Question {
        /// What was given.
        text: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The answer breaks the protocol.
    #[error("{target} answered nonsense")]
    Nonsense {
        /// Who was asked.
        target: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The probe machine did not ask: nothing is known of who was to be asked.
    #[error(transparent)]
    Untold(#[from] Untold),
    /// A program or library of this machine does not work.
    #[error("{what} does not work on this machine")]
    Tool {
        /// What is needed.
        what: &'static str,
        /// Why it does not work.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl ProbeError {
    fn unreachable(target: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unreachable { target: target.into(), source: source.into() }
    }

    fn nonsense(target: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Nonsense { target: target.into(), source: source.into() }
    }
}

impl ProbeError {
    /// Whether the connection was refused: the way there is open, and nothing listens. Silence is no refusal.
    pub fn is_refusal(&self) -> bool {
        let Self::Unreachable { source, .. } = self else { return false };
        source.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    }
}

/// Connects to a TCP port and closes; how long it took, with the name's resolution. Through a probe
/// machine it took a round trip to that more.
///
/// # Errors
/// [`ProbeError`]: refused, unreachable, no answer in time.
pub async fn tcp(from: &Vantage, host: &str, port: u16, deadline: Duration) -> Result<Duration, ProbeError> {
    let started = Instant::now();
    within(deadline, connect(from, host, port, &format!("{host} port {port}"))).await?;
    Ok(started.elapsed())
}

/// A connection to `target`, as it is called in words.
async fn connect(from: &Vantage, host: &str, port: u16, target: &str) -> Result<Stream, ProbeError> {
    from.connect(host, port).await.map_err(|error| match from.trouble(&error) {
        Some(untold) => untold.into(),
        None => ProbeError::unreachable(target, error),
    })
}

/// `work`, or the error that it took too long.
async fn within<T>(deadline: Duration, work: impl Future<Output = Result<T, ProbeError>>) -> Result<T, ProbeError> {
    tokio::time::timeout(deadline, work).await.map_err(|_| ProbeError::Deadline { deadline })?
}

/// Fills `bytes` with random ones.
fn random(bytes: &mut [u8]) -> Result<(), ProbeError> {
    getrandom::fill(bytes)
        .map_err(|error| ProbeError::Tool { what: "the random number generator", source: error.into() })
}

/// Seconds since 1970 by our clock.
fn seconds_now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
