//! Whether the tunnel of a CPE and the template of the hub fit together.
//!
//! Both ends prove who they are: names, addresses, key rings, profiles and routing tables of both
//! texts must agree. A key is a secret: only its presence counts.

use super::super::ServicePort;
use super::super::device::interface::{Address, Interface};
use super::super::device::offer::{Mismatch, Offer};
use super::super::device::tunnel::{Crypto, IkeProfile, IpsecProfile};
use super::super::device::{At, Device};
use super::access::{Kind, Passage, passage};
use super::{Lte, SceneRouter};
use std::net::Ipv4Addr;

/// The hub's end of a tunnel.
#[derive(Debug, Clone, Copy)]
pub(super) struct HubEnd<'a> {
    /// The template from which the interface of the caller is made.
    pub(super) template: &'a Interface,
    /// Whether the hub learns the caller's tunnel address while it is connected.
    pub(super) learns: bool,
    /// Seconds until silence is noticed, at least and at most.
    pub(super) silence_s: (u32, u32),
}

/// Why a tunnel never comes up, or does not stay up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfit {
    /// Whether it is said by the hub's text; else by the CPE's.
    pub(super) at_hub: bool,
    /// Line.
    pub(super) line: u32,
    /// What does not fit.
    pub(super) why: String,
}

/// Tunnels that a state holds, at most, as it has a bit for each in a byte; what is beyond never comes up.
pub(super) const MOST_TUNNELS: usize = u8::BITS as usize;
/// Retries of a dead-peer question before the peer counts as gone (IOS IKEv2: five).
const DPD_RETRIES: u32 = 5;

/// The hub's end of the tunnel that `caller` has at `port`.
pub(super) fn hub_end<'a>(
    caller: &SceneRouter,
    port: &Interface,
    hub: &'a SceneRouter,
    lte: &Lte,
) -> Result<HubEnd<'a>, Unfit> {
    let ours = calling(&caller.device, port, lte)?;
    let theirs = answering(&hub.device, ours)?;
    let number =
        theirs.template.as_ref().ok_or_else(|| unfit(true, &theirs.name, "the profile has no virtual-template"))?;
    let name = format!("Virtual-Template{}", number.value);
    let template = hub.device.interfaces.iter().find(|interface| interface.name.value.0 == name);
    let template = template.ok_or_else(|| unfit(true, number, format!("{name} is not defined")))?;
    let at_hub = |(line, why): (u32, String)| Unfit { at_hub: true, line, why };
    let sealed = protected_by(&hub.device, template, &theirs.name.value).map_err(at_hub)?;
    front_door(&hub.device, template, theirs, lte)?;
    let own = protected_by(&caller.device, port, &ours.name.value).map_err(|(line, why)| Unfit {
        at_hub: false,
        line,
        why,
    })?;
    if let Some(Mismatch { line, what }) = Offer::of(&caller.device, own).mismatch(&Offer::of(&hub.device, sealed)) {
        return Err(Unfit { at_hub: false, line, why: what });
    }
    if template.shutdown.is_some() || template.address.as_ref().is_none_or(|at| at.value == Address::None) {
        return Err(unfit(true, &template.name, "the template has no address or is shut down"));
    }
    let sends = |crypto: &Crypto, profile: &IkeProfile| {
        let policy = profile.policy.as_ref().map(|at| &at.value);
        crypto.policies.iter().any(|(name, interface)| Some(&name.value) == policy && *interface)
    };
    let learns = sends(&caller.device.crypto, ours) && theirs.policy.is_some();
    Ok(HubEnd { template, learns, silence_s: silence(ours, theirs) })
}

/// How long a dead peer stays unnoticed: one question, then its repeats. Without questions an
/// association lives for hours.
fn silence(ours: &IkeProfile, theirs: &IkeProfile) -> (u32, u32) {
    let of = |profile: &IkeProfile| {
        let Some((period, retry, _)) = profile.dpd.map(|at| at.value) else { return (0, 14_400) };
        let retries = DPD_RETRIES * u32::from(retry);
        (retries, u32::from(period) + retries)
    };
    let (one, other) = (of(ours), of(theirs));
    (one.0.max(other.0), one.1.max(other.1))
}

/// The profile with which the CPE calls.
fn calling<'a>(device: &'a Device, port: &Interface, lte: &Lte) -> Result<&'a IkeProfile, Unfit> {
    let own = |line, why: String| Unfit { at_hub: false, line, why };
    let tunnel = &port.tunnel;
    let source = tunnel.source.as_ref().ok_or_else(|| unfit(false, &port.name, "no tunnel source"))?;
    let modem = device.interfaces.iter().find(|interface| interface.name.value.0 == source.value);
    let modem =
        modem.ok_or_else(|| unfit(false, source, format!("the tunnel's source {} is not defined", source.value)))?;
    if !source.value.starts_with("Cellular") {
        return Err(unfit(
            false,
            source,
            format!("{} leads to no network that reaches the hub's public address", source.value),
        ));
    }
    if modem.shutdown.is_some() || !matches!(modem.address.as_ref().map(|at| &at.value), Some(Address::Negotiated)) {
        return Err(unfit(false, &modem.name, "the modem's interface is shut down or asks for no address"));
    }
    let controller = device.modems.iter().find(|controller| controller.port.value == modem.name.value);
    if controller.is_none_or(|controller| controller.profiles.is_empty()) {
        return Err(unfit(false, &modem.name, "the modem has no profile with an access point"));
    }
    let destination = tunnel.destination.as_ref().ok_or_else(|| unfit(false, &port.name, "no tunnel destination"))?;
    if destination.value != lte.hub_public {
        return Err(unfit(false, destination, format!("{} is not the hub ({})", destination.value, lte.hub_public)));
    }
    let outer = tunnel.vrf.as_ref().map(|at| &at.value);
    if outer != modem.vrf.as_ref().map(|at| &at.value) {
        return Err(unfit(false, &port.name, "outer packets leave in another routing table than the modem's"));
    }
    let way =
        device.routes.iter().any(|route| route.vrf.as_ref() == outer && route.destination.contains(lte.hub_public));
    if !way {
        return Err(unfit(false, &port.name, format!("no route to {} for outer packets", lte.hub_public)));
    }
    admits(device, modem, lte.hub_public).map_err(|(line, why)| own(line, why))?;
    let name = tunnel.protection.as_ref().ok_or_else(|| unfit(false, &port.name, "no tunnel protection"))?;
    let ipsec = device.crypto.ipsec.iter().find(|profile| profile.name.value == name.value);
    let ike = ipsec.and_then(|profile| profile.ike.as_ref());
    let ike = ike.ok_or_else(|| unfit(false, name, format!("IPsec profile {} is not complete", name.value)))?;
    let profile = device.crypto.profiles.iter().find(|profile| profile.name.value == ike.value);
    let profile = profile.ok_or_else(|| unfit(false, ike, format!("IKEv2 profile {} is not defined", ike.value)))?;
    if !matches_table(profile, outer) {
        return Err(unfit(false, &profile.name, "the profile matches another outer routing table"));
    }
    let known = |peer: &super::super::device::tunnel::Peer| {
        peer.has_key
            && (peer.address == Some(lte.hub_public)
                || peer.identity.is_some() && peer.identity == identity(profile.remote.as_ref()))
    };
    keyed(&device.crypto, profile, known).map_err(|(line, why)| own(line, why))?;
    Ok(profile)
}

/// The hub's profile that knows the caller by its name.
fn answering<'a>(hub: &'a Device, caller: &IkeProfile) -> Result<&'a IkeProfile, Unfit> {
    let (name, peer) = (identity(caller.local.as_ref()), identity(caller.remote.as_ref()));
    let line = caller.name.line;
    let (Some(name), Some(peer)) = (name, peer) else {
        return Err(Unfit { at_hub: false, line, why: "the profile does not say who it is and whom it calls".into() });
    };
    let profile = hub.crypto.profiles.iter().find(|profile| identity(profile.remote.as_ref()).as_ref() == Some(&name));
    let why = || format!("no profile of the hub knows the caller {name}");
    let profile = profile.ok_or_else(|| Unfit { at_hub: true, line: 0, why: why() })?;
    if identity(profile.local.as_ref()).as_ref() != Some(&peer) {
        return Err(unfit(true, &profile.name, format!("the hub is not called {peer} in this profile")));
    }
    keyed(&hub.crypto, profile, |ring| ring.has_key && ring.identity.as_ref().is_none_or(|known| *known == name))
        .map_err(|(line, why)| Unfit { at_hub: true, line, why })?;
    Ok(profile)
}

/// Whether a profile answers in the routing table of outer packets: `any`, or the one that it names,
/// which is the global one where it names none.
fn matches_table(profile: &IkeProfile, outer: Option<&String>) -> bool {
    let named = profile.outer_vrf.as_ref().map(|at| &at.value);
    named == outer || named.is_some_and(|name| name == "any")
}

/// Whether the hub's outer packets leave where the caller's arrive.
fn front_door(hub: &Device, template: &Interface, profile: &IkeProfile, lte: &Lte) -> Result<(), Unfit> {
    let outer = template.tunnel.vrf.as_ref().map(|at| &at.value);
    if !matches_table(profile, outer) {
        let at = template.tunnel.vrf.as_ref().map_or(template.name.line, |at| at.line);
        let why = "the template's outer packets leave in another routing table than the profile matches";
        return Err(Unfit { at_hub: true, line: at, why: why.to_owned() });
    }
    let Some(door) = door(hub, lte) else { return Ok(()) };
    if door.vrf.as_ref().map(|at| &at.value) != outer {
        return Err(unfit(
            true,
            &door.name,
            format!("{} is in another routing table than outer packets", lte.hub_public),
        ));
    }
    if door.shutdown.is_some() {
        return Err(unfit(true, &door.name, format!("the interface with {} is shut down", lte.hub_public)));
    }
    Ok(())
}

/// The hub's interface with its public address; none where its text leaves that to somebody else.
pub(super) fn door<'a>(hub: &'a Device, lte: &Lte) -> Option<&'a Interface> {
    hub.interfaces.iter().find(|interface| interface.network().is_some_and(|own| own.ip() == lte.hub_public))
}

/// An identity without the word for its kind: `fqdn a.example` and `a.example` are the same.
fn identity(at: Option<&At<String>>) -> Option<String> {
    at.and_then(|at| at.value.split_whitespace().last()).map(str::to_lowercase)
}

/// The IPsec profile that protects an interface, if it is complete and uses `ike`. A text
/// without terminal lines is one tenant's part of the hub: what all tenants share is not in it.
fn protected_by<'a>(device: &'a Device, interface: &Interface, ike: &str) -> Result<&'a IpsecProfile, (u32, String)> {
    let crypto = &device.crypto;
    let is_part = device.terminals.is_empty();
    let name = interface.tunnel.protection.as_ref();
    let name = name.ok_or_else(|| (interface.name.line, "no tunnel protection".to_owned()))?;
    let profile = crypto.ipsec.iter().find(|profile| profile.name.value == name.value);
    let profile = profile.ok_or_else(|| (name.line, format!("IPsec profile {} is not defined", name.value)))?;
    if profile.ike.as_ref().is_none_or(|at| at.value != ike) {
        return Err((profile.name.line, format!("IPsec profile {} does not use IKEv2 profile {ike}", name.value)));
    }
    let transform = profile.transform.as_ref();
    let defined = transform.is_some_and(|at| crypto.transforms.iter().any(|(name, _)| name.value == at.value));
    if defined || (is_part && transform.is_some()) {
        Ok(profile)
    } else {
        Err((profile.name.line, "its transform set is not defined".to_owned()))
    }
}

/// Whether the key ring of a profile has a key for a peer that `known` accepts.
fn keyed(
    crypto: &Crypto,
    profile: &IkeProfile,
    known: impl Fn(&super::super::device::tunnel::Peer) -> bool,
) -> Result<(), (u32, String)> {
    let name = profile.keyring.as_ref().ok_or_else(|| (profile.name.line, "the profile has no key ring".to_owned()))?;
    let ring = crypto.keyrings.iter().find(|ring| ring.name.value == name.value);
    let ring = ring.ok_or_else(|| (name.line, format!("key ring {} is not defined", name.value)))?;
    if ring.peers.iter().any(known) {
        return Ok(());
    }
    Err((ring.name.line, "the key ring has no key for the other end".to_owned()))
}

/// Whether the access list of the modem lets IKE and ESP of the hub in. Behind the carrier's address
/// translation both travel in UDP 4500 (RFC 3948).
fn admits(device: &Device, modem: &Interface, hub: Ipv4Addr) -> Result<(), (u32, String)> {
    let Some(name) = &modem.filter_in else { return Ok(()) };
    let Some(list) = device.access_lists.iter().find(|list| list.name.value == name.value) else { return Ok(()) };
    let service = |condition: &str| {
        list.entries.iter().find(|entry| {
            let port = |port: &Option<String>| port.as_ref().is_none_or(|port| port == condition);
            let from = entry.source.is_none_or(|network| network.contains(hub));
            from && ["ip", "udp"].contains(&entry.protocol.as_str())
                && port(&entry.source_port)
                && port(&entry.destination_port)
        })
    };
    for (port, condition) in [(ServicePort::ISAKMP, "eq 500"), (ServicePort::NON500_ISAKMP, "eq 4500")] {
        match service(condition) {
            Some(entry) if entry.permit => {}
            Some(entry) => return Err((entry.line, format!("{} denies the hub's eq {port}", name.value))),
            None => return Err((list.name.line, format!("{} does not let the hub's eq {port} in", name.value))),
        }
    }
    // A list that denies everything in its first line denies the tunnel too, whatever follows.
    match passage(list, hub.into(), 0, Kind::Echo) {
        Passage::Dropped(line) if list.entries.first().is_some_and(|entry| entry.line == line && line > 0) => {
            Err((line, format!("{} denies everything", name.value)))
        }
        _ => Ok(()),
    }
}

fn unfit<T>(at_hub: bool, at: &At<T>, why: impl Into<String>) -> Unfit {
    Unfit { at_hub, line: at.line, why: why.into() }
}
