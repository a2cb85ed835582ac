//! Whether a key distribution centre gives tickets: a request without password, which a centre that
//! works refuses in its own words, by UDP and by TCP; through a probe machine by TCP alone, which is
//! all that it carries.

use super::bytes::Malformed;
use super::kerberos_message::{self as message, Response};
use super::ldap::clock_skew;
use super::{ProbeError, Vantage, connect, datagram, random, within};
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The port of key distribution centres.
pub const PORT: u16 = 88;

/// What a centre said.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Whether it answers by UDP; none where it was not asked.
    pub udp: Option<bool>,
    /// Whether it answers by TCP.
    pub tcp: bool,
    /// Whether it works: it looked the name up.
    pub alive: bool,
    /// The code of its error, such as 25 (the password is wanted first); 0 if it gave a ticket.
    pub error: i64,
    /// Its realm.
    pub realm: Option<String>,
    /// Seconds between its clock and ours, whichever is ahead.
    pub skew: Option<f64>,
    /// Time until its last answer.
    pub took: Duration,
}

/// Asks the centre of `host` for a ticket of `name` in `realm`, by UDP and by TCP at once.
///
/// # Errors
/// [`ProbeError`] if neither is answered.
pub async fn kerberos(
    from: &Vantage,
    host: &str,
    port: u16,
    realm: &str,
    name: &str,
    deadline: Duration,
) -> Result<Answer, ProbeError> {
    let mut nonce = [0; 4];
    random(&mut nonce)?;
    let question = message::question(realm, name, u32::from_be_bytes(nonce) >> 1);
    let target = format!("{host} port {port}");
    let started = Instant::now();
    let udp = async {
        match from {
            Vantage::Here => Some(within(deadline, by_udp(host, port, &target, &question)).await),
            Vantage::Probe(_) => None,
        }
    };
    let (udp, tcp) = tokio::join!(udp, within(deadline, by_tcp(from, host, port, &target, &question)));
    let took = started.elapsed();
    let (answers_udp, answers_tcp) = (udp.as_ref().map(Result::is_ok), tcp.is_ok());
    // What does not fit a datagram is told in full by TCP.
    let Response { error, realm, time } = tcp.or_else(|error| udp.and_then(Result::ok).ok_or(error))?;
    Ok(Answer {
        udp: answers_udp,
        tcp: answers_tcp,
        alive: message::is_alive(error),
        error,
        realm,
        skew: time.map(clock_skew),
        took,
    })
}

async fn by_udp(host: &str, port: u16, target: &str, question: &[u8]) -> Result<Response, ProbeError> {
    let work = async {
        let socket = datagram::connected(host, port).await?;
        datagram::exchange(&socket, question, |bytes| message::answer(bytes).ok()).await
    };
    work.await.map_err(|error| ProbeError::unreachable(target, error))
}

async fn by_tcp(from: &Vantage, host: &str, port: u16, target: &str, question: &[u8]) -> Result<Response, ProbeError> {
    let unreachable = |error: io::Error| ProbeError::unreachable(target, error);
    let nonsense = |error: Malformed| ProbeError::nonsense(target, error);
    let mut stream = connect(from, host, port, target).await?;
    let length = u32::try_from(question.len()).unwrap_or_default();
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await.map_err(unreachable)?;
    let length = usize::try_from(stream.read_u32().await.map_err(unreachable)?).unwrap_or(usize::MAX);
    if length > message::LONGEST {
        return Err(nonsense(Malformed("the answer is too long")));
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.map_err(unreachable)?;
    message::answer(&bytes).map_err(nonsense)
}
