//! Why a signature is not taken.

use super::super::item::ItemId;
use super::{LONGEST_WAIVER, Open};
use crate::model::calendar::italian;
use crate::model::{PersonId, RoleId, TenantId};
use crate::untrusted::printable;
use jiff::civil::Date;

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
    #[error("{person} has carried out {item}: what only the data center validates is signed by another person")]
    Executor {
        /// Who.
        person: PersonId,
        /// The item.
        item: ItemId,
    },
    /// What is to be validated is not settled.
    #[error("`{role}` cannot validate yet: {}", listed(items))]
    NotSettled {
        /// The role.
        role: RoleId,
        /// The items with their verdicts.
        items: Vec<Open>,
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
    /// A waiver does not last for ever.
    #[error("a waiver lasts {LONGEST_WAIVER} days at most, until {last}")]
    WaiverTooLong {
        /// The last day that may be named.
        last: Date,
    },
    /// Only a waiver has a last day.
    #[error("only a waiver has a last day")]
    EndOfNoWaiver,
    /// One operator would stand for both sides.
    #[error(
        "the signature of {other} as `{other_role}` on {item} was typed with {operator}, who would type this one, too: \
         both sides of a joint validation would rest on one operator's word"
    )]
    OneOperator {
        /// Who typed both.
        operator: PersonId,
        /// Who signed for the other side.
        other: PersonId,
        /// In which role.
        other_role: RoleId,
        /// The item.
        item: ItemId,
    },
}

fn listed(open: &[Open]) -> String {
    open.iter().map(Open::to_string).collect::<Vec<_>>().join(", ")
}

impl SignError {
    /// The same for who signs.
    pub fn in_italian(&self) -> String {
        match self {
            Self::NotManual { item, role } => {
                format!("la voce {item} è verificata dal programma: il ruolo «{role}» non la firma")
            }
            Self::UnknownPerson { person } => format!("la persona «{person}» non esiste"),
            Self::WrongRole { item, role, roles } => {
                format!("la voce {item} non è firmata dal ruolo «{role}», ma da {roles}")
            }
            Self::NotHeld { person, role, tenant } => {
                format!("{person} non ha il ruolo «{role}» per {tenant}")
            }
            Self::BothSides { person, item, other } => {
                format!("{person} ha firmato {item} come «{other}»: le due parti firmano con due persone diverse")
            }
            Self::Executor { person, item } => {
                format!(
                    "{person} ha eseguito {item}: ciò che valida soltanto il data center è firmato da un'altra persona"
                )
            }
            Self::NotSettled { role, items } => {
                let items = items.iter().map(Open::in_italian).collect::<Vec<_>>().join(", ");
                format!("il ruolo «{role}» non può ancora validare: {items}")
            }
            Self::Nothing { role } => format!("nessuna voce della lista attende il ruolo «{role}»"),
            Self::Skipped { item, reason } => format!("la voce {item} non è da firmare: {}", printable(reason)),
            Self::WaiverOfAll => "una deroga nomina le sue voci una per una".to_owned(),
            Self::WaiverEnded => "una deroga termina in un giorno non ancora passato".to_owned(),
            Self::WaiverTooLong { last } => {
                format!("una deroga dura al massimo {LONGEST_WAIVER} giorni, fino al {}", italian(*last))
            }
            Self::EndOfNoWaiver => "soltanto una deroga ha un ultimo giorno".to_owned(),
            Self::OneOperator { operator, other, other_role, item } => format!(
                "la firma di {other} come «{other_role}» su {item} è stata digitata da {operator}, che digiterebbe anche \
                 questa: le due parti della validazione congiunta si fonderebbero sulla parola di un solo operatore"
            ),
        }
    }
}
