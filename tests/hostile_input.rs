//! Input that nobody meant: the checks of the fuzz targets (`fuzz/`), fed with their seeds and with some
//! thousand mutations of each, the same in every run. The fuzzers themselves run in `make proof`.

use crate::support::checks::disk::{Disk, LIVE, SEALED};
use crate::support::checks::{disk_map, receiver, vsphere_answer, wire_command, wire_reply};
use crate::support::project;
use crate::support::specimens::specimens;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use traghetto::replica::CHUNK;
use traghetto::replica::chunk::{BLOCKS, Hash, Range};
use traghetto::replica::map::{Activity, BLOCK, DiskMap, ReadAt};
use traghetto::replica::wire::{
    self, Chunks, Command, FaultKind, Have, MapWanted, Obstacle, ObstacleKind, Packing, Reply, Run, RunKind, Sampled,
    Use, Way,
};

fn folder(target: &str) -> PathBuf {
    project().join("fuzz/seeds").join(target)
}

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder(target)).unwrap().map(Result::unwrap);
    let mut found: Vec<_> =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect();
    found.sort();
    assert!(!found.is_empty(), "no seeds of {target}");
    found
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % most.max(1)
    }
}

/// A few changes of an input: bits, numbers at the edges of their types, stretches moved or left out.
fn mutated(seed: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    const EDGES: [u64; 8] = [0, 1, 0x7F, 0xFF, 0x7FFF_FFFF, 0xFFFF_FFFF, u64::MAX >> 1, u64::MAX];
    let mut input = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(input.len());
        match random.below(8) {
            0..4 => input[at] ^= 1 << random.below(8),
            4 | 5 => {
                let width = [1, 2, 4, 8][random.below(4)].min(input.len() - at);
                let edge = EDGES[random.below(EDGES.len())].to_le_bytes();
                input[at..at + width].copy_from_slice(&edge[..width]);
            }
            6 => {
                let (from, length) = (random.below(other.len()), random.below(64));
                let part = &other[from..other.len().min(from + length)];
                let end = input.len().min(at + part.len());
                input.splice(at..end, part.iter().copied());
            }
            _ => drop(input.drain(at..input.len().min(at + random.below(9)))),
        }
        if input.is_empty() {
            input.push(0);
        }
    }
    input
}

fn survives(target: &str, rounds: usize, check: impl Fn(&[u8])) {
    let seeds = seeds(target);
    let mut random = Random(1);
    for (name, seed) in &seeds {
        check(seed);
        for round in 0..rounds {
            let other = &seeds[random.below(seeds.len())].1;
            let input = mutated(seed, other, &mut random);
            let survived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&input)));
            if survived.is_err() {
                let kept = std::env::temp_dir().join(format!("traghetto-{target}-{name}-{round}"));
                std::fs::write(&kept, &input).unwrap();
                panic!("{target}: mutation {round} of {name} fails, kept in {}", kept.display());
            }
        }
    }
}

#[test]
fn any_disk_has_a_map() {
    survives("disk_map", if cfg!(debug_assertions) { 60 } else { 1000 }, disk_map::check);
}

#[test]
fn any_command_is_refused_or_understood() {
    survives("wire_command", 4000, wire_command::check);
}

#[test]
fn any_reply_is_refused_or_understood() {
    survives("wire_reply", 4000, wire_reply::check);
}

#[test]
fn any_answer_of_vsphere_is_refused_or_understood() {
    survives("vsphere_answer", 2000, vsphere_answer::check);
}

#[test]
fn any_agent_leaves_a_replica_that_is_true() {
    survives("receiver", if cfg!(debug_assertions) { 150 } else { 1500 }, receiver::check);
}

/// The seed of `receiver` is a pass that ends well; `TRAGHETTO_BLESS=1` makes it anew.
#[test]
fn receiver_seed_is_an_honest_agent() {
    if std::env::var_os("TRAGHETTO_BLESS").is_some() {
        std::fs::create_dir_all(folder("receiver")).unwrap();
        std::fs::write(folder("receiver").join("honest"), receiver::honest()).unwrap();
    }
    assert_eq!(seeds("receiver"), [("honest".to_owned(), receiver::honest())]);
    assert!(receiver::is_complete(&receiver::honest()));
}

/// Kind and body of a frame, as the checks of the wire take them after whole frames.
fn bare(frame: &[u8]) -> Vec<u8> {
    [&frame[..1], &frame[wire::HEADER..frame.len() - wire::CHECKSUM]].concat()
}

fn hash(mark: u8) -> Hash {
    Hash([mark; 32])
}

fn commands() -> Vec<Command> {
    let ranges = vec![Range { first: 0, count: 2 }, Range { first: 1024, count: 1 }];
    vec![
        Command::Hello { format: 1 },
        Command::Open { path: b"/dev/sda".to_vec(), level: 9, map: MapWanted::Live },
        Command::Read { ranges: ranges.clone(), have: Vec::new() },
        Command::Read {
            ranges: ranges.clone(),
            have: vec![Have::Here(hash(1).short()), Have::Blocks(Box::new([9; BLOCKS])), Have::Nothing],
        },
        Command::Read { ranges: vec![ranges[1]], have: vec![Have::Elsewhere(hash(2).short())] },
        Command::Root,
        Command::Nodes { level: 1, indices: vec![0, 1, 7] },
        Command::Listing,
        Command::Leaves { ranges },
        Command::Rate { bits_per_second: 10_000_000 },
        Command::Freeze { path: b"/dev/sda".to_vec(), seconds: 60 },
        Command::Thaw,
        Command::Sample { permille: 10 },
        Command::Uses { path: b"/dev/sda".to_vec() },
        Command::Hold,
    ]
}

fn replies() -> Vec<Reply> {
    let used = Use { way: Way::Written, device: "/dev/sda1".into(), filesystem: "ext4".into(), place: "/".into() };
    let run = |first, count, kind| Run { range: Range { first, count }, kind };
    let content = zstd::bulk::compress(&vec![7; 2 * CHUNK + 2 * BLOCK as usize], 3).unwrap();
    let runs = vec![
        run(3, 2, RunKind::Data),
        run(9, 700, RunKind::Hole),
        run(709, 1, RunKind::Patch),
        run(710, 1, RunKind::Reference),
    ];
    vec![
        Reply::Hello { format: 1, program: hash(9) },
        Reply::Opened {
            length: 5 << 30,
            block_device: true,
            listing: hash(3),
            copied: 1 << 30,
            identity: "wwid:naa.5000".to_owned(),
        },
        Reply::Chunks(Chunks {
            runs,
            leaves: vec![hash(1), hash(2), hash(7), hash(8)],
            masks: vec![0x8001],
            packing: Packing::Zstd,
            content,
        }),
        Reply::Read,
        Reply::Root { root: hash(4), bytes_read: 1 << 33 },
        Reply::Nodes(vec![hash(5).short(), hash(6).short()]),
        Reply::Alive { chunks: 77 },
        Reply::Fault { kind: FaultKind::Read, offset: 4096, text: "errore di lettura".to_owned() },
        Reply::Listing { last: true, bytes: vec![1, 2, 3] },
        Reply::Leaves {
            runs: vec![(Range { first: 0, count: 2 }, false), (Range { first: 2, count: 9 }, true)],
            leaves: vec![hash(1).short(), hash(2).short()],
        },
        Reply::Frozen(vec![used.clone()]),
        Reply::Thawed { held: true },
        Reply::Sample(Sampled { places: 3, sampled_chunks: 144, zero_chunks: 16, ..Sampled::default() }),
        Reply::Uses(vec![Use { way: Way::Swap, device: "/dev/sda5".into(), ..used }]),
        Reply::Obstacle(Obstacle { kind: ObstacleKind::Unsupported, place: "/boot/efi".into(), detail: "vfat".into() }),
    ]
}

/// The seeds of the wire are one of each kind; `TRAGHETTO_BLESS=1` makes them anew.
#[test]
fn wire_seeds_are_one_of_each_kind() {
    let commands = commands().iter().map(Command::encode).collect();
    let replies = replies().iter().map(Reply::encode).collect();
    let targets: [(&str, Vec<Vec<u8>>); 2] = [("wire_command", commands), ("wire_reply", replies)];
    for (target, frames) in targets {
        let wanted: Vec<_> = frames.iter().enumerate().map(|(at, frame)| (format!("{at:02}"), bare(frame))).collect();
        let wanted = wanted.into_iter().chain([("all".to_owned(), frames.concat())]);
        if std::env::var_os("TRAGHETTO_BLESS").is_some() {
            std::fs::create_dir_all(folder(target)).unwrap();
            wanted.clone().for_each(|(name, seed)| std::fs::write(folder(target).join(name), seed).unwrap());
        }
        assert!(
            seeds(target) == wanted.collect::<Vec<_>>(),
            "the seeds of {target} are of another version of the wire"
        );
    }
}

/// A specimen as its map reads it.
struct Recorder<'a> {
    image: &'a crate::support::images::Image,
    blocks: RefCell<BTreeMap<u64, Vec<u8>>>,
}

impl ReadAt for Recorder<'_> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        buffer.copy_from_slice(&self.image.read(offset, buffer.len()));
        let mut blocks = self.blocks.borrow_mut();
        for (number, part) in (offset / BLOCK..).zip(buffer.chunks(BLOCK as usize)) {
            blocks.insert(number, part.to_vec());
        }
        Ok(())
    }
}

/// The seeds of `disk_map` are what maps read of real disks; `TRAGHETTO_BLESS=1` makes them anew.
/// Needs root and the packages named in `support/images.rs`.
#[test]
fn disk_seeds_are_parts_of_real_disks() {
    if std::env::var_os("TRAGHETTO_BLESS").is_some() {
        std::fs::create_dir_all(folder("disk_map")).unwrap();
        for (name, expected, image) in specimens() {
            let recorder = Recorder { image: &image, blocks: RefCell::default() };
            let map = DiskMap::of(&recorder, image.length(), Activity::Quiet).unwrap();
            let text = crate::support::images::findings(&map);
            assert!(text.contains(expected), "{name}: {text}");
            let pieces: Vec<_> = recorder.blocks.take().into_iter().map(|(at, bytes)| (at * BLOCK, bytes)).collect();
            for (mark, flags) in [("", 0), ("-live", LIVE), ("-sealed", SEALED)] {
                let input = Disk::describe(flags, image.length(), &pieces);
                let wanted = match flags {
                    LIVE => name == "xfs5-frozen" || name.ends_with("-cut"),
                    SEALED => matches!(name, "gpt" | "lvm"),
                    _ => true,
                };
                if wanted {
                    std::fs::write(folder("disk_map").join(format!("{name}{mark}")), input).unwrap();
                }
            }
        }
    }
    let mut total = 0;
    let mut found = String::new();
    for (name, seed) in seeds("disk_map") {
        total += seed.len();
        let map = disk_map::map(&Disk::of(&seed));
        found += &format!("{name}\n{}", crate::support::images::findings(&map));
    }
    assert!(total < 600 << 10, "{total} bytes of seeds");
    crate::support::golden("hostile/disk-seeds.txt", &found);
}
