//! Interfaces as the text describes them: addresses, ARP, HSRP, tunnels.

use super::{At, Port};
use ipnetwork::Ipv4Network;
use std::net::Ipv4Addr;

/// An interface.
#[derive(Debug, Clone, PartialEq)]
pub struct Interface {
    /// Name.
    pub name: At<Port>,
    /// What it is for.
    pub description: Option<String>,
    /// Bandwidth shown to protocols, in kbit/s.
    pub bandwidth_kbps: Option<At<u32>>,
    /// VLAN of a subinterface.
    pub vlan: Option<At<u16>>,
    /// Routing table; none is the global one.
    pub vrf: Option<At<String>>,
    /// How it has an address.
    pub address: Option<At<Address>>,
    /// Further addresses.
    pub secondary: Vec<At<Ipv4Network>>,
    /// Whether it is switched off (`shutdown`).
    pub shutdown: Option<At<()>>,
    /// Access list of arriving packets.
    pub filter_in: Option<At<String>>,
    /// Access list of leaving packets.
    pub filter_out: Option<At<String>>,
    /// Which side of address translation it is.
    pub translation: Option<At<Side>>,
    /// `ip proxy-arp` or `no ip proxy-arp`, where written; IOS answers unless told not to.
    pub proxy_arp: Option<At<bool>>,
    /// `ip local-proxy-arp`.
    pub local_proxy_arp: Option<At<()>>,
    /// `ip redirects` or `no ip redirects`, where written; IOS sends them unless told not to.
    pub redirects: Option<At<bool>>,
    /// `ip unreachables` or `no ip unreachables`, where written; IOS sends them unless told not to.
    pub unreachables: Option<At<bool>>,
    /// Addresses to which broadcasts of clients are carried (`ip helper-address`).
    pub helpers: Vec<At<Ipv4Addr>>,
    /// Largest packet in bytes (`ip mtu`).
    pub mtu: Option<At<u16>>,
    /// Largest TCP segment in bytes (`ip tcp adjust-mss`).
    pub mss: Option<At<u16>>,
    /// `no cdp enable`.
    pub no_cdp: Option<At<()>>,
    /// Policy of arriving packets.
    pub policy_in: Option<At<String>>,
    /// Policy of leaving packets.
    pub policy_out: Option<At<String>>,
    /// HSRP.
    pub standby: Hsrp,
    /// Tunnel, where it is one.
    pub tunnel: Tunnel,
    /// `dialer in-band`, `dialer idle-timeout 0`, `dialer-group`, `pulse-time` of a modem's
    /// interface: present as they are needed together.
    pub dialer: Vec<At<String>>,
}

/// How an interface has an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `no ip address`.
    None,
    /// Typed: the address with the length of its network.
    Static(Ipv4Network),
    /// Borrowed from another interface.
    Unnumbered(Port),
    /// Given by the carrier or by DHCP.
    Negotiated,
}

/// Sides of address translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `ip nat inside`.
    Inside,
    /// `ip nat outside`.
    Outside,
}

/// HSRP of an interface.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hsrp {
    /// `standby version`; IOS speaks version 1 unless told.
    pub version: Option<At<u8>>,
    /// `standby delay`: seconds of silence after the interface came up, and after a reload.
    pub delay: Option<At<Delay>>,
    /// `standby use-bia`: answers with the hardware's own address instead of the virtual one.
    pub use_bia: Option<At<()>>,
    /// The groups.
    pub groups: Vec<Group>,
}

/// Two waits in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delay {
    /// After it could.
    pub minimum_s: u16,
    /// After a reload.
    pub reload_s: u16,
}

/// An HSRP group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Number, with the first line that names the group.
    pub number: At<u16>,
    /// Virtual address.
    pub vip: Option<At<Ipv4Addr>>,
    /// Further virtual addresses.
    pub secondary: Vec<At<Ipv4Addr>>,
    /// Priority, where written; 100 if not.
    pub priority: Option<At<u8>>,
    /// `preempt` with its waits; without it a better router does not take over a live one.
    pub preempt: Option<At<Delay>>,
    /// Hello and hold times in milliseconds, where written; 3000 and 10000 if not.
    pub timers: Option<At<Timers>>,
    /// How hellos are authenticated, where written; the text `cisco` if not.
    pub authentication: Option<At<Authentication>>,
    /// Name.
    pub name: Option<At<String>>,
    /// What lowers the priority.
    pub tracks: Vec<At<Decrement>>,
}

/// HSRP timers in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// Between two hellos.
    pub hello_ms: u32,
    /// Without a hello, until the peer counts as gone.
    pub hold_ms: u32,
}

/// How hellos are authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// In clear; what it is, is a secret of little worth and not kept.
    Text,
    /// MD5 with a key in the line.
    Md5String,
    /// MD5 with a key chain.
    Md5Chain(String),
}

/// What lowers a priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decrement {
    /// Number of the tracked object.
    pub object: u16,
    /// By how much; IOS takes 10 where it is not written.
    pub by: u8,
}

/// The tunnel part of an interface.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tunnel {
    /// Where outer packets leave, an interface or an address.
    pub source: Option<At<String>>,
    /// The other end; none on a template, which is called.
    pub destination: Option<At<Ipv4Addr>>,
    /// Such as `ipsec ipv4`; GRE where not written.
    pub mode: Option<At<String>>,
    /// Routing table of the outer packets; none is the global one.
    pub vrf: Option<At<String>>,
    /// IPsec profile that protects it.
    pub protection: Option<At<String>>,
    /// `qos pre-classify`.
    pub pre_classify: Option<At<()>>,
}

impl Interface {
    /// An interface of which only the name is said.
    pub fn named(name: At<Port>) -> Self {
        Self {
            name,
            description: None,
            bandwidth_kbps: None,
            vlan: None,
            vrf: None,
            address: None,
            secondary: Vec::new(),
            shutdown: None,
            filter_in: None,
            filter_out: None,
            translation: None,
            proxy_arp: None,
            local_proxy_arp: None,
            redirects: None,
            unreachables: None,
            helpers: Vec::new(),
            mtu: None,
            mss: None,
            no_cdp: None,
            policy_in: None,
            policy_out: None,
            standby: Hsrp::default(),
            tunnel: Tunnel::default(),
            dialer: Vec::new(),
        }
    }

    /// Its own address, if it is typed.
    pub fn network(&self) -> Option<Ipv4Network> {
        match self.address.as_ref().map(|at| &at.value) {
            Some(Address::Static(network)) => Some(*network),
            _ => None,
        }
    }

    /// Whether it answers ARP for what it has a route to: on unless told not to (IOS IP Addressing
    /// guide, "Proxy ARP"), and only where there is ARP.
    pub fn answers_for_others(&self) -> bool {
        !self.name.is_point_to_point() && self.proxy_arp.as_ref().is_none_or(|at| at.value)
    }
}

impl Group {
    /// A group of which only the number is said.
    pub fn numbered(number: At<u16>) -> Self {
        Self {
            number,
            vip: None,
            secondary: Vec::new(),
            priority: None,
            preempt: None,
            timers: None,
            authentication: None,
            name: None,
            tracks: Vec::new(),
        }
    }

    /// Its priority: 100 where not written.
    pub fn priority(&self) -> u8 {
        self.priority.map_or(100, |at| at.value)
    }

    /// Its timers: 3 s and 10 s where not written.
    pub fn timers(&self) -> Timers {
        self.timers.map_or(Timers { hello_ms: 3000, hold_ms: 10_000 }, |at| at.value)
    }
}
