//! The difference of two configurations of one router as operations.

mod rebuild;

use super::command::Object;
use super::grammar::{Mode, ROWS};
use super::lines::{block, in_mode, instead_of, removal};
use super::operation::{Operation, family};
use super::tree::{Node, Tree, find};
use std::collections::BTreeSet;

/// The operations, and sequences of two of them that are decided already.
#[derive(Debug, Default)]
pub(super) struct Operations {
    /// The operations, in the order of the text.
    pub(super) list: Vec<Operation>,
    /// The first of each pair comes before the second.
    pub(super) chains: Vec<(usize, usize)>,
}

struct Generator<'a> {
    from: &'a Tree,
    to: &'a Tree,
    /// Tracked objects that start anew although a line refers to them before and after.
    disturbed: BTreeSet<u16>,
    /// Tracked objects that start here, new ones too.
    starting: BTreeSet<u16>,
    /// Objects that are removed and made again.
    rebuilt: BTreeSet<Object>,
    out: Operations,
}

/// The operations that lead from `from` to `to`.
pub(super) fn operations(from: &Tree, to: &Tree) -> Operations {
    let mut generator = Generator {
        from,
        to,
        disturbed: BTreeSet::new(),
        starting: BTreeSet::new(),
        rebuilt: BTreeSet::new(),
        out: Operations::default(),
    };
    generator.find_rebuilt();
    generator.rebuild_all();
    generator.level("", &[], &from.nodes, &to.nodes);
    generator.out
}

impl<'a> Generator<'a> {
    fn push(&mut self, operation: Operation) -> usize {
        self.out.list.push(operation);
        self.out.list.len() - 1
    }

    fn level(&mut self, path: &str, headers: &[&'a str], from: &'a [Node], to: &'a [Node]) {
        for new in to {
            match find(from, &new.command.key) {
                None => self.added(path, headers, new),
                Some(old) => self.both(path, headers, old, new),
            }
        }
        for old in from.iter().rev() {
            if find(to, &old.command.key).is_none() {
                self.removed(path, headers, old);
            }
        }
    }

    fn added(&mut self, path: &str, headers: &[&'a str], new: &Node) {
        let moved = path.starts_with("interface ") && is_address(new) && self.table_changes(path);
        if moved {
            return;
        }
        let mut lines = block(new, 0);
        lines.extend(self.addresses(path, new));
        let mut operation = in_mode(headers, lines).turning(None, Some(new));
        operation.object = object_of(headers, new);
        operation.makes.extend(new.command.defines.clone());
        operation.restarts.extend(track_number(new).filter(|_| path.is_empty()));
        operation.family = family(path, new).map(|family| (family, true));
        operation.phase = phase(path, new, true);
        self.push(operation);
    }

    fn removed(&mut self, path: &str, headers: &[&'a str], old: &Node) {
        if is_address(old) && path.starts_with("interface ") && self.table_changes(path) {
            return;
        }
        if old.text.starts_with("ip sla schedule ") && self.to.get(&old.command.key.replace("schedule ", "")).is_none()
        {
            return;
        }
        let mut lines = removal(old, headers);
        lines.extend(self.addresses(path, old));
        let mut operation = in_mode(headers, lines).turning(Some(old), None);
        operation.object = object_of(headers, old);
        operation.breaks.extend(old.command.defines.clone());
        operation.family = family(path, old).map(|family| (family, false));
        operation.phase = phase(path, old, false);
        if let Some((name, _)) = &operation.family {
            operation.waits = self.started_in(name);
        }
        self.push(operation);
    }

    /// Tracked objects that start anew and carry what takes the place of a member of `family`.
    fn started_in(&self, name: &str) -> BTreeSet<u16> {
        let members = self.to.nodes.iter().filter(|node| family("", node).as_deref() == Some(name));
        members
            .flat_map(|node| node.command.uses.iter().filter_map(number))
            .filter(|n| self.starting.contains(n))
            .collect()
    }

    fn both(&mut self, path: &str, headers: &[&'a str], old: &'a Node, new: &'a Node) {
        let rebuilt = new.command.defines.as_ref().is_some_and(|object| self.rebuilt.contains(object));
        if rebuilt || self.is_handled(headers, old, new) {
            return;
        }
        if is_address(old) && path.starts_with("interface ") && self.table_changes(path) {
            return;
        }
        if old.command.said != new.command.said {
            let mut lines = instead_of(old, new);
            lines.extend(self.addresses(path, new));
            let mut operation = in_mode(headers, lines).turning(Some(old), Some(new));
            operation.object = object_of(headers, new);
            let starting = operation.gains.iter().filter_map(number).filter(|number| self.starting.contains(number));
            operation.waits = starting.collect();
            operation.window = moment(new).or_else(|| self.restarts_group(path, new));
            operation.phase = phase(path, new, true);
            self.push(operation);
        }
        // A list whose entries differ is replaced as a whole; its entries have no names to be found by.
        let is_list = new.command.opens() == Mode::Acl;
        if !is_list && (!old.children.is_empty() || !new.children.is_empty()) {
            let path = if path.is_empty() { new.command.key.clone() } else { format!("{path} / {}", new.command.key) };
            let headers: Vec<&str> = headers.iter().copied().chain([new.text.as_str()]).collect();
            self.level(&path, &headers, &old.children, &new.children);
        }
    }

    /// An interface with HSRP that gets another address starts its groups anew.
    fn restarts_group(&self, path: &str, new: &Node) -> Option<&'static str> {
        let groups = |node: &Node| node.children.iter().any(|child| child.command.key.starts_with("standby "));
        let interface = self.from.get(path).filter(|_| new.command.key == "ip address");
        interface.is_some_and(groups).then_some("HSRP starts anew on an interface whose address changes")
    }

    /// The addresses that an interface loses with a change of its routing table and must get again.
    fn addresses(&self, path: &str, changed: &Node) -> Vec<String> {
        let interface = self.to.get(path).filter(|_| changed.command.key == "vrf forwarding");
        let lines = interface.iter().flat_map(|node| &node.children).filter(|node| is_address(node));
        lines.map(|node| node.text.clone()).collect()
    }

    /// Whether an interface comes into another routing table.
    fn table_changes(&self, interface: &str) -> bool {
        let table = |tree: &Tree| {
            tree.get(interface).and_then(|node| find(&node.children, "vrf forwarding")).map(|node| node.text.clone())
        };
        table(self.from) != table(self.to)
    }
}

fn number(object: &Object) -> Option<u16> {
    if object.0 == "track" { object.1.parse().ok() } else { None }
}

fn track_number(node: &Node) -> Option<u16> {
    node.command.defines.as_ref().and_then(number)
}

fn is_address(node: &Node) -> bool {
    node.command.key == "ip address" || node.text.starts_with("ip address ")
}

fn object_of(headers: &[&str], node: &Node) -> String {
    match headers.first() {
        Some(header) => Node::new(Mode::Global, header).command.key,
        None => family("", node)
            .filter(|family| family.starts_with("ip route "))
            .unwrap_or_else(|| node.command.key.clone()),
    }
}

fn phase(path: &str, node: &Node, adds: bool) -> Option<(String, bool, u8)> {
    let counts = path.starts_with("interface ") || path.starts_with("line ");
    let row = node.command.row.filter(|_| counts)?;
    Some((path.to_owned(), adds, ROWS[row].phase))
}

/// Why a line interrupts whatever the order is: what it says must change on both routers at once.
fn moment(new: &Node) -> Option<&'static str> {
    let row = new.command.table()?;
    match row.pattern {
        "standby version *" => Some("another HSRP version has another virtual MAC address"),
        "rd *" => Some("a routing table with another route distinguisher is made anew"),
        _ => None,
    }
}
