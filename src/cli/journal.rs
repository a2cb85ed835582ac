//! The journal as commands open it, and its errors as the operator reads them.

use super::Context;
use crate::failure::{Failure, Kind};
use crate::journal::{ChainError, Journal, JournalError};
use crate::migration::{IllegalEvent, RunState, clock};
use crate::model::{Inventory, TenantId, project::LandingTarget};

/// Opens the journal of `--state`, mirrored beside the replicas.
pub async fn open(context: &Context, inventory: &Inventory) -> Result<Journal, Failure> {
    let LandingTarget::Directory(folder) = &inventory.project.mirror;
    let mirror = context.root.join(folder);
    Ok(Journal::open(&context.state, &context.root, Some(&mirror)).await?)
}

/// The journal for a command that only reads: none where nothing was ever journaled.
pub async fn open_existing(context: &Context, inventory: &Inventory) -> Result<Option<Journal>, Failure> {
    let LandingTarget::Directory(folder) = &inventory.project.mirror;
    let mirror = context.root.join(folder);
    Ok(Journal::open_existing(&context.state, &context.root, Some(&mirror)).await?)
}

/// Tells the operator what the journal put right since the last call.
pub fn tell_repairs(context: &Context, journal: &Journal) {
    for repair in journal.take_repairs() {
        context.ui.warn(&repair.to_string());
    }
}

/// A journal that no version of this program can have written.
pub fn illegal(error: IllegalEvent) -> Failure {
    Failure::new(Kind::Evidence, error)
        .hint("Nothing was done. Was the journal written by a newer traghetto? Then use that one.")
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let (kind, hint) = match &error {
            JournalError::Scheme { .. } | JournalError::NoPath => {
                (Kind::Usage, "The default is --state sqlite:.traghetto/state.db, relative to --root.")
            }
            JournalError::Store { .. } | JournalError::File { .. } => (
                Kind::Failed,
                "Nothing written before is lost. Free space or fix the permissions, then give the same command again.",
            ),
            JournalError::Broken { .. } | JournalError::Forked { .. } => (
                Kind::Evidence,
                "Nothing was changed. Keep copies of both files, find out who wrote to them, and restore the true one.",
            ),
            JournalError::Held { .. } => (
                Kind::Waiting,
                "Nothing was done: one person at a time. Call the one at work, or wait; who ends or dies lets go at once.",
            ),
            JournalError::Ahead { .. } => (
                Kind::Usage,
                "Nothing was taken in: what is here is the same story, and longer. Adopt the longer file: the \
                 `events.jsonl` beside the replicas.",
            ),
            JournalError::OtherStory { .. } => (
                Kind::Evidence,
                "Nothing was taken in. Keep both and find out which one is true; the other one is moved away, with its \
                 state store and its `events.jsonl`, before the true one is adopted.",
            ),
            JournalError::TakenOver { .. } => (
                Kind::Failed,
                "This process stopped before its next act; what it had done is in `migrate log`. Call that person.",
            ),
            JournalError::Busy { .. } => (Kind::Failed, "Nothing was written. Give the same command again."),
        };
        Failure::new(kind, error).hint(hint)
    }
}

impl From<ChainError> for Failure {
    fn from(error: ChainError) -> Self {
        let (kind, hint) = match &error {
            ChainError::Unreadable { .. } => {
                (Kind::Failed, "Nothing was taken in. Name a file that is there and yours to read.")
            }
            ChainError::NoFile { .. } | ChainError::Empty { .. } => {
                (Kind::Usage, "Nothing was taken in. Name the file `events.jsonl` that lies beside the replicas.")
            }
            ChainError::Broken { .. } => (
                Kind::Evidence,
                "Nothing was taken in. Somebody or something changed the file: keep it, and look for another copy.",
            ),
        };
        Failure::new(kind, error).hint(hint)
    }
}

/// A failure with the journal of a tenant; of a lease that somebody else has, with the way to that person and
/// `command`, which takes over.
pub fn held(error: JournalError, inventory: &Inventory, command: &str) -> Failure {
    let (holder, living) = match &error {
        JournalError::Held { holder, .. } => (Some(holder.operator.clone()), true),
        JournalError::TakenOver { holder, .. } => (Some(holder.operator.clone()), false),
        _ => (None, false),
    };
    let persons = inventory.people.persons.values();
    let person = persons.into_iter().find(|person| Some(person.id.as_str()) == holder.as_deref());
    let call = person.and_then(|person| Some(format!("Call: {}, {}", person.name, person.contact.as_deref()?)));
    let failure = call.into_iter().fold(Failure::from(error), Failure::hint);
    if living {
        failure.hint(format!("To push a living holder aside: {command} --take-over --reason TEXT"))
    } else {
        failure
    }
}

/// The id by which the tenant's replicas and machines are known, if it is this state store that drives them.
///
/// # Errors
/// The events are of another state store: exit code 5.
pub fn home(state: &RunState, journal: &Journal, tenant: &TenantId) -> Result<String, Failure> {
    let own = journal.store_id();
    let home = match &state.home {
        Some(home) if home.drives != own => home,
        home => return Ok(home.as_ref().map_or(own, |home| &home.marks).to_owned()),
    };
    let text =
        format!("the migration of {tenant} is driven by the state store {}, not by this one ({own})", home.drives);
    let file = journal.mirror_file(tenant).map(|file| file.display().to_string()).unwrap_or_default();
    let failure = Failure::new(Kind::Waiting, text).hint("Nothing was done: two stores never drive one tenant.");
    let failure = match &home.adopted {
        Some((who, at)) => failure.hint(format!("{who} adopted it there at {}: work there.", clock(*at))),
        None => failure,
    };
    Err(failure
        .hint(format!("If that store is lost, with the host it was on: traghetto migrate adopt {file} --reason TEXT")))
}
