//! Disk images made by the real tools, and independent judgement of what a map leaves out.
//!
//! Needs root (loop mounts) and the packages e2fsprogs, xfsprogs, ntfs-3g, lvm2, gdisk, fdisk,
//! dosfstools, cryptsetup-bin, btrfs-progs, util-linux.

pub use super::checks::disk_map::well_formed;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use traghetto::replica::map::{Activity, BLOCK, DiskMap, ReadAt, SkipReason};

/// What a skipped range is overwritten with before the image is judged: if anything needed it, the
/// judge sees garbage.
const GARBAGE: u8 = 0xA7;

/// A raw image in a temporary folder.
pub struct Image {
    dir: tempfile::TempDir,
}

/// An image as the map reads it; asserts that reads are few, large and aligned.
pub struct Reader {
    file: File,
    length: u64,
    pub reads: std::cell::Cell<u64>,
    pub bytes: std::cell::Cell<u64>,
}

impl ReadAt for Reader {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        assert!(offset.is_multiple_of(BLOCK), "read at {offset}");
        let end = offset + buffer.len() as u64;
        assert!((buffer.len() as u64).is_multiple_of(BLOCK) || end == self.length, "read of {}", buffer.len());
        assert!(buffer.len() as u64 <= (1 << 20) + 2 * BLOCK);
        self.reads.set(self.reads.get() + 1);
        self.bytes.set(self.bytes.get() + buffer.len() as u64);
        self.file.read_exact_at(buffer, offset)
    }
}

/// Runs a command and returns its standard output; it must succeed.
#[track_caller]
pub fn run(command: &str, args: &[&str]) -> String {
    let output = Command::new(command).args(args).output().unwrap_or_else(|error| panic!("{command}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command} {args:?}: {:?}\n{text}\n{errors}", output.status.code());
    text
}

/// Runs a command and returns its exit code and output.
pub fn try_run(command: &str, args: &[&str]) -> (i32, String) {
    let output = Command::new(command).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), text)
}

impl Image {
    /// A sparse image of so many bytes.
    pub fn new(length: u64) -> Self {
        let image = Self { dir: tempfile::tempdir().unwrap() };
        File::create(image.file()).unwrap().set_len(length).unwrap();
        image
    }

    /// The image file.
    pub fn file(&self) -> PathBuf {
        self.dir.path().join("disk.img")
    }

    /// The image file as an argument.
    pub fn path(&self) -> String {
        self.file().to_str().unwrap().to_owned()
    }

    /// A copy of another image file, with the same holes.
    pub fn of(file: &Path) -> Self {
        let copy = Self { dir: tempfile::tempdir().unwrap() };
        run("cp", &["--sparse=always", file.to_str().unwrap(), &copy.path()]);
        copy
    }

    /// Stretches of the image, `(first byte, bytes)`, as an image of their own.
    pub fn part(&self, stretches: &[(u64, u64)]) -> Self {
        let part = Self::new(stretches.iter().map(|(_, length)| length).sum());
        let mut at = 0;
        for (offset, length) in stretches {
            let (from, to) = (format!("if={}", self.path()), format!("of={}", part.path()));
            let (skip, count, seek) = (format!("skip={offset}"), format!("count={length}"), format!("seek={at}"));
            let how =
                ["bs=1M", "iflag=skip_bytes,count_bytes", "oflag=seek_bytes", "conv=notrunc,sparse", "status=none"];
            run("dd", &[&[from.as_str(), &to, &skip, &count, &seek], &how[..]].concat());
            at += length;
        }
        part
    }

    /// Bytes of the image.
    pub fn length(&self) -> u64 {
        fs::metadata(self.file()).unwrap().len()
    }

    /// A copy with the same holes, as it is at this moment.
    pub fn copy(&self) -> Self {
        let copy = Self { dir: tempfile::tempdir().unwrap() };
        run("cp", &["--sparse=always", &self.path(), &copy.path()]);
        copy
    }

    /// Overwrites bytes.
    pub fn write(&self, offset: u64, bytes: &[u8]) {
        File::options().write(true).open(self.file()).unwrap().write_all_at(bytes, offset).unwrap();
    }

    /// Bytes at a place.
    pub fn read(&self, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        File::open(self.file()).unwrap().read_exact_at(&mut bytes, offset).unwrap();
        bytes
    }

    /// A reader for the map.
    pub fn reader(&self) -> Reader {
        let file = File::open(self.file()).unwrap();
        Reader { file, length: self.length(), reads: 0.into(), bytes: 0.into() }
    }

    /// The map of the image; checks what must hold for every map.
    pub fn map(&self, activity: Activity) -> DiskMap {
        let map = DiskMap::of(&self.reader(), self.length(), activity).unwrap();
        well_formed(&map, self.length());
        map
    }

    /// A copy with garbage in every skipped range.
    pub fn garbled(&self, map: &DiskMap) -> Self {
        let copy = self.copy();
        let file = File::options().write(true).open(copy.file()).unwrap();
        let garbage = vec![GARBAGE; 1 << 20];
        for skip in map.skips() {
            let mut at = skip.offset;
            while at < skip.offset + skip.length {
                let count = (skip.offset + skip.length - at).min(garbage.len() as u64);
                file.write_all_at(&garbage[..count as usize], at).unwrap();
                at += count;
            }
        }
        copy
    }

    /// Runs `work` in a folder where the image is mounted with these options.
    pub fn mounted<T>(&self, options: &str, work: impl FnOnce(&Path) -> T) -> T {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_str().unwrap().to_owned();
        run("mount", &["-o", &format!("loop,{options}"), &self.path(), &place]);
        let mounted = Mounted(place);
        let result = work(folder.path());
        drop(mounted);
        until_down(&self.file());
        result
    }

    /// The same through ntfs-3g.
    pub fn mounted_ntfs<T>(&self, options: &str, work: impl FnOnce(&Path) -> T) -> T {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_str().unwrap().to_owned();
        run("ntfs-3g", &["-o", options, &self.path(), &place]);
        let mounted = Mounted(place);
        let result = work(folder.path());
        drop(mounted);
        until_down(&self.file());
        result
    }
}

/// Waits until no filesystem of an image is mounted anywhere. `umount` ends before that: a process with mounts
/// of its own that a test beside this one started meanwhile keeps a copy of ours, and the process behind
/// an NTFS writes its last blocks a moment later. The loop device of an image is gone once the filesystem is.
#[track_caller]
pub fn until_down(image: &Path) {
    let begun = Instant::now();
    while let Some(user) = user(image) {
        let file = image.display();
        assert!(begun.elapsed() < Duration::from_secs(60), "{file} is still in use after a minute: {user}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Who still uses an image: a loop device or an `ntfs-3g`.
fn user(image: &Path) -> Option<String> {
    let devices = run("losetup", &["-j", image.to_str().unwrap()]);
    if let Some(device) = devices.lines().next() {
        return Some(device.to_owned());
    }
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let mut drivers = processes
        .filter(|process| fs::read_to_string(process.join("comm")).is_ok_and(|name| name.starts_with("ntfs-3g")));
    let holds = |process: &PathBuf| {
        let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        files.filter_map(|file| fs::read_link(file.path()).ok()).any(|file| file == image)
    };
    drivers.find(holds).map(|process| process.display().to_string())
}

/// Unmounts at the end, also of a test that fails.
struct Mounted(String);

impl Drop for Mounted {
    fn drop(&mut self) {
        // Somebody who only looks around (a disk monitor, another test's fork) may hold it a moment.
        for _ in 0..50 {
            if try_run("umount", &[&self.0]).0 == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        run("umount", &["-l", &self.0]);
    }
}

/// A loop device over a stretch of an image, detached at the end.
pub struct Loop(pub String);

impl Loop {
    pub fn of(image: &Image, offset: u64, length: u64) -> Self {
        let (offset, length) = (offset.to_string(), length.to_string());
        let args = ["--show", "-f", "-o", &offset, "--sizelimit", &length, &image.path()];
        Self(run("losetup", &args).trim().to_owned())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        run("losetup", &["-d", &self.0]);
    }
}

/// Bytes skipped.
pub fn skipped(map: &DiskMap) -> u64 {
    map.length() - map.copied()
}

/// The findings as text, one a line.
pub fn findings(map: &DiskMap) -> String {
    map.findings().iter().map(|finding| format!("{finding}\n")).collect()
}

/// A filesystem with a past: many files, then every third gone, then some in the gaps, links, names.
pub fn fill(folder: &Path, seed: u64) {
    let mut state = seed;
    let mut random = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state >> 33
    };
    let content = |length: usize, mark: u64| -> Vec<u8> {
        let mut bytes = blake3::hash(&mark.to_le_bytes()).as_bytes().to_vec();
        bytes.resize(length, mark as u8);
        bytes
    };
    for index in 0..400u64 {
        let place = folder.join(format!("cartella{}", index % 17));
        fs::create_dir_all(&place).unwrap();
        let length = (random() % 60_000) as usize;
        fs::write(place.join(format!("atto {index}.txt")), content(length, index)).unwrap();
    }
    sync(folder);
    for index in (0..400u64).filter(|index| index % 3 != 0) {
        fs::remove_file(folder.join(format!("cartella{}/atto {index}.txt", index % 17))).unwrap();
    }
    fs::write(folder.join("grande"), content(6 << 20, 9)).unwrap();
    for index in 0..60u64 {
        fs::write(folder.join(format!("delibera-{index}")), content((random() % 90_000) as usize, index)).unwrap();
    }
    fs::remove_file(folder.join("delibera-7")).unwrap();
    sync(folder);
}

/// Writes everything of a filesystem to its disk.
pub fn sync(folder: &Path) {
    run("sync", &["-f", folder.to_str().unwrap()]);
}

/// Commits the journal of a filesystem, and leaves everything else to be replayed.
pub fn commit(folder: &Path) {
    let place = folder.join("ultimo");
    fs::write(&place, b"ultimo").unwrap();
    File::open(&place).unwrap().sync_all().unwrap();
}

/// Every path below a folder with kind, mode, owners, links, size, content and extended attributes.
pub fn tree(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}

fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::symlink_metadata(&path).unwrap();
        let mut line = format!("{:o} {}:{} {}", data.mode(), data.uid(), data.gid(), data.mtime());
        if data.is_dir() {
            walk(root, &path, found);
        } else if data.is_symlink() {
            line += &format!(" -> {}", fs::read_link(&path).unwrap().display());
        } else if data.is_file() {
            line += &format!(" {} {} {}", data.nlink(), data.len(), blake3::hash(&fs::read(&path).unwrap()));
        }
        for (name, value) in attributes(&path) {
            line += &format!(" {name}={}", blake3::hash(&value));
        }
        found.insert(path.strip_prefix(root).unwrap().to_owned(), line);
    }
}

/// The extended attributes of a path; those that the driver makes up for every file are left out.
fn attributes(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut names = vec![0u8; 4096];
    let Ok(length) = rustix::fs::llistxattr(path, &mut names) else { return Vec::new() };
    let names = String::from_utf8_lossy(&names[..length]).into_owned();
    let read = |name: &str| {
        let mut value = vec![0u8; 65536];
        let length = rustix::fs::lgetxattr(path, name, &mut value).ok()?;
        Some((name.to_owned(), value[..length].to_vec()))
    };
    names.split_terminator('\0').filter(|name| !name.starts_with("system.ntfs")).filter_map(read).collect()
}

/// Free block numbers that dumpe2fs lists, as byte ranges rounded inwards to blocks of the map.
#[track_caller]
pub fn dumpe2fs_free(image: &Image) -> Vec<(u64, u64)> {
    dumpe2fs_text(&run("dumpe2fs", &[&image.path()]))
}

/// The same from its output.
pub fn dumpe2fs_text(text: &str) -> Vec<(u64, u64)> {
    let size = text.lines().find_map(|line| line.strip_prefix("Block size:")).unwrap().trim().parse::<u64>().unwrap();
    // With clusters it prints the first block of the last cluster of a run.
    let cluster = text.lines().find_map(|line| line.strip_prefix("Cluster size:"));
    let last_size = cluster.map_or(size, |size| size.trim().parse::<u64>().unwrap());
    let end = text.lines().find_map(|line| line.strip_prefix("Block count:")).unwrap().trim().parse::<u64>().unwrap();
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("  Free blocks: ")) {
        for run in line.split(", ").filter(|run| !run.is_empty()) {
            let (first, last) = run.split_once('-').unwrap_or((run, run));
            let to = last.parse::<u64>().unwrap() * size + last_size;
            runs.push((first.parse::<u64>().unwrap() * size, to.min(end * size)));
        }
    }
    inwards(runs)
}

/// Merges byte ranges and rounds them inwards.
pub fn inwards(runs: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (from, to) in runs {
        match merged.last_mut() {
            Some((_, end)) if *end == from => *end = to,
            _ => merged.push((from, to)),
        }
    }
    let round = |(from, to): (u64, u64)| (from.next_multiple_of(BLOCK), to / BLOCK * BLOCK);
    merged.into_iter().map(round).filter(|(from, to)| from < to).collect()
}

/// Asserts that two lists are the same, and shows only where they part.
#[track_caller]
pub fn same(one: &[(u64, u64)], other: &[(u64, u64)], what: &str) {
    let at = one.iter().zip(other).position(|(one, other)| one != other).unwrap_or(one.len().min(other.len()));
    let near = |list: &[(u64, u64)]| list[at.min(list.len())..].iter().take(3).copied().collect::<Vec<_>>();
    let (left, right) = (near(one), near(other));
    assert!(one == other, "{what}: from {at} of {} and {}: {left:?} and {right:?}", one.len(), other.len());
}

/// The skipped ranges as `(from, to)`, but for journals of clean filesystems, which no tool calls free.
pub fn ranges(map: &DiskMap) -> Vec<(u64, u64)> {
    let free = map.skips().iter().filter(|skip| skip.reason != SkipReason::ExtJournal);
    free.map(|skip| (skip.offset, skip.offset + skip.length)).collect()
}
