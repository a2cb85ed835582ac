//! The temporary way that the copying takes, from activity 1 to acceptance: which hosts at the SAD
//! talk to which servers of the town, by which flows, and how they reach each other.
//!
//! It is part of the wanted text of every router until the landing was accepted, and then of none
//! ([`NetworkPlan::accepted`](super::plan::NetworkPlan::accepted)). What it needs is added to the
//! routers by [`routers`] and stands in no other place, so that it goes as it came.

pub mod changes;
pub mod routers;

use super::pools::Numbers;
use super::problem::{NetworkProblem, Rule};
use crate::model::ServerId;
use crate::model::link::{Lan, MigrationWay};
use crate::model::project::{MigrationNetwork, NetworkPools};
use crate::model::server::{Os, Server, Transfer};
use ipnetwork::Ipv4Network;
use serde::Serialize;
use std::fmt;
use std::net::Ipv4Addr;

/// The way of one tenant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MigrationPath {
    /// How both sides reach each other.
    pub way: Way,
    /// Why this one.
    pub reason: &'static str,
    /// The hosts at the SAD that a flow needs, by the address that the town sees.
    pub hosts: Vec<Host>,
    /// What may pass.
    pub flows: Vec<Flow>,
}

/// How the town and the hosts reach each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Way {
    /// Plain routes.
    Routed,
    /// The hosts know the town by these addresses; the town knows the hosts by theirs.
    Alias {
        /// Pairs of the same number of addresses: of the town, and what the hosts write instead.
        pairs: Vec<Alias>,
    },
    /// A host in the tenant's prefix stands for all of them.
    JumpHost {
        /// Its address.
        address: Ipv4Addr,
    },
}

/// Addresses of the town and what stands for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Alias {
    /// Of the town.
    pub local: Ipv4Network,
    /// What the hosts at the SAD write instead.
    pub global: Ipv4Network,
}

/// A host at the SAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Host {
    /// What it is.
    pub role: HostRole,
    /// Its address, as the town sees it.
    pub address: Ipv4Addr,
}

/// What a host at the SAD is to the copying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HostRole {
    /// Operations host, which is the landing host too.
    Operations,
    /// Server of VMware Converter.
    Converter,
    /// VMware vCenter.
    Vcenter,
    /// ESXi host, by its place in the inventory from 1.
    Esxi(u16),
    /// The tenant's jump host, for all of them.
    JumpHost,
}

impl fmt::Display for HostRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operations => f.pad("operations host"),
            Self::Converter => f.pad("Converter server"),
            Self::Vcenter => f.pad("vCenter"),
            Self::Esxi(number) => f.pad(&format!("ESXi host {number}")),
            Self::JumpHost => f.pad("jump host"),
        }
    }
}

impl HostRole {
    /// The word of its routes.
    pub fn word(self) -> String {
        match self {
            Self::Operations => "OPERATIONS".to_owned(),
            Self::Converter => "CONVERTER".to_owned(),
            Self::Vcenter => "VCENTER".to_owned(),
            Self::Esxi(number) => format!("ESXI-{number}"),
            Self::JumpHost => "JUMP-HOST".to_owned(),
        }
    }
}

/// Connections between one server and one host, by TCP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// The server in the town.
    pub server: ServerId,
    /// Its address there.
    pub local: Ipv4Addr,
    /// The host at the SAD.
    pub host: Host,
    /// Who is called.
    pub called: Side,
    /// The port that is called.
    pub port: u16,
    /// What it is for.
    pub purpose: Purpose,
}

/// The two ends of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The server in the town.
    Town,
    /// The host at the SAD.
    Sad,
}

/// What a flow is for: what is copied goes into the class of the migration, checks do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The copying.
    Copy,
    /// Checklists of the source environment.
    Check,
}

/// SSH: our agent, a rescue system, and VMware Converter for a Linux source.
const SSH: u16 = 22;
/// The agent of VMware Converter on a Windows source (VMware, "TCP and UDP ports used by Converter").
const CONVERTER_AGENT: u16 = 9089;
/// Converter server and vCenter.
const HTTPS: u16 = 443;
/// Disk data to an ESXi host (NFC).
const ESXI_DATA: u16 = 902;
/// What the checklists ask of a source besides SSH: DNS, LDAP, WinRM.
const CHECKS: [u16; 3] = [53, 389, 5985];
/// The host of the tenant's prefix at the SAD that is its jump host.
const JUMP_HOST: u32 = 250;

/// What decides about the way.
pub(super) struct Given<'a> {
    /// Our numbers.
    pub(super) pools: &'a NetworkPools,
    /// The tenant's.
    pub(super) numbers: &'a Numbers,
    /// The site's key.
    pub(super) site: &'a str,
    /// What the inventory says of the way.
    pub(super) wish: Option<MigrationWay>,
    /// The LAN.
    pub(super) lan: &'a Lan,
    /// The servers.
    pub(super) servers: &'a [Server],
}

impl MigrationPath {
    /// The way; none where the project names no hosts, or the inventory says that there is none.
    pub(super) fn decide(given: &Given<'_>) -> Result<Option<Self>, Vec<NetworkProblem>> {
        let Some(hosts) = given.pools.migration.as_ref().filter(|_| given.wish != Some(MigrationWay::None)) else {
            return Ok(None);
        };
        let key = format!("{}.migration_path", given.site);
        let (wish, reason) = chosen(given, hosts);
        if matches!(wish, MigrationWay::Routed | MigrationWay::Alias) && given.lan.prefix.overlaps(hosts.network) {
            let rule = Rule::MigrationOverlap { lan: given.lan.prefix, hosts: hosts.network };
            return Err(vec![NetworkProblem::new(key, rule)]);
        }
        let way = match wish {
            MigrationWay::Routed | MigrationWay::None => Way::Routed,
            MigrationWay::Alias => {
                let Some(pool) = NetworkPools::nth(hosts.aliases, given.numbers.number, 24) else {
                    let rule = Rule::Pool { number: given.numbers.number, pool: hosts.aliases };
                    return Err(vec![NetworkProblem::new("network.migration.aliases", rule)]);
                };
                Way::Alias { pairs: pairs(given, pool) }
            }
            MigrationWay::JumpHost => {
                let address = given.numbers.sad.nth(JUMP_HOST).unwrap_or(given.numbers.sad_gateway);
                Way::JumpHost { address }
            }
        };
        let flows = flows(given.servers, hosts, &way);
        if flows.is_empty() {
            return Ok(None);
        }
        let mut used: Vec<Host> = flows.iter().map(|flow| flow.host).collect();
        used.sort();
        used.dedup();
        Ok(Some(Self { way, reason, hosts: used, flows }))
    }

    /// The address by which the hosts at the SAD reach `local`.
    pub fn seen_as(&self, local: Ipv4Addr) -> Ipv4Addr {
        let Way::Alias { pairs } = &self.way else { return local };
        let through = |pair: &Alias| {
            let offset = u32::from(local).checked_sub(u32::from(pair.local.network()))?;
            pair.local.contains(local).then(|| pair.global.nth(offset)).flatten()
        };
        pairs.iter().find_map(through).unwrap_or(local)
    }

    /// The hosts that need routes of their own: those outside the tenant's prefix at the SAD.
    pub fn routed_hosts(&self) -> &[Host] {
        match self.way {
            Way::Routed | Way::Alias { .. } => &self.hosts,
            Way::JumpHost { .. } => &[],
        }
    }
}

/// The inventory's choice; else the way that no other tenant's addresses can disturb, so that a tenant
/// that comes later changes nothing of this one.
fn chosen(given: &Given<'_>, hosts: &MigrationNetwork) -> (MigrationWay, &'static str) {
    match given.wish {
        Some(wish) => (wish, "the inventory says so"),
        None if given.lan.prefix.overlaps(hosts.network) => {
            (MigrationWay::JumpHost, "the town itself has addresses like those of the hosts at the data center")
        }
        None => (MigrationWay::Alias, "towns have the same addresses, and an alias keeps every town apart"),
    }
}

/// The LAN as a whole where it fits into a /24; else each address that is needed, servers from the
/// tenth on in the order of the inventory, so that a further server changes no other's.
fn pairs(given: &Given<'_>, pool: Ipv4Network) -> Vec<Alias> {
    let lan = given.lan;
    if lan.prefix.prefix() >= 24 {
        let global = Ipv4Network::new(pool.network(), lan.prefix.prefix()).unwrap_or(pool);
        return vec![Alias { local: lan.prefix, global }];
    }
    let devices = [Some(lan.gateway.address), Some(lan.vip), Some(lan.primary), lan.standby];
    let devices = devices.into_iter().zip(1..).filter_map(|(address, at)| Some((address?, at)));
    let servers = given.servers.iter().map(|server| server.address).zip(10..=254);
    let pair = |(local, at)| Some(Alias { local: Ipv4Network::from(local), global: Ipv4Network::from(pool.nth(at)?) });
    devices.chain(servers).filter_map(pair).collect()
}

fn flows(servers: &[Server], hosts: &MigrationNetwork, way: &Way) -> Vec<Flow> {
    let seen = |role, address| match way {
        Way::JumpHost { address } => Host { role: HostRole::JumpHost, address: *address },
        Way::Routed | Way::Alias { .. } => Host { role, address },
    };
    let mut all: Vec<Flow> = Vec::new();
    for server in servers {
        let mut add = |role, address, called, port, purpose| {
            let host = seen(role, address);
            let flow = Flow { server: server.id.clone(), local: server.address, host, called, port, purpose };
            if !all.contains(&flow) {
                all.push(flow);
            }
        };
        let windows = matches!(server.os, Os::Windows(_));
        let operations = (HostRole::Operations, hosts.operations);
        match server.transfer {
            Transfer::Replace => continue,
            Transfer::Agent | Transfer::Rescue => add(operations.0, operations.1, Side::Town, SSH, Purpose::Copy),
            Transfer::Converter | Transfer::ConverterAssisted => {
                if let Some(converter) = hosts.converter {
                    let port = if windows { CONVERTER_AGENT } else { SSH };
                    add(HostRole::Converter, converter, Side::Town, port, Purpose::Copy);
                    add(HostRole::Converter, converter, Side::Sad, HTTPS, Purpose::Copy);
                }
                if let Some(vcenter) = hosts.vcenter {
                    add(HostRole::Vcenter, vcenter, Side::Sad, HTTPS, Purpose::Copy);
                }
                for (number, esxi) in (1..).zip(&hosts.esxi) {
                    add(HostRole::Esxi(number), *esxi, Side::Sad, ESXI_DATA, Purpose::Copy);
                }
                add(operations.0, operations.1, Side::Town, SSH, Purpose::Check);
            }
        }
        for port in CHECKS {
            add(operations.0, operations.1, Side::Town, port, Purpose::Check);
        }
    }
    all
}

impl Side {
    /// The other end.
    pub fn other(self) -> Self {
        match self {
            Self::Town => Self::Sad,
            Self::Sad => Self::Town,
        }
    }
}
