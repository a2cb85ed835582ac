//! Where the filesystems of a clone lie on its disks, and by which names the source knew them.

use std::fmt;

/// A disk of the clone, as the programs that look at it describe it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// The device of every disk on the source, such as `/dev/sda`, where it is known.
    pub devices: Vec<Option<String>>,
    /// The filesystems and what else has a name.
    pub filesystems: Vec<Filesystem>,
}

/// What a piece of a disk holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filesystem {
    /// The disk's place in the list.
    pub disk: usize,
    /// The number of its partition; none of a disk without partitions.
    pub partition: Option<u32>,
    /// Its logical volume: the group and the volume.
    pub volume: Option<(String, String)>,
    /// Whether it is the system partition of UEFI.
    pub esp: bool,
    /// Where it begins, in bytes; none where it does not lie in one piece.
    pub offset: Option<u64>,
    /// Its length in bytes.
    pub length: u64,
    /// Its kind as blkid names it: `ext4`, `swap`, `crypto_LUKS`.
    pub kind: String,
    /// Its UUID.
    pub uuid: Option<String>,
    /// Its label.
    pub label: Option<String>,
}

impl fmt::Display for Filesystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on ", self.kind)?;
        match (&self.volume, self.partition) {
            (Some((group, volume)), _) => write!(f, "the logical volume {group}/{volume}"),
            (None, Some(number)) => write!(f, "partition {number} of disk {}", self.disk + 1),
            (None, None) => write!(f, "disk {}", self.disk + 1),
        }
    }
}

/// How a device name of the source is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    /// It means the same on every hardware.
    Lasting,
    /// It means this filesystem today.
    Hardware(&'a Filesystem),
    /// It depends on the hardware, and nobody says what it means.
    Unknown,
}

impl Layout {
    /// What a name in fstab or on a kernel's command line means.
    pub fn meaning(&self, name: &str) -> Named<'_> {
        let Some(device) = name.strip_prefix("/dev/") else { return Named::Lasting };
        if self.is_volume(device) || device.starts_with("md") || device.starts_with("zram") {
            return Named::Lasting;
        }
        if let Some(named) = device.strip_prefix("disk/") {
            if ["by-uuid/", "by-label/", "by-partuuid/", "by-partlabel/"].iter().any(|by| named.starts_with(by)) {
                return Named::Lasting;
            }
        } else if !is_disk(device) {
            return Named::Lasting;
        }
        self.partition(name).map_or(Named::Unknown, Named::Hardware)
    }

    /// Whether a name, less `/dev/`, is one of the logical volumes.
    fn is_volume(&self, device: &str) -> bool {
        self.filesystems.iter().filter_map(|filesystem| filesystem.volume.as_ref()).any(|(group, volume)| {
            device == format!("{group}/{volume}") || device.strip_prefix("mapper/") == Some(&mapped(group, volume))
        })
    }

    /// The filesystem that the source knew as `name`: by the disk's device where that is known, else of the
    /// only disk.
    fn partition(&self, name: &str) -> Option<&Filesystem> {
        let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (stem, number) = name.split_at(name.len() - digits);
        let number: Option<u32> = number.parse().ok();
        let stem = stem.strip_suffix("-part").unwrap_or(stem);
        // nvme0n1p2 and c0d0p2 have a letter between; sda2 has none.
        let bare = stem.strip_suffix('p').filter(|bare| bare.ends_with(|c: char| c.is_ascii_digit())).unwrap_or(stem);
        let known = |device: &Option<String>| device.as_deref().is_some_and(|device| device == stem || device == bare);
        let disk = match self.devices.iter().position(known) {
            Some(disk) => disk,
            None if self.devices.len() == 1 && self.devices[0].as_deref().is_none_or(|device| kin(device, name)) => 0,
            None => return None,
        };
        self.filesystems.iter().find(|it| it.disk == disk && it.volume.is_none() && it.partition == number)
    }

    /// The filesystem by a name that lasts, or by one of the hardware.
    pub fn find(&self, name: &str) -> Option<&Filesystem> {
        let by = |value: &str, of: fn(&Filesystem) -> Option<&String>| {
            let value = value.trim_matches('"').to_owned();
            self.filesystems.iter().find(move |it| of(it).is_some_and(|found| found.eq_ignore_ascii_case(&value)))
        };
        let uuid = name.strip_prefix("UUID=").or_else(|| name.strip_prefix("/dev/disk/by-uuid/"));
        if let Some(uuid) = uuid {
            return by(uuid, |it| it.uuid.as_ref());
        }
        if let Some(label) = name.strip_prefix("LABEL=").or_else(|| name.strip_prefix("/dev/disk/by-label/")) {
            return by(label, |it| it.label.as_ref());
        }
        let device = name.strip_prefix("/dev/")?;
        let volume = self.filesystems.iter().find(|it| {
            it.volume.as_ref().is_some_and(|(group, volume)| {
                device == format!("{group}/{volume}") || device.strip_prefix("mapper/") == Some(&mapped(group, volume))
            })
        });
        volume.or_else(|| self.partition(name))
    }
}

/// A logical volume's name in `/dev/mapper`.
fn mapped(group: &str, volume: &str) -> String {
    format!("{}-{}", group.replace('-', "--"), volume.replace('-', "--"))
}

/// Whether `name` may be the disk of another kernel's `device`: a path by which udev names any, or a name of
/// another kind. One of the same kind is another disk.
fn kin(device: &str, name: &str) -> bool {
    let kind = |name: &str| name.strip_prefix("/dev/").and_then(|name| name.get(..2)).map(str::to_owned);
    name.starts_with("/dev/disk/") || name.starts_with("/dev/mapper/") || kind(device) != kind(name)
}

/// Whether a name is a disk's or a partition's, less `/dev/`: those of drives, of arrays, and of multipath.
fn is_disk(device: &str) -> bool {
    let drive = ["sd", "hd", "vd", "xvd"].iter().any(|kind| {
        device.strip_prefix(kind).is_some_and(|rest| {
            let letters = rest.trim_end_matches(|c: char| c.is_ascii_digit());
            !letters.is_empty() && letters.chars().all(|c| c.is_ascii_lowercase())
        })
    });
    drive || ["nvme", "cciss/", "ida/", "rd/", "mmcblk", "mapper/mpath"].iter().any(|kind| device.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filesystem(disk: usize, partition: u32) -> Filesystem {
        Filesystem {
            disk,
            partition: Some(partition),
            volume: None,
            esp: false,
            offset: Some(0),
            length: 0,
            kind: "ext4".into(),
            uuid: Some(format!("{disk}-{partition}")),
            label: None,
        }
    }

    fn layout(devices: &[Option<&str>]) -> Layout {
        let volume = Filesystem { volume: Some(("sys-a".into(), "root".into())), ..filesystem(0, 3) };
        Layout {
            devices: devices.iter().map(|device| device.map(str::to_owned)).collect(),
            filesystems: vec![filesystem(0, 1), filesystem(0, 2), filesystem(1, 1), volume],
        }
    }

    #[track_caller]
    fn means(layout: &Layout, name: &str, uuid: &str) {
        match layout.meaning(name) {
            Named::Hardware(found) => assert_eq!(found.uuid.as_deref(), Some(uuid), "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn names_of_the_hardware_mean_partitions() {
        let one = layout(&[None]);
        for name in ["/dev/sda2", "/dev/cciss/c0d0p2", "/dev/nvme0n1p2", "/dev/disk/by-id/scsi-3600508b-part2"] {
            means(&one, name, "0-2");
        }
        let two = layout(&[Some("/dev/sda"), Some("/dev/cciss/c0d1")]);
        means(&two, "/dev/sda1", "0-1");
        means(&two, "/dev/cciss/c0d1p1", "1-1");
        assert_eq!(two.meaning("/dev/sdb1"), Named::Unknown);
        assert_eq!(layout(&[None, None]).meaning("/dev/sda1"), Named::Unknown);
        // The one disk is sda: sdb was another, which is not moved; hda is what an older kernel called it.
        let sda = layout(&[Some("/dev/sda")]);
        assert_eq!(sda.meaning("/dev/sdb1"), Named::Unknown);
        means(&sda, "/dev/hda1", "0-1");
    }

    #[test]
    fn other_names_last() {
        let one = layout(&[None]);
        for name in ["UUID=x", "LABEL=/", "proc", "server:/srv", "/dev/sys-a/root", "/dev/mapper/sys--a-root"] {
            assert_eq!(one.meaning(name), Named::Lasting, "{name}");
        }
        for name in ["/dev/md0", "/dev/sr0", "/dev/fd0", "/dev/cdrom", "/dev/disk/by-uuid/x", "/dev/mapper/vg-lv"] {
            assert_eq!(one.meaning(name), Named::Lasting, "{name}");
        }
        assert_eq!(one.find("/dev/mapper/sys--a-root").and_then(|found| found.volume.clone()).unwrap().1, "root");
        assert_eq!(one.find("UUID=\"1-1\"").map(|found| found.disk), Some(1));
    }
}
