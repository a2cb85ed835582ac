//! The volume of a clone's Windows: found by its SYSTEM hive, mounted with ntfs-3g, converted.

use super::error::ConvertError;
use super::hardware::Wish;
use super::layout::{Filesystem, Layout};
use super::mounts::{self, Mounts};
use super::windows::run::{Converted, Programs, convert_as};
use super::windows::{Facts, Guid, Refusal};
use super::{CloneDisk, CloneVolume};
use std::fs;
use std::io;
use std::path::Path;

/// The way to the hive, from the volume.
const HIVE: [&str; 4] = ["Windows", "System32", "config", "SYSTEM"];

/// Converts the Windows on a clone's disks.
pub(super) fn convert(
    disks: &[CloneDisk],
    layout: &Layout,
    wish: impl Fn(&Facts) -> Result<Wish<Guid>, Refusal> + Sync,
    scratch: &Path,
    replicas: &Path,
) -> Result<Converted, ConvertError> {
    mounts::apart(|mounts| {
        let folder = scratch.join("root");
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        let volume = find(mounts, disks, layout, &folder)?;
        mounts.mount(&disks[volume.disk].image, volume, "", &folder)?;
        let done = CloneVolume::new(&folder, replicas)
            .map_err(ConvertError::from)
            .and_then(|volume| Ok(convert_as(&volume, &wish, &Programs::default())?));
        let unmounted = mounts.unmount(&folder);
        let converted = done?;
        unmounted?;
        mounts.settle(disks)?;
        fs::remove_dir(&folder).map_err(at(&folder))?;
        Ok(converted)
    })
}

/// The one volume with a SYSTEM hive: looked at without writing.
fn find<'a>(
    mounts: &Mounts,
    disks: &[CloneDisk],
    layout: &'a Layout,
    folder: &Path,
) -> Result<&'a Filesystem, ConvertError> {
    let mut found = Vec::new();
    for volume in layout.filesystems.iter().filter(|it| it.kind == "ntfs" && it.offset.is_some()) {
        mounts.mount(&disks[volume.disk].image, volume, ",ro", folder)?;
        let has = has_hive(folder);
        mounts.unmount(folder)?;
        mounts.settle(disks)?;
        if has {
            found.push(volume);
        }
    }
    match found.as_slice() {
        [volume] => Ok(volume),
        [] => Err(ConvertError::NoWindows(layout.filesystems.iter().map(ToString::to_string).collect())),
        several => Err(ConvertError::SeveralWindows(several.iter().map(ToString::to_string).collect())),
    }
}

/// Whether the hive is there; capitals do not count.
fn has_hive(volume: &Path) -> bool {
    let mut at = volume.to_owned();
    for wanted in HIVE {
        let Ok(entries) = fs::read_dir(&at) else { return false };
        let fits = |entry: &fs::DirEntry| {
            let same = entry.file_name().to_str().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
            same && entry.file_type().is_ok_and(|kind| !kind.is_symlink())
        };
        let Some(entry) = entries.flatten().find(fits) else { return false };
        at = entry.path();
    }
    true
}

fn at(path: &Path) -> impl Fn(io::Error) -> ConvertError {
    let path = path.to_owned();
    move |error| ConvertError::File { path: path.clone(), error }
}
