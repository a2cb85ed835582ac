//! `inventory/fees.yaml`: the schedule as printed, who pays what in which period.

use super::form::scalars::{date, euro, flag, rate, scalar, text, text_like, whole, word};
use super::form::{Fields, Form, list, nonempty_list, record};
use super::problem::{Complaint, quote};
use super::shape::Shape;
use crate::model::fees::{Band, Basis, Item, Payer, PayerRule, Schedule, Schedules, Upper, Vat, VatScope};
use std::collections::BTreeSet;

const SCOPES: &[(&str, VatScope)] = &[("document", VatScope::Document), ("line", VatScope::Line)];
const BASES: &[(&str, Basis)] = &[("servers", Basis::Servers), ("population", Basis::Population)];
const PAYERS: &[(&str, Payer)] = &[("project", Payer::Project), ("lead", Payer::Lead), ("tenant", Payer::Tenant)];

/// The form of `fees.yaml`.
pub fn form() -> impl Form<Value = Schedules> {
    record("The fee schedule: only what the documents print.", file)
}

fn file(fields: &mut Fields<'_>) -> Option<Schedules> {
    let vat = fields.required("vat", "Value added tax.", record("Value added tax.", vat));
    let creditor = fields.maybe("creditor", "Who invoices the tenant.", text());
    let schedules = fields.required("schedules", "One for each action.", nonempty_list(record("An action.", schedule)));
    let rules = "Who pays an item in a period; the first rule that matches wins.";
    let payers = fields.required("payers", rules, nonempty_list(record(rules, payer)));
    let notes = "What the source document leaves open, printed under each statement.";
    let notes = fields.or("notes", notes, list(text()), Vec::new());
    let (schedules, payers) = (schedules?, payers?);
    check_unique_actions(fields, &schedules);
    super::payers::check(fields, &schedules, &payers);
    Some(Schedules { vat: vat?, schedules, payers, creditor: creditor?, notes: notes? })
}

fn vat(fields: &mut Fields<'_>) -> Option<Vat> {
    let rate = fields.required("rate", "The rate: \"0.22\" is 22 %.", rate());
    let scope = fields.required("scope", "Whether VAT is rounded once a document, or on each line.", word(SCOPES));
    Some(Vat { rate: rate?, scope: scope? })
}

fn action() -> impl Form<Value = String> {
    text_like("^[0-9]+(\\.[0-9]+)*$", "2.2.1", "the number of an action", is_action)
}

fn is_action(text: &str) -> bool {
    text.len() <= 20 && text.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn schedule(fields: &mut Fields<'_>) -> Option<Schedule> {
    let action = fields.required("action", "The action, such as \"2.2.1\".", action());
    let title = fields.required("title", "Italian title, as printed.", text());
    let basis = fields.required("basis", "What the bands count.", word(BASES));
    let valid_from = fields.required("valid_from", "First day on which the schedule applies.", date());
    let admitted = "Whether only tenants admitted to Action 2.2.2 pay it.";
    let requires_admission = fields.or("requires_admission", admitted, flag(), false);
    let rising = "Bands in rising order; nothing above the last one is known.";
    let bands = fields.required("bands", rising, nonempty_list(record("A row of the schedule.", band)));
    let source = fields.required("source", "Where the figures come from.", text());
    let note = fields.optional("note", "The starred note under the table.", text());
    let bands = bands?;
    check_rising(fields, &bands);
    Some(Schedule {
        action: action?,
        title: title?,
        basis: basis?,
        valid_from: valid_from?,
        requires_admission: requires_admission?,
        bands,
        source: source?,
        note: note?,
    })
}

fn band(fields: &mut Fields<'_>) -> Option<Band> {
    let label = fields.required("label", "Label as printed, such as `Fino a 5`.", text());
    fields.exactly_one(&["max_inclusive", "max_exclusive"]);
    let inclusive = "The upper limit, which is inside (\"fino a\").";
    let inclusive = fields.optional("max_inclusive", inclusive, whole(1..=100_000_000));
    let exclusive =
        fields.optional("max_exclusive", "The upper limit, which is outside (\"<\").", whole(1..=100_000_000));
    let annual_net = fields.required("annual_net", "Annual fee, net of VAT.", euro());
    let upper = match (inclusive?, exclusive?) {
        (Some(limit), _) => Upper::Inclusive(limit),
        (None, limit) => Upper::Exclusive(limit?),
    };
    Some(Band { label: label?, upper, annual_net: annual_net? })
}

fn item() -> impl Form<Value = Item> {
    let shape =
        Shape::Text { pattern: Some("^(link_one_off|link_annual|[0-9]+(\\.[0-9]+)*)$"), example: Some("2.2.1") };
    scalar(shape, |text| match text {
        "link_one_off" => Ok(Item::LinkOneOff),
        "link_annual" => Ok(Item::LinkAnnual),
        action if is_action(action) => Ok(Item::Action(action.to_owned())),
        other => Err(Complaint::new(format!("{} is not an item", quote(other)))
            .hint("write an action such as \"2.2.1\", `link_one_off` or `link_annual`")),
    })
}

fn payer(fields: &mut Fields<'_>) -> Option<PayerRule> {
    let item = fields.required("item", "The line: an action, `link_one_off` or `link_annual`.", item());
    let from = fields.optional("from", "First day of the period.", date());
    let until = fields.optional("until", "Last day of the period.", date());
    let flag_ = "Only for tenants with the printed flag `< 5.000` (true), or only for the others (false).";
    let under_5000 = fields.optional("under_5000", flag_, flag());
    let payer = fields.required("payer", "Who pays.", word(PAYERS));
    let term = "How long the period runs, as printed, where its end is not a date.";
    let term_note = fields.optional("term_note", term, text());
    let source = fields.required("source", "Where the rule comes from.", text());
    let (from, until) = (from?, until?);
    if from.zip(until).is_some_and(|(from, until)| until < from) {
        fields.refuse("until", Complaint::new("the period ends before it starts"));
    }
    Some(PayerRule {
        item: item?,
        from,
        until,
        under_5000: under_5000?,
        payer: payer?,
        term_note: term_note?,
        source: source?,
    })
}

fn check_rising(fields: &mut Fields<'_>, bands: &[Band]) {
    // The greatest whole number inside a band: `< 5.000` reaches 4.999.
    let reach = |band: &Band| match band.upper {
        Upper::Inclusive(limit) => limit,
        Upper::Exclusive(limit) => limit.saturating_sub(1),
    };
    for (index, pair) in bands.windows(2).enumerate() {
        if let [lower, higher] = pair
            && reach(higher) <= reach(lower)
        {
            let complaint = Complaint::new(format!("the band does not reach above {}", quote(&lower.label)));
            fields.refuse(&format!("bands[{}]", index + 1), complaint.hint("write the bands in rising order"));
        }
    }
}

fn check_unique_actions(fields: &mut Fields<'_>, schedules: &[Schedule]) {
    let mut seen = BTreeSet::new();
    for (index, schedule) in schedules.iter().enumerate() {
        if !seen.insert((&schedule.action, schedule.valid_from)) {
            let complaint = Complaint::new(format!("action {} has two schedules from the same day", schedule.action));
            fields.refuse(&format!("schedules[{index}].action"), complaint);
        }
    }
}
