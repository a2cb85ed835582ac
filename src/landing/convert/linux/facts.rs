//! What is known of a clone's Linux, and why it may be refused.

use crate::landing::convert::hardware::{Controller, Mac};
use crate::landing::convert::layout::Layout;
use std::collections::{BTreeMap, BTreeSet};

/// Files that are read if they are there.
pub const FILES: [&str; 21] = [
    "/etc/os-release",
    "/usr/lib/os-release",
    "/etc/redhat-release",
    "/etc/debian_version",
    "/etc/SuSE-release",
    "/etc/fstab",
    "/etc/crypttab",
    "/etc/default/grub",
    "/etc/kernel/cmdline",
    "/etc/initramfs-tools/initramfs.conf",
    "/etc/initramfs-tools/modules",
    "/etc/network/interfaces",
    "/etc/lilo.conf",
    "/boot/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
    "/boot/grub/grub.conf",
    "/boot/grub/menu.lst",
    "/boot/extlinux/extlinux.conf",
    "/boot/syslinux/syslinux.cfg",
    "/etc/mdadm.conf",
    "/etc/mdadm/mdadm.conf",
];

/// Folders whose files are read: those directly in them.
pub const FOLDERS: [&str; 11] = [
    "/etc/default/grub.d",
    "/etc/initramfs-tools/conf.d",
    "/etc/dracut.conf.d",
    "/etc/network/interfaces.d",
    "/etc/sysconfig/network-scripts",
    "/etc/sysconfig/network",
    "/etc/NetworkManager/system-connections",
    "/etc/netplan",
    "/etc/systemd/network",
    "/etc/udev/rules.d",
    "/boot/loader/entries",
];

/// Folders whose links say what is started; `*` stands for anything but a slash.
pub const STARTED: [&str; 3] = ["/etc/systemd/system/*.wants", "/etc/rc*.d", "/etc/rc.d/rc*.d"];

/// Text files and links of the system, by path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    /// The files of [`FILES`] and [`FOLDERS`] that are there.
    pub texts: BTreeMap<String, String>,
    /// The links that start services, with their targets.
    pub links: BTreeMap<String, String>,
}

impl Tree {
    /// The files directly in a folder, with their names.
    pub fn folder<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.texts.iter().filter_map(move |(path, text)| {
            let name = path.strip_prefix(folder)?.strip_prefix('/')?;
            (!name.contains('/')).then_some((name, text.as_str()))
        })
    }
}

/// What makes an initramfs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Debian's and Ubuntu's.
    InitramfsTools,
    /// Red Hat's since 6, SUSE's since 12.
    Dracut,
}

/// What gives interfaces their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// systemd's `.link` files.
    Links,
    /// Rules of an older udev.
    Rules,
}

/// A kernel that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// Its version, such as `6.1.0-37-amd64`.
    pub version: String,
    /// The modules that it has, `-` written as `_`.
    pub modules: BTreeSet<String>,
    /// The drivers that are part of it.
    pub builtin: BTreeSet<String>,
    /// Its initramfs and the modules in it; none where it starts without.
    pub initramfs: Option<(String, BTreeSet<String>)>,
}

/// The system partition of UEFI.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Esp {
    /// Its files, as they are spelled, such as `/EFI/debian/grubx64.efi`.
    pub files: BTreeSet<String>,
}

/// The facts that a plan is made from.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Its files and links.
    pub tree: Tree,
    /// Its filesystems.
    pub layout: Layout,
    /// Its kernels.
    pub kernels: Vec<Kernel>,
    /// What makes its initramfs.
    pub tool: Option<Tool>,
    /// What names its interfaces.
    pub naming: Naming,
    /// Its system partition of UEFI.
    pub esp: Option<Esp>,
}

/// The names of modules in a list of paths: `modules.dep`, `modules.builtin`, or what an initramfs holds.
pub fn modules(list: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let file = line.split_whitespace().map(|word| word.trim_end_matches(':')).find(|word| is_module(word))?;
        let name = file.rsplit('/').next()?.split(".ko").next()?;
        Some(name.replace('-', "_"))
    };
    list.lines().filter_map(name).collect()
}

fn is_module(word: &str) -> bool {
    let stem = [".xz", ".gz", ".zst"].iter().find_map(|packed| word.strip_suffix(packed)).unwrap_or(word);
    stem.ends_with(".ko")
}

/// Why a Linux is not converted; nothing was changed.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum Refusal {
    /// No root filesystem.
    #[error("none of the disks holds the root of a Linux; there are: {}", .0.join("; "))]
    NoRoot(Vec<String>),
    /// Encrypted.
    #[error("the root of the Linux is not in the clear: {0} is encrypted")]
    Encrypted(String),
    /// More than one.
    #[error("the disks hold more than one Linux: {}", .0.join("; "))]
    SeveralRoots(Vec<String>),
    /// A filesystem of fstab is not there.
    #[error("/etc/fstab mounts {device} on {mount}, which none of the disks holds")]
    NotMoved {
        /// The device.
        device: String,
        /// Where it is mounted.
        mount: String,
    },
    /// A name that depends on the hardware.
    #[error("{path} names {device}, and none of the disks is known to be that")]
    UnknownDevice {
        /// The file.
        path: String,
        /// The device.
        device: String,
    },
    /// A filesystem without UUID.
    #[error("{path} names {device}, and the filesystem there has no UUID to name it by")]
    NoUuid {
        /// The file.
        path: String,
        /// The device.
        device: String,
    },
    /// No boot loader that we know.
    #[error("no configuration of GRUB, EXTLINUX or a boot loader by its specification was found{0}")]
    NoBootLoader(&'static str),
    /// A UEFI system partition without a boot loader.
    #[error("the system partition of UEFI holds no GRUB, no shim and no systemd-boot for the path of the fallback")]
    NoFallback,
    /// No kernel.
    #[error("no kernel was found in /boot with its modules in /lib/modules")]
    NoKernel,
    /// No driver for the disk.
    #[error("the kernel {kernel} has no driver {driver} for the controller {controller}")]
    NoDriver {
        /// The kernel.
        kernel: String,
        /// The driver.
        driver: &'static str,
        /// The controller.
        controller: Controller,
    },
    /// No driver for a card.
    #[error("the kernel {kernel} has no driver {driver} for the card {mac}")]
    NoCardDriver {
        /// The kernel.
        kernel: String,
        /// The driver.
        driver: &'static str,
        /// The card.
        mac: Mac,
    },
    /// A kernel that needs an initramfs and has none.
    #[error("the kernel {0} starts without initramfs, and has no driver of the controller built in")]
    NoInitramfs(String),
    /// Neither initramfs-tools nor dracut.
    #[error("an initramfs lacks drivers, and the system has neither update-initramfs nor dracut to make it anew")]
    UnknownTool,
    /// Two cards with one address or for one interface.
    #[error("two cards have the address {0} or take the settings of the same interface")]
    Twice(Mac),
    /// A name that would not be kept.
    #[error("the interface {name} would not keep its name: systemd does not exchange the kernel's own names")]
    NameNotKept {
        /// The interface.
        name: String,
    },
    /// Settings bound to a hardware address that nobody knows.
    #[error("{path} is for the hardware address {mac}, and nobody says which interface that was")]
    UnknownMac {
        /// The file.
        path: String,
        /// The address.
        mac: Mac,
    },
    /// Static addresses would be lost.
    #[error("no card takes the static addresses of: {}", .0.join("; "))]
    NotTaken(Vec<String>),
}

impl Refusal {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Refusal::NoRoot(_) => "check that the clone has all disks of the system, and the source's filesystems",
            Refusal::Encrypted(_) => "move it with its own tools, or decrypt it on the source first",
            Refusal::SeveralRoots(_) => "leave the disk of the other system out, or remove it on the source",
            Refusal::NotMoved { .. } | Refusal::UnknownDevice { .. } => {
                "add the disk to the move with its device, or name the filesystem by UUID or with nofail on the source"
            }
            Refusal::NoUuid { .. } => "give the filesystem a UUID on the source, and sync again",
            Refusal::NoBootLoader(_) => "install GRUB on the source, and sync again",
            Refusal::NoFallback => "install GRUB for UEFI on the source (grub-install), and sync again",
            Refusal::NoKernel => "check that the clone has the disk with /boot",
            Refusal::NoDriver { .. } => {
                "choose another controller (lsisas1068, lsilogic, ide), or remove the kernel on the source"
            }
            Refusal::NoCardDriver { .. } => "choose another model (e1000), or remove the kernel on the source",
            Refusal::NoInitramfs(_) => "choose another controller, or install a kernel of the distribution",
            Refusal::UnknownTool => "add the drivers to the initramfs on the source while it runs, and sync again",
            Refusal::Twice(_) => "give every card its own address and its own interface",
            Refusal::NameNotKept { .. } => {
                "order the cards as the interfaces are numbered: the first takes eth0, the second eth1"
            }
            Refusal::UnknownMac { .. } => "name the interface in the wish with its hardware address on the source",
            Refusal::NotTaken(_) => "say which card takes each, or that it is left out",
        }
    }
}
