//! The routers of a site as values.
//!
//! Each line of a CPE adds its objects: interface, probe with the route that pins it to its line,
//! tracked object, shaper. Routes to the SAD follow the tracked object, so that a fault beyond the
//! last mile withdraws them too.

use super::ServicePort;
use super::interface::{Address, Call, Decrement, Interface, InterfaceName, Preempt, Standby, Tunnel};
use super::migration_path::routers::{Exit, MIGRATION, on_cpe};
use super::plan::{BackupLine, Cpe, LteWay, NetworkPlan, PrimaryLine, Rate, TUNNEL_MTU, host};
use super::pools::TunnelNet;
use super::route::{FLOATING, LAST, NextHop, Route};
use super::router::{
    AccessEntry, AccessList, Baseline, KeyChain, MigrationClass, Modem, Probe, Protocol, RouterPlan, Shaper, Track,
    Tracked, TunnelPeer, Vrf,
};
use super::token::{Secret, Token};
use crate::model::ServerId;
use crate::model::link::{CarrierLine, CellularLine, PrimaryMedium};
use ipnetwork::Ipv4Network;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// The servers that already stand at the SAD.
pub type Moved = BTreeSet<ServerId>;

/// Priority of the CPE that carries the primary line.
const PREFERRED: u8 = 110;
/// Priority of the CPE that carries the backup line.
const ORDINARY: u8 = 100;
/// What the loss of the primary line takes from its CPE: strictly more than the difference of both.
const PRIMARY_LOSS: u8 = 20;
/// What the loss of the backup line takes: with both lines down the VIP stays where it was.
const BACKUP_LOSS: u8 = 30;
const _: () = assert!(PREFERRED - PRIMARY_LOSS < ORDINARY && ORDINARY - BACKUP_LOSS < PREFERRED - PRIMARY_LOSS);

/// The port of the LAN on every CPE.
pub(super) const LAN_PORT: u8 = 1;
/// Slot of the LTE modem.
const MODEM: InterfaceName = InterfaceName::Cellular(2);
/// Number of the tracked object that stands for a line to the carrier as a whole.
const LINE_UP: u16 = 100;
/// Number of probe and tracked object of an LTE line.
const LTE_UP: u16 = 30;

/// Configurations of the site's CPEs, the one that carries the primary line first. A server in
/// `moved` that keeps its address has its /32 in them; before its move it must not.
pub fn routers(plan: &NetworkPlan, moved: &Moved) -> Vec<RouterPlan> {
    let mut all = vec![primary(plan, moved)];
    all.extend(plan.standby_cpe.as_ref().zip(plan.backup.as_ref()).map(|(cpe, line)| standby(plan, cpe, line, moved)));
    all
}

/// The CPE that carries the primary line, and the backup where there is no second router.
fn primary(plan: &NetworkPlan, moved: &Moved) -> RouterPlan {
    let cpe = &plan.primary_cpe;
    let PrimaryLine { line, medium, pcr_mbps, mcr_kbps, rate } = &plan.primary;
    let medium = match medium {
        PrimaryMedium::Fibre => "fibre",
        PrimaryMedium::Radio => "radio",
    };
    let mut router = common(plan, cpe);
    let label = format!("WAN {medium} PCR {pcr_mbps} Mbit/s MCR {} Mbit/s", f64::from(*mcr_kbps) / 1000.0);
    let kbps = pcr_mbps.saturating_mul(1000);
    probed_line(&mut router, plan, &Wire { line, label, kbps, rate: *rate, rank: Rank::Primary });
    let loss = Decrement { object: LINE_UP, by: PRIMARY_LOSS };
    lan_interface(&mut router, plan, cpe, PREFERRED, Some(Preempt { minimum_s: 60, reload_s: 180 }), loss);
    let via = NextHop::Address(line.pe);
    let mut exits = vec![Exit { via: via.clone(), track: Some(LINE_UP), distance: None }];
    routes_to_sad(&mut router, plan, moved, &via, Some(LINE_UP), "");
    match (&plan.standby_cpe, &plan.backup) {
        (Some(standby), _) => {
            management_route(&mut router, plan, via, "NOC");
            float_to_sad(&mut router, plan, moved, &NextHop::Address(standby.lan), "-VIA-B");
        }
        (None, None) => {
            management_route(&mut router, plan, via, "NOC");
            discard_sad(&mut router, plan);
        }
        (None, Some(backup)) => {
            let backup_via = second_line(&mut router, plan, backup);
            router.routes.push(Route::new(None, plan.shared.management, via, word("NOC")).tracked(Some(LINE_UP)));
            let float = Route::new(None, plan.shared.management, backup_via.clone(), word("NOC-BACKUP"));
            router.routes.push(float.floating(FLOATING));
            float_to_sad(&mut router, plan, moved, &backup_via, "-BACKUP");
            discard_sad(&mut router, plan);
            exits.push(Exit { via: backup_via, track: None, distance: Some(FLOATING) });
        }
    }
    on_cpe(&mut router, plan, &[cpe.lan, cpe.loopback], &exits);
    router.canonical()
}

/// The CPE that carries the backup line.
fn standby(plan: &NetworkPlan, cpe: &Cpe, backup: &BackupLine, moved: &Moved) -> RouterPlan {
    let mut router = common(plan, cpe);
    let (via, object) = match backup {
        BackupLine::Copper { line, rate_kbps, rate } => {
            probed_line(&mut router, plan, &Wire::copper(line, *rate_kbps, *rate));
            (NextHop::Address(line.pe), LINE_UP)
        }
        BackupLine::Lte { way: LteWay::Tunnel(tunnel), rate_kbps, rate, apn } => {
            lte_tunnel(&mut router, plan, *tunnel, *rate_kbps, *rate, apn.as_ref());
            lte_probe(&mut router, tunnel.hub, tunnel_interface(plan));
            (NextHop::Interface(tunnel_interface(plan)), LTE_UP)
        }
        BackupLine::Lte { way: LteWay::Provider(line), rate_kbps, rate, apn } => {
            lte_line(&mut router, plan, line, *rate_kbps, *rate, apn.as_ref());
            let via = NextHop::Interface(MODEM);
            lte_probe(&mut router, plan.probe_target, MODEM);
            pin_probe(&mut router, plan, via.clone());
            (via, LTE_UP)
        }
    };
    let loss = Decrement { object, by: BACKUP_LOSS };
    lan_interface(&mut router, plan, cpe, ORDINARY, None, loss);
    routes_to_sad(&mut router, plan, moved, &via, Some(object), "");
    management_route(&mut router, plan, via.clone(), "NOC");
    discard_sad(&mut router, plan);
    let exit = Exit { via, track: Some(object), distance: None };
    on_cpe(&mut router, plan, &[cpe.lan, cpe.loopback], &[exit]);
    router.canonical()
}

/// What every CPE has: login, management address, traffic classes, the way to the Internet through
/// the local firewall.
fn common(plan: &NetworkPlan, cpe: &Cpe) -> RouterPlan {
    let loopback = InterfaceName::Loopback(0);
    let mut router = RouterPlan::named(cpe.hostname.clone());
    router.baseline = Some(baseline(plan, Some(loopback.clone())));
    router.classes = true;
    router.migration_classes.push(MigrationClass { name: word(MIGRATION), access_list: None });
    router.key_chains.push(KeyChain { name: word("HSRP-LAN"), key: plan.secret("hsrp-key") });
    let address = Address::Static { network: host(cpe.loopback) };
    router.interfaces.push(Interface::new(loopback, "management".into(), address));
    let firewall = NextHop::Address(plan.lan.gateway.address);
    router.routes.push(Route::new(None, everywhere(), firewall, word("INET-VIA-FIREWALL")));
    router
}

/// Login, logging, time and hardening, the same on every router.
pub(super) fn baseline(plan: &NetworkPlan, source: Option<InterfaceName>) -> Baseline {
    let shared = &plan.shared;
    Baseline {
        domain: shared.domain.clone(),
        management: shared.management,
        operations: shared.migration.as_ref().map(|hosts| hosts.operations),
        syslog: shared.syslog,
        ntp: shared.ntp,
        tacacs: shared.tacacs,
        mark: shared.mark.clone(),
        tacacs_key: Secret(word("tacacs-key")),
        break_glass: Secret(word("breakglass-password")),
        source,
    }
}

/// What a line is to its site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rank {
    Primary,
    Backup,
}

/// A line into the carrier's VPN by cable or radio.
struct Wire<'a> {
    line: &'a CarrierLine,
    label: String,
    kbps: u32,
    rate: Rate,
    rank: Rank,
}

impl<'a> Wire<'a> {
    fn copper(line: &'a CarrierLine, kbps: u32, rate: Rate) -> Self {
        let label = format!("WAN copper {} Mbit/s", f64::from(kbps) / 1000.0);
        Self { line, label, kbps, rate, rank: Rank::Backup }
    }
}

/// A line into the carrier's VPN, with a probe of the hub that can leave by this line only.
fn probed_line(router: &mut RouterPlan, plan: &NetworkPlan, wire: &Wire<'_>) {
    let name = InterfaceName::Ethernet { port: 0, vlan: None };
    router.probes.push(Probe {
        id: 10,
        target: plan.probe_target,
        source: name.clone(),
        vrf: None,
        threshold_ms: 500,
        timeout_ms: 1000,
        frequency_s: 3,
    });
    router.tracks.extend([
        track(10, Tracked::Probe { probe: 10 }, Some(6), Some(60)),
        track(20, Tracked::LineProtocol { interface: name.clone() }, None, Some(60)),
        track(LINE_UP, Tracked::All { objects: vec![10, 20] }, None, None),
    ]);
    pin_probe(router, plan, NextHop::Address(wire.line.pe));
    carrier_interface(router, plan, name, wire);
}

/// The /32 to the target of the probes goes by the probed line and, when that is gone, nowhere: a
/// probe that succeeds by another line would bring back a route that leads nowhere, for ever in turn.
fn pin_probe(router: &mut RouterPlan, plan: &NetworkPlan, via: NextHop) {
    let target = host(plan.probe_target);
    router.routes.push(Route::new(None, target, via, word("PROBE-PIN")));
    router.routes.push(Route::new(None, target, NextHop::Discard, word("PROBE-NO-LEAK")).floating(LAST));
}

/// The probe of an LTE line: slower than the others, since a modem pages and backs off.
fn lte_probe(router: &mut RouterPlan, target: Ipv4Addr, source: InterfaceName) {
    router.probes.push(Probe {
        id: LTE_UP,
        target,
        source,
        vrf: None,
        threshold_ms: 1000,
        timeout_ms: 2000,
        frequency_s: 10,
    });
    router.tracks.push(track(LTE_UP, Tracked::Probe { probe: LTE_UP }, Some(20), Some(30)));
}

/// The interface of a line into the carrier's VPN.
fn carrier_interface(router: &mut RouterPlan, plan: &NetworkPlan, name: InterfaceName, wire: &Wire<'_>) {
    let line = wire.line;
    let shaper = match &name {
        InterfaceName::Ethernet { port: 0, .. } => word("WAN"),
        _ => word("BACKUP"),
    };
    router.shapers.push(shaped(&shaper, wire.rate, wire.rank));
    router.interfaces.push(Interface {
        bandwidth_kbps: Some(wire.kbps),
        proxy_arp: Some(false),
        unreachables: false,
        mtu: Some(line.mtu),
        mss: Some(plan.mss),
        outside: true,
        shaper: Some(shaper),
        ..Interface::new(name, wire.label.clone(), on(line.cpe, line.wan))
    });
}

/// The LAN, with the virtual address that is every client's way to the SAD.
fn lan_interface(
    router: &mut RouterPlan,
    plan: &NetworkPlan,
    cpe: &Cpe,
    priority: u8,
    preempt: Option<Preempt>,
    loss: Decrement,
) {
    let name = InterfaceName::Ethernet { port: LAN_PORT, vlan: None };
    let standby = Standby {
        group: plan.numbers.group,
        vip: plan.lan.vip,
        priority,
        preempt,
        key_chain: word("HSRP-LAN"),
        name: Token::of(format_args!("LAN-{}", plan.numbers.label)),
        // A router without a peer has nobody to give way to.
        track: plan.standby_cpe.as_ref().map(|_| loss),
    };
    router.interfaces.push(Interface {
        proxy_arp: Some(true),
        mss: Some(plan.mss),
        standby: Some(standby),
        ..Interface::new(name, format!("LAN {}", plan.site), on(cpe.lan, plan.lan.prefix))
    });
}

fn shaped(name: &Token, rate: Rate, rank: Rank) -> Shaper {
    Shaper {
        name: name.clone(),
        rate_bps: rate.shaped_bps,
        llq_kbps: rate.llq_kbps,
        migration: word(MIGRATION),
        drops_migration: rank == Rank::Backup,
    }
}

/// The backup line of a site with one router: no probe of its own, since the only target is pinned
/// to the primary line. Returns where it leads.
fn second_line(router: &mut RouterPlan, plan: &NetworkPlan, backup: &BackupLine) -> NextHop {
    match backup {
        BackupLine::Copper { line, rate_kbps, rate } => {
            let name = InterfaceName::Ethernet { port: 2, vlan: None };
            carrier_interface(router, plan, name, &Wire::copper(line, *rate_kbps, *rate));
            NextHop::Address(line.pe)
        }
        BackupLine::Lte { way: LteWay::Tunnel(tunnel), rate_kbps, rate, apn } => {
            lte_tunnel(router, plan, *tunnel, *rate_kbps, *rate, apn.as_ref());
            NextHop::Interface(tunnel_interface(plan))
        }
        BackupLine::Lte { way: LteWay::Provider(line), rate_kbps, rate, apn } => {
            lte_line(router, plan, line, *rate_kbps, *rate, apn.as_ref());
            NextHop::Interface(MODEM)
        }
    }
}

/// An LTE line whose access point leads into the carrier's VPN: the modem's interface is in the global
/// table, beside the LAN, and nothing is wrapped.
fn lte_line(
    router: &mut RouterPlan,
    plan: &NetworkPlan,
    line: &CellularLine,
    rate_kbps: u32,
    rate: Rate,
    apn: Option<&Token>,
) {
    router.modems.push(Modem { interface: MODEM, apn: apn.cloned() });
    let shaper = word("LTE");
    router.shapers.push(shaped(&shaper, rate, Rank::Backup));
    let address = if line.negotiated { Address::Negotiated } else { on(line.cpe, line.wan) };
    router.interfaces.push(Interface {
        bandwidth_kbps: Some(rate_kbps),
        proxy_arp: Some(false),
        unreachables: false,
        mtu: Some(line.mtu),
        mss: Some(plan.mss),
        shaper: Some(shaper),
        ..Interface::new(MODEM, format!("backup to the {} over LTE, in the VPN", plan.shared.place), address)
    });
}

/// Modem, front-door routing table and the tunnel to the hub. The carrier translates addresses, so
/// the site always calls, and both ends are known by name.
fn lte_tunnel(
    router: &mut RouterPlan,
    plan: &NetworkPlan,
    tunnel: TunnelNet,
    rate_kbps: u32,
    rate: Rate,
    apn: Option<&Token>,
) {
    let (door, filter, profile) = (word("FVRF-LTE"), word("LTE-IN"), plan.shared.mark.clone());
    let hub = plan.shared.hub_public;
    router.vrfs.push(Vrf { name: door.clone(), description: "front door, LTE carrier side only".into(), rd: None });
    router.modems.push(Modem { interface: MODEM, apn: apn.cloned() });
    router.access_lists.push(AccessList { name: filter.clone(), entries: tunnel_peer_only(hub) });
    router.ipsec = true;
    router.peers.push(TunnelPeer {
        name: profile.clone(),
        outer_vrf: door.clone(),
        local: fqdn(plan, &plan.backup_cpe().hostname),
        remote: fqdn(plan, &plan.shared.hub),
        address: Some(hub),
        key: plan.secret("tunnel-key"),
        template: None,
    });
    let shaper = word("LTE");
    router.shapers.push(shaped(&shaper, rate, Rank::Backup));
    router.interfaces.push(Interface {
        bandwidth_kbps: Some(rate_kbps),
        mtu: Some(TUNNEL_MTU),
        mss: Some(plan.mss),
        tunnel: Some(Tunnel {
            calls: Some(Call { source: MODEM, destination: hub }),
            outer_vrf: door.clone(),
            profile,
        }),
        shaper: Some(shaper),
        ..Interface::new(
            tunnel_interface(plan),
            format!("backup to the {} over LTE", plan.shared.place),
            on(tunnel.cpe, tunnel.prefix),
        )
    });
    router.interfaces.push(Interface {
        vrf: Some(door.clone()),
        access_list: Some(filter),
        proxy_arp: Some(false),
        unreachables: false,
        ..Interface::new(MODEM, "LTE".into(), Address::Negotiated)
    });
    router.routes.push(Route::new(Some(&door), everywhere(), NextHop::Interface(MODEM), word("LTE")));
}

/// What the Internet may send to the modem: IKE and ESP of the hub.
fn tunnel_peer_only(hub: Ipv4Addr) -> Vec<AccessEntry> {
    let from_hub = |protocol| AccessEntry::any(true, protocol).from(host(hub));
    let ike = |port| from_hub(Protocol::Udp).from_port(port).to_port(port);
    vec![
        ike(ServicePort::ISAKMP),
        ike(ServicePort::NON500_ISAKMP),
        from_hub(Protocol::Esp),
        AccessEntry::any(false, Protocol::Ip),
    ]
}

/// What clients reach at the SAD: its prefix, the servers that moved with their address, and by way of
/// the hub the tenant's other sites with the servers that moved from there.
fn destinations(plan: &NetworkPlan, moved: &Moved) -> Vec<(Ipv4Network, Token)> {
    let prefix = (plan.numbers.sad, Token::of(format_args!("{}-{}", plan.shared.mark, plan.numbers.vrf)));
    let kept = plan.kept().filter(|server| moved.contains(&server.id));
    let kept = kept.map(|server| (host(server.after), server_word(&server.id)));
    let sites =
        plan.beside.iter().map(|other| (other.lan.prefix, Token::of(format_args!("SITE-{}", other.numbers.label))));
    std::iter::once(prefix).chain(sites).chain(kept).collect()
}

fn routes_to_sad(
    router: &mut RouterPlan,
    plan: &NetworkPlan,
    moved: &Moved,
    via: &NextHop,
    object: Option<u16>,
    suffix: &str,
) {
    for (network, name) in destinations(plan, moved) {
        let name = Token::of(format_args!("{name}{suffix}"));
        router.routes.push(Route::new(None, network, via.clone(), name).tracked(object));
    }
}

fn float_to_sad(router: &mut RouterPlan, plan: &NetworkPlan, moved: &Moved, via: &NextHop, suffix: &str) {
    for (network, name) in destinations(plan, moved) {
        let name = Token::of(format_args!("{name}{suffix}"));
        router.routes.push(Route::new(None, network, via.clone(), name).floating(FLOATING));
    }
}

/// With every way withdrawn the SAD's prefix would match the default route, go to the firewall, and
/// come back through the firewall's own route to the VIP: dropped here, no loop.
fn discard_sad(router: &mut RouterPlan, plan: &NetworkPlan) {
    let name = Token::of(format_args!("{}-NO-LOOP", plan.shared.mark));
    router.routes.push(Route::new(None, plan.numbers.sad, NextHop::Discard, name).floating(LAST));
    for other in &plan.beside {
        let discard = Route::new(None, other.lan.prefix, NextHop::Discard, word("SITE-NO-LOOP"));
        router.routes.push(discard.floating(LAST));
    }
}

fn management_route(router: &mut RouterPlan, plan: &NetworkPlan, via: NextHop, name: &str) {
    router.routes.push(Route::new(None, plan.shared.management, via, word(name)));
}

fn tunnel_interface(plan: &NetworkPlan) -> InterfaceName {
    InterfaceName::Tunnel(plan.numbers.number)
}

/// The name of a server's routes.
pub(super) fn server_word(server: &ServerId) -> Token {
    Token::of(format_args!("SRV-{}", server.as_str().to_uppercase().chars().take(40).collect::<String>()))
}

/// A router's full name, by which it proves who it is.
pub(super) fn fqdn(plan: &NetworkPlan, hostname: &Token) -> Token {
    Token::of(format_args!("{hostname}.{}", plan.shared.domain))
}

pub(super) fn word(text: &str) -> Token {
    Token::of(format_args!("{text}"))
}

pub(super) fn track(id: u16, what: Tracked, down_s: Option<u16>, up_s: Option<u16>) -> Track {
    Track { id, what, down_s, up_s }
}

/// `address` with the length of its network.
pub(super) fn on(address: Ipv4Addr, network: Ipv4Network) -> Address {
    Address::Static { network: Ipv4Network::new(address, network.prefix()).unwrap_or(network) }
}

/// The default route.
pub(super) fn everywhere() -> Ipv4Network {
    Ipv4Network::new(Ipv4Addr::UNSPECIFIED, 0).unwrap_or_else(|_| host(Ipv4Addr::UNSPECIFIED))
}
