//! The address of a copy that booted: looked at, and set where it is missing, at the console, before it is connected.

use super::{RunbookStep, Sources, engineer, say};
use crate::model::server::{Addressing, Os, Server, ServerRole};
use crate::network::kit::Place;
use ipnetwork::Ipv4Network;
use std::net::Ipv4Addr;

/// A network that servers are in, with its gateway.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attached {
    /// Its addresses.
    pub prefix: Ipv4Network,
    /// Its gateway.
    pub gateway: Ipv4Addr,
}

/// Address, mask, gateway and DNS of the copy.
pub(super) fn address(sources: &Sources<'_>, server: &Server) -> RunbookStep {
    let address = server.landing_address();
    let networks = sources.kits.map(|kits| kits.networks.as_slice()).unwrap_or_default();
    let network = networks.iter().find(|one| one.prefix.contains(address));
    let is_new = matches!(server.landing, Addressing::Renumber(_));
    let what = if is_new {
        say(
            "Alla console, rete ancora scollegata: dare alla copia l'indirizzo nuovo.",
            "At the console, the network still disconnected: give the copy its new address.",
        )
    } else {
        say(
            "Alla console, rete ancora scollegata: la scheda è nuova, l'indirizzo resta quello di prima.",
            "At the console, the network still disconnected: the card is new, the address stays as before.",
        )
    };
    let mut step = RunbookStep::new("address", engineer(), what);
    step.how = Some(values(sources, address, network, is_new));
    let (mask, gateway) = match network {
        Some(network) => (network.prefix.mask().to_string(), network.gateway.to_string()),
        None => (sources.word("MASCHERA", "MASK").to_owned(), "GATEWAY".to_owned()),
    };
    let name = sources.word("NOME", "NAME");
    match &server.os {
        Os::Windows(_) => step
            .run(Place::Landing, "netsh interface ipv4 show interfaces")
            .run(
                Place::Landing,
                format!("netsh interface ipv4 set address name=\"{name}\" static {address} {mask} {gateway} 1"),
            )
            .run(Place::Landing, format!("netsh interface ipv4 set dnsserver name=\"{name}\" static DNS primary"))
            .run(Place::Landing, "ipconfig /all")
            .expects(
                format!("«ipconfig /all»: {address}, maschera {mask}, gateway {gateway}, i DNS detti sopra. NOME è quello della scheda nuova; se Windows avvisa che l'indirizzo è di una scheda nascosta, si conferma."),
                format!("`ipconfig /all`: {address}, mask {mask}, gateway {gateway}, the DNS said above. NAME is the name of the new card; where Windows warns that a hidden card has the address, go on."),
            ),
        Os::Linux(_) => step.run(Place::Landing, "ip -4 addr; ip route; cat /etc/resolv.conf").expects(
            format!("«ip addr»: {address}; «ip route»: default via {gateway}; in resolv.conf i DNS detti sopra. Altrimenti si scrive nel file di rete del sistema (/etc/network/interfaces, netplan, ifcfg o nmcli), si riavvia la rete e si guarda di nuovo."),
            format!("`ip addr`: {address}; `ip route`: default via {gateway}; in resolv.conf the DNS said above. Otherwise write it into the system's network file (/etc/network/interfaces, netplan, ifcfg or nmcli), restart the network and look again."),
        ),
    }
}

fn values(
    sources: &Sources<'_>,
    address: Ipv4Addr,
    network: Option<&Attached>,
    is_new: bool,
) -> crate::model::bilingual::Bilingual {
    let servers = sources.tenant.servers.known().map(Vec::as_slice).unwrap_or_default();
    let names = servers.iter().filter(|server| server.roles.contains(&ServerRole::Dns));
    let names: Vec<String> = names.map(|server| server.landing_address().to_string()).collect();
    let (dns, dns_en) = if names.is_empty() {
        (String::new(), String::new())
    } else {
        let names = names.join(", ");
        (
            format!(" (server dei nomi dell'ente dopo lo spostamento: {names})"),
            format!(" (the tenant's name servers after the move: {names})"),
        )
    };
    let (at, at_en) = match network {
        Some(Attached { prefix, gateway }) => {
            let (length, mask) = (prefix.prefix(), prefix.mask());
            (
                format!("{address}/{length}, maschera {mask}, gateway {gateway}"),
                format!("{address}/{length}, mask {mask}, gateway {gateway}"),
            )
        }
        None if is_new => (
            format!("{address}; maschera e gateway: non noti all'inventario, chiederli al data center"),
            format!("{address}; mask and gateway: not known to the inventory, ask the landing site"),
        ),
        None => (
            format!("{address}; maschera e gateway come sulla sorgente"),
            format!("{address}; mask and gateway as on the source"),
        ),
    };
    say(format!("{at}; DNS come prima{dns}."), format!("{at_en}; DNS as before{dns_en}."))
}
