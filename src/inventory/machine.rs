//! What a server's file may say of its copy's virtual hardware.

use super::form::scalars::{text_like, whole, word};
use super::form::{Fields, Form, record};
use super::problem::Complaint;
use crate::model::machine::{Controller, Firmware, Hardware, NicModel};
use crate::model::server::Server;

/// Most memory that a machine of vSphere 6.5 has, in MiB: 6 TiB.
const MOST_MEMORY: u64 = 6 << 20;

/// The form of the block `machine`.
pub(super) fn form() -> impl Form<Value = Hardware> {
    record("Virtual hardware.", hardware)
}

fn hardware(fields: &mut Fields<'_>) -> Option<Hardware> {
    let cpus = fields.optional("cpus", "Virtual processors.", whole(1..=128));
    let memory_mb = fields.optional("memory_mb", "Memory in MiB, a multiple of 4.", whole(4..=MOST_MEMORY));
    let boots = "What boots it; it must be as on the source, for the disks are made for it.";
    let firmware = fields.optional("firmware", boots, word(&Firmware::WORDS));
    let on = "What its disks are on (default: `lsisas1068` for a Windows, `pvscsi` for a Linux).";
    let controller = fields.optional("controller", on, word(&Controller::WORDS));
    let card = "The model of its network card (default: `e1000` for a Windows, `vmxnet3` for a Linux).";
    let nic = fields.optional("nic", card, word(&NicModel::WORDS));
    let guest_id = fields.optional("guest_id", "The guest's system in the words of vSphere.", guest());
    let memory_mb = memory_mb?;
    if memory_mb.is_some_and(|mib: u32| !mib.is_multiple_of(4)) {
        let complaint = Complaint::new("the memory is no multiple of 4 MiB, as vSphere wants it");
        fields.refuse("memory_mb", complaint.hint("for example 4096"));
    }
    Some(Hardware {
        cpus: cpus?,
        memory_mb,
        firmware: firmware?,
        controller: controller?,
        nic: nic?,
        guest_id: guest_id?,
    })
}

fn guest() -> impl Form<Value = String> {
    text_like("^[A-Za-z][A-Za-z0-9_]{0,60}Guest$", "windows7Server64Guest", "a guest of vSphere", |text| {
        text.len() <= 66
            && text.strip_suffix("Guest").is_some_and(|name| !name.is_empty())
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// The disks have places on the controller that is named.
pub(super) fn check(fields: &mut Fields<'_>, server: &Server) {
    let named = server.machine.as_ref().and_then(|machine| machine.controller);
    let Some(controller) = named.filter(|controller| server.disks.len() > controller.places()) else { return };
    let (disks, places) = (server.disks.len(), controller.places());
    let complaint = Complaint::new(format!("the server has {disks} disks, and the controller {places} places"));
    fields.refuse("machine.controller", complaint.hint("take one of SCSI, with fifteen places"));
}
