//! HTTP/1.1 over TLS, a thread for each connection.

use crate::support::certificates::Certificates;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Answers requests.
pub type Handler = Arc<dyn Fn(&mut Request<'_>) -> Reply + Send + Sync>;

type Stream = BufReader<StreamOwned<ServerConnection, TcpStream>>;

/// A request, whose body is read when it is wanted.
pub struct Request<'a> {
    pub method: String,
    pub path: String,
    headers: Vec<(String, String)>,
    left: usize,
    stream: &'a mut Stream,
}

/// An answer.
pub enum Reply {
    Body(u16, Vec<u8>, Vec<(&'static str, String)>),
    /// None: the line is cut.
    Cut,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self::Body(status, Vec::new(), Vec::new())
    }

    pub fn body(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Body(status, body.into(), Vec::new())
    }
}

impl Request<'_> {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The whole body; none if the line was cut.
    pub fn body(&mut self) -> Option<Vec<u8>> {
        self.part(usize::MAX, Duration::ZERO)
    }

    /// The first bytes of the body, slowly.
    pub fn part(&mut self, most: usize, pause: Duration) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        let end = most.min(self.left);
        while body.len() < end {
            let mut piece = vec![0; (end - body.len()).min(64 << 10)];
            let read = self.stream.read(&mut piece).ok().filter(|read| *read > 0)?;
            body.extend_from_slice(&piece[..read]);
            std::thread::sleep(pause);
        }
        self.left -= body.len();
        Some(body)
    }
}

/// Serves until the process ends.
pub fn serve_with(listener: TcpListener, certificates: &Certificates, handler: Handler) {
    let chain = vec![CertificateDer::from_pem_file(&certificates.certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_file(&certificates.key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (config, handler) = (config.clone(), handler.clone());
            std::thread::spawn(move || {
                let Ok(stream) = stream else { return };
                // Head and body go in two: without this each answer would wait for an acknowledgement.
                stream.set_nodelay(true).unwrap();
                let Ok(connection) = ServerConnection::new(config) else { return };
                let mut stream = BufReader::new(StreamOwned::new(connection, stream));
                while one(&mut stream, &handler).is_some() {}
            });
        }
    });
}

/// One request and its answer; none once the connection is over.
fn one(stream: &mut Stream, handler: &Handler) -> Option<()> {
    let mut first = String::new();
    stream.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut words = first.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let left = length.map_or(0, |(_, value)| value.parse().unwrap());
    let chunked = headers.iter().any(|(name, _)| name == "transfer-encoding");
    let mut request = Request { method, path, headers, left, stream };
    let reply = if chunked { Reply::status(411) } else { handler(&mut request) };
    let Reply::Body(status, body, extra) = reply else { return None };
    let unread = request.left > 0;
    let mut head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len());
    extra.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
    let stream = stream.get_mut();
    stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
    stream.write_all(&body).ok()?;
    stream.flush().ok()?;
    (!unread).then_some(())
}
