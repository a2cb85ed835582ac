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
    let target = match reqwest::Url::parse(url) {
        Ok(target) if matches!(target.scheme(), "http" | "https") && target.has_host() => target,
        _ => return Err(ProbeError::Question { text: url.to_owned(), expected: "http or https URL" }),
    };
    let started = Instant::now();
    if matches!(from, Vantage::Probe(_)) {
        let Fetched { status, url, body } = within(deadline, fetch(from, target)).await?;
        return Ok(Page { status, url, body, took: started.elapsed() });
    }
    let client = client()?;
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

fn client() -> Result<reqwest::Client, ProbeError> {
    // Whoever comes second finds a provider installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::limited(REDIRECTS))
        .pool_max_idle_per_host(0)
        .user_agent(concat!("traghetto/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| ProbeError::Tool { what: "the TLS library", source: error.into() })
}
