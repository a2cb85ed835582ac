//! A plan as people and scripts read it: every value with where it comes from.

use super::cpe::{self, Moved};
use super::hosts::HostRoutes;
use super::hub::{self, CarrierRoute};
use super::interface::Standby;
use super::plan::{BackupLine, NetworkPlan, ServerPlan, host};
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
    /// What a person must know or do.
    pub notes: Vec<String>,
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SummaryValue {
    /// A stable name for scripts, with its unit where it has one.
    pub name: &'static str,
    /// The value.
    pub value: String,
    /// The key of the inventory, or how it follows from others.
    pub from: String,
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
        let moved: Moved = plan.kept().map(|server| server.id.clone()).collect();
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
            notes: notes(plan),
        }
    }
}

fn routes<'a>(plan: &'a NetworkPlan, router: &'a RouterPlan) -> impl Iterator<Item = SummaryRoute> + 'a {
    router.routes.iter().map(|route| {
        let server = plan.kept().find(|server| host(server.after) == route.destination);
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
    let mut list = Vec::new();
    let mut add = |name, value: &dyn std::fmt::Display, from: &str| {
        list.push(SummaryValue { name, value: value.to_string(), from: from.to_owned() });
    };
    let lan = format!("sites.{}.lan", plan.site);
    let link = format!("sites.{}.link", plan.site);
    add("vrf", &numbers.vrf, "tenant.short");
    add("route_distinguisher", &numbers.rd, "network.vrf_as and the number");
    add("lan", &plan.lan.prefix, &format!("{lan}.prefix"));
    add("gateway", &plan.lan.gateway.address, &format!("{lan}.gateway, stays"));
    add("vip", &plan.lan.vip, &format!("{lan}.vip"));
    add("hsrp_group", &numbers.group, "network.hsrp_group_base + number");
    add("virtual_mac", &numbers.virtual_mac(), "HSRP version 2 and the group");
    add("sad_prefix", &numbers.sad, "network.sad, the number-th /24");
    add("sad_gateway", &numbers.sad_gateway, "first host of the prefix");
    if plan.lan.hub.is_some() {
        add("kept_vlan", &numbers.kept_vlan, "network.kept_vlan_base + number");
    }
    add("new_vlan", &numbers.new_vlan, "network.new_vlan_base + number");
    add("probe_target", &plan.probe_target, "network.probe_target, in every VRF");
    add("primary_wan", &plan.primary.line.wan, &format!("{link}.carrier.wan"));
    add("hub_wan", &plan.handoff.wan, &format!("{link}.carrier.hub_wan"));
    add("hub_vlan", &plan.handoff.vlan, &format!("{link}.carrier.hub_vlan"));
    add("primary_shaper_bit_s", &plan.primary.rate.shaped_bps, "2 % below PCR");
    add("primary_mcr_kbit_s", &plan.primary.mcr_kbps, "PCR x MCR percent");
    add("primary_llq_kbit_s", &plan.primary.rate.llq_kbps, "a fifth of MCR, at most 2000");
    match &plan.backup {
        Some(BackupLine::Lte { tunnel, rate, .. }) => {
            add("tunnel", &tunnel.prefix, "network.tunnels, the number-th /24's first /30");
            add("backup_shaper_bit_s", &rate.shaped_bps, &format!("{link}.backup.lte.rate_kbps"));
            add("backup_llq_kbit_s", &rate.llq_kbps, "a fifth of the rate, at most 2000");
        }
        Some(BackupLine::Copper { line, rate, .. }) => {
            add("backup_wan", &line.wan, &format!("{link}.backup.copper.carrier.wan"));
            add("backup_shaper_bit_s", &rate.shaped_bps, "2 % below the rate");
            add("backup_llq_kbit_s", &rate.llq_kbps, "a fifth of the rate, at most 2000");
        }
        None => {}
    }
    add("mss", &plan.mss, "least MTU of all lines - 40");
    add("primary_loopback", &plan.primary_cpe.loopback, "network.primary_loopbacks, the number-th");
    if let Some(standby) = &plan.standby_cpe {
        add("standby_loopback", &standby.loopback, "network.standby_loopbacks, the number-th");
    }
    list
}

fn notes(plan: &NetworkPlan) -> Vec<String> {
    let shared = &plan.shared;
    let mut notes = vec![format!(
        "The hub must already have its trunks, {} in the VRF INET where there are tunnels, and a way from the tenant's VRF to {}.",
        shared.hub_public, shared.management
    )];
    if plan.kept().next().is_some() {
        notes.push(
            "The carrier's VPN forwards by its own tables: without its /32 towards the hub, at the cutover, packets \
             for a kept address turn back at the provider's edge. Ask for it in time."
                .into(),
        );
    }
    match (&plan.backup, &plan.standby_cpe) {
        (None, _) => notes.push("There is no backup line: when the only one is down, the SAD is out of reach.".into()),
        (Some(BackupLine::Lte { apn: None, .. }), _) => {
            notes.push("The LTE access point name is not known: the text says <unknown:apn>.".into());
        }
        (Some(BackupLine::Copper { .. }), None) => notes.push(
            "One router with two lines of one VPN: the second line has no probe, since the target is pinned to the first."
                .into(),
        ),
        _ => {}
    }
    if let Some(BackupLine::Copper { .. }) = &plan.backup {
        notes.push(
            "The provider switches the way back to the town: the hub has one next hop, and its routes are not tracked."
                .into(),
        );
    }
    if plan.managed_by == ManagedBy::Carrier {
        notes.push("The carrier configures the CPEs: give it these files as a change request.".into());
    }
    notes
}
