//! Interfaces keep the names that they had: by systemd's `.link` files, or by the rules of an older udev.

use super::devices::joined;
use super::draft::Draft;
use super::drivers::driver_of;
use super::facts::{Facts, Naming, Refusal, Tree};
use super::wish::{Card, Wish};
use crate::landing::convert::hardware::Mac;

/// What udev of before 2013 writes, and reads.
const RULES: &str = "/etc/udev/rules.d/70-persistent-net.rules";
const FOLDER: &str = "/etc/udev/rules.d";
const STALE: &str = "it names a card that is gone";

/// Plans the names.
pub(super) fn plan(facts: &Facts, wish: &Wish, draft: &mut Draft<'_>) -> Result<(), Refusal> {
    match facts.naming {
        Naming::Links => links(wish, draft)?,
        Naming::Rules => rules(wish, draft),
    }
    stale(facts, draft);
    Ok(())
}

fn links(wish: &Wish, draft: &mut Draft<'_>) -> Result<(), Refusal> {
    for (at, card) in wish.cards.iter().enumerate() {
        let Some(taken) = &card.takes else { continue };
        let number = taken.name().strip_prefix("eth").and_then(|digits| digits.parse::<usize>().ok());
        // The kernel gives the name to another card of this machine before the rename.
        if number.is_some_and(|number| number != at && number < wish.cards.len()) {
            return Err(Refusal::NameNotKept { name: taken.name().to_owned() });
        }
        // By the driver too: a VLAN on the card has the card's address.
        let text = format!(
            "# The name that this interface had before.\n[Match]\nMACAddress={}\nDriver={}\n\n[Link]\nName={}\n",
            card.mac.small(),
            driver_of(card.model),
            taken.name()
        );
        // Before all others: the first that matches counts.
        let path = format!("/etc/systemd/network/05-traghetto-{}.link", taken.name());
        draft.file(&path, Some(text), "the interface keeps its name, and so its address");
    }
    Ok(())
}

fn rules(wish: &Wish, draft: &mut Draft<'_>) {
    let rule = |card: &Card| {
        let name = card.takes.as_ref()?.name();
        let mac = card.mac.small();
        Some(format!(
            "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{{address}}==\"{mac}\", \
             ATTR{{type}}==\"1\", NAME=\"{name}\"\n"
        ))
    };
    let text: String = wish.cards.iter().filter_map(rule).collect();
    if !text.is_empty() {
        draft.file(RULES, Some(text), "the interface keeps its name, and so its address");
    }
}

/// Rules that bind names to the hardware addresses of the source go.
fn stale(facts: &Facts, draft: &mut Draft<'_>) {
    for (name, text) in facts.tree.folder(FOLDER) {
        let path = format!("{FOLDER}/{name}");
        if path == RULES {
            if facts.naming == Naming::Links {
                draft.file(&path, None, STALE);
            }
            continue;
        }
        let lines: Vec<&str> = text.lines().filter(|line| rule(line).is_none()).collect();
        draft.file(&path, Some(joined(&lines, text)), STALE);
    }
}

/// The hardware address and the name of a rule that binds the two.
fn rule(line: &str) -> Option<(Mac, &str)> {
    let value = |key: &str| line.split_once(key)?.1.strip_prefix('"')?.split('"').next();
    let mac = value("ATTR{address}==").or_else(|| value("SYSFS{address}=="))?.parse().ok()?;
    Some((mac, value(" NAME=").or_else(|| value(",NAME="))?))
}

/// Which name the rules and `.link` files of the source gave to which hardware address.
pub(super) fn known(tree: &Tree) -> impl Iterator<Item = (Mac, String)> {
    let rules = tree.folder(FOLDER).flat_map(|(_, text)| text.lines()).filter_map(rule);
    let links = tree.folder("/etc/systemd/network").filter(|(name, _)| name.ends_with(".link"));
    let links = links.filter_map(|(_, text)| {
        let value = |key: &str| text.lines().find_map(|line| line.trim().strip_prefix(key));
        Some((value("MACAddress=")?.trim().parse().ok()?, value("Name=")?.trim()))
    });
    rules.chain(links).map(|(mac, name)| (mac, name.to_owned()))
}
