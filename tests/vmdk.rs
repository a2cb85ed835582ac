//! Virtual disks, read by the tools of others: `qemu-img check`, `convert` and `compare`.
//! Needs the Debian package qemu-utils (`make packages`).

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use traghetto::landing::vmdk::{
    Adapter, CreateType, Descriptor, Options, Progress, RawFile, StreamError, Written, write_descriptor, write_stream,
};

const OPTIONS: Options<'static> = Options { name: "disk.vmdk", adapter: Adapter::LsiLogic, cid: 0x7a57_0001, level: 1 };

#[track_caller]
fn qemu_img(arguments: &[&str], paths: &[&Path]) -> String {
    let output = Command::new("qemu-img").args(arguments).args(paths).output();
    let output = output.expect("qemu-img is installed (make packages)");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "qemu-img {arguments:?} {paths:?}: {text}");
    text
}

/// A raw file with holes, and these bytes in it.
fn raw(folder: &Path, sectors: u64, pieces: &[(u64, Vec<u8>)]) -> PathBuf {
    let path = folder.join("disk-flat.vmdk");
    let file = File::create(&path).unwrap();
    file.set_len(sectors * 512).unwrap();
    for (sector, bytes) in pieces {
        file.write_all_at(bytes, sector * 512).unwrap();
    }
    path
}

fn stream(raw: &Path, progress: &mut dyn FnMut(Progress)) -> (PathBuf, Written) {
    let path = raw.with_file_name("stream.vmdk");
    let mut out = BufWriter::new(File::create(&path).unwrap());
    let written = write_stream(&RawFile::open(raw).unwrap(), &mut out, &OPTIONS, progress).unwrap();
    out.flush().unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), written.bytes);
    (path, written)
}

/// qemu reads the same bytes and finds nothing wrong.
fn check(raw: &Path, stream: &Path) {
    let checked = qemu_img(&["check", "-f", "vmdk"], &[stream]);
    assert!(checked.contains("No errors were found"), "{checked}");
    let back = raw.with_file_name("back");
    qemu_img(&["convert", "-f", "vmdk", "-O", "raw"], &[stream, &back]);
    assert!(std::fs::read(raw).unwrap() == std::fs::read(&back).unwrap(), "the bytes differ");
}

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn qemu_reads_what_random_disks_were() {
    let piece = (0_u64..9000, 1_usize..200_000, any::<u64>(), 0_u8..3);
    let disk = (1_u64..9000, prop::collection::vec(piece, 0..6));
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let ran = runner.run(&disk, |(sectors, pieces)| {
        let folder = tempfile::tempdir().unwrap();
        let room = |at: u64| ((sectors - at) * 512) as usize;
        let pieces: Vec<_> = pieces
            .into_iter()
            .filter(|(at, ..)| *at < sectors)
            .map(|(at, length, seed, kind)| {
                let length = length.min(room(at));
                // Noise, zeros that are data, and text that compresses well.
                let bytes = match kind {
                    0 => noise(length, seed),
                    1 => vec![0; length],
                    _ => vec![seed as u8; length],
                };
                (at, bytes)
            })
            .collect();
        let raw = raw(folder.path(), sectors, &pieces);
        let (stream, _) = stream(&raw, &mut |_| ());
        check(&raw, &stream);
        Ok(())
    });
    ran.unwrap();
}

#[test]
fn a_flat_disk_is_read_through_its_descriptor() {
    let folder = tempfile::tempdir().unwrap();
    for adapter in [Adapter::LsiLogic, Adapter::Pvscsi] {
        let raw = raw(folder.path(), 5001, &[(0, noise(512, 3)), (4990, noise(11 * 512, 4))]);
        let descriptor = Descriptor::new(CreateType::Vmfs, "disk-flat.vmdk", 5001, adapter, 9).unwrap();
        let path = folder.path().join("disk.vmdk");
        write_descriptor(&path, &descriptor).unwrap();
        assert_eq!(Descriptor::parse(&std::fs::read_to_string(&path).unwrap()), Ok(descriptor));
        let info = qemu_img(&["info"], &[&path]);
        assert!(info.contains("create type: vmfs") && info.contains("2560512 bytes"), "{info}");
        let same = qemu_img(&["compare", "-f", "vmdk", "-F", "raw"], &[&path, &raw]);
        assert!(same.contains("Images are identical"), "{same}");
        // Written through the descriptor, the bytes are in the flat file: what a booted machine does.
        let io = ["-f", "vmdk", "-c", "write -P 0x5a 1048576 512"];
        assert!(Command::new("qemu-io").args(io).arg(&path).output().unwrap().status.success());
        let mut sector = [0; 512];
        File::open(&raw).unwrap().read_exact_at(&mut sector, 1 << 20).unwrap();
        assert_eq!(sector, [0x5a; 512]);
    }
}

#[test]
fn a_descriptor_that_does_not_fit_its_file_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    raw(folder.path(), 100, &[]);
    let descriptor =
        |extent, sectors| Descriptor::new(CreateType::Vmfs, extent, sectors, Adapter::LsiLogic, 9).unwrap();
    let path = folder.path().join("disk.vmdk");
    let error = write_descriptor(&path, &descriptor("disk-flat.vmdk", 101)).unwrap_err();
    assert!(error.to_string().contains("51200 bytes"), "{error}");
    assert!(write_descriptor(&path, &descriptor("other-flat.vmdk", 100)).is_err());
    assert!(!path.exists());
}

#[test]
fn holes_are_not_read_and_progress_counts_them() {
    let folder = tempfile::tempdir().unwrap();
    let raw = raw(folder.path(), (3 << 30) / 512, &[(0, noise(100, 1)), (4_000_000, noise(70_000, 2))]);
    let mut told = Vec::new();
    let began = std::time::Instant::now();
    let (stream, written) = stream(&raw, &mut |progress| told.push(progress));
    assert_eq!(written.grains, 3);
    assert!(told.len() <= 5 && began.elapsed().as_secs() < 10, "3 GiB of holes were read: {told:?}");
    assert!(told.windows(2).all(|pair| pair[0].done <= pair[1].done && pair[0].written <= pair[1].written));
    let last = told.last().unwrap();
    assert_eq!((last.done, last.total, last.written), (3 << 30, 3 << 30, written.bytes));
    let same = qemu_img(&["compare", "-f", "vmdk", "-F", "raw"], &[&stream, &raw]);
    assert!(same.contains("Images are identical"), "{same}");
}

#[test]
fn two_tebibytes_are_counted_right_to_the_last_sector() {
    let folder = tempfile::tempdir().unwrap();
    let sectors = (2_u64 << 40) / 512 + 77;
    let pieces = [(0, noise(512, 1)), (1 << 32, noise(512, 2)), (sectors - 1, noise(512, 3))];
    let raw = raw(folder.path(), sectors, &pieces);
    let (stream, written) = stream(&raw, &mut |_| ());
    assert_eq!(written.grains, 2);
    let info = qemu_img(&["info", "-f", "vmdk"], &[&stream]);
    assert!(info.contains("(2199023294976 bytes)") && info.contains("streamOptimized"), "{info}");
    for (sector, bytes) in &pieces {
        let skip = format!("skip={sector}");
        let back = folder.path().join("sector");
        let dd = Command::new("qemu-img")
            .args(["dd", "-f", "vmdk", "-O", "raw", "bs=512", &format!("count={}", sector + 1), &skip])
            .arg(format!("if={}", stream.display()))
            .arg(format!("of={}", back.display()))
            .output()
            .unwrap();
        assert!(dd.status.success(), "{}", String::from_utf8_lossy(&dd.stderr));
        assert_eq!(&std::fs::read(&back).unwrap(), bytes, "sector {sector}");
    }
}

#[test]
fn the_same_disk_gives_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let raw = raw(folder.path(), 3000, &[(100, noise(300_000, 5))]);
    let bytes = || std::fs::read(stream(&raw, &mut |_| ()).0).unwrap();
    assert_eq!(bytes(), bytes());
}

#[test]
fn what_is_no_disk_is_refused_before_a_byte_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd");
    for (length, part) in [(1000, "1000 bytes"), (0, "0 sectors")] {
        File::create(&path).unwrap().set_len(length).unwrap();
        let mut out = Vec::new();
        let error = write_stream(&RawFile::open(&path).unwrap(), &mut out, &OPTIONS, &mut |_| ()).unwrap_err();
        assert!(out.is_empty() && error.to_string().contains(part), "{error}");
    }
    assert!(RawFile::open(folder.path()).is_err());
}

#[test]
fn a_full_target_says_how_far_it_came() {
    struct Full(usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.0 == 0 {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            Ok(taken)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let raw = raw(folder.path(), 3000, &[(100, noise(300_000, 5))]);
    let error = write_stream(&RawFile::open(&raw).unwrap(), &mut Full(100_000), &OPTIONS, &mut |_| ()).unwrap_err();
    assert!(matches!(error, StreamError::Write { at: 65_536..=100_000, .. }), "{error:?}");
}
