//! Addresses of adapters that will be gone: kept for the card that takes them, and off the old interface.
//!
//! Windows keeps the settings of an adapter that is no more there, and a new card that is given the same
//! address meets the question whether to remove the old one: Microsoft's article 269155.

use super::addresses::{
    Adapter, STATIC, Settings, connection, interface_keys, interfaces, is_static, settings, will_be_gone,
};
use super::draft::Draft;
use super::facts::{ControlSets, Facts, Refusal};
use super::registry::{Hive, Value};
use super::wish::{Card, Guid, Wish};
use crate::landing::convert::hardware::Machine;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// Where the settings are kept in the hive as they were: a second conversion finds them here.
const KEPT: &str = "traghetto\\Interfaces";

fn kept_key(guid: &Guid) -> String {
    format!("{KEPT}\\{guid}")
}

/// Where the static settings of an adapter stand: at its interface, or kept by a conversion before.
fn place(hive: &Hive, sets: &ControlSets, guid: &Guid) -> Option<String> {
    let [interface, _] = interface_keys(&sets.default, guid);
    if is_static(hive, &interface) {
        return Some(interface);
    }
    let kept = kept_key(guid);
    is_static(hive, &kept).then_some(kept)
}

/// The adapters with static addresses that will be gone or whose settings a card takes, in the set that starts.
fn adapters(hive: &Hive, sets: &ControlSets, taken: &BTreeSet<&Guid>) -> Vec<(Guid, String)> {
    let kept = hive.children(KEPT).into_iter().filter_map(|name| name.parse().ok());
    let all: BTreeSet<Guid> = interfaces(hive, &sets.default).into_iter().chain(kept).collect();
    let gone = |guid: &Guid| taken.contains(guid) || will_be_gone(connection(hive, &sets.default, guid).1.as_deref());
    all.into_iter().filter(gone).filter_map(|guid| place(hive, sets, &guid).map(|place| (guid, place))).collect()
}

/// The wish of a machine whose card takes the adapter that holds the server's address; the static settings
/// of other adapters stay behind.
pub(super) fn wish(hive: &Hive, sets: &ControlSets, machine: &Machine) -> Wish {
    let all: BTreeSet<Guid> = interfaces(hive, &sets.default).into_iter().collect();
    let static_ones = all.into_iter().filter_map(|guid| {
        let place = place(hive, sets, &guid)?;
        let settings = settings(hive, &place, &sets.default, &guid).ok()?;
        Some((guid, settings))
    });
    let holds = |(_, settings): &(Guid, Settings)| settings.addresses.iter().any(|(held, _)| *held == machine.address);
    let (mine, others): (Vec<_>, Vec<_>) = static_ones.partition(holds);
    let takes = mine.into_iter().next().map(|(guid, _)| guid);
    machine.wish(takes, others.into_iter().map(|(guid, _)| guid).collect())
}

/// What each card takes, and the edits that keep and clear.
pub(super) fn move_addresses(
    facts: &Facts,
    sets: &ControlSets,
    wish: &Wish,
    draft: &mut Draft<'_>,
) -> Result<Vec<(Card, Adapter)>, Refusal> {
    let hive = &facts.hive;
    let taken: BTreeSet<&Guid> = wish.cards.iter().filter_map(|card| card.takes.as_ref()).collect();
    let found = adapters(hive, sets, &taken);
    let mut moved = Vec::new();
    for card in &wish.cards {
        let Some(guid) = &card.takes else { continue };
        let place = found.iter().find(|(found, _)| found == guid).map(|(_, place)| place);
        let place = place.ok_or_else(|| Refusal::NotStatic { mac: card.mac, guid: guid.clone() })?;
        let settings = settings(hive, place, &sets.default, guid).map_err(|what| {
            let text = crate::untrusted::printable(&what.text);
            Refusal::Unreadable { guid: guid.clone(), value: what.value, text }
        })?;
        let (connection, device) = connection(hive, &sets.default, guid);
        moved.push((card.clone(), Adapter { guid: guid.clone(), connection, device, settings }));
    }
    refuse_forgotten(hive, sets, wish, &found, &moved)?;
    for (guid, place) in &found {
        keep(hive, guid, place, draft);
    }
    clear(hive, sets, &taken, draft);
    Ok(moved)
}

/// A static address that nobody takes and nobody leaves would be lost without a word.
///
/// An adapter with an address that a card takes from another is the ghost of a card before it.
fn refuse_forgotten(
    hive: &Hive,
    sets: &ControlSets,
    wish: &Wish,
    found: &[(Guid, String)],
    moved: &[(Card, Adapter)],
) -> Result<(), Refusal> {
    let of = |settings: &Settings| settings.addresses.iter().map(|(address, _)| *address).collect::<Vec<Ipv4Addr>>();
    let taken: BTreeSet<Ipv4Addr> = moved.iter().flat_map(|(_, adapter)| of(&adapter.settings)).collect();
    let known = |guid: &Guid| wish.left.contains(guid) || moved.iter().any(|(_, adapter)| adapter.guid == *guid);
    let mut forgotten = Vec::new();
    for (guid, place) in found.iter().filter(|(guid, _)| !known(guid)) {
        let addresses = hive.texts(place, "IPAddress");
        if addresses.iter().all(|text| text.parse().is_ok_and(|address| taken.contains(&address))) {
            continue;
        }
        let (name, device) = connection(hive, &sets.default, guid);
        let called = name.or(device).unwrap_or_else(|| "no adapter describes it".to_owned());
        forgotten.push(crate::untrusted::printable(&format!("{} of {guid} ({called})", addresses.join(" "))));
    }
    if forgotten.is_empty() { Ok(()) } else { Err(Refusal::NotTaken(forgotten)) }
}

fn keep(hive: &Hive, guid: &Guid, place: &str, draft: &mut Draft<'_>) {
    let (kept, why) = (kept_key(guid), "kept as it was, for the card that takes it and for the way back");
    if place == kept {
        return;
    }
    draft.key(&kept, why);
    for name in STATIC {
        draft.value(&kept, name, hive.value(place, name).cloned(), why);
    }
}

/// The old interfaces wait for DHCP, in every control set.
fn clear(hive: &Hive, sets: &ControlSets, taken: &BTreeSet<&Guid>, draft: &mut Draft<'_>) {
    let why = "the adapter is gone: its address is free for the new card";
    for set in &sets.present {
        for guid in interfaces(hive, set) {
            if !taken.contains(&guid) && !will_be_gone(connection(hive, set, &guid).1.as_deref()) {
                continue;
            }
            for key in interface_keys(set, &guid).iter().filter(|key| is_static(hive, key)) {
                draft.value(key, "EnableDHCP", Some(Value::dword(1)), why);
                for name in STATIC {
                    draft.value(key, name, None, why);
                }
            }
        }
    }
}

/// What the plan does not carry over, for people to know.
pub(super) fn notes(hive: &Hive, sets: &ControlSets, moved: &[(Card, Adapter)]) -> Vec<String> {
    let mut notes = Vec::new();
    for guid in interfaces(hive, &sets.default) {
        let [key, _] = interface_keys(&sets.default, &guid);
        let gone = will_be_gone(connection(hive, &sets.default, &guid).1.as_deref());
        if gone && !is_static(hive, &key) && !hive.texts(&key, "NameServer").is_empty() {
            notes.push(format!("{guid} has its address from DHCP and its own name servers, which no card takes"));
        }
        let takes = moved.iter().any(|(_, adapter)| adapter.guid == guid);
        if takes && !hive.texts(&key, "Domain").is_empty() {
            notes.push(format!("{guid} has a DNS suffix of its own, which the card does not take"));
        }
    }
    let routes = format!("{}\\Services\\Tcpip\\Parameters\\PersistentRoutes", sets.default);
    if hive.values(&routes).next().is_some() {
        notes.push("it has persistent routes: they stay, and go by the gateway's address".to_owned());
    }
    notes
}
