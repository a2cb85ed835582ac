//! The plan of the move as a page that prints on A4.

use super::gantt::{self, Chart};
use super::{Besides, CutoverPlan, Disruption, Sources, moment};
use crate::document::page::rendered;
use crate::document::statement::DocumentError;
use crate::document::verbale::Language;
use crate::migration::{AgreedServer, LengthBasis, Night, OfflinePart, Slot, TimedStep};
use crate::model::bilingual::Bilingual;
use crate::model::calendar::{italian, rome_civil};
use crate::model::project::Prevails;
use crate::model::window::Window;
use jiff::civil::DateTime;
use minijinja::AutoEscape;
use serde::Serialize;

const HTML: &str = include_str!("../../../templates/documents/cutover.html.j2");

/// The page; `notice` is the text for the staff.
///
/// # Errors
/// The template refused.
pub fn html(
    sources: &Sources<'_>,
    plan: &CutoverPlan<'_>,
    notice: &str,
    language: Language,
) -> Result<String, DocumentError> {
    rendered(HTML, AutoEscape::Html, &Page::new(sources, plan, notice, language == Language::Italian))
}

/// What the template is given: words, ready to print.
#[derive(Serialize)]
struct Page<'a> {
    /// Whether it is in Italian: the template has its fixed words in both languages.
    it: bool,
    project: &'a str,
    document: &'a str,
    cup: &'a str,
    name: &'a str,
    operator: &'a str,
    validator: &'a str,
    landing: &'a str,
    digest: &'a str,
    nights: Vec<Block>,
    servers: Vec<ServerRow<'a>>,
    disruptions: Vec<DownRow>,
    stays: Vec<&'a str>,
    criteria: Vec<String>,
    contacts: Vec<ContactRow<'a>>,
    quiet: Quiet,
    notice: Vec<&'a str>,
}

#[derive(Serialize)]
struct Block {
    from: String,
    until: String,
    copied_by: String,
    go_back_at: String,
    /// Whether hours were agreed.
    agreed: bool,
    chart: Chart,
    rows: Vec<StepRow>,
}

#[derive(Serialize)]
struct StepRow {
    server: String,
    step: &'static str,
    at_mcr: String,
    at_pcr: String,
    basis: &'static str,
}

#[derive(Serialize)]
struct ServerRow<'a> {
    place: usize,
    server: &'a str,
    system: &'a str,
    way: String,
    address: String,
    after: String,
    off: bool,
}

#[derive(Serialize)]
struct DownRow {
    server: String,
    service: String,
    cannot: String,
    from: String,
    until: String,
    hours: String,
    forecast: String,
}

#[derive(Serialize)]
struct ContactRow<'a> {
    name: &'a str,
    roles: String,
    contact: &'a str,
}

/// The quiet period, the plan's days, and which of them gives way.
#[derive(Serialize)]
struct Quiet {
    term: String,
    plan: String,
    /// Whether there is a quiet period at all.
    has_term: bool,
    accepted: String,
    signed: bool,
    ends: String,
    earliest: String,
    due: String,
    conflict: bool,
    known: bool,
    plan_prevails: bool,
}

impl<'a> Page<'a> {
    fn new(sources: &'a Sources<'a>, plan: &'a CutoverPlan<'a>, notice: &'a str, it: bool) -> Self {
        let unknown = if it { "non noto" } else { "not known" };
        let contacts = plan.terms.contacts.iter().map(|person| ContactRow {
            name: &person.name,
            roles: person.roles.join(", "),
            contact: person.contact.as_deref().unwrap_or(unknown),
        });
        let servers = (1..).zip(&plan.terms.servers).map(|(place, server)| server_row(place, server, it));
        Self {
            it,
            project: &sources.project.name,
            document: &sources.project.document,
            cup: &sources.project.cup,
            name: &sources.tenant.name,
            operator: &sources.project.operator.name,
            validator: &sources.project.validator.name,
            landing: &sources.terms.landing,
            digest: &plan.digest,
            nights: plan.nights.iter().map(|night| block(night, it)).collect(),
            servers: servers.collect(),
            disruptions: rows(plan, it),
            stays: plan.stays.clone(),
            criteria: plan.terms.go_back_if.iter().map(|criterion| of(criterion.words(), it)).collect(),
            contacts: contacts.collect(),
            quiet: quiet(plan),
            notice: notice.lines().collect(),
        }
    }
}

fn of(text: Bilingual, it: bool) -> String {
    if it { text.it } else { text.en }
}

fn server_row(place: usize, server: &AgreedServer, it: bool) -> ServerRow<'_> {
    let after: Vec<&str> = server.after.iter().map(|id| id.as_str()).collect();
    let proof = match (server.proof, it) {
        ("byte", true) => "prova: byte per byte",
        ("byte", false) => "proof: byte for byte",
        (_, true) => "prova: file e servizi",
        (_, false) => "proof: files and services",
    };
    let directory = server.directory.map(|way| format!(", directory {way}")).unwrap_or_default();
    let (keeps, becomes) = if it { ("resta", "diventa") } else { ("stays", "becomes") };
    ServerRow {
        place,
        server: server.server.as_str(),
        system: &server.system,
        way: format!("{}{directory} ({proof})", server.transfer),
        address: if server.address == server.landing_address {
            format!("{} {keeps}", server.address)
        } else {
            format!("{} {becomes} {}", server.address, server.landing_address)
        },
        after: after.join(", "),
        off: server.transfer == "rescue",
    }
}

fn block(night: &Night, it: bool) -> Block {
    let window = night.window.as_ref();
    let at = |moment_of: fn(&Window) -> jiff::Timestamp| {
        window.map_or_else(String::new, |window| moment(moment_of(window), it))
    };
    let row = |server: &str, step: &TimedStep| StepRow {
        server: server.to_owned(),
        step: gantt::words(step.step, it),
        at_mcr: slot(window, step.at_mcr, it),
        at_pcr: slot(window, step.at_pcr, it),
        basis: basis(step.basis, it),
    };
    let rows = night.servers.iter().flat_map(|server| server.steps.iter().map(move |step| (server, step)));
    Block {
        from: at(Window::from),
        until: at(Window::until),
        copied_by: at(Window::copied_by),
        go_back_at: at(Window::go_back_at),
        agreed: window.is_some(),
        chart: gantt::chart(night, it),
        rows: rows.map(|(server, step)| row(server.server.as_str(), step)).collect(),
    }
}

/// From when until when, by the clock where there is a window, else from the begin.
fn slot(window: Option<&Window>, slot: Slot, it: bool) -> String {
    let at = |seconds: u64| match window {
        Some(window) => rome_civil(super::after(window, seconds)).strftime("%d/%m %H:%M").to_string(),
        None => format!("+{}:{:02}", seconds / 3600, seconds % 3600 / 60),
    };
    let from = at(slot.from_seconds);
    let earliest = match (slot.exact, it) {
        (true, _) => from,
        (false, true) => format!("non prima di {from}"),
        (false, false) => format!("not before {from}"),
    };
    match (slot.until_seconds, it) {
        (Some(until), _) => format!("{earliest} - {}", at(until)),
        (None, true) => format!("{earliest}, durata non nota"),
        (None, false) => format!("{earliest}, length not known"),
    }
}

fn basis(basis: LengthBasis, it: bool) -> &'static str {
    match (basis, it) {
        (LengthBasis::Forecast, true) => "previsione dell'ultima copia",
        (LengthBasis::Forecast, false) => "forecast of the last copy",
        (LengthBasis::Silence, true) => "silenzio della sorgente, almeno",
        (LengthBasis::Silence, false) => "silence of the source, at least",
        (LengthBasis::TestLaunch, true) => "misurata all'avvio di prova (clone, conversione, avvio)",
        (LengthBasis::TestLaunch, false) => "measured at the test launch (clone, conversion, boot)",
        (LengthBasis::WithBoot, true) => "contata con l'avvio",
        (LengthBasis::WithBoot, false) => "counted with the boot",
        (LengthBasis::Unknown, true) => "non misurata",
        (LengthBasis::Unknown, false) => "not measured",
    }
}

/// What is down before the window, in it, and while people work by hand.
fn rows(plan: &CutoverPlan<'_>, it: bool) -> Vec<DownRow> {
    let besides = |part| plan.besides.iter().filter(move |one| one.part == part).map(|one| beside(one, it));
    let first = besides(OfflinePart::FirstCopy);
    let window = plan.disruptions.iter().map(|one| down(one, it));
    first.chain(window).chain(besides(OfflinePart::ByHand)).collect()
}

fn beside(one: &Besides, it: bool) -> DownRow {
    let words = |italian: &str, english: &str| if it { italian } else { english }.to_owned();
    let to_agree = || words("da concordare", "to be agreed");
    let (service, from) = match one.part {
        OfflinePart::FirstCopy => (
            words(
                "tutti: server spento per la prima copia, avviato dal sistema di soccorso",
                "all of them: the server is off for its first copy, booted from the rescue system",
            ),
            words("da concordare, prima della finestra", "to be agreed, before the window"),
        ),
        OfflinePart::ByHand | OfflinePart::LastCopy => {
            (words("tutti: lavori a mano sul server", "all of them: work by hand on the server"), to_agree())
        }
    };
    let unknown = || words("non noto", "not known");
    DownRow {
        server: one.server.to_string(),
        service,
        cannot: one.cannot.iter().map(|text| of(text.clone(), it)).collect::<Vec<_>>().join("; "),
        from,
        until: to_agree(),
        hours: one.hours.map_or_else(unknown, |hours| number(hours, it)),
        forecast: unknown(),
    }
}

fn down(one: &Disruption, it: bool) -> DownRow {
    let to_agree = || if it { "da concordare" } else { "to be agreed" }.to_owned();
    let when = |at: &Option<String>| at.as_deref().map_or_else(to_agree, of_civil);
    DownRow {
        server: one.server.to_string(),
        service: of(one.service.clone(), it),
        cannot: of(one.cannot.clone(), it),
        from: when(&one.from),
        until: when(&one.until),
        hours: one.hours.map_or_else(to_agree, |hours| number(hours, it)),
        forecast: match (&one.forecast, one.exact, it) {
            (None, _, true) => "non noto".to_owned(),
            (None, _, false) => "not known".to_owned(),
            (Some(at), true, _) => of_civil(at),
            (Some(at), false, true) => format!("non prima di {}", of_civil(at)),
            (Some(at), false, false) => format!("not before {}", of_civil(at)),
        },
    }
}

fn of_civil(at: &str) -> String {
    let Ok(civil) = at.parse::<DateTime>() else { return at.to_owned() };
    format!("{} {}", italian(civil.date()), civil.time().strftime("%H:%M"))
}

/// Hours with at most one decimal.
pub(super) fn number(hours: f64, it: bool) -> String {
    let text = format!("{hours:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if it { text.replace('.', ",") } else { text.to_owned() }
}

fn quiet(plan: &CutoverPlan<'_>) -> Quiet {
    let agreed = &plan.terms.quiet;
    let shown = |date: Option<jiff::civil::Date>| date.map(italian).unwrap_or_default();
    let period = plan.quiet;
    Quiet {
        term: agreed.quiet_before_wipe.to_string(),
        plan: agreed.plan.to_string(),
        has_term: agreed.quiet_before_wipe.days > 0,
        accepted: shown(period.map(|quiet| quiet.accepted)),
        signed: period.is_some_and(|quiet| quiet.signed),
        ends: shown(period.map(|quiet| quiet.ends)),
        earliest: shown(period.map(|quiet| quiet.earliest)),
        due: shown(period.and_then(|quiet| quiet.conflicts_with)),
        conflict: period.is_some_and(|quiet| quiet.conflicts_with.is_some()),
        known: period.is_some(),
        plan_prevails: agreed.prevails == Prevails::Plan,
    }
}
