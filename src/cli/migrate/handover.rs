//! `migrate handover`: the page for the next shift.

use super::Whose;
use super::scene::{Scene, Story};
use super::status::with_inputs;
use crate::cli::wrap::wrapped;
use crate::cli::{Context, journal};
use crate::failure::Failure;
use crate::migration::{Handover, Status};
use jiff::SignedDuration;

/// `migrate handover`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    whose: Whose,
    /// Tell what was done in so many hours.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=8760))]
    hours: u16,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let scene = Scene::open(&args.whose, None, context)?;
    let story = Story::open(&scene, context).await?;
    let now = story.journal.now();
    let since = now.checked_sub(SignedDuration::from_hours(i64::from(args.hours))).unwrap_or(now);
    let handover = with_inputs(&scene, &story, &scene.replicas(context), context, |inputs| {
        Handover::of(&scene.tenant.name, inputs, &Status::of(inputs), since)
    })?;
    let handover = handover.map_err(journal::illegal)?;
    if context.json {
        context.ui.json(&handover);
        return Ok(());
    }
    context.ui.data(&wrapped(context.in_language(&handover.page())));
    Ok(())
}
