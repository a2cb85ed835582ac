//! A host that takes scripts, whatever the way and the language.

use super::ssh::{self, Trust};
use super::vantage::Vantage;
use super::{Output, Pipe, Shell, ShellError, powershell, winrm};
use crate::model::script_access::ScriptAccess;
use std::time::Duration;

/// A host that we are logged in to.
pub enum Host {
    /// `/bin/sh` over SSH.
    Sh(ssh::Session),
    /// PowerShell over SSH.
    PowerShellOverSsh(ssh::Session),
    /// PowerShell over WinRM.
    Winrm(winrm::Session),
}

impl Host {
    /// Connects and logs in, from this machine or a probe machine; `trust` also says where secrets are.
    ///
    /// # Errors
    /// The host is not there, is not the one we know, or refuses the login.
    pub async fn connect(from: &Vantage, access: &ScriptAccess, trust: &Trust) -> Result<Self, ShellError> {
        Ok(match access {
            ScriptAccess::Sh(access) => Host::Sh(from.log_in(access, trust).await?),
            ScriptAccess::PowerShellOverSsh(access) => Host::PowerShellOverSsh(from.log_in(access, trust).await?),
            ScriptAccess::Winrm(access) => {
                Host::Winrm(winrm::Session::connect(from, access, &trust.root, winrm::Deadlines::default()).await?)
            }
        })
    }
}

impl Shell for Host {
    async fn run(&self, script: &str, deadline: Duration) -> Result<Output, ShellError> {
        match self {
            Host::Sh(session) => session.run(script, deadline).await,
            Host::PowerShellOverSsh(session) => session.feed(&powershell::command_line(), script, deadline).await,
            Host::Winrm(session) => session.run(script, deadline).await,
        }
    }

    async fn open(&self, command: &str) -> Result<Pipe, ShellError> {
        match self {
            Host::Sh(session) | Host::PowerShellOverSsh(session) => session.open(command).await,
            Host::Winrm(session) => session.open(command).await,
        }
    }
}
