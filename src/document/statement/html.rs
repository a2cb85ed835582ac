//! Statements as a page in the layout of the project document's section 7: self-contained, printable on A4.

use super::{DocumentError, words};
use crate::fees::{Amount, Document, Line, SiteLink, Totals};
use crate::model::calendar::italian;
use crate::model::fees::{Item, Payer};
use crate::model::money::grouped;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

const TEMPLATE: &str = include_str!("../../../templates/documents/statement.html.j2");
const PAYERS: [Payer; 2] = [Payer::Lead, Payer::Tenant];

/// The page of one tenant over the years of `documents`, oldest first.
///
/// # Errors
/// The template refused.
pub fn page(documents: &[Document]) -> Result<String, DocumentError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?;
    environment.set_syntax(syntax);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("statement.html", TEMPLATE)?;
    Ok(environment.get_template("statement.html")?.render(Value::from(Serde(&Page::new(documents))))?)
}

/// What the template is given: words and figures, ready to print.
#[derive(Serialize)]
struct Page<'a> {
    name: &'a str,
    tax_code: &'a str,
    project: &'a str,
    document: &'a str,
    cup: &'a str,
    to_tenant: String,
    lead: &'a str,
    lead_short: &'a str,
    vat_percent: &'a str,
    activation: &'a str,
    span: String,
    years: Vec<Year<'a>>,
    /// Rows of the summary over several years.
    budget: Vec<BudgetRow<'a>>,
    notes: Vec<&'a str>,
}

#[derive(Serialize)]
struct Year<'a> {
    year: i16,
    complete: bool,
    prot: Option<&'a str>,
    prot_date: Option<String>,
    actions: Vec<Action<'a>>,
    links: Vec<LinkRows<'a>>,
    /// Word for links of which nothing is known.
    links_state: Option<&'static str>,
    summary: Vec<SummaryRow<'a>>,
    adjustment: Option<Vec<SummaryRow<'a>>>,
    digest: &'a str,
}

/// The table of an action.
#[derive(Serialize)]
struct Action<'a> {
    id: &'a str,
    title: &'a str,
    note: Option<&'a str>,
    servers: bool,
    band: &'a str,
    basis: Option<String>,
    amount: Option<Printed>,
    state: &'static str,
    remark: Option<String>,
    payer: &'a str,
}

/// The rows of one link.
#[derive(Serialize)]
struct LinkRows<'a> {
    site: &'a SiteLink,
    rows: Vec<LinkRow>,
}

#[derive(Serialize)]
struct LinkRow {
    label: &'static str,
    /// Whether it has no year, so that it is not added.
    undated: bool,
    /// Lead, then tenant: an amount, a word, or `-` where the other pays.
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Cell {
    amount: Option<Printed>,
    word: &'static str,
}

#[derive(Serialize)]
struct Printed {
    net: String,
    vat: String,
    gross: String,
}

#[derive(Serialize)]
struct SummaryRow<'a> {
    payer: &'a str,
    /// What the amount is made of, where that is not plain.
    remark: String,
    amount: Option<Printed>,
}

#[derive(Serialize)]
struct BudgetRow<'a> {
    payer: &'a str,
    years: Vec<String>,
    total: String,
}

impl From<Amount> for Printed {
    fn from(amount: Amount) -> Self {
        Self { net: amount.net.italian(), vat: amount.vat.italian(), gross: amount.gross.italian() }
    }
}

impl<'a> Page<'a> {
    fn new(documents: &'a [Document]) -> Option<Self> {
        let (first, last) = (documents.first()?, documents.last()?);
        let heading = &first.statement.heading;
        let (from, to) = (first.statement.year, last.statement.year);
        let mut notes: Vec<&str> = Vec::new();
        for note in documents.iter().flat_map(|document| &document.statement.notes) {
            if !notes.contains(&note.as_str()) {
                notes.push(note);
            }
        }
        Some(Self {
            name: &heading.name,
            tax_code: heading.tax_code.as_deref().unwrap_or("non noto"),
            project: &heading.project,
            document: &heading.document,
            cup: &heading.cup,
            to_tenant: words::to(&heading.word),
            lead: &heading.lead,
            lead_short: &heading.lead_short,
            vat_percent: &heading.vat_percent,
            activation: &heading.activation,
            span: if from == to { format!("anno {from}") } else { format!("anni {from}-{to}") },
            years: documents.iter().map(Year::new).collect(),
            budget: budget(documents),
            notes,
        })
    }
}

impl<'a> Year<'a> {
    fn new(document: &'a Document) -> Self {
        let statement = &document.statement;
        let issued = document.issued.as_ref();
        let unknown = statement.lines.iter().find(|line| line.item == Item::LinkAnnual && line.site.is_none());
        let adjustment = document.adjustment.as_ref();
        Self {
            year: statement.year,
            complete: statement.is_complete(),
            prot: issued.map(|mark| mark.prot.as_str()),
            prot_date: issued.map(|mark| italian(mark.date)),
            actions: statement.lines.iter().filter_map(|line| action(line, document)).collect(),
            links: links(document),
            links_state: unknown.map(|line| words::state(&line.charge)),
            summary: summary(document, &statement.totals, true),
            adjustment: adjustment.map(|adjustment| summary(document, &adjustment.difference, false)),
            digest: &statement.digest,
        }
    }
}

fn action<'a>(line: &'a Line, document: &'a Document) -> Option<Action<'a>> {
    let Item::Action(id) = &line.item else { return None };
    let heading = document.statement.heading.actions.iter().find(|action| action.action == *id)?;
    Some(Action {
        id,
        title: &heading.title,
        note: heading.note.as_deref(),
        servers: heading.title.contains("server"),
        band: line.band.as_deref().unwrap_or("-"),
        basis: line.basis.as_ref().map(|basis| grouped(basis.value)),
        amount: line.amount().map(Printed::from),
        state: words::state(&line.charge),
        remark: words::remark(line),
        payer: words::payer(line.payer, &document.statement.heading),
    })
}

/// The links of the year, each with its annual fee and its una tantum.
fn links(document: &Document) -> Vec<LinkRows<'_>> {
    let statement = &document.statement;
    let mut links: Vec<LinkRows<'_>> = Vec::new();
    let dated = statement.lines.iter().map(|line| (line, false));
    for (line, undated) in dated.chain(statement.undated.iter().map(|line| (line, true))) {
        let Some(site) = &line.site else { continue };
        let label = if line.item == Item::LinkAnnual { "Canone annuo" } else { "Una tantum" };
        let row = LinkRow { label, undated, cells: PAYERS.map(|payer| cell(line, payer)).into() };
        match links.iter_mut().find(|link| link.site.id == site.id) {
            Some(link) => link.rows.push(row),
            None => links.push(LinkRows { site, rows: vec![row] }),
        }
    }
    links
}

/// The column of `payer`: `-` is not charged to it.
fn cell(line: &Line, payer: Payer) -> Cell {
    match line.payer {
        Some(own) if own != payer && own != Payer::Project => Cell { amount: None, word: "-" },
        _ => Cell { amount: line.amount().map(Printed::from), word: words::state(&line.charge) },
    }
}

fn summary<'a>(document: &'a Document, totals: &Totals, parts: bool) -> Vec<SummaryRow<'a>> {
    let statement = &document.statement;
    let row = |payer| {
        let mine = || statement.lines.iter().filter(move |line| line.payer == Some(payer));
        let one_off = mine().any(|line| line.item == Item::LinkOneOff).then_some("compresa l'una tantum");
        let rounding = mine().find(|line| line.item == Item::Rounding).and_then(Line::amount);
        let rounding = rounding.map(|amount| format!("arrotondamento IVA {}", amount.vat.italian()));
        let remarks: Vec<String> = one_off.map(str::to_owned).into_iter().chain(rounding).collect();
        SummaryRow {
            payer: words::payer(Some(payer), &statement.heading),
            remark: if parts { remarks.join("; ") } else { String::new() },
            amount: totals.of(payer).map(Printed::from),
        }
    };
    [Payer::Tenant, Payer::Lead].map(row).into()
}

/// Gross totals by payer and year; empty for a single year.
fn budget(documents: &[Document]) -> Vec<BudgetRow<'_>> {
    let Some(first) = documents.first().filter(|_| documents.len() > 1) else { return Vec::new() };
    let row = |payer| {
        let totals = || documents.iter().map(|document| document.statement.totals.of(payer));
        let printed = |amount: Option<Amount>| amount.map_or("non noto".to_owned(), |amount| amount.gross.italian());
        BudgetRow {
            payer: words::payer(Some(payer), &first.statement.heading),
            years: totals().map(printed).collect(),
            total: printed(totals().sum()),
        }
    };
    [Payer::Tenant, Payer::Lead].map(row).into()
}
