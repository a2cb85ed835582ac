//! Why a host does not do what it was asked.

/// Why a host does not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing to tell yet: ask again.
    #[error("it had nothing to say in time")]
    TimedOut,
    /// A limit of WinRM is reached: shells of a user, processes of a shell, memory.
    #[error("a limit of WinRM is reached: {0}")]
    Quota(String),
    /// The account may not do this.
    #[error("the account is not allowed to: {0}")]
    AccessDenied(String),
    /// The shell is no longer there.
    #[error("the shell is gone: {0}")]
    ShellGone(String),
    /// A message is larger than the host takes.
    #[error("a message is larger than the host takes: {0}")]
    TooLarge(String),
    /// Anything else that the host says.
    #[error("{text} (code {code})")]
    Other {
        /// Code of Windows or of SOAP.
        code: String,
        /// In the host's words.
        text: String,
    },
    /// The answer makes no sense.
    #[error("the answer makes no sense ({0})")]
    Malformed(&'static str),
}
