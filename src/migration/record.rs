//! The events of a migration as values: what is written, and all that is read back.

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

/// What two persons make of a step that the program does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ByHand {
    /// It was done by people.
    Done,
    /// It is left out.
    Skipped,
}

impl ByHand {
    /// The word in messages and the journal.
    pub fn word(self) -> &'static str {
        match self {
            ByHand::Done => "done",
            ByHand::Skipped => "skipped",
        }
    }
}

/// Who decided something, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// In which role.
    pub role: RoleId,
    /// Who.
    pub by: PersonId,
    /// Who typed it.
    pub operator: String,
    /// When, as the journal writes times.
    pub time: String,
    /// Why.
    pub reason: String,
}

/// A leg of a copy that VMware Converter makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leg {
    /// The first, full copy.
    First,
    /// What changed since.
    Changes,
    /// What changed since, for the last time, with services stopped.
    Last,
}

/// What a person vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// The source is switched off, or its cable is out; seen on the spot.
    SourceOff,
    /// The server's address leads to the landing site.
    Routed,
    /// The machine of a server that was taken back is off and connected to nothing.
    MachineOff,
    /// Converter's first copy is there, driven by a person.
    Copied,
    /// Converter's last synchronisation is over, driven by a person.
    Finalised,
}

impl Fact {
    /// All of them with their words on the command line.
    pub const WORDS: [(&'static str, Fact); 5] = [
        ("source-off", Fact::SourceOff),
        ("routed", Fact::Routed),
        ("machine-off", Fact::MachineOff),
        ("copied", Fact::Copied),
        ("finalised", Fact::Finalised),
    ];

    /// The word on the command line and in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Fact::SourceOff => "source-off",
            Fact::Routed => "routed",
            Fact::MachineOff => "machine-off",
            Fact::Copied => "copied",
            Fact::Finalised => "finalised",
        }
    }
}

/// What shows that a source is off, or that an address leads here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "shown_by")]
pub enum Shown {
    /// What answered before is silent, while a witness on the same LAN answers.
    Silence {
        /// What had answered before.
        silent: Vec<String>,
        /// Who answered meanwhile.
        witness: String,
    },
    /// A person vouches for it.
    Person {
        /// In which role.
        role: RoleId,
        /// Who.
        by: PersonId,
    },
    /// A push of the routers, by its name in the journal.
    Push {
        /// Its name.
        run: String,
    },
    /// The machine has an address of the landing site: no route moves.
    OwnAddress,
}

/// What came out of a step: as little as says whether it is still the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Result {
    /// Folders are there.
    Prepared {
        /// Where replicas go.
        folder: String,
    },
    /// A checklist holds.
    Checked {
        /// SHA-256 of its findings without times.
        findings: String,
        /// How many of each verdict.
        verdicts: std::collections::BTreeMap<String, u64>,
    },
    /// Replica and source are equal.
    Copied {
        /// Root of both.
        root: String,
        /// Bytes of the disk.
        length: u64,
    },
    /// The replica was read again and holds.
    Verified {
        /// Its root.
        root: String,
    },
    /// A clone was made.
    Cloned {
        /// Root of the replica before and after.
        root: String,
    },
    /// A test machine was booted from a converted clone.
    Launched {
        /// The machine's name.
        machine: String,
        /// Roots of the replicas, the same before and after.
        roots: Vec<String>,
    },
    /// What the test launches made is gone.
    TestsEnded {
        /// Whether their time was over before they were accepted: they are to be launched again.
        expired: bool,
    },
    /// VMware Converter's copy is there: equality is shown by files.
    Transferred {
        /// The machine's name.
        machine: String,
        /// Which leg of the copy.
        leg: Leg,
    },
    /// The clone that will be used was made and converted.
    Converted {
        /// Roots of the replicas that it was made of.
        roots: Vec<String>,
        /// SHA-256 of the list of what was changed in it.
        changes: String,
    },
    /// People did it, and said so.
    Confirmed {
        /// In which role.
        role: RoleId,
        /// Who.
        by: PersonId,
        /// What was asked then, in one word; none where no probe can see it.
        probe: Option<String>,
    },
    /// Two persons decided it; the program did nothing.
    ByHand {
        /// What became of it.
        way: ByHand,
        /// Who decided: who wanted it, and who agreed.
        decided: Vec<Decision>,
    },
    /// The source is off.
    Fenced(Shown),
    /// The server's address leads to the landing site.
    Routed(Shown),
    /// The machine runs and is connected.
    Booted {
        /// The machine's name.
        machine: String,
    },
    /// The machine is on the datastore of those that stay.
    Relocated {
        /// The machine's name.
        machine: String,
        /// The datastore; none where the landing has no other place than the one it makes machines in.
        datastore: Option<String>,
    },
}

impl Result {
    /// The root, where a disk is concerned.
    pub fn root(&self) -> Option<&str> {
        match self {
            Result::Copied { root, .. } | Result::Verified { root } | Result::Cloned { root } => Some(root),
            _ => None,
        }
    }
}

/// Kinds of trouble, as far as what to do next differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A host cannot be reached: try again.
    Unreachable,
    /// A person has to do something first.
    Waiting,
    /// A check does not hold.
    CheckFailed,
    /// It did not work.
    Failed,
    /// Bytes or evidence do not verify.
    Evidence,
}

impl Class {
    /// What is safe and what next, where the trouble itself does not say it.
    pub fn otherwise(self) -> &'static str {
        match self {
            Class::Unreachable => {
                "What was acknowledged is kept. See that the host is on and its line is up, then give the same command again."
            }
            Class::Waiting => "Nothing goes on by itself. `traghetto migrate status` says who has to do what first.",
            Class::CheckFailed => {
                "The step is not done and nothing after it begins. Mend what the check found, then give the same command again."
            }
            Class::Failed => {
                "What was done is kept, and the step is not done. Mend the cause, then give the same command again; `traghetto migrate log` says what happened."
            }
            Class::Evidence => {
                "Nothing goes on with it: what was copied or signed is not what was recorded. Keep everything as it is and find out who changed it, before you copy or sign again."
            }
        }
    }
}

/// Why an act was left before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// The operator pressed Ctrl-C.
    Interrupted,
    /// Somebody asked for a pause.
    Paused,
    /// A person has to sign items of a checklist first.
    Waiting,
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
