//! Clones that boot as they lie: raw files in an NFS export, with a descriptor beside each.

use super::site::Site;
use crate::landing::blueprint::{Blueprint, BlueprintDisk};
use crate::landing::directory::{make, replace};
use crate::landing::error::LandingError;
use crate::landing::vmdk::{Adapter, CreateType, Descriptor, SECTOR, write_descriptor};
use crate::model::DiskId;
use crate::model::machine::Controller;
use crate::model::vsphere::Staging;
use crate::world::vsphere::{DatastoreFile, NasVolume};
use std::fs;
use std::path::Path;

/// What shows that hosts see our folder.
const PROBE: &str = "traghetto.probe";
/// How a raw disk's name ends, in the manner of vSphere.
const FLAT: &str = "-flat.vmdk";

/// The name of the raw file of a disk.
pub(super) fn flat(disk: &DiskId) -> String {
    format!("{disk}{FLAT}")
}

/// Mounts the export on every host, and reads a file of ours through it: a wrong path would show
/// itself only when a machine's disks are missing.
pub(super) async fn prepare(site: &Site, staging: &Staging, folder: &Path) -> Result<(), LandingError> {
    make(folder)?;
    let (client, places) = (site.client().await?, site.places().await?);
    let (name, server, path) = (staging.datastore.clone(), staging.nfs_host.clone(), staging.nfs_path.clone());
    let volume = NasVolume { name, server, path };
    for host in &places.hosts {
        client.ensure_nas(host, &volume).await?;
    }
    let wanted = probe(folder)?;
    let mut shown = Vec::new();
    let found = client.get_file(&places.datacenter, &DatastoreFile::new(&staging.datastore, PROBE), &mut shown).await?;
    let what = match found {
        Some(_) if shown == wanted.as_bytes() => return Ok(()),
        Some(_) => "another file of this name",
        None => "nothing of this name",
    };
    let (datastore, folder) = (staging.datastore.clone(), folder.to_owned());
    Err(LandingError::Staging { datastore, folder, what: format!("it has {what} as our {PROBE}") })
}

/// The content of our file, which is written once and is another in every folder.
fn probe(folder: &Path) -> Result<String, LandingError> {
    let path = folder.join(PROBE);
    if let Ok(found) = fs::read_to_string(&path)
        && found.len() == 33
    {
        return Ok(found);
    }
    let mut random = [0; 16];
    let unwritten = |source| LandingError::File { action: "written", path: path.clone(), source };
    getrandom::fill(&mut random).map_err(|error| unwritten(std::io::Error::other(error)))?;
    let text = crate::digest::hex(&random) + "\n";
    replace(&path, &text).map_err(unwritten)?;
    Ok(text)
}

/// Describes the clones, each beside its file; gives the descriptors by their names in the folder.
pub(super) fn describe(blueprint: &Blueprint) -> Result<Vec<String>, LandingError> {
    blueprint.disks.iter().map(|disk| one(blueprint, disk)).collect()
}

fn one(blueprint: &Blueprint, disk: &BlueprintDisk) -> Result<String, LandingError> {
    let extent = disk.image.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some(stem) = extent.strip_suffix(FLAT) else {
        let what = format!("is not called NAME{FLAT}");
        return Err(LandingError::Clone { path: disk.image.clone(), what });
    };
    let (name, cid) = (format!("{stem}.vmdk"), blueprint.identity.content_id(&disk.id));
    let undescribed = |source| LandingError::Descriptor { path: disk.image.clone(), source };
    let sectors = disk.bytes / SECTOR;
    let descriptor = Descriptor::new(CreateType::Vmfs, &extent, sectors, adapter(blueprint.controller), cid);
    let path = disk.image.with_file_name(&name);
    write_descriptor(&path, &descriptor.map_err(undescribed)?).map_err(LandingError::file("written", &path))?;
    Ok(name)
}

/// How a descriptor names a controller.
pub(super) fn adapter(controller: Controller) -> Adapter {
    match controller {
        Controller::Pvscsi => Adapter::Pvscsi,
        Controller::LsiSas1068 | Controller::LsiLogic => Adapter::LsiLogic,
        Controller::Ide => Adapter::Ide,
    }
}
