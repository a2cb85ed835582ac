//! Linux by changes to its files and its initramfs, on a clone.
//!
//! What decides is pure: [`Facts`], read from the mounted root, and a [`Wish`] give a [`Plan`], a list of
//! edits with before, after and why. What acts ([`run`]) writes the plan into the clone, has the clone's
//! own program make its initramfs, and proves that a plan made of the outcome asks for nothing more.
//!
//! A conversion that fails half-way leaves a clone that is thrown away; the replica is untouched.
//!
//! What is not touched: the boot loader itself (it finds its files by the filesystem's UUID, and the
//! firmware's calls are the same), LILO, a root in LUKS, mkinitrd of before 2010.

mod agents;
mod devices;
mod draft;
mod drivers;
mod facts;
mod fallback;
mod names;
mod network;
mod plan;
pub mod run;
mod wish;

pub use draft::{Change, Edit};
pub use facts::{Esp, FILES, FOLDERS, Facts, Kernel, Naming, Refusal, STARTED, Tool, Tree, modules};
pub use plan::{Plan, plan, wish};
pub use wish::{Card, Interface, Wish};
