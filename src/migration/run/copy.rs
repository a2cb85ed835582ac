//! Copies as the runner makes them: patient with the link, and the last one only of a source that stands still.

use super::acts::{Acts, Ended, LastCopy, Progress, Reading, Trouble};
use crate::migration::record::{self, Class};
use crate::migration::shaping::Allowance;
use crate::migration::state::RunState;
use crate::model::{DiskId, ServerId};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

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

/// A copy that outlives the link: once it has begun, it waits for a link that was cut and goes on.
pub(super) async fn patient_copy<A: Acts>(
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

pub(super) fn verified(reading: &Reading) -> Result<Ended, Trouble> {
    if reading.holds {
        let result = record::Result::Verified { root: reading.root.clone() };
        return Ok(Ended { result, facts: reading.facts.clone() });
    }
    Err(Trouble::new(Class::Evidence, reading.wrong.clone())
        .hint("The source is untouched. What does not hold is marked, and the next sync fetches just that again.")
        .hint("Look at the storage of the landing host before you trust it; then give the same command again."))
}

pub(super) fn verified_lately(
    state: &RunState,
    server: &ServerId,
    disk: &DiskId,
    now: Timestamp,
) -> Result<(), Trouble> {
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
pub(super) async fn final_sync<A: Acts>(
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
