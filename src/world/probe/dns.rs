//! Questions to one name server, chosen by us: the system's resolver would ask another one.

use super::dns_message::{self as message, Response};
pub use super::dns_message::{Record, RecordType, UnknownRecordType};
use super::{ProbeError, Vantage, connect, datagram, random, within};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The port of name servers.
pub const PORT: u16 = 53;

/// A name server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServer {
    /// Its address, or a name that is resolved where the question goes out from.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl NameServer {
    /// Reads an address, with or without a port, or a name.
    pub fn read(text: &str) -> Self {
        match text.parse::<SocketAddr>() {
            Ok(address) => address.into(),
            Err(_) => Self { host: text.to_owned(), port: PORT },
        }
    }
}

impl From<SocketAddr> for NameServer {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl fmt::Display for NameServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

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
/// where the answer does not fit; through a probe machine TCP, which is all that it carries.
///
/// # Errors
/// [`ProbeError`]; a response code is an answer, whatever it says.
pub async fn dns(
    from: &Vantage,
    server: &NameServer,
    name: &str,
    record: RecordType,
    deadline: Duration,
) -> Result<Answer, ProbeError> {
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
        if matches!(from, Vantage::Here) {
            let unreachable = |error| ProbeError::unreachable(server.to_string(), error);
            let response = by_udp(server, &question, record).await.map_err(unreachable)?;
            if !response.truncated {
                return Ok(response);
            }
        }
        let bytes = by_tcp(from, server, &question).await?;
        message::answer(&bytes, &question, record)
            .map_err(|error| ProbeError::Nonsense { target: server.to_string(), source: error.into() })
    })
    .await?;
    Ok(Answer { code: code(response.code), records: response.records, took: started.elapsed() })
}

async fn by_udp(server: &NameServer, question: &[u8], record: RecordType) -> io::Result<Response> {
    let socket = datagram::connected(&server.host, server.port).await?;
    datagram::exchange(&socket, question, |bytes| message::answer(bytes, question, record).ok()).await
}

async fn by_tcp(from: &Vantage, server: &NameServer, question: &[u8]) -> Result<Vec<u8>, ProbeError> {
    let target = server.to_string();
    let mut stream = connect(from, &server.host, server.port, &target).await?;
    let work = async {
        let length = u16::try_from(question.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), question].concat()).await?;
        let mut answer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    work.await.map_err(|error: io::Error| ProbeError::unreachable(target, error))
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
