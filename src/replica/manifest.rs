//! The manifest of a replica: what the image is a copy of, and which pass made it.

use super::chunk::{CHUNK_BYTES, FORMAT, Hash, MAX_DISK};
use super::map::Skip;
use super::wire::{Listing, MapWanted};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Mode of new files that hold a town's data: not for every account of the landing host.
pub(super) const PRIVATE: u32 = 0o640;

/// Longest manifest that is read, in bytes; the list of skipped ranges may be long.
const MAX_MANIFEST: u64 = 64 << 20;

/// `<disk>.json`: written whole by rename, never in place.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of leaf, node and root hashes and of the leaf file.
    pub format: u32,
    /// Bytes of the disk.
    pub length: u64,
    /// Bytes of a chunk.
    pub chunk_size: u64,
    /// Id of the state store the replica belongs to.
    pub store: String,
    /// What it is a copy of.
    pub source: Source,
    /// Root of the last complete pass; none from the first change of a pass to its end.
    pub root: Option<Hash>,
    /// Passes that ended well.
    pub passes: u64,
    /// What the last pass that ended well did.
    pub last_pass: Option<LastPass>,
    /// How the disk was mapped in the last pass, and what was recognised on it.
    pub map: MapRecord,
    /// Ranges that are zeros here although the source may hold something else, with the reason.
    pub skipped: Vec<Skip>,
}

/// How a disk was mapped.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapRecord {
    /// Which map was wanted.
    pub wanted: MapWanted,
    /// BLAKE3 of the listing of skipped ranges as it travels.
    pub listing: Hash,
    /// Bytes that are not skipped.
    pub copied: u64,
    /// What was recognised on the disk, a line each: also why a part is copied whole.
    pub findings: Vec<String>,
}

impl MapRecord {
    /// The record of a disk of `length` bytes that is copied whole.
    pub fn whole(length: u64) -> Self {
        let listing = Listing::hash(&Listing::default().encode());
        Self { wanted: MapWanted::Whole, listing, copied: length, findings: Vec::new() }
    }
}

/// What a replica is a copy of.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Device or image file on the source.
    pub path: PathBuf,
    /// Whether it is a block device.
    pub block_device: bool,
    /// Serial number, WWID or UUID of the device; empty where it has none.
    pub identity: String,
}

/// Counters of a pass.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastPass {
    /// Chunks received, zero chunks not counted.
    pub chunks_sent: u64,
    /// Chunks that arrived as holes.
    pub zero_chunks: u64,
    /// Chunks that were here in another place and only named.
    pub named_chunks: u64,
    /// Bytes the agent read.
    pub bytes_read: u64,
    /// Bytes of frames in both directions.
    pub bytes_payload: u64,
}

impl Manifest {
    /// Reads a manifest; none where there is no file.
    ///
    /// # Errors
    /// `InvalidData` where it cannot be understood or is of another version.
    pub fn load(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
        if file.metadata()?.len() > MAX_MANIFEST {
            return Err(invalid("it is too long".to_owned()));
        }
        let manifest: Self =
            serde_json::from_reader(io::BufReader::new(file)).map_err(|error| invalid(error.to_string()))?;
        if manifest.format != FORMAT || manifest.chunk_size != CHUNK_BYTES {
            return Err(invalid(format!("format {} with chunks of {}", manifest.format, manifest.chunk_size)));
        }
        if manifest.length == 0 || manifest.length > MAX_DISK {
            return Err(invalid(format!("a length of {} bytes", manifest.length)));
        }
        if !are_apart(&manifest.skipped, manifest.length) {
            return Err(invalid("skipped ranges that overlap or lie outside the disk".to_owned()));
        }
        Ok(Some(manifest))
    }

    /// Writes the manifest so that after any crash either the old or the new one is there.
    ///
    /// # Errors
    /// Whatever the filesystem says.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let draft = path.with_extension("json.new");
        let file = File::options().create(true).truncate(true).write(true).mode(PRIVATE).open(&draft)?;
        // Compact: the list of skipped ranges may be long.
        let mut output = io::BufWriter::new(&file);
        serde_json::to_writer(&mut output, self)?;
        output.write_all(b"\n")?;
        output.flush()?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        sync_dir(path)
    }
}

/// Whether skipped ranges ascend, do not meet, and lie inside a disk of `length` bytes.
fn are_apart(skips: &[Skip], length: u64) -> bool {
    let mut end = 0;
    skips.iter().all(|skip| {
        let begins = skip.offset >= end && skip.length > 0;
        end = skip.offset.saturating_add(skip.length);
        begins && end <= length
    })
}

/// Makes the entry of `path` in its directory durable.
///
/// # Errors
/// Whatever the filesystem says.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => File::open(dir)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}
