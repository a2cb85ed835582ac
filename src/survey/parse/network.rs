//! Interfaces, routes, name servers, ports: `ip -o addr` and the kernel's own tables.

use crate::survey::{Interface, Port, Protocol, Route};
use ipnetwork::Ipv4Network;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Lines `NAME mac ADDRESS` of our script, then those of `ip -o addr`.
pub(super) fn interfaces(text: &str) -> Vec<Interface> {
    let mut found: Vec<Interface> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [name, "mac", mac] => {
                let mac = Some((*mac).to_owned()).filter(|mac| mac != "00:00:00:00:00:00");
                of(&mut found, name).mac = mac;
            }
            [_, name, "inet" | "inet6", address, ..] => {
                let Ok(address) = address.parse() else { continue };
                of(&mut found, name).addresses.push(address);
            }
            _ => {}
        }
    }
    found.retain(|interface| interface.name != "lo");
    found
}

/// The interface of that name, made if it is new. `eth0.5@eth0` is `eth0.5`.
fn of<'a>(found: &'a mut Vec<Interface>, name: &str) -> &'a mut Interface {
    let name = name.trim_end_matches(':').split('@').next().unwrap_or_default();
    let at = found.iter().position(|interface| interface.name == name).unwrap_or_else(|| {
        found.push(Interface { name: name.to_owned(), mac: None, addresses: Vec::new() });
        found.len() - 1
    });
    &mut found[at]
}

/// `/proc/net/route`: addresses are hexadecimal numbers in the byte order of the machine, which is
/// little-endian on every machine that we move.
pub(super) fn routes(text: &str) -> Vec<Route> {
    let address = |word: &str| Some(Ipv4Addr::from(u32::from_str_radix(word, 16).ok()?.swap_bytes()));
    let route = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [interface, destination, gateway, _, _, _, _, mask, ..] = words.as_slice() else { return None };
        let via = address(gateway)?;
        Some(Route {
            destination: Ipv4Network::with_netmask(address(destination)?, address(mask)?).ok()?,
            via: Some(via).filter(|via| !via.is_unspecified()),
            interface: (*interface).to_owned(),
        })
    };
    text.lines().filter_map(route).collect()
}

/// `nameserver` lines of resolv.conf.
pub(super) fn name_servers(text: &str) -> Vec<IpAddr> {
    let servers = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    servers.filter_map(|rest| rest.split_whitespace().next()?.split('%').next()?.parse().ok()).collect()
}

/// `/proc/net/{tcp,tcp6,udp,udp6}`, each behind a line with its name. State 0A is a TCP socket
/// that listens, 07 a UDP socket that nobody is connected to.
pub(super) fn ports(text: &str) -> Vec<Port> {
    let mut protocol = Protocol::Tcp;
    let mut ports = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["tcp" | "tcp6"] => protocol = Protocol::Tcp,
            ["udp" | "udp6"] => protocol = Protocol::Udp,
            [_, local, _, state, ..] => {
                let listens = matches!((protocol, *state), (Protocol::Tcp, "0A") | (Protocol::Udp, "07"));
                if let (true, Some((address, port))) = (listens, socket(local)) {
                    ports.push(Port { protocol, port, address });
                }
            }
            _ => {}
        }
    }
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// `0100007F:0016`, or 32 digits for IPv6: 32-bit words in the machine's byte order.
fn socket(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| Some(u32::from_str_radix(address.get(at..at + 8)?, 16).ok()?.swap_bytes());
    let address = match address.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0)?)),
        32 => {
            let [a, b, c, d] = [word(0)?, word(8)?, word(16)?, word(24)?].map(u128::from);
            let address = Ipv6Addr::from(a << 96 | b << 64 | c << 32 | d);
            address.to_canonical()
        }
        _ => return None,
    };
    Some((address, port))
}
