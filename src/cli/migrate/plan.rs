//! `migrate plan`: steps, calendar, forecast. It is the dry run.

use super::Whose;
use super::scene::Scene;
use crate::cli::Context;
use crate::cli::table::Table;
use crate::cli::ui::Tone;
use crate::failure::Failure;
use crate::migration::{self, Action, Activity, Basis, Plan, ServerForecast, Step};
use crate::model::calendar::italian;
use crate::model::project::NetworkDate;
use crate::model::project_calendar::{Basis::Latest, Milestone};
use jiff::civil::Date;
use std::fmt::Write as _;

pub(super) fn run(whose: &Whose, start: Option<Date>, context: &Context) -> Result<(), Failure> {
    let scene = Scene::open(whose, start, context)?;
    if context.json {
        context.ui.json(&migration::to_json(&scene.plan));
        return Ok(());
    }
    let mut text = String::new();
    let _ = writeln!(text, "{}: {}", context.ui.tone(Tone::Strong, &scene.tenant.name), scene.plan.playbook);
    let _ = writeln!(text, "plan {}, replicas in {}", short(&scene.plan.digest()), scene.plan.landing);
    text.push_str("Nothing boots: copies are kept as files, and the cutover is made by hand at gate `moved`.\n");
    for activity in &scene.playbook.activities {
        text.push_str(&of_activity(activity, &scene.plan, context));
    }
    text.push_str(&calendar(&scene, context));
    text.push_str(&forecast(&scene.plan, context));
    context.ui.data(&text);
    Ok(())
}

/// The first digits of a digest: enough for people.
pub(super) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn roles(activity: &Activity) -> String {
    let list = |roles: &[crate::model::RoleId]| roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
    format!(
        "responsible {}; executes {}; validates {}",
        list(&activity.responsible),
        list(&activity.executes),
        list(&activity.validates)
    )
}

fn of_activity(activity: &Activity, plan: &Plan, context: &Context) -> String {
    let title = format!("Activity {}: {}", activity.number, context.in_language(&activity.title));
    let mut text = format!("\n{}\n", context.ui.tone(Tone::Strong, &title));
    let dates = plan.calendar.activities.iter().find(|proposed| proposed.activity == activity.number);
    let days = match dates {
        Some(proposed) => format!("{} to {} (proposta)", italian(proposed.from), italian(proposed.to)),
        None => format!("days {} to {} (proposta)", activity.days.0, activity.days.1),
    };
    let _ = writeln!(text, "  {days}; {}", roles(activity));
    for step in plan.steps.iter().filter(|step| step.activity == activity.number) {
        let _ = writeln!(text, "  {:<36}  {}", step.id, of_step(step, plan, context));
    }
    text
}

fn of_step(step: &Step, plan: &Plan, context: &Context) -> String {
    let source = || {
        let (server, disk) = step.of_disk()?;
        let planned = plan.server(server)?;
        let disk = planned.disks.iter().find(|candidate| candidate.disk == *disk)?;
        Some((planned, disk.source.display().to_string()))
    };
    match (&step.action, source()) {
        (Action::PrepareLanding, _) => "make the folders of the replicas, look for space".to_owned(),
        (Action::Checklist { checklist }, _) => format!("run checklist {checklist}"),
        (Action::Seed, Some((server, disk))) => {
            format!("first copy of {disk} from {} ({})", server.reached, server.transfer.word())
        }
        (Action::Sync, Some((_, disk))) => format!("copy what has changed on {disk}"),
        (Action::Verify, _) => "read the whole replica again and compare".to_owned(),
        (Action::TestClone, _) => "clone the replica, which is never booted itself".to_owned(),
        (Action::FinalSync, Some((_, disk))) => format!("last copy of {disk}, with the source quiet"),
        (Action::Gate(gate), _) => {
            let signers: Vec<&str> = gate.roles.iter().map(|role| role.as_str()).collect();
            let hours = gate.valid_hours.map(|hours| format!(", valid {hours} h")).unwrap_or_default();
            format!("signed by {}{hours}: {}", signers.join(" + "), context.in_language(&gate.title))
        }
        _ => String::new(),
    }
}

fn calendar(scene: &Scene, context: &Context) -> String {
    let (calendar, terms) = (&scene.plan.calendar, &scene.inventory.project.terms);
    let date = |date: Option<Date>| date.map_or_else(|| "non noto".to_owned(), italian);
    let milestone = |one: Option<Milestone>| match one {
        Some(one) if one.basis == Latest => format!("{} at the latest", italian(one.date)),
        one => date(one.map(|one| one.date)),
    };
    let from = match terms.start_from {
        NetworkDate::AvailableOn => "availability",
        NetworkDate::AcceptedOn => "collaudo",
    };
    let mut text = format!("\n{}\n", context.ui.tone(Tone::Strong, "Calendar"));
    for (name, value) in [
        ("order of the link".to_owned(), date(calendar.ordered_on)),
        (format!("latest delivery (order + {})", terms.activation), date(calendar.latest_delivery)),
        ("link available".to_owned(), milestone(calendar.available_on)),
        ("link accepted (collaudo; activity 1 waits for it)".to_owned(), date(calendar.accepted_on)),
        (format!("latest start ({from} + {})", terms.start_after_network), date(calendar.latest_start)),
        ("start".to_owned(), milestone(calendar.start)),
        (format!("end of the term (start + {})", terms.plan), date(calendar.due)),
        ("project's end".to_owned(), italian(calendar.project_end)),
        ("latest order that meets it, all terms used".to_owned(), italian(calendar.latest_order)),
    ] {
        let _ = writeln!(text, "  {name:<50}  {value}");
    }
    for warning in &calendar.warnings {
        let _ = writeln!(text, "  {}", context.ui.tone(Tone::Warn, &format!("warning: {warning}")));
    }
    text
}

fn forecast(plan: &Plan, context: &Context) -> String {
    let mut table = Table::new(["Server", "Transfer", "First copy", "At MCR", "At PCR", "Source while copied"]);
    for server in &plan.forecast.servers {
        let transfer = plan.server(&server.server).map_or("", |planned| planned.transfer.word());
        let source = if server.offline_while_copied { "off (rescue system)" } else { "runs" };
        table.row([
            server.server.to_string(),
            transfer.to_owned(),
            bytes_of(server),
            at(server.seed_at_mcr_seconds, server.mcr_mbps),
            at(server.seed_at_pcr_seconds, server.pcr_mbps),
            source.to_owned(),
        ]);
    }
    let all = &plan.forecast;
    table.row([
        "all".to_owned(),
        String::new(),
        gigabytes(all.bytes),
        at(all.seed_at_mcr_seconds, None),
        at(all.seed_at_pcr_seconds, None),
        String::new(),
    ]);
    let note = "At most: disks are read as a whole, and only what was never written is not sent. One copy at a time on\n\
                the link; TCP and IP overhead counted, compression not. A final sync takes the time to read the\n\
                source's disks again, plus what has changed.\n";
    format!("\n{}\n{}{note}", context.ui.tone(Tone::Strong, "Forecast"), table.render())
}

fn bytes_of(server: &ServerForecast) -> String {
    let disks = server.disks.iter().map(|disk| match (disk.bytes, disk.basis, disk.used) {
        (Some(bytes), Basis::Size, Some(used)) => format!("{} (used {})", gigabytes(bytes), gigabytes(used)),
        (Some(bytes), Basis::Used, _) => format!("{} used", gigabytes(bytes)),
        (Some(bytes), ..) => gigabytes(bytes),
        (None, ..) => "non noto".to_owned(),
    });
    disks.collect::<Vec<_>>().join(" + ")
}

/// Bytes in the decimal units in which disks are sold.
pub(super) fn gigabytes(bytes: u64) -> String {
    match bytes {
        0..=999_999 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..=999_999_999 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// Seconds in the largest unit that says enough.
pub(super) fn duration(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        _ => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

fn at(seconds: Option<u64>, mbps: Option<f64>) -> String {
    let rate = mbps.map(|mbps| format!(" ({mbps} Mbit/s)")).unwrap_or_default();
    seconds.map_or_else(|| "non noto".to_owned(), |seconds| duration(seconds) + &rate)
}
