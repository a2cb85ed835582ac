//! Whether a state on the way is worse than both of its ends.

use super::super::device::filter::Terminal;
use super::super::device::tracking::Tracked;
use super::super::device::{At, Device};
use std::collections::BTreeSet;

/// What is lost in the network around a router while the router is this one: client-server pairs by
/// name, in each of the surroundings in their order.
pub(super) type Lost<'a> = dyn Fn(&Device) -> Vec<BTreeSet<String>> + 'a;

/// A state as it is judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct State {
    /// Pairs that are lost, in each of the surroundings.
    pub(super) lost: Vec<BTreeSet<String>>,
    /// Open filters and routers that are active beside each other.
    pub(super) hazards: BTreeSet<String>,
}

/// What one of the ends is without already: a state between them may be without it too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Given {
    /// Pairs.
    pub(super) lost: BTreeSet<String>,
    /// Open filters and routers that are active beside each other.
    pub(super) hazards: BTreeSet<String>,
}

/// Open filters of a router, and groups in which it and one of the others would both be active.
pub(super) fn hazards(device: &Device, others: &[Device]) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = open_filters(device).into_iter().collect();
    found.extend(others.iter().flat_map(|other| active_beside(device, other)));
    found
}

impl State {
    /// What is bad about it in the surroundings `phase`: what both ends keep and it loses.
    pub(super) fn worse(&self, phase: usize, given: &Given) -> BTreeSet<String> {
        let lost = self.lost.get(phase).into_iter().flatten().filter(|pair| !given.lost.contains(*pair));
        let hazards = self.hazards.iter().filter(|hazard| !given.hazards.contains(*hazard));
        lost.map(|pair| format!("{pair} is lost")).chain(hazards.cloned()).collect()
    }
}

/// The device while these tracked objects start anew, as down.
pub(super) fn starting(mut device: Device, tracks: &BTreeSet<u16>) -> Device {
    for track in device.tracks.iter_mut().filter(|track| tracks.contains(&track.id)) {
        // A list without a member that is up is down.
        track.what = Tracked::List { all: false, objects: Vec::new() };
    }
    device
}

/// Lines and interfaces that are open though a filter is meant for them: a list that is not there
/// lets everything through (Cisco IOS Security, "IP Access List Overview").
fn open_filters(device: &Device) -> Vec<String> {
    let there = |name: &At<String>| {
        device.access_lists.iter().any(|list| list.name.value == name.value && !list.entries.is_empty())
    };
    let router = device.hostname.as_ref().map_or("the router", |name| name.as_str());
    let takes_calls = |line: &&Terminal| {
        line.name.starts_with("vty") && line.transport_input.as_ref().is_none_or(|input| input.value != "none")
    };
    let open =
        device.terminals.iter().filter(takes_calls).filter(|line| !line.access_class.as_ref().is_some_and(there));
    let mut found: Vec<String> = open.map(|line| format!("{router}: line {} has no filter", line.name.value)).collect();
    for interface in &device.interfaces {
        for filter in [&interface.filter_in, &interface.filter_out].into_iter().flatten().filter(|name| !there(name)) {
            found.push(format!("{router}: the filter {} of {} is empty", filter.value, interface.name.value));
        }
    }
    found
}

/// Groups of one LAN in which both routers would be active: they do not take each other's hellos
/// (RFC 2281, section 5; Cisco, "Configuring HSRP", on version, authentication and virtual address).
fn active_beside(one: &Device, other: &Device) -> Vec<String> {
    let mut found = Vec::new();
    for here in one.interfaces.iter().filter(|interface| !interface.standby.groups.is_empty()) {
        for there in other.interfaces.iter().filter(|interface| {
            interface.network().is_some_and(|network| {
                here.network().is_some_and(|own| own.network() == network.network() && own.prefix() == network.prefix())
            })
        }) {
            let version = |interface: &super::super::device::interface::Interface| {
                interface.standby.version.as_ref().map_or(1, |version| version.value)
            };
            for group in here.standby.groups.iter().filter(|group| group.vip.is_some()) {
                let same = there.standby.groups.iter().find(|peer| peer.number == group.number && peer.vip.is_some());
                let clash = match same {
                    Some(peer) => {
                        version(here) != version(there)
                            || !one.authenticates(group, other, peer)
                            || peer.vip != group.vip
                    }
                    None => there.standby.groups.iter().any(|peer| peer.vip == group.vip),
                };
                if clash {
                    found.push(format!("both routers are active in HSRP group {}", group.number.value));
                }
            }
        }
    }
    found
}
