//! netplan's YAML, of Ubuntu, line by line: what we do not change stays as it was written, comments too.

use super::{Cards, Fate, Static};
use crate::landing::convert::hardware::Mac;
use crate::landing::convert::linux::devices::joined;
use crate::landing::convert::linux::facts::Refusal;

/// A line of a card's entry below `ethernets`.
struct Line<'a> {
    at: usize,
    /// The entry's name.
    id: &'a str,
    /// The key below which it stands, or its own.
    key: &'a str,
    text: &'a str,
}

/// The lines of the cards' entries.
fn lines(text: &str) -> Vec<Line<'_>> {
    let mut stack: Vec<(usize, &str)> = Vec::new();
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let indent = line.len() - trimmed.len();
        let item = trimmed.starts_with('-');
        // An item of a list may stand as far left as its key.
        stack.retain(|(depth, _)| *depth < indent || (item && *depth == indent));
        if let Some((key, _)) = trimmed.split_once(':').filter(|_| !item) {
            stack.push((indent, key.trim().trim_matches(['"', '\''])));
        }
        let Some(section) = stack.iter().position(|(_, key)| *key == "ethernets") else { continue };
        if let Some((_, id)) = stack.get(section + 1) {
            let key = stack.get(section + 2).map_or("", |(_, key)| key);
            found.push(Line { at, id, key, text: trimmed });
        }
    }
    found
}

/// A hardware address in a line that matches one.
fn mac<'a>(line: &Line<'a>) -> Option<(Mac, &'a str)> {
    let (_, rest) = line.text.split_once("macaddress:").filter(|_| line.key == "match")?;
    let word = rest.trim_start().trim_start_matches(['"', '\'']).get(..17)?;
    Some((word.parse().ok()?, word))
}

/// The name that an entry's card has: that which it sets, or the entry's own.
fn name<'a>(lines: &[Line<'a>], id: &'a str) -> &'a str {
    let set = lines.iter().filter(|line| line.id == id).find_map(|line| line.text.strip_prefix("set-name:"));
    set.map_or(id, |name| name.trim().trim_matches(['"', '\'']))
}

pub(super) fn known(text: &str) -> Vec<(Mac, String)> {
    let lines = lines(text);
    lines.iter().filter_map(|line| Some((mac(line)?.0, name(&lines, line.id).to_owned()))).collect()
}

pub(super) fn statics(path: &str, text: &str) -> Vec<Static> {
    let lines = lines(text);
    let mut found: Vec<Static> = Vec::new();
    for line in lines.iter().filter(|line| line.key == "addresses") {
        let rest = line.text.strip_prefix("addresses:").unwrap_or(line.text);
        let word = rest.trim_matches(|c: char| c.is_whitespace() || "-[]\"':".contains(c));
        let address = word.split([',', '"', '\'', ' ']).next().unwrap_or_default();
        let name = name(&lines, line.id).to_owned();
        if !address.is_empty() && !found.iter().any(|other| other.name == name) {
            found.push(Static { path: path.to_owned(), name, address: address.to_owned() });
        }
    }
    found
}

pub(super) fn rewrite(path: &str, text: &str, cards: &Cards<'_>) -> Result<String, Refusal> {
    let mut made: Vec<String> = text.lines().map(str::to_owned).collect();
    let lines = lines(text);
    for line in &lines {
        let Some((mac, word)) = mac(line) else { continue };
        if let Fate::Becomes(new) = cards.fate(path, mac, Some(name(&lines, line.id)))? {
            made[line.at] = made[line.at].replacen(word, &new.small(), 1);
        }
    }
    Ok(joined(&made, text))
}
