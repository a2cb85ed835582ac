//! Every failure and every pair of failures, with what becomes of every client-server pair.

use super::at_rest::{Settling, State};
use super::element::Mask;
use super::forwarding::Arp;
use super::name::Name;
use super::outage::{Failed, Outage, Timeline};
use super::verdict::{Fault, PairVerdict, Trips, Verdict};
use super::wiring::Network;
use super::{EdgeAt, Element, Failures, Following, Scene};
use std::collections::HashMap;

/// What becomes of a client-server pair in a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What failed; nothing in the first outcomes of a scene.
    pub failures: Failures,
    /// What becomes of the pair when everything is at rest again.
    pub pair: PairVerdict,
    /// How long it is lost on the way there; none where it stays lost, or was lost before.
    pub outage: Option<Outage>,
    /// Why a loss is accepted; none where nothing is lost, or where it should not be.
    pub accepted: Option<Accepted>,
    /// What does not come back when everything works again: after these failures or, without any,
    /// after all routers started anew. None where all does.
    pub stuck: Option<Name>,
}

/// Why a loss is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Accepted {
    /// No way of cables, lines and boxes is left: a single point of the design.
    NoOtherWay,
    /// The carrier watches only its line, and that stays up: ask it to follow the LAN.
    CarrierDoesNotSee,
}

impl Accepted {
    /// In words.
    pub fn because(self) -> &'static str {
        match self {
            Self::NoOtherWay => "no other way exists",
            Self::CarrierDoesNotSee => {
                "the carrier goes by the state of its line, which stays up: ask it to follow the LAN"
            }
        }
    }
}

/// Outcomes by verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Tally {
    /// Reachable.
    pub reachable: usize,
    /// Degraded.
    pub degraded: usize,
    /// Lost, and accepted.
    pub accepted: usize,
    /// Lost although a way is left.
    pub lost: usize,
}

/// Counts outcomes by verdict.
pub fn tally<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Tally {
    let mut tally = Tally::default();
    for outcome in outcomes {
        match (outcome.pair.verdict, outcome.accepted) {
            (Verdict::Reachable, _) => tally.reachable += 1,
            (Verdict::Degraded, _) => tally.degraded += 1,
            (Verdict::Lost, Some(_)) => tally.accepted += 1,
            (Verdict::Lost, None) => tally.lost += 1,
        }
    }
    tally
}

/// Every pair without failure, in every single failure and, with `double`, in every two failures at
/// the same moment: in the order of the elements, pairs of machines in their order.
pub fn outcomes(scene: &Scene, double: bool) -> Vec<Outcome> {
    let network = Network::new(scene);
    let count = network.elements.len();
    let mut sets: Vec<Mask> = vec![0];
    sets.extend((0..count).map(|one| 1 << one));
    if double {
        sets.extend((0..count).flat_map(|one| (one + 1..count).map(move |other| 1 << one | 1 << other)));
    }
    let before = network.healthy();
    let mut run = Run { network: &network, before, seeing: Seeing::of(scene), stuck: HashMap::new() };
    let mut trips = Trips::default();
    let healthy: Vec<bool> = network
        .pairs()
        .map(|(client, server)| {
            let fault = network.pair(client, server, &before, 0, Arp::Fresh, &mut trips);
            !matches!(fault, Some(Fault::Lost { .. }))
        })
        .collect();
    sets.into_iter().flat_map(|mask| run.after(mask, &healthy, &mut trips)).collect()
}

/// What all failures of a scene have in common.
struct Run<'n, 's> {
    network: &'n Network<'s>,
    before: State,
    /// The same network with a carrier that follows the LAN; none where ours does not matter.
    seeing: Option<Seeing<'s>>,
    /// For each state at rest what does not come back from it. Many failures end in few states.
    stuck: HashMap<State, Option<Name>>,
}

impl Run<'_, '_> {
    /// Every pair after `mask` failed.
    fn after(&mut self, mask: Mask, healthy: &[bool], trips: &mut Trips) -> Vec<Outcome> {
        let (network, before) = (self.network, self.before);
        let (after, settling) = network.settle(&before, mask);
        let timeline = Timeline::new(&before, &settling.changes);
        let failures = network.failures(mask);
        // Without a failure: after everything was off.
        let stuck = self.stuck(if mask == 0 { State::default() } else { after });
        let mut seen = None;
        let judged = network.pairs().zip(healthy).map(|((client, server), healthy)| {
            let pair = Failed { client, server, before: &before, after: &after, mask, settling: &settling };
            let fault = network.fault(pair, trips);
            let words = network.in_words(client, server, fault, trips);
            let lost = words.verdict == Verdict::Lost;
            let outage =
                (*healthy && !lost && settling.swings.is_empty()).then(|| network.outage(pair, &timeline, trips));
            let accepted = match &self.seeing {
                _ if !lost => None,
                _ if !network.has_way(client, server, mask) => Some(Accepted::NoOtherWay),
                Some(seeing) => seeing.survives(pair, &mut seen, trips).then_some(Accepted::CarrierDoesNotSee),
                None => None,
            };
            Outcome { failures: failures.clone(), pair: words, outage, accepted, stuck: stuck.clone() }
        });
        judged.collect()
    }

    fn stuck(&mut self, after: State) -> Option<Name> {
        let (network, before) = (self.network, &self.before);
        self.stuck.entry(after).or_insert_with(|| network.stuck(&after, before)).clone()
    }
}

/// A scene whose carrier sees more than its line.
struct Seeing<'s> {
    network: Network<'s>,
    before: State,
    /// What a carrier that goes by its line does not see, a bit each.
    unseen: Mask,
}

impl<'s> Seeing<'s> {
    /// None where the carrier has nothing to switch to, or sees already.
    fn of(scene: &'s Scene) -> Option<Self> {
        let carrier = &scene.surroundings.carrier;
        let switches = carrier.edges.iter().any(|edge| edge.at == EdgeAt::Backup);
        if !switches || carrier.following != Following::Line {
            return None;
        }
        let network = Network::following(scene, Following::Lan);
        let edges = carrier.edges.iter().filter(|edge| edge.at != EdgeAt::Hub);
        let unseen = edges.flat_map(|edge| [Element::Silent(edge.at), Element::LanPort(edge.router)]);
        let unseen = network.mask_of(&unseen.collect::<Vec<_>>());
        let before = network.healthy();
        Some(Self { network, before, unseen })
    }

    /// Whether a pair that is lost would not be; `seen` is the state at rest, once it is known.
    fn survives(&self, pair: Failed<'_>, seen: &mut Option<(State, Settling)>, trips: &mut Trips) -> bool {
        if pair.mask & self.unseen == 0 {
            return false;
        }
        let (after, settling) = seen.get_or_insert_with(|| self.network.settle(&self.before, pair.mask));
        let pair = Failed { before: &self.before, after, settling, ..pair };
        !matches!(self.network.fault(pair, trips), Some(Fault::Lost { .. } | Fault::Swings { .. }))
    }
}

impl Network<'_> {
    /// What is wrong with a pair at rest, or while it swings: it must work in every state of that.
    fn fault(&self, pair: Failed<'_>, trips: &mut Trips) -> Option<Fault> {
        let swings = &pair.settling.swings;
        let mut lost = 0;
        for state in swings {
            let fault = self.pair(pair.client, pair.server, state, pair.mask, Arp::Fresh, trips);
            lost += usize::from(matches!(fault, Some(Fault::Lost { .. })));
        }
        let fault = self.pair(pair.client, pair.server, pair.after, pair.mask, Arp::Fresh, trips);
        match lost {
            0 => fault,
            // Lost in every state: for a reason of its own.
            all if all == swings.len() => fault,
            _ => Some(Fault::Swings { lost: true }),
        }
    }

    fn failures(&self, mask: Mask) -> Failures {
        Failures::of((0..self.elements.len()).filter(|at| mask >> at & 1 == 1).map(|at| self.elements[at]))
    }

    /// What does not come back when everything works again from `after`, in words.
    fn stuck(&self, after: &State, healthy: &State) -> Option<Name> {
        let (back, settling) = self.settle(after, 0);
        if !settling.swings.is_empty() {
            return Some(Name::from("it swings for ever"));
        }
        if back == *healthy {
            return None;
        }
        let mut told = self.differences(&back, healthy);
        let more = told.len().saturating_sub(3);
        told.truncate(3);
        if more > 0 {
            told.push(format!("{more} more"));
        }
        Some(Name::from(told.join(", ").as_str()))
    }

    /// What stays otherwise than in the healthy state.
    fn differences(&self, back: &State, healthy: &State) -> Vec<String> {
        let word = |up: bool| if up { "up" } else { "down" };
        let objects = self.objects.all.iter().enumerate().filter_map(|(at, object)| {
            let up = back.is_tracked_up(at);
            let router = &self.names.routers[object.router];
            (up != healthy.is_tracked_up(at))
                .then(|| format!("track {} of {router} stays {}", object.track.id.value, word(up)))
        });
        let groups = self.groups.iter().enumerate().filter_map(|(at, group)| {
            let with = group.active(back.active[at]).map(|member| self.ports[group.members[member].port].router);
            let with = with.map_or("nobody", |router| &*self.names.routers[router]);
            (back.active[at] != healthy.active[at]).then(|| format!("HSRP {} stays with {with}", group.number))
        });
        let tunnels = self.tunnels.iter().enumerate().filter_map(|(at, tunnel)| {
            let up = back.is_tunnel_up(at);
            (up != healthy.is_tunnel_up(at)).then(|| format!("{} stays {}", self.names.ports[tunnel.caller], word(up)))
        });
        let edges = self.names.edges.iter().enumerate().filter_map(|(at, name)| {
            let used = back.uses_edge(at);
            let word = if used { "used" } else { "unused" };
            (used != healthy.uses_edge(at)).then(|| format!("{name} stays {word}"))
        });
        objects.chain(groups).chain(tunnels).chain(edges).collect()
    }
}

/// Every loss under a single failure that the design should survive, and those that it accepts.
pub fn accepted(outcomes: &[Outcome]) -> impl Iterator<Item = (&Outcome, Accepted)> {
    outcomes.iter().filter_map(|outcome| Some((outcome, outcome.accepted?)))
}
