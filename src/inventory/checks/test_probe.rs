//! The probe machine of a test network is no machine of the town, and is not reached in its LAN: what
//! is asked through a source would be answered by the sources. Nor does it serve two tenants: towns use
//! the same addresses, and the copy of the one would answer for the other.

use super::super::problem::{Complaint, Problems};
use super::{Files, TenantFile};
use crate::model::TenantId;
use crate::model::server::{Access, Server};
use crate::model::tenant::Tenant;
use std::iter::successors;
use std::net::Ipv4Addr;

const KEY: &str = "test_probe";

pub(super) fn check(files: &Files, problems: &mut Problems) {
    let mut seen: Vec<(&TenantId, &Access)> = Vec::new();
    for (file, tenant) in files.decoded_tenants() {
        let Some(probe) = &tenant.test_probe else { continue };
        for (path, hop) in hops(probe) {
            check_hop(file, tenant, &path, hop, problems);
        }
        match seen.iter().find(|(_, other)| is_same(other, probe)) {
            Some((other, _)) => {
                let complaint = Complaint::new(format!("{} is the probe machine of {other}, too", probe.host));
                let hint = "each tenant has one of its own: towns use the same addresses, and the copies of the other \
                            would answer";
                file.refuse(&format!("{KEY}.host"), complaint.hint(hint), problems);
            }
            None => seen.push((&file.id, probe)),
        }
    }
}

/// The machine and the hosts on the way to it, each with its key.
fn hops(probe: &Access) -> impl Iterator<Item = (String, &Access)> {
    successors(Some((KEY.to_owned(), probe)), |(path, hop)| Some((format!("{path}.via"), hop.via.as_deref()?)))
}

/// Whether two ways end at the same machine.
fn is_same(one: &Access, other: &Access) -> bool {
    let place = |(_, hop): (String, &Access)| (hop.host.to_ascii_lowercase(), hop.port);
    hops(one).map(place).eq(hops(other).map(place))
}

fn check_hop(file: &TenantFile, tenant: &Tenant, path: &str, hop: &Access, problems: &mut Problems) {
    let key = format!("{path}.host");
    let mut servers = tenant.servers.known().into_iter().flatten();
    if let Some(server) = servers.find(|server| is_reached_at(server, hop)) {
        let complaint = Complaint::new(format!("{} is {}: it would be asked instead of its copy", hop.host, server.id));
        let hint = "the probe machine is one of the data center, with a card in the management network and one in the \
                    tenant's test network";
        file.refuse(&key, complaint.hint(hint), problems);
        return;
    }
    let Ok(address) = hop.host.parse::<Ipv4Addr>() else { return };
    let mut lans = tenant.sites.known().into_iter().flatten().filter_map(|site| site.lan.as_ref());
    if let Some(lan) = lans.find(|lan| lan.prefix.contains(address)) {
        let complaint = Complaint::new(format!("{address} is in the tenant's LAN {}", lan.prefix));
        let hint =
            "write its address in the management network: that of its other card is known in the test network alone";
        file.refuse(&key, complaint.hint(hint), problems);
    }
}

/// Whether the probe leads to the server itself: to one of its addresses, or where it is logged in to.
fn is_reached_at(server: &Server, probe: &Access) -> bool {
    let addresses = [server.address, server.landing_address()];
    let logins =
        [&server.access, &server.landing_access].into_iter().flatten().map(|access| (&access.host, access.port));
    let windows =
        [&server.winrm, &server.landing_winrm].into_iter().flatten().map(|access| (&access.host, access.port));
    let converter = server.converter.iter().map(|source| (&source.host, source.port));
    let same = |host: &str| host.eq_ignore_ascii_case(&probe.host);
    addresses.iter().any(|address| same(&address.to_string()))
        || logins.chain(windows).chain(converter).any(|(host, port)| same(host) && port == probe.port)
}
