//! A router of the lab: a thread in a namespace that does what its text says. It watches its ports,
//! asks its probes, keeps its routing table in the kernel, and runs keepalived for its group.

use super::echo::Echo;
use super::space::{Entrance, batch, setting};
use super::standby::{Keepalived, Member, VIRTUAL};
use super::table::{Hop, Jack, Table, difference, table};
use super::tracking::Tracking;
use ipnetwork::Ipv4Network;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use traghetto::network::device::interface::{Group, Interface};
use traghetto::network::device::route::Route;
use traghetto::network::device::{Device, Port};

/// How often a router looks around.
const TICK: Duration = Duration::from_millis(25);

/// Addresses of the tunnel's outer packets in the lab: the CPE's and the hub's.
pub const OUTER: [Ipv4Addr; 2] = [Ipv4Addr::new(169, 254, 7, 2), Ipv4Addr::new(169, 254, 7, 1)];

/// What a router is made of.
pub struct Making {
    /// Its text, read.
    pub device: Device,
    /// The routing table that counts; none is the global one.
    pub vrf: Option<String>,
    /// Its ports that are in the lab.
    pub jacks: Vec<Jack>,
    /// The tunnel, where it has one.
    pub tunnel: Option<TunnelEnd>,
    /// Where its files are.
    pub folder: PathBuf,
}

/// One end of the tunnel.
#[derive(Debug, Clone)]
pub struct TunnelEnd {
    /// Its port.
    pub port: Port,
    /// The port that carries it, whose loss takes it down at once.
    pub carrier: Option<Port>,
    /// Its outer address, and the other end's.
    pub outer: [Ipv4Addr; 2],
    /// The route that the other end gives when the tunnel comes up (`route set interface`).
    pub given: Option<Ipv4Network>,
    /// Time between two questions of DPD, and between repeats that are not answered.
    pub dpd: (Duration, Duration),
}

/// How often IKE asks again before it calls the other end dead.
pub const DPD_REPEATS: u32 = 5;

/// What a router shows.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Whether it has the virtual address.
    pub active: bool,
    /// Its priority.
    pub priority: u8,
    /// Its tracked objects.
    pub tracks: BTreeMap<u16, bool>,
    /// Its routing table.
    pub table: Table,
    /// Whether the tunnel is up.
    pub tunnel: bool,
    /// What changed, when.
    pub log: Vec<(Instant, String)>,
}

/// A running router.
pub struct Router {
    view: Arc<Mutex<View>>,
    told: Arc<Mutex<Option<Device>>>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Router {
    /// Starts it.
    pub fn new(entrance: Entrance, making: Making) -> Self {
        let (view, stop) = (Arc::<Mutex<View>>::default(), Arc::<AtomicBool>::default());
        let told = Arc::<Mutex<Option<Device>>>::default();
        let (seen, stopped, news) = (view.clone(), stop.clone(), told.clone());
        let thread = std::thread::spawn(move || {
            entrance.enter();
            let mut running = Running::new(making, seen);
            while !stopped.load(Ordering::Relaxed) {
                if let Some(device) = news.lock().unwrap().take() {
                    running.making.device = device;
                }
                running.step();
                std::thread::sleep(TICK);
            }
        });
        Self { view, told, stop, thread: Some(thread) }
    }

    /// Gives it another configuration, which differs in routes only.
    pub fn configure(&self, device: Device) {
        *self.told.lock().unwrap() = Some(device);
    }

    /// What it shows.
    pub fn view(&self) -> View {
        assert!(!self.thread.as_ref().is_some_and(std::thread::JoinHandle::is_finished), "a router of the lab fell");
        self.view.lock().unwrap().clone()
    }

    /// As the others of its group see it.
    pub fn member(view: &Mutex<View>, group: Option<&Group>, hears: bool) -> Member {
        let priority = view.lock().unwrap().priority;
        Member { priority, preempts: group.is_some_and(|group| group.preempt.is_some()), hears }
    }

    /// The handle of what it shows.
    pub fn handle(&self) -> Arc<Mutex<View>> {
        self.view.clone()
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Running {
    making: Making,
    tracking: Tracking,
    keepalived: Option<Keepalived>,
    dpd: Option<Dpd>,
    table: Table,
    local: BTreeSet<String>,
    active: Option<bool>,
    view: Arc<Mutex<View>>,
}

impl Running {
    fn new(making: Making, view: Arc<Mutex<View>>) -> Self {
        setting("ip_forward", "1");
        setting("conf/default/forwarding", "0");
        let mut lines = String::new();
        let mut local = BTreeSet::new();
        for jack in &making.jacks {
            let Some(network) = jack.network else { continue };
            lines += &format!("address add {network} dev {} noprefixroute\n", jack.device);
            local.insert(jack.device.clone());
        }
        if let Some(end) = &making.tunnel {
            let device = making.jacks.iter().find(|jack| jack.port == end.port).unwrap().device.clone();
            lines += &format!("address add {}/30 dev {device}\n", end.outer[0]);
        }
        batch(&lines);
        for jack in making.jacks.iter().filter(|jack| jack.device != "lo") {
            let interface = interface(&making.device, &jack.port);
            // Two devices of one LAN count as one: proxy ARP answers only for what is behind another.
            setting(&format!("conf/{}/medium_id", jack.device), "1");
            if interface.standby.groups.is_empty() {
                let answers = interface.answers_for_others();
                setting(&format!("conf/{}/proxy_arp", jack.device), if answers { "1" } else { "0" });
            }
            setting(&format!("conf/{}/forwarding", jack.device), "1");
        }
        for (number, jack) in making.jacks.iter().filter(|jack| jack.device != "lo").enumerate() {
            setting(&format!("conf/{}/medium_id", jack.device), &(number + 1).to_string());
        }
        let group = lan(&making);
        let keepalived =
            group.map(|(jack, interface, group)| Keepalived::new(&making.folder, &jack.device, interface, group));
        let tracking = Tracking::new(&making.device, &making.jacks, phase());
        let dpd = making.tunnel.as_ref().map(|end| Dpd::new(end.clone()));
        Self { tracking, keepalived, dpd, table: Table::new(), local, active: None, view, making }
    }

    fn step(&mut self) {
        let links = links();
        let carried = |jack: &Jack| jack.device == "lo" || links.running.contains(&jack.device);
        let tunnel = self.dpd.as_mut().is_none_or(Dpd::step);
        let end = self.making.tunnel.clone();
        let is_up = |jack: &Jack| {
            let shut = interface(&self.making.device, &jack.port).shutdown.is_some();
            !shut && carried(jack) && (tunnel || end.as_ref().is_none_or(|end| end.port != jack.port))
        };
        let up: Vec<Jack> = self.making.jacks.iter().filter(|jack| is_up(jack)).cloned().collect();
        let tracks = self.tracking.step(|port| up.iter().any(|jack| jack.port == *port));
        self.addresses(&up);
        self.routes(&up, &tracks, tunnel);
        let priority = self.priority(&tracks);
        let active = links.virtual_address;
        self.answer_for_the_group(links.virtual_device, active);
        let mut view = self.view.lock().unwrap();
        let now = Instant::now();
        for (id, up) in &tracks {
            if view.tracks.get(id) != Some(up) {
                view.log.push((now, format!("track {id} {}", if *up { "up" } else { "down" })));
            }
        }
        if view.active != active {
            view.log.push((now, if active { "active" } else { "not active" }.to_owned()));
        }
        if view.tunnel != tunnel {
            view.log.push((now, format!("tunnel {tunnel}")));
        }
        (view.active, view.priority, view.tracks, view.tunnel) = (active, priority, tracks, tunnel);
        if view.table != self.table {
            view.table = self.table.clone();
        }
    }

    /// A router does not answer at the address of a port that is down; Linux would.
    fn addresses(&mut self, up: &[Jack]) {
        let mut lines = String::new();
        for jack in self.making.jacks.iter().filter(|jack| jack.device != "lo") {
            let Some(network) = jack.network else { continue };
            let is_up = up.iter().any(|other| other.port == jack.port);
            let (address, device) = (network.ip(), &jack.device);
            if is_up && self.local.insert(device.clone()) {
                lines += &format!(
                    "route replace local {address} dev {device} table local proto kernel scope host src {address}\n"
                );
            } else if !is_up && self.local.remove(device) {
                lines += &format!("route del local {address} dev {device} table local\n");
            }
        }
        if !lines.is_empty() {
            batch(&lines);
        }
    }

    fn routes(&mut self, up: &[Jack], tracks: &BTreeMap<u16, bool>, tunnel: bool) {
        let routes: Vec<&Route> = self
            .making
            .device
            .routes
            .iter()
            .filter(|route| route.vrf == self.making.vrf)
            .filter(|route| route.track.is_none_or(|object| tracks.get(&object).copied().unwrap_or(true)))
            .collect();
        let given: Vec<(Ipv4Network, Hop)> = self
            .making
            .tunnel
            .iter()
            .filter(|end| tunnel && up.iter().any(|jack| jack.port == end.port))
            .filter_map(|end| {
                let jack = self.making.jacks.iter().find(|jack| jack.port == end.port)?;
                Some((end.given?, Hop::Via(jack.device.clone(), end.outer[1])))
            })
            .collect();
        let wanted = table(&up.iter().collect::<Vec<_>>(), &given, &routes);
        let lines = difference(&self.table, &wanted);
        if !lines.is_empty() {
            batch(&lines);
            self.table = wanted;
        }
    }

    /// The priority of its group, told to keepalived.
    fn priority(&mut self, tracks: &BTreeMap<u16, bool>) -> u8 {
        let Some((_, _, group)) = lan(&self.making) else { return 0 };
        let lost = |object: u16| tracks.get(&object).is_some_and(|up| !up);
        let lowered: u8 = group.tracks.iter().filter(|track| lost(track.object)).map(|track| track.by).sum();
        let priority = group.priority().saturating_sub(lowered);
        if let Some(keepalived) = &mut self.keepalived {
            keepalived.lower(lowered.into());
        }
        priority
    }

    /// Only the active router forwards what comes to the virtual MAC, and answers for others with it.
    fn answer_for_the_group(&mut self, exists: bool, active: bool) {
        if !exists || self.active == Some(active) {
            return;
        }
        let Some((jack, interface, _)) = lan(&self.making) else { return };
        let medium = std::fs::read_to_string(format!("/proc/sys/net/ipv4/conf/{}/medium_id", jack.device)).unwrap();
        setting(&format!("conf/{VIRTUAL}/medium_id"), medium.trim());
        setting(&format!("neigh/{VIRTUAL}/proxy_delay"), "0");
        setting(&format!("conf/{VIRTUAL}/send_redirects"), "0");
        let answers = active && interface.answers_for_others();
        setting(&format!("conf/{VIRTUAL}/proxy_arp"), if answers { "1" } else { "0" });
        setting(&format!("conf/{VIRTUAL}/forwarding"), if active { "1" } else { "0" });
        self.active = Some(active);
    }
}

/// The port with the group.
fn lan(making: &Making) -> Option<(&Jack, &Interface, &Group)> {
    making.jacks.iter().find_map(|jack| {
        let interface = interface(&making.device, &jack.port);
        Some((jack, interface, interface.standby.groups.first()?))
    })
}

/// A port as the text describes it.
pub fn interface<'a>(device: &'a Device, port: &Port) -> &'a Interface {
    device.interfaces.iter().find(|interface| interface.name.value == *port).unwrap()
}

/// IKE's dead peer detection, by echo requests between the outer addresses.
struct Dpd {
    end: TunnelEnd,
    echo: Echo,
    up: bool,
    unanswered: u32,
    next: Instant,
}

impl Dpd {
    fn new(end: TunnelEnd) -> Self {
        Self { end, echo: Echo::new(), up: true, unanswered: 0, next: Instant::now() }
    }

    /// Whether the tunnel is up. A tunnel that is down is called again every second.
    fn step(&mut self) -> bool {
        let now = Instant::now();
        if !self.echo.heard().is_empty() {
            (self.up, self.unanswered) = (true, 0);
            self.next = now + if self.up { self.end.dpd.0 } else { Duration::from_secs(1) };
        } else if now >= self.next {
            self.unanswered += 1;
            if self.unanswered > DPD_REPEATS + 1 {
                self.up = false;
            }
            self.echo.ask(self.end.outer[0], self.end.outer[1]);
            self.next = now + if self.up { self.end.dpd.1 } else { Duration::from_secs(1) };
        }
        self.up
    }
}

/// The devices of the calling thread's namespace.
struct Links {
    running: BTreeSet<String>,
    virtual_device: bool,
    virtual_address: bool,
}

fn links() -> Links {
    use nix::net::if_::InterfaceFlags;
    let mut links = Links { running: BTreeSet::new(), virtual_device: false, virtual_address: false };
    for entry in nix::ifaddrs::getifaddrs().unwrap() {
        let alive = entry.flags.contains(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING);
        if entry.interface_name == VIRTUAL {
            links.virtual_device = true;
            links.virtual_address |= alive && entry.address.is_some_and(|address| address.as_sockaddr_in().is_some());
        }
        if alive {
            links.running.insert(entry.interface_name);
        }
    }
    links
}

/// A number from 0 to 1.
pub fn phase() -> f64 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).unwrap();
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}
