//! NTFS made by mkntfs and filled through ntfs-3g; the states of Windows are written by hand.

use crate::support::images::{Image, fill, findings, run, skipped, tree};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use traghetto::replica::map::{Activity, Outcome, Remark, SkipReason};

const MIB: u64 = 1 << 20;

fn made(options: &[&str]) -> Image {
    let image = Image::new(120 * MIB);
    let path = image.path();
    run("mkntfs", &[&["-q", "-F"], options, &[path.as_str()]].concat());
    image
}

/// A volume with 4 KiB clusters and something on it.
fn filled() -> Image {
    let image = made(&["-c", "4096"]);
    image.mounted_ntfs("rw", |folder| fill(folder, 21));
    image
}

fn free_bytes(image: &Image) -> u64 {
    let text = run("ntfsinfo", &["-m", &image.path()]);
    let number = |name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    number("Free Clusters:") * number("Cluster Size:")
}

fn whole(image: &Image, why: &str) {
    let map = image.map(Activity::Quiet);
    assert_eq!(skipped(&map), 0, "{}", findings(&map));
    assert!(findings(&map).contains(why), "{} lacks {why}", findings(&map));
}

fn judged(cluster: &str) {
    let image = made(&["-c", cluster]);
    image.mounted_ntfs("rw", |folder| fill(folder, 21));
    let map = image.map(Activity::Quiet);
    let [finding] = map.findings() else { panic!("{}", findings(&map)) };
    assert!(matches!(finding.outcome, Outcome::Mapped { provisional: false, .. }), "{cluster}: {finding}");
    let free = free_bytes(&image);
    if cluster.parse::<u64>().unwrap() >= 4096 {
        assert_eq!(skipped(&map), free, "{cluster}: {finding}");
    } else {
        assert!(skipped(&map) <= free && skipped(&map) > free - 8 * MIB, "{cluster}: {finding}, {free} free");
    }
    let copy = image.garbled(&map);
    assert_eq!(image.read(120 * MIB - 512, 512), copy.read(120 * MIB - 512, 512), "copy of the boot sector");
    run("ntfsfix", &["-n", &copy.path()]);
    assert_eq!(image.mounted_ntfs("ro", tree), copy.mounted_ntfs("ro", tree), "{cluster}");
    copy.mounted_ntfs("rw", |folder| fill(&folder.join("cartella1"), 2));
    run("ntfsfix", &["-n", &copy.path()]);
}

#[test]
fn map_ntfs_of_every_cluster_size() {
    for cluster in ["512", "1024", "2048", "4096", "8192", "16384", "32768", "65536"] {
        judged(cluster);
    }
}

fn without_system_files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = tree(folder);
    found.retain(|path, _| !path.to_str().unwrap().to_lowercase().ends_with(".sys"));
    found
}

#[test]
fn map_ntfs_leaves_out_page_hibernation_and_swap_contents() {
    let image = filled();
    image.mounted_ntfs("rw", |folder| {
        // In pieces, between other files; a file of the same name elsewhere is like any other.
        for piece in 0..40u8 {
            use std::io::Write;
            let mut file = fs::File::options().append(true).create(true).open(folder.join("pagefile.sys")).unwrap();
            file.write_all(&vec![piece; 300_000]).unwrap();
            drop(file);
            fs::write(folder.join(format!("tra{piece}")), vec![piece; 50_000]).unwrap();
        }
        fs::write(folder.join("HIBERFIL.SYS"), vec![0; 5 << 20]).unwrap();
        fs::write(folder.join("swapfile.sys"), vec![3; 1 << 20]).unwrap();
        fs::write(folder.join("cartella1/pagefile.sys"), vec![4; 1 << 20]).unwrap();
    });
    let map = image.map(Activity::Quiet);
    let of = |reason| map.skips().iter().filter(|skip| skip.reason == reason).map(|skip| skip.length).sum::<u64>();
    assert_eq!(of(SkipReason::NtfsFree), free_bytes(&image), "{}", findings(&map));
    assert_eq!(of(SkipReason::PageFile), 12_001_280, "40 x 300,000 bytes in clusters");
    assert_eq!(of(SkipReason::HibernationFile), 5 << 20);
    assert_eq!(of(SkipReason::SwapFile), 1 << 20);
    let copy = image.garbled(&map);
    run("ntfsfix", &["-n", &copy.path()]);
    let elsewhere = |folder: &Path| fs::read(folder.join("cartella1/pagefile.sys")).unwrap() == vec![4; 1 << 20];
    assert!(copy.mounted_ntfs("ro", elsewhere));
    assert_eq!(image.mounted_ntfs("ro", without_system_files), copy.mounted_ntfs("ro", without_system_files));
}

#[test]
fn map_ntfs_of_a_system_that_sleeps_is_copied_whole() {
    for mark in [b"hibr", b"HIBR"] {
        let image = filled();
        let mut content = vec![0; 3 << 20];
        content[..4].copy_from_slice(mark);
        image.mounted_ntfs("rw", |folder| fs::write(folder.join("hiberfil.sys"), &content).unwrap());
        whole(&image, "its system is hibernated");
    }
}

#[test]
fn map_ntfs_marked_dirty_is_copied_whole() {
    let image = filled();
    // Linux's own driver and ntfs-3g leave the flag alone: set it in the record of $Volume.
    let record = mft(&image) + 3 * 1024;
    let bytes = image.read(record, 1024);
    let at = attribute(&bytes, 0x70);
    let value = at + usize::from(u16::from_le_bytes([bytes[at + 0x14], bytes[at + 0x15]]));
    image.write(record + value as u64 + 10, &[1, 0]);
    whole(&image, "dirty flag");
    assert!(image.map(Activity::Live).provisional());
}

/// First byte of the master file table.
fn mft(image: &Image) -> u64 {
    let boot = image.read(0, 512);
    let cluster = u64::from(u16::from_le_bytes([boot[11], boot[12]])) * u64::from(boot[13]);
    u64::from_le_bytes(boot[48..56].try_into().unwrap()) * cluster
}

/// Place of an attribute in a record.
fn attribute(record: &[u8], kind: u32) -> usize {
    let mut at = usize::from(u16::from_le_bytes([record[20], record[21]]));
    while u32::from_le_bytes(record[at..at + 4].try_into().unwrap()) != kind {
        at += u32::from_le_bytes(record[at + 4..at + 8].try_into().unwrap()) as usize;
    }
    at
}

/// First byte of `$LogFile`, which mkntfs makes in one run.
fn logfile(image: &Image) -> u64 {
    let record = image.read(mft(image) + 2 * 1024, 1024);
    let at = attribute(&record, 0x80);
    let pairs = at + usize::from(u16::from_le_bytes([record[at + 0x20], record[at + 0x21]]));
    let (length, place) = (usize::from(record[pairs] & 15), usize::from(record[pairs] >> 4));
    let mut number = [0; 8];
    number[..place].copy_from_slice(&record[pairs + 1 + length..pairs + 1 + length + place]);
    u64::from_le_bytes(number) * 4096
}

/// A restart page as Windows leaves it.
fn restart_page(number: u64, version: u16, clients: u16, flags: u16) -> Vec<u8> {
    let mut page = vec![0; 4096];
    page[..4].copy_from_slice(b"RSTR");
    page[4..6].copy_from_slice(&30u16.to_le_bytes());
    page[6..8].copy_from_slice(&9u16.to_le_bytes());
    page[16..20].copy_from_slice(&4096u32.to_le_bytes());
    page[20..24].copy_from_slice(&4096u32.to_le_bytes());
    page[24..26].copy_from_slice(&48u16.to_le_bytes());
    page[26..28].copy_from_slice(&1u16.to_le_bytes());
    page[28..30].copy_from_slice(&version.to_le_bytes());
    page[30] = 5;
    for sector in 0..8 {
        page[sector * 512 + 510] = 5;
    }
    page[48..56].copy_from_slice(&number.to_le_bytes());
    page[60..62].copy_from_slice(&clients.to_le_bytes());
    page[62..64].copy_from_slice(&flags.to_le_bytes());
    page
}

#[test]
fn map_ntfs_with_an_open_log_is_copied_whole() {
    let image = filled();
    let log = logfile(&image);
    assert_eq!(image.read(log, 8), [0xFF; 8], "ntfs-3g empties the log");
    let both = |first: Vec<u8>, second: Vec<u8>| image.write(log, &[first, second].concat());
    let mapped = |what: &str| assert!(skipped(&image.map(Activity::Quiet)) > 80 * MIB, "{what}");
    both(restart_page(7, 1, 0xFFFF, 0), restart_page(6, 1, 0, 0));
    mapped("closed, the newer page says so");
    both(restart_page(7, 1, 0, 2), restart_page(7, 1, 0, 2));
    mapped("flag of a clean volume");
    both(restart_page(7, 1, 0xFFFF, 0), restart_page(8, 1, 0, 0));
    whole(&image, "$LogFile is open");
    both(restart_page(7, 2, 0xFFFF, 0), restart_page(7, 2, 0xFFFF, 0));
    whole(&image, "$LogFile is open");
    let mut torn = restart_page(9, 1, 0xFFFF, 0);
    torn[1022] = 4;
    both(torn, restart_page(7, 1, 0xFFFF, 0));
    whole(&image, "written halfway");
}

#[test]
fn map_ntfs_tells_of_shadow_copies() {
    let image = filled();
    let mut header = b"\x6B\x87\x08\x38\x76\xC1\x48\x4E\xB7\xAE\x04\x04\x6E\x6C\xC7\x52".to_vec();
    header.resize(48, 0);
    header.extend(0x1_0000u64.to_le_bytes());
    image.write(0x1E00, &header);
    let map = image.map(Activity::Quiet);
    let Outcome::Mapped { remarks, .. } = &map.findings()[0].outcome else { panic!("{}", findings(&map)) };
    assert_eq!(remarks[..], [Remark::ShadowCopies]);
}

#[test]
fn map_ntfs_follows_attribute_lists_and_moved_bitmaps() {
    let image = Image::new(40 * MIB);
    run("mkntfs", &["-q", "-F", "-c", "4096", &image.path()]);
    image.mounted_ntfs("rw", |folder| {
        // Small files until the volume is full, every second one gone: what comes then is in pieces.
        let mut made = 0;
        while fs::write(folder.join(format!("p{made}")), [1; 4000]).is_ok() {
            made += 1;
        }
        (0..made).step_by(2).for_each(|index| fs::remove_file(folder.join(format!("p{index}"))).unwrap());
        let mut page = fs::File::create(folder.join("pagefile.sys")).unwrap();
        while std::io::Write::write_all(&mut page, &[2; 4096]).is_ok() {}
    });
    let text = run("ntfsinfo", &["-F", "pagefile.sys", &image.path()]);
    assert!(text.contains("$ATTRIBUTE_LIST"), "the page file is in too few pieces for this test");
    let page = |map: &traghetto::replica::map::DiskMap| -> u64 {
        map.skips().iter().filter(|skip| skip.reason == SkipReason::PageFile).map(|skip| skip.length).sum()
    };
    let map = image.map(Activity::Quiet);
    assert!(page(&map) > 12 << 20, "{}", findings(&map));
    assert_eq!(skipped(&map) - page(&map), free_bytes(&image));
    let check = |image: &Image, map| {
        let copy = image.garbled(map);
        run("ntfsfix", &["-n", &copy.path()]);
        assert_eq!(image.mounted_ntfs("ro", without_system_files), copy.mounted_ntfs("ro", without_system_files));
    };
    check(&image, &map);
    // A volume that grew has its bitmap elsewhere, in more pieces.
    fs::File::options().write(true).open(image.file()).unwrap().set_len(400 * MIB).unwrap();
    run("ntfsresize", &["-f", "-f", "-s", "400M", &image.path()]);
    run("ntfsfix", &["-d", &image.path()]);
    let map = image.map(Activity::Quiet);
    assert!(skipped(&map) > 350 * MIB, "{}", findings(&map));
    check(&image, &map);
}
