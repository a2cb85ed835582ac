//! Which routers on the way to a site tell its lines apart.

use super::pools::TunnelNet;
use crate::model::link::{Backup, Hops, Link, ReturnPath};
use crate::model::project::NetworkPools;

/// What `link` of tenant `number` says itself, or the CPE's address on each line: a router answers
/// with the address of the interface on which the packet came in, so this is the line it came over.
pub fn hops(link: &Link, pools: &NetworkPools, number: u16) -> Hops {
    if let Some(hops) = &link.hops {
        return hops.clone();
    }
    let backup = match &link.backup {
        Some(Backup::Copper { carrier, .. }) => carrier.as_ref().map(|line| line.cpe),
        Some(Backup::Lte { return_path: ReturnPath::Provider { carrier }, .. }) => {
            carrier.as_ref().map(|line| line.cpe)
        }
        Some(Backup::Lte { return_path: ReturnPath::Tunnel, .. }) => {
            TunnelNet::of(pools, number).map(|tunnel| tunnel.cpe)
        }
        None => None,
    };
    Hops { primary: link.carrier.iter().map(|line| line.cpe).collect(), backup: backup.into_iter().collect() }
}
