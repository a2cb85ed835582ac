//! A pass: everything that differs on the source is received, made durable and compared.

use super::chunk::{CHUNK_BYTES, FORMAT, Hash, Range, chunks_of};
use super::dedup::Index;
use super::disk::DiskReplica;
use super::error::ReplicaError;
use super::image::{Image, Lock, io_error, on_disk};
use super::link::AgentLink;
use super::manifest::{LastPass, Manifest, MapRecord, Source};
use super::progress::{Counts, PassProgress, PassReport, Stage};
use super::receiver::Receiver;
use super::remote::{Opened, Remote};
use super::tree::Tree;
use super::wire::MapWanted;

use crate::model::DiskId;
use crate::untrusted::one_line;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinHandle;

/// Rounds of comparison before roots that differ are given up. One is enough unless frames were altered
/// on the way or chunks stored here were not what they should be: the agent's tree holds the hashes of
/// the very bytes it sent.
const ROUNDS: usize = 4;

/// How a pass runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassOptions {
    /// Id of the state store; a replica of another store is refused.
    pub store: String,
    /// Highest level of zstd compression at the agent, 1 to 12; it uses what the link leaves time for.
    pub level: u8,
    /// Which map of the disk is made: what is free is neither read nor sent.
    pub map: MapWanted,
    /// Replicas of the same tenant whose chunks need not be sent again.
    pub donors: Vec<DiskReplica>,
    /// Whether the source is a snapshot of the disk: it has another identity than the disk, and the manifest
    /// goes on naming the disk.
    pub snapshot: bool,
}

/// Brings `replica` up to date with the disk `source`, as the agent behind `link` sees it.
///
/// May be dropped, killed and repeated at any moment: what was acknowledged is not sent again.
///
/// # Errors
/// Where link, source or receiver fail; what was acknowledged stays.
pub async fn pass(
    link: &mut AgentLink,
    replica: &DiskReplica,
    source: &Path,
    options: &PassOptions,
    observe: &mut (dyn FnMut(PassProgress) + Send),
) -> Result<PassReport, ReplicaError> {
    let started = Instant::now();
    let (lock, recorded) = lock(replica).await?;
    let mut remote = Remote::begin(link, replica.disk(), source)?;
    let (image, manifest) = match open(&mut remote, lock, recorded, options).await {
        Ok(prepared) => prepared,
        Err(refused) => {
            // Nothing is outstanding: the agent can go on with another disk.
            remote.end();
            return Err(refused);
        }
    };
    let mut receiver = Receiver::new(remote, Arc::clone(&image), &manifest, observe);
    let root = equalise(&mut receiver, &image, &options.donors).await?;
    let counts = receiver.finish();
    let (length, copied, findings) = (manifest.length, manifest.map.copied, manifest.map.findings.clone());
    save(image, manifest, root, &counts).await?;
    Ok(PassReport {
        root,
        length,
        chunks_total: chunks_of(length),
        chunks_sent: counts.data_chunks,
        zero_chunks: counts.zero_chunks,
        named_chunks: counts.named_chunks,
        bytes_copied: copied,
        bytes_written: counts.bytes_written,
        findings,
        bytes_read: counts.bytes_read,
        bytes_sent: counts.bytes_sent,
        bytes_payload: counts.bytes_payload,
        duration: started.elapsed(),
    })
}

/// Opens the disk on the source and the replica here. The listing of skipped ranges travels only if it
/// is another than the recorded one.
async fn open(
    remote: &mut Remote<'_>,
    lock: Lock,
    recorded: Option<Manifest>,
    options: &PassOptions,
) -> Result<(Arc<Image>, Manifest), ReplicaError> {
    let opened = remote.open(options.level, options.map).await?;
    let (length, listing, copied) = (opened.length, opened.listing, opened.copied);
    let (image, manifest) = prepare(lock, recorded, opened, options).await?;
    if manifest.map.listing == listing {
        let map = MapRecord { wanted: options.map, ..manifest.map };
        return Ok((image, Manifest { map, ..manifest }));
    }
    let received = remote.listing(length, listing).await?;
    let findings = received.findings.iter().map(|line| one_line(line.as_bytes())).collect();
    let map = MapRecord { wanted: options.map, listing, copied, findings };
    Ok((image, Manifest { map, skipped: received.skips, ..manifest }))
}

/// Begins to look for what the tenant already has here.
fn index(image: &Arc<Image>, donors: &[DiskReplica]) -> JoinHandle<Result<Option<Index>, ReplicaError>> {
    let (image, donors) = (Arc::clone(image), donors.to_vec());
    tokio::task::spawn_blocking(move || Index::build(&image, &donors))
}

/// Takes the lock and reads the manifest.
async fn lock(replica: &DiskReplica) -> Result<(Lock, Option<Manifest>), ReplicaError> {
    let replica = replica.clone();
    on_disk(replica.disk().clone(), move || {
        let lock = Lock::take(&replica)?;
        let manifest = lock.manifest()?;
        Ok((lock, manifest))
    })
    .await
}

fn first_manifest(opened: Opened, options: &PassOptions) -> Manifest {
    let Opened { length, source, .. } = opened;
    Manifest {
        format: FORMAT,
        length,
        chunk_size: CHUNK_BYTES,
        store: options.store.clone(),
        source,
        root: None,
        passes: 0,
        last_pass: None,
        map: MapRecord::whole(length),
        skipped: Vec::new(),
    }
}

/// Whether the open source is the disk the replica was made of, for our state store.
fn accept(disk: DiskId, recorded: Manifest, opened: Opened, options: &PassOptions) -> Result<Manifest, ReplicaError> {
    let Opened { length, source, .. } = opened;
    if recorded.store != options.store {
        return Err(ReplicaError::OtherStore { disk, recorded: recorded.store, found: options.store.clone() });
    }
    if recorded.length != length {
        return Err(ReplicaError::LengthChanged { disk, recorded: recorded.length, found: length });
    }
    if options.snapshot {
        return Ok(recorded);
    }
    if is_other(&recorded.source.identity, &source.identity) {
        return Err(ReplicaError::OtherSource { disk, recorded: recorded.source.identity, found: source.identity });
    }
    // A rescue system may know fewer attributes of the same disk: what was known stays.
    let identity = if source.identity.is_empty() { recorded.source.identity } else { source.identity };
    Ok(Manifest { source: Source { identity, ..source }, ..recorded })
}

/// Whether two identities are values of the same attribute and differ.
fn is_other(recorded: &str, found: &str) -> bool {
    let attribute = |identity: &str| identity.split_once(':').map(|(attribute, _)| attribute.to_owned());
    recorded != found && attribute(recorded).is_some() && attribute(recorded) == attribute(found)
}

/// Opens or makes the files for the source that is open, if it is the right one.
async fn prepare(
    lock: Lock,
    recorded: Option<Manifest>,
    opened: Opened,
    options: &PassOptions,
) -> Result<(Arc<Image>, Manifest), ReplicaError> {
    let disk = lock.replica().disk().clone();
    let new = recorded.is_none();
    let manifest = match recorded {
        Some(recorded) => accept(disk.clone(), recorded, opened, options)?,
        None => first_manifest(opened, options),
    };
    on_disk(disk, move || {
        if new {
            begin(lock.replica(), &manifest)?;
        }
        Ok((Arc::new(Image::open(lock, &manifest)?), manifest))
    })
    .await
}

/// Begins a new replica. A leaf file without manifest is of unknown origin and is not used.
fn begin(replica: &DiskReplica, manifest: &Manifest) -> Result<(), ReplicaError> {
    let disk = || replica.disk().clone();
    match std::fs::remove_file(replica.leaves()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(io_error(disk(), "remove", replica.leaves(), error));
        }
        _ => {}
    }
    let path = replica.manifest();
    manifest.save(&path).map_err(|error| io_error(disk(), "write", path, error))
}

/// Fetches until both roots are equal, and returns the root.
async fn equalise(
    receiver: &mut Receiver<'_>,
    image: &Arc<Image>,
    donors: &[DiskReplica],
) -> Result<Hash, ReplicaError> {
    let (tree, unknown) = survey(image).await?;
    if !unknown.is_empty() {
        receiver.offer(index(image, donors));
    }
    receiver.fetch(Stage::Seeding, &unknown).await?;
    let mut tree = enter(image, tree, unknown).await?;
    for _ in 0..ROUNDS {
        let root = receiver.root().await?;
        if root == tree.root() && tree.is_complete() {
            return Ok(root);
        }
        let differing = receiver.differing(&mut tree).await?;
        receiver.fetch(Stage::Syncing, &differing).await?;
        tree = enter(image, tree, differing).await?;
    }
    let source_root = receiver.root().await?;
    if source_root == tree.root() && tree.is_complete() {
        return Ok(source_root);
    }
    let differing = receiver.differing(&mut tree).await?;
    let (forgetting, disk) = (Arc::clone(image), image.disk());
    on_disk(disk.clone(), move || forgetting.forget(&differing)).await?;
    Err(ReplicaError::RootMismatch { disk, source_root, replica_root: tree.root() })
}

async fn survey(image: &Arc<Image>) -> Result<(Tree, Vec<Range>), ReplicaError> {
    let image = Arc::clone(image);
    on_disk(image.disk(), move || image.survey()).await
}

/// The tree with what was fetched, as the leaf file has it.
async fn enter(image: &Arc<Image>, mut tree: Tree, fetched: Vec<Range>) -> Result<Tree, ReplicaError> {
    let image = Arc::clone(image);
    on_disk(image.disk(), move || {
        fetched.into_iter().try_for_each(|range| image.enter(&mut tree, range))?;
        // Computed here, where it may take its time.
        tree.root();
        Ok(tree)
    })
    .await
}

/// Records the pass in the manifest.
async fn save(image: Arc<Image>, manifest: Manifest, root: Hash, counts: &Counts) -> Result<(), ReplicaError> {
    let last_pass = LastPass {
        chunks_sent: counts.data_chunks,
        zero_chunks: counts.zero_chunks,
        named_chunks: counts.named_chunks,
        bytes_read: counts.bytes_read,
        bytes_payload: counts.bytes_payload,
    };
    let manifest = Manifest { root: Some(root), passes: manifest.passes + 1, last_pass: Some(last_pass), ..manifest };
    on_disk(image.disk(), move || image.save(&manifest)).await
}
