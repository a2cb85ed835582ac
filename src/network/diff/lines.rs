//! Lines that make something, take it away or put something else in its place.

use super::grammar::{Kind, Mode};
use super::operation::Operation;
use super::tree::{Node, by_phase, is_ordered};

/// An operation that types `lines` in the mode that `headers` open.
pub(super) fn in_mode(headers: &[&str], lines: Vec<String>) -> Operation {
    let opened = headers.iter().enumerate().map(|(depth, header)| format!("{:depth$}{header}", ""));
    let depth = headers.len();
    let lines = lines.into_iter().map(|line| format!("{:depth$}{line}", ""));
    let object = headers.first().map(|header| (*header).to_owned());
    let all: Vec<String> = opened.chain(lines).collect();
    let object = object.unwrap_or_else(|| all.first().cloned().unwrap_or_default());
    Operation::new(&object, all)
}

/// A line and those below it, what takes part last.
pub(super) fn block(node: &Node, depth: usize) -> Vec<String> {
    let mut lines = vec![format!("{:depth$}{}", "", node.text)];
    let mut children: Vec<&Node> = node.children.iter().collect();
    if !children.iter().any(|child| is_ordered(child) || child.text.starts_with("exit-")) {
        children.sort_by(|one, other| by_phase(one, other));
    }
    lines.extend(children.into_iter().flat_map(|child| block(child, depth + 1)));
    lines
}

/// The lines that take a line away.
pub(super) fn removal(old: &Node, headers: &[&str]) -> Vec<String> {
    let stem = &old.command.stem;
    let opens = old.command.opens();
    match old.command.kind() {
        Kind::Switch => vec![format!("default {stem}")],
        Kind::Opens(_) if old.is_fixed() && headers.is_empty() && opens == Mode::Interface => {
            vec![format!("default {}", old.command.key)]
        }
        Kind::Opens(_) if old.is_fixed() => {
            let children = old.children.iter().flat_map(|child| removal(child, headers));
            std::iter::once(old.text.clone()).chain(children.map(|line| format!(" {line}"))).collect()
        }
        _ if old.command.row.is_none() && old.text.starts_with("no ") => vec![format!("default {stem}")],
        _ => vec![format!("no {stem}")],
    }
}

/// The lines that put `new` in the place of `old`.
pub(super) fn instead_of(old: &Node, new: &Node) -> Vec<String> {
    let policy = new.command.key.starts_with("service-policy ") && old.command.uses != new.command.uses;
    let action = new.command.key == "bandwidth" && old.command.row != new.command.row;
    if policy || action {
        return vec![format!("no {}", old.command.stem), new.text.clone()];
    }
    vec![new.text.clone()]
}

/// The lines that put `other` in the place of `old`, which is one of a set or the only one.
pub(super) fn instead(old: &Node, other: &str) -> Vec<String> {
    match old.command.kind() {
        Kind::Member => vec![other.to_owned(), format!("no {}", old.text)],
        _ => vec![other.to_owned()],
    }
}

/// The line with the last `name` in it replaced.
pub(super) fn renamed(line: &str, name: &str, other: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    if let Some(word) = words.iter_mut().rev().find(|word| **word == name) {
        *word = other;
    }
    words.join(" ")
}

/// A route without its tracked object.
pub(super) fn untracked(route: &str, track: u16) -> String {
    route.replacen(&format!(" track {track}"), "", 1)
}
