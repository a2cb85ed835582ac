//! What differs, by object, for people: secrets are compared by presence and never shown.

use super::super::text::ConfigText;
use super::ownership::Ownership;
use super::patch::Ends;
use super::tree::{Node, find};
use serde::Serialize;

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// It is wanted and not there.
    Added,
    /// It is there and not wanted.
    Removed,
    /// It is there with another value.
    Changed,
}

/// A line that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The object that it belongs to, such as `interface GigabitEthernet0/0/1`.
    pub object: String,
    /// What becomes of it.
    pub sign: Sign,
    /// The line, wanted or removed, with the lines of the modes around it inside its object.
    pub line: String,
    /// What it says now, where it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
}

/// What differs between `running` and `wanted` in what is traghetto's.
pub fn differences(running: &ConfigText, wanted: &ConfigText, own: &Ownership) -> Vec<Difference> {
    let ends = Ends::new(running, wanted, own);
    let mut found = Vec::new();
    level("", "", &ends.from.nodes, &ends.to.nodes, &mut found);
    found
}

fn level(object: &str, above: &str, from: &[Node], to: &[Node], found: &mut Vec<Difference>) {
    let ordered = to.iter().chain(from).any(|node| node.command.kind() == super::grammar::Kind::Entry);
    let same = |one: &Node, other: &Node| {
        if ordered { one.command.said == other.command.said } else { one.command.key == other.command.key }
    };
    for old in from.iter().filter(|old| !to.iter().any(|new| same(old, new))) {
        say(object, above, Sign::Removed, old, None, found);
    }
    for new in to {
        let old = if ordered { from.iter().find(|old| same(old, new)) } else { find(from, &new.command.key) };
        match old {
            None => say(object, above, Sign::Added, new, None, found),
            Some(old) => {
                if old.command.said != new.command.said {
                    say(object, above, Sign::Changed, new, Some(old), found);
                }
                let (object, above) = inside(object, above, new);
                level(&object, &above, &old.children, &new.children, found);
            }
        }
    }
    let order = |nodes: &[Node]| nodes.iter().map(|node| node.command.said.clone()).collect::<Vec<_>>();
    if ordered && order(from) != order(to) && from.len() == to.len() {
        let line = format!("{above}(the entries in another order)");
        found.push(Difference { object: object.to_owned(), sign: Sign::Changed, line, was: None });
    }
}

/// The object and the lines around what stands below `node`.
fn inside(object: &str, above: &str, node: &Node) -> (String, String) {
    match object {
        "" => (node.command.key.clone(), String::new()),
        _ => (object.to_owned(), format!("{above}{} / ", node.text)),
    }
}

fn say(object: &str, above: &str, sign: Sign, node: &Node, was: Option<&Node>, found: &mut Vec<Difference>) {
    let line = format!("{above}{}", node.command.shown(&node.text));
    let was = was.map(|was| was.command.shown(&was.text));
    let own = if object.is_empty() { node.command.key.clone() } else { object.to_owned() };
    found.push(Difference { object: own, sign, line, was });
    if sign != Sign::Changed {
        let (object, above) = inside(object, above, node);
        node.children.iter().for_each(|child| say(&object, &above, sign, child, None, found));
    }
}
