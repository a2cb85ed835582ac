//! One act on a router, with the events that tell of it.

use super::super::campaign::Campaign;
use super::super::record::Record;
use super::super::router::{Kind, Router, Trouble};
use super::super::{Act, Halt, Observed};
use super::look::Checked;
use super::{Desk, Driven, Ending, Field, INTERRUPTED, Left, PushError, Pusher, Trip, halted};

impl<F: Field, D: Desk> Pusher<F, D> {
    /// One act, with its events.
    pub(super) async fn act(
        &mut self,
        campaign: &mut Campaign,
        trip: &mut Trip<'_>,
        router: &mut F::Router,
        act: Act,
        seen: &Observed,
    ) -> Result<Option<Left>, PushError<D::Error>> {
        match act {
            // Its caller returns before.
            Act::Done(end) => Ok(Some(Left::Over(Driven::Done(end, String::new())))),
            Act::Stop(halt) => Ok(Some(Left::Over(halted(trip.leg, halt)))),
            Act::TakeBack if trip.leg.back => Ok(Some(Left::Over(halted(trip.leg, Halt::Between(seen.saved()))))),
            Act::TakeBack => Ok(Some(Left::Over(Driven::TakeBack(trip.memory.failed.clone().unwrap_or_default())))),
            Act::GiveUp(lines) => {
                let reason = format!("all lines were taken, but do not lead where they should: {}", lines.join("; "));
                self.failed(campaign, trip, reason).await?;
                Ok(None)
            }
            Act::Begin => self.begin(campaign, trip, router).await,
            Act::Check => self.check_all(campaign, trip, router, seen.timer.is_some()).await,
            Act::Confirm => {
                self.write(campaign, Record::Confirming { leg: trip.leg.clone() }).await?;
                trip.memory.confirming = true;
                let done = router.confirm().await;
                // A timer that ran out meanwhile leaves nothing to confirm: the next look tells.
                self.done_or_seen(campaign, trip, done).await
            }
            Act::RevertNow => {
                self.write(campaign, Record::Reverting { leg: trip.leg.clone() }).await?;
                let done = router.revert_now().await;
                self.done_or_seen(campaign, trip, done).await
            }
            Act::Restore => self.restore(campaign, trip, router, seen).await,
            Act::Save => match router.save().await {
                Ok(()) => Ok(None),
                Err(error) => self.unsaved(campaign, trip, error).await,
            },
        }
    }

    /// Replaces what runs by what is saved; where that is refused, only a person can.
    async fn restore(
        &mut self,
        campaign: &mut Campaign,
        trip: &mut Trip<'_>,
        router: &mut F::Router,
        seen: &Observed,
    ) -> Result<Option<Left>, PushError<D::Error>> {
        self.write(campaign, Record::Reverting { leg: trip.leg.clone() }).await?;
        Ok(match router.restore_startup().await {
            Ok(()) => None,
            Err(error) if error.kind == Kind::Lost => Some(Left::Anew),
            Err(_) => Some(Left::Over(halted(trip.leg, Halt::Between(seen.saved())))),
        })
    }

    /// Checks, and notes what came out.
    async fn check_all(
        &mut self,
        campaign: &mut Campaign,
        trip: &mut Trip<'_>,
        router: &mut F::Router,
        timed: bool,
    ) -> Result<Option<Left>, PushError<D::Error>> {
        let reason = match self.check(trip, router, timed).await {
            Ok(Checked::Holds(holds)) => {
                self.write(campaign, Record::Checked { leg: trip.leg.clone(), holds }).await?;
                trip.memory.checked = true;
                return Ok(None);
            }
            Ok(Checked::Unmet(unmet)) => format!("what was expected did not come true: {}", unmet.join("; ")),
            Ok(Checked::Interrupted) => INTERRUPTED.to_owned(),
            Err(error) => return self.trouble(campaign, trip, error).await,
        };
        self.failed(campaign, trip, reason).await?;
        Ok(None)
    }

    /// After an act whose outcome the next look tells: only a lost connection needs another one.
    async fn done_or_seen(
        &mut self,
        campaign: &mut Campaign,
        trip: &mut Trip<'_>,
        done: Result<(), Trouble>,
    ) -> Result<Option<Left>, PushError<D::Error>> {
        match done {
            Ok(()) => Ok(None),
            Err(error) if error.kind == Kind::NothingPending => Ok(None),
            Err(error) => self.trouble(campaign, trip, error).await,
        }
    }

    /// What was refused is not tried again: the router goes back.
    pub(super) async fn trouble(
        &mut self,
        campaign: &mut Campaign,
        trip: &mut Trip<'_>,
        error: Trouble,
    ) -> Result<Option<Left>, PushError<D::Error>> {
        if error.kind == Kind::Lost {
            trip.memory.last = Some(error.text);
        } else {
            self.failed(campaign, trip, error.text).await?;
        }
        Ok(Some(Left::Anew))
    }

    /// A configuration that cannot be saved: the router goes back to the one that is saved. One that
    /// is on its way back already waits for a person.
    async fn unsaved(
        &mut self,
        campaign: &mut Campaign,
        trip: &mut Trip<'_>,
        error: Trouble,
    ) -> Result<Option<Left>, PushError<D::Error>> {
        if error.kind == Kind::Lost {
            return Ok(Some(Left::Anew));
        }
        if trip.memory.failed.is_some() || trip.leg.back {
            return Ok(Some(Left::Over(Driven::Stopped(Ending::Refused(trip.leg.clone(), error)))));
        }
        self.failed(campaign, trip, error.text).await?;
        Ok(None)
    }

    /// Notes why the router goes back, once.
    pub(super) async fn failed(
        &mut self,
        campaign: &mut Campaign,
        trip: &mut Trip<'_>,
        reason: String,
    ) -> Result<(), PushError<D::Error>> {
        if trip.memory.failed.is_none() {
            self.write(campaign, Record::Failed { leg: trip.leg.clone(), reason: reason.clone() }).await?;
            trip.memory.failed = Some(reason);
        }
        Ok(())
    }
}
