//! The page for the person at Converter, and the same for a terminal.

use super::refusal::Refusal;
use super::settings::{Setting, settings};
use super::{Language, PROOF};
use crate::model::converter::{Job, SourceSeen};
use crate::untrusted;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, escape_formatter};
use serde::Serialize;
use std::fmt::Write as _;

const TEMPLATE: &str = include_str!("../../templates/documents/converter.html.j2");

/// The page could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the template of the page is broken")]
pub struct PageError(#[from] minijinja::Error);

/// The page: self-contained, prints on A4.
///
/// # Errors
/// The template refused.
pub fn html(
    job: &Job,
    refusals: &[Refusal],
    seen: Option<&SourceSeen>,
    language: Language,
) -> Result<String, PageError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?;
    environment.set_syntax(syntax);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(|out, state, value| match value.as_str() {
        // What would hide or reorder text is shown, too.
        Some(text) => Ok(out.write_str(&untrusted::xml(&untrusted::printable(text)))?),
        None => escape_formatter(out, state, value),
    });
    environment.add_template("converter.html", TEMPLATE)?;
    let settings = settings(job, seen);
    let page = Page::new(job, refusals, &settings, language);
    Ok(environment.get_template("converter.html")?.render(Value::from(Serde(&page)))?)
}

/// The settings for a terminal, a line each.
pub fn text(job: &Job, refusals: &[Refusal], seen: Option<&SourceSeen>, language: Language) -> String {
    let mut out = String::new();
    let mut line = |text: &str| {
        let _ = writeln!(out, "{}", untrusted::printable(text));
    };
    line(&format!("{} ({}: {PROOF})", job.name(), words(language).proof));
    for refusal in refusals {
        let mark = if refusal.blocks { words(language).stop } else { words(language).note };
        line(&format!("{mark}: {} {}", language.of(&refusal.what), language.of(&refusal.next)));
    }
    let mut screen = None;
    for setting in settings(job, seen) {
        if screen != Some(setting.screen) {
            line(&format!("[{}]", setting.screen.title()));
            screen = Some(setting.screen);
        }
        line(&format!("  {}: {}  -- {}", setting.field, language.of(&setting.value), language.of(&setting.why)));
    }
    out
}

/// What the template is given.
#[derive(Serialize)]
struct Page<'a> {
    w: &'static Words,
    job: String,
    tenant: &'a str,
    server: &'a str,
    os: &'a str,
    proof: &'static str,
    digest: &'a str,
    warnings: Vec<Warning<'a>>,
    screens: Vec<ScreenRows<'a>>,
}

#[derive(Serialize)]
struct Warning<'a> {
    blocks: bool,
    what: &'a str,
    next: &'a str,
}

#[derive(Serialize)]
struct ScreenRows<'a> {
    title: &'static str,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    field: &'a str,
    value: &'a str,
    why: &'a str,
}

impl<'a> Page<'a> {
    fn new(job: &'a Job, refusals: &'a [Refusal], settings: &'a [Setting], language: Language) -> Self {
        let warnings = refusals.iter().map(|refusal| Warning {
            blocks: refusal.blocks,
            what: language.of(&refusal.what),
            next: language.of(&refusal.next),
        });
        let screens = settings.chunk_by(|one, other| one.screen == other.screen).map(|rows| ScreenRows {
            title: rows.first().map_or("", |row| row.screen.title()),
            rows: rows
                .iter()
                .map(|row| Row { field: &row.field, value: language.of(&row.value), why: language.of(&row.why) })
                .collect(),
        });
        Page {
            w: words(language),
            job: job.name(),
            tenant: job.tenant.as_str(),
            server: job.server.as_str(),
            os: &job.os,
            proof: PROOF,
            digest: &job.digest,
            warnings: warnings.collect(),
            screens: screens.collect(),
        }
    }
}

/// The words of the page.
#[derive(Serialize)]
struct Words {
    lang: &'static str,
    title: &'static str,
    tenant: &'static str,
    server: &'static str,
    system: &'static str,
    job: &'static str,
    proof: &'static str,
    digest: &'static str,
    stop: &'static str,
    note: &'static str,
    field: &'static str,
    value: &'static str,
    why: &'static str,
    done: &'static str,
    night: &'static str,
    steps: [&'static str; 7],
    never: &'static str,
    nevers: [&'static str; 4],
    hand: &'static str,
}

fn words(language: Language) -> &'static Words {
    match language {
        Language::Italian => &ITALIAN,
        Language::English => &ENGLISH,
    }
}

const ITALIAN: Words = Words {
    lang: "it",
    title: "VMware vCenter Converter: impostazioni del job",
    tenant: "Ente",
    server: "Server",
    system: "Sistema",
    job: "Nome del job",
    proof: "prova",
    digest: "Impronta delle impostazioni",
    stop: "NON PROCEDERE",
    note: "Attenzione",
    field: "Campo",
    value: "Valore",
    why: "Perché",
    done: "Fatto",
    night: "Poi, in quest'ordine",
    steps: [
        "«Finish»: parte la prima copia, quando il calendario della linea lo permette. traghetto segue il bersaglio nel vCenter.",
        "Finita la prima copia: il bersaglio resta spento. La prova si fa su un clone del bersaglio, fatto nel vCenter: la linea non porta una seconda copia.",
        "Ogni giorno fino alla finestra: tasto destro sul job, «Synchronize», senza sincronizzazione finale.",
        "Nella finestra, utenti fuori: «Synchronize» con «Perform final synchronization»; Converter ferma i servizi indicati.",
        "Completata la finale: spegnere l'origine a mano e provare che tace (traghetto lo verifica).",
        "Solo dopo: accendere il bersaglio, da traghetto, con la rete scollegata.",
        "Tasto destro sul job, «Export logs»: il file è evidenza, con la sua SHA-256.",
    ],
    never: "Mai",
    nevers: [
        "Mai un secondo job per lo stesso server: la linea porterebbe un'altra copia intera.",
        "Mai accendere il bersaglio, né collegarne le schede, mentre l'origine è accesa.",
        "Mai fermare la prima copia a metà: ripartirebbe da zero.",
        "Mai cancellare i dischi del bersaglio dopo un errore al 95-99 %: la copia è completa.",
    ],
    hand: "Chi, data e ora, firma",
};

const ENGLISH: Words = Words {
    lang: "en",
    title: "VMware vCenter Converter: settings of the job",
    tenant: "Tenant",
    server: "Server",
    system: "System",
    job: "Name of the job",
    proof: "proof",
    digest: "Digest of the settings",
    stop: "DO NOT GO ON",
    note: "Note",
    field: "Field",
    value: "Value",
    why: "Why",
    done: "Done",
    night: "Then, in this order",
    steps: [
        "«Finish»: the first copy begins when the calendar of the line allows it. traghetto follows the target in the vCenter.",
        "The first copy is complete: the target stays off. The test is made on a clone of the target, made in the vCenter: the line carries no second copy.",
        "Every day until the window: right click on the job, «Synchronize», without final synchronization.",
        "In the window, users out: «Synchronize» with «Perform final synchronization»; Converter stops the services named.",
        "The last one is complete: turn the source off by hand and prove that it is silent (traghetto checks it).",
        "Only then: turn the target on, from traghetto, with its network disconnected.",
        "Right click on the job, «Export logs»: the file is evidence, with its SHA-256.",
    ],
    never: "Never",
    nevers: [
        "Never a second job for the same server: the line would carry another full copy.",
        "Never turn the target on, nor connect its cards, while the source is on.",
        "Never stop the first copy half way: it would begin anew.",
        "Never delete the target's disks after an error at 95-99 %: the copy is complete.",
    ],
    hand: "Who, date and hour, signature",
};
