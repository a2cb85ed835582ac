//! Takes the mirrored events of a state store that is lost into another one, which drives from then on.

use super::record::Record;
use super::state::{IllegalEvent, RunState};
use crate::journal::{Chain, Event, Journal, JournalError, Lease};

/// What is taken over.
#[derive(Debug, Clone)]
pub struct Adoption<'a> {
    /// The events, proven.
    pub chain: &'a Chain,
    /// The file they were read from.
    pub file: String,
    /// What became of the host that wrote them.
    pub reason: &'a str,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Adopted {
    /// This very file was adopted here before, by this event: nothing was done.
    Already(u64),
    /// This store drives already; so many events were taken in.
    Drives(u64),
    /// It drives from this event on.
    Now(Box<Event>),
}

/// Why nothing was adopted.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The journal cannot be read or written, or holds other events.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The events say what cannot have happened.
    #[error("the events cannot be understood")]
    Illegal(#[from] IllegalEvent),
}

/// Adopts the events under the tenant's lease; who did is written down. Safe to kill and to repeat.
///
/// # Errors
/// See [`AdoptError`].
pub async fn adopt(
    journal: &Journal,
    lease: &Lease,
    operator: &str,
    wish: &Adoption<'_>,
) -> Result<Adopted, AdoptError> {
    let (chain, own) = (wish.chain, journal.store_id());
    let tenant = chain.tenant();
    // What no version of this program can have written is not taken in.
    let state = RunState::of(&chain.events())?;
    if let Some(at) = adopted_already(&journal.events(tenant).await?, chain, own) {
        return Ok(Adopted::Already(at));
    }
    let taken = journal.take_in(lease, chain).await?;
    if state.home.as_ref().is_some_and(|home| home.drives == own) {
        return Ok(Adopted::Drives(taken));
    }
    let record = Record::JournalAdopted {
        file: wish.file.clone(),
        reason: wish.reason.to_owned(),
        events: chain.count(),
        head: chain.head(),
        store: state.home.map_or_else(|| own.to_owned(), |home| home.marks),
        into: own.to_owned(),
    };
    let (kind, data) = record.parts();
    Ok(Adopted::Now(Box::new(journal.append_under(lease, tenant, operator, &kind, data).await?)))
}

/// The event by which this very chain was adopted, here.
fn adopted_already(events: &[Event], chain: &Chain, own: &str) -> Option<u64> {
    let (count, head) = (chain.count(), chain.head());
    let mine = |event: &&Event| match Record::of(event) {
        Ok(Some(Record::JournalAdopted { events, head: of, into, .. })) => events == count && of == head && into == own,
        _ => false,
    };
    events.iter().find(mine).map(|event| event.seq)
}
