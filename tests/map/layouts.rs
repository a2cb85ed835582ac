//! Partition tables, LVM, swap, and what is copied whole.

use crate::support::images::{Image, Loop, dumpe2fs_free, fill, findings, ranges, run, same, skipped, tree};
use std::io::Write;
use std::process::{Command, Stdio};
use traghetto::replica::map::{Activity, DiskMap, SkipReason};

const MIB: u64 = 1 << 20;

fn sfdisk(image: &Image, script: &str) {
    let mut child =
        Command::new("sfdisk").args(["-q", &image.path()]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// An ext4 with a past, and its place on a disk.
fn put_ext4(disk: &Image, offset: u64, length: u64) -> Vec<(u64, u64)> {
    let image = Image::new(length);
    run("mke2fs", &["-q", "-F", "-t", "ext4", "-b", "4096", "-g", "2048", &image.path()]);
    image.mounted("rw", |folder| fill(folder, offset));
    put(disk, &image, offset);
    let shift = |(from, to): (u64, u64)| (from + offset, to + offset);
    let free: Vec<_> = dumpe2fs_free(&image).into_iter().map(shift).collect();
    crate::support::images::inwards(free)
}

fn put(disk: &Image, image: &Image, offset: u64) {
    let seek = format!("seek={offset}");
    let (from, to) = (format!("if={}", image.path()), format!("of={}", disk.path()));
    run("dd", &[&from, &to, "bs=1M", "conv=notrunc,sparse", "oflag=seek_bytes", &seek, "status=none"]);
}

fn place(map: &DiskMap, name: &str) -> String {
    let found = map.findings().iter().find(|finding| finding.place == name);
    found.unwrap_or_else(|| panic!("no {name} in\n{}", findings(map))).to_string()
}

#[test]
fn map_gpt_with_boot_areas_and_several_systems() {
    let disk = Image::new(600 * MIB);
    sfdisk(
        &disk,
        "label: gpt\nstart=2048,size=4096,type=21686148-6449-6E6F-744E-656564454649\n\
         size=131072,type=U\nsize=409600,type=L\nsize=131072,type=S\nsize=262144,type=L\n",
    );
    let (esp, root, swap) = (6144 * 512, (6144 + 131_072) * 512, (6144 + 131_072 + 409_600) * 512);
    disk.write(1 << 20, &[0x5A; 40_000]);
    {
        let part = Loop::of(&disk, esp, 64 * MIB);
        run("mkfs.vfat", &["-F", "32", &part.0]);
    }
    let free = put_ext4(&disk, root, 200 * MIB);
    {
        let part = Loop::of(&disk, swap, 64 * MIB);
        run("mkswap", &["-q", &part.0]);
    }
    for activity in [Activity::Quiet, Activity::Live] {
        let map = disk.map(activity);
        assert_eq!(place(&map, "disk"), "disk: GPT");
        assert!(place(&map, "partition 1").ends_with("unknown content, copied whole: nothing known begins there"));
        assert!(place(&map, "partition 2").ends_with("FAT, copied whole: its free space is not read"));
        let own = |reason| map.skips().iter().filter(move |skip| skip.reason == reason);
        let ext: Vec<_> = own(SkipReason::ExtFree).map(|skip| (skip.offset, skip.offset + skip.length)).collect();
        same(&ext, &free, "ext4 in partition 3");
        let swapped: Vec<_> = own(SkipReason::Swap).map(|skip| (skip.offset, skip.length)).collect();
        assert_eq!(swapped, [(swap + 4096, 64 * MIB - 4096)]);
        let copy = disk.garbled(&map);
        for (from, length) in [(0, root as usize), (600 * 1_048_576 - 33 * 512, 33 * 512), (swap, 4096)] {
            assert!(disk.read(from, length) == copy.read(from, length), "{from}");
        }
        assert!(run("sgdisk", &["-v", &copy.path()]).contains("No problems found"));
    }
}

#[test]
fn map_gpt_by_its_copy_at_the_end() {
    let disk = Image::new(300 * MIB);
    sfdisk(&disk, "label: gpt\nstart=2048,size=409600,type=L\n");
    let free = put_ext4(&disk, MIB, 200 * MIB);
    let header = disk.read(512, 512);
    disk.write(512 + 56, &[9; 4]);
    let map = disk.map(Activity::Quiet);
    same(&ranges(&map), &free, "by the last copy");
    assert!(findings(&map).contains("only the partition table at the end of the disk is valid"));
    disk.write(300 * MIB - 512 + 56, &[9; 4]);
    let map = disk.map(Activity::Quiet);
    assert_eq!(skipped(&map), 0);
    assert!(findings(&map).contains("no partition table with a valid checksum"), "{}", findings(&map));
    disk.write(512, &header);
    same(&ranges(&disk.map(Activity::Quiet)), &free, "by the first copy");
}

#[test]
fn map_gpt_of_a_disk_with_sectors_of_4096() {
    let disk = Image::new(300 * MIB);
    let looped = run("losetup", &["--show", "-f", "-b", "4096", &disk.path()]);
    let looped = Loop(looped.trim().to_owned());
    run("sgdisk", &["-n", "1:256:51455", &looped.0]);
    drop(looped);
    let free = put_ext4(&disk, MIB, 200 * MIB);
    let map = disk.map(Activity::Quiet);
    same(&ranges(&map), &free, &findings(&map));
}

#[test]
fn map_mbr_with_logical_partitions_off_the_grid() {
    let disk = Image::new(700 * MIB);
    // Partitions that begin at sector 63, as Windows XP and old installers made them.
    sfdisk(
        &disk,
        "label: dos\nstart=63,size=204800,type=83\nstart=204863,size=1024000,type=5\n\
         start=204926,size=204800,type=83\nstart=409789,size=409600,type=83\n",
    );
    let mut free = put_ext4(&disk, 63 * 512, 100 * MIB);
    free.extend(put_ext4(&disk, 204_926 * 512, 100 * MIB));
    free.extend(put_ext4(&disk, 409_789 * 512, 200 * MIB));
    let map = disk.map(Activity::Quiet);
    same(&ranges(&map), &free, &findings(&map));
    assert!(place(&map, "partition 6").contains("ext4"));
    let copy = disk.garbled(&map);
    assert_eq!(
        run("sfdisk", &["-d", &disk.path()]).replace(&disk.path(), ""),
        run("sfdisk", &["-d", &copy.path()]).replace(&copy.path(), "")
    );
    let part = Loop::of(&copy, 409_789 * 512, 200 * MIB);
    run("e2fsck", &["-fn", &part.0]);
}

#[test]
fn map_mbr_with_a_chain_in_a_circle_is_copied_whole() {
    let disk = Image::new(300 * MIB);
    sfdisk(&disk, "label: dos\nstart=2048,size=409600,type=5\nstart=4096,size=204800\nstart=219136,size=102400\n");
    put_ext4(&disk, 4096 * 512, 100 * MIB);
    // The second link names itself.
    let second = disk.read(2048 * 512 + 462, 16);
    let at = 2048 * 512 + u64::from(u32::from_le_bytes(second[8..12].try_into().unwrap())) * 512;
    disk.write(at + 462, &second);
    let map = disk.map(Activity::Quiet);
    assert_eq!(skipped(&map), 0, "{}", findings(&map));
    assert!(findings(&map).contains("without end"), "{}", findings(&map));
}

#[test]
fn map_partitions_that_overlap_are_copied_whole() {
    let disk = Image::new(300 * MIB);
    let entry = |status: u8, kind: u8, first: u32, count: u32| {
        let mut entry = vec![status, 0, 0, 0, kind, 0, 0, 0];
        entry.extend(first.to_le_bytes());
        entry.extend(count.to_le_bytes());
        entry
    };
    let table = [entry(0x80, 0x83, 2048, 204_800), entry(0, 0x83, 200_000, 100_000), entry(0, 7, 400_000, 9_000_000)];
    put_ext4(&disk, MIB, 100 * MIB);
    disk.write(446, &table.concat());
    disk.write(510, &[0x55, 0xAA]);
    let map = disk.map(Activity::Quiet);
    assert_eq!(skipped(&map), 0, "{}", findings(&map));
    assert!(place(&map, "partition 1").contains("overlaps another partition"));
    assert!(place(&map, "partition 3").contains("reaches beyond the disk"));
}

#[test]
fn map_what_is_encrypted_pooled_or_unknown_is_copied_whole() {
    let whole = |image: &Image, why: &str| {
        let map = image.map(Activity::Quiet);
        assert_eq!(skipped(&map), 0, "{}", findings(&map));
        assert!(findings(&map).contains(why), "{} lacks {why}", findings(&map));
    };
    let luks = Image::new(64 * MIB);
    let key = luks.file().with_file_name("key");
    std::fs::write(&key, b"chiave").unwrap();
    let quick = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"];
    run("cryptsetup", &[&["-q", "luksFormat"], &quick[..], &[&luks.path(), key.to_str().unwrap()]].concat());
    whole(&luks, "LUKS, copied whole: encrypted");

    let btrfs = Image::new(256 * MIB);
    run("mkfs.btrfs", &["-q", &btrfs.path()]);
    whole(&btrfs, "btrfs, copied whole: its free space is not read");

    // Mirrors whose filesystem begins where the partition does are members all the same.
    for version in ["0.90", "1.0", "1.2"] {
        let image = Image::new(64 * MIB);
        run("mke2fs", &["-q", "-F", "-t", "ext4", &image.path(), "60m"]);
        md_superblock(&image, version);
        whole(&image, if version == "1.2" { "it looks like both ext2/3/4 and Linux RAID" } else { "Linux RAID" });
    }

    for (mark, why) in
        [(&b"-FVE-FS-"[..], "BitLocker, copied whole: encrypted"), (b"ReFS\0\0\0\0", "ReFS"), (b"EXFAT   ", "exFAT")]
    {
        let image = Image::new(4 * MIB);
        image.write(3, mark);
        whole(&image, why);
    }
    let both = Image::new(64 * MIB);
    run("mke2fs", &["-q", "-F", &both.path()]);
    both.write(4086, b"SWAPSPACE2");
    whole(&both, "it looks like both ext2/3/4 and swap");

    let asleep = Image::new(64 * MIB);
    run("mkswap", &["-q", &asleep.path()]);
    asleep.write(4086, b"S1SUSPEND\0");
    whole(&asleep, "its system is hibernated");

    for length in [0, 1, 511, 512, 4096, 5000, MIB] {
        whole(&Image::new(length), "nothing known begins there");
    }
}

/// The mark of an array at the place of its version: the kernel here makes no arrays.
fn md_superblock(image: &Image, version: &str) {
    let length = image.length();
    let at = match version {
        "0.90" => length / 65536 * 65536 - 65536,
        "1.0" => (length / 512 - 16) / 8 * 8 * 512,
        _ => 4096,
    };
    image.write(at, &[0xFC, 0x4E, 0x2B, 0xA9]);
}

#[test]
fn map_superfloppy_with_a_table_left_behind_is_copied_whole() {
    let disk = Image::new(100 * MIB);
    sfdisk(&disk, "label: dos\nstart=2048,size=100000,type=83\n");
    let sector = disk.read(0, 512);
    run("mke2fs", &["-q", "-F", "-t", "ext4", &disk.path()]);
    assert!(skipped(&disk.map(Activity::Quiet)) > 50 * MIB);
    disk.write(0, &sector);
    let map = disk.map(Activity::Quiet);
    assert_eq!(skipped(&map), 0);
    assert!(findings(&map).contains("it looks like both ext2/3/4 and a partition table"), "{}", findings(&map));
}

/// LVM's own tools, which need no device mapper for metadata.
fn lvm(disk: &str, args: &[&str]) {
    let filter = format!(
        "devices{{filter=[\"a|^{disk}$|\",\"r|.*|\"] use_devicesfile=0}} activation{{udev_sync=0 udev_rules=0}} \
         global{{use_lvmlockd=0}}"
    );
    run(args[0], &[&["-q", "--driverloaded", "n", "--config", &filter], &args[1..]].concat());
}

#[test]
fn map_lvm_with_free_extents_and_nested_filesystems() {
    let disk = Image::new(900 * MIB);
    sfdisk(&disk, "label: gpt\nstart=2048,size=1638400,type=E6D6D379-F507-44C2-A23C-238F2A3DF928\n");
    let (start, length) = (MIB, 800 * MIB);
    {
        let part = Loop::of(&disk, start, length);
        let pv = part.0.as_str();
        lvm(pv, &["pvcreate", pv]);
        lvm(pv, &["vgcreate", "vg0", pv]);
        let create =
            |size: &str, name: &str| lvm(pv, &["lvcreate", "-an", "-Zn", "-Wn", "-L", size, "-n", name, "vg0"]);
        create("100M", "root");
        create("60M", "swap");
        create("80M", "gone");
        create("40M", "raw");
        // In two pieces, around the others.
        lvm(pv, &["lvextend", "-L", "200M", "vg0/root"]);
        lvm(pv, &["lvremove", "-f", "vg0/gone"]);
    }
    let extents = start + MIB;
    let root = Image::new(200 * MIB);
    run("mke2fs", &["-q", "-F", "-t", "ext4", "-g", "2048", &root.path()]);
    root.mounted("rw", |folder| fill(folder, 8));
    let mib = |from: u64, count: u64| root.read(from * MIB, (count * MIB) as usize);
    disk.write(extents, &mib(0, 100));
    disk.write(extents + 280 * MIB, &mib(100, 100));
    let swap = Image::new(60 * MIB);
    run("mkswap", &["-q", &swap.path()]);
    disk.write(extents + 100 * MIB, &swap.read(0, 4096));
    disk.write(extents + 160 * MIB, &[0x11; 4096]);

    let map = disk.map(Activity::Quiet);
    let free = |reason| map.skips().iter().filter(|skip| skip.reason == reason).map(|skip| skip.length).sum::<u64>();
    let expected: u64 = dumpe2fs_free(&root).iter().map(|(from, to)| to - from).sum();
    assert_eq!(free(SkipReason::ExtFree), expected, "{}", findings(&map));
    assert_eq!(free(SkipReason::Swap), 60 * MIB - 4096);
    // 800 MiB less 1 MiB of label, in extents of 4 MiB; 300 in volumes.
    assert_eq!(free(SkipReason::LvmFree), (796 - 300) * MIB, "{}", findings(&map));
    assert!(place(&map, "LV vg0/raw").contains("unknown content"));
    assert!(place(&map, "LV vg0/root").contains("ext4"));
    let copy = disk.garbled(&map);
    let back = Image::new(200 * MIB);
    back.write(0, &copy.read(extents, 100 << 20));
    back.write(100 * MIB, &copy.read(extents + 280 * MIB, 100 << 20));
    run("e2fsck", &["-fn", &back.path()]);
    assert_eq!(root.mounted("ro", tree), back.mounted("ro", tree));
    let part = Loop::of(&copy, start, length);
    lvm(&part.0, &["vgck", "vg0"]);
}

#[test]
fn map_lvm_volumes_that_others_are_built_on_are_copied_whole() {
    let disk = Image::new(600 * MIB);
    {
        let part = Loop::of(&disk, 0, 600 * MIB);
        let pv = part.0.as_str();
        lvm(pv, &["pvcreate", pv]);
        lvm(pv, &["vgcreate", "vg0", pv]);
        lvm(pv, &["lvcreate", "-an", "-Zn", "-Wn", "-L", "100M", "-n", "origin", "vg0"]);
        lvm(pv, &["lvcreate", "-an", "-Zn", "-Wn", "-L", "100M", "-n", "plain", "vg0"]);
    }
    put_ext4(&disk, MIB, 100 * MIB);
    put_ext4(&disk, 101 * MIB, 100 * MIB);
    let before = disk.map(Activity::Quiet);
    assert!(place(&before, "LV vg0/origin").contains("skipped"), "{}", findings(&before));
    {
        let part = Loop::of(&disk, 0, 600 * MIB);
        let pv = part.0.as_str();
        // A snapshot needs the device mapper to be made: its metadata is made by restoring a text.
        lvm(pv, &["lvcreate", "-an", "-Zn", "-Wn", "-L", "40M", "-n", "snap", "vg0"]);
        let text = disk.file().with_file_name("vg0");
        lvm(pv, &["vgcfgbackup", "-f", text.to_str().unwrap(), "vg0"]);
        let found = std::fs::read_to_string(&text).unwrap();
        let snapshot = "\t\tsnapshot0 {\n\t\t\tid = \"abcdef-0000-1111-2222-3333-4444-555555\"\n\t\t\tstatus = [\"READ\", \"WRITE\"]\n\
            \t\t\tflags = []\n\t\t\tsegment_count = 1\n\t\t\tsegment1 {\n\t\t\t\tstart_extent = 0\n\t\t\t\textent_count = 25\n\
            \t\t\t\ttype = \"snapshot\"\n\t\t\t\tchunk_size = 8\n\t\t\t\torigin = \"origin\"\n\t\t\t\tcow_store = \"snap\"\n\t\t\t}\n\t\t}\n";
        let at = found.rfind("\t}\n\n}").unwrap();
        std::fs::write(&text, format!("{}{snapshot}{}", &found[..at], &found[at..])).unwrap();
        lvm(pv, &["vgcfgrestore", "--force", "-f", text.to_str().unwrap(), "vg0"]);
    }
    let map = disk.map(Activity::Quiet);
    assert!(place(&map, "LV vg0/origin").contains("a snapshot needs what is free by now"), "{}", findings(&map));
    assert!(place(&map, "LV vg0/snap").contains("copied whole"), "{}", findings(&map));
    assert!(place(&map, "LV vg0/plain").contains("skipped"), "{}", findings(&map));
}
