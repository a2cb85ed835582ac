//! What was done to a clone, told in one form for every system.

use super::linux;
use super::windows;
use std::fmt;

/// One change to the clone.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Action {
    /// What was changed: a file, a value of the registry, an initramfs.
    pub what: String,
    /// What it was; empty where there was nothing.
    pub before: String,
    /// What it is; empty where it went.
    pub after: String,
    /// Why.
    pub why: String,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
        write!(f, "{}: {} -> {} ({})", self.what, shown(&self.before), shown(&self.after), self.why)
    }
}

impl From<&linux::Edit> for Action {
    fn from(edit: &linux::Edit) -> Self {
        let (what, before, after) = edit.told();
        Self { what, before, after, why: edit.why.clone() }
    }
}

impl From<&windows::Edit> for Action {
    fn from(edit: &windows::Edit) -> Self {
        let (what, before, after) = edit.change.told();
        Self { what, before, after, why: edit.why.clone() }
    }
}
