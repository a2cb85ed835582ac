//! Static routes, static translations of addresses, routing tables.

use super::words::{address, leading_port, network, number};
use super::{Read, Reader, entry, mode, step};
use crate::network::device::route::{Route, Translation, Via};
use crate::network::device::{At, Device, Vrf};
use crate::network::text::Line;
use ipnetwork::Ipv4Network;
use std::collections::HashSet;
use std::hash::Hash;

/// `ip route [vrf NAME] NETWORK MASK WHERE [distance] [track N] [name X] [permanent] [tag N]`.
/// The same destination by the same way is the same route: the later line overwrites it.
pub(super) fn route(reader: &mut Reader, line: &Line, words: &[&str]) -> Option<Read> {
    let (vrf, rest) = match words.get(2..)? {
        ["vrf", name, rest @ ..] => (Some((*name).to_owned()), rest),
        rest => (None, rest),
    };
    let [destination, mask, rest @ ..] = rest else { return None };
    let destination = network(destination, mask)?;
    let (via, rest) = via(rest)?;
    let at = At::new((), line.number);
    let mut route = Route { at, vrf, destination, via, distance: 1, track: None, permanent: false, name: None };
    options(&mut route, rest)?;
    reader.device.routes.push(route);
    Some(Read::Line)
}

/// Leaves of each route and translation the last that was read.
pub(super) fn last_wins(device: &mut Device) {
    keep_last(&mut device.routes, |route| (route.vrf.clone(), route.destination, route.via.clone()));
    keep_last(&mut device.translations, |translation| (translation.vrf.clone(), translation.local));
}

fn keep_last<T, K: Eq + Hash>(list: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut seen = HashSet::new();
    list.reverse();
    list.retain(|element| seen.insert(key(element)));
    list.reverse();
}

fn via<'a, 'w>(words: &'a [&'w str]) -> Option<(Via, &'a [&'w str])> {
    if let Some((port, rest)) = leading_port(words) {
        return Some(match rest {
            _ if port.0 == "Null0" => (Via::Discard, rest),
            [neighbour, rest @ ..] if address(neighbour).is_some() => (Via::Both(port, address(neighbour)?), rest),
            _ => (Via::Interface(port), rest),
        });
    }
    let (first, rest) = words.split_first()?;
    Some((Via::Address(address(first)?), rest))
}

fn options(route: &mut Route, mut words: &[&str]) -> Option<()> {
    while let Some((word, rest)) = words.split_first() {
        words = match (*word, rest) {
            ("track", [object, rest @ ..]) => {
                route.track = Some(number(object, 1..=1000)?);
                rest
            }
            ("name", [name, rest @ ..]) => {
                route.name = Some((*name).to_owned());
                rest
            }
            ("tag", [tag, rest @ ..]) => {
                number(tag, 1..=u32::MAX)?;
                rest
            }
            ("permanent", rest) => {
                route.permanent = true;
                rest
            }
            ("global", rest) => {
                let Via::Address(neighbour) = route.via else { return None };
                route.via = Via::Global(neighbour);
                rest
            }
            (distance, rest) => {
                route.distance = number(distance, 1..=255)?;
                rest
            }
        };
    }
    Some(())
}

/// What stands behind `ip nat inside source static`: `[network] LOCAL GLOBAL [/LENGTH|MASK] [vrf NAME]`.
pub(super) fn translation(reader: &mut Reader, line: &Line, words: &[&str]) -> Option<Read> {
    let (local, global, rest) = match words {
        ["network", local, global, length, rest @ ..] => (subnet(local, length)?, subnet(global, length)?, rest),
        [local, global, rest @ ..] => (subnet(local, "/32")?, subnet(global, "/32")?, rest),
        _ => return None,
    };
    let (vrf, rest) = match rest {
        ["vrf", name, rest @ ..] => (Some((*name).to_owned()), rest),
        rest => (None, rest),
    };
    if !rest.iter().all(|word| ["match-in-vrf", "no-alias", "extendable"].contains(word)) {
        return None;
    }
    let translation = Translation { at: At::new((), line.number), vrf, local, global };
    reader.device.translations.push(translation);
    Some(Read::Line)
}

/// A network from its address and `/LENGTH` or a mask.
fn subnet(network: &str, length: &str) -> Option<Ipv4Network> {
    match length.strip_prefix('/') {
        None => self::network(network, length),
        Some(length) => {
            let network = Ipv4Network::new(address(network)?, number(length, 0..=32)?).ok()?;
            (network.ip() == network.network()).then_some(network)
        }
    }
}

/// `vrf definition NAME`, or `ip vrf NAME` as it was before there was IPv6.
pub(super) fn vrf(reader: &mut Reader, line: &Line, name: &str, old: bool) -> Option<Read> {
    let new = || Vrf {
        name: At::new(name.to_owned(), line.number),
        description: None,
        rd: None,
        imports: Vec::new(),
        exports: Vec::new(),
        ipv4: old,
    };
    let vrf = entry(&mut reader.places, ("vrfs", name), &mut reader.device.vrfs, new)?;
    mode(&mut reader.device.unread, &step(&line.text), &line.children, |unread, line, words| {
        if let ["address-family", "ipv4"] | ["address-family", "ipv4", "unicast"] = words {
            vrf.ipv4 = true;
            mode(unread, &format!("vrf definition {name} / address-family ipv4"), &line.children, |_, line, words| {
                in_vrf(vrf, line, words)
            });
            return Some(Read::Mode);
        }
        in_vrf(vrf, line, words)
    });
    Some(Read::Mode)
}

fn in_vrf(vrf: &mut Vrf, line: &Line, words: &[&str]) -> Option<Read> {
    let mut target = |import: bool, export: bool, target: &str| {
        let target = At::new(target.to_owned(), line.number);
        for (wanted, list) in [(import, &mut vrf.imports), (export, &mut vrf.exports)] {
            if wanted && !list.contains(&target) {
                list.push(target.clone());
            }
        }
    };
    match words {
        ["description", ..] => vrf.description = Some(line.text.get("description ".len()..)?.trim().to_owned()),
        ["rd", rd] => vrf.rd = Some(At::new((*rd).to_owned(), line.number)),
        ["route-target", "import", name] => target(true, false, name),
        ["route-target", "export", name] => target(false, true, name),
        ["route-target", "both", name] | ["route-target", name] => target(true, true, name),
        ["exit-address-family"] => {}
        _ => return None,
    }
    Some(Read::Line)
}
