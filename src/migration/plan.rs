//! Playbook and inventory give a plan: every step with its id, in order, or the reasons why not.

use super::playbook::{Action, Activity, Addressed, Per, Playbook, Reached, Stage};
use super::quiesce::Quiesce;
use super::refusal::{Refusal, refusals};
use super::terms::CutoverTerms;
use crate::digest::sha256;
use crate::model::calendar::WorkCalendar;
use crate::model::project::{LandingMachines, LandingTarget, Project};
use crate::model::project_calendar::{self, ActivityDays, ProjectCalendar};
use crate::model::server::{
    Access, Addressing, DirectoryWay, Disk, Login, Os, SecretRef, Server, ServerRole, Transfer,
};
use crate::model::tenant::Tenant;
use crate::model::vsphere::VsphereWay;
use crate::model::{DiskId, Inventory, ServerId, TenantId};
use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// What a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What is true.
    pub inventory: &'a Inventory,
    /// Whose migration it is.
    pub tenant: &'a Tenant,
    /// In which order.
    pub playbook: &'a Playbook,
    /// The start of activity 1; without it the latest one is proposed.
    pub start: Option<Date>,
}

/// Id of a step, such as `a3.seed.cinto-srv1.disk0`: the same in every plan that has the step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct StepId(pub String);

impl std::fmt::Display for StepId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// Number of its activity.
    pub activity: u8,
    /// The server, where it is done for one.
    pub server: Option<ServerId>,
    /// The disk, where it is done for one.
    pub disk: Option<DiskId>,
    /// What is done.
    #[serde(flatten)]
    pub action: Action,
}

impl Step {
    /// Server and disk, where it is done for a disk.
    pub fn of_disk(&self) -> Option<(&ServerId, &DiskId)> {
        self.server.as_ref().zip(self.disk.as_ref())
    }
}

/// A server as the plan moves it: what must not change under a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedServer {
    /// Its id.
    pub server: ServerId,
    /// How it is moved.
    pub transfer: Transfer,
    /// How its directory service is moved, for a domain controller.
    pub directory: Option<DirectoryWay>,
    /// How it is reached, in words.
    pub reached: String,
    /// Its system.
    pub os: Os,
    /// What it does.
    pub roles: Vec<ServerRole>,
    /// Its address in the tenant's LAN.
    pub address: Ipv4Addr,
    /// Where its address is after the move.
    pub landing: Addressing,
    /// How its copy is reached, in words.
    pub copy_reached: String,
    /// Its disks.
    pub disks: Vec<PlannedDisk>,
    /// Servers whose final sync comes first.
    pub after: Vec<ServerId>,
}

impl PlannedServer {
    /// Whether it is a domain controller.
    pub fn is_controller(&self) -> bool {
        self.roles.contains(&ServerRole::Ad)
    }

    /// Whether another machine takes over from it.
    pub fn is_replaced(&self) -> bool {
        self.transfer == Transfer::Replace
    }
}

/// A disk as the plan copies it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedDisk {
    /// Its id.
    pub disk: DiskId,
    /// Block device or image file on the source.
    pub source: PathBuf,
    /// How it stands still for its last copy.
    pub quiesce: Quiesce,
}

/// What will be done for a tenant, in order. It prints, serialises, diffs and tests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Whose.
    pub tenant: TenantId,
    /// Name of the playbook.
    pub playbook: String,
    /// Where replicas land, in words.
    pub landing: String,
    /// The servers in the order in which they move.
    pub servers: Vec<PlannedServer>,
    /// The steps in the order in which they are done.
    pub steps: Vec<Step>,
    /// The calendar; no part of what is signed, since days move.
    #[serde(skip)]
    pub calendar: ProjectCalendar,
    /// What is agreed about the move: signed at a gate of its own, so that a new window voids no other signature.
    #[serde(skip)]
    pub terms: CutoverTerms,
}

impl Plan {
    /// The plan as the journal keeps it: what a run may not silently change.
    pub fn record(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// SHA-256 of [`Plan::record`]: what signatures approve.
    pub fn digest(&self) -> String {
        sha256(self.record().to_string().as_bytes())
    }

    /// A server of the plan.
    pub fn server(&self, id: &ServerId) -> Option<&PlannedServer> {
        self.servers.iter().find(|server| server.server == *id)
    }

    /// The gate at which the sources are quiet: where it is, and its step.
    pub fn quiet(&self) -> Option<(usize, &Step)> {
        let quiet = |step: &Step| matches!(&step.action, Action::Gate(gate) if gate.reaches == Some(Reached::Quiet));
        self.steps.iter().enumerate().find(|(_, step)| quiet(step))
    }

    /// Whether another machine takes over from a server of the plan.
    pub fn is_replaced(&self, id: &ServerId) -> bool {
        self.server(id).is_some_and(PlannedServer::is_replaced)
    }

    /// What differs from a plan that the journal keeps, a line each.
    pub fn changes_from(&self, old: &Value) -> Vec<String> {
        let new = self.record();
        let mut changes = Vec::new();
        for key in ["playbook", "landing"] {
            if old[key] != new[key] {
                changes.push(format!("{key}: {} becomes {}", old[key], new[key]));
            }
        }
        for (list, id) in [("servers", "server"), ("steps", "id")] {
            let (before, after) = (by_id(&old[list], id), by_id(&new[list], id));
            for (name, value) in &before {
                match after.get(name) {
                    None => changes.push(format!("{name}: no longer in the plan")),
                    Some(now) if now != value => changes.extend(differences(name, value, now)),
                    Some(_) => {}
                }
            }
            changes.extend(after.keys().filter(|name| !before.contains_key(*name)).map(|name| format!("{name}: new")));
        }
        if changes.is_empty() && old["steps"] != new["steps"] {
            changes.push("the order of the steps".to_owned());
        }
        changes
    }
}

fn by_id<'a>(list: &'a Value, key: &str) -> BTreeMap<&'a str, &'a Value> {
    list.as_array().into_iter().flatten().filter_map(|item| Some((item[key].as_str()?, item))).collect()
}

fn differences(name: &str, before: &Value, after: &Value) -> Vec<String> {
    let keys = before.as_object().into_iter().chain(after.as_object()).flat_map(|object| object.keys());
    let mut keys: Vec<&String> = keys.collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter(|key| before.get(key.as_str()) != after.get(key.as_str()))
        .map(|key| format!("{name}: {key} {} becomes {}", before[key.as_str()], after[key.as_str()]))
        .collect()
}

/// The plan of a tenant, or every reason why there is none.
pub fn plan(request: &Request<'_>) -> Result<Plan, Vec<Refusal>> {
    let found = refusals(request.inventory, request.tenant, request.playbook);
    if !found.is_empty() {
        return Err(found);
    }
    let servers = in_order(request.tenant.servers.known().map_or(&[][..], Vec::as_slice)).map_err(|one| vec![one])?;
    let has_machines = request.inventory.project.landing.has_machines();
    let steps = steps(request.playbook, &servers, has_machines);
    Ok(Plan {
        tenant: request.tenant.id.clone(),
        playbook: request.playbook.name.clone(),
        landing: landing(&request.inventory.project),
        servers: servers.iter().map(|server| planned(server)).collect(),
        steps,
        calendar: calendar(request),
        terms: CutoverTerms::new(request.inventory, request.tenant, request.playbook, &servers),
    })
}

fn landing(project: &Project) -> String {
    let LandingTarget::Directory(folder) = &project.landing.target;
    let machines = match &project.landing.machines {
        LandingMachines::ByHand => String::new(),
        LandingMachines::Lab(_) => ", machines of a laboratory".to_owned(),
        LandingMachines::Vsphere(vsphere) => {
            let way = if vsphere.way == VsphereWay::Nfc { "imported" } else { "staged" };
            format!(", machines in {} of vCenter {} ({way})", vsphere.datacenter, vsphere.access.host)
        }
    };
    format!("directory {}{machines}", folder.display())
}

/// Servers so that each comes after those it names in `after`, otherwise as in the inventory.
fn in_order(servers: &[Server]) -> Result<Vec<&Server>, Refusal> {
    let mut ordered: Vec<&Server> = Vec::with_capacity(servers.len());
    while ordered.len() < servers.len() {
        let placed = |id: &ServerId| ordered.iter().any(|done| done.id == *id);
        let ready = servers.iter().find(|server| !placed(&server.id) && server.after.iter().all(placed));
        let Some(next) = ready else {
            let stuck = servers.iter().find(|server| !placed(&server.id));
            return Err(Refusal::Circle { server: stuck.map(|server| server.id.clone()) });
        };
        ordered.push(next);
    }
    Ok(ordered)
}

fn planned(server: &Server) -> PlannedServer {
    // Of a server that is replaced nothing is copied.
    let disks = server.disks.iter().filter(|_| server.transfer != Transfer::Replace);
    PlannedServer {
        server: server.id.clone(),
        transfer: server.transfer,
        directory: server.directory,
        reached: match (&server.converter, server.transfer.is_converter()) {
            (Some(source), true) => format!("{}@{}:{} (VMware Converter)", source.user, source.host, source.port),
            _ => server.access.as_ref().map_or_else(String::new, reached),
        },
        os: server.os.clone(),
        roles: server.roles.clone(),
        address: server.address,
        landing: server.landing,
        copy_reached: server.landing_access.as_ref().map_or_else(String::new, reached),
        disks: disks
            .map(|disk| PlannedDisk {
                disk: disk.id.clone(),
                source: disk.source.clone().unwrap_or_default(),
                quiesce: Quiesce::intended(server, disk),
            })
            .collect(),
        after: server.after.clone(),
    }
}

/// A way to a host in words. Secrets are named by their reference.
fn reached(access: &Access) -> String {
    let login = match &access.login {
        Login::Agent => "agent".to_owned(),
        Login::Key(path) => format!("key {}", path.display()),
        Login::Password(SecretRef::Env(name)) => format!("password in variable {name}"),
        Login::Password(SecretRef::File(path)) => format!("password in file {}", path.display()),
    };
    let key = access.host_key.as_deref().unwrap_or("in known_hosts");
    let via = access.via.as_ref().map(|via| format!(", via {}", reached(via))).unwrap_or_default();
    format!("{}@{}:{} ({login}; host key {key}){via}", access.user, access.host, access.port)
}

fn steps(playbook: &Playbook, servers: &[&Server], has_machines: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    for activity in &playbook.activities {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for Group { in_turn, actions } in groups(activity, has_machines) {
            let name = |action: &Action| {
                if let Action::Manual(manual) = action {
                    return format!("a{}.manual.{}", activity.number, manual.manual);
                }
                let times = seen.entry(action.word()).or_default();
                *times += 1;
                // Only the second verification of one activity, say, needs a number in its id.
                let again = if *times > 1 && action.per() != Per::Tenant { times.to_string() } else { String::new() };
                format!("a{}.{}{again}", activity.number, action.word())
            };
            let names: Vec<String> = actions.iter().copied().map(name).collect();
            let named: Vec<(&String, &Action)> = names.iter().zip(actions).collect();
            let rows = |servers: &[&Server]| -> Vec<Step> {
                named.iter().flat_map(|(name, action)| of_action(activity.number, name, action, servers)).collect()
            };
            if in_turn {
                steps.extend(servers.iter().flat_map(|server| rows(&[*server])));
            } else {
                steps.extend(rows(servers));
            }
        }
    }
    steps
}

/// Actions that are done together, for every server before what comes next, or for one server after the other.
struct Group<'a> {
    in_turn: bool,
    actions: Vec<&'a Action>,
}

/// The planned actions of an activity. What people do for a server right after its move belongs to the move: those
/// that move after it wait for that, too.
fn groups(activity: &Activity, has_machines: bool) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for stage in &activity.steps {
        let planned: Vec<&Action> = stage.actions().iter().filter(|action| action.is_planned(has_machines)).collect();
        let in_turn = matches!(stage, Stage::EachServer { .. });
        let by_people = |action: &&Action| matches!(action, Action::Manual(manual) if manual.per == Per::Server);
        match groups.last_mut() {
            _ if planned.is_empty() => {}
            Some(before) if before.in_turn && planned.iter().all(by_people) => before.actions.extend(planned),
            _ => groups.push(Group { in_turn, actions: planned }),
        }
    }
    groups
}

/// Whether an action is done for a server at all: of one that is replaced nothing is copied or booted, and its
/// address is led here only where the new machine takes it over.
fn takes_part(server: &Server, action: &Action) -> bool {
    match action {
        _ if server.transfer != Transfer::Replace => true,
        Action::Fence | Action::Route => Addressed::of(server.landing) == Addressed::Keep,
        Action::Manual(_) => true,
        _ => false,
    }
}

/// The steps of an action, for all of `servers`.
fn of_action(activity: u8, name: &str, action: &Action, servers: &[&Server]) -> Vec<Step> {
    let servers: Vec<&Server> = servers.iter().filter(|server| takes_part(server, action)).copied().collect();
    let step = |id: String, server: Option<&ServerId>, disk: Option<&DiskId>| Step {
        id: StepId(id),
        activity,
        server: server.cloned(),
        disk: disk.cloned(),
        action: action.clone(),
    };
    let of_server = |server: &&Server| step(format!("{name}.{}", server.id), Some(&server.id), None);
    match (action, action.per()) {
        (Action::Checklist { checklist }, _) => vec![step(format!("{name}.{checklist}"), None, None)],
        (Action::Gate(gate), _) => vec![step(format!("{name}.{}", gate.gate), None, None)],
        (_, Per::Tenant) => vec![step(name.to_owned(), None, None)],
        (Action::Manual(manual), _) => {
            servers.iter().filter(|server| manual.applies_to.holds(server)).map(of_server).collect()
        }
        // What is tested with its domain controller needs it first.
        (Action::TestLaunch, _) => {
            let (first, rest): (Vec<_>, Vec<_>) = servers.iter().partition(|server| server.is_domain_controller());
            first.iter().chain(&rest).copied().map(of_server).collect()
        }
        (_, per) => servers
            .iter()
            .flat_map(|server| match (per, server.transfer.is_converter(), action) {
                // Converter converts by itself and where machines stay, and what it copied has no replica to read or clone.
                (_, true, Action::Convert | Action::Verify | Action::TestClone | Action::Relocate) => Vec::new(),
                // Driven by a person, its last synchronisation carries everything at once.
                (_, true, Action::Sync) if server.transfer == Transfer::ConverterAssisted => Vec::new(),
                // It copies a server as a whole.
                (Per::Disk, false, _) => {
                    let id = |disk: &DiskId| format!("{name}.{}.{disk}", server.id);
                    let of_disk = |disk: &Disk| step(id(&disk.id), Some(&server.id), Some(&disk.id));
                    server.disks.iter().map(of_disk).collect()
                }
                _ => vec![of_server(server)],
            })
            .collect(),
    }
}

fn calendar(request: &Request<'_>) -> ProjectCalendar {
    let project = &request.inventory.project;
    let patron = request.tenant.patron_day.filter(|_| project.sla.patron_day_is_holiday);
    let days: Vec<ActivityDays> = request
        .playbook
        .activities
        .iter()
        .map(|activity| ActivityDays { activity: activity.number, from: activity.days.0, to: activity.days.1 })
        .collect();
    let sites = request.tenant.sites.known();
    ProjectCalendar::new(&project_calendar::Request {
        project,
        calendar: &WorkCalendar::new(patron, &project.extra_holidays),
        link: sites.and_then(|sites| sites.first()).map(|site| &site.link),
        order: None,
        start: request.start,
        activities: &days,
    })
}

/// The plan as `migrate plan --json` prints it, without its forecast.
pub fn to_json(plan: &Plan) -> Value {
    let mut value = plan.record();
    if let Some(object) = value.as_object_mut() {
        object.insert("digest".into(), json!(plan.digest()));
        object.insert("calendar".into(), serde_json::to_value(&plan.calendar).unwrap_or_default());
    }
    value
}
