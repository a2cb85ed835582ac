//! Lines of the texts that may decide where packets go, and that are not simulated.
//!
//! A verdict holds only as far as the text was read. What is known to decide nothing (descriptions,
//! counters, queues, terminals) is left out; any other line that means nothing to us is named, with
//! its place, where it belongs to an object on which this site depends.

use super::super::device::interface::Authentication;
use super::super::device::tracking::Tracked;
use super::super::parse::port;
use super::Landing;
use super::verdict::Reason;
use super::wiring::{Network, Plug};
use std::collections::{BTreeMap, HashSet};

/// How lines of an interface begin that decide nothing about packets of IPv4.
const OF_INTERFACES: [&str; 35] = [
    "auto qos",
    "arp timeout",
    "bandwidth",
    "cdp",
    "delay",
    "duplex",
    "fair-queue",
    "hold-queue",
    "ip accounting",
    "ip directed-broadcast",
    "ip flow",
    "ip igmp",
    "ip mask-reply",
    "ip nbar",
    "ip pim",
    "ip route-cache",
    "ipv6",
    "lldp",
    "load-interval",
    "logging event",
    "macro",
    "max-reserved-bandwidth",
    "media-type",
    "mls qos",
    "mop",
    "negotiation",
    "plim",
    "priority-queue",
    "service-policy type",
    "shutdown",
    "snmp",
    "spanning-tree",
    "speed",
    "tx-ring-limit",
    "udld",
];
/// How lines of a probe begin that decide nothing about its answers.
const OF_PROBES: [&str; 7] = ["distributions-of-", "history", "hours-of-", "owner", "request-data-size", "tag", "tos"];
/// How lines of a routing table begin that decide nothing about packets of IPv4.
const OF_TABLES: [&str; 3] = ["address-family ipv6", "mdt", "vpn id"];
/// How settings begin that decide where packets go, or change the text by themselves.
const SETTINGS: [&str; 4] = ["no ip routing", "arp ", "event manager applet", "redundancy inter-device"];

impl Network<'_> {
    /// What is not simulated although it may decide where packets of this site go, by file and line.
    pub fn unread(&self) -> Vec<Reason> {
        let mut found: BTreeMap<(usize, u32), String> = BTreeMap::new();
        for (router, at) in self.scene.routers.iter().enumerate() {
            let settings = at.device.settings.iter();
            let settings = settings.filter(|line| SETTINGS.iter().any(|start| line.value.starts_with(start)));
            let unread = at.device.unread.iter().filter(|line| self.decides(router, &line.value));
            let mut named: HashSet<&str> = HashSet::new();
            for line in unread.chain(settings) {
                // Of an object that is not read at all, its first line is enough.
                let mut above = line.value.match_indices(" / ").map(|(end, _)| &line.value[..end]);
                if !above.any(|head| named.contains(head)) {
                    found.insert((router, line.line), line.value.clone());
                    named.insert(&line.value);
                }
            }
        }
        found.extend(self.beyond.iter().map(|beyond| ((beyond.router, beyond.line), beyond.what.clone())));
        found
            .into_iter()
            .map(|((at, line), what)| self.at_router(at, Some(line), format!("not read: {what}")))
            .collect()
    }

    /// Whether a line that was not read may decide where packets of this site go.
    fn decides(&self, router: usize, text: &str) -> bool {
        let (head, inner) = text.split_once(" / ").unwrap_or((text, ""));
        let words: Vec<&str> = head.split_whitespace().collect();
        let harmless = |known: &[&str]| {
            let bare = inner.strip_prefix("no ").unwrap_or(inner);
            !inner.is_empty() && known.iter().any(|start| bare.starts_with(start))
        };
        match words.as_slice() {
            ["line" | "class-map" | "policy-map" | "controller", ..] => false,
            ["interface", name @ ..] => self.is_wired(router, name) && !(harmless(&OF_INTERFACES) || is_ipv6(inner)),
            ["ip", "access-list", _, name, ..] | ["access-list", name, ..] => self.filters(router, name),
            ["ip", "sla", rest @ ..] => rest.iter().any(|id| self.asks(router, id)) && !harmless(&OF_PROBES),
            ["track", id, ..] => self.tracks(router, id),
            ["vrf", "definition", name] | ["ip", "vrf", name] => {
                self.has_way_in(router, Some(name)) && !harmless(&OF_TABLES)
            }
            ["key", "chain", name] => self.authenticates(router, name),
            ["crypto", ..] => self.scene.surroundings.lte.as_ref().is_some_and(|lte| lte.landing == Landing::Internet),
            ["ip", "nat", ..] => self.translates(router) && self.concerns(router, text),
            ["router", ..] | ["ip", "route", ..] => self.concerns(router, text),
            _ => true,
        }
    }

    /// Whether an interface, or one below it, leads anywhere; one that cannot be read may.
    fn is_wired(&self, router: usize, name: &[&str]) -> bool {
        let Some(name) = port(&name.join(" ")) else { return true };
        let mut own = self.ports.iter().filter(|port| port.router == router);
        own.any(|port| {
            let known = &port.interface.name.value;
            port.plug != Plug::Nothing && (*known == name || known.trunk() == name)
        })
    }

    /// Whether an access list filters packets of this site.
    fn filters(&self, router: usize, name: &str) -> bool {
        let wired = self.ports.iter().filter(|port| port.router == router && port.plug != Plug::Nothing);
        let lists = wired.flat_map(|port| [&port.interface.filter_in, &port.interface.filter_out]);
        lists.flatten().any(|list| list.value == name)
    }

    /// Whether a tracked object of this site follows the probe of this number.
    fn asks(&self, router: usize, id: &str) -> bool {
        self.objects.all.iter().filter(|object| object.router == router).any(|object| match object.track.what {
            Tracked::Probe { probe, .. } => id.split([',', '-']).any(|part| part.parse() == Ok(probe)),
            _ => false,
        })
    }

    /// Whether a route or a group of this site follows the object of this number.
    fn tracks(&self, router: usize, id: &str) -> bool {
        let Ok(id) = id.parse::<u16>() else { return true };
        let device = &self.scene.routers[router].device;
        let routes = device.routes.iter().filter(|route| self.has_way_in(router, route.vrf.as_deref()));
        let own = self.ports.iter().filter(|port| port.router == router);
        let mut groups = own.flat_map(|port| &port.interface.standby.groups).flat_map(|group| &group.tracks);
        self.objects.find(router, id).is_some()
            || routes.filter_map(|route| route.track).any(|track| track == id)
            || groups.any(|track| track.object == id)
    }

    /// Whether hellos in the LAN are authenticated with this key chain.
    fn authenticates(&self, router: usize, name: &str) -> bool {
        let lan = self.ports.iter().filter(|port| port.router == router && port.plug == Plug::Lan);
        let mut used =
            lan.flat_map(|port| &port.interface.standby.groups).filter_map(|group| group.authentication.as_ref());
        used.any(|at| matches!(&at.value, Authentication::Md5Chain(chain) if chain == name))
    }

    /// Whether a line of this site is a side of address translation.
    fn translates(&self, router: usize) -> bool {
        let own = self.ports.iter().filter(|port| port.router == router && port.plug != Plug::Nothing);
        own.into_iter().any(|port| port.interface.translation.is_some())
    }

    /// Whether a line speaks of a routing table that this site uses: the one that it names, or else the
    /// global one.
    fn concerns(&self, router: usize, text: &str) -> bool {
        let words: Vec<&str> = text.split_whitespace().collect();
        let named = words.iter().position(|word| *word == "vrf").and_then(|at| words.get(at + 1).copied());
        self.has_way_in(router, named)
    }

    /// Whether a line of this site is in a routing table.
    fn has_way_in(&self, router: usize, vrf: Option<&str>) -> bool {
        self.ports.iter().any(|port| {
            let leads = !matches!(port.plug, Plug::Nothing | Plug::Inside);
            port.router == router && leads && self.tables[port.table].vrf == vrf
        })
    }
}

/// Whether a line of an interface speaks of IPv6 only.
fn is_ipv6(inner: &str) -> bool {
    let bare = inner.strip_prefix("no ").unwrap_or(inner);
    bare.starts_with("standby ") && bare.split_whitespace().nth(2) == Some("ipv6")
}
