//! Dates and times as people type them.

use jiff::civil::{Date, DateTime};

/// A date as data has it; a date as Italian documents print it is answered with its translation.
pub fn date(text: &str) -> Result<Date, String> {
    const FORM: &str = "write a day of the calendar as YYYY-MM-DD, such as 2022-09-05";
    Date::strptime("%Y-%m-%d", text).map_err(|_| match Date::strptime("%d/%m/%Y", text) {
        Ok(meant) => format!("write it as {meant}"),
        Err(_) => FORM.to_owned(),
    })
}

/// A date with its hour: half a working day may hang on the hour, so none is assumed.
pub fn time(text: &str) -> Result<DateTime, String> {
    const FORMS: [&str; 4] = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"];
    let parsed = FORMS.iter().find_map(|form| DateTime::strptime(form, text).ok());
    parsed.ok_or_else(|| {
        "write day and hour as a clock in Rome shows them, without a zone, such as 2022-03-04T15:59".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil;

    #[test]
    fn a_day_is_taken_in_one_form_and_translated_from_the_italian_one() {
        assert_eq!(date("2022-09-05"), Ok(civil::date(2022, 9, 5)));
        assert_eq!(date("5/9/2022"), Err("write it as 2022-09-05".to_owned()));
        for wrong in ["", "2022-02-30", "30/02/2022", "2022-09-05T10:00", "tomorrow", "2022"] {
            assert!(date(wrong).unwrap_err().contains("YYYY-MM-DD"), "{wrong}");
        }
    }

    #[test]
    fn a_report_needs_its_hour_and_no_zone() {
        let expected = Ok(civil::date(2022, 3, 4).at(15, 59, 0, 0));
        for right in ["2022-03-04T15:59", "2022-03-04 15:59", "2022-03-04T15:59:00", "2022-03-04 15:59:00"] {
            assert_eq!(time(right), expected, "{right}");
        }
        for wrong in ["2022-03-04", "ieri", "2022-03-04T15:59Z", "2022-03-04T15:59+01:00", "2022-03-04T24:00", ""] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
