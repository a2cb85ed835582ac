//! Statements as a workbook: one sheet a year, totals as formulas with their values beside them.

use super::{DocumentError, words};
use crate::document::cell;
use crate::fees::{Amount, Document, Line};
use crate::model::Euro;
use crate::model::calendar::italian;
use crate::model::fees::Payer;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Formula, Workbook, Worksheet};

const COLUMNS: [(&str, f64); 9] = [
    ("Voce", 34.0),
    ("Sede", 30.0),
    ("Fascia", 12.0),
    ("N.", 9.0),
    ("In carico a", 12.0),
    ("Imponibile", 15.0),
    ("IVA", 15.0),
    ("Totale", 15.0),
    ("Stato", 26.0),
];
const PAYER: u16 = 4;
const NET: u16 = 5;
const STATE: u16 = 8;
const PAYERS: [Payer; 2] = [Payer::Tenant, Payer::Lead];

struct Styles {
    title: Format,
    head: Format,
    text: Format,
    euro: Format,
    total: Format,
    total_text: Format,
    note: Format,
}

impl Styles {
    fn new() -> Self {
        let euro = Format::new().set_num_format("#,##0.00\\ \"€\"").set_border(FormatBorder::Hair);
        let text = Format::new().set_border(FormatBorder::Hair).set_text_wrap().set_align(FormatAlign::Top);
        Self {
            title: Format::new().set_bold().set_font_size(14),
            head: Format::new().set_bold().set_border(FormatBorder::Thin).set_background_color(0x00E8_EDF2),
            total: euro.clone().set_bold(),
            total_text: text.clone().set_bold(),
            note: Format::new().set_text_wrap().set_align(FormatAlign::Top),
            euro,
            text,
        }
    }
}

/// The workbook of one tenant: a sheet for each of its `documents`, over several years a summary,
/// and the notes.
///
/// # Errors
/// The writer refused.
pub fn workbook(documents: &[Document]) -> Result<Vec<u8>, DocumentError> {
    let mut book = Workbook::new();
    book.set_properties(&properties(documents)?);
    let styles = Styles::new();
    let mut summary = Vec::new();
    for document in documents {
        let sheet = book.add_worksheet();
        sheet.set_name(sheet_name(document))?;
        summary.push((document, year_sheet(sheet, document, &styles)?));
    }
    if documents.len() > 1 {
        let sheet = book.add_worksheet();
        sheet.set_name("Riepilogo")?;
        summary_sheet(sheet, &summary, &styles)?;
    }
    let sheet = book.add_worksheet();
    sheet.set_name("Note")?;
    notes_sheet(sheet, documents, &styles)?;
    Ok(book.save_to_buffer()?)
}

fn sheet_name(document: &Document) -> String {
    format!("Canoni {}", document.statement.year)
}

/// Creation is the first day of the first year, so that the same figures give the same file.
fn properties(documents: &[Document]) -> Result<DocProperties, DocumentError> {
    let first = documents.first();
    let year = first.map_or(2000, |document| u16::try_from(document.statement.year).unwrap_or(2000));
    let name = first.map_or("", |document| &document.statement.heading.name);
    let created = ExcelDateTime::from_ymd(year.max(1900), 1, 1)?;
    Ok(DocProperties::new().set_title(format!("Prospetto canoni, {name}")).set_creation_datetime(&created))
}

/// Rows (from 0) of the payers' totals, in the order of [`PAYERS`]; none is not known.
type TotalRows = [Option<u32>; 2];

fn year_sheet(sheet: &mut Worksheet, document: &Document, styles: &Styles) -> Result<TotalRows, DocumentError> {
    for (column, (_, width)) in (0..).zip(COLUMNS) {
        sheet.set_column_width(column, width)?;
    }
    sheet.set_landscape().set_paper_size(9).set_print_fit_to_pages(1, 0);
    let head = heading(sheet, document, styles)?;
    for (column, (name, _)) in (0..).zip(COLUMNS) {
        sheet.write_with_format(head, column, name, &styles.head)?;
    }
    let first = head + 1;
    let mut row = first;
    for line in &document.statement.lines {
        write_line(sheet, row, document, line, words::state(&line.charge), styles)?;
        row += 1;
    }
    let last = row.saturating_sub(1).max(first);
    row += 1;
    let mut totals = [None; 2];
    for (slot, payer) in totals.iter_mut().zip(PAYERS) {
        *slot = write_total(sheet, row, (first, last), document, payer, styles)?;
        row += 1;
    }
    row = write_undated(sheet, row + 1, document, styles)?;
    write_adjustment(sheet, row + 1, document, styles)?;
    sheet.set_freeze_panes(first, 0)?;
    Ok(totals)
}

/// Title and codes; gives the row of the table's head.
fn heading(sheet: &mut Worksheet, document: &Document, styles: &Styles) -> Result<u32, DocumentError> {
    let heading = &document.statement.heading;
    let title = format!("Prospetto dei canoni, anno {}", document.statement.year);
    sheet.write_with_format(0, 0, title, &styles.title)?;
    let issued = document.issued.as_ref();
    let protocol = issued.map_or(String::new(), |mark| format!("{} del {}", mark.prot, italian(mark.date)));
    let facts = [
        ("Ente", heading.name.as_str()),
        ("Codice fiscale", heading.tax_code.as_deref().unwrap_or("non noto")),
        ("CUP", &heading.cup),
        ("Prot.", &protocol),
    ];
    for (row, (label, value)) in (1..).zip(facts) {
        sheet.write(row, 0, label)?;
        sheet.write(row, 1, cell::text(value))?;
    }
    Ok(6)
}

fn write_line(
    sheet: &mut Worksheet,
    row: u32,
    document: &Document,
    line: &Line,
    state: &str,
    styles: &Styles,
) -> Result<(), DocumentError> {
    let heading = &document.statement.heading;
    let site = line.site.as_ref().map_or("", |site| &site.address);
    let texts = [&words::item(line, heading), site, line.band.as_deref().unwrap_or_default()];
    for (column, text) in (0..).zip(texts) {
        sheet.write_with_format(row, column, cell::text(text), &styles.text)?;
    }
    match &line.basis {
        Some(basis) => sheet.write_with_format(row, 3, count_cell(basis.value), &styles.text)?,
        None => sheet.write_blank(row, 3, &styles.text)?,
    };
    sheet.write_with_format(row, PAYER, cell::text(words::payer(line.payer, heading)), &styles.text)?;
    match line.amount() {
        Some(amount) => write_amount(sheet, row, amount, &styles.euro)?,
        None => {
            for column in NET..STATE {
                sheet.write_blank(row, column, &styles.text)?;
            }
        }
    }
    let state = words::remark(line).map_or(state.to_owned(), |remark| format!("{state}: {remark}"));
    sheet.write_with_format(row, STATE, cell::text(&state), &styles.text)?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn count_cell(count: u64) -> f64 {
    count as f64
}

/// The nearest double of an amount: exact in print, since cents have two decimals.
#[expect(clippy::cast_precision_loss, reason = "amounts are far below 2^53 cents")]
fn euro_cell(amount: Euro) -> f64 {
    amount.cents() as f64 / 100.0
}

fn write_amount(sheet: &mut Worksheet, row: u32, amount: Amount, format: &Format) -> Result<(), DocumentError> {
    for (column, euro) in (NET..).zip([amount.net, amount.vat, amount.gross]) {
        sheet.write_with_format(row, column, euro_cell(euro), format)?;
    }
    Ok(())
}

/// The total of a payer: a formula over its lines, and the value that it has.
fn write_total(
    sheet: &mut Worksheet,
    row: u32,
    (first, last): (u32, u32),
    document: &Document,
    payer: Payer,
    styles: &Styles,
) -> Result<Option<u32>, DocumentError> {
    let statement = &document.statement;
    sheet.write_with_format(row, 0, "Totale", &styles.total_text)?;
    sheet.write_with_format(
        row,
        PAYER,
        cell::text(words::payer(Some(payer), &statement.heading)),
        &styles.total_text,
    )?;
    let Some(total) = statement.totals.of(payer) else {
        sheet.write_with_format(row, NET, "non noto", &styles.total_text)?;
        return Ok(None);
    };
    // Rows of formulas count from 1.
    let (from, to, own) = (first + 1, last + 1, row + 1);
    for (column, (letter, euro)) in (NET..).zip([("F", total.net), ("G", total.vat), ("H", total.gross)]) {
        let sum = format!("=ROUND(SUMIF($E${from}:$E${to},$E{own},{letter}${from}:{letter}${to}),2)");
        sheet.write_formula_with_format(row, column, Formula::new(sum).set_result(euro.to_string()), &styles.total)?;
    }
    Ok(Some(row))
}

/// Lines without a year, below the totals and outside their formulas; gives the next free row.
fn write_undated(
    sheet: &mut Worksheet,
    mut row: u32,
    document: &Document,
    styles: &Styles,
) -> Result<u32, DocumentError> {
    if document.statement.undated.is_empty() {
        return Ok(row);
    }
    sheet.write(row, 0, "Anno non noto: esposto e non sommato")?;
    for line in &document.statement.undated {
        row += 1;
        write_line(sheet, row, document, line, "anno non noto", styles)?;
    }
    Ok(row + 1)
}

/// What is owed beyond the issued document, if the inputs changed since.
fn write_adjustment(
    sheet: &mut Worksheet,
    mut row: u32,
    document: &Document,
    styles: &Styles,
) -> Result<(), DocumentError> {
    let Some(adjustment) = &document.adjustment else { return Ok(()) };
    sheet.write(row, 0, "I dati sono cambiati dopo l'emissione")?;
    for payer in PAYERS {
        row += 1;
        let label = cell::text(words::payer(Some(payer), &document.statement.heading));
        sheet.write_with_format(row, 0, "Conguaglio", &styles.total_text)?;
        sheet.write_with_format(row, PAYER, label, &styles.total_text)?;
        match adjustment.difference.of(payer) {
            Some(difference) => write_amount(sheet, row, difference, &styles.total)?,
            None => _ = sheet.write_with_format(row, NET, "non noto", &styles.total_text)?,
        }
    }
    Ok(())
}

/// A column for each year, a row for each payer, formulas into the sheets of the years.
fn summary_sheet(
    sheet: &mut Worksheet,
    years: &[(&Document, TotalRows)],
    styles: &Styles,
) -> Result<(), DocumentError> {
    sheet.write_with_format(0, 0, "Impegno di spesa per anno, IVA inclusa", &styles.title)?;
    sheet.set_column_width(0, 34.0)?.write_with_format(2, 0, "In carico a", &styles.head)?;
    let headings = years.iter().map(|(document, _)| document.statement.year.to_string());
    for (column, heading) in (1..).zip(headings.chain(["Totale".to_owned()])) {
        sheet.set_column_width(column, 15.0)?.write_with_format(2, column, heading, &styles.head)?;
    }
    for (index, (row, payer)) in (3..).zip(PAYERS).enumerate() {
        let gross = |(document, rows): &(&Document, TotalRows)| {
            let total = document.statement.totals.of(payer)?;
            Some((format!("='{}'!H{}", sheet_name(document), rows[index]? + 1), total.gross))
        };
        if let Some((document, _)) = years.first() {
            let label = cell::text(words::payer(Some(payer), &document.statement.heading));
            sheet.write_with_format(row, 0, label, &styles.text)?;
        }
        summary_row(sheet, row, &years.iter().map(gross).collect::<Vec<_>>(), styles)?;
    }
    Ok(())
}

/// Formulas with their values, year by year, and their sum; none is not known.
fn summary_row(
    sheet: &mut Worksheet,
    row: u32,
    years: &[Option<(String, Euro)>],
    styles: &Styles,
) -> Result<(), DocumentError> {
    let mut column = 1;
    for year in years {
        formula_cell(sheet, (row, column), year.clone(), &styles.euro, &styles.text)?;
        column += 1;
    }
    let last = rust_xlsxwriter::utility::row_col_to_cell(row, column - 1);
    let sum: Option<Euro> = years.iter().map(|year| year.as_ref().map(|(_, gross)| *gross)).sum();
    let sum = sum.map(|sum| (format!("=ROUND(SUM(B{}:{last}),2)", row + 1), sum));
    formula_cell(sheet, (row, column), sum, &styles.total, &styles.total_text)
}

fn formula_cell(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    value: Option<(String, Euro)>,
    format: &Format,
    text: &Format,
) -> Result<(), DocumentError> {
    match value {
        Some((formula, euro)) => {
            let formula = Formula::new(formula).set_result(euro.to_string());
            sheet.write_formula_with_format(row, column, formula, format)?
        }
        None => sheet.write_with_format(row, column, "non noto", text)?,
    };
    Ok(())
}

fn notes_sheet(sheet: &mut Worksheet, documents: &[Document], styles: &Styles) -> Result<(), DocumentError> {
    sheet.set_column_width(0, 110.0)?;
    let starred = documents.iter().flat_map(|document| &document.statement.heading.actions);
    let starred = starred.filter_map(|action| Some(format!("* {}: {}", action.action, action.note.as_ref()?)));
    let mut notes: Vec<String> = Vec::new();
    for note in starred.chain(documents.iter().flat_map(|document| document.statement.notes.iter().cloned())) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    for (row, note) in (0..).zip(&notes) {
        sheet.write_with_format(row, 0, cell::text(note), &styles.note)?;
    }
    Ok(())
}
