//! What must hold for any input, shared by the fuzz targets and by the tests of the stable compiler
//! (`tests/hostile_input.rs` includes this file), so that both ask the same questions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a check fails by panicking")]

pub mod disk;
pub mod disk_map;
pub mod receiver;
pub mod seal;
pub mod vsphere_answer;
pub mod wire_command;
pub mod wire_reply;
