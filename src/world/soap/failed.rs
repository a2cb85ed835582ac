//! Why a call was not answered as it should be, whatever the service.

use super::Unreadable;
use super::transport::{Lost, NoTrust};
use crate::world::secret;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why a call came to nothing; `F` is what the service itself says. Each service has its own words and hints for it.
#[derive(Debug)]
pub(in crate::world) struct Failed<F> {
    /// Who was asked.
    pub(in crate::world) server: String,
    /// For what, as the end of "did not …".
    pub(in crate::world) doing: String,
    pub(in crate::world) why: Why<F>,
}

/// Why.
#[derive(Debug)]
pub(in crate::world) enum Why<F> {
    /// A password cannot be read: which reference, and why.
    Secret(secret::Unreadable),
    /// What the server is to be known by is unusable.
    Trust(String),
    /// Another certificate than the one we know: what is shown.
    Certificate(String),
    /// The login of this user is refused; nothing more is tried with this password.
    Login(String),
    /// No connection, or it was lost.
    Unreachable {
        /// Whether it may have been done all the same.
        may_be_done: bool,
        source: Box<dyn Error + Send + Sync>,
    },
    /// No answer within so many seconds.
    Deadline { seconds: u64, may_be_done: bool },
    /// The service says why not.
    Fault(F),
    /// An answer that is none: what is wrong with it.
    Answer(String),
    /// An HTTP status that is no answer.
    Status(u16),
}

/// In short, for the log.
impl<F: fmt::Display> fmt::Display for Why<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Secret(error) => write!(f, "the {} cannot be read", error.what),
            Why::Trust(what) | Why::Answer(what) => f.write_str(what),
            Why::Certificate(shown) => write!(f, "it shows another certificate: {shown}"),
            Why::Login(user) => write!(f, "it refuses the login of {user}"),
            Why::Unreachable { source, .. } => write!(f, "it cannot be reached: {source}"),
            Why::Deadline { seconds, .. } => write!(f, "no answer within {seconds} s"),
            Why::Fault(fault) => fault.fmt(f),
            Why::Status(status) => write!(f, "HTTP status {status}"),
        }
    }
}

impl<F> Failed<F> {
    pub(in crate::world) fn new(server: &str, doing: &str, why: Why<F>) -> Self {
        Self { server: server.to_owned(), doing: doing.to_owned(), why }
    }

    /// The request was lost; once it was sent, what it wanted may be done where `may_be_done`.
    pub(in crate::world) fn lost(server: &str, doing: &str, lost: Lost, may_be_done: bool, limit: Duration) -> Self {
        let why = match lost {
            Lost::Certificate(shown) => Why::Certificate(shown),
            Lost::NotSent(source) => Why::Unreachable { may_be_done: false, source },
            Lost::Sent(source) => Why::Unreachable { may_be_done, source },
            Lost::TooLarge => Why::Answer("it is too large".to_owned()),
            Lost::Late => Why::Deadline { seconds: limit.as_secs(), may_be_done },
        };
        Self::new(server, doing, why)
    }

    /// The answer cannot be read.
    pub(in crate::world) fn unreadable(server: &str, doing: &str, error: &Unreadable) -> Self {
        Self::new(server, doing, Why::Answer(error.to_string()))
    }
}

impl<F> From<NoTrust> for Failed<F> {
    fn from(NoTrust { server, what }: NoTrust) -> Self {
        Self { server, doing: "connect".to_owned(), why: Why::Trust(what) }
    }
}
