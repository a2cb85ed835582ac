//! HSRP: who is active on the LAN.
//!
//! Routers that hear each other (one group number, version, virtual address and authentication) form
//! a group; the others each believe to be alone. A live active router is taken over only by a better
//! one that has `preempt` (Cisco 13780, "How to Use HSRP preempt and track").

use super::super::address::number;
use super::super::at_rest::{MOST_GROUPS, MOST_MEMBERS, Span, State};
use super::super::element::Mask;
use super::{Beyond, Network, Plug};
use crate::network::device::interface::{self, Timers};

/// Routers that hear each other's hellos.
#[derive(Debug)]
pub(in crate::network::simulate) struct Group<'a> {
    /// Number.
    pub(in crate::network::simulate) number: u16,
    /// Version.
    version: u8,
    /// Virtual addresses.
    vips: Vec<u32>,
    /// The routers.
    pub(in crate::network::simulate) members: Vec<Member<'a>>,
}

/// A router of a group.
#[derive(Debug)]
pub(in crate::network::simulate) struct Member<'a> {
    /// Its port.
    pub(in crate::network::simulate) port: usize,
    /// What the text says.
    pub(in crate::network::simulate) group: &'a interface::Group,
    /// What lowers its priority: the tracked object, none where it is not defined, and by how much.
    decrements: Vec<(Option<usize>, u8)>,
    /// Whether hosts are answered with the hardware's own address.
    pub(in crate::network::simulate) own_address: bool,
}

/// The groups of the LAN, and what is too much for a state.
pub(in crate::network::simulate) fn groups<'a>(network: &Network<'a>) -> (Vec<Group<'a>>, Vec<Beyond>) {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut beyond = Vec::new();
    for (at, port) in network.ports.iter().enumerate().filter(|(_, port)| port.plug == Plug::Lan) {
        let standby = &port.interface.standby;
        let version = standby.version.map_or(1, |at| at.value);
        for group in standby.groups.iter().filter(|group| group.vip.is_some()) {
            let decrements = group.tracks.iter().map(|at| (network.objects.find(port.router, at.object), at.by));
            let member =
                Member { port: at, group, decrements: decrements.collect(), own_address: standby.use_bia.is_some() };
            let vips = group.vip.iter().chain(&group.secondary).map(|at| number(at.value)).collect();
            let same = |other: &Group<'_>| {
                other.number == group.number.value
                    && other.version == version
                    && other.vips == vips
                    && other.members.iter().all(|peer| hear_each_other(network, &member, peer))
            };
            match groups.iter().position(same) {
                Some(found) if groups[found].members.len() < MOST_MEMBERS => groups[found].members.push(member),
                Some(_) => beyond.push(Beyond {
                    router: port.router,
                    line: group.number.line,
                    what: format!("more than {MOST_MEMBERS} interfaces in HSRP group {}", group.number.value),
                }),
                None if groups.len() < MOST_GROUPS => {
                    groups.push(Group { number: group.number.value, version, vips, members: vec![member] });
                }
                None => beyond.push(Beyond {
                    router: port.router,
                    line: group.number.line,
                    what: format!("more than {MOST_GROUPS} HSRP groups in the LAN"),
                }),
            }
        }
    }
    (groups, beyond)
}

fn hear_each_other(network: &Network<'_>, one: &Member<'_>, other: &Member<'_>) -> bool {
    let device = |member: &Member<'_>| &network.router(member.port).device;
    let authenticated = device(one).authenticates(one.group, device(other), other.group);
    // A hold time that is over before the peer's next hello: each takes over again and again.
    let patient = |a: Timers, b: Timers| a.hold_ms > b.hello_ms;
    let (a, b) = (one.group.timers(), other.group.timers());
    // Timers of whole seconds are learned from the active router, others are not.
    let learned = a.hello_ms >= 1000 && b.hello_ms >= 1000;
    one.port != other.port && authenticated && (learned || (patient(a, b) && patient(b, a)))
}

impl Network<'_> {
    /// The active members of every group when all start together.
    pub(in crate::network::simulate) fn first_election(&self, state: &State, mask: Mask) -> [u8; MOST_GROUPS] {
        let mut active = [0; MOST_GROUPS];
        for (at, group) in self.groups.iter().enumerate() {
            active[at] = self.best(group, state, mask).map_or(0, |member| 1 << member);
        }
        active
    }

    /// The active members of every group after those of `state`.
    pub(in crate::network::simulate) fn next_election(&self, state: &State, mask: Mask) -> [u8; MOST_GROUPS] {
        let mut active = [0; MOST_GROUPS];
        for (at, group) in self.groups.iter().enumerate() {
            let now = group.active(state.active[at]).filter(|member| self.takes_part(group, *member, state, mask));
            let Some(best) = self.best(group, state, mask) else { continue };
            let rank = |member: usize| self.rank(group, member, state);
            let next = match now {
                Some(now) if rank(best) > rank(now) && group.members[best].group.preempt.is_some() => best,
                Some(now) => now,
                None => best,
            };
            active[at] = 1 << next;
        }
        active
    }

    fn takes_part(&self, group: &Group<'_>, member: usize, state: &State, mask: Mask) -> bool {
        self.is_up(group.members[member].port, state, mask)
    }

    /// The member with the highest priority, then the highest address.
    fn best(&self, group: &Group<'_>, state: &State, mask: Mask) -> Option<usize> {
        let alive = (0..group.members.len()).filter(|member| self.takes_part(group, *member, state, mask));
        alive.max_by_key(|member| {
            (self.rank(group, *member, state), self.ports[group.members[*member].port].address.map(|a| a.0))
        })
    }

    fn rank(&self, group: &Group<'_>, member: usize, state: &State) -> u8 {
        let member = &group.members[member];
        let down = |object: Option<usize>| object.is_none_or(|object| !state.is_tracked_up(object));
        let lost = member.decrements.iter().filter(|(object, _)| down(*object));
        lost.fold(member.group.priority(), |priority, (_, by)| priority.saturating_sub(*by))
    }

    /// How long a group takes to agree on `next` after `state`, counted from the failure if the active
    /// router is gone, else from what lowered its priority.
    pub(in crate::network::simulate) fn takeover_time(
        &self,
        at: usize,
        next: u8,
        state: &State,
        mask: Mask,
    ) -> (Span, bool) {
        let group = &self.groups[at];
        let now = group.active(state.active[at]);
        let Some(taker) = group.active(next).map(|member| &group.members[member]) else {
            return (Span::default(), true);
        };
        let own = taker.group.timers();
        // Whole seconds are learned from the active router, even where the own text says otherwise.
        let timers = now.map_or(own, |now| {
            let told = group.members[now].group.timers();
            if told.hello_ms >= 1000 { told } else { own }
        });
        let gone = now.is_none_or(|now| !self.takes_part(group, now, state, mask));
        if gone {
            return (Span { min: timers.hold_ms.saturating_sub(timers.hello_ms), max: timers.hold_ms }, true);
        }
        let wait = taker.group.preempt.map_or(0, |at| u32::from(at.value.minimum_s).saturating_mul(1000));
        (Span { min: 0, max: timers.hello_ms }.then(Span::exactly(wait)), false)
    }

    /// When the last of the objects that change a priority in this group has followed.
    pub(in crate::network::simulate) fn lowered(
        &self,
        at: usize,
        next: &State,
        state: &State,
        mask: Mask,
        base: Span,
    ) -> Span {
        let decrements = self.groups[at].members.iter().flat_map(|member| &member.decrements);
        let moved = decrements.filter_map(|(object, _)| *object);
        let moved = moved.filter(|object| next.is_tracked_up(*object) != state.is_tracked_up(*object));
        let times = moved.map(|object| base.then(self.flip_time(object, next, state, mask)));
        times.fold(base, Span::last)
    }

    /// Whether a virtual address is this router's now.
    pub(in crate::network::simulate) fn has_vip(&self, table: usize, address: u32, state: &State, mask: Mask) -> bool {
        self.groups.iter().enumerate().any(|(at, group)| {
            let here = |member: usize| {
                let port = group.members[member].port;
                self.ports[port].table == table && self.is_up(port, state, mask)
            };
            group.vips.contains(&address) && group.active(state.active[at]).is_some_and(here)
        })
    }
}

impl Group<'_> {
    /// The member that these bits call active.
    pub(in crate::network::simulate) fn active(&self, bits: u8) -> Option<usize> {
        (0..self.members.len()).find(|member| bits >> member & 1 == 1)
    }

    /// Whether `address` is one of its virtual addresses.
    pub(in crate::network::simulate) fn has(&self, address: u32) -> bool {
        self.vips.contains(&address)
    }

    /// Whether both answer with one virtual hardware address.
    pub(in crate::network::simulate) fn shares_address_with(&self, other: &Group<'_>) -> bool {
        (self.number, self.version) == (other.number, other.version)
    }
}
