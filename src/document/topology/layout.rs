//! Where everything of a scene stands in its drawing: the town on the left, the carrier above and the
//! LTE network below in the middle, the SAD on the right.

use super::canvas::{Part, Point, Shape};
use crate::network::simulate::{EdgeAt, Element, Landing, Network, Place, Role, Scene};
use std::collections::BTreeMap;

/// Where everything stands.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) parts: Vec<Part>,
    pub(super) cables: Vec<Cable>,
    /// Texts beside lines.
    pub(super) labels: Vec<(Point, String)>,
    /// Servers, each with where its verdicts are written.
    pub(super) servers: Vec<(String, Point)>,
    /// Where nodes are, by the name that a way calls them.
    nodes: BTreeMap<String, Node>,
    /// Where failed elements are crossed out.
    places: Vec<(Element, Point)>,
}

/// A cable or line.
#[derive(Debug)]
pub(super) struct Cable {
    pub(super) points: Vec<Point>,
    pub(super) dashed: bool,
}

/// A node on ways.
#[derive(Debug, Clone, Copy)]
struct Node {
    at: Point,
    side: Side,
}

/// What lies between two nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// On the LAN only.
    Lan,
    /// A CPE: on the LAN and on lines.
    Cpe,
    Carrier,
    Hub,
    /// On a VLAN of the hub.
    Sad,
    /// Behind the firewall.
    Behind,
}

const LAN_X: i32 = 330;
const VLAN_X: i32 = 1260;
const HUB: Point = Point(1110, 340);
const CORE: Point = Point(800, 190);
const LTE: Point = Point(800, 560);
const FIRST_Y: i32 = 150;
const SAD_EDGE: Point = Point(895, 210);

impl Layout {
    /// The layout of a scene.
    pub(super) fn of(scene: &Scene) -> Self {
        let rows = i32::try_from(scene.surroundings.servers.len()).unwrap_or(0);
        let mut layout = Self {
            width: 1720,
            height: 760.max(FIRST_Y + 92 * rows + 120),
            parts: Vec::new(),
            cables: Vec::new(),
            labels: Vec::new(),
            servers: Vec::new(),
            nodes: BTreeMap::new(),
            places: Vec::new(),
        };
        layout.town(scene);
        layout.carrier(scene);
        layout.lte(scene);
        layout.routers(scene);
        layout.machines(scene);
        layout
    }

    /// The points of a line between two nodes of a way.
    pub(super) fn between(&self, from: &str, to: &str) -> Vec<Point> {
        let (Some(a), Some(b)) = (self.nodes.get(from), self.nodes.get(to)) else { return Vec::new() };
        let mut points = vec![a.at];
        match (a.side, b.side) {
            (Side::Lan | Side::Cpe, Side::Lan | Side::Cpe) => {
                points.extend([Point(LAN_X, a.at.1), Point(LAN_X, b.at.1)])
            }
            (Side::Hub, Side::Sad) => points.extend([Point(VLAN_X, a.at.1), Point(VLAN_X, b.at.1)]),
            (Side::Sad, Side::Hub) => points.extend([Point(VLAN_X, a.at.1), Point(VLAN_X, b.at.1)]),
            (Side::Cpe, Side::Hub) | (Side::Hub, Side::Cpe) => points.push(LTE),
            _ => {}
        }
        points.push(b.at);
        points
    }

    /// Where an element is crossed out.
    pub(super) fn crosses(&self, element: Element) -> impl Iterator<Item = Point> {
        self.places.iter().filter(move |(known, _)| *known == element).map(|(_, at)| *at)
    }

    fn part(&mut self, shape: Shape, at: Point, size: (i32, i32), texts: Vec<String>) {
        self.parts.push(Part { shape, at, width: size.0, height: size.1, texts });
    }

    fn cable(&mut self, points: &[Point]) {
        self.cables.push(Cable { points: points.to_vec(), dashed: false });
    }

    fn node(&mut self, name: impl Into<String>, at: Point, side: Side) {
        self.nodes.insert(name.into(), Node { at, side });
    }

    fn town(&mut self, scene: &Scene) {
        let around = &scene.surroundings;
        let bottom = self.height - 110;
        let middle = Point(LAN_X, (FIRST_Y + bottom) / 2);
        self.part(Shape::Segment, middle, (12, bottom - FIRST_Y), vec![format!("LAN {}", around.lan)]);
        self.places.push((Element::LanSwitch, Point(LAN_X, middle.1)));
        let firewall = Point(180, 300);
        self.cable(&[firewall, Point(LAN_X, firewall.1)]);
        self.part(Shape::Firewall, firewall, (150, 56), vec!["firewall".into(), around.firewall.address.to_string()]);
        self.node("firewall", firewall, Side::Lan);
        self.places.push((Element::Firewall, firewall));
        for (at, client) in around.clients.iter().enumerate() {
            let row = i32::try_from(at).unwrap_or(0);
            let inside = around.lan.contains(client.address);
            let (place, side) =
                if inside { (Point(180, 420 + 80 * row), Side::Lan) } else { (Point(180, 170), Side::Behind) };
            let to = if inside { Point(LAN_X, place.1) } else { firewall };
            self.cable(&[place, to]);
            self.part(
                Shape::Machine,
                place,
                (150, 50),
                vec![format!("client {}", client.name), client.address.to_string()],
            );
            self.node(client.name.clone(), place, side);
        }
    }

    fn carrier(&mut self, scene: &Scene) {
        let names = Network::new(scene);
        let edges = &scene.surroundings.carrier.edges;
        self.part(Shape::Cloud, CORE, (330, 170), vec!["carrier: MPLS VPN".into()]);
        for (edge, name) in edges.iter().zip(names.edge_names()) {
            let at = match edge.at {
                EdgeAt::Primary => Point(715, 180),
                EdgeAt::Backup => Point(715, 242),
                EdgeAt::Hub => SAD_EDGE,
            };
            let pe = edge.pe.map_or_else(|| "LTE".to_owned(), |pe| pe.to_string());
            self.part(Shape::Edge, at, (116, 36), vec![pe]);
            self.node(name.to_string(), at, Side::Carrier);
            self.places.push((Element::ProviderEdge(edge.at), at));
            if edge.at != EdgeAt::Hub {
                self.cables.push(Cable { points: vec![at, SAD_EDGE], dashed: false });
                self.places.push((Element::Core(edge.at), Point((at.0 + SAD_EDGE.0) / 2, (at.1 + SAD_EDGE.1) / 2)));
            } else {
                self.places.push((Element::Core(EdgeAt::Hub), Point(SAD_EDGE.0 - 78, SAD_EDGE.1)));
            }
            let ours = self.router_place(scene, edge.router);
            // The middle of what is seen of the line, between two boxes.
            let right = if edge.at == EdgeAt::Hub { -1 } else { 1 };
            let (from, to) = (ours.0 + right * 88, at.0 - right * 58);
            let along = |x: i32| ours.1 + (at.1 - ours.1) * (x - ours.0) / (at.0 - ours.0);
            let x = if edge.at == EdgeAt::Hub { (ours.0 + at.0) / 2 } else { (from + to) / 2 };
            let middle = Point(x, along(x));
            self.cable(&[ours, at]);
            self.labels.push((Point(x, middle.1 + 30 * right), format!("our end {}", edge.ce)));
            self.places.push((Element::Line(edge.at), middle));
            self.places.push((Element::Silent(edge.at), middle));
        }
    }

    fn lte(&mut self, scene: &Scene) {
        let Some(lte) = &scene.surroundings.lte else { return };
        let modem = self.router_place(scene, lte.router);
        let near = Point((modem.0 * 2 + LTE.0) / 3, (modem.1 * 2 + LTE.1) / 3);
        self.places.extend([(Element::Radio, near), (Element::Sim, near), (Element::LteNetwork, LTE)]);
        if lte.landing == Landing::Vpn {
            return;
        }
        self.part(Shape::Cloud, LTE, (260, 96), Vec::new());
        for (row, text) in [(1, "LTE, Internet".to_owned()), (2, format!("hub {}", lte.hub_public))] {
            self.labels.push((Point(LTE.0, LTE.1 + 8 + 16 * row), text));
        }
        for end in [modem, HUB] {
            self.cables.push(Cable { points: vec![end, LTE], dashed: true });
        }
        let there = Point((HUB.0 + LTE.0 * 2) / 3, (HUB.1 + LTE.1 * 2) / 3);
        let hub = Point((HUB.0 * 2 + LTE.0) / 3, (HUB.1 * 2 + LTE.1) / 3);
        self.places.extend([(Element::Tunnel, there), (Element::HubInternet, hub)]);
    }

    fn router_place(&self, scene: &Scene, role: Role) -> Point {
        let both = scene.routers.iter().any(|router| router.role == Role::StandbyCpe);
        match role {
            Role::PrimaryCpe if both => Point(470, 230),
            Role::PrimaryCpe => Point(470, 340),
            Role::StandbyCpe => Point(470, 480),
            Role::Hub => HUB,
        }
    }

    fn routers(&mut self, scene: &Scene) {
        for router in &scene.routers {
            let at = self.router_place(scene, router.role);
            let lan = router.device.interfaces.iter().find(|interface| {
                interface.network().is_some_and(|network| scene.surroundings.lan.contains(network.ip()))
            });
            let mut texts = vec![router.name()];
            texts.extend(lan.and_then(|interface| interface.network()).map(|network| network.ip().to_string()));
            let vip = lan
                .and_then(|interface| interface.standby.groups.first())
                .and_then(|group| Some(format!("HSRP {}, priority {}", group.vip?.value, group.priority())));
            texts.extend(vip);
            let side = if router.role == Role::Hub { Side::Hub } else { Side::Cpe };
            if side == Side::Cpe {
                self.cable(&[Point(LAN_X, at.1), at]);
                self.places.push((Element::LanPort(router.role), Point(LAN_X + 32, at.1)));
            } else {
                self.cable(&[at, Point(VLAN_X, at.1)]);
                self.places.push((Element::ServerPort, Point(VLAN_X - 30, at.1)));
            }
            self.part(Shape::Router, at, (176, 70), texts);
            self.node(router.name(), at, side);
            self.places.push((Element::Router(router.role), at));
        }
    }

    fn machines(&mut self, scene: &Scene) {
        let vlans = &scene.surroundings.vlans;
        let bottom = self.height - 110;
        let middle = Point(VLAN_X, (FIRST_Y + bottom) / 2);
        let label = vec![format!("VLANs {} and {}", vlans.kept, vlans.new)];
        self.part(Shape::Segment, middle, (12, bottom - FIRST_Y), label);
        let (mut town, mut sad) = (0, 0);
        for server in &scene.surroundings.servers {
            let address = server.address.to_string();
            let texts = vec![server.name.clone(), address];
            let at = match server.place {
                Place::Town => {
                    town += 1;
                    Point(180, 440 + 72 * town)
                }
                _ => {
                    sad += 1;
                    Point(1380, FIRST_Y + 40 + 92 * (sad - 1))
                }
            };
            let (bar, side) = if server.place == Place::Town { (LAN_X, Side::Lan) } else { (VLAN_X, Side::Sad) };
            self.cable(&[at, Point(bar, at.1)]);
            self.part(Shape::Machine, at, (160, 52), texts);
            self.node(server.name.clone(), at, side);
            let verdicts = if server.place == Place::Town { Point(32, at.1 + 40) } else { Point(at.0 + 92, at.1 - 2) };
            self.servers.push((server.name.clone(), verdicts));
        }
        self.height = self.height.max(440 + 72 * (town + 1) + 60);
    }
}
