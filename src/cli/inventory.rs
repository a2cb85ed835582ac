//! `traghetto inventory`.

mod list;
mod schema;
mod show;

use super::Context;
use crate::failure::{Failure, Kind};
use crate::inventory;
use crate::inventory::problem::{nearest, quote, quoted_list};
use crate::inventory::secrets;
use crate::model::tenant::Tenant;
use crate::model::{Inventory, TenantId};
use serde_json::json;

/// `traghetto inventory`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Check every file and print every problem, each with its place and a hint.
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
        Command::Check { secrets } => check(secrets, context),
        Command::List => {
            list::run(&load(context)?, context);
            Ok(())
        }
        Command::Show { tenant: name } => {
            let inventory = load(context)?;
            show::run(tenant(&inventory, &name)?, &inventory.project, context);
            Ok(())
        }
        Command::Schema(args) => schema::run(&args, context),
    }
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

/// The problems are the data of this command: they go to stdout.
fn check(with_secrets: bool, context: &Context) -> Result<(), Failure> {
    let found = inventory::load(&context.root).and_then(|inventory| {
        if with_secrets { secrets::check(&context.root, &inventory).map(|()| inventory) } else { Ok(inventory) }
    });
    match found {
        Ok(inventory) => {
            if context.json {
                context.ui.json(&json!({"ok": true, "tenants": inventory.tenants.len(), "problems": []}));
            } else {
                context.ui.data(&format!("{}\n", summary(&inventory)));
            }
            Ok(())
        }
        Err(problems) => {
            if context.json {
                context.ui.json(&json!({"ok": false, "problems": problems}));
            } else {
                let lines: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
                context.ui.data(&lines);
            }
            Err(Failure::new(Kind::Invalid, problems.count())
                .hint("Checks between files run on the files that are good by themselves: check again after mending."))
        }
    }
}

fn summary(inventory: &Inventory) -> String {
    let servers: usize = inventory.tenants.values().filter_map(|tenant| tenant.servers.known()).map(Vec::len).sum();
    let sites: usize = inventory.tenants.values().filter_map(|tenant| tenant.sites.known()).map(Vec::len).sum();
    let (tenants, persons) = (inventory.tenants.len(), inventory.people.persons.len());
    format!("no problem: tenants {tenants}, servers {servers}, sites {sites}, persons {persons}")
}
