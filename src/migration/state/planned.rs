//! What a plan, as the journal keeps it, says of servers and steps, and how far they have come by it.

use super::{RunState, StepState};
use crate::migration::plan::StepId;
use crate::model::{GateId, ServerId};
use serde_json::{Value, json};
use std::collections::BTreeSet;

impl RunState {
    pub(super) fn knows(&self, step: &StepId) -> bool {
        self.planned().any(|planned| planned["id"] == step.0.as_str())
    }

    pub(super) fn planned(&self) -> impl Iterator<Item = &Value> {
        self.plan["steps"].as_array().into_iter().flatten()
    }

    /// The server whose boot this step is.
    pub(super) fn booted_by(&self, step: &StepId) -> Option<ServerId> {
        let planned = self.planned().find(|planned| planned["id"] == step.0.as_str() && planned["do"] == "boot")?;
        planned["server"].as_str()?.parse().ok()
    }

    /// Whether a machine of the server was ever made to be used: from then on users may have written to it.
    pub fn boot_has_begun(&self, server: &ServerId) -> bool {
        let mut boots = self.planned().filter(|step| step["do"] == "boot" && step["server"] == server.as_str());
        boots.any(|step| step["id"].as_str().is_some_and(|id| self.executors.contains_key(&StepId(id.to_owned()))))
    }

    /// Whether users may be served by what came in the server's place: its machine was made to be used, or another
    /// one took over, which has no boot of ours.
    pub fn is_in_service(&self, server: &ServerId) -> bool {
        if !is_replaced(&self.plan, server) {
            return self.boot_has_begun(server);
        }
        let mut routes = self.planned().filter(|step| step["do"] == "route" && step["server"] == server.as_str());
        let is_done = |id: &str| matches!(self.step(&StepId(id.to_owned())), StepState::Done { .. });
        match routes.next() {
            Some(route) => route["id"].as_str().is_some_and(is_done),
            None => match self.takes_address(server) {
                Some(step) => self.may_be_done(&step),
                None => self.of_the_night(Some(server)).iter().any(|step| is_done(&step.0)),
            },
        }
    }

    /// The step by which the new machine of a replaced server takes its address, where the playbook has one.
    pub(super) fn takes_address(&self, server: &ServerId) -> Option<StepId> {
        let mut mine = self.planned().filter(|step| step["do"] == "manual" && step["server"] == server.as_str());
        let takes = mine.find(|step| step["applies_to"]["landing"] == json!(["keep"]))?;
        Some(StepId(takes["id"].as_str()?.to_owned()))
    }

    /// Whether people did a step, or say so: what was found not to be so may be half done.
    pub(super) fn may_be_done(&self, step: &StepId) -> bool {
        let ended = matches!(self.step(step), StepState::Done { .. } | StepState::Failed { .. });
        ended || self.confirmed.contains_key(step)
    }

    /// Whether people have begun to put another machine in the place of a replaced server: in the activity in which
    /// the sources become quiet.
    pub(super) fn is_being_replaced(&self, server: &ServerId) -> bool {
        let mut mine = self.of_the_replacement(server).into_iter();
        mine.any(|step| matches!(self.step(&step), StepState::Done { .. }))
    }

    /// What people do to put another machine in the place of a replaced server, in the activity of the move.
    pub(super) fn of_the_replacement(&self, server: &ServerId) -> Vec<StepId> {
        if !is_replaced(&self.plan, server) {
            return Vec::new();
        }
        let activity = self.planned().find(|step| step["reaches"] == "quiet").map(|gate| &gate["activity"]);
        let mine = self.planned().filter(|step| step["do"] == "manual" && step["server"] == server.as_str());
        let night = mine.filter(|step| Some(&step["activity"]) == activity);
        night.filter_map(|step| Some(StepId(step["id"].as_str()?.to_owned()))).collect()
    }

    /// Whether the source of a server was seen off for this move; none where the plan does not ask.
    pub fn is_fenced(&self, server: &ServerId) -> Option<bool> {
        let mut fences = self.planned().filter(|step| step["do"] == "fence" && step["server"] == server.as_str());
        let id = StepId(fences.next()?["id"].as_str()?.to_owned());
        Some(self.step(&id).result().is_some())
    }

    pub(super) fn is_quiet_gate(&self, gate: &GateId) -> bool {
        self.planned().any(|step| step["reaches"] == "quiet" && step["gate"] == gate.as_str())
    }

    /// What people do in a night, for one server or for the tenant: steps of theirs after the gate at which the
    /// sources are quiet.
    pub(super) fn of_the_night(&self, server: Option<&ServerId>) -> Vec<StepId> {
        let after = self.planned().skip_while(|step| step["reaches"] != "quiet");
        let mine =
            after.filter(|step| step["do"] == "manual" && step["server"].as_str() == server.map(ServerId::as_str));
        mine.filter_map(|step| Some(StepId(step["id"].as_str()?.to_owned()))).collect()
    }
}

/// Whether another machine takes over from the server.
pub(super) fn is_replaced(plan: &Value, server: &ServerId) -> bool {
    let mut servers = plan["servers"].as_array().into_iter().flatten();
    servers.any(|planned| planned["server"] == server.as_str() && planned["transfer"] == "replace")
}

/// The servers that have a step in a plan, as the journal keeps it.
pub(super) fn servers_of(plan: &Value) -> BTreeSet<ServerId> {
    let steps = plan["steps"].as_array().into_iter().flatten();
    steps.filter_map(|step| step["server"].as_str()?.parse().ok()).collect()
}
