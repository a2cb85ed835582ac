//! Machines in folders of the operations host: a laboratory boots them, or a person.
//!
//! A folder holds the clones and `machine.json`, which says what is to be booted from them. Only a
//! folder whose description carries the mark of an identity is its machine. Where a person boots it,
//! nobody here knows whether it is on: the person is asked, and the folder is described.

mod description;
mod lab;

use super::blueprint::{Blueprint, BlueprintDisk};
use super::error::LandingError;
use super::identity::{Identity, Purpose};
use super::zone::{LandingZone, Machine, OnProgress, Port, Power, Prepared, Relocated, Standing};
use crate::model::DiskId;
use crate::model::project::{LabCommands, Landing, LandingMachines, LandingTarget};
use crate::model::tenant::Tenant;
use description::Description;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// What a folder's machine is.
const DESCRIPTION: &str = "machine.json";

/// Machines in folders.
#[derive(Debug)]
pub struct Directory {
    machines: PathBuf,
    lab: Option<LabCommands>,
}

impl Directory {
    /// Beside the replicas of a landing; `root` is where its paths begin.
    pub fn new(landing: &Landing, root: &Path) -> Self {
        let lab = match &landing.machines {
            LandingMachines::Lab(lab) => Some(lab.clone()),
            LandingMachines::ByHand | LandingMachines::Vsphere(_) => None,
        };
        Self { machines: machines(&landing.target, root), lab }
    }

    /// The description of an identity's machine, if it is there.
    fn described(&self, identity: &Identity) -> Result<Option<Description>, LandingError> {
        let path = self.clone_folder(identity).join(DESCRIPTION);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(LandingError::file("read", &path))?,
        };
        let taken = |what: String| LandingError::Taken { place: path.display().to_string(), what };
        let found = Description::parse(&text).map_err(|why| taken(format!("it is {why}")))?;
        if found.id != identity.mark() {
            return Err(taken(format!("it is the copy {}", crate::untrusted::printable(&found.id))));
        }
        Ok(Some(found))
    }

    fn must(&self, identity: &Identity) -> Result<Description, LandingError> {
        self.described(identity)?.ok_or_else(|| LandingError::Missing { machine: identity.name() })
    }

    fn describe(&self, identity: &Identity, description: &Description) -> Result<(), LandingError> {
        let path = self.clone_folder(identity).join(DESCRIPTION);
        let written = description.text().map_err(io::Error::other).and_then(|text| replace(&path, &text));
        written.map_err(LandingError::file("written", &path))
    }

    /// Whether it is on; none where only a person can know.
    async fn power(&self, identity: &Identity) -> Result<Option<Power>, LandingError> {
        let Some(lab) = &self.lab else { return Ok(None) };
        let (folder, doing) = (self.clone_folder(identity), format!("say whether {identity} is on"));
        let status = lab::run(&lab.status, &folder, None, &doing).await?;
        match lab::is_on(status) {
            Some(true) => Ok(Some(Power::On)),
            Some(false) => Ok(Some(Power::Off)),
            None => Err(lab::ended(&lab.status, &folder, status, &doing)),
        }
    }

    /// Turns a machine on or off, if it is not so yet.
    async fn turn(&self, identity: &Identity, wanted: Power, how: Option<&str>) -> Result<(), LandingError> {
        let folder = self.clone_folder(identity);
        let doing = match wanted {
            Power::On => format!("boot {identity}"),
            Power::Off | Power::Suspended => format!("turn off {identity}"),
        };
        let Some(lab) = &self.lab else {
            return Err(LandingError::Person { doing: format!("{doing}, which is in {}", folder.display()) });
        };
        if self.power(identity).await? == Some(wanted) {
            return Ok(());
        }
        let command = if wanted == Power::On { &lab.start } else { &lab.stop };
        lab::must(command, &folder, how, &doing).await?;
        if self.power(identity).await? == Some(wanted) {
            return Ok(());
        }
        let (program, outcome) =
            (command.first().cloned().unwrap_or_default(), "ended well, and it is not so".to_owned());
        Err(LandingError::Lab { doing, program, outcome })
    }

    fn plug(&self, identity: &Identity, port: Option<Port>) -> Result<(), LandingError> {
        let described = self.must(identity)?;
        if described.port() == port {
            return Ok(());
        }
        self.describe(identity, &described.plugged(port))
    }
}

/// Folders hold clones of replicas only.
fn no_converter() -> LandingError {
    LandingError::Setting { what: "VMware Converter makes machines in `landing.vsphere` only".to_owned() }
}

impl LandingZone for Directory {
    async fn prepare(&self, tenant: &Tenant) -> Result<Prepared, LandingError> {
        let folder = self.machines.join(tenant.id.as_str());
        make(&folder)?;
        let parts = vec![format!("folder {}", folder.display())];
        Ok(Prepared { parts, free: free(&folder)?, datastore_free: None })
    }

    fn clone_folder(&self, identity: &Identity) -> PathBuf {
        self.machines.join(identity.tenant().as_str()).join(identity.name())
    }

    fn clone_file(&self, identity: &Identity, disk: &DiskId) -> PathBuf {
        self.clone_folder(identity).join(format!("{disk}.raw"))
    }

    async fn create(&self, blueprint: &Blueprint, progress: OnProgress<'_>) -> Result<Machine, LandingError> {
        let identity = &blueprint.identity;
        let folder = self.clone_folder(identity);
        let machine = |made| Machine { name: identity.name(), place: folder.display().to_string(), made };
        if self.described(identity)?.is_some() {
            return Ok(machine(false));
        }
        make(&folder)?;
        blueprint.disks.iter().try_for_each(|disk| check(disk, &folder))?;
        self.describe(identity, &Description::of(blueprint))?;
        progress(100);
        Ok(machine(true))
    }

    async fn find(&self, identity: &Identity) -> Result<Option<Standing>, LandingError> {
        let Some(described) = self.described(identity)? else { return Ok(None) };
        let place = self.clone_folder(identity).display().to_string();
        let (power, port) = (self.power(identity).await?, described.port());
        Ok(Some(Standing { power, complete: true, port, connected: port.is_some(), place }))
    }

    async fn adopt(&self, _: &Identity) -> Result<bool, LandingError> {
        Err(no_converter())
    }

    async fn look(&self, _: &Identity) -> Result<Option<Standing>, LandingError> {
        Err(no_converter())
    }

    async fn copy(&self, _: &Identity, _: &Identity, _: OnProgress<'_>) -> Result<(), LandingError> {
        Err(no_converter())
    }

    async fn power_on(&self, identity: &Identity) -> Result<(), LandingError> {
        self.must(identity)?;
        self.turn(identity, Power::On, None).await
    }

    async fn power_off(&self, identity: &Identity) -> Result<(), LandingError> {
        match self.described(identity)? {
            Some(_) => self.turn(identity, Power::Off, Some("hard")).await,
            None => Ok(()),
        }
    }

    async fn shut_down(&self, identity: &Identity) -> Result<(), LandingError> {
        match self.described(identity)? {
            Some(_) => self.turn(identity, Power::Off, Some("gently")).await,
            None => Ok(()),
        }
    }

    async fn connect(&self, identity: &Identity, port: Port) -> Result<(), LandingError> {
        if (identity.purpose(), port) == (Purpose::Test, Port::Production) {
            return Err(LandingError::Isolation { machine: identity.name() });
        }
        self.plug(identity, Some(port))
    }

    async fn disconnect(&self, identity: &Identity) -> Result<(), LandingError> {
        if self.described(identity)?.is_none() { Ok(()) } else { self.plug(identity, None) }
    }

    async fn relocate(&self, identity: &Identity, _: OnProgress<'_>) -> Result<Relocated, LandingError> {
        // There is no other place than this one.
        self.must(identity)?;
        let (place, power) = (self.clone_folder(identity).display().to_string(), self.power(identity).await?);
        Ok(Relocated { datastore: None, place, moved: false, power })
    }

    async fn destroy(&self, identity: &Identity) -> Result<(), LandingError> {
        let folder = self.clone_folder(identity);
        if self.described(identity)?.is_some() && self.lab.is_some() {
            self.turn(identity, Power::Off, Some("hard")).await?;
        }
        remove(&folder)
    }
}

/// Where machines are: beside the replicas, on the same filesystem, and not among them.
pub(super) fn machines(target: &LandingTarget, root: &Path) -> PathBuf {
    let LandingTarget::Directory(replicas) = target;
    let mut name = root.join(replicas).components().as_path().as_os_str().to_owned();
    name.push("-machines");
    name.into()
}

/// A folder for nobody else, with those above it.
pub(super) fn make(folder: &Path) -> Result<(), LandingError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(LandingError::file("created", folder))
}

/// Free bytes of the filesystem of a folder.
pub(super) fn free(folder: &Path) -> Result<u64, LandingError> {
    let space = rustix::fs::statvfs(folder).map_err(io::Error::from);
    let space = space.map_err(LandingError::file("asked for its space", folder))?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

/// How the names of a replica's leaf files end.
const LEAVES: &str = "leaves";

/// Removes a folder with what is in it; one that is not there is well, one with a replica in it stays.
pub(super) fn remove(folder: &Path) -> Result<(), LandingError> {
    // Whatever the settings say: by another spelling or a mount the export may be the folder of the replicas.
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    if entries.map(|entry| entry.path()).any(|path| path.extension().is_some_and(|end| end == LEAVES)) {
        return Err(LandingError::Replica { folder: folder.to_owned() });
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(LandingError::file("removed", folder)),
    }
}

/// A clone is a file in its folder, of its size.
pub(super) fn check(disk: &BlueprintDisk, folder: &Path) -> Result<(), LandingError> {
    let wrong = |what: String| LandingError::Clone { path: disk.image.clone(), what };
    if disk.image.parent() != Some(folder) {
        return Err(wrong(format!("is not in {}", folder.display())));
    }
    let metadata = fs::symlink_metadata(&disk.image).map_err(LandingError::file("read", &disk.image))?;
    if !metadata.is_file() {
        return Err(wrong("is no file".to_owned()));
    }
    if metadata.len() != disk.bytes {
        return Err(wrong(format!("has {} bytes instead of {}", metadata.len(), disk.bytes)));
    }
    if disk.bytes == 0 || !disk.bytes.is_multiple_of(super::vmdk::SECTOR) {
        return Err(wrong(format!("has {} bytes, which are no whole sectors", disk.bytes)));
    }
    Ok(())
}

/// Writes a file that is there as a whole or not at all.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
