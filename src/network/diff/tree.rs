//! A configuration as commands in their nesting, in canonical order: an order that does not depend
//! on when a line was typed, except where the order itself says something.

use super::super::text::{ConfigText, Line};
use super::command::{Command, Object, natural, plain_entry, read};
use super::grammar::{Kind, Mode};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// A command with the commands of the mode it opens.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// The line.
    pub(super) text: String,
    /// What it is.
    pub(super) command: Command,
    /// The lines below it.
    pub(super) children: Vec<Node>,
    order: Order,
}

/// Where a command stands among those of its mode.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Order {
    rank: usize,
    route: Option<(String, u32, u32, u8)>,
    words: Vec<(u64, String)>,
}

impl Node {
    /// `text` as a command of `mode`, without children.
    pub(super) fn new(mode: Mode, text: &str) -> Self {
        let command = read(mode, text);
        let order = order(&command, text);
        let text = if mode == Mode::Acl { plain_entry(text) } else { text.to_owned() };
        Self { text, command, children: Vec::new(), order }
    }

    fn of(mode: Mode, line: &Line) -> Self {
        let mut node = Self::new(mode, &line.text);
        node.children = nodes(node.command.opens(), &line.children);
        node
    }

    /// Whether it stands where `other` does.
    pub(super) fn stands_like(&self, other: &Self) -> bool {
        self.order == other.order
    }

    /// Whether both say the same, secrets compared by presence.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.command.said == other.command.said
            && self.children.len() == other.children.len()
            && self.children.iter().zip(&other.children).all(|(one, other)| one.same(other))
    }

    /// Whether a router has the object by itself and cannot be rid of it: a port, a modem, a line.
    pub(super) fn is_fixed(&self) -> bool {
        match self.command.opens() {
            Mode::Controller | Mode::Terminal | Mode::Archive | Mode::Log => true,
            Mode::Interface => is_port(&self.command),
            _ => false,
        }
    }

    /// Whether it says nothing that a router would not do anyway.
    pub(super) fn says_nothing(&self) -> bool {
        self.command.is_default() || (self.is_fixed() && self.children.is_empty())
    }

    /// Its line and those below it that a router prints, without what secrets say.
    fn picture(&self) -> Line {
        let children = self.children.iter().filter(|child| !child.says_nothing());
        let text = if self.command.secret { &self.command.said } else { &self.text };
        Line { number: 0, text: text.clone(), children: children.map(Node::picture).collect() }
    }

    /// Its line, and those below it.
    pub(super) fn line(&self) -> Line {
        let children = self.children.iter().filter(|child| !(child.is_fixed() && child.children.is_empty()));
        Line { number: 0, text: self.text.clone(), children: children.map(Node::line).collect() }
    }
}

/// Whether a command names a port of the hardware.
fn is_port(command: &Command) -> bool {
    const MADE: [&str; 7] = ["Loopback", "Tunnel", "Virtual-Template", "Vlan", "Port-channel", "BDI", "Dialer"];
    command
        .defines
        .as_ref()
        .is_some_and(|(_, name)| !name.contains('.') && !MADE.iter().any(|made| name.starts_with(made)))
}

fn order(command: &Command, text: &str) -> Order {
    let in_order = command.row.is_none()
        || command.kind() == Kind::Entry
        || command.opens() == Mode::PolicyClass
        || text.starts_with("exit-");
    // Entries of a list stand as they were typed, whatever they do: a `deny` is not after a `permit`.
    let rank = if command.kind() == Kind::Entry { 0 } else { command.row.unwrap_or(usize::MAX) };
    // A probe comes before its schedule, by which it runs.
    let (rank, key) = match command.key.strip_prefix("ip sla schedule ") {
        Some(probe) => (rank + 1, format!("ip sla {probe} schedule")),
        None => (rank, command.key.clone()),
    };
    let words = if in_order { Vec::new() } else { natural(&key) };
    Order { rank, route: route_order(&command.key, text), words }
}

/// Table, destination, length, distance.
fn route_order(key: &str, text: &str) -> Option<(String, u32, u32, u8)> {
    let words: Vec<&str> = key.strip_prefix("ip route ")?.split(' ').collect();
    let (table, rest) = match words.as_slice() {
        ["vrf", name, rest @ ..] => ((*name).to_owned(), rest),
        rest => (String::new(), rest),
    };
    let number = |at: usize| rest.get(at).and_then(|word| word.parse::<Ipv4Addr>().ok()).map_or(0, u32::from);
    let distance = text.get(key.len()..).unwrap_or_default().split_whitespace().next();
    Some((table, number(0), number(1), distance.and_then(|word| word.parse().ok()).unwrap_or(1)))
}

fn nodes(mode: Mode, lines: &[Line]) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for line in lines {
        put(&mut nodes, Node::of(mode, line));
    }
    nodes
}

/// Puts a node where it belongs; nodes of equal order stay in the order in which they came.
pub(super) fn put(nodes: &mut Vec<Node>, node: Node) {
    let mut at = nodes.partition_point(|other| other.order <= node.order);
    // The class for the rest of the traffic is the last one always.
    if node.command.opens() == Mode::PolicyClass && node.text != "class class-default" {
        let last = nodes.iter().position(|other| other.text == "class class-default");
        at = last.map_or(at, |last| at.min(last));
    }
    nodes.insert(at, node);
}

/// A configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    /// The commands of the global level.
    pub(super) nodes: Vec<Node>,
}

impl Tree {
    /// The commands of a text, in canonical order.
    pub(super) fn of(config: &ConfigText) -> Self {
        Self { nodes: nodes(Mode::Global, &config.lines) }
    }

    /// Its text.
    pub(super) fn text(&self) -> ConfigText {
        let said = self.nodes.iter().filter(|node| !(node.is_fixed() && node.children.is_empty()));
        ConfigText { lines: said.map(Node::line).collect() }
    }

    /// Its text without what secrets say.
    pub(super) fn picture(&self) -> ConfigText {
        let said = self.nodes.iter().filter(|node| !node.says_nothing());
        ConfigText { lines: said.map(Node::picture).collect() }
    }

    /// Its text without what no packet, filter or election depends on, and without the lines of the
    /// global level with the keys in `beside`.
    pub(super) fn judged(&self, beside: &BTreeSet<String>) -> ConfigText {
        const IDLE: [&str; 16] = [
            "service ",
            "aaa ",
            "username ",
            "archive",
            "clock ",
            "class-map ",
            "policy-map ",
            "ip ssh ",
            "logging ",
            "snmp-server ",
            "tacacs ",
            "ntp ",
            "banner ",
            "ip http ",
            "ip tacacs ",
            "enable ",
        ];
        let idle = |node: &&Node| {
            let text = node.text.strip_prefix("no ").unwrap_or(&node.text);
            !IDLE.iter().any(|begin| text.starts_with(begin)) && !beside.contains(&node.command.key)
        };
        let said = self.nodes.iter().filter(|node| !(node.is_fixed() && node.children.is_empty())).filter(idle);
        ConfigText { lines: said.map(Node::line).collect() }
    }

    /// The command of the global level with this key.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.command.key == key)
    }

    /// Whether a line anywhere refers to `object`.
    pub(super) fn uses(&self, object: &Object) -> bool {
        fn any(nodes: &[Node], object: &Object) -> bool {
            nodes.iter().any(|node| node.command.uses.contains(object) || any(&node.children, object))
        }
        any(&self.nodes, object)
    }
}

/// The node with this key.
pub(super) fn find<'a>(nodes: &'a [Node], key: &str) -> Option<&'a Node> {
    nodes.iter().find(|node| node.command.key == key)
}

/// Which of two lines of a mode comes first when the mode is made anew.
pub(super) fn by_phase(one: &Node, other: &Node) -> Ordering {
    let phase = |node: &Node| node.command.table().map_or(3, |row| row.phase);
    phase(one).cmp(&phase(other))
}

/// Whether a command is one of a list whose order counts.
pub(super) fn is_ordered(node: &Node) -> bool {
    node.command.kind() == Kind::Entry || node.command.opens() == Mode::PolicyClass
}
