//! Whom a run tells what: receivers of notices, as `notify` of project.yaml names them.

use super::TenantId;
use super::secret::SecretRef;
use std::fmt;
use std::net::IpAddr;

/// When people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// The run waits for people: signatures on a gate, or on items of a checklist.
    Gate,
    /// A step failed.
    Failure,
    /// A copy found that the LTE backup carries.
    Lte,
    /// Half an hour is left to decide whether to go back.
    GoBack,
    /// All activities are done.
    Done,
}

impl Occasion {
    /// All of them with their words.
    pub const WORDS: [(&'static str, Occasion); 5] = [
        ("gate", Occasion::Gate),
        ("failure", Occasion::Failure),
        ("lte", Occasion::Lte),
        ("go-back", Occasion::GoBack),
        ("done", Occasion::Done),
    ];

    /// The word in YAML, JSON and the journal.
    pub fn word(self) -> &'static str {
        match self {
            Occasion::Gate => "gate",
            Occasion::Failure => "failure",
            Occasion::Lte => "lte",
            Occasion::GoBack => "go-back",
            Occasion::Done => "done",
        }
    }
}

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// When.
    pub on: Vec<Occasion>,
    /// Of which tenants; none are all.
    pub tenants: Vec<TenantId>,
    /// How.
    pub way: NoticeWay,
}

/// How a notice goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeWay {
    /// A program and its arguments, without a shell; the notice is its input, as JSON.
    Command(Vec<String>),
    /// A POST of JSON, with the token as a bearer's.
    Post {
        /// Where to.
        to: Endpoint,
        /// The token, by reference.
        token: Option<SecretRef>,
    },
}

impl Receiver {
    /// Whether it is told of `occasion` of `tenant`.
    pub fn wants(&self, occasion: Occasion, tenant: &TenantId) -> bool {
        self.on.contains(&occasion) && (self.tenants.is_empty() || self.tenants.contains(tenant))
    }

    /// What it is called in messages and in the journal: never an argument, nor what stands behind a host.
    pub fn name(&self) -> String {
        match &self.way {
            NoticeWay::Command(words) => {
                let program = words.first().map_or("", String::as_str);
                program.rsplit('/').next().unwrap_or(program).to_owned()
            }
            NoticeWay::Post { to, .. } => to.shown().to_owned(),
        }
    }
}

/// Where JSON is posted to. Its path may be as good as a password: only its host is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    shown: String,
}

impl Endpoint {
    /// Reads a URL.
    ///
    /// # Errors
    /// Why it is refused; the text is not repeated.
    pub fn new(url: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = url.split_once("://").ok_or("it is no URL")?;
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) || url.contains(['#', '\\', '"', '<', '>']) {
            return Err("it holds characters that no URL has");
        }
        if authority.contains('@') {
            return Err("it holds a user or a password");
        }
        let host = host(authority).ok_or("it names no host")?;
        match scheme {
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => return Err("it is not encrypted"),
            _ => return Err("it is neither https nor http"),
        }
        Ok(Self { url: url.to_owned(), shown: format!("{scheme}://{authority}") })
    }

    /// The whole of it, for the one who connects.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Scheme, host and port.
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.shown).finish()
    }
}

/// The host of `host:port`, `[v6]:port` or `host`.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            (host, after)
        }
        None => authority.find(':').map_or((authority, ""), |at| authority.split_at(at)),
    };
    let port = port.strip_prefix(':').map_or(port.is_empty(), |port| port.parse::<u16>().is_ok_and(|port| port > 0));
    (port && !host.is_empty()).then_some(host)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_shows_its_host_and_nothing_else() {
        let endpoint = Endpoint::new("https://chat.example:8443/hook/T0K3N?key=S3CRET").unwrap();
        assert_eq!(endpoint.shown(), "https://chat.example:8443");
        assert_eq!(endpoint.url(), "https://chat.example:8443/hook/T0K3N?key=S3CRET");
        assert_eq!(format!("{endpoint:?}"), "Endpoint(\"https://chat.example:8443\")");
        let receiver = |way| Receiver { on: vec![Occasion::Gate], tenants: Vec::new(), way };
        assert_eq!(receiver(NoticeWay::Post { to: endpoint, token: None }).name(), "https://chat.example:8443");
        let words = vec!["/usr/local/bin/sms".to_owned(), "--key=S3CRET".to_owned()];
        assert_eq!(receiver(NoticeWay::Command(words)).name(), "sms");
    }

    #[test]
    fn what_would_leak_or_leads_nowhere_is_no_endpoint() {
        for (url, why) in [
            ("https://anna:pw@chat.example/", "it holds a user or a password"),
            ("http://chat.example/hook", "it is not encrypted"),
            ("http://127.0.0.1.example/", "it is not encrypted"),
            ("ftp://chat.example/", "it is neither https nor http"),
            ("chat.example/hook", "it is no URL"),
            ("https:///hook", "it names no host"),
            ("https://chat.example:0/", "it names no host"),
            ("https://chat.example:port/", "it names no host"),
            ("https://chat.example/a b", "it holds characters that no URL has"),
            ("https://chat.example\\@evil.example/", "it holds characters that no URL has"),
        ] {
            assert_eq!(Endpoint::new(url).unwrap_err(), why, "{url}");
        }
        for url in ["http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:80/x", "https://[2001:db8::1]/"] {
            assert!(Endpoint::new(url).is_ok(), "{url}");
        }
    }
}
