//! Passes over real files and devices: what arrives, what it costs, what is found out.

use crate::support::replica::{Lab, Mounted, agent, block_on, options, random_bytes, sha256};
use crate::support::sshd::{Sshd, trust_nothing};
use std::os::unix::fs::FileExt;
use std::path::Path;
use traghetto::replica::{
    self, AgentBinary, AgentError, AgentLink, CHUNK, CloneWay, DiskReplica, PassOptions, ReplicaError, Stage,
    StartOptions, VerifyReport,
};
use traghetto::world::ssh::{Deadlines, Session};

const MIB: u64 = 1 << 20;

#[test]
fn a_first_pass_copies_every_byte_and_leaves_holes() {
    let lab = Lab::with_disk(500, 1234);
    let report = lab.pass().unwrap();
    lab.assert_equal();
    assert_eq!(report.length, 500 * CHUNK as u64 + 1234);
    assert_eq!((report.chunks_total, report.chunks_sent + report.zero_chunks), (501, 501));
    assert_eq!(report.bytes_sent, report.chunks_sent * CHUNK as u64);
    assert!(report.bytes_payload < report.bytes_sent * 7 / 10, "half of the data compresses: {report:?}");
    let status = lab.replica.status().unwrap().unwrap();
    assert_eq!((status.chunks_done, status.root, status.passes), (501, Some(report.root), 1));
    assert!(status.bytes_used <= report.bytes_sent + MIB, "{status:?}");
}

#[test]
fn a_pass_without_changes_costs_next_to_nothing() {
    let lab = Lab::with_disk(500, 0);
    let first = lab.pass().unwrap();
    let second = lab.pass().unwrap();
    assert_eq!((second.chunks_sent, second.zero_chunks), (0, 0));
    assert_eq!(second.root, first.root);
    assert!(second.bytes_payload < 1024, "{second:?}");
    assert_eq!(lab.replica.status().unwrap().unwrap().passes, 2);
}

#[test]
fn a_later_pass_sends_the_changed_chunks_only() {
    let lab = Lab::with_disk(500, 100);
    let first = lab.pass().unwrap();
    let mut changed = std::collections::BTreeSet::new();
    for (n, random) in random_bytes(5).zip(random_bytes(6)).take(40).enumerate() {
        let chunk = (usize::from(random.0) * 256 + usize::from(random.1)) % 500;
        changed.insert(chunk);
        lab.change((chunk * CHUNK + n * 512) as u64, &[0xA5; 4096]);
    }
    lab.change(499 * CHUNK as u64 + CHUNK as u64 + 99, b"!");
    let second = lab.pass().unwrap();
    lab.assert_equal();
    assert_eq!(second.chunks_sent as usize, changed.len() + 1);
    assert_ne!(second.root, first.root);
}

#[test]
fn what_becomes_zero_is_punched_out() {
    let lab = Lab::with_disk(90, 0);
    lab.pass().unwrap();
    let before = lab.replica.status().unwrap().unwrap().bytes_used;
    lab.change(3 * CHUNK as u64, &vec![0; 6 * CHUNK]);
    let report = lab.pass().unwrap();
    lab.assert_equal();
    assert_eq!((report.chunks_sent, report.zero_chunks), (0, 6));
    let after = lab.replica.status().unwrap().unwrap().bytes_used;
    assert!(before - after >= 5 * CHUNK as u64, "{before} {after}");
}

#[test]
fn progress_only_grows_and_ends_at_the_total() {
    let lab = Lab::with_disk(400, 0);
    let mut seen = Vec::new();
    block_on(async {
        let mut link = AgentLink::local(&agent()).await.unwrap();
        let mut observe = |progress| seen.push(progress);
        let options = options();
        let pass = replica::pass(&mut link, &lab.replica, &lab.source, &options, &mut observe);
        // The runner moves passes between threads.
        fn assert_send<T: Send>(future: T) -> T {
            future
        }
        assert_send(pass).await.unwrap();
    });
    assert_eq!(seen[0].stage, Stage::Seeding);
    assert!(seen.iter().all(|progress| progress.chunks_done <= progress.chunks_total));
    assert!(seen.windows(2).all(|pair| pair[0].bytes_durable <= pair[1].bytes_durable));
    assert!(seen.windows(2).all(|pair| pair[0].bytes_payload <= pair[1].bytes_payload));
}

fn verify(lab: &Lab) -> VerifyReport {
    block_on(replica::verify(&lab.replica, &mut |_| {})).unwrap()
}

fn flip(path: &std::path::Path, offset: u64) {
    let file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 4], offset).unwrap();
}

#[test]
fn a_flipped_bit_of_the_image_is_found_and_repaired() {
    let lab = Lab::with_disk(200, 50);
    lab.pass().unwrap();
    assert!(verify(&lab).holds());
    // In data, in a hole, in the last bytes.
    for (offset, chunk) in [(4 * CHUNK as u64 + 5, 4), (77, 0), (200 * CHUNK as u64 + 49, 200)] {
        flip(&lab.replica.image(), offset);
        let report = verify(&lab);
        assert!(!report.holds());
        assert_eq!(report.damaged, [(chunk, 1)]);
        let clone = block_on(replica::clone(&lab.replica, &lab.path().join("clone")));
        assert!(matches!(clone, Err(ReplicaError::Incomplete { .. })), "{clone:?}");
        let report = lab.pass().unwrap();
        assert_eq!(report.chunks_sent + report.zero_chunks, 1);
        lab.assert_equal();
        assert!(verify(&lab).holds());
    }
}

#[test]
fn a_flipped_bit_of_the_leaves_is_found_and_repaired() {
    let lab = Lab::with_disk(100, 0);
    let first = lab.pass().unwrap();
    flip(&lab.replica.leaves(), 32 * 40 + 3);
    let report = verify(&lab);
    assert_eq!((report.damaged.as_slice(), report.holds()), (&[(40, 1)][..], false));
    assert_eq!(report.root, first.root, "the image itself is sound");
    flip(&lab.replica.leaves(), 32 * 50 + 3);
    let report = lab.pass().unwrap();
    assert_eq!(report.chunks_sent + report.zero_chunks, 2);
    assert!(verify(&lab).holds());
}

#[test]
fn lost_files_are_fetched_again() {
    let lab = Lab::with_disk(100, 9);
    lab.pass().unwrap();
    std::fs::remove_file(lab.replica.image()).unwrap();
    assert!(!verify(&lab).holds());
    let clone = block_on(replica::clone(&lab.replica, &lab.path().join("clone")));
    assert!(matches!(clone, Err(ReplicaError::Incomplete { .. })), "{clone:?}");
    assert_eq!(lab.pass().unwrap().bytes_read, 100 * CHUNK as u64 + 9, "no stretch of 4 MiB is a hole");
    lab.assert_equal();
    std::fs::remove_file(lab.replica.leaves()).unwrap();
    lab.pass().unwrap();
    lab.assert_equal();
    let image = std::fs::OpenOptions::new().write(true).open(lab.replica.image()).unwrap();
    image.set_len(10 * CHUNK as u64 + 1).unwrap();
    lab.pass().unwrap();
    lab.assert_equal();
    std::fs::remove_file(lab.replica.manifest()).unwrap();
    lab.pass().unwrap();
    lab.assert_equal();
    assert!(verify(&lab).holds());
}

#[test]
fn a_clone_is_equal_new_and_independent() {
    let lab = Lab::with_disk(100, 7);
    let to = lab.path().join("clone.img");
    let cloned = |lab: &Lab| block_on(replica::clone(&lab.replica, &to));
    assert!(matches!(cloned(&lab), Err(ReplicaError::None { .. })));
    lab.pass().unwrap();
    let way = cloned(&lab).unwrap();
    assert!(matches!(way, CloneWay::Reflink | CloneWay::SparseCopy));
    assert_eq!(sha256(&to), sha256(&lab.source));
    use std::os::unix::fs::MetadataExt;
    let used = std::fs::metadata(&to).unwrap().blocks() * 512;
    assert!(used < 80 * CHUNK as u64, "holes are kept: {used}");
    assert!(matches!(cloned(&lab), Err(ReplicaError::CloneExists { .. })));
    std::fs::write(&to, b"changed").unwrap();
    assert!(verify(&lab).holds());
    assert_eq!(std::fs::read_dir(lab.path()).unwrap().count(), 3, "nothing is left beside the clone");
}

#[test]
fn another_disk_or_store_is_refused_and_nothing_changes() {
    let lab = Lab::with_disk(20, 0);
    lab.pass().unwrap();
    let leaves = sha256(&lab.replica.leaves());
    let elsewhere = PassOptions { store: "another".to_owned(), ..options() };
    let refused = block_on(async {
        let mut link = AgentLink::local(&agent()).await.unwrap();
        let refused = replica::pass(&mut link, &lab.replica, &lab.source, &elsewhere, &mut |_| {}).await.unwrap_err();
        // A refusal leaves the agent usable.
        assert_eq!(lab.pass_over(&mut link).await.unwrap().chunks_sent, 0);
        refused
    });
    assert_eq!(refused.to_string(), "disk disk0: the replica belongs to the state store test-store, not to another");
    std::fs::OpenOptions::new().write(true).open(&lab.source).unwrap().set_len(MIB).unwrap();
    let refused = lab.pass().unwrap_err();
    assert_eq!(refused.to_string(), "disk disk0: the source has 1048576 bytes, the replica was made for 1310720");
    assert_eq!(sha256(&lab.replica.leaves()), leaves);
    std::fs::write(lab.replica.manifest(), b"{}").unwrap();
    assert!(matches!(lab.pass(), Err(ReplicaError::Manifest { .. })));
}

#[test]
fn what_is_no_disk_is_refused() {
    let mut lab = Lab::new();
    let mut refusal = |path: &str| {
        lab.source = path.into();
        match lab.pass().unwrap_err() {
            ReplicaError::Source { source, .. } => source.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refusal("/nowhere/at all"), "No such file or directory (os error 2)");
    assert_eq!(refusal("/etc"), "it is neither a block device nor a regular file");
    assert_eq!(refusal("/dev/zero"), "it is neither a block device nor a regular file");
    let empty = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(refusal(empty.path().to_str().unwrap()), "it has 0 bytes; 1 to 281474976710656 can be copied");
    assert_eq!(lab.replica.status().unwrap(), None, "no replica is begun");
}

#[test]
fn two_writers_are_impossible() {
    let lab = Lab::with_disk(10, 0);
    lab.pass().unwrap();
    let lock = std::fs::File::open(lab.replica.lock()).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    assert!(matches!(lab.pass(), Err(ReplicaError::Locked { .. })));
    drop(lock);
    lab.pass().unwrap();
}

#[test]
fn one_agent_serves_many_disks_and_passes() {
    let (first, second) = (Lab::with_disk(50, 1), Lab::with_disk(70, 2));
    block_on(async {
        let mut link = AgentLink::local(&agent()).await.unwrap();
        for _ in 0..2 {
            first.pass_over(&mut link).await.unwrap();
            second.pass_over(&mut link).await.unwrap();
        }
    });
    first.assert_equal();
    second.assert_equal();
}

/// Needs root (loop device, mount). The device's page cache does not see what the filesystem writes: a
/// buffered agent would miss the change.
#[test]
fn a_change_to_a_live_mounted_filesystem_is_seen_by_the_same_agent() {
    let mut lab = Lab::new();
    let mut mounted = Mounted::ext4(lab.path(), 24 * MIB);
    lab.source = mounted.device().to_owned();
    let file = mounted.dir().join("archive");
    std::fs::write(&file, vec![1; 300_000]).unwrap();
    rustix::fs::sync();
    block_on(async {
        let mut link = AgentLink::local(&agent()).await.unwrap();
        lab.pass_over(&mut link).await.unwrap();
        let written = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
        written.write_all_at(b"changed between two passes", 150_000).unwrap();
        written.sync_all().unwrap();
        rustix::fs::sync();
        let report = lab.pass_over(&mut link).await.unwrap();
        assert!(report.chunks_sent >= 1);
    });
    let image = std::fs::read(lab.replica.image()).unwrap();
    assert!(image.windows(26).any(|window| window == b"changed between two passes"));
    assert!(lab.replica.status().unwrap().unwrap().root.is_some());
    // At rest, device and image are the same.
    mounted.unmount();
    lab.pass().unwrap();
    lab.assert_equal();
}

/// The numbers of the specification on a small disk (the full size runs over SSH elsewhere). Needs
/// mkfs.ext4.
#[test]
fn two_hundred_changes_of_an_ext4_disk_travel_and_nothing_else() {
    let lab = Lab::new();
    Mounted::make_ext4(&lab.source, 256 * MIB, std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src").as_path());
    let first = lab.pass().unwrap();
    lab.assert_equal();
    let mut random = random_bytes(99);
    let mut number = || random.by_ref().take(4).fold(0u64, |sum, byte| sum << 8 | u64::from(byte));
    for _ in 0..200 {
        let block = number() % (256 * MIB / 4096);
        let bytes: Vec<u8> = random_bytes(number()).take(4096).collect();
        lab.change(block * 4096, &bytes);
    }
    let second = lab.pass().unwrap();
    lab.assert_equal();
    assert!(second.bytes_payload < 20 * MIB, "{second:?}");
    let third = lab.pass().unwrap();
    assert!(third.bytes_payload < 64 * 1024, "{third:?}");
    assert!(first.bytes_payload < first.bytes_sent);
}

/// Over a real OpenSSH server (Debian package openssh-server): pushed, verified, removed, two passes.
#[test]
fn the_agent_is_pushed_over_ssh_and_leaves_nothing() {
    let lab = Lab::with_disk(300, 77);
    let sshd = Sshd::start();
    block_on(async {
        let session = Session::connect(&sshd.access(), &trust_nothing(), Deadlines::default()).await.unwrap();
        let binary = AgentBinary::find(Some(agent().as_os_str()), "/nowhere/traghetto".as_ref()).unwrap();
        let options = StartOptions { loopback: true, agent_on_disk: false };
        let mut link = replica::start(&session, &binary, options).await.unwrap();
        assert_eq!(link.bytes_agent(), std::fs::metadata(agent()).unwrap().len());
        let files = files_of_running_agents();
        assert!(!files.is_empty());
        assert!(files.iter().all(|file| vanishes(file)), "the agent removes itself once it runs: {files:?}");
        lab.pass_over(&mut link).await.unwrap();
        lab.change(100, b"later");
        assert_eq!(lab.pass_over(&mut link).await.unwrap().chunks_sent, 1);
        // Not on loopback, the dynamic agent of this build is refused.
        let refused = replica::start(&session, &binary, StartOptions::default()).await.err().unwrap();
        assert!(matches!(refused, AgentError::Unusable { .. }), "{refused:?}");
    });
    lab.assert_equal();
}

/// The files from which agents run here at this moment, this test's and others'.
fn files_of_running_agents() -> Vec<std::path::PathBuf> {
    let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path().join("cmdline"));
    let lines = processes.filter_map(|path| std::fs::read_to_string(path).ok());
    lines.filter_map(|line| line.split_once("--remove\0").map(|(_, file)| file.trim_end_matches('\0').into())).collect()
}

/// Whether `path` is gone within some seconds.
fn vanishes(path: &Path) -> bool {
    (0..50).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        !path.exists()
    })
}

#[test]
fn the_agent_is_looked_for_where_it_may_be() {
    let lab = Lab::new();
    let exe = lab.path().join("bin/traghetto");
    std::fs::create_dir_all(lab.path().join("bin")).unwrap();
    assert!(matches!(AgentBinary::find(None, &exe), Err(AgentError::NotFound { looked }) if looked.len() == 2));
    std::fs::copy(agent(), lab.path().join("bin/traghetto-agent")).unwrap();
    assert_eq!(AgentBinary::find(None, &exe).unwrap().path(), lab.path().join("bin/traghetto-agent"));
    std::fs::create_dir_all(lab.path().join("agent")).unwrap();
    std::fs::copy(agent(), lab.path().join("agent/traghetto-agent")).unwrap();
    assert_eq!(AgentBinary::find(None, &exe).unwrap().path(), lab.path().join("bin/../agent/traghetto-agent"));
    let script = lab.path().join("script");
    std::fs::write(&script, "#!/bin/sh\n").unwrap();
    assert!(matches!(AgentBinary::find(Some(script.as_os_str()), &exe), Err(AgentError::Unusable { .. })));
}

#[test]
fn a_replica_of_a_disk_is_named_after_it() {
    let replica = DiskReplica::new("/srv/replicas/cinto".as_ref(), &"disk1".parse().unwrap());
    assert_eq!(replica.image(), std::path::Path::new("/srv/replicas/cinto/disk1.img"));
}

/// A disk so long that the trees keep groups of chunks: both sides compare leaves inside them.
#[test]
fn a_long_disk_is_compared_by_groups() {
    let lab = Lab::new();
    let file = std::fs::File::create(&lab.source).unwrap();
    file.set_len(100 << 30).unwrap();
    let places = [0, 5 << 30, (5 << 30) + 3 * CHUNK as u64, (100 << 30) - 4096];
    for place in places {
        file.write_all_at(&[7; 4096], place).unwrap();
    }
    let first = lab.pass().unwrap();
    assert_eq!(first.chunks_sent, 4);
    assert_eq!(first.chunks_sent + first.zero_chunks, first.chunks_total);
    let unchanged = lab.pass().unwrap();
    assert!(unchanged.bytes_payload < 4096, "{unchanged:?}");
    lab.change((5 << 30) + 100, b"changed");
    lab.change(50 << 30, b"new");
    let second = lab.pass().unwrap();
    assert_eq!((second.chunks_sent, second.zero_chunks), (2, 0));
    let (image, source) =
        (std::fs::File::open(lab.replica.image()).unwrap(), std::fs::File::open(&lab.source).unwrap());
    for place in places.into_iter().chain([50 << 30]) {
        let (mut copied, mut original) = ([0; 4096], [0; 4096]);
        image.read_exact_at(&mut copied, place).unwrap();
        source.read_exact_at(&mut original, place).unwrap();
        assert_eq!(copied, original);
    }
    let status = lab.replica.status().unwrap().unwrap();
    assert!(status.bytes_used <= 6 * CHUNK as u64, "{status:?}");
}
