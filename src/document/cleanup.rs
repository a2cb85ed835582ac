//! What is cleaned up after the move, before activity 6 is accepted: what still names the old machines, and what was
//! opened for the copying. Each line says who does it and how it is checked.
//!
//! [`Cleanup`] is the value, derived from the servers' roles, addresses and accounts, and from the temporary way that
//! the copying took. What goes on under its old name is named, too, so that nobody deletes it.

mod page;
mod tasks;

pub use page::html;

use crate::model::bilingual::Bilingual;
use crate::model::project::Project;
use crate::model::tenant::Tenant;
use crate::model::{ServerId, TenantId};
use crate::network::migration_path::MigrationPath;
use serde::Serialize;

/// What the list is made of.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The project.
    pub project: &'a Project,
    /// Whose servers.
    pub tenant: &'a Tenant,
    /// The temporary way of the copying of each site; none where no network is planned, or none was needed.
    pub paths: &'a [&'a MigrationPath],
    /// SHA-256 of the tenant's file in the inventory, as hex.
    pub inventory: &'a str,
    /// When the list is made, as the journal writes times.
    pub time: &'a str,
}

/// The list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cleanup<'a> {
    /// Whose.
    pub tenant: &'a TenantId,
    /// When it was made.
    pub time: &'a str,
    /// SHA-256 of the tenant's file in the inventory, as hex.
    pub inventory: &'a str,
    /// What is done, by area and then in the order of the inventory.
    pub tasks: Vec<Task>,
}

/// One thing to clean up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Task {
    /// Of what it is a part.
    pub area: Area,
    /// The item of the decommissioning that it answers.
    pub item: &'static str,
    /// The server that it is about; none is the tenant.
    pub server: Option<ServerId>,
    /// Who does it.
    pub who: Doer,
    /// What is done.
    pub what: Bilingual,
    /// How it is seen that it was done.
    pub check: Bilingual,
}

/// Parts of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// The directory.
    Directory,
    /// Names and addresses.
    Names,
    /// What the LAN asks of a server: addresses, time, logs, queues, shares.
    Services,
    /// The temporary way of the copying.
    Way,
    /// Accounts and keys of the move.
    Accounts,
    /// Monitoring.
    Monitoring,
}

impl Area {
    /// All of them, in the order of the list.
    pub const ALL: [Area; 6] =
        [Area::Directory, Area::Names, Area::Services, Area::Way, Area::Accounts, Area::Monitoring];
}

/// Who does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doer {
    /// The municipality's technician, or its external firm.
    Comune,
    /// The engineer of the technical operator.
    Operator,
    /// Its network staff.
    Network,
}

impl<'a> Cleanup<'a> {
    /// The list that `sources` give.
    pub fn new(sources: &Sources<'a>) -> Self {
        let mut tasks = tasks::of(sources.tenant, sources.paths);
        tasks.extend(tasks::export(sources.project, sources.tenant));
        tasks.sort_by_key(|task| task.area);
        Self { tenant: &sources.tenant.id, time: sources.time, inventory: sources.inventory, tasks }
    }
}
