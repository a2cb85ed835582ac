//! The whole night as one printable page that works without traghetto: who does what and when, the exact commands, what
//! they show, and how each is taken back; and the way back in the reverse order.
//!
//! [`Runbook`] is the value. Commands of [`Place::Operations`] are lines of one POSIX shell, in order; a test walks
//! them. What routers get is the text of the cutover kit. No replica is ever written to: a clone of it is.

mod by_hand;
mod console;
mod copy;
mod landing;
mod page;
mod routes;
mod vcenter;

pub use console::Attached;
pub use page::html;

use crate::document::verbale::Language;
use crate::migration::{Addressed, AgreedContact, CutoverTerms, GoBackIf, Night, Plan, ServerNight, Slot};
use crate::model::bilingual::Bilingual;
use crate::model::calendar::rome_civil;
use crate::model::people::People;
use crate::model::project::Project;
use crate::model::server::{Server, Transfer};
use crate::model::tenant::Tenant;
use crate::model::window::Window;
use crate::model::{ServerId, TenantId};
use crate::network::kit::{Kit, Place};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::path::Path;

/// What a runbook is made of.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The project.
    pub project: &'a Project,
    /// Whose servers.
    pub tenant: &'a Tenant,
    /// Who holds which role.
    pub people: &'a People,
    /// The steps of the migration, in order.
    pub plan: &'a Plan,
    /// What is agreed.
    pub terms: &'a CutoverTerms,
    /// The hours of the move.
    pub nights: &'a [Night],
    /// The folder in which the commands of the operations host are given: the inventory's root.
    pub root: &'a Path,
    /// The cutover kits; none where the network has no plan.
    pub kits: Option<&'a Kits>,
    /// The language in which commands answer.
    pub language: Language,
}

impl Sources<'_> {
    /// A word of a command, which follows the language of the page.
    fn word(&self, it: &'static str, en: &'static str) -> &'static str {
        if self.language == Language::Italian { it } else { en }
    }

    /// What a command says where one stops.
    fn stop(&self) -> &'static str {
        self.word("FERMARSI", "STOP")
    }
}

/// The cutover kits of all servers.
#[derive(Debug, Clone, PartialEq)]
pub struct Kits {
    /// To the landing site.
    pub going: Vec<Kit>,
    /// Back to the town.
    pub back: Vec<Kit>,
    /// The networks of the town's sites and the tenant's at the landing site.
    pub networks: Vec<Attached>,
}

/// The page of a night.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Runbook<'a> {
    /// Whose.
    pub tenant: &'a TenantId,
    /// SHA-256 of the terms of the cutover that it carries out.
    pub terms: String,
    /// Whom to call.
    pub contacts: &'a [AgreedContact],
    /// What speaks for going back.
    pub go_back_if: [GoBackIf; 6],
    /// The nights, in order.
    pub nights: Vec<RunbookNight>,
}

/// One night.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunbookNight {
    /// Its window.
    pub window: Option<Window>,
    /// What is done before: the folder, routes of machines.
    pub going: Vec<Section>,
    /// The way back, the last server first.
    pub back: Vec<Section>,
}

/// The steps of one server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section {
    /// Which.
    pub server: ServerId,
    /// Where its replicas lie: never written to.
    pub replicas: Vec<String>,
    /// What is done, in order.
    pub steps: Vec<RunbookStep>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunbookStep {
    /// A word for what it is, such as `copy` or `hub_route`.
    pub act: &'static str,
    /// Who does it.
    pub who: Bilingual,
    /// When by the forecast at the guaranteed rate; none where no window was agreed.
    pub at: Option<Forecast>,
    /// What and why, in a sentence.
    pub what: Bilingual,
    /// How, where there is more to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub how: Option<Bilingual>,
    /// The commands, in order.
    pub commands: Vec<Command>,
    /// What shows that it is done.
    pub expect: Vec<Bilingual>,
    /// How it is taken back.
    pub undo: Vec<Command>,
    /// A text to follow in full, such as the routes of the firewall.
    pub page: Option<String>,
}

/// An hour of the forecast.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// As clocks in Rome show it.
    pub time: String,
    /// Whether everything before it has a known length: otherwise it begins later, nobody knows by how much.
    pub exact: bool,
}

/// A command and where it is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Command {
    /// Where.
    pub place: Place,
    /// The line, as it is typed.
    pub line: String,
}

impl<'a> Runbook<'a> {
    /// The runbook that `sources` give.
    pub fn new(sources: &Sources<'a>) -> Self {
        Self {
            tenant: &sources.tenant.id,
            terms: sources.terms.digest(),
            contacts: &sources.terms.contacts,
            go_back_if: sources.terms.go_back_if,
            nights: sources.nights.iter().map(|night| of_night(sources, night)).collect(),
        }
    }
}

fn of_night(sources: &Sources<'_>, night: &Night) -> RunbookNight {
    let all = sources.tenant.servers.known().map(Vec::as_slice).unwrap_or_default();
    let here = night.servers.iter().filter_map(|moved| Some((all.iter().find(|one| one.id == moved.server)?, moved)));
    let going: Vec<Section> = here.clone().map(|(server, moved)| of_server(sources, night, server, moved)).collect();
    let back = here.rev().map(|(server, _)| going_back(sources, server)).collect();
    RunbookNight { window: night.window.clone(), going, back }
}

/// To the landing site.
fn of_server(sources: &Sources<'_>, night: &Night, server: &Server, moved: &ServerNight) -> Section {
    let mut steps = routes::before(sources, server);
    if server.transfer == Transfer::Replace {
        steps.extend(replaced(sources, server));
    } else {
        let blocks = vec![
            ("final-sync", copy::steps(sources, server)),
            ("convert", landing::convert(sources, server)),
            ("fence", routes::silence(sources, server)),
            ("route", routes::routes(sources, server)),
            ("boot", in_service(sources, server)),
        ];
        steps.extend(by_hand::in_order(sources, server, blocks));
    }
    for step in &mut steps {
        step.at = night.window.as_ref().and_then(|window| forecast(window, moved, step.act));
    }
    Section { server: server.id.clone(), replicas: copy::replicas(sources, server), steps }
}

/// What is done with a server in whose place another takes over: by people, and its address only where that stays.
fn replaced(sources: &Sources<'_>, server: &Server) -> Vec<RunbookStep> {
    let keeps = Addressed::of(server.landing) == Addressed::Keep;
    let blocks = if keeps {
        vec![("fence", routes::silence(sources, server)), ("route", routes::routes(sources, server))]
    } else {
        Vec::new()
    };
    let mut steps = by_hand::in_order(sources, server, blocks);
    if keeps {
        steps.extend(routes::after(sources, server));
    }
    steps.extend(landing::checks(sources, server));
    if keeps {
        steps.extend(routes::save(sources, server));
    }
    steps
}

/// The copy boots, gets its address, is connected and tried; only then the routers keep what they have.
fn in_service(sources: &Sources<'_>, server: &Server) -> Vec<RunbookStep> {
    let (boot, connect) = landing::boot(sources, server);
    let mut steps = vec![boot, console::address(sources, server)];
    steps.extend(by_hand::directory(server, Place::Landing));
    steps.push(connect);
    steps.extend(routes::after(sources, server));
    steps.extend(landing::checks(sources, server));
    steps.extend(routes::save(sources, server));
    steps
}

/// Back to the town: network card off, routes away, and only then the source on.
fn going_back(sources: &Sources<'_>, server: &Server) -> Section {
    let mut steps = Vec::new();
    if server.transfer == Transfer::Replace {
        steps.extend(by_hand::ways_back(sources, server));
    } else {
        steps.push(landing::disconnect(sources, server));
        let back = routes::back(sources, server);
        let on = back.iter().position(|step| step.act == "source_on").map_or(back.len(), |at| at + 1);
        let (first, rest) = back.split_at(on);
        steps.extend_from_slice(first);
        steps.extend(by_hand::directory(server, Place::Source));
        steps.extend(copy::start_services(sources, server));
        steps.extend_from_slice(rest);
    }
    Section { server: server.id.clone(), replicas: copy::replicas(sources, server), steps }
}

/// When a step begins, by the step of the plan that it belongs to.
fn forecast(window: &Window, moved: &ServerNight, act: &str) -> Option<Forecast> {
    let step = match act {
        "prepare" | "quiet" | "read_only" | "copy" | "prove" => "final-sync",
        "convert" => "convert",
        "source_off" | "silent" => "fence",
        "hub_route" | "carrier_route" | "cpe_route" => "route",
        "host_routes" | "manual" => return None,
        _ => "boot",
    };
    // What is no step of the plan comes after all of them; and a proof after the copy that it proves.
    let after =
        |slot: Slot| Slot { from_seconds: slot.until_seconds.unwrap_or(slot.from_seconds), exact: false, ..slot };
    let slot = match moved.steps.iter().find(|timed| timed.step == step) {
        Some(timed) if act == "prove" => after(timed.at_mcr),
        Some(timed) => timed.at_mcr,
        None => after(moved.steps.last()?.at_mcr),
    };
    Some(shown(window, slot))
}

fn shown(window: &Window, slot: Slot) -> Forecast {
    let seconds = SignedDuration::from_secs(i64::try_from(slot.from_seconds).unwrap_or(i64::MAX));
    let at = window.from().checked_add(seconds).unwrap_or(Timestamp::MAX);
    Forecast { time: rome_civil(at).strftime("%Y-%m-%dT%H:%M").to_string(), exact: slot.exact }
}

impl RunbookStep {
    fn new(act: &'static str, who: Bilingual, what: Bilingual) -> Self {
        let (commands, expect, undo) = (Vec::new(), Vec::new(), Vec::new());
        Self { act, who, at: None, what, how: None, commands, expect, undo, page: None }
    }

    /// A line of the shell of the operations host.
    fn shell(self, line: impl Into<String>) -> Self {
        self.run(Place::Operations, line)
    }

    fn run(mut self, place: Place, line: impl Into<String>) -> Self {
        self.commands.push(Command { place, line: line.into() });
        self
    }

    fn expects(mut self, it: impl Into<String>, en: impl Into<String>) -> Self {
        self.expect.push(say(it, en));
        self
    }

    fn undone_by(mut self, place: Place, line: impl Into<String>) -> Self {
        self.undo.push(Command { place, line: line.into() });
        self
    }
}

fn say(it: impl Into<String>, en: impl Into<String>) -> Bilingual {
    Bilingual { it: it.into(), en: en.into() }
}

/// Who works on the operations host and at the landing site.
fn engineer() -> Bilingual {
    say("sistemista", "engineer")
}

/// Who works on routers.
fn network_staff() -> Bilingual {
    say("tecnico di rete", "network staff")
}

/// Who stands in the town.
fn on_site() -> Bilingual {
    say("tecnico sul posto", "technician on site")
}

/// Whether our own leg copies it: only then are there commands for its disks.
fn is_ours(server: &Server) -> bool {
    matches!(server.transfer, Transfer::Agent | Transfer::Rescue)
}
