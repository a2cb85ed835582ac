//! Tenants that nobody wrote down: complete ones of every shape, by chance or by a number.

use super::project;
use ipnetwork::Ipv4Network;
use proptest::prelude::*;
use std::net::Ipv4Addr;
use std::sync::OnceLock;
use traghetto::model::Inventory;
use traghetto::model::Known;
use traghetto::model::link::{
    Backup, CarrierLine, CellularLine, Gateway, GatewayKind, HubHandoff, Lan, ManagedBy, PrimaryMedium, ProfileVia,
    ReturnPath, Site,
};
use traghetto::model::server::{Addressing, Server};
use traghetto::model::tenant::Tenant;
use traghetto::network::NetworkPlan;

/// What makes a tenant: everything that its network depends on.
#[derive(Debug, Clone)]
pub struct Choices {
    /// Our number for it, from 1 to 254.
    pub number: u16,
    /// Where its LAN is: many of them overlap.
    pub lan: u8,
    /// Length of the LAN's prefix, from 20 to 28.
    pub length: u8,
    /// Whether there is a router for the backup line.
    pub two_routers: bool,
    /// Kind of the backup line.
    pub backup: BackupKind,
    /// Medium of the primary line.
    pub medium: PrimaryMedium,
    /// Peak rate in Mbit/s.
    pub pcr_mbps: u32,
    /// Guaranteed share in percent.
    pub mcr_percent: u8,
    /// Rate of the backup line in kbit/s.
    pub backup_kbps: u32,
    /// IP MTU of the lines.
    pub mtu: (u16, u16),
    /// Access point name.
    pub apn: Option<String>,
    /// For each server whether it keeps its address.
    pub servers: Vec<bool>,
}

/// Kinds of backup lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupKind {
    None,
    Copper,
    /// LTE with a tunnel to the hub.
    Tunnel,
    /// LTE into the carrier's VPN; whether the modem learns its address.
    Provider(bool),
}

/// A complete tenant, whose number is from `numbers`.
pub fn any_tenant(numbers: std::ops::RangeInclusive<u16>) -> impl Strategy<Value = Tenant> {
    let provider = any::<bool>().prop_map(BackupKind::Provider);
    let kind = prop_oneof![Just(BackupKind::None), Just(BackupKind::Copper), Just(BackupKind::Tunnel), provider];
    let medium = prop_oneof![Just(PrimaryMedium::Fibre), Just(PrimaryMedium::Radio)];
    let apn = proptest::option::of("[a-z][a-z0-9.-]{0,20}");
    let lan = (0_u8.., 20_u8..=28);
    let rates = (2_u32..=1000, 4_u8..=100, 64_u32..=100_000, 1200_u16..=1500, 1200_u16..=1500);
    (numbers, lan, any::<bool>(), kind, medium, rates, apn, proptest::collection::vec(any::<bool>(), 0..=6)).prop_map(
        |(number, (lan, length), two_routers, backup, medium, rates, apn, servers)| {
            let (pcr_mbps, mcr_percent, backup_kbps, first, second) = rates;
            let mtu = (first, second);
            let choices = Choices {
                number,
                lan,
                length,
                two_routers,
                backup,
                medium,
                pcr_mbps,
                mcr_percent,
                backup_kbps,
                mtu,
                apn,
                servers,
            };
            choices.tenant()
        },
    )
}

/// The tenant of a seed, always the same. Tenants of seeds that are 253 apart have the same number.
pub fn tenant(seed: u64) -> Tenant {
    let mut state = seed;
    let mut draw = |below: u64| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    };
    let backup = [
        BackupKind::Copper,
        BackupKind::Copper,
        BackupKind::Tunnel,
        BackupKind::Tunnel,
        BackupKind::Provider(true),
        BackupKind::Provider(false),
        BackupKind::None,
    ][draw(7) as usize];
    let choices = Choices {
        number: 1 + (seed % 253) as u16,
        lan: draw(256) as u8,
        length: [24, 24, 23, 25, 26, 22][draw(6) as usize],
        two_routers: draw(4) > 0,
        backup,
        medium: [PrimaryMedium::Fibre, PrimaryMedium::Radio][draw(2) as usize],
        pcr_mbps: [10, 20, 50, 100, 1000][draw(5) as usize],
        mcr_percent: [10, 20, 50, 100][draw(4) as usize],
        backup_kbps: [2000, 8000, 20_000][draw(3) as usize],
        mtu: ([1500, 1492, 1400, 1600, 9000][draw(5) as usize], [1500, 1492, 1508][draw(3) as usize]),
        apn: [Some("apn.example".to_owned()), None][draw(2) as usize].clone(),
        servers: (0..draw(5)).map(|_| draw(3) > 0).collect(),
    };
    choices.tenant()
}

/// The project's inventory without tenants.
pub fn nobody() -> Inventory {
    static READ: OnceLock<Inventory> = OnceLock::new();
    let mut inventory = READ.get_or_init(|| traghetto::inventory::load(&project()).unwrap()).clone();
    inventory.tenants.clear();
    inventory
}

/// The project's inventory with these tenants.
pub fn inventory(tenants: impl IntoIterator<Item = Tenant>) -> Inventory {
    let mut inventory = nobody();
    inventory.tenants = tenants.into_iter().map(|tenant| (tenant.id.clone(), tenant)).collect();
    inventory
}

/// The plan of a tenant that is alone in the project.
pub fn plan(tenant: &Tenant) -> NetworkPlan {
    static NOBODY: OnceLock<Inventory> = OnceLock::new();
    NetworkPlan::new(NOBODY.get_or_init(nobody), tenant).unwrap()
}

impl Choices {
    /// The tenant.
    pub fn tenant(&self) -> Tenant {
        let mut tenant = pattern().clone();
        tenant.id = format!("paese-{}", self.number).parse().unwrap();
        tenant.number = self.number;
        tenant.name = format!("Comune di Paese {}", self.number);
        tenant.short = format!("PAESE{}", self.number);
        let sites = tenant.sites.known().unwrap().iter().map(|site| self.site(site)).collect();
        let servers = tenant.servers.known().unwrap();
        tenant.servers = Known::Known(self.servers.iter().enumerate().map(|it| self.server(&servers[2], it)).collect());
        tenant.sites = Known::Known(sites);
        tenant
    }

    /// The LAN: many towns took the same.
    fn prefix(&self) -> Ipv4Network {
        let base = match self.lan % 4 {
            0 => Ipv4Addr::new(192, 168, self.lan, 0),
            1 => Ipv4Addr::new(172, 16 + self.lan % 16, self.lan, 0),
            2 => Ipv4Addr::new(10, 200, self.lan, u8::MAX),
            _ => Ipv4Addr::new(192, 168, 1, 0),
        };
        let network = Ipv4Network::new(base, self.length).unwrap();
        Ipv4Network::new(network.network(), self.length).unwrap()
    }

    fn site(&self, pattern: &Site) -> Site {
        let mut site = pattern.clone();
        let number = u8::try_from(self.number).unwrap();
        let prefix = self.prefix();
        let from_end = |nth: u32| Ipv4Addr::from(u32::from(prefix.broadcast()) - nth);
        site.id = format!("sede-{number}").parse().unwrap();
        site.lan = Some(Lan {
            prefix,
            gateway: Gateway {
                address: prefix.nth(1).unwrap(),
                kind: [GatewayKind::Endian, GatewayKind::Other][usize::from(number % 2)],
            },
            vip: from_end(1),
            primary: from_end(3),
            standby: (self.two_routers && self.backup != BackupKind::None).then(|| from_end(2)),
            hub: self.servers.contains(&true).then(|| from_end(4)),
            example: true,
        });
        let line = |at: u8, mtu| CarrierLine {
            wan: Ipv4Network::new(Ipv4Addr::new(10, 128, number, at), 30).unwrap(),
            pe: Ipv4Addr::new(10, 128, number, at + 1),
            cpe: Ipv4Addr::new(10, 128, number, at + 2),
            mtu,
            example: true,
        };
        let link = &mut site.link;
        link.primary = self.medium;
        (link.pcr_mbps, link.mcr_percent) = (self.pcr_mbps, self.mcr_percent);
        link.carrier = Some(line(0, self.mtu.0));
        link.handoff = Some(HubHandoff {
            vlan: 2000 + self.number,
            wan: Ipv4Network::new(Ipv4Addr::new(10, 127, number, 0), 30).unwrap(),
            pe: Ipv4Addr::new(10, 127, number, 1),
            ce: Ipv4Addr::new(10, 127, number, 2),
        });
        link.backup = match self.backup {
            BackupKind::None => None,
            BackupKind::Copper => {
                Some(Backup::Copper { rate_kbps: self.backup_kbps, carrier: Some(line(4, self.mtu.1)) })
            }
            BackupKind::Tunnel | BackupKind::Provider(_) => Some(self.lte()),
        };
        link.managed_by = ManagedBy::Us;
        site
    }

    fn lte(&self) -> Backup {
        let number = u8::try_from(self.number).unwrap();
        let return_path = match self.backup {
            BackupKind::Provider(negotiated) => ReturnPath::Provider {
                carrier: Some(CellularLine {
                    wan: Ipv4Network::new(Ipv4Addr::new(10, 126, number, 0), 29).unwrap(),
                    cpe: Ipv4Addr::new(10, 126, number, 2),
                    negotiated,
                    mtu: self.mtu.1,
                    example: true,
                }),
            },
            _ => ReturnPath::Tunnel,
        };
        let (rate_kbps, apn) = (self.backup_kbps, self.apn.clone());
        Backup::Lte { rate_kbps, apn, return_path, profile_via: ProfileVia::Config }
    }

    fn server(&self, pattern: &Server, (at, keeps): (usize, &bool)) -> Server {
        let mut server = pattern.clone();
        let at = u8::try_from(at).unwrap();
        server.id = format!("paese-{}-srv{at}", self.number).parse().unwrap();
        server.address = self.prefix().nth(2 + u32::from(at)).unwrap();
        server.landing = if *keeps {
            Addressing::Keep
        } else {
            Addressing::Renumber(Ipv4Addr::new(10, 64, u8::try_from(self.number).unwrap(), 10 + at))
        };
        server.after = Vec::new();
        server.access = None;
        server
    }
}

/// A tenant that everything is taken from that no network depends on.
fn pattern() -> &'static Tenant {
    static READ: OnceLock<Tenant> = OnceLock::new();
    READ.get_or_init(|| {
        let inventory = traghetto::inventory::load(&project()).unwrap();
        inventory.tenants[&"cinto-caomaggiore".parse().unwrap()].clone()
    })
}
