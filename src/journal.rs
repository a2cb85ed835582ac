//! What happened: hash-chained events, their mirror beside the replicas, and leases.
//!
//! Migration, checklists and fees all write here. An event is one JSON line whose `prev` is the
//! SHA-256 of the previous line's bytes with its newline, so that `sha256sum` proves the chain. It
//! is appended and synced to the mirror first and then committed to the store: a kill between the
//! two leaves the mirror one event longer, and the longer valid chain wins when they next meet. A
//! chain that is broken in the middle, or two chains that tell different stories, is never repaired.

mod blobs;
mod chain;
pub mod event;
mod lease;
mod mirror;
mod sqlite;
pub mod store;

pub use blobs::Blobs;
pub use chain::{Chain, ChainError};
pub use event::Event;
pub use lease::Lease;
pub use sqlite::SqliteStore;
pub use store::Holder;

use crate::model::TenantId;
use event::{Broken, Line};
use jiff::Timestamp;
use mirror::Mirror;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use store::{Fence, Store, StoreError};

/// Why the journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The state URL names no kind of store that we have. Only its scheme is shown: a URL may hold a password.
    #[error("a state store of kind `{scheme}` is not built; use sqlite:PATH")]
    Scheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// The state URL has no path.
    #[error("the state URL names no file; use sqlite:PATH")]
    NoPath,
    /// The store cannot be read or written.
    #[error("the state store {} cannot be used", path.display())]
    Store {
        /// Its file.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The mirror or a lock file cannot be read or written.
    #[error("{} cannot be written", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A chain of events does not verify.
    #[error("the events of {tenant} in {place} do not verify")]
    Broken {
        /// Whose events.
        tenant: String,
        /// Store or mirror file.
        place: String,
        /// Where and why.
        #[source]
        source: Broken,
    },
    /// Store and mirror tell different stories.
    #[error("the state store and {} differ from event {seq} of {tenant} on", mirror.display())]
    Forked {
        /// Whose events.
        tenant: String,
        /// The mirror file.
        mirror: PathBuf,
        /// The first event that differs.
        seq: u64,
    },
    /// The journal and a file of events tell different stories.
    #[error("the journal here and the file differ from event {seq} of {tenant} on")]
    OtherStory {
        /// Whose events.
        tenant: String,
        /// The first event that differs.
        seq: u64,
    },
    /// The journal goes on where a file of events ends.
    #[error("the journal here has {here} events of {tenant}, the file only the first {there} of them")]
    Ahead {
        /// Whose events.
        tenant: String,
        /// How many are here.
        here: u64,
        /// How many are in the file.
        there: u64,
    },
    /// Somebody else is at work.
    #[error("{subject} is held by {holder}")]
    Held {
        /// What is held, such as `tenant/cinto-caomaggiore`.
        subject: String,
        /// By whom.
        holder: Box<Holder>,
    },
    /// Somebody else has taken over our lease.
    #[error("{subject} was taken over by {holder}")]
    TakenOver {
        /// What was taken over.
        subject: String,
        /// By whom.
        holder: Box<Holder>,
    },
    /// Others append faster than we can.
    #[error("the events of {tenant} changed under our hands again and again")]
    Busy {
        /// Whose events.
        tenant: String,
    },
}

/// Something that was put right when store and mirror met, to be told to the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Repair {
    /// The mirror ended in half a line, as after a kill or a full disk.
    #[error("{tenant}: cut {bytes} bytes of an unfinished event from the end of the mirror")]
    TornLine {
        /// Whose mirror.
        tenant: String,
        /// Bytes cut.
        bytes: u64,
    },
    /// The store lacked events that the mirror had.
    #[error("{tenant}: took {events} events from the mirror into the state store")]
    StoreBehind {
        /// Whose events.
        tenant: String,
        /// How many.
        events: u64,
    },
    /// The mirror lacked events that the store had.
    #[error("{tenant}: wrote {events} events of the state store to the mirror")]
    MirrorBehind {
        /// Whose events.
        tenant: String,
        /// How many.
        events: u64,
    },
}

/// The clock that dates events: an argument, so that a rehearsal can bring its own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The events of all tenants, and the leases.
pub struct Journal<S = SqliteStore> {
    store: S,
    mirror: Option<PathBuf>,
    clock: Clock,
    repairs: Mutex<Vec<Repair>>,
    /// One append at a time in this process; the mirror's file lock keeps other processes out.
    turn: tokio::sync::Mutex<()>,
}

/// How often an append is tried again when another writer was faster.
const ATTEMPTS: usize = 16;

/// The file of `sqlite:PATH`, relative to `root`.
fn store_path(state_url: &str, root: &Path) -> Result<PathBuf, JournalError> {
    match state_url.split_once(':') {
        Some(("sqlite", path)) if path.trim_start_matches('/').is_empty() => Err(JournalError::NoPath),
        Some(("sqlite", path)) => Ok(root.join(path.strip_prefix("//").unwrap_or(path))),
        Some((scheme, _)) => Err(JournalError::Scheme { scheme: scheme.to_owned() }),
        None => Err(JournalError::Scheme { scheme: "file name".to_owned() }),
    }
}

impl Journal<SqliteStore> {
    /// Opens the store of `state_url` (`sqlite:PATH`, relative to `root`), creating it if need be.
    ///
    /// `mirror` is the folder of the replicas: the events of a tenant go to `TENANT/events.jsonl` in it.
    pub async fn open(state_url: &str, root: &Path, mirror: Option<&Path>) -> Result<Self, JournalError> {
        let store = SqliteStore::open(&store_path(state_url, root)?).await?;
        Ok(Self::new(store, mirror))
    }

    /// Like [`Self::open`], but none where nothing was ever journaled: a command that only reads creates nothing.
    pub async fn open_existing(
        state_url: &str,
        root: &Path,
        mirror: Option<&Path>,
    ) -> Result<Option<Self>, JournalError> {
        let begun = store_path(state_url, root)?.exists() || mirror.is_some_and(Path::exists);
        if begun { Self::open(state_url, root, mirror).await.map(Some) } else { Ok(None) }
    }
}

impl<S: Store> Journal<S> {
    /// A journal over `store`.
    pub fn new(store: S, mirror: Option<&Path>) -> Self {
        Self {
            store,
            mirror: mirror.map(Path::to_owned),
            clock: Arc::new(Timestamp::now),
            repairs: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// The same journal with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The random id of the store: a replica records it and refuses another.
    pub fn store_id(&self) -> &str {
        self.store.id()
    }

    /// The time of the journal's clock.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// What was put right since the last call.
    pub fn take_repairs(&self) -> Vec<Repair> {
        self.repairs.lock().map(|mut repairs| std::mem::take(&mut *repairs)).unwrap_or_default()
    }

    /// Where blobs of a tenant are kept; none without a mirror.
    pub fn blobs(&self, tenant: &TenantId) -> Option<Blobs> {
        self.mirror.as_ref().map(|folder| Blobs::new(folder.join(tenant.as_str()).join(blobs::FOLDER)))
    }

    /// All events of a tenant, oldest first, after the whole chain was verified.
    pub async fn events(&self, tenant: &TenantId) -> Result<Vec<Event>, JournalError> {
        Ok(self.lines(tenant).await?.into_iter().map(|(_, event)| event).collect())
    }

    /// The same, each with the exact text of its line: what the chain covers.
    pub async fn lines(&self, tenant: &TenantId) -> Result<Vec<(String, Event)>, JournalError> {
        let _turn = self.turn.lock().await;
        // Whoever only looks at a tenant without a past leaves no folder behind.
        let mirrored = self.mirror_file(tenant).is_some_and(|file| file.exists());
        if !mirrored && self.store.tail(tenant).await.map_err(|error| self.store_error(error))?.is_none() {
            return Ok(Vec::new());
        }
        let mirror = self.lock_mirror(tenant).await?;
        let lines = self.reconcile(tenant, mirror.as_ref()).await?;
        Ok(lines.into_iter().map(|line| (line.text, line.event)).collect())
    }

    /// Appends one event and returns it. It is on disk twice when this returns.
    pub async fn append(
        &self,
        tenant: &TenantId,
        operator: &str,
        kind: &str,
        data: Value,
    ) -> Result<Event, JournalError> {
        self.append_fenced(tenant, operator, kind, data, None).await
    }

    /// Appends one event only as long as `lease` is ours: after a take-over it fails.
    pub async fn append_under(
        &self,
        lease: &Lease,
        tenant: &TenantId,
        operator: &str,
        kind: &str,
        data: Value,
    ) -> Result<Event, JournalError> {
        self.append_fenced(tenant, operator, kind, data, Some(lease.fence())).await
    }

    /// Whether `lease` is still ours.
    ///
    /// # Errors
    /// It was taken over.
    pub async fn still_ours(&self, lease: &Lease) -> Result<(), JournalError> {
        self.check_fence(lease.fence()).await
    }

    async fn append_fenced(
        &self,
        tenant: &TenantId,
        operator: &str,
        kind: &str,
        data: Value,
        fence: Option<Fence<'_>>,
    ) -> Result<Event, JournalError> {
        let _turn = self.turn.lock().await;
        for _ in 0..ATTEMPTS {
            let mirror = self.lock_mirror(tenant).await?;
            let last = self.tail(tenant, mirror.as_ref()).await?;
            if let Some(fence) = fence {
                self.check_fence(fence).await?;
            }
            let line = Line::next(last.as_ref(), &self.now(), tenant, operator, kind, data.clone());
            let kept = mirror.as_ref().map(|mirror| mirror.append(&line.text)).transpose()?;
            let done = self.store.append(tenant, line.event.seq, std::slice::from_ref(&line.text), fence).await;
            match done {
                Ok(()) => return Ok(line.event),
                Err(error) => {
                    // What the store refused must not stay in the mirror. A kill right here leaves it there,
                    // and the next run takes it in: an event that was true when it was written.
                    if let (Some(mirror), Some(length)) = (&mirror, kept) {
                        mirror.cut(length)?;
                    }
                    match error {
                        StoreError::Conflict => {}
                        StoreError::Fenced => return Err(self.taken_over(fence).await),
                        error => return Err(self.store_error(error)),
                    }
                }
            }
        }
        Err(JournalError::Busy { tenant: tenant.to_string() })
    }

    /// The last event, once store and mirror agree on it.
    async fn tail(&self, tenant: &TenantId, mirror: Option<&Mirror>) -> Result<Option<Line>, JournalError> {
        let stored = self.store.tail(tenant).await.map_err(|error| self.store_error(error))?;
        let agreed = match mirror {
            Some(mirror) => mirror.ends_with(stored.as_deref())?,
            None => true,
        };
        if !agreed {
            return Ok(self.reconcile(tenant, mirror).await?.pop());
        }
        stored.map(|text| Line::parse(text).map_err(|source| self.broken_store(tenant, source))).transpose()
    }

    /// Reads both chains, verifies them, and lets the longer one win.
    async fn reconcile(&self, tenant: &TenantId, mirror: Option<&Mirror>) -> Result<Vec<Line>, JournalError> {
        let stored = self.store.read(tenant).await.map_err(|error| self.store_error(error))?;
        let stored = event::verify(tenant, stored).map_err(|source| self.broken_store(tenant, source))?;
        let Some(mirror) = mirror else { return Ok(stored) };
        let torn = mirror.cut_torn_line()?;
        if torn > 0 {
            self.note(Repair::TornLine { tenant: tenant.to_string(), bytes: torn });
        }
        let mirrored = event::verify(tenant, mirror.lines()?).map_err(|source| JournalError::Broken {
            tenant: tenant.to_string(),
            place: mirror.path().display().to_string(),
            source,
        })?;
        if let Some(at) = stored.iter().zip(&mirrored).position(|(ours, theirs)| ours.text != theirs.text) {
            let mirror = mirror.path().to_owned();
            return Err(JournalError::Forked { tenant: tenant.to_string(), mirror, seq: at as u64 + 1 });
        }
        self.level(tenant, mirror, stored, mirrored).await
    }

    /// Brings the shorter of two chains, of which one begins the other, to the length of the longer.
    async fn level(
        &self,
        tenant: &TenantId,
        mirror: &Mirror,
        stored: Vec<Line>,
        mirrored: Vec<Line>,
    ) -> Result<Vec<Line>, JournalError> {
        let (ours, theirs) = (stored.len(), mirrored.len());
        if ours > theirs {
            for line in &stored[theirs..] {
                mirror.append(&line.text)?;
            }
            self.note(Repair::MirrorBehind { tenant: tenant.to_string(), events: (ours - theirs) as u64 });
            return Ok(stored);
        }
        if theirs > ours {
            let texts: Vec<String> = mirrored[ours..].iter().map(|line| line.text.clone()).collect();
            let done = self.store.append(tenant, ours as u64 + 1, &texts, None).await;
            done.map_err(|error| self.store_error(error))?;
            self.note(Repair::StoreBehind { tenant: tenant.to_string(), events: (theirs - ours) as u64 });
        }
        Ok(mirrored)
    }

    /// The file to which the events of a tenant are mirrored; none without a mirror.
    pub fn mirror_file(&self, tenant: &TenantId) -> Option<PathBuf> {
        self.mirror.as_ref().map(|folder| folder.join(tenant.as_str()).join("events.jsonl"))
    }

    async fn lock_mirror(&self, tenant: &TenantId) -> Result<Option<Mirror>, JournalError> {
        let Some(path) = self.mirror_file(tenant) else { return Ok(None) };
        let place = path.clone();
        // Waiting for a lock blocks a thread: not one of the runtime's.
        let opened = tokio::task::spawn_blocking(move || Mirror::lock(path)).await;
        match opened {
            Ok(mirror) => mirror.map(Some),
            Err(panicked) => Err(JournalError::File { path: place, source: std::io::Error::other(panicked) }),
        }
    }

    async fn check_fence(&self, fence: Fence<'_>) -> Result<(), JournalError> {
        let lease = self.store.lease(fence.subject).await.map_err(|error| self.store_error(error))?;
        match lease {
            Some(row) if row.token == fence.token => Ok(()),
            _ => Err(self.taken_over(Some(fence)).await),
        }
    }

    async fn taken_over(&self, fence: Option<Fence<'_>>) -> JournalError {
        let subject = fence.map(|fence| fence.subject).unwrap_or_default();
        match self.store.lease(subject).await {
            Ok(Some(row)) => JournalError::TakenOver { subject: subject.to_owned(), holder: Box::new(row.holder) },
            Ok(None) => self.store_error(StoreError::Fenced),
            Err(error) => self.store_error(error),
        }
    }

    fn store_error(&self, source: StoreError) -> JournalError {
        JournalError::Store { path: self.store.place().to_owned(), source }
    }

    fn broken_store(&self, tenant: &TenantId, source: Broken) -> JournalError {
        JournalError::Broken { tenant: tenant.to_string(), place: self.store.place().display().to_string(), source }
    }

    fn note(&self, repair: Repair) {
        if let Ok(mut repairs) = self.repairs.lock() {
            repairs.push(repair);
        }
    }
}
