//! `inventory/tenants/*.yaml`: one tenant.

use super::codes;
use super::form::scalars::{date, flag, id, month_day, text, text_like, whole, word};
use super::form::{Fields, Form, list, nonempty_list, or_unknown, record, scalars};
use super::problem::Complaint;
use super::{access, server, site, window};
use crate::model::tenant::{ActualCount, Clients, Codes, Population, Saas, ServerCount, Tenant, TenantKind};
use crate::model::{Known, LandingId, TenantId};
use std::collections::BTreeSet;

const KINDS: &[(&str, TenantKind)] = &[("municipality", TenantKind::Municipality), ("union", TenantKind::Union)];

/// The form of `tenants/<id>.yaml`.
pub fn form() -> impl Form<Value = Tenant> {
    record("One tenant (ente).", file)
}

fn file(fields: &mut Fields<'_>) -> Option<Tenant> {
    let about = fields.required("tenant", "Who it is.", record("Who it is.", about));
    let count = "Number of billable servers, as assessed in the project document and as found.";
    let server_count = fields.required("server_count", count, record(count, server_count));
    let servers = "The servers, or `unknown`.";
    let servers = fields.required("servers", servers, or_unknown(list(server::form())));
    let sites = "The sites with their links, or `unknown`.";
    let sites = fields.required("sites", sites, or_unknown(nonempty_list(site::form())));
    let probe =
        "How the probe machine is reached that has a card in its isolated test network: it asks the test copies.";
    let test_probe = fields.optional("test_probe", probe, access::form());
    let agreed = "The hours in which its servers may move (default: any hour).";
    let windows = fields.or("windows", agreed, nonempty_list(window::form()), Vec::new());
    let (servers, sites, windows) = (servers?, sites?, windows?);
    server::check_together(fields, servers.as_deref().unwrap_or_default());
    site::check_together(fields, sites.as_deref().unwrap_or_default());
    window::check_together(fields, &windows, servers.as_deref().unwrap_or_default());
    let (server_count, test_probe) = (server_count?, test_probe?);
    Some(Tenant { server_count, servers: known(servers), sites: known(sites), test_probe, windows, ..about? })
}

fn known<T>(value: Option<T>) -> Known<T> {
    value.map_or(Known::Unknown, Known::Known)
}

/// The block `tenant`; what the other blocks say is left empty.
fn about(fields: &mut Fields<'_>) -> Option<Tenant> {
    let id = fields.required("id", "Id: the name of the file.", id::<TenantId>());
    let number = "Our number for it, from which addresses and VLANs are derived; never reused.";
    let number = fields.required(
        "number",
        number,
        whole(u64::from(*Tenant::NUMBERS.start())..=u64::from(*Tenant::NUMBERS.end())),
    );
    let name = fields.required("name", "Full name, as printed on documents.", text());
    let short = fields.required("short", "Short upper-case name for VRFs and routes, such as `CINTO`.", short());
    let kind = fields.required("kind", "Municipality or union of them.", word(KINDS));
    let registers = "Codes by which administrations recognise it.";
    let codes = fields.or("codes", registers, record(registers, codes), Codes::default());
    let counted = "Populations with date and source; the one of `population_date` decides the band.";
    let populations = fields.required("populations", counted, nonempty_list(record("A count.", population)));
    let action_2_2_2 = fields.required("action_2_2_2", "Whether it is admitted to Action 2.2.2.", flag());
    let under_5000 = fields.required("under_5000", "The flag `< 5.000` as the document prints it.", flag());
    let patron = "Day of the patron saint, month-day, where it is a fixed date.";
    let patron_day = fields.maybe("patron_day", patron, month_day());
    let lands = "Where it lands: an id of the project's `landing_sites` (default: the project's `landing`).";
    let landing_site = fields.optional("landing_site", lands, scalars::id::<LandingId>());
    let clients = fields.maybe("clients", "Size of the office.", record("Size of the office.", clients));
    let outside = "Services used over the Internet, which stay outside.";
    let saas = fields.or("saas", outside, list(record("A service.", saas)), Vec::new());
    let populations = populations?;
    check_populations(fields, &populations);
    Some(Tenant {
        id: id?,
        number: number?,
        name: name?,
        short: short?,
        kind: kind?,
        codes: codes?,
        populations,
        action_2_2_2: action_2_2_2?,
        under_5000: under_5000?,
        landing_site: landing_site?,
        server_count: ServerCount::default(),
        clients: clients?,
        saas: saas?,
        servers: Known::Unknown,
        sites: Known::Unknown,
        patron_day: patron_day?,
        test_probe: None,
        windows: Vec::new(),
    })
}

fn short() -> impl Form<Value = String> {
    // A VRF name of IOS has at most 32 characters; room is left for what is put around it.
    text_like("^[A-Z][A-Z0-9-]{0,19}$", "CINTO", "a short name (at most 20 capital letters, digits, `-`)", |text| {
        text.len() <= 20
            && text.starts_with(|first: char| first.is_ascii_uppercase())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
    })
}

fn codes(fields: &mut Fields<'_>) -> Option<Codes> {
    let istat = fields.maybe("istat", "ISTAT code, 6 digits.", codes::istat());
    let cadastral = fields.maybe("cadastral", "Cadastral code (Belfiore).", codes::cadastral());
    let ipa = fields.maybe("ipa", "Code in the index of public administrations.", codes::ipa());
    let tax_code = fields.maybe("tax_code", "Codice fiscale, 11 digits.", codes::tax_code());
    let pec = fields.maybe("pec", "Certified mail address.", codes::mail());
    let website = fields.maybe("website", "Web site.", codes::url());
    let cap = fields.maybe("cap", "Postal code, or a range of them.", codes::cap());
    Some(Codes {
        istat: istat?,
        cadastral: cadastral?,
        ipa: ipa?,
        tax_code: tax_code?,
        pec: pec?,
        website: website?,
        cap: cap?,
    })
}

fn population(fields: &mut Fields<'_>) -> Option<Population> {
    let value = fields.required("value", "Inhabitants.", whole(1..=10_000_000));
    let date = fields.required("date", "Reference date.", date());
    let source = fields.required("source", "Who counted.", text());
    Some(Population { value: value?, date: date?, source: source? })
}

fn clients(fields: &mut Fields<'_>) -> Option<Clients> {
    let pcs = fields.required("pcs", "Personal computers.", whole(0..=100_000));
    let users = fields.required("users", "Users.", whole(0..=100_000));
    Some(Clients { pcs: pcs?, users: users? })
}

fn saas(fields: &mut Fields<'_>) -> Option<Saas> {
    let name = fields.required("name", "Product name as printed.", text());
    let kind = fields.required("kind", "What it is for.", text());
    let probe = fields.maybe("probe", "A web address whose reachability is probed.", codes::url());
    Some(Saas { name: name?, kind: kind?, probe: probe? })
}

fn server_count(fields: &mut Fields<'_>) -> Option<ServerCount> {
    let assessed = fields.required("assessed", "Count of the project document.", or_unknown(whole(0..=10_000)));
    let found = "Count found during implementation (the starred note of the schedule).";
    let actual = fields.maybe("actual", found, record(found, actual));
    Some(ServerCount { assessed: assessed?, actual: actual? })
}

fn actual(fields: &mut Fields<'_>) -> Option<ActualCount> {
    let count = fields.required("count", "Number of billable servers.", whole(0..=10_000));
    let from = fields.required("from", "First day on which the fee follows it.", date());
    Some(ActualCount { count: count?, from: from? })
}

fn check_populations(fields: &mut Fields<'_>, populations: &[Population]) {
    let mut seen = BTreeSet::new();
    for (index, population) in populations.iter().enumerate() {
        if !seen.insert(population.date) {
            let complaint = Complaint::new(format!("there are two populations of {}", population.date));
            fields.refuse(&format!("populations[{index}].date"), complaint.hint("keep the one that decides"));
        }
    }
}
