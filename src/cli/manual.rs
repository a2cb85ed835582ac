//! `traghetto completions` and `traghetto man`, from the same definition as the command line.

use super::Context;
use crate::failure::{Failure, Kind};

/// `traghetto completions SHELL`.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// Which shell.
    pub shell: clap_complete::Shell,
}

/// Prints the completion script.
pub fn completions(args: &CompletionsArgs, command: &mut clap::Command, context: &Context) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "traghetto", &mut script);
    context.ui.bytes(&script);
    Ok(())
}

/// Prints the manual page: the program, then every command.
pub fn page(command: clap::Command, context: &Context) -> Result<(), Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).map_err(|error| Failure::new(Kind::Bug, error))?;
    context.ui.bytes(&page);
    Ok(())
}
