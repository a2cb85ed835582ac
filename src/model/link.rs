//! A site of a tenant: its LAN, its MPLS link with backup, its CPE routers.
//!
//! Typed here is what the carrier or the town gives; our own addresses, VLANs and groups are
//! derived from the tenant's number by `network`.

use super::rate_calendar::{LinkRates, RateCalendar};
use super::router_access::SiteRouters;
use super::{Euro, SiteId};
use ipnetwork::Ipv4Network;
use jiff::civil::Date;
use std::net::Ipv4Addr;

/// A building with a LAN and a link.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Site {
    /// Id, unique within the tenant.
    pub id: SiteId,
    /// Our number for a further site, from the same numbers as the tenants' and never reused; the first
    /// site has its tenant's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
    /// Address as printed.
    pub address: String,
    /// The local network, if known.
    pub lan: Option<Lan>,
    /// The MPLS access.
    pub link: Link,
    /// The temporary way that the copying takes, where it does not follow from the addresses.
    pub migration_path: Option<MigrationWay>,
}

/// Which temporary way the copying takes between a town and the hosts at the SAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationWay {
    /// Plain routes: no other town has addresses like these.
    Routed,
    /// The hosts know the town by addresses of a pool of ours: overlapping towns stay apart.
    Alias,
    /// A host in the tenant's prefix at the SAD stands between: the town itself has addresses like
    /// those of the hosts.
    JumpHost,
    /// None: the landing was accepted, or nothing is copied.
    None,
}

/// The local network. Every address lies inside `prefix`.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Lan {
    /// Network, without host bits.
    pub prefix: Ipv4Network,
    /// The default gateway, which stays: the local firewall.
    pub gateway: Gateway,
    /// HSRP virtual address: next hop of every static route.
    pub vip: Ipv4Addr,
    /// Address of the primary CPE.
    pub primary: Ipv4Addr,
    /// Address of the standby CPE; none where one router carries both lines.
    pub standby: Option<Ipv4Addr>,
    /// A spare address that the hub takes in the server VLAN, where servers keep theirs.
    pub hub: Option<Ipv4Addr>,
    /// Whether addresses are invented.
    pub example: bool,
}

/// The LAN's default gateway.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Gateway {
    /// Its address.
    pub address: Ipv4Addr,
    /// What it is.
    pub kind: GatewayKind,
}

/// Kinds of local gateway for which routes are rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayKind {
    /// Endian firewall.
    Endian,
    /// Any other firewall or router: routes are given in words.
    Other,
}

/// The MPLS access of a site.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Link {
    /// Profile as printed, such as `Link Radio`.
    pub profile: String,
    /// Medium of the primary line.
    pub primary: PrimaryMedium,
    /// Peak rate (PCR) in Mbit/s.
    pub pcr_mbps: u32,
    /// Guaranteed share (MCR) in percent of the peak.
    pub mcr_percent: u8,
    /// The backup line.
    pub backup: Option<Backup>,
    /// What the carrier gives for the primary line, if known.
    pub carrier: Option<CarrierLine>,
    /// Where the tenant's VPN is handed over at the SAD, if known; every line of the link is in it.
    /// In the inventory these are the keys `hub_*` beside those of the primary line.
    pub handoff: Option<HubHandoff>,
    /// What the migration may take of it, where that is not the project's calendar.
    pub shaping: Option<RateCalendar>,
    /// Routers that tell its lines apart, where they do not follow from the addresses above.
    pub hops: Option<Hops>,
    /// Set-up fee, net of VAT.
    pub one_off_net: Option<Euro>,
    /// Annual fee, net of VAT.
    pub annual_net: Option<Euro>,
    /// Order to the supplier.
    pub ordered_on: Option<Date>,
    /// Availability of the line.
    pub available_on: Option<Date>,
    /// Acceptance test (collaudo).
    pub accepted_on: Option<Date>,
    /// Who configures the CPEs.
    pub managed_by: ManagedBy,
    /// How the CPEs are reached for a push; none where nobody pushes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routers: Option<SiteRouters>,
}

impl Link {
    /// Guaranteed rate in kbit/s.
    pub fn mcr_kbps(&self) -> u32 {
        self.pcr_mbps * 10 * u32::from(self.mcr_percent)
    }

    /// Its rates in bit/s.
    pub fn rates(&self) -> LinkRates {
        LinkRates { mcr: u64::from(self.mcr_kbps()) * 1000, pcr: u64::from(self.pcr_mbps) * 1_000_000 }
    }

    /// Its own calendar of rates, or the project's.
    pub fn calendar<'a>(&'a self, project: &'a RateCalendar) -> &'a RateCalendar {
        self.shaping.as_ref().unwrap_or(project)
    }
}

/// Routers on the way to a site, by the address with which they answer a packet whose time to live
/// has run out: which of them answers says which line carries.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Hops {
    /// Answer only while the primary line carries.
    pub primary: Vec<Ipv4Addr>,
    /// Answer only while the backup line carries.
    pub backup: Vec<Ipv4Addr>,
}

/// Medium of the primary line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PrimaryMedium {
    /// Optical fibre (STDO).
    Fibre,
    /// Dedicated radio.
    Radio,
}

/// The backup line, under HSRP with the primary.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Backup {
    /// Copper (STDE) in the same MPLS VPN: the provider switches the return path.
    Copper {
        /// Rate in kbit/s.
        rate_kbps: u32,
        /// What the carrier gives.
        carrier: Option<CarrierLine>,
    },
    /// LTE.
    Lte {
        /// Shaped rate in kbit/s.
        rate_kbps: u32,
        /// Access point name, by reference or value; none is unknown.
        apn: Option<String>,
        /// Who brings packets back to the town over it.
        return_path: ReturnPath,
        /// Where the modem keeps the access point name.
        profile_via: ProfileVia,
    },
}

/// Who brings packets back to the town over an LTE line.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnPath {
    /// We: a tunnel over the Internet to the hub, whose return route floats.
    Tunnel,
    /// The provider: the access point leads into the same MPLS VPN, as copper does, and the hub has
    /// one next hop.
    Provider {
        /// What the carrier gives, if known.
        carrier: Option<CellularLine>,
    },
}

/// What the carrier gives for an LTE line into the VPN.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct CellularLine {
    /// Network of the access point in the VPN, without host bits.
    pub wan: Ipv4Network,
    /// The address of our CPE: the carrier routes the town to it, so its SIM always has this one.
    pub cpe: Ipv4Addr,
    /// Whether the modem learns the address from the carrier; else it is typed.
    pub negotiated: bool,
    /// IP MTU in bytes.
    pub mtu: u16,
    /// Whether addresses are invented.
    pub example: bool,
}

/// Where a modem keeps its access point name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileVia {
    /// In the configuration (`controller Cellular`, IOS-XE 17).
    Config,
    /// In the modem itself, written by a command that no configuration shows (older releases).
    Exec,
}

/// What the carrier gives for one line.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct CarrierLine {
    /// Point-to-point network between CPE and PE, without host bits.
    pub wan: Ipv4Network,
    /// Address of the provider edge.
    pub pe: Ipv4Addr,
    /// Address of our CPE.
    pub cpe: Ipv4Addr,
    /// IP MTU in bytes.
    pub mtu: u16,
    /// Whether addresses are invented.
    pub example: bool,
}

/// Where the carrier hands over a tenant's VPN at the SAD.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct HubHandoff {
    /// VLAN on the hub's trunk (`hub_vlan`).
    pub vlan: u16,
    /// Point-to-point network between the hub and the provider, without host bits (`hub_wan`).
    pub wan: Ipv4Network,
    /// Provider's address on it (`hub_pe`).
    pub pe: Ipv4Addr,
    /// Our hub's address on it (`hub_ce`).
    pub ce: Ipv4Addr,
}

/// Who configures a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ManagedBy {
    /// The operator's network staff.
    Us,
    /// The carrier: our files become a change request.
    Carrier,
}
