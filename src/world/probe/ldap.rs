//! What a directory server says of itself without a login: its root DSE.

use super::bytes::Malformed;
use super::ldap_message::{self as message, Response};
use super::{ProbeError, Vantage, ber, connect, seconds_now, within};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The port of directory servers.
pub const PORT: u16 = 389;

/// What is asked for: what says who the server is, whether it is ready, and how far it has come.
const ATTRIBUTES: [&str; 8] = [
    "currentTime",
    "defaultNamingContext",
    "dnsHostName",
    "domainFunctionality",
    "dsServiceName",
    "highestCommittedUSN",
    "isGlobalCatalogReady",
    "isSynchronized",
];

/// A root DSE.
#[derive(Debug, Clone, PartialEq)]
pub struct RootDse {
    attributes: Vec<(String, Vec<String>)>,
    /// Seconds between its clock and ours, whichever is ahead.
    pub skew: Option<f64>,
    /// Time until the answer.
    pub took: Duration,
}

impl RootDse {
    /// The first value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, values) = self.attributes.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        values.first().map(String::as_str)
    }

    /// The DNS name of its domain: `cinto.lan` of `DC=cinto,DC=lan`.
    pub fn domain(&self) -> Option<String> {
        let parts = self.get("defaultNamingContext")?.split(',').map(str::trim);
        let labels: Option<Vec<&str>> = parts
            .map(|part| {
                part.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("dc")).map(|(_, label)| label)
            })
            .collect();
        labels.map(|labels| labels.join(".").to_lowercase())
    }

    /// The attributes as text, one value a line.
    pub fn text(&self) -> String {
        let values = self.attributes.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        values.map(|(name, value)| format!("{name}: {value}\n")).collect()
    }
}

/// Asks the directory server of `host` for its root DSE, without a login.
///
/// # Errors
/// [`ProbeError`]; that it refuses to say is nonsense, too: every server must.
pub async fn ldap(from: &Vantage, host: &str, port: u16, deadline: Duration) -> Result<RootDse, ProbeError> {
    let target = format!("{host} port {port}");
    let nonsense = |error: Malformed| ProbeError::nonsense(&target, error);
    let started = Instant::now();
    let response = within(deadline, async {
        let unreachable = |error| ProbeError::unreachable(&target, error);
        let mut stream = connect(from, host, port, &target).await?;
        stream.write_all(&message::question(&ATTRIBUTES)).await.map_err(unreachable)?;
        let mut bytes = Vec::new();
        loop {
            if stream.read_buf(&mut bytes).await.map_err(unreachable)? == 0 {
                return Err(nonsense(Malformed("it hung up before the end of its answer")));
            }
            if let Some(response) = message::answer(&bytes).map_err(nonsense)? {
                return Ok(response);
            }
            if bytes.len() > message::LONGEST {
                return Err(nonsense(Malformed("the answer has no end")));
            }
        }
    })
    .await?;
    let took = started.elapsed();
    let Response { code, attributes } = response;
    if code != 0 {
        return Err(ProbeError::nonsense(&target, format!("it refuses to say who it is (result code {code})")));
    }
    let mut found = RootDse { attributes, skew: None, took };
    found.skew = found.get("currentTime").and_then(|text| ber::time(text.as_bytes())).map(clock_skew);
    Ok(found)
}

/// Seconds between a clock that shows whole seconds and ours.
pub(super) fn clock_skew(theirs: i64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    let theirs = theirs as f64;
    let ahead = theirs - seconds_now();
    // The second that it shows has just begun, or is nearly over.
    if ahead > 0.0 { ahead } else { (-ahead - 1.0).max(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_read_from_the_naming_context() {
        let root = |context: &str| RootDse {
            attributes: vec![("defaultnamingcontext".into(), vec![context.into()])],
            skew: None,
            took: Duration::ZERO,
        };
        assert_eq!(root("DC=Cinto, DC=lan").domain().as_deref(), Some("cinto.lan"));
        assert_eq!(root("o=cinto").domain(), None);
        assert_eq!(root("").domain(), None);
    }
}
