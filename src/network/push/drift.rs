//! What somebody else changed on a router since the last push.

use super::change::paths;
use crate::network::diff::Ownership;
use crate::network::text::ConfigText;
use std::collections::BTreeSet;

/// What changed since the last push.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Drift {
    /// Lines of ours that are gone (`-`) or new (`+`).
    pub ours: Vec<String>,
    /// The same of lines that are not ours: told, and no reason to stop.
    pub others: Vec<String>,
}

/// Compares what runs with what the last push left, both as pictures.
pub fn drift(last: &ConfigText, running: &ConfigText, own: &Ownership) -> Drift {
    let mut ours = own.lines(last);
    ours.extend(own.lines(running));
    let (before, now): (BTreeSet<String>, BTreeSet<String>) =
        (paths(last).into_iter().collect(), paths(running).into_iter().collect());
    let mut drift = Drift::default();
    for (mark, line) in
        before.difference(&now).map(|line| ('-', line)).chain(now.difference(&before).map(|line| ('+', line)))
    {
        let list = if ours.contains(line) { &mut drift.ours } else { &mut drift.others };
        list.push(format!("{mark} {line}"));
    }
    drift
}
