//! Rates and sizes: queues within what is guaranteed, shapers within the line, segments within the path.

use super::super::device::interface::Interface;
use super::super::device::queue::{Match, PolicyClass, PolicyMap};
use super::super::device::route::Via;
use super::Scene;
use super::report::{Key, Place, Report, rules};
use super::site::Site;
use super::table::{Policies, Router, Table};
use std::collections::{BTreeMap, BTreeSet};

rules! {
    GUARANTEE: Error "qos-guarantee", "queues with a guaranteed rate fit into the guaranteed rate of the line (MCR)",
        "Only the MCR is in the contract: what is promised beyond it is dropped by the carrier when it is needed.",
        "the carrier's contract: PCR and MCR";
    MIX: Error "qos-mix", "a policy says `bandwidth` or `bandwidth remaining`, not both",
        "The router refuses the second kind.", "Cisco MQC guide, bandwidth remaining ratio";
    RATE: Error "qos-rate", "a shaper is not above the rate of its line",
        "The queue is the carrier's, and it drops without looking at classes.", "Cisco MQC guide, hierarchical shaping";
    SHAPER: Warning "qos-shaper", "a line to the data center is shaped",
        "The queue is the carrier's, and it drops without looking at classes.", "Cisco MQC guide, hierarchical shaping";
    HUB_SHAPER: Warning "qos-hub-shaper", "the hub shapes each way to the rate of its site",
        "The hub's line is ten times as fast: what it sends too fast the carrier drops.", "Cisco MQC guide, hierarchical shaping";
    MIGRATION: Error "qos-migration", "what the migration sends has a class of its own, known by its mark",
        "The copying takes the line from the town's work.", "RFC 3662, lower effort";
    BACKUP: Error "qos-migration-backup", "what the migration sends is dropped on a backup line, and on no other",
        "A copy fills the narrow line on which the town works; on the primary one it never starts.",
        "our design: a backup line is the town's";
    PRE_CLASSIFY: Warning "qos-pre-classify", "a tunnel with queues classifies before it encrypts",
        "Classes by address see nothing but the tunnel's own packets.", "Cisco QoS for VPNs, qos pre-classify";
    OVERSUBSCRIBED: Note "qos-hub-oversubscription", "the sites' rates together fit into the hub's line",
        "When all send at once, each gets less than its peak rate.", "the carrier's contract: PCR and MCR";
    HUB_GUARANTEE: Warning "qos-hub-guarantee", "the sites' guaranteed rates together fit into the hub's line",
        "What the contract promises each of them cannot be kept for all.", "the carrier's contract: PCR and MCR";
    SEGMENT: Error "mss-mtu", "a TCP segment fits into the packets of its interface",
        "Segments are cut or lost: 40 bytes of headers come on top.", "RFC 6691, section 2";
    PATH: Warning "mss-path", "a TCP segment fits into every line of the site",
        "Sessions that began on the wide line stand still after a failover.", "RFC 2923, section 2.1";
    UNCLAMPED: Error "mss-missing", "segments are clamped where a line is narrower than 1500 bytes",
        "Large packets vanish wherever a firewall drops the messages that would say so.", "RFC 2923, section 2.1";
    TUNNEL_MTU: Error "tunnel-mtu", "packets of a tunnel fit into its line with 80 bytes of ESP around them",
        "They are cut into two, or lost.", "RFC 4303, section 2; AES-GCM behind NAT takes 73 bytes";
}

/// Bytes of IP and TCP headers.
const HEADERS: u16 = 40;
/// Bytes of ESP with AES-GCM behind address translation, rounded up.
const ESP: u16 = 80;
/// IP MTU of an interface that says nothing, in bytes.
const ETHERNET: u16 = 1500;

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    for router in scene.routers {
        for policy in &router.device.policy_maps {
            mix(router, policy, report);
        }
        for interface in &router.device.interfaces {
            sizes(router, interface, report);
            let vrf = interface.vrf.as_ref().map(|at| at.value.as_str());
            if let Some(table) = router.table(vrf) {
                rates(router, table, interface, &router.policies, report);
            }
        }
        for class in router.device.class_maps.iter().filter(|class| is_migration(&class.name)) {
            if !class.matches.iter().any(|condition| matches!(condition.value, Match::Dscp(_))) {
                let message = format!("{} is not known by a DSCP", class.name.value);
                let fix = "Write `match dscp cs1` beside the access list.";
                report.add(&MIGRATION, router.at(class.name.line), Key::None, message, fix);
            }
        }
        hub_line(router, &router.policies, report);
    }
    for site in scene.sites {
        of_site(scene, site, report);
    }
}

fn is_migration(name: &str) -> bool {
    name.to_ascii_uppercase().starts_with("MIGRATION")
}

fn mix(router: &Router<'_>, policy: &PolicyMap, report: &mut Report) {
    let fixed = policy.classes.iter().find_map(|class| class.bandwidth_kbps);
    let shared = policy.classes.iter().find_map(|class| class.remaining_ratio);
    if let Some((fixed, _)) = fixed.zip(shared) {
        let message = format!("{} says `bandwidth {}` beside `bandwidth remaining`", policy.name.value, fixed.value);
        report.add(
            &MIX,
            router.at(fixed.line),
            Key::None,
            message,
            "Write `bandwidth remaining ratio` in every class.",
        );
    }
}

/// The class that shapes and the policy within it.
fn shaper<'a>(policies: &Policies<'a>, interface: &Interface) -> Option<(&'a PolicyClass, Option<&'a PolicyMap>)> {
    let policy = policies.get(interface.policy_out.as_ref()?.value.as_str())?;
    let class = policy.classes.iter().find(|class| class.shape_bps.is_some())?;
    let child = class.child.as_ref().and_then(|name| policies.get(name.value.as_str()).copied());
    Some((class, child))
}

/// What the inventory knows of an interface's line: peak and guaranteed rate in kbit/s with their keys.
fn known(table: &Table<'_>, interface: &Interface) -> Option<(u32, u32)> {
    let plan = table.plan?;
    let own = interface.network()?.ip();
    let site = std::iter::once(plan).chain(&plan.beside);
    let site = site.into_iter().find(|site| own == site.primary.line.cpe || own == site.handoff.ce)?;
    Some((site.primary.pcr_mbps.saturating_mul(1000), site.primary.mcr_kbps))
}

fn rates(router: &Router<'_>, table: &Table<'_>, interface: &Interface, policies: &Policies<'_>, report: &mut Report) {
    let Some((class, child)) = shaper(policies, interface) else { return };
    let Some(shape) = class.shape_bps else { return };
    let known = known(table, interface);
    let line_kbps = known.map(|(peak, _)| peak).or(interface.bandwidth_kbps.map(|at| at.value));
    let place = |line| Place { line, ..table.at(line) };
    if let Some(line_kbps) = line_kbps.filter(|kbps| shape.value > u64::from(*kbps) * 1000) {
        let message = format!(
            "shaped to {} kbit/s, and the line of {} has {line_kbps}",
            shape.value / 1000,
            interface.name.value
        );
        let fix = format!("Write `shape average {}`, two percent below the line.", u64::from(line_kbps) * 980);
        report.add(&RATE, place(shape.line), Key::Site("link.pcr_mbps"), message, fix);
    }
    let Some(child) = child else { return };
    let promised = child.classes.iter().filter_map(|class| class.priority_kbps.or(class.bandwidth_kbps));
    let sum: u64 = promised.clone().map(|at| u64::from(at.value)).sum();
    let (limit, what) = match known {
        Some((_, guaranteed)) => (u64::from(guaranteed), "guaranteed (MCR)"),
        None => (shape.value / 1000, "shaped"),
    };
    let largest = promised.max_by_key(|at| at.value);
    if let Some(largest) = largest.filter(|_| sum > limit) {
        let message = format!(
            "{} promises {sum} kbit/s, and {limit} are {what} on {} of {}",
            child.name.value,
            interface.name.value,
            router.name()
        );
        let fix = format!("Lower `priority` and `bandwidth` to {limit} kbit/s together.");
        report.add(&GUARANTEE, place(largest.line), Key::Site("link.mcr_percent"), message, fix);
    }
}

fn sizes(router: &Router<'_>, interface: &Interface, report: &mut Report) {
    let mtu = interface.mtu.map_or(ETHERNET, |at| at.value);
    if let Some(mss) = interface.mss.filter(|mss| mss.value > mtu.saturating_sub(HEADERS)) {
        let message = format!("segments of {} bytes on {}, whose packets have {mtu}", mss.value, interface.name.value);
        let fix = format!("Write `ip tcp adjust-mss {}`.", mtu.saturating_sub(HEADERS));
        report.add(&SEGMENT, router.at(mss.line), Key::Site("link.carrier.mtu"), message, fix);
    }
    let tunnel = &interface.tunnel;
    if tunnel.protection.is_none() {
        return;
    }
    let below = tunnel.source.as_ref().and_then(|at| router.interface(&super::super::device::Port(at.value.clone())));
    let most = below.and_then(|below| below.mtu).map_or(ETHERNET, |at| at.value).saturating_sub(ESP);
    if interface.mtu.is_none_or(|at| at.value > most) {
        let line = interface.mtu.map_or(interface.name.line, |at| at.line);
        let said = interface
            .mtu
            .map_or_else(|| "as many bytes as the router likes".into(), |at| format!("{} bytes", at.value));
        let message = format!("packets of {} have {said}, and {most} fit", interface.name.value);
        report.add(&TUNNEL_MTU, router.at(line), Key::None, message, format!("Write `ip mtu {}`.", most.min(1360)));
    }
    if interface.policy_out.is_some() && tunnel.source.is_some() && tunnel.pre_classify.is_none() {
        let line = interface.policy_out.as_ref().map_or(interface.name.line, |at| at.line);
        let message = format!("{} queues packets that are already encrypted", interface.name.value);
        report.add(&PRE_CLASSIFY, router.at(line), Key::None, message, "Write `qos pre-classify`.");
    }
}

/// A way from a router to the other end.
struct Line<'a> {
    router: &'a Router<'a>,
    interface: &'a Interface,
    place: Place<'a>,
    hub: bool,
    backup: bool,
}

/// The interfaces by which routes leave, other than those in the LAN's network. A way is a backup
/// where only floating routes use it, or where it is all that a standby router has.
fn ways<'a>(
    router: &'a Router<'a>,
    table: &Table<'a>,
    lan: ipnetwork::Ipv4Network,
    standby: bool,
    hub: bool,
) -> Vec<Line<'a>> {
    let mut found: BTreeMap<&super::super::device::Port, (Line<'a>, bool)> = BTreeMap::new();
    for route in table.routes.iter().filter(|route| route.via != Via::Discard) {
        let Some(interface) = table.exit(route) else { continue };
        let local = interface.network().is_some_and(|own| own.overlaps(lan));
        if local || (route.destination.prefix() == 0 && !hub) {
            continue;
        }
        let place = table.at(interface.name.line);
        let line = Line { router, interface, place, hub, backup: false };
        let entry = found.entry(&interface.name.value).or_insert((line, false));
        entry.1 |= route.distance < 100;
    }
    found
        .into_values()
        .map(|(line, used)| {
            let tunnel = line.interface.name.0.starts_with("Virtual-Template");
            Line { backup: standby || tunnel || !used, ..line }
        })
        .collect()
}

/// The ports of a hub's table that lead to other sites of the same tenant, or hold servers of theirs.
fn ports_of_others<'a>(
    scene: &Scene<'_>,
    site: &Site<'_>,
    table: &Table<'a>,
) -> BTreeSet<&'a super::super::device::Port> {
    let shares =
        |other: &&Site<'_>| other.lan != site.lan && other.hub.is_some_and(|(_, its)| std::ptr::eq(its, table));
    let others: Vec<_> = scene.sites.iter().filter(shares).map(|other| other.lan).collect();
    let theirs = |network: ipnetwork::Ipv4Network| others.iter().any(|lan| lan.overlaps(network));
    let routes = table.routes.iter().filter(|route| route.destination.prefix() > 0 && theirs(route.destination));
    let led = routes.filter_map(|route| table.exit(route));
    let held = table.interfaces.iter().copied().filter(|interface| interface.network().is_some_and(theirs));
    led.chain(held).map(|interface| &interface.name.value).collect()
}

/// The ways of a site's own routers, and those of the hub that are this site's.
fn lines<'a>(scene: &Scene<'a>, site: &Site<'a>) -> Vec<Line<'a>> {
    let mut all = Vec::new();
    for (at, member) in site.members.iter().enumerate() {
        if let Some(table) = member.table() {
            all.extend(ways(member.router, table, site.lan, at > 0, false));
        }
    }
    if let Some((router, table)) = site.hub {
        let foreign = ports_of_others(scene, site, table);
        let ways = ways(router, table, site.lan, false, true).into_iter();
        all.extend(ways.filter(|line| !foreign.contains(&line.interface.name.value)));
    }
    all
}

fn of_site(scene: &Scene<'_>, site: &Site<'_>, report: &mut Report) {
    let lines = lines(scene, site);
    for line in &lines {
        shaped(line, report);
    }
    let least = lines.iter().map(|line| line.interface.mtu.map_or(ETHERNET, |at| at.value)).min().unwrap_or(ETHERNET);
    let most = least.saturating_sub(HEADERS);
    let lans = site.members.iter().map(|member| (member.lan, member.router.at(0)));
    for (interface, place) in lines.iter().map(|line| (line.interface, line.place)).chain(lans) {
        let mtu = interface.mtu.map_or(ETHERNET, |at| at.value);
        let fix = format!("Write `ip tcp adjust-mss {most}`.");
        match interface.mss {
            None if least < ETHERNET => {
                let message = format!(
                    "{} does not clamp segments, and a line of the site has packets of {least} bytes",
                    interface.name.value
                );
                report.add(&UNCLAMPED, Place { line: interface.name.line, ..place }, Key::None, message, fix);
            }
            Some(mss) if mss.value > most && mss.value <= mtu.saturating_sub(HEADERS) => {
                let message = format!("segments of {} bytes, and a line of the site takes {most}", mss.value);
                report.add(&PATH, Place { line: mss.line, ..place }, Key::None, message, fix);
            }
            _ => {}
        }
    }
}

/// Whether a way is shaped, and what becomes of the migration on it.
fn shaped(line: &Line<'_>, report: &mut Report) {
    let policies = &line.router.policies;
    let at = |number| Place { line: number, ..line.place };
    let name = &line.interface.name.value;
    let undefined = line.interface.policy_out.as_ref().is_some_and(|at| !policies.contains_key(at.value.as_str()));
    let Some((_, child)) = shaper(policies, line.interface) else {
        if !undefined {
            let rule = if line.hub { &HUB_SHAPER } else { &SHAPER };
            let number = line.interface.policy_out.as_ref().map_or(line.interface.name.line, |at| at.line);
            let message = format!("{name} sends as fast as its port can");
            let fix = "Write `service-policy output` with a policy that shapes to two percent below the site's line.";
            report.add(rule, at(number), Key::Site("link.pcr_mbps"), message, fix);
        }
        return;
    };
    let Some(child) = child else { return };
    let Some(migration) = child.classes.iter().find(|class| is_migration(&class.class.value)) else {
        if line.place.plan.is_some() {
            let message = format!("{} has no class for what the migration sends", child.name.value);
            report.add(&MIGRATION, at(child.name.line), Key::None, message, "Add `class MIGRATION`.");
        }
        return;
    };
    if line.backup != migration.dropped.is_some() {
        let (what, fix) = match line.backup {
            true => ("sends the migration over the backup line", "Write `drop` and nothing else in the class."),
            false => ("drops the migration on the primary line", "Write `bandwidth remaining ratio 1` in the class."),
        };
        let number = migration.dropped.map_or(migration.class.line, |at| at.line);
        report.add(&BACKUP, at(number), Key::None, format!("{name} {what}, by {}", child.name.value), fix);
    }
}

/// What the sites' shapers come to on a port that they share.
fn hub_line(router: &Router<'_>, policies: &Policies<'_>, report: &mut Report) {
    let mut ports: BTreeMap<super::super::device::Port, (u64, u64, usize)> = BTreeMap::new();
    for interface in router.device.interfaces.iter().filter(|interface| interface.vlan.is_some()) {
        let Some(shape) = shaper(policies, interface).and_then(|(class, _)| class.shape_bps) else { continue };
        let vrf = interface.vrf.as_ref().map(|at| at.value.as_str());
        let guaranteed = router.table(vrf).and_then(|table| known(table, interface)).map_or(0, |(_, mcr)| mcr);
        let sum = ports.entry(interface.name.value.trunk()).or_default();
        *sum = (sum.0 + shape.value, sum.1 + u64::from(guaranteed) * 1000, sum.2 + 1);
    }
    for (port, (peak, guaranteed, sites)) in ports {
        let Some(trunk) = router.interface(&port) else { continue };
        let Some(rate) = trunk.bandwidth_kbps.map(|at| u64::from(at.value) * 1000).or_else(|| nominal(&port.0)) else {
            continue;
        };
        let place = router.at(trunk.name.line);
        let mbps = |bps: u64| bps / 1_000_000;
        if guaranteed > rate {
            let message =
                format!("{sites} sites are guaranteed {} Mbit/s, and {port} has {}", mbps(guaranteed), mbps(rate));
            let fix = "Order a faster line for the hub, or lower guaranteed rates with the carrier.";
            report.add(&HUB_GUARANTEE, place, Key::None, message, fix);
        } else if peak > rate {
            let ratio = peak * 10 / rate.max(1);
            let message = format!(
                "{sites} sites are shaped to {} Mbit/s together, and {port} has {}: {}.{} to 1",
                mbps(peak),
                mbps(rate),
                ratio / 10,
                ratio % 10
            );
            let fix = "Nothing, as long as not all towns send at their peak at once; watch the port's queue.";
            report.add(&OVERSUBSCRIBED, place, Key::None, message, fix);
        }
    }
}

/// The rate of a port by its name, in bit/s.
fn nominal(port: &str) -> Option<u64> {
    let kinds =
        [("FastEthernet", 100), ("GigabitEthernet", 1000), ("TenGigabitEthernet", 10_000), ("TwentyFiveGigE", 25_000)];
    kinds.iter().find(|(kind, _)| port.starts_with(kind)).map(|(_, mbps)| mbps * 1_000_000)
}
