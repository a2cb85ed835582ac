//! HTTP GET with verified TLS.

use super::fetch::{Fetched, LONGEST_BODY, REDIRECTS, fetch};
use super::{ProbeError, Vantage, within};
use std::time::{Duration, Instant};

/// An answer to a GET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Status, after redirects.
    pub status: u16,
    /// URL that gave it.
    pub url: String,
    /// Start of the body, at most 64 KiB.
    pub body: Vec<u8>,
    /// Time until the body was read.
    pub took: Duration,
}

/// Fetches `url` directly (no proxy of the environment), following up to five redirects. TLS is
/// verified against the authorities of this machine, wherever the question goes out from.
///
/// # Errors
/// [`ProbeError`]; any status is an answer.
pub async fn http(from: &Vantage, url: &str, deadline: Duration) -> Result<Page, ProbeError> {
    let target = web(url)?;
    if matches!(from, Vantage::Probe(_)) {
        let started = Instant::now();
        let Fetched { status, url, body } = within(deadline, fetch(from, target)).await?;
        return Ok(Page { status, url, body, took: started.elapsed() });
    }
    get(url, target, reqwest::redirect::Policy::limited(REDIRECTS), deadline).await
}

/// The same from this machine, as it is answered: an answer that sends on is the page.
///
/// # Errors
/// [`ProbeError`]; any status is an answer.
pub async fn http_as_is(url: &str, deadline: Duration) -> Result<Page, ProbeError> {
    get(url, web(url)?, reqwest::redirect::Policy::none(), deadline).await
}

fn web(url: &str) -> Result<reqwest::Url, ProbeError> {
    match reqwest::Url::parse(url) {
        Ok(target) if matches!(target.scheme(), "http" | "https") && target.has_host() => Ok(target),
        _ => Err(ProbeError::Question { text: url.to_owned(), expected: "http or https URL" }),
    }
}

async fn get(
    url: &str,
    target: reqwest::Url,
    redirects: reqwest::redirect::Policy,
    deadline: Duration,
) -> Result<Page, ProbeError> {
    let (client, started) = (client(redirects)?, Instant::now());
    within(deadline, async {
        let broken = |error: reqwest::Error| ProbeError::unreachable(url, error.without_url());
        let mut response = client.get(target).send().await.map_err(broken)?;
        let mut body = Vec::new();
        while body.len() < LONGEST_BODY {
            match response.chunk().await.map_err(broken)? {
                Some(chunk) => body.extend_from_slice(&chunk[..chunk.len().min(LONGEST_BODY - body.len())]),
                None => break,
            }
        }
        Ok(Page { status: response.status().as_u16(), url: response.url().to_string(), body, took: started.elapsed() })
    })
    .await
}

fn client(redirects: reqwest::redirect::Policy) -> Result<reqwest::Client, ProbeError> {
    // Whoever comes second finds a provider installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(redirects)
        .pool_max_idle_per_host(0)
        .user_agent(concat!("traghetto/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| ProbeError::Tool { what: "the TLS library", source: error.into() })
}
