//! `traghetto demo`.

use super::Context;
use crate::failure::Failure;

/// `traghetto demo`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub async fn run(_args: Args, _context: &Context) -> Result<(), Failure> {
    Ok(())
}
