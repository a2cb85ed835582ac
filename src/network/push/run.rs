//! The one loop that acts: look at the router, decide, an event, the act.
//!
//! It may be killed at any instruction, and any connection may be cut at any byte: what was done is
//! seen on the router, never assumed. Every future may be dropped at any await. World, journal and
//! clock come in as traits, so that a test can cut and kill at each of their calls.

use super::campaign::{Campaign, Task};
use super::change::{Change, Way};
use super::expect::Expect;
use super::record::{Leg, Record};
use super::router::{Done, Kind, Router, Trouble};
use super::{ATTEMPTS, Act, End, Halt, Memory, Observed, next};
use crate::digest::sha256;
use crate::model::router_access::Which;
use crate::network::diff::Refused;
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

/// The routers, each reached on a new connection.
pub trait Field: Send {
    /// A session with a router.
    type Router: Router;

    /// Connects to the router with this host name.
    fn connect(&mut self, router: &str) -> impl Future<Output = Done<Self::Router>> + Send;
}

/// Where the operator sits: journal, leases, clock and screen.
pub trait Desk: Send {
    /// Why nothing can be written, or is ours no more.
    type Error: Send;

    /// Writes an event; it is durable when this returns.
    fn write(&mut self, record: &Record) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Makes sure that every lease is still ours.
    fn still_ours(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Whether the operator wants to stop.
    fn stopped(&self) -> bool;

    /// Time since some moment, which only grows.
    fn now(&self) -> Duration;

    /// Waits.
    fn sleep(&mut self, time: Duration) -> impl Future<Output = ()> + Send;

    /// A line was taken: so many of so many.
    fn line(&mut self, router: &str, done: usize, of: usize);

    /// A router cannot be reached at the moment.
    fn waiting(&mut self, router: &str, why: &Trouble);

    /// Not everything is yet as expected: what is not.
    fn unmet(&mut self, router: &str, unmet: &[String]);
}

/// How long a push waits.
#[derive(Debug, Clone, Copy)]
pub struct Tempo {
    /// For a router that cannot be reached, beyond its revert timer.
    pub reach: Duration,
    /// The first wait before another attempt to connect; each is twice the one before, up to `retry_most`.
    pub retry: Duration,
    /// The longest wait between two attempts.
    pub retry_most: Duration,
    /// For what is expected of a router to come true.
    pub settle: Duration,
    /// Between two looks.
    pub look: Duration,
}

impl Default for Tempo {
    fn default() -> Self {
        Self {
            reach: Duration::from_secs(120),
            retry: Duration::from_millis(100),
            retry_most: Duration::from_secs(5),
            settle: Duration::from_secs(150),
            look: Duration::from_secs(3),
        }
    }
}

/// How a push ended.
#[derive(Debug)]
pub enum Ending {
    /// Every router is as wanted, or every one is as it was and why.
    Over(End, Option<String>),
    /// A person has to look at this router; which leg it was on.
    Halted(Leg, Halt),
    /// This router cannot be reached; which leg it was on, and whether its timer runs.
    Unreachable(Leg, Trouble),
    /// A router refuses what no retry changes.
    Refused(Leg, Trouble),
}

/// Why a push could not go on at all.
#[derive(Debug)]
pub enum PushError<E> {
    /// The journal cannot be written, or somebody took over.
    Desk(E),
    /// The lines of a change do not fit the configuration that it was made for.
    Unfit(Refused),
}

impl<E> From<Refused> for PushError<E> {
    fn from(refused: Refused) -> Self {
        PushError::Unfit(refused)
    }
}

/// A push.
pub struct Pusher<F, D> {
    /// The routers.
    pub field: F,
    /// The operator's.
    pub desk: D,
    /// How long to wait.
    pub tempo: Tempo,
}

/// How a leg ended.
enum Driven {
    /// At an end, with the digest of its picture.
    Done(End, String),
    /// Confirmed and then failed: only its way back is left.
    TakeBack(String),
    Halted(Halt),
    Unreachable(Trouble),
    Refused(Trouble),
}

/// Why a connection was left.
enum Left {
    /// The next look needs a new connection.
    Anew,
    /// The leg is over.
    Over(Driven),
}

/// Acts on one router before the push gives up: far more than any way needs.
const MOST_ACTS: usize = 60;

impl<F: Field, D: Desk> Pusher<F, D> {
    /// Goes on with `campaign` until it is over, or only a person can go on.
    ///
    /// # Errors
    /// The journal, or a change that does not fit. Trouble with a router is no error but an [`Ending`].
    pub async fn run(&mut self, campaign: &mut Campaign) -> Result<Ending, PushError<D::Error>> {
        loop {
            let (at, leg, memory) = match campaign.task() {
                Task::Drive { at, leg, memory } => (at, leg, memory),
                Task::Over(end, reason) => {
                    let run = campaign.begun.run.clone();
                    self.write(campaign, Record::Ended { run, end, reason: reason.clone() }).await?;
                    return Ok(Ending::Over(end, reason));
                }
            };
            let Some(change) = campaign.begun.changes.get(at).cloned() else {
                return Ok(Ending::Over(End::Old, None));
            };
            if let Some(ending) = self.leg(campaign, &change, leg, memory).await? {
                return Ok(ending);
            }
        }
    }

    /// One router in one direction; none when it is settled.
    async fn leg(
        &mut self,
        campaign: &mut Campaign,
        change: &Change,
        leg: Leg,
        memory: Memory,
    ) -> Result<Option<Ending>, PushError<D::Error>> {
        let returning = !leg.back && campaign.is_returning(&leg.router);
        let driven = match (leg.back, returning) {
            (true, _) => self.drive(campaign, &change.reversed()?, &leg, memory).await?,
            (false, true) => Driven::TakeBack(memory.failed.unwrap_or_default()),
            (false, false) => self.drive(campaign, change, &leg, memory).await?,
        };
        let (end, picture) = match driven {
            Driven::Done(end, picture) => (end, picture),
            Driven::TakeBack(reason) => {
                let back = Leg { back: true, ..leg.clone() };
                if !campaign.is_returning(&leg.router) {
                    self.write(campaign, Record::Returning { leg: back.clone() }).await?;
                }
                let mut memory = campaign.memory_back(&leg.router);
                memory.unsaved_accepted = true;
                match self.drive(campaign, &change.reversed()?, &back, memory).await? {
                    Driven::Done(End::New, picture) => (End::Old, picture),
                    Driven::Done(End::Old, _) | Driven::TakeBack(_) => {
                        let why = format!("{reason}; and it could not be taken back");
                        return Ok(Some(Ending::Halted(back, Halt::Drifted(vec![why]))));
                    }
                    other => return Ok(Some(ended(back, other))),
                }
            }
            other => return Ok(Some(ended(leg, other))),
        };
        let stuck = leg.back && end == End::Old;
        let settled = Record::Settled { leg: leg.clone(), end, picture };
        self.write(campaign, settled).await?;
        if stuck {
            let why = "it could not be taken back: its new configuration is confirmed and saved".to_owned();
            return Ok(Some(Ending::Halted(leg, Halt::Drifted(vec![why]))));
        }
        Ok(None)
    }

    /// Looks and acts until the router is at one end.
    async fn drive(
        &mut self,
        campaign: &mut Campaign,
        change: &Change,
        leg: &Leg,
        mut memory: Memory,
    ) -> Result<Driven, PushError<D::Error>> {
        let way = change.way()?;
        let mut acts = 0;
        loop {
            let mut router = match self.reach(campaign.begun.minutes, &leg.router).await {
                Ok(router) => router,
                Err(error) if error.kind == Kind::Lost => return Ok(Driven::Unreachable(error)),
                Err(error) => return Ok(Driven::Refused(error)),
            };
            // One connection, as long as it is good.
            loop {
                acts += 1;
                if acts > MOST_ACTS {
                    return Ok(Driven::Halted(Halt::Between));
                }
                let seen = match observe(&mut router, &way).await {
                    Ok(seen) => seen,
                    Err(error) if error.kind == Kind::Lost => break,
                    Err(error) => return Ok(Driven::Refused(error)),
                };
                self.desk.still_ours().await.map_err(PushError::Desk)?;
                let act = next(&seen, &memory);
                if let Act::Done(end) = act {
                    let picture = if end == End::New { way.wanted() } else { way.old() };
                    return Ok(Driven::Done(end, sha256(picture.to_string().as_bytes())));
                }
                match self.act(campaign, change, leg, &mut memory, &mut router, act).await? {
                    None => {}
                    Some(Left::Anew) => break,
                    Some(Left::Over(driven)) => return Ok(driven),
                }
            }
        }
    }

    /// One act, with its events.
    async fn act(
        &mut self,
        campaign: &mut Campaign,
        change: &Change,
        leg: &Leg,
        memory: &mut Memory,
        router: &mut F::Router,
        act: Act,
    ) -> Result<Option<Left>, PushError<D::Error>> {
        match act {
            // Its caller returns before.
            Act::Done(end) => Ok(Some(Left::Over(Driven::Done(end, String::new())))),
            Act::Stop(halt) => Ok(Some(Left::Over(Driven::Halted(halt)))),
            Act::TakeBack => {
                let reason = memory.failed.clone().unwrap_or_default();
                Ok(Some(Left::Over(if leg.back { Driven::Halted(Halt::Between) } else { Driven::TakeBack(reason) })))
            }
            Act::GiveUp(lines) => {
                let reason = format!("all lines were taken, but do not lead where they should: {}", lines.join("; "));
                self.failed(campaign, leg, memory, reason).await?;
                Ok(None)
            }
            Act::Begin => self.begin(campaign, change, leg, memory, router).await,
            Act::Check => match self.check(&leg.router, router, &change.expects).await {
                Ok(Ok(holds)) => {
                    self.write(campaign, Record::Checked { leg: leg.clone(), holds }).await?;
                    memory.checked = true;
                    Ok(None)
                }
                Ok(Err(unmet)) => {
                    let reason = format!("what was expected did not come true: {}", unmet.join("; "));
                    self.failed(campaign, leg, memory, reason).await?;
                    Ok(None)
                }
                Err(error) => self.trouble(campaign, leg, memory, error).await,
            },
            Act::Confirm => {
                self.write(campaign, Record::Confirming { leg: leg.clone() }).await?;
                memory.confirming = true;
                let done = router.confirm().await;
                // A timer that ran out meanwhile leaves nothing to confirm: the next look tells.
                self.done_or_seen(campaign, leg, memory, done).await
            }
            Act::RevertNow => {
                self.write(campaign, Record::Reverting { leg: leg.clone() }).await?;
                let done = router.revert_now().await;
                self.done_or_seen(campaign, leg, memory, done).await
            }
            Act::Restore => {
                self.write(campaign, Record::Reverting { leg: leg.clone() }).await?;
                match router.restore_startup().await {
                    Ok(()) => Ok(None),
                    Err(error) if error.kind == Kind::Lost => Ok(Some(Left::Anew)),
                    Err(_) => Ok(Some(Left::Over(Driven::Halted(Halt::Between)))),
                }
            }
            Act::Save => match router.save().await {
                Ok(()) => Ok(None),
                Err(error) => self.unsaved(campaign, leg, memory, error).await,
            },
        }
    }

    async fn begin(
        &mut self,
        campaign: &mut Campaign,
        change: &Change,
        leg: &Leg,
        memory: &mut Memory,
        router: &mut F::Router,
    ) -> Result<Option<Left>, PushError<D::Error>> {
        if self.desk.stopped() {
            self.failed(campaign, leg, memory, INTERRUPTED.to_owned()).await?;
            return Ok(None);
        }
        if memory.attempts >= ATTEMPTS {
            let reason = format!("the connection was lost {ATTEMPTS} times while the lines were sent");
            self.failed(campaign, leg, memory, reason).await?;
            return Ok(None);
        }
        memory.attempts += 1;
        memory.begins();
        let minutes = campaign.begun.minutes;
        self.write(campaign, Record::Opening { leg: leg.clone(), minutes }).await?;
        match self.enter(change, leg, router, minutes).await {
            Ok(()) => {
                self.write(campaign, Record::Entered { leg: leg.clone() }).await?;
                memory.entered = true;
                Ok(Some(Left::Anew))
            }
            Err(Unentered::Interrupted) => {
                self.failed(campaign, leg, memory, INTERRUPTED.to_owned()).await?;
                Ok(Some(Left::Anew))
            }
            Err(Unentered::NotUp(track)) => {
                let reason = format!("the tracked object {track}, made anew, did not come up");
                self.failed(campaign, leg, memory, reason).await?;
                Ok(Some(Left::Anew))
            }
            Err(Unentered::Router(error)) => {
                self.trouble(campaign, leg, memory, error).await?;
                // The session may be anywhere in the configuration: it is left.
                Ok(Some(Left::Anew))
            }
        }
    }

    /// Archive, timer, lines.
    async fn enter(
        &mut self,
        change: &Change,
        leg: &Leg,
        router: &mut F::Router,
        minutes: u16,
    ) -> Result<(), Unentered> {
        router.archive().await?;
        router.configure(minutes).await?;
        for (at, line) in change.lines.iter().enumerate() {
            if self.desk.stopped() {
                return Err(Unentered::Interrupted);
            }
            for track in change.waits.iter().filter(|(before, _)| *before == at).flat_map(|(_, tracks)| tracks) {
                self.wait_up(router, *track).await?;
            }
            router.line(line).await?;
            self.desk.line(&leg.router, at + 1, change.lines.len());
        }
        router.end().await?;
        Ok(())
    }

    /// Waits for a tracked object that was made anew: what depends on it is withdrawn until it is up.
    async fn wait_up(&mut self, router: &mut F::Router, number: u16) -> Result<(), Unentered> {
        let expect = Expect::Track { number };
        let until = self.desk.now() + self.tempo.settle;
        loop {
            let answer = router.show(&format!("do {}", expect.command())).await?;
            if expect.holds(&answer).is_ok() {
                return Ok(());
            }
            if self.desk.now() >= until {
                return Err(Unentered::NotUp(number));
            }
            self.desk.sleep(self.tempo.look).await;
        }
    }

    /// Looks until everything expected is true, or the patience is over: what holds, or what does not.
    async fn check(
        &mut self,
        name: &str,
        router: &mut F::Router,
        expects: &[Expect],
    ) -> Result<Result<Vec<String>, Vec<String>>, Trouble> {
        let until = self.desk.now() + self.tempo.settle;
        loop {
            let unmet = unmet(router, expects).await?;
            if unmet.is_empty() {
                return Ok(Ok(expects.iter().map(ToString::to_string).collect()));
            }
            if self.desk.now() >= until || self.desk.stopped() {
                return Ok(Err(unmet));
            }
            self.desk.unmet(name, &unmet);
            self.desk.sleep(self.tempo.look).await;
        }
    }

    /// After an act whose outcome the next look tells: only a lost connection needs another one.
    async fn done_or_seen(
        &mut self,
        campaign: &mut Campaign,
        leg: &Leg,
        memory: &mut Memory,
        done: Result<(), Trouble>,
    ) -> Result<Option<Left>, PushError<D::Error>> {
        match done {
            Ok(()) => Ok(None),
            Err(error) if error.kind == Kind::Lost => Ok(Some(Left::Anew)),
            Err(error) if error.kind == Kind::NothingPending => Ok(None),
            Err(error) => {
                self.trouble(campaign, leg, memory, error).await?;
                Ok(Some(Left::Anew))
            }
        }
    }

    /// What was refused is not tried again: the router goes back.
    async fn trouble(
        &mut self,
        campaign: &mut Campaign,
        leg: &Leg,
        memory: &mut Memory,
        error: Trouble,
    ) -> Result<Option<Left>, PushError<D::Error>> {
        if error.kind != Kind::Lost {
            self.failed(campaign, leg, memory, error.text.clone()).await?;
        }
        Ok(Some(Left::Anew))
    }

    /// A configuration that cannot be saved: the router goes back to the one that is saved. One that
    /// is on its way back already waits for a person.
    async fn unsaved(
        &mut self,
        campaign: &mut Campaign,
        leg: &Leg,
        memory: &mut Memory,
        error: Trouble,
    ) -> Result<Option<Left>, PushError<D::Error>> {
        if error.kind == Kind::Lost {
            return Ok(Some(Left::Anew));
        }
        if memory.failed.is_some() || leg.back {
            return Ok(Some(Left::Over(Driven::Refused(error))));
        }
        self.failed(campaign, leg, memory, error.text.clone()).await?;
        Ok(None)
    }

    async fn failed(
        &mut self,
        campaign: &mut Campaign,
        leg: &Leg,
        memory: &mut Memory,
        reason: String,
    ) -> Result<(), PushError<D::Error>> {
        if memory.failed.is_none() {
            self.write(campaign, Record::Failed { leg: leg.clone(), reason: reason.clone() }).await?;
            memory.failed = Some(reason);
        }
        Ok(())
    }

    /// A new connection, tried until the revert timer has run out for certain.
    async fn reach(&mut self, minutes: u16, name: &str) -> Result<F::Router, Trouble> {
        let until = self.desk.now() + self.tempo.reach + Duration::from_secs(60 * u64::from(minutes));
        let mut wait = self.tempo.retry;
        loop {
            match self.field.connect(name).await {
                Ok(router) => return Ok(router),
                Err(error) if error.kind != Kind::Lost || self.desk.now() >= until || self.desk.stopped() => {
                    return Err(error);
                }
                Err(error) => self.desk.waiting(name, &error),
            }
            self.desk.sleep(wait).await;
            wait = (wait * 2).min(self.tempo.retry_most);
        }
    }

    async fn write(&mut self, campaign: &mut Campaign, record: Record) -> Result<(), PushError<D::Error>> {
        self.desk.write(&record).await.map_err(PushError::Desk)?;
        campaign.note(&record);
        Ok(())
    }
}

/// Why a router goes back although nothing is wrong with it.
pub const INTERRUPTED: &str = "interrupted";

/// Why the lines are not all in.
enum Unentered {
    Interrupted,
    NotUp(u16),
    Router(Trouble),
}

impl From<Trouble> for Unentered {
    fn from(error: Trouble) -> Self {
        Unentered::Router(error)
    }
}

fn ended(leg: Leg, driven: Driven) -> Ending {
    match driven {
        Driven::Halted(halt) => Ending::Halted(leg, halt),
        Driven::Unreachable(error) => Ending::Unreachable(leg, error),
        Driven::Refused(error) => Ending::Refused(leg, error),
        Driven::Done(..) | Driven::TakeBack(_) => Ending::Halted(leg, Halt::Between),
    }
}

/// What the router shows of a change, in one look. The timer comes last: one that runs out between
/// the looks is seen as gone, and then what runs is looked at once more.
async fn observe<R: Router>(router: &mut R, way: &Way) -> Result<Observed, Trouble> {
    let before = router.revert_timer().await?;
    let mut running = way.place(&router.configuration(Which::Running).await?);
    let startup = way.place(&router.configuration(Which::Startup).await?);
    let timer = router.revert_timer().await?;
    if before.is_some() && timer.is_none() {
        running = way.place(&router.configuration(Which::Running).await?);
    }
    Ok(Observed { timer, running, startup })
}

/// What of `expects` is not so, in words; every command is sent once.
pub async fn unmet<R: Router>(router: &mut R, expects: &[Expect]) -> Result<Vec<String>, Trouble> {
    let mut answers: BTreeMap<String, String> = BTreeMap::new();
    let mut unmet = Vec::new();
    for expect in expects {
        let command = expect.command();
        if !answers.contains_key(&command) {
            let answer = router.show(&command).await?;
            answers.insert(command.clone(), answer);
        }
        let answer = answers.get(&command).map(String::as_str).unwrap_or_default();
        if let Err(found) = expect.holds(answer) {
            unmet.push(format!("{expect}, but {found}"));
        }
    }
    Ok(unmet)
}
