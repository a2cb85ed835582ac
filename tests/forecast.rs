//! The forecast of a disk against the pass that copies it: real filesystems, sampled and then sent. Needs root
//! (loop mounts) and the Debian packages e2fsprogs and ntfs-3g.

use crate::support::images::{Image, sync};
use crate::support::replica::{agent, block_on, options};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use traghetto::model::DiskId;
use traghetto::replica::{self, AgentLink, DiskReplica, DiskSample, MapWanted, PassOptions, PassReport, SampleOptions};

const MIB: u64 = 1 << 20;

/// The one level of these passes: here the processor is the limit, and which level a pass settles on would depend
/// on what else the machine does. `benches/run forecast` sees a pass that chooses, on a slow link.
const LEVEL: u8 = 1;

/// How far a forecast may be from the truth.
const BAR: f64 = 0.15;

/// What a sample says of an image, and what the pass over it does.
fn sampled_and_sent(image: &Path) -> (DiskSample, PassReport) {
    let folder = tempfile::tempdir().unwrap();
    let disk: DiskId = "disk0".parse().unwrap();
    let target = DiskReplica::new(folder.path(), &disk);
    block_on(async {
        let mut link = AgentLink::local(&agent()).await.unwrap();
        let how = SampleOptions { permille: 10, level: LEVEL };
        let sample = replica::sample(&mut link, &disk, image, how, &mut |_| {}).await.unwrap();
        let quiet = PassOptions { map: MapWanted::Quiet, level: LEVEL, ..options() };
        // The same agent goes on: a sample leaves nothing behind.
        let report = replica::pass(&mut link, &target, image, &quiet, &mut |_| {}).await.unwrap();
        (sample, report)
    })
}

/// Asserts that what a sample says is what the pass took, within the bar.
#[track_caller]
fn judge(name: &str, image: &Path) -> (DiskSample, PassReport) {
    let (sample, report) = sampled_and_sent(image);
    let rate = report.bytes_payload as f64 / report.duration.as_secs_f64();
    let copy = sample.first_copy(rate).unwrap();
    let off = copy.bytes as f64 / report.bytes_payload as f64 - 1.0;
    println!(
        "{name}: forecast {} ± {:.1} %, sent {} of {} copied: {:+.1} %; {} of {} chunks read",
        copy.bytes,
        sample.error() * 100.0,
        report.bytes_payload,
        sample.copied,
        off * 100.0,
        sample.sampled_chunks,
        sample.chunks
    );
    assert!(off.abs() < BAR, "{name}: {off:+.3}: {sample:?} and {report:?}");
    let content = sample.content() as f64 / report.bytes_sent as f64 - 1.0;
    assert!(content.abs() < BAR, "{name}: content {content:+.3}");
    (sample, report)
}

/// Copies files of the folders `from` into `to`, about `bytes` of them, the same on every run.
fn copy_files(from: &[&str], to: &Path, bytes: u64) {
    for (number, folder) in from.iter().enumerate() {
        let mut room = bytes / from.len() as u64;
        copy_some(Path::new(folder), &to.join(number.to_string()), &mut room);
    }
    sync(to);
}

fn copy_some(from: &Path, to: &Path, room: &mut u64) {
    fs::create_dir_all(to).unwrap();
    let mut entries: Vec<_> = fs::read_dir(from).unwrap().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        let Ok(data) = fs::symlink_metadata(&path) else { continue };
        let target = to.join(path.file_name().unwrap());
        if data.is_dir() {
            copy_some(&path, &target, room);
        } else if data.is_file() && data.len() <= *room && fs::copy(&path, &target).is_ok() {
            *room -= data.len();
        }
        if *room < 64 * 1024 {
            return;
        }
    }
}

/// Fills free space with what does not compress, and deletes it.
fn junk(folder: &Path, bytes: u64) {
    let path = folder.join("spazzatura");
    let mut random = File::open("/dev/urandom").unwrap().take(bytes);
    std::io::copy(&mut random, &mut File::create(&path).unwrap()).unwrap();
    sync(folder);
    fs::remove_file(path).unwrap();
    sync(folder);
}

fn ext4(bytes: u64, used: u64, deleted: u64) -> Image {
    let image = Image::new(bytes);
    crate::support::images::run("mkfs.ext4", &["-q", "-F", &image.path()]);
    image.mounted("rw", |folder| {
        copy_files(&["/usr/bin", "/usr/share"], folder, used);
        junk(folder, deleted);
    });
    image
}

#[test]
fn deleted_files_and_free_space_are_not_in_the_forecast() {
    let image = ext4(1024 * MIB, 80 * MIB, 200 * MIB);
    let (sample, report) = judge("ext4", &image.file());
    assert!(sample.copied < 200 * MIB, "{sample:?}");
    assert_eq!(sample.copied, report.bytes_copied);
    assert!(sample.findings.iter().any(|line| line.contains("ext4")), "{:?}", sample.findings);
    assert_eq!(sample.skipped.values().sum::<u64>() + sample.copied, sample.length);
}

/// Bits of an ext4 superblock: the filesystem was not taken down, its journal is to be replayed.
fn needs_recovery(image: &Image) -> bool {
    const INCOMPATIBLE: u64 = 1024 + 0x60;
    image.read(INCOMPATIBLE, 1)[0] & 0x4 != 0
}

#[test]
fn an_image_is_down_once_its_work_is_done_whoever_has_a_copy_of_its_mount() {
    let image = Image::new(64 * MIB);
    crate::support::images::run("mkfs.ext4", &["-q", "-F", &image.path()]);
    let mut beside = image.mounted("rw", |folder| {
        fs::write(folder.join("atto"), b"atto").unwrap();
        let mut holder = std::process::Command::new("unshare");
        holder.args(["--mount", "sh", "-c", "echo; sleep 1"]);
        let mut holder = holder.stdout(std::process::Stdio::piped()).spawn().unwrap();
        holder.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        assert!(needs_recovery(&image));
        holder
    });
    assert!(!needs_recovery(&image), "the image is read while it is mounted");
    assert!(beside.wait().unwrap().success());
}

#[test]
fn a_windows_disk_is_forecast() {
    let image = Image::new(300 * MIB);
    crate::support::images::run("mkntfs", &["-q", "-F", &image.path()]);
    image.mounted_ntfs("rw", |folder| {
        copy_files(&["/usr/bin", "/usr/share"], folder, 60 * MIB);
        junk(folder, 100 * MIB);
    });
    let (sample, _) = judge("ntfs", &image.file());
    assert!(sample.copied < 150 * MIB, "{sample:?}");
}

#[test]
fn what_cannot_be_packed_is_sent_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk.img");
    let mut random = File::open("/dev/urandom").unwrap().take(40 * MIB);
    std::io::copy(&mut random, &mut File::create(&path).unwrap()).unwrap();
    let (sample, report) = judge("random", &path);
    assert_eq!(sample.incompressible, sample.places);
    assert!(sample.findings.iter().any(|line| line.contains("copied whole")), "{:?}", sample.findings);
    assert!(report.bytes_payload > 40 * MIB);
}

/// A disk so large that only places of it are read, of regions that pack very differently.
#[test]
fn a_sample_stands_for_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk.img");
    let mut file = File::create(&path).unwrap();
    let mut random = File::open("/dev/urandom").unwrap();
    let mut piece = vec![0; 1 << 20];
    for number in 0..600_usize {
        match number / 3 % 4 {
            0 => random.read_exact(&mut piece).unwrap(),
            1 => piece.fill(0),
            2 => piece.chunks_mut(4096).for_each(|block| random.read_exact(&mut block[..256]).unwrap()),
            _ => piece.iter_mut().enumerate().for_each(|(at, byte)| *byte = (at / 97 + number) as u8),
        }
        file.write_all(&piece).unwrap();
    }
    drop(file);
    let (sample, _) = judge("mixed", &path);
    assert!(sample.sampled_chunks < sample.chunks / 2 && sample.error() > 0.0, "{sample:?}");
}

#[test]
fn an_empty_disk_costs_nothing() {
    let image = Image::new(64 * MIB);
    let (sample, report) = sampled_and_sent(&image.file());
    assert_eq!((sample.content(), sample.zero_chunks, report.bytes_sent), (0, sample.sampled_chunks, 0));
    assert!(sample.first_copy(1e6).unwrap().bytes < 4096, "{sample:?}");
}

/// `make proof`: a disk with a whole `/usr`, of which a small part is read.
#[test]
fn proof_forecast_of_a_system_disk() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("not run: a proof of `make proof` (TRAGHETTO_PROOF=1), it copies 2 GiB of /usr");
        return;
    }
    let image = Image::new(4096 * MIB);
    crate::support::images::run("mkfs.ext4", &["-q", "-F", &image.path()]);
    image.mounted("rw", |folder| {
        copy_files(&["/usr/bin", "/usr/share", "/usr/lib", "/var/lib"], folder, 2048 * MIB);
        junk(folder, 1024 * MIB);
    });
    let (sample, _) = judge("system", &image.file());
    assert!(sample.sampled_chunks < sample.chunks / 2, "{sample:?}");
}
