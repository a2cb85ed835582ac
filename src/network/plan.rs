//! A tenant's network as decided: what the carrier gives, what the tenant's number gives, and what
//! follows from both.

use super::migration_path::MigrationPath;
use super::pools::{Numbers, TunnelNet};
use super::token::{Secret, Token};
use crate::model::link::{CarrierLine, CellularLine, Gateway, HubHandoff, ManagedBy, PrimaryMedium};
use crate::model::project::MigrationNetwork;
use crate::model::{ServerId, SiteId, TenantId};
use ipnetwork::Ipv4Network;
use std::net::Ipv4Addr;

/// IP MTU of a tunnel over LTE: room for ESP and address translation on a path of 1428 bytes and more.
pub(super) const TUNNEL_MTU: u16 = 1360;

/// Everything decided about one tenant's network.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkPlan {
    /// The tenant.
    pub tenant: TenantId,
    /// Its site.
    pub site: SiteId,
    /// Who configures the CPEs.
    pub managed_by: ManagedBy,
    /// What the tenant's number gives.
    pub numbers: Numbers,
    /// The LAN.
    pub lan: LanPlan,
    /// Target of the probes: a loopback of the hub in the tenant's routing table.
    pub probe_target: Ipv4Addr,
    /// Where the carrier hands over the tenant's VPN at the SAD.
    pub handoff: HubHandoff,
    /// The primary line.
    pub primary: PrimaryLine,
    /// The backup line.
    pub backup: Option<BackupLine>,
    /// The CPE of the primary line, and of the backup where there is no other.
    pub primary_cpe: Cpe,
    /// The CPE of the backup line.
    pub standby_cpe: Option<Cpe>,
    /// Largest TCP segment in bytes: the least over all lines, so that sessions survive a failover.
    pub mss: u16,
    /// Where each server's address is after its move.
    pub servers: Vec<ServerPlan>,
    /// The temporary way that the copying takes; none once the landing was accepted.
    pub migration: Option<MigrationPath>,
    /// What all routers share.
    pub shared: Shared,
    /// The tenant's other sites, whose own list is empty: they share its routing table and its prefix.
    pub beside: Vec<NetworkPlan>,
}

/// The LAN and who has an address in it.
#[derive(Debug, Clone, PartialEq)]
pub struct LanPlan {
    /// Network.
    pub prefix: Ipv4Network,
    /// The default gateway, which stays.
    pub gateway: Gateway,
    /// HSRP virtual address.
    pub vip: Ipv4Addr,
    /// The hub's address in the VLAN of kept servers; present wherever a server keeps its address.
    pub hub: Option<Ipv4Addr>,
}

/// The primary line.
#[derive(Debug, Clone, PartialEq)]
pub struct PrimaryLine {
    /// What the carrier gives.
    pub line: CarrierLine,
    /// Medium.
    pub medium: PrimaryMedium,
    /// Peak rate in Mbit/s.
    pub pcr_mbps: u32,
    /// Guaranteed rate in kbit/s.
    pub mcr_kbps: u32,
    /// Shaped rate.
    pub rate: Rate,
}

/// The backup line.
#[derive(Debug, Clone, PartialEq)]
pub enum BackupLine {
    /// Copper in the same VPN: the provider switches the return path.
    Copper {
        /// What the carrier gives.
        line: CarrierLine,
        /// Rate in kbit/s.
        rate_kbps: u32,
        /// Shaped rate.
        rate: Rate,
    },
    /// LTE.
    Lte {
        /// Which way it leads to the hub.
        way: LteWay,
        /// Rate in kbit/s.
        rate_kbps: u32,
        /// Shaped rate.
        rate: Rate,
        /// Access point name; none is unknown.
        apn: Option<Token>,
    },
}

/// Which way an LTE line leads to the hub.
#[derive(Debug, Clone, PartialEq)]
pub enum LteWay {
    /// A tunnel over the Internet: the hub's return route floats.
    Tunnel(TunnelNet),
    /// Into the same VPN: the provider switches the return path.
    Provider(CellularLine),
}

/// What a line is shaped to, and the part of it that never waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Rate {
    /// Shaped rate in bit/s.
    pub shaped_bps: u64,
    /// Low-latency queue in kbit/s: a fifth of what is guaranteed, at most 2000.
    pub llq_kbps: u32,
}

impl Rate {
    /// Shaped rate in kbit/s.
    pub fn shaped_kbps(self) -> u32 {
        u32::try_from(self.shaped_bps / 1000).unwrap_or(u32::MAX)
    }
}

/// A CPE router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpe {
    /// Host name.
    pub hostname: Token,
    /// Management address.
    pub loopback: Ipv4Addr,
    /// Address in the LAN.
    pub lan: Ipv4Addr,
}

/// A server and its two addresses.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ServerPlan {
    /// The server.
    pub id: ServerId,
    /// Its address today.
    pub before: Ipv4Addr,
    /// Its address after the move.
    pub after: Ipv4Addr,
    /// How clients reach it after the move.
    pub reached_by: ReachedBy,
    /// Whether it gives out the addresses of the LAN, which asks for them by broadcast.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dhcp: bool,
}

/// How clients reach a server that moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReachedBy {
    /// A /32 with proxy ARP on every CPE and on the hub: the address stays.
    ProxyArp,
    /// The tenant's prefix at the SAD: the address is new.
    SadPrefix,
}

/// What all routers of the project share.
#[derive(Debug, Clone, PartialEq)]
pub struct Shared {
    /// Name of the data center, for people.
    pub place: String,
    /// The word that begins the names of what leads there, such as `SAD`.
    pub mark: Token,
    /// Domain name.
    pub domain: Token,
    /// Host name of the hub.
    pub hub: Token,
    /// Public address of the hub.
    pub hub_public: Ipv4Addr,
    /// Management network.
    pub management: Ipv4Network,
    /// Syslog server.
    pub syslog: Ipv4Addr,
    /// NTP server.
    pub ntp: Ipv4Addr,
    /// TACACS+ server.
    pub tacacs: Ipv4Addr,
    /// The hosts at the SAD that the copying talks to.
    pub migration: Option<MigrationNetwork>,
}

impl NetworkPlan {
    /// The same network once the landing was accepted: without the temporary way of the copying.
    #[must_use]
    pub fn accepted(&self) -> Self {
        let beside = self.beside.iter().map(Self::accepted).collect();
        Self { migration: None, beside, ..self.clone() }
    }

    /// The plan of each of the tenant's sites, its first one first: each with the others beside it.
    pub fn sites(&self) -> Vec<Self> {
        let alone = Self { beside: Vec::new(), ..self.clone() };
        let mut all: Vec<Self> = std::iter::once(&alone).chain(&self.beside).cloned().collect();
        all.sort_by_key(|site| (!site.numbers.of_first_site(), site.numbers.number));
        let others = |own: &Self| all.iter().filter(|other| other.site != own.site).cloned().collect();
        all.iter().map(|site| Self { beside: others(site), ..site.clone() }).collect()
    }

    /// Every server of the tenant that keeps its address, whichever its site.
    pub fn kept_everywhere(&self) -> impl Iterator<Item = &ServerPlan> {
        self.kept().chain(self.beside.iter().flat_map(Self::kept))
    }

    /// Every server of the tenant, whichever its site.
    pub fn servers_everywhere(&self) -> impl Iterator<Item = &ServerPlan> {
        self.servers.iter().chain(self.beside.iter().flat_map(|site| &site.servers))
    }

    /// How messages name it: the tenant, and the site where it has several.
    pub fn name(&self) -> String {
        if self.beside.is_empty() { self.tenant.to_string() } else { format!("{}/{}", self.tenant, self.site) }
    }

    /// The servers that keep their address.
    pub fn kept(&self) -> impl Iterator<Item = &ServerPlan> {
        self.servers.iter().filter(|server| server.reached_by == ReachedBy::ProxyArp)
    }

    /// The tunnel of an LTE backup.
    pub fn tunnel(&self) -> Option<TunnelNet> {
        match &self.backup {
            Some(BackupLine::Lte { way: LteWay::Tunnel(tunnel), .. }) => Some(*tunnel),
            _ => None,
        }
    }

    /// Where the provider leads back to the town when the primary line is down: the network of the
    /// backup line in the VPN, and our address in it. None where there is no such line.
    pub fn provider_backup(&self) -> Option<(Ipv4Network, Ipv4Addr)> {
        match &self.backup {
            Some(BackupLine::Copper { line, .. }) => Some((line.wan, line.cpe)),
            Some(BackupLine::Lte { way: LteWay::Provider(line), .. }) => Some((line.wan, line.cpe)),
            _ => None,
        }
    }

    /// The CPE that carries the backup line.
    pub fn backup_cpe(&self) -> &Cpe {
        self.standby_cpe.as_ref().unwrap_or(&self.primary_cpe)
    }

    /// The destinations of the hub's routes to the LAN: its two halves where the hub is itself in
    /// the LAN's prefix (the VLAN of kept servers), so that they win over that connected network and
    /// the hub answers ARP for every client; else the LAN.
    pub fn lan_at_hub(&self) -> Vec<Ipv4Network> {
        match self.lan.hub {
            Some(_) => halves(self.lan.prefix),
            None => vec![self.lan.prefix],
        }
    }

    /// A secret of this tenant, by name; of a further site, by its id too.
    pub(super) fn secret(&self, name: &str) -> Secret {
        Secret(match self.numbers.of_first_site() {
            true => Token::of(format_args!("{}.{name}", self.tenant)),
            false => Token::of(format_args!("{}.{}.{name}", self.tenant, self.site)),
        })
    }
}

/// Both halves of a network; a single address has none and stays itself.
pub fn halves(network: Ipv4Network) -> Vec<Ipv4Network> {
    let length = network.prefix() + 1;
    let upper = u32::from(network.network()) | 1_u32.checked_shl(32_u32.saturating_sub(length.into())).unwrap_or(0);
    match (Ipv4Network::new(network.network(), length), Ipv4Network::new(Ipv4Addr::from(upper), length)) {
        (Ok(low), Ok(high)) => vec![low, high],
        _ => vec![network],
    }
}

/// A single address as a network.
pub fn host(address: Ipv4Addr) -> Ipv4Network {
    Ipv4Network::from(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn halves_cover_the_network_exactly(address in any::<u32>(), length in 0_u8..=32) {
            let any = Ipv4Network::new(Ipv4Addr::from(address), length).unwrap();
            let network = Ipv4Network::new(any.network(), length).unwrap();
            let halves = halves(network);
            prop_assert!(halves.iter().all(|half| half.is_subnet_of(network) && half.ip() == half.network()));
            let covered: u64 = halves.iter().map(|half| 1_u64 << (32 - half.prefix())).sum();
            prop_assert_eq!(covered, 1_u64 << (32 - length));
            prop_assert!(halves.len() == 1 || !halves[0].overlaps(halves[1]));
        }
    }
}
