//! What was there before has to be there after: the answers kept by the source phase, and the rules
//! by which those of the test and the landing are compared with them.

use super::expect::{Datum, Reading};
use super::expression::Glob;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What an item keeps of its answer, and how it is compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compare {
    /// By which the answers of several phases are known to be about the same thing.
    pub key: String,
    /// The attribute that is compared.
    pub of: &'static str,
    /// What must hold between before and now; none where an expression says it.
    pub rule: Option<Rule>,
    /// Lines that are left out, before and now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<Glob>,
}

/// What must hold between before and now.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The same; lines in any order.
    Equal,
    /// Nothing of before is lost; something may be new.
    Superset,
    /// Nothing is new; something may be lost.
    Subset,
    /// A number differs by no more than this.
    Tolerance {
        /// The number itself, or this share of it, whichever is more.
        absolute: f64,
        /// Percent of what it was.
        percent: f64,
    },
    /// A number is not smaller than it was.
    Monotone,
}

/// What was kept of one answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Captured {
    /// Of what.
    pub key: String,
    /// The attributes, lists sorted: the same state gives the same bytes.
    pub values: BTreeMap<String, Datum>,
}

impl Captured {
    /// What is kept of `reading` under `key`.
    pub fn of(key: &str, reading: &Reading) -> Self {
        let value = |datum: &Datum| match datum {
            Datum::List(list) => Datum::List(sorted(list)),
            other => other.clone(),
        };
        // A script's text repeats its lines; one line is kept as a text, too, for `before.stdout`.
        let twice = matches!(reading.get("lines"), Some(Datum::List(lines)) if lines.len() != 1);
        let kept = reading.iter().filter(|(name, _)| !(twice && *name == "stdout"));
        Self { key: key.to_owned(), values: kept.map(|(name, datum)| (name.to_owned(), value(datum))).collect() }
    }

    /// An attribute.
    pub fn get(&self, attribute: &str) -> Option<&Datum> {
        self.values.get(attribute)
    }
}

fn sorted(list: &[String]) -> Vec<String> {
    let mut list = list.to_vec();
    list.sort();
    list
}

/// How now differs from before.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Difference {
    /// Lines that are no longer there.
    pub lost: Vec<String>,
    /// Lines that were not there.
    pub new: Vec<String>,
    /// Before and now, where they are not lists.
    pub changed: Option<(Datum, Datum)>,
}

impl Difference {
    /// The difference between two values, without the lines that `ignore` names.
    pub fn between(before: &Datum, now: &Datum, ignore: &[Glob]) -> Self {
        let (Datum::List(before), Datum::List(now)) = (before, now) else {
            let changed = (before != now).then(|| (before.clone(), now.clone()));
            return Self { changed, ..Self::default() };
        };
        let kept = |list: &[String]| -> Vec<String> {
            list.iter().filter(|line| !ignore.iter().any(|glob| glob.matches(line))).cloned().collect()
        };
        let (before, now) = (kept(before), kept(now));
        Self { lost: without(&before, &now), new: without(&now, &before), changed: None }
    }

    /// Whether nothing differs.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// The elements of `one` that `other` has not, as often as they are missing.
fn without(one: &[String], other: &[String]) -> Vec<String> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for line in other {
        *left.entry(line).or_default() += 1;
    }
    let missing = one.iter().filter(|line| match left.get_mut(line.as_str()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    missing.cloned().collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (word, lines) in [("lost", &self.lost), ("new", &self.new)] {
            if !lines.is_empty() {
                let more = lines.len().saturating_sub(SHOWN);
                let shown = lines.iter().take(SHOWN).map(|line| format!("`{line}`")).collect::<Vec<_>>().join(", ");
                let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
                parts.push(format!("{word} {shown}{rest}"));
            }
        }
        if let Some((before, now)) = &self.changed {
            parts.push(format!("was {before}, is {now}"));
        }
        f.write_str(&parts.join("; "))
    }
}

/// Lines of a difference that a message names.
const SHOWN: usize = 4;

impl Compare {
    /// What does not hold between `before` and `now`, in words; none where the rule holds.
    pub fn broken(&self, before: &Captured, now: &Reading) -> Option<String> {
        let rule = self.rule?;
        let Some(now) = now.get(self.of) else { return Some(format!("{} could not be read", self.of)) };
        let Some(before) = before.get(self.of) else { return Some(format!("the baseline has no {}", self.of)) };
        let mut difference = Difference::between(before, now, &self.ignore);
        match rule {
            Rule::Equal => {}
            Rule::Superset => difference.new.clear(),
            Rule::Subset => difference.lost.clear(),
            Rule::Tolerance { .. } | Rule::Monotone => {
                let (Datum::Number(before), Datum::Number(now)) = (before, now) else {
                    return Some(format!("{} is not a number", self.of));
                };
                let holds = rule.holds_of(*before, *now);
                return (!holds).then(|| format!("{} was {before}, is {now} (expected: {rule})", self.of));
            }
        }
        (!difference.is_none()).then(|| format!("{}: {difference} (expected: {rule})", self.of))
    }
}

impl Rule {
    /// The words for the rules in a checklist.
    pub(super) const WORDS: [(&'static str, &'static str); 5] = [
        ("equal", "equal"),
        ("superset", "superset"),
        ("subset", "subset"),
        ("tolerance", "tolerance"),
        ("monotone", "monotone"),
    ];

    fn holds_of(self, before: f64, now: f64) -> bool {
        match self {
            Rule::Tolerance { absolute, percent } => {
                (now - before).abs() <= absolute.max(before.abs() * percent / 100.0)
            }
            Rule::Monotone => now >= before,
            Rule::Equal | Rule::Superset | Rule::Subset => before == now,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Equal => f.write_str("as before"),
            Rule::Superset => f.write_str("nothing lost"),
            Rule::Subset => f.write_str("nothing new"),
            Rule::Tolerance { absolute, percent } => write!(f, "within {absolute} or {percent} % of before"),
            Rule::Monotone => f.write_str("not less than before"),
        }
    }
}

#[cfg(test)]
mod tests;
