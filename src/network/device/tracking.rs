//! Probes and tracked objects as the text describes them.

use super::{At, Port};
use std::net::Ipv4Addr;

/// An IP SLA probe.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Number.
    pub id: At<u16>,
    /// Address that must answer an ICMP echo; none where the probe is of another kind.
    pub target: Option<At<Ipv4Addr>>,
    /// Whose address asks.
    pub source: Option<At<ProbeSource>>,
    /// Routing table; none is the global one.
    pub vrf: Option<At<String>>,
    /// Milliseconds after which an answer is late, where written; 5000 if not.
    pub threshold_ms: Option<At<u32>>,
    /// Milliseconds to wait for an answer, where written; 5000 if not.
    pub timeout_ms: Option<At<u32>>,
    /// Seconds between two questions, where written; 60 if not.
    pub frequency_s: Option<At<u32>>,
    /// `ip sla schedule … life forever start-time now`; a probe without it never runs.
    pub runs: Option<At<()>>,
}

/// Whose address a probe asks with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeSource {
    /// That of an interface.
    Interface(Port),
    /// This one.
    Address(Ipv4Addr),
}

impl Probe {
    /// A probe of which only the number is said.
    pub fn numbered(id: At<u16>) -> Self {
        Self {
            id,
            target: None,
            source: None,
            vrf: None,
            threshold_ms: None,
            timeout_ms: None,
            frequency_s: None,
            runs: None,
        }
    }

    /// Milliseconds to wait for an answer.
    pub fn timeout_ms(&self) -> u32 {
        self.timeout_ms.map_or(5000, |at| at.value)
    }

    /// Milliseconds between two questions.
    pub fn period_ms(&self) -> u32 {
        self.frequency_s.map_or(60, |at| at.value).saturating_mul(1000)
    }
}

/// A tracked object.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Number.
    pub id: At<u16>,
    /// What is tracked.
    pub what: Tracked,
    /// Seconds before a loss counts.
    pub down_s: Option<At<u16>>,
    /// Seconds before a return counts.
    pub up_s: Option<At<u16>>,
}

/// What a tracked object watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tracked {
    /// Whether a probe is answered (`reachability`), or answered in time (`state`).
    Probe {
        /// Number of the probe.
        probe: u16,
        /// `state`: an answer that is late counts as none.
        in_time: bool,
    },
    /// Whether an interface is up (`line-protocol`), or up with an address (`ip routing`).
    Interface {
        /// The interface.
        port: Port,
        /// `ip routing`.
        routing: bool,
    },
    /// Whether all, or any, of these are up.
    List {
        /// `boolean and`; else `boolean or`.
        all: bool,
        /// Numbers of tracked objects, each with its line.
        objects: Vec<At<u16>>,
    },
    /// Something that we do not read, and say so; it counts as up.
    Other(String),
}
