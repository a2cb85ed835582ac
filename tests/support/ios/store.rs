//! A configuration as a router keeps it: objects by what they are about, in an order of its own.

use super::commands::{Kind, ModeTable, mode};
use super::grammar::KINDS;

/// An object or a setting, with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is about, in full words: the part that a later line replaces.
    pub key: String,
    /// The line as printed.
    pub line: String,
    /// Place of its command in its mode.
    pub rank: usize,
    /// The mode that it opens.
    pub mode: Option<&'static str>,
    /// What belongs to it.
    pub entries: Vec<Entry>,
    /// Printed after them.
    pub leave: Option<&'static str>,
}

/// A configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    pub entries: Vec<Entry>,
}

impl Config {
    /// What stands below the object at `path`; empty where there is none.
    pub fn below(&self, path: &[String]) -> &[Entry] {
        let mut entries = &self.entries[..];
        for key in path {
            match entries.iter().find(|entry| entry.key == *key) {
                Some(entry) => entries = &entry.entries,
                None => return &[],
            }
        }
        entries
    }

    /// The same to be changed.
    pub fn below_mut(&mut self, path: &[String]) -> Option<&mut Vec<Entry>> {
        path.iter().try_fold(&mut self.entries, |entries, key| {
            entries.iter_mut().find(|entry| entry.key == *key).map(|entry| &mut entry.entries)
        })
    }

    /// The object `key` of the global level.
    pub fn find(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Objects of the global level whose key begins with `words`.
    pub fn all<'a>(&'a self, words: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.key.starts_with(words))
    }

    /// Puts `entry` in its place, over what was there; keeps what belongs to it.
    pub fn put(entries: &mut Vec<Entry>, mut entry: Entry) {
        if let Some(at) = entries.iter().position(|other| other.key == entry.key) {
            let old = entries.remove(at);
            let stays = order(&old) == order(&entry);
            if entry.entries.is_empty() {
                entry.entries = old.entries;
                entry.leave = entry.leave.or(old.leave);
            }
            if stays {
                entries.insert(at, entry);
                return;
            }
        }
        let place = entries.iter().position(|other| order(other) > order(&entry)).unwrap_or(entries.len());
        entries.insert(place, entry);
    }

    /// The text as `show running-config` prints it, without the lines around it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut last: Option<&Entry> = None;
        for entry in &self.entries {
            let apart = last.is_some_and(|last| last.mode.is_some() || entry.mode.is_some());
            if apart && !text.ends_with("!\n") {
                text.push_str("!\n");
            }
            print(entry, 0, &mut text);
            last = Some(entry);
        }
        text.push_str("!\nend\n");
        text
    }
}

fn print(entry: &Entry, depth: usize, text: &mut String) {
    text.push_str(&" ".repeat(depth));
    text.push_str(&entry.line);
    text.push('\n');
    let mut addressed = !entry.key.starts_with("interface ") || entry.key.contains("Virtual-Template");
    for inner in &entry.entries {
        let order = inner.rank.cmp(&address_rank());
        if !addressed && order.is_ge() {
            if !["ip address", "ip unnumbered"].iter().any(|word| inner.key.starts_with(word)) {
                text.push_str(" no ip address\n");
            }
            addressed = true;
        }
        print(inner, depth + 1, text);
    }
    if !addressed {
        text.push_str(" no ip address\n");
    }
    if let Some(leave) = entry.leave {
        text.push_str(&format!("{}{leave}\n", " ".repeat(depth)));
    }
}

/// Place of an entry among the others of its mode.
fn order(entry: &Entry) -> (usize, Vec<u64>, String) {
    let words: Vec<&str> = entry.key.split(' ').collect();
    let numbers = |words: &[&str]| words.iter().filter_map(|word| word.parse().ok()).collect::<Vec<u64>>();
    match words.as_slice() {
        ["interface", name] => (entry.rank, interface_order(name), String::new()),
        ["ip", "route", "vrf", vrf, rest @ ..] => {
            (entry.rank, Vec::new(), format!("vrf {vrf} {}", route_order(rest, entry)))
        }
        ["ip", "route", rest @ ..] => (entry.rank, Vec::new(), route_order(rest, entry)),
        ["vrf", "definition", name]
        | ["policy-map", name]
        | ["class-map", _, name]
        | ["ip", "access-list", _, name] => (entry.rank, Vec::new(), (*name).to_owned()),
        ["track" | "key" | "object", ..] => (entry.rank, numbers(&words), String::new()),
        // A schedule stands after its probe.
        ["ip", "sla", "schedule", number] => (entry.rank - 1, vec![number.parse().unwrap_or(0), 1], String::new()),
        ["ip", "sla", number] => (entry.rank, vec![number.parse().unwrap_or(0), 0], String::new()),
        // A group's lines stand together.
        ["standby", group, ..] if group.parse::<u64>().is_ok() => {
            (groups_rank(), vec![group.parse().unwrap_or(0), entry.rank as u64], entry.key.clone())
        }
        _ => (entry.rank, Vec::new(), String::new()),
    }
}

/// Where the address stands in an interface.
fn address_rank() -> usize {
    mode("config-if").commands.iter().position(|(pattern, _)| pattern.starts_with("ip address ;")).unwrap()
}

/// Where the HSRP groups stand in an interface.
fn groups_rank() -> usize {
    mode("config-if").commands.iter().position(|(pattern, _)| pattern.starts_with("standby <")).unwrap()
}

fn interface_order(name: &str) -> Vec<u64> {
    let digits = name.find(|sign: char| sign.is_ascii_digit()).unwrap_or(name.len());
    let kind = KINDS.iter().position(|kind| *kind == &name[..digits]).unwrap_or(KINDS.len()) as u64;
    let mut order = vec![kind];
    order.extend(name[digits..].split(['/', '.']).filter_map(|part| part.parse::<u64>().ok()));
    order
}

fn route_order(words: &[&str], entry: &Entry) -> String {
    let hex = |word: &&str| word.parse::<std::net::Ipv4Addr>().map(|address| format!("{:08x}", u32::from(address)));
    let place = words.iter().take(2).filter_map(|word| hex(word).ok()).collect::<Vec<_>>().join(" ");
    format!("{place} {:03}", super::routing::distance(&entry.line))
}

/// Whether a setting says what a router does by itself.
pub fn is_silent(table: &ModeTable, command: usize, words: &[String], identity: usize, negated: bool) -> bool {
    match table.commands[command].1 {
        Kind::Default(value) => negated || words[identity.min(words.len())..].join(" ") == value,
        Kind::Toggle(by_itself) => negated != by_itself,
        _ => negated,
    }
}

/// The mode of an interface by its name.
pub fn interface_mode(name: &str) -> &'static str {
    if name.contains('.') { mode("config-subif").name } else { mode("config-if").name }
}
