//! A router by its routing tables: what is connected, what is routed, and where a packet leaves.

use super::super::device::interface::Interface;
use super::super::device::queue::PolicyMap;
use super::super::device::route::{Route, Via};
use super::super::device::tracking::{Probe, Track, Tracked};
use super::super::device::{At, Device, Port};
use super::super::plan::NetworkPlan;
use super::Source;
use super::expected::Expected;
use super::report::Place;
use super::secrets::Weak;
use ipnetwork::Ipv4Network;
use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

/// The policies of a router, by name.
pub(super) type Policies<'a> = HashMap<&'a str, &'a PolicyMap>;

/// A router and its indexes.
#[derive(Debug)]
pub(super) struct Router<'a> {
    pub file: &'a str,
    pub device: &'a Device,
    pub weak: &'a [At<Weak>],
    /// The plan of the tenant whose CPE it is.
    pub plan: Option<&'a NetworkPlan>,
    /// Whether lines are missing that every router has: a part of a configuration.
    pub fragment: bool,
    /// Whether it is one tenant's part of a hub whose rest is known to be elsewhere.
    pub part: bool,
    /// By name; that of the global one is empty.
    pub tables: BTreeMap<&'a str, Table<'a>>,
    /// Made once: a hub has thousands, and every site asks.
    pub policies: Policies<'a>,
    tracks: HashMap<u16, &'a Track>,
    probes: HashMap<u16, &'a Probe>,
    ports: HashMap<&'a Port, &'a Interface>,
}

/// A routing table.
#[derive(Debug, Default)]
pub(super) struct Table<'a> {
    pub file: &'a str,
    pub vrf: Option<&'a str>,
    /// The line that makes it, or the first that is in it.
    pub line: u32,
    /// The plan of the tenant whose table it is.
    pub plan: Option<&'a NetworkPlan>,
    pub interfaces: Vec<&'a Interface>,
    pub routes: Vec<&'a Route>,
}

/// What a packet may follow: a connected network or a route.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way<'a> {
    pub network: Ipv4Network,
    pub distance: u8,
    /// None where the network is connected.
    pub route: Option<&'a Route>,
    /// The interface by which it leaves; none where it is dropped, or nobody can say.
    pub exit: Option<&'a Interface>,
}

impl Way<'_> {
    pub(super) fn discards(&self) -> bool {
        self.route.is_some_and(|route| route.via == Via::Discard)
    }
}

impl<'a> Router<'a> {
    pub(super) fn new(source: &'a Source, expected: Option<&'a Expected<'a>>) -> Self {
        let device = &source.device;
        let hostname = device.hostname.as_ref().map(|at| at.value.as_str());
        let plan = expected.and_then(|expected| expected.of_cpe(hostname?));
        let fragment = device.terminals.is_empty();
        let part = fragment && hostname.is_some_and(|name| expected.is_some_and(|expected| expected.is_hub(name)));
        let mut tables: BTreeMap<&str, Table<'_>> = BTreeMap::new();
        for vrf in &device.vrfs {
            tables.entry(vrf.name.as_str()).or_default().line = vrf.name.line;
        }
        for interface in &device.interfaces {
            let name = interface.vrf.as_ref().map_or("", |at| at.value.as_str());
            tables.entry(name).or_default().interfaces.push(interface);
        }
        for route in &device.routes {
            tables.entry(route.vrf.as_deref().unwrap_or_default()).or_default().routes.push(route);
        }
        for (name, table) in &mut tables {
            (table.file, table.vrf) = (&source.file, Some(*name).filter(|name| !name.is_empty()));
            table.plan = plan.or_else(|| expected.and_then(|expected| expected.of_vrf(name)));
        }
        Self {
            file: &source.file,
            device,
            weak: &source.weak,
            plan,
            fragment,
            part,
            tables,
            policies: device.policy_maps.iter().map(|policy| (policy.name.as_str(), policy)).collect(),
            tracks: device.tracks.iter().map(|track| (*track.id, track)).collect(),
            probes: device.probes.iter().map(|probe| (*probe.id, probe)).collect(),
            ports: device.interfaces.iter().map(|interface| (&interface.name.value, interface)).collect(),
        }
    }

    /// The line of the router's text.
    pub(super) fn at(&self, line: u32) -> Place<'a> {
        Place { file: self.file, line, plan: self.plan }
    }

    /// The line that names the router, for what is missing.
    pub(super) fn itself(&self) -> Place<'a> {
        self.at(self.device.hostname.as_ref().map_or(1, |at| at.line))
    }

    /// The name by which messages call it.
    pub(super) fn name(&self) -> &'a str {
        self.device.hostname.as_ref().map_or(self.file, |at| at.value.as_str())
    }

    pub(super) fn table(&self, vrf: Option<&str>) -> Option<&Table<'a>> {
        self.tables.get(vrf.unwrap_or_default())
    }

    pub(super) fn track(&self, id: u16) -> Option<&'a Track> {
        self.tracks.get(&id).copied()
    }

    pub(super) fn probe(&self, id: u16) -> Option<&'a Probe> {
        self.probes.get(&id).copied()
    }

    pub(super) fn interface(&self, port: &Port) -> Option<&'a Interface> {
        self.ports.get(port).copied()
    }

    /// Whether a line of the settings says exactly `text`.
    pub(super) fn says(&self, text: &str) -> bool {
        self.device.settings.iter().any(|line| line.value == text)
    }

    /// The lines of the settings that begin so, each with its line.
    pub(super) fn settings(&self, start: &str) -> impl Iterator<Item = (u32, &'a str)> {
        let start = start.to_owned();
        self.device
            .settings
            .iter()
            .filter(move |line| line.value.starts_with(&start))
            .map(|line| (line.line, line.value.as_str()))
    }

    /// The objects below a tracked one that watch something themselves, without those of a circle.
    pub(super) fn leaves(&self, id: u16) -> Vec<&'a Track> {
        let (mut seen, mut open, mut leaves) = (Vec::new(), vec![id], Vec::new());
        while let Some(id) = open.pop() {
            if seen.contains(&id) {
                continue;
            }
            seen.push(id);
            let Some(track) = self.track(id) else { continue };
            match &track.what {
                Tracked::List { objects, .. } => open.extend(objects.iter().map(|at| at.value)),
                _ => leaves.push(track),
            }
        }
        leaves
    }

    /// Whether the object, or one below it, watches `probe`.
    pub(super) fn follows(&self, id: u16, probe: u16) -> bool {
        self.leaves(id).iter().any(|leaf| matches!(leaf.what, Tracked::Probe { probe: own, .. } if own == probe))
    }

    /// The address with which a probe asks.
    pub(super) fn probe_source(&self, probe: &Probe) -> Option<Ipv4Addr> {
        use super::super::device::tracking::ProbeSource;
        match &probe.source.as_ref()?.value {
            ProbeSource::Address(address) => Some(*address),
            ProbeSource::Interface(port) => Some(self.interface(port)?.network()?.ip()),
        }
    }
}

impl<'a> Table<'a> {
    /// The line of the table's router, for the table's tenant.
    pub(super) fn at(&self, line: u32) -> Place<'a> {
        Place { file: self.file, line, plan: self.plan }
    }

    /// The line that makes it, or that of its first interface or route.
    pub(super) fn first_line(&self) -> u32 {
        let interface = || self.interfaces.first().map(|interface| interface.name.line);
        let route = || self.routes.first().map(|route| route.at.line);
        Some(self.line).filter(|line| *line > 0).or_else(interface).or_else(route).unwrap_or(1)
    }

    /// The networks of its interfaces that are not switched off.
    pub(super) fn connected(&self) -> impl Iterator<Item = (Ipv4Network, &'a Interface)> {
        self.interfaces
            .iter()
            .filter(|interface| interface.shutdown.is_none())
            .filter_map(|interface| Some((interface.network()?, *interface)))
    }

    /// The interface in whose network the address is.
    pub(super) fn neighbour(&self, address: Ipv4Addr) -> Option<&'a Interface> {
        let found = self.connected().filter(|(network, _)| network.contains(address));
        found.max_by_key(|(network, _)| network.prefix()).map(|(_, interface)| interface)
    }

    /// Whether an interface has this address.
    pub(super) fn owns(&self, address: Ipv4Addr) -> Option<&'a Interface> {
        self.connected().find(|(network, _)| network.ip() == address).map(|(_, interface)| interface)
    }

    /// Template of the peers that call us, whose addresses no text says.
    pub(super) fn template(&self) -> Option<&'a Interface> {
        self.interfaces.iter().find(|interface| interface.name.0.starts_with("Virtual-Template")).copied()
    }

    /// The interface by which the route leaves.
    pub(super) fn exit(&self, route: &Route) -> Option<&'a Interface> {
        match &route.via {
            Via::Interface(port) | Via::Both(port, _) => {
                self.interfaces.iter().find(|interface| interface.name.value == *port).copied()
            }
            Via::Address(address) => match self.neighbour(*address) {
                // Behind a loopback is whoever borrows its address.
                Some(found) if found.name.0.starts_with("Loopback") => self.template(),
                Some(found) => Some(found),
                None => self.called(*address),
            },
            Via::Global(_) | Via::Discard => None,
        }
    }

    /// The template behind which an address may be that nothing else explains: a drop that is there
    /// for the time without the tunnel names its network.
    pub(super) fn called(&self, address: Ipv4Addr) -> Option<&'a Interface> {
        let template = self.template()?;
        let named = self.routes.iter().any(|route| {
            route.via == Via::Discard && route.destination.prefix() > 8 && route.destination.contains(address)
        });
        named.then_some(template)
    }

    /// Every way for an address, the best first: longest network, then least distance.
    pub(super) fn ways(&self, address: Ipv4Addr) -> Vec<Way<'a>> {
        let connected = self.connected().map(|(network, interface)| Way {
            network,
            distance: 0,
            route: None,
            exit: Some(interface),
        });
        let routed = self.routes.iter().map(|route| Way {
            network: route.destination,
            distance: route.distance,
            route: Some(route),
            exit: self.exit(route),
        });
        let mut ways: Vec<Way<'a>> = connected.chain(routed).filter(|way| way.network.contains(address)).collect();
        ways.sort_by_key(|way| (std::cmp::Reverse(way.network.prefix()), way.distance));
        ways
    }
}
