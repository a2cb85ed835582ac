//! Surveys many servers at once: one connection and one script for each.

use super::{Difference, Malformed, Mark, Survey, compare, parse, powershell_script, script};
use crate::model::script_access::ScriptAccess;
use crate::model::server::{Os, Server, Transfer};
use crate::world::host::Host;
use crate::world::ssh::Trust;
use crate::world::vantage::Vantage;
use crate::world::{Shell, ShellError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Hosts that are asked at the same time.
const AT_ONCE: usize = 64;
/// How long a host may take for the script, whose slow commands have 10 s each.
const DEADLINE: Duration = Duration::from_secs(120);

/// What was found out about one server.
#[derive(Debug)]
pub enum Found {
    /// What it is, and where it differs from the inventory.
    Surveyed(Box<Survey>, Vec<Difference>),
    /// It could not be asked.
    Failed(ShellError),
    /// It answered something else.
    Malformed {
        /// Its exit status.
        status: u32,
        /// Start of what it complained.
        errors: String,
    },
    /// The inventory does not say how to reach it.
    NoAccess,
}

/// Surveys `servers`, and returns what was found in their order. `mark` is fresh and random.
pub async fn survey(servers: &[Server], trust: &Trust, mark: &Mark) -> Vec<Found> {
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let work: Vec<_> = servers
        .iter()
        .map(|server| {
            way_in(server).map(|access| {
                let (server, trust, permits, mark) = (server.clone(), trust.clone(), permits.clone(), mark.clone());
                let host = access.host().to_owned();
                let task = tokio::spawn(async move {
                    // The semaphore is never closed; without a permit the work is only less bounded.
                    let _permit = permits.acquire().await;
                    ask(&server, &access, &trust, &mark).await
                });
                (host, task)
            })
        })
        .collect();
    let mut found = Vec::with_capacity(work.len());
    for asked in work {
        found.push(match asked {
            None => Found::NoAccess,
            Some((host, task)) => task.await.unwrap_or_else(|error| {
                // A panic in the SSH library is the failure of one host, not of the survey.
                Found::Failed(ShellError::Unreachable { host, source: error.into() })
            }),
        });
    }
    found
}

/// How a server is asked. A machine that is moved from a rescue system is asked there, for its disks;
/// any other Windows over WinRM, or with PowerShell over SSH.
fn way_in(server: &Server) -> Option<ScriptAccess> {
    let access = server.access.clone();
    let winrm = server.winrm.clone().map(ScriptAccess::Winrm);
    match (&server.os, server.transfer) {
        (Os::Linux(_), _) => access.map(ScriptAccess::Sh),
        (Os::Windows(_), Transfer::Rescue) => access.map(ScriptAccess::Sh).or(winrm),
        (Os::Windows(_), _) => winrm.or(access.map(ScriptAccess::PowerShellOverSsh)),
    }
}

async fn ask(server: &Server, access: &ScriptAccess, trust: &Trust, mark: &Mark) -> Found {
    let sources = server.disks.iter().filter_map(|disk| disk.source.as_deref());
    let text = if access.is_powershell() { powershell_script(mark) } else { script(mark, sources) };
    let answer = async {
        let host = Host::connect(&Vantage::Here, access, trust).await?;
        host.run(&text, DEADLINE).await
    };
    match answer.await {
        Ok(output) => match parse(&output.stdout, mark) {
            Ok(survey) => {
                let differences = compare(server, &survey);
                Found::Surveyed(Box::new(survey), differences)
            }
            Err(Malformed) => {
                let errors = String::from_utf8_lossy(&output.stderr);
                let errors = errors.lines().next().unwrap_or_default().chars().take(200).collect();
                Found::Malformed { status: output.status, errors }
            }
        },
        Err(error) => Found::Failed(error),
    }
}
