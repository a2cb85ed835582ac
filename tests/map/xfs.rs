//! XFS in the shapes that mkfs.xfs makes, clean, crashed, live and frozen.

use crate::support::images::{Image, fill, findings, run, skipped, sync, tree};
use std::fs;
use std::path::Path;
use traghetto::replica::map::{Activity, Outcome};

const MIB: u64 = 1 << 20;

fn made(options: &[&str]) -> Image {
    let image = Image::new(400 * MIB);
    let path = image.path();
    run("mkfs.xfs", &[&["-q", "-f"], options, &[path.as_str()]].concat());
    image
}

/// Free bytes in the headers of the groups, as xfs_db reads them.
fn free_bytes(image: &Image) -> u64 {
    let field = |args: &[&str], name: &str| -> u64 {
        let path = image.path();
        let text = run("xfs_db", &[&["-r"], args, &[path.as_str()]].concat());
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} = "))).unwrap();
        line.parse().unwrap()
    };
    let (groups, size) = (
        field(&["-c", "sb 0", "-c", "p agcount"], "agcount"),
        field(&["-c", "sb 0", "-c", "p blocksize"], "blocksize"),
    );
    let free = |group| field(&["-c", &format!("agf {group}"), "-c", "p freeblks"], "freeblks");
    (0..groups).map(free).sum::<u64>() * size
}

fn age(folder: &Path) {
    fill(folder, 11);
    // Holes in a file of many extents, so that the trees have levels.
    let place = folder.join("bucata");
    let file = fs::File::create(&place).unwrap();
    for index in 0..3000u64 {
        use std::os::unix::fs::FileExt;
        file.write_all_at(&[index as u8; 4096], index * 4096).unwrap();
    }
    file.sync_all().unwrap();
    for index in (0..3000u64).step_by(2) {
        rustix_punch(&file, index * 4096, 4096);
    }
    file.sync_all().unwrap();
}

fn rustix_punch(file: &fs::File, offset: u64, length: u64) {
    use rustix::fs::FallocateFlags;
    rustix::fs::fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, offset, length).unwrap();
}

fn judged(options: &[&str]) {
    let image = made(options);
    image.mounted("rw", age);
    let map = image.map(Activity::Quiet);
    let [finding] = map.findings() else { panic!("{options:?}: {}", findings(&map)) };
    assert!(matches!(finding.outcome, Outcome::Mapped { provisional: false, .. }), "{options:?}: {finding}");
    let free = free_bytes(&image);
    if options.contains(&"size=1024") {
        assert!(skipped(&map) <= free && skipped(&map) > free - 16 * MIB, "{options:?}: {finding}, {free} free");
    } else {
        assert_eq!(skipped(&map), free, "{options:?}: {finding}");
    }
    let copy = image.garbled(&map);
    run("xfs_repair", &["-n", &copy.path()]);
    assert_eq!(image.mounted("ro", tree), copy.mounted("ro,nouuid", tree), "{options:?}");
    copy.mounted("rw,nouuid", |folder| fill(&folder.join("cartella1"), 2));
    run("xfs_repair", &["-n", &copy.path()]);
}

#[test]
fn map_xfs_as_it_is_made_today() {
    judged(&[]);
}

#[test]
fn map_xfs_with_every_tree() {
    judged(&["-m", "rmapbt=1,reflink=1,finobt=1"]);
    judged(&["-m", "rmapbt=0,reflink=0,finobt=0"]);
}

#[test]
fn map_xfs_of_version_4() {
    // Kernels of today do not mount it any more: mkfs fills it from a list of files.
    let source = Image::new(20 * MIB);
    source.write(0, &[7; 1 << 20]);
    let files: String = (0..12).map(|index| format!("f{index} ---644 0 0 {}\n", source.path())).collect();
    let list = source.file().with_file_name("files");
    fs::write(&list, format!("/none\n0 0\nd--755 0 0\n{files}$\n")).unwrap();
    let image = made(&["-m", "crc=0,finobt=0", "-p", list.to_str().unwrap()]);
    let map = image.map(Activity::Quiet);
    assert_eq!(skipped(&map), free_bytes(&image), "{}", findings(&map));
    assert!(skipped(&map) > 50 * MIB && skipped(&map) < 200 * MIB, "{}", findings(&map));
    run("xfs_repair", &["-n", &image.garbled(&map).path()]);
}

#[test]
fn map_xfs_of_other_sizes() {
    judged(&["-b", "size=1024"]);
    judged(&["-s", "size=4096"]);
    judged(&["-d", "agcount=2"]);
    judged(&["-l", "su=256k"]);
}

#[test]
fn map_xfs_that_was_cut_off_is_copied_whole() {
    let image = made(&[]);
    let cut = image.mounted("rw", |folder| {
        fill(folder, 4);
        sync(folder);
        image.copy()
    });
    let map = cut.map(Activity::Quiet);
    assert_eq!(skipped(&map), 0);
    assert!(findings(&map).contains("its log is not replayed here"), "{}", findings(&map));
}

#[test]
fn map_xfs_live_is_provisional_and_frozen_is_not() {
    for options in [&[][..], &["-l", "su=64k"], &["-l", "su=256k"]] {
        let image = made(options);
        image.mounted("rw", |folder| {
            age(folder);
            let map = image.map(Activity::Live);
            assert!(map.provisional(), "{}", findings(&map));
            let place = folder.to_str().unwrap();
            run("fsfreeze", &["-f", place]);
            let (map, copy) = (image.map(Activity::Quiet), image.copy());
            run("fsfreeze", &["-u", place]);
            assert!(!map.provisional() && skipped(&map) == free_bytes(&copy), "{options:?}: {}", findings(&map));
            let garbled = copy.garbled(&map);
            let nouuid = "rw,nouuid";
            assert_eq!(tree(folder), garbled.mounted(nouuid, tree), "{options:?}");
            run("xfs_repair", &["-n", &garbled.path()]);
        });
    }
}
