//! Windows by offline changes to its SYSTEM hive, on the files of a clone.
//!
//! What decides is pure: a [`Hive`] as hivex exports it and a [`Wish`] give a [`Plan`], a list of
//! edits with before, after and why. What acts ([`run`]) merges the plan with hivex into a copy,
//! exports the copy again, proves that exactly the planned edits are there, and renames it.
//!
//! hivex (libguestfs) reads and writes the file, in a process of its own: a hive that makes it crash
//! or turn in circles ends that process, with a limit of memory and time, and not traghetto.
//!
//! What is not touched: boot configuration (a hypervisor that launches, recovery), Windows XP and
//! 2003, static IPv6 addresses (they lie in NSI's own store), drivers of hardware that is gone.

mod addresses;
mod base_block;
mod draft;
mod drivers;
mod facts;
mod first_boot;
mod hivex;
mod plan;
mod regfile;
mod registry;
pub mod run;
mod stale;
mod wish;

pub use crate::landing::convert::hardware::{Controller, Mac, NicModel};
pub use addresses::{Adapter, Settings};
pub use base_block::{BaseBlock, Unclean};
pub use draft::Edit;
pub use facts::{Facts, Refusal, Version};
pub use first_boot::{FOLDER, SCRIPT, SERVICE};
pub use plan::{Plan, plan, wish};
pub use regfile::{RegError, merge_text, parse};
pub use registry::{Change, Hive, Value, changes};
pub use wish::{Card, Guid, Wish};
