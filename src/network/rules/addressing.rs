//! Addresses: inside their networks, unique, and next hops that are neighbours.

use super::super::device::interface::Address;
use super::super::device::route::Via;
use super::Scene;
use super::report::{Key, Report, rules};
use super::site::{Member, Site};
use super::table::{Router, Table};
use ipnetwork::Ipv4Network;
use std::collections::HashMap;
use std::net::Ipv4Addr;

rules! {
    VIP_OUTSIDE: Error "address-vip-outside", "the virtual address is inside the LAN",
        "No client of the LAN can use it as a next hop.", "RFC 2281";
    VIP_TAKEN: Error "address-vip-taken", "the virtual address is nobody else's",
        "Two machines answer for it.", "RFC 5227, section 1";
    DUPLICATE: Error "address-duplicate", "an address is on one interface only",
        "Two routers answer for it, or one refuses the second.", "RFC 5227, section 1";
    OVERLAP: Error "address-overlap", "networks of two interfaces in one routing table do not overlap",
        "The router refuses the second with `overlaps with`.", "Cisco IOS IP addressing guide";
    NEXT_HOP: Error "address-next-hop", "a next hop is a neighbour",
        "The route is never used, or leads elsewhere by way of another route.", "RFC 1812, section 5.2.4.3";
    CALLED: Note "address-next-hop-called", "a floating next hop is in a network that a text names",
        "It may be the end of a tunnel that calls, or nobody: no line says which.", "our design: a drop names the tunnel's network";
    OWN_HOP: Error "address-next-hop-own", "a next hop is another router",
        "A router refuses a route to itself.", "RFC 1812, section 5.2.4.3";
    HOST_BITS: Error "address-host", "an interface has a host address of its network",
        "The network's own and its broadcast address are nobody's.", "RFC 1812, section 4.2.2.11";
    LAN: Error "address-lan-differs", "both CPEs have the same network in the LAN",
        "One of them looks for some clients elsewhere.", "RFC 1812, section 4.2.2.11";
}

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    for router in scene.routers {
        hosts(router, report);
        for table in router.tables.values() {
            overlaps(table, report);
            next_hops(table, report);
        }
    }
    for site in scene.sites {
        for member in &site.members {
            virtual_address(site, member, report);
        }
        if let Some((preferred, other)) = site.pair() {
            same_lan(&preferred, &other, report);
        }
        duplicates(site, report);
    }
}

fn address_line(interface: &super::super::device::interface::Interface) -> u32 {
    interface.address.as_ref().map_or(interface.name.line, |at| at.line)
}

/// Sorted by network, so that each one is compared with what can overlap it and no more.
fn overlaps(table: &Table<'_>, report: &mut Report) {
    let mut all: Vec<_> = table.connected().collect();
    all.sort_by_key(|(network, _)| (network.network(), network.prefix()));
    let mut open: Vec<(Ipv4Network, &super::super::device::interface::Interface)> = Vec::new();
    for (network, interface) in all {
        open.retain(|(before, _)| before.broadcast() >= network.network());
        if let Some((before, other)) = open.first() {
            let (rule, what) = if before.ip() == network.ip() {
                (&DUPLICATE, format!("{} is also the address of {}", network.ip(), other.name.value))
            } else {
                (&OVERLAP, format!("{network} overlaps {before} of {}", other.name.value))
            };
            let fix = "Give one of the two interfaces another network, or put it into its own routing table.";
            let later = address_line(interface).max(address_line(other));
            report.add(rule, table.at(later), Key::None, what, fix);
        }
        open.push((network, interface));
    }
}

/// Addresses that a router refuses; the reader keeps them among what it did not understand.
fn hosts(router: &Router<'_>, report: &mut Report) {
    for line in &router.device.unread {
        let Some((object, command)) = line.value.split_once(" / ip address ") else { continue };
        if object.starts_with("interface ") {
            let message = format!("{command} is no host address of a network");
            let fix = "Check address and mask: one of them is mistyped.";
            report.add(&HOST_BITS, router.at(line.line), Key::None, message, fix);
        }
    }
}

fn next_hops(table: &Table<'_>, report: &mut Report) {
    // Without any interface it is a fragment, and nobody can say.
    if table.connected().next().is_none() {
        return;
    }
    for route in &table.routes {
        let (Via::Address(hop) | Via::Both(_, hop)) = route.via else { continue };
        let place = table.at(route.at.line);
        if table.owns(hop).is_some() {
            let message = format!("{} by way of {hop}, which is this router itself", route.destination);
            report.add(&OWN_HOP, place, Key::None, message, "Name the neighbour's address.");
        } else if !reaches(table, hop) {
            let message = format!("{} by way of {hop}, which is in no connected network", route.destination);
            if route.distance > 1 && table.template().is_some() && !names_tunnels(table) {
                let fix = "Write `ip route vrf NAME NETWORK MASK Null0 250` for the network of the tunnel.";
                report.add(&CALLED, place, Key::None, message, fix);
            } else {
                let fix = "Name a neighbour's address, or give the interface towards it its network.";
                report.add(&NEXT_HOP, place, Key::None, message, fix);
            }
        }
    }
}

/// Whether the next hop is a neighbour, or is itself routed by something better than a default
/// route, or is the end of a tunnel that calls us.
fn reaches(table: &Table<'_>, hop: Ipv4Addr) -> bool {
    let neighbour =
        table.neighbour(hop).is_some_and(|interface| interface.network().is_some_and(|own| own.prefix() < 32));
    let routed =
        || table.ways(hop).iter().any(|way| way.network.prefix() > 0 && way.route.is_some() && !way.discards());
    neighbour || table.called(hop).is_some() || routed()
}

/// Whether a drop that is there for the time without the tunnel names the network of this end.
fn names_tunnels(table: &Table<'_>) -> bool {
    let own = table.template().and_then(|template| match &template.address.as_ref()?.value {
        Address::Static(network) => Some(network.ip()),
        Address::Unnumbered(port) => {
            let lender = table.interfaces.iter().find(|interface| interface.name.value == *port)?;
            lender.network().map(|network| network.ip())
        }
        Address::None | Address::Negotiated => None,
    });
    own.is_some_and(|own| table.called(own).is_some())
}

fn virtual_address(site: &Site<'_>, member: &Member<'_>, report: &mut Report) {
    let (Some(vip), Some(own)) = (member.group.vip, member.lan.network()) else { return };
    let place = member.router.at(vip.line);
    if !own.contains(vip.value) {
        let message = format!("{} is not inside {}/{}", vip.value, own.network(), own.prefix());
        report.add(&VIP_OUTSIDE, place, Key::Site("lan.vip"), message, "Choose a free address of the LAN.");
        return;
    }
    if let Some(who) = taken(site, vip.value) {
        let message = format!("{} is also {who}", vip.value);
        report.add(&VIP_TAKEN, place, Key::Site("lan.vip"), message, "Choose a free address of the LAN.");
    }
}

/// Who else has the address, as far as the texts say.
fn taken(site: &Site<'_>, vip: Ipv4Addr) -> Option<String> {
    for member in &site.members {
        let table = member.table()?;
        if table.owns(vip).is_some() {
            return Some(format!("the address of {}", member.router.name()));
        }
        let hop = |via: &Via| matches!(via, Via::Address(hop) | Via::Both(_, hop) if *hop == vip);
        if let Some(route) = table.routes.iter().find(|route| hop(&route.via)) {
            return Some(format!("the next hop of {} on {}", route.destination, member.router.name()));
        }
        if table.routes.iter().any(|route| route.destination == Ipv4Network::from(vip)) {
            return Some("a server that moved".to_owned());
        }
    }
    let (router, table) = site.hub?;
    table.owns(vip).map(|interface| format!("that of {} on {}", interface.name.value, router.name()))
}

fn same_lan(preferred: &Member<'_>, other: &Member<'_>, report: &mut Report) {
    let (Some(a), Some(b)) = (preferred.lan.network(), other.lan.network()) else { return };
    if (a.network(), a.prefix()) != (b.network(), b.prefix()) {
        let message = format!("{b} here, and {a} on {}", preferred.router.name());
        let place = other.router.at(address_line(other.lan));
        report.add(&LAN, place, Key::Site("lan.prefix"), message, "Use the same mask on both.");
    }
}

/// The same address on two routers of a site, the hub's routing table with them.
fn duplicates(site: &Site<'_>, report: &mut Report) {
    let mut seen: HashMap<Ipv4Addr, &Router<'_>> = HashMap::new();
    let members = site.members.iter().filter_map(|member| Some((member.router, member.table()?)));
    for (router, table) in members.chain(site.hub) {
        for (network, interface) in table.connected() {
            match seen.get(&network.ip()) {
                Some(other) if !std::ptr::eq(*other, router) => {
                    let message = format!("{} is also an address of {}", network.ip(), other.name());
                    let fix = "Give one of the two routers another address.";
                    report.add(&DUPLICATE, table.at(address_line(interface)), Key::None, message, fix);
                }
                _ => {
                    seen.insert(network.ip(), router);
                }
            }
        }
    }
}
