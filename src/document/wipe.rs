//! The certificate of wiping: every disk of a tenant's old servers with what is known of it, and the cells that the
//! people who wipe it fill in by hand (NIST SP 800-88; items D-06 to D-08 of the decommissioning).
//!
//! [`Certificate`] is the value. Serial numbers, models and sizes are those of the last survey of each source; what
//! no survey has said is unknown. Texts of hosts are escaped where they land.

mod page;

pub use page::html;

use crate::journal::Event;
use crate::model::calendar::Term;
use crate::model::project::Project;
use crate::model::server::Server;
use crate::model::tenant::Tenant;
use crate::model::{DiskId, ServerId, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::net::Ipv4Addr;

/// What a certificate is made of.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The project.
    pub project: &'a Project,
    /// Whose servers.
    pub tenant: &'a Tenant,
    /// What the journal says of the tenant.
    pub events: &'a [Event],
    /// SHA-256 of the tenant's file in the inventory, as hex.
    pub inventory: &'a str,
    /// When the certificate is made, as the journal writes times.
    pub time: &'a str,
}

/// Every disk that is to be wiped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Certificate<'a> {
    /// Whose servers.
    pub tenant: &'a TenantId,
    /// When it was made.
    pub time: &'a str,
    /// SHA-256 of the tenant's file in the inventory, as hex.
    pub inventory: &'a str,
    /// What has to pass before a disk is wiped, from the acceptance of the landing on.
    pub quiet_before_wipe: Term,
    /// The servers in the order of the inventory.
    pub servers: Vec<OldServer<'a>>,
}

/// A server whose disks are wiped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OldServer<'a> {
    /// Its id.
    pub server: &'a ServerId,
    /// Operating system, as the inventory prints it.
    pub system: String,
    /// Its address in the town.
    pub address: Ipv4Addr,
    /// Maker and model of the machine.
    pub hardware: Option<String>,
    /// The survey that this was read from.
    pub survey: Option<Surveyed>,
    /// Its disks.
    pub media: Vec<Medium>,
}

/// A survey in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Surveyed {
    /// Number of its event.
    pub event: u64,
    /// When, as the journal writes times.
    pub time: String,
    /// SHA-256 of the event's line with its newline, as hex.
    pub sha256: String,
}

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Medium {
    /// How its system calls it.
    pub device: Option<String>,
    /// The disks of the inventory that are on it.
    pub disks: Vec<DiskId>,
    /// Serial number.
    pub serial: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Size in bytes.
    pub size: Option<u64>,
}

impl<'a> Certificate<'a> {
    /// The certificate that `sources` give, with nothing filled in.
    pub fn new(sources: &Sources<'a>) -> Self {
        let servers = sources.tenant.servers.known().map(Vec::as_slice).unwrap_or_default();
        Self {
            tenant: &sources.tenant.id,
            time: sources.time,
            inventory: sources.inventory,
            quiet_before_wipe: sources.project.terms.quiet_before_wipe,
            servers: servers.iter().map(|server| OldServer::new(server, sources.events)).collect(),
        }
    }
}

impl<'a> OldServer<'a> {
    fn new(server: &'a Server, events: &[Event]) -> Self {
        let found = last_survey(server, events);
        let seen = found.as_ref().map(|(_, seen)| seen);
        Self {
            server: &server.id,
            system: server.os.to_string(),
            address: server.address,
            hardware: seen.and_then(|seen| seen.system.hardware.clone()),
            media: media(server, seen),
            survey: found.map(|(event, _)| Surveyed {
                event: event.seq,
                time: event.time.clone(),
                sha256: event.digest(),
            }),
        }
    }
}

/// What a survey says of disks. A survey of an earlier version knows less.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Seen {
    system: SeenSystem,
    disks: Vec<SeenDevice>,
    sources: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SeenSystem {
    hardware: Option<String>,
    virtualisation: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SeenDevice {
    name: String,
    parent: Option<String>,
    kind: String,
    size: Option<u64>,
    model: Option<String>,
    serial: Option<String>,
}

/// The last survey of the source. After the move its copy may answer at the same address: what a virtual machine
/// says is not said of a physical server's disks.
fn last_survey<'e>(server: &Server, events: &'e [Event]) -> Option<(&'e Event, Seen)> {
    let of_it = |event: &&Event| event.kind == "survey.recorded" && event.data["server"] == server.id.as_str();
    let read = |event: &'e Event| Some((event, Seen::deserialize(&event.data["survey"]).ok()?));
    let of_source = |(_, seen): &(&Event, Seen)| !(server.physical && seen.system.virtualisation.is_some());
    events.iter().rev().filter(of_it).filter_map(read).find(of_source)
}

/// The disks that the survey saw, and those of the inventory that are on none of them.
fn media(server: &Server, seen: Option<&Seen>) -> Vec<Medium> {
    let devices = seen.map(|seen| seen.disks.as_slice()).unwrap_or_default();
    let whole: Vec<Option<&str>> = (0..server.disks.len()).map(|at| seen.and_then(|seen| source(seen, at))).collect();
    let on = |name: &str| {
        let disks = server.disks.iter().zip(&whole).filter(|(_, device)| **device == Some(name));
        disks.map(|(disk, _)| disk.id.clone()).collect()
    };
    let disks = devices.iter().filter(|device| device.kind == "disk");
    let mut media: Vec<Medium> = disks
        .map(|device| Medium {
            device: Some(device.name.clone()),
            disks: on(&device.name),
            serial: device.serial.clone(),
            model: device.model.clone(),
            size: device.size,
        })
        .collect();
    // A Windows does not say which of its disks is which of the inventory's.
    let says_sources = seen.is_none_or(|seen| !seen.sources.is_empty() || media.is_empty());
    let placed: Vec<DiskId> = media.iter().flat_map(|medium| medium.disks.clone()).collect();
    let unseen = server.disks.iter().filter(|disk| says_sources && !placed.contains(&disk.id));
    media.extend(unseen.map(|disk| Medium {
        device: disk.source.as_ref().map(|source| source.display().to_string()),
        disks: vec![disk.id.clone()],
        serial: None,
        model: None,
        size: disk.size,
    }));
    media
}

/// The whole disk on which the inventory's disk number `at` is.
fn source(seen: &Seen, at: usize) -> Option<&str> {
    let mut name = seen.sources.get(at)?["block"]["device"].as_str()?;
    // A host that lies may name a circle.
    for _ in 0..seen.disks.len() {
        match seen.disks.iter().find(|device| device.name == name).and_then(|device| device.parent.as_deref()) {
            Some(parent) if parent != name => name = parent,
            _ => break,
        }
    }
    Some(name)
}
