use super::*;
use crate::model::link::{Backup, CarrierLine, MigrationWay};
use crate::model::{Inventory, Known};
use crate::network::diff::apply;
use ipnetwork::Ipv4Network;
use std::net::Ipv4Addr;

fn estate() -> Inventory {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/estate-21");
    crate::inventory::load(&root).unwrap()
}

fn plans(inventory: &Inventory) -> Vec<NetworkPlan> {
    inventory.tenants.values().map(|tenant| NetworkPlan::new(inventory, tenant).unwrap()).collect()
}

/// What a push of everything would do.
fn push(plan: &NetworkPlan, running: &BTreeMap<Role, ConfigText>, moved: &Moved, accepted: bool) -> Planned {
    let request = Request { plan, beside: &[], running, moved, accepted, class: ChangeClass::Maintenance, only: None };
    planned(&request, &Templates::built_in().unwrap()).unwrap()
}

/// What runs after a push.
fn after(running: &BTreeMap<Role, ConfigText>, planned: &Planned) -> BTreeMap<Role, ConfigText> {
    let mut after = running.clone();
    for router in &planned.routers {
        let text = after.get_mut(&router.role).unwrap();
        *text = apply(text, &router.change.lines).unwrap();
    }
    after
}

fn lines(planned: &Planned) -> String {
    planned.routers.iter().flat_map(|router| &router.change.lines).map(|line| format!("{line}\n")).collect()
}

fn pictures(texts: &BTreeMap<Role, ConfigText>) -> BTreeMap<Role, String> {
    texts.iter().map(|(role, text)| (*role, picture(text).to_string())).collect()
}

/// The inventory says copper now: what the LTE backup left behind goes, though no rendering of the
/// present inventory names it. Only what a port of the hardware needs stays.
#[test]
fn what_an_earlier_backup_line_left_behind_goes() {
    let (mut inventory, templates) = (estate(), Templates::built_in().unwrap());
    let mut tunnels = 0;
    for old in plans(&estate()).iter().filter(|plan| plan.tunnel().is_some()) {
        let number = u8::try_from(old.numbers.number).unwrap();
        let tenant = inventory.tenants.get_mut(&old.tenant).unwrap();
        let Known::Known(sites) = &mut tenant.sites else { panic!("no sites") };
        let carrier = CarrierLine {
            wan: Ipv4Network::new(Ipv4Addr::new(10, 128, number, 12), 30).unwrap(),
            pe: Ipv4Addr::new(10, 128, number, 13),
            cpe: Ipv4Addr::new(10, 128, number, 14),
            mtu: 1492,
            example: true,
        };
        sites[0].link.backup = Some(Backup::Copper { rate_kbps: 8000, carrier: Some(carrier) });
        let running = texts(old, &Moved::new(), &templates).unwrap();
        let new = NetworkPlan::new(&inventory, &inventory.tenants[&old.tenant]).unwrap();
        let planned = push(&new, &running, &Moved::new(), false);
        for (role, text) in after(&running, &planned) {
            let text = text.to_string();
            for gone in ["Tunnel", "crypto ikev2 keyring", "LTE-IN", "LTE-PARENT", "Virtual-Template"] {
                assert!(!text.contains(gone), "{} {role:?}: {gone} is left\n{text}", old.tenant);
            }
        }
        tunnels += 1;
    }
    assert!(tunnels > 1, "{tunnels}");
}

/// `after` is without the temporary way of the copying; before it, the way is added where it is not.
#[test]
fn the_way_of_the_copying_goes_with_the_stage_after_and_comes_before_it() {
    let (mut inventory, templates) = (estate(), Templates::built_in().unwrap());
    let names: Vec<_> = inventory.tenants.keys().cloned().collect();
    for (name, way) in names.iter().zip([MigrationWay::Routed, MigrationWay::Alias, MigrationWay::JumpHost]) {
        let tenant = inventory.tenants.get_mut(name).unwrap();
        let Known::Known(sites) = &mut tenant.sites else { panic!("no sites") };
        sites[0].migration_path = Some(way);
        let plan = &NetworkPlan::new(&inventory, &inventory.tenants[name]).unwrap();
        let everyone: Moved = plan.kept().map(|server| server.id.clone()).collect();
        let accepted = plan.accepted();
        let moved = texts(plan, &everyone, &templates).unwrap();
        let wanted = texts(&accepted, &everyone, &templates).unwrap();
        assert_ne!(pictures(&moved), pictures(&wanted), "{}", plan.tenant);
        // While the inventory still has the way, and once it has it no more.
        for plan in [plan, &accepted] {
            let planned = push(plan, &moved, &everyone, true);
            assert_eq!(pictures(&after(&moved, &planned)), pictures(&wanted), "{}\n{}", plan.tenant, lines(&planned));
            assert!(planned.foreign.values().all(Vec::is_empty), "{:?}", planned.foreign);
        }
        let planned = push(plan, &wanted, &everyone, false);
        assert_eq!(pictures(&after(&wanted, &planned)), pictures(&moved), "{}\n{}", plan.tenant, lines(&planned));
        assert!(lines(&planned).contains("MIGRATION-IN"), "{}", lines(&planned));
    }
}

/// What a push keeps and shows holds no secret of a router, whatever its lines take away.
#[test]
fn the_way_back_of_a_push_holds_no_secret() {
    let (inventory, templates) = (estate(), Templates::built_in().unwrap());
    let plan = plans(&inventory).into_iter().find(|plan| plan.standby_cpe.is_some()).unwrap();
    let with = |authentication: &str| {
        let mut running = texts(&plan, &Moved::new(), &templates).unwrap();
        for role in [Role::PrimaryCpe, Role::StandbyCpe] {
            let text = running.get_mut(&role).unwrap();
            *text = ConfigText::parse(&text.to_string().replace("md5 key-chain HSRP-LAN", authentication));
        }
        running
    };
    let running = with("md5 key-string 7 SENTINEL");
    let planned = push(&plan, &running, &Moved::new(), false);
    let changes: Vec<_> = planned.routers.iter().map(|router| &router.change).collect();
    assert_eq!(changes.len(), 2);
    let shown = format!("{} {planned:?}", serde_json::to_string(&changes).unwrap());
    assert!(!shown.contains("SENTINEL"));
    assert!(changes.iter().all(|change| change.rollback.iter().any(|line| line.contains("<secret:old-"))));
    // A secret that no reference can take the place of is refused, by the place of its line alone.
    let running = with("md5 key-string 7 SENTINEL timeout 30");
    let class = ChangeClass::Maintenance;
    let moved = Moved::new();
    let request =
        Request { plan: &plan, beside: &[], running: &running, moved: &moved, accepted: false, class, only: None };
    let error = super::planned(&request, &templates).unwrap_err();
    assert!(matches!(&error, Unplanned::Secret { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("SENTINEL"));
    assert!(error.to_string().contains("authentication md5 key-string <secret>"), "{error}");
}
