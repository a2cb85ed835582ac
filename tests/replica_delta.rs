//! What travels and what does not: changed blocks, chunks that are here already, free space.

use crate::support::replica::{Lab, Mounted, block_on, random_bytes, run, unmount};
use std::os::unix::fs::FileExt;
use traghetto::replica::{self, CHUNK, DiskReplica, Manifest, MapWanted};

const MIB: u64 = 1 << 20;

fn random(seed: u64, bytes: usize) -> Vec<u8> {
    random_bytes(seed).take(bytes).collect()
}

/// A lab whose disk is `chunks` chunks that do not compress.
fn dense(seed: u64, chunks: usize) -> Lab {
    let lab = Lab::new();
    std::fs::write(&lab.source, random(seed, chunks * CHUNK)).unwrap();
    lab
}

/// A lab whose source is the device of a filesystem.
fn over(mounted: &Mounted) -> Lab {
    let mut lab = Lab::new();
    lab.source = mounted.device().to_owned();
    lab
}

#[test]
fn of_a_changed_chunk_only_its_changed_blocks_travel() {
    let lab = dense(1, 200);
    lab.pass().unwrap();
    for chunk in 0..50u64 {
        lab.change(chunk * 3 * CHUNK as u64 + 5000, &random(chunk, 100));
    }
    let report = lab.pass().unwrap();
    lab.assert_equal();
    assert_eq!((report.chunks_sent, report.bytes_sent), (50, 50 * 4096));
    assert_eq!(report.bytes_written, 50 * 4096, "and only they are written");
    assert!(report.bytes_payload < 50 * (4096 + 512), "{report:?}");
}

#[test]
fn the_tail_of_a_disk_is_patched_too() {
    let lab = Lab::with_disk(3, 5000);
    lab.pass().unwrap();
    lab.change(3 * CHUNK as u64 + 4990, b"tail");
    let report = lab.pass().unwrap();
    lab.assert_equal();
    assert_eq!((report.chunks_sent, report.bytes_sent), (1, 4096));
}

/// What rotted here is not trusted because a leaf says so: the blocks that are stored count.
#[test]
fn a_patch_on_a_rotten_chunk_repairs_it() {
    let lab = dense(2, 20);
    lab.pass().unwrap();
    let image = std::fs::OpenOptions::new().write(true).open(lab.replica.image()).unwrap();
    image.write_all_at(b"rot", 7 * CHUNK as u64 + 40_000).unwrap();
    lab.change(7 * CHUNK as u64, b"changed");
    let report = lab.pass().unwrap();
    assert_eq!(report.bytes_sent, 2 * 4096, "the changed block and the rotten one");
    lab.assert_equal();
    assert!(block_on(replica::verify(&lab.replica, &mut |_| {})).unwrap().holds());
}

#[test]
fn what_the_tenant_has_is_named_and_not_sent() {
    let (first, second) = (dense(3, 100), Lab::new());
    first.pass().unwrap();
    // The second server has the same sixty chunks in other places, and forty of its own.
    let content = std::fs::read(&first.source).unwrap();
    let shared: Vec<u8> = content.chunks(CHUNK).skip(40).rev().flatten().copied().collect();
    std::fs::write(&second.source, [random(4, 40 * CHUNK), shared].concat()).unwrap();
    let donors = vec![first.replica.clone(), second.replica.clone()];
    let report = second.pass_with(|options| options.donors = donors).unwrap();
    second.assert_equal();
    assert_eq!((report.chunks_sent, report.named_chunks), (40, 60));
    assert!(report.bytes_payload < 42 * CHUNK as u64, "{report:?}");
}

#[test]
fn a_donor_that_is_not_what_it_was_costs_bytes_and_nothing_else() {
    let (first, second) = (dense(5, 50), Lab::new());
    first.pass().unwrap();
    std::fs::copy(&first.source, &second.source).unwrap();
    // Its leaves still promise all fifty.
    let image = std::fs::OpenOptions::new().write(true).open(first.replica.image()).unwrap();
    for chunk in 10..20u64 {
        image.write_all_at(b"other", chunk * CHUNK as u64).unwrap();
    }
    let report = second.pass_with(|options| options.donors = vec![first.replica.clone()]).unwrap();
    second.assert_equal();
    assert_eq!((report.chunks_sent, report.named_chunks), (10, 40));
    // A donor without files is no donor; of one with half a leaf file what is left counts.
    let gone = DiskReplica::new(&second.path().join("nowhere"), &"disk9".parse().unwrap());
    let leaves = std::fs::OpenOptions::new().write(true).open(first.replica.leaves()).unwrap();
    leaves.set_len(33).unwrap();
    std::fs::remove_dir_all(second.replica.dir()).unwrap();
    let report = second.pass_with(|options| options.donors = vec![gone, first.replica.clone()]).unwrap();
    assert_eq!((report.chunks_sent, report.named_chunks), (49, 1));
    second.assert_equal();
}

/// Needs root (a loop device and ext4).
#[test]
fn free_space_is_neither_read_nor_sent_and_is_named() {
    let lab = Lab::new();
    let mut mounted = Mounted::ext4(lab.path(), 256 * MIB);
    for file in 0..40 {
        std::fs::write(mounted.dir().join(format!("file{file}")), random(file, MIB as usize)).unwrap();
    }
    run(&["sync"]);
    for file in 0..20 {
        std::fs::remove_file(mounted.dir().join(format!("file{file}"))).unwrap();
    }
    mounted.unmount();
    let device = over(&mounted);
    let report = device.pass_with(|options| options.map = MapWanted::Quiet).unwrap();
    device.assert_canonical();
    // The files, the journal and the tables of inodes.
    assert!(report.bytes_copied < 48 * MIB, "{report:?}");
    assert!(report.bytes_read <= report.bytes_copied && report.bytes_sent < 24 * MIB, "{report:?}");
    assert!(report.findings[0].contains("ext4"), "{report:?}");
    let manifest = Manifest::load(&device.replica.manifest()).unwrap().unwrap();
    let skipped: u64 = manifest.skipped.iter().map(|skip| skip.length).sum();
    assert_eq!(skipped + manifest.map.copied, 256 * MIB);
    run(&["e2fsck", "-fn", device.replica.image().to_str().unwrap()]);

    // An unchanged disk costs as little with its map, and what becomes free is punched out.
    let again = device.pass_with(|options| options.map = MapWanted::Quiet).unwrap();
    assert!(again.bytes_payload < 1024 && again.chunks_sent == 0, "{again:?}");
    let used = device.replica.status().unwrap().unwrap().bytes_used;
    run(&["mount", mounted.device().to_str().unwrap(), mounted.dir().to_str().unwrap()]);
    for file in 20..30 {
        std::fs::remove_file(mounted.dir().join(format!("file{file}"))).unwrap();
    }
    unmount(mounted.device(), mounted.dir());
    device.pass_with(|options| options.map = MapWanted::Quiet).unwrap();
    device.assert_canonical();
    assert!(device.replica.status().unwrap().unwrap().bytes_used < used - 9 * MIB);
    run(&["e2fsck", "-fn", device.replica.image().to_str().unwrap()]);

    // Whole means whole: equal by SHA-256.
    let whole = device.pass_with(|options| options.map = MapWanted::Whole).unwrap();
    assert_eq!(whole.bytes_copied, 256 * MIB);
    device.assert_equal();
}

/// Needs root. While the filesystem is mounted its map may be stale: the pass over the quiet one is right.
#[test]
fn whatever_the_live_passes_saw_the_quiet_one_is_right() {
    let lab = Lab::new();
    let mut mounted = Mounted::ext4(lab.path(), 128 * MIB);
    let device = over(&mounted);
    for round in 0..4u64 {
        for file in 0..8 {
            std::fs::write(mounted.dir().join(format!("{round}-{file}")), random(round + file, 700_000)).unwrap();
        }
        if round > 0 {
            for file in 0..6 {
                std::fs::remove_file(mounted.dir().join(format!("{}-{file}", round - 1))).unwrap();
            }
        }
        // Not synced on purpose: data is in flight while the disk is mapped and read.
        let report = device.pass_with(|options| options.map = MapWanted::Live).unwrap();
        assert!(report.findings[0].contains("in use") || report.findings[0].contains("whole"), "{report:?}");
    }
    mounted.unmount();
    device.pass_with(|options| options.map = MapWanted::Quiet).unwrap();
    device.assert_canonical();
    run(&["e2fsck", "-fn", device.replica.image().to_str().unwrap()]);
}
