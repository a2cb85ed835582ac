//! Routing tables: the longest prefix that is valid now, and where it leads.
//!
//! A route with a next hop is valid while the next hop has a way of its own, found in the same
//! table by any route but itself; the default route counts too (Cisco 118263, "Specify a Next Hop IP
//! Address for Static Routes"). A route over an interface is valid while the interface is up, one
//! with a tracked object while that is up. Among valid routes the longest prefix wins, then the least
//! distance; equals share the traffic.

use super::super::address::{Few, Prefix, number};
use super::super::at_rest::State;
use super::super::element::Mask;
use super::{Network, Plug};
use crate::network::device::route::Via;
use std::cell::Cell;

/// A routing table of a router.
#[derive(Debug)]
pub(in crate::network::simulate) struct Table<'a> {
    /// The router, by its place in the scene.
    pub(in crate::network::simulate) router: usize,
    /// The VRF; none is the global table.
    pub(in crate::network::simulate) vrf: Option<&'a str>,
    /// Routes: the longest prefix first, then the least distance.
    pub(in crate::network::simulate) entries: Vec<Entry>,
    /// Own addresses, each with its port.
    pub(in crate::network::simulate) own: Vec<(u32, usize)>,
}

/// A route.
#[derive(Debug, Clone, Copy)]
pub(in crate::network::simulate) struct Entry {
    prefix: Prefix,
    distance: u8,
    track: Watched,
    next: Next,
    /// Its line.
    line: u32,
    permanent: bool,
}

/// What a route watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watched {
    Nothing,
    /// A tracked object, by its place.
    Object(usize),
    /// An object that is not defined: the route is not installed.
    Undefined,
}

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The network of a port.
    Connected(usize),
    /// An address, looked up in a table.
    Address { table: usize, address: u32 },
    /// Whatever answers on a port.
    Port(usize),
    /// An address on a port.
    OnPort(usize, u32),
    /// A port that this router does not have.
    Missing,
    /// Nowhere.
    Discard,
}

/// What a router does with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::network::simulate) enum Egress {
    /// Sends it out of a port to a neighbour, or to its own target.
    Port {
        /// The port.
        port: usize,
        /// The neighbour; none is the packet's own target.
        next: Option<u32>,
        /// The line of the route.
        line: u32,
    },
    /// Drops it by the route in this line.
    Discard {
        /// The line.
        line: u32,
    },
}

/// Routes that are being resolved: none of them may resolve itself.
struct Chain<'c> {
    table: usize,
    entry: usize,
    above: Option<&'c Chain<'c>>,
    depth: u8,
}

/// How deep next hops may be resolved.
const DEPTH: u8 = 6;
/// Next hops that may be resolved for one packet; what needs more has no way. Ours need two. Routes
/// that lead to each other would else be tried in every order that there is.
const RESOLUTIONS: u16 = 64;

/// One question to the routing tables.
struct Search<'s> {
    state: &'s State,
    mask: Mask,
    /// Next hops that may still be resolved.
    left: Cell<u16>,
}

/// Equal routes that share the traffic, at most.
pub(in crate::network::simulate) type Egresses = Few<Egress, 4>;

impl Network<'_> {
    /// The routes and own addresses of a table.
    pub(in crate::network::simulate) fn contents(&self, table: usize) -> (Vec<Entry>, Vec<(u32, usize)>) {
        let mut entries = self.connected(table);
        entries.extend(self.static_routes(table));
        entries.extend(self.learned(table));
        entries.extend(self.leaked(table));
        entries.sort_by_key(|entry| (std::cmp::Reverse(entry.prefix.length), entry.distance));
        let ports = self.ports.iter().enumerate().filter(|(_, port)| port.table == table);
        let own = ports.filter_map(|(at, port)| Some((port.address?.0, at))).collect();
        (entries, own)
    }

    fn connected(&self, table: usize) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (at, port) in self.ports.iter().enumerate().filter(|(_, port)| port.table == table) {
            let line = port.interface.address.as_ref().map_or(0, |address| address.line);
            let networks = port.address.iter().map(|(_, network)| *network);
            let more = port.interface.secondary.iter().map(|network| Prefix::of(network.value));
            entries.extend(networks.chain(more).map(|prefix| Entry::connected(prefix, at, line)));
        }
        entries
    }

    fn static_routes(&self, table: usize) -> Vec<Entry> {
        let Table { router, vrf, .. } = self.tables[table];
        let device = &self.scene.routers[router].device;
        let port = |name: &crate::network::device::Port| {
            self.ports.iter().position(|port| port.router == router && port.interface.name.value == *name)
        };
        let mine = device.routes.iter().filter(|route| route.vrf.as_deref() == vrf);
        mine.map(|route| Entry {
            prefix: Prefix::of(route.destination),
            distance: route.distance,
            track: match route.track {
                None => Watched::Nothing,
                Some(object) => self.objects.find(router, object).map_or(Watched::Undefined, Watched::Object),
            },
            next: match &route.via {
                Via::Address(address) => Next::Address { table, address: number(*address) },
                Via::Global(address) => {
                    let global = self.tables.iter().position(|table| table.router == router && table.vrf.is_none());
                    global.map_or(Next::Missing, |table| Next::Address { table, address: number(*address) })
                }
                Via::Interface(name) => port(name).map_or(Next::Missing, Next::Port),
                Via::Both(name, address) => {
                    port(name).map_or(Next::Missing, |port| Next::OnPort(port, number(*address)))
                }
                Via::Discard => Next::Discard,
            },
            line: route.at.line,
            permanent: route.permanent,
        })
        .collect()
    }

    /// Addresses of callers that the hub learns while their tunnel is up (`route set interface`).
    fn learned(&self, table: usize) -> Vec<Entry> {
        let here = self.tunnels.iter().filter(|tunnel| tunnel.learns && self.ports[tunnel.template].table == table);
        let caller = |tunnel: &super::Tunnel| {
            let (address, _) = self.ports[tunnel.caller].address?;
            Some(Entry::connected(Prefix::host(address), tunnel.template, 0))
        };
        here.filter_map(caller).collect()
    }

    /// What another routing table of the same router exports by a route target that this one imports:
    /// its networks are reached as if they were here, at the distance of interior BGP.
    fn leaked(&self, table: usize) -> Vec<Entry> {
        let Table { router, vrf: Some(name), .. } = self.tables[table] else { return Vec::new() };
        let vrfs = &self.scene.routers[router].device.vrfs;
        let Some(own) = vrfs.iter().find(|vrf| vrf.name.value == name) else { return Vec::new() };
        let shares = |vrf: &&crate::network::device::Vrf| {
            vrf.name != own.name && vrf.exports.iter().any(|target| own.imports.contains(target))
        };
        let tables = vrfs.iter().filter(shares).filter_map(|vrf| {
            self.tables.iter().position(|table| table.router == router && table.vrf == Some(vrf.name.value.as_str()))
        });
        let mut entries: Vec<Entry> =
            tables.flat_map(|other| [self.connected(other), self.static_routes(other)].concat()).collect();
        entries.iter_mut().for_each(|entry| entry.distance = 200);
        entries
    }

    /// Where a router sends what is for `target`.
    pub(in crate::network::simulate) fn lookup(
        &self,
        table: usize,
        target: u32,
        state: &State,
        mask: Mask,
    ) -> Egresses {
        self.find(table, target, &Search { state, mask, left: Cell::new(RESOLUTIONS) }, None)
    }

    fn find(&self, table: usize, target: u32, search: &Search<'_>, chain: Option<&Chain<'_>>) -> Egresses {
        let mut found = Egresses::none();
        let mut best: Option<(u8, u8)> = None;
        for (at, entry) in self.tables[table].entries.iter().enumerate() {
            let rank = (entry.prefix.length, entry.distance);
            if best.is_some_and(|best| best != rank) {
                break;
            }
            if !entry.prefix.contains(target) || chain.is_some_and(|chain| chain.has(table, at)) {
                continue;
            }
            if let Some(egress) = self.egress(table, at, search, chain) {
                best = Some(rank);
                found.push(egress);
                // Only the packet itself is shared among equals, not the way to a next hop.
                if chain.is_some() {
                    break;
                }
            }
        }
        found
    }

    /// Where a route leads now; none if it is not valid.
    fn egress(&self, table: usize, at: usize, search: &Search<'_>, above: Option<&Chain<'_>>) -> Option<Egress> {
        let entry = &self.tables[table].entries[at];
        match entry.track {
            Watched::Nothing => {}
            Watched::Object(object) => search.state.is_tracked_up(object).then_some(())?,
            Watched::Undefined => return None,
        }
        let line = entry.line;
        let up = |port| entry.permanent || self.is_up(port, search.state, search.mask);
        match entry.next {
            Next::Connected(port) | Next::Port(port) => up(port).then_some(Egress::Port { port, next: None, line }),
            Next::OnPort(port, next) => up(port).then_some(Egress::Port { port, next: Some(next), line }),
            Next::Discard => Some(Egress::Discard { line }),
            Next::Missing => None,
            Next::Address { table: other, address } => {
                let depth = above.map_or(0, |chain| chain.depth + 1);
                let itself = self.tables[other].own.iter().any(|(own, _)| *own == address);
                if depth > DEPTH || itself {
                    return None;
                }
                search.left.set(search.left.get().checked_sub(1)?);
                let chain = Chain { table, entry: at, above, depth };
                match self.find(other, address, search, Some(&chain)).first()? {
                    Egress::Port { port, next, .. } => Some(Egress::Port { port, next: next.or(Some(address)), line }),
                    Egress::Discard { .. } => Some(Egress::Discard { line }),
                }
            }
        }
    }

    /// Whether packets can leave by a port: a tunnel's port follows its security association.
    pub(in crate::network::simulate) fn is_up(&self, port: usize, state: &State, mask: Mask) -> bool {
        self.has_signal(port, mask)
            && match self.ports[port].plug {
                Plug::Tunnel(tunnel) => state.is_tunnel_up(tunnel),
                // A tunnel that fits nothing, and a template that nobody calls.
                Plug::Nothing => !self.ports[port].interface.name.value.is_point_to_point(),
                _ => true,
            }
    }

    /// Whether `address` is the router's own in `table`, with the port.
    pub(in crate::network::simulate) fn owns(&self, table: usize, address: u32, state: &State, mask: Mask) -> bool {
        let own = self.tables[table].own.iter().any(|(own, port)| *own == address && self.is_up(*port, state, mask));
        own || self.has_vip(table, address, state, mask)
    }
}

impl Entry {
    fn connected(prefix: Prefix, port: usize, line: u32) -> Self {
        Self { prefix, distance: 0, track: Watched::Nothing, next: Next::Connected(port), line, permanent: false }
    }
}

impl Chain<'_> {
    fn has(&self, table: usize, entry: usize) -> bool {
        (self.table == table && self.entry == entry) || self.above.is_some_and(|above| above.has(table, entry))
    }
}
