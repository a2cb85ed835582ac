use super::super::render::Templates;
use super::super::text::{ConfigText, Line};
use super::*;
use crate::model::link::{Backup, MigrationWay, ProfileVia, ReturnPath};
use crate::model::server::{Addressing, Transfer};
use crate::model::tenant::Tenant;
use crate::model::{Inventory, Known, TenantId};
use proptest::prelude::*;
use std::sync::OnceLock;

fn estate() -> &'static Inventory {
    static READ: OnceLock<Inventory> = OnceLock::new();
    READ.get_or_init(|| {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/estate-21");
        crate::inventory::load(&root).unwrap()
    })
}

/// The hub's objects with every tenant of `inventory`.
fn whole_hub(inventory: &Inventory, moved: bool) -> Vec<Line> {
    let mut plans: Vec<_> =
        inventory.tenants.values().map(|tenant| NetworkPlan::new(inventory, tenant).unwrap()).collect();
    plans.sort_by_key(|plan| plan.numbers.number);
    let all = plans.iter().flat_map(NetworkPlan::kept).map(|server| server.id.clone());
    let moved: Moved = if moved { all.collect() } else { Moved::new() };
    let router = whole(&plans, &moved).unwrap();
    ConfigText::parse(&Templates::built_in().unwrap().router(&router).unwrap()).lines
}

/// One tenant's part of it.
fn part(inventory: &Inventory, id: &TenantId, moved: bool) -> Vec<Line> {
    let plan = NetworkPlan::new(inventory, &inventory.tenants[id]).unwrap();
    let moved: Moved = if moved { plan.kept().map(|server| server.id.clone()).collect() } else { Moved::new() };
    ConfigText::parse(&Templates::built_in().unwrap().router(&tenant(&plan, &moved)).unwrap()).lines
}

/// Changes a tenant in one of many ways, each of which can be planned.
fn change(tenant: &mut Tenant, kind: u8, value: u32) {
    let Known::Known(sites) = &mut tenant.sites else { return };
    let Known::Known(servers) = &mut tenant.servers else { return };
    let (site, number) = (&mut sites[0], tenant.number);
    let tunnel = Backup::Lte {
        rate_kbps: 2000 + value % 6000,
        apn: Some("apn.example".into()),
        return_path: ReturnPath::Tunnel,
        profile_via: ProfileVia::Config,
    };
    match kind {
        0 => site.link.pcr_mbps = 10 + value % 900,
        1 => site.link.mcr_percent = 5 + (value % 90) as u8,
        2 => site.link.backup = Some(tunnel),
        3 => {
            site.link.backup = None;
            site.lan.as_mut().unwrap().standby = None;
        }
        4 => site.link.carrier.as_mut().unwrap().mtu = 1400 + (value % 100) as u16,
        5 => servers.truncate(1),
        6 => servers.iter_mut().zip(60..).for_each(|(server, host)| {
            server.landing = Addressing::Renumber(std::net::Ipv4Addr::new(10, 64, number as u8, host));
        }),
        7 => servers.iter_mut().for_each(|server| server.transfer = Transfer::ConverterAssisted),
        8 => site.migration_path = Some(MigrationWay::JumpHost),
        9 => site.migration_path = Some(MigrationWay::None),
        10 => site.link.handoff.as_mut().unwrap().vlan = 3000 + (value % 800) as u16,
        _ => tenant.short = format!("NEW-{}", value % 1000),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Whatever a tenant changes, and whether it is there at all: the objects of everybody else and
    /// what all share are the same, in the same order; the rest is the tenant's own part, nothing more.
    #[test]
    fn a_tenant_changes_only_its_own_lines(which in 0_usize..21, kind in 0_u8..12, value: u32, moved: bool) {
        let inventory = estate();
        let id = inventory.tenants.keys().nth(which).unwrap().clone();
        let mut without = inventory.clone();
        without.tenants.remove(&id);
        let mut changed = inventory.clone();
        change(changed.tenants.get_mut(&id).unwrap(), kind, value);
        let others = whole_hub(&without, moved);
        for with in [inventory, &changed] {
            let own = part(with, &id, moved);
            let mut rest = Vec::new();
            for object in whole_hub(with, moved) {
                match own.contains(&object) && !others.contains(&object) {
                    true => {}
                    false => rest.push(object),
                }
            }
            let (rest, others): (Vec<_>, Vec<_>) = (
                rest.iter().map(|line| (&line.text, &line.children)).collect(),
                others.iter().map(|line| (&line.text, &line.children)).collect(),
            );
            prop_assert_eq!(rest, others);
        }
    }
}

/// Adding the first tenant that needs a tunnel changes nothing that is shared.
#[test]
fn what_is_shared_does_not_depend_on_the_tenants() {
    let inventory = estate();
    let copper =
        inventory.tenants.values().filter(|tenant| NetworkPlan::new(inventory, tenant).unwrap().tunnel().is_none());
    let copper: Vec<_> = copper.map(|tenant| tenant.id.clone()).collect();
    assert!(!copper.is_empty());
    let mut few = inventory.clone();
    few.tenants.retain(|id, _| copper.contains(id));
    let all = whole_hub(inventory, false);
    for object in whole_hub(&few, false) {
        assert!(all.contains(&object), "{} changed", object.text);
    }
}
