//! Filesystems that are frozen and agents that freeze them. Needs root, and the Debian packages
//! e2fsprogs, xfsprogs, btrfs-progs, ntfs-3g, util-linux.

use super::replica::{loop_device, run};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};
use traghetto::replica::wire::{self, Command, Reply};

/// A filesystem on a loop device, mounted; thawed and taken away on drop, whatever the test left behind.
pub struct Volume {
    pub image: PathBuf,
    pub device: PathBuf,
    pub dir: PathBuf,
}

impl Volume {
    /// Makes a filesystem of a kind (`ext4`, `xfs`, `btrfs`, `ntfs`) named `name` in `folder`, and mounts it.
    pub fn new(folder: &Path, name: &str, kind: &str) -> Self {
        let (image, dir) = (folder.join(format!("{name}.img")), folder.join(name));
        std::fs::File::create(&image).unwrap().set_len(320 << 20).unwrap();
        std::fs::create_dir(&dir).unwrap();
        let (program, kind) = (format!("mkfs.{kind}"), if kind == "ntfs" { "ntfs-3g" } else { kind });
        let force: &[&str] = if kind == "ntfs-3g" { &["-F", "-Q"] } else { &[] };
        run(&[&[program.as_str(), "-q"], force, &[image.to_str().unwrap()]].concat());
        let device = loop_device(&image);
        let volume = Self { image, device, dir };
        run(&["mount", "-t", kind, volume.device.to_str().unwrap(), volume.dir.to_str().unwrap()]);
        volume
    }

    /// Begins to write and sync a file; ends only when the filesystem is not frozen.
    pub fn write(&self) -> Writing {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let script = format!("echo content > written.{number} && sync written.{number}");
        let child = Process::new("sh").args(["-c", &script]).current_dir(&self.dir).spawn().unwrap();
        Writing(child)
    }

    /// Whether writes block.
    pub fn is_frozen(&self) -> bool {
        !self.write().ends_within(Duration::from_millis(400))
    }

    /// Asserts that the filesystem is thawed within a second; a busy machine may take longer to write.
    #[track_caller]
    pub fn assert_thaws(&self) {
        let begun = Instant::now();
        assert!(self.write().ends_within(Duration::from_secs(5)), "{} stays frozen", self.dir.display());
        println!("{} was thawed within {:?}", self.dir.display(), begun.elapsed());
    }

    /// Thaws what a failed test left frozen.
    pub fn thaw(&self) {
        let _ = Process::new("fsfreeze").arg("-u").arg(&self.dir).stderr(Stdio::null()).status();
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        self.thaw();
        // A writer that was blocked a moment ago may still hold it.
        for _ in 0..50 {
            if Process::new("umount").arg(&self.dir).stderr(Stdio::null()).status().unwrap().success() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = Process::new("losetup").arg("-d").arg(&self.device).status();
        if !std::thread::panicking() {
            super::images::until_down(&self.image);
        }
    }
}

/// A process that writes; it may be blocked, and ends by itself once it is not.
pub struct Writing(Child);

impl Writing {
    pub fn ends_within(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while Instant::now() < until {
            if let Some(status) = self.0.try_wait().unwrap() {
                assert!(status.success());
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

/// An agent whose commands the test writes itself.
pub struct Agent {
    child: Child,
    output: std::process::ChildStdout,
}

impl Agent {
    pub fn start() -> Self {
        let mut child = Process::new(super::replica::agent())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        Self { child, output }
    }

    pub fn send(&mut self, command: &Command) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(&command.encode()).and_then(|()| input.flush()).unwrap();
    }

    /// The next reply that is not `Alive`; none when the agent has ended.
    pub fn reply(&mut self) -> Option<Reply> {
        loop {
            let mut header = [0; wire::HEADER];
            self.output.read_exact(&mut header).ok()?;
            let (kind, length) = wire::parse_header(&header, wire::MAX_REPLY).unwrap();
            let mut rest = vec![0; length + wire::CHECKSUM];
            self.output.read_exact(&mut rest).ok()?;
            match Reply::decode(kind, wire::checked_body(&header, &rest).unwrap()).unwrap() {
                Reply::Alive { .. } => {}
                reply => return Some(reply),
            }
        }
    }

    pub fn freeze(&mut self, source: &Path, seconds: u32) -> Reply {
        let path = source.to_str().unwrap().as_bytes().to_vec();
        self.send(&Command::Freeze { path, seconds });
        self.reply().unwrap()
    }

    /// Freezes what must freeze.
    #[track_caller]
    pub fn must_freeze(&mut self, source: &Path, seconds: u32) {
        let reply = self.freeze(source, seconds);
        assert!(matches!(reply, Reply::Frozen(_)), "{reply:?}");
    }

    #[track_caller]
    pub fn thaw(&mut self) -> bool {
        self.send(&Command::Thaw);
        match self.reply() {
            Some(Reply::Thawed { held }) => held,
            other => panic!("{other:?}"),
        }
    }

    /// Closes its input and reads no more.
    pub fn hang_up(&mut self) {
        drop(self.child.stdin.take());
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Stops it: it is there and does nothing.
    pub fn stop(&self) {
        signal(self.child.id(), "STOP");
    }

    pub fn kill_watchdog(&self) {
        signal(self.watchdog().unwrap(), "KILL");
    }

    /// Its watchdog, where there is one.
    pub fn watchdog(&self) -> Option<u32> {
        super::sshd::descendants(self.child.id()).into_iter().next()
    }
}

fn signal(pid: u32, name: &str) {
    run(&["kill", &format!("-{name}"), &pid.to_string()]);
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asserts that a replica is `source` with the ranges of its manifest as zeros, byte for byte.
#[track_caller]
pub fn assert_equal_but_skipped(source: &Path, replica: &traghetto::replica::DiskReplica) {
    use std::os::unix::fs::FileExt;
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(replica.manifest()).unwrap()).unwrap();
    let number = |range: &serde_json::Value, key: &str| range[key].as_u64().unwrap();
    let skipped: Vec<(u64, u64)> = manifest["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|range| (number(range, "offset"), number(range, "length")))
        .collect();
    let (source, image) = (std::fs::File::open(source).unwrap(), std::fs::File::open(replica.image()).unwrap());
    let length = source.metadata().unwrap().len();
    assert!(length > 0 && image.metadata().unwrap().len() >= length);
    let (mut wanted, mut found) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    for offset in (0..length).step_by(1 << 20) {
        let size = usize::try_from((length - offset).min(1 << 20)).unwrap();
        source.read_exact_at(&mut wanted[..size], offset).unwrap();
        image.read_exact_at(&mut found[..size], offset).unwrap();
        let end = offset + size as u64;
        for (from, to) in
            skipped.iter().map(|(at, length)| (*at, at + length)).filter(|(at, to)| *at < end && *to > offset)
        {
            let within = |at: u64| usize::try_from(at.clamp(offset, end) - offset).unwrap();
            wanted[within(from)..within(to)].fill(0);
        }
        let differs = wanted[..size].iter().zip(&found[..size]).position(|(a, b)| a != b);
        assert_eq!(differs.map(|at| offset + at as u64), None, "the replica differs from its frozen source");
    }
}
