//! The routing table of a router, from its text and the state of its ports and tracked objects. It is
//! written from IOS's rules and shares nothing with the simulator, which it is there to judge.

use ipnetwork::Ipv4Network;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::Ipv4Addr;
use traghetto::network::device::Port;
use traghetto::network::device::route::{Route, Via};

/// A port of the text and the device that stands for it.
#[derive(Debug, Clone)]
pub struct Jack {
    /// Its name in the text.
    pub port: Port,
    /// The device in the namespace; `lo` for loopbacks.
    pub device: String,
    /// Its address with the length of its network.
    pub network: Option<Ipv4Network>,
    /// The other end of a tunnel: where packets go that are routed to the port itself.
    pub far_end: Option<Ipv4Addr>,
}

/// Where packets go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hop {
    /// To whoever has the address, on a device.
    Link(String),
    /// To a neighbour on a device.
    Via(String, Ipv4Addr),
    /// Nowhere.
    Drop,
}

/// A routing table.
pub type Table = BTreeMap<Ipv4Network, Hop>;

/// The table of a router: connected networks of the ports that are `up`, the host routes that a
/// tunnel's peer gave, and of each destination's static routes the nearest that is not withdrawn and
/// whose neighbour the table itself knows. A route never leads over itself.
pub fn table(jacks: &[&Jack], given: &[(Ipv4Network, Hop)], routes: &[&Route]) -> Table {
    let connected = |jack: &&Jack| {
        let network = jack.network.filter(|network| network.prefix() < 32 && jack.device != "lo")?;
        Some((Ipv4Network::new(network.network(), network.prefix()).unwrap(), Hop::Link(jack.device.clone())))
    };
    let fixed: Table = jacks.iter().filter_map(connected).chain(given.iter().cloned()).collect();
    let mut known = fixed.clone();
    // Neighbours may be known by other static routes: until nothing changes.
    for _ in 0..8 {
        let mut next = fixed.clone();
        let mut distance: BTreeMap<Ipv4Network, u8> = BTreeMap::new();
        for route in routes {
            if fixed.contains_key(&route.destination) {
                continue;
            }
            let Some(hop) = resolve(&known, jacks, route) else { continue };
            let best = distance.entry(route.destination).or_insert(u8::MAX);
            if route.distance < *best {
                *best = route.distance;
                next.insert(route.destination, hop);
            }
        }
        if next == known {
            break;
        }
        known = next;
    }
    known
}

fn resolve(known: &Table, jacks: &[&Jack], route: &Route) -> Option<Hop> {
    let jack = |port: &Port| jacks.iter().find(|jack| jack.port == *port);
    match &route.via {
        Via::Discard => Some(Hop::Drop),
        Via::Both(port, address) => Some(Hop::Via(jack(port)?.device.clone(), *address)),
        Via::Interface(port) => {
            let jack = jack(port)?;
            Some(
                jack.far_end
                    .map_or_else(|| Hop::Link(jack.device.clone()), |far_end| Hop::Via(jack.device.clone(), far_end)),
            )
        }
        Via::Address(address) | Via::Global(address) => {
            let longest = known
                .iter()
                .filter(|(network, _)| network.contains(*address) && **network != route.destination)
                .max_by_key(|(network, _)| network.prefix())?;
            Some(match longest.1 {
                Hop::Link(device) => Hop::Via(device.clone(), *address),
                hop => hop.clone(),
            })
        }
    }
}

/// Lines of `ip -batch` that turn one table into another.
pub fn difference(old: &Table, new: &Table) -> String {
    let mut lines = String::new();
    for (network, hop) in new.iter().filter(|(network, hop)| old.get(network) != Some(hop)) {
        let _ = match hop {
            Hop::Link(device) => writeln!(lines, "route replace {network} dev {device} scope link"),
            Hop::Via(device, address) => writeln!(lines, "route replace {network} via {address} dev {device} onlink"),
            Hop::Drop => writeln!(lines, "route replace blackhole {network}"),
        };
    }
    for network in old.keys().filter(|network| !new.contains_key(network)) {
        let _ = writeln!(lines, "route del {network}");
    }
    lines
}
