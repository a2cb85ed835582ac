//! What the inventory says should be there.

use super::super::cpe::Moved;
use super::super::plan::NetworkPlan;
use std::collections::HashMap;

/// What the inventory says should be there.
#[derive(Debug)]
pub struct Expected<'a> {
    /// The plans of the tenants, of each every site.
    pub plans: &'a [NetworkPlan],
    /// The servers that stand at the SAD by now; none where that is not known, as for running
    /// configurations.
    pub moved: Option<&'a Moved>,
    cpes: HashMap<&'a str, &'a NetworkPlan>,
    vrfs: HashMap<&'a str, &'a NetworkPlan>,
}

impl<'a> Expected<'a> {
    /// What `plans` say, once the servers in `moved` have moved.
    pub fn new(plans: &'a [NetworkPlan], moved: Option<&'a Moved>) -> Self {
        let routers = |plan: &'a NetworkPlan| std::iter::once(&plan.primary_cpe).chain(&plan.standby_cpe);
        let named = |plan: &'a NetworkPlan| routers(plan).map(move |cpe| (cpe.hostname.as_str(), plan));
        Self {
            plans,
            moved,
            cpes: plans.iter().flat_map(named).collect(),
            vrfs: plans.iter().rev().map(|plan| (plan.numbers.vrf.as_str(), plan)).collect(),
        }
    }

    /// The tenant whose CPE has this name.
    pub(super) fn of_cpe(&self, hostname: &str) -> Option<&'a NetworkPlan> {
        self.cpes.get(hostname).copied()
    }

    /// The tenant whose routing table on the hub has this name: by its first site, where its plan is there.
    pub(super) fn of_vrf(&self, vrf: &str) -> Option<&'a NetworkPlan> {
        self.vrfs.get(vrf).copied()
    }

    /// Whether a hub has this name.
    pub(super) fn is_hub(&self, hostname: &str) -> bool {
        self.plans.iter().any(|plan| plan.shared.hub.as_str() == hostname)
    }
}
