//! Networks and the routing tables of a router, from its own configuration.

use super::router::Router;
use super::store::{Config, Entry};
use std::net::Ipv4Addr;

/// A network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    pub address: Ipv4Addr,
    pub length: u8,
}

impl Net {
    /// From an address and a mask; none where the mask is none.
    pub fn typed(address: &str, mask: &str) -> Option<Self> {
        let mask = u32::from(mask.parse::<Ipv4Addr>().ok()?);
        let length = mask.leading_ones();
        if mask.count_ones() != length {
            return None;
        }
        let address = u32::from(address.parse::<Ipv4Addr>().ok()?) & mask;
        Some(Self { address: address.into(), length: length as u8 })
    }

    pub fn contains(&self, address: Ipv4Addr) -> bool {
        self.length == 0 || (u32::from(address) ^ u32::from(self.address)) >> (32 - u32::from(self.length)) == 0
    }

    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other.address) || other.contains(self.address)
    }

    pub fn last(&self) -> Ipv4Addr {
        let host = if self.length == 32 { 0 } else { u32::MAX >> self.length };
        (u32::from(self.address) | host).into()
    }
}

impl std::fmt::Display for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// The network of an `ip address` line.
pub fn network(entry: &Entry) -> Option<Net> {
    let words: Vec<&str> = entry.line.split(' ').collect();
    match words.as_slice() {
        ["ip", "address", address, mask, ..] => Net::typed(address, mask),
        _ => None,
    }
}

/// All networks of an interface.
pub fn networks(interface: &Entry) -> Vec<Net> {
    interface.entries.iter().filter_map(network).collect()
}

/// The routing table of the interface `key`; none is the global one.
pub fn vrf_of(config: &Config, key: &str) -> Option<String> {
    let interface = config.find(key)?;
    interface.entries.iter().find_map(|entry| entry.line.strip_prefix("vrf forwarding ").map(str::to_owned))
}

/// Administrative distance of an `ip route` line.
pub fn distance(line: &str) -> u8 {
    let words: Vec<&str> = line.split(' ').collect();
    let options = ["tag", "track", "name", "permanent"];
    let end = words.iter().position(|word| options.contains(word)).unwrap_or(words.len());
    words[..end].last().and_then(|word| word.parse().ok()).unwrap_or(1)
}

/// A route in use.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    pub net: Net,
    /// None where connected.
    pub distance: Option<u8>,
    pub via: Option<Ipv4Addr>,
    pub interface: Option<String>,
    /// Whether the next hop is in the global table.
    pub global: bool,
}

/// The table of `vrf`: what is connected, and the static routes that count now.
pub fn table(router: &Router, vrf: Option<&str>) -> Vec<Route> {
    let mut routes = Vec::new();
    for interface in router.running.all("interface ") {
        let name = interface.key.trim_start_matches("interface ");
        let here = vrf_of(&router.running, &interface.key);
        if here.as_deref() != vrf || !router.is_up(name) {
            continue;
        }
        let connected = |net| Route { net, distance: None, via: None, interface: Some(name.to_owned()), global: false };
        routes.extend(networks(interface).into_iter().map(connected));
    }
    let typed: Vec<Route> =
        router.running.all("ip route ").filter_map(|entry| usable(router, &entry.line, vrf)).collect();
    let global = if vrf.is_some() && typed.iter().any(|route| route.global) { table(router, None) } else { Vec::new() };
    // A static route needs a way to its next hop.
    let mut found = routes.len();
    loop {
        for route in &typed {
            let reachable = match (&route.interface, route.via) {
                (Some(name), _) => name.starts_with("Null") || router.is_up(name),
                (None, Some(via)) if route.global => look_up(&global, via).iter().any(|known| known.net.length > 0),
                (None, Some(via)) => routes.iter().any(|known| known.net.contains(via) && known.net != route.net),
                _ => false,
            };
            if reachable && !routes.contains(route) {
                routes.push(route.clone());
            }
        }
        if routes.len() == found {
            break;
        }
        found = routes.len();
    }
    let best = |route: &Route| {
        let same = routes.iter().filter(|other| other.net == route.net);
        same.map(|other| other.distance.unwrap_or(0)).min() == Some(route.distance.unwrap_or(0))
    };
    let mut table: Vec<Route> = routes.iter().filter(|route| best(route)).cloned().collect();
    table.sort_by_key(|route| (route.net.address, route.net.length));
    table
}

/// The static route of a line, if it is one of `vrf` and what it tracks is up.
fn usable(router: &Router, line: &str, vrf: Option<&str>) -> Option<Route> {
    let words: Vec<&str> = line.split(' ').skip(2).collect();
    let (own, words) = match words.as_slice() {
        ["vrf", own, rest @ ..] => (Some(*own), rest),
        words => (None, words),
    };
    if own != vrf {
        return None;
    }
    let track = words.iter().position(|word| *word == "track").and_then(|at| words.get(at + 1)?.parse::<u32>().ok());
    if track.is_some_and(|track| !router.track_is_up(track)) {
        return None;
    }
    let net = Net::typed(words.first()?, words.get(1)?)?;
    let next = *words.get(2)?;
    let (interface, via) = match next.parse::<Ipv4Addr>() {
        Ok(via) => (None, Some(via)),
        Err(_) => (Some(next.to_owned()), words.get(3).and_then(|word| word.parse().ok())),
    };
    Some(Route { net, distance: Some(distance(line)), via, interface, global: words.contains(&"global") })
}

/// The route that a packet to `address` takes.
pub fn look_up(table: &[Route], address: Ipv4Addr) -> Vec<&Route> {
    let longest = table.iter().filter(|route| route.net.contains(address)).map(|route| route.net.length).max();
    table.iter().filter(|route| route.net.contains(address) && Some(route.net.length) == longest).collect()
}
