//! A machine that boots from our export moves to the datastore of machines that stay, while it runs where the licence
//! lets it (reference/migration.md, section 5). Its clone is removed once nothing of the machine is there.

use super::site::is_busy;
use super::{MOVE, Vsphere, place};
use crate::landing::directory;
use crate::landing::error::LandingError;
use crate::landing::identity::Identity;
use crate::landing::zone::{LandingZone as _, OnProgress, Power, Relocated};
use crate::model::vsphere::Staging;
use crate::world::vsphere::{Fault, Machine, MachineState, Move, Trouble, Used};
use std::time::Duration;

/// How often a move begins that another task stands in the way of, and how long between.
const ATTEMPTS: usize = 60;
/// How often it is looked whether the export is free of the machine: the server's list is a moment behind.
const LOOKS: usize = 12;
const BETWEEN: Duration = Duration::from_secs(1);

impl Vsphere {
    /// Moves the machine, or follows the move that goes on; then sees that nothing of it is left in the export.
    pub(super) async fn move_to_stay(
        &self,
        identity: &Identity,
        progress: OnProgress<'_>,
    ) -> Result<Relocated, LandingError> {
        let wanted = &self.site.setting.datastore;
        let staging = self.staging().filter(|staging| staging.datastore != *wanted);
        let client = self.site.client().await?;
        let (mut moved, mut attempt) = (false, 0);
        let (machine, state) = loop {
            let found = self.state(identity).await?;
            let (machine, state) = found.ok_or_else(|| LandingError::Gone { machine: identity.name() })?;
            let Some(staging) = staging else { break (machine, state) };
            attempt += 1;
            // Also where it seems to be there: a move that goes on has files in both places.
            if attempt < ATTEMPTS && client.follow_move(&machine, MOVE, progress).await? {
                moved = true;
                tokio::time::sleep(BETWEEN).await;
                continue;
            }
            // Wherever else people have put it is where they want it.
            if !is_staged(&state, &staging.datastore) {
                break (machine, state);
            }
            match self.begin_move(identity, &machine, progress).await {
                Ok(()) => moved = true,
                Err(error) if attempt < ATTEMPTS && may_pass(&error) => {
                    moved |= matches!(&error, LandingError::Vsphere(source) if source.may_be_done());
                    tokio::time::sleep(BETWEEN).await;
                }
                Err(LandingError::Vsphere(source)) if state.power == Power::On && needs_it_off(&source) => {
                    let (machine, datastore) = (identity.name(), wanted.clone());
                    return Err(LandingError::Hot { machine, datastore, source });
                }
                Err(error) => return Err(error),
            }
        };
        if let Some(staging) = staging {
            self.leave(identity, &machine, staging).await?;
        }
        progress(100);
        let datastore = state.home.as_ref().map(|file| file.datastore.clone());
        Ok(Relocated { datastore, place: place(&state), moved, power: Some(state.power) })
    }

    async fn begin_move(
        &self,
        identity: &Identity,
        machine: &Machine,
        progress: OnProgress<'_>,
    ) -> Result<(), LandingError> {
        let (client, places) = (self.site.client().await?, self.site.places().await?);
        let host = self.site.host(places, identity.number());
        let host = host.ok_or_else(|| LandingError::Setting { what: "`landing.vsphere.hosts` is empty".to_owned() })?;
        let (datastore, _) = client.datastore(host, &self.site.setting.datastore).await?;
        let to = Move { datastore: Some(&datastore), ..Move::default() };
        Ok(client.relocate(machine, to, MOVE, progress).await?)
    }

    /// Removes the clone of a machine from the export, once the server's own list says that no file of it is there:
    /// neither by the name of the datastore nor by what is mounted.
    async fn leave(&self, identity: &Identity, machine: &Machine, staging: &Staging) -> Result<(), LandingError> {
        let client = self.site.client().await?;
        for look in 1.. {
            let used = client.datastores_of(machine).await?;
            let staged =
                |used: &Used| used.name == staging.datastore || used.export.as_ref() == Some(&staging.nfs_path);
            // A list without any is none.
            if !used.is_empty() && !used.iter().any(staged) {
                break;
            }
            if look == LOOKS {
                let (machine, datastore) = (identity.name(), staging.datastore.clone());
                return Err(LandingError::Behind { machine, datastore });
            }
            tokio::time::sleep(self.site.deadlines.rest).await;
        }
        directory::remove(&self.clone_folder(identity))
    }
}

/// Whether a file of a machine is in the export; where none is known, it may be.
fn is_staged(state: &MachineState, datastore: &str) -> bool {
    let mut files = state.home.iter().chain(&state.disks).peekable();
    files.peek().is_none() || files.any(|file| file.datastore == datastore)
}

/// Whether another task stands in the way, or the answer was lost: it is looked again.
fn may_pass(error: &LandingError) -> bool {
    match error {
        LandingError::Vsphere(error) if matches!(**error, Trouble::TaskDeadline { .. }) => false,
        LandingError::Vsphere(error) => is_busy(error) || error.may_be_done(),
        _ => false,
    }
}

/// Whether a machine that runs is refused where one that is off may not be: without Storage vMotion, or where it cannot
/// be used with this machine or these hosts.
fn needs_it_off(error: &Trouble) -> bool {
    match error.fault() {
        Some(Fault::NotSupported { .. } | Fault::InvalidPowerState { .. }) => true,
        Some(Fault::Other { kind, .. }) => {
            kind.contains("VMotion") || kind.contains("Migration") || kind.contains("License")
        }
        _ => false,
    }
}
