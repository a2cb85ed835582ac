//! `traghetto network simulate`.

mod show;
mod texts;

use super::render::{every, report_missing, templates};
use super::{Context, Failure, decided, inventory};
use crate::document::topology;
use crate::failure::Kind;
use crate::network::NetworkPlan;
use crate::network::render::Stage;
use crate::network::simulate::{Failures, Network, Outcome, Reason, Scene, Tally, outcomes, tally};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// `traghetto network simulate`.
///
/// Computed from the text of the routers alone: what `network render` writes, or with --from the
/// configurations below DIR (*.ios, *.cfg, *.conf, *.txt), recognised by their host names. Every client
/// asks every server, both ways are walked; then everything that can fail does, one by one, and with
/// --double two at the same moment. The outage is how long the pair is lost, at least and at most,
/// until probes, tracked objects, HSRP and routes have followed. Exit code 4: a pair stays lost, or is
/// degraded, in a single failure although a way of cables and lines is left; or what a failure moved
/// does not come back; or a line that may decide where packets go means nothing to traghetto, so that
/// nothing is proven.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").args(["tenant", "all"]).required(true))]
pub struct Args {
    /// The tenant's id.
    tenant: Option<String>,
    /// Every tenant whose link is known.
    #[arg(long)]
    all: bool,
    /// With --all: leaving out tenants whose link is not known is fine.
    #[arg(long, conflicts_with = "tenant")]
    partial: bool,
    /// Before any server has moved, or after all have.
    #[arg(long, value_enum, default_value_t = StageArg::After)]
    stage: StageArg,
    /// Two failures at the same moment, too.
    #[arg(long)]
    double: bool,
    /// Only this failure, such as `primary-line` or `primary-line+tunnel` (names: --format json).
    #[arg(long, value_name = "ID")]
    failure: Option<String>,
    /// Read the configurations below DIR instead of rendering them.
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// How outcomes are written; --json is the same as `json`.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Draw the site: FILE.svg without failure, or with --failure in that one; else a folder with a
    /// drawing of every single failure.
    #[arg(long, value_name = "FILE|DIR")]
    svg: Option<PathBuf>,
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
    /// For continuous integration: one case for each failure.
    Junit,
}

/// A tenant's scene and what becomes of it.
struct Simulated {
    tenant: String,
    scene: Scene,
    outcomes: Vec<Outcome>,
    /// Lines that may decide where packets go, and are not read: no outcome holds against them.
    unread: Vec<Reason>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let (plans, missing) = match &args.tenant {
        Some(name) => (decided(context, name)?, Vec::new()),
        None => every(&inventory::load(context)?),
    };
    let scenes = scenes(args, &plans, context)?;
    let mut simulated = simulate(scenes, args.double || args.failure.as_ref().is_some_and(|id| id.contains('+')));
    if let Some(id) = &args.failure {
        only(&mut simulated, id)?;
    }
    match (context.json || args.format == Format::Json, args.format) {
        (true, _) => context.ui.json(&show::json(&simulated)),
        (false, Format::Junit) => context.ui.data(&show::junit(&simulated)),
        (false, _) => show::table(&simulated, context),
    }
    for one in &simulated {
        for told in Network::new(&one.scene).dead_tunnels().iter().chain(&one.unread) {
            context.ui.warn(&crate::untrusted::printable(&told.to_string()));
        }
        for assumed in Network::new(&one.scene).assumed() {
            context.ui.status(&crate::untrusted::printable(&assumed.to_string()));
        }
    }
    if let Some(path) = &args.svg {
        draw(path, &simulated, args.failure.is_some(), context)?;
    }
    report_missing(missing, args.partial, context)?;
    verdict(&simulated)
}

fn scenes(args: &Args, plans: &[NetworkPlan], context: &Context) -> Result<Vec<(String, Scene)>, Failure> {
    let templates = templates(context)?;
    let stage = match args.stage {
        StageArg::Before => Stage::Before,
        StageArg::After => Stage::After,
    };
    let brought = args.from.as_deref().map(texts::below).transpose()?;
    let scene = |plan| Ok((plan, texts::scene(plan, stage, &templates, brought.as_deref(), context)?));
    plans.iter().map(|plan| scene(plan).map(|(plan, scene)| (plan.name(), scene))).collect()
}

/// Every scene, on as many processors as there are.
fn simulate(scenes: Vec<(String, Scene)>, double: bool) -> Vec<Simulated> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(scenes.len().max(1));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, (_, scene))) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, scenes.get(at)?)))
        {
            done.push((at, outcomes(scene, double)));
        }
        done
    };
    let mut all: Vec<(usize, Vec<Outcome>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    all.sort_by_key(|(at, _)| *at);
    let outcomes = all.into_iter().map(|(_, outcomes)| outcomes);
    let simulated = |((tenant, scene), outcomes): ((String, Scene), Vec<Outcome>)| {
        let unread = Network::new(&scene).unread();
        Simulated { tenant, scene, outcomes, unread }
    };
    scenes.into_iter().zip(outcomes).map(simulated).collect()
}

/// Leaves only the outcomes of one failure.
fn only(simulated: &mut [Simulated], id: &str) -> Result<(), Failure> {
    let mut wanted: Vec<&str> = id.split('+').collect();
    wanted.sort_unstable();
    let mut known: Vec<String> = Vec::new();
    for one in simulated.iter_mut() {
        known.extend(
            one.outcomes
                .iter()
                .filter(|outcome| outcome.failures.elements().len() == 1)
                .map(|outcome| show::id(&outcome.failures)),
        );
        one.outcomes.retain(|outcome| {
            let mut ids: Vec<String> = outcome.failures.elements().iter().map(|element| element.id()).collect();
            ids.sort_unstable();
            ids == wanted
        });
    }
    if simulated.iter().any(|one| !one.outcomes.is_empty()) {
        return Ok(());
    }
    known.sort_unstable();
    known.dedup();
    let usage = format!("nothing here can fail that is called {}", id.escape_default());
    Err(Failure::new(Kind::Usage, usage)
        .hint(format!("What can fail: {}; two of them with a + between.", known.join(", "))))
}

/// Writes the drawings.
fn draw(path: &Path, simulated: &[Simulated], one_failure: bool, context: &Context) -> Result<(), Failure> {
    let write = |path: &Path, text: &str| {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let made = parent.map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(path, text)).map_err(|error| {
            let next = "Nothing else was changed. Name another file or folder with --svg: this cannot be written:";
            Failure::new(Kind::Failed, error).hint(format!("{next} {}", path.display()))
        })
    };
    let mut written = 0;
    if path.extension().is_some_and(|extension| extension == "svg") {
        let [one] = simulated else {
            return Err(Failure::new(Kind::Usage, "a file holds one tenant").hint("Name a folder for several tenants."));
        };
        let first = one.outcomes.first().map(|outcome| outcome.failures.clone()).unwrap_or_default();
        let failures = if one_failure { first } else { Failures::none() };
        write(path, &topology::svg(&one.scene, &failures, &show::of(&one.outcomes, &failures)))?;
        written += 1;
    } else {
        for one in simulated {
            for (failures, outcomes) in show::by_failure(&one.outcomes) {
                if failures.elements().len() > 1 && !one_failure {
                    continue;
                }
                let file = path.join(&one.tenant).join(format!("{}.svg", show::id(failures)));
                write(&file, &topology::svg(&one.scene, failures, outcomes))?;
                written += 1;
            }
        }
    }
    context.ui.status(&format!("{written} drawings written to {}", path.display()));
    Ok(())
}

/// An error if a pair is lost or degraded in a single failure, or in none, that leaves a way; or if the
/// outcomes are not proven, because lines that may decide were not read.
fn verdict(simulated: &[Simulated]) -> Result<(), Failure> {
    let single = |outcome: &&Outcome| outcome.failures.elements().len() <= 1;
    let broken: Vec<(&str, Tally)> = simulated
        .iter()
        .map(|one| (one.tenant.as_str(), tally(one.outcomes.iter().filter(single))))
        .filter(|(_, tally)| tally.lost + tally.degraded > 0)
        .collect();
    let Some((first, _)) = broken.first() else {
        comes_back(simulated)?;
        return proven(simulated);
    };
    let (lost, degraded) = broken.iter().fold((0, 0), |all, (_, tally)| (all.0 + tally.lost, all.1 + tally.degraded));
    let what = format!("{lost} lost and {degraded} degraded although a way is left, in no failure or a single one");
    let names: Vec<_> = broken.iter().map(|(tenant, _)| *tenant).collect();
    Err(Failure::new(Kind::CheckFailed, what).hint(format!("Tenants: {}.", names.join(", "))).hint(format!(
        "Why, with file and line: `traghetto network simulate {first}`; rules: `traghetto network check {first}`."
    )))
}

/// An error if what a single failure moved stays there when it is mended.
fn comes_back(simulated: &[Simulated]) -> Result<(), Failure> {
    let single = |outcome: &&Outcome| outcome.failures.elements().len() <= 1 && outcome.stuck.is_some();
    let mut all = simulated.iter().filter_map(|one| Some((one, one.outcomes.iter().find(single)?)));
    let Some((one, outcome)) = all.next() else { return Ok(()) };
    let stuck = outcome.stuck.as_ref().map_or_else(String::new, ToString::to_string);
    let what = format!("{}: after \"{}\" not everything comes back", one.tenant, outcome.failures);
    Err(Failure::new(Kind::CheckFailed, what).hint(format!("{}.", crate::untrusted::printable(&stuck))))
}

/// An error if lines that may decide where packets go were not read.
fn proven(simulated: &[Simulated]) -> Result<(), Failure> {
    let unread: Vec<&Reason> = simulated.iter().flat_map(|one| &one.unread).collect();
    let Some(first) = unread.first() else { return Ok(()) };
    let what = match unread.len() {
        1 => "a line that may decide where packets go is not read: nothing above is proven".to_owned(),
        count => format!("{count} lines that may decide where packets go are not read: nothing above is proven"),
    };
    Err(Failure::new(Kind::CheckFailed, what).hint(format!(
        "Judge by hand what each of them does, such as {}.",
        crate::untrusted::printable(&first.to_string())
    )))
}
