//! The probe machine of a test network is no machine of the town, and is not reached in its LAN: what
//! is asked through a source would be answered by the sources.

use super::super::problem::{Complaint, Problems};
use super::{Files, TenantFile};
use crate::model::server::{Access, Server};
use crate::model::tenant::Tenant;
use std::net::Ipv4Addr;

const KEY: &str = "test_probe.host";

pub(super) fn check(files: &Files, problems: &mut Problems) {
    for (file, tenant) in files.decoded_tenants() {
        if let Some(probe) = &tenant.test_probe {
            check_probe(file, tenant, probe, problems);
        }
    }
}

fn check_probe(file: &TenantFile, tenant: &Tenant, probe: &Access, problems: &mut Problems) {
    let mut servers = tenant.servers.known().into_iter().flatten();
    if let Some(server) = servers.find(|server| is_reached_at(server, probe)) {
        let complaint =
            Complaint::new(format!("{} is {}: it would be asked instead of its copy", probe.host, server.id));
        let hint = "the probe machine is one of the data center, with a card in the management network and one in the \
                    tenant's test network";
        file.refuse(KEY, complaint.hint(hint), problems);
        return;
    }
    let Ok(address) = probe.host.parse::<Ipv4Addr>() else { return };
    let mut lans = tenant.sites.known().into_iter().flatten().filter_map(|site| site.lan.as_ref());
    if let Some(lan) = lans.find(|lan| lan.prefix.contains(address)) {
        let complaint = Complaint::new(format!("{address} is in the tenant's LAN {}", lan.prefix));
        let hint =
            "write its address in the management network: that of its other card is known in the test network alone";
        file.refuse(KEY, complaint.hint(hint), problems);
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
