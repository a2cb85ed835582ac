//! Servers that keep an address inside their clients' own subnet: clients ask for their hardware
//! address and never look at a route, so a router must answer for them, at both ends.

use super::super::device::interface::Interface;
use super::super::device::route::{Route, Via};
use super::super::plan::ServerPlan;
use super::Scene;
use super::report::{Key, Report, rules};
use super::site::{Member, Site};
use super::table::{Router, Table};
use ipnetwork::Ipv4Network;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

rules! {
    PROXY: Error "same-subnet-proxy-arp", "the routers answer ARP for a server that keeps its address",
        "Clients and server ask for each other's hardware address and nobody answers.", "RFC 1027";
    ONE_CPE: Error "same-subnet-one-cpe", "a server's /32 is on both CPEs",
        "After a failover the other one looks for the server in the LAN.", "RFC 1027, with every router of the LAN";
    NO_CPE: Error "same-subnet-cpe", "a server's /32 on the hub is on the CPEs too",
        "Clients ask for its hardware address and nobody answers.", "RFC 1027";
    HUB: Error "same-subnet-hub", "a server's /32 on the CPEs is on the hub too, into the VLAN of kept servers",
        "The hub sends its packets back to the town, and answers the server's own address check: Windows switches the address off.",
        "RFC 5227, section 2.1.1; RFC 1027";
    HALVES: Error "same-subnet-halves", "the hub's routes to the LAN are more specific than its own network there, and whole",
        "It looks for those clients in the VLAN of the servers.", "RFC 1027; RFC 1812, section 5.2.4.3";
    LOCAL: Error "same-subnet-local-proxy-arp", "a CPE answers for servers that moved, not for every address of the LAN",
        "Every Windows machine sees its own address in use.", "RFC 3069; RFC 5227, section 2.1.1";
    REDIRECTS: Error "same-subnet-redirects", "a CPE sends no redirects into the LAN",
        "Hosts keep routes to one real router, which outlive the failover.", "Cisco FHRP guide, HSRP and ICMP redirects";
    REAL: Error "same-subnet-next-hop", "who sends to the data center sends to the virtual address",
        "The route does not move with the failover.", "RFC 2281";
    EARLY: Error "same-subnet-early", "a server's /32 is on no router before its move",
        "The old machine and the router both answer for one address.", "RFC 5227, section 1";
    LATE: Error "same-subnet-late", "a server's /32 is on the routers after its move",
        "Its clients ask for its hardware address and nobody answers.", "RFC 1027";
}

/// The /32s inside a LAN, by address.
type Hosts<'a> = Vec<(Ipv4Addr, &'a Route)>;

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites {
        let on_cpes: BTreeSet<Ipv4Addr> = site.members.iter().flat_map(|member| addresses(&kept(member))).collect();
        let plan = site.members.iter().find_map(|member| member.router.plan);
        let any = !on_cpes.is_empty() || plan.is_some_and(|plan| plan.kept().next().is_some());
        for member in &site.members {
            lan(member, any, report);
        }
        for (one, other) in site.both_ways() {
            one_cpe(&one, &other, report);
        }
        if let Some((router, table)) = site.hub {
            hub(site, router, table, &on_cpes, report);
        }
        if let Some(moved) = scene.expected.and_then(|expected| expected.moved) {
            for server in plan.into_iter().flat_map(|plan| plan.kept()) {
                in_time(site, server, moved.contains(&server.id), report);
            }
        }
        strangers(scene, site, report);
    }
}

fn addresses(hosts: &Hosts<'_>) -> Vec<Ipv4Addr> {
    hosts.iter().map(|(address, _)| *address).collect()
}

/// The single addresses of the LAN that a CPE routes elsewhere.
fn kept<'a>(member: &Member<'a>) -> Hosts<'a> {
    let (Some(table), Some(lan)) = (member.table(), member.lan.network()) else { return Vec::new() };
    hosts(table, lan)
}

fn hosts<'a>(table: &Table<'a>, lan: Ipv4Network) -> Hosts<'a> {
    let single = |route: &&&Route| {
        route.destination.prefix() == 32 && lan.contains(route.destination.ip()) && route.via != Via::Discard
    };
    table.routes.iter().filter(single).map(|route| (route.destination.ip(), *route)).collect()
}

fn lan(member: &Member<'_>, any: bool, report: &mut Report) {
    let Member { router, lan, .. } = member;
    if any {
        answers(lan, router, router.at(0), report);
    }
    if let Some(at) = lan.local_proxy_arp {
        let message = format!("{} answers for every address of the LAN", lan.name.value);
        report.add(
            &LOCAL,
            router.at(at.line),
            Key::None,
            message,
            "Remove `ip local-proxy-arp`; `ip proxy-arp` is enough.",
        );
    }
    if lan.redirects.is_none_or(|at| at.value) {
        let line = lan.redirects.map_or(lan.name.line, |at| at.line);
        let message = format!("{} sends redirects to the clients", lan.name.value);
        report.add(&REDIRECTS, router.at(line), Key::None, message, "Write `no ip redirects`.");
    }
}

/// Whether an interface answers ARP for addresses that are elsewhere.
fn answers(interface: &Interface, router: &Router<'_>, place: super::report::Place<'_>, report: &mut Report) {
    if interface.answers_for_others() {
        return;
    }
    let line = interface.proxy_arp.map_or(interface.name.line, |at| at.line);
    let message =
        format!("{} of {} does not answer for addresses that are elsewhere", interface.name.value, router.name());
    let place = super::report::Place { line, ..place };
    report.add(&PROXY, place, Key::Tenant("servers"), message, "Write `ip proxy-arp`.");
}

/// Servers that `one` knows and `other` does not, said where `other` takes them for neighbours.
fn one_cpe(one: &Member<'_>, other: &Member<'_>, report: &mut Report) {
    let known: BTreeSet<_> = addresses(&kept(other)).into_iter().collect();
    let missing: BTreeSet<_> = addresses(&kept(one)).into_iter().filter(|address| !known.contains(address)).collect();
    for address in missing {
        let line = other.lan.address.as_ref().map_or(other.lan.name.line, |at| at.line);
        let message = format!("{address} is routed on {}, and looked for in the LAN here", one.router.name());
        let fix = format!("Write `ip route {address} 255.255.255.255` through the line of {}.", other.router.name());
        report.add(&ONE_CPE, other.router.at(line), Key::Tenant("servers"), message, fix);
    }
}

fn hub(site: &Site<'_>, router: &Router<'_>, table: &Table<'_>, on_cpes: &BTreeSet<Ipv4Addr>, report: &mut Report) {
    let overlapping = |interface: &&&Interface| interface.network().is_some_and(|own| own.overlaps(site.lan));
    let vlan = table.interfaces.iter().find(overlapping);
    let into_vlan =
        |route: &Route| table.exit(route).zip(vlan).is_some_and(|(exit, vlan)| exit.name.value == vlan.name.value);
    let all = hosts(table, site.lan);
    let line = vlan.and_then(|vlan| vlan.address.as_ref()).map_or(table.first_line(), |at| at.line);
    for address in on_cpes {
        let own = all.iter().find(|(own, _)| own == address).map(|(_, route)| *route);
        if own.is_none_or(|route| !into_vlan(route)) {
            let line = own.map_or(line, |route| route.at.line);
            let message = format!(
                "{address} is routed to the data center on the CPEs, and not into the VLAN of kept servers here"
            );
            let vrf = table.vrf.unwrap_or_default();
            let fix = format!("Write `ip route vrf {vrf} {address} 255.255.255.255 VLAN-INTERFACE {address}`.");
            report.add(&HUB, table.at(line), Key::Tenant("servers"), message, fix);
        }
    }
    for (address, route) in all.iter().filter(|(address, route)| into_vlan(route) && !on_cpes.contains(address)) {
        let message = format!("{address} is at the data center by this route, and no CPE of the site knows");
        let fix = format!("Write `ip route {address} 255.255.255.255` on every CPE of the site.");
        report.add(&NO_CPE, table.at(route.at.line), Key::Tenant("servers"), message, fix);
    }
    let Some(vlan) = vlan else { return };
    answers(vlan, router, table.at(0), report);
    if let Some(network) = vlan.network() {
        halves(table, network, line, report);
    }
}

/// Whether routes more specific than the hub's own network in the LAN lead to every client.
fn halves(table: &Table<'_>, own: Ipv4Network, line: u32, report: &mut Report) {
    let specific = |route: &&&Route| {
        let inside = route.destination.prefix() > own.prefix() && own.contains(route.destination.ip());
        inside && route.destination.prefix() < 32 && route.via != Via::Discard
    };
    let ends =
        |network: Ipv4Network| (u64::from(u32::from(network.network())), u64::from(u32::from(network.broadcast())));
    let mut parts: Vec<_> = table.routes.iter().filter(specific).map(|route| ends(route.destination)).collect();
    parts.sort_unstable();
    let (mut next, last) = ends(own);
    for (from, to) in parts {
        if from <= next {
            next = next.max(to + 1);
        }
    }
    if next <= last {
        let first = Ipv4Addr::from(u32::try_from(next).unwrap_or(u32::MAX));
        let message = format!("no route more specific than {own} leads to {first} and beyond");
        let fix = "Route both halves of the LAN to the carrier, each with the tracked object of the line.";
        report.add(&HALVES, table.at(line), Key::Site("lan.prefix"), message, fix);
    }
}

/// Whether a server's /32 is there when it should be, and only then.
fn in_time(site: &Site<'_>, server: &ServerPlan, moved: bool, report: &mut Report) {
    let members = site.members.iter().filter_map(|member| {
        let line = member.lan.address.as_ref().map_or(member.lan.name.line, |at| at.line);
        Some((member.router, member.table()?, line))
    });
    let hub = site.hub.map(|(router, table)| (router, table, table.first_line()));
    for (router, table, line) in members.chain(hub) {
        let found = hosts(table, site.lan).into_iter().find(|(address, _)| *address == server.after);
        match found {
            Some((address, route)) if !moved => {
                let message = format!("{address} of {} is routed to the data center before it has moved", server.id);
                let fix = "Take the route away; the cutover of the server adds it once the old machine is silent.";
                report.add(&EARLY, table.at(route.at.line), Key::Tenant("servers"), message, fix);
            }
            None if moved => {
                let message =
                    format!("{} of {} has moved, and {} has no route to it", server.after, server.id, router.name());
                let fix = format!("Add the route of the cutover of {}.", server.id);
                report.add(&LATE, table.at(line), Key::Tenant("servers"), message, fix);
            }
            _ => {}
        }
    }
}

/// Other routers of the LAN that send to a CPE instead of the virtual address.
fn strangers(scene: &Scene<'_>, site: &Site<'_>, report: &mut Report) {
    let Some(vip) = site.members.iter().find_map(|member| member.group.vip) else { return };
    let real: Vec<Ipv4Addr> = site.members.iter().filter_map(|member| Some(member.lan.network()?.ip())).collect();
    // A CPE, of this site or of another with the same addresses, floats to its peer rightly.
    let cpe = |router: &Router<'_>| router.device.interfaces.iter().any(|own| !own.standby.groups.is_empty());
    for router in scene.routers.iter().filter(|router| !cpe(router)) {
        let Some(table) = router.table(None) else { continue };
        if !table.connected().any(|(network, _)| network.overlaps(site.lan)) {
            continue;
        }
        for route in &table.routes {
            let (Via::Address(hop) | Via::Both(_, hop)) = route.via else { continue };
            if real.contains(&hop) {
                let message = format!("{} goes to {hop}, one CPE's own address", route.destination);
                let fix = format!("Name the virtual address {}.", vip.value);
                report.add(&REAL, router.at(route.at.line), Key::Site("lan.vip"), message, fix);
            }
        }
    }
}
