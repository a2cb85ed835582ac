//! `traghetto network render`.

use super::{Context, Failure, decided, folder, inventory, refused};
use crate::failure::Kind;
use crate::model::Inventory;
use crate::network::NetworkPlan;
use crate::network::plan::BackupLine;
use crate::network::problem::NetworkProblems;
use crate::network::render::{RenderError, RenderedFile, Stage, Templates};
use crate::untrusted::printable;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// `traghetto network render`.
///
/// Files come in stages. `before` holds routers before any server has moved. It is safe at any time:
/// the /32 of a server that keeps its address is not in it, because it may be on a router only
/// while the old machine is off. `cutover` holds, for each server, the lines of its cutover and of
/// its way back, in order. `after` holds routers after every server has moved and was accepted:
/// without the temporary way of the copying, which `before` has and whose lines are in `migration`,
/// to add and to remove. `hosts` holds the routes of firewall and machines. Without --out the text of `before` is printed; with --out every
/// stage is written, each into its folder.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").args(["tenant", "all", "hub"]).required(true))]
pub struct Args {
    /// The tenant's id.
    tenant: Option<String>,
    /// Every tenant whose link is known.
    #[arg(long)]
    all: bool,
    /// The whole hub: what is shared, and every tenant whose link is known.
    #[arg(long)]
    hub: bool,
    /// With --all or --hub: leaving out tenants whose link is not known is fine.
    #[arg(long, conflicts_with = "tenant")]
    partial: bool,
    /// Only this stage.
    #[arg(long, value_enum)]
    stage: Option<StageArg>,
    /// Write files below DIR, one folder a tenant.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// `--stage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum StageArg {
    /// Routers before any server has moved.
    Before,
    /// Routes of firewall and machines.
    Hosts,
    /// The temporary way that the copying takes: added before activity 3, removed at acceptance.
    Migration,
    /// The lines of each server's cutover and of its way back.
    Cutover,
    /// Routers after every server has moved.
    After,
}

impl StageArg {
    fn stage(self) -> Stage {
        match self {
            StageArg::Before => Stage::Before,
            StageArg::Hosts => Stage::Hosts,
            StageArg::Migration => Stage::Migration,
            StageArg::Cutover => Stage::Cutover,
            StageArg::After => Stage::After,
        }
    }
}

/// The files of one folder.
struct Bundle {
    /// Name of the folder: a tenant's id, or `hub`.
    name: String,
    files: Vec<RenderedFile>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let templates = templates(context)?;
    let stages = match (args.stage, &args.out) {
        (Some(stage), _) => vec![stage.stage()],
        (None, Some(_)) => Stage::ALL.to_vec(),
        (None, None) => vec![Stage::Before],
    };
    let (plans, missing) = match &args.tenant {
        Some(name) => (decided(context, name)?, Vec::new()),
        None => every(&inventory::load(context)?),
    };
    let bundles = match args.hub {
        true => vec![hub(&templates, &plans, &stages)?],
        false => tenants(&templates, &plans, &stages)?,
    };
    match &args.out {
        Some(out) => write(out, &bundles, context)?,
        None => print(&bundles, context),
    }
    deviations(&bundles, context);
    open_questions(&plans, context);
    report_missing(missing, args.partial, context)
}

/// The templates: a file below `templates/` of the root replaces the built-in one of that name.
pub(in crate::cli) fn templates(context: &Context) -> Result<Templates, Failure> {
    let folder = context.root.join("templates");
    let read = |name: &str| match std::fs::read_to_string(folder.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    let templates = Templates::new(read).map_err(unrendered)?;
    if !templates.replaced().is_empty() {
        let names = templates.replaced().join(", ");
        context.ui.status(&format!("Templates of the root that differ from the built-in ones: {names}"));
    }
    Ok(templates)
}

pub(in crate::cli) fn unrendered(error: RenderError) -> Failure {
    Failure::new(Kind::Invalid, error).hint("Nothing was written. Mend the template or the text, then repeat.")
}

/// The plans of every tenant that has one, site by site, and why the others have none.
pub(super) fn every(inventory: &Inventory) -> (Vec<NetworkPlan>, Vec<NetworkProblems>) {
    let (mut plans, mut missing) = (Vec::new(), Vec::new());
    for tenant in inventory.tenants.values() {
        match NetworkPlan::new(inventory, tenant) {
            Ok(plan) => plans.extend(plan.sites()),
            Err(problems) => missing.push(problems),
        }
    }
    plans.sort_by_key(|plan| (plan.numbers.tenant, !plan.numbers.of_first_site(), plan.numbers.number));
    (plans, missing)
}

/// A bundle for each tenant, with the files of all its sites.
fn tenants(templates: &Templates, plans: &[NetworkPlan], stages: &[Stage]) -> Result<Vec<Bundle>, Failure> {
    let mut bundles: Vec<Bundle> = Vec::new();
    for plan in plans {
        let name = plan.tenant.to_string();
        if bundles.last().is_none_or(|bundle| bundle.name != name) {
            bundles.push(Bundle { name, files: Vec::new() });
        }
        let Some(bundle) = bundles.last_mut() else { continue };
        for stage in stages {
            for file in templates.stage(plan, *stage).map_err(unrendered)? {
                // The tenant's part of the hub is the same for each of its sites.
                if !bundle.files.iter().any(|known| known.path == file.path) {
                    bundle.files.push(file);
                }
            }
        }
    }
    Ok(bundles)
}

/// The plans of each hub: every landing site has one.
pub(super) fn by_hub(plans: &[NetworkPlan]) -> Vec<Vec<NetworkPlan>> {
    let mut hubs: Vec<Vec<NetworkPlan>> = Vec::new();
    for plan in plans {
        let same = |hub: &&mut Vec<NetworkPlan>| hub.iter().any(|other| other.shared.hub == plan.shared.hub);
        match hubs.iter_mut().find(same) {
            Some(hub) => hub.push(plan.clone()),
            None => hubs.push(vec![plan.clone()]),
        }
    }
    hubs
}

fn hub(templates: &Templates, plans: &[NetworkPlan], stages: &[Stage]) -> Result<Bundle, Failure> {
    let mut files = Vec::new();
    for stage in stages.iter().filter(|stage| matches!(stage, Stage::Before | Stage::After)) {
        for plans in by_hub(plans) {
            files.extend(templates.hub(&plans, *stage).map_err(unrendered)?);
        }
    }
    if files.is_empty() && !plans.is_empty() {
        let usage = Failure::new(Kind::Usage, "the hub as a whole has the stages `before` and `after` only");
        return Err(usage.hint("The hub's lines of one server's cutover are in the tenant's own files."));
    }
    Ok(Bundle { name: "hub".to_owned(), files })
}

fn write(out: &std::path::Path, bundles: &[Bundle], context: &Context) -> Result<(), Failure> {
    let mut written = Vec::new();
    for bundle in bundles.iter().filter(|bundle| !bundle.files.is_empty()) {
        folder::write(&out.join(&bundle.name), &bundle.files)?;
        written.extend(bundle.files.iter().map(|file| out.join(&bundle.name).join(&file.path).display().to_string()));
    }
    if context.json {
        context.ui.json(&serde_json::json!({"files": written}));
    } else {
        context.ui.data(&written.iter().map(|path| format!("{path}\n")).collect::<String>());
    }
    Ok(())
}

fn print(bundles: &[Bundle], context: &Context) {
    let files = || bundles.iter().flat_map(|bundle| bundle.files.iter().map(move |file| (&bundle.name, file)));
    if context.json {
        let list: Vec<_> = files()
            .map(|(name, file)| serde_json::json!({"path": format!("{name}/{}", file.path), "text": file.text}))
            .collect();
        context.ui.json(&serde_json::json!({"files": list}));
        return;
    }
    for (name, file) in files() {
        context.ui.data(&format!("!----- {name}/{} -----\n{}", file.path, file.text));
    }
}

/// What the templates of the root do otherwise, once for all files.
fn deviations(bundles: &[Bundle], context: &Context) {
    let files = || bundles.iter().flat_map(|bundle| &bundle.files);
    let added: BTreeSet<_> = files().flat_map(|file| &file.deviations.added).collect();
    let left_out: BTreeSet<_> = files().flat_map(|file| &file.deviations.left_out).collect();
    for line in added {
        context.ui.status(&format!("Added by the templates of the root: {}", printable(line)));
    }
    for line in left_out {
        context.ui.warn(&format!("the templates of the root leave out: {}", printable(line)));
    }
}

/// What a person must put in place of a mark before the text can go to a router.
fn open_questions(plans: &[NetworkPlan], context: &Context) {
    for plan in plans {
        if let Some(BackupLine::Lte { apn: None, .. }) = &plan.backup {
            context
                .ui
                .warn(&format!("{}: the LTE access point name is not known; the text says <unknown:apn>", plan.name()));
        }
    }
    if !plans.is_empty() {
        context.ui.status("Secrets are shown as <secret:NAME>; put them in on the router, never into these files.");
    }
}

pub(super) fn report_missing(missing: Vec<NetworkProblems>, partial: bool, context: &Context) -> Result<(), Failure> {
    if partial {
        for problems in &missing {
            context.ui.warn(&problems.to_string());
        }
        return Ok(());
    }
    match missing.len() {
        0 => Ok(()),
        1 => missing.into_iter().next().map_or(Ok(()), |problems| Err(refused(problems))),
        _ => Err(Failure::new(Kind::Invalid, Incomplete(missing))
            .hint("The others were rendered. `--partial` accepts that these are not.")),
    }
}

/// Several tenants without a plan.
#[derive(Debug)]
struct Incomplete(Vec<NetworkProblems>);

impl std::fmt::Display for Incomplete {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tenants cannot be rendered", self.0.len())?;
        self.0.iter().try_for_each(|tenant| {
            let keys: Vec<_> = tenant.problems.iter().map(ToString::to_string).collect();
            write!(f, "\n  {}: {}", tenant.tenant, keys.join("; "))
        })
    }
}

impl std::error::Error for Incomplete {}
