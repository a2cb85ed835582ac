//! The list as a page that prints on A4 in landscape.

use super::{Area, Cleanup, Doer, Sources, Task};
use crate::document::page::rendered;
use crate::document::statement::DocumentError;
use crate::document::verbale::{Language, day_and_minute};
use minijinja::AutoEscape;
use serde::Serialize;

const HTML: &str = include_str!("../../../templates/documents/cleanup.html.j2");

/// The page.
///
/// # Errors
/// The template refused.
pub fn html(sources: &Sources<'_>, cleanup: &Cleanup<'_>, language: Language) -> Result<String, DocumentError> {
    rendered(HTML, AutoEscape::Html, &Page::new(sources, cleanup, language))
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
    areas: Vec<Part<'a>>,
}

#[derive(Serialize)]
struct Part<'a> {
    title: &'static str,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    item: &'static str,
    of: &'a str,
    what: &'a str,
    who: String,
    check: &'a str,
}

impl<'a> Page<'a> {
    fn new(sources: &'a Sources<'a>, cleanup: &'a Cleanup<'a>, language: Language) -> Self {
        let it = language == Language::Italian;
        let operator = &sources.project.operator.short;
        let part = |area: Area| {
            let of_it = cleanup.tasks.iter().filter(move |task| task.area == area);
            Part { title: title(area, it), rows: of_it.map(|task| row(task, operator, it)).collect() }
        };
        Self {
            it,
            project: &sources.project.name,
            document: &sources.project.document,
            cup: &sources.project.cup,
            name: &sources.tenant.name,
            operator: &sources.project.operator.name,
            made: day_and_minute(cleanup.time),
            inventory: cleanup.inventory,
            areas: Area::ALL.into_iter().map(part).filter(|part| !part.rows.is_empty()).collect(),
        }
    }
}

fn row<'a>(task: &'a Task, operator: &str, it: bool) -> Row<'a> {
    Row {
        item: task.item,
        of: task.server.as_ref().map_or(if it { "ente" } else { "tenant" }, |server| server.as_str()),
        what: if it { &task.what.it } else { &task.what.en },
        who: who(task.who, operator, it),
        check: if it { &task.check.it } else { &task.check.en },
    }
}

fn title(area: Area, it: bool) -> &'static str {
    let (italian, english) = match area {
        Area::Directory => ("Directory", "Directory"),
        Area::Names => ("DNS e indirizzi", "DNS and addresses"),
        Area::Services => ("Servizi della rete locale", "Services of the LAN"),
        Area::Way => ("Via temporanea della copia", "Temporary way of the copying"),
        Area::Accounts => ("Utenze e chiavi dello spostamento", "Accounts and keys of the move"),
        Area::Monitoring => ("Monitoraggio", "Monitoring"),
    };
    if it { italian } else { english }
}

fn who(doer: Doer, operator: &str, it: bool) -> String {
    let (italian, english) = match doer {
        Doer::Comune => ("tecnico del Comune".to_owned(), "municipality's technician".to_owned()),
        Doer::Operator => (format!("sistemista {operator}"), format!("engineer of {operator}")),
        Doer::Network => (format!("tecnico di rete {operator}"), format!("network staff of {operator}")),
    };
    if it { italian } else { english }
}
