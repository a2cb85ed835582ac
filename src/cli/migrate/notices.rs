//! Tells people about a run, beside it and never in its way, and what falls due while no run is at work: each
//! receiver has a task and a short queue of its own, each attempt a limit, and what fails is tried again with growing
//! pauses.
//!
//! Of gates, waiting steps, failures and the end everybody is told at least once: what was told is journaled after it
//! was taken, so that a kill between the two tells it again, under the same key. That LTE carries and that a machine is
//! not off only the run that sees it can tell; that the time to go back is near, a run or a watch. What the end of
//! either cuts off is journaled as lost, and the next one tells it anew if it is still so.

use super::scene::{Replicas, Scene, Story, call};
use super::status;
use crate::cli::{Context, Lang};
use crate::failure::Failure;
use crate::journal::{Event, Journal};
use crate::migration::{Action, Ending, Notice, Record, RunError, Seen, Status, StepId, notice};
use crate::model::notify::Receiver;
use crate::model::{PersonId, ServerId};
use crate::untrusted::printable;
use crate::world::notify::deliver;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior};

/// Notices that wait for one receiver, at most.
const QUEUE: usize = 32;
/// How long one attempt may take.
const LIMIT: Duration = Duration::from_secs(15);
/// Pauses between attempts, in seconds; after the last one it is given up.
const PAUSES: [u64; 5] = [1, 4, 15, 60, 120];
/// How long a run that is over waits for what is not delivered yet: longer than one attempt.
const GRACE: Duration = Duration::from_secs(20);
/// Between two looks at the clock.
const TICK: Duration = Duration::from_secs(5);
/// A line that comes and goes is told of no more often than this.
const LTE_EVERY: SignedDuration = SignedDuration::from_mins(30);

/// What the run says to the office.
pub(super) enum Word {
    /// An event of which people are told was written.
    Event(Box<Event>),
    /// The LTE backup carries the copy of this server.
    Lte(ServerId),
    /// The run is over.
    Over(Over),
}

/// How it ended, as far as people are told.
pub(super) enum Over {
    Gate,
    Done,
    Withdrawing(ServerId, String),
    Otherwise,
}

impl Word {
    pub(super) fn over(ending: &Result<Ending, RunError>) -> Self {
        Word::Over(match ending {
            Ok(Ending::Gate) => Over::Gate,
            Ok(Ending::Done) => Over::Done,
            Ok(Ending::Withdrawing(server, trouble)) => Over::Withdrawing(server.clone(), trouble.reason()),
            _ => Over::Otherwise,
        })
    }
}

/// A notice on its way to one receiver.
struct Parcel {
    key: String,
    json: String,
    attempts: Arc<AtomicU32>,
}

/// What became of it.
struct Outcome {
    to: String,
    key: String,
    attempts: u32,
    end: Result<(), String>,
}

/// A receiver and its queue.
struct Desk {
    name: String,
    receiver: Receiver,
    queue: mpsc::Sender<Parcel>,
}

/// See the module.
pub(super) struct Office<'a> {
    scene: &'a Scene,
    journal: &'a Journal,
    operator: &'a str,
    context: &'a Context,
    desks: Vec<Desk>,
    /// The tasks at work; they end with the office.
    tasks: JoinSet<()>,
    back: mpsc::UnboundedSender<Outcome>,
    outcomes: mpsc::UnboundedReceiver<Outcome>,
    /// Key and receiver of what was told, could not be told, or is on its way.
    settled: BTreeSet<(String, String)>,
    /// What is on its way, by receiver and key, with the attempts so far.
    open: BTreeMap<(String, String), Arc<AtomicU32>>,
    lte: BTreeMap<ServerId, Timestamp>,
}

impl<'a> Office<'a> {
    /// The office of a run; none where nobody is told anything of this tenant.
    pub(super) fn open(
        scene: &'a Scene,
        journal: &'a Journal,
        operator: &'a PersonId,
        context: &'a Context,
    ) -> Option<Self> {
        let tenant = &scene.tenant.id;
        let receivers = scene.inventory.project.notify.iter();
        let mine = receivers.filter(|one| one.tenants.is_empty() || one.tenants.contains(tenant));
        let (back, outcomes) = mpsc::unbounded_channel();
        let (mut desks, mut tasks) = (Vec::<Desk>::new(), JoinSet::new());
        for receiver in mine {
            let same = desks.iter().filter(|desk| desk.receiver.name() == receiver.name()).count();
            let name = if same == 0 { receiver.name() } else { format!("{} ({})", receiver.name(), same + 1) };
            let (queue, parcels) = mpsc::channel(QUEUE);
            tasks.spawn(serve_one(name.clone(), receiver.clone(), context.root.clone(), parcels, back.clone()));
            desks.push(Desk { name, receiver: receiver.clone(), queue });
        }
        let (settled, lte, open) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let operator = operator.as_str();
        let office = Self { scene, journal, operator, context, desks, tasks, back, outcomes, settled, open, lte };
        (!office.desks.is_empty()).then_some(office)
    }

    /// Tells until the run is over, and a little longer.
    pub(super) async fn serve(mut self, mut words: mpsc::UnboundedReceiver<Word>) {
        if let Err(failure) = self.catch_up().await {
            self.cannot(&failure);
        }
        let mut ticks = ticks();
        loop {
            let heard = tokio::select! {
                Some(outcome) = self.outcomes.recv() => {
                    self.note(outcome).await;
                    continue;
                }
                word = words.recv() => match word {
                    Some(Word::Event(event)) => self.of_event(&event).await,
                    Some(Word::Lte(server)) => self.of_lte(&server).await,
                    Some(Word::Over(over)) => {
                        if let Err(failure) = self.of_end(over).await {
                            self.cannot(&failure);
                        }
                        break;
                    }
                    None => break,
                },
                _ = ticks.tick() => self.of_clock().await,
            };
            if let Err(failure) = heard {
                self.cannot(&failure);
            }
        }
        self.close().await;
    }

    /// Tells what falls due while no run is at work, until `ended`: what a run that was killed owed, and that the time
    /// to go back is near.
    pub(super) async fn keep_watch(mut self, ended: impl Future<Output = ()>) {
        tokio::pin!(ended);
        let mut ticks = ticks();
        loop {
            tokio::select! {
                () = &mut ended => break,
                Some(outcome) = self.outcomes.recv() => self.note(outcome).await,
                _ = ticks.tick() => {
                    if let Err(failure) = self.of_idle().await {
                        self.cannot(&failure);
                    }
                }
            }
        }
        self.close().await;
    }

    async fn of_idle(&mut self) -> Result<(), Failure> {
        // A run that is at work tells it.
        if self.journal.holder(&self.scene.subject()).await?.is_some() {
            return Ok(());
        }
        self.catch_up().await?;
        self.of_clock().await
    }

    /// A run goes on whatever keeps people from being told.
    fn cannot(&self, failure: &Failure) {
        let text = failure.render();
        self.context.ui.warn(&format!("nobody could be told: {}", printable(text.lines().next().unwrap_or_default())));
    }

    /// What a run that was killed still had to tell.
    async fn catch_up(&mut self) -> Result<(), Failure> {
        let events = self.journal.events(&self.scene.tenant.id).await?;
        self.settled.extend(notice::settled(&events));
        self.lte = notice::lte_told(&events);
        let now = self.journal.now();
        let owed: Vec<Event> =
            notice::news(&events, now).filter(|event| self.is_owed(event, &events)).cloned().collect();
        for event in owed {
            self.of_event(&event).await?;
        }
        Ok(())
    }

    fn is_owed(&self, event: &Event, events: &[Event]) -> bool {
        let Some(key) = notice::event_key(event, events) else { return false };
        self.desks.iter().any(|desk| !self.settled.contains(&(key.clone(), desk.name.clone())))
    }

    /// Where the migration stands, as if nobody were at work: that is us, and people are told what comes after.
    async fn look(&self) -> Result<(Story, Status), Failure> {
        let mut story = Story::open(self.scene, self.context).await?;
        story.holder = None;
        let status = status::with(self.scene, &story, &Replicas::new(), self.context)?;
        Ok((story, status))
    }

    fn seen<'s>(&'s self, status: &'s Status, call: &'s [String]) -> Seen<'s> {
        let tenant = &self.scene.tenant;
        Seen { name: &tenant.name, tenant: &tenant.id, status, call, now: self.journal.now() }
    }

    async fn of_event(&mut self, event: &Event) -> Result<(), Failure> {
        let (story, status) = self.look().await?;
        let step = event.data["step"].as_str().map(|step| StepId(step.to_owned()));
        let call = call(self.scene, step.as_ref());
        let notice = Notice::of_event(event, &story.events, &self.scene.plan, &self.seen(&status, &call));
        notice.into_iter().for_each(|notice| self.post(&notice));
        Ok(())
    }

    async fn of_lte(&mut self, server: &ServerId) -> Result<(), Failure> {
        let now = self.journal.now();
        if self.lte.get(server).is_some_and(|told| now.duration_since(*told) < LTE_EVERY) {
            return Ok(());
        }
        self.lte.insert(server.clone(), now);
        let (_, status) = self.look().await?;
        let call = self.call_of(&Action::Seed);
        let notice = Notice::of_lte(server, now, &self.seen(&status, &call));
        self.post(&notice);
        Ok(())
    }

    async fn of_clock(&mut self) -> Result<(), Failure> {
        let (windows, now) = (&self.scene.tenant.windows, self.journal.now());
        if !windows.iter().any(|window| notice::is_near(window, now)) {
            return Ok(());
        }
        let (story, status) = self.look().await?;
        let call = self.call_of(&Action::FinalSync);
        let due = notice::go_back_due(windows, &self.scene.plan, &story.state, now);
        let seen = self.seen(&status, &call);
        let notices: Vec<Notice> = due.iter().map(|due| Notice::of_go_back(due, &seen)).collect();
        notices.iter().for_each(|notice| self.post(notice));
        Ok(())
    }

    async fn of_end(&mut self, over: Over) -> Result<(), Failure> {
        if matches!(over, Over::Otherwise) {
            return Ok(());
        }
        let (story, status) = self.look().await?;
        let call = self.call_of(&Action::FinalSync);
        let seen = self.seen(&status, &call);
        let notice = match over {
            Over::Gate => Notice::of_gate(&seen),
            Over::Done => Some(Notice::of_done(story.state.digest.as_deref().unwrap_or_default(), &seen)),
            Over::Withdrawing(server, reason) => Some(Notice::of_withdrawal(&server, &reason, &seen)),
            Over::Otherwise => None,
        };
        notice.into_iter().for_each(|notice| self.post(&notice));
        Ok(())
    }

    /// Whom to call about the first step of a kind.
    fn call_of(&self, action: &Action) -> Vec<String> {
        let step = self.scene.plan.steps.iter().find(|step| step.action == *action);
        call(self.scene, step.map(|step| &step.id))
    }

    /// Puts a notice into the queue of everybody who wants it and does not have it.
    fn post(&mut self, notice: &Notice) {
        let json = notice.to_json(self.context.lang == Lang::It).to_string();
        for desk in &self.desks {
            let fresh = desk.receiver.wants(notice.occasion, &notice.tenant)
                && self.settled.insert((notice.key.clone(), desk.name.clone()));
            if !fresh {
                continue;
            }
            let attempts = Arc::<AtomicU32>::default();
            self.open.insert((desk.name.clone(), notice.key.clone()), attempts.clone());
            if desk.queue.try_send(Parcel { key: notice.key.clone(), json: json.clone(), attempts }).is_err() {
                let (to, key, end) = (desk.name.clone(), notice.key.clone(), Err("too many are waiting".to_owned()));
                // We hold the other end.
                let _ = self.back.send(Outcome { to, key, attempts: 0, end });
            }
        }
    }

    /// Writes down what became of a notice.
    async fn note(&mut self, outcome: Outcome) {
        let Outcome { to, key, attempts, end } = outcome;
        let sent = (to, key);
        self.open.remove(&sent);
        let (to, key) = sent;
        let record = match end {
            Ok(()) => Record::NoticeSent { key, to, attempts },
            Err(reason) => {
                self.context.ui.warn(&format!("notice {key} did not reach {to} ({attempts} attempts): {reason}"));
                Record::NoticeLost { key, to, attempts, reason }
            }
        };
        let (kind, data) = record.parts();
        // As a remark: a run that was taken over has told it all the same.
        if let Err(error) = self.journal.append(&self.scene.tenant.id, self.operator, &kind, data).await {
            self.cannot(&error.into());
        }
    }

    /// Waits a little for what is on its way.
    async fn close(mut self) {
        let until = Instant::now() + GRACE;
        while !self.open.is_empty() {
            match tokio::time::timeout_at(until, self.outcomes.recv()).await {
                Ok(Some(outcome)) => self.note(outcome).await,
                Ok(None) | Err(_) => break,
            }
        }
        self.tasks.shutdown().await;
        let (lost, owed): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.open).into_iter().partition(|((_, key), _)| notice::dies_with_run(key));
        for ((to, key), attempts) in lost {
            let (attempts, end) = (attempts.load(Ordering::Relaxed), Err(notice::RUN_OVER.to_owned()));
            self.note(Outcome { to, key, attempts, end }).await;
        }
        if !owed.is_empty() {
            let text = format!("{} notices are not delivered yet: the next `migrate run` tells them", owed.len());
            self.context.ui.warn(&text);
        }
    }
}

fn ticks() -> Interval {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Delivers to one receiver, one after the other.
async fn serve_one(
    to: String,
    receiver: Receiver,
    root: PathBuf,
    mut parcels: mpsc::Receiver<Parcel>,
    back: mpsc::UnboundedSender<Outcome>,
) {
    while let Some(Parcel { key, json, attempts }) = parcels.recv().await {
        let mut pauses = PAUSES.iter();
        let end = loop {
            let pause = pauses.next();
            attempts.fetch_add(1, Ordering::Relaxed);
            match (deliver(&receiver.way, &json, &root, LIMIT).await, pause) {
                (Ok(()), _) => break Ok(()),
                (Err(error), Some(pause)) if error.again => tokio::time::sleep(Duration::from_secs(*pause)).await,
                (Err(error), _) => break Err(error.reason),
            }
        };
        let attempts = attempts.load(Ordering::Relaxed);
        if back.send(Outcome { to: to.clone(), key, attempts, end }).is_err() {
            return;
        }
    }
}
