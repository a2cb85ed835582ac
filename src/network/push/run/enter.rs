//! The lines of a change, sent under a revert timer, and never without one.

use super::super::campaign::Campaign;
use super::super::expect::Expect;
use super::super::record::Record;
use super::super::router::{Router, Trouble};
use super::super::{ATTEMPTS, change};
use super::{Desk, Field, INTERRUPTED, Left, PushError, Pusher, Trip};
use std::time::Duration;

/// Before a revert timer runs out, so long no line is sent any more: longer than a router may take to
/// answer, and than a line that nobody acknowledges waits in our own system. A line that came after
/// the timer would change the old configuration, and nothing would take it back.
pub(super) const MARGIN: Duration = Duration::from_secs(45);

/// Why the lines are not all in.
enum Unentered {
    Interrupted,
    NotUp(u16),
    OutOfTime,
    Router(Trouble),
}

impl From<Trouble> for Unentered {
    fn from(error: Trouble) -> Self {
        Unentered::Router(error)
    }
}

impl<F: Field, D: Desk> Pusher<F, D> {
    /// Begins the change, unless it was begun too often.
    pub(super) async fn begin(
        &mut self,
        campaign: &mut Campaign,
        trip: &mut Trip<'_>,
        router: &mut F::Router,
    ) -> Result<Option<Left>, PushError<D::Error>> {
        if self.stops(trip.leg) {
            self.failed(campaign, trip, INTERRUPTED.to_owned()).await?;
            return Ok(None);
        }
        if trip.memory.attempts >= ATTEMPTS {
            let last = trip.memory.last.clone().unwrap_or_else(|| "the revert timer ran out".to_owned());
            let reason = format!("begun {ATTEMPTS} times, and never as far as to be confirmed; the last time: {last}");
            self.failed(campaign, trip, reason).await?;
            return Ok(None);
        }
        let minutes = campaign.begun.minutes;
        trip.memory.attempts += 1;
        trip.memory.begins(minutes);
        trip.memory.runs_until = Some(self.desk.now() + change::minutes(minutes));
        self.write(campaign, Record::Opening { leg: trip.leg.clone(), minutes }).await?;
        match self.enter(trip, router, minutes).await {
            Ok(()) => {
                self.write(campaign, Record::Entered { leg: trip.leg.clone() }).await?;
                trip.memory.entered = true;
            }
            Err(why) => self.unentered(campaign, trip, why, minutes).await?,
        }
        // The session may be anywhere in the configuration: it is left. And what a router does is
        // looked at over a new connection.
        Ok(Some(Left::Anew))
    }

    /// Notes why the lines are not all in, where that is a reason to go back.
    async fn unentered(
        &mut self,
        campaign: &mut Campaign,
        trip: &mut Trip<'_>,
        why: Unentered,
        minutes: u16,
    ) -> Result<(), PushError<D::Error>> {
        let reason = match why {
            Unentered::Interrupted => INTERRUPTED.to_owned(),
            Unentered::NotUp(track) => format!("the tracked object {track}, made anew, did not come up"),
            Unentered::OutOfTime => {
                format!("the lines take longer than a revert timer of {minutes} min allows (--timer)")
            }
            Unentered::Router(error) => {
                self.trouble(campaign, trip, error).await?;
                return Ok(());
            }
        };
        if trip.leg.back && trip.memory.attempts < ATTEMPTS {
            // Where else would it go?
            trip.memory.last = Some(reason);
            return Ok(());
        }
        self.failed(campaign, trip, reason).await
    }

    /// Archive, timer, lines.
    async fn enter(&mut self, trip: &Trip<'_>, router: &mut F::Router, minutes: u16) -> Result<(), Unentered> {
        router.archive().await?;
        // From before the router starts its clock.
        let until = self.desk.now() + change::minutes(minutes).saturating_sub(MARGIN);
        router.configure(minutes).await?;
        let count = trip.change.lines.len();
        for (at, line) in trip.change.lines.iter().enumerate() {
            let waits = trip.change.waits.iter().filter(|(before, _)| *before == at).flat_map(|(_, tracks)| tracks);
            let mut waited = false;
            for track in waits {
                self.wait_up(trip, router, *track, until).await?;
                waited = true;
            }
            // Whoever shares the router may have confirmed or reverted meanwhile.
            if waited && router.revert_timer().await?.is_none() {
                return Err(Unentered::OutOfTime);
            }
            if self.stops(trip.leg) {
                return Err(Unentered::Interrupted);
            }
            if self.desk.now() >= until {
                return Err(Unentered::OutOfTime);
            }
            router.line(line).await?;
            self.desk.line(&trip.leg.router, at + 1, count);
        }
        router.end().await?;
        Ok(())
    }

    /// Waits for a tracked object that was made anew: what depends on it is withdrawn until it is up.
    async fn wait_up(
        &mut self,
        trip: &Trip<'_>,
        router: &mut F::Router,
        number: u16,
        timer: Duration,
    ) -> Result<(), Unentered> {
        let expect = Expect::Track { number };
        let until = self.desk.now() + self.tempo.settle;
        loop {
            let answer = router.show(&format!("do {}", expect.command())).await?;
            if expect.holds(&answer).is_ok() {
                return Ok(());
            }
            match self.desk.now() {
                _ if self.stops(trip.leg) => return Err(Unentered::Interrupted),
                now if now >= timer => return Err(Unentered::OutOfTime),
                now if now >= until => return Err(Unentered::NotUp(number)),
                _ => self.desk.sleep(self.tempo.look).await,
            }
        }
    }
}
