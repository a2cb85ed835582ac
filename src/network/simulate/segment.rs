//! ARP on a LAN or VLAN: who answers for an address, and whom the answer leads to.
//!
//! A router answers for others where proxy ARP is on and its way to the address leaves by another
//! port; with HSRP only the active router does, with the virtual hardware address (the router's own
//! under `use-bia`). Nobody answers: the packet is lost. Two answer: a conflict.

use super::Place;
use super::address::{Few, number};
use super::at_rest::State;
use super::element::Mask;
use super::wiring::routing::Egress;
use super::wiring::{Network, Plug};

/// A broadcast domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    /// The LAN of the town.
    Lan,
    /// The VLAN of servers that keep their address.
    Kept,
    /// The same of another site, by its place in the surroundings.
    Beside(u8),
    /// The VLAN of servers with new addresses.
    New,
}

/// A machine of the town or of the SAD, by its place in the surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host {
    /// A client.
    Client(usize),
    /// A server.
    Server(usize),
}

/// A hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mac {
    /// Of a machine.
    Host(Host),
    /// Of the firewall.
    Firewall,
    /// Of a router's port.
    Port(usize),
    /// The virtual one of an HSRP group.
    Virtual(usize),
}

/// Who has a hardware address now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Station {
    /// A machine.
    Host(Host),
    /// The firewall.
    Firewall,
    /// A router, on a port.
    Port(usize),
}

/// Answers to one question, at most.
pub(super) type Answers = Few<Mac, 4>;

impl Segment {
    /// The plug of ports on it.
    pub(super) fn plug(self) -> Plug {
        match self {
            Self::Lan => Plug::Lan,
            Self::Kept => Plug::KeptVlan,
            Self::Beside(site) => Plug::BesideVlan(site),
            Self::New => Plug::NewVlan,
        }
    }

    /// The segment of a plug; none for lines and tunnels.
    pub(super) fn of(plug: Plug) -> Option<Self> {
        match plug {
            Plug::Lan => Some(Self::Lan),
            Plug::KeptVlan => Some(Self::Kept),
            Plug::BesideVlan(site) => Some(Self::Beside(site)),
            Plug::NewVlan => Some(Self::New),
            Plug::Nothing | Plug::Inside | Plug::Line(_) | Plug::Lte | Plug::Tunnel(_) => None,
        }
    }
}

impl Network<'_> {
    /// Who answers for `target` on a segment, the asking port apart.
    pub(super) fn answers(
        &self,
        segment: Segment,
        target: u32,
        asker: Option<usize>,
        state: &State,
        mask: Mask,
    ) -> Answers {
        let mut found = Answers::none();
        if segment == Segment::Lan && mask & self.bits.lan_switch != 0 {
            return found;
        }
        self.machines(segment, target, mask, &mut found);
        let plug = segment.plug();
        for (at, port) in self.ports.iter().enumerate() {
            if port.plug != plug || Some(at) == asker || !self.is_up(at, state, mask) {
                continue;
            }
            self.router_answers(at, target, state, mask, &mut found);
        }
        found
    }

    /// Machines on a segment that have the address.
    fn machines(&self, segment: Segment, target: u32, mask: Mask, found: &mut Answers) {
        let around = &self.scene.surroundings;
        if segment == Segment::Lan {
            if number(around.firewall.address) == target && mask & self.bits.firewall == 0 {
                found.push(Mac::Firewall);
            }
            for (at, client) in around.clients.iter().enumerate() {
                if number(client.address) == target && around.lan.contains(client.address) {
                    found.push(Mac::Host(Host::Client(at)));
                }
            }
        }
        let here = match segment {
            Segment::Lan => Place::Town,
            Segment::Kept => Place::SadKept,
            Segment::Beside(site) => Place::SadBeside(site),
            Segment::New => Place::SadNew,
        };
        for (at, server) in around.servers.iter().enumerate() {
            if number(server.address) == target && server.place == here {
                found.push(Mac::Host(Host::Server(at)));
            }
        }
    }

    fn router_answers(&self, at: usize, target: u32, state: &State, mask: Mask, found: &mut Answers) {
        let port = &self.ports[at];
        let secondary = port.interface.secondary.iter().any(|network| number(network.ip()) == target);
        if port.address.is_some_and(|(own, _)| own == target) || secondary {
            found.push(Mac::Port(at));
            return;
        }
        for (group, member) in &port.member {
            if self.groups[*group].has(target) && self.groups[*group].active(state.active[*group]) == Some(*member) {
                found.push(self.mac(at, *group, *member));
                return;
            }
        }
        if !self.answers_for_others(at, target, state, mask) {
            return;
        }
        if port.member.is_empty() {
            found.push(Mac::Port(at));
        }
        for (group, member) in &port.member {
            if self.groups[*group].active(state.active[*group]) == Some(*member) {
                found.push(self.mac(at, *group, *member));
                return;
            }
        }
    }

    /// Whether proxy ARP answers for `target` on a port.
    fn answers_for_others(&self, at: usize, target: u32, state: &State, mask: Mask) -> bool {
        let port = &self.ports[at];
        let local = port.interface.local_proxy_arp.is_some();
        if !local && !port.interface.answers_for_others() {
            return false;
        }
        // Nobody else answers for a virtual address of this port.
        if port.member.iter().any(|(group, _)| self.groups[*group].has(target)) {
            return false;
        }
        match self.lookup(port.table, target, state, mask).first() {
            Some(Egress::Port { port: out, .. }) => {
                (out != at && port.interface.answers_for_others()) || (out == at && local)
            }
            Some(Egress::Discard { .. }) | None => false,
        }
    }

    fn mac(&self, port: usize, group: usize, member: usize) -> Mac {
        if self.groups[group].members[member].own_address { Mac::Port(port) } else { Mac::Virtual(group) }
    }

    /// Who has a hardware address now, on the segment of the asker.
    pub(super) fn stations(&self, mac: Mac, state: &State, mask: Mask) -> Few<Station, 4> {
        let mut found = Few::none();
        match mac {
            Mac::Host(host) => found.push(Station::Host(host)),
            Mac::Firewall => {
                if mask & self.bits.firewall == 0 {
                    found.push(Station::Firewall);
                }
            }
            Mac::Port(port) => {
                if self.is_up(port, state, mask) {
                    found.push(Station::Port(port));
                }
            }
            Mac::Virtual(group) => {
                for (at, other) in self.groups.iter().enumerate() {
                    let active = other.active(state.active[at]).map(|member| other.members[member].port);
                    if let Some(port) = active.filter(|port| self.is_up(*port, state, mask))
                        && other.shares_address_with(&self.groups[group])
                    {
                        found.push(Station::Port(port));
                    }
                }
            }
        }
        found
    }
}
