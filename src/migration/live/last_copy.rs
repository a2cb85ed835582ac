//! The last copy of a disk: it stands still, is copied, and stood still all the time.

use super::shaping::Shown;
use super::snapshot::{self, Volume};
use super::trouble::{of_agent, of_quiesce, of_shell};
use super::{Live, Reached};
use crate::migration::quiesce::{Quiesce, Unfit};
use crate::migration::record::Class;
use crate::migration::run::{LastCopy, Progress, Trouble};
use crate::model::server::{Disk, Server};
use crate::model::{DiskId, ServerId};
use crate::replica::{MapWanted, Use, Way};
use crate::survey::{self, Mark, Survey};
use crate::untrusted::one_line;
use crate::world::Shell;
use crate::world::ssh::Session;
use serde_json::json;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a server may take to say what it is; its slow commands have 10 s each.
const SURVEY: Duration = Duration::from_secs(120);
/// How long LVM may take; scripts try for ten seconds what something else holds up.
const LVM: Duration = Duration::from_secs(60);
/// How long a frozen source waits for a sign of us before it goes on by itself.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a source is kept frozen for a copy that makes no progress: its link may be on the backup.
const STALLED: Duration = Duration::from_secs(120);
/// Bytes on the link that are no progress: an agent that may not send says every few seconds that it lives.
const SIGNS_OF_LIFE: u64 = 16 << 10;

const KEPT: &str = "The replica is as the last sync left it.";

impl<F> Live<'_, F> {
    /// Brings the replica up to date from a source that stands still.
    pub(super) async fn copy_still(
        &self,
        id: &ServerId,
        disk: &DiskId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<LastCopy, Trouble> {
        let server = self.server(id)?;
        let described = server.disks.iter().find(|candidate| candidate.id == *disk);
        let described = described.ok_or_else(|| Trouble::new(Class::Failed, format!("{id} has no disk {disk}")))?;
        let session = self.log_in(id).await?;
        let quiesce = found(&session, server, described).await?;
        let motion = Motion::default();
        let mut watch = |now: Progress| {
            motion.see(now);
            progress(now);
        };
        let shown = Shown::to(&mut watch);
        let reached = self.reach(session, id, disk, &shown).await?;
        // The line may have held us for days: what is running now counts.
        let quiesce =
            if quiesce == Quiesce::Offline { quiesce } else { found(&reached.session, server, described).await? };
        match quiesce {
            Quiesce::Offline => copy_offline(reached).await,
            Quiesce::Snapshot => copy_snapshot(reached).await,
            Quiesce::Freeze | Quiesce::ReadOnly => copy_frozen(reached, &motion).await,
        }
    }
}

/// When a copy last went on.
struct Motion(Mutex<(u64, u64, Instant)>);

impl Default for Motion {
    fn default() -> Self {
        Self(Mutex::new((0, 0, Instant::now())))
    }
}

impl Motion {
    fn see(&self, now: Progress) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.done != last.0 || now.link.abs_diff(last.1) >= SIGNS_OF_LIFE {
            *last = (now.done, now.link, Instant::now());
        }
    }

    fn begin(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).2 = Instant::now();
    }

    /// Ends when the copy has stood still for too long.
    async fn stalled(&self) {
        loop {
            let since = self.0.lock().unwrap_or_else(PoisonError::into_inner).2;
            match STALLED.checked_sub(since.elapsed()) {
                Some(left) if !left.is_zero() => tokio::time::sleep(left).await,
                _ => return,
            }
        }
    }
}

async fn copy_offline(mut reached: Reached<'_>) -> Result<LastCopy, Trouble> {
    unused(&mut reached).await?;
    let mut ended = reached.pass(MapWanted::Quiet).await?;
    unused(&mut reached).await?;
    ended.facts["quiesce"] = json!(Quiesce::Offline.word());
    Ok(LastCopy { ended, quiesce: Quiesce::Offline })
}

/// Freezes, copies, thaws. Whatever ends this early drops the link to the agent, and so thaws.
async fn copy_frozen(mut reached: Reached<'_>, motion: &Motion) -> Result<LastCopy, Trouble> {
    let (id, begun) = (reached.server, Instant::now());
    let uses = reached.agent.freeze(&reached.source, PATIENCE).await.map_err(|error| of_quiesce(error, id))?;
    let frozen: Vec<String> = uses.iter().filter(|one| one.way == Way::Written).map(Use::to_string).collect();
    let quiesce = if frozen.is_empty() { Quiesce::ReadOnly } else { Quiesce::Freeze };
    motion.begin();
    let copied = tokio::select! {
        copied = reached.pass(MapWanted::Quiet) => copied,
        () = motion.stalled(), if quiesce == Quiesce::Freeze => Err(stalled(id)),
    };
    let mut ended = copied?;
    let held = reached.agent.thaw().await.map_err(|error| of_agent(error, id, &reached.replica))?;
    if quiesce == Quiesce::Freeze && !held {
        return Err(Trouble::new(Class::CheckFailed, format!("{id} did not stay frozen while it was copied"))
            .hint("The source goes on; this copy is of no single moment and does not count.")
            .hint("Find out who thawed or mounted something; then give the same command again."));
    }
    ended.facts["quiesce"] = json!(quiesce.word());
    if quiesce == Quiesce::Freeze {
        ended.facts["frozen"] = json!(frozen);
        ended.facts["frozen_seconds"] = json!(begun.elapsed().as_secs_f64());
    }
    Ok(LastCopy { ended, quiesce })
}

fn stalled(id: &ServerId) -> Trouble {
    let text = format!("the copy of {id} made no progress for {} s while it was frozen", STALLED.as_secs());
    Trouble::new(Class::Unreachable, text)
        .hint("The source is thawed and goes on; what was acknowledged is safe in the replica.")
        .hint("Look at the link with `migrate status`; then give the same command again.")
}

/// Makes a snapshot of the volume, copies it, and removes it whatever came of it. What a killed run left
/// behind is found by its name and removed first.
async fn copy_snapshot(reached: Reached<'_>) -> Result<LastCopy, Trouble> {
    let id = reached.server;
    let looked = script(&reached.session, id, "show the volume", &snapshot::look(&reached.source)).await?;
    let volume = snapshot::parse(&looked, &reached.source).map_err(|error| {
        Trouble::new(Class::CheckFailed, error)
            .hint(format!("Nothing was copied. {KEPT}"))
            .hint("Free space in the group, or remove `snapshot: allowed`: its filesystems are frozen instead.")
    })?;
    script(&reached.session, id, "remove the snapshot of an earlier run", &volume.remove()).await?;
    let (session, copied) = match script(&reached.session, id, "make a snapshot", &volume.create()).await {
        Ok(_) => copy_made(&volume, reached).await,
        Err(trouble) => (reached.session, Err(trouble)),
    };
    let removed = script(&session, id, "remove the snapshot", &volume.remove()).await;
    match (copied, removed) {
        (Err(trouble), Err(_)) => Err(trouble.hint(format!(
            "The snapshot {} may still be there: the next final sync removes it, or lvremove does.",
            volume.snapshot()
        ))),
        (copied, removed) => removed.and(copied),
    }
}

/// Copies a snapshot that was made, and looks whether it held.
async fn copy_made(volume: &Volume, mut reached: Reached<'_>) -> (Session, Result<LastCopy, Trouble>) {
    reached.source = volume.device();
    reached.options.snapshot = true;
    let copied = reached.pass(MapWanted::Quiet).await;
    let fill = script(&reached.session, reached.server, "show the snapshot", &volume.fill()).await;
    // The agent holds the snapshot open as long as it lives.
    let Reached { session, agent, .. } = reached;
    drop(agent);
    let ended = copied.and_then(|mut ended| {
        let Some(percent) = snapshot::valid(&fill?) else {
            return Err(Trouble::new(Class::CheckFailed, format!("the snapshot {} overflowed", volume.snapshot()))
                .hint("The source goes on; this copy is of no single moment and does not count.")
                .hint("Free space in its volume group, or stop what writes; then give the same command again."));
        };
        ended.facts["quiesce"] = json!(Quiesce::Snapshot.word());
        ended.facts["snapshot"] = json!({ "volume": volume.snapshot(), "percent": percent });
        Ok(LastCopy { ended, quiesce: Quiesce::Snapshot })
    });
    (session, ended)
}

/// Runs a script of ours on the source; its output if it ended well.
async fn script(session: &Session, id: &ServerId, what: &str, text: &str) -> Result<Vec<u8>, Trouble> {
    let output = session.run(text, LVM).await.map_err(|error| of_shell(error, id))?;
    if output.status == 0 {
        return Ok(output.stdout);
    }
    let said = one_line(&output.stderr);
    Err(Trouble::new(Class::Failed, format!("{id} cannot {what}: {said}"))
        .hint("The volume itself was not changed, and the replica counts only once a copy ended well.")
        .hint(format!("Look at `lvs` on {id}; then give the same command again.")))
}

/// How the disk can stand still, as the server is now.
async fn found(session: &Session, server: &Server, disk: &Disk) -> Result<Quiesce, Trouble> {
    if Quiesce::intended(server, disk) == Quiesce::Offline {
        return Ok(Quiesce::Offline);
    }
    let survey = ask(session, server).await?;
    Quiesce::found(server, disk, &survey).map_err(|unfit| {
        let hint = unfit.hint();
        let waits = matches!(unfit, Unfit::Running { .. });
        let safe = if waits { "Nothing was stopped, frozen or copied." } else { "Nothing was frozen or copied." };
        Trouble::new(Class::CheckFailed, unfit).hint(format!("{safe} {KEPT}")).hint(hint)
    })
}

async fn ask(session: &Session, server: &Server) -> Result<Survey, Trouble> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| Trouble::new(Class::Failed, error))?;
    let mark = Mark::new(random);
    let sources = server.disks.iter().filter_map(|disk| disk.source.as_deref());
    let output = session.run(&survey::script(&mark, sources), SURVEY).await;
    let output = output.map_err(|error| of_shell(error, &server.id))?;
    survey::parse(&output.stdout, &mark).map_err(|malformed| {
        Trouble::new(Class::Failed, malformed)
            .hint(format!("Nothing was frozen or copied. {KEPT}"))
            .hint("Look at what the server says to `traghetto survey`.")
    })
}

/// A disk that a rescue system uses.
#[derive(Debug, thiserror::Error)]
#[error("the disk {disk} of {server} is in use: {}", used.join(", "))]
struct InUse {
    server: ServerId,
    disk: DiskId,
    used: Vec<String>,
}

/// Finds out that nothing uses the disk.
async fn unused(reached: &mut Reached<'_>) -> Result<(), Trouble> {
    let server = reached.server;
    let used = reached.agent.uses(&reached.source).await.map_err(|error| of_quiesce(error, server))?;
    if used.is_empty() {
        return Ok(());
    }
    let used = used.iter().map(Use::to_string).collect();
    Err(Trouble::new(Class::CheckFailed, InUse { server: server.clone(), disk: reached.replica.disk().clone(), used })
        .hint("This copy does not count: it may be of no single moment.")
        .hint("Unmount it, or boot the server from the rescue system; then give the same command again."))
}
