//! Signatures: what they approve, and when they count.
//!
//! A signature covers a list of items. On a manual item it is a statement: what only a person can
//! know holds, or does not. In a role that validates the checklist it approves what was found. A
//! waiver lets an item pass until a day, although it does not hold. Each names the SHA-256 of what it
//! approves, so that a change of an item's text, or another finding, reopens it. Each has a number, so
//! that none can be given twice.

mod document;
mod history;
mod waiver;

pub use document::{Attached, Document, DocumentKind};
pub use waiver::Waiver;

use super::finding::{Finding, Subject, Verdict};
use super::item::{Check, Checklist, Item, ItemId, Phase};
use crate::digest::sha256;
use crate::journal::Event;
use crate::model::{PersonId, RoleId};
use history::History;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opinion {
    /// It holds.
    Ok,
    /// It does not.
    Ko,
    /// It does not have to, until a day.
    Waived,
}

impl Opinion {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Opinion::Ok => "ok",
            Opinion::Ko => "ko",
            Opinion::Waived => "waived",
        }
    }

    /// The words in what is signed.
    pub fn in_italian(self) -> &'static str {
        match self {
            Opinion::Ok => "VERIFICATO",
            Opinion::Ko => "NON VERIFICATO",
            Opinion::Waived => "IN DEROGA",
        }
    }
}

/// One item of one subject, as a signature covers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// The item.
    pub item: ItemId,
    /// What it was asked of.
    #[serde(flatten)]
    pub subject: Subject,
    /// SHA-256 of the item's text, as hex.
    pub text: String,
    /// SHA-256 of what was found, as it is approved or waived; none where the person states it.
    pub finding: Option<String>,
}

/// How a signature was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Given {
    /// At the operator's terminal.
    Typed,
    /// With an SSH key, over the statement.
    Ssh {
        /// The signature, armored.
        signature: String,
        /// The public key.
        key: String,
    },
    /// On a document that was received.
    Document(Document),
}

/// One signature: the data of an event [`Signature::KIND`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The checklist.
    pub phase: Phase,
    /// The role in which it is given.
    pub role: RoleId,
    /// Who gives it.
    pub person: PersonId,
    /// What it says.
    pub outcome: Opinion,
    /// What was seen, or why it is waived, in the person's words.
    pub note: String,
    /// The last day of a waiver.
    pub until: Option<Date>,
    /// What it covers.
    pub items: Vec<Covered>,
    /// What proves it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Attached>,
    /// SHA-256 of the statement, as hex.
    pub approves: String,
    /// What was signed, as the person read it.
    pub statement: String,
    /// How it was given.
    pub given: Given,
}

impl Signature {
    /// The kind of its event in the journal.
    pub const KIND: &'static str = "checklist.signed";

    /// Whether it ends the waivers of what it covers: a statement does, and a refusal; the validation
    /// of what is waived does not.
    fn ends_waivers(&self, covered: &Covered) -> bool {
        match self.outcome {
            Opinion::Ok => covered.finding.is_none(),
            Opinion::Ko => true,
            Opinion::Waived => false,
        }
    }

    /// What it says of an item of a subject.
    pub fn covers(&self, item: &ItemId, subject: &Subject) -> Option<&Covered> {
        self.items.iter().find(|covered| covered.item == *item && covered.subject == *subject)
    }
}

/// A signature with its event's time and operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// When it was recorded.
    pub at: Timestamp,
    /// The same as the journal writes it.
    pub time: String,
    /// Who recorded it.
    pub operator: String,
    /// The signature.
    pub signature: Signature,
}

/// The signatures of one tenant's checklist, in the order in which they were given, seen at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signatures {
    given: Vec<Signed>,
    validates: Vec<RoleId>,
    now: Timestamp,
    history: History,
    numbers: BTreeMap<PersonId, u64>,
    /// Digests of statements, and armored signatures: none of them may be given again.
    used: BTreeSet<String>,
}

impl Signatures {
    /// The signatures on `checklist` among a tenant's events, seen at `now`; events of another shape are left out.
    pub fn read(checklist: &Checklist, events: &[Event], now: Timestamp) -> Self {
        let mut read = Self {
            validates: checklist.validates.clone(),
            now,
            history: History::read(checklist.phase, events),
            ..Self::default()
        };
        for event in events.iter().filter(|event| event.kind == Signature::KIND) {
            let (Ok(signature), Ok(at)) = (Signature::deserialize(&event.data), event.time.parse()) else { continue };
            let (time, operator) = (event.time.clone(), event.operator.clone());
            read.take(checklist.phase, Signed { at, time, operator, signature });
        }
        read
    }

    /// A statement counts once: the same again, as when two were recorded at the same moment, says nothing.
    fn take(&mut self, phase: Phase, signed: Signed) {
        let signature = &signed.signature;
        *self.numbers.entry(signature.person.clone()).or_default() += 1;
        if let Given::Ssh { signature, .. } = &signature.given {
            self.used.insert(signature.trim().to_owned());
        }
        if self.used.insert(signature.approves.clone()) && signature.phase == phase {
            self.given.push(signed);
        }
    }

    /// The number of the next statement of `person` on this tenant's checklists.
    pub fn number(&self, person: &PersonId) -> u64 {
        self.numbers.get(person).map_or(1, |given| given + 1)
    }

    /// Whether a statement with this digest, or this armored signature, was recorded before.
    pub fn is_used(&self, approves_or_armored: &str) -> bool {
        self.used.contains(approves_or_armored.trim())
    }

    /// All of them, oldest first.
    pub fn all(&self) -> &[Signed] {
        &self.given
    }

    /// The moment at which they are seen.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The roles that validate the checklist.
    pub fn validates(&self) -> &[RoleId] {
        &self.validates
    }

    /// The last signature of `role` on an item of a subject that `counts`, whatever has changed since.
    pub(super) fn last(
        &self,
        item: &ItemId,
        subject: &Subject,
        role: &RoleId,
        counts: impl Fn(&Signature, &Covered) -> bool,
    ) -> Option<(&Signed, &Covered)> {
        self.given.iter().rev().filter(|given| given.signature.role == *role).find_map(|given| {
            let covered = given.signature.covers(item, subject)?;
            counts(&given.signature, covered).then_some((given, covered))
        })
    }

    /// The last statement of `role` on a manual item, also where the item's text has changed since.
    fn statement(&self, item: &Item, subject: &Subject, role: &RoleId) -> Option<(&Signed, &Covered)> {
        self.last(&item.id, subject, role, |signature, covered| {
            signature.outcome != Opinion::Waived && covered.finding.is_none()
        })
    }

    /// The statements that count for a manual item: the last of each of its roles, on its present
    /// text, as long as it is valid.
    pub fn valid<'a>(&'a self, item: &'a Item, subject: &'a Subject) -> impl Iterator<Item = &'a Signed> {
        let digest = item.digest();
        item.roles
            .iter()
            .filter_map(move |role| self.statement(item, subject, role))
            .filter(move |(given, covered)| covered.text == digest && !self.expired(item, given))
            .map(|(given, _)| given)
    }

    /// Whether the item asks for a younger signature.
    fn expired(&self, item: &Item, given: &Signed) -> bool {
        let valid = item.valid_for.and_then(|valid| SignedDuration::try_from(valid).ok());
        valid.is_some_and(|valid| self.now.duration_since(given.at) > valid)
    }

    /// The roles that still have to state a manual item.
    pub fn missing<'a>(&'a self, item: &'a Item, subject: &'a Subject) -> impl Iterator<Item = &'a RoleId> {
        item.roles.iter().filter(move |role| !self.valid(item, subject).any(|given| given.signature.role == **role))
    }

    /// The verdict on a manual item, with its reason where it has not passed.
    pub fn verdict(&self, item: &Item, subject: &Subject) -> (Verdict, Option<String>) {
        if let Some(Signed { signature, .. }) =
            self.valid(item, subject).find(|given| given.signature.outcome == Opinion::Ko)
        {
            let reason = format!("{} ({}) says no: {}", signature.person, signature.role, signature.note);
            return (Verdict::not_held(item.severity), Some(reason));
        }
        let missing: Vec<&RoleId> = self.missing(item, subject).collect();
        if missing.is_empty() {
            return (Verdict::Pass, None);
        }
        let before = missing.iter().find_map(|role| self.statement(item, subject, role));
        let change = match (before, item.valid_for) {
            (Some((_, covered)), _) if covered.text != item.digest() => "; its text has changed since it was signed",
            (Some(_), Some(valid)) => &format!("; a signature is valid for {} hours", valid.as_secs() / 3600),
            _ => "",
        };
        let roles = missing.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
        (Verdict::Pending, Some(format!("to be signed by {roles}{change}")))
    }

    /// SHA-256 of what a validation covers, as hex: the finding, how often another was recorded before
    /// it, and of a manual item what the persons stated.
    pub fn approved(&self, item: &Item, finding: &Finding) -> String {
        let changes = self.history.changes(&finding.item, &finding.subject);
        self.covered(item, finding, changes)
    }

    /// SHA-256 of what a waiver covers, as hex. `bare` is the finding without one, in the journal or not yet.
    pub fn waivable(&self, item: &Item, bare: &Finding) -> String {
        match &item.check {
            Check::Probe { .. } => self.covered(item, bare, self.history.changes_with(bare)),
            // That a statement grows old is no news: what was stated last is waived.
            Check::Manual { .. } => {
                let stated = self.stated(item, &bare.subject);
                sha256(serde_json::json!([item.id, bare.subject, bare.digest, stated]).to_string().as_bytes())
            }
        }
    }

    fn covered(&self, item: &Item, finding: &Finding, changes: u32) -> String {
        let approved = match &item.check {
            Check::Probe { .. } => serde_json::json!([finding.approved(), changes]),
            Check::Manual { .. } => serde_json::json!([finding.approved(), self.stated(item, &finding.subject)]),
        };
        sha256(approved.to_string().as_bytes())
    }

    /// The digests of the last statements on a manual item, each by another role, valid or not.
    fn stated(&self, item: &Item, subject: &Subject) -> Vec<&str> {
        let last = item.roles.iter().filter_map(|role| self.statement(item, subject, role));
        last.map(|(given, _)| given.signature.approves.as_str()).collect()
    }

    /// Everybody who has run an item since its finding is the present one.
    pub fn operators(&self, item: &ItemId, subject: &Subject) -> &[String] {
        self.history.operators(item, subject)
    }
}

#[cfg(test)]
pub(super) mod tests;
