//! Waits for a property to change, without asking again and again.
//!
//! A watch has a collector of its own on the server, which is destroyed with it; what is dropped
//! half-way is destroyed by a task, and if that fails, with the session.

use super::client::Client;
use super::reading::Fault;
use super::reading::answer::{self, Properties};
use super::trouble::Trouble;
use super::wire::{Moref, calls};
use std::time::Duration;
use tokio::time::Instant;

/// How long the server may hold an answer back; less than what we wait for it.
const HOLD: Duration = Duration::from_secs(20);
/// How long we rest when the server answers at once, and with nothing.
const REST: Duration = Duration::from_millis(200);
/// How long we rest when it cannot be asked.
const LONG_REST: Duration = Duration::from_secs(2);

/// What is waited for.
pub(super) struct Waited<'a> {
    pub(super) object: &'a Moref,
    pub(super) kind: &'static str,
    pub(super) properties: &'a [&'static str],
    pub(super) doing: &'a str,
    /// The end of our patience, and how long it was.
    pub(super) deadline: Instant,
    pub(super) limit: Duration,
}

impl Client {
    /// Waits until `judge` finds what it looks for in the properties as they are then.
    ///
    /// # Errors
    /// The object is gone, the server cannot be asked, or the time is over.
    pub(super) async fn wait_until<T>(
        &self,
        waited: &Waited<'_>,
        mut judge: impl FnMut(&Properties) -> Option<T>,
    ) -> Result<T, Trouble> {
        loop {
            match self.wait_once(waited, &mut judge).await {
                Ok(found) => return Ok(found),
                Err(error) if !may_watch_again(&error) => return Err(error),
                Err(error) if Instant::now() + LONG_REST >= waited.deadline => return Err(error),
                Err(error) => {
                    tracing::debug!(server = self.server(), %error, "watching anew");
                    let pause = if error.is_transient() { LONG_REST } else { REST };
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    async fn wait_once<T>(
        &self,
        waited: &Waited<'_>,
        judge: &mut impl FnMut(&Properties) -> Option<T>,
    ) -> Result<T, Trouble> {
        let mut watch = Watch::open(self, waited).await?;
        let mut properties = Properties::new();
        let found = loop {
            match watch.next(waited).await {
                Ok(changes) => {
                    for (name, value) in changes {
                        match value {
                            Some(value) => properties.insert(name, value),
                            None => properties.remove(&name),
                        };
                    }
                }
                Err(error) => break Err(error),
            }
            if let Some(found) = judge(&properties) {
                break Ok(found);
            }
            if Instant::now() >= waited.deadline {
                let (server, doing) = (self.server().to_owned(), waited.doing.to_owned());
                break Err(Trouble::Deadline { server, doing, seconds: waited.limit.as_secs(), may_be_done: true });
            }
        };
        watch.close().await;
        found
    }
}

/// Whether the watch is to be opened anew: it ended with the session, or the line was cut.
fn may_watch_again(error: &Trouble) -> bool {
    match error {
        Trouble::Fault { fault: Fault::NotAuthenticated, .. } | Trouble::Unreachable { .. } => true,
        Trouble::Fault { fault: Fault::Other { kind, .. }, .. } => kind == "InvalidCollectorVersion",
        Trouble::Status { .. } => error.is_transient(),
        _ => false,
    }
}

/// A collector of our own, with one filter.
struct Watch {
    client: Client,
    collector: Option<Moref>,
    version: String,
}

impl Watch {
    async fn open(client: &Client, waited: &Waited<'_>) -> Result<Self, Trouble> {
        let parent = &client.content().collector;
        let collector = client.call_object(&calls::create_collector(parent), waited.doing).await?;
        let filter = calls::create_filter(&collector, waited.object, waited.kind, waited.properties);
        let watch = Self { client: client.clone(), collector: Some(collector), version: String::new() };
        client.call(&filter, waited.doing).await?;
        Ok(watch)
    }

    /// What has changed; nothing after a while in which nothing did.
    async fn next(&mut self, waited: &Waited<'_>) -> Result<Vec<(String, Option<super::reading::Element>)>, Trouble> {
        let Some(collector) = &self.collector else { return Ok(Vec::new()) };
        let left = waited.deadline.saturating_duration_since(Instant::now());
        let hold = left.min(HOLD).min(self.client.deadlines().answer / 2).max(Duration::from_secs(1));
        let asked = Instant::now();
        let call = calls::wait_for_updates(collector, &self.version, hold);
        let returned = self.client.call(&call, waited.doing).await?;
        let updates = returned.first().map(answer::updates).transpose();
        let Some(updates) = self.client.read(updates, waited.doing)? else { return Ok(Vec::new()) };
        if updates.gone {
            let (server, doing) = (self.client.server().to_owned(), waited.doing.to_owned());
            let fault = Fault::ManagedObjectNotFound { object: waited.object.to_string() };
            return Err(Trouble::Fault { server, doing, fault });
        }
        if updates.changes.is_empty() && asked.elapsed() < REST {
            tokio::time::sleep(REST).await;
        }
        self.version = updates.version;
        Ok(updates.changes)
    }

    async fn close(mut self) {
        if let Some(collector) = self.collector.take() {
            destroy(&self.client, &collector).await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let (Some(collector), Ok(runtime)) = (self.collector.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let client = self.client.clone();
        runtime.spawn(async move { destroy(&client, &collector).await });
    }
}

async fn destroy(client: &Client, collector: &Moref) {
    // It ends with the session at the latest.
    if let Err(error) = client.call(&calls::destroy_collector(collector), "forget what it watches").await {
        tracing::debug!(server = client.server(), %error, "a collector stays until the session ends");
    }
}
