//! The patch of one router with its way back, both applied before anyone sees them.

use super::super::device::Device;
use super::super::parse;
use super::super::parse::secrets::masked;
use super::super::text::ConfigText;
use super::apply::Refused;
use super::generate::operations;
use super::judge::{self, Given};
use super::ownership::Ownership;
use super::search::{Around, steps};
use super::target::target;
use super::tree::Tree;
use super::{Foreign, Patch, Session, Step, lines};
use std::collections::BTreeSet;

/// Why there is no patch. Each of these is a fault of the command table, found before a router is
/// touched.
#[derive(Debug, thiserror::Error)]
pub enum Faithless {
    /// A router would not take the lines.
    #[error("no patch for {router}")]
    Refused {
        /// Host name.
        router: String,
        /// What it says.
        #[source]
        source: Refused,
    },
    /// The lines lead somewhere else.
    #[error("the lines for {router} do not lead to the configuration that they should lead to: {difference}")]
    Astray {
        /// Host name.
        router: String,
        /// The first line that differs.
        difference: String,
    },
}

/// The patch of a router that stands alone: in dependency order, judged by its filters only.
pub fn patch(running: &ConfigText, wanted: &ConfigText, own: &Ownership) -> Result<Patch, Faithless> {
    let ends = Ends::new(running, wanted, own);
    let hazards = |tree: &Tree| judge::hazards(&parse::device(&tree.text()), &[]);
    let mut given = Given { lost: BTreeSet::new(), hazards: hazards(&ends.from) };
    given.hazards.extend(hazards(&ends.to));
    let (others, nothing) = (&[], |_: &Device| vec![BTreeSet::new()]);
    let around = Around { others, lost: &nothing, given: &given, phase: 0, phases: 1, beside: &ends.beside };
    let (steps, _) = ends.going(&around)?;
    let (rollback, _) = ends.back(&around)?;
    Ok(Patch { router: ends.router.clone(), steps, rollback, foreign: ends.foreign })
}

/// The configuration that the router is to have: `running`, with what is traghetto's as `wanted` says.
pub fn wanted_on(running: &ConfigText, wanted: &ConfigText, own: &Ownership) -> ConfigText {
    Ends::new(running, wanted, own).to.text()
}

/// Both ends of a router's change.
pub(super) struct Ends {
    pub(super) router: String,
    pub(super) from: Tree,
    pub(super) to: Tree,
    /// Both without the value of any secret: what is typed comes from them.
    named: (Tree, Tree),
    pub(super) foreign: Vec<Foreign>,
    /// Keys of global lines about other tenants alone.
    pub(super) beside: BTreeSet<String>,
}

impl Ends {
    pub(super) fn new(running: &ConfigText, wanted: &ConfigText, own: &Ownership) -> Self {
        let (from, wanted) = (Tree::of(running), Tree::of(wanted));
        let (to, foreign) = target(&from, &wanted, own);
        let router =
            to.nodes.iter().find_map(|node| node.text.strip_prefix("hostname ")).unwrap_or_default().to_owned();
        let beside = own.beside_ours(&from);
        let named = own.without_values(&from, &router);
        let (named_to, _) = target(&named, &wanted, own);
        Self { router, from, to, named: (named, named_to), foreign, beside }
    }

    /// The steps there, and in which of the surroundings they end.
    pub(super) fn going(&self, around: &Around<'_>) -> Result<(Vec<Step>, usize), Faithless> {
        self.way(&self.named.0, &self.named.1, around)
    }

    /// The steps back, and in which of the surroundings they end.
    pub(super) fn back(&self, around: &Around<'_>) -> Result<(Vec<Step>, usize), Faithless> {
        self.way(&self.named.1, &self.named.0, around)
    }

    fn way(&self, from: &Tree, to: &Tree, around: &Around<'_>) -> Result<(Vec<Step>, usize), Faithless> {
        let refused = |source| Faithless::Refused { router: self.router.clone(), source };
        let (steps, phase) = steps(from, to, &operations(from, to), around).map_err(refused)?;
        leads(self, from, &lines(&steps), to)?;
        Ok((steps, phase))
    }
}

/// The lines, typed one after the other, lead from one configuration exactly to the other.
fn leads(ends: &Ends, from: &Tree, lines: &[String], to: &Tree) -> Result<(), Faithless> {
    let mut session = Session::on(from.clone());
    for line in lines {
        session.enter(line).map_err(|source| Faithless::Refused { router: ends.router.clone(), source })?;
    }
    let (is, should) = (session.config().to_string(), to.text().to_string());
    if is == should {
        return Ok(());
    }
    let differs = is.lines().zip(should.lines()).find(|(is, should)| is != should);
    let (is, should) = differs.unwrap_or(("the end", "the end"));
    let difference = format!("\"{}\" where \"{}\" should be", masked(is.trim()), masked(should.trim()));
    Err(Faithless::Astray { router: ends.router.clone(), difference })
}
