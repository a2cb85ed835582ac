//! What a router's text says, typed: the nouns that rules, simulation and differences work on.
//!
//! A [`Device`] is read from any configuration by `parse`, ours or not, and made from a
//! [`RouterPlan`](super::router::RouterPlan) by `intent`; both must come to the same value. Every
//! value knows the line that says it; where it stands says nothing about what it is, so lines do
//! not count when devices are compared. What IOS does where a line is missing is here as the
//! default of a field, with its source.

mod canonical;
pub mod filter;
pub mod interface;
pub mod offer;
pub mod queue;
pub mod route;
pub mod tracking;
pub mod tunnel;

use interface::{Authentication, Group};
use std::fmt;
use std::ops::Deref;

/// A value and the line that says it.
#[derive(Debug, Clone, Copy)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its line in the text, from 1; 0 where there is no text.
    pub line: u32,
}

impl<T> At<T> {
    /// `value`, said by `line`.
    pub fn new(value: T, line: u32) -> Self {
        Self { value, line }
    }

    /// `value`, said by no text.
    pub fn meant(value: T) -> Self {
        Self { value, line: 0 }
    }
}

impl<T> Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for At<T> {}

/// The full name of an interface as IOS writes it, such as `GigabitEthernet0/0/1.217`. In a command
/// it may be written with spaces or short; here it never is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(pub String);

impl Port {
    /// Whether packets leave here without ARP: loopbacks, tunnels, cellular and templates.
    pub fn is_point_to_point(&self) -> bool {
        ["Loopback", "Tunnel", "Cellular", "Virtual-Template", "Dialer"].iter().any(|kind| self.0.starts_with(kind))
    }

    /// The port below a subinterface: `GigabitEthernet0/0/1` for `GigabitEthernet0/0/1.217`.
    pub fn trunk(&self) -> Port {
        Port(self.0.split('.').next().unwrap_or_default().to_owned())
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A router as its text describes it. Lists are in the order of the text, except where IOS keeps an
/// order of its own; `canonical` sorts what has no order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Device {
    /// Host name; none in a fragment.
    pub hostname: Option<At<String>>,
    /// Routing tables.
    pub vrfs: Vec<Vrf>,
    /// Key chains.
    pub key_chains: Vec<KeyChain>,
    /// IP SLA probes.
    pub probes: Vec<tracking::Probe>,
    /// Tracked objects.
    pub tracks: Vec<tracking::Track>,
    /// Interfaces.
    pub interfaces: Vec<interface::Interface>,
    /// Static routes.
    pub routes: Vec<route::Route>,
    /// Static translations of addresses.
    pub translations: Vec<route::Translation>,
    /// Access lists.
    pub access_lists: Vec<filter::AccessList>,
    /// Traffic classes.
    pub class_maps: Vec<queue::ClassMap>,
    /// Policies of queues and shapers.
    pub policy_maps: Vec<queue::PolicyMap>,
    /// LTE modems.
    pub modems: Vec<tunnel::Modem>,
    /// IKEv2 authorization policies, key rings and profiles, IPsec transforms and profiles.
    pub crypto: tunnel::Crypto,
    /// Terminal lines.
    pub terminals: Vec<filter::Terminal>,
    /// Lines that need no type of their own: services, login, logging, time, management protocols.
    /// Each as the words from the global level down to it, such as `archive / log config / hidekeys`.
    pub settings: Vec<At<String>>,
    /// Lines inside an object of the types above that mean nothing to us, as in `settings`: a
    /// reader's blind spots, listed and never lost.
    pub unread: Vec<At<String>>,
}

/// A routing table of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Vrf {
    /// Name.
    pub name: At<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Route distinguisher.
    pub rd: Option<At<String>>,
    /// Route targets that are imported.
    pub imports: Vec<At<String>>,
    /// Route targets that are exported.
    pub exports: Vec<At<String>>,
    /// Whether it has an `address-family ipv4`.
    pub ipv4: bool,
}

/// A key chain. Keys are secrets: only whether each has a string is known.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyChain {
    /// Name.
    pub name: At<String>,
    /// Number of each key, and whether it has a string.
    pub keys: Vec<(At<u32>, bool)>,
}

impl Device {
    /// The numbers of the keys of a key chain that have a string; none where there is no such chain.
    pub fn keys_of(&self, chain: &str) -> Option<Vec<u32>> {
        let chain = self.key_chains.iter().find(|known| known.name.value == chain)?;
        Some(chain.keys.iter().filter(|(_, set)| *set).map(|(id, _)| id.value).collect())
    }

    /// Whether an HSRP group here and one of `other` take each other's hellos, as far as it is known
    /// without their secrets. A key chain is called as each router likes: its keys' numbers count.
    pub fn authenticates(&self, group: &Group, other: &Device, peer: &Group) -> bool {
        let text = |group: &Group| {
            group.authentication.as_ref().map_or(Authentication::Text, |authentication| authentication.value.clone())
        };
        match (text(group), text(peer)) {
            (Authentication::Md5Chain(a), Authentication::Md5Chain(b)) => match (self.keys_of(&a), other.keys_of(&b)) {
                (Some(a), Some(b)) => a.iter().any(|key| b.contains(key)),
                _ => false,
            },
            (a, b) => a == b,
        }
    }
}
