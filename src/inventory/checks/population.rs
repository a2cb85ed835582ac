//! Populations: the one that decides is there, agrees with the printed flag, and adds up.

use super::super::problem::{Complaint, Problems};
use super::Files;
use crate::model::tenant::{Tenant, TenantKind};

pub(super) fn check(files: &Files, problems: &mut Problems) {
    let Some(project) = &files.project.value else { return };
    let (date, small) = (project.population_date, project.small_below);
    for (file, tenant) in files.decoded_tenants() {
        match tenant.population_at(date) {
            None if tenant.kind == TenantKind::Municipality => {
                let complaint = Complaint::new(format!("there is no population of {date}"));
                let hint = "`population_date` of project.yaml names the day whose population decides the band";
                file.refuse("tenant.populations", complaint.hint(hint), problems);
            }
            Some(population) if tenant.under_5000 != (population.value < small) => {
                let complaint = Complaint::new(format!(
                    "the flag is {}, but the population of {date} is {}",
                    tenant.under_5000, population.value
                ));
                file.refuse("tenant.under_5000", complaint.hint(format!("the flag means below {small}")), problems);
            }
            _ => {}
        }
    }
    check_total(files, problems);
}

/// The members' populations add up to the printed total, once every file could be decoded.
fn check_total(files: &Files, problems: &mut Problems) {
    let Some(project) = &files.project.value else { return };
    let Some(total) = project.population_total else { return };
    let tenants: Option<Vec<&Tenant>> = files.tenants.iter().map(|file| file.decoded.value.as_ref()).collect();
    let Some(tenants) = tenants else { return };
    // A union's inhabitants are its members' inhabitants.
    let members = tenants.iter().filter(|tenant| tenant.kind == TenantKind::Municipality);
    let counts: Option<Vec<u64>> = members
        .map(|tenant| tenant.population_at(project.population_date).map(|population| population.value))
        .collect();
    let Some(counts) = counts else { return };
    let sum: u64 = counts.iter().sum();
    if sum != total {
        let complaint =
            Complaint::new(format!("the populations of the {} tenants add up to {sum}, not {total}", counts.len()));
        let hint = "a tenant is missing or a figure is wrong; leave the key out where the inventory is meant to hold a part only";
        files.project.refuse("project.population_total", complaint.hint(hint), problems);
    }
}
