//! How clients find a service: the SRV records of its name, each target resolved by the same name
//! server and connected to.

use super::dns::{NameServer, Record, RecordType, dns};
use super::{ProbeError, Untold, Vantage, tcp};
use std::net::IpAddr;
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
pub async fn locate(
    from: &Vantage,
    server: &NameServer,
    service: &str,
    deadline: Duration,
) -> Result<Located, ProbeError> {
    let started = Instant::now();
    let connects = !service.contains("._udp.");
    let answer = dns(from, server, service, RecordType::Srv, deadline).await?;
    let left = deadline.saturating_sub(started.elapsed());
    // All at once: one that keeps silent takes no time from the others.
    let mut tries = JoinSet::new();
    for (place, record) in answer.records.into_iter().take(MOST).enumerate() {
        let Record::Service { host, port, .. } = record else { continue };
        let (from, server) = (from.clone(), server.clone());
        tries.spawn(async move {
            let reached = reach(&from, &server, &host, port, connects, left).await;
            (place, format!("{host}:{port}"), reached)
        });
    }
    let mut tried = tries.join_all().await;
    tried.sort_by_key(|(place, ..)| *place);
    let mut located = Located { found: Vec::new(), dead: Vec::new(), took: started.elapsed() };
    for (_, target, reached) in tried {
        match reached {
            Ok(address) => located.found.push(format!("{target} {address}")),
            Err(Useless::Dead(reason)) => located.dead.push(format!("{target} {reason}")),
            Err(Useless::Untold(untold)) => return Err(untold.into()),
        }
    }
    Ok(located)
}

/// Why a target cannot be used.
enum Useless {
    Dead(&'static str),
    Untold(Untold),
}

impl Useless {
    fn of(reason: &'static str) -> impl FnOnce(ProbeError) -> Self {
        move |error| match error {
            ProbeError::Untold(untold) => Useless::Untold(untold),
            _ => Useless::Dead(reason),
        }
    }
}

/// The address of a target that can be used; else what is wrong with it.
async fn reach(
    from: &Vantage,
    server: &NameServer,
    host: &str,
    port: u16,
    connects: bool,
    deadline: Duration,
) -> Result<IpAddr, Useless> {
    let answer = dns(from, server, host, RecordType::A, deadline).await.map_err(Useless::of("is not resolved"))?;
    let address = answer.records.into_iter().find_map(|record| match record {
        Record::Address(address) => Some(address),
        _ => None,
    });
    let address = address.ok_or(Useless::Dead("has no address"))?;
    if connects {
        tcp(from, &address.to_string(), port, deadline).await.map_err(Useless::of("takes no connection"))?;
    }
    Ok(address)
}
