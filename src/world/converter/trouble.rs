//! Why Converter did not do something: what, where, what is safe and what to do next.

use super::fault::Fault;
use crate::world::soap::transport::is_busy;
use crate::world::soap::{Failed, Unreadable, Why};
use std::error::Error;

/// Why Converter did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are those of the message")]
pub enum Trouble {
    /// A password cannot be read. Names the reference, never the value.
    #[error("the {what} for {server} cannot be read")]
    Secret {
        server: String,
        what: String,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// What the server is to be known by is unusable.
    #[error("what {server} is to be known by cannot be read: {what}")]
    Trust { server: String, what: String },
    /// Another certificate than the one we know.
    #[error("{server} shows a certificate that is not trusted: {shown}")]
    Certificate { server: String, shown: String },
    /// The login is refused; nothing more is tried with this password.
    #[error("{server} refuses the login of {user}")]
    Login { server: String, user: String },
    /// No connection, or it was lost.
    #[error("{server} cannot be reached to {doing}")]
    Unreachable {
        server: String,
        doing: String,
        /// Whether it may have been done all the same.
        may_be_done: bool,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// No answer in time.
    #[error("{server} did not {doing} within {seconds} s")]
    Deadline { server: String, doing: String, seconds: u64, may_be_done: bool },
    /// It says why not.
    #[error("{server} did not {doing}")]
    Fault {
        server: String,
        doing: String,
        #[source]
        fault: Fault,
    },
    /// An answer that is none.
    #[error("the answer of {server} when asked to {doing} cannot be read: {what}")]
    Answer { server: String, doing: String, what: String },
    /// An HTTP status that is no answer.
    #[error("{server} answered the HTTP status {status} when asked to {doing}")]
    Status { server: String, doing: String, status: u16 },
    /// Converter met a certificate that the inventory does not have.
    #[error("{server} met {host} with the certificate SHA-1 {shown}, {known}")]
    Thumbprint {
        server: String,
        host: String,
        shown: String,
        /// What the inventory has, as the end of the sentence.
        known: String,
    },
    /// The source has to be rebooted before the agent works.
    #[error("{host} has to be rebooted before the Converter agent works on it")]
    Reboot { host: String },
    /// The agent cannot be put on the source.
    #[error("the Converter agent is not on {host}, and {server} cannot put it there")]
    Agent {
        server: String,
        host: String,
        #[source]
        fault: Fault,
    },
    /// There is no such job.
    #[error("{server} has no job called `{job}`")]
    NoJob { server: String, job: String },
    /// A job has our name and other settings.
    #[error("{server} has a job called `{job}` with other settings: {what}")]
    OtherJob { server: String, job: String, what: String },
    /// The job is over, so that it does nothing more.
    #[error("the job `{job}` on {server} is over, so that it cannot {doing}")]
    Over { server: String, job: String, doing: &'static str },
    /// It cannot be asked like that.
    #[error("{server} cannot be asked to {doing}: {what}")]
    Request { server: String, doing: String, what: String },
    /// A file of ours cannot be read or written.
    #[error("{what} cannot be read or written here")]
    Local {
        what: String,
        #[source]
        source: std::io::Error,
    },
    /// The vCenter cannot be asked about the target.
    #[error("the target cannot be looked at in the vCenter")]
    Target(#[source] Box<dyn Error + Send + Sync>),
}

impl From<Failed<Fault>> for Trouble {
    fn from(Failed { server, doing, why }: Failed<Fault>) -> Self {
        match why {
            Why::Secret(error) => Trouble::Secret { server, what: error.what, source: error.source },
            Why::Trust(what) => Trouble::Trust { server, what },
            Why::Certificate(shown) => Trouble::Certificate { server, shown },
            Why::Login(user) => Trouble::Login { server, user },
            Why::Unreachable { may_be_done, source } => Trouble::Unreachable { server, doing, may_be_done, source },
            Why::Deadline { seconds, may_be_done } => Trouble::Deadline { server, doing, seconds, may_be_done },
            Why::Fault(fault) => Trouble::Fault { server, doing, fault },
            Why::Answer(what) => Trouble::Answer { server, doing, what },
            Why::Status(status) => Trouble::Status { server, doing, status },
        }
    }
}

impl Trouble {
    pub(super) fn answer(server: &str, doing: &str, error: &Unreadable) -> Self {
        Failed::unreadable(server, doing, error).into()
    }

    /// The fault, if the server gave one.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Trouble::Fault { fault, .. } | Trouble::Agent { fault, .. } => Some(fault),
            _ => None,
        }
    }

    /// Whether the same attempt may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Trouble::Unreachable { .. } | Trouble::Deadline { .. } => true,
            Trouble::Status { status, .. } => is_busy(*status),
            Trouble::Fault { fault, .. } => matches!(fault, Fault::NotAuthenticated),
            _ => false,
        }
    }

    /// Whether it may have been done although we do not know it: a repetition looks first.
    pub fn may_be_done(&self) -> bool {
        match self {
            Trouble::Unreachable { may_be_done, .. } | Trouble::Deadline { may_be_done, .. } => *may_be_done,
            _ => false,
        }
    }

    /// What is safe, and what to do next, as full sentences.
    pub fn hint(&self) -> &'static str {
        match self {
            Trouble::Secret { .. } => "Put the password where the inventory says, readable by you only.",
            Trouble::Trust { .. } => {
                "Name a PEM file as `authority`, or the SHA-256 of the Converter server's own certificate as \
                 `certificate`, under `landing.converter` in the inventory."
            }
            Trouble::Certificate { .. } => {
                "Compare it with the certificate on the Converter server itself. If it is the same, write its SHA-256 \
                 as `certificate`; if not, somebody else answers. Nothing was sent."
            }
            Trouble::Login { .. } => {
                "Check user and password of `landing.converter`: an account of that Windows. No second attempt was \
                 made, so that the account is not locked. Jobs go on without us."
            }
            Trouble::Unreachable { may_be_done: true, .. } | Trouble::Deadline { may_be_done: true, .. } => {
                "It may have been done all the same, and jobs go on without us. Repeat the command: it looks before it \
                 acts, and makes no second job."
            }
            Trouble::Unreachable { .. } | Trouble::Deadline { .. } => {
                "Nothing was changed, and jobs go on without us. Check that the service `VMware vCenter Converter \
                 Standalone Server` runs and is reachable from here (TCP 443), then repeat the command."
            }
            Trouble::Fault { fault, .. } => fault.hint(),
            Trouble::Answer { .. } => {
                "Check that it is a Converter server and that no proxy stands between. Its SDK may name things \
                 differently: src/world/converter/names.rs has every name."
            }
            Trouble::Status { .. } => "The server is starting or overloaded; jobs go on. Repeat the command later.",
            Trouble::Thumbprint { .. } => {
                "Nothing was sent to that host. Read the certificate on the host itself (source: the agent's, port \
                 9089; vCenter: port 443). If it is the same, write its SHA-1 as `thumbprint` in the inventory; if \
                 not, somebody else answers."
            }
            Trouble::Reboot { .. } => {
                "Nothing was copied and nothing was rebooted. Agree on a time with the Comune, reboot the server, then \
                 give the same command again."
            }
            Trouble::Agent { .. } => {
                "Nothing was copied. Check on the source: administrator's account, TCP 445, 139 and 9089 from the \
                 Converter server, the firewall, and remote UAC for local accounts; then give the same command again."
            }
            Trouble::NoJob { .. } => {
                "Nothing is running. Somebody removed it: give the command that makes it again, and know that the \
                 first copy crosses the line once more."
            }
            Trouble::OtherJob { .. } => {
                "Nothing was changed. Look at the job in the Converter: take its settings into the inventory, or \
                 discard it, and know that the first copy then crosses the line once more."
            }
            Trouble::Over { .. } => "The source and the target are as they were. Look at what the job says last.",
            Trouble::Request { .. } => "Nothing was sent. Correct the inventory.",
            Trouble::Local { .. } => "Check the file and the space on this machine, then repeat the command.",
            Trouble::Target(_) => "Nothing was changed. Check the vCenter, then repeat the command.",
        }
    }
}
