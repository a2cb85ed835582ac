//! The order of the operations: the first one found in which no state is worse than both ends.

use super::super::device::Device;
use super::super::parse;
use super::Step;
use super::apply::{Refused, Session};
use super::generate::Operations;
use super::judge::{self, Lost, State};
use super::operation::{Before, Operation};
use super::tree::Tree;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// How many states are looked at before the search is given up.
const LOOKS: usize = 800;

/// The network around the router that changes.
pub(super) struct Around<'a> {
    /// The other routers.
    pub(super) others: &'a [Device],
    /// Where the router stands among them.
    pub(super) place: usize,
    /// What is lost.
    pub(super) lost: &'a Lost<'a>,
    /// The states that the whole change starts from and leads to.
    pub(super) ends: Option<(State, State)>,
}

impl Around<'_> {
    fn scene(&self, device: Device) -> Vec<Device> {
        let mut all = self.others.to_vec();
        all.insert(self.place.min(all.len()), device);
        all
    }

    /// The state with this router.
    pub(super) fn state(&self, tree: &Tree) -> State {
        judge::state(&self.scene(parse::device(&tree.text())), self.lost)
    }
}

/// A chosen operation, and what is bad while its lines are typed.
struct Chosen {
    operation: usize,
    bad: BTreeSet<String>,
    waits: BTreeSet<u16>,
}

/// Where the search stands.
#[derive(Clone)]
struct Point {
    done: BTreeSet<usize>,
    session: Session,
    /// Tracked objects that are down until someone waits for them.
    starting: BTreeSet<u16>,
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
    old: State,
    new: State,
    looks: usize,
    dead: HashSet<BTreeSet<usize>>,
    states: BTreeMap<Moment, State>,
    complete: bool,
}

/// The steps in the order found.
pub(super) fn steps(from: &Tree, to: &Tree, all: &Operations, around: &Around<'_>) -> Result<Vec<Step>, Refused> {
    let before = Before::of(&all.list, &all.chains);
    let (old, new) = around.ends.clone().unwrap_or_else(|| (around.state(from), around.state(to)));
    let mut search = Search {
        operations: &all.list,
        before: &before,
        around,
        old,
        new,
        looks: 0,
        dead: HashSet::new(),
        states: BTreeMap::new(),
        complete: true,
    };
    let mut point = Point { done: BTreeSet::new(), session: Session::on(from.clone()), starting: BTreeSet::new() };
    let mut chosen = Vec::new();
    while point.done.len() < all.list.len() {
        match search.path(&point) {
            Some(rest) => {
                chosen.extend(rest);
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
    Ok(search.told(chosen))
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

    /// An order of the rest in which every state is good. A depth-first search that remembers sets
    /// of operations from which nothing good leads on.
    fn path(&mut self, start: &Point) -> Option<Vec<Chosen>> {
        let mut stack = vec![(start.clone(), self.ready(&start.done).into_iter(), None::<Chosen>)];
        while let Some((point, candidates, _)) = stack.last_mut() {
            if point.done.len() == self.operations.len() {
                return Some(stack.into_iter().filter_map(|(_, _, chosen)| chosen).collect());
            }
            let point = point.clone();
            let Some(operation) = candidates.next() else {
                self.dead.insert(point.done);
                stack.pop();
                continue;
            };
            let mut done = point.done.clone();
            done.insert(operation);
            if self.dead.contains(&done) {
                continue;
            }
            if self.looks >= LOOKS {
                self.complete = false;
                return None;
            }
            match self.typed(&point, operation) {
                Ok((chosen, next)) if chosen.bad.is_empty() => {
                    let candidates = self.ready(&next.done).into_iter();
                    stack.push((next, candidates, Some(chosen)));
                }
                _ => {}
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

    /// What comes of typing an operation now.
    fn typed(&mut self, point: &Point, operation: usize) -> Result<(Chosen, Point), Refused> {
        let op = &self.operations[operation];
        let mut waits: BTreeSet<u16> = op.waits.intersection(&point.starting).copied().collect();
        let mut outcome = self.lines(point, operation, &waits)?;
        if !outcome.0.is_empty() && !point.starting.is_subset(&waits) {
            let patient = self.lines(point, operation, &point.starting)?;
            if patient.0.len() < outcome.0.len() {
                (outcome, waits) = (patient, point.starting.clone());
            }
        }
        let (bad, session, starting) = outcome;
        let mut done = point.done.clone();
        done.insert(operation);
        Ok((Chosen { operation, bad, waits }, Point { done, session, starting }))
    }

    fn lines(
        &mut self,
        point: &Point,
        number: usize,
        waits: &BTreeSet<u16>,
    ) -> Result<(BTreeSet<String>, Session, BTreeSet<u16>), Refused> {
        let op = &self.operations[number];
        let mut session = point.session.clone();
        let mut starting: BTreeSet<u16> = point.starting.difference(waits).copied().collect();
        starting.extend(&op.restarts);
        let mut bad = BTreeSet::new();
        session.leave();
        let neutral = op.is_neutral();
        for (at, line) in op.lines.iter().enumerate() {
            session.enter(line)?;
            if neutral {
                continue;
            }
            let moment = Moment { done: point.done.clone(), line: (number, at), starting: starting.clone() };
            let state = self.state(&session, moment);
            bad.extend(judge::worse(&state, &self.old, &self.new));
        }
        Ok((bad, session, starting))
    }

    /// The state now, whether what starts anew is up already or not.
    fn state(&mut self, session: &Session, moment: Moment) -> State {
        if let Some(known) = self.states.get(&moment) {
            return known.clone();
        }
        self.looks += 1;
        let starting = &moment.starting;
        let device = parse::device(&session.config());
        let mut state = judge::state(&self.around.scene(device.clone()), self.around.lost);
        if !starting.is_empty() {
            state.lost.extend((self.around.lost)(&self.around.scene(judge::starting(device, starting))));
        }
        self.states.insert(moment, state.clone());
        state
    }

    /// The steps: operations on one object in one, and why they need a window.
    fn told(&self, chosen: Vec<Chosen>) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for Chosen { operation, bad, waits } in chosen {
            let op = &self.operations[operation];
            let window = match (bad.is_empty(), op.window) {
                (true, None) => None,
                (true, Some(reason)) => Some(reason.to_owned()),
                (false, _) => Some(self.reason(&bad)),
            };
            match steps.last_mut() {
                Some(last) if last.object == op.object && last.window == window && waits.is_empty() => {
                    join(&mut last.lines, &op.lines);
                }
                _ => steps.push(Step {
                    lines: op.lines.clone(),
                    object: op.object.clone(),
                    window,
                    wait_up: waits.into_iter().collect(),
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
