//! Why a Windows could not be asked over WinRM, and what to do next.

use super::envelope::EnvelopeError;
use super::ntlm::NtlmError;
use super::seal::WrongSignature;
use super::soap::Fault;

/// Why a Windows could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// No connection, or it was lost.
    #[error("the connection failed")]
    Lost(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The certificate over HTTPS is not the one that the inventory has.
    #[error("it shows the certificate {0}, which the inventory does not have")]
    Certificate(String),
    /// It offers no login that can seal.
    #[error("it offers no NTLM login (it offers {0}), and without it no message can be sealed")]
    NoNegotiate(String),
    /// The login breaks off.
    #[error("the login cannot be sealed")]
    Handshake(#[from] NtlmError),
    /// The account or its password is refused.
    #[error("the login is refused")]
    Login,
    /// The answer is not sealed as it must be.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Somebody changed an answer, or one is missing.
    #[error(transparent)]
    Signature(#[from] WrongSignature),
    /// The host refuses what it was asked.
    #[error("{request} failed")]
    Fault {
        /// What it was asked.
        request: &'static str,
        /// What it says.
        #[source]
        fault: Fault,
    },
    /// An HTTP status that is no answer.
    #[error("{request} was answered with the HTTP status {status}")]
    Status {
        /// What it was asked.
        request: &'static str,
        /// The status.
        status: u16,
    },
    /// An answer larger than we asked for.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The operating system gives no random numbers.
    #[error("this machine gives no random numbers")]
    Random(#[source] getrandom::Error),
    /// A script is to run over SSH only.
    #[error("WinRM carries no streams, only whole scripts")]
    NoStreams,
}

impl Trouble {
    /// Whether the same attempt may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Trouble::Lost(_) | Trouble::Fault { fault: Fault::TimedOut | Fault::Quota(_), .. })
    }

    /// What to do next, as a full sentence.
    pub fn hint(&self) -> &'static str {
        match self {
            Trouble::Lost(_) => {
                "Check that the host is on and its firewall lets us in; `winrm quickconfig` at its console starts WinRM."
            }
            Trouble::Certificate(_) => {
                "If this is the host's certificate, write it as `certificate` of the access; if not, somebody else answers."
            }
            Trouble::NoNegotiate(_) | Trouble::Handshake(_) | Trouble::Envelope(_) => {
                "Nothing was sent in clear. Enable NTLM with sealing at the host's console: `winrm set \
                 winrm/config/service/auth @{Negotiate=\"true\"}`, and do not let a proxy stand between."
            }
            Trouble::Login => {
                "Check `user` and `password` of the access. The account must be an administrator of the host; a local \
                 one other than Administrator also needs LocalAccountTokenFilterPolicy=1 on it."
            }
            Trouble::Signature(_) => "Somebody on the way may be changing messages: find out who before you repeat it.",
            Trouble::Fault { fault: Fault::Quota(_), .. } => {
                "Shells of others are open, or were left: wait for them to end, or restart the service WinRM on the host."
            }
            Trouble::Fault { fault: Fault::AccessDenied(_), .. } => {
                "Take an account that is an administrator of the host."
            }
            Trouble::Fault { .. } | Trouble::Status { .. } | Trouble::TooLarge(_) => {
                "Look at the event log Microsoft-Windows-WinRM/Operational on the host, then repeat the command."
            }
            Trouble::Random(_) => "Repair this machine.",
            Trouble::NoStreams => "Give the server an access over SSH for this.",
        }
    }
}
