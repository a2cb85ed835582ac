//! Gates: what a signature approves, when a gate is open, and who may sign.

use super::hours::is_move;
use super::plan::{Plan, Step};
use super::playbook::{Action, Gate, Reached, Signs};
use super::record;
use super::state::{RunState, Signature, StepState};
use super::terms::CutoverTerms;
use crate::checklist::Phase as ChecklistPhase;
use crate::digest::sha256;
use crate::model::calendar::{italian, rome_civil};
use crate::model::people::{People, Side};
use crate::model::project_calendar::QuietPeriod;
use crate::model::{PersonId, RoleId};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeSet;

/// For how long the findings of a checklist open the gate after it: until its last signature.
const FINDINGS_COUNT_FOR: SignedDuration = SignedDuration::from_hours(4);

/// What the signatures on a gate approve: the plan, and every outcome before the gate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Approval<'a> {
    /// Which gate.
    pub gate: &'a str,
    /// Digest of the plan.
    pub plan: String,
    /// Steps before it with what came out of them.
    pub steps: Vec<(&'a str, Option<&'a record::Result>)>,
    /// Servers that were taken back before.
    pub rolled_back: Vec<&'a str>,
    /// Digest of the terms of the cutover, where the gate signs them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cutover: Option<String>,
}

impl Approval<'_> {
    /// SHA-256 of the approval as JSON.
    pub fn digest(&self) -> String {
        // Plain data: writing it cannot fail.
        sha256(serde_json::to_string(self).unwrap_or_default().as_bytes())
    }
}

/// How a gate stands.
#[derive(Debug, Clone, PartialEq)]
pub struct GateStatus<'a> {
    /// The gate's step.
    pub step: &'a Step,
    /// The gate.
    pub gate: &'a Gate,
    /// What a signature approves now.
    pub approval: Approval<'a>,
    /// Digest of the approval.
    pub approves: String,
    /// Steps before it that have not ended well: it cannot be signed yet.
    pub undone: Vec<&'a Step>,
    /// Those of them that ended well, but too long ago, or were refused since.
    pub stale: Vec<&'a Step>,
    /// Who carried out the steps since the gate before.
    pub executors: BTreeSet<&'a str>,
    /// Signatures that count.
    pub signed: Vec<&'a Signature>,
    /// Signatures that count no more, since what they approved has changed or their hours are over.
    pub void: Vec<&'a Signature>,
    /// What has changed in the terms of the cutover since somebody signed them here, a line each.
    pub changed: Vec<String>,
    /// Roles that have not signed.
    pub missing: Vec<&'a RoleId>,
    /// The quiet period before the disks are wiped, while it keeps this gate from being signed.
    pub quiet: Option<QuietPeriod>,
}

impl GateStatus<'_> {
    /// Whether people may sign now.
    pub fn can_be_signed(&self) -> bool {
        self.undone.is_empty() && self.quiet.is_none()
    }

    /// Whether the run may pass.
    pub fn is_open(&self) -> bool {
        self.undone.is_empty() && self.missing.is_empty()
    }
}

/// All gates of the plan, in order.
pub fn gates<'a>(plan: &'a Plan, state: &'a RunState, now: Timestamp) -> Vec<GateStatus<'a>> {
    let indices = 0..plan.steps.len();
    let mut all: Vec<GateStatus<'a>> = indices.filter_map(|index| status(plan, state, now, index)).collect();
    let quiet = accepted_on(&all).and_then(|day| plan.calendar.quiet_period(day, true));
    let quiet = quiet.filter(|quiet| quiet.holds(now));
    for gate in all.iter_mut().filter(|gate| gate.gate.reaches == Some(Reached::Decommissioned)) {
        gate.quiet = quiet;
    }
    all
}

/// The quiet period before activity 6: from the acceptance that was signed, else from the plan's last day of the
/// activity that ends with it.
pub fn quiet_period(plan: &Plan, gates: &[GateStatus<'_>]) -> Option<QuietPeriod> {
    if let Some(day) = accepted_on(gates) {
        return plan.calendar.quiet_period(day, true);
    }
    let ends_with = gates.iter().find(|gate| gate.gate.reaches == Some(Reached::Accepted))?.step.activity;
    let proposed = plan.calendar.activities.iter().find(|proposed| proposed.activity == ends_with)?;
    plan.calendar.quiet_period(proposed.to, false)
}

/// The day in Rome on which the last role accepted the landing.
fn accepted_on(gates: &[GateStatus<'_>]) -> Option<Date> {
    let gate = gates.iter().find(|gate| gate.gate.reaches == Some(Reached::Accepted) && gate.is_open())?;
    gate.signed.iter().map(|signature| signature.at).max().map(|at| rome_civil(at).date())
}

fn status<'a>(plan: &'a Plan, state: &'a RunState, now: Timestamp, index: usize) -> Option<GateStatus<'a>> {
    let (before, rest) = plan.steps.split_at(index);
    let (step, after) = rest.split_first()?;
    let Action::Gate(gate) = &step.action else { return None };
    let approval = approval(plan, state, gate, before);
    let approves = approval.digest();
    let mine = state.signatures.iter().filter(|signature| signature.gate == gate.gate);
    let used = next_stage_is_done(state, after);
    let counts = |signature: &&Signature| {
        approved(plan, state, gate, before, signature, &approves)
            && (used || !has_expired(gate, signature, now))
            && gate.roles.contains(&signature.role)
    };
    let (signed, void): (Vec<&Signature>, Vec<&Signature>) = mine.partition(counts);
    let stale: Vec<&Step> =
        before.iter().enumerate().filter(|(at, _)| is_stale(plan, state, now, *at)).map(|(_, step)| step).collect();
    let stage = before.iter().rev().take_while(|step| !matches!(step.action, Action::Gate(_)));
    let unsigned = |role: &&RoleId| !signed.iter().any(|signature| signature.role == **role);
    let missing: Vec<&RoleId> = gate.roles.iter().filter(unsigned).collect();
    // What a role that has signed anew once signed is of no interest.
    let once = void.iter().rev().filter(|given| missing.contains(&&given.role)).find_map(|given| given.terms.as_ref());
    Some(GateStatus {
        changed: once.map_or_else(Vec::new, |terms| plan.terms.changes_from(terms)),
        missing,
        undone: before.iter().filter(|step| !is_settled(state, step) || stale.contains(step)).collect(),
        stale,
        executors: stage
            .flat_map(|step| {
                state.executors.get(&step.id).into_iter().chain(state.hands.get(&step.id).into_iter().flatten())
            })
            .map(String::as_str)
            .collect(),
        step,
        gate,
        approval,
        approves,
        signed,
        void,
        quiet: None,
    })
}

/// Whether a signature approves what is there. A server that was taken back since makes it no less true of
/// the others: what is signed afterwards names it. And once every server has moved by the terms of the cutover,
/// what becomes of them later changes nothing about that.
fn approved(plan: &Plan, state: &RunState, gate: &Gate, before: &[Step], given: &Signature, approves: &str) -> bool {
    let moved = gate.signs.is_some() && all_moved(plan, state);
    let since = moved || state.rolled_back.values().any(|back| back.at > given.at);
    let then = || then(approval(plan, state, gate, before), state, given, moved);
    given.approves == approves || (since && given.approves == then())
}

/// Whether nothing of the move remains to be done; where servers are only replaced, what people do in its activity.
fn all_moved(plan: &Plan, state: &RunState) -> bool {
    let activity = plan.quiet().map(|(_, step)| step.activity);
    let by_people = |step: &Step| matches!(step.action, Action::Manual(_)) && Some(step.activity) == activity;
    let mut moves = plan.steps.iter().filter(|step| is_move(&step.action) || by_people(step)).peekable();
    moves.peek().is_some() && moves.all(|step| is_settled(state, step))
}

/// The digest of an approval as it was when a signature was given, with the terms of the cutover that it signed where
/// those count.
fn then<'a>(mut approval: Approval<'a>, state: &'a RunState, given: &Signature, own_terms: bool) -> String {
    let before = state.rolled_back.iter().filter(|(_, back)| back.at <= given.at);
    approval.rolled_back = before.map(|(server, _)| server.as_str()).collect();
    if own_terms && approval.cutover.is_some() {
        approval.cutover = given.terms.as_ref().map(CutoverTerms::digest_of);
    }
    approval.digest()
}

fn approval<'a>(plan: &'a Plan, state: &'a RunState, gate: &'a Gate, before: &'a [Step]) -> Approval<'a> {
    let outcome = |step: &'a Step| (step.id.0.as_str(), state.step(&step.id).result());
    Approval {
        gate: gate.gate.as_str(),
        plan: plan.digest(),
        steps: before.iter().filter(|step| !matches!(step.action, Action::Gate(_))).map(outcome).collect(),
        rolled_back: state.rolled_back.keys().map(|server| server.as_str()).collect(),
        cutover: gate.signs.map(|Signs::Cutover| plan.terms.digest()),
    }
}

/// Whether the checklist at `index` has to be run again for the gate after it: it ended well too long
/// ago, before the last of the gate's signatures or, where one is missing, before now; or somebody has
/// signed since that something of it does not hold, and what the gate admits is not done yet.
pub(super) fn is_stale(plan: &Plan, state: &RunState, now: Timestamp, index: usize) -> bool {
    let Some((step, after)) = plan.steps.get(index..).and_then(<[Step]>::split_first) else { return false };
    let (Action::Checklist { checklist }, StepState::Done { at, .. }) = (&step.action, state.step(&step.id)) else {
        return false;
    };
    // Once servers move, sources and tests cannot be asked again: what was found stands.
    if matches!(checklist, ChecklistPhase::Source | ChecklistPhase::Test) && !state.moving().is_empty() {
        return false;
    }
    let next = after.iter().zip(index + 1..).find_map(|(step, at)| match &step.action {
        Action::Gate(gate) => Some((gate, at)),
        _ => None,
    });
    let Some((gate, gate_at)) = next else { return false };
    let refused = state.refused.get(checklist).is_some_and(|refused| refused >= at);
    if refused && !next_stage_is_done(state, plan.steps.get(gate_at + 1..).unwrap_or_default()) {
        return true;
    }
    let before = plan.steps.get(..gate_at).unwrap_or_default();
    // Findings do not grow old because the terms of the cutover changed: after the tests ended nobody could be asked.
    let approved = |given: &&Signature| given.approves == then(approval(plan, state, gate, before), state, given, true);
    let mine = state.signatures.iter().filter(|given| given.gate == gate.gate).filter(approved);
    let first = |role: &RoleId| mine.clone().filter(|given| given.role == *role).map(|given| given.at).min();
    let last = gate.roles.iter().map(first).collect::<Option<Vec<Timestamp>>>().and_then(|all| all.into_iter().max());
    // What was filled in on paper is as old as its page says: who signs the gate reads it.
    !state.is_by_hand(&step.id) && last.unwrap_or(now).duration_since(*at) > FINDINGS_COUNT_FOR
}

/// Whether nothing remains to be done about a step: it ended well, its server was taken back, or it is a gate.
pub(super) fn is_settled(state: &RunState, step: &Step) -> bool {
    let taken_back = step.server.as_ref().is_some_and(|server| state.rolled_back.contains_key(server));
    taken_back || matches!(step.action, Action::Gate(_)) || matches!(state.step(&step.id), StepState::Done { .. })
}

/// Whether all that a gate admits, up to the next gate, is done: then its hours no longer matter. What is
/// only looked at afterwards, the morning after a move, is no part of it.
fn next_stage_is_done(state: &RunState, after: &[Step]) -> bool {
    let stage = after.iter().take_while(|step| !matches!(step.action, Action::Gate(_)));
    let (looks, acts): (Vec<&Step>, Vec<&Step>) =
        stage.partition(|step| matches!(step.action, Action::Checklist { .. }));
    let admitted = if acts.is_empty() { looks } else { acts };
    !admitted.is_empty() && admitted.iter().all(|step| is_settled(state, step))
}

fn has_expired(gate: &Gate, signature: &Signature, now: Timestamp) -> bool {
    let Some(hours) = gate.valid_hours else { return false };
    now.duration_since(signature.at) > SignedDuration::from_hours(i64::from(hours))
}

/// Why a person may not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// Not somebody of people.yaml.
    #[error("there is no person `{0}` in inventory/people.yaml")]
    NoPerson(PersonId),
    /// Does not hold the role for this tenant.
    #[error("{person} does not hold the role {role} for this tenant")]
    NotTheirRole {
        /// Who.
        person: PersonId,
        /// Which role.
        role: RoleId,
    },
    /// The gate does not ask for the role.
    #[error("gate {gate} is not signed by {role} but by {asked}")]
    NotAsked {
        /// Which gate.
        gate: String,
        /// Which role.
        role: RoleId,
        /// The roles it asks for.
        asked: String,
    },
    /// Something before it has not ended well.
    #[error("gate {gate} cannot be signed yet: {step} is not done{}", more(*.others))]
    NotYet {
        /// Which gate.
        gate: String,
        /// The first such step.
        step: String,
        /// How many others.
        others: usize,
    },
    /// A checklist before it was run too long ago, or somebody signed since that it does not hold.
    #[error("gate {gate} is not signed on old findings: {step} ended more than 4 hours ago, or was refused since")]
    Stale {
        /// Which gate.
        gate: String,
        /// The checklist's step.
        step: String,
    },
    /// The quiet period before the disks are wiped is not over.
    #[error(
        "gate {gate} is not signed before {}: the quiet period of {} after the landing was accepted ({}) ends on {}{}",
        italian(.quiet.earliest), .quiet.term, italian(.quiet.accepted), italian(.quiet.ends), .quiet.remark()
    )]
    QuietPeriod {
        /// Which gate.
        gate: String,
        /// The period.
        quiet: QuietPeriod,
    },
    /// The person carried out what only the SAD validates.
    #[error("{person} carried out what gate {gate} validates: another person signs it")]
    Executor {
        /// Who.
        person: PersonId,
        /// Which gate.
        gate: String,
    },
    /// Signed already.
    #[error("{role} has signed gate {gate} already: {by}")]
    Already {
        /// Which gate.
        gate: String,
        /// Which role.
        role: RoleId,
        /// Who signed.
        by: PersonId,
    },
    /// One person for both sides of a joint validation.
    #[error("{person} has signed gate {gate} for the other side ({other})")]
    BothSides {
        /// Who.
        person: PersonId,
        /// Which gate.
        gate: String,
        /// The role signed before.
        other: RoleId,
    },
    /// One operator for both sides of a joint validation.
    #[error(
        "the signature of {other} as {other_role} on gate {gate} was typed with {operator}, who would type this one, \
         too: both sides would rest on one operator's word"
    )]
    OneOperator {
        /// Who typed both.
        operator: PersonId,
        /// Which gate.
        gate: String,
        /// Who signed for the other side.
        other: PersonId,
        /// In which role.
        other_role: RoleId,
    },
}

fn more(others: usize) -> String {
    if others == 0 { String::new() } else { format!(", nor are {others} others") }
}

/// Whether `person` may sign as `role` now, typed by `operator`.
///
/// # Errors
/// Why not.
pub fn may_sign(
    status: &GateStatus<'_>,
    plan: &Plan,
    people: &People,
    person: &PersonId,
    role: &RoleId,
    operator: &PersonId,
) -> Result<(), Objection> {
    let gate = status.gate.gate.to_string();
    let who = people.persons.get(person).ok_or_else(|| Objection::NoPerson(person.clone()))?;
    if !status.gate.roles.contains(role) {
        let asked = status.gate.roles.iter().map(RoleId::as_str).collect::<Vec<_>>().join(", ");
        return Err(Objection::NotAsked { gate, role: role.clone(), asked });
    }
    if !who.holds(role, &plan.tenant) {
        return Err(Objection::NotTheirRole { person: person.clone(), role: role.clone() });
    }
    if let Some(quiet) = status.quiet {
        return Err(Objection::QuietPeriod { gate, quiet });
    }
    if let Some(step) = status.stale.first().filter(|_| status.stale == status.undone) {
        return Err(Objection::Stale { gate, step: step.id.to_string() });
    }
    if let Some(step) = status.undone.first() {
        return Err(Objection::NotYet { gate, step: step.id.to_string(), others: status.undone.len() - 1 });
    }
    if let Some(signature) = status.signed.iter().find(|signature| signature.role == *role) {
        return Err(Objection::Already { gate, role: role.clone(), by: signature.by.clone() });
    }
    separated(status, people, person, role, operator)
}

/// The two sides are two persons and two operators, and nobody validates alone what was their own work.
fn separated(
    status: &GateStatus<'_>,
    people: &People,
    person: &PersonId,
    role: &RoleId,
    operator: &PersonId,
) -> Result<(), Objection> {
    let gate = status.gate.gate.to_string();
    let side = |role: &RoleId| people.roles.get(role).map(|role| role.side);
    let sad_only = status.gate.roles.iter().all(|role| side(role) == Some(Side::Sad));
    if sad_only && status.executors.contains(person.as_str()) {
        return Err(Objection::Executor { person: person.clone(), gate });
    }
    let others = || status.signed.iter().filter(|signature| side(&signature.role) != side(role));
    if let Some(signature) = others().find(|signature| signature.by == *person) {
        return Err(Objection::BothSides { person: person.clone(), gate, other: signature.role.clone() });
    }
    match others().find(|signature| signature.operator == operator.as_str()) {
        Some(Signature { by, role, .. }) => Err(Objection::OneOperator {
            operator: operator.clone(),
            gate,
            other: by.clone(),
            other_role: role.clone(),
        }),
        None => Ok(()),
    }
}

/// Whether the gate is a joint validation: more than one side signs.
pub fn is_joint(gate: &Gate, people: &People) -> bool {
    let sides: BTreeSet<Option<Side>> =
        gate.roles.iter().map(|role| people.roles.get(role).map(|role| role.side)).collect();
    sides.len() > 1
}
