//! Who may not sign, although the role would allow it: sides and work are kept apart.

use super::super::item::{Check, ItemId};
use super::super::plan::Task;
use super::super::record::Standing;
use super::super::sign::{Covered, Given, Opinion, Signed};
use super::{Desk, Draft, SignError, Wish};
use crate::model::people::Side;
use crate::model::{PersonId, RoleId};
use std::collections::BTreeSet;

impl Desk<'_> {
    fn side(&self, role: &RoleId) -> Option<Side> {
        self.people.roles.get(role).map(|role| role.side)
    }

    /// The two sides are two persons, and nobody validates alone what was the same person's work.
    pub(super) fn separated(&self, wish: &Wish<'_>, chosen: &[(&Task, Covered)]) -> Result<(), SignError> {
        self.one_side(wish)?;
        let sad = |role: &RoleId| self.side(role) == Some(Side::Sad);
        let sad_only = self.validates(wish) && self.checklist.validates.iter().all(sad);
        if !sad_only || wish.outcome == Opinion::Ko {
            return Ok(());
        }
        let covers = |line: &Standing| {
            chosen.iter().find(|(task, _)| task.item.id == line.finding.item && task.subject == line.finding.subject)
        };
        let own = |line: &&Standing| covers(line).is_some_and(|(task, _)| self.worked(wish, task, line));
        match self.lines.iter().find(own) {
            Some(line) => Err(SignError::Executor { person: wish.person.clone(), item: line.finding.item.clone() }),
            None => Ok(()),
        }
    }

    /// Nobody signs for both sides of a checklist.
    fn one_side(&self, wish: &Wish<'_>) -> Result<(), SignError> {
        let texts: BTreeSet<(&ItemId, String)> =
            self.checklist.items.iter().map(|item| (&item.id, item.digest())).collect();
        let mine =
            self.signatures.all().iter().map(|given| &given.signature).filter(|given| given.person == *wish.person);
        for given in mine.filter(|given| self.side(&given.role) != self.side(wish.role)) {
            // A signature on a text that is no more has approved nothing that is signed now.
            if let Some(covered) =
                given.items.iter().find(|covered| texts.contains(&(&covered.item, covered.text.clone())))
            {
                let (person, item) = (wish.person.clone(), covered.item.clone());
                return Err(SignError::BothSides { person, item, other: given.role.clone() });
            }
        }
        Ok(())
    }

    /// Whether the person has carried out what the line shows: stated it in another role, or run it
    /// since it is as it is, whoever ran it last.
    fn worked(&self, wish: &Wish<'_>, task: &Task, line: &Standing) -> bool {
        let stated = line.signatures.iter().any(|given| given.person == *wish.person && given.role != *wish.role);
        let mut ran = self.signatures.operators(&task.item.id, &task.subject).iter().chain(&line.by);
        let probe = matches!(task.item.check, Check::Probe { .. });
        stated || (probe && ran.any(|operator| operator == wish.person.as_str()))
    }

    /// Whether `operator` may type what `draft` says: where no key and no document stands behind either
    /// side of a joint validation, two operators have to.
    ///
    /// # Errors
    /// The other side was typed by the same operator.
    pub fn typed_by(&self, operator: &PersonId, wish: &Wish<'_>, draft: &Draft) -> Result<(), SignError> {
        if wish.outcome == Opinion::Ko || !self.validates(wish) {
            return Ok(());
        }
        for covered in &draft.items {
            let others: Vec<&Signed> = self.other_side(wish, covered).collect();
            let alone = |given: &&Signed| given.signature.given == Given::Typed && given.operator == operator.as_str();
            if let Some(Signed { signature, .. }) = others.first().filter(|_| others.iter().all(alone)) {
                return Err(SignError::OneOperator {
                    operator: operator.clone(),
                    other: signature.person.clone(),
                    other_role: signature.role.clone(),
                    item: covered.item.clone(),
                });
            }
        }
        Ok(())
    }

    /// What the roles of the other sides said last of the same finding: the same as the wish.
    fn other_side<'d>(&'d self, wish: &'d Wish<'_>, covered: &'d Covered) -> impl Iterator<Item = &'d Signed> {
        let others = self.checklist.validates.iter().filter(|role| self.side(role) != self.side(wish.role));
        let same = |theirs: &Covered| match (&theirs.finding, &covered.finding) {
            (Some(theirs), Some(ours)) => theirs == ours,
            (_, _) => true,
        };
        others.filter_map(move |role| {
            let (given, theirs) = self.signatures.last(&covered.item, &covered.subject, role, |_, _| true)?;
            (given.signature.outcome == wish.outcome && theirs.text == covered.text && same(theirs)).then_some(given)
        })
    }
}
