//! `traghetto migrate`.

use super::Context;
use crate::failure::Failure;

/// `traghetto migrate`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {}

/// Runs the command.
pub async fn run(command: Command, _context: &Context) -> Result<(), Failure> {
    match command {}
}
