//! Routes of the town's own machines: where they send what is at the SAD.
//!
//! Only the tenant's prefix at the SAD is routed. A server that keeps its address needs no route:
//! its clients ask for its hardware address and the CPE answers. The next hop is always the VIP, so
//! that a failover changes nothing on any machine.

use super::plan::NetworkPlan;
use crate::model::link::GatewayKind;
use ipnetwork::Ipv4Network;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

/// What a machine of the LAN must know.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct HostRoutes {
    /// Name of the data center.
    pub place: String,
    /// Destination: the tenant's prefix at the SAD.
    pub destination: Ipv4Network,
    /// The tenant's other sites, which are reached by way of the hub.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<Ipv4Network>,
    /// Next hop: the VIP.
    pub next_hop: Ipv4Addr,
    /// The default gateway, which stays.
    pub gateway: Ipv4Addr,
    /// What the default gateway is.
    pub gateway_kind: GatewayKind,
    /// An address at the SAD to verify with: the hub's.
    pub verify: Ipv4Addr,
    /// DHCP option 121, as bytes in hexadecimal. It carries the default route too: a client that
    /// takes this option ignores option 3 (RFC 3442).
    pub option_121: String,
    /// DHCP option 249 of older Windows, which keep option 3: the route alone.
    pub option_249: String,
}

impl HostRoutes {
    /// Every destination, the prefix at the SAD first.
    pub fn destinations(&self) -> impl Iterator<Item = Ipv4Network> {
        std::iter::once(self.destination).chain(self.sites.iter().copied())
    }

    /// The routes of the plan's LAN.
    pub fn new(plan: &NetworkPlan) -> Self {
        let (destination, vip) = (plan.numbers.sad, plan.lan.vip);
        let gateway = plan.lan.gateway.address;
        let sites: Vec<Ipv4Network> = plan.beside.iter().map(|other| other.lan.prefix).collect();
        let route: Vec<u8> =
            std::iter::once(&destination).chain(&sites).flat_map(|network| classless(*network, vip)).collect();
        let mut with_default = route.clone();
        with_default.push(0);
        with_default.extend(gateway.octets());
        Self {
            place: plan.shared.place.clone(),
            destination,
            sites,
            next_hop: vip,
            gateway,
            gateway_kind: plan.lan.gateway.kind,
            verify: plan.numbers.sad_gateway,
            option_121: hexadecimal(&with_default),
            option_249: hexadecimal(&route),
        }
    }
}

/// A route as RFC 3442 writes it: length, the significant octets of the destination, next hop.
fn classless(destination: Ipv4Network, next_hop: Ipv4Addr) -> Vec<u8> {
    let significant = usize::from(destination.prefix().div_ceil(8));
    let mut bytes = vec![destination.prefix()];
    bytes.extend(&destination.network().octets()[..significant]);
    bytes.extend(next_hop.octets());
    bytes
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        let _ = write!(text, "{}{byte:02x}", if at == 0 { "" } else { " " });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A client's reading of the option, written from RFC 3442 and not from the code above.
    fn decode(mut bytes: &[u8]) -> Option<Vec<(Ipv4Network, Ipv4Addr)>> {
        let mut routes = Vec::new();
        while let Some((&length, rest)) = bytes.split_first() {
            let octets = match length {
                0 => 0,
                1..=8 => 1,
                9..=16 => 2,
                17..=24 => 3,
                25..=32 => 4,
                _ => return None,
            };
            let (destination, rest) = rest.split_at_checked(octets)?;
            let (hop, rest) = rest.split_at_checked(4)?;
            let mut address = [0; 4];
            address[..octets].copy_from_slice(destination);
            routes.push((Ipv4Network::new(address.into(), length).ok()?, <[u8; 4]>::try_from(hop).ok()?.into()));
            bytes = rest;
        }
        Some(routes)
    }

    #[test]
    fn the_bytes_of_the_reference() {
        let bytes = classless("10.64.17.0/24".parse().unwrap(), Ipv4Addr::new(192, 168, 1, 254));
        assert_eq!(hexadecimal(&bytes), "18 0a 40 11 c0 a8 01 fe");
    }

    proptest! {
        #[test]
        fn dhcp_bytes_read_back(address in any::<u32>(), length in 0_u8..=32, hop in any::<u32>()) {
            let any = Ipv4Network::new(Ipv4Addr::from(address), length).unwrap();
            let network = Ipv4Network::new(any.network(), length).unwrap();
            let hop = Ipv4Addr::from(hop);
            prop_assert_eq!(decode(&classless(network, hop)), Some(vec![(network, hop)]));
        }
    }
}
