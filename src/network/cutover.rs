//! The routers' part of one server's cutover and of its way back: which lines, where, in which order.
//!
//! The /32 of a server that keeps its address may be on the routers only while its old machine is
//! silent: otherwise two machines answer for one address and Windows disables one of them. So
//! these lines are in no configuration of the stage `before`. Going: the old machine is off, the hub first, then the
//! CPEs, the copy's network card last. Coming back is the exact reverse.

use super::cpe::{self, Moved};
use super::hub::{self, CarrierRoute};
use super::plan::{NetworkPlan, ReachedBy, ServerPlan};
use super::route::Route;
use super::router::RouterPlan;
use super::token::Token;
use serde::Serialize;
use std::net::Ipv4Addr;

/// What the routers do in one server's cutover.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cutover {
    /// The server.
    pub server: ServerPlan,
    /// The routers, in the order of going: hub, standby CPE, primary CPE. Coming back is the reverse.
    pub steps: Vec<Step>,
    /// What the carrier does in the same window.
    pub carrier: Vec<CarrierRoute>,
    /// The virtual MAC address that answers for the server at the site afterwards.
    pub virtual_mac: String,
    /// The same as Windows writes it.
    pub windows_mac: String,
    /// The address of the virtual gateway.
    pub vip: Ipv4Addr,
    /// The tenant's routing table on the hub.
    pub vrf: Token,
    /// Name of the data center.
    pub place: String,
}

/// The lines of one router.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Host name of the router.
    pub router: Token,
    /// Routes to add, and to remove on the way back.
    pub routes: Vec<Route>,
    /// Routing table in which to look; none is the global one.
    pub vrf: Option<Token>,
}

/// The cutover of every server, in the order of the inventory.
pub fn cutovers(plan: &NetworkPlan) -> Vec<Cutover> {
    plan.servers.iter().map(|server| cutover(plan, server)).collect()
}

fn cutover(plan: &NetworkPlan, server: &ServerPlan) -> Cutover {
    let (before, after) = (Moved::new(), Moved::from([server.id.clone()]));
    let hub = Step::new(hub::tenant(plan, &before), hub::tenant(plan, &after), Some(plan.numbers.vrf.clone()));
    let cpes = cpe::routers(plan, &before).into_iter().zip(cpe::routers(plan, &after));
    let cpes = cpes.map(|(before, after)| Step::new(before, after, None)).rev();
    let steps = match server.reached_by {
        ReachedBy::ProxyArp => std::iter::once(hub).chain(cpes).collect(),
        ReachedBy::SadPrefix => Vec::new(),
    };
    let carrier = hub::carrier_routes(plan).into_iter().filter(|route| route.since.as_ref() == Some(&server.id));
    Cutover {
        server: server.clone(),
        steps,
        carrier: carrier.collect(),
        virtual_mac: plan.numbers.virtual_mac().to_string(),
        windows_mac: plan.numbers.virtual_mac().dashed(),
        vip: plan.lan.vip,
        vrf: plan.numbers.vrf.clone(),
        place: plan.shared.place.clone(),
    }
}

impl Step {
    /// What `after` has and `before` has not.
    fn new(before: RouterPlan, after: RouterPlan, vrf: Option<Token>) -> Self {
        let routes = after.routes.into_iter().filter(|route| !before.routes.contains(route)).collect();
        Self { router: after.hostname, routes, vrf }
    }
}
