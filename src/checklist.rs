//! Checklists: what must hold before, during and after a move, probed where it can be and signed
//! where only a person knows.
//!
//! A file `checklists/PHASE.yaml` becomes a [`Checklist`] once, with every mistake reported by its
//! place (`decode`). `plan` turns it into tasks for one tenant, `expect` judges what a probe read,
//! `batch` writes the one script that a host runs: all pure. `run` is the only part that acts.

mod across;
mod answer;
mod baseline;
mod batch;
mod bundle;
mod compare;
mod decode;
mod draft;
pub mod evidence;
mod expect;
mod expression;
mod finding;
mod item;
mod judge;
mod junit;
mod kind;
mod live;
mod native;
mod once;
mod plan;
mod powershell;
mod record;
mod redact;
mod run;
mod scope;
mod sign;
pub mod sshsig;
mod template;
mod trace;
mod validation;

pub use across::{Across, Kept, State, across};
pub use baseline::Baselines;
pub use bundle::{Admission, Bundle, BundleError, Bundled, Head, Imported, Source, admitted, without_secrets};
pub use compare::{Captured, Compare, Difference, Rule};
pub use decode::{shape, step_probe};
pub use draft::{Desk, Draft, HEADING, LONGEST_WAIVER, Open, SignError, Wish};
pub use expect::{Condition, Datum, Reading, Test};
pub use expression::{Evaluated, Expression, ExpressionError, Glob};
pub use finding::{Finding, Outcome, Subject, Verdict};
pub use item::{
    AppliesTo, Check, Checklist, Evidence, InvalidItemId, Item, ItemId, Moment, OsFamily, Phase, Probe, RouterOf,
    Severity, Until,
};
pub use judge::{Answer, NoAnswer};
pub use junit::junit;
pub use live::Live;
pub use native::Native;
pub use once::{Once, ask};
pub use plan::{Asked, Inquiry, NO_PROBE, Options, Origin, ProbeMachine, Question, Task, Todo, tasks};
pub use record::{Mark, RunRecord, Standing, counts, standing};
pub use redact::{Blob, Redactor};
pub use run::{Field, Keeper, run};
pub use scope::Scope;
pub use sign::{Attached, Covered, Document, DocumentKind, Given, Opinion, Signature, Signatures, Signed, Waiver};
pub use template::{Template, TemplateError};
pub use trace::{SENTENCES, Sentence};
pub use validation::{Pending, Row, Validation, pending, validations};

use crate::inventory::Problems;
use crate::inventory::files::read_file;
use crate::inventory::problem::{Complaint, KeyPath, Problem};
use crate::model::people::People;
use std::path::Path;

/// Reads `checklists/PHASE.yaml` below `root`; `people` are those whose roles it may name.
///
/// # Errors
/// Every problem of the file, with its place.
pub fn load(root: &Path, phase: Phase, people: &People) -> Result<Checklist, Problems> {
    let name = format!("checklists/{phase}.yaml");
    let mut problems = Problems::none();
    let checklist = match read_file(root, &name) {
        Ok(source) => {
            let landing = || load(root, Phase::Landing, people).ok();
            decode::decode(&name, &source.bytes, phase, people, landing, &mut problems)
        }
        Err(error) => {
            let complaint = Complaint::new(format!("cannot be read: {error}"));
            problems.push(Problem::new(&name, None, KeyPath::root(), complaint));
            None
        }
    };
    problems.or(checklist)
}

#[cfg(test)]
mod tests;
