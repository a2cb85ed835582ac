//! `traghetto checklist`.

use super::Context;
use crate::failure::Failure;

/// `traghetto checklist`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {}

/// Runs the command.
pub async fn run(command: Command, _context: &Context) -> Result<(), Failure> {
    match command {}
}
