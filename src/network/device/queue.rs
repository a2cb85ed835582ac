//! Traffic classes and policies as the text describes them.

use super::At;

/// `class-map`.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassMap {
    /// Name.
    pub name: At<String>,
    /// `match-any`; else all must match.
    pub any: bool,
    /// Its conditions.
    pub matches: Vec<At<Match>>,
}

/// A condition of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// `match dscp …`, each as written.
    Dscp(Vec<String>),
    /// `match access-group name …`.
    AccessGroup(String),
    /// Anything else, as written behind `match`.
    Other(String),
}

/// `policy-map`.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyMap {
    /// Name.
    pub name: At<String>,
    /// Its classes, in their order.
    pub classes: Vec<PolicyClass>,
}

/// A class of a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyClass {
    /// The class map, or `class-default`.
    pub class: At<String>,
    /// `priority`, in kbit/s.
    pub priority_kbps: Option<At<u32>>,
    /// `bandwidth`, in kbit/s.
    pub bandwidth_kbps: Option<At<u32>>,
    /// `bandwidth remaining ratio`.
    pub remaining_ratio: Option<At<u32>>,
    /// `shape average`, in bit/s.
    pub shape_bps: Option<At<u64>>,
    /// `drop`, or a policer whose every action is to drop.
    pub dropped: Option<At<()>>,
    /// `fair-queue`.
    pub fair_queue: bool,
    /// `service-policy` of the queues within.
    pub child: Option<At<String>>,
}

impl PolicyClass {
    /// A class without an action.
    pub fn of(class: At<String>) -> Self {
        Self {
            class,
            priority_kbps: None,
            bandwidth_kbps: None,
            remaining_ratio: None,
            shape_bps: None,
            dropped: None,
            fair_queue: false,
            child: None,
        }
    }
}
