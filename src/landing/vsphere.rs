//! Machines in vSphere, from clones that boot as they lie (NFS) or are imported (NFC).
//!
//! Nothing of a tenant is guessed: its folder, its pool and its port groups bear its name, and a
//! machine in it is ours only by its mark. A network of tests is proven to have no uplink before any
//! cable goes into it, every time.

mod nfc;
mod nfs;
mod relocation;
mod site;

use super::blueprint::Blueprint;
use super::directory::{self, check, machines, make};
use super::error::LandingError;
use super::identity::{Identity, Lan, Purpose};
use super::zone::{LandingZone, Machine, OnProgress, Port, Power, Prepared, Relocated, Standing};
use crate::model::DiskId;
use crate::model::project::Project;
use crate::model::tenant::Tenant;
use crate::model::vsphere::{Staging, VsphereLanding, VsphereWay};
use crate::world::vsphere::{
    self as world, Change, DatastoreFile, Deadlines, Disk, Fault, Import, MachineSpec, MachineState, Network, Nic,
    NicState, Plug, Trouble,
};
use nfc::Streams;
use site::{Home, Net, Site};
use std::path::{Path, PathBuf};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
/// How long the creation of a machine from disks that are there may take.
const CREATION: Duration = MINUTE.saturating_mul(10);
/// How long a machine may take to be turned on or off.
const POWER: Duration = MINUTE.saturating_mul(5);
/// How long a guest may take to shut down: a Windows installs updates.
const SHUTDOWN: Duration = MINUTE.saturating_mul(20);
/// How long a machine may take to move: terabytes.
const MOVE: Duration = MINUTE.saturating_mul(60 * 24);
/// How long a move may go on that was given up.
const GIVEN_UP: Duration = MINUTE.saturating_mul(10);
/// How long the removal of a machine may take.
const REMOVAL: Duration = MINUTE.saturating_mul(10);
/// How often a removal begins that another task stands in the way of, and how long between: longer
/// than a lease lives of which nobody says any more that it is alive.
const REMOVALS: usize = 400;
const BETWEEN: Duration = Duration::from_secs(1);

/// Machines in vSphere.
#[derive(Debug)]
pub struct Vsphere {
    site: Site,
    /// Where clones lie here.
    folder: PathBuf,
}

impl Vsphere {
    /// Of the inventory; `root` is where its paths begin.
    pub fn new(setting: &VsphereLanding, project: &Project, root: &Path, deadlines: Deadlines) -> Self {
        let folder = match &setting.way {
            VsphereWay::Nfs(staging) => root.join(&staging.directory),
            VsphereWay::Nfc => machines(&project.landing.target, root),
        };
        Self { site: Site::new(setting, &project.network, root, deadlines), folder }
    }

    /// Ends the session.
    pub async fn close(&self) {
        self.site.close().await;
    }

    /// The export, for clones that boot as they lie.
    fn staging(&self) -> Option<&Staging> {
        match &self.site.setting.way {
            VsphereWay::Nfs(staging) => Some(staging),
            VsphereWay::Nfc => None,
        }
    }

    /// The specification of a machine without its disks.
    fn spec(&self, blueprint: &Blueprint, home: DatastoreFile, network: Network) -> MachineSpec {
        let identity = &blueprint.identity;
        let (model, mac) = (blueprint.nic.model, Some(blueprint.nic.mac.clone()));
        MachineSpec {
            name: identity.name(),
            id: identity.mark(),
            uuid: Some(identity.uuid()),
            guest: blueprint.guest.clone(),
            cpus: blueprint.cpus,
            memory_mib: blueprint.memory_mb,
            firmware: blueprint.firmware,
            home,
            controller: blueprint.controller,
            disks: Vec::new(),
            nics: vec![Nic { model, network, mac, start_connected: false, connected: false }],
            annotation: format!("Copy of {} for {}, made by traghetto.", identity.server(), identity.purpose().word()),
        }
    }

    /// From clones that lie in the export.
    async fn create_staged(
        &self,
        staging: &Staging,
        blueprint: &Blueprint,
        (home, network): (&Home, Network),
        progress: OnProgress<'_>,
    ) -> Result<(), LandingError> {
        let identity = &blueprint.identity;
        let name = identity.name();
        let file = |file: &str| DatastoreFile::new(&staging.datastore, &format!("{}/{name}/{file}", identity.tenant()));
        let descriptors = nfs::describe(blueprint)?;
        let mut spec = self.spec(blueprint, file(&format!("{name}.vmx")), network);
        let disk = |(name, bytes): (&String, u64)| Disk { file: Some(file(name)), bytes };
        spec.disks = descriptors.iter().zip(blueprint.disks.iter().map(|disk| disk.bytes)).map(disk).collect();
        let (client, places) = (self.site.client().await?, self.site.places().await?);
        let host = self.site.host(places, identity.number());
        let home = world::Home { folder: &home.folder, pool: &home.pool, host };
        client.ensure_machine(home, &spec, CREATION, progress).await?;
        Ok(())
    }

    /// By an import of packed clones.
    async fn create_imported(
        &self,
        blueprint: &Blueprint,
        (home, network): (&Home, Network),
        progress: OnProgress<'_>,
    ) -> Result<(), LandingError> {
        let identity = &blueprint.identity;
        let name = identity.name();
        let file = DatastoreFile::new(&self.site.setting.datastore, &format!("{name}/{name}.vmx"));
        let mut spec = self.spec(blueprint, file, network);
        spec.disks = blueprint.disks.iter().map(|disk| Disk { file: None, bytes: disk.bytes }).collect();
        let streams = Streams::pack(blueprint, &|percent| progress(percent / 2)).await?;
        let (client, places) = (self.site.client().await?, self.site.places().await?);
        let host = self.site.host(places, identity.number());
        let home = world::Home { folder: &home.folder, pool: &home.pool, host };
        let import = Import { home, spec: &spec, disks: &streams.disks() };
        client.ensure_imported(&import, &|percent| progress(50 + percent / 2)).await?;
        Ok(())
    }

    /// The machine's state, if it is there.
    async fn state(&self, identity: &Identity) -> Result<Option<(world::Machine, MachineState)>, LandingError> {
        let Some(machine) = self.site.machine(identity).await? else { return Ok(None) };
        match self.site.client().await?.state(&machine).await {
            Err(error) if is_gone(&error) => Ok(None),
            state => Ok(Some((machine, state?))),
        }
    }

    /// Plugs the cable of a machine's card in or out, if it is not so.
    async fn plug(
        &self,
        (machine, state): (&world::Machine, &MachineState),
        network: Option<Network>,
        plugged: bool,
    ) -> Result<(), LandingError> {
        let now = plugged && state.power == Power::On;
        let is_so = |nic: &NicState| {
            nic.start_connected == plugged && nic.connected == now && network.as_ref().is_none_or(|to| goes(nic, to))
        };
        let quiet = |nic: &NicState| !nic.connected && !nic.start_connected;
        if state.nics.first().is_some_and(is_so) && state.nics.iter().skip(1).all(quiet) {
            return Ok(());
        }
        let mut cables = vec![Change::Cable { nic: 0, network, start_connected: plugged, connected: now }];
        // A machine of Converter may have more cards than we know of: none of them goes anywhere.
        let others = state.nics.iter().enumerate().skip(1).filter(|(_, nic)| nic.connected || nic.start_connected);
        cables.extend(others.map(|(nic, _)| Change::Cable {
            nic,
            network: None,
            start_connected: false,
            connected: false,
        }));
        Ok(self.site.client().await?.reconfigure(machine, &cables).await?)
    }

    /// Turns a machine off and destroys it, past what a killed command of ours still does to it.
    async fn remove(&self, machine: &world::Machine) -> Result<(), LandingError> {
        let client = self.site.client().await?;
        let mut attempt = 1;
        loop {
            let removed = match client.power_off(machine, POWER).await {
                Ok(()) => client.destroy_machine(machine, REMOVAL).await,
                Err(error) => Err(error),
            };
            match removed {
                Err(error) if is_gone(&error) => return Ok(()),
                Err(error) if attempt < REMOVALS && may_pass(&error) => {
                    attempt += 1;
                    tokio::time::sleep(BETWEEN).await;
                }
                removed => return Ok(removed?),
            }
        }
    }
}

impl LandingZone for Vsphere {
    async fn prepare(&self, tenant: &Tenant) -> Result<Prepared, LandingError> {
        let folder = self.folder.join(tenant.id.as_str());
        make(&folder)?;
        let (client, places) = (self.site.client().await?, self.site.places().await?);
        self.site.home(&tenant.id).await?;
        let (above, pool) =
            (self.site.folder()?.child(tenant.id.as_str()), self.site.pool()?.child(tenant.id.as_str()));
        let mut parts = vec![format!("folder {above}"), format!("pool {pool}")];
        for net in [Net::Test, Net::Production(Lan::Kept), Net::Production(Lan::New)] {
            self.site.network(&tenant.id, tenant.number, net).await?;
            let isolated = if net == Net::Test { ", without uplink" } else { "" };
            parts.push(format!("port group {}{isolated}", self.site.network_name(&tenant.id, net)));
        }
        if let Some(staging) = self.staging() {
            nfs::prepare(&self.site, staging, &self.folder).await?;
            parts.push(format!("datastore {} from {}:{}", staging.datastore, staging.nfs_host, staging.nfs_path));
        }
        parts.push(format!("clones in {}", folder.display()));
        let mut datastore_free = None;
        for host in &places.hosts {
            let (_, free) = client.datastore(host, &self.site.setting.datastore).await?;
            datastore_free = Some(free);
        }
        parts.push(format!("datastore {}", self.site.setting.datastore));
        Ok(Prepared { parts, free: directory::free(&folder)?, datastore_free })
    }

    fn clone_folder(&self, identity: &Identity) -> PathBuf {
        self.folder.join(identity.tenant().as_str()).join(identity.name())
    }

    fn clone_file(&self, identity: &Identity, disk: &DiskId) -> PathBuf {
        let name = if self.staging().is_some() { nfs::flat(disk) } else { format!("{disk}.raw") };
        self.clone_folder(identity).join(name)
    }

    async fn create(&self, blueprint: &Blueprint, progress: OnProgress<'_>) -> Result<Machine, LandingError> {
        let identity = &blueprint.identity;
        let there = match self.state(identity).await? {
            Some((_, state)) if state.complete => Some(state),
            // A half is made anew by the import itself.
            _ => None,
        };
        let made = there.is_none();
        if made {
            let folder = self.clone_folder(identity);
            blueprint.disks.iter().try_for_each(|disk| check(disk, &folder))?;
            let home = self.site.home(identity.tenant()).await?;
            // Until it is connected its cable points where it can do no harm.
            let network = self.site.network(identity.tenant(), identity.number(), Net::Test).await?;
            match self.staging() {
                Some(staging) => self.create_staged(staging, blueprint, (&home, network), progress).await?,
                None => self.create_imported(blueprint, (&home, network), progress).await?,
            }
        }
        progress(100);
        let state = match there {
            Some(state) => Some(state),
            None => self.state(identity).await?.map(|(_, state)| state),
        };
        let place = state.as_ref().map(place).ok_or_else(|| LandingError::Missing { machine: identity.name() })?;
        Ok(Machine { name: identity.name(), place, made })
    }

    async fn find(&self, identity: &Identity) -> Result<Option<Standing>, LandingError> {
        let Some((_, state)) = self.state(identity).await? else { return Ok(None) };
        let (mut port, mut connected) = (None, false);
        if let Some(nic) = state.nics.first() {
            port = self.site.port(identity, nic).await?;
            let plugged = |nic: &NicState| if state.power == Power::On { nic.connected } else { nic.start_connected };
            connected = state.nics.iter().any(plugged);
        }
        let place = place(&state);
        Ok(Some(Standing { power: Some(state.power), complete: state.complete, port, connected, place }))
    }

    async fn adopt(&self, identity: &Identity) -> Result<bool, LandingError> {
        let home = self.site.home(identity.tenant()).await?;
        let client = self.site.client().await?;
        if client.adopt(&home.folder, &identity.name(), &identity.mark()).await?.is_some() {
            return Ok(true);
        }
        // Or somebody moved it.
        Ok(self.site.machine(identity).await?.is_some())
    }

    async fn look(&self, identity: &Identity) -> Result<Option<Standing>, LandingError> {
        let home = self.site.home(identity.tenant()).await?;
        let found = self.site.client().await?.anybodys(&home.folder, &identity.name()).await?;
        Ok(found.map(|(_, state)| Standing {
            power: Some(state.power),
            complete: true,
            port: None,
            connected: state.nics.iter().any(|nic| nic.connected || nic.start_connected),
            place: place(&state),
        }))
    }

    async fn copy(&self, from: &Identity, to: &Identity, progress: OnProgress<'_>) -> Result<(), LandingError> {
        let machine = self.site.must(from).await?;
        let (client, home, places) =
            (self.site.client().await?, self.site.home(to.tenant()).await?, self.site.places().await?);
        let host = self.site.host(places, to.number());
        let home = world::Home { folder: &home.folder, pool: &home.pool, host };
        client.copy_machine(&machine, home, (&to.name(), &to.mark()), MOVE, progress).await?;
        Ok(())
    }

    async fn power_on(&self, identity: &Identity) -> Result<(), LandingError> {
        let machine = self.site.must(identity).await?;
        Ok(self.site.client().await?.power_on(&machine, POWER).await?)
    }

    async fn power_off(&self, identity: &Identity) -> Result<(), LandingError> {
        let Some(machine) = self.site.machine(identity).await? else { return Ok(()) };
        Ok(self.site.client().await?.power_off(&machine, POWER).await?)
    }

    async fn shut_down(&self, identity: &Identity) -> Result<(), LandingError> {
        let Some(machine) = self.site.machine(identity).await? else { return Ok(()) };
        Ok(self.site.client().await?.shut_down(&machine, SHUTDOWN).await?)
    }

    async fn connect(&self, identity: &Identity, port: Port) -> Result<(), LandingError> {
        let net = match (identity.purpose(), port) {
            (Purpose::Test, Port::Production) => {
                return Err(LandingError::Isolation { machine: identity.name() });
            }
            (_, Port::Test) => Net::Test,
            (Purpose::Production, Port::Production) => Net::Production(identity.lan()),
        };
        let found = self.state(identity).await?;
        let (machine, state) = found.ok_or_else(|| LandingError::Missing { machine: identity.name() })?;
        let network = self.site.network(identity.tenant(), identity.number(), net).await?;
        self.plug((&machine, &state), Some(network), true).await
    }

    async fn disconnect(&self, identity: &Identity) -> Result<(), LandingError> {
        let Some((machine, state)) = self.state(identity).await? else { return Ok(()) };
        match self.plug((&machine, &state), None, false).await {
            // A machine that moves takes no other task, and what is taken back does not wait for terabytes.
            Err(LandingError::Vsphere(error)) if site::is_busy(&error) => {
                self.site.client().await?.give_up_move(&machine, GIVEN_UP).await?;
                self.plug((&machine, &state), None, false).await
            }
            unplugged => unplugged,
        }
    }

    async fn relocate(&self, identity: &Identity, progress: OnProgress<'_>) -> Result<Relocated, LandingError> {
        self.move_to_stay(identity, progress).await
    }

    async fn destroy(&self, identity: &Identity) -> Result<(), LandingError> {
        if let Some(machine) = self.site.machine(identity).await? {
            self.remove(&machine).await?;
        }
        // Only now: a machine that is still there may run from them.
        directory::remove(&self.clone_folder(identity))
    }
}

/// Where a machine is, as people find it.
fn place(state: &MachineState) -> String {
    state.home.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// Whether the cable of a card goes into a network.
fn goes(nic: &NicState, to: &Network) -> bool {
    match (&nic.plug, to) {
        (Plug::Standard { name, .. }, Network::Standard { name: wanted, .. }) => name == wanted,
        (Plug::Distributed { key, switch }, Network::Distributed { key: wanted, switch: on, .. }) => {
            (key, switch) == (wanted, on)
        }
        _ => false,
    }
}

fn is_gone(error: &Trouble) -> bool {
    matches!(error.fault(), Some(Fault::ManagedObjectNotFound { .. }))
}

/// Whether another task stands in the way of a removal, such as one that turns the machine on, or a lease.
fn may_pass(error: &Trouble) -> bool {
    match error.fault() {
        Some(Fault::TaskInProgress { .. } | Fault::InvalidPowerState { .. }) => true,
        Some(Fault::Other { kind, .. }) => kind == "InvalidState",
        _ => false,
    }
}
