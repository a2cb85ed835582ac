//! Outcomes as a table, as JSON, as JUnit.

use super::super::super::table::Table;
use super::super::super::ui::Tone;
use super::{Context, Simulated};
use crate::network::simulate::{Failures, Hop, Outage, Outcome, Verdict, tally};
use crate::untrusted::printable;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The word for some failures: their words with `+` between, `none` for none.
pub(super) fn id(failures: &Failures) -> String {
    let ids: Vec<_> = failures.elements().iter().map(|element| element.id()).collect();
    if ids.is_empty() { "none".to_owned() } else { ids.join("+") }
}

/// Outcomes by failure, in their order.
pub(super) fn by_failure(outcomes: &[Outcome]) -> impl Iterator<Item = (&Failures, &[Outcome])> {
    outcomes.chunk_by(|a, b| a.failures == b.failures).filter_map(|all| Some((&all.first()?.failures, all)))
}

/// The outcomes of some failures.
pub(super) fn of(outcomes: &[Outcome], failures: &Failures) -> Vec<Outcome> {
    outcomes.iter().filter(|outcome| outcome.failures == *failures).cloned().collect()
}

/// One row for each failure, then why.
pub(super) fn table(simulated: &[Simulated], context: &Context) {
    for one in simulated {
        let mut table = Table::new(["failure", "verdict", "outage", "way"]);
        let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut order = Vec::new();
        for (failures, outcomes) in by_failure(&one.outcomes) {
            let double = failures.elements().len() > 1;
            let unsurprising = outcomes.iter().all(|outcome| {
                let fine = outcome.pair.verdict == Verdict::Reachable || outcome.accepted.is_some();
                fine && outcome.stuck.is_none()
            });
            if double && unsurprising && one.outcomes.len() > outcomes.len() {
                continue;
            }
            table.row([failures.to_string(), verdicts(outcomes), outage(outcomes), way(outcomes)]);
            for reason in why(outcomes) {
                if !reasons.contains_key(&reason) {
                    order.push(reason.clone());
                }
                reasons.entry(reason).or_default().push(failures.to_string());
            }
        }
        let title = format!("{}: {}", one.tenant, summary(&one.outcomes));
        context.ui.data(&format!(
            "{}\n{}",
            context.ui.tone(Tone::Strong, &printable(&title)),
            printable_lines(&table.render())
        ));
        let mut text = String::new();
        for reason in order {
            let _ =
                writeln!(text, "- {}: {}", reasons.get(&reason).map(|all| all.join(", ")).unwrap_or_default(), reason);
        }
        context.ui.data(&format!("\nWhy\n{}\n", printable_lines(&text)));
    }
}

fn printable_lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", printable(line))).collect()
}

/// How many pairs of how many failures end how.
fn summary(outcomes: &[Outcome]) -> String {
    let count = |least: usize, most: usize| {
        let within = |outcome: &&Outcome| (least..=most).contains(&outcome.failures.elements().len());
        let chosen: Vec<&Outcome> = outcomes.iter().filter(within).collect();
        let failures = chosen.chunk_by(|a, b| a.failures == b.failures).count();
        let found = tally(chosen);
        (
            failures,
            format!(
                "{} reachable, {} degraded, {} lost with no way left, {} lost although a way is left",
                found.reachable, found.degraded, found.accepted, found.lost
            ),
        )
    };
    let (single, text) = count(1, 1);
    let mut summary = format!("{single} single failures: {text}");
    let (double, text) = count(2, usize::MAX);
    if double > 0 {
        let _ = write!(summary, "; {double} double: {text}");
    }
    summary
}

/// The verdicts of all pairs, in as few words as they allow.
fn verdicts(outcomes: &[Outcome]) -> String {
    let word = |outcome: &Outcome| match (outcome.pair.verdict, outcome.accepted) {
        (Verdict::Lost, Some(_)) => "lost (accepted)".to_owned(),
        (Verdict::Lost, None) => "LOST".to_owned(),
        (verdict, _) => verdict.to_string(),
    };
    let words = grouped(outcomes, &word);
    if outcomes.iter().any(|outcome| outcome.stuck.is_some()) { format!("{words}, STAYS") } else { words }
}

/// One word if all pairs have it, else one for each client or pair.
fn grouped(outcomes: &[Outcome], word: &dyn Fn(&Outcome) -> String) -> String {
    let same = |list: &[&Outcome]| {
        let first = word(list.first()?);
        list.iter().all(|outcome| word(outcome) == first).then_some(first)
    };
    let all: Vec<&Outcome> = outcomes.iter().collect();
    if let Some(word) = same(&all) {
        return word;
    }
    let mut clients: Vec<&str> = Vec::new();
    for outcome in outcomes {
        if !clients.contains(&&*outcome.pair.client) {
            clients.push(&outcome.pair.client);
        }
    }
    let told = clients.iter().map(|client| {
        let own: Vec<&Outcome> = outcomes.iter().filter(|outcome| &*outcome.pair.client == *client).collect();
        match same(&own) {
            Some(word) => format!("{client} {word}"),
            None => {
                let pairs = own.iter().map(|outcome| format!("{client}>{} {}", outcome.pair.server, word(outcome)));
                pairs.collect::<Vec<_>>().join(", ")
            }
        }
    });
    told.collect::<Vec<_>>().join(", ")
}

fn outage(outcomes: &[Outcome]) -> String {
    let spans = outcomes.iter().filter_map(|outcome| outcome.outage.as_ref());
    let all = spans.fold(None, |all: Option<(u32, u32)>, outage| {
        let (min, max) = all.unwrap_or((outage.min_ms, outage.max_ms));
        Some((min.min(outage.min_ms), max.max(outage.max_ms)))
    });
    match all {
        None => "-".to_owned(),
        Some((0, 0)) => "none".to_owned(),
        Some((min, max)) if min == max => format!("{} s", seconds(min)),
        Some((min, max)) => format!("{}-{} s", seconds(min), seconds(max)),
    }
}

/// The routers on the way of the first pair that is not lost, with the ports by which it leaves them.
fn way(outcomes: &[Outcome]) -> String {
    let found = outcomes.iter().find(|outcome| outcome.pair.verdict != Verdict::Lost);
    let hop = |hop: &Hop| hop.egress.as_ref().map(|port| format!("{} {}", hop.node, short(port)));
    found.map_or_else(
        || "-".to_owned(),
        |outcome| {
            let hops: Vec<_> = outcome.pair.path.iter().filter_map(hop).collect();
            if hops.is_empty() { "in the LAN".to_owned() } else { hops.join(" > ") }
        },
    )
}

fn short(port: &str) -> String {
    port.replace("GigabitEthernet", "Gi")
        .replace("Cellular", "Ce")
        .replace("Virtual-Template", "Vt")
        .replace("Tunnel", "Tu")
}

/// Why pairs are lost or degraded, or how long they are lost; each once.
fn why(outcomes: &[Outcome]) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    for outcome in outcomes {
        let verdict = outcome.pair.verdict;
        let mut text = match &outcome.pair.reason {
            Some(reason) => format!("{verdict}: {reason}"),
            None => match &outcome.outage {
                Some(outage) if outage.max_ms > 0 => format!("until {}", outage.formula()),
                _ => continue,
            },
        };
        if let Some(accepted) = outcome.accepted {
            let _ = write!(text, "; accepted: {}", accepted.because());
        }
        if !reasons.contains(&text) {
            reasons.push(text);
        }
    }
    reasons.extend(outcomes.first().and_then(stays));
    reasons
}

/// What does not come back, in words.
fn stays(outcome: &Outcome) -> Option<String> {
    let stuck = outcome.stuck.as_ref()?;
    let when = if outcome.failures.elements().is_empty() { "all routers started anew" } else { "everything is mended" };
    Some(format!("does NOT come back: when {when}, {stuck}"))
}

fn seconds(ms: u32) -> f64 {
    f64::from(ms) / 1000.0
}

/// One object for each failure, client and server.
pub(super) fn json(simulated: &[Simulated]) -> serde_json::Value {
    let all = simulated.iter().flat_map(|one| one.outcomes.iter().map(|outcome| object(one, outcome)));
    serde_json::Value::Array(all.collect())
}

fn object(one: &Simulated, outcome: &Outcome) -> serde_json::Value {
    let pair = &outcome.pair;
    let span = |outage: &Outage| serde_json::json!({"min": seconds(outage.min_ms), "max": seconds(outage.max_ms)});
    serde_json::json!({
        "tenant": one.tenant,
        "failure": id(&outcome.failures),
        "client": &*pair.client,
        "server": &*pair.server,
        "verdict": pair.verdict,
        "outage_seconds": outcome.outage.as_ref().map(span),
        "formula": outcome.outage.as_ref().map(Outage::formula),
        "path": pair.path,
        "back": pair.back,
        "reason": pair.reason,
        "accepted": outcome.accepted,
        "stuck": outcome.stuck,
        "unread": one.unread,
    })
}

/// A suite for each tenant, a case for each failure.
pub(super) fn junit(simulated: &[Simulated]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for one in simulated {
        let cases: Vec<_> = by_failure(&one.outcomes).collect();
        let broken = |outcomes: &[Outcome]| outcomes.iter().any(is_broken);
        let unread = usize::from(!one.unread.is_empty());
        let failed = unread + cases.iter().filter(|(_, outcomes)| broken(outcomes)).count();
        let name = xml(&one.tenant);
        let tests = unread + cases.len();
        let _ = writeln!(text, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failed}\">");
        if unread > 0 {
            let _ = writeln!(text, "    <testcase classname=\"{name}\" name=\"every line that decides is read\">");
            for reason in &one.unread {
                let _ = writeln!(text, "      <failure message=\"{}\"/>", xml(&reason.to_string()));
            }
            let _ = writeln!(text, "    </testcase>");
        }
        for (failures, outcomes) in cases {
            let _ = write!(text, "    <testcase classname=\"{name}\" name=\"{}\"", xml(&failures.to_string()));
            let mut inside = String::new();
            if let Some(told) = outcomes.first().filter(|outcome| is_broken(outcome)).and_then(stays) {
                let _ = writeln!(inside, "      <failure message=\"{}\"/>", xml(&told));
            }
            for outcome in outcomes.iter().filter(|outcome| outcome.pair.verdict != Verdict::Reachable) {
                let pair = &outcome.pair;
                let reason = pair.reason.as_ref().map(ToString::to_string).unwrap_or_default();
                let told = format!("{} to {}: {}: {reason}", pair.client, pair.server, pair.verdict);
                match outcome.accepted {
                    _ if is_lost(outcome) => {
                        let _ = writeln!(inside, "      <failure message=\"{}\"/>", xml(&told));
                    }
                    accepted => {
                        let because = accepted.map_or("two failures at once", |accepted| accepted.because());
                        let _ = writeln!(
                            inside,
                            "      <system-out>{}</system-out>",
                            xml(&format!("{told}; accepted: {because}"))
                        );
                    }
                }
            }
            let _ = match inside.as_str() {
                "" => writeln!(text, "/>"),
                _ => writeln!(text, ">\n{inside}    </testcase>"),
            };
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

/// Whether an outcome should not be: in one failure at most lost or degraded although a way is left, or
/// not coming back.
fn is_broken(outcome: &Outcome) -> bool {
    is_lost(outcome) || (outcome.failures.elements().len() <= 1 && outcome.stuck.is_some())
}

fn is_lost(outcome: &Outcome) -> bool {
    outcome.failures.elements().len() <= 1 && outcome.pair.verdict != Verdict::Reachable && outcome.accepted.is_none()
}

/// Text inside XML: no markup, no control characters.
fn xml(text: &str) -> String {
    printable(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
