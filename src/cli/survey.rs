//! `traghetto survey`.

use super::Context;
use crate::failure::Failure;

/// `traghetto survey`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub async fn run(_args: Args, _context: &Context) -> Result<(), Failure> {
    Ok(())
}
