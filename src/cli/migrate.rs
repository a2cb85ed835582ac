//! `traghetto migrate`.

mod adopt;
mod by_hand;
mod confirm;
mod copying;
mod forecast;
mod handover;
mod late;
mod log;
mod notices;
mod plan;
mod progress;
mod report;
mod rollback;
mod run;
mod runbook;
mod scene;
mod sign;
mod status;
mod undo;
mod verify;
mod vouch;
mod watch;
mod written;

use super::{Context, dates};
use crate::failure::Failure;
use crate::model::ServerId;
use jiff::civil::Date;

/// `traghetto migrate`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Print every step, the calendar and how long the copies take; do nothing.
    Plan {
        /// Which migration.
        #[command(flatten)]
        whose: Whose,
        /// First day of activity 1 (default: the latest that the terms allow).
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = dates::date)]
        start: Option<Date>,
    },
    /// Go on to the next gate; safe to kill and to repeat.
    Run(run::Args),
    /// Say what to do now, and where everything stands.
    Status(status::Args),
    /// Sign a gate; say that a step of people, by its id, is done; or, with --server, vouch for what no probe can see: `source-off`, `routed`; or let its move go on `late`.
    Sign(sign::Args),
    /// Stop the run before its next act; `run` resumes it.
    Pause {
        /// Which migration.
        #[command(flatten)]
        whose: Whose,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Take servers back: their machines are switched off, replicas are kept, sources can go on.
    Rollback(rollback::Args),
    /// Count a step as done by hand, or leave it out: two persons decide, each with the same command.
    Override(by_hand::Args),
    /// Read the replicas again as a whole and compare.
    Verify {
        /// Which migration.
        #[command(flatten)]
        whose: Whose,
        /// Only this server.
        #[arg(long)]
        server: Option<ServerId>,
    },
    /// Write the papers of activities 4 and 6: the plan of the move, the certificate of wiping, the clean-up.
    #[command(subcommand)]
    Report(report::Kinds),
    /// Write the whole night as one printable page that works without traghetto: commands, undo, contacts, times.
    Runbook(runbook::Args),
    /// Print the page for the next shift: done, running, waiting, risks, next, contacts.
    Handover(handover::Args),
    /// Go on here from the mirrored events of a state store that is lost.
    Adopt(adopt::Args),
    /// Print what happened.
    Log {
        /// Which migration.
        #[command(flatten)]
        whose: Whose,
    },
    /// Write a remark into the log.
    Note {
        /// Which migration.
        #[command(flatten)]
        whose: Whose,
        /// The remark.
        text: String,
    },
}

/// Which migration.
#[derive(Debug, clap::Args)]
pub struct Whose {
    /// The tenant's id.
    pub tenant: String,
    /// A file of playbooks/ (default: the only one there is).
    #[arg(long, value_name = "FILE", env = "TRAGHETTO_PLAYBOOK")]
    pub playbook: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// As each command says; exit codes are those of `--help`.
pub async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Plan { whose, start } => plan::run(&whose, start, context).await,
        Command::Run(args) => run::run(&args, context).await,
        Command::Status(args) if args.watch && !context.json => watch::run(&args, context).await,
        Command::Status(args) => status::run(&args, context).await,
        Command::Sign(args) => match &args.server {
            Some(server) if args.gate == late::WORD => late::run(&args, server, context).await,
            Some(server) => vouch::run(&args, server, context).await,
            // A step has dots in its id, a gate has none.
            None if args.gate.contains('.') => confirm::run(&args, context).await,
            None => sign::run(&args, context).await,
        },
        Command::Pause { whose, reason } => log::pause(&whose, reason, context).await,
        Command::Rollback(args) => rollback::run(&args, context).await,
        Command::Override(args) => by_hand::run(&args, context).await,
        Command::Verify { whose, server } => verify::run(&whose, server.as_ref(), context).await,
        Command::Report(kind) => report::run(&kind, context).await,
        Command::Runbook(args) => runbook::run(&args, context).await,
        Command::Handover(args) => handover::run(&args, context).await,
        Command::Adopt(args) => adopt::run(&args, context).await,
        Command::Log { whose } => log::print(&whose, context).await,
        Command::Note { whose, text } => log::note(&whose, text, context).await,
    }
}
