//! How a router is reached, like any host over SSH with what only routers need beside it; and what it
//! says of itself.

use super::server::{Access, SecretRef};

/// How a router is reached over SSH.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RouterAccess {
    /// Like any host.
    #[serde(flatten)]
    pub access: Access,
    /// The password of `enable`, by reference; none where the login has privilege 15.
    pub enable: Option<SecretRef>,
    /// Serial number of the chassis (`Processor board ID`), checked where it is known.
    pub serial: Option<String>,
}

/// How the CPE routers of a site are reached.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SiteRouters {
    /// The CPE of the primary line.
    pub primary: RouterAccess,
    /// The CPE of the backup line, where it is another one.
    pub standby: Option<RouterAccess>,
}

/// Who a router says that it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// Host name, in full.
    pub hostname: String,
    /// Serial number of the chassis (`Processor board ID`), where it says one.
    pub serial: Option<String>,
    /// Version of its software, where it says one.
    pub version: Option<String>,
}

/// Whether a router can take a change back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayBack {
    /// `configure terminal revert timer` works: an archive is configured.
    RevertTimer,
    /// It would, but no archive is configured.
    NoArchive,
    /// It has neither (before IOS 12.4(20)T): only `reload in` takes a change back.
    ReloadOnly,
}

/// A change that a router takes back by itself unless it is confirmed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevertTimer {
    /// After how many minutes.
    pub minutes: u16,
    /// Who began it; none where the router does not say.
    pub user: Option<String>,
}

/// Which configuration of a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// What runs.
    Running,
    /// What a reload brings.
    Startup,
}
