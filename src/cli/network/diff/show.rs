//! A change of routers as people read it, and as JSON.

use super::super::super::ui::Tone;
use super::super::Context;
use crate::network::NetworkPlan;
use crate::network::diff::{Change, ChangeClass, Difference, Patch, RouterChange, Sign, Step, differences};
use crate::untrusted::printable;
use serde::Serialize;
use std::fmt::Write as _;

/// A change as JSON.
#[derive(Serialize)]
struct Told<'a> {
    tenant: &'a str,
    class: ChangeClass,
    /// In the order of going; coming back is the reverse.
    routers: Vec<ToldRouter<'a>>,
    /// Steps that need a window, going and coming back.
    windows: usize,
}

#[derive(Serialize)]
struct ToldRouter<'a> {
    differences: Vec<Difference>,
    #[serde(flatten)]
    patch: &'a Patch,
}

/// What differs on the router of a patch.
fn differing(routers: &[RouterChange], patch: &Patch) -> Vec<Difference> {
    let name = format!("hostname {}", patch.router);
    let router = routers.iter().find(|router| router.running.line(&name).or(router.wanted.line(&name)).is_some());
    router.map(|router| differences(&router.running, &router.wanted, &router.own)).unwrap_or_default()
}

pub(super) fn json(plan: &NetworkPlan, routers: &[RouterChange], change: &Change, context: &Context) {
    let all = change.patches.iter().chain(&change.untouched);
    let routers = all.map(|patch| ToldRouter { differences: differing(routers, patch), patch }).collect();
    let windows = change.windows().count();
    context.ui.json(&Told { tenant: plan.tenant.as_str(), class: change.class, routers, windows });
}

pub(super) fn text(
    plan: &NetworkPlan,
    routers: &[RouterChange],
    change: &Change,
    list_foreign: bool,
    context: &Context,
) {
    let strong = |text: &str| context.ui.tone(Tone::Strong, text);
    let mut out = String::new();
    for patch in &change.patches {
        let _ = writeln!(out, "{}", strong(&format!("{}: what differs", patch.router)));
        differences_of(&mut out, &differing(routers, patch));
        let _ = writeln!(out, "\n{}", strong(&format!("{}: the way there", patch.router)));
        steps(&mut out, &patch.steps);
        let _ = writeln!(out, "\n{}", strong(&format!("{}: the way back", patch.router)));
        steps(&mut out, &patch.rollback);
        foreign(&mut out, patch, list_foreign);
        out.push('\n');
    }
    for patch in &change.untouched {
        let _ = writeln!(out, "{}: nothing differs", strong(&patch.router));
        foreign(&mut out, patch, list_foreign);
    }
    if !change.patches.is_empty() {
        let order: Vec<&str> = change.patches.iter().map(|patch| patch.router.as_str()).collect();
        let _ = writeln!(out, "{}", order_of(plan, change.class, &order));
    }
    context.ui.data(&out);
}

fn order_of(plan: &NetworkPlan, class: ChangeClass, order: &[&str]) -> String {
    let way = order.join(", then ");
    match (class, order.len()) {
        (_, 1) => format!("Only {way} of {} changes.", plan.tenant),
        (ChangeClass::Cutover | ChangeClass::Return, _) => {
            format!("Order, in one window: {way}; coming back is the exact reverse.")
        }
        (ChangeClass::Maintenance, _) => {
            format!("Order, never both CPEs in one window: {way}; coming back is the exact reverse.")
        }
    }
}

fn differences_of(out: &mut String, all: &[Difference]) {
    let mut object = "";
    for difference in all {
        if difference.object != object {
            object = &difference.object;
            let _ = writeln!(out, "  {}", printable(object));
        }
        let sign = match difference.sign {
            Sign::Added => '+',
            Sign::Removed => '-',
            Sign::Changed => '~',
        };
        let _ = write!(out, "    {sign} {}", printable(&difference.line));
        if let Some(was) = &difference.was {
            let _ = write!(out, "  (now: {})", printable(was));
        }
        out.push('\n');
    }
}

fn steps(out: &mut String, all: &[Step]) {
    for (at, step) in all.iter().enumerate() {
        let verdict = match &step.window {
            None => "no pair is lost".to_owned(),
            Some(reason) => format!("NEEDS A WINDOW: {}", printable(reason)),
        };
        if step.after_others {
            let _ = writeln!(out, "     now what changes beside the routers: the carrier's line, or the server's move");
        }
        for track in &step.wait_up {
            let _ = writeln!(out, "     wait until `show track {track}` says Up");
        }
        let _ = writeln!(out, "  {}. {}: {verdict}", at + 1, printable(&step.object));
        for line in &step.lines {
            let _ = writeln!(out, "       {}", printable(line));
        }
    }
}

fn foreign(out: &mut String, patch: &Patch, list: bool) {
    if patch.foreign.is_empty() {
        return;
    }
    let count = patch.foreign.len();
    let hint = if list { "" } else { " (--foreign lists them)" };
    let lines = if count == 1 { "1 line is".to_owned() } else { format!("{count} lines are") };
    let _ = writeln!(out, "\n  {lines} not traghetto's and stay as they are{hint}");
    for line in patch.foreign.iter().filter(|_| list) {
        let _ = writeln!(out, "    {}", printable(&line.line));
    }
}
