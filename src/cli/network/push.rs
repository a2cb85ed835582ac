//! `traghetto network push`.

mod desk;
mod field;
mod open;
mod prepare;
mod refusal;
mod report;
mod sites;

use super::{Context, Failure, inventory};
use crate::cli::{interrupt, journal, operator};
use crate::failure::Kind;
use crate::journal::{Journal, Lease};
use crate::migration::RunState;
use crate::model::{Inventory, PersonId, ServerId, TenantId};
use crate::network::diff::{ChangeClass, OLD_SECRET};
use crate::network::push::campaign::Campaign;
use crate::network::push::record::{Begun, Record};
use crate::network::push::run::{Desk as _, PushError, Pusher, Tempo};
use crate::world::secret::Secrets;
use crate::world::ssh::Trust;
use desk::Seat;
use field::Reach;
use refusal::Prepared;
use report::Told;
use sites::Sites;
use std::time::Duration;
use tokio::sync::watch;

/// `traghetto network push`.
///
/// Brings routers from what runs to what is wanted, one at a time. Each change is made under a revert
/// timer: a router goes back by itself unless what it then does, seen over a new connection, is what
/// the simulator predicts. A push that was cut or killed goes on with the same command, and only with
/// it; `--undo` takes its routers back instead. `maintenance` changes one router in a run, the standby
/// CPE first; `cutover` changes hub and CPEs for one server, and takes all of them back if one cannot
/// go on.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("explained").args(["take_over", "abandon"]).multiple(true)))]
pub struct Args {
    /// The tenant's id.
    tenant: String,
    /// Of a tenant with several sites, the one whose routers are meant; a server says its own.
    #[arg(long, value_name = "SITE")]
    site: Option<String>,
    /// Only this router, by its host name.
    #[arg(long, value_name = "NAME", conflicts_with = "hub")]
    router: Option<String>,
    /// Only the hub, and on it only what is this tenant's.
    #[arg(long)]
    hub: bool,
    /// What kind of change.
    #[arg(long, value_enum, default_value_t = ClassArg::Maintenance)]
    class: ClassArg,
    /// The server whose cutover it is.
    #[arg(long, required_if_eq("class", "cutover"))]
    server: Option<ServerId>,
    /// Undo the cutover of the server.
    #[arg(long, requires = "server")]
    back: bool,
    /// What is wanted: routers before any move, with the servers where they are now, or after every
    /// move and its acceptance, without the temporary way of the copying.
    #[arg(long, value_enum, default_value_t = StageArg::Now, conflicts_with = "server")]
    stage: StageArg,
    /// Show what would be done, and stop. Reads the routers, changes nothing.
    #[arg(long)]
    plan: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Take back every router of a push that is not over, instead of going on.
    #[arg(long, conflicts_with_all = ["router", "hub", "class", "server", "back", "stage", "plan", "timer"])]
    undo: bool,
    /// Give up a push that is not over and that only a person can go on with; say why with --reason.
    #[arg(long, requires = "reason", conflicts_with_all = ["undo", "router", "hub", "class", "server", "back", "stage", "plan", "timer"])]
    abandon: bool,
    /// Minutes after which a router reverts by itself: 5, or as many as the lines take.
    #[arg(long, value_name = "MIN", value_parser = clap::value_parser!(u16).range(2..=120))]
    timer: Option<u16>,
    /// Seconds that a router has, once its lines are in, to do what is expected of it.
    #[arg(long, value_name = "SEC", default_value_t = 150, value_parser = clap::value_parser!(u64).range(5..=600))]
    settle: u64,
    /// Overwrite what somebody else changed in lines of ours; the reason is journaled.
    #[arg(long, value_name = "REASON")]
    accept_drift: Option<String>,
    /// Save what runs and nobody saved, whoever typed it; the reason is journaled.
    #[arg(long, value_name = "REASON")]
    save_unsaved: Option<String>,
    /// Go on although a router does not do now what the simulator predicts; the reason is journaled.
    #[arg(long, value_name = "REASON")]
    accept_faults: Option<String>,
    /// Take steps that need a window; who agreed to it is journaled.
    #[arg(long, value_name = "REASON")]
    window_agreed: Option<String>,
    /// Push aside a living holder of a lease; say why with --reason.
    #[arg(long, requires = "reason")]
    take_over: bool,
    /// Why the lease is taken over, or the push given up.
    #[arg(long, requires = "explained", value_name = "TEXT")]
    reason: Option<String>,
}

impl Args {
    /// The options that say which push is meant: the same go on with it.
    fn asked(&self) -> Vec<String> {
        let option = |name: &str, value: &str| vec![format!("--{name}"), value.to_owned()];
        let mut asked = Vec::new();
        asked.extend(self.router.iter().flat_map(|router| option("router", router)));
        asked.extend(self.site.iter().flat_map(|site| option("site", site)));
        asked.extend(self.hub.then(|| "--hub".to_owned()));
        if self.class == ClassArg::Cutover {
            asked.extend(option("class", "cutover"));
        }
        asked.extend(self.server.iter().flat_map(|server| option("server", server.as_str())));
        asked.extend(self.back.then(|| "--back".to_owned()));
        match self.stage {
            StageArg::Now => {}
            StageArg::Before => asked.extend(option("stage", "before")),
            StageArg::After => asked.extend(option("stage", "after")),
        }
        asked
    }

    /// The same, whichever router is due.
    fn asked_of_any(&self) -> Vec<String> {
        let which = if self.router.is_some() { 2 } else { 0 };
        self.asked().split_off(which)
    }

    /// Why a lease is taken over.
    fn lease_reason(&self) -> Option<&str> {
        self.reason.as_deref().filter(|_| self.take_over)
    }
}

/// `--class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ClassArg {
    /// One router in a run, the standby CPE first.
    Maintenance,
    /// Hub and both CPEs for one server.
    Cutover,
}

impl ClassArg {
    fn class(self, back: bool) -> ChangeClass {
        match self {
            ClassArg::Maintenance => ChangeClass::Maintenance,
            ClassArg::Cutover if back => ChangeClass::Return,
            ClassArg::Cutover => ChangeClass::Cutover,
        }
    }
}

/// `--stage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum StageArg {
    /// With the servers where the routers say that they are.
    Now,
    /// Before any server has moved.
    Before,
    /// After every server has moved and was accepted.
    After,
}

/// A message made of several lines.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Lines(String);

/// Everything a push acts with.
struct Office<'a> {
    inventory: &'a Inventory,
    sites: Sites,
    operator: PersonId,
    journal: Journal,
    lease: Lease,
    devices: Vec<Lease>,
    context: &'a Context,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let (inventory, tenant) = inventory::load_for(context, &args.tenant)?;
    let tenant = &tenant;
    let sites = Sites::of(&inventory, tenant, args, context)?;
    let operator = operator::resolve(context, &inventory)?;
    let journal = journal::open(context, &inventory).await?;
    let reason = args.lease_reason();
    let again = again(&tenant.id, &args.asked());
    let lease = journal.lease(&format!("tenant/{}", tenant.id), operator.as_str(), reason).await;
    let lease = lease.map_err(|error| journal::held(error, &inventory, &again))?;
    let mut devices = Vec::new();
    let mut taken = Ok(());
    for name in sites.hostnames() {
        match journal.lease(&format!("device/{name}"), operator.as_str(), reason).await {
            Ok(lease) => devices.push(lease),
            Err(error) => {
                taken = Err(journal::held(error, &inventory, &again));
                break;
            }
        }
    }
    let office = Office { inventory: &inventory, sites, operator, journal, lease, devices, context };
    let mut told = Told::default();
    let done = match taken {
        Ok(()) => office.work(args, &mut told).await,
        Err(failure) => Err(failure),
    };
    told.print(context);
    let Office { journal, lease, devices, context, .. } = office;
    journal::tell_repairs(context, &journal);
    let mut released = Ok(());
    for lease in devices.into_iter().chain([lease]) {
        released = released.and(journal.release(lease).await);
    }
    done.and_then(|()| Ok(released?))
}

impl Office<'_> {
    /// Once its address leads to the landing site, a source that is on cannot be seen any more.
    async fn refuse_before_the_fence(&self, args: &Args) -> Result<(), Failure> {
        let Some(server) = args.server.as_ref().filter(|_| args.class == ClassArg::Cutover && !args.back) else {
            return Ok(());
        };
        let tenant = &self.sites.tenant;
        let events = self.journal.events(tenant).await?;
        let state = RunState::of(&events).map_err(journal::illegal)?;
        if args.plan || state.is_fenced(server) != Some(false) {
            return Ok(());
        }
        Err(Failure::new(Kind::CheckFailed, format!("the source of {server} was not seen off yet"))
            .hint("No router was changed: once its address leads to the landing site, nobody sees that it is on.")
            .hint(format!("First: traghetto migrate run {tenant}; to look only, give the same command with --plan.")))
    }

    async fn work(&self, args: &Args, told: &mut Told) -> Result<(), Failure> {
        let stop = interrupt::stop_on_ctrl_c();
        let tenant = &self.sites.tenant;
        let state = RunState::of(&self.journal.events(tenant).await?).map_err(journal::illegal)?;
        journal::home(&state, &self.journal, tenant)?;
        let records = self.records().await?;
        let open = Campaign::open(&records);
        if args.plan
            && let Some(open) = &open
        {
            report::open(open, &self.sites.tenant, told, self.context);
            return Ok(());
        }
        if args.abandon {
            return self.abandon(args, open, &stop).await;
        }
        let campaign = match open {
            Some(open) if args.undo => Some(self.turn(args, open, &stop).await?),
            Some(open) => Some(self.go_on(args, open)?),
            None if args.undo => return Err(open::nothing_open(&self.sites.tenant)),
            None => {
                self.refuse_before_the_fence(args).await?;
                self.begin(args, &records, &stop, told).await?
            }
        };
        let Some(mut campaign) = campaign else { return Ok(()) };
        let tempo = Tempo { settle: Duration::from_secs(args.settle), ..Tempo::default() };
        let mut pusher = Pusher { field: self.reach(), desk: self.seat(stop), tempo };
        let ending = pusher.run(&mut campaign).await.map_err(|error| match error {
            PushError::Desk(error) => Failure::from(error),
            PushError::Unfit(refused) => Failure::new(Kind::Bug, refused)
                .hint("No router was touched since the last event; a revert timer that runs will run out."),
        })?;
        report::ended(&campaign, ending, &self.sites.tenant, told, self.context)
    }

    async fn records(&self) -> Result<Vec<Record>, Failure> {
        Ok(self.timed_records().await?.into_iter().map(|(_, record)| record).collect())
    }

    /// What the journal says of pushes of this tenant, each with its time.
    async fn timed_records(&self) -> Result<Vec<(String, Record)>, Failure> {
        let mut records = Vec::new();
        for event in self.journal.events(&self.sites.tenant).await? {
            let record = Record::of(&event.kind, &event.data).map_err(|error| {
                Failure::new(Kind::Evidence, error)
                    .hint("Nothing was done. Was the journal written by a newer traghetto? Then use that one.")
            })?;
            records.extend(record.map(|record| (event.time.clone(), record)));
        }
        Ok(records)
    }

    /// Plans, shows, asks; none where there is nothing to do, or nothing was to be done.
    async fn begin(
        &self,
        args: &Args,
        records: &[Record],
        stop: &watch::Receiver<bool>,
        told: &mut Told,
    ) -> Result<Option<Campaign>, Failure> {
        let prepared = prepare::prepare(self, args, records).await?;
        report::plan(&prepared, told, self.context);
        if args.plan {
            return Ok(None);
        }
        prepared.refusal(args)?;
        if prepared.chosen.is_empty() {
            self.context.ui.status(&report::nothing(&prepared, args));
            return Ok(None);
        }
        let minutes = prepared.minutes(args)?;
        self.secrets_at_hand(&prepared)?;
        let names: Vec<&str> = prepared.chosen.iter().map(|router| router.change.router.as_str()).collect();
        ask(args, &format!("Change {} now?", names.join(", then ")), self.context)?;
        let begun = self.begun(args, minutes, prepared);
        self.seat(stop.clone()).write(&Record::Begun(Box::new(begun.clone()))).await?;
        Ok(Some(Campaign::new(begun)))
    }

    fn begun(&self, args: &Args, minutes: u16, prepared: Prepared) -> Begun {
        let changes: Vec<_> = prepared.chosen.into_iter().map(|router| router.change).collect();
        let previous = self.devices.iter().chain([&self.lease]).find_map(Lease::previous);
        Begun {
            run: Campaign::name(&changes),
            class: args.class.class(args.back),
            server: args.server.clone(),
            asked: args.asked(),
            minutes,
            changes,
            accepted_drift: args.accept_drift.clone(),
            accepted_unsaved: args.save_unsaved.clone(),
            accepted_faults: args.accept_faults.clone(),
            window: args.window_agreed.clone(),
            after: previous.and_then(|holder| serde_json::to_value(holder).ok()),
        }
    }

    /// Every secret that a line names is at hand before the first line is sent. None is kept.
    fn secrets_at_hand(&self, prepared: &Prepared) -> Result<(), Failure> {
        let secrets = self.secrets();
        for change in prepared.chosen.iter().map(|router| &router.change) {
            for line in change.lines.iter().chain(&change.rollback) {
                let Err(error) = secrets.put_into(line) else { continue };
                let mut failure = Failure::new(Kind::Invalid, error).hint("No router was touched.");
                if Secrets::names(line).iter().any(|name| name.starts_with(OLD_SECRET)) {
                    failure = failure.hint(format!(
                        "The way back of {} needs it, and no rendering names it: it is the word that the router shows in \
                         its place in `{}`.",
                        change.router,
                        line.trim()
                    ));
                }
                return Err(
                    failure.hint("Put it into that file, readable by you only, or into the variable; then repeat.")
                );
            }
        }
        Ok(())
    }

    fn secrets(&self) -> Secrets {
        let folder = self.inventory.project.network.secrets.clone();
        Secrets { root: self.context.root.clone(), folder }
    }

    fn reach(&self) -> Reach {
        Reach {
            accesses: self.sites.accesses.clone(),
            trust: Trust::of_operator(&self.context.root),
            secrets: self.secrets(),
        }
    }

    fn seat(&self, stop: watch::Receiver<bool>) -> Seat<'_> {
        Seat {
            journal: &self.journal,
            lease: &self.lease,
            devices: &self.devices,
            tenant: &self.sites.tenant,
            operator: self.operator.as_str(),
            context: self.context,
            stop,
        }
    }
}

/// The person agrees to `question`, at a terminal or by `--yes`.
fn ask(args: &Args, question: &str, context: &Context) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    match context.ui.ask(&format!("{question} Type yes: ")) {
        Some(answer) if answer.trim() == "yes" => Ok(()),
        Some(_) => Err(Failure::new(Kind::Waiting, "not agreed")
            .hint("No router was touched. Give the same command again once it is agreed.")),
        None => Err(Failure::new(Kind::Usage, "there is no terminal to ask at")
            .hint("No router was touched. Read what stands above; to do it without a terminal, add --yes.")),
    }
}

/// The command that goes on with a push of these options, or begins it anew.
fn again(tenant: &TenantId, asked: &[String]) -> String {
    let mut command = format!("traghetto network push {tenant}");
    asked.iter().for_each(|word| command.push_str(&format!(" {word}")));
    command
}
