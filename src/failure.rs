//! The one error of the edge: what went wrong, what is safe and what to do next, and the exit code.

use std::error::Error;
use std::fmt::Write as _;

/// Why a command did not end well. Each kind has one exit code, listed by `--help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The operation failed.
    Failed,
    /// Wrong usage.
    Usage,
    /// Inventory, playbook or checklist is invalid.
    Invalid,
    /// A check failed or a rule is broken.
    CheckFailed,
    /// Waiting for a person: gate, signature or window.
    Waiting,
    /// A remote is unreachable; try again.
    Unreachable,
    /// Evidence does not verify.
    Evidence,
    /// A bug in traghetto.
    Bug,
    /// Interrupted by the operator; state is saved.
    Interrupted,
}

impl Kind {
    /// All kinds, in the order of their codes.
    pub const ALL: [Kind; 9] = [
        Kind::Failed,
        Kind::Usage,
        Kind::Invalid,
        Kind::CheckFailed,
        Kind::Waiting,
        Kind::Unreachable,
        Kind::Evidence,
        Kind::Bug,
        Kind::Interrupted,
    ];

    /// The process exit code.
    pub fn code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::Invalid => 3,
            Kind::CheckFailed => 4,
            Kind::Waiting => 5,
            Kind::Unreachable => 6,
            Kind::Evidence => 7,
            Kind::Bug => 70,
            Kind::Interrupted => 130,
        }
    }

    /// What the code means, for `--help` and the README.
    pub fn meaning(self) -> &'static str {
        match self {
            Kind::Failed => "the operation failed",
            Kind::Usage => "wrong usage",
            Kind::Invalid => "inventory, playbook or checklist invalid",
            Kind::CheckFailed => "a check failed or a rule is broken",
            Kind::Waiting => "waiting for a person (gate, signature, window)",
            Kind::Unreachable => "remote unreachable, retry",
            Kind::Evidence => "evidence does not verify",
            Kind::Bug => "a bug in traghetto",
            Kind::Interrupted => "interrupted, state saved",
        }
    }
}

/// A failure on its way to the operator: kind, cause and hints (what is safe, what next).
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    source: Box<dyn Error + Send + Sync>,
    hints: Vec<String>,
}

/// A failure that does not say yet what is safe and what next: no command can end with it.
#[derive(Debug)]
#[must_use = "a failure says what is safe and what next: call `hint`"]
pub struct Unhinted {
    kind: Kind,
    source: Box<dyn Error + Send + Sync>,
}

impl Unhinted {
    /// The failure, with a full sentence: what is safe at this moment, or what to do next.
    pub fn hint(self, hint: impl Into<String>) -> Failure {
        Failure { kind: self.kind, source: self.source, hints: vec![hint.into()] }
    }

    /// The failure, with the sentences of `hints`, or with `otherwise` where there are none.
    pub fn hints(self, hints: Vec<String>, otherwise: &str) -> Failure {
        let hints = if hints.is_empty() { vec![otherwise.to_owned()] } else { hints };
        Failure { kind: self.kind, source: self.source, hints }
    }
}

impl Failure {
    /// What becomes a failure of `kind`, caused by `source`, once it says what is safe or what next.
    #[allow(clippy::new_ret_no_self, reason = "a failure without a hint is no failure yet")]
    pub fn new(kind: Kind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Unhinted {
        Unhinted { kind, source: source.into() }
    }

    /// Adds a full sentence: what is safe at this moment, or what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The hints.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The failure as the operator reads it: the message, its causes, the hints.
    pub fn render(&self) -> String {
        // To wait for a person is not to fail.
        let heading = if self.kind == Kind::Waiting { "waiting" } else { "error" };
        let mut text = format!("{heading}: {}\n", self.source);
        let mut cause = self.source.source();
        while let Some(inner) = cause {
            let _ = writeln!(text, "  because: {inner}");
            cause = inner.source();
        }
        for hint in &self.hints {
            let _ = writeln!(text, "hint: {hint}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the disk")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn chain_and_hints_are_printed_once() {
        let failure = Failure::new(Kind::Failed, Outer(std::io::Error::other("boom"))).hint("Nothing was lost.");
        assert_eq!(failure.render(), "error: cannot read the disk\n  because: boom\nhint: Nothing was lost.\n");
    }
}
