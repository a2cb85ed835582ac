//! What a hostile agent can do to a receiver: end the pass, and nothing else. It writes inside its image
//! only, and never makes the receiver claim a chunk that the image does not hold.
//!
//! The input is a list of replies in a short form, since a mutator would not guess checksums: most of
//! what it makes arrives in whole frames, and some of it with the right leaves.

use std::os::unix::fs::FileExt;
use std::path::Path;
use traghetto::replica::chunk::{CHUNK, FORMAT, Hash, Range, leaf};
use traghetto::replica::tree::{Shape, Tree};
use traghetto::replica::wire::{Chunks, Packing, Reply, Run, RunKind};
use traghetto::replica::{self, AgentLink, DiskReplica, Manifest, MapRecord, MapWanted, PassOptions};
use traghetto::world::Pipe;

/// Bytes of the disk: four chunks, the last of them short.
const LENGTH: u64 = 3 * CHUNK as u64 + 4096 + 17;
const CHUNKS: u64 = 4;

/// Longest disk that is announced: the receiver makes files of that length.
const MAX_ANNOUNCED: u64 = 1 << 30;

/// Most replies of an input.
const MAX_REPLIES: usize = 64;

/// Takes values off the front of the input; what is missing is zeros.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    fn hash(&mut self) -> Hash {
        Hash([self.byte(); 32])
    }
}

/// What an honest agent sends of a disk whose chunks are filled with their numbers: the seed.
pub fn honest() -> Vec<u8> {
    let (greeting, frame, read, root) = ([0], [1, 0, 0, 3, 0, 0], [3], [2, 0]);
    [&greeting[..], &frame, &read, &root].concat()
}

/// The bytes that an input makes the agent send.
fn replies(input: &[u8]) -> Vec<u8> {
    let mut script = Script(input);
    let mut sent = Vec::new();
    for _ in 0..MAX_REPLIES {
        if script.0.is_empty() {
            break;
        }
        sent.extend(match script.byte() % 10 {
            0 => greeting(),
            1 => chunks(&mut script),
            2 => root(&mut script),
            3 | 4 => Reply::Read.encode(),
            5 => Reply::Nodes((0..script.byte()).map(|_| script.hash().short()).collect()).encode(),
            6 => {
                let last = script.byte() & 1 == 0;
                let length = usize::from(script.byte());
                Reply::Listing { last, bytes: script.take(length).to_vec() }.encode()
            }
            7 => framed(&mut script),
            8 => Reply::Alive { chunks: u64::from(script.byte()) << 56 }.encode(),
            _ => {
                let length = usize::from(script.byte());
                script.take(length).to_vec()
            }
        });
    }
    sent
}

fn greeting() -> Vec<u8> {
    let hello = Reply::Hello { format: FORMAT, program: Hash::UNKNOWN };
    let listing = MapRecord::whole(LENGTH).listing;
    let opened =
        Reply::Opened { length: LENGTH, block_device: false, listing, copied: LENGTH, identity: String::new() };
    [hello.encode(), opened.encode()].concat()
}

/// A body of any kind in a frame with the right checksums.
fn framed(script: &mut Script<'_>) -> Vec<u8> {
    let kind = script.byte();
    let length = usize::from(script.byte()) << 2;
    let mut body = script.take(length).to_vec();
    if let (66, Some(announced)) = (kind, body.first_chunk_mut::<8>()) {
        *announced = (u64::from_le_bytes(*announced) % (MAX_ANNOUNCED + 1)).to_le_bytes();
    }
    let mut frame = vec![kind];
    frame.extend_from_slice(&(body.len() as u32).to_le_bytes());
    let check = blake3::hash(&frame);
    frame.extend_from_slice(&check.as_bytes()[..3]);
    frame.extend(body);
    let sum = blake3::hash(&frame);
    frame.extend_from_slice(&sum.as_bytes()[..8]);
    frame
}

/// A frame of runs, with leaves that are right unless the input says otherwise.
fn chunks(script: &mut Script<'_>) -> Vec<u8> {
    let mut frame = Chunks::empty();
    for _ in 0..=script.byte() % 4 {
        let (first, count) = (script.byte(), u32::from(script.byte() % 5) + 1);
        let first = if first < 0xF0 { u64::from(first % 8) } else { u64::MAX - u64::from(first) };
        let kind = [RunKind::Data, RunKind::Hole, RunKind::Patch, RunKind::Reference][usize::from(script.byte() % 4)];
        frame.runs.push(Run { range: Range { first, count }, kind });
        for chunk in (0..u64::from(count)).map(|index| first.wrapping_add(index)) {
            let content = content(chunk);
            match kind {
                RunKind::Hole => continue,
                RunKind::Data => frame.content.extend_from_slice(&content),
                RunKind::Patch => {
                    let mask = u16::from(script.byte()) | 1;
                    frame.masks.push(mask);
                    frame.content.extend_from_slice(&content[..mask.count_ones() as usize * 4096]);
                }
                RunKind::Reference => {}
            }
            frame.leaves.push(leaf(&content));
        }
    }
    match script.byte() {
        0..0x80 => {}
        0x80..0xC0 => {
            let place = usize::from(script.byte()) % frame.content.len().max(1);
            if let Some(byte) = frame.content.get_mut(place) {
                *byte ^= 1;
            }
        }
        0xC0..0xE0 => {
            let by = frame.leaves.len().min(1);
            frame.leaves.rotate_left(by);
        }
        _ => frame.packing = Packing::Zstd,
    }
    Reply::Chunks(frame).encode()
}

/// A chunk of the disk of which an honest agent speaks, padded with zeros behind the end of the disk.
fn content(chunk: u64) -> Vec<u8> {
    let length = LENGTH.saturating_sub(chunk.saturating_mul(CHUNK as u64)).clamp(1, CHUNK as u64);
    let mut content = vec![chunk as u8; length as usize];
    content.resize(CHUNK, 0);
    content
}

fn root(script: &mut Script<'_>) -> Vec<u8> {
    let mut tree = Tree::unknown(Shape::of(LENGTH));
    let leaves: Vec<Hash> = (0..CHUNKS).map(|chunk| leaf(&content(chunk))).collect();
    tree.enter(0, &leaves);
    let root = if script.byte() < 0x80 { tree.root() } else { script.hash() };
    Reply::Root { root, bytes_read: LENGTH }.encode()
}

/// Runs two passes with an agent that sends what the input says, the second over what the first left.
pub fn check(input: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let replica = DiskReplica::new(&folder.path().join("replica"), &"disk0".parse().expect("an id"));
    let beside = folder.path().join("beside");
    std::fs::write(&beside, b"untouched").expect("a file beside");
    let (first, second) = input.split_at(input.len() / 2);
    for part in [input, first, second] {
        pass(&replica, replies(part));
        inspect(&replica);
    }
    assert_eq!(std::fs::read(&beside).expect("the file beside"), b"untouched");
    assert!(std::fs::read_dir(folder.path()).expect("the folder").count() <= 2);
}

/// Whether a pass with this agent ends well: what a seed must do.
pub fn is_complete(input: &[u8]) -> bool {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let replica = DiskReplica::new(folder.path(), &"disk0".parse().expect("an id"));
    pass(&replica, replies(input));
    replica.status().is_ok_and(|status| status.is_some_and(|status| status.root.is_some()))
}

fn pass(replica: &DiskReplica, sent: Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (store, map, donors) = ("store".to_owned(), MapWanted::Quiet, Vec::new());
    let options = PassOptions { store, level: 3, map, donors, snapshot: false };
    runtime.block_on(async {
        let pipe = Pipe {
            input: Box::new(tokio::io::sink()),
            output: Box::new(std::io::Cursor::new(sent)),
            errors: Box::new(tokio::io::empty()),
            exit: Box::pin(async { Ok(0) }),
        };
        if let Ok(mut link) = AgentLink::greet(pipe, None, 0).await {
            // Whether it fails is the agent's affair; what it leaves behind is ours.
            let _ = replica::pass(&mut link, replica, Path::new("/dev/sda"), &options, &mut |_| {}).await;
        }
    });
}

/// Nothing but the replica's own files, inside their bounds, and no leaf without its content.
fn inspect(replica: &DiskReplica) {
    let Ok(entries) = std::fs::read_dir(replica.dir()) else { return };
    for entry in entries.map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().into_string().expect("a name of ours");
        assert!(["disk0.img", "disk0.leaves", "disk0.json", "disk0.lock"].contains(&name.as_str()), "{name}");
    }
    let Some(manifest) = Manifest::load(&replica.manifest()).expect("a manifest that can be read") else { return };
    let (Ok(image), Ok(leaves)) = (std::fs::File::open(replica.image()), std::fs::read(replica.leaves())) else {
        return;
    };
    let length = image.metadata().expect("the image").len();
    assert!(length <= manifest.length, "an image of {length} bytes for a disk of {}", manifest.length);
    assert!(leaves.len() as u64 <= manifest.length.div_ceil(CHUNK as u64) * Hash::LEN as u64);
    for (chunk, claimed) in leaves.chunks_exact(Hash::LEN).map(Hash::from_slice).enumerate() {
        if claimed != Hash::UNKNOWN {
            let offset = (chunk * CHUNK) as u64;
            let mut content = vec![0; (length - offset).min(CHUNK as u64) as usize];
            image.read_exact_at(&mut content, offset).expect("the image");
            assert_eq!(leaf(&content), claimed, "chunk {chunk} is not what its leaf claims");
        }
    }
}
