//! A plan in the making: the files as they will be, and what is done beside them.

use super::facts::Tree;
use crate::untrusted::printable;
use std::collections::BTreeMap;
use std::fmt;

/// One change to the clone.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Change {
    /// A text file made, changed or removed.
    File {
        /// Its path in the system.
        path: String,
        /// Its text before; none where it was not there.
        before: Option<String>,
        /// Its text after; none where it goes.
        after: Option<String>,
    },
    /// A link moved or removed: how a service is started.
    Link {
        /// Its path.
        path: String,
        /// Where it points.
        target: String,
        /// Its new path; none where it goes.
        after: Option<String>,
    },
    /// A copy of a file on the system partition of UEFI.
    Copy {
        /// The file.
        from: String,
        /// The copy, which was not there.
        to: String,
    },
    /// The initramfs of a kernel made anew, by the system's own program.
    Initramfs {
        /// The kernel.
        kernel: String,
        /// The file.
        path: String,
        /// The drivers that it gains; none where only files in it changed.
        gains: Vec<String>,
    },
}

/// One change, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Edit {
    /// The change.
    pub change: Change,
    /// Why.
    pub why: String,
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, before, after) = self.told();
        let shown = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
        write!(f, "{what}: {} -> {} ({})", shown(&before), shown(&after), self.why)
    }
}

impl Edit {
    /// What is changed, and the lines that differ before and after, as one text each.
    pub fn told(&self) -> (String, String, String) {
        match &self.change {
            Change::File { path, before, after } => {
                let lines = |text: &Option<String>, other: &Option<String>| -> String {
                    let others: Vec<&str> = other.as_deref().unwrap_or_default().lines().collect();
                    let own = text.as_deref().unwrap_or_default().lines().filter(|line| !others.contains(line));
                    let quoted: Vec<String> = own
                        .filter(|line| !line.trim().is_empty())
                        .map(|line| format!("`{}`", printable(line.trim())))
                        .collect();
                    quoted.join(" ")
                };
                let verb = match (before, after) {
                    (None, _) => " made",
                    (_, None) => " removed",
                    _ => "",
                };
                (format!("{}{verb}", printable(path)), lines(before, after), lines(after, before))
            }
            Change::Link { path, target, after } => {
                let after = after.as_deref().map_or(String::new(), printable);
                (printable(path), format!("link to {}", printable(target)), after)
            }
            Change::Copy { from, to } => (format!("ESP {to}"), String::new(), format!("copy of {from}")),
            Change::Initramfs { kernel, path, gains } => {
                let gains = if gains.is_empty() { "the changed files".to_owned() } else { gains.join(" ") };
                (format!("{path} of {kernel}"), "without them".to_owned(), format!("with {gains}"))
            }
        }
    }
}

/// Edits, of which none asks for what is there.
pub(super) struct Draft<'a> {
    tree: &'a Tree,
    files: BTreeMap<String, (Option<String>, Vec<String>)>,
    edits: Vec<Edit>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(tree: &'a Tree) -> Self {
        Self { tree, files: BTreeMap::new(), edits: Vec::new() }
    }

    /// The text of a file as it will be.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        match self.files.get(path) {
            Some((text, _)) => text.as_deref(),
            None => self.tree.texts.get(path).map(String::as_str),
        }
    }

    /// A file as it shall be; none removes it.
    pub(super) fn file(&mut self, path: &str, after: Option<String>, why: &str) {
        if self.text(path) == after.as_deref() {
            return;
        }
        let (text, reasons) = self.files.entry(path.to_owned()).or_default();
        *text = after;
        if !reasons.iter().any(|reason| reason == why) {
            reasons.push(why.to_owned());
        }
    }

    /// A change beside the files.
    pub(super) fn push(&mut self, change: Change, why: &str) {
        self.edits.push(Edit { change, why: why.to_owned() });
    }

    /// Whether a file below one of these places will change.
    pub(super) fn touches(&self, places: &[&str]) -> bool {
        self.files.keys().any(|path| places.iter().any(|place| path.starts_with(place)))
    }

    /// Files first, then what is made from them.
    pub(super) fn finish(self) -> Vec<Edit> {
        let tree = self.tree;
        let files = self.files.into_iter().filter_map(|(path, (after, reasons))| {
            let before = tree.texts.get(&path).cloned();
            let changed = before != after;
            let change = Change::File { path, before, after };
            changed.then(|| Edit { change, why: reasons.join("; ") })
        });
        files.chain(self.edits).collect()
    }
}
