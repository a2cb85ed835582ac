//! HTTP GET over connections of our own: the client library makes its own ones, and none through a
//! probe machine.

use super::{ProbeError, Stream, Vantage, connect};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST, LOCATION, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::error::Error;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

type Broken = Box<dyn Error + Send + Sync>;

/// The most of a body that is read, in bytes.
pub(super) const LONGEST_BODY: usize = 64 << 10;
/// Redirects that are followed.
pub(super) const REDIRECTS: usize = 5;

/// An answer.
pub(super) struct Fetched {
    pub(super) status: u16,
    pub(super) url: String,
    pub(super) body: Vec<u8>,
}

/// Fetches `target`, following redirects.
pub(super) async fn fetch(from: &Vantage, mut target: Url) -> Result<Fetched, ProbeError> {
    for _ in 0..=REDIRECTS {
        let name = shown(&target);
        let (host, port) = place(&target).ok_or_else(|| no_url(&target))?;
        let stream = connect(from, &host, port, &name).await?;
        let broken = |error: Broken| ProbeError::unreachable(&name, error);
        let response = match target.scheme() {
            "https" => ask(secure(stream, &host).await.map_err(broken)?, &target).await,
            _ => ask(stream, &target).await,
        };
        let response = response.map_err(broken)?;
        match next(&target, &response) {
            Some(next) if matches!(next.scheme(), "http" | "https") => target = next,
            Some(next) => return Err(no_url(&next)),
            None => return page(&target, response).await.map_err(broken),
        }
    }
    Err(ProbeError::unreachable(shown(&target), "it redirects too often"))
}

fn no_url(target: &Url) -> ProbeError {
    ProbeError::Question { text: shown(target), expected: "http or https URL" }
}

/// An address as it may be shown: without a login.
fn shown(target: &Url) -> String {
    let mut plain = target.clone();
    // Neither fails where the scheme is of the web; what fails has no login.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    plain.to_string()
}

fn place(target: &Url) -> Option<(String, u16)> {
    let host = target.host_str()?.trim_matches(['[', ']']).to_owned();
    Some((host, target.port_or_known_default()?))
}

async fn secure(stream: Stream, host: &str) -> Result<Stream, Broken> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = builder.with_platform_verifier()?.with_no_client_auth();
    let name = ServerName::try_from(host.to_owned())?;
    Ok(Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
}

async fn ask(stream: Stream, target: &Url) -> Result<Response<Incoming>, Broken> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the sender; its errors come out where the answer is read.
    tokio::spawn(connection);
    let host = target.host_str().unwrap_or_default();
    let host = target.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let path = target.query().map_or_else(|| target.path().to_owned(), |query| format!("{}?{query}", target.path()));
    let agent = concat!("traghetto/", env!("CARGO_PKG_VERSION"));
    let mut request = Request::get(path).header(HOST, host).header(USER_AGENT, agent);
    if let Some(login) = login(target) {
        request = request.header(AUTHORIZATION, login);
    }
    Ok(sender.send_request(request.body(Empty::<Bytes>::new())?).await?)
}

/// The login in an address, as the client library sends it.
fn login(target: &Url) -> Option<String> {
    if target.username().is_empty() && target.password().is_none() {
        return None;
    }
    let (user, word) = (unescaped(target.username()), unescaped(target.password().unwrap_or_default()));
    Some(format!("Basic {}", STANDARD.encode([user.as_slice(), b":", &word].concat())))
}

/// A part of an address without its `%20` and the like.
fn unescaped(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        let digits = || std::str::from_utf8(after.get(..2)?).ok();
        let byte = || u8::from_str_radix(digits()?, 16).ok();
        let escaped = if *first == b'%' { byte() } else { None };
        rest = if escaped.is_some() { &after[2..] } else { after };
        bytes.push(escaped.unwrap_or(*first));
    }
    bytes
}

/// Where an answer sends us, if it does.
fn next(target: &Url, response: &Response<Incoming>) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    target.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

async fn page(target: &Url, response: Response<Incoming>) -> Result<Fetched, Broken> {
    let (head, mut incoming) = response.into_parts();
    let mut body = Vec::new();
    while body.len() < LONGEST_BODY {
        let Some(frame) = incoming.frame().await else { break };
        if let Ok(data) = frame?.into_data() {
            body.extend_from_slice(&data[..data.len().min(LONGEST_BODY - body.len())]);
        }
    }
    Ok(Fetched { status: head.status.as_u16(), url: target.to_string(), body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_goes_along_and_is_never_shown() {
        let of = |text: &str| login(&Url::parse(text).unwrap());
        assert_eq!(of("http://copy.example/x"), None);
        // `printf 'ut@nte:pa:s%' | base64`
        let target = "http://ut%40nte:pa%3As%25@copy.example/x";
        assert_eq!(of(target).as_deref(), Some("Basic dXRAbnRlOnBhOnMl"));
        assert_eq!(shown(&Url::parse(target).unwrap()), "http://copy.example/x");
        assert_eq!(unescaped("100%+%4"), b"100%+%4");
    }
}
