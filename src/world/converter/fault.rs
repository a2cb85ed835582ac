//! Faults: what the server says when it does not do something.

use super::names::{el, fault as names};
use crate::model::converter::FaultSeen;
use crate::untrusted::one_line;
use crate::world::soap::Element;

/// A fault. Everything in it is the server's text, on one line and without what a terminal would obey.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are those of the message")]
pub enum Fault {
    /// The session has ended.
    #[error("the session has ended")]
    NotAuthenticated,
    /// The account or its password is refused: ours, the source's or the vCenter's.
    #[error("an account or its password is refused ({message})")]
    InvalidLogin { message: String },
    /// The account may not do that.
    #[error("the account may not do that ({message})")]
    NoPermission { message: String },
    /// A job has the name.
    #[error("a job has the name already")]
    DuplicateName,
    /// The job is not in a state for it.
    #[error("the job is not in a state for that ({message})")]
    InvalidState { message: String },
    /// The object is gone.
    #[error("it is gone ({message})")]
    NotFound { message: String },
    /// A host shows a certificate that nobody vouched for.
    #[error("a host shows the certificate SHA-1 {thumbprint}")]
    Thumbprint { thumbprint: String },
    /// A task of the job is at work.
    #[error("a task of the job is at work")]
    ActiveTask,
    /// A setting of the job is refused.
    #[error("a setting is refused: {message}")]
    Setting { message: String },
    /// The agent on the source does not answer.
    #[error("the agent on the source does not answer ({kind}: {message})")]
    NoAgent { kind: String, message: String },
    /// Another one.
    #[error("{kind}: {message}")]
    Other { kind: String, message: String },
}

impl Fault {
    /// The fault in an answer, if it is one.
    pub(super) fn of_answer(envelope: &Element) -> Option<Self> {
        let fault = envelope.get("Body")?.get("Fault")?;
        let message = one_line(fault.word("faultstring").as_bytes());
        let detail = fault.get("detail").and_then(|detail| detail.children.first());
        Some(match detail {
            Some(detail) => Self::read(detail, message),
            None => Fault::Other { kind: one_line(fault.word("faultcode").as_bytes()), message },
        })
    }

    fn read(fault: &Element, message: String) -> Self {
        let kind = kind_of(fault);
        if let Some(thumbprint) = thumbprint(fault) {
            return Fault::Thumbprint { thumbprint };
        }
        match kind.as_str() {
            names::NOT_AUTHENTICATED => Fault::NotAuthenticated,
            names::INVALID_LOGIN => Fault::InvalidLogin { message },
            names::NO_PERMISSION => Fault::NoPermission { message },
            names::DUPLICATE_NAME => Fault::DuplicateName,
            names::INVALID_STATE => Fault::InvalidState { message },
            names::ACTIVE_TASK => Fault::ActiveTask,
            names::PROPERTY => Fault::Setting { message },
            gone if names::NOT_FOUND.contains(&gone) => Fault::NotFound { message },
            silent if names::NO_AGENT.contains(&silent) => Fault::NoAgent { kind, message },
            _ => Fault::Other { kind, message },
        }
    }

    /// What is safe, and what to do next.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Fault::NotAuthenticated => {
                "Jobs go on without us. The session ended twice in a row: look who ends it, then repeat the command."
            }
            Fault::InvalidLogin { .. } => {
                "Nothing was copied. Check the accounts of the source and of the vCenter in the inventory; nothing \
                 more was tried, so that no account is locked."
            }
            Fault::NoPermission { .. } => {
                "Nothing was changed. A job belongs to the account that made it: take that account, or an administrator \
                 of the Converter server."
            }
            Fault::DuplicateName => "Nothing was made. Look at the job that has the name, in the Converter.",
            Fault::InvalidState { .. } => {
                "Nothing was changed. Look at the job in the Converter, then repeat the command: it looks before it acts."
            }
            Fault::NotFound { .. } => "Somebody removed it: repeat the command, which looks anew.",
            Fault::Thumbprint { .. } => "Compare it with the certificate on the host itself.",
            Fault::ActiveTask => "What runs is left alone. Wait until it ends, then repeat the command.",
            Fault::Setting { .. } => "Nothing was copied. Correct that setting in the inventory.",
            Fault::NoAgent { .. } => {
                "Nothing was copied. Check TCP 9089 from the Converter server to the source, and the service `VMware \
                 vCenter Converter Standalone Agent` on it."
            }
            Fault::Other { .. } => "Look at the job and at the log bundle of the Converter server.",
        }
    }
}

/// The thumbprint, wherever it is in the fault or in the causes of it.
fn thumbprint(fault: &Element) -> Option<String> {
    let mut next = Some(fault);
    while let Some(fault) = next {
        let shown = fault.word(el::THUMBPRINT);
        if names::THUMBPRINT.contains(&kind_of(fault).as_str()) && !shown.is_empty() {
            return Some(one_line(shown.as_bytes()));
        }
        next = fault.get(el::FAULT_CAUSE).and_then(|cause| cause.get(el::FAULT));
    }
    None
}

/// A fault of a task or a job: its holder has the fault itself and the message.
pub(super) fn localized(holder: &Element) -> FaultSeen {
    let kind = holder.get(el::FAULT).map(kind_of).unwrap_or_default();
    FaultSeen { kind, message: one_line(holder.word(el::LOCALIZED_MESSAGE).as_bytes()) }
}

/// The type of a fault without its ending: that of the schema, or else the name of its element.
fn kind_of(fault: &Element) -> String {
    let name = if fault.kind.is_empty() { &fault.name } else { &fault.kind };
    one_line(name.trim_end_matches("Fault").as_bytes())
}
