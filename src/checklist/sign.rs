//! Signatures: what they approve, and when they count.
//!
//! A signature covers a list of items. On a manual item it is a statement: what only a person can
//! know holds, or does not. In a role that validates the checklist it approves what was found. A
//! waiver lets an item pass until a day, although it does not hold. Each names the SHA-256 of what it
//! approves, so that a change of an item's text, or another finding, reopens it.

use super::finding::{Finding, Subject, Verdict};
use super::item::{Checklist, Item, ItemId, Phase};
use crate::journal::Event;
use crate::model::calendar::{italian, rome};
use crate::model::{PersonId, RoleId};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

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
    /// The word in JSON and in what is signed.
    pub fn word(self) -> &'static str {
        match self {
            Opinion::Ok => "ok",
            Opinion::Ko => "ko",
            Opinion::Waived => "waived",
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
    /// SHA-256 of the approved part of the finding; none where the person states it or waives it.
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

/// A signed document that was received, kept by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Name of the file.
    pub file: String,
    /// SHA-256 of its bytes, as hex.
    pub sha256: String,
    /// How it is signed.
    pub kind: DocumentKind,
    /// Its number in the protocol register.
    pub prot: String,
    /// Its date in the register.
    pub date: Date,
}

/// How a document is signed. Its signature is not verified by traghetto.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// By hand, on paper: a scan.
    Paper,
    /// In the PDF (PAdES).
    Pades,
    /// In an envelope around it (CAdES, `.p7m`).
    P7m,
}

impl DocumentKind {
    /// The kind of a file, from its bytes.
    pub fn of(bytes: &[u8]) -> Self {
        // The identifier of PKCS #7 signed data opens every .p7m in DER.
        const SIGNED_DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
        let has = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        let opening = bytes.get(..32).unwrap_or(bytes);
        if has(opening, SIGNED_DATA) || opening.starts_with(b"-----BEGIN PKCS7") || opening.starts_with(b"MII") {
            DocumentKind::P7m
        } else if bytes.starts_with(b"%PDF") && has(bytes, b"/ByteRange") {
            DocumentKind::Pades
        } else {
            DocumentKind::Paper
        }
    }
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

/// The signatures of one tenant's checklist, in the order in which they were given, seen at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signatures {
    given: Vec<Signed>,
    validates: Vec<RoleId>,
    now: Timestamp,
}

impl Signatures {
    /// The signatures on `checklist` among a tenant's events, seen at `now`; events of another shape are left out.
    pub fn read(checklist: &Checklist, events: &[Event], now: Timestamp) -> Self {
        let signed = |event: &Event| {
            let signature = Signature::deserialize(&event.data).ok()?;
            let at = event.time.parse().ok()?;
            Some(Signed { at, time: event.time.clone(), operator: event.operator.clone(), signature })
        };
        let ours = events.iter().filter(|event| event.kind == Signature::KIND).filter_map(signed);
        let given = ours.filter(|signed| signed.signature.phase == checklist.phase).collect();
        Self { given, validates: checklist.validates.clone(), now }
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

    /// The roles that waive an item, all of them: those that validate, or else its own.
    pub fn waived_by<'a>(&'a self, item: &'a Item) -> &'a [RoleId] {
        if self.validates.is_empty() { &item.roles } else { &self.validates }
    }

    /// The waiver of an item that counts: given by every role that has to, on its present text, for today.
    pub fn waiver(&self, item: &Item, subject: &Subject) -> Option<Waiver> {
        let (today, digest) = (self.now.to_zoned(rome()).date(), item.digest());
        let mut waiver: Option<Waiver> = None;
        for role in self.waived_by(item) {
            let waives = |signature: &Signature, _: &Covered| signature.outcome == Opinion::Waived;
            let (Signed { signature, .. }, covered) = self.last(&item.id, subject, role, waives)?;
            let until = signature.until.filter(|until| *until >= today && covered.text == digest)?;
            let own = waiver.get_or_insert_with(|| Waiver { until, by: Vec::new(), reason: signature.note.clone() });
            own.until = own.until.min(until);
            own.by.push(signature.person.clone());
        }
        waiver
    }

    /// The finding as it counts: one that has not passed, but is waived, says so.
    #[must_use]
    pub fn weigh(&self, item: &Item, mut finding: Finding) -> Finding {
        if matches!(finding.verdict, Verdict::Pass | Verdict::Skipped | Verdict::Waived) {
            return finding;
        }
        if let Some(waiver) = self.waiver(item, &finding.subject) {
            let by = waiver.by.iter().map(PersonId::as_str).collect::<Vec<_>>().join(", ");
            let was = finding.reason.as_deref().unwrap_or_default();
            let until = italian(waiver.until);
            finding.reason =
                Some(format!("waived until {until} by {by}: {} ({}: {was})", waiver.reason, finding.verdict.word()));
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

#[cfg(test)]
pub(super) mod tests;
