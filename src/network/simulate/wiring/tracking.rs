//! Tracked objects: what each watches, and whether it is up.

use super::super::address::number;
use super::super::at_rest::{MOST_OBJECTS, Span, State};
use super::super::element::Mask;
use super::{Beyond, Network, Plug};
use crate::network::device::tracking::{Probe, ProbeSource, Track, Tracked};
use std::collections::BTreeSet;

/// The tracked objects of all routers on which something of this site depends.
#[derive(Debug, Default)]
pub(in crate::network::simulate) struct Objects<'a> {
    /// The objects.
    pub(in crate::network::simulate) all: Vec<Object<'a>>,
}

/// A tracked object.
#[derive(Debug)]
pub(in crate::network::simulate) struct Object<'a> {
    /// The router, by its place in the scene.
    pub(in crate::network::simulate) router: usize,
    /// What the text says.
    pub(in crate::network::simulate) track: &'a Track,
    /// What it watches.
    pub(in crate::network::simulate) watch: Watch<'a>,
}

/// What a tracked object watches.
#[derive(Debug)]
pub(in crate::network::simulate) enum Watch<'a> {
    /// The answers of a probe.
    Probe(Asking<'a>),
    /// A port.
    Port { port: usize, routing: bool },
    /// Other objects.
    List { all: bool, members: Vec<usize>, undefined: bool },
    /// Something that we do not read: up.
    Unread,
    /// A probe or a port that is not defined: down.
    Undefined,
}

/// A probe that runs.
#[derive(Debug)]
pub(in crate::network::simulate) struct Asking<'a> {
    /// What the text says.
    pub(in crate::network::simulate) probe: &'a Probe,
    /// The port whose address asks.
    pub(in crate::network::simulate) port: usize,
    /// Routing table.
    pub(in crate::network::simulate) table: usize,
    /// The address that asks.
    pub(in crate::network::simulate) source: u32,
    /// The address that must answer.
    pub(in crate::network::simulate) target: u32,
}

/// What becomes of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::network::simulate) enum Answer {
    /// It is answered.
    Heard,
    /// It is lost, or its answer is.
    Silent,
    /// It cannot even be asked: the router knows at once.
    Refused,
}

/// Objects that were looked at, and those of them that are up, a bit each.
#[derive(Debug, Default)]
struct Seen {
    known: u128,
    up: u128,
}

impl<'a> Objects<'a> {
    /// The objects on which a route or a group of this site depends, and what is too much for a state.
    pub(in crate::network::simulate) fn new(network: &Network<'a>) -> (Self, Vec<Beyond>) {
        let mut wanted: BTreeSet<(usize, u16)> = BTreeSet::new();
        for (at, table) in network.tables.iter().enumerate() {
            let here = |plug| !matches!(plug, Plug::Nothing | Plug::Inside);
            if !network.ports.iter().any(|port| port.table == at && here(port.plug)) {
                continue;
            }
            let routes = &network.scene.routers[table.router].device.routes;
            let routes = routes.iter().filter(|route| route.vrf.as_deref() == table.vrf);
            wanted.extend(routes.filter_map(|route| Some((table.router, route.track?))));
        }
        for port in &network.ports {
            let tracks = port.interface.standby.groups.iter().flat_map(|group| &group.tracks);
            wanted.extend(tracks.map(|decrement| (port.router, decrement.object)));
        }
        let (found, beyond) = closed(network, wanted);
        let all = found.iter().filter_map(|(router, id)| {
            let track = network.scene.routers[*router].device.tracks.iter().find(|track| track.id.value == *id)?;
            Some(Object { router: *router, track, watch: watch(network, *router, track, &found) })
        });
        (Self { all: all.collect() }, beyond)
    }

    /// The place of an object; none if it is not defined.
    pub(in crate::network::simulate) fn find(&self, router: usize, id: u16) -> Option<usize> {
        self.all.iter().position(|object| object.router == router && object.track.id.value == id)
    }
}

/// These objects and all that they watch, each once and only where defined.
fn closed(network: &Network<'_>, wanted: BTreeSet<(usize, u16)>) -> (Vec<(usize, u16)>, Vec<Beyond>) {
    let (mut found, mut beyond) = (Vec::new(), Vec::new());
    let mut pending: Vec<_> = wanted.into_iter().collect();
    while let Some((router, id)) = pending.pop() {
        let track = network.scene.routers[router].device.tracks.iter().find(|track| track.id.value == id);
        let Some(track) = track.filter(|_| !found.contains(&(router, id))) else { continue };
        if found.len() >= MOST_OBJECTS {
            beyond.push(Beyond { router, line: track.id.line, what: format!("more than {MOST_OBJECTS} objects") });
            continue;
        }
        found.push((router, id));
        if let Tracked::List { objects, .. } = &track.what {
            pending.extend(objects.iter().map(|object| (router, object.value)));
        }
    }
    (found, beyond)
}

fn watch<'a>(network: &Network<'a>, router: usize, track: &'a Track, found: &[(usize, u16)]) -> Watch<'a> {
    let port = |name: &crate::network::device::Port| {
        network.ports.iter().position(|port| port.router == router && port.interface.name.value == *name)
    };
    match &track.what {
        Tracked::Probe { probe, .. } => {
            let probes = &network.scene.routers[router].device.probes;
            let probe = probes.iter().find(|known| known.id.value == *probe);
            probe.and_then(|probe| asking(network, router, probe)).map_or(Watch::Undefined, Watch::Probe)
        }
        Tracked::Interface { port: name, routing } => {
            port(name).map_or(Watch::Undefined, |port| Watch::Port { port, routing: *routing })
        }
        Tracked::List { all, objects } => {
            let place = |id: u16| found.iter().position(|known| *known == (router, id));
            let members: Vec<_> = objects.iter().filter_map(|object| place(object.value)).collect();
            let undefined = members.len() < objects.len();
            Watch::List { all: *all, members, undefined }
        }
        Tracked::Other(_) => Watch::Unread,
    }
}

/// A probe that is complete and runs. Without a source a router takes the address of the way out,
/// which we do not guess: such a probe is read as one that asks from its first port.
fn asking<'a>(network: &Network<'a>, router: usize, probe: &'a Probe) -> Option<Asking<'a>> {
    probe.runs?;
    let target = number(probe.target?.value);
    let vrf = probe.vrf.as_ref().map(|at| at.value.as_str());
    let table = network.tables.iter().position(|table| table.router == router && table.vrf == vrf)?;
    let here = |(_, port): &(usize, &super::Port<'_>)| port.router == router && port.table == table;
    let mut ports = network.ports.iter().enumerate().filter(here);
    let (port, _) = match probe.source.as_ref().map(|at| &at.value) {
        Some(ProbeSource::Interface(name)) => ports.find(|(_, port)| port.interface.name.value == *name)?,
        Some(ProbeSource::Address(address)) => {
            ports.find(|(_, port)| port.address.is_some_and(|(own, _)| own == number(*address)))?
        }
        None => ports.find(|(_, port)| port.address.is_some())?,
    };
    let (source, _) = network.ports[port].address?;
    Some(Asking { probe, port, table, source, target })
}

impl Network<'_> {
    /// The objects that are up in this state, by their place.
    pub(in crate::network::simulate) fn objects_up(&self, state: &State, mask: Mask) -> u128 {
        let mut seen = Seen::default();
        (0..self.objects.all.len()).for_each(|at| _ = self.is_object_up(at, state, mask, &mut seen));
        seen.up
    }

    fn is_object_up(&self, at: usize, state: &State, mask: Mask, seen: &mut Seen) -> bool {
        if seen.known >> at & 1 == 1 {
            return seen.up >> at & 1 == 1;
        }
        // A list that contains itself is refused by routers: down where it comes back to itself.
        seen.known |= 1 << at;
        let up = match &self.objects.all[at].watch {
            Watch::Probe(asking) => self.ask(asking, state, mask) == Answer::Heard,
            Watch::Port { port, routing } => {
                self.is_up(*port, state, mask) && (!routing || self.ports[*port].address.is_some())
            }
            Watch::List { all: true, members, undefined } => {
                !undefined && members.iter().all(|member| self.is_object_up(*member, state, mask, seen))
            }
            Watch::List { all: false, members, .. } => {
                members.iter().any(|member| self.is_object_up(*member, state, mask, seen))
            }
            Watch::Unread => true,
            Watch::Undefined => false,
        };
        seen.up |= u128::from(up) << at;
        up
    }

    /// How long an object takes to follow what it watches, from `state` to `next`, in milliseconds.
    pub(in crate::network::simulate) fn flip_time(&self, at: usize, next: &State, state: &State, mask: Mask) -> Span {
        self.flip_within(at, next, state, mask, &mut vec![None; self.objects.all.len()])
    }

    /// `known` are the times found so far: each object is looked at once, however lists contain it.
    fn flip_within(&self, at: usize, next: &State, state: &State, mask: Mask, known: &mut [Option<Span>]) -> Span {
        if let Some(found) = known[at] {
            return found;
        }
        known[at] = Some(Span::default());
        let object = &self.objects.all[at];
        let up = next.is_tracked_up(at);
        let delay = if up { object.track.up_s } else { object.track.down_s };
        let delay = Span::exactly(delay.map_or(0, |at| u32::from(at.value).saturating_mul(1000)));
        let own = match &object.watch {
            Watch::Probe(asking) => {
                let (period, timeout) = (asking.probe.period_ms(), asking.probe.timeout_ms());
                match (up, self.ask(asking, state, mask)) {
                    (true, _) | (false, Answer::Refused) => Span { min: 0, max: period },
                    (false, _) => Span { min: timeout, max: period.saturating_add(timeout) },
                }
            }
            Watch::List { all, members, .. } => {
                let moved = members.iter().filter(|member| state.is_tracked_up(**member) != up);
                let moved = moved.filter(|member| next.is_tracked_up(**member) == up);
                let times = moved.map(|member| self.flip_within(*member, next, state, mask, known));
                // The first one decides where one is enough, else the last one.
                let first = *all != up;
                times.reduce(|a, b| if first { a.first(b) } else { a.last(b) }).unwrap_or_default()
            }
            Watch::Port { .. } | Watch::Unread | Watch::Undefined => Span::default(),
        };
        let found = own.then(delay);
        known[at] = Some(found);
        found
    }
}
