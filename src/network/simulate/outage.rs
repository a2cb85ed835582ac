//! How long a pair is lost until everything has followed a failure.
//!
//! Every change of [`at_rest`](super::at_rest) has its earliest and its latest moment: a probe asks
//! at any phase of its period and waits for its timeout, tracked objects delay, HSRP waits for
//! hellos. The pair is walked after each change, once with all of them as early and once as late as
//! they can be; meanwhile hosts use the hardware addresses that they had learned.

use super::at_rest::{Change, Changed, Settling, Span, State};
use super::element::Mask;
use super::forwarding::Arp;
use super::verdict::{Fault, Trips};
use super::wiring::Network;

/// How long a pair is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// At least, in milliseconds.
    pub min_ms: u32,
    /// At most, in milliseconds.
    pub max_ms: u32,
    /// The changes for which it waits; it lasts until the last one.
    pub terms: Vec<Term>,
}

/// A change for which a pair waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// What changes, and why it takes that long.
    pub what: String,
    /// Earliest moment after the failure, in milliseconds.
    pub min_ms: u32,
    /// Latest moment after the failure, in milliseconds.
    pub max_ms: u32,
}

impl Outage {
    /// None at all.
    fn never() -> Self {
        Self { min_ms: 0, max_ms: 0, terms: Vec::new() }
    }

    /// In words: what the pair waits for.
    pub fn formula(&self) -> String {
        match self.terms.as_slice() {
            [] => "the way in use is not touched".to_owned(),
            terms => terms.iter().map(|term| term.what.as_str()).collect::<Vec<_>>().join("; "),
        }
    }
}

/// How long a host keeps a hardware address that is silent: confirmed 15 to 45 s long (RFC 4861 6.3.2
/// as Linux and Windows use it for ARP), but any part of that may be over; then 5 s of waiting and
/// three questions a second apart. Printers may take 20 minutes, an IOS router 4 hours.
const ARP_EXPIRY: Span = Span { min: 8_000, max: 53_000 };

/// The states between a failure and rest, twice: as early and as late as can be.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    early: Vec<(u32, State)>,
    late: Vec<(u32, State)>,
}

impl Timeline {
    /// The states through which `changes` lead from `before`.
    pub(super) fn new(before: &State, changes: &[Change]) -> Self {
        let run = |moment: fn(&Span) -> u32| {
            let mut ordered: Vec<&Change> = changes.iter().collect();
            ordered.sort_by_key(|change| moment(&change.at));
            let mut states = vec![(0, *before)];
            for change in ordered {
                let at = moment(&change.at);
                let (last, state) = states.last().copied().unwrap_or((0, *before));
                let next = (at, state.with(change.what));
                if last == at {
                    states.pop();
                }
                states.push(next);
            }
            states
        };
        Self { early: run(|span| span.min), late: run(|span| span.max) }
    }
}

/// A pair after a failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed<'a> {
    pub(super) client: usize,
    pub(super) server: usize,
    pub(super) before: &'a State,
    pub(super) after: &'a State,
    pub(super) mask: Mask,
    pub(super) settling: &'a Settling,
}

impl Network<'_> {
    /// How long a pair that is not lost for good is lost.
    pub(super) fn outage(&self, pair: Failed<'_>, timeline: &Timeline, trips: &mut Trips) -> Outage {
        let (early, waits_early) = self.lost_for(pair, &timeline.early, ARP_EXPIRY.min, trips);
        let (late, waits_late) = self.lost_for(pair, &timeline.late, ARP_EXPIRY.max, trips);
        if late == 0 && early == 0 {
            return Outage::never();
        }
        let mut terms = self.needed(pair, trips);
        if waits_early || waits_late {
            terms.push(Term {
                what:
                    "ARP entries of hosts expire: 15-45 s, then 8 s of questions (printers up to 20 min, routers 4 h)"
                        .into(),
                min_ms: ARP_EXPIRY.min,
                max_ms: ARP_EXPIRY.max,
            });
        }
        Outage { min_ms: early.min(late), max_ms: late.max(early), terms }
    }

    /// Milliseconds from the first loss to the last recovery, and whether that waits for hosts to
    /// forget what they learned.
    fn lost_for(&self, pair: Failed<'_>, states: &[(u32, State)], expiry: u32, trips: &mut Trips) -> (u32, bool) {
        let (mut since, mut until, mut lost) = (None, 0, false);
        for (at, state) in states {
            let now = self.is_lost(pair, state, Arp::Learned(pair.before), trips);
            if now && !lost {
                since.get_or_insert(*at);
            }
            if !now && lost {
                until = *at;
            }
            lost = now;
        }
        let end = states.last().map_or(0, |(at, _)| *at);
        let until = if lost { expiry.max(end) } else { until };
        (since.map_or(0, |since| until.saturating_sub(since)), lost)
    }

    fn is_lost(&self, pair: Failed<'_>, state: &State, arp: Arp<'_>, trips: &mut Trips) -> bool {
        let fault = self.pair(pair.client, pair.server, state, pair.mask, arp, trips);
        matches!(fault, Some(Fault::Lost { .. }))
    }

    /// Changes that are enough for the pair, the earliest ones where several would do.
    fn needed(&self, pair: Failed<'_>, trips: &mut Trips) -> Vec<Term> {
        let mut kept: Vec<&Change> = pair.settling.changes.iter().collect();
        kept.sort_by_key(|change| (change.at.max, change.at.min));
        let state = |kept: &[&Change]| kept.iter().fold(*pair.before, |state, change| state.with(change.what));
        for at in (0..kept.len()).rev() {
            let left = kept.remove(at);
            if self.is_lost(pair, &state(&kept), Arp::Learned(pair.before), trips) {
                kept.insert(at, left);
            }
        }
        kept.into_iter().map(|change| self.term(change, pair)).collect()
    }

    fn term(&self, change: &Change, pair: Failed<'_>) -> Term {
        let Span { min, max } = change.at;
        let when = seconds(min, max);
        let what = match change.what {
            Changed::Object(at, up) => {
                let object = &self.objects.all[at];
                let router = &self.names.routers[object.router];
                let state = if up { "up" } else { "down" };
                format!(
                    "track {} of {router} {state} after {when}: {}",
                    object.track.id.value,
                    self.watching(at, up, &pair.settling.changes)
                )
            }
            Changed::Group(at, bits) => {
                let group = &self.groups[at];
                let taker =
                    group.active(bits).map(|member| &self.names.routers[self.ports[group.members[member].port].router]);
                let (_, gone) = self.takeover_time(at, bits, pair.before, pair.mask);
                let why = if gone {
                    "hold time, less the age of the last hello"
                } else {
                    "next hello after the priority fell"
                };
                format!("HSRP {} moves to {} after {when}: {why}", group.number, taker.map_or("nobody", |name| name))
            }
            Changed::Tunnel(at, up) => {
                let name = &self.names.ports[self.tunnels[at].caller];
                format!("{name} {} after {when}: dead-peer detection", if up { "up" } else { "down" })
            }
            Changed::Edge(at, up) => {
                let verb = if up { "uses" } else { "leaves" };
                format!("the carrier {verb} {} after {when}: its VPN converges (assumed)", self.names.edges[at])
            }
        };
        Term { what, min_ms: min, max_ms: max }
    }

    /// Why a tracked object takes its time.
    fn watching(&self, at: usize, up: bool, changes: &[Change]) -> String {
        let object = &self.objects.all[at];
        let delay = if up { object.track.up_s } else { object.track.down_s };
        let delay = delay.map_or_else(String::new, |at| format!(" + delay {} s", at.value));
        match &object.watch {
            super::wiring::tracking::Watch::Probe(asking) => {
                let (period, timeout) = (asking.probe.period_ms(), asking.probe.timeout_ms());
                let (period, timeout) = (f64::from(period) / 1000.0, f64::from(timeout) / 1000.0);
                format!("probe {} (phase 0-{period} s + timeout {timeout} s){delay}", asking.probe.id.value)
            }
            super::wiring::tracking::Watch::Port { port, .. } => {
                format!("line protocol of {}{delay}", self.names.ports[*port])
            }
            super::wiring::tracking::Watch::List { all, members, .. } => {
                // The one that decides: the first where one is enough, else the last.
                let moved = changes.iter().filter_map(|change| match change.what {
                    Changed::Object(at, _) if members.contains(&at) => Some((change.at.max, at)),
                    _ => None,
                });
                let decides = if *all != up { moved.min() } else { moved.max() };
                let member = decides.map_or_else(String::new, |(_, member)| {
                    format!(" by {}: {}", self.objects.all[member].track.id.value, self.watching_briefly(member, up))
                });
                format!("list{member}{delay}")
            }
            super::wiring::tracking::Watch::Unread | super::wiring::tracking::Watch::Undefined => {
                "as written".to_owned()
            }
        }
    }

    fn watching_briefly(&self, at: usize, up: bool) -> String {
        match &self.objects.all[at].watch {
            super::wiring::tracking::Watch::List { .. } => "list".to_owned(),
            _ => self.watching(at, up, &[]),
        }
    }
}

/// A span in seconds, such as `7-10 s`.
fn seconds(min_ms: u32, max_ms: u32) -> String {
    let (min, max) = (f64::from(min_ms) / 1000.0, f64::from(max_ms) / 1000.0);
    if min_ms == max_ms { format!("{min} s") } else { format!("{min}-{max} s") }
}
