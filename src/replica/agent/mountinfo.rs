//! `/proc/self/mountinfo` and `/proc/swaps` as values. Pure.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Number of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number(u32, u32);

impl Number {
    /// The number of a `st_dev` or `st_rdev`.
    pub(super) fn of(device: u64) -> Self {
        Self(rustix::fs::major(device), rustix::fs::minor(device))
    }

    /// Major and minor number.
    pub(super) fn parts(self) -> (u32, u32) {
        (self.0, self.1)
    }

    /// Whether it names no device: filesystems over several, over none, or over the network.
    pub(super) fn is_anonymous(self) -> bool {
        self.0 == 0
    }
}

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// Id of the mount.
    pub id: u64,
    /// Number of its filesystem.
    pub number: Number,
    /// Where it is mounted.
    pub place: PathBuf,
    /// Type of the filesystem.
    pub kind: Vec<u8>,
    /// What was mounted: a device, or any text.
    pub source: Vec<u8>,
    /// Whether the filesystem itself, not only this mount, is read-only.
    pub read_only: bool,
}

/// The mounts in `text`, in its order: inner ones come after outer ones. Lines that are none are left out.
pub(super) fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|byte| *byte == b'\n').filter_map(mount).collect()
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`: any number of
/// optional fields before the dash.
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let mut text = || fields.next();
    let id = std::str::from_utf8(text()?).ok()?.parse().ok()?;
    let _parent = text()?;
    let number = number(std::str::from_utf8(text()?).ok()?)?;
    let _root = text()?;
    let place = unescape(text()?);
    let mut after = fields.skip_while(|field| *field != b"-").skip(1);
    let (kind, source, options) = (after.next()?, after.next()?, after.next()?);
    let read_only = options.split(|byte| *byte == b',').any(|option| option == b"ro");
    let place = PathBuf::from(std::ffi::OsString::from_vec(place));
    Some(Mount { id, number, place, kind: unescape(kind), source: unescape(source), read_only })
}

/// `MAJOR:MINOR`.
pub(super) fn number(text: &str) -> Option<Number> {
    let (major, minor) = text.split_once(':')?;
    Some(Number(major.parse().ok()?, minor.parse().ok()?))
}

/// The paths in `/proc/swaps`, below its heading.
pub(super) fn swaps(text: &[u8]) -> impl Iterator<Item = PathBuf> {
    let lines = text.split(|byte| *byte == b'\n').skip(1);
    lines.filter_map(|line| {
        let path = line.split(|byte| byte.is_ascii_whitespace()).next().filter(|path| !path.is_empty())?;
        Some(Path::new(OsStr::from_bytes(&unescape(path))).to_owned())
    })
}

/// The kernel writes blanks and backslashes as `\` and three octal digits.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\').and_then(|digits| {
            digits.iter().try_fold(0u16, |value, digit| {
                (b'0'..=b'7').contains(digit).then(|| value * 8 + u16::from(digit - b'0'))
            })
        });
        match octal.and_then(|value| u8::try_from(value).ok()) {
            Some(byte) => {
                plain.push(byte);
                rest = &after[3..];
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_with_optional_fields_and_without() {
        let text = b"22 28 0:20 / /sys rw,nosuid shared:7 master:1 - sysfs sysfs rw\n\
            28 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw,errors=remount-ro\n\
            31 28 254:2 /sub /srv/a\\040b rw - xfs /dev/vda2 ro,noquota\n\
            broken line\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 3);
        assert!(mounts[0].number.is_anonymous());
        assert_eq!((mounts[1].id, mounts[1].number), (28, Number(254, 1)));
        assert!(!mounts[1].read_only, "errors=remount-ro is not ro");
        assert_eq!(mounts[2].place, PathBuf::from("/srv/a b"));
        assert!(mounts[2].read_only, "the filesystem is, though the mount is not");
    }

    #[test]
    fn swaps_without_their_heading() {
        let text =
            b"Filename\tType\tSize\tUsed\tPriority\n/dev/dm-1   partition\t975868\t0\t-2\n/swap\\040file file 1 0 -3\n";
        assert_eq!(swaps(text).collect::<Vec<_>>(), [PathBuf::from("/dev/dm-1"), PathBuf::from("/swap file")]);
        assert_eq!(swaps(b"").count(), 0);
    }

    #[test]
    fn a_backslash_that_escapes_nothing_stays() {
        assert_eq!(unescape(b"a\\134b\\9\\777\\"), b"a\\b\\9\\777\\");
    }
}
