//! Looks at a clone's disks: sfdisk for partitions, blkid for what they hold, pvck for logical volumes.
//!
//! Nothing is activated: the names of a clone's volume groups never meet those of this host, and a
//! killed run leaves no mapping behind. A volume that lies in one piece is mounted by where it lies.

use super::CloneDisk;
use super::error::ConvertError;
use super::layout::{Filesystem, Layout};
use super::lvm;
use super::program::{Ended, Program, ProgramError};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// The type of a UEFI system partition, in GPT and in an MBR.
const ESP: [&str; 2] = ["C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "EF"];
/// How much of a physical volume holds its label and metadata at most, in bytes.
const METADATA: u64 = 16 << 20;

/// A piece of a disk.
struct Piece {
    partition: Option<u32>,
    offset: u64,
    length: u64,
    esp: bool,
}

/// What the disks hold; `scratch` is a folder of ours.
pub(super) fn look(disks: &[CloneDisk], scratch: &Path) -> Result<Layout, ConvertError> {
    let devices = disks.iter().map(|disk| disk.device.clone()).collect();
    let mut layout = Layout { devices, filesystems: Vec::new() };
    for (number, disk) in disks.iter().enumerate() {
        for piece in pieces(&disk.image)? {
            let Some(found) = probe(&disk.image, piece.offset, piece.length)? else { continue };
            let filesystem = Filesystem {
                disk: number,
                partition: piece.partition,
                volume: None,
                esp: piece.esp,
                offset: Some(piece.offset),
                length: piece.length,
                ..found
            };
            if filesystem.kind == "LVM2_member" {
                volumes(&disk.image, &filesystem, scratch, &mut layout)?;
            }
            layout.filesystems.push(filesystem);
        }
    }
    Ok(layout)
}

/// The partitions of an image, or all of it.
fn pieces(image: &Path) -> Result<Vec<Piece>, ConvertError> {
    let size = std::fs::metadata(image).map_err(at(image))?.len();
    let whole = vec![Piece { partition: None, offset: 0, length: size, esp: false }];
    let (ended, _) = Program::new("sfdisk", "reading the partitions").arg("--json").arg("--").arg(image).ended()?;
    if !ended.status.success() {
        return Ok(whole);
    }
    let table: serde_json::Value = serde_json::from_slice(&ended.printed).unwrap_or_default();
    let table = &table["partitiontable"];
    let sector = table["sectorsize"].as_u64().unwrap_or(512);
    let partitions = table["partitions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let piece = |partition: &serde_json::Value| {
        let node = partition["node"].as_str()?;
        let digits = node.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let kind = partition["type"].as_str().unwrap_or_default().to_ascii_uppercase();
        let offset = partition["start"].as_u64()?.checked_mul(sector)?;
        let length = partition["size"].as_u64()?.checked_mul(sector)?;
        // What does not lie on the disk is none of ours.
        let fits = offset.checked_add(length)? <= size && length > 0;
        let partition = node[digits..].parse().ok();
        fits.then_some(Piece { partition, offset, length, esp: ESP.contains(&kind.as_str()) })
    };
    Ok(partitions.iter().filter_map(piece).collect())
}

/// What blkid finds at a place; none where it finds nothing.
fn probe(image: &Path, offset: u64, length: u64) -> Result<Option<Filesystem>, ConvertError> {
    let program = Program::new("blkid", "reading a filesystem's name").args(["--probe", "--output", "export"]);
    let program = program.arg("--offset").arg(offset.to_string()).arg("--size").arg(length.to_string());
    let (Ended { printed, .. }, _) = program.arg("--").arg(image).ended()?;
    let text = String::from_utf8_lossy(&printed).into_owned();
    let value = |key: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(value.replace("\\ ", " "))
    };
    Ok(value("TYPE").map(|kind| Filesystem {
        disk: 0,
        partition: None,
        volume: None,
        esp: false,
        offset: Some(offset),
        length,
        kind,
        uuid: value("UUID"),
        label: value("LABEL"),
    }))
}

/// The logical volumes of a physical one, those in one piece with what they hold.
fn volumes(image: &Path, physical: &Filesystem, scratch: &Path, layout: &mut Layout) -> Result<(), ConvertError> {
    let offset = physical.offset.unwrap_or_default();
    let copy = scratch.join("metadata");
    let copied = || -> io::Result<()> {
        let mut file = File::open(image)?;
        file.seek(SeekFrom::Start(offset))?;
        io::copy(&mut file.take(METADATA.min(physical.length)), &mut File::create(&copy)?)?;
        Ok(())
    };
    copied().map_err(at(image))?;
    let dumped = Program::new("pvck", "reading the logical volumes")
        .args(["--config", "devices{use_devicesfile=0 scan=[\"/dev/null\"]}", "--driverloaded", "n"])
        .args(["--dump", "metadata"])
        .arg(&copy)
        .env("LVM_SUPPRESS_FD_WARNINGS", "1")
        .run();
    std::fs::remove_file(&copy).map_err(at(&copy))?;
    let text = match dumped {
        Ok(printed) => String::from_utf8_lossy(&printed).into_owned(),
        // A damaged physical volume holds no root that could be found.
        Err(ProgramError::Failed { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let Some(uuid) = &physical.uuid else { return Ok(()) };
    for volume in lvm::volumes(&text, uuid) {
        let names = Some((volume.group, volume.name));
        let place = volume.place.map(|(start, length)| (offset.saturating_add(start), length));
        let inside = place.filter(|(start, length)| {
            start.checked_add(*length).is_some_and(|end| end <= offset.saturating_add(physical.length))
        });
        let held = match inside {
            Some((start, length)) => probe(image, start, length)?,
            None => None,
        };
        let (offset, length) = inside.map_or((None, 0), |(start, length)| (Some(start), length));
        let kind = held.as_ref().map_or("a volume in pieces", |held| held.kind.as_str()).to_owned();
        let (uuid, label) = held.map_or((None, None), |held| (held.uuid, held.label));
        let (disk, partition) = (physical.disk, physical.partition);
        layout.filesystems.push(Filesystem {
            disk,
            partition,
            volume: names,
            esp: false,
            offset,
            length,
            kind,
            uuid,
            label,
        });
    }
    Ok(())
}

fn at(path: &Path) -> impl Fn(io::Error) -> ConvertError {
    let path = path.to_owned();
    move |error| ConvertError::File { path: path.clone(), error }
}
