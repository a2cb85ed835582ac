//! Routers that speak IOS, over SSH.
//!
//! Every call is one exchange. It may be dropped at any moment: what it did or did not do is seen
//! by the next connection, never assumed.

pub mod answer;
mod console;
mod ios;
pub mod standing;

pub use console::Console;
pub use ios::{IosRouter, Patience};

use super::ShellError;
use super::secret::Unreadable;

/// Why a router did not do what it was asked. No variant holds a secret: lines are shown with their references.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    /// The SSH session.
    #[error(transparent)]
    Shell(#[from] ShellError),
    /// The session ended under our hands.
    #[error("{router} closed the session")]
    Closed {
        /// Which router.
        router: String,
        /// Why, where the connection says it.
        #[source]
        source: Option<std::io::Error>,
    },
    /// No prompt in time.
    #[error("{router} did not answer `{command}` within {seconds} s")]
    Silent {
        /// Which router.
        router: String,
        /// What was asked, with references instead of secrets.
        command: String,
        /// The deadline.
        seconds: u64,
    },
    /// It understood and refused, or did not understand.
    #[error("{router} refuses `{command}`: {answer}")]
    Refused {
        /// Which router.
        router: String,
        /// What was asked, with references instead of secrets.
        command: String,
        /// Its words, harmless for a terminal.
        answer: String,
    },
    /// It asks something that we do not answer.
    #[error("{router} asks after `{command}`: {question}")]
    Asks {
        /// Which router.
        router: String,
        /// What was asked, with references instead of secrets.
        command: String,
        /// Its question.
        question: String,
    },
    /// It shows a prompt where another was due.
    #[error("{router} shows the prompt `{prompt}` where {wanted} was due")]
    Prompt {
        /// Which router.
        router: String,
        /// The prompt.
        prompt: String,
        /// What was due.
        wanted: &'static str,
    },
    /// A line that must not be typed on a router.
    #[error("the line `{line}` cannot be typed on {router}: {why}")]
    Unsendable {
        /// Which router.
        router: String,
        /// The line, with references instead of secrets.
        line: String,
        /// Why.
        why: &'static str,
    },
    /// A secret is not at hand.
    #[error(transparent)]
    Secret(#[from] Unreadable),
}

impl RouterError {
    /// Whether a new connection may do better without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            RouterError::Shell(error) => error.is_transient(),
            RouterError::Closed { .. } | RouterError::Silent { .. } => true,
            _ => false,
        }
    }

    /// What to do next, as a full sentence.
    pub fn hint(&self) -> String {
        match self {
            RouterError::Shell(ShellError::HostKey { .. }) => {
                "Read the fingerprint at the router's console (show crypto key mypubkey rsa, show ip ssh). If it is \
                 the same, write it as `host_key` of the router's access in the inventory; if not, somebody else answers."
                    .to_owned()
            }
            RouterError::Shell(error) => error.hint().into_owned(),
            RouterError::Closed { .. } | RouterError::Silent { .. } => {
                "Check that the router is up and reachable from here, then repeat the command.".to_owned()
            }
            RouterError::Refused { .. } | RouterError::Asks { .. } => {
                "Try the command by hand on the router: its software may not know it, or the login may not be allowed it."
                    .to_owned()
            }
            RouterError::Prompt { .. } => {
                "The login needs privilege 15, or `enable: env:NAME` beside the router's access in the inventory."
                    .to_owned()
            }
            RouterError::Unsendable { .. } => "Mend the inventory value or the template behind it.".to_owned(),
            RouterError::Secret(_) => {
                "Put the secret where the message says, in a file that only you can read or in the variable.".to_owned()
            }
        }
    }
}
