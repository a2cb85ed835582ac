//! What is compared with the inventory: addresses, groups, routing tables.

use super::super::device::interface::Interface;
use super::super::plan::{BackupLine, LteWay, NetworkPlan};
use super::Scene;
use super::report::{Key, Place, Report, rules};
use super::table::{Router, Table};
use std::net::Ipv4Addr;

rules! {
    ADDRESS: Error "inventory-address", "an address is the one of the inventory",
        "Carrier, firewall and machines were told the inventory's address.", "our inventory";
    GROUP: Error "inventory-group", "the HSRP group follows from the tenant's number",
        "The virtual MAC address carries the group; another tenant's number may take the same.", "our numbering: base and number of the tenant";
    VRF: Error "inventory-vrf", "an interface of the hub is in the routing table of its tenant",
        "What arrives there is another town's.", "our numbering: one routing table a tenant";
    DISTINGUISHER: Error "inventory-rd", "the route distinguisher follows from the tenant's number",
        "Two tenants' routes become one in the carrier's VPN.", "RFC 4364, section 4.1";
}

/// An address that has to be somewhere.
struct Wanted {
    address: Ipv4Addr,
    what: &'static str,
    key: Key<'static>,
}

fn wanted(address: Ipv4Addr, what: &'static str, key: Key<'static>) -> Wanted {
    Wanted { address, what, key }
}

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    for router in scene.routers {
        if let Some(plan) = router.plan {
            cpe(router, plan, report);
            continue;
        }
        for table in router.tables.values() {
            if let Some(plan) = table.plan {
                hub(router, table, plan, report);
                plan.beside.iter().for_each(|site| addresses(table, site, &on_hub(site), report));
            }
        }
    }
}

fn cpe(router: &Router<'_>, plan: &NetworkPlan, report: &mut Report) {
    let primary = router.name() == plan.primary_cpe.hostname.as_str();
    let own = if primary { &plan.primary_cpe } else { plan.backup_cpe() };
    let (lan_key, loopbacks) =
        if primary { ("lan.primary", "primary_loopbacks") } else { ("lan.standby", "standby_loopbacks") };
    let mut all = vec![
        wanted(own.lan, "address in the LAN", Key::Site(lan_key)),
        wanted(own.loopback, "management address", Key::Project(loopbacks)),
    ];
    if primary {
        all.push(wanted(plan.primary.line.cpe, "address on the primary line", Key::Site("link.carrier.cpe")));
    }
    if !primary || plan.standby_cpe.is_none() {
        match &plan.backup {
            Some(BackupLine::Copper { line, .. }) => {
                all.push(wanted(line.cpe, "address on the backup line", Key::Site("link.backup.copper.carrier.cpe")));
            }
            Some(BackupLine::Lte { way: LteWay::Tunnel(tunnel), .. }) => {
                all.push(wanted(tunnel.cpe, "end of the tunnel", Key::Project("tunnels")));
            }
            Some(BackupLine::Lte { way: LteWay::Provider(line), .. }) if !line.negotiated => {
                all.push(wanted(line.cpe, "address on the backup line", Key::Site("link.backup.lte")));
            }
            _ => {}
        }
    }
    if let Some(table) = router.table(None) {
        addresses(table, plan, &all, report);
    }
    for interface in &router.device.interfaces {
        groups(router, interface, plan, report);
    }
}

fn groups(router: &Router<'_>, interface: &Interface, plan: &NetworkPlan, report: &mut Report) {
    for group in &interface.standby.groups {
        if let Some(vip) = group.vip.filter(|vip| vip.value != plan.lan.vip) {
            let message = format!("the virtual address is {}, and {} in the inventory", vip.value, plan.lan.vip);
            let fix = format!("Write `standby {} ip {}`, or correct the inventory.", group.number.value, plan.lan.vip);
            report.add(&ADDRESS, router.at(vip.line), Key::Site("lan.vip"), message, fix);
        }
        if group.number.value != plan.numbers.group {
            let message =
                format!("the group is {}, and {} by the tenant's number", group.number.value, plan.numbers.group);
            let fix = format!("Use group {} on every CPE of the site.", plan.numbers.group);
            report.add(&GROUP, router.at(group.number.line), Key::Project("hsrp_group_base"), message, fix);
        }
    }
}

/// Says which wanted addresses no interface of the table has, at the interface that should have it.
fn addresses(table: &Table<'_>, plan: &NetworkPlan, all: &[Wanted], report: &mut Report) {
    for Wanted { address, what, key } in all {
        if table.owns(*address).is_some() {
            continue;
        }
        let near = table.neighbour(*address).and_then(|interface| interface.address.as_ref()).map(|at| at.line);
        let message = format!("the {what} should be {address} by the inventory, and no interface has it");
        let fix = format!("Give the interface {address}, or correct the inventory.");
        let place = Place { plan: Some(plan), ..table.at(near.unwrap_or(table.first_line())) };
        report.add(&ADDRESS, place, *key, message, fix);
    }
}

/// The addresses of a site on the hub.
fn on_hub(plan: &NetworkPlan) -> Vec<Wanted> {
    let mut all = vec![
        wanted(plan.handoff.ce, "address towards the carrier", Key::Site("link.carrier.hub_ce")),
        wanted(plan.numbers.sad_gateway, "gateway of the tenant's prefix at the data center", Key::Project("sad")),
        wanted(plan.probe_target, "target of the probes", Key::Project("probe_target")),
    ];
    all.extend(plan.lan.hub.map(|hub| wanted(hub, "address in the VLAN of kept servers", Key::Site("lan.hub"))));
    all.extend(plan.tunnel().map(|tunnel| wanted(tunnel.hub, "end of the tunnel", Key::Project("tunnels"))));
    all
}

fn hub(router: &Router<'_>, table: &Table<'_>, plan: &NetworkPlan, report: &mut Report) {
    addresses(table, plan, &on_hub(plan), report);
    let rd = plan.numbers.rd.to_string();
    let definition = router.device.vrfs.iter().find(|vrf| Some(vrf.name.as_str()) == table.vrf);
    if let Some(found) = definition.and_then(|vrf| vrf.rd.as_ref()).filter(|found| found.value != rd) {
        let message = format!("the route distinguisher is {}, and {rd} by the tenant's number", found.value);
        let fix = format!("Write `rd {rd}`; a change of it empties the table, so use a window.");
        report.add(&DISTINGUISHER, table.at(found.line), Key::Tenant("tenant.number"), message, fix);
    }
    for interface in &table.interfaces {
        vlan(table, interface, plan, report);
    }
}

/// An interface whose VLAN is not one of the tenant's.
fn vlan(table: &Table<'_>, interface: &Interface, plan: &NetworkPlan, report: &mut Report) {
    let sites = std::iter::once(plan).chain(&plan.beside);
    let mut own: Vec<u16> =
        sites.flat_map(|site| [site.handoff.vlan, site.numbers.kept_vlan, site.numbers.new_vlan]).collect();
    let mut seen = std::collections::BTreeSet::new();
    own.retain(|vlan| seen.insert(*vlan));
    let Some(vlan) = interface.vlan.filter(|vlan| !own.contains(&vlan.value)) else { return };
    let line = interface.vrf.as_ref().map_or(vlan.line, |vrf| vrf.line);
    let message = format!("VLAN {} is in the routing table of {}, whose VLANs are {own:?}", vlan.value, plan.tenant);
    let fix = format!("Put {} into the routing table of the tenant of VLAN {}.", interface.name.value, vlan.value);
    report.add(&VRF, table.at(line), Key::Site("link.carrier.hub_vlan"), message, fix);
}
