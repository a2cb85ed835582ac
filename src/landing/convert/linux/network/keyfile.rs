//! NetworkManager's own files.

use super::{Cards, Fate, Static, entries};
use crate::landing::convert::hardware::Mac;
use crate::landing::convert::linux::devices::joined;
use crate::landing::convert::linux::facts::Refusal;

const CARD: [&str; 2] = ["ethernet", "802-3-ethernet"];

fn value<'a>(text: &'a str, sections: &[&str], key: &str) -> Option<&'a str> {
    entries(text)
        .find(|(_, section, found, _)| sections.contains(section) && *found == key)
        .map(|(_, _, _, value)| value)
}

fn mac(text: &str) -> Option<Mac> {
    value(text, &CARD, "mac-address")?.parse().ok()
}

pub(super) fn statics(path: &str, text: &str, cards: &Cards<'_>) -> Vec<Static> {
    let card = value(text, &["connection"], "type").is_some_and(|kind| CARD.contains(&kind));
    let slave = ["master", "controller"].iter().any(|key| value(text, &["connection"], key).is_some());
    let address = ["address1", "addresses", "address"].iter().find_map(|key| value(text, &["ipv4"], key));
    // One that fits every card has no name that could be lost.
    let by_mac = || mac(text).and_then(|mac| cards.known.get(&mac).map(String::as_str));
    let name = value(text, &["connection"], "interface-name").or_else(by_mac);
    match (address, name) {
        (Some(address), Some(name)) if card && !slave => {
            vec![Static { path: path.to_owned(), name: name.to_owned(), address: address.to_owned() }]
        }
        _ => Vec::new(),
    }
}

/// Its card's hardware address is the new one's.
pub(super) fn rewrite(path: &str, text: &str, cards: &Cards<'_>) -> Result<String, Refusal> {
    let Some(mac) = mac(text) else { return Ok(text.to_owned()) };
    let Fate::Becomes(new) = cards.fate(path, mac, value(text, &["connection"], "interface-name"))? else {
        return Ok(text.to_owned());
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (at, section, key, _) in entries(text) {
        if CARD.contains(&section) && key == "mac-address" {
            lines[at] = format!("mac-address={new}");
        }
    }
    Ok(joined(&lines, text))
}
