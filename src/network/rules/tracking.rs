//! Tracked routes and their probes: both ends must leave a dead line, and nobody may be fooled.

use super::super::device::interface::Interface;
use super::super::device::route::{Route, Via};
use super::super::device::tracking::{Probe, ProbeSource, Tracked};
use super::Scene;
use super::report::{Key, Report, rules};
use super::site::{Member, Site};
use super::table::{Router, Table, Way};
use ipnetwork::Ipv4Network;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

rules! {
    ROUTE: Error "track-route", "a route with an alternative follows a tracked object",
        "A fault beyond the last mile leaves the interface up: the route stays and the alternative is never used.",
        "network.md sections 0.3 and 5.6";
    RETURN: Error "track-return", "the hub's way back follows a tracked object",
        "The CPEs fail over and the answers still go into the dead line: no recovery at all.",
        "network.md section 0.3, measured";
    NO_FLOAT: Error "track-no-float", "the hub has a second way back where the backup is a tunnel",
        "When the tracked route is withdrawn nothing leads back to the town.", "network.md section 2.2, hub";
    ONE_CPE: Error "track-one-cpe", "both CPEs have a way to what one of them reaches",
        "After a failover it is lost.", "network.md section 5.6";
    OTHER_LINE: Error "track-other-line", "a route follows an object that watches its own line",
        "It is withdrawn when another line fails, and stays when its own does.", "network.md section 5.6";
    OTHER_TABLE: Error "track-other-vrf", "a route follows a probe of its own routing table",
        "It is withdrawn when another town's line fails.", "network.md section 2.4 h";
    UNSCHEDULED: Error "probe-schedule", "a probe is scheduled",
        "It never runs: what follows it is down for ever, or never goes down.", "Cisco IP SLA guide, ip sla schedule";
    UNROUTABLE: Error "probe-route", "there is a way to a probe's target",
        "The probe never succeeds.", "network.md section 2.3";
    UNPINNED: Error "probe-pin", "a probe can leave by its own line only",
        "It succeeds over the backup: the line counts as up while it is down, and the route oscillates.",
        "network.md section 2.3";
    LEAK: Error "probe-null", "when the pin of a probe is gone, its packets are dropped",
        "They follow another route, by the firewall or the backup, and may be answered.", "network.md section 2.3";
    NEAR: Error "probe-near", "a probe asks the hub, not the provider's edge",
        "The edge answers while the core behind it is broken.", "network.md section 2.3";
    TARGET: Error "probe-target", "a probe's target is an address of the other end",
        "Whoever else has it decides about the line.", "network.md section 2.3";
    PROBE_RETURN: Error "probe-return", "the hub has an untracked way back to a CPE's probes, beside the default route",
        "The answers go into the backup or nowhere: the line never comes back up.",
        "network.md section 2.3, measured";
    TIMEOUT: Error "probe-timeout", "a probe's timeout is shorter than its period",
        "The router refuses it: a question would overtake the one before.", "Cisco IP SLA guide, frequency";
    THRESHOLD: Error "probe-threshold", "a probe's threshold is not above its timeout",
        "The router refuses it; 5000 ms count where none is written.", "Cisco IP SLA guide, threshold";
    DELAYS: Warning "track-delays", "the primary line must be up five times as long as it may be down",
        "A line that flaps moves the traffic each time.", "network.md section 5.6";
    LOOP: Error "track-loop", "two CPEs do not float to each other untracked",
        "With both lines down a packet goes to and fro until it dies.", "network.md section 2.3";
    FALLS: Warning "track-discard", "what has no way left is dropped before the default route",
        "It goes to the firewall, whose own route brings it back to the virtual address: a loop.",
        "network.md section 2.3";
    DEFAULT: Error "default-route", "the default route leads to the local firewall and nowhere else",
        "The town's Internet traffic passes the firewall by, or fills the line.", "network.md section 2.1";
}

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    for router in scene.routers {
        for probe in &router.device.probes {
            timing(router, probe, report);
            way_out(router, probe, report);
        }
        for table in router.tables.values() {
            guarded(scene, router, table, report);
        }
    }
    for site in scene.sites {
        for member in &site.members {
            default_route(member, site, report);
            falls(member, report);
            near(site, member.router, report);
        }
        for (one, other) in site.both_ways() {
            one_cpe(&one, &other, report);
        }
        if let Some((preferred, other)) = site.pair() {
            mutual(&preferred, &other, report);
            let tracked = preferred.group.tracks.iter().map(|track| track.object);
            delays(preferred.router, tracked.collect(), preferred.router.plan.is_some(), report);
        }
        if let Some((router, table)) = site.hub {
            no_float(router, table, report);
            targets(site, router, table, report);
            returns(site, table, report);
            delays(router, table.routes.iter().filter_map(|route| route.track).collect(), true, report);
        }
    }
}

fn timing(router: &Router<'_>, probe: &Probe, report: &mut Report) {
    let id = probe.id.value;
    if probe.runs.is_none() {
        let message = format!("probe {id} is never started");
        let fix = format!("Write `ip sla schedule {id} life forever start-time now`.");
        report.add(&UNSCHEDULED, router.at(probe.id.line), Key::None, message, fix);
    }
    let line = probe.timeout_ms.or(probe.frequency_s).map_or(probe.id.line, |at| at.line);
    if probe.timeout_ms() >= probe.period_ms() {
        let message = format!("timeout {} ms, period {} ms", probe.timeout_ms(), probe.period_ms());
        report.add(&TIMEOUT, router.at(line), Key::None, message, "Write a timeout of a third of the period.");
    }
    let threshold = probe.threshold_ms.map_or(5000, |at| at.value);
    if threshold > probe.timeout_ms() {
        let line = probe.threshold_ms.map_or(line, |at| at.line);
        let message = format!("threshold {threshold} ms, timeout {} ms", probe.timeout_ms());
        let fix = format!("Write `threshold {}` before the timeout.", probe.timeout_ms() / 2);
        report.add(&THRESHOLD, router.at(line), Key::None, message, fix);
    }
}

/// The way of a probe's packets: it exists, is its own line, and leads nowhere else.
fn way_out(router: &Router<'_>, probe: &Probe, report: &mut Report) {
    let Some(target) = probe.target else { return };
    let vrf = probe.vrf.as_ref().map(|at| at.value.as_str());
    let Some(table) = router.table(vrf) else { return };
    let ways = table.ways(target.value);
    let place = table.at(target.line);
    let Some(best) = ways.iter().find(|way| !way.discards()) else {
        let message = format!("no route of the router leads to {}", target.value);
        let fix = format!("Write a route to {}/32 through the line that the probe watches.", target.value);
        report.add(&UNROUTABLE, place, Key::None, message, fix);
        return;
    };
    let source = match probe.source.as_ref().map(|at| &at.value) {
        Some(ProbeSource::Interface(port)) if !port.0.starts_with("Loopback") => Some(port),
        _ => None,
    };
    let leaves_elsewhere = source.zip(best.exit).is_some_and(|(port, exit)| exit.name.value != *port);
    let circle = best.route.and_then(|route| route.track).is_some_and(|track| router.follows(track, probe.id.value));
    let fix = format!(
        "Write `ip route {}255.255.255.255 NEXT-HOP` without a tracked object.",
        vrf_words(table, target.value)
    );
    if leaves_elsewhere || circle {
        let message = match circle {
            true => {
                format!("the route to {} is withdrawn by this very probe, which then takes another way", target.value)
            }
            false => format!("{} is reached by {}", target.value, best.exit.map_or("?", |exit| exit.name.0.as_str())),
        };
        report.add(&UNPINNED, place, Key::Project("probe_target"), message, fix);
    } else if best.route.is_some() {
        leak(&ways, best, target.value, table, report);
    }
}

fn vrf_words(table: &Table<'_>, target: Ipv4Addr) -> String {
    table.vrf.map_or_else(|| format!("{target} "), |vrf| format!("vrf {vrf} {target} "))
}

/// What follows when the pin is withdrawn with its interface.
fn leak(ways: &[Way<'_>], best: &Way<'_>, target: Ipv4Addr, table: &Table<'_>, report: &mut Report) {
    let same = |way: &&Way<'_>| {
        !way.discards() && way.exit.map(|exit| &exit.name.value) == best.exit.map(|exit| &exit.name.value)
    };
    let Some(next) = ways.iter().find(|way| !same(way)).filter(|next| !next.discards()) else { return };
    let line = best.route.map_or(0, |route| route.at.line);
    let exit = next.exit.map_or_else(String::new, |exit| format!(", by {}", exit.name.value));
    let message = format!("without this route {target} is looked for along {}{exit}", next.network);
    let fix = format!("Write `ip route {}255.255.255.255 Null0 250`.", vrf_words(table, target));
    report.add(&LEAK, table.at(line), Key::None, message, fix);
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
        if route.track.is_none() && alone && destinations(one).iter().any(|mine| tracked(&mine)) {
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

/// A probe whose target is a neighbour on an Ethernet: the provider's edge, or something in the LAN.
fn near(site: &Site<'_>, router: &Router<'_>, report: &mut Report) {
    for probe in &router.device.probes {
        let Some(target) = probe.target else { continue };
        let vrf = probe.vrf.as_ref().map(|at| at.value.as_str());
        let neighbour = router.table(vrf).and_then(|table| table.neighbour(target.value));
        if neighbour.is_some_and(|interface| !interface.name.value.is_point_to_point())
            || site.lan.contains(target.value)
        {
            let message = format!("{} is a neighbour of the router", target.value);
            let fix = "Ask a loopback of the hub in the tenant's routing table.";
            report.add(&NEAR, router.at(target.line), Key::Project("probe_target"), message, fix);
        }
    }
}

/// Targets of the CPEs' probes on the hub, and of the hub's on the CPEs.
fn targets(site: &Site<'_>, hub: &Router<'_>, table: &Table<'_>, report: &mut Report) {
    for member in &site.members {
        for probe in &member.router.device.probes {
            let Some(target) = probe.target.filter(|target| table.owns(target.value).is_none()) else { continue };
            let message = format!("{} is no address of {} in the site's routing table", target.value, hub.name());
            let fix = "Ask the loopback of the hub in the tenant's routing table.";
            report.add(&TARGET, member.router.at(target.line), Key::Project("probe_target"), message, fix);
        }
    }
    let followed = |probe: &Probe| {
        table.routes.iter().filter_map(|route| route.track).any(|track| hub.follows(track, probe.id.value))
    };
    for probe in hub.device.probes.iter().filter(|probe| probe.vrf.as_ref().map(|at| at.value.as_str()) == table.vrf) {
        let Some(target) = probe.target.filter(|_| followed(probe)) else { continue };
        let known = site.members.iter().filter_map(Member::table).any(|own| own.owns(target.value).is_some());
        if !known {
            let message = format!("{} is no address of the site's routers", target.value);
            report.add(
                &TARGET,
                table.at(target.line),
                Key::Site("lan.primary"),
                message,
                "Ask the CPE of the primary line.",
            );
        }
    }
}

/// The hub's way back to the addresses with which CPEs probe.
fn returns(site: &Site<'_>, table: &Table<'_>, report: &mut Report) {
    for member in &site.members {
        for probe in &member.router.device.probes {
            let Some(source) = member.router.probe_source(probe) else { continue };
            // The far end of a tunnel is known from the tunnel.
            let over_tunnel = matches!(&probe.source, Some(at) if matches!(&at.value, ProbeSource::Interface(port) if port.0.starts_with("Tunnel")));
            let ways = table.ways(source);
            let good = |way: &Way<'_>| {
                way.network.prefix() > 0 && !way.discards() && way.route.is_none_or(|route| route.track.is_none())
            };
            if !over_tunnel && !ways.first().is_some_and(good) {
                let message =
                    format!("no untracked route leads back to {source}, from where {} probes", member.router.name());
                let vrf = table.vrf.unwrap_or_default();
                let fix = format!("Write `ip route vrf {vrf}` to the network of {source} by way of the carrier.");
                report.add(&PROBE_RETURN, table.at(table.first_line()), Key::Site("link.carrier.wan"), message, fix);
            }
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

fn delays(router: &Router<'_>, objects: BTreeSet<u16>, always: bool, report: &mut Report) {
    let leaves: BTreeSet<u16> =
        objects.into_iter().flat_map(|id| router.leaves(id)).map(|leaf| leaf.id.value).collect();
    for leaf in leaves.into_iter().filter_map(|id| router.track(id)) {
        let Some(down) = leaf.down_s else { continue };
        let up = leaf.up_s.map_or(0, |at| at.value);
        if up < down.value.saturating_mul(5) && (always || up > 0 || down.value > 0) {
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
