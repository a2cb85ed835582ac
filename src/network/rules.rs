//! Numbered rules on the text of routers: what is wrong, on which line, why, and how to mend it.
//!
//! Rules read [`Device`]s and nothing else, so that a router from another hand is audited like our
//! own; what the inventory says ([`Expected`]) is a second opinion, never the source. Which routers
//! belong to one site, and which routing table of the hub is theirs, is found in the text too.

mod addressing;
mod between_tenants;
mod expected;
mod fhrp;
mod hardening;
mod inventory;
mod probes;
mod quality;
mod references;
mod report;
mod same_subnet;
mod secrets;
mod site;
mod table;
mod tracking;
mod tunnels;
mod unused;

pub use expected::Expected;
pub use report::{Finding, Rule, Severity};

use super::device::{At, Device};
use super::parse;
use super::text::ConfigText;
use report::Report;
use site::Site;
use table::Router;

/// A configuration to check.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Where it was read, as findings name it.
    pub file: String,
    /// What it says.
    pub device: Device,
    /// Lines whose secret is none; the device itself keeps no secret that could be looked at.
    weak: Vec<At<secrets::Weak>>,
}

impl Source {
    /// A configuration as text.
    pub fn read(file: impl Into<String>, text: &str) -> Self {
        let config = ConfigText::parse(text);
        Self { file: file.into(), device: parse::device(&config), weak: secrets::weak(&config) }
    }

    /// A configuration that was read already; nothing is known of its secrets.
    pub fn new(file: impl Into<String>, device: Device) -> Self {
        Self { file: file.into(), device, weak: Vec::new() }
    }
}

/// Everything that a rule may look at.
struct Scene<'a> {
    routers: &'a [Router<'a>],
    sites: &'a [Site<'a>],
    expected: Option<&'a Expected<'a>>,
}

/// The rules of one family.
type Family = (&'static [&'static Rule], fn(&Scene<'_>, &mut Report));

const FAMILIES: [Family; 13] = [
    (addressing::RULES, addressing::check),
    (fhrp::RULES, fhrp::check),
    (tracking::RULES, tracking::check),
    (probes::RULES, probes::check),
    (same_subnet::RULES, same_subnet::check),
    (quality::RULES, quality::check),
    (tunnels::RULES, tunnels::check),
    (hardening::RULES, hardening::check),
    (secrets::RULES, secrets::check),
    (between_tenants::RULES, between_tenants::check),
    (references::RULES, references::check),
    (unused::RULES, unused::check),
    (inventory::RULES, inventory::check),
];

/// Every rule, by family.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().flat_map(|(rules, _)| rules.iter().copied())
}

/// What every rule has to say about `sources`, which are one state of one network: the routers of a
/// site, of several, the hub with them or without. By file and line.
pub fn check(sources: &[Source], expected: Option<&Expected<'_>>) -> Vec<Finding> {
    let routers: Vec<Router<'_>> = sources.iter().map(|source| Router::new(source, expected)).collect();
    let sites = site::sites(&routers);
    let scene = Scene { routers: &routers, sites: &sites, expected };
    let mut report = Report::default();
    for (_, check) in FAMILIES {
        check(&scene, &mut report);
    }
    report.finish()
}
