//! What the temporary way adds to a router: routes to the hosts at the SAD, translations, the access
//! list of the migration class, and the filter that lets these flows pass and nothing else of them.

use super::super::ServicePort;
use super::super::interface::{InterfaceName, Side as NatSide};
use super::super::plan::{NetworkPlan, host};
use super::super::route::{LAST, NextHop, Route, Translation};
use super::super::router::{AccessEntry, AccessList, Protocol, RouterPlan};
use super::super::token::Token;
use super::{Flow, MigrationPath, Purpose, Side, Way};
use std::net::Ipv4Addr;

/// Class of what the migration sends, and its access list on a CPE.
pub const MIGRATION: &str = "MIGRATION";
/// ServicePort of SSH: how routers are managed.
const SSH: ServicePort = ServicePort(22);

/// The class of what the migration of one site sends, on the hub: each has its own, so that a tenant
/// that comes or goes changes no other's lines.
pub fn class_on_hub(label: &Token) -> Token {
    Token::of(format_args!("{MIGRATION}-{label}"))
}

/// Where a CPE sends packets for the SAD, as its routes to the SAD's prefix do.
pub struct Exit {
    /// Where to.
    pub via: NextHop,
    /// The object without which it is withdrawn.
    pub track: Option<u16>,
    /// Its distance, where it floats.
    pub distance: Option<u8>,
}

/// Adds the way to a CPE, whose own addresses are `own`.
pub fn on_cpe(router: &mut RouterPlan, plan: &NetworkPlan, own: &[Ipv4Addr], exits: &[Exit]) {
    let Some(path) = &plan.migration else { return };
    let filter = Token::of(format_args!("{MIGRATION}-IN"));
    lists(router, path, Side::Town, &Token::of(format_args!("{MIGRATION}")), filter, own);
    for target in path.routed_hosts() {
        let name = Token::of(format_args!("MIGR-{}", target.role.word()));
        for exit in exits {
            let mut route = Route::new(None, host(target.address), exit.via.clone(), name.clone()).tracked(exit.track);
            route.distance = exit.distance;
            router.routes.push(route);
        }
        // Without it the packets would go to the firewall, whose own route leads back to the VIP.
        let nowhere = Route::new(None, host(target.address), NextHop::Discard, Token::of(format_args!("MIGR-NO-LOOP")));
        router.routes.push(nowhere.floating(LAST));
    }
}

/// Adds the way to the tenant's part of the hub, whose routes to the town follow `object`.
pub fn on_hub(router: &mut RouterPlan, plan: &NetworkPlan, handoff: &InterfaceName, object: Option<u16>) {
    let Some(path) = &plan.migration else { return };
    let vrf = &plan.numbers.vrf;
    let class = class_on_hub(&plan.numbers.label);
    let cpes = std::iter::once(&plan.primary_cpe).chain(&plan.standby_cpe);
    let own: Vec<_> = cpes.flat_map(|cpe| [cpe.lan, cpe.loopback]).collect();
    lists(router, path, Side::Sad, &class, Token::of(format_args!("{class}-IN")), &own);
    for target in path.routed_hosts() {
        let name = Token::of(format_args!("MIGR-{}", target.role.word()));
        let via = NextHop::Global(target.address);
        router.routes.push(Route::new(Some(vrf), host(target.address), via, name));
    }
    match &path.way {
        Way::Routed => {
            // From the global table into the tenant's: only an interface and its neighbour lead there.
            let via = NextHop::Both(handoff.clone(), plan.handoff.pe);
            let name = Token::of(format_args!("MIGR-{}", plan.numbers.label));
            router.routes.push(Route::new(None, plan.lan.prefix, via, name).tracked(object));
        }
        Way::Alias { pairs } => {
            let pairs = pairs.iter().map(|pair| Translation::new(vrf, pair.local, pair.global));
            router.translations.extend(pairs);
            for interface in router.interfaces.iter_mut().filter(|interface| interface.shaper.is_some()) {
                interface.translation = Some(NatSide::Inside);
            }
        }
        Way::JumpHost { .. } => {}
    }
}

/// The access list of the class for what leaves by the lines of `router`, which stands at `end`, and
/// the filter for what arrives by them.
fn lists(router: &mut RouterPlan, path: &MigrationPath, end: Side, class: &Token, filter: Token, routers: &[Ipv4Addr]) {
    let copies = path.flows.iter().filter(|flow| flow.purpose == Purpose::Copy);
    let mut leaving: Vec<_> = copies.map(|flow| entry(flow, end)).collect();
    leaving.push(AccessEntry::any(false, Protocol::Ip));
    router.access_lists.push(AccessList { name: class.clone(), entries: leaving });
    for known in router.migration_classes.iter_mut().filter(|known| known.name == *class) {
        known.access_list = Some(class.clone());
    }
    router.access_lists.push(AccessList { name: filter.clone(), entries: arriving(path, end, routers) });
    for interface in router.interfaces.iter_mut().filter(|interface| interface.shaper.is_some()) {
        interface.access_list = Some(filter.clone());
    }
}

/// Packets of a flow that are sent from `end`.
fn entry(flow: &Flow, end: Side) -> AccessEntry {
    let (local, remote) = (host(flow.local), host(flow.host.address));
    let (from, to) = if end == Side::Town { (local, remote) } else { (remote, local) };
    let entry = AccessEntry::any(true, Protocol::Tcp).from(from).to(to);
    if flow.called == end { entry.from_port(ServicePort(flow.port)) } else { entry.to_port(ServicePort(flow.port)) }
}

/// The flows, pings, and the management of the routers; nothing else of the hosts; and everything that is none of theirs.
fn arriving(path: &MigrationPath, end: Side, routers: &[Ipv4Addr]) -> Vec<AccessEntry> {
    let mut entries: Vec<_> = path.flows.iter().map(|flow| entry(flow, end.other())).collect();
    let operations = path.hosts.iter().filter(|known| path.flows.iter().any(|flow| flow.host == **known && asks(flow)));
    for operations in operations {
        let remote = host(operations.address);
        for router in routers {
            let entry = AccessEntry::any(true, Protocol::Tcp);
            entries.push(match end {
                Side::Town => entry.from(remote).to(host(*router)).to_port(SSH),
                Side::Sad => entry.from(host(*router)).from_port(SSH).to(remote),
            });
        }
        let ping = AccessEntry::any(true, Protocol::Icmp);
        entries.push(if end == Side::Town { ping.from(remote) } else { ping.to(remote) });
    }
    for known in &path.hosts {
        let rest = AccessEntry::any(false, Protocol::Ip);
        let remote = host(known.address);
        entries.push(if end == Side::Town { rest.from(remote) } else { rest.to(remote) });
    }
    entries.push(AccessEntry::any(true, Protocol::Ip));
    // Behind one jump host two flows may be the same packets.
    let mut seen = std::collections::BTreeSet::new();
    entries.retain(|entry| seen.insert(entry.clone()));
    entries
}

/// Whether the host of the flow is the one that runs the checklists.
fn asks(flow: &Flow) -> bool {
    flow.purpose == Purpose::Check
}
