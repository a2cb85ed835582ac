//! Disks, filesystems and the disks' sources: `lsblk -P`, `/proc/mounts`, `df -kP`.

use super::Sections;
use crate::survey::{BlockDevice, Filesystem, Source};
use std::collections::BTreeMap;

/// What a host keeps its bytes on.
pub(super) struct Storage {
    pub(super) disks: Vec<BlockDevice>,
    pub(super) filesystems: Vec<Filesystem>,
    pub(super) sources: Vec<Source>,
}

impl Storage {
    pub(super) fn read(sections: &Sections<'_>) -> Self {
        let serials = serials(sections.text("serials"));
        let devices = sections.text("disks").lines().filter_map(block_device);
        let disks: Vec<BlockDevice> = devices.map(|device| numbered(device, &serials)).collect();
        let usage = usage(sections.text("usage"));
        let devices: BTreeMap<String, &str> = sections
            .text("devices")
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(mounted, real)| (octal(mounted), real.rsplit('/').next().unwrap_or(real)))
            .collect();
        let filesystems = sections.text("mounts").lines().filter_map(|line| filesystem(line, &usage, &devices, &disks));
        Self {
            filesystems: filesystems.collect(),
            sources: sections.text("sources").lines().filter_map(source).collect(),
            disks,
        }
    }
}

/// A line of `lsblk -P`; loop devices and empty drives hold nothing of the server.
fn block_device(line: &str) -> Option<BlockDevice> {
    let mut fields = pairs(line);
    let mut take = |key: &str| fields.remove(key).filter(|value| !value.is_empty());
    let device = BlockDevice {
        name: take("KNAME")?,
        parent: take("PKNAME"),
        kind: take("TYPE").unwrap_or_default(),
        size: take("SIZE")?.parse().ok()?,
        read_only: take("RO").is_some_and(|value| value != "0"),
        model: take("MODEL").map(|model| model.trim().to_owned()),
        serial: None,
        filesystem: take("FSTYPE"),
        uuid: take("UUID"),
    };
    (device.size > 0 && device.kind != "loop").then_some(device)
}

/// Serial numbers by name of the disk: `sda S1D5NSAF`.
fn serials(text: &str) -> BTreeMap<&str, String> {
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.map(|(name, serial)| (name, plain(serial))).filter(|(_, serial)| !serial.is_empty()).collect()
}

/// A disk with its number. The kernel writes a slash in a name as `!` in its folders.
fn numbered(mut device: BlockDevice, serials: &BTreeMap<&str, String>) -> BlockDevice {
    if device.kind == "disk" {
        device.serial = serials.get(device.name.replace('/', "!").as_str()).cloned();
    }
    device
}

/// A number as it is printed on the disk. Windows before version 8 tells that of an ATA disk as the hexadecimal
/// digits of its 20 bytes, each two of them swapped as the disk sends them.
fn plain(serial: &str) -> String {
    swapped(serial.trim()).unwrap_or_else(|| serial.trim().to_owned())
}

fn swapped(digits: &str) -> Option<String> {
    if digits.len() != 40 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    let bytes = bytes.filter(|bytes| bytes.iter().all(|byte| (0x20..0x7f).contains(byte)))?;
    let text: String = bytes.chunks(2).flat_map(|pair| pair.iter().rev()).map(|byte| char::from(*byte)).collect();
    Some(text.trim().to_owned())
}

/// `KEY="value"` pairs, in which util-linux writes what is unsafe as `\xHH`.
fn pairs(line: &str) -> BTreeMap<&str, String> {
    let mut pairs = BTreeMap::new();
    let mut rest = line;
    while let Some((key, after)) = rest.split_once("=\"") {
        let Some((value, after)) = after.split_once('"') else { break };
        pairs.insert(key.trim(), unescape(value, "\\x", 16, 2));
        rest = after;
    }
    pairs
}

/// The text with numbers of `digits` digits behind `prefix` replaced by their bytes.
fn unescape(text: &str, prefix: &str, radix: u32, digits: usize) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(prefix) {
        bytes.extend(before.as_bytes());
        match after.get(..digits).and_then(|number| u8::from_str_radix(number, radix).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[digits..];
            }
            None => {
                bytes.extend(prefix.as_bytes());
                rest = after;
            }
        }
    }
    bytes.extend(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Spaces and the like in `/proc/mounts` are `\040`.
fn octal(text: &str) -> String {
    unescape(text, "\\", 8, 3)
}

/// Size and used bytes by mount point, in the columns around the one with the percent sign: source
/// and mount point may have spaces.
fn usage(text: &str) -> BTreeMap<&str, (u64, u64)> {
    let entry = |line: &'_ str| {
        let (at, _) = line.match_indices("% ").find(|(at, _)| line[..*at].ends_with(|c: char| c.is_ascii_digit()))?;
        let mut columns = line[..at].split_whitespace().rev().skip(1);
        let mut kilobytes = || columns.next()?.parse::<u64>().ok()?.checked_mul(1024);
        let (_available, used, size) = (kilobytes()?, kilobytes()?, kilobytes()?);
        Some((at + 2, (size, used)))
    };
    text.lines().filter_map(|line| entry(line).map(|(after, numbers)| (line[after..].trim_start(), numbers))).collect()
}

/// A line of `/proc/mounts`, if it is on a device or on another machine. What is on a loop device is
/// in a file, which its own filesystem counts.
fn filesystem(
    line: &str,
    usage: &BTreeMap<&str, (u64, u64)>,
    devices: &BTreeMap<String, &str>,
    disks: &[BlockDevice],
) -> Option<Filesystem> {
    let mut words = line.split(' ');
    let (source, mountpoint, kind, options) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let (source, mountpoint) = (octal(source), octal(mountpoint));
    let remote = source.contains(":/") || source.starts_with("//");
    let local = source.starts_with("/dev/") && !source.starts_with("/dev/loop");
    if !local && !remote || kind == "devtmpfs" {
        return None;
    }
    let device = devices.get(&source).map(|device| (*device).to_owned());
    let uuid = disks.iter().find(|disk| Some(&disk.name) == device.as_ref()).and_then(|disk| disk.uuid.clone());
    let (size, used) = usage.get(mountpoint.as_str()).copied().unzip();
    let read_only = options.split(',').any(|option| option == "ro");
    Some(Filesystem { source, device, kind: kind.to_owned(), mountpoint, size, used, uuid, read_only })
}

/// A line of our script about one source.
fn source(line: &str) -> Option<Source> {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["block", device, size] => Some(Source::Block { device: (*device).to_owned(), size: size.parse().ok() }),
        ["file", _, size] => Some(Source::File { size: size.parse().ok() }),
        ["other", ..] => Some(Source::Other),
        ["missing", ..] => Some(Source::Missing),
        _ => None,
    }
}
