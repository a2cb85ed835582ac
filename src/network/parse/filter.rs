//! Access lists and terminal lines.

use super::words::{address, number, with_wildcard};
use super::{Read, Reader, entry, mode, place, step};
use crate::network::ServicePort;
use crate::network::device::At;
use crate::network::device::filter::{AccessList, Entry, Terminal};
use crate::network::text::Line;
use ipnetwork::Ipv4Network;
use std::collections::HashSet;

/// `ip access-list standard|extended NAME`.
pub(super) fn named(reader: &mut Reader, line: &Line, name: &str, standard: bool) -> Option<Read> {
    let list = list(reader, line, name, standard)?;
    let order = reader.orders.entry(name.to_owned()).or_default();
    mode(&mut reader.device.unread, &step(&line.text), &line.children, |_, line, words| {
        let at = list;
        let list = reader.device.access_lists.get_mut(at)?;
        let (number, words) = match words {
            [first, rest @ ..] if first.starts_with(|c: char| c.is_ascii_digit()) => {
                (Some(self::number(first, 1..=u32::MAX)?), rest)
            }
            _ => (None, words),
        };
        add(list, order, number, line.number, words)
    });
    Some(Read::Mode)
}

/// `access-list N …`.
pub(super) fn numbered(reader: &mut Reader, line: &Line, id: &str, words: &[&str]) -> Option<Read> {
    let standard = match number(id, 1..=2699u16)? {
        1..=99 | 1300..=1999 => true,
        100..=199 | 2000..=2699 => false,
        _ => return None,
    };
    if words.first() != Some(&"remark") {
        entry_of(standard, words)?;
    }
    let at = list(reader, line, id, standard)?;
    let order = reader.orders.entry(id.to_owned()).or_default();
    add(reader.device.access_lists.get_mut(at)?, order, None, line.number, words)
}

/// The place of the list with this name; of two kinds under one name a router takes the first.
fn list(reader: &mut Reader, line: &Line, name: &str, standard: bool) -> Option<usize> {
    let new = || AccessList { name: At::new(name.to_owned(), line.number), standard, entries: Vec::new() };
    let lists = &mut reader.device.access_lists;
    let list = entry(&mut reader.places, ("access_lists", name), lists, new)?;
    if list.standard != standard {
        return None;
    }
    place(&reader.places, ("access_lists", name))
}

/// What is known of the entries of a list beside what they say.
#[derive(Default)]
pub(super) struct Order {
    /// The number of each, which orders them.
    numbers: Vec<u32>,
    /// What each says.
    said: HashSet<String>,
}

/// Adds an entry at its number, or at the end. The same entry twice is one.
fn add(list: &mut AccessList, order: &mut Order, number: Option<u32>, at: u32, words: &[&str]) -> Option<Read> {
    if words.first() == Some(&"remark") {
        return Some(Read::Line);
    }
    let entry = entry_of(list.standard, words)?;
    if !order.said.insert(format!("{entry:?}")) {
        return Some(Read::Line);
    }
    let entry = At::new(entry, at);
    let number = number.unwrap_or_else(|| order.numbers.last().map_or(10, |last| last.saturating_add(10)));
    match order.numbers.binary_search(&number) {
        Ok(taken) => {
            let old = std::mem::replace(list.entries.get_mut(taken)?, entry);
            order.said.remove(&format!("{:?}", old.value));
        }
        Err(free) => {
            order.numbers.insert(free, number);
            list.entries.insert(free.min(list.entries.len()), entry);
        }
    }
    Some(Read::Line)
}

fn entry_of(standard: bool, words: &[&str]) -> Option<Entry> {
    let (action, rest) = words.split_first()?;
    let permit = match *action {
        "permit" => true,
        "deny" => false,
        _ => return None,
    };
    if standard {
        let (source, rest) = source_of_standard(rest)?;
        let options = rest.iter().map(|word| (*word).to_owned()).collect();
        let protocol = "ip".to_owned();
        return Some(Entry {
            permit,
            protocol,
            source,
            source_port: None,
            destination: None,
            destination_port: None,
            options,
        });
    }
    let (protocol, rest) = rest.split_first()?;
    let (source, rest) = network(rest)?;
    let (source_port, rest) = port(rest, true);
    let (destination, rest) = network(rest)?;
    let (destination_port, rest) = port(rest, false);
    Some(Entry {
        permit,
        protocol: (*protocol).to_owned(),
        source,
        source_port,
        destination,
        destination_port,
        options: rest.iter().map(|word| (*word).to_owned()).collect(),
    })
}

/// In a standard list an address alone is one host.
fn source_of_standard<'a, 'w>(words: &'a [&'w str]) -> Option<(Option<Ipv4Network>, &'a [&'w str])> {
    match words {
        [host, rest @ ..] if address(host).is_some() && rest.first().is_none_or(|word| address(word).is_none()) => {
            Some((Some(Ipv4Network::from(address(host)?)), rest))
        }
        _ => network(words),
    }
}

/// A network of an entry, none for any, and the words behind it.
fn network<'a, 'w>(words: &'a [&'w str]) -> Option<(Option<Ipv4Network>, &'a [&'w str])> {
    match words {
        ["any", rest @ ..] => Some((None, rest)),
        ["host", host, rest @ ..] => Some((Some(Ipv4Network::from(address(host)?)), rest)),
        [network, wildcard, rest @ ..] => {
            let network = with_wildcard(network, wildcard)?;
            Some(((network.prefix() > 0).then_some(network), rest))
        }
        _ => None,
    }
}

/// A condition on a port, and the words behind it. `eq` and `neq` may have several ports.
fn port<'a, 'w>(words: &'a [&'w str], source: bool) -> (Option<String>, &'a [&'w str]) {
    let taken = match words {
        ["range", _, _, ..] => 3,
        ["gt" | "lt", _, ..] => 2,
        ["eq" | "neq", _, rest @ ..] => {
            let ends = |word: &&str| match source {
                true => matches!(*word, "any" | "host" | "object-group") || address(word).is_some(),
                false => !word.bytes().all(|byte| byte.is_ascii_digit()),
            };
            2 + rest.iter().position(ends).unwrap_or(rest.len())
        }
        _ => return (None, words),
    };
    match words.split_at_checked(taken) {
        Some((condition, rest)) => (Some(in_numbers(condition)), rest),
        None => (None, words),
    }
}

/// A router shows some ports by name, whichever way they were typed.
fn in_numbers(condition: &[&str]) -> String {
    let plain = |word: &&str| ServicePort::named(word).map_or_else(|| (*word).to_owned(), |port| port.0.to_string());
    condition.iter().map(plain).collect::<Vec<_>>().join(" ")
}

/// `line vty 0 4` and the like.
pub(super) fn terminal(reader: &mut Reader, line: &Line, words: &[&str]) -> Option<Read> {
    let name = words.get(1..).filter(|words| words.len() > 1)?.join(" ");
    let new = || Terminal {
        name: At::new(name.clone(), line.number),
        access_class: None,
        transport_input: None,
        transport_output: None,
        exec_timeout: None,
        login: None,
        logging_synchronous: false,
    };
    let terminal = entry(&mut reader.places, ("terminals", &name), &mut reader.device.terminals, new)?;
    mode(&mut reader.device.unread, &step(&line.text), &line.children, |_, line, words| {
        in_terminal(terminal, line, words)
    });
    Some(Read::Mode)
}

fn in_terminal(terminal: &mut Terminal, line: &Line, words: &[&str]) -> Option<Read> {
    let said = |words: &[&str]| (!words.is_empty()).then(|| At::new(words.join(" "), line.number));
    match words {
        ["access-class", name, "in"] | ["access-class", name, "in", "vrf-also"] => {
            terminal.access_class = said(&[name])
        }
        ["transport", "input", protocols @ ..] => terminal.transport_input = Some(said(protocols)?),
        ["transport", "output", protocols @ ..] => terminal.transport_output = Some(said(protocols)?),
        ["exec-timeout", minutes, rest @ ..] => {
            let seconds = match rest {
                [] => 0,
                [seconds] => number(seconds, 0..=2_147_483)?,
                _ => return None,
            };
            terminal.exec_timeout = Some(At::new((number(minutes, 0..=35_791)?, seconds), line.number));
        }
        ["no", "exec-timeout"] => terminal.exec_timeout = Some(At::new((0, 0), line.number)),
        ["login", "authentication", list] => terminal.login = said(&[list]),
        ["logging", "synchronous"] => terminal.logging_synchronous = true,
        _ => return None,
    }
    Some(Read::Line)
}
