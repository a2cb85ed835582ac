//! What is seen of a router: over a new connection, at one look, and what it does.

use super::super::Observed;
use super::super::change::Way;
use super::super::expect::Expect;
use super::super::record::Leg;
use super::super::router::{Kind, Router, Trouble};
use super::enter::MARGIN;
use super::{Desk, Field, Pusher, Trip};
use crate::model::router_access::Which;
use std::collections::BTreeMap;
use std::time::Duration;

/// What came out of a check.
pub(super) enum Checked {
    /// All of this holds.
    Holds(Vec<String>),
    /// This does not.
    Unmet(Vec<String>),
    /// The operator did not want to wait.
    Interrupted,
}

impl<F: Field, D: Desk> Pusher<F, D> {
    /// A new connection, tried until the revert timer has run out for certain.
    pub(super) async fn reach(&mut self, minutes: u16, leg: &Leg) -> Result<F::Router, Trouble> {
        let until = self.desk.now() + self.tempo.reach + Duration::from_secs(60 * u64::from(minutes));
        let mut wait = self.tempo.retry;
        loop {
            match self.field.connect(&leg.router).await {
                Ok(router) => return Ok(router),
                Err(error) if error.kind != Kind::Lost || self.desk.now() >= until || self.stops(leg) => {
                    return Err(error);
                }
                Err(error) => self.desk.waiting(&leg.router, &error),
            }
            self.desk.sleep(wait).await;
            wait = (wait * 2).min(self.tempo.retry_most);
        }
    }

    /// Looks until everything expected is true, or the patience is over, or with `timed` the revert
    /// timer is about to run out.
    pub(super) async fn check(
        &mut self,
        trip: &Trip<'_>,
        router: &mut F::Router,
        timed: bool,
    ) -> Result<Checked, Trouble> {
        let expects = &trip.change.expects;
        let timer = trip.memory.runs_until.filter(|_| timed).map(|until| until.saturating_sub(MARGIN));
        let patience = self.desk.now() + self.tempo.settle;
        let until = timer.map_or(patience, |timer| timer.min(patience));
        loop {
            let unmet = unmet(router, expects).await?;
            if unmet.is_empty() {
                return Ok(Checked::Holds(expects.iter().map(ToString::to_string).collect()));
            }
            if self.stops(trip.leg) {
                return Ok(Checked::Interrupted);
            }
            if self.desk.now() >= until {
                return Ok(Checked::Unmet(unmet.into_iter().map(|unmet| unmet.to_string()).collect()));
            }
            let words: Vec<String> = unmet.iter().map(ToString::to_string).collect();
            self.desk.unmet(&trip.leg.router, &words);
            self.desk.sleep(self.tempo.look).await;
        }
    }
}

/// What a router shows of a change, in one look. The timer comes last: one that runs out between
/// the looks is seen as gone, and then what runs is looked at once more.
pub(super) async fn observe<R: Router>(router: &mut R, way: &Way, at: Duration) -> Result<Observed, Trouble> {
    let before = router.revert_timer().await?;
    let mut running = way.place(&router.configuration(Which::Running).await?);
    let startup = way.place(&router.configuration(Which::Startup).await?);
    let timer = router.revert_timer().await?;
    if before.is_some() && timer.is_none() {
        running = way.place(&router.configuration(Which::Running).await?);
    }
    Ok(Observed { timer, user: router.user().to_owned(), at, running, startup })
}

/// Something expected that is not so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// What was expected.
    pub expect: Expect,
    /// What is found instead, in a few words.
    pub found: String,
}

impl std::fmt::Display for Unmet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, but {}", self.expect, self.found)
    }
}

/// What of `expects` is not so; every command is sent once.
///
/// # Errors
/// The router.
pub async fn unmet<R: Router>(router: &mut R, expects: &[Expect]) -> Result<Vec<Unmet>, Trouble> {
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
            unmet.push(Unmet { expect: expect.clone(), found });
        }
    }
    Ok(unmet)
}
