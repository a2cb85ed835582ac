//! A real Active Directory domain controller, Samba, in network, mount, process and host name spaces of
//! its own, beside a place that asks it. It is `dc1.cinto.lan` at 192.0.2.10 and has its name service,
//! its key centre, its shares; its clock is told over NTP by a small program, since Samba tells none.
//!
//! Needs root and the Debian packages samba-ad-dc, samba-ad-provision, libfaketime, procps, iproute2 and
//! util-linux. Its files are in memory; it ends with the test, however that ends.

mod resolver;

use super::lab::space::Space;
use super::sshd::Sshd;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Its address.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
/// The places of the controller, of whoever asks it, of the provider's resolver, and of a probe machine
/// that whoever asks reaches in another network, too.
const PLACES: [(&str, &str); 4] =
    [("dc", "192.0.2.10/24"), ("sad", "192.0.2.20/24"), ("provider", "192.0.2.53/24"), ("probe", "192.0.2.30/24")];
/// The probe machine, as whoever asks reaches it.
pub const PROBE: &str = "10.9.0.5";

/// Its services that may be left out, with the ports that answer when they have started.
const SERVICES: [(&str, &[u16]); 5] =
    [("dns", &[53]), ("kdc", &[88, 464]), ("rpc", &[135]), ("s3fs", &[445]), ("ldap", &[389, 3268])];

const FIRST: &str = include_str!("samba/first.sh");
const CLOCK: &str = include_str!("samba/clock.py");
const CATALOG: &str = include_str!("samba/catalog.py");

/// How the controller runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Running {
    /// A service that is left out.
    pub without: Option<&'static str>,
    /// How far its clock is from this machine's, such as `+10m`.
    pub clock: Option<&'static str>,
    /// Whether its database is the one that was kept when the domain was new.
    pub older: bool,
}

/// The domain controller. Its parts end in the order of the fields: the namespaces last.
pub struct Samba {
    first: Child,
    /// The first process, as this machine numbers it.
    pid: String,
    running: Running,
    _resolver: resolver::Resolver,
    space: Space,
}

impl Samba {
    /// Provisions a new domain, keeps its database, starts, and adds what a town adds: users.
    pub fn start() -> Self {
        let mut space = Space::new();
        PLACES.iter().for_each(|(place, _)| space.add(place));
        space.cable("lan", &PLACES.map(|(place, _)| (place, "eth0")));
        PLACES.iter().for_each(|(place, address)| space.ip(place, &["address", "add", address, "dev", "eth0"]));
        space.cable("mgmt", &[("sad", "eth1"), ("probe", "eth1")]);
        for (place, address) in [("sad", "10.9.0.1/24"), ("probe", "10.9.0.5/24")] {
            space.ip(place, &["address", "add", address, "dev", "eth1"]);
        }
        let resolver = space.inside("provider", resolver::Resolver::start);
        let (first, pid) = space.inside("dc", first);
        let samba = Self { first, pid, running: Running::default(), _resolver: resolver, space };
        samba.sh(&format!("cat >/run/clock.py <<'END'\n{CLOCK}END\ncat >/run/catalog.py <<'END'\n{CATALOG}END\n"));
        samba.sh("samba-tool domain provision --realm=CINTO.LAN --domain=CINTO --server-role=dc --use-rfc2307 \
             --dns-backend=SAMBA_INTERNAL --host-name=dc1 --host-ip=192.0.2.10 --function-level=2008_R2 \
             --option='dns forwarder=192.0.2.53' --option='vfs objects=dfs_samba4 acl_xattr xattr_tdb'");
        samba.sh("cp -a /var/lib/samba/private /var/lib/samba/older");
        samba.begin();
        samba.sh("for number in 1 2 3 4 5 6 7 8; do samba-tool user create utente$number --random-password; done");
        samba
    }

    /// Lets it run in this way: starts it again if it runs in another one.
    pub fn run(&mut self, running: Running) {
        if running == self.running {
            return;
        }
        self.stop();
        match (self.running.older, running.older) {
            (false, true) => self.sh("cd /var/lib/samba; cp -a private today; rm -r private; cp -a older private"),
            (true, false) => self.sh("cd /var/lib/samba; rm -r private; mv today private"),
            _ => String::new(),
        };
        self.running = running;
        self.begin();
    }

    /// Starts it again as it is.
    pub fn restart(&self) {
        self.stop();
        self.begin();
    }

    /// Does something where the controller is asked from.
    pub fn asking<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.space.inside("sad", work)
    }

    /// Does something where it is asked from, as long as only the probe machine leads to it.
    pub fn behind_the_probe<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.space.plug("lan", "sad", "down");
        let done = self.asking(work);
        self.space.plug("lan", "sad", "up");
        done
    }

    /// The door of the probe machine.
    pub fn probe(&self) -> Sshd {
        self.space.inside("probe", Sshd::start)
    }

    /// Runs a script on the controller, which must succeed.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        let mut child = Command::new("nsenter")
            .args(["-t", &self.pid, "-m", "-n", "-u", "-p", "sh", "-es"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script}\n{said}{complaint}");
        said.into_owned()
    }

    /// Starts what was stopped, and waits until all of it answers.
    fn begin(&self) {
        let Running { without, clock, .. } = self.running;
        // Another clock has semaphores named after processes: those of before would be waited for.
        let faked = clock.map(|clock| {
            format!(
                "rm -f /dev/shm/*\nexport FAKETIME={clock} FAKETIME_DONT_FAKE_MONOTONIC=1 \
                 LD_PRELOAD=$(echo /usr/lib/*/faketime/libfaketime.so.1)\n"
            )
        });
        // Without the service that repairs its own records: what is broken stays so.
        let services = without.map_or_else(String::new, |service| format!(" -{service}"));
        self.sh(&format!(
            "exec >/run/begin.log 2>&1\n{}/usr/bin/python3 /run/clock.py &\necho $! >/run/clock.pid\n\
             samba -D --option='server services=-dnsupdate{services}'\n",
            faked.unwrap_or_default()
        ));
        let left_out = |service: &str| without == Some(service);
        let ports = SERVICES.iter().filter(|(service, _)| !left_out(service)).flat_map(|(_, ports)| *ports);
        let begun = Instant::now();
        self.asking(|| {
            for port in ports {
                let address = SocketAddr::from((ADDRESS, *port));
                while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
                    assert!(begun.elapsed() < Duration::from_secs(60), "port {port}: {}", self.log());
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
        });
    }

    fn stop(&self) {
        self.sh("kill $(cat /run/clock.pid /run/samba/samba.pid)\n\
             for try in $(seq 200); do pgrep -f '^samba|/smbd|/winbindd|clock.py' >/run/left || exit 0; sleep 0.1; done\n\
             echo 'it does not end'; exit 1\n");
    }

    fn log(&self) -> String {
        self.sh("tail -n 20 /run/begin.log /var/log/samba/log.samba 2>&1")
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        // The first process is the init of its namespace: with it all others end.
        let _ = self.first.kill();
        let _ = self.first.wait();
    }
}

/// Starts the first process in the network of the calling thread.
fn first() -> (Child, String) {
    let mut child = Command::new("unshare")
        .args(["--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"])
        .args(["sh", "-c", FIRST])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n", "the domain controller does not start: this needs root and the package samba-ad-dc");
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap();
    (child, children.trim().to_owned())
}
