//! Statements as values: the golden figures of Cinto, bands, payers, counts, years, unknowns.

use crate::support::{golden, project};
use jiff::civil::date;
use traghetto::fees::{self, Charge, Count, Document, FeeError, Issue, Mark, Missing, Statement, Status};
use traghetto::model::fees::{Item, Payer, VatScope};
use traghetto::model::tenant::{ActualCount, Tenant};
use traghetto::model::{Euro, Inventory, Known};

fn inventory() -> Inventory {
    traghetto::inventory::load(&project()).unwrap()
}

fn tenant(id: &str) -> impl Fn(&mut Inventory) -> &mut Tenant {
    let id = id.parse().unwrap();
    move |inventory| inventory.tenants.get_mut(&id).unwrap()
}

/// Cinto's statement of `year` after `change`.
fn cinto(year: i16, change: impl Fn(&mut Inventory, &mut Tenant)) -> Result<Statement, FeeError> {
    let mut inventory = inventory();
    let mut own = tenant("cinto-caomaggiore")(&mut inventory).clone();
    change(&mut inventory, &mut own);
    fees::statement(&inventory, &own, year)
}

fn plain(year: i16) -> Statement {
    cinto(year, |_, _| {}).unwrap()
}

fn of(id: &str, year: i16) -> Result<Statement, FeeError> {
    let mut inventory = inventory();
    let own = tenant(id)(&mut inventory).clone();
    fees::statement(&inventory, &own, year)
}

fn line<'a>(statement: &'a Statement, item: &str) -> &'a fees::Line {
    statement.lines.iter().find(|line| line.item.to_string() == item).unwrap()
}

fn totals(statement: &Statement) -> serde_json::Value {
    serde_json::to_value(statement.totals).unwrap()
}

#[test]
fn cinto_2023_is_the_contract() {
    let json = serde_json::to_value(plain(2023)).unwrap();
    let contract: serde_json::Value = serde_json::from_str(
        r#"{"tenant":"cinto-caomaggiore","year":2023,"lines":[
        {"item":"2.2.1","band":"Fino a 5","basis":3,"payer":"tenant","net":"2411.11","vat":"530.44","gross":"2941.55"},
        {"item":"2.2.2","band":"< 5.000","basis":3181,"payer":"tenant","net":"1742.59","vat":"383.37","gross":"2125.96"},
        {"item":"link_annual","payer":"lead","net":"5994.00","vat":"1318.68","gross":"7312.68"}],
        "totals":{"tenant":{"net":"4153.70","vat":"913.81","gross":"5067.51"},
        "lead":{"net":"5994.00","vat":"1318.68","gross":"7312.68"}}}"#,
    )
    .unwrap();
    assert_eq!(json["totals"], contract["totals"]);
    let (found, wanted) = (json["lines"].as_array().unwrap(), contract["lines"].as_array().unwrap());
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        let keys: Vec<&String> = wanted.as_object().unwrap().keys().collect();
        let first: Vec<&String> = found.as_object().unwrap().keys().take(keys.len()).collect();
        assert_eq!(first, keys, "the contract's keys come first, in its order");
        for key in keys {
            assert_eq!(found[key], wanted[key], "{key}");
        }
    }
    golden("fees/cinto-2023.json", &(serde_json::to_string_pretty(&plain(2023)).unwrap() + "\n"));
}

#[test]
fn in_2022_the_project_pays_the_fees_and_the_lead_the_link() {
    let statement = plain(2022);
    assert_eq!(line(&statement, "2.2.1").charge, Charge::Project);
    assert_eq!(line(&statement, "2.2.2").charge, Charge::Project);
    assert_eq!(line(&statement, "link_annual").payer, Some(Payer::Lead));
    let totals = totals(&statement);
    assert_eq!(totals["tenant"]["gross"], "0.00");
    assert_eq!(totals["lead"]["gross"], "7312.68");
    golden("fees/cinto-2022.json", &(serde_json::to_string_pretty(&statement).unwrap() + "\n"));
}

#[test]
fn the_una_tantum_is_in_the_year_of_its_order() {
    let undated = plain(2023);
    assert_eq!(undated.undated.len(), 1);
    assert_eq!(undated.undated[0].amount().unwrap().gross.to_string(), "6100.00");
    let ordered = |year| {
        cinto(year, |_, own| {
            let Known::Known(sites) = &mut own.sites else { panic!() };
            sites[0].link.ordered_on = Some(date(2022, 3, 1));
        })
        .unwrap()
    };
    assert_eq!(totals(&ordered(2022))["lead"]["gross"], "13412.68");
    assert_eq!(totals(&ordered(2023))["lead"]["gross"], "7312.68");
    assert!(ordered(2022).undated.is_empty() && ordered(2023).undated.is_empty());
    // A link costs nothing before the year of its order.
    assert!(ordered(2021).lines.iter().all(|line| line.item != Item::LinkAnnual));
}

#[test]
fn bands_are_closed_for_servers_and_open_for_inhabitants() {
    let servers = |count| cinto(2023, |_, own| own.server_count.assessed = Some(count));
    assert_eq!(servers(5).unwrap().totals.tenant.unwrap().net.to_string(), "4153.70");
    let error = servers(6).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cinto-caomaggiore: 6 server fuori da ogni fascia di 2.2.1; la fascia più alta nota è `Fino a 5`"
    );
    let people = |value| cinto(2023, |_, own| own.populations[0].value = value);
    assert!(people(4999).unwrap().is_complete());
    let error = people(5000).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cinto-caomaggiore: 5000 abitanti fuori da ogni fascia di 2.2.2; la fascia più alta nota è `< 5.000`"
    );
}

#[test]
fn out_of_band_does_not_matter_while_the_project_pays() {
    let statement = cinto(2022, |_, own| own.server_count.assessed = Some(6)).unwrap();
    assert!(statement.is_complete());
}

#[test]
fn not_admitted_never_fails_on_population() {
    let statement = of("mirano", 2023).unwrap();
    let action = line(&statement, "2.2.2");
    assert_eq!(action.charge, Charge::NotAdmitted);
    assert_eq!(action.amount(), None);
    assert_eq!(line(&statement, "2.2.1").charge, Charge::Unknown(Missing::ServerCount));
}

#[test]
fn unknown_is_never_zero() {
    let statement = of("cona", 2023).unwrap();
    assert!(!statement.is_complete());
    assert_eq!(line(&statement, "link_annual").charge, Charge::Unknown(Missing::Links));
    assert!(statement.totals.is_empty());
    assert_eq!(statement.partial_totals.tenant.unwrap().net.to_string(), "1742.59");
    let json = serde_json::to_value(&statement).unwrap();
    assert!(json["lines"][0].get("net").is_none(), "{json}");
}

#[test]
fn payers_follow_the_printed_flag_and_not_the_population() {
    let grown = cinto(2023, |_, own| own.under_5000 = false).unwrap();
    assert_eq!(line(&grown, "link_annual").payer, Some(Payer::Tenant));
    assert_eq!(grown.totals.tenant.unwrap().gross.to_string(), "12380.19");
    assert_eq!(grown.totals.lead.unwrap().gross, Euro::ZERO);
    assert_eq!(line(&plain(2023), "link_annual").payer, Some(Payer::Lead));
}

#[test]
fn the_term_of_the_lead_is_printed_while_its_end_is_unknown() {
    let note = |statement: &Statement| line(statement, "link_annual").period.clone().unwrap().note;
    assert_eq!(note(&plain(2040)).unwrap(), "fino al termine ex art. 10 (data non nota)");
    let known = |year| cinto(year, |inventory, _| inventory.project.terms.term_end = Some(date(2031, 6, 30))).unwrap();
    assert_eq!(note(&known(2031)), None);
    assert_eq!(line(&known(2031), "link_annual").payer, Some(Payer::Lead));
    let after = known(2032);
    assert_eq!(line(&after, "link_annual").charge, Charge::Unknown(Missing::Payer));
    assert!(after.totals.is_empty(), "nobody's total is certain while a payer is unknown");
}

#[test]
fn the_actual_count_decides_from_the_first_full_year() {
    let with = |year| {
        cinto(year, |_, own| own.server_count.actual = Some(ActualCount { count: 4, from: date(2024, 3, 15) })).unwrap()
    };
    let basis = |year| {
        let statement = with(year);
        let basis = line(&statement, "2.2.1").basis.clone().unwrap();
        (basis.value, basis.count.unwrap(), basis.date)
    };
    assert_eq!(basis(2023), (3, Count::Assessed, None));
    assert_eq!(basis(2024), (3, Count::Assessed, None));
    assert_eq!(basis(2025), (4, Count::Actual, Some(date(2024, 3, 15))));
    let straddling = with(2024).notes.join("\n");
    assert!(straddling.contains("dal 15/03/2024, dentro l'anno: non essendo previsti ratei"), "{straddling}");
    assert!(straddling.contains("decorre dal 2025"), "{straddling}");
    let unadjusted = plain(2023).notes.join("\n");
    assert!(unadjusted.contains("Numero di server come da assessment"), "{unadjusted}");
}

#[test]
fn an_effect_on_1_january_counts_for_that_year() {
    let statement = cinto(2024, |_, own| {
        own.server_count.actual = Some(ActualCount { count: 6, from: date(2024, 1, 1) });
    });
    assert!(matches!(statement, Err(FeeError::OutsideBands { value: 6, .. })));
}

#[test]
fn rounding_is_a_line_where_lines_and_document_differ() {
    let small = |scope| {
        cinto(2023, move |inventory, _| {
            inventory.fees.vat.scope = scope;
            for schedule in &mut inventory.fees.schedules {
                schedule.bands[0].annual_net = Euro::from_cents(102);
            }
        })
        .unwrap()
    };
    let document = small(VatScope::Document);
    assert_eq!(document.totals.tenant.unwrap().vat, Euro::from_cents(45));
    let rounding = line(&document, "arrotondamento");
    assert_eq!((rounding.payer, rounding.amount().unwrap().vat), (Some(Payer::Tenant), Euro::from_cents(1)));
    let added: fees::Amount =
        document.lines.iter().filter(|line| line.payer == Some(Payer::Tenant)).filter_map(fees::Line::amount).sum();
    assert_eq!(added, document.totals.tenant.unwrap());
    let by_line = small(VatScope::Line);
    assert_eq!(by_line.totals.tenant.unwrap().vat, Euro::from_cents(44));
    assert!(by_line.lines.iter().all(|line| line.item != Item::Rounding));
    assert_ne!(document.notes[0], by_line.notes[0], "the rule is printed");
}

#[test]
fn a_year_before_the_project_is_refused() {
    assert_eq!(of("cinto-caomaggiore", 2020), Err(FeeError::BeforeProject { year: 2020, first: 2021 }));
    assert!(of("cinto-caomaggiore", 2021).is_ok());
}

#[test]
fn the_portfolio_adds_rounded_statements() {
    let mut inventory = inventory();
    for own in inventory.tenants.values_mut() {
        own.action_2_2_2 = false;
        own.server_count.assessed = Some(3);
        own.sites = Known::Known(Vec::new());
    }
    let all = fees::portfolio(&inventory, 2023).unwrap();
    assert_eq!((all.computed, all.tenants), (21, 21));
    assert_eq!(all.totals.tenant.unwrap().gross.to_string(), "61772.55", "never 22% of the grand net (61772.64)");
}

#[test]
fn the_portfolio_names_the_state_of_every_tenant() {
    let all = fees::portfolio(&inventory(), 2023).unwrap();
    let status = |id: &str| all.rows.iter().find(|row| row.tenant.as_str() == id).unwrap().status;
    assert_eq!(all.rows.len(), 21);
    assert_eq!(all.rows[3].tenant.as_str(), "cinto-caomaggiore", "in the order of the members");
    assert_eq!(status("cinto-caomaggiore"), Status::Computed);
    assert_eq!(status("cona"), Status::Unknown);
    assert_eq!(status("caorle"), Status::OutsideBands);
    assert_eq!((all.computed, all.is_complete()), (1, false));
    assert_eq!(all.totals.tenant.unwrap().gross.to_string(), "5067.51");
    let outside = all.rows.iter().filter(|row| row.status == Status::OutsideBands).count();
    assert_eq!(outside, 11);
}

#[test]
fn the_digest_changes_with_an_input_and_with_nothing_else() {
    let digest = plain(2023).digest;
    assert_eq!(digest, plain(2023).digest);
    assert_eq!(digest.len(), 64);
    assert_ne!(digest, plain(2024).digest);
    assert_ne!(digest, cinto(2023, |_, own| own.server_count.assessed = Some(4)).unwrap().digest);
    let other_contact = cinto(2023, |_, own| own.codes.pec = Some("altra@pec.example".to_owned())).unwrap();
    assert_eq!(digest, other_contact.digest);
}

#[test]
fn an_issued_statement_stays_and_the_difference_is_the_conguaglio() {
    let mark = |prot: &str| Mark { prot: prot.to_owned(), date: date(2023, 1, 10) };
    let first = Issue::new(plain(2023), mark("12/2023"), None);
    let journaled: Issue = serde_json::from_value(serde_json::to_value(&first).unwrap()).unwrap();
    assert_eq!(journaled, first);

    let unchanged = Document::new(plain(2023), Some(&journaled));
    assert_eq!((unchanged.issued, unchanged.adjustment), (Some(mark("12/2023")), None));

    let dearer = cinto(2023, |inventory, _| {
        inventory.fees.schedules[0].bands[0].annual_net = Euro::from_cents(251_111);
    })
    .unwrap();
    let document = Document::new(dearer.clone(), Some(&journaled));
    assert_eq!(document.statement, plain(2023), "the issued figures are printed");
    let adjustment = document.adjustment.unwrap();
    assert_eq!(adjustment.difference.tenant.unwrap().gross.to_string(), "122.00");
    assert_eq!(adjustment.difference.lead.unwrap().gross, Euro::ZERO);

    let second = Issue::new(dearer, mark("99/2023"), Some(&journaled));
    assert_eq!(second.follows, Some(mark("12/2023")));
    assert_eq!(second.adjustment.unwrap().tenant.unwrap().gross.to_string(), "122.00");
}

#[test]
fn an_issued_line_that_contradicts_itself_is_refused() {
    let mut json = serde_json::to_value(plain(2023)).unwrap();
    json["lines"][0].as_object_mut().unwrap().remove("net");
    assert!(serde_json::from_value::<Statement>(json).is_err());
}

#[test]
fn every_figure_of_a_statement_has_its_origin() {
    let mut inventory = inventory();
    let own = tenant("cinto-caomaggiore")(&mut inventory).clone();
    let origins = fees::explain(&inventory, &own, 2023);
    let has = |item: &str, figure: &str, value: &str, key: &str| {
        origins.iter().any(|origin| {
            origin.item.to_string() == item && origin.figure == figure && origin.value == value && origin.key == key
        })
    };
    assert!(has("2.2.1", "net", "2411.11", "schedules[0].bands[0].annual_net"));
    assert!(has("2.2.1", "basis", "3", "server_count.assessed"));
    assert!(has("2.2.2", "basis", "3181", "tenant.populations[0].value"));
    assert!(has("2.2.2", "vat", "383.37", "vat.rate = 0.22"));
    assert!(has("link_annual", "payer", "lead", "payers[6].payer"));
    assert!(has("link_one_off", "net", "5000.00", "sites[0].link.one_off_net"));
}
