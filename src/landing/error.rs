//! Why a landing way did not do something.

use super::vmdk::{DescriptorError, StreamError};
use crate::world::vsphere::Trouble;
use std::io;
use std::path::PathBuf;

/// Why a landing way did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LandingError {
    /// The vCenter.
    #[error(transparent)]
    Vsphere(Box<Trouble>),
    /// A file of ours.
    #[error("{path} cannot be {action}")]
    File {
        /// What was tried, as a participle: `written`.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A clone is not what it should be.
    #[error("the clone {path} {what}")]
    Clone {
        /// Which.
        path: PathBuf,
        /// What is wrong with it, as the end of the sentence.
        what: String,
    },
    /// A clone cannot be packed for an import.
    #[error("the clone {path} cannot be packed for its import")]
    Stream {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: StreamError,
    },
    /// A clone cannot be described.
    #[error("the clone {path} cannot be described as a disk")]
    Descriptor {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: DescriptorError,
    },
    /// A command of the laboratory.
    #[error("the laboratory did not {doing}: `{program}` {outcome}")]
    Lab {
        /// What was wanted, with the machine.
        doing: String,
        /// The program.
        program: String,
        /// How it ended, as the end of the sentence.
        outcome: String,
    },
    /// Only a person can do it.
    #[error("a person has to {doing}")]
    Person {
        /// What, with the machine and its place.
        doing: String,
    },
    /// The machine is not there.
    #[error("there is no machine {machine}")]
    Missing {
        /// Its name.
        machine: String,
    },
    /// A machine in service is not found any more.
    #[error("the machine {machine} is not there any more")]
    Gone {
        /// Its name.
        machine: String,
    },
    /// What is to be removed is a replica.
    #[error("{} holds a replica", folder.display())]
    Replica {
        /// The folder.
        folder: std::path::PathBuf,
    },
    /// Something else is where the machine is to be.
    #[error("{place} is there already, and {what}")]
    Taken {
        /// Where.
        place: String,
        /// What it is, as the end of the sentence.
        what: String,
    },
    /// A machine for a test is to go where its original is.
    #[error("{machine} is a test and never goes to production")]
    Isolation {
        /// Its name.
        machine: String,
    },
    /// It is not moved while it runs.
    #[error("the vCenter does not move {machine} to {datastore} while it runs")]
    Hot {
        /// Its name.
        machine: String,
        /// Where to.
        datastore: String,
        /// Why.
        #[source]
        source: Box<Trouble>,
    },
    /// It was moved, and something of it is where it was staged.
    #[error("{machine} is on {datastore} with something still")]
    Behind {
        /// Its name.
        machine: String,
        /// Where it was staged.
        datastore: String,
    },
    /// The hosts see another folder than ours behind the export.
    #[error("the datastore {datastore} does not show what is in {folder}: {what}")]
    Staging {
        /// Its name.
        datastore: String,
        /// Ours.
        folder: PathBuf,
        /// What it shows.
        what: String,
    },
    /// The inventory says what cannot be.
    #[error("the inventory cannot be followed: {what}")]
    Setting {
        /// What.
        what: String,
    },
}

impl From<Trouble> for LandingError {
    fn from(trouble: Trouble) -> Self {
        LandingError::Vsphere(Box::new(trouble))
    }
}

impl LandingError {
    /// What is safe, and what to do next, as full sentences.
    pub fn hint(&self) -> &'static str {
        match self {
            LandingError::Vsphere(trouble) => trouble.hint(),
            LandingError::File { .. } => "Look at the folder, its owner and its space; then repeat the command.",
            LandingError::Clone { .. } => {
                "The replica is untouched. Remove the clone, and repeat the command: it is cloned anew."
            }
            LandingError::Stream { .. } | LandingError::Descriptor { .. } => {
                "The replica is untouched. Look at the clone and at the space beside it; then repeat the command."
            }
            LandingError::Lab { .. } => {
                "Look at `lab.log` in the machine's folder; then repeat the command: it looks before it acts."
            }
            LandingError::Person { .. } => "Do it, and repeat the command.",
            LandingError::Missing { .. } => "Create it first; the clone and the replica are untouched.",
            LandingError::Taken { .. } => {
                "Look at it, and remove it by hand if nobody needs it: traghetto removes only what is its own."
            }
            LandingError::Isolation { .. } => {
                "Nothing was connected. A test runs beside its original: make a machine for production instead."
            }
            LandingError::Hot { .. } => {
                "It runs on as before, from the landing host's disk. Give the vCenter a licence for Storage vMotion; or \
                 agree on hours with the town, shut the guest down, and give the same command again: a machine that is \
                 off is moved cold. Or two persons leave it where it is: `migrate override` with --skip."
            }
            LandingError::Behind { .. } => {
                "Nothing was removed, and it is on or off as it was: where it was shut down for this, see that its source \
                 is still off and turn it on. Look at its CD drives, snapshots and settings in the vCenter and move them \
                 away; then give the same command again. Or two persons leave it: `migrate override` with --skip."
            }
            LandingError::Replica { .. } => {
                "Nothing in it was removed. Give `landing.vsphere.staging.directory` a folder that is not, and is not \
                 mounted from, the folder of the replicas."
            }
            LandingError::Gone { .. } => {
                "Look for it in the vCenter, and make none in its place: users have written on it. Nothing was removed."
            }
            LandingError::Staging { .. } => {
                "Compare `landing.vsphere.staging` with the export: `directory` here and `nfs_path` there are to be the \
                 same folder. Nothing was created in it."
            }
            LandingError::Setting { .. } => "Correct `landing` in inventory/project.yaml.",
        }
    }

    /// Whether the same attempt may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, LandingError::Vsphere(trouble) if trouble.is_transient())
    }

    /// Whether the site does not answer.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, LandingError::Vsphere(trouble)
            if matches!(**trouble, Trouble::Unreachable { .. } | Trouble::Deadline { .. }))
    }

    /// Whether it waits for a person.
    pub fn waits_for_person(&self) -> bool {
        matches!(self, LandingError::Person { .. } | LandingError::Hot { .. })
    }

    /// Makes an error of a file that could not be `action`.
    pub(super) fn file(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| LandingError::File { action, path, source }
    }
}
