use super::super::diff::{apply, canonical};
use super::super::hub;
use super::super::render::{Stage, Templates};
use super::super::text::ConfigText;
use super::*;
use crate::model::server::ServerRole;
use crate::model::{Inventory, Known};
use std::collections::BTreeMap;

/// The invented estate.
fn estate() -> Inventory {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/estate-21");
    crate::inventory::load(&root).unwrap()
}

fn plans() -> Vec<NetworkPlan> {
    let inventory = estate();
    inventory.tenants.values().map(|tenant| NetworkPlan::new(&inventory, tenant).unwrap()).collect()
}

/// The routers of a stage, by host name.
fn texts(templates: &Templates, plan: &NetworkPlan, stage: Stage) -> BTreeMap<String, ConfigText> {
    let hub = plan.shared.hub.to_string();
    let name = |path: &str| {
        let file = path.rsplit('/').next().unwrap().trim_end_matches(".ios").to_owned();
        if file.starts_with(&hub) { hub.clone() } else { file }
    };
    let files = templates.stage(plan, stage).unwrap().into_iter();
    files.map(|file| (name(&file.path), ConfigText::parse(&file.text))).collect()
}

fn run(configs: &mut BTreeMap<String, ConfigText>, kit: &Kit) {
    for (router, config) in configs {
        *config = apply(config, &kit.lines_for(router)).unwrap();
    }
}

fn same(one: &BTreeMap<String, ConfigText>, other: &BTreeMap<String, ConfigText>, what: &str) {
    for (router, config) in one {
        assert_eq!(canonical(config).to_string(), canonical(&other[router]).to_string(), "{what}: {router}");
    }
}

/// The routers' lines of all kits, typed in order, and then those of the acceptance, lead from `before`
/// to `after`; the kits of the way back, in the reverse order, lead back to `before`.
#[test]
fn kits_lead_from_before_to_after_and_back() {
    let templates = Templates::built_in().unwrap();
    let mut lines = 0;
    for plan in plans() {
        let before = texts(&templates, &plan, Stage::Before);
        let mut now = before.clone();
        for kit in templates.kits(&plan, Direction::Going).unwrap() {
            lines += kit.steps.iter().map(|step| step.config.len()).sum::<usize>();
            run(&mut now, &kit);
        }
        let mut accepted = now.clone();
        for change in templates.migration_changes(&plan).unwrap() {
            let config = accepted.get_mut(change.router.as_str()).unwrap();
            *config = apply(config, &change.remove).unwrap();
        }
        same(&accepted, &texts(&templates, &plan, Stage::After), plan.tenant.as_str());
        for kit in templates.kits(&plan, Direction::Back).unwrap().iter().rev() {
            run(&mut now, kit);
        }
        same(&now, &before, plan.tenant.as_str());
    }
    assert!(lines > 100, "{lines}");
}

/// The temporary way, typed line by line, comes and goes without a trace.
#[test]
fn the_way_of_the_copying_comes_and_goes() {
    let templates = Templates::built_in().unwrap();
    for plan in plans() {
        let with = texts(&templates, &plan, Stage::Before);
        let without = texts(&templates, &plan.accepted(), Stage::Before);
        let mut now = without.clone();
        let changes = templates.migration_changes(&plan).unwrap();
        assert_eq!(changes.is_empty(), plan.migration.is_none());
        for change in &changes {
            let config = now.get_mut(change.router.as_str()).unwrap();
            *config = apply(config, &change.add).unwrap();
        }
        same(&now, &with, plan.tenant.as_str());
        for change in &changes {
            let config = now.get_mut(change.router.as_str()).unwrap();
            *config = apply(config, &change.remove).unwrap();
        }
        same(&now, &without, plan.tenant.as_str());
    }
}

fn acts(kit: &Kit) -> Vec<Act> {
    let mut acts: Vec<_> = kit.steps.iter().map(|step| step.act).collect();
    acts.dedup();
    acts
}

/// Quiet, final sync, verify, convert, source off and silent, hub, carrier, CPEs, boot, connect, ARP, checks;
/// and back: card off, CPEs, carrier, hub, ARP, and only then the source on.
#[test]
fn the_order_is_that_of_the_migration() {
    let templates = Templates::built_in().unwrap();
    let mut kept = 0;
    for plan in plans() {
        let going = templates.kits(&plan, Direction::Going).unwrap();
        let back = templates.kits(&plan, Direction::Back).unwrap();
        for (going, back) in going.iter().zip(&back) {
            let (before, at_sad, checks) = (
                [Act::Quiet, Act::FinalSync, Act::VerifyCopy, Act::Convert, Act::SourceOff, Act::Silent],
                [Act::Boot, Act::Nic],
                [Act::Check, Act::Save],
            );
            let (hub, carrier, cpe) = (Act::HubRoute, Act::CarrierRoute, Act::CpeRoute);
            if going.server.before == going.server.after {
                kept += 1;
                let expected = [&before[..], &[hub, carrier, cpe], &at_sad, &[Act::ClearArp], &checks].concat();
                assert_eq!(acts(going), expected);
                let expected = [Act::Nic, cpe, carrier, hub, Act::ClearArp, Act::SourceOn, Act::Check, Act::Save];
                assert_eq!(acts(back), expected);
                let routers = |kit: &Kit| -> Vec<_> {
                    let configured = kit.steps.iter().filter(|step| !step.config.is_empty());
                    configured.map(|step| step.place.clone()).collect()
                };
                let reversed: Vec<_> = routers(back).into_iter().rev().collect();
                assert_eq!(routers(going), reversed);
                let last = routers(going).pop();
                let active = plan.primary_cpe.hostname.clone();
                assert!(last == Some(Place::Router(active.clone())) || last == Some(Place::CarrierRouter(active)));
            } else {
                let expected = [&[Act::HostRoutes][..], &before, &at_sad, &[Act::Dns, Act::Check]].concat();
                assert_eq!(acts(going), expected);
                assert_eq!(acts(back), [Act::Nic, Act::Dns, Act::SourceOn, Act::Check]);
            }
        }
    }
    assert!(kept > 20, "{kept}");
}

/// Going, the copy's card is connected after the last route and the source was off before the first;
/// the undo of each block of lines is what the way back types.
#[test]
fn each_block_is_taken_back_by_its_undo() {
    let templates = Templates::built_in().unwrap();
    for plan in plans() {
        let before = texts(&templates, &plan, Stage::Before);
        for kit in templates.kits(&plan, Direction::Going).unwrap() {
            for step in kit.steps.iter().filter(|step| !step.config.is_empty()) {
                let (Place::Router(router) | Place::CarrierRouter(router)) = &step.place else { panic!("{step:?}") };
                let old = &before[router.as_str()];
                let new = apply(old, &step.config).unwrap();
                assert_ne!(canonical(&new), canonical(old));
                assert_eq!(canonical(&apply(&new, &step.undo).unwrap()), canonical(old));
                assert!(!step.verify.is_empty());
            }
        }
    }
}

#[test]
fn the_carrier_is_asked_for_every_route_and_its_own_routers_only() {
    let templates = Templates::built_in().unwrap();
    for plan in plans() {
        let request = templates.request(&plan).unwrap();
        let by_carrier = plan.managed_by == ManagedBy::Carrier;
        assert_eq!(request.routers.is_empty(), !by_carrier);
        for lang in [Language::Italian, Language::English] {
            let text = templates.change_request(&request, lang).unwrap();
            for route in hub::carrier_routes(&plan) {
                assert!(text.contains(&format!(
                    "{} {} {}",
                    route.destination,
                    lang.choose(("verso", "towards")),
                    route.towards
                )));
            }
            for line in request.routers.iter().flat_map(|router| &router.cutovers).flat_map(|lines| &lines.add) {
                assert!(text.contains(line.as_str()));
            }
        }
        for kit in templates.kits(&plan, Direction::Going).unwrap() {
            let ours = |place: &Place| matches!(place, Place::Router(name) if *name != plan.shared.hub);
            assert!(!by_carrier || kit.steps.iter().all(|step| !ours(&step.place)));
        }
    }
}

/// A DHCP server that moves is asked through the CPEs: on each of them, by whoever configures it, in
/// its configuration, and no longer once it is back.
#[test]
fn the_dhcp_server_that_moves_is_asked_through_the_cpes() {
    let (templates, mut inventory) = (Templates::built_in().unwrap(), estate());
    for tenant in inventory.tenants.values_mut() {
        let Known::Known(servers) = &mut tenant.servers else { continue };
        servers.iter_mut().for_each(|server| server.roles = vec![ServerRole::Dhcp]);
    }
    let (mut ours, mut carriers) = (0, 0);
    for tenant in inventory.tenants.values() {
        let plan = NetworkPlan::new(&inventory, tenant).unwrap();
        let cpes = 1 + usize::from(plan.standby_cpe.is_some());
        let before = texts(&templates, &plan, Stage::Before);
        let (going, back) =
            (templates.kits(&plan, Direction::Going).unwrap(), templates.kits(&plan, Direction::Back).unwrap());
        for (going, back) in going.iter().zip(&back) {
            let helper = format!(" ip helper-address {}", going.server.after);
            let relays = |kit: &Kit| -> Vec<KitStep> {
                kit.steps.iter().filter(|step| step.act == Act::Relay).cloned().collect()
            };
            assert_eq!((relays(going).len(), relays(back).len()), (cpes, cpes));
            for step in relays(going) {
                assert_eq!(step.config, ["interface GigabitEthernet0/0/1", helper.as_str()]);
                match (plan.managed_by, &step.place) {
                    (ManagedBy::Us, Place::Router(_)) => ours += 1,
                    (ManagedBy::Carrier, Place::CarrierRouter(_)) => carriers += 1,
                    other => panic!("{other:?}"),
                }
                assert!(going.steps.iter().any(|save| save.act == Act::Save && save.place == step.place));
            }
            let reversed: Vec<_> = relays(back).into_iter().rev().map(|step| step.place).collect();
            assert_eq!(relays(going).into_iter().map(|step| step.place).collect::<Vec<_>>(), reversed);
            let mut now = before.clone();
            run(&mut now, going);
            assert!(now.values().filter(|text| text.to_string().contains(&helper)).count() == cpes);
            run(&mut now, back);
            same(&now, &before, plan.tenant.as_str());
            let page = templates.kit(going, Language::English).unwrap();
            assert!(!page.contains("DHCP SERVER\n    Nothing"), "{page}");
            let (_, undo) = page.split_once(&format!("\n       {helper}\n")).unwrap();
            let (_, undo) = undo.split_once("Undo:\n").unwrap();
            assert!(undo.starts_with("      configure terminal revert timer 5\n       interface "), "{undo}");
        }
        let request = templates.request(&plan).unwrap();
        for lines in request.routers.iter().flat_map(|router| &router.cutovers) {
            assert!(lines.add.iter().any(|line| line.starts_with(" ip helper-address ")), "{lines:?}");
        }
    }
    assert!(ours > 10 && carriers > 0, "{ours} {carriers}");
}
