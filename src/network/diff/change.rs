//! A change of several routers: in which order, and every state between them.

use super::super::device::Device;
use super::super::parse;
use super::super::simulate::{Failures, Role, Scene, SceneRouter, Surroundings, Verdict, reachability};
use super::super::text::ConfigText;
use super::judge::{self, Given};
use super::ownership::Ownership;
use super::patch::{Ends, Faithless};
use super::search::Around;
use super::{Patch, Step};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
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
    /// The way back of a cutover, in the exact reverse: primary CPE, standby CPE, hub.
    Return,
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
/// it. What happens beside the routers happens at one moment in between, in a state that is good
/// before and after; the first step after it is marked.
///
/// Where a step needs a window in the usual order of the routers, other orders are tried too; the
/// standby CPE comes before the primary one, but on the way back of a cutover.
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
        ChangeClass::Return => vec![[PrimaryCpe, StandbyCpe, Hub]],
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
    let (from, to) = (parsed(|it| it.from.text()), parsed(|it| it.to.text()));
    let given = given(routers, (&from, &to), surroundings);
    let places: Vec<usize> =
        order.iter().filter_map(|role| routers.iter().position(|router| router.role == *role)).collect();
    let walk = Walk { routers, ends, given: &given };
    let going = walk.all(&places, from.clone(), &to, surroundings, Ends::going)?;
    let (backwards, turned): (Vec<usize>, Vec<Surroundings>) =
        (places.iter().rev().copied().collect(), surroundings.iter().rev().cloned().collect());
    let mut back = walk.all(&backwards, to, &from, &turned, Ends::back)?;
    back.reverse();
    let mut change = Change { class, patches: Vec::new(), untouched: Vec::new() };
    for ((place, steps), rollback) in places.into_iter().zip(going).zip(back) {
        let (router, foreign) = (ends[place].router.clone(), ends[place].foreign.clone());
        let patch = Patch { router, steps, rollback, foreign };
        if patch.is_empty() { change.untouched.push(patch) } else { change.patches.push(patch) }
    }
    Ok(change)
}

/// One way of one router in the network around it.
type Way = fn(&Ends, &Around<'_>) -> Result<(Vec<Step>, usize), Faithless>;

struct Walk<'a> {
    routers: &'a [RouterChange],
    ends: &'a [Ends],
    given: &'a Given,
}

impl Walk<'_> {
    /// The steps of each router, one after the other.
    fn all(
        &self,
        places: &[usize],
        mut now: Vec<Device>,
        then: &[Device],
        surroundings: &[Surroundings],
        way: Way,
    ) -> Result<Vec<Vec<Step>>, Faithless> {
        let (mut all, mut phase) = (Vec::new(), 0);
        for place in places.iter().copied() {
            let scenes = RefCell::new(scenes(self.routers, &now, surroundings));
            let others = now.iter().enumerate().filter(|(at, _)| *at != place);
            let others: Vec<Device> = others.map(|(_, device)| device.clone()).collect();
            let lost = |device: &Device| {
                let mut scenes = scenes.borrow_mut();
                scenes.iter_mut().for_each(|scene| scene.routers[place].device.clone_from(device));
                scenes.iter().map(lost).collect()
            };
            let ends = &self.ends[place];
            let (given, phases) = (self.given, surroundings.len());
            let around = Around { others: &others, lost: &lost, given, phase, phases, beside: &ends.beside };
            let (steps, reached) = way(ends, &around)?;
            phase = reached;
            now[place] = then[place].clone();
            all.push(steps);
        }
        Ok(all)
    }
}

/// What one of the ends is without. A server that moves is off while it does, so its pairs are
/// interrupted whatever the routers do.
fn given(routers: &[RouterChange], ends: (&[Device], &[Device]), surroundings: &[Surroundings]) -> Given {
    let hazards = |devices: &[Device]| -> BTreeSet<String> {
        devices.iter().enumerate().flat_map(|(at, device)| judge::hazards(device, &devices[at + 1..])).collect()
    };
    let mut given = Given { lost: BTreeSet::new(), hazards: hazards(ends.0) };
    given.hazards.extend(hazards(ends.1));
    let (Some(first), Some(last)) = (surroundings.first(), surroundings.last()) else { return given };
    for (devices, around) in [(ends.0, first), (ends.1, last)] {
        given.lost.extend(scenes(routers, devices, std::slice::from_ref(around)).iter().flat_map(lost));
        let other = if std::ptr::eq(around, first) { last } else { first };
        for server in around.servers.iter().filter(|server| !other.servers.contains(server)) {
            given.lost.extend(around.clients.iter().map(|client| named(&client.name, &server.name)));
        }
    }
    given
}

fn scenes(routers: &[RouterChange], devices: &[Device], surroundings: &[Surroundings]) -> Vec<Scene> {
    let scene = |around: &Surroundings| {
        let routers = routers.iter().zip(devices).map(|(router, device)| SceneRouter {
            role: router.role,
            file: String::new(),
            device: device.clone(),
        });
        Scene { routers: routers.collect(), surroundings: around.clone() }
    };
    surroundings.iter().map(scene).collect()
}

/// The pairs that are lost in a scene.
fn lost(scene: &Scene) -> BTreeSet<String> {
    let pairs = reachability(scene, &Failures::none());
    let lost = pairs.iter().filter(|pair| pair.verdict == Verdict::Lost);
    lost.map(|pair| named(&pair.client.to_string(), &pair.server.to_string())).collect()
}

fn named(client: &str, server: &str) -> String {
    format!("{client} to {server}")
}
