//! Small disks of every kind that a map knows, made by the real tools: what mutations start from.

use super::images::{Image, Loop, commit, run};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const MIB: u64 = 1 << 20;

/// A few files, then some of them gone.
fn few(folder: &Path) {
    for index in 0..40 {
        std::fs::write(folder.join(format!("atto{index}")), vec![index; 700 * usize::from(index)]).unwrap();
    }
    (0..40).step_by(3).for_each(|index| std::fs::remove_file(folder.join(format!("atto{index}"))).unwrap());
}

/// An ext filesystem of so many MiB with a few files.
fn ext(mib: u64, options: &[&str]) -> Image {
    let image = Image::new(mib * MIB);
    run("mke2fs", &[&["-q", "-F"], options, &[&image.path()]].concat());
    image.mounted("rw", few);
    image
}

/// The same as it is cut off, its journal to be replayed.
fn ext_cut(mib: u64, options: &[&str]) -> Image {
    let image = ext(mib, options);
    image.mounted("rw", |folder| {
        std::fs::create_dir(folder.join("nuova")).unwrap();
        (0..9).for_each(|index| std::fs::write(folder.join(format!("nuova/{index}")), vec![1; 3000]).unwrap());
        commit(folder);
        std::fs::remove_dir_all(folder.join("nuova")).unwrap();
        commit(folder);
        image.copy()
    })
}

fn xfs(options: &[&str]) -> Image {
    let image = Image::new(320 * MIB);
    run("mkfs.xfs", &[&["-q", "-f"], options, &[&image.path()]].concat());
    image
}

fn xfs_frozen() -> Image {
    let image = xfs(&[]);
    image.mounted("rw", |folder| {
        few(folder);
        let place = folder.to_str().unwrap();
        run("fsfreeze", &["-f", place]);
        let copy = image.copy();
        run("fsfreeze", &["-u", place]);
        copy
    })
}

fn ntfs(cluster: &str, mib: u64, work: impl FnOnce(&Path)) -> Image {
    let image = Image::new(mib * MIB);
    run("mkntfs", &["-q", "-F", "-c", cluster, &image.path()]);
    image.mounted_ntfs("rw", work);
    image
}

/// A page file in so many pieces that its record overflows.
fn scattered(folder: &Path) {
    let mut made = 0;
    while std::fs::write(folder.join(format!("p{made}")), [1; 4000]).is_ok() {
        made += 1;
    }
    (0..made).step_by(2).for_each(|index| std::fs::remove_file(folder.join(format!("p{index}"))).unwrap());
    let mut page = std::fs::File::create(folder.join("pagefile.sys")).unwrap();
    while page.write_all(&[2; 4096]).is_ok() {}
}

/// Writes a partition table.
pub fn sfdisk(image: &Image, script: &str) {
    let mut child =
        Command::new("sfdisk").args(["-q", &image.path()]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Copies an image into a larger one, holes and all.
pub fn put(disk: &Image, image: &Image, offset: u64) {
    let seek = format!("seek={offset}");
    let (from, to) = (format!("if={}", image.path()), format!("of={}", disk.path()));
    run("dd", &[&from, &to, "bs=1M", "conv=notrunc,sparse", "oflag=seek_bytes", &seek, "status=none"]);
}

/// LVM's own tools, which need no device mapper for metadata.
pub fn lvm(device: &str, args: &[&str]) {
    let filter = format!(
        "devices{{filter=[\"a|^{device}$|\",\"r|.*|\"] use_devicesfile=0}} activation{{udev_sync=0 udev_rules=0}} \
         global{{use_lvmlockd=0}}"
    );
    run(args[0], &[&["-q", "--driverloaded", "n", "--config", &filter], &args[1..]].concat());
}

fn swap() -> Image {
    let image = Image::new(8 * MIB);
    run("mkswap", &["-q", &image.path()]);
    image
}

fn gpt() -> Image {
    let disk = Image::new(40 * MIB);
    sfdisk(&disk, "label: gpt\nstart=2048,size=16384,type=L\nsize=16384,type=S\nsize=16384,type=U\n");
    put(&disk, &ext(8, &["-t", "ext2", "-b", "1024"]), MIB);
    put(&disk, &swap(), 9 * MIB);
    disk
}

fn mbr() -> Image {
    let disk = Image::new(40 * MIB);
    sfdisk(
        &disk,
        "label: dos\nstart=63,size=16384,type=83\nstart=20480,size=57344,type=5\n\
         start=22528,size=16384,type=82\nstart=40960,size=16384,type=83\n",
    );
    let inner = ext(8, &["-t", "ext2", "-b", "1024"]);
    put(&disk, &inner, 63 * 512);
    put(&disk, &inner, 40_960 * 512);
    disk
}

fn physical_volume() -> Image {
    let disk = Image::new(48 * MIB);
    let device = Loop::of(&disk, 0, 48 * MIB);
    let pv = device.0.as_str();
    lvm(pv, &["pvcreate", "--metadatasize", "64k", pv]);
    lvm(pv, &["vgcreate", "vg0", pv]);
    for (size, name) in [("8M", "radice"), ("8M", "poi"), ("8M", "swap")] {
        lvm(pv, &["lvcreate", "-an", "-Zn", "-Wn", "-L", size, "-n", name, "vg0"]);
    }
    lvm(pv, &["lvremove", "-f", "vg0/poi"]);
    lvm(pv, &["lvextend", "-L", "16M", "vg0/radice"]);
    drop(device);
    put(&disk, &ext(8, &["-t", "ext2", "-b", "1024"]), MIB);
    disk
}

/// Every specimen with its name and what its map must recognise.
pub fn specimens() -> Vec<(&'static str, &'static str, Image)> {
    vec![
        ("ext2", "ext2", ext(16, &["-t", "ext2", "-b", "1024"])),
        ("ext3-cut", "replayed", ext_cut(16, &["-t", "ext3", "-b", "1024", "-J", "size=1"])),
        ("ext4", "ext4", ext(32, &["-t", "ext4", "-b", "1024"])),
        ("ext4-cut", "replayed", ext_cut(16, &["-t", "ext4", "-b", "1024", "-J", "size=1"])),
        ("ext4-plain", "ext4", ext(32, &["-t", "ext4", "-b", "4096", "-g", "2048", "-O", "^metadata_csum"])),
        ("ext4-uninit", "ext4", ext(32, &["-t", "ext4", "-b", "1024", "-O", "^metadata_csum,uninit_bg,^64bit"])),
        ("ext4-cluster", "ext4", ext(64, &["-t", "ext4", "-O", "^metadata_csum,bigalloc", "-C", "16384"])),
        ("ext4-meta", "ext4", ext(32, &["-t", "ext4", "-b", "1024", "-O", "^metadata_csum,meta_bg,^resize_inode"])),
        ("xfs4", "XFS", xfs(&["-m", "crc=0,finobt=0"])),
        ("xfs5", "XFS", xfs(&[])),
        ("xfs5-frozen", "XFS", xfs_frozen()),
        (
            "ntfs",
            "NTFS",
            ntfs("512", 16, |folder| {
                few(folder);
                std::fs::write(folder.join("pagefile.sys"), vec![1; 1 << 20]).unwrap();
            }),
        ),
        ("ntfs-scattered", "NTFS", ntfs("4096", 8, scattered)),
        ("swap", "swap", swap()),
        ("gpt", "GPT", gpt()),
        ("mbr", "MBR", mbr()),
        ("lvm", "LVM", physical_volume()),
    ]
}
