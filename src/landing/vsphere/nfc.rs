//! Clones that are imported: each packed into a compressed stream beside it, which goes when it has arrived.

use super::nfs::adapter;
use crate::landing::blueprint::{Blueprint, BlueprintDisk};
use crate::landing::error::LandingError;
use crate::landing::vmdk::{Options, RawFile, StreamError, write_stream};
use crate::landing::zone::OnProgress;
use crate::world::vsphere::ImportedDisk;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

/// How hard streams are compressed: they go over a LAN.
const LEVEL: u32 = 1;
/// How often progress is told.
const OFTEN: Duration = Duration::from_millis(250);

/// Streams beside their clones; removed when dropped.
#[derive(Debug, Default)]
pub(super) struct Streams {
    paths: Vec<PathBuf>,
    /// Ends the packing that goes on.
    given_up: Arc<AtomicBool>,
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Relaxed);
        for path in &self.paths {
            if let Err(error) = fs::remove_file(path) {
                tracing::debug!(path = %path.display(), %error, "a stream is left; it goes with its clone");
            }
        }
    }
}

impl Streams {
    /// Packs the disks of a blueprint; tells up to 100 percent.
    pub(super) async fn pack(blueprint: &Blueprint, progress: OnProgress<'_>) -> Result<Self, LandingError> {
        let mut streams = Self::default();
        let total: u64 = blueprint.disks.iter().map(|disk| disk.bytes).sum();
        let mut before = 0;
        for disk in &blueprint.disks {
            let path = disk.image.with_file_name(format!("{}.stream.vmdk", disk.id));
            let out = fresh(&path).map_err(LandingError::file("written", &path))?;
            streams.paths.push(path);
            let tell = |percent: u8| {
                let done = before + disk.bytes / 100 * u64::from(percent);
                progress(u8::try_from((done * 100).checked_div(total).unwrap_or(0).min(100)).unwrap_or(100));
            };
            streams.one(blueprint, disk, out, &tell).await?;
            before += disk.bytes;
        }
        Ok(streams)
    }

    /// Packs one disk in a thread that may block.
    async fn one(
        &self,
        blueprint: &Blueprint,
        disk: &BlueprintDisk,
        out: File,
        tell: OnProgress<'_>,
    ) -> Result<(), LandingError> {
        let percent = Arc::new(AtomicU8::new(0));
        let mut out = Stoppable { out, given_up: self.given_up.clone() };
        let (raw, so_far, name) = (disk.image.clone(), percent.clone(), format!("{}.vmdk", disk.id));
        let (adapter, cid) = (adapter(blueprint.controller), blueprint.identity.content_id(&disk.id));
        let mut packing = tokio::task::spawn_blocking(move || {
            let options = Options { name: &name, adapter, cid, level: LEVEL };
            let raw = RawFile::open(&raw).map_err(|source| StreamError::Read { at: 0, source })?;
            write_stream(&raw, &mut out, &options, &mut |progress| {
                let percent = (progress.done / 100 * 100).checked_div(progress.total / 100).unwrap_or(0);
                so_far.store(u8::try_from(percent.min(100)).unwrap_or(100), Ordering::Relaxed);
            })
        });
        loop {
            tokio::select! {
                packed = &mut packing => {
                    let lost = |error| StreamError::Write { at: 0, source: io::Error::other(error) };
                    let packed = packed.map_err(lost).and_then(|packed| packed);
                    packed.map_err(|source| LandingError::Stream { path: disk.image.clone(), source })?;
                    tell(100);
                    return Ok(());
                }
                () = tokio::time::sleep(OFTEN) => tell(percent.load(Ordering::Relaxed)),
            }
        }
    }

    /// As an import takes them.
    pub(super) fn disks(&self) -> Vec<ImportedDisk> {
        self.paths.iter().map(|vmdk| ImportedDisk { vmdk: vmdk.clone() }).collect()
    }
}

/// A new file in place of an old one, which somebody who gave up may still be writing.
fn fresh(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)
}

/// A file that is no longer written once nobody waits for it.
struct Stoppable {
    out: File,
    given_up: Arc<AtomicBool>,
}

impl Write for Stoppable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.given_up.load(Ordering::Relaxed) {
            // Not `Interrupted`, which `write_all` tries again.
            return Err(io::Error::other("nobody waits for it any more"));
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
