//! What properties say: tasks, leases, devices, datastores, networks.

use super::super::spec::{DatastoreFile, Power};
use super::super::wire::Moref;
use super::fault::Fault;
use crate::untrusted::one_line;
use crate::world::soap::{Element, Unreadable};

/// How a task stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::world::vsphere) enum TaskState {
    Running,
    Success(Option<Moref>),
    Failed(Fault),
}

/// Reads `info` of a task.
pub(in crate::world::vsphere) fn task(info: &Element) -> Result<TaskState, Unreadable> {
    Ok(match info.must("state")?.text.trim() {
        "queued" | "running" => TaskState::Running,
        "success" => TaskState::Success(info.get("result").and_then(Element::moref)),
        "error" => TaskState::Failed(Fault::localized(info.must("error")?)),
        other => return Err(Unreadable::Value { name: "state", value: one_line(other.as_bytes()) }),
    })
}

/// Whether a task has ended, by its state alone.
pub(in crate::world::vsphere) fn has_ended(state: &Element) -> bool {
    matches!(state.text.trim(), "success" | "error")
}

/// A percentage.
pub(in crate::world::vsphere) fn percent(value: &Element) -> Option<u8> {
    value.text.trim().parse().ok().filter(|percent| *percent <= 100)
}

pub(in crate::world::vsphere) fn power(value: &Element) -> Result<Power, Unreadable> {
    Ok(match value.text.trim() {
        "poweredOn" => Power::On,
        "poweredOff" => Power::Off,
        "suspended" => Power::Suspended,
        other => return Err(Unreadable::Value { name: "powerState", value: one_line(other.as_bytes()) }),
    })
}

/// The value of an option of a machine; the later counts, where one is there twice.
pub(in crate::world::vsphere) fn option<'a>(extra: &'a Element, key: &str) -> Option<&'a str> {
    let found = extra.all("OptionValue").filter(|option| option.word("key") == key).last()?;
    found.get("value").map(|value| value.text.as_str())
}

/// `[staging] cinto/dc1.vmdk`.
pub(in crate::world::vsphere) fn file(text: &str) -> Option<DatastoreFile> {
    let (datastore, path) = text.trim().strip_prefix('[')?.split_once(']')?;
    Some(DatastoreFile { datastore: datastore.to_owned(), path: path.trim_start().to_owned() })
}

/// A device of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::world::vsphere) struct Device {
    /// Its type, such as `VirtualDisk`.
    pub(in crate::world::vsphere) kind: String,
    pub(in crate::world::vsphere) key: i32,
    /// What people call it.
    pub(in crate::world::vsphere) label: String,
    pub(in crate::world::vsphere) controller: Option<i32>,
    pub(in crate::world::vsphere) unit: Option<u8>,
    /// The file behind it.
    pub(in crate::world::vsphere) file: Option<DatastoreFile>,
    /// The address of a network card.
    pub(in crate::world::vsphere) mac: Option<String>,
    /// Whether the cable is plugged in, now and at power on.
    pub(in crate::world::vsphere) connected: (bool, bool),
    pub(in crate::world::vsphere) plug: Plug,
}

/// Where the cable of a card goes, as the server tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plug {
    /// Nowhere.
    Nothing,
    /// To a port group of standard switches.
    Standard {
        /// Its object.
        object: Option<Moref>,
        /// Its name.
        name: String,
    },
    /// To a port group of a distributed switch.
    Distributed {
        /// Its key.
        key: String,
        /// The UUID of the switch.
        switch: String,
    },
}

impl Device {
    /// Whether it is a controller for SCSI disks.
    pub(in crate::world::vsphere) fn is_controller(&self) -> bool {
        ["VirtualLsiLogicController", "VirtualLsiLogicSASController", "ParaVirtualSCSIController"]
            .contains(&self.kind.as_str())
    }

    pub(in crate::world::vsphere) fn is_disk(&self) -> bool {
        self.kind == "VirtualDisk"
    }
}

pub(in crate::world::vsphere) fn devices(hardware: &Element) -> Result<Vec<Device>, Unreadable> {
    hardware.all("VirtualDevice").map(device).collect()
}

fn device(device: &Element) -> Result<Device, Unreadable> {
    let nothing = Element::default();
    let backing = device.get("backing").unwrap_or(&nothing);
    let cable = device.get("connectable").unwrap_or(&nothing);
    let mac = Some(device.word("macAddress")).filter(|mac| !mac.is_empty());
    Ok(Device {
        kind: device.kind.clone(),
        key: device.number("key")?.ok_or(Unreadable::Missing("key"))?,
        label: device.get("deviceInfo").map_or("", |info| info.word("label")).to_owned(),
        controller: device.number("controllerKey")?,
        unit: device.number::<i32>("unitNumber")?.and_then(|unit| u8::try_from(unit).ok()),
        file: file(backing.word("fileName")),
        mac: mac.map(str::to_owned),
        connected: (cable.flag("connected"), cable.flag("startConnected")),
        plug: plug(backing),
    })
}

fn plug(backing: &Element) -> Plug {
    if let Some(port) = backing.get("port") {
        let word = |name| port.word(name).to_owned();
        return Plug::Distributed { key: word("portgroupKey"), switch: word("switchUuid") };
    }
    match backing.get("deviceName") {
        Some(name) => {
            Plug::Standard { object: backing.get("network").and_then(Element::moref), name: name.text.clone() }
        }
        None => Plug::Nothing,
    }
}

/// Where an NFS datastore comes from: server and path.
pub(in crate::world::vsphere) fn nas(info: &Element) -> Option<(&str, &str)> {
    let nas = info.get("nas")?;
    Some((nas.word("remoteHost"), nas.word("remotePath")))
}

/// What a lease gives once it is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::world::vsphere) struct LeaseInfo {
    /// The machine that comes to be.
    pub(in crate::world::vsphere) entity: Moref,
    /// After so many seconds without a sign of life it ends.
    pub(in crate::world::vsphere) timeout: u64,
    pub(in crate::world::vsphere) disks: Vec<Upload>,
}

/// Where a disk goes. Whoever knows the address may write to it: it is a secret.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::world::vsphere) struct Upload {
    pub(in crate::world::vsphere) url: String,
    /// The place on its controller, where the key ends with one.
    pub(in crate::world::vsphere) unit: Option<u8>,
    /// The fingerprint of the host that takes it, or nothing.
    pub(in crate::world::vsphere) thumbprint: String,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("unit", &self.unit).finish_non_exhaustive()
    }
}

pub(in crate::world::vsphere) fn lease(info: &Element) -> Result<LeaseInfo, Unreadable> {
    let entity = info.must("entity")?.moref().ok_or(Unreadable::Missing("entity"))?;
    let upload = |url: &Element| {
        let unit = url.word("importKey").rsplit_once(':').and_then(|(_, unit)| unit.parse().ok());
        let word = |name| url.word(name).to_owned();
        Upload { url: word("url"), unit, thumbprint: word("sslThumbprint") }
    };
    let is_disk = |url: &&Element| url.get("disk").is_none() || url.flag("disk");
    Ok(LeaseInfo {
        entity,
        timeout: info.number("leaseTimeout")?.unwrap_or(300),
        disks: info.all("deviceUrl").filter(is_disk).map(upload).collect(),
    })
}

/// A standard switch of a host: its name, and whether a network card is on it.
pub(in crate::world::vsphere) fn switches(network: &Element) -> Vec<(&str, bool)> {
    let uplink = |switch: &Element| switch.get("pnic").is_some();
    network.all("vswitch").map(|switch| (switch.word("name"), uplink(switch))).collect()
}

/// A port group of a host: its name, its switch and its VLAN.
pub(in crate::world::vsphere) fn port_groups(network: &Element) -> Result<Vec<(&str, &str, u16)>, Unreadable> {
    let specs = network.all("portgroup").filter_map(|group| group.get("spec"));
    specs.map(|spec| Ok((spec.word("name"), spec.word("vswitchName"), spec.number("vlanId")?.unwrap_or(0)))).collect()
}

/// The VLAN of a distributed port group, and whether it names an uplink.
pub(in crate::world::vsphere) fn port_setting(setting: &Element) -> Result<(Option<u16>, bool), Unreadable> {
    let vlan = setting.get("vlan").map(|vlan| vlan.number("vlanId")).transpose()?.flatten();
    let order = setting.get("uplinkTeamingPolicy").and_then(|policy| policy.get("uplinkPortOrder"));
    let closed = order.is_some_and(|order| {
        !order.flag("inherited") && order.get("activeUplinkPort").is_none() && order.get("standbyUplinkPort").is_none()
    });
    Ok((vlan, !closed))
}
