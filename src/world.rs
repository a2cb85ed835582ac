//! The world: narrow traits, and one file for each real system behind them.

pub mod converter;
pub mod host;
pub mod notify;
pub mod pin;
pub mod powershell;
pub mod probe;
pub mod router;
pub mod secret;
pub mod signer;
pub mod soap;
pub mod ssh;
pub mod vantage;
pub mod vsphere;
pub mod winrm;

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
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

/// How a command ended: its exit status, or why there is none (killed, connection lost).
pub type Exit = Pin<Box<dyn Future<Output = Result<u32, ShellError>> + Send>>;

/// A running command on a host, connected by its standard streams.
///
/// Read and write from different tasks, and read what you keep: every stream has bounded buffers,
/// and the one that nobody reads stops the others. What is dropped is discarded. Once `output` and
/// `exit` are both dropped the command is given up: it gets SIGKILL where the host allows it (OpenSSH
/// does not for root), and its channel is closed.
pub struct Pipe {
    /// Its standard input; dropped or shut down, it is closed, and the other streams go on.
    pub input: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its standard output. End of file only if the host said so: a lost connection is an error.
    pub output: Box<dyn AsyncRead + Send + Unpin>,
    /// Its standard error.
    pub errors: Box<dyn AsyncRead + Send + Unpin>,
    /// Its end. Only a status of 0 here, after the end of `output`, means that all went well.
    pub exit: Exit,
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
    #[error("{host} refuses the login of {user}: {reason}")]
    Login {
        /// Which host.
        host: String,
        /// As whom.
        user: String,
        /// What was tried and what the host would take; never a secret.
        reason: String,
    },
    /// We and the host know no algorithm in common.
    #[error("{host} and traghetto share no algorithm for {what}; it offers {theirs}")]
    Algorithms {
        /// Which host.
        host: String,
        /// What the algorithm is for.
        what: &'static str,
        /// What the host offers.
        theirs: String,
        /// Those of it that `ssh_profile: legacy` takes.
        legacy: Vec<String>,
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
    /// The host does not run the command: a forced command, or no more sessions.
    #[error("{host} does not let us run a command")]
    Refused {
        /// Which host.
        host: String,
    },
    /// The command was killed on the host.
    #[error("the command on {host} was killed by signal {signal}")]
    Killed {
        /// Which host.
        host: String,
        /// Name of the signal, without `SIG`.
        signal: String,
    },
    /// The command printed more than we keep in memory.
    #[error("the command on {host} printed more than {limit} bytes")]
    TooMuch {
        /// Which host.
        host: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// WinRM does not do what it should.
    #[error("{host} cannot be asked over WinRM")]
    Winrm {
        /// Which host.
        host: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
        /// Whether it may pass by itself.
        transient: bool,
        /// What to do next, as a full sentence.
        hint: &'static str,
    },
    /// No answer in time.
    #[error("{host} did not answer within {seconds} s")]
    Deadline {
        /// Which host.
        host: String,
        /// The deadline.
        seconds: u64,
        /// What it had printed until then.
        printed: Vec<u8>,
    },
}

impl ShellError {
    /// Whether the same attempt may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            ShellError::Unreachable { .. } | ShellError::Deadline { .. } => true,
            ShellError::Winrm { transient, .. } => *transient,
            _ => false,
        }
    }

    /// What to do next, as a full sentence.
    pub fn hint(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            ShellError::Algorithms { what, theirs, legacy, .. } => {
                return missing_algorithms(what, theirs, legacy).into();
            }
            ShellError::Unreachable { .. } | ShellError::Deadline { .. } => {
                "Check that the host is on and reachable from here, then repeat the command."
            }
            ShellError::HostKey { .. } => {
                "Read the fingerprint at the host's console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub). If it \
                 is the same, write it as `host_key` of the access in the inventory; if not, somebody else answers."
            }
            ShellError::Login { .. } => "Check `user` and `key`, `agent` or `password` of the access in the inventory.",
            ShellError::Secret { .. } => "Put the secret where the inventory says, readable by you only.",
            ShellError::Refused { .. } => {
                "Look for ForceCommand, `command=` in authorized_keys and MaxSessions on the host."
            }
            ShellError::Killed { .. } => "Look for the out-of-memory killer in the host's kernel log.",
            ShellError::Winrm { hint, .. } => hint,
            ShellError::TooMuch { .. } => "Look at what the host prints at login: a profile may be writing.",
        })
    }
}

/// What to do where a host and we share no algorithm for `what`.
fn missing_algorithms(what: &str, theirs: &str, legacy: &[String]) -> String {
    if legacy.is_empty() {
        return format!(
            "The host offers for {what} only what traghetto does not know: {theirs}. Enable another on it."
        );
    }
    format!(
        "For {what} the host knows only old algorithms ({}). If it cannot be taught better, write `ssh_profile: \
         legacy` into its access in the inventory, with its `host_key`.",
        legacy.join(", ")
    )
}

/// Runs things on one host.
pub trait Shell: Send + Sync {
    /// Runs `script`, fed on standard input, and waits for its end: with `/bin/sh -s`, or with
    /// PowerShell where the session is one of a Windows.
    fn run(&self, script: &str, deadline: Duration) -> impl Future<Output = Result<Output, ShellError>> + Send;

    /// Starts `command` (read by the login shell) and connects to its streams.
    fn open(&self, command: &str) -> impl Future<Output = Result<Pipe, ShellError>> + Send;
}
