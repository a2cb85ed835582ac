//! Static routes and translations as the text describes them.

use super::Port;
use ipnetwork::Ipv4Network;
use std::fmt;
use std::net::Ipv4Addr;

/// A static route: one line.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Its line.
    pub at: super::At<()>,
    /// Routing table; none is the global one.
    pub vrf: Option<String>,
    /// Destination, without host bits.
    pub destination: Ipv4Network,
    /// Where to.
    pub via: Via,
    /// Administrative distance: 1 where not written.
    pub distance: u8,
    /// The object without which the route is withdrawn.
    pub track: Option<u16>,
    /// `permanent`: stays although its interface is down.
    pub permanent: bool,
    /// Name.
    pub name: Option<String>,
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Via {
    /// A neighbour, looked up in the same routing table.
    Address(Ipv4Addr),
    /// A neighbour, looked up in the global table (`global`).
    Global(Ipv4Addr),
    /// Whatever answers on an interface.
    Interface(Port),
    /// A neighbour on an interface.
    Both(Port, Ipv4Addr),
    /// Nowhere (`Null0`).
    Discard,
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Global(address) => write!(f, "{address} global"),
            Self::Interface(port) => write!(f, "{port}"),
            Self::Both(port, address) => write!(f, "{port} {address}"),
            Self::Discard => f.write_str("Null0"),
        }
    }
}

/// `ip nat inside source static network LOCAL GLOBAL /LENGTH [vrf NAME]`, or of one address.
#[derive(Debug, Clone, PartialEq)]
pub struct Translation {
    /// Its line.
    pub at: super::At<()>,
    /// Routing table; none is the global one.
    pub vrf: Option<String>,
    /// The addresses inside.
    pub local: Ipv4Network,
    /// The addresses that the others see.
    pub global: Ipv4Network,
}
