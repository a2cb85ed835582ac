//! `traghetto network sla`.

use super::super::dates;
use super::{Context, Failure, inventory};
use crate::model::calendar::{DayOff, Restoration, in_rome, restoration_deadline};
use crate::model::project::Sla;
use jiff::civil::DateTime;

/// `traghetto network sla`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id.
    tenant: String,
    /// When the fault was reported, on a clock in Rome, such as 2022-03-04T15:59.
    #[arg(long, value_name = "TIME", value_parser = dates::time)]
    reported: DateTime,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let inventory = inventory::load(context)?;
    let tenant = inventory::tenant(&inventory, &args.tenant)?;
    let project = &inventory.project;
    let found = restoration_deadline(&project.sla, args.reported, tenant.patron_day, &project.extra_holidays);
    if context.json {
        context.ui.json(&json(tenant.id.as_str(), &found));
    } else {
        context.ui.data(&text(tenant.id.as_str(), &found, &project.sla));
    }
    Ok(())
}

fn text(tenant: &str, found: &Restoration, sla: &Sla) -> String {
    let (reported, counted) = (shown(found.reported), shown(found.counted_from));
    let cutoff = sla.cutoff.strftime("%H:%M");
    let mut text = format!("{tenant}: restore by {}\n  reported {reported}\n", shown(found.due));
    if found.counted_from != found.reported {
        text.push_str(&format!("  counts as reported {counted}, the opening of the next working day\n"));
    }
    let (relation, days) = match (found.in_time, found.working_days) {
        (true, days) => ("by", days),
        (false, days) => ("after", days),
    };
    let plural = if days == 1 { "" } else { "s" };
    text.push_str(&format!("  {relation} {cutoff}: {days} working day{plural}, until the end of assistance\n"));
    for (date, why) in &found.days_off {
        let day = date.strftime("%a %d/%m/%Y");
        text.push_str(&match why {
            DayOff::Saturday | DayOff::Sunday => format!("  skipped {day}\n"),
            DayOff::National(_) | DayOff::Patron | DayOff::Extra => format!("  skipped {day}: {why}\n"),
        });
    }
    text
}

fn shown(time: DateTime) -> String {
    time.strftime("%a %d/%m/%Y %H:%M").to_string()
}

fn json(tenant: &str, found: &Restoration) -> serde_json::Value {
    let skipped: Vec<_> = found
        .days_off
        .iter()
        .map(|(date, why)| serde_json::json!({"date": date.to_string(), "reason": why.to_string()}))
        .collect();
    serde_json::json!({
        "tenant": tenant,
        "reported": rfc3339(found.reported),
        "counted_from": rfc3339(found.counted_from),
        "in_time": found.in_time,
        "working_days": found.working_days,
        "days_off": skipped,
        "due": rfc3339(found.due),
    })
}

/// RFC 3339 in the zone of Rome; nothing for a time beyond the calendar.
fn rfc3339(time: DateTime) -> Option<String> {
    in_rome(time).map(|zoned| zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}
