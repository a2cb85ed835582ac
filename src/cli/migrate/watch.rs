//! `migrate status --watch`: the copies, drawn once a second on 80 columns; with `--notify` people are told what
//! falls due while no run is at work.

use super::Whose;
use super::copying::{at_rest, at_work};
use super::notices::Office;
use super::scene::{Replicas, Scene, Story};
use super::status::{self, Args};
use crate::cli::wrap::COLUMNS;
use crate::cli::{Context, Lang, journal};
use crate::failure::{Failure, Kind};
use crate::migration::{ServerStatus, Status};
use crate::model::calendar::rome;
use crate::untrusted::printable;
use jiff::Timestamp;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// Lines of a page: the smallest terminal that people use.
const ROWS: usize = 24;
/// Between two pages.
const EVERY: Duration = Duration::from_secs(1);
/// Between two counts of what is on the landing host: it reads 32 bytes for each chunk of each disk.
const COUNTED_EVERY: Duration = Duration::from_secs(15);

/// Between two looks at inventory and playbook.
const READ_EVERY: Duration = Duration::from_secs(10);

/// Draws, and tells people where that is wanted, until Ctrl-C or the end of the service.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let scene = &Scene::open(&args.whose, None, context)?;
    if !args.notify {
        return draw(scene, context).await;
    }
    let drawing = async {
        // A page that cannot be drawn keeps nobody from being told.
        if let Err(failure) = draw(scene, context).await {
            context.ui.warn(&failure.render());
        }
    };
    tokio::join!(drawing, tell(&args.whose, context)).1
}

/// Tells what falls due, by the inventory and the playbook as they are at the time: it may run for weeks.
async fn tell(whose: &Whose, context: &Context) -> Result<(), Failure> {
    let ended = ended();
    tokio::pin!(ended);
    let mut scene = Scene::open(whose, None, context)?;
    loop {
        let operator = scene.operator(context)?;
        let journal = journal::open(context, &scene.inventory).await?;
        let office = Office::open(&scene, &journal, &operator, context).ok_or_else(|| nobody(&scene))?;
        let mut changed = None;
        let until = async {
            tokio::select! {
                () = &mut ended => {}
                fresh = another(&scene, whose, context) => changed = Some(fresh),
            }
        };
        office.keep_watch(until).await;
        match changed {
            Some(fresh) => scene = fresh,
            None => return Ok(()),
        }
    }
}

/// Waits until inventory or playbook say something else. While they cannot be read, what they said last holds.
async fn another(scene: &Scene, whose: &Whose, context: &Context) -> Scene {
    let mut told = false;
    loop {
        tokio::time::sleep(READ_EVERY).await;
        match Scene::open(whose, None, context) {
            Ok(fresh) if fresh.inventory != scene.inventory || fresh.plan.digest() != scene.plan.digest() => {
                return fresh;
            }
            Ok(_) => told = false,
            Err(failure) => {
                if !std::mem::replace(&mut told, true) {
                    context.ui.warn(&failure.render());
                }
            }
        }
    }
}

fn nobody(scene: &Scene) -> Failure {
    Failure::new(Kind::Usage, format!("nobody is to be told of {}", scene.tenant.id))
        .hint("Nothing was done. Name programs or URLs under `notify` in inventory/project.yaml.")
}

/// Draws until Ctrl-C; one page where stdout is no terminal.
async fn draw(scene: &Scene, context: &Context) -> Result<(), Failure> {
    let mut replicas = scene.replicas(context);
    let mut counted = Instant::now();
    let mut page = drawn(scene, &replicas, context).await?;
    let Some(mut screen) = context.ui.screen() else {
        context.ui.data(&page);
        return Ok(());
    };
    let ended = ended();
    tokio::pin!(ended);
    loop {
        screen.draw(&format!("{page}\nCtrl-C leaves; the run goes on."));
        tokio::select! {
            () = &mut ended => break,
            () = tokio::time::sleep(EVERY) => {}
        }
        if counted.elapsed() >= COUNTED_EVERY {
            replicas = scene.replicas(context);
            counted = Instant::now();
        }
        page = drawn(scene, &replicas, context).await?;
    }
    drop(screen);
    // What was last seen stays on the terminal.
    context.ui.data(&page);
    Ok(())
}

/// Ctrl-C, or SIGTERM as services are ended.
async fn ended() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => _ = signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

async fn drawn(scene: &Scene, replicas: &Replicas, context: &Context) -> Result<String, Failure> {
    let story = Story::open(scene, context).await?;
    let status = status::with(scene, &story, replicas, context)?;
    let now = story.journal.now();
    let deadlines = status::deadlines(scene, &status, now, context);
    Ok(page(&scene.tenant.name, &status, &deadlines, now, context.lang))
}

fn page(name: &str, status: &Status, deadlines: &[String], now: Timestamp, lang: Lang) -> String {
    let (word, what) = match lang {
        Lang::It => ("ORA", &status.next.what.it),
        Lang::En => ("NOW", &status.next.what.en),
    };
    let clock = now.to_zoned(rome()).strftime("%a %d/%m %H:%M:%S").to_string();
    let title = fitted(&format!("{name}, phase {}", status.phase.word()), COLUMNS - clock.len() - 2);
    let width = COLUMNS - clock.len();
    let mut lines = vec![format!("{title:<width$}{clock}"), format!("{word}: {what}")];
    lines.extend_from_slice(deadlines);
    lines.push(String::new());
    // What is copied now comes first: on a small terminal the rest is cut.
    let (working, resting): (Vec<_>, Vec<_>) = status.servers.iter().partition(|server| server.copying.live.is_some());
    for server in working.into_iter().chain(resting) {
        lines.push(heading(server));
        lines.extend(at_work(server));
        if server.copying.live.is_none() {
            lines.push(at_rest(&server.copying));
        }
    }
    let room = ROWS - 2;
    if lines.len() > room {
        let more = lines.len() - (room - 1);
        lines.truncate(room - 1);
        lines.push(format!("... {more} more lines; all of it: traghetto migrate status {}", status.tenant));
    }
    lines.iter().map(|line| fitted(&printable(line), COLUMNS) + "\n").collect()
}

fn heading(server: &ServerStatus) -> String {
    let step = server.step.as_ref().map(|step| format!(", next {step}")).unwrap_or_default();
    format!("{}: {}{step}", server.server, server.phase.word())
}

/// At most so many characters.
fn fitted(line: &str, columns: usize) -> String {
    if line.chars().count() <= columns {
        return line.to_owned();
    }
    line.chars().take(columns.saturating_sub(1)).chain(['…']).collect()
}
