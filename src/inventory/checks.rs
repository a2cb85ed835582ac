//! What only shows between files, or between distant parts of one.
//!
//! A check runs on what could be decoded; a file with problems of its own is left out of the
//! checks that need it, and comes in as soon as those are mended.

mod addresses;
mod identity;
mod pools;
mod population;
mod test_probe;

use super::form::Decoded;
use super::problem::{Complaint, Problems, nearest, quote};
use crate::model::fees::{Payer, Schedules};
use crate::model::people::People;
use crate::model::project::Project;
use crate::model::tenant::Tenant;
use crate::model::{Inventory, Known, TenantId};

/// The files of the inventory, each as far as it could be decoded.
pub(super) struct Files {
    pub(super) project: Decoded<Project>,
    pub(super) fees: Decoded<Schedules>,
    pub(super) people: Decoded<People>,
    pub(super) tenants: Vec<TenantFile>,
}

/// A tenant's file.
pub(super) struct TenantFile {
    /// The id that its name says.
    pub(super) id: TenantId,
    pub(super) decoded: Decoded<Tenant>,
}

impl TenantFile {
    fn tenant(&self) -> Option<&Tenant> {
        self.decoded.value.as_ref()
    }

    fn refuse(&self, path: &str, complaint: Complaint, problems: &mut Problems) {
        self.decoded.refuse(path, complaint, problems);
    }
}

impl Files {
    /// The inventory, if every file could be decoded.
    pub(super) fn into_inventory(self) -> Option<Inventory> {
        let tenants = self.tenants.into_iter().map(|file| Some((file.id, file.decoded.value?)));
        Some(Inventory {
            tenants: tenants.collect::<Option<_>>()?,
            project: self.project.value?,
            fees: self.fees.value?,
            people: self.people.value?,
        })
    }

    /// The tenants that could be decoded, each with its file.
    fn decoded_tenants(&self) -> impl Iterator<Item = (&TenantFile, &Tenant)> {
        self.tenants.iter().filter_map(|file| Some((file, file.tenant()?)))
    }
}

/// Runs every check for which enough could be decoded.
pub(super) fn run(files: &Files, problems: &mut Problems) {
    identity::check(files, problems);
    population::check(files, problems);
    pools::check(files, problems);
    addresses::check(files, problems);
    check_landings(files, problems);
    test_probe::check(files, problems);
    check_persons(files, problems);
    check_receivers(files, problems);
    check_first_fees(files, problems);
    check_counts(files, problems);
}

/// A tenant lands where the project has a landing site, and no two of these share a hub or a folder.
fn check_landings(files: &Files, problems: &mut Problems) {
    let Some(project) = &files.project.value else { return };
    for (file, tenant) in files.decoded_tenants() {
        let Some(site) = &tenant.landing_site else { continue };
        if project.landing_sites.iter().all(|known| known.id != *site) {
            let complaint = Complaint::new(format!("the project has no landing site {}", quote(site.as_str())));
            let ids = || project.landing_sites.iter().map(|known| known.id.as_str());
            let hint = match nearest(site.as_str(), ids()) {
                Some(near) => format!("did you mean {near}?"),
                None => "write one under `landing_sites` in project.yaml, or remove the key".to_owned(),
            };
            file.refuse("tenant.landing_site", complaint.hint(hint), problems);
        }
    }
    let mut seen = vec![(&project.landing, &project.network)];
    for (index, site) in project.landing_sites.iter().enumerate() {
        let (landing, network) = (&site.landing, &site.network);
        let own = [
            ("landing.name", seen.iter().any(|(other, _)| other.name == landing.name)),
            ("landing.target", seen.iter().any(|(other, _)| other.target == landing.target)),
            ("network.hub_name", seen.iter().any(|(_, other)| other.hub_name == network.hub_name)),
            ("network.hub_public", seen.iter().any(|(_, other)| other.hub_public == network.hub_public)),
        ];
        for (key, _) in own.into_iter().filter(|(_, taken)| *taken) {
            let complaint = Complaint::new("another landing site has the same");
            let path = format!("landing_sites[{index}].{key}");
            files.project.refuse(&path, complaint.hint("each landing site has its own"), problems);
        }
        seen.push((landing, network));
    }
}

/// A person speaks for a tenant that has a file.
fn check_persons(files: &Files, problems: &mut Problems) {
    let Some(people) = &files.people.value else { return };
    let ids = || files.tenants.iter().map(|file| file.id.as_str());
    // `persons` is sorted by id in the model; the path needs the place in the file.
    let Some(list) = files.people.document.as_ref().and_then(|document| document.root.get("persons")) else { return };
    for (index, node) in list.items().iter().enumerate() {
        let id = node.get("id").and_then(|id| id.text());
        let person = people.persons.values().find(|person| Some(person.id.as_str()) == id);
        let Some(tenant) = person.and_then(|person| person.tenant.as_ref()) else { continue };
        if ids().any(|id| id == tenant.as_str()) {
            continue;
        }
        let hint = match nearest(tenant.as_str(), ids()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "a tenant has a file in inventory/tenants/".to_owned(),
        };
        let complaint = Complaint::new(format!("there is no tenant {}", quote(tenant.as_str()))).hint(hint);
        files.people.refuse(&format!("persons[{index}].tenant"), complaint, problems);
    }
}

/// Notices are of tenants that have a file.
fn check_receivers(files: &Files, problems: &mut Problems) {
    let Some(project) = &files.project.value else { return };
    let ids = || files.tenants.iter().map(|file| file.id.as_str());
    for (index, receiver) in project.notify.iter().enumerate() {
        for (position, tenant) in receiver.tenants.iter().enumerate() {
            if ids().any(|id| id == tenant.as_str()) {
                continue;
            }
            let hint = match nearest(tenant.as_str(), ids()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "a tenant has a file in inventory/tenants/".to_owned(),
            };
            let complaint = Complaint::new(format!("there is no tenant {}", quote(tenant.as_str()))).hint(hint);
            files.project.refuse(&format!("notify[{index}].tenants[{position}]"), complaint, problems);
        }
    }
}

/// Nobody is charged before the day on which fees are due.
fn check_first_fees(files: &Files, problems: &mut Problems) {
    let Some((fees, project)) = files.fees.value.as_ref().zip(files.project.value.as_ref()) else { return };
    let due = project.terms.fees_from;
    for (index, rule) in fees.payers.iter().enumerate() {
        if rule.payer == Payer::Tenant && rule.from.is_none_or(|from| from < due) {
            let complaint = Complaint::new(format!("the tenant pays {} before fees are due", rule.item));
            let hint = format!("`terms.fees_from` of project.yaml is {due}: write `from: {due}` or later");
            let key = if rule.from.is_some() { ".from" } else { "" };
            files.fees.refuse(&format!("payers[{index}]{key}"), complaint.hint(hint), problems);
        }
    }
}

/// The count found is the count of the servers that are written down.
fn check_counts(files: &Files, problems: &mut Problems) {
    for (file, tenant) in files.decoded_tenants() {
        let (Some(actual), Known::Known(servers)) = (&tenant.server_count.actual, &tenant.servers) else { continue };
        let billable = servers.iter().filter(|server| server.billable).count();
        if usize::try_from(actual.count) != Ok(billable) {
            let complaint =
                Complaint::new(format!("{} servers were found, but {billable} are billable below", actual.count));
            let hint = "the fee follows this count: correct it, or the servers' `billable`";
            file.refuse("server_count.actual.count", complaint.hint(hint), problems);
        }
    }
}
