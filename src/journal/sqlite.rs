//! The store in one SQLite file: WAL, synchronous=FULL, one writer at a time by BEGIN IMMEDIATE.

use super::JournalError;
use super::store::{Fence, Holder, LeaseRow, Store, StoreError};
use crate::digest::hex;
use crate::model::TenantId;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Row, Sqlite, Transaction};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Format of the tables below.
const FORMAT: i64 = 1;

/// Only bigint and text, so that PostgreSQL can have the same tables.
const TABLES: [&str; 3] = [
    "create table if not exists store (one bigint primary key, id text not null, format bigint not null)",
    "create table if not exists events (
        tenant text not null, seq bigint not null, line text not null, primary key (tenant, seq))",
    "create table if not exists leases (
        subject text primary key, token bigint not null, operator text not null, pid bigint not null,
        host text not null, since text not null, reason text, released bigint not null)",
];

/// How long a writer waits for its turn.
const PATIENCE: Duration = Duration::from_secs(30);

/// Events and leases in one file.
#[derive(Debug)]
pub struct SqliteStore {
    pool: SqlitePool,
    path: PathBuf,
    id: String,
}

impl SqliteStore {
    /// Opens the file, creating it with a random id if it does not exist.
    pub async fn open(path: &Path) -> Result<Self, JournalError> {
        let place = path.to_owned();
        Self::connect(path).await.map_err(|source| JournalError::Store { path: place, source })
    }

    async fn connect(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE);
        let pool = first_connection(&options).await?;
        let id = prepare(&pool).await?;
        Ok(Self { pool, path: path.to_owned(), id })
    }

    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.pool.begin_with("begin immediate").await?)
    }
}

/// Connects. Where two processes make the file at the same moment, SQLite refuses one of them the change to
/// WAL at once, without the patience that it has for everything else.
async fn first_connection(options: &SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let until = Instant::now() + PATIENCE;
    loop {
        match SqlitePoolOptions::new().max_connections(4).connect_with(options.clone()).await {
            Err(error) if is_busy(&error) && Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            connected => return connected,
        }
    }
}

/// Whether the file is locked by another (SQLITE_BUSY).
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xFF == 5)
}

/// Makes the tables and the id once; two processes may do it at the same moment.
async fn prepare(pool: &SqlitePool) -> Result<String, StoreError> {
    let mut change = pool.begin_with("begin immediate").await?;
    for table in TABLES {
        sqlx::query(table).execute(&mut *change).await?;
    }
    sqlx::query("insert into store (one, id, format) values (1, ?, ?) on conflict do nothing")
        .bind(random_id()?)
        .bind(FORMAT)
        .execute(&mut *change)
        .await?;
    let row = sqlx::query("select id, format from store where one = 1").fetch_one(&mut *change).await?;
    let found: i64 = row.try_get("format")?;
    if found > FORMAT {
        return Err(StoreError::Format { found, known: FORMAT });
    }
    let id = row.try_get("id")?;
    change.commit().await?;
    Ok(id)
}

/// 128 random bits in hex.
fn random_id() -> Result<String, StoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(hex(&bytes))
}

impl Store for SqliteStore {
    fn id(&self) -> &str {
        &self.id
    }

    fn place(&self) -> &Path {
        &self.path
    }

    async fn append(
        &self,
        tenant: &TenantId,
        expected_seq: u64,
        lines: &[String],
        fence: Option<Fence<'_>>,
    ) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        if let Some(fence) = fence {
            let row = lease_row(&mut change, fence.subject).await?;
            if row.is_none_or(|row| row.token != fence.token) {
                return Err(StoreError::Fenced);
            }
        }
        let last: i64 = sqlx::query("select coalesce(max(seq), 0) as last from events where tenant = ?")
            .bind(tenant.as_str())
            .fetch_one(&mut *change)
            .await?
            .try_get("last")?;
        if last.unsigned_abs() + 1 != expected_seq {
            return Err(StoreError::Conflict);
        }
        for (seq, line) in (last + 1..).zip(lines) {
            sqlx::query("insert into events (tenant, seq, line) values (?, ?, ?)")
                .bind(tenant.as_str())
                .bind(seq)
                .bind(line)
                .execute(&mut *change)
                .await?;
        }
        change.commit().await?;
        Ok(())
    }

    async fn read(&self, tenant: &TenantId) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query("select line from events where tenant = ? order by seq")
            .bind(tenant.as_str())
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| Ok(row.try_get("line")?)).collect()
    }

    async fn tail(&self, tenant: &TenantId) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("select line from events where tenant = ? order by seq desc limit 1")
            .bind(tenant.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| Ok(row.try_get("line")?)).transpose()
    }

    async fn lease(&self, subject: &str) -> Result<Option<LeaseRow>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        lease_row(&mut connection, subject).await
    }

    async fn take_lease<T: Send, E: Send>(
        &self,
        subject: &str,
        decide: impl FnOnce(Option<LeaseRow>) -> Result<(LeaseRow, T), E> + Send,
    ) -> Result<Result<T, E>, StoreError> {
        let mut change = self.begin().await?;
        let (row, taken) = match decide(lease_row(&mut change, subject).await?) {
            Ok(decided) => decided,
            Err(refused) => return Ok(Err(refused)),
        };
        sqlx::query(
            "insert into leases (subject, token, operator, pid, host, since, reason, released)
             values (?, ?, ?, ?, ?, ?, ?, 0)
             on conflict (subject) do update set token = excluded.token, operator = excluded.operator,
             pid = excluded.pid, host = excluded.host, since = excluded.since, reason = excluded.reason, released = 0",
        )
        .bind(subject)
        .bind(row.token)
        .bind(&row.holder.operator)
        .bind(i64::from(row.holder.pid))
        .bind(&row.holder.host)
        .bind(&row.holder.since)
        .bind(&row.holder.reason)
        .execute(&mut *change)
        .await?;
        change.commit().await?;
        Ok(Ok(taken))
    }

    async fn release_lease(&self, fence: Fence<'_>) -> Result<(), StoreError> {
        sqlx::query("update leases set released = 1 where subject = ? and token = ?")
            .bind(fence.subject)
            .bind(fence.token)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

async fn lease_row(connection: &mut SqliteConnection, subject: &str) -> Result<Option<LeaseRow>, StoreError> {
    let row = sqlx::query("select token, operator, pid, host, since, reason, released from leases where subject = ?")
        .bind(subject)
        .fetch_optional(connection)
        .await?;
    row.map(|row| decode_lease(&row)).transpose()
}

fn decode_lease(row: &SqliteRow) -> Result<LeaseRow, StoreError> {
    let holder = Holder {
        operator: row.try_get("operator")?,
        pid: u32::try_from(row.try_get::<i64, _>("pid")?).unwrap_or_default(),
        host: row.try_get("host")?,
        since: row.try_get("since")?,
        reason: row.try_get("reason")?,
    };
    Ok(LeaseRow { token: row.try_get("token")?, holder, released: row.try_get::<i64, _>("released")? != 0 })
}
