//! A push as the operator reads it: what would be done, and how it ended.

use super::again;
use super::prepare::{Lines, Prepared};
use crate::cli::Context;
use crate::failure::{Failure, Kind};
use crate::model::TenantId;
use crate::network::push::campaign::{Campaign, Task};
use crate::network::push::router::Kind as TroubleKind;
use crate::network::push::run::{Ending, INTERRUPTED};
use crate::network::push::{End, Halt};
use crate::untrusted::printable;
use serde_json::json;

/// The plan, as data.
pub(super) fn plan(prepared: &Prepared, context: &Context) {
    if context.json {
        if !prepared.chosen.is_empty() {
            context.ui.json(&as_json(prepared));
        }
        return;
    }
    let mut text = String::new();
    for router in &prepared.chosen {
        let change = &router.change;
        text.push_str(&format!("{}: change {}, {} lines\n", change.router, change.id(), change.lines.len()));
        for step in &router.steps {
            let verdict = match &step.window {
                Some(why) => format!("NEEDS A WINDOW: {why}"),
                None => "no pair that both ends keep is lost".to_owned(),
            };
            text.push_str(&format!("  {} ({verdict})\n", printable(&step.object)));
            for track in &step.wait_up {
                text.push_str(&format!("    ! waits until track {track} is up\n"));
            }
            step.lines.iter().for_each(|line| text.push_str(&format!("    {}\n", printable(line))));
        }
        text.push_str(&format!("  way back: {} lines; then {} checks\n", change.rollback.len(), change.expects.len()));
        let foreign = prepared.foreign.get(&change.router).map_or(0, Vec::len);
        if foreign > 0 {
            text.push_str(&format!("  lines on it that are not ours and stay as they are: {foreign}\n"));
        }
        let others = prepared.drift.get(&change.router).map_or(0, |drift| drift.others.len());
        if others > 0 {
            text.push_str(&format!("  changes in lines that are not ours, since the last push: {others}\n"));
        }
    }
    if !prepared.later.is_empty() {
        text.push_str(&format!("For another push: {}\n", prepared.later.join(", ")));
    }
    context.ui.data(&text);
}

/// That nothing differs, as data.
pub(super) fn nothing(prepared: &Prepared, context: &Context) {
    context.ui.json(&as_json(prepared));
}

fn as_json(prepared: &Prepared) -> serde_json::Value {
    let routers: Vec<_> = prepared
        .chosen
        .iter()
        .map(|router| {
            let change = &router.change;
            let expects: Vec<String> = change.expects.iter().map(ToString::to_string).collect();
            json!({
                "router": change.router,
                "change": change.id(),
                "steps": router.steps,
                "rollback": change.rollback,
                "expects": expects,
                "foreign": prepared.foreign.get(&change.router),
                "drift": prepared.drift.get(&change.router),
                "unsaved": prepared.unsaved.get(&change.router),
                "faults": prepared.faults.get(&change.router),
            })
        })
        .collect();
    json!({ "tenant": prepared.tenant, "routers": routers, "later": prepared.later })
}

/// A push that is not over, for `--plan`.
pub(super) fn open(campaign: &Campaign, context: &Context) -> Result<(), Failure> {
    let next = match campaign.task() {
        Task::Drive { leg, .. } => leg.router,
        Task::Over(..) => "nothing".to_owned(),
    };
    if context.json {
        context.ui.json(&json!({ "open": campaign.begun.run, "next": next }));
    } else {
        context.ui.data(&format!("push {} is not over; next: {next}\n", campaign.begun.run));
    }
    Ok(())
}

/// How a push ended.
pub(super) fn ended(campaign: &Campaign, ending: Ending, tenant: &TenantId, context: &Context) -> Result<(), Failure> {
    let names: Vec<&str> = campaign.begun.changes.iter().map(|change| change.router.as_str()).collect();
    let all = names.join(", ");
    let repeat = format!("Then go on with: {}", again(tenant));
    match ending {
        Ending::Over(End::New, _) => {
            if context.json {
                context.ui.json(&json!({ "push": campaign.begun.run, "ended": "new", "routers": names }));
            }
            context.ui.status(&format!("Done: {all}: confirmed, saved, and exactly as planned."));
            Ok(())
        }
        Ending::Over(End::Old, reason) => {
            let reason = reason.unwrap_or_default();
            let kind = if reason == INTERRUPTED { Kind::Interrupted } else { Kind::Failed };
            Err(Failure::new(kind, format!("not pushed: {reason}"))
                .hint(format!("Every router is exactly as it was, running and startup: {all}."))
                .hint(format!("Mend the cause, then begin anew: {}", again(tenant))))
        }
        Ending::Unreachable(leg, trouble) => {
            let minutes = campaign.begun.minutes;
            Err(Failure::new(Kind::Unreachable, trouble)
                .hint(format!(
                    "{} goes back by itself within {minutes} minutes of its last change, unless it was confirmed before.",
                    leg.router
                ))
                .hint(repeat))
        }
        Ending::Refused(leg, trouble) => {
            let hint = trouble.hint.clone();
            let kind = if trouble.kind == TroubleKind::Lost { Kind::Unreachable } else { Kind::Failed };
            Err(Failure::new(kind, trouble)
                .hint(format!("{} is left as it is; a revert timer that runs brings it back.", leg.router))
                .hint(hint)
                .hint(repeat))
        }
        Ending::Halted(leg, halt) => Err(halted(&leg.router, halt).hint(repeat)),
    }
}

fn halted(router: &str, halt: Halt) -> Failure {
    let list = |lines: Vec<String>| lines.iter().map(|line| format!("\n  {line}")).collect::<String>();
    match halt {
        Halt::OthersTimer => {
            Failure::new(Kind::Waiting, format!("a revert timer runs on {router}, and it is not ours"))
                .hint("Somebody is at work on it. Wait until it has run out or was confirmed.")
        }
        Halt::Drifted(lines) => {
            let text = format!("{router} is neither as it was nor on the way to what is wanted:{}", list(lines));
            Failure::new(Kind::CheckFailed, Lines(text)).hint(
                "Somebody changed it meanwhile, or it could not go back. Compare with `show archive` and `show archive \
                 config differences` on it, and put it in order by hand.",
            )
        }
        Halt::Unsaved(lines) => {
            let text = format!("what a reload would bring on {router} is neither old nor new:{}", list(lines));
            Failure::new(Kind::CheckFailed, Lines(text)).hint("Save it or take it back by hand.")
        }
        Halt::Between => Failure::new(Kind::Failed, format!("{router} hangs between old and new and does not go back"))
            .hint(
                "By hand on it: configure replace nvram:startup-config force. What is saved is the old configuration.",
            ),
    }
}
