//! Signatures of manual items: what they approve, when they count, who may give them.

use super::finding::{Subject, Verdict};
use super::item::{Item, ItemId, Phase};
use crate::model::people::People;
use crate::model::{PersonId, RoleId, TenantId};
use serde::{Deserialize, Serialize};

/// What a person says of a manual item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opinion {
    /// It holds.
    Ok,
    /// It does not.
    Ko,
}

/// One signature: the data of an event [`Signature::KIND`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The checklist.
    pub phase: Phase,
    /// The item.
    pub item: ItemId,
    /// What the item was asked of.
    #[serde(flatten)]
    pub subject: Subject,
    /// The role in which it is given.
    pub role: RoleId,
    /// Who gives it.
    pub person: PersonId,
    /// What it says.
    pub outcome: Opinion,
    /// What was seen, in the person's words.
    pub note: String,
    /// SHA-256 of the item's text, as hex: with another text the signature does not count.
    pub digest: String,
}

impl Signature {
    /// The kind of its event in the journal.
    pub const KIND: &'static str = "checklist.signed";
}

/// The signatures of one tenant's checklist, in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signatures(Vec<Signature>);

/// Why a signature is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The program finds it out itself.
    #[error("{item} is checked by the program: nobody signs it")]
    NotManual {
        /// The item.
        item: ItemId,
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
}

impl Signatures {
    /// The signatures of `phase` among the data of events; data of another shape is left out.
    pub fn read<'a>(phase: Phase, data: impl Iterator<Item = &'a serde_json::Value>) -> Self {
        let given = data.filter_map(|value| Signature::deserialize(value).ok());
        Self(given.filter(|signature| signature.phase == phase).collect())
    }

    /// The last signature of `role` on `item`, also where the item's text has changed since.
    pub fn last(&self, item: &ItemId, subject: &Subject, role: &RoleId) -> Option<&Signature> {
        let same = |given: &&Signature| given.item == *item && given.subject == *subject && given.role == *role;
        self.0.iter().rev().find(same)
    }

    /// The signatures that count for `item`: the last of each of its roles, on its present text.
    pub fn valid<'a>(&'a self, item: &'a Item, subject: &'a Subject) -> impl Iterator<Item = &'a Signature> {
        let digest = item.digest();
        item.roles
            .iter()
            .filter_map(move |role| self.last(&item.id, subject, role))
            .filter(move |given| given.digest == digest)
    }

    /// The verdict on a manual item, with its reason where it has not passed.
    pub fn verdict(&self, item: &Item, subject: &Subject) -> (Verdict, Option<String>) {
        if let Some(refusal) = self.valid(item, subject).find(|given| given.outcome == Opinion::Ko) {
            let reason = format!("{} ({}) says no: {}", refusal.person, refusal.role, refusal.note);
            return (Verdict::not_held(item.severity), Some(reason));
        }
        let missing: Vec<&RoleId> =
            item.roles.iter().filter(|role| !self.valid(item, subject).any(|given| given.role == **role)).collect();
        if missing.is_empty() {
            return (Verdict::Pass, None);
        }
        let reopened = missing.iter().any(|role| self.last(&item.id, subject, role).is_some());
        let change = if reopened { "; its text has changed since it was signed" } else { "" };
        let roles = missing.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
        (Verdict::Pending, Some(format!("to be signed by {roles}{change}")))
    }

    /// Checks that `person` may sign `item` as `role` for `tenant`.
    pub fn admit(
        &self,
        item: &Item,
        subject: &Subject,
        (person, role, tenant): (&PersonId, &RoleId, &TenantId),
        people: &People,
    ) -> Result<(), SignError> {
        if item.kind() != "manual" {
            return Err(SignError::NotManual { item: item.id.clone() });
        }
        if !item.roles.contains(role) {
            let roles = item.roles.iter().map(RoleId::as_str).collect::<Vec<_>>().join(", ");
            return Err(SignError::WrongRole { item: item.id.clone(), role: role.clone(), roles });
        }
        let Some(known) = people.persons.get(person) else {
            return Err(SignError::UnknownPerson { person: person.clone() });
        };
        if !known.holds(role, tenant) {
            return Err(SignError::NotHeld { person: person.clone(), role: role.clone(), tenant: tenant.clone() });
        }
        let side = |role: &RoleId| people.roles.get(role).map(|role| role.side);
        let other = self.valid(item, subject).find(|given| given.person == *person && side(&given.role) != side(role));
        match other.map(|given| given.role.clone()) {
            Some(other) => Err(SignError::BothSides { person: person.clone(), item: item.id.clone(), other }),
            None => Ok(()),
        }
    }
}
