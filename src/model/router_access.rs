//! How a router is reached: like any host over SSH, with what only routers need beside it.

use super::server::{Access, SecretRef};

/// How a router is reached over SSH.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RouterAccess {
    /// Like any host.
    #[serde(flatten)]
    pub access: Access,
    /// Which algorithms may be used with it.
    pub ssh_profile: SshProfile,
    /// The password of `enable`, by reference; none where the login has privilege 15.
    pub enable: Option<SecretRef>,
    /// Serial number of the chassis (`Processor board ID`), checked where it is known.
    pub serial: Option<String>,
}

/// Which SSH algorithms may be used with a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SshProfile {
    /// Those of today.
    #[default]
    Modern,
    /// Beside them those of the years before: SHA-1 key exchange, CBC, `hmac-sha1`, `ssh-rsa`.
    Legacy,
}

/// How the CPE routers of a site are reached.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SiteRouters {
    /// The CPE of the primary line.
    pub primary: RouterAccess,
    /// The CPE of the backup line, where it is another one.
    pub standby: Option<RouterAccess>,
}
