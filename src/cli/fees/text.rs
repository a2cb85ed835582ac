//! Statements and portfolios as people read them on a terminal, in Italian.

use super::super::table::Table;
use crate::document::statement::words;
use crate::fees::{Amount, Charge, Document, Issue, Line, Origin, Portfolio, Row, Status, Totals};
use crate::model::calendar::italian;
use crate::model::fees::{Item, Payer};
use crate::model::money::grouped;
use std::fmt::Write as _;

const UNKNOWN: &str = "non noto";

/// The documents of one tenant, one year after the other, and over several years their sum.
pub(super) fn documents(documents: &[Document]) -> String {
    let mut text = documents.iter().map(document).collect::<Vec<_>>().join("\n");
    if documents.len() > 1 {
        text.push('\n');
        text.push_str(&budget(documents));
    }
    text
}

fn document(document: &Document) -> String {
    let statement = &document.statement;
    let heading = &statement.heading;
    let tax_code = heading.tax_code.as_deref().unwrap_or(UNKNOWN);
    let mut text = format!("{}, canoni {}\n", heading.name, statement.year);
    let _ = writeln!(text, "Codice fiscale {tax_code}, CUP {}", heading.cup);
    match &document.issued {
        Some(mark) => _ = writeln!(text, "Prot. n. {} del {}", mark.prot, italian(mark.date)),
        None => text.push_str("Bozza, non emessa\n"),
    }
    text.push('\n');
    let mut table = Table::new(["Voce", "Fascia", "N.", "In carico a", "Imponibile", "IVA", "Totale", "Stato"])
        .right(&[2, 4, 5, 6]);
    for line in &statement.lines {
        table.row(line_row(line, document, words::state(&line.charge)));
    }
    for payer in [Payer::Tenant, Payer::Lead] {
        let [net, vat, gross] = amount(statement.totals.of(payer));
        let payer = words::payer(Some(payer), heading).to_owned();
        table.row(["Totale".to_owned(), String::new(), String::new(), payer, net, vat, gross, String::new()]);
    }
    for line in &statement.undated {
        table.row(line_row(line, document, "anno non noto, non sommato"));
    }
    text.push_str(&table.render());
    text.push_str(&adjustment(document));
    text.push_str(&notes(document));
    text
}

fn line_row(line: &Line, document: &Document, state: &str) -> [String; 8] {
    let heading = &document.statement.heading;
    let starred =
        heading.actions.iter().any(|action| line.item == Item::Action(action.action.clone()) && action.note.is_some());
    let band = line.band.as_ref().map(|band| format!("{band}{}", if starred { " *" } else { "" }));
    let [net, vat, gross] = match &line.charge {
        Charge::Owed(known) => amount(Some(*known)),
        Charge::Unknown(_) => amount(None),
        Charge::Project | Charge::NotAdmitted | Charge::OutsideBands(_) => ["-", "-", "-"].map(str::to_owned),
    };
    let state = words::remark(line).map_or(state.to_owned(), |remark| format!("{state}: {remark}"));
    [
        words::item(line, heading),
        band.unwrap_or_else(|| "-".to_owned()),
        line.basis.as_ref().map_or("-".to_owned(), |basis| grouped(basis.value)),
        words::payer(line.payer, heading).to_owned(),
        net,
        vat,
        gross,
        state,
    ]
}

fn amount(amount: Option<Amount>) -> [String; 3] {
    match amount {
        Some(amount) => [amount.net, amount.vat, amount.gross].map(|euro| euro.italian()),
        None => [UNKNOWN; 3].map(str::to_owned),
    }
}

fn adjustment(document: &Document) -> String {
    let Some(adjustment) = &document.adjustment else { return String::new() };
    let table = differences(&adjustment.difference, document);
    format!("\nConguaglio: i dati sono cambiati dopo l'emissione\n{table}")
}

fn differences(difference: &Totals, document: &Document) -> String {
    let mut table = Table::new(["In carico a", "Imponibile", "IVA", "Totale"]).right(&[1, 2, 3]);
    for payer in [Payer::Tenant, Payer::Lead] {
        let [net, vat, gross] = amount(difference.of(payer));
        table.row([words::payer(Some(payer), &document.statement.heading).to_owned(), net, vat, gross]);
    }
    table.render()
}

fn notes(document: &Document) -> String {
    let mut text = String::from("\n");
    for note in document.statement.heading.actions.iter().filter_map(|action| action.note.as_ref()) {
        let _ = writeln!(text, "* {note}");
    }
    for (number, note) in (1..).zip(&document.statement.notes) {
        let _ = writeln!(text, "{number}. {note}");
    }
    text
}

fn budget(documents: &[Document]) -> String {
    let mut text = "Impegno di spesa per anno, IVA inclusa\n".to_owned();
    let mut table = Table::new(["Anno", "In carico a", "Totale"]).right(&[2]);
    let Some(first) = documents.first() else { return String::new() };
    for payer in [Payer::Tenant, Payer::Lead] {
        let word = words::payer(Some(payer), &first.statement.heading);
        let mut sum = Some(Amount::default());
        for document in documents {
            let total = document.statement.totals.of(payer);
            sum = sum.zip(total).map(|(sum, total)| sum + total);
            let [.., gross] = amount(total);
            table.row([document.statement.year.to_string(), word.to_owned(), gross]);
        }
        let [.., gross] = amount(sum);
        table.row(["Totale".to_owned(), word.to_owned(), gross]);
    }
    text.push_str(&table.render());
    text
}

/// Where every figure comes from.
pub(super) fn origins(origins: &[Origin]) -> String {
    let mut table = Table::new(["Anno", "Voce", "Dato", "Valore", "File", "Chiave", "Fonte"]);
    for origin in origins {
        let Origin { year, item, figure, value, file, key, document } = origin;
        table.row([&year.to_string(), &item.to_string(), *figure, value, file, key, document].map(str::to_owned));
    }
    format!("\nProvenienza dei dati\n{}", table.render())
}

/// A portfolio: a row for each tenant, the sum of the computed ones.
pub(super) fn portfolio(portfolio: &Portfolio, lead: &str) -> String {
    let mut text = format!("Canoni {}\n\n", portfolio.year);
    let lead_total = format!("Totale {lead}");
    let mut table = Table::new(["Ente", "Imponibile", "IVA", "Totale ente", &lead_total, "Stato", "Dettaglio"])
        .right(&[1, 2, 3, 4]);
    for row in &portfolio.rows {
        table.row(portfolio_row(&row.name, row.totals, status(row.status), &details(row)));
    }
    table.row(portfolio_row(&sum_label(portfolio), portfolio.totals, "", ""));
    text.push_str(&table.render());
    text
}

fn portfolio_row(name: &str, totals: Totals, state: &str, details: &str) -> [String; 7] {
    let [net, vat, gross] = amount(totals.tenant);
    let [.., lead] = amount(totals.lead);
    [name.to_owned(), net, vat, gross, lead, state.to_owned(), details.to_owned()]
}

/// `totale (21 enti)`, or how many of them are in it.
pub(super) fn sum_label(portfolio: &Portfolio) -> String {
    let enti = |count| if count == 1 { "ente" } else { "enti" };
    let Portfolio { computed, tenants, .. } = portfolio;
    if portfolio.is_complete() {
        format!("totale ({tenants} {})", enti(*tenants))
    } else {
        format!("totale parziale ({computed} {} su {tenants})", enti(*computed))
    }
}

/// The state of a tenant, in Italian.
pub(super) fn status(status: Status) -> &'static str {
    match status {
        Status::Computed | Status::Project => "calcolato",
        Status::NotAdmitted => "non ammesso",
        Status::Unknown => UNKNOWN,
        Status::OutsideBands => "fascia non prevista",
    }
}

/// Line by line what is not a plain amount, worst first.
fn details(row: &Row) -> String {
    row.remarkable().into_iter().map(detail).collect::<Vec<_>>().join("; ")
}

/// What a line is when it is no plain amount: `2.2.1 non noto (numero di server)`.
pub(super) fn detail(line: &Line) -> String {
    let state = words::state(&line.charge);
    let remark = words::remark(line).map_or(String::new(), |remark| format!(" ({remark})"));
    format!("{} {state}{remark}", short(&line.item))
}

/// What was frozen, and what it changes in respect of the issue before.
pub(super) fn issue(issue: &Issue, document: &Document) -> String {
    let mut text = documents(std::slice::from_ref(document));
    let (Some(before), Some(difference)) = (&issue.follows, &issue.adjustment) else { return text };
    let _ = writeln!(text, "\nConguaglio rispetto al Prot. n. {} del {}", before.prot, italian(before.date));
    text.push_str(&differences(difference, document));
    text
}

fn short(item: &Item) -> &str {
    match item {
        Item::Action(id) => id,
        Item::LinkAnnual => "connettività",
        Item::LinkOneOff => "una tantum",
        Item::Rounding => "arrotondamento",
    }
}
