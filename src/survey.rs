//! What a server is, found over SSH or WinRM: one connection, one script that only reads, one typed survey,
//! and where it differs from the inventory.

mod compare;
mod parse;
mod run;
mod script;

pub use compare::{Difference, compare};
pub use parse::{Malformed, parse};
pub use run::{Found, survey};
pub use script::{Mark, powershell_script, script};

use ipnetwork::{IpNetwork, Ipv4Network};
use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr};

/// What a host said of itself. Texts are as the host gave them: escape them where they are shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Survey {
    /// Its own name.
    pub host_name: String,
    /// Operating system and machine.
    pub system: System,
    /// Seconds since it was started.
    pub uptime_seconds: Option<u64>,
    /// Block devices: disks, and what is made of them.
    pub disks: Vec<BlockDevice>,
    /// Mounted filesystems that are on devices or on other machines.
    pub filesystems: Vec<Filesystem>,
    /// Network interfaces without the loopback.
    pub interfaces: Vec<Interface>,
    /// IPv4 routes of the main table.
    pub routes: Vec<Route>,
    /// Name servers in use.
    pub name_servers: Vec<IpAddr>,
    /// Running services by unit name, or programs by name where there is no systemd.
    pub services: Vec<String>,
    /// TCP ports that listen, UDP ports that are bound.
    pub ports: Vec<Port>,
    /// Whether it is set up as a domain controller.
    pub domain_controller: bool,
    /// What shows that: a line of Samba's configuration, a directory's database.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controller_seen: Vec<String>,
    /// What stands at the sources of the inventory's disks, in their order.
    pub sources: Vec<Source>,
    /// Parts that could not be read, for lack of rights or of programs.
    pub unread: Vec<String>,
}

/// Operating system and machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct System {
    /// Printed name, such as `Debian GNU/Linux 12 (bookworm)`.
    pub name: String,
    /// Kernel release.
    pub kernel: String,
    /// Architecture, such as `x86_64`.
    pub architecture: String,
    /// Kind of virtual machine; none is a physical machine, or unknown.
    pub virtualisation: Option<String>,
    /// Maker and model.
    pub hardware: Option<String>,
    /// `uefi` or `bios`.
    pub firmware: Option<String>,
    /// Logical processors.
    pub processors: Option<u32>,
    /// Memory in bytes.
    pub memory: Option<u64>,
}

/// A block device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlockDevice {
    /// Kernel name, such as `sda` or `dm-0`.
    pub name: String,
    /// The device it is a part of.
    pub parent: Option<String>,
    /// `disk`, `part`, `lvm`, `rom`, `loop`, …
    pub kind: String,
    /// Size in bytes.
    pub size: u64,
    /// Whether it cannot be written.
    pub read_only: bool,
    /// Model of a disk.
    pub model: Option<String>,
    /// Serial number of a disk, where the system tells it: not of disks behind a RAID controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Filesystem on it.
    pub filesystem: Option<String>,
    /// UUID of that filesystem.
    pub uuid: Option<String>,
}

/// A mounted filesystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Filesystem {
    /// Source as mounted, such as `/dev/mapper/vg-root` or `nas:/export`.
    pub source: String,
    /// Kernel name of its block device.
    pub device: Option<String>,
    /// Type, such as `ext4`.
    pub kind: String,
    /// Where it is mounted.
    pub mountpoint: String,
    /// Size in bytes.
    pub size: Option<u64>,
    /// Bytes used.
    pub used: Option<u64>,
    /// Its UUID.
    pub uuid: Option<String>,
    /// Whether it is mounted read-only.
    pub read_only: bool,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// Name, such as `eth0`.
    pub name: String,
    /// Hardware address.
    pub mac: Option<String>,
    /// Addresses with their prefix.
    pub addresses: Vec<IpNetwork>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Route {
    /// Where to.
    pub destination: Ipv4Network,
    /// Next hop; none is on the link.
    pub via: Option<Ipv4Addr>,
    /// Interface.
    pub interface: String,
}

/// Transport protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// TCP, listening.
    Tcp,
    /// UDP, bound.
    Udp,
}

/// A port on which the host takes requests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Port {
    /// Protocol.
    pub protocol: Protocol,
    /// Port.
    pub port: u16,
    /// Address it is bound to; the unspecified one is all of them.
    pub address: IpAddr,
}

/// What stands at the source of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A block device.
    Block {
        /// Kernel name.
        device: String,
        /// Size in bytes, if it could be read.
        size: Option<u64>,
    },
    /// An image file.
    File {
        /// Size in bytes, if it could be read.
        size: Option<u64>,
    },
    /// Neither a block device nor a file.
    Other,
    /// Nothing.
    Missing,
}

impl Survey {
    /// The whole disk that `device` is a part of, by name; itself where nothing is above it.
    pub fn whole_disk<'a>(&'a self, device: &'a str) -> &'a str {
        let mut name = device;
        // A host that lies may name a circle.
        for _ in 0..self.disks.len() {
            let above = self.disks.iter().find(|disk| disk.name == name).and_then(|disk| disk.parent.as_deref());
            match above {
                Some(parent) if parent != name => name = parent,
                _ => break,
            }
        }
        name
    }

    /// The addresses of all interfaces.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.interfaces.iter().flat_map(|interface| interface.addresses.iter().map(IpNetwork::ip))
    }

    /// Whether the host takes requests from others on this port.
    pub fn serves(&self, protocol: Protocol, port: u16) -> bool {
        self.ports.iter().any(|found| found.protocol == protocol && found.port == port && !found.address.is_loopback())
    }
}
