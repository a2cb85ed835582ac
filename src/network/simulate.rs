//! What works, and what is lost, in every failure: computed from the text of the routers alone.
//!
//! A [`Scene`] is the parsed configurations of a site's routers and of the hub, in the
//! [`Surroundings`] that no router's text describes: LAN, local firewall, machines, the carrier's
//! VPN, the LTE network. A [`Network`] reads a scene once; then every state of failures is brought
//! to rest (probes, tracked objects, routes, HSRP, tunnels: each follows the others until nothing
//! changes any more) and a packet of every client walks to every server and back.
//!
//! - [`reachability`]: every client-server pair in one state.
//! - [`outcomes`]: every single failure, and every pair of failures, with the outage on the way.

mod access;
mod address;
mod at_rest;
mod element;
mod forwarding;
mod graph;
mod name;
mod outage;
mod outcome;
mod prediction;
mod segment;
mod surroundings;
mod trip;
mod tunnel;
mod unread;
mod verdict;
mod wiring;

pub use at_rest::State;
pub use element::{EdgeAt, Element, Failures};
pub use name::Name;
pub use outage::{Outage, Term};
pub use outcome::{Accepted, Outcome, Tally, accepted, outcomes, tally};
pub use prediction::{PredictedAnswer, PredictedRoute, Prediction};
pub use surroundings::{Carrier, Client, Edge, Firewall, Following, Landing, Lte, Place, Server, Surroundings, Vlans};
pub use verdict::{Hop, PairVerdict, Reason, Verdict};
pub use wiring::Network;

use super::cpe::Moved;
use super::device::Device;
use super::parse::parse;
use super::plan::NetworkPlan;

/// A site's routers and the hub, with everything around them.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// The routers, each role at most once.
    pub routers: Vec<SceneRouter>,
    /// What no router's text says.
    pub surroundings: Surroundings,
}

/// A router of a scene.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneRouter {
    /// What it is for.
    pub role: Role,
    /// The file of its text, for messages.
    pub file: String,
    /// What the text says.
    pub device: Device,
}

/// What a router is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The CPE that carries the primary line, and the backup where there is no other.
    PrimaryCpe,
    /// The CPE that carries the backup line.
    StandbyCpe,
    /// The SAD's side of the MPLS.
    Hub,
}

impl Scene {
    /// The scene of a plan with these texts, each with its file, while the servers in `moved` stand at
    /// the SAD. Which router a text is of, its host name says; what is of none is left out.
    pub fn of<'t>(plan: &NetworkPlan, moved: &Moved, texts: impl IntoIterator<Item = (String, &'t str)>) -> Self {
        let mut routers: Vec<SceneRouter> = Vec::new();
        for (file, text) in texts {
            let device = parse(text);
            if let Some(role) = role(plan, &device)
                && routers.iter().all(|router| router.role != role)
            {
                routers.push(SceneRouter { role, file, device });
            }
        }
        routers.sort_by_key(|router| router.role);
        Self { routers, surroundings: Surroundings::of(plan, moved) }
    }
}

/// What a router is for in a plan, by its host name.
pub fn role(plan: &NetworkPlan, device: &Device) -> Option<Role> {
    let name = device.hostname.as_ref()?.value.as_str();
    let is = |other: &super::token::Token| other.as_str().eq_ignore_ascii_case(name);
    if is(&plan.primary_cpe.hostname) {
        Some(Role::PrimaryCpe)
    } else if plan.standby_cpe.as_ref().is_some_and(|cpe| is(&cpe.hostname)) {
        Some(Role::StandbyCpe)
    } else {
        is(&plan.shared.hub).then_some(Role::Hub)
    }
}

impl SceneRouter {
    /// Its host name, or what it is for where the text has none.
    pub fn name(&self) -> String {
        let role = match self.role {
            Role::PrimaryCpe => "primary CPE",
            Role::StandbyCpe => "standby CPE",
            Role::Hub => "hub",
        };
        self.device.hostname.as_ref().map_or_else(|| role.to_owned(), |name| name.value.clone())
    }
}

/// Every client-server pair while `failures` last, with everything at rest again.
pub fn reachability(scene: &Scene, failures: &Failures) -> Vec<PairVerdict> {
    let network = Network::new(scene);
    let mask = network.mask(failures);
    let before = network.healthy();
    let (state, _) = network.settle(&before, mask);
    network.verdicts(&state, mask)
}

#[cfg(test)]
mod tests;
