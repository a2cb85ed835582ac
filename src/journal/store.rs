//! What a store of events and leases must do. It speaks events, not SQL.

use crate::model::TenantId;
use std::fmt;
use std::future::Future;
use std::path::Path;

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The next event does not have the expected number: another writer was faster.
    #[error("another process wrote an event first")]
    Conflict,
    /// The lease is no longer ours.
    #[error("the lease was taken over")]
    Fenced,
    /// It was made by a newer traghetto.
    #[error("it has format {found}, this program knows format {known}")]
    Format {
        /// Format of the file.
        found: i64,
        /// Newest format that we know.
        known: i64,
    },
    /// The database refused.
    #[error("the database refused")]
    Database(#[from] sqlx::Error),
    /// A file could not be used.
    #[error("a file could not be used")]
    File(#[from] std::io::Error),
}

/// A lease by its subject and token: an append under it fails once the token has moved on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence<'a> {
    /// What is held.
    pub subject: &'a str,
    /// Number of the take.
    pub token: i64,
}

/// Who holds a lease.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Holder {
    /// Person's id.
    pub operator: String,
    /// Process.
    pub pid: u32,
    /// Machine on which the process runs.
    pub host: String,
    /// Since when, RFC 3339, Europe/Rome.
    pub since: String,
    /// Why it was taken over from a living holder, if it was.
    pub reason: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} since {} (process {} on {})", self.operator, self.since, self.pid, self.host)
    }
}

/// The row of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    /// Number of the take, rising.
    pub token: i64,
    /// Who took it.
    pub holder: Holder,
    /// Whether the holder gave it back.
    pub released: bool,
}

/// Events by tenant and leases by subject, durable when a call returns.
pub trait Store: Send + Sync {
    /// The random id that was given to the store when it was made.
    fn id(&self) -> &str;

    /// Where it is, for messages.
    fn place(&self) -> &Path;

    /// Appends `lines`, of which the first is number `expected_seq`, or nothing at all.
    fn append(
        &self,
        tenant: &TenantId,
        expected_seq: u64,
        lines: &[String],
        fence: Option<Fence<'_>>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// All lines of a tenant in order.
    fn read(&self, tenant: &TenantId) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// The last line of a tenant.
    fn tail(&self, tenant: &TenantId) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;

    /// The row of a lease.
    fn lease(&self, subject: &str) -> impl Future<Output = Result<Option<LeaseRow>, StoreError>> + Send;

    /// In one transaction: shows the present row to `decide` and, if it agrees, writes the row it gives.
    fn take_lease<T: Send, E: Send>(
        &self,
        subject: &str,
        decide: impl FnOnce(Option<LeaseRow>) -> Result<(LeaseRow, T), E> + Send,
    ) -> impl Future<Output = Result<Result<T, E>, StoreError>> + Send;

    /// Marks a lease as given back, if it is still ours.
    fn release_lease(&self, fence: Fence<'_>) -> impl Future<Output = Result<(), StoreError>> + Send;
}
