//! The joint validation of a checklist, and what waits for whom.

use super::draft::is_settled;
use super::finding::{Subject, Verdict};
use super::item::{Checklist, ItemId};
use super::plan::{Task, Todo};
use super::record::{Mark, Standing};
use super::sign::{Covered, Opinion, Signature, Signatures};
use crate::model::RoleId;
use serde::Serialize;

/// How a validating role stands towards a checklist.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Validation {
    /// The role.
    pub role: RoleId,
    /// The signatures that cover what was found, the last of each first given first.
    pub signatures: Vec<Mark>,
    /// What is not covered, or has changed since.
    pub missing: Vec<Row>,
    /// Whether it was covered before and has changed.
    pub reopened: bool,
}

/// One item of one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The item.
    pub item: ItemId,
    /// The subject.
    #[serde(flatten)]
    pub subject: Subject,
}

impl Validation {
    /// Whether the role has validated everything as it stands, of which there is something.
    pub fn is_given(&self) -> bool {
        self.missing.is_empty() && !self.signatures.is_empty()
    }
}

/// How each validating role stands towards `lines`, which are where `tasks` stand.
pub fn validations(tasks: &[Task], lines: &[Standing], signatures: &Signatures) -> Vec<Validation> {
    signatures.validates().iter().map(|role| validation(role, tasks, lines, signatures)).collect()
}

fn validation(role: &RoleId, tasks: &[Task], lines: &[Standing], signatures: &Signatures) -> Validation {
    let mut found = Validation { role: role.clone(), signatures: Vec::new(), missing: Vec::new(), reopened: false };
    for (task, line) in tasks.iter().zip(lines).filter(|(_, line)| line.finding.verdict != Verdict::Skipped) {
        let last = signatures.last(&task.item.id, &task.subject, role, |signature, covered| {
            signature.outcome != Opinion::Waived && approves_or_states(covered, task, role)
        });
        match last {
            Some((given, covered)) if counts(&given.signature, covered, task, line, signatures) => {
                let mark = Mark::of(given);
                if !found.signatures.contains(&mark) {
                    found.signatures.push(mark);
                }
            }
            last => {
                found.reopened |= last.is_some();
                found.missing.push(Row { item: task.item.id.clone(), subject: task.subject.clone() });
            }
        }
    }
    found
}

/// A role that states an item itself need not approve its own statement.
fn approves_or_states(covered: &Covered, task: &Task, role: &RoleId) -> bool {
    covered.finding.is_some() || (task.todo == Todo::Sign && task.item.roles.contains(role))
}

fn counts(signature: &Signature, covered: &Covered, task: &Task, line: &Standing, signatures: &Signatures) -> bool {
    let present = covered.text == task.item.digest();
    let now = || signatures.approved(&task.item, &line.finding);
    let approved = covered.finding.as_ref().is_none_or(|finding| *finding == now());
    signature.outcome == Opinion::Ok && present && approved && is_settled(line)
}

/// What waits for a role.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pending {
    /// The role.
    pub role: RoleId,
    /// Whether it is the validation of what was found, and not a statement.
    pub validation: bool,
    /// What is to be signed.
    pub items: Vec<Row>,
}

/// What waits for each role: first the statements, then validations that nothing else holds up.
pub fn pending(checklist: &Checklist, tasks: &[Task], lines: &[Standing], signatures: &Signatures) -> Vec<Pending> {
    let mut waiting: Vec<Pending> = Vec::new();
    for (task, line) in tasks.iter().zip(lines) {
        if task.todo != Todo::Sign || line.finding.verdict == Verdict::Waived {
            continue;
        }
        for role in signatures.missing(&task.item, &task.subject) {
            let row = Row { item: task.item.id.clone(), subject: task.subject.clone() };
            match waiting.iter_mut().find(|known| known.role == *role) {
                Some(known) => known.items.push(row),
                None => waiting.push(Pending { role: role.clone(), validation: false, items: vec![row] }),
            }
        }
    }
    let settled = lines.iter().all(|line| line.finding.verdict == Verdict::Skipped || is_settled(line));
    if settled && !checklist.validates.is_empty() {
        let open =
            validations(tasks, lines, signatures).into_iter().filter(|validation| !validation.missing.is_empty());
        waiting.extend(open.map(|open| Pending { role: open.role, validation: true, items: open.missing }));
    }
    waiting
}
