//! What is written for people outside the program: pure text and bytes from values.
//!
//! Documents for the tenant are in Italian. Text of the inventory is escaped where it lands:
//! in HTML by the template engine, in cells by [`cell`].

pub mod cell;
pub mod evidence;
pub mod index;
pub mod statement;
pub mod topology;
pub mod verbale;
