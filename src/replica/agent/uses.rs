//! What uses a disk of this machine: filesystems, swap and whatever else the kernel holds on it, on
//! its partitions, and on what is built on them. Reads /proc and /sys only.
//!
//! What is not recognised does not go unseen: a device that the kernel refuses to give exclusively,
//! and for which no use was found, is [`Way::Claimed`].

use super::super::wire::{Obstacle, ObstacleKind, USES, Use, Way};
use super::mountinfo::{self, Mount, Number};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

const BLOCK: &str = "/sys/class/block";

/// Everything that uses a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Uses {
    /// Filesystems in the order in which they were mounted, each with all its mounts.
    pub filesystems: Vec<Vec<Mount>>,
    /// All uses as they are told, filesystems first and in their order.
    pub told: Vec<Use>,
    /// Why these filesystems are of no single moment even while all of them are frozen.
    pub spanning: Option<Obstacle>,
}

/// Finds what uses the block device or image file at `source`.
pub(super) fn of(source: &[u8]) -> Result<Uses, Obstacle> {
    let mounts = mountinfo::parse(&read("/proc/self/mountinfo")?);
    let mut tree = Tree::default();
    tree.add_source(Path::new(OsStr::from_bytes(source)))?;
    tree.add_loops(&mounts)?;
    let spanning = tree.devices.iter().find_map(|device| tree.refuse_spanning(device).err());
    let filesystems = tree.filesystems(&mounts);
    let mut told: Vec<Use> = filesystems.iter().filter_map(|mounts| tree.mounted(mounts)).collect();
    told.extend(tree.swap_and_claims(&filesystems)?);
    if told.len() > USES {
        return Err(system(Path::new("/proc/self/mountinfo"), "too many mounted filesystems"));
    }
    Ok(Uses { filesystems, told, spanning })
}

fn read(path: impl AsRef<Path>) -> Result<Vec<u8>, Obstacle> {
    fs::read(path.as_ref()).map_err(|error| system(path.as_ref(), error))
}

fn system(place: &Path, reason: impl ToString) -> Obstacle {
    Obstacle { kind: ObstacleKind::System, place: place.display().to_string(), detail: reason.to_string() }
}

/// A block device, by its name in /sys.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Device {
    name: String,
    number: Number,
}

impl Device {
    fn of(name: &str) -> Result<Self, Obstacle> {
        let path = Path::new(BLOCK).join(name).join("dev");
        let text = String::from_utf8_lossy(&read(&path)?).into_owned();
        let number = mountinfo::number(text.trim()).ok_or_else(|| system(&path, "no device number"))?;
        Ok(Self { name: name.to_owned(), number })
    }

    fn path(&self) -> PathBuf {
        let event = fs::read_to_string(Path::new(BLOCK).join(&self.name).join("uevent")).unwrap_or_default();
        let name = event.lines().find_map(|line| line.strip_prefix("DEVNAME=")).unwrap_or(&self.name);
        Path::new("/dev").join(name)
    }
}

/// Names in a folder of /sys; none where there is no folder.
fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn partitions(name: &str) -> Vec<String> {
    let folder = Path::new(BLOCK).join(name);
    names(&folder).into_iter().filter(|part| folder.join(part).join("partition").exists()).collect()
}

fn linked(name: &str, way: &str) -> Vec<String> {
    names(&Path::new(BLOCK).join(name).join(way))
}

/// A disk and all that is built on it.
#[derive(Debug, Default)]
struct Tree {
    devices: Vec<Device>,
    /// Devices that are here for themselves, whatever they are made of.
    roots: BTreeSet<String>,
}

impl Tree {
    fn add_source(&mut self, source: &Path) -> Result<(), Obstacle> {
        let data = fs::metadata(source).map_err(|error| system(source, error))?;
        if data.file_type().is_block_device() {
            let (major, minor) = Number::of(data.rdev()).parts();
            let link = format!("/sys/dev/block/{major}:{minor}");
            let device = fs::canonicalize(&link).map_err(|error| system(Path::new(&link), error))?;
            return self.add_root(&device.file_name().unwrap_or_default().to_string_lossy());
        }
        if !data.is_file() {
            return Err(system(source, "it is neither a block device nor a regular file"));
        }
        let file = (data.dev(), data.ino());
        for (name, backing) in loops() {
            if fs::metadata(backing).is_ok_and(|data| (data.dev(), data.ino()) == file) {
                self.add_root(&name)?;
            }
        }
        Ok(())
    }

    fn add_root(&mut self, name: &str) -> Result<(), Obstacle> {
        self.roots.insert(name.to_owned());
        self.add(name)
    }

    /// Adds a device, its partitions, and what holds it: LVM, RAID, encryption.
    fn add(&mut self, name: &str) -> Result<(), Obstacle> {
        if self.devices.iter().any(|device| device.name == name) {
            return Ok(());
        }
        self.devices.push(Device::of(name)?);
        partitions(name).iter().chain(&linked(name, "holders")).try_for_each(|above| self.add(above))
    }

    fn has(&self, number: Number) -> bool {
        self.devices.iter().any(|device| device.number == number)
    }

    /// Adds loop devices whose files lie on the filesystems found.
    fn add_loops(&mut self, mounts: &[Mount]) -> Result<(), Obstacle> {
        loop {
            let before = self.devices.len();
            for (name, backing) in loops() {
                let on = fs::metadata(&backing).map(|data| Number::of(data.dev()));
                if on.is_ok_and(|on| self.has(on) || self.holds_anonymous(on, mounts)) {
                    self.add_root(&name)?;
                }
            }
            if self.devices.len() == before {
                return Ok(());
            }
        }
    }

    /// Whether a filesystem without a device number of its own (btrfs) lies on one of these devices.
    fn holds_anonymous(&self, number: Number, mounts: &[Mount]) -> bool {
        mounts.iter().any(|mount| mount.number == number && self.carries(mount))
    }

    fn carries(&self, mount: &Mount) -> bool {
        if self.has(mount.number) {
            return true;
        }
        mount.number.is_anonymous() && block_device(mount).is_some_and(|number| self.has(number))
    }

    /// Refuses volumes that lie on other disks, too: disks are copied one after the other, and such a
    /// volume would be of no single moment. Every member of a mirror is whole in itself.
    fn refuse_spanning(&self, device: &Device) -> Result<(), Obstacle> {
        let level = fs::read_to_string(Path::new(BLOCK).join(&device.name).join("md/level"));
        let mirror = level.is_ok_and(|level| level.trim() == "raid1");
        if !mirror && !self.roots.contains(&device.name) {
            self.refuse_others(device, &linked(&device.name, "slaves"))?;
        }
        for filesystem in names(Path::new("/sys/fs/btrfs")) {
            let members = names(&Path::new("/sys/fs/btrfs").join(filesystem).join("devices"));
            if members.contains(&device.name) {
                self.refuse_others(device, &members)?;
            }
        }
        Ok(())
    }

    fn refuse_others(&self, device: &Device, members: &[String]) -> Result<(), Obstacle> {
        let mine = |name: &String| self.devices.iter().any(|device| device.name == *name);
        let others: Vec<&str> = members.iter().filter(|name| !mine(name)).map(String::as_str).collect();
        if others.is_empty() {
            return Ok(());
        }
        let place = device.path().display().to_string();
        Err(Obstacle { kind: ObstacleKind::Spanning, place, detail: others.join(", ") })
    }

    /// The mounted filesystems of these devices, in the order of their first mount.
    fn filesystems(&self, mounts: &[Mount]) -> Vec<Vec<Mount>> {
        let mut found: Vec<Vec<Mount>> = Vec::new();
        for mount in mounts.iter().filter(|mount| self.carries(mount)) {
            match found.iter_mut().find(|same| same.iter().any(|other| other.number == mount.number)) {
                Some(same) => same.push(mount.clone()),
                None => found.push(vec![mount.clone()]),
            }
        }
        found
    }

    fn mounted(&self, mounts: &[Mount]) -> Option<Use> {
        let first = mounts.first()?;
        let device = self.devices.iter().find(|device| device.number == first.number);
        let source = String::from_utf8_lossy(&first.source).into_owned();
        Some(Use {
            way: if first.read_only { Way::ReadOnly } else { Way::Written },
            device: device.map_or(source, |device| device.path().display().to_string()),
            filesystem: String::from_utf8_lossy(&first.kind).into_owned(),
            place: first.place.display().to_string(),
        })
    }

    /// Swap, and devices that the kernel holds for something unknown.
    fn swap_and_claims(&self, filesystems: &[Vec<Mount>]) -> Result<Vec<Use>, Obstacle> {
        let swaps = fs::read("/proc/swaps").unwrap_or_default();
        let swaps: Vec<Number> = mountinfo::swaps(&swaps)
            .filter_map(|path| fs::metadata(path).ok())
            .filter(|data| data.file_type().is_block_device())
            .map(|data| Number::of(data.rdev()))
            .collect();
        let mounted: Vec<Number> = filesystems
            .iter()
            .flatten()
            .flat_map(|mount| [Some(mount.number), block_device(mount)])
            .flatten()
            .collect();
        let mut found = Vec::new();
        for device in &self.devices {
            let carries_others = !partitions(&device.name).is_empty() || !linked(&device.name, "holders").is_empty();
            let way = match () {
                () if swaps.contains(&device.number) => Way::Swap,
                () if mounted.contains(&device.number) || carries_others => continue,
                () if is_claimed(&device.path()) => Way::Claimed,
                () => continue,
            };
            let device = device.path().display().to_string();
            found.push(Use { way, device, filesystem: String::new(), place: String::new() });
        }
        Ok(found)
    }
}

/// The block device that a mount names as its source.
fn block_device(mount: &Mount) -> Option<Number> {
    let path = Path::new(OsStr::from_bytes(&mount.source));
    let data = path.is_absolute().then(|| fs::metadata(path).ok())??;
    data.file_type().is_block_device().then(|| Number::of(data.rdev()))
}

/// Loop devices with the files behind them.
fn loops() -> impl Iterator<Item = (String, PathBuf)> {
    names(Path::new(BLOCK)).into_iter().filter(|name| name.starts_with("loop")).filter_map(|name| {
        let file = fs::read(Path::new(BLOCK).join(&name).join("loop/backing_file")).ok()?;
        let file = PathBuf::from(OsStr::from_bytes(file.strip_suffix(b"\n").unwrap_or(&file)));
        Some((name, file))
    })
}

/// Whether the kernel refuses to give the device exclusively; asked for reading only, and given back.
fn is_claimed(path: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NONBLOCK;
    matches!(rustix::fs::open(path, flags, Mode::empty()), Err(Errno::BUSY))
}
