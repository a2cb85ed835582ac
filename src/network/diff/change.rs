//! A change of several routers: in which order, and every state between them.

use super::super::device::Device;
use super::super::parse;
use super::super::simulate::{Failures, Role, Scene, SceneRouter, Surroundings, Verdict, reachability};
use super::super::text::ConfigText;
use super::judge::{self, State};
use super::ownership::Ownership;
use super::patch::{Ends, Faithless, judged};
use super::search::Around;
use super::{Patch, Step};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A router of a change.
#[derive(Debug, Clone)]
pub struct RouterChange {
    /// What it is for.
    pub role: Role,
    /// What runs on it.
    pub running: ConfigText,
    /// What is wanted of it.
    pub wanted: ConfigText,
    /// What on it is traghetto's.
    pub own: Ownership,
}

/// Classes of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeClass {
    /// One CPE a window, the standby one first and the one that carries the traffic last.
    Maintenance,
    /// Hub, standby CPE, primary CPE in one window: servers move.
    Cutover,
}

/// A change of several routers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its class.
    pub class: ChangeClass,
    /// The patches in the order of going, without routers that do not change. Coming back is the
    /// exact reverse: the last router first, each with its rollback.
    pub patches: Vec<Patch>,
    /// Foreign lines of the routers that do not change, by router.
    pub untouched: Vec<Patch>,
}

impl Change {
    /// Steps, going and coming back, that need a window.
    pub fn windows(&self) -> impl Iterator<Item = &Step> {
        let steps = self.patches.iter().flat_map(|patch| patch.steps.iter().chain(&patch.rollback));
        steps.filter(|step| step.window.is_some())
    }
}

/// The change of a tenant's routers. `surroundings` are those before it and, where the change goes
/// with something that no router says (the carrier gives another line, a server moves), those after
/// it: what happens beside the routers happens somewhere in between, so a pair counts as lost where
/// it is lost in all of them.
///
/// Where a step needs a window in the usual order of the routers, other orders are tried too; the
/// standby CPE always comes before the primary one.
pub fn plan_change(
    routers: &[RouterChange],
    surroundings: &[Surroundings],
    class: ChangeClass,
) -> Result<Change, Faithless> {
    let ends: Vec<Ends> = routers.iter().map(|it| Ends::new(&it.running, &it.wanted, &it.own)).collect();
    let mut best: Option<Change> = None;
    for order in orders(class) {
        let change = in_order(routers, &ends, surroundings, class, &order)?;
        let windows = change.windows().count();
        if best.as_ref().is_none_or(|best| windows < best.windows().count()) {
            best = Some(change);
        }
        if windows == 0 {
            break;
        }
    }
    Ok(best.unwrap_or(Change { class, patches: Vec::new(), untouched: Vec::new() }))
}

fn orders(class: ChangeClass) -> Vec<[Role; 3]> {
    use Role::{Hub, PrimaryCpe, StandbyCpe};
    match class {
        ChangeClass::Cutover => vec![[Hub, StandbyCpe, PrimaryCpe]],
        ChangeClass::Maintenance => {
            vec![[StandbyCpe, Hub, PrimaryCpe], [Hub, StandbyCpe, PrimaryCpe], [StandbyCpe, PrimaryCpe, Hub]]
        }
    }
}

fn in_order(
    routers: &[RouterChange],
    ends: &[Ends],
    surroundings: &[Surroundings],
    class: ChangeClass,
    order: &[Role],
) -> Result<Change, Faithless> {
    let parsed =
        |of: fn(&Ends) -> ConfigText| -> Vec<Device> { ends.iter().map(|it| parse::device(&of(it))).collect() };
    let (mut now, wanted) = (parsed(|it| it.from.text()), parsed(|it| it.to.text()));
    let lost = |devices: &[Device], around: &[Surroundings]| lost(routers, devices, around);
    let everywhere = |devices: &[Device]| lost(devices, surroundings);
    let first = surroundings.first().map(std::slice::from_ref).unwrap_or_default();
    let last = surroundings.last().map(std::slice::from_ref).unwrap_or_default();
    let old: State = judge::state(&now, &|devices: &[Device]| lost(devices, first));
    let new: State = judge::state(&wanted, &|devices: &[Device]| lost(devices, last));
    let mut change = Change { class, patches: Vec::new(), untouched: Vec::new() };
    for place in order.iter().filter_map(|role| routers.iter().position(|router| router.role == *role)) {
        let mut others = now.clone();
        others.remove(place);
        let around = Around { others: &others, place, lost: &everywhere, ends: Some((old.clone(), new.clone())) };
        let patch = judged(&ends[place], &around)?;
        now[place] = wanted[place].clone();
        if patch.is_empty() { change.untouched.push(patch) } else { change.patches.push(patch) }
    }
    Ok(change)
}

/// The pairs that are lost in each of the surroundings.
fn lost(routers: &[RouterChange], devices: &[Device], surroundings: &[Surroundings]) -> BTreeSet<String> {
    let mut all: Option<BTreeSet<String>> = None;
    for around in surroundings {
        let routers = routers.iter().zip(devices).map(|(router, device)| SceneRouter {
            role: router.role,
            file: String::new(),
            device: device.clone(),
        });
        let scene = Scene { routers: routers.collect(), surroundings: around.clone() };
        let pairs = reachability(&scene, &Failures::none());
        let lost = pairs.iter().filter(|pair| pair.verdict == Verdict::Lost);
        let lost: BTreeSet<String> = lost.map(|pair| format!("{} to {}", pair.client, pair.server)).collect();
        all = Some(match all {
            Some(all) => all.intersection(&lost).cloned().collect(),
            None => lost,
        });
    }
    all.unwrap_or_default()
}
