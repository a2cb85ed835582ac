//! What a token may say.

mod names;

use super::lexer::{Token, TokenKind};
use names::*;
use std::fmt;

/// What is wrong with a word of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::checklist) enum Reason {
    /// PowerShell 2.0 does not know it.
    Newer,
    /// It changes the host.
    Writes,
    /// It calls what nobody can read before it runs.
    Computed,
    /// It is not among the commands that are known only to read.
    Unknown,
    /// It ends the process, and with it the items that come after.
    Ends,
    /// A quote or a bracket has no end.
    Unclosed,
    /// It is not ASCII, and a code page may change it.
    NotAscii,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Newer => "is newer than PowerShell 2.0, which Windows 7 and 2008 R2 have",
            Reason::Writes => "may change the host: a check only reads",
            Reason::Computed => "calls what cannot be read before it runs",
            Reason::Unknown => "is not among the commands that only read",
            Reason::Ends => "ends the process of all items: print a word and expect it, or throw",
            Reason::Unclosed => "has no end",
            Reason::NotAscii => "is not ASCII: the host's code page may change it",
        })
    }
}

fn one_of(words: &[&str], word: &str) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn begins(prefixes: &[&str], word: &str) -> bool {
    let start = |prefix: &&str| word.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    prefixes.iter().any(start)
}

/// A name of .NET without the `System.` that may be left out.
fn short(name: &str) -> &str {
    if begins(&["System."], name) { name.get(7..).unwrap_or(name) } else { name }
}

/// The tokens up to the end of the command.
fn arguments<'a>(after: &'a [Token<'a>]) -> impl Iterator<Item = &'a Token<'a>> {
    let ends = |token: &Token<'_>| {
        let piped = token.kind == TokenKind::Operator && token.text == "|";
        piped || (token.kind == TokenKind::Other && matches!(token.text, "\n" | ";" | "}" | ")"))
    };
    after.iter().take_while(move |token| !ends(token))
}

/// Judges a word that begins a command.
pub(super) fn judge_command(word: &str, after: &[Token<'_>]) -> Option<Reason> {
    if matches!(word, "&" | ".") {
        return Some(Reason::Computed);
    }
    let word = word.strip_suffix(".exe").unwrap_or(word);
    if one_of(&["exit"], word) {
        return Some(Reason::Ends);
    }
    if one_of(KEYWORDS, word) {
        return None;
    }
    if one_of(NEWER_KEYWORDS, word) || one_of(NEWER, word) || begins(NEWER_FAMILIES, word) {
        return Some(Reason::Newer);
    }
    if let Some((_, rule)) = PROGRAMS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
        return judge_program(rule, after);
    }
    if one_of(READING, word) || begins(READING_FAMILIES, word) {
        return judge_arguments(word, after);
    }
    let writes = word.contains('-') && begins(WRITING_VERBS, word) || one_of(WRITING_WORDS, word);
    Some(if writes { Reason::Writes } else { Reason::Unknown })
}

/// Programs of Windows write with the words that are not among those of reading.
fn judge_program(rule: &Rule, after: &[Token<'_>]) -> Option<Reason> {
    let words: Vec<&str> = arguments(after).map(|token| token.text.trim_matches(['\'', '"'])).collect();
    let holds = match rule {
        Rule::Always => true,
        Rule::First(verbs) => words.first().is_some_and(|first| one_of(verbs, first)),
        Rule::Short(verbs) => {
            let plain = words.len() <= 2 && !words.iter().any(|word| word.contains(['/', '=']));
            plain && words.first().is_some_and(|first| one_of(verbs, first))
        }
        Rule::Has(needed) => {
            words.iter().any(|word| one_of(needed, word)) && !words.iter().any(|word| one_of(WRITING_SWITCHES, word))
        }
        Rule::Lacks(bad) => !words.iter().any(|word| begins(bad, word)),
    };
    let plain = words
        .iter()
        .all(|word| !word.starts_with('$') || one_of(&["$null", "$env:SystemDrive", "$env:COMPUTERNAME"], word));
    match (holds, rule, plain) {
        (false, ..) => Some(Reason::Writes),
        (_, Rule::Always, _) | (.., true) => None,
        _ => Some(Reason::Computed),
    }
}

fn judge_arguments(word: &str, after: &[Token<'_>]) -> Option<Reason> {
    let first = arguments(after).next();
    let newer = |token: &Token<'_>| token.kind == TokenKind::Parameter && one_of(NEWER_PARAMETERS, token.text);
    if arguments(after).any(newer) {
        return Some(Reason::Newer);
    }
    if one_of(&["Where-Object", "where", "?", "ForEach-Object", "%"], word) {
        // `where Name -eq x` is of 3.0.
        let bare = first.is_some_and(|first| first.kind == TokenKind::Text);
        return bare.then_some(Reason::Newer);
    }
    if one_of(&["New-Object"], word) {
        let made = arguments(after)
            .filter(|token| token.kind == TokenKind::Text)
            .map(|token| token.text.trim_matches(['\'', '"']));
        let made = made.into_iter().next()?;
        return (!begins(OBJECTS, short(made))).then_some(Reason::Unknown);
    }
    let repairs = |token: &Token<'_>| token.kind == TokenKind::Parameter && begins(&["-rep"], token.text);
    arguments(after).any(repairs).then_some(Reason::Writes)
}

/// Judges a name after `.` or `::`.
pub(super) fn judge_member(name: &str, before: Option<&Token<'_>>, after: &[Token<'_>]) -> Option<Reason> {
    let called = after.first().is_some_and(|token| token.text == "(");
    let of = before.filter(|token| token.kind == TokenKind::Type).map(|token| token.text);
    if let Some(of) = of {
        if called && name.eq_ignore_ascii_case("new") {
            return Some(Reason::Newer);
        }
        let of = short(of);
        if begins(&["IO.File", "IO.Directory"], of) {
            return (!begins(&["Exists", "ReadAll", "Get", "OpenRead", "OpenText"], name)).then_some(Reason::Writes);
        }
        if begins(&["Security.Cryptography.", "Console", "string", "Regex", "guid"], of) {
            return None;
        }
    }
    if called && one_of(&["ForEach", "Where"], name) {
        return Some(Reason::Newer);
    }
    let assigned =
        after.first().is_some_and(|token| token.kind == TokenKind::Operator && matches!(token.text, "=" | "+"))
            && after.iter().take(2).any(|token| token.text == "=");
    let changes = called && begins(WRITING_METHODS, name) && !one_of(&["StartsWith"], name);
    (assigned || changes).then_some(Reason::Writes)
}

/// Judges a type.
pub(super) fn judge_type(name: &str, _: &[Token<'_>]) -> Option<Reason> {
    let name = name.trim_end_matches(['[', ']', ',']);
    if one_of(&["pscustomobject", "ordered"], name) {
        return Some(Reason::Newer);
    }
    let name = short(name);
    (!one_of(TYPES, name) && !begins(TYPE_FAMILIES, name)).then_some(Reason::Unknown)
}

/// Judges an operator.
pub(super) fn judge_operator(sign: &str, after: &[Token<'_>]) -> Option<Reason> {
    match sign {
        ">" | ">>" => {
            let target = after.first().map_or("", |token| token.text);
            let same = target == "&" || target.starts_with("$null");
            (!same && !is_temporary(target)).then_some(Reason::Writes)
        }
        "&&" | "||" | "??" | "?." => Some(Reason::Newer),
        "." | "::" | "&" => {
            let merged = sign == "&" && after.first().is_some_and(|token| matches!(token.text, "1" | "2"));
            (!merged).then_some(Reason::Computed)
        }
        sign => {
            let plain = sign.trim_start_matches('-').to_ascii_lowercase();
            let plain =
                plain.strip_prefix(['c', 'i']).filter(|rest| *rest == "in" || *rest == "notin").unwrap_or(&plain);
            one_of(&["in", "notin", "shl", "shr"], plain).then_some(Reason::Newer)
        }
    }
}

/// Whether something is in the folder for temporary files, and stays there.
fn is_temporary(target: &str) -> bool {
    let path = target.trim_start_matches('"');
    let inside = path.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("$env:TEMP"));
    inside && !path.contains("..") && !path.contains("$(")
}

/// Judges a variable.
pub(super) fn judge_variable(name: &str) -> Option<Reason> {
    let newer = one_of(&["$PSItem", "$PSScriptRoot", "$PSCommandPath"], name) || begins(&["$using:"], name);
    newer.then_some(Reason::Newer)
}

/// Judges a comment: `#requires -version 3` is no comment.
pub(super) fn judge_comment(text: &str) -> Option<Reason> {
    let text = text.to_ascii_lowercase();
    let version = text.strip_prefix("#requires").and_then(|rest| rest.trim().strip_prefix("-version"));
    let major = version.and_then(|version| version.trim().chars().next()).and_then(|digit| digit.to_digit(10));
    major.is_some_and(|major| major > 2).then_some(Reason::Newer)
}
