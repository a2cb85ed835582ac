//! The certificate as a page that prints on A4 in landscape.

use super::{Certificate, Medium, OldServer, Sources};
use crate::document::page::rendered;
use crate::document::statement::DocumentError;
use crate::document::verbale::{Language, day_and_minute};
use minijinja::AutoEscape;
use serde::Serialize;

const HTML: &str = include_str!("../../../templates/documents/wipe.html.j2");
const GIGABYTE: u64 = 1_000_000_000;

/// The page.
///
/// # Errors
/// The template refused.
pub fn html(sources: &Sources<'_>, certificate: &Certificate<'_>, language: Language) -> Result<String, DocumentError> {
    rendered(HTML, AutoEscape::Html, &Page::new(sources, certificate, language))
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
    made: String,
    inventory: &'a str,
    quiet: String,
    servers: Vec<Block>,
}

#[derive(Serialize)]
struct Block {
    server: String,
    system: String,
    address: String,
    hardware: String,
    survey: Option<Survey>,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Survey {
    event: u64,
    time: String,
    sha256: String,
}

#[derive(Serialize)]
struct Row {
    device: String,
    disks: String,
    serial: String,
    model: String,
    size: String,
}

impl<'a> Page<'a> {
    fn new(sources: &Sources<'a>, certificate: &Certificate<'a>, language: Language) -> Self {
        let term = certificate.quiet_before_wipe;
        let it = language == Language::Italian;
        Self {
            it,
            project: &sources.project.name,
            document: &sources.project.document,
            cup: &sources.project.cup,
            name: &sources.tenant.name,
            operator: &sources.project.operator.name,
            made: day_and_minute(certificate.time),
            inventory: certificate.inventory,
            quiet: if term.days == 0 { String::new() } else { term.to_string() },
            servers: certificate.servers.iter().map(|server| block(server, it)).collect(),
        }
    }
}

fn block(server: &OldServer<'_>, it: bool) -> Block {
    let unknown = || if it { "non noto" } else { "not known" }.to_owned();
    Block {
        server: server.server.to_string(),
        system: server.system.clone(),
        address: server.address.to_string(),
        hardware: server.hardware.clone().unwrap_or_else(unknown),
        survey: server.survey.as_ref().map(|survey| Survey {
            event: survey.event,
            time: day_and_minute(&survey.time),
            sha256: survey.sha256.clone(),
        }),
        rows: server.media.iter().map(|medium| row(medium, it, &unknown)).collect(),
    }
}

fn row(medium: &Medium, it: bool, unknown: &impl Fn() -> String) -> Row {
    let disks: Vec<&str> = medium.disks.iter().map(|disk| disk.as_str()).collect();
    Row {
        device: medium.device.clone().unwrap_or_else(unknown),
        disks: disks.join(", "),
        serial: medium.serial.clone().unwrap_or_else(unknown),
        model: medium.model.clone().unwrap_or_else(unknown),
        size: medium.size.map_or_else(unknown, |bytes| gigabytes(bytes, it)),
    }
}

/// Gigabytes of 10^9 bytes, as they are printed on disks.
fn gigabytes(bytes: u64, it: bool) -> String {
    let tenths = bytes / (GIGABYTE / 10) + u64::from(bytes % (GIGABYTE / 10) >= GIGABYTE / 20);
    format!("{}{}{} GB", tenths / 10, if it { ',' } else { '.' }, tenths % 10)
}
