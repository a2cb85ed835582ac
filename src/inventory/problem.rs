//! What is wrong with a file, where, and what to write instead.

use crate::untrusted::printable;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

/// Line and column of a character, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// The way from a file's root to a value, such as `servers[1].disks[0].id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(transparent)]
pub struct KeyPath(String);

impl KeyPath {
    /// The file's root.
    pub fn root() -> Self {
        Self::default()
    }

    /// The path of `key` below this one. `key` may itself be a path.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        match (self.0.as_str(), key) {
            ("", _) => Self(key.to_owned()),
            (_, "") => self.clone(),
            (parent, _) => Self(format!("{parent}.{key}")),
        }
    }

    /// The path of an item of this list.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is wrong with a value, before its place is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    message: String,
    hint: Option<String>,
}

impl Complaint {
    /// A complaint without a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// One thing that is wrong in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, relative to the root.
    pub file: String,
    /// Where in the file; none if the file as a whole is meant.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// Which value.
    pub path: KeyPath,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem of the value at `path`.
    pub fn new(file: &str, place: Option<Place>, path: KeyPath, complaint: Complaint) -> Self {
        Self { file: file.to_owned(), place, path, message: complaint.message, hint: complaint.hint }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.file.clone();
        if let Some(Place { line, column }) = self.place {
            let _ = write!(text, ":{line}:{column}");
        }
        if !self.path.as_str().is_empty() {
            let _ = write!(text, ": {}", self.path.as_str());
        }
        let _ = write!(text, ": {}", self.message);
        f.write_str(&printable(&text))?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {}", printable(hint)),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong, sorted by file and place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Problems {
    list: Vec<Problem>,
}

impl Problems {
    /// No problem.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a problem.
    pub fn push(&mut self, problem: Problem) {
        self.list.push(problem);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// How many there are, in words.
    pub fn count(&self) -> String {
        let files: BTreeSet<&str> = self.list.iter().map(|problem| problem.file.as_str()).collect();
        let counted = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        format!("{} in {}", counted(self.list.len(), "problem"), counted(files.len(), "file"))
    }

    /// The problems.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// Whether one of them is in `file`.
    pub fn concern(&self, file: &str) -> bool {
        self.list.iter().any(|problem| problem.file == file)
    }

    /// Takes the problems of `other` as well.
    pub fn append(&mut self, mut other: Problems) {
        self.list.append(&mut other.list);
    }

    /// `value` if there is no problem, otherwise all problems in the order in which one mends them.
    ///
    /// # Errors
    /// The problems, sorted by file and place, each once.
    pub fn or<T>(mut self, value: Option<T>) -> Result<T, Problems> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            _ => {
                self.list.sort_by(|a, b| (&a.file, a.place, &a.path).cmp(&(&b.file, b.place, &b.path)));
                self.list.dedup();
                Err(self)
            }
        }
    }
}

/// How many there are, then each on its own lines.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.count())?;
        self.list.iter().try_for_each(|problem| write!(f, "\n{problem}"))
    }
}

impl std::error::Error for Problems {}

/// Text of a file, fit for a message: in backticks, at most 60 characters.
pub fn quote(text: &str) -> String {
    const LIMIT: usize = 60;
    let start: String = text.chars().take(LIMIT).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", printable(&start))
}

/// Words for a hint: `a`, `b`, `c`.
pub fn quoted_list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quote).collect::<Vec<_>>().join(", ")
}

/// The candidate that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let scored = candidates.into_iter().map(|candidate| (strsim::jaro_winkler(&word, candidate), candidate));
    let (score, best) = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (score >= 0.8).then_some(best)
}
