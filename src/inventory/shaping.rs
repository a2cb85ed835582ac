//! The weekly calendar of rates, in the project's file and in a site's link.

use super::form::scalars::{hour, whole, word};
use super::form::{Fields, Form, nonempty_list, record};
use super::problem::Complaint;
use crate::model::rate_calendar::{Period, RateCalendar, RateCalendarError, Share};
use jiff::civil::Weekday;

/// What the key means.
pub(super) const DOC: &str = "What the migration may take of a link, by hours of the week in Europe/Rome; every minute of the week belongs to one period.";

const DAYS: &[(&str, Weekday)] = &[
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// The form of its periods; [`calendar`] makes a calendar of them.
pub(super) fn periods() -> impl Form<Value = Vec<Period>> {
    nonempty_list(record("Hours of some days with one rate.", period))
}

fn period(fields: &mut Fields<'_>) -> Option<Period> {
    let days = fields.required("days", "Days on which it begins.", nonempty_list(word(DAYS)));
    let from = fields.required("from", "When it begins.", hour());
    let until = "When it ends: on the next day where that is not after `from`.";
    let until = fields.required("until", until, hour());
    fields.exactly_one(&["mcr_percent", "pcr_percent"]);
    let mcr = fields.optional("mcr_percent", "Share of the guaranteed rate in percent; 0 is nothing.", whole(0..=100));
    let pcr = fields.optional("pcr_percent", "Share of the peak rate in percent.", whole(1..=100));
    let share = match (mcr?, pcr?) {
        (Some(percent), _) => Share::OfMcr(percent),
        (None, percent) => Share::OfPcr(percent?),
    };
    Some(Period { days: days?, from: from?, until: until?, share })
}

/// The calendar of `periods`, which stand under the key `shaping`.
pub(super) fn calendar(fields: &mut Fields<'_>, periods: Vec<Period>) -> Option<RateCalendar> {
    let error = match RateCalendar::new(&periods) {
        Ok(calendar) => return Some(calendar),
        Err(error) => error,
    };
    let (path, hint) = match &error {
        RateCalendarError::Gap { .. } => {
            ("shaping".to_owned(), "every minute of the week belongs to a period; `until` may be on the next day")
        }
        RateCalendarError::Overlap { second, .. } => {
            (format!("shaping[{second}]"), "every minute of the week belongs to one period only")
        }
        RateCalendarError::Never => ("shaping".to_owned(), "let at least one period have a share above 0"),
    };
    fields.refuse(&path, Complaint::new(error.to_string()).hint(hint));
    None
}
