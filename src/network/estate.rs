//! What may not meet: networks of one routing table, and things of which every tenant has its own.

use super::migration_path::Way;
use super::plan::{BackupLine, LteWay, NetworkPlan, host};
use super::problem::{NetworkProblem, Rule};
use crate::model::Inventory;
use crate::model::link::MigrationWay;
use crate::model::project::NetworkPools;
use crate::model::tenant::Tenant;
use ipnetwork::Ipv4Network;

/// A network of the tenant's routing table, and where it comes from.
#[derive(PartialEq)]
struct Named {
    key: String,
    network: Ipv4Network,
}

/// Pairs of networks in the tenant's routing table that overlap. Towns may overlap with each other:
/// each has a routing table of its own.
pub(super) fn overlaps(plan: &NetworkPlan) -> Vec<NetworkProblem> {
    let mut named: Vec<Named> = Vec::new();
    for network in std::iter::once(plan).chain(&plan.beside).flat_map(networks) {
        // What the sites share is one network.
        if !named.contains(&network) {
            named.push(network);
        }
    }
    let mut problems = Vec::new();
    for (at, one) in named.iter().enumerate() {
        for other in &named[at + 1..] {
            if one.network.overlaps(other.network) {
                problems.push(NetworkProblem::new(
                    one.key.clone(),
                    Rule::Overlap { network: one.network, other_network: other.network, other: other.key.clone() },
                ));
            }
        }
    }
    problems
}

fn networks(plan: &NetworkPlan) -> Vec<Named> {
    let ours = |key: &str, network| Named { key: format!("network.{key}"), network };
    let given = |key: &str, network| Named { key: format!("sites.{}.{key}", plan.site), network };
    let mut all = vec![
        given("lan.prefix", plan.lan.prefix),
        given("link.carrier.wan", plan.primary.line.wan),
        given("link.carrier.hub_wan", plan.handoff.wan),
        ours("sad", plan.numbers.sad),
        ours("primary_loopbacks", host(plan.primary_cpe.loopback)),
        ours("probe_target", host(plan.probe_target)),
        ours("management", plan.shared.management),
    ];
    if let Some(standby) = &plan.standby_cpe {
        all.push(ours("standby_loopbacks", host(standby.loopback)));
    }
    match &plan.backup {
        Some(BackupLine::Copper { line, .. }) => all.push(given("link.backup.copper.carrier.wan", line.wan)),
        Some(BackupLine::Lte { way: LteWay::Tunnel(tunnel), .. }) => all.push(ours("tunnels", tunnel.prefix)),
        Some(BackupLine::Lte { way: LteWay::Provider(line), .. }) => {
            all.push(given("link.backup.lte.carrier.wan", line.wan));
        }
        None => {}
    }
    if let (Some(path), Some(hosts)) = (&plan.migration, &plan.shared.migration)
        && !path.routed_hosts().is_empty()
    {
        all.push(ours("migration.network", hosts.network));
    }
    all
}

/// Servers whose new address is the jump host's.
pub(super) fn on_the_jump_host(plan: &NetworkPlan) -> Vec<NetworkProblem> {
    let Some(Way::JumpHost { address }) = plan.migration.as_ref().map(|path| &path.way) else { return Vec::new() };
    let there = plan.servers.iter().filter(|server| server.after == *address);
    let rule = Rule::OutsideSad { address: *address, sad: plan.numbers.sad };
    there.map(|server| NetworkProblem::new(format!("servers.{}.landing", server.id), rule.clone())).collect()
}

/// What the hub's global table would hold twice, where the way of the copying is plain routes: other
/// towns whose way is plain too, and networks of ours.
pub(super) fn migration_clashes(
    inventory: &Inventory,
    pools: &NetworkPools,
    tenant: &Tenant,
    plan: &NetworkPlan,
) -> Vec<NetworkProblem> {
    if !matches!(plan.migration.as_ref().map(|path| &path.way), Some(Way::Routed)) {
        return Vec::new();
    }
    let ours = [("network.management", pools.management), ("network.primary_loopbacks", pools.primary_loopbacks)];
    let ours = ours.into_iter().map(|(key, network)| (key.to_owned(), network));
    let others = others_there(inventory, tenant);
    let sites = others.flat_map(|other| {
        let sites = other.sites.known().into_iter().flatten();
        let routed = sites.filter(|site| site.migration_path == Some(MigrationWay::Routed));
        routed.filter_map(|site| Some((other.id.to_string(), site.lan.as_ref()?.prefix)))
    });
    let key = format!("sites.{}.migration_path", plan.site);
    let lan = plan.lan.prefix;
    let clashes = ours.chain(sites).filter(|(_, network)| network.overlaps(lan));
    clashes
        .map(|(other, other_network)| {
            NetworkProblem::new(key.clone(), Rule::MigrationClash { lan, other_network, other })
        })
        .collect()
}

/// The other tenants of the same landing site, whose parts are on the same hub.
fn others_there<'a>(inventory: &'a Inventory, tenant: &'a Tenant) -> impl Iterator<Item = &'a Tenant> {
    let there = |other: &&Tenant| other.id != tenant.id && other.landing_site == tenant.landing_site;
    inventory.tenants.values().filter(there)
}

/// What this tenant has that another one has too, though the hub can hold it only once.
pub(super) fn shared_with_others(
    inventory: &Inventory,
    pools: &NetworkPools,
    tenant: &Tenant,
    plan: &NetworkPlan,
) -> Vec<NetworkProblem> {
    let others = others_there(inventory, tenant);
    let mut problems: Vec<_> = others.flat_map(|other| shared(pools, plan, other)).collect();
    if plan.numbers.kept_vlan == plan.numbers.new_vlan {
        let value = plan.numbers.new_vlan.to_string();
        let rule = Rule::Shared { what: "VLAN", value, other: tenant.id.clone() };
        problems.push(NetworkProblem::new("network.new_vlan_base", rule));
    }
    problems
}

fn shared(pools: &NetworkPools, plan: &NetworkPlan, other: &Tenant) -> Vec<NetworkProblem> {
    let mut problems = Vec::new();
    let mut clash = |key: &str, what, value: String| {
        problems.push(NetworkProblem::new(key, Rule::Shared { what, value, other: other.id.clone() }));
    };
    let numbers = &plan.numbers;
    let further = || other.sites.known().into_iter().flatten().skip(1).filter_map(|site| site.number);
    if std::iter::once(other.number).chain(further()).any(|number| number == numbers.number) {
        let key = format!("sites.{}.number", plan.site);
        let key = if numbers.of_first_site() { "tenant.number" } else { &key };
        clash(key, "number", numbers.number.to_string());
    }
    if other.short.eq_ignore_ascii_case(numbers.vrf.as_str()) {
        clash("tenant.short", "short name", numbers.vrf.to_string());
    }
    let handoffs = other.sites.known().into_iter().flatten().filter_map(|site| site.link.handoff.as_ref());
    if handoffs.clone().any(|handoff| handoff.vlan == plan.handoff.vlan) {
        clash(&format!("sites.{}.link.carrier.hub_vlan", plan.site), "VLAN", plan.handoff.vlan.to_string());
    }
    let new = u32::from(pools.new_vlan_base) + u32::from(other.number);
    if u32::from(numbers.kept_vlan) == new {
        clash("network.kept_vlan_base", "VLAN", new.to_string());
    }
    for number in std::iter::once(other.number).chain(further()) {
        let kept = u32::from(pools.kept_vlan_base) + u32::from(number);
        if u32::from(numbers.new_vlan) == kept {
            clash("network.new_vlan_base", "VLAN", kept.to_string());
        }
    }
    problems
}
