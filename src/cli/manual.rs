//! `traghetto completions` and `traghetto man`, from the same definition as the command line.

use super::Context;
use crate::failure::{Failure, Kind};
use std::path::PathBuf;

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

/// `traghetto man`.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Write the pages of all commands into this folder instead.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the manual page of the program, or writes those of all its commands.
pub fn page(args: &ManArgs, command: clap::Command, context: &Context) -> Result<(), Failure> {
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).map_err(|error| {
            Failure::new(Kind::Bug, error)
                .hint("Nothing was written. This is a bug in traghetto: report the command and this message.")
        })?;
        context.ui.bytes(&page);
        return Ok(());
    };
    let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder));
    written.map_err(|error| {
        Failure::new(Kind::Failed, error)
            .hint(format!("Choose a folder that can be written to, not {}.", folder.display()))
    })?;
    context.ui.status(&format!("manual pages written to {}", folder.display()));
    Ok(())
}
