//! The hub: one part for each tenant, and one that all share.
//!
//! Where the backup is a tunnel, the hub decides by which way the town is reached, so its routes are
//! tracked like those of the CPEs and float to the tunnel. It probes the LAN address of the primary
//! CPE: that one falls silent with the line and also with the CPE's LAN port, when the standby
//! router has the virtual address and packets sent to the primary would be lost. Where the backup is
//! in the same VPN, copper or LTE, the provider switches and the hub has one next hop: nothing to track.

use super::cpe::{Moved, baseline, everywhere, fqdn, on, server_word, track, word};
use super::interface::{Address, Interface, InterfaceName, Side, Tunnel};
use super::migration_path::routers::{class_on_hub, on_hub};
use super::plan::{BackupLine, LteWay, NetworkPlan, Rate, TUNNEL_MTU, host};
use super::pools::TunnelNet;
use super::route::{FLOATING, LAST, NextHop, Route};
use super::router::{MigrationClass, Probe, RouterPlan, Shaper, Tracked, TunnelPeer, Vrf};
use super::token::Token;
use ipnetwork::Ipv4Network;
use std::net::Ipv4Addr;

/// The port that carries all VPNs of the carrier.
const CARRIER_PORT: u8 = 0;
/// The port towards the virtual machines.
const SERVER_PORT: u8 = 1;
/// Routing table of the hub's public address.
const INTERNET: &str = "INET";

/// The part of one tenant, with all its sites. A server in `moved` that keeps its address has its /32
/// in it.
pub fn tenant(plan: &NetworkPlan, moved: &Moved) -> RouterPlan {
    let mut router = site(plan, moved);
    for other in &plan.beside {
        router.absorb(site(other, moved));
    }
    if !plan.beside.is_empty() {
        router.once();
    }
    router.canonical()
}

/// What one site needs on the hub, and what its tenant's sites share.
fn site(plan: &NetworkPlan, moved: &Moved) -> RouterPlan {
    let numbers = &plan.numbers;
    let mut router = RouterPlan::named(plan.shared.hub.clone());
    let description = format!("tenant {}", plan.tenant);
    router.vrfs.push(Vrf { name: numbers.vrf.clone(), description, rd: Some(numbers.rd) });
    carrier_side(&mut router, plan);
    server_side(&mut router, plan, moved);
    let object = match &plan.backup {
        Some(BackupLine::Lte { way: LteWay::Tunnel(tunnel), rate, .. }) => {
            tunnel_side(&mut router, plan, *tunnel, *rate);
            tracked_return(&mut router, plan, *tunnel);
            Some(numbers.number)
        }
        _ => None,
    };
    return_routes(&mut router, plan, object);
    on_hub(&mut router, plan, &handoff(plan), object);
    router
}

/// The hub as a whole: what is shared, and the part of every tenant in `plans`.
pub fn whole(plans: &[NetworkPlan], moved: &Moved) -> Option<RouterPlan> {
    let first = plans.first()?;
    let mut router = RouterPlan::named(first.shared.hub.clone());
    router.baseline = Some(baseline(first, None));
    router.classes = true;
    // Also where no tenant has a tunnel yet: the first one that has changes nothing that is shared.
    router.ipsec = true;
    router.vrfs.push(Vrf { name: word(INTERNET), description: "front door of the tunnels".into(), rd: None });
    for (port, description) in [(CARRIER_PORT, "carrier trunk"), (SERVER_PORT, "server trunk")] {
        let name = InterfaceName::Ethernet { port, vlan: None };
        router.interfaces.push(Interface::new(name, description.into(), Address::None));
    }
    if let Some(hosts) = &first.shared.migration {
        let name = InterfaceName::Ethernet { port: SERVER_PORT, vlan: Some(hosts.vlan) };
        router.interfaces.push(Interface {
            proxy_arp: Some(false),
            translation: Some(Side::Outside),
            ..Interface::new(name, "hosts of the migration".into(), on(hosts.hub, hosts.network))
        });
    }
    let mut seen = std::collections::BTreeSet::new();
    for plan in plans.iter().filter(|plan| seen.insert(&plan.tenant)) {
        router.absorb(tenant(plan, moved));
    }
    Some(router.canonical())
}

/// The interface of the carrier's VPN.
fn handoff(plan: &NetworkPlan) -> InterfaceName {
    InterfaceName::Ethernet { port: CARRIER_PORT, vlan: Some(plan.handoff.vlan) }
}

/// The VPN, shaped to the site's rate: the hub's own line is ten times as fast, and what it sends
/// too fast the provider drops without looking at its class.
fn carrier_side(router: &mut RouterPlan, plan: &NetworkPlan) {
    let handoff = &plan.handoff;
    let name = self::handoff(plan);
    let class = class_on_hub(&plan.numbers.label);
    router.migration_classes.push(MigrationClass { name: class, access_list: None });
    let shaper = shaper(router, &plan.numbers.label, "", plan.primary.rate, false);
    router.interfaces.push(Interface {
        vrf: Some(plan.numbers.vrf.clone()),
        proxy_arp: Some(false),
        mss: Some(plan.mss),
        outside: true,
        shaper: Some(shaper),
        ..Interface::new(name, format!("MPLS VPN of {}", plan.numbers.label), on(handoff.ce, handoff.wan))
    });
    let loopback = InterfaceName::Loopback(plan.numbers.probe_loopback());
    let address = Address::Static { network: host(plan.probe_target) };
    router.interfaces.push(Interface {
        vrf: Some(plan.numbers.vrf.clone()),
        ..Interface::new(loopback, format!("probe target of {}", plan.numbers.vrf), address)
    });
}

/// The VLANs of the servers. A kept server is on the VLAN of its old subnet, where the hub answers
/// ARP for the clients; its /32 points into that VLAN, so that the hub stays silent for it.
fn server_side(router: &mut RouterPlan, plan: &NetworkPlan, moved: &Moved) {
    let vrf = &plan.numbers.vrf;
    let vlan = |vlan| InterfaceName::Ethernet { port: SERVER_PORT, vlan: Some(vlan) };
    let sad = on(plan.numbers.sad_gateway, plan.numbers.sad);
    router.interfaces.push(Interface {
        vrf: Some(vrf.clone()),
        proxy_arp: Some(false),
        ..Interface::new(vlan(plan.numbers.new_vlan), format!("servers of {vrf} with new addresses"), sad)
    });
    router.routes.push(discarded(vrf, plan.numbers.sad, Token::of(format_args!("{}-NO-LOOP", plan.shared.mark))));
    let Some(hub) = plan.lan.hub else { return };
    let kept = vlan(plan.numbers.kept_vlan);
    router.interfaces.push(Interface {
        vrf: Some(vrf.clone()),
        proxy_arp: Some(true),
        ..Interface::new(
            kept.clone(),
            format!("servers of {} that keep their address", plan.numbers.label),
            on(hub, plan.lan.prefix),
        )
    });
    for server in plan.kept().filter(|server| moved.contains(&server.id)) {
        let via = NextHop::Both(kept.clone(), server.after);
        let word = server_word(&server.id);
        let lost = Token::of(format_args!("{word}-NO-LOOP"));
        router.routes.push(Route::new(Some(vrf), host(server.after), via, word));
        router.routes.push(discarded(vrf, host(server.after), lost));
    }
}

/// What the carrier hands to the hub must not go back to it along the default route when the port
/// that leads there is down: dropped, it does not fill the town's line until its TTL ends.
fn discarded(vrf: &Token, network: Ipv4Network, name: Token) -> Route {
    Route::new(Some(vrf), network, NextHop::Discard, name).floating(LAST)
}

/// The tunnel that the CPE calls.
fn tunnel_side(router: &mut RouterPlan, plan: &NetworkPlan, tunnel: TunnelNet, rate: Rate) {
    let numbers = &plan.numbers;
    let loopback = InterfaceName::Loopback(numbers.tunnel_loopback());
    // A /32, not the /30: the other end must be known from the tunnel alone, and vanish with it.
    let address = Address::Static { network: host(tunnel.hub) };
    router.interfaces.push(Interface {
        vrf: Some(numbers.vrf.clone()),
        ..Interface::new(loopback.clone(), format!("tunnel end of {}", numbers.label), address)
    });
    router.peers.push(TunnelPeer {
        name: numbers.label.clone(),
        outer_vrf: word(INTERNET),
        local: fqdn(plan, &plan.shared.hub),
        remote: fqdn(plan, &plan.backup_cpe().hostname),
        address: None,
        key: plan.secret("tunnel-key"),
        template: Some(numbers.number),
    });
    let shaper = shaper(router, &numbers.label, "-LTE", rate, true);
    router.interfaces.push(Interface {
        vrf: Some(numbers.vrf.clone()),
        mtu: Some(TUNNEL_MTU),
        mss: Some(plan.mss),
        tunnel: Some(Tunnel { calls: None, outer_vrf: word(INTERNET), profile: numbers.label.clone() }),
        shaper: Some(shaper),
        ..Interface::new(
            InterfaceName::Template(numbers.number),
            format!("LTE backup of {}", numbers.label),
            Address::Unnumbered { interface: loopback },
        )
    });
}

/// The probe of the primary way, pinned to it, and the drop that keeps the tunnel's far end from
/// being looked for along the default route when the tunnel is down.
fn tracked_return(router: &mut RouterPlan, plan: &NetworkPlan, tunnel: TunnelNet) {
    let numbers = &plan.numbers;
    let vrf = Some(&numbers.vrf);
    router.probes.push(Probe {
        id: numbers.number,
        target: plan.primary_cpe.lan,
        source: InterfaceName::Loopback(numbers.probe_loopback()),
        vrf: vrf.cloned(),
        threshold_ms: 500,
        timeout_ms: 1000,
        frequency_s: 3,
    });
    router.tracks.push(track(numbers.number, Tracked::Probe { probe: numbers.number }, Some(6), Some(60)));
    let target = host(plan.primary_cpe.lan);
    router.routes.push(Route::new(vrf, target, NextHop::Address(plan.handoff.pe), word("PROBE-PIN")));
    router.routes.push(Route::new(vrf, target, NextHop::Discard, word("PROBE-NO-LEAK")).floating(LAST));
    router.routes.push(Route::new(vrf, tunnel.prefix, NextHop::Discard, word("TUNNEL-NO-LEAK")).floating(LAST));
}

/// The ways back to the town: its LAN, its lines (probes come from there), its routers, and the
/// Internet, which servers keep reaching by the firewall of the town.
fn return_routes(router: &mut RouterPlan, plan: &NetworkPlan, object: Option<u16>) {
    let mut two_ways = ways_to_lan(plan);
    if plan.numbers.of_first_site() {
        two_ways.push((everywhere(), "INET-VIA-TOWN".to_owned()));
    }
    if plan.standby_cpe.is_none() {
        two_ways.push((host(plan.primary_cpe.loopback), "CPE-A".to_owned()));
    }
    let vrf = Some(&plan.numbers.vrf);
    let provider = NextHop::Address(plan.handoff.pe);
    for (network, name) in two_ways {
        let first = Route::new(vrf, network, provider.clone(), word(&name)).tracked(object);
        router.routes.push(first);
        if let Some(tunnel) = plan.tunnel() {
            let name = Token::of(format_args!("{name}-LTE"));
            router.routes.push(Route::new(vrf, network, NextHop::Address(tunnel.cpe), name).floating(FLOATING));
        }
    }
    // The way there is the data center's own, and nearer than this.
    router.routes.push(discarded(&plan.numbers.vrf, plan.shared.management, word("NOC-NO-LOOP")));
    let mut one_way = |network, via: NextHop, name| router.routes.push(Route::new(vrf, network, via, word(name)));
    one_way(plan.primary.line.wan, provider.clone(), "PROBE-RETURN");
    if let Some((wan, _)) = plan.provider_backup() {
        one_way(wan, provider.clone(), "PROBE-RETURN-B");
    }
    if let Some(standby) = &plan.standby_cpe {
        one_way(host(plan.primary_cpe.loopback), provider.clone(), "CPE-A");
        let via: NextHop = plan.tunnel().map_or(provider, |tunnel| NextHop::Address(tunnel.cpe));
        one_way(host(standby.loopback), via, "CPE-B");
    }
}

fn ways_to_lan(plan: &NetworkPlan) -> Vec<(Ipv4Network, String)> {
    let parts = plan.lan_at_hub();
    match parts.as_slice() {
        [low, high] => vec![(*low, "LAN-LO".to_owned()), (*high, "LAN-HI".to_owned())],
        _ => parts.into_iter().map(|part| (part, "LAN".to_owned())).collect(),
    }
}

fn shaper(router: &mut RouterPlan, label: &Token, suffix: &str, rate: Rate, drops_migration: bool) -> Token {
    let name = Token::of(format_args!("{label}{suffix}"));
    router.shapers.push(Shaper {
        name: name.clone(),
        rate_bps: rate.shaped_bps,
        llq_kbps: rate.llq_kbps,
        migration: class_on_hub(label),
        drops_migration,
    });
    name
}

/// What the carrier's VPN itself must route, since it forwards by its own tables and not by ours.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CarrierRoute {
    /// Destination.
    pub destination: Ipv4Network,
    /// The address of ours to which the carrier hands it.
    pub towards: Ipv4Addr,
    /// Why.
    pub reason: CarrierReason,
    /// The server whose cutover puts it in force; none is from the start.
    pub since: Option<crate::model::ServerId>,
}

/// Why the carrier routes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CarrierReason {
    /// Servers with new addresses.
    NewAddresses,
    /// The target of the probes.
    Probes,
    /// The network that manages routers.
    Management,
    /// The LAN.
    Town,
    /// The LAN of another site of the tenant.
    OtherSite,
    /// The primary CPE's own address.
    PrimaryCpe,
    /// The default route.
    Internet,
    /// The same by the backup line.
    PrimaryDown,
    /// The standby CPE's own address.
    StandbyCpe,
    /// Hosts that the copying talks to.
    Copying,
    /// A server that keeps its address.
    Kept,
}

impl CarrierReason {
    /// In both languages: the carrier reads Italian.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NewAddresses => ("server con indirizzi nuovi", "servers with new addresses"),
            Self::Probes => ("sonde dei CPE", "probes of the CPEs"),
            Self::Management => ("gestione dei CPE", "management of the CPEs"),
            Self::Town => ("la sede", "the town"),
            Self::OtherSite => ("un'altra sede dell'ente", "another site of the tenant"),
            Self::PrimaryCpe => ("gestione del CPE principale", "management of the primary CPE"),
            Self::Internet => {
                ("Internet dei server, dal firewall della sede", "Internet of the servers, by the firewall of the town")
            }
            Self::PrimaryDown => {
                ("lo stesso, quando la linea principale è caduta", "the same, when the primary line is down")
            }
            Self::StandbyCpe => ("gestione del CPE di riserva", "management of the standby CPE"),
            Self::Copying => ("la copia, fino al collaudo", "the copying, until acceptance"),
            Self::Kept => (
                "indirizzo che resta: più specifico della rotta della LAN",
                "kept address: more specific than the route to the LAN",
            ),
        }
    }
}

impl std::fmt::Display for CarrierReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.words().1)
    }
}

impl serde::Serialize for CarrierReason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Every route that the carrier has to have in the tenant's VPN for this plan to work.
pub fn carrier_routes(plan: &NetworkPlan) -> Vec<CarrierRoute> {
    let route = |destination, towards, reason, since| CarrierRoute { destination, towards, reason, since };
    let (hub, site) = (plan.handoff.ce, plan.primary.line.cpe);
    let mut all = vec![
        route(plan.numbers.sad, hub, CarrierReason::NewAddresses, None),
        route(host(plan.probe_target), hub, CarrierReason::Probes, None),
        route(plan.shared.management, hub, CarrierReason::Management, None),
        route(plan.lan.prefix, site, CarrierReason::Town, None),
        route(host(plan.primary_cpe.loopback), site, CarrierReason::PrimaryCpe, None),
    ];
    if plan.numbers.of_first_site() {
        all.push(route(everywhere(), site, CarrierReason::Internet, None));
    }
    all.extend(plan.beside.iter().map(|other| route(other.lan.prefix, hub, CarrierReason::OtherSite, None)));
    if let Some((_, cpe)) = plan.provider_backup() {
        let again = CarrierReason::PrimaryDown;
        all.push(route(plan.lan.prefix, cpe, again, None));
        if plan.numbers.of_first_site() {
            all.push(route(everywhere(), cpe, again, None));
        }
        let manages = if plan.standby_cpe.is_some() { CarrierReason::StandbyCpe } else { again };
        all.push(route(host(plan.backup_cpe().loopback), cpe, manages, None));
    }
    for target in plan.migration.iter().flat_map(|path| path.routed_hosts()) {
        all.push(route(host(target.address), hub, CarrierReason::Copying, None));
    }
    for server in plan.kept() {
        all.push(route(host(server.after), hub, CarrierReason::Kept, Some(server.id.clone())));
    }
    all
}

#[cfg(test)]
mod tests;
