//! Questions to one name server, chosen by us: the system's resolver would ask another one.

use super::dns_message::{self as message, Response};
pub use super::dns_message::{Record, RecordType, UnknownRecordType};
use super::{ProbeError, within};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// A datagram without answer is sent again after this.
const AGAIN: Duration = Duration::from_secs(1);
/// The port of name servers.
pub const PORT: u16 = 53;

/// What the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Response code, such as `NOERROR` or `NXDOMAIN`.
    pub code: &'static str,
    /// Records of the type asked for, in the order of the answer.
    pub records: Vec<Record>,
    /// Time until the answer.
    pub took: Duration,
}

/// Asks `server` for the `record`s of `name`; for PTR, `name` may be an address. UDP first, TCP
/// where the answer does not fit.
///
/// # Errors
/// [`ProbeError`]; a response code is an answer, whatever it says.
pub async fn dns(server: SocketAddr, name: &str, record: RecordType, deadline: Duration) -> Result<Answer, ProbeError> {
    let name = match (record, name.parse::<IpAddr>()) {
        (RecordType::Ptr, Ok(address)) => message::reverse(address),
        _ => name.to_owned(),
    };
    let id = u16::from_be_bytes(random()?);
    let question = message::question(id, &name, record)
        .ok_or_else(|| ProbeError::Question { text: name.clone(), expected: "domain name" })?;
    let started = Instant::now();
    let response = within(deadline, async {
        let unreachable = |error| ProbeError::unreachable(server.to_string(), error);
        let response = by_udp(server, &question, record).await.map_err(unreachable)?;
        if !response.truncated {
            return Ok(response);
        }
        let bytes = by_tcp(server, &question).await.map_err(unreachable)?;
        message::answer(&bytes, &question, record)
            .map_err(|error| ProbeError::Nonsense { target: server.to_string(), source: error.into() })
    })
    .await?;
    Ok(Answer { code: code(response.code), records: response.records, took: started.elapsed() })
}

/// Sends the question until an answer to it comes. Anything else that arrives is ignored: anybody
/// can send a datagram.
async fn by_udp(server: SocketAddr, question: &[u8], record: RecordType) -> io::Result<Response> {
    let local: SocketAddr = if server.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(server).await?;
    let mut buffer = vec![0; 4096];
    loop {
        socket.send(question).await?;
        let again = tokio::time::Instant::now() + AGAIN;
        while let Ok(received) = tokio::time::timeout_at(again, socket.recv(&mut buffer)).await {
            let length = received?;
            if let Ok(response) = message::answer(&buffer[..length], question, record) {
                return Ok(response);
            }
        }
    }
}

async fn by_tcp(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

fn random() -> Result<[u8; 2], ProbeError> {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes)
        .map_err(|error| ProbeError::Tool { what: "the random number generator", source: error.into() })?;
    Ok(bytes)
}

/// Names of the IANA registry.
fn code(code: u8) -> &'static str {
    match code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        _ => "OTHER",
    }
}
