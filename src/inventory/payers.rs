//! Whether the rules of `payers` give every item a payer on every day since the first that any
//! rule names: a hole would only be seen when a statement is wanted.

use super::form::Fields;
use super::problem::{Complaint, quote};
use crate::model::fees::{Item, PayerRule, Schedule};
use jiff::civil::Date;
use std::collections::BTreeSet;

/// Checks that every item is paid on every day, that no rule is for an item nobody schedules, and
/// that no rule is hidden by earlier ones.
pub(super) fn check(fields: &mut Fields<'_>, schedules: &[Schedule], rules: &[PayerRule]) {
    let mut items: BTreeSet<Item> = schedules.iter().map(|schedule| Item::Action(schedule.action.clone())).collect();
    items.extend([Item::LinkOneOff, Item::LinkAnnual]);
    let cases = cases(schedules, rules);
    for (index, rule) in rules.iter().enumerate() {
        let path = format!("payers[{index}]");
        let earlier = rules.get(..index).unwrap_or_default();
        if !items.contains(&rule.item) {
            let complaint = Complaint::new(format!("no schedule has the action {}", quote(&rule.item.to_string())));
            fields.refuse(&format!("{path}.item"), complaint.hint("add its schedule, or remove the rule"));
        } else if !cases.iter().any(|case| case.first_of(rule, earlier)) {
            let complaint = Complaint::new("the rule never applies: earlier rules cover its whole period");
            fields.refuse(&path, complaint.hint("the first rule that matches wins; remove it or move it up"));
        }
    }
    for item in &items {
        if let Some(case) = cases.iter().find(|case| !rules.iter().any(|rule| case.matches(rule, item))) {
            let size = if case.under_5000 { "with" } else { "without" };
            let Case { day, .. } = case;
            let complaint =
                Complaint::new(format!("nobody pays {item} on {day} for tenants {size} the flag under_5000"));
            fields.refuse("payers", complaint.hint("add a rule, or extend a period"));
        }
    }
}

/// A tenant's size on a day.
struct Case {
    day: Date,
    under_5000: bool,
}

impl Case {
    fn matches(&self, rule: &PayerRule, item: &Item) -> bool {
        rule.item == *item
            && rule.from.is_none_or(|from| from <= self.day)
            && rule.until.is_none_or(|until| self.day <= until)
            && rule.under_5000.is_none_or(|flag| flag == self.under_5000)
    }

    fn first_of(&self, rule: &PayerRule, earlier: &[PayerRule]) -> bool {
        self.matches(rule, &rule.item) && !earlier.iter().any(|other| self.matches(other, &rule.item))
    }
}

/// Every case that can differ: each day on which a period begins or ends, for both sizes.
fn cases(schedules: &[Schedule], rules: &[PayerRule]) -> Vec<Case> {
    let starts = rules.iter().filter_map(|rule| rule.from).chain(schedules.iter().map(|schedule| schedule.valid_from));
    let ends = rules.iter().filter_map(|rule| rule.until);
    let after_ends = ends.clone().filter_map(|until| until.tomorrow().ok());
    let days: BTreeSet<Date> = starts.chain(ends).chain(after_ends).collect();
    days.into_iter().flat_map(|day| [true, false].map(|under_5000| Case { day, under_5000 })).collect()
}
