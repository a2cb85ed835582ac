//! Calls about sessions, the inventory, properties, tasks, folders, pools and leases.

use super::names::{ENTITY, SERVICE};
use super::{Call, Moref, Repeat, Xml};
use std::time::Duration;

/// Where the API is on its server.
pub(in crate::world::vsphere) const PATH: &str = "/sdk";
/// The namespace of its methods.
pub(in crate::world::vsphere) const NAMESPACE: &str = "urn:vim25";
/// The version of the API that every vCenter since 6.5 understands.
pub(in crate::world::vsphere) const ACTION: &str = "urn:vim25/6.5";
/// What a session calls itself by; its value is a secret.
pub(in crate::world::vsphere) const COOKIE: &str = "vmware_soap_session";

/// The language of messages; faults are told apart by type, people read the rest.
const LOCALE: &str = "en";
/// Most objects in one page of an answer.
const PAGE: i32 = 200;

pub(in crate::world::vsphere) fn service_content() -> Call {
    Call::new(Repeat::Read, &Moref::new(SERVICE, SERVICE), "RetrieveServiceContent", |_| ())
}

pub(in crate::world::vsphere) fn login(manager: &Moref, user: &str, password: &str) -> Call {
    Call::new(Repeat::Change, manager, "Login", |xml| {
        xml.text("userName", user);
        xml.text("password", password);
        xml.text("locale", LOCALE);
    })
}

pub(in crate::world::vsphere) fn logout(manager: &Moref) -> Call {
    Call::new(Repeat::OfSession, manager, "Logout", |_| ())
}

pub(in crate::world::vsphere) fn find(index: &Moref, path: &str) -> Call {
    Call::new(Repeat::Read, index, "FindByInventoryPath", |xml| xml.text("inventoryPath", path))
}

/// A machine of a datacenter by the UUID of its BIOS.
pub(in crate::world::vsphere) fn find_by_uuid(index: &Moref, datacenter: &Moref, uuid: &str) -> Call {
    Call::new(Repeat::Read, index, "FindByUuid", |xml| {
        xml.object("datacenter", datacenter);
        xml.text("uuid", uuid);
        xml.flag("vmSearch", true);
        xml.flag("instanceUuid", false);
    })
}

/// Which properties of which objects.
pub(in crate::world::vsphere) struct Wanted<'a> {
    pub(in crate::world::vsphere) objects: &'a [Moref],
    /// Their type, or one above it.
    pub(in crate::world::vsphere) kind: &'static str,
    pub(in crate::world::vsphere) properties: &'a [&'static str],
    /// The children of the objects instead of themselves.
    pub(in crate::world::vsphere) children: bool,
}

/// Where the children of a thing are: its type, and the property that holds them.
const CHILDREN: [(&str, &str); 9] = [
    ("Folder", "childEntity"),
    ("Datacenter", "vmFolder"),
    ("Datacenter", "hostFolder"),
    ("Datacenter", "datastoreFolder"),
    ("Datacenter", "networkFolder"),
    ("ComputeResource", "host"),
    ("ComputeResource", "resourcePool"),
    ("ResourcePool", "resourcePool"),
    ("ResourcePool", "vm"),
];

fn filter(xml: &mut Xml, wanted: &Wanted<'_>) {
    xml.within("propSet", |xml| {
        xml.text("type", wanted.kind);
        xml.flag("all", false);
        wanted.properties.iter().for_each(|path| xml.text("pathSet", path));
    });
    for object in wanted.objects {
        xml.within("objectSet", |xml| {
            xml.object("obj", object);
            xml.flag("skip", wanted.children);
            for (kind, path) in CHILDREN.iter().filter(|_| wanted.children) {
                xml.typed("selectSet", "TraversalSpec", |xml| {
                    xml.text("type", kind);
                    xml.text("path", path);
                    xml.flag("skip", false);
                });
            }
        });
    }
}

pub(in crate::world::vsphere) fn retrieve(collector: &Moref, wanted: &Wanted<'_>) -> Call {
    Call::new(Repeat::Read, collector, "RetrievePropertiesEx", |xml| {
        xml.within("specSet", |xml| filter(xml, wanted));
        xml.within("options", |xml| xml.number("maxObjects", PAGE));
    })
}

pub(in crate::world::vsphere) fn more(collector: &Moref, token: &str) -> Call {
    Call::new(Repeat::OfSession, collector, "ContinueRetrievePropertiesEx", |xml| xml.text("token", token))
}

pub(in crate::world::vsphere) fn create_collector(collector: &Moref) -> Call {
    Call::new(Repeat::Change, collector, "CreatePropertyCollector", |_| ())
}

pub(in crate::world::vsphere) fn destroy_collector(collector: &Moref) -> Call {
    Call::new(Repeat::OfSession, collector, "DestroyPropertyCollector", |_| ())
}

pub(in crate::world::vsphere) fn create_filter(
    collector: &Moref,
    object: &Moref,
    kind: &'static str,
    paths: &[&'static str],
) -> Call {
    let objects = std::slice::from_ref(object);
    Call::new(Repeat::OfSession, collector, "CreateFilter", |xml| {
        xml.within("spec", |xml| filter(xml, &Wanted { objects, kind, properties: paths, children: false }));
        xml.flag("partialUpdates", false);
    })
}

pub(in crate::world::vsphere) fn wait_for_updates(collector: &Moref, version: &str, within: Duration) -> Call {
    Call::new(Repeat::OfSession, collector, "WaitForUpdatesEx", |xml| {
        xml.text("version", version);
        xml.within("options", |xml| {
            xml.number("maxWaitSeconds", i32::try_from(within.as_secs()).unwrap_or(i32::MAX));
        });
    })
}

pub(in crate::world::vsphere) fn cancel_task(task: &Moref) -> Call {
    Call::new(Repeat::Change, task, "CancelTask", |_| ())
}

pub(in crate::world::vsphere) fn create_folder(parent: &Moref, name: &str) -> Call {
    Call::new(Repeat::Change, parent, "CreateFolder", |xml| xml.text("name", name))
}

/// Any entity: a folder, a pool, a machine with its disks, a port group.
pub(in crate::world::vsphere) fn destroy(entity: &Moref) -> Call {
    Call::new(Repeat::Change, entity, "Destroy_Task", |_| ())
}

pub(in crate::world::vsphere) fn create_pool(parent: &Moref, name: &str) -> Call {
    // Normal shares of what there is, nothing reserved, no limit: the defaults of the wizard.
    let allocation = |xml: &mut Xml, name| {
        xml.within(name, |xml| {
            xml.number("reservation", 0);
            xml.flag("expandableReservation", true);
            xml.number("limit", -1);
            xml.within("shares", |xml| {
                xml.number("shares", 0);
                xml.text("level", "normal");
            });
        });
    };
    Call::new(Repeat::Change, parent, "CreateResourcePool", |xml| {
        xml.text("name", name);
        xml.within("spec", |xml| {
            allocation(xml, "cpuAllocation");
            allocation(xml, "memoryAllocation");
        });
    })
}

pub(in crate::world::vsphere) fn lease_progress(lease: &Moref, percent: u8) -> Call {
    Call::new(Repeat::Read, lease, "HttpNfcLeaseProgress", |xml| xml.number("percent", percent))
}

pub(in crate::world::vsphere) fn lease_complete(lease: &Moref) -> Call {
    Call::new(Repeat::Change, lease, "HttpNfcLeaseComplete", |_| ())
}

pub(in crate::world::vsphere) fn lease_abort(lease: &Moref) -> Call {
    Call::new(Repeat::Change, lease, "HttpNfcLeaseAbort", |_| ())
}

/// The name and the parent of an entity, for its path.
pub(in crate::world::vsphere) fn above(collector: &Moref, entity: &Moref) -> Call {
    let objects = std::slice::from_ref(entity);
    let properties = &[super::names::NAME, super::names::PARENT];
    retrieve(collector, &Wanted { objects, kind: ENTITY, properties, children: false })
}
