//! The journal as commands open it, and its errors as the operator reads them.

use super::Context;
use crate::failure::{Failure, Kind};
use crate::journal::{Journal, JournalError};
use crate::migration::IllegalEvent;
use crate::model::{Inventory, project::LandingTarget};

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
                Kind::Failed,
                "Nothing was done. Call that person; to push a living holder aside: --take-over --reason TEXT.",
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
