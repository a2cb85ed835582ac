//! Looks at an address from this host: what answers there, and who else on its LAN.

use crate::migration::silence::Sight;
use crate::model::server::{Os, Server, ServerRole};
use crate::model::tenant::Tenant;
use crate::world::probe;
use crate::world::vantage::Vantage;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

/// How long an answer may take: the LTE backup and a busy radio link included.
const PATIENCE: Duration = Duration::from_secs(3);
/// Echo requests: a link may lose one.
const ECHOES: u32 = 2;

/// What answers at the source's address, and who answers beside it.
pub(super) async fn sight(tenant: &Tenant, server: &Server) -> Sight {
    // Behind a jump host nothing can be asked from here: only a person knows.
    let Some(host) = source(server) else { return Sight::default() };
    let ports = ports(server);
    let (answers, witness) = tokio::join!(answers(&host, &ports), witness(tenant, server));
    Sight { answers, witness }
}

/// What answers at the address that a new machine may have taken over from the server; none where it cannot be asked
/// from here. An alias, or a name, leads to the source alone, whoever has the address.
pub(super) async fn sight_of_new(tenant: &Tenant, server: &Server) -> Option<Sight> {
    if source(server)? != server.address.to_string() {
        return None;
    }
    Some(sight(tenant, server).await)
}

/// Where the source is asked: as it is reached, an alias of an overlapping network included.
fn source(server: &Server) -> Option<String> {
    match &server.access {
        Some(access) if access.via.is_some() => None,
        Some(access) => Some(access.host.clone()),
        None => Some(server.address.to_string()),
    }
}

/// Ports on which a server of these roles may answer, and those by which it was reached.
pub(super) fn ports(server: &Server) -> BTreeSet<u16> {
    let mut ports = BTreeSet::new();
    ports.extend(server.access.iter().map(|access| access.port));
    ports.extend(server.winrm.iter().map(|winrm| winrm.port));
    ports.extend(match server.os {
        Os::Windows(_) => [445, 3389],
        Os::Linux(_) => [22, 80],
    });
    ports.extend(server.roles.iter().flat_map(|role| match role {
        ServerRole::Ad => &[389_u16, 88][..],
        ServerRole::Dns => &[53],
        ServerRole::File => &[445],
        ServerRole::Print => &[9100, 631],
        ServerRole::Database => &[1433, 3306, 5432, 3050],
        ServerRole::Application => &[80, 443],
        ServerRole::Dhcp | ServerRole::Logging => &[],
    }));
    ports
}

/// Everything that answers, all asked at once: `ping`, `tcp 445`. A refused connection is an answer, too:
/// somebody is there.
async fn answers(host: &str, ports: &BTreeSet<u16>) -> BTreeSet<String> {
    let mut asked = tokio::task::JoinSet::new();
    let name = host.to_owned();
    asked.spawn(async move { pings(&name).await.then(|| "ping".to_owned()) });
    for port in ports.iter().copied() {
        let name = host.to_owned();
        asked.spawn(async move { takes(&name, port).await.then(|| format!("tcp {port}")) });
    }
    asked.join_all().await.into_iter().flatten().collect()
}

/// The ports that take a connection: a refusal is no service yet.
pub(super) async fn serves(host: &str, ports: &BTreeSet<u16>) -> BTreeSet<u16> {
    let mut asked = tokio::task::JoinSet::new();
    for port in ports.iter().copied() {
        let name = host.to_owned();
        asked.spawn(async move {
            let connected = tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect((name.as_str(), port))).await;
            matches!(connected, Ok(Ok(_))).then_some(port)
        });
    }
    asked.join_all().await.into_iter().flatten().collect()
}

async fn pings(host: &str) -> bool {
    let echoes = probe::ping(&Vantage::Here, host, ECHOES, probe::INTERVAL, PATIENCE).await;
    echoes.is_ok_and(|echoes| echoes.received > 0)
}

async fn takes(host: &str, port: u16) -> bool {
    let connected = tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect((host, port))).await;
    match connected {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        Err(_) => false,
    }
}

/// The first router or gateway of the server's LAN that answers; never the server itself.
async fn witness(tenant: &Tenant, server: &Server) -> Option<String> {
    for address in witnesses(tenant, server) {
        if pings(&address.to_string()).await {
            return Some(format!("ping {address}"));
        }
    }
    None
}

fn witnesses(tenant: &Tenant, server: &Server) -> Vec<Ipv4Addr> {
    let Some(lan) = tenant.site_of(server).and_then(|site| site.lan.as_ref()) else { return Vec::new() };
    let all = [Some(lan.primary), lan.standby, Some(lan.gateway.address), Some(lan.vip)];
    all.into_iter().flatten().filter(|address| *address != server.address).collect()
}
