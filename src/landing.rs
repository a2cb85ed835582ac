//! The landing: from a verified replica to a virtual machine at the SAD.
//!
//! A replica is never booted: its clone is. Where clones lie, how they become a machine and who turns
//! it on differs by way ([`Way`]); what can be asked of every way is one trait ([`LandingZone`]).
//! Every act looks first and is repeated without harm: a machine is known again by a mark that only
//! its [`Identity`] has, so that a command that was killed makes no second one when it is given again.

mod blueprint;
pub mod convert;
mod directory;
mod error;
mod identity;
pub mod vmdk;
mod vsphere;
mod way;
mod zone;

pub use blueprint::{Blueprint, BlueprintDisk, BlueprintNic, Found, blueprint};
pub use error::LandingError;
pub use identity::{Identity, Lan, Purpose};
pub use way::Way;
pub use zone::{LandingZone, Machine, OnProgress, Port, Power, Prepared, Relocated, Standing};

/// A tenant and a server for unit tests: those of the project.
#[cfg(test)]
fn sample() -> (crate::model::tenant::Tenant, crate::model::server::Server) {
    let inventory = crate::inventory::load(std::path::Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let tenant = inventory.tenants.into_values().find(|tenant| tenant.id.as_str() == "cinto-caomaggiore").unwrap();
    let server = tenant.servers.known().unwrap()[0].clone();
    (tenant, server)
}
