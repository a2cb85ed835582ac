//! What a device becomes when only what is traghetto's changes on it.

use super::Foreign;
use super::command::Object;
use super::grammar::Mode;
use super::ownership::{Ownership, below};
use super::tree::{Node, Tree, find, put};

/// What the device is to become: `running` with what is traghetto's as `wanted` says. Also what is
/// not traghetto's.
pub(super) fn target(running: &Tree, wanted: &Tree, own: &Ownership) -> (Tree, Vec<Foreign>) {
    let mut foreign = Vec::new();
    let nodes = merge(Mode::Global, &running.nodes, &wanted.nodes, own, "", &mut foreign);
    let mut target = Tree { nodes };
    while let Some(node) = in_use(running, &target) {
        let line = format!("{} (a line that stays refers to it)", shown(&node.command.key, node));
        foreign.push(Foreign { line });
        put(&mut target.nodes, node.clone());
    }
    (target, foreign)
}

/// An object that would go although a line that stays refers to it: a router refuses that, or the line
/// would mean something else.
fn in_use<'a>(running: &'a Tree, target: &Tree) -> Option<&'a Node> {
    let there = |object: &Object| target.nodes.iter().any(|node| node.command.defines.as_ref() == Some(object));
    let in_use = |object: &Object| !there(object) && target.uses(object);
    running.nodes.iter().find(|node| node.command.defines.as_ref().is_some_and(in_use))
}

fn merge(
    mode: Mode,
    running: &[Node],
    wanted: &[Node],
    own: &Ownership,
    path: &str,
    foreign: &mut Vec<Foreign>,
) -> Vec<Node> {
    if mode == Mode::Acl {
        let same = running.len() == wanted.len() && running.iter().zip(wanted).all(|(one, other)| one.same(other));
        return if same { running.to_vec() } else { wanted.to_vec() };
    }
    let mut merged = Vec::new();
    for node in running {
        let path = below(path, node);
        let want = find(wanted, &node.command.key);
        if let Some(node) = kept(node, want, own, &path, foreign) {
            put(&mut merged, node);
        }
    }
    for node in wanted {
        // A line that says what the router does anyway is not worth touching the router.
        if find(running, &node.command.key).is_none() && !node.command.is_default() {
            put(&mut merged, node.clone());
        }
    }
    if mode == Mode::PolicyMap {
        in_order_of(&mut merged, wanted);
    }
    merged
}

/// What becomes of a line of the device; none if it goes. `path` leads to the line itself.
fn kept(node: &Node, want: Option<&Node>, own: &Ownership, path: &str, foreign: &mut Vec<Foreign>) -> Option<Node> {
    let above = path.rsplit_once(" / ").map_or("", |(above, _)| above);
    let opens = node.command.opens();
    if let Some(want) = want {
        let mut node_now = if same_line(node, want) { node.clone() } else { want.clone() };
        node_now.children = merge(opens, &node.children, &want.children, own, path, foreign);
        return Some(node_now);
    }
    if !own.holds(above, node) {
        list_foreign(node, own, path, foreign);
        return Some(node.clone());
    }
    // What the router does anyway goes only where a rendering said it.
    if node.command.is_default() && !own.names(path) {
        return Some(node.clone());
    }
    if node.says_nothing() || node.text.starts_with("exit-") {
        return None;
    }
    let mut rest = node.clone();
    rest.children = merge(opens, &node.children, &[], own, path, foreign);
    rest.children.retain(|child| !child.says_nothing());
    (opens != Mode::Acl && !rest.children.is_empty()).then_some(rest)
}

fn list_foreign(node: &Node, own: &Ownership, path: &str, foreign: &mut Vec<Foreign>) {
    if !own.is_of_others(path) {
        foreign.push(Foreign { line: shown(path, node) });
        return;
    }
    node.children.iter().for_each(|child| list_foreign(child, own, &below(path, child), foreign));
}

/// Whether the line of the device says what the wanted one says: then it stays as it is.
fn same_line(node: &Node, want: &Node) -> bool {
    node.command.said == want.command.said
}

fn shown(path: &str, node: &Node) -> String {
    let line = if node.command.secret { &node.command.said } else { &node.text };
    let mut shown = match path.rsplit_once(" / ") {
        Some((above, _)) => format!("{above} / {line}"),
        None => line.clone(),
    };
    if !node.children.is_empty() {
        shown.push_str(&format!(" (and {} lines in it)", lines_in(&node.children)));
    }
    shown
}

fn lines_in(nodes: &[Node]) -> usize {
    nodes.iter().map(|node| 1 + lines_in(&node.children)).sum()
}

/// The classes of a policy are tried in their order, so that of the wanted text counts.
fn in_order_of(merged: &mut [Node], wanted: &[Node]) {
    let place = |node: &Node| wanted.iter().position(|other| other.command.key == node.command.key);
    let last = wanted.len().saturating_sub(1);
    merged.sort_by_key(|node| place(node).map_or((last, 0), |at| (at, usize::from(at == last))));
}
