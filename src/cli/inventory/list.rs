//! `traghetto inventory list`: one line for each tenant.

use super::super::Context;
use super::super::table::Table;
use super::show::{NOT_KNOWN, admission, below, link_words, yes};
use crate::model::Inventory;
use crate::model::tenant::Tenant;
use jiff::civil::Date;
use serde_json::{Value, json};

pub(super) fn run(inventory: &Inventory, context: &Context) {
    let date = inventory.project.population_date;
    let mut tenants: Vec<&Tenant> = inventory.tenants.values().collect();
    tenants.sort_by_key(|tenant| tenant.number);
    if context.json {
        context.ui.json(&tenants.iter().map(|tenant| entry(tenant, date)).collect::<Vec<_>>());
        return;
    }
    let population = format!("Population {date}");
    let (small, admitted) = (below(inventory.project.small_below), admission(inventory));
    let mut table = Table::new(["No.", "Id", "Name", &population, &small, &admitted, "Servers", "Link"]);
    for tenant in tenants {
        table.row(row(tenant, date));
    }
    context.ui.data(&table.render());
}

fn row(tenant: &Tenant, date: Date) -> [String; 8] {
    let or_not_known = |value: Option<String>| value.unwrap_or_else(|| NOT_KNOWN.to_owned());
    let links = tenant.sites.known().map(|sites| sites.iter().map(|site| link_words(&site.link)).collect::<Vec<_>>());
    [
        tenant.number.to_string(),
        tenant.id.to_string(),
        tenant.name.clone(),
        or_not_known(tenant.population_at(date).map(|population| population.value.to_string())),
        yes(tenant.under_5000).to_owned(),
        yes(tenant.action_2_2_2).to_owned(),
        or_not_known(servers(tenant).map(|count| count.to_string())),
        or_not_known(links.map(|links| links.join("; "))),
    ]
}

/// The number of billable servers: found, else assessed.
fn servers(tenant: &Tenant) -> Option<u64> {
    let actual = tenant.server_count.actual.as_ref().map(|actual| actual.count);
    actual.or(tenant.server_count.assessed)
}

fn entry(tenant: &Tenant, date: Date) -> Value {
    let links = tenant.sites.known().map(|sites| sites.iter().map(|site| &site.link).collect::<Vec<_>>());
    json!({
        "number": tenant.number,
        "id": tenant.id,
        "name": tenant.name,
        "population": tenant.population_at(date),
        "under_5000": tenant.under_5000,
        "action_2_2_2": tenant.action_2_2_2,
        "server_count": tenant.server_count,
        "links": links,
    })
}
