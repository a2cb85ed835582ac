//! The vCenter of a landing site: connected to when it is first asked, and its places found by name.

use crate::landing::error::LandingError;
use crate::landing::identity::{Identity, Lan};
use crate::landing::zone::Port;
use crate::model::TenantId;
use crate::model::project::NetworkPools;
use crate::model::vsphere::{PortGroupNames, Switch, VsphereLanding};
use crate::world::vsphere::{
    Client, Datacenter, Deadlines, Fault, Machine, Moref, Network, NicState, Place, Plug, Trouble, VlanId,
};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::OnceCell;

/// How often a machine that another task works on is looked at again, and how long between.
const LOOKS: usize = 60;
const BETWEEN: Duration = Duration::from_secs(1);

/// A network of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Net {
    Test,
    Production(Lan),
}

/// The vCenter, and what the inventory says of it.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) setting: VsphereLanding,
    root: PathBuf,
    pub(super) deadlines: Deadlines,
    kept_vlans: u16,
    new_vlans: u16,
    client: OnceCell<Client>,
    places: OnceCell<Places>,
}

/// What is there before any tenant.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) datacenter: Datacenter,
    folder: Moref,
    pool: Moref,
    /// In the order of the inventory.
    pub(super) hosts: Vec<Moref>,
    /// The distributed switch, if port groups are made on one.
    switch: Option<Moref>,
}

/// Where a tenant's machines are.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) folder: Moref,
    pub(super) pool: Moref,
}

impl Site {
    pub(super) fn new(setting: &VsphereLanding, pools: &NetworkPools, root: &Path, deadlines: Deadlines) -> Self {
        Self {
            setting: setting.clone(),
            root: root.to_owned(),
            deadlines,
            kept_vlans: pools.kept_vlan_base,
            new_vlans: pools.new_vlan_base,
            client: OnceCell::new(),
            places: OnceCell::new(),
        }
    }

    pub(super) async fn client(&self) -> Result<&Client, LandingError> {
        let connect = || Client::connect(&self.setting.access, &self.root, self.deadlines);
        Ok(self.client.get_or_try_init(connect).await?)
    }

    /// Ends the session, if there is one.
    pub(super) async fn close(&self) {
        if let Some(client) = self.client.get() {
            client.log_out().await;
        }
    }

    /// A place in a part of the datacenter: `vm`, `host`, `network`.
    fn place(&self, part: &str, path: Option<&str>) -> Result<Place, LandingError> {
        let below = path.map(|path| format!("/{path}")).unwrap_or_default();
        let path = format!("{}/{part}{below}", self.setting.datacenter);
        Place::read(&path).map_err(|what| LandingError::Setting { what })
    }

    pub(super) fn folder(&self) -> Result<Place, LandingError> {
        self.place("vm", self.setting.folder.as_deref())
    }

    pub(super) fn pool(&self) -> Result<Place, LandingError> {
        self.place("host", Some(&self.setting.pool))
    }

    pub(super) async fn places(&self) -> Result<&Places, LandingError> {
        self.places.get_or_try_init(|| self.look()).await
    }

    async fn look(&self) -> Result<Places, LandingError> {
        let client = self.client().await?;
        let mut hosts = Vec::new();
        for host in &self.setting.hosts {
            hosts.push(client.find(&self.place("host", Some(host))?).await?);
        }
        let switch = match &self.setting.switch {
            Switch::Distributed(path) => Some(client.find(&self.place("network", Some(path))?).await?),
            Switch::Standard { .. } => None,
        };
        let folder = client.find(&self.folder()?).await?;
        let pool = client.find(&self.pool()?).await?;
        Ok(Places { datacenter: client.datacenter(&folder).await?, folder, pool, hosts, switch })
    }

    /// The host of a tenant: its machines are together, for a switch of tests is one host's.
    pub(super) fn host<'a>(&self, places: &'a Places, number: u16) -> Option<&'a Moref> {
        places.hosts.get(usize::from(number).checked_rem(places.hosts.len())?)
    }

    /// The folder and the pool of a tenant, which are made if they are not there.
    pub(super) async fn home(&self, tenant: &TenantId) -> Result<Home, LandingError> {
        let (client, places) = (self.client().await?, self.places().await?);
        let folder = client.ensure_folder(&places.folder, tenant.as_str()).await?;
        let pool = client.ensure_pool(&places.pool, tenant.as_str()).await?;
        Ok(Home { folder, pool })
    }

    /// The machine of an identity, if it is there: where it was made, or wherever somebody moved it.
    pub(super) async fn machine(&self, identity: &Identity) -> Result<Option<Machine>, LandingError> {
        if let Some(found) = self.at_home(identity).await? {
            return Ok(Some(found));
        }
        let (client, places) = (self.client().await?, self.places().await?);
        Ok(client.machine_of(&places.datacenter, &identity.uuid(), &identity.mark()).await?)
    }

    async fn at_home(&self, identity: &Identity) -> Result<Option<Machine>, LandingError> {
        let client = self.client().await?;
        let Some(folder) = client.look(&self.folder()?.child(identity.tenant().as_str())).await? else {
            return Ok(None);
        };
        let mut looks = 0;
        loop {
            match client.machine(&folder, &identity.name(), &identity.mark()).await {
                Err(error) if looks < LOOKS && is_busy(&error) => {
                    looks += 1;
                    tokio::time::sleep(BETWEEN).await;
                }
                found => return Ok(found?),
            }
        }
    }

    /// The machine of an identity, which must be there.
    pub(super) async fn must(&self, identity: &Identity) -> Result<Machine, LandingError> {
        self.machine(identity).await?.ok_or_else(|| LandingError::Missing { machine: identity.name() })
    }

    /// What a network of a tenant is called.
    pub(super) fn network_name(&self, tenant: &TenantId, net: Net) -> String {
        let names = &self.setting.port_groups;
        let name = match net {
            Net::Test => &names.test,
            Net::Production(Lan::Kept) => &names.kept,
            Net::Production(Lan::New) => &names.new,
        };
        name.replace(PortGroupNames::TENANT, tenant.as_str())
    }

    /// A network of a tenant on every host, made if it is not there; one of tests is proven to have no
    /// uplink. Tenants whose addresses overlap are kept apart in it by their VLANs.
    pub(super) async fn network(&self, tenant: &TenantId, number: u16, net: Net) -> Result<Network, LandingError> {
        let (client, places) = (self.client().await?, self.places().await?);
        let base = if net == Net::Production(Lan::New) { self.new_vlans } else { self.kept_vlans };
        let vlan = base.checked_add(number).and_then(VlanId::new);
        let vlan = vlan.ok_or_else(|| LandingError::Setting { what: format!("{tenant} has no VLAN below 4095") })?;
        let (name, is_isolated) = (self.network_name(tenant, net), net == Net::Test);
        let (uplinked, isolated) = match (&self.setting.switch, &places.switch) {
            (Switch::Standard { uplinked, isolated }, _) => (uplinked, isolated),
            (Switch::Distributed(_), Some(switch)) => {
                return Ok(client.ensure_distributed_port_group(switch, &name, vlan, is_isolated).await?);
            }
            (Switch::Distributed(path), None) => {
                return Err(LandingError::Setting { what: format!("no switch {path}") });
            }
        };
        let mut made = None;
        for host in &places.hosts {
            let switch = if is_isolated { isolated } else { uplinked };
            made = Some(client.ensure_host_port_group(host, switch, &name, vlan, is_isolated).await?);
        }
        made.ok_or_else(|| LandingError::Setting { what: "`landing.vsphere.hosts` is empty".to_owned() })
    }

    /// Where the cable of a card goes.
    pub(super) async fn port(&self, identity: &Identity, nic: &NicState) -> Result<Option<Port>, LandingError> {
        let name = match &nic.plug {
            Plug::Nothing => return Ok(None),
            Plug::Standard { name, .. } => name.clone(),
            Plug::Distributed { key, .. } => self.client().await?.port_group_name(key).await?,
        };
        let of = |net| self.network_name(identity.tenant(), net);
        Ok(match name {
            name if name == of(Net::Test) => Some(Port::Test),
            name if name == of(Net::Production(identity.lan())) => Some(Port::Production),
            _ => None,
        })
    }
}

/// Whether another task works on it, such as one that a killed command of ours began.
pub(super) fn is_busy(error: &Trouble) -> bool {
    matches!(error.fault(), Some(Fault::TaskInProgress { .. }))
}
