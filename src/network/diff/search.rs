//! The order of the operations: the first one found in which no state is worse than both ends.

use super::super::device::Device;
use super::super::parse;
use super::Step;
use super::apply::{Refused, Session};
use super::generate::Operations;
use super::judge::{self, Given, Lost, State};
use super::operation::{Before, Operation};
use super::tree::Tree;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// How many states are looked at before the search is given up.
const LOOKS: usize = 400;

/// The network around the router that changes.
pub(super) struct Around<'a> {
    /// The other routers.
    pub(super) others: &'a [Device],
    /// What is lost.
    pub(super) lost: &'a Lost<'a>,
    /// What one of the ends of the whole change is without.
    pub(super) given: &'a Given,
    /// In which of the surroundings the network is at the start.
    pub(super) phase: usize,
    /// How many surroundings there are.
    pub(super) phases: usize,
    /// Keys of global lines that say nothing about this tenant's network.
    pub(super) beside: &'a BTreeSet<String>,
}

impl Around<'_> {
    fn state(&self, device: &Device) -> State {
        State { lost: (self.lost)(device), hazards: judge::hazards(device, self.others) }
    }
}

/// A chosen operation, and what is bad while its lines are typed.
struct Chosen {
    operation: usize,
    bad: BTreeSet<String>,
    waits: BTreeSet<u16>,
    /// Whether the surroundings change before it.
    turns: bool,
}

/// Where the search stands.
#[derive(Clone)]
struct Point {
    done: BTreeSet<usize>,
    session: Session,
    /// Tracked objects that are down until someone waits for them.
    starting: BTreeSet<u16>,
    /// In which of the surroundings.
    phase: usize,
    /// The state, where it was looked at.
    state: Option<State>,
}

/// Which lines have been typed, and what starts anew.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    done: BTreeSet<usize>,
    line: (usize, usize),
    starting: BTreeSet<u16>,
}

struct Search<'a> {
    operations: &'a [Operation],
    before: &'a Before,
    around: &'a Around<'a>,
    looks: usize,
    dead: HashSet<(BTreeSet<usize>, usize)>,
    states: BTreeMap<Moment, State>,
    /// What was looked at last, while nothing started anew.
    last: Option<(Device, State)>,
    complete: bool,
}

/// The steps in the order found, and in which of the surroundings they end.
pub(super) fn steps(
    from: &Tree,
    to: &Tree,
    all: &Operations,
    around: &Around<'_>,
) -> Result<(Vec<Step>, usize), Refused> {
    let before = Before::of(&all.list, &all.chains);
    let mut search = Search {
        operations: &all.list,
        before: &before,
        around,
        looks: 0,
        dead: HashSet::new(),
        states: BTreeMap::new(),
        last: None,
        complete: true,
    };
    let end = around.state(&device(to, around.beside));
    // Where the state that they lead to is bad itself, another router has to follow, and no order helps.
    let possible = (around.phase..around.phases).any(|phase| end.worse(phase, around.given).is_empty());
    let state = Some(around.state(&device(from, around.beside)));
    let session = Session::on(from.clone());
    let mut point = Point { done: BTreeSet::new(), session, starting: BTreeSet::new(), phase: around.phase, state };
    let mut chosen = Vec::new();
    while point.done.len() < all.list.len() {
        let path = if possible { search.path(&point) } else { None };
        match path {
            Some((rest, phase)) => {
                chosen.extend(rest);
                point.phase = phase;
                break;
            }
            // No order is good from here on: the least bad operation comes now, with a window.
            None => {
                let (least, next) = search.least_bad(&point)?;
                chosen.push(least);
                point = next;
            }
        }
    }
    Ok((search.told(chosen), point.phase))
}

impl Search<'_> {
    /// Operations that may come now, best first.
    fn ready(&self, done: &BTreeSet<usize>) -> Vec<usize> {
        let open = || (0..self.operations.len()).filter(|at| !done.contains(at));
        let ready: Vec<usize> = open().filter(|at| self.before.ready(*at, done)).collect();
        match ready.first() {
            // What no pair depends on may come at once: whatever it is put before goes on as it would.
            Some(first) if self.operations[*first].is_neutral() => vec![*first],
            Some(_) => ready,
            None => open().filter(|at| self.before.possible(*at, done)).collect(),
        }
    }

    /// An order of the rest in which every state is good, and the surroundings at its end. A
    /// depth-first search that remembers sets of operations from which nothing good leads on.
    fn path(&mut self, start: &Point) -> Option<(Vec<Chosen>, usize)> {
        let mut stack = vec![(start.clone(), self.ready(&start.done).into_iter(), None::<Chosen>)];
        while let Some((point, candidates, _)) = stack.last_mut() {
            if point.done.len() == self.operations.len() {
                let phase = point.phase;
                return Some((stack.into_iter().filter_map(|(_, _, chosen)| chosen).collect(), phase));
            }
            let Some(operation) = candidates.next() else {
                self.dead.insert((point.done.clone(), point.phase));
                stack.pop();
                continue;
            };
            if self.looks >= LOOKS.max(4 * self.operations.len()) {
                self.complete = false;
                return None;
            }
            let point = point.clone();
            if let Ok((chosen, next)) = self.typed(&point, operation)
                && chosen.bad.is_empty()
                && !self.dead.contains(&(next.done.clone(), next.phase))
            {
                let candidates = self.ready(&next.done).into_iter();
                stack.push((next, candidates, Some(chosen)));
            }
        }
        None
    }

    fn least_bad(&mut self, point: &Point) -> Result<(Chosen, Point), Refused> {
        let mut best: Option<(Chosen, Point)> = None;
        let mut refused = None;
        for operation in self.ready(&point.done) {
            match self.typed(point, operation) {
                Ok((chosen, next)) if chosen.bad.is_empty() => return Ok((chosen, next)),
                Ok((chosen, next)) => {
                    if best.as_ref().is_none_or(|(least, _)| chosen.bad.len() < least.bad.len()) {
                        best = Some((chosen, next));
                    }
                }
                Err(error) => refused = Some(error),
            }
        }
        let none = || Refused { index: 0, line: String::new(), reason: "no order of the lines is possible".to_owned() };
        best.ok_or_else(|| refused.unwrap_or_else(none))
    }

    /// What comes of typing an operation now: at once, after what starts anew is up, or after the
    /// surroundings have changed, which they may where the state before it is good in both.
    fn typed(&mut self, point: &Point, operation: usize) -> Result<(Chosen, Point), Refused> {
        let needed: BTreeSet<u16> = self.operations[operation].waits.intersection(&point.starting).copied().collect();
        let next = point.phase + 1;
        let turns = next < self.around.phases
            && point.state.as_ref().is_some_and(|state| state.worse(next, self.around.given).is_empty());
        let mut ways = vec![(point.phase, needed.clone()), (point.phase, point.starting.clone())];
        if turns {
            ways.extend([(next, needed), (next, point.starting.clone())]);
        }
        ways.dedup();
        let (phase, waits) = ways.remove(0);
        let mut best = self.lines(point, operation, &waits, phase)?;
        for (phase, waits) in ways {
            if best.0.bad.is_empty() {
                break;
            }
            let other = self.lines(point, operation, &waits, phase)?;
            if other.0.bad.len() < best.0.bad.len() {
                best = other;
            }
        }
        Ok(best)
    }

    fn lines(
        &mut self,
        point: &Point,
        operation: usize,
        waits: &BTreeSet<u16>,
        phase: usize,
    ) -> Result<(Chosen, Point), Refused> {
        let op = &self.operations[operation];
        let mut session = point.session.clone();
        let mut starting: BTreeSet<u16> = point.starting.difference(waits).copied().collect();
        starting.extend(&op.restarts);
        let mut bad = BTreeSet::new();
        let mut state = point.state.clone();
        session.leave();
        let neutral = op.is_neutral();
        for (at, line) in op.lines.iter().enumerate() {
            session.enter(line)?;
            if neutral {
                continue;
            }
            let moment = Moment { done: point.done.clone(), line: (operation, at), starting: starting.clone() };
            let now = self.state(&session, moment);
            bad.extend(now.worse(phase, self.around.given));
            state = Some(now);
        }
        let mut done = point.done.clone();
        done.insert(operation);
        let chosen = Chosen { operation, bad, waits: waits.clone(), turns: phase > point.phase };
        Ok((chosen, Point { done, session, starting, phase, state }))
    }

    /// The state now, whether what starts anew is up already or not.
    fn state(&mut self, session: &Session, moment: Moment) -> State {
        if let Some(known) = self.states.get(&moment) {
            return known.clone();
        }
        let starting = &moment.starting;
        let device = device(&session.tree, self.around.beside);
        if let Some((last, state)) = self.last.as_ref().filter(|_| starting.is_empty())
            && *last == device
        {
            return state.clone();
        }
        self.looks += 1;
        let mut state = self.around.state(&device);
        if device.tracks.iter().any(|track| starting.contains(&track.id)) {
            let down = (self.around.lost)(&judge::starting(device.clone(), starting));
            state.lost.iter_mut().zip(down).for_each(|(lost, down)| lost.extend(down));
        }
        self.last = starting.is_empty().then(|| (device, state.clone()));
        self.states.insert(moment, state.clone());
        state
    }

    /// The steps: operations on one object in one, and why they need a window.
    fn told(&self, chosen: Vec<Chosen>) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for Chosen { operation, bad, waits, turns } in chosen {
            let op = &self.operations[operation];
            let window = match (bad.is_empty(), op.window) {
                (true, None) => None,
                (true, Some(reason)) => Some(reason.to_owned()),
                (false, _) => Some(self.reason(&bad)),
            };
            match steps.last_mut() {
                Some(last) if last.object == op.object && last.window == window && waits.is_empty() && !turns => {
                    join(&mut last.lines, &op.lines);
                }
                _ => steps.push(Step {
                    lines: op.lines.clone(),
                    object: op.object.clone(),
                    window,
                    wait_up: waits.into_iter().collect(),
                    after_others: turns,
                }),
            }
        }
        steps
    }

    fn reason(&self, bad: &BTreeSet<String>) -> String {
        let what = bad.iter().take(3).cloned().collect::<Vec<_>>().join("; ");
        let more = if bad.len() > 3 { format!("; and {} more", bad.len() - 3) } else { String::new() };
        let found = if self.complete { "no order avoids it" } else { "no order that avoids it was found" };
        format!("{what}{more} ({found})")
    }
}

/// The router as it is judged: without what says nothing about this tenant's network.
fn device(tree: &Tree, beside: &BTreeSet<String>) -> Device {
    parse::device(&tree.judged(beside))
}

/// Adds lines to those before them, without the headers of modes that are open already.
fn join(lines: &mut Vec<String>, more: &[String]) {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut open: Vec<&String> = Vec::new();
    for line in lines.iter() {
        open.truncate(depth(line));
        open.push(line);
    }
    // The mode of the last line is open; the line itself may be the header of what comes.
    let known = open.iter().zip(more).take_while(|(open, line)| ***open == **line).count();
    let known = known.min(more.len().saturating_sub(1));
    let more = more[known..].to_vec();
    lines.extend(more);
}
