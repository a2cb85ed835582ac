//! The landing ways behind their trait.

use super::blueprint::Blueprint;
use super::directory::Directory;
use super::error::LandingError;
use super::identity::Identity;
use super::vsphere::Vsphere;
use super::zone::{LandingZone, Machine, OnProgress, Port, Prepared, Relocated, Standing};
use crate::model::DiskId;
use crate::model::project::{LandingMachines, Project};
use crate::model::tenant::Tenant;
use crate::world::vsphere::Deadlines;
use std::path::{Path, PathBuf};

/// A landing way of the inventory.
#[derive(Debug)]
pub enum Way {
    /// Folders of the operations host.
    Directory(Directory),
    /// vSphere, by an NFS export of ours or by imports.
    Vsphere(Box<Vsphere>),
}

impl Way {
    /// The way that the inventory names; `root` is where its paths begin. Nothing is asked yet.
    pub fn open(project: &Project, root: &Path) -> Self {
        Self::within(project, root, Deadlines::default())
    }

    /// The same with other times for answers.
    pub fn within(project: &Project, root: &Path, deadlines: Deadlines) -> Self {
        match &project.landing.machines {
            LandingMachines::ByHand | LandingMachines::Lab(_) => Way::Directory(Directory::new(&project.landing, root)),
            LandingMachines::Vsphere(setting) => {
                Way::Vsphere(Box::new(Vsphere::new(setting, project, root, deadlines)))
            }
        }
    }

    /// Ends what was opened: the session at the vCenter, which would else end by itself.
    pub async fn close(&self) {
        match self {
            Way::Directory(_) => {}
            Way::Vsphere(way) => way.close().await,
        }
    }
}

/// Asks the way that it is.
macro_rules! ask {
    ($self:expr, $way:ident => $asked:expr) => {
        match $self {
            Way::Directory($way) => $asked,
            Way::Vsphere($way) => $asked,
        }
    };
}

impl LandingZone for Way {
    async fn prepare(&self, tenant: &Tenant) -> Result<Prepared, LandingError> {
        ask!(self, way => way.prepare(tenant).await)
    }

    fn clone_folder(&self, identity: &Identity) -> PathBuf {
        ask!(self, way => way.clone_folder(identity))
    }

    fn clone_file(&self, identity: &Identity, disk: &DiskId) -> PathBuf {
        ask!(self, way => way.clone_file(identity, disk))
    }

    async fn create(&self, blueprint: &Blueprint, progress: OnProgress<'_>) -> Result<Machine, LandingError> {
        ask!(self, way => way.create(blueprint, progress).await)
    }

    async fn find(&self, identity: &Identity) -> Result<Option<Standing>, LandingError> {
        ask!(self, way => way.find(identity).await)
    }

    async fn adopt(&self, identity: &Identity) -> Result<bool, LandingError> {
        ask!(self, way => way.adopt(identity).await)
    }

    async fn look(&self, identity: &Identity) -> Result<Option<Standing>, LandingError> {
        ask!(self, way => way.look(identity).await)
    }

    async fn copy(&self, from: &Identity, to: &Identity, progress: OnProgress<'_>) -> Result<(), LandingError> {
        ask!(self, way => way.copy(from, to, progress).await)
    }

    async fn power_on(&self, identity: &Identity) -> Result<(), LandingError> {
        ask!(self, way => way.power_on(identity).await)
    }

    async fn power_off(&self, identity: &Identity) -> Result<(), LandingError> {
        ask!(self, way => way.power_off(identity).await)
    }

    async fn shut_down(&self, identity: &Identity) -> Result<(), LandingError> {
        ask!(self, way => way.shut_down(identity).await)
    }

    async fn connect(&self, identity: &Identity, port: Port) -> Result<(), LandingError> {
        ask!(self, way => way.connect(identity, port).await)
    }

    async fn disconnect(&self, identity: &Identity) -> Result<(), LandingError> {
        ask!(self, way => way.disconnect(identity).await)
    }

    async fn relocate(&self, identity: &Identity, progress: OnProgress<'_>) -> Result<Relocated, LandingError> {
        ask!(self, way => way.relocate(identity, progress).await)
    }

    async fn destroy(&self, identity: &Identity) -> Result<(), LandingError> {
        ask!(self, way => way.destroy(identity).await)
    }
}
