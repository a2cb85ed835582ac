//! What every command of the family starts from: inventory, playbook, plan, journal.

use super::Whose;
use crate::cli::{Context, inventory, journal, operator};
use crate::failure::{Failure, Kind};
use crate::inventory::files::read_file;
use crate::journal::{Event, Holder, Journal};
use crate::migration::{self, Evidence, Forecast, Known, Plan, Playbook, Record, Refusal, RunState, StepId};
use crate::model::calendar::WorkCalendar;
use crate::model::project::LandingTarget;
use crate::model::tenant::Tenant;
use crate::model::{DiskId, Inventory, PersonId, ServerId};
use crate::replica::{DiskReplica, DiskStatus};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is on the landing host.
pub(super) type Replicas = BTreeMap<(ServerId, DiskId), DiskStatus>;

/// Inventory, tenant, playbook and plan.
pub(super) struct Scene {
    pub(super) inventory: Inventory,
    pub(super) tenant: Tenant,
    pub(super) playbook: Playbook,
    pub(super) plan: Plan,
}

impl Scene {
    pub(super) fn open(whose: &Whose, start: Option<Date>, context: &Context) -> Result<Self, Failure> {
        let (inventory, tenant) = inventory::load_for(context, &whose.tenant)?;
        let playbook = playbook(whose, context)?;
        let request = migration::Request { inventory: &inventory, tenant: &tenant, playbook: &playbook, start };
        let plan = migration::plan(&request).map_err(|refusals| refused(&tenant, &refusals))?;
        Ok(Self { inventory, tenant, playbook, plan })
    }

    /// The folder of all replicas.
    pub(super) fn landing(&self, context: &Context) -> PathBuf {
        let LandingTarget::Directory(folder) = &self.inventory.project.landing.target;
        context.root.join(folder)
    }

    pub(super) fn operator(&self, context: &Context) -> Result<PersonId, Failure> {
        operator::resolve(context, &self.inventory)
    }

    /// Whether the carrier assists during the whole window that begins at `from`.
    pub(super) fn is_assisted(&self, from: Timestamp) -> bool {
        let project = &self.inventory.project;
        let patron_day = self.tenant.patron_day.filter(|_| project.sla.patron_day_is_holiday);
        let calendar = WorkCalendar::new(patron_day, &project.extra_holidays);
        let mut windows = self.tenant.windows.iter().filter(|window| window.from() == from);
        windows.all(|window| window.is_assisted(&project.sla, &calendar))
    }

    /// The lease that a run holds.
    pub(super) fn subject(&self) -> String {
        format!("tenant/{}", self.tenant.id)
    }

    /// The replicas that are there.
    pub(super) fn replicas(&self, context: &Context) -> Replicas {
        let landing = self.landing(context);
        let disks = self.plan.servers.iter().flat_map(|server| server.disks.iter().map(move |disk| (server, disk)));
        disks
            .filter_map(|(server, disk)| {
                let folder = migration::server_folder(&landing, &self.tenant, &server.server);
                let status = DiskReplica::new(&folder, &disk.disk).status();
                if let Err(error) = &status {
                    context.ui.warn(&format!("the replica of {} {} cannot be read: {error}", server.server, disk.disk));
                }
                Some(((server.server.clone(), disk.disk.clone()), status.ok()??))
            })
            .collect()
    }
}

/// How long the copies take, as far as inventory and journal know, if the first begins at `begin`.
pub(super) fn forecast(scene: &Scene, events: &[Event], now: Timestamp, begin: Timestamp) -> Result<Forecast, Failure> {
    let evidence = Evidence::of(events, &scene.plan).map_err(journal::illegal)?;
    let project = &scene.inventory.project;
    Ok(Forecast::of(&scene.tenant, &scene.plan, &Known { project, evidence: &evidence, now, begin }))
}

/// Whom to call about a step: those who answer for its activity.
pub(super) fn call(scene: &Scene, step: Option<&StepId>) -> Vec<String> {
    let number = step.and_then(|id| scene.plan.steps.iter().find(|step| step.id == *id)).map(|step| step.activity);
    let activity = scene.playbook.activities.iter().find(|activity| Some(activity.number) == number);
    let people = &scene.inventory.people;
    let roles = activity.into_iter().flat_map(|activity| &activity.responsible);
    roles
        .flat_map(|role| people.holders(role, &scene.tenant.id).map(move |who| (role, who)))
        .map(|(role, who)| migration::contact(people, role, who))
        .collect()
}

/// The journal with what it says of one tenant.
pub(super) struct Story {
    pub(super) journal: Journal,
    pub(super) events: Vec<Event>,
    pub(super) state: RunState,
    pub(super) holder: Option<Holder>,
}

impl Story {
    pub(super) async fn open(scene: &Scene, context: &Context) -> Result<Self, Failure> {
        let journal = journal::open(context, &scene.inventory).await?;
        let events = journal.events(&scene.tenant.id).await?;
        journal::tell_repairs(context, &journal);
        let state = RunState::of(&events).map_err(journal::illegal)?;
        let holder = journal.holder(&scene.subject()).await?;
        Ok(Self { journal, events, state, holder })
    }

    /// Writes an event that needs no lease: a signature, a remark, a pause.
    pub(super) async fn write(&self, scene: &Scene, operator: &PersonId, record: Record) -> Result<Event, Failure> {
        let (kind, data) = record.parts();
        Ok(self.journal.append(&scene.tenant.id, operator.as_str(), &kind, data).await?)
    }
}

/// A message made of several lines.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Lines(String);

/// A server that is not among those of the plan.
pub(super) fn no_server(scene: &Scene, server: &ServerId) -> Failure {
    let known: Vec<String> = scene.plan.servers.iter().map(|server| server.server.to_string()).collect();
    Failure::new(Kind::Usage, format!("{} has no server {server}", scene.tenant.id))
        .hint(format!("Nothing was done. Its servers: {}.", known.join(", ")))
}

fn refused(tenant: &Tenant, refusals: &[Refusal]) -> Failure {
    let lines: Vec<String> =
        refusals.iter().map(|refusal| format!("  {refusal}\n    hint: {}", refusal.hint())).collect();
    let text = format!("{} cannot be planned:\n{}", tenant.id, lines.join("\n"));
    Failure::new(Kind::Invalid, Lines(text)).hint("Nothing was done. What is not built is never planned.")
}

/// The playbook that is named, or the only one.
fn playbook(whose: &Whose, context: &Context) -> Result<Playbook, Failure> {
    let name = match &whose.playbook {
        Some(name) => format!("playbooks/{}", name.trim_start_matches("playbooks/")),
        None => only_playbook(context)?,
    };
    let unreadable = |error: std::io::Error| {
        Failure::new(Kind::Invalid, Unreadable { file: name.clone(), source: error })
            .hint("Is this the right folder? Name it with --root DIR; it holds the folder playbooks/.")
    };
    let file = read_file(&context.root, &name).map_err(unreadable)?;
    migration::decode(&file.name, &file.bytes)
        .map_err(|problems| Failure::new(Kind::Invalid, problems).hint("Nothing was done. Mend the playbook."))
}

#[derive(Debug, thiserror::Error)]
#[error("{file} cannot be read")]
struct Unreadable {
    file: String,
    source: std::io::Error,
}

fn only_playbook(context: &Context) -> Result<String, Failure> {
    let folder = context.root.join("playbooks");
    let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".yaml") && !name.starts_with('.')).collect();
    names.sort();
    match names.as_slice() {
        [one] => Ok(format!("playbooks/{one}")),
        [] => Err(Failure::new(Kind::Invalid, format!("there is no playbook in {}", folder.display()))
            .hint("Is this the right folder? Name it with --root DIR; it holds the folder playbooks/.")),
        _ => Err(Failure::new(Kind::Usage, "there are several playbooks")
            .hint(format!("Choose one with --playbook: {}.", names.join(", ")))),
    }
}
