//! The events of a migration as values: what is written, and all that is read back.

mod words;

pub use words::{ByHand, Class, Decision, Fact, Leg, Result, Shown, Stop};

use super::plan::StepId;
use crate::journal::{Event, Holder};
use crate::model::people::Side;
use crate::model::{DiskId, GateId, PersonId, RoleId, ServerId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An event of a migration. The names are those of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Record {
    /// A plan became the one that runs.
    #[serde(rename = "plan.adopted")]
    PlanAdopted {
        /// Its digest.
        digest: String,
        /// What differs from the one before.
        changes: Vec<String>,
        /// The plan.
        plan: Value,
    },
    /// Somebody started or resumed the run.
    #[serde(rename = "run.started")]
    RunStarted {
        /// Whoever held the lease and never gave it back.
        after: Option<Value>,
        /// Why a living holder was taken over.
        reason: Option<String>,
        /// Id of the state store that drives.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        store: Option<String>,
    },
    /// Events of a store that is lost were taken over by another: it drives from here on.
    #[serde(rename = "journal.adopted")]
    JournalAdopted {
        /// The file they were read from.
        file: String,
        /// Why.
        reason: String,
        /// How many events it held: those before this one.
        events: u64,
        /// SHA-256 of the last of them, with its newline.
        head: String,
        /// Id of the store whose copies these are: replicas and machines are known by it.
        store: String,
        /// Id of the store that drives now.
        into: String,
    },
    /// The run is to stop before its next act.
    #[serde(rename = "run.paused")]
    RunPaused {
        /// Why.
        reason: String,
    },
    /// An act begins.
    #[serde(rename = "step.started")]
    StepStarted {
        /// Which step.
        step: StepId,
        /// What was found before acting.
        observed: Value,
    },
    /// An act ended well.
    #[serde(rename = "step.finished")]
    StepFinished {
        /// Which step.
        step: StepId,
        /// What came out: what a signature approves.
        result: Result,
        /// What it cost: bytes, seconds.
        facts: Value,
    },
    /// An act ended badly.
    #[serde(rename = "step.failed")]
    StepFailed {
        /// Which step.
        step: StepId,
        /// Why, with its causes.
        reason: String,
        /// What is safe and what comes next.
        hints: Vec<String>,
        /// What kind of trouble it was.
        class: Class,
    },
    /// An act was left before its end; what it did stays.
    #[serde(rename = "step.stopped")]
    StepStopped {
        /// Which step.
        step: StepId,
        /// Why.
        why: Stop,
    },
    /// The machine that a step booted apart is about to be connected: from here on it may be connected by us.
    #[serde(rename = "step.connecting")]
    StepConnecting {
        /// Which step.
        step: StepId,
    },
    /// A person signed.
    #[serde(rename = "gate.signed")]
    GateSigned {
        /// Which gate.
        gate: GateId,
        /// In which role.
        role: RoleId,
        /// Who.
        by: PersonId,
        /// SHA-256 of what was approved.
        approves: String,
        /// The terms of the cutover, where the gate signs them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Value>,
    },
    /// A replica was read again as a whole.
    #[serde(rename = "replica.verified")]
    ReplicaVerified {
        /// Which server.
        server: ServerId,
        /// Which disk.
        disk: DiskId,
        /// Whether every byte is what the last complete pass left.
        holds: bool,
        /// The root found.
        root: String,
    },
    /// Nothing of a copy may be sent for the time being.
    #[serde(rename = "copy.held")]
    CopyHeld {
        /// Which server.
        server: ServerId,
        /// Which disk.
        disk: DiskId,
        /// Why, and until when where that is known.
        why: String,
    },
    /// A copy that was held goes on.
    #[serde(rename = "copy.resumed")]
    CopyResumed {
        /// Which server.
        server: ServerId,
        /// Which disk.
        disk: DiskId,
        /// How long it was held.
        held_seconds: u64,
    },
    /// A server was taken back: its replica is kept, its source was never touched.
    #[serde(rename = "server.rolled-back")]
    ServerRolledBack {
        /// Which server.
        server: ServerId,
        /// In which role.
        role: RoleId,
        /// Who decided.
        by: PersonId,
        /// Why.
        reason: String,
    },
    /// One side wants a server back, whose copy users may already write to: the other has to agree.
    #[serde(rename = "rollback.asked")]
    RollbackAsked {
        /// Which server.
        server: ServerId,
        /// In which role.
        role: RoleId,
        /// Who.
        by: PersonId,
        /// Why.
        reason: String,
    },
    /// The machine of a server that was taken back is off and connected to nothing.
    #[serde(rename = "server.withdrawn")]
    ServerWithdrawn {
        /// Which server.
        server: ServerId,
        /// What was found and done: whether there was a machine, seconds, bytes written since it booted.
        facts: Value,
    },
    /// A server that was taken back moves again.
    #[serde(rename = "server.reentered")]
    ServerReentered {
        /// Which server.
        server: ServerId,
        /// In which role.
        role: RoleId,
        /// Who decided.
        by: PersonId,
        /// Why.
        reason: String,
    },
    /// A person vouches for what no probe can see.
    #[serde(rename = "server.stated")]
    ServerStated {
        /// Which server.
        server: ServerId,
        /// What is stated.
        fact: Fact,
        /// In which role.
        role: RoleId,
        /// Who.
        by: PersonId,
        /// What the person saw.
        note: String,
    },
    /// A person says that a step is done which only people can do.
    #[serde(rename = "step.stated")]
    StepStated {
        /// Which step.
        step: StepId,
        /// In which role.
        role: RoleId,
        /// Who.
        by: PersonId,
        /// What was done and seen.
        note: String,
    },
    /// One person wants a step counted as done by hand, or left out: another has to agree.
    #[serde(rename = "override.asked")]
    OverrideAsked {
        /// Which step.
        step: StepId,
        /// What is to become of it.
        way: ByHand,
        /// In which role.
        role: RoleId,
        /// Who.
        by: PersonId,
        /// Why.
        reason: String,
    },
    /// What one person wanted of a step is no longer wanted.
    #[serde(rename = "override.revoked")]
    OverrideRevoked {
        /// Which step.
        step: StepId,
        /// In which role.
        role: RoleId,
        /// Who.
        by: PersonId,
        /// Why.
        reason: String,
    },
    /// Two persons decided that a step is done by hand, or left out.
    #[serde(rename = "step.overridden")]
    StepOverridden {
        /// Which step.
        step: StepId,
        /// What becomes of it.
        way: ByHand,
        /// Who wanted it.
        first: Decision,
        /// Who agreed.
        second: Decision,
    },
    /// One side agrees that steps of a server's move begin outside of its window, or too late to go back.
    #[serde(rename = "window.waived")]
    WindowWaived {
        /// Which server.
        server: ServerId,
        /// In which role.
        role: RoleId,
        /// For which side the role speaks.
        side: Side,
        /// Who.
        by: PersonId,
        /// Why.
        note: String,
    },
    /// Somebody was told.
    #[serde(rename = "notice.sent")]
    NoticeSent {
        /// What about: the same key is the same notice.
        key: String,
        /// Who: a program, or a host.
        to: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// Somebody could not be told.
    #[serde(rename = "notice.lost")]
    NoticeLost {
        /// What about.
        key: String,
        /// Who.
        to: String,
        /// How often it was tried.
        attempts: u32,
        /// Why the last attempt failed.
        reason: String,
    },
    /// A remark.
    #[serde(rename = "note")]
    Note {
        /// The remark.
        text: String,
    },
}

impl Record {
    /// The kinds that belong to a migration; others (surveys, checklists, fees) are for others to read.
    const KINDS: [&'static str; 26] = [
        "plan.adopted",
        "run.started",
        "journal.adopted",
        "run.paused",
        "step.started",
        "step.finished",
        "step.failed",
        "step.stopped",
        "step.connecting",
        "gate.signed",
        "replica.verified",
        "copy.held",
        "copy.resumed",
        "server.rolled-back",
        "rollback.asked",
        "server.withdrawn",
        "server.stated",
        "step.stated",
        "step.overridden",
        "override.asked",
        "override.revoked",
        "server.reentered",
        "window.waived",
        "notice.sent",
        "notice.lost",
        "note",
    ];

    /// The record of an event; none if it is not ours.
    pub fn of(event: &Event) -> serde_json::Result<Option<Self>> {
        if !Self::KINDS.contains(&event.kind.as_str()) {
            return Ok(None);
        }
        serde_json::from_value(json!({ "kind": event.kind, "data": event.data })).map(Some)
    }

    /// The step that it is about.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Record::StepStarted { step, .. }
            | Record::StepFinished { step, .. }
            | Record::StepFailed { step, .. }
            | Record::StepStopped { step, .. }
            | Record::StepConnecting { step } => Some(step),
            _ => None,
        }
    }

    /// Kind and data of the event.
    pub fn parts(&self) -> (String, Value) {
        // Plain data with text keys: writing it cannot fail.
        let mut value = serde_json::to_value(self).unwrap_or_default();
        let kind = value["kind"].as_str().unwrap_or_default().to_owned();
        (kind, value["data"].take())
    }

    /// The event of a run that starts, of the state store `store`.
    pub fn run_started(previous: Option<&Holder>, reason: Option<&str>, store: &str) -> Self {
        let after = previous.and_then(|holder| serde_json::to_value(holder).ok());
        Record::RunStarted { after, reason: reason.map(str::to_owned), store: Some(store.to_owned()) }
    }
}
