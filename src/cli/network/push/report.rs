//! A push as the operator reads it: what would be done, and how it ended.

use super::refusal::Prepared;
use super::{Args, Lines, again};
use crate::cli::Context;
use crate::failure::{Failure, Kind};
use crate::model::TenantId;
use crate::network::push::campaign::{Campaign, Task, UNDONE};
use crate::network::push::router::Kind as TroubleKind;
use crate::network::push::run::{Ending, INTERRUPTED};
use crate::network::push::wanted::PlannedRouter;
use crate::network::push::{End, Halt, Saved};
use crate::untrusted::printable;
use serde_json::{Value, json};

/// What a push says as data: one document, printed once it is over.
#[derive(Debug, Default)]
pub(super) struct Told {
    plan: Option<Value>,
    ended: Option<Value>,
}

impl Told {
    /// Prints it where data is wanted as JSON.
    pub(super) fn print(&self, context: &Context) {
        if context.json && (self.plan.is_some() || self.ended.is_some()) {
            context.ui.json(&json!({ "plan": self.plan, "ended": self.ended }));
        }
    }
}

/// Shows the plan.
pub(super) fn plan(prepared: &Prepared, told: &mut Told, context: &Context) {
    if context.json {
        told.plan = Some(as_json(prepared));
        return;
    }
    let mut text: String = prepared.chosen.iter().map(|router| planned(router, prepared)).collect();
    if !prepared.later.is_empty() {
        text.push_str(&format!("For another push: {}\n", prepared.later.join(", ")));
    }
    context.ui.data(&text);
}

/// The plan of one router.
fn planned(router: &PlannedRouter, prepared: &Prepared) -> String {
    let change = &router.change;
    let mut text = format!("{}: change {}, {} lines\n", change.router, change.id(), change.lines.len());
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
    let mut list = |what: &str, lines: &[String]| {
        if !lines.is_empty() {
            text.push_str(&format!("  {what}:\n"));
            lines.iter().for_each(|line| text.push_str(&format!("    {}\n", printable(line))));
        }
    };
    let drift = prepared.drift.get(&change.router).cloned().unwrap_or_default();
    let unsaved = prepared.unsaved.get(&change.router).map(Vec::as_slice).unwrap_or_default();
    list("somebody changed these lines of ours since the last push (- gone, + new)", &drift.ours);
    list("these lines run otherwise than they are saved (- only runs, + only saved)", unsaved);
    if !drift.others.is_empty() {
        let count = drift.others.len();
        text.push_str(&format!("  changes in lines that are not ours, since the last push: {count}\n"));
    }
    text
}

/// That nothing is to be done, and where something is.
pub(super) fn nothing(prepared: &Prepared, args: &Args) -> String {
    let asked = args.router.as_deref().unwrap_or(if args.hub { "the hub" } else { "" });
    if prepared.later.is_empty() || asked.is_empty() {
        return "Nothing to do: the routers are as wanted.".to_owned();
    }
    let later = prepared.later.join(", ");
    format!("Nothing to do: {asked} is as wanted. Not so, and for another push: {later}.")
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
pub(super) fn open(open: &Campaign, tenant: &TenantId, told: &mut Told, context: &Context) {
    if !context.json {
        context.ui.data(&describe(open, tenant));
        return;
    }
    let settled: Vec<_> =
        open.settled().map(|(router, end)| json!({ "router": router, "configuration": word(end) })).collect();
    told.plan = Some(json!({
        "tenant": tenant,
        "open": open.begun.run,
        "goes_on_with": again(tenant, &open.begun.asked),
        "going_back": open.going_back(),
        "done": settled,
        "next": next(open),
        "perhaps_unsaved": open.perhaps_unsaved(),
    }));
}

fn next(open: &Campaign) -> Option<String> {
    match open.task() {
        Task::Drive { leg, .. } => Some(leg.router),
        Task::Over(..) => None,
    }
}

/// Which way a push that is not over goes, what is done, and what is next.
pub(super) fn describe(open: &Campaign, tenant: &TenantId) -> String {
    let go_on = again(tenant, &open.begun.asked);
    let mut text = format!("push {} is not over: {go_on}\n", open.begun.run);
    text.push_str(&match open.going_back() {
        Some(why) => format!("  it goes back: {why}\n"),
        None => format!("  it goes on; to take every router back instead: {} --undo\n", again(tenant, &[])),
    });
    for (router, end) in open.settled() {
        text.push_str(&format!("  done: {router}, {} configuration\n", word(end)));
    }
    let next = next(open).unwrap_or_else(|| "nothing but its end".to_owned());
    text.push_str(&format!("  next: {next}\n"));
    if let Some(router) = open.perhaps_unsaved() {
        text.push_str(&format!(
            "  {router} was being confirmed: what runs there may not be saved, and a reload would bring the \
             configuration before; to go on saves it\n"
        ));
    }
    printable(&text).to_string()
}

/// `old` or `new`.
pub(super) fn word(end: End) -> &'static str {
    match end {
        End::Old => "old",
        End::New => "new",
    }
}

/// How a push ended.
pub(super) fn ended(
    campaign: &Campaign,
    ending: Ending,
    tenant: &TenantId,
    told: &mut Told,
    context: &Context,
) -> Result<(), Failure> {
    let names: Vec<&str> = campaign.begun.changes.iter().map(|change| change.router.as_str()).collect();
    let (end, why) = match &ending {
        Ending::Over(end, reason) => (word(*end), reason.clone()),
        Ending::Halted(leg, _) => ("halted", Some(leg.router.clone())),
        Ending::Unreachable(_, trouble) => ("unreachable", Some(trouble.text.clone())),
        Ending::Refused(_, trouble) => ("refused", Some(trouble.text.clone())),
    };
    told.ended = Some(json!({ "push": campaign.begun.run, "end": end, "why": why, "routers": names }));
    let all = names.join(", ");
    let asked = again(tenant, &campaign.begun.asked);
    let done = match &ending {
        Ending::Over(End::New, _) => Some(format!("Done: {all}: confirmed, saved, and exactly as planned.")),
        Ending::Over(End::Old, Some(why)) if why == UNDONE => {
            Some(format!("Undone: {all}: exactly as before the push, running and startup."))
        }
        _ => None,
    };
    match done {
        Some(done) => {
            context.ui.status(&done);
            Ok(())
        }
        None => Err(unfinished(campaign, ending, &all, &asked)),
    }
}

fn unfinished(campaign: &Campaign, ending: Ending, all: &str, asked: &str) -> Failure {
    let repeat = format!("Then go on with: {asked}");
    match ending {
        Ending::Over(_, reason) => {
            let reason = reason.unwrap_or_default();
            let kind = if reason == INTERRUPTED { Kind::Interrupted } else { Kind::Failed };
            Failure::new(kind, format!("not pushed: {reason}"))
                .hint(format!("Every router is exactly as it was, running and startup: {all}."))
                .hint(format!("Mend the cause, then begin anew: {asked}"))
        }
        Ending::Unreachable(leg, trouble) => {
            let minutes = campaign.begun.minutes;
            Failure::new(Kind::Unreachable, trouble)
                .hint(format!(
                    "{} goes back by itself within {minutes} minutes of its last change, unless it was confirmed before.",
                    leg.router
                ))
                .hint(repeat)
        }
        Ending::Refused(leg, trouble) => {
            let hint = trouble.hint.clone();
            let kind = if trouble.kind == TroubleKind::Lost { Kind::Unreachable } else { Kind::Failed };
            Failure::new(kind, trouble)
                .hint(format!("{} is left as it is; a revert timer that runs brings it back.", leg.router))
                .hint(hint)
                .hint(repeat)
        }
        Ending::Halted(leg, halt) => halted(&leg.router, leg.back, halt).hint(repeat),
    }
}

fn halted(router: &str, back: bool, halt: Halt) -> Failure {
    let list = |lines: Vec<String>| lines.iter().map(|line| format!("\n  {line}")).collect::<String>();
    match halt {
        Halt::OthersTimer => {
            Failure::new(Kind::Waiting, format!("a revert timer runs on {router}, and it is not this push's"))
                .hint("Somebody is at work on it. Wait until it has run out or was confirmed.")
        }
        Halt::Drifted(lines) => {
            let text = format!("{router} is neither as it was nor on the way to what is wanted:{}", list(lines));
            Failure::new(Kind::CheckFailed, Lines(text))
                .hint(
                    "Somebody changed it meanwhile. Take these lines back by hand (`show archive config differences` \
                     on it tells when they came).",
                )
                .hint("If they are to stay, give this push up and plan anew: --abandon --reason TEXT.")
        }
        Halt::Unsaved(lines) => {
            let text = format!("what a reload would bring on {router} is neither old nor new:{}", list(lines));
            Failure::new(Kind::CheckFailed, Lines(text)).hint("Save it or take it back by hand.")
        }
        Halt::Between(saved) => {
            Failure::new(Kind::Failed, format!("{router} hangs between old and new and does not go back"))
                .hint(by_hand(saved, back))
        }
        Halt::Stuck(why) => Failure::new(Kind::Failed, format!("{router} could not be taken back: {why}"))
            .hint("It runs the new configuration, whole. The same command tries to take it back once more."),
    }
}

/// What to type on a router that hangs between two configurations. On the way back old and new have
/// changed places.
fn by_hand(saved: Saved, back: bool) -> String {
    let saved = match (saved, back) {
        (Saved::Old, false) | (Saved::New, true) => "the configuration before this push",
        (Saved::New, false) | (Saved::Old, true) => "the configuration that this push wants",
        (Saved::Neither, _) => {
            return "What is saved is neither of them. By hand on it: show archive, then configure replace FILE force \
                    with the last copy from before this push."
                .to_owned();
        }
    };
    format!("By hand on it: configure replace nvram:startup-config force. What is saved is {saved}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_for_a_router_in_between_names_what_is_saved() {
        let (before, wanted) = ("What is saved is the configuration before", "the configuration that this push wants");
        assert!(by_hand(Saved::Old, false).contains(before) && by_hand(Saved::New, true).contains(before));
        assert!(by_hand(Saved::New, false).contains(wanted) && by_hand(Saved::Old, true).contains(wanted));
        for back in [false, true] {
            assert!(!by_hand(Saved::Neither, back).contains("nvram:"));
        }
    }
}
