//! What uses a disk, and why its filesystems cannot be frozen. Pure.

use super::{Body, Frame, MAX_TEXT, WireError, count_bytes};

/// Most uses of a disk in a reply.
pub const USES: usize = 1024;

/// A filesystem, swap area or something else that lives on a disk of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// How it is used.
    pub way: Way,
    /// The block device, such as `/dev/sda1` or `/dev/dm-0`.
    pub device: String,
    /// Type of the filesystem; empty where it is none.
    pub filesystem: String,
    /// Where it is mounted first; empty where it is not.
    pub place: String,
}

/// How something on a disk is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A filesystem that may be written to.
    Written,
    /// A filesystem that is mounted read-only.
    ReadOnly,
    /// Swap space.
    Swap,
    /// The kernel holds the device for something that is none of these: ZFS, a raw device of a cluster.
    Claimed,
}

/// Why a freeze was refused. Nothing is frozen then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What kind.
    pub kind: ObstacleKind,
    /// The device or mount point, or the disk.
    pub place: String,
    /// Type of the filesystem, other devices, or the system's reason.
    pub detail: String,
}

/// Kinds of obstacles, as far as what to do next differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObstacleKind {
    /// The filesystem cannot be frozen; a person may mount it read-only.
    Unsupported,
    /// Somebody froze it already.
    FrozenAlready,
    /// The kernel holds the device for something that cannot be frozen.
    Claimed,
    /// A volume lies on this disk and on others that would not be copied at the same moment.
    Spanning,
    /// The filesystem holds a file that is in use for the copy itself.
    OwnFile,
    /// Another mount hides every place of the filesystem.
    Hidden,
    /// What is mounted changed while it was frozen.
    Changed,
    /// The system refused; it says why.
    System,
}

impl ObstacleKind {
    const ALL: [Self; 8] = [
        Self::Unsupported,
        Self::FrozenAlready,
        Self::Claimed,
        Self::Spanning,
        Self::OwnFile,
        Self::Hidden,
        Self::Changed,
        Self::System,
    ];
}

impl Frame {
    fn words(self, text: &str) -> Self {
        self.text(&text.as_bytes()[..text.floor_char_boundary(MAX_TEXT)])
    }

    pub(super) fn uses(self, uses: &[Use]) -> Self {
        let uses = &uses[..uses.len().min(USES)];
        uses.iter().fold(self.bytes(&count_bytes(uses.len())), |frame, one| {
            let frame = frame.bytes(&[one.way as u8]).words(&one.device);
            frame.words(&one.filesystem).words(&one.place)
        })
    }

    pub(super) fn obstacle(self, obstacle: &Obstacle) -> Self {
        let frame = self.bytes(&[obstacle.kind as u8]);
        frame.words(&obstacle.place).words(&obstacle.detail)
    }
}

impl Body<'_> {
    fn words(&mut self) -> Result<String, WireError> {
        String::from_utf8(self.counted_text()?).map_err(|_| WireError::Malformed)
    }

    pub(super) fn uses(&mut self) -> Result<Vec<Use>, WireError> {
        let count = self.count(USES, 13)?;
        (0..count)
            .map(|_| {
                let way = self.u8()?;
                let ways = [Way::Written, Way::ReadOnly, Way::Swap, Way::Claimed];
                let way = ways.into_iter().find(|known| *known as u8 == way).ok_or(WireError::Malformed)?;
                Ok(Use { way, device: self.words()?, filesystem: self.words()?, place: self.words()? })
            })
            .collect()
    }

    pub(super) fn obstacle(&mut self) -> Result<Obstacle, WireError> {
        let kind = self.u8()?;
        let kind = ObstacleKind::ALL.into_iter().find(|known| *known as u8 == kind).ok_or(WireError::Malformed)?;
        Ok(Obstacle { kind, place: self.words()?, detail: self.words()? })
    }
}
