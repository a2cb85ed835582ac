//! A town, the carrier and the SAD as network namespaces, made from the same texts and surroundings as
//! a scene of the simulator: real routes, real ARP, real echo requests, keepalived for HSRP. What fails
//! in the simulator fails here, and clients measure how long they wait.
//!
//! Needs root and the Debian packages iproute2, keepalived and util-linux. Every lab has namespaces of
//! its own and removes them; nothing but what a lab started is ever ended.

pub mod carrier;
pub mod compare;
pub mod cutover;
pub mod echo;
pub mod faults;
pub mod measure;
pub mod router;
pub mod space;
pub mod standby;
pub mod table;
pub mod tracking;

use carrier::Carrier;
use ipnetwork::Ipv4Network;
use measure::{Clients, Gap};
use router::{Making, OUTER, Router, TunnelEnd, View};
use space::Space;
use standby::{Coup, Member};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use table::Jack;
use traghetto::network::device::interface::Address;
use traghetto::network::device::{Device, Port};
use traghetto::network::simulate::{EdgeAt, Element, Landing, Place, Role, Scene, SceneRouter};

/// The switch of the LAN.
pub const LAN: &str = "lan";
/// The LTE network that leads into the Internet; one that leads into the VPN is a line to the carrier.
pub const LTE: &str = "lte";

/// A running lab. Its parts end in the order of the fields: the namespaces last.
pub struct Lab {
    scene: Scene,
    failed: Arc<Mutex<BTreeSet<Element>>>,
    clients: Clients,
    routers: BTreeMap<Role, Router>,
    coup: Option<(Arc<AtomicBool>, std::thread::JoinHandle<()>)>,
    carrier: Carrier,
    space: Space,
    story: Mutex<String>,
    _folder: tempfile::TempDir,
}

impl Lab {
    /// Builds and starts it, and waits until every client reaches every server.
    pub fn new(scene: &Scene) -> Self {
        let (mut space, folder) = (Space::new(), tempfile::tempdir().unwrap());
        let failed = Arc::<Mutex<BTreeSet<Element>>>::default();
        let around = &scene.surroundings;
        let roles: Vec<Role> = scene.routers.iter().map(|router| router.role).collect();
        for place in roles.iter().map(|role| place_of(*role)).chain(["fw", "client", "behind", "town", "kept", "new"]) {
            space.add(place);
        }
        let cpes: Vec<&str> = roles.iter().filter(|role| **role != Role::Hub).map(|role| place_of(*role)).collect();
        let in_lan = cpes.iter().copied().chain(["fw", "client", "town"]);
        space.cable(LAN, &in_lan.map(|place| (place, LAN)).collect::<Vec<_>>());
        space.cable("behind", &[("fw", "inside"), ("behind", "out")]);
        space.cable("kept", &[("hub", "kept"), ("kept", "hub")]);
        space.cable("new", &[("hub", "new"), ("new", "hub")]);
        if let Some(lte) = around.lte.as_ref().filter(|lte| lte.landing == Landing::Internet) {
            space.cable(LTE, &[(place_of(lte.router), LTE), ("hub", LTE)]);
        }
        let carrier = Carrier::new(&mut space, around.carrier.clone(), failed.clone());
        machines(&space, scene);
        let routers: BTreeMap<Role, Router> = scene
            .routers
            .iter()
            .map(|router| {
                let making = making(scene, router, folder.path().join(place_of(router.role)));
                (router.role, Router::new(space.entrance(place_of(router.role)), making))
            })
            .collect();
        let coup = coup(&space, scene, &routers, failed.clone());
        let clients = Clients::new(&space, scene);
        let lab = Self {
            scene: scene.clone(),
            failed,
            clients,
            routers,
            coup: Some(coup),
            carrier,
            space,
            story: Mutex::default(),
            _folder: folder,
        };
        lab.settle();
        lab
    }

    /// Waits until every router is as it was at first: everything up, the preferred router active,
    /// every client reaching every server for a second.
    pub fn settle(&self) {
        let begun = Instant::now();
        let mut good = Instant::now();
        while good.elapsed() < Duration::from_secs(1) {
            std::thread::sleep(Duration::from_millis(100));
            if !self.is_whole() {
                good = Instant::now();
            }
            if begun.elapsed() > Duration::from_secs(60) {
                panic!("the lab of {} does not come to rest:\n{}", self.scene.surroundings.tenant, self.describe());
            }
        }
    }

    fn is_whole(&self) -> bool {
        let views: BTreeMap<Role, View> = self.routers.iter().map(|(role, router)| (*role, router.view())).collect();
        let up = views.values().all(|view| view.tunnel && view.tracks.values().all(|up| *up));
        let active = views[&Role::PrimaryCpe].active && views.get(&Role::StandbyCpe).is_none_or(|view| !view.active);
        up && active && self.carrier.is_at_rest() && self.clients.all_answered(Duration::from_millis(300))
    }

    /// Lets these fail at a moment that nobody chose, watches for as long, and puts everything back.
    pub fn measure(&self, failures: &[Element], watch: Duration) -> Vec<Gap> {
        std::thread::sleep(Duration::from_secs(3).mul_f64(router::phase()));
        for router in self.routers.values() {
            router.handle().lock().unwrap().log.clear();
        }
        let begun = Instant::now();
        self.failed.lock().unwrap().extend(failures);
        faults::apply(&self.space, &self.scene, failures);
        std::thread::sleep(watch);
        let mut gaps = self.clients.gaps(begun);
        // What counts at the end is who answers a host that asks afresh: hosts keep a hardware address
        // for up to a minute, and routers that no longer answer for it may still forward.
        for place in ["client", "behind", "fw"] {
            self.space.ip(place, &["neigh", "flush", "all"]);
        }
        std::thread::sleep(Duration::from_secs(3));
        for (gap, now) in gaps.iter_mut().zip(self.clients.gaps(begun)) {
            gap.answered = now.answered;
        }
        faults::heal(&self.space, &self.scene);
        self.failed.lock().unwrap().clear();
        *self.story.lock().unwrap() = self.story(begun);
        self.settle();
        gaps
    }

    /// Does something while these have failed and everything has come to rest.
    pub fn during(&self, failures: &[Element], rest: Duration, work: impl FnOnce()) {
        self.failed.lock().unwrap().extend(failures);
        faults::apply(&self.space, &self.scene, failures);
        std::thread::sleep(rest);
        work();
        faults::heal(&self.space, &self.scene);
        self.failed.lock().unwrap().clear();
        self.settle();
    }

    /// Gives a router another configuration, which differs in routes only.
    pub fn configure(&self, role: Role, device: Device) {
        self.routers[&role].configure(device);
    }

    /// Orders a route of the carrier, or gives it up.
    pub fn order(&self, destination: Ipv4Network, towards: Option<Ipv4Addr>) {
        self.carrier.order(destination, towards);
    }

    /// Connects a server in town, or at the SAD with its address kept; or takes it off.
    pub fn connect(&self, address: Ipv4Addr, place: Place, connected: bool) {
        let (place, device) = if place == Place::Town { ("town", LAN) } else { ("kept", "hub") };
        let network = format!("{address}/{}", self.scene.surroundings.lan.prefix());
        self.space.ip(place, &["address", if connected { "add" } else { "del" }, &network, "dev", device]);
        let gateway = self.scene.surroundings.firewall.address.to_string();
        if connected {
            self.space.ip(place, &["route", "replace", "default", "via", &gateway]);
            // A machine says who it is when it comes up; so does this one.
            let _ = self.space.inside(place, || {
                std::process::Command::new("arping")
                    .args(["-q", "-c", "1", "-A", "-I", device, &address.to_string()])
                    .status()
            });
        }
    }

    /// Lets a place forget the hardware address of a machine.
    pub fn forget(&self, place: &str, address: Ipv4Addr) {
        let name = self.space.name(place);
        let _ =
            std::process::Command::new("ip").args(["-n", &name, "neigh", "flush", "to", &address.to_string()]).status();
    }

    /// Watches every pair of machines while something is done, and until everybody is answered again.
    pub fn watch(&self, work: impl FnOnce()) -> Vec<Gap> {
        let begun = Instant::now();
        work();
        self.settle();
        self.clients.gaps(begun)
    }

    /// The hardware address that the client in the LAN has for an address.
    pub fn hardware_address(&self, address: Ipv4Addr) -> String {
        let shown = space::run("ip", &["-n", &self.space.name("client"), "neigh", "show", &address.to_string()]);
        let mut words = shown.split_whitespace().skip_while(|word| *word != "lladdr");
        words.nth(1).unwrap_or_default().to_owned()
    }

    /// What the routers did, by the second.
    fn story(&self, begun: Instant) -> String {
        let mut all: Vec<(Instant, String)> = Vec::new();
        for (role, router) in &self.routers {
            let log = router.view().log;
            all.extend(log.into_iter().map(|(at, what)| (at, format!("{}: {what}", place_of(*role)))));
        }
        all.sort();
        let line =
            |(at, what): &(Instant, String)| format!("  {:+6.2} s {what}\n", at.duration_since(begun).as_secs_f64());
        all.iter().map(line).collect()
    }

    /// What the routers did in the last measurement, for the one who has to understand it.
    pub fn last_story(&self) -> String {
        self.story.lock().unwrap().clone()
    }

    /// The state of everything, for a message.
    pub fn describe(&self) -> String {
        let mut text = String::new();
        for (role, router) in &self.routers {
            let view = router.view();
            text += &format!(
                "{}: active {}, priority {}, tracks {:?}, tunnel {}\n",
                place_of(*role),
                view.active,
                view.priority,
                view.tracks,
                view.tunnel
            );
            text += &space::run("ip", &["-n", &self.space.name(place_of(*role)), "route"]);
        }
        text + &self.clients.describe()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.coup.take() {
            stop.store(true, Ordering::Relaxed);
            let _ = thread.join();
        }
    }
}

/// The name of a router's namespace.
pub fn place_of(role: Role) -> &'static str {
    match role {
        Role::PrimaryCpe => "cpe-a",
        Role::StandbyCpe => "cpe-b",
        Role::Hub => "hub",
    }
}

/// The cable of a line to the carrier, which is also the name of its device at our router.
pub fn line_of(edge: EdgeAt) -> &'static str {
    match edge {
        EdgeAt::Primary => "wan-a",
        EdgeAt::Backup => "wan-b",
        EdgeAt::Hub => "wan-h",
    }
}

/// The cable of the LTE network.
pub fn lte_cable(scene: &Scene) -> Option<&'static str> {
    scene.surroundings.lte.as_ref().map(|lte| match lte.landing {
        Landing::Internet => LTE,
        Landing::Vpn => line_of(EdgeAt::Backup),
    })
}

/// Firewall, clients and servers: machines with one way out, which no text describes.
fn machines(space: &Space, scene: &Scene) {
    let around = &scene.surroundings;
    let (lan, gateway) = (around.lan.prefix(), around.firewall.address);
    space.ip("fw", &["address", "add", &format!("{gateway}/{lan}"), "dev", LAN]);
    for (network, hop) in &around.firewall.routes {
        space.ip("fw", &["route", "add", &network.to_string(), "via", &hop.to_string()]);
    }
    space.inside("fw", || space::setting("ip_forward", "1"));
    for client in &around.clients {
        let address = client.address;
        if around.lan.contains(address) {
            space.ip("client", &["address", "add", &format!("{address}/{lan}"), "dev", LAN]);
            space.ip("client", &["route", "add", "default", "via", &gateway.to_string()]);
            for (network, hop) in &client.routes {
                space.ip("client", &["route", "add", &network.to_string(), "via", &hop.to_string()]);
            }
        } else {
            let next = Ipv4Addr::from(u32::from(address) ^ 1);
            space.ip("fw", &["address", "add", &format!("{next}/31"), "dev", "inside"]);
            space.ip("behind", &["address", "add", &format!("{address}/31"), "dev", "out"]);
            space.ip("behind", &["route", "add", "default", "via", &next.to_string()]);
        }
    }
    // Where a server does not stand now, it may stand later: its program waits there.
    for place in ["town", "kept"] {
        space.inside(place, || {
            space::setting("ip_nonlocal_bind", "1");
            // Others stay when the first address of a place goes.
            space::setting("conf/all/promote_secondaries", "1");
        });
    }
    let mut served = BTreeSet::new();
    for server in &around.servers {
        let (place, device, length, gateway) = match server.place {
            Place::Town => ("town", LAN, lan, gateway),
            Place::SadKept => ("kept", "hub", lan, gateway),
            Place::SadNew => ("new", "hub", around.vlans.sad.prefix(), around.vlans.sad_gateway),
            Place::Hub | Place::SadBeside(_) => continue,
        };
        space.ip(place, &["address", "add", &format!("{}/{length}", server.address), "dev", device]);
        if served.insert(place) {
            space.ip(place, &["route", "add", "default", "via", &gateway.to_string()]);
        }
    }
}

/// Which device of the lab stands for which port of the text: told by what it is connected to.
fn making(scene: &Scene, router: &SceneRouter, folder: std::path::PathBuf) -> Making {
    let around = &scene.surroundings;
    let vrf = (router.role == Role::Hub).then(|| vrf_of(router, around.vlans.handoff));
    let device = &router.device;
    let mut jacks = Vec::new();
    for interface in &device.interfaces {
        let port = &interface.name.value;
        let of_vrf = interface.vrf.as_ref().map(|at| at.value.clone()) == vrf;
        let vlan = interface.vlan.map(|at| at.value);
        let plugged = if port.0.starts_with("Cellular") || of_vrf && is_tunnel(port) {
            lte_cable(scene)
        } else if !of_vrf {
            None
        } else if port.0.starts_with("Loopback") {
            Some("lo")
        } else if router.role == Role::Hub {
            match vlan {
                Some(vlan) if vlan == around.vlans.handoff => Some(line_of(EdgeAt::Hub)),
                Some(vlan) if vlan == around.vlans.kept => Some("kept"),
                Some(vlan) if vlan == around.vlans.new => Some("new"),
                _ => None,
            }
        } else {
            let line =
                around.carrier.edges.iter().find(|edge| {
                    edge.router == router.role && interface.network().map(|own| own.ip()) == Some(edge.ce)
                });
            let lan = interface.network().is_some_and(|own| around.lan.contains(own.ip()));
            line.map(|edge| line_of(edge.at)).or(lan.then_some(LAN))
        };
        let Some(plugged) = plugged else { continue };
        // What a modem is given by the carrier: the address to which it hands packets.
        let given = around.carrier.edges.iter().find(|edge| edge.pe.is_none() && line_of(edge.at) == plugged);
        let given = given.and_then(|edge| Ipv4Network::new(edge.ce, edge.wan.prefix()).ok());
        jacks.push(Jack {
            port: port.clone(),
            device: plugged.to_owned(),
            network: interface.network().or(given),
            far_end: given
                .map(|_| carrier::CELLULAR)
                .or(is_tunnel(port).then_some(OUTER[usize::from(router.role != Role::Hub)])),
        });
    }
    let tunnel = around.lte.as_ref().and_then(|_| tunnel_end(scene, router, &jacks));
    Making { device: device.clone(), vrf, jacks, tunnel, folder }
}

/// The routing table of the handoff's VLAN.
fn vrf_of(hub: &SceneRouter, handoff: u16) -> String {
    let interface = hub.device.interfaces.iter().find(|interface| interface.vlan.is_some_and(|at| at.value == handoff));
    interface.and_then(|interface| interface.vrf.clone()).expect("the handoff is in a VRF").value
}

fn is_tunnel(port: &Port) -> bool {
    port.0.starts_with("Tunnel") || port.0.starts_with("Virtual-Template")
}

/// The tunnel of a router that has one in the lab. The hub learns the CPE's address from the CPE
/// (`route set interface`), which has it from its own text.
fn tunnel_end(scene: &Scene, router: &SceneRouter, jacks: &[Jack]) -> Option<TunnelEnd> {
    let port = jacks.iter().find(|jack| is_tunnel(&jack.port))?.port.clone();
    let interface = router::interface(&router.device, &port);
    let dpd = dpd_of(&router.device, &port)?;
    let mut outer = OUTER;
    let mut given = None;
    if router.role == Role::Hub {
        outer.reverse();
        let caller = scene
            .routers
            .iter()
            .find(|other| Some(other.role) == scene.surroundings.lte.as_ref().map(|lte| lte.router))?;
        let inner = caller.device.interfaces.iter().find(|interface| is_tunnel(&interface.name.value))?;
        given = inner.network().map(|network| Ipv4Network::from(network.ip()));
    } else if !matches!(interface.address.as_ref().map(|at| &at.value), Some(Address::Static(_))) {
        return None;
    }
    let carrier = jacks.iter().find(|jack| jack.port.0.starts_with("Cellular")).map(|jack| jack.port.clone());
    Some(TunnelEnd { port, carrier, outer, given, dpd })
}

/// Times of dead peer detection of the IKE profile that protects a tunnel.
fn dpd_of(device: &Device, port: &Port) -> Option<(Duration, Duration)> {
    let ipsec = router::interface(device, port).tunnel.protection.as_ref()?;
    let ipsec = device.crypto.ipsec.iter().find(|profile| profile.name.value == ipsec.value)?;
    let ike = ipsec.ike.as_ref()?;
    let ike = device.crypto.profiles.iter().find(|profile| profile.name.value == ike.value)?;
    let (every, again, _) = ike.dpd?.value;
    Some((Duration::from_secs(every.into()), Duration::from_secs(again.into())))
}

/// The thread that plays HSRP's coup on the LAN.
fn coup(
    space: &Space,
    scene: &Scene,
    routers: &BTreeMap<Role, Router>,
    failed: Arc<Mutex<BTreeSet<Element>>>,
) -> (Arc<AtomicBool>, std::thread::JoinHandle<()>) {
    let watched: Vec<_> = scene
        .routers
        .iter()
        .filter_map(|router| {
            let with_group =
                |interface: &&traghetto::network::device::interface::Interface| !interface.standby.groups.is_empty();
            let interface = router.device.interfaces.iter().find(with_group)?;
            let address = interface.network()?.ip();
            Some((router.role, address, interface.standby.groups.first()?.clone(), routers[&router.role].handle()))
        })
        .collect();
    let stop = Arc::<AtomicBool>::default();
    let (stopped, entrance) = (stop.clone(), space.entrance("wires"));
    let thread = std::thread::spawn(move || {
        entrance.enter();
        let coup = Coup::new(LAN);
        while !stopped.load(Ordering::Relaxed) {
            let failed = failed.lock().unwrap().clone();
            let deaf = |role| {
                [Element::LanPort(role), Element::Router(role), Element::LanSwitch]
                    .iter()
                    .any(|element| failed.contains(element))
            };
            let members: BTreeMap<Ipv4Addr, Member> = watched
                .iter()
                .map(|(role, address, group, view)| (*address, Router::member(view, Some(group), !deaf(*role))))
                .collect();
            coup.step(&members);
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    (stop, thread)
}
