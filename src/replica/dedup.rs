//! Chunks of the same tenant that are already here: found by their leaf, confirmed by their bytes.
//!
//! The index is a table in a file without a name: it takes no memory however many chunks there are
//! (32 bytes of the landing filesystem for each chunk), and a kill leaves nothing behind. It only says where to look: a
//! chunk is used after its stored bytes were read and have the leaf asked for, so that an index that
//! is wrong, or a replica that changed since, costs a chunk sent and never a wrong byte.

use super::chunk::{CHUNK, Hash, Short};
use super::disk::DiskReplica;
use super::error::ReplicaError;
use super::image::{Image, LEAVES_PIECE, io_error, pieces};
use super::manifest::PRIVATE;
use super::tree::zero_leaf;
use rustix::fs::{Mode, OFlags};
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a slot: 8 of the leaf, 2 of the place's replica plus one, 6 of its chunk.
const SLOT: u64 = 16;

/// Most slots of a table: 16 GiB of a sparse file, for some 48 TiB of content.
const MAX_SLOTS: u64 = 1 << 30;

/// Slots looked at before a chunk counts as not there.
const PROBES: u64 = 64;

/// Leaves asked for before it is judged whether asking is worth reading a source twice.
const TRIAL: u64 = 8192;

/// One hit in so many is worth it.
const WORTH: u64 = 200;

/// Where the chunks of a tenant's replicas are.
pub(super) struct Index {
    table: File,
    slots: u64,
    used: AtomicU64,
    /// Images of the replicas; the first is the one that is being written.
    images: Vec<File>,
    /// Leaves whose stored bytes turned out to be others.
    refused: Mutex<HashSet<Short>>,
    asked: AtomicU64,
    hits: AtomicU64,
}

impl Index {
    /// The index over what `image` and the complete chunks of `donors` hold; none where there is nothing.
    ///
    /// # Errors
    /// A full or failing disk. A donor that cannot be read is left out.
    pub(super) fn build(image: &Image, donors: &[DiskReplica]) -> Result<Option<Self>, ReplicaError> {
        let path = image.folder();
        let failed = |action| {
            let (disk, path) = (image.disk(), path.clone());
            move |error: io::Error| io_error(disk, action, path, error)
        };
        let mut files = vec![(image.image_file().map_err(failed("open the image in"))?, image.shape().chunks(), None)];
        for donor in donors.iter().filter(|donor| donor.image() != image.path()) {
            if let Ok((content, leaves)) = open(donor) {
                let chunks = leaves.metadata().map_or(0, |data| data.len() / Hash::LEN as u64);
                files.push((content, chunks, Some(leaves)));
            }
        }
        let chunks: u64 = files.iter().map(|(_, chunks, _)| chunks).sum();
        let slots = (chunks.saturating_mul(2)).next_power_of_two().clamp(1024, MAX_SLOTS);
        let table = unnamed(&path).map_err(failed("make a file in"))?;
        table.set_len(slots * SLOT).map_err(failed("make a file in"))?;
        let (images, leaves): (Vec<File>, Vec<_>) =
            files.into_iter().map(|(image, chunks, leaves)| (image, (chunks, leaves))).unzip();
        let index = Self {
            table,
            slots,
            used: AtomicU64::new(0),
            images,
            refused: Mutex::default(),
            asked: AtomicU64::new(0),
            hits: AtomicU64::new(0),
        };
        for (number, (chunks, leaves)) in leaves.iter().enumerate() {
            index.enter(number, *chunks, leaves.as_ref(), image)?;
        }
        Ok((index.used.load(Ordering::Relaxed) > 0).then_some(index))
    }

    /// Enters all leaves of one replica; without a leaf file those of the image that is written.
    fn enter(&self, number: usize, chunks: u64, leaves: Option<&File>, own: &Image) -> Result<(), ReplicaError> {
        let mut bytes = Vec::new();
        for piece in pieces(0, chunks, LEAVES_PIECE) {
            let found = match leaves {
                None => own.leaves(piece.first, piece.count)?,
                Some(file) => {
                    bytes.resize(piece.count as usize * Hash::LEN, 0);
                    if file.read_exact_at(&mut bytes, piece.first * Hash::LEN as u64).is_err() {
                        return Ok(());
                    }
                    bytes.chunks_exact(Hash::LEN).map(Hash::from_slice).collect()
                }
            };
            for (chunk, leaf) in (piece.first..).zip(found) {
                self.insert(number, chunk, &leaf);
            }
        }
        Ok(())
    }

    /// Enters chunks of the image that is written, once they are durable.
    pub(super) fn add(&self, runs: &[(u64, Vec<Hash>)]) {
        for (first, leaves) in runs {
            (*first..).zip(leaves).for_each(|(chunk, leaf)| self.insert(0, chunk, leaf));
        }
    }

    /// Enters a chunk. One that finds no slot is only not found later.
    fn insert(&self, number: usize, chunk: u64, leaf: &Hash) {
        let full = self.used.load(Ordering::Relaxed) >= self.slots / 4 * 3;
        if *leaf == Hash::UNKNOWN || *leaf == zero_leaf() || full {
            return;
        }
        let Ok(image) = u16::try_from(number + 1) else { return };
        let leaf = leaf.short();
        for slot in self.probe(leaf) {
            match self.read_slot(slot) {
                Some((_, 0, _)) => {
                    let mut bytes = [0; SLOT as usize];
                    bytes[..8].copy_from_slice(&leaf.0[..8]);
                    bytes[8..10].copy_from_slice(&image.to_le_bytes());
                    bytes[10..].copy_from_slice(&chunk.to_le_bytes()[..6]);
                    if self.table.write_all_at(&bytes, slot * SLOT).is_ok() {
                        self.used.fetch_add(1, Ordering::Relaxed);
                    }
                    return;
                }
                Some((prefix, _, _)) if prefix != leaf.0[..8] => {}
                _ => return,
            }
        }
    }

    /// Whether a chunk with this leaf seems to be here.
    pub(super) fn offers(&self, leaf: Short) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let refused = self.refused.lock().is_ok_and(|refused| refused.contains(&leaf));
        let found = !refused && self.place(leaf).is_some();
        self.hits.fetch_add(u64::from(found), Ordering::Relaxed);
        found
    }

    /// Whether asking goes on: a source is read twice for it.
    pub(super) fn worth_asking(&self) -> bool {
        let (asked, hits) = (self.asked.load(Ordering::Relaxed), self.hits.load(Ordering::Relaxed));
        asked < TRIAL || hits * WORTH >= asked
    }

    /// The stored bytes of the chunk with this leaf, a whole chunk, read and compared; none where they
    /// are others by now.
    pub(super) fn content(&self, leaf: &Hash) -> Option<Vec<u8>> {
        let read = self.place(leaf.short()).and_then(|(image, chunk)| {
            let mut content = vec![0; CHUNK];
            read_up_to(self.images.get(image)?, &mut content, chunk * CHUNK as u64).ok()?;
            (super::chunk::leaf(&content) == *leaf).then_some(content)
        });
        if read.is_none()
            && let Ok(mut refused) = self.refused.lock()
        {
            refused.insert(leaf.short());
        }
        read
    }

    fn place(&self, leaf: Short) -> Option<(usize, u64)> {
        for slot in self.probe(leaf) {
            let (prefix, image, chunk) = self.read_slot(slot)?;
            match image.checked_sub(1) {
                None => return None,
                Some(image) if prefix == leaf.0[..8] => return Some((usize::from(image), chunk)),
                Some(_) => {}
            }
        }
        None
    }

    fn probe(&self, leaf: Short) -> impl Iterator<Item = u64> + use<> {
        let home = leaf.0.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let slots = self.slots;
        (0..PROBES).map(move |step| home.wrapping_add(step) % slots)
    }

    /// Start of the leaf, replica plus one (0 is empty) and chunk of a slot.
    fn read_slot(&self, slot: u64) -> Option<([u8; 8], u16, u64)> {
        let mut bytes = [0; SLOT as usize];
        self.table.read_exact_at(&mut bytes, slot * SLOT).ok()?;
        let mut chunk = [0; 8];
        chunk[..6].copy_from_slice(&bytes[10..]);
        Some((*bytes.first_chunk()?, u16::from_le_bytes([bytes[8], bytes[9]]), u64::from_le_bytes(chunk)))
    }
}

/// Image and leaf file of a replica, for reading.
fn open(replica: &DiskReplica) -> io::Result<(File, File)> {
    Ok((File::open(replica.image())?, File::open(replica.leaves())?))
}

/// Reads until the file ends; what lies beyond stays as it is.
fn read_up_to(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.read_at(buffer, offset)? {
            0 => return Ok(()),
            read => {
                buffer = &mut buffer[read..];
                offset += read as u64;
            }
        }
    }
    Ok(())
}

/// A file in `folder` that vanishes with its last holder.
fn unnamed(folder: &std::path::Path) -> io::Result<File> {
    let mode = Mode::from_raw_mode(PRIVATE);
    match rustix::fs::open(folder, OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC, mode) {
        Ok(file) => Ok(file.into()),
        // Filesystems without O_TMPFILE, such as NFS.
        Err(_) => {
            let path = folder.join(format!(".index-{}", std::process::id()));
            let file = File::options().create(true).truncate(true).read(true).write(true).open(&path)?;
            std::fs::remove_file(&path)?;
            Ok(file)
        }
    }
}
