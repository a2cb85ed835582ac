//! One HTTP/1.1 connection to WinRM, plain or over TLS with a pinned certificate.
//!
//! It is kept: NTLM logs a connection in, and not a request.

use super::crypt::{Key, md5};
use super::envelope::Body;
use super::trouble::Trouble;
use crate::model::server::WinrmAccess;
use crate::world::pin::{Fingerprint, Pinned};
use crate::world::probe::signature_algorithm;
use crate::world::vantage::{Stream, Vantage};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, USER_AGENT, WWW_AUTHENTICATE};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The largest body that is read, in bytes: several times what a host may answer.
const LARGEST_BODY: usize = 1 << 20;

/// Algorithms of signatures, as DER has their identifiers (RFC 8017, RFC 5758).
const SHA384_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c];
const SHA512_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d];
const SHA384_ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
const SHA512_ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];

/// What a request carries.
pub(super) enum Content {
    /// Nothing: a step of the login.
    Nothing,
    /// A sealed message.
    Sealed(Body),
    /// A message in clear; goes over TLS only.
    Clear(String),
}

/// What came back.
pub(super) struct Reply {
    pub(super) status: u16,
    headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn content_type(&self) -> &str {
        self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The ways of logging in that the host offers, each with what follows its name.
    pub(super) fn offers(&self) -> impl Iterator<Item = (&str, &str)> {
        let values = self.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        values.map(|value| value.trim().split_once(' ').unwrap_or((value.trim(), "")))
    }
}

/// A connection.
pub(super) struct Wire {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
    /// Over TLS: the bindings of the channel.
    channel: Option<Key>,
}

impl Wire {
    /// Connects; over HTTPS only to the host that holds the key of the pinned certificate.
    pub(super) async fn connect(from: &Vantage, access: &WinrmAccess) -> Result<Self, Trouble> {
        let stream = from.connect(&access.host, access.port).await.map_err(lost)?;
        let (sender, channel) = match &access.certificate {
            None => (speak(stream).await?, None),
            Some(pin) => {
                let stream = secure(stream, &access.host, pin).await?;
                let bindings = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).map(bindings);
                (speak(stream).await?, bindings)
            }
        };
        let host = if access.host.contains(':') { format!("[{}]", access.host) } else { access.host.clone() };
        Ok(Self { sender, authority: format!("{host}:{}", access.port), channel })
    }

    /// The address of the service.
    pub(super) fn url(&self) -> String {
        let scheme = if self.is_secure() { "https" } else { "http" };
        format!("{scheme}://{}/wsman", self.authority)
    }

    pub(super) fn is_secure(&self) -> bool {
        self.channel.is_some()
    }

    pub(super) fn channel(&self) -> Option<Key> {
        self.channel
    }

    /// Whether the host has closed it, as it does after two idle minutes.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn post(&mut self, token: Option<&str>, content: Content) -> Result<Reply, Trouble> {
        let mut request = Request::post("/wsman")
            .header(HOST, &self.authority)
            .header(USER_AGENT, concat!("traghetto/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Negotiate {token}"));
        }
        let body = match content {
            Content::Nothing => Vec::new(),
            Content::Sealed(body) => {
                request = request.header(CONTENT_TYPE, Body::content_type());
                body.into_bytes()
            }
            Content::Clear(_) if !self.is_secure() => return Err(lost("a message in clear does not go over HTTP")),
            Content::Clear(text) => {
                request = request.header(CONTENT_TYPE, "application/soap+xml;charset=UTF-8");
                text.into_bytes()
            }
        };
        let request = request.body(Full::new(Bytes::from(body))).map_err(lost)?;
        self.sender.ready().await.map_err(lost)?;
        read(self.sender.send_request(request).await.map_err(lost)?).await
    }
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
) -> Result<SendRequest<Full<Bytes>>, Trouble> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(lost)?;
    // Ends with the sender; its errors come out where a request waits.
    tokio::spawn(connection);
    Ok(sender)
}

async fn read(response: Response<hyper::body::Incoming>) -> Result<Reply, Trouble> {
    let (head, mut incoming) = response.into_parts();
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        if let Ok(data) = frame.map_err(lost)?.into_data() {
            if body.len() + data.len() > LARGEST_BODY {
                return Err(Trouble::TooLarge(LARGEST_BODY));
            }
            body.extend_from_slice(&data);
        }
    }
    Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
}

fn lost(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Trouble {
    Trouble::Lost(error.into())
}

/// Bindings of a channel to its end point (RFC 5929), as NTLM has them (MS-NLMP 3.1.5.1.2).
fn bindings(certificate: &CertificateDer<'_>) -> Key {
    let data = [&b"tls-server-end-point:"[..], &end_point(certificate)].concat();
    let length = u32::try_from(data.len()).unwrap_or_default().to_le_bytes();
    md5(&[&[0; 16], &length, &data])
}

/// The hash of a certificate by the function of its own signature; SHA-256 for what is weaker (RFC 5929, 4.1).
fn end_point(certificate: &[u8]) -> Vec<u8> {
    match signature_algorithm(certificate).unwrap_or_default() {
        SHA384_RSA | SHA384_ECDSA => Sha384::digest(certificate).to_vec(),
        SHA512_RSA | SHA512_ECDSA => Sha512::digest(certificate).to_vec(),
        _ => Sha256::digest(certificate).to_vec(),
    }
}

async fn secure(stream: Stream, host: &str, pin: &str) -> Result<TlsStream<Stream>, Trouble> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // WinRM's certificates are signed by themselves.
    let fingerprint = Fingerprint::Sha256(pin.to_ascii_lowercase());
    let pinned = Arc::new(Pinned { fingerprint, provider: provider.clone() });
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(lost)?;
    let config = config.dangerous().with_custom_certificate_verifier(pinned).with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(lost)?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(refused)
}

/// A certificate that we do not know is told by its fingerprint, for the inventory.
fn refused(error: io::Error) -> Trouble {
    let shown = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match shown {
        Some(rustls::Error::General(fingerprint)) => Trouble::Certificate(fingerprint.clone()),
        _ => lost(error),
    }
}
