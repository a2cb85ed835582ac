//! What people undo by hand when a server that was replaced is taken back, in the order in which it is undone.

use super::scene::{Scene, Story};
use crate::cli::{Context, Lang};
use crate::migration::{self, Action, Shown, Step, StepResult, WayBack, is_off_again, machine_off, may_have_machine};
use crate::model::ServerId;

/// Tells it for `server`, the latest first: the old one is switched on, and only then data and users come back to it.
pub(super) fn tell(scene: &Scene, story: &Story, server: &ServerId, context: &Context) {
    let WayBack::Open { undo, .. } = migration::way_back(&scene.plan, &story.state, server) else { return };
    let it = context.lang == Lang::It;
    if undo.is_empty() {
        let none = if it {
            format!("{server}: il vecchio server continua com'era, non c'è nulla da disfare")
        } else {
            format!("{server}: the old server goes on as it was, nothing is to be undone")
        };
        context.ui.status(&none);
        return;
    }
    context.ui.status(&if it {
        format!("{server}: a mano, in quest'ordine:")
    } else {
        format!("{server}: by hand, in this order:")
    });
    // The new machine may have its address: that it has given it up can be seen only while the routes lead to it.
    let waits = may_have_machine(&scene.plan, &story.state, server) && !is_off_again(&story.state, server);
    let mut all: Vec<Vec<String>> =
        undo.iter().map(|step| of_step(scene, story, server, step, (waits, context))).collect();
    if waits {
        all.insert(after_address(&undo), vec![see_silent(it, scene, server)]);
    }
    for (number, line) in all.iter().flatten().enumerate() {
        context.ui.status(&format!("  {}. {line}", number + 1));
    }
}

/// Where, in what is undone, the address was taken from the new machine and nothing else was touched.
fn after_address(undo: &[&Step]) -> usize {
    let takes = |step: &&Step| matches!(&step.action, Action::Manual(manual) if manual.takes_address());
    let routes = |step: &&Step| matches!(step.action, Action::Route | Action::Fence);
    undo.iter().rposition(takes).map(|at| at + 1).or_else(|| undo.iter().position(routes)).unwrap_or(0)
}

/// How it is seen that the new machine has given the address up.
fn see_silent(it: bool, scene: &Scene, server: &ServerId) -> String {
    let said = machine_off(&scene.plan, server);
    if it {
        return format!(
            "prima di toccare le rotte vedere che all'indirizzo di {server} nulla risponde: questo comando ripetuto, o \
             «migrate run»; dove da qui non si vede, chi lo ha visto lo dichiara: {said}"
        );
    }
    format!(
        "before its routes are touched see that nothing answers at the address of {server}: this command repeated, or \
         `migrate run`; where that cannot be seen from here, who saw it says so: {said}"
    )
}

/// What is undone of a step, a line each.
fn of_step(
    scene: &Scene,
    story: &Story,
    server: &ServerId,
    step: &Step,
    (waits, context): (bool, &Context),
) -> Vec<String> {
    let it = context.lang == Lang::It;
    match &step.action {
        Action::Manual(manual) => {
            manual.back.iter().map(|back| format!("{}: {}", step.id, context.in_language(back))).collect()
        }
        Action::Route => routes_back(scene, story, server),
        Action::Fence => vec![switch_on(it, server, waits)],
        _ => Vec::new(),
    }
}

/// The old server goes on, after the routes where the new machine may still have its address.
fn switch_on(it: bool, server: &ServerId, wait: bool) -> String {
    let (when, what) = if it {
        (
            "solo dopo che si è visto, o dichiarato, che al suo indirizzo nulla risponde: ",
            format!("riaccendere il vecchio {server} dai suoi dischi e vedere che risponde"),
        )
    } else {
        (
            "only once it was seen, or said, that nothing answers at its address: ",
            format!("switch the old {server} on from its own disks and see that it answers"),
        )
    };
    if wait { format!("{when}{what}") } else { what }
}

/// The routes first: until they lead back, nobody reaches a source that goes on.
pub(super) fn routes_back(scene: &Scene, story: &Story, server: &ServerId) -> Vec<String> {
    let tenant = &scene.tenant.id;
    if migration::pushed(&story.events, server).is_some() {
        return vec![format!(
            "before {server} goes on: traghetto network push {tenant} --class cutover --server {server} --back"
        )];
    }
    let mut routes = scene.plan.steps.iter().filter(|step| step.action == Action::Route);
    let led = routes.any(|step| {
        let result = story.state.step(&step.id).result();
        step.server.as_ref() == Some(server) && matches!(result, Some(StepResult::Routed(Shown::Person { .. })))
    });
    let kit = format!("before {server} goes on, its routes go back: traghetto network kit {tenant} --server {server}");
    if led { vec![kit] } else { Vec::new() }
}
