//! `traghetto checklist`.

mod bundle;
mod compare;
mod evidence;
mod findings;
mod key;
mod list;
mod pending;
mod report;
mod run;
mod scene;
mod sign;
mod verify;

use super::{Context, journal};
use crate::checklist::{self, Baselines, Checklist, Phase, RunRecord};
use crate::failure::{Failure, Kind};
use crate::inventory::problem::{nearest, quote, quoted_list};
use crate::journal::Event;
use crate::migration::RunState;
use crate::model::tenant::Tenant;
use crate::model::{Inventory, ServerId};
use crate::untrusted::printable;
use clap::ValueEnum;
use std::path::Path;

/// `traghetto checklist`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List what must hold: the items of one phase, or of all.
    List(list::Args),
    /// Ask the hosts and the network of a tenant; show what holds and who still has to sign.
    Run(run::Args),
    /// Write the script of a server as a file that the Comune runs by itself.
    Bundle(bundle::BundleArgs),
    /// Take over the result of such a script.
    Import(bundle::ImportArgs),
    /// Show what the phases kept of the servers, side by side.
    Compare(compare::Args),
    /// Sign items: state what only a person can know, validate what was found, or waive it.
    Sign(Box<sign::Args>),
    /// Show what waits for whose signature.
    Pending(pending::Args),
    /// Show where a checklist stands, as a table, a page to sign (verbale), or for other programs.
    Report(report::Args),
    /// Write the evidence of a tenant into a folder that anybody can verify.
    Evidence(evidence::Args),
    /// Verify a folder of evidence: without a network, an inventory or a secret.
    Verify(verify::Args),
}

/// The phases of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PhaseArg {
    /// The environment of origin.
    Source,
    /// The MPLS link.
    Network,
    /// The copies started for the test.
    Test,
    /// The landing environment.
    Landing,
    /// The servers given up.
    Decommission,
}

impl PhaseArg {
    fn phase(self) -> Phase {
        match self {
            PhaseArg::Source => Phase::Source,
            PhaseArg::Network => Phase::Network,
            PhaseArg::Test => Phase::Test,
            PhaseArg::Landing => Phase::Landing,
            PhaseArg::Decommission => Phase::Decommission,
        }
    }
}

/// Runs the command.
pub async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::List(args) => list::run(&args, context),
        Command::Run(args) => run::run(&args, context).await,
        Command::Bundle(args) => bundle::bundle(&args, context).await,
        Command::Import(args) => bundle::import(&args, context).await,
        Command::Sign(args) => sign::run(&args, context).await,
        Command::Compare(args) => compare::run(&args, context).await,
        Command::Pending(args) => pending::run(&args, context).await,
        Command::Report(args) => report::run(&args, context).await,
        Command::Evidence(args) => evidence::run(&args, context).await,
        Command::Verify(args) => verify::run(&args, context),
    }
}

/// The checklist of `phase` below `--root`.
///
/// # Errors
/// Every problem of the file; exit code 3.
pub fn load(phase: Phase, inventory: &Inventory, context: &Context) -> Result<Checklist, Failure> {
    checklist::load(&context.root, phase, &inventory.people).map_err(|problems| {
        Failure::new(Kind::Invalid, problems)
            .hint(format!("Nothing was asked and nothing was changed. Mend checklists/{phase}.yaml."))
    })
}

/// What the source phase kept, among a tenant's events.
fn baselines(events: &[Event]) -> Baselines {
    Baselines::read(events.iter().filter(|event| event.kind == RunRecord::KIND).map(|event| &event.data))
}

/// The source phase asks servers of origin, at work: once one is quiet it says less, and once it has
/// moved its copy answers in its place and would be compared with itself.
///
/// # Errors
/// Servers that are quiet or have moved; exit code 2.
fn still_there(phase: Phase, tenant: &Tenant, only: Option<&ServerId>, events: &[Event]) -> Result<(), Failure> {
    if phase != Phase::Source {
        return Ok(());
    }
    let state = RunState::of(events).map_err(journal::illegal)?;
    let mut moving = state.moving();
    moving.retain(|server| only.is_none_or(|only| only == server));
    if moving.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = moving.iter().map(ServerId::as_str).collect();
    let text = format!("{}: quiet or moved, so that services are stopped or the copy answers", names.join(", "));
    Err(Failure::new(Kind::Usage, text)
        .hint("Nothing was asked, and what the source phase kept stays as it is.")
        .hint(format!("See it: traghetto checklist compare {}", tenant.id))
        .hint(format!("Servers that did not move: traghetto checklist run source {} --server SERVER", tenant.id))
        .hint(format!("If the move was called off: traghetto migrate rollback {}", tenant.id)))
}

/// A name that is none of `known`: wrong usage.
fn no_such<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Failure {
    let hint = match nearest(name, known.clone()) {
        Some(meant) => format!("Did you mean `{meant}`?"),
        None => format!("Known: {}.", quoted_list(known)),
    };
    Failure::new(Kind::Usage, format!("there is no {what} {}", printable(&quote(name)))).hint(hint)
}

/// Replaces a file as a whole: who reads it never sees half of it.
fn save(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    std::fs::write(&fresh, bytes)?;
    std::fs::rename(&fresh, path)
}
