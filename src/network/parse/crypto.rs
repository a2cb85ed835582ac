//! Key chains, modems, IKEv2 and IPsec.

use super::words::{address, number, whole_port};
use super::{Read, Reader, entry, first, mode, secrets, step};
use crate::network::device::tunnel::{IkeProfile, IpsecProfile, Keyring, Modem, Peer};
use crate::network::device::{At, KeyChain};
use crate::network::text::Line;

/// `key chain NAME`.
pub(super) fn key_chain(reader: &mut Reader, line: &Line, name: &str) -> Option<Read> {
    let new = || KeyChain { name: At::new(name.to_owned(), line.number), keys: Vec::new() };
    let chain = entry(&mut reader.places, ("key_chains", name), &mut reader.device.key_chains, new)?;
    mode(&mut reader.device.unread, &step(&line.text), &line.children, |unread, line, words| {
        let ["key", id] = words else { return None };
        let id = number(id, 0..=2_147_483_647u32)?;
        let key = first(&mut chain.keys, |(other, _)| other.value == id, || (At::new(id, line.number), false))?;
        mode(unread, &format!("key chain {name} / key {id}"), &line.children, |_, _, words| match words {
            ["key-string", _, ..] => {
                key.1 = true;
                Some(Read::Line)
            }
            _ => None,
        });
        Some(Read::Mode)
    });
    Some(Read::Mode)
}

/// `controller Cellular 0/2/0`.
pub(super) fn modem(reader: &mut Reader, line: &Line, words: &[&str]) -> Option<Read> {
    let port = whole_port(words).filter(|port| port.0.starts_with("Cellular"))?;
    let new = || Modem { port: At::new(port.clone(), line.number), profiles: Vec::new(), settings: Vec::new() };
    let modem = entry(&mut reader.places, ("modems", &port.0), &mut reader.device.modems, new)?;
    mode(&mut reader.device.unread, &step(&line.text), &line.children, |_, line, words| {
        let at = line.number;
        let setting = match words {
            ["profile", "id", id, "apn", apn, rest @ ..] => {
                let id = number(id, 1..=16u16)?;
                modem.profiles.retain(|other| other.0 != id);
                modem.profiles.push(At::new((id, (*apn).to_owned()), at));
                format!("profile id {id} {}", rest.join(" "))
            }
            _ => line.text.clone(),
        };
        modem.settings.push(At::new(secrets::masked(setting.trim_end()), at));
        Some(Read::Line)
    });
    Some(Read::Mode)
}

/// What stands behind `crypto`; what is neither IKEv2 nor IPsec profiles is a setting.
pub(super) fn read(reader: &mut Reader, line: &Line, words: &[&str]) -> Option<Read> {
    match words {
        ["ikev2", "authorization", "policy", name] => policy(reader, line, name),
        ["ikev2", "keyring", name] => keyring(reader, line, name),
        ["ikev2", "profile", name] => ike_profile(reader, line, name),
        ["ipsec", "transform-set", name, algorithms @ ..] if !algorithms.is_empty() => {
            transform(reader, line, name, algorithms)
        }
        ["ipsec", "profile", name] => ipsec_profile(reader, line, name),
        _ => None,
    }
}

fn policy(reader: &mut Reader, line: &Line, name: &str) -> Option<Read> {
    let new = || (At::new(name.to_owned(), line.number), false);
    let policy = entry(&mut reader.places, ("policies", name), &mut reader.device.crypto.policies, new)?;
    mode(&mut reader.device.unread, &step(&line.text), &line.children, |_, _, words| match words {
        ["route", "set", "interface"] => {
            policy.1 = true;
            Some(Read::Line)
        }
        _ => None,
    });
    Some(Read::Mode)
}

fn keyring(reader: &mut Reader, line: &Line, name: &str) -> Option<Read> {
    let new = || Keyring { name: At::new(name.to_owned(), line.number), peers: Vec::new() };
    let keyring = entry(&mut reader.places, ("keyrings", name), &mut reader.device.crypto.keyrings, new)?;
    mode(&mut reader.device.unread, &step(&line.text), &line.children, |unread, line, words| {
        let ["peer", peer] = words else { return None };
        let new =
            || Peer { name: At::new((*peer).to_owned(), line.number), address: None, identity: None, has_key: false };
        let peer = first(&mut keyring.peers, |other| other.name.value == *peer, new)?;
        let path = format!("crypto ikev2 keyring {name} / {}", step(&line.text));
        mode(unread, &path, &line.children, |_, _, words| {
            match words {
                ["address", ip] => peer.address = Some(address(ip)?),
                ["identity", "fqdn", name] => peer.identity = Some((*name).to_owned()),
                ["pre-shared-key", _, ..] => peer.has_key = true,
                _ => return None,
            }
            Some(Read::Line)
        });
        Some(Read::Mode)
    });
    Some(Read::Mode)
}

fn ike_profile(reader: &mut Reader, line: &Line, name: &str) -> Option<Read> {
    let new = || IkeProfile {
        name: At::new(name.to_owned(), line.number),
        outer_vrf: None,
        remote: None,
        local: None,
        keyring: None,
        dpd: None,
        policy: None,
        template: None,
        settings: Vec::new(),
    };
    let profile = entry(&mut reader.places, ("profiles", name), &mut reader.device.crypto.profiles, new)?;
    mode(&mut reader.device.unread, &step(&line.text), &line.children, |_, line, words| {
        in_ike_profile(profile, line, words)
    });
    Some(Read::Mode)
}

fn in_ike_profile(profile: &mut IkeProfile, line: &Line, words: &[&str]) -> Option<Read> {
    let at = line.number;
    let said = |word: &str| Some(At::new(word.to_owned(), at));
    match words {
        ["match", "fvrf", name] => profile.outer_vrf = said(name),
        ["match", "identity", "remote", "fqdn", name] => profile.remote = said(name),
        ["identity", "local", "fqdn", name] => profile.local = said(name),
        ["keyring", "local", name] => profile.keyring = said(name),
        ["dpd", every, again, how @ ("periodic" | "on-demand")] => {
            let dpd = (number(every, 1..=3600)?, number(again, 1..=60)?, *how == "periodic");
            profile.dpd = Some(At::new(dpd, at));
        }
        ["aaa", "authorization", "group", "psk", "list", list, name] => {
            profile.policy = said(name);
            profile.settings.push(At::new(format!("aaa authorization group psk list {list}"), at));
        }
        ["virtual-template", id] => profile.template = Some(At::new(number(id, 1..=4096)?, at)),
        _ => profile.settings.push(At::new(secrets::masked(&line.text), at)),
    }
    Some(Read::Line)
}

fn transform(reader: &mut Reader, line: &Line, name: &str, algorithms: &[&str]) -> Option<Read> {
    let new = || (At::new(name.to_owned(), line.number), String::new());
    let set = entry(&mut reader.places, ("transforms", name), &mut reader.device.crypto.transforms, new)?;
    set.1 = algorithms.join(" ");
    mode(&mut reader.device.unread, &step(&line.text), &line.children, |_, line, words| match words {
        ["mode", _] => {
            set.1 = format!("{} {}", algorithms.join(" "), line.text);
            Some(Read::Line)
        }
        _ => None,
    });
    Some(Read::Mode)
}

fn ipsec_profile(reader: &mut Reader, line: &Line, name: &str) -> Option<Read> {
    let new = || IpsecProfile { name: At::new(name.to_owned(), line.number), transform: None, pfs: None, ike: None };
    let profile = entry(&mut reader.places, ("ipsec", name), &mut reader.device.crypto.ipsec, new)?;
    mode(&mut reader.device.unread, &step(&line.text), &line.children, |_, line, words| {
        let said = |word: &str| Some(At::new(word.to_owned(), line.number));
        match words {
            ["set", "transform-set", name] => profile.transform = said(name),
            ["set", "pfs", group] => profile.pfs = said(group),
            ["set", "ikev2-profile", name] => profile.ike = said(name),
            _ => return None,
        }
        Some(Read::Line)
    });
    Some(Read::Mode)
}
