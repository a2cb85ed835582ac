//! Why a vCenter did not do something: what, where, and what to do next.

use super::reading::{Fault, Unreadable};
use crate::world::soap::transport::is_busy;
use crate::world::soap::{Failed, Why};
use std::error::Error;

/// Why a vCenter did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are those of the message")]
pub enum Trouble {
    /// The password cannot be read. Names the reference, never the value.
    #[error("the {what} for {server} cannot be read")]
    Secret {
        server: String,
        what: String,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The file of the certificate authority, or the thumbprint, is none.
    #[error("what {server} is to be known by cannot be read: {what}")]
    Trust { server: String, what: String },
    /// Another certificate than the one we know.
    #[error("{server} shows a certificate that is not trusted: {shown}")]
    Certificate { server: String, shown: String },
    /// It is no vCenter of a version that we know.
    #[error("{server} is {what}")]
    Version { server: String, what: String },
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
    /// A task goes on after the time that it was given.
    #[error("{server} did not {doing} within {seconds} s; its task {task} goes on{question}")]
    TaskDeadline {
        server: String,
        doing: String,
        seconds: u64,
        task: String,
        /// What the machine asks, or nothing.
        question: String,
    },
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
    /// Something is not in the inventory.
    #[error("{path} is not in the inventory of {server}; {there}")]
    NotFound { server: String, path: String, there: String },
    /// Something else has the name.
    #[error("{path} on {server} is there already, and {what}")]
    Taken { server: String, path: String, what: String },
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
            Trouble::Fault { fault, .. } => Some(fault),
            _ => None,
        }
    }

    /// Whether the same attempt may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Trouble::Unreachable { .. } | Trouble::Deadline { .. } => true,
            Trouble::Status { status, .. } => is_busy(*status),
            Trouble::Fault { fault, .. } => fault.is_transient(),
            _ => false,
        }
    }

    /// Whether it may have been done although we do not know it: look before you repeat it.
    pub fn may_be_done(&self) -> bool {
        match self {
            Trouble::Unreachable { may_be_done, .. } | Trouble::Deadline { may_be_done, .. } => *may_be_done,
            Trouble::TaskDeadline { .. } => true,
            _ => false,
        }
    }

    /// What to do next, as full sentences.
    pub fn hint(&self) -> &'static str {
        match self {
            Trouble::Secret { .. } => "Put the password where the inventory says, readable by you only.",
            Trouble::Trust { .. } => {
                "Name a PEM file with the certificate of the authority (download it at https://VCENTER/certs/download.zip), \
                 or the SHA-256 thumbprint of the vCenter's own certificate."
            }
            Trouble::Certificate { .. } => {
                "Compare it with the certificate at the vCenter's console. If it is the same, write its SHA-256 as the \
                 thumbprint; if not, somebody else answers. Nothing was sent."
            }
            Trouble::Version { .. } => "Take a vCenter of version 6.5 or later.",
            Trouble::Login { .. } => {
                "Check user (NAME@DOMAIN) and password. No second attempt was made, so that the account is not locked."
            }
            Trouble::Unreachable { may_be_done: true, .. } | Trouble::Deadline { may_be_done: true, .. } => {
                "It may have been done all the same. Repeat the command: it looks before it acts."
            }
            Trouble::Unreachable { .. } | Trouble::Deadline { .. } => {
                "Check that the vCenter is on and reachable from here (TCP 443), then repeat the command."
            }
            Trouble::TaskDeadline { .. } => {
                "Look at the task in the vCenter, answer what the machine asks, and repeat the command: it looks before \
                 it acts."
            }
            Trouble::Fault { fault, .. } => fault_hint(fault),
            Trouble::Answer { .. } => "Check that it is a vCenter and that no proxy stands between.",
            Trouble::Status { status: 503, .. } => "The vCenter is starting or overloaded: repeat the command later.",
            Trouble::Status { status: 401 | 403, .. } => {
                "Give the account the privileges Datastore.FileManagement and Datastore.Browse on the datastore."
            }
            Trouble::Status { .. } => "Look at the log of the vCenter or of the host that took the transfer.",
            Trouble::NotFound { .. } => "Check the path; names with a slash are written with %2f.",
            Trouble::Taken { .. } => {
                "Choose another name, or remove what has it by hand: traghetto removes only what is its own."
            }
            Trouble::Request { .. } => "Correct the inventory.",
            Trouble::Local { .. } => "Check the file and the space on this machine.",
        }
    }
}

fn fault_hint(fault: &Fault) -> &'static str {
    match fault {
        Fault::NotAuthenticated => {
            "The session ended twice in a row: look for a limit of sessions, or for somebody who ends them."
        }
        Fault::InvalidLogin => "Check user and password.",
        Fault::NoPermission { .. } => {
            "Give the account this privilege on this object, or on one above it, in the vCenter."
        }
        Fault::DuplicateName { .. } | Fault::AlreadyExists { .. } | Fault::FileAlreadyExists { .. } => {
            "Look at what has the name; rename or remove it by hand, or choose another name."
        }
        Fault::FileNotFound { .. } => {
            "Check that the file is on the datastore, and that the host mounts the export that it is in."
        }
        Fault::FileLocked { .. } => {
            "Find the machine that has the file open (vmkfstools -D on the host) and turn it off."
        }
        Fault::NoDiskSpace { .. } => "Make room on the datastore, then repeat the command.",
        Fault::InvalidPowerState { .. } => "Somebody turned the machine on or off meanwhile: look at it first.",
        Fault::ResourceInUse { .. } => "Find out what uses it (machines, files, other hosts) and end that first.",
        Fault::HostConnect { .. } => "Look at the host in the vCenter: reconnect it, then repeat the command.",
        Fault::NotSupported { .. } => {
            "Check the edition and the licence of the vCenter; without Storage vMotion a machine moves while it is off."
        }
        Fault::InsufficientResources { .. } => {
            "Give the pool or the host more room, or the machine less, then repeat the command."
        }
        Fault::TaskInProgress { .. } => "Wait for the other task to end, then repeat the command.",
        Fault::ManagedObjectNotFound { .. } => "Somebody removed it: repeat the command, which looks anew.",
        Fault::ToolsUnavailable => "Turn the guest off from inside, or turn the power off.",
        Fault::RequestCanceled => "Ask who cancelled it, then repeat the command.",
        Fault::Other { .. } => "Look at the task and the events of the object in the vCenter.",
    }
}
