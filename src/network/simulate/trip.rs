//! What a walk sees: where the packet is, what it passed, and why it is lost.

use super::Element;
use super::segment::{Host, Segment};

/// Where a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// In the machine that sends it, or that it arrives at.
    Host(Host),
    /// In the firewall.
    Firewall,
    /// In a router, in one of its tables, having come in by a port.
    Router { table: usize, ingress: Option<usize> },
    /// In the carrier, at an edge.
    Edge(usize),
}

/// Why a packet is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// The router has no route.
    NoRoute { router: usize, target: u32 },
    /// The router drops it by a route to `Null0`.
    Discarded { router: usize, line: u32 },
    /// Nobody answers ARP for an address on a segment.
    Unanswered { segment: Segment, address: u32 },
    /// Several answer for an address, and one of them leads nowhere.
    Conflict { segment: Segment, address: u32 },
    /// A hardware address that a host still knows belongs to nobody.
    Stale { address: u32 },
    /// An access list drops it.
    Filtered { port: usize, inward: bool, line: u32 },
    /// It walks in a circle.
    Loop { router: Option<usize> },
    /// The line passes nothing.
    Line { edge: usize },
    /// The neighbour on a line is not who the route says.
    WrongNeighbour { port: usize, address: u32, line: u32 },
    /// Our router does not have the address to which the carrier hands it.
    WrongHandoff { edge: usize, address: u32 },
    /// The carrier has no route at this edge.
    CarrierRoute { edge: usize, target: u32 },
    /// The core does not carry it between these edges.
    Core { from: usize, to: usize },
    /// The tunnel passes nothing.
    TunnelSilent { port: usize },
    /// It leaves into the Internet.
    Internet { router: Option<usize>, line: u32 },
    /// It leaves by a port that leads to nothing of this site.
    LeadsNowhere { port: usize, line: u32 },
    /// It arrives at a machine that is not its target and forwards nothing.
    WrongMachine { host: Host },
    /// A machine is off, or its way into its own segment is.
    Off { element: Element },
}

/// What was seen on the way.
#[derive(Debug, Clone, Default)]
pub(super) struct Trip {
    /// Routers and carrier edges, each with the ports in and out.
    pub(super) hops: Vec<Step>,
    /// Largest packet that passed everywhere, in bytes.
    pub(super) mtu: u16,
    /// Where that is.
    pub(super) narrow: Option<usize>,
    /// Largest TCP segment that routers on the way allow, in bytes.
    pub(super) mss: u16,
    /// Whether the firewall saw it.
    pub(super) firewall: bool,
    /// An access list that lets only some services pass: port and line.
    pub(super) partly: Option<(usize, u32)>,
    /// An address for which several answered, each of them well.
    pub(super) doubled: Option<u32>,
    /// A port by which it left translated, which is not simulated.
    pub(super) translated: Option<usize>,
}

/// A hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) at: At,
    pub(super) out: Option<usize>,
}

impl Trip {
    pub(super) fn narrow(&mut self, mtu: u16, port: usize) {
        if mtu < self.mtu {
            self.mtu = mtu;
            self.narrow = Some(port);
        }
    }

    /// Adds what was seen on another branch of the same way.
    pub(super) fn join(&mut self, other: &Self) {
        if other.mtu < self.mtu {
            (self.mtu, self.narrow) = (other.mtu, other.narrow);
        }
        self.mss = self.mss.min(other.mss);
        self.firewall |= other.firewall;
        self.partly = self.partly.or(other.partly);
        self.translated = self.translated.or(other.translated);
    }

    pub(super) fn clamp(&mut self, mss: Option<u16>) {
        self.mss = self.mss.min(mss.unwrap_or(u16::MAX));
    }
}
