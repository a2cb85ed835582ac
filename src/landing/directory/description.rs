//! `machine.json`: what a machine is to be, for whoever boots it.

use crate::landing::blueprint::Blueprint;
use crate::landing::zone::Port;
use serde::{Deserialize, Serialize};

/// The version of this form.
const FORM: u32 = 1;

/// A machine in a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Description {
    form: u32,
    /// By this it is known again.
    pub(super) id: String,
    uuid: String,
    name: String,
    tenant: String,
    server: String,
    purpose: String,
    firmware: String,
    /// The guest's system in the words of vSphere.
    guest: String,
    cpus: u16,
    memory_mb: u32,
    controller: String,
    nic: NicDescription,
    /// In the order of their places.
    disks: Vec<DiskDescription>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct NicDescription {
    model: String,
    mac: String,
    /// Where its cable goes; none is nowhere.
    port: Option<Port>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct DiskDescription {
    id: String,
    /// In the same folder.
    file: String,
    bytes: u64,
}

impl Description {
    /// Of a blueprint, its cable unplugged.
    pub(super) fn of(blueprint: &Blueprint) -> Self {
        let identity = &blueprint.identity;
        let disk = |disk: &crate::landing::blueprint::BlueprintDisk| DiskDescription {
            id: disk.id.to_string(),
            file: disk.image.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            bytes: disk.bytes,
        };
        Self {
            form: FORM,
            id: identity.mark(),
            uuid: identity.uuid(),
            name: identity.name(),
            tenant: identity.tenant().to_string(),
            server: identity.server().to_string(),
            purpose: identity.purpose().word().to_owned(),
            firmware: blueprint.firmware.word().to_owned(),
            guest: blueprint.guest.clone(),
            cpus: blueprint.cpus,
            memory_mb: blueprint.memory_mb,
            controller: blueprint.controller.word().to_owned(),
            nic: NicDescription {
                model: blueprint.nic.model.word().to_owned(),
                mac: blueprint.nic.mac.clone(),
                port: None,
            },
            disks: blueprint.disks.iter().map(disk).collect(),
        }
    }

    /// Where its cable goes.
    pub(super) fn port(&self) -> Option<Port> {
        self.nic.port
    }

    /// The same with its cable elsewhere.
    #[must_use]
    pub(super) fn plugged(mut self, port: Option<Port>) -> Self {
        self.nic.port = port;
        self
    }

    /// As text.
    pub(super) fn text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Reads one.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let read: Self = serde_json::from_slice(text).map_err(|error| format!("no description: {error}"))?;
        if read.form == FORM { Ok(read) } else { Err(format!("of the form {}, and not {FORM}", read.form)) }
    }
}
