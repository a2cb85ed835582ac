//! Standing still, as the receiver asks for it: what uses a disk, freezing it, thawing it.

use super::error::AgentError;
use super::link::{AgentLink, unexpected};
use super::wire::{Command, Obstacle, ObstacleKind, Reply, Use};
use crate::untrusted::one_line;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// Why a disk does not stand still.
#[derive(Debug, thiserror::Error)]
pub enum QuiesceError {
    /// Something stands in the way. Nothing is frozen.
    #[error("{0}")]
    Obstacle(Obstacle),
    /// The agent or the way to it failed. Whatever was frozen is thawed by the agent's watchdog.
    #[error(transparent)]
    Agent(#[from] AgentError),
}

impl AgentLink {
    /// What uses the disk `source`: filesystems, swap, anything else that the kernel holds.
    ///
    /// # Errors
    /// Where the agent cannot find out, or is gone.
    pub async fn uses(&mut self, source: &Path) -> Result<Vec<Use>, QuiesceError> {
        self.send(&Command::Uses { path: source.as_os_str().as_bytes().to_vec() }).await?;
        match self.quiesce_reply().await? {
            Reply::Uses(uses) => Ok(uses.into_iter().map(clean).collect()),
            _ => Err(unexpected("the uses of a disk").into()),
        }
    }

    /// Freezes every filesystem of the disk `source` that may be written to, and returns all that uses the
    /// disk; where none of it is [`Way::Written`](super::Way::Written), nothing needed freezing.
    ///
    /// The agent thaws them when it was told so, when its input ends, or when it heard nothing of us for
    /// `patience` (whole seconds, at least one). As long as this link lives, it hears of us.
    ///
    /// # Errors
    /// An obstacle: then nothing is frozen. Or the agent is gone: then its watchdog thaws.
    pub async fn freeze(&mut self, source: &Path, patience: Duration) -> Result<Vec<Use>, QuiesceError> {
        let seconds = u32::try_from(patience.as_secs().max(1)).unwrap_or(u32::MAX);
        self.send(&Command::Freeze { path: source.as_os_str().as_bytes().to_vec(), seconds }).await?;
        // Writing out everything may take long; our patience counts from there.
        self.hold_every(Duration::from_secs(seconds.into()) / 4);
        match self.quiesce_reply().await {
            Ok(Reply::Frozen(uses)) => Ok(uses.into_iter().map(clean).collect()),
            Ok(_) => Err(unexpected("frozen filesystems").into()),
            Err(error) => {
                self.hold_no_more();
                Err(error)
            }
        }
    }

    /// Thaws what is frozen. Whether every filesystem was frozen all the time, and nothing was mounted or
    /// unmounted: only then is what was read meanwhile of one moment.
    ///
    /// # Errors
    /// The agent is gone; its watchdog thaws, and what was read does not count.
    pub async fn thaw(&mut self) -> Result<bool, AgentError> {
        self.hold_no_more();
        self.send(&Command::Thaw).await?;
        loop {
            match self.reply().await? {
                Reply::Thawed { held } => return Ok(held),
                Reply::Alive { .. } => {}
                _ => return Err(unexpected("thawed filesystems")),
            }
        }
    }

    async fn quiesce_reply(&mut self) -> Result<Reply, QuiesceError> {
        loop {
            match self.reply().await? {
                Reply::Alive { .. } => {}
                Reply::Obstacle(Obstacle { kind, place, detail }) => {
                    let (place, detail) = (one_line(place.as_bytes()), one_line(detail.as_bytes()));
                    return Err(QuiesceError::Obstacle(Obstacle { kind, place, detail }));
                }
                Reply::Fault { text, .. } => {
                    return Err(AgentError::Protocol { reason: one_line(text.as_bytes()) }.into());
                }
                reply => return Ok(reply),
            }
        }
    }
}

/// A use whose texts, which come from the source, may be shown.
fn clean(found: Use) -> Use {
    let text = |text: String| one_line(text.as_bytes());
    Use { way: found.way, device: text(found.device), filesystem: text(found.filesystem), place: text(found.place) }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use super::wire::Way;
        match self.way {
            Way::Written => write!(f, "{} on {}", self.device, self.place),
            Way::ReadOnly => write!(f, "{} on {}, read-only", self.device, self.place),
            Way::Swap => write!(f, "{} as swap", self.device),
            Way::Claimed => write!(f, "{} by the kernel, for something unknown", self.device),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, place, detail } = self;
        match kind {
            ObstacleKind::Unsupported => write!(f, "the filesystem on {place} ({detail}) cannot be frozen"),
            ObstacleKind::FrozenAlready => write!(f, "the filesystem on {place} is already frozen by somebody else"),
            ObstacleKind::Claimed => {
                write!(f, "{place} is in use by something that cannot be frozen, such as ZFS or a cluster")
            }
            ObstacleKind::Spanning => write!(f, "{place} lies on {detail}, too, which is copied at another moment"),
            ObstacleKind::OwnFile => write!(f, "the filesystem on {place} holds the running agent"),
            ObstacleKind::Hidden => write!(f, "another mount hides the filesystem on {place}"),
            ObstacleKind::Changed => f.write_str("something was mounted or unmounted while the disk was being frozen"),
            ObstacleKind::System => write!(f, "{place}: {detail}"),
        }
    }
}
