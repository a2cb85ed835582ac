//! The one loop that acts: next step, an event before it, the act, an event after it.
//!
//! It may be killed at any instruction. Whatever the next run finds begun and not ended is done
//! again, after a look at what is there: every act is safe to repeat.

use super::next::{Next, Scope, next};
use super::plan::{Plan, Step, StepId};
use super::playbook::Action;
use super::quiesce::Quiesce;
use super::record::{self, Class, Record, Stop};
use super::shaping::Allowance;
use super::state::{IllegalEvent, RunState};
use crate::checklist::Phase as ChecklistPhase;
use crate::journal::{Event, Journal, JournalError, Lease};
use crate::model::{DiskId, ServerId};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How old the last whole reading of a replica may be when its final sync begins (inside the
/// outage only changes are read again).
const VERIFIED_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// Passes of a final sync over a source that nothing holds still, of which the last must find nothing to send.
const STILL_PASSES: usize = 3;
/// How long a copy that was cut waits for its link.
const LINK_PATIENCE: Duration = Duration::from_secs(10 * 60);
/// How long it waits before it tries again.
const LINK_RETRY: Duration = Duration::from_secs(1);
/// The stage of a copy that waits for its link.
const WAITING: &str = "no link";
/// How often a run at work looks for a pause or a take-over.
const LOOK: Duration = Duration::from_secs(2);

/// What came of an act that ended well.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// What a signature approves.
    pub result: record::Result,
    /// What it cost.
    pub facts: Value,
}

/// Why an act did not end well.
#[derive(Debug)]
pub struct Trouble {
    /// What kind of trouble.
    pub class: Class,
    /// What went wrong.
    pub source: Box<dyn Error + Send + Sync>,
    /// What is safe at this moment, and what to do next: full sentences.
    pub hints: Vec<String>,
}

impl Trouble {
    /// Trouble of a class.
    pub fn new(class: Class, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { class, source: source.into(), hints: Vec::new() }
    }

    /// Adds what is safe, or what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The message with its causes, on one line.
    pub fn reason(&self) -> String {
        let mut text = self.source.to_string();
        let mut cause = self.source.source();
        while let Some(inner) = cause {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            cause = inner.source();
        }
        text
    }
}

/// How far an act is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing, in one word.
    pub stage: &'static str,
    /// Bytes of the disk that are done.
    pub done: u64,
    /// Bytes of the disk.
    pub total: u64,
    /// Bytes that went over the link, both ways.
    pub link: u64,
    /// What may be sent at this moment; none where nothing is sent.
    pub allowance: Option<Allowance>,
}

/// What the runner needs of the world. Every act may be dropped at any moment and done again.
pub trait Acts: Send {
    /// What is there already, before a step is done: kept in the event that begins it.
    fn observe(&mut self, step: &Step) -> impl Future<Output = Value>;

    /// Makes the folders of the replicas and looks for space.
    fn prepare(&mut self) -> impl Future<Output = Result<Ended, Trouble>>;

    /// Runs a checklist.
    fn check(&mut self, phase: ChecklistPhase) -> impl Future<Output = Result<Ended, Trouble>>;

    /// Brings the replica of a disk up to date.
    fn copy(
        &mut self,
        server: &ServerId,
        disk: &DiskId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> impl Future<Output = Result<Ended, Trouble>>;

    /// Brings the replica of a disk up to date while its source stands still, in whatever way it can.
    fn last_copy(
        &mut self,
        server: &ServerId,
        disk: &DiskId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> impl Future<Output = Result<LastCopy, Trouble>>;

    /// Reads a whole replica again. That it does not hold is a result, not trouble.
    fn verify(
        &mut self,
        server: &ServerId,
        disk: &DiskId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> impl Future<Output = Result<Reading, Trouble>>;

    /// Clones a replica.
    fn test_clone(&mut self, server: &ServerId, disk: &DiskId) -> impl Future<Output = Result<Ended, Trouble>>;
}

/// A copy of a source that stood still.
#[derive(Debug, Clone, PartialEq)]
pub struct LastCopy {
    /// The copy.
    pub ended: Ended,
    /// What made the source stand still.
    pub quiesce: Quiesce,
}

/// A whole replica, read again.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Whether every byte is what the last complete pass left.
    pub holds: bool,
    /// The root found.
    pub root: String,
    /// What is wrong, in words; empty if it holds.
    pub wrong: String,
    /// What it cost.
    pub facts: Value,
}

/// Who watches a run. The journal comes first.
pub trait Observer: Send {
    /// An event was written.
    fn event(&mut self, event: &Event);
    /// A step goes on.
    fn progress(&mut self, step: &Step, progress: Progress);
}

/// How a run ended.
#[derive(Debug)]
pub enum Ending {
    /// People sign the next gate.
    Gate,
    /// Steps failed or were left out; nothing more can be done in this run.
    Blocked(Vec<(StepId, Trouble)>),
    /// It was interrupted or paused.
    Stopped(Stop),
    /// Everything is done.
    Done,
}

/// Why a run could not go on at all.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The journal cannot be read or written, or somebody took over.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal says what cannot have happened.
    #[error("the journal cannot be understood")]
    Illegal(#[from] IllegalEvent),
    /// The adopted plan is another one.
    #[error("the adopted plan is not the one that inventory and playbook give now")]
    OtherPlan,
}

/// A run of a plan, under a lease.
pub struct Runner<'a, A, O> {
    /// Where events go.
    pub journal: &'a Journal,
    /// Our right to act.
    pub lease: &'a Lease,
    /// What is to be done.
    pub plan: &'a Plan,
    /// Who acts.
    pub operator: &'a str,
    /// The world.
    pub acts: A,
    /// Who watches.
    pub observer: O,
    /// Becomes true when the operator wants to stop.
    pub stop: watch::Receiver<bool>,
    /// What the run is about.
    pub scope: Scope,
}

impl<A: Acts, O: Observer> Runner<'_, A, O> {
    /// Goes on to the next gate.
    ///
    /// # Errors
    /// The journal fails or contradicts the plan. Trouble with a step is no error but an [`Ending`].
    pub async fn run(&mut self) -> Result<Ending, RunError> {
        let mut troubles = Vec::new();
        loop {
            let state = RunState::of(&self.journal.events(&self.plan.tenant).await?)?;
            if state.digest.as_deref() != Some(self.plan.digest().as_str()) {
                return Err(RunError::OtherPlan);
            }
            if state.paused.is_some() {
                return Ok(Ending::Stopped(Stop::Paused));
            }
            if *self.stop.borrow() {
                return Ok(Ending::Stopped(Stop::Interrupted));
            }
            let step = match next(self.plan, &state, &self.scope, self.journal.now()) {
                Next::Act(step) => step,
                Next::Gate(_) => return Ok(Ending::Gate),
                Next::Blocked(_) => return Ok(Ending::Blocked(troubles)),
                Next::Done => return Ok(Ending::Done),
            };
            match self.step(step, &state).await? {
                None => {}
                Some(Left::Stopped(why)) => return Ok(Ending::Stopped(why)),
                Some(Left::Unwritten(trouble)) => {
                    troubles.push((step.id.clone(), trouble));
                    return Ok(Ending::Blocked(troubles));
                }
                Some(Left::Trouble(trouble)) => {
                    troubles.push((step.id.clone(), trouble));
                    match &step.server {
                        // The other servers go on; a step for the whole tenant holds up everything.
                        Some(server) => _ = self.scope.failed.insert(server.clone()),
                        None => return Ok(Ending::Blocked(troubles)),
                    }
                }
            }
        }
    }

    /// One step, between its two events.
    async fn step(&mut self, step: &Step, state: &RunState) -> Result<Option<Left>, RunError> {
        let observed = self.acts.observe(step).await;
        self.write(Record::StepStarted { step: step.id.clone(), observed }).await?;
        let acted = tokio::select! {
            biased;
            why = stopped(self.journal, self.lease, self.plan, self.stop.clone()) => Err(Left::Stopped(why?)),
            acted = act(&mut self.acts, &mut self.observer, state, self.journal.now(), step) => acted.map_err(Left::Trouble),
        };
        match acted {
            Ok(Acted { ended, reading }) => {
                self.write_reading(step, reading).await?;
                let step = step.id.clone();
                match ended {
                    Ok(Ended { result, facts }) => {
                        self.write(Record::StepFinished { step, result, facts }).await?;
                        Ok(None)
                    }
                    Err(trouble) => self.failed(step, trouble).await,
                }
            }
            Err(Left::Stopped(why)) => {
                self.write(Record::StepStopped { step: step.id.clone(), why }).await?;
                Ok(Some(Left::Stopped(why)))
            }
            Err(Left::Trouble(trouble) | Left::Unwritten(trouble)) => self.failed(step.id.clone(), trouble).await,
        }
    }

    async fn failed(&mut self, step: StepId, trouble: Trouble) -> Result<Option<Left>, RunError> {
        let record = if trouble.class == Class::Waiting {
            Record::StepStopped { step, why: Stop::Waiting }
        } else {
            let (reason, hints) = (trouble.reason(), trouble.hints.clone());
            Record::StepFailed { step, reason, hints, class: trouble.class }
        };
        match self.write(record).await {
            Ok(()) => Ok(Some(Left::Trouble(trouble))),
            // One full disk is often behind both: what went wrong first is what people must know.
            Err(RunError::Journal(error @ (JournalError::File { .. } | JournalError::Store { .. }))) => {
                let unwritten = Trouble::new(Class::Failed, error).reason();
                let hint =
                    format!("The journal could not take this ({unwritten}): its last event is the step's begin.");
                Ok(Some(Left::Unwritten(trouble.hint(hint))))
            }
            Err(error) => Err(error),
        }
    }

    async fn write_reading(&mut self, step: &Step, reading: Option<Reading>) -> Result<(), RunError> {
        let (Some(reading), Some((server, disk))) = (reading, step.of_disk()) else { return Ok(()) };
        let (server, disk) = (server.clone(), disk.clone());
        self.write(Record::ReplicaVerified { server, disk, holds: reading.holds, root: reading.root }).await
    }

    async fn write(&mut self, record: Record) -> Result<(), RunError> {
        let (kind, data) = record.parts();
        let event = self.journal.append_under(self.lease, &self.plan.tenant, self.operator, &kind, data).await?;
        self.observer.event(&event);
        Ok(())
    }
}

/// Why a step was left.
enum Left {
    Stopped(Stop),
    Trouble(Trouble),
    /// Trouble that the journal could not take: nothing more may be done.
    Unwritten(Trouble),
}

/// What an act gave: its end, and the reading of a replica where there was one.
struct Acted {
    ended: Result<Ended, Trouble>,
    reading: Option<Reading>,
}

/// Ends when the operator wants to stop, somebody paused the run, or took it over.
async fn stopped(
    journal: &Journal,
    lease: &Lease,
    plan: &Plan,
    mut stop: watch::Receiver<bool>,
) -> Result<Stop, RunError> {
    loop {
        tokio::select! {
            // A sender that is gone can stop nothing any more: the clock below goes on.
            Ok(_) = stop.wait_for(|stop| *stop) => return Ok(Stop::Interrupted),
            () = tokio::time::sleep(LOOK) => {}
        }
        journal.still_ours(lease).await?;
        let state = RunState::of(&journal.events(&plan.tenant).await?)?;
        if state.paused.is_some() {
            return Ok(Stop::Paused);
        }
    }
}

/// The act of a step: the table of contents of a migration.
async fn act<A: Acts, O: Observer>(
    acts: &mut A,
    observer: &mut O,
    state: &RunState,
    now: Timestamp,
    step: &Step,
) -> Result<Acted, Trouble> {
    let mut progress = |progress| observer.progress(step, progress);
    let of_disk = || step.of_disk().ok_or_else(|| Trouble::new(Class::Failed, "the step names no disk"));
    let ended = match &step.action {
        Action::PrepareLanding => acts.prepare().await,
        Action::Checklist { checklist } => acts.check(*checklist).await,
        Action::Seed | Action::Sync => {
            let (server, disk) = of_disk()?;
            patient_copy(acts, server, disk, &mut progress).await
        }
        Action::Verify => {
            let (server, disk) = of_disk()?;
            let reading = acts.verify(server, disk, &mut progress).await?;
            return Ok(Acted { ended: verified(&reading), reading: Some(reading) });
        }
        Action::TestClone => {
            let (server, disk) = of_disk()?;
            acts.test_clone(server, disk).await
        }
        Action::FinalSync => {
            let (server, disk) = of_disk()?;
            verified_lately(state, server, disk, now)?;
            final_sync(acts, server, disk, &mut progress).await
        }
        // A gate is never acted on: people sign it.
        Action::Gate(gate) => Err(Trouble::new(Class::Waiting, format!("gate {} waits for signatures", gate.gate))),
    };
    Ok(Acted { ended, reading: None })
}

/// A copy that outlives the link: once it has begun, it waits for a link that was cut and goes on.
async fn patient_copy<A: Acts>(
    acts: &mut A,
    server: &ServerId,
    disk: &DiskId,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Ended, Trouble> {
    let (mut interruptions, mut last) = (0u64, None);
    // What is left of each stage at best: only an attempt that comes further gets new patience.
    let mut left: BTreeMap<&str, u64> = BTreeMap::new();
    let mut failing: Option<Instant> = None;
    loop {
        let mut observe = |now: Progress| {
            let best = left.entry(now.stage).or_insert(u64::MAX);
            let held = now.allowance.as_ref().is_some_and(Allowance::is_hold);
            if held || now.total.saturating_sub(now.done) < *best {
                (*best, failing) = (now.total.saturating_sub(now.done), None);
            }
            last = Some(now);
            progress(now);
        };
        match acts.copy(server, disk, &mut observe).await {
            Ok(mut ended) => {
                if interruptions > 0 {
                    ended.facts["interruptions"] = interruptions.into();
                }
                return Ok(ended);
            }
            Err(trouble) => {
                let patient = failing.get_or_insert_with(Instant::now).elapsed() < LINK_PATIENCE;
                let Some(before) = last.filter(|_| trouble.class == Class::Unreachable && patient) else {
                    return Err(trouble);
                };
                if before.stage != WAITING {
                    interruptions += 1;
                    last = Some(Progress { stage: WAITING, ..before });
                }
                progress(Progress { stage: WAITING, ..before });
                tokio::time::sleep(LINK_RETRY).await;
            }
        }
    }
}

fn verified(reading: &Reading) -> Result<Ended, Trouble> {
    if reading.holds {
        let result = record::Result::Verified { root: reading.root.clone() };
        return Ok(Ended { result, facts: reading.facts.clone() });
    }
    Err(Trouble::new(Class::Evidence, reading.wrong.clone())
        .hint("The source is untouched. What does not hold is marked, and the next sync fetches just that again.")
        .hint("Look at the storage of the landing host before you trust it; then give the same command again."))
}

fn verified_lately(state: &RunState, server: &ServerId, disk: &DiskId, now: Timestamp) -> Result<(), Trouble> {
    let last = state.verified.get(&(server.clone(), disk.clone())).filter(|last| last.holds);
    if last.is_some_and(|last| now.duration_since(last.at) <= VERIFIED_WITHIN) {
        return Ok(());
    }
    let text = format!("the replica of {server} {disk} was not read as a whole within the last 24 hours");
    Err(Trouble::new(Class::CheckFailed, text)
        .hint("Nothing was copied and the source is untouched.")
        .hint("Run `traghetto migrate verify` for the tenant, then give the same command again."))
}

/// The last sync. Where nothing holds the source still, it must be seen to stand still: the last pass
/// finds the same root as the one before, or the replica is a mixture of moments.
async fn final_sync<A: Acts>(
    acts: &mut A,
    server: &ServerId,
    disk: &DiskId,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Ended, Trouble> {
    let LastCopy { ended: mut last, quiesce } = acts.last_copy(server, disk, progress).await?;
    if quiesce.holds() {
        return Ok(last);
    }
    for _ in 1..STILL_PASSES {
        let again = acts.last_copy(server, disk, progress).await?;
        if again.quiesce.holds() || again.ended.result == last.result {
            return Ok(again.ended);
        }
        last = again.ended;
    }
    Err(Trouble::new(Class::CheckFailed, format!("the disk {disk} of {server} still changes while it is copied"))
        .hint("The source is untouched; its replica follows it, but is of no single moment yet.")
        .hint("Stop what still writes (services, timers, logs), or boot it from a rescue system; then repeat."))
}
