//! Addresses of one tenant: inside their networks, used once, in networks that do not overlap.
//! Another tenant may use the same ones: each has its own VRF.

use super::super::problem::{Complaint, Problems};
use super::super::site::{misplaced, named_addresses};
use super::{Files, TenantFile};
use crate::model::Known;
use crate::model::link::{Backup, Lan, Site};
use crate::model::project::NetworkPools;
use crate::model::server::{Addressing, Server};
use crate::model::tenant::Tenant;
use ipnetwork::Ipv4Network;
use std::collections::HashMap;

pub(super) fn check(files: &Files, problems: &mut Problems) {
    for (file, tenant) in files.decoded_tenants() {
        let seen = files.project.value.as_ref().map(|project| project.at(tenant.landing_site.as_ref()));
        let pools = seen.as_ref().map(|project| &project.network);
        let estate = Estate { file, tenant, servers: known(&tenant.servers), sites: known(&tenant.sites) };
        estate.check_servers(problems);
        estate.check_spare_addresses(problems);
        estate.check_networks(pools, problems);
        if let Some(pools) = pools {
            estate.check_new_addresses(pools, problems);
        }
    }
}

fn known<T>(list: &Known<Vec<T>>) -> &[T] {
    list.known().map_or(&[], Vec::as_slice)
}

/// What a tenant has, with its file for the places.
struct Estate<'a> {
    file: &'a TenantFile,
    tenant: &'a Tenant,
    servers: &'a [Server],
    sites: &'a [Site],
}

impl Estate<'_> {
    fn lans(&self) -> impl Iterator<Item = (usize, &Lan)> {
        self.sites.iter().enumerate().filter_map(|(index, site)| Some((index, site.lan.as_ref()?)))
    }

    /// A server is in a LAN of the tenant, at an address that no router has.
    fn check_servers(&self, problems: &mut Problems) {
        if self.lans().next().is_none() {
            return;
        }
        for (index, server) in self.servers.iter().enumerate() {
            let path = format!("servers[{index}].address");
            let address = server.address;
            let Some((site, lan)) = self.lans().find(|(_, lan)| lan.prefix.contains(address)) else {
                let lans: Vec<String> = self.lans().map(|(_, lan)| lan.prefix.to_string()).collect();
                let complaint = Complaint::new(format!("{address} is outside the tenant's LANs"));
                self.file.refuse(&path, complaint.hint(format!("they are {}", lans.join(", "))), problems);
                continue;
            };
            let taken = named_addresses(lan).into_iter().find(|(_, other)| *other == address);
            let twin = taken.map(|(key, _)| {
                Complaint::new(format!("{address} is also `sites[{site}].lan.{key}`"))
                    .hint("each machine needs an address of its own")
            });
            if let Some(complaint) = misplaced(lan.prefix, address).or(twin) {
                self.file.refuse(&path, complaint, problems);
            }
        }
    }

    /// Where a server keeps its address, the hub needs a spare one in that LAN.
    fn check_spare_addresses(&self, problems: &mut Problems) {
        for (index, lan) in self.lans().filter(|(_, lan)| lan.hub.is_none()) {
            let stays = |server: &&Server| server.landing == Addressing::Keep && lan.prefix.contains(server.address);
            if let Some(server) = self.servers.iter().find(stays) {
                let complaint =
                    Complaint::new(format!("the key `hub` is missing: {} keeps its address here", server.id));
                let hint = "an address of this LAN that nothing uses: the hub takes it in the VLAN of the kept servers";
                self.file.refuse(&format!("sites[{index}].lan.hub"), complaint.hint(hint), problems);
            }
        }
    }

    /// A new address is in the tenant's own prefix at the SAD, not the hub's, and used once.
    fn check_new_addresses(&self, pools: &NetworkPools, problems: &mut Problems) {
        let Some(prefix) = NetworkPools::nth(pools.sad, self.tenant.number, 24) else { return };
        let mut owners = HashMap::new();
        for (index, server) in self.servers.iter().enumerate() {
            let Addressing::Renumber(address) = server.landing else { continue };
            let hub = (prefix.nth(1) == Some(address))
                .then(|| Complaint::new(format!("{address} is the hub's address in the tenant's prefix")));
            let twin = owners
                .insert(address, &server.id)
                .map(|owner| Complaint::new(format!("{address} is also the new address of {owner}")));
            if let Some(complaint) = misplaced(prefix, address).or(hub).or(twin) {
                let hint = format!("tenant number {} has {prefix} at the data center, from .2 on", self.tenant.number);
                self.file.refuse(&format!("servers[{index}].landing.renumber"), complaint.hint(hint), problems);
            }
        }
    }

    /// No two networks of the tenant's VRF overlap.
    fn check_networks(&self, pools: Option<&NetworkPools>, problems: &mut Problems) {
        let further = self.sites.iter().skip(1).filter_map(|site| site.number);
        let of_sites = |pools| further.clone().flat_map(move |number| derived_of_site(pools, number));
        let ours = |pools| derived(pools, self.tenant.number).into_iter().chain(of_sites(pools)).collect();
        let ours: Vec<(&str, Ipv4Network)> = pools.map(ours).unwrap_or_default();
        let written = self.written_networks();
        for (index, (path, network)) in written.iter().enumerate() {
            let twin = written.iter().take(index).find(|(_, other)| other.overlaps(*network));
            let own = ours.iter().find(|(_, other)| other.overlaps(*network));
            let name = match (twin, own) {
                (Some((path, other)), _) => format!("`{path}` ({other})"),
                (None, Some((name, other))) => format!("{name} ({other})"),
                (None, None) => continue,
            };
            let complaint = Complaint::new(format!("{network} overlaps {name}"));
            let hint = "all these networks are routed in the tenant's one VRF";
            self.file.refuse(path, complaint.hint(hint), problems);
        }
    }

    /// The networks that the tenant's file writes, with their paths.
    fn written_networks(&self) -> Vec<(String, Ipv4Network)> {
        let mut networks = Vec::new();
        for (index, site) in self.sites.iter().enumerate() {
            let at = |key: &str| format!("sites[{index}].{key}");
            networks.extend(site.lan.as_ref().map(|lan| (at("lan.prefix"), lan.prefix)));
            networks.extend(site.link.carrier.as_ref().map(|line| (at("link.carrier.wan"), line.wan)));
            networks.extend(site.link.handoff.as_ref().map(|handoff| (at("link.carrier.hub_wan"), handoff.wan)));
            if let Some(Backup::Copper { carrier: Some(line), .. }) = &site.link.backup {
                networks.push((at("link.backup.copper.carrier.wan"), line.wan));
            }
        }
        networks
    }
}

/// The networks that the tenant's number gives it, and those that every VRF has.
fn derived(pools: &NetworkPools, number: u16) -> Vec<(&'static str, Ipv4Network)> {
    let shared = [
        ("its prefix at the data center", NetworkPools::nth(pools.sad, number, 24)),
        ("the management network", Some(pools.management)),
        ("the probe target", Ipv4Network::new(pools.probe_target, 32).ok()),
    ];
    let shared = shared.into_iter().filter_map(|(name, network)| Some((name, network?)));
    shared.chain(derived_of_site(pools, number)).collect()
}

/// The networks that the number of a site gives it.
fn derived_of_site(pools: &NetworkPools, number: u16) -> Vec<(&'static str, Ipv4Network)> {
    let nth = |pool, length| NetworkPools::nth(pool, number, length);
    let found = [
        ("its tunnel", nth(pools.tunnels, 24).and_then(|net| Ipv4Network::new(net.network(), 30).ok())),
        ("the loopback of its primary CPE", nth(pools.primary_loopbacks, 32)),
        ("the loopback of its standby CPE", nth(pools.standby_loopbacks, 32)),
    ];
    found.into_iter().filter_map(|(name, network)| Some((name, network?))).collect()
}
