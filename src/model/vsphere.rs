//! The vSphere of the landing site: how it is reached, and where machines come to be in it.

use super::server::SecretRef;
use std::path::PathBuf;

/// How a vCenter is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VcenterAccess {
    /// Its name.
    pub host: String,
    /// Its port, 443.
    pub port: u16,
    /// The account, such as `traghetto@vsphere.local`.
    pub user: String,
    /// Its password.
    pub password: SecretRef,
    /// What it is known by.
    pub trust: Trust,
}

/// What a server is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// A PEM file with the authorities that may have signed its certificate, relative to the inventory.
    Ca(PathBuf),
    /// SHA-256 of its own certificate, in hexadecimal, with or without colons.
    Thumbprint(String),
}

/// Where machines come to be. In paths, a `/` inside a name is written `%2f`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VsphereLanding {
    /// The vCenter.
    pub access: VcenterAccess,
    /// Path of the datacenter from the root, such as `SAD`.
    pub datacenter: String,
    /// Path of the pool that has one of each tenant, below the datacenter's hosts: `Cluster/Resources`.
    pub pool: String,
    /// Path of the folder that has one of each tenant, below the datacenter's machines; none is the top.
    pub folder: Option<String>,
    /// Paths of the hosts that may run the machines, below the datacenter's hosts: `Cluster/esx1.sad.it`.
    pub hosts: Vec<String>,
    /// What port groups are made on.
    pub switch: Switch,
    /// Names of port groups.
    pub port_groups: PortGroupNames,
    /// How disks come there.
    pub way: VsphereWay,
    /// The datastore of machines that stay.
    pub datastore: String,
}

/// What port groups are made on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Switch {
    /// Standard switches, of each host.
    Standard {
        /// The one with uplinks, which is there.
        uplinked: String,
        /// The one of tests, which has none, and is made where it is not there.
        isolated: String,
    },
    /// A distributed switch: its path below the datacenter's networks.
    Distributed(String),
}

/// Names of a tenant's port groups, in which `{tenant}` stands for its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortGroupNames {
    /// Of servers that keep their address.
    pub kept: String,
    /// Of servers with new addresses.
    pub new: String,
    /// Of tests, without uplink.
    pub test: String,
}

impl PortGroupNames {
    /// What stands for the tenant's id.
    pub const TENANT: &'static str = "{tenant}";
}

impl Default for PortGroupNames {
    fn default() -> Self {
        let name = |end: &str| format!("{}{end}", Self::TENANT);
        Self { kept: name(""), new: name("-new"), test: name("-test") }
    }
}

/// How disks come to a datastore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VsphereWay {
    /// They boot as they lie, from an NFS export of the operations host; later they move.
    Nfs(Staging),
    /// They are imported as compressed streams: works on every datastore.
    Nfc,
}

/// An NFS export of the operations host, mounted by the hosts as a datastore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staging {
    /// Name of the datastore.
    pub datastore: String,
    /// The operations host, as the hosts reach it.
    pub nfs_host: String,
    /// The path of the export.
    pub nfs_path: String,
    /// The same folder on the operations host, relative to the inventory's root.
    pub directory: PathBuf,
}
