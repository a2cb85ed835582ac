//! What several phases kept of the same thing, side by side. Nobody is asked: it is in the journal.

use super::compare::{Captured, Compare, Difference};
use super::expect::{Datum, Reading};
use super::finding::Subject;
use super::item::{Check, Checklist, Phase};
use super::record::RunRecord;
use crate::model::bilingual::Bilingual;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What was kept under one key of one subject, phase by phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Across {
    /// The key.
    pub key: String,
    /// Of what.
    #[serde(flatten)]
    pub subject: Subject,
    /// The title of the item that kept it, in the first phase that did.
    pub title: Bilingual,
    /// One for each phase asked for, in their order.
    pub phases: Vec<Kept>,
}

/// What one phase kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kept {
    /// The phase.
    pub phase: Phase,
    /// When it was read; none if this phase kept nothing.
    pub time: Option<String>,
    /// How it stands against the first phase.
    #[serde(flatten)]
    pub state: State,
}

/// How a phase stands against the first one that is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Nothing was kept.
    Missing,
    /// It is what the others are compared with: so many lines, or the value.
    First {
        /// In words.
        value: String,
    },
    /// The same as in the first phase.
    Same,
    /// It differs as the phase's item allows.
    Allowed {
        /// How.
        difference: Difference,
    },
    /// It differs, and the phase's item does not allow it; or no item says that it may.
    Differs {
        /// How.
        difference: Difference,
    },
}

impl Across {
    /// Whether a phase differs in what may not differ, or kept nothing.
    pub fn is_broken(&self) -> bool {
        self.phases.iter().any(|kept| matches!(kept.state, State::Differs { .. } | State::Missing))
    }
}

/// The last that each of `lists` kept, side by side: `runs` are pairs of time and data of events of
/// [`RunRecord::KIND`], the oldest first. Rules and patterns are those of each list's own items.
pub fn across<'a>(lists: &[Checklist], runs: impl Iterator<Item = (&'a str, &'a Value)>) -> Vec<Across> {
    let mut last: BTreeMap<(String, Subject), Thing> = BTreeMap::new();
    for (time, data) in runs {
        let Ok(run) = RunRecord::deserialize(data) else { continue };
        for finding in run.findings {
            let Some(captured) = finding.captured else { continue };
            let thing = last.entry((captured.key.clone(), finding.subject)).or_default();
            thing.titles.insert(run.phase, finding.title);
            thing.kept.insert(run.phase, (time.to_owned(), captured));
        }
    }
    let rows = last.into_iter().filter_map(|((key, subject), thing)| {
        let title = lists.iter().find_map(|list| thing.titles.get(&list.phase))?.clone();
        let first = lists.iter().find_map(|list| thing.kept.get(&list.phase).map(|(_, kept)| (list.phase, kept)))?;
        let phases = lists.iter().map(|list| thing.in_phase(list, &key, first)).collect();
        Some(Across { key, subject, title, phases })
    });
    rows.collect()
}

#[derive(Default)]
struct Thing {
    titles: BTreeMap<Phase, Bilingual>,
    kept: BTreeMap<Phase, (String, Captured)>,
}

impl Thing {
    fn in_phase(&self, list: &Checklist, key: &str, (first, before): (Phase, &Captured)) -> Kept {
        let Some((time, now)) = self.kept.get(&list.phase) else {
            return Kept { phase: list.phase, time: None, state: State::Missing };
        };
        let state =
            if list.phase == first { State::First { value: value(now) } } else { state(list, key, before, now) };
        Kept { phase: list.phase, time: Some(time.clone()), state }
    }
}

fn state(list: &Checklist, key: &str, before: &Captured, now: &Captured) -> State {
    let item = rule(list, key);
    let (of, ignore) = item.map_or(("lines", &[][..]), |compare| (compare.of, compare.ignore.as_slice()));
    let difference = match (before.get(of), now.get(of)) {
        (Some(before), Some(now)) => Difference::between(before, now, ignore),
        (before, now) => {
            let words = |datum: Option<&Datum>| datum.cloned().unwrap_or_else(|| Datum::Text(String::new()));
            Difference { changed: (before != now).then(|| (words(before), words(now))), ..Difference::default() }
        }
    };
    if difference.is_none() {
        return State::Same;
    }
    let reading = now.get(of).map(|datum| Reading::default().with(of, datum.clone())).unwrap_or_default();
    match item {
        Some(compare) if compare.rule.is_some() && compare.broken(before, &reading).is_none() => {
            State::Allowed { difference }
        }
        _ => State::Differs { difference },
    }
}

/// How the item of `list` that keeps `key` compares.
fn rule<'l>(list: &'l Checklist, key: &str) -> Option<&'l Compare> {
    list.items.iter().find_map(|item| match &item.check {
        Check::Probe { compare: Some(compare), .. } if compare.key == key => Some(compare),
        _ => None,
    })
}

/// What was kept, in a few words.
fn value(kept: &Captured) -> String {
    let number = || kept.get("number").map(ToString::to_string);
    match kept.get("lines") {
        Some(Datum::List(lines)) if lines.len() != 1 => format!("{} lines", lines.len()),
        _ => number().or_else(|| kept.values.values().next().map(ToString::to_string)).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
