//! Tunnels over the Internet: both ends know each other, notice each other's end, and let nobody else in.

use super::super::device::At;
use super::super::device::interface::{Address, Interface};
use super::super::device::offer::{Mismatch, Offer};
use super::super::device::tunnel::{Crypto, IkeProfile, IpsecProfile};
use super::Scene;
use super::report::{Key, Report, rules};
use super::table::Router;
use std::collections::{BTreeMap, BTreeSet};

rules! {
    OUTER: Error "tunnel-outer-vrf", "a tunnel looks for its other end in the routing table of its source",
        "Its packets are sent along the tunnel itself or nowhere.", "Cisco IPsec VTI guide, front-door VRF";
    FRONT: Error "tunnel-front-vrf", "keys of a tunnel are agreed in the routing table of its outer packets",
        "The other end's first question is answered by nobody.", "Cisco FlexVPN guide, match fvrf";
    OFFER: Error "tunnel-algorithms", "both ends of a tunnel seal packets and agree keys in the same way",
        "The tunnel never comes up, or falls when its keys are renewed.", "RFC 7296, section 2.7";
    DPD: Warning "tunnel-dpd", "a tunnel asks periodically whether its other end lives",
        "The interface stays up for hours after the line is dead, and its routes with it.", "RFC 3706";
    IDENTITY: Error "tunnel-identity", "each end of a tunnel expects the name that the other one says",
        "The tunnel never comes up, and nobody sees it before the primary line fails.", "RFC 7296, section 3.5";
    INTERFACE_ROUTE: Error "tunnel-route-set", "a tunnel tells its other end its address",
        "The hub's way back over the tunnel has no next hop.", "Cisco FlexVPN, route set interface";
    FILTER: Error "outside-filter", "an interface to the Internet lets in the tunnel and nothing else",
        "The router can be reached by anybody.", "Cisco guide to harden IOS devices, infrastructure ACLs";
}

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    for router in scene.routers {
        for interface in &router.device.interfaces {
            if let Some(outer) = outer(router, interface) {
                front_door(router, interface, outer, report);
            }
        }
        for profile in &router.device.crypto.profiles {
            liveness(router, profile, report);
            front_table(router, profile, report);
        }
        for (policy, sets) in &router.device.crypto.policies {
            if !sets {
                let message = format!("the authorization policy {} sends no route", policy.value);
                report.add(
                    &INTERFACE_ROUTE,
                    router.at(policy.line),
                    Key::None,
                    message,
                    "Write `route set interface`.",
                );
            }
        }
    }
    identities(scene, report);
    offers(scene, report);
}

/// The interface that carries a tunnel's packets.
fn outer<'a>(router: &Router<'a>, interface: &Interface) -> Option<&'a Interface> {
    let source = interface.tunnel.source.as_ref()?;
    router.interface(&super::super::device::Port(source.value.clone()))
}

fn front_door(router: &Router<'_>, tunnel: &Interface, outer: &Interface, report: &mut Report) {
    let name = |vrf: &Option<super::super::device::At<String>>| vrf.as_ref().map(|at| at.value.clone());
    let (own, door) = (name(&tunnel.tunnel.vrf), name(&outer.vrf));
    if own != door {
        let said = |vrf: Option<String>| vrf.unwrap_or_else(|| "the global table".to_owned());
        let line = tunnel.tunnel.vrf.as_ref().map_or(tunnel.name.line, |at| at.line);
        let message =
            format!("its end is looked for in {}, and {} is in {}", said(own), outer.name.value, said(door.clone()));
        let fix = door.map_or_else(|| "Remove `tunnel vrf`.".to_owned(), |door| format!("Write `tunnel vrf {door}`."));
        report.add(&OUTER, router.at(line), Key::None, message, fix);
    }
    let public = outer.address.as_ref().is_some_and(|at| at.value == Address::Negotiated);
    if public && outer.filter_in.is_none() {
        let message = format!("{} lets everything in", outer.name.value);
        let fix = "Write `ip access-group LIST in` with a list that permits IKE and ESP of the hub only.";
        report.add(&FILTER, router.at(outer.name.line), Key::None, message, fix);
    }
}

fn liveness(router: &Router<'_>, profile: &IkeProfile, report: &mut Report) {
    if profile.dpd.is_none_or(|at| !at.value.2) {
        let line = profile.dpd.map_or(profile.name.line, |at| at.line);
        let message = format!("{} does not ask whether the other end lives while nothing is sent", profile.name.value);
        report.add(&DPD, router.at(line), Key::None, message, "Write `dpd 10 3 periodic`.");
    }
}

/// The tunnels whose keys an IKEv2 profile agrees, each with the IPsec profile that protects it.
fn protected<'a>(router: &Router<'a>, ike: &'a IkeProfile) -> impl Iterator<Item = (&'a Interface, &'a IpsecProfile)> {
    let device = router.device;
    device.interfaces.iter().filter_map(|interface| {
        let name = interface.tunnel.protection.as_ref()?;
        let ipsec = device.crypto.ipsec.iter().find(|profile| profile.name.value == name.value)?;
        (ipsec.ike.as_ref()?.value == ike.name.value).then_some((interface, ipsec))
    })
}

fn front_table(router: &Router<'_>, profile: &IkeProfile, report: &mut Report) {
    let matched = profile.outer_vrf.as_ref();
    if matched.is_some_and(|at| at.value == "any") {
        return;
    }
    for (tunnel, _) in protected(router, profile) {
        let outer = tunnel.tunnel.vrf.as_ref();
        if matched.map(|at| &at.value) == outer.map(|at| &at.value) {
            continue;
        }
        let said = |vrf: Option<&At<String>>| vrf.map_or("the global table", |at| at.value.as_str()).to_owned();
        let message = format!(
            "keys of {} are agreed in {}, and its packets leave in {}",
            tunnel.name.value,
            said(matched),
            said(outer)
        );
        let (line, fix) = match (matched, outer) {
            (Some(at), None) => (tunnel.name.line, format!("Write `tunnel vrf {}`.", at.value)),
            (at, Some(outer)) => {
                (at.map_or(profile.name.line, |at| at.line), format!("Write `match fvrf {}`.", outer.value))
            }
            (None, None) => continue,
        };
        report.add(&FRONT, router.at(line), Key::None, message, fix);
    }
}

/// Compares what callers offer with what the profile that is called by their name offers.
fn offers(scene: &Scene<'_>, report: &mut Report) {
    let mut called: BTreeMap<&str, (&Router<'_>, &IpsecProfile)> = BTreeMap::new();
    for router in scene.routers {
        for profile in router.device.crypto.profiles.iter().filter(|profile| profile.template.is_some()) {
            let own = profile.template.map(|at| format!("Virtual-Template{}", at.value));
            let ipsec = protected(router, profile).find(|(template, _)| Some(&template.name.value.0) == own.as_ref());
            if let (Some((_, ipsec)), Some(remote)) = (ipsec, &profile.remote) {
                called.insert(bare(&remote.value), (router, ipsec));
            }
        }
    }
    for router in scene.routers {
        for profile in callers(&router.device.crypto) {
            let known = profile.local.as_ref().and_then(|own| called.get(bare(&own.value)));
            let Some((hub, theirs)) = known else { continue };
            let theirs = Offer::of(hub.device, theirs);
            let own =
                protected(router, profile).find_map(|(_, ipsec)| Offer::of(router.device, ipsec).mismatch(&theirs));
            if let Some(Mismatch { line, what }) = own {
                let fix = format!("Write the same here and on {}.", hub.name());
                report.add(&OFFER, router.at(line), Key::None, what, fix);
            }
        }
    }
}

/// The name behind `fqdn`, or the identity as written.
fn bare(identity: &str) -> &str {
    identity.rsplit(' ').next().unwrap_or(identity)
}

/// Compares those who call (a tunnel with a destination) with those who are called (a template).
fn identities(scene: &Scene<'_>, report: &mut Report) {
    let called: Vec<_> = scene
        .routers
        .iter()
        .flat_map(|router| router.device.crypto.profiles.iter().filter(|profile| profile.template.is_some()))
        .collect();
    if called.is_empty() {
        return;
    }
    let names = |pick: fn(&IkeProfile) -> Option<&str>| -> BTreeSet<&str> {
        called.iter().filter_map(|profile| pick(profile)).collect()
    };
    let remote = names(|profile| profile.remote.as_ref().map(|at| bare(&at.value)));
    let local = names(|profile| profile.local.as_ref().map(|at| bare(&at.value)));
    for router in scene.routers {
        for profile in callers(&router.device.crypto) {
            for (own, known, what) in [(&profile.local, &remote, "expects"), (&profile.remote, &local, "says")] {
                let Some(own) = own.as_ref().filter(|own| !known.contains(bare(&own.value))) else { continue };
                let message = format!("no hub {what} the name {}", bare(&own.value));
                let fix = "Use the same name on both ends of the tunnel.";
                report.add(&IDENTITY, router.at(own.line), Key::None, message, fix);
            }
        }
    }
}

fn callers(crypto: &Crypto) -> impl Iterator<Item = &IkeProfile> {
    crypto.profiles.iter().filter(|profile| profile.template.is_none())
}
