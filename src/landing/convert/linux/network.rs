//! The network configuration of the source goes on to hold: what matches the old cards matches the new
//! ones, and no static address is left behind without a word.

mod ifcfg;
mod ifupdown;
mod keyfile;
mod netplan;
mod networkd;

use super::draft::Draft;
use super::facts::{Facts, Refusal, Tree};
use super::names;
use super::wish::{Card, Interface, Wish};
use crate::landing::convert::hardware::{Mac, Machine};
use std::collections::{BTreeMap, BTreeSet};

const WHY: &str = "it named the hardware address of a card that is gone";

/// An interface with a static address, as a file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Static {
    path: String,
    name: String,
    address: String,
}

/// Which cards take what.
struct Cards<'a> {
    wish: &'a Wish,
    /// The names of the source's cards, by their hardware addresses.
    known: BTreeMap<Mac, String>,
}

/// What becomes of a match of a hardware address.
enum Fate {
    /// It is this card's from now on.
    Becomes(Mac),
    /// It stays: the interface is left out, or the address is a new card's already.
    Stays,
}

impl Cards<'_> {
    fn by_name(&self, name: &str) -> Option<&Card> {
        self.wish.cards.iter().find(|card| card.takes.as_ref().is_some_and(|taken| taken.name() == name))
    }

    fn is_left(&self, name: &str) -> bool {
        self.wish.left.iter().any(|left| left.name() == name)
    }

    /// What becomes of `mac` in `path`, which says that it is of the interface `name`.
    fn fate(&self, path: &str, mac: Mac, name: Option<&str>) -> Result<Fate, Refusal> {
        if self.wish.cards.iter().any(|card| card.mac == mac) {
            return Ok(Fate::Stays);
        }
        let name = self.known.get(&mac).map(String::as_str).or(name);
        match name {
            Some(name) if self.is_left(name) => Ok(Fate::Stays),
            Some(name) => match self.by_name(name) {
                Some(card) => Ok(Fate::Becomes(card.mac)),
                None => Err(Refusal::UnknownMac { path: path.to_owned(), mac }),
            },
            None => Err(Refusal::UnknownMac { path: path.to_owned(), mac }),
        }
    }
}

/// Plans it, and says what people should know.
pub(super) fn plan(facts: &Facts, wish: &Wish, draft: &mut Draft<'_>) -> Result<Vec<String>, Refusal> {
    let taken = wish.cards.iter().filter_map(|card| card.takes.as_ref()).chain(&wish.left);
    let told = taken.filter_map(|interface: &Interface| Some((interface.mac()?, interface.name().to_owned())));
    let known = self::found(&facts.tree).chain(told).collect();
    let cards = Cards { wish, known };
    let mut found: Vec<Static> = Vec::new();
    for (path, text) in &facts.tree.texts {
        let after = match kind(path) {
            Some(Kind::Ifupdown) => text.clone(),
            Some(Kind::Ifcfg) => ifcfg::rewrite(path, text, &cards)?,
            Some(Kind::Keyfile) => keyfile::rewrite(path, text, &cards)?,
            Some(Kind::Netplan) => netplan::rewrite(path, text, &cards)?,
            Some(Kind::Networkd) => networkd::rewrite(path, text, &cards)?,
            None => continue,
        };
        found.append(&mut statics(path, text, &cards));
        draft.file(path, Some(after), WHY);
    }
    let lost = |found: &&Static| cards.by_name(&found.name).is_none() && !cards.is_left(&found.name);
    let lost: Vec<String> = found
        .iter()
        .filter(lost)
        .map(|found| format!("{} of {} ({})", found.address, found.name, found.path))
        .collect();
    if !lost.is_empty() {
        return Err(Refusal::NotTaken(lost));
    }
    Ok(notes(&facts.tree))
}

/// The wish of a machine whose card takes the interface that holds the server's address.
pub(super) fn wish(facts: &Facts, machine: &Machine) -> Wish {
    let nothing = machine.wish(None, Vec::new());
    let known: BTreeMap<Mac, String> = found(&facts.tree).collect();
    let cards = Cards { wish: &nothing, known: known.clone() };
    let statics = facts.tree.texts.iter().flat_map(|(path, text)| statics(path, text, &cards));
    let holds = |held: &Static| held.address.split('/').next() == Some(machine.address.to_string().as_str());
    let (mine, others): (Vec<Static>, Vec<Static>) = statics.partition(holds);
    let interface = |name: &str| {
        let mac = known.iter().find(|(_, known)| *known == name).map(|(mac, _)| *mac);
        Interface::new(name, mac).ok()
    };
    let takes = mine.first().and_then(|held| interface(&held.name));
    let left: BTreeSet<&str> = others.iter().map(|held| held.name.as_str()).collect();
    let left = left.into_iter().filter(|name| takes.as_ref().is_none_or(|taken| taken.name() != *name));
    let left = left.filter_map(interface).collect();
    machine.wish(takes, left)
}

/// The static addresses that a file sets.
fn statics(path: &str, text: &str, cards: &Cards<'_>) -> Vec<Static> {
    match kind(path) {
        Some(Kind::Ifupdown) => ifupdown::statics(path, text),
        Some(Kind::Ifcfg) => ifcfg::statics(path, text),
        Some(Kind::Keyfile) => keyfile::statics(path, text, cards),
        Some(Kind::Netplan) => netplan::statics(path, text),
        Some(Kind::Networkd) => networkd::statics(path, text, cards),
        None => Vec::new(),
    }
}

/// Which of the formats a file is of.
enum Kind {
    Ifupdown,
    Ifcfg,
    Keyfile,
    Netplan,
    Networkd,
}

fn kind(path: &str) -> Option<Kind> {
    let (folder, name) = path.rsplit_once('/')?;
    match folder {
        "/etc/network" | "/etc/network/interfaces.d" => Some(Kind::Ifupdown),
        "/etc/sysconfig/network-scripts" | "/etc/sysconfig/network" => {
            let backup = [".bak", "~", ".orig", ".rpmsave", ".rpmnew", ".old"].iter().any(|end| name.ends_with(end));
            (name.starts_with("ifcfg-") && !backup).then_some(Kind::Ifcfg)
        }
        "/etc/NetworkManager/system-connections" => Some(Kind::Keyfile),
        "/etc/netplan" => (name.ends_with(".yaml") || name.ends_with(".yml")).then_some(Kind::Netplan),
        "/etc/systemd/network" => name.ends_with(".network").then_some(Kind::Networkd),
        _ => None,
    }
}

/// What the files of the source say about names and hardware addresses.
fn found(tree: &Tree) -> impl Iterator<Item = (Mac, String)> {
    let files = tree.texts.iter().filter_map(|(path, text)| match kind(path)? {
        Kind::Ifcfg => ifcfg::known(path, text),
        _ => None,
    });
    let plans = tree.folder("/etc/netplan").flat_map(|(_, text)| netplan::known(text));
    names::known(tree).chain(plans).chain(files)
}

/// An interface that gives itself another hardware address: vSphere drops what it sends unless it is told.
fn notes(tree: &Tree) -> Vec<String> {
    let sets = |line: &&str| {
        let line = line.trim();
        line.starts_with("hwaddress ") || line.starts_with("MACADDR=") || line.starts_with("cloned-mac-address=")
    };
    let of = tree.texts.iter().filter(|(path, text)| kind(path).is_some() && text.lines().any(|line| sets(&line)));
    of.map(|(path, _)| format!("{path} sets a hardware address itself: the port group must allow forged transmits"))
        .collect()
}

/// Sections, keys and values of a file such as systemd and NetworkManager write, with the numbers of lines.
fn entries(text: &str) -> impl Iterator<Item = (usize, &str, &str, &str)> {
    let mut section = "";
    text.lines().enumerate().filter_map(move |(at, line)| {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name;
            return None;
        }
        let (key, value) = line.split_once('=').filter(|_| !line.starts_with(['#', ';']))?;
        Some((at, section, key.trim(), value.trim()))
    })
}

#[cfg(test)]
mod tests;
