//! systemd-networkd's `.network` files.

use super::{Cards, Fate, Static, entries};
use crate::landing::convert::hardware::Mac;
use crate::landing::convert::linux::devices::joined;
use crate::landing::convert::linux::facts::Refusal;

/// Keys that match a hardware address.
const MATCHES: [&str; 2] = ["MACAddress", "PermanentMACAddress"];

/// The one name that it is for; none where it takes whatever fits.
fn name(text: &str) -> Option<&str> {
    let (_, _, _, name) = entries(text).find(|(_, section, key, _)| *section == "Match" && *key == "Name")?;
    (!name.contains(['*', '?', '[', ' ', '!'])).then_some(name)
}

fn macs(text: &str) -> impl Iterator<Item = (usize, &str)> {
    entries(text)
        .filter(|(_, section, key, _)| *section == "Match" && MATCHES.contains(key))
        .map(|(at, _, _, value)| (at, value))
}

pub(super) fn statics(path: &str, text: &str, cards: &Cards<'_>) -> Vec<Static> {
    let by_mac = || macs(text).find_map(|(_, value)| cards.known.get(&value.parse().ok()?)).map(String::as_str);
    let Some(name) = name(text).or_else(by_mac) else { return Vec::new() };
    // What is made of cards has a `.netdev` file, and these names.
    if ["lo", "bond", "br", "vlan", "wg", "tun"].iter().any(|start| name.starts_with(start)) || name.contains('.') {
        return Vec::new();
    }
    let address =
        entries(text).find(|(_, section, key, _)| ["Network", "Address"].contains(section) && *key == "Address");
    let of = |(_, _, _, address): (_, _, _, &str)| Static {
        path: path.to_owned(),
        name: name.to_owned(),
        address: address.to_owned(),
    };
    address.map(of).into_iter().collect()
}

pub(super) fn rewrite(path: &str, text: &str, cards: &Cards<'_>) -> Result<String, Refusal> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (at, value) in macs(text) {
        let mut after = Vec::new();
        for word in value.split_whitespace() {
            let Ok(mac) = word.parse::<Mac>() else {
                after.push(word.to_owned());
                continue;
            };
            after.push(match cards.fate(path, mac, name(text))? {
                Fate::Becomes(new) => new.small(),
                Fate::Stays => word.to_owned(),
            });
        }
        if after.iter().map(String::as_str).ne(value.split_whitespace()) {
            let key = lines[at].split('=').next().unwrap_or_default().to_owned();
            lines[at] = format!("{key}={}", after.join(" "));
        }
    }
    Ok(joined(&lines, text))
}
