//! What only shows between files, or between distant parts of one.

use super::form::Decoded;
use super::problem::{Complaint, Problems};
use crate::model::fees::Schedules;
use crate::model::people::People;
use crate::model::project::Project;
use crate::model::tenant::Tenant;
use crate::model::{Inventory, TenantId};

/// The files of the inventory, each as far as it could be decoded.
pub(super) struct Files {
    pub(super) project: Decoded<Project>,
    pub(super) fees: Decoded<Schedules>,
    pub(super) people: Decoded<People>,
    pub(super) tenants: Vec<TenantFile>,
}

/// A tenant's file.
pub(super) struct TenantFile {
    /// The id that its name says.
    pub(super) id: TenantId,
    pub(super) decoded: Decoded<Tenant>,
}

impl Files {
    /// The inventory, if every file could be decoded.
    pub(super) fn into_inventory(self) -> Option<Inventory> {
        let tenants = self.tenants.into_iter().map(|file| Some((file.id, file.decoded.value?)));
        Some(Inventory {
            tenants: tenants.collect::<Option<_>>()?,
            project: self.project.value?,
            fees: self.fees.value?,
            people: self.people.value?,
        })
    }
}

/// Runs every check for which enough could be decoded.
pub(super) fn run(files: &Files, problems: &mut Problems) {
    for file in &files.tenants {
        if let Some(tenant) = &file.decoded.value
            && tenant.id != file.id
        {
            let complaint = Complaint::new(format!("the file is named {}.yaml", file.id));
            file.decoded.refuse("tenant.id", complaint.hint("name file and tenant alike"), problems);
        }
    }
}
