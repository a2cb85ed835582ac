//! Before the first line: the routers are read, compared with what is known and with what is wanted.

use super::field::OverSsh;
use super::refusal::Prepared;
use super::sites::Sites;
use super::{Args, ClassArg, Office, StageArg, again};
use crate::failure::{Failure, Kind};
use crate::model::router_access::{WayBack, Which};
use crate::network::cpe::Moved;
use crate::network::diff::{Ownership, picture};
use crate::network::push::campaign::{last_changed, last_known};
use crate::network::push::change::changed_lines;
use crate::network::push::drift::drift;
use crate::network::push::expect::Expect;
use crate::network::push::record::Record;
use crate::network::push::router::{Kind as TroubleKind, Router as _, Trouble};
use crate::network::push::run::{Field as _, unmet};
use crate::network::push::wanted::{self, PlannedRouter, Request, Unplanned};
use crate::network::renderings;
use crate::network::simulate::Role;
use crate::network::text::ConfigText;
use std::collections::BTreeMap;

/// After a push on one CPE, so long none on the other: two CPEs never change in one window.
const BETWEEN_CPES: jiff::SignedDuration = jiff::SignedDuration::from_hours(12);

/// A router that was read.
struct Read {
    session: OverSsh,
    running: ConfigText,
    unsaved: Vec<String>,
}

/// Reads the routers, plans, and judges what was read.
///
/// # Errors
/// A router cannot be reached, is not the one it should be, or has no way back; there is no plan.
pub(super) async fn prepare(office: &Office<'_>, args: &Args, records: &[Record]) -> Result<Prepared, Failure> {
    let sites = &office.sites;
    let mut read = BTreeMap::new();
    for (role, name) in &sites.names {
        read.insert(*role, look(office, name).await?);
    }
    let Choice { chosen, differ, foreign, owned } = choose(sites, args, &read)?;
    let later = differ.iter().filter(|role| chosen.iter().all(|router| router.role != **role));
    let mut prepared = Prepared {
        later: later.filter_map(|role| sites.names.get(role).cloned()).collect(),
        too_soon: too_soon(office, args, &chosen).await?,
        chosen,
        drift: BTreeMap::new(),
        unsaved: BTreeMap::new(),
        faults: BTreeMap::new(),
        foreign,
        tenant: sites.tenant.clone(),
    };
    for router in &mut prepared.chosen {
        let name = router.change.router.clone();
        let Some(read) = read.get_mut(&router.role) else { continue };
        if !read.unsaved.is_empty() {
            prepared.unsaved.insert(name.clone(), read.unsaved.clone());
        }
        if let (Some(last), Some(own)) = (last_known(records, &name), owned.get(&router.role)) {
            prepared.drift.insert(name.clone(), drift(&last, &picture(&read.running), own));
        }
        let faults = unmet(&mut read.session, &router.change.expects_before).await.map_err(failed)?;
        if !faults.is_empty() {
            // What is not so before need not be so afterwards.
            let still = |expect: &Expect| faults.iter().all(|fault| fault.expect != *expect);
            router.change.expects.retain(still);
            router.change.expects_before.retain(still);
            prepared.faults.insert(name, faults.iter().map(ToString::to_string).collect());
        }
    }
    Ok(prepared)
}

/// What a push changes, and what else there is.
struct Choice {
    chosen: Vec<PlannedRouter>,
    /// Every router of ours that is not as wanted.
    differ: Vec<Role>,
    foreign: BTreeMap<String, Vec<String>>,
    owned: BTreeMap<Role, Ownership>,
}

/// Plans the change of all routers, or of the one that is due.
fn choose(sites: &Sites, args: &Args, read: &BTreeMap<Role, Read>) -> Result<Choice, Failure> {
    let running = running(sites, read)?;
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
    let planned = match chosen_one(sites, args, &differ)? {
        Some(role) => wanted::planned(&Request { only: Some(role), ..request }, &sites.templates).map_err(unplanned)?,
        None => all,
    };
    let mut chosen: Vec<PlannedRouter> = planned.routers.into_iter().filter(ours).collect();
    if differ.is_empty() {
        chosen.clear();
    }
    Ok(Choice { chosen, differ, foreign: planned.foreign, owned: planned.owned })
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
    can_go_back(name, session.way_back().await.map_err(failed)?)?;
    if let Some(timer) = session.revert_timer().await.map_err(failed)? {
        let text = format!("a revert timer of {} minutes runs on {name}, and it is not ours", timer.minutes);
        return Err(Failure::new(Kind::Waiting, text)
            .hint(untouched)
            .hint("Somebody is at work on it. Wait until it has run out or was confirmed, then repeat."));
    }
    let running = ConfigText::parse(&session.configuration(Which::Running).await.map_err(failed)?);
    let startup = session.configuration(Which::Startup).await.map_err(failed)?;
    let unsaved = changed_lines(&picture(&running), &picture(&ConfigText::parse(&startup)));
    Ok(Read { unsaved, session, running })
}

/// Fails where a router cannot take a change back by itself.
fn can_go_back(name: &str, way_back: WayBack) -> Result<(), Failure> {
    let untouched = "No router was touched.";
    match way_back {
        WayBack::RevertTimer => Ok(()),
        WayBack::NoArchive => {
            Err(Failure::new(Kind::CheckFailed, format!("{name} has no configuration archive")).hint(untouched).hint(
                "It cannot take a change back by itself. Type on it: archive / path bootflash:arch-$h-$t / maximum 14 / write-memory.",
            ))
        }
        WayBack::ReloadOnly => {
            Err(Failure::new(Kind::CheckFailed, format!("{name} knows no revert timer (before IOS 12.4(20)T)"))
                .hint(untouched)
                .hint("Only `reload in` would take a change back, at the price of minutes of outage: change it by hand, in a window, with `network render` and `reload in 10`."))
        }
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
        (None, StageArg::After) => sites.plan.kept_everywhere().map(|server| server.id.clone()).collect(),
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
            .hint(format!(
                "Push it now, and the other in another window: {}",
                again(&sites.tenant, &args.asked_of_any())
            )));
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
    let records = office.timed_records().await?;
    for other in others {
        let Some(at) = last_changed(records.iter().map(|(time, record)| (time, record)), other) else { continue };
        let Ok(time) = at.parse::<jiff::Timestamp>() else { continue };
        if office.journal.now().duration_since(time) < BETWEEN_CPES {
            let waits = &router.change.router;
            return Ok(Some(format!("{other} was changed at {at}; {waits} waits for another window")));
        }
    }
    Ok(None)
}

fn unplanned(error: Unplanned) -> Failure {
    let untouched = "No router was touched.";
    match error {
        Unplanned::Render(_) => Failure::new(Kind::Invalid, error)
            .hint(untouched)
            .hint("Mend the template or the text of the inventory, and see that `network check` passes."),
        Unplanned::Secret { .. } => Failure::new(Kind::CheckFailed, error).hint(untouched).hint(
            "traghetto keeps no secret of a router, so it could not put this line back. Change this one line by hand, \
             in a window, or give it a secret of one word that a reference can name; then repeat.",
        ),
        Unplanned::Patch(_) | Unplanned::Unfit(_) => Failure::new(Kind::Bug, error).hint(untouched).hint(
            "This is a bug in traghetto: report the command and this message; change the lines by hand, in a window.",
        ),
    }
}

/// Trouble before the first line.
pub(super) fn failed(trouble: Trouble) -> Failure {
    let kind = if trouble.kind == TroubleKind::Lost { Kind::Unreachable } else { Kind::Failed };
    let hint = trouble.hint.clone();
    Failure::new(kind, trouble).hint("No router was touched.").hint(hint)
}
