//! Checklists: what must hold before, during and after a move, probed where it can be and signed
//! where only a person knows.
//!
//! A file `checklists/PHASE.yaml` becomes a [`Checklist`] once, with every mistake reported by its
//! place (`decode`). `plan` turns it into tasks for one tenant, `expect` judges what a probe read,
//! `batch` writes the one script that a host runs: all pure. `run` is the only part that acts.

mod batch;
mod expect;
mod finding;
mod item;
mod judge;
mod plan;
mod run;
mod sign;
mod template;

pub use expect::{Condition, Datum, Reading, Test};
pub use finding::{Finding, Outcome, Subject, Verdict};
pub use item::{
    AppliesTo, Check, Checklist, InvalidItemId, Item, ItemId, OsFamily, Phase, Probe, Scope, Severity, Titles, Until,
};
pub use judge::{Answer, NoAnswer};
pub use plan::{Inquiry, Options, Question, Task, Todo, tasks};
pub use run::{Field, run};
pub use sign::{Opinion, SignError, Signature, Signatures};
pub use template::{Template, TemplateError};
