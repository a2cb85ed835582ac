//! Static routes of a router.

use super::interface::InterfaceName;
use super::token::Token;
use ipnetwork::Ipv4Network;
use serde::Serialize;
use std::fmt;
use std::net::Ipv4Addr;

/// Distance of a way that is used when the tracked one is withdrawn.
pub(super) const FLOATING: u8 = 200;
/// Distance of the drop that is used when every way is withdrawn.
pub(super) const LAST: u8 = 250;

/// A static route.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Route {
    /// Routing table; none is the global one.
    pub vrf: Option<Token>,
    /// Destination, without host bits.
    pub destination: Ipv4Network,
    /// Where to.
    pub via: NextHop,
    /// Administrative distance, where it is not 1: a floating route.
    pub distance: Option<u8>,
    /// The object without which the route is withdrawn.
    pub track: Option<u16>,
    /// Name.
    pub name: Token,
}

impl Route {
    /// A route with neither distance nor tracked object.
    pub fn new(vrf: Option<&Token>, destination: Ipv4Network, via: NextHop, name: Token) -> Self {
        Self { vrf: vrf.cloned(), destination, via, distance: None, track: None, name }
    }

    /// Withdrawn when `object` is down.
    #[must_use]
    pub fn tracked(mut self, object: Option<u16>) -> Self {
        self.track = object;
        self
    }

    /// Used only when nothing nearer than `distance` is there.
    #[must_use]
    pub fn floating(mut self, distance: u8) -> Self {
        self.distance = Some(distance);
        self
    }

    pub(super) fn order(&self) -> impl Ord + use<'_> {
        (&self.vrf, self.destination.network(), self.destination.prefix(), self.distance.unwrap_or(1), &self.name)
    }
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NextHop {
    /// A neighbour.
    Address(Ipv4Addr),
    /// A neighbour that is looked up in the global table, from a route of a VRF.
    Global(Ipv4Addr),
    /// Whatever answers on an interface.
    Interface(InterfaceName),
    /// A neighbour on an interface, which may be one of another routing table. A route of a VRF on
    /// an interface with ARP needs it: IOS refuses the interface alone there ("For VPN routes, must
    /// specify a next hop IP address if not a point-to-point interface").
    Both(InterfaceName, Ipv4Addr),
    /// Nowhere: the packet is dropped instead of leaking along a shorter match.
    Discard,
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Global(address) => write!(f, "{address} global"),
            Self::Interface(name) => write!(f, "{name}"),
            Self::Both(name, address) => write!(f, "{name} {address}"),
            Self::Discard => f.write_str("Null0"),
        }
    }
}

/// A static translation of the addresses of one routing table
/// (`ip nat inside source static …`): a network as a whole, or one address.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Translation {
    /// Routing table of the addresses inside.
    pub vrf: Token,
    /// The addresses inside.
    pub local: Ipv4Network,
    /// What others see: as many addresses.
    pub global: Ipv4Network,
    /// Whether it is one address, which IOS writes without a length.
    pub single: bool,
}

impl Translation {
    /// `local` seen as `global`, host by host.
    pub fn new(vrf: &Token, local: Ipv4Network, global: Ipv4Network) -> Self {
        Self { vrf: vrf.clone(), local, global, single: local.prefix() == 32 }
    }

    pub(super) fn order(&self) -> impl Ord + use<'_> {
        (&self.vrf, self.local.network(), self.local.prefix())
    }
}

impl Serialize for NextHop {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
