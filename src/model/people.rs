//! Who may sign, execute and be called.

use super::{PersonId, RoleId, TenantId};
use std::collections::BTreeMap;

/// `people.yaml`: the roles of the project and the persons who hold them.
#[derive(Debug, Clone, PartialEq)]
pub struct People {
    /// The roles that playbooks and checklists name.
    pub roles: BTreeMap<RoleId, Role>,
    /// The persons, by id.
    pub persons: BTreeMap<PersonId, Person>,
}

/// A role.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Italian title, as printed on documents.
    pub title: String,
    /// Which side of a joint validation the role speaks for.
    pub side: Side,
}

/// The two sides of a joint validation ("attività congiunta di Comune e SAD"), and who executes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The tenant (and its external firm).
    Comune,
    /// The data center that validates.
    Sad,
    /// The technical operator (Venis).
    Operator,
    /// Anyone else: carrier, lead authority.
    Other,
}

/// A person who holds roles.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Id.
    pub id: PersonId,
    /// Name as printed.
    pub name: String,
    /// Roles the person holds.
    pub roles: Vec<RoleId>,
    /// The only tenant the person speaks for; none means every tenant.
    pub tenant: Option<TenantId>,
    /// How to reach the person at night: phone or mail, free text.
    pub contact: Option<String>,
    /// Login name on the operations host, by which the operator of an event is recognised.
    pub login: Option<String>,
    /// OpenSSH public key line with which the person signs.
    pub signing_key: Option<String>,
    /// Whether the entry is invented, for examples and demonstrations.
    pub example: bool,
}

impl People {
    /// Persons who hold `role` for `tenant`.
    pub fn holders<'a>(&'a self, role: &'a RoleId, tenant: &'a TenantId) -> impl Iterator<Item = &'a Person> {
        self.persons.values().filter(move |person| person.holds(role, tenant))
    }
}

impl Person {
    /// Whether the person holds `role` for `tenant`.
    pub fn holds(&self, role: &RoleId, tenant: &TenantId) -> bool {
        self.roles.contains(role) && self.tenant.as_ref().is_none_or(|own| own == tenant)
    }
}
