//! What a configuration line does: understood in the mode it is typed in or in one above, checked as
//! IOS checks it, and put in its place.

use super::checks;
use super::commands::{Kind, mode};
use super::grammar::{Match, Misread};
use super::router::Router;
use super::store::{Config, Entry, interface_mode, is_silent};

/// A mode that is open: its name, and the object that it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    pub mode: &'static str,
    pub key: String,
}

/// What a router answers to a line that it does not take.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// The caret stands below this column.
    Invalid(usize),
    Incomplete,
    Ambiguous,
    /// Understood and refused in these words.
    Said(String),
}

impl From<Misread> for Refusal {
    fn from(misread: Misread) -> Self {
        match misread {
            Misread::Invalid(column) => Self::Invalid(column),
            Misread::Incomplete => Self::Incomplete,
            Misread::Ambiguous => Self::Ambiguous,
        }
    }
}

/// A line understood: in which of the open modes, and whether it takes something away.
struct Understood {
    depth: usize,
    table: &'static super::commands::ModeTable,
    said: Match,
    /// `no` or `default`.
    negated: bool,
    default: bool,
}

/// Carries out one line in the open modes `levels` (the global one is not among them). Gives what the
/// router says although it took the line.
///
/// # Errors
/// What it says to a line that it does not take.
pub fn line(router: &mut Router, levels: &mut Vec<Level>, typed: &str) -> Result<Vec<String>, Refusal> {
    let understood = understand(levels, typed)?;
    let mut open = levels[..understood.depth].to_vec();
    let path: Vec<String> = open.iter().map(|level| level.key.clone()).collect();
    let Understood { table, mut said, negated, default, .. } = understood;
    if table.commands[said.command].1 == Kind::Leave {
        open.pop();
        *levels = open;
        return Ok(Vec::new());
    }
    checks::normalize(table.name, &mut said);
    let mut notes = Vec::new();
    if default {
        reset(router, &path, table, &said, &mut notes)?;
    } else if negated {
        checks::may_go(router, &path, table.name, &said)?;
        take_away(router, &path, table, &said, &mut notes)?;
    } else {
        checks::may_come(router, &path, table.name, &said, &mut notes)?;
        come(router, &path, table, &said);
        if let Kind::Mode(name) = table.commands[said.command].1 {
            let name = if name == "config-if" { interface_mode(&said.words[1]) } else { name };
            open.push(Level { mode: name, key: said.key() });
            // The probe's own mode is open again as soon as it has a type.
            if name == "config-ip-sla" {
                let inner = router.running.find(&said.key()).and_then(|entry| entry.entries.first().cloned());
                open.extend(inner.map(|inner| Level { mode: "config-ip-sla-echo", key: inner.key }));
            }
        }
    }
    *levels = open;
    Ok(notes)
}

/// In the innermost mode that knows the line; its own complaint otherwise.
fn understand(levels: &[Level], typed: &str) -> Result<Understood, Refusal> {
    let start = typed.len() - typed.trim_start().len();
    let (negated, from) = negation(typed, start);
    let default = typed[start..].starts_with("default ");
    let mut complaint: Option<Refusal> = None;
    for depth in (0..=levels.len()).rev() {
        let name = if depth == 0 { "config" } else { levels[depth - 1].mode };
        let table = mode(name);
        match table.grammar().read(&typed[from..], from, negated) {
            Ok(said) => return Ok(Understood { depth, table, said, negated, default }),
            Err(misread) => {
                let worth = |refusal: &Refusal| match refusal {
                    Refusal::Invalid(column) => *column,
                    _ => usize::MAX,
                };
                let found = Refusal::from(misread);
                if complaint.as_ref().is_none_or(|other| worth(&found) > worth(other)) {
                    complaint = Some(found);
                }
            }
        }
    }
    Err(complaint.unwrap_or(Refusal::Incomplete))
}

/// Whether the line begins with `no` or `default`, and where the rest begins.
fn negation(typed: &str, start: usize) -> (bool, usize) {
    for word in ["no", "default"] {
        if let Some(rest) = typed[start..].strip_prefix(word).filter(|rest| rest.starts_with(' ')) {
            return (true, typed.len() - rest.trim_start().len());
        }
    }
    (false, start)
}

/// Puts what a line says in its place, or removes what it makes superfluous.
fn come(router: &mut Router, path: &[String], table: &'static super::commands::ModeTable, said: &Match) {
    let kind = table.commands[said.command].1;
    let key = said.key();
    let Some(entries) = router.running.below_mut(path) else { return };
    if !matches!(kind, Kind::Mode(_))
        && (is_silent(table, said.command, &said.words, said.identity, false)
            || checks::is_by_itself(path, &said.words))
    {
        entries.retain(|entry| entry.key != key);
        return;
    }
    let opens = match kind {
        Kind::Mode("config-if") => Some(interface_mode(&said.words[1])),
        Kind::Mode(name) => Some(name),
        _ => None,
    };
    let known = entries.iter().find(|entry| entry.key == key).cloned();
    let line = match (&known, kind) {
        // Only opened again.
        (Some(known), Kind::Mode(_)) if said.words.len() == said.identity => known.line.clone(),
        _ => checks::printed(table.name, &said.line()),
    };
    let leave = (kind == Kind::Mode("config-vrf-af")).then_some("exit-address-family");
    let entry = Entry { key, line, rank: checks::rank(table.name, said), mode: opens, entries: Vec::new(), leave };
    Config::put(entries, entry);
}

/// Removes what a negated line names.
fn take_away(
    router: &mut Router,
    path: &[String],
    table: &'static super::commands::ModeTable,
    said: &Match,
    notes: &mut Vec<String>,
) -> Result<(), Refusal> {
    let key = said.key();
    checks::before_removal(router, path, table.name, said, notes);
    let Some(entries) = router.running.below_mut(path) else { return Ok(()) };
    let before = entries.len();
    if table.commands[said.command].1 == Kind::Toggle(true) {
        let line = format!("no {key}");
        Config::put(entries, Entry { key, line, rank: said.command, mode: None, entries: Vec::new(), leave: None });
        return Ok(());
    }
    // `no standby 10` and `no ip route A M` name all that begins so.
    entries.retain(|entry| entry.key != key && !checks::is_part(table.name, &entry.key, &key));
    if entries.len() == before {
        return checks::was_absent(table.name, said);
    }
    Ok(())
}

/// `default …`: as the router has it by itself.
fn reset(
    router: &mut Router,
    path: &[String],
    table: &'static super::commands::ModeTable,
    said: &Match,
    notes: &mut Vec<String>,
) -> Result<(), Refusal> {
    let key = said.key();
    match table.commands[said.command].1 {
        Kind::Mode("config-if") => {
            if let Some(interface) = router.running.entries.iter_mut().find(|entry| entry.key == key) {
                interface.entries.clear();
                notes.push(format!("Interface {} set to default configuration", said.words[1]));
            }
            Ok(())
        }
        Kind::Toggle(_) => {
            if let Some(entries) = router.running.below_mut(path) {
                entries.retain(|entry| entry.key != key);
            }
            Ok(())
        }
        _ => {
            checks::may_go(router, path, table.name, said)?;
            take_away(router, path, table, said, notes)
        }
    }
}

/// Reads a whole text as at boot. Gives the lines that were refused.
pub fn load(router: &mut Router, text: &str) -> Vec<String> {
    let mut levels: Vec<Level> = Vec::new();
    let mut refused = Vec::new();
    let mut lines = text.lines();
    while let Some(typed) = lines.next() {
        let typed = typed.trim_end();
        let said = typed.trim_start();
        if said.starts_with('!') && !typed.starts_with(' ') {
            levels.clear();
        }
        if said.is_empty() || said.starts_with('!') || said == "end" || is_around(said) {
            continue;
        }
        let typed = match banner_end(said) {
            Some(delimiter) => {
                let mut whole = typed.to_owned();
                for more in lines.by_ref() {
                    whole.push('\n');
                    whole.push_str(more);
                    if more.contains(&delimiter) {
                        break;
                    }
                }
                whole
            }
            None => typed.to_owned(),
        };
        if let Err(refusal) = line(router, &mut levels, &typed) {
            refused.push(format!("{typed}: {refusal:?}"));
        }
    }
    refused
}

/// What is printed around a configuration and is none of it.
fn is_around(line: &str) -> bool {
    ["Building configuration", "Current configuration", "Using "].iter().any(|around| line.starts_with(around))
}

/// The delimiter of a banner that goes on after its first line.
pub fn banner_end(line: &str) -> Option<String> {
    let rest = line.trim_start().strip_prefix("banner ")?.split_once(' ')?.1.trim_start();
    let delimiter = if rest.starts_with("^C") { "^C".to_owned() } else { rest.chars().next()?.to_string() };
    (rest.matches(&delimiter).count() < 2).then_some(delimiter)
}
