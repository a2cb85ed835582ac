//! Why an SSH connection failed, and what callers see of it.

use super::purpose::only_legacy;
use crate::untrusted::printable;
use crate::world::ShellError;
use russh::AlgorithmKind;

/// Why a connection failed or ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The protocol's own reasons.
    #[error("{}", reason(.0))]
    Protocol(russh::Error),
    /// The TCP connection could not be made.
    #[error("{0}")]
    Tcp(std::io::Error),
    /// The jump host does not connect us.
    #[error("the jump host {jump} cannot connect to it")]
    Jump {
        /// Which jump host.
        jump: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The host key is refused.
    #[error("the host key {fingerprint} {expected}")]
    HostKey {
        /// `SHA256:…` of the key shown.
        fingerprint: String,
        /// End of the sentence of `ShellError::HostKey`.
        expected: String,
    },
    /// The host said good-bye.
    #[error("the host closed the connection: {0}")]
    Closed(String),
}

// By hand: the words of `reason` say it all, and a source would say it again.
impl From<russh::Error> for Trouble {
    fn from(error: russh::Error) -> Self {
        Trouble::Protocol(error)
    }
}

/// The protocol's reasons in words.
fn reason(error: &russh::Error) -> String {
    match error {
        russh::Error::KeepaliveTimeout => "it gave no sign of life for 30 s".to_owned(),
        russh::Error::HUP | russh::Error::Disconnect | russh::Error::SendError | russh::Error::RecvError => {
            "the connection was closed".to_owned()
        }
        russh::Error::Version => "it does not speak SSH 2".to_owned(),
        russh::Error::IO(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the connection was closed".to_owned()
        }
        other => printable(&other.to_string()),
    }
}

impl Trouble {
    /// The failure as callers see it.
    pub(super) fn at(self, host: &str) -> ShellError {
        let host = host.to_owned();
        match self {
            Trouble::HostKey { fingerprint, expected } => ShellError::HostKey { host, fingerprint, expected },
            Trouble::Protocol(russh::Error::NoCommonAlgo { kind, theirs, .. }) => {
                let what = match kind {
                    AlgorithmKind::Kex => "key exchange",
                    AlgorithmKind::Key => "host keys",
                    AlgorithmKind::Cipher => "encryption",
                    AlgorithmKind::Compression => "compression",
                    AlgorithmKind::Mac => "integrity",
                };
                ShellError::Algorithms {
                    host,
                    what,
                    theirs: printable(&theirs.join(", ")),
                    legacy: only_legacy(&theirs),
                }
            }
            other => ShellError::Unreachable { host, source: Box::new(other) },
        }
    }

    /// Whether asking for another kind of host key may help.
    pub(super) fn is_about_host_key(&self) -> bool {
        matches!(
            self,
            Trouble::HostKey { .. } | Trouble::Protocol(russh::Error::NoCommonAlgo { kind: AlgorithmKind::Key, .. })
        )
    }
}
