//! Calls about networks, datastores and their files.

use super::{Call, Moref, Repeat, Xml};

/// A switch of one host, with no network card: what is on it stays on it.
pub(in crate::world::vsphere) fn add_switch(system: &Moref, name: &str) -> Call {
    Call::new(Repeat::Change, system, "AddVirtualSwitch", |xml| {
        xml.text("vswitchName", name);
        xml.within("spec", |xml| xml.number("numPorts", 128));
    })
}

pub(in crate::world::vsphere) fn remove_switch(system: &Moref, name: &str) -> Call {
    Call::new(Repeat::Change, system, "RemoveVirtualSwitch", |xml| xml.text("vswitchName", name))
}

pub(in crate::world::vsphere) fn add_port_group(system: &Moref, name: &str, switch: &str, vlan: u16) -> Call {
    Call::new(Repeat::Change, system, "AddPortGroup", |xml| {
        xml.within("portgrp", |xml| {
            xml.text("name", name);
            xml.number("vlanId", vlan);
            xml.text("vswitchName", switch);
            xml.within("policy", |_| ());
        });
    })
}

pub(in crate::world::vsphere) fn remove_port_group(system: &Moref, name: &str) -> Call {
    Call::new(Repeat::Change, system, "RemovePortGroup", |xml| xml.text("pgName", name))
}

/// A distributed port group; without uplinks nothing leaves a host.
pub(in crate::world::vsphere) fn add_distributed(switch: &Moref, name: &str, vlan: u16, uplinks: bool) -> Call {
    Call::new(Repeat::Change, switch, "AddDVPortgroup_Task", |xml| {
        xml.within("spec", |xml| {
            xml.text("name", name);
            xml.number("numPorts", 8);
            xml.typed("defaultPortConfig", "VMwareDVSPortSetting", |xml| port_setting(xml, vlan, uplinks));
            xml.text("type", "earlyBinding");
            xml.flag("autoExpand", true);
        });
    })
}

fn port_setting(xml: &mut Xml, vlan: u16, uplinks: bool) {
    xml.typed("vlan", "VmwareDistributedVirtualSwitchVlanIdSpec", |xml| {
        xml.flag("inherited", false);
        xml.number("vlanId", vlan);
    });
    if !uplinks {
        xml.within("uplinkTeamingPolicy", |xml| {
            xml.flag("inherited", false);
            xml.within("uplinkPortOrder", |xml| xml.flag("inherited", false));
        });
    }
}

/// An NFS export as a datastore.
pub(in crate::world::vsphere) fn create_nas(system: &Moref, name: &str, server: &str, path: &str) -> Call {
    Call::new(Repeat::Change, system, "CreateNasDatastore", |xml| {
        xml.within("spec", |xml| {
            xml.text("remoteHost", server);
            xml.text("remotePath", path);
            xml.text("localPath", name);
            xml.text("accessMode", "readWrite");
            xml.text("type", "NFS");
        });
    })
}

pub(in crate::world::vsphere) fn remove_datastore(system: &Moref, datastore: &Moref) -> Call {
    Call::new(Repeat::Change, system, "RemoveDatastore", |xml| xml.object("datastore", datastore))
}

pub(in crate::world::vsphere) fn delete_file(manager: &Moref, path: &str, datacenter: &Moref) -> Call {
    Call::new(Repeat::Change, manager, "DeleteDatastoreFile_Task", |xml| {
        xml.text("name", path);
        xml.object("datacenter", datacenter);
    })
}

pub(in crate::world::vsphere) fn make_directory(manager: &Moref, path: &str, datacenter: &Moref) -> Call {
    Call::new(Repeat::Change, manager, "MakeDirectory", |xml| {
        xml.text("name", path);
        xml.object("datacenter", datacenter);
        xml.flag("createParentDirectories", true);
    })
}
