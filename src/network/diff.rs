//! From the configuration that runs to the one that is wanted: the lines, in an order in which no
//! state between them is worse than both ends, and the way back.
//!
//! [`apply`] says what IOS does with lines; nothing here trusts an order that was not applied.

mod apply;
mod change;
mod command;
mod compare;
mod generate;
mod grammar;
mod judge;
mod lines;
mod named;
mod operation;
mod ownership;
mod patch;
mod recognise;
mod search;
mod target;
mod tree;

pub use apply::{Refused, Session, apply, canonical, picture};
pub use change::{Change, ChangeClass, RouterChange, plan_change};
pub use compare::{Difference, Sign, differences};
pub use named::OLD_SECRET;
pub use ownership::Ownership;
pub use patch::{Faithless, patch, wanted_on};
pub use recognise::owned_on;

use super::parse::secrets::MARK;
use serde::Serialize;

/// The change of one router, and the way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Patch {
    /// Host name.
    pub router: String,
    /// From the running configuration to the wanted one.
    pub steps: Vec<Step>,
    /// From the wanted configuration back to the running one, exactly.
    pub rollback: Vec<Step>,
    /// Lines on the device that traghetto did not render. Nothing here removes or changes them.
    pub foreign: Vec<Foreign>,
}

/// Lines that belong together: one object, typed in one go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The lines from the global level on, one space for each level.
    pub lines: Vec<String>,
    /// The object that they change, such as `interface GigabitEthernet0/0/1`.
    pub object: String,
    /// Why this step needs a window, where no order avoids that a pair which both ends keep is lost,
    /// that two routers are active, or that a filter is open.
    pub window: Option<String>,
    /// Tracked objects that must be up before this step begins: they were made anew, start as down,
    /// and what this step lets depend on them would be withdrawn until then.
    pub wait_up: Vec<u16>,
    /// Whether what changes beside the routers (the carrier's line, where a server stands) must have
    /// changed before this step begins, and not earlier than the step before it ended.
    pub after_others: bool,
}

/// A line on a device that traghetto did not render.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Foreign {
    /// The words from the global level down to it, such as `interface Vlan9 / shutdown`. Secrets are
    /// not shown.
    pub line: String,
}

impl Patch {
    /// All lines, in order.
    pub fn lines(&self) -> Vec<String> {
        lines(&self.steps)
    }

    /// The first line, there or back, whose secret neither a rendering names nor a name can take the
    /// place of: it cannot be sent.
    pub fn unnamed_secret(&self) -> Option<&str> {
        let lines = self.steps.iter().chain(&self.rollback).flat_map(|step| &step.lines);
        lines.map(|line| line.trim()).find(|line| line.contains(MARK))
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// All lines of steps, in order.
pub fn lines(steps: &[Step]) -> Vec<String> {
    steps.iter().flat_map(|step| step.lines.iter().cloned()).collect()
}

#[cfg(test)]
mod tests;
