//! Echo requests from a chosen address, without waiting: what `ping` does, many at once and cheap.

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrV4, SocketFlags, SocketType, ipproto};
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU16, Ordering};

/// A raw ICMP socket of the calling thread's namespace.
pub struct Echo {
    socket: OwnedFd,
    id: u16,
    number: u16,
}

impl Echo {
    pub fn new() -> Self {
        static ID: AtomicU16 = AtomicU16::new(1);
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket =
            rustix::net::socket_with(AddressFamily::INET, SocketType::RAW, flags, Some(ipproto::ICMP)).unwrap();
        Self { socket, id: ID.fetch_add(1, Ordering::SeqCst), number: 0 }
    }

    /// Asks `target` from `source`; gives the number by which the answer is known. That no answer can
    /// come (no route, port down) shows as none coming.
    pub fn ask(&mut self, source: Ipv4Addr, target: Ipv4Addr) -> u16 {
        self.number = self.number.wrapping_add(1);
        // Where the port is down its address may be missing: then nothing leaves, as on a router.
        if rustix::net::bind(&self.socket, &SocketAddrV4::new(source, 0)).is_ok() {
            let packet = request(self.id, self.number);
            let _ = rustix::net::sendto(&self.socket, &packet, SendFlags::DONTWAIT, &SocketAddrV4::new(target, 0));
        }
        self.number
    }

    /// Who answered since the last call, and to which number.
    pub fn heard(&self) -> Vec<(Ipv4Addr, u16)> {
        let mut all = Vec::new();
        let mut buffer = [0_u8; 512];
        while let Ok((length, _)) = rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
            let packet = &buffer[..length];
            let Some(icmp) = packet.first().and_then(|first| packet.get(usize::from(first & 15) * 4..)) else {
                continue;
            };
            if icmp.len() >= 8 && icmp[0] == 0 && icmp[4..6] == self.id.to_be_bytes() {
                let from = Ipv4Addr::new(packet[12], packet[13], packet[14], packet[15]);
                all.push((from, u16::from_be_bytes([icmp[6], icmp[7]])));
            }
        }
        all
    }
}

fn request(id: u16, number: u16) -> Vec<u8> {
    let mut packet = vec![8, 0, 0, 0];
    packet.extend(id.to_be_bytes());
    packet.extend(number.to_be_bytes());
    packet.extend([0; 28]);
    let sum = checksum(&packet);
    packet[2..4].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// The checksum of RFC 1071.
pub fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
