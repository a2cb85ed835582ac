//! Port groups: found, created, and proven to have no uplink where they must not.

use super::client::Client;
use super::inventory::{is_gone, is_taken, unescape};
use super::reading::{Fault, objects};
use super::spec::Network;
use super::trouble::Trouble;
use super::wire::{Moref, hosts, names};
use crate::untrusted::printable;
use std::time::Duration;

/// How long the making of a port group may take.
const MAKING: Duration = Duration::from_secs(120);

/// A VLAN of a port group: 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VlanId(u16);

impl VlanId {
    /// A VLAN, up to 4094.
    pub fn new(number: u16) -> Option<Self> {
        (number < 4095).then_some(Self(number))
    }
}

impl Client {
    /// The network behind an object of the inventory.
    ///
    /// # Errors
    /// It is no port group, or the server cannot be asked.
    pub async fn network(&self, object: &Moref) -> Result<Network, Trouble> {
        let doing = format!("look at the network {object}");
        if object.kind == names::PORT_GROUP {
            return self.distributed(object, &doing).await;
        }
        if object.kind != names::NETWORK {
            let what = format!("it is a {}, and no port group", printable(&object.kind));
            return Err(Trouble::Request { server: self.server().to_owned(), doing, what });
        }
        let name = self.property(object, names::NETWORK, names::NAME, &doing).await?;
        let name = name.map(|name| unescape(&name.text)).unwrap_or_default();
        Ok(Network::Standard { object: object.clone(), name })
    }

    async fn distributed(&self, object: &Moref, doing: &str) -> Result<Network, Trouble> {
        let wanted = [names::PORT_GROUP_KEY, names::PORT_GROUP_SWITCH];
        let mut found = self.properties_of(object, names::PORT_GROUP, &wanted, doing).await?;
        let missing = |what: &str| Trouble::Answer {
            server: self.server().to_owned(),
            doing: doing.to_owned(),
            what: format!("the port group has no {what}"),
        };
        let key = found.remove(names::PORT_GROUP_KEY).ok_or_else(|| missing("key"))?.text;
        let switch = found.remove(names::PORT_GROUP_SWITCH).and_then(|switch| switch.moref());
        let switch = switch.ok_or_else(|| missing("switch"))?;
        let uuid = self.property(&switch, names::SWITCH, names::SWITCH_UUID, doing).await?;
        let switch = uuid.ok_or_else(|| missing("switch with a UUID"))?.text;
        Ok(Network::Distributed { object: object.clone(), key, switch })
    }

    /// The name of a distributed port group, by its key.
    ///
    /// # Errors
    /// There is none of this key, or the server cannot be asked.
    pub async fn port_group_name(&self, key: &str) -> Result<String, Trouble> {
        let object = Moref::new(names::PORT_GROUP, key);
        let doing = format!("look at the port group {object}");
        let name = self.property(&object, names::PORT_GROUP, names::NAME, &doing).await?;
        Ok(name.map(|name| unescape(&name.text)).unwrap_or_default())
    }

    /// A port group of a standard switch on one host. With `isolated` the switch has no uplink, and is
    /// created where it is not there.
    ///
    /// # Errors
    /// The name is taken by a port group of another switch or VLAN, or an isolated one would not be so.
    pub async fn ensure_host_port_group(
        &self,
        host: &Moref,
        switch: &str,
        name: &str,
        vlan: VlanId,
        isolated: bool,
    ) -> Result<Network, Trouble> {
        let doing = format!("create the port group {} on {host}", printable(name));
        let system = self.host_part(host, names::HOST_NETWORKS, &doing).await?;
        if !self.has_port_group(&system, switch, name, vlan, isolated, &doing).await? {
            let call = hosts::add_port_group(&system, name, switch, vlan.0);
            match self.call(&call, &doing).await {
                Err(error) if is_taken(&error) || error.may_be_done() => {
                    if !self.has_port_group(&system, switch, name, vlan, isolated, &doing).await? {
                        return Err(error);
                    }
                }
                told => drop(told?),
            }
        }
        let datacenter = self.datacenter(host).await?;
        let folder = self.network_folder(&datacenter.object, &doing).await?;
        let found = self.child(&folder, name, &doing).await?;
        let what = "the new port group is not among its networks".to_owned();
        let object = found.ok_or(Trouble::Answer { server: self.server().to_owned(), doing, what })?;
        Ok(Network::Standard { object, name: name.to_owned() })
    }

    /// Whether the port group is there as it should be; makes its switch where it may.
    async fn has_port_group(
        &self,
        system: &Moref,
        switch: &str,
        name: &str,
        vlan: VlanId,
        isolated: bool,
        doing: &str,
    ) -> Result<bool, Trouble> {
        let info = self.property(system, names::HOST_NETWORK, names::NETWORK_INFO, doing).await?.unwrap_or_default();
        let taken =
            |path: &str, what: String| Trouble::Taken { server: self.server().to_owned(), path: printable(path), what };
        match objects::switches(&info).into_iter().find(|(found, _)| *found == switch) {
            Some((_, true)) if isolated => {
                return Err(taken(switch, "a network card of the host is on it: it is not isolated".to_owned()));
            }
            Some(_) => {}
            None if isolated => drop(self.call(&hosts::add_switch(system, switch), doing).await?),
            None => {
                let what = format!("there is no switch {}", printable(switch));
                return Err(Trouble::Request { server: self.server().to_owned(), doing: doing.to_owned(), what });
            }
        }
        let groups = self.read(objects::port_groups(&info), doing)?;
        match groups.into_iter().find(|(found, ..)| *found == name) {
            Some((_, on, number)) if on == switch && number == vlan.0 => Ok(true),
            Some((_, on, number)) => {
                Err(taken(name, format!("it is on the switch {} with the VLAN {number}", printable(on))))
            }
            None => Ok(false),
        }
    }

    /// Removes a port group of a host, and its switch if it has no uplink and nothing else is on it.
    ///
    /// # Errors
    /// A machine is on it, or the server does not remove it.
    pub async fn remove_host_port_group(&self, host: &Moref, switch: &str, name: &str) -> Result<(), Trouble> {
        let doing = format!("remove the port group {} of {host}", printable(name));
        let system = self.host_part(host, names::HOST_NETWORKS, &doing).await?;
        let removed = self.call(&hosts::remove_port_group(&system, name), &doing).await;
        absent(removed)?;
        let info = self.property(&system, names::HOST_NETWORK, names::NETWORK_INFO, &doing).await?.unwrap_or_default();
        let is_ours = objects::switches(&info).into_iter().any(|(found, uplink)| found == switch && !uplink);
        let groups = self.read(objects::port_groups(&info), &doing)?;
        if is_ours && !groups.iter().any(|(_, on, _)| *on == switch) {
            absent(self.call(&hosts::remove_switch(&system, switch), &doing).await)?;
        }
        Ok(())
    }

    /// A port group of a distributed switch; with `isolated` it has no uplink.
    ///
    /// # Errors
    /// The name is taken by another thing, another VLAN, or one with an uplink.
    pub async fn ensure_distributed_port_group(
        &self,
        switch: &Moref,
        name: &str,
        vlan: VlanId,
        isolated: bool,
    ) -> Result<Network, Trouble> {
        let doing = format!("create the port group {}", printable(name));
        let datacenter = self.datacenter(switch).await?;
        let folder = self.network_folder(&datacenter.object, &doing).await?;
        if let Some(found) = self.distributed_child(&folder, name, vlan, isolated, &doing).await? {
            return Ok(found);
        }
        let call = hosts::add_distributed(switch, name, vlan.0, !isolated);
        match self.run(&call, &doing, MAKING, &|_| ()).await {
            Err(error) if !is_taken(&error) && !error.may_be_done() => return Err(error),
            _ => {}
        }
        let what = "the new port group is not among its networks".to_owned();
        let none = Trouble::Answer { server: self.server().to_owned(), doing: doing.clone(), what };
        self.distributed_child(&folder, name, vlan, isolated, &doing).await?.ok_or(none)
    }

    async fn distributed_child(
        &self,
        folder: &Moref,
        name: &str,
        vlan: VlanId,
        isolated: bool,
        doing: &str,
    ) -> Result<Option<Network>, Trouble> {
        let Some(object) = self.child(folder, name, doing).await? else { return Ok(None) };
        let taken = |what: String| Trouble::Taken { server: self.server().to_owned(), path: printable(name), what };
        if object.kind != names::PORT_GROUP {
            return Err(taken(format!("it is a {}", printable(&object.kind))));
        }
        let setting = self.property(&object, names::PORT_GROUP, names::PORT_GROUP_CONFIG, doing).await?;
        let (number, uplinks) = self.read(objects::port_setting(&setting.unwrap_or_default()), doing)?;
        if number != Some(vlan.0) {
            let number = number.map_or("no single VLAN".to_owned(), |number| format!("the VLAN {number}"));
            return Err(taken(format!("it has {number}")));
        }
        if isolated && uplinks {
            return Err(taken("it may have uplinks: it is not isolated".to_owned()));
        }
        self.distributed(&object, doing).await.map(Some)
    }

    /// Removes a distributed port group.
    ///
    /// # Errors
    /// A machine is on it, or the server does not remove it.
    pub async fn remove_distributed_port_group(&self, object: &Moref) -> Result<(), Trouble> {
        let doing = format!("remove the port group {object}");
        if object.kind != names::PORT_GROUP {
            let what = format!("it is a {}, and no distributed port group", printable(&object.kind));
            return Err(Trouble::Request { server: self.server().to_owned(), doing, what });
        }
        self.destroy(object, &doing, MAKING).await
    }

    async fn network_folder(&self, datacenter: &Moref, doing: &str) -> Result<Moref, Trouble> {
        let folder = self.property(datacenter, names::DATACENTER, "networkFolder", doing).await?;
        let what = "the datacenter has no folder of networks".to_owned();
        let none = Trouble::Answer { server: self.server().to_owned(), doing: doing.to_owned(), what };
        folder.and_then(|folder| folder.moref()).ok_or(none)
    }

    /// A part of a host that is asked for itself.
    pub(super) async fn host_part(&self, host: &Moref, part: &'static str, doing: &str) -> Result<Moref, Trouble> {
        let found = self.property(host, names::HOST, part, doing).await?;
        let what = format!("the host has no {part}");
        let none = Trouble::Answer { server: self.server().to_owned(), doing: doing.to_owned(), what };
        found.and_then(|found| found.moref()).ok_or(none)
    }
}

/// What was removed, or was not there.
pub(super) fn absent<T>(told: Result<T, Trouble>) -> Result<(), Trouble> {
    match told {
        Err(error) if is_gone(&error) => Ok(()),
        Err(Trouble::Fault { fault: Fault::Other { kind, .. }, .. }) if kind == "NotFound" => Ok(()),
        told => told.map(|_| ()),
    }
}
