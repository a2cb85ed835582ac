//! `migrate report cutover`: the plan of the move, what is signed of it, and the notice for the staff.

use super::{language, nights, past, unwritten, write};
use crate::cli::migrate::Whose;
use crate::cli::migrate::scene::{self, Scene};
use crate::cli::{Context, journal};
use crate::document::cutover::{self, CutoverPlan};
use crate::failure::Failure;
use crate::migration::{self, RunState};
use std::path::PathBuf;

/// Which plan.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    whose: Whose,
    /// Write the page, the terms that are signed, and the notice below DIR, instead of the page to stdout.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let scene = Scene::open(&args.whose, None, context)?;
    let (events, now) = past(&scene, context).await?;
    let state = RunState::of(&events).map_err(journal::illegal)?;
    let nights = nights(&scene, &events, now)?;
    let forecast = scene::forecast(&scene, &events, now, now)?;
    let gates = migration::gates(&scene.plan, &state, now);
    let sources = cutover::Sources {
        project: &scene.inventory.project,
        tenant: &scene.tenant,
        terms: &scene.plan.terms,
        nights: &nights,
        forecast: &forecast,
        quiet: migration::quiet_period(&scene.plan, &gates),
    };
    let plan = CutoverPlan::new(&sources);
    let notice = cutover::notice(&sources, &plan, language(context));
    if context.json {
        let mut value = serde_json::json!(plan);
        value["notice"] = notice.into();
        context.ui.json(&value);
        return Ok(());
    }
    let page = cutover::html(&sources, &plan, &notice, language(context)).map_err(unwritten)?;
    let Some(folder) = &args.out else {
        context.ui.data(&page);
        return Ok(());
    };
    let terms = scene.plan.terms.text();
    for (name, text) in [("cutover.html", &page), ("cutover-terms.json", &terms), ("avviso.txt", &notice)] {
        write(folder, name, text, context)?;
    }
    let tenant = &scene.tenant.id;
    context.ui.status(&format!("what is signed: cutover-terms.json, SHA-256 {}", plan.digest));
    let signing = gates.iter().find(|gate| gate.gate.signs.is_some());
    context.ui.status(&match signing {
        Some(gate) => format!("it is signed with: traghetto migrate sign {tenant} {} --role ROLE", gate.gate.gate),
        None => "no gate of the playbook signs it: write `signs: cutover` at one".to_owned(),
    });
    Ok(())
}
