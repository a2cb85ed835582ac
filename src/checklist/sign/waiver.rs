//! Waivers: what lets pass what does not hold, until a day.

use super::super::finding::{Finding, Subject, Verdict};
use super::super::item::{Checklist, Item};
use super::{Covered, Opinion, Signature, Signatures};
use crate::model::calendar::{italian, rome};
use crate::model::{PersonId, RoleId};
use jiff::civil::Date;
use serde::Serialize;

/// A waiver that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiver {
    /// Its last day.
    pub until: Date,
    /// Who gave it.
    pub by: Vec<PersonId>,
    /// Why.
    pub reason: String,
}

impl Waiver {
    /// The reason of a finding that it lets pass, which was `was` for the reason `why`.
    fn reason(&self, was: Verdict, why: &str) -> String {
        format!("{}{}: {why})", self.opening(), was.word())
    }

    fn opening(&self) -> String {
        let by = self.by.iter().map(PersonId::as_str).collect::<Vec<_>>().join(", ");
        format!("waived until {} by {by}: {} (", italian(self.until), self.reason)
    }

    /// The verdict that it lets pass, and why it was that, out of the finding's reason.
    pub fn was<'r>(&self, reason: &'r str) -> Option<(Verdict, &'r str)> {
        let (word, why) = reason.strip_prefix(&self.opening())?.strip_suffix(')')?.split_once(": ")?;
        Verdict::ALL.into_iter().find(|verdict| verdict.word() == word).map(|verdict| (verdict, why))
    }
}

impl Signatures {
    /// The roles that waive an item, all of them: those that validate, or else its own.
    pub fn waived_by<'a>(&'a self, item: &'a Item) -> &'a [RoleId] {
        if self.validates.is_empty() { &item.roles } else { &self.validates }
    }

    /// The waiver of an item that counts: given by every role that has to, on its present text and on
    /// what is found, for today, and followed by no statement and no refusal. `bare` is the finding without it.
    pub fn waiver(&self, item: &Item, bare: &Finding) -> Option<Waiver> {
        let (today, digest, waivable) = (self.now.to_zoned(rome()).date(), item.digest(), self.waivable(item, bare));
        let counts = |covered: &Covered| covered.text == digest && covered.finding.as_ref() == Some(&waivable);
        let mut waiver: Option<Waiver> = None;
        for role in self.waived_by(item) {
            let mut given = self.waivers(item, &bare.subject);
            let (signature, covered) = given.find(|(signature, _)| signature.role == *role)?;
            let until = signature.until.filter(|until| *until >= today && counts(covered))?;
            let own = waiver.get_or_insert_with(|| Waiver { until, by: Vec::new(), reason: signature.note.clone() });
            own.until = own.until.min(until);
            own.by.push(signature.person.clone());
        }
        waiver
    }

    /// What the waiver that counts covers, where `finding` is already waived.
    pub(in crate::checklist) fn renewable(&self, item: &Item, finding: &Finding) -> String {
        let waived = self.waivers(item, &finding.subject).find_map(|(_, covered)| covered.finding.clone());
        waived.filter(|_| finding.verdict == Verdict::Waived).unwrap_or_else(|| self.waivable(item, finding))
    }

    /// The waivers of an item, the last first, back to whatever ended those before.
    fn waivers(&self, item: &Item, subject: &Subject) -> impl Iterator<Item = (&Signature, &Covered)> {
        let covering = self.given.iter().rev().filter_map(|given| {
            let covered = given.signature.covers(&item.id, subject)?;
            Some((&given.signature, covered))
        });
        let open = covering.take_while(|(signature, covered)| !signature.ends_waivers(covered));
        open.filter(|(signature, _)| signature.outcome == Opinion::Waived)
    }

    /// The finding as it counts: one that has not passed, but is waived, says so.
    #[must_use]
    pub fn weigh(&self, item: &Item, mut finding: Finding) -> Finding {
        if matches!(finding.verdict, Verdict::Pass | Verdict::Skipped | Verdict::Waived) {
            return finding;
        }
        if let Some(waiver) = self.waiver(item, &finding) {
            finding.reason = Some(waiver.reason(finding.verdict, finding.reason.as_deref().unwrap_or_default()));
            finding.verdict = Verdict::Waived;
            finding.unreachable = false;
        }
        finding
    }

    /// Every finding as it counts.
    pub fn weigh_all(&self, checklist: &Checklist, findings: Vec<Finding>) -> Vec<Finding> {
        let weigh = |finding: Finding| match checklist.item(&finding.item) {
            Some(item) => self.weigh(item, finding),
            None => finding,
        };
        findings.into_iter().map(weigh).collect()
    }
}
