//! How a host takes scripts.

use super::server::{Access, WinrmAccess};

/// How a host takes scripts, and in which language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptAccess {
    /// `/bin/sh` over SSH.
    Sh(Access),
    /// PowerShell 2.0 over SSH.
    PowerShellOverSsh(Access),
    /// PowerShell 2.0 over WinRM.
    Winrm(WinrmAccess),
}

impl ScriptAccess {
    /// Whether the scripts are PowerShell.
    pub fn is_powershell(&self) -> bool {
        !matches!(self, ScriptAccess::Sh(_))
    }

    /// Name or address of the host.
    pub fn host(&self) -> &str {
        match self {
            ScriptAccess::Sh(access) | ScriptAccess::PowerShellOverSsh(access) => &access.host,
            ScriptAccess::Winrm(access) => &access.host,
        }
    }
}
