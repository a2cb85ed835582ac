//! Types, properties and states of the vSphere API that are told apart.

pub(in crate::world::vsphere) const FOLDER: &str = "Folder";
pub(in crate::world::vsphere) const DATACENTER: &str = "Datacenter";
pub(in crate::world::vsphere) const POOL: &str = "ResourcePool";
pub(in crate::world::vsphere) const HOST: &str = "HostSystem";
pub(in crate::world::vsphere) const DATASTORE: &str = "Datastore";
pub(in crate::world::vsphere) const MACHINE: &str = "VirtualMachine";
pub(in crate::world::vsphere) const NETWORK: &str = "Network";
pub(in crate::world::vsphere) const PORT_GROUP: &str = "DistributedVirtualPortgroup";
pub(in crate::world::vsphere) const SWITCH: &str = "DistributedVirtualSwitch";
pub(in crate::world::vsphere) const HOST_NETWORK: &str = "HostNetworkSystem";
pub(in crate::world::vsphere) const TASK: &str = "Task";
pub(in crate::world::vsphere) const LEASE: &str = "HttpNfcLease";
pub(in crate::world::vsphere) const ENTITY: &str = "ManagedEntity";
pub(in crate::world::vsphere) const SERVICE: &str = "ServiceInstance";

pub(in crate::world::vsphere) const NAME: &str = "name";
pub(in crate::world::vsphere) const PARENT: &str = "parent";

/// Properties of a task.
pub(in crate::world::vsphere) const TASK_STATE: &str = "info.state";
pub(in crate::world::vsphere) const TASK_PROGRESS: &str = "info.progress";
pub(in crate::world::vsphere) const TASK_INFO: &str = "info";

/// Properties of a virtual machine.
pub(in crate::world::vsphere) const POWER: &str = "runtime.powerState";
/// The tasks of a thing that are at work or ended a moment ago.
pub(in crate::world::vsphere) const RECENT: &str = "recentTask";
pub(in crate::world::vsphere) const QUESTION: &str = "runtime.question";
pub(in crate::world::vsphere) const EXTRA: &str = "config.extraConfig";
pub(in crate::world::vsphere) const VMX: &str = "config.files.vmPathName";
pub(in crate::world::vsphere) const DEVICES: &str = "config.hardware.device";

/// Properties of a lease.
pub(in crate::world::vsphere) const LEASE_STATE: &str = "state";
pub(in crate::world::vsphere) const LEASE_INFO: &str = "info";
pub(in crate::world::vsphere) const LEASE_ERROR: &str = "error";

/// Properties of hosts, datastores and networks.
pub(in crate::world::vsphere) const HOST_NETWORKS: &str = "configManager.networkSystem";
pub(in crate::world::vsphere) const HOST_DATASTORES: &str = "configManager.datastoreSystem";
pub(in crate::world::vsphere) const MOUNTED: &str = "datastore";
pub(in crate::world::vsphere) const DATASTORE_INFO: &str = "info";
pub(in crate::world::vsphere) const FREE_SPACE: &str = "summary.freeSpace";
pub(in crate::world::vsphere) const NETWORK_INFO: &str = "networkInfo";
pub(in crate::world::vsphere) const PORT_GROUP_KEY: &str = "key";
pub(in crate::world::vsphere) const PORT_GROUP_SWITCH: &str = "config.distributedVirtualSwitch";
pub(in crate::world::vsphere) const PORT_GROUP_CONFIG: &str = "config.defaultPortConfig";
pub(in crate::world::vsphere) const SWITCH_UUID: &str = "uuid";

/// Our mark on a machine: whose copy it is.
pub(in crate::world::vsphere) const OUR_ID: &str = "traghetto.id";
/// Our mark on an imported machine: that all of its disks arrived.
pub(in crate::world::vsphere) const OUR_STATE: &str = "traghetto.state";
/// Before the last disk arrived.
pub(in crate::world::vsphere) const IMPORTING: &str = "importing";
/// After it.
pub(in crate::world::vsphere) const COMPLETE: &str = "complete";
