//! Interfaces of a router: addresses, HSRP, tunnels.

use super::token::Token;
use ipnetwork::Ipv4Network;
use serde::Serialize;
use std::fmt;
use std::net::Ipv4Addr;

/// The name of an interface, ordered as a running configuration lists them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InterfaceName {
    /// `LoopbackN`.
    Loopback(u16),
    /// `TunnelN`.
    Tunnel(u16),
    /// `GigabitEthernet0/0/PORT`, or `.VLAN` of it.
    Ethernet {
        /// Port.
        port: u8,
        /// VLAN of the subinterface.
        vlan: Option<u16>,
    },
    /// `Cellular0/SLOT/0`.
    Cellular(u8),
    /// `Virtual-TemplateN`.
    Template(u16),
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loopback(number) => write!(f, "Loopback{number}"),
            Self::Tunnel(number) => write!(f, "Tunnel{number}"),
            Self::Ethernet { port, vlan: None } => write!(f, "GigabitEthernet0/0/{port}"),
            Self::Ethernet { port, vlan: Some(vlan) } => write!(f, "GigabitEthernet0/0/{port}.{vlan}"),
            Self::Cellular(slot) => write!(f, "Cellular0/{slot}/0"),
            Self::Template(number) => write!(f, "Virtual-Template{number}"),
        }
    }
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interface {
    /// Name.
    pub name: InterfaceName,
    /// What it is for.
    pub description: String,
    /// Bandwidth shown to protocols, in kbit/s.
    pub bandwidth_kbps: Option<u32>,
    /// Routing table; none is the global one.
    pub vrf: Option<Token>,
    /// Its address.
    pub address: Address,
    /// Access list of arriving packets.
    pub access_list: Option<Token>,
    /// Whether it answers ARP for addresses it has a route to; none where there is no ARP.
    pub proxy_arp: Option<bool>,
    /// Whether it tells senders why a packet was dropped. Only the carrier's side does not: a client
    /// has to hear that its packet is too big for the tunnel.
    pub unreachables: bool,
    /// Largest packet in bytes, where it is not the medium's.
    pub mtu: Option<u16>,
    /// Which side of address translation it is.
    pub translation: Option<Side>,
    /// Largest TCP segment in bytes, clamped in both directions.
    pub mss: Option<u16>,
    /// HSRP.
    pub standby: Option<Standby>,
    /// Tunnel, where it is one.
    pub tunnel: Option<Tunnel>,
    /// Whether it faces the carrier: no discovery protocol there.
    pub outside: bool,
    /// Shaper of leaving packets, by name.
    pub shaper: Option<Token>,
}

impl Interface {
    /// An interface with an address and nothing else.
    pub fn new(name: InterfaceName, description: String, address: Address) -> Self {
        Self {
            name,
            description,
            bandwidth_kbps: None,
            vrf: None,
            address,
            access_list: None,
            proxy_arp: None,
            unreachables: true,
            mtu: None,
            translation: None,
            mss: None,
            standby: None,
            tunnel: None,
            outside: false,
            shaper: None,
        }
    }
}

/// Sides of address translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// `ip nat inside`.
    Inside,
    /// `ip nat outside`.
    Outside,
}

/// How an interface has an address.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Address {
    /// None: the trunk below subinterfaces.
    None,
    /// Ours.
    Static {
        /// Address with the length of its network.
        network: Ipv4Network,
    },
    /// Borrowed from another interface.
    Unnumbered {
        /// Which.
        interface: InterfaceName,
    },
    /// Given by the carrier.
    Negotiated,
}

/// HSRP version 2 of one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standby {
    /// Group.
    pub group: u16,
    /// Virtual address.
    pub vip: Ipv4Addr,
    /// Priority.
    pub priority: u8,
    /// Seconds to wait before taking over, and after a reload; none takes over at once.
    pub preempt: Option<Preempt>,
    /// Key chain of the group.
    pub key_chain: Token,
    /// Name of the group.
    pub name: Token,
    /// The object whose loss lowers the priority, and by how much.
    pub track: Option<Decrement>,
}

/// Delays before the preferred router takes over again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Preempt {
    /// After it could, in seconds.
    pub minimum_s: u16,
    /// After a reload, in seconds.
    pub reload_s: u16,
}

/// What lowers a priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Decrement {
    /// Number of the tracked object.
    pub object: u16,
    /// By how much.
    pub by: u8,
}

/// An IPsec tunnel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tunnel {
    /// Interface and address of the other end, where we call; none where we are called.
    pub calls: Option<Call>,
    /// VRF of the outer packets.
    pub outer_vrf: Token,
    /// IPsec profile.
    pub profile: Token,
}

/// Where a tunnel leaves and whom it calls.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    /// Interface that carries the outer packets.
    pub source: InterfaceName,
    /// Address of the other end.
    pub destination: Ipv4Addr,
}

impl Serialize for InterfaceName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
