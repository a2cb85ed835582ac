//! `/etc/network/interfaces`, of Debian.

use super::Static;

/// Options of an interface that is no card.
const VIRTUAL: [&str; 8] = [
    "bridge_ports",
    "bridge-ports",
    "bond-slaves",
    "bond_slaves",
    "slaves",
    "bond-mode",
    "vlan-raw-device",
    "vlan_raw_device",
];

pub(super) fn statics(path: &str, text: &str) -> Vec<Static> {
    let mut found: Vec<Static> = Vec::new();
    // The interface of this stanza, if it is static, and whether it may be a card.
    let mut current: Option<(String, bool, Option<String>)> = None;
    let mut close = |current: &mut Option<(String, bool, Option<String>)>| {
        if let Some((name, true, Some(address))) = current.take() {
            found.push(Static { path: path.to_owned(), name, address });
        }
    };
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["iface", name, _, way, ..] => {
                close(&mut current);
                // An alias is of its interface; a VLAN needs it, too.
                let name = name.split([':', '.']).next().unwrap_or(name).to_owned();
                let card =
                    name != "lo" && !name.starts_with("vlan") && !name.starts_with("br") && !name.starts_with("bond");
                current = Some((name, card && *way == "static", None));
            }
            ["auto" | "mapping" | "source" | "source-directory", ..] => close(&mut current),
            [word, ..] if word.starts_with("allow-") => close(&mut current),
            ["address", address, ..] => {
                if let Some((_, _, found)) = &mut current {
                    *found = Some((*address).to_owned());
                }
            }
            [option, ..] if VIRTUAL.contains(option) => {
                if let Some((_, card, _)) = &mut current {
                    *card = false;
                }
            }
            _ => {}
        }
    }
    close(&mut current);
    found
}
