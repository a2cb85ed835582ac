//! A plan as people and scripts read it: every value with where it comes from.

use super::cpe::{self, Moved};
use super::hosts::HostRoutes;
use super::hub::{self, CarrierRoute};
use super::interface::Standby;
use super::migration_path::changes::MigrationEnds;
use super::plan::{BackupLine, LteWay, NetworkPlan, ServerPlan, host};
use super::route::Route;
use super::router::RouterPlan;
use super::token::Token;
use crate::model::link::ManagedBy;
use crate::model::{ServerId, SiteId, TenantId};
use serde::Serialize;
use std::net::Ipv4Addr;

/// Everything decided about one tenant's network, flat.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The tenant.
    pub tenant: TenantId,
    /// Its number.
    pub number: u16,
    /// The site.
    pub site: SiteId,
    /// Who configures the CPEs.
    pub managed_by: ManagedBy,
    /// Addresses and numbers.
    pub values: Vec<SummaryValue>,
    /// The routers.
    pub routers: Vec<SummaryRouter>,
    /// The servers.
    pub servers: Vec<ServerPlan>,
    /// The static routes of all routers, with every server moved.
    pub routes: Vec<SummaryRoute>,
    /// What the carrier routes in the VPN.
    pub carrier: Vec<CarrierRoute>,
    /// What the machines of the LAN know.
    pub hosts: HostRoutes,
    /// The temporary way that the copying takes; none where there is none.
    pub migration: Option<MigrationEnds>,
    /// What a person must know or do.
    pub notes: Vec<String>,
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SummaryValue {
    /// A stable name for scripts.
    pub name: &'static str,
    /// The value.
    pub value: Datum,
    /// The key of the inventory, or how it follows from others.
    pub from: String,
}

/// A single value.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Datum {
    /// An address, a network or a name.
    Text(String),
    /// A number of ours, or bytes.
    Number(u16),
    /// A rate in Mbit/s.
    Mbps(f64),
}

impl std::fmt::Display for Datum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.pad(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Mbps(rate) => write!(f, "{rate} Mbit/s"),
        }
    }
}

/// A router.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SummaryRouter {
    /// Host name.
    pub hostname: Token,
    /// What it is for.
    pub role: &'static str,
    /// Its address in the LAN, or in the VLAN of kept servers.
    pub lan: Option<Ipv4Addr>,
    /// Its management address.
    pub management: Option<Ipv4Addr>,
    /// Its part in HSRP.
    pub hsrp: Option<Standby>,
}

/// A route of one router.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SummaryRoute {
    /// Host name of the router.
    pub router: Token,
    /// The route.
    #[serde(flatten)]
    pub route: Route,
    /// The server whose cutover adds it; none is from the start.
    pub since: Option<ServerId>,
}

impl Summary {
    /// The summary of a plan.
    pub fn new(plan: &NetworkPlan) -> Self {
        let moved: Moved = plan.kept_everywhere().map(|server| server.id.clone()).collect();
        let mut routers = cpe::routers(plan, &moved);
        routers.push(hub::tenant(plan, &moved));
        Self {
            tenant: plan.tenant.clone(),
            number: plan.numbers.number,
            site: plan.site.clone(),
            managed_by: plan.managed_by,
            values: values(plan),
            routers: devices(plan, &routers),
            servers: plan.servers.clone(),
            routes: routers.iter().flat_map(|router| routes(plan, router)).collect(),
            carrier: hub::carrier_routes(plan),
            hosts: HostRoutes::new(plan),
            migration: plan.migration.as_ref().map(|path| MigrationEnds::new(plan, path)),
            notes: notes(plan),
        }
    }
}

fn routes<'a>(plan: &'a NetworkPlan, router: &'a RouterPlan) -> impl Iterator<Item = SummaryRoute> + 'a {
    router.routes.iter().map(|route| {
        let server = plan.kept_everywhere().find(|server| host(server.after) == route.destination);
        let since = server.map(|server| server.id.clone());
        SummaryRoute { router: router.hostname.clone(), route: route.clone(), since }
    })
}

fn devices(plan: &NetworkPlan, routers: &[RouterPlan]) -> Vec<SummaryRouter> {
    let hsrp = |name: &Token| {
        let router = routers.iter().find(|router| router.hostname == *name)?;
        router.interfaces.iter().find_map(|interface| interface.standby.clone())
    };
    let cpe = |cpe: &super::plan::Cpe, role| SummaryRouter {
        hostname: cpe.hostname.clone(),
        role,
        lan: Some(cpe.lan),
        management: Some(cpe.loopback),
        hsrp: hsrp(&cpe.hostname),
    };
    let only = if plan.standby_cpe.is_some() { "primary line" } else { "every line" };
    let mut all = vec![cpe(&plan.primary_cpe, only)];
    all.extend(plan.standby_cpe.as_ref().map(|standby| cpe(standby, "backup line")));
    all.push(SummaryRouter {
        hostname: plan.shared.hub.clone(),
        role: "hub",
        lan: plan.lan.hub,
        management: None,
        hsrp: None,
    });
    all
}

fn values(plan: &NetworkPlan) -> Vec<SummaryValue> {
    let numbers = &plan.numbers;
    let lan = format!("sites.{}.lan", plan.site);
    let link = format!("sites.{}.link", plan.site);
    let mut list = vec![
        text("vrf", &numbers.vrf, "tenant.short"),
        text("route_distinguisher", numbers.rd, "network.vrf_as and the number"),
        text("lan", plan.lan.prefix, format!("{lan}.prefix")),
        text("gateway", plan.lan.gateway.address, format!("{lan}.gateway, stays")),
        text("vip", plan.lan.vip, format!("{lan}.vip")),
        number("hsrp_group", numbers.group, "network.hsrp_group_base + number"),
        text("virtual_mac", numbers.virtual_mac(), "HSRP version 2 and the group"),
        text("sad_prefix", numbers.sad, "network.sad, the number-th /24"),
        text("sad_gateway", numbers.sad_gateway, "first host of the prefix"),
        number("new_vlan", numbers.new_vlan, "network.new_vlan_base + number"),
    ];
    if plan.lan.hub.is_some() {
        list.push(number("kept_vlan", numbers.kept_vlan, "network.kept_vlan_base + number"));
    }
    list.extend([
        text("probe_target", plan.probe_target, "network.probe_target, in every VRF"),
        text("primary_wan", plan.primary.line.wan, format!("{link}.carrier.wan")),
        text("hub_wan", plan.handoff.wan, format!("{link}.carrier.hub_wan")),
        number("hub_vlan", plan.handoff.vlan, format!("{link}.carrier.hub_vlan")),
        mbps("primary_guaranteed", plan.primary.mcr_kbps, "PCR x MCR percent"),
        mbps("primary_shaper", plan.primary.rate.shaped_kbps(), "2 % below PCR"),
        mbps("primary_llq", plan.primary.rate.llq_kbps, LLQ),
    ]);
    list.extend(plan.backup.as_ref().map(|backup| backup_values(backup, &link)).unwrap_or_default());
    list.push(number("mss", plan.mss, "least MTU of all lines - 40"));
    let loopback = "network.primary_loopbacks, the number-th";
    list.push(text("primary_loopback", plan.primary_cpe.loopback, loopback));
    list.extend(
        plan.standby_cpe
            .as_ref()
            .map(|standby| text("standby_loopback", standby.loopback, "network.standby_loopbacks, the number-th")),
    );
    list
}

/// How the low-latency queue follows from a rate.
const LLQ: &str = "a fifth of what is guaranteed, at most 2 Mbit/s";

fn backup_values(backup: &BackupLine, link: &str) -> Vec<SummaryValue> {
    match backup {
        BackupLine::Lte { way, rate, .. } => vec![
            match way {
                LteWay::Tunnel(tunnel) => {
                    text("tunnel", tunnel.prefix, "network.tunnels, the number-th /24's first /30")
                }
                LteWay::Provider(line) => text("backup_wan", line.wan, format!("{link}.backup.lte.carrier.wan")),
            },
            mbps("backup_shaper", rate.shaped_kbps(), format!("{link}.backup.lte.rate_kbps")),
            mbps("backup_llq", rate.llq_kbps, LLQ),
        ],
        BackupLine::Copper { line, rate, .. } => vec![
            text("backup_wan", line.wan, format!("{link}.backup.copper.carrier.wan")),
            mbps("backup_shaper", rate.shaped_kbps(), "2 % below the rate"),
            mbps("backup_llq", rate.llq_kbps, LLQ),
        ],
    }
}

fn text(name: &'static str, value: impl std::fmt::Display, from: impl Into<String>) -> SummaryValue {
    SummaryValue { name, value: Datum::Text(value.to_string()), from: from.into() }
}

fn number(name: &'static str, value: u16, from: impl Into<String>) -> SummaryValue {
    SummaryValue { name, value: Datum::Number(value), from: from.into() }
}

fn mbps(name: &'static str, kbps: u32, from: impl Into<String>) -> SummaryValue {
    SummaryValue { name, value: Datum::Mbps(f64::from(kbps) / 1000.0), from: from.into() }
}

fn notes(plan: &NetworkPlan) -> Vec<String> {
    let shared = &plan.shared;
    let mut notes = vec![format!(
        "The hub must already have its trunks, {} in the VRF INET where there are tunnels, and a way from the tenant's VRF to {} and \
         back: until then logins on the CPEs, their logs and their time wait.",
        shared.hub_public, shared.management
    )];
    if plan.kept().next().is_some() {
        notes.push(
            "The carrier's VPN forwards by its own tables: without its /32 towards the hub, at the cutover, packets \
             for a kept address turn back at the provider's edge. Ask for it in time."
                .into(),
        );
    }
    match &plan.backup {
        None => notes
            .push(format!("There is no backup line: when the only one is down, the {} is out of reach.", shared.place)),
        Some(BackupLine::Lte { apn: None, .. }) => {
            notes.push("The LTE access point name is not known: the text says <unknown:apn>.".into());
        }
        _ => {}
    }
    if plan.provider_backup().is_some() {
        if plan.standby_cpe.is_none() {
            notes.push(
                "One router with two lines of one VPN: the second line has no probe, since the target is pinned to the first."
                    .into(),
            );
        }
        notes.push(
            "The provider switches the way back to the town: the hub has one next hop, and its routes are not tracked. \
             A dead LAN port of the primary CPE is not seen by a provider that routes statically: ask it to follow the LAN."
                .into(),
        );
    }
    match &plan.migration {
        None => notes.push("No way is rendered for the copying: `network.migration` names no hosts, or the site says `migration_path: none`.".into()),
        Some(_) if plan.tunnel().is_none() && plan.backup.is_some() => notes.push(
            "On a backup line in the same VPN the CPE drops what the migration sends; the hub cannot, since both lines are one to it."
                .into(),
        ),
        Some(_) => {}
    }
    if plan.managed_by == ManagedBy::Carrier {
        notes.push("The carrier configures the CPEs: give it these files as a change request.".into());
    }
    notes
}
