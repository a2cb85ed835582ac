//! A source with a filesystem on it, its replica, and what a pass over a meddling relay leaves behind.

use super::relay::{self, Counters, Meddling};
use crate::support::replica::{options, run};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use traghetto::model::DiskId;
use traghetto::replica::map::{Activity, DiskMap, ReadAt};
use traghetto::replica::{self, AgentLink, DiskReplica, Manifest, MapWanted, PassOptions, PassReport, ReplicaError};
use traghetto::world::Pipe;

/// How large a source is: bytes of the disk, and of the one large file on it.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    disk: u64,
    file: u64,
}

/// Large enough that what is sent again shows, and small enough for a thousand passes.
pub const LARGE: Size = Size { disk: 40 << 20, file: 22 << 20 };
pub const SMALL: Size = Size { disk: 14 << 20, file: 6 << 20 };

const BLOCK: u64 = 4096;

/// Numbers that are the same for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, most: u64) -> u64 {
        self.next() % most.max(1)
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        blake3::Hasher::new().update(&self.next().to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    }

    /// Content of one of the kinds that disks hold.
    fn content(&mut self, length: usize) -> Vec<u8> {
        match self.below(4) {
            0 => vec![0; length],
            1 => self.bytes(64).into_iter().cycle().take(length).collect(),
            _ => self.bytes(length),
        }
    }
}

struct File(std::fs::File);

impl ReadAt for File {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }
}

/// A source, its replica, and the way between them.
pub struct Bench {
    dir: tempfile::TempDir,
    pub source: PathBuf,
    pub replica: DiskReplica,
    pub map: MapWanted,
    /// Blocks of the large file: what may change without harm to the filesystem.
    blocks: Vec<u64>,
}

impl Bench {
    /// Needs root and e2fsprogs.
    pub fn new(folder: &Path, size: Size, random: &mut Random) -> Self {
        let dir = tempfile::tempdir_in(folder).unwrap();
        let (source, files) = (dir.path().join("source.img"), dir.path().join("files"));
        std::fs::create_dir(&files).unwrap();
        let content: Vec<u8> = (0..size.file / (64 << 10))
            .flat_map(|_| random.bytes(40 << 10).into_iter().chain(vec![7; 24 << 10]))
            .collect();
        std::fs::write(files.join("grande"), content).unwrap();
        std::fs::File::create(&source).unwrap().set_len(size.disk).unwrap();
        let path = source.to_str().unwrap();
        run(&[
            "mke2fs",
            "-q",
            "-F",
            "-t",
            "ext4",
            "-b",
            "4096",
            "-O",
            "^has_journal",
            "-d",
            files.to_str().unwrap(),
            path,
        ]);
        let listed = run(&["debugfs", "-R", "blocks /grande", path]);
        let blocks: Vec<u64> = listed.split_whitespace().map(|block| block.parse().unwrap()).collect();
        assert_eq!(blocks.len() as u64, size.file / BLOCK);
        let replica = replica_in(dir.path());
        let bench = Self { dir, source, replica, map: MapWanted::Quiet, blocks };
        bench.litter(random);
        bench
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Leaves something behind in free space, which is not to travel.
    fn litter(&self, random: &mut Random) {
        let file = File(std::fs::File::options().read(true).write(true).open(&self.source).unwrap());
        let length = file.0.metadata().unwrap().len();
        let map = DiskMap::of(&file, length, Activity::Quiet).unwrap();
        assert!(map.skips().iter().map(|skip| skip.length).sum::<u64>() > length / 4);
        for skip in map.skips() {
            file.0.write_all_at(&random.bytes(skip.length as usize), skip.offset).unwrap();
        }
    }

    /// Changes stretches of the large file.
    pub fn change(&self, random: &mut Random) {
        let file = std::fs::File::options().write(true).open(&self.source).unwrap();
        for _ in 0..1 + random.below(24) {
            let first = random.below(self.blocks.len() as u64) as usize;
            let count = 1 << random.below(8);
            let near = self.blocks[first..].iter().zip(self.blocks[first]..);
            let together = near.take(count).take_while(|(block, next)| *block == next).count();
            let content = random.content(together * BLOCK as usize);
            file.write_all_at(&content, self.blocks[first] * BLOCK).unwrap();
        }
    }

    /// Forgets the replica: the next pass is the first.
    pub fn forget(&self) {
        if let Err(error) = std::fs::remove_dir_all(self.replica.dir()) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        }
    }

    pub fn options(&self) -> PassOptions {
        PassOptions { map: self.map, ..options() }
    }

    /// A copy of the replica as it is, to see what a pass without faults would cost.
    pub fn copy_of_replica(&self) -> DiskReplica {
        let copy = self.path().join("copy");
        let _ = std::fs::remove_dir_all(&copy);
        if self.replica.dir().exists() {
            run(&["cp", "-a", "--sparse=always", self.replica.dir().to_str().unwrap(), copy.to_str().unwrap()]);
        }
        DiskReplica::new(&copy, self.replica.disk())
    }

    /// One pass through a relay that meddles, into `replica`.
    pub async fn pass(&self, replica: &DiskReplica, way: Way) -> (Result<PassReport, ReplicaError>, Counters) {
        let (pipe, counters) = way.open();
        let passed = match AgentLink::greet(pipe, None, 0).await {
            Ok(mut link) => replica::pass(&mut link, replica, &self.source, &self.options(), &mut |_| {}).await,
            Err(source) => Err(ReplicaError::Agent { disk: replica.disk().clone(), source }),
        };
        (passed, counters)
    }

    /// Whether the replica is the source, zeros in what its manifest calls skipped.
    pub fn is_equal(&self) -> bool {
        let Ok(Some(manifest)) = Manifest::load(&self.replica.manifest()) else { return false };
        let (mut source, found) = (std::fs::read(&self.source).unwrap(), std::fs::read(self.replica.image()).unwrap());
        for skip in &manifest.skipped {
            source[skip.offset as usize..(skip.offset + skip.length) as usize].fill(0);
        }
        manifest.root.is_some() && source == found
    }

    /// Whether a verification finds every byte as the last complete pass left it.
    pub async fn holds(&self) -> bool {
        replica::verify(&self.replica, &mut |_| {}).await.is_ok_and(|report| report.holds())
    }
}

fn replica_in(folder: &Path) -> DiskReplica {
    DiskReplica::new(&folder.join("replica"), &"disk0".parse::<DiskId>().unwrap())
}

/// The way between a real agent and a receiver.
pub struct Way {
    meddling: Meddling,
    /// A byte of the commands whose lowest bit is flipped.
    flip_up: Option<u64>,
    child: tokio::process::Child,
}

impl Way {
    /// With the agent that is pushed to sources, where it was built.
    pub fn new() -> Self {
        let agent = std::env::var_os("TRAGHETTO_AGENT").map_or_else(crate::support::replica::agent, PathBuf::from);
        let child = tokio::process::Command::new(agent)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { meddling: Meddling::Honest, flip_up: None, child }
    }

    pub fn meddling(self, meddling: Meddling) -> Self {
        Self { meddling, ..self }
    }

    pub fn flipping_up(self, byte: u64) -> Self {
        Self { flip_up: Some(byte), ..self }
    }

    /// The agent's process.
    pub fn agent(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// A pipe as the receiver of this process takes it.
    pub fn open(self) -> (Pipe, Counters) {
        let (input, from_receiver) = tokio::io::duplex(64 << 10);
        let (to_receiver, output) = tokio::io::duplex(64 << 10);
        let counters = Counters::default();
        tokio::spawn(self.relay(from_receiver, to_receiver, counters.clone()));
        let pipe = Pipe {
            input: Box::new(input),
            output: Box::new(output),
            errors: Box::new(tokio::io::empty()),
            exit: Box::pin(async { Ok(255) }),
        };
        (pipe, counters)
    }

    /// Relays between the agent and streams of a receiver, until either side is gone; then both are.
    pub async fn relay(
        mut self,
        from: impl tokio::io::AsyncRead + Unpin,
        to: impl tokio::io::AsyncWrite + Unpin,
        counters: Counters,
    ) {
        let (input, output) = (self.child.stdin.take().unwrap(), self.child.stdout.take().unwrap());
        tokio::select! {
            () = relay::commands(from, input, counters.clone(), self.flip_up) => {}
            () = relay::replies(output, to, counters, self.meddling) => {}
        }
        let _ = self.child.kill().await;
    }
}
