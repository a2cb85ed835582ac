//! The operations that lead from one configuration to another, and which must come before which.

use super::command::Object;
use super::grammar::Kind;
use super::tree::Node;
use std::collections::{BTreeMap, BTreeSet};

/// Lines that are typed in one go.
#[derive(Debug, Clone, Default)]
pub(super) struct Operation {
    /// The lines from the global level on.
    pub(super) lines: Vec<String>,
    /// The object that they change.
    pub(super) object: String,
    /// Objects that exist from here on.
    pub(super) makes: Vec<Object>,
    /// Objects that exist no longer.
    pub(super) breaks: Vec<Object>,
    /// Objects that the lines refer to and did not before.
    pub(super) gains: BTreeSet<Object>,
    /// Objects that the lines referred to and do no longer.
    pub(super) loses: BTreeSet<Object>,
    /// Tracked objects that start anew here, as down.
    pub(super) restarts: BTreeSet<u16>,
    /// Tracked objects that must be up before.
    pub(super) waits: BTreeSet<u16>,
    /// What the line is one of several of, and whether one is added or removed.
    pub(super) family: Option<(String, bool)>,
    /// Where it stands in its mode's order, if it adds to or takes from a mode: the mode, whether it
    /// adds, and the phase.
    pub(super) phase: Option<(String, bool, u8)>,
    /// Why it needs a window whatever the order is.
    pub(super) window: Option<&'static str>,
}

impl Operation {
    /// An operation that types `lines` for `object`.
    pub(super) fn new(object: &str, lines: Vec<String>) -> Self {
        Self { object: object.to_owned(), lines, ..Self::default() }
    }

    /// Whether no pair, filter or election depends on its lines.
    pub(super) fn is_neutral(&self) -> bool {
        const CARRIES: [&str; 9] =
            ["interface ", "ip route ", "ip nat ", "ip sla ", "track ", "ip access-list ", "vrf ", "line ", "crypto "];
        const IDLE: [&str; 6] =
            [" description ", " bandwidth ", " ip tcp adjust-mss ", " no cdp", " service-policy ", " qos "];
        let carries = |line: &str| CARRIES.iter().any(|begin| line.trim_start_matches("no ").starts_with(begin));
        let idle = |line: &String| {
            let line = line.replace(" no ", " ").replace(" default ", " ");
            IDLE.iter().any(|begin| line.starts_with(begin))
        };
        let inside: Vec<&String> = self.lines.iter().filter(|line| line.starts_with(' ')).collect();
        !self.lines.iter().any(|line| carries(line))
            || (!inside.is_empty() && inside.into_iter().all(idle) && self.makes.is_empty())
    }

    /// Takes over what `old` refers to and `new` does not, and the other way round.
    #[must_use]
    pub(super) fn turning(mut self, old: Option<&Node>, new: Option<&Node>) -> Self {
        let (old, new) = (old.map(references).unwrap_or_default(), new.map(references).unwrap_or_default());
        self.gains.extend(new.difference(&old).cloned());
        self.loses.extend(old.difference(&new).cloned());
        self
    }
}

/// Everything that a command, and those below it, refer to.
pub(super) fn references(node: &Node) -> BTreeSet<Object> {
    let mut found: BTreeSet<Object> = node.command.uses.iter().cloned().collect();
    found.extend(node.children.iter().flat_map(references));
    found
}

/// What a line is one of several of: routes of one destination, members of one set.
pub(super) fn family(path: &str, node: &Node) -> Option<String> {
    if let Some(rest) = node.command.key.strip_prefix("ip route ") {
        let words: Vec<&str> = rest.split(' ').collect();
        let network = if words.first() == Some(&"vrf") { 4 } else { 2 };
        return Some(format!("ip route {}", words.get(..network)?.join(" ")));
    }
    let row = node.command.table()?;
    let several = row.kind == Kind::Member || (path.is_empty() && row.named);
    several.then(|| format!("{path} / {}", row.pattern))
}

/// For each operation, the operations that must come before it: those that must for the router to
/// take the lines, and those that should for nothing to be missing in between.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// By operation: without these the lines are refused or mean something else.
    pub(super) must: Vec<BTreeSet<usize>>,
    /// By operation: without these something is missing for a moment.
    pub(super) should: Vec<BTreeSet<usize>>,
}

impl Before {
    /// Define before reference, dereference before delete, add before remove; `chains` are sequences
    /// that were decided beforehand.
    pub(super) fn of(operations: &[Operation], chains: &[(usize, usize)]) -> Self {
        let empty = || vec![BTreeSet::new(); operations.len()];
        let mut before = Self { must: empty(), should: empty() };
        for (first, then) in chains {
            before.must[*then].insert(*first);
        }
        let mut makers: BTreeMap<&Object, usize> = BTreeMap::new();
        let mut breakers: BTreeMap<&Object, usize> = BTreeMap::new();
        for (at, operation) in operations.iter().enumerate() {
            makers.extend(operation.makes.iter().map(|object| (object, at)));
            breakers.extend(operation.breaks.iter().map(|object| (object, at)));
        }
        for (at, operation) in operations.iter().enumerate() {
            let made = operation.gains.iter().filter_map(|object| makers.get(object));
            before.must[at].extend(made.filter(|maker| **maker != at));
            for breaker in operation.loses.iter().filter_map(|object| breakers.get(object)) {
                if *breaker != at {
                    before.must[*breaker].insert(at);
                }
            }
        }
        before.families(operations);
        before.phases(operations);
        before
    }

    fn families(&mut self, operations: &[Operation]) {
        let mut members: BTreeMap<&str, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for (at, operation) in operations.iter().enumerate() {
            if let Some((family, adds)) = &operation.family {
                let (added, removed) = members.entry(family).or_default();
                if *adds { added.push(at) } else { removed.push(at) }
            }
        }
        for (added, removed) in members.values() {
            for at in removed {
                self.should[*at].extend(added);
            }
        }
    }

    /// In a mode, what filters and authenticates is added before what takes part, and goes after it.
    fn phases(&mut self, operations: &[Operation]) {
        let phased = || operations.iter().enumerate().filter_map(|(at, op)| op.phase.as_ref().map(|phase| (at, phase)));
        for (at, (mode, adds, phase)) in phased() {
            for (other, (other_mode, other_adds, other_phase)) in phased() {
                let earlier = if *adds { other_phase < phase } else { other_phase > phase };
                if mode == other_mode && adds == other_adds && earlier {
                    self.should[at].insert(other);
                }
            }
        }
    }

    /// Whether `operation` may come now that those in `done` have.
    pub(super) fn ready(&self, operation: usize, done: &BTreeSet<usize>) -> bool {
        self.must[operation].is_subset(done) && self.should[operation].is_subset(done)
    }

    /// Whether `operation` may come if what merely should come before it is left out of account.
    pub(super) fn possible(&self, operation: usize, done: &BTreeSet<usize>) -> bool {
        self.must[operation].is_subset(done)
    }
}
