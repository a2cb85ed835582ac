//! Before the first line: the routers are read, compared with what is known and with what is wanted.

use super::field::OverSsh;
use super::{Args, ClassArg, Office, StageArg, again};
use crate::cli::Context;
use crate::cli::network::{refused, render};
use crate::failure::{Failure, Kind};
use crate::model::link::ManagedBy;
use crate::model::router_access::{RouterAccess, WayBack, Which};
use crate::model::tenant::Tenant;
use crate::model::{Inventory, TenantId};
use crate::network::NetworkPlan;
use crate::network::cpe::Moved;
use crate::network::diff::picture;
use crate::network::plan::ReachedBy;
use crate::network::push::campaign::last_known;
use crate::network::push::change::Place;
use crate::network::push::drift::{Drift, drift};
use crate::network::push::record::Record;
use crate::network::push::router::{Kind as TroubleKind, Router as _, Trouble};
use crate::network::push::run::{Field as _, unmet};
use crate::network::push::wanted::{self, PlannedRouter, Request, Unplanned};
use crate::network::render::Templates;
use crate::network::renderings;
use crate::network::simulate::Role;
use crate::network::text::ConfigText;
use std::collections::BTreeMap;

/// After a push on one CPE, so long none on the other: two CPEs never change in one window.
const BETWEEN_CPES: jiff::SignedDuration = jiff::SignedDuration::from_hours(12);

/// A tenant's routers and how they are reached.
pub(super) struct Sites {
    pub(super) tenant: TenantId,
    pub(super) plan: NetworkPlan,
    beside: Vec<NetworkPlan>,
    templates: Templates,
    pub(super) accesses: BTreeMap<String, RouterAccess>,
    /// Host names of the routers that are ours, by role.
    names: BTreeMap<Role, String>,
    /// Routers of the carrier: they are taken to be as rendered.
    assumed: Vec<Role>,
}

impl Sites {
    /// Reads the inventory.
    ///
    /// # Errors
    /// The tenant has no plan, its CPEs are the carrier's, or a router cannot be reached for want of a key.
    pub(super) fn of(inventory: &Inventory, tenant: &Tenant, args: &Args, context: &Context) -> Result<Self, Failure> {
        let plan = NetworkPlan::new(inventory, tenant).map_err(refused)?;
        if plan.managed_by == ManagedBy::Carrier && !args.hub {
            let text = format!("the CPEs of {} are configured by the carrier", tenant.id);
            return Err(Failure::new(Kind::Waiting, text)
                .hint(format!("traghetto network kit {} writes the change request with expected results.", tenant.id))
                .hint("The hub is ours: --hub pushes this tenant's part of it."));
        }
        let (every, _) = render::every(inventory);
        let beside = every.into_iter().filter(|other| other.tenant != plan.tenant).collect();
        let templates = render::templates(context)?;
        let mut sites = Self {
            tenant: tenant.id.clone(),
            plan,
            beside,
            templates,
            accesses: BTreeMap::new(),
            names: BTreeMap::new(),
            assumed: Vec::new(),
        };
        sites.find_accesses(inventory, tenant)?;
        sites.knows(args)?;
        Ok(sites)
    }

    fn find_accesses(&mut self, inventory: &Inventory, tenant: &Tenant) -> Result<(), Failure> {
        let sites = tenant.sites.known().into_iter().flatten();
        let site = sites.clone().find(|site| site.id == self.plan.site);
        let routers = site.and_then(|site| site.link.routers.as_ref());
        let key = |which: &str| {
            format!("inventory/tenants/{}.yaml: sites.{}.link.routers.{which}", tenant.id, self.plan.site)
        };
        let mut cpes = vec![(
            Role::PrimaryCpe,
            self.plan.primary_cpe.hostname.to_string(),
            routers.map(|routers| routers.primary.clone()),
            key("primary"),
        )];
        if let Some(standby) = &self.plan.standby_cpe {
            let access = routers.and_then(|routers| routers.standby.clone());
            cpes.push((Role::StandbyCpe, standby.hostname.to_string(), access, key("standby")));
        }
        let mut missing = Vec::new();
        if self.plan.managed_by == ManagedBy::Carrier {
            self.assumed = cpes.drain(..).map(|(role, ..)| role).collect();
        }
        let hub = inventory.project.network.hub_access.clone();
        let hub_key = "inventory/project.yaml: network.hub_access".to_owned();
        cpes.push((Role::Hub, self.plan.shared.hub.to_string(), hub, hub_key));
        for (role, name, access, key) in cpes {
            match access {
                Some(access) => {
                    self.accesses.insert(name.clone(), access);
                    self.names.insert(role, name);
                }
                None => missing.push(key),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let text = format!("the inventory does not say how these are reached:\n  {}", missing.join("\n  "));
        Err(Failure::new(Kind::Invalid, Lines(text))
            .hint("No router was touched. Write there {host, user, key or password, host_key}, and repeat."))
    }

    fn knows(&self, args: &Args) -> Result<(), Failure> {
        if let Some(name) = args.router.as_ref().filter(|name| !self.accesses.contains_key(*name)) {
            let known: Vec<&str> = self.accesses.keys().map(String::as_str).collect();
            return Err(Failure::new(Kind::Usage, format!("{} has no router {name}", self.tenant))
                .hint(format!("Its routers: {}.", known.join(", "))));
        }
        let Some(server) = &args.server else { return Ok(()) };
        match self.plan.servers.iter().find(|known| known.id == *server) {
            Some(known) if known.reached_by == ReachedBy::ProxyArp => Ok(()),
            Some(_) => Err(Failure::new(Kind::Usage, format!("the cutover of {server} changes no router"))
                .hint("Its new address is inside the tenant's prefix at the SAD, which the routers know already.")),
            None => Err(Failure::new(Kind::Usage, format!("{} has no server {server}", self.tenant))),
        }
    }

    /// The routers that are ours.
    pub(super) fn hostnames(&self) -> impl Iterator<Item = &str> {
        self.names.values().map(String::as_str)
    }
}

/// A message made of several lines.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Lines(pub(super) String);

/// What was found, and what would be done.
pub(super) struct Prepared {
    /// The routers that this push changes, in order.
    pub(super) chosen: Vec<PlannedRouter>,
    /// Those that differ too, and are for another push.
    pub(super) later: Vec<String>,
    /// What others changed since the last push, by router.
    pub(super) drift: BTreeMap<String, Drift>,
    /// Lines that are not saved, by router.
    pub(super) unsaved: BTreeMap<String, Vec<String>>,
    /// What a router does not do now though the simulator predicts it.
    pub(super) faults: BTreeMap<String, Vec<String>>,
    /// Lines that traghetto did not render, by router.
    pub(super) foreign: BTreeMap<String, Vec<String>>,
    /// Why the other CPE has to wait.
    pub(super) too_soon: Option<String>,
    pub(super) tenant: TenantId,
}

impl Prepared {
    /// Why the push must not begin, unless the operator says that it may.
    pub(super) fn refusal(&self, args: &Args) -> Result<(), Failure> {
        let list = |of: &BTreeMap<String, Vec<String>>| -> String {
            of.iter()
                .flat_map(|(router, lines)| lines.iter().map(move |line| format!("\n  {router}: {line}")))
                .collect()
        };
        let untouched = "No router was touched.";
        let ours: BTreeMap<String, Vec<String>> =
            self.drift.iter().map(|(name, drift)| (name.clone(), drift.ours.clone())).collect();
        if ours.values().any(|lines| !lines.is_empty()) && args.accept_drift.is_none() {
            let text = format!("somebody changed lines of ours since the last push:{}", list(&ours));
            return Err(Failure::new(Kind::CheckFailed, Lines(text))
                .hint(untouched)
                .hint("Find out who and why. To overwrite these changes: --accept-drift REASON."));
        }
        if !self.unsaved.is_empty() && args.accept_drift.is_none() {
            let text = format!("what runs is not what is saved; a reload would change:{}", list(&self.unsaved));
            return Err(Failure::new(Kind::CheckFailed, Lines(text)).hint(untouched).hint(
                "Find out whose these lines are, and save them or take them back. To save them now: --accept-drift REASON.",
            ));
        }
        if !self.faults.is_empty() && args.accept_faults.is_none() {
            let text =
                format!("the network is not as the simulator predicts it, before any change:{}", list(&self.faults));
            return Err(Failure::new(Kind::CheckFailed, Lines(text)).hint(untouched).hint(
                "Mend that first: a failover under way and a change do not go together. To go on: --accept-faults REASON.",
            ));
        }
        if let Some(why) = &self.too_soon {
            return Err(Failure::new(Kind::Waiting, why.clone())
                .hint(untouched)
                .hint("Both CPEs never change in one window. To go on now: --window-agreed REASON."));
        }
        let windows: Vec<String> = self.windows().collect();
        if !windows.is_empty() && args.window_agreed.is_none() {
            let text = format!("some steps need a window:\n  {}", windows.join("\n  "));
            return Err(Failure::new(Kind::Waiting, Lines(text))
                .hint(untouched)
                .hint("Agree a window with the Comune. To push in it: --window-agreed REASON."));
        }
        Ok(())
    }

    /// Steps that need a window, each with why.
    pub(super) fn windows(&self) -> impl Iterator<Item = String> {
        self.chosen.iter().flat_map(|router| {
            router.steps.iter().filter_map(|step| {
                Some(format!("{}: {}: {}", router.change.router, step.object, step.window.as_ref()?))
            })
        })
    }
}

/// A router that was read.
struct Read {
    session: OverSsh,
    running: ConfigText,
    unsaved: Vec<String>,
}

/// Reads the routers and plans.
///
/// # Errors
/// A router cannot be reached, is not the one it should be, or has no way back; there is no plan.
pub(super) async fn prepare(office: &Office<'_>, args: &Args, records: &[Record]) -> Result<Prepared, Failure> {
    let sites = &office.sites;
    let mut read = BTreeMap::new();
    for (role, name) in &sites.names {
        read.insert(*role, look(office, name).await?);
    }
    let running = running(sites, &read)?;
    let moved = moved(sites, args, &running);
    let class = args.class.class(args.back);
    let accepted = args.server.is_none() && args.stage == StageArg::After;
    let request = Request {
        plan: &sites.plan,
        beside: &sites.beside,
        running: &running,
        moved: &moved,
        accepted,
        class,
        only: None,
    };
    let all = wanted::planned(&request, &sites.templates).map_err(unplanned)?;
    let ours = |router: &PlannedRouter| sites.names.contains_key(&router.role);
    let differ: Vec<Role> = all.routers.iter().filter(|router| ours(router)).map(|router| router.role).collect();
    let only = chosen_one(sites, args, &differ)?;
    let planned = match only {
        Some(role) => wanted::planned(&Request { only: Some(role), ..request }, &sites.templates).map_err(unplanned)?,
        None => all,
    };
    let mut chosen: Vec<PlannedRouter> = planned.routers.into_iter().filter(ours).collect();
    if differ.is_empty() {
        chosen.clear();
    }
    let name = |role: &Role| sites.names.get(role).cloned();
    let mut prepared = Prepared {
        later: differ
            .iter()
            .filter(|role| chosen.iter().all(|router| router.role != **role))
            .filter_map(name)
            .collect(),
        too_soon: too_soon(office, args, &chosen).await?,
        chosen,
        drift: BTreeMap::new(),
        unsaved: BTreeMap::new(),
        faults: BTreeMap::new(),
        foreign: planned.foreign,
        tenant: sites.tenant.clone(),
    };
    for router in &mut prepared.chosen {
        let name = router.change.router.clone();
        let Some(read) = read.get_mut(&router.role) else { continue };
        if !read.unsaved.is_empty() {
            prepared.unsaved.insert(name.clone(), read.unsaved.clone());
        }
        if let (Some(last), Some(own)) = (last_known(records, &name), planned.owned.get(&router.role)) {
            prepared.drift.insert(name.clone(), drift(&last, &picture(&read.running), own));
        }
        let faults = unmet(&mut read.session, &router.change.expects_before).await.map_err(failed)?;
        if !faults.is_empty() {
            // What is not so before need not be so afterwards.
            let expects = std::mem::take(&mut router.change.expects);
            let still = |expect: &crate::network::push::expect::Expect| {
                !faults.iter().any(|fault| fault.starts_with(&format!("{expect}, but ")))
            };
            router.change.expects = expects.into_iter().filter(&still).collect();
            router.change.expects_before.retain(&still);
            prepared.faults.insert(name, faults);
        }
    }
    Ok(prepared)
}

/// One look at a router, which must be the right one and able to go back by itself.
async fn look(office: &Office<'_>, name: &str) -> Result<Read, Failure> {
    office.context.ui.status(&format!("{name}: reading"));
    let mut session = office.reach().connect(name).await.map_err(failed)?;
    let identity = session.identity().await.map_err(failed)?;
    let untouched = "No router was touched.";
    if identity.hostname != *name {
        let text = format!("the router at the address of {name} calls itself {}", identity.hostname);
        return Err(Failure::new(Kind::CheckFailed, text).hint(untouched).hint("Check the access in the inventory."));
    }
    let serial = office.sites.accesses.get(name).and_then(|access| access.serial.as_ref());
    if let (Some(wanted), found) = (serial, &identity.serial)
        && found.as_ref() != Some(wanted)
    {
        let found = found.as_deref().unwrap_or("not shown");
        let text = format!("{name} has the serial number {found}, not {wanted}");
        return Err(Failure::new(Kind::CheckFailed, text)
            .hint(untouched)
            .hint("Was the router replaced? Then write its new serial number into the inventory."));
    }
    match session.way_back().await.map_err(failed)? {
        WayBack::RevertTimer => {}
        WayBack::NoArchive => {
            return Err(Failure::new(Kind::CheckFailed, format!("{name} has no configuration archive")).hint(untouched).hint(
                "It cannot take a change back by itself. Type on it: archive / path bootflash:arch-$h-$t / maximum 14 / write-memory.",
            ));
        }
        WayBack::ReloadOnly => {
            return Err(Failure::new(Kind::CheckFailed, format!("{name} knows no revert timer (before IOS 12.4(20)T)"))
                .hint(untouched)
                .hint("Only `reload in` would take a change back, at the price of minutes of outage: change it by hand, in a window, with `network render` and `reload in 10`."));
        }
    }
    if let Some(minutes) = session.revert_timer().await.map_err(failed)? {
        let text = format!("a revert timer of {minutes} minutes runs on {name}, and it is not ours");
        return Err(Failure::new(Kind::Waiting, text)
            .hint(untouched)
            .hint("Somebody is at work on it. Wait until it has run out or was confirmed, then repeat."));
    }
    let running = ConfigText::parse(&session.configuration(Which::Running).await.map_err(failed)?);
    let startup = session.configuration(Which::Startup).await.map_err(failed)?;
    Ok(Read { unsaved: unsaved(&running, &startup), session, running })
}

/// The lines by which a reload would change a router.
fn unsaved(running: &ConfigText, startup: &str) -> Vec<String> {
    let change = crate::network::push::change::Change {
        router: String::new(),
        old: picture(running).to_string(),
        lines: Vec::new(),
        rollback: Vec::new(),
        waits: Vec::new(),
        rollback_waits: Vec::new(),
        expects: Vec::new(),
        expects_before: Vec::new(),
    };
    match change.way().map(|way| way.place(startup)) {
        Ok(Place::Elsewhere(lines)) => lines,
        _ => Vec::new(),
    }
}

/// What runs, by role; the carrier's routers are taken to be as rendered.
fn running(sites: &Sites, read: &BTreeMap<Role, Read>) -> Result<BTreeMap<Role, ConfigText>, Failure> {
    let mut running: BTreeMap<Role, ConfigText> =
        read.iter().map(|(role, read)| (*role, read.running.clone())).collect();
    if !sites.assumed.is_empty() {
        let moved = wanted::moved_now(&sites.plan, &running);
        let texts =
            renderings::texts(&sites.plan, &moved, &sites.templates).map_err(|error| unplanned(error.into()))?;
        running.extend(texts.into_iter().filter(|(role, _)| sites.assumed.contains(role)));
    }
    Ok(running)
}

/// Which servers are to stand at the SAD.
fn moved(sites: &Sites, args: &Args, running: &BTreeMap<Role, ConfigText>) -> Moved {
    let now = wanted::moved_now(&sites.plan, running);
    match (&args.server, args.stage) {
        (Some(server), _) => wanted::with_server(now, server, args.back),
        (None, StageArg::Now) => now,
        (None, StageArg::Before) => Moved::new(),
        (None, StageArg::After) => sites.plan.kept().map(|server| server.id.clone()).collect(),
    }
}

/// The one router that changes; none for all that differ, in a cutover.
fn chosen_one(sites: &Sites, args: &Args, differ: &[Role]) -> Result<Option<Role>, Failure> {
    let named = |name: &String| sites.names.iter().find(|(_, known)| *known == name).map(|(role, _)| *role);
    let asked = if args.hub { Some(Role::Hub) } else { args.router.as_ref().and_then(named) };
    if args.class == ClassArg::Cutover {
        return Ok(asked);
    }
    let first = differ.first().copied();
    if asked == Some(Role::PrimaryCpe) && differ.contains(&Role::StandbyCpe) {
        return Err(Failure::new(Kind::Usage, "the standby CPE comes first: it differs too")
            .hint("No router was touched.")
            .hint(format!("Push it now, and the other in another window: {}", again(&sites.tenant))));
    }
    Ok(asked.or(first))
}

/// Whether the other CPE was changed in this window.
async fn too_soon(office: &Office<'_>, args: &Args, chosen: &[PlannedRouter]) -> Result<Option<String>, Failure> {
    let is_cpe = |role: Role| matches!(role, Role::PrimaryCpe | Role::StandbyCpe);
    let Some(router) = chosen.iter().find(|router| is_cpe(router.role)) else { return Ok(None) };
    if args.class == ClassArg::Cutover || args.window_agreed.is_some() {
        return Ok(None);
    }
    let others = office.sites.names.iter().filter(|(role, name)| is_cpe(**role) && **name != router.change.router);
    let others: Vec<&String> = others.map(|(_, name)| name).collect();
    for event in office.journal.events(&office.sites.tenant).await?.iter().rev() {
        let Ok(Some(Record::Settled { leg, .. })) = Record::of(&event.kind, &event.data) else { continue };
        let Ok(time) = event.time.parse::<jiff::Timestamp>() else { continue };
        if others.contains(&&leg.router) && office.journal.now().duration_since(time) < BETWEEN_CPES {
            return Ok(Some(format!(
                "{} was changed at {}; {} waits for another window",
                leg.router, event.time, router.change.router
            )));
        }
    }
    Ok(None)
}

fn unplanned(error: Unplanned) -> Failure {
    let untouched = "No router was touched.";
    match error {
        Unplanned::Render(_) => Failure::new(Kind::Invalid, error).hint(untouched),
        Unplanned::Secret { .. } => Failure::new(Kind::CheckFailed, error).hint(untouched).hint(
            "traghetto keeps no secret of a router, so it could not put this line back. Change this one line by hand, \
             in a window, or give it a secret of one word that a reference can name; then repeat.",
        ),
        Unplanned::Patch(_) | Unplanned::Unfit(_) => Failure::new(Kind::Bug, error).hint(untouched),
    }
}

/// Trouble before the first line.
pub(super) fn failed(trouble: Trouble) -> Failure {
    let kind = if trouble.kind == TroubleKind::Lost { Kind::Unreachable } else { Kind::Failed };
    let hint = trouble.hint.clone();
    Failure::new(kind, trouble).hint("No router was touched.").hint(hint)
}
