//! The plan of a conversion: facts and wish in, edits with before, after and why out.

use super::draft::{Draft, Edit};
use super::facts::{Facts, Refusal};
use super::wish::Wish;
use super::{agents, devices, drivers, fallback, names, network};
use crate::landing::convert::hardware::{Machine, NicModel};
use std::collections::BTreeSet;
use std::fmt;

/// What is to be done to a Linux.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Plan {
    /// The edits, in order; none where all is done.
    pub edits: Vec<Edit>,
    /// What people should know.
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

/// Plans the conversion of a Linux.
///
/// # Errors
/// It would not start, or an address or a name would be lost.
pub fn plan(facts: &Facts, wish: &Wish) -> Result<Plan, Refusal> {
    check_cards(facts, wish)?;
    let mut draft = Draft::new(&facts.tree);
    devices::plan(facts, &mut draft)?;
    let notes = network::plan(facts, wish, &mut draft)?;
    names::plan(facts, wish, &mut draft)?;
    agents::plan(facts, &mut draft);
    fallback::plan(facts, &mut draft)?;
    let models: Vec<NicModel> = wish.cards.iter().map(|card| card.model).collect();
    drivers::plan(facts, wish.controller, &models, &mut draft)?;
    Ok(Plan { edits: draft.finish(), notes })
}

/// What is wished of a machine whose card takes the interface that holds the server's address.
pub fn wish(facts: &Facts, machine: &Machine) -> Wish {
    network::wish(facts, machine)
}

fn check_cards(facts: &Facts, wish: &Wish) -> Result<(), Refusal> {
    let (mut macs, mut names) = (BTreeSet::new(), BTreeSet::new());
    for card in &wish.cards {
        if !macs.insert(card.mac) || card.takes.as_ref().is_some_and(|taken| !names.insert(taken.name())) {
            return Err(Refusal::Twice(card.mac));
        }
        drivers::check_card(facts, card.model, card.mac)?;
    }
    Ok(())
}
