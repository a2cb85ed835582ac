//! How clients find a service: the SRV records of its name, each target resolved by the same name
//! server and connected to.

use super::dns::{Record, RecordType, dns};
use super::{ProbeError, tcp};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The most targets that are tried.
const MOST: usize = 32;

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Those who take the connection: `host:port address`.
    pub found: Vec<String>,
    /// Those who do not, with the reason.
    pub dead: Vec<String>,
    /// Time until all were tried.
    pub took: Duration,
}

/// Looks up `service` (such as `_ldap._tcp.dc._msdcs.cinto.lan`) and connects to each target. Of a
/// service over UDP only the addresses are looked up.
///
/// # Errors
/// [`ProbeError`] of the first question; that there is no record is an answer, and nobody is found.
pub async fn locate(server: SocketAddr, service: &str, deadline: Duration) -> Result<Located, ProbeError> {
    let started = Instant::now();
    let connects = !service.contains("._udp.");
    let answer = dns(server, service, RecordType::Srv, deadline).await?;
    let left = deadline.saturating_sub(started.elapsed());
    // All at once: one that keeps silent takes no time from the others.
    let mut tries = JoinSet::new();
    for (place, record) in answer.records.into_iter().take(MOST).enumerate() {
        let Record::Service { host, port, .. } = record else { continue };
        tries.spawn(async move {
            let reached = reach(server, &host, port, connects, left).await;
            (place, format!("{host}:{port}"), reached)
        });
    }
    let mut tried = tries.join_all().await;
    tried.sort_by_key(|(place, ..)| *place);
    let mut located = Located { found: Vec::new(), dead: Vec::new(), took: started.elapsed() };
    for (_, target, reached) in tried {
        match reached {
            Ok(address) => located.found.push(format!("{target} {address}")),
            Err(reason) => located.dead.push(format!("{target} {reason}")),
        }
    }
    Ok(located)
}

/// The address of a target that can be used; else what is wrong with it.
async fn reach(
    server: SocketAddr,
    host: &str,
    port: u16,
    connects: bool,
    deadline: Duration,
) -> Result<IpAddr, &'static str> {
    let answer = dns(server, host, RecordType::A, deadline).await.map_err(|_| "is not resolved")?;
    let address = answer.records.into_iter().find_map(|record| match record {
        Record::Address(address) => Some(address),
        _ => None,
    });
    let address = address.ok_or("has no address")?;
    if connects {
        tcp(&address.to_string(), port, deadline).await.map_err(|_| "takes no connection")?;
    }
    Ok(address)
}
