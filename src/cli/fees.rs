//! `traghetto fees`.

mod files;
mod folder;
mod issue;
mod prepared;
mod render;
mod statement;
mod table;
mod text;

use super::{Context, Lang};
use crate::document::statement::DocumentError;
use crate::failure::{Failure, Kind};
use crate::fees::{FeeError, Issue};
use crate::journal::Journal;
use crate::model::TenantId;
use std::ops::RangeInclusive;

/// `traghetto fees`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// What one tenant (or each of them) owes, who pays it, since when.
    Statement(statement::Args),
    /// All tenants with their state and the sum of those that are computed.
    Table(table::Args),
    /// Freeze a statement in the journal under its protocol number, as it was sent.
    Issue(issue::Args),
}

/// Which years.
#[derive(Debug, clap::Args)]
pub struct Years {
    /// Calendar year.
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i16).range(1000..=9998))]
    year: i16,
    /// Last year of a range.
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i16).range(1000..=9998))]
    to: Option<i16>,
}

/// More years than any budget has.
const MOST_YEARS: i16 = 50;

impl Years {
    fn range(&self) -> Result<RangeInclusive<i16>, Failure> {
        let to = self.to.unwrap_or(self.year);
        if to < self.year || to - self.year >= MOST_YEARS {
            let message = format!("--year {} --to {to} is not a range of 1 to {MOST_YEARS} years", self.year);
            return Err(Failure::new(Kind::Usage, message).hint("Give the first year with --year, the last with --to."));
        }
        Ok(self.year..=to)
    }

    /// As in file names: `2023` or `2023-2025`.
    fn label(&self) -> String {
        match self.to.filter(|to| *to != self.year) {
            Some(to) => format!("{}-{to}", self.year),
            None => self.year.to_string(),
        }
    }
}

/// Runs the command.
pub async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    if context.lang != Lang::It {
        return Err(Failure::new(Kind::Usage, "statements are written in Italian only")
            .hint("Leave --lang out; for other programs use --json."));
    }
    match command {
        Command::Statement(args) => statement::run(&args, context).await,
        Command::Table(args) => table::run(&args, context),
        Command::Issue(args) => issue::run(&args, context).await,
    }
}

/// What was issued to `tenant`, oldest first.
async fn issues(journal: &Journal, tenant: &TenantId) -> Result<Vec<Issue>, Failure> {
    let events = journal.events(tenant).await?;
    let issued = events.into_iter().filter(|event| event.kind == Issue::KIND);
    issued
        .map(|event| {
            serde_json::from_value(event.data).map_err(|error| {
                Failure::new(Kind::Evidence, UnreadableIssue { tenant: tenant.clone(), seq: event.seq, source: error })
                    .hint("Nothing was changed. A newer traghetto may have written it: use that one.")
            })
        })
        .collect()
}

#[derive(Debug, thiserror::Error)]
#[error("event {seq} of {tenant}, an issued statement, cannot be read")]
struct UnreadableIssue {
    tenant: TenantId,
    seq: u64,
    #[source]
    source: serde_json::Error,
}

impl From<FeeError> for Failure {
    fn from(error: FeeError) -> Self {
        let (kind, hint) = match &error {
            FeeError::OutsideBands { .. } => (
                Kind::Invalid,
                "Nulla viene estrapolato. Aggiungere la fascia a inventory/fees.yaml quando un documento la riporta.",
            ),
            FeeError::BeforeProject { .. } => (Kind::Usage, "Scegliere un anno successivo con --year."),
        };
        Failure::new(kind, error).hint(hint)
    }
}

impl From<DocumentError> for Failure {
    fn from(error: DocumentError) -> Self {
        Failure::new(Kind::Bug, error).hint("Nothing was written. Please report the command that you gave.")
    }
}
