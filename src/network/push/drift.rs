//! What somebody else changed on a router since the last push.

use super::change::paths;
use crate::network::text::ConfigText;
use std::collections::BTreeSet;

/// The configuration that the last push left, as far as the journal knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastKnown {
    /// Its picture.
    pub picture: ConfigText,
    /// The lines in it that traghetto did not render.
    pub foreign: BTreeSet<String>,
}

/// What changed since.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Drift {
    /// Lines of ours that are gone (`-`), and lines in our objects that are new (`+`).
    pub ours: Vec<String>,
    /// The same of lines that traghetto did not render: told, and no reason to stop.
    pub foreign: Vec<String>,
}

/// Compares what runs with what the last push left. `foreign` are the lines that run and that
/// traghetto would not render.
pub fn drift(last: &LastKnown, running: &ConfigText, foreign: &BTreeSet<String>) -> Drift {
    let (before, now) = (paths(&last.picture), paths(running));
    let (known, here): (BTreeSet<&String>, BTreeSet<&String>) = (before.iter().collect(), now.iter().collect());
    let mut drift = Drift::default();
    for line in before.iter().filter(|line| !here.contains(line)) {
        let list = if last.foreign.contains(line) { &mut drift.foreign } else { &mut drift.ours };
        list.push(format!("- {line}"));
    }
    for line in now.iter().filter(|line| !known.contains(line)) {
        let list = if foreign.contains(line) { &mut drift.foreign } else { &mut drift.ours };
        list.push(format!("+ {line}"));
    }
    drift
}
