//! What the events say: the one function that changes state is [`RunState::apply`].

mod planned;
mod reopen;

use super::plan::StepId;
use super::record::{self, ByHand, Decision, Fact, Record, Stop};
use crate::checklist::{self, Phase as ChecklistPhase};
use crate::journal::Event;
use crate::model::people::Side;
use crate::model::tenant::Tenant;
use crate::model::{DiskId, GateId, Known, PersonId, RoleId, ServerId};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize as _;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// For how long the word of both sides lets a server's move go on outside of its window.
const LATE_COUNTS_FOR: SignedDuration = SignedDuration::from_hours(12);

/// For how long the wish of one person to count a step as done by hand waits for another.
const ASKED_FOR: SignedDuration = SignedDuration::from_hours(4);

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum StepState {
    /// Nothing yet.
    #[default]
    Pending,
    /// It was begun and has not ended: at work, or its process died.
    Running {
        /// When it began.
        since: Timestamp,
        /// Who began it.
        operator: String,
    },
    /// It was left before its end; what it did stays.
    Stopped {
        /// Why.
        why: Stop,
    },
    /// It ended well.
    Done {
        /// When.
        at: Timestamp,
        /// What came out.
        result: record::Result,
        /// What it cost.
        facts: Value,
    },
    /// It ended badly.
    Failed {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
        /// What is safe and what comes next.
        hints: Vec<String>,
    },
}

impl StepState {
    /// What came out, if it ended well.
    pub fn result(&self) -> Option<&record::Result> {
        match self {
            StepState::Done { result, .. } => Some(result),
            _ => None,
        }
    }
}

/// A signature on a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Which gate.
    pub gate: GateId,
    /// In which role.
    pub role: RoleId,
    /// Who.
    pub by: PersonId,
    /// Who typed it at the terminal: the operator of its event.
    pub operator: String,
    /// SHA-256 of what was approved.
    pub approves: String,
    /// The terms of the cutover, where the gate signs them.
    pub terms: Option<Value>,
    /// When.
    pub at: Timestamp,
}

/// The last time a replica was read as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// When.
    pub at: Timestamp,
    /// Whether it held.
    pub holds: bool,
}

/// A server that was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledBack {
    /// Who decided.
    pub by: PersonId,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// What a person vouched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// In which role.
    pub role: RoleId,
    /// Who.
    pub by: PersonId,
    /// Who typed it.
    pub operator: String,
    /// When.
    pub at: Timestamp,
}

/// A wish to take a server back that the other side has not agreed to yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// In which role.
    pub role: RoleId,
    /// Who.
    pub by: PersonId,
    /// Who typed it.
    pub operator: String,
    /// When.
    pub at: Timestamp,
}

/// A wish of one person to count a step as done by hand, or to leave it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedByHand {
    /// What is to become of it.
    pub way: ByHand,
    /// Who wants it.
    pub first: Decision,
    /// When.
    pub at: Timestamp,
}

impl AskedByHand {
    /// Whether somebody may still agree.
    pub fn counts(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) <= ASKED_FOR
    }
}

/// The word of one side that a server's move goes on outside of its window, or too late to go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateStep {
    /// For which side.
    pub side: Side,
    /// Who.
    pub by: PersonId,
    /// Who typed it.
    pub operator: String,
    /// When.
    pub at: Timestamp,
}

/// Which state stores the events of a tenant are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Id of the one that drives.
    pub drives: String,
    /// Id of the one by which replicas and machines are known: the first that ever drove.
    pub marks: String,
    /// Who took the events over from a store that was lost, if anybody did, and when.
    pub adopted: Option<(String, Timestamp)>,
}

/// Everything that the events of a tenant say about its migration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunState {
    /// Digest of the adopted plan.
    pub digest: Option<String>,
    /// The adopted plan, as the journal keeps it.
    pub plan: Value,
    /// Steps that are not pending.
    pub steps: BTreeMap<StepId, StepState>,
    /// Who began each step last.
    pub executors: BTreeMap<StepId, String>,
    /// Who did a step by hand, said so, or decided it: they do not validate it alone.
    pub hands: BTreeMap<StepId, BTreeSet<String>>,
    /// Signatures, oldest first.
    pub signatures: Vec<Signature>,
    /// Why the run is paused, and by whom, if it is.
    pub paused: Option<(String, String)>,
    /// Servers that were taken back.
    pub rolled_back: BTreeMap<ServerId, RolledBack>,
    /// Servers that one side wants back.
    pub asked_back: BTreeMap<ServerId, Vec<Asked>>,
    /// Steps that one person wants done by hand or left out.
    pub asked_by_hand: BTreeMap<StepId, AskedByHand>,
    /// Servers whose move may go on outside of its window, as each side said.
    pub late: BTreeMap<ServerId, Vec<LateStep>>,
    /// Servers that were taken back and whose machine is off.
    pub withdrawn: BTreeSet<ServerId>,
    /// What people vouched for, the last word of each.
    pub stated: BTreeMap<(ServerId, Fact), Statement>,
    /// Steps that people say they have done, and that were not asked about in vain since.
    pub confirmed: BTreeMap<StepId, Statement>,
    /// Steps that people ever said they have done, with when first: until their server moves again, what was found not
    /// to be so may be half done.
    pub ever_said: BTreeMap<StepId, Timestamp>,
    /// Steps whose machine was about to be connected by us, and was not found apart since.
    pub connecting: BTreeSet<StepId>,
    /// What each begin of a step found, where it found something.
    pub observed: BTreeMap<StepId, Vec<Value>>,
    /// Servers that a survey has seen.
    pub surveyed: BTreeSet<String>,
    /// When somebody last signed that something of a checklist does not hold.
    pub refused: BTreeMap<ChecklistPhase, Timestamp>,
    /// The last whole reading of each replica.
    pub verified: BTreeMap<(ServerId, DiskId), Verified>,
    /// Whose the events are; none before the first run.
    pub home: Option<Home>,
    /// Who acted last.
    pub operator: Option<String>,
    /// Steps that were at work when what they build on was found damaged: their ends count for nothing.
    overtaken: BTreeSet<StepId>,
}

/// An event that cannot have happened: the journal is of another program, or of a newer one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} ({kind}) makes no sense: {reason}")]
pub struct IllegalEvent {
    /// Its number.
    pub seq: u64,
    /// Its kind.
    pub kind: String,
    /// Why.
    pub reason: String,
}

impl RunState {
    /// The state after `events`.
    ///
    /// # Errors
    /// An event that cannot have happened.
    pub fn of(events: &[Event]) -> Result<Self, IllegalEvent> {
        let mut state = Self::default();
        for event in events {
            state.apply(event)?;
        }
        Ok(state)
    }

    /// The state of a step.
    pub fn step(&self, id: &StepId) -> &StepState {
        const PENDING: &StepState = &StepState::Pending;
        self.steps.get(id).unwrap_or(PENDING)
    }

    /// What was said not long before `now` about a move of the server outside of its window.
    pub fn said_late(&self, server: &ServerId, now: Timestamp) -> impl Iterator<Item = &LateStep> + Clone {
        let said = self.late.get(server).map_or(&[][..], Vec::as_slice);
        said.iter().filter(move |one| now.duration_since(one.at) <= LATE_COUNTS_FOR)
    }

    /// Whether both sides agreed that the server's move goes on outside of its window: two persons, typed by
    /// two operators.
    pub fn both_agreed_late(&self, server: &ServerId, now: Timestamp) -> bool {
        let said = self.said_late(server, now);
        let other = |one: &LateStep| {
            let differs = |two: &LateStep| two.by != one.by && two.operator != one.operator;
            said.clone().any(|two| two.side != Side::Comune && differs(two))
        };
        said.clone().filter(|one| one.side == Side::Comune).any(other)
    }

    /// Applies one event. The only place that changes the state.
    ///
    /// # Errors
    /// An event that cannot have happened.
    pub fn apply(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        let illegal = |reason: String| IllegalEvent { seq: event.seq, kind: event.kind.clone(), reason };
        let at: Timestamp = event.time.parse().map_err(|error: jiff::Error| illegal(error.to_string()))?;
        if event.kind == "survey.recorded" {
            self.surveyed.extend(surveyed(&event.data));
        }
        if event.kind == checklist::Signature::KIND && event.data["outcome"] == checklist::Opinion::Ko.word() {
            self.refused.extend(ChecklistPhase::deserialize(&event.data["phase"]).ok().map(|phase| (phase, at)));
        }
        let Some(record) = Record::of(event).map_err(|error| illegal(error.to_string()))? else { return Ok(()) };
        if let Some(step) = record.step().filter(|step| !self.knows(step)) {
            return Err(illegal(format!("the adopted plan has no step {step}")));
        }
        match record {
            Record::Note { .. }
            | Record::CopyHeld { .. }
            | Record::CopyResumed { .. }
            | Record::NoticeSent { .. }
            | Record::NoticeLost { .. } => return Ok(()),
            Record::PlanAdopted { digest, plan, .. } => self.adopt(digest, plan),
            Record::RunStarted { store, .. } => {
                self.paused = None;
                if let (None, Some(store)) = (&self.home, store) {
                    self.home = Some(Home { drives: store.clone(), marks: store, adopted: None });
                }
            }
            Record::JournalAdopted { store, into, .. } => {
                self.home = Some(Home { drives: into, marks: store, adopted: Some((event.operator.clone(), at)) });
            }
            Record::RunPaused { reason } => self.paused = Some((event.operator.clone(), reason)),
            Record::StepStarted { step, observed } => {
                if observed["connected"] == false {
                    self.connecting.remove(&step);
                }
                if !observed.is_null() {
                    self.observed.entry(step.clone()).or_default().push(observed);
                }
                self.overtaken.remove(&step);
                self.executors.insert(step.clone(), event.operator.clone());
                self.set(step, StepState::Running { since: at, operator: event.operator.clone() });
            }
            Record::StepFinished { step, result, facts } => {
                let expired = result == record::Result::TestsEnded { expired: true };
                self.end(step.clone(), StepState::Done { at, result, facts }).map_err(illegal)?;
                if expired {
                    self.reopen_tests(&step);
                }
                // It went on, whatever somebody wanted before.
                if let Some(server) = self.booted_by(&step) {
                    self.asked_back.remove(&server);
                }
            }
            Record::StepConnecting { step } => _ = self.connecting.insert(step),
            Record::StepFailed { step, reason, hints, .. } => {
                // What was said of it was not so: it is to be said anew.
                self.confirmed.remove(&step);
                self.end(step, StepState::Failed { at, reason, hints }).map_err(illegal)?;
            }
            Record::StepStopped { step, why } => {
                self.end(step, StepState::Stopped { why }).map_err(illegal)?;
            }
            Record::GateSigned { gate, role, by, approves, terms } => {
                let operator = event.operator.clone();
                self.signatures.push(Signature { gate, role, by, operator, approves, terms, at });
                if self.is_quiet_gate(&self.signatures[self.signatures.len() - 1].gate.clone()) {
                    self.reopen_moves();
                }
            }
            Record::ReplicaVerified { server, disk, holds, .. } => {
                if !holds {
                    self.reopen_copy(&server, &disk);
                }
                self.verified.insert((server, disk), Verified { at, holds });
            }
            Record::ServerRolledBack { server, by, reason, .. } => {
                self.asked_back.remove(&server);
                self.rolled_back.insert(server, RolledBack { by, reason, at });
            }
            Record::RollbackAsked { server, role, by, .. } => {
                let operator = event.operator.clone();
                self.asked_back.entry(server).or_default().push(Asked { role, by, operator, at });
            }
            Record::WindowWaived { server, side, by, .. } => {
                let operator = event.operator.clone();
                self.late.entry(server).or_default().push(LateStep { side, by, operator, at });
            }
            Record::StepStated { step, role, by, .. } => {
                let operator = event.operator.clone();
                self.hands.entry(step.clone()).or_default().extend([by.to_string(), operator.clone()]);
                self.ever_said.entry(step.clone()).or_insert(at);
                self.confirmed.insert(step, Statement { role, by, operator, at });
            }
            Record::OverrideAsked { step, way, role, by, reason } => {
                let (operator, time) = (event.operator.clone(), event.time.clone());
                let first = Decision { role, by, operator, time, reason };
                self.asked_by_hand.insert(step, AskedByHand { way, first, at });
            }
            Record::OverrideRevoked { step, .. } => _ = self.asked_by_hand.remove(&step),
            Record::StepOverridden { step, way, first, second } => {
                if first.by == second.by || first.operator == second.operator {
                    return Err(illegal(format!("one person decided {step} for two")));
                }
                // Taken back, or forgotten, while the second person read it: one wish alone decides nothing.
                let wished =
                    self.asked_by_hand.get(&step).is_some_and(|asked| asked.way == way && asked.first == first);
                if wished {
                    self.asked_by_hand.remove(&step);
                    self.overridden(step, at, way, vec![first, second]);
                }
            }
            Record::ServerWithdrawn { server, .. } => _ = self.withdrawn.insert(server),
            Record::ServerReentered { server, .. } => self.reenter(&server),
            Record::ServerStated { server, fact, role, by, .. } => {
                let operator = event.operator.clone();
                self.stated.insert((server, fact), Statement { role, by, operator, at });
            }
        }
        self.operator = Some(event.operator.clone());
        Ok(())
    }

    /// A step is done by hand, or left out; what ended well before stays as it ended.
    fn overridden(&mut self, step: StepId, at: Timestamp, way: ByHand, decided: Vec<Decision>) {
        if !self.knows(&step) || matches!(self.step(&step), StepState::Done { .. }) {
            return;
        }
        if matches!(self.step(&step), StepState::Running { .. }) {
            self.overtaken.insert(step.clone());
        }
        if let Some(first) = decided.first() {
            self.executors.insert(step.clone(), first.operator.clone());
        }
        let persons = decided.iter().flat_map(|one| [one.by.to_string(), one.operator.clone()]);
        self.hands.entry(step.clone()).or_default().extend(persons);
        let result = record::Result::ByHand { way, decided };
        self.set(step, StepState::Done { at, result, facts: Value::Null });
    }

    /// Whether two persons decided it instead of the program.
    pub fn is_by_hand(&self, step: &StepId) -> bool {
        matches!(self.step(step).result(), Some(record::Result::ByHand { .. }))
    }

    fn set(&mut self, step: StepId, state: StepState) {
        self.steps.insert(step, state);
    }

    /// Ends a step that was begun. One whose ground was taken away meanwhile is to be done again,
    /// however well it ended.
    fn end(&mut self, step: StepId, state: StepState) -> Result<(), String> {
        let overtaken = self.overtaken.remove(&step);
        if !overtaken && !matches!(self.step(&step), StepState::Running { .. }) {
            return Err(format!("step {step} was not begun"));
        }
        let decided = overtaken && self.is_by_hand(&step);
        if !overtaken || (matches!(state, StepState::Failed { .. }) && !decided) {
            self.set(step, state);
        }
        Ok(())
    }

    /// The tenant without servers that were taken back: what is asked of copies is not asked of them.
    pub fn without_taken_back(&self, tenant: &Tenant) -> Tenant {
        let mut staying = tenant.clone();
        if let Known::Known(servers) = &mut staying.servers {
            servers.retain(|server| !self.rolled_back.contains_key(&server.id));
        }
        staying
    }

    /// Servers whose last copy, or whose end where they are replaced, is due, and that were not taken back: their
    /// services are stopped, and later what answers at their address may be the copy.
    pub fn moving(&self) -> BTreeSet<ServerId> {
        let last = |step: &&Value| step["do"] == "final-sync" || step["do"] == "fence";
        let quiet = self
            .planned()
            .filter(|step| step["reaches"] == "quiet")
            .any(|gate| self.signatures.iter().any(|signature| gate["gate"] == signature.gate.to_string().as_str()));
        let begun = |step: &&Value| {
            let id = step["id"].as_str().map(|id| StepId(id.to_owned()));
            id.is_some_and(|id| *self.step(&id) != StepState::Pending)
        };
        let of = |step: &Value| step["server"].as_str()?.parse().ok();
        let due = self.planned().filter(last).filter(|step| quiet || begun(step)).filter_map(of);
        due.filter(|server| !self.rolled_back.contains_key(server)).collect()
    }
}

/// The servers that a survey saw: `{"servers": [{"server": "…"}]}` or `{"server": "…"}`.
fn surveyed(data: &Value) -> Vec<String> {
    let many = data["servers"].as_array().into_iter().flatten().filter_map(|server| server["server"].as_str());
    many.chain(data["server"].as_str()).map(str::to_owned).collect()
}
