//! Measures the disks of a server before anything is copied: the agent goes there as for a pass, takes a
//! sample of each disk, and is gone again. Nothing is written there.

use super::trouble::{of_agent, of_replica, of_shell};
use super::{ZSTD_LEVEL, is_loopback, server_folder};
use crate::migration::forecast::Measurement;
use crate::migration::run::Trouble;
use crate::model::DiskId;
use crate::model::server::{Access, Server};
use crate::model::tenant::Tenant;
use crate::replica::{self, AgentBinary, DiskReplica, SampleOptions, StartOptions};
use crate::world::ssh::{Deadlines, Session, Trust};
use std::path::Path;

/// Thousandths of what is copied that are read.
const PERMILLE: u16 = 10;

/// What measuring needs of the world.
#[derive(Debug)]
pub struct Measuring<'a> {
    /// Whose servers are measured.
    pub tenant: &'a Tenant,
    /// Folder of all replicas, where those of the server may be.
    pub landing: &'a Path,
    /// Which hosts are believed.
    pub trust: &'a Trust,
    /// The agent's file.
    pub agent: &'a AgentBinary,
    /// Whether the agent may be put on a disk of a source where no memory filesystem lets it run.
    pub agent_on_disk: bool,
}

/// What came of measuring a server.
#[derive(Debug, Default)]
pub struct Measured {
    /// The disks that were measured.
    pub disks: Vec<Measurement>,
    /// What ended it early.
    pub trouble: Option<Trouble>,
}

impl Measuring<'_> {
    /// Measures the disks of a server one after another; `observe` hears how many bytes of which were read.
    pub async fn server(
        &self,
        server: &Server,
        access: &Access,
        observe: &mut (dyn FnMut(&DiskId, u64) + Send),
    ) -> Measured {
        let mut measured = Measured::default();
        measured.trouble = self.disks(server, access, &mut measured.disks, observe).await.err();
        measured
    }

    async fn disks(
        &self,
        server: &Server,
        access: &Access,
        measured: &mut Vec<Measurement>,
        observe: &mut (dyn FnMut(&DiskId, u64) + Send),
    ) -> Result<(), Trouble> {
        let disks: Vec<_> = server.disks.iter().filter_map(|disk| Some((&disk.id, disk.source.as_ref()?))).collect();
        let Some((first, _)) = disks.first() else { return Ok(()) };
        let replica = |disk| DiskReplica::new(&server_folder(self.landing, self.tenant, &server.id), disk);
        let session = Session::connect(access, self.trust, Deadlines::default()).await;
        let session = session.map_err(|error| of_shell(error, &server.id))?;
        let options = StartOptions { loopback: is_loopback(access), agent_on_disk: self.agent_on_disk };
        let agent = replica::start(&session, self.agent, options).await;
        let mut agent = agent.map_err(|error| of_agent(error, &server.id, &replica(first)))?;
        let options = SampleOptions { permille: PERMILLE, level: ZSTD_LEVEL };
        for (disk, source) in disks {
            let mut watch = |bytes| observe(disk, bytes);
            let sample = replica::sample(&mut agent, disk, source, options, &mut watch).await;
            let sample = sample.map_err(|error| of_replica(error, &server.id, &replica(disk)))?;
            let (server, disk, source) = (server.id.clone(), disk.clone(), source.clone());
            let agent_on_disk = self.agent_on_disk;
            measured.push(Measurement { server, disk, source, agent_on_disk, sample });
        }
        Ok(())
    }
}
