//! `traghetto checklist`.

mod compare;
mod bundle;
mod findings;
mod list;
mod report;
mod run;
mod sign;

use super::Context;
use crate::checklist::{self, Baselines, Checklist, Phase, RunRecord, Signature, Signatures};
use crate::failure::{Failure, Kind};
use crate::inventory::problem::{nearest, quote, quoted_list};
use crate::journal::Event;
use crate::model::Inventory;
use crate::untrusted::printable;
use clap::ValueEnum;

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
    /// Sign a manual item.
    Sign(sign::Args),
    /// Show what the phases kept of the servers, side by side.
    Compare(compare::Args),
    /// Show where a checklist stands: the last findings, and who has signed.
    Report(report::Args),
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
        Command::Bundle(args) => bundle::bundle(&args, context),
        Command::Import(args) => bundle::import(&args, context).await,
        Command::Sign(args) => sign::run(&args, context).await,
        Command::Compare(args) => compare::run(&args, context).await,
        Command::Report(args) => report::run(&args, context).await,
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

/// The signatures of `phase` among a tenant's events.
fn signatures(phase: Phase, events: &[Event]) -> Signatures {
    let signed = events.iter().filter(|event| event.kind == Signature::KIND);
    Signatures::read(phase, signed.map(|event| &event.data))
}

/// What the source phase kept, among a tenant's events.
fn baselines(events: &[Event]) -> Baselines {
    Baselines::read(events.iter().filter(|event| event.kind == RunRecord::KIND).map(|event| &event.data))
}

/// A name that is none of `known`: wrong usage.
fn no_such<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Failure {
    let hint = match nearest(name, known.clone()) {
        Some(meant) => format!("Did you mean `{meant}`?"),
        None => format!("Known: {}.", quoted_list(known)),
    };
    Failure::new(Kind::Usage, format!("there is no {what} {}", printable(&quote(name)))).hint(hint)
}
