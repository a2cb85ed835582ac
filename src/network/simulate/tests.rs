//! Scenes from rendered text, whole or with a line changed.

use super::*;
use crate::inventory;
use crate::network::render::{Stage, Templates};
use std::path::Path;

fn plans() -> Vec<NetworkPlan> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/estate-21"));
    let inventory = inventory::load(folder).unwrap();
    inventory.tenants.values().map(|tenant| NetworkPlan::new(&inventory, tenant).unwrap()).collect()
}

fn everyone(plan: &NetworkPlan) -> Moved {
    plan.servers.iter().map(|server| server.id.clone()).collect()
}

/// The scene of a plan's rendered text, after every server has moved.
fn scene(plan: &NetworkPlan) -> Scene {
    let files = Templates::built_in().unwrap().stage(plan, Stage::After).unwrap();
    Scene::of(plan, &everyone(plan), files.iter().map(|file| (file.path.clone(), file.text.as_str())))
}

#[test]
fn what_is_rendered_survives_every_single_failure_that_leaves_a_way() {
    for plan in plans() {
        let scene = scene(&plan);
        assert_eq!(Network::new(&scene).dead_tunnels(), []);
        for outcome in outcomes(&scene, false) {
            let pair = &outcome.pair;
            let told = format!("{} {}: {} {:?}", plan.tenant, outcome.failures, pair.server, pair.reason);
            assert!(pair.verdict == Verdict::Reachable || outcome.accepted.is_some(), "{told}");
            if outcome.failures == Failures::none() {
                assert_eq!(pair.verdict, Verdict::Reachable, "{told}");
            }
        }
    }
}
