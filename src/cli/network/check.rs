//! `traghetto network check`.

mod brought;
mod show;

use super::render::{by_hub, every, report_missing, templates, unrendered};
use super::{Context, Failure, decided, inventory};
use crate::failure::Kind;
use crate::network::NetworkPlan;
use crate::network::cpe::Moved;
use crate::network::render::{RenderedFile, Stage, Templates};
use crate::network::rules::{self, Expected, Severity, Source};
use show::Checked;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// `traghetto network check`.
///
/// Rules are applied to the text of routers, never to the inventory: to what `network render`
/// writes, or with --from to any configurations of IOS and IOS-XE below DIR (*.ios, *.cfg, *.txt,
/// *.conf), which need not be ours. Routers of one site are recognised by their common network and
/// HSRP group, and the hub by its routing tables; where DIR holds several states of one router, in
/// folders of their own, each folder is checked by itself. With a tenant or --all, --from compares
/// with the inventory too, and findings name its keys.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").args(["tenant", "all", "hub", "from", "list"]).required(true).multiple(true))]
pub struct Args {
    /// The tenant's id.
    #[arg(conflicts_with_all = ["all", "hub", "list"])]
    tenant: Option<String>,
    /// Every tenant whose link is known, with the whole hub.
    #[arg(long, conflicts_with_all = ["hub", "list"])]
    all: bool,
    /// The whole hub alone.
    #[arg(long, conflicts_with_all = ["from", "list"])]
    hub: bool,
    /// With --all or --hub: leaving out tenants whose link is not known is fine.
    #[arg(long, conflicts_with_all = ["tenant", "list"])]
    partial: bool,
    /// Only this stage; with --from, the stage that the routers are in.
    #[arg(long, value_enum, conflicts_with = "list")]
    stage: Option<StageArg>,
    /// Check the configurations below DIR instead of what would be rendered.
    #[arg(long, value_name = "DIR", conflicts_with = "list")]
    from: Option<PathBuf>,
    /// How findings are written; --json is the same as `json`.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// List the rules instead: what each demands, why, and where that is known from.
    #[arg(long)]
    list: bool,
}

/// `--stage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum StageArg {
    /// Before any server has moved.
    Before,
    /// After every server has moved.
    After,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For continuous integration: one case for each rule.
    Junit,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let json = context.json || args.format == Format::Json;
    if args.list {
        show::list(json, context);
        return Ok(());
    }
    let (plans, missing) = match (&args.tenant, args.all || args.hub) {
        (Some(name), _) => (decided(context, name)?, Vec::new()),
        (None, true) => every(&inventory::load(context)?),
        (None, false) => (Vec::new(), Vec::new()),
    };
    let checked = match &args.from {
        Some(folder) => brought(folder, &plans, args.stage, context)?,
        None => rendered(&plans, args, &templates(context)?)?,
    };
    match (json, args.format) {
        (true, _) => show::json(&checked, context),
        (false, Format::Junit) => context.ui.data(&show::junit(&checked)),
        (false, _) => show::table(&checked, context),
    }
    report_missing(missing, args.partial, context)?;
    verdict(&checked)
}

/// Fails where a rule of severity error is broken.
fn verdict(checked: &[Checked]) -> Result<(), Failure> {
    let errors: usize = checked.iter().map(|set| set.count(Severity::Error)).sum();
    if errors == 0 {
        return Ok(());
    }
    let what = if errors == 1 { "1 finding is an error".to_owned() } else { format!("{errors} findings are errors") };
    Err(Failure::new(Kind::CheckFailed, what)
        .hint("No router was touched. Mend each line as its `fix` says, and check again before anything is pushed.")
        .hint("`traghetto network check --list` says why each rule is there."))
}

/// The servers that have moved in a stage.
fn moved(plans: &[NetworkPlan], stage: StageArg) -> Moved {
    let kept = plans.iter().flat_map(NetworkPlan::kept_everywhere).map(|server| server.id.clone());
    if stage == StageArg::After { kept.collect() } else { Moved::new() }
}

/// What would be rendered, in each stage.
fn rendered(plans: &[NetworkPlan], args: &Args, templates: &Templates) -> Result<Vec<Checked>, Failure> {
    let stages = args.stage.map_or_else(|| vec![StageArg::Before, StageArg::After], |stage| vec![stage]);
    let mut all = Vec::new();
    for stage in stages {
        let files = files(plans, args, templates, stage)?;
        let moved = moved(plans, stage);
        let expected = Expected::new(plans, Some(&moved));
        let name = if stage == StageArg::After { "after" } else { "before" };
        all.push(check(name, files, Some(&expected)));
    }
    Ok(all)
}

/// The files of a stage, by the path that `network render --out` gives them.
fn files(
    plans: &[NetworkPlan],
    args: &Args,
    templates: &Templates,
    stage: StageArg,
) -> Result<Vec<(String, String)>, Failure> {
    let stage = if stage == StageArg::After { Stage::After } else { Stage::Before };
    let under = |folder: &str, file: RenderedFile| (format!("{folder}/{}", file.path), file.text);
    let mut all: Vec<(String, String)> = Vec::new();
    if !args.hub {
        for plan in plans {
            // With every tenant, the whole hub stands for its parts.
            let part = format!("{}/{}-{}.ios", stage.folder(), plan.shared.hub, plan.tenant);
            let files = templates.stage(plan, stage).map_err(unrendered)?;
            let wanted = files.into_iter().filter(|file| !args.all || file.path != part);
            let wanted: Vec<_> = wanted.map(|file| under(plan.tenant.as_str(), file)).collect();
            // The part of the hub is the same for each site of a tenant.
            let known: BTreeSet<String> = all.iter().map(|(path, _)| path.clone()).collect();
            all.extend(wanted.into_iter().filter(|(path, _)| !known.contains(path)));
        }
    }
    if args.hub || args.all {
        for plans in by_hub(plans) {
            all.extend(templates.hub(&plans, stage).map_err(unrendered)?.map(|file| under("hub", file)));
        }
    }
    Ok(all)
}

/// What the engineer brings.
fn brought(
    folder: &std::path::Path,
    plans: &[NetworkPlan],
    stage: Option<StageArg>,
    context: &Context,
) -> Result<Vec<Checked>, Failure> {
    let moved = stage.map(|stage| moved(plans, stage));
    let expected = (!plans.is_empty()).then(|| Expected::new(plans, moved.as_ref()));
    let sets = brought::sets(folder, context)?;
    Ok(sets.into_iter().map(|(name, files)| check(&name, files, expected.as_ref())).collect())
}

fn check(name: &str, files: Vec<(String, String)>, expected: Option<&Expected<'_>>) -> Checked {
    let sources: Vec<Source> = files.iter().map(|(file, text)| Source::read(file, text)).collect();
    let findings = rules::check(&sources, expected);
    let unread = sources.iter().flat_map(|source| {
        source.device.unread.iter().map(|at| (source.file.clone(), at.line, at.value.clone())).collect::<Vec<_>>()
    });
    Checked { name: name.to_owned(), unread: unread.collect(), files, findings }
}
