//! Memory of both sides for a disk of 2 TiB: 2^25 leaves that are all different. Each side runs in a
//! process of its own, whose peak the kernel tells (VmHWM).

use crate::support::replica::{agent, block_on, options};
use std::io::Write;
use traghetto::replica::chunk::{CHUNK_BYTES, FORMAT, Hash};
use traghetto::replica::tree::{Shape, Tree};
use traghetto::replica::wire::{self, Command, Reply};
use traghetto::replica::{self, AgentLink, DiskReplica, MapRecord, MapWanted};
use traghetto::world::Pipe;

const LEAVES: u64 = 1 << 25;

/// A leaf that no other chunk has.
fn synthetic(chunk: u64) -> Hash {
    let mut bytes = [0x5A; 32];
    bytes[..8].copy_from_slice(&chunk.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    Hash(bytes)
}

/// The tree of the synthetic disk, fed piece by piece as both sides do.
fn synthetic_tree() -> Tree {
    let mut tree = Tree::unknown(Shape::of(LEAVES * CHUNK_BYTES));
    let piece = 1 << 15;
    for first in (0..LEAVES).step_by(piece) {
        let leaves: Vec<Hash> = (first..first + piece as u64).map(synthetic).collect();
        tree.enter(first / tree.shape().group_chunks(), &leaves);
    }
    tree
}

/// Peak resident memory of a process in bytes.
fn peak(pid: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Not a test by itself: receives a pass over a replica whose leaf file is full, and prints its peak.
#[test]
fn child_that_receives() {
    let Some(folder) = std::env::var_os("TRAGHETTO_TEST_MEMORY") else { return };
    let root: Hash = std::env::var("TRAGHETTO_TEST_ROOT").unwrap().parse().unwrap();
    let replica = DiskReplica::new(folder.as_ref(), &"disk0".parse().unwrap());
    block_on(async {
        let mut link = AgentLink::greet(agreeing(root), None, 0).await.unwrap();
        let report =
            replica::pass(&mut link, &replica, "/dev/synthetic".as_ref(), &options(), &mut |_| {}).await.unwrap();
        assert_eq!((report.root, report.chunks_sent), (root, 0));
    });
    println!("peak {}", peak("self"));
}

/// An agent whose disk already has this root.
fn agreeing(root: Hash) -> Pipe {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (input, mut commands) = tokio::io::duplex(1 << 16);
    let (mut replies, output) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move {
        let mut header = [0; wire::HEADER];
        while commands.read_exact(&mut header).await.is_ok() {
            let (kind, length) = wire::parse_header(&header, wire::MAX_COMMAND).unwrap();
            let mut rest = vec![0; length + wire::CHECKSUM];
            commands.read_exact(&mut rest).await.unwrap();
            let reply = match Command::decode(kind, wire::checked_body(&header, &rest).unwrap()).unwrap() {
                Command::Hello { format } => Reply::Hello { format, program: Hash::UNKNOWN },
                Command::Open { .. } => {
                    let length = LEAVES * CHUNK_BYTES;
                    let (listing, identity) = (MapRecord::whole(length).listing, String::new());
                    Reply::Opened { length, block_device: true, listing, copied: length, identity }
                }
                Command::Root => Reply::Root { root, bytes_read: 0 },
                other => panic!("{other:?}"),
            };
            replies.write_all(&reply.encode()).await.unwrap();
        }
    });
    Pipe {
        input: Box::new(input),
        output: Box::new(output),
        errors: Box::new(tokio::io::empty()),
        exit: Box::pin(async { Ok(0) }),
    }
}

/// Writes the replica of the synthetic disk: a manifest and a leaf file of 1 GiB; the image is a hole.
fn synthetic_replica(replica: &DiskReplica) {
    std::fs::create_dir_all(replica.dir()).unwrap();
    let length = LEAVES * CHUNK_BYTES;
    let manifest = serde_json::json!({
        "format": FORMAT, "length": length, "chunk_size": CHUNK_BYTES, "store": options().store,
        "source": {"path": "/dev/synthetic", "block_device": true, "identity": ""},
        "root": null, "passes": 0, "last_pass": null, "map": MapRecord::whole(length), "skipped": [],
    });
    std::fs::write(replica.manifest(), manifest.to_string()).unwrap();
    std::fs::File::create(replica.image()).unwrap().set_len(length).unwrap();
    let mut leaves = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(replica.leaves()).unwrap());
    (0..LEAVES).for_each(|chunk| leaves.write_all(&synthetic(chunk).0).unwrap());
    leaves.flush().unwrap();
}

#[test]
fn the_receiver_stays_below_256_mib_for_two_tebibytes() {
    let dir = tempfile::tempdir().unwrap();
    synthetic_replica(&DiskReplica::new(dir.path(), &"disk0".parse().unwrap()));
    let root = synthetic_tree().root();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["replica_memory::child_that_receives", "--exact", "--nocapture"])
        .env("TRAGHETTO_TEST_MEMORY", dir.path())
        .env("TRAGHETTO_TEST_ROOT", root.to_string())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{printed}{}", String::from_utf8_lossy(&child.stderr));
    let (_, peak) = printed.split_once("peak ").unwrap();
    let peak: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    assert!(peak < 256 << 20, "{peak}");
    println!("receiver: {} MiB", peak >> 20);
}

/// The agent itself, over a sparse file of 2 TiB with data in it: its tree is whole in any case.
#[test]
fn the_agent_stays_below_128_mib_for_two_tebibytes() {
    use std::os::unix::fs::FileExt;
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.img");
    let file = std::fs::File::create(&source).unwrap();
    file.set_len(LEAVES * CHUNK_BYTES).unwrap();
    for place in 0..16 {
        let random: Vec<u8> = crate::support::replica::random_bytes(place).take(1 << 20).collect();
        (0..4).for_each(|part| file.write_all_at(&random, (place << 32) + (part << 20)).unwrap());
    }
    let mut child = std::process::Command::new(agent())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = child.stdout.take().unwrap();
    use std::os::unix::ffi::OsStrExt;
    let path = source.as_os_str().as_bytes().to_vec();
    let group = Shape::of(LEAVES * CHUNK_BYTES).group_chunks() as u32;
    let ranges = (0..16).map(|place| wire_range(place << 16, group)).collect();
    input.write_all(&Command::Open { path, level: 12, map: MapWanted::Live }.encode()).unwrap();
    input.write_all(&Command::Read { ranges, have: Vec::new() }.encode()).unwrap();
    input.write_all(&Command::Root.encode()).unwrap();
    let root = loop {
        match read_reply(&mut output) {
            Reply::Root { root, .. } => break root,
            Reply::Fault { text, .. } => panic!("{text}"),
            _ => {}
        }
    };
    let peak = peak(&child.id().to_string());
    drop(input);
    assert!(child.wait().unwrap().success());
    assert_ne!(root, Hash::UNKNOWN);
    assert!(peak < 128 << 20, "{peak}");
    println!("agent: {} MiB", peak >> 20);
}

fn wire_range(first: u64, count: u32) -> traghetto::replica::chunk::Range {
    traghetto::replica::chunk::Range { first, count }
}

fn read_reply(output: &mut impl std::io::Read) -> Reply {
    let mut header = [0; wire::HEADER];
    output.read_exact(&mut header).unwrap();
    let (kind, length) = wire::parse_header(&header, wire::MAX_REPLY).unwrap();
    let mut rest = vec![0; length + wire::CHECKSUM];
    output.read_exact(&mut rest).unwrap();
    Reply::decode(kind, wire::checked_body(&header, &rest).unwrap()).unwrap()
}
