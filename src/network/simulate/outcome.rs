//! Every failure and every pair of failures, with what becomes of every client-server pair.

use super::element::Mask;
use super::forwarding::Arp;
use super::outage::{Failed, Outage, Timeline};
use super::verdict::{Fault, PairVerdict, Trips, Verdict};
use super::wiring::Network;
use super::{EdgeAt, Element, Failures, Following, Scene};

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
    let mut trips = Trips::default();
    let healthy: Vec<bool> = network
        .pairs()
        .map(|(client, server)| {
            let fault = network.pair(client, server, &before, 0, Arp::Fresh, &mut trips);
            !matches!(fault, Some(Fault::Lost { .. }))
        })
        .collect();
    sets.into_iter().flat_map(|mask| network.after(mask, &before, &healthy, &mut trips)).collect()
}

impl Network<'_> {
    /// Every pair after `mask` failed.
    fn after(&self, mask: Mask, before: &super::at_rest::State, healthy: &[bool], trips: &mut Trips) -> Vec<Outcome> {
        let (after, settling) = self.settle(before, mask);
        let timeline = Timeline::new(before, &settling.changes);
        let failures = self.failures(mask);
        let judged = self.pairs().zip(healthy).map(|((client, server), healthy)| {
            let pair = Failed { client, server, before, after: &after, mask, settling: &settling };
            let fault = self.fault(pair, trips);
            let words = self.in_words(client, server, fault, trips);
            let lost = words.verdict == Verdict::Lost;
            let outage = (*healthy && !lost && settling.swings.is_empty()).then(|| self.outage(pair, &timeline, trips));
            let accepted = if lost { self.accepted(client, server, mask) } else { None };
            Outcome { failures: failures.clone(), pair: words, outage, accepted }
        });
        judged.collect()
    }

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

    /// Why the loss of a pair is accepted.
    fn accepted(&self, client: usize, server: usize, mask: Mask) -> Option<Accepted> {
        if !self.has_way(client, server, mask) {
            return Some(Accepted::NoOtherWay);
        }
        let carrier = &self.scene.surroundings.carrier;
        let unseen = carrier.edges.iter().filter(|edge| edge.at != EdgeAt::Hub);
        let unseen = unseen.flat_map(|edge| [Element::Silent(edge.at), Element::LanPort(edge.router)]);
        let unseen = self.mask_of(&unseen.collect::<Vec<_>>());
        let switches = carrier.edges.iter().any(|edge| edge.at == EdgeAt::Backup);
        let blind = switches && carrier.following == Following::Line && mask & unseen != 0;
        blind.then_some(Accepted::CarrierDoesNotSee)
    }
}

/// Every loss under a single failure that the design should survive, and those that it accepts.
pub fn accepted(outcomes: &[Outcome]) -> impl Iterator<Item = (&Outcome, Accepted)> {
    outcomes.iter().filter_map(|outcome| Some((outcome, outcome.accepted?)))
}
