//! From the state of a tenant's network to the changes of a push: what is wanted of each router, in
//! which order, and what each shows before and after.

use super::change::Change;
use super::expect::Expect;
use crate::model::ServerId;
use crate::network::NetworkPlan;
use crate::network::cpe::Moved;
use crate::network::device::Device;
use crate::network::device::interface::Address;
use crate::network::diff::{self, ChangeClass, Ownership, Patch, RouterChange, Step, picture};
use crate::network::parse;
use crate::network::plan::host;
use crate::network::render::{RenderError, Templates};
use crate::network::renderings::{owned, texts};
use crate::network::simulate::{Network, Prediction, Role, Scene, SceneRouter, Surroundings, role};
use crate::network::text::ConfigText;
use ipnetwork::Ipv4Network;
use std::collections::BTreeMap;

/// What a push wants.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The tenant's network.
    pub plan: &'a NetworkPlan,
    /// Every other tenant that the hub serves.
    pub beside: &'a [NetworkPlan],
    /// What runs on each router, by its role.
    pub running: &'a BTreeMap<Role, ConfigText>,
    /// Which servers stand at the SAD once it is done.
    pub moved: &'a Moved,
    /// Whether the landing is accepted: the temporary way of the copying goes.
    pub accepted: bool,
    /// What kind of change.
    pub class: ChangeClass,
    /// The one router that changes; none for all that differ.
    pub only: Option<Role>,
}

/// What a push would do.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The routers that change, in order.
    pub routers: Vec<PlannedRouter>,
    /// Lines on the routers that traghetto did not render, by host name.
    pub foreign: BTreeMap<String, Vec<String>>,
    /// What is traghetto's on each router.
    pub owned: BTreeMap<Role, Ownership>,
}

/// What a push would do to one router.
#[derive(Debug, Clone)]
pub struct PlannedRouter {
    /// What it is for.
    pub role: Role,
    /// Its change.
    pub change: Change,
    /// Its steps, each with the verdict of the simulator.
    pub steps: Vec<Step>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum Unplanned {
    /// A template.
    #[error("the routers cannot be rendered")]
    Render(#[from] RenderError),
    /// The patch.
    #[error("there is no patch that leads to what is wanted")]
    Patch(#[from] diff::Faithless),
    /// A secret that would have to be sent and that nothing names.
    #[error(
        "a line of {router} holds a secret that no reference names, and the change or its way back needs it: {line}"
    )]
    Secret {
        /// Host name.
        router: String,
        /// The line, with a mark for the secret.
        line: String,
    },
    /// The lines of a patch do not fit.
    #[error("the lines do not fit what runs")]
    Unfit(#[from] diff::Refused),
}

/// The servers that stand at the SAD already, as the routers show it: each router that runs has the
/// /32 of the server.
pub fn moved_now(plan: &NetworkPlan, running: &BTreeMap<Role, ConfigText>) -> Moved {
    let devices: Vec<_> = running.values().map(parse::device).collect();
    let has = |server: &&crate::network::plan::ServerPlan| {
        let route = |device: &crate::network::device::Device| {
            device.routes.iter().any(|route| {
                let here = route.vrf.is_none() || route.vrf.as_deref() == Some(plan.numbers.vrf.as_str());
                here && route.destination == host(server.after)
            })
        };
        !devices.is_empty() && devices.iter().all(route)
    };
    let own = plan.kept().filter(has);
    // Of a server of another site the hub alone tells: that site's routers are not among these.
    let hub: BTreeMap<_, _> = running.iter().filter(|(role, _)| **role == Role::Hub).collect();
    let others = plan.beside.iter().filter(|_| !hub.is_empty());
    let others = others.flat_map(|site| {
        let hub = hub.iter().map(|(role, text)| (**role, (*text).clone())).collect();
        moved_now(site, &hub)
    });
    own.map(|server| server.id.clone()).chain(others).collect()
}

/// The servers at the SAD after the cutover of one, or after its way back.
pub fn with_server(mut moved: Moved, server: &ServerId, back: bool) -> Moved {
    if back {
        moved.remove(server);
    } else {
        moved.insert(server.clone());
    }
    moved
}

/// Plans a push.
///
/// # Errors
/// A template, or a router that would not take the lines.
pub fn planned(request: &Request<'_>, templates: &Templates) -> Result<Planned, Unplanned> {
    let Request { plan, running, moved, .. } = request;
    let now = moved_now(plan, running);
    let aim = if request.accepted { plan.accepted() } else { (*plan).clone() };
    let wanted = texts(&aim, moved, templates)?;
    let owned = owned(plan, request.beside, templates)?;
    let mut routers = Vec::new();
    for (role, running) in running.iter() {
        let Some(wanted) = wanted.get(role) else { continue };
        let own = owned.get(role).cloned().unwrap_or_default();
        let changes = request.only.is_none_or(|only| only == *role);
        let (wanted, own) = if changes { (wanted, own) } else { (running, Ownership::default()) };
        routers.push(RouterChange { role: *role, running: running.clone(), wanted: wanted.clone(), own });
    }
    let mut surroundings = vec![Surroundings::of(plan, &now), Surroundings::of(&aim, moved)];
    surroundings.dedup();
    let change = diff::plan_change(&routers, &surroundings, request.class)?;
    for patch in &change.patches {
        if let Some(line) = patch.unnamed_secret() {
            return Err(Unplanned::Secret { router: patch.router.clone(), line: line.to_owned() });
        }
    }
    let foreign = change.patches.iter().chain(&change.untouched);
    let foreign = foreign.map(|patch| (patch.router.clone(), lines_of(patch))).collect();
    let mut staged = Stages { plan, around: surroundings, now: running, states: (*running).clone() };
    let routers = change.patches.into_iter().filter_map(|patch| staged.next(patch).transpose());
    Ok(Planned { routers: routers.collect::<Result<_, _>>()?, foreign, owned })
}

fn lines_of(patch: &Patch) -> Vec<String> {
    patch.foreign.iter().map(|foreign| foreign.line.clone()).collect()
}

/// The routers of a scene, one changed after the other.
struct Stages<'a> {
    plan: &'a NetworkPlan,
    around: Vec<Surroundings>,
    now: &'a BTreeMap<Role, ConfigText>,
    states: BTreeMap<Role, ConfigText>,
}

impl Stages<'_> {
    fn next(&mut self, patch: Patch) -> Result<Option<PlannedRouter>, Unplanned> {
        let found = self.now.iter().find(|(_, text)| {
            let device = parse::device(text);
            device.hostname.as_ref().is_some_and(|name| name.value == patch.router)
        });
        let Some((role, running)) = found.map(|(role, text)| (*role, text.clone())) else { return Ok(None) };
        let mut before = self.expects(role, 0);
        let text = diff::apply(&running, &patch.lines())?;
        let devices = [parse::device(&running), parse::device(&text)];
        self.states.insert(role, text);
        let last = self.around.len().saturating_sub(1);
        let mut after = self.expects(role, last);
        // What leaves must be seen to have left, on the way back too.
        let (came, gone) = (routeless(&after, &devices[0]), routeless(&before, &devices[1]));
        before.extend(came);
        after.extend(gone);
        let (lines, waits) = flat(&patch.steps);
        let (rollback, rollback_waits) = flat(&patch.rollback);
        let old = picture(&running).to_string();
        let change = Change {
            router: patch.router,
            old,
            lines,
            rollback,
            waits,
            rollback_waits,
            expects: after,
            expects_before: before,
        };
        Ok(Some(PlannedRouter { role, change, steps: patch.steps }))
    }

    /// What a router shows in the present state of all.
    fn expects(&self, role: Role, around: usize) -> Vec<Expect> {
        let Some(surroundings) = self.around.get(around).cloned() else { return Vec::new() };
        // With line numbers, by which the simulator names routes.
        let device = |text: &ConfigText| parse::parse(&text.to_string());
        let routers = self.states.iter().map(|(role, text)| SceneRouter {
            role: *role,
            file: String::new(),
            device: device(text),
        });
        let scene = Scene { routers: routers.collect(), surroundings };
        let vrf = (role == Role::Hub).then(|| self.plan.numbers.vrf.as_str());
        expects(Network::new(&scene).prediction(role, vrf))
    }
}

fn expects(prediction: Prediction) -> Vec<Expect> {
    let tracks = prediction.up.into_iter().map(|number| Expect::Track { number });
    let groups = prediction.groups.into_iter();
    let groups = groups.map(|(port, group, active)| Expect::Standby { interface: port.0, group, active });
    let routes = prediction.routes.into_iter();
    let routes = routes.map(|route| Expect::Route { vrf: route.vrf, destination: route.destination, via: route.via });
    let answers = prediction.answers.into_iter().map(|answer| Expect::Answer {
        vrf: answer.vrf,
        address: answer.address,
        source: answer.source.map(|port| port.0),
    });
    tracks.chain(groups).chain(routes).chain(answers).collect()
}

/// That the routes in use here are not in use on a router that has neither such a static route nor an
/// interface in that network.
fn routeless(here: &[Expect], there: &Device) -> Vec<Expect> {
    let leads = |vrf: &Option<String>, destination: &Ipv4Network| {
        let routed = there.routes.iter().any(|route| route.vrf == *vrf && route.destination == *destination);
        let connected = there.interfaces.iter().any(|port| {
            let first = match port.address.as_ref().map(|address| &address.value) {
                Some(Address::Static(network)) => Some(network),
                _ => None,
            };
            let all = first.into_iter().chain(port.secondary.iter().map(|other| &other.value));
            all.into_iter().any(|own| own.network() == destination.network() && own.prefix() == destination.prefix())
        });
        routed || connected
    };
    let gone = here.iter().filter_map(|expect| match expect {
        Expect::Route { vrf, destination, .. } if !leads(vrf, destination) => {
            Some(Expect::NoRoute { vrf: vrf.clone(), destination: *destination })
        }
        _ => None,
    });
    gone.collect()
}

/// All lines of steps, and which tracked objects must be up before which of them.
fn flat(steps: &[Step]) -> (Vec<String>, Vec<(usize, Vec<u16>)>) {
    let (mut lines, mut waits) = (Vec::new(), Vec::new());
    for step in steps {
        if !step.wait_up.is_empty() {
            waits.push((lines.len(), step.wait_up.clone()));
        }
        lines.extend(step.lines.iter().cloned());
    }
    (lines, waits)
}

/// What a configuration is for in a plan.
pub fn role_of(plan: &NetworkPlan, text: &ConfigText) -> Option<Role> {
    role(plan, &parse::device(text))
}

#[cfg(test)]
mod tests;
