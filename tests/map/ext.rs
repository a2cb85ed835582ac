//! ext2, ext3 and ext4 in every shape that mke2fs makes, clean, crashed, live and frozen.

use crate::support::images::{
    Image, commit, dumpe2fs_free, dumpe2fs_text, fill, findings, ranges, run, same, skipped, tree, try_run,
};
use std::fs;
use traghetto::replica::map::{Activity, Outcome, Remark};

const MIB: u64 = 1 << 20;

fn made(options: &[&str]) -> Image {
    let image = Image::new(160 * MIB);
    let path = image.path();
    run("mke2fs", &[&["-q", "-F"], options, &[path.as_str()]].concat());
    image
}

/// Fills it, maps it, compares with dumpe2fs, and lets e2fsck and the kernel judge the garbled copy.
fn judged(options: &[&str]) {
    let image = made(options);
    image.mounted("rw", |folder| fill(folder, 1));
    let map = image.map(Activity::Quiet);
    let [finding] = map.findings() else { panic!("{options:?}: {}", findings(&map)) };
    assert!(matches!(finding.outcome, Outcome::Mapped { provisional: false, .. }), "{options:?}: {finding}");
    same(&ranges(&map), &dumpe2fs_free(&image), &format!("{options:?}"));
    assert!(skipped(&map) > 100 * MIB, "{options:?}: {finding}");
    let copy = image.garbled(&map);
    run("e2fsck", &["-fn", &copy.path()]);
    assert_eq!(image.mounted("ro", tree), copy.mounted("ro", tree), "{options:?}");
    // The copy must also be a filesystem to live in.
    copy.mounted("rw", |folder| fill(&folder.join("cartella1"), 2));
    run("e2fsck", &["-fn", &copy.path()]);
}

#[test]
fn map_ext4_as_it_is_made_today() {
    judged(&["-t", "ext4"]);
    judged(&["-t", "ext4", "-b", "4096", "-g", "8192"]);
}

#[test]
fn map_ext4_with_small_blocks() {
    judged(&["-t", "ext4", "-b", "1024"]);
    judged(&["-t", "ext4", "-b", "2048"]);
}

#[test]
fn map_ext4_with_clusters() {
    judged(&["-t", "ext4", "-O", "bigalloc", "-C", "65536"]);
    judged(&["-t", "ext4", "-b", "1024", "-O", "bigalloc", "-C", "16384"]);
}

#[test]
fn map_ext4_with_descriptors_in_meta_groups() {
    judged(&["-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode"]);
    judged(&["-t", "ext4", "-b", "4096", "-g", "1024", "-O", "meta_bg,^resize_inode,^64bit"]);
}

#[test]
fn map_ext4_of_older_shapes() {
    judged(&["-t", "ext4", "-b", "1024", "-O", "^64bit"]);
    judged(&["-t", "ext4", "-b", "1024", "-O", "^flex_bg"]);
    judged(&["-t", "ext4", "-b", "1024", "-O", "^metadata_csum,uninit_bg"]);
    judged(&["-t", "ext4", "-b", "1024", "-O", "^metadata_csum,uninit_bg,^64bit,^flex_bg"]);
    judged(&["-t", "ext4", "-b", "1024", "-O", "^metadata_csum"]);
    judged(&["-t", "ext4", "-b", "1024", "-O", "^sparse_super,^resize_inode"]);
    judged(&["-t", "ext4", "-O", "^has_journal"]);
}

#[test]
fn map_ext4_with_two_backups() {
    judged(&["-t", "ext4", "-b", "1024", "-O", "sparse_super2,^resize_inode", "-E", "num_backup_sb=2"]);
    judged(&["-t", "ext4", "-b", "1024", "-O", "sparse_super2,^resize_inode", "-E", "num_backup_sb=1"]);
}

#[test]
fn map_ext4_with_features_on_top() {
    judged(&["-t", "ext4", "-b", "4096", "-g", "4096", "-O", "metadata_csum_seed,orphan_file"]);
    judged(&["-t", "ext4", "-b", "1024", "-O", "inline_data,ea_inode,large_dir", "-I", "512"]);
}

#[test]
fn map_ext2_and_ext3() {
    judged(&["-t", "ext2", "-b", "1024"]);
    judged(&["-t", "ext2", "-b", "4096", "-r", "0", "-O", "none"]);
    judged(&["-t", "ext3", "-b", "4096", "-g", "2048"]);
}

/// A filesystem cut off with its journal full, and what is free once the judge has replayed it on a copy of
/// its own; none if the journal changes nothing of that.
fn cut_off(options: &[&str], mount: &str, twist: impl Fn(&std::path::Path)) -> Option<(Image, Vec<(u64, u64)>)> {
    let image = made(options);
    image.mounted("rw", |folder| fill(folder, 3));
    let cut = image.mounted(mount, |folder| {
        twist(folder);
        commit(folder);
        image.copy()
    });
    let replayed = cut.copy();
    let (code, text) = try_run("e2fsck", &["-y", "-E", "journal_only", &replayed.path()]);
    assert!(code <= 1, "{text}");
    let free = dumpe2fs_free(&replayed);
    let (code, text) = try_run("dumpe2fs", &[&cut.path()]);
    (code != 0 || dumpe2fs_text(&text) != free).then_some((cut, free))
}

/// A filesystem that was cut off, its journal full: the map must be that of a replayed one.
fn crashed(options: &[&str], mount: &str, twist: impl Fn(&std::path::Path)) {
    // Under load the kernel may write the journal's blocks to their places before the cut: try again.
    let cut = (0..10).find_map(|_| cut_off(options, mount, &twist));
    let (cut, free) = cut.unwrap_or_else(|| panic!("{options:?}: the journal holds nothing of interest"));
    let header = run("dumpe2fs", &["-h", &cut.path()]);
    assert!(header.contains("needs_recovery"), "{options:?}: the journal is to be replayed");
    let map = cut.map(Activity::Quiet);
    let [finding] = map.findings() else { panic!("{}", findings(&map)) };
    let Outcome::Mapped { remarks, provisional: false, .. } = &finding.outcome else {
        panic!("{options:?}: {finding}")
    };
    assert!(matches!(remarks[..], [Remark::JournalReplayed(blocks)] if blocks > 0), "{options:?}: {finding}");
    let copy = cut.garbled(&map);
    same(&ranges(&map), &free, &format!("{options:?}"));
    let (code, text) = try_run("e2fsck", &["-fy", &copy.path()]);
    assert!(code <= 1, "{options:?}: {text}");
    assert_eq!(cut.mounted("rw", tree), copy.mounted("rw", tree), "{options:?}");
}

fn changes(folder: &std::path::Path) {
    for round in 0..3 {
        fs::create_dir_all(folder.join("nuova")).unwrap();
        for index in 0..200 {
            fs::write(folder.join(format!("nuova/{index}")), vec![round; 3000 * (index + 1) % 40_000]).unwrap();
        }
        commit(folder);
        // Directories that go, and whose blocks become file content, are revoked.
        fs::remove_dir_all(folder.join("nuova")).unwrap();
        fs::write(folder.join(format!("dopo{round}")), vec![round; 700_000]).unwrap();
        commit(folder);
    }
}

#[test]
fn map_ext4_replays_the_journal_in_memory() {
    crashed(&["-t", "ext4", "-b", "4096"], "rw", changes);
    crashed(&["-t", "ext4", "-b", "1024"], "rw", changes);
    crashed(&["-t", "ext4", "-b", "1024", "-O", "^64bit"], "rw", changes);
    crashed(&["-t", "ext4", "-b", "1024", "-O", "^metadata_csum"], "rw", changes);
    crashed(&["-t", "ext4", "-b", "4096", "-O", "bigalloc", "-C", "32768"], "rw", changes);
}

#[test]
fn map_ext3_replays_the_journal_in_memory() {
    crashed(&["-t", "ext3", "-b", "1024", "-J", "size=4"], "rw", changes);
    crashed(&["-t", "ext3", "-b", "4096"], "rw", changes);
}

#[test]
fn map_ext4_replays_blocks_that_look_like_the_journal() {
    // With data in the journal, content with its magic is escaped there.
    crashed(&["-t", "ext4", "-b", "1024"], "rw,data=journal", |folder| {
        fs::write(folder.join("magia"), [0xC0, 0x3B, 0x39, 0x98].repeat(50_000)).unwrap();
        changes(folder);
        fs::write(folder.join("magia2"), [0xC0, 0x3B, 0x39, 0x98].repeat(50_000)).unwrap();
    });
}

#[test]
fn map_ext4_live_is_provisional_and_frozen_is_not() {
    let image = made(&["-t", "ext4", "-b", "1024"]);
    image.mounted("rw", |folder| {
        fill(folder, 5);
        changes(folder);
        let map = image.map(Activity::Live);
        assert!(map.provisional() && skipped(&map) > 100 * MIB, "{}", findings(&map));
        let place = folder.to_str().unwrap();
        run("fsfreeze", &["-f", place]);
        let (map, header, copy) = (image.map(Activity::Quiet), run("dumpe2fs", &["-h", &image.path()]), image.copy());
        run("fsfreeze", &["-u", place]);
        assert!(!header.contains("needs_recovery"));
        assert!(!map.provisional(), "{}", findings(&map));
        same(&ranges(&map), &dumpe2fs_free(&copy), "frozen");
        run("e2fsck", &["-fn", &copy.garbled(&map).path()]);
    });
}

#[test]
fn map_ext_in_doubt_is_copied_whole() {
    let whole = |image: &Image, activity, why: &str| {
        let map = image.map(activity);
        assert_eq!(skipped(&map), 0, "{}", findings(&map));
        assert!(findings(&map).contains(why), "{} lacks {why}", findings(&map));
    };
    let plain = made(&["-t", "ext4"]);
    let image = plain.copy();
    run("debugfs", &["-w", "-R", "ssv state 3", &image.path()]);
    whole(&image, Activity::Quiet, "recorded an error");
    whole(&image, Activity::Live, "recorded an error");

    let image = made(&["-t", "ext2"]);
    run("debugfs", &["-w", "-R", "ssv state 0", &image.path()]);
    whole(&image, Activity::Quiet, "not unmounted");
    assert!(image.map(Activity::Live).provisional());

    // A bitmap that calls free what is not, with the checksum of none: the count betrays it.
    let image = made(&["-t", "ext2", "-b", "4096"]);
    run("debugfs", &["-w", "-R", "freeb 5000", &image.path()]);
    run("debugfs", &["-w", "-R", "set_bg 0 free_blocks_count 7", &image.path()]);
    whole(&image, Activity::Quiet, "free count of a group");

    // Longer than what holds it.
    fs::File::options().write(true).open(plain.file()).unwrap().set_len(150 * MIB).unwrap();
    whole(&plain, Activity::Quiet, "longer than its partition");
}

#[test]
fn map_ext4_replays_journals_of_every_kind_of_checksum() {
    // debugfs writes a journal of the version asked for; what it writes here is all that
    // two new files change.
    for (version, options) in [("1", "^metadata_csum"), ("2", "metadata_csum"), ("3", "metadata_csum,64bit")] {
        let image = made(&["-t", "ext4", "-b", "1024", "-O", options]);
        image.mounted("rw", |folder| fill(folder, 9));
        let scratch = image.copy();
        for name in ["nuovo", "altro"] {
            run("debugfs", &["-w", "-R", &format!("write /proc/self/exe {name}"), &scratch.path()]);
        }
        let (before, after) = (image.read(0, 160 << 20), scratch.read(0, 160 << 20));
        let blocks: Vec<usize> =
            (0..before.len() / 1024).filter(|at| before[at * 1024..][..1024] != after[at * 1024..][..1024]).collect();
        let file = image.file().with_file_name("blocks");
        let content: Vec<u8> = blocks.iter().flat_map(|at| &after[at * 1024..][..1024]).copied().collect();
        fs::write(&file, content).unwrap();
        let list = blocks.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        let script = image.file().with_file_name("script");
        let file = file.to_str().unwrap();
        fs::write(&script, format!("jo -c -v {version}\njw -b {list} {file}\njc\n")).unwrap();
        let text = run("debugfs", &["-w", "-f", script.to_str().unwrap(), &image.path()]);
        let header = run("dumpe2fs", &["-h", &image.path()]);
        assert!(header.contains("needs_recovery"), "{list}: {text} {header}");
        let map = image.map(Activity::Quiet);
        if version == "1" {
            // What debugfs makes of version 1 is a journal with a checksum of whole transactions.
            assert!(skipped(&map) == 0 && findings(&map).contains("asynchronous commits"), "{}", findings(&map));
            continue;
        }
        same(&ranges(&map), &dumpe2fs_free(&scratch), &format!("version {version}: {}", findings(&map)));
        let expected = format!("replayed in memory ({} blocks)", blocks.len());
        assert!(findings(&map).contains(&expected), "{}", findings(&map));
    }
}
