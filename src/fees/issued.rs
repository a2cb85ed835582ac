//! What was already sent: the frozen statement, and the conguaglio when the inputs changed since.

use super::statement::{Statement, Totals};
use super::vat::Amount;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::ops::Sub;

/// A statement that was sent: the data of the event `fees.issued`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Protocol number and date.
    pub mark: Mark,
    /// The statement as sent.
    pub statement: Statement,
    /// The issue that this one follows for the same year, if it is not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<Mark>,
    /// This statement less the one it follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjustment: Option<Totals>,
}

/// Under which number and date a document left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Protocol number, free text.
    pub prot: String,
    /// Its date.
    pub date: Date,
}

/// A statement as it is printed: a draft, or the issued one with what changed since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    /// As issued, or as computed now.
    #[serde(flatten)]
    pub statement: Statement,
    /// Number and date; none on a draft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued: Option<Mark>,
    /// Present when the inputs changed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjustment: Option<Adjustment>,
}

/// Conguaglio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Adjustment {
    /// Totals as computed now.
    pub current: Totals,
    /// What is owed beyond the issued document, negative if it asked too much; none where the
    /// current total is not known.
    pub difference: Totals,
}

impl Issue {
    /// Kind of the event that records an issue.
    pub const KIND: &'static str = "fees.issued";

    /// The issue of `statement` under `mark`, after the last one of the same tenant and year.
    pub fn new(statement: Statement, mark: Mark, last: Option<&Issue>) -> Self {
        Self {
            mark,
            follows: last.map(|last| last.mark.clone()),
            adjustment: last.map(|last| statement.totals.combine(last.statement.totals, Amount::sub)),
            statement,
        }
    }
}

impl Document {
    /// What is printed for `current`, given the last issue of the same tenant and year.
    pub fn new(current: Statement, last: Option<&Issue>) -> Self {
        let Some(issue) = last else { return Self { statement: current, issued: None, adjustment: None } };
        let changed = current.digest != issue.statement.digest;
        let difference = current.totals.combine(issue.statement.totals, Amount::sub);
        Self {
            statement: issue.statement.clone(),
            issued: Some(issue.mark.clone()),
            adjustment: changed.then_some(Adjustment { current: current.totals, difference }),
        }
    }
}
