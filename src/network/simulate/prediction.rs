//! What a router shows while everything works: what a push compares it with afterwards.

use super::super::device::Port;
use super::super::device::route::Via;
use super::super::device::tracking::ProbeSource;
use super::address::number;
use super::wiring::Network;
use super::wiring::routing::Egress;
use super::{Role, State};
use ipnetwork::Ipv4Network;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// What a router shows while everything works.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prediction {
    /// Tracked objects that are up.
    pub up: BTreeSet<u16>,
    /// HSRP groups, and whether it is the active router.
    pub groups: Vec<(Port, u16, bool)>,
    /// Static routes in use.
    pub routes: Vec<PredictedRoute>,
    /// Addresses that its probes reach.
    pub answers: Vec<PredictedAnswer>,
}

/// A static route in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredictedRoute {
    /// Routing table; none is the global one.
    pub vrf: Option<String>,
    /// Destination.
    pub destination: Ipv4Network,
    /// Where to, as a configuration writes it.
    pub via: String,
}

/// An address that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredictedAnswer {
    /// Routing table; none is the global one.
    pub vrf: Option<String>,
    /// Who answers.
    pub address: Ipv4Addr,
    /// The interface whose address asks.
    pub source: Option<Port>,
}

impl Network<'_> {
    /// What the router of `role` shows while everything works. Of a hub only what belongs to the
    /// routing table `vrf`: the sites of other tenants are in no scene.
    pub fn prediction(&self, role: Role, vrf: Option<&str>) -> Prediction {
        let Some(router) = self.scene.routers.iter().position(|router| router.role == role) else {
            return Prediction::default();
        };
        let state = self.healthy();
        let routes = self.predicted_routes(router, vrf, &state);
        let watched = self.watched(router, vrf);
        let up = self.objects.all.iter().enumerate().filter(|(at, object)| {
            object.router == router && state.is_tracked_up(*at) && watched.contains(&object.track.id.value)
        });
        let up: BTreeSet<u16> = up.map(|(_, object)| object.track.id.value).collect();
        let answers = self.predicted_answers(router, &up);
        Prediction { up, groups: self.predicted_groups(router, &state), routes, answers }
    }

    /// Tracked objects that matter here: all of a CPE, those of the routes of one table on a hub.
    fn watched(&self, router: usize, vrf: Option<&str>) -> BTreeSet<u16> {
        let device = &self.scene.routers[router].device;
        if vrf.is_none() {
            return device.tracks.iter().map(|track| track.id.value).collect();
        }
        device.routes.iter().filter(|route| route.vrf.as_deref() == vrf).filter_map(|route| route.track).collect()
    }

    fn predicted_groups(&self, router: usize, state: &State) -> Vec<(Port, u16, bool)> {
        let mut found = Vec::new();
        for (at, group) in self.groups.iter().enumerate() {
            for (place, member) in group.members.iter().enumerate() {
                let port = &self.ports[member.port];
                if port.router == router {
                    let active = state.active[at] >> place & 1 == 1;
                    found.push((port.interface.name.value.clone(), group.number, active));
                }
            }
        }
        found
    }

    /// Only routes that are the one way to their destination: where several share the traffic, or a
    /// longer prefix covers its first address, a router's answer says little.
    fn predicted_routes(&self, router: usize, vrf: Option<&str>, state: &State) -> Vec<PredictedRoute> {
        let device = &self.scene.routers[router].device;
        let mut found: Vec<PredictedRoute> = Vec::new();
        for route in device.routes.iter().filter(|route| vrf.is_none() || route.vrf.as_deref() == vrf) {
            let known = |other: &PredictedRoute| other.destination == route.destination && other.vrf == route.vrf;
            if route.destination.prefix() == 0 || found.iter().any(known) {
                continue;
            }
            let table =
                self.tables.iter().position(|table| table.router == router && table.vrf == route.vrf.as_deref());
            let Some(table) = table else { continue };
            let egresses = self.lookup(table, number(route.destination.network()), state, 0);
            let (1, Some(egress)) = (egresses.len(), egresses.first()) else { continue };
            let line = match egress {
                Egress::Port { line, .. } | Egress::Discard { line } => line,
            };
            let used =
                device.routes.iter().find(|other| other.at.line == line && other.destination == route.destination);
            found.extend(used.filter(|used| used.vrf == route.vrf).map(|used| PredictedRoute {
                vrf: used.vrf.clone(),
                destination: used.destination,
                // The table in which a next hop is looked up is not shown.
                via: match &used.via {
                    Via::Global(address) => address.to_string(),
                    via => via.to_string(),
                },
            }));
        }
        found
    }

    fn predicted_answers(&self, router: usize, up: &BTreeSet<u16>) -> Vec<PredictedAnswer> {
        use super::super::device::tracking::Tracked;
        let device = &self.scene.routers[router].device;
        let probes =
            device.tracks.iter().filter(|track| up.contains(&track.id.value)).filter_map(|track| match track.what {
                Tracked::Probe { probe, .. } => device.probes.iter().find(|other| other.id.value == probe),
                _ => None,
            });
        probes
            .filter_map(|probe| {
                Some(PredictedAnswer {
                    vrf: probe.vrf.as_ref().map(|vrf| vrf.value.clone()),
                    address: probe.target?.value,
                    source: match probe.source.as_ref().map(|source| &source.value) {
                        Some(ProbeSource::Interface(port)) => Some(port.clone()),
                        _ => None,
                    },
                })
            })
            .collect()
    }
}
