//! `traghetto checklist report`: where a checklist stands, from the journal; nobody is asked.

use super::super::{Context, Lang, journal};
use super::PhaseArg;
use super::findings::standing;
use super::scene::Scene;
use crate::checklist::{Phase, junit};
use crate::document::statement::DocumentError;
use crate::document::verbale::{self, Language, Report, Sources};
use crate::failure::{Failure, Kind};
use crate::journal::event::rome;
use crate::migration::{self, RunState};
use std::path::PathBuf;

/// `traghetto checklist report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The phase.
    #[arg(value_enum)]
    phase: PhaseArg,
    /// The tenant's id.
    tenant: String,
    /// How it is written (default: table, or json with --json).
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write it to a file instead of stdout.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people at a terminal.
    Table,
    /// The verbale: a page to print and sign.
    Html,
    /// The verbale as Markdown.
    Md,
    /// For programs.
    Json,
    /// For the tools that read test results.
    Junit,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let scene = Scene::open(&args.tenant, context).await?;
    let place = scene.place(args.phase.phase(), context)?;
    let time = rome(&scene.journal.now());
    let by_hand = by_hand(&scene, args.phase.phase())?;
    let sources = Sources {
        by_hand: &by_hand,
        project: &scene.inventory.project,
        tenant: &scene.tenant,
        people: &scene.inventory.people,
        checklist: &place.checklist,
        tasks: &place.tasks,
        lines: &place.lines,
        signatures: &place.signatures,
        time: &time,
        head: scene.head.clone(),
    };
    let report = Report::new(&sources);
    let language = if context.lang == Lang::It { Language::Italian } else { Language::English };
    let text = match args.format.unwrap_or(if context.json { Format::Json } else { Format::Table }) {
        Format::Table => standing(&place.lines, &report.validations, &scene.inventory.people, context),
        Format::Html => verbale::html(&sources, &report, language).map_err(unwritten)?,
        Format::Md => verbale::markdown(&sources, &report, language).map_err(unwritten)?,
        Format::Json => format!("{:#}\n", serde_json::json!(report)),
        Format::Junit => junit(&report.as_run(&place.checklist)),
    };
    match &args.out {
        None => context.ui.data(&text),
        Some(path) => {
            super::save(path, text.as_bytes()).map_err(|error| {
                Failure::new(Kind::Failed, format!("{} cannot be written: {error}", path.display()))
                    .hint("Nothing was changed: the report is made from the journal.")
            })?;
            context.ui.status(&format!("written to {}", path.display()));
        }
    }
    Ok(())
}

/// What two persons decided by hand before this checklist's gate.
fn by_hand(scene: &Scene, phase: Phase) -> Result<Vec<verbale::ByHand>, Failure> {
    let state = RunState::of(&scene.events).map_err(journal::illegal)?;
    let Some(activity) = verbale::activity(phase) else { return Ok(Vec::new()) };
    let decided = migration::by_hand(&state, scene.journal.now()).into_iter().filter(|line| line.agreed);
    let mine = decided.filter(|line| line.activity.is_some_and(|number| number <= u64::from(activity)));
    let decider =
        |one: migration::Decision| verbale::Decider { role: one.role, by: one.by, time: one.time, reason: one.reason };
    let written = mine.map(|line| verbale::ByHand {
        step: line.step.to_string(),
        skipped: line.way == migration::ByHand::Skipped,
        decided: line.decided.into_iter().map(decider).collect(),
    });
    Ok(written.collect())
}

fn unwritten(error: DocumentError) -> Failure {
    Failure::new(Kind::Bug, error).hint("Nothing was changed: the report is made from the journal.")
}
