//! Calls about virtual machines, and how their hardware is written.

use super::names::{COMPLETE, IMPORTING, OUR_ID, OUR_STATE};
use super::{Call, Moref, Repeat, Xml};
use crate::world::vsphere::reading::objects::Device;
use crate::world::vsphere::spec::{
    Controller, DatastoreFile, Disk, Firmware, MachineSpec, Network, Nic, NicModel, unit,
};

/// The version of the virtual hardware that vSphere 6.5 and everything after it runs.
const HARDWARE: &str = "vmx-13";
/// The key of the first SCSI controller, by the custom of the server.
pub(in crate::world::vsphere) const CONTROLLER_KEY: i32 = 1000;
/// The key of the first disk on it.
const DISK_KEY: i32 = 2000;
/// The keys of the first of two IDE controllers, which every machine has, and of a first disk on it.
const IDE_KEY: i32 = 200;
const IDE_DISK_KEY: i32 = 3000;
/// The key of the first network card.
pub(in crate::world::vsphere) const NIC_KEY: i32 = 4000;

/// Where a machine comes to be.
pub(in crate::world::vsphere) struct Target<'a> {
    pub(in crate::world::vsphere) folder: &'a Moref,
    pub(in crate::world::vsphere) pool: &'a Moref,
    pub(in crate::world::vsphere) host: Option<&'a Moref>,
}

pub(in crate::world::vsphere) fn create(target: &Target<'_>, spec: &MachineSpec) -> Call {
    Call::new(Repeat::Change, target.folder, "CreateVM_Task", |xml| {
        xml.within("config", |xml| config(xml, spec, COMPLETE));
        xml.object("pool", target.pool);
        xml.optional_object("host", target.host);
    })
}

pub(in crate::world::vsphere) fn import(target: &Target<'_>, spec: &MachineSpec) -> Call {
    Call::new(Repeat::Change, target.pool, "ImportVApp", |xml| {
        xml.typed("spec", "VirtualMachineImportSpec", |xml| {
            xml.within("configSpec", |xml| config(xml, spec, IMPORTING));
        });
        xml.object("folder", target.folder);
        xml.optional_object("host", target.host);
    })
}

fn config(xml: &mut Xml, spec: &MachineSpec, state: &str) {
    xml.text("name", &spec.name);
    xml.text("version", HARDWARE);
    xml.optional("uuid", spec.uuid.as_deref());
    xml.text("guestId", &spec.guest);
    xml.text("annotation", &spec.annotation);
    xml.within("files", |xml| xml.text("vmPathName", &spec.home.wire()));
    xml.number("numCPUs", spec.cpus);
    xml.number("memoryMB", spec.memory_mib);
    if let Some(kind) = controller(spec.controller).filter(|_| !spec.disks.is_empty()) {
        device(xml, "add", None, kind, |xml| {
            xml.number("key", CONTROLLER_KEY);
            xml.number("busNumber", 0);
            xml.text("sharedBus", "noSharing");
        });
    }
    for (number, disk) in spec.disks.iter().enumerate() {
        let (key, controller, place) = seat(spec.controller, number);
        add_disk(xml, disk, &spec.home.datastore, key, controller, place);
    }
    for (key, nic) in (NIC_KEY..).zip(&spec.nics) {
        device(xml, "add", None, model(nic.model), |xml| write_nic(xml, key, nic, None));
    }
    option(xml, OUR_ID, &spec.id);
    option(xml, OUR_STATE, state);
    xml.text(
        "firmware",
        match spec.firmware {
            Firmware::Bios => "bios",
            Firmware::Uefi => "efi",
        },
    );
}

fn option(xml: &mut Xml, key: &str, value: &str) {
    xml.typed("extraConfig", "OptionValue", |xml| {
        xml.text("key", key);
        xml.string("value", value);
    });
}

/// The type of a controller to add; none for what every machine has.
fn controller(controller: Controller) -> Option<&'static str> {
    match controller {
        Controller::LsiLogic => Some("VirtualLsiLogicController"),
        Controller::LsiSas1068 => Some("VirtualLsiLogicSASController"),
        Controller::Pvscsi => Some("ParaVirtualSCSIController"),
        Controller::Ide => None,
    }
}

/// Where the disk of a number is: its key, its controller's, and its place there.
fn seat(controller: Controller, number: usize) -> (i32, i32, u8) {
    if controller == Controller::Ide {
        let number = u8::try_from(number).unwrap_or(u8::MAX);
        return (IDE_DISK_KEY + i32::from(number), IDE_KEY + i32::from(number / 2), number % 2);
    }
    let place = unit(number);
    (DISK_KEY + i32::from(place), CONTROLLER_KEY, place)
}

/// The models of network cards, by their names.
const MODELS: [(NicModel, &str); 2] = [(NicModel::Vmxnet3, "VirtualVmxnet3"), (NicModel::E1000, "VirtualE1000")];

fn model(model: NicModel) -> &'static str {
    MODELS.iter().find(|(known, _)| *known == model).map_or("VirtualVmxnet3", |(_, name)| name)
}

pub(in crate::world::vsphere) fn model_of(name: &str) -> Option<NicModel> {
    MODELS.iter().find(|(_, known)| *known == name).map(|(model, _)| *model)
}

fn device(
    xml: &mut Xml,
    operation: &str,
    file_operation: Option<&str>,
    kind: &'static str,
    inner: impl FnOnce(&mut Xml),
) {
    xml.within("deviceChange", |xml| {
        xml.text("operation", operation);
        xml.optional("fileOperation", file_operation);
        xml.typed("device", kind, inner);
    });
}

fn add_disk(xml: &mut Xml, disk: &Disk, home: &str, key: i32, controller: i32, place: u8) {
    // Without an operation on files the server takes what is there.
    let (file, operation) = match &disk.file {
        Some(file) => (file.wire(), None),
        None => (format!("[{home}]"), Some("create")),
    };
    device(xml, "add", operation, "VirtualDisk", |xml| {
        xml.number("key", key);
        xml.typed("backing", "VirtualDiskFlatVer2BackingInfo", |xml| {
            xml.text("fileName", &file);
            xml.text("diskMode", "persistent");
            if operation.is_some() {
                xml.flag("thinProvisioned", true);
            }
        });
        xml.number("controllerKey", controller);
        xml.number("unitNumber", place);
        xml.number("capacityInKB", i64::try_from(disk.bytes.div_ceil(1024)).unwrap_or(i64::MAX));
        xml.number("capacityInBytes", i64::try_from(disk.bytes).unwrap_or(i64::MAX));
    });
}

/// A card; one that is there already keeps its place.
fn write_nic(xml: &mut Xml, key: i32, nic: &Nic, there: Option<&Device>) {
    xml.number("key", key);
    if let Some(device) = there {
        xml.typed("deviceInfo", "Description", |xml| {
            xml.text("label", &device.label);
            xml.text("summary", &device.label);
        });
    }
    match &nic.network {
        Network::Standard { object, name } => {
            xml.typed("backing", "VirtualEthernetCardNetworkBackingInfo", |xml| {
                xml.text("deviceName", name);
                xml.object("network", object);
            });
        }
        Network::Distributed { key, switch, .. } => {
            xml.typed("backing", "VirtualEthernetCardDistributedVirtualPortBackingInfo", |xml| {
                xml.within("port", |xml| {
                    xml.text("switchUuid", switch);
                    xml.text("portgroupKey", key);
                });
            });
        }
    }
    xml.within("connectable", |xml| {
        xml.flag("startConnected", nic.start_connected);
        xml.flag("allowGuestControl", true);
        xml.flag("connected", nic.connected);
    });
    if let Some(controller) = there.and_then(|device| device.controller) {
        xml.number("controllerKey", controller);
    }
    if let Some(unit) = there.and_then(|device| device.unit) {
        xml.number("unitNumber", unit);
    }
    xml.optional("addressType", nic.mac.as_ref().map(|_| "manual"));
    xml.optional("macAddress", nic.mac.as_deref());
}

/// A change of the hardware, with the keys that it is about.
pub(in crate::world::vsphere) enum Edit<'a> {
    Cpus(u16),
    Memory(u32),
    AttachDisk { disk: &'a Disk, controller: i32, place: u8, key: i32 },
    DetachDisk { key: i32, file: &'a DatastoreFile },
    AddNic { nic: &'a Nic, key: i32 },
    Nic { there: &'a Device, nic: Nic },
    Complete,
}

pub(in crate::world::vsphere) fn reconfigure(machine: &Moref, home: &str, edits: &[Edit<'_>]) -> Call {
    Call::new(Repeat::Change, machine, "ReconfigVM_Task", |xml| {
        xml.within("spec", |xml| {
            for edit in edits {
                if let Edit::Cpus(cpus) = edit {
                    xml.number("numCPUs", *cpus);
                }
            }
            for edit in edits {
                if let Edit::Memory(mib) = edit {
                    xml.number("memoryMB", *mib);
                }
            }
            edits.iter().for_each(|edit| device_edit(xml, home, edit));
            if edits.iter().any(|edit| matches!(edit, Edit::Complete)) {
                option(xml, OUR_STATE, COMPLETE);
            }
        });
    })
}

fn device_edit(xml: &mut Xml, home: &str, edit: &Edit<'_>) {
    match edit {
        Edit::AttachDisk { disk, controller, place, key } => add_disk(xml, disk, home, *key, *controller, *place),
        Edit::DetachDisk { key, file } => device(xml, "remove", None, "VirtualDisk", |xml| {
            xml.number("key", *key);
            xml.typed("backing", "VirtualDiskFlatVer2BackingInfo", |xml| {
                xml.text("fileName", &file.wire());
                xml.text("diskMode", "persistent");
            });
            xml.number("capacityInKB", 0);
        }),
        Edit::AddNic { nic, key } => device(xml, "add", None, model(nic.model), |xml| write_nic(xml, *key, nic, None)),
        Edit::Nic { there, nic } => {
            device(xml, "edit", None, model(nic.model), |xml| write_nic(xml, there.key, nic, Some(there)));
        }
        Edit::Cpus(_) | Edit::Memory(_) | Edit::Complete => {}
    }
}

/// Marks a machine that somebody else made.
pub(in crate::world::vsphere) fn mark(machine: &Moref, id: &str) -> Call {
    Call::new(Repeat::Change, machine, "ReconfigVM_Task", |xml| {
        xml.within("spec", |xml| {
            option(xml, OUR_ID, id);
            option(xml, OUR_STATE, COMPLETE);
        });
    })
}

/// Copies a machine with its disks, off.
pub(in crate::world::vsphere) fn clone(machine: &Moref, target: &Target<'_>, name: &str, id: &str) -> Call {
    Call::new(Repeat::Change, machine, "CloneVM_Task", |xml| {
        xml.object("folder", target.folder);
        xml.text("name", name);
        xml.within("spec", |xml| {
            xml.within("location", |xml| {
                xml.object("pool", target.pool);
                xml.optional_object("host", target.host);
            });
            xml.flag("template", false);
            xml.within("config", |xml| {
                option(xml, OUR_ID, id);
                option(xml, OUR_STATE, COMPLETE);
            });
            xml.flag("powerOn", false);
        });
    })
}

pub(in crate::world::vsphere) fn power_on(machine: &Moref) -> Call {
    Call::new(Repeat::Change, machine, "PowerOnVM_Task", |_| ())
}

pub(in crate::world::vsphere) fn power_off(machine: &Moref) -> Call {
    Call::new(Repeat::Change, machine, "PowerOffVM_Task", |_| ())
}

pub(in crate::world::vsphere) fn shut_down(machine: &Moref) -> Call {
    Call::new(Repeat::Change, machine, "ShutdownGuest", |_| ())
}

pub(in crate::world::vsphere) fn unregister(machine: &Moref) -> Call {
    Call::new(Repeat::Change, machine, "UnregisterVM", |_| ())
}

/// Where a machine moves to: what is none stays.
pub(in crate::world::vsphere) fn relocate(
    machine: &Moref,
    datastore: Option<&Moref>,
    pool: Option<&Moref>,
    host: Option<&Moref>,
) -> Call {
    Call::new(Repeat::Change, machine, "RelocateVM_Task", |xml| {
        xml.within("spec", |xml| {
            xml.optional_object("datastore", datastore);
            xml.optional_object("pool", pool);
            xml.optional_object("host", host);
        });
        xml.text("priority", "defaultPriority");
    })
}
