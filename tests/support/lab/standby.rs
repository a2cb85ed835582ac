//! HSRP by keepalived: VRRP with the virtual MAC of the text's group, its hello as advert interval, its
//! priority, and a track file through which tracked objects lower it.
//!
//! VRRP differs from HSRP in one point that outages show. A backup that hears a lower priority than
//! its own waits its whole master-down interval (RFC 5798, 6.4.2); a standby router with `preempt`
//! answers the first such hello with a coup (RFC 2281, 5.3 and 5.7). `Coup` makes keepalived do the
//! same: when an advert shows a priority below that of another router that may preempt, it resigns in
//! the sender's name, as VRRP writes it, with priority 0.

use super::echo::checksum;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrV4, SocketFlags, SocketType, ipproto};
use std::collections::BTreeMap;
use std::fs::File;
use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use traghetto::network::device::interface::{Group, Interface};

/// The device on which keepalived holds the virtual address.
pub const VIRTUAL: &str = "vip0";
/// Where VRRP speaks.
const VRRP_GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
const VRRP: rustix::net::Protocol = rustix::net::Protocol::from_raw(NonZeroU32::new(112).unwrap());

/// keepalived of one router; ends with it.
pub struct Keepalived {
    child: Child,
    track_file: PathBuf,
    written: i32,
}

impl Keepalived {
    /// Starts it in the calling thread's namespace, which must live as long: the program is told to
    /// end with the thread that started it, even if that is killed.
    pub fn new(folder: &Path, device: &str, interface: &Interface, group: &Group) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let track_file = folder.join("lowered");
        std::fs::write(&track_file, "0").unwrap();
        let config = folder.join("keepalived.conf");
        std::fs::write(&config, text(&track_file, device, interface, group)).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "keepalived", "--dont-fork", "--log-console", "--log-detail", "--vrrp"])
            .arg("--use-file")
            .arg(&config)
            .arg("--pid")
            .arg(folder.join("pid"))
            .arg("--vrrp_pid")
            .arg(folder.join("vrrp-pid"))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, track_file, written: 0 }
    }

    /// Lowers its priority by that much.
    pub fn lower(&mut self, by: i32) {
        if by != self.written {
            std::fs::write(&self.track_file, (-by).to_string()).unwrap();
            self.written = by;
        }
    }
}

impl Drop for Keepalived {
    fn drop(&mut self) {
        // It ends its own child when asked; only if it does not within two seconds is it killed.
        if let Some(id) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(2) {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The configuration. An active HSRP router sends every hello from the virtual MAC address (RFC 2281,
/// 5.2), by which switches keep knowing its port; keepalived says so by a gratuitous ARP every second.
/// Without that, an old active that answers the new one's first ARP a moment before it gives up takes
/// the port back for five seconds. What is not of HSRP's own (delays before preempting, silence after
/// the port came up) is left out: it says how long a return takes, and every measured outage begins
/// before one.
fn text(track_file: &Path, device: &str, interface: &Interface, group: &Group) -> String {
    let timers = group.timers();
    let hello = f64::from(timers.hello_ms) / 1000.0;
    let adverts = (timers.hold_ms / timers.hello_ms).max(1);
    let preempt = if group.preempt.is_some() { "" } else { " nopreempt\n" };
    let (number, priority) = (*group.number, group.priority());
    let mac = virtual_mac(interface, number);
    let vip = group.vip.expect("a group with a virtual address").value;
    format!(
        "global_defs {{\n script_user root\n vrrp_version 3\n vrrp_garp_master_repeat 2\n \
         vrrp_garp_master_delay 1\n vrrp_garp_master_refresh 1\n vrrp_down_timer_adverts {adverts}\n}}\ntrack_file lowered {{\n file \"{}\"\n weight 1\n}}\nvrrp_instance lan {{\n state BACKUP\n \
         interface {device}\n virtual_router_id {}\n priority {priority}\n advert_int {hello}\n{preempt} use_vmac \
         {VIRTUAL} {mac}\n vmac_xmit_base\n virtual_ipaddress {{\n  {vip}/32\n }}\n track_file {{\n  lowered\n }}\n}}\n",
        track_file.display(),
        number % 255 + 1,
    )
}

/// The virtual MAC address as Linux writes it: version 2 has twelve bits for the group, version 1 eight.
fn virtual_mac(interface: &Interface, group: u16) -> String {
    match interface.standby.version.map(|at| at.value) {
        Some(2) => format!("00:00:0c:9f:f{:x}:{:02x}", group >> 8 & 0xf, group & 0xff),
        _ => format!("00:00:0c:07:ac:{:02x}", group & 0xff),
    }
}

/// A router as the others of its group see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its priority at this moment.
    pub priority: u8,
    /// Whether it takes over from a live router of lower priority.
    pub preempts: bool,
    /// Whether it hears the LAN.
    pub hears: bool,
}

/// Watches a LAN on behalf of HSRP; lives in the namespace of the switch.
pub struct Coup {
    socket: OwnedFd,
    sender: OwnedFd,
}

impl Coup {
    /// Listens on the switch `lan` of the calling thread's namespace.
    pub fn new(lan: &str) -> Self {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let raw =
            |protocol| rustix::net::socket_with(AddressFamily::INET, SocketType::RAW, flags, Some(protocol)).unwrap();
        let (socket, sender) = (raw(VRRP), raw(ipproto::RAW));
        let index = rustix::net::netdevice::name_to_index(&socket, lan).unwrap();
        rustix::net::sockopt::set_ip_add_membership_with_ifindex(&socket, &VRRP_GROUP, &Ipv4Addr::UNSPECIFIED, index)
            .unwrap();
        super::space::batch(&format!("route replace 224.0.0.0/4 dev {lan}\n"));
        Self { socket, sender }
    }

    /// Reads the adverts that came, and resigns for whoever has to go.
    pub fn step(&self, members: &BTreeMap<Ipv4Addr, Member>) {
        let mut buffer = [0_u8; 512];
        while let Ok((length, _)) = rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
            let mut packet = buffer[..length].to_vec();
            if packet.len() < 28 || packet[22] == 0 {
                continue;
            }
            let from = Ipv4Addr::new(packet[12], packet[13], packet[14], packet[15]);
            let better = |(address, member): (&Ipv4Addr, &Member)| {
                *address != from && member.hears && member.preempts && member.priority > packet[22]
            };
            if members.iter().any(better) {
                packet[22] = 0;
                packet[26..28].fill(0);
                let sum = checksum(
                    &[&packet[12..20], &[0, 112], &((length - 20) as u16).to_be_bytes(), &packet[20..]].concat(),
                );
                packet[26..28].copy_from_slice(&sum.to_be_bytes());
                let _ =
                    rustix::net::sendto(&self.sender, &packet, SendFlags::DONTWAIT, &SocketAddrV4::new(VRRP_GROUP, 0));
            }
        }
    }
}
