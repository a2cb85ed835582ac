//! From the disk to its parts: partition table or not, each part by what it holds, LVM inside.

use super::signature::{Content, recognise};
use super::skips::Skips;
use super::volume::Volume;
use super::{Activity, DiskMap, Finding, MAX_SKIPS, MapError, Mapped, Outcome, Remark, Stop, WholeReason};
use super::{ext, gpt, lvm, mbr, ntfs, swap, xfs};

/// A part of the disk that a table names.
struct Part {
    place: String,
    offset: u64,
    length: u64,
    /// Set where it is copied whole for what the table says of it.
    whole: Option<(&'static str, WholeReason)>,
}

/// What a disk is divided into.
struct Parts {
    content: &'static str,
    parts: Vec<Part>,
    reserved: Vec<(u64, u64)>,
    remarks: Vec<Remark>,
}

/// What is gathered while the disk is walked.
struct Walk {
    activity: Activity,
    skips: Skips,
    findings: Vec<Finding>,
}

/// Maps a disk.
pub(super) fn map(disk: &Volume<'_>, activity: Activity) -> Result<DiskMap, MapError> {
    let mut walk = Walk { activity, skips: Skips::new(MAX_SKIPS), findings: Vec::new() };
    match divide(disk) {
        Ok(Some(parts)) => walk.parts(disk, parts)?,
        Ok(None) => walk.volume(disk, "disk".to_owned())?,
        Err(Stop::Whole(reason)) => walk.whole(disk, "disk".to_owned(), "partition table", reason),
        Err(Stop::Read(error)) => return Err(error),
    }
    Ok(DiskMap { length: disk.length(), skips: walk.skips.into_sorted(), findings: walk.findings })
}

/// The parts of a disk; none where it holds one thing as a whole.
fn divide(disk: &Volume<'_>) -> Result<Option<Parts>, Stop> {
    if disk.length() < 1024 {
        return Ok(None);
    }
    let entries = mbr::entries(&disk.read(0, 512)?).unwrap_or_default();
    if entries.is_empty() {
        return Ok(None);
    }
    let content = recognise(disk)?;
    if content != Content::Unknown {
        let table = "a partition table";
        return match content {
            Content::Other(_, WholeReason::Member) => Ok(None),
            _ => Err(Stop::Whole(WholeReason::Ambiguous(content.name(), table))),
        };
    }
    if entries.iter().any(|entry| entry.kind == mbr::PROTECTIVE) {
        return gpt::table(disk).map(|table| Some(from_gpt(table)));
    }
    let table = mbr::table(disk, &entries)?;
    let parts = table.partitions.iter().map(|entry| Part {
        place: format!("partition {}", entry.number),
        offset: entry.offset,
        length: entry.length,
        whole: (entry.kind == mbr::DYNAMIC).then_some(("dynamic disk (LDM)", WholeReason::Member)),
    });
    Ok(Some(Parts { content: "MBR", parts: parts.collect(), reserved: table.reserved, remarks: Vec::new() }))
}

fn from_gpt(table: gpt::Table) -> Parts {
    let parts = table.partitions.iter().map(|entry| Part {
        place: format!("partition {}", entry.number),
        offset: entry.offset,
        length: entry.length,
        whole: entry.dynamic.then_some(("dynamic disk (LDM) or storage pool", WholeReason::Member)),
    });
    let remarks = match table.copies {
        gpt::Copies::Both | gpt::Copies::First => Vec::new(),
        gpt::Copies::Differ => vec![Remark::TablesDiffer],
        gpt::Copies::Last => vec![Remark::BackupTable],
    };
    Parts { content: "GPT", parts: parts.collect(), reserved: table.reserved, remarks }
}

/// Marks the parts that reach beyond the disk or share bytes with another part or the table.
fn mark_overlaps(parts: &mut Parts, length: u64) {
    let beyond = "it reaches beyond the disk";
    for part in &mut parts.parts {
        if part.offset.checked_add(part.length).is_none_or(|end| end > length) {
            part.whole = Some(("unread", WholeReason::Inconsistent(beyond)));
            part.offset = part.offset.min(length);
            part.length = part.length.min(length - part.offset);
        }
    }
    parts.parts.sort_by_key(|part| part.offset);
    let taken: Vec<(u64, u64)> = parts.parts.iter().map(|part| (part.offset, part.length)).collect();
    let reserved = parts.reserved.clone();
    let meets = |one: (u64, u64), other: (u64, u64)| {
        one.0 < other.0.saturating_add(other.1) && other.0 < one.0.saturating_add(one.1)
    };
    for (index, part) in parts.parts.iter_mut().enumerate() {
        let own = taken[index];
        let others = taken.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, range)| range);
        if others.chain(&reserved).any(|other| meets(own, *other)) {
            part.whole = Some(("unread", WholeReason::Inconsistent("it overlaps another partition or the table")));
        }
    }
}

impl Walk {
    fn parts(&mut self, disk: &Volume<'_>, mut parts: Parts) -> Result<(), MapError> {
        mark_overlaps(&mut parts, disk.length());
        self.add(disk, "disk".to_owned(), parts.content, Outcome::Divided(parts.remarks));
        for part in parts.parts {
            match (disk.join(&[(part.offset, part.length)]), part.whole) {
                (Ok(volume), None) => self.volume(&volume, part.place)?,
                (Ok(volume), Some((content, reason))) => self.whole(&volume, part.place, content, reason),
                (Err(Stop::Whole(reason)), _) => self.whole(disk, part.place, "unread", reason),
                (Err(Stop::Read(error)), _) => return Err(error),
            }
        }
        Ok(())
    }

    /// A volume that may be an LVM physical volume, or hold something itself.
    fn volume(&mut self, volume: &Volume<'_>, place: String) -> Result<(), MapError> {
        match recognise(volume) {
            Ok(Content::Lvm) => self.physical_volume(volume, place),
            Ok(content) => self.content(volume, place, content),
            Err(stop) => self.stopped(volume, place, "unread", stop),
        }
    }

    fn physical_volume(&mut self, volume: &Volume<'_>, place: String) -> Result<(), MapError> {
        let found = match lvm::map(volume) {
            Ok(found) => found,
            Err(stop) => return self.stopped(volume, place, Content::Lvm.name(), stop),
        };
        self.mapped(volume, place, found.mapped);
        for logical in found.logical {
            match (volume.join(&logical.stretches), logical.whole) {
                (Ok(inner), None) => match recognise(&inner) {
                    Ok(content) => self.content(&inner, logical.place, content)?,
                    Err(stop) => self.stopped(&inner, logical.place, "unread", stop)?,
                },
                (Ok(inner), Some(reason)) => self.whole(&inner, logical.place, "not looked into", reason),
                (Err(stop), _) => self.stopped(volume, logical.place, "unread", stop)?,
            }
        }
        Ok(())
    }

    /// A volume of known content that is no physical volume, or is one inside another.
    fn content(&mut self, volume: &Volume<'_>, place: String, content: Content) -> Result<(), MapError> {
        let mapped = match content {
            Content::Ext => ext::map(volume, self.activity),
            Content::Xfs => xfs::map(volume, self.activity),
            Content::Ntfs => ntfs::map(volume, self.activity),
            Content::Swap => swap::map(volume),
            Content::Lvm => Err(Stop::Whole(WholeReason::NotMapped)),
            Content::Other(_, reason) => Err(Stop::Whole(reason)),
            Content::Unknown => Err(Stop::Whole(WholeReason::Unrecognised)),
        };
        match mapped {
            Ok(mapped) => {
                self.mapped(volume, place, mapped);
                Ok(())
            }
            Err(stop) => self.stopped(volume, place, content.name(), stop),
        }
    }

    fn mapped(&mut self, volume: &Volume<'_>, place: String, mapped: Mapped) {
        let mut remarks = mapped.remarks;
        remarks.extend(mapped.skips.coarsened().map(Remark::Coarsened));
        let outcome = Outcome::Mapped { skipped: mapped.skips.bytes(), provisional: mapped.provisional, remarks };
        self.add(volume, place, mapped.content, outcome);
        self.skips.append(mapped.skips);
    }

    fn stopped(
        &mut self,
        volume: &Volume<'_>,
        place: String,
        content: &'static str,
        stop: Stop,
    ) -> Result<(), MapError> {
        match stop {
            Stop::Read(error) => Err(error),
            Stop::Whole(reason) => {
                self.whole(volume, place, content, reason);
                Ok(())
            }
        }
    }

    fn whole(&mut self, volume: &Volume<'_>, place: String, content: &'static str, reason: WholeReason) {
        self.add(volume, place, content, Outcome::Whole(reason));
    }

    fn add(&mut self, volume: &Volume<'_>, place: String, content: &'static str, outcome: Outcome) {
        self.findings.push(Finding { place, offset: volume.offset(), length: volume.length(), content, outcome });
    }
}
