//! Acts: the plan into the SYSTEM hive of a clone, whole or not at all.
//!
//! All work is on a copy beside the hive, which takes its place by a rename: killed at any moment, the
//! clone has the old hive or the new one, and the next run begins again.

use super::base_block::{BaseBlock, LARGEST, LENGTH, LOG_LENGTH, Unclean};
use super::facts::{Facts, Refusal, Version};
use super::first_boot::{FOLDER, SCRIPT};
pub use super::hivex::{HivexError, Programs};
use super::plan::{Plan, plan};
use super::regfile::merge_text;
use super::registry::{Change, Hive, changes};
use super::wish::Wish;
use crate::digest::sha256;
use crate::landing::convert::CloneVolume;
use rustix::fs::XattrFlags;
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// How the copy's name begins until it takes the hive's place. No two runs share one: what a program of a
/// killed run still writes, it writes there.
const NEW: &str = "SYSTEM.traghetto-new-";
/// The logs of the hive: one until Windows XP, two since Vista.
const LOGS: [&str; 3] = ["SYSTEM.LOG", "SYSTEM.LOG1", "SYSTEM.LOG2"];
/// Attributes in which ntfs-3g and the kernel's ntfs3 show who may read a file, and how it is marked.
const NTFS: [&str; 3] = ["system.ntfs_acl", "system.ntfs_security", "system.ntfs_attrib"];

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The plan, whose edits say what was before and after; without edits nothing was changed.
    pub plan: Plan,
    /// SHA-256 of the hive before.
    pub before: String,
    /// SHA-256 of the hive now.
    pub after: String,
}

/// Why nothing was done: the hive is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// A file of the clone is not there, or cannot be read or written.
    #[error("{path} cannot be read or written")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The hive is open or damaged.
    #[error("{path} is not converted: {why}")]
    Unclean {
        /// Which.
        path: PathBuf,
        /// Why.
        why: Unclean,
    },
    /// hivex did not do it.
    #[error("{0}")]
    Hivex(HivexError),
    /// The SOFTWARE hive names no version.
    #[error("{path} names no version of Windows: `{found}`")]
    NoVersion {
        /// The hive.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// It would not start, or an address would be lost.
    #[error("{0}")]
    Refused(Refusal),
    /// What hivex wrote is not what was planned.
    #[error("hivex wrote other changes than planned, and they were thrown away: {}", .0.join("; "))]
    NotAsPlanned(Vec<String>),
}

impl ConvertError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            ConvertError::File { .. } => {
                "check that the clone's system volume is mounted for writing; then convert again"
            }
            ConvertError::Unclean { .. } => "the reason names the way; the clone's hive is unchanged",
            ConvertError::Hivex(HivexError::NotRun { .. }) => "install libhivex-bin, libwin-hivex-perl and util-linux",
            ConvertError::Hivex(_) => {
                "the hive is damaged or unusual: check the source's filesystem, or use transfer: converter"
            }
            ConvertError::NoVersion { .. } => "check that the clone is of the system disk",
            ConvertError::Refused(refusal) => refusal.hint(),
            ConvertError::NotAsPlanned(_) => "the clone's hive is unchanged; use transfer: converter and report this",
        }
    }
}

impl From<HivexError> for ConvertError {
    fn from(error: HivexError) -> Self {
        Self::Hivex(error)
    }
}

/// Converts the Windows on a clone's volume, or finds that it is done.
///
/// # Errors
/// It is refused, or fails; the hive is then as it was.
pub fn convert(volume: &CloneVolume, wish: &Wish, programs: &Programs) -> Result<Converted, ConvertError> {
    convert_as(volume, |_| Ok(wish.clone()), programs)
}

/// The same where what is wished depends on what is found.
///
/// # Errors
/// As [`convert`].
pub fn convert_as(
    volume: &CloneVolume,
    wish: impl Fn(&Facts) -> Result<Wish, Refusal>,
    programs: &Programs,
) -> Result<Converted, ConvertError> {
    let windows = below(volume.folder(), "Windows")?;
    let system32 = below(&windows, "System32")?;
    let config = below(&system32, "config")?;
    let hive = below(&config, "SYSTEM")?;
    let bytes = read(&hive)?;
    check_closed(&config, &hive, &bytes)?;
    let version = version(&below(&config, "SOFTWARE")?, programs)?;
    let driver_files = names(&below(&system32, "drivers")?)?;
    let copy = Copy::of(&hive, &config, &bytes)?;
    let facts = |hive| Facts { hive, version, driver_files: driver_files.clone() };
    let found = facts(programs.export(&copy.path)?);
    let wish = &wish(&found).map_err(ConvertError::Refused)?;
    let plan = plan(&found, wish).map_err(ConvertError::Refused)?;
    if let Some(script) = &plan.script {
        write_script(&windows, script)?;
    }
    let before = sha256(&bytes);
    if plan.edits.is_empty() {
        return Ok(Converted { plan, after: before.clone(), before });
    }
    programs.merge(&copy.path, &merge_text(plan.edits.iter().map(|edit| &edit.change)))?;
    let after = facts(programs.export(&copy.path)?);
    prove(&plan, &found.hive, &after, wish)?;
    let after = copy.take_place(&hive)?;
    Ok(Converted { plan, before, after })
}

/// Exactly the planned changes are there, and nothing more is to be done.
fn prove(plan: &Plan, before: &Hive, after: &Facts, wish: &Wish) -> Result<(), ConvertError> {
    let found: BTreeSet<Change> = changes(before, &after.hive).into_iter().collect();
    let planned: BTreeSet<Change> = plan.edits.iter().map(|edit| edit.change.clone()).collect();
    let mut wrong: Vec<String> = found.difference(&planned).map(|change| format!("not planned: {change}")).collect();
    wrong.extend(planned.difference(&found).map(|change| format!("not done: {change}")));
    if wrong.is_empty() {
        let again = super::plan::plan(after, wish).map_err(ConvertError::Refused)?;
        wrong.extend(again.edits.iter().map(|edit| format!("still to do: {edit}")));
    }
    if wrong.is_empty() { Ok(()) } else { Err(ConvertError::NotAsPlanned(wrong)) }
}

fn check_closed(config: &Path, hive: &Path, bytes: &[u8]) -> Result<(), ConvertError> {
    let unclean = |why| ConvertError::Unclean { path: hive.to_owned(), why };
    let start = &bytes[..bytes.len().min(LENGTH)];
    let block = BaseBlock::read(start, bytes.len() as u64).map_err(unclean)?;
    for log in LOGS {
        let Some(path) = entry(config, log)? else { continue };
        let mut start = Vec::new();
        let opened = File::open(&path).and_then(|file| file.take(LOG_LENGTH as u64).read_to_end(&mut start));
        opened.map_err(at(&path))?;
        block.check_log(log, &start).map_err(unclean)?;
    }
    Ok(())
}

/// `CurrentVersion` such as `6.1`; from Windows 10 on it stands at 6.3, which is all that matters here.
fn version(software: &Path, programs: &Programs) -> Result<Version, ConvertError> {
    let text = programs.text(software, r"Microsoft\Windows NT\CurrentVersion", "CurrentVersion")?;
    let parsed = text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    let found = crate::untrusted::printable(&text);
    parsed
        .map(|(major, minor)| Version { major, minor })
        .ok_or_else(|| ConvertError::NoVersion { path: software.to_owned(), found })
}

/// A copy of the hive; dropped before it takes its place, it goes.
struct Copy {
    path: PathBuf,
}

impl Copy {
    fn of(hive: &Path, config: &Path, bytes: &[u8]) -> Result<Self, ConvertError> {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        // What killed runs left.
        for name in names(config)?.iter().filter(|name| name.starts_with(&NEW.to_ascii_lowercase())) {
            let left = below(config, name)?;
            remove(&left).map_err(at(&left))?;
        }
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let path = &config.join(format!("{NEW}{}-{run}", std::process::id()));
        let copy = Self { path: path.to_owned() };
        let write = || {
            let mut file = File::create_new(path)?;
            // Nobody reads secrets in the copy who may not read them in the hive.
            keep_protection(hive, path, &file)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(at(path))?;
        Ok(copy)
    }

    /// Over the hive, which is the new one from then on; its digest.
    fn take_place(self, hive: &Path) -> Result<String, ConvertError> {
        let bytes = read(&self.path)?;
        BaseBlock::read(&bytes[..bytes.len().min(LENGTH)], bytes.len() as u64)
            .map_err(|why| ConvertError::Unclean { path: self.path.clone(), why })?;
        let sync = |path: &Path| File::open(path).and_then(|file| file.sync_all());
        sync(&self.path).map_err(at(&self.path))?;
        fs::rename(&self.path, hive).map_err(at(hive))?;
        sync(hive.parent().unwrap_or(hive)).map_err(at(hive))?;
        Ok(sha256(&bytes))
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Gone already where it took the hive's place.
        let _ = fs::remove_file(&self.path);
    }
}

/// Owner, mode, and on NTFS the descriptor that keeps users from reading the hive's secrets.
fn keep_protection(hive: &Path, path: &Path, copy: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let metadata = fs::metadata(hive)?;
    let own = copy.metadata()?;
    if (own.uid(), own.gid()) != (metadata.uid(), metadata.gid()) {
        fchown(copy, Some(metadata.uid()), Some(metadata.gid()))?;
    }
    copy.set_permissions(metadata.permissions())?;
    for name in NTFS {
        let mut bytes = vec![0u8; 64 << 10];
        match rustix::fs::getxattr(hive, name, &mut bytes[..]) {
            Ok(length) => rustix::fs::setxattr(path, name, &bytes[..length], XattrFlags::empty())?,
            Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Puts the script into its folder: whole, and never through a link that the clone holds.
fn write_script(windows: &Path, script: &str) -> Result<(), ConvertError> {
    let folder = match entry(windows, FOLDER)? {
        Some(folder) => folder,
        None => {
            let folder = windows.join(FOLDER);
            fs::create_dir(&folder).map_err(at(&folder))?;
            folder
        }
    };
    let path = entry(&folder, SCRIPT)?.unwrap_or_else(|| folder.join(SCRIPT));
    let new = folder.join(format!("{SCRIPT}.new"));
    let write = || {
        remove(&new)?;
        let mut file = File::create_new(&new)?;
        file.write_all(script.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(&folder)?.sync_all()
    };
    write().map_err(at(&path))
}

/// Removes what a killed run left.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> ConvertError {
    let path = path.to_owned();
    move |error| ConvertError::File { path: path.clone(), error }
}

fn read(path: &Path) -> Result<Vec<u8>, ConvertError> {
    let mut bytes = Vec::new();
    let opened = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    opened.map_err(at(path))?;
    Ok(bytes)
}

/// What lies in a folder under a name in which capitals do not count: a file or a folder, never a link.
fn entry(folder: &Path, name: &str) -> Result<Option<PathBuf>, ConvertError> {
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let entry = entry.map_err(at(folder))?;
        if entry.file_name().to_str().is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            let kind = entry.file_type().map_err(at(&entry.path()))?;
            if !kind.is_file() && !kind.is_dir() {
                let error = io::Error::new(io::ErrorKind::InvalidInput, "it is neither a file nor a folder");
                return Err(at(&entry.path())(error));
            }
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

fn below(folder: &Path, name: &str) -> Result<PathBuf, ConvertError> {
    entry(folder, name)?.ok_or_else(|| at(&folder.join(name))(io::ErrorKind::NotFound.into()))
}

/// The names in a folder, in small letters.
fn names(folder: &Path) -> Result<BTreeSet<String>, ConvertError> {
    let entries = fs::read_dir(folder).map_err(at(folder))?;
    entries.map(|entry| Ok(entry.map_err(at(folder))?.file_name().to_string_lossy().to_ascii_lowercase())).collect()
}
