//! What can be asked of every landing way.

use super::blueprint::Blueprint;
use super::error::LandingError;
use super::identity::Identity;
use crate::model::DiskId;
use crate::model::tenant::Tenant;
use std::future::Future;
use std::path::PathBuf;

pub use crate::world::vsphere::{OnProgress, Power};

/// Where the cable of a machine goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Port {
    /// To the tenant's network of tests, which leads nowhere.
    Test,
    /// To the tenant's network at the SAD.
    Production,
}

/// What a tenant has at the landing site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// What is there now, each as people find it: `folder SAD/vm/Comuni/cinto`.
    pub parts: Vec<String>,
    /// Free bytes where clones lie.
    pub free: u64,
    /// Free bytes of the datastore of machines that stay, where there is one.
    pub datastore_free: Option<u64>,
}

/// A machine that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Where it is, as people find it: a folder here, or `[staging] cinto/cinto-srv1/cinto-srv1.vmx`.
    pub place: String,
    /// False where it was there before.
    pub made: bool,
}

/// How a machine stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is on; none where only a person can know.
    pub power: Option<Power>,
    /// False for one whose disks have not all arrived: `create` makes it anew.
    pub complete: bool,
    /// Where its cable goes; none is neither of ours.
    pub port: Option<Port>,
    /// Whether the cable is plugged in: now if it is on, or at power on.
    pub connected: bool,
    /// Where it is, as people find it.
    pub place: String,
}

/// Where a machine stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relocated {
    /// The datastore of machines that stay; none where this way has no other place than the one it makes them in.
    pub datastore: Option<String>,
    /// Where it is, as people find it.
    pub place: String,
    /// False where it was there before.
    pub moved: bool,
    /// Whether it is on; none where only a person can know.
    pub power: Option<Power>,
}

/// A landing way. Every act looks first, ends in the same state however often it is repeated and
/// wherever it was killed, and touches no machine that does not carry the mark of its identity.
pub trait LandingZone: Send + Sync {
    /// What a tenant needs: its folder, its pool, its networks, the place of its clones.
    ///
    /// # Errors
    /// Something else has a name, a network of tests is not isolated, or the site cannot be asked.
    fn prepare(&self, tenant: &Tenant) -> impl Future<Output = Result<Prepared, LandingError>> + Send;

    /// Where the raw clones of a machine are to be put. It may not be there yet.
    fn clone_folder(&self, identity: &Identity) -> PathBuf;

    /// Where the raw clone of a disk is to be put, in the folder of clones.
    fn clone_file(&self, identity: &Identity, disk: &DiskId) -> PathBuf;

    /// The machine of a blueprint, off, its card there and not connected.
    ///
    /// # Errors
    /// Something else has its name, a clone is not what it should be, or the site does not make it.
    fn create(
        &self,
        blueprint: &Blueprint,
        progress: OnProgress<'_>,
    ) -> impl Future<Output = Result<Machine, LandingError>> + Send;

    /// How a machine stands, if it is there.
    ///
    /// # Errors
    /// Something else has its name, or the site cannot be asked.
    fn find(&self, identity: &Identity) -> impl Future<Output = Result<Option<Standing>, LandingError>> + Send;

    /// Takes the machine that VMware Converter made under an identity's name for ours, if it is there: off,
    /// with no cable plugged in.
    ///
    /// # Errors
    /// It is another copy, is on or connected, or this way has no machines of Converter.
    fn adopt(&self, identity: &Identity) -> impl Future<Output = Result<bool, LandingError>> + Send;

    /// How the machine of an identity's name stands, whoever made it.
    ///
    /// # Errors
    /// As [`adopt`](Self::adopt).
    fn look(&self, identity: &Identity) -> impl Future<Output = Result<Option<Standing>, LandingError>> + Send;

    /// Copies the machine of an identity, which is off, for a test; found again where it is there.
    ///
    /// # Errors
    /// It is not there, or the site does not copy it.
    fn copy(
        &self,
        from: &Identity,
        to: &Identity,
        progress: OnProgress<'_>,
    ) -> impl Future<Output = Result<(), LandingError>> + Send;

    /// Turns a machine on.
    ///
    /// # Errors
    /// It is not there or does not turn on, or only a person can.
    fn power_on(&self, identity: &Identity) -> impl Future<Output = Result<(), LandingError>> + Send;

    /// Turns a machine's power off, as if its cord were pulled. One that is not there is off.
    ///
    /// # Errors
    /// It does not turn off, or only a person can.
    fn power_off(&self, identity: &Identity) -> impl Future<Output = Result<(), LandingError>> + Send;

    /// Asks the guest of a machine to shut down, and waits until it is off. One that is not there is off.
    ///
    /// # Errors
    /// It cannot be asked or is not off in time, or only a person can.
    fn shut_down(&self, identity: &Identity) -> impl Future<Output = Result<(), LandingError>> + Send;

    /// Plugs a machine's cable into a network, on or off.
    ///
    /// # Errors
    /// It is not there, a test is to go to production, or the network is not as it should be.
    fn connect(&self, identity: &Identity, port: Port) -> impl Future<Output = Result<(), LandingError>> + Send;

    /// Unplugs a machine's cable. One that is not there has none.
    ///
    /// # Errors
    /// The site cannot be asked.
    fn disconnect(&self, identity: &Identity) -> impl Future<Output = Result<(), LandingError>> + Send;

    /// Moves a machine to the datastore of machines that stay, on or off; one that is there already is well. What it
    /// was staged from is removed once nothing of it is there any more.
    ///
    /// # Errors
    /// It is not there, the site does not move it, or not while it runs, or something of it stays behind.
    fn relocate(
        &self,
        identity: &Identity,
        progress: OnProgress<'_>,
    ) -> impl Future<Output = Result<Relocated, LandingError>> + Send;

    /// Turns a machine off and removes it **with its disks and its clones**. What is not there is well.
    ///
    /// # Errors
    /// Something else has its name, or the site does not remove it.
    fn destroy(&self, identity: &Identity) -> impl Future<Output = Result<(), LandingError>> + Send;
}
