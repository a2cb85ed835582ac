//! Where the operator sits: the journal under its leases, the clock, the screen.

use crate::cli::Context;
use crate::journal::{Journal, JournalError, Lease};
use crate::model::TenantId;
use crate::network::push::End;
use crate::network::push::record::{Leg, Record};
use crate::network::push::router::Trouble;
use crate::network::push::run::Desk;
use crate::untrusted::printable;
use std::time::Duration;
use tokio::sync::watch;

/// See the module.
pub(super) struct Seat<'a> {
    pub(super) journal: &'a Journal,
    pub(super) lease: &'a Lease,
    pub(super) devices: &'a [Lease],
    pub(super) tenant: &'a TenantId,
    pub(super) operator: &'a str,
    pub(super) context: &'a Context,
    pub(super) stop: watch::Receiver<bool>,
}

impl Desk for Seat<'_> {
    type Error = JournalError;

    async fn write(&mut self, record: &Record) -> Result<(), JournalError> {
        let (kind, data) = record.parts();
        self.journal.append_under(self.lease, self.tenant, self.operator, &kind, data).await?;
        if let Some(text) = said(record) {
            self.context.ui.status(&printable(&text));
        }
        Ok(())
    }

    async fn still_ours(&mut self) -> Result<(), JournalError> {
        for lease in self.devices {
            self.journal.still_ours(lease).await?;
        }
        Ok(())
    }

    fn stopped(&self) -> bool {
        *self.stop.borrow()
    }

    fn now(&self) -> Duration {
        // A router's timer runs on while this machine sleeps; the clock of `Instant` does not.
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let (seconds, nanos) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
        Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
    }

    async fn sleep(&mut self, time: Duration) {
        // Waiting ends early where the operator wants to stop; the loop then sees it.
        let mut stop = self.stop.clone();
        if *stop.borrow() {
            return tokio::time::sleep(time).await;
        }
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            Ok(_) = stop.wait_for(|stop| *stop) => {}
        }
    }

    fn line(&mut self, router: &str, done: usize, of: usize) {
        if done == of || done.is_multiple_of(10) {
            self.context.ui.status(&format!("{router}: {done} of {of} lines taken"));
        }
    }

    fn waiting(&mut self, router: &str, why: &Trouble) {
        self.context.ui.status(&printable(&format!("{router}: no connection ({}); trying again", why.text)));
    }

    fn unmet(&mut self, router: &str, unmet: &[String]) {
        let first = unmet.first().map(String::as_str).unwrap_or_default();
        let more = match unmet.len() {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        self.context.ui.status(&printable(&format!("{router}: waiting, not yet as expected: {first}{more}")));
    }
}

/// What an event means for whoever watches: what is done, and what is safe now.
fn said(record: &Record) -> Option<String> {
    let of = |leg: &Leg| if leg.back { format!("{} (taking it back)", leg.router) } else { leg.router.clone() };
    Some(match record {
        Record::Begun(_) | Record::Turned { .. } | Record::Abandoned { .. } | Record::Ended { .. } => return None,
        Record::Opening { leg, minutes } => format!(
            "{}: archiving, then sending the lines; it reverts by itself after {minutes} min, whatever happens here",
            of(leg)
        ),
        Record::Entered { leg } => {
            format!("{}: all lines taken; looking at it over a new connection (the revert timer runs)", of(leg))
        }
        Record::Checked { leg, holds } => format!("{}: {} expectations hold", of(leg), holds.len()),
        Record::Confirming { leg } => format!("{}: confirming, then saving", of(leg)),
        Record::Failed { leg, reason } if leg.back => {
            format!("{}: {reason}; it stays as the push left it", of(leg))
        }
        Record::Failed { leg, reason } => format!("{}: {reason}; going back to what it was", of(leg)),
        Record::Reverting { leg } => format!("{}: reverting now", of(leg)),
        Record::Returning { leg } => format!("{}: the change is confirmed already: its way back is sent", of(leg)),
        Record::Settled { leg, end, .. } => {
            let new = (*end == End::New) != leg.back;
            let which = if new { "the new" } else { "the old" };
            format!("{}: exactly {which} configuration, running and startup", leg.router)
        }
    })
}
