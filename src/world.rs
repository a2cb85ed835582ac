//! The world: narrow traits, and one file for each real system behind them.

pub mod probe;
pub mod ssh;

use std::future::Future;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// What a command on a host answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit status.
    pub status: u32,
    /// Bytes of standard output.
    pub stdout: Vec<u8>,
    /// Bytes of standard error.
    pub stderr: Vec<u8>,
}

/// A running command on a host, connected by its standard streams.
pub struct Pipe {
    /// Its standard input; dropped or shut down, it is closed.
    pub input: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its standard output.
    pub output: Box<dyn AsyncRead + Send + Unpin>,
    /// Its standard error.
    pub errors: Box<dyn AsyncRead + Send + Unpin>,
}

/// Why a host could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// No connection, or it was lost.
    #[error("{host} cannot be reached")]
    Unreachable {
        /// Which host.
        host: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The host key is not the one we know, or we know none.
    #[error("{host} shows the host key {fingerprint}, which {expected}")]
    HostKey {
        /// Which host.
        host: String,
        /// `SHA256:…` of the key shown.
        fingerprint: String,
        /// What was expected, as the end of the sentence.
        expected: String,
    },
    /// The host refused our login.
    #[error("{host} refuses the login of {user}")]
    Login {
        /// Which host.
        host: String,
        /// As whom.
        user: String,
    },
    /// A secret or key that the inventory refers to cannot be read.
    #[error("the {what} for {host} cannot be read")]
    Secret {
        /// Which host.
        host: String,
        /// Which secret, by its reference and never its value.
        what: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer in time.
    #[error("{host} did not answer within {seconds} s")]
    Deadline {
        /// Which host.
        host: String,
        /// The deadline.
        seconds: u64,
    },
}

/// Runs things on one host.
pub trait Shell: Send + Sync {
    /// Runs `script` with `/bin/sh -s`, fed on standard input, and waits for its end.
    fn run(&self, script: &str, deadline: Duration) -> impl Future<Output = Result<Output, ShellError>> + Send;

    /// Starts `command` and connects to its streams; its end is the end of `output`.
    fn open(&self, command: &str) -> impl Future<Output = Result<Pipe, ShellError>> + Send;
}
