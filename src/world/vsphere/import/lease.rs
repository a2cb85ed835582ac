//! A lease: opened, kept alive, completed; or aborted, whatever ends it.

use super::{Import, REMOVAL};
use crate::world::vsphere::client::Client;
use crate::world::vsphere::inventory::is_gone;
use crate::world::vsphere::reading::answer::Properties;
use crate::world::vsphere::reading::objects::{self, LeaseInfo};
use crate::world::vsphere::reading::{Element, Fault};
use crate::world::vsphere::trouble::Trouble;
use crate::world::vsphere::watch::Waited;
use crate::world::vsphere::wire::machines::{self, Target};
use crate::world::vsphere::wire::{Moref, calls, names};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long a lease may take to be ready.
const READY: Duration = Duration::from_secs(120);
/// How often we look whether an aborted machine is gone, and how long between.
const LOOKS: usize = 10;
const BETWEEN: Duration = Duration::from_secs(1);

/// A lease that is open.
pub(super) struct Lease {
    client: Client,
    lease: Option<Moref>,
    /// The machine that comes to be with it.
    folder: Moref,
    name: String,
    id: String,
}

/// A task that tells the server that we live.
pub(super) struct Alive {
    task: JoinHandle<()>,
    /// How far we are.
    pub(super) percent: Arc<AtomicU8>,
    /// Why the lease ended under us.
    pub(super) ended: oneshot::Receiver<Trouble>,
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Lease {
    pub(super) async fn open(client: &Client, import: &Import<'_>, doing: &str) -> Result<Self, Trouble> {
        let home = import.home;
        let target = Target { folder: home.folder, pool: home.pool, host: home.host };
        let lease = client.call_object(&machines::import(&target, import.spec), doing).await?;
        let (folder, name, id) = (home.folder.clone(), import.spec.name.clone(), import.spec.id.clone());
        Ok(Self { client: client.clone(), lease: Some(lease), folder, name, id })
    }

    fn object(&self, doing: &str) -> Result<&Moref, Trouble> {
        let gone = || Trouble::Fault {
            server: self.client.server().to_owned(),
            doing: doing.to_owned(),
            fault: Fault::ManagedObjectNotFound { object: "the lease".to_owned() },
        };
        self.lease.as_ref().ok_or_else(gone)
    }

    /// Waits until disks may be sent.
    pub(super) async fn ready(&self, doing: &str) -> Result<LeaseInfo, Trouble> {
        let object = self.object(doing)?;
        let properties = &[names::LEASE_STATE, names::LEASE_ERROR];
        let deadline = Instant::now() + READY;
        let waited = Waited { object, kind: names::LEASE, properties, doing, deadline, limit: READY };
        let fault = self.client.wait_until(&waited, judge).await?;
        if let Some(fault) = fault {
            return Err(Trouble::Fault { server: self.client.server().to_owned(), doing: doing.to_owned(), fault });
        }
        let info = self.client.property(object, names::LEASE, names::LEASE_INFO, doing).await?.unwrap_or_default();
        self.client.read(objects::lease(&info), doing)
    }

    /// Tells the server from now on that we live, several times within its patience.
    pub(super) fn keep_alive(&self, timeout: u64, doing: &str) -> Alive {
        let often = self.client.deadlines().alive.min(Duration::from_secs(timeout.max(3) / 3));
        let percent = Arc::new(AtomicU8::new(0));
        let (tell, ended) = oneshot::channel();
        let (client, lease, doing, told) = (self.client.clone(), self.lease.clone(), doing.to_owned(), percent.clone());
        let task = tokio::spawn(async move {
            let Some(lease) = lease else { return };
            loop {
                let call = calls::lease_progress(&lease, told.load(Ordering::Relaxed));
                match client.call(&call, &doing).await {
                    Err(error) if !error.is_transient() => {
                        // Nobody listens who has finished.
                        let _ = tell.send(error);
                        return;
                    }
                    Err(error) => tracing::debug!(server = client.server(), %error, "the lease could not be told"),
                    Ok(_) => {}
                }
                tokio::time::sleep(often).await;
            }
        });
        Alive { task, percent, ended }
    }

    pub(super) async fn complete(&self, doing: &str) -> Result<(), Trouble> {
        self.client.call(&calls::lease_complete(self.object(doing)?), doing).await.map(|_| ())
    }

    /// The lease has ended well.
    pub(super) fn forget(&mut self) {
        self.lease = None;
    }

    /// Ends the lease, and sees to it that its machine is gone.
    pub(super) async fn abort(&mut self) {
        if let Some(lease) = self.lease.take() {
            clean(&self.client, &lease, &self.folder, &self.name, &self.id).await;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (Some(lease), Ok(runtime)) = (self.lease.take(), tokio::runtime::Handle::try_current()) else { return };
        let (client, folder) = (self.client.clone(), self.folder.clone());
        let (name, id) = (std::mem::take(&mut self.name), std::mem::take(&mut self.id));
        runtime.spawn(async move { clean(&client, &lease, &folder, &name, &id).await });
    }
}

/// None while it is not ready; then nothing, or why it never will be.
fn judge(properties: &Properties) -> Option<Option<Fault>> {
    let state = properties.get(names::LEASE_STATE)?;
    match state.text.trim() {
        "initializing" => None,
        "ready" => Some(None),
        _ => Some(Some(Fault::localized(properties.get(names::LEASE_ERROR).unwrap_or(&Element::default())))),
    }
}

/// Aborts a lease and removes what is left of its machine; what cannot be removed is logged, and is
/// removed by the next import, which knows a half by its mark.
async fn clean(client: &Client, lease: &Moref, folder: &Moref, name: &str, id: &str) {
    let doing = "abort an import";
    if let Err(error) = client.call(&calls::lease_abort(lease), doing).await {
        tracing::debug!(server = client.server(), %error, "the lease could not be aborted");
    }
    for _ in 0..LOOKS {
        match remove(client, folder, name, id).await {
            Ok(()) => return,
            Err(error) => tracing::debug!(server = client.server(), %error, "the half machine is still there"),
        }
        tokio::time::sleep(BETWEEN).await;
    }
    tracing::warn!(server = client.server(), name, "a half machine is left; the next import removes it");
}

async fn remove(client: &Client, folder: &Moref, name: &str, id: &str) -> Result<(), Trouble> {
    let Some(machine) = client.machine(folder, name, id).await? else { return Ok(()) };
    match client.state(&machine).await {
        // Another import has finished it meanwhile.
        Ok(state) if state.complete => Ok(()),
        Ok(_) => client.destroy_machine(&machine, REMOVAL).await,
        Err(error) if is_gone(&error) => Ok(()),
        Err(error) => Err(error),
    }
}
