//! Where a host differs from what the inventory says of it. Pure.
//!
//! A machine booted from a rescue system (transfer `rescue`) shows the rescue system: its own name,
//! roles and services are asleep on its disks, so only disks and address are compared.

use super::{BlockDevice, Protocol, Source, Survey};
use crate::model::DiskId;
use crate::model::server::{Disk, Os, Server, ServerRole, Transfer};
use serde::Serialize;
use std::fmt;
use std::net::Ipv4Addr;

/// Sizes in the inventory are rounded to gigabytes: up to this share they are the same.
const TOLERANCE_PERCENT: u64 = 2;
/// A forecast survives so much more data than the inventory says.
const MORE_USED_PERCENT: u64 = 10;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Difference {
    /// No interface has the address of the inventory.
    Address {
        /// The address of the inventory.
        inventory: Ipv4Addr,
        /// IPv4 addresses of the host.
        host: Vec<Ipv4Addr>,
    },
    /// The host runs another system.
    System {
        /// The system of the inventory.
        inventory: String,
        /// The system of the host.
        host: String,
    },
    /// Nothing stands at the source of a disk.
    DiskMissing {
        /// The disk.
        disk: DiskId,
        /// Its source.
        source: String,
    },
    /// What stands at the source is neither a block device nor a file.
    DiskUnreadable {
        /// The disk.
        disk: DiskId,
        /// Its source.
        source: String,
    },
    /// The disk has another size.
    DiskSize {
        /// The disk.
        disk: DiskId,
        /// Bytes in the inventory.
        inventory: u64,
        /// Bytes on the host.
        host: u64,
    },
    /// More is used than the inventory says: forecasts would be too good.
    DiskUsed {
        /// The disk.
        disk: DiskId,
        /// Bytes in the inventory.
        inventory: u64,
        /// Bytes on the host, of the filesystems that are mounted.
        host: u64,
    },
    /// The host has a disk that no disk of the inventory covers: it would stay behind.
    DiskUnlisted {
        /// Kernel name.
        device: String,
        /// Its size in bytes.
        size: u64,
    },
    /// A disk that is to be copied cold has a filesystem mounted for writing.
    MountedForWriting {
        /// The disk.
        disk: DiskId,
        /// Where it is mounted.
        mountpoint: String,
    },
    /// The host serves what belongs to a role that the inventory does not give it.
    RoleFound {
        /// The role.
        role: ServerRole,
        /// What shows it.
        evidence: String,
    },
    /// The inventory gives a role whose service the host does not offer.
    RoleAbsent {
        /// The role.
        role: ServerRole,
        /// What is missing.
        evidence: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Address { inventory, host } => {
                let host: Vec<String> = host.iter().map(ToString::to_string).collect();
                let host = if host.is_empty() { "no IPv4 address".to_owned() } else { host.join(", ") };
                write!(f, "address: the inventory says {inventory}, the host has {host}")
            }
            Difference::System { inventory, host } => {
                write!(f, "system: the inventory says {inventory}, the host runs {host}")
            }
            Difference::DiskMissing { disk, source } => write!(f, "{disk}: there is no {source} on the host"),
            Difference::DiskUnreadable { disk, source } => {
                write!(f, "{disk}: {source} is neither a block device nor a file")
            }
            Difference::DiskSize { disk, inventory, host } => {
                write!(f, "{disk}: the inventory says {inventory} bytes, the host has {host}")
            }
            Difference::DiskUsed { disk, inventory, host } => {
                write!(f, "{disk}: the inventory says that {inventory} bytes are used, the host uses {host}")
            }
            Difference::DiskUnlisted { device, size } => {
                write!(f, "{device}: a disk of {size} bytes that the inventory does not have; it would stay behind")
            }
            Difference::MountedForWriting { disk, mountpoint } => {
                write!(f, "{disk}: it is to be copied cold, and is mounted for writing on {mountpoint}")
            }
            Difference::RoleFound { role, evidence } => {
                write!(f, "role {}: the inventory does not have it, and {evidence}", role.word())
            }
            Difference::RoleAbsent { role, evidence } => {
                write!(f, "role {}: the inventory has it, and {evidence}", role.word())
            }
        }
    }
}

/// All differences between `server` and its `survey`, whose sources are those of the server's disks
/// that have one, in order.
pub fn compare(server: &Server, survey: &Survey) -> Vec<Difference> {
    let mut found = Vec::new();
    address(server, survey, &mut found);
    disks(server, survey, &mut found);
    unlisted(server, survey, &mut found);
    if server.transfer != Transfer::Rescue {
        system(server, survey, &mut found);
        roles(server, survey, &mut found);
    }
    found
}

fn address(server: &Server, survey: &Survey, found: &mut Vec<Difference>) {
    let host: Vec<Ipv4Addr> =
        survey.interfaces.iter().flat_map(|interface| &interface.addresses).filter_map(ipv4).collect();
    let known = !survey.unread.iter().any(|section| section == "interfaces");
    if known && !host.contains(&server.address) {
        found.push(Difference::Address { inventory: server.address, host });
    }
}

fn ipv4(network: &ipnetwork::IpNetwork) -> Option<Ipv4Addr> {
    match network {
        ipnetwork::IpNetwork::V4(network) => Some(network.ip()),
        ipnetwork::IpNetwork::V6(_) => None,
    }
}

/// The disks of the inventory that have a source, with what stands there.
fn placed<'a>(server: &'a Server, survey: &'a Survey) -> impl Iterator<Item = (&'a Disk, String, &'a Source)> {
    let disks = server.disks.iter().filter_map(|disk| Some((disk, disk.source.as_ref()?.display().to_string())));
    disks.zip(&survey.sources).map(|((disk, path), source)| (disk, path, source))
}

fn disks(server: &Server, survey: &Survey, found: &mut Vec<Difference>) {
    for (disk, source, state) in placed(server, survey) {
        let size = match state {
            Source::Missing => {
                found.push(Difference::DiskMissing { disk: disk.id.clone(), source });
                continue;
            }
            Source::Other => {
                found.push(Difference::DiskUnreadable { disk: disk.id.clone(), source });
                continue;
            }
            Source::File { size } | Source::Block { size, .. } => *size,
        };
        if let (Some(inventory), Some(host)) = (disk.size, size)
            && inventory.abs_diff(host) > percent(inventory, TOLERANCE_PERCENT)
        {
            found.push(Difference::DiskSize { disk: disk.id.clone(), inventory, host });
        }
        if let Source::Block { device, .. } = state {
            contents(server, disk, device, survey, found);
        }
    }
}

/// What is mounted from a disk of the inventory.
fn contents(server: &Server, disk: &Disk, device: &str, survey: &Survey, found: &mut Vec<Difference>) {
    let inside = |name: &str| survey.whole_disk(name) == device || name == device;
    let mut mounted: Vec<_> =
        survey.filesystems.iter().filter(|filesystem| filesystem.device.as_deref().is_some_and(inside)).collect();
    if server.transfer == Transfer::Rescue {
        found.extend(mounted.iter().filter(|filesystem| !filesystem.read_only).map(|filesystem| {
            Difference::MountedForWriting { disk: disk.id.clone(), mountpoint: filesystem.mountpoint.clone() }
        }));
    }
    // One filesystem mounted in several places counts once.
    mounted.sort_by(|a, b| a.device.cmp(&b.device));
    mounted.dedup_by(|a, b| a.device == b.device);
    let host = mounted.iter().filter_map(|filesystem| filesystem.used).fold(0, u64::saturating_add);
    if let Some(inventory) = disk.used
        && host.saturating_sub(inventory) > percent(inventory, MORE_USED_PERCENT)
    {
        found.push(Difference::DiskUsed { disk: disk.id.clone(), inventory, host });
    }
}

/// Disks that nothing in the inventory covers, where its sources are devices at all.
fn unlisted(server: &Server, survey: &Survey, found: &mut Vec<Difference>) {
    let covered: Vec<&str> = placed(server, survey)
        .filter_map(|(_, _, source)| match source {
            Source::Block { device, .. } => Some(survey.whole_disk(device)),
            _ => None,
        })
        .collect();
    if covered.is_empty() {
        return;
    }
    let is_disk = |disk: &&BlockDevice| disk.kind == "disk" && !disk.name.starts_with("zram");
    let unlisted = survey.disks.iter().filter(is_disk).filter(|disk| !covered.contains(&disk.name.as_str()));
    found.extend(unlisted.map(|disk| Difference::DiskUnlisted { device: disk.name.clone(), size: disk.size }));
}

fn percent(of: u64, percent: u64) -> u64 {
    of / 100 * percent
}

/// Each word of the inventory's name must occur in the host's: `Debian 12` is
/// `Debian GNU/Linux 12 (bookworm)`.
fn system(server: &Server, survey: &Survey, found: &mut Vec<Difference>) {
    let host = survey.system.name.to_lowercase();
    let words = |name: &str| {
        name.to_lowercase().split_whitespace().all(|word| {
            host.split(|c: char| !c.is_alphanumeric() && c != '.').any(|part| part.starts_with(word))
                || host.contains(word)
        })
    };
    let same = match &server.os {
        Os::Linux(name) => host.is_empty() || !host.contains("windows") && words(name),
        Os::Windows(name) => host.contains("windows") && words(name),
    };
    if !same {
        found.push(Difference::System { inventory: server.os.to_string(), host: survey.system.name.clone() });
    }
}

/// Services that show a role: a directory needs both LDAP and Kerberos.
const SHOWN_BY: [(ServerRole, &[(Protocol, u16)]); 7] = [
    (ServerRole::Ad, &[(Protocol::Tcp, 389), (Protocol::Tcp, 88)]),
    (ServerRole::Dns, &[(Protocol::Tcp, 53), (Protocol::Udp, 53)]),
    (ServerRole::File, &[(Protocol::Tcp, 445)]),
    (ServerRole::Database, &[(Protocol::Tcp, 5432)]),
    (ServerRole::Database, &[(Protocol::Tcp, 3306)]),
    (ServerRole::Database, &[(Protocol::Tcp, 1433)]),
    (ServerRole::Database, &[(Protocol::Tcp, 1521)]),
];

fn roles(server: &Server, survey: &Survey, found: &mut Vec<Difference>) {
    let known = !survey.unread.iter().any(|section| section == "sockets");
    for (role, ports) in SHOWN_BY {
        let words: Vec<String> = ports
            .iter()
            .map(|(protocol, port)| format!("{} {port}", if *protocol == Protocol::Tcp { "TCP" } else { "UDP" }))
            .collect();
        let served = ports.iter().all(|(protocol, port)| survey.serves(*protocol, *port));
        let has_role = server.roles.contains(&role);
        // A controller shares SYSVOL and every Windows its administrators' shares: to serve files is no second role.
        let shares = server.is_domain_controller() || survey.domain_controller || matches!(server.os, Os::Windows(_));
        let explained = role == ServerRole::File && shares;
        if served && !has_role && !explained {
            found.push(Difference::RoleFound { role, evidence: format!("it serves {}", words.join(" and ")) });
        }
        if known && !served && has_role && matches!(role, ServerRole::Ad | ServerRole::Dns) {
            found.push(Difference::RoleAbsent { role, evidence: format!("it does not serve {}", words.join(" and ")) });
        }
    }
    let shown = found.iter().any(|difference| matches!(difference, Difference::RoleFound { role: ServerRole::Ad, .. }));
    if survey.domain_controller && !server.is_domain_controller() && !shown {
        let evidence = "it is set up as a domain controller".to_owned();
        found.push(Difference::RoleFound { role: ServerRole::Ad, evidence });
    }
}

#[cfg(test)]
mod tests;
