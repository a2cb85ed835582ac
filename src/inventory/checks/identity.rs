//! Names, numbers and codes by which one tenant or server is told from another.

use super::super::problem::{Complaint, Problems, quote};
use super::{Files, TenantFile};
use crate::model::Known;
use crate::model::tenant::Tenant;
use std::collections::HashMap;

/// Numbers of tenants and of their further sites: one row of numbers.
const NUMBER: &str = "number";
/// VLANs of the carrier's handoffs: each site's own.
const VLAN: &str = "VLAN at the hub";

/// A value that no two tenants may share.
struct Mark {
    path: String,
    what: &'static str,
    value: String,
    hint: &'static str,
}

pub(super) fn check(files: &Files, problems: &mut Problems) {
    for (file, tenant) in files.decoded_tenants() {
        if tenant.id != file.id {
            let complaint =
                Complaint::new(format!("the id is {}, the file {}.yaml", quote(tenant.id.as_str()), file.id));
            file.refuse("tenant.id", complaint.hint("name the tenant and its file alike"), problems);
        }
    }
    let mut owners: HashMap<(&'static str, String), &TenantFile> = HashMap::new();
    for (file, tenant) in files.decoded_tenants() {
        for Mark { path, what, value, hint } in marks(tenant) {
            match owners.get(&(what, value.clone())) {
                Some(owner) if owner.id != file.id || (what == NUMBER || what == VLAN) => {
                    let complaint =
                        Complaint::new(format!("{} has the same {what}, {}", owner.decoded.file, quote(&value)));
                    file.refuse(&path, complaint.hint(hint), problems);
                }
                Some(_) => {}
                None => drop(owners.insert((what, value), file)),
            }
        }
    }
}

fn marks(tenant: &Tenant) -> Vec<Mark> {
    let mark = |path: String, what, value: &dyn ToString, hint| Mark { path, what, value: value.to_string(), hint };
    let mut marks = vec![
        mark("tenant.number".into(), NUMBER, &tenant.number, "take a number that no tenant has or ever had"),
        mark("tenant.name".into(), "name", &tenant.name, "one of the two files is wrong"),
        mark("tenant.short".into(), "short name", &tenant.short, "VRFs and routes carry it: choose another"),
    ];
    let codes = [
        ("istat", "ISTAT code", &tenant.codes.istat),
        ("cadastral", "cadastral code", &tenant.codes.cadastral),
        ("ipa", "IPA code", &tenant.codes.ipa),
        ("tax_code", "tax code", &tenant.codes.tax_code),
    ];
    for (key, what, value) in codes {
        let path = format!("tenant.codes.{key}");
        marks.extend(value.as_ref().map(|value| mark(path, what, value, "copied from the other tenant?")));
    }
    if let Known::Known(servers) = &tenant.servers {
        marks.extend(servers.iter().enumerate().map(|(index, server)| {
            mark(format!("servers[{index}].id"), "server id", &server.id, "a server's id is unique in the inventory")
        }));
    }
    if let Known::Known(sites) = &tenant.sites {
        marks.extend(sites.iter().enumerate().filter_map(|(index, site)| {
            let handoff = site.link.handoff.as_ref()?;
            let path = format!("sites[{index}].link.carrier.hub_vlan");
            Some(mark(path, VLAN, &handoff.vlan, "the carrier gives each site's VPN its own"))
        }));
        marks.extend(sites.iter().enumerate().filter_map(|(index, site)| {
            let path = format!("sites[{index}].number");
            Some(mark(path, NUMBER, &site.number?, "take a number that no tenant or site has or ever had"))
        }));
    }
    marks
}
