//! The one loop that acts: look at the router, decide, an event, the act.
//!
//! It may be killed at any instruction, and any connection may be cut at any byte: what was done is
//! seen on the router, never assumed. Every future may be dropped at any await. World, journal and
//! clock come in as traits, so that a test can cut and kill at each of their calls.

mod act;
mod enter;
mod look;

pub use look::{Unmet, unmet};

use super::campaign::{Campaign, Task};
use super::change::Change;
use super::record::{Leg, Record};
use super::router::{Done, Kind, Router, Trouble};
use super::{Act, End, Halt, Memory, next};
use crate::digest::sha256;
use crate::network::diff::Refused;
use look::observe;
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

    /// Time since some moment, which only grows, also while this machine sleeps.
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
    /// The push cannot go on.
    Stopped(Ending),
}

/// Why a connection was left.
enum Left {
    /// The next look needs a new connection.
    Anew,
    /// The leg is over.
    Over(Driven),
}

/// A router on its way: what is done with it, and what is known of it.
struct Trip<'c> {
    change: &'c Change,
    leg: &'c Leg,
    memory: Memory,
}

/// Acts on one router before the push gives up: far more than any way needs.
const MOST_ACTS: usize = 60;

/// Why a router goes back although nothing is wrong with it.
pub const INTERRUPTED: &str = "interrupted";

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
            (true, _) => self.drive(campaign, Trip { change: &change.reversed()?, leg: &leg, memory }).await?,
            (false, true) => Driven::TakeBack(memory.failed.unwrap_or_default()),
            (false, false) => self.drive(campaign, Trip { change, leg: &leg, memory }).await?,
        };
        let (end, picture) = match driven {
            Driven::Done(end, picture) => (end, picture),
            Driven::Stopped(ending) => return Ok(Some(ending)),
            Driven::TakeBack(reason) => match self.take_back(campaign, change, &leg, reason).await? {
                Ok(picture) => (End::Old, picture),
                Err(ending) => return Ok(Some(ending)),
            },
        };
        let settled = Record::Settled { leg: leg.clone(), end, picture };
        self.write(campaign, settled).await?;
        if leg.back && end == End::Old {
            let why = campaign.memory_back(&leg.router).failed.unwrap_or_default();
            return Ok(Some(Ending::Halted(leg, Halt::Stuck(why))));
        }
        Ok(None)
    }

    /// Takes back a router that was confirmed and then failed; gives the digest of its old picture.
    async fn take_back(
        &mut self,
        campaign: &mut Campaign,
        change: &Change,
        leg: &Leg,
        reason: String,
    ) -> Result<Result<String, Ending>, PushError<D::Error>> {
        let back = Leg { back: true, ..leg.clone() };
        if !campaign.is_returning(&leg.router) {
            self.write(campaign, Record::Returning { leg: back.clone() }).await?;
        }
        // What failed the last time is tried once more.
        let mut memory = Memory { failed: None, ..campaign.memory_back(&leg.router) };
        memory.unsaved_accepted = true;
        Ok(match self.drive(campaign, Trip { change: &change.reversed()?, leg: &back, memory }).await? {
            Driven::Done(End::New, picture) => Ok(picture),
            Driven::Done(End::Old, _) | Driven::TakeBack(_) => Err(Ending::Halted(back, Halt::Stuck(reason))),
            Driven::Stopped(ending) => Err(ending),
        })
    }

    /// Looks and acts until the router is at one end.
    async fn drive(&mut self, campaign: &mut Campaign, mut trip: Trip<'_>) -> Result<Driven, PushError<D::Error>> {
        let way = trip.change.way()?;
        let mut acts = 0;
        loop {
            let mut router = match self.reach(campaign.begun.minutes, trip.leg).await {
                Ok(router) => router,
                Err(error) => return Ok(Driven::Stopped(unreached(trip.leg, error))),
            };
            // One connection, as long as it is good.
            loop {
                let seen = match observe(&mut router, &way, self.desk.now()).await {
                    Ok(seen) => seen,
                    Err(error) if error.kind == Kind::Lost => break,
                    Err(error) => return Ok(Driven::Stopped(unreached(trip.leg, error))),
                };
                self.desk.still_ours().await.map_err(PushError::Desk)?;
                let act = next(&seen, &trip.memory);
                if let Act::Done(end) = act {
                    let picture = if end == End::New { way.wanted() } else { way.old() };
                    return Ok(Driven::Done(end, sha256(picture.to_string().as_bytes())));
                }
                acts += 1;
                if acts > MOST_ACTS {
                    return Ok(halted(trip.leg, Halt::Between(seen.saved())));
                }
                match self.act(campaign, &mut trip, &mut router, act, &seen).await? {
                    None => {}
                    Some(Left::Anew) => break,
                    Some(Left::Over(driven)) => return Ok(driven),
                }
            }
        }
    }

    /// Whether the operator's wish to stop counts on this leg: to go back is to stop.
    fn stops(&self, leg: &Leg) -> bool {
        !leg.back && self.desk.stopped()
    }

    async fn write(&mut self, campaign: &mut Campaign, record: Record) -> Result<(), PushError<D::Error>> {
        self.desk.write(&record).await.map_err(PushError::Desk)?;
        campaign.note(&record);
        Ok(())
    }
}

fn halted(leg: &Leg, halt: Halt) -> Driven {
    Driven::Stopped(Ending::Halted(leg.clone(), halt))
}

fn unreached(leg: &Leg, error: Trouble) -> Ending {
    match error.kind {
        Kind::Lost => Ending::Unreachable(leg.clone(), error),
        Kind::NothingPending | Kind::Refused => Ending::Refused(leg.clone(), error),
    }
}
