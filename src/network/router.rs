//! A router's configuration as a value: the objects that traghetto renders, in canonical order.
//!
//! The text is made from nothing else, so that a reader of the text can arrive at the same value.
//! What a device holds beside these objects (its version, certificates, other users' lines) is not
//! ours and has no place here.

use super::ServicePort;
use super::interface::{Interface, InterfaceName};
use super::route::{Route, Translation};
use super::token::{Secret, Token};
use ipnetwork::Ipv4Network;
use serde::Serialize;
use std::fmt;
use std::net::Ipv4Addr;

/// Everything traghetto says about one router, or about one tenant's part of the hub.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RouterPlan {
    /// Host name.
    pub hostname: Token,
    /// Login, logging, time and hardening; none in a tenant's part of the hub, which shares one.
    pub baseline: Option<Baseline>,
    /// Routing tables, by name.
    pub vrfs: Vec<Vrf>,
    /// Key chains, by name.
    pub key_chains: Vec<KeyChain>,
    /// IP SLA probes, by number.
    pub probes: Vec<Probe>,
    /// Tracked objects, by number.
    pub tracks: Vec<Track>,
    /// Modems.
    pub modems: Vec<Modem>,
    /// Extended access lists, by name (the one of the baseline is [`Baseline::management`]).
    pub access_lists: Vec<AccessList>,
    /// Whether the classes of voice and of business traffic are defined here (on the hub they are
    /// shared).
    pub classes: bool,
    /// Classes of what the migration sends, by name: one on a CPE, one for each tenant on the hub.
    pub migration_classes: Vec<MigrationClass>,
    /// Shapers with their queues.
    pub shapers: Vec<Shaper>,
    /// Whether what all tunnels of a router share is defined here.
    pub ipsec: bool,
    /// Tunnel peers, by name.
    pub peers: Vec<TunnelPeer>,
    /// Interfaces, in the order of [`InterfaceName`].
    pub interfaces: Vec<Interface>,
    /// Static translations, by VRF and address.
    pub translations: Vec<Translation>,
    /// Static routes, by VRF, destination and distance.
    pub routes: Vec<Route>,
}

impl RouterPlan {
    /// A router with a name and nothing else.
    pub fn named(hostname: Token) -> Self {
        Self {
            hostname,
            baseline: None,
            vrfs: Vec::new(),
            key_chains: Vec::new(),
            probes: Vec::new(),
            tracks: Vec::new(),
            modems: Vec::new(),
            access_lists: Vec::new(),
            classes: false,
            migration_classes: Vec::new(),
            shapers: Vec::new(),
            ipsec: false,
            peers: Vec::new(),
            interfaces: Vec::new(),
            translations: Vec::new(),
            routes: Vec::new(),
        }
    }

    /// Brings every list into canonical order: the order does not tell how the plan was made.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        self.vrfs.sort_by(|a, b| a.name.cmp(&b.name));
        self.key_chains.sort_by(|a, b| a.name.cmp(&b.name));
        self.probes.sort_by_key(|probe| probe.id);
        self.tracks.sort_by_key(|track| track.id);
        self.access_lists.sort_by(|a, b| a.name.cmp(&b.name));
        self.migration_classes.sort_by(|a, b| a.name.cmp(&b.name));
        self.shapers.sort_by(|a, b| a.name.cmp(&b.name));
        self.peers.sort_by(|a, b| a.name.cmp(&b.name));
        self.interfaces.sort_by(|a, b| a.name.cmp(&b.name));
        self.translations.sort_by(|a, b| a.order().cmp(&b.order()));
        self.routes.sort_by(|a, b| a.order().cmp(&b.order()));
        self
    }

    /// Adds the objects of `part`; host name, baseline and shared definitions stay those of `self`.
    pub fn absorb(&mut self, part: RouterPlan) {
        self.vrfs.extend(part.vrfs);
        self.key_chains.extend(part.key_chains);
        self.probes.extend(part.probes);
        self.tracks.extend(part.tracks);
        self.modems.extend(part.modems);
        self.access_lists.extend(part.access_lists);
        self.migration_classes.extend(part.migration_classes);
        self.shapers.extend(part.shapers);
        self.peers.extend(part.peers);
        self.interfaces.extend(part.interfaces);
        self.translations.extend(part.translations);
        self.routes.extend(part.routes);
    }

    /// Leaves what several sites of one tenant need alike only once.
    pub fn once(&mut self) {
        fn once<T: PartialEq>(all: &mut Vec<T>) {
            for one in std::mem::take(all) {
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        }
        once(&mut self.vrfs);
        once(&mut self.interfaces);
        once(&mut self.routes);
        once(&mut self.translations);
    }
}

/// Login, logging, time and hardening.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Baseline {
    /// Domain name.
    pub domain: Token,
    /// Network that may log in.
    pub management: Ipv4Network,
    /// The operations host, which configures routers; none where the inventory names none.
    pub operations: Option<Ipv4Addr>,
    /// Syslog server.
    pub syslog: Ipv4Addr,
    /// NTP server.
    pub ntp: Ipv4Addr,
    /// TACACS+ server.
    pub tacacs: Ipv4Addr,
    /// The word of the data center, which names that server.
    pub mark: Token,
    /// Key of the TACACS+ server.
    pub tacacs_key: Secret,
    /// Password of the local account for the day TACACS+ is away.
    pub break_glass: Secret,
    /// Interface whose address management traffic carries; none where the router keeps its own.
    pub source: Option<InterfaceName>,
}

/// A routing table of its own.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Vrf {
    /// Name.
    pub name: Token,
    /// What it is for.
    pub description: String,
    /// Route distinguisher; none where the table never leaves the router.
    pub rd: Option<RouteDistinguisher>,
}

/// `AS:number`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RouteDistinguisher {
    /// Autonomous system.
    pub asn: u32,
    /// Number of the tenant.
    pub number: u16,
}

impl fmt::Display for RouteDistinguisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.asn, self.number)
    }
}

/// A key chain with one key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeyChain {
    /// Name.
    pub name: Token,
    /// The key.
    pub key: Secret,
}

/// An IP SLA probe by ICMP echo, running for ever.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Probe {
    /// Number.
    pub id: u16,
    /// Address that must answer.
    pub target: Ipv4Addr,
    /// Interface whose address asks.
    pub source: InterfaceName,
    /// Routing table; none is the global one.
    pub vrf: Option<Token>,
    /// Milliseconds after which an answer counts as late; not above the timeout, whose default it
    /// would otherwise exceed, and routers refuse that.
    pub threshold_ms: u32,
    /// Milliseconds to wait for an answer.
    pub timeout_ms: u32,
    /// Seconds between two questions; longer than the timeout.
    pub frequency_s: u16,
}

/// A tracked object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Track {
    /// Number.
    pub id: u16,
    /// What is tracked.
    #[serde(flatten)]
    pub what: Tracked,
    /// Seconds before a loss counts.
    pub down_s: Option<u16>,
    /// Seconds before a return counts.
    pub up_s: Option<u16>,
}

/// What a tracked object watches.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Tracked {
    /// Whether a probe is answered.
    Probe {
        /// Number of the probe.
        probe: u16,
    },
    /// Whether an interface is up.
    LineProtocol {
        /// The interface.
        interface: InterfaceName,
    },
    /// Whether all of these are up.
    All {
        /// Numbers of tracked objects.
        objects: Vec<u16>,
    },
}

/// An LTE modem (`controller Cellular`, IOS-XE 17).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Modem {
    /// Its interface.
    pub interface: InterfaceName,
    /// Access point name; none is unknown and rendered as a placeholder.
    pub apn: Option<Token>,
}

/// An extended access list. Its entries are tried in their order, and the last one says what becomes
/// of the rest: an empty list means different things in different places of IOS.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccessList {
    /// Name.
    pub name: Token,
    /// The entries.
    pub entries: Vec<AccessEntry>,
}

/// An entry of an access list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AccessEntry {
    /// Permit or deny.
    pub permit: bool,
    /// Protocol.
    pub protocol: Protocol,
    /// Source; none is any.
    pub source: Option<Ipv4Network>,
    /// Source port; none is any.
    pub source_port: Option<ServicePort>,
    /// Destination; none is any.
    pub destination: Option<Ipv4Network>,
    /// Destination port; none is any.
    pub destination_port: Option<ServicePort>,
}

/// Protocols of access lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Every packet.
    Ip,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
    /// IPsec ESP.
    Esp,
}

impl AccessEntry {
    /// Every packet of `protocol`.
    pub fn any(permit: bool, protocol: Protocol) -> Self {
        Self { permit, protocol, source: None, source_port: None, destination: None, destination_port: None }
    }

    /// From `source` only.
    #[must_use]
    pub fn from(mut self, source: Ipv4Network) -> Self {
        self.source = Some(source);
        self
    }

    /// From that port only.
    #[must_use]
    pub fn from_port(mut self, port: ServicePort) -> Self {
        self.source_port = Some(port);
        self
    }

    /// To `destination` only.
    #[must_use]
    pub fn to(mut self, destination: Ipv4Network) -> Self {
        self.destination = Some(destination);
        self
    }

    /// To that port only.
    #[must_use]
    pub fn to_port(mut self, port: ServicePort) -> Self {
        self.destination_port = Some(port);
        self
    }
}

/// The class of what the migration sends. An OpenSSH source marks its own packets (CS1), VMware
/// Converter marks nothing: so the class is known by addresses and ports as well.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MigrationClass {
    /// Name.
    pub name: Token,
    /// The access list of its flows; none where no copying is under way.
    pub access_list: Option<Token>,
}

/// A parent that shapes to a rate and a child that queues within it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shaper {
    /// Name, from which `NAME-PARENT` and `NAME-CHILD` are made.
    pub name: Token,
    /// Shaped rate in bit/s.
    pub rate_bps: u64,
    /// Low-latency queue in kbit/s, within the guaranteed rate.
    pub llq_kbps: u32,
    /// Class of what the migration sends.
    pub migration: Token,
    /// Whether that class is dropped here: on a backup line it would take what the town works with.
    pub drops_migration: bool,
}

/// The other end of a tunnel, with how both prove who they are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TunnelPeer {
    /// Name of policy, key ring and profiles.
    pub name: Token,
    /// VRF of the outer packets.
    pub outer_vrf: Token,
    /// Our identity, a domain name.
    pub local: Token,
    /// Its identity, a domain name.
    pub remote: Token,
    /// Its address; none where it calls from behind the carrier's address translation.
    pub address: Option<Ipv4Addr>,
    /// The shared key, one per site.
    pub key: Secret,
    /// The template of its tunnel interface, where it calls us.
    pub template: Option<u16>,
}

impl Serialize for RouteDistinguisher {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
