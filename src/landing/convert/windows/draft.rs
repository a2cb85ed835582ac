//! A plan in the making: what is wished for, less what already is.

use super::registry::{Change, Hive, Value};
use std::collections::BTreeSet;
use std::fmt;

/// One change, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The change: key, value, type, before and after.
    pub change: Change,
    /// Why.
    pub why: String,
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.change, self.why)
    }
}

/// Edits, of which none asks for what is there.
pub(super) struct Draft<'a> {
    hive: &'a Hive,
    made: BTreeSet<String>,
    edits: Vec<Edit>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(hive: &'a Hive) -> Self {
        Self { hive, made: BTreeSet::new(), edits: Vec::new() }
    }

    /// A key, and those above it.
    pub(super) fn key(&mut self, path: &str, why: &str) {
        let ends = path.match_indices('\\').map(|(at, _)| at).chain([path.len()]);
        for key in ends.map(|end| &path[..end]) {
            if self.hive.key(key).is_none() && self.made.insert(key.to_ascii_lowercase()) {
                self.edits.push(Edit { change: Change::KeyMade { key: key.to_owned() }, why: why.to_owned() });
            }
        }
    }

    /// A value of a key that is there or was drafted; none removes it.
    pub(super) fn value(&mut self, key: &str, name: &str, after: Option<Value>, why: &str) {
        let (spelled, before) = match self.hive.entry(key, name) {
            Some((spelled, value)) => (spelled, Some(value.clone())),
            None => (name, None),
        };
        if before == after {
            return;
        }
        let key = self.hive.key(key).unwrap_or(key).to_owned();
        let change = Change::Value { key, name: spelled.to_owned(), before, after };
        self.edits.push(Edit { change, why: why.to_owned() });
    }

    /// The edits in the order in which changes are compared.
    pub(super) fn finish(mut self) -> Vec<Edit> {
        self.edits.sort_by(|one, other| one.change.cmp(&other.change));
        self.edits
    }
}
