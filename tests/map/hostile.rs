//! Disks that lie: no map panics, loops or takes memory, and none skips what it should not.

use crate::support::images::{Image, fill, run, well_formed};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use traghetto::replica::map::{Activity, BLOCK, DiskMap, ReadAt};

const MIB: u64 = 1 << 20;

/// An image in memory by the blocks that a map reads, with some bytes changed.
struct Twisted<'a> {
    image: &'a Image,
    blocks: RefCell<HashMap<u64, Vec<u8>>>,
    changes: Vec<(u64, u8)>,
    reads: RefCell<u64>,
}

impl ReadAt for Twisted<'_> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        *self.reads.borrow_mut() += 1;
        let mut blocks = self.blocks.borrow_mut();
        for (index, part) in buffer.chunks_mut(BLOCK as usize).enumerate() {
            let at = offset + index as u64 * BLOCK;
            part.copy_from_slice(blocks.entry(at).or_insert_with(|| self.image.read(at, part.len())));
        }
        for (place, flip) in &self.changes {
            if let Some(byte) = place.checked_sub(offset).and_then(|at| buffer.get_mut(at as usize)) {
                *byte ^= flip;
            }
        }
        Ok(())
    }
}

/// Whether structures carry checksums, so that no single flip may make a map skip more.
#[derive(Clone, Copy, PartialEq)]
enum Sealed {
    Yes,
    No,
}

/// Whether every skip of `one` lies in a skip of `other`.
fn within(one: &DiskMap, other: &DiskMap) -> bool {
    one.skips().iter().all(|skip| {
        let after = other.skips().partition_point(|outer| outer.offset <= skip.offset);
        let outer = after.checked_sub(1).map(|index| other.skips()[index]);
        outer.is_some_and(|outer| skip.offset + skip.length <= outer.offset + outer.length)
    })
}

/// Flips bits in everything a map reads; what was read tells where structures are.
fn flipped(image: &Image, rounds: u64, seed: u64, sealed: Sealed) {
    let mut twisted = Twisted { image, blocks: RefCell::default(), changes: Vec::new(), reads: RefCell::new(0) };
    let length = image.length();
    let honest = DiskMap::of(&twisted, length, Activity::Quiet).unwrap();
    let usual = *twisted.reads.borrow();
    let mut places: Vec<u64> = twisted.blocks.borrow().keys().copied().collect();
    places.sort_unstable();
    let mut state = seed;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    let mut different = 0;
    for round in 0..rounds {
        // The first blocks hold the headers: they get half of the flips.
        let near = if round % 2 == 0 { places.len().min(4) } else { places.len() };
        let flips = if sealed == Sealed::Yes { 1 } else { 1 + random(3) };
        twisted.changes =
            (0..flips).map(|_| (places[random(near as u64) as usize] + random(BLOCK), 1u8 << random(8))).collect();
        *twisted.reads.borrow_mut() = 0;
        for activity in [Activity::Quiet, Activity::Live] {
            let map = DiskMap::of(&twisted, length, activity).unwrap();
            well_formed(&map, length);
            assert!(sealed == Sealed::No || within(&map, &honest), "{:?}", twisted.changes);
            different += u64::from(map.skips() != honest.skips());
        }
        assert!(*twisted.reads.borrow() < 4 * usual + 20_000, "{:?}", twisted.changes);
    }
    assert!(different > 0, "no flip was ever noticed");
}

fn small(make: impl Fn(&Image)) -> Image {
    let image = Image::new(64 * MIB);
    make(&image);
    image
}

fn ext(options: &[&str]) -> Image {
    let image = small(|image| drop(run("mke2fs", &[&["-q", "-F"], options, &[&image.path()]].concat())));
    image.mounted("rw", |folder| fill(folder, 1));
    image
}

#[test]
fn map_survives_flips_in_ext() {
    flipped(&ext(&["-t", "ext4", "-b", "1024"]), 600, 1, Sealed::Yes);
    flipped(&ext(&["-t", "ext2", "-b", "1024"]), 400, 2, Sealed::No);
    flipped(&ext(&["-t", "ext4", "-b", "1024", "-O", "^metadata_csum,uninit_bg,bigalloc"]), 400, 3, Sealed::No);
}

#[test]
fn map_survives_flips_in_a_journal() {
    for options in [&["-t", "ext3", "-b", "1024"][..], &["-t", "ext4", "-b", "1024"]] {
        let image = small(|image| drop(run("mke2fs", &[&["-q", "-F"], options, &[&image.path()]].concat())));
        let cut = image.mounted("rw", |folder: &Path| {
            fill(folder, 1);
            std::fs::create_dir(folder.join("x")).unwrap();
            (0..50).for_each(|index| std::fs::write(folder.join(format!("x/{index}")), vec![1; 3000]).unwrap());
            crate::support::images::commit(folder);
            image.copy()
        });
        flipped(&cut, 300, 4, Sealed::No);
    }
}

#[test]
fn map_survives_flips_in_xfs() {
    let image = Image::new(320 * MIB);
    run("mkfs.xfs", &["-q", "-f", "-m", "crc=0,finobt=0", &image.path()]);
    flipped(&image, 400, 5, Sealed::No);
    run("mkfs.xfs", &["-q", "-f", &image.path()]);
    flipped(&image, 300, 6, Sealed::Yes);
    let frozen = image.mounted("rw", |folder| {
        fill(folder, 1);
        run("fsfreeze", &["-f", folder.to_str().unwrap()]);
        let copy = image.copy();
        run("fsfreeze", &["-u", folder.to_str().unwrap()]);
        copy
    });
    flipped(&frozen, 400, 7, Sealed::Yes);
}

#[test]
fn map_survives_flips_in_ntfs() {
    let image = small(|image| drop(run("mkntfs", &["-q", "-F", "-c", "512", &image.path()])));
    image.mounted_ntfs("rw", |folder| {
        fill(folder, 1);
        std::fs::write(folder.join("pagefile.sys"), vec![1; 1 << 20]).unwrap();
    });
    flipped(&image, 800, 7, Sealed::No);
}

#[test]
fn map_survives_flips_in_tables_and_lvm() {
    let image = Image::new(64 * MIB);
    run("sgdisk", &["-n", "1:2048:40000", "-n", "2:40960:100000", &image.path()]);
    flipped(&image_with_ext(image, MIB), 300, 8, Sealed::No);
    let image = Image::new(64 * MIB);
    let looped = crate::support::images::Loop::of(&image, 0, 64 * MIB);
    let filter = format!("devices{{filter=[\"a|^{}$|\",\"r|.*|\"] use_devicesfile=0}}", looped.0);
    let common = ["-q", "--driverloaded", "n", "--config", filter.as_str()];
    run("pvcreate", &[&common[..], &[&looped.0]].concat());
    run("vgcreate", &[&common[..], &["vg0", &looped.0]].concat());
    run("lvcreate", &[&common[..], &["-an", "-Zn", "-Wn", "-L", "20M", "-n", "a", "vg0"]].concat());
    drop(looped);
    flipped(&image_with_ext(image, MIB), 600, 9, Sealed::No);
}

fn image_with_ext(disk: Image, offset: u64) -> Image {
    let inner = Image::new(16 * MIB);
    run("mke2fs", &["-q", "-F", "-t", "ext2", "-b", "1024", &inner.path()]);
    disk.write(offset, &inner.read(0, 16 << 20));
    disk
}

/// A disk of noise, and one that repeats a structure everywhere.
struct Noise(u64);

impl ReadAt for Noise {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        let mut state = offset ^ self.0;
        for byte in buffer {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            *byte = (state >> 56) as u8;
        }
        Ok(())
    }
}

#[test]
fn map_of_noise_skips_nothing() {
    for seed in 0..200 {
        let map = DiskMap::of(&Noise(seed), 1 << 40, Activity::Quiet).unwrap();
        assert!(map.skips().is_empty());
    }
}

struct Broken;

impl ReadAt for Broken {
    fn read_at(&self, _: u64, _: &mut [u8]) -> std::io::Result<()> {
        Err(std::io::Error::from_raw_os_error(5))
    }
}

#[test]
fn map_of_a_disk_that_cannot_be_read_is_an_error() {
    let error = DiskMap::of(&Broken, 1 << 30, Activity::Quiet).unwrap_err();
    assert_eq!(error.to_string(), "reading 4096 bytes at byte 0 of the disk for its map");
}

/// A disk of 2 TiB whose filesystem was made by the real tool: few reads, and all of them large.
#[test]
fn map_of_two_tebibytes_reads_little() {
    let tebibytes = 2u64 << 40;
    let image = Image::new(tebibytes);
    let reads = |most_reads: u64, most_bytes: u64| {
        let reader = image.reader();
        let map = DiskMap::of(&reader, tebibytes, Activity::Quiet).unwrap();
        well_formed(&map, tebibytes);
        assert!(map.copied() < tebibytes / 50, "{}", crate::support::images::findings(&map));
        let (reads, bytes) = (reader.reads.get(), reader.bytes.get());
        assert!(reads <= most_reads && bytes <= most_bytes, "{reads} reads of {bytes} bytes");
    };
    run("mke2fs", &["-q", "-F", "-t", "ext4", "-J", "size=4", &image.path()]);
    reads(1_200, 70 << 20);
    run("wipefs", &["-q", "-a", &image.path()]);
    run("mkntfs", &["-q", "-Q", "-F", "-c", "4096", &image.path()]);
    reads(100, 66 << 20);
}
