//! What becomes of a client-server pair: both ways walked, and what is wrong with them in words.

use super::access::Kind;
use super::at_rest::State;
use super::element::Mask;
use super::forwarding::{Arp, Packet, Walk};
use super::name::Name;
use super::segment::{Host, Segment};
use super::trip::{At, Loss, Step, Trip};
use super::wiring::Network;
use super::{Place, Role};
use std::fmt;
use std::net::Ipv4Addr;

/// What becomes of a client-server pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Packets arrive, and so do the answers.
    Reachable,
    /// Packets arrive, but not every session works.
    Degraded,
    /// Packets or their answers are lost.
    Lost,
}

/// A client-server pair in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairVerdict {
    /// Name of the client.
    pub client: Name,
    /// Name of the server.
    pub server: Name,
    /// What becomes of it.
    pub verdict: Verdict,
    /// The way of the question, as far as it comes.
    pub path: Vec<Hop>,
    /// The way of the answer, as far as it comes; empty where there is no question to answer.
    pub back: Vec<Hop>,
    /// Why it is not simply reachable.
    pub reason: Option<Reason>,
}

/// A node on a way.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Hop {
    /// Name of the router, machine, firewall or carrier's edge.
    pub node: Name,
    /// The interface by which it came in, on routers.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Name>,
    /// The interface by which it went out, on routers.
    #[serde(rename = "out", skip_serializing_if = "Option::is_none")]
    pub egress: Option<Name>,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reason {
    /// What is wrong, in words.
    pub what: String,
    /// The router at which it happens; none where no router is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub router: Option<Name>,
    /// The file of that router's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Name>,
    /// The line in it that decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, " ({file}:{line})"),
            (Some(file), None) => write!(f, " ({file})"),
            (None, _) => Ok(()),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Reachable => "reachable",
            Self::Degraded => "degraded",
            Self::Lost => "lost",
        })
    }
}

/// What is wrong with a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A packet is lost: on the way back, or on the way there.
    Lost { back: bool, loss: Loss },
    /// One way crosses the firewall, the other does not.
    Asymmetric,
    /// Segments are larger than what passes.
    TooBig { port: usize, mtu: u16, mss: u16 },
    /// An access list lets only some services pass.
    Partly { port: usize, line: u32 },
    /// Several answer for an address, each of them well.
    Doubled { address: u32 },
    /// A router changes its addresses, which is not simulated.
    Translated { port: usize },
    /// The state never comes to rest.
    Swings { lost: bool },
}

impl Fault {
    fn verdict(self) -> Verdict {
        match self {
            Self::Lost { .. } | Self::Swings { lost: true } => Verdict::Lost,
            Self::Asymmetric
            | Self::TooBig { .. }
            | Self::Partly { .. }
            | Self::Doubled { .. }
            | Self::Translated { .. }
            | Self::Swings { .. } => Verdict::Degraded,
        }
    }
}

/// Both ways of a pair, kept from one walk to the next so that they are not allocated again.
#[derive(Debug, Default)]
pub(super) struct Trips {
    pub(super) there: Trip,
    pub(super) back: Trip,
}

impl Network<'_> {
    /// Every pair in a state, with what hosts learn from it.
    pub(super) fn verdicts(&self, state: &State, mask: Mask) -> Vec<PairVerdict> {
        let mut trips = Trips::default();
        self.pairs()
            .map(|(client, server)| {
                let fault = self.pair(client, server, state, mask, Arp::Fresh, &mut trips);
                self.in_words(client, server, fault, &trips)
            })
            .collect()
    }

    /// Every client with every server.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (clients, servers) = (self.scene.surroundings.clients.len(), self.scene.surroundings.servers.len());
        (0..servers).flat_map(move |server| (0..clients).map(move |client| (client, server)))
    }

    /// Walks both ways of a pair; none if nothing is wrong.
    pub(super) fn pair(
        &self,
        client: usize,
        server: usize,
        state: &State,
        mask: Mask,
        arp: Arp<'_>,
        trips: &mut Trips,
    ) -> Option<Fault> {
        let (asks, answers) = (self.address(Host::Client(client)), self.address(Host::Server(server)));
        let packet = Packet { source: asks, target: answers, kind: Kind::Request };
        let walk = Walk { network: self, state, mask, arp, packet };
        trips.back.hops.clear();
        let lost = |back, loss| Some(Fault::Lost { back, loss });
        match walk.go(At::Host(Host::Client(client)), &mut trips.there) {
            Err(loss) => return lost(false, loss),
            Ok(there) if !self.is_server(there, server) => {
                return lost(false, Loss::WrongMachine { host: Host::Server(server) });
            }
            Ok(_) => {}
        }
        let packet = Packet { source: answers, target: asks, kind: Kind::Reply };
        let walk = Walk { packet, ..walk };
        match walk.go(At::Host(Host::Server(server)), &mut trips.back) {
            Err(loss) => return lost(true, loss),
            Ok(home) if home != At::Host(Host::Client(client)) => {
                return lost(true, Loss::WrongMachine { host: Host::Client(client) });
            }
            Ok(_) => {}
        }
        self.flaw(trips)
    }

    fn is_server(&self, at: At, server: usize) -> bool {
        match (at, self.scene.surroundings.servers[server].place) {
            (At::Host(host), _) => host == Host::Server(server),
            (At::Router { table, .. }, Place::Hub) => self.scene.routers[self.tables[table].router].role == Role::Hub,
            _ => false,
        }
    }

    /// What is wrong with two ways on which packets arrive.
    fn flaw(&self, trips: &Trips) -> Option<Fault> {
        let Trips { there, back } = trips;
        if self.scene.surroundings.firewall.stateful && there.firewall != back.firewall {
            return Some(Fault::Asymmetric);
        }
        if let Some(address) = there.doubled.or(back.doubled) {
            return Some(Fault::Doubled { address });
        }
        if let Some(port) = there.translated.or(back.translated) {
            return Some(Fault::Translated { port });
        }
        if let Some((port, line)) = there.partly.or(back.partly) {
            return Some(Fault::Partly { port, line });
        }
        // A machine sends segments as large as the other one announced, which routers on that way cut.
        let too_big = |way: &Trip, other: &Trip| {
            let port = way.narrow?;
            (other.mss.saturating_add(40) > way.mtu).then_some(Fault::TooBig { port, mtu: way.mtu, mss: other.mss })
        };
        too_big(there, back).or_else(|| too_big(back, there))
    }

    /// A pair as it is shown.
    pub(super) fn in_words(&self, client: usize, server: usize, fault: Option<Fault>, trips: &Trips) -> PairVerdict {
        PairVerdict {
            client: self.names.clients[client].clone(),
            server: self.names.servers[server].clone(),
            verdict: fault.map_or(Verdict::Reachable, Fault::verdict),
            path: self.hops(&trips.there.hops),
            back: self.hops(&trips.back.hops),
            reason: fault.map(|fault| self.reason(fault)),
        }
    }

    fn hops(&self, steps: &[Step]) -> Vec<Hop> {
        let port = |port: Option<usize>| port.map(|port| self.names.ports[port].clone());
        let hop = |step: &Step| {
            let (node, ingress) = match step.at {
                At::Host(Host::Client(at)) => (&self.names.clients[at], None),
                At::Host(Host::Server(at)) => (&self.names.servers[at], None),
                At::Firewall => (self.names.firewall.as_ref()?, None),
                At::Router { table, ingress } => (&self.names.routers[self.tables[table].router], ingress),
                At::Edge(edge) => (&self.names.edges[edge], None),
            };
            Some(Hop { node: node.clone(), ingress: port(ingress), egress: port(step.out) })
        };
        steps.iter().filter_map(hop).collect()
    }

    fn reason(&self, fault: Fault) -> Reason {
        match fault {
            Fault::Lost { back, loss } => {
                let mut reason = self.loss(loss);
                if back {
                    reason.what.insert_str(0, "on the way back: ");
                }
                reason
            }
            Fault::Asymmetric => {
                reason("the firewall sees only one direction, and drops what belongs to no session it knows".to_owned())
            }
            Fault::TooBig { port, mtu, mss } => self.at_port(
                port,
                self.ports[port].interface.mtu.map(|at| at.line),
                format!("segments of {mss} bytes do not fit into the {mtu} bytes of {}", self.names.ports[port]),
            ),
            Fault::Partly { port, line } => self.at_port(
                port,
                (line > 0).then_some(line),
                format!("an access list of {} lets only some services pass", self.names.ports[port]),
            ),
            Fault::Doubled { address } => {
                reason(format!("more than one router answers or forwards for {}", Ipv4Addr::from(address)))
            }
            Fault::Translated { port } => self.at_port(
                port,
                self.ports[port].interface.translation.map(|at| at.line),
                format!("its addresses are translated out of {}, which is not simulated", self.names.ports[port]),
            ),
            Fault::Swings { .. } => {
                reason("tracked objects swing for ever: a probe is answered by the way that it withdraws".to_owned())
            }
        }
    }

    /// Why a packet is lost, and where.
    fn loss(&self, loss: Loss) -> Reason {
        let ip = Ipv4Addr::from;
        let edge = |at: usize| &self.names.edges[at];
        match loss {
            Loss::NoRoute { router, target } => {
                self.at_router(router, None, format!("{} has no route to {}", self.names.routers[router], ip(target)))
            }
            Loss::Discarded { router, line } => self.at_router(
                router,
                Some(line),
                format!("{} drops it by its route to Null0", self.names.routers[router]),
            ),
            Loss::Unanswered { segment, address } => {
                reason(format!("nobody answers ARP for {} {}", ip(address), place(segment)))
            }
            Loss::Conflict { segment, address } => {
                reason(format!("address conflict: two answer ARP for {} {}", ip(address), place(segment)))
            }
            Loss::Stale { address } => {
                reason(format!("hosts still send {} to a hardware address that nobody has any more", ip(address)))
            }
            Loss::Filtered { port, inward, line } => {
                let way = if inward { "into" } else { "out of" };
                let text = format!("an access list drops it {way} {}", self.names.ports[port]);
                self.at_port(port, (line > 0).then_some(line), text)
            }
            Loss::Loop { router } => {
                let at = router.map_or_else(String::new, |router| format!(" through {}", self.names.routers[router]));
                let what = format!("it walks in a circle{at}");
                router.map_or_else(|| reason(what.clone()), |router| self.at_router(router, None, what.clone()))
            }
            Loss::Line { edge: at } => reason(format!("the line to {} passes nothing", edge(at))),
            Loss::WrongNeighbour { port, address, line } => {
                let text = format!("{} is no neighbour on {}", ip(address), self.names.ports[port]);
                self.at_port(port, Some(line), text)
            }
            Loss::WrongHandoff { edge: at, address } => {
                reason(format!("{} hands it to {}, which is no address of our router there", edge(at), ip(address)))
            }
            Loss::CarrierRoute { edge: at, target } => reason(format!("{} has no route to {}", edge(at), ip(target))),
            Loss::Core { from, to } => {
                reason(format!("the carrier's core does not carry it from {} to {}", edge(from), edge(to)))
            }
            Loss::TunnelSilent { port } => {
                self.at_port(port, None, format!("{} passes nothing", self.names.ports[port]))
            }
            Loss::Internet { router, line } => match router {
                Some(router) => self.at_router(router, Some(line), "it leaves into the Internet".to_owned()),
                None => reason("the firewall has no route for it and sends it into the Internet".to_owned()),
            },
            Loss::LeadsNowhere { port, line } => {
                let text = format!("{} leads to nothing of this site", self.names.ports[port]);
                self.at_port(port, Some(line), text)
            }
            Loss::WrongMachine { host } => {
                let name = match host {
                    Host::Client(at) => &self.names.clients[at],
                    Host::Server(at) => &self.names.servers[at],
                };
                reason(format!("it arrives at the wrong machine ({name})"))
            }
            Loss::Off { element } => reason(element.to_string()),
        }
    }

    /// The names by which ways call the carrier's edges, in the order of the surroundings.
    pub fn edge_names(&self) -> impl Iterator<Item = &Name> {
        self.names.edges.iter()
    }

    /// Why tunnels never come up, whatever works around them.
    pub fn dead_tunnels(&self) -> Vec<Reason> {
        let hub = self.scene.routers.iter().position(|router| router.role == Role::Hub);
        let told = |(port, unfit): &(usize, super::tunnel::Unfit)| {
            let caller = self.ports[*port].router;
            let blamed = if unfit.at_hub { hub.unwrap_or(caller) } else { caller };
            let what = format!(
                "{} of {} does not come up, or does not stay up: {}",
                self.names.ports[*port], self.names.routers[caller], unfit.why
            );
            self.at_router(blamed, Some(unfit.line), what)
        };
        self.unfit.iter().map(told).collect()
    }

    /// What no text says and verdicts take for granted.
    pub fn assumed(&self) -> Vec<Reason> {
        let hub = self.scene.routers.iter().position(|router| router.role == Role::Hub);
        let (Some(hub), Some(lte)) = (hub, &self.scene.surroundings.lte) else { return Vec::new() };
        if self.tunnels.is_empty() || super::tunnel::door(&self.scene.routers[hub].device, lte).is_some() {
            return Vec::new();
        }
        let name = &self.names.routers[hub];
        let what = format!(
            "assumed: {name} answers tunnels at {}, by an interface that its text does not show",
            lte.hub_public
        );
        vec![self.at_router(hub, None, what)]
    }

    pub(super) fn at_router(&self, router: usize, line: Option<u32>, what: String) -> Reason {
        Reason {
            what,
            router: Some(self.names.routers[router].clone()),
            file: Some(self.names.files[router].clone()),
            line: line.filter(|line| *line > 0),
        }
    }

    fn at_port(&self, port: usize, line: Option<u32>, what: String) -> Reason {
        self.at_router(self.ports[port].router, line, what)
    }
}

fn reason(what: String) -> Reason {
    Reason { what, router: None, file: None, line: None }
}

fn place(segment: Segment) -> &'static str {
    match segment {
        Segment::Lan => "in the LAN",
        Segment::Kept | Segment::Beside(_) => "in the VLAN of kept servers",
        Segment::New => "in the VLAN of new addresses",
    }
}
