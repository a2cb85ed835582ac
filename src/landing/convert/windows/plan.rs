//! The plan of a conversion: facts and wish in, edits with before, after and why out.

use super::addresses::Adapter;
use super::draft::{Draft, Edit};
use super::drivers::{VMXNET3_FILE, disable_agents, start_with_system};
use super::facts::{ControlSets, Facts, Refusal, Version};
use super::first_boot;
use super::stale;
use super::wish::{Card, Wish};
use crate::landing::convert::hardware::{Machine, NicModel};
use std::collections::BTreeSet;
use std::fmt;

/// The first version that is converted: Vista and 2008.
const FIRST: Version = Version { major: 6, minor: 0 };

/// What is to be done to a SYSTEM hive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The edits, in order; none where all is done.
    pub edits: Vec<Edit>,
    /// Which card takes the settings of which adapter.
    pub moved: Vec<(Card, Adapter)>,
    /// The script that gives them, for the file [`SCRIPT`](first_boot::SCRIPT); none where no card takes any.
    pub script: Option<String>,
    /// What is not carried over.
    pub notes: Vec<String>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for edit in &self.edits {
            writeln!(f, "{edit}")?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))
    }
}

/// Plans the conversion of a Windows.
///
/// # Errors
/// It would not start, or an address would be lost.
pub fn plan(facts: &Facts, wish: &Wish) -> Result<Plan, Refusal> {
    if facts.version < FIRST {
        return Err(Refusal::Unsupported(facts.version));
    }
    let sets = ControlSets::read(&facts.hive)?;
    check_cards(facts, wish)?;
    let mut draft = Draft::new(&facts.hive);
    start_with_system(facts, &sets, wish.controller, &mut draft)?;
    disable_agents(&facts.hive, &sets, &mut draft);
    let moved = stale::move_addresses(facts, &sets, wish, &mut draft)?;
    if !moved.is_empty() {
        first_boot::install(&facts.hive, &sets.present, &mut draft);
    }
    let script = (!moved.is_empty()).then(|| first_boot::script(&moved, facts.version));
    let notes = stale::notes(&facts.hive, &sets, &moved);
    Ok(Plan { edits: draft.finish(), moved, script, notes })
}

/// What is wished of a machine whose card takes the adapter that holds the server's address.
///
/// # Errors
/// The hive names no control set.
pub fn wish(facts: &Facts, machine: &Machine) -> Result<Wish, Refusal> {
    Ok(stale::wish(&facts.hive, &ControlSets::read(&facts.hive)?, machine))
}

fn check_cards(facts: &Facts, wish: &Wish) -> Result<(), Refusal> {
    let (mut macs, mut adapters) = (BTreeSet::new(), BTreeSet::new());
    for card in &wish.cards {
        if !macs.insert(card.mac) || card.takes.as_ref().is_some_and(|guid| !adapters.insert(guid)) {
            return Err(Refusal::Twice(card.mac));
        }
        let has_driver = || facts.driver_files.iter().any(|file| file.starts_with(VMXNET3_FILE));
        if card.model == NicModel::Vmxnet3 && !has_driver() {
            return Err(Refusal::NoCardDriver { mac: card.mac });
        }
    }
    Ok(())
}
