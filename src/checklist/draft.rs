//! What a person is about to sign: which items, whether the person may, and the statement to be read.

use super::finding::{Subject, Verdict};
use super::item::{Check, Checklist, Item, ItemId};
use super::plan::{Task, Todo};
use super::record::Standing;
use super::sign::{Covered, Opinion, Signatures};
use crate::model::people::{People, Person, Side};
use crate::model::tenant::Tenant;
use crate::model::{PersonId, RoleId, TenantId};
use crate::untrusted::printable;
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::fmt::Write as _;

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
    pub open: Vec<String>,
}

/// Why a signature is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The program finds it out itself, and the role does not validate.
    #[error("{item} is checked by the program: `{role}` does not sign it")]
    NotManual {
        /// The item.
        item: ItemId,
        /// What was given.
        role: RoleId,
    },
    /// Nobody of the inventory.
    #[error("there is no person `{person}`")]
    UnknownPerson {
        /// What was given.
        person: PersonId,
    },
    /// Another role signs it.
    #[error("{item} is not signed by `{role}` but by {roles}")]
    WrongRole {
        /// The item.
        item: ItemId,
        /// What was given.
        role: RoleId,
        /// Who signs.
        roles: String,
    },
    /// The person does not hold the role.
    #[error("{person} does not hold the role `{role}` for {tenant}")]
    NotHeld {
        /// Who.
        person: PersonId,
        /// Which role.
        role: RoleId,
        /// For which tenant.
        tenant: TenantId,
    },
    /// The person has already signed for the other side.
    #[error("{person} has signed {item} as `{other}`: the two sides need two persons")]
    BothSides {
        /// Who.
        person: PersonId,
        /// The item.
        item: ItemId,
        /// The role in which the person signed.
        other: RoleId,
    },
    /// The person has carried out what only the SAD validates.
    #[error("{person} has carried out {item}: what only the SAD validates is signed by another person")]
    Executor {
        /// Who.
        person: PersonId,
        /// The item.
        item: ItemId,
    },
    /// What is to be validated is not settled.
    #[error("`{role}` cannot validate yet: {items}")]
    NotSettled {
        /// The role.
        role: RoleId,
        /// The items with their verdicts.
        items: String,
    },
    /// There is nothing to sign.
    #[error("nothing of the checklist waits for `{role}`")]
    Nothing {
        /// The role.
        role: RoleId,
    },
    /// The item is asked of nothing here.
    #[error("{item} is not to be signed: {reason}")]
    Skipped {
        /// The item.
        item: ItemId,
        /// Why.
        reason: String,
    },
    /// A waiver names its items.
    #[error("a waiver names its items one by one")]
    WaiverOfAll,
    /// A waiver ends on a day to come.
    #[error("a waiver ends on a day that has not passed")]
    WaiverEnded,
}

/// What a signature covers, and what stays open beside it.
type Chosen<'a> = (Vec<(&'a Task, Covered)>, Vec<String>);

impl<'a> Desk<'a> {
    /// What `wish` would sign.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn draft(&self, wish: &Wish<'_>) -> Result<Draft, SignError> {
        let person = self.person(wish)?;
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
                        open.push(in_words(line));
                    }
                    chosen.push((task, approved(task, line)));
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
            false => Err(SignError::NotSettled { role: wish.role.clone(), items: open.join(", ") }),
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
        let open: Vec<String> =
            rows.iter().filter(|(task, line)| waits(task, line)).map(|(_, line)| in_words(line)).collect();
        if open.is_empty() {
            let others = rows.iter().filter(|(task, _)| !mine(task));
            chosen.extend(others.map(|(task, line)| (*task, approved(task, line))));
        } else if chosen.is_empty() {
            return Err(SignError::NotSettled { role: wish.role.clone(), items: open.join(", ") });
        }
        if chosen.is_empty() {
            return Err(SignError::Nothing { role: wish.role.clone() });
        }
        Ok((chosen, open))
    }

    fn waived(&self, items: &[ItemId], wish: &Wish<'_>) -> Result<Vec<(&'a Task, Covered)>, SignError> {
        let today = self.signatures.now().to_zoned(crate::model::calendar::rome()).date();
        if wish.until.is_none_or(|until| until < today) {
            return Err(SignError::WaiverEnded);
        }
        let mut chosen = Vec::new();
        for item in items {
            for (task, _) in self.asked(item, wish)? {
                let roles = self.signatures.waived_by(&task.item);
                if !roles.contains(wish.role) {
                    let roles = roles.iter().map(RoleId::as_str).collect::<Vec<_>>().join(", ");
                    return Err(SignError::WrongRole { item: item.clone(), role: wish.role.clone(), roles });
                }
                chosen.push((task, stated(task)));
            }
        }
        Ok(chosen)
    }

    /// The two sides are two persons, and nobody validates alone what was the same person's work.
    fn separated(&self, wish: &Wish<'_>, chosen: &[(&Task, Covered)]) -> Result<(), SignError> {
        let side = |role: &RoleId| self.people.roles.get(role).map(|role| role.side);
        let texts: BTreeSet<(&ItemId, String)> =
            self.checklist.items.iter().map(|item| (&item.id, item.digest())).collect();
        let mine =
            self.signatures.all().iter().map(|given| &given.signature).filter(|given| given.person == *wish.person);
        for given in mine.filter(|given| side(&given.role) != side(wish.role)) {
            // A signature on a text that is no more has approved nothing that is signed now.
            if let Some(covered) =
                given.items.iter().find(|covered| texts.contains(&(&covered.item, covered.text.clone())))
            {
                let (person, item) = (wish.person.clone(), covered.item.clone());
                return Err(SignError::BothSides { person, item, other: given.role.clone() });
            }
        }
        let sad = |role: &RoleId| side(role) == Some(Side::Sad);
        let sad_only = self.validates(wish) && self.checklist.validates.iter().all(sad);
        if !sad_only || wish.outcome == Opinion::Ko {
            return Ok(());
        }
        let worked = |line: &Standing| {
            let stated = line.signatures.iter().any(|given| given.person == *wish.person && given.role != *wish.role);
            stated || line.by.as_deref() == Some(wish.person.as_str())
        };
        let covers = |line: &Standing| {
            chosen.iter().any(|(task, covered)| {
                covered.finding.is_some() && task.item.id == line.finding.item && task.subject == line.finding.subject
            })
        };
        match self.lines.iter().find(|line| covers(line) && worked(line)) {
            Some(line) => Err(SignError::Executor { person: wish.person.clone(), item: line.finding.item.clone() }),
            None => Ok(()),
        }
    }

    /// What the person signs, in Italian: names for people, lines of ids and digests for machines.
    fn statement(&self, wish: &Wish<'_>, person: &Person, chosen: &[(&Task, Covered)]) -> String {
        let title = self.people.roles.get(wish.role).map_or(wish.role.as_str(), |role| role.title.as_str());
        let list = self.checklist;
        let mut text = format!("{HEADING}\n");
        let _ = writeln!(text, "Ente: {}\n  {}", self.tenant.id, printable(&self.tenant.name));
        let _ = writeln!(text, "Lista: {}\n  versione {}, SHA-256 {}", list.phase, list.version, list.digest());
        let _ = writeln!(text, "Ruolo: {}\n  {}", wish.role, printable(title));
        let _ = writeln!(text, "Firma: {}\n  {}", person.id, printable(&person.name));
        let _ = writeln!(text, "Esito: {}\n  {}", wish.outcome.word(), outcome(wish.outcome));
        if let Some(until) = wish.until {
            let _ = writeln!(text, "Fino al: {until}");
        }
        let _ = writeln!(text, "Nota: {}\nVoci: {}", printable(wish.note), chosen.len());
        for (task, covered) in chosen {
            let _ = writeln!(text, "{}", covered.line());
            let _ = writeln!(text, "  {}", described(&task.item));
            if let Some(line) = self.line(covered) {
                let _ = writeln!(text, "  {}", found(line, covered));
            }
        }
        text
    }

    fn line(&self, covered: &Covered) -> Option<&Standing> {
        self.lines.iter().find(|line| line.finding.item == covered.item && line.finding.subject == covered.subject)
    }
}

/// The first line of every statement.
pub const HEADING: &str = "Firma di una lista di controllo (traghetto, 1)";

impl Covered {
    /// The line of a statement for machines. An item's id has no space, and a name none of its own lines.
    pub fn line(&self) -> String {
        let subject = printable(&self.subject.to_string());
        let finding = self.finding.as_deref().unwrap_or("-");
        format!("Voce: {} [{subject}]\n  testo {}\n  riscontro {finding}", self.item, self.text)
    }
}

fn stated(task: &Task) -> Covered {
    Covered { item: task.item.id.clone(), subject: task.subject.clone(), text: task.item.digest(), finding: None }
}

fn approved(task: &Task, line: &Standing) -> Covered {
    Covered { finding: Some(line.finding.approved()), ..stated(task) }
}

/// Whether a validation may cover it: found out, and not keeping the gate closed.
pub(super) fn is_settled(line: &Standing) -> bool {
    !line.finding.blocks() && line.finding.verdict != Verdict::Pending
}

/// Item, subject and verdict of a line.
fn in_words(line: &Standing) -> String {
    let of = match &line.finding.subject {
        Subject::Tenant => String::new(),
        subject => format!(" {subject}"),
    };
    format!("{}{of} ({})", line.finding.item, line.finding.verdict.word())
}

fn outcome(outcome: Opinion) -> &'static str {
    match outcome {
        Opinion::Ok => "VERIFICATO",
        Opinion::Ko => "NON VERIFICATO",
        Opinion::Waived => "IN DEROGA",
    }
}

/// Title and instructions of an item, on one line.
fn described(item: &Item) -> String {
    match &item.check {
        Check::Manual { instructions } => {
            format!("{}. {}", printable(&item.title.it), printable(&instructions.it))
        }
        Check::Probe { .. } => printable(&item.title.it),
    }
}

/// What was found, for a person who approves it.
fn found(line: &Standing, covered: &Covered) -> String {
    if covered.finding.is_none() {
        return "dichiarazione di chi firma".to_owned();
    }
    let said = line.finding.reason.as_ref().unwrap_or(&line.finding.found);
    format!("{}: {}", line.finding.verdict.word(), printable(said))
}
