//! An item whose script hides errors must not pass where nothing could be read.

use super::super::expect::{Condition, Datum, Reading};
use super::super::expression::Expression;
use super::super::item::Probe;
use super::super::powershell;
use super::super::template::Value;
use crate::inventory::problem::Complaint;

/// What is wrong with a script that hides errors while its item needs no line of it.
pub(super) fn unproven(probe: &Probe, expect: &[Condition], expression: Option<&Expression>) -> Option<Complaint> {
    let Probe::Ps { script } = probe else { return None };
    let script = powershell::without_variables(script.source());
    let at = powershell::silenced(&script).filter(|_| holds_of_nothing(expect, expression))?;
    let (line, column) = powershell::line_and_column(&script, at);
    let complaint = format!(
        "line {line}, column {column} of the script: an error may be hidden here, and the item passes where nothing is printed"
    );
    let hint = "print a line that proves what was asked, and expect it: `len(lines) >= 1 and …`; or let errors through";
    Some(Complaint::new(complaint).hint(hint))
}

/// Whether all of it holds of a script that printed nothing, now and before.
fn holds_of_nothing(expect: &[Condition], expression: Option<&Expression>) -> bool {
    let nothing = Reading::default()
        .with("exit", Datum::Number(0.0))
        .with("lines", Datum::List(Vec::new()))
        .with("stdout", Datum::Text(String::new()));
    // Whatever the inventory says: a value that nobody could have printed.
    let value = |_| Value::One("?".to_owned());
    let conditions = expect.iter().all(|one| one.resolve(value).is_ok_and(|one| one.holds(&nothing)));
    let expression = expression.is_none_or(|one| {
        one.resolve(&value).is_ok_and(|one| one.evaluate(|name| nothing.get(name), |name| nothing.get(name)).holds)
    });
    conditions && expression
}
