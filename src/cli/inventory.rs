//! `traghetto inventory`.

mod check;
mod list;
mod schema;
mod show;

use super::Context;
use crate::failure::{Failure, Kind};
use crate::inventory;
use crate::inventory::problem::{nearest, quote, quoted_list};
use crate::model::tenant::Tenant;
use crate::model::{Inventory, TenantId};

/// `traghetto inventory`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Check the inventory, playbooks and checklists; print every problem with its place and a hint.
    Check {
        /// Also look whether each key file, secret file and variable that is referred to exists.
        #[arg(long)]
        secrets: bool,
    },
    /// List the tenants.
    List,
    /// Show what is known of one tenant.
    Show {
        /// The tenant's id.
        tenant: String,
    },
    /// Print the JSON Schema of a kind of file, for editors.
    Schema(schema::Args),
}

/// Runs the command.
pub fn run(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Check { secrets } => check::run(secrets, context),
        Command::List => {
            list::run(&load(context)?, context);
            Ok(())
        }
        Command::Show { tenant: name } => {
            let (inventory, tenant) = load_for(context, &name)?;
            show::run(&tenant, &inventory, context);
            Ok(())
        }
        Command::Schema(args) => schema::run(&args, context),
    }
}

/// The inventory below `--root` as the tenant called `name` sees it, with the tenant: project, landing
/// and network are those of its landing site.
///
/// # Errors
/// As [`load`] and [`tenant`].
pub fn load_for(context: &Context, name: &str) -> Result<(Inventory, Tenant), Failure> {
    let inventory = load(context)?;
    let tenant = tenant(&inventory, name)?.clone();
    Ok((inventory.for_tenant(&tenant), tenant))
}

/// The inventory below `--root`.
///
/// # Errors
/// Every problem of the files; exit code 3.
pub fn load(context: &Context) -> Result<Inventory, Failure> {
    inventory::load(&context.root).map_err(|problems| {
        Failure::new(Kind::Invalid, problems)
            .hint("Nothing was changed. Mend these and run `traghetto inventory check`.")
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
