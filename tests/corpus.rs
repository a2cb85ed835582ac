//! Disks of every scheme and filesystem that a map knows, made and aged by the real tools and copied by a
//! real pass with the map on: what is used is identical, and the tools find the replica as clean as
//! the source. Needs root and the packages named in `support/images.rs`; LVM made by a real kernel
//! (`proof_corpus_lvm_of_a_guest`) needs guestfish and a kernel, and runs in `make proof`.

use crate::support::images::{Image, commit, fill, run, sync, tree, try_run};
use crate::support::replica::{agent, block_on, options};
use crate::support::specimens::{lvm, put, sfdisk};
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;
use traghetto::replica::{self, AgentLink, DiskReplica, Manifest, MapWanted, PassOptions};

const MIB: u64 = 1 << 20;

/// What a part of a disk holds, and so who judges it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Ext,
    /// Cut off with its journal to be replayed.
    ExtCut,
    Xfs,
    XfsCut,
    Ntfs,
    Swap,
    Fat,
    /// Boot code, gaps: compared byte for byte.
    Raw,
}

/// A part of a disk, in one or more stretches of `(first byte, bytes)`.
struct Part {
    kind: Kind,
    stretches: Vec<(u64, u64)>,
}

struct Disk {
    image: Image,
    parts: Vec<Part>,
}

impl Disk {
    fn new(length: u64) -> Self {
        Self { image: Image::new(length), parts: Vec::new() }
    }

    /// Puts an image in one piece on the disk.
    fn put(&mut self, kind: Kind, offset: u64, image: &Image) {
        self.put_scattered(kind, vec![(offset, image.length())], image);
    }

    /// Puts an image in pieces on the disk.
    fn put_scattered(&mut self, kind: Kind, stretches: Vec<(u64, u64)>, image: &Image) {
        let mut at = 0;
        for (offset, length) in &stretches {
            put(&self.image, &image.part(&[(at, *length)]), *offset);
            at += length;
        }
        self.parts.push(Part { kind, stretches });
    }

    /// Fills a stretch with bytes that belong to no filesystem.
    fn mark(&mut self, offset: u64, length: u64) {
        let mut bytes = vec![0; length as usize];
        blake3::Hasher::new().update(&offset.to_le_bytes()).finalize_xof().fill(&mut bytes);
        self.image.write(offset, &bytes);
        self.parts.push(Part { kind: Kind::Raw, stretches: vec![(offset, length)] });
    }
}

/// A filesystem with a past: deleted, fragmented and sparse files, owners, modes, links, attributes.
fn age(folder: &Path) {
    fill(folder, 21);
    let place = folder.join("Città di Venezia – atti");
    fs::create_dir(&place).unwrap();
    // Two files that grow in turns lie in pieces.
    let two = ["dispari", "pari"].map(|name| File::create(place.join(name)).unwrap());
    for turn in 0..120u64 {
        two[turn as usize % 2].write_all_at(&[turn as u8 | 1; 12_000], turn / 2 * 12_000).unwrap();
        two[turn as usize % 2].sync_data().unwrap();
    }
    let sparse = File::create(place.join("buchi")).unwrap();
    (0..9u64).for_each(|index| sparse.write_all_at(&[9; 3000], index * 300_000).unwrap());
    symlink("dispari", place.join("rinvio")).unwrap();
    symlink("/un/percorso/che/non/sta/in/un/inode/".repeat(9), place.join("rinvio lungo")).unwrap();
    fs::hard_link(place.join("pari"), folder.join("altro nome")).unwrap();
    fs::set_permissions(place.join("pari"), fs::Permissions::from_mode(0o4751)).unwrap();
    std::os::unix::fs::chown(place.join("dispari"), Some(1234), Some(4321)).unwrap();
    let none = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(place.join("pari"), "user.protocollo", b"2022/118", none).unwrap();
    rustix::fs::setxattr(place.join("dispari"), "user.lungo", &[5; 900], none).unwrap();
    sync(folder);
}

fn ext(mib: u64, options: &[&str]) -> Image {
    let image = Image::new(mib * MIB);
    run("mke2fs", &[&["-q", "-F"], options, &[&image.path()]].concat());
    image.mounted("rw", age);
    image
}

fn xfs() -> Image {
    let image = Image::new(320 * MIB);
    run("mkfs.xfs", &["-q", "-f", &image.path()]);
    image.mounted("rw", age);
    image
}

/// The same image as it is on the disk in the middle of work.
fn cut(image: &Image) -> Image {
    image.mounted("rw", |folder| {
        fs::create_dir(folder.join("nuova")).unwrap();
        (0..90).for_each(|index| fs::write(folder.join(format!("nuova/{index}")), vec![1; 7000]).unwrap());
        commit(folder);
        (0..90).step_by(2).for_each(|index| fs::remove_file(folder.join(format!("nuova/{index}"))).unwrap());
        commit(folder);
        image.copy()
    })
}

fn ntfs() -> Image {
    let image = Image::new(96 * MIB);
    run("mkntfs", &["-q", "-F", &image.path()]);
    image.mounted_ntfs("rw", |folder| {
        fill(folder, 5);
        fs::write(folder.join("pagefile.sys"), vec![3; 8 << 20]).unwrap();
    });
    image
}

fn swap() -> Image {
    let image = Image::new(16 * MIB);
    run("mkswap", &["-q", "-L", "scambio", &image.path()]);
    image.write(MIB, &[7; 100_000]);
    image
}

fn esp() -> Image {
    let image = Image::new(40 * MIB);
    run("mkfs.vfat", &["-F", "32", &image.path()]);
    // Not every kernel mounts FAT; it is copied whole, what lies in free clusters too.
    image.write(20 * MIB, &[0x5E; 300_000]);
    image
}

/// Copies a disk by a real pass, as a copy of its replica and its manifest.
fn replicate(disk: &Image, map: MapWanted) -> (Image, Manifest) {
    let folder = tempfile::tempdir().unwrap();
    let replica = DiskReplica::new(folder.path(), &"disk0".parse().unwrap());
    let options = PassOptions { map, ..options() };
    block_on(async {
        let mut link = AgentLink::local(&agent()).await.unwrap();
        replica::pass(&mut link, &replica, &disk.file(), &options, &mut |_| {}).await.unwrap();
    });
    (Image::of(&replica.image()), Manifest::load(&replica.manifest()).unwrap().unwrap())
}

/// Whether the replica is the source, zeros in what the manifest calls skipped.
fn assert_masked(disk: &Image, copy: &Image, manifest: &Manifest) {
    let (source, found) = (File::open(disk.file()).unwrap(), File::open(copy.file()).unwrap());
    let mut skips = manifest.skipped.iter().peekable();
    let (mut expected, mut bytes) = (vec![0; MIB as usize], vec![0; MIB as usize]);
    for offset in (0..disk.length()).step_by(MIB as usize) {
        let length = (disk.length() - offset).min(MIB) as usize;
        source.read_exact_at(&mut expected[..length], offset).unwrap();
        found.read_exact_at(&mut bytes[..length], offset).unwrap();
        let end = offset + length as u64;
        while let Some(skip) = skips.peek().filter(|skip| skip.offset < end) {
            let to = (skip.offset + skip.length).min(end);
            expected[(skip.offset.max(offset) - offset) as usize..(to - offset) as usize].fill(0);
            if skip.offset + skip.length > end {
                break;
            }
            skips.next();
        }
        assert!(expected[..length] == bytes[..length], "the replica differs within a MiB at {offset}");
    }
}

/// The tools' and the kernel's own word on one part.
fn judge(kind: Kind, source: &Image, copy: &Image) {
    let same = |command: &str, args: &[&str]| {
        let ran = |image: &Image| try_run(command, &[args, &[&image.path()]].concat());
        let (before, after) = (ran(source), ran(copy));
        assert_eq!(before.0, 0, "{kind:?}: {command}: {}", before.1);
        assert_eq!(after.0, 0, "{kind:?}: {command} on the replica: {}", after.1);
    };
    let trees = |options: &str| {
        let before = source.mounted(options, tree);
        assert!(!before.is_empty());
        assert_eq!(before, copy.mounted(options, tree), "{kind:?}");
    };
    match kind {
        Kind::Ext => {
            same("e2fsck", &["-fn"]);
            trees("ro");
        }
        Kind::ExtCut => {
            // Mounting replays the journal of both.
            trees("rw");
            same("e2fsck", &["-fn"]);
        }
        Kind::Xfs => {
            same("xfs_repair", &["-n"]);
            trees("ro,nouuid");
        }
        Kind::XfsCut => {
            trees("rw,nouuid");
            same("xfs_repair", &["-n"]);
        }
        Kind::Ntfs => {
            same("ntfsfix", &["-n"]);
            let visible = |folder: &Path| {
                let mut found = tree(folder);
                found.remove(Path::new("pagefile.sys"));
                found
            };
            assert_eq!(source.mounted_ntfs("ro", visible), copy.mounted_ntfs("ro", visible));
        }
        Kind::Swap => assert_eq!(source.read(0, 4096), copy.read(0, 4096)),
        Kind::Fat => {
            same("fsck.vfat", &["-n"]);
            assert!(source.read(0, source.length() as usize) == copy.read(0, copy.length() as usize));
        }
        Kind::Raw => assert!(source.read(0, source.length() as usize) == copy.read(0, copy.length() as usize)),
    }
}

/// Copies the disk with its map and lets everybody judge the copy; returns what was recognised.
fn judged(disk: &Disk, least: u64) -> String {
    let (copy, manifest) = replicate(&disk.image, MapWanted::Quiet);
    assert_masked(&disk.image, &copy, &manifest);
    let findings = manifest.map.findings.join("\n");
    let skipped: u64 = manifest.skipped.iter().map(|skip| skip.length).sum();
    assert!(skipped >= least, "{} MiB are skipped\n{findings}", skipped / MIB);
    for part in &disk.parts {
        judge(part.kind, &disk.image.part(&part.stretches), &copy.part(&part.stretches));
    }
    // What lies in no part (tables, boot areas, gaps, the second table) was compared with the rest above; no
    // range there may be called skipped.
    let inside = |from: u64, to: u64| {
        disk.parts.iter().flat_map(|part| &part.stretches).any(|(first, length)| from >= *first && to <= first + length)
    };
    let stray = manifest.skipped.iter().find(|skip| {
        !skip.reason.to_string().contains("logical volume") && !inside(skip.offset, skip.offset + skip.length)
    });
    assert_eq!(stray, None, "{findings}");
    let table = |image: &Image| run("sfdisk", &["-d", &image.path()]).replace(&image.path(), "");
    if try_run("sfdisk", &["-d", &disk.image.path()]).0 == 0 {
        assert_eq!(table(&disk.image), table(&copy));
    }
    findings
}

#[test]
fn proof_corpus_gpt() {
    let mut disk = Disk::new(800 * MIB);
    sfdisk(
        &disk.image,
        "label: gpt\nstart=2048,size=4096,type=21686148-6449-6E6F-744E-656564454649\nsize=81920,type=U\n\
         size=327680,type=L\nsize=655360,type=L\nsize=196608,type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\nsize=32768,type=S\n",
    );
    let mut at = MIB;
    disk.mark(at, 2 * MIB);
    at += 2 * MIB;
    let ext4 = ext(160, &["-t", "ext4"]);
    for (kind, image) in
        [(Kind::Fat, esp()), (Kind::Ext, ext4), (Kind::Xfs, xfs()), (Kind::Ntfs, ntfs()), (Kind::Swap, swap())]
    {
        disk.put(kind, at, &image);
        at += image.length();
    }
    // Boot code, the gap before the first partition, and the one behind the last.
    disk.mark(40 * 512, 100_000);
    disk.mark(at + MIB, 3 * MIB);
    disk.image.write(0, &[0xEB, 0x63, 0x90]);
    let findings = judged(&disk, 400 * MIB);
    for content in ["GPT", "FAT", "ext4", "XFS", "NTFS", "swap"] {
        assert!(findings.contains(content), "{findings}");
    }
}

#[test]
fn proof_corpus_mbr_with_logical_partitions() {
    let mut disk = Disk::new(800 * MIB);
    sfdisk(
        &disk.image,
        "label: dos\nstart=63,size=131072,type=83\nstart=133120,size=1372160,type=5\n\
         start=133183,size=131072,type=83\nstart=266240,size=196608,type=7\nstart=464896,size=655360,type=83\n\
         start=1122304,size=32768,type=82\n",
    );
    disk.put(Kind::Ext, 63 * 512, &ext(64, &["-t", "ext2", "-b", "1024"]));
    disk.put(Kind::Ext, 133_183 * 512, &ext(64, &["-t", "ext3"]));
    disk.put(Kind::Ntfs, 266_240 * 512, &ntfs());
    disk.put(Kind::Xfs, 464_896 * 512, &xfs());
    disk.put(Kind::Swap, 1_122_304 * 512, &swap());
    disk.mark(512, 62 * 512);
    disk.mark(760 * MIB, MIB);
    let findings = judged(&disk, 350 * MIB);
    for content in ["MBR", "ext2", "ext3", "XFS", "NTFS", "swap"] {
        assert!(findings.contains(content), "{findings}");
    }
}

#[test]
fn proof_corpus_cut_off_in_the_middle_of_work() {
    let mut disk = Disk::new(700 * MIB);
    sfdisk(&disk.image, "label: gpt\nstart=2048,size=262144,type=L\nsize=131072,type=L\nsize=655360,type=L\n");
    disk.put(Kind::ExtCut, MIB, &cut(&ext(128, &["-t", "ext4"])));
    disk.put(Kind::ExtCut, 129 * MIB, &cut(&ext(64, &["-t", "ext3"])));
    disk.put(Kind::XfsCut, 193 * MIB, &cut(&xfs()));
    let findings = judged(&disk, 100 * MIB);
    assert!(findings.contains("its journal was replayed in memory"), "{findings}");
    assert!(findings.contains("XFS, copied whole: it was not closed cleanly"), "{findings}");
}

#[test]
fn proof_corpus_lvm() {
    let mut disk = Disk::new(900 * MIB);
    sfdisk(&disk.image, "label: gpt\nstart=2048,size=1769472,type=E6D6D379-F507-44C2-A23C-238F2A3DF928\n");
    let (start, extents) = (MIB, 2 * MIB);
    {
        let device = crate::support::images::Loop::of(&disk.image, start, 864 * MIB);
        let pv = device.0.as_str();
        lvm(pv, &["pvcreate", pv]);
        lvm(pv, &["vgcreate", "vg0", pv]);
        for (size, name) in [("100M", "radice"), ("60M", "poi"), ("320M", "dati"), ("16M", "scambio")] {
            lvm(pv, &["lvcreate", "-an", "-Zn", "-Wn", "-L", size, "-n", name, "vg0"]);
        }
        lvm(pv, &["lvremove", "-f", "vg0/poi"]);
        lvm(pv, &["lvextend", "-L", "160M", "vg0/radice"]);
    }
    // LVM lets a volume grow where it ends, into what was the next one.
    disk.put(Kind::Ext, extents, &ext(160, &["-t", "ext4"]));
    disk.put(Kind::Xfs, extents + 160 * MIB, &xfs());
    disk.put(Kind::Swap, extents + 480 * MIB, &swap());
    disk.mark(880 * MIB, MIB);
    let findings = judged(&disk, 700 * MIB);
    for content in ["LVM physical volume", "LV vg0/radice: ext4", "LV vg0/dati: XFS", "LV vg0/scambio: swap"] {
        assert!(findings.contains(content), "{findings}");
    }
}

/// Runs commands in the appliance of libguestfs, by software emulation where there is no other.
fn guestfish(options: &[&str], script: &str) -> String {
    use std::io::Write;
    let mut child = std::process::Command::new("guestfish")
        .args(options)
        .env("LIBGUESTFS_BACKEND", "direct")
        .env("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "guestfish: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Volumes that a real kernel made, filled and aged, one of them in two pieces.
#[test]
fn proof_corpus_lvm_of_a_guest() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("volumes made by a guest are part of `make proof`");
        return;
    }
    let disk = Image::new(1024 * MIB);
    let sums = disk.file().with_file_name("sums");
    let (sums, files) = (sums.to_str().unwrap(), env!("CARGO_MANIFEST_DIR"));
    let volumes = "mount /dev/vg0/radice /\nmkdir-p /dati\nmount /dev/vg0/dati /dati\n";
    let script = format!(
        "run\npart-init /dev/sda mbr\npart-add /dev/sda p 2048 -2048\npart-set-mbr-id /dev/sda 1 0x8e\n\
         pvcreate /dev/sda1\nvgcreate vg0 /dev/sda1\nlvcreate radice vg0 100\nlvcreate poi vg0 60\n\
         lvcreate dati vg0 320\nlvcreate scambio vg0 32\nlvresize /dev/vg0/radice 148\n\
         mkfs ext4 /dev/vg0/radice\nmkfs xfs /dev/vg0/dati\nmkswap /dev/vg0/scambio\n{volumes}\
         copy-in {files}/src {files}/tests /\ncopy-in {files}/src {files}/tests {files}/inventory /dati\n\
         rm-rf /src/replica\nrm-rf /dati/tests/golden\nsync\ncopy-in {files}/checklists /dati\n\
         chown 1000 1001 /dati/src\nsetxattr user.nota ciao 4 /dati/inventory\n\
         checksums-out sha256 / {sums}\numount-all\nvg-activate-all false\n"
    );
    guestfish(&["--rw", "-a", &disk.path()], &script);
    let before = fs::read_to_string(sums).unwrap();
    assert!(before.lines().count() > 300);
    let (copy, manifest) = replicate(&disk, MapWanted::Quiet);
    assert_masked(&disk, &copy, &manifest);
    let findings = manifest.map.findings.join("\n");
    for content in ["LV vg0/radice: ext4", "LV vg0/dati: XFS", "LV vg0/scambio: swap"] {
        assert!(findings.contains(content), "{findings}");
    }
    let skipped: u64 = manifest.skipped.iter().map(|skip| skip.length).sum();
    assert!(skipped > 700 * MIB, "{findings}");
    let volumes = volumes.replace("mount ", "mount-ro ").replace("mkdir-p /dati\n", "");
    let script = format!(
        "run\ndebug sh \"e2fsck -fn /dev/vg0/radice\"\nxfs-repair /dev/vg0/dati nomodify:true\n{volumes}\
         checksums-out sha256 / {sums}\ngetxattr /dati/inventory user.nota\n"
    );
    let told = guestfish(&["--ro", "-a", &copy.path()], &script);
    assert!(told.contains("ciao"), "{told}");
    assert_eq!(fs::read_to_string(sums).unwrap(), before);
}
