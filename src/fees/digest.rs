//! The fingerprint of everything a statement depends on.

use super::assess::payer_word;
use crate::digest::sha256;
use crate::model::Inventory;
use crate::model::fees::{PayerRule, Schedule};
use crate::model::link::Site;
use crate::model::tenant::Tenant;
use serde_json::{Value, json};

/// Raised when the shape below changes, so that an old digest never equals a new one by accident.
const VERSION: u8 = 1;

/// SHA-256, hexadecimal, of the inputs of the statement of `tenant` for `year` as compact JSON.
pub(super) fn digest(inventory: &Inventory, tenant: &Tenant, year: i16) -> String {
    let fees = &inventory.fees;
    let inputs = json!({
        "version": VERSION,
        "year": year,
        "vat": {"rate": fees.vat.rate.normalize().to_string(), "scope": fees.vat.scope},
        "schedules": fees.schedules.iter().map(schedule).collect::<Vec<_>>(),
        "payers": fees.payers.iter().map(payer_rule).collect::<Vec<_>>(),
        "creditor": fees.creditor,
        "notes": fees.notes,
        "term_end": inventory.project.terms.term_end,
        "population_date": inventory.project.population_date,
        "tenant": tenant_inputs(inventory, tenant),
    });
    sha256(inputs.to_string().as_bytes())
}

fn schedule(schedule: &Schedule) -> Value {
    let band = |band: &crate::model::fees::Band| json!({"label": band.label, "upper": band.upper, "annual_net": band.annual_net});
    json!({
        "action": schedule.action,
        "basis": schedule.basis,
        "valid_from": schedule.valid_from,
        "requires_admission": schedule.requires_admission,
        "bands": schedule.bands.iter().map(band).collect::<Vec<_>>(),
    })
}

fn payer_rule(rule: &PayerRule) -> Value {
    json!({
        "item": rule.item,
        "from": rule.from,
        "until": rule.until,
        "under_5000": rule.under_5000,
        "payer": payer_word(rule.payer),
        "term_note": rule.term_note,
    })
}

fn tenant_inputs(inventory: &Inventory, tenant: &Tenant) -> Value {
    let actual = tenant.server_count.actual.as_ref();
    json!({
        "id": tenant.id,
        "admitted": tenant.action_2_2_2,
        "under_5000": tenant.under_5000,
        "population": tenant.population_at(inventory.project.population_date).map(|population| population.value),
        "assessed": tenant.server_count.assessed,
        "actual": actual.map(|actual| json!({"count": actual.count, "from": actual.from})),
        "links": tenant.sites.known().map(|sites| sites.iter().map(link).collect::<Vec<_>>()),
    })
}

fn link(site: &Site) -> Value {
    let link = &site.link;
    json!({
        "site": site.id,
        "one_off_net": link.one_off_net,
        "annual_net": link.annual_net,
        "ordered_on": link.ordered_on,
        "available_on": link.available_on,
        "accepted_on": link.accepted_on,
    })
}
