//! `migrate verify`: every replica is read again as a whole.

use super::Whose;
use super::progress::Watcher;
use super::scene::{Scene, Story, no_server};
use crate::cli::Context;
use crate::cli::table::Table;
use crate::failure::{Failure, Kind};
use crate::migration::{self, Action, Observer, Reading, Record, Step, StepId};
use crate::model::{DiskId, ServerId};
use crate::replica::DiskReplica;
use serde_json::json;

pub(super) async fn run(whose: &Whose, only: Option<&ServerId>, context: &Context) -> Result<(), Failure> {
    let scene = Scene::open(whose, None, context)?;
    let operator = scene.operator(context)?;
    if let Some(server) = only.filter(|server| scene.plan.server(server).is_none()) {
        return Err(no_server(&scene, server));
    }
    let story = Story::open(&scene, context).await?;
    let replicas = scene.replicas(context);
    let mut readings: Vec<(&ServerId, &DiskId, Reading)> = Vec::new();
    for (server, disk) in replicas.keys().filter(|(server, _)| only.is_none_or(|only| only == server)) {
        let reading = read(&scene, server, disk, context).await?;
        let (holds, root) = (reading.holds, reading.root.clone());
        let record = Record::ReplicaVerified { server: server.clone(), disk: disk.clone(), holds, root };
        story.write(&scene, &operator, record).await?;
        readings.push((server, disk, reading));
    }
    print(&readings, context);
    let wrong: Vec<&str> = readings
        .iter()
        .filter(|(_, _, reading)| !reading.holds)
        .map(|(_, _, reading)| reading.wrong.as_str())
        .collect();
    if !wrong.is_empty() {
        return Err(Failure::new(Kind::Evidence, wrong.join("; "))
            .hint("The sources are untouched. What does not hold is marked; gates that it had opened are closed again.")
            .hint(format!("Look at the storage, then fetch it again: traghetto migrate run {}", scene.tenant.id)));
    }
    if readings.is_empty() {
        context.ui.status("there is no replica yet");
    }
    Ok(())
}

async fn read(scene: &Scene, server: &ServerId, disk: &DiskId, context: &Context) -> Result<Reading, Failure> {
    let folder = migration::server_folder(&scene.landing(context), &scene.tenant, server);
    let replica = DiskReplica::new(&folder, disk);
    let step = Step {
        id: StepId(format!("verify {server} {disk}")),
        activity: 0,
        server: Some(server.clone()),
        disk: Some(disk.clone()),
        action: Action::Verify,
    };
    let mut watcher = Watcher::new(&context.ui);
    let mut progress = |progress| watcher.progress(&step, progress);
    migration::verify(&replica, server, &mut progress).await.map_err(Failure::from)
}

fn print(readings: &[(&ServerId, &DiskId, Reading)], context: &Context) {
    if context.json {
        let lines = readings.iter().map(|(server, disk, reading)| {
            json!({ "server": server, "disk": disk, "holds": reading.holds, "root": reading.root, "wrong": reading.wrong })
        });
        context.ui.json(&lines.collect::<Vec<_>>());
        return;
    }
    if readings.is_empty() {
        return;
    }
    let mut table = Table::new(["Server", "Disk", "Holds", "Root"]);
    for (server, disk, reading) in readings {
        let holds = if reading.holds { "yes" } else { "NO" };
        table.row([server.to_string(), disk.to_string(), holds.to_owned(), reading.root.clone()]);
    }
    context.ui.data(&table.render());
}
