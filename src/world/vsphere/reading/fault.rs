//! Faults: what the server says when it does not do something.

use super::super::wire::Moref;
use crate::untrusted::one_line;
use crate::world::soap::Element;

/// A fault. Everything in it is the server's text, on one line and without what a terminal would obey.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are those of the message")]
pub enum Fault {
    /// The session has ended.
    #[error("the session has ended")]
    NotAuthenticated,
    /// The account or its password is refused.
    #[error("the account or its password is refused")]
    InvalidLogin,
    /// A privilege is missing.
    #[error("the account has not the privilege {privilege} on {object}")]
    NoPermission { privilege: String, object: String },
    /// The name is taken.
    #[error("the name {name} is taken by {object}")]
    DuplicateName { name: String, object: String },
    /// It is there already.
    #[error("{name} is there already")]
    AlreadyExists { name: String },
    /// A file is not there.
    #[error("the file {file} is not there")]
    FileNotFound { file: String },
    /// A file is there already.
    #[error("the file {file} is there already")]
    FileAlreadyExists { file: String },
    /// A file is locked by another machine or host.
    #[error("the file {file} is locked")]
    FileLocked { file: String },
    /// The datastore is full.
    #[error("the datastore {datastore} is full")]
    NoDiskSpace { datastore: String },
    /// The machine is on or off and would have to be the other.
    #[error("the machine is {existing} and would have to be {requested}")]
    InvalidPowerState { existing: String, requested: String },
    /// Something uses it.
    #[error("{kind} {name} is in use")]
    ResourceInUse { kind: String, name: String },
    /// The host does not answer the vCenter.
    #[error("the vCenter does not reach the host ({kind}: {message})")]
    HostConnect { kind: String, message: String },
    /// This vCenter or its licence does not do that.
    #[error("this is not supported ({kind}: {message})")]
    NotSupported { kind: String, message: String },
    /// Processors, memory or failover capacity is missing.
    #[error("there are not enough resources ({kind}: {message})")]
    InsufficientResources { kind: String, message: String },
    /// Another task works on it.
    #[error("another task works on it ({task})")]
    TaskInProgress { task: String },
    /// The object is gone.
    #[error("{object} is gone")]
    ManagedObjectNotFound { object: String },
    /// VMware Tools do not run in the guest.
    #[error("VMware Tools do not run in the guest")]
    ToolsUnavailable,
    /// Somebody cancelled the task.
    #[error("somebody cancelled the task")]
    RequestCanceled,
    /// Another one.
    #[error("{kind}: {message}")]
    Other { kind: String, message: String },
}

/// What tells that a host does not answer.
const HOST_FAULTS: [&str; 10] = [
    "HostConnectFault",
    "HostCommunication",
    "HostNotConnected",
    "HostNotReachable",
    "NoHost",
    "SSLVerifyFault",
    "SSLDisabledFault",
    "AgentInstallFailed",
    "NotSupportedHost",
    "TooManyHosts",
];

impl Fault {
    /// Reads a fault: its element, which has the type, and its message.
    pub(in crate::world::vsphere) fn read(fault: &Element, message: &str) -> Self {
        let text = |name| one_line(fault.word(name).as_bytes());
        let object = |name| fault.get(name).map_or_else(String::new, named);
        let kind = kind_of(fault);
        let message = one_line(message.as_bytes());
        match kind.as_str() {
            "NotAuthenticated" => Fault::NotAuthenticated,
            "InvalidLogin" => Fault::InvalidLogin,
            "NoPermission" => Fault::NoPermission { privilege: text("privilegeId"), object: object("object") },
            "DuplicateName" => Fault::DuplicateName { name: text("name"), object: object("object") },
            "AlreadyExists" => Fault::AlreadyExists { name: text("name") },
            "FileNotFound" => Fault::FileNotFound { file: text("file") },
            "FileAlreadyExists" => Fault::FileAlreadyExists { file: text("file") },
            "FileLocked" => Fault::FileLocked { file: text("file") },
            "NoDiskSpace" => Fault::NoDiskSpace { datastore: text("datastore") },
            "InvalidPowerState" => {
                Fault::InvalidPowerState { existing: text("existingState"), requested: text("requestedState") }
            }
            "ResourceInUse" => Fault::ResourceInUse { kind: text("type"), name: text("name") },
            "NotSupported" | "NotImplemented" | "MethodNotFound" | "RestrictedVersion" | "LicenseRestricted" => {
                Fault::NotSupported { kind, message }
            }
            "TaskInProgress" => Fault::TaskInProgress { task: object("task") },
            "ManagedObjectNotFound" => Fault::ManagedObjectNotFound { object: object("obj") },
            "ToolsUnavailable" => Fault::ToolsUnavailable,
            "RequestCanceled" => Fault::RequestCanceled,
            host if HOST_FAULTS.contains(&host) => Fault::HostConnect { kind, message },
            short if short.starts_with("Insufficient") => Fault::InsufficientResources { kind, message },
            _ => Fault::Other { kind, message },
        }
    }

    /// The fault in an answer, if it is one.
    pub(in crate::world::vsphere) fn of_answer(envelope: &Element) -> Option<Self> {
        let fault = envelope.get("Body")?.get("Fault")?;
        let detail = fault.get("detail").and_then(|detail| detail.children.first());
        let message = fault.word("faultstring");
        Some(match detail {
            Some(detail) => Self::read(detail, message),
            None => Fault::Other {
                kind: one_line(fault.word("faultcode").as_bytes()),
                message: one_line(message.as_bytes()),
            },
        })
    }

    /// A fault inside another object: of a task, a lease.
    pub(in crate::world::vsphere) fn localized(holder: &Element) -> Self {
        let nothing = Element::default();
        Self::read(holder.get("fault").unwrap_or(&nothing), holder.word("localizedMessage"))
    }

    /// Whether it may pass by itself.
    pub fn is_transient(&self) -> bool {
        matches!(self, Fault::TaskInProgress { .. } | Fault::HostConnect { .. } | Fault::NotAuthenticated)
    }
}

/// The type of a fault: that of the schema, or else the name of its element without its ending.
fn kind_of(fault: &Element) -> String {
    let kind =
        if fault.kind.is_empty() { fault.name.strip_suffix("Fault").unwrap_or(&fault.name) } else { &fault.kind };
    one_line(kind.as_bytes())
}

fn named(element: &Element) -> String {
    element.moref().as_ref().map_or_else(|| one_line(element.text.as_bytes()), Moref::to_string)
}
