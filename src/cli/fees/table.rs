//! `traghetto fees table`.

use super::super::Context;
use super::super::inventory;
use super::{Years, text};
use crate::failure::{Failure, Kind};
use crate::fees::{self, FeeError, Portfolio};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    years: Years,
    /// Accept a sum that does not cover every tenant.
    #[arg(long)]
    partial: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let inventory = inventory::load(context)?;
    let portfolios: Vec<Portfolio> =
        args.years.range()?.map(|year| fees::portfolio(&inventory, year)).collect::<Result<_, FeeError>>()?;
    if context.json {
        context.ui.json(&serde_json::json!({ "years": portfolios }));
    } else {
        let lead = &inventory.project.lead.short;
        let tables: Vec<String> = portfolios.iter().map(|portfolio| text::portfolio(portfolio, lead)).collect();
        context.ui.data(&tables.join("\n"));
    }
    match portfolios.iter().find(|portfolio| !portfolio.is_complete()) {
        Some(portfolio) if !args.partial => {
            Err(Failure::new(Kind::Invalid, format!("{}: {}", portfolio.year, text::sum_label(portfolio)))
                .hint("La tabella dice che cosa manca a ciascun ente. Con --partial il totale parziale è accettato."))
        }
        _ => Ok(()),
    }
}
