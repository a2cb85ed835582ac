//! What no router's text says: LAN, local firewall, machines, the carrier's VPN, the LTE network.

use super::super::cpe::Moved;
use super::super::hosts::HostRoutes;
use super::super::hub::carrier_routes;
use super::super::plan::{BackupLine, LteWay, NetworkPlan, ReachedBy};
use super::{EdgeAt, Role};
use crate::model::link::GatewayKind;
use ipnetwork::Ipv4Network;
use std::net::Ipv4Addr;

/// What no router's text says.
#[derive(Debug, Clone, PartialEq)]
pub struct Surroundings {
    /// The tenant, for messages.
    pub tenant: String,
    /// Network of the LAN.
    pub lan: Ipv4Network,
    /// The local firewall.
    pub firewall: Firewall,
    /// Machines that ask.
    pub clients: Vec<Client>,
    /// Machines that are asked.
    pub servers: Vec<Server>,
    /// VLANs of the hub that lead to this tenant.
    pub vlans: Vlans,
    /// The carrier's VPN.
    pub carrier: Carrier,
    /// The LTE network; none where the site has no modem.
    pub lte: Option<Lte>,
    /// The tenant's other sites, whose own lines are taken to be up.
    pub beside: Vec<Beside>,
}

/// Another site of the tenant, as far as servers that moved from there are concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct Beside {
    /// Its LAN.
    pub lan: Ipv4Network,
    /// The default gateway of its servers, for which the hub answers.
    pub gateway: Ipv4Addr,
    /// VLAN of its servers that keep their address.
    pub kept: u16,
}

/// The local firewall: the LAN's default gateway.
#[derive(Debug, Clone, PartialEq)]
pub struct Firewall {
    /// Its address in the LAN.
    pub address: Ipv4Addr,
    /// Its routes into the LAN: destination and next hop. Everything else goes to the Internet.
    pub routes: Vec<(Ipv4Network, Ipv4Addr)>,
    /// Whether it drops what belongs to no session that it saw begin.
    pub stateful: bool,
}

/// A machine that asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// Its address: in the LAN, or else behind the firewall.
    pub address: Ipv4Addr,
    /// Its own routes: destination and next hop.
    pub routes: Vec<(Ipv4Network, Ipv4Addr)>,
}

/// A machine that is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// Its address where it stands.
    pub address: Ipv4Addr,
    /// Where it stands.
    pub place: Place,
}

/// Where a server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the LAN of the town.
    Town,
    /// At the SAD, in the VLAN of servers that keep their address.
    SadKept,
    /// At the SAD, in the VLAN of kept servers of another site, by its place in the surroundings.
    SadBeside(u8),
    /// At the SAD, in the tenant's own prefix.
    SadNew,
    /// No server: the hub's own address in the tenant's prefix, asked as long as no server is there.
    Hub,
}

/// VLANs of the hub that lead to a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vlans {
    /// The carrier's handoff.
    pub handoff: u16,
    /// Servers that keep their address.
    pub kept: u16,
    /// Servers with new addresses.
    pub new: u16,
    /// The tenant's prefix, on the VLAN of new addresses.
    pub sad: Ipv4Network,
    /// The default gateway that machines with new addresses have.
    pub sad_gateway: Ipv4Addr,
}

/// The carrier's VPN of the tenant: it forwards by its own tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Carrier {
    /// Its edges.
    pub edges: Vec<Edge>,
    /// Its routes: destination, and the address of ours to which it hands it. Where several have
    /// the same destination, the first whose line is up is used: so the provider switches.
    pub routes: Vec<(Ipv4Network, Ipv4Addr)>,
    /// What makes it take the next of several routes.
    pub following: Following,
    /// Seconds until a change of one edge is known at the others, at most (our assumption).
    pub convergence_s: u16,
}

/// What makes the carrier take the next of several routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Following {
    /// The state of the line to the CPE: static routes at its edge.
    Line,
    /// Whether the CPE on that line still has the LAN: a routing protocol or a probe.
    Lan,
}

/// An edge of the carrier's VPN (PE) with the line to us.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// Which.
    pub at: EdgeAt,
    /// Our router on it.
    pub router: Role,
    /// Network of the line.
    pub wan: Ipv4Network,
    /// The carrier's address; none on an LTE line, where packets need no neighbour.
    pub pe: Option<Ipv4Addr>,
    /// Our address to which the carrier hands packets.
    pub ce: Ipv4Addr,
    /// Largest packet that the line carries, in bytes.
    pub mtu: u16,
}

/// The LTE network.
#[derive(Debug, Clone, PartialEq)]
pub struct Lte {
    /// The CPE with the modem.
    pub router: Role,
    /// Where it comes out.
    pub landing: Landing,
    /// Public address of the hub.
    pub hub_public: Ipv4Addr,
    /// Largest packet that it carries, in bytes.
    pub mtu: u16,
}

/// Where the LTE network comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landing {
    /// In the Internet: a tunnel to the hub is needed.
    Internet,
    /// In the carrier's VPN, as its backup edge.
    Vpn,
}

/// Seconds that the carrier takes to use another edge, at most: loss of a line is announced at once,
/// its VPN converges within seconds. No document says it; it is printed where it counts.
const CARRIER_CONVERGENCE_S: u16 = 3;
/// Smallest packet size of LTE networks in Italy that we plan for, in bytes.
const LTE_MTU: u16 = 1428;
/// The address of a client behind the firewall: benchmark range, in no one's network (RFC 2544).
const BEHIND: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 10);

impl Surroundings {
    /// The surroundings of a plan while the servers in `moved` stand at the SAD and the others in town.
    pub fn of(plan: &NetworkPlan, moved: &Moved) -> Self {
        let numbers = &plan.numbers;
        let routes = HostRoutes::new(plan);
        let routes: Vec<_> = routes.destinations().map(|network| (network, routes.next_hop)).collect();
        let address = plan.lan.gateway.address;
        Self {
            tenant: plan.name(),
            lan: plan.lan.prefix,
            firewall: Firewall { address, routes: routes.clone(), stateful: is_stateful(plan.lan.gateway.kind) },
            clients: clients(plan, routes),
            servers: servers(plan, moved),
            vlans: Vlans {
                handoff: plan.handoff.vlan,
                kept: numbers.kept_vlan,
                new: numbers.new_vlan,
                sad: numbers.sad,
                sad_gateway: numbers.sad_gateway,
            },
            carrier: carrier(plan, moved),
            lte: lte(plan),
            beside: plan.beside.iter().map(beside).collect(),
        }
    }
}

fn beside(plan: &NetworkPlan) -> Beside {
    Beside { lan: plan.lan.prefix, gateway: plan.lan.gateway.address, kept: plan.numbers.kept_vlan }
}

fn lte(plan: &NetworkPlan) -> Option<Lte> {
    let landing = match &plan.backup {
        Some(BackupLine::Lte { way: LteWay::Tunnel(_), .. }) => Landing::Internet,
        Some(BackupLine::Lte { way: LteWay::Provider(_), .. }) => Landing::Vpn,
        Some(BackupLine::Copper { .. }) | None => return None,
    };
    Some(Lte { router: backup_role(plan), landing, hub_public: plan.shared.hub_public, mtu: LTE_MTU })
}

/// Every firewall that we know keeps sessions.
fn is_stateful(kind: GatewayKind) -> bool {
    match kind {
        GatewayKind::Endian | GatewayKind::Other => true,
    }
}

fn backup_role(plan: &NetworkPlan) -> Role {
    if plan.standby_cpe.is_some() { Role::StandbyCpe } else { Role::PrimaryCpe }
}

fn clients(plan: &NetworkPlan, routes: Vec<(Ipv4Network, Ipv4Addr)>) -> Vec<Client> {
    let lan = Client { name: "lan".into(), address: free_host(plan), routes };
    let behind = Client { name: "behind-firewall".into(), address: BEHIND, routes: Vec::new() };
    // The hub has one default route, to the first site: behind another site's firewall it leads astray.
    if plan.numbers.of_first_site() { vec![lan, behind] } else { vec![lan] }
}

/// An address of the LAN that nothing in the plan has.
fn free_host(plan: &NetworkPlan) -> Ipv4Addr {
    let lan = &plan.lan;
    let mut taken =
        vec![lan.gateway.address, lan.vip, plan.primary_cpe.lan, lan.prefix.network(), lan.prefix.broadcast()];
    taken.extend(lan.hub);
    taken.extend(plan.standby_cpe.as_ref().map(|cpe| cpe.lan));
    taken.extend(plan.servers.iter().flat_map(|server| [server.before, server.after]));
    let first = u32::from(lan.prefix.network());
    let free = (50..lan.prefix.size()).chain(1..50.min(lan.prefix.size()));
    let mut free = free.map(|host| Ipv4Addr::from(first.saturating_add(host)));
    free.find(|host| !taken.contains(host)).unwrap_or(lan.prefix.network())
}

fn servers(plan: &NetworkPlan, moved: &Moved) -> Vec<Server> {
    let mut all: Vec<Server> = plan
        .servers
        .iter()
        .map(|server| {
            let (address, place) = match (moved.contains(&server.id), server.reached_by) {
                (false, _) => (server.before, Place::Town),
                (true, ReachedBy::ProxyArp) => (server.after, Place::SadKept),
                (true, ReachedBy::SadPrefix) => (server.after, Place::SadNew),
            };
            Server { name: server.id.to_string(), address, place }
        })
        .collect();
    for (at, site) in (0..).zip(&plan.beside) {
        // Those that still stand at the other site are reached by its lines, which are not in this scene.
        for server in site.servers.iter().filter(|server| moved.contains(&server.id)) {
            let place = match server.reached_by {
                ReachedBy::ProxyArp => Place::SadBeside(at),
                ReachedBy::SadPrefix => Place::SadNew,
            };
            all.push(Server { name: server.id.to_string(), address: server.after, place });
        }
    }
    if all.iter().all(|server| server.place == Place::Town) {
        all.push(Server { name: "sad-gateway".into(), address: plan.numbers.sad_gateway, place: Place::Hub });
    }
    all
}

fn carrier(plan: &NetworkPlan, moved: &Moved) -> Carrier {
    let line = |at, router, line: &crate::model::link::CarrierLine| Edge {
        at,
        router,
        wan: line.wan,
        pe: Some(line.pe),
        ce: line.cpe,
        mtu: line.mtu,
    };
    let mut edges = vec![line(EdgeAt::Primary, Role::PrimaryCpe, &plan.primary.line)];
    match &plan.backup {
        Some(BackupLine::Copper { line: copper, .. }) => edges.push(line(EdgeAt::Backup, backup_role(plan), copper)),
        Some(BackupLine::Lte { way: LteWay::Provider(lte), .. }) => edges.push(Edge {
            at: EdgeAt::Backup,
            router: backup_role(plan),
            wan: lte.wan,
            pe: None,
            ce: lte.cpe,
            mtu: lte.mtu,
        }),
        _ => {}
    }
    edges.push(Edge {
        at: EdgeAt::Hub,
        router: Role::Hub,
        wan: plan.handoff.wan,
        pe: Some(plan.handoff.pe),
        ce: plan.handoff.ce,
        mtu: 1500,
    });
    let routes = carrier_routes(plan)
        .into_iter()
        .filter(|route| route.since.as_ref().is_none_or(|server| moved.contains(server)))
        .map(|route| (route.destination, route.towards))
        .collect();
    Carrier { edges, routes, following: Following::Line, convergence_s: CARRIER_CONVERGENCE_S }
}
