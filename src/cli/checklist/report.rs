//! `traghetto checklist report`: where a checklist stands, from the journal; nobody is asked.

use super::super::{Context, inventory, journal};
use super::PhaseArg;
use super::findings::standing;
use crate::checklist::{self, Options, RunRecord, tasks};
use crate::failure::Failure;

/// `traghetto checklist report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The phase.
    #[arg(value_enum)]
    phase: PhaseArg,
    /// The tenant's id.
    tenant: String,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let inventory = inventory::load(context)?;
    let tenant = inventory::tenant(&inventory, &args.tenant)?;
    let checklist = super::load(args.phase.phase(), &inventory, context)?;
    let journal = journal::open(context, &inventory).await?;
    let events = journal.events(&tenant.id).await?;
    journal::tell_repairs(context, &journal);
    let signatures = super::signatures(checklist.phase, &events);
    let (project, baselines) = (&inventory.project, super::baselines(&events));
    let options = Options { project, server: None, signatures: &signatures, baselines: &baselines, when: None };
    let runs = events.iter().filter(|event| event.kind == RunRecord::KIND);
    let runs = runs.map(|event| (event.time.as_str(), &event.data));
    let lines = checklist::standing(&tasks(&checklist, tenant, &options), checklist.phase, runs, &signatures);
    if context.json {
        context.ui.json(&lines);
    } else {
        context.ui.data(&standing(&lines, &inventory.people, context));
    }
    Ok(())
}
