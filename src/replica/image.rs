//! The files of one replica while it is written: image, leaf file, manifest, lock.
//!
//! The order of writes makes every instant safe to die in. A leaf never claims what the image does
//! not hold: before chunks are overwritten their leaves are erased durably, and they are written
//! again only after the chunks are durable and were read back.

use super::chunk::{BLOCK, BLOCKS, CHUNK, CHUNK_BYTES, Hash, Range, is_zero, leaf};
use super::disk::DiskReplica;
use super::error::ReplicaError;
use super::manifest::{Manifest, PRIVATE, sync_dir};
use super::tree::{Shape, Tree, zero_leaf};

use crate::model::DiskId;
use rustix::fs::{Advice, FallocateFlags, FlockOperation};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io;
use std::num::NonZeroU64;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long we wait for a lock: a dropped pass may still be writing its last batch.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Chunks that are read or hashed at once: 4 MiB.
const PIECE: u32 = 64;

/// Leaves read at once: 1 MiB of the leaf file.
pub(super) const LEAVES_PIECE: u32 = 32 * 1024;

/// Chunks fetched with one request where nothing is known: 64 MiB.
pub(super) const REQUEST: u32 = 1024;

/// A lock on a replica, held for the life of the value and of the process at most.
#[derive(Debug)]
pub(super) struct Lock {
    replica: DiskReplica,
    _file: File,
}

impl Lock {
    /// The replica it locks.
    pub(super) fn replica(&self) -> &DiskReplica {
        &self.replica
    }

    /// Takes the lock, making the directory if need be.
    ///
    /// # Errors
    /// Where another holder keeps it for some seconds, or the file cannot be made.
    pub(super) fn take(replica: &DiskReplica) -> Result<Self, ReplicaError> {
        let path = replica.lock();
        let at = |action, path: &Path| {
            let (disk, path) = (replica.disk().clone(), path.to_owned());
            move |error| io_error(disk, action, path, error)
        };
        std::fs::create_dir_all(replica.dir()).map_err(at("create", replica.dir()))?;
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(at("open", &path))?;
        let patience = Instant::now() + LOCK_PATIENCE;
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { replica: replica.clone(), _file: file }),
                Err(Errno::WOULDBLOCK) if Instant::now() < patience => std::thread::sleep(Duration::from_millis(50)),
                Err(Errno::WOULDBLOCK) => return Err(ReplicaError::Locked { disk: replica.disk().clone(), path }),
                Err(error) => return Err(at("lock", &path)(error.into())),
            }
        }
    }

    /// The manifest; none for a new replica.
    ///
    /// # Errors
    /// Where it cannot be read or understood.
    pub(super) fn manifest(&self) -> Result<Option<Manifest>, ReplicaError> {
        let (disk, path) = (self.replica.disk().clone(), self.replica.manifest());
        Manifest::load(&path).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => ReplicaError::Manifest { disk, path, reason: error.to_string() },
            _ => io_error(disk, "read", path, error),
        })
    }
}

/// An error of a file, with a full disk told apart.
pub(super) fn io_error(disk: DiskId, action: &'static str, path: PathBuf, source: io::Error) -> ReplicaError {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ReplicaError::Full { disk, path },
        _ => ReplicaError::Io { disk, action, path, source },
    }
}

/// The open files of a replica.
#[derive(Debug)]
pub(super) struct Image {
    lock: Lock,
    shape: Shape,
    image: File,
    leaves: File,
}

impl Image {
    /// Opens or makes image and leaf file for a disk of the manifest's length.
    ///
    /// Where the image is missing or shorter than it should be, the leaves of what is lost are erased.
    ///
    /// # Errors
    /// Whatever the filesystem says.
    pub(super) fn open(lock: Lock, manifest: &Manifest) -> Result<Self, ReplicaError> {
        let replica = &lock.replica;
        let open = |path: PathBuf| {
            let mut options = OpenOptions::new();
            let file = options.create(true).truncate(false).read(true).write(true).mode(PRIVATE).open(&path);
            file.map_err(|error| io_error(replica.disk().clone(), "open", path, error))
        };
        let (image, leaves) = (open(replica.image())?, open(replica.leaves())?);
        let opened = Self { shape: Shape::of(manifest.length), image, leaves, lock };
        opened.fit()?;
        Ok(opened)
    }

    /// Gives both files their lengths, erasing the leaves of what the image does not hold.
    fn fit(&self) -> Result<(), ReplicaError> {
        let found = self.image.metadata().map_err(self.at_image("read"))?.len();
        let wanted = self.leaf_offset(self.shape.chunks());
        if self.leaves.metadata().map_err(self.at_leaves("read"))?.len() != wanted {
            self.leaves.set_len(wanted).map_err(self.at_leaves("resize"))?;
        }
        // A killed pass may have erased leaves that are not durable yet: to us they look as if they were.
        self.leaves.sync_all().map_err(self.at_leaves("write"))?;
        if found != self.shape.length() {
            let held = found.min(self.shape.length()) / CHUNK_BYTES;
            self.erase(held, self.shape.chunks() - held)?;
            self.leaves.sync_data().map_err(self.at_leaves("write"))?;
            self.image.set_len(self.shape.length()).map_err(self.at_image("resize"))?;
            self.image.sync_all().map_err(self.at_image("write"))?;
        }
        sync_dir(&self.lock.replica.image()).map_err(self.at_image("write the directory of"))
    }

    /// The disk's tree's shape.
    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Saves the manifest.
    ///
    /// # Errors
    /// Whatever the filesystem says.
    pub(super) fn save(&self, manifest: &Manifest) -> Result<(), ReplicaError> {
        let path = self.lock.replica.manifest();
        manifest.save(&path).map_err(|error| io_error(self.disk(), "write", path, error))
    }

    /// The disk, for errors.
    pub(super) fn disk(&self) -> DiskId {
        self.lock.replica.disk().clone()
    }

    fn at_image(&self, action: &'static str) -> impl FnOnce(io::Error) -> ReplicaError + use<> {
        let (disk, path) = (self.disk(), self.lock.replica.image());
        move |error| io_error(disk, action, path, error)
    }

    fn at_leaves(&self, action: &'static str) -> impl FnOnce(io::Error) -> ReplicaError + use<> {
        let (disk, path) = (self.disk(), self.lock.replica.leaves());
        move |error| io_error(disk, action, path, error)
    }

    fn leaf_offset(&self, chunk: u64) -> u64 {
        chunk * Hash::LEN as u64
    }

    /// The leaves of `count` chunks.
    ///
    /// # Errors
    /// A failed read.
    pub(super) fn leaves(&self, first: u64, count: u32) -> Result<Vec<Hash>, ReplicaError> {
        let mut bytes = vec![0; count as usize * Hash::LEN];
        self.leaves.read_exact_at(&mut bytes, self.leaf_offset(first)).map_err(self.at_leaves("read"))?;
        Ok(bytes.chunks_exact(Hash::LEN).map(Hash::from_slice).collect())
    }

    /// Writes leaves without making them durable.
    fn write_leaves(&self, first: u64, leaves: &[Hash]) -> Result<(), ReplicaError> {
        let bytes: Vec<u8> = leaves.iter().flat_map(|leaf| leaf.0).collect();
        self.leaves.write_all_at(&bytes, self.leaf_offset(first)).map_err(self.at_leaves("write"))
    }

    /// Makes written leaves durable.
    fn sync_leaves(&self) -> Result<(), ReplicaError> {
        self.leaves.sync_data().map_err(self.at_leaves("write"))
    }

    /// Erases leaves that are known, without making that durable; says whether there was one.
    fn erase(&self, first: u64, count: u64) -> Result<bool, ReplicaError> {
        let mut erased = false;
        for range in pieces(first, count, LEAVES_PIECE) {
            let leaves = self.leaves(range.first, range.count)?;
            if leaves.iter().any(|leaf| *leaf != Hash::UNKNOWN) {
                self.write_leaves(range.first, &vec![Hash::UNKNOWN; leaves.len()])?;
                erased = true;
            }
        }
        Ok(erased)
    }

    /// Erases the leaves of ranges durably: nothing is known of these chunks any more.
    ///
    /// # Errors
    /// A failed read or write.
    pub(super) fn forget(&self, ranges: &[Range]) -> Result<(), ReplicaError> {
        let mut erased = false;
        for range in ranges {
            erased |= self.erase(range.first, range.count.into())?;
        }
        if erased { self.sync_leaves() } else { Ok(()) }
    }

    /// The shape's tree over the leaf file, and the stretches of which nothing at all is known: those
    /// are fetched without a comparison.
    ///
    /// # Errors
    /// A failed read.
    pub(super) fn survey(&self) -> Result<(Tree, Vec<Range>), ReplicaError> {
        let mut tree = Tree::unknown(self.shape);
        let mut unknown: Vec<Range> = Vec::new();
        let stretch = self.shape.group_chunks().max(PIECE.into());
        for piece in pieces(0, self.shape.chunks(), LEAVES_PIECE) {
            let leaves = self.leaves(piece.first, piece.count)?;
            for (first, leaves) in (piece.first..).step_by(to_usize(stretch)).zip(leaves.chunks(to_usize(stretch))) {
                if leaves.iter().any(|leaf| *leaf != Hash::UNKNOWN) {
                    tree.enter(first / self.shape.group_chunks(), leaves);
                    continue;
                }
                let range = Range { first, count: leaves.len().try_into().unwrap_or(PIECE) };
                match unknown.last_mut().filter(|last| last.end() == first && last.count < REQUEST) {
                    Some(last) => last.count += range.count,
                    None => unknown.push(range),
                }
            }
        }
        Ok((tree, unknown))
    }

    /// Enters the leaves of whole groups into a tree, as the file has them now.
    ///
    /// # Errors
    /// A failed read.
    pub(super) fn enter(&self, tree: &mut Tree, range: Range) -> Result<(), ReplicaError> {
        for piece in pieces(range.first, range.count.into(), LEAVES_PIECE) {
            tree.enter(piece.first / self.shape.group_chunks(), &self.leaves(piece.first, piece.count)?);
        }
        Ok(())
    }

    /// Writes whole chunks and returns the bytes written: blocks that are zero become holes. Nothing is
    /// durable yet.
    ///
    /// # Errors
    /// A failed write, such as on a full disk.
    pub(super) fn write(&self, range: Range, content: &[u8]) -> Result<u64, ReplicaError> {
        let (offset, length) = self.span(range);
        let content = &content[..content.len().min(length)];
        let mut written = 0;
        let mut place = 0;
        for stretch in content.chunks(BLOCK).collect::<Vec<_>>().chunk_by(|a, b| is_zero(a) == is_zero(b)) {
            let length: usize = stretch.iter().map(|block| block.len()).sum();
            let (at, bytes) = (offset + place as u64, &content[place..place + length]);
            place += length;
            if stretch.first().is_some_and(|block| is_zero(block)) {
                written += self.punch(at, length as u64)?;
            } else {
                self.image.write_all_at(bytes, at).map_err(self.at_image("write"))?;
                written += length as u64;
            }
        }
        Ok(written)
    }

    /// Makes chunks zero; nothing is durable yet.
    ///
    /// # Errors
    /// A failed write.
    pub(super) fn write_zero(&self, range: Range) -> Result<u64, ReplicaError> {
        self.punch(range.first * CHUNK_BYTES, u64::from(range.count) * CHUNK_BYTES)
    }

    /// Writes the blocks of a mask of one chunk; nothing is durable yet.
    ///
    /// # Errors
    /// A failed write.
    pub(super) fn write_blocks(&self, chunk: u64, mask: u16, content: &[u8]) -> Result<u64, ReplicaError> {
        let (offset, length) = self.span(Range { first: chunk, count: 1 });
        let marked = (0..BLOCKS).filter(|block| mask & 1 << block != 0);
        let mut written = 0;
        for (block, content) in marked.zip(content.chunks(BLOCK)) {
            let start = block * BLOCK;
            let content = &content[..content.len().min(length.saturating_sub(start))];
            let at = offset + start as u64;
            if is_zero(content) {
                written += self.punch(at, content.len() as u64)?;
            } else {
                self.image.write_all_at(content, at).map_err(self.at_image("write"))?;
                written += content.len() as u64;
            }
        }
        Ok(written)
    }

    /// The content of a chunk as the image has it, padded to a whole one.
    ///
    /// # Errors
    /// A failed read.
    pub(super) fn chunk(&self, chunk: u64) -> Result<Vec<u8>, ReplicaError> {
        let (offset, length) = self.span(Range { first: chunk, count: 1 });
        let mut content = vec![0; CHUNK];
        self.image.read_exact_at(&mut content[..length], offset).map_err(self.at_image("read"))?;
        Ok(content)
    }

    /// Where the image is.
    pub(super) fn path(&self) -> PathBuf {
        self.lock.replica.image()
    }

    /// The folder of the replica.
    pub(super) fn folder(&self) -> PathBuf {
        self.lock.replica.dir().to_owned()
    }

    /// The image once more, for reading.
    ///
    /// # Errors
    /// Too many open files.
    pub(super) fn image_file(&self) -> io::Result<File> {
        self.image.try_clone()
    }

    /// Makes a hole, or zeros where the filesystem has no holes; returns the bytes written.
    fn punch(&self, offset: u64, length: u64) -> Result<u64, ReplicaError> {
        if length == 0 {
            return Ok(0);
        }
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(&self.image, flags, offset, length) {
            Ok(()) => Ok(0),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.write_zeros(offset, length.min(self.shape.length() - offset)),
            Err(error) => Err(self.at_image("punch a hole into")(error.into())),
        }
    }

    /// Zeros for filesystems without holes.
    fn write_zeros(&self, offset: u64, length: u64) -> Result<u64, ReplicaError> {
        let zeros = vec![0; PIECE as usize * CHUNK];
        for at in (offset..offset + length).step_by(zeros.len()) {
            let piece = to_usize(offset + length - at).min(zeros.len());
            self.image.write_all_at(&zeros[..piece], at).map_err(self.at_image("write"))?;
        }
        Ok(length)
    }

    /// Makes what was written durable, and drops it from the cache so that it is read back from disk.
    ///
    /// # Errors
    /// A failed write.
    pub(super) fn settle(&self, ranges: &[Range]) -> Result<(), ReplicaError> {
        self.image.sync_data().map_err(self.at_image("write"))?;
        ranges.iter().for_each(|range| self.drop_cache(*range));
        Ok(())
    }

    /// Asks the kernel to forget what it holds of chunks, so that they are read from disk.
    pub(super) fn drop_cache(&self, range: Range) {
        let length = NonZeroU64::new(u64::from(range.count) * CHUNK_BYTES);
        // Only advice: where it is not taken, the bytes are compared all the same.
        let _ = rustix::fs::fadvise(&self.image, range.first * CHUNK_BYTES, length, Advice::DontNeed);
    }

    /// Reads chunks from disk and shows the leaf of each to `each`.
    ///
    /// # Errors
    /// A failed read, or what `each` says.
    pub(super) fn read_back(
        &self,
        range: Range,
        mut each: impl FnMut(u64, Hash) -> Result<(), ReplicaError>,
    ) -> Result<(), ReplicaError> {
        let mut buffer = vec![0; PIECE.min(range.count) as usize * CHUNK];
        for piece in pieces(range.first, range.count.into(), PIECE) {
            let chunks = piece.first..piece.end();
            if self.is_hole(piece) {
                chunks.into_iter().try_for_each(|chunk| each(chunk, zero_leaf()))?;
                continue;
            }
            let (offset, length) = self.span(piece);
            self.image.read_exact_at(&mut buffer[..length], offset).map_err(self.at_image("read"))?;
            for (chunk, content) in chunks.zip(buffer[..length].chunks(CHUNK)) {
                each(chunk, leaf(content))?;
            }
            self.drop_cache(piece);
        }
        Ok(())
    }

    /// Whether the filesystem says that a range holds no data.
    fn is_hole(&self, range: Range) -> bool {
        let end = (range.end() * CHUNK_BYTES).min(self.shape.length());
        match rustix::fs::seek(&self.image, rustix::fs::SeekFrom::Data(range.first * CHUNK_BYTES)) {
            Ok(data) => data >= end,
            Err(error) => error == Errno::NXIO && self.image.metadata().is_ok_and(|data| data.len() >= end),
        }
    }

    /// Writes the leaves of chunks that are durable and were read back, and makes them durable.
    ///
    /// # Errors
    /// A failed write.
    pub(super) fn acknowledge(&self, leaves: &[(u64, Vec<Hash>)]) -> Result<(), ReplicaError> {
        leaves.iter().try_for_each(|(first, leaves)| self.write_leaves(*first, leaves))?;
        self.sync_leaves()
    }

    /// Offset and length in bytes of chunks; the last chunk of the disk may be short.
    fn span(&self, range: Range) -> (u64, usize) {
        let offset = range.first * CHUNK_BYTES;
        let end = (range.end() * CHUNK_BYTES).min(self.shape.length());
        (offset, usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX))
    }
}

/// A count that is known to be small.
fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// `count` chunks from `first` in pieces of at most `most`.
pub(super) fn pieces(first: u64, count: u64, most: u32) -> impl Iterator<Item = Range> {
    let end = first + count;
    (first..end)
        .step_by(most as usize)
        .map(move |first| Range { first, count: u32::try_from((end - first).min(u64::from(most))).unwrap_or(most) })
}

/// Runs `work` where it may block.
///
/// # Errors
/// What `work` says.
pub(super) async fn on_disk<T: Send + 'static>(
    disk: DiskId,
    work: impl FnOnce() -> Result<T, ReplicaError> + Send + 'static,
) -> Result<T, ReplicaError> {
    joined(disk, tokio::task::spawn_blocking(work).await)
}

/// What blocking work said; work that never ended is an error too.
///
/// # Errors
/// What the work said.
pub(super) fn joined<T>(
    disk: DiskId,
    done: Result<Result<T, ReplicaError>, tokio::task::JoinError>,
) -> Result<T, ReplicaError> {
    done.unwrap_or_else(|source| Err(ReplicaError::Stopped { disk, source }))
}
