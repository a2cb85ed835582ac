//! Names that a line uses and no line defines.

use super::super::device::interface::{Address, Authentication};
use super::super::device::queue::Match;
use super::super::device::route::Via;
use super::super::device::tracking::{ProbeSource, Tracked};
use super::super::device::{At, Device, Port};
use super::Scene;
use super::report::{Key, Report, Rule, rules};
use super::table::Router;
use std::collections::BTreeSet;

rules! {
    TRACK: Error "undefined-track", "a tracked object is defined",
        "It counts as down: the route is never there, the priority always low.", "Cisco enhanced object tracking guide";
    PROBE: Error "undefined-probe", "a tracked probe is defined",
        "The object is down for ever.", "Cisco enhanced object tracking guide";
    KEY_CHAIN: Error "undefined-key-chain", "a key chain is defined",
        "Hellos are not authenticated, or refused.", "Cisco FHRP guide, HSRP MD5 authentication";
    LIST: Error "undefined-access-list", "an access list is defined",
        "IOS permits everything where the list is missing.", "Cisco IOS ACL guide, undefined lists";
    POLICY: Error "undefined-policy", "a policy is defined",
        "Nothing is shaped.", "Cisco MQC guide";
    CLASS: Error "undefined-class", "a traffic class is defined",
        "The router refuses the class: its traffic is treated like any other.", "Cisco MQC guide";
    VRF: Error "undefined-vrf", "a routing table is defined",
        "The router refuses the line, and the interface loses its address.", "Cisco VRF guide";
    CRYPTO: Error "undefined-crypto", "what a tunnel is protected with is defined",
        "The tunnel never comes up.", "Cisco IPsec VTI guide";
    ELSEWHERE: Note "undefined-here", "a part of a configuration names what the rest defines",
        "Whether it is there could not be checked.", "how this program reads a network";
    PORT: Error "undefined-interface", "an interface that a line names exists",
        "The line means nothing.", "Cisco IOS interface guide";
}

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    for router in scene.routers {
        let mut check = Check { router, report, elsewhere: BTreeSet::new() };
        check.tracking();
        check.interfaces();
        check.queues();
        check.crypto();
        check.routes();
        check.settings();
        let names: Vec<String> = std::mem::take(&mut check.elsewhere).into_iter().collect();
        if !names.is_empty() {
            let message = format!("it uses and does not define {}", names.join(", "));
            report.add(&ELSEWHERE, router.itself(), Key::None, message, "Check the whole running configuration.");
        }
    }
}

struct Check<'a, 'r> {
    router: &'a Router<'a>,
    report: &'r mut Report,
    /// What a part of a configuration leaves to the rest.
    elsewhere: BTreeSet<String>,
}

impl Check<'_, '_> {
    fn device(&self) -> &Device {
        self.router.device
    }

    /// What other parts of a configuration may define.
    fn elsewhere(&mut self, rule: &Rule, line: u32, what: &str, name: impl std::fmt::Display) {
        match (self.router.part, self.router.fragment) {
            (true, _) => {}
            (false, true) => {
                self.elsewhere.insert(format!("{what} {name}"));
            }
            (false, false) => self.missing(rule, line, what, name),
        }
    }

    fn missing(&mut self, rule: &Rule, line: u32, what: &str, name: impl std::fmt::Display) {
        let message = format!("{what} {name} is not defined in this text");
        let fix = format!("Define {what} {name}, or name one that is there.");
        self.report.add(rule, self.router.at(line), Key::None, message, fix);
    }

    fn track(&mut self, id: u16, line: u32) {
        if self.router.track(id).is_none() {
            self.missing(&TRACK, line, "object", id);
        }
    }

    fn port(&mut self, port: &Port, line: u32) {
        if self.router.interface(port).is_none() && port.0 != "Null0" {
            self.missing(&PORT, line, "interface", port);
        }
    }

    fn vrf(&mut self, name: &str, line: u32) {
        if !self.device().vrfs.iter().any(|vrf| vrf.name.value == name) {
            self.elsewhere(&VRF, line, "routing table", name);
        }
    }

    fn list(&mut self, name: &At<String>) {
        if !self.device().access_lists.iter().any(|list| list.name.value == name.value) {
            self.elsewhere(&LIST, name.line, "access list", &name.value);
        }
    }

    fn policy(&mut self, name: &At<String>) {
        if !self.device().policy_maps.iter().any(|policy| policy.name.value == name.value) {
            self.elsewhere(&POLICY, name.line, "policy", &name.value);
        }
    }

    fn tracking(&mut self) {
        let device = self.router.device;
        for track in &device.tracks {
            match &track.what {
                Tracked::Probe { probe, .. } if self.router.probe(*probe).is_none() => {
                    self.missing(&PROBE, track.id.line, "probe", probe);
                }
                Tracked::Interface { port, .. } => self.port(port, track.id.line),
                Tracked::List { objects, .. } => objects.iter().for_each(|at| self.track(at.value, at.line)),
                Tracked::Probe { .. } | Tracked::Other(_) => {}
            }
        }
        for probe in &device.probes {
            if let Some(At { value: ProbeSource::Interface(port), line }) = &probe.source {
                self.port(port, *line);
            }
            if let Some(vrf) = &probe.vrf {
                self.vrf(&vrf.value, vrf.line);
            }
        }
    }

    fn interfaces(&mut self) {
        let device = self.router.device;
        for interface in &device.interfaces {
            if let Some(vrf) = &interface.vrf {
                self.vrf(&vrf.value, vrf.line);
            }
            if let Some(At { value: Address::Unnumbered(port), line }) = &interface.address {
                self.port(port, *line);
            }
            interface.filter_in.iter().chain(&interface.filter_out).for_each(|list| self.list(list));
            interface.policy_in.iter().chain(&interface.policy_out).for_each(|policy| self.policy(policy));
            for group in &interface.standby.groups {
                group.tracks.iter().for_each(|track| self.track(track.object, track.line));
                if let Some(At { value: Authentication::Md5Chain(name), line }) = &group.authentication
                    && !device.key_chains.iter().any(|chain| chain.name.value == *name)
                {
                    self.elsewhere(&KEY_CHAIN, *line, "key chain", name);
                }
            }
            if let Some(vrf) = &interface.tunnel.vrf {
                self.vrf(&vrf.value, vrf.line);
            }
            if let Some(source) =
                interface.tunnel.source.as_ref().filter(|at| at.value.parse::<std::net::Ipv4Addr>().is_err())
            {
                self.port(&Port(source.value.clone()), source.line);
            }
            if let Some(profile) = &interface.tunnel.protection
                && !device.crypto.ipsec.iter().any(|known| known.name.value == profile.value)
            {
                self.elsewhere(&CRYPTO, profile.line, "IPsec profile", &profile.value);
            }
        }
        for terminal in &device.terminals {
            terminal.access_class.iter().for_each(|list| self.list(list));
        }
    }

    fn queues(&mut self) {
        let device = self.router.device;
        for class in &device.class_maps {
            for condition in &class.matches {
                if let Match::AccessGroup(name) = &condition.value {
                    self.list(&At::new(name.clone(), condition.line));
                }
            }
        }
        for class in device.policy_maps.iter().flat_map(|policy| &policy.classes) {
            class.child.iter().for_each(|child| self.policy(child));
            let name = &class.class;
            let known =
                name.value == "class-default" || device.class_maps.iter().any(|map| map.name.value == name.value);
            if !known {
                self.elsewhere(&CLASS, name.line, "class", &name.value);
            }
        }
    }

    fn crypto(&mut self) {
        let crypto = &self.router.device.crypto;
        for profile in &crypto.profiles {
            if let Some(ring) = profile
                .keyring
                .as_ref()
                .filter(|ring| !crypto.keyrings.iter().any(|known| known.name.value == ring.value))
            {
                self.elsewhere(&CRYPTO, ring.line, "key ring", &ring.value);
            }
            if let Some(policy) = profile
                .policy
                .as_ref()
                .filter(|policy| !crypto.policies.iter().any(|(known, _)| known.value == policy.value))
            {
                self.elsewhere(&CRYPTO, policy.line, "authorization policy", &policy.value);
            }
            if let Some(template) = profile.template {
                self.port(&Port(format!("Virtual-Template{}", template.value)), template.line);
            }
            if let Some(vrf) = profile.outer_vrf.as_ref().filter(|vrf| vrf.value != "any") {
                self.vrf(&vrf.value, vrf.line);
            }
        }
        for ipsec in &crypto.ipsec {
            if let Some(ike) =
                ipsec.ike.as_ref().filter(|ike| !crypto.profiles.iter().any(|known| known.name.value == ike.value))
            {
                self.elsewhere(&CRYPTO, ike.line, "IKEv2 profile", &ike.value);
            }
            let set = ipsec
                .transform
                .as_ref()
                .filter(|set| !crypto.transforms.iter().any(|(known, _)| known.value == set.value));
            if let Some(set) = set {
                self.elsewhere(&CRYPTO, set.line, "transform set", &set.value);
            }
        }
    }

    fn routes(&mut self) {
        for route in &self.router.device.routes {
            if let Some(track) = route.track {
                self.track(track, route.at.line);
            }
            if let Some(vrf) = &route.vrf {
                self.vrf(vrf, route.at.line);
            }
            if let Via::Interface(port) | Via::Both(port, _) = &route.via {
                self.port(port, route.at.line);
            }
        }
        for translation in &self.router.device.translations {
            if let Some(vrf) = &translation.vrf {
                self.vrf(vrf, translation.at.line);
            }
        }
    }

    fn settings(&mut self) {
        for start in ["logging source-interface ", "ntp source ", "ip tacacs source-interface "] {
            for (line, text) in self.router.settings(start) {
                let port = text.strip_prefix(start).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
                self.port(&super::super::parse::port(port).unwrap_or_else(|| Port(port.to_owned())), line);
            }
        }
        for (line, text) in self.router.settings("snmp-server group ") {
            if let Some((_, name)) = text.split_once(" access ") {
                self.list(&At::new(name.split(' ').next().unwrap_or_default().to_owned(), line));
            }
        }
    }
}
