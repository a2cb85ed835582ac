//! What the temporary way adds to each router, and takes away again: lines, in the order in which no
//! line refers to what is not there.

use super::super::hub;
use super::super::plan::NetworkPlan;
use super::super::text::{ConfigText, Line};
use super::super::token::Token;
use super::{Host, MigrationPath, Way};
use crate::model::ServerId;
use crate::model::link::{GatewayKind, ManagedBy};
use serde::Serialize;
use std::net::Ipv4Addr;

/// The lines of one router.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RouterChange {
    /// Host name.
    pub router: Token,
    /// Whether the carrier configures it.
    pub by_carrier: bool,
    /// The tenant's routing table on the hub; none on a CPE.
    pub vrf: Option<Token>,
    /// Lines to add, one space a level.
    pub add: Vec<String>,
    /// Lines that take them away again.
    pub remove: Vec<String>,
    /// A host to look for in the routing table, where there is one.
    pub look_for: Option<Ipv4Addr>,
    /// Whether addresses are translated here.
    pub translates: bool,
}

impl RouterChange {
    /// From the router's text without the way to its text with it.
    pub fn new(plan: &NetworkPlan, router: Token, without: &str, with: &str) -> Self {
        let (without, with) = (ConfigText::parse(without), ConfigText::parse(with));
        let pieces = pieces(&without.lines, &with.lines);
        let add = pieces.iter().flat_map(|piece| piece.add.clone()).collect();
        let remove = pieces.iter().rev().flat_map(|piece| piece.remove.clone()).collect();
        let path = plan.migration.as_ref();
        let on_hub = router == plan.shared.hub;
        Self {
            by_carrier: !on_hub && plan.managed_by == ManagedBy::Carrier,
            vrf: on_hub.then(|| plan.numbers.vrf.clone()),
            add,
            remove,
            look_for: path.and_then(|path| path.routed_hosts().first()).map(|host| host.address),
            translates: on_hub && path.is_some_and(|path| matches!(path.way, Way::Alias { .. })),
            router,
        }
    }
}

/// One object that came, or one line inside an object that was there.
struct Piece {
    add: Vec<String>,
    remove: Vec<String>,
}

/// What `with` has and `without` has not; it has everything that `without` has.
fn pieces(without: &[Line], with: &[Line]) -> Vec<Piece> {
    let mut found = Vec::new();
    for line in with {
        match without.iter().find(|old| old.text == line.text) {
            None => {
                let mut add = vec![line.text.clone()];
                add.extend(line.children.iter().map(|child| format!(" {}", child.text)));
                found.push(Piece { add, remove: vec![undo(&line.text)] });
            }
            Some(old) => {
                let new: Vec<_> = line.children.iter().filter(|child| !old.children.contains(child)).collect();
                if new.is_empty() {
                    continue;
                }
                let lines = |texts: Vec<String>| {
                    let below = texts.into_iter().map(|text| format!(" {text}"));
                    std::iter::once(line.text.clone()).chain(below).collect()
                };
                let add = lines(new.iter().map(|child| child.text.clone()).collect());
                found.push(Piece { add, remove: lines(new.iter().map(|child| undo(&child.text)).collect()) });
            }
        }
    }
    found
}

/// The line that takes `text` away. A route is known by where it leads and its distance: name and
/// tracked object are no part of what is taken away.
pub fn undo(text: &str) -> String {
    let known = match text.starts_with("ip route ") {
        true => text.split(" track ").next().and_then(|text| text.split(" name ").next()).unwrap_or(text),
        false => text,
    };
    format!("no {known}")
}

/// What the machines at both ends of the way must know.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MigrationEnds {
    /// The way.
    pub path: MigrationPath,
    /// The virtual gateway of the town: next hop of every route there.
    pub vip: Ipv4Addr,
    /// The town's default gateway.
    pub gateway: Ipv4Addr,
    /// What it is.
    pub gateway_kind: GatewayKind,
    /// The hub's address among the hosts at the SAD; next hop of theirs.
    pub hub: Option<Ipv4Addr>,
    /// Hosts that need a route in the town.
    pub routed: Vec<Host>,
    /// Each server, and the address by which the hosts at the SAD call it.
    pub servers: Vec<SeenServer>,
    /// What the carrier routes to us for it.
    pub carrier: Vec<hub::CarrierRoute>,
    /// Name of the data center.
    pub place: String,
}

/// A server and the address by which the hosts at the SAD call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenServer {
    /// The server.
    pub id: ServerId,
    /// Its address in the town.
    pub address: Ipv4Addr,
    /// What the hosts at the SAD call.
    pub seen_as: Ipv4Addr,
}

impl MigrationEnds {
    /// The ends of `path` in `plan`.
    pub fn new(plan: &NetworkPlan, path: &MigrationPath) -> Self {
        let flows = |id: &ServerId| path.flows.iter().any(|flow| flow.server == *id);
        let servers = plan.servers.iter().filter(|server| flows(&server.id));
        let servers = servers.map(|server| SeenServer {
            id: server.id.clone(),
            address: server.before,
            seen_as: path.seen_as(server.before),
        });
        let hosts =
            |route: &hub::CarrierRoute| path.routed_hosts().iter().any(|known| route.destination.ip() == known.address);
        Self {
            vip: plan.lan.vip,
            gateway: plan.lan.gateway.address,
            gateway_kind: plan.lan.gateway.kind,
            hub: plan.shared.migration.as_ref().map(|hosts| hosts.hub),
            routed: path.routed_hosts().to_vec(),
            servers: servers.collect(),
            carrier: hub::carrier_routes(plan).into_iter().filter(hosts).collect(),
            path: path.clone(),
            place: plan.shared.place.clone(),
        }
    }
}
