//! A scene, read once: ports with what they are plugged into, routing tables, tracked objects, HSRP.

pub(super) mod election;
pub(super) mod routing;
pub(super) mod tracking;

use super::super::device::filter::AccessList;
use super::super::device::interface::{Address, Interface};
use super::address::{Prefix, number};
use super::element::{Mask, elements};
use super::name::Name;
use super::tunnel::{HubEnd, MOST_TUNNELS, Unfit, hub_end};
use super::{EdgeAt, Element, Failures, Following, Landing, Role, Scene, SceneRouter};
use election::{Group, groups};
use routing::Table;
use tracking::Objects;

/// A scene, read once, for any number of failures.
#[derive(Debug)]
pub struct Network<'a> {
    pub(super) scene: &'a Scene,
    following: Following,
    pub(super) elements: Vec<Element>,
    pub(super) ports: Vec<Port<'a>>,
    pub(super) tables: Vec<Table<'a>>,
    pub(super) objects: Objects<'a>,
    pub(super) groups: Vec<Group<'a>>,
    pub(super) tunnels: Vec<Tunnel>,
    /// Tunnels that never come up, each with its port.
    pub(super) unfit: Vec<(usize, Unfit)>,
    /// What is too much for a state, and left out.
    pub(super) beyond: Vec<Beyond>,
    pub(super) names: Names,
    pub(super) bits: Bits,
}

/// The bits of failures that are asked for at every hop.
#[derive(Debug, Default)]
pub(super) struct Bits {
    pub(super) lan_switch: Mask,
    pub(super) firewall: Mask,
    pub(super) server_port: Mask,
    /// For each edge of the carrier.
    pub(super) edges: Vec<EdgeBits>,
}

/// The bits of failures of an edge of the carrier.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct EdgeBits {
    /// Those of each of which the line passes nothing.
    pub(super) dead: Mask,
    /// Those of each of which the core does not reach it.
    pub(super) apart: Mask,
    /// Those of each of which the other edges stop using it.
    pub(super) unused: Mask,
    /// Our port on it.
    pub(super) port: Option<usize>,
}

/// Names, shared by all verdicts.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) routers: Vec<Name>,
    pub(super) files: Vec<Name>,
    pub(super) ports: Vec<Name>,
    pub(super) edges: Vec<Name>,
    pub(super) clients: Vec<Name>,
    pub(super) servers: Vec<Name>,
    pub(super) firewall: Option<Name>,
}

/// An interface of a router.
#[derive(Debug)]
pub(super) struct Port<'a> {
    /// Which router, by its place in the scene.
    pub(super) router: usize,
    /// What the text says.
    pub(super) interface: &'a Interface,
    /// Its routing table.
    pub(super) table: usize,
    /// Its address, and the network of it.
    pub(super) address: Option<(u32, Prefix)>,
    /// What it is plugged into.
    pub(super) plug: Plug,
    /// Whether it is switched on.
    enabled: bool,
    /// The failures of each of which it goes down.
    pub(super) down: Mask,
    /// The access list of arriving packets.
    pub(super) filter_in: Option<&'a AccessList>,
    /// The access list of leaving packets.
    pub(super) filter_out: Option<&'a AccessList>,
    /// Its group of HSRP and its place in it.
    pub(super) member: Vec<(usize, usize)>,
}

/// What a port is plugged into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plug {
    /// Nothing that belongs to this site.
    Nothing,
    /// A loopback.
    Inside,
    /// The LAN.
    Lan,
    /// A line to an edge of the carrier, by its place in the surroundings.
    Line(usize),
    /// The VLAN of servers that keep their address.
    KeptVlan,
    /// The same of another site of the tenant, by its place in the surroundings.
    BesideVlan(u8),
    /// The VLAN of servers with new addresses.
    NewVlan,
    /// The LTE network, coming out in the Internet.
    Lte,
    /// A tunnel, by its place in [`Network::tunnels`].
    Tunnel(usize),
}

/// Something that is too much for a state, and left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beyond {
    /// The router, by its place in the scene.
    pub(super) router: usize,
    /// Line.
    pub(super) line: u32,
    /// What.
    pub(super) what: String,
}

/// A tunnel between a CPE and the hub that fits together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tunnel {
    /// The CPE's port.
    pub(super) caller: usize,
    /// The hub's template.
    pub(super) template: usize,
    /// The failures of each of which nothing passes.
    pub(super) down: Mask,
    /// Whether the hub learns the caller's address from it.
    pub(super) learns: bool,
    /// Seconds until silence is noticed, at least and at most.
    pub(super) silence_s: (u32, u32),
    /// Largest packet that fits into an outer one, in bytes.
    pub(super) mtu: u16,
}

/// What ESP in UDP with AES-GCM adds to a packet, at most: RFC 4303, section 2, and RFC 3948, section 2.
const TUNNEL_OVERHEAD: u16 = 68;

impl<'a> Network<'a> {
    /// Reads a scene.
    pub fn new(scene: &'a Scene) -> Self {
        Self::following(scene, scene.surroundings.carrier.following)
    }

    /// Reads a scene whose carrier goes by this.
    pub(super) fn following(scene: &'a Scene, following: Following) -> Self {
        let mut network = Self {
            scene,
            following,
            elements: elements(scene),
            ports: Vec::new(),
            tables: Vec::new(),
            objects: Objects::default(),
            groups: Vec::new(),
            tunnels: Vec::new(),
            unfit: Vec::new(),
            beyond: Vec::new(),
            names: Names::of(scene),
            bits: Bits::default(),
        };
        for (at, router) in scene.routers.iter().enumerate() {
            for interface in &router.device.interfaces {
                let port = network.port(at, router, interface);
                network.ports.push(port);
            }
        }
        network.names.ports =
            network.ports.iter().map(|port| Name::from(port.interface.name.value.0.as_str())).collect();
        network.connect_tunnels();
        network.bits = network.bits();
        let (objects, beyond) = Objects::new(&network);
        network.objects = objects;
        network.beyond.extend(beyond);
        let (groups, beyond) = groups(&network);
        network.groups = groups;
        network.beyond.extend(beyond);
        for (group, members) in network.groups.iter().enumerate() {
            for (at, member) in members.members.iter().enumerate() {
                network.ports[member.port].member.push((group, at));
            }
        }
        for at in 0..network.tables.len() {
            let (entries, own) = network.contents(at);
            network.tables[at].entries = entries;
            network.tables[at].own = own;
        }
        network
    }

    fn port(&mut self, at: usize, router: &'a SceneRouter, interface: &'a Interface) -> Port<'a> {
        let vrf = interface.vrf.as_ref().map(|at| at.value.as_str());
        let plug = self.plug(router, interface);
        let list = |name: &Option<super::super::device::At<String>>| {
            // IOS lets everything pass a list that does not exist.
            let name = name.as_ref()?;
            router.device.access_lists.iter().find(|list| list.name.value == name.value)
        };
        Port {
            router: at,
            interface,
            table: self.table(at, vrf),
            address: address(router, interface).or_else(|| self.given(interface, plug)),
            plug,
            enabled: is_enabled(router, interface),
            down: self.failures_of(router.role, plug),
            filter_in: list(&interface.filter_in),
            filter_out: list(&interface.filter_out),
            member: Vec::new(),
        }
    }

    /// The address that the carrier always gives to a SIM whose access point leads into the VPN.
    fn given(&self, interface: &Interface, plug: Plug) -> Option<(u32, Prefix)> {
        let Plug::Line(edge) = plug else { return None };
        let asks = matches!(interface.address.as_ref()?.value, Address::Negotiated);
        let ce = number(self.scene.surroundings.carrier.edges[edge].ce);
        asks.then_some((ce, Prefix::host(ce)))
    }

    /// The routing table of a router, made at its first mention.
    fn table(&mut self, router: usize, vrf: Option<&'a str>) -> usize {
        let found = self.tables.iter().position(|table| table.router == router && table.vrf == vrf);
        found.unwrap_or_else(|| {
            self.tables.push(Table { router, vrf, entries: Vec::new(), own: Vec::new() });
            self.tables.len() - 1
        })
    }

    fn plug(&self, router: &SceneRouter, interface: &Interface) -> Plug {
        let around = &self.scene.surroundings;
        let name = interface.name.value.0.as_str();
        if name.starts_with("Loopback") {
            return Plug::Inside;
        }
        if router.role == Role::Hub {
            return self.plug_of_hub(interface);
        }
        if name.starts_with("Cellular") {
            let lte = around.lte.as_ref().filter(|lte| lte.router == router.role);
            let edge = around.carrier.edges.iter().position(|edge| edge.pe.is_none() && edge.router == router.role);
            return match (lte.map(|lte| lte.landing), edge) {
                (Some(Landing::Internet), _) => Plug::Lte,
                (Some(Landing::Vpn), Some(edge)) => Plug::Line(edge),
                _ => Plug::Nothing,
            };
        }
        let Some(own) = interface.network() else { return Plug::Nothing };
        let on = |edge: &super::Edge| edge.router == router.role && edge.pe.is_some() && edge.wan.contains(own.ip());
        if around.lan.contains(own.ip()) {
            return Plug::Lan;
        }
        around.carrier.edges.iter().position(on).map_or(Plug::Nothing, Plug::Line)
    }

    fn plug_of_hub(&self, interface: &Interface) -> Plug {
        let around = &self.scene.surroundings;
        let vlan = interface.vlan.map(|at| at.value);
        let edge = around.carrier.edges.iter().position(|edge| edge.router == Role::Hub);
        match (vlan, edge) {
            (Some(vlan), Some(edge)) if vlan == around.vlans.handoff => Plug::Line(edge),
            (Some(vlan), _) if vlan == around.vlans.kept => Plug::KeptVlan,
            (Some(vlan), _) if vlan == around.vlans.new => Plug::NewVlan,
            (Some(vlan), _) => {
                let beside = (0..).zip(&around.beside).find(|(_, site)| site.kept == vlan);
                beside.map_or(Plug::Nothing, |(at, _)| Plug::BesideVlan(at))
            }
            _ => Plug::Nothing,
        }
    }

    /// The failures of each of which a port goes down.
    fn failures_of(&self, role: Role, plug: Plug) -> Mask {
        let mut all = vec![Element::Router(role)];
        match plug {
            Plug::Lan => all.extend([Element::LanPort(role), Element::LanSwitch]),
            Plug::Line(edge) => {
                let edge = &self.scene.surroundings.carrier.edges[edge];
                all.extend([Element::Line(edge.at), Element::ProviderEdge(edge.at)]);
                if edge.pe.is_none() {
                    all.extend([Element::Radio, Element::Sim]);
                }
            }
            Plug::KeptVlan | Plug::BesideVlan(_) | Plug::NewVlan => all.push(Element::ServerPort),
            Plug::Lte => all.extend([Element::Radio, Element::Sim]),
            Plug::Nothing | Plug::Inside | Plug::Tunnel(_) => {}
        }
        self.mask_of(&all)
    }

    /// Joins every tunnel of a CPE with the hub's template that answers it.
    fn connect_tunnels(&mut self) {
        let scene = self.scene;
        let hub = scene.routers.iter().position(|router| router.role == Role::Hub);
        let (Some(hub), Some(lte)) = (hub, &scene.surroundings.lte) else { return };
        for caller in 0..self.ports.len() {
            let port = &self.ports[caller];
            let router = &scene.routers[port.router];
            if router.role != lte.router || !port.interface.name.value.0.starts_with("Tunnel") {
                continue;
            }
            match hub_end(router, port.interface, &scene.routers[hub], lte) {
                Ok(end) => self.join(caller, hub, end, lte.mtu),
                Err(unfit) => self.unfit.push((caller, unfit)),
            }
        }
    }

    fn join(&mut self, caller: usize, hub: usize, end: HubEnd<'a>, mtu: u16) {
        let same = |port: &Port<'_>| port.router == hub && std::ptr::eq(port.interface, end.template);
        let Some(template) = self.ports.iter().position(same) else { return };
        let role = self.scene.routers[self.ports[caller].router].role;
        let at = self.tunnels.len();
        if at >= MOST_TUNNELS {
            let Port { router, interface, .. } = self.ports[caller];
            let what = format!("more than {MOST_TUNNELS} tunnels to the hub");
            self.beyond.push(Beyond { router, line: interface.name.line, what });
            return;
        }
        let down = self.mask_of(&[
            Element::Router(role),
            Element::Router(Role::Hub),
            Element::Radio,
            Element::Sim,
            Element::LteNetwork,
            Element::Tunnel,
            Element::HubInternet,
        ]);
        let mtu = mtu.saturating_sub(TUNNEL_OVERHEAD);
        self.tunnels.push(Tunnel { caller, template, down, learns: end.learns, silence_s: end.silence_s, mtu });
        self.ports[caller].plug = Plug::Tunnel(at);
        self.ports[template].plug = Plug::Tunnel(at);
    }

    fn bits(&self) -> Bits {
        let edges = &self.scene.surroundings.carrier.edges;
        Bits {
            lan_switch: self.mask_of(&[Element::LanSwitch]),
            firewall: self.mask_of(&[Element::Firewall]),
            server_port: self.mask_of(&[Element::ServerPort]),
            edges: (0..edges.len()).map(|edge| self.edge_bits(edge)).collect(),
        }
    }

    fn edge_bits(&self, at: usize) -> EdgeBits {
        let carrier = &self.scene.surroundings.carrier;
        let edge = &carrier.edges[at];
        let (line, core) = (Element::Line(edge.at), Element::Core(edge.at));
        let (provider, silent) = (Element::ProviderEdge(edge.at), Element::Silent(edge.at));
        let mut dead = vec![line, silent, provider];
        let mut unused = vec![line, provider, core, Element::Router(edge.router)];
        if edge.pe.is_none() {
            dead.extend([Element::Radio, Element::Sim, Element::LteNetwork]);
            unused.extend([Element::Radio, Element::Sim]);
        }
        if self.following == Following::Lan && edge.at != EdgeAt::Hub {
            unused.extend([silent, Element::LanPort(edge.router), Element::LanSwitch]);
        }
        EdgeBits {
            dead: self.mask_of(&dead),
            apart: self.mask_of(&[core, provider]),
            unused: self.mask_of(&unused),
            port: self.ports.iter().position(|port| port.plug == Plug::Line(at)),
        }
    }

    /// The bits of some elements; what the scene does not have has none.
    pub(super) fn mask_of(&self, elements: &[Element]) -> Mask {
        let bit = |element: &Element| self.elements.iter().position(|known| known == element);
        elements.iter().filter_map(bit).fold(0, |mask, bit| mask | 1 << bit)
    }

    /// The bits of `failures`.
    pub(super) fn mask(&self, failures: &Failures) -> Mask {
        self.mask_of(failures.elements())
    }

    /// Whether a port is switched on and has a signal, tunnels apart.
    pub(super) fn has_signal(&self, port: usize, mask: Mask) -> bool {
        let port = &self.ports[port];
        port.enabled && mask & port.down == 0
    }

    /// The router of a port.
    pub(super) fn router(&self, port: usize) -> &'a SceneRouter {
        &self.scene.routers[self.ports[port].router]
    }
}

impl Names {
    fn of(scene: &Scene) -> Self {
        let around = &scene.surroundings;
        let edge = |edge: &super::Edge| match (edge.at, edge.pe) {
            (EdgeAt::Primary, Some(pe)) => format!("carrier edge {pe} (primary)"),
            (EdgeAt::Backup, Some(pe)) => format!("carrier edge {pe} (backup)"),
            (EdgeAt::Hub, Some(pe)) => format!("carrier edge {pe} (hub)"),
            (_, None) => "carrier edge of LTE (backup)".to_owned(),
        };
        Self {
            routers: scene.routers.iter().map(|router| router.name().as_str().into()).collect(),
            files: scene.routers.iter().map(|router| router.file.as_str().into()).collect(),
            ports: Vec::new(),
            edges: around.carrier.edges.iter().map(|at| edge(at).as_str().into()).collect(),
            clients: around.clients.iter().map(|client| client.name.as_str().into()).collect(),
            servers: around.servers.iter().map(|server| server.name.as_str().into()).collect(),
            firewall: Some("firewall".into()),
        }
    }
}

impl Port<'_> {
    /// Largest packet that leaves here, in bytes: 1500 where not written.
    pub(super) fn mtu(&self) -> u16 {
        self.interface.mtu.map_or(1500, |at| at.value)
    }
}

/// Whether neither the interface nor the trunk below it is shut down.
fn is_enabled(router: &SceneRouter, interface: &Interface) -> bool {
    let trunk = interface.name.value.trunk();
    let trunk = router.device.interfaces.iter().find(|other| other.name.value == trunk);
    interface.shutdown.is_none() && trunk.is_none_or(|trunk| trunk.shutdown.is_none())
}

/// The address of an interface with the network around it; a borrowed one stands alone.
fn address(router: &SceneRouter, interface: &Interface) -> Option<(u32, Prefix)> {
    match &interface.address.as_ref()?.value {
        Address::Static(network) => Some((number(network.ip()), Prefix::of(*network))),
        Address::Unnumbered(port) => {
            let lender = router.device.interfaces.iter().find(|other| other.name.value == *port)?;
            lender.network().map(|network| (number(network.ip()), Prefix::host(number(network.ip()))))
        }
        Address::None | Address::Negotiated => None,
    }
}
