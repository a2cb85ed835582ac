//! The difference of two configurations of one router as operations.
//!
//! Two things cannot be changed where they are. A **probe** that is scheduled, and what a **tracked
//! object** tracks, have to be removed and made again, and a tracked object starts as down. Another
//! number for the new probe would not help: its tracked object would be new as well, and start as
//! down. So whatever depends on it lets go first (a list of tracked objects loses the member and
//! keeps watching the others, a route becomes untracked, HSRP stops decrementing), the probe is made
//! again, traghetto waits until the object is up, and the dependants take hold again: in a healthy
//! network nothing moves. An **access list** is never edited, because it would let through or block
//! in between: a stand-in with the new entries takes its place wherever it is bound, the list is made
//! again, and the stand-in goes.

use super::command::Object;
use super::grammar::{Kind, Mode, ROWS};
use super::operation::{Operation, family};
use super::ownership::is_ordered;
use super::tree::{Node, Tree, by_phase, find};
use std::collections::BTreeSet;

/// The operations, and sequences of two of them that are decided already.
#[derive(Debug, Default)]
pub(super) struct Operations {
    /// The operations, in the order of the text.
    pub(super) list: Vec<Operation>,
    /// The first of each pair comes before the second.
    pub(super) chains: Vec<(usize, usize)>,
}

/// Where a line stands: its key, its lines from the global level on, and whether it is a member.
struct Place<'a> {
    /// Headers of the modes around it.
    headers: Vec<&'a str>,
    from: Option<&'a Node>,
    to: Option<&'a Node>,
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
    fn find_rebuilt(&mut self) {
        for node in &self.to.nodes {
            let Some(old) = find(&self.from.nodes, &node.command.key) else {
                self.starting.extend(track_number(node));
                continue;
            };
            let Some(object) = &node.command.defines else { continue };
            if is_rebuilt(old, node) {
                self.rebuilt.insert(object.clone());
            }
        }
        let probes: BTreeSet<Object> = self.rebuilt.clone();
        for node in self.to.nodes.iter().filter(|node| self.from.get(&node.command.key).is_some()) {
            let Some(number) = track_number(node) else { continue };
            let made_again = node.command.defines.as_ref().is_some_and(|object| self.rebuilt.contains(object));
            if made_again || node.command.uses.iter().any(|object| probes.contains(object)) {
                self.disturbed.insert(number);
            }
        }
        // A list that would have no member left while they are made again starts anew with them.
        for node in self.to.nodes.iter().filter(|node| node.text.contains(" list ")) {
            let Some(old) = self.from.get(&node.command.key) else { continue };
            let held = |child: &&Node| child.command.uses.iter().all(|object| !self.is_disturbed(object));
            let stays =
                old.children.iter().filter(held).any(|child| find(&node.children, &child.command.key).is_some());
            let had =
                old.children.iter().any(|child| child.command.uses.iter().any(|object| self.is_disturbed(object)));
            if had && !stays {
                self.disturbed.extend(track_number(node));
            }
        }
        self.starting.extend(&self.disturbed);
    }

    fn is_disturbed(&self, object: &Object) -> bool {
        number(object).is_some_and(|number| self.disturbed.contains(&number))
    }

    fn push(&mut self, operation: Operation) -> usize {
        self.out.list.push(operation);
        self.out.list.len() - 1
    }

    /// Removes and makes again what cannot be changed, with what refers to it.
    fn rebuild_all(&mut self) {
        for object in self.rebuilt.clone() {
            let defines = |node: &&Node| node.command.defines.as_ref() == Some(&object);
            let (Some(old), Some(new)) = (self.from.nodes.iter().find(defines), self.to.nodes.iter().find(defines))
            else {
                continue;
            };
            let places = self.places(&object);
            let mut remove = Operation::new(&new.command.key, removal(old, &[]));
            let mut make = Operation::new(&new.command.key, block(new, 0)).turning(Some(old), Some(new));
            if object.0 == "probe" {
                let schedule = format!("ip sla schedule {} ", object.1);
                make.lines
                    .extend(self.to.nodes.iter().find(|node| node.text.starts_with(&schedule)).map(|n| n.text.clone()));
            }
            remove.breaks.push(object.clone());
            make.makes.push(object.clone());
            make.restarts = self.restarted_by(&object);
            remove.restarts.clone_from(&make.restarts);
            let (remove, make) = (self.push(remove), self.push(make));
            self.out.chains.push((remove, make));
            match object.0 {
                "acl" if !places.is_empty() => self.stand_in(&object, new, &places, remove, make),
                "policymap" => self.let_go(&places, remove, make),
                _ => {}
            }
        }
        self.let_go_of_tracks();
    }

    /// The tracked objects that start anew when `object` is made again.
    fn restarted_by(&self, object: &Object) -> BTreeSet<u16> {
        let depends =
            |node: &&Node| node.command.uses.contains(object) || node.command.defines.as_ref() == Some(object);
        let tracks = self.to.nodes.iter().filter(depends).filter_map(track_number);
        tracks.filter(|number| self.disturbed.contains(number)).collect()
    }

    /// Lines that refer to `object` both before and after.
    fn places(&self, object: &Object) -> Vec<Place<'a>> {
        let mut found = Vec::new();
        places(&self.from.nodes, &self.to.nodes, &mut Vec::new(), &mut |headers, from, to| {
            if from.command.uses.contains(object) && to.command.uses.contains(object) {
                found.push(Place { headers: headers.to_vec(), from: Some(from), to: Some(to) });
            }
        });
        found
    }

    /// A list of another name with the new entries is bound in its place, the list is made again.
    fn stand_in(&mut self, object: &Object, new: &Node, places: &[Place<'a>], remove: usize, make: usize) {
        let name = self.free_name(&object.1);
        let mut lines = block(new, 0);
        let header = new.text.replace(&object.1, &name);
        lines[0].clone_from(&header);
        let first = self.push(Operation::new(&header, lines));
        let last = self.push(Operation::new(&header, vec![format!("no {header}")]));
        for place in places {
            let (Some(from), Some(to)) = (place.from, place.to) else { continue };
            let other = renamed(&from.text, &object.1, &name);
            let there = self.push(in_mode(&place.headers, instead(from, &other)));
            let back = match from.command.kind() {
                Kind::Member => in_mode(&place.headers, vec![to.text.clone(), format!("no {other}")]),
                _ => in_mode(&place.headers, vec![to.text.clone()]),
            };
            let back = self.push(back);
            self.out.chains.extend([(first, there), (there, remove), (make, back), (back, last)]);
        }
    }

    fn free_name(&self, name: &str) -> String {
        let taken = |name: &str| self.from.nodes.iter().any(|n| n.command.defines == Some(("acl", name.to_owned())));
        (1..).map(|n| format!("{name}-TMP{n}")).find(|name| !taken(name)).unwrap_or_default()
    }

    /// What refers to it is taken away and comes back.
    fn let_go(&mut self, places: &[Place<'a>], remove: usize, make: usize) {
        for place in places {
            let (Some(from), Some(to)) = (place.from, place.to) else { continue };
            let off = self.push(in_mode(&place.headers, vec![format!("no {}", from.command.stem)]));
            let on = self.push(in_mode(&place.headers, vec![to.text.clone()]));
            self.out.chains.extend([(off, remove), (make, on)]);
        }
    }

    /// Whatever depends on a tracked object that starts anew lets go of it and waits for it.
    fn let_go_of_tracks(&mut self) {
        let moved: Vec<(usize, BTreeSet<u16>, bool)> = self
            .out
            .list
            .iter()
            .enumerate()
            .filter(|(_, operation)| !operation.restarts.is_empty())
            .map(|(at, operation)| (at, operation.restarts.clone(), operation.makes.is_empty()))
            .collect();
        for track in self.disturbed.clone() {
            for place in self.places(&("track", track.to_string())) {
                let (Some(from), Some(to)) = (place.from, place.to) else { continue };
                let in_disturbed_list = place.headers.first().is_some_and(|header| {
                    Node::new(Mode::Global, header).command.defines.is_some_and(|list| self.is_disturbed(&list))
                });
                if in_disturbed_list {
                    continue;
                }
                let off = match from.command.key.starts_with("ip route ") {
                    true => renamed_away(&from.text, track),
                    false => format!("no {}", from.command.stem),
                };
                let off = self.push(in_mode(&place.headers, vec![off]));
                let mut on = in_mode(&place.headers, vec![to.text.clone()]);
                on.waits.insert(track);
                let on = self.push(on);
                self.out.chains.push((off, on));
                for (at, tracks, removes) in &moved {
                    if tracks.contains(&track) {
                        self.out.chains.push(if *removes { (off, *at) } else { (*at, on) });
                    }
                }
            }
        }
    }

    /// Whether the change of this line is part of a rebuild already.
    fn is_handled(&self, headers: &[&str], from: &Node, to: &Node) -> bool {
        let shared =
            |class: &str| from.command.uses.iter().find(|object| object.0 == class && to.command.uses.contains(object));
        let listed = headers.first().is_some_and(|header| header.starts_with("track "));
        shared("track").is_some_and(|object| self.is_disturbed(object) && !listed)
            || ["acl", "policymap"]
                .iter()
                .any(|class| shared(class).is_some_and(|object| self.rebuilt.contains(object)))
            || (from.text.starts_with("ip sla schedule ") && shared("probe").is_some_and(|o| self.rebuilt.contains(o)))
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

/// Whether both cannot be the same object with another content.
fn is_rebuilt(old: &Node, new: &Node) -> bool {
    let same_children =
        || old.children.len() == new.children.len() && old.children.iter().zip(&new.children).all(|(a, b)| a.same(b));
    match new.command.opens() {
        Mode::Track => old.command.said != new.command.said,
        Mode::Sla | Mode::Acl => !same_children(),
        Mode::PolicyMap => {
            let common = |nodes: &[Node], other: &[Node]| -> Vec<String> {
                let keys = nodes.iter().filter(|node| is_ordered(node)).map(|node| node.command.key.clone());
                keys.filter(|key| find(other, key).is_some()).collect()
            };
            let added_last = || {
                let new_ones = new.children.iter().position(|node| find(&old.children, &node.command.key).is_none());
                new_ones.is_none_or(|at| {
                    new.children[at..].iter().all(|node| {
                        find(&old.children, &node.command.key).is_none() || node.text == "class class-default"
                    })
                })
            };
            common(&old.children, &new.children) != common(&new.children, &old.children) || !added_last()
        }
        _ => false,
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

/// Calls `each` with every line that is in both, and the headers of the modes around it.
fn places<'a>(
    from: &'a [Node],
    to: &'a [Node],
    headers: &mut Vec<&'a str>,
    each: &mut impl FnMut(&[&'a str], &'a Node, &'a Node),
) {
    for old in from {
        let Some(new) = find(to, &old.command.key) else { continue };
        each(headers, old, new);
        headers.push(&new.text);
        places(&old.children, &new.children, headers, each);
        headers.pop();
    }
}

/// An operation that types `lines` in the mode that `headers` open.
fn in_mode(headers: &[&str], lines: Vec<String>) -> Operation {
    let opened = headers.iter().enumerate().map(|(depth, header)| format!("{:depth$}{header}", ""));
    let depth = headers.len();
    let lines = lines.into_iter().map(|line| format!("{:depth$}{line}", ""));
    let object = headers.first().map(|header| (*header).to_owned());
    let all: Vec<String> = opened.chain(lines).collect();
    let object = object.unwrap_or_else(|| all.first().cloned().unwrap_or_default());
    Operation::new(&object, all)
}

fn object_of(headers: &[&str], node: &Node) -> String {
    match headers.first() {
        Some(header) => Node::new(Mode::Global, header).command.key,
        None => family("", node)
            .filter(|family| family.starts_with("ip route "))
            .unwrap_or_else(|| node.command.key.clone()),
    }
}

/// A line and those below it, what takes part last.
fn block(node: &Node, depth: usize) -> Vec<String> {
    let mut lines = vec![format!("{:depth$}{}", "", node.text)];
    let mut children: Vec<&Node> = node.children.iter().collect();
    if !children.iter().any(|child| is_ordered(child) || child.text.starts_with("exit-")) {
        children.sort_by(|one, other| by_phase(one, other));
    }
    lines.extend(children.into_iter().flat_map(|child| block(child, depth + 1)));
    lines
}

/// The lines that take a line away.
fn removal(old: &Node, headers: &[&str]) -> Vec<String> {
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
fn instead_of(old: &Node, new: &Node) -> Vec<String> {
    let policy = new.command.key.starts_with("service-policy ") && old.command.uses != new.command.uses;
    let action = new.command.key == "bandwidth" && old.command.row != new.command.row;
    if policy || action {
        return vec![format!("no {}", old.command.stem), new.text.clone()];
    }
    vec![new.text.clone()]
}

/// The lines that put `other` in the place of `old`, which is one of a set or the only one.
fn instead(old: &Node, other: &str) -> Vec<String> {
    match old.command.kind() {
        Kind::Member => vec![other.to_owned(), format!("no {}", old.text)],
        _ => vec![other.to_owned()],
    }
}

/// The line with the last `name` in it replaced.
fn renamed(line: &str, name: &str, other: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    if let Some(word) = words.iter_mut().rev().find(|word| **word == name) {
        *word = other;
    }
    words.join(" ")
}

/// A route without its tracked object.
fn renamed_away(route: &str, track: u16) -> String {
    route.replacen(&format!(" track {track}"), "", 1)
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
