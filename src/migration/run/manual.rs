//! What only people can do: a person says that it is done, then the program looks.

use super::Scene;
use super::acts::{Acts, Ended, Trouble};
use crate::migration::playbook::Manual;
use crate::migration::record::{Class, Result as Outcome};
use serde_json::json;

/// Waits for a person's word; once it was given, asks what shows that it is so.
pub(super) async fn confirmed<A: Acts>(acts: &mut A, scene: &Scene<'_>, manual: &Manual) -> Result<Ended, Trouble> {
    let Some(said) = scene.state.confirmed.get(&scene.step.id) else { return Err(waits(scene, manual)) };
    let facts = match &manual.asks {
        None => json!({}),
        Some(_) => {
            let found = acts.ask(scene.step).await.map_err(|trouble| {
                let who = said.by.as_str();
                trouble
                    .hint(format!("traghetto changed nothing; what {who} said of this step counts no more."))
                    .hint("Put right what was found. Who did it says so again:")
                    .hint(command(scene, manual))
            })?;
            json!({ "found": found })
        }
    };
    let probe = manual.probe().map(str::to_owned);
    Ok(Ended { result: Outcome::Confirmed { role: said.role.clone(), by: said.by.clone(), probe }, facts })
}

fn waits(scene: &Scene<'_>, manual: &Manual) -> Trouble {
    Trouble::new(Class::Waiting, format!("{} is done by hand: {}", scene.step.id, manual.title.en))
        .hint("Everything before it is done and kept.")
        .hint("Who did it says so:")
        .hint(command(scene, manual))
}

fn command(scene: &Scene<'_>, manual: &Manual) -> String {
    manual.command(&scene.plan.tenant, &scene.step.id.0)
}
