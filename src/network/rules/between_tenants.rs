//! Tenants on one hub: nothing of one may reach another, and nothing may be two tenants' at once.

use super::super::device::interface::Interface;
use super::super::device::route::Via;
use super::super::device::tracking::ProbeSource;
use super::super::device::{At, Port};
use super::Scene;
use super::report::{Key, Report, Rule, rules};
use super::table::{Router, Table};
use ipnetwork::Ipv4Network;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

rules! {
    RD: Error "tenant-rd", "a route distinguisher is one tenant's",
        "The carrier takes two towns' routes for one.", "RFC 4364, section 4.1";
    VLAN: Error "tenant-vlan", "a VLAN of a trunk is one interface's",
        "The router refuses the second, or both towns share a wire.", "Cisco dot1Q guide";
    TEMPLATE: Error "tenant-template", "a tunnel template is one peer's",
        "One town's tunnel ends in another's routing table.", "Cisco FlexVPN guide, virtual-template";
    IDENTITY: Error "tenant-identity", "a tunnel peer's name is one tenant's",
        "The first profile that matches takes both towns' tunnels.", "RFC 7296, section 3.5";
    LEAK: Error "tenant-leak", "no routing table imports another tenant's routes",
        "Two towns reach each other, and their equal addresses mix.", "RFC 4364, section 4.3";
    ROUTE: Error "tenant-route", "no route leaves by an interface of another tenant",
        "A town's packets come out in another town.", "Cisco VRF guide, static routes between tables";
    PROBE: Error "tenant-probe", "a probe asks with an address of its own routing table",
        "It tests another town's line, or none.", "Cisco IP SLA guide, vrf";
    ALIAS: Error "tenant-alias", "an alias network is one tenant's",
        "Shared services answer the wrong town.", "Cisco NAT guide, VRF-aware static NAT";
    OVERLAP: Error "tenant-overlap", "equal addresses meet in no table, or one of them is translated",
        "Shared services answer the wrong town.", "Cisco NAT guide, VRF-aware static NAT";
    GROUP: Note "tenant-group", "an HSRP group is one site's",
        "Two sites whose LANs are ever joined would share a virtual MAC address.", "Cisco FHRP guide, HSRP virtual MAC addresses";
}

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    for router in scene.routers {
        numbers(router, report);
        imports(router, report);
        for table in router.tables.values().filter(|table| table.vrf.is_some()) {
            foreign_exits(router, table, report);
        }
        probes(router, report);
        aliases(router, report);
        meeting(router, report);
    }
    groups(scene, report);
}

/// Says of every value after its first one who had it before.
fn twice<T: Eq + Hash, N: std::fmt::Display>(
    router: &Router<'_>,
    all: impl Iterator<Item = (T, u32, Option<String>, N)>,
    rule: &Rule,
    what: impl Fn(&T) -> String,
    report: &mut Report,
) {
    let mut seen: HashMap<T, N> = HashMap::new();
    for (value, line, vrf, name) in all {
        if let Some(first) = seen.get(&value) {
            let table = vrf.as_deref().and_then(|vrf| router.table(Some(vrf)));
            let place = table.map_or_else(|| router.at(line), |table| table.at(line));
            let message = format!("{} of {name} is also that of {first}", what(&value));
            let fix = "Derive both from the tenants' numbers, which are never used twice.";
            report.add(rule, place, Key::Tenant("tenant.number"), message, fix);
        } else {
            seen.insert(value, name);
        }
    }
}

fn numbers(router: &Router<'_>, report: &mut Report) {
    let device = router.device;
    let rds = device.vrfs.iter().filter_map(|vrf| {
        let rd = vrf.rd.as_ref()?;
        Some((rd.value.as_str(), rd.line, Some(vrf.name.value.clone()), vrf.name.as_str()))
    });
    twice(router, rds, &RD, |rd| format!("route distinguisher {rd}"), report);
    let vlans = device.interfaces.iter().filter_map(|interface| {
        let vlan = interface.vlan?;
        let key = (interface.name.value.trunk(), vlan.value);
        Some((key, vlan.line, vrf_of(interface).map(str::to_owned), &interface.name.value))
    });
    twice(router, vlans, &VLAN, |(trunk, vlan): &(Port, u16)| format!("VLAN {vlan} on {trunk}"), report);
    let profiles = || device.crypto.profiles.iter();
    let templates = profiles().filter_map(|profile| {
        let template = profile.template?;
        Some((template.value, template.line, None, profile.name.as_str()))
    });
    twice(router, templates, &TEMPLATE, |template| format!("template {template}"), report);
    let names = profiles().filter(|profile| profile.template.is_some()).filter_map(|profile| {
        let remote = profile.remote.as_ref()?;
        Some((remote.value.as_str(), remote.line, None, profile.name.as_str()))
    });
    twice(router, names, &IDENTITY, |name| format!("the peer's name {name}"), report);
}

fn vrf_of(interface: &Interface) -> Option<&str> {
    interface.vrf.as_ref().map(|at| at.value.as_str())
}

/// Route targets that another table exports, and tables that so come to share addresses.
fn imports(router: &Router<'_>, report: &mut Report) {
    let mut exporters: HashMap<&str, Vec<&str>> = HashMap::new();
    for vrf in &router.device.vrfs {
        for target in vrf.exports.iter().chain(&vrf.rd) {
            exporters.entry(&target.value).or_default().push(&vrf.name.value);
        }
    }
    for vrf in &router.device.vrfs {
        let Some(table) = router.table(Some(&vrf.name.value)) else { continue };
        for target in &vrf.imports {
            let known = exporters.get(target.value.as_str()).map(Vec::as_slice).unwrap_or_default();
            for other in known.iter().filter(|other| **other != vrf.name.value) {
                let message = format!("{} imports {}, which is that of {other}", vrf.name.value, target.value);
                let fix = format!("Write `no route-target import {}`.", target.value);
                report.add(&LEAK, table.at(target.line), Key::None, message, fix);
            }
        }
    }
}

/// Routes of one tenant that leave by an interface of another one.
fn foreign_exits(router: &Router<'_>, table: &Table<'_>, report: &mut Report) {
    for route in &table.routes {
        let (Via::Interface(port) | Via::Both(port, _)) = &route.via else { continue };
        let Some(interface) = router.interface(port) else { continue };
        // A shared service stands in the global table, and is no tenant.
        let Some(other) = vrf_of(interface).filter(|vrf| Some(*vrf) != table.vrf) else { continue };
        let message = format!("{} leaves by {port}, which is in the routing table {other}", route.destination);
        let fix = "Name an interface or neighbour of the tenant's own routing table.";
        report.add(&ROUTE, table.at(route.at.line), Key::None, message, fix);
    }
}

fn probes(router: &Router<'_>, report: &mut Report) {
    for probe in &router.device.probes {
        let Some(At { value: ProbeSource::Interface(port), line }) = &probe.source else { continue };
        let Some(interface) = router.interface(port) else { continue };
        let asked = probe.vrf.as_ref().map(|at| at.value.as_str());
        if vrf_of(interface) != asked {
            let said = |vrf: Option<&str>| vrf.unwrap_or("the global table").to_owned();
            let message =
                format!("probe {} asks in {} with {port} of {}", probe.id.value, said(asked), said(vrf_of(interface)));
            let place = router.table(asked).map_or_else(|| router.at(*line), |table| table.at(*line));
            let fix = "Use an interface of the probe's own routing table.";
            report.add(&PROBE, place, Key::Tenant("tenant.number"), message, fix);
        }
    }
}

/// A network with its owner and line, for sweeps.
struct Owned<'a> {
    network: Ipv4Network,
    vrf: Option<&'a str>,
    line: u32,
}

/// Pairs of overlapping networks of different owners; each network is named once, with one of those
/// that it overlaps. Sorted, so that each is compared with open ones only.
fn overlapping<'a>(mut all: Vec<Owned<'a>>, mut found: impl FnMut(&Owned<'a>, &Owned<'a>)) {
    all.sort_by_key(|owned| (owned.network.network(), owned.network.prefix(), owned.line));
    let mut open: Vec<Owned<'a>> = Vec::new();
    for owned in all {
        open.retain(|before| before.network.broadcast() >= owned.network.network());
        if let Some(before) = open.iter().find(|before| before.vrf != owned.vrf) {
            found(before, &owned);
        }
        // One of each owner is enough to be found by the next.
        if !open.iter().any(|before| before.vrf == owned.vrf && before.network.broadcast() >= owned.network.broadcast())
        {
            open.push(owned);
        }
    }
}

fn aliases(router: &Router<'_>, report: &mut Report) {
    let all = router.device.translations.iter();
    let owned = all.map(|translation| Owned {
        network: translation.global,
        vrf: translation.vrf.as_deref(),
        line: translation.at.line,
    });
    overlapping(owned.collect(), |first, second| {
        let place = router.table(second.vrf).map_or_else(|| router.at(second.line), |table| table.at(second.line));
        let message = format!("{} is also an alias of {}", second.network, first.vrf.unwrap_or("the global table"));
        let fix = "Give each tenant an alias network of its own.";
        report.add(&ALIAS, place, Key::None, message, fix);
    });
}

/// Tables that meet, by routes to the global table or by route targets: their addresses, where no
/// translation hides them, must differ.
fn meeting(router: &Router<'_>, report: &mut Report) {
    let mut groups: BTreeMap<String, Vec<&Table<'_>>> = BTreeMap::new();
    for table in router.tables.values().filter(|table| table.vrf.is_some()) {
        let global = |via: &Via| match via {
            Via::Global(_) => true,
            Via::Interface(port) | Via::Both(port, _) => {
                router.interface(port).is_some_and(|found| found.vrf.is_none())
            }
            _ => false,
        };
        if table.routes.iter().any(|route| global(&route.via)) {
            groups.entry("the global table".to_owned()).or_default().push(table);
        }
    }
    for vrf in &router.device.vrfs {
        let Some(table) = router.table(Some(&vrf.name.value)) else { continue };
        let targets = vrf.imports.iter().chain(&vrf.exports).map(|at| at.value.as_str());
        for target in targets.collect::<std::collections::BTreeSet<_>>() {
            groups.entry(format!("route target {target}")).or_default().push(table);
        }
    }
    for (meeting, tables) in groups.into_iter().filter(|(_, tables)| tables.len() > 1) {
        let owned = tables.iter().flat_map(|table| shown(router, table)).collect();
        overlapping(owned, |first, second| {
            let Some(table) = router.table(second.vrf) else { return };
            let message =
                format!("{} is also in {}, and both meet in {meeting}", second.network, first.vrf.unwrap_or_default());
            let fix = "Translate the addresses of each to an alias network of its own, or use one jump host a tenant.";
            report.add(&OVERLAP, table.at(second.line), Key::Site("lan.prefix"), message, fix);
        });
    }
}

/// The networks of a town in a table that others can see: not those behind a translation.
fn shown<'a>(router: &Router<'a>, table: &Table<'a>) -> Vec<Owned<'a>> {
    let hidden: Vec<Ipv4Network> = router
        .device
        .translations
        .iter()
        .filter(|translation| translation.vrf.as_deref() == table.vrf)
        .map(|translation| translation.local)
        .collect();
    let towards_town = |via: &Via| matches!(via, Via::Address(_));
    let routes =
        table.routes.iter().filter(|route| towards_town(&route.via) && (8..32).contains(&route.destination.prefix()));
    routes
        .filter(|route| !hidden.iter().any(|local| local.overlaps(route.destination)))
        .map(|route| Owned { network: route.destination, vrf: table.vrf, line: route.at.line })
        .collect()
}

/// The same group at two sites that the hub tells apart.
fn groups(scene: &Scene<'_>, report: &mut Report) {
    let mut seen: HashMap<u16, &super::site::Site<'_>> = HashMap::new();
    for site in scene.sites {
        let Some(member) = site.members.first() else { continue };
        let number = member.group.number;
        if let Some(first) = seen.get(&number.value) {
            let other = first.members.first().map_or("", |member| member.router.name());
            let message = format!("group {} is also that of {other} at another site", number.value);
            let fix = "Derive the group from the tenant's number.";
            report.add(&GROUP, member.router.at(number.line), Key::Project("hsrp_group_base"), message, fix);
        } else {
            seen.insert(number.value, site);
        }
    }
}
