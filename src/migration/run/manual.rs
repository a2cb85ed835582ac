//! What only people can do: a person says that it is done, then the program looks.

use super::Scene;
use super::acts::{Acts, AddressSeen, Ended, Trouble};
use crate::migration::playbook::{Action, Manual};
use crate::migration::record::{Class, Result as Outcome};
use crate::model::ServerId;
use crate::model::server::DirectoryWay;
use serde_json::json;

/// Waits for a person's word; once it was given, asks what shows that it is so.
pub(super) async fn confirmed<A: Acts>(acts: &mut A, scene: &Scene<'_>, manual: &Manual) -> Result<Ended, Trouble> {
    let Some(said) = scene.state.confirmed.get(&scene.step.id) else { return Err(waits(scene, manual)) };
    let mut facts = match &manual.asks {
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
    // What answers now is what its silence means, should the old server go on.
    if let Some(server) = scene.step.server.as_ref().filter(|_| manual.takes_address())
        && let Ok(AddressSeen { sight: Some(sight), leads_here: true }) = acts.look_at_new(server).await
    {
        facts["answers"] = json!(sight.answers);
    }
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

/// A controller whose Windows runs is copied for the last time only while its directory does not answer: what was
/// seen when people said so is asked once more, just before.
pub(super) async fn directory_is_down<A: Acts>(
    acts: &mut A,
    scene: &Scene<'_>,
    server: &ServerId,
) -> Result<(), Trouble> {
    const SAFE: &str = "Nothing was copied: a domain controller is never copied while its directory runs.";
    let way = scene.plan.server(server).and_then(|planned| planned.directory);
    if !matches!(way, Some(DirectoryWay::Dsrm | DirectoryWay::NtdsStopped)) {
        return Ok(());
    }
    let mine = scene.plan.steps.iter().filter(|step| step.server.as_ref() == Some(server));
    let before = mine.take_while(|step| step.action != Action::FinalSync);
    let guards = before.filter(|step| matches!(&step.action, Action::Manual(manual) if manual.guards_directory()));
    let mut seen = false;
    for step in guards.filter(|step| matches!(&step.action, Action::Manual(manual) if manual.asks.is_some())) {
        if !matches!(scene.state.step(&step.id).result(), Some(Outcome::Confirmed { .. })) {
            continue;
        }
        acts.ask(step).await.map_err(|trouble| {
            let text = format!("the directory of {server} is not down: {}", trouble.reason());
            Trouble::new(trouble.class, text)
                .hint(SAFE)
                .hint("Stop it again as the step says, and let its port refuse connections from here: silence shows nothing.")
                .hint("Then give the same command again.")
        })?;
        seen = true;
    }
    if seen {
        return Ok(());
    }
    Err(Trouble::new(Class::CheckFailed, format!("nothing shows that the directory of {server} is down")).hint(SAFE))
}
