//! `migrate report`: the papers of a migration, made from inventory and journal; nobody is asked.

mod cutover;

use super::scene::{self, Scene};
use crate::cli::{Context, Lang, inventory, journal};
use crate::digest::sha256;
use crate::document::cleanup::{self, Cleanup};
use crate::document::statement::DocumentError;
use crate::document::verbale::Language;
use crate::document::wipe::{self, Certificate};
use crate::failure::{Failure, Kind};
use crate::inventory::files::read_file;
use crate::journal::Event;
use crate::journal::event::rome;
use crate::migration::{self, Forecast, Lengths, Night};
use crate::model::Inventory;
use crate::model::tenant::Tenant;
use crate::network::NetworkPlan;
use jiff::Timestamp;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// `migrate report`.
#[derive(Debug, clap::Subcommand)]
pub enum Kinds {
    /// The plan of the move: hours, disruptions, Gantt chart, notice for the staff, contacts; with what is signed.
    Cutover(cutover::Args),
    /// The certificate of wiping: every old disk with serial number, model and size, to be filled in and signed.
    Wipe(Args),
    /// What is cleaned up in directory, DNS, firewall and monitoring, by whom, and how it is checked.
    Cleanup(Args),
}

/// Which report.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id.
    tenant: String,
    /// Write it to a file instead of stdout.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn run(kind: &Kinds, context: &Context) -> Result<(), Failure> {
    match kind {
        Kinds::Cutover(args) => cutover::run(args, context).await,
        Kinds::Wipe(args) => wiping(args, context).await,
        Kinds::Cleanup(args) => cleaning(args, context).await,
    }
}

/// What every report is made of.
struct Desk {
    inventory: Inventory,
    tenant: Tenant,
    events: Vec<Event>,
    /// SHA-256 of the tenant's file.
    digest: String,
    time: String,
}

impl Desk {
    async fn open(name: &str, context: &Context) -> Result<Self, Failure> {
        let (inventory, tenant) = inventory::load_for(context, name)?;
        let (events, now) = match journal::open_existing(context, &inventory).await? {
            Some(journal) => {
                let events = journal.events(&tenant.id).await?;
                journal::tell_repairs(context, &journal);
                (events, journal.now())
            }
            None => (Vec::new(), Timestamp::now()),
        };
        let file = format!("inventory/tenants/{}.yaml", tenant.id);
        let read = read_file(&context.root, &file).map_err(|error| {
            Failure::new(Kind::Invalid, format!("{file} cannot be read: {error}"))
                .hint("Nothing was written. See that the file is there and can be read, then give the command again.")
        })?;
        Ok(Self { digest: sha256(&read.bytes), time: rome(&now), inventory, tenant, events })
    }
}

async fn wiping(args: &Args, context: &Context) -> Result<(), Failure> {
    let desk = Desk::open(&args.tenant, context).await?;
    let sources = wipe::Sources {
        project: &desk.inventory.project,
        tenant: &desk.tenant,
        events: &desk.events,
        inventory: &desk.digest,
        time: &desk.time,
    };
    let certificate = Certificate::new(&sources);
    to_file(args, context, &certificate, |language| wipe::html(&sources, &certificate, language))
}

async fn cleaning(args: &Args, context: &Context) -> Result<(), Failure> {
    let desk = Desk::open(&args.tenant, context).await?;
    // What the network's plan is refused for says nothing against the rest of the list.
    let network = NetworkPlan::new(&desk.inventory, &desk.tenant).map(|plan| plan.sites()).unwrap_or_default();
    let paths: Vec<_> = network.iter().filter_map(|plan| plan.migration.as_ref()).collect();
    let sources = cleanup::Sources {
        project: &desk.inventory.project,
        tenant: &desk.tenant,
        paths: &paths,
        inventory: &desk.digest,
        time: &desk.time,
    };
    let list = Cleanup::new(&sources);
    to_file(args, context, &list, |language| cleanup::html(&sources, &list, language))
}

/// The language of the page.
pub(super) fn language(context: &Context) -> Language {
    if context.lang == Lang::It { Language::Italian } else { Language::English }
}

pub(super) fn unwritten(error: DocumentError) -> Failure {
    Failure::new(Kind::Bug, error).hint("Nothing was changed: the report is made from inventory and journal.")
}

/// The report as a page, or as JSON, to a file or to stdout.
fn to_file(
    args: &Args,
    context: &Context,
    value: &impl Serialize,
    page: impl Fn(Language) -> Result<String, DocumentError>,
) -> Result<(), Failure> {
    let text = if context.json {
        format!("{:#}\n", serde_json::json!(value))
    } else {
        page(language(context)).map_err(unwritten)?
    };
    let Some(path) = &args.out else {
        context.ui.data(&text);
        return Ok(());
    };
    std::fs::write(path, text).map_err(|error| {
        Failure::new(Kind::Failed, format!("{} cannot be written: {error}", path.display()))
            .hint("Nothing was changed: the report is made from inventory and journal.")
    })?;
    context.ui.status(&format!("written to {}", path.display()));
    Ok(())
}

/// What was journaled, where anything was, and the present time: a report leaves no trace.
pub(super) async fn past(scene: &Scene, context: &Context) -> Result<(Vec<Event>, Timestamp), Failure> {
    let Some(journal) = journal::open_existing(context, &scene.inventory).await? else {
        return Ok((Vec::new(), Timestamp::now()));
    };
    let events = journal.events(&scene.tenant.id).await?;
    journal::tell_repairs(context, &journal);
    Ok((events, journal.now()))
}

/// The hours of the move: what changed until the window begins is in them.
pub(super) fn nights(scene: &Scene, events: &[Event], now: Timestamp) -> Result<Vec<Night>, Failure> {
    // Whether the events can be understood at all is known after the first forecast.
    scene::forecast(scene, events, now, now)?;
    let forecast = |at: Timestamp| scene::forecast(scene, events, at, at).unwrap_or_else(|_| Forecast::default());
    let launches = migration::launches(&scene.plan, events);
    let lengths = Lengths { forecast: &forecast, launches: &launches, now };
    Ok(migration::schedule(&scene.plan, &scene.tenant.windows, &lengths))
}

/// One file, told with its digest as `sha256sum` prints it.
pub(super) fn write(folder: &Path, name: &str, text: &str, context: &Context) -> Result<(), Failure> {
    let path = folder.join(name);
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
    written.map_err(|error| {
        Failure::new(Kind::Failed, format!("{} cannot be written: {error}", path.display()))
            .hint("Nothing was changed: the paper is made from inventory and journal.")
    })?;
    context.ui.data(&format!("{}  {}\n", sha256(text.as_bytes()), path.display()));
    Ok(())
}
