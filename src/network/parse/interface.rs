//! Interfaces.

use super::words::{address, leading_port, number, whole_port, with_mask};
use super::{Read, Reader, entry, mode, standby, step};
use crate::network::device::interface::{Address, Interface, Side};
use crate::network::device::{At, Port};
use crate::network::text::Line;

pub(super) fn read(reader: &mut Reader, line: &Line, words: &[&str]) -> Option<Read> {
    let port = name(words.get(1..)?)?;
    let new = || Interface::named(At::new(port.clone(), line.number));
    let interface = entry(&mut reader.places, ("interfaces", &port.0), &mut reader.device.interfaces, new)?;
    mode(&mut reader.device.unread, &step(&line.text), &line.children, |_, line, words| {
        command(interface, line, words)
    });
    Some(Read::Mode)
}

/// The name behind `interface`, which may be of a kind that we do not know.
fn name(words: &[&str]) -> Option<Port> {
    match leading_port(words) {
        Some((port, [] | ["type", "tunnel"] | ["point-to-point" | "multipoint"])) => Some(port),
        Some(_) => None,
        None => match words {
            [one] if one.bytes().any(|byte| byte.is_ascii_digit()) => Some(Port((*one).to_owned())),
            _ => None,
        },
    }
}

/// A line of an interface.
fn command(interface: &mut Interface, line: &Line, words: &[&str]) -> Option<Read> {
    match words {
        ["standby", rest @ ..] => standby::command(&mut interface.standby, line, rest)?,
        ["no", "standby", rest @ ..] => standby::negation(&mut interface.standby, rest)?,
        ["tunnel", rest @ ..] => tunnel(interface, line, rest)?,
        ["ip", rest @ ..] => ip(interface, line, rest)?,
        ["no", "ip", rest @ ..] => no_ip(interface, line, rest)?,
        ["no", rest @ ..] => negation(interface, line, rest)?,
        _ => other(interface, line, words)?,
    }
    Some(Read::Line)
}

fn other(interface: &mut Interface, line: &Line, words: &[&str]) -> Option<()> {
    let at = line.number;
    match words {
        ["description", ..] => interface.description = Some(line.text.get("description ".len()..)?.trim().to_owned()),
        ["bandwidth", kbps] => interface.bandwidth_kbps = Some(At::new(number(kbps, 1..=u32::MAX)?, at)),
        ["encapsulation", kind, vlan] if kind.eq_ignore_ascii_case("dot1q") => {
            interface.vlan = Some(At::new(number(vlan, 1..=4094)?, at));
        }
        ["vrf", "forwarding", name] => in_vrf(interface, Some(At::new((*name).to_owned(), at))),
        ["shutdown"] => interface.shutdown = Some(At::new((), at)),
        ["cdp", "enable"] => interface.no_cdp = None,
        ["service-policy", "input", name] => interface.policy_in = Some(At::new((*name).to_owned(), at)),
        ["service-policy", "output", name] => interface.policy_out = Some(At::new((*name).to_owned(), at)),
        ["qos", "pre-classify"] => interface.tunnel.pre_classify = Some(At::new((), at)),
        ["dialer" | "dialer-group" | "pulse-time", ..] => interface.dialer.push(At::new(line.text.clone(), at)),
        _ => return None,
    }
    Some(())
}

/// A router drops the addresses of an interface that changes its routing table.
fn in_vrf(interface: &mut Interface, vrf: Option<At<String>>) {
    if interface.vrf != vrf {
        interface.address = None;
        interface.secondary.clear();
    }
    interface.vrf = vrf;
}

fn ip(interface: &mut Interface, line: &Line, words: &[&str]) -> Option<()> {
    let at = line.number;
    let said = |name: &str| Some(At::new(name.to_owned(), at));
    match words {
        ["address", "negotiated" | "dhcp", ..] => interface.address = Some(At::new(Address::Negotiated, at)),
        ["address", ip, mask] => interface.address = Some(At::new(Address::Static(host_of(ip, mask)?), at)),
        ["address", ip, mask, "secondary"] => {
            let network = host_of(ip, mask)?;
            interface.secondary.retain(|other| other.ip() != network.ip());
            interface.secondary.push(At::new(network, at));
        }
        ["unnumbered", port @ ..] => interface.address = Some(At::new(Address::Unnumbered(whole_port(port)?), at)),
        ["vrf", "forwarding", name] => in_vrf(interface, said(name)),
        ["access-group", name, "in"] => interface.filter_in = said(name),
        ["access-group", name, "out"] => interface.filter_out = said(name),
        ["nat", "inside"] => interface.translation = Some(At::new(Side::Inside, at)),
        ["nat", "outside"] => interface.translation = Some(At::new(Side::Outside, at)),
        ["proxy-arp"] => interface.proxy_arp = Some(At::new(true, at)),
        ["local-proxy-arp"] => interface.local_proxy_arp = Some(At::new((), at)),
        ["redirects"] => interface.redirects = Some(At::new(true, at)),
        ["unreachables"] => interface.unreachables = Some(At::new(true, at)),
        ["helper-address", helper] => {
            let helper = At::new(address(helper)?, at);
            if !interface.helpers.contains(&helper) {
                interface.helpers.push(helper);
            }
        }
        ["mtu", bytes] => interface.mtu = Some(At::new(number(bytes, 68..=17_940)?, at)),
        ["tcp", "adjust-mss", bytes] => interface.mss = Some(At::new(number(bytes, 500..=17_900)?, at)),
        _ => return None,
    }
    Some(())
}

/// An address that a router takes: not a network's own, nor its broadcast.
fn host_of(ip: &str, mask: &str) -> Option<ipnetwork::Ipv4Network> {
    let network = with_mask(ip, mask).filter(|network| network.prefix() > 0)?;
    let outside = network.prefix() < 31 && [network.network(), network.broadcast()].contains(&network.ip());
    (!outside).then_some(network)
}

fn no_ip(interface: &mut Interface, line: &Line, words: &[&str]) -> Option<()> {
    let at = line.number;
    match words {
        ["address"] => {
            interface.address = Some(At::new(Address::None, at));
            interface.secondary.clear();
        }
        ["address", ip, _, "secondary"] => {
            let ip = address(ip)?;
            interface.secondary.retain(|other| other.ip() != ip);
        }
        ["address", ..] => interface.address = Some(At::new(Address::None, at)),
        ["vrf", "forwarding", ..] => in_vrf(interface, None),
        ["access-group", .., "in"] => interface.filter_in = None,
        ["access-group", .., "out"] => interface.filter_out = None,
        ["nat", "inside" | "outside"] => interface.translation = None,
        ["proxy-arp"] => interface.proxy_arp = Some(At::new(false, at)),
        ["local-proxy-arp"] => interface.local_proxy_arp = None,
        ["redirects"] => interface.redirects = Some(At::new(false, at)),
        ["unreachables"] => interface.unreachables = Some(At::new(false, at)),
        ["helper-address", helper] => {
            let helper = address(helper)?;
            interface.helpers.retain(|other| other.value != helper);
        }
        ["mtu", ..] => interface.mtu = None,
        ["tcp", "adjust-mss", ..] => interface.mss = None,
        _ => return None,
    }
    Some(())
}

fn negation(interface: &mut Interface, line: &Line, words: &[&str]) -> Option<()> {
    match words {
        ["description", ..] => interface.description = None,
        ["bandwidth", ..] => interface.bandwidth_kbps = None,
        ["vrf", "forwarding", ..] => in_vrf(interface, None),
        ["shutdown"] => interface.shutdown = None,
        ["cdp", "enable"] => interface.no_cdp = Some(At::new((), line.number)),
        ["service-policy", "input", ..] => interface.policy_in = None,
        ["service-policy", "output", ..] => interface.policy_out = None,
        ["qos", "pre-classify"] => interface.tunnel.pre_classify = None,
        _ => return None,
    }
    Some(())
}

fn tunnel(interface: &mut Interface, line: &Line, words: &[&str]) -> Option<()> {
    let at = line.number;
    let tunnel = &mut interface.tunnel;
    match words {
        ["source", source] if address(source).is_some() => tunnel.source = Some(At::new((*source).to_owned(), at)),
        ["source", port @ ..] => tunnel.source = Some(At::new(whole_port(port)?.0, at)),
        ["destination", end] => tunnel.destination = Some(At::new(address(end)?, at)),
        ["mode", kind @ ..] if !kind.is_empty() => tunnel.mode = Some(At::new(kind.join(" "), at)),
        ["vrf", name] => tunnel.vrf = Some(At::new((*name).to_owned(), at)),
        ["protection", "ipsec", "profile", name] => tunnel.protection = Some(At::new((*name).to_owned(), at)),
        _ => return None,
    }
    Some(())
}
