//! What stands beside interfaces and logins, as it is meant.

use super::interfaces::port;
use super::{at, name};
use crate::network::ServicePort;
use crate::network::device::filter::{AccessList, Entry};
use crate::network::device::queue::{ClassMap, Match, PolicyClass, PolicyMap};
use crate::network::device::route::{Route, Translation, Via};
use crate::network::device::tracking::{Probe, ProbeSource, Track, Tracked};
use crate::network::device::tunnel::{IkeProfile, IpsecProfile, Keyring, Modem, Peer};
use crate::network::device::{Device, KeyChain, Vrf};
use crate::network::route::NextHop;
use crate::network::router::{self as planned, RouterPlan};
use ipnetwork::Ipv4Network;

/// The transform of every tunnel.
const TRANSFORM: &str = "GCM";

/// Adds everything that is neither an interface nor a route nor of the logins.
pub(super) fn add(device: &mut Device, plan: &RouterPlan) {
    device.vrfs.extend(plan.vrfs.iter().map(vrf));
    device.key_chains.extend(plan.key_chains.iter().map(key_chain));
    device.probes.extend(plan.probes.iter().map(probe));
    device.tracks.extend(plan.tracks.iter().map(track));
    device.modems.extend(plan.modems.iter().map(modem));
    if !plan.modems.is_empty() && plan.baseline.is_some() {
        device.settings.push(name("dialer-list 1 protocol ip permit"));
    }
    device.access_lists.extend(plan.access_lists.iter().map(access_list));
    if plan.classes {
        device.class_maps.extend(classes());
    }
    device.class_maps.extend(plan.migration_classes.iter().map(migration_class));
    for shaper in &plan.shapers {
        device.policy_maps.extend(policies(shaper));
    }
    if plan.ipsec {
        device.crypto.transforms.push((name(TRANSFORM), "esp-gcm 256 mode tunnel".to_owned()));
    }
    for peer in &plan.peers {
        add_peer(device, peer);
    }
}

fn vrf(plan: &planned::Vrf) -> Vrf {
    Vrf {
        name: name(&plan.name),
        description: Some(plan.description.clone()),
        rd: plan.rd.map(name),
        imports: Vec::new(),
        exports: Vec::new(),
        ipv4: true,
    }
}

fn key_chain(plan: &planned::KeyChain) -> KeyChain {
    KeyChain { name: name(&plan.name), keys: vec![(at(1), true)] }
}

fn probe(plan: &planned::Probe) -> Probe {
    Probe {
        id: at(plan.id),
        target: Some(at(plan.target)),
        source: Some(at(ProbeSource::Interface(port(&plan.source)))),
        vrf: plan.vrf.as_ref().map(name),
        threshold_ms: Some(at(plan.threshold_ms)),
        timeout_ms: Some(at(plan.timeout_ms)),
        frequency_s: Some(at(u32::from(plan.frequency_s))),
        runs: Some(at(())),
    }
}

fn track(plan: &planned::Track) -> Track {
    let what = match &plan.what {
        planned::Tracked::Probe { probe } => Tracked::Probe { probe: *probe, in_time: false },
        planned::Tracked::LineProtocol { interface } => Tracked::Interface { port: port(interface), routing: false },
        planned::Tracked::All { objects } => {
            Tracked::List { all: true, objects: objects.iter().copied().map(at).collect() }
        }
    };
    Track { id: at(plan.id), what, down_s: plan.down_s.map(at), up_s: plan.up_s.map(at) }
}

fn modem(plan: &planned::Modem) -> Modem {
    let apn = plan.apn.as_ref().map_or_else(|| "<unknown:apn>".to_owned(), ToString::to_string);
    let settings = [
        "lte sim data-profile 1 attach-profile 1 slot 0",
        "lte modem link-recovery rssi onset-threshold -110",
        "profile id 1 authentication none pdn-type ipv4",
    ];
    Modem { port: at(port(&plan.interface)), profiles: vec![at((1, apn))], settings: settings.map(name).into() }
}

fn access_list(plan: &planned::AccessList) -> AccessList {
    let port = |port: &Option<ServicePort>| port.map(|port| format!("eq {}", port.0));
    // A network of every address is any address.
    let network = |network: Option<Ipv4Network>| network.filter(|network| network.prefix() > 0);
    let entry = |entry: &planned::AccessEntry| Entry {
        permit: entry.permit,
        protocol: protocol(entry.protocol).to_owned(),
        source: network(entry.source),
        source_port: port(&entry.source_port),
        destination: network(entry.destination),
        destination_port: port(&entry.destination_port),
        options: Vec::new(),
    };
    let entries = plan.entries.iter().map(|it| at(entry(it))).collect();
    AccessList { name: name(&plan.name), standard: false, entries }
}

fn protocol(protocol: planned::Protocol) -> &'static str {
    match protocol {
        planned::Protocol::Ip => "ip",
        planned::Protocol::Tcp => "tcp",
        planned::Protocol::Udp => "udp",
        planned::Protocol::Icmp => "icmp",
        planned::Protocol::Esp => "esp",
    }
}

fn classes() -> [ClassMap; 2] {
    [class("EF", &["ef"]), class("BUSINESS", &["af31", "cs3", "cs6"])]
}

/// A class of what carries one of these marks.
fn class(class: &str, marks: &[&str]) -> ClassMap {
    let matches = vec![at(Match::Dscp(marks.iter().map(|mark| (*mark).to_owned()).collect()))];
    ClassMap { name: name(class), any: true, matches }
}

/// What the migration marks itself, and what is known by its addresses.
fn migration_class(plan: &planned::MigrationClass) -> ClassMap {
    let mut class = class(plan.name.as_str(), &["cs1"]);
    class.matches.extend(plan.access_list.iter().map(|list| at(Match::AccessGroup(list.to_string()))));
    class
}

/// A parent that shapes, and a child that shares out what the parent lets through.
fn policies(plan: &planned::Shaper) -> [PolicyMap; 2] {
    let child = format!("{}-CHILD", plan.name);
    let class = |class: &str| PolicyClass::of(name(class));
    let share = |of: &str, ratio| PolicyClass { remaining_ratio: Some(at(ratio)), ..class(of) };
    let migration = if plan.drops_migration {
        PolicyClass { dropped: Some(at(())), ..class(plan.migration.as_str()) }
    } else {
        share(plan.migration.as_str(), 1)
    };
    let queues = vec![
        PolicyClass { priority_kbps: Some(at(plan.llq_kbps)), ..class("EF") },
        share("BUSINESS", 8),
        migration,
        PolicyClass { fair_queue: true, ..share("class-default", 4) },
    ];
    let shaped =
        PolicyClass { shape_bps: Some(at(plan.rate_bps)), child: Some(name(&child)), ..class("class-default") };
    let parent = name(format_args!("{}-PARENT", plan.name));
    [PolicyMap { name: name(&child), classes: queues }, PolicyMap { name: parent, classes: vec![shaped] }]
}

/// One end of a tunnel: both prove who they are by a key that only this site has.
fn add_peer(device: &mut Device, plan: &planned::TunnelPeer) {
    let own = || name(&plan.name);
    let crypto = &mut device.crypto;
    crypto.policies.push((own(), true));
    let peer = Peer {
        name: own(),
        address: plan.address,
        identity: plan.address.is_none().then(|| plan.remote.to_string()),
        has_key: true,
    };
    crypto.keyrings.push(Keyring { name: own(), peers: vec![peer] });
    let settings =
        ["authentication remote pre-share", "authentication local pre-share", "aaa authorization group psk list FLEX"];
    crypto.profiles.push(IkeProfile {
        name: own(),
        outer_vrf: Some(name(&plan.outer_vrf)),
        remote: Some(name(&plan.remote)),
        local: Some(name(&plan.local)),
        keyring: Some(own()),
        dpd: Some(at((10, 3, true))),
        policy: Some(own()),
        template: plan.template.map(at),
        settings: settings.map(name).into(),
    });
    crypto.ipsec.push(IpsecProfile {
        name: own(),
        transform: Some(name(TRANSFORM)),
        pfs: Some(name("group19")),
        ike: Some(own()),
    });
}

/// A static route as it is meant.
pub(super) fn route(plan: &crate::network::route::Route) -> Route {
    Route {
        at: at(()),
        vrf: plan.vrf.as_ref().map(ToString::to_string),
        destination: plan.destination,
        via: match &plan.via {
            NextHop::Address(address) => Via::Address(*address),
            NextHop::Global(address) => Via::Global(*address),
            NextHop::Interface(interface) => Via::Interface(port(interface)),
            NextHop::Both(interface, address) => Via::Both(port(interface), *address),
            NextHop::Discard => Via::Discard,
        },
        distance: plan.distance.unwrap_or(1),
        track: plan.track,
        permanent: false,
        name: Some(plan.name.to_string()),
    }
}

/// A static translation as it is meant.
pub(super) fn translation(plan: &crate::network::route::Translation) -> Translation {
    Translation { at: at(()), vrf: Some(plan.vrf.to_string()), local: plan.local, global: plan.global }
}
