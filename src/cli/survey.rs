//! `traghetto survey`.

mod measure;
mod report;

use super::Context;
use super::{inventory, journal, operator};
use crate::failure::{Failure, Kind};
use crate::journal::Journal;
use crate::migration::Measured;
use crate::model::server::Server;
use crate::model::tenant::Tenant;
use crate::model::{PersonId, TenantId};
use crate::survey::{self, Found, Mark};
use crate::untrusted::printable;
use crate::world::ssh::Trust;
use serde_json::json;

/// `traghetto survey`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id.
    tenant: String,
    /// Only this server; may be given again.
    #[arg(long, value_name = "SERVER")]
    server: Vec<String>,
    /// Also measure the disks: read their maps and a sample with the agent, for the forecast of `migrate plan`.
    #[arg(long)]
    measure: bool,
    /// Allow the agent on a disk of the source where no memory filesystem lets it run.
    #[arg(long, requires = "measure")]
    agent_on_disk: bool,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let (inventory, tenant) = inventory::load_for(context, &args.tenant)?;
    let tenant = &tenant;
    let servers = chosen(tenant, &args.server)?;
    let operator = operator::resolve(context, &inventory)?;
    let journal = journal::open(context, &inventory).await?;
    let mark = fresh_mark()?;
    let names: Vec<&str> = servers.iter().map(|server| server.id.as_str()).collect();
    context.ui.status(&format!("Asking {}: each runs one script that only reads.", names.join(", ")));
    let found = survey::survey(&servers, &Trust::of_operator(&context.root), &mark).await;
    record(&journal, &tenant.id, &operator, &servers, &found).await?;
    let mut measured = Vec::new();
    if args.measure {
        let asked: Vec<_> = servers.iter().zip(&found).collect();
        let scene = measure::Scene { inventory: &inventory, tenant, operator: &operator, journal: &journal };
        measured = scene.measure(&asked, args.agent_on_disk, context).await?;
    }
    journal::tell_repairs(context, &journal);
    if context.json {
        context.ui.json(&report::json(&tenant.id, &servers, &found, &measured));
    } else {
        context.ui.data(&report::table(&servers, &found, &context.ui));
        context.ui.data(&measure::table(&measured, &context.ui));
    }
    verdict(&servers, found, measured)
}

/// The servers named by `--server`, or all that can be asked.
fn chosen(tenant: &Tenant, names: &[String]) -> Result<Vec<Server>, Failure> {
    let all = tenant.servers.known().map(Vec::as_slice).unwrap_or_default();
    if all.is_empty() {
        return Err(Failure::new(Kind::Invalid, format!("the inventory knows no server of {}", tenant.name))
            .hint(format!("Write them under `servers` in inventory/tenants/{}.yaml.", tenant.id)));
    }
    if names.is_empty() {
        return Ok(all.to_vec());
    }
    let named = |name: &String| {
        all.iter().find(|server| server.id.as_str() == name).cloned().ok_or_else(|| {
            let ids: Vec<&str> = all.iter().map(|server| server.id.as_str()).collect();
            Failure::new(Kind::Usage, format!("{} has no server `{}`", tenant.id, printable(name)))
                .hint(format!("Its servers are {}.", ids.join(", ")))
        })
    };
    let mut chosen: Vec<Server> = names.iter().map(named).collect::<Result<_, _>>()?;
    chosen.dedup_by(|a, b| a.id == b.id);
    Ok(chosen)
}

/// A mark that no host knows before it is asked.
fn fresh_mark() -> Result<Mark, Failure> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::new(Kind::Failed, error).hint("The system gives no random numbers."))?;
    Ok(Mark::new(random))
}

/// One event for each server that answered.
async fn record(
    journal: &Journal,
    tenant: &TenantId,
    operator: &PersonId,
    servers: &[Server],
    found: &[Found],
) -> Result<(), Failure> {
    for (server, found) in servers.iter().zip(found) {
        if let Found::Surveyed(survey, differences) = found {
            let data = json!({ "server": server.id, "survey": survey, "differences": differences });
            journal.append(tenant, operator.as_str(), "survey.recorded", data).await?;
        }
    }
    Ok(())
}

/// The worst of what was found: unreachable, then refused, then not measured, then different.
fn verdict(servers: &[Server], found: Vec<Found>, measured: Vec<(Server, Measured)>) -> Result<(), Failure> {
    let differing = servers
        .iter()
        .zip(&found)
        .filter(|(_, found)| matches!(found, Found::Surveyed(_, differences) if !differences.is_empty()))
        .map(|(server, _)| server.id.to_string())
        .collect::<Vec<_>>();
    let asked = found.iter().any(|found| !matches!(found, Found::NoAccess));
    let mut failed: Vec<Failure> =
        servers.iter().zip(found).filter_map(|(server, found)| failure(server, found)).collect();
    failed.extend(measured.into_iter().filter_map(|(_, measured)| measured.trouble).map(Failure::from));
    failed.sort_by_key(|failure| failure.kind() != Kind::Unreachable);
    let safe = "The surveys of the hosts that answered are recorded.";
    if let Some(first) = failed.into_iter().next() {
        return Err(first.hint(safe));
    }
    if !asked {
        return Err(Failure::new(Kind::Invalid, "the inventory does not say how to reach any of these servers")
            .hint("Write `access: {host: …, user: …, key: …}` beside each server."));
    }
    if !differing.is_empty() {
        let what = format!("the inventory differs from what was found on {}", differing.join(", "));
        return Err(Failure::new(Kind::CheckFailed, what)
            .hint("Nothing was changed. Correct the one that is wrong.")
            .hint(safe));
    }
    Ok(())
}

/// Why a server has no survey, if it should.
fn failure(server: &Server, found: Found) -> Option<Failure> {
    match found {
        Found::Failed(error) => Some(Failure::from(error)),
        Found::Malformed { status, errors } => {
            let said = if errors.is_empty() { String::new() } else { format!(": {}", printable(&errors)) };
            let what = format!("{} did not run the survey (exit status {status}){said}", server.id);
            Some(
                Failure::new(Kind::Failed, what)
                    .hint("The login shell must give /bin/sh to commands, and print nothing."),
            )
        }
        Found::Surveyed(..) | Found::NoAccess => None,
    }
}
