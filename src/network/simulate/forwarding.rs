//! The walk of one packet, hop by hop, until it arrives or is lost.

use super::super::device::interface::Side;
use super::access::{Kind, Passage, passage};
use super::address::{Few, number};
use super::at_rest::State;
use super::element::Mask;
use super::segment::{Host, Mac, Segment, Station};
use super::trip::{At, Loss, Step, Trip};
use super::wiring::routing::Egress;
use super::wiring::tracking::{Answer, Asking};
use super::wiring::{Network, Plug};
use super::{Element, Place};

/// A packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    pub(super) source: u32,
    pub(super) target: u32,
    pub(super) kind: Kind,
}

/// What hosts have in their ARP tables.
#[derive(Debug, Clone, Copy)]
pub(super) enum Arp<'s> {
    /// Nothing: every address is asked for.
    Fresh,
    /// What they learned in this state, when nothing had failed.
    Learned(&'s State),
}

/// Nodes that a packet may pass (the time to live of most systems is 64 and more; no way here has
/// more than ten).
const MOST_HOPS: usize = 24;
/// How often a way may fork: two answers, equal routes.
const MOST_FORKS: u8 = 3;

/// A walk through a network in one state.
pub(super) struct Walk<'n, 's> {
    pub(super) network: &'n Network<'n>,
    pub(super) state: &'s State,
    pub(super) mask: Mask,
    pub(super) arp: Arp<'s>,
    pub(super) packet: Packet,
}

/// Where to next: several where the way forks.
type Forks = Few<At, 4>;

impl Walk<'_, '_> {
    /// Walks from `start`; returns where it arrives.
    pub(super) fn go(&self, start: At, trip: &mut Trip) -> Result<At, Loss> {
        trip.hops.clear();
        *trip = Trip { hops: std::mem::take(&mut trip.hops), mtu: u16::MAX, mss: 1460, ..Trip::default() };
        self.from(start, true, trip, MOST_FORKS)
    }

    fn from(&self, start: At, mut origin: bool, trip: &mut Trip, forks: u8) -> Result<At, Loss> {
        let mut at = start;
        loop {
            if trip.hops.len() >= MOST_HOPS {
                return Err(Loss::Loop { router: self.router_of(at) });
            }
            trip.hops.push(Step { at, out: None });
            if self.arrives(at, origin, trip)? {
                return Ok(at);
            }
            let next = self.step(at, trip)?;
            origin = false;
            let Some(first) = next.first() else { return Err(Loss::Loop { router: self.router_of(at) }) };
            if next.len() > 1 && forks > 0 {
                // Every branch must arrive: which one a packet takes is not ours to choose.
                trip.doubled.get_or_insert(self.packet.target);
                for branch in next.iter().skip(1) {
                    let mut other = trip.clone();
                    self.from(branch, false, &mut other, forks - 1)?;
                    trip.join(&other);
                }
            }
            at = first;
        }
    }

    fn router_of(&self, at: At) -> Option<usize> {
        match at {
            At::Router { table, .. } => Some(self.network.tables[table].router),
            _ => None,
        }
    }

    /// Whether this is where the packet goes; an error if it is a machine that it does not go to.
    fn arrives(&self, at: At, origin: bool, trip: &mut Trip) -> Result<bool, Loss> {
        if origin {
            return Ok(false);
        }
        match at {
            At::Host(host) if self.network.address(host) == self.packet.target => Ok(true),
            At::Host(host) => Err(Loss::WrongMachine { host }),
            At::Firewall => Ok(number(self.network.scene.surroundings.firewall.address) == self.packet.target),
            At::Router { table, ingress } => {
                if let Some(port) = ingress
                    && let Some(partly) = self.filter(port, true)?
                {
                    trip.partly.get_or_insert(partly);
                }
                Ok(self.network.owns(table, self.packet.target, self.state, self.mask))
            }
            At::Edge(edge) => Ok(self.network.scene.surroundings.carrier.edges[edge]
                .pe
                .is_some_and(|pe| number(pe) == self.packet.target)),
        }
    }

    fn step(&self, at: At, trip: &mut Trip) -> Result<Forks, Loss> {
        match at {
            At::Host(host) => self.leave_host(host, trip),
            At::Firewall => self.leave_firewall(trip),
            At::Router { table, ingress } => self.leave_router(table, ingress, trip),
            At::Edge(edge) => self.leave_edge(edge, trip),
        }
    }

    fn leave_host(&self, host: Host, trip: &mut Trip) -> Result<Forks, Loss> {
        let around = &self.network.scene.surroundings;
        let target = self.packet.target;
        let routed = |routes: &[(ipnetwork::Ipv4Network, std::net::Ipv4Addr)], gateway: std::net::Ipv4Addr| {
            let found = routes.iter().filter(|(network, _)| network.contains(target.into()));
            number(found.max_by_key(|(network, _)| network.prefix()).map_or(gateway, |(_, next)| *next))
        };
        let in_lan = around.lan.contains(target.into());
        let (segment, next) = match host {
            Host::Client(at) if !around.lan.contains(around.clients[at].address) => return self.enter_firewall(),
            Host::Client(at) => {
                let next = if in_lan { target } else { routed(&around.clients[at].routes, around.firewall.address) };
                (Segment::Lan, next)
            }
            Host::Server(at) => match around.servers[at].place {
                Place::Town => (Segment::Lan, if in_lan { target } else { number(around.firewall.address) }),
                Place::SadKept => (Segment::Kept, if in_lan { target } else { number(around.firewall.address) }),
                Place::SadBeside(site) => {
                    let beside = around.beside.get(usize::from(site));
                    let near = beside.is_none_or(|beside| beside.lan.contains(target.into()));
                    (Segment::Beside(site), beside.filter(|_| !near).map_or(target, |beside| number(beside.gateway)))
                }
                Place::SadNew if around.vlans.sad.contains(target.into()) => (Segment::New, target),
                Place::SadNew => (Segment::New, number(around.vlans.sad_gateway)),
                Place::Hub => return self.leave_hub(number(around.servers[at].address)),
            },
        };
        self.onto(segment, next, None, trip)
    }

    /// A client behind the firewall reaches nothing but the firewall.
    fn enter_firewall(&self) -> Result<Forks, Loss> {
        if self.mask & self.network.bits.firewall != 0 {
            return Err(Loss::Off { element: Element::Firewall });
        }
        Ok(one(At::Firewall))
    }

    /// A packet of the hub itself, in the table that has the address.
    fn leave_hub(&self, own: u32) -> Result<Forks, Loss> {
        let tables = &self.network.tables;
        let table = (0..tables.len()).find(|table| {
            let hub = self.network.scene.routers[tables[*table].router].role == super::Role::Hub;
            hub && self.network.owns(*table, own, self.state, self.mask)
        });
        match table {
            Some(table) => Ok(one(At::Router { table, ingress: None })),
            None => Err(Loss::Unanswered { segment: Segment::New, address: own }),
        }
    }

    fn leave_firewall(&self, trip: &mut Trip) -> Result<Forks, Loss> {
        trip.firewall = true;
        let around = &self.network.scene.surroundings;
        let target = self.packet.target;
        if around.lan.contains(target.into()) {
            return self.onto(Segment::Lan, target, None, trip);
        }
        let behind = |client: &super::Client| number(client.address) == target && !around.lan.contains(client.address);
        if let Some(client) = around.clients.iter().position(behind) {
            return Ok(one(At::Host(Host::Client(client))));
        }
        let routes = around.firewall.routes.iter().filter(|(network, _)| network.contains(target.into()));
        match routes.max_by_key(|(network, _)| network.prefix()) {
            Some((_, next)) => self.onto(Segment::Lan, number(*next), None, trip),
            None => Err(Loss::Internet { router: None, line: 0 }),
        }
    }

    fn leave_router(&self, table: usize, ingress: Option<usize>, trip: &mut Trip) -> Result<Forks, Loss> {
        let router = self.network.tables[table].router;
        let target = self.packet.target;
        let ways = self.network.lookup(table, target, self.state, self.mask);
        let mut forks = Forks::none();
        for way in ways.iter() {
            match way {
                Egress::Discard { line } => return Err(Loss::Discarded { router, line }),
                Egress::Port { port, next, line } => {
                    // What a router sends itself passes no list on its way out.
                    if ingress.is_some()
                        && let Some(partly) = self.filter(port, false)?
                    {
                        trip.partly.get_or_insert(partly);
                    }
                    if ingress.is_some_and(|ingress| self.is_translated(ingress, port)) {
                        trip.translated.get_or_insert(port);
                    }
                    for at in self.out_of(port, next.unwrap_or(target), line, trip)?.iter() {
                        forks.push(at);
                    }
                }
            }
        }
        if forks.len() == 0 { Err(Loss::NoRoute { router, target }) } else { Ok(forks) }
    }

    /// Leaves a router by a port towards a neighbour.
    fn out_of(&self, at: usize, next: u32, line: u32, trip: &mut Trip) -> Result<Forks, Loss> {
        let port = &self.network.ports[at];
        if let Some(step) = trip.hops.last_mut() {
            step.out = Some(at);
        }
        trip.narrow(port.mtu(), at);
        trip.clamp(port.interface.mss.map(|at| at.value));
        if let Some(segment) = Segment::of(port.plug) {
            return self.onto(segment, next, Some(at), trip);
        }
        match port.plug {
            Plug::Line(edge) => self.over_line(edge, at, next, line, trip),
            Plug::Tunnel(tunnel) => {
                let tunnel = &self.network.tunnels[tunnel];
                if self.mask & tunnel.down != 0 {
                    return Err(Loss::TunnelSilent { port: at });
                }
                trip.narrow(tunnel.mtu, at);
                let peer = if tunnel.caller == at { tunnel.template } else { tunnel.caller };
                self.enter_port(peer, trip)
            }
            Plug::Lte => Err(Loss::Internet { router: Some(port.router), line }),
            _ => Err(Loss::LeadsNowhere { port: at, line }),
        }
    }

    /// Over a line to the carrier's edge.
    fn over_line(&self, edge: usize, port: usize, next: u32, line: u32, trip: &mut Trip) -> Result<Forks, Loss> {
        let there = &self.network.scene.surroundings.carrier.edges[edge];
        if there.pe.is_some_and(|pe| number(pe) != next) {
            return Err(Loss::WrongNeighbour { port, address: next, line });
        }
        trip.narrow(there.mtu, port);
        if self.is_line_dead(edge) {
            return Err(Loss::Line { edge });
        }
        Ok(one(At::Edge(edge)))
    }

    fn is_line_dead(&self, edge: usize) -> bool {
        self.mask & self.network.bits.edges[edge].dead != 0
    }

    /// In the carrier: by its own routes, to an edge and out to us.
    fn leave_edge(&self, here: usize, trip: &mut Trip) -> Result<Forks, Loss> {
        let carrier = &self.network.scene.surroundings.carrier;
        let target = self.packet.target;
        let connected = carrier.edges.iter().position(|edge| edge.wan.contains(target.into()));
        let (edge, next) = match connected {
            Some(edge) => (edge, target),
            None => self.carrier_route(here, target).ok_or(Loss::CarrierRoute { edge: here, target })?,
        };
        if edge != here {
            let lost = |edge: usize| self.mask & self.network.bits.edges[edge].apart != 0;
            if lost(here) || lost(edge) {
                return Err(Loss::Core { from: here, to: edge });
            }
            if carrier.edges[edge].pe.is_some_and(|pe| number(pe) == target) {
                return Ok(one(At::Edge(edge)));
            }
            trip.hops.push(Step { at: At::Edge(edge), out: None });
        }
        if self.is_line_dead(edge) {
            return Err(Loss::Line { edge });
        }
        match self.network.bits.edges[edge].port {
            Some(port) if self.network.ports[port].address.is_none_or(|(own, _)| own != next) => {
                Err(Loss::WrongHandoff { edge, address: next })
            }
            Some(port) if self.network.is_up(port, self.state, self.mask) => self.enter_port(port, trip),
            Some(_) => Err(Loss::Line { edge }),
            None => Err(Loss::WrongHandoff { edge, address: next }),
        }
    }

    /// The carrier's route at an edge: the longest prefix, then the first whose edge is in use.
    fn carrier_route(&self, here: usize, target: u32) -> Option<(usize, u32)> {
        let carrier = &self.network.scene.surroundings.carrier;
        let usable = carrier.routes.iter().filter_map(|(network, towards)| {
            let edge = carrier.edges.iter().position(|edge| edge.ce == *towards)?;
            let used = edge == here || self.state.uses_edge(edge);
            (network.contains(target.into()) && used).then_some((network.prefix(), edge, number(*towards)))
        });
        let best = usable.reduce(|best, route| if route.0 > best.0 { route } else { best });
        best.map(|(_, edge, towards)| (edge, towards))
    }

    /// Into a router by a port.
    fn enter_port(&self, port: usize, trip: &mut Trip) -> Result<Forks, Loss> {
        let there = &self.network.ports[port];
        trip.clamp(there.interface.mss.map(|at| at.value));
        Ok(one(At::Router { table: there.table, ingress: Some(port) }))
    }

    /// Onto a segment, to whoever answers for `next`.
    fn onto(&self, segment: Segment, next: u32, asker: Option<usize>, trip: &mut Trip) -> Result<Forks, Loss> {
        let (dead, bit) = match segment {
            Segment::Lan => (Element::LanSwitch, self.network.bits.lan_switch),
            Segment::Kept | Segment::Beside(_) | Segment::New => (Element::ServerPort, self.network.bits.server_port),
        };
        if self.mask & bit != 0 {
            return Err(Loss::Off { element: dead });
        }
        let macs = self.macs(segment, next, asker);
        let Some(first) = macs.first() else { return Err(Loss::Unanswered { segment, address: next }) };
        let mut forks = Forks::none();
        for mac in macs.iter() {
            for station in self.network.stations(mac, self.state, self.mask).iter() {
                forks.push(match station {
                    Station::Host(host) => At::Host(host),
                    Station::Firewall => At::Firewall,
                    Station::Port(port) => self.enter_port(port, trip)?.first().unwrap_or(At::Firewall),
                });
            }
        }
        match (forks.len(), first) {
            (0, Mac::Firewall) => Err(Loss::Off { element: Element::Firewall }),
            (0, _) => Err(Loss::Stale { address: next }),
            (1, _) => Ok(forks),
            // A machine and a router, or two machines: one of them is not the target.
            _ if forks.iter().any(|at| matches!(at, At::Host(_))) => Err(Loss::Conflict { segment, address: next }),
            _ => Ok(forks),
        }
    }

    /// The hardware addresses that a host uses for `next`: those it has learned, or else asks for. A
    /// router that takes over a virtual address says so at once, so that one is never stale.
    fn macs(&self, segment: Segment, next: u32, asker: Option<usize>) -> super::segment::Answers {
        if let Arp::Learned(before) = self.arp
            && !self.network.groups.iter().any(|group| group.has(next))
        {
            let learned = self.network.answers(segment, next, asker, before, 0);
            if learned.len() > 0 {
                return learned;
            }
        }
        self.network.answers(segment, next, asker, self.state, self.mask)
    }

    /// Whether a router changes an address of the packet between two of its ports.
    fn is_translated(&self, ingress: usize, egress: usize) -> bool {
        let side = |port: usize| self.network.ports[port].interface.translation.map(|at| at.value);
        let (Some(from), Some(to)) = (side(ingress), side(egress)) else { return false };
        let Packet { source, target, .. } = self.packet;
        let translations = &self.network.router(ingress).device.translations;
        from != to
            && translations.iter().any(|translation| match from {
                Side::Inside => translation.local.contains(source.into()),
                Side::Outside => translation.global.contains(target.into()),
            })
    }

    /// What the access list of a port does to the packet.
    fn filter(&self, at: usize, inward: bool) -> Result<Option<(usize, u32)>, Loss> {
        let port = &self.network.ports[at];
        let Some(list) = (if inward { port.filter_in } else { port.filter_out }) else { return Ok(None) };
        match passage(list, self.packet.source, self.packet.target, self.packet.kind) {
            Passage::Free => Ok(None),
            Passage::Partly(line) => Ok(Some((at, line))),
            Passage::Dropped(line) => Err(Loss::Filtered { port: at, inward, line }),
        }
    }
}

fn one(at: At) -> Forks {
    let mut forks = Forks::none();
    forks.push(at);
    forks
}

impl Network<'_> {
    /// The address of a machine.
    pub(super) fn address(&self, host: Host) -> u32 {
        let around = &self.scene.surroundings;
        match host {
            Host::Client(at) => number(around.clients[at].address),
            Host::Server(at) => number(around.servers[at].address),
        }
    }

    /// What becomes of a probe: its question walks to the target, the answer walks back.
    pub(super) fn ask(&self, asking: &Asking<'_>, state: &State, mask: Mask) -> Answer {
        // Whether another site answers is not in this scene: its lines are taken to be up.
        if self.scene.surroundings.beside.iter().any(|site| site.lan.contains(asking.target.into())) {
            return Answer::Heard;
        }
        if !self.is_up(asking.port, state, mask) {
            return Answer::Refused;
        }
        let mut trip = Trip::default();
        let packet = Packet { source: asking.source, target: asking.target, kind: Kind::Echo };
        let walk = Walk { network: self, state, mask, arp: Arp::Fresh, packet };
        let start = At::Router { table: asking.table, ingress: None };
        let there = match walk.go(start, &mut trip) {
            Ok(there) => there,
            Err(Loss::NoRoute { .. } | Loss::Discarded { .. }) if trip.hops.len() <= 1 => return Answer::Refused,
            Err(_) => return Answer::Silent,
        };
        let start = match there {
            At::Router { table, .. } => At::Router { table, ingress: None },
            other => other,
        };
        let packet = Packet { source: asking.target, target: asking.source, kind: Kind::EchoReply };
        let home = Walk { packet, ..walk }.go(start, &mut trip);
        match home {
            Ok(At::Router { table, .. }) if self.tables[table].router == self.tables[asking.table].router => {
                Answer::Heard
            }
            _ => Answer::Silent,
        }
    }
}
