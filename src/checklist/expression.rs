//! `expect: 'len(lines) >= 1 and all(lines, it matches "*.cinto.lan")'`: what must hold, as a text.
//!
//! A text becomes an [`Expression`] once, when the checklist is read: every name is known, every
//! type fits, and a mistake is reported with its place. It has no loops but `any`, `all` and
//! `count` over a list, no recursion beyond a limit and no effects; `eval` needs no clock, network
//! or file.

mod check;
mod eval;
mod glob;
mod lexer;
mod parser;
mod quantity;

pub use eval::Evaluated;
pub use glob::Glob;

use super::expect::{Attribute, Datum};
use super::scope::Scope;
use super::template::{NoText, Value, Variable};
use check::Typed;
use serde::{Serialize, Serializer};
use std::fmt;

/// Longest expression, in bytes.
const LONGEST: usize = 2000;
/// Most words of an expression: a chain of them is as deep as it is long.
const MOST_WORDS: usize = 300;
/// Deepest nesting of an expression.
const DEEPEST: usize = 24;

/// What must hold of an answer, checked against the attributes of its probe.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    source: String,
    root: Typed,
}

/// Why a text is not an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// At which character of the text, from 0.
    pub at: usize,
}

impl ExpressionError {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, at }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What an expression may name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    /// The attributes of the probe.
    pub(super) attributes: &'a [Attribute],
    /// The scope of the item, for the variables of the inventory.
    pub(super) scope: Scope,
    /// Whether there is a baseline: `before.X`.
    pub(super) before: bool,
}

impl Expression {
    /// Reads `source`.
    ///
    /// # Errors
    /// The first mistake, with its place in the text.
    pub(super) fn parse(source: &str, names: Names<'_>) -> Result<Self, ExpressionError> {
        if source.len() > LONGEST {
            return Err(ExpressionError::new(0, format!("the expression is longer than {LONGEST} bytes")));
        }
        let tokens = lexer::tokens(source)?;
        if let Some((_, at)) = tokens.get(MOST_WORDS) {
            return Err(ExpressionError::new(*at, format!("the expression has more than {MOST_WORDS} words")));
        }
        let tree = parser::parse(&tokens)?;
        let root = check::condition(&tree, names)?;
        Ok(Self { source: source.to_owned(), root })
    }

    /// The expression with the values that `value` gives for the inventory's variables.
    ///
    /// # Errors
    /// A variable that has no value for this subject.
    pub fn resolve(&self, value: &impl Fn(Variable) -> Value) -> Result<Self, NoText> {
        Ok(Self { source: self.source.clone(), root: self.root.resolve(value)? })
    }

    /// Whether it names the probe's attribute `name`.
    pub fn names(&self, name: &str) -> bool {
        self.root.any(&|node| matches!(node, Typed::Attribute(attribute) if *attribute == name))
    }

    /// Whether it compares with the baseline.
    pub fn looks_back(&self) -> bool {
        self.root.any(&|node| matches!(node, Typed::Before(_)))
    }

    /// Whether it holds, with the values that it looked at; `now` and `before` give an attribute of
    /// the answer and of the baseline.
    pub fn evaluate<'d>(
        &self,
        now: impl Fn(&str) -> Option<&'d Datum>,
        before: impl Fn(&str) -> Option<&'d Datum>,
    ) -> Evaluated {
        eval::evaluate(&self.root, &now, &before)
    }
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

#[cfg(test)]
mod tests;
