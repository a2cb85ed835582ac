//! What is written for people outside the program: pure text and bytes from values.
//!
//! Documents for the tenant are in Italian. Text of the inventory is escaped where it lands:
//! in HTML by the template engine, in cells by [`cell`].

pub mod cell;
pub mod cleanup;
pub mod cutover;
pub mod evidence;
pub mod index;
mod page;
pub mod runbook;
pub mod statement;
pub mod topology;
pub mod verbale;
pub mod wipe;
