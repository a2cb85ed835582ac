//! Interfaces as they are meant.

use super::{at, name};
use crate::network::device::Port;
use crate::network::device::interface::{
    Address, Authentication, Decrement, Delay, Group, Hsrp, Interface, Side, Timers, Tunnel,
};
use crate::network::interface as planned;

/// Seconds of silence after the LAN came up, and after a reload.
const SILENCE: Delay = Delay { minimum_s: 30, reload_s: 90 };
/// Hello and hold time.
const TIMERS: Timers = Timers { hello_ms: 1000, hold_ms: 3000 };

/// The full name of an interface.
pub(super) fn port(name: &planned::InterfaceName) -> Port {
    Port(name.to_string())
}

/// An interface as it is meant.
pub(super) fn interface(plan: &planned::Interface) -> Interface {
    let address = match &plan.address {
        planned::Address::None => Address::None,
        planned::Address::Static { network } => Address::Static(*network),
        planned::Address::Unnumbered { interface } => Address::Unnumbered(port(interface)),
        planned::Address::Negotiated => Address::Negotiated,
    };
    let loopback = matches!(plan.name, planned::InterfaceName::Loopback(_));
    let redirects = (!loopback && address != Address::None).then(|| at(false));
    let vlan = match plan.name {
        planned::InterfaceName::Ethernet { vlan, .. } => vlan,
        _ => None,
    };
    let modem = matches!(plan.name, planned::InterfaceName::Cellular(_));
    let dialer = ["dialer in-band", "dialer idle-timeout 0", "dialer-group 1", "pulse-time 1"];
    Interface {
        description: Some(plan.description.clone()),
        bandwidth_kbps: plan.bandwidth_kbps.map(at),
        vlan: vlan.map(at),
        vrf: plan.vrf.as_ref().map(name),
        address: Some(at(address)),
        filter_in: plan.access_list.as_ref().map(name),
        proxy_arp: plan.proxy_arp.map(at),
        redirects,
        unreachables: (!plan.unreachables).then(|| at(false)),
        mtu: plan.mtu.map(at),
        mss: plan.mss.map(at),
        translation: plan.translation.map(|side| at(self::side(side))),
        no_cdp: plan.outside.then(|| at(())),
        policy_out: plan.shaper.as_ref().map(|shaper| name(format_args!("{shaper}-PARENT"))),
        standby: plan.standby.as_ref().map_or_else(Hsrp::default, hsrp),
        tunnel: plan.tunnel.as_ref().map_or_else(Tunnel::default, tunnel),
        dialer: if modem { dialer.map(name).into() } else { Vec::new() },
        ..Interface::named(at(port(&plan.name)))
    }
}

fn hsrp(plan: &planned::Standby) -> Hsrp {
    let preempt = plan
        .preempt
        .map_or_else(Delay::default, |delay| Delay { minimum_s: delay.minimum_s, reload_s: delay.reload_s });
    let group = Group {
        vip: Some(at(plan.vip)),
        priority: Some(at(plan.priority)),
        preempt: Some(at(preempt)),
        timers: Some(at(TIMERS)),
        authentication: Some(at(Authentication::Md5Chain(plan.key_chain.to_string()))),
        name: Some(name(&plan.name)),
        tracks: plan.track.iter().map(|track| at(Decrement { object: track.object, by: track.by })).collect(),
        ..Group::numbered(at(plan.group))
    };
    Hsrp { version: Some(at(2)), delay: Some(at(SILENCE)), use_bia: None, groups: vec![group] }
}

fn tunnel(plan: &planned::Tunnel) -> Tunnel {
    Tunnel {
        source: plan.calls.as_ref().map(|call| name(&call.source)),
        destination: plan.calls.as_ref().map(|call| at(call.destination)),
        mode: Some(name("ipsec ipv4")),
        vrf: Some(name(&plan.outer_vrf)),
        protection: Some(name(&plan.profile)),
        pre_classify: plan.calls.as_ref().map(|_| at(())),
    }
}

fn side(side: planned::Side) -> Side {
    match side {
        planned::Side::Inside => Side::Inside,
        planned::Side::Outside => Side::Outside,
    }
}
