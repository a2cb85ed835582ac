//! HTTPS: whom we trust, and what happens to a request.

pub use crate::model::vsphere::Trust;
use crate::untrusted::one_line;
use crate::world::pin::{Fingerprint, Pinned};
use reqwest::header::{HeaderValue, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Response};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The largest answer that is read, in bytes: pages are of 200 objects.
const LARGEST_ANSWER: usize = 16 << 20;

/// What a server is to be known by cannot be read.
pub(in crate::world) struct NoTrust {
    pub(in crate::world) server: String,
    pub(in crate::world) what: String,
}

/// The HTTPS client for servers that are known by `trust`.
pub(in crate::world) fn client(server: &str, trust: &Trust, root: &Path, connect: Duration) -> Result<Client, NoTrust> {
    let wrong = |what: String| NoTrust { server: server.to_owned(), what };
    let config = match trust {
        Trust::Ca(path) => {
            let path = root.join(path);
            let read = || authorities(&path).map_err(|why| wrong(format!("{}: {why}", path.display())));
            configuration()?.with_root_certificates(read()?).with_no_client_auth()
        }
        Trust::Thumbprint(text) => {
            let fingerprint = Fingerprint::read(text).filter(|one| matches!(one, Fingerprint::Sha256(_)));
            pinned(fingerprint.ok_or_else(|| wrong("the thumbprint is no SHA-256".to_owned()))?)?
        }
    };
    build(server, config, connect)
}

/// The HTTPS client for a host that the vCenter told us the fingerprint of.
pub(in crate::world) fn client_of(
    server: &str,
    fingerprint: Fingerprint,
    connect: Duration,
) -> Result<Client, NoTrust> {
    build(server, pinned(fingerprint)?, connect)
}

fn pinned(fingerprint: Fingerprint) -> Result<ClientConfig, NoTrust> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Pinned { fingerprint, provider });
    Ok(configuration()?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn configuration() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, NoTrust> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let broken = |error: rustls::Error| NoTrust { server: "TLS".to_owned(), what: error.to_string() };
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(broken)
}

fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())? {
        let certificate = certificate.map_err(|error| error.to_string())?;
        store.add(certificate).map_err(|error| error.to_string())?;
    }
    if store.is_empty() { Err("it has no certificate".to_owned()) } else { Ok(store) }
}

fn build(server: &str, config: ClientConfig, connect: Duration) -> Result<Client, NoTrust> {
    let built = Client::builder()
        .tls_backend_preconfigured(config)
        .https_only(true)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect)
        .user_agent(concat!("traghetto/", env!("CARGO_PKG_VERSION")))
        .build();
    built.map_err(|error| NoTrust { server: server.to_owned(), what: one_line(error.to_string().as_bytes()) })
}

/// Why there is no answer.
pub(in crate::world) enum Lost {
    /// The certificate is not the one we know; what is shown, or why it is refused.
    Certificate(String),
    /// Nothing was sent.
    NotSent(Box<dyn Error + Send + Sync>),
    /// It may have been sent.
    Sent(Box<dyn Error + Send + Sync>),
    /// The answer is larger than we read.
    TooLarge,
    /// It took too long.
    Late,
}

/// An answer: its status, its cookie and its body.
pub(in crate::world) struct Answer {
    pub(in crate::world) status: u16,
    pub(in crate::world) cookies: Vec<HeaderValue>,
    pub(in crate::world) body: Vec<u8>,
}

/// Whether an HTTP status says that it may be otherwise later.
pub(in crate::world) fn is_busy(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

/// Sends a request and reads its whole answer, within `limit`.
pub(in crate::world) async fn ask(request: RequestBuilder, limit: Duration) -> Result<Answer, Lost> {
    let asked = async {
        let response = request.send().await.map_err(lost)?;
        let status = response.status().as_u16();
        let cookies = response.headers().get_all(SET_COOKIE).iter().cloned().collect();
        Ok(Answer { status, cookies, body: body(response).await? })
    };
    tokio::time::timeout(limit, asked).await.unwrap_or(Err(Lost::Late))
}

async fn body(mut response: Response) -> Result<Vec<u8>, Lost> {
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(lost)? {
        if body.len() + bytes.len() > LARGEST_ANSWER {
            return Err(Lost::TooLarge);
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

/// What an error of HTTP means. Its address is left out: it may be one that is a secret.
pub(in crate::world) fn lost(error: reqwest::Error) -> Lost {
    if let Some(shown) = refused_certificate(&error) {
        return Lost::Certificate(shown);
    }
    if error.is_connect() { Lost::NotSent(error.without_url().into()) } else { Lost::Sent(error.without_url().into()) }
}

/// A certificate that is refused: its fingerprint, or what is wrong with it.
fn refused_certificate(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = error.downcast_ref::<rustls::Error>().or_else(|| inner.and_then(|one| one.downcast_ref()));
        match tls {
            Some(rustls::Error::General(fingerprint)) => return Some(format!("SHA-256 {fingerprint}")),
            Some(rustls::Error::InvalidCertificate(why)) => return Some(one_line(format!("{why}").as_bytes())),
            _ => {}
        }
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// As text of a message: a name, and its port where it is not the usual one.
pub(in crate::world) fn authority(host: &str, port: u16) -> String {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    if port == 443 { host } else { format!("{host}:{port}") }
}
