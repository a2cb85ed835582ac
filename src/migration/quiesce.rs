//! How a disk stands still while it is copied for the last time, and when it may be at all. Pure.

use crate::model::server::{Disk, Server, Transfer};
use crate::model::{DiskId, ServerId};
use crate::survey::{Source, Survey};
use serde::Serialize;

/// What makes the content of a disk that of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quiesce {
    /// A snapshot of its logical volume is copied. It takes space of the volume group, which is on the
    /// source's own disks, so the inventory must allow it.
    Snapshot,
    /// Its filesystems are frozen while it is copied.
    Freeze,
    /// Nothing on it is mounted for writing. Nothing keeps it so: two passes must find the same.
    ReadOnly,
    /// The machine runs a rescue system, which uses nothing of the disk.
    Offline,
}

impl Quiesce {
    /// The word in plans and events.
    pub fn word(self) -> &'static str {
        match self {
            Quiesce::Snapshot => "snapshot",
            Quiesce::Freeze => "freeze",
            Quiesce::ReadOnly => "read-only",
            Quiesce::Offline => "offline",
        }
    }

    /// Whether one pass is of one moment, because something held the disk still meanwhile.
    pub fn holds(self) -> bool {
        self != Quiesce::ReadOnly
    }

    /// What the inventory intends, before the server is asked.
    pub fn intended(server: &Server, disk: &Disk) -> Self {
        match server.transfer {
            Transfer::Agent if disk.snapshot => Quiesce::Snapshot,
            Transfer::Agent => Quiesce::Freeze,
            // Other transfers have no final sync of ours.
            _ => Quiesce::Offline,
        }
    }

    /// What a server allows, as it was found just now.
    ///
    /// # Errors
    /// Why it may not be copied for the last time.
    pub fn found(server: &Server, disk: &Disk, survey: &Survey) -> Result<Self, Unfit> {
        let intended = Self::intended(server, disk);
        if intended == Quiesce::Offline {
            return Ok(intended);
        }
        fit(server, survey)?;
        let device = device(server, disk, survey);
        if intended == Quiesce::Snapshot {
            // A whole disk with volumes inside is no volume: snapshots of parts are no image of the whole.
            let is_volume = device.is_some_and(|name| survey.disks.iter().any(|d| d.name == name && d.kind == "lvm"));
            return if is_volume {
                Ok(intended)
            } else {
                Err(Unfit::NoVolume { server: server.id.clone(), disk: disk.id.clone() })
            };
        }
        let written = device.is_none_or(|device| {
            survey
                .filesystems
                .iter()
                .filter(|filesystem| !filesystem.read_only)
                .filter_map(|filesystem| filesystem.device.as_deref())
                .any(|name| name == device || survey.whole_disk(name) == device)
        });
        Ok(if written { intended } else { Quiesce::ReadOnly })
    }
}

/// The kernel's name of the block device that is the disk's source.
fn device<'a>(server: &Server, disk: &Disk, survey: &'a Survey) -> Option<&'a str> {
    let placed = server.disks.iter().filter(|disk| disk.source.is_some());
    let (_, source) = placed.zip(&survey.sources).find(|(candidate, _)| candidate.id == disk.id)?;
    match source {
        Source::Block { device, .. } => Some(device),
        _ => None,
    }
}

/// Why a running server may not be copied for the last time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A copy of a running directory would, once booted, give out changes that were given out before.
    #[error("{server} is a domain controller ({}): its last copy is made while it is off", seen.join(", "))]
    Controller {
        /// Which server.
        server: ServerId,
        /// What was seen of its directory.
        seen: Vec<String>,
    },
    /// Services that the inventory wants stopped.
    #[error("{server} still runs {}", running.join(", "))]
    Running {
        /// Which server.
        server: ServerId,
        /// The services.
        running: Vec<String>,
    },
    /// It did not say which services run.
    #[error("{server} does not say which services run")]
    Unknown {
        /// Which server.
        server: ServerId,
    },
    /// The source is no logical volume.
    #[error("the source of {server} {disk} is no logical volume: there can be no snapshot of it")]
    NoVolume {
        /// Which server.
        server: ServerId,
        /// Which disk.
        disk: DiskId,
    },
}

impl Unfit {
    /// What to do, as a full sentence.
    pub fn hint(&self) -> &'static str {
        match self {
            Unfit::Controller { .. } => {
                "Boot it from a Linux rescue system: `transfer: rescue` with `directory: cold` and the role `ad`."
            }
            Unfit::Running { .. } => {
                "Stop them, keep them from starting again, and give the same command again; `services_stop` names them."
            }
            Unfit::Unknown { .. } => "Let us log in as root; then give the same command again.",
            Unfit::NoVolume { .. } => {
                "Remove `snapshot: allowed` from the disk: its filesystems are frozen instead. Or name the volume as `source`."
            }
        }
    }
}

/// Whether a running server may be copied for the last time: no directory, nothing that should be stopped.
fn fit(server: &Server, survey: &Survey) -> Result<(), Unfit> {
    let id = || server.id.clone();
    if survey.domain_controller || server.is_domain_controller() {
        let mut seen = survey.controller_seen.clone();
        if server.is_domain_controller() {
            seen.insert(0, "role `ad` in the inventory".to_owned());
        }
        return Err(Unfit::Controller { server: id(), seen });
    }
    if server.services_stop.is_empty() {
        return Ok(());
    }
    if survey.unread.iter().any(|section| section == "services") {
        return Err(Unfit::Unknown { server: id() });
    }
    let runs = |name: &&String| {
        let wanted = name.strip_suffix(".service").unwrap_or(name);
        survey.services.iter().any(|found| {
            let found = found.strip_suffix(".service").unwrap_or(found);
            // Instances of a unit, such as `postgresql@15-main`, are what runs of it.
            found == wanted || found.split_once('@').is_some_and(|(unit, _)| unit == wanted)
        })
    };
    let running: Vec<String> = server.services_stop.iter().filter(runs).cloned().collect();
    if running.is_empty() { Ok(()) } else { Err(Unfit::Running { server: id(), running }) }
}
