//! The live figures of a copy: written once a second by the process that copies, read by `status`.
//!
//! A small file beside the replicas, replaced as a whole, readable by its owner only, removed at the
//! end. It is no state: without it nothing is lost, and one that is old or of a dead process is nothing.

use crate::model::tenant::Tenant;
use crate::model::{DiskId, ServerId};
use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Older figures are of a process that hangs, or of another time.
const FRESH_SECONDS: i64 = 5;
/// More bytes than figures ever take.
const LONGEST: u64 = 64 * 1024;

/// How a copy stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Which process copies.
    pub process: u32,
    /// When this was written.
    pub written_at: Timestamp,
    /// Whose disk.
    pub server: ServerId,
    /// Which disk.
    pub disk: DiskId,
    /// What it is doing, in one word.
    pub stage: String,
    /// Bytes of the disk that are done at this stage.
    pub done: u64,
    /// Bytes of this stage.
    pub total: u64,
    /// Bytes that went over the link so far, both ways.
    pub link: u64,
    /// The line that carries: `primary`, `backup` or `unknown`.
    pub path: String,
    /// Bits a second on the interface, over the last seconds.
    pub rate_bps: u64,
    /// Bits a second on the interface that may be used; 0 is a hold, none is no limit.
    pub allowed_bps: Option<u64>,
    /// Why so much, in words.
    pub why: String,
}

impl Figures {
    /// Whether content travels at this stage; comparing costs next to nothing on the link.
    pub fn moves(&self) -> bool {
        matches!(self.stage.as_str(), "seeding" | "syncing")
    }
}

/// Where a tenant's figures are.
fn place(landing: &Path, tenant: &Tenant) -> PathBuf {
    landing.join(tenant.id.as_str()).join("live.json")
}

/// The figures of a copy that runs now.
pub fn live_figures(landing: &Path, tenant: &Tenant, now: Timestamp) -> Option<Figures> {
    let file =
        rustix::fs::open(place(landing, tenant), OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
    let mut text = Vec::new();
    File::from(file.ok()?).take(LONGEST).read_to_end(&mut text).ok()?;
    let figures: Figures = serde_json::from_slice(&text).ok()?;
    let age = now.duration_since(figures.written_at).as_secs();
    let lives = Path::new(&format!("/proc/{}", figures.process)).exists();
    (lives && (-FRESH_SECONDS..=FRESH_SECONDS).contains(&age)).then_some(figures)
}

/// The file as its writer has it; removed when that is dropped.
pub(super) struct Board {
    path: PathBuf,
}

impl Board {
    /// Of a tenant whose folder exists.
    pub(super) fn of(landing: &Path, tenant: &Tenant) -> Self {
        Self { path: place(landing, tenant) }
    }

    /// Replaces the figures. Nobody depends on them: a disk that is full makes them old, no more.
    pub(super) fn write(&self, figures: &Figures) {
        if let Err(error) = self.replace(figures) {
            tracing::debug!(%error, path = %self.path.display(), "live figures are not written");
        }
    }

    fn replace(&self, figures: &Figures) -> io::Result<()> {
        let part = self.path.with_extension("json.part");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::open(&part, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(&serde_json::to_vec(figures)?)?;
        std::fs::rename(&part, &self.path)
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // It may never have been written.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(process: u32, written_at: Timestamp) -> Figures {
        Figures {
            process,
            written_at,
            server: "cinto-srv1".parse().unwrap(),
            disk: "disk0".parse().unwrap(),
            stage: "seeding".to_owned(),
            done: 1,
            total: 2,
            link: 1,
            path: "primary".to_owned(),
            rate_bps: 9_600_000,
            allowed_bps: Some(10_000_000),
            why: "calendar".to_owned(),
        }
    }

    fn tenant() -> Tenant {
        crate::inventory::load(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap().tenants.into_values().next().unwrap()
    }

    #[test]
    fn figures_are_private_fresh_and_of_a_living_process() {
        use std::os::unix::fs::PermissionsExt;
        let (landing, tenant, now) = (tempfile::tempdir().unwrap(), tenant(), Timestamp::now());
        std::fs::create_dir(landing.path().join(tenant.id.as_str())).unwrap();
        let board = Board::of(landing.path(), &tenant);
        let seen = |now| live_figures(landing.path(), &tenant, now);
        assert_eq!(seen(now), None);

        let own = figures(std::process::id(), now);
        board.write(&own);
        assert_eq!(seen(now), Some(own));
        let mode = std::fs::metadata(place(landing.path(), &tenant)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let later = now.checked_add(jiff::SignedDuration::from_secs(6)).unwrap();
        assert_eq!(seen(later), None, "old");

        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        board.write(&figures(child.id(), now));
        assert_eq!(seen(now), None, "of a process that is gone");
        std::fs::write(place(landing.path(), &tenant), "{\"process\": 1").unwrap();
        assert_eq!(seen(now), None, "torn");

        drop(board);
        assert!(!place(landing.path(), &tenant).exists());
    }
}
