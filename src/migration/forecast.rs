//! How long the copies take on the tenant's link, before anything is copied.

use crate::model::server::{Disk, Server, Transfer};
use crate::model::tenant::Tenant;
use crate::model::{DiskId, ServerId};
use serde::Serialize;

/// Share of a link's rate that is left for TCP payload at MTU 1500: a shaper at 10 Mbit/s gave
/// 9.565 Mbit/s on the project's machine.
const PAYLOAD_SHARE: f64 = 0.9565;

/// What a disk's bytes are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Its whole size: free space is not known yet, and what was deleted there travels too.
    Size,
    /// Bytes used by its filesystems, where its size is not known.
    Used,
    /// Nobody knows; `traghetto survey` finds out.
    Unknown,
}

/// The first copy of one disk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiskForecast {
    /// Which disk.
    pub disk: DiskId,
    /// Bytes before compression, at most; what was never written is zero and is not sent.
    pub bytes: Option<u64>,
    /// What they are taken from.
    pub basis: Basis,
    /// Bytes used by its filesystems, if known: what travels at least, before compression.
    pub used: Option<u64>,
}

/// The first copy of one server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerForecast {
    /// Which server.
    pub server: ServerId,
    /// Its disks.
    pub disks: Vec<DiskForecast>,
    /// Guaranteed rate of its link in Mbit/s, if known.
    pub mcr_mbps: Option<f64>,
    /// Peak rate of its link in Mbit/s, if known.
    pub pcr_mbps: Option<f64>,
    /// Seconds of the first copy at the guaranteed rate.
    pub seed_at_mcr_seconds: Option<u64>,
    /// Seconds of the first copy at the peak rate.
    pub seed_at_pcr_seconds: Option<u64>,
    /// Whether the server is off, booted from a rescue system, while it is copied.
    pub offline_while_copied: bool,
}

/// The first copies of all servers, one after another on each link.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Forecast {
    /// In the order in which they move.
    pub servers: Vec<ServerForecast>,
    /// Bytes of all disks whose bytes are known.
    pub bytes: u64,
    /// Seconds of all first copies at the guaranteed rate, if all are known.
    pub seed_at_mcr_seconds: Option<u64>,
    /// Seconds of all first copies at the peak rate, if all are known.
    pub seed_at_pcr_seconds: Option<u64>,
}

impl Forecast {
    /// The forecast for `servers` of `tenant`.
    pub fn of(tenant: &Tenant, servers: &[&Server]) -> Self {
        let servers: Vec<ServerForecast> = servers.iter().map(|server| of_server(tenant, server)).collect();
        let disks = servers.iter().flat_map(|server| &server.disks);
        Self {
            bytes: disks.filter_map(|disk| disk.bytes).sum(),
            seed_at_mcr_seconds: servers.iter().map(|server| server.seed_at_mcr_seconds).sum(),
            seed_at_pcr_seconds: servers.iter().map(|server| server.seed_at_pcr_seconds).sum(),
            servers,
        }
    }
}

fn of_server(tenant: &Tenant, server: &Server) -> ServerForecast {
    let disks: Vec<DiskForecast> = server.disks.iter().map(of_disk).collect();
    let bytes: Option<u64> = disks.iter().map(|disk| disk.bytes).sum();
    let link = tenant.site_of(server).map(|site| &site.link);
    let mcr_mbps = link.map(|link| f64::from(link.mcr_kbps()) / 1000.0);
    let pcr_mbps = link.map(|link| f64::from(link.pcr_mbps));
    let seed = |mbps: Option<f64>| Some(line_seconds(bytes?, mbps?));
    ServerForecast {
        server: server.id.clone(),
        disks,
        mcr_mbps,
        pcr_mbps,
        seed_at_mcr_seconds: seed(mcr_mbps),
        seed_at_pcr_seconds: seed(pcr_mbps),
        offline_while_copied: server.transfer == Transfer::Rescue,
    }
}

fn of_disk(disk: &Disk) -> DiskForecast {
    let (bytes, basis) = match (disk.size, disk.used) {
        (Some(size), _) => (Some(size), Basis::Size),
        (None, Some(used)) => (Some(used), Basis::Used),
        (None, None) => (None, Basis::Unknown),
    };
    DiskForecast { disk: disk.id.clone(), bytes, basis, used: disk.used }
}

/// Seconds that `bytes` of payload take on a line of `mbps`, with the overhead of TCP and IP, without
/// compression.
pub fn line_seconds(bytes: u64, mbps: f64) -> u64 {
    payload_seconds(bytes, mbps * PAYLOAD_SHARE)
}

fn payload_seconds(bytes: u64, mbps: f64) -> u64 {
    (bytes as f64 * 8.0 / (mbps * 1e6)).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The project document's rates, payload only.
    #[test]
    fn hours_at_mcr_and_pcr() {
        let hours =
            |gigabytes: u64, mbps| (payload_seconds(gigabytes * 1_000_000_000, mbps) as f64 / 360.0).round() / 10.0;
        for (gigabytes, mcr, pcr) in [(40, 8.9, 0.9), (120, 26.7, 2.7), (250, 55.6, 5.6), (500, 111.1, 11.1)] {
            assert_eq!((hours(gigabytes, 10.0), hours(gigabytes, 100.0)), (mcr, pcr), "{gigabytes} GB");
        }
    }

    #[test]
    fn overhead_makes_it_longer() {
        assert_eq!(line_seconds(500_000_000_000, 10.0), 418_192);
        assert_eq!(line_seconds(0, 10.0), 0);
    }
}
