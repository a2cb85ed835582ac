//! `migrate log`, `note` and `pause`: what happened, and what people add to it.

use super::Whose;
use super::scene::{Scene, Story};
use crate::cli::quantities::{duration, gigabytes};
use crate::cli::{Context, inventory, journal};
use crate::failure::{Failure, Kind};
use crate::journal::Event;
use crate::migration::Record;
use crate::untrusted::printable;

/// Longest remark that is kept, in bytes.
const LONGEST: usize = 4000;

/// Prints the events, of other parts of the program too. Needs no plan: also a tenant that can no longer be planned has a past.
pub(super) async fn print(whose: &Whose, context: &Context) -> Result<(), Failure> {
    let inventory = inventory::load(context)?;
    let tenant = inventory::tenant(&inventory, &whose.tenant)?;
    let journal = journal::open(context, &inventory).await?;
    let events = journal.events(&tenant.id).await?;
    journal::tell_repairs(context, &journal);
    if context.json {
        context.ui.json(&events);
        return Ok(());
    }
    for event in &events {
        let time = event.time.get(..19).unwrap_or(&event.time).replace('T', " ");
        let line = format!("{:>5}  {time}  {:<14}  {:<18}  {}", event.seq, event.operator, event.kind, about(event));
        context.ui.data(&format!("{}\n", printable(line.trim_end())));
    }
    Ok(())
}

/// The details of an event that people look for.
fn about(event: &Event) -> String {
    let data = &event.data;
    let word = |key: &str| data[key].as_str().unwrap_or_default();
    match event.kind.as_str() {
        "step.finished" => {
            let wire = data["facts"]["bytes_wire"].as_u64();
            let wire = wire.map(|bytes| format!(", {} on the link", gigabytes(bytes))).unwrap_or_default();
            let outage = data["facts"]["outage_seconds"].as_f64();
            let outage = outage.map(|seconds| format!(", out of service for {}", duration(seconds as u64)));
            format!("{}{wire}{}", word("step"), outage.unwrap_or_default())
        }
        "step.failed" => format!("{}: {}", word("step"), word("reason")),
        "step.stopped" => format!("{} ({})", word("step"), word("why")),
        "step.started" | "step.connecting" => word("step").to_owned(),
        "gate.signed" => format!("{} by {} as {}", word("gate"), word("by"), word("role")),
        "note" => word("text").to_owned(),
        "run.paused" => word("reason").to_owned(),
        "run.started" => {
            let after =
                data["after"]["operator"].as_str().map(|who| format!("after {who}, who never gave the lease back"));
            let reason = data["reason"].as_str().map(|why| format!("taken over: {why}"));
            reason.or(after).unwrap_or_default()
        }
        "journal.adopted" => {
            let head = word("head").get(..12).unwrap_or_default();
            format!("{} events up to {head} from {}: {}", data["events"], word("file"), word("reason"))
        }
        "plan.adopted" => {
            let changes = data["changes"].as_array().map_or(0, Vec::len);
            format!("{} ({changes} changes)", word("digest").get(..12).unwrap_or_default())
        }
        "replica.verified" => {
            let holds = if data["holds"] == true { "holds" } else { "DOES NOT HOLD" };
            format!("{} {} {holds}", word("server"), word("disk"))
        }
        "copy.held" => format!("{} {} held: {}", word("server"), word("disk"), word("why")),
        "copy.resumed" => {
            let seconds = data["held_seconds"].as_u64().unwrap_or_default();
            format!("{} {} goes on after {}", word("server"), word("disk"), duration(seconds))
        }
        "fees.issued" => {
            format!("{} Prot. n. {}", data["statement"]["year"], data["mark"]["prot"].as_str().unwrap_or_default())
        }
        "checklist.run" => format!("{} {}", word("phase"), word("outcome")).trim_end().to_owned(),
        "checklist.bundled" | "checklist.imported" => format!("{} {}", word("phase"), word("server")),
        "checklist.signed" => {
            let items: Vec<&str> =
                data["items"].as_array().into_iter().flatten().filter_map(|one| one["item"].as_str()).collect();
            let shown = items.get(..3).map_or(items.join(" "), |first| format!("{} …", first.join(" ")));
            format!("{} {shown} {} by {} as {}", word("phase"), word("outcome"), word("person"), word("role"))
        }
        "notice.sent" => format!("{} to {}", word("key"), word("to")),
        "notice.lost" => format!("{} to {} NOT DELIVERED: {}", word("key"), word("to"), word("reason")),
        "survey.recorded" => word("server").to_owned(),
        "server.withdrawn" => {
            let machine = data["facts"]["machine"].as_str().unwrap_or("no machine");
            format!("{}: {machine} is off and connected to nothing", word("server"))
        }
        "server.stated" => {
            format!("{} {} by {} as {}: {}", word("server"), word("fact"), word("by"), word("role"), word("note"))
        }
        "override.asked" | "override.revoked" => {
            format!("{} {} by {} as {}: {}", word("step"), word("way"), word("by"), word("role"), word("reason"))
        }
        "step.overridden" => {
            let who = |key: &str| data[key]["by"].as_str().unwrap_or_default();
            let why = data["first"]["reason"].as_str().unwrap_or_default();
            format!("{} {} by {} and {}: {why}", word("step"), word("way"), who("first"), who("second"))
        }
        "step.stated" => format!("{} by {} as {}: {}", word("step"), word("by"), word("role"), word("note")),
        "window.waived" => format!("{} late, by {} as {}: {}", word("server"), word("by"), word("role"), word("note")),
        "rollback.asked" | "server.rolled-back" | "server.reentered" => {
            format!("{} by {}: {}", word("server"), word("by"), word("reason"))
        }
        _ => String::new(),
    }
}

pub(super) async fn note(whose: &Whose, text: String, context: &Context) -> Result<(), Failure> {
    remark("remark", &text)?;
    let scene = Scene::open(whose, None, context)?;
    let operator = scene.operator(context)?;
    let story = Story::open(&scene, context).await?;
    let event = story.write(&scene, &operator, Record::Note { text }).await?;
    context.ui.status(&format!("noted as event {}", event.seq));
    Ok(())
}

pub(super) async fn pause(whose: &Whose, reason: String, context: &Context) -> Result<(), Failure> {
    remark("reason", &reason)?;
    let scene = Scene::open(whose, None, context)?;
    let operator = scene.operator(context)?;
    let story = Story::open(&scene, context).await?;
    story.write(&scene, &operator, Record::RunPaused { reason }).await?;
    if let Some(holder) = &story.holder {
        context.ui.status(&format!("the run of {holder} stops within seconds; what it copied is kept"));
    }
    context.ui.status(&format!("paused; resume with: traghetto migrate run {}", scene.tenant.id));
    Ok(())
}

/// Refuses a text that says nothing or everything.
pub(super) fn remark(what: &str, text: &str) -> Result<(), Failure> {
    if text.trim().is_empty() || text.len() > LONGEST {
        return Err(Failure::new(Kind::Usage, format!("the {what} is empty or longer than {LONGEST} bytes"))
            .hint("Nothing was recorded. Say it in a few sentences and give the command again."));
    }
    Ok(())
}
