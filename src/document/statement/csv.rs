//! Statements as CSV: one dialect for machines, one for Italian Excel.

use super::{DocumentError, words};
use crate::document::cell;
use crate::fees::{Amount, Document, Line};
use crate::model::Euro;
use crate::model::calendar::italian;
use crate::model::fees::Payer;
use csv::{Terminator, WriterBuilder};
use jiff::civil::Date;

const MACHINE: [&str; 20] = [
    "tenant",
    "istat",
    "year",
    "item",
    "site",
    "band",
    "basis",
    "basis_date",
    "count",
    "from",
    "to",
    "payer",
    "status",
    "net",
    "vat",
    "gross",
    "remark",
    "source",
    "prot",
    "prot_date",
];

/// For machines: comma, decimal point, ISO dates, LF. Every amount of a column may be added: a line
/// without a year has its amount in the remark.
///
/// # Errors
/// The writer refused.
pub fn machine(documents: &[Document]) -> Result<Vec<u8>, DocumentError> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(MACHINE)?;
    for document in documents {
        for (line, dated) in lines(document) {
            writer.write_record(machine_row(document, line, dated))?;
        }
        for (payer, difference) in differences(document) {
            writer.write_record(machine_difference(document, payer, difference))?;
        }
    }
    Ok(finish(writer)?)
}

/// The lines of a document, and whether they belong to its year.
fn lines(document: &Document) -> impl Iterator<Item = (&Line, bool)> {
    let dated = document.statement.lines.iter().map(|line| (line, true));
    dated.chain(document.statement.undated.iter().map(|line| (line, false)))
}

fn machine_row(document: &Document, line: &Line, dated: bool) -> Vec<String> {
    let statement = &document.statement;
    let amount = line.amount().filter(|_| dated);
    let basis = line.basis.as_ref();
    let euro = |of: fn(&Amount) -> Euro| amount.as_ref().map(of).map_or(String::new(), |e| e.to_string());
    let date = |date: Option<Date>| date.map_or(String::new(), |date| date.to_string());
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let undated = || line.amount().map(|amount| format!("{} net, year of the order unknown, not added", amount.net));
    let remark = if dated { words::remark(line) } else { undated().or(words::remark(line)) };
    vec![
        statement.tenant.to_string(),
        cell::text(statement.heading.istat.as_deref().unwrap_or_default()),
        statement.year.to_string(),
        cell::text(&line.item.to_string()),
        cell::text(line.site.as_ref().map_or("", |site| &site.id)),
        cell::text(line.band.as_deref().unwrap_or_default()),
        basis.map_or(String::new(), |basis| basis.value.to_string()),
        date(basis.and_then(|basis| basis.date)),
        basis.and_then(|basis| basis.count).map_or(String::new(), |count| word(serde_json::json!(count))),
        date(line.period.as_ref().map(|period| period.from)),
        date(line.period.as_ref().map(|period| period.to)),
        word(serde_json::json!(line.payer)),
        if dated { word(serde_json::json!(line.charge.status())) } else { "undated".to_owned() },
        euro(|amount| amount.net),
        euro(|amount| amount.vat),
        euro(|amount| amount.gross),
        cell::text(&remark.unwrap_or_default()),
        cell::text(&line.source),
        cell::text(document.issued.as_ref().map_or("", |mark| &mark.prot)),
        date(document.issued.as_ref().map(|mark| mark.date)),
    ]
}

/// What is owed beyond the issued document; none is not known.
fn differences(document: &Document) -> impl Iterator<Item = (Payer, Option<Amount>)> {
    let adjustment = document.adjustment.as_ref();
    adjustment
        .into_iter()
        .flat_map(|adjustment| [Payer::Tenant, Payer::Lead].map(|payer| (payer, adjustment.difference.of(payer))))
}

/// Added to the issued lines, the rows `adjustment` give what is computed now.
fn machine_difference(document: &Document, payer: Payer, difference: Option<Amount>) -> Vec<String> {
    let statement = &document.statement;
    let mut row = vec![String::new(); MACHINE.len()];
    row[0] = statement.tenant.to_string();
    row[2] = statement.year.to_string();
    row[3] = "adjustment".to_owned();
    row[11] = serde_json::json!(payer).as_str().unwrap_or_default().to_owned();
    row[12] = if difference.is_some() { "computed" } else { "unknown" }.to_owned();
    if let Some(difference) = difference {
        row[13] = difference.net.to_string();
        row[14] = difference.vat.to_string();
        row[15] = difference.gross.to_string();
    }
    row
}

const ITALIAN: [&str; 17] = [
    "Ente",
    "Anno",
    "Voce",
    "Sede",
    "Fascia",
    "N.",
    "Data rif.",
    "Conteggio",
    "Dal",
    "Al",
    "In carico a",
    "Stato",
    "Imponibile",
    "IVA",
    "Totale",
    "Annotazioni",
    "Prot.",
];

/// For Italian Excel: semicolon, decimal comma, gg/mm/aaaa, CRLF, UTF-8 with byte order mark, and
/// a row for each payer's total.
///
/// # Errors
/// The writer refused.
pub fn for_excel(documents: &[Document]) -> Result<Vec<u8>, DocumentError> {
    let mut builder = WriterBuilder::new();
    let mut writer = builder.delimiter(b';').terminator(Terminator::CRLF).from_writer("\u{feff}".as_bytes().to_vec());
    writer.write_record(ITALIAN)?;
    for document in documents {
        for (line, dated) in lines(document) {
            writer.write_record(italian_row(document, line, dated))?;
        }
        for payer in [Payer::Tenant, Payer::Lead] {
            writer.write_record(total_row(document, payer, "Totale", document.statement.totals.of(payer)))?;
        }
        for (payer, difference) in differences(document) {
            writer.write_record(total_row(document, payer, "Conguaglio", difference))?;
        }
    }
    Ok(finish(writer)?)
}

fn italian_row(document: &Document, line: &Line, dated: bool) -> Vec<String> {
    let heading = &document.statement.heading;
    let amount = line.amount().filter(|_| dated);
    let basis = line.basis.as_ref();
    let euro = |of: fn(&Amount) -> Euro| amount.as_ref().map(of).map_or(String::new(), Euro::italian_cell);
    let date = |date: Option<Date>| date.map_or(String::new(), italian);
    let undated = || line.amount().map(|amount| format!("{} iva esclusa, non sommato", amount.net.italian()));
    let remark = if dated { words::remark(line) } else { undated().or(words::remark(line)) };
    vec![
        cell::text(&heading.name),
        document.statement.year.to_string(),
        cell::text(&words::item(line, heading)),
        cell::text(line.site.as_ref().map_or("", |site| &site.address)),
        cell::text(line.band.as_deref().unwrap_or_default()),
        basis.map_or(String::new(), |basis| basis.value.to_string()),
        date(basis.and_then(|basis| basis.date)),
        basis.and_then(|basis| basis.count).map_or("", words::count).to_owned(),
        date(line.period.as_ref().map(|period| period.from)),
        date(line.period.as_ref().map(|period| period.to)),
        cell::text(words::payer(line.payer, heading)),
        if dated { words::state(&line.charge) } else { "anno non noto" }.to_owned(),
        euro(|amount| amount.net),
        euro(|amount| amount.vat),
        euro(|amount| amount.gross),
        cell::text(&remark.unwrap_or_default()),
        cell::text(&protocol(document)),
    ]
}

/// A row for a payer: its total, or its conguaglio; one that is not known has no amount.
fn total_row(document: &Document, payer: Payer, label: &str, total: Option<Amount>) -> Vec<String> {
    let statement = &document.statement;
    let mut row = vec![String::new(); ITALIAN.len()];
    row[0] = cell::text(&statement.heading.name);
    row[1] = statement.year.to_string();
    row[2] = label.to_owned();
    row[10] = cell::text(words::payer(Some(payer), &statement.heading));
    row[11] = if total.is_some() { label.to_lowercase() } else { "non noto".to_owned() };
    if let Some(total) = total {
        row[12] = total.net.italian_cell();
        row[13] = total.vat.italian_cell();
        row[14] = total.gross.italian_cell();
    }
    row[16] = cell::text(&protocol(document));
    row
}

fn protocol(document: &Document) -> String {
    document.issued.as_ref().map_or(String::new(), |mark| format!("{} del {}", mark.prot, italian(mark.date)))
}

fn finish(writer: csv::Writer<Vec<u8>>) -> Result<Vec<u8>, csv::Error> {
    writer.into_inner().map_err(|error| csv::Error::from(std::io::Error::other(error.to_string())))
}
