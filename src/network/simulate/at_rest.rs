//! What routers believe, and how it follows what happens until nothing changes any more.

use super::Element;
use super::element::Mask;
use super::wiring::Network;

/// Tracked objects that a state holds, at most.
pub(super) const MOST_OBJECTS: usize = 128;
/// HSRP groups on the LAN that a state holds, at most; what is beyond has no active router.
pub(super) const MOST_GROUPS: usize = 4;
/// Routers of one HSRP group that a state holds, at most; what is beyond takes no part.
pub(super) const MOST_MEMBERS: usize = u8::BITS as usize;
/// Rounds of changes until a state that still changes is called one that swings.
const MOST_ROUNDS: usize = 12;

/// What routers and carrier believe. What is physically broken is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct State {
    /// Tracked objects that are up, a bit each.
    tracked: u128,
    /// Active members of each HSRP group, a bit each.
    pub(super) active: [u8; MOST_GROUPS],
    /// Tunnels whose security association counts as alive, a bit each.
    tunnels: u8,
    /// Edges of the carrier that its other edges hand packets to, a bit each.
    edges: u8,
}

/// Milliseconds, at least and at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub(super) min: u32,
    pub(super) max: u32,
}

/// Something that changed, and when after the failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    /// What.
    pub(super) what: Changed,
    /// When.
    pub(super) at: Span,
    /// How much of that is its own, after what it followed.
    pub(super) own: Span,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    /// A tracked object, and whether it is up now.
    Object(usize, bool),
    /// The active members of an HSRP group.
    Group(usize, u8),
    /// A tunnel, and whether it is up now.
    Tunnel(usize, bool),
    /// Whether the carrier uses an edge now.
    Edge(usize, bool),
}

/// How a state came to rest.
#[derive(Debug, Clone, Default)]
pub(super) struct Settling {
    /// Everything that changed, in the order of the rounds.
    pub(super) changes: Vec<Change>,
    /// The states through which it swings for ever; empty when it is at rest.
    pub(super) swings: Vec<State>,
}

impl Span {
    /// Neither less nor more.
    pub(super) fn exactly(ms: u32) -> Self {
        Self { min: ms, max: ms }
    }

    /// One after the other.
    pub(super) fn then(self, next: Self) -> Self {
        Self { min: self.min.saturating_add(next.min), max: self.max.saturating_add(next.max) }
    }

    /// Whichever is first.
    pub(super) fn first(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.min(other.max) }
    }

    /// Whichever is last.
    pub(super) fn last(self, other: Self) -> Self {
        Self { min: self.min.max(other.min), max: self.max.max(other.max) }
    }
}

impl State {
    /// Whether a tracked object is up.
    pub(super) fn is_tracked_up(&self, object: usize) -> bool {
        self.tracked >> object & 1 == 1
    }

    /// Whether a tunnel counts as alive.
    pub(super) fn is_tunnel_up(&self, tunnel: usize) -> bool {
        self.tunnels >> tunnel & 1 == 1
    }

    /// Whether the carrier hands packets to an edge.
    pub(super) fn uses_edge(&self, edge: usize) -> bool {
        self.edges >> edge & 1 == 1
    }

    /// The same state with one change.
    pub(super) fn with(mut self, change: Changed) -> Self {
        fn set<
            T: From<u8>
                + std::ops::BitAnd<Output = T>
                + std::ops::BitOr<Output = T>
                + std::ops::Not<Output = T>
                + std::ops::Shl<usize, Output = T>
                + Copy,
        >(
            bits: T,
            at: usize,
            up: bool,
        ) -> T {
            let bit = T::from(1) << at;
            if up { bits | bit } else { bits & !bit }
        }
        match change {
            Changed::Object(at, up) => self.tracked = set(self.tracked, at, up),
            Changed::Group(at, active) => self.active[at] = active,
            Changed::Tunnel(at, up) => self.tunnels = set(self.tunnels, at, up),
            Changed::Edge(at, up) => self.edges = set(self.edges, at, up),
        }
        self
    }
}

impl Network<'_> {
    /// The state in which everything works as the texts allow: all started together, then at rest.
    pub fn healthy(&self) -> State {
        let mut state = State { tracked: u128::MAX, active: [0; MOST_GROUPS], tunnels: u8::MAX, edges: u8::MAX };
        state.active = self.first_election(&state, 0);
        state.tunnels = self.tunnels_up(0);
        state.edges = self.edges_used(&state, 0);
        self.settle(&state, 0).0
    }

    /// The state in which everything is at rest after `mask` failed in the state `before`.
    pub(super) fn settle(&self, before: &State, mask: Mask) -> (State, Settling) {
        let mut seen = vec![*before];
        let mut settling = Settling::default();
        let mut base = Span::default();
        let mut state = *before;
        while seen.len() <= MOST_ROUNDS {
            let next = self.next(&state, mask);
            if next == state {
                return (state, settling);
            }
            base = self.note(&state, &next, mask, base, &mut settling.changes);
            if let Some(at) = seen.iter().position(|earlier| *earlier == next) {
                settling.swings = seen.split_off(at);
                return (next, settling);
            }
            seen.push(next);
            state = next;
        }
        settling.swings = seen;
        (state, settling)
    }

    /// What follows at once from a state.
    fn next(&self, state: &State, mask: Mask) -> State {
        let mut next = *state;
        next.tunnels = self.tunnels_up(mask);
        next.edges = self.edges_used(state, mask);
        next.tracked = self.objects_up(state, mask);
        next.active = self.next_election(&next, mask);
        next
    }

    fn tunnels_up(&self, mask: Mask) -> u8 {
        let up = |(at, tunnel): (usize, &super::wiring::Tunnel)| {
            let signal = self.has_signal(tunnel.caller, mask) && self.has_signal(tunnel.template, mask);
            u8::from(signal && mask & tunnel.down == 0) << at
        };
        self.tunnels.iter().enumerate().map(up).fold(0, |bits, bit| bits | bit)
    }

    /// The edges to which the carrier hands packets.
    fn edges_used(&self, state: &State, mask: Mask) -> u8 {
        let mut used = 0;
        for (at, edge) in self.bits.edges.iter().enumerate().take(8) {
            // A port that our own router has switched off is a line that is down.
            let up = mask & edge.unused == 0 && edge.port.is_none_or(|port| self.is_up(port, state, mask));
            used |= u8::from(up) << at;
        }
        used
    }

    /// Notes what changed between two rounds, with its time. Returns from when what follows counts.
    fn note(&self, state: &State, next: &State, mask: Mask, base: Span, changes: &mut Vec<Change>) -> Span {
        let start = changes.len();
        let mut push = |what, base: Span, own: Span| changes.push(Change { what, at: base.then(own), own });
        for at in 0..self.tunnels.len() {
            if next.is_tunnel_up(at) != state.is_tunnel_up(at) {
                push(Changed::Tunnel(at, next.is_tunnel_up(at)), base, self.tunnel_time(at, mask));
            }
        }
        for at in 0..self.scene.surroundings.carrier.edges.len().min(8) {
            if next.uses_edge(at) != state.uses_edge(at) {
                let most = u32::from(self.scene.surroundings.carrier.convergence_s) * 1000;
                push(Changed::Edge(at, next.uses_edge(at)), base, Span { min: 0, max: most });
            }
        }
        for at in 0..self.objects.all.len() {
            let up = next.is_tracked_up(at);
            if up != state.is_tracked_up(at) {
                let own = self.flip_time(at, next, state, mask);
                push(Changed::Object(at, up), base, own);
            }
        }
        for at in 0..self.groups.len() {
            if next.active[at] != state.active[at] {
                let (own, gone) = self.takeover_time(at, next.active[at], state, mask);
                let from = if gone { base } else { self.lowered(at, next, state, mask, base) };
                push(Changed::Group(at, next.active[at]), from, own);
            }
        }
        changes[start..].iter().fold(Span::default(), |all, change| all.last(change.at))
    }

    /// A modem without signal takes its tunnel down at once; silence is noticed by dead-peer detection.
    fn tunnel_time(&self, at: usize, mask: Mask) -> Span {
        let tunnel = &self.tunnels[at];
        let role = self.router(tunnel.caller).role;
        let seen = self.mask_of(&[Element::Radio, Element::Sim, Element::Router(role)]);
        if mask & seen != 0 {
            return Span::default();
        }
        let (min, max) = tunnel.silence_s;
        Span { min: min.saturating_mul(1000), max: max.saturating_mul(1000) }
    }
}
