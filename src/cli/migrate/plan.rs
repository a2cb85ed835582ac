//! `migrate plan`: steps, calendar, forecast. It is the dry run.

use super::scene::{self, Scene};
use super::{Whose, forecast};
use crate::cli::ui::Tone;
use crate::cli::{Context, journal};
use crate::failure::Failure;
use crate::migration::{self, Action, Activity, Forecast, Plan, Quiesce, RunState, Step};
use crate::model::calendar::{Term, in_rome, italian};
use crate::model::project::NetworkDate;
use crate::model::project_calendar::Basis::{Given, Latest};
use crate::model::project_calendar::{Milestone, QuietPeriod};
use jiff::Timestamp;
use jiff::civil::Date;
use std::fmt::Write as _;

pub(super) async fn run(whose: &Whose, start: Option<Date>, context: &Context) -> Result<(), Failure> {
    let scene = Scene::open(whose, start, context)?;
    let Knowledge { forecast, quiet } = known(&scene, context).await?;
    if context.json {
        let mut plan = migration::to_json(&scene.plan);
        plan["calendar"]["quiet_period"] = serde_json::to_value(quiet).unwrap_or_default();
        plan["forecast"] = serde_json::to_value(&forecast).unwrap_or_default();
        context.ui.json(&plan);
        return Ok(());
    }
    let mut text = String::new();
    let _ = writeln!(text, "{}: {}", context.ui.tone(Tone::Strong, &scene.tenant.name), scene.plan.playbook);
    let _ = writeln!(text, "plan {}, replicas in {}", short(&scene.plan.digest()), scene.plan.landing);
    if !scene.inventory.project.landing.has_machines() {
        text.push_str("Nothing boots: copies are kept as files, and the cutover is made by hand at gate `moved`.\n");
    }
    for activity in &scene.playbook.activities {
        text.push_str(&of_activity(activity, &scene.plan, context));
    }
    text.push_str(&calendar(&scene, quiet.as_ref(), context));
    text.push_str(&forecast::text(&forecast, &scene.plan, &context.ui));
    context.ui.data(&text);
    Ok(())
}

/// What inventory and journal say together.
struct Knowledge {
    forecast: Forecast,
    quiet: Option<QuietPeriod>,
}

/// What follows from what was journaled, where anything was: a plan leaves no trace.
async fn known(scene: &Scene, context: &Context) -> Result<Knowledge, Failure> {
    let (events, now) = match journal::open_existing(context, &scene.inventory).await? {
        Some(journal) => {
            let events = journal.events(&scene.tenant.id).await?;
            journal::tell_repairs(context, &journal);
            (events, journal.now())
        }
        None => (Vec::new(), Timestamp::now()),
    };
    let state = RunState::of(&events).map_err(journal::illegal)?;
    let quiet = migration::quiet_period(&scene.plan, &migration::gates(&scene.plan, &state, now));
    Ok(Knowledge { forecast: scene::forecast(scene, &events, now, begin(&scene.plan).unwrap_or(now))?, quiet })
}

/// When the first copies begin by a start that the operator gave: in the morning of their activity's first day.
fn begin(plan: &Plan) -> Option<Timestamp> {
    plan.calendar.start.filter(|start| start.basis == Given)?;
    let seed = plan.steps.iter().find(|step| step.action == Action::Seed)?;
    let days = plan.calendar.activities.iter().find(|days| days.activity == seed.activity)?;
    Some(in_rome(days.from.at(8, 0, 0, 0))?.timestamp())
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
        Some((planned, disk, disk.source.display().to_string()))
    };
    match (&step.action, source()) {
        (Action::PrepareLanding, _) => "make the folders of the replicas, look for space".to_owned(),
        (Action::Checklist { checklist }, _) => format!("run checklist {checklist}"),
        (Action::Seed, Some((server, _, disk))) => {
            format!("first copy of {disk} from {} ({})", server.reached, server.transfer.word())
        }
        (Action::Sync, Some((_, _, disk))) => format!("copy what has changed on {disk}"),
        (Action::Verify, _) => "read the whole replica again and compare".to_owned(),
        (Action::TestClone, _) => "clone the replica, which is never booted itself".to_owned(),
        (Action::Seed, None) => "first copy by VMware Converter (proof: file)".to_owned(),
        (Action::Sync, None) => "VMware Converter carries what has changed".to_owned(),
        (Action::FinalSync, None) => "last synchronisation by VMware Converter, services stopped".to_owned(),
        (Action::TestLaunch, _) => "boot a converted clone in the isolated network".to_owned(),
        (Action::EndTest, _) => "destroy the test machines with their clones".to_owned(),
        (Action::Convert, _) => "clone the last replica, convert the clone for its virtual machine".to_owned(),
        (Action::Fence, _) => "see that the source is off: people switch it off and pull its cable".to_owned(),
        (Action::Route, _) => "see that its address leads here: `network push --class cutover`".to_owned(),
        (Action::Boot, _) => "make the machine, boot it apart, connect it, wait for its answer".to_owned(),
        (Action::Relocate, _) => "move a staged machine to the datastore of those that stay, while it runs".to_owned(),
        (Action::FinalSync, Some((_, planned, disk))) => {
            format!("last copy of {disk}, with the source quiet{}", standing_still(planned.quiesce))
        }
        (Action::Manual(manual), _) => {
            let roles = manual.by.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" or ");
            let then = manual.probe().map_or("no probe sees it".to_owned(), |probe| format!("then {probe} is asked"));
            format!("by hand, says {roles}, {then}: {}", context.in_language(&manual.title))
        }
        (Action::Gate(gate), _) => {
            let signers: Vec<&str> = gate.roles.iter().map(|role| role.as_str()).collect();
            let hours = gate.valid_hours.map(|hours| format!(", valid {hours} h")).unwrap_or_default();
            format!("signed by {}{hours}: {}", signers.join(" + "), context.in_language(&gate.title))
        }
    }
}

/// What a final sync does to a source so that it stands still.
fn standing_still(quiesce: Quiesce) -> &'static str {
    match quiesce {
        Quiesce::Snapshot => " (a snapshot of its logical volume is copied)",
        Quiesce::Freeze => " (its filesystems are frozen meanwhile)",
        Quiesce::ReadOnly => " (mounted read-only)",
        Quiesce::Offline => " (booted from the rescue system)",
    }
}

fn calendar(scene: &Scene, quiet: Option<&QuietPeriod>, context: &Context) -> String {
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
    let wiping = match quiet {
        Some(quiet) if quiet.signed => italian(quiet.earliest),
        Some(quiet) => format!("{} (proposta)", italian(quiet.earliest)),
        None if terms.quiet_before_wipe.days == 0 => "after the acceptance".to_owned(),
        None => "non noto".to_owned(),
    };
    for (name, value) in [
        ("order of the link".to_owned(), date(calendar.ordered_on)),
        (format!("latest delivery (order + {})", terms.activation), date(calendar.latest_delivery)),
        ("link available".to_owned(), milestone(calendar.available_on)),
        ("link accepted (collaudo; activity 1 waits for it)".to_owned(), date(calendar.accepted_on)),
        (format!("latest start ({from} + {})", terms.start_after_network), date(calendar.latest_start)),
        ("start".to_owned(), milestone(calendar.start)),
        (format!("end of the term (start + {})", terms.plan), date(calendar.due)),
        (format!("activity 6 from (acceptance + {})", terms.quiet_before_wipe), wiping),
        ("project's end".to_owned(), italian(calendar.project_end)),
        ("latest order that meets it, all terms used".to_owned(), italian(calendar.latest_order)),
    ] {
        let _ = writeln!(text, "  {name:<50}  {value}");
    }
    for warning in &calendar.warnings {
        let _ = writeln!(text, "  {}", context.ui.tone(Tone::Warn, &format!("warning: {warning}")));
    }
    if let Some(conflict) = quiet.and_then(|quiet| conflict(quiet, terms.plan)) {
        let _ = writeln!(text, "  {}", context.ui.tone(Tone::Warn, &conflict));
    }
    text
}

/// That the plan's days and the quiet period cannot both be kept, where it is so.
fn conflict(quiet: &QuietPeriod, plan: Term) -> Option<String> {
    let due = quiet.conflicts_with?;
    if quiet.cut {
        return Some(format!(
            "conflict: the plan's {plan} end on {}; the quiet period is cut to end on {} (`terms.prevails: plan`): \
             signed with the cutover",
            italian(due),
            italian(quiet.ends)
        ));
    }
    Some(format!(
        "conflict: the plan's {plan} end on {}, the quiet period on {}; one of them has to give: choose and sign",
        italian(due),
        italian(quiet.ends)
    ))
}
