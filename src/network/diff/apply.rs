//! What IOS does with lines that are typed in configuration mode.

use super::super::parse::secrets::masked;
use super::super::text::ConfigText;
use super::command::{Command, Sign, read};
use super::grammar::{Kind, Mode};
use super::tree::{Node, Tree, put};

/// A line that the router does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the router refuses line {}, \"{line}\": {reason}", .index + 1)]
pub struct Refused {
    /// Its place among the lines, from 0.
    pub index: usize,
    /// The line, without what a secret says.
    pub line: String,
    /// Why.
    pub reason: String,
}

/// The configuration after `lines`, each with one space for every level, typed from the global level
/// on. The result is in canonical order.
pub fn apply(config: &ConfigText, lines: &[String]) -> Result<ConfigText, Refused> {
    let mut session = Session::new(config);
    lines.iter().try_for_each(|line| session.enter(line))?;
    Ok(session.config())
}

/// The same text in canonical order: what [`apply`] gives without lines.
pub fn canonical(config: &ConfigText) -> ConfigText {
    Tree::of(config).text()
}

/// The same text in canonical order without what secrets say: two routers whose pictures are equal
/// differ in secrets at most, and a picture may be kept and shown.
pub fn picture(config: &ConfigText) -> ConfigText {
    Tree::of(config).picture()
}

/// A configuration mode in which one line after the other is typed.
#[derive(Debug, Clone)]
pub struct Session {
    pub(super) tree: Tree,
    path: Vec<(Mode, String)>,
    entered: usize,
}

impl Session {
    /// Configuration mode of a router with this configuration.
    pub fn new(config: &ConfigText) -> Self {
        Self::on(Tree::of(config))
    }

    pub(super) fn on(tree: Tree) -> Self {
        Self { tree, path: Vec::new(), entered: 0 }
    }

    /// The configuration as it is now.
    pub fn config(&self) -> ConfigText {
        self.tree.text()
    }

    /// Back to the global level.
    pub(super) fn leave(&mut self) {
        self.path.clear();
    }

    /// The picture of the configuration as it is now.
    pub fn picture(&self) -> ConfigText {
        self.tree.picture()
    }

    /// Types one line.
    pub fn enter(&mut self, line: &str) -> Result<(), Refused> {
        let text = line.trim();
        let depth = line.len() - line.trim_start().len();
        let index = self.entered;
        self.entered += 1;
        let outside = depth > self.path.len();
        self.path.truncate(depth);
        let mode = self.path.last().map_or(Mode::Global, |(mode, _)| *mode);
        let command = read(mode, text);
        let refused = |reason: String| Refused { index, line: command.shown(text), reason };
        if outside {
            return Err(refused("it stands in a mode that no line before it opens".to_owned()));
        }
        self.admit(&command).map_err(refused)?;
        let Some(siblings) = siblings(&mut self.tree.nodes, &self.path) else {
            return Err(refused("the object it belongs to is not there".to_owned()));
        };
        let stops = command.sign != Sign::Plain && matches!(command.kind(), Kind::Opens(_));
        match command.sign {
            Sign::Plain => set(siblings, mode, &command, text).map_err(refused)?,
            Sign::No => unset(siblings, mode, &command),
            Sign::Default => siblings.retain(|node| node.command.key != command.key),
        }
        if stops && command.opens() == Mode::Sla {
            let schedule = command.key.replace("ip sla ", "ip sla schedule ");
            self.tree.nodes.retain(|node| node.command.key != schedule);
        }
        if command.sign == Sign::Plain && matches!(command.kind(), Kind::Opens(_)) {
            self.path.push((command.opens(), command.key));
        }
        Ok(())
    }

    /// What IOS refuses whatever the mode holds.
    fn admit(&self, command: &Command) -> Result<(), String> {
        let opens = command.opens();
        let removes = command.sign == Sign::No && matches!(command.kind(), Kind::Opens(_));
        let scheduled = || self.tree.get(&command.key.replace("ip sla ", "ip sla schedule ")).is_some();
        if opens == Mode::Sla && command.sign == Sign::Plain && scheduled() {
            return Err("a probe that is scheduled cannot be changed; it has to be removed and made again".to_owned());
        }
        let Some(object) = command.defines.as_ref().filter(|_| removes) else { return Ok(()) };
        if opens == Mode::Interface && Node::new(Mode::Global, &command.key).is_fixed() {
            return Err("a port cannot be removed; `default interface` resets it".to_owned());
        }
        let kept = ["vrf", "policymap", "classmap", "ipsec", "transform", "keyring", "ike"];
        if kept.contains(&object.0) && self.tree.uses(object) {
            return Err("another line still refers to it".to_owned());
        }
        Ok(())
    }
}

/// The nodes of the mode at `path`.
fn siblings<'a>(nodes: &'a mut Vec<Node>, path: &[(Mode, String)]) -> Option<&'a mut Vec<Node>> {
    let Some(((_, key), rest)) = path.split_first() else { return Some(nodes) };
    let node = nodes.iter_mut().find(|node| node.command.key == *key)?;
    siblings(&mut node.children, rest)
}

fn set(siblings: &mut Vec<Node>, mode: Mode, command: &Command, text: &str) -> Result<(), String> {
    let at = siblings.iter().position(|node| node.command.key == command.key && same_line(node, command));
    match (command.kind(), at) {
        (Kind::Opens(Mode::Track), Some(at)) if siblings[at].command.said != command.said => {
            return Err("a tracked object keeps what it tracks; it has to be removed and made again".to_owned());
        }
        (Kind::Member | Kind::Entry, Some(_)) => return Ok(()),
        _ => {}
    }
    let policy = mode == Mode::Interface && command.key.starts_with("service-policy ");
    if policy && at.is_some_and(|at| siblings[at].command.said != command.said) {
        return Err("another policy is attached; it has to be detached first".to_owned());
    }
    if mode == Mode::PolicyClass && at.is_some_and(|at| siblings[at].command.row != command.row) {
        return Err("the class has another action; it has to be removed first".to_owned());
    }
    let moved = command.key == "vrf forwarding" && at.is_none_or(|at| siblings[at].command.said != command.said);
    let mut node = Node::new(mode, text);
    match at {
        // Who enters a mode again does not move it: the classes of a policy keep their order.
        Some(at) if node.stands_like(&siblings[at]) => {
            node.children = std::mem::take(&mut siblings[at].children);
            siblings[at] = node;
        }
        Some(at) => {
            node.children = siblings.remove(at).children;
            put(siblings, node);
        }
        None => put(siblings, node),
    }
    if moved {
        without_addresses(siblings);
    }
    Ok(())
}

fn unset(siblings: &mut Vec<Node>, mode: Mode, command: &Command) {
    match command.kind() {
        Kind::Switch => {
            siblings.retain(|node| node.command.key != command.key);
            put(siblings, Node::new(mode, &command.said));
        }
        Kind::Entry => siblings.retain(|node| !same_line(node, command)),
        _ if command.row.is_some() => siblings.retain(|node| node.command.key != command.key),
        // A command that the table does not know is taken away by itself, or by how it begins.
        _ => siblings
            .retain(|node| masked(&node.text) != command.key && !node.text.starts_with(&format!("{} ", command.stem))),
    }
    if command.key == "vrf forwarding" {
        without_addresses(siblings);
    }
}

/// Whether a node is the line that a command means, where a list may hold several of one kind.
fn same_line(node: &Node, command: &Command) -> bool {
    match command.kind() {
        Kind::Entry => {
            node.command.stem == command.stem && node.text.trim_start_matches("no ") == command_text(command)
        }
        _ => true,
    }
}

fn command_text(command: &Command) -> &str {
    command.said.trim_start_matches("no ")
}

/// An interface that changes its routing table loses its addresses (Cisco IOS MPLS, `vrf forwarding`).
fn without_addresses(siblings: &mut Vec<Node>) {
    siblings.retain(|node| node.command.key != "ip address" && !node.text.starts_with("ip address "));
}
