//! Clones converted: small roots in real images, mounted, changed and unmounted; a Windows on NTFS. What is
//! done is compared with golden files; a second run has nothing to do.

use crate::hives::shapes;
use crate::support::golden;
use crate::support::hive::{Lists, bytes};
use crate::support::images::{Image, run};
use crate::support::replica::block_on;
use crate::support::roots;
use crate::support::roots::{KERNEL, MIB, Root, clone_of};
use std::fs;
use traghetto::landing::convert::hardware::{Controller, NicModel};
use traghetto::landing::convert::linux::{Card, Interface, Refusal, Wish as LinuxWish};
use traghetto::landing::convert::{
    CloneDisk, CloneDisks, ConvertError, Converted, NotAClone, Way, Wish, convert, windows,
};

fn interface(name: &str, mac: Option<&str>) -> Interface {
    Interface::new(name, mac.map(|mac| mac.parse().unwrap())).unwrap()
}

fn card(mac: &str, takes: &str) -> Card {
    Card { model: NicModel::Vmxnet3, mac: mac.parse().unwrap(), takes: Some(interface(takes, None)) }
}

fn wish(cards: Vec<Card>) -> LinuxWish {
    LinuxWish { controller: Controller::Pvscsi, cards, left: Vec::new() }
}

fn two_cards() -> LinuxWish {
    wish(vec![card("00:50:56:00:00:01", "eth0"), card("00:50:56:00:00:02", "eth1")])
}

fn try_convert(images: &[(&Image, Option<&str>)], wish: &LinuxWish) -> Result<Converted, ConvertError> {
    let dir = tempfile::tempdir().unwrap();
    let clone = clone_of(dir.path(), images);
    let converted = block_on(convert(&clone, &Wish::Linux(wish.clone())));
    if converted.is_ok() {
        assert_eq!(fs::read_dir(clone.folder()).unwrap().count(), 0, "something was left behind");
    }
    converted
}

/// Converts, compares with a golden file, converts again, and checks the filesystem at `offset`.
#[track_caller]
fn converts_as(name: &str, image: &Image, wish: &LinuxWish, at: (u64, u64)) {
    let converted = try_convert(&[(image, Some("/dev/sda"))], wish).unwrap();
    let lines = converted
        .actions
        .iter()
        .map(ToString::to_string)
        .chain(converted.notes.iter().map(|note| format!("note: {note}")));
    golden(&format!("conversion/{name}.txt"), &lines.map(|line| line + "\n").collect::<String>());
    assert_eq!(converted.way, Way::Kernel);
    assert_eq!(try_convert(&[(image, Some("/dev/sda"))], wish).unwrap().actions, []);
    let part = image.part(&[at]);
    run("e2fsck", &["-f", "-n", &part.path()]);
}

/// A file of the root at a place.
fn file(image: &Image, at: (u64, u64), path: &str) -> String {
    let part = image.part(&[at]);
    run("debugfs", &["-R", &format!("cat {path}"), &part.path()])
}

#[test]
fn an_old_debian_is_converted_as_expected() {
    let image = roots::disk(&roots::debian());
    let at = (2 * MIB, 88 * MIB);
    converts_as("debian", &image, &two_cards(), at);
    assert!(file(&image, at, "/etc/fstab").starts_with("# the root\nUUID=11111111-"));
    let seen = file(&image, at, "/root/seen");
    // The clone's programs see their own processes and nothing of this host.
    assert!(seen.contains("/sys/class/net/* /dev/sd* /dev/loop*"), "{seen}");
    let processes = seen.matches("/proc/").count();
    assert!((1..=3).contains(&processes), "{seen}");
    assert!(!seen.contains("CARGO"), "{seen}");
}

#[test]
fn a_centos_6_on_a_logical_volume_is_converted_as_expected() {
    let image = roots::lvm_disk(&roots::centos(), false);
    let mut wish = two_cards();
    wish.cards[1].takes = Some(interface("eth1", Some("00:25:90:00:00:02")));
    converts_as("centos", &image, &wish, (18 * MIB, 40 * MIB));
    run("e2fsck", &["-f", "-n", &image.part(&[(MIB, 16 * MIB)]).path()]);
}

#[test]
fn an_ubuntu_under_uefi_is_converted_as_expected() {
    let image = roots::uefi_disk(&roots::ubuntu());
    converts_as("ubuntu", &image, &wish(vec![card("00:50:56:00:00:01", "eno1")]), (41 * MIB, 100 * MIB));
    let fat = format!("{}@@{MIB}", image.path());
    for (name, content) in [("BOOTX64.EFI", "shimx64.efi"), ("grubx64.efi", "grubx64.efi")] {
        assert_eq!(run("mtype", &["-i", &fat, &format!("::/EFI/BOOT/{name}")]), content);
    }
}

/// What the kernel of this host cannot open is opened by libguestfs.
#[test]
fn proof_a_volume_in_pieces_is_converted_by_libguestfs() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("libguestfs is part of `make proof`");
        return;
    }
    let image = roots::lvm_disk(&roots::centos(), true);
    let mut wish = two_cards();
    wish.cards[1].takes = Some(interface("eth1", Some("00:25:90:00:00:02")));
    let converted = try_convert(&[(&image, None)], &wish).unwrap();
    println!("converted in {:.1} s", converted.seconds);
    assert_eq!(converted.way, Way::Libguestfs);
    let wanted = fs::read_to_string(crate::support::project().join("tests/golden/conversion/centos.txt")).unwrap();
    assert_eq!(converted.actions.iter().map(|action| format!("{action}\n")).collect::<String>(), wanted);
    assert_eq!(try_convert(&[(&image, None)], &wish).unwrap().actions, []);
}

/// Nothing of a conversion is left on this host: no mount, no loop device.
#[test]
fn nothing_is_left_behind() {
    let image = roots::disk(&roots::debian());
    try_convert(&[(&image, None)], &two_cards()).unwrap();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains("conversion"), "{mounts}");
    let loops = run("losetup", &["--list", "--noheadings", "-O", "BACK-FILE"]);
    assert!(!loops.contains(&image.path()), "{loops}");
}

#[track_caller]
fn refused(images: &[(&Image, Option<&str>)], wish: &LinuxWish) -> Refusal {
    match try_convert(images, wish) {
        Err(ConvertError::Linux(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_single_linux_is_refused() {
    let image = roots::disk(&roots::debian());
    let other = roots::disk(&roots::debian());
    let both = [(&image, Some("/dev/sda")), (&other, Some("/dev/sdb"))];
    let found = vec!["ext4 on partition 1 of disk 1".to_owned(), "ext4 on partition 1 of disk 2".to_owned()];
    assert_eq!(refused(&both, &two_cards()), Refusal::SeveralRoots(found));
    let empty = Image::new(MIB);
    assert_eq!(refused(&[(&empty, None)], &two_cards()), Refusal::NoRoot(Vec::new()));
    let locked = Image::new(32 * MIB);
    run(
        "sh",
        &[
            "-c",
            &format!(
                "echo secret | cryptsetup luksFormat -q --pbkdf-force-iterations 4 --pbkdf-memory 32 {}",
                locked.path()
            ),
        ],
    );
    assert_eq!(refused(&[(&locked, None)], &two_cards()), Refusal::Encrypted("crypto_LUKS on disk 1".into()));
}

/// What would not start or be reached is refused, and the root is as it was.
#[test]
fn what_would_not_start_is_refused_and_nothing_is_written() {
    type Change = fn(&Root);
    let cases: [(Change, &str); 5] = [
        (|root| root.file("etc/fstab", "/dev/sdb1 /srv ext4 defaults 0 2\n"), "/etc/fstab names /dev/sdb1"),
        (|root| root.file("etc/fstab", "UUID=0000 /srv ext4 defaults 0 2\n"), "/etc/fstab mounts UUID=0000 on /srv"),
        (|root| root.file(&format!("lib/modules/{KERNEL}/modules.dep"), ""), "has no driver"),
        (|root| fs::remove_file(root.dir.path().join("boot/grub/grub.cfg")).unwrap(), "no configuration of GRUB"),
        (
            |root| root.file("etc/network/interfaces", "iface eth2 inet static\n  address 10.1.1.1\n"),
            "no card takes the static addresses of: 10.1.1.1 of eth2 (/etc/network/interfaces)",
        ),
    ];
    for (change, said) in cases {
        let root = roots::debian();
        change(&root);
        let image = roots::disk(&root);
        let fstab = fs::read_to_string(root.dir.path().join("etc/fstab")).unwrap();
        let refusal = refused(&[(&image, Some("/dev/sda"))], &two_cards());
        assert!(refusal.to_string().contains(said), "{refusal}");
        assert!(!refusal.hint().is_empty());
        assert_eq!(file(&image, (2 * MIB, 88 * MIB), "/etc/fstab"), fstab);
    }
}

#[test]
fn an_initramfs_that_does_not_gain_its_drivers_is_an_error() {
    let root = roots::debian();
    root.program("usr/sbin/update-initramfs", "exit 0\n");
    let failed = try_convert(&[(&roots::disk(&root), None)], &two_cards()).unwrap_err();
    assert!(matches!(&failed, ConvertError::NotAsPlanned(left) if left[0].contains("initrd.img")), "{failed}");
    root.program("usr/sbin/update-initramfs", "echo no space left >&2; exit 1\n");
    let failed = try_convert(&[(&roots::disk(&root), None)], &two_cards()).unwrap_err().to_string();
    assert!(failed.starts_with("making the initramfs of") && failed.ends_with("no space left"), "{failed}");
}

#[test]
fn links_of_a_clone_change_nothing_of_this_host() {
    let host = tempfile::tempdir().unwrap();
    let target = host.path().join("grub");
    fs::write(&target, "GRUB_CMDLINE_LINUX=\"root=/dev/sda1\"\n").unwrap();
    let root = roots::debian();
    for path in ["etc/default/grub", "etc/network/interfaces"] {
        fs::remove_file(root.dir.path().join(path)).unwrap();
        root.link(path, target.to_str().unwrap());
    }
    root.link("etc/udev/rules.d/60-net.rules", "/../../../../../../../../etc/hostname");
    fs::remove_dir_all(root.dir.path().join("etc/initramfs-tools/conf.d")).unwrap();
    root.link("etc/initramfs-tools/conf.d", host.path().to_str().unwrap());
    try_convert(&[(&roots::disk(&root), None)], &two_cards()).unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "GRUB_CMDLINE_LINUX=\"root=/dev/sda1\"\n");
    assert_eq!(fs::read_dir(host.path()).unwrap().count(), 1);
}

#[test]
fn a_replica_is_never_converted() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for folder in ["clone", "replicas"] {
        fs::create_dir(path(folder)).unwrap();
    }
    fs::write(path("replicas/disk.img"), "").unwrap();
    fs::hard_link(path("replicas/disk.img"), path("clone/same.img")).unwrap();
    std::os::unix::fs::symlink(path("replicas/disk.img"), path("clone/link.img")).unwrap();
    let taken = |image: &str| {
        let disk = CloneDisk { id: "disk0".parse().unwrap(), image: path(image), device: None };
        CloneDisks::new(&path("clone"), &path("replicas"), vec![disk])
    };
    assert!(matches!(taken("replicas/disk.img"), Err(NotAClone::Replica { .. })));
    assert!(matches!(taken("clone/link.img"), Err(NotAClone::Replica { .. })));
    assert!(matches!(taken("clone/same.img"), Err(NotAClone::Shared { .. })));
    fs::remove_file(path("replicas/disk.img")).unwrap();
    assert!(taken("clone/same.img").is_ok());
}

/// A disk with the volume of a Windows 7.
fn windows_disk() -> Image {
    let image = Image::new(64 * MIB);
    roots::partition(&image, "dos", "start=2048, type=7");
    let volume = Image::new(63 * MIB);
    run("mkntfs", &["-F", "-f", "-q", &volume.path()]);
    volume.mounted_ntfs("rw", |folder| {
        let config = folder.join("Windows/System32/config");
        let drivers = folder.join("Windows/System32/drivers");
        fs::create_dir_all(&config).unwrap();
        fs::create_dir_all(&drivers).unwrap();
        fs::write(config.join("SYSTEM"), bytes(&shapes::windows_7(), Lists::Lh)).unwrap();
        fs::write(config.join("SOFTWARE"), bytes(&shapes::software("6.1"), Lists::Lh)).unwrap();
        for driver in ["lsi_sas.sys", "atapi.sys", "intelide.sys"] {
            fs::write(drivers.join(driver), "").unwrap();
        }
    });
    run(
        "dd",
        &[
            &format!("if={}", volume.path()),
            &format!("of={}", image.path()),
            "bs=1M",
            "seek=1",
            "conv=notrunc,sparse",
            "status=none",
        ],
    );
    image
}

#[test]
fn a_windows_is_converted_on_its_own_volume() {
    let image = windows_disk();
    let dir = tempfile::tempdir().unwrap();
    let clone = clone_of(dir.path(), &[(&image, None)]);
    let takes = Some(shapes::FRONT.parse().unwrap());
    let card = windows::Card { model: NicModel::E1000, mac: "00:50:56:00:00:03".parse().unwrap(), takes };
    let wish = Wish::Windows(windows::Wish { controller: Controller::LsiSas1068, cards: vec![card], left: Vec::new() });
    let converted = block_on(convert(&clone, &wish)).unwrap();
    let starts = converted.actions.iter().any(|action| {
        action.what.ends_with("LSI_SAS\\Start") && action.before == "dword 3" && action.after == "dword 0"
    });
    assert!(starts, "{:?}", converted.actions);
    assert_eq!(block_on(convert(&clone, &wish)).unwrap().actions, []);
    // A Linux is not looked for in it, nor a Windows in a Linux.
    assert!(matches!(refused(&[(&image, None)], &two_cards()), Refusal::NoRoot(_)));
    let linux = roots::disk(&roots::debian());
    let clone = clone_of(dir.path(), &[(&linux, None)]);
    assert!(matches!(block_on(convert(&clone, &wish)), Err(ConvertError::NoWindows(_))));
}
