//! Routes that follow a tracked object: both ends must leave a dead line, and for a way that exists.

use super::super::device::interface::Interface;
use super::super::device::route::{Route, Via};
use super::super::device::tracking::{Probe, Tracked};
use super::Scene;
use super::report::{Key, Report, rules};
use super::site::{Member, Site};
use super::table::{Router, Table};
use ipnetwork::Ipv4Network;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

rules! {
    ROUTE: Error "track-route", "a route with an alternative follows a tracked object",
        "A fault beyond the last mile leaves the interface up: the route stays and the alternative is never used.",
        "Cisco reliable static routing with object tracking";
    RETURN: Error "track-return", "the hub's way back follows a tracked object",
        "The CPEs fail over and the answers still go into the dead line: no recovery at all.",
        "measured: no recovery in 27 s without, 4 to 10 s with it";
    NO_FLOAT: Error "track-no-float", "the hub has a second way back where the backup is a tunnel",
        "When the tracked route is withdrawn nothing leads back to the town.", "Cisco reliable static routing with object tracking";
    ONE_CPE: Error "track-one-cpe", "both CPEs have a way to what one of them reaches",
        "After a failover it is lost.", "Cisco 13780-6";
    OTHER_LINE: Error "track-other-line", "a route follows an object that watches its own line",
        "It is withdrawn when another line fails, and stays when its own does.", "Cisco enhanced object tracking guide";
    OTHER_TABLE: Error "track-other-vrf", "a route follows a probe of its own routing table",
        "It is withdrawn when another town's line fails.", "Cisco IP SLA guide, vrf";
    DELAYS: Warning "track-delays", "the primary line must be up five times as long as it may be down",
        "A line that flaps moves the traffic each time.", "Cisco enhanced object tracking guide, delay";
    LOOP: Error "track-loop", "two CPEs do not float to each other untracked",
        "With both lines down a packet goes to and fro until it dies.", "our design: one CPE floats to the other, which drops";
    FALLS: Warning "track-discard", "what has no way left is dropped before the default route",
        "It goes to the firewall, whose own route brings it back to the virtual address: a loop.",
        "RFC 4632, section 5.1: a less specific way must not be followed";
    DEFAULT: Error "default-route", "the default route leads to the local firewall and nowhere else",
        "The town's Internet traffic passes the firewall by, or fills the line.", "our design: the firewall stays the way to the Internet";
}

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    for router in scene.routers {
        for table in router.tables.values() {
            guarded(scene, router, table, report);
        }
    }
    for site in scene.sites {
        for member in &site.members {
            default_route(member, site, report);
            falls(member, report);
        }
        for (one, other) in site.both_ways() {
            one_cpe(&one, &other, report);
        }
        if let Some((preferred, other)) = site.pair() {
            mutual(&preferred, &other, report);
            let tracked = preferred.group.tracks.iter().map(|track| track.object);
            delays(preferred.router, tracked.collect(), report);
        }
        if let Some((router, table)) = site.hub {
            no_float(router, table, report);
            delays(router, table.routes.iter().filter_map(|route| route.track).collect(), report);
        }
    }
}

/// Routes of a table and what they follow.
fn guarded(scene: &Scene<'_>, router: &Router<'_>, table: &Table<'_>, report: &mut Report) {
    let is_hub = scene.sites.iter().all(|site| site.members.iter().all(|member| !std::ptr::eq(member.router, router)));
    let alternative = |route: &Route| {
        let other = |other: &&&Route| {
            other.destination == route.destination && other.distance > route.distance && other.via != Via::Discard
        };
        table.routes.iter().find(other)
    };
    for route in table.routes.iter().filter(|route| route.via != Via::Discard) {
        let place = table.at(route.at.line);
        let Some(object) = route.track else {
            if let Some(other) = alternative(route) {
                let rule = if is_hub && table.vrf.is_some() { &RETURN } else { &ROUTE };
                let message = format!(
                    "{} by {} stays although its line is dead; {} is never used",
                    route.destination, route.via, other.via
                );
                report.add(
                    rule,
                    place,
                    Key::None,
                    message,
                    "Add `track OBJECT`, with an object that probes this line.",
                );
            }
            continue;
        };
        other_line(router, table, route, object, report);
    }
}

/// Whether the object watches the line by which the route leaves.
fn other_line(router: &Router<'_>, table: &Table<'_>, route: &Route, object: u16, report: &mut Report) {
    let Some(exit) = table.exit(route) else { return };
    let leaves = router.leaves(object);
    if leaves.is_empty() {
        return;
    }
    let place = table.at(route.at.line);
    let probes = leaves.iter().filter_map(|leaf| match leaf.what {
        Tracked::Probe { probe, .. } => router.probe(probe),
        _ => None,
    });
    if let Some(foreign) = probes.clone().find(|probe| probe.vrf.as_ref().map(|at| at.value.as_str()) != table.vrf) {
        let own = foreign.vrf.as_ref().map_or("the global table", |at| at.value.as_str());
        let message = format!("object {object} follows probe {} of {own}", foreign.id.value);
        report.add(&OTHER_TABLE, place, Key::Tenant("tenant.number"), message, "Follow the tenant's own object.");
        return;
    }
    let watches = |name: &super::super::device::Port| *name == exit.name.value;
    let own_line = leaves.iter().any(|leaf| match &leaf.what {
        Tracked::Probe { probe, .. } => router.probe(*probe).is_none_or(|probe| probes_by(table, probe, exit)),
        Tracked::Interface { port, .. } => watches(port),
        Tracked::List { .. } | Tracked::Other(_) => true,
    });
    if !own_line {
        let message = format!("leaves by {}, and object {object} watches another line", exit.name.value);
        report.add(&OTHER_LINE, place, Key::None, message, "Follow the object that probes this line.");
    }
}

/// Whether the probe's packets leave by `exit`, as far as the text says.
fn probes_by(table: &Table<'_>, probe: &Probe, exit: &Interface) -> bool {
    let Some(target) = probe.target else { return true };
    let ways = table.ways(target.value);
    ways.iter()
        .find(|way| !way.discards())
        .and_then(|way| way.exit)
        .is_none_or(|found| found.name.value == exit.name.value)
}

/// The routes of a CPE to the SAD, by destination: not those of the whole world, nor drops.
fn destinations<'a>(member: &Member<'a>) -> Vec<&'a Route> {
    let Some(table) = member.table() else { return Vec::new() };
    table.routes.iter().filter(|route| route.destination.prefix() > 0 && route.via != Via::Discard).copied().collect()
}

/// What `one` reaches by a tracked route and `other` does not know, or knows without tracking it.
fn one_cpe(one: &Member<'_>, other: &Member<'_>, report: &mut Report) {
    let theirs = destinations(other);
    let lan = one.lan.network();
    for route in destinations(one).into_iter().filter(|route| route.track.is_some()) {
        // An address inside the LAN has rules of its own.
        if lan.is_some_and(|lan| lan.contains(route.destination.ip())) && route.destination.prefix() == 32 {
            continue;
        }
        let same: Vec<_> = theirs.iter().filter(|other| other.destination == route.destination).collect();
        if same.is_empty() {
            let message = format!("{} is routed here, and not on {}", route.destination, other.router.name());
            let fix = format!("Write the route to {} on {} too.", route.destination, other.router.name());
            report.add(&ONE_CPE, one.router.at(route.at.line), Key::None, message, fix);
        }
    }
    for route in &theirs {
        let tracked = |mine: &&Route| mine.destination == route.destination && mine.track.is_some();
        let alone = theirs.iter().filter(|own| own.destination == route.destination).count() == 1;
        if route.track.is_none() && alone && destinations(one).iter().any(tracked) {
            let message = format!("{} follows nothing here, and an object on {}", route.destination, one.router.name());
            let fix = "Add `track OBJECT`, with an object that probes this line.";
            report.add(&ROUTE, other.router.at(route.at.line), Key::None, message, fix);
        }
    }
}

/// Routes to each other that nothing withdraws.
fn mutual(a: &Member<'_>, b: &Member<'_>, report: &mut Report) {
    let hops = |from: &Member<'_>, to: &Member<'_>| -> Vec<(Ipv4Network, u32)> {
        let address = to.lan.network().map(|own| own.ip());
        let untracked = destinations(from).into_iter().filter(|route| route.track.is_none());
        let towards = |via: &Via| matches!(via, Via::Address(hop) | Via::Both(_, hop) if Some(*hop) == address);
        untracked.filter(|route| towards(&route.via)).map(|route| (route.destination, route.at.line)).collect()
    };
    let back: BTreeSet<_> = hops(a, b).into_iter().map(|(destination, _)| destination).collect();
    for (destination, line) in hops(b, a).into_iter().filter(|(destination, _)| back.contains(destination)) {
        let message = format!("{destination} goes to {} from here, and back from there", a.router.name());
        let fix = "Let only the CPE of the primary line float to the other, and drop here with `Null0 250`.";
        report.add(&LOOP, b.router.at(line), Key::None, message, fix);
    }
}

/// A tracked destination that falls to the default route when nothing else is left.
fn falls(member: &Member<'_>, report: &mut Report) {
    let Some(table) = member.table() else { return };
    let lan = member.lan.network();
    let mut seen = BTreeSet::new();
    for route in table.routes.iter().filter(|route| route.track.is_some() && route.destination.prefix() > 0) {
        let stays = table.ways(route.destination.ip()).into_iter().find(|way| {
            way.network.prefix() <= route.destination.prefix() && way.route.is_none_or(|route| route.track.is_none())
        });
        let inside = lan.is_some_and(|lan| lan.contains(route.destination.ip()));
        let to_default = stays.is_some_and(|way| way.network.prefix() == 0);
        if to_default && !inside && seen.insert(route.destination) {
            let message = format!("without a line, {} follows the default route", route.destination);
            let (network, mask) = (route.destination.network(), route.destination.mask());
            let fix = format!("Write `ip route {network} {mask} Null0 250`.");
            report.add(&FALLS, member.router.at(route.at.line), Key::None, message, fix);
        }
    }
}

/// Where the backup is a tunnel: a tracked route without a second one.
fn no_float(router: &Router<'_>, table: &Table<'_>, report: &mut Report) {
    if table.template().is_none() {
        return;
    }
    for route in table.routes.iter().filter(|route| route.track.is_some()) {
        let other = |other: &&&Route| {
            other.destination == route.destination && other.distance > route.distance && other.via != Via::Discard
        };
        if table.routes.iter().find(other).is_none() {
            let message = format!("{} has no way over the tunnel of {}", route.destination, router.name());
            let (network, mask) = (route.destination.network(), route.destination.mask());
            let fix =
                format!("Write `ip route vrf {} {network} {mask} TUNNEL-END 200`.", table.vrf.unwrap_or_default());
            report.add(&NO_FLOAT, table.at(route.at.line), Key::None, message, fix);
        }
    }
}

fn delays(router: &Router<'_>, objects: BTreeSet<u16>, report: &mut Report) {
    let leaves: BTreeSet<u16> =
        objects.into_iter().flat_map(|id| router.leaves(id)).map(|leaf| leaf.id.value).collect();
    for leaf in leaves.into_iter().filter_map(|id| router.track(id)) {
        let Some(down) = leaf.down_s else { continue };
        let up = leaf.up_s.map_or(0, |at| at.value);
        if up < down.value.saturating_mul(5) {
            let message = format!("down after {} s, up after {up} s", down.value);
            let fix = format!("Write `delay down {} up {}`.", down.value, down.value.saturating_mul(10));
            report.add(&DELAYS, router.at(down.line), Key::None, message, fix);
        }
    }
}

/// The default route of a CPE: into the LAN, to nobody of its own.
fn default_route(member: &Member<'_>, site: &Site<'_>, report: &mut Report) {
    let Some(table) = member.table() else { return };
    let plan = member.router.plan;
    let gateway = plan.map(|plan| plan.lan.gateway.address);
    let routers: Vec<Ipv4Addr> = site.members.iter().filter_map(|member| Some(member.lan.network()?.ip())).collect();
    let mut any = false;
    for route in table.routes.iter().filter(|route| route.destination.prefix() == 0) {
        any = true;
        let (hop, inside) = match &route.via {
            Via::Address(hop) | Via::Both(_, hop) => (Some(*hop), site.lan.contains(*hop)),
            _ => (None, false),
        };
        let ours =
            hop.is_some_and(|hop| routers.contains(&hop) || member.group.vip.is_some_and(|vip| vip.value == hop));
        let other = gateway.is_some_and(|gateway| Some(gateway) != hop);
        if !inside || ours || other {
            let message = format!("the default route leads to {}", route.via);
            let fix = gateway.map_or_else(
                || "Let it lead to the firewall of the LAN.".to_owned(),
                |gateway| format!("Write `ip route 0.0.0.0 0.0.0.0 {gateway}` and no other default route."),
            );
            report.add(&DEFAULT, member.router.at(route.at.line), Key::Site("lan.gateway"), message, fix);
        }
    }
    if let Some(gateway) = gateway.filter(|_| !any) {
        let fix = format!("Write `ip route 0.0.0.0 0.0.0.0 {gateway}`.");
        let place = member.router.at(member.lan.name.line);
        report.add(&DEFAULT, place, Key::Site("lan.gateway"), "there is no default route".to_owned(), fix);
    }
}
