//! Network namespaces and the cables between them. Every cable is a bridge in a namespace of its own,
//! so that a fault touches no device of ours: with its ports down both ends lose the carrier, with
//! the bridge itself down both ends keep it and frames vanish.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The namespace of all cables.
const WIRES: &str = "wires";

/// What every namespace's name begins with, before the process that made it.
const MARK: &str = "trlab";

/// The namespaces of one lab; removed on drop.
pub struct Space {
    id: String,
    places: Vec<String>,
}

impl Space {
    /// A space with nothing in it but cables to come.
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        if number == 0 {
            sweep();
        }
        let mut space = Self { id: format!("{MARK}{}x{number}", std::process::id()), places: Vec::new() };
        space.add(WIRES);
        space
    }

    /// Adds a place that forwards nothing, sends no redirects, and drops what its routing table does
    /// not know or knows only through a dead port.
    pub fn add(&mut self, place: &str) {
        self.places.push(place.to_owned());
        run("ip", &["netns", "add", &self.name(place)]);
        self.ip(place, &["link", "set", "lo", "up"]);
        self.inside(place, || {
            for scope in ["all", "default"] {
                for (key, value) in [
                    ("rp_filter", "0"),
                    ("send_redirects", "0"),
                    ("accept_redirects", "0"),
                    ("ignore_routes_with_linkdown", "1"),
                ] {
                    setting(&format!("conf/{scope}/{key}"), value);
                }
            }
            let _ = std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
        });
    }

    /// A cable, or a switch where it has more than two ends: `(place, device)`.
    pub fn cable(&self, cable: &str, ends: &[(&str, &str)]) {
        self.ip(WIRES, &["link", "add", cable, "type", "bridge", "mcast_snooping", "0"]);
        self.ip(WIRES, &["link", "set", cable, "up"]);
        for (place, device) in ends {
            let (port, wires, name) = (port(cable, place), self.name(WIRES), self.name(place));
            run(
                "ip",
                &[
                    "link", "add", "name", device, "netns", &name, "type", "veth", "peer", "name", &port, "netns",
                    &wires,
                ],
            );
            self.ip(WIRES, &["link", "set", &port, "master", cable, "up"]);
            self.ip(place, &["link", "set", device, "up"]);
            // Linux lets others answer first, by up to a second; a router does not.
            self.inside(place, || setting(&format!("neigh/{device}/proxy_delay"), "0"));
        }
    }

    /// Pulls the plug of `place` on a cable, or puts it back: that end loses its carrier, and so does
    /// the other one of a cable with two ends if its plug is pulled too.
    pub fn plug(&self, cable: &str, place: &str, state: &str) {
        self.ip(WIRES, &["link", "set", &port(cable, place), state]);
    }

    /// Makes a cable lose every frame while its ends see a carrier, or carry again.
    pub fn carry(&self, cable: &str, state: &str) {
        self.ip(WIRES, &["link", "set", cable, state]);
    }

    /// The name of a place's namespace.
    pub fn name(&self, place: &str) -> String {
        format!("{}-{place}", self.id)
    }

    /// Runs `ip` in a place.
    #[track_caller]
    pub fn ip(&self, place: &str, arguments: &[&str]) {
        run("ip", &[&["-n", &self.name(place)], arguments].concat());
    }

    /// Does something, and starts what it starts, in the network of a place.
    pub fn inside<T: Send>(&self, place: &str, work: impl FnOnce() -> T + Send) -> T {
        let entrance = self.entrance(place);
        std::thread::scope(|scope| {
            let inner = scope.spawn(move || {
                entrance.enter();
                work()
            });
            inner.join().unwrap()
        })
    }

    /// The way into a place, for a thread that stays there.
    pub fn entrance(&self, place: &str) -> Entrance {
        Entrance(File::open(format!("/run/netns/{}", self.name(place))).unwrap())
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        for place in &self.places {
            let _ = Command::new("ip").args(["netns", "del", &self.name(place)]).stderr(Stdio::null()).status();
        }
    }
}

/// The way into a namespace.
pub struct Entrance(File);

impl Entrance {
    /// Moves the calling thread there, and what it starts.
    pub fn enter(&self) {
        let network = rustix::thread::LinkNameSpaceType::Network;
        rustix::thread::move_into_link_name_space(self.0.as_fd(), Some(network)).unwrap();
    }
}

/// Writes a setting below `net/ipv4` of the calling thread's namespace.
#[track_caller]
pub fn setting(key: &str, value: &str) {
    std::fs::write(format!("/proc/sys/net/ipv4/{key}"), value).unwrap_or_else(|error| panic!("{key}: {error}"));
}

/// Carries out lines of `ip -batch` in the calling thread's namespace.
#[track_caller]
pub fn batch(lines: &str) {
    use std::io::Write;
    let mut child = Command::new("ip")
        .args(["-force", "-batch", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{lines}{}", String::from_utf8_lossy(&output.stderr));
}

/// Runs a program that must succeed.
#[track_caller]
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn port(cable: &str, place: &str) -> String {
    format!("{cable}.{place}")
}

/// Removes the namespaces that a killed run of these tests left behind: those that carry our mark
/// and the number of a process that is no more.
fn sweep() {
    for entry in std::fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(MARK).and_then(|rest| rest.split('x').next()).map(str::to_owned);
        if owner.is_some_and(|owner| !std::path::Path::new("/proc").join(owner).exists()) {
            let _ = Command::new("ip").args(["netns", "del", &name]).stderr(Stdio::null()).status();
        }
    }
}
