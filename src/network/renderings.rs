//! The texts of a tenant's routers in a state of its network, and what on each router is traghetto's:
//! the same answer for a diff, a push and their tests.

use super::cpe::{self, Moved};
use super::diff::{Ownership, owned_on};
use super::hub;
use super::plan::NetworkPlan;
use super::render::{RenderError, Templates};
use super::router::RouterPlan;
use super::simulate::Role;
use super::text::ConfigText;
use std::collections::BTreeMap;

/// The texts of a router in a state of moves, by role: a CPE whole, of the hub the tenant's part.
///
/// # Errors
/// A template.
pub fn texts(
    plan: &NetworkPlan,
    moved: &Moved,
    templates: &Templates,
) -> Result<BTreeMap<Role, ConfigText>, RenderError> {
    let cpes = cpe::routers(plan, moved).into_iter().zip([Role::PrimaryCpe, Role::StandbyCpe]);
    let routers = cpes.map(|(router, role)| (role, router)).chain([(Role::Hub, hub::tenant(plan, moved))]);
    let text = |(role, router): (Role, RouterPlan)| Ok((role, ConfigText::parse(&templates.router(&router)?)));
    routers.map(text).collect()
}

/// What is traghetto's on each router of a tenant: what any state of its network renders, with the
/// temporary way of the copying and without, and what only traghetto calls so. On the hub, what is
/// rendered for the tenants `beside` is neither its own nor foreign.
///
/// # Errors
/// A template.
pub fn owned(
    plan: &NetworkPlan,
    beside: &[NetworkPlan],
    templates: &Templates,
) -> Result<BTreeMap<Role, Ownership>, RenderError> {
    let mut known: BTreeMap<Role, Vec<ConfigText>> = BTreeMap::new();
    for plan in [plan, &plan.accepted()] {
        for moved in [Moved::new(), everyone(std::slice::from_ref(plan))] {
            for (role, text) in texts(plan, &moved, templates)? {
                known.entry(role).or_default().push(text);
            }
        }
    }
    let whole = whole_hub(&[beside, std::slice::from_ref(plan)].concat(), templates)?;
    let of_role = |(role, known): (Role, Vec<ConfigText>)| (role, owned_on(role, plan, &known, &whole));
    Ok(known.into_iter().map(of_role).collect())
}

/// What is rendered on the hub for all tenants together.
fn whole_hub(plans: &[NetworkPlan], templates: &Templates) -> Result<Vec<ConfigText>, RenderError> {
    let accepted: Vec<_> = plans.iter().map(NetworkPlan::accepted).collect();
    let everyone = everyone(plans);
    let states = [(plans, &Moved::new()), (plans, &everyone), (&accepted, &everyone)];
    let routers = states.into_iter().filter_map(|(plans, moved)| hub::whole(plans, moved));
    routers.map(|router| Ok(ConfigText::parse(&templates.router(&router)?))).collect()
}

/// Every server that keeps its address.
fn everyone(plans: &[NetworkPlan]) -> Moved {
    plans.iter().flat_map(NetworkPlan::kept_everywhere).map(|server| server.id.clone()).collect()
}
