//! The lines of a site's router: what leaves it and is not its LAN.

use crate::network::device::interface::{Address, Interface};
use crate::network::device::queue::PolicyClass;
use crate::network::device::route::Via;
use crate::network::device::{Device, Port};
use ipnetwork::Ipv4Network;
use serde::Serialize;
use std::net::Ipv4Addr;

/// A line into the carrier's VPN by cable or radio.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Wire {
    /// Interface.
    #[serde(skip)]
    pub port: Port,
    /// Line of the text that names it.
    #[serde(skip)]
    pub line: u32,
    /// Network between CPE and provider edge.
    pub wan: Ipv4Network,
    /// Address of the provider edge.
    pub pe: Option<Ipv4Addr>,
    /// Address of our CPE.
    pub cpe: Ipv4Addr,
    /// IP MTU in bytes.
    pub mtu: u16,
    /// What it is for, as the router's owner wrote it.
    pub description: Option<String>,
    /// Its rates.
    pub rates: Rates,
}

/// What is said about the rate of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Rates {
    /// `bandwidth`, in kbit/s.
    pub bandwidth_kbps: Option<u32>,
    /// Shaped rate, in bit/s.
    pub shaped_bps: Option<u64>,
    /// Low-latency queue, in kbit/s.
    pub llq_kbps: Option<u32>,
}

/// The lines by cable or radio, the one that packets take first in front.
pub(super) fn wires(device: &Device, lan: &Port) -> Vec<Wire> {
    let mut found: Vec<((bool, u8, bool), Wire)> = Vec::new();
    for interface in &device.interfaces {
        let Some(network) = interface.network() else { continue };
        let skipped = interface.vrf.is_some() || interface.shutdown.is_some() || interface.name.value == *lan;
        if skipped || interface.name.is_point_to_point() || network.prefix() > 31 {
            continue;
        }
        let neighbours = neighbours(device, &interface.name, network);
        let best = neighbours.iter().min().map(|(distance, untracked, _)| (false, *distance, *untracked));
        let pe = neighbours.iter().min().map(|(.., address)| *address).or_else(|| other_host(network));
        found.push((best.unwrap_or((true, 0, true)), wire(device, interface, network, pe)));
    }
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, wire)| wire).collect()
}

/// Next hops of the global table on `port`: distance, whether untracked, address.
fn neighbours(device: &Device, port: &Port, network: Ipv4Network) -> Vec<(u8, bool, Ipv4Addr)> {
    let routes = device.routes.iter().filter(|route| route.vrf.is_none());
    let through = routes.filter_map(|route| match &route.via {
        Via::Address(address) if network.contains(*address) => Some((route, *address)),
        Via::Both(other, address) if other == port => Some((route, *address)),
        _ => None,
    });
    through.map(|(route, address)| (route.distance, route.track.is_none(), address)).collect()
}

fn wire(device: &Device, interface: &Interface, network: Ipv4Network, pe: Option<Ipv4Addr>) -> Wire {
    Wire {
        port: interface.name.value.clone(),
        line: interface.name.line,
        wan: Ipv4Network::new(network.network(), network.prefix()).unwrap_or(network),
        pe,
        cpe: network.ip(),
        mtu: interface.mtu.map_or(1500, |at| at.value),
        description: interface.description.clone(),
        rates: rates(device, interface),
    }
}

/// The only other host of a /30 or /31.
fn other_host(network: Ipv4Network) -> Option<Ipv4Addr> {
    let hosts = network.iter().filter(|host| *host != network.ip());
    let ends = [network.network(), network.broadcast()];
    match network.prefix() {
        31 => hosts.into_iter().next(),
        30 => hosts.into_iter().find(|host| !ends.contains(host)),
        _ => None,
    }
}

/// What an interface says about its rate.
pub(super) fn rates(device: &Device, interface: &Interface) -> Rates {
    let policy = |name: &str| device.policy_maps.iter().find(|policy| policy.name.value == name);
    let default = interface
        .policy_out
        .as_ref()
        .and_then(|name| policy(name))
        .and_then(|policy| policy.classes.iter().find(|class| class.class.value == "class-default"));
    let child = default.and_then(|class| class.child.as_ref()).and_then(|name| policy(name));
    let queues = child.or_else(|| interface.policy_out.as_ref().and_then(|name| policy(name)));
    let llq = |class: &PolicyClass| class.priority_kbps.map(|at| at.value);
    Rates {
        bandwidth_kbps: interface.bandwidth_kbps.map(|at| at.value),
        shaped_bps: default.and_then(|class| class.shape_bps).map(|at| at.value),
        llq_kbps: queues.and_then(|policy| policy.classes.iter().find_map(llq)),
    }
}

/// An LTE line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cellular {
    /// Whether a tunnel to the hub brings packets back; else the provider does.
    pub tunnel: bool,
    /// Rates of the tunnel, or of the modem's interface.
    pub rates: Rates,
    /// Access point name.
    pub apn: Option<String>,
    /// Whether the modem's profile is in the configuration.
    pub profile_in_config: bool,
    /// Typed address of the modem's interface.
    pub address: Option<Ipv4Network>,
    /// IP MTU in bytes.
    pub mtu: Option<u16>,
}

/// The LTE line of a router.
pub(super) fn cellular(device: &Device) -> Option<Cellular> {
    let modem = device.interfaces.iter().find(|interface| interface.name.0.starts_with("Cellular"))?;
    let over = |interface: &&Interface| {
        interface.tunnel.source.as_ref().is_some_and(|source| source.value == modem.name.0)
            && interface.tunnel.destination.is_some()
    };
    let tunnel = device.interfaces.iter().find(over);
    let profile = device.modems.iter().flat_map(|modem| &modem.profiles).next();
    let apn = profile.map(|profile| profile.1.clone()).filter(|apn| !apn.starts_with('<'));
    let typed = match modem.address.as_ref().map(|at| &at.value) {
        Some(Address::Static(network)) => Some(*network),
        _ => None,
    };
    Some(Cellular {
        tunnel: tunnel.is_some(),
        rates: rates(device, tunnel.unwrap_or(modem)),
        apn,
        profile_in_config: profile.is_some(),
        address: typed,
        mtu: modem.mtu.map(|at| at.value),
    })
}
