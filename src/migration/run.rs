//! The one loop that acts: next step, an event before it, the act, an event after it.
//!
//! It may be killed at any instruction. Whatever the next run finds begun and not ended is done
//! again, after a look at what is there: every act is safe to repeat.

mod acts;
mod address;
mod copy;
mod cutover;
mod manual;

pub use acts::{Acts, AddressSeen, Ended, LastCopy, Progress, Raised, Reading, Routing, Trouble};
pub use cutover::Tempo;

use super::forecast::{Evidence, Forecast, Known};
use super::hours;
use super::next::{Next, Scope, next, overdue_tests};
use super::order::{held, nobody_moves};
use super::plan::{Plan, Step, StepId};
use super::playbook::Action;
use super::record::{self, Class, Record, Stop};
use super::state::{IllegalEvent, RunState};
use crate::journal::{Event, Journal, JournalError, Lease};
use crate::model::ServerId;
use crate::model::project::Project;
use crate::model::tenant::Tenant;
use copy::{final_sync, patient_copy, verified, verified_lately};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::watch;

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
    /// The machine of a server that was taken back is not off yet: nothing else is done before.
    Withdrawing(ServerId, Trouble),
    /// Steps failed or were left out; nothing more can be done in this run.
    Blocked(Vec<(StepId, Trouble)>),
    /// It was interrupted or paused.
    Stopped(Stop),
    /// Every server was taken back: nothing is to be done until one moves again.
    Nobody,
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

/// What says in which hours servers move, and whether a step ends in time.
#[derive(Debug, Clone, Copy)]
pub struct Hours<'a> {
    /// The project, with its calendar of rates.
    pub project: &'a Project,
    /// The tenant, with its windows.
    pub tenant: &'a Tenant,
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
    /// How it waits for people at a source.
    pub tempo: Tempo,
    /// When servers move.
    pub hours: Hours<'a>,
}

impl<A: Acts, O: Observer> Runner<'_, A, O> {
    /// Goes on to the next gate.
    ///
    /// # Errors
    /// The journal fails or contradicts the plan. Trouble with a step is no error but an [`Ending`].
    pub async fn run(&mut self) -> Result<Ending, RunError> {
        let mut troubles = Vec::new();
        loop {
            let events = self.journal.events(&self.plan.tenant).await?;
            let state = RunState::of(&events)?;
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
                // No test machine outlives its test.
                Next::Act(step) if nobody_moves(self.plan, &state) && step.action != Action::EndTest => {
                    return Ok(Ending::Nobody);
                }
                Next::Gate(_) if nobody_moves(self.plan, &state) => return Ok(Ending::Nobody),
                Next::Act(step) => step,
                Next::Withdraw(_) => match self.withdraw_all().await? {
                    None => continue,
                    Some(ending) => return Ok(ending),
                },
                Next::Gate(_) => return Ok(Ending::Gate),
                Next::Blocked(left) => {
                    let held = left.into_iter().filter_map(|step| self.held(step, &state));
                    troubles.extend(held);
                    return Ok(Ending::Blocked(troubles));
                }
                Next::Done => return Ok(Ending::Done),
            };
            let left = match self.too_late(step, &state, &events)? {
                Some(trouble) => Some(Left::Trouble(trouble)),
                None => self.step(step, &state).await?,
            };
            match left {
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

    /// Takes the machines of servers that were taken back off the network, and nothing else; how it ended, if
    /// not well. One that cannot be taken off holds up no other: the first trouble is told at the end.
    ///
    /// # Errors
    /// The journal fails or contradicts the plan.
    pub async fn withdraw_all(&mut self) -> Result<Option<Ending>, RunError> {
        let mut first = None;
        loop {
            let state = RunState::of(&self.journal.events(&self.plan.tenant).await?)?;
            let Next::Withdraw(server) = next(self.plan, &state, &self.scope, self.journal.now()) else {
                return Ok(first);
            };
            match self.withdraw(server, &state).await? {
                None => {}
                Some(Left::Stopped(why)) => return Ok(Some(Ending::Stopped(why))),
                Some(Left::Unwritten(trouble)) => return Ok(Some(Ending::Withdrawing(server.clone(), trouble))),
                Some(Left::Trouble(trouble)) => {
                    self.scope.failed.insert(server.clone());
                    first.get_or_insert(Ending::Withdrawing(server.clone(), trouble));
                }
            }
        }
    }

    /// Why a step of the move does not begin at this hour; nothing is written about it.
    fn too_late(&self, step: &Step, state: &RunState, events: &[Event]) -> Result<Option<Trouble>, RunError> {
        let Hours { project, tenant } = self.hours;
        if tenant.windows.is_empty() || !hours::is_move(&step.action) {
            return Ok(None);
        }
        let (now, evidence) = (self.journal.now(), Evidence::of(events, self.plan)?);
        let forecast = Forecast::of(tenant, self.plan, &Known { project, evidence: &evidence, now, begin: now });
        let wait = hours::wait(&tenant.windows, &forecast, state, step, now);
        Ok(wait.map(|wait| {
            let hints = wait.hints(&tenant.id);
            hints.into_iter().fold(Trouble::new(Class::Waiting, wait), Trouble::hint)
        }))
    }

    /// Why a server whose turn it is waits for people to name it; nothing is written about it.
    fn held(&self, step: &Step, state: &RunState) -> Option<(StepId, Trouble)> {
        let open = |server: &ServerId| self.scope.only.is_none() && !self.scope.failed.contains(server);
        let held = held(self.plan, state, step).filter(|held| open(&held.server))?;
        let hints = held.hints(&self.plan.tenant);
        Some((step.id.clone(), hints.into_iter().fold(Trouble::new(Class::Waiting, held), Trouble::hint)))
    }

    /// One step, between its two events.
    async fn step(&mut self, step: &Step, state: &RunState) -> Result<Option<Left>, RunError> {
        let mut observed = self.acts.observe(step).await;
        // That nobody could be asked is known too: only what an older program began says nothing.
        if step.action == Action::Boot && observed.is_null() {
            observed = json!({ "connected": Value::Null });
        }
        self.write(Record::StepStarted { step: step.id.clone(), observed: observed.clone() }).await?;
        let (journal, plan, tempo) = (self.journal, self.plan, self.tempo);
        let (lease, operator, now) = (self.lease, self.operator, journal.now());
        let scene = Scene { journal, lease, operator, plan, state, now, step, observed: &observed, tempo };
        let acted = tokio::select! {
            biased;
            why = stopped(self.journal, self.lease, self.plan, self.stop.clone(), tempo.pause_every) => Err(Left::Stopped(why?)),
            acted = act(&mut self.acts, &mut self.observer, &scene) => acted.map_err(Left::Trouble),
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

    /// Takes the machine of a server that was taken back off the network; an event when it is off.
    async fn withdraw(&mut self, server: &ServerId, state: &RunState) -> Result<Option<Left>, RunError> {
        let (plan, tempo) = (self.plan, self.tempo);
        let acts = &mut self.acts;
        let off = async {
            // The machine of one that is replaced is not ours: people take its address, and it is looked at.
            if plan.is_replaced(server) {
                let before = address::answered(plan, state, server);
                return address::given_up(acts, before, server, tempo).await;
            }
            acts.withdraw(server).await
        };
        let withdrawn = tokio::select! {
            biased;
            why = interrupted(self.journal, self.lease, self.stop.clone(), self.tempo.pause_every) => return Ok(Some(Left::Stopped(why?))),
            withdrawn = off => withdrawn,
        };
        match withdrawn {
            Ok(facts) => self.write(Record::ServerWithdrawn { server: server.clone(), facts }).await.map(|()| None),
            Err(trouble) => Ok(Some(Left::Trouble(trouble))),
        }
    }

    async fn failed(&mut self, step: StepId, trouble: Trouble) -> Result<Option<Left>, RunError> {
        let record = if trouble.class == Class::Waiting {
            Record::StepStopped { step, why: Stop::Waiting }
        } else {
            let (reason, hints) = (trouble.reason(), trouble.advice());
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

/// Ends when the operator wants to stop or somebody took the run over. A pause does not hold up what makes
/// things safe.
async fn interrupted(
    journal: &Journal,
    lease: &Lease,
    mut stop: watch::Receiver<bool>,
    every: Duration,
) -> Result<Stop, RunError> {
    loop {
        tokio::select! {
            Ok(_) = stop.wait_for(|stop| *stop) => return Ok(Stop::Interrupted),
            () = tokio::time::sleep(every) => {}
        }
        journal.still_ours(lease).await?;
    }
}

/// Ends when the operator wants to stop, somebody paused the run, or took it over.
async fn stopped(
    journal: &Journal,
    lease: &Lease,
    plan: &Plan,
    mut stop: watch::Receiver<bool>,
    every: Duration,
) -> Result<Stop, RunError> {
    loop {
        tokio::select! {
            // A sender that is gone can stop nothing any more: the clock below goes on.
            Ok(_) = stop.wait_for(|stop| *stop) => return Ok(Stop::Interrupted),
            () = tokio::time::sleep(every) => {}
        }
        journal.still_ours(lease).await?;
        let state = RunState::of(&journal.events(&plan.tenant).await?)?;
        if state.paused.is_some() {
            return Ok(Stop::Paused);
        }
    }
}

/// What an act is done with.
struct Scene<'a> {
    journal: &'a Journal,
    lease: &'a Lease,
    operator: &'a str,
    plan: &'a Plan,
    state: &'a RunState,
    now: Timestamp,
    step: &'a Step,
    /// What was found before the act.
    observed: &'a Value,
    tempo: Tempo,
}

/// The act of a step: the table of contents of a migration.
async fn act<A: Acts, O: Observer>(acts: &mut A, observer: &mut O, scene: &Scene<'_>) -> Result<Acted, Trouble> {
    let step = scene.step;
    let mut progress = |progress| observer.progress(step, progress);
    let of_disk = || step.of_disk().ok_or_else(|| Trouble::new(Class::Failed, "the step names no disk"));
    let of_server = || step.server.as_ref().ok_or_else(|| Trouble::new(Class::Failed, "the step names no server"));
    let ended = match &step.action {
        Action::PrepareLanding => acts.prepare().await,
        Action::Checklist { checklist } => acts.check(*checklist).await,
        Action::Seed | Action::Sync | Action::FinalSync if step.disk.is_none() => {
            if step.action == Action::FinalSync {
                manual::directory_is_down(acts, scene, of_server()?).await?;
            }
            cutover::transfer(acts, scene, of_server()?, &mut progress).await
        }
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
        Action::TestLaunch => acts.launch_test(of_server()?, &mut progress).await,
        Action::EndTest => end_tests(acts, scene).await,
        Action::FinalSync => {
            let (server, disk) = of_disk()?;
            verified_lately(scene.state, server, disk, scene.now)?;
            manual::directory_is_down(acts, scene, server).await?;
            final_sync(acts, server, disk, &mut progress).await
        }
        Action::Convert => acts.convert(of_server()?, &mut progress).await,
        Action::Fence => cutover::fence(acts, scene, of_server()?, &mut progress).await,
        Action::Route => cutover::route(acts, scene, of_server()?).await,
        Action::Boot => cutover::boot(acts, scene, of_server()?, &mut progress).await,
        Action::Relocate => acts.relocate(of_server()?, &mut progress).await,
        Action::Manual(manual) => manual::confirmed(acts, scene, manual).await,
        // A gate is never acted on: people sign it.
        Action::Gate(gate) => Err(Trouble::new(Class::Waiting, format!("gate {} waits for signatures", gate.gate))),
    };
    Ok(Acted { ended, reading: None })
}

async fn end_tests<A: Acts>(acts: &mut A, scene: &Scene<'_>) -> Result<Ended, Trouble> {
    let expired = overdue_tests(scene.plan, scene.state, scene.now).is_some();
    let mut facts = acts.end_tests().await?;
    facts["expired"] = json!(expired);
    Ok(Ended { result: record::Result::TestsEnded { expired }, facts })
}
