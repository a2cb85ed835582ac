//! `traghetto network`.

mod check;
mod diff;
mod folder;
mod import;
mod kit;
mod plan;
mod push;
mod render;
mod simulate;
mod sla;

pub(super) use render::{templates, unrendered};

use super::{Context, inventory};
use crate::failure::{Failure, Kind};
use crate::network::NetworkPlan;
use crate::network::problem::NetworkProblems;

/// `traghetto network`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show a tenant's addressing, routers and routes, and where each value comes from.
    Plan(plan::Args),
    /// Bring routers from what runs to what is wanted, safely: archive, revert timer, checks, confirm, save.
    Push(Box<push::Args>),
    /// Write the configurations of routers, firewall and machines as text.
    Render(render::Args),
    /// Check the text of routers, rendered or brought, by numbered rules.
    Check(check::Args),
    /// Print the cutover of a server as one runbook, and what the carrier is asked for.
    Kit(kit::Args),
    /// Compare what runs on routers with what is wanted: the lines there and back, each state simulated.
    Diff(diff::Args),
    /// Draft a tenant's file from the running configurations of its routers.
    Import(import::Args),
    /// Let everything fail that can, and say what is lost, for how long and why.
    Simulate(simulate::Args),
    /// Say by when a reported fault of a link must be restored.
    Sla(sla::Args),
}

/// Runs the command.
pub async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Plan(args) => plan::run(&args, context),
        Command::Push(args) => push::run(&args, context).await,
        Command::Render(args) => render::run(&args, context),
        Command::Check(args) => check::run(&args, context),
        Command::Kit(args) => kit::run(&args, context),
        Command::Diff(args) => diff::run(&args, context),
        Command::Import(args) => import::run(&args, context),
        Command::Simulate(args) => simulate::run(&args, context),
        Command::Sla(args) => sla::run(&args, context),
    }
}

/// The decided network of the tenant called `name`, site by site.
fn decided(context: &Context, name: &str) -> Result<Vec<NetworkPlan>, Failure> {
    let inventory = inventory::load(context)?;
    let tenant = inventory::tenant(&inventory, name)?;
    Ok(NetworkPlan::new(&inventory, tenant).map_err(refused)?.sites())
}

/// The site that is meant: the named one, that of the server, or the only one.
fn meant(sites: Vec<NetworkPlan>, site: Option<&str>, server: Option<&str>) -> Result<NetworkPlan, Failure> {
    let names: Vec<String> = sites.iter().map(|plan| plan.site.to_string()).collect();
    let tenant = sites.first().map(|plan| plan.tenant.to_string()).unwrap_or_default();
    let holds = |plan: &NetworkPlan| server.is_some_and(|id| plan.servers.iter().any(|own| own.id.as_str() == id));
    let known = sites.iter().any(holds);
    let only = sites.len() == 1;
    let fits = |plan: &NetworkPlan| match site {
        Some(site) => plan.site.as_str() == site,
        None => only || holds(plan),
    };
    if let Some(plan) = sites.into_iter().find(fits) {
        return Ok(plan);
    }
    let what = match (site, server) {
        (Some(site), _) => format!("{tenant} has no site {}", crate::untrusted::printable(site)),
        (None, Some(server)) if !known => format!("{tenant} has no server {}", crate::untrusted::printable(server)),
        _ => format!("{tenant} has {} sites, and routers of one are compared at a time", names.len()),
    };
    Err(Failure::new(Kind::Usage, what)
        .hint(format!("No router was touched. Write `--site SITE`; its sites: {}.", names.join(", "))))
}

/// What stands against a plan is mended in the inventory.
fn refused(problems: NetworkProblems) -> Failure {
    Failure::new(Kind::Invalid, problems).hint("Nothing was rendered and no router was touched.")
}
