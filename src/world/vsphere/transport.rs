//! HTTPS to the vCenter and its hosts: how they are reached, and how long we wait.

use super::trouble::Trouble;
pub use crate::model::vsphere::{Trust, VcenterAccess};
use crate::world::pin::Fingerprint;
use crate::world::soap::transport::{self, NoTrust};
use reqwest::Client;
use std::time::Duration;

pub(super) use crate::world::soap::transport::{Answer, Lost, ask, lost};

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// TCP connection and TLS.
    pub connect: Duration,
    /// An answer, from the request on.
    pub answer: Duration,
    /// A transfer of a file may stand still for so long.
    pub stall: Duration,
    /// A lease is told that we live so often; vSphere wants it within five minutes.
    pub alive: Duration,
    /// A rest before an import begins again.
    pub rest: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(15), answer: seconds(60), stall: seconds(120), alive: seconds(30), rest: seconds(5) }
    }
}

/// The HTTPS client for a host that the vCenter told us the fingerprint of.
pub(super) fn client_of(server: &str, fingerprint: Fingerprint, deadlines: &Deadlines) -> Result<Client, Trouble> {
    transport::client_of(server, fingerprint, deadlines.connect)
        .map_err(|NoTrust { server, what }| Trouble::Trust { server, what })
}
