//! The runbook as a page that prints on A4, in black and white.

use super::{Command, Forecast, Runbook, RunbookNight, RunbookStep, Section, Sources};
use crate::document::cutover::moment;
use crate::document::page::rendered;
use crate::document::statement::DocumentError;
use crate::document::verbale::Language;
use crate::model::bilingual::Bilingual;
use crate::model::window::Window;
use crate::network::kit::Place;
use jiff::civil::DateTime;
use minijinja::AutoEscape;
use serde::Serialize;

const HTML: &str = include_str!("../../../templates/documents/runbook.html.j2");

/// The page.
///
/// # Errors
/// The template refused.
pub fn html(sources: &Sources<'_>, runbook: &Runbook<'_>) -> Result<String, DocumentError> {
    rendered(HTML, AutoEscape::Html, &Page::new(sources, runbook, sources.language == Language::Italian))
}

/// What the template is given: words, ready to print.
#[derive(Serialize)]
struct Page<'a> {
    /// Whether it is in Italian: the template has its fixed words in both languages.
    it: bool,
    project: &'a str,
    name: &'a str,
    landing: &'a str,
    terms: &'a str,
    contacts: Vec<Contact<'a>>,
    criteria: Vec<String>,
    nights: Vec<Night<'a>>,
}

#[derive(Serialize)]
struct Contact<'a> {
    name: &'a str,
    roles: String,
    contact: &'a str,
}

#[derive(Serialize)]
struct Night<'a> {
    agreed: bool,
    from: String,
    until: String,
    copied_by: String,
    go_back_at: String,
    /// To the landing site, then the way back.
    parts: Vec<Part<'a>>,
}

#[derive(Serialize)]
struct Part<'a> {
    /// `going` or `back`.
    way: &'static str,
    server: &'a str,
    replicas: &'a [String],
    steps: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    act: &'a str,
    who: &'a str,
    at: String,
    what: &'a str,
    how: &'a str,
    blocks: Vec<Lines<'a>>,
    expect: Vec<&'a str>,
    undo: Vec<Lines<'a>>,
    page: Vec<&'a str>,
}

/// Lines that are given one after the other in one place.
#[derive(Serialize)]
struct Lines<'a> {
    /// A word for machines that read the page.
    at: &'static str,
    place: String,
    lines: Vec<&'a str>,
}

impl<'a> Page<'a> {
    fn new(sources: &'a Sources<'a>, runbook: &'a Runbook<'a>, it: bool) -> Self {
        let tongue = Tongue { it, landing: &sources.project.landing.name };
        let unknown = if it { "non noto" } else { "not known" };
        let contacts = runbook.contacts.iter().map(|person| Contact {
            name: &person.name,
            roles: person.roles.join(", "),
            contact: person.contact.as_deref().unwrap_or(unknown),
        });
        let of = |text: Bilingual| if it { text.it } else { text.en };
        Self {
            it,
            project: &sources.project.name,
            name: &sources.tenant.name,
            landing: &sources.terms.landing,
            terms: &runbook.terms,
            contacts: contacts.collect(),
            criteria: runbook.go_back_if.iter().map(|criterion| of(criterion.words())).collect(),
            nights: runbook.nights.iter().map(|night| of_night(night, tongue)).collect(),
        }
    }
}

/// The language, and the name of the data center.
#[derive(Clone, Copy)]
struct Tongue<'s> {
    it: bool,
    landing: &'s str,
}

fn of_night<'a>(night: &'a RunbookNight, tongue: Tongue<'_>) -> Night<'a> {
    let window = night.window.as_ref();
    let at = |moment_of: fn(&Window) -> jiff::Timestamp| {
        window.map_or_else(String::new, |window| moment(moment_of(window), tongue.it))
    };
    let going = night.going.iter().map(|section| part(section, "going", tongue));
    let back = night.back.iter().map(|section| part(section, "back", tongue));
    Night {
        agreed: window.is_some(),
        from: at(Window::from),
        until: at(Window::until),
        copied_by: at(Window::copied_by),
        go_back_at: at(Window::go_back_at),
        parts: going.chain(back).collect(),
    }
}

fn part<'a>(section: &'a Section, way: &'static str, tongue: Tongue<'_>) -> Part<'a> {
    Part {
        way,
        server: section.server.as_str(),
        replicas: &section.replicas,
        steps: section.steps.iter().map(|step| row(step, tongue)).collect(),
    }
}

fn row<'a>(step: &'a RunbookStep, tongue: Tongue<'_>) -> Row<'a> {
    let it = tongue.it;
    Row {
        act: step.act,
        who: in_language(&step.who, it),
        at: step.at.as_ref().map_or_else(String::new, |at| hour(at, it)),
        what: in_language(&step.what, it),
        how: step.how.as_ref().map_or("", |how| in_language(how, it)),
        blocks: blocks(&step.commands, tongue),
        expect: step.expect.iter().map(|text| in_language(text, it)).collect(),
        undo: blocks(&step.undo, tongue),
        page: step.page.as_deref().map(|page| page.lines().collect()).unwrap_or_default(),
    }
}

fn in_language(text: &Bilingual, it: bool) -> &str {
    if it { &text.it } else { &text.en }
}

fn hour(at: &Forecast, it: bool) -> String {
    let time = at.time.parse::<DateTime>().map(|civil| civil.strftime("%d/%m %H:%M").to_string());
    let time = time.unwrap_or_else(|_| at.time.clone());
    match (at.exact, it) {
        (true, _) => time,
        (false, true) => format!("non prima di {time}"),
        (false, false) => format!("not before {time}"),
    }
}

/// Commands by place, as they follow each other.
fn blocks<'a>(commands: &'a [Command], tongue: Tongue<'_>) -> Vec<Lines<'a>> {
    let same = |one: &Command, next: &Command| one.place == next.place;
    let runs = commands.chunk_by(same);
    runs.filter_map(|run| {
        let place = &run.first()?.place;
        let lines = run.iter().map(|command| command.line.as_str()).collect();
        let words = place.words(tongue.landing);
        Some(Lines { at: word(place), place: if tongue.it { words.it } else { words.en }, lines })
    })
    .collect()
}

fn word(place: &Place) -> &'static str {
    match place {
        Place::Operations => "operations",
        Place::Town => "town",
        Place::Source => "source",
        Place::Landing => "landing",
        Place::Router(_) | Place::CarrierRouter(_) => "router",
        Place::Carrier => "carrier",
        Place::Firewall => "firewall",
        Place::Windows => "windows",
        Place::Linux => "linux",
        Place::Dhcp => "dhcp",
        Place::Dns => "dns",
    }
}
