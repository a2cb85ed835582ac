//! `traghetto checklist run`: asks, records, prints.

use super::super::{Context, inventory, journal, operator};
use super::PhaseArg;
use super::findings::table;
use crate::checklist::{
    self, Finding, Keeper, Live, Moment, Options, Outcome, Phase, Redactor, RunRecord, Signatures, Subject, Verdict,
    junit,
};
use crate::failure::{Failure, Kind};
use crate::model::tenant::Tenant;
use crate::model::{Known, ServerId};
use crate::untrusted::printable;
use crate::world::secret;
use crate::world::ssh::Trust;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// `traghetto checklist run`.
///
/// Exit codes: 4 a blocker does not hold or could not be found out; 6 only because hosts cannot be
/// reached; 5 only signatures are missing. A warning that does not hold changes none of them.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The phase.
    #[arg(value_enum)]
    phase: PhaseArg,
    /// The tenant's id.
    tenant: String,
    /// Only the items of this server.
    #[arg(long, value_name = "SERVER")]
    server: Option<String>,
    /// Only the items of this moment of the landing; the acceptance needs both.
    #[arg(long, value_enum)]
    when: Option<WhenArg>,
    /// How the findings are written (default: table, or json with --json).
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write them to a file instead of stdout.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A moment of the landing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum WhenArg {
    /// The night of the cutover, before the go-back time.
    Notte,
    /// The morning after, with the offices at work.
    Mattina,
}

impl WhenArg {
    fn moment(self) -> Moment {
        match self {
            WhenArg::Notte => Moment::Notte,
            WhenArg::Mattina => Moment::Mattina,
        }
    }
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For the tools that read test results.
    Junit,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let (inventory, tenant) = inventory::load_for(context, &args.tenant)?;
    let tenant = &tenant;
    let server = args.server.as_deref().map(|name| server(tenant, name)).transpose()?;
    let checklist = super::load(args.phase.phase(), &inventory, context)?;
    if args.when.is_some() && checklist.phase != Phase::Landing {
        let text = format!("the phase {} has no night and no morning", checklist.phase);
        return Err(Failure::new(Kind::Usage, text).hint("Leave --when out: it belongs to the landing."));
    }
    let operator = operator::resolve(context, &inventory)?;
    let journal = journal::open(context, &inventory).await?;
    let events = journal.events(&tenant.id).await?;
    super::still_there(checklist.phase, tenant, server.as_ref(), &events)?;
    let signatures = Signatures::read(&checklist, &events, journal.now());
    let baselines = super::baselines(&events);
    let whole = Options::whole(&inventory.project, &signatures, &baselines);
    let options = Options { server: server.as_ref(), when: args.when.map(WhenArg::moment), ..whole };
    let live = Arc::new(Live::new(Trust::of_operator(&context.root)));
    let began = Instant::now();
    let findings = checklist::run(&checklist, tenant, &options, &live).await;
    let took = began.elapsed().as_secs_f64();
    let held = [secret::held(tenant, &context.root), secret::held_for(&inventory.project, &context.root)];
    let redactor = Redactor::new(held.concat());
    let operator = operator.as_str();
    let keeper = Keeper { journal: &journal, operator, redactor: &redactor, signatures: &signatures };
    let record = keeper.keep(&checklist, tenant, &options, took, findings).await?;
    journal::tell_repairs(context, &journal);
    write(args, &record, context)?;
    conclude(&record)
}

/// The server of that name.
pub(super) fn server(tenant: &Tenant, name: &str) -> Result<ServerId, Failure> {
    let known = || match &tenant.servers {
        Known::Known(servers) => servers.iter().map(|server| &server.id).collect(),
        Known::Unknown => Vec::new(),
    };
    let found = known().into_iter().find(|id| id.as_str() == name).cloned();
    found.ok_or_else(|| super::no_such("server", name, known().into_iter().map(ServerId::as_str)))
}

fn write(args: &Args, record: &RunRecord, context: &Context) -> Result<(), Failure> {
    let format = args.format.unwrap_or(if context.json { Format::Json } else { Format::Table });
    let text = match format {
        Format::Table => table(&record.findings, context),
        Format::Json => format!("{:#}\n", serde_json::json!(record)),
        Format::Junit => junit(record),
    };
    match &args.out {
        None => context.ui.data(&text),
        Some(path) => {
            super::save(path, text.as_bytes()).map_err(|error| {
                Failure::new(Kind::Failed, error)
                    .hint(format!("The run is in the journal; {} was not written.", path.display()))
                    .hint(format!("Show it again: traghetto checklist report {} {}", record.phase, record.tenant))
            })?;
            context.ui.status(&format!("{} findings written to {}", record.findings.len(), path.display()));
        }
    }
    Ok(())
}

/// The end of the command: what keeps the gate closed, and what to do about it.
pub(super) fn conclude(record: &RunRecord) -> Result<(), Failure> {
    let (phase, tenant) = (record.phase, &record.tenant);
    let of = |wanted: &dyn Fn(&Finding) -> bool| names(record.findings.iter().filter(|finding| wanted(finding)));
    let again = format!("traghetto checklist run {phase} {tenant}");
    let because =
        |failure: Failure| untold(record).into_iter().chain(record.way_without_probe()).fold(failure, Failure::hint);
    let blocked = record.findings.iter().any(Finding::blocks);
    match record.outcome {
        Outcome::Passed => Ok(()),
        Outcome::Failed if !blocked => {
            Err(Failure::new(Kind::CheckFailed, "no item has passed: this run proves nothing")
                .hint("Nothing was changed on any host; the findings are in the journal.")
                .hint(format!("The findings say why each was skipped: traghetto checklist report {phase} {tenant}")))
        }
        Outcome::Failed => {
            let failure = Failure::new(Kind::CheckFailed, format!("not passed: {}", of(&Finding::blocks)))
                .hint("Nothing was changed on any host; the findings are in the journal.");
            Err(because(failure).hint(format!("Mend what the findings name and give the same command again: {again}")))
        }
        Outcome::Unreachable => {
            let failure = Failure::new(Kind::Unreachable, format!("not reached: {}", of(&Finding::blocks)))
                .hint("Nothing was changed on any host; the findings are in the journal.");
            Err(because(failure)
                .hint(format!("Look at the hosts and the link, then give the same command again: {again}")))
        }
        Outcome::Waiting => {
            let pending = of(&|finding| finding.verdict == Verdict::Pending);
            Err(Failure::new(Kind::Waiting, format!("to be signed: {pending}"))
                .hint(format!("Next: traghetto checklist sign {phase} {tenant} --all --role ROLE --note TEXT"))
                .hint(format!("Who signs what: traghetto checklist pending {tenant}")))
        }
    }
}

/// What kept the probe machine of the test network from asking, said once for all its items.
fn untold(record: &RunRecord) -> Option<String> {
    let through = record.findings.iter().filter(|finding| finding.through.is_some());
    let mut reasons = through.filter_map(|finding| finding.reason.as_deref());
    let rest = reasons.find_map(|reason| reason.strip_prefix("not asked: the probe machine"))?;
    Some(format!("The probe machine{}.", printable(rest).trim_end_matches('.')))
}

/// Items and what they were asked of, the first ten.
fn names<'a>(findings: impl Iterator<Item = &'a Finding>) -> String {
    const SHOWN: usize = 10;
    let all: Vec<String> = findings
        .map(|finding| match &finding.subject {
            Subject::Tenant => finding.item.to_string(),
            subject => format!("{} ({})", finding.item, printable(&subject.to_string())),
        })
        .collect();
    match all.len().checked_sub(SHOWN) {
        None | Some(0) => all.join(", "),
        Some(rest) => format!("{} and {rest} more", all[..SHOWN].join(", ")),
    }
}
