//! Our own numbers, derived from the tenant's number: adding a tenant changes nobody else's.

use super::problem::{NetworkProblem, Rule};
use super::router::RouteDistinguisher;
use super::token::Token;
use crate::model::link::Site;
use crate::model::project::NetworkPools;
use crate::model::tenant::Tenant;
use ipnetwork::Ipv4Network;
use std::fmt;
use std::net::Ipv4Addr;

/// Routing tables of the hub that are not a tenant's.
pub(super) const RESERVED_VRFS: [&str; 5] = ["INET", "FVRF-LTE", "SAD", "MGMT", "GLOBAL"];

/// What the tenant's number gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    /// The tenant's number.
    pub tenant: u16,
    /// The site's number, also of its probe, track and tunnel template on the hub: the tenant's for the
    /// first site, one of its own for every further one.
    pub number: u16,
    /// What names on the hub and host names carry: the routing table's name, and the number behind it
    /// for a further site.
    pub label: Token,
    /// Routing table on the hub, from the tenant's short name.
    pub vrf: Token,
    /// Its route distinguisher.
    pub rd: RouteDistinguisher,
    /// HSRP group.
    pub group: u16,
    /// The tenant's /24 at the SAD.
    pub sad: Ipv4Network,
    /// The hub's address in it.
    pub sad_gateway: Ipv4Addr,
    /// The tunnel of an LTE backup.
    pub tunnel: TunnelNet,
    /// Management address of the primary CPE.
    pub primary_loopback: Ipv4Addr,
    /// Management address of the standby CPE.
    pub standby_loopback: Ipv4Addr,
    /// VLAN of servers that keep their address.
    pub kept_vlan: u16,
    /// VLAN of servers with new addresses.
    pub new_vlan: u16,
}

/// A point-to-point network between the hub and a CPE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TunnelNet {
    /// The /30.
    pub prefix: Ipv4Network,
    /// The hub's end: the first host.
    pub hub: Ipv4Addr,
    /// The CPE's end: the second host.
    pub cpe: Ipv4Addr,
}

impl TunnelNet {
    /// The tunnel of a tenant: the first /30 of its /24 in the pool; none beyond the pool's end.
    pub fn of(pools: &NetworkPools, number: u16) -> Option<Self> {
        let first = NetworkPools::nth(pools.tunnels, number, 24)?;
        let prefix = Ipv4Network::new(first.network(), 30).ok()?;
        Some(Self { prefix, hub: first.nth(1)?, cpe: first.nth(2)? })
    }
}

/// The virtual MAC address of an HSRP version 2 group (IPv4): `0000.0c9f.fXXX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VirtualMac(pub u16);

impl fmt::Display for VirtualMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0000.0c9f.f{:03x}", self.0 & 0xfff)
    }
}

impl VirtualMac {
    /// As Windows writes it: `00-00-0c-9f-fX-XX`.
    pub fn dashed(self) -> String {
        let hex: Vec<char> = self.to_string().chars().filter(|c| *c != '.').collect();
        hex.chunks(2).map(|pair| pair.iter().collect::<String>()).collect::<Vec<_>>().join("-")
    }
}

impl Numbers {
    /// Derives every number of a site, or says which pools and ranges do not reach so far.
    pub fn new(pools: &NetworkPools, tenant: &Tenant, site: &Site) -> Result<Self, Vec<NetworkProblem>> {
        let key = format!("sites.{}.number", site.id);
        let Some(of_site) = tenant.number_of(site) else {
            return Err(vec![NetworkProblem::new(key, Rule::Missing)]);
        };
        let mut draw = Draw { number: tenant.number, problems: Vec::new() };
        let own = draw.numbered("tenant.number", "tenant number", tenant.number);
        let vrf = draw.vrf(&tenant.short);
        let sad = draw.subnet("network.sad", pools.sad, 24);
        let new_vlan = draw.above("network.new_vlan_base", "VLAN", pools.new_vlan_base, 4094);
        draw.number = of_site;
        let number = if of_site == tenant.number { own } else { draw.numbered(&key, "site number", of_site) };
        let tunnels = draw.subnet("network.tunnels", pools.tunnels, 24);
        let tunnel = tunnels.and_then(|_| TunnelNet::of(pools, of_site));
        let primary_loopback = draw.address("network.primary_loopbacks", pools.primary_loopbacks);
        let standby_loopback = draw.address("network.standby_loopbacks", pools.standby_loopbacks);
        let group = draw.above("network.hsrp_group_base", "HSRP group", pools.hsrp_group_base, 4095);
        let kept_vlan = draw.above("network.kept_vlan_base", "VLAN", pools.kept_vlan_base, 4094);
        let derived = || {
            let (sad, vrf, number) = (sad?, vrf?, number?);
            Some(Self {
                tenant: own?,
                number,
                label: if number == tenant.number { vrf.clone() } else { Token::of(format_args!("{vrf}-{number}")) },
                vrf,
                rd: RouteDistinguisher { asn: pools.vrf_as, number: tenant.number },
                group: group?,
                sad,
                sad_gateway: sad.nth(1)?,
                tunnel: tunnel?,
                primary_loopback: primary_loopback?,
                standby_loopback: standby_loopback?,
                kept_vlan: kept_vlan?,
                new_vlan: new_vlan?,
            })
        };
        derived().ok_or(draw.problems)
    }

    /// The virtual MAC address that answers for the gateway of the SAD and for servers that moved.
    pub fn virtual_mac(&self) -> VirtualMac {
        VirtualMac(self.group)
    }

    /// Whether these are of the tenant's first site.
    pub fn of_first_site(&self) -> bool {
        self.number == self.tenant
    }

    /// Number of the hub's loopback that answers the tenant's probes.
    pub fn probe_loopback(&self) -> u16 {
        1000 + self.tenant
    }

    /// Number of the hub's loopback that is its end of the site's tunnel.
    pub fn tunnel_loopback(&self) -> u16 {
        2000 + self.number
    }
}

/// Draws numbers and collects what goes wrong.
struct Draw {
    number: u16,
    problems: Vec<NetworkProblem>,
}

impl Draw {
    fn vrf(&mut self, short: &str) -> Option<Token> {
        match Token::new(short, 20) {
            Ok(vrf) if !RESERVED_VRFS.contains(&vrf.as_str()) => Some(vrf),
            Ok(vrf) => {
                let invalid = super::token::InvalidToken { text: vrf.to_string(), most: 20 };
                self.problems.push(NetworkProblem::new("tenant.short", Rule::Text(invalid)));
                None
            }
            Err(invalid) => {
                self.problems.push(NetworkProblem::new("tenant.short", Rule::Text(invalid)));
                None
            }
        }
    }

    /// The number-th network of `length` in `pool`.
    fn subnet(&mut self, key: &str, pool: Ipv4Network, length: u8) -> Option<Ipv4Network> {
        let found = NetworkPools::nth(pool, self.number, length);
        self.or_beyond(key, pool, found)
    }

    /// The number-th address in `pool`.
    fn address(&mut self, key: &str, pool: Ipv4Network) -> Option<Ipv4Addr> {
        let found = NetworkPools::nth(pool, self.number, 32).map(|host| host.ip());
        self.or_beyond(key, pool, found)
    }

    fn or_beyond<T>(&mut self, key: &str, pool: Ipv4Network, found: Option<T>) -> Option<T> {
        if found.is_none() {
            self.problems.push(NetworkProblem::new(key, Rule::Pool { number: self.number, pool }));
        }
        found
    }

    /// A number that is typed, in the range of all numbers.
    fn numbered(&mut self, key: &str, what: &'static str, number: u16) -> Option<u16> {
        let (least, most) = (u32::from(*Tenant::NUMBERS.start()), u32::from(*Tenant::NUMBERS.end()));
        self.within(key, what, u32::from(number), least, most)
    }

    /// `base` plus the number, from 1 to `most`.
    fn above(&mut self, key: &str, what: &'static str, base: u16, most: u32) -> Option<u16> {
        self.within(key, what, u32::from(base) + u32::from(self.number), 1, most)
    }

    fn within(&mut self, key: &str, what: &'static str, value: u32, least: u32, most: u32) -> Option<u16> {
        if (least..=most).contains(&value) {
            return u16::try_from(value).ok();
        }
        self.problems.push(NetworkProblem::new(key, Rule::Range { what, value, least, most }));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_virtual_mac_carries_the_group_in_twelve_bits() {
        assert_eq!(VirtualMac(10).to_string(), "0000.0c9f.f00a");
        assert_eq!(VirtualMac(10).dashed(), "00-00-0c-9f-f0-0a");
        assert_eq!(VirtualMac(4095).to_string(), "0000.0c9f.ffff");
    }

    #[test]
    fn a_pool_ends_where_it_ends() {
        let pool: Ipv4Network = "10.64.0.0/22".parse().unwrap();
        assert_eq!(NetworkPools::nth(pool, 3, 24).unwrap().to_string(), "10.64.3.0/24");
        assert_eq!(NetworkPools::nth(pool, 4, 24), None);
        assert_eq!(NetworkPools::nth("10.0.0.0/25".parse().unwrap(), 0, 24), None);
        assert_eq!(NetworkPools::nth("255.255.255.0/24".parse().unwrap(), 256, 32), None);
        assert_eq!(NetworkPools::nth("0.0.0.0/0".parse().unwrap(), 9, 24).unwrap().to_string(), "0.0.9.0/24");
    }

    proptest! {
        #[test]
        fn different_numbers_never_meet_and_stay_inside(a in 0_u16.., b in 0_u16.., length in 16_u8..=32) {
            let pool: Ipv4Network = "10.0.0.0/8".parse().unwrap();
            if let (Some(first), Some(second)) = (NetworkPools::nth(pool, a, length), NetworkPools::nth(pool, b, length)) {
                prop_assert!(first.is_subnet_of(pool) && second.is_subnet_of(pool));
                prop_assert_eq!(first.overlaps(second), a == b);
            }
        }
    }
}
