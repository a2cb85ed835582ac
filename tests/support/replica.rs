//! Disks, agents and passes for the tests of the data plane.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use traghetto::replica::{
    self, AgentLink, CHUNK, DiskReplica, Manifest, MapWanted, PassOptions, PassReport, ReplicaError,
};

/// The agent built beside the tests.
pub fn agent() -> PathBuf {
    env!("CARGO_BIN_EXE_traghetto-agent").into()
}

/// Runs a future on a runtime of its own.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

/// How the tests run a pass.
pub fn options() -> PassOptions {
    PassOptions { store: "test-store".to_owned(), level: 3, map: MapWanted::Whole, donors: Vec::new(), snapshot: false }
}

/// A source image and a replica of it in a temporary folder.
pub struct Lab {
    dir: tempfile::TempDir,
    pub source: PathBuf,
    pub replica: DiskReplica,
}

impl Lab {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.img");
        let replica = DiskReplica::new(&dir.path().join("replica"), &"disk0".parse().unwrap());
        Self { dir, source, replica }
    }

    /// A lab whose source has `chunks` whole chunks and `tail` more bytes; about a third are zeros, a third
    /// compress well and a third do not.
    pub fn with_disk(chunks: usize, tail: usize) -> Self {
        let lab = Self::new();
        let file = std::fs::File::create(&lab.source).unwrap();
        file.set_len((chunks * CHUNK + tail) as u64).unwrap();
        for chunk in 0..chunks {
            if let Some(content) = content(chunk as u64) {
                file.write_all_at(&content, (chunk * CHUNK) as u64).unwrap();
            }
        }
        file.write_all_at(&vec![7; tail], (chunks * CHUNK) as u64).unwrap();
        lab
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// One pass with a fresh agent.
    pub fn pass(&self) -> Result<PassReport, ReplicaError> {
        block_on(async {
            let mut link = AgentLink::local(&agent()).await.unwrap();
            self.pass_over(&mut link).await
        })
    }

    pub async fn pass_over(&self, link: &mut AgentLink) -> Result<PassReport, ReplicaError> {
        replica::pass(link, &self.replica, &self.source, &options(), &mut |_| {}).await
    }

    /// One pass with a fresh agent and options of its own.
    pub fn pass_with(&self, change: impl FnOnce(&mut PassOptions)) -> Result<PassReport, ReplicaError> {
        let mut options = options();
        change(&mut options);
        block_on(async {
            let mut link = AgentLink::local(&agent()).await.unwrap();
            replica::pass(&mut link, &self.replica, &self.source, &options, &mut |_| {}).await
        })
    }

    /// Overwrites bytes of the source.
    pub fn change(&self, offset: u64, bytes: &[u8]) {
        std::fs::OpenOptions::new().write(true).open(&self.source).unwrap().write_all_at(bytes, offset).unwrap();
    }

    /// Asserts that the image is the source with the skipped ranges of the manifest as zeros, and that the
    /// replica says so itself.
    #[track_caller]
    pub fn assert_canonical(&self) {
        assert_canonical(&self.replica, &self.source);
    }

    /// Asserts that image and source are equal, by SHA-256.
    #[track_caller]
    pub fn assert_equal(&self) {
        assert_eq!(sha256(&self.replica.image()), sha256(&self.source));
    }
}

/// Asserts that a replica's image is its source with the skipped ranges of the manifest as zeros.
#[track_caller]
pub fn assert_canonical(replica: &DiskReplica, source: &Path) {
    let manifest = Manifest::load(&replica.manifest()).unwrap().unwrap();
    assert!(manifest.root.is_some(), "the last pass ended well");
    let (image, source) = (std::fs::File::open(replica.image()).unwrap(), std::fs::File::open(source).unwrap());
    let mut skips = manifest.skipped.iter().peekable();
    let (mut ours, mut theirs) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    for at in (0..manifest.length).step_by(1 << 20) {
        let length = (manifest.length - at).min(1 << 20);
        let (ours, theirs) = (&mut ours[..length as usize], &mut theirs[..length as usize]);
        image.read_exact_at(ours, at).unwrap();
        source.read_exact_at(theirs, at).unwrap();
        while let Some(skip) = skips.next_if(|skip| skip.offset < at + length) {
            let (from, to) = (skip.offset.max(at) - at, (skip.offset + skip.length).min(at + length) - at);
            theirs[from as usize..to as usize].fill(0);
            if skip.offset + skip.length > at + length {
                // The rest of it is in the next piece: look at it again.
                let rest = manifest.skipped.iter().position(|other| other == skip).unwrap();
                skips = manifest.skipped[rest..].iter().peekable();
                break;
            }
        }
        if ours != theirs {
            let block = ours.chunks(4096).zip(theirs.chunks(4096)).position(|(a, b)| a != b).unwrap();
            panic!("the replica differs in the block at byte {}", at + block as u64 * 4096);
        }
    }
}

/// What a test disk holds in a chunk.
fn content(chunk: u64) -> Option<Vec<u8>> {
    let mut random = random_bytes(chunk);
    match chunk / 3 % 3 {
        0 => None,
        1 => Some(vec![chunk as u8 | 1; CHUNK]),
        _ => Some(random.by_ref().take(CHUNK).collect()),
    }
}

/// Bytes that do not compress, the same for the same seed.
pub fn random_bytes(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::from_fn(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(state.to_le_bytes())
    })
    .flatten()
}

/// The hash anybody can check with `sha256sum`.
pub fn sha256(path: &Path) -> Vec<u8> {
    use sha2::Digest;
    let mut hasher = sha2::Sha256::new();
    let mut file = std::fs::File::open(path).unwrap();
    let mut buffer = vec![0; 1 << 20];
    while let length @ 1.. = std::io::Read::read(&mut file, &mut buffer).unwrap() {
        hasher.update(&buffer[..length]);
    }
    hasher.finalize().to_vec()
}

/// A mounted ext4 filesystem on a loop device; needs root.
pub struct Mounted {
    device: PathBuf,
    dir: PathBuf,
    mounted: bool,
}

impl Mounted {
    /// Makes an ext4 filesystem of `bytes` in `dir` and mounts it.
    pub fn ext4(dir: &Path, bytes: u64) -> Self {
        let (image, mount) = (dir.join("loop.img"), dir.join("mnt"));
        std::fs::create_dir(&mount).unwrap();
        std::fs::File::create(&image).unwrap().set_len(bytes).unwrap();
        run(&["mkfs.ext4", "-q", "-F", image.to_str().unwrap()]);
        let device = loop_device(&image);
        run(&["mount", device.to_str().unwrap(), mount.to_str().unwrap()]);
        Self { device, dir: mount, mounted: true }
    }

    /// Makes an ext4 filesystem of `bytes` at `image`, filled with the files of `from`.
    pub fn make_ext4(image: &Path, bytes: u64, from: &Path) {
        std::fs::File::create(image).unwrap().set_len(bytes).unwrap();
        run(&["mkfs.ext4", "-q", "-F", "-d", from.to_str().unwrap(), image.to_str().unwrap()]);
    }

    pub fn device(&self) -> &Path {
        &self.device
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Unmounts and keeps the device.
    pub fn unmount(&mut self) {
        if std::mem::take(&mut self.mounted) {
            unmount(&self.device, &self.dir);
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.unmount();
        run(&["losetup", "-d", self.device.to_str().unwrap()]);
    }
}

/// Unmounts a device and waits until nobody holds it: another namespace, made by a test or a program beside
/// this one, keeps a copy of every mount until it ends.
pub fn unmount(device: &Path, dir: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    run(&["umount", dir.to_str().unwrap()]);
    let exclusive = || {
        let flags = rustix::fs::OFlags::EXCL.bits() as i32;
        std::fs::OpenOptions::new().read(true).custom_flags(flags).open(device)
    };
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while let Err(error) = exclusive() {
        assert!(std::time::Instant::now() < until, "{} is still mounted somewhere: {error}", device.display());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Attaches a loop device to an image; detach it with `losetup -d`.
pub fn loop_device(image: &Path) -> PathBuf {
    run(&["losetup", "--find", "--show", image.to_str().unwrap()]).trim().into()
}

/// Runs a tool that must end well, and returns what it printed.
#[track_caller]
pub fn run(command: &[&str]) -> String {
    let output = std::process::Command::new(command[0]).args(&command[1..]).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
