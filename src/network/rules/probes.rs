//! Probes: each asks the other end, by its own line, and gets its answer back by it.

use super::super::device::tracking::{Probe, ProbeSource};
use super::Scene;
use super::report::{Key, Report, rules};
use super::site::{Member, Site};
use super::table::{Router, Table, Way};
use std::net::Ipv4Addr;

rules! {
    UNSCHEDULED: Error "probe-schedule", "a probe is scheduled",
        "It never runs: what follows it is down for ever, or never goes down.", "Cisco IP SLA guide, ip sla schedule";
    UNROUTABLE: Error "probe-route", "there is a way to a probe's target",
        "The probe never succeeds.", "Cisco IP SLA guide, icmp-echo";
    UNPINNED: Error "probe-pin", "a probe can leave by its own line only",
        "It succeeds over the backup: the line counts as up while it is down, and the route oscillates.",
        "Cisco reliable static routing with object tracking";
    LEAK: Error "probe-null", "when the pin of a probe is gone, its packets are dropped",
        "They follow another route, by the firewall or the backup, and may be answered.", "Cisco reliable static routing with object tracking";
    NEAR: Error "probe-near", "a probe asks the hub, not the provider's edge",
        "The edge answers while the core behind it is broken.", "Cisco reliable static routing with object tracking";
    TARGET: Error "probe-target", "a probe's target is an address of the other end",
        "Whoever else has it decides about the line.", "Cisco IP SLA guide, icmp-echo";
    PROBE_RETURN: Error "probe-return", "the hub has an untracked way back to a CPE's probes, beside the default route",
        "The answers go into the backup or nowhere: the line never comes back up.",
        "measured: without it the primary line never came back";
    TIMEOUT: Error "probe-timeout", "a probe's timeout is shorter than its period",
        "The router refuses it: a question would overtake the one before.", "Cisco IP SLA guide, frequency";
    THRESHOLD: Error "probe-threshold", "a probe's threshold is not above its timeout",
        "The router refuses it; 5000 ms count where none is written.", "Cisco IP SLA guide, threshold";
}

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    for router in scene.routers {
        for probe in &router.device.probes {
            timing(router, probe, report);
            way_out(router, probe, report);
        }
    }
    for site in scene.sites {
        for member in &site.members {
            near(site, member.router, report);
        }
        if let Some((router, table)) = site.hub {
            targets(scene, site, (router, table), report);
            returns(site, table, report);
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
fn targets(scene: &Scene<'_>, site: &Site<'_>, hub: (&Router<'_>, &Table<'_>), report: &mut Report) {
    let (hub, table) = hub;
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
        // A table may serve several sites of one tenant, and each has probes of its own.
        let here = |other: &&Site<'_>| other.hub.is_some_and(|(_, its)| std::ptr::eq(its, table));
        let members = scene.sites.iter().filter(here).flat_map(|other| &other.members);
        let known = members.filter_map(Member::table).any(|own| own.owns(target.value).is_some());
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
