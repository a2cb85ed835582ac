//! `traghetto inventory`.

use super::Context;
use crate::failure::Failure;

/// `traghetto inventory`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {}

/// Runs the command.
pub fn run(command: Command, _context: &Context) -> Result<(), Failure> {
    match command {}
}
