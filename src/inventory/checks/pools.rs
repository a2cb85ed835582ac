//! Our own numbers: pools that do not meet, and that reach to every tenant's number.

use super::super::problem::{Complaint, Problems};
use super::{Files, TenantFile};
use crate::model::LandingId;
use crate::model::project::NetworkPools;
use crate::model::tenant::Tenant;
use ipnetwork::Ipv4Network;

/// The greatest VLAN (IEEE 802.1Q).
const MAX_VLAN: u16 = 4094;
/// The greatest group of HSRP version 2.
const MAX_GROUP: u16 = 4095;

pub(super) fn check(files: &Files, problems: &mut Problems) {
    let Some(project) = &files.project.value else { return };
    let further = project.landing_sites.iter().enumerate();
    let further = further.map(|(index, site)| Hub {
        key: format!("landing_sites[{index}].network"),
        site: Some(&site.id),
        pools: &site.network,
    });
    let first = Hub { key: "network".to_owned(), site: None, pools: &project.network };
    for hub in std::iter::once(first).chain(further) {
        check_apart(files, &hub, problems);
        for (file, tenant) in hub.tenants(files) {
            check_reach(file, "tenant.number", tenant.number, &of_tenant(hub.pools), problems);
            let sites = tenant.sites.known().into_iter().flatten().enumerate();
            for (index, number) in sites.filter_map(|(index, site)| Some((index, site.number?))) {
                check_reach(file, &format!("sites[{index}].number"), number, &of_each_site(hub.pools), problems);
            }
        }
        check_vlans(files, &hub, problems);
    }
}

/// The pools of one hub, with their key in project.yaml.
struct Hub<'a> {
    key: String,
    site: Option<&'a LandingId>,
    pools: &'a NetworkPools,
}

impl Hub<'_> {
    /// The tenants that land there.
    fn tenants<'a>(&'a self, files: &'a Files) -> impl Iterator<Item = (&'a TenantFile, &'a Tenant)> {
        files.decoded_tenants().filter(|(_, tenant)| tenant.landing_site.as_ref() == self.site)
    }
}

fn named(pools: &NetworkPools) -> Vec<(&'static str, Ipv4Network)> {
    let always = [
        ("sad", pools.sad),
        ("tunnels", pools.tunnels),
        ("primary_loopbacks", pools.primary_loopbacks),
        ("standby_loopbacks", pools.standby_loopbacks),
        ("management", pools.management),
    ];
    let hosts = pools
        .migration
        .iter()
        .flat_map(|hosts| [("migration.network", hosts.network), ("migration.aliases", hosts.aliases)]);
    always.into_iter().chain(hosts).collect()
}

fn check_apart(files: &Files, hub: &Hub<'_>, problems: &mut Problems) {
    let (pools, under) = (hub.pools, &hub.key);
    let named = named(pools);
    for (index, (key, pool)) in named.iter().enumerate() {
        if let Some((other, _)) = named.iter().take(index).find(|(_, earlier)| pool.overlaps(*earlier)) {
            let complaint = Complaint::new(format!("{pool} overlaps `{other}`"));
            files.project.refuse(&format!("{under}.{key}"), complaint.hint("pools do not meet"), problems);
        }
        if pool.contains(pools.probe_target) {
            let complaint = Complaint::new(format!("{} lies in `{key}`", pools.probe_target));
            let hint = "the probe target is an address of its own on the hub";
            files.project.refuse(&format!("{under}.probe_target"), complaint.hint(hint), problems);
        }
    }
}

/// What a number is used for: networks of a pool, each of a length, and what is added to a base.
struct Uses {
    pools: Vec<(&'static str, Ipv4Network, u8)>,
    bases: Vec<(&'static str, u16, u16)>,
}

/// What the sites of a tenant share, and its first site has, by the tenant's number.
fn of_tenant(pools: &NetworkPools) -> Uses {
    let mut uses = of_each_site(pools);
    uses.pools.insert(0, ("sad", pools.sad, 24));
    uses.bases.push(("new_vlan_base", pools.new_vlan_base, MAX_VLAN));
    uses
}

/// What each site has, by its number.
fn of_each_site(pools: &NetworkPools) -> Uses {
    let hosts =
        [("primary_loopbacks", pools.primary_loopbacks, 32), ("standby_loopbacks", pools.standby_loopbacks, 32)];
    Uses {
        pools: [("tunnels", pools.tunnels, 24)].into_iter().chain(hosts).collect(),
        bases: vec![
            ("hsrp_group_base", pools.hsrp_group_base, MAX_GROUP),
            ("kept_vlan_base", pools.kept_vlan_base, MAX_VLAN),
        ],
    }
}

/// Each pool has something for the number.
fn check_reach(file: &TenantFile, path: &str, number: u16, uses: &Uses, problems: &mut Problems) {
    let beyond = |(_, pool, length): &&(&str, Ipv4Network, u8)| NetworkPools::nth(*pool, number, *length).is_none();
    if let Some((key, pool, _)) = uses.pools.iter().find(beyond) {
        let complaint = Complaint::new(format!("number {number} is beyond `network.{key}` of project.yaml ({pool})"));
        file.refuse(path, complaint.hint("take a smaller number, or widen the pools"), problems);
    }
    for (key, base, most) in &uses.bases {
        if base + number > *most {
            let complaint = Complaint::new(format!("`network.{key}` ({base}) plus number {number} is above {most}"));
            file.refuse(path, complaint.hint("take a smaller number, or a smaller base"), problems);
        }
    }
}

/// No two tenants' derived VLANs are the same, nor that of the migration's hosts, on the same trunk.
fn check_vlans(files: &Files, hub: &Hub<'_>, problems: &mut Problems) {
    let (pools, under) = (hub.pools, &hub.key);
    for (file, tenant) in hub.tenants(files) {
        let kept = pools.kept_vlan_base + tenant.number;
        let hosts = pools.migration.as_ref().map(|hosts| hosts.vlan);
        if [kept, pools.new_vlan_base + tenant.number].iter().any(|vlan| Some(*vlan) == hosts) {
            let complaint = Complaint::new(format!("it is also a VLAN of the servers of {}", file.id));
            files.project.refuse(
                &format!("{under}.migration.vlan"),
                complaint.hint("choose one above every tenant's"),
                problems,
            );
        }
        let twin = hub.tenants(files).find(|(_, other)| pools.new_vlan_base + other.number == kept);
        if let Some((other, _)) = twin {
            let complaint = Complaint::new(format!(
                "VLAN {kept} is {}'s for new addresses and {}'s for kept ones",
                other.id, file.id
            ));
            files.project.refuse(
                &format!("{under}.new_vlan_base"),
                complaint.hint("move the two bases further apart"),
                problems,
            );
            return;
        }
    }
}
