//! What counts no more, and is to be done again: for another night, another plan, a copy that does not hold.

use super::planned::{is_replaced, servers_of};
use super::{RunState, StepState};
use crate::checklist::Phase as ChecklistPhase;
use crate::migration::plan::StepId;
use crate::migration::record::Fact;
use crate::model::{DiskId, GateId, ServerId};
use serde_json::Value;
use std::collections::BTreeSet;

impl RunState {
    /// The sources are quiet anew: what was copied, converted and fenced before is of another night, for every
    /// server whose machine was never made to be used.
    pub(super) fn reopen_moves(&mut self) {
        let unused: Vec<ServerId> =
            servers_of(&self.plan).into_iter().filter(|server| !self.is_in_service(server)).collect();
        let nobody_moved = unused.len() == servers_of(&self.plan).len();
        unused.iter().for_each(|server| self.forget_move(server));
        if nobody_moved {
            self.forget(&self.of_the_night(None));
        }
    }

    /// Forgets steps, what was seen when they began, and what was said of them.
    pub(super) fn forget(&mut self, steps: &[StepId]) {
        for step in steps {
            self.observed.remove(step);
            self.connecting.remove(step);
            self.executors.remove(step);
            self.confirmed.remove(step);
            self.asked_by_hand.remove(step);
            if matches!(self.steps.remove(step), Some(StepState::Running { .. })) {
                self.overtaken.insert(step.clone());
            }
        }
    }

    /// Forgets the steps of a server's move, and what was seen and said for it.
    pub(super) fn forget_move(&mut self, server: &ServerId) {
        const MOVE: [&str; 6] = ["final-sync", "convert", "fence", "route", "boot", "relocate"];
        let mut mine: Vec<StepId> = self
            .planned()
            .filter(|step| step["server"] == server.as_str() && MOVE.iter().any(|word| step["do"] == *word))
            .filter_map(|step| Some(StepId(step["id"].as_str()?.to_owned())))
            .collect();
        mine.extend(self.of_the_night(Some(server)));
        self.forget(&mine);
        self.stated.retain(|(of, fact), _| of != server || matches!(fact, Fact::Copied));
    }

    /// A server that was taken back moves again, from a new quiet on.
    pub(super) fn reenter(&mut self, server: &ServerId) {
        self.rolled_back.remove(server);
        self.withdrawn.remove(server);
        self.asked_back.remove(server);
        self.forget_move(server);
        // What people had done of a replacement they undid.
        let undone = self.of_the_replacement(server);
        self.forget(&undone);
        self.ever_said.retain(|step, _| !undone.contains(step));
        let quiet: Vec<GateId> = self.signatures.iter().map(|given| given.gate.clone()).collect();
        let quiet: Vec<GateId> = quiet.into_iter().filter(|gate| self.is_quiet_gate(gate)).collect();
        self.signatures.retain(|given| !quiet.contains(&given.gate));
    }

    /// A new plan: what is done stays done, except for servers that the new plan moves differently; one whose
    /// machine was made to be used stays as it is, whatever the plan says now.
    pub(super) fn adopt(&mut self, digest: String, plan: Value) {
        let old = std::mem::replace(&mut self.plan, plan);
        self.digest = Some(digest);
        let same = |server: &Value| {
            let of = |plan: &Value| {
                plan["servers"].as_array().into_iter().flatten().find(|s| s["server"] == *server).cloned()
            };
            of(&old) == of(&self.plan)
        };
        let stays = |server: &Value| {
            let id: Option<ServerId> = server.as_str().and_then(|id| id.parse().ok());
            let stays = |id: &ServerId| {
                self.boot_has_begun(id)
                    || (is_replaced(&old, id) && is_replaced(&self.plan, id) && self.is_being_replaced(id))
            };
            same(server) || id.is_some_and(|id| stays(&id))
        };
        let changed: BTreeSet<ServerId> = self
            .planned()
            .filter(|step| !step["server"].is_null() && !stays(&step["server"]))
            .filter_map(|step| step["server"].as_str()?.parse().ok())
            .collect();
        let kept: BTreeSet<StepId> = self
            .planned()
            .filter(|step| step["server"].is_null() || stays(&step["server"]))
            .filter_map(|step| Some(StepId(step["id"].as_str()?.to_owned())))
            .collect();
        self.steps.retain(|step, _| kept.contains(step));
        self.observed.retain(|step, _| kept.contains(step));
        self.confirmed.retain(|step, _| kept.contains(step));
        self.stated.retain(|(server, _), _| !changed.contains(server));
        self.asked_back.clear();
        self.asked_by_hand.clear();
    }

    /// Test machines whose time was over: they, and what was checked on them, are to be done again.
    pub(super) fn reopen_tests(&mut self, ended: &StepId) {
        let test = |step: &&Value| {
            let checked = step["do"] == "checklist" && step["checklist"] == ChecklistPhase::Test.word();
            step["do"] == "test-launch" || checked
        };
        let ids = self.planned().filter(test).filter_map(|step| Some(StepId(step["id"].as_str()?.to_owned())));
        let again: Vec<StepId> = ids.filter(|step| !self.is_by_hand(step)).collect();
        self.steps.retain(|step, _| step != ended && !again.contains(step));
    }

    /// A replica that does not hold: its last copy and all that was made from it count no more.
    pub(super) fn reopen_copy(&mut self, server: &ServerId, disk: &DiskId) {
        // Its machine has its own disks by now: the replica is a copy of the past.
        if self.boot_has_begun(server) {
            return;
        }
        let steps: Vec<(StepId, bool)> = self
            .planned()
            .filter(|step| step["server"] == server.as_str())
            .filter(|step| step["disk"] == disk.as_str() || step["disk"].is_null())
            .filter_map(|step| {
                let copies = matches!(step["do"].as_str(), Some("seed" | "sync" | "final-sync"));
                Some((StepId(step["id"].as_str()?.to_owned()), copies))
            })
            .collect();
        let copied = |(step, copies): &(StepId, bool)| *copies && self.step(step).result().is_some();
        let Some(last) = steps.iter().rposition(copied) else { return };
        for (step, _) in &steps[last..] {
            self.confirmed.remove(step);
            // The reading that found it may be a step of its own, or `migrate verify` beside a run at work.
            if matches!(self.steps.remove(step), Some(StepState::Running { .. })) {
                self.overtaken.insert(step.clone());
            }
        }
    }
}
