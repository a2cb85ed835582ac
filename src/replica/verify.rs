//! Verification of a replica against its own leaves and root.

use super::chunk::{Hash, Range};
use super::disk::DiskReplica;
use super::error::ReplicaError;
use super::image::{Image, Lock, on_disk, pieces};
use super::manifest::Manifest;
use super::tree::Tree;
use tokio::sync::mpsc;

/// Chunks between two reports of progress, and leaves held in memory at once: a multiple of every group.
const STEP: u32 = 8192;

/// How far a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct VerifyProgress {
    /// Chunks read.
    pub chunks_done: u64,
    /// Chunks of the disk.
    pub chunks_total: u64,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct VerifyReport {
    /// Bytes of the disk.
    pub length: u64,
    /// Chunks of the disk.
    pub chunks_total: u64,
    /// Chunks of which nothing is known yet: the replica is incomplete.
    pub chunks_unknown: u64,
    /// Root of the bytes that were read.
    pub root: Hash,
    /// Root in the manifest before; none while a pass has begun and not ended.
    pub recorded: Option<Hash>,
    /// Chunks whose bytes are not what their leaf says, as first and count.
    pub damaged: Vec<(u64, u64)>,
}

impl VerifyReport {
    /// Whether every byte is what the last complete pass left.
    pub fn holds(&self) -> bool {
        self.damaged.is_empty() && self.recorded == Some(self.root)
    }
}

/// Reads the whole image, recomputes every leaf and the root, compares with leaf file and manifest.
///
/// Damaged chunks are marked unknown, and a root that is not the image's is withdrawn, so that the next
/// pass fetches them again and nothing is cloned meanwhile; the image is not touched.
///
/// # Errors
/// Where there is no replica, somebody else holds it, or its files cannot be read.
pub async fn verify(
    replica: &DiskReplica,
    observe: &mut (dyn FnMut(VerifyProgress) + Send),
) -> Result<VerifyReport, ReplicaError> {
    let (progress, mut shown) = mpsc::channel(1);
    let (replica, disk) = (replica.clone(), replica.disk().clone());
    let reading = on_disk(disk, move || read_everything(&replica, &progress));
    let mut reading = std::pin::pin!(reading);
    loop {
        tokio::select! {
            report = &mut reading => return report,
            Some(progress) = shown.recv() => observe(progress),
        }
    }
}

fn read_everything(
    replica: &DiskReplica,
    progress: &mpsc::Sender<VerifyProgress>,
) -> Result<VerifyReport, ReplicaError> {
    let lock = Lock::take(replica)?;
    let manifest = lock.manifest()?.ok_or_else(|| ReplicaError::None { disk: replica.disk().clone() })?;
    let image = Image::open(lock, &manifest)?;
    let mut findings = Findings { tree: Tree::unknown(image.shape()), unknown: 0, damaged: Vec::new() };
    for step in pieces(0, image.shape().chunks(), STEP) {
        findings.read(&image, step)?;
        if progress.is_closed() {
            return Err(ReplicaError::Cancelled { disk: image.disk() });
        }
        // Nobody waits for a report of progress: a slow reader misses some.
        let _ = progress.try_send(VerifyProgress { chunks_done: step.end(), chunks_total: image.shape().chunks() });
    }
    let root = findings.tree.root();
    // The leaves first: killed in between, the root that still stands is over unknown chunks, which nobody clones.
    image.forget(&findings.damaged)?;
    if manifest.root.is_some_and(|recorded| recorded != root || !findings.damaged.is_empty()) {
        image.save(&Manifest { root: None, ..manifest.clone() })?;
    }
    Ok(VerifyReport {
        length: manifest.length,
        chunks_total: image.shape().chunks(),
        chunks_unknown: findings.unknown,
        root,
        recorded: manifest.root,
        damaged: findings.damaged.iter().map(|range| (range.first, range.count.into())).collect(),
    })
}

struct Findings {
    tree: Tree,
    unknown: u64,
    damaged: Vec<Range>,
}

impl Findings {
    /// Reads whole groups and compares each chunk with its leaf.
    fn read(&mut self, image: &Image, range: Range) -> Result<(), ReplicaError> {
        let leaves = image.leaves(range.first, range.count)?;
        let mut recorded = leaves.iter();
        let mut found = Vec::with_capacity(leaves.len());
        image.drop_cache(range);
        image.read_back(range, |chunk, leaf| {
            match recorded.next() {
                Some(&Hash::UNKNOWN) => self.unknown += 1,
                Some(recorded) if *recorded != leaf => self.add_damaged(chunk),
                _ => {}
            }
            found.push(leaf);
            Ok(())
        })?;
        self.tree.enter(range.first / image.shape().group_chunks(), &found);
        Ok(())
    }

    fn add_damaged(&mut self, chunk: u64) {
        match self.damaged.last_mut().filter(|last| last.end() == chunk && last.count < u32::MAX) {
            Some(last) => last.count += 1,
            None => self.damaged.push(Range { first: chunk, count: 1 }),
        }
    }
}
