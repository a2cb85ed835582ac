//! The way to a host: who answers at each hop, and how long the round trip is.
//!
//! Each second one small UDP packet for each hop, with a time to live that ends there; the router
//! says so by ICMP, and `IP_RECVERR` shows us its address without any privilege (a raw socket would
//! need one). This is traceroute, over and over. It runs in a thread of its own: a round trip must not
//! be that of a busy executor, and inside the bulk stream it would be that of our own queue.

use super::ProbeError;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt, sockopt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// A look begins this often.
pub const EVERY: Duration = Duration::from_secs(1);
/// Answers that come later than this after the beginning of a look are not waited for.
const PATIENCE: Duration = Duration::from_millis(900);
/// Hops that are looked at, at most: a site is a few routers away.
const MOST_HOPS: u16 = 15;
/// Ports of traceroute, which firewalls know: these, in rounds of `MOST_HOPS`.
const FIRST_PORT: u16 = 33434;
/// Rounds before a port is used again: so many seconds late an answer may be.
const ROUNDS: u16 = 6;
/// Ports in all.
const PORTS: usize = (MOST_HOPS * ROUNDS) as usize;
/// Looks without an answer of the host itself after which it is looked for farther away again.
const LOST: u8 = 3;
/// ICMP: the time to live ran out on the way.
const TIME_EXCEEDED: u8 = 11;

/// A router, or the host itself, that answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// How far away: 1 is the first router.
    pub distance: u8,
    /// With which address it answered.
    pub address: Ipv4Addr,
    /// After which time.
    pub rtt: Duration,
}

/// Who answered in one look, nearest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sighting {
    /// Those who did.
    pub hops: Vec<Hop>,
}

/// Looks at the way to `target` every second until the receiver is dropped.
///
/// # Errors
/// No socket for it. Later trouble (no route, say) ends in sightings of nobody.
pub fn watch(target: Ipv4Addr) -> Result<mpsc::Receiver<Sighting>, ProbeError> {
    let tool = |source: io::Error| ProbeError::Tool { what: "looking at the path", source: source.into() };
    let mut looker = Looker::new(target).map_err(tool)?;
    let (sender, sightings) = mpsc::channel(1);
    let looking = move || {
        loop {
            let begun = Instant::now();
            let sighting = looker.look();
            if sender.blocking_send(sighting).is_err() {
                return;
            }
            std::thread::sleep(EVERY.saturating_sub(begun.elapsed()));
        }
    };
    std::thread::Builder::new().name("path".to_owned()).spawn(looking).map_err(tool)?;
    Ok(sightings)
}

struct Looker {
    socket: UdpSocket,
    target: Ipv4Addr,
    /// When the probe to each port was sent, until it is answered.
    sent: [Option<Instant>; PORTS],
    round: u16,
    /// How far away the host itself answered last.
    farthest: u16,
    /// Looks since then.
    unseen: u8,
}

/// What the kernel tells of one probe.
struct Answer {
    /// Port to which the probe was sent.
    port: u16,
    address: Ipv4Addr,
    /// Whether it got as far as it was meant to.
    expired: bool,
}

impl Looker {
    fn new(target: Ipv4Addr) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
        Ok(Self { socket, target, sent: [None; PORTS], round: 0, farthest: MOST_HOPS, unseen: 0 })
    }

    /// One look. Answers to earlier ones that come now count, too: a long queue delays them.
    fn look(&mut self) -> Sighting {
        self.round = (self.round + 1) % ROUNDS;
        let (base, begun) = (self.round * MOST_HOPS, Instant::now());
        for distance in 1..=self.farthest {
            self.send(distance, base + distance - 1);
        }
        let (mut hops, mut fresh, mut reached): (Vec<Hop>, u16, Option<u16>) = (Vec::new(), 0, None);
        while let Some(left) = PATIENCE.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
            if fresh >= reached.unwrap_or(self.farthest) || !self.wait(left) {
                break;
            }
            while let Some(answer) = self.next_answer() {
                let Some(index) = answer.port.checked_sub(FIRST_PORT) else { continue };
                let sent = self.sent.get_mut(usize::from(index)).and_then(Option::take);
                let Some(rtt) = sent.map(|at| at.elapsed()) else { continue };
                let distance = index % MOST_HOPS + 1;
                fresh += u16::from(index / MOST_HOPS == self.round);
                if !answer.expired && answer.address == self.target {
                    reached = Some(reached.unwrap_or(MOST_HOPS).min(distance));
                }
                let distance = u8::try_from(distance).unwrap_or(u8::MAX);
                hops.push(Hop { distance, address: answer.address, rtt });
            }
        }
        self.remember(reached);
        // Every packet sent past the host is answered by the host again; of two answers the quicker
        // is of the later probe.
        hops.retain(|hop| reached.is_none_or(|reached| u16::from(hop.distance) <= reached));
        hops.sort_by_key(|hop| (hop.distance, hop.rtt));
        hops.dedup_by_key(|hop| hop.distance);
        Sighting { hops }
    }

    /// Looks no farther than the host, as long as it answers.
    fn remember(&mut self, reached: Option<u16>) {
        match reached {
            Some(distance) => (self.farthest, self.unseen) = (distance, 0),
            None if self.unseen < LOST => self.unseen += 1,
            None => self.farthest = MOST_HOPS,
        }
    }

    /// Sends a probe; one that cannot be sent is not answered.
    fn send(&mut self, distance: u16, index: u16) {
        if self.socket.set_ttl(distance.into()).is_err() {
            return;
        }
        let to = SocketAddrV4::new(self.target, FIRST_PORT + index);
        let at = Instant::now();
        // An answer to an earlier probe makes the next call fail once, whatever it is.
        let sent = (0..3).any(|_| self.socket.send_to(&[0; 8], to).is_ok());
        if let Some(slot) = self.sent.get_mut(usize::from(index)) {
            *slot = sent.then_some(at);
        }
    }

    /// Waits for an answer; false if there is none in time.
    fn wait(&self, time: Duration) -> bool {
        let timeout = Timespec::try_from(time).ok();
        // Errors are reported unasked.
        let mut sockets = [PollFd::new(&self.socket, PollFlags::empty())];
        matches!(poll(&mut sockets, timeout.as_ref()), Ok(1..))
    }

    /// What the kernel has queued: an ICMP message about one of our probes.
    fn next_answer(&self) -> Option<Answer> {
        let mut payload = [0; 64];
        let mut parts = [IoSliceMut::new(&mut payload)];
        // An extended error of 16 bytes and a socket address of 16.
        let mut space = nix::cmsg_space!([u8; 64]);
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<SockaddrIn>(self.socket.as_raw_fd(), &mut parts, Some(&mut space), flags).ok()?;
        let port = message.address.map_or(0, |probe| probe.port());
        let told = message.cmsgs().ok()?.find_map(|part| match part {
            ControlMessageOwned::Ipv4RecvErr(error, Some(from)) => {
                let address = Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr));
                Some(Answer { port, address, expired: error.ee_type == TIME_EXCEEDED })
            }
            _ => None,
        });
        // An error of our own host: of no probe that we know.
        Some(told.unwrap_or(Answer { port: 0, address: Ipv4Addr::UNSPECIFIED, expired: false }))
    }
}
