//! `traghetto demo`: Cinto's whole story, played by the very commands that an engineer types, on a
//! lab of three small disks served over SSH on loopback.

mod disks;
mod host;
mod lab;
mod story;

use super::Context;
use crate::failure::{Failure, Kind};
use lab::Lab;
use std::path::PathBuf;
use story::Story;

/// `traghetto demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// New folder for the lab, which is kept (default: traghetto-demo, or the first free number after it).
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Builds the lab and plays the story.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let root = args.dir.unwrap_or_else(free_folder);
    let lab = Lab::build(&root).await.map_err(|error| {
        Failure::new(Kind::Failed, error)
            .hint(format!("The lab could not be built in {}; choose a new folder with --dir.", root.display()))
    })?;
    Story::new(lab, context)?.play().await
}

/// The first folder in the current one that does not exist yet.
fn free_folder() -> PathBuf {
    let numbered = (2..).map(|number| PathBuf::from(format!("traghetto-demo-{number}")));
    std::iter::once(PathBuf::from("traghetto-demo")).chain(numbered).find(|folder| !folder.exists()).unwrap_or_default()
}
