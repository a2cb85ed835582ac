//! Small roots of Linux, in images as they are on disks. Their programs are a shell and scripts that stand
//! for what makes and lists an initramfs: the real ones are part of `make proof`.

use crate::support::images::{Image, Loop, run};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use traghetto::landing::convert::{CloneDisk, CloneDisks};

pub const ROOT: &str = "11111111-2222-4333-8444-555555555555";
pub const BOOT: &str = "66666666-2222-4333-8444-555555555555";
const SWAP: &str = "77777777-2222-4333-8444-555555555555";
pub const MIB: u64 = 1 << 20;
pub const KERNEL: &str = "2.6.32-754.el6";

/// A root as a folder.
pub struct Root {
    pub dir: TempDir,
}

impl Root {
    /// A root with one kernel, a shell, and nothing more; its initramfs has the driver of the old hardware.
    pub fn new(initramfs: &str) -> Self {
        let root = Self { dir: tempfile::tempdir().unwrap() };
        for folder in ["boot", "dev", "proc", "run", "tmp", "root", "usr/sbin", "etc/udev/rules.d"] {
            fs::create_dir_all(root.path(folder)).unwrap();
        }
        root.shell();
        let modules =
            ["ahci", "megaraid_sas", "mptbase", "mptscsih", "mptsas", "mptspi", "vmw_pvscsi", "vmxnet3", "e1000"];
        let dep: String =
            modules.iter().map(|name| format!("kernel/drivers/x/{}.ko.xz:\n", name.replace('_', "-"))).collect();
        root.file(&format!("lib/modules/{KERNEL}/modules.dep"), &dep);
        root.file(&format!("lib/modules/{KERNEL}/modules.builtin"), "kernel/drivers/scsi/sd_mod.ko\n");
        root.file(&format!("boot/vmlinuz-{KERNEL}"), "kernel");
        root.file(initramfs, "lib/modules/x/megaraid_sas.ko\n");
        root
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub fn file(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn link(&self, path: &str, target: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    /// A script of the root's own.
    pub fn program(&self, path: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        self.file(path, &format!("#!/bin/sh\nset -e\n{script}"));
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// This host's shell, with the libraries that it is linked to.
    fn shell(&self) {
        let libraries = run("ldd", &["/bin/sh"]);
        let paths = libraries.split_whitespace().filter(|word| word.starts_with('/'));
        for path in paths.chain(["/bin/sh"]) {
            let to = self.path(path.trim_start_matches('/'));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(path, to).unwrap();
        }
    }

    /// What stands for initramfs-tools: it holds what its file of modules names. It notes what it sees.
    pub fn initramfs_tools(&self) {
        self.program(
            "usr/sbin/update-initramfs",
            "[ \"$1 $2\" = '-u -k' ]\nwhile read -r module; do echo lib/modules/x/$module.ko; done \
             < /etc/initramfs-tools/modules > /boot/initrd.img-$3\n\
             echo $$ /proc/[0-9]* /sys/class/net/* /dev/sd* /dev/loop* $(set) > /root/seen\n",
        );
        self.program("usr/sbin/lsinitramfs", "while read -r line; do echo $line; done < $1\n");
    }

    /// What stands for dracut.
    pub fn dracut(&self) {
        self.program(
            "usr/sbin/dracut",
            "[ \"$1\" = --force ]\nwhile read -r line; do case $line in add_drivers*)\n\
             for module in ${line#*=}; do echo \"-rw-r--r-- 1 root root 1 Jan 1 lib/modules/x/$module.ko\"; done;; esac\n\
             done < /etc/dracut.conf.d/zz-traghetto.conf > $2\n",
        );
        self.program("usr/sbin/lsinitrd", "while read -r line; do echo $line; done < $1\n");
    }

    /// Makes an ext4 of it at a place of an image.
    pub fn write(&self, image: &Image, offset: u64, length: u64, uuid: &str) {
        let at = format!("offset={offset}");
        let size = format!("{}k", length / 1024);
        let tree = self.dir.path().display().to_string();
        run("mkfs.ext4", &["-q", "-F", "-U", uuid, "-E", &at, "-d", &tree, &image.path(), &size]);
    }
}

/// Writes a table of partitions with sfdisk.
pub fn partition(image: &Image, label: &str, table: &str) {
    let script = format!("echo '{table}' | sfdisk -q --label {label} {}", image.path());
    run("sh", &["-c", &script]);
}

/// A disk of one partition, 2 to 94 MiB, and a swap.
pub fn disk(root: &Root) -> Image {
    let image = Image::new(96 * MIB);
    partition(&image, "dos", "start=4096, size=180224, type=83, bootable\nstart=184320, size=8192, type=82");
    root.write(&image, 2 * MIB, 88 * MIB, ROOT);
    let swap = Loop::of(&image, 90 * MIB, 4 * MIB);
    run("mkswap", &["-q", "-U", SWAP, &swap.0]);
    image
}

/// A Debian of 2012, on a disk that was an array's.
pub fn debian() -> Root {
    let root = Root::new(&format!("boot/initrd.img-{KERNEL}"));
    root.initramfs_tools();
    root.file("etc/debian_version", "7.11\n");
    root.file("etc/fstab", "# the root\n/dev/sda1 / ext4 errors=remount-ro 0 1\n/dev/sda2 none swap sw 0 0\n/dev/cdrom /media/cdrom udf noauto 0 0\n");
    root.file("etc/initramfs-tools/initramfs.conf", "# driver policy\nMODULES=dep\nBUSYBOX=y\n");
    root.file("etc/initramfs-tools/modules", "# none\n");
    root.file("etc/initramfs-tools/conf.d/resume", "RESUME=/dev/sda2\n");
    root.file(
        "etc/default/grub",
        "GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX=\"resume=/dev/sda2 quiet\"\nGRUB_DISABLE_LINUX_UUID=true\n",
    );
    root.file(
        "boot/grub/grub.cfg",
        &format!("set root='(hd0,msdos1)'\nlinux /boot/vmlinuz-{KERNEL} root=/dev/sda1 ro quiet\n"),
    );
    root.file(
        "etc/network/interfaces",
        "auto lo eth0 eth1\niface lo inet loopback\niface eth0 inet static\n    address 10.9.0.10\n    \
         netmask 255.255.255.0\niface eth1 inet static\n    address 192.168.77.10\n    netmask 255.255.255.0\n",
    );
    root.file(
        "etc/udev/rules.d/70-persistent-net.rules",
        "SUBSYSTEM==\"net\", ACTION==\"add\", ATTR{address}==\"00:25:90:00:00:01\", NAME=\"eth1\"\n",
    );
    root.link("etc/rc2.d/S20smartmontools", "../init.d/smartmontools");
    root.link("etc/rc2.d/S16ssh", "../init.d/ssh");
    root.link("etc/rc6.d/K01hpasm", "../init.d/hpasm");
    root
}

/// A CentOS 6: `/boot` apart, dracut, `ifcfg` bound to the card.
pub fn centos() -> Root {
    let root = Root::new(&format!("boot/initramfs-{KERNEL}.img"));
    root.dracut();
    root.file("etc/redhat-release", "CentOS release 6.10 (Final)\n");
    root.file("etc/fstab", "/dev/mapper/vg_srv-lv_root / ext4 defaults 1 1\nUUID=66666666-2222-4333-8444-555555555555 /boot ext4 defaults 1 2\n");
    root.file(
        "boot/grub/grub.conf",
        &format!("title CentOS\n\troot (hd0,0)\n\tkernel /vmlinuz-{KERNEL} ro root=/dev/mapper/vg_srv-lv_root\n"),
    );
    root.link("boot/grub/menu.lst", "./grub.conf");
    root.file(
        "etc/sysconfig/network-scripts/ifcfg-eth0",
        "DEVICE=eth0\nHWADDR=00:25:90:00:00:01\nBOOTPROTO=none\nIPADDR=10.9.0.10\nNETMASK=255.255.255.0\nONBOOT=yes\n",
    );
    root.file("etc/sysconfig/network-scripts/ifcfg-eth1", "HWADDR=\"00:25:90:00:00:02\"\nIPADDR=192.168.77.10\n");
    root.file("etc/sysconfig/network-scripts/ifcfg-lo", "DEVICE=lo\nIPADDR=127.0.0.1\n");
    root.file(
        "etc/udev/rules.d/70-persistent-net.rules",
        "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{address}==\"00:25:90:00:00:01\", NAME=\"eth0\"\n",
    );
    root.link("etc/rc.d/rc3.d/S85hp-health", "../init.d/hp-health");
    root.link("etc/rc.d/rc3.d/S15mdmonitor", "../init.d/mdmonitor");
    root.link("etc/rc3.d", "rc.d/rc3.d");
    root
}

/// An Ubuntu with netplan, UEFI and systemd.
pub fn ubuntu() -> Root {
    let root = Root::new(&format!("boot/initrd.img-{KERNEL}"));
    root.initramfs_tools();
    root.file("usr/lib/os-release", "ID=ubuntu\n");
    root.link("etc/os-release", "../usr/lib/os-release");
    root.file("usr/lib/systemd/network/99-default.link", "[Match]\nOriginalName=*\n");
    root.file("etc/fstab", &format!("UUID={ROOT} / ext4 defaults 0 1\nUUID=ABCD-1234 /boot/efi vfat umask=0077 0 1\n"));
    root.file("etc/initramfs-tools/initramfs.conf", "MODULES=most\n");
    root.file("boot/grub/grub.cfg", &format!("linux /boot/vmlinuz-{KERNEL} root=UUID={ROOT} ro\n"));
    root.file(
        "etc/netplan/50-cloud-init.yaml",
        "network:\n    version: 2\n    ethernets:\n        eno1:\n            addresses:\n            - 10.9.0.10/24\n            \
         match:\n                macaddress: '00:25:90:00:00:01'\n            set-name: eno1\n        eno2:\n            \
         dhcp4: true\n",
    );
    root.link(
        "etc/systemd/system/multi-user.target.wants/smartmontools.service",
        "/lib/systemd/system/smartmontools.service",
    );
    root.link("etc/systemd/system/multi-user.target.wants/mdmonitor.service", "/lib/systemd/system/mdmonitor.service");
    root.link("etc/systemd/system/multi-user.target.wants/ssh.service", "/lib/systemd/system/ssh.service");
    root
}

/// The Ubuntu's disk: a system partition of UEFI with shim and GRUB, and the root.
pub fn uefi_disk(root: &Root) -> Image {
    let image = Image::new(144 * MIB);
    partition(&image, "gpt", "start=2048, size=81920, type=U\nstart=83968, type=L");
    run("mkfs.vfat", &["-F", "32", "-s", "1", "-i", "ABCD1234", "--offset", "2048", &image.path(), "40960"]);
    let fat = format!("{}@@{MIB}", image.path());
    let file = root.dir.path().join("tmp/file");
    for folder in ["::/EFI", "::/EFI/ubuntu"] {
        run("mmd", &["-i", &fat, folder]);
    }
    for name in ["shimx64.efi", "grubx64.efi"] {
        fs::write(&file, name).unwrap();
        run("mcopy", &["-i", &fat, file.to_str().unwrap(), &format!("::/EFI/ubuntu/{name}")]);
    }
    root.write(&image, 41 * MIB, 100 * MIB, ROOT);
    image
}

/// The CentOS's disk: `/boot`, and the root on a logical volume in one piece, or in two.
pub fn lvm_disk(root: &Root, pieces: bool) -> Image {
    let image = Image::new(160 * MIB);
    partition(&image, "dos", "start=2048, size=32768, type=83\nstart=34816, type=8e");
    let boot = tempfile::tempdir().unwrap();
    run("cp", &["-a", &format!("{}/boot/.", root.dir.path().display()), boot.path().to_str().unwrap()]);
    fs::remove_dir_all(root.dir.path().join("boot")).unwrap();
    fs::create_dir(root.dir.path().join("boot")).unwrap();
    Root { dir: boot }.write(&image, MIB, 16 * MIB, BOOT);
    let (start, length) = (17 * MIB, 143 * MIB);
    let lvm = ["--config", "devices{use_devicesfile=0}", "--driverloaded", "n", "-q"];
    let physical = Loop::of(&image, start, length);
    let quiet = |program: &str, args: &[&str]| run(program, &[&lvm[..], args].concat());
    quiet("pvcreate", &[&physical.0]);
    quiet("vgcreate", &["vg_srv", &physical.0]);
    let size = if pieces { "40M" } else { "96M" };
    quiet("lvcreate", &["-an", "-Zn", "-Wn", "-L", size, "-n", "lv_root", "vg_srv"]);
    quiet("lvcreate", &["-an", "-Zn", "-Wn", "-L", "8M", "-n", "lv_swap", "vg_srv"]);
    if pieces {
        quiet("lvextend", &["-L", "80M", "vg_srv/lv_root"]);
    }
    drop(physical);
    // LVM puts the first extent at 1 MiB.
    root.write(&image, start + MIB, 40 * MIB, ROOT);
    image
}

/// Disks as a clone's, in a folder beside that of the replicas.
pub fn clone_of(dir: &Path, images: &[(&Image, Option<&str>)]) -> CloneDisks {
    for folder in ["clone", "replicas"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    let disk = |(at, (image, device)): (usize, &(&Image, Option<&str>))| CloneDisk {
        id: format!("disk{at}").parse().unwrap(),
        image: image.file(),
        device: device.map(str::to_owned),
    };
    let disks = images.iter().enumerate().map(disk).collect();
    CloneDisks::new(&dir.join("clone"), &dir.join("replicas"), disks).unwrap()
}
