//! What went wrong in the world, as trouble with what is safe and what comes next.

use crate::landing::LandingError;
use crate::migration::record::Class;
use crate::migration::run::Trouble;
use crate::model::ServerId;
use crate::replica::{AgentError, DiskReplica, ObstacleKind, QuiesceError, ReplicaError, SourceFault};
use crate::world::ShellError;
use std::io;
use std::path::Path;

const AGAIN: &str = "Give the same command again: it goes on from there.";

/// A host that could not be asked.
pub(super) fn of_shell(error: ShellError, server: &ServerId) -> Trouble {
    let class = class_of_shell(&error);
    let next = after_shell(&error, server);
    Trouble::new(class, error).hint("The source is untouched, and its replica is as it was.").hint(next)
}

/// What to do about a host that could not be asked.
fn after_shell(error: &ShellError, server: &ServerId) -> String {
    match error {
        ShellError::Unreachable { .. } | ShellError::Deadline { .. } => {
            "Look whether the host is on and the link is up; then give the same command again.".to_owned()
        }
        ShellError::Killed { .. } => format!(
            "Look for the out-of-memory killer in the kernel log of {server}; then give the same command again."
        ),
        ShellError::HostKey { .. } => format!(
            "Compare the fingerprint with the one shown on {server}'s own console, then set `host_key` in the inventory."
        ),
        ShellError::Login { .. } => "Let the host accept our key, or correct `access` in the inventory.".to_owned(),
        ShellError::Secret { .. } => "Put the file or variable that the inventory names in its place.".to_owned(),
        _ => AGAIN.to_owned(),
    }
}

fn class_of_shell(error: &ShellError) -> Class {
    match error {
        ShellError::Unreachable { .. } | ShellError::Deadline { .. } => Class::Unreachable,
        _ => Class::Failed,
    }
}

/// The landing site.
pub(super) fn of_landing(error: LandingError) -> Trouble {
    let class = match &error {
        error if error.is_unreachable() => Class::Unreachable,
        error if error.waits_for_person() => Class::Waiting,
        _ => Class::Failed,
    };
    let hint = error.hint();
    Trouble::new(class, error).hint("Source and replica are untouched.").hint(hint)
}

/// An agent that did not start or went away.
pub(super) fn of_agent(error: AgentError, server: &ServerId, replica: &DiskReplica) -> Trouble {
    match error {
        AgentError::Shell(error) => of_shell(error, server),
        AgentError::NotFound { .. } | AgentError::Unusable { .. } => Trouble::new(Class::Failed, error)
            .hint("Nothing was done.")
            .hint("Build it with `make build`, or name it in the variable TRAGHETTO_AGENT."),
        error => {
            let class = class_of_agent(&error);
            Trouble::new(class, error).hint(kept(replica)).hint(AGAIN)
        }
    }
}

/// A disk that cannot be made to stand still.
pub(super) fn of_quiesce(error: QuiesceError, server: &ServerId) -> Trouble {
    let next = match &error {
        QuiesceError::Agent(source) => {
            return Trouble::new(class_of_agent(source), error)
                .hint("The source is untouched; whatever was frozen is thawed by itself within a minute.")
                .hint(AGAIN);
        }
        QuiesceError::Obstacle(obstacle) => match obstacle.kind {
            ObstacleKind::Unsupported => format!(
                "Mount it read-only on {server} (`mount -o remount,ro`), which needs no freezing; then give the same \
                 command again."
            ),
            ObstacleKind::FrozenAlready => {
                "Look for a backup at work; `fsfreeze -u` thaws. Then give the same command again.".to_owned()
            }
            ObstacleKind::Claimed | ObstacleKind::Spanning | ObstacleKind::Hidden => {
                format!("Boot {server} from a Linux rescue system and use `transfer: rescue`.")
            }
            ObstacleKind::OwnFile => {
                "Give it a place in memory: mount a tmpfs that allows execution on /dev/shm.".to_owned()
            }
            ObstacleKind::Changed => AGAIN.to_owned(),
            ObstacleKind::System => {
                "Compare `source` with the disks (`traghetto survey`), and let us log in as root.".to_owned()
            }
        },
    };
    Trouble::new(Class::CheckFailed, error)
        .hint("Nothing is frozen and nothing was copied; the replica is as the last sync left it.")
        .hint(next)
}

fn class_of_agent(error: &AgentError) -> Class {
    match error {
        AgentError::Shell(error) => class_of_shell(error),
        AgentError::Gone { exited: false, .. } | AgentError::Silent { .. } | AgentError::Io(_) => Class::Unreachable,
        _ => Class::Failed,
    }
}

/// A pass or a reading that ended early.
pub(super) fn of_replica(error: ReplicaError, server: &ServerId, replica: &DiskReplica) -> Trouble {
    let class = match &error {
        ReplicaError::Agent { source, .. } => class_of_agent(source),
        ReplicaError::WriteLost { .. } | ReplicaError::HashMismatch { .. } | ReplicaError::RootMismatch { .. } => {
            Class::Evidence
        }
        _ => Class::Failed,
    };
    let next = match &error {
        ReplicaError::Agent { source: AgentError::Shell(error), .. } => after_shell(error, server),
        ReplicaError::Agent { source: AgentError::Gone { .. } | AgentError::Silent { .. }, .. } => {
            format!("Look whether {server} is on and has memory to spare; then give the same command again.")
        }
        ReplicaError::Source { source: SourceFault::Open { .. }, .. } => {
            format!("Compare `source` in the inventory with the disks of {server}: traghetto survey.")
        }
        ReplicaError::Source { .. } => {
            format!("Look at the disk of {server} (SMART, kernel log); then give the same command again.")
        }
        ReplicaError::LengthChanged { .. } | ReplicaError::OtherSource { .. } => {
            "Look whether `source` names the right disk. If it is another one, move the replica's files away first."
                .to_owned()
        }
        ReplicaError::OtherStore { .. } => {
            "Use the --state with which the replica was made; two states must never drive one replica. If that one is lost: \
             traghetto migrate adopt FILE, with its mirrored events.".to_owned()
        }
        ReplicaError::Locked { .. } => "Wait for the other process, or end it; `migrate status` names it.".to_owned(),
        ReplicaError::Full { .. } => "Free space on the landing host; then give the same command again.".to_owned(),
        ReplicaError::WriteLost { .. } => "Look at the landing host's storage before you trust it.".to_owned(),
        _ => AGAIN.to_owned(),
    };
    Trouble::new(class, error).hint(kept(replica)).hint(next)
}

/// What of a replica is safe.
fn kept(replica: &DiskReplica) -> String {
    match replica.status() {
        Ok(Some(status)) => format!(
            "The source is untouched; {} of {} chunks are safe in the replica.",
            status.chunks_done, status.chunks_total
        ),
        _ => "The source is untouched.".to_owned(),
    }
}

/// A file of the landing host that could not be used.
pub(super) fn of_file(error: io::Error, action: &str, path: &Path) -> Trouble {
    let full = error.kind() == io::ErrorKind::StorageFull;
    let text = format!("cannot {action} {}", path.display());
    let next = if full { "Free space" } else { "Mend the file or its permissions" };
    Trouble::new(Class::Failed, Caused { text, source: error })
        .hint("The source is untouched and the replica is as it was.")
        .hint(format!("{next} on the landing host; then give the same command again."))
}

#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Caused {
    text: String,
    source: io::Error,
}
