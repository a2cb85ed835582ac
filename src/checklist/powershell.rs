//! What a script of a checklist may say to PowerShell: nothing that version 2.0 does not know, and
//! nothing that changes the host.
//!
//! Windows 7 and 2008 R2 have 2.0 as they come, and no PowerShell stands here to try a script with:
//! so it is read by its tokens. A list can never hold everything that writes. So words that begin a
//! command are allowed by name, and everything else is refused; methods of .NET are refused by name.

pub(super) mod batch;
mod lexer;
mod rules;
mod silence;

use lexer::{Token, TokenKind, tokens};
use rules::{Reason, judge_command, judge_member, judge_operator, judge_type};
pub(super) use silence::silenced;
use std::fmt::Write as _;

/// Why a script may not run on a server of a town.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Objection {
    /// Where in the script, in bytes.
    pub(super) at: usize,
    /// What it is, as it is written.
    pub(super) what: String,
    /// What is wrong with it.
    pub(super) why: Reason,
}

/// Everything that is wrong with `script`, in its order.
pub(super) fn objections(script: &str) -> Vec<Objection> {
    if let Some(at) = script.find(|c: char| !c.is_ascii()) {
        // PowerShell takes typographic quotes and dashes for its own: nothing beside ASCII is read at all.
        let what = script.get(at..).and_then(|rest| rest.chars().next()).map(String::from).unwrap_or_default();
        return vec![Objection { at, what, why: Reason::NotAscii }];
    }
    let (tokens, unclosed) = tokens(script);
    let mut found = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|before| tokens.get(before));
        let after: &[Token<'_>] = tokens.get(place + 1..).unwrap_or_default();
        let reason = match token.kind {
            TokenKind::Command => judge_command(token.text, after),
            TokenKind::Member => judge_member(token.text, before, after),
            TokenKind::Type => judge_type(token.text, after),
            TokenKind::Operator => judge_operator(token.text, after),
            TokenKind::Variable => rules::judge_variable(token.text),
            TokenKind::Comment => rules::judge_comment(token.text),
            TokenKind::Text | TokenKind::Parameter | TokenKind::Other => None,
        };
        if let Some(why) = reason {
            found.push(Objection { at: token.at, what: token.text.trim().chars().take(60).collect(), why });
        }
    }
    if let Some(at) = unclosed {
        found.push(Objection { at, what: "a quote".to_owned(), why: Reason::Unclosed });
    }
    found
}

/// `script` with a string in the place of each variable of the template, as long as that was.
pub(super) fn without_variables(script: &str) -> String {
    let mut text = String::with_capacity(script.len());
    let mut rest = script;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, tail)) = after.split_once("}}") else { break };
        text.push_str(before);
        let _ = write!(text, "'{}'", "v".repeat(name.len() + 2));
        rest = tail;
    }
    text + rest
}

/// Line and column of a place in a script, both from 1.
pub(super) fn line_and_column(script: &str, at: usize) -> (usize, usize) {
    let before = script.get(..at).unwrap_or(script);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (line, before.get(start..).unwrap_or_default().chars().count() + 1)
}

#[cfg(test)]
mod tests;
