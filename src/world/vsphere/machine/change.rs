//! Changes of a machine's hardware, by what is there already.

use super::cards;
use crate::untrusted::printable;
use crate::world::vsphere::reading::objects::{Device, Plug};
use crate::world::vsphere::spec::{Change, Disk, Network, Nic, unit};
use crate::world::vsphere::wire::machines::{self, Edit};
use crate::world::vsphere::wire::{Moref, names};

/// Most places on a controller.
const PLACES: usize = 15;
/// The key of the first disk of a controller that has none.
const FIRST_DISK: i32 = 2000;

/// What is to be done about a change: nothing if it is so already. `ahead` edits were made before it.
pub(super) fn edit<'a>(devices: &'a [Device], change: &'a Change, ahead: usize) -> Result<Option<Edit<'a>>, String> {
    Ok(Some(match change {
        Change::Cpus(cpus) => Edit::Cpus(*cpus),
        Change::Memory(mib) => Edit::Memory(*mib),
        Change::AddNic(nic) => {
            let last = cards(devices).last().map_or(machines::NIC_KEY, |card| card.key.saturating_add(1));
            Edit::AddNic { nic, key: last.max(machines::NIC_KEY) + i32::try_from(ahead).unwrap_or(0) }
        }
        Change::AttachDisk(disk) => return attach(devices, disk, ahead),
        Change::DetachDisk(file) => match devices.iter().find(|one| one.is_disk() && one.file.as_ref() == Some(file)) {
            Some(found) => Edit::DetachDisk { key: found.key, file },
            None => return Ok(None),
        },
        Change::Cable { nic, network, start_connected, connected } => {
            let device = cards(devices).into_iter().nth(*nic);
            let device = device.ok_or_else(|| format!("it has no network card {nic}"))?;
            let card = card(device, network.clone(), *start_connected, *connected)?;
            Edit::Nic { there: device, nic: card }
        }
    }))
}

fn attach<'a>(devices: &[Device], disk: &'a Disk, ahead: usize) -> Result<Option<Edit<'a>>, String> {
    let file = disk.file.as_ref().ok_or("a disk without a file comes by an import only")?;
    if let Some(problem) = file.problem() {
        return Err(problem);
    }
    let disks = || devices.iter().filter(|one| one.is_disk());
    if disks().any(|one| one.file.as_ref() == Some(file)) {
        return Ok(None);
    }
    let controller = devices.iter().find(|one| one.is_controller()).ok_or("it has no SCSI controller")?.key;
    let is_used = |place: &u8| disks().any(|one| one.controller == Some(controller) && one.unit == Some(*place));
    // Those of the same change come behind each other.
    let place = (0..PLACES).map(unit).filter(|place| !is_used(place)).nth(ahead);
    let place = place.ok_or("its SCSI controller has no place left")?;
    let last = disks().map(|one| one.key).max().unwrap_or(0).max(FIRST_DISK);
    let key = last.saturating_add(1 + i32::from(place));
    Ok(Some(Edit::AttachDisk { disk, controller, place, key }))
}

/// A card as it is, with another cable.
fn card(device: &Device, network: Option<Network>, start_connected: bool, connected: bool) -> Result<Nic, String> {
    let model = machines::model_of(&device.kind);
    let model = model.ok_or_else(|| format!("it has a card of the model {}", printable(&device.kind)))?;
    let network = match (network, &device.plug) {
        (Some(network), _) => network,
        (None, Plug::Standard { object: Some(object), name }) => {
            Network::Standard { object: object.clone(), name: name.clone() }
        }
        (None, Plug::Distributed { key, switch }) => {
            let object = Moref::new(names::PORT_GROUP, key);
            Network::Distributed { object, key: key.clone(), switch: switch.clone() }
        }
        (None, _) => return Err("its card has no network".to_owned()),
    };
    Ok(Nic { model, network, mac: device.mac.clone(), start_connected, connected })
}
