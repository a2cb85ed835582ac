//! `traghetto fees issue`.

use super::super::{Context, dates, inventory, journal, operator};
use super::{issues, prepared, text};
use crate::failure::{Failure, Kind};
use crate::fees::{self, Document, Issue, Mark};
use crate::model::calendar::{italian, rome_civil};
use jiff::civil::Date;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id.
    tenant: String,
    /// Calendar year.
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i16).range(1000..=9998))]
    year: i16,
    /// Protocol number under which the document leaves.
    #[arg(long, value_name = "NUMBER", value_parser = protocol)]
    prot: String,
    /// Date of the protocol number (default: today).
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = dates::date)]
    date: Option<Date>,
}

/// Free text as registries write it, on one line.
fn protocol(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 60 || text.chars().any(char::is_control) {
        return Err("write 1 to 60 visible characters, such as 0019163/2022".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let inventory = inventory::load(context)?;
    let tenant = inventory::tenant(&inventory, &args.tenant)?;
    let operator = operator::resolve(context, &inventory)?;
    let current = fees::statement(&inventory, tenant, args.year)?;
    if let Some(missing) = prepared::incomplete(&current) {
        return Err(missing.hint("Nulla è stato emesso."));
    }
    let journal = journal::open(context, &inventory).await?;
    let _lease = journal.lease(&format!("fees/{}", tenant.id), operator.as_str(), None).await?;
    let issued = issues(&journal, &tenant.id).await?;
    if let Some(same) = issued.iter().find(|issue| issue.mark.prot == args.prot) {
        let message = format!(
            "{}: il Prot. n. {} è il prospetto {}, emesso il {}",
            tenant.id,
            args.prot,
            same.statement.year,
            italian(same.mark.date)
        );
        return Err(Failure::new(Kind::Usage, message)
            .hint("Nulla è stato emesso. Un nuovo documento vuole un nuovo numero di protocollo: --prot NUMERO."));
    }
    let date = args.date.unwrap_or_else(|| rome_civil(journal.now()).date());
    let mark = Mark { prot: args.prot.clone(), date };
    let last = issued.iter().rfind(|issue| issue.statement.year == args.year);
    let issue = Issue::new(current.clone(), mark, last);
    let data = serde_json::to_value(&issue).map_err(|error| {
        Failure::new(Kind::Bug, error)
            .hint("Nulla è stato emesso. È un errore di traghetto: segnalare il comando e questo messaggio.")
    })?;
    journal.append(&tenant.id, operator.as_str(), Issue::KIND, data).await?;
    journal::tell_repairs(context, &journal);
    let document = Document::new(current, Some(&issue));
    if context.json {
        context.ui.json(&issue);
    } else {
        context.ui.data(&text::issue(&issue, &document));
    }
    Ok(())
}
