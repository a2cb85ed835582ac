//! `ifcfg-…`, of Red Hat and SUSE: variables of a shell.

use super::{Cards, Fate, Static};
use crate::landing::convert::hardware::Mac;
use crate::landing::convert::linux::devices::joined;
use crate::landing::convert::linux::facts::Refusal;

/// Types of what is no card.
const VIRTUAL: [&str; 8] = ["bridge", "bond", "team", "vlan", "ovsbridge", "ovsbond", "sit", "gre"];

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let of = |line: &'a str| line.trim().strip_prefix(key)?.strip_prefix('=');
    text.lines().filter_map(of).next_back().map(|value| value.trim().trim_matches(['"', '\'']))
}

/// The name in the file's own name.
fn suffix(path: &str) -> &str {
    path.rsplit_once("/ifcfg-").map_or("", |(_, name)| name)
}

fn name<'a>(path: &'a str, text: &'a str) -> &'a str {
    value(text, "DEVICE").filter(|name| !name.is_empty()).unwrap_or_else(|| suffix(path))
}

/// Its hardware address and its name, where it has both.
pub(super) fn known(path: &str, text: &str) -> Option<(Mac, String)> {
    Some((value(text, "HWADDR")?.parse().ok()?, name(path, text).to_owned()))
}

pub(super) fn statics(path: &str, text: &str) -> Vec<Static> {
    let yes = |key| value(text, key).is_some_and(|value| value.eq_ignore_ascii_case("yes"));
    let kind = value(text, "TYPE").unwrap_or_default().to_ascii_lowercase();
    let card = !VIRTUAL.contains(&kind.as_str()) && !yes("VLAN") && value(text, "BONDING_OPTS").is_none();
    let slave = yes("SLAVE") || value(text, "ETHERDEVICE").is_some() || value(text, "BRIDGE").is_some();
    // `IPADDR`, `IPADDR0` and so on.
    let address =
        ["IPADDR", "IPADDR0", "IPADDR1"].iter().find_map(|key| value(text, key)).filter(|text| !text.is_empty());
    let base = name(path, text).split([':', '.']).next().unwrap_or_default();
    let other = ["lo", "bond", "br", "vlan"]
        .iter()
        .any(|other| base.strip_prefix(other).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit())));
    match address {
        Some(address) if card && !slave && !other => {
            vec![Static { path: path.to_owned(), name: base.to_owned(), address: address.to_owned() }]
        }
        _ => Vec::new(),
    }
}

/// Without `HWADDR`, which would keep it from the new card; with `DEVICE`, by which it finds it.
pub(super) fn rewrite(path: &str, text: &str, cards: &Cards<'_>) -> Result<String, Refusal> {
    let Some(mac) = value(text, "HWADDR").and_then(|mac| mac.parse::<Mac>().ok()) else { return Ok(text.to_owned()) };
    let own = name(path, text);
    let Fate::Becomes(new) = cards.fate(path, mac, Some(own))? else { return Ok(text.to_owned()) };
    let mut lines: Vec<String> =
        text.lines().filter(|line| !line.trim().starts_with("HWADDR=")).map(str::to_owned).collect();
    if value(text, "DEVICE").is_none_or(str::is_empty) {
        let card = cards.wish.cards.iter().find(|card| card.mac == new);
        let name = card.and_then(|card| card.takes.as_ref()).map_or(own, |taken| taken.name());
        lines.push(format!("DEVICE={name}"));
    }
    Ok(joined(&lines, text))
}
