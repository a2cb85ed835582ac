//! `traghetto inventory`.

use super::Context;
use crate::failure::{Failure, Kind};
use crate::inventory;
use crate::inventory::problem::{nearest, quote, quoted_list};
use crate::model::tenant::Tenant;
use crate::model::{Inventory, TenantId};

/// `traghetto inventory`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Check every file and print every problem with its place.
    Check,
}

/// Runs the command.
pub fn run(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Check => check(context),
    }
}

/// The inventory below `--root`.
///
/// # Errors
/// Every problem of the files; exit code 3.
pub fn load(context: &Context) -> Result<Inventory, Failure> {
    inventory::load(&context.root).map_err(|problems| {
        Failure::new(Kind::Invalid, problems)
            .hint("Nothing was changed. Mend the files and run `traghetto inventory check`.")
    })
}

/// The tenant called `name`.
///
/// # Errors
/// The name is not a tenant's id; exit code 2.
pub fn tenant<'a>(inventory: &'a Inventory, name: &str) -> Result<&'a Tenant, Failure> {
    if let Some(tenant) = name.parse::<TenantId>().ok().and_then(|id| inventory.tenants.get(&id)) {
        return Ok(tenant);
    }
    let ids = || inventory.tenants.keys().map(TenantId::as_str);
    let hint = match nearest(name, ids()) {
        Some(meant) => format!("Did you mean `{meant}`?"),
        None => format!("The tenants are {}.", quoted_list(ids())),
    };
    Err(Failure::new(Kind::Usage, format!("there is no tenant {}", quote(name))).hint(hint))
}

fn check(context: &Context) -> Result<(), Failure> {
    let inventory = load(context)?;
    context.ui.data(&format!("{} tenants\n", inventory.tenants.len()));
    Ok(())
}
