//! The nouns of the project: what the inventory says is true.
//!
//! Uses nothing else of ours: no files, no clock, no network. Every value here was checked when it
//! was made, so that code which receives one need not check it again.

pub mod bilingual;
pub mod calendar;
pub mod converter;
pub mod fees;
pub mod ids;
pub mod link;
pub mod machine;
pub mod money;
pub mod notify;
pub mod people;
pub mod project;
pub mod project_calendar;
pub mod rate_calendar;
pub mod router_access;
pub mod script_access;
pub mod secret;
pub mod server;
pub mod tenant;
pub mod vsphere;
pub mod window;

pub use ids::{DiskId, GateId, LandingId, ManualId, PersonId, RoleId, ServerId, SiteId, TenantId};
pub use money::Euro;

use std::collections::BTreeMap;

/// Everything the inventory folder says, checked as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Inventory {
    /// `project.yaml`.
    pub project: project::Project,
    /// `fees.yaml`.
    pub fees: fees::Schedules,
    /// `people.yaml`.
    pub people: people::People,
    /// `tenants/*.yaml`, by id.
    pub tenants: BTreeMap<TenantId, tenant::Tenant>,
}

impl Inventory {
    /// The inventory as `tenant` sees it: project, landing and network are those of its landing site.
    #[must_use]
    pub fn for_tenant(&self, tenant: &tenant::Tenant) -> Self {
        Self { project: self.project.at(tenant.landing_site.as_ref()), ..self.clone() }
    }
}

/// A value of the project documents that may not be known yet: printed `non noto`, never as 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Known<T> {
    /// The inventory says it.
    Known(T),
    /// The inventory says that nobody knows it.
    Unknown,
}

impl<T> Known<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Known::Known(value) => Some(value),
            Known::Unknown => None,
        }
    }
}

/// In JSON what is not known is `null`.
impl<T: serde::Serialize> serde::Serialize for Known<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.known().serialize(serializer)
    }
}
