//! Activity 4's product: the plan of the move, with the hours in which each service is down, the notice for the
//! staff, when one goes back, and whom to call.
//!
//! [`CutoverPlan`] is the value. What people sign are its [`CutoverTerms`], by their SHA-256; the hours beside them are
//! a forecast, and change as copies are measured.

mod gantt;
mod notice;
mod page;
mod services;

pub use notice::notice;
pub use page::html;

use crate::migration::{CutoverTerms, Forecast, Night, OfflinePart, ServerNight, Slot};
use crate::model::bilingual::Bilingual;
use crate::model::calendar::{italian, rome_civil};
use crate::model::project::Project;
use crate::model::project_calendar::QuietPeriod;
use crate::model::tenant::Tenant;
use crate::model::window::Window;
use crate::model::{ServerId, TenantId};
use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// What a plan of the move is made of.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The project.
    pub project: &'a Project,
    /// Whose servers.
    pub tenant: &'a Tenant,
    /// What is agreed.
    pub terms: &'a CutoverTerms,
    /// The hours of the move.
    pub nights: &'a [Night],
    /// What is known of how long each server is out of service.
    pub forecast: &'a Forecast,
    /// The quiet period before disks are wiped; none where nobody knows the days yet, or there is none.
    pub quiet: Option<QuietPeriod>,
}

/// The plan of the move.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CutoverPlan<'a> {
    /// Whose.
    pub tenant: &'a TenantId,
    /// SHA-256 of the terms: what the gate with `signs: cutover` approves.
    pub digest: String,
    /// What is agreed.
    pub terms: &'a CutoverTerms,
    /// The hours of the move, as forecast.
    pub nights: &'a [Night],
    /// What does not work, and when.
    pub disruptions: Vec<Disruption>,
    /// What keeps servers out of service beside that.
    pub besides: Vec<Besides>,
    /// Services that stay outside and go on.
    pub stays: Vec<&'a str>,
    /// The quiet period before disks are wiped.
    pub quiet: Option<QuietPeriod>,
}

/// What keeps a server out of service beside its last copy and its boot: hours that nobody has agreed on yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Besides {
    /// The server.
    pub server: ServerId,
    /// The first copy of one that is off for it, or what people do by hand.
    pub part: OfflinePart,
    /// What users cannot do: all of its services.
    pub cannot: Vec<Bilingual>,
    /// Hours; none where nobody knows.
    pub hours: Option<f64>,
}

/// A service that is down while its server moves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Disruption {
    /// Its server.
    pub server: ServerId,
    /// The service.
    pub service: Bilingual,
    /// What users cannot do.
    pub cannot: Bilingual,
    /// From when on; none where no window was agreed.
    pub from: Option<String>,
    /// Until when at the latest: the end of the window.
    pub until: Option<String>,
    /// Hours between the two.
    pub hours: Option<f64>,
    /// When the copy is in service by the forecast at the guaranteed rate.
    pub forecast: Option<String>,
    /// Whether the forecast says so: otherwise it is not before that hour.
    pub exact: bool,
}

impl<'a> CutoverPlan<'a> {
    /// The plan that `sources` give.
    pub fn new(sources: &Sources<'a>) -> Self {
        Self {
            tenant: &sources.tenant.id,
            digest: sources.terms.digest(),
            terms: sources.terms,
            nights: sources.nights,
            disruptions: sources.nights.iter().flat_map(|night| disruptions(sources, night)).collect(),
            besides: besides(sources),
            stays: sources.tenant.saas.iter().map(|saas| saas.name.as_str()).collect(),
            quiet: sources.quiet,
        }
    }
}

/// The parts of being out of service that no window holds.
fn besides(sources: &Sources<'_>) -> Vec<Besides> {
    let mut found = Vec::new();
    for agreed in &sources.terms.servers {
        let Some(known) = sources.forecast.servers.iter().find(|server| server.server == agreed.server) else {
            continue;
        };
        let parts = known.offline.terms.iter().filter(|term| term.part != OfflinePart::LastCopy);
        found.extend(parts.map(|term| Besides {
            server: agreed.server.clone(),
            part: term.part,
            cannot: services::of(agreed).into_iter().map(|(_, cannot)| cannot).collect(),
            hours: term.seconds.map(|seconds| seconds as f64 / 3600.0),
        }));
    }
    found
}

/// Each service of each server that moves in one window. All stop at its begin, when the source is made quiet.
fn disruptions(sources: &Sources<'_>, night: &Night) -> Vec<Disruption> {
    let window = night.window.as_ref();
    let mut found = Vec::new();
    for moved in &night.servers {
        let Some(agreed) = sources.terms.servers.iter().find(|server| server.server == moved.server) else { continue };
        let (ends, exact) = ends(moved);
        let forecast =
            window.zip(ends.filter(|seconds| *seconds > 0)).map(|(window, seconds)| shown(after(window, seconds)));
        found.extend(services::of(agreed).into_iter().map(|(service, cannot)| Disruption {
            server: moved.server.clone(),
            service,
            cannot,
            from: window.map(|window| shown(window.from())),
            until: window.map(|window| shown(window.until())),
            hours: window.map(hours),
            forecast: forecast.clone(),
            exact,
        }));
    }
    found
}

/// When a server is through at the guaranteed rate, in seconds from the begin; whether that is all it takes.
fn ends(moved: &ServerNight) -> (Option<u64>, bool) {
    let Some(Slot { from_seconds, until_seconds, exact }) = moved.steps.last().map(|step| step.at_mcr) else {
        return (None, false);
    };
    (Some(until_seconds.unwrap_or(from_seconds)), exact && until_seconds.is_some())
}

fn hours(window: &Window) -> f64 {
    let minutes = window.until().duration_since(window.from()).as_mins();
    minutes as f64 / 60.0
}

fn after(window: &Window, seconds: u64) -> Timestamp {
    let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    window.from().checked_add(seconds).unwrap_or(Timestamp::MAX)
}

/// As clocks in Rome show it.
fn shown(at: Timestamp) -> String {
    rome_civil(at).strftime("%Y-%m-%dT%H:%M").to_string()
}

/// A moment for people: day of the week, date, hour.
pub(in crate::document) fn moment(at: Timestamp, it: bool) -> String {
    let civil = rome_civil(at);
    let weekday = match (civil.date().weekday(), it) {
        (Weekday::Monday, true) => "lunedì",
        (Weekday::Tuesday, true) => "martedì",
        (Weekday::Wednesday, true) => "mercoledì",
        (Weekday::Thursday, true) => "giovedì",
        (Weekday::Friday, true) => "venerdì",
        (Weekday::Saturday, true) => "sabato",
        (Weekday::Sunday, true) => "domenica",
        (Weekday::Monday, false) => "Monday",
        (Weekday::Tuesday, false) => "Tuesday",
        (Weekday::Wednesday, false) => "Wednesday",
        (Weekday::Thursday, false) => "Thursday",
        (Weekday::Friday, false) => "Friday",
        (Weekday::Saturday, false) => "Saturday",
        (Weekday::Sunday, false) => "Sunday",
    };
    let (at_hour, time) = (if it { "ore" } else { "at" }, civil.time().strftime("%H:%M"));
    format!("{weekday} {}, {at_hour} {time}", italian(civil.date()))
}
