//! `traghetto network diff`.

mod running;
mod show;

use super::render::{every, templates, unrendered};
use super::{Context, Failure, decided, inventory, meant};
use crate::failure::Kind;
use crate::network::cpe::Moved;
use crate::network::diff::{self, Change, ChangeClass, Faithless, Ownership, RouterChange};
use crate::network::simulate::{Role, Surroundings};
use crate::network::text::ConfigText;
use crate::network::{NetworkPlan, renderings};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// `traghetto network diff`.
///
/// Compares what runs on a tenant's routers with what is wanted, and prints the lines that lead from
/// one to the other and back. Nothing is sent. Every state between two lines is applied as IOS would
/// and simulated together with the tenant's other routers; a line that would lose a client-server
/// pair which both ends keep is put elsewhere, or its step is marked as needing a window. Lines that
/// traghetto did not render are listed and left alone; secrets are compared by presence.
///
/// Without --running the routers are taken to run what the stage `before` renders. Exits with 0
/// whether there is a difference or not, and with 4 where a step needs a window.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id.
    tenant: String,
    /// Running configurations: files, or folders of them (*.ios, *.cfg, *.txt, *.conf). Each is of
    /// the router that its `hostname` names; routers without one are left as they are.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    running: Vec<PathBuf>,
    /// What is wanted: before all servers have moved, or after they have and were accepted, without
    /// the temporary way of the copying. Servers whose route is on every router given count as moved in
    /// `before` too.
    #[arg(long, value_enum, default_value_t = StageArg::Before)]
    stage: StageArg,
    /// What is wanted is the move of this server, and nothing else moves.
    #[arg(long, value_name = "SERVER", conflicts_with = "stage")]
    server: Option<String>,
    /// Of a tenant with several sites, the one whose routers are compared; a server says its own.
    #[arg(long, value_name = "SITE")]
    site: Option<String>,
    /// Only this router changes.
    #[arg(long, value_name = "NAME")]
    router: Option<String>,
    /// List the foreign lines.
    #[arg(long)]
    foreign: bool,
}

/// `--stage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum StageArg {
    /// Before any server has moved.
    Before,
    /// After every server has moved and was accepted.
    After,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let plan = meant(decided(context, &args.tenant)?, args.site.as_deref(), args.server.as_deref())?;
    let running = running::read(&args.running, context)?;
    let there = running::moved(&plan, &running);
    let aim = Aim::of(args, &plan, &there)?;
    let routers = routers(args, &plan, &running, Ends::of(&plan, &there, &aim, context)?)?;
    let mut surroundings = vec![Surroundings::of(&plan, &there), Surroundings::of(&aim.plan, &aim.moved)];
    surroundings.dedup();
    let class = if there == aim.moved { ChangeClass::Maintenance } else { ChangeClass::Cutover };
    let change = diff::plan_change(&routers, &surroundings, class).map_err(faithless)?;
    match context.json {
        true => show::json(&plan, &routers, &change, context),
        false => show::text(&plan, &routers, &change, args.foreign, context),
    }
    verdict(&change)
}

/// Fails where a step needs a window.
fn verdict(change: &Change) -> Result<(), Failure> {
    let going = change.patches.iter().flat_map(|patch| &patch.steps).filter(|step| step.window.is_some()).count();
    let back = change.windows().count() - going;
    if going + back == 0 {
        return Ok(());
    }
    let what = format!("{going} steps need a window, and {back} on the way back");
    Err(Failure::new(Kind::CheckFailed, what)
        .hint("No router was touched. Each such step says what it interrupts; agree a window with the municipality."))
}

fn faithless(error: Faithless) -> Failure {
    Failure::new(Kind::Failed, error)
        .hint("No router was touched. Compare the router's text with the wanted one by hand, and report this line.")
}

/// What is wanted.
struct Aim {
    /// The tenant's network, without the temporary way of the copying where that is over.
    plan: NetworkPlan,
    /// The servers that are to be at the SAD.
    moved: Moved,
}

impl Aim {
    fn of(args: &Args, plan: &NetworkPlan, there: &Moved) -> Result<Self, Failure> {
        let (mut aim, mut moved) = (plan.clone(), there.clone());
        if let Some(name) = &args.server {
            let Some(server) = plan.servers.iter().find(|server| server.id.as_str() == name) else {
                let known: Vec<&str> = plan.servers.iter().map(|server| server.id.as_str()).collect();
                return Err(Failure::new(Kind::Usage, format!("{} has no server {name}", plan.tenant))
                    .hint(format!("Its servers are: {}.", known.join(", "))));
            };
            moved.insert(server.id.clone());
        } else if args.stage == StageArg::After {
            moved.extend(plan.servers_everywhere().map(|server| server.id.clone()));
            aim = plan.accepted();
        }
        Ok(Self { plan: aim, moved })
    }
}

/// What the routers run where no file says it, and what is wanted of them, by role.
struct Ends {
    before: BTreeMap<Role, ConfigText>,
    after: BTreeMap<Role, ConfigText>,
    owned: BTreeMap<Role, Ownership>,
}

impl Ends {
    fn of(plan: &NetworkPlan, there: &Moved, aim: &Aim, context: &Context) -> Result<Self, Failure> {
        let templates = templates(context)?;
        let (plans, _) = every(&inventory::load(context)?);
        let beside: Vec<NetworkPlan> = plans
            .into_iter()
            .filter(|other| other.tenant != plan.tenant && other.shared.hub == plan.shared.hub)
            .collect();
        Ok(Self {
            before: renderings::texts(plan, there, &templates).map_err(unrendered)?,
            after: renderings::texts(&aim.plan, &aim.moved, &templates).map_err(unrendered)?,
            owned: renderings::owned(plan, &beside, &templates).map_err(unrendered)?,
        })
    }
}

/// The routers of the tenant, with what runs on each and what is wanted of it.
fn routers(args: &Args, plan: &NetworkPlan, running: &[ConfigText], ends: Ends) -> Result<Vec<RouterChange>, Failure> {
    let names: Vec<String> = ends.before.values().filter_map(running::hostname).collect();
    running::all_known(running, &names)?;
    if let Some(name) = args.router.as_ref().filter(|name| !names.contains(name)) {
        return Err(Failure::new(Kind::Usage, format!("{} has no router {name}", plan.tenant))
            .hint(format!("Its routers are: {}.", names.join(", "))));
    }
    let Ends { before, mut after, mut owned } = ends;
    let mut routers = Vec::new();
    for (role, before) in before {
        let name = running::hostname(&before);
        let real = running.iter().find(|text| running::hostname(text) == name);
        let changes = args.router.as_ref().is_none_or(|only| Some(only) == name.as_ref());
        let left = !changes || (real.is_none() && !running.is_empty());
        let running = real.cloned().unwrap_or(before);
        let (wanted, own) = match (after.remove(&role), owned.remove(&role)) {
            (Some(wanted), Some(own)) if !left => (wanted, own),
            _ => (running.clone(), Ownership::default()),
        };
        routers.push(RouterChange { role, running, wanted, own });
    }
    Ok(routers)
}
