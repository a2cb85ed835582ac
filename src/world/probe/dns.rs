//! Questions to one name server, chosen by us: the system's resolver would ask another one.

use super::dns_message::{self as message, Response};
pub use super::dns_message::{Record, RecordType, UnknownRecordType};
use super::{ProbeError, datagram, random, within};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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
    let mut id = [0; 2];
    random(&mut id)?;
    let id = u16::from_be_bytes(id);
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

async fn by_udp(server: SocketAddr, question: &[u8], record: RecordType) -> io::Result<Response> {
    let socket = datagram::connected(&server.ip().to_string(), server.port()).await?;
    datagram::exchange(&socket, question, |bytes| message::answer(bytes, question, record).ok()).await
}

async fn by_tcp(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
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
