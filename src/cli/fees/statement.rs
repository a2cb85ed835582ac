//! `traghetto fees statement`.

use super::super::{Context, inventory, journal};
use super::folder;
use super::prepared::Prepared;
use super::render::{self, Format};
use super::{Years, issues, text};
use crate::failure::{Failure, Kind};
use crate::fees::{self, Document, FeeError, Issue, Origin};
use crate::journal::Journal;
use crate::model::Inventory;
use crate::model::tenant::Tenant;
use std::io::IsTerminal as _;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    tenant: Option<String>,
    /// Every tenant.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    years: Years,
    /// How it is written (default: a table; with --out: every other format).
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write files into this folder; with --all, of complete statements only, and elenco.csv.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Name the source of every figure (table and json).
    #[arg(long, conflicts_with = "out")]
    explain: bool,
    /// Accept a statement of which not everything is known.
    #[arg(long)]
    partial: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let inventory = inventory::load(context)?;
    let tenants: Vec<&Tenant> = match &args.tenant {
        Some(name) => vec![inventory::tenant(&inventory, name)?],
        None => by_number(&inventory),
    };
    let journal = journal::open_existing(context, &inventory).await?;
    let mut prepared = Vec::new();
    for tenant in tenants {
        prepared.push(prepare(args, &inventory, tenant, journal.as_ref()).await?);
    }
    if let Some(journal) = &journal {
        journal::tell_repairs(context, journal);
    }
    let format = match args.format {
        Some(format) if context.json && format != Format::Json => {
            return Err(Failure::new(Kind::Usage, "--json and another --format").hint("Give one of the two."));
        }
        None if context.json => Some(Format::Json),
        format => format,
    };
    match &args.out {
        Some(folder) => {
            let job = folder::Job { folder, years: args.years.label(), formats: Format::files(format) };
            if args.all {
                job.write_all(&prepared, context)
            } else {
                job.write_one(&prepared[0], args.partial, context)
            }
        }
        None => print(args, &inventory, &prepared, format.unwrap_or(Format::Table), context),
    }
}

fn by_number(inventory: &Inventory) -> Vec<&Tenant> {
    let mut tenants: Vec<&Tenant> = inventory.tenants.values().collect();
    tenants.sort_by_key(|tenant| tenant.number);
    tenants
}

async fn prepare<'a>(
    args: &Args,
    inventory: &Inventory,
    tenant: &'a Tenant,
    journal: Option<&Journal>,
) -> Result<Prepared<'a>, Failure> {
    let issued: Vec<Issue> = match journal {
        Some(journal) => issues(journal, &tenant.id).await?,
        None => Vec::new(),
    };
    let document = |year| {
        let last = issued.iter().rfind(|issue| issue.statement.year == year);
        Ok(Document::new(fees::statement(inventory, tenant, year)?, last))
    };
    let documents = args.years.range()?.map(document).collect::<Result<Vec<_>, FeeError>>();
    match documents {
        // A year before the project is wrong usage, for one tenant as for all.
        Err(error @ FeeError::BeforeProject { .. }) => Err(error.into()),
        documents => Ok(Prepared { tenant, documents }),
    }
}

/// Refuses what the options ask of standard output together and cannot have.
fn refuse_unfit(args: &Args, format: Format) -> Result<(), Failure> {
    if args.explain && !matches!(format, Format::Table | Format::Json) {
        return Err(Failure::new(Kind::Usage, "--explain goes with the formats table and json")
            .hint("Leave --format out, or use --json."));
    }
    if args.all && matches!(format, Format::Xlsx | Format::Html) {
        return Err(Failure::new(Kind::Usage, "one workbook or page holds one tenant")
            .hint("Give a folder for the files: --out DIR."));
    }
    if format == Format::Xlsx && std::io::stdout().is_terminal() {
        return Err(Failure::new(Kind::Usage, "a workbook is not for a terminal")
            .hint("Give a folder for the file: --out DIR, or redirect the output."));
    }
    Ok(())
}

fn print(
    args: &Args,
    inventory: &Inventory,
    prepared: &[Prepared<'_>],
    format: Format,
    context: &Context,
) -> Result<(), Failure> {
    refuse_unfit(args, format)?;
    if let [Prepared { documents: Err(error), .. }] = prepared {
        return Err(error.clone().into());
    }
    let usable: Vec<&Prepared<'_>> = prepared.iter().filter(|one| !args.all || one.obstacle().is_none()).collect();
    let documents = |one: &Prepared<'_>| one.documents.clone().unwrap_or_default();
    match format {
        Format::Json => {
            let values =
                usable.iter().map(|one| render::json(&documents(one), origins(args, inventory, one.tenant))).collect();
            if args.all {
                context.ui.json(&serde_json::Value::Array(values))
            } else {
                values.first().map_or((), |value| context.ui.json(value))
            }
        }
        Format::Table => {
            let texts = usable.iter().map(|one| {
                let explained = origins(args, inventory, one.tenant).map_or(String::new(), |list| text::origins(&list));
                text::documents(&documents(one)) + &explained
            });
            context.ui.data(&texts.collect::<Vec<_>>().join("\n"));
        }
        other => {
            let all: Vec<Document> = usable.iter().flat_map(|one| documents(one)).collect();
            context.ui.bytes(&render::bytes(other, &all)?);
        }
    }
    verdict(args, prepared, context)
}

fn origins(args: &Args, inventory: &Inventory, tenant: &Tenant) -> Option<Vec<Origin>> {
    let years = args.years.range().ok().filter(|_| args.explain)?;
    Some(years.flat_map(|year| fees::explain(inventory, tenant, year)).collect())
}

/// Tells what is missing: a failure for one tenant, a warning for all.
fn verdict(args: &Args, prepared: &[Prepared<'_>], context: &Context) -> Result<(), Failure> {
    if args.all {
        let missing = prepared.iter().filter(|one| one.obstacle().is_some()).count();
        if missing > 0 {
            let known = prepared.len() - missing;
            context.ui.warn(&format!("{known} of {} tenants have a complete statement", prepared.len()));
        }
        return Ok(());
    }
    match prepared.iter().find_map(Prepared::obstacle) {
        Some(failure) if !args.partial => Err(failure.hint("Con --partial si accetta ciò che è noto.")),
        _ => Ok(()),
    }
}
