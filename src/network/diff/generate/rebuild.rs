//! What cannot be changed where it is: removed and made again, with what refers to it.
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

use super::super::command::Object;
use super::super::grammar::{Kind, Mode};
use super::super::lines::{block, in_mode, instead, removal, renamed, untracked};
use super::super::operation::Operation;
use super::super::tree::{Node, find, is_ordered};
use super::{Generator, number, track_number};
use std::collections::BTreeSet;

/// Where a line stands: its key, its lines from the global level on, and whether it is a member.
struct Place<'a> {
    /// Headers of the modes around it.
    headers: Vec<&'a str>,
    from: Option<&'a Node>,
    to: Option<&'a Node>,
}

impl<'a> Generator<'a> {
    pub(super) fn find_rebuilt(&mut self) {
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

    pub(super) fn is_disturbed(&self, object: &Object) -> bool {
        number(object).is_some_and(|number| self.disturbed.contains(&number))
    }

    /// Removes and makes again what cannot be changed, with what refers to it.
    pub(super) fn rebuild_all(&mut self) {
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
                    true => untracked(&from.text, track),
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
    pub(super) fn is_handled(&self, headers: &[&str], from: &Node, to: &Node) -> bool {
        let shared =
            |class: &str| from.command.uses.iter().find(|object| object.0 == class && to.command.uses.contains(object));
        let listed = headers.first().is_some_and(|header| header.starts_with("track "));
        shared("track").is_some_and(|object| self.is_disturbed(object) && !listed)
            || ["acl", "policymap"]
                .iter()
                .any(|class| shared(class).is_some_and(|object| self.rebuilt.contains(object)))
            || (from.text.starts_with("ip sla schedule ") && shared("probe").is_some_and(|o| self.rebuilt.contains(o)))
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
