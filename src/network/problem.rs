//! Why a tenant's network cannot be planned: every reason at once, each with its key and its remedy.

use super::token::InvalidToken;
use crate::model::{ServerId, SiteId, TenantId};
use ipnetwork::Ipv4Network;
use std::fmt;
use std::net::Ipv4Addr;

/// All reasons why one tenant's network cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkProblems {
    /// The tenant.
    pub tenant: TenantId,
    /// The reasons, at least one.
    pub problems: Vec<NetworkProblem>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkProblem {
    /// The key of the inventory that stands behind it, such as `sites.municipio.lan`.
    pub key: String,
    /// What is wrong.
    pub rule: Rule,
}

/// What is wrong, with the data to say so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// The inventory does not say it.
    #[error("not known")]
    Missing,
    /// A text that cannot stand in a configuration.
    #[error(transparent)]
    Text(InvalidToken),
    /// The tenant's number reaches beyond a pool.
    #[error("number {number} is not inside the pool {pool}")]
    Pool {
        /// The tenant's number.
        number: u16,
        /// The pool.
        pool: Ipv4Network,
    },
    /// A derived number that the protocol does not have.
    #[error("{what} {value} is not within {least}-{most}")]
    Range {
        /// What it numbers.
        what: &'static str,
        /// The derived number.
        value: u32,
        /// The smallest.
        least: u32,
        /// The largest.
        most: u32,
    },
    /// Two networks of one routing table that overlap.
    #[error("{network} overlaps {other_network} ({other})")]
    Overlap {
        /// One.
        network: Ipv4Network,
        /// The other.
        other_network: Ipv4Network,
        /// What the other one is.
        other: String,
    },
    /// Something that only one tenant may have.
    #[error("{what} {value} is also that of {other}")]
    Shared {
        /// What.
        what: &'static str,
        /// Its value.
        value: String,
        /// Who has it too.
        other: TenantId,
    },
    /// Routes only, for a server inside its clients' own subnet.
    #[error(
        "{address} is inside {lan}, the subnet of its own clients: they ask for its hardware address (ARP) and never look at a route"
    )]
    SameSubnet {
        /// The server's address.
        address: Ipv4Addr,
        /// The clients' subnet.
        lan: Ipv4Network,
    },
    /// A server outside the LAN: its subnet has no place at the SAD.
    #[error("{address} is not inside {lan}, the only subnet of the tenant that is carried to the data center")]
    OutsideLan {
        /// The server's address.
        address: Ipv4Addr,
        /// The tenant's LAN.
        lan: Ipv4Network,
    },
    /// A new address that no host of the tenant's prefix at the SAD can have.
    #[error("{address} is not a free host address of {sad}, the tenant's prefix at the data center")]
    OutsideSad {
        /// The new address.
        address: Ipv4Addr,
        /// The prefix.
        sad: Ipv4Network,
    },
    /// Two servers with one address.
    #[error("{address} is also that of {other}")]
    Taken {
        /// The address.
        address: Ipv4Addr,
        /// Who has it too.
        other: ServerId,
    },
    /// A second router without a line of its own.
    #[error("site {site} has a standby router but no backup line")]
    IdleStandby {
        /// The site.
        site: SiteId,
    },
    /// A rate too low to shape or to queue.
    #[error("{kbps} kbit/s is too little to shape and to keep a queue for voice in it")]
    Rate {
        /// The rate.
        kbps: u32,
    },
    /// A town with addresses like those of the hosts that the copying talks to.
    #[error("{lan} overlaps {hosts}, the network of the hosts that the copying talks to")]
    MigrationOverlap {
        /// The town's LAN.
        lan: Ipv4Network,
        /// The network of the hosts at the SAD.
        hosts: Ipv4Network,
    },
    /// A LAN that the hub's global table cannot route, since it is also another's.
    #[error("{lan} overlaps {other_network} ({other}): the hosts at the data center could not tell them apart")]
    MigrationClash {
        /// The town's LAN.
        lan: Ipv4Network,
        /// The other network.
        other_network: Ipv4Network,
        /// Whose it is.
        other: String,
    },
    /// A modem whose profile no configuration holds.
    #[error(
        "the LTE profile of a release before IOS-XE 17 is kept in the modem, where no configuration shows it: not rendered"
    )]
    OlderModem,
}

impl Rule {
    /// A short name that stays the same, for scripts and for asking about it.
    pub fn id(&self) -> &'static str {
        match self {
            Rule::Missing => "missing",
            Rule::Text(_) => "text",
            Rule::Pool { .. } => "pool",
            Rule::Range { .. } => "range",
            Rule::Overlap { .. } => "overlap",
            Rule::Shared { .. } => "shared",
            Rule::SameSubnet { .. } => "same-subnet",
            Rule::OutsideLan { .. } => "outside-lan",
            Rule::OutsideSad { .. } => "outside-sad",
            Rule::Taken { .. } => "taken",
            Rule::IdleStandby { .. } => "idle-standby",
            Rule::Rate { .. } => "rate",
            Rule::MigrationOverlap { .. } => "migration-overlap",
            Rule::MigrationClash { .. } => "migration-clash",
            Rule::OlderModem => "older-modem",
        }
    }

    /// What to do about it, as a full sentence.
    pub fn hint(&self) -> String {
        match self {
            Rule::Missing => "Ask the carrier or the municipality and write it into the tenant's file.".into(),
            Rule::Text(invalid) => format!(
                "Use letters, digits, `.`, `_` and `-`, starting with a letter or a digit, at most {} characters.",
                invalid.most
            ),
            Rule::Pool { .. } => "Widen the pool in project.yaml (nobody's numbers change), or give the tenant a smaller number that was never used.".into(),
            Rule::Range { .. } => "Lower the base in project.yaml, or give the tenant a smaller number that was never used.".into(),
            Rule::Overlap { .. } => "Both are in the tenant's routing table: renumber one of them.".into(),
            Rule::Shared { .. } => "Give one of the two tenants its own.".into(),
            Rule::SameSubnet { .. } => "Write `landing: keep` (a /32 with proxy ARP on both CPEs and the hub) or `landing: {renumber: ADDRESS}`.".into(),
            Rule::OutsideLan { .. } => "Give it a new address with `landing: {renumber: ADDRESS}`.".into(),
            Rule::OutsideSad { .. } => "Choose a host address of that prefix; the first one is the hub's.".into(),
            Rule::Taken { .. } => "Give one of the two servers another address.".into(),
            Rule::IdleStandby { .. } => "Name the backup line, or leave out `standby`: one router then carries everything.".into(),
            Rule::MigrationOverlap { .. } => "Write `migration_path: jump_host`: a host in the tenant's prefix at the data center stands between.".into(),
            Rule::MigrationClash { .. } => "Write `migration_path: alias` for this tenant: the hosts then know it by addresses of a pool of ours.".into(),
            Rule::OlderModem => "Use a router with IOS-XE 17 (`profile_via: config`). On the older one it is `cellular 0/2/0 lte profile create 1 APN none` in exec mode with chat script and dialer string by hand, seen by `show cellular 0/2/0 profile`.".into(),
            Rule::Rate { .. } => "Check the rate against the carrier's order; 64 kbit/s is the least.".into(),
        }
    }
}

impl NetworkProblem {
    /// A problem at `key`.
    pub fn new(key: impl Into<String>, rule: Rule) -> Self {
        Self { key: key.into(), rule }
    }
}

impl fmt::Display for NetworkProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.key, self.rule, self.rule.id())
    }
}

impl fmt::Display for NetworkProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the network of {} cannot be planned", self.tenant)?;
        for problem in &self.problems {
            write!(f, "\n  {problem}\n    hint: {}", problem.rule.hint())?;
        }
        Ok(())
    }
}

impl std::error::Error for NetworkProblems {}
