//! The notes under a statement: every reading of what the source document leaves open, in Italian.

use super::line::{Count, Line};
use crate::model::Inventory;
use crate::model::calendar::italian;
use crate::model::fees::{Item, Vat, VatScope};
use crate::model::money::grouped;
use crate::model::tenant::Tenant;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// The notes of a statement, in the order in which they are printed.
pub(super) fn notes(
    inventory: &Inventory,
    tenant: &Tenant,
    year: i16,
    lines: &[Line],
    undated: &[Line],
) -> Vec<String> {
    let mut notes = vec![vat_note(&inventory.fees.vat), year_note()];
    notes.extend(population_note(lines));
    notes.extend(count_note(tenant, year, lines));
    notes.extend(billable_note(tenant));
    notes.extend(payer_note(inventory, tenant, year));
    notes.extend(term_note(inventory, lines));
    notes.extend(undated_note(undated));
    notes.push(creditor_note(inventory.fees.creditor.as_deref()));
    notes.extend(inventory.fees.notes.iter().cloned());
    notes
}

fn vat_note(vat: &Vat) -> String {
    let scope = match vat.scope {
        VatScope::Document => "una volta per soggetto pagante, documento e aliquota",
        VatScope::Line => "per singola voce",
    };
    let percent = percent(vat.rate);
    format!(
        "IVA {percent}%, aliquota ricavata dagli importi stampati: calcolata {scope}, arrotondata al centesimo (metà per eccesso)."
    )
}

fn year_note() -> String {
    "Anni interi, senza ratei né indicizzazione, non previsti dal documento: la situazione al 1° gennaio vale per tutto l'anno.".to_owned()
}

/// Which population decided, where one did.
fn population_note(lines: &[Line]) -> Option<String> {
    let basis = lines.iter().filter_map(|line| line.basis.as_ref()).find(|basis| basis.count.is_none())?;
    Some(format!("Popolazione al {} ({}): {}.", italian(basis.date?), basis.source, grouped(basis.value)))
}

/// The starred adjustment, where an actual count exists; what a year does with a change inside it.
fn count_note(tenant: &Tenant, year: i16, lines: &[Line]) -> Option<String> {
    let used = lines.iter().filter_map(|line| line.basis.as_ref()).find_map(|basis| basis.count)?;
    let Some(actual) = &tenant.server_count.actual else {
        return Some("Numero di server come da assessment; il numero effettivo non è ancora noto.".to_owned());
    };
    let (from, count) = (italian(actual.from), actual.count);
    Some(match used {
        Count::Actual => format!("Numero di server effettivo ({count}), con effetto dal {from}."),
        Count::Assessed if actual.from.year() == year => format!(
            "Il numero effettivo di server ({count}) ha effetto dal {from}, dentro l'anno: non essendo previsti ratei, \
             il {year} resta calcolato sul numero di assessment e l'adeguamento decorre dal {}.",
            year + 1
        ),
        Count::Assessed => {
            format!("Numero di server come da assessment; il numero effettivo ({count}) ha effetto dal {from}.")
        }
    })
}

/// Says so where the listed machines are not as many as the assessed ones.
fn billable_note(tenant: &Tenant) -> Option<String> {
    let listed = tenant.servers.known()?.iter().filter(|server| server.billable).count();
    let assessed = tenant.server_count.assessed?;
    let differs = u64::try_from(listed).is_ok_and(|listed| listed != assessed);
    differs.then(|| {
        format!(
            "L'inventario elenca {listed} server conteggiabili, l'assessment {assessed}: l'importo segue l'assessment."
        )
    })
}

/// Says so where a payer changes inside the year.
fn payer_note(inventory: &Inventory, tenant: &Tenant, year: i16) -> Option<String> {
    let inside = |date: Date| date.year() == year && date > date.first_of_year();
    let mut rules =
        inventory.fees.payers.iter().filter(|rule| {
            rule.item != Item::LinkOneOff && rule.under_5000.is_none_or(|flag| flag == tenant.under_5000)
        });
    let day = rules.find_map(|rule| rule.from.filter(|from| inside(*from)))?;
    Some(format!(
        "Il soggetto pagante cambia dal {}: non essendo previsti ratei, il cambio decorre dall'anno successivo.",
        italian(day)
    ))
}

fn term_note(inventory: &Inventory, lines: &[Line]) -> Option<String> {
    let note = lines.iter().filter_map(|line| line.period.as_ref()).find_map(|period| period.note.as_ref())?;
    Some(format!("Connettività in carico a {}: {note}.", inventory.project.lead.short))
}

fn undated_note(undated: &[Line]) -> Option<String> {
    let known = undated.first()?.amount().is_some();
    let text = if known {
        "anno dell'ordine non noto; importo esposto e non sommato"
    } else {
        "importo e anno dell'ordine non noti"
    };
    Some(format!("Una tantum della connettività: {text}."))
}

fn creditor_note(creditor: Option<&str>) -> String {
    match creditor {
        Some(name) => format!("Soggetto che emette la fattura: {name}."),
        None => "Soggetto che emette la fattura, CIG e regime IVA (scissione dei pagamenti): non noti.".to_owned(),
    }
}

/// A rate as an Italian percentage: `22`, `5,5`.
pub(super) fn percent(rate: Decimal) -> String {
    let hundred = rate.checked_mul(Decimal::ONE_HUNDRED).unwrap_or(rate);
    hundred.normalize().to_string().replace('.', ",")
}
