//! How a Windows is reached over WinRM.

use super::server::SecretRef;

/// How a Windows is reached over WinRM.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct WinrmAccess {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Account: `DOMAIN\name`, `name@domain`, or a local one.
    pub user: String,
    /// Its password, by reference.
    pub password: SecretRef,
    /// SHA-256 of the certificate over HTTPS, in hexadecimal; none is HTTP with sealed messages.
    pub certificate: Option<String>,
}
