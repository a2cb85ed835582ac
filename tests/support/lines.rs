//! A town behind two lines, as network namespaces: the SAD, a CPE on the primary line, a CPE on the
//! backup, and the town's LAN. Addresses are those of Cinto Caomaggiore in the project's inventory.
//! Needs root and the Debian package iproute2.

use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// The server's address in the LAN.
pub const SERVER: &str = "192.0.2.10";

/// A place with a network of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The operations host.
    Sad,
    /// The CPE on the primary line.
    Primary,
    /// The CPE on the backup.
    Backup,
    /// The town's LAN.
    Town,
}

/// The lines; removed on drop.
pub struct Lines {
    id: String,
}

impl Lines {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let lines = Self { id: format!("tr{}x{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst)) };
        for place in [Place::Sad, Place::Primary, Place::Backup, Place::Town] {
            ip(&["netns", "add", &lines.name(place)]);
            lines.ip(place, &["link", "set", "lo", "up"]);
        }
        lines.connect((Place::Sad, "primary"), (Place::Primary, "wan"));
        lines.connect((Place::Sad, "backup"), (Place::Backup, "wan"));
        lines.connect((Place::Town, "primary"), (Place::Primary, "lan"));
        lines.connect((Place::Town, "backup"), (Place::Backup, "lan"));
        lines.ip(Place::Town, &["link", "add", "lan", "type", "bridge"]);
        for port in ["primary", "backup"] {
            lines.ip(Place::Town, &["link", "set", port, "master", "lan"]);
        }
        lines.ip(Place::Town, &["link", "set", "lan", "up"]);
        for (place, device, address) in [
            (Place::Sad, "primary", "10.128.4.1/30"),
            (Place::Primary, "wan", "10.128.4.2/30"),
            (Place::Sad, "backup", "10.129.4.1/30"),
            (Place::Backup, "wan", "10.129.4.2/30"),
            (Place::Primary, "lan", "192.0.2.252/24"),
            (Place::Backup, "lan", "192.0.2.253/24"),
            (Place::Town, "lan", "192.0.2.10/24"),
        ] {
            lines.ip(place, &["address", "add", address, "dev", device]);
        }
        for place in [Place::Primary, Place::Backup] {
            lines.inside(place, || std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap());
            // Counts what the interface carries; the packets of a segmentation offload one by one.
            lines.queue(place, &["pfifo", "limit", "10000"]);
        }
        lines.carry(Place::Primary);
        lines
    }

    /// Moves both directions to the line of a CPE, as HSRP and the hub do.
    pub fn carry(&self, cpe: Place) {
        let (wan, lan) =
            if cpe == Place::Primary { ("10.128.4.2", "192.0.2.252") } else { ("10.129.4.2", "192.0.2.253") };
        self.ip(Place::Sad, &["route", "replace", "192.0.2.0/24", "via", wan]);
        self.ip(Place::Town, &["route", "replace", "default", "via", lan]);
        for (place, other, through) in
            [(Place::Primary, "10.129.4.0/30", "192.0.2.253"), (Place::Backup, "10.128.4.0/30", "192.0.2.252")]
        {
            self.ip(place, &["route", "replace", other, "via", through]);
        }
    }

    /// Puts a queue before the line of a CPE, from the town to the SAD.
    pub fn queue(&self, cpe: Place, discipline: &[&str]) {
        let name = self.name(cpe);
        run("tc", &[&["-n", &name, "qdisc", "replace", "dev", "wan", "root"], discipline].concat());
    }

    /// Bytes that the line of a CPE carried from the town to the SAD, with the headers of Ethernet.
    pub fn bytes(&self, cpe: Place) -> u64 {
        let text = run("tc", &["-n", &self.name(cpe), "-s", "-j", "qdisc", "show", "dev", "wan"]);
        let shown: serde_json::Value = serde_json::from_str(&text).unwrap();
        shown[0]["bytes"].as_u64().unwrap()
    }

    /// Does something, and starts what it starts, in the network of a place.
    pub fn inside<T: Send>(&self, place: Place, work: impl FnOnce() -> T + Send) -> T {
        let namespace = std::fs::File::open(format!("/run/netns/{}", self.name(place))).unwrap();
        let entered = move || {
            let network = rustix::thread::LinkNameSpaceType::Network;
            rustix::thread::move_into_link_name_space(namespace.as_fd(), Some(network)).unwrap();
            work()
        };
        std::thread::scope(|scope| scope.spawn(entered).join().unwrap())
    }

    fn name(&self, place: Place) -> String {
        format!("{}-{place:?}", self.id).to_lowercase()
    }

    fn ip(&self, place: Place, arguments: &[&str]) {
        ip(&[&["-n", &self.name(place)], arguments].concat());
    }

    fn connect(&self, one: (Place, &str), other: (Place, &str)) {
        let (from, to) = (self.name(one.0), self.name(other.0));
        ip(&["link", "add", "name", one.1, "netns", &from, "type", "veth", "peer", "name", other.1, "netns", &to]);
        self.ip(one.0, &["link", "set", one.1, "up"]);
        self.ip(other.0, &["link", "set", other.1, "up"]);
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        for place in [Place::Sad, Place::Primary, Place::Backup, Place::Town] {
            let _ = Command::new("ip").args(["netns", "del", &self.name(place)]).status();
        }
    }
}

fn ip(arguments: &[&str]) {
    run("ip", arguments);
}

#[track_caller]
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
