//! The formats of a statement.

use super::text;
use crate::document::statement::{DocumentError, csv, html, xlsx};
use crate::fees::{Amount, Document, Origin, Totals};
use serde_json::{Value, json};
use std::ops::Add;

/// How a statement is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people, on a terminal.
    Table,
    /// For programs.
    Json,
    /// For programs: comma, decimal point, ISO dates.
    Csv,
    /// For Italian Excel: semicolon, decimal comma, byte order mark.
    CsvIt,
    /// Workbook with formulas.
    Xlsx,
    /// Page for print.
    Html,
}

impl Format {
    /// What is written into a folder when no format is asked for.
    const FILES: [Format; 5] = [Format::Json, Format::Csv, Format::CsvIt, Format::Xlsx, Format::Html];

    /// What is written into a folder for a format that was asked for: `csv` is both dialects.
    pub(super) fn files(asked: Option<Format>) -> Vec<Format> {
        match asked {
            None => Self::FILES.to_vec(),
            Some(Format::Csv) => vec![Format::Csv, Format::CsvIt],
            Some(format) => vec![format],
        }
    }

    pub(super) fn extension(self) -> &'static str {
        match self {
            Format::Table => "txt",
            Format::Json => "json",
            Format::Csv => "csv",
            Format::CsvIt => "excel.csv",
            Format::Xlsx => "xlsx",
            Format::Html => "html",
        }
    }
}

/// The documents of one tenant in `format`.
///
/// # Errors
/// The writer of the format refused.
pub(super) fn bytes(format: Format, documents: &[Document]) -> Result<Vec<u8>, DocumentError> {
    match format {
        Format::Table => Ok(text::documents(documents).into_bytes()),
        Format::Json => Ok(format!("{:#}\n", json(documents, None)).into_bytes()),
        Format::Csv => csv::machine(documents),
        Format::CsvIt => csv::for_excel(documents),
        Format::Xlsx => xlsx::workbook(documents),
        Format::Html => Ok(html::page(documents)?.into_bytes()),
    }
}

/// One year as itself, several as a list with the sum of their totals.
pub(super) fn json(documents: &[Document], explained: Option<Vec<Origin>>) -> Value {
    let mut value = match documents {
        [one] => json!(one),
        many => {
            let totals = many.iter().map(|document| document.statement.totals);
            let totals: Option<Totals> = totals.reduce(|sum, next| sum.combine(next, Amount::add));
            json!({
                "tenant": many.first().map(|document| &document.statement.tenant),
                "from": many.first().map(|document| document.statement.year),
                "to": many.last().map(|document| document.statement.year),
                "years": many,
                "totals": totals,
            })
        }
    };
    if let (Some(explained), Some(object)) = (explained, value.as_object_mut()) {
        object.insert("explain".to_owned(), json!(explained));
    }
    value
}
