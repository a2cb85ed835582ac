//! What a person is about to sign: which items, whether the person may, and the statement to be read.

mod refusal;
mod separation;
mod statement;

pub use refusal::SignError;
pub use statement::HEADING;

use super::finding::{Subject, Verdict};
use super::item::{Checklist, ItemId};
use super::plan::{Task, Todo};
use super::record::Standing;
use super::sign::{Attached, Covered, Opinion, Signatures};
use crate::model::people::{People, Person};
use crate::model::tenant::Tenant;
use crate::model::{PersonId, RoleId};
use jiff::ToSpan as _;
use jiff::civil::Date;

/// The longest time for which an item is waived, in days.
pub const LONGEST_WAIVER: i32 = 365;

/// What a person wants to sign.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// In which role.
    pub role: &'a RoleId,
    /// Who.
    pub person: &'a PersonId,
    /// What is said.
    pub outcome: Opinion,
    /// What was seen, or why it is waived.
    pub note: &'a str,
    /// The last day of a waiver.
    pub until: Option<Date>,
    /// The items; none means all that the role can sign now.
    pub items: Option<&'a [ItemId]>,
    /// Only this server, site or service.
    pub of: Option<&'a str>,
    /// What proves it.
    pub evidence: &'a [Attached],
}

/// A checklist with where it stands: what a wish is measured against.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// The checklist.
    pub checklist: &'a Checklist,
    /// Whose it is.
    pub tenant: &'a Tenant,
    /// Who may sign.
    pub people: &'a People,
    /// What there is to do.
    pub tasks: &'a [Task],
    /// Where each of the tasks stands.
    pub lines: &'a [Standing],
    /// The signatures given so far.
    pub signatures: &'a Signatures,
}

/// What would be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it covers.
    pub items: Vec<Covered>,
    /// What the person reads and signs.
    pub statement: String,
    /// Items that keep the role from validating, where it would.
    pub open: Vec<Open>,
}

/// An item of a subject that is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Item and subject.
    pub row: String,
    /// How it stands.
    pub verdict: Verdict,
}

impl std::fmt::Display for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.row, self.verdict.word())
    }
}

impl Open {
    fn of(line: &Standing) -> Self {
        let row = match &line.finding.subject {
            Subject::Tenant => line.finding.item.to_string(),
            subject => format!("{} {subject}", line.finding.item),
        };
        Self { row, verdict: line.finding.verdict }
    }

    /// The same for who signs.
    pub fn in_italian(&self) -> String {
        format!("{} ({})", self.row, self.verdict.in_italian())
    }
}

/// What a signature covers, and what stays open beside it.
type Chosen<'a> = (Vec<(&'a Task, Covered)>, Vec<Open>);

impl<'a> Desk<'a> {
    /// What `wish` would sign.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn draft(&self, wish: &Wish<'_>) -> Result<Draft, SignError> {
        let person = self.person(wish)?;
        self.ending(wish)?;
        let (chosen, open) = match (wish.outcome, wish.items) {
            (Opinion::Waived, None) => return Err(SignError::WaiverOfAll),
            (Opinion::Waived, Some(items)) => (self.waived(items, wish)?, Vec::new()),
            (_, Some(items)) => (self.named(items, wish)?, Vec::new()),
            (_, None) => self.all(wish)?,
        };
        self.separated(wish, &chosen)?;
        let items = chosen.iter().map(|(_, covered)| covered.clone()).collect();
        let statement = self.statement(wish, person, &chosen);
        Ok(Draft { items, statement, open })
    }

    fn person(&self, wish: &Wish<'_>) -> Result<&'a Person, SignError> {
        let known = self.people.persons.get(wish.person);
        let known = known.ok_or_else(|| SignError::UnknownPerson { person: wish.person.clone() })?;
        if known.holds(wish.role, &self.tenant.id) {
            return Ok(known);
        }
        let (person, role) = (wish.person.clone(), wish.role.clone());
        Err(SignError::NotHeld { person, role, tenant: self.tenant.id.clone() })
    }

    /// A waiver ends on a day to come that is not too far away; nothing else ends.
    fn ending(&self, wish: &Wish<'_>) -> Result<(), SignError> {
        let today = self.signatures.now().to_zoned(crate::model::calendar::rome()).date();
        let last = today.saturating_add(LONGEST_WAIVER.days());
        match (wish.outcome, wish.until) {
            (Opinion::Waived, None) => Err(SignError::WaiverEnded),
            (Opinion::Waived, Some(until)) if until < today => Err(SignError::WaiverEnded),
            (Opinion::Waived, Some(until)) if until > last => Err(SignError::WaiverTooLong { last }),
            (Opinion::Ok | Opinion::Ko, Some(_)) => Err(SignError::EndOfNoWaiver),
            (_, _) => Ok(()),
        }
    }

    /// The tasks with where they stand, as far as `of` lets them through.
    fn rows(&self, of: Option<&'a str>) -> impl Iterator<Item = (&'a Task, &'a Standing)> + use<'a> {
        let wanted = move |task: &Task| of.is_none_or(|of| task.subject.to_string() == of);
        self.tasks.iter().zip(self.lines).filter(move |(task, _)| wanted(task))
    }

    /// The rows of one item that is asked of something.
    fn asked(&self, item: &ItemId, wish: &Wish<'_>) -> Result<Vec<(&'a Task, &'a Standing)>, SignError> {
        let own = || self.tasks.iter().zip(self.lines).filter(|(task, _)| task.item.id == *item);
        let wanted = |task: &Task| wish.of.is_none_or(|of| task.subject.to_string() == of);
        let asked: Vec<_> = own().filter(|(task, _)| wanted(task) && !matches!(task.todo, Todo::Skip(_))).collect();
        if !asked.is_empty() {
            return Ok(asked);
        }
        let reason = own().find_map(|(task, _)| match &task.todo {
            Todo::Skip(reason) if wanted(task) => Some(reason.clone()),
            _ => None,
        });
        let reason = reason.unwrap_or_else(|| "it is asked of nothing of that name".to_owned());
        Err(SignError::Skipped { item: item.clone(), reason })
    }

    fn validates(&self, wish: &Wish<'_>) -> bool {
        self.checklist.validates.contains(wish.role)
    }

    fn named(&self, items: &[ItemId], wish: &Wish<'_>) -> Result<Vec<(&'a Task, Covered)>, SignError> {
        let mut chosen = Vec::new();
        let mut open = Vec::new();
        for item in items {
            for (task, line) in self.asked(item, wish)? {
                if task.todo == Todo::Sign && task.item.roles.contains(wish.role) {
                    chosen.push((task, stated(task)));
                } else if self.validates(wish) {
                    if wish.outcome == Opinion::Ok && !is_settled(line) {
                        open.push(Open::of(line));
                    }
                    chosen.push((task, self.approved(task, line)));
                } else if task.todo == Todo::Sign {
                    let roles = task.item.roles.iter().map(RoleId::as_str).collect::<Vec<_>>().join(", ");
                    return Err(SignError::WrongRole { item: item.clone(), role: wish.role.clone(), roles });
                } else {
                    return Err(SignError::NotManual { item: item.clone(), role: wish.role.clone() });
                }
            }
        }
        match open.is_empty() {
            true => Ok(chosen),
            false => Err(SignError::NotSettled { role: wish.role.clone(), items: open }),
        }
    }

    /// Everything that waits for the role: its statements and, once all else is settled, the validation.
    fn all(&self, wish: &Wish<'_>) -> Result<Chosen<'a>, SignError> {
        let of = wish.of.map(str::to_owned);
        let rows: Vec<(&Task, &Standing)> = self
            .rows(None)
            .filter(|(task, line)| {
                of.as_deref().is_none_or(|of| task.subject.to_string() == of)
                    && line.finding.verdict != Verdict::Skipped
            })
            .collect();
        let mine = |task: &Task| {
            let missing = self.signatures.missing(&task.item, &task.subject).any(|role| role == wish.role);
            task.todo == Todo::Sign && missing
        };
        let mut chosen: Vec<(&Task, Covered)> =
            rows.iter().filter(|(task, _)| mine(task)).map(|(task, _)| (*task, stated(task))).collect();
        if !self.validates(wish) {
            return if chosen.is_empty() {
                Err(SignError::Nothing { role: wish.role.clone() })
            } else {
                Ok((chosen, Vec::new()))
            };
        }
        let completes = |task: &Task| mine(task) && self.signatures.missing(&task.item, &task.subject).count() == 1;
        let waits = |task: &Task, line: &Standing| wish.outcome == Opinion::Ok && !is_settled(line) && !completes(task);
        let open: Vec<Open> =
            rows.iter().filter(|(task, line)| waits(task, line)).map(|(_, line)| Open::of(line)).collect();
        if open.is_empty() {
            let others = rows.iter().filter(|(task, _)| !mine(task));
            chosen.extend(others.map(|(task, line)| (*task, self.approved(task, line))));
        } else if chosen.is_empty() {
            return Err(SignError::NotSettled { role: wish.role.clone(), items: open });
        }
        if chosen.is_empty() {
            return Err(SignError::Nothing { role: wish.role.clone() });
        }
        Ok((chosen, open))
    }

    fn waived(&self, items: &[ItemId], wish: &Wish<'_>) -> Result<Vec<(&'a Task, Covered)>, SignError> {
        let mut chosen = Vec::new();
        for item in items {
            for (task, line) in self.asked(item, wish)? {
                let roles = self.signatures.waived_by(&task.item);
                if !roles.contains(wish.role) {
                    let roles = roles.iter().map(RoleId::as_str).collect::<Vec<_>>().join(", ");
                    return Err(SignError::WrongRole { item: item.clone(), role: wish.role.clone(), roles });
                }
                let found = self.signatures.renewable(&task.item, &line.finding);
                chosen.push((task, Covered { finding: Some(found), ..stated(task) }));
            }
        }
        Ok(chosen)
    }

    /// What a validation of a line covers.
    fn approved(&self, task: &Task, line: &Standing) -> Covered {
        Covered { finding: Some(self.signatures.approved(&task.item, &line.finding)), ..stated(task) }
    }

    fn line(&self, covered: &Covered) -> Option<&Standing> {
        self.lines.iter().find(|line| line.finding.item == covered.item && line.finding.subject == covered.subject)
    }
}

fn stated(task: &Task) -> Covered {
    Covered { item: task.item.id.clone(), subject: task.subject.clone(), text: task.item.digest(), finding: None }
}

/// Whether a validation may cover it: found out, and not keeping the gate closed.
pub(super) fn is_settled(line: &Standing) -> bool {
    !line.finding.blocks() && line.finding.verdict != Verdict::Pending
}
