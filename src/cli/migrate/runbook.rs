//! `migrate runbook`: the whole night as one printable page that works without traghetto.

use super::Whose;
use super::report::{language, nights, past, unwritten, write};
use super::scene::Scene;
use crate::cli::{Context, network};
use crate::document::runbook::{self, Attached, Kits, Runbook};
use crate::failure::{Failure, Kind};
use crate::network::NetworkPlan;
use crate::network::kit::Direction;
use std::path::{Path, PathBuf};

/// `migrate runbook`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    whose: Whose,
    /// Write runbook.html below DIR, instead of to stdout.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let scene = Scene::open(&args.whose, None, context)?;
    let (events, now) = past(&scene, context).await?;
    let nights = nights(&scene, &events, now)?;
    let kits = kits(&scene, context)?;
    let root = whole(&context.root)?;
    let sources = runbook::Sources {
        project: &scene.inventory.project,
        tenant: &scene.tenant,
        people: &scene.inventory.people,
        plan: &scene.plan,
        terms: &scene.plan.terms,
        nights: &nights,
        root: &root,
        kits: kits.as_ref(),
        language: language(context),
    };
    let runbook = Runbook::new(&sources);
    if context.json {
        context.ui.json(&runbook);
        return Ok(());
    }
    let page = runbook::html(&sources, &runbook).map_err(unwritten)?;
    match &args.out {
        Some(folder) => write(folder, "runbook.html", &page, context),
        None => {
            context.ui.data(&page);
            Ok(())
        }
    }
}

/// The cutover kits of both directions; none, with a warning, where the network has no plan.
fn kits(scene: &Scene, context: &Context) -> Result<Option<Kits>, Failure> {
    let plan = match NetworkPlan::new(&scene.inventory, &scene.tenant) {
        Ok(plan) => plan,
        Err(problems) => {
            context.ui.warn(&format!("the page has no lines for routers: {problems}"));
            return Ok(None);
        }
    };
    let templates = network::templates(context)?;
    let kits = |direction| templates.kits(&plan, direction).map_err(network::unrendered);
    let lans = std::iter::once(&plan).chain(&plan.beside);
    let lans = lans.map(|site| Attached { prefix: site.lan.prefix, gateway: site.lan.gateway.address });
    let landing = Attached { prefix: plan.numbers.sad, gateway: plan.numbers.sad_gateway };
    let networks = lans.chain([landing]).collect();
    Ok(Some(Kits { going: kits(Direction::Going)?, back: kits(Direction::Back)?, networks }))
}

/// The folder as it is typed from anywhere.
fn whole(root: &Path) -> Result<PathBuf, Failure> {
    std::fs::canonicalize(root).map_err(|error| {
        Failure::new(Kind::Failed, format!("{} cannot be looked at: {error}", root.display()))
            .hint("Nothing was written. Name another folder with --out, or make this one readable.")
    })
}
